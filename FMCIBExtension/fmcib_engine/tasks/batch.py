"""A batch for the window: the task `batch`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, SourceError
from .batch_plan import ASKED, asked_of, list_for, reasons_of, whole_number
from .io import REQUIRED, Reporter, read_request

if TYPE_CHECKING:
    from ..batch.run import Outcome, RowKept
    from ..encoders import Encoder
    from ..heads.chosen import ChosenHeads
    from ..seeds import SeedTable
    from ..worklist import WorkList

RUN: Mapping[str, object] = {
    "output": REQUIRED,
    "weights": REQUIRED,
    "encoder": "auto",
    "device": "auto",
    "engine": "auto",
    "precision": "float32",
    "heads": "auto",
    "draws": 0,
    "identifiers": False,
    "resume": False,
    "retry": False,
    "readers": 1,
    "limit_s": 600.0,
}
"""Fields of the request beside those of `plan_batch`."""


def batch(request: Path, reporter: Reporter) -> dict[str, Any]:
    """The answer, when the table is written; each row is told when it is kept.

    Raises:
        ResumesError: a run is in the folder, and neither `resume` nor `retry` is given.
        FmcibError: nothing can be read, loaded or written.
    """
    from ..batch.folder import BatchFolder
    from ..batch.kept_list import kept_list
    from ..batch.lane import ReadAhead
    from ..batch.run import Batch, require_apart, require_outside, run_batch
    from ..results.lesion import Run

    wanted = read_request("batch", request, {**ASKED, **RUN})
    asked = asked_of({name: wanted[name] for name in ASKED})
    reading = ReadAhead(processes=whole_number(wanted, "readers", 1, 64), limit_s=_seconds(wanted))
    draws = whole_number(wanted, "draws", 0, 200)
    folder, again = Path(wanted["output"]), {name: wanted[name] for name in ("resume", "retry")}
    BatchFolder(folder).require_startable(**again)
    require_outside(asked.source, folder)
    table, write, lost = kept_list(folder) if any(again.values()) else None, None, 0
    if table is None:
        table, write, lost = _listed(list_for(asked, reporter), folder, identifiers=wanted["identifiers"])
    else:
        reporter.say("Going on with the list that the run was begun with")
    require_apart(table.seeds, folder)
    encoder, heads = _open(wanted, table, reporter)
    made = Run.of(encoder, heads.columns, draws=draws)
    job = Batch(table, made, identifiers=wanted["identifiers"], reading=reading, keeps_list=True, write_worklist=write)
    titles = {member.head.id: member.head.title for member in heads.members}

    def told(row: RowKept) -> None:
        reporter.tell(_row(row, heads, titles))

    done = run_batch(job, folder, encoder, heads, **again, progress=_progress(reporter), told=told)
    return {**_answer(done, folder), "lost": lost}


def _listed(work: WorkList, folder: Path, *, identifiers: bool) -> tuple[SeedTable, Callable[[Path], None], int]:
    """The lesions of a list, what writes it into the run's folder, and how many seeds are not done.

    Raises:
        SourceError: nothing would be done.
    """
    from ..worklist import table_of
    from ..worklist.output import prepared

    table = table_of(work, identifiers=identifiers)
    if not table.seeds:
        why, count = next(iter(reasons_of(work)), ("the source holds no series", 0))
        msg = f"Of {len(work.entries)} series and seeds none would be done, {count} of them because {why}."
        raise SourceError(msg)
    return table, prepared(folder, work, identifiers=identifiers), work.lost


def _open(wanted: Mapping[str, Any], table: SeedTable, reporter: Reporter) -> tuple[Encoder, ChosenHeads]:
    from ..encoders import PRECISIONS
    from ..encoders.devices import import_torch
    from ..heads.choose import Features, choose_heads
    from ..weights import load_encoder

    if wanted["precision"] not in PRECISIONS:
        msg = f"A precision is one of {', '.join(PRECISIONS)}, got {wanted['precision'][:40]!r}. Choose one of these."
        raise InputError(msg)
    how = {name: wanted[name] for name in ("device", "precision", "engine")}
    reporter.say("Starting PyTorch")
    import_torch()
    reporter.say("Loading the weights")
    encoder = load_encoder(wanted["weights"], encoder_id=wanted["encoder"], **how)
    features = Features(encoder, wanted["weights"], encoder.spec.recipe_id, table.extra_columns)
    heads = choose_heads(wanted["heads"], features, lambda weights: load_encoder(weights, **how))
    for problem in heads.problems:
        reporter.say(problem)
    return encoder, heads


def _progress(reporter: Reporter) -> Callable[[str, int, int], Any]:
    """Lesions are counted; what comes before them is told."""

    @contextmanager
    def step(text: str, total: int, done: int = 0) -> Iterator[Callable[[], None]]:
        def tell() -> None:
            if text == "Lesions":
                reporter.step(f"{text}: {done} of {total}", done, total)
            else:
                reporter.going(f"{text}: {done} of {total}")

        def advance() -> None:
            nonlocal done
            done += 1
            tell()

        reporter.say(text)
        tell()
        yield advance

    return step


def _row(row: RowKept, heads: ChosenHeads, titles: Mapping[str, str]) -> dict[str, Any]:
    from ..results.privacy import without_uids

    place = [row.cells[name] for name in ("coordX", "coordY", "coordZ")]
    predictions = [
        {"head": titles[head.id], "text": text, "note": row.cells[f"{head.id}:note"]}
        for head in heads.columns
        if (text := _prediction(row.cells, head.id, head.outputs))
    ]
    return {
        "type": "row",
        "row": row.seed.row,
        "lesion_id": row.seed.lesion_id,
        "status": row.status,
        "series_uid": row.seed.series_uid,
        "image": "" if row.seed.image == Path() else str(row.seed.image.absolute()),
        "place_lps": [float(cell) for cell in place] if all(place) else None,
        "predictions": predictions,
        "step": _step(row.step),
        "problem": without_uids(row.problem),
        "kept": row.before,
    }


def _prediction(cells: Mapping[str, str], head: str, outputs: tuple[str, ...]) -> str:
    """The numbers of a head, the largest class first; or why there are none. Empty where the row is an error."""
    from ..heads.terms import LOG_RELATIVE_HAZARD

    told = [(name, float(cell)) for name in outputs if (cell := cells[f"{head}:{name}"])]
    if not told:
        return cells[f"{head}:note"]
    if LOG_RELATIVE_HAZARD not in outputs:
        told.sort(key=lambda pair: -pair[1])
    return ", ".join(f"{name} {value:z.3f}" for name, value in told)


def _answer(done: Outcome, folder: Path) -> dict[str, Any]:
    from ..batch.folder import ERRORS
    from ..results.privacy import without_uids

    causes = [
        {"problem": without_uids(cause.error), "step": _step(cause.step), "count": len(cause.rows)}
        for cause in done.failed
    ]
    return {
        "table": str(done.table),
        "rows": done.rows,
        "computed": done.computed,
        "failed": done.failed_rows,
        "causes": causes,
        "times": f"{done.times}.",
        "errors": str(folder / ERRORS) if causes else "",
    }


def _step(name: str) -> str:
    from ..batch.summary import STEPS

    return STEPS.get(name, name)


def _seconds(wanted: Mapping[str, Any]) -> float:
    if (value := float(wanted["limit_s"])) < 1.0:
        msg = f"The field limit_s is a number of seconds from 1 on, got {value:g}. Correct it."
        raise InputError(msg)
    return value
