"""What a DICOM file says under a tag, and the cache in which CTK's database keeps that beside itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

TABLE = "CREATE TABLE IF NOT EXISTS TagCache (SOPInstanceUID, Tag, Value, PRIMARY KEY (SOPInstanceUID, Tag))"
NONE = {"__TAG_NOT_IN_INSTANCE__", "__VALUE_IS_EMPTY_STRING__", "__VALUE_IS_NOT_STORED__"}
"""Values of the cache that are none."""


class Cache:
    """`ctkDICOMTagCache.sql` in the database's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ctkDICOMTagCache.sql"

    def value(self, sopInstanceUID: str, tag: str) -> str | None:
        """None where it was not asked for yet."""
        if not self._path.is_file():
            return None
        with closing(sqlite3.connect(self._path)) as connection:
            sql = "SELECT Value FROM TagCache WHERE SOPInstanceUID = ? AND Tag = ?"
            found = connection.execute(sql, (sopInstanceUID, tag.upper())).fetchall()
        return None if not found else "" if found[0][0] in NONE else found[0][0]

    def keep(self, sopInstanceUID: str, tag: str, value: str) -> None:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            connection.execute(TABLE)
            row = (sopInstanceUID, tag.upper(), value or "__VALUE_IS_EMPTY_STRING__")
            connection.execute("INSERT OR REPLACE INTO TagCache VALUES (?, ?, ?)", row)


def ofFile(file: str, tag: str) -> str:
    """The text under a tag such as `0008,0060`, several values with backslashes; empty where there is none.

    Raises:
        NotImplementedError: what is there is not text; how CTK writes that was not measured.
    """
    import pydicom

    group, element = (int(part, 16) for part in tag.split(","))
    wanted = [(group, element), "SpecificCharacterSet"]
    value = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=wanted).get((group, element))
    if value is None or value.is_empty:
        return ""
    if value.VR == "SQ" or isinstance(value.value, bytes):
        msg = f"The host gives no text for {tag}, which holds {value.VR}"
        raise NotImplementedError(msg)
    return "\\".join(map(str, value.value)) if value.VM > 1 else str(value.value)
