"""Whether the parts of a head go together; each problem is a sentence."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from ..errors import HeadError
from .terms import ANATOMICAL_SITES, NOTE, SHA256, TIME_UNITS

if TYPE_CHECKING:
    from .head import Baseline, Head, Numbers

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""As `weights.catalogue.SIMPLE_NAME`."""
MOST_CLASSES, MOST_LAYERS, MOST_TIMES, MOST_METRICS, MOST_WARNINGS = 100, 8, 24, 100, 20
MOST_INPUTS = 65_536
"""Features and the user's columns together; also the numbers of a hidden layer."""
LONGEST_NAME, LONGEST_TEXT = 120, 2_000
"""Characters of a class's, feature's or column's name, and of a sentence."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PARAMETERS = {"none": 0, "temperature": 1, "platt": 2}
_TAKEN = (NOTE, SHA256)


def check_head(head: Head) -> None:
    """Refuse a head whose parts do not go together.

    Raises:
        HeadError: with the first problem.
    """
    _require(bool(NAME.fullmatch(head.id)), f"its id is small letters, digits, - and _, it is {head.id[:60]!r}")
    _check_texts(head)
    _check_origin(head)
    _check_layers(head)
    _check_task(head)
    _check_calibration(head)
    _check_worth(head)


def _check_texts(head: Head) -> None:
    texts = {
        "title": head.title, "label meaning": head.label_meaning, "population": head.training.population,
        "caution": head.caution, "licence": head.licence, "citation": head.citation,
        "calibration": head.calibration.about,
    }  # fmt: skip
    for name, text in texts.items():
        _require_text(text, name)
    formula = head.caution.lstrip()[:1] in {"=", "+", "-", "@"}
    _require(not formula, f"its caution is a sentence, no formula of a spreadsheet, it is {head.caution[:60]!r}")
    for name in ("title", "label meaning", "population"):
        _require(bool(texts[name].strip()), f"its {name} is a sentence, it is empty")
    _require(len(head.warnings) <= MOST_WARNINGS, f"it has at most {MOST_WARNINGS} warnings, not {len(head.warnings)}")
    for text in (*head.warnings, *head.versions, *head.versions.values()):
        _require_text(text, "warnings or versions")
    if head.date:
        try:
            datetime.fromisoformat(head.date)
        except ValueError:
            refuse(f"its date is ISO 8601, it is {head.date[:40]!r}")


def _check_origin(head: Head) -> None:
    origin = head.origin
    right = not origin.weights_sha256 or bool(_SHA256.fullmatch(origin.weights_sha256))
    _require(right, f"the SHA-256 of its weights is 64 hexadecimal digits, it is {origin.weights_sha256[:70]!r}")
    _require_text(origin.encoder_id, "encoder")
    _require_text(origin.recipe_id, "recipe")
    _require_names((*origin.features, *origin.columns), "features and columns")
    count = origin.count
    _require(bool(origin.features) and count <= MOST_INPUTS, f"it takes 1 to {MOST_INPUTS} features, not {count}")


def _check_layers(head: Head) -> None:
    layers = head.layers
    _require(1 <= len(layers) <= MOST_LAYERS, f"it has 1 to {MOST_LAYERS} layers, not {len(layers)}")
    inputs = head.origin.count
    for number, layer in enumerate(layers, 1):
        shape = layer.weight.shape
        fits = layer.weight.ndim == 2 and shape[1] == inputs and 1 <= shape[0] <= MOST_INPUTS
        _require(fits, f"layer {number} takes {inputs} numbers as (outputs, inputs), its weight is {shape}")
        _require(layer.bias.shape == shape[:1], f"the bias of layer {number} is {layer.bias.shape}, not {shape[:1]}")
        _require_numbers(layer.weight, f"the weight of layer {number}")
        _require_numbers(layer.bias, f"the bias of layer {number}")
        inputs = shape[0]
    if head.scaling is not None:
        for name, numbers in (("mean", head.scaling.mean), ("scale", head.scaling.scale)):
            wanted = (head.origin.count,)
            _require(numbers.shape == wanted, f"its {name} has the shape {wanted}, not {numbers.shape}")
            _require_numbers(numbers, f"its {name}")
        _require(bool((head.scaling.scale > 0).all()), "its scale is greater than 0, somewhere it is not")


def _check_task(head: Head) -> None:
    outputs = head.layers[-1].weight.shape[0]
    if head.task == "classification":
        _require(head.baseline is None, "a classification has no baseline survival, this one has")
        _require_names(head.classes, "classes")
        count = len(head.classes)
        _require(2 <= count <= MOST_CLASSES, f"a classification has 2 to {MOST_CLASSES} classes, not {count}")
        _require(not {*head.classes} & {*_TAKEN}, f"no class is called {' or '.join(_TAKEN)}, which are other columns")
        fits = outputs == count or (outputs == 1 and count == 2)
        _require(fits, f"it has {count} classes and {outputs} outputs, wanted as many (or 1 for two classes)")
    else:
        _require(head.task == "survival", f"its task is classification or survival, it is {head.task!r}")
        _require(not head.classes, f"a survival head has no classes, this one has {len(head.classes)}")
        _require(outputs == 1, f"a survival head has 1 output, not {outputs}")
        if head.baseline is None:
            refuse("a survival head has a baseline survival, this one has none")
        _check_baseline(head.baseline)


def _check_baseline(baseline: Baseline) -> None:
    times, survival = baseline.times, baseline.survival
    right = times.ndim == 1 and 1 <= len(times) <= MOST_TIMES and survival.shape == times.shape
    _require(
        right, f"a baseline has 1 to {MOST_TIMES} times and as many survivals, not {times.shape} and {survival.shape}"
    )
    _require_numbers(times, "the times of its baseline")
    _require_numbers(survival, "the survival of its baseline")
    _require(times[0] > 0 and bool((np.diff(times) > 0).all()), "the times of a baseline rise from above 0")
    inside = bool(((survival > 0) & (survival <= 1)).all())
    _require(
        inside and bool((np.diff(survival) <= 0).all()), "the survival of a baseline falls from at most 1 to above 0"
    )
    _require(baseline.unit in TIME_UNITS, f"times are in {', '.join(TIME_UNITS)}, not {baseline.unit!r}")
    _require(len({f"{time:g}" for time in times.tolist()}) == len(times), "the times of a baseline differ in 6 digits")


def _check_calibration(head: Head) -> None:
    kind, parameters = head.calibration.kind, head.calibration.parameters
    _require(kind in _PARAMETERS, f"its calibration is one of {', '.join(_PARAMETERS)}, not {kind!r}")
    wanted = _PARAMETERS[kind]
    right = len(parameters) == wanted and all(map(math.isfinite, parameters))
    _require(right, f"the calibration {kind} has {wanted} finite parameters, it has {parameters}")
    _require(kind == "none" or head.task == "classification", f"the calibration {kind} is for classes")
    _require(kind != "temperature" or parameters[0] > 0, "a temperature is greater than 0")
    _require(kind != "platt" or len(head.classes) == 2, f"Platt's calibration is of 2 classes, not {len(head.classes)}")


def _check_worth(head: Head) -> None:
    strange = {*head.sites} - {*ANATOMICAL_SITES}
    known = ", ".join(ANATOMICAL_SITES)
    _require(not strange, f"the sites that it knows are some of {known}, not {min(strange, default='')[:60]!r}")
    _require(len(head.metrics) <= MOST_METRICS, f"it has at most {MOST_METRICS} metrics, not {len(head.metrics)}")
    for metric in head.metrics:
        _require(bool(metric.name), "each metric has a name")
        _require_text(metric.name, "name of a metric")
        _require_text(metric.about, "metrics")
        ends = [end for end in (metric.low, metric.high) if end is not None]
        right = all(map(math.isfinite, (metric.value, *ends))) and len(ends) in {0, 2} and ends == sorted(ends)
        _require(right, f"{metric.name} is a finite number with both ends of its interval or none, it is {metric}")
    training = head.training
    counts = (training.cases, training.groups, *training.cases_of)
    _require(min(counts) >= 0, f"counts of cases are 0 or more, they are {counts}")
    classes = len(head.classes) or 2  # who died, and who was censored
    fits = len(training.cases_of) in {0, classes}
    _require(fits, f"it counts the cases of {len(training.cases_of)} classes, it has {classes}")


def _require_numbers(numbers: Numbers, what: str) -> None:
    _require(numbers.dtype in (np.float32, np.float64), f"{what} is float32 or float64, it is {numbers.dtype}")
    _require(bool(np.isfinite(numbers).all()), f"{what} is of finite numbers, it has others")


def _require_names(names: Iterable[str], what: str) -> None:
    names = list(names)
    for name in names:
        right = name == name.strip() and 0 < len(name) <= LONGEST_NAME and name.isprintable()
        _require(right, f"a name of its {what} is 1 to {LONGEST_NAME} letters on one line, it is {name[:60]!r}")
    twice = [one for one, other in itertools.pairwise(sorted(names)) if one == other]
    _require(not twice, f"its {what} have the name {twice[:1]} twice")


def _require_text(text: str, what: str) -> None:
    right = len(text) <= LONGEST_TEXT and text.isprintable()
    _require(right, f"its {what} has at most {LONGEST_TEXT} letters on one line, it is {text[:60]!r}")


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001  reads as a sentence
    if not condition:
        refuse(problem)


def refuse(problem: str) -> NoReturn:
    """Say that something is no head.

    Raises:
        HeadError: always; `read_head` puts the file's name in the place of the first word.
    """
    msg = f"This is no head that could be used: {problem}. Choose another file, or make it again."
    raise HeadError(msg)
