"""NT-Xent and its negatives, beside published code, a slow literal formula, and finite differences; LARS beside it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fmcib_engine.training.loss import nt_xent
from fmcib_engine.training.optimizer import make_optimizer, rate_at

torch = pytest.importorskip("torch")

TEMPERATURE = 0.1

# Computed by the published code itself, in float64, from `embeddings()` below: `NTXentLoss` of lightly-ai/lightly at
# e8d317f; `NegativeMiningInfoNCECriterion` and `NTXentNegativeMinedLoss` of AIM-Harvard/
# foundation-cancer-image-biomarker at 1f1c0c8. The loss, then the lengths of its gradients by each of the four parts.
PUBLISHED = {
    "none": (5.822498659597932, [1.2660058131721967, 1.2151755946290392]),
    "other_scans": (
        5.360344149400613,
        [0.94167512326478, 0.9831597093836206, 0.40765606306076624, 0.2351826530810856],
    ),
    "all_scans": (
        4.956350516073711,
        [0.9702069875764039, 0.9818997309749686, 0.3973717541130618, 0.30911739349846257],
    ),
}


def embeddings(negatives: str) -> torch.Tensor:
    random = np.random.default_rng(20240315)
    parts = [random.normal(size=(6, 16)) for _ in range(4)]
    return torch.tensor(np.stack(parts[:2] if negatives == "none" else parts), dtype=torch.float32)


def literal(parts: np.ndarray, negatives: str) -> float:
    """The formula of SimCLR, one view after the other."""
    unit = parts / np.linalg.norm(parts, axis=-1, keepdims=True)
    terms = []
    for view in (0, 1):
        for lesion in range(unit.shape[1]):
            anchor = unit[view, lesion]
            fellow = math.exp(anchor @ unit[1 - view, lesion] / TEMPERATURE)
            others = 0.0
            for part in range(len(unit)):
                for other in range(unit.shape[1]):
                    allowed = {
                        "none": other != lesion,
                        "other_scans": part >= 2 and other != lesion,
                        "all_scans": part == 2 + view,
                    }[negatives]
                    if allowed:
                        others += math.exp(anchor @ unit[part, other] / TEMPERATURE)
            terms.append(-math.log(fellow / (fellow + others)))
    return sum(terms) / len(terms)


@pytest.mark.parametrize("negatives", PUBLISHED)
def test_the_loss_and_its_gradient_are_those_of_the_published_code(negatives):
    parts = embeddings(negatives).requires_grad_()
    contrast = nt_xent(parts, negatives, TEMPERATURE, lambda tensor: tensor)
    contrast.loss.backward()
    loss, lengths = PUBLISHED[negatives]
    assert float(contrast.loss.detach()) == pytest.approx(loss, rel=2e-6)
    assert [float(each.norm()) for each in parts.grad] == pytest.approx(lengths, rel=2e-5)


@pytest.mark.parametrize("negatives", PUBLISHED)
@pytest.mark.parametrize("lesions", [2, 3, 7])
def test_the_loss_is_the_literal_formula(negatives, lesions):
    parts = np.random.default_rng(lesions).normal(size=(2 if negatives == "none" else 4, lesions, 5))
    contrast = nt_xent(torch.tensor(parts), negatives, TEMPERATURE, lambda tensor: tensor)
    assert float(contrast.loss) == pytest.approx(literal(parts, negatives), rel=1e-5)


@pytest.mark.parametrize("negatives", PUBLISHED)
def test_what_two_processes_compute_is_together_what_one_computes(negatives):
    """The gather is done by hand here; `test_training_processes` has real processes."""
    parts = embeddings(negatives)
    halves = [parts[:, :3], parts[:, 3:]]
    unit = torch.nn.functional.normalize(parts, dim=-1)
    shares = [
        nt_xent(half, negatives, TEMPERATURE, lambda _: unit.transpose(0, 1), rank) for rank, half in enumerate(halves)
    ]
    whole = nt_xent(parts, negatives, TEMPERATURE, lambda tensor: tensor)
    assert sum(float(share.loss) for share in shares) / 2 == pytest.approx(float(whole.loss), rel=1e-6)


def test_views_that_agree_are_found_and_views_that_do_not_are_not():
    alike = torch.eye(4).repeat(2, 1, 1)
    found = nt_xent(alike, "none", TEMPERATURE, lambda tensor: tensor)
    lost = nt_xent(torch.stack([torch.eye(4), torch.eye(4).roll(1, 0)]), "none", TEMPERATURE, lambda tensor: tensor)
    assert float(found.found) == 1.0
    assert float(lost.found) == 0.0
    assert float(found.loss) < 0.001
    assert float(lost.loss) > 5.0


def test_the_rate_rises_in_a_line_and_falls_as_a_cosine():
    rates = [rate_at(step, 10, 4, 2.0) for step in range(10)]
    assert rates[:5] == [0.5, 1.0, 1.5, 2.0, 2.0]
    assert rates[7] == pytest.approx(1.0)
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] > 0
    assert rate_at(0, 3, 0, 1.0) == 1.0


def test_lars_moves_as_upstreams_and_leaves_biases_to_momentum():
    """By the equations of `fmcib/optimizers/lars.py`, written out."""
    layer = torch.nn.Linear(3, 2)
    weight, bias = layer.weight.detach().clone(), layer.bias.detach().clone()
    optimizer = make_optimizer("lars", layer, weight_decay=0.01, momentum=0.9)
    for group in optimizer.param_groups:
        group["lr"] = 0.5
    memory_w, memory_b = torch.zeros_like(weight), torch.zeros_like(bias)
    for step in range(3):
        optimizer.zero_grad()
        (layer(torch.full((1, 3), 1.0 + step)) ** 2).sum().backward()
        slope_w, slope_b = layer.weight.grad.clone(), layer.bias.grad.clone()
        trust = 0.001 * weight.norm() / (slope_w.norm() + 0.01 * weight.norm() + 1e-8)
        memory_w = 0.9 * memory_w + trust * (slope_w + 0.01 * weight)
        memory_b = 0.9 * memory_b + slope_b
        weight, bias = weight - 0.5 * memory_w, bias - 0.5 * memory_b
        optimizer.step()
        assert torch.allclose(layer.weight, weight, atol=1e-6)
        assert torch.allclose(layer.bias, bias, atol=1e-6)
