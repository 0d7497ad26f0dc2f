"""One thing done for the window, in a process that then ends. This docstring is the protocol, version 1.

Started as `python -m fmcib_engine task NAME ARGUMENTS`, or by `run_task([NAME, ARGUMENTS])`. ARGUMENTS is a JSON object
with the fields below; those in square brackets may be left out, others are refused.

**Answers.** stdout carries lines, each a JSON object (ASCII). File descriptor 1 is turned to stderr at the start, so
that a library that prints cannot break a line; stderr carries the log.

    {"type": "progress", "text", "done": bytes or null, "total": bytes or null}   any number, some ten a second
    {"type": "result", ...}                                                       once, the last; exit code 0
    {"type": "error", "code", "message": "one or two sentences for the user"}     or this; exit code 4

`done` never falls. The codes are `input` (an unknown task, field or ID; arguments that are no JSON; an ID that is not
offered), `download` (no mirror gave the file), `output` (it cannot be written here), `unidentified` (import: give an id
or an own_name), `replaces` (import: a differing file is here; ask, then give overwrite), and `weights`, `device`,
`dependency`, `out_of_memory` and `internal` as in `worker`.

**End.** The end of stdin means that the parent is gone: the process ends at once with exit code 1, and tells nothing.
What stdin carries is not looked at. The process may be killed at any moment: what it had fetched is kept, and the next
one goes on from there. It ignores SIGINT, as the worker does.

**Tasks.** All but `self_test` work without torch; `probe` and `catalogue` without any package but numpy.

    probe      what is installed, and what is wrong with it
               -> {"engine_version", "python", "packages": {name: {"version" or null, "problem"}}, "torch": as there,
                   "devices": [{"name", "title", "memory_bytes" or null, "problem"}], "cache_folder" or null,
                   "cache_problem", "weights": [{"id", "file", "size" or null, "sha256", "checksum", "licence",
                    "notice", "time", "problem"}]}
               problem: empty, or a sentence that names the fix; of a device, a clause that says why it does not
                   work. Weights are compared by size only.
    catalogue  what can be had
               -> {"entries": [{"id", "kind", "title", "size" or null, "here": bool, "part": bytes, "refused",
                    "licence": {"title", "url", "meaning", "notice"}, "citation", "hosts": [name],
                    "mirrors": [{"name", "page"}], "unverified": [text]}],
                   "hosts": [{"name", "purpose", "unverified": bool}], "cache_problem"}
               part: bytes of an unfinished download, from which the next one goes on.
    download   id, [mirror=""]: **only after the user agreed to the licence** -> {"record"}
    import     path, [id=""], [own_name=""], [overwrite=false] -> {"record"}
               record: {"id", "file", "size", "sha256", "checksum", "source", "time", "licence", "notice", "path"}
    verify     every file here, by its SHA-256 -> {"files": [{"id", "file", "problem"}]}
    self_test  [device="auto"] -> {"good": bool, "checks": [{"what", "deviation" or null, "limit", "good": bool}],
               "device", "note", "seconds"}
               note: empty, or why it was not computed on a better device
    sample     id: **only after the user agreed** -> {"folder", "seed_lps": [x, y, z], "series_uid"}
    series     request: path of a JSON file, which is removed, with {"files": [path of each file of a DICOM series],
               "instances": [SOP instance UID of each image that a volume was made of, by slice], "elsewhere": number of
               images that are not on this computer, "size", "affine": the volume's grid, LPS}
               -> {"refused": why the volume is no CT that can be analysed, or empty; then also: "faults": [[first k,
                   last k, reason]], "notes": [text], "files_left_out", "time_point" or null}
"""

from __future__ import annotations

import logging
import math
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from .errors import InputError
from .task_io import REQUIRED, Reporter, explain, read_arguments, write
from .worker_io import PARENT_GONE, Channel

if TYPE_CHECKING:
    from .weights.record import Record

__all__ = ["run_task"]

_FAILED = 4

Arguments = Mapping[str, Any]
Answer = dict[str, Any]


def run_task(arguments: Sequence[str]) -> int:
    """Do one task and answer it; the exit code. Takes over the process's standard streams and SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as `let_waiting_threads_sleep`, which takes numpy
    channel = Channel()
    reporter = Reporter(channel)
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    log = logging.getLogger("fmcib_engine")
    log.setLevel(logging.INFO)
    log.addHandler(reporter)
    Thread(target=_end_with_parent, args=(channel,), name="parent", daemon=True).start()
    try:
        answer, exit_code = {"type": "result", **_do(arguments, reporter)}, 0
    except Exception as error:  # noqa: BLE001 - whatever happens, the parent is told
        code, message = explain(error)
        answer, exit_code = {"type": "error", "code": code, "message": message}, _FAILED
    write(channel, answer)
    return exit_code


def _end_with_parent(channel: Channel) -> None:
    while channel.read(4096):
        pass
    os._exit(PARENT_GONE)


def _do(arguments: Sequence[str], reporter: Reporter) -> Answer:
    name = arguments[0] if arguments else ""
    if name not in _TASKS or len(arguments) > 2:
        msg = f"A task is one of {', '.join(_TASKS)}, with one JSON object; got {' '.join(arguments)[:200]!r}."
        raise InputError(msg)
    task = _TASKS[name]
    return task.run(read_arguments(name, "".join(arguments[1:]), task.fields), reporter)


def _probe(_: Arguments, reporter: Reporter) -> Answer:
    from .task_probe import probe

    return probe(reporter.say)


def _catalogue(_: Arguments, __: Reporter) -> Answer:
    from .task_catalogue import catalogue

    return catalogue()


def _download(arguments: Arguments, reporter: Reporter) -> Answer:
    from .weights.acquire import download

    reporter.say(f"Downloading {arguments['id']}")
    return {"record": _told(download(arguments["id"], mirror=arguments["mirror"], progress=reporter.count))}


def _import(arguments: Arguments, reporter: Reporter) -> Answer:
    from .weights.bring import import_file

    path = Path(arguments["path"])
    reporter.say(f"Importing {path.name}")
    record = import_file(
        path,
        entry_id=arguments["id"],
        own_name=arguments["own_name"],
        overwrite=arguments["overwrite"],
        progress=reporter.count,
    )
    return {"record": _told(record)}


def _told(record: Record) -> Answer:
    return {**asdict(record), "path": str(record.path)}


def _verify(_: Arguments, reporter: Reporter) -> Answer:
    from .weights.store import verify

    reporter.say("Reading the weights files")
    return {"files": [{"id": one.id, "file": one.file, "problem": problem} for one, problem in verify()]}


def _self_test(arguments: Arguments, reporter: Reporter) -> Answer:
    from .encoders.devices import import_torch
    from .selftest import run_self_test

    start = perf_counter()
    reporter.say("Starting PyTorch")
    import_torch()
    reporter.say("Computing the probe's patch and features")
    report = run_self_test(arguments["device"])
    checks = [{**asdict(check), "deviation": _number(check.deviation), "good": check.good} for check in report.checks]
    seconds = perf_counter() - start
    return {"good": report.good, "checks": checks, "device": report.device, "note": report.note, "seconds": seconds}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sample(arguments: Arguments, reporter: Reporter) -> Answer:
    from .samples import fetch_series, find_series

    series = find_series(arguments["id"])
    reporter.say(f"Downloading {series.title}")
    folder = fetch_series(series, progress=reporter.count)
    return {"folder": str(folder), "seed_lps": list(series.seed_lps), "series_uid": series.series_uid}


def _series(arguments: Arguments, reporter: Reporter) -> Answer:
    from .task_series import series

    reporter.say("Looking at the headers of a series")
    return series(Path(arguments["request"]))


@dataclass(frozen=True)
class _Task:
    run: Callable[[Arguments, Reporter], Answer]
    fields: Mapping[str, object] = field(default_factory=dict)


_TASKS: Mapping[str, _Task] = {
    "probe": _Task(_probe),
    "catalogue": _Task(_catalogue),
    "download": _Task(_download, {"id": REQUIRED, "mirror": ""}),
    "import": _Task(_import, {"path": REQUIRED, "id": "", "own_name": "", "overwrite": False}),
    "verify": _Task(_verify),
    "self_test": _Task(_self_test, {"device": "auto"}),
    "sample": _Task(_sample, {"id": REQUIRED}),
    "series": _Task(_series, {"request": REQUIRED}),
}
