"""What a user wants: which columns mean what, and how a head is trained and judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Task = Literal["classification", "survival"]


@dataclass(frozen=True)
class Columns:
    """Names of columns of the feature table."""

    task: Task
    label: str = ""
    """The class."""
    time: str = ""
    event: str = ""
    """Of survival: when, and whether somebody died then (else was last seen alive)."""
    group: str = ""
    """Such as the patient: rows of one group are never apart. Empty: each row is its own."""
    origins: tuple[str, ...] = ()
    """Such as the hospital, the scanner."""
    covariates: tuple[str, ...] = ()
    """Numeric columns that are joined to the features, such as the age."""
    positive: str = ""
    """Of two classes the one that is looked for; empty: the last by number or alphabet."""


@dataclass(frozen=True)
class Options:
    """How a head is trained and judged."""

    folds: int = 5
    repeats: int = 5
    """Of the cross-validation, with other folds."""
    seed: int = 0
    bootstraps: int = 1000
    calibrate: bool = False
    threshold: float | None = None
    """From which probability on a row counts as the class that is looked for; None: its share among the rows."""
    times: tuple[float, ...] = ()
    """Of survival, in the unit of the times; none: a quarter, a half and three quarters of the deaths."""
    time_unit: str = "days"
    efficiency: bool = False
    """Also draw the curve over fewer patients."""
