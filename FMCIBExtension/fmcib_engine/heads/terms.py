"""Words that heads, their files and their columns share."""

from __future__ import annotations

from typing import Literal, get_args

Task = Literal["classification", "survival"]
TASKS: tuple[Task, ...] = get_args(Task)

CalibrationKind = Literal["none", "temperature", "platt"]
CALIBRATIONS: tuple[CalibrationKind, ...] = get_args(CalibrationKind)

TIME_UNITS = ("days", "months", "years")
NOTE, SHA256 = "note", "sha256"
"""Columns of a head in a table beside its classes, which therefore none of these is called."""
LOG_RELATIVE_HAZARD = "log_relative_hazard"
"""The output of a survival head that needs no time: x·w, 0 for the mean of whom it was fitted on."""
ANATOMICAL_SITES = ("bone", "abdomen", "mediastinum", "liver", "lung", "kidney", "soft tissue", "pelvis")
"""Of DeepLesion, in the order of its numbers from 1; the classes of a head that tells a lesion's site."""
