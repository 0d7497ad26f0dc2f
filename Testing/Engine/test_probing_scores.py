"""Numbers of predictions: by hand, by scikit-learn, scikit-survival and published data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fmcib_engine.probing import delong
from fmcib_engine.probing.bootstrap import Estimate, draws, estimates
from fmcib_engine.probing.outcomes import Survival
from fmcib_engine.probing.scores import ClassScores, area, by_chance, calibration_curve, confusion
from fmcib_engine.probing.survival_scores import (
    SurvivalScores,
    at_risk,
    censoring_weights,
    concordance,
    dynamic_area,
    risk_groups,
)

metrics = pytest.importorskip("sklearn.metrics")
pytest.importorskip("lifelines")

OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
"""Albumin, total protein, K-G score, outcome of the patients with ovarian cancer of DeLong 1988 who have all three, as
printed in the example `Comparing Receiver Operating Characteristic Curves` of SAS/STAT's LOGISTIC procedure
(support.sas.com/documentation/cdl/en/statug/68162/HTML/default/statug_logistic_examples08.htm). That page's data were
read; its results were not: what is expected below is computed by the article's own equations, and rounded."""


@pytest.fixture
def ovarian():
    table = np.array(OVARIAN.split(), dtype=float).reshape(-1, 4)
    albumin, protein, score, outcome = table.T
    return outcome == 1, {"albumin": albumin, "protein": protein, "score": 10 - score}


def by_definition(positive, tests):
    """Areas and covariance by the kernel of each pair, as DeLong, DeLong and Clarke-Pearson write them (1988, 2).

    V10 is of each positive the mean over the negatives, V01 of each negative that over the positives.
    """
    kernels = [(x[positive][:, None] > x[~positive]) + 0.5 * (x[positive][:, None] == x[~positive]) for x in tests]
    v10, v01 = (np.array([kernel.mean(axis=axis) for kernel in kernels]) for axis in (1, 0))
    covariance = np.cov(v10) / positive.sum() + np.cov(v01) / (~positive).sum()
    return np.array([kernel.mean() for kernel in kernels]), covariance


def test_delongs_areas_and_covariances_are_those_of_his_equations(ovarian):
    positive, tests = ovarian
    areas, covariance = delong.areas_and_covariance(positive, [[each] for each in tests.values()], np.arange(43))
    wanted_areas, wanted = by_definition(positive, list(tests.values()))
    np.testing.assert_allclose(areas, wanted_areas, atol=1e-14)
    np.testing.assert_allclose(covariance, wanted, atol=1e-14)
    assert positive.sum() == 31


@pytest.mark.parametrize(
    ("name", "area_and_error"), [("albumin", (0.7366, 0.0927)), ("score", (0.7258, 0.1028)), ("protein", (0.6478, 0.1))]
)
def test_delongs_areas_and_errors_of_his_own_data(ovarian, name, area_and_error):
    positive, tests = ovarian
    areas, covariance = delong.areas_and_covariance(positive, [[tests[name]]], np.arange(len(positive)))
    assert (round(areas[0], 4), round(covariance[0, 0] ** 0.5, 4)) == area_and_error


@pytest.mark.parametrize(
    ("name", "difference", "interval", "chi_square", "p"),
    [
        ("albumin", 0.0108, (-0.1761, 0.1976), 0.0127, 0.9102),
        ("protein", -0.0780, (-0.2830, 0.1271), 0.5554, 0.4561),
    ],
)
def test_delongs_differences_of_his_own_data(ovarian, name, difference, interval, chi_square, p):
    positive, tests = ovarian
    found = delong.compare(positive, [tests[name]], [tests["score"]], np.arange(len(positive)))
    assert found.value == pytest.approx(difference, abs=5e-5)
    assert (found.low, found.high) == pytest.approx(interval, abs=6e-5)
    assert found.z**2 == pytest.approx(chi_square, abs=5e-5)
    assert found.p == pytest.approx(p, abs=5e-5)


def test_copies_of_a_patients_row_make_delongs_test_no_surer(ovarian):
    """Of clusters the variance is Obuchowski's: each row five times is the same evidence, not five times as much."""
    positive, tests = ovarian
    once = delong.compare(positive, [tests["albumin"]], [tests["score"]], np.arange(43))
    many = [np.repeat(each, 5) for each in (positive, tests["albumin"], tests["score"], np.arange(43))]
    again = delong.compare(many[0], [many[1]], [many[2]], many[3])
    assert again.value == pytest.approx(once.value)
    assert again.p == pytest.approx(once.p, abs=1e-9)
    assert delong.compare(many[0], [many[1]], [many[2]], np.arange(215)).p < once.p


def test_delongs_test_of_a_patient_with_both_kinds_of_rows():
    """Against the bootstrap over patients."""
    random = np.random.default_rng(3)
    patients = np.repeat(np.arange(80), 4)
    positive = random.random(320) < 0.4
    scores = positive + random.normal(size=320) + random.normal(size=80)[patients]
    _, covariance = delong.areas_and_covariance(positive, [[scores]], patients)
    drawn = [metrics.roc_auc_score(positive[rows], scores[rows]) for rows in draws(patients, 600, 0)]
    assert covariance[0, 0] ** 0.5 == pytest.approx(np.std(drawn), rel=0.12)


def test_two_equal_sets_do_not_differ(ovarian):
    positive, tests = ovarian
    assert delong.compare(positive, [tests["score"]], [tests["score"]], np.arange(43)).p == 1


@pytest.fixture
def two_classes():
    random = np.random.default_rng(1)
    codes = (random.random(200) < 0.3).astype(np.intp)
    second = np.round(np.clip(0.3 * codes + random.random(200) * 0.7, 0, 1), 2)  # with ties
    return codes, np.stack([1 - second, second], axis=1)


def test_numbers_of_two_classes_are_scikit_learns(two_classes):
    codes, shares = two_classes
    found = ClassScores(codes, [shares], 0.5).of(np.arange(200))
    called = shares[:, 1] >= 0.5
    wanted = {
        "AUC": metrics.roc_auc_score(codes, shares[:, 1]),
        "average precision": metrics.average_precision_score(codes, shares[:, 1]),
        "balanced accuracy": metrics.balanced_accuracy_score(codes, called),
        "sensitivity": metrics.recall_score(codes, called),
        "specificity": metrics.recall_score(codes, called, pos_label=0),
        "Brier score": metrics.brier_score_loss(codes, shares[:, 1]),
    }
    assert found == pytest.approx(wanted)
    assert confusion(ClassScores(codes, [shares], 0.5)).tolist() == metrics.confusion_matrix(codes, called).tolist()


def test_numbers_of_three_classes_are_scikit_learns():
    random = np.random.default_rng(2)
    codes = np.arange(150) % 3
    shares = random.dirichlet([1, 1, 1], 150) * 0.7 + 0.3 * np.eye(3)[codes]
    found = ClassScores(codes, [shares], 0.5).of(np.arange(150))
    assert found["AUC"] == pytest.approx(metrics.roc_auc_score(codes, shares, multi_class="ovr"))
    precision = metrics.average_precision_score(np.eye(3)[codes], shares, average="macro")
    assert found["mean average precision"] == pytest.approx(precision)
    called = shares.argmax(axis=1)
    assert found["balanced accuracy"] == pytest.approx(metrics.balanced_accuracy_score(codes, called))


@pytest.mark.parametrize("shares", [(0.7, 0.3), (0.5, 0.3, 0.2)])
def test_what_a_head_is_that_knows_nothing(shares):
    """One that gives each row the shares of the classes has these numbers."""
    codes = np.repeat(np.arange(len(shares)), [round(200 * share) for share in shares])
    chance = by_chance(codes)
    blind = ClassScores(codes, [np.tile(shares, (200, 1))], 0.5).of(np.arange(200))
    assert {name: blind[name] for name in chance} == pytest.approx(chance)


def test_numbers_are_the_mean_over_repeats_and_none_where_a_class_is_missing(two_classes):
    codes, shares = two_classes
    both = ClassScores(codes, [shares, shares[:, ::-1]], 0.5).of(np.arange(200))
    assert both["AUC"] == pytest.approx(0.5)
    assert all(map(math.isnan, ClassScores(codes, [shares], 0.5).of(np.flatnonzero(codes == 1)).values()))
    assert math.isnan(area(np.zeros(4, dtype=np.intp), shares[:4]))


def test_a_calibration_curve_has_equal_parts(two_classes):
    codes, shares = two_classes
    points = calibration_curve(codes == 1, [shares[:, 1]], 5)
    assert [point["rows"] for point in points] == [40] * 5
    both = calibration_curve(codes == 1, [shares[:, 1], shares[:, 1] / 2], 5)
    assert [point["rows"] for point in both] == [40] * 5
    assert both[0]["predicted"] < points[0]["predicted"]
    assert np.mean([point["observed"] for point in points]) == pytest.approx(codes.mean())
    assert np.diff([point["predicted"] for point in points]).min() > 0


@pytest.fixture
def lives():
    random = np.random.default_rng(4)
    scores = random.normal(size=150)
    times = np.ceil(random.exponential(300 / np.exp(0.7 * scores)) / 10) * 10
    return Survival(times, random.random(150) < 0.6), scores


def test_the_c_index_is_that_of_scikit_survival(lives):
    theirs = pytest.importorskip("sksurv.metrics")
    outcome, scores = lives
    wanted = theirs.concordance_index_censored(outcome.events, outcome.times, scores)[0]
    assert concordance(outcome, scores) == pytest.approx(wanted, abs=2e-3)  # ties of times are counted otherwise
    apart = Survival(outcome.times + np.arange(150) * 1e-6, outcome.events)
    wanted = theirs.concordance_index_censored(apart.events, apart.times, scores)[0]
    assert concordance(apart, scores) == pytest.approx(wanted)


def test_the_c_index_of_a_draw_is_lifelines_of_its_rows(lives):
    outcome, scores = lives
    tied = np.round(scores, 1)
    judge = SurvivalScores(outcome, [scores, tied], (), "days")
    random = np.random.default_rng(7)
    for rows in (np.arange(150), random.integers(150, size=150), np.flatnonzero(scores > 0)):
        wanted = np.mean([concordance(outcome.of(rows), each[rows]) for each in (scores, tied)])
        assert judge.main(rows) == pytest.approx(wanted, abs=1e-12)
    assert math.isnan(judge.main(np.flatnonzero(~outcome.events)))


@pytest.mark.parametrize("time", [95.0, 205.0, 395.0])
def test_the_auc_at_a_time_is_that_of_scikit_survival(lives, time):
    theirs = pytest.importorskip("sksurv.metrics")
    from sksurv.util import Surv

    outcome, scores = lives
    truth = Surv.from_arrays(outcome.events, outcome.times)
    wanted, _ = theirs.cumulative_dynamic_auc(truth, truth, scores, [time])
    assert dynamic_area(outcome, scores, time) == pytest.approx(wanted[0], abs=1e-6)


def test_without_anyone_lost_the_auc_at_a_time_is_the_auc_of_who_died_by_then():
    random = np.random.default_rng(5)
    scores, times = random.normal(size=80), random.exponential(size=80)
    outcome = Survival(times, np.ones(80, dtype=bool))
    assert set(censoring_weights(outcome, 0.7)) == {0.0, 1.0}
    assert dynamic_area(outcome, scores, 0.7) == pytest.approx(metrics.roc_auc_score(times <= 0.7, scores))
    assert math.isnan(dynamic_area(outcome, scores, 99.0))


def test_risk_groups_have_their_curves_and_a_log_rank_test(lives):
    from scipy.stats import CensoredData, logrank

    outcome, scores = lives
    high = scores > 0
    found = risk_groups(outcome, high, np.arange(150))
    assert found["curves"]["high risk"]["rows"] == high.sum()
    assert found["curves"]["high risk"]["survival"][-1] < found["curves"]["low risk"]["survival"][-1]
    for name, chosen in (("high risk", high), ("low risk", ~high)):
        for time in (0.0, 100.0, 5000.0):
            assert at_risk(found["curves"][name], time) == (outcome.times[chosen] >= time).sum()
    parts = [
        CensoredData(outcome.times[chosen & outcome.events], right=outcome.times[chosen & ~outcome.events])
        for chosen in (high, ~high)
    ]
    assert found["logrank_p"] == pytest.approx(logrank(*parts).pvalue, rel=1e-6)


def test_rows_of_one_patient_make_no_log_rank_test(lives):
    """Each row twice would halve the p-value's exponent without one more life."""
    outcome, scores = lives
    twice = np.repeat(np.arange(150), 2)
    found = risk_groups(outcome.of(twice), scores[twice] > 0, twice)
    assert "logrank_p" not in found
    assert found["curves"]["high risk"]["rows"] == 2 * (scores > 0).sum()


def test_survival_has_a_number_for_each_time(lives):
    outcome, scores = lives
    numbers = SurvivalScores(outcome, [scores], (200.0,), "days").of(np.arange(150))
    assert list(numbers) == ["C-index", "AUC at 200 days"]
    assert numbers["C-index"] > 0.6


def test_an_interval_holds_patients_together():
    """Ten rows of each of thirty patients are thirty, not three hundred."""
    random = np.random.default_rng(6)
    groups = np.repeat(np.arange(30), 10)
    values = random.normal(size=30)[groups]
    whole = estimates(lambda rows: {"mean": float(values[rows].mean())}, groups, 800, 0)["mean"]
    apart = estimates(lambda rows: {"mean": float(values[rows].mean())}, np.arange(300), 800, 0)["mean"]
    wanted = 2 * 1.96 * values.std() / 30**0.5
    assert whole.high - whole.low == pytest.approx(wanted, rel=0.15)
    assert apart.high - apart.low < 0.5 * wanted
    assert whole == estimates(lambda rows: {"mean": float(values[rows].mean())}, groups, 800, 0)["mean"]


def test_where_draws_give_no_number_there_is_no_interval():
    often = estimates(lambda rows: {"": float("nan") if rows[0] % 2 else 1.0}, np.arange(20), 100, 0)[""]
    assert (often.value, math.isnan(often.low)) == (1.0, True)
    assert often.text == "1.000"
    assert Estimate(math.nan).text == "no number"
    assert Estimate(0.5, 0.25, 0.75).text == "0.500 [0.250, 0.750]"
