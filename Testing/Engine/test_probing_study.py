"""A whole study: does it know the disease or the hospital, the tumour or not; said in words, pictures, files."""

from __future__ import annotations

import csv
import json
import re
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from fmcib_engine.errors import InputError, OutputError
from fmcib_engine.heads.file import read_head
from fmcib_engine.heads.predict import predict
from fmcib_engine.probing import files
from fmcib_engine.probing.bootstrap import Estimate
from fmcib_engine.probing.cohort import gather
from fmcib_engine.probing.comparison import Comparison
from fmcib_engine.probing.controls import ControlReport
from fmcib_engine.probing.files import require_free, write_study
from fmcib_engine.probing.made import About, made_of, simple_name
from fmcib_engine.probing.origins import OriginReport
from fmcib_engine.probing.sentences import about_comparison, about_control, about_origin, first_paragraph
from fmcib_engine.probing.study import study
from fmcib_engine.probing.table import read_features
from fmcib_engine.probing.wanted import Columns, Options
from probing_support import Made, lives, two_classes

for package in ("sklearn", "lifelines", "matplotlib", "safetensors"):
    pytest.importorskip(package)

QUICK = Options(repeats=1, bootstraps=100)
KIND = Columns("classification", label="kind", group="patient_key")
LIFE = Columns("survival", time="days", event="died", group="patient_key")


@contextmanager
def silent(what, total):
    steps = []
    yield lambda: steps.append(what)
    assert len(steps) == total, f"{what}: {len(steps)} steps were told, {total} announced"


def studied(made: Made, tmp_path, columns: Columns = KIND, options: Options = QUICK, controls=(), others=()):
    cohort = gather(read_features(made.write(tmp_path / "features.csv")), columns)
    read = [[read_features(table.write(tmp_path / f"{name}.csv"), any_encoder=True) for name, table in tables.items()]
            for tables in (dict(controls), dict(others))]  # fmt: skip
    return study(cohort, options, silent, controls=read[0], others=read[1])


def paragraph(found) -> str:
    return " ".join(first_paragraph(found))


def test_a_head_that_knows_is_told_to(tmp_path):
    found = studied(two_classes(strength=1.5), tmp_path)
    assert found.main.low > 0.7
    assert found.main.low < found.main.value < found.main.high
    text = paragraph(found)
    assert text.startswith("kind malignant against benign: AUC 0.")
    assert "cannot be told from chance" not in text
    assert "no column of it was named" in text
    assert "no table of the same patients with the tumour destroyed" in text


def test_labels_dealt_by_lot_are_told_to_be_chance(tmp_path):
    values = []
    for seed in range(4):
        made = two_classes(seed=seed)
        np.random.default_rng(seed + 50).shuffle(made.columns["kind"])
        found = studied(made, tmp_path)
        values.append(found.main)
        if found.main.low <= 0.5:
            assert "That cannot be told from chance (0.5): do not use it." in paragraph(found)
    assert sum(each.low <= 0.5 <= each.high for each in values) >= 3
    assert np.mean([each.value for each in values]) == pytest.approx(0.5, abs=0.08)


def hospitals(*, disease: float) -> Made:
    """Two hospitals, of which one has four fifths of the ill; features tell the hospital, and the disease or not."""
    random = np.random.default_rng(3)
    made = two_classes(200, strength=disease, seed=3)
    ill = np.array([kind == "malignant" for kind in made.columns["kind"]])
    first = np.where(ill, random.random(200) < 0.8, random.random(200) < 0.2)
    made.features[:, 20:30] += 1.2 * first[:, None]
    made.columns["hospital"] = ["north" if each else "south" for each in first.tolist()]
    return made


def test_a_head_that_knows_the_hospital_alone_is_found_out(tmp_path):
    columns = replace(KIND, origins=("hospital",))
    found = studied(hospitals(disease=0.0), tmp_path, columns)
    (report,) = found.origins
    assert report.told.value > 0.9
    assert report.pooled.value > 0.68
    assert report.within.value < 0.6
    text = paragraph(found)
    assert "Does it know the disease or the hospital? The features tell the hospital with an AUC of 0.9" in text
    assert report.lost.low > 0
    assert "what it seems to know is the hospital, not the disease" in text
    assert {one.name for one in report.each} == {"north", "south"}
    assert all(one.unseen.value < 0.65 for one in report.each)


def test_a_head_that_knows_the_disease_is_as_good_within_a_hospital(tmp_path):
    columns = replace(KIND, origins=("hospital",))
    found = studied(hospitals(disease=2.0), tmp_path, columns)
    (report,) = found.origins
    assert report.within.value > 0.9
    assert report.lost.low < 0 < report.lost.high
    assert "it could see the hospital, but nothing shows that it hangs on it" in paragraph(found)
    assert all(one.unseen.value > 0.85 for one in report.each)


def estimate(value: float) -> Estimate:
    return Estimate(value, value - 0.06, value + 0.06)


@pytest.mark.parametrize(
    ("inside", "lost", "said"),
    [
        (0.52, Estimate(0.045, -0.01, 0.1), "within one hospital that cannot be told from chance (0.5)."),
        (0.52, Estimate(0.045, 0.01, 0.08), "what it seems to know is the hospital, not the disease."),
        (0.80, Estimate(0.045, 0.01, 0.08), "clearly less: part of what it seems to know is the hospital"),
        (0.80, Estimate(0.2, -0.01, 0.41), "the two are not shown to differ: it could see the hospital"),
    ],
)
def test_what_is_said_of_a_hospital_follows_the_interval_of_the_difference(inside, lost, said):
    """A large drop with an interval over 0 is not called one; a small one that is clear is."""
    report = OriginReport("hospital", estimate(0.97), estimate(inside + lost.value), estimate(inside), lost)
    (_, told, _) = about_origin(report, "AUC")
    assert said in told
    assert f"{lost.text} less than over all" in told


NOTHING, CLEAR, BETTER = Estimate(0.01, -0.02, 0.04), Estimate(0.01, 0.005, 0.02), Estimate(-0.02, -0.03, -0.01)


@pytest.mark.parametrize(
    ("retrained", "lost", "lost_retrained", "said"),
    [
        (0.89, CLEAR, NOTHING, "but this head is clearly worse without it"),
        (0.89, NOTHING, NOTHING, "not shown to differ: the head is not shown to need what was destroyed there"),
        (0.89, NOTHING, BETTER, "clearly no worse, rather better"),
        (0.89, NOTHING, CLEAR, "clearly less: part of what the head knows was destroyed there, the rest was not"),
        (0.52, CLEAR, CLEAR, "the head needs what was destroyed there"),
        (0.89, Estimate(0.1), Estimate(0.1), "not known, for want of an interval"),
    ],
)
def test_what_is_said_of_a_control_follows_the_interval_of_the_difference(retrained, lost, lost_retrained, said):
    report = ControlReport("shuffled.csv", estimate(0.9), estimate(0.88), estimate(retrained), lost, lost_retrained)
    assert said in about_control(report)


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Estimate(0.01, 0.005, 0.02), "features and age is clearly better."),
        (Estimate(-0.01, -0.02, -0.005), "features alone is clearly better."),
        (Estimate(0.1, -0.01, 0.21), "the two are not shown to differ."),
        (Estimate(0.1), "whether they differ is not known, for want of an interval."),
    ],
)
def test_which_of_two_is_better_follows_the_interval_of_the_difference(difference, said):
    compared = Comparison("features and age", "features alone", estimate(0.8), estimate(0.7), difference, 0.03)
    assert about_comparison(compared).endswith(said)


def test_differences_are_of_the_same_draws_of_patients(tmp_path):
    """Two numbers go up and down together: their difference is known better than either."""
    made = two_classes(strength=1.5)
    nearly = Made(made.features + 0.1 * np.random.default_rng(4).normal(size=made.features.shape), made.columns)
    found = studied(made, tmp_path, controls={"nearly": nearly}, others={"other": nearly})
    (control,), (compared,) = found.controls, found.comparisons
    assert control.lost.value == pytest.approx(control.intact.value - control.applied.value)
    width = control.intact.high - control.intact.low
    assert control.lost.high - control.lost.low < 0.5 * width
    assert compared.difference.high - compared.difference.low < 0.5 * width
    assert compared.difference.value == pytest.approx(compared.first.value - compared.second.value)


def test_a_joined_column_does_not_tell_the_hospital_for_the_features(tmp_path):
    made = two_classes()
    random = np.random.default_rng(8)
    first = random.random(120) < 0.5
    made.columns["hospital"] = ["north" if each else "south" for each in first.tolist()]
    made.columns["thickness"] = [f"{each:.3f}" for each in (3 * first + random.normal(0, 0.1, 120)).tolist()]
    columns = replace(KIND, origins=("hospital",), covariates=("thickness",))
    (report,) = studied(made, tmp_path, columns).origins
    assert report.told.value < 0.7


def test_small_hospitals_are_told_as_one_and_rows_of_too_few_left_out(tmp_path):
    made = two_classes()
    made.columns["hospital"] = ["a"] * 50 + ["b"] * 55 + ["c"] * 6 + ["d"] * 9
    columns = replace(KIND, origins=("hospital",))
    (report,) = studied(made, tmp_path, columns).origins
    assert [one.rows for one in report.each] == [50, 55, 6, 9]
    made.columns["hospital"] = ["a"] * 116 + ["b"] * 4
    (report,) = studied(made, tmp_path, columns).origins
    assert report.problem.startswith("Fewer than two values of hospital have 10 groups")


def test_a_head_that_needs_the_tumour_fails_where_it_was_destroyed(tmp_path):
    made = two_classes(strength=1.5)
    random = np.random.default_rng(5)
    destroyed = Made(made.features.copy(), made.columns)
    destroyed.features[:, :8] = random.normal(size=(120, 8))
    untouched = Made(made.features + 0.01 * random.normal(size=made.features.shape), made.columns)
    found = studied(made, tmp_path, controls={"shuffled": destroyed, "surroundings": untouched})
    first, second = found.controls
    assert first.applied.value < 0.65
    assert first.retrained.value < 0.65
    assert second.retrained.value > 0.8
    text = paragraph(found)
    assert re.search(r"on shuffled.csv .*?: the head needs what was destroyed there\.", text)
    assert re.search(r"on surroundings.csv .*?: not shown to differ: the head is not shown to need", text)


def test_a_control_has_the_same_features(tmp_path):
    made = two_classes()
    with pytest.raises(InputError, match=r"features of the same encoder, 64 of them; narrow.csv has 32"):
        studied(made, tmp_path, controls={"narrow": Made(made.features[:, :32], made.columns)})


def test_joined_columns_are_weighed_against_features_alone_and_themselves_alone(tmp_path):
    made = two_classes(strength=0.6)
    ill = np.array([kind == "malignant" for kind in made.columns["kind"]])
    age = 60 + 8 * ill + np.random.default_rng(6).normal(0, 6, size=120)
    made.columns["age"] = [f"{each:.1f}" for each in age.tolist()]
    found = studied(made, tmp_path, replace(KIND, covariates=("age",)))
    features, alone = found.gains
    assert (features.second_name, alone.second_name) == ("features alone", "age alone")
    assert features.difference.value > 0.02
    assert alone.second.value > 0.7
    assert made_of(found, About("x")).origin.columns == ("age",)


def test_another_encoder_is_compared_on_the_same_folds_by_delongs_test(tmp_path):
    made = two_classes(strength=1.5)
    blind = Made(np.random.default_rng(7).normal(size=(120, 30)), made.columns)
    found = studied(made, tmp_path, others={"blind": blind, "same": made})
    other, same = found.comparisons
    assert other.p is not None
    assert other.p < 0.001
    assert other.difference.value > 0.2
    assert (same.p, same.difference.value) == (1.0, 0.0)


def test_fewer_patients_make_a_worse_head(tmp_path):
    found = studied(two_classes(150, strength=1.0), tmp_path, options=replace(QUICK, efficiency=True, bootstraps=20))
    smallest, *_, half, whole = found.curve
    assert [share.share for share in found.curve] == [0.1, 0.2, 0.5, 1.0]
    assert smallest.patients < half.patients < whole.patients == 120
    assert np.mean(whole.values) > np.mean(smallest.values)


@pytest.fixture(scope="module")
def three_classes(tmp_path_factory):
    random = np.random.default_rng(8)
    codes = np.arange(120) % 3
    features = random.normal(size=(120, 64))
    features[:, :9] += 1.2 * np.repeat(np.eye(3)[codes], 3, axis=1)
    columns = {
        "patient_key": list(range(120)),
        "site": [("liver", "lung", "<b>$x$</b>")[code] for code in codes.tolist()],
    }
    columns["hospital"] = [("north", "south")[place // 60] for place in range(120)]
    tmp_path = tmp_path_factory.mktemp("three")
    wanted = Columns("classification", label="site", group="patient_key", origins=("hospital",))
    return studied(Made(features, columns), tmp_path, wanted, replace(QUICK, calibrate=True)), tmp_path


def test_a_study_of_three_classes_becomes_a_head_that_predicts_the_same(three_classes, tmp_path):
    found, _ = three_classes
    head = made_of(found, About("my-site", meaning="where it lies"))
    write_study(found, head, tmp_path / "my.head", tmp_path / "report", lambda: None)
    again = read_head(tmp_path / "my.head").head
    assert again.classes == ("<b>$x$</b>", "liver", "lung")
    assert again.calibration.kind == "temperature"
    assert again.training.cases_of == (40, 40, 40)
    assert {metric.name for metric in again.metrics} >= {"AUC", "AUC within one hospital"}
    features = found.cohort.table.features
    shares = predict(again, features)
    scores = found.head.scores(features) / found.head.temperature
    wanted = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(shares, wanted, atol=1e-4)


def test_the_report_stands_alone(three_classes, tmp_path):
    found, _ = three_classes
    write_study(found, made_of(found, About("x")), tmp_path / "my.head", tmp_path / "report", lambda: None)
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')]{1,40})""", page)
    assert len(sources) >= 6
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert not re.search(r"<script|<link|@import|<b>\$x", page)
    first = re.search(r'<p class="first">(.*?)</p>', page).group(1)
    assert "Does it know the disease or the hospital?" in first
    assert "For research use only." in page
    assert page.count('scope="row"') == 10


def test_numbers_lie_beside_the_report_without_patients(three_classes, tmp_path):
    found, _ = three_classes
    write_study(found, made_of(found, About("x")), tmp_path / "my.head", tmp_path / "report", lambda: None)
    names = {path.relative_to(tmp_path / "report").as_posix() for path in (tmp_path / "report").rglob("*.*")}
    pictures = ("roc", "precision_recall", "calibration", "confusion", "map_by_label", "map_by_site_1")
    assert names == {"report.html", "results.json", "charts.json", "metrics.csv", "predictions.csv"} | {
        f"figures/{name}.{kind}" for name in pictures for kind in ("png", "svg")
    }
    results = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert results["metrics"]["AUC"]["value"] == found.main.value
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    for holder in (results["metrics"], results["origins"][0]):
        for number in holder.values():
            if isinstance(number, dict) and number["low"] is not None:
                assert f"{number['value']:z.3f} [{number['low']:z.3f}, {number['high']:z.3f}]" in page
    assert results["table"]["sha256"] in page
    assert results["versions"]["scikit-learn"] != "not installed"
    with (tmp_path / "report" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120
    assert list(rows[0])[:5] == ["row", "group", "repeat", "fold", "label"]
    assert sum(float(rows[0][f"probability:{name}"]) for name in found.cohort.outcome.names) == pytest.approx(1)


def test_a_report_that_cannot_be_written_leaves_the_earlier_one(three_classes, tmp_path, monkeypatch):
    found, _ = three_classes
    head, folder = tmp_path / "my.head", tmp_path / "report"
    write_study(found, made_of(found, About("x")), head, folder, lambda: None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full_disk(*_args, **_named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "as_html", full_disk)
    with pytest.raises(OutputError, match=r"report cannot be written \(No space left on device\)"):
        write_study(found, made_of(found, About("y")), head, folder, lambda: None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_no_report_is_not_replaced(three_classes, tmp_path):
    found, _ = three_classes
    head, folder = tmp_path / "my.head", tmp_path / "report"
    write_study(found, made_of(found, About("x")), head, folder, lambda: None)
    with pytest.raises(OutputError, match=r"my.head exists already.*\(--overwrite\)"):
        require_free(head, folder, overwrite=False)
    require_free(head, folder, overwrite=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="thesis is no report of a head, and is not replaced"):
        require_free(head, tmp_path / "thesis", overwrite=True)


@pytest.mark.parametrize("error", [OSError(13, "Permission denied"), KeyboardInterrupt()])
def test_a_head_that_cannot_be_put_in_its_place_leaves_the_earlier_report(three_classes, tmp_path, monkeypatch, error):
    found, _ = three_classes
    head, folder = tmp_path / "my.head", tmp_path / "report"
    write_study(found, made_of(found, About("x")), head, folder, lambda: None)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    replace_path = type(head).replace

    def refused(path, target):
        if target == head:
            raise error
        return replace_path(path, target)

    monkeypatch.setattr(type(head), "replace", refused)
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_study(found, made_of(found, About("y")), head, folder, lambda: None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    with pytest.raises((OutputError, KeyboardInterrupt)):
        write_study(found, made_of(found, About("y")), head, tmp_path / "first", lambda: None)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_nothing_of_the_users_is_replaced_by_a_head_or_a_report(three_classes, tmp_path):
    found, _ = three_classes
    head, folder = tmp_path / "my.head", tmp_path / "report"
    write_study(found, made_of(found, About("x")), head, folder, lambda: None)
    (tmp_path / "features.csv").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match=r"features.csv is no head, and is not replaced"):
        require_free(tmp_path / "features.csv", folder, overwrite=True)
    with pytest.raises(OutputError, match=r"my.head would lie in report, which a report replaces as a whole"):
        require_free(folder / "my.head", folder, overwrite=True)
    with pytest.raises(OutputError, match=r"would lie in both"):
        require_free(tmp_path / "both", tmp_path / "both", overwrite=False)
    (folder / "features.csv").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match=r"report holds \['features.csv'\] beside its report, which would be lost"):
        require_free(head, folder, overwrite=True)


def test_a_study_of_survival_becomes_a_head_with_a_baseline(tmp_path):
    found = studied(lives(), tmp_path, replace(LIFE), replace(QUICK, times=(200.0, 600.0)))
    assert found.main.low > 0.55
    assert list(found.numbers) == ["C-index", "AUC at 200 days", "AUC at 600 days"]
    head = made_of(found, About("risk"))
    assert head.outputs == ("log_relative_hazard", "survival_200_days", "survival_600_days")
    told = predict(head, found.cohort.table.features)
    alive = found.cohort.outcome.times > 200
    assert told[alive, 1].mean() > told[~alive, 1].mean() + 0.1
    assert told[:, 1].mean() == pytest.approx(alive.mean(), abs=0.12)
    write_study(found, head, tmp_path / "my.head", tmp_path / "report", lambda: None)
    results = json.loads((tmp_path / "report" / "results.json").read_text(encoding="utf-8"))
    assert results["curves"]["kaplan_meier"]["logrank_p"] < 0.05
    assert results["curves"]["logrank_p_of_repeats"] == [results["curves"]["kaplan_meier"]["logrank_p"]]
    assert (tmp_path / "report" / "figures" / "kaplan_meier.png").stat().st_size > 10_000


def test_a_head_of_a_table_that_says_nothing_is_marked(tmp_path):
    made = two_classes(width=128)
    cohort = gather(read_features(made.write(tmp_path / "others.csv", provenance=False)), KIND)
    head = made_of(study(cohort, QUICK, silent), About("x"))
    assert not head.origin.is_verified
    assert any(warning.startswith("encoder unverified") for warning in head.warnings)


def test_a_head_of_few_patients_says_so_beside_each_number_and_no_rows_of_its_table(tmp_path):
    made = two_classes(40)
    made.columns["kind"][7] = ""
    found = studied(made, tmp_path)
    assert any("left out (row 8)" in warning for warning in found.cohort.warnings)
    warnings = made_of(found, About("x", warnings=("First.",))).warnings
    assert warnings[0] == "First."
    assert warnings[1].startswith("39 patients and 64 numbers of each")
    assert not any("row" in warning for warning in warnings)


@pytest.mark.parametrize(("text", "name"), [("My T1 head (2)", "my-t1-head-2"), ("übung", "bung"), ("...", "head")])
def test_a_file_gives_a_head_its_name(text, name):
    assert simple_name(text) == name
