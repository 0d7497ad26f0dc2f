"""One lesion disturbed: where the seed goes, how the patch changes, what is said of it."""

from __future__ import annotations

import numpy as np
import pytest
from fmcib_engine import pipeline
from fmcib_engine.errors import ImageError, InputError, SeedError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.heads.choose import Features, choose_heads
from fmcib_engine.preprocessing import Patch, cut_nearby
from fmcib_engine.stability.jitter import grid, in_mask, normal
from fmcib_engine.stability.numbers import cosines, in_words, rank_of, spread_of
from fmcib_engine.stability.one import Asked, Others, disturb
from fmcib_engine.stability.others import of_patches
from fmcib_engine.stability.perturb import PERTURBATIONS, perturbed
from fmcib_engine.volume import Volume
from support import OBLIQUE, SIGNED_PERMUTATIONS

SEED = PatientPoint(0.0, 0.0, 0.0)
BY_NAME = {each.name: each for each in PERTURBATIONS}


def scan(direction=None, spacing=(0.8, 0.9, 1.5), size=(90, 80, 60)) -> Volume:
    """A textured scan around (0, 0, 0)."""
    direction = np.eye(3) if direction is None else direction
    origin = -(direction * spacing) @ ((np.array(size) - 1) / 2)
    place = VoxelGrid.from_parts(size, origin=origin, spacing=spacing, direction=direction)
    k, j, i = np.indices(size[::-1])
    hu = 200 * np.sin(i / 5) + 150 * np.cos(j / 7 + k / 3) - 300
    return Volume(hu.astype(np.int16), place)


@pytest.fixture(scope="module")
def heads(encoder, small_file):
    return choose_heads("auto", Features(encoder, str(small_file), encoder.spec.recipe_id), lambda _: encoder)


@pytest.mark.parametrize("direction", [*SIGNED_PERMUTATIONS[::9], OBLIQUE], ids=range(7))
def test_patches_cut_together_are_those_cut_one_by_one(direction):
    volume = scan(direction)
    points = normal(SEED, 12, 16, 3).points
    for together, point in zip(cut_nearby(volume, points), points, strict=True):
        alone = pipeline.cut(volume, point)
        assert np.abs(together.array - alone.array).max() < 1e-6
        assert np.array_equal(together.inside, alone.inside)
        assert np.array_equal(together.grid.affine, alone.grid.affine)
        assert together.quality.padded_fraction == pytest.approx(alone.quality.padded_fraction, abs=1e-9)


def test_a_seed_outside_the_scan_has_a_word_why_in_its_place():
    inside, outside = cut_nearby(scan(), [SEED, PatientPoint(500, 0, 0)])
    assert isinstance(inside, Patch)
    assert isinstance(outside, SeedError)


def test_the_jitter_is_the_papers_and_the_same_for_the_same_number():
    first, again, other = (normal(SEED, 2000, 16, seed) for seed in (1, 1, 2))
    assert first.points == again.points != other.points
    moved = np.array([tuple(point) for point in first.points])
    assert moved.var(axis=0) == pytest.approx([16, 16, 16], rel=0.12)
    assert np.abs(moved.mean(axis=0)).max() < 0.4
    assert "16 mm²" in first.how


def test_a_grid_has_the_seed_in_its_middle_and_x_fastest():
    points = grid(PatientPoint(1, 2, 3), 1, 4).points
    assert len(points) == 27
    assert points[13] == PatientPoint(1, 2, 3)
    assert points[14] == PatientPoint(5, 2, 3)
    assert points[0] == PatientPoint(-3, -2, -1)


@pytest.mark.parametrize(
    "direction", [np.eye(3), SIGNED_PERMUTATIONS[20], OBLIQUE], ids=["upright", "turned", "oblique"]
)
def test_seeds_in_a_mask_lie_in_it_and_fill_it(direction):
    mask = scan(direction)
    inside = np.zeros(mask.array.shape, np.uint8)
    inside[20:40, 30:50, 10:30] = 1
    mask = Volume(inside, mask.grid)
    index = np.array([mask.grid.to_index(point) for point in in_mask(mask, 2000, 0).points])
    low, high = np.array([10, 30, 20]) - 0.5, np.array([29, 49, 39]) + 0.5
    assert ((index >= low - 1e-6) & (index <= high + 1e-6)).all()
    assert index.mean(axis=0) == pytest.approx((low + high) / 2, abs=0.6)
    assert index.std(axis=0) == pytest.approx(np.full(3, 20 / np.sqrt(12)), rel=0.05)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: normal(SEED, 0, 16, 0), "1 to 2000"),
        (lambda: normal(SEED, 5000, 16, 0), "1 to 2000"),
        (lambda: normal(SEED, 5, -1, 0), "above 0"),
        (lambda: normal(SEED, 5, float("nan"), 0), "above 0"),
        (lambda: grid(SEED, 0, 4), "1 to 6"),
        (lambda: grid(SEED, 9, 4), "1 to 6"),
        (lambda: grid(SEED, 2, 0), "above 0"),
    ],
)
def test_a_spread_that_is_none_is_refused_in_a_sentence(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_an_empty_mask_is_refused():
    mask = scan()
    with pytest.raises(ImageError, match="no voxel above 0"):
        in_mask(Volume(np.zeros(mask.array.shape, np.uint8), mask.grid), 3, 0)


def test_an_offset_moves_every_scanned_voxel_by_as_many_hu():
    patch = pipeline.cut(scan(), PatientPoint(25, 0, 0))
    assert (~patch.inside).sum() > 0
    moved = perturbed(patch, BY_NAME["offset+20HU"], 0).to_hu() - patch.to_hu()
    assert moved[patch.inside] == pytest.approx(20, abs=0.01)
    assert (moved[~patch.inside] == 0).all()


def test_noise_has_its_size_and_comes_again():
    patch = pipeline.cut(scan(), SEED)
    first, again, other = (perturbed(patch, BY_NAME["noise-20HU"], seed) for seed in (4, 4, 5))
    assert first.sha256 == again.sha256 != other.sha256
    added = (first.to_hu() - patch.to_hu())[patch.inside]
    assert added.std() == pytest.approx(20, rel=0.02)
    assert abs(added.mean()) < 0.3


@pytest.mark.parametrize("mm", [2, 3, 5])
def test_thick_slices_keep_a_ramp_and_level_what_alternates(mm):
    change = BY_NAME[f"slices-{mm}mm"].change
    random = np.random.default_rng(0)
    ramp = np.broadcast_to(np.arange(50.0)[:, None, None], (50, 4, 4))
    inner = slice(mm, 50 - mm)
    assert change(ramp, random)[inner] == pytest.approx(ramp[inner])
    waves = np.broadcast_to(np.where(np.arange(60) % 30 < 15, 1.0, -1.0)[:50, None, None], (50, 4, 4))
    assert change(waves, random).std() < waves.std()
    assert change(np.ones((50, 4, 4)), random) == pytest.approx(1)


def test_kernels_smooth_and_sharpen_in_the_plane_and_keep_the_level():
    values = np.zeros((50, 50, 50))
    values[25, 25, 25] = 100
    random = np.random.default_rng(0)
    soft, sharp = (BY_NAME[name].change(values, random) for name in ("smooth-0.75mm", "sharpen-0.75mm-1"))
    for changed in (soft, sharp):
        assert changed.sum() == pytest.approx(100)
        assert not changed[24].any()
    assert soft[25, 25, 25] < 100 < sharp[25, 25, 25]
    assert sharp == pytest.approx(2 * values - soft)


@pytest.mark.parametrize(("letter", "axis"), [("x", 2), ("y", 1), ("z", 0)])
def test_a_flip_turns_the_patch_over_and_what_is_outside_with_it(letter, axis):
    patch = pipeline.cut(scan(), PatientPoint(25, 0, 0))
    turned = perturbed(patch, BY_NAME[f"flip-{letter}"], 0)
    assert turned.array == pytest.approx(np.flip(patch.array, axis), abs=1e-6)
    assert np.array_equal(turned.inside, np.flip(patch.inside, axis))


def test_cosine_rank_and_spread_are_what_they_say():
    assert cosines([[1, 0], [1, 1]], [2, 0])[:, 0] == pytest.approx([1, np.sqrt(0.5)])
    rank = rank_of(np.array([0.9, 0.5]), np.array([[0.8, 0.1], [0.7, 0.6]]))
    assert (rank.first, rank.worst, rank.draws, rank.others) == (1, 3, 2, 2)
    assert rank.nearest_other == pytest.approx(0.75)
    assert "1 of 2 among 2 other lesions (worst rank 3 of 3" in in_words(rank, "")
    assert rank_of(np.array([0.9]), np.zeros((1, 0))) is None
    assert in_words(None, "no other lesions") == "no rank beside the cosine: no other lesions"
    spread = spread_of(5, [1.0, 2.0, 3.0])
    assert (spread.value, spread.mean, spread.sd, spread.draws) == (5, 2, 1, 3)


def test_features_of_zeros_are_like_nothing_and_make_no_lesion_know_itself():
    own = cosines([[0.0, 0.0], [1.0, 0.0]], [[1.0, 0.1]])[:, 0]
    rank = rank_of(own, cosines([[0.0, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]))
    assert np.isnan(own).tolist() == [True, False]
    assert (rank.first, rank.worst) == (1, 3)
    assert "the nearest other none" in in_words(rank, "")


def test_a_copy_that_is_as_near_counts_as_nearer():
    """Else an encoder that gives the same features for everything would be said to know each lesion."""
    assert rank_of(np.array([1.0]), np.array([[1.0, 1.0]])).first == 0


def test_the_answers_are_those_of_single_runs_and_the_undisturbed_is_extracts(encoder, heads):
    volume = scan()
    asked = Asked(normal(SEED, 5, 16, 1), PERTURBATIONS[:2])
    done = []
    found = disturb(volume, SEED, encoder, heads, asked, lambda: done.append(1))
    assert len(done) == 8
    assert len(found.drawn) == 5
    assert [each.name for each in found.changed] == ["offset-20HU", "offset+20HU"]
    assert found.undisturbed.patch_sha256 == pipeline.cut(volume, SEED).sha256
    for answer in found.drawn:
        (alone,) = pipeline.encode([pipeline.cut(volume, answer.point)], encoder)
        assert answer.features == pytest.approx(alone.features, abs=1e-4)
    for key, spread in found.spreads().items():
        assert spread.draws == 5
        assert spread.low <= spread.mean <= spread.high, key


def test_draws_that_leave_the_scan_are_told_and_counted(encoder, heads):
    found = disturb(scan(), PatientPoint(35, 0, 0), encoder, heads, Asked(normal(SEED, 1, 16, 0)))
    assert found.left_out == ()
    edge = normal(PatientPoint(35, 0, 0), 20, 16, 0)
    found = disturb(scan(), PatientPoint(35, 0, 0), encoder, heads, Asked(edge))
    outside = [point for point in edge.points if abs(point.x) > 36]
    assert len(outside) == len(found.left_out) > 0
    assert all("outside the scan" in each.why for each in found.left_out)
    assert len(found.drawn) == 20 - len(outside)
    with pytest.raises(SeedError, match="None of 3 moved seeds"):
        disturb(scan(), SEED, encoder, heads, Asked(normal(PatientPoint(900, 0, 0), 3, 1, 0)))


def test_a_map_lies_where_the_seeds_were_and_is_empty_where_they_left(encoder, heads):
    seed = PatientPoint(33, 0, 0)
    found = disturb(scan(), seed, encoder, heads, Asked(grid(seed, 1, 5)))
    head = next(each for each in found.heads)
    place, values = found.map_of(head.id, head.outputs[0])
    assert np.isnan(values[:, :, 2]).all()
    assert np.isfinite(values[:, :, :2]).all()
    assert values[1, 1, 1] == pytest.approx(found.undisturbed.predictions[head.id].values[0], abs=1e-4)
    assert place.to_patient((1, 1, 1)) == pytest.approx([33, 0, 0])
    assert disturb(scan(), SEED, encoder, heads, Asked(normal(SEED, 1, 1, 0))).map_of(head.id, head.outputs[0]) is None


def test_the_lesion_itself_is_not_among_the_others(encoder, heads):
    volume = scan()
    own, other = pipeline.cut(volume, SEED), pipeline.cut(volume, PatientPoint(20, 0, 0))
    others = of_patches([own, other], lambda kept: pipeline.encode(kept, encoder), own, Others.none("none"))
    assert others.features.shape == (1, encoder.spec.feature_count)
    found = disturb(volume, SEED, encoder, heads, Asked(normal(SEED, 3, 0.01, 0), others=others))
    assert found.rank(found.drawn).first == 3
    nobody = of_patches([own], lambda kept: pipeline.encode(kept, encoder), own, Others.none("none"))
    assert nobody.about == "no other lesion of the scan is given"
