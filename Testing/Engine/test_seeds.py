"""Seed tables, and the order in which their rows are analysed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.batch import analyse
from fmcib_engine.errors import TableError
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.seeds import LesionSeed, read_seed_table
from fmcib_engine.volume import Volume


def test_two_series_of_one_folder_are_two_scans():
    reads = []

    def read_volume(seed):
        reads.append(seed.series_uid)
        return Volume(np.zeros((9, 9, 9), np.int16), VoxelGrid((9, 9, 9), np.eye(4)))

    class Silent:
        batch_size = 9

        def encode(self, _patches):
            raise MemoryError

    seeds = [LesionSeed(n, str(n), Path("ct"), (4.0, 4.0, 4.0), series_uid=uid) for n, uid in enumerate("aba")]
    results = list(analyse(seeds, read_volume=read_volume, encoder=Silent(), recipe_id="fmcib-csv-v1"))
    assert reads == ["a", "b"]
    assert all(one.patch is not None and one.source is not None and one.point is not None for one in results)


def test_every_cell_of_a_row_reaches_its_seed(tmp_path):
    path = tmp_path / "seeds.csv"
    path.write_text(
        "image_path,coordX,coordY,coordZ,lesion_id,lesion_diameter_mm,series_uid\nct,1,2,3,L,9.5,1.2\n",
        encoding="utf-8",
    )
    (seed,) = read_seed_table(path, frame="ras").seeds
    assert (seed.coordinates, seed.frame) == ((1.0, 2.0, 3.0), "ras")
    assert (seed.lesion_id, seed.diameter_mm, seed.series_uid) == ("L", 9.5, "1.2")


@pytest.mark.parametrize(("x", "diameter"), [("1_0", "5"), ("1", "0"), ("1", "-3"), ("1", "wide")])
def test_a_number_that_is_none_is_a_problem_of_its_row(tmp_path, x, diameter):
    path = tmp_path / "seeds.csv"
    path.write_text(f"image_path,coordX,coordY,coordZ,lesion_diameter_mm\nct,{x},2,3,{diameter}\n", encoding="utf-8")
    assert "should be" in read_seed_table(path).seeds[0].problem


@pytest.mark.parametrize("rest", ["", ",", ",,,", ", , "])
def test_trailing_empty_cells_and_empty_rows_are_no_trouble(tmp_path, rest):
    path = tmp_path / "seeds.csv"
    path.write_text(f"image_path,coordX,coordY,coordZ\nct,1,2,3{rest}\n,,,{rest}\n", encoding="utf-8")
    (seed,) = read_seed_table(path).seeds
    assert seed.problem == ""


def test_a_character_that_no_path_has_is_a_problem_of_its_row(tmp_path):
    path = tmp_path / "seeds.csv"
    path.write_text("image_path,coordX,coordY,coordZ\nc\0t,1,2,3\nct,1,2,3\n", encoding="utf-8")
    bad, good = read_seed_table(path).seeds
    assert "no path has" in bad.problem
    assert good.problem == ""


HEADER = "image_path,coordX,coordY,coordZ,lesion_id,lesion_diameter_mm,series_uid,time_point,note\n"
GOOD = "ct.nrrd,1,2,3,,,,,\n"


def table(folder, text, encoding="utf-8", **options):
    path = folder / "seeds.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return read_seed_table(path, **options)


@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["commas", "semicolons", "tabs"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_write_is_read(tmp_path, separator, ends, encoding):
    text = (HEADER + "Zoë/ct.nrrd,-1.5,2,3e1,A,9.5,1.2,4,größer\n").replace(",", separator).replace("\n", ends)
    read = table(tmp_path, text, encoding)
    (seed,) = read.seeds
    assert (seed.image, seed.coordinates) == (tmp_path / "Zoë" / "ct.nrrd", (-1.5, 2.0, 30.0))
    assert (seed.lesion_id, seed.diameter_mm, seed.series_uid, seed.time_point) == ("A", 9.5, "1.2", 4)
    assert (read.extra_columns, seed.extras, seed.problem) == (("note",), {"note": "größer"}, "")


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimals_have_commas_where_the_whole_table_says_so(tmp_path, separator):
    rows = HEADER.replace(",", separator) + separator.join(["ct", "-1,5", "2", "3,25e1", "a", "9,5", "", "", "1,2.3"])
    (seed,) = table(tmp_path, rows).seeds
    assert (seed.coordinates, seed.diameter_mm, seed.problem) == ((-1.5, 2.0, 32.5), 9.5, "")
    assert seed.extras == {"note": "1,2.3"}


def test_commas_and_points_in_one_table_are_never_guessed(tmp_path):
    text = HEADER.replace(",", ";") + "ct;1,5;2;3;;;;;\nct;1.5;2;3;;;;;\nct;1,234.5;2;3;;;;;\nct;1;2;3;;7,5;;;\n"
    first, second, third, fourth = table(tmp_path, text).seeds
    assert "got '1,5'; other rows of this table have decimal points, so a comma could mean anything" in first.problem
    assert (second.problem, second.coordinates) == ("", (1.5, 2.0, 3.0))
    assert "got '1,234.5'" in third.problem
    assert "lesion_diameter_mm should be a number" in fourth.problem


def test_the_points_of_diameters_count_when_commas_of_coordinates_are_judged(tmp_path):
    rows = "ct;1,5;2;3;;12.5;;;\nct;1;2;3;;12.5;;;\nct;1;2;3,5;;;;;\n"
    first, second, third = table(tmp_path, HEADER.replace(",", ";") + rows).seeds
    assert "coordX should be a number" in first.problem
    assert "got '1,5'; other rows of this table have decimal points" in first.problem
    assert (second.problem, second.coordinates, second.diameter_mm) == ("", (1.0, 2.0, 3.0), 12.5)
    assert "got '3,5'; other rows of this table have decimal points" in third.problem


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("separator", [",", ";", "\t"], ids=["commas", "semicolons", "tabs"])
@pytest.mark.parametrize("start", ["sep={0}\n", "SEP={0}\n", '"sep={0}"\n', "sep={0}{0}{0}\n", "\n\nsep={0}\n\n"])
def test_the_line_that_tells_excel_the_separator_is_no_header(tmp_path, start, separator, ends, encoding):
    text = start.format(separator) + HEADER.replace(",", separator) + GOOD.replace(",", separator)
    (seed,) = table(tmp_path, text.replace("\n", ends), encoding).seeds
    assert (seed.row, seed.coordinates, seed.problem) == (1, (1.0, 2.0, 3.0), "")


@pytest.mark.parametrize("start", ["\n", "\r\n\r\n", " \n", ",,,\n", ";;\n\t\n\n"])
def test_empty_lines_before_the_header_are_no_header(tmp_path, start):
    (seed,) = table(tmp_path, start + HEADER + GOOD).seeds
    assert (seed.row, seed.coordinates, seed.problem) == (1, (1.0, 2.0, 3.0), "")


def test_a_first_column_without_a_name_is_no_empty_line(tmp_path):
    (seed,) = table(tmp_path, "," + HEADER + "0," + GOOD).seeds
    assert (seed.coordinates, seed.problem) == ((1.0, 2.0, 3.0), "")


def test_a_separator_that_the_first_line_tells_wrongly_is_never_guessed(tmp_path):
    with pytest.raises(TableError, match="it lacks image_path, coordX, coordY, coordZ"):
        table(tmp_path, "sep=;\n" + HEADER + GOOD)
    with pytest.raises(TableError, match=r"and has sep=\|"):
        table(tmp_path, "sep=|\n" + HEADER.replace(",", "|") + GOOD.replace(",", "|"))
    with pytest.raises(TableError, match=r"and has sep="):
        table(tmp_path, "sep=;")


@pytest.mark.parametrize("text", ["58,3", "1,234.5", "1,234"])
def test_a_decimal_comma_in_a_table_of_commas_is_a_problem_that_says_why(tmp_path, text):
    (seed,) = table(tmp_path, HEADER + f'ct,"{text}",2,3,,,,,\n').seeds
    assert f"got '{text}'; in a table separated by commas, decimals have points" in seed.problem


@pytest.mark.parametrize("text", ["1,2,3", "1,", ",5", "1,5e"])
def test_what_is_no_number_with_a_comma_is_a_problem_or_a_number(tmp_path, text):
    (seed,) = table(tmp_path, HEADER.replace(",", ";") + f"ct;{text};2;3;;;;;\n").seeds
    assert ("coordX should be a number" in seed.problem) == (text in {"1,2,3", "1,5e"})


NO_NUMBERS = [
    "left",
    "nan",
    "inf",
    "-Infinity",
    "1e999",
    "0x1A",
    "1_0",
    "\uff11\uff12",
    "\u0661\u0662",
    "½",
    "\u22125",
    "1 2",
    "--1",
    "1.2.3",
    ".",
]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "9" * 10_000])
def test_a_seed_that_is_no_plain_number_is_a_problem_in_few_words(tmp_path, text):
    (seed,) = table(tmp_path, HEADER + f"ct,{text},2,3,,,,,\n").seeds
    assert "coordX should be a number" in seed.problem
    assert len(seed.problem) < 250


def test_an_empty_seed_is_a_problem(tmp_path):
    (seed,) = table(tmp_path, HEADER + "ct,,2,3,,,,,\n").seeds
    assert "coordX should be a number" in seed.problem


@pytest.mark.parametrize("text", ["-1", "1.0", "1.5", "two", "1_0", "\uff12", "nan", "9" * 5000])
def test_a_time_point_that_is_no_whole_number_is_a_problem(tmp_path, text):
    (seed,) = table(tmp_path, HEADER + f"ct,1,2,3,,,,{text},\n").seeds
    assert "time_point should be a whole number from 0" in seed.problem
    assert seed.time_point is None


def test_all_that_is_wrong_with_a_row_is_told_at_once(tmp_path):
    (seed,) = table(tmp_path, HEADER + ",x,y,3,,wide,,soon,,more\n").seeds
    for words in ("more cells", "image_path is empty", "coordX", "coordY", "lesion_diameter_mm", "time_point"):
        assert words in seed.problem
    assert seed.problem.startswith("Row 1 of the seed table: ")


def test_the_problems_of_one_row_in_ten_thousand_stop_no_other(tmp_path):
    rows = [GOOD] * 10_000
    rows[4321] = "ct.nrrd,one,2,3,,,,,\n"
    seeds = table(tmp_path, HEADER + "".join(rows)).seeds
    assert [seed.row for seed in seeds if seed.problem] == [4322]
    assert len(seeds) == 10_000


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest"], ids=["xlsx", "xls"])
def test_a_workbook_is_refused_with_what_to_do(tmp_path, content):
    with pytest.raises(TableError, match=r"seeds\.csv is an Excel workbook\. Open it there and save it as a CSV"):
        table(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "needs the columns .* and has none"),
        (b"\n\n", "needs the columns .* and has none"),
        (HEADER.encode(), "has a header and no rows"),
        (HEADER.encode() + b",,,,,,,,\n", "has a header and no rows"),
        (b"image_path;coordX;coordY\nct;1;2\n", "it lacks coordZ and has image_path, coordX, coordY"),
        (b"image_path,coordX,coordY,coordZ,coordX\n", "coordX more than once"),
        (b"image_path,coordX,coordY,coordZ\nct,1,2,\xff\n", "cannot be read .*UTF-8"),
        (b'image_path,coordX,coordY,coordZ\n"ct,1,2,3\n', "cannot be read"),
        (b"\xff\xfei\0m", "cannot be read|needs the columns"),
        ("image_path,coordX,coordY,coordZ\nct,1,2,3\n".encode("utf-16-le"), "is no text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "cannot be read"),
        (b"a" * 200_000, "cannot be read .*field larger"),
        (b"," * 100_000, "needs the columns"),
    ],
)
def test_what_is_no_seed_table_is_refused(tmp_path, content, words):
    with pytest.raises(TableError, match=words) as caught:
        table(tmp_path, content)
    assert str(tmp_path) not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_table_that_is_a_folder_or_not_there_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "gone.csv", tmp_path / ("n" * 300)):
        with pytest.raises(TableError, match="cannot be read"):
            read_seed_table(path)


def test_lesions_with_the_name_of_another_are_told_and_stay(tmp_path):
    rows = [
        "a,1,2,3,X,,,,\n",
        "a,4,5,6,X,,,,\n",
        "a,1,2,3,X,,1.2,,\n",
        "a,1,2,3,X,,,1,\n",
        "b,1,2,3,X,,,,\n",
        "a,1,2,3,2,,,,\n",
    ]
    read = table(tmp_path, HEADER + "".join(rows))
    (warning,) = read.warnings
    assert "come again in these rows, which are computed all the same: 2. Give different lesions" in warning
    assert not any(seed.problem for seed in read.seeds)
    (warning,) = table(tmp_path, HEADER + rows[0] * 20).warnings
    assert "2, 3, 4, 5, 6 and 14 more" in warning
    assert table(tmp_path, HEADER + GOOD * 20).warnings == ()


def test_the_warnings_about_a_table_are_told_by_extract(tmp_path, capsys):
    pytest.importorskip("torch")
    from fmcib_engine.cli.commands import run

    (tmp_path / "seeds.csv").write_text(HEADER + "gone.nrrd,1,2,3,X,,,,\n" * 2, encoding="utf-8")
    arguments = ["--table", str(tmp_path / "seeds.csv"), "--weights", "demonstration", "--device", "cpu"]
    assert run(["extract", *arguments, "--output", str(tmp_path / "f.csv")]) == 4  # as no scan is there
    assert "come again in these rows" in " ".join(capsys.readouterr().err.split())
