"""A checkpoint file -> the network's tensors, whatever form the file has, and nothing that is not expected.

Forms (published by FMCIB, written by its training, or by us), in PyTorch's or in safetensors' format:

* `trunk_state_dict`: the encoder, with `head_state_dict` beside it in fine-tuned files;
* the prefixes `model.trunk.` and `model.heads.`, as Lighter writes them, with or without `state_dict` around them;
* the encoder's names, with or without `state_dict` around them;

each possibly behind `module.`, as torch's DataParallel leaves it.

A file that says which encoder it is of (`about`) is one of ours, and may keep its convolutions in half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..encoders import BY_WEIGHTS, ENCODERS, EncoderSpec, find_encoder
from ..encoders.building import build_network
from ..encoders.devices import import_torch
from ..errors import OutputError, WeightsError
from .about import About, read_about
from .files import import_safetensors, open_weights, written_whole

if TYPE_CHECKING:
    from torch import Tensor, nn

_TRUNK, _HEADS, _PARALLEL = "model.trunk.", "model.heads.", "module."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The tensors of one file, by the encoder's own names, mapped from disk rather than read."""

    trunk: Mapping[str, Tensor]
    head: Mapping[str, Tensor] = field(default_factory=dict)
    form: str = ""
    about: About = field(default_factory=About)


def read_checkpoint(path: Path) -> Checkpoint:
    """Open a checkpoint without running anything that it holds.

    Raises:
        WeightsError: no such file, not a checkpoint, code in it, or an unknown form.
        DependencyError: torch is not installed, or safetensors for such a file.
        OutOfMemoryError: no room for it.
    """
    checkpoint, about = _read(path), read_about(path)
    trunk = _widened(checkpoint.trunk) if about.encoder else checkpoint.trunk
    return replace(checkpoint, trunk=trunk, about=about)


def _read(path: Path) -> Checkpoint:
    content = open_weights(path)
    if not isinstance(content, Mapping):
        msg = f"{path.name} holds a {type(content).__name__}, wanted a dictionary of tensors. Choose another file."
        raise WeightsError(msg)
    if "trunk_state_dict" in content:
        head = _tensors(content["head_state_dict"], path) if "head_state_dict" in content else {}
        return Checkpoint(_tensors(content["trunk_state_dict"], path), head, "trunk_state_dict")
    state = _tensors(content.get("state_dict", content), path)
    if any(key.startswith((_TRUNK, _HEADS)) for key in state):
        return _split(state, path)
    return Checkpoint(state, form="plain")


def check_fits(path: Path, encoder_id: str = BY_WEIGHTS) -> Checkpoint:
    """The checkpoint in a file, if it is exactly an encoder's. Only names, shapes and types are looked at.

    Args:
        path: the file.
        encoder_id: a key of `ENCODERS`, or whichever the file is of, which the checkpoint then tells.

    Raises:
        InputError: an unknown encoder.
        WeightsError, DependencyError, OutOfMemoryError: as `read_checkpoint`, `encoder_of` and `fill`.
    """
    if encoder_id != BY_WEIGHTS:
        find_encoder(encoder_id)
    checkpoint = read_checkpoint(path)
    spec = encoder_of(checkpoint, encoder_id, name=path.name)
    _require_fit(build_network(spec), checkpoint.trunk, path.name)
    return replace(checkpoint, about=replace(checkpoint.about, encoder=spec.id))


def encoder_of(checkpoint: Checkpoint, wanted: str = BY_WEIGHTS, *, name: str) -> EncoderSpec:
    """Which encoder a checkpoint is of: as its file says; else the one whose network has most of its tensors.

    Raises:
        WeightsError: one that is not known here, or another than the one that is wanted.
    """
    said = checkpoint.about.encoder
    if said and said not in ENCODERS:
        msg = (
            f"{name} is of the encoder {said!r}, which this version does not know: it has {', '.join(ENCODERS)}. "
            "Choose another file, or install a newer version."
        )
        raise WeightsError(msg)
    found = said or max(ENCODERS, key=lambda each: _in_common(ENCODERS[each], checkpoint.trunk))
    if wanted not in {BY_WEIGHTS, found}:
        msg = (
            f"{name} is of the encoder {found}, not of {wanted}. Choose weights of {wanted}, or the encoder {found} "
            f"(--encoder {found})."
        )
        raise WeightsError(msg)
    return ENCODERS[found]


def _in_common(spec: EncoderSpec, trunk: Mapping[str, Tensor]) -> int:
    """How many tensors of a network are there by name and shape."""
    wanted = build_network(spec).state_dict()
    return sum(key in trunk and trunk[key].shape == tensor.shape for key, tensor in wanted.items())


def _widened(trunk: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Float32 of half precision, exactly; others as they are."""
    torch = import_torch()
    return {key: tensor.float() if tensor.dtype == torch.float16 else tensor for key, tensor in trunk.items()}


def fill(network: nn.Module, trunk: Mapping[str, Tensor], *, name: str) -> None:
    """Give a network without numbers the tensors of `trunk`: each name, shape and type must agree, none left over.

    Raises:
        WeightsError: with what is missing, unexpected, or of another shape or type.
    """
    _require_fit(network, trunk, name)
    network.load_state_dict(dict(trunk), strict=True, assign=True)


def write_safetensors(path: Path, checkpoint: Checkpoint, metadata: Mapping[str, str], *, halves: bool = False) -> None:
    """Write a checkpoint with Lighter's prefixes, all of it or nothing, over a file of that name if there is one.

    Args:
        path: the file.
        checkpoint: its tensors.
        metadata: such as `About.metadata`.
        halves: keep the trunk's convolutions in half precision, for which `metadata` must say the encoder. What is read
            again is what was rounded: compute with that.

    Raises:
        DependencyError: safetensors is not installed.
        OutputError: the file cannot be written.
    """
    safetensors = import_safetensors()
    trunk = _halved(checkpoint.trunk) if halves else checkpoint.trunk
    tensors = {f"{_TRUNK}{key}": tensor.contiguous() for key, tensor in trunk.items()}
    tensors |= {f"{_HEADS}{key}": tensor.contiguous() for key, tensor in checkpoint.head.items()}
    with written_whole(path) as (unfinished,):
        unfinished.touch()
        mode = unfinished.stat().st_mode
        try:
            safetensors.save_file(tensors, unfinished, metadata=dict(metadata))
        except (RuntimeError, safetensors.error) as error:
            said = str(error).strip().replace(str(path.parent), "…")
            msg = f"The weights {path.name} cannot be written ({said}). Make room, or choose another folder."
            raise OutputError(msg) from error
        unfinished.chmod(mode)  # safetensors keeps its files to their owner


def _halved(trunk: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Convolutions in half precision; batch norms, which are few and small, as they are."""
    return {key: tensor.half() if tensor.ndim > 1 else tensor for key, tensor in trunk.items()}


def _require_fit(network: nn.Module, trunk: Mapping[str, Tensor], name: str) -> None:
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


def _listed(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return [f"{len(names)} {what} ({', '.join(names[:3])}{more})"]


def _tensors(state: Any, path: Path) -> dict[str, Tensor]:
    torch = import_torch()
    if not isinstance(state, Mapping) or not state:
        msg = f"{path.name} holds no dictionary of tensors where the encoder should be. Choose another file."
        raise WeightsError(msg)
    strangers = [
        str(key)
        for key, value in state.items()
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.is_meta
    ]
    if strangers:
        msg = f"{path.name} holds entries that are not plain tensors ({', '.join(strangers[:3])}). Choose another file."
        raise WeightsError(msg)
    return _without(_PARALLEL, {str(key): value for key, value in state.items()})


def _without(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without a prefix that all names have; else one of two tensors could silently win."""
    if not all(key.startswith(prefix) for key in state):
        return state
    return {key.removeprefix(prefix): value for key, value in state.items()}


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
    return Checkpoint(_without(_PARALLEL, trunk), _without(_PARALLEL, head), "lighter")
