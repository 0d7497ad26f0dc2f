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

_WITH_PAYLOAD = ("encode", "encode_all")

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
        "cancel": {"target": _REQUIRED},
        "ping": {},
        "shut_down": {},
    }
)
"""The requests, and the fields of each beside `id` and `type`, with their defaults."""


@dataclass(frozen=True, eq=False)
class Request:
    """A frame from the parent, checked.

    Attributes:
        id: None where the frame has none that could be repeated in a reply.
        type: a key of the protocol's requests, unless there is a problem.
        fields: the others, with defaults filled in.
        payload: bytes of a patch, or of several; empty but for `encode` and `encode_all`.
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

    def put(self, request: Request) -> None:
        with self._changed:
            self._requests.append(request)
            self._changed.notify()

    def take(self) -> Request:
        """The oldest one, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._requests)
            return self._requests.popleft()

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
        if problem := _problem_of(name, header[name]):
            return f"The field {name} of {kind} {problem}"
    if payload and kind not in _WITH_PAYLOAD:
        return f"Only {' and '.join(_WITH_PAYLOAD)} have a payload, got {len(payload)} bytes with {kind}."
    return ""


def _problem_of(name: str, value: object) -> str:
    """Why a field cannot be this value, as the end of a sentence."""
    if name == "target":
        return "" if _is_id(value) else f"is an id, got {reprlib.repr(value)}."
    if not isinstance(value, str):
        return f"is a text, got {reprlib.repr(value)}."
    return "" if can_be_name(value) else "holds a zero byte or half a letter, as no file's name can. Give another."
