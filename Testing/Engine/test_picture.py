import sys

import numpy as np
import pytest
from fmcib_engine.errors import DependencyError, OutputError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import PATCH_SIZE, Patch, cut_patch
from fmcib_engine.results import picture
from fmcib_engine.results.picture import draw_patch
from fmcib_engine.volume import Volume

image = pytest.importorskip("matplotlib.image")

SEED = PatientPoint(-40.0, 12.0, -300.0)
FAR = 12
"""Voxels between the seed and a mark: beyond the cross-hair's gap, away from letters and the scale bar."""


def scan(size=(100, 100, 100), *, fill=-300.0, centre=SEED, direction=None):
    """A scan of one value, 1 mm, around `centre`."""
    direction = np.eye(3) if direction is None else direction
    origin = centre.to_array() - direction @ ((np.array(size) - 1) / 2)
    grid = VoxelGrid.from_parts(size, origin=origin, spacing=(1, 1, 1), direction=direction)
    return Volume(np.full(size[::-1], fill, dtype=np.float32), grid)


def with_mark(offset_lps):
    """A patch with a bright cube of 5 mm at `offset_lps` (mm) from the seed."""
    volume = scan()
    i, j, k = np.rint(volume.grid.to_index(SEED) + offset_lps).astype(int)
    volume.array[k - 2 : k + 3, j - 2 : j + 3, i - 2 : i + 3] = 1000.0
    return cut_patch(volume, SEED)


def pixels(path):
    """The PNG as [row, column, 3], 0 to 255."""
    return np.rint(image.imread(path)[..., :3] * 255).astype(int)


def panel(path, number):
    left, top = picture.PANEL_LEFT[number], picture.PANEL_TOP
    return pixels(path)[top : top + picture.PANEL, left : left + picture.PANEL]


def brightest_voxel(shown):
    """(column, row) in voxels, from the top left, of the middle of the largest white spot's 5 x 5 voxels."""
    squares = shown.min(axis=2).reshape(PATCH_SIZE, 8, PATCH_SIZE, 8).min(axis=(1, 3))
    rows, columns = np.nonzero(squares == 255)
    return float(np.median(columns)), float(np.median(rows))


@pytest.mark.parametrize(
    ("offset_lps", "number", "step"),
    [
        ((FAR, -3, 0), 0, "right"),  # the patient's left is the viewer's right
        ((-FAR, -3, 0), 0, "left"),
        ((3, -FAR, 0), 0, "up"),  # front up
        ((3, FAR, 0), 0, "down"),
        ((FAR, 0, 3), 1, "right"),
        ((-FAR, 0, 3), 1, "left"),
        ((3, 0, FAR), 1, "up"),  # head up
        ((3, 0, -FAR), 1, "down"),
        ((0, -FAR, 3), 2, "left"),  # front to the viewer's left
        ((0, FAR, 3), 2, "right"),
        ((0, 3, FAR), 2, "up"),
        ((0, 3, -FAR), 2, "down"),
    ],
)
def test_a_mark_appears_on_the_side_where_a_radiologist_expects_it(tmp_path, offset_lps, number, step):
    patch = with_mark(offset_lps)
    draw_patch(patch, tmp_path / "mark.png", title="Mark")
    column, row = brightest_voxel(panel(tmp_path / "mark.png", number))
    seed = patch.grid.to_index(SEED)
    across, along = ((0, 1), (0, 2), (1, 2))[number]
    moved_right = column - seed[across]
    moved_down = row - (seed[along] if number == 0 else PATCH_SIZE - 1 - seed[along])
    distance = {"right": moved_right, "left": -moved_right, "down": moved_down, "up": -moved_down}[step]
    assert distance == pytest.approx(FAR, abs=1.01)


def test_each_voxel_is_a_plain_square_of_its_own_gray(tmp_path):
    volume = scan()
    volume.array[:] = np.random.default_rng(1).uniform(-1000, 400, volume.array.shape)
    patch = cut_patch(volume, SEED)
    draw_patch(patch, tmp_path / "noise.png", title="Noise")
    z = int(np.rint(patch.grid.to_index(SEED))[2])
    low, high = picture.WINDOW_HU
    expected = (patch.to_hu()[z, 5:20, 10:20] - low) / (high - low) * 255
    shown = panel(tmp_path / "noise.png", 0)[40:160, 80:160]
    np.testing.assert_allclose(shown[..., 0], np.kron(expected, np.ones((8, 8))), atol=2)  # 256 grays
    assert (np.ptp(shown, axis=2) == 0).all()


def test_the_picture_has_its_size_and_a_band_only_for_a_notice(tmp_path):
    patch = with_mark((FAR, 0, 0))
    draw_patch(patch, tmp_path / "plain.png", title="A title with $dollars_ and 50 %")
    draw_patch(patch, tmp_path / "notice.png", title="A title", notice="DEMONSTRATION WEIGHTS")
    plain, notice = pixels(tmp_path / "plain.png"), pixels(tmp_path / "notice.png")
    assert plain.shape == notice.shape == (picture.HEIGHT, picture.WIDTH, 3)

    def red(shown):
        return np.mean((shown[50:86, :, 0] > 150) & (shown[50:86, :, 1] < 80))

    assert red(plain) == 0
    assert red(notice) > 0.8


def test_what_lies_outside_the_scan_is_blue_and_air_is_not(tmp_path):
    volume = scan((60, 60, 60), fill=-1024.0)
    volume.array[:, :, 20:] = 0.0
    right_face = PatientPoint(SEED.x - 25, SEED.y, SEED.z)
    patch = cut_patch(volume, right_face)
    draw_patch(patch, tmp_path / "border.png", title="Border")
    shown = panel(tmp_path / "border.png", 0)
    blue = (shown[..., 2] - shown[..., 0] > 40).reshape(PATCH_SIZE, 8, PATCH_SIZE, 8).mean(axis=(1, 3)) > 0.5
    outside = ~patch.inside
    assert outside.mean() == pytest.approx(patch.quality.padded_fraction, abs=1e-6)
    z = int(np.rint(patch.grid.to_index(right_face))[2])
    assert np.mean(blue == outside[z]) > 0.98  # the cross-hair hides some
    assert np.count_nonzero((patch.array == 0) & ~outside) > 10000  # the scan's own air


def test_an_older_picture_is_replaced_and_no_other_file_is_left(tmp_path):
    path = tmp_path / "patch.png"
    path.write_text("old", encoding="utf-8")
    draw_patch(with_mark((FAR, 0, 0)), path, title="New")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_is_refused_by_the_files_name_only(tmp_path):
    with pytest.raises(OutputError, match=r"patch\.png cannot be written") as caught:
        draw_patch(with_mark((FAR, 0, 0)), tmp_path / "Doe^John" / "patch.png", title="T")
    assert "Doe" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_write_leaves_nothing_behind(tmp_path):
    (tmp_path / "patch.png").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        draw_patch(with_mark((FAR, 0, 0)), tmp_path / "patch.png", title="T")
    assert [path.name for path in tmp_path.iterdir()] == ["patch.png"]


def test_matplotlib_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(DependencyError, match=r"extra \[picture\]"):
        draw_patch(with_mark((FAR, 0, 0)), tmp_path / "patch.png", title="T")
    assert list(tmp_path.iterdir()) == []


def test_a_seed_and_a_patch_survive_the_trip_between_processes(tmp_path):
    patch = with_mark((FAR, -3, 0))
    draw_patch(patch, tmp_path / "here.png", title="T")
    draw_patch(Patch.from_bytes(patch.to_bytes()), tmp_path / "there.png", title="T")
    np.testing.assert_array_equal(pixels(tmp_path / "here.png"), pixels(tmp_path / "there.png"))
