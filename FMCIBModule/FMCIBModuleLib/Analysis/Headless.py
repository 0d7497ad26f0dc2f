"""The analysis of one CT without a window: files in, files and an exit code out. The only file here that prints."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import slicer
import slicer.util
from fmcib_engine.errors import FmcibError, OutputError
from fmcib_engine.readers import read_volume
from fmcib_engine.results.table import TableOptions, require_writable
from fmcib_engine.weights.reports import notices
from fmcib_engine.weights.store import PUBLISHED_ENCODER, default_weights
from fmcib_engine.words import in_script

from ..Engine import EngineError
from ..Scene.LesionTable import LesionTable
from ..Scene.Predictions import predictionLines
from ..Scene.SceneBridge import nodeFromVolume
from ..Scene.SeedsFile import readSeeds
from ..Worker.WorkerProcess import EncoderSettings
from .AnalysisLogic import AnalysisError, AnalysisLogic
from .Export import exportTable
from .Results import columnsOfHeads

OK, ERROR_ROWS, NOTHING = 0, 3, 4
FEATURES, TABLE, SCENE = "features.csv", "lesions.tsv", "scene.mrb"
_MOST_SHOWN = 20
_WAYS = {"device": "--device, --precision, --engine", "weights": "--weights, --heads"}
"""By the code of what the worker could not do."""


def main(arguments: list[str]) -> int:
    """Run the script; the exit code.

    Raises:
        SystemExit: wrong arguments, or --help.
    """
    wanted = _parser().parse_args(arguments)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Qt would swallow an exception in one of its slots, and go on
    logic = None
    try:
        _requireOutput(wanted)
        wanted.weights = wanted.weights or default_weights() or PUBLISHED_ENCODER
        for notice in notices(wanted.weights):
            print(notice, file=sys.stderr, flush=True)
        logic = AnalysisLogic(
            settings=EncoderSettings(
                wanted.weights, wanted.device, wanted.precision, engine=wanted.engine, heads=wanted.heads
            )
        )
        logic.progressed.connect(lambda text, fraction: print(f"{fraction:4.0%}  {text}", flush=True))
        return _run(logic, wanted)
    except (FmcibError, AnalysisError, EngineError) as error:
        print(f"Nothing was written: {_sentence(error)}", file=sys.stderr, flush=True)
        return NOTHING
    finally:
        if logic is not None:
            logic.close()


def _sentence(error: Exception) -> str:
    """With the options that it is about, where the worker tells that."""
    option = _WAYS.get(getattr(error, "code", ""))
    return f"{_inScript(str(error))} ({option})" if option else _inScript(str(error))


def _inScript(sentence: str) -> str:
    """With no ways but those of this script: the engine tells those of its command line and of the window."""
    return in_script(sentence, set(re.findall(r"--[a-z-]+", _parser().format_usage())))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="analyse.py", description="Features of lesions in a CT. Research use only.")
    add = parser.add_argument
    add("--ct", type=_path, required=True, help="the scan: NIfTI, NRRD, MetaImage, or the folder of a DICOM series")
    add("--series", default=None, help="series UID, where the folder holds several")
    add("--time-point", type=_count, default=None, help="which time point of a 4D scan, from 0")
    add("--seeds", type=_path, required=True, help="markups of Slicer (.mrk.json, .fcsv): one point in each lesion")
    add("--output", type=_path, required=True, help=f"folder for {FEATURES} and {TABLE}; made if it is not there")
    add("--save-scene", action="store_true", help=f"also write {SCENE}: scan, seeds, boxes and tables")
    add(
        "--weights",
        default=os.environ.get("FMCIB_WEIGHTS") or "",
        help='installed ID, file, or "demonstration" (random numbers); else the variable FMCIB_WEIGHTS, else fmcib, or '
        "where that is not installed small, which comes along",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    add("--engine", default="auto", help="library that computes: auto, pytorch or openvino")
    add("--precision", default="float32", help="float32, tf32, bfloat16 or float16")
    add(
        "--heads",
        default="auto",
        metavar="auto|none|NAME,...",
        help="what to predict: auto takes the head in the weights and every installed head that fits them; a name is "
        "of an installed head, a file that ends in .head, or an ID of fine-tuned weights, which compute every lesion "
        "once more",
    )
    add("--overwrite", action="store_true", help="replace what an earlier run wrote")
    add("--identifiers", action="store_true", help="write the series UID, and the scan's path as seen from the table")
    return parser


def _count(text: str) -> int:
    """A whole number from 0; argparse makes a sentence of the error."""
    if not (text.isascii() and text.isdecimal()):
        msg = f"a whole number from 0 is wanted, got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _path(text: str) -> Path:
    """As seen from where the script was started; Slicer would take it from the folder of the scene."""
    return Path(text).absolute()


def _requireOutput(wanted: argparse.Namespace) -> None:
    """Refuse a folder that cannot be written to, or where something would be lost, before any work is done."""
    try:
        wanted.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"The folder {wanted.output.name} cannot be made ({error.strerror}). Choose another (--output)."
        raise OutputError(msg) from error
    require_writable(wanted.output / FEATURES, TableOptions(overwrite=wanted.overwrite))
    for name in _namesBeside(wanted):
        if (wanted.output / name).exists() and not wanted.overwrite:
            msg = f"{name} exists already. Choose another folder, or allow it to be overwritten (--overwrite)."
            raise OutputError(msg)


def _namesBeside(wanted: argparse.Namespace) -> list[str]:
    """What is written beside the features."""
    return [TABLE, SCENE] if wanted.save_scene else [TABLE]


def _run(logic: AnalysisLogic, wanted: argparse.Namespace) -> int:
    seedsNode, loose = readSeeds(wanted.seeds)
    if loose:
        names = ", ".join(loose[:_MOST_SHOWN]) + (", …" if len(loose) > _MOST_SHOWN else "")
        words = f"Points of {wanted.seeds.name} that are not placed anywhere are left out"
        print(f"{words} ({len(loose)}): {names}.", file=sys.stderr, flush=True)
    volume = read_volume(wanted.ct, series_uid=wanted.series, time_point=wanted.time_point)
    if not wanted.identifiers:  # else the scene would be saved with it
        volume = replace(volume, source=replace(volume.source, series_uid=""))
    volumeNode = nodeFromVolume(volume, "CT")
    tableNode = logic.analyse(volumeNode, seedsNode, wait=True)
    loaded = logic.worker.loaded or {"heads": [], "head_problems": []}
    for problem in loaded["head_problems"]:
        print(_inScript(problem), file=sys.stderr, flush=True)
    _write(volumeNode, tableNode, wanted, columnsOfHeads(loaded["heads"]))
    print(f"Written to {wanted.output}: {', '.join([FEATURES, *_namesBeside(wanted)])}.", flush=True)
    return _tell(LesionTable(volumeNode))


def _write(volumeNode, tableNode, wanted: argparse.Namespace, headColumns: list[str]) -> None:
    """All files, written aside first: nothing is replaced by half a file."""
    aside = wanted.output
    try:
        aside = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=wanted.output))
        _requireSaved(slicer.util.saveNode(tableNode, str(aside / TABLE)))
        if wanted.save_scene:
            # `slicer.util.saveScene` would print the name of a folder that is gone when it is read
            _requireSaved(slicer.mrmlScene.WriteToMRB(str(aside / SCENE)))
        exportTable(
            [volumeNode],
            wanted.output / FEATURES,
            identifiers=wanted.identifiers,
            overwrite=wanted.overwrite,
            scan=wanted.ct,
            headColumns=headColumns,
        )
        for name in _namesBeside(wanted):
            (aside / name).replace(wanted.output / name)
    except (OSError, RuntimeError) as error:
        msg = f"The results cannot be written to {wanted.output.name}. Choose another folder, or make room."
        raise OutputError(msg) from error
    finally:
        if aside != wanted.output:
            shutil.rmtree(aside, ignore_errors=True)


def _requireSaved(isSaved: bool) -> None:
    """Slicer's functions say so, instead of raising."""
    if not isSaved:
        msg = "not saved"
        raise OSError(msg)


def _tell(table: LesionTable) -> int:
    """A screenful of rows, and the exit code."""
    rows = list(table.rows().values())
    for row in rows[:_MOST_SHOWN]:
        features = table.features(row["lesion_key"])
        said = row["error"] or row["warnings"] or "no warnings"
        first = " ".join(f"{value:z.4g}" for value in features[:3]) + " …" if features is not None else "no features"
        print(f"{row['lesion_id']}: {row['status']}; {first}; {said}", flush=True)
        for line in predictionLines(row):
            print(f"{row['lesion_id']}: {line}", flush=True)
    failed = sum(row["status"] != "ok" for row in rows)
    print(f"{len(rows)} lesions, {failed} without features. For research use only.", flush=True)
    return ERROR_ROWS if failed else OK
