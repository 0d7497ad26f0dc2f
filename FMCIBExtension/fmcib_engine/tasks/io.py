"""What reaches a task and what leaves it: its arguments, checked; progress, now and then; one answer."""

from __future__ import annotations

import json
import logging
import math
import reprlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import (
    DownloadError,
    FmcibError,
    InputError,
    OutputError,
    ReplacesError,
    ResumesError,
    UnidentifiedError,
)
from ..paths import can_be_name
from ..words import in_window
from ..worker.channel import Channel

REQUIRED = object()
"""In the place of a field's default: a text that must be given."""

CODES: tuple[tuple[type[FmcibError], str], ...] = (
    (InputError, "input"),
    (UnidentifiedError, "unidentified"),
    (ReplacesError, "replaces"),
    (DownloadError, "download"),
    (ResumesError, "resumes"),
    (OutputError, "output"),
)
"""Beside those of `worker.errors`."""

_SENTENCES = frozenset(
    {"message", "text", "note", "problem", "cache_problem", "refused", "doubts", "warnings", "first_paragraph"}
)
"""Fields of answers that hold sentences; the others hold names, places and numbers."""

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    tuple: "a list of texts",
    type(None): "a list of texts, or null",
}
"""What a field is, by the kind of its default."""

_SECONDS_BETWEEN_STEPS = 0.1
_LONGEST_TEXT = 2000


class Reporter(logging.Handler):
    """Tells how far the task is. As a handler of the engine's log it tells what a user should know while waiting."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(logging.INFO)
        self._channel = channel
        self._step = ""
        self._done: int | None = None
        self._total: int | None = None
        self._told = -math.inf

    def say(self, text: str) -> None:
        """Begin a step that has no bytes to count."""
        self._step = text
        self._send(text)

    def count(self, done: int, total: int | None) -> None:
        """Bytes that are here, of how many: the first and the last at once, others some ten times a second.

        It is never less than before.
        """
        done = max(done, self._done or 0)
        is_news, is_first, is_last = (done, total) != (self._done, self._total), self._done is None, done == total
        self._done, self._total = done, total
        if is_news and (is_first or is_last or time.monotonic() - self._told >= _SECONDS_BETWEEN_STEPS):
            self._send(self._step)

    def step(self, text: str, done: int, total: int) -> None:
        """A step, with how much is done of all that there is to do; as `count`, in whatever parts."""
        self._step = text
        self.count(done, total)

    def going(self, text: str) -> None:
        """As `say`, some ten times a second: of a step whose parts are not those of the whole."""
        self._step = text
        if time.monotonic() - self._told >= _SECONDS_BETWEEN_STEPS:
            self._send(text)

    def tell(self, message: Mapping[str, Any]) -> None:
        """One more message, of a kind that the task has for itself."""
        write(self._channel, message)

    def emit(self, record: logging.LogRecord) -> None:
        """A line of the log that is no error of ours, such as that another process is waited for."""
        if record.levelno < logging.ERROR:
            self._send(record.getMessage())

    def _send(self, text: str) -> None:
        self._told = time.monotonic()
        told = {"type": "progress", "text": text[:_LONGEST_TEXT], "done": self._done, "total": self._total}
        write(self._channel, told)


def write(channel: Channel, message: Mapping[str, Any]) -> None:
    """One line of JSON, as the window says it, in ASCII: a path may hold bytes that are no text anywhere."""
    channel.write(json.dumps(_in_window(message), allow_nan=False).encode("ascii") + b"\n")


def _in_window(value: Any, name: str = "") -> Any:
    """The same, with each sentence as the window says it."""
    if isinstance(value, Mapping):
        return {key: _in_window(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_in_window(each, name) for each in value]
    return in_window(value) if name in _SENTENCES and isinstance(value, str) else value


def read_arguments(name: str, text: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """The arguments of a task, with defaults filled in.

    Args:
        name: of the task.
        text: JSON; empty counts as `{}`.
        fields: what may be given, and the defaults, whose kind is the kind that is wanted.

    Raises:
        InputError: no JSON object, a field that is missing or not known, or of another kind.
    """
    try:
        given = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        msg = f"The arguments of {name} are a JSON object, got {reprlib.repr(text)}."
        raise InputError(msg) from error
    if not isinstance(given, dict):
        msg = f"The arguments of {name} are a JSON object, got {reprlib.repr(text)}."
        raise InputError(msg)
    return checked(name, given, fields)


def read_request(name: str, path: Path, fields: Mapping[str, object]) -> dict[str, Any]:
    """The same of a file, which is removed: for what is too long for a command line.

    Raises:
        InputError: also where the file cannot be read.
    """
    try:
        given = json.loads(path.read_bytes())
        path.unlink(missing_ok=True)
    except (OSError, ValueError, RecursionError) as error:
        msg = f"What {name} asks for is in {path.name}, which cannot be read. Ask again."
        raise InputError(msg) from error
    return checked(name, given, fields)


def checked(name: str, given: object, fields: Mapping[str, object]) -> dict[str, Any]:
    """What is given to a task, with defaults filled in.

    Raises:
        InputError: as of `read_arguments`.
    """
    if not isinstance(given, dict):
        msg = f"What {name} asks for is a JSON object, got {reprlib.repr(given)}."
        raise InputError(msg)
    required = {field for field, default in fields.items() if default is REQUIRED}
    if given.keys() - fields.keys() or required - given.keys():
        wanted = ", ".join(field if field in required else f"[{field}]" for field in fields) or "none"
        msg = f"The fields of {name} are: {wanted}; got {reprlib.repr(sorted(given))}."
        raise InputError(msg)
    for field, value in given.items():
        words = _KINDS.get(type(fields[field]), "a text")
        if not _is(value, words):
            msg = f"The field {field} of {name} is {words}, got {reprlib.repr(value)}."
            raise InputError(msg)
        if not all(map(can_be_name, _texts_in(value))):
            msg = (
                f"The field {field} of {name} holds a zero byte or half a letter, as no file's name can. Give another."
            )
            raise InputError(msg)
    return {**fields, **given}


def _texts_in(value: Any) -> list[str]:
    """Of a field that was looked at."""
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []


def _is(value: object, words: str) -> bool:
    if isinstance(value, bool):
        return words == _KINDS[bool]
    if words in {_KINDS[tuple], _KINDS[type(None)]}:
        is_none = value is None and words == _KINDS[type(None)]
        return is_none or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    if words == _KINDS[float]:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, int) if words == _KINDS[int] else words == "a text" and isinstance(value, str)


def explain(error: Exception) -> tuple[str, str]:
    """Code and message of an exception; as the worker's, with the codes that only tasks have."""
    for kind, code in CODES:
        if isinstance(error, kind):
            return code, str(error)[:_LONGEST_TEXT]
    if isinstance(error, ImportError):  # numpy or scipy, without which the engine's own files cannot be imported
        logging.getLogger(__name__).error("A package cannot be imported", exc_info=error)
        return "dependency", f"The package {error.name or '?'} cannot be imported. Reinstall it, then try again."
    from ..worker.errors import explain as explain_as_worker  # takes numpy

    code, message = explain_as_worker(error)
    return code, message[:_LONGEST_TEXT]
