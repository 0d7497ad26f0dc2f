"""One lesion, disturbed: its patches, features and predictions with the seed moved, and with the patch changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..encoders import Encoder
from ..errors import FmcibError, SeedError
from ..geometry import PatientPoint, VoxelGrid
from ..heads.chosen import ChosenHeads, Lesion
from ..heads.prediction import HeadColumns, Prediction
from ..pipeline import cut, encode
from ..preprocessing import DEFAULT_RECIPE, Patch, Quality, cut_nearby
from ..volume import Volume
from .jitter import Jitter
from .numbers import Numbers, Rank, Spread, cosines, counted, rank_of, spread_of
from .perturb import Perturbation, perturbed

Named = tuple[str, Patch]
"""A patch, and what it is called."""

PORTION = 16
"""Patches that are cut and encoded together: more are faster, fewer are waited for less."""

Advance = Callable[[], None]
"""Called for each patch that is done."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network and the heads say of one patch."""

    name: str
    """`seed 1`, `seed 2`, …, or a perturbation's."""
    point: PatientPoint
    quality: Quality
    patch_sha256: str
    features: NDArray[np.float32]
    predictions: dict[str, Prediction]
    note: str = ""
    """What the user should know of where it was computed."""

    @classmethod
    def to(
        cls, named: Named, features: NDArray[np.float32], predictions: dict[str, Prediction], note: str = ""
    ) -> Answer:
        """What was said of a patch, without its voxels: there may be thousands of them."""
        name, patch = named
        return cls(name, patch.seed, patch.quality, patch.sha256, features, predictions, note)


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
        index = {head.id: head.outputs for head in self.heads}[head_id].index(output)
        said = {each.name: each.predictions[head_id].values for each in self.drawn}
        return self._map({name: values[index] for name, values in said.items() if values})

    def map_of_cosine(self) -> tuple[VoxelGrid, NDArray[np.float32]] | None:
        """The same of the cosine similarity to the undisturbed lesion, for which no head is needed."""
        similar = self.cosines(self.drawn).tolist()
        return self._map({each.name: value for each, value in zip(self.drawn, similar, strict=True)})

    def _map(self, by_name: Mapping[str, float]) -> tuple[VoxelGrid, NDArray[np.float32]] | None:
        if self.jitter.grid is None:
            return None
        flat = [by_name.get(_name(number), np.nan) for number in range(len(self.jitter.points))]
        size = self.jitter.grid
        grid = VoxelGrid.from_parts(
            size, origin=self.jitter.points[0].to_array(), spacing=(self.jitter.step_mm,) * 3, direction=np.eye(3)
        )
        return grid, np.array(flat, np.float32).reshape(size[::-1])


class Course:
    """The patches of what is asked, a portion at a time, and the answers: whoever has the network works on it.

    Attributes:
        own: the undisturbed patch.
        left_out: draws without a patch, as far as their turn has come.

    Raises:
        SeedError: the seed is outside the scan.
        ImageError: as `cut`.
    """

    def __init__(self, volume: Volume, seed: PatientPoint, asked: Asked) -> None:
        self._volume, self._asked = volume, asked
        self._answers: list[Answer] = []
        self.own = cut(volume, seed, asked.recipe_id)
        self.left_out: list[LeftOut] = []

    @property
    def count(self) -> int:
        """Of patches, those of draws that will be left out among them."""
        return 1 + len(self._asked.jitter.points) + len(self._asked.perturbations)

    def portions(self) -> Iterator[list[Named]]:
        """At most `PORTION` patches each, cut when they are asked for: undisturbed, draws, changes.

        Raises:
            SeedError: no draw is in the scan.
        """
        yield [("undisturbed", self.own)]
        points = self._asked.jitter.points
        for start in range(0, len(points), PORTION):
            if drawn := self._draw(start, points[start : start + PORTION]):
                yield drawn
        if len(self.left_out) == len(points):
            why = self.left_out[0].why
            msg = f"None of {counted(len(points), 'moved seed')} has a patch: {why} Take a smaller spread, or check it."
            raise SeedError(msg)
        changes, seed = self._asked.perturbations, self._asked.random_seed
        for start in range(0, len(changes), PORTION):
            yield [(each.name, perturbed(self.own, each, seed)) for each in changes[start : start + PORTION]]

    def take(self, answers: Iterable[Answer]) -> None:
        """Those to a portion, in the order of the portions."""
        self._answers += answers

    def end(self, heads: tuple[HeadColumns, ...]) -> Steadiness:
        """What came of it, once all portions are answered."""
        changes = len(self._asked.perturbations)
        drawn = tuple(self._answers[1 : len(self._answers) - changes])
        changed = tuple(self._answers[len(self._answers) - changes :])
        return Steadiness(self._asked, heads, self._answers[0], drawn, tuple(self.left_out), changed)

    def _draw(self, start: int, points: Sequence[PatientPoint]) -> list[Named]:
        found = []
        for number, patch in enumerate(cut_all(self._volume, points, self._asked.recipe_id), start):
            if isinstance(patch, Patch):
                found.append((_name(number), patch))
            else:
                self.left_out.append(LeftOut(_name(number), points[number - start], str(patch)))
        return found


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
    course = Course(volume, seed, asked)
    for portion in course.portions():
        course.take(_ask(portion, encoder, heads, advance))
    return course.end(heads.columns)


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


def _ask(portion: list[Named], encoder: Encoder, heads: ChosenHeads, advance: Advance) -> Iterator[Answer]:
    encoded = encode([patch for _, patch in portion], encoder)
    lesions = [Lesion(patch, one.features, {}) for (_, patch), one in zip(portion, encoded, strict=True)]
    for named, one, said in zip(portion, encoded, heads.predict(lesions), strict=True):
        advance()
        yield Answer.to(named, one.features, said, one.note)
