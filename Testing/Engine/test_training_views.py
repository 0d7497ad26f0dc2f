"""Views: the same of a seed, of the size that the network wants, and nothing in them that the patch does not have."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from fmcib_engine.errors import InputError
from fmcib_engine.phantom import probe_patch
from fmcib_engine.training.batches import Order
from fmcib_engine.training.start import order_of
from fmcib_engine.training.views import centre, finetuning_views, place_seed, pretraining_views

torch = pytest.importorskip("torch")
pytest.importorskip("monai")


@pytest.fixture(scope="module")
def patch() -> np.ndarray:
    return probe_patch()


def views(size: int = 50, chance: float = 0.5, smallest: float = 0.5):
    return pretraining_views(size, smallest_crop=smallest, flip=chance, histogram=chance, smooth=chance)


@pytest.mark.parametrize("kind", ["pretraining", "finetuning"])
def test_a_view_follows_from_its_seed_alone(patch, kind):
    make = views if kind == "pretraining" else lambda: finetuning_views(50, chance=0.5, blur=0.5, shift=10)
    first, second = make(), make()
    for seed in range(3):
        second.draw(patch, seed + 100)
        torch.rand(5), np.random.rand(5)  # noqa: NPY002  chance elsewhere decides nothing
        assert torch.equal(first.draw(patch, seed), second.draw(patch, seed))
    assert not torch.equal(first.draw(patch, 1), first.draw(patch, 2))


def test_a_view_has_the_networks_size_and_is_a_plain_tensor(patch):
    for size in (16, 50):
        view = views(size).draw(patch, 3)
        assert type(view) is torch.Tensor
        assert (view.shape, view.dtype) == ((1, size, size, size), torch.float32)


def test_views_carry_none_of_monais_notes_and_leave_its_setting_as_it_was(patch, monkeypatch):
    from monai.data import MetaTensor, get_track_meta

    tracked = get_track_meta()
    made = []
    monkeypatch.setattr(MetaTensor, "__init__", lambda *_, **__: made.append(1))
    views(chance=1.0).draw(patch, 3), finetuning_views(50, chance=1.0, blur=1.0, shift=10).draw(patch, 3)
    assert not made
    assert get_track_meta() == tracked
    with pytest.raises((IndexError, ValueError, RuntimeError)):
        views().draw(np.zeros((0, 0, 0), np.float32), 3)
    assert get_track_meta() == tracked


def test_without_chances_and_with_the_whole_patch_a_view_is_the_patch(patch):
    view = views(chance=0.0, smallest=1.0).draw(patch, 7)
    assert np.allclose(view[0].numpy(), np.maximum(patch, 0.0), atol=1e-6)


def test_a_crop_is_a_cube_and_never_smaller_than_asked(patch):
    """A ramp along each axis stays a ramp, whose slope tells the share that was seen."""
    ramp = np.linspace(0, 1, 50, dtype=np.float32)
    for seed in range(20):
        shares = []
        for axis in range(3):
            shape = [1, 1, 1]
            shape[axis] = 50
            image = np.broadcast_to(ramp.reshape(shape), (50, 50, 50)).copy()
            view = views(chance=0.0).draw(image, seed)[0].numpy()
            across = tuple(other for other in range(3) if other != axis)
            shares.append(float(np.ptp(view.mean(axis=across))))
        assert max(shares) - min(shares) < 0.02
        assert 0.45 < min(shares) <= max(shares) <= 1.0


def test_nothing_is_colder_than_air():
    cold = np.random.default_rng(1).uniform(-0.6, -0.5, (50, 50, 50)).astype(np.float32)
    assert float(views().draw(cold, 1).min()) == 0.0


def test_the_patch_is_not_changed(patch):
    before = patch.copy()
    for seed in range(4):
        finetuning_views(50, chance=1.0, blur=1.0, shift=10).draw(patch, seed)
        views(chance=1.0).draw(patch, seed)
    assert np.array_equal(patch, before)


def test_the_centre_is_the_middle():
    image = torch.arange(50.0)[None, None, None, :].expand(1, 50, 50, 50)
    assert centre(image, 16)[0, 0, 0].tolist() == list(range(17, 33))
    assert centre(image, 50).shape == (1, 50, 50, 50)


def test_places_have_seeds_of_their_own():
    seeds = {place_seed(1, epoch, lesion, part) for epoch in range(5) for lesion in range(40) for part in range(4)}
    assert len(seeds) == 800


def test_each_epoch_has_each_lesion_once_in_an_order_of_its_own_whatever_the_processes():
    numbers = list(range(100, 112))
    alone = Order(numbers, 4, 1, slice(0, 4))
    halves = [Order(numbers, 4, 1, slice(rank * 2, rank * 2 + 2)) for rank in (0, 1)]
    epochs = []
    for epoch in (0, 1):
        steps = [alone.of_step(step) for step in range(epoch * 3, epoch * 3 + 3)]
        assert sorted(number for step in steps for _, number in step) == numbers
        assert {each for step in steps for each, _ in step} == {epoch}
        for index, step in enumerate(steps):
            assert halves[0].of_step(epoch * 3 + index) + halves[1].of_step(epoch * 3 + index) == step
        epochs.append(steps)
    assert [n for step in epochs[0] for _, n in step] != [n for step in epochs[1] for _, n in step]


def test_neighbours_stay_together_whatever_the_order():
    numbers = [2, 3, 6, 7, 8, 9, 20, 21, 30, 31]
    order = Order(numbers, 4, 1, slice(0, 4), together=2)
    steps = [[number for _, number in order.of_step(step)] for step in range(8)]
    for first, second, third, fourth in steps:
        assert (second, fourth) == (first + 1, third + 1)
        assert first % 2 == third % 2 == 0
    assert all(len({*steps[2 * epoch], *steps[2 * epoch + 1]}) == 8 for epoch in range(4))
    assert len({tuple(step) for step in steps}) > 4


def test_a_step_of_twins_has_an_even_number_of_lesions():
    processes = SimpleNamespace(share_of=lambda size: size, rank=0)
    assert order_of(list(range(20)), 6, 1, processes, 2).steps_per_epoch == 3
    with pytest.raises(InputError, match="even number of lesions, got 5"):
        order_of(list(range(20)), 5, 1, processes, 2)
