"""The curves as numbers: against scikit-learn's, lifelines', and what a made table must give."""

from __future__ import annotations

import json
from contextlib import nullcontext

import numpy as np
import pytest
from fmcib_engine.probing.cohort import gather
from fmcib_engine.probing.curves import charts_of
from fmcib_engine.probing.study import study
from fmcib_engine.probing.table import read_features
from fmcib_engine.probing.wanted import Columns, Options
from probing_support import lives, two_classes

lifelines = pytest.importorskip("lifelines")
metrics = pytest.importorskip("sklearn.metrics")


def quiet(*_):
    return nullcontext(lambda: None)


def made(tmp_path, table, columns, **options):
    cohort = gather(read_features(table.write(tmp_path / "t.csv")), columns)
    return study(cohort, Options(repeats=1, bootstraps=0, **options), quiet)


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    table = two_classes(100, 16, strength=0.8)
    table.columns["hospital"] = ["north", "south"] * 25 + ["south", "north"] * 25
    columns = Columns("classification", "kind", group="patient_key", origins=("hospital",))
    return made(tmp_path_factory.mktemp("kinds"), table, columns, efficiency=True)


def chart(found, name):
    return next(each for each in charts_of(found) if each.name == name)


def test_the_charts_are_those_of_the_report_in_its_order(kinds):
    names = [each.name for each in charts_of(kinds)]
    assert names == ["roc", "precision_recall", "calibration", "label_efficiency", "map_by_label", "map_by_site_1"]
    for each in charts_of(kinds):
        for table in each.tables:
            assert len({len(column) for column in table.columns.values()}) == 1
            assert all({line.across, line.up} <= table.columns.keys() for line in table.lines)
    json.dumps([vars(each) for each in charts_of(kinds)], default=vars, allow_nan=False)


def test_the_areas_under_the_curves_are_the_numbers(kinds):
    positive, shares = kinds.cohort.outcome.codes == 1, kinds.predictions.shares[0][:, 1]
    (roc,) = chart(kinds, "roc").tables
    area = metrics.auc(roc.columns["1 - specificity"], roc.columns["sensitivity"])
    assert area == pytest.approx(metrics.roc_auc_score(positive, shares))
    assert area == pytest.approx(kinds.numbers["AUC"].value)
    assert roc.lines[0].name == f"kind malignant: AUC {area:.3f}"
    (both,) = chart(kinds, "precision_recall").tables
    recall, precision = np.array(both.columns["recall"]), np.array(both.columns["precision"])
    under = -np.sum(np.diff(recall) * precision[:-1])  # in steps, as drawn: no trapezes
    assert both.columns["chance"][0] == 0.5
    assert under == pytest.approx(metrics.average_precision_score(positive, shares), abs=0.02)


def test_calibration_has_every_row_once_and_its_interval_around_what_was_observed(kinds):
    (table,) = chart(kinds, "calibration").tables
    observed, low, high = (np.array(table.columns[name]) for name in ("share observed", "low", "high"))
    assert len(observed) == 5  # of 100 rows, 20 each
    assert observed.mean() == pytest.approx(0.5)
    assert (low <= observed).all()
    assert (observed <= high).all()


def test_more_patients_are_drawn_to_the_right(kinds):
    (table,) = chart(kinds, "label_efficiency").tables
    patients = table.columns["patients learned from"]
    assert patients == sorted(patients)
    assert (np.array(table.columns["lowest"]) <= np.array(table.columns["AUC"])).all()
    assert table.columns["AUC"][-1] == pytest.approx(np.mean(kinds.curve[-1].values))


def test_the_map_has_each_row_once_in_its_class(kinds):
    places = chart(kinds, "map_by_label").tables
    assert [(table.name, len(table.columns["component 1"])) for table in places] == [("benign", 50), ("malignant", 50)]
    rows = kinds.cohort.table.features
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    both = np.concatenate([np.array([table.columns[f"component {axis}"] for axis in (1, 2)]).T for table in places])
    variance = np.linalg.svd(rows, compute_uv=False)[:2] ** 2
    assert (both**2).sum(axis=0) == pytest.approx(variance)


def test_kaplan_meiers_steps_are_lifelines(tmp_path):
    found = made(tmp_path, lives(80, 16), Columns("survival", time="days", event="died", group="patient_key"))
    assert [each.name for each in charts_of(found)] == ["kaplan_meier", "map_by_label"]
    low, high = chart(found, "kaplan_meier").tables
    outcome, told = found.cohort.outcome, found.predictions
    is_high = told.scores[0, :, 0] > told.cuts[0]
    for table, here in ((low, ~is_high), (high, is_high)):
        fitted = lifelines.KaplanMeierFitter().fit(outcome.times[here], outcome.events[here])
        across, alive = np.array(table.columns["time (days)"]), np.array(table.columns["share alive"])
        for time in (50, 200, 500):
            at = np.flatnonzero(across <= time)[-1]
            assert alive[at] == pytest.approx(float(fitted.predict(time)))
        assert f"{here.sum()} rows" in table.lines[0].name
