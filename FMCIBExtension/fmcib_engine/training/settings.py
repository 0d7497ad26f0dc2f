"""The file that describes a run: YAML, every key checked with a sentence, every key explained where it is printed.

A command's keys are the fields of a frozen dataclass, made by `key`. A field's default says its kind: a truth value, a
whole number, a number, a text, or a list of whole numbers.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import re
import reprlib
import textwrap
import unicodedata
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..errors import DependencyError, InputError

Settings = TypeVar("Settings")
Value = bool | int | float | str | tuple[int, ...]

_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", tuple: "whole numbers in [ ]"}
_NO_VALUE = (RecursionError, ValueError, LookupError, AttributeError, TypeError)
"""What PyYAML raises over a date that no calendar has, and over tags with nothing or nonsense behind them."""
_LARGE = 10**20
_LONGEST = 100_000
"""Bytes of a run file: more is another file."""


def key(  # noqa: PLR0913  what may be said of a key
    default: Value,
    about: str,
    *,
    choices: tuple[str, ...] = (),
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    decides: bool = True,
) -> Any:
    """A field of a dataclass of settings.

    Args:
        default: its value where the file says nothing; its kind is the key's kind.
        about: a sentence for whoever reads the printed file.
        choices: the only texts that it may be.
        at_least: smallest number, or smallest of a list.
        at_most: largest.
        above: what a number must be greater than.
        decides: whether another value makes another result; if not, a run may be resumed with it.
    """
    limits = {"choices": choices, "at_least": at_least, "at_most": at_most, "above": above}
    return dataclasses.field(default=default, metadata={"about": about, "decides": decides, **limits})


def read_settings(path: Path, kind: type[Settings]) -> Settings:
    """The settings of a YAML file.

    Raises:
        InputError: no such file, no YAML, or a key or value that is not known: what was wanted, and what came.
        DependencyError: PyYAML is not installed.
    """
    yaml = _import_yaml()
    try:
        if path.stat().st_size > _LONGEST:
            msg = f"{path.name} is no run file: it has {path.stat().st_size:,} bytes. Give a YAML file."
            raise InputError(msg)
        values = yaml.load(path.read_text(encoding="utf-8"), _plain_loader(yaml))  # noqa: S506  a safe loader
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        msg = f"The run file {path.name} cannot be read ({reason}). Check its path."
        raise InputError(msg) from error
    except (yaml.YAMLError, *_NO_VALUE) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        twice = getattr(error, "problem", None) or ""
        if twice.endswith("twice"):
            msg = f"In the run file {path.name} {twice}{place}. Keep one of them."
            raise InputError(msg) from error
        msg = f"The run file {path.name} is no YAML{place}. Compare it with the one that is printed (--print-config)."
        raise InputError(msg) from error
    return settings_from({} if values is None else values, kind, path.name)


def settings_from(values: Any, kind: type[Settings], name: str) -> Settings:
    """Checked settings; what is not given has its default.

    Raises:
        InputError: as `read_settings`.
    """
    if not isinstance(values, Mapping):
        msg = f"The run file {name} is a list of keys with their values, such as `seed: 1`; it holds something else."
        raise InputError(msg)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for unknown in values.keys() - fields.keys():
        near = difflib.get_close_matches(str(unknown), fields, n=1)
        advice = f"Did you mean {near[0]}?" if near else f"Known are {', '.join(fields)}."
        msg = f"The run file {name} has a key that is not known: {reprlib.repr(unknown)}. {advice}"
        raise InputError(msg)
    return kind(**{each: _checked(fields[each], value, name) for each, value in values.items()})


def _plain_loader(yaml: Any) -> Any:
    """The safe loader, which takes the last of two same keys without a word, and repeats what has an alias without end.

    Neither is of use in a run file, so both are refused.
    """

    class PlainLoader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise yaml.composer.ComposerError(None, None, "an alias", self.peek_event().start_mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:  # noqa: FBT001, FBT002  as the base
            seen = set()
            for name, _ in node.value:
                each = self.construct_object(name, deep=True)
                if isinstance(each, Hashable) and each in seen:
                    problem = f"the key {each!r} is there twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, name.start_mark)
                seen.add(each)
            return super().construct_mapping(node, deep)

    return PlainLoader


def _checked(field: Any, value: Any, name: str) -> Any:
    kind: Any = type(field.default)
    if kind is tuple and isinstance(value, list) and all(type(part) is int for part in value):
        value = tuple(value)
    if kind is float and type(value) is int:
        value = float(value)
    if kind is float and isinstance(value, str):  # YAML 1.1 takes 1e-3 for a text
        value = _number(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise _wrong(field, _WORDS[kind], value, name)
    if kind is str and any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in value):
        raise _wrong(field, "a text without control characters", value, name)
    _require_limits(field, value, name)
    return value


def _require_limits(field: Any, value: Any, name: str) -> None:
    limits = field.metadata
    if limits["choices"] and value not in limits["choices"]:
        raise _wrong(field, f"one of {', '.join(limits['choices'])}", value, name)
    for part in value if isinstance(value, tuple) else (value,):
        if limits["at_least"] is not None and part < limits["at_least"]:
            raise _wrong(field, f"at least {limits['at_least']:g}", value, name)
        if limits["at_most"] is not None and part > limits["at_most"]:
            raise _wrong(field, f"at most {limits['at_most']:g}", value, name)
        if limits["above"] is not None and part <= limits["above"]:
            raise _wrong(field, f"greater than {limits['above']:g}", value, name)


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _wrong(field: Any, wanted: str, value: Any, name: str) -> InputError:
    came = reprlib.repr(list(value) if isinstance(value, tuple) else value)
    came = "a number of many digits" if type(value) is int and abs(value) > _LARGE else came[:60]
    return InputError(f"`{field.name}` in {name} should be {wanted}, it is {came}. {field.metadata['about']}")


def as_yaml(settings: Any) -> str:
    """All keys with their values, each below what it means. Needs no package."""
    lines = []
    for field in dataclasses.fields(settings):
        limits, about = field.metadata, field.metadata["about"]
        choices = f" One of {', '.join(limits['choices'])}." if limits["choices"] else ""
        lines += [f"# {line}" for line in textwrap.wrap(about + choices, 110)]
        lines.append(f"{field.name}: {_as_scalar(getattr(settings, field.name))}")
    return "\n".join(lines) + "\n"


def _as_scalar(value: Value) -> str:
    """JSON, which is YAML but for letters beyond 16 bits: JSON writes two numbers for one, YAML reads them as two."""

    def joined(pair: re.Match[str]) -> str:
        letter = json.loads('"' + pair[0] + '"')
        return rf"\U{ord(letter):08x}"

    return re.sub(r"\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2}", joined, json.dumps(value))


def digest(settings: Any) -> str:
    """SHA-256 of what decides over the result."""
    return hashlib.sha256(json.dumps(_deciding(settings), sort_keys=True).encode()).hexdigest()


def differing(settings: Any, others: Any) -> list[str]:
    """Names of the keys that decide over the result and differ."""
    mine, theirs = _deciding(settings), _deciding(others)
    return [name for name in mine if mine[name] != theirs[name]]


def _deciding(settings: Any) -> dict[str, Any]:
    return {
        field.name: getattr(settings, field.name) for field in dataclasses.fields(settings) if field.metadata["decides"]
    }


def _import_yaml() -> Any:
    try:
        import yaml
    except ImportError as error:
        msg = f"Run files need PyYAML, which cannot be imported ({error}). Install the engine's extra [train]."
        raise DependencyError(msg) from error
    return yaml
