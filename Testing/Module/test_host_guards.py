"""Tests that leave something behind, or make VTK complain, are told so: the guards of `conftest.py` at work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("SlicerHost", reason="starts pytest in a process of its own")

LITTERING = """
import subprocess, sys, time
import slicer, vtk

kept = []

def test_observer():
    slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndCloseEvent, lambda *_: None)

def test_process():
    kept.append(subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE))

def test_complaint():
    vtk.vtkXMLImageDataReader().Update()

def test_expected_complaint(vtkErrors):
    vtk.vtkXMLImageDataReader().Update()
    assert vtkErrors

def test_clean():
    tag = slicer.mrmlScene.AddObserver(slicer.mrmlScene.EndCloseEvent, lambda *_: None)
    slicer.mrmlScene.RemoveObserver(tag)
"""

TICKING = """
import qt

kept = []

def test_timer():
    kept.append(qt.QTimer())
    kept[-1].start(10_000)
"""


def test_what_a_test_leaves_behind_is_an_error(tmp_path):
    here = Path(__file__).parent
    shutil.copy(here / "conftest.py", tmp_path)
    (tmp_path / "test_littering.py").write_text(LITTERING, encoding="utf-8")
    (tmp_path / "test_ticking.py").write_text(TICKING, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        here.parent / "pytest.ini",
        "--rootdir",
        tmp_path,
        "-p",
        "no:cacheprovider",
    ]
    result = subprocess.run([*command, tmp_path], capture_output=True, encoding="utf-8", timeout=300, check=False)
    errors = {line.split("::")[1].split(" ")[0] for line in result.stdout.splitlines() if line.startswith("ERROR ")}
    assert errors == {"test_observer", "test_timer", "test_process", "test_complaint"}, result.stdout
    assert "6 passed, 4 errors" in result.stdout
