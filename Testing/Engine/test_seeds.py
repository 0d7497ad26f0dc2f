"""Seed tables, and the order in which their rows are analysed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.batch import analyse
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.seeds import LesionSeed, read_seed_table
from fmcib_engine.volume import Volume


def test_two_series_of_one_folder_are_two_scans():
    reads = []

    def read_volume(path, series_uid):
        reads.append(series_uid)
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
    path.write_text("image_path,coordX,coordY,coordZ,lesion_id,lesion_diameter_mm,series_uid\nct,1,2,3,L,9.5,1.2\n")
    (seed,) = read_seed_table(path, frame="ras").seeds
    assert (seed.coordinates, seed.frame) == ((1.0, 2.0, 3.0), "ras")
    assert (seed.lesion_id, seed.diameter_mm, seed.series_uid) == ("L", 9.5, "1.2")


@pytest.mark.parametrize(("x", "diameter"), [("1_0", "5"), ("1", "0"), ("1", "-3"), ("1", "wide")])
def test_a_number_that_is_none_is_a_problem_of_its_row(tmp_path, x, diameter):
    path = tmp_path / "seeds.csv"
    path.write_text(f"image_path,coordX,coordY,coordZ,lesion_diameter_mm\nct,{x},2,3,{diameter}\n")
    assert "should be" in read_seed_table(path).seeds[0].problem


@pytest.mark.parametrize("rest", ["", ",", ",,,", ", , "])
def test_trailing_empty_cells_and_empty_rows_are_no_trouble(tmp_path, rest):
    path = tmp_path / "seeds.csv"
    path.write_text(f"image_path,coordX,coordY,coordZ\nct,1,2,3{rest}\n,,,{rest}\n")
    (seed,) = read_seed_table(path).seeds
    assert seed.problem == ""


def test_a_character_that_no_path_has_is_a_problem_of_its_row(tmp_path):
    path = tmp_path / "seeds.csv"
    path.write_text("image_path,coordX,coordY,coordZ\nc\0t,1,2,3\nct,1,2,3\n")
    bad, good = read_seed_table(path).seeds
    assert "no path has" in bad.problem
    assert good.problem == ""
