"""A request that reached the worker, checked, and the requests that wait."""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition
from types import MappingProxyType
from typing import Any

from ..framing import Header
from ..paths import can_be_name

Id = int | str
_LONGEST_ID = 200

_REQUIRED = object()
_FIELDS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "load": {
            "weights": _REQUIRED,
            "encoder": "auto",
            "device": "auto",
            "precision": "float32",
            "engine": "auto",
            "heads": "auto",
        },
        "encode": {},
        "encode_all": {},
        "explain": {"target": _REQUIRED, "method": _REQUIRED, "parameters": MappingProxyType({})},
        "cancel": {"target": _REQUIRED},
        "ping": {},
        "shut_down": {},
    }
)
"""The requests, and the fields of each beside `id` and `type`, with their defaults."""

LONG = frozenset({"explain"})
"""Those that take many steps, between which others are answered."""
_SHORT = frozenset({"encode", "encode_all"})
"""Those that are answered between."""
_WITH_PATCH = LONG | _SHORT


@dataclass(frozen=True, eq=False)
class Request:
    """A frame from the parent, checked.

    Attributes:
        id: None where the frame has none that could be repeated in a reply.
        type: a key of the protocol's requests, unless there is a problem.
        fields: the others, with defaults filled in.
        payload: bytes of a patch, of several for `encode_all`; empty but for these and long requests.
        problem: a sentence why this is no request; empty where it is one.
    """

    id: Id | None
    type: str
    fields: Mapping[str, Any]
    payload: bytes
    problem: str = ""

    @classmethod
    def from_frame(cls, header: Header, payload: bytes) -> Request:
        kind, request_id = header.get("type"), header.get("id")
        return cls(
            id=request_id if _is_id(request_id) else None,
            type=str(kind),
            fields={**_FIELDS.get(str(kind), {}), **header},
            payload=payload,
            problem=_find_problem(header, payload),
        )


class Waiting:
    """Requests in the order in which they came, until they are taken or dropped."""

    def __init__(self) -> None:
        self._requests: deque[Request] = deque()
        self._changed = Condition()
        self._running: Request | None = None
        self._is_stopped = False

    def put(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify()

    def take(self) -> Request:
        """The oldest one, as soon as there is one. It runs until the next is taken."""
        with self._changed:
            self._running, self._is_stopped = None, False
            self._changed.wait_for(lambda: self._requests)
            self._running = self._requests.popleft()
            return self._running

    def take_short(self) -> Request | None:
        """The oldest one that can be answered while a long one runs; what waits for another encoder cannot."""
        with self._changed:
            for request in self._requests:
                if request.problem or request.type in _SHORT:
                    self._requests.remove(request)
                    return request
                if request.type not in LONG:
                    return None
        return None

    def stop(self, request_id: Id) -> bool:
        """Ask the long one of that id, if it is the one that runs, to end with what it has; False where it is not."""
        with self._changed:
            found = self._running is not None and self._running.type in LONG and self._running.id == request_id
            self._is_stopped = self._is_stopped or found
        return found

    def is_stopped(self) -> bool:
        """Whether the one that runs was asked to end."""
        with self._changed:
            return self._is_stopped

    def drop(self, request_id: Id) -> bool:
        """Remove the oldest one of that id; False where none waits."""
        with self._changed:
            found = next((request for request in self._requests if request.id == request_id), None)
            if found is not None:
                self._requests.remove(found)
        return found is not None


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONGEST_ID
    return isinstance(value, int) and not isinstance(value, bool)


def _find_problem(header: Header, payload: bytes) -> str:
    kind = header.get("type")
    if not _is_id(header.get("id")):
        got = reprlib.repr(header.get("id"))
        return f"A request's id is an integer or a text of at most {_LONGEST_ID} characters, got {got}."
    if not isinstance(kind, str) or kind not in _FIELDS:
        return f"A request's type is one of {', '.join(_FIELDS)}, got {reprlib.repr(kind)}."
    given = header.keys() - {"id", "type"}
    required = {name for name, default in _FIELDS[kind].items() if default is _REQUIRED}
    if given - _FIELDS[kind].keys() or required - given:
        wanted = ", ".join(name if name in required else f"[{name}]" for name in _FIELDS[kind]) or "none"
        return f"The fields of {kind} are: {wanted}; got {reprlib.repr(sorted(given))}."
    for name in sorted(given):
        if problem := _problem_of(kind, name, header[name]):
            return f"The field {name} of {kind} {problem}"
    if payload and kind not in _WITH_PATCH:
        return f"Only {' and '.join(sorted(_WITH_PATCH))} have a payload, got {len(payload)} bytes with {kind}."
    return ""


def _problem_of(kind: str, name: str, value: object) -> str:
    """Why a field cannot be this value, as the end of a sentence."""
    if kind == "cancel":
        return "" if _is_id(value) else f"is an id, got {reprlib.repr(value)}."
    if isinstance(_FIELDS[kind][name], Mapping):
        return "" if isinstance(value, dict) else f"is an object, got {reprlib.repr(value)}."
    if not isinstance(value, str):
        return f"is a text, got {reprlib.repr(value)}."
    return "" if can_be_name(value) else "holds a zero byte or half a letter, as no file's name can. Give another."
