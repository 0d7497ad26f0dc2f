"""The heads of a run at work: each encoder sees a patch once, each head the features that it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..encoders import Encoder
from ..errors import FmcibError
from ..preprocessing import Patch
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


class Panel:
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
            member: standing_notes(member.head, (member.encoder or encoder).weights.caution) for member in members
        }

    @property
    def columns(self) -> tuple[HeadColumns, ...]:
        return tuple(member.columns for member in self.members)

    def predict(self, lesions: Sequence[Lesion]) -> list[dict[str, Prediction]]:
        """What each head says of each lesion, by the head's ID. A head that fails says why; the others go on."""
        said = [dict[Member, list[float] | str]() for _ in lesions]
        for member in self.members:
            for answers, one in zip(said, self._ask(member, lesions), strict=True):
                answers[member] = one
        return [self._with_notes(answers) for answers in said]

    def _ask(self, member: Member, lesions: Sequence[Lesion]) -> list[list[float] | str]:
        features: Sequence[NDArray[np.float32]] = [lesion.features for lesion in lesions]
        if member.encoder is not None:
            try:
                features = [one.features for one in member.encoder.encode([lesion.patch.array for lesion in lesions])]
            except FmcibError as error:
                return [str(error)] * len(lesions)
        return [_one(member.head, lesion, each) for lesion, each in zip(lesions, features, strict=True)]

    def _with_notes(self, answers: Mapping[Member, list[float] | str]) -> dict[str, Prediction]:
        numbers = {member.head: values for member, values in answers.items() if not isinstance(values, str)}
        found = {}
        for member, said in answers.items():
            if isinstance(said, str):
                found[member.head.id] = Prediction(None, in_one_cell([f"no prediction: {said}"]))
            else:
                notes = [*unlike(member.head, numbers), *self._notes[member]]
                found[member.head.id] = Prediction(tuple(said), in_one_cell(notes))
        return found


def _one(head: Head, lesion: Lesion, features: NDArray[np.float32]) -> list[float] | str:
    """Its numbers of one lesion, or why there are none."""
    if head.origin.recipe_id not in {"", lesion.patch.recipe_id}:
        return f"it was made of patches of {head.origin.recipe_id}, this one is of {lesion.patch.recipe_id}."
    row = [*map(float, features)]
    for name in head.origin.columns:
        try:
            row.append(float(lesion.columns[name]))
        except KeyError:
            return f"it needs your column {name}, which is not there."
        except ValueError:
            return f"your column {name} holds no number here."
    try:
        numbers: list[float] = predict(head, [row])[0].tolist()
    except FmcibError as error:
        return str(error)
    return numbers
