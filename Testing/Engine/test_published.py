"""Our features beside the published ones: reading their table, the comparison, the verdict and its exit code."""

from __future__ import annotations

import csv
import itertools
import random
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine import pipeline
from fmcib_engine.checks.published import MEMBER, PATIENT, PublishedFeatures, compare, read_published, verify
from fmcib_engine.encoders import DEMONSTRATION_MEANING
from fmcib_engine.errors import TableError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import feature_columns
from support import needs_data, needs_golden

pytest.importorskip("torch")

from fmcib_engine.cli import verify_published as command  # noqa: E402  after the skip
from fmcib_engine.cli.commands import run  # noqa: E402

HEADER = ["", "PatientID", "coordX", "coordY", "coordZ", "image_path", "survival", *feature_columns(4096)]
LUNG1_SEED = (82.30073006174621, -201.48108486783707, -456.8378905177621)


@pytest.fixture(scope="module")
def phantom():
    return chest_phantom((2.8, 2.8, 5.0))


@pytest.fixture(scope="module")
def rows(phantom, fmcib_encoder):
    """Five "patients": the same phantom at five places, the first of them `PATIENT`."""
    x, y, z = PHANTOM_SEED
    points = [PatientPoint(x + 8 * number, y, z) for number in range(5)]
    encoded = pipeline.encode([pipeline.cut(phantom, point) for point in points], fmcib_encoder)
    return [
        [number, f"LUNG1-00{number + 1}", *points[number], "/mnt/CT.nrrd", 1.0, *encoded[number].features]
        for number in range(5)
    ]


def write(path: Path, rows: list, header: list[str] | None = None) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header or HEADER, *rows])
    return path


def small(folder: Path, *rows: list, name: str = "original.csv") -> Path:
    """A table of two features instead of 4096."""
    return write(folder / name, list(rows), ["PatientID", "coordX", "coordY", "coordZ", "pred_0", "pred_1"])


GOOD = ([PATIENT, 1, 2, 3, 3.0, 4.0], ["LUNG1-002", 1, 2, 3, 0.0, 4.0])


def as_published(features: list[float], *others: list[float]) -> PublishedFeatures:
    names = tuple(f"P{number}" for number in range(len(others)))
    return PublishedFeatures(PATIENT, PatientPoint(0, 0, 0), np.array(features), names, np.array(others))


def test_the_comparison_says_how_far_and_next_to_what():
    published = as_published([3.0, 4.0], [0.0, 4.0], [30.0, 40.0])
    comparison = compare(np.array([3.0, 4.4], np.float32), published)
    assert comparison.distance == pytest.approx(0.08)
    assert comparison.largest_difference == pytest.approx(0.4)
    assert comparison.largest_feature == "pred_1"
    assert comparison.cosine == pytest.approx((9 + 17.6) / (5 * np.hypot(3, 4.4)))
    assert comparison.concordance == pytest.approx(2 * 0.5 * 0.7 / (0.25 + 0.49 + 0.2**2))
    assert (comparison.rank, comparison.patients) == (1, 3)
    assert comparison.nearest_other == "P0"
    assert comparison.other_distance == pytest.approx(np.hypot(3, 0.4) / 5)
    assert comparison.spacing == pytest.approx(0.6)
    assert comparison.limit == pytest.approx(0.06)


def test_a_patient_who_is_just_as_near_does_not_come_before_the_published_one():
    comparison = compare(np.array([3.0, 5.0], np.float32), as_published([3.0, 4.0], [3.0, 6.0], [3.0, 5.5], [0.0, 9.0]))
    assert (comparison.rank, comparison.patients) == (2, 4)


@pytest.mark.parametrize(("off", "agrees"), [(0.0, True), (0.29, True), (0.31, False), (1.4, False)])
def test_agreement_is_a_tenth_of_the_distance_to_the_nearest_other_patient(off, agrees):
    published = as_published([3.0, 4.0], [0.0, 4.0], [30.0, 40.0])
    comparison = compare(np.array([3.0, 4.0 + off], np.float32), published)
    assert comparison.agrees is agrees
    assert comparison.rank == 1  # the nearest row is right even where it is too far


def test_features_of_all_zeros_agree_with_nothing_and_stop_nothing():
    comparison = compare(np.zeros(2, np.float32), as_published([3.0, 4.0], [0.0, 4.0]))
    assert not comparison.agrees
    assert (comparison.cosine, comparison.concordance) == (0.0, 0.0)


def test_a_table_of_our_own_features_agrees_whether_a_csv_or_in_a_wheel(rows, phantom, fmcib_encoder, tmp_path):
    table = write(tmp_path / "original.csv", rows)
    wheel = tmp_path / "tumorimagingbench-0.1.4-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tumorimagingbench/__init__.py", "")
        archive.write(table, MEMBER)
    for path in (table, wheel):
        comparison = verify(phantom, fmcib_encoder, read_published(path))
        assert comparison.agrees
        assert comparison.distance < 1e-4
        assert (comparison.rank, comparison.patients) == (1, 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [table.name, wheel.name]  # nothing was unpacked


def test_a_table_whose_rows_are_mixed_up_does_not_agree(rows, phantom, fmcib_encoder, tmp_path):
    turned = [[*row[:7], *other[7:]] for row, other in zip(rows, rows[1:] + rows[:1], strict=True)]
    comparison = verify(phantom, fmcib_encoder, read_published(write(tmp_path / "mixed.csv", turned)))
    assert not comparison.agrees
    assert comparison.rank > 1
    assert comparison.nearest_other == "LUNG1-005"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([GOOD[0]], "one of LUNG1-001 and 0 of others"),
        ([GOOD[1]], "none of LUNG1-001 and 1 of others"),
        ([], "none of LUNG1-001 and 0 of others"),
        ([*GOOD, GOOD[0]], "has two rows of LUNG1-001"),
        ([*GOOD, GOOD[1]], "has two rows of LUNG1-002"),
        ([GOOD[0][:5], GOOD[1]], "Row 1 of original.csv has 5 cells, wanted at least 6"),
        ([GOOD[0], [*GOOD[1][:4], "left", 1]], "Row 2 of original.csv has a cell that is no number"),
        ([[PATIENT, 1, 2, 3, "", 1], GOOD[1]], "a cell that is no number"),
        ([[PATIENT, 1, 2, 3, "nan", 1], GOOD[1]], "NaN or huge"),
        ([[PATIENT, 1, 2, "inf", 0, 1], GOOD[1]], "NaN or huge"),
        ([[PATIENT, 1, 2, 3, 1e300, 1], GOOD[1]], "NaN or huge"),
        ([[PATIENT, 1, 2, 3, 0, 0], GOOD[1]], "no feature but zeros"),
    ],
)
def test_a_table_without_the_rows_or_numbers_is_refused(table, message, tmp_path):
    with pytest.raises(TableError, match=message):
        read_published(small(tmp_path, *table), feature_count=2)


def test_missing_columns_are_named(tmp_path):
    path = write(tmp_path / "f.csv", [], ["PatientID", "coordX", "coordY", "pred_0"])
    with pytest.raises(TableError, match=r"f\.csv lacks 2 columns of the published features \(coordZ, pred_1\)"):
        read_published(path, feature_count=2)
    with pytest.raises(TableError, match=r"lacks 4099 columns .*\(PatientID, coordY, coordZ\)"):
        read_published(write(tmp_path / "g.csv", [], ["coordX", "age"]))


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"\x00" * 500, b'"never closed', b"a" * 300_000, b"PK\x03\x04 torn", b"<html>404</html>"],
    ids=["empty", "no UTF-8", "zeros", "quotes", "one cell", "torn", "web page"],
)
def test_a_file_that_is_no_table_is_refused_by_name(content, tmp_path):
    path = tmp_path / "secret-folder" / "f.csv"
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(TableError, match=r"f\.csv") as refusal:
        read_published(path)
    assert "secret-folder" not in str(refusal.value)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv cannot be read \(No such file"):
        read_published(tmp_path / "none.csv")
    with pytest.raises(TableError, match="cannot be read"):
        read_published(tmp_path)


def test_another_wheel_a_packed_or_a_huge_one_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("original.csv", "a,b")
    with pytest.raises(TableError, match=r"w\.whl holds no tumorimagingbench/.*original\.csv"):
        read_published(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.write(small(tmp_path, *GOOD), MEMBER)
    with pytest.raises(TableError, match="packed as no wheel is"):
        read_published(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(MEMBER, b" " * 200_000_001)
    with pytest.raises(TableError, match="holds 200,000,001 bytes"):
        read_published(path)


def test_a_damaged_wheel_is_a_table_or_a_table_error(tmp_path):
    path = tmp_path / "w.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(small(tmp_path, *GOOD), MEMBER)
    original, read = path.read_bytes(), 0
    for seed in range(400):
        rng = random.Random(seed)  # noqa: S311  no secrets
        content = bytearray(original)
        for _ in range(3):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content[: rng.choice([None, None, None, -1, len(content) // 2])])
        try:
            read += read_published(path, feature_count=2).patient == PATIENT
        except TableError:
            continue
    assert read < 400


@pytest.fixture
def inputs(rows, phantom, tmp_path):
    write_image(phantom, tmp_path / "ct.nrrd")
    return ["--scan", str(tmp_path / "ct.nrrd"), "--published", str(write(tmp_path / "original.csv", rows))]


class Trained:
    """The demonstration encoder under a name that does not say so."""

    def __init__(self, encoder) -> None:
        self.encoder = encoder
        self.weights = replace(encoder.weights, name="model_weights.torch", caution="")

    def __getattr__(self, name):
        return getattr(self.encoder, name)


def test_the_command_ends_with_0_where_features_agree(inputs, fmcib_encoder, monkeypatch, capsys):
    monkeypatch.setattr(command, "open_encoder", lambda _: Trained(fmcib_encoder))
    assert run(["verify-published", *inputs, "--weights", "w.torch"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for words in ("model_weights.torch, SHA-256", "rank of the published row among 5 1", "agrees:", "For research use"):
        assert words in told
    assert "does not agree" not in told


def test_the_command_ends_with_3_where_they_do_not_and_says_how(
    inputs, rows, fmcib_encoder, monkeypatch, capsys, tmp_path
):
    monkeypatch.setattr(command, "open_encoder", lambda _: Trained(fmcib_encoder))
    first = np.array(rows[0][7:], dtype=float)
    towards = [[*rows[0][:7], *(first + 0.3 * (np.array(rows[1][7:], dtype=float) - first))], *rows[1:]]
    for table, words in ((towards, "the nearest, but beyond the limit"), (swapped(rows), "other patients are nearer")):
        write(tmp_path / "original.csv", table)
        assert run(["verify-published", *inputs, "--weights", "w.torch"]) == 3
        told = " ".join(capsys.readouterr().out.split())
        assert "does not agree" in told
        assert words in told


def swapped(rows: list) -> list:
    (first, second), others = rows[:2], rows[2:]
    return [[*first[:7], *second[7:]], [*second[:7], *first[7:]], *others]


def test_with_demonstration_weights_the_comparison_means_nothing_whatever_it_gives(
    inputs, fmcib_encoder, monkeypatch, capsys
):
    monkeypatch.setattr(command, "open_encoder", lambda _: fmcib_encoder)
    assert run(["verify-published", *inputs, "--weights", "demonstration"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert f"{DEMONSTRATION_MEANING}: this comparison means no more." in told
    assert "agrees:" not in told


@pytest.mark.parametrize(
    "missing", list(itertools.chain.from_iterable(itertools.combinations(range(3), n) for n in (1, 2, 3)))
)
def test_what_is_missing_is_named_with_where_to_get_it(missing, inputs, monkeypatch, capsys):
    monkeypatch.delenv("FMCIB_WEIGHTS", raising=False)
    where = ["The Cancer Imaging Archive", "pip download --no-deps tumorimagingbench==0.1.4", "weights download fmcib"]
    pairs = [inputs[:2], inputs[2:], ["--weights", "demonstration"]]
    arguments = [word for index, pair in enumerate(pairs) if index not in missing for word in pair]
    assert run(["verify-published", *arguments]) == 4
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith("skipped.")
    assert [index for index, words in enumerate(where) if words in told] == list(missing)


def test_a_damaged_table_scan_or_weights_file_ends_with_4(inputs, tmp_path, capsys):
    scan, table = tmp_path / "ct.nrrd", tmp_path / "original.csv"
    (tmp_path / "w.torch").write_text("no weights", encoding="utf-8")
    assert run(["verify-published", *inputs, "--weights", str(tmp_path / "w.torch")]) == 4
    assert "Error: w.torch" in capsys.readouterr().err
    scan.write_text("no scan", encoding="utf-8")
    assert run(["verify-published", *inputs, "--weights", "demonstration"]) == 4
    table.write_text("no table", encoding="utf-8")
    assert run(["verify-published", *inputs, "--weights", "demonstration"]) == 4
    assert "lacks 4100 columns" in " ".join(capsys.readouterr().err.split())


@needs_data
@needs_golden
def test_the_real_scan_is_computed_at_the_published_seed(
    scan_path, fmcib_encoder, golden, rows, tmp_path, monkeypatch, capsys
):
    """The published features stay outside; features made by upstream's code with the same weights stand for them."""
    mine = [0, PATIENT, *LUNG1_SEED, "CT.nrrd", 1.0, *golden["lung1-001/features"]]
    table = write(tmp_path / "original.csv", [*rows[1:], mine])
    monkeypatch.setattr(command, "open_encoder", lambda _: Trained(fmcib_encoder))
    scan = scan_path("lung1/LUNG1-001_dicom.tar.xz")
    assert run(["verify-published", "--scan", str(scan), "--published", str(table), "--weights", "w.torch"]) == 0
    assert "agrees:" in capsys.readouterr().out
    comparison = compare(golden["lung1-001/features"], read_published(table))
    assert comparison.distance < 1e-6
