"""An encoder, a patch and a target -> a map, first of few samples, then of more and more.

    for step in explain(encoder, patch, EMBEDDING, "guided-smoothgrad"):
        show(step.map)              # the first picture after one sample
        print(step.done, step.total)
        if cancelled:
            break                   # the last map is whole in itself: its facts say of how many samples it is

Between two steps the encoder is free for other work.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..encoders import Encoder
from ..encoders.batching import is_out_of_memory
from ..encoders.device_faults import does_not_compute, fault_of
from ..errors import FmcibError, InputError, OutOfMemoryError
from ..preprocessing import PATCH_SIZE, Patch
from ..results.versions import installed_versions
from .map import MapFacts, SaliencyMap
from .methods import Method, Parameters, Refining, described, find_method, require_good
from .scorer import Scorer
from .targets import Target


@dataclass(frozen=True, eq=False)
class Step:
    """A map so far."""

    map: SaliencyMap
    done: int
    total: int
    """Samples: copies, points or cubes, whatever the method takes."""


def explain(
    encoder: Encoder,
    patch: Patch,
    target: Target,
    method_name: str,
    parameters: Parameters | None = None,
    *,
    batch_size: int | None = None,
) -> Iterator[Step]:
    """Maps of one lesion, each better than the last.

    The same random seed and batch size give the same bits on a CPU with as many threads.

    Args:
        encoder: of the target's features.
        patch: as fed to it.
        target: of `targets`.
        method_name: a key of `METHODS`.
        parameters: what is chosen of the method.
        batch_size: samples at once after the first; None chooses by device.

    Raises:
        InputError: an unknown method, parameters that make no map, or a target that is flat where the method looks.
        FeatureError: gradients that are no numbers.
        DeviceError: the device does not work, or computes in less than float32.
        OutOfMemoryError: it has no room for a single sample.
    """
    method, given = find_method(method_name), parameters or Parameters()
    require_good(method, given, PATCH_SIZE)
    if target.is_flat_at_patch and not method.moves_patch:
        msg = (
            f"The target {target.name} is largest at the lesion itself, where {method.title} looks: its gradient is "
            "zero there. Choose the target embedding, or a method that changes the patch, such as smoothgrad."
        )
        raise InputError(msg)
    with _sentences(encoder):
        scorer = Scorer(encoder.lend, patch.array, target, batch_size=batch_size)
        refining = method.make(scorer, patch.array, given)
    facts = _facts(encoder, patch, target, method, given)
    facts = replace(facts, score=scorer.value, device=scorer.device, samples_total=refining.total)
    for done in _samples(refining, scorer, encoder):
        told = replace(facts, samples_done=done, measured=refining.measured())
        yield Step(SaliencyMap(refining.map(), patch.grid, told), done, refining.total)


def _samples(refining: Refining, scorer: Scorer, encoder: Encoder) -> Iterator[int]:
    """Add all samples, one at first; gives how many are done."""
    done, at_once, most = 0, 1, scorer.batch_size
    while done < refining.total:
        count = min(at_once, refining.total - done)
        try:
            with _sentences(encoder):
                refining.add(done, count)
        except OutOfMemoryError:
            if count == 1:
                raise
            at_once = most = count // 2
            continue
        done, at_once = done + count, most
        yield done


def _facts(encoder: Encoder, patch: Patch, target: Target, method: Method, given: Parameters) -> MapFacts:
    cautions = (encoder.weights.caution, target.caution, method.caution)
    return MapFacts(
        method=method.name,
        parameters=described(method, given),
        target=target.name,
        target_meaning=target.meaning,
        unit=f"{method.unit} {target.unit}",
        score=0.0,
        samples_done=0,
        samples_total=0,
        random_seed=given.random_seed,
        seed_lps_mm=tuple(patch.seed),
        encoder_id=encoder.spec.id,
        weights=encoder.weights.name,
        weights_sha256=encoder.weights.sha256,
        recipe_id=patch.recipe_id,
        patch_sha256=patch.sha256,
        head_sha256=target.head_sha256,
        is_signed=method.is_signed,
        cautions=tuple(dict.fromkeys(each for each in cautions if each)),
        versions=installed_versions(),
    )


@contextmanager
def _sentences(encoder: Encoder) -> Iterator[None]:
    """What torch raises within, as one of our errors."""
    try:
        yield
    except FmcibError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            msg = (
                f"{encoder.device} has no memory for the gradients of a single patch. Close other programs, or choose "
                "another device (in the window: Advanced; or --device cpu)."
            )
            raise OutOfMemoryError(msg) from error
        if encoder.device == "cpu":
            raise
        raise does_not_compute(encoder.device, fault_of(error)) from error
