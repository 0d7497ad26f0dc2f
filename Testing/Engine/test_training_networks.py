"""Random numbers to begin with, heads by their published names, and what a step of several parts computes."""

from __future__ import annotations

import math

import pytest
from fmcib_engine.encoders import find_encoder
from fmcib_engine.encoders.building import build_network, random_network
from fmcib_engine.training.networks import classification_head, has_batch_norm, in_parts, projection_head
from fmcib_engine.training.optimizer import make_optimizer
from fmcib_engine.training.processes import Processes
from training_support import SIZE, TINY, TINY_BATCH_NORM, build_batch_norm, build_tiny

torch = pytest.importorskip("torch")
pytest.importorskip("monai")


def test_a_network_begins_with_random_numbers_that_follow_from_the_seed():
    before = torch.get_rng_state()
    first, same, other = (random_network(TINY_BATCH_NORM, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.isfinite(tensor).all() for tensor in first.values())
    assert all(torch.equal(tensor, same[name]) for name, tensor in first.items())
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])
    assert torch.equal(first["bn1.running_var"], torch.ones(4))
    assert torch.equal(first["bn1.running_mean"], torch.zeros(4))


def test_on_a_cpu_the_channels_of_a_voxel_lie_side_by_side():
    """And in the gradients and the optimizer's memory, whose sums of squares would else be added in another order."""
    pytest.importorskip("lightning_fabric")
    network = in_parts(random_network(TINY_BATCH_NORM, 1), projection_head(16, 8))
    optimizer = make_optimizer("adam", network, weight_decay=0.0)
    wrapped, stepper = Processes("cpu", "float32").set_up(network, optimizer)
    wrapped(torch.rand(2, 2, 1, SIZE, SIZE, SIZE)).sum().backward()
    stepper.step()
    wide = network.trunk.layer4[0].conv2.weight
    for tensor in (wide, wide.grad, optimizer.state[wide]["exp_avg"]):
        assert tensor.is_contiguous(memory_format=torch.channels_last_3d)
        assert not tensor.is_contiguous()


def test_what_begins_learns():
    network = random_network(TINY, 1)
    assert network.training
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_fmcib_itself_can_be_begun():
    """Its convolutions are spread as He et al. say; 184.5 million numbers."""
    network = random_network(find_encoder("fmcib"), 1)
    assert sum(parameter.numel() for parameter in network.parameters()) == 184_477_824
    assert network.state_dict().keys() == build_network(find_encoder("fmcib")).state_dict().keys()
    weight = network.layer3[1].conv2.weight.detach()
    assert float(weight.std()) == pytest.approx(math.sqrt(2 / (weight.shape[0] * 27)), rel=0.01)
    assert tuple(network.conv1.stride) == (2, 2, 2)


def test_heads_have_the_published_names():
    head = classification_head((4096, 2048, 512, 256, 2)).state_dict()
    assert list(head) == [f"{n}.0.{kind}" for n in range(4) for kind in ("weight", "bias")]
    assert tuple(head["3.0.weight"].shape) == (2, 256)
    assert torch.all(classification_head((3, 4, 2))[0](torch.randn(50, 3)) >= 0)
    assert not torch.all(classification_head((3, 2))(torch.randn(50, 3)) >= 0)
    projection = projection_head(16, 8).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in projection.items()} == {
        "0.weight": (8, 16), "0.bias": (8,), "2.weight": (8, 8), "2.bias": (8,),
    }  # fmt: skip


def test_each_part_of_a_step_goes_through_alone():
    torch.manual_seed(1)
    trunk, head = random_network(TINY_BATCH_NORM, 1), projection_head(16, 8)
    parts = torch.rand(3, 2, 1, SIZE, SIZE, SIZE)
    together = in_parts(trunk, head)(parts)
    assert together.shape == (3, 2, 8)
    for part, embedded in zip(parts, together, strict=True):
        assert torch.allclose(head(trunk(part)), embedded, atol=1e-6)


def test_batch_norms_are_found():
    assert has_batch_norm(build_batch_norm())
    assert not has_batch_norm(build_tiny())
