"""`stability` and `extract --stability`: files that come again bit for bit, reports, refusals in a sentence."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from fmcib_engine.cli import stability as command
from fmcib_engine.cli.commands import run
from fmcib_engine.results.image import write_image
from fmcib_engine.results.schema import STEADINESS, STEADINESS_OF_HEADS
from test_stability import scan

pytest.importorskip("torch")

HOW = ["--weights", "small", "--device", "cpu", "--engine", "pytorch"]
RESEARCH = "For research use only."


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "Doe_Jane.nrrd"
    write_image(scan(), path)
    return path


@pytest.fixture
def one(image, small_installed):
    return ["stability", "--image", str(image), "--seed", "0", "0", "0", *HOW, "--draws", "3"]


def table(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return str(path)


def seeds(image, path, column="condition"):
    rows = [["lesion_id", column, "image_path", "coordX", "coordY", "coordZ"]]
    for lesion, x in (("a", 0), ("b", 12), ("c", -14)):
        rows += [[lesion, "test", image, x, 0, 0], [lesion, "retest", image, x + 1.2, 1, 0]]
    return table(path, rows)


def test_the_same_command_writes_the_same_bytes_and_no_name(one, tmp_path, capsys):
    first, again, picture = (tmp_path / name for name in ("1.json", "2.json", "1.png"))
    assert run([*one, "--output", str(first), "--picture", str(picture)]) == 0
    said = capsys.readouterr().out
    assert run([*one, "--output", str(again)]) == 0
    assert first.read_bytes() == again.read_bytes()
    assert picture.read_bytes().startswith(b"\x89PNG")
    document = json.loads(first.read_text(encoding="utf-8"))
    assert len(document["draws"]) == 3
    assert len(document["perturbations"]) == 11
    assert "Doe" not in first.read_text(encoding="utf-8")
    assert document["encoder"]["caution"]
    for head in document["heads"]:
        assert head["note"]
        assert {each["draws"] for each in head["outputs"].values()} == {3}
    assert "no rank beside the cosine: no other lesions were given" in document["cosine"]["rank"]["in_words"]
    assert RESEARCH in said
    assert "of 3 draws" in said


def test_another_number_draws_other_seeds(one, tmp_path):
    moved = []
    for number in ("1", "2"):
        path = tmp_path / f"{number}.json"
        assert run([*one, "--no-perturb", "--random-seed", number, "--output", str(path)]) == 0
        moved.append([each["moved_mm"] for each in json.loads(path.read_text(encoding="utf-8"))["draws"]])
    assert moved[0] != moved[1]


def test_a_rank_is_given_among_other_lesions_of_the_scan_and_of_a_table(one, image, tmp_path):
    others = seeds(image, tmp_path / "seeds.csv")
    features = tmp_path / "features.csv"
    assert run(["extract", "--table", others, *HOW, "--output", str(features)]) == 0
    path = tmp_path / "rank.json"
    given = ["--others", others, "--reference", str(features), "--no-perturb", "--output", str(path)]
    assert run([*one, *given]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["cosine"]["rank"]["others"] == 10  # of each six, one of which is the lesion itself
    assert document["cosine"]["rank"]["draws"] == 3


@pytest.mark.parametrize(
    ("column", "new"), [("weights_sha256", "0" * 64), ("recipe_id", "fmcib-yaml-v1")], ids=["weights", "recipe"]
)
def test_a_reference_of_other_weights_or_another_recipe_is_refused(one, image, tmp_path, capsys, column, new):
    features, output = tmp_path / "features.csv", tmp_path / "rank.json"
    assert run(["extract", "--table", seeds(image, tmp_path / "seeds.csv"), *HOW, "--output", str(features)]) == 0
    with features.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table(features, [list(rows[0]), *([new if name == column else row[name] for name in row] for row in rows)])
    capsys.readouterr()
    assert run([*one, "--reference", str(features), "--output", str(output)]) == 4
    said = " ".join(capsys.readouterr().err.split())
    assert f"The features of features.csv are of weights {rows[0]['weights_sha256'][:12]}" in said or new[:12] in said
    assert "Compute that table with the same weights (--reference)" in said
    assert not output.exists()


def test_a_reference_of_this_lesion_alone_gives_no_rank_and_its_name_is_not_kept(one, image, tmp_path):
    features, output = tmp_path / "Doe_Jane.csv", tmp_path / "rank.json"
    lesion = ["--image", str(image), "--seed", "0", "0", "0"]
    assert run(["extract", *lesion, *HOW, "--output", str(features)]) == 0
    assert run([*one, "--no-perturb", "--reference", str(features), "--output", str(output)]) == 0
    text = output.read_text(encoding="utf-8")
    assert "the reference table holds no other lesion" in json.loads(text)["cosine"]["rank"]["in_words"]
    assert "Doe" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lesion_id,coordX,coordY\na,0,0\n", "coordZ"),
        ("lesion_id,coordX,coordY,coordZ\n", "has a header and no rows"),
        ("lesion_id,coordX,coordY,coordZ\na,0,zero,0\n", "Lesion a of others.csv: Row 1"),
        ("lesion_id,coordX,coordY,coordZ\na,0,900,0\n", "Lesion a of others.csv: The seed"),
        ("image_path,lesion_id,coordX,coordY\nct.nrrd,a,0,0\n", "coordZ"),
    ],
    ids=["a column", "rows", "a number", "outside", "a column, with scans"],
)
def test_others_that_cannot_be_used_are_told_by_what_is_wrong_with_them(one, tmp_path, capsys, text, said):
    others = tmp_path / "others.csv"
    others.write_text(text, encoding="utf-8")
    assert run([*one, "--others", str(others), "--output", str(tmp_path / "rank.json")]) == 4
    told = " ".join(capsys.readouterr().err.split())
    assert said in told
    assert "names its scans" not in told
    assert list(tmp_path.iterdir()) == [others]


def test_a_grid_gives_a_map_and_a_mask_holds_the_seeds(one, image, tmp_path):
    path = tmp_path / "grid.json"
    assert run([*one, "--no-perturb", "--grid-steps", "1", "--grid-step", "3", "--output", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    by_place = document["heads"][0]["by_place"]
    assert by_place["origin_lps_mm"] == pytest.approx([-3, -3, -3])
    assert all(np.shape(each) == (3, 3, 3) for each in by_place["outputs_zyx"].values())
    mask = scan()
    inside = (np.abs(np.indices(mask.array.shape) - np.array([30, 40, 45])[:, None, None, None]) <= 1).all(axis=0)
    write_image(type(mask)(inside.astype(np.uint8), mask.grid), tmp_path / "mask.nrrd")
    path = tmp_path / "mask.json"
    assert run([*one, "--no-perturb", "--mask", str(tmp_path / "mask.nrrd"), "--output", str(path)]) == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert "27 voxels" in document["jitter"]["how"]
    assert np.abs([each["moved_mm"] for each in document["draws"]]).max() < 4


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--draws", "0"], 4, "1 to 2000"),
        (["--variance", "-1"], 4, "above 0"),
        (["--seed", "900", "0", "0"], 4, "outside the scan"),
        (["--seed", "nan", "0", "0"], 2, "three finite numbers"),
        (["--grid-steps", "99"], 4, "1 to 6"),
        (["--mask", "there/is/none.nrrd"], 4, "there is no"),
        (["--mask", "m.nrrd", "--grid-steps", "1"], 2, "either --mask or --grid-steps"),
        (["--table", "t.csv"], 2, "leave out what is of one lesion"),
        (["--others", "none.csv"], 4, "none.csv"),
        (["--reference", "none.csv"], 4, "none.csv"),
        (["--heads", "no-such-head"], 4, "no-such-head"),
        (["--output", "."], 4, "is a folder"),
        (["--output", "s.txt"], 4, "should end in .json"),
        (["--picture", "s.jpg"], 4, "should end in .png"),
        (["--condition", "visit"], 2, "has no use for --condition"),
        (["--output", "no/such/folder/s.json"], 4, "is not there"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(one, tmp_path, monkeypatch, capsys, more, code, said):
    monkeypatch.chdir(tmp_path)
    assert run([*one, *more]) == code
    assert said in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("more", [["--draws", "5"], ["--no-perturb"], ["--frame", "ras"], ["--random-seed", "1"]])
def test_what_a_cohort_has_no_use_for_is_not_passed_over(tmp_path, capsys, more):
    path = table(tmp_path / "pairs.csv", [["lesion_id", "condition"]])
    assert run(["stability", "--table", path, *more]) == 2
    assert "which has no use for --" in " ".join(capsys.readouterr().err.split())


def test_nothing_that_is_there_is_lost(one, image, tmp_path, capsys):
    there = tmp_path / "there.json"
    there.write_text("mine", encoding="utf-8")
    assert run([*one, "--output", str(there)]) == 4
    assert run([*one, "--output", str(image), "--overwrite"]) == 4
    said = capsys.readouterr().err
    assert "exists already" in said
    assert "should end in .json" in said
    assert there.read_text(encoding="utf-8") == "mine"


def test_ctrl_c_leaves_nothing(one, tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "disturb", interrupted)
    monkeypatch.chdir(tmp_path)
    assert run(one) == 130
    assert "Nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def report(image, small_installed, tmp_path, capsys):
    folder = tmp_path / "report"
    assert run(["stability", "--table", seeds(image, tmp_path / "pairs.csv"), *HOW, "--output", str(folder)]) == 0
    return folder, capsys.readouterr().out


def test_a_cohort_gets_a_report_that_stands_alone(report):
    folder, said = report
    assert sorted(each.name for each in folder.iterdir()) == ["agreement.csv", "report.html", "results.json"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "http" not in page.replace("http://www.w3.org", "")
    assert page.count("<img") > 3
    for wanted in ("ICC(A,1)", "ICC(C,1)", "CCC, retest against test", "Bland-Altman", "above 0.75", RESEARCH):
        assert wanted in page
    assert "COMPUTER-MADE" in page
    assert "3 lesions in 2 conditions: test, retest." in said
    with (folder / "agreement.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groups = {row["group"] for row in rows}
    assert groups == {"features", "predictions"}
    assert sum(row["number"] == "pred_0" for row in rows) == 3


def test_a_table_of_extract_gives_the_same_coefficients(report, image, tmp_path):
    features, folder = tmp_path / "features.csv", tmp_path / "again"
    assert run(["extract", "--table", str(tmp_path / "pairs.csv"), *HOW, "--output", str(features)]) == 0
    assert run(["stability", "--table", str(features), "--output", str(folder)]) == 0
    first, again = (
        list(csv.DictReader((each / "agreement.csv").read_text(encoding="utf-8").splitlines()))
        for each in (report[0], folder)
    )
    assert [(row["group"], row["number"]) for row in first] == [(row["group"], row["number"]) for row in again]
    for ours, theirs in zip(first, again, strict=True):
        assert bool(ours["value"]) == bool(theirs["value"])
        if ours["value"]:
            assert float(ours["value"]) == pytest.approx(float(theirs["value"]), abs=1e-4)


def test_a_report_is_replaced_only_where_that_is_allowed(report, tmp_path, capsys):
    folder, _ = report
    again = ["stability", "--table", str(tmp_path / "pairs.csv"), *HOW, "--output", str(folder)]
    assert run(again) == 4
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    assert run([*again, "--overwrite"]) == 4
    assert "would be lost" in capsys.readouterr().err
    assert (folder / "mine.txt").is_file()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["a", "test"], ["a", "test"], ["b", "retest"]], "comes twice in the condition test"),
        ([["a", "test"], ["b", "test"]], "wanted two or more"),
        ([["a", "test"], ["a", "retest"], ["b", "test"]], "1 lesions are in each of the conditions"),
        ([["a", "test"], ["a", ""]], "none empty"),
    ],
)
def test_pairs_that_are_none_are_refused(image, small_installed, tmp_path, capsys, rows, said):
    header = ["lesion_id", "condition", "image_path", "coordX", "coordY", "coordZ"]
    path = table(tmp_path / "pairs.csv", [header, *([*row, image, 3 * n, 0, 0] for n, row in enumerate(rows))])
    assert run(["stability", "--table", path, *HOW, "--output", str(tmp_path / "report")]) == 4
    assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "report").exists()


def test_a_table_without_conditions_is_refused(image, small_installed, tmp_path, capsys):
    path = seeds(image, tmp_path / "pairs.csv", column="visit")
    assert run(["stability", "--table", path, *HOW, "--output", str(tmp_path / "report")]) == 4
    assert "no column condition" in " ".join(capsys.readouterr().err.split())
    again = ["stability", "--table", path, *HOW, "--condition", "visit", "--output", str(tmp_path / "report")]
    assert run(again) == 0


def test_rows_without_features_are_named_and_the_code_says_so(image, small_installed, tmp_path, capsys):
    path = tmp_path / "pairs.csv"
    seeds(image, path)
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(["d", "test", image, 900, 0, 0])
    folder = tmp_path / "report"
    assert run(["stability", "--table", str(path), *HOW, "--output", str(folder)]) == 3
    assert "outside the scan" in " ".join(capsys.readouterr().err.split())
    assert "outside the scan" in (folder / "report.html").read_text(encoding="utf-8")


def test_masks_without_pyradiomics_are_told(image, small_installed, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fmcib_engine.cli.stability_cohort.is_installed", lambda: False)
    rows = [["lesion_id", "condition", "image_path", "coordX", "coordY", "coordZ", "mask_path"]]
    for lesion, x in (("a", 0), ("b", 12)):
        rows += [[lesion, "test", image, x, 0, 0, "m.nrrd"], [lesion, "retest", image, x + 1, 0, 0, "m.nrrd"]]
    path = table(tmp_path / "pairs.csv", rows)
    assert run(["stability", "--table", path, *HOW, "--output", str(tmp_path / "report")]) == 0
    assert "PyRadiomics is not installed" in " ".join(capsys.readouterr().err.split())
    assert "PyRadiomics is not installed" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def extracted(image, tmp_path, name, *more):
    path = tmp_path / name
    lesion = ["--image", str(image), "--seed", *map(str, (35, 0, 0))]
    assert run(["extract", *lesion, *HOW, "--output", str(path), *more]) == 0
    with path.open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    return row


def test_extract_adds_its_columns_only_where_asked(image, small_installed, tmp_path):
    plain = extracted(image, tmp_path, "plain.csv")
    row = extracted(image, tmp_path, "steady.csv", "--stability", "8")
    added = [name for name in row if name not in plain]
    assert added[: len(STEADINESS)] == [name for name, *_ in STEADINESS]
    ends = {pattern.rpartition(":")[2] for pattern, *_ in STEADINESS_OF_HEADS}
    assert {name.rpartition(":")[2] for name in added[len(STEADINESS) :]} == ends
    varying = {"computed_at"}
    assert {name: value for name, value in row.items() if name in plain and name not in varying} == {
        name: value for name, value in plain.items() if name not in varying
    }
    assert int(row["stability_draws"]) + int(row["stability_draws_left_out"]) == 8
    assert int(row["stability_draws_left_out"]) > 0  # the seed lies 1 mm from the scan's end
    assert "outside the scan" in row["stability_note"]
    assert "no rank beside the cosine" in row["stability_note"]
    assert float(row["stability_cosine_min"]) <= float(row["stability_cosine_mean"]) <= 1
    sums = [name.removesuffix(":sd") for name in added if name.endswith(":sd")]
    assert sums
    for name in sums:
        assert float(row[f"{name}:min"]) <= float(row[f"{name}:max"])


def test_the_columns_are_explained(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    assert run(["columns"]) == 0
    said = capsys.readouterr().out
    for name, *_ in (*STEADINESS, *STEADINESS_OF_HEADS):
        assert name in said
