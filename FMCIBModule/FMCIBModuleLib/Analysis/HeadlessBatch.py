"""A batch without a window: scans of a DICOM database or folder in, a run's folder and an exit code out.

Lesions are computed by the engine's task `batch`, in a process of Slicer's Python. Only this file and Headless print.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from fmcib_engine.errors import FmcibError
from fmcib_engine.weights.reports import notices
from fmcib_engine.weights.store import PUBLISHED_ENCODER, default_weights
from fmcib_engine.words import in_script

from ..Worker.RequestFile import writeRequest
from ..Worker.TaskProcess import TaskProcess
from .BatchArguments import askedOf, makeParser

OK, ERROR_ROWS, NOTHING, INTERRUPTED = 0, 3, 4, 130
_MOST_SHOWN = 10
_STEP_MS = 100
_SECONDS_BETWEEN_LINES = 1.0
_WAYS = {
    "device": "--device, --precision, --engine",
    "weights": "--weights, --heads",
    "resumes": "--resume, --retry, --output",
}
"""By the code of what the engine could not do."""


def main(arguments: list[str]) -> int:
    """Run the script; the exit code.

    Raises:
        SystemExit: wrong arguments, or --help.
    """
    wanted = makeParser().parse_args(arguments)
    try:
        return _dryRun(askedOf(wanted)) if wanted.dry_run else _run(wanted)
    except (FmcibError, OSError) as error:
        print(f"Nothing was begun: {_inScript(str(error))}", file=sys.stderr, flush=True)
        return NOTHING


def _inScript(sentence: str) -> str:
    """With no ways but those of this script."""
    return in_script(sentence, set(re.findall(r"--[a-z-]+", makeParser().format_usage())))


def _run(wanted: argparse.Namespace) -> int:
    asked = askedOf(wanted)
    weights = wanted.weights or default_weights() or PUBLISHED_ENCODER
    for notice in notices(weights):
        print(notice, file=sys.stderr, flush=True)
    asked |= {"output": str(wanted.output), "weights": weights, "draws": wanted.stability, "limit_s": wanted.limit}
    for name in ("device", "engine", "precision", "heads", "identifiers", "resume", "retry", "readers"):
        asked[name] = getattr(wanted, name)
    answer = _ask("batch", asked)
    if answer is None:
        print(f"Interrupted. What was done is kept in {wanted.output}. To go on, add --resume.", file=sys.stderr)
        return INTERRUPTED
    return _failed(*answer) if isinstance(answer, tuple) else _tell(answer)


def _dryRun(asked: Mapping[str, Any]) -> int:
    answer = _ask("plan_batch", asked)
    if answer is None:
        print("Interrupted. Nothing was written.", file=sys.stderr)
        return INTERRUPTED
    if isinstance(answer, tuple):
        return _failed(*answer)
    for sentence in (*answer["rules"], *answer["notes"]):
        print(_inScript(sentence), file=sys.stderr)
    size = "" if answer["bytes"] is None else f", {answer['bytes'] / 1e9:.2f} GB"
    print(f"{answer['rows']} lesions in {answer['series']} series would be computed: {answer['files']} files{size}.")
    for why, count in answer["not_done"]:
        print(f"{count} x not: {_inScript(why)}")
    print("Nothing was written.", flush=True)
    lost = any(line["lesion_id"] and not line["do"] for line in answer["lines"])
    return ERROR_ROWS if lost or not answer["rows"] else OK


def _ask(name: str, asked: Mapping[str, Any]) -> dict[str, Any] | tuple[str, str] | None:
    """The result of a task; or code and sentence of what went wrong; None where Ctrl-C ended it."""
    heard: list[int] = []
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))  # Qt would swallow an exception
    answers: list[Any] = []
    task = TaskProcess()
    task.progressed.connect(_Progress())
    task.done.connect(answers.append)
    task.failed.connect(lambda code, message: answers.append((code, message)))
    request = writeRequest(name.replace("_", "-"), asked)
    try:
        task.start(name, {"request": str(request)})
        while task.isRunning and not heard:
            task.wait(_STEP_MS)
    finally:
        task.close()
        request.unlink(missing_ok=True)
    return None if heard else answers[0]


class _Progress:
    """Lines on stderr, one a second, and each step's first."""

    def __init__(self) -> None:
        self._told, self._step = float("-inf"), ""

    def __call__(self, text: str, fraction: float | None) -> None:
        step = text.partition(":")[0]
        if step == self._step and time.monotonic() - self._told < _SECONDS_BETWEEN_LINES and fraction != 1.0:
            return
        self._told, self._step = time.monotonic(), step
        share = "" if fraction is None else f"{fraction:4.0%}  "
        print(f"{share}{_inScript(text)}", file=sys.stderr, flush=True)


def _failed(code: str, message: str) -> int:
    options = _WAYS.get(code)
    sentence = f"{_inScript(message)} ({options})" if options else _inScript(message)
    print(f"No table was written: {sentence}", file=sys.stderr, flush=True)
    return NOTHING


def _tell(answer: Mapping[str, Any]) -> int:
    """What came of the run, and the exit code."""
    print(f"{answer['table']}: {answer['rows']} rows, {answer['computed']} computed now. For research use only.")
    if answer["computed"]:
        print(answer["times"], flush=True)
    if answer["lost"]:
        print(f"{answer['lost']} seeds have no row: worklist.csv beside the table says why.", file=sys.stderr)
    if not answer["failed"]:
        return ERROR_ROWS if answer["lost"] else OK
    causes = answer["causes"]
    print(f"{answer['failed']} rows are errors, of {len(causes)} causes; errors.csv has them all:", file=sys.stderr)
    for cause in causes[:_MOST_SHOWN]:
        print(f"{cause['count']} x {cause['step']}: {_inScript(cause['problem'])}", file=sys.stderr)
    if len(causes) > _MOST_SHOWN:
        print(f"and {len(causes) - _MOST_SHOWN} causes more.", file=sys.stderr, flush=True)
    return ERROR_ROWS
