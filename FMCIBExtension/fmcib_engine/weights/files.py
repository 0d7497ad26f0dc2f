"""A weights file -> what it holds, by its content: PyTorch's zip, PyTorch's older form, or safetensors.

Nothing that a file holds is ever run, and nothing that a damaged or hostile one says is believed: it ends in an error
of ours, in bounded time and memory.
"""

from __future__ import annotations

import hashlib
import pickle
import struct
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from ..downloads import ANOTHER_FOLDER, UNFINISHED
from ..encoders.batching import is_out_of_memory
from ..encoders.devices import import_torch
from ..errors import DependencyError, OutOfMemoryError, OutputError, WeightsError
from .about import LONGEST_HEADER

_DAMAGED = (
    OSError,
    RuntimeError,
    MemoryError,
    EOFError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
    ArithmeticError,
    struct.error,
    zipfile.BadZipFile,
)
"""What torch raises over damaged files: found by damaging some thousands."""


class Safetensors(NamedTuple):
    """What we use of the package safetensors."""

    load_file: Any
    save_file: Any
    error: type[Exception]


def import_safetensors() -> Safetensors:
    """The package, imported at its first use.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save_file
    except ImportError as error:
        msg = (
            f"Safetensors files need the package safetensors, which cannot be imported ({error}). "
            "Install it (in the window: Install; or the engine's extra [torch])."
        )
        raise DependencyError(msg) from error
    return Safetensors(load_file, save_file, SafetensorError)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def written_whole(*targets: Path) -> Iterator[tuple[Path, ...]]:
    """Names to write to, which become those of the targets when all is written; else nothing changes and none stays.

    Raises:
        OutputError: they cannot be written.
    """
    unfinished = tuple(target.with_name(f"{UNFINISHED}{target.name}") for target in targets)
    try:
        yield unfinished
        for written, target in zip(unfinished, targets, strict=True):
            written.replace(target)
    except OSError as error:
        said = error.strerror or type(error).__name__
        msg = f"{targets[0].name} cannot be written ({said}). Make room, or {ANOTHER_FOLDER}."
        raise OutputError(msg) from error
    finally:
        for path in unfinished:
            with suppress(OSError):
                path.unlink(missing_ok=True)


def begins_as_web_page(start: bytes) -> bool:
    """Whether these are the first bytes of HTML or XML."""
    return start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<")


def open_weights(path: Path) -> Any:
    """What a file holds, its tensors mapped from disk rather than read.

    Raises:
        WeightsError: no such file, none of the three forms, damaged, or holding code.
        DependencyError: torch or safetensors is not installed.
        OutOfMemoryError: no room for it.
    """
    import_torch()
    try:
        start = _first_bytes(path)
        if start[8:9] == b"{":
            return _open_safetensors(path, int.from_bytes(start[:8], "little"))
        if begins_as_web_page(start):
            msg = (
                f"{path.name} is a web page, not a checkpoint: the download needs a direct link, or you to sign in or "
                "to agree to the licence. Fetch it again."
            )
            raise WeightsError(msg)
        return _open_torch(path)
    except pickle.UnpicklingError as error:
        msg = (
            f"{path.name} is not a checkpoint of tensors alone: it is damaged, of another kind, or holds code, "
            "which is never run. Choose the encoder's published file."
        )
        raise WeightsError(msg) from error
    except _DAMAGED as error:
        if is_out_of_memory(error):
            msg = f"There is no memory to open {path.name}. Close other programs."
            raise OutOfMemoryError(msg) from error
        said = str(error).partition("\n")[0].replace(str(path), path.name)
        reason = said if said and isinstance(error, (OSError, RuntimeError)) else type(error).__name__
        msg = f"{path.name} cannot be opened as a checkpoint ({reason}). Fetch it again."
        raise WeightsError(msg) from error


def _first_bytes(path: Path) -> bytes:
    if not path.is_file():
        msg = f"There is no weights file {path.name or path} in the folder given. Check the path."
        raise WeightsError(msg)
    with path.open("rb") as file:
        return file.read(64)


def _open_torch(path: Path) -> Any:
    torch = import_torch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice to the file's author
        return torch.load(path, map_location="cpu", weights_only=True, mmap=_is_zip(path))


def _is_zip(path: Path) -> bool:
    """Whether it is PyTorch's zip, which packs nothing. One that would grow when it is read is refused."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > path.stat().st_size:
        msg = f"{path.name} would unpack to {unpacked:,} bytes, which no checkpoint does. Fetch it again."
        raise WeightsError(msg)
    return True


def _open_safetensors(path: Path, header_length: int) -> Any:
    longest = min(LONGEST_HEADER, path.stat().st_size - 8)
    if header_length > longest:
        msg = (
            f"{path.name} is no safetensors file of an encoder, or is cut short: its header is to be {header_length:,} "
            f"bytes long, at most {longest:,} are possible. Fetch it again."
        )
        raise WeightsError(msg)
    safetensors = import_safetensors()
    try:
        return safetensors.load_file(path)
    except safetensors.error as error:
        raise OSError(str(error)) from error  # told by the caller
