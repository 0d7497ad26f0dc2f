"""All of a head but its arrays <-> one JSON object; every key and type of what is read is checked with a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from ..encoders import feature_names
from ..errors import HeadError
from .checks import MOST_INPUTS, refuse
from .head import Calibration, Head, Metric, Origin, Training
from .terms import CALIBRATIONS, TASKS

FORMAT = 1
"""Of the JSON object and of the names of the tensors beside it (`file`)."""


def as_json(head: Head) -> str:
    """The facts of a head, the same text for the same head."""
    origin, training = head.origin, head.training
    usual = origin.features == feature_names(len(origin.features))
    facts = {
        "format": FORMAT,
        "id": head.id,
        "title": head.title,
        "task": head.task,
        "classes": list(head.classes),
        "label_meaning": head.label_meaning,
        "encoder": origin.encoder_id,
        "weights_sha256": origin.weights_sha256,
        "recipe": origin.recipe_id,
        "features": len(origin.features) if usual else list(origin.features),
        "columns": list(origin.columns),
        "calibration": {**vars(head.calibration), "parameters": list(head.calibration.parameters)},
        "time_unit": head.baseline.unit if head.baseline else "",
        "training": {**vars(training), "cases_of": list(training.cases_of)},
        "metrics": [vars(metric) for metric in head.metrics],
        "warnings": list(head.warnings),
        "sites": list(head.sites),
        "caution": head.caution,
        "date": head.date,
        "versions": dict(head.versions),
        "licence": head.licence,
        "citation": head.citation,
    }
    try:
        return json.dumps(facts, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        msg = f"The head {head.id} holds something that cannot be written ({error})."
        raise HeadError(msg) from error


def from_json(text: str) -> tuple[dict[str, Any], str]:
    """Arguments of `Head` but its arrays, and the unit of its times.

    Raises:
        HeadError: no such object.
    """
    try:
        told = json.loads(text, object_pairs_hook=without_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        refuse(f"its facts are no JSON ({error})" if isinstance(error, ValueError) else "its facts are nested too deep")
    facts = _Facts(told, "")
    if (version := facts.take("format", _whole)) != FORMAT:
        msg = f"It is of the format {version}, this version reads {FORMAT}. Install a newer version of the program."
        raise HeadError(msg)
    features = facts.take("features", _features)
    origin = Origin(
        facts.take("encoder", _text),
        facts.take("weights_sha256", _text),
        facts.take("recipe", _text),
        features,
        facts.take("columns", _texts),
    )
    unit = facts.take("time_unit", _text)
    arguments = {
        "origin": origin,
        "task": facts.take("task", _one_of(TASKS)),
        "classes": facts.take("classes", _texts),
        "warnings": facts.take("warnings", _texts),
        "sites": facts.take("sites", _texts),
        "versions": facts.take("versions", _texts_by_name),
        "calibration": facts.take("calibration", _calibration),
        "training": facts.take("training", _training),
        "metrics": tuple(facts.take("metrics", _list_of(_metric))),
    }
    names = ("id", "title", "label_meaning", "caution", "date", "licence", "citation")
    arguments |= {name: facts.take(name, _text) for name in names}
    facts.end()
    return arguments, unit


class _Facts:
    """An object of JSON from which each key is taken once, by what its value must be."""

    def __init__(self, told: Any, where: str) -> None:
        if not isinstance(told, dict):
            refuse(f"{where or 'the whole'} is an object with keys, it is {_named(told)}")
        self._told: dict[str, Any] = dict(told)
        self._where = where

    def take(self, key: str, kind: Callable[[Any, str], Any]) -> Any:
        name = f"{self._where}.{key}" if self._where else key
        if key not in self._told:
            refuse(f"it lacks {name}")
        return kind(self._told.pop(key), name)

    def end(self) -> None:
        """No key is left over: one that is not known may say that the others mean something else."""
        if self._told:
            refuse(f"{self._where or 'it'} has an unknown key {min(self._told)[:60]!r}")


def _calibration(told: Any, name: str) -> Calibration:
    facts = _Facts(told, name)
    found = Calibration(
        facts.take("kind", _one_of(CALIBRATIONS)),
        tuple(facts.take("parameters", _list_of(_number))),
        facts.take("about", _text),
    )
    facts.end()
    return found


def _training(told: Any, name: str) -> Training:
    facts = _Facts(told, name)
    found = Training(
        facts.take("population", _text),
        facts.take("cases", _whole),
        facts.take("groups", _whole),
        tuple(facts.take("cases_of", _list_of(_whole))),
    )
    facts.end()
    return found


def _metric(told: Any, name: str) -> Metric:
    facts = _Facts(told, name)
    found = Metric(
        facts.take("name", _text),
        facts.take("value", _number),
        facts.take("low", _number_or_none),
        facts.take("high", _number_or_none),
        facts.take("about", _text),
    )
    facts.end()
    return found


def _features(told: Any, name: str) -> tuple[str, ...]:
    """A number stands for upstream's names."""
    if type(told) is int:
        if not 1 <= told <= MOST_INPUTS:
            refuse(f"{name} is 1 to {MOST_INPUTS}, it is {str(told)[:20]}")
        return feature_names(told)
    return _texts(told, name)


def _text(told: Any, name: str) -> str:
    if not isinstance(told, str):
        refuse(f"{name} is a text, it is {_named(told)}")
    return told


def _texts(told: Any, name: str) -> tuple[str, ...]:
    return tuple(_list_of(_text)(told, name))


def _texts_by_name(told: Any, name: str) -> Mapping[str, str]:
    if not isinstance(told, dict):
        refuse(f"{name} is an object of texts, it is {_named(told)}")
    return {key: _text(value, f"{name}.{key[:60]}") for key, value in told.items()}


def _whole(told: Any, name: str) -> int:
    if type(told) is not int or abs(told) > 2**53:
        refuse(f"{name} is a whole number, it is {_named(told)}")
    return told


def _number(told: Any, name: str) -> float:
    if type(told) not in {int, float}:
        refuse(f"{name} is a number, it is {_named(told)}")
    try:
        number = float(told)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        refuse(f"{name} is a finite number, it is not")
    return number


def _number_or_none(told: Any, name: str) -> float | None:
    return None if told is None else _number(told, name)


def _list_of(kind: Callable[[Any, str], Any]) -> Callable[[Any, str], list[Any]]:
    def checked(told: Any, name: str) -> list[Any]:
        if not isinstance(told, list):
            refuse(f"{name} is a list, it is {_named(told)}")
        return [kind(each, f"{name}[{index}]") for index, each in enumerate(told)]

    return checked


def _one_of(choices: tuple[str, ...]) -> Callable[[Any, str], Any]:
    def checked(told: Any, name: str) -> str:
        if told not in choices:
            refuse(f"{name} is one of {', '.join(choices)}, it is {_named(told)}")
        return str(told)

    return checked


def without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, of which readers would else take the one value or the other."""
    found = dict(pairs)
    if len(found) != len(pairs):
        refuse("a key stands twice in its header or facts")
    return found


def _no_constant(name: str) -> NoReturn:
    refuse(f"{name} is no finite number")


def _named(value: Any) -> str:
    """A value in a message: short, and as JSON writes it."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    return json.dumps(value)[:60]
