"""Heads: which are here; one taken in, given out, renamed (`heads`, `import_head`, `export_head`, `rename_head`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..heads.folder import SUFFIX
from ..heads.store import StoredHead, export_head, heads_here, import_head, rename_head
from ..worker.predictions import tell_head


def tell_heads_here() -> dict[str, Any]:
    """The answer.

    Raises:
        DependencyError: safetensors is not installed, and there are some.
    """
    good, damaged = heads_here()
    return {
        "heads": [_tell(stored) for stored in good],
        "damaged": [{"file": one.path.name, "problem": one.problem} for one in damaged],
    }


def take_in(path: Path, *, own_name: str, overwrite: bool) -> dict[str, Any]:
    """The answer, when the head is here.

    Raises:
        HeadError, InputError, ReplacesError, OutputError, DependencyError: as `import_head`.
    """
    return {"head": _tell(import_head(path, name=own_name, overwrite=overwrite))}


def give_out(name: str, path: Path, *, sha256: str, overwrite: bool) -> dict[str, Any]:
    """The answer, when its file is there.

    Raises:
        HeadError, OutputError, DependencyError: as `export_head`.
    """
    return {"head": _tell(export_head(name, path, sha256=sha256, overwrite=overwrite)), "file": path.name}


def give_name(name: str, new_name: str, *, sha256: str) -> dict[str, Any]:
    """The answer, when it has its new name.

    Raises:
        HeadError, InputError, OutputError, DependencyError: as `rename_head`.
    """
    return {"head": _tell(rename_head(name, new_name, sha256=sha256))}


def _tell(stored: StoredHead) -> dict[str, Any]:
    origin = stored.head.origin
    return {
        **tell_head(stored.head, stored.sha256),
        "source": "came with the engine" if stored.is_shipped else "imported",
        "encoder_id": origin.encoder_id,
        "weights_sha256": origin.weights_sha256,
        "recipe_id": origin.recipe_id,
        "removed_as": "" if stored.is_shipped else f"heads/{stored.head.id}{SUFFIX}",
    }
