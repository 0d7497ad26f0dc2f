"""The folder of a run: what it is of, who is at work in it, and what came out.

run.yaml                all settings, as used
run.json                where the data came from, versions, processes, hashes; at the end the result's
lesions.json, patches/  see `prepare`
checkpoint.pt           see `checkpoint`
metrics.csv             see `metrics`
encoder.safetensors     the result
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import InputError, OutputError
from ..results.files import keep_text, unfinished_name
from ..results.lock import LOCK, only_one
from ..results.versions import installed_versions, versions_of
from ..weights.files import file_sha256
from .checkpoint import CHECKPOINT
from .settings import as_yaml, differing, digest, read_settings

_log = logging.getLogger(__name__)

RESULT = "encoder.safetensors"
METRICS = "metrics.csv"
_SETTINGS, _FACTS = "run.yaml", "run.json"
_VERSIONED = ("lightning-fabric", "safetensors", "PyYAML")


class RunFolder:
    """One run's files.

    Args:
        path: the folder.
        settings: of the run.
    """

    def __init__(self, path: Path, settings: Any) -> None:
        self.path = path
        self.settings = settings

    @property
    def is_done(self) -> bool:
        """Whether the result is there, whole."""
        return bool(self.facts().get("result"))

    def facts(self) -> dict[str, Any]:
        """What `run.json` holds; nothing before the run began.

        Raises:
            OutputError: it is damaged.
        """
        path = self.path / _FACTS
        if not path.is_file():
            return {}
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            msg = f"{_FACTS} in {self.path.name} is damaged. Begin anew in another folder (--output)."
            raise OutputError(msg) from error

    @contextmanager
    def opened(self, *, resume: bool, data: dict[str, str], about: dict[str, Any]) -> Iterator[None]:
        """Make the folder, or go on in it; meanwhile no other process may.

        Args:
            resume: go on with the run that is there.
            data: facts of the source.
            about: further facts, such as the device.

        Raises:
            OutputError: another process is at work here, or another run is, or the folder cannot be written to.
        """
        with only_one(self.path, "training", "the engine's extra [train]"):
            if (self.path / _SETTINGS).exists():
                self._require_same(data, resume=resume)
            else:
                self._require_empty()
            earlier = self.facts()
            if earlier.get("result"):
                self._require_result(earlier["result"])
            else:
                self._begin(earlier, data, about)
            yield

    def _require_result(self, noted: dict[str, Any]) -> None:
        path = self.path / RESULT
        if not path.is_file() or file_sha256(path) != noted["sha256"]:
            msg = (
                f"The run in {self.path.name} is done, and its {RESULT} is gone or was changed since. Put it back, or "
                "train again in another folder (--output)."
            )
            raise OutputError(msg)

    def finish(self, numbers: dict[str, Any]) -> None:
        """Note the result, whose file is there: the run is done."""
        result = {"file": RESULT, "sha256": file_sha256(self.path / RESULT), **numbers}
        keep_text(self.path / _FACTS, _json({**self.facts(), "finished": _now(), "result": result}))

    def tidy(self) -> None:
        """Delete what only an unfinished run needs."""
        for name in (CHECKPOINT, unfinished_name(CHECKPOINT)):
            (self.path / name).unlink(missing_ok=True)

    def _begin(self, earlier: dict[str, Any], data: dict[str, str], about: dict[str, Any]) -> None:
        versions = {**installed_versions(), **versions_of(_VERSIONED)}
        starts = [*earlier.get("started", []), {"time": _now(), **about, "versions": versions}]
        if other := [name for name, version in earlier.get("versions", {}).items() if versions.get(name) != version]:
            _log.warning("The run was begun with other versions of %s: its last bits may be others.", ", ".join(other))
        for name, value in about.items():
            if earlier.get(name, value) != value:
                sentence = "The run was begun with %s %s, it goes on with %s: its last bits may be others."
                _log.warning(sentence, name, earlier[name], value)
        facts = {"settings_sha256": digest(self.settings), "data": data, "versions": versions, **about}
        keep_text(self.path / _FACTS, _json({**facts, "started": starts}))
        keep_text(self.path / _SETTINGS, as_yaml(_without_folders(self.settings)))  # last: a folder with it has all

    def _require_same(self, data: dict[str, str], *, resume: bool) -> None:
        if not resume:
            msg = f"There is a run in {self.path.name}. Go on with it (--resume), or choose another folder (--output)."
            raise OutputError(msg)
        try:
            earlier = read_settings(self.path / _SETTINGS, type(self.settings))
        except InputError as error:
            msg = f"The run in {self.path.name} is of another command or version. Choose another folder (--output)."
            raise OutputError(msg) from error
        names = differing(self.settings, earlier)
        stored = self.facts()
        if _contents(stored.get("data", {})) != _contents(data) and not names:
            names = ["the table or the weights"]
        if names:
            msg = (
                f"The run in {self.path.name} is another: it differs in {', '.join(names)}. Give what it was begun "
                "with (--resume), or choose another folder (--output)."
            )
            raise OutputError(msg)

    def _require_empty(self) -> None:
        ours = {LOCK, _FACTS, unfinished_name(_FACTS), unfinished_name(_SETTINGS)}  # of a run killed as it began
        if strangers := [path.name for path in self.path.iterdir() if path.name not in ours]:
            msg = f"The folder {self.path.name} holds other files ({strangers[0]}). Choose another (--output)."
            raise OutputError(msg)


def _contents(data: dict[str, str]) -> dict[str, str]:
    """Without the names of files, which decide nothing."""
    return {name: value for name, value in data.items() if f"{name}_sha256" not in data}


def _without_folders(settings: Any) -> Any:
    """With the last parts of paths only: the name of a folder may be a patient's. `run.json` has the files' hashes."""
    names = {"table", "weights"} & vars(settings).keys()
    return replace(settings, **{name: Path(getattr(settings, name)).name for name in names})


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=2) + "\n"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
