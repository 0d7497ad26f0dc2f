"""A checkpoint file -> the network's tensors, whatever form the file has, and nothing that is not expected.

Forms (published by FMCIB or written by its training):

* `trunk_state_dict`: the encoder, with `head_state_dict` beside it in fine-tuned files;
* `state_dict` with the prefixes `model.trunk.` and `model.heads.`, as Lighter writes it;
* the encoder's names at the top level;

each possibly behind `module.`, as torch's DataParallel leaves it.
"""

from __future__ import annotations

import hashlib
import pickle
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders.batching import is_out_of_memory
from ..encoders.devices import import_torch
from ..errors import OutOfMemoryError, WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

_TRUNK, _HEADS, _PARALLEL = "model.trunk.", "model.heads.", "module."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The tensors of one file, by the encoder's own names, mapped from disk rather than read."""

    trunk: Mapping[str, Tensor]
    head: Mapping[str, Tensor] = field(default_factory=dict)
    form: str = ""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint without running anything that it holds (`weights_only=True`).

    Raises:
        WeightsError: no such file, not a checkpoint, code in it, or an unknown form.
    """
    content = _open(path)
    if not isinstance(content, Mapping):
        msg = f"{path.name} holds a {type(content).__name__}, wanted a dictionary of tensors. Choose another file."
        raise WeightsError(msg)
    if "trunk_state_dict" in content:
        head = _tensors(content["head_state_dict"], path) if "head_state_dict" in content else {}
        return Checkpoint(_tensors(content["trunk_state_dict"], path), head, "trunk_state_dict")
    if "state_dict" in content:
        return _split(_tensors(content["state_dict"], path), path)
    return Checkpoint(_tensors(content, path), form="plain")


def fill(network: nn.Module, trunk: Mapping[str, Tensor], *, name: str) -> None:
    """Give a network without numbers the tensors of `trunk`: each name, shape and type must agree, none left over.

    Raises:
        WeightsError: with what is missing, unexpected, or of another shape or type.
    """
    wanted = network.state_dict()
    problems = [
        *_listed("missing", sorted(wanted.keys() - trunk.keys())),
        *_listed("unexpected", sorted(trunk.keys() - wanted.keys())),
        *_listed(
            "of another shape or type",
            [
                f"{key} {tuple(trunk[key].shape)} {trunk[key].dtype} instead of {tuple(tensor.shape)} {tensor.dtype}"
                for key, tensor in wanted.items()
                if key in trunk and (trunk[key].shape != tensor.shape or trunk[key].dtype != tensor.dtype)
            ],
        ),
    ]
    if problems:
        msg = (
            f"{name} does not fit the network, which has {len(wanted)} tensors: {'; '.join(problems)}. "
            "Choose the encoder's published file."
        )
        raise WeightsError(msg)
    network.load_state_dict(dict(trunk), strict=True, assign=True)


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"{len(names)} {what} ({', '.join(names[:3])}{more})"]


def _open(path: Path) -> Any:
    torch = import_torch()
    try:
        if not path.is_file():
            msg = f"There is no weights file {path.name or path} in the folder given. Check the path."
            raise WeightsError(msg)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's advice to the file's author
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        msg = (
            f"{path.name} is not a checkpoint of tensors alone: it is damaged, of another kind, or holds code, "
            "which is never run. Choose the encoder's published file."
        )
        raise WeightsError(msg) from error
    except (
        OSError,
        RuntimeError,
        MemoryError,
        EOFError,
        ValueError,
        KeyError,
        AttributeError,
        TypeError,
        IndexError,
    ) as error:
        if is_out_of_memory(error):
            msg = f"There is no memory to open {path.name}. Close other programs."
            raise OutOfMemoryError(msg) from error
        said = str(error).partition("\n")[0].replace(str(path), path.name)
        reason = said if said and isinstance(error, (OSError, RuntimeError)) else type(error).__name__
        msg = f"{path.name} cannot be opened as a PyTorch checkpoint ({reason}). Fetch it again."
        raise WeightsError(msg) from error


def _tensors(state: Any, path: Path) -> dict[str, Tensor]:
    torch = import_torch()
    if not isinstance(state, Mapping) or not state:
        msg = f"{path.name} holds no dictionary of tensors where the encoder should be. Choose another file."
        raise WeightsError(msg)
    strangers = [str(key) for key, value in state.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        msg = f"{path.name} holds entries that are not tensors ({', '.join(strangers[:3])}). Choose another file."
        raise WeightsError(msg)
    prefix = _PARALLEL if all(str(key).startswith(_PARALLEL) for key in state) else ""
    return {str(key).removeprefix(prefix): value for key, value in state.items()}


def _split(state: dict[str, Tensor], path: Path) -> Checkpoint:
    trunk = {key.removeprefix(_TRUNK): value for key, value in state.items() if key.startswith(_TRUNK)}
    head = {key.removeprefix(_HEADS): value for key, value in state.items() if key.startswith(_HEADS)}
    strangers = [key for key in state if not key.startswith((_TRUNK, _HEADS))]
    if strangers:
        msg = (
            f"{path.name} has {len(strangers)} tensors that are neither {_TRUNK}* nor {_HEADS}* "
            f"({', '.join(strangers[:3])}). Choose the encoder's published file."
        )
        raise WeightsError(msg)
    return Checkpoint(trunk, head, "lighter")
