"""The suite as the real application runs it, as far as that can be tried here: see `pretend_application.py`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from application import FACTS_OF_PYTHONQT

HERE = Path(__file__).resolve().parent
ABSENT = {"SlicerHost", "PySide6", "shiboken6"}
OF_THE_HOST = {path for path in HERE.glob("test_host_*.py") if path.name != FACTS_OF_PYTHONQT}
FOR_PEOPLE = {HERE / f"{name}.py" for name in ("screenshots", "window", "window_scaled", "pretend_application")}
"""Run outside of Slicer alone."""
MAY_START_IT = {"conftest", "dicom_fixtures", "window_fixtures", "test_module"}
"""Within functions, after a look whether the application is there."""


def run(size: tuple[int, int], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, HERE / "pretend_application.py", *size, *arguments, "-q", "-p", "no:cacheprovider"]
    return subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", check=False, timeout=1200)


def test_every_test_is_found_where_there_is_no_host():
    """Two files that imported the host, and no test was run at all."""
    done = run((459, 333), "--collect-only")
    assert done.returncode == 0, done.stdout[-3000:]
    found = {line.partition("::")[0].rpartition("/")[2] for line in done.stdout.splitlines() if "::" in line}
    starting = {"test_headless.py", "test_headless_batch.py", "test_headless_dicom.py"}  # the host, again and again
    needing = {
        path.name
        for path in HERE.glob("test_*.py")
        if '\npytest.importorskip("torch")' in path.read_text(encoding="utf-8")
    }
    absent = {path.name for path in OF_THE_HOST} | starting | (set() if find_spec("torch") else needing)
    assert found == {path.name for path in HERE.glob("test_*.py")} - absent
    assert re.search(rf"SKIPPED \[{len(OF_THE_HOST)}\].*is about the host", done.stdout)


@pytest.mark.parametrize("size", [(318, 205), (700, 500)], ids=["smallest", "largest"])
def test_what_a_user_does_is_tested_there_in_views_of_any_size(size):
    """Points placed by the mouse, panels used by mouse and keyboard, the module reloaded."""
    files = ("test_window_seeds.py", "test_placing.py", "test_marks_in_view.py", "test_reload.py", FACTS_OF_PYTHONQT)
    done = run(size, *(HERE / name for name in files))
    assert done.returncode == 0, done.stdout[-3000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 80
    assert re.findall(r"(\d+) (?:failed|error)", done.stdout) == []


@pytest.mark.parametrize("path", sorted(set(HERE.glob("*.py")) - OF_THE_HOST - FOR_PEOPLE), ids=lambda path: path.stem)
def test_no_file_that_the_application_reads_imports_what_it_has_not(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inFunctions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.If)]
    behind = {id(node) for each in inFunctions for node in ast.walk(each)} if path.stem in MAY_START_IT else set()
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if id(node) not in behind:
            assert not {name.partition(".")[0] for name in names} & ABSENT, ast.unparse(node)
