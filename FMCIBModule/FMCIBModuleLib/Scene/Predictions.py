"""What heads say of a lesion, as its row and the table of heads have it: also in a scene that was saved."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite
from typing import Any

from fmcib_engine.heads.terms import NOTE, SHA256

from .HeadColumns import byHead, headOf
from .HeadTable import HeadTable, sentencesOf


@dataclass(frozen=True)
class Prediction:
    """What one head says of one lesion.

    Attributes:
        head: its ID.
        sha256: of its file.
        facts: what is known of it, as `HeadTable.facts`; empty where the scene lost that.
        values: by the names of its outputs, in their order; none where there is no prediction.
        notes: sentences that belong beside the numbers.
    """

    head: str
    sha256: str
    facts: Mapping[str, str]
    values: Mapping[str, float]
    notes: tuple[str, ...]


def predictionsIn(volumeNode: Any, row: Mapping[str, str] | None) -> list[Prediction]:
    """Of a row of a CT; none where no head said anything."""
    found = []
    for head, cells in _cellsByHead(row or {}).items():
        note, sha256 = cells.get(NOTE, ""), cells.get(SHA256, "")
        facts = HeadTable(volumeNode).facts(head, sha256)
        found.append(Prediction(head, sha256, facts, _numbers(cells), tuple(sentencesOf(note))))
    return found


def numbersIn(row: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The numbers of each head in a row, by their outputs; of heads that gave some."""
    found = {head: _numbers(cells) for head, cells in _cellsByHead(row).items()}
    return {head: numbers for head, numbers in found.items() if numbers}


def predictionLines(row: Mapping[str, str]) -> list[str]:
    """What heads say of a lesion, one a line, and what belongs beside it; of a head without numbers, why."""
    lines = []
    for head, cells in _cellsByHead(row).items():
        numbers = ", ".join(f"{output} {value:z.3f}" for output, value in _numbers(cells).items())
        lines.append(
            "; ".join(each for each in (f"{head}: {numbers}" if numbers else head, cells.get(NOTE, "")) if each)
        )
    return lines


def hiddenIn(parameter: str) -> list[str]:
    """IDs of the heads that the user does not want to see."""
    return [name for each in parameter.split(",") if (name := each.strip())]


def _cellsByHead(row: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Of the heads that said anything of this lesion, numbers or why there are none."""
    found = {head: {headOf(name)[1]: row[name] for name in names} for head, names in byHead(row).items()}
    return {head: cells for head, cells in found.items() if cells.get(NOTE) or cells.get(SHA256)}


def _numbers(cells: Mapping[str, str]) -> dict[str, float]:
    """Of the outputs; those of another head of that name are empty, and a damaged cell is no number."""
    found = {}
    for name, text in cells.items():
        with suppress(ValueError):
            if name not in (NOTE, SHA256) and isfinite(value := float(text)):  # the latter may look like one
                found[name] = value
    return found
