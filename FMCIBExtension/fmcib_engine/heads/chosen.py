"""The heads of a run at work: each encoder sees a patch once, each head the features that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..encoders import Encoder
from ..errors import FmcibError
from ..preprocessing import Patch
from .fit import missing_columns
from .head import Head
from .notes import in_one_cell, standing_notes, unlike
from .predict import predict
from .prediction import HeadColumns, Prediction


@dataclass(frozen=True, eq=False)
class Member:
    """A head of the run, and where its features come from."""

    head: Head
    sha256: str
    """Of its file."""
    source: str
    """Where it is from, in words."""
    encoder: Encoder | None = None
    """Its own, where it is not for the features of the run."""

    @property
    def columns(self) -> HeadColumns:
        return HeadColumns(self.head.id, self.head.outputs, self.sha256)


@dataclass(frozen=True, eq=False)
class Lesion:
    """What a prediction is made from."""

    patch: Patch
    features: NDArray[np.float32]
    """Of the run's encoder."""
    columns: Mapping[str, str]
    """The user's own, as text."""


@dataclass(frozen=True)
class _Said:
    """What a head says of a lesion: numbers, and what belongs beside them alone; or why there are none."""

    values: tuple[float, ...] | None = None
    note: str = ""


class ChosenHeads:
    """All heads of a run.

    Args:
        encoder: the run's.
        members: its heads; names differ.
        problems: sentences about heads that are not among them and might be expected.
    """

    def __init__(self, encoder: Encoder, members: Sequence[Member] = (), problems: Sequence[str] = ()) -> None:
        self.members = tuple(members)
        self.problems = tuple(problems)
        self._notes = {
            member: [*standing_notes(member.head, (member.encoder or encoder).weights.caution), *_of_own(member)]
            for member in members
        }

    @property
    def columns(self) -> tuple[HeadColumns, ...]:
        return tuple(member.columns for member in self.members)

    def predict(self, lesions: Sequence[Lesion]) -> list[dict[str, Prediction]]:
        """What each head says of each lesion, by the head's ID. A head that fails says why; the others go on."""
        said = [dict[Member, _Said]() for _ in lesions]
        for member in self.members:
            for answers, one in zip(said, _ask(member, lesions), strict=True):
                answers[member] = one
        return [self._with_notes(answers) for answers in said]

    def _with_notes(self, answers: Mapping[Member, _Said]) -> dict[str, Prediction]:
        numbers = {member.head: said.values for member, said in answers.items() if said.values}
        found = {}
        for member, said in answers.items():
            notes = [f"no prediction: {said.note}"]
            if said.values:
                own = [said.note] if said.note else []
                notes = [*unlike(member.head, numbers), *own, *self._notes[member]]
            found[member.head.id] = Prediction(said.values, in_one_cell(notes))
        return found


def _of_own(member: Member) -> list[str]:
    """What is to be said of an encoder beside the run's."""
    if member.encoder is None:
        return []
    notes = [f"from the features of its own encoder {member.encoder.weights.name}, not from those of this table"]
    if (deviation := member.encoder.precision_deviation) is not None:
        notes.append(f"{member.encoder.precision} changes its features of a probe by {deviation:.1%}")
    return notes


def _ask(member: Member, lesions: Sequence[Lesion]) -> list[_Said]:
    """What a head says of lesions that are encoded, or are encoded now by its own encoder."""
    features: Sequence[NDArray[np.float32]] = [lesion.features for lesion in lesions]
    remarks = [""] * len(lesions)
    if member.encoder is not None:
        try:
            encoded = member.encoder.encode([lesion.patch.array for lesion in lesions])
        except FmcibError as error:
            if len(lesions) > 1:  # only the one at fault has no numbers
                return [said for lesion in lesions for said in _ask(member, [lesion])]
            return [_Said(note=str(error))] * len(lesions)
        features, remarks = [one.features for one in encoded], [one.note for one in encoded]
    head = member.head
    rows = [_row(head, lesion, each) for lesion, each in zip(lesions, features, strict=True)]
    good = [row for row in rows if not isinstance(row, str)]
    numbers = iter(_predict_all(head, good))
    said = [_Said(note=row) if isinstance(row, str) else next(numbers) for row in rows]
    return [
        replace(one, note=remark) if one.values and remark else one for one, remark in zip(said, remarks, strict=True)
    ]


def _predict_all(head: Head, rows: list[NDArray[np.float64]]) -> list[_Said]:
    """All at once; where that fails, one by one, so that only the one at fault has no numbers."""
    if not rows:
        return []
    try:
        return [_Said(tuple(values)) for values in predict(head, rows).tolist()]
    except FmcibError as error:
        if len(rows) == 1:
            return [_Said(note=str(error))]
        return [said for row in rows for said in _predict_all(head, [row])]


def _row(head: Head, lesion: Lesion, features: NDArray[np.float32]) -> NDArray[np.float64] | str:
    """The numbers that a head takes of one lesion, or why they are not there."""
    if head.origin.recipe_id not in {"", lesion.patch.recipe_id}:
        return f"it was made of patches of {head.origin.recipe_id}, this one is of {lesion.patch.recipe_id}."
    if missing := missing_columns(head, lesion.columns):
        return f"it needs your {missing} beside the features: give a table of seeds that has what is missing."
    own = []
    for name in head.origin.columns:
        try:
            own.append(_number(lesion.columns[name]))
        except ValueError:
            return f"your column {name} holds no number here."
    return np.concatenate([features.astype(np.float64), np.array(own, np.float64)])


def _number(cell: str) -> float:
    """A cell as a number; Python would also take 6_5 for 65.

    Raises:
        ValueError: it is none.
    """
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)
