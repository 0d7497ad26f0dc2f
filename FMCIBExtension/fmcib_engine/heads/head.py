"""What a head is: a linear map or a small network behind an encoder's features, and what its numbers mean.

A head is checked when it is made, so that there is none that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from . import checks
from .terms import ANATOMICAL_SITES, LOG_RELATIVE_HAZARD, CalibrationKind, Task

Numbers = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Metric:
    """A number that says what a head is worth, with its 95 % confidence interval where there is one."""

    name: str
    """Such as `AUC`."""
    value: float
    low: float | None = None
    high: float | None = None
    about: str = ""
    """On whom, and how: such as `out of fold, 421 patients, bootstrap over patients`."""

    @property
    def text(self) -> str:
        """Such as `AUC 0.631 [0.578, 0.684]`."""
        interval = "" if self.low is None or self.high is None else f" [{self.low:z.3f}, {self.high:z.3f}]"
        return f"{self.name} {self.value:z.3f}{interval}"


@dataclass(frozen=True)
class Origin:
    """Which features a head was made of. What nobody knows is empty: the encoder is then unverified."""

    encoder_id: str
    weights_sha256: str
    recipe_id: str
    features: tuple[str, ...]
    """Names of the feature columns in order, mostly `encoders.feature_names(count)`."""
    columns: tuple[str, ...] = ()
    """The user's own numeric columns that stand behind the features, in order, such as the age."""

    @property
    def is_verified(self) -> bool:
        """Whether encoder, weights and recipe are all known."""
        return bool(self.encoder_id and self.weights_sha256 and self.recipe_id)

    @property
    def count(self) -> int:
        """How many numbers of a lesion the head takes."""
        return len(self.features) + len(self.columns)


@dataclass(frozen=True, eq=False)
class Layer:
    """A linear layer: weight of shape (outputs, inputs), bias of (outputs,)."""

    weight: Numbers
    bias: Numbers


@dataclass(frozen=True, eq=False)
class Scaling:
    """Standardisation before the first layer: (x - mean) / scale, each of shape (inputs,)."""

    mean: Numbers
    scale: Numbers


@dataclass(frozen=True)
class Calibration:
    """How numbers become probabilities: none, or temperature (z / t), or Platt's (a·z + b of the one logit z)."""

    kind: CalibrationKind = "none"
    parameters: tuple[float, ...] = ()
    """(t,), or (a, b)."""
    about: str = ""
    """On whom it was fitted."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """Of a Cox model: S0 at stated times, so that S(t) of a lesion is S0(t) ** exp(x·w)."""

    times: Numbers
    survival: Numbers
    unit: str
    """One of `terms.TIME_UNITS`."""


@dataclass(frozen=True)
class Training:
    """On whom a head was trained."""

    population: str
    """In a sentence."""
    cases: int = 0
    """0: not known."""
    groups: int = 0
    """Such as patients; 0: not known, or each case its own."""
    cases_of: tuple[int, ...] = ()
    """Of each class in order; of a survival head who died, and who was censored. Empty: not known."""


@dataclass(frozen=True, eq=False)
class Head:
    """A head, and all that must be known to read its numbers.

    Raises:
        HeadError: something of it is missing, or does not go with something else.
    """

    id: str
    """Its name here, and in the columns of a table: small letters, digits, - and _."""
    title: str
    task: Task
    label_meaning: str
    """What the label was, in a sentence, such as `radiologists' suspicion …; not pathology`."""
    origin: Origin
    layers: tuple[Layer, ...]
    """One for a linear head; between layers there is a ReLU."""
    training: Training
    classes: tuple[str, ...] = ()
    """In the order of the outputs; two of one output are (not, is). None of a survival head."""
    scaling: Scaling | None = None
    calibration: Calibration = field(default_factory=Calibration)
    baseline: Baseline | None = None
    """Of a survival head."""
    metrics: tuple[Metric, ...] = ()
    warnings: tuple[str, ...] = ()
    """Sentences that belong beside each of its numbers, such as on whom it must not be used."""
    sites: tuple[str, ...] = ()
    """Of `terms.ANATOMICAL_SITES` those that it knows; of others it warns. Empty: all, or not said."""
    caution: str = ""
    """Such as `COMPUTER_MADE`: what its numbers do not say, as `WeightsIdentity.caution`."""
    date: str = ""
    """ISO 8601, when it was trained; empty: not known."""
    versions: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Of the packages that trained it."""
    licence: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        checks.check_head(self)

    @property
    def tells_site(self) -> bool:
        """Whether its classes are anatomical sites."""
        return bool(self.classes) and {*self.classes} <= {*ANATOMICAL_SITES}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what `predict` gives, in order: the classes; of a survival head the hazard and each time."""
        if self.baseline is None:
            return self.classes
        unit = self.baseline.unit
        return (LOG_RELATIVE_HAZARD, *(f"survival_{time:g}_{unit}" for time in self.baseline.times.tolist()))
