"""The fit of a head: the same as scikit-learn's, lifelines' and scikit-survival's; whole groups apart."""

from __future__ import annotations

import numpy as np
import pytest
from fmcib_engine.errors import InputError
from fmcib_engine.probing.cox import RiskSets, breslow, partial_likelihood
from fmcib_engine.probing.fit import FitOptions, fit, platt, temperature
from fmcib_engine.probing.folds import grouped_folds, require_whole_groups
from fmcib_engine.probing.lines import probabilities
from fmcib_engine.probing.out_of_fold import Trial, out_of_fold
from fmcib_engine.probing.outcomes import Classes, Survival
from fmcib_engine.probing.ridge import Axes, Path, likelihood_of
from fmcib_engine.probing.scores import rank_area
from fmcib_engine.probing.span import span, standard
from fmcib_engine.probing.wanted import Options

pytest.importorskip("sklearn")


def classes(codes: np.ndarray) -> Classes:
    return Classes(codes.astype(np.intp), tuple(f"c{code}" for code in range(codes.max() + 1)))


def nothing() -> None:
    pass


def cox(rows: np.ndarray, times: np.ndarray, events: np.ndarray, penalty: float) -> np.ndarray:
    likelihood = likelihood_of(Survival(times, events), np.ones(len(rows), dtype=bool))
    (plane,) = Path(rows, [likelihood], Axes.of(rows)).at(penalty)
    return plane.coefficients[0]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("width", [300, 20])
def test_few_numbers_give_the_coefficients_that_scikit_learn_gives_of_all(count, width):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(1)
    rows = random.normal(3, 2, size=(60, width)) * random.uniform(0.1, 9, width)
    rows[:, 4] = 7.0  # a constant
    codes = np.arange(60) % count
    rows[:, 0] += codes
    strength = 0.5
    found = fit(rows, classes(codes), np.arange(60), FitOptions(strengths=(strength,)))
    scaled = StandardScaler().fit_transform(rows)
    theirs = LogisticRegression(C=strength / width, tol=1e-10, max_iter=10_000).fit(scaled, codes)
    np.testing.assert_allclose(found.coefficients, theirs.coef_, atol=2e-5)
    np.testing.assert_allclose(found.intercepts, theirs.intercept_, atol=2e-5)
    np.testing.assert_allclose(probabilities(found.scores(rows)), theirs.predict_proba(scaled), atol=1e-4)


def test_the_strength_is_the_one_that_a_grid_search_of_scikit_learn_finds():
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.preprocessing import StandardScaler

    random = np.random.default_rng(2)
    rows, codes = random.normal(size=(100, 40)), np.arange(100) % 2
    rows[:, :4] += codes[:, None]
    outcome, groups = classes(codes), np.arange(100)
    found = fit(rows, outcome, groups, FitOptions())
    fold = grouped_folds(codes, groups, 5, 0)
    grid = {"C": [strength / 40 for strength in FitOptions().strengths]}
    search = GridSearchCV(LogisticRegression(max_iter=10_000), grid, scoring="neg_log_loss", cv=PredefinedSplit(fold))
    search.fit(StandardScaler().fit_transform(rows), codes)
    assert found.strength == pytest.approx(search.best_params_["C"] * 40)


def test_a_weight_of_a_column_is_its_prior_spread():
    random = np.random.default_rng(3)
    rows, codes = random.normal(size=(80, 10)), np.arange(80) % 2
    rows[:, 0] += codes
    options = FitOptions(strengths=(0.1,))
    plain = fit(rows, classes(codes), np.arange(80), options)
    heavy = fit(rows, classes(codes), np.arange(80), options, np.r_[100.0, np.ones(9)])
    assert abs(heavy.coefficients[0, 0]) > 5 * abs(plain.coefficients[0, 0])


def test_the_span_keeps_lengths_and_products():
    rows = np.random.default_rng(4).normal(size=(7, 50))
    turned = span(rows)
    few = turned.of(rows)
    assert few.shape == (7, 7)
    np.testing.assert_allclose(few @ few.T, rows @ rows.T, atol=1e-12)
    np.testing.assert_allclose(turned.back(few), rows, atol=1e-12)


def test_a_missing_cell_is_the_mean_of_those_learned_from():
    rows = np.array([[1.0, 5.0], [3.0, np.nan], [5.0, 7.0]])
    scale = standard(rows)
    assert scale.mean.tolist() == [3.0, 6.0]
    assert scale.of(np.array([[3.0, np.nan]])).tolist() == [[0.0, 0.0]]


@pytest.fixture
def with_ties():
    random = np.random.default_rng(5)
    rows = standard(random.normal(size=(90, 6))).of(random.normal(size=(90, 6)))
    times = np.ceil(random.exponential(20 / np.exp(rows[:, 0])))  # whole days: many die on one
    events = random.random(90) < 0.7
    assert len(np.unique(times[events])) < events.sum()
    return rows, times, events


def test_the_slope_of_the_partial_likelihood_is_its_slope(with_ties):
    rows, times, events = with_ties
    sets = RiskSets.of(times, events)
    scores = rows[:, 0] / 2
    value, slope = partial_likelihood(scores, sets)
    for place in range(0, 90, 7):
        step = np.zeros(90)
        step[place] = 1e-5
        ahead, behind = (partial_likelihood(scores + sign * step, sets)[0] for sign in (1, -1))
        assert slope[place] == pytest.approx((ahead - behind) / 2e-5, abs=1e-6)
    assert np.isfinite(value)


@pytest.mark.parametrize("penalty", [1.0, 30.0])
def test_ridge_cox_regression_is_that_of_lifelines(with_ties, penalty):
    pandas = pytest.importorskip("pandas")
    lifelines = pytest.importorskip("lifelines")
    rows, times, events = with_ties
    rows = (rows - rows.mean(0)) / rows.std(0, ddof=1)  # as lifelines does before it penalises
    ours = cox(rows, times, events, penalty)
    frame = pandas.DataFrame(rows).assign(time=times, event=events)
    theirs = lifelines.CoxPHFitter(penalizer=penalty / len(rows)).fit(frame, "time", "event")
    np.testing.assert_allclose(ours, theirs.params_.to_numpy(), atol=1e-4)
    baseline = theirs.baseline_cumulative_hazard_["baseline cumulative hazard"]
    found = breslow(rows @ ours, times, events)
    for time in (2.0, 9.0, 25.0):
        hazard = -np.log(found.survival(np.zeros(1), time)[0])
        assert hazard == pytest.approx(float(baseline.loc[:time].iloc[-1]), rel=1e-3)


def test_ridge_cox_regression_is_that_of_scikit_survival(with_ties):
    sksurv = pytest.importorskip("sksurv.linear_model")
    from sksurv.util import Surv

    rows, times, events = with_ties
    theirs = sksurv.CoxPHSurvivalAnalysis(alpha=5.0, ties="efron").fit(rows, Surv.from_arrays(events, times))
    np.testing.assert_allclose(cox(rows, times, events, 5.0), theirs.coef_, atol=1e-4)


def test_few_numbers_give_the_cox_coefficients_of_all():
    random = np.random.default_rng(6)
    rows = random.normal(2, 3, size=(50, 200))
    times, events = random.exponential(size=50), random.random(50) < 0.8
    found = fit(rows, Survival(times, events), np.arange(50), FitOptions(strengths=(1.0,)))
    scaled = standard(rows).of(rows)
    np.testing.assert_allclose(found.coefficients[0], cox(scaled, times, events, 200.0), atol=1e-5)


def test_platts_numbers_put_log_odds_right_that_are_twice_too_large():
    random = np.random.default_rng(7)
    true = random.normal(size=4000)
    codes = (random.random(4000) < 1 / (1 + np.exp(-true))).astype(np.intp)
    slope, shift = platt(2 * true + 1, codes)
    assert slope == pytest.approx(0.5, abs=0.05)
    assert shift == pytest.approx(-0.5, abs=0.1)


def test_a_temperature_puts_scores_of_three_classes_right():
    random = np.random.default_rng(8)
    true = random.normal(0, 2, size=(4000, 3))
    drawn = probabilities(true).cumsum(axis=1)
    codes = (random.random((4000, 1)) > drawn).sum(axis=1)
    assert temperature(3 * true, codes) == pytest.approx(3, rel=0.1)


def test_folds_keep_groups_whole_and_classes_in_equal_shares():
    random = np.random.default_rng(9)
    groups = random.integers(0, 60, size=200)
    strata = (groups % 3 == 0).astype(np.intp)
    fold = grouped_folds(strata, groups, 5, 0)
    assert all(len(np.unique(fold[groups == group])) == 1 for group in np.unique(groups))
    shares = [strata[fold == number].mean() for number in range(5)]
    assert max(shares) - min(shares) < 0.12
    assert (grouped_folds(strata, groups, 5, 1) != fold).any()


def test_folds_that_tear_a_group_apart_are_refused():
    with pytest.raises(InputError, match="1 times a group of rows would be in two folds"):
        require_whole_groups(np.array([0, 1, 1]), np.array([4, 4, 5]))


def test_a_class_in_one_group_cannot_be_held_back():
    groups = np.arange(40) // 4
    strata = (groups == 0).astype(np.intp)
    with pytest.raises(InputError, match="the rarest class is in too few groups"):
        grouped_folds(strata, groups, 5, 0)


def test_patients_that_are_known_again_say_nothing():
    """Labels by lot, each patient's for all its eight lesions: apart only groups show that nothing is known."""
    random = np.random.default_rng(10)
    patients = np.repeat(np.arange(40), 8)
    codes = random.permutation(np.arange(40) % 2)[patients]
    rows = random.normal(size=(40, 60))[patients] + 0.3 * random.normal(size=(320, 60))
    options = Options(repeats=2)

    def judged(groups: np.ndarray) -> float:
        (told,) = out_of_fold(Trial(rows, classes(codes), groups, options, nothing))
        return float(np.mean([rank_area(codes == 1, shares[:, 1]) for shares in told.shares]))

    assert judged(np.arange(320)) > 0.9
    assert judged(patients) < 0.68
