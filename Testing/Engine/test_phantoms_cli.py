"""`fmcib-engine phantoms`: what it writes, and that it loses nothing."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from fmcib_engine.cli.commands import run
from fmcib_engine.cli.phantoms import COMPUTER_MADE
from fmcib_engine.phantom import Case, draw, sample_case
from fmcib_engine.phantom.lesions import EDITION
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.readers import read_volume
from fmcib_engine.seeds import read_seeds

pytest.importorskip("SimpleITK")
pytest.importorskip("matplotlib")


def make(folder, *options):
    return run(["phantoms", "--output", str(folder), "--run-seed", "5", *options])


def test_images_masks_truth_and_seeds_are_written(tmp_path, capsys):
    assert make(tmp_path / "new" / "folder", "--count", "3", "--no-sheet") == 0
    folder = tmp_path / "new" / "folder"
    assert COMPUTER_MADE in capsys.readouterr().out
    described = [json.loads(line) for line in (folder / "phantoms.jsonl").read_text(encoding="utf-8").splitlines()]
    with (folder / "phantoms.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(described) == len(rows) == 3
    for number, (values, row) in enumerate(zip(described, rows, strict=True)):
        assert values.pop("edition") == EDITION
        details, size = values.pop("details"), values.pop("size_mm")
        case = Case.from_json(values)
        assert case == sample_case(number, 5)
        patch = draw(case, size)
        assert details == patch.details
        image, mask = (read_volume(folder / f"lesion_{number:05d}{end}.nrrd") for end in ("", "_mask"))
        np.testing.assert_allclose(image.array, patch.hu, atol=0.51)
        np.testing.assert_array_equal(np.asarray(mask.array) > 0, patch.mask)
        assert (row["site"], row["outline"], row["scanner"]) == (case.site, case.outline, case.scanner)


def test_the_table_is_one_of_seeds_and_the_recipe_cuts_the_lesion_out_of_the_middle(tmp_path):
    make(tmp_path, "--count", "2", "--no-sheet", "--site", "liver")
    for seed in read_seeds(tmp_path / "phantoms.csv").seeds:
        volume = read_volume(seed.image)
        patch = cut_patch(volume, seed.point(volume.grid))
        assert patch.quality.padded_fraction == 0
        whole = draw(sample_case(seed.row - 1, 5, site="liver"), 64)
        np.testing.assert_allclose(patch.to_hu(), whole.hu[7:57, 7:57, 7:57], atol=0.6)
        assert whole.mask[32, 32, 32]


def test_the_sheet_shows_eight_of_each_site(tmp_path, monkeypatch):
    from fmcib_engine.cli import phantoms

    shown = []
    monkeypatch.setattr(phantoms, "draw_sheet", lambda tiles, path, **text: shown.extend([*tiles, text]))
    assert make(tmp_path, "--count", "0") == 0
    *tiles, text = shown
    assert len(tiles) == 64
    assert [tile.caption.partition(",")[0] for tile in tiles[::8]] == [*phantoms.SITES]
    assert text["notice"] == COMPUTER_MADE
    assert not (tmp_path / "phantoms.csv").exists()


def test_the_sheet_is_a_png(tmp_path):
    from fmcib_engine.results.sheet import Tile, draw_sheet

    cube = np.zeros((20, 20, 20), dtype=np.float32)
    cube[10, 2, 3] = 100  # x low: the patient's right, at the viewer's left
    cube[3, 10, 16] = 100  # z low: at the bottom of the coronal slice
    draw_sheet([Tile(cube, (0, 100), "one")] * 9, tmp_path / "sheet.png", title="$two$ rows", notice="made")
    from matplotlib.image import imread

    picture = imread(tmp_path / "sheet.png")[..., 0]
    assert picture.shape == (70 + 2 * (2 * 150 + 6 + 50), 8 * 156 + 6)
    axial, coronal = picture[120:270, 6:156], picture[272:422, 6:156]
    assert axial[15:22, 23:29].min() > 0.9
    assert coronal[122:127, 121:126].min() > 0.9
    assert (axial > 0.9).sum() < 100


def test_phantoms_of_an_earlier_run_are_not_lost_by_accident(tmp_path, capsys):
    make(tmp_path, "--count", "1", "--no-sheet")
    before = (tmp_path / "phantoms.csv").read_bytes()
    assert make(tmp_path, "--count", "2", "--no-sheet") == 4
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "phantoms.csv").read_bytes() == before
    assert make(tmp_path, "--count", "2", "--no-sheet", "--overwrite") == 0
    assert (tmp_path / "phantoms.csv").read_bytes() != before


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path, capsys):
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert make(tmp_path / "taken", "--count", "1") == 4
    assert "--output" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--site", "brain"), ("--scanner", "Z"), ("--size", "7"), ("--count", "-1")])
def test_options_that_cannot_be_are_refused(tmp_path, option):
    assert make(tmp_path, *option) == 2
    assert list(tmp_path.iterdir()) == []
