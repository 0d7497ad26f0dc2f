"""`demo`: the main job on one scan, with a picture, for whoever has neither a scan nor weights at hand."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from .. import phantom, samples
from ..encoders.devices import choose_devices
from ..errors import FmcibError, OutputError
from ..readers import read_volume
from ..results.image import write_image
from ..results.lesion import LesionResult, Run
from ..results.picture import draw_patch
from ..results.table import TableOptions
from ..seeds import LesionSeed, SeedTable
from .console import err, out, show_results
from .extract import OK, EncoderOptions, Job, run_job

Seed = tuple[float, float, float]
_LESION_ID = "demo"


def run_demo(scan: tuple[Path, Seed] | None, folder: Path, encoder: EncoderOptions, *, download: bool | None) -> int:
    """Write `features.csv`, `patch.png` and `lesion.png` into `folder`, replacing those of an earlier demo."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {folder.name} cannot be made ({error.strerror}). Choose another with --output."
        raise OutputError(msg) from error
    table, picture, page = (folder / name for name in ("features.csv", "patch.png", "lesion.png"))
    _require_own(table, picture, page)
    choose_devices(encoder.device)  # before a phantom is made for nothing
    image, seed, about = (*scan, "your scan") if scan else _public_scan(download=download) or _phantom(folder)
    out.print(f"{about}: {image.name}, seed {seed[0]:z.2f} {seed[1]:z.2f} {seed[2]:z.2f} mm LPS", markup=False)

    def show(results: list[LesionResult], run: Run) -> None:
        patch = results[0].patch
        for older in (picture, page):  # would seem to belong to this run
            older.unlink(missing_ok=True)
        if patch is not None:
            draw_patch(patch, picture, title=f"What the network was fed: {about}", notice=run.weights.caution)
        show_results(results, run, table)
        if patch is not None:
            out.print(f"{picture}: what the network was fed", markup=False)

    lesion = LesionSeed(1, _LESION_ID, image, seed)
    code = run_job(Job(SeedTable((lesion,), ()), table, encoder, options=TableOptions(overwrite=True)), show)
    if code == OK:
        _write_page(lesion, encoder, page, f"One lesion: {about}")
    return code


def _write_page(lesion: LesionSeed, options: EncoderOptions, path: Path, title: str) -> None:
    """Prediction, map and moved seeds on one page."""
    from .demo_picture import draw_page, make_page

    volume = read_volume(lesion.image)
    draw_page(make_page(volume, lesion.point(volume.grid), options, title), path)
    out.print(f"{path}: what it says, where from, and how steady that is", markup=False)


def _require_own(table: Path, *pictures: Path) -> None:
    """Refuse a folder with a table or a picture that no demo made."""
    second_row = ""
    if table.is_file():
        with table.open(encoding="utf-8", errors="replace") as file:
            second_row = [file.readline(), file.readline()][1]
    theirs = [path.name for path in (table, *pictures) if path.exists()]
    if theirs and not second_row.startswith(f"1,{_LESION_ID},"):
        folder = table.parent.name or "this folder"
        msg = f"{' and '.join(theirs)} in {folder} is of no demo. Choose another folder (--output)."
        raise OutputError(msg)


def _public_scan(*, download: bool | None) -> tuple[Path, Seed, str] | None:
    """A public chest CT with its middle as the seed: no lesion is known in it. Fetched only with consent."""
    sample = samples.CT_CHEST
    path = samples.cached(sample)
    if path is None and download is None and sys.stdin.isatty():
        download = click.confirm(
            f"Fetch {sample.about} as a real CT to show? Otherwise a phantom is made", default=False
        )
    if path is None and download:
        try:
            path = samples.fetch(sample)
        except FmcibError as error:
            err.print(f"{error} A phantom is made instead.", markup=False)
    if path is None:
        return None
    grid = read_volume(path).grid
    x, y, z = grid.to_patient([(n - 1) / 2 for n in grid.size]).tolist()
    return path, (x, y, z), f"{sample.about}; the seed is its middle, no lesion"


def _phantom(folder: Path) -> tuple[Path, Seed, str]:
    path = folder / "chest_phantom.nrrd"
    write_image(phantom.chest_phantom(), path)
    seed = phantom.PHANTOM_SEED
    return path, (seed.x, seed.y, seed.z), "a chest phantom made here, with a nodule in the right lung"
