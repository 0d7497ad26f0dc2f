"""What a weights file says of itself, read without torch: which encoder it is of, and what its features mean.

It stands in the header of a safetensors file, as one entry `about` of its metadata, which is JSON: safetensors writes
several entries in any order, and the same file is to be the same bytes. Files of others say nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..encoders.cautions import readable

LONGEST_HEADER = 2**20
"""Bytes of a safetensors header. FMCIB's takes 40 kB; 1 MB is read in a second, the format's own 100 MB in minutes."""

_ENTRY = "about"
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What a header that is none, or nonsense, ends in."""


@dataclass(frozen=True)
class About:
    """Whatever is not said is empty."""

    encoder: str = ""
    """Its ID."""
    caution: str = ""
    """What must stand wherever features of these weights appear."""
    source: str = ""
    """What the file was made from, or by."""
    classes: tuple[str, ...] = ()
    """Of its head, in order."""

    @property
    def metadata(self) -> dict[str, str]:
        """As it is written into a safetensors file."""
        return {_ENTRY: json.dumps({name: text for name, text in asdict(self).items() if text}, sort_keys=True)}


def read_about(path: Path) -> About:
    """What a file says of itself; nothing of one that is no safetensors file, damaged, or not there."""
    try:
        told = json.loads(_header(path)[1]["__metadata__"][_ENTRY])
        encoder, caution, source = (_text(told, name) for name in ("encoder", "caution", "source"))
        return About(encoder, readable(caution), source, _texts(told, "classes"))
    except _UNREADABLE:
        return About()


def is_cut_short(path: Path) -> bool:
    """Whether a safetensors file lacks some of the tensors that its header names, or is none that can be read."""
    try:
        length, header = _header(path)
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return not ends or path.stat().st_size != 8 + length + max(ends)
    except _UNREADABLE:
        return True


def _header(path: Path) -> tuple[int, Any]:
    """Bytes of a safetensors file's header, and what stands in it; raises one of `_UNREADABLE` where there is none."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return length, json.loads(file.read(length) if length <= LONGEST_HEADER else b"")


def _text(told: dict[str, Any], name: str) -> str:
    text = told.get(name, "")
    return text if isinstance(text, str) else ""


def _texts(told: dict[str, Any], name: str) -> tuple[str, ...]:
    texts = told.get(name, [])
    return tuple(texts) if isinstance(texts, list) and all(isinstance(text, str) for text in texts) else ()
