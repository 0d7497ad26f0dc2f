"""The process that does one task: which there are, and what each calls."""

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

from ..errors import InputError
from ..worker.channel import PARENT_GONE, Channel
from .io import REQUIRED, Reporter, explain, read_arguments, write
from .train_head import COLUMNS, HEAD, TABLE, check_head, train_head

if TYPE_CHECKING:
    from ..weights.record import Record

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
    from .probe import probe

    return probe(reporter.say)


def _catalogue(_: Arguments, __: Reporter) -> Answer:
    from .catalogue import catalogue

    return catalogue()


def _download(arguments: Arguments, reporter: Reporter) -> Answer:
    from ..weights.acquire import download

    reporter.say(f"Downloading {arguments['id']}")
    return _told(download(arguments["id"], mirror=arguments["mirror"], progress=reporter.count))


def _import(arguments: Arguments, reporter: Reporter) -> Answer:
    from ..weights.bring import import_file

    path = Path(arguments["path"])
    reporter.say(f"Importing {path.name}")
    record = import_file(
        path,
        entry_id=arguments["id"],
        own_name=arguments["own_name"],
        overwrite=arguments["overwrite"],
        progress=reporter.count,
    )
    return _told(record)


def _told(record: Record) -> Answer:
    from ..weights.reports import agreements_of, doubts_of

    facts = {**asdict(record), "path": str(record.path)}
    return {"record": facts, "agreements": agreements_of(record), "doubts": doubts_of(record)}


def _licences(arguments: Arguments, reporter: Reporter) -> Answer:
    from ..weights.catalogue import load_catalogue
    from ..weights.reports import ask_licences, is_another_licence

    reporter.say("Asking the repositories")
    entry = load_catalogue().entry(arguments["id"])
    said = ask_licences(entry)[entry.id]
    ours = entry.licence.title
    return {"licences": [{**asdict(one), "is_another": is_another_licence(one.licence, ours)} for one in said]}


def _verify(_: Arguments, reporter: Reporter) -> Answer:
    from ..weights.record import is_good
    from ..weights.reports import doubts_of
    from ..weights.store import verify

    reporter.say("Reading the weights files")
    return {
        "files": [
            {"id": one.id, "file": one.file, "problem": problem, "doubts": doubts_of(one) if is_good(one) else []}
            for one, problem in verify()
        ]
    }


def _contents(_: Arguments, __: Reporter) -> Answer:
    from .contents import tell_contents

    return tell_contents()


def _remove(arguments: Arguments, reporter: Reporter) -> Answer:
    from .contents import remove_named

    reporter.say("Removing files")
    return remove_named(arguments["names"], reporter.count)


def _heads(_: Arguments, reporter: Reporter) -> Answer:
    from .heads import tell_heads_here

    reporter.say("Looking which heads are here")
    return tell_heads_here()


def _import_head(arguments: Arguments, reporter: Reporter) -> Answer:
    from .heads import take_in

    path = Path(arguments["path"])
    reporter.say(f"Importing {path.name}")
    return take_in(path, own_name=arguments["own_name"], overwrite=arguments["overwrite"])


def _export_head(arguments: Arguments, reporter: Reporter) -> Answer:
    from .heads import give_out

    path = Path(arguments["path"])
    reporter.say(f"Exporting {path.name}")
    return give_out(arguments["name"], path, sha256=arguments["sha256"], overwrite=arguments["overwrite"])


def _rename_head(arguments: Arguments, reporter: Reporter) -> Answer:
    from .heads import give_name

    reporter.say(f"Renaming {arguments['name']}")
    return give_name(arguments["name"], arguments["new_name"], sha256=arguments["sha256"])


def _self_test(arguments: Arguments, reporter: Reporter) -> Answer:
    from ..checks.selftest import run_self_test
    from ..encoders.devices import import_torch

    start = perf_counter()
    reporter.say("Starting PyTorch")
    import_torch()
    reporter.say("Computing the probe's patch and features")
    report = run_self_test(arguments["device"], arguments["engine"])
    checks = [{**asdict(check), "deviation": _number(check.deviation), "good": check.good} for check in report.checks]
    where = {name: getattr(report, name) for name in ("device", "engine", "engine_deviation", "note")}
    return {"good": report.good, "checks": checks, **where, "seconds": perf_counter() - start}


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sample(arguments: Arguments, reporter: Reporter) -> Answer:
    from ..samples import fetch_series, find_series

    series = find_series(arguments["id"])
    reporter.say(f"Downloading {series.title}")
    folder = fetch_series(series, progress=reporter.count)
    return {"folder": str(folder), "seed_lps": list(series.seed_lps), "series_uid": series.series_uid}


def _series(arguments: Arguments, reporter: Reporter) -> Answer:
    from .series import series

    reporter.say("Looking at the headers of a series")
    return series(Path(arguments["request"]))


def _plan_batch(arguments: Arguments, reporter: Reporter) -> Answer:
    from .batch_plan import plan_batch

    return plan_batch(Path(arguments["request"]), reporter)


def _batch(arguments: Arguments, reporter: Reporter) -> Answer:
    from .batch import batch

    return batch(Path(arguments["request"]), reporter)


@dataclass(frozen=True)
class _Task:
    run: Callable[[Arguments, Reporter], Answer]
    fields: Mapping[str, object] = field(default_factory=dict)


_TASKS: Mapping[str, _Task] = {
    "probe": _Task(_probe),
    "catalogue": _Task(_catalogue),
    "download": _Task(_download, {"id": REQUIRED, "mirror": ""}),
    "import": _Task(_import, {"path": REQUIRED, "id": "", "own_name": "", "overwrite": False}),
    "licences": _Task(_licences, {"id": REQUIRED}),
    "verify": _Task(_verify),
    "contents": _Task(_contents),
    "remove": _Task(_remove, {"names": ()}),
    "heads": _Task(_heads),
    "import_head": _Task(_import_head, {"path": REQUIRED, "own_name": "", "overwrite": False}),
    "export_head": _Task(_export_head, {"name": REQUIRED, "path": REQUIRED, "sha256": "", "overwrite": False}),
    "rename_head": _Task(_rename_head, {"name": REQUIRED, "new_name": REQUIRED, "sha256": ""}),
    "check_head": _Task(check_head, {**TABLE, **COLUMNS}),
    "train_head": _Task(train_head, {**TABLE, **COLUMNS, **HEAD}),
    "self_test": _Task(_self_test, {"device": "auto", "engine": "auto"}),
    "sample": _Task(_sample, {"id": REQUIRED}),
    "series": _Task(_series, {"request": REQUIRED}),
    "plan_batch": _Task(_plan_batch, {"request": REQUIRED}),
    "batch": _Task(_batch, {"request": REQUIRED}),
}
