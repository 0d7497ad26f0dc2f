"""The methods by name, with their parameters, and what must be known to read their maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from ..errors import InputError
from .gradcam import STEPS, GradCam
from .gradient import Gradient
from .integrated import BASELINE_HU, IntegratedGradients
from .occlusion import Occlusion
from .scorer import Array, Scorer
from .smoothgrad import SmoothGrad

GUIDED_CAUTION = (
    "guided methods are known to look much the same under random weights (Adebayo et al. 2018): the map shows edges, "
    "not what the network learned"
)
"""For panels, pictures and documents."""


class Refining(Protocol):
    """A map that gets better with each sample."""

    total: int
    """How many samples the whole map has."""

    def add(self, first: int, count: int) -> None:
        """Compute the samples from `first` on; where that fails, nothing has been added."""

    def map(self) -> Array:
        """Of the samples so far, [z, y, x]."""

    def measured(self) -> dict[str, float]:
        """Numbers about the map that the method can tell, by name."""


@dataclass(frozen=True)
class Parameters:
    """What a user may choose; a method takes what concerns it."""

    samples: int | None = None
    """Noisy copies of SmoothGrad, points of integrated gradients; None: the method's own number."""
    noise: float = 0.15
    """Of SmoothGrad, as a share of the patch's range."""
    stage: int = 3
    """Of Grad-CAM."""
    edge: int = 10
    step: int = 5
    """Of occlusion: the cube's edge, and from one cube to the next, voxels of 1 mm."""
    random_seed: int = 0


Make = Callable[[Scorer, Array, Parameters], Refining]


@dataclass(frozen=True)
class Method:
    """A way to make a map."""

    name: str
    title: str
    meaning: str
    """What a value is, in a phrase."""
    unit: str
    """Follows the target's: `{change} of the log-odds`."""
    make: Make
    takes: Mapping[str, object]
    """The parameters that concern it, with its own values."""
    is_signed: bool = False
    moves_patch: bool = True
    """Whether it looks at other patches than the lesion's own."""
    caution: str = ""


_PER_INPUT = "change per 3072 HU"
_AIR = MappingProxyType({"baseline_hu": BASELINE_HU})


def _smooth(*, guided: bool, blur: float) -> Make:
    def make(scorer: Scorer, patch: Array, given: Parameters) -> Refining:
        return SmoothGrad(
            scorer,
            patch,
            samples=given.samples or 25,
            noise=given.noise,
            guided=guided,
            blur_voxels=blur,
            random_seed=given.random_seed,
        )

    return make


def _cam(*, plus_plus: bool) -> Make:
    return lambda scorer, patch, given: GradCam(scorer, patch, stage=given.stage, plus_plus=plus_plus)


_LIST = (
    Method(
        "gradient",
        "gradient",
        "how the target changes with a voxel",
        _PER_INPUT,
        lambda scorer, patch, _: Gradient(scorer, patch),
        {},
        is_signed=True,
        moves_patch=False,
    ),
    Method(
        "smoothgrad",
        "SmoothGrad",
        "root mean square of the gradients of noisy copies",
        _PER_INPUT,
        _smooth(guided=False, blur=0.0),
        {"samples": 25, "noise": 0.15},
    ),
    Method(
        "guided-smoothgrad",
        "guided back-propagation with SmoothGrad",
        "root mean square of guided gradients of noisy copies, blurred by 1 voxel",
        "guided " + _PER_INPUT,
        _smooth(guided=True, blur=1.0),
        {"samples": 25, "noise": 0.15, "blur_voxels": 1.0},
        caution=GUIDED_CAUTION,
    ),
    Method(
        "grad-cam",
        "Grad-CAM",
        "where a stage of the network found what speaks for the target",
        "weighted activation, for the change",
        _cam(plus_plus=False),
        {"stage": 3},
        moves_patch=False,
    ),
    Method(
        "grad-cam++",
        "Grad-CAM++",
        "where a stage of the network found what speaks for the target",
        "weighted activation, for the change",
        _cam(plus_plus=True),
        {"stage": 3},
        moves_patch=False,
    ),
    Method(
        "integrated-gradients",
        "integrated gradients",
        "what a voxel adds to the target on the way from air to the patch",
        "share",
        lambda scorer, patch, given: IntegratedGradients(scorer, patch, samples=given.samples or 32),
        {"samples": 32, **_AIR},
        is_signed=True,
    ),
    Method(
        "occlusion",
        "occlusion sensitivity",
        "how far the target falls when a cube around a voxel is filled with air",
        "fall",
        lambda scorer, patch, given: Occlusion(scorer, patch, edge=given.edge, step=given.step),
        {"edge": 10, "step": 5, **_AIR},
        is_signed=True,
    ),
)
METHODS: Mapping[str, Method] = MappingProxyType({method.name: method for method in _LIST})


def find_method(name: str) -> Method:
    """The method of a name.

    Raises:
        InputError: an unknown one.
    """
    if name not in METHODS:
        msg = f"A method is one of {', '.join(METHODS)}, got {name!r}. Choose one of these."
        raise InputError(msg)
    return METHODS[name]


def described(method: Method, given: Parameters) -> dict[str, object]:
    """The parameters that a map of this method was made with, by name."""
    chosen = {name: getattr(given, name, value) for name, value in method.takes.items()}
    return {name: method.takes[name] if value is None else value for name, value in chosen.items()}


def require_good(method: Method, given: Parameters, size: int) -> None:
    """Refuse parameters that make no map of a patch of `size` voxels an edge.

    Raises:
        InputError: with what was wanted.
    """
    wrong = (
        ("samples", given.samples is not None and not 1 <= given.samples <= 10_000, "1 to 10000"),
        ("noise", not 0 < given.noise <= 10, "a share of the patch's range above 0, such as 0.15"),
        ("stage", given.stage not in STEPS, " or ".join(map(str, STEPS))),
        ("edge", not 1 <= given.edge <= size, f"1 to {size} voxels"),
        ("step", not 1 <= given.step <= given.edge, "1 voxel to the cube's edge"),
        ("random_seed", given.random_seed < 0, "0 or more"),
    )
    for name, is_wrong, wanted in wrong:
        if is_wrong and (name in method.takes or name == "random_seed"):
            msg = f"The {name.replace('_', ' ')} of {method.title} is {wanted}, got {getattr(given, name)}."
            raise InputError(msg)
