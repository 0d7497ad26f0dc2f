"""A DICOMDIR: the index of a CD or stick, which names the files that belong to it (PS3.3 F, PS3.10 8)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ...errors import ImageError
from ..itk import import_package
from .lost import Lost
from .values import damage, quiet_pydicom

_DIRECTORY = "1.2.840.10008.1.3.10"
_NOT_THERE = "{} is listed in the index, and is not there. Copy the whole disk, or give the folder of the slices."


def is_index(path: Path) -> bool:
    """Whether a DICOM file is such an index, by its class."""
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom():
            return bool(pydicom.filereader.read_file_meta_info(path).get("MediaStorageSOPClassUID") == _DIRECTORY)
    except damage():
        return False


def listed_files(index: Path, files: Iterable[Path]) -> tuple[list[Path], list[Lost]]:
    """Those of `files`, which lie in the folder of the index or below, that it lists, and what it lists in vain.

    Names are compared as a disk does: without regard to case, version numbers (`;1`) and a point at the end.

    Raises:
        ImageError: it is damaged, lists no images, or none that are there.
    """
    pydicom = import_package("pydicom")
    try:
        with quiet_pydicom():
            records = pydicom.dcmread(index).DirectoryRecordSequence
            parts = [_parts(record) for record in records if record.get("DirectoryRecordType") == "IMAGE"]
    except damage() as error:
        msg = f"The index {index.name!r} is damaged. Give the folder in which it lies."
        raise ImageError(msg) from error
    there = {_on_disk(path.relative_to(index.parent).parts): path for path in files}
    wanted = [part for part in parts if part]
    found = [there[_on_disk(part)] for part in wanted if _on_disk(part) in there]
    if not found:
        what = f"{len(wanted)} images, and none of them is there" if wanted else "no images"
        msg = f"The index {index.name!r} lists {what}. Give the folder of the slices."
        raise ImageError(msg)
    return found, [Lost(part[-1], _NOT_THERE) for part in wanted if _on_disk(part) not in there]


def _parts(record: object) -> tuple[str, ...]:
    """Folders and name of the file of a record."""
    file_id = getattr(record, "ReferencedFileID", None) or ()
    return (file_id,) if isinstance(file_id, str) else tuple(map(str, file_id))


def _on_disk(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(part.split(";")[0].rstrip(".").casefold() for part in parts)
