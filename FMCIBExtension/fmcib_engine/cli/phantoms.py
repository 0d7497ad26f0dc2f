"""`phantoms`: computer-made lesions as images, a table of their truth that is also a table of seeds, and a sheet."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import OutputError
from ..geometry import VoxelGrid
from ..phantom.lesions import EDITION, Case, LesionPatch, draw, sample_case
from ..phantom.sites import SITES
from ..results.image import write_image
from ..results.sheet import COLUMNS, Tile, draw_sheet
from ..volume import Volume
from .console import out, progress

COMPUTER_MADE = "COMPUTER-MADE LESIONS: each is drawn by a program. They say nothing about patients."
_TABLE, _DETAILS, _SHEET = "phantoms.csv", "phantoms.jsonl", "sheet.png"


@dataclass(frozen=True)
class Wanted:
    """What to make: so many lesions of a run, of any site and scanner or of one."""

    count: int
    run_seed: int
    size_mm: int
    site: str | None = None
    scanner: str | None = None

    def cases(self) -> Iterator[Case]:
        for number in range(self.count):
            yield sample_case(number, self.run_seed, site=self.site, scanner=self.scanner)


def make_phantoms(wanted: Wanted, folder: Path, *, sheet: bool, overwrite: bool) -> int:
    """Write images, masks and tables, all tables last, and return the exit code.

    Raises:
        OutputError: the folder cannot be written, or holds other phantoms.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {folder.name} cannot be made ({error.strerror}). Choose another with --output."
        raise OutputError(msg) from error
    if not overwrite and (there := [name for name in (_TABLE, _DETAILS, _SHEET) if (folder / name).exists()]):
        msg = f"{' and '.join(there)} in {folder.name} would be lost. Choose another folder (--output) or --overwrite."
        raise OutputError(msg)
    rows, details = [], []
    with progress("Lesions", wanted.count) as advance:
        for case in wanted.cases():
            patch = draw(case, wanted.size_mm)
            rows.append(_write_patch(patch, folder))
            details.append(
                json.dumps({"edition": EDITION, **case.to_json(), "size_mm": wanted.size_mm, "details": patch.details})
            )
            advance()
    if rows:
        _write_text("\n".join(details) + "\n", folder / _DETAILS)
        _write_text(_as_csv(rows), folder / _TABLE)
        out.print(
            f"{folder / _TABLE}: {wanted.count} lesions, their truth, and seeds for `extract --table`", markup=False
        )
    if sheet:
        write_sheet(folder / _SHEET, wanted.run_seed)
        out.print(str(folder / _SHEET), markup=False)
    out.print(COMPUTER_MADE, style="bold yellow")
    return 0


def write_sheet(path: Path, run_seed: int) -> None:
    """64 lesions: a row for each site, eight of each, in the window in which a radiologist looks there."""
    tiles = []
    with progress("Sheet", COLUMNS * len(SITES)) as advance:
        for number in range(COLUMNS * len(SITES)):
            name = tuple(SITES)[number // COLUMNS]
            patch = draw(sample_case(number, run_seed, site=name))
            tiles.append(Tile(patch.hu, SITES[name].window, _caption(patch)))
            advance()
    draw_sheet(tiles, path, title=f"Eight sites, eight lesions each; run seed {run_seed}", notice=COMPUTER_MADE)


def _caption(patch: LesionPatch) -> str:
    case, place = patch.case, patch.details.get("place", "")
    return (
        f"{case.site}, {case.diameter_mm:.0f} mm\n{place}\n"
        f"{case.density}, {case.outline}\n{case.phase}, scanner {case.scanner}"
    )


def _write_patch(patch: LesionPatch, folder: Path) -> dict[str, Any]:
    """Two images whose patient coordinates have the lesion at 0, 0, 0; gives the row of the table."""
    case, size = patch.case, patch.hu.shape[0]
    name = f"lesion_{case.number:05d}"
    origin = np.array([-offset - (size - 1) / 2.0 for offset in case.seed_offset_mm])
    grid = VoxelGrid.from_parts((size,) * 3, origin=origin, spacing=(1.0, 1.0, 1.0), direction=np.eye(3))
    write_image(Volume(np.rint(patch.hu).astype(np.int16), grid), folder / f"{name}.nrrd")
    write_image(Volume(patch.mask.astype(np.uint8), grid), folder / f"{name}_mask.nrrd")
    values = {name: value for name, value in case.to_json().items() if not isinstance(value, list)}
    place = {"image_path": f"{name}.nrrd", "coordX": 0.0, "coordY": 0.0, "coordZ": 0.0}
    return place | {"lesion_id": name, "lesion_diameter_mm": values.pop("diameter_mm")} | values


def _as_csv(rows: list[dict[str, Any]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _write_text(text: str, path: Path) -> None:
    """All of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, encoding="utf-8", newline="")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        msg = f"{path.name} cannot be written ({error.strerror}). Choose another folder (--output), or make room."
        raise OutputError(msg) from error
