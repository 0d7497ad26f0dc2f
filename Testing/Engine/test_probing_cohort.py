"""What heads learn from: what is read of a table, what is refused, what is warned of, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fmcib_engine.errors import InputError, TableError
from fmcib_engine.probing.aligned import aligned
from fmcib_engine.probing.cohort import gather
from fmcib_engine.probing.outcomes import Classes, Survival
from fmcib_engine.probing.table import read_features
from fmcib_engine.probing.wanted import Columns
from probing_support import WEIGHTS, Made, lives, two_classes

KIND = Columns("classification", label="kind", group="patient_key")
LIFE = Columns("survival", time="days", event="died", group="patient_key")


def cohort_of(made: Made, tmp_path, columns: Columns = KIND):
    return gather(read_features(made.write(tmp_path / "features.csv")), columns)


def test_a_table_of_ours_says_what_it_was_computed_with(tmp_path):
    table = read_features(two_classes().write(tmp_path / "features.csv"))
    assert (table.provenance.encoder_id, table.provenance.weights_sha256) == ("own", WEIGHTS)
    assert table.provenance.is_known
    assert table.warnings == ()
    assert table.features.shape == (120, 64)


def test_how_far_a_table_is_read_is_told(tmp_path):
    path = two_classes().write(tmp_path / "features.csv")
    told = []
    read_features(path, told=told.append)
    assert len(told) == 121
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


def test_a_table_of_others_is_warned_of(tmp_path):
    table = read_features(two_classes(width=128).write(tmp_path / "others.csv", provenance=False))
    assert not table.provenance.is_known
    (warning,) = table.warnings
    assert "others.csv does not say encoder_id, weights_sha256, recipe_id" in warning
    assert "encoder unverified" in warning


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda made: made.features.__setitem__((5, slice(None)), 0), r"0 in 1 rows of features.csv \(row 6\)"),
        (
            lambda made: made.features.__setitem__((7, 3), np.nan),
            "Row 8 of features.csv has no finite number in pred_3",
        ),
        (lambda made: made.features.__setitem__((7, 3), np.inf), "Row 8 .* no finite number in pred_3"),
        (lambda made: made.features.__setitem__(slice(None), 1.5), "All rows .* have the same features"),
        (lambda made: made.columns.update(encoder_id=["own"] * 60 + ["small"] * 60), "mixes features: encoder_id"),
        (lambda made: made.columns.update(pred_100=["1"] * 120), "has 65 columns of features up to pred_100"),
    ],
)
def test_features_that_are_none_are_refused(change, said, tmp_path):
    made = two_classes()
    change(made)
    mixed = "encoder_id" in made.columns
    with pytest.raises(TableError, match=said):
        read_features(made.write(tmp_path / "features.csv", provenance=not mixed))


def test_a_column_too_few_is_noticed_with_and_without_provenance(tmp_path):
    made = two_classes(count=4, width=4095)
    made.columns["encoder_id"] = ["fmcib"] * 4
    with pytest.raises(TableError, match="has 4095 features, fmcib gives 4096"):
        read_features(made.write(tmp_path / "features.csv", provenance=False))
    del made.columns["encoder_id"]
    path = made.write(tmp_path / "features.csv", provenance=False)
    with pytest.raises(TableError, match=r"4095 features and no column encoder_id.*4096 \(fmcib\)"):
        read_features(path)
    assert read_features(path, any_encoder=True).features.shape == (4, 4095)


def test_rows_without_features_are_left_out_and_counted(tmp_path):
    made = two_classes()
    made.columns["status"] = ["ok"] * 110 + ["error"] * 10
    table = read_features(made.write(tmp_path / "features.csv"))
    assert len(table.rows) == 110
    assert table.warnings == ("10 rows of features.csv have no features and are left out.",)


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "pred_0,pred_1\n", "pred_0,pred_0\n1,2\n", "pred_0\n1,2\n"])
def test_what_is_no_table_of_features_is_refused(content, tmp_path):
    (tmp_path / "odd.csv").write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match=r"odd\.csv"):
        read_features(tmp_path / "odd.csv")
    with pytest.raises(TableError, match=r"none\.csv cannot be read"):
        read_features(tmp_path / "none.csv")


def test_classes_are_in_order_and_the_one_looked_for_can_be_chosen(tmp_path):
    outcome = cohort_of(two_classes(), tmp_path).outcome
    assert isinstance(outcome, Classes)
    assert outcome.names == ("benign", "malignant")
    chosen = Columns("classification", label="kind", group="patient_key", positive="benign")
    turned = cohort_of(two_classes(), tmp_path, chosen).outcome
    assert turned.names == ("malignant", "benign")
    assert (turned.codes != outcome.codes).all()


def test_classes_as_pandas_writes_them_are_the_same_classes(tmp_path):
    made = two_classes()
    made.columns["kind"] = ["1.0" if each == "malignant" else "0" for each in made.columns["kind"]]
    assert cohort_of(made, tmp_path).outcome.names == ("0", "1")


def test_survival_is_read_with_its_events(tmp_path):
    made = lives()
    outcome = cohort_of(made, tmp_path, LIFE).outcome
    assert isinstance(outcome, Survival)
    assert outcome.events.sum() == made.columns["died"].count("1")
    made.columns["died"][4] = "perhaps"
    with pytest.raises(TableError, match=r"died in row 5 .* is 1 \(died\) or 0"):
        cohort_of(made, tmp_path, LIFE)
    made = lives()
    made.columns["days"][2] = "0"
    with pytest.raises(TableError, match="days is above 0, in row 3"):
        cohort_of(made, tmp_path, LIFE)


def test_rows_without_a_label_are_left_out_and_named(tmp_path):
    made = two_classes()
    made.columns["kind"][3] = ""
    made.columns["kind"][9] = "NaN"
    cohort = cohort_of(made, tmp_path)
    assert len(cohort.table.rows) == 118
    assert "2 rows have no kind and are left out (row 4, 10)." in cohort.warnings


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["a"] * 120, "Every row of features.csv has kind a: there is nothing to tell apart"),
        (["a"] * 111 + ["b"] * 9, r"b is in 9 groups \(patients\) of features.csv, wanted at least 10"),
        ([""] * 120, "Every cell of kind in features.csv is empty"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels, said, tmp_path):
    made = two_classes()
    made.columns["kind"] = labels
    with pytest.raises(InputError, match=said):
        cohort_of(made, tmp_path)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["note", "benign"] * 60, "kind has a class 'note'"),
        (["x" * 130, "benign"] * 60, "have at most 120 letters"),
        ([f"c{place}" for place in range(120)], "kind has 120 classes"),
    ],
)
def test_classes_that_a_head_cannot_have_are_refused_at_once(labels, said, tmp_path):
    made = two_classes()
    made.columns["kind"] = labels
    with pytest.raises(InputError, match=said):
        cohort_of(made, tmp_path)


def test_ten_rows_of_one_patient_are_not_ten_patients(tmp_path):
    made = two_classes()
    made.columns["kind"] = ["rare" if place < 20 else "other" for place in range(120)]
    made.columns["patient_key"] = ["one" if place < 20 else f"k{place}" for place in range(120)]
    with pytest.raises(InputError, match="rare is in 1 groups"):
        cohort_of(made, tmp_path)


def test_numbers_of_patients_that_come_again_want_a_column_of_groups(tmp_path):
    made = two_classes()
    made.columns["PatientID"] = [f"p{place // 2}" for place in range(120)]
    without = Columns("classification", label="kind")
    with pytest.raises(InputError, match=r"PatientID comes again in 60 rows .* Name the column \(--group PatientID"):
        cohort_of(made, tmp_path, without)
    del made.columns["PatientID"]
    cohort = cohort_of(made, tmp_path, without)
    assert "No column of groups was named: each row counts as a patient of its own." in cohort.warnings
    assert cohort.group_count == 120


def test_a_split_by_something_else_than_the_patient_is_warned_of(tmp_path):
    made = two_classes()
    made.columns["PatientID"] = [f"p{place // 2}" for place in range(110)] + [""] * 10
    cohort = cohort_of(made, tmp_path, Columns("classification", label="kind", group="lesion_id"))
    said = "The rows are split by lesion_id, not by patient: the rows of 55 patients (PatientID) lie in several groups."
    (caution,) = [each for each in cohort.cautions if each.startswith(said)]
    assert "Name the column of patients instead (--group PatientID)" in caution
    assert caution in cohort.warnings
    by_patient = made.columns.pop("PatientID")
    made.columns["MRN"] = by_patient[:110] + [f"q{place}" for place in range(10)]
    assert not any("not by patient" in each for each in cohort_of(made, tmp_path, replace(KIND, group="MRN")).cautions)
    without = Columns("classification", label="kind")
    with pytest.raises(InputError, match=r"MRN comes again in 55 rows .* Name the column \(--group MRN"):
        cohort_of(made, tmp_path, without)


def test_a_scan_whose_lesions_lie_apart_is_warned_of(tmp_path):
    made = two_classes()
    made.columns["image_path"] = [f"scan{place // 3}.nii.gz" for place in range(120)]
    (caution,) = cohort_of(made, tmp_path).cautions
    assert "the rows of 40 scans (image_path) lie in several groups" in caution


def test_groups_of_several_patients_are_said_to_be_counted_as_one(tmp_path):
    made = two_classes()
    made.columns["family"] = [f"f{place // 4}" for place in range(120)]
    cohort = cohort_of(made, tmp_path, replace(KIND, group="family"))
    assert "30 groups (family) hold several patients (patient_key): what is called patients here are groups." in (
        cohort.warnings
    )


def test_a_hospital_that_comes_again_is_no_patient(tmp_path):
    made = two_classes()
    made.columns["hospital"] = ["north", "south"] * 60
    assert cohort_of(made, tmp_path, Columns("classification", label="kind")).group_count == 120


def test_an_empty_group_is_refused(tmp_path):
    made = two_classes()
    made.columns["patient_key"][11] = ""
    with pytest.raises(InputError, match="patient_key is empty in row 12"):
        cohort_of(made, tmp_path)


def test_copies_of_a_row_are_refused_across_patients_and_told_within_one(tmp_path):
    made = two_classes()
    made.features[50] = made.features[20]
    with pytest.raises(InputError, match=r"1 rows .* all the features of an earlier row, of another group \(row 51\)"):
        cohort_of(made, tmp_path)
    made.columns["patient_key"][50] = made.columns["patient_key"][20]
    assert any("they count twice" in warning for warning in cohort_of(made, tmp_path).warnings)


def test_a_feature_that_is_the_label_is_refused(tmp_path):
    made = two_classes()
    made.features[:, 9] = [3.0 if kind == "malignant" else -1.0 for kind in made.columns["kind"]]
    with pytest.raises(InputError, match=r"pred_9 of features.csv is what is to be learned, in other numbers"):
        cohort_of(made, tmp_path)
    made = lives()
    made.features[:, 2] = np.array(made.columns["days"], dtype=float) / 365
    with pytest.raises(InputError, match="pred_2 of"):
        cohort_of(made, tmp_path, LIFE)


def test_a_feature_that_is_the_label_in_another_order_is_refused(tmp_path):
    """Neither class against the others goes with it in a straight line."""
    made = two_classes()
    made.columns["kind"] = [("a", "b", "c", "d")[place % 4] for place in range(120)]
    made.features[:, 9] = [(7.0, 1.0, 9.0, 3.0)[place % 4] for place in range(120)]
    with pytest.raises(InputError, match=r"pred_9 of features.csv is what is to be learned, in other numbers"):
        cohort_of(made, tmp_path)
    made.features[:, 9] = 0.1
    made.features[:, 10] = 0.0
    assert cohort_of(made, tmp_path).group_count == 120
    made.features[:, 9] = [(7.0, 1.0, 9.0, 3.0)[place % 4] for place in range(120)]
    made.features[:, 9] += np.random.default_rng(0).normal(size=120)
    assert cohort_of(made, tmp_path).group_count == 120


def test_a_feature_cannot_be_named_as_the_label(tmp_path):
    with pytest.raises(TableError, match="pred_3 is a feature and cannot be the label as well"):
        cohort_of(two_classes(), tmp_path, Columns("classification", label="pred_3"))
    with pytest.raises(TableError, match=r"no column stage for the label. Its columns beside the features: lesion_id"):
        cohort_of(two_classes(), tmp_path, Columns("classification", label="stage"))


def test_thirty_patients_with_four_thousand_numbers_are_told_what_that_means(tmp_path):
    made = two_classes(count=30, width=4096)
    warning = cohort_of(made, tmp_path).warnings[-1]
    assert warning.startswith("30 patients and 4,096 numbers of each: these numbers can tell any 30 patients apart")
    assert not any("numbers of each" in each for each in cohort_of(two_classes(), tmp_path).warnings)


def test_joined_columns_are_numbers_and_may_have_empty_cells(tmp_path):
    made = two_classes()
    made.columns["age"] = [""] * 3 + [str(50 + place % 30) for place in range(117)]
    joined = Columns("classification", label="kind", group="patient_key", covariates=("age",))
    cohort = cohort_of(made, tmp_path, joined)
    assert cohort.covariates.shape == (120, 1)
    assert np.isnan(cohort.covariates[:3, 0]).all()
    assert any(warning.startswith("age is empty in 3 rows") for warning in cohort.warnings)
    made.columns["age"][5] = "IIIb"
    with pytest.raises(TableError, match=r"age in row 6 of features.csv is a number, it is 'IIIb'"):
        cohort_of(made, tmp_path, joined)
    with pytest.raises(InputError, match="kind is what is to be learned and cannot be joined"):
        cohort_of(made, tmp_path, Columns("classification", label="kind", covariates=("kind",)))


@pytest.mark.parametrize(
    ("sites", "said"),
    [(["a"] * 120, "has hospital a: nothing can be asked"), (list(range(120)), "names rows, not sites")],
)
def test_sites_that_are_none_are_refused(sites, said, tmp_path):
    made = two_classes()
    made.columns["hospital"] = sites
    with pytest.raises(InputError, match=said):
        cohort_of(made, tmp_path, Columns("classification", label="kind", group="patient_key", origins=("hospital",)))


def test_another_tables_rows_are_found_whatever_their_order(tmp_path):
    made = two_classes()
    cohort = cohort_of(made, tmp_path)
    order = np.random.default_rng(0).permutation(120)
    columns = {f"{name}_x": [column[place] for place in order] for name, column in made.columns.items()}
    other = read_features(Made(made.features[order] + 1, columns).write(tmp_path / "control.csv"))
    assert np.array_equal(aligned(cohort, other), cohort.table.features + 1)


def test_another_table_without_some_lesions_is_refused(tmp_path):
    made = two_classes()
    cohort = cohort_of(made, tmp_path)
    fewer = Made(made.features[:118], {name: column[:118] for name, column in made.columns.items()})
    with pytest.raises(InputError, match=r"2 lesions of features.csv are not in fewer.csv \(row 119, 120\)"):
        aligned(cohort, read_features(fewer.write(tmp_path / "fewer.csv")))
    nameless = Made(made.features, {"colour": ["red"] * 120})
    with pytest.raises(InputError, match=r"rows of nameless.csv cannot be found"):
        aligned(cohort, read_features(nameless.write(tmp_path / "nameless.csv")))
