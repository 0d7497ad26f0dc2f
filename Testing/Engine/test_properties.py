"""What holds for any grid, any seed and any table, tried on a few hundred of each; the same ones in every run."""

from __future__ import annotations

import csv
import io
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.errors import SeedError, TableError
from fmcib_engine.geometry import FRAMES, PatientPoint, VoxelGrid, point_in_frame
from fmcib_engine.paths import file_of, is_elsewhere
from fmcib_engine.preprocessing import PATCH_SIZE, RECIPES, Patch, cut_patch
from fmcib_engine.preprocessing.crop import Crop
from fmcib_engine.preprocessing.fmcib_csv_v1 import resampled_grid
from fmcib_engine.seeds import read_seed_table
from fmcib_engine.volume import Volume
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir
from support import OBLIQUE, SIGNED_PERMUTATIONS

set_hypothesis_home_dir(
    Path(tempfile.gettempdir()) / "fmcib-hypothesis"
)  # what it remembers of its own tables, not in the project's folder

repeatable = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
few = settings(repeatable, max_examples=25)

ROUNDING = 1e-12
"""Per millimetre of coordinate: a few hundred times the spacing of doubles, for half a dozen products and sums."""


def numbers(low, high):
    return st.floats(low, high, allow_nan=False, allow_infinity=False)


@st.composite
def rotations(draw):
    """Any rotation, as a unit quaternion, mirrored or not."""
    parts = np.array([draw(numbers(-1, 1)) for _ in range(4)])
    length = np.linalg.norm(parts)
    w, x, y, z = parts / length if length > 0.1 else (1.0, 0.0, 0.0, 0.0)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    return turn @ draw(st.sampled_from(SIGNED_PERMUTATIONS))


@st.composite
def grids(draw):
    """Rotated, mirrored, permuted, anisotropic and sheared grids far from the origin."""
    spacing = [draw(numbers(0.1, 10)) for _ in range(3)]
    shear = np.eye(3)
    shear[np.triu_indices(3, 1)] = [draw(numbers(-0.5, 0.5)) for _ in range(3)]
    affine = np.eye(4)
    affine[:3, :3] = draw(rotations()) @ shear * spacing
    affine[:3, 3] = [draw(numbers(-2000, 2000)) for _ in range(3)]
    return VoxelGrid(tuple(draw(st.integers(1, 600)) for _ in range(3)), affine)


points = st.builds(PatientPoint, *[numbers(-3000, 3000)] * 3)


def tolerance(grid, point):
    """In mm: rounding of the largest number on the way there and back, which a thin, leaning voxel magnifies."""
    largest = max(np.abs(point.to_array()).max(), np.abs(grid.origin).max(), 1.0)
    return ROUNDING * largest * np.linalg.cond(grid.affine[:3, :3])


@repeatable
@given(grids(), points)
def test_a_point_survives_the_way_to_an_index_and_back(grid, point):
    back = grid.to_patient(grid.to_index(point))
    np.testing.assert_allclose(back, point.to_array(), rtol=0, atol=tolerance(grid, point))


@repeatable
@given(grids(), points)
def test_the_same_point_comes_from_each_frame(grid, point):
    values = {"lps": tuple(point), "ras": (-point.x, -point.y, point.z), "ijk": grid.to_index(point)}
    for frame in FRAMES:
        same = point_in_frame(values[frame], frame, grid)
        np.testing.assert_allclose(same.to_array(), point.to_array(), rtol=0, atol=tolerance(grid, point))


@repeatable
@given(grids())
def test_a_grid_survives_ras_and_its_parts(grid):
    again = VoxelGrid.from_ras_affine(grid.size, grid.ras_affine)
    np.testing.assert_allclose(again.affine, grid.affine, rtol=0, atol=np.finfo(float).tiny)  # signs change, no more
    parts = VoxelGrid.from_parts(grid.size, origin=grid.origin, spacing=grid.spacing, direction=grid.direction)
    np.testing.assert_allclose(parts.affine, grid.affine, rtol=ROUNDING, atol=ROUNDING)
    np.testing.assert_allclose(np.linalg.norm(grid.direction, axis=0), 1, rtol=ROUNDING)


@repeatable
@given(grids(), st.tuples(*[numbers(-0.2, 1.2)] * 3))
def test_the_distance_to_the_border_is_positive_inside_only(grid, share):
    index = np.array(share) * grid.size - 0.5
    point = PatientPoint.from_lps(grid.to_patient(index))
    distance = grid.border_distance(point)
    if abs(distance) < 1e-5:  # on the very face, where `require_inside` allows for rounding
        return
    if distance > 0:
        grid.require_inside(point)
    else:
        with pytest.raises(SeedError, match="outside the scan"):
            grid.require_inside(point)


@repeatable
@given(grids(), st.tuples(*[numbers(0.01, 0.99)] * 3))
def test_no_face_is_nearer_than_the_distance_to_the_border(grid, share):
    index = np.array(share) * grid.size - 0.5
    point = PatientPoint.from_lps(grid.to_patient(index))
    distance = grid.border_distance(point)
    for axis in range(3):
        normal = grid.inverse[axis, :3] / np.linalg.norm(grid.inverse[axis, :3])
        for way in (-1, 1):
            grid.require_inside(PatientPoint.from_lps(point.to_array() + way * 0.999 * distance * normal))


def monais_grid(grid: VoxelGrid) -> tuple[np.ndarray, list[int]]:
    """4x4 to RAS mm, and size, of what MONAI's Spacing and Orientation make of an upright scan, by its own formulas."""
    affine, size = grid.ras_affine, np.array(grid.size)
    spacing = np.sqrt((affine[:3, :3] ** 2).sum(axis=0))
    target = np.diag([*np.where((spacing >= 1.0 - 1e-3) & (spacing <= 1.0 + 1e-3), spacing, 1.0), 1.0])
    ends = np.vstack([np.array(np.meshgrid(*[(0.0, n - 1.0) for n in size], indexing="ij")).reshape(3, -1), np.ones(8)])
    on_target = (np.linalg.solve(target, affine) @ ends)[:3]
    size_out = np.round(np.ptp(on_target, axis=1) + 1.0).astype(int)
    smallest = (on_target - on_target.min(axis=1, keepdims=True) <= 1e-8).all(axis=0)
    target[:3, 3] = (affine @ ends)[:3, int(np.argmax(smallest))]
    there = np.linalg.solve(affine, target)
    near = np.allclose(affine, target, atol=1e-3) or np.allclose(there, np.eye(4), atol=1e-3)
    kept = affine if near and np.array_equal(size_out, size) else affine @ there
    reverse = np.diag([-1.0, -1.0, 1.0, 1.0])
    reverse[:2, 3] = size_out[:2] - 1.0
    return kept @ reverse, size_out.tolist()


@st.composite
def upright_grids(draw):
    """In any of the 48 storage orders, with the spacings and origins that headers have."""
    decimals = st.integers(1, 900).map(lambda number: number / 100)
    common = st.sampled_from([0.5, 0.78125, 0.9765625, 0.999, 0.9995, 1.0, 1.001, 0.9999999999999998, 2.5, 1 / 3])
    single = numbers(0.3, 6).map(lambda number: float(np.float32(number)))
    spacing = [draw(st.one_of(decimals, common, single)) for _ in range(3)]
    origin = [round(draw(numbers(-900, 900)), draw(st.integers(0, 9))) for _ in range(3)]
    size = tuple(draw(st.integers(2, 400)) for _ in range(3))
    return VoxelGrid.from_parts(
        size, origin=origin, spacing=spacing, direction=draw(st.sampled_from(SIGNED_PERMUTATIONS))
    )


@repeatable
@given(upright_grids(), st.tuples(*[numbers(0, 1)] * 3), st.booleans())
def test_of_any_upright_scan_the_1_mm_grid_and_a_seeds_index_are_upstreams_to_the_last_bit(grid, share, on_edge):
    ours, (theirs, size) = resampled_grid(grid), monais_grid(grid)
    assert ours.size == tuple(size)
    np.testing.assert_array_equal(ours.ras_affine, theirs)
    index = np.array(share) * (np.array(ours.size) - 1)
    seed = PatientPoint.from_lps(ours.to_patient(np.rint(index) if on_edge else index))
    upstream = (np.linalg.inv(theirs) @ (-seed.x, -seed.y, seed.z, 1.0))[:3]
    np.testing.assert_array_equal(ours.to_index(seed), upstream)
    crop = Crop.around(seed, grid, ours)
    assert crop.centre.tolist() == [int(value) for value in upstream]


@repeatable
@given(grids(), points)
def test_an_index_is_the_exact_one_but_for_noise(grid, point):
    """As computed in fractions, by Cramer's rule."""
    rows = [[Fraction(float(number)) for number in row] for row in grid.affine[:3]]
    (a, b, c), (d, e, f), (g, h, i) = (row[:3] for row in rows)
    x, y, z = (Fraction(value) - row[3] for value, row in zip(point, rows, strict=True))
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    exact = [
        x * (e * i - f * h) - b * (y * i - f * z) + c * (y * h - e * z),
        a * (y * i - f * z) - x * (d * i - f * g) + c * (d * z - y * g),
        a * (e * z - y * h) - b * (d * z - y * g) + x * (d * h - e * g),
    ]
    expected = [float(part / whole) for part in exact]
    np.testing.assert_allclose(grid.to_index(point), expected, rtol=0, atol=tolerance(grid, point) / grid.spacing.min())


DIRECTIONS = [*SIGNED_PERMUTATIONS[::7], OBLIQUE, OBLIQUE @ SIGNED_PERMUTATIONS[11]]


@st.composite
def scans(draw):
    """A scan of noise in one of the storage orders, and any seed inside it."""
    grid = VoxelGrid.from_parts(
        tuple(draw(st.integers(3, 70)) for _ in range(3)),
        origin=[draw(numbers(-2000, 2000)) for _ in range(3)],
        spacing=[draw(numbers(0.4, 5)) for _ in range(3)],
        direction=draw(st.sampled_from(DIRECTIONS)),
    )
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    voxels = chance.integers(-1024, 3072, grid.size[::-1]).astype(np.int16)
    share = np.array([draw(numbers(0.0, 1.0)) for _ in range(3)])
    seed = PatientPoint.from_lps(grid.to_patient(share * (np.array(grid.size) - 1)))
    return Volume(voxels, grid), seed


@few
@pytest.mark.parametrize("recipe_id", RECIPES)
@given(scans())
def test_any_seed_inside_any_scan_gives_a_patch_around_it(recipe_id, scan):
    volume, seed = scan
    patch = cut_patch(volume, seed, recipe_id)
    assert patch.array.shape == (PATCH_SIZE,) * 3
    assert np.isfinite(patch.array).all()
    assert patch.inside.any()
    quality = patch.quality
    assert 0 <= quality.padded_fraction < 1
    index = patch.grid.to_index(seed)
    beyond = np.abs(index - (PATCH_SIZE - 1) / 2)
    clamped = quality.border_distance_mm < PATCH_SIZE / 2 + 2
    assert clamped or (beyond <= 1.5 + 1e-6).all()
    assert ((index >= -0.5 - 1.5) & (index <= PATCH_SIZE - 0.5 + 1.5)).all()
    again = Patch.from_bytes(patch.to_bytes())
    assert again.sha256 == patch.sha256
    assert (again.seed, again.recipe_id, again.quality) == (patch.seed, patch.recipe_id, patch.quality)
    np.testing.assert_array_equal(again.inside, patch.inside)
    np.testing.assert_array_equal(again.grid.affine, patch.grid.affine)


@few
@given(scans(), st.integers(-300, 300), st.sampled_from([1, 7, 30]))
def test_a_patch_does_not_depend_on_what_lies_far_from_it(scan, value, step):
    volume, seed = scan
    voxels = np.array(volume.array)
    far = np.indices(voxels.shape).reshape(3, -1).T[::step, ::-1]
    distance = np.linalg.norm(volume.grid.to_patient(far) - seed.to_array(), axis=1)
    chosen = far[distance > PATCH_SIZE * 2 + 3 * volume.grid.spacing.max()]
    voxels[chosen[:, 2], chosen[:, 1], chosen[:, 0]] = value
    before, after = cut_patch(volume, seed), cut_patch(Volume(voxels, volume.grid), seed)
    assert before.sha256 == after.sha256


def table_of(folder, text):
    path = folder / "seeds.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    return read_seed_table(path)


TABLE_WORDS = ["image_path", "coordX", "coordY", "coordZ", "lesion_id", "time_point", ",", ";", "\t", '"', "\n", "\r"]
fragments = st.lists(st.one_of(st.sampled_from([*TABLE_WORDS, "1.5", "1,5", "\0", "\ufeff"]), st.text(max_size=8)))
with_header = fragments.map(lambda parts: "image_path,coordX,coordY,coordZ\n" + "".join(parts))


@repeatable
@given(st.one_of(fragments.map("".join), with_header, st.text(), st.binary()))
def test_any_text_is_a_table_or_refused_as_one(tmp_path, text):
    try:
        table = table_of(tmp_path, text)
    except TableError:
        return
    assert table.seeds
    for seed in table.seeds:
        assert seed.problem or np.isfinite(seed.coordinates).all()


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
NOWHERE = Path("no such folder")
cells = names.filter(lambda text: text == text.strip() and file_of(text, NOWHERE) == NOWHERE / text)
cells = cells.filter(lambda text: not is_elsewhere(text))


@repeatable
@given(
    rows=st.lists(st.tuples(cells, *[numbers(-1e6, 1e6)] * 3, cells, st.integers(0, 10**8), st.text()), min_size=1),
    extra=cells.filter(lambda name: name not in {"image_path", "coordX", "coordY", "coordZ", "lesion_id"}),
    separator=st.sampled_from(",;\t"),
)
def test_what_a_csv_writer_wrote_comes_back(tmp_path, rows, extra, separator):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerow(["image_path", "coordX", "coordY", "coordZ", "lesion_id", "time_point", f"my {extra}"])
    writer.writerows(rows)
    table = table_of(tmp_path, text.getvalue())
    assert table.extra_columns == (f"my {extra}",)
    for row, seed in zip(rows, table.seeds, strict=True):
        image, x, y, z, lesion_id, time_point, note = row
        assert (seed.image, seed.coordinates, seed.problem) == (tmp_path / image, (x, y, z), "")
        assert (seed.lesion_id, seed.time_point, seed.extras) == (lesion_id, time_point, {f"my {extra}": note})
