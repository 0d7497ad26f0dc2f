"""Methods of saliency against maps worked out by hand, and against MONAI and Captum where these are right."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fmcib_engine.errors import FeatureError, InputError  # noqa: E402
from fmcib_engine.saliency.gradcam import STEPS, GradCam, placed, plus_plus_weights  # noqa: E402
from fmcib_engine.saliency.gradient import Gradient  # noqa: E402
from fmcib_engine.saliency.guided import guided_relus  # noqa: E402
from fmcib_engine.saliency.integrated import IntegratedGradients, spread  # noqa: E402
from fmcib_engine.saliency.occlusion import Occlusion, starts  # noqa: E402
from fmcib_engine.saliency.scorer import Scorer  # noqa: E402
from fmcib_engine.saliency.smoothgrad import SmoothGrad  # noqa: E402
from fmcib_engine.saliency.targets import COSINE, EMBEDDING, NORM  # noqa: E402
from saliency_support import SIZE, Staged, lent, linear, patch, whole  # noqa: E402

WEIGHTS = patch(7) - 0.5
ONE = linear(WEIGHTS[None])
"""Its embedding is one number, so that `embedding` is that number times its sign."""


def scorer(network=ONE, target=EMBEDDING, of=None):
    return Scorer(lent(network), patch() if of is None else of, target)


def sign():
    return np.sign((WEIGHTS * patch()).sum())


def smooth(network, *, guided=False, samples=9, seed=4, blur=0.0, of=None):
    of = patch() if of is None else of
    return SmoothGrad(
        scorer(network, NORM, of), of, samples=samples, noise=0.15, guided=guided, blur_voxels=blur, random_seed=seed
    )


def test_the_gradient_of_a_linear_network_is_its_weights():
    np.testing.assert_allclose(whole(Gradient(scorer(), patch())), sign() * WEIGHTS, rtol=1e-6)


def test_at_the_patch_itself_embedding_and_norm_have_one_gradient_and_the_cosine_none():
    two = linear(np.stack([WEIGHTS, patch(8) - 0.3]))
    maps = {target: whole(Gradient(scorer(two, target), patch())) for target in (EMBEDDING, NORM, COSINE)}
    np.testing.assert_allclose(maps[EMBEDDING], maps[NORM], atol=1e-6)
    assert np.abs(maps[COSINE]).max() < 1e-6 < np.abs(maps[NORM]).max()


def test_smoothgrad_of_a_linear_network_is_the_size_of_its_weights_however_many_samples():
    for samples in (1, 4, 25):
        found = whole(smooth(ONE, samples=samples))
        np.testing.assert_allclose(found, np.abs(WEIGHTS), rtol=1e-5)


def test_smoothgrad_is_monais_times_the_root_of_the_samples_given_the_same_noise(monkeypatch):
    from monai.visualize import SmoothGrad as Theirs

    network, of, samples = Staged().eval(), patch(size=13), 5
    deviation = 0.15 * float(of.max() - of.min())
    noises = iter([np.random.default_rng([4, n]).standard_normal(of.shape, np.float32) for n in range(samples)])
    monkeypatch.setattr(
        torch, "normal", lambda *_, **__: torch.from_numpy(next(noises) * np.float32(deviation))[None, None]
    )
    head = torch.nn.Sequential(network, Norm())
    theirs = Theirs(head, n_samples=samples, verbose=False)(torch.from_numpy(of)[None, None], index=0)
    ours = whole(smooth(network, samples=samples, of=of))
    np.testing.assert_allclose(ours, theirs.detach().numpy()[0, 0] * np.sqrt(samples), rtol=1e-4, atol=1e-7)


class Norm(torch.nn.Module):
    def forward(self, features):
        return features.norm(dim=1, keepdim=True)


def test_noise_has_a_generator_of_its_own_and_is_the_same_in_any_batch():
    network = Staged()
    before = torch.random.get_rng_state()
    maps = [whole(smooth(network, of=patch(size=13)), at_once) for at_once in (3, 3, 4)]
    np.testing.assert_array_equal(maps[0], maps[1])
    np.testing.assert_allclose(maps[0], maps[2], rtol=1e-5)
    assert np.abs(maps[0] - whole(smooth(network, of=patch(size=13), seed=5))).max() > 0
    assert torch.equal(before, torch.random.get_rng_state())


def test_guided_relus_let_only_what_is_positive_through():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU(), torch.nn.Linear(8, 1, bias=False))
    weights = torch.tensor([[1.0, -2.0, 3.0, -4.0, 5.0, 6.0, 7.0, 8.0]])
    network[2].weight.data = weights
    of = np.array([1, 1, -1, -1, 1, 0, 2, 2], np.float32).reshape(2, 2, 2)
    found = scorer(network, EMBEDDING, of).gradients(of[None], guided=True)[0]
    np.testing.assert_array_equal(found.ravel(), [1, 0, 0, 0, 5, 0, 7, 8])
    plain = scorer(network, EMBEDDING, of).gradients(of[None])[0]
    np.testing.assert_array_equal(plain.ravel(), [1, -2, 0, 0, 5, 0, 7, 8])


def test_guided_gradients_are_captums():
    captum = pytest.importorskip("captum.attr", reason="needs Captum (extra dev)")

    network, of = Staged().eval(), patch(size=13)
    head = torch.nn.Sequential(network, Norm())
    with pytest.warns(UserWarning, match="hooks"):
        theirs = captum.GuidedBackprop(head).attribute(torch.from_numpy(of)[None, None].requires_grad_(), target=0)
    ours = scorer(network, NORM, of).gradients(of[None], guided=True)[0]
    assert np.abs(ours).max() > 0
    np.testing.assert_allclose(ours, theirs.detach().numpy()[0, 0], atol=1e-7)


def test_monais_guided_smoothgrad_guides_nothing_on_its_own_resnet(encoder):
    from monai.visualize import GuidedBackpropSmoothGrad
    from monai.visualize import SmoothGrad as Plain

    of = torch.from_numpy(patch(size=50))[None, None]
    with encoder.lend() as (network, _):
        maps = []
        for make in (GuidedBackpropSmoothGrad, Plain):
            copy = deepcopy(network)  # its modes are not given back
            with torch.random.fork_rng():
                torch.manual_seed(1)
                maps.append(make(copy, n_samples=1, verbose=False)(of, index=0))
        assert torch.equal(*maps)
        with guided_relus(network) as count:
            assert count > 0
            assert not any(isinstance(module, torch.nn.ReLU) for module in network.modules())
    one = np.asarray(of[0, 0])
    score = Scorer(encoder.lend, one, NORM)
    assert np.abs(score.gradients(one[None], guided=True) - score.gradients(one[None])).max() > 0


def test_a_network_without_relus_is_not_guided():
    with pytest.raises(InputError, match="no ReLU"):
        scorer().gradients(patch()[None], guided=True)


def test_integrated_gradients_of_a_linear_network_are_weights_times_voxels_and_complete():
    method = IntegratedGradients(scorer(), patch(), samples=5)
    found = whole(method)
    np.testing.assert_allclose(found, sign() * WEIGHTS * patch(), rtol=1e-5)
    told = method.measured()
    assert told["sum_of_map"] == pytest.approx(told["rise_from_baseline"], rel=1e-5)
    assert told["rise_from_baseline"] == pytest.approx(float(abs((WEIGHTS * patch()).sum())), rel=1e-5)


def test_integrated_gradients_of_a_square_are_right_to_the_last_sample_and_captums():
    class Square(torch.nn.Module):
        def forward(self, patches):
            return (patches.flatten(1) ** 2).sum(dim=1, keepdim=True)

    captum = pytest.importorskip("captum.attr", reason="needs Captum (extra dev)")

    found = whole(IntegratedGradients(scorer(Square()), patch(), samples=8))
    np.testing.assert_allclose(found, patch() ** 2, rtol=1e-5)
    theirs = captum.IntegratedGradients(Square()).attribute(torch.from_numpy(patch())[None, None], target=0)
    np.testing.assert_allclose(found, theirs.detach().numpy()[0, 0], rtol=1e-4)


def test_points_on_the_line_come_far_apart_first_and_each_once():
    assert spread(8)[:4] == [0, 4, 2, 6]
    for count in (1, 2, 7, 32):
        assert sorted(spread(count)) == list(range(count))


def test_occlusion_of_a_linear_network_is_what_the_cubes_hold():
    method = Occlusion(scorer(), patch(), edge=2, step=2)
    found = whole(method)
    inside = (sign() * WEIGHTS * patch()).reshape(3, 2, 3, 2, 3, 2).sum(axis=(1, 3, 5))
    np.testing.assert_allclose(found, np.kron(inside, np.ones((2, 2, 2))), atol=1e-5)
    assert method.total == 27


def test_occlusion_is_captums_where_cubes_overlap_and_covers_the_patch_early():
    captum = pytest.importorskip("captum.attr", reason="needs Captum (extra dev)")

    network, of = Staged().eval(), patch(size=8)
    method = Occlusion(scorer(network, NORM, of), of, edge=4, step=2)
    assert method.total == 27
    method.add(0, 8)
    assert (method._count == 1).all()
    for number in range(8, method.total):
        method.add(number, 1)
    head = torch.nn.Sequential(network, Norm())
    theirs = captum.Occlusion(head).attribute(
        torch.from_numpy(of)[None, None], target=0, sliding_window_shapes=(1, 4, 4, 4), strides=(1, 2, 2, 2)
    )
    np.testing.assert_allclose(method.map(), theirs.detach().numpy()[0, 0], atol=1e-6)
    assert starts(50, 10, 5)[-1] == 40


def test_grad_cam_is_monais_but_for_where_the_stage_lies():
    from monai.visualize import GradCAM

    network, of = Staged().eval(), patch(size=13)
    channels, gradients = scorer(network, NORM, of).at_stage(of, 2)
    ours = np.maximum((gradients.mean(axis=(1, 2, 3))[:, None, None, None] * channels).sum(axis=0), 0)
    plain = Staged().eval()
    plain.layer3[0].inplace = plain.act.inplace = False  # MONAI's hooks fail on what is written into later
    cam = GradCAM(torch.nn.Sequential(plain, Norm()), target_layers="0.layer2")
    theirs = cam.compute_map(torch.from_numpy(of)[None, None].requires_grad_(), class_idx=0)
    assert ours.max() > 0
    np.testing.assert_allclose(ours, theirs.detach().numpy()[0, 0], rtol=1e-4, atol=1e-7)


def test_grad_cam_plus_plus_by_hand_and_for_scores_whose_exponential_overflows():
    channels = np.array([[1.0, 2.0], [3.0, 0.0]], np.float32).reshape(2, 1, 1, 2)
    gradients = np.array([[1.0, -1.0], [2.0, 0.0]], np.float32).reshape(2, 1, 1, 2)
    first = 1 / (2 + (1 * 1 + 2 * -1)) * 1
    second = 4 / (8 + 3 * 8) * 2
    np.testing.assert_allclose(plus_plus_weights(channels, gradients), [first, second], rtol=1e-6)
    network = Staged()
    network.layer3[1].weight.data *= 1e5
    method = GradCam(scorer(network, NORM, patch(size=13)), patch(size=13), stage=2, plus_plus=True)
    assert np.isfinite(whole(method)).all()


@pytest.mark.parametrize(("stage", "index"), [(2, 6), (3, 3)])
def test_a_stages_voxel_sees_the_patch_around_its_index_times_its_step(encoder, stage, index):
    """On a patch so large that all it sees lies inside."""
    held = []
    with encoder.lend() as (network, _):
        hook = getattr(network, f"layer{stage}").register_forward_hook(lambda m, i, output: held.append(output))
        inputs = torch.from_numpy(patch(size=104))[None, None].requires_grad_()
        network(inputs)
        hook.remove()
        (seen,) = torch.autograd.grad(held[0][0, :, index, index, index].sum(), inputs)
    edges = np.nonzero(seen[0, 0].abs().numpy().sum(axis=(1, 2)))[0]
    assert edges.min() > 0
    assert edges.max() < 103
    assert (edges.min() + edges.max()) / 2 == pytest.approx(STEPS[stage] * index, abs=1)


def test_a_stages_map_is_placed_by_its_steps():
    coarse = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 4, 4), np.float32)
    along = placed(coarse, 16, (50, 50, 50))[:, 7, 30]
    np.testing.assert_allclose(along[[0, 16, 24, 48, 49]], [0, 1, 1.5, 3, 3], atol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flipping_patch_and_network_flips_the_map_exactly(axis):
    def made(weights, of):
        return whole(IntegratedGradients(scorer(linear(weights[None]), EMBEDDING, of), of, samples=3))

    turned = made(np.flip(WEIGHTS, axis).copy(), np.flip(patch(), axis).copy())
    np.testing.assert_allclose(np.flip(turned, axis), made(WEIGHTS, patch()), rtol=1e-4, atol=1e-6)


def test_the_network_is_left_exactly_as_it_was():
    network = Staged().train()
    network.layer2.eval()
    network.layer3[1].weight.requires_grad_(False)  # noqa: FBT003
    before = state(network)
    of = patch(size=13)
    one = scorer(network, NORM, of)
    one.gradients(of[None], guided=True)
    one.scores(of[None])
    one.at_stage(of, 3)
    with pytest.raises(AttributeError):
        one.at_stage(of, 4)
    assert state(network) == before
    assert all(parameter.grad is None for parameter in network.parameters())


def state(network):
    return [
        (name, type(module), module.training, getattr(module, "inplace", None), len(module._forward_hooks))
        for name, module in network.named_modules()
    ] + [parameter.requires_grad for parameter in network.parameters()]


def test_gradients_that_are_no_numbers_are_told():
    network = linear(np.full((1, SIZE, SIZE, SIZE), np.nan))
    with pytest.raises(FeatureError, match="no finite number"):
        scorer(network)


def test_an_embedding_of_zeros_has_no_direction():
    with pytest.raises(InputError, match="are zero"):
        scorer(linear(np.zeros((1, SIZE, SIZE, SIZE))))
