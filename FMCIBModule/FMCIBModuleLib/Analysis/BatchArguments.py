"""The command line of batch.py, and what it asks of the engine's tasks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import slicer
from fmcib_engine.errors import SourceError

_PATTERNS = {
    "--patient": "PatientID",
    "--description": "SeriesDescription",
    "--not-description": "SeriesDescription of what to leave out",
    "--body-part": "BodyPartExamined",
    "--kernel": "ConvolutionKernel",
    "--prefer-kernel": "ConvolutionKernel of the series of a study to take",
}


def makeParser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="batch.py", description="Features of the lesions of many scans. Research use only."
    )
    _addScans(parser)
    _addRun(parser)
    return parser


def _addScans(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--source",
        type=_path,
        help="folder of a DICOM database of Slicer, folder of DICOM files, or table of scans (.csv); else Slicer's own "
        "database",
    )
    add("--series", action="append", metavar="UID", help="only this series; may be given several times")
    seeds = parser.add_mutually_exclusive_group(required=True)
    seeds.add_argument(
        "--seeds", type=_path, help="table of seeds, or a DICOM SEG, RTSTRUCT or SR, or a folder of such"
    )
    seeds.add_argument("--own-seeds", action="store_true", help="the SEG, RTSTRUCT and SR of the source itself")
    add(
        "--roi", action="append", default=[], metavar="NAME", help="only lesions of this name, * allowed; several times"
    )
    add("--frame", default="", choices=("lps", "ras", "ijk"), help="of a table's coordinates, where it does not say it")
    for name, what in _PATTERNS.items():
        add(name, action="append", default=[], metavar="PATTERN", help=f"{what}; * allowed; several times")
    add("--date", default="", metavar="DAYS", help="of the study: 2019-01-01..2020-12-31; either end may be left out")
    add("--thickness", default="", metavar="MM", help="of slices: 3 (at most), or 0.5-3")
    add("--fewest-slices", type=int, default=10, metavar="N", help="a series has at least so many (10)")
    add("--all-series", action="store_true", help="every series that fits, instead of one of each study")


def _addRun(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--output", type=_path, required=True, help="the run's folder: a new one, or of a run")
    add("--resume", action="store_true", help="go on with the run in that folder")
    add("--retry", action="store_true", help="go on, and try the rows that failed again")
    add("--dry-run", action="store_true", help="say what would be done, and why not more, and do nothing")
    add(
        "--weights",
        default=os.environ.get("FMCIB_WEIGHTS") or "",
        help='installed ID, file, or "demonstration" (random numbers); else the variable FMCIB_WEIGHTS, else fmcib, or '
        "where that is not installed small, which comes along",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--engine", default="auto", help="library that computes: auto, pytorch or openvino")
    add("--precision", default="float32", help="float32, tf32, bfloat16 or float16")
    add("--heads", default="auto", metavar="auto|none|NAME,...", help="what to predict, as of analyse.py")
    add("--stability", type=int, default=0, metavar="N", help="compute each lesion N times more, with its seed moved")
    add("--readers", type=int, default=1, metavar="N", help="processes that read scans ahead (1)")
    add("--limit", type=float, default=600.0, metavar="SECONDS", help="for reading one scan (600)")
    add("--identifiers", action="store_true", help="write the PatientID, series UIDs and paths")


def _path(text: str) -> Path:
    """As seen from where the script was started."""
    return Path(text).absolute()


def askedOf(wanted: argparse.Namespace) -> dict[str, Any]:
    """Of the engine's task `plan_batch`.

    Raises:
        SourceError: Slicer's own database is wanted, and none is open.
    """
    return {
        "source": str(wanted.source or _ownDatabase()),
        "series": wanted.series,
        "seeds": str(wanted.seeds or ""),
        "own_seeds": wanted.own_seeds,
        "roi": wanted.roi,
        "frame": wanted.frame,
        "patients": wanted.patient,
        "days": wanted.date,
        "descriptions": wanted.description,
        "not_descriptions": wanted.not_description,
        "body_parts": wanted.body_part,
        "kernels": wanted.kernel,
        "prefer_kernels": wanted.prefer_kernel,
        "thickness": wanted.thickness,
        "fewest_slices": wanted.fewest_slices,
        "all_series": wanted.all_series,
    }


def _ownDatabase() -> str:
    """The folder of the database that Slicer has open.

    Raises:
        SourceError: it has none.
    """
    slicer.app.processEvents()  # Slicer opens it when it has started, which may be after this script has
    database = getattr(slicer, "dicomDatabase", None)
    if database is None or not database.isOpen:
        msg = "Slicer has no DICOM database open. Name the folder of one, or a folder of DICOM files (--source)."
        raise SourceError(msg)
    return str(database.databaseDirectory)
