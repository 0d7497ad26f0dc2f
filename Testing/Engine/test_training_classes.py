"""Splits that tear no patient apart, and scores beside their definitions."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from fmcib_engine.errors import InputError, TableError
from fmcib_engine.training.scores import balanced_accuracy, mean_auc
from fmcib_engine.training.sources import Lesion
from fmcib_engine.training.split import class_names, split


def lesions(count: int, classes: int = 3, per_group: int = 2) -> list[Lesion]:
    return [Lesion(n, str(n % classes), f"patient {n // per_group}") for n in range(1, count + 1)]


@pytest.mark.parametrize("seed", range(5))
def test_no_group_is_on_both_sides_and_every_class_is(seed):
    all_of = lesions(60, classes=3, per_group=4)
    learned, held = split(all_of, 0.25, seed)
    assert sorted(learned + held) == [lesion.number for lesion in all_of]
    by_number = {lesion.number: lesion for lesion in all_of}
    assert not {by_number[n].group for n in learned} & {by_number[n].group for n in held}
    for side in (learned, held):
        assert {by_number[n].label for n in side} == {"0", "1", "2"}
    assert 0.2 <= len(held) / 60 <= 0.35
    for label in "012":
        share = sum(by_number[n].label == label for n in held) / 20
        assert 0.1 <= share <= 0.45


def test_a_split_follows_from_its_seed():
    assert split(lesions(40), 0.2, 7) == split(lesions(40), 0.2, 7)
    assert split(lesions(40), 0.2, 7) != split(lesions(40), 0.2, 8)


def test_a_class_that_is_in_one_group_only_cannot_be_split():
    rare = [*lesions(20, classes=2), Lesion(99, "rare", "patient 99"), Lesion(100, "rare", "patient 99")]
    with pytest.raises(InputError, match=r"No split of .* the rarest, rare, has 2 lesions"):
        split(rare, 0.2, 1)
    with pytest.raises(InputError, match="No split of 1 groups"):
        split([Lesion(n, str(n % 2), "one") for n in range(8)], 0.2, 1)


def test_a_users_split_is_taken_as_it_is_and_its_test_part_left_alone():
    told = [
        Lesion(1, "a", "P1", "train"),
        Lesion(2, "b", "P2", "training"),
        Lesion(3, "a", "P3", "val"),
        Lesion(4, "b", "P4", "validation"),
        Lesion(5, "b", "P5", "test"),
    ]
    assert split(told, 0.2, 1) == ([1, 2], [3, 4])


def test_a_users_split_that_tears_a_patient_apart_is_refused_without_naming_the_patient():
    told = [Lesion(1, "a", "Smith", "train"), Lesion(2, "b", "Smith", "validation")]
    with pytest.raises(TableError, match="1 groups are in both parts of the split, such as that of rows 1 and 2") as no:
        split(told, 0.2, 1)
    assert "Smith" not in str(no.value)
    with pytest.raises(TableError, match="says train, validation or test, it says 'other'"):
        split([Lesion(1, "a", "x", "other"), Lesion(2, "b", "y", "train")], 0.2, 1)
    with pytest.raises(TableError, match="it says 'nothing'"):
        split([Lesion(1, "a", "x", ""), Lesion(2, "b", "y", "train")], 0.2, 1)
    with pytest.raises(TableError, match="one of them is missing"):
        split([Lesion(1, "a", "x", "train"), Lesion(2, "b", "y", "train")], 0.2, 1)


def test_classes_are_in_the_order_of_numbers_or_of_the_alphabet():
    assert class_names([Lesion(n, text) for n, text in enumerate(["10", "9", "1", "9"])]) == ["1", "9", "10"]
    assert class_names([Lesion(n, text) for n, text in enumerate(["lung", "bone", "10"])]) == ["10", "bone", "lung"]
    with pytest.raises(InputError, match="the label is lung everywhere"):
        class_names([Lesion(1, "lung"), Lesion(2, "lung")])
    with pytest.raises(InputError, match="the label is missing everywhere"):
        class_names([])


def test_the_order_of_classes_is_the_same_in_each_process():
    """A set's order is not: it hangs on PYTHONHASHSEED, and a run that went on would take one class for another."""
    for names in (["1", "1.0", "01", "0"], ["nan", "1", "0", "NaN"], ["inf", "2"]):
        wanted = sorted(names, key=lambda name: (float(name), name)) if "0" in names[-1:] else sorted(names)
        for shift in range(len(names)):
            lesions_of = [Lesion(n, text) for n, text in enumerate(names[shift:] + names[:shift])]
            assert class_names(lesions_of) == wanted
    code = (
        "from fmcib_engine.training.split import class_names\n"
        "from fmcib_engine.training.sources import Lesion\n"
        "print(class_names([Lesion(n, t) for n, t in enumerate(['nan', '1', '1.0', '01', '2'])]))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
        ).stdout
        for seed in range(3)
    }  # fmt: skip
    assert len(said) == 1


def test_validation_on_one_class_is_refused_as_it_judges_nothing():
    told = [Lesion(n, "ab"[n % 2], f"P{n}", "train") for n in range(4)] + [Lesion(9, "a", "P9", "validation")]
    with pytest.raises(TableError, match="validate on should be of two classes at least, all are a"):
        split(told, 0.2, 1)


def test_the_auc_is_the_share_of_pairs_in_the_right_order():
    random = np.random.default_rng(1)
    truth = np.array([0] * 13 + [1] * 8)
    values = np.round(random.normal(truth * 0.8), 1)  # with ties
    pairs = [(b > a) + 0.5 * (b == a) for a in values[truth == 0] for b in values[truth == 1]]
    assert mean_auc(truth, np.stack([-values, values], axis=1)) == pytest.approx(np.mean(pairs))


def test_several_classes_have_the_mean_of_each_against_the_rest():
    random = np.random.default_rng(2)
    truth = np.repeat([0, 1, 2], 7)
    shares = random.dirichlet([1, 1, 1], 21)
    each = []
    for one in range(3):
        inside, outside = shares[truth == one, one], shares[truth != one, one]
        each.append(np.mean([[(a > b) + 0.5 * (a == b) for b in outside] for a in inside]))
    assert mean_auc(truth, shares) == pytest.approx(np.mean(each))


def test_balanced_accuracy_counts_classes_and_not_lesions():
    truth = np.array([0] * 90 + [1] * 10)
    always_first = np.tile([0.9, 0.1], (100, 1))
    assert balanced_accuracy(truth, always_first) == 0.5
    right_for_the_rare = np.where(truth[:, None] == 1, [0.2, 0.8], [0.4, 0.6])
    assert balanced_accuracy(truth, right_for_the_rare) == 0.5
    assert balanced_accuracy(truth, np.eye(2)[truth]) == 1.0
