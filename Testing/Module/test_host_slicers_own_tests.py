"""Slicer's own tests of its Python files, on the host: when one fails here, the host has drifted from Slicer."""

from __future__ import annotations

import importlib
import io
import os
import unittest
from pathlib import Path

import pytest

FOLDER = os.environ.get("SLICER_BASE_PYTHON")

NAMES = [
    "test_slicer_parameter_node_wrapper",
    "test_slicer_parameter_pack",
    "test_slicer_util_VTKObservationMixin",
    "test_slicer_util_childWidgetVariables",
    "test_slicer_util_chdir",
    "test_slicer_util_getNodes",
    "test_slicer_util_without_modules",
]


@pytest.mark.skipif(not FOLDER, reason="needs Slicer's sources (SLICER_BASE_PYTHON)")
@pytest.mark.filterwarnings("default:already has observer:UserWarning")
@pytest.mark.parametrize("name", NAMES)
def test_slicers_own_test_passes(name, monkeypatch, vtkErrors):
    monkeypatch.syspath_prepend(str(Path(FOLDER) / "slicer" / "tests"))
    tests = unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name))
    report = io.StringIO()
    result = unittest.TextTestRunner(stream=report).run(tests)
    assert result.testsRun > 0
    assert result.wasSuccessful(), report.getvalue()
