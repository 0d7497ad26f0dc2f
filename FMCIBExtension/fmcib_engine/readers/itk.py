"""What the DICOM reader needs of SimpleITK: its import, its warnings, its exceptions, and its voxels without a copy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DependencyError, ImageError
from ..texts import decimal_points

_LONGEST_PATH = 900
"""In bytes. Where ITK cannot read a file, it may write why into 1,024 bytes; more of them end the process."""
_NO_MEMORY = ("Failed to allocate memory", "bad_alloc")


def import_package(name: str) -> ModuleType:
    """A package of the extra `read`, imported when it is first needed: SimpleITK takes half a second.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        return import_module(name)
    except ImportError as error:
        msg = (
            f"Reading scans needs the package {name}, which is not installed. Install the engine with its extra [read]"
        )
        raise DependencyError(msg) from error


def reader_name(sitk: ModuleType) -> str:
    """Library and version, for `Source.reader`."""
    return f"SimpleITK {sitk.Version().VersionString()}"


def itk_name(path: Path) -> str:
    """A path as SimpleITK takes it, which ends the process where its bytes are not UTF-8, or too many.

    Raises:
        ImageError: such a path.
    """
    try:
        length = len(str(path).encode())
    except UnicodeEncodeError as error:
        msg = f"A path in UTF-8 is wanted, that of {path.name!a} is not. Rename the file or its folders."
        raise ImageError(msg) from error
    if length > _LONGEST_PATH:
        msg = f"The path of {path.name!r} has {length} bytes, of at most {_LONGEST_PATH}. Move it to a shorter one."
        raise ImageError(msg)
    return str(path)


@contextmanager
def quiet_itk(sitk: ModuleType) -> Iterator[None]:
    """ITK without its warnings, and with points in decimals.

    Both settings are global to the process, so they are put back at the end. What the libraries inside ITK print by
    themselves (12-bit JPEG) has no switch.
    """
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.GlobalWarningDisplayOff()
    try:
        with decimal_points():
            yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def itk_errors(sitk: ModuleType, paths: Sequence[Path]) -> Iterator[None]:
    """ITK's exceptions as one sentence of ours; meanwhile it is quiet.

    Raises:
        ImageError: ITK failed; it names, by its last part, the one of `paths` that is at fault.
        MemoryError: ITK got no memory.
    """
    try:
        with quiet_itk(sitk):
            yield
    except RuntimeError as error:
        said = str(error)
        if any(words in said for words in _NO_MEMORY):
            raise MemoryError from error
        path = next((path for path in paths if str(path) in said), paths[-1])
        msg = f"{path.name!r} cannot be read as a scan: its voxels are damaged or incomplete. Export the scan again."
        raise ImageError(msg) from error


class _Buffer:
    """Keeps an ITK image alive as long as an array looks at its voxels.

    SimpleITK's own view does not: reading it after the image is gone ends the process.
    """

    def __init__(self, sitk: ModuleType, image: Any) -> None:  # noqa: ANN401 - SimpleITK has no types
        self.image = image
        self.__array_interface__ = sitk.GetArrayViewFromImage(image).__array_interface__


def voxels_of(sitk: ModuleType, image: Any) -> NDArray[Any]:  # noqa: ANN401 - SimpleITK has no types
    """The voxels [k, j, i] of an ITK image: its own memory, read-only, in its own type."""
    return np.asarray(_Buffer(sitk, image))
