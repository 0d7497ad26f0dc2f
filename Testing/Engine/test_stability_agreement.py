"""ICC, CCC, Bland-Altman: published data, another package, closed forms, how often an interval holds the truth."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from fmcib_engine.stability.agreement import bland_altman, ccc, icc
from support import DATA

# Shrout and Fleiss 1979, Psychological Bulletin 86:420, table 2: six targets, four judges
SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
# Bland and Altman 1986, Lancet 1:307, table: peak expiratory flow (l/min) by two meters, first readings
LARGE = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Published on Hugging Face only (surajpaib/FMCIB, beside the features): whoever has them puts them here
RIDER = DATA / "rider" / "rider_preds.csv"


def pingouins(values):
    pingouin = pytest.importorskip("pingouin")
    pandas = pytest.importorskip("pandas")
    n, k = values.shape
    lesion, repeat = np.indices((n, k)).reshape(2, -1)
    frame = pandas.DataFrame({"lesion": lesion, "repeat": repeat, "value": values.reshape(-1)})
    found = pingouin.intraclass_corr(frame, targets="lesion", raters="repeat", ratings="value")
    interval = next(name for name in found.columns if name.startswith("CI95"))
    by_description = {row["Type"].strip(): (row["ICC"], *row[interval]) for _, row in found.iterrows()}
    return [
        next(value for name, value in by_description.items() if name in names)
        for names in ({"ICC2", "ICC(A,1)"}, {"ICC3", "ICC(C,1)"})
    ]


def test_the_example_of_shrout_and_fleiss_comes_out():
    agreement, consistency = icc(SHROUT_FLEISS[..., np.newaxis])
    assert round(float(agreement.values[0]), 2) == 0.29
    assert round(float(consistency.values[0]), 2) == 0.71


@pytest.mark.parametrize(("n", "k", "shift"), [(6, 2, 0.0), (26, 2, 0.5), (12, 3, 2.0), (40, 5, 0.1)])
def test_pingouin_gives_the_same_coefficients_and_intervals(n, k, shift):
    random = np.random.default_rng(n)
    measured = random.normal(size=(n, 1, 3)) + 0.4 * random.normal(size=(n, k, 3))
    measured += shift * np.arange(k)[np.newaxis, :, np.newaxis]
    for index in range(3):
        for ours, (value, low, high) in zip(icc(measured), pingouins(measured[..., index]), strict=True):
            assert ours.values[index] == pytest.approx(value, abs=1e-9)
            assert ours.low[index] == pytest.approx(low, abs=0.0051)  # pingouin rounds its intervals to 2 digits
            assert ours.high[index] == pytest.approx(high, abs=0.0051)


def test_pingouin_gives_the_same_of_shrout_and_fleiss():
    for ours, (value, low, high) in zip(icc(SHROUT_FLEISS[..., np.newaxis]), pingouins(SHROUT_FLEISS), strict=True):
        assert ours.values[0] == pytest.approx(value, abs=1e-9)
        assert [ours.low[0], ours.high[0]] == pytest.approx([low, high], abs=0.0051)


@pytest.mark.skipif(not RIDER.is_file(), reason="needs FMCIB's predictions of the 26 RIDER pairs (rider_preds.csv)")
def test_the_published_pairs_of_fmcib_come_out():
    by_scan = {}
    with RIDER.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            patient, scan = row["PatientID"].split("-")[:2]
            by_scan[patient, scan] = [float(row["pred_0"]), float(row["pred_1"])]
    patients = sorted({patient for patient, _ in by_scan})
    assert len(patients) == 26
    logits = np.array([[by_scan[patient, scan] for scan in ("test", "retest")] for patient in patients])
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    share = powers[..., 1:] / powers.sum(axis=2, keepdims=True)
    agreement, _ = icc(np.concatenate([logits, share], axis=2))
    assert agreement.values.round(3).tolist() == [0.963, 0.964, 0.968]


def test_a_constant_shift_lowers_agreement_and_not_consistency():
    first = np.arange(10.0)
    agreement, consistency = icc(np.stack([first, first + 3], axis=1)[..., np.newaxis])
    variance = first.var(ddof=1)
    assert consistency.values[0] == pytest.approx(1)
    assert agreement.values[0] == pytest.approx(variance / (variance + 9 / 2))


@pytest.mark.parametrize("shift", [0.0, 1.0, -5.0])
@pytest.mark.parametrize("scale", [1.0, 0.5, 2.0])
def test_ccc_of_a_shift_and_a_scale_is_lins_formula(shift, scale):
    first = np.random.default_rng(1).normal(3, 2, 40)
    second = shift + scale * first
    variance, gap = first.var(), first.mean() - second.mean()
    wanted = 2 * scale * variance / (variance * (1 + scale**2) + gap**2)
    assert ccc(first[:, np.newaxis], second[:, np.newaxis]).values[0] == pytest.approx(wanted)
    assert ccc(second[:, np.newaxis], first[:, np.newaxis]).values[0] == pytest.approx(wanted)


def test_the_ccc_of_two_meters_is_what_another_program_prints():
    """Lin's own pairs of 1989 could not be found. These are the example of R's epiR::epi.ccc and DescTools::CCC; their
    coefficient is what the MATLAB function linCCC by D. Fraser prints, which was compared with DescTools."""
    found = ccc(np.array(LARGE, float)[:, np.newaxis], np.array(MINI, float)[:, np.newaxis])
    assert found.values[0] == pytest.approx(0.942742, abs=1e-6)
    assert found.low[0] < found.values[0] < found.high[0]


def test_three_pairs_worked_out_by_hand():
    # means 2 and 3; variances 2/3 and 2/3 (1/n), covariance 1/3; gap 1
    found = ccc(np.array([[1.0], [2.0], [3.0]]), np.array([[3.0], [2.0], [4.0]]))
    assert found.values[0] == pytest.approx((2 / 3) / (2 / 3 + 2 / 3 + 1))


@pytest.mark.parametrize("shift", [0.0, 0.6])
def test_the_intervals_hold_the_truth_in_95_of_100_cohorts(shift):
    random, cohorts, n, noise = np.random.default_rng(7), 3000, 40, 0.5
    truth = random.normal(size=(n, cohorts))
    first, second = (truth + noise * random.normal(size=truth.shape) for _ in range(2))
    second = second + shift
    wanted = 1 / (1 + noise**2 + shift**2 / 2)  # the covariance is 1, both variances 1 + noise²
    found = ccc(first, second)
    held = ((found.low <= wanted) & (wanted <= found.high)).mean()
    assert 0.925 < held < 0.975
    _, consistency = icc(np.stack([first, second], axis=1))
    held = ((consistency.low <= 1 / (1 + noise**2)) & (1 / (1 + noise**2) <= consistency.high)).mean()
    assert 0.935 < held < 0.965


def test_numbers_that_do_not_differ_have_no_coefficient_and_no_part_in_the_shares():
    measured = np.random.default_rng(0).normal(size=(8, 1, 3)).repeat(2, axis=1)
    measured[..., 1] = 0.1
    agreement, consistency = icc(measured)
    concordance = ccc(measured[:, 0], measured[:, 1])
    for found in (agreement, consistency, concordance):
        assert np.isnan(found.values).tolist() == [False, True, False]
        assert found.share_above(0.9) == 1.0


def test_the_limits_of_bland_and_altman_come_out():
    limits = bland_altman(np.array(MINI, float), np.array(LARGE, float))
    assert round(limits.bias, 1) == -2.1
    assert round(limits.sd, 1) == 38.8
    assert limits.low == pytest.approx(-2.1 - 1.96 * 38.8, abs=0.2)
    assert limits.pairs == 17


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="two lesions"):
        icc(np.zeros((1, 2, 1)))
    assert np.isnan(ccc(np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])).low[0])
