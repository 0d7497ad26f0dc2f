"""The heads that are here, and one that is taken in: the tasks `heads` and `import_head`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..heads.folder import SUFFIX
from ..heads.store import StoredHead, heads_here, import_head
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


def _tell(stored: StoredHead) -> dict[str, Any]:
    origin = stored.head.origin
    return {
        **tell_head(stored.head, stored.sha256),
        "source": "came with the engine" if stored.is_shipped else "imported",
        "encoder_id": origin.encoder_id,
        "weights_sha256": origin.weights_sha256,
        "recipe_id": origin.recipe_id,
        "columns": list(origin.columns),
        "removed_as": "" if stored.is_shipped else f"heads/{stored.head.id}{SUFFIX}",
    }
