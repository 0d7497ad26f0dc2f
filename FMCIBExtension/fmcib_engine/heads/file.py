"""A head as one safetensors file, which cannot hold code: one entry of JSON in its header, and these tensors.

    layers.0.weight (outputs, inputs), layers.0.bias, layers.1.weight, …     float32 or float64, as all others
    scaling.mean, scaling.scale                                               (inputs,); both or none
    baseline.times, baseline.survival                                         (times,); of a survival head alone

The entry is `fmcib_head` (`facts`). The same head is the same bytes. Files end in `.head`; nothing hangs on it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, HeadError
from ..weights.files import begins_as_web_page, written_whole
from .checks import MOST_LAYERS, refuse
from .facts import as_json, from_json, without_twins
from .head import Baseline, Head, Layer, Scaling

ENTRY = "fmcib_head"

LARGEST_FILE = 256 << 20
"""Bytes. A head of FMCIB's published form, 4096-2048-512-256-2, takes 76 MB in float64."""
LONGEST_HEADER = 4 << 20
"""Bytes. Names of 65,536 features take 2 MB at the most usual lengths."""
_PICKLES = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_ZIP = b"PK\x03\x04"
_DTYPES = ("F32", "F64")


class _Safetensors(NamedTuple):
    """What we use of the package safetensors; torch is not needed."""

    load: Any
    save: Any
    error: type[Exception]


@dataclass(frozen=True, eq=False)
class HeadFile:
    """A head, and which file's it is."""

    head: Head
    sha256: str
    """Of the file."""


def head_bytes(head: Head) -> bytes:
    """The file of a head.

    Raises:
        DependencyError: safetensors is not installed.
        HeadError: facts beyond what a header may hold.
    """
    tensors: dict[str, NDArray[Any]] = {}
    for index, layer in enumerate(head.layers):
        tensors |= {f"layers.{index}.weight": layer.weight, f"layers.{index}.bias": layer.bias}
    if head.scaling is not None:
        tensors |= {"scaling.mean": head.scaling.mean, "scaling.scale": head.scaling.scale}
    if head.baseline is not None:
        tensors |= {"baseline.times": head.baseline.times, "baseline.survival": head.baseline.survival}
    whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    content: bytes = _import_safetensors().save(whole, metadata={ENTRY: as_json(head)})
    if int.from_bytes(content[:8], "little") > LONGEST_HEADER or len(content) > LARGEST_FILE:
        msg = f"The head {head.id} is too large for a file: {len(content):,} bytes. Use fewer features or layers."
        raise HeadError(msg)
    return content


def write_head(path: Path, head: Head) -> str:
    """Write a head, all of it or nothing, over a file of that name if there is one; the SHA-256 of the file.

    Raises:
        DependencyError, HeadError: as `head_bytes`.
        OutputError: the file cannot be written.
    """
    content = head_bytes(head)
    with written_whole(path) as (unfinished,):
        unfinished.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def read_head(path: Path) -> HeadFile:
    """The head of a file, of which every key, type, shape and number is looked at. Nothing in it is run.

    Raises:
        HeadError: no such file, another kind, or one that is damaged, or no head that could be used.
        DependencyError: safetensors is not installed.
    """
    try:
        size = path.stat().st_size
        if not path.is_file() or size > LARGEST_FILE:
            what = f"has {size:,} bytes" if path.is_file() else "is no file"
            refuse(f"{what}, at most {LARGEST_FILE:,} are possible")
        content = path.read_bytes()
    except OSError as error:
        msg = f"The head {path.name} cannot be read ({error.strerror}). Check its path."
        raise HeadError(msg) from error
    try:
        return HeadFile(_parse(path, content), hashlib.sha256(content).hexdigest())
    except HeadError as error:
        msg = re.sub(r"^This (?=is no head)", f"{path.name} ", str(error))
        raise HeadError(msg) from error


def is_head(path: Path) -> bool:
    """Whether a file is a head that can be read, and so may be replaced by another."""
    try:
        read_head(path)
    except HeadError:
        return False
    return True


def _parse(path: Path, content: bytes) -> Head:
    _require_safetensors(path, content)
    length = int.from_bytes(content[:8], "little")
    header = _header(content[8 : 8 + length])
    arguments, unit = from_json(header.pop("__metadata__")[ENTRY])
    return Head(**arguments, **_arrays(_tensors(content, header), unit))


def _require_safetensors(path: Path, content: bytes) -> None:
    if content[:2] in _PICKLES or path.suffix.lower() in {".pkl", ".pickle", ".joblib"}:
        msg = (
            f"{path.name} is a Python pickle, such as upstream's task3.pkl: opening one runs whatever code is in it, "
            "and what it means hangs on the version of scikit-learn, so it is never opened. Train a head from the "
            "features (in the window: Train a head; or `fmcib-engine heads train`)."
        )
        raise HeadError(msg)
    if content[:4] == _ZIP:
        msg = (
            f"{path.name} is a checkpoint of PyTorch, with an encoder in it. Bring it as weights (in the window: "
            "Import; or `fmcib-engine weights import FILE`): a head in it comes with them."
        )
        raise HeadError(msg)
    if begins_as_web_page(content[:64]):
        refuse("it is a web page, perhaps a login page")
    length = int.from_bytes(content[:8], "little")
    if content[8:9] != b"{" or not 2 <= length <= min(LONGEST_HEADER, len(content) - 8):
        refuse("it is no safetensors file of a head, or is cut short")


def _header(text: bytes) -> dict[str, Any]:
    """The header of the format, looked at before the library is given the whole."""
    try:
        header = json.loads(text.decode(), object_pairs_hook=without_twins)
        entry = header["__metadata__"][ENTRY]
        told = {name: (each["dtype"], each["shape"]) for name, each in header.items() if name != "__metadata__"}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        refuse(f"its header has no entry {ENTRY}: it is another safetensors file, such as weights")
    if set(header["__metadata__"]) != {ENTRY} or not isinstance(entry, str):
        refuse(f"its header has other entries than {ENTRY}")
    for name, (dtype, _) in told.items():
        if dtype not in _DTYPES:
            refuse(f"the tensor {name[:60]!r} is of {str(dtype)[:20]!r}, wanted {' or '.join(_DTYPES)}")
    return dict(header)


def _tensors(content: bytes, header: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    safetensors = _import_safetensors()
    try:
        tensors: dict[str, NDArray[Any]] = safetensors.load(content)
    except (safetensors.error, ValueError, TypeError, LookupError, OverflowError) as error:
        said = str(error).partition("\n")[0][:120]
        refuse(f"it is damaged ({said or type(error).__name__})")
    if tensors.keys() != header.keys():
        refuse("its header tells other tensors than it holds")
    return tensors


def _arrays(tensors: dict[str, NDArray[Any]], unit: str) -> dict[str, Any]:
    """Layers, scaling and baseline; nothing is left over."""
    layers: list[Layer] = []
    while f"layers.{len(layers)}.weight" in tensors and len(layers) < MOST_LAYERS:
        name = f"layers.{len(layers)}"
        if f"{name}.bias" not in tensors:
            refuse(f"it lacks the tensor {name}.bias")
        layers.append(Layer(tensors.pop(f"{name}.weight"), tensors.pop(f"{name}.bias")))
    scaling = _pair(tensors, "scaling.mean", "scaling.scale")
    baseline = _pair(tensors, "baseline.times", "baseline.survival")
    if tensors:
        refuse(f"it has an unknown tensor {min(tensors)[:60]!r}")
    if unit and not baseline:
        refuse("it has a unit of time and no baseline survival")
    return {
        "layers": tuple(layers),
        "scaling": Scaling(*scaling) if scaling else None,
        "baseline": Baseline(*baseline, unit) if baseline else None,
    }


def _pair(tensors: dict[str, NDArray[Any]], first: str, second: str) -> tuple[NDArray[Any], NDArray[Any]] | None:
    if (first in tensors) != (second in tensors):
        refuse(f"it has only one of {first} and {second}")
    return (tensors.pop(first), tensors.pop(second)) if first in tensors else None


def _import_safetensors() -> _Safetensors:
    try:
        from safetensors import SafetensorError
        from safetensors.numpy import load, save
    except ImportError as error:
        msg = (
            f"Heads need the package safetensors, which cannot be imported ({error}). "
            "Install it (in the window: Install; or the engine's extra [torch])."
        )
        raise DependencyError(msg) from error
    return _Safetensors(load, save, SafetensorError)
