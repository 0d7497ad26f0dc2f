"""The folder of a run: what it is to do, what came out, who is at work in it.

plan.json               what is to be done, written first: see `plan`
worklist.csv            of a run of a source: all of its series and seeds, which are done and which not, and why
list.json               likewise: its lesions, until every row is good: see `kept_list`
results-00001.jsonl …   rows as they come: see `parts`
environment.json        versions, device and settings of each start
run.log                 when it was started, how far it came, how long it waited; no names, paths or UIDs
features.csv            the table, when all rows have been tried; there whole or not at all
errors.csv              the rows without features: in which step, why, and what to do
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import OutputError, ResumesError
from ..results.files import keep_text, unfinished_name
from ..results.lock import LOCK, only_one
from .kept_list import LIST
from .parts import Parts
from .plan import Plan, as_json, from_json, require_same

FEATURES, ERRORS, WORKLIST = "features.csv", "errors.csv", "worklist.csv"
_PLAN, _LOG, _ENVIRONMENT = "plan.json", "run.log", "environment.json"


class BatchFolder:
    """One run's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(
        self, make_plan: Callable[[], Plan], *, resume: bool, retry: bool, keep: Callable[[], None] = lambda: None
    ) -> Iterator[tuple[Plan, Parts]]:
        """Begin a run, or go on with it; meanwhile no other process may.

        Args:
            make_plan: what is asked for now; called when it is known that nobody else is at work here.
            keep: keeps what else belongs to the plan; called when it is known to be that of the run.
            resume: go on with the run that is there.
            retry: the same, and try its failed rows again, whose seeds and scans may have changed.

        Raises:
            ResumesError: a run is here, and neither is given.
            OutputError: another process is at work here, or other files are, or it cannot be written to.
        """
        self._require_ours()
        with only_one(self.path, "computing a batch", "the engine with its extra [all]"):
            self._require_ours()
            earlier = self.plan()
            if earlier and not (resume or retry):
                raise self._resumes()
            parts = Parts(self.path)
            plan = make_plan()
            if earlier:
                plan = require_same(earlier, plan, lambda row: retry and not _is_good(parts, row), self.path.name)
            keep()
            if plan != earlier:
                keep_text(self.path / _PLAN, json.dumps(as_json(plan)) + "\n")
            try:
                yield plan, parts
            finally:
                parts.close()

    def require_startable(self, *, resume: bool, retry: bool) -> None:
        """Refuse, before the seconds that other things take, what `opened` would refuse.

        Raises:
            ResumesError: there is a run, and neither is given.
            OutputError: there are other files.
        """
        self._require_ours()
        if not (resume or retry) and (self.path / _PLAN).exists():
            raise self._resumes()

    def _resumes(self) -> ResumesError:
        return ResumesError(
            f"There is a run in {self.path.name}. Go on with it (--resume), try its failed rows again (--retry), or "
            "choose another folder (--output)."
        )

    def plan(self) -> Plan | None:
        """The plan of the run that is here, if there is one.

        Raises:
            OutputError: it is damaged.
        """
        path = self.path / _PLAN
        if not path.is_file():
            return None
        try:
            return from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"{_PLAN} in {self.path.name} is damaged. Begin anew in another folder (--output)."
            raise OutputError(msg) from error

    def note_start(self, about: Mapping[str, Any]) -> list[str]:
        """Keep what this start computes with; gives the names of what was another at the first start."""
        path = self.path / _ENVIRONMENT
        starts: list[dict[str, Any]] = []
        with suppress(OSError, ValueError, TypeError, KeyError):
            starts = list(json.loads(path.read_text(encoding="utf-8"))["starts"])
        system = {"system": platform.system(), "machine": platform.machine()}
        starts.append({"time": _now(), **system, **about})
        keep_text(path, json.dumps({"starts": starts}, indent=2) + "\n")
        first = starts[0]
        return [name for name, value in about.items() if name != "time" and first.get(name, value) != value]

    def log(self, sentence: str) -> None:
        """A line with the time. A log that cannot be written stops nothing: results that cannot be, do."""
        with suppress(OSError), (self.path / _LOG).open("a", encoding="utf-8", newline="\n") as file:
            file.write(f"{_now()} {sentence}\n")

    def _require_ours(self) -> None:
        """Refuse a folder with other files, in which there is no run."""
        if not self.path.exists() or (self.path / _PLAN).exists():
            return
        ours = {LOCK, LIST, *map(unfinished_name, (_PLAN, LIST))}  # of a run that was killed as it began
        if (self.path / LIST).exists():  # written after that
            ours |= {WORKLIST, f"{WORKLIST}.tmp"}
        try:
            strangers = sorted(path.name for path in self.path.iterdir() if path.name not in ours)
        except OSError as error:
            msg = f"{self.path.name} should be a folder, new or of a run ({error.strerror}). Choose another (--output)."
            raise OutputError(msg) from error
        if strangers:
            msg = f"The folder {self.path.name} holds other files ({strangers[0]}). Choose another (--output)."
            raise OutputError(msg)


def _is_good(parts: Parts, row: int) -> bool:
    return row in parts.rows and parts.rows[row].status == "ok"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
