"""One lesion, disturbed: its patches, features and predictions with the seed moved, and with the patch changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..encoders import Encoder
from ..errors import FmcibError, SeedError
from ..geometry import PatientPoint, VoxelGrid
from ..heads.chosen import ChosenHeads, Lesion
from ..heads.prediction import HeadColumns, Prediction
from ..pipeline import cut, encode
from ..preprocessing import DEFAULT_RECIPE, Patch, cut_nearby
from ..volume import Volume
from .jitter import Jitter
from .numbers import Numbers, Rank, Spread, cosines, rank_of, spread_of
from .perturb import Perturbation, perturbed

Advance = Callable[[], None]
"""Called for each patch that is done."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network and the heads say of one patch."""

    name: str
    """`seed 1`, `seed 2`, …, or a perturbation's."""
    point: PatientPoint
    patch: Patch
    features: NDArray[np.float32]
    predictions: dict[str, Prediction]


@dataclass(frozen=True)
class LeftOut:
    """A draw without an answer."""

    name: str
    point: PatientPoint
    why: str


@dataclass(frozen=True, eq=False)
class Others:
    """Features of other lesions (m, k), by the same weights and recipe; or why there are none."""

    features: NDArray[np.float32]
    about: str
    """Whose they are; of none, why."""

    @classmethod
    def none(cls, why: str) -> Others:
        return cls(np.zeros((0, 0), np.float32), why)


@dataclass(frozen=True, eq=False)
class Asked:
    """What is done to a lesion."""

    jitter: Jitter
    """Where its seed is moved."""
    perturbations: tuple[Perturbation, ...] = ()
    """How the patch of the seed itself is changed."""
    others: Others = field(default_factory=lambda: Others.none("no other lesions were given"))
    """For the rank."""
    recipe_id: str = DEFAULT_RECIPE
    random_seed: int = 0
    """Of the noise among the perturbations."""


@dataclass(frozen=True, eq=False)
class Steadiness:
    """All that was computed of one lesion."""

    asked: Asked
    heads: tuple[HeadColumns, ...]
    undisturbed: Answer
    drawn: tuple[Answer, ...]
    left_out: tuple[LeftOut, ...]
    changed: tuple[Answer, ...]
    """By each perturbation, in order."""

    @property
    def jitter(self) -> Jitter:
        return self.asked.jitter

    @property
    def others(self) -> Others:
        return self.asked.others

    def cosines(self, answers: Sequence[Answer]) -> Numbers:
        """Of each answer to the undisturbed lesion, (n,)."""
        if not answers:
            return np.zeros(0)
        return cosines([each.features for each in answers], self.undisturbed.features)[:, 0]

    def rank(self, answers: Sequence[Answer]) -> Rank | None:
        if not answers or not len(self.others.features):
            return None
        to_others = cosines([each.features for each in answers], self.others.features)
        return rank_of(self.cosines(answers), to_others)

    def spreads(self) -> dict[tuple[str, str], Spread]:
        """By head and output, of the draws."""
        found = {}
        for head in self.heads:
            own = self.undisturbed.predictions[head.id].values
            drawn = [values for each in self.drawn if (values := each.predictions[head.id].values)]
            if own and drawn:
                for index, name in enumerate(head.outputs):
                    found[head.id, name] = spread_of(own[index], [values[index] for values in drawn])
        return found

    def same_class(self, head: HeadColumns) -> tuple[str, int, int] | None:
        """The likeliest class, in how many draws it stays that, and of how many; None of a head without classes."""
        own = self.undisturbed.predictions[head.id].values
        drawn = [values for each in self.drawn if (values := each.predictions[head.id].values)]
        if not own or not drawn or abs(sum(own) - 1.0) > 1e-6:
            return None
        top = int(np.argmax(own))
        return head.outputs[top], sum(int(np.argmax(values)) == top for values in drawn), len(drawn)

    def map_of(self, head_id: str, output: str) -> tuple[VoxelGrid, NDArray[np.float32]] | None:
        """A prediction by the place of the seed, [z, y, x] and where it lies; NaN where the seed left the scan.

        None unless the seed was moved on a grid.
        """
        if self.jitter.grid is None:
            return None
        names = {head.id: head.outputs for head in self.heads}
        index = names[head_id].index(output)
        by_name = {each.name: each.predictions[head_id].values for each in self.drawn}
        values = [by_name.get(_name(number)) for number in range(len(self.jitter.points))]
        flat = [each[index] if each else np.nan for each in values]
        size = self.jitter.grid
        grid = VoxelGrid.from_parts(
            size, origin=self.jitter.points[0].to_array(), spacing=(self.jitter.step_mm,) * 3, direction=np.eye(3)
        )
        return grid, np.array(flat, np.float32).reshape(size[::-1])


def disturb(
    volume: Volume,
    seed: PatientPoint,
    encoder: Encoder,
    heads: ChosenHeads,
    asked: Asked,
    advance: Advance = lambda: None,
) -> Steadiness:
    """What moves when the seed moves, and when the patch changes.

    Args:
        volume: the scan.
        seed: LPS mm.
        encoder: the network with its weights.
        heads: what is predicted.
        asked: what is done.
        advance: called for each patch that is done.

    Raises:
        SeedError: the seed is outside the scan, or all draws are.
        ImageError, FeatureError, DeviceError, OutOfMemoryError: as `cut` and `encode`.
    """
    own = cut(volume, seed, asked.recipe_id)
    points = asked.jitter.points
    patches = cut_all(volume, points, asked.recipe_id)
    left_out = tuple(
        LeftOut(_name(number), point, str(patch))
        for number, (point, patch) in enumerate(zip(points, patches, strict=True))
        if not isinstance(patch, Patch)
    )
    named = [("undisturbed", own)]
    named += [(_name(number), patch) for number, patch in enumerate(patches) if isinstance(patch, Patch)]
    count = len(named)
    if count == 1:
        msg = f"None of {len(patches)} moved seeds has a patch: {left_out[0].why} Take a smaller spread, or check it."
        raise SeedError(msg)
    named += [(each.name, perturbed(own, each, asked.random_seed)) for each in asked.perturbations]
    answers = [answer for part in _parts(named, encoder.batch_size) for answer in _ask(part, encoder, heads, advance)]
    return Steadiness(asked, heads.columns, answers[0], tuple(answers[1:count]), left_out, tuple(answers[count:]))


def cut_all(volume: Volume, points: Sequence[PatientPoint], recipe_id: str) -> list[Patch | FmcibError]:
    """The patch of each point, or why there is none."""
    if recipe_id == DEFAULT_RECIPE:
        return cut_nearby(volume, points)
    found: list[Patch | FmcibError] = []
    for point in points:
        try:
            found.append(cut(volume, point, recipe_id))
        except FmcibError as error:
            found.append(error)
    return found


def _name(number: int) -> str:
    return f"seed {number + 1}"


def _parts(asked: list[tuple[str, Patch]], size: int) -> Iterator[list[tuple[str, Patch]]]:
    """Of a batch each, so that there is progress between."""
    for start in range(0, len(asked), size):
        yield asked[start : start + size]


def _ask(part: list[tuple[str, Patch]], encoder: Encoder, heads: ChosenHeads, advance: Advance) -> Iterator[Answer]:
    encoded = encode([patch for _, patch in part], encoder)
    lesions = [Lesion(patch, one.features, {}) for (_, patch), one in zip(part, encoded, strict=True)]
    for (name, patch), lesion, said in zip(part, lesions, heads.predict(lesions), strict=True):
        advance()
        yield Answer(name, patch.seed, patch, lesion.features, said)
