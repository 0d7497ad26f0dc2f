"""Headless scripts, each in a process of its own."""

from __future__ import annotations

import json

import pytest

SlicerHost = pytest.importorskip("SlicerHost", reason="starts hosts; the application is started by CTest")

ENDS = "import sys, slicer\n"


@pytest.fixture
def run(tmp_path):
    def runText(text: str, *arguments: object):
        path = tmp_path / "script.py"
        path.write_text(ENDS + text, encoding="utf-8")
        return SlicerHost.runScript(path, *arguments)

    return runText


def test_the_script_has_its_arguments_and_sets_the_exit_code(run, tmp_path):
    result = run("import json; print(json.dumps(sys.argv)); slicer.util.exit(7)", "--ct", "a b.nrrd", 3)
    assert result.returncode == 7
    assert json.loads(result.stdout) == [str(tmp_path / "script.py"), "--ct", "a b.nrrd", "3"]
    assert result.stderr == ""


@pytest.mark.parametrize(("text", "code"), [("sys.exit(4)", 4), ("sys.exit()", 0), ("sys.exit('no')", 1)])
def test_sys_exit_ends_the_application_too(run, text, code):
    assert run(text).returncode == code


@pytest.mark.parametrize("text", ["pass", "raise RuntimeError('broken')", "slicer.app.processEvents()"])
def test_a_script_that_leaves_the_application_open_is_told_so(run, text):
    result = run(text)
    assert result.returncode == 99
    assert "Slicer would stay open" in result.stderr
    assert ("RuntimeError: broken" in result.stderr) == ("broken" in text)


def test_a_widget_cannot_be_made(run):
    result = run("import qt; qt.QTimer(); qt.QLabel('x'); slicer.util.exit(0)")
    assert result.returncode == 99
    assert "qt has no QLabel" in result.stderr


def test_there_are_no_views_and_no_main_window(run):
    text = (
        "print(slicer.app.layoutManager(), slicer.util.mainWindow(), slicer.app.testingEnabled()); slicer.util.exit(0)"
    )
    assert run(text).stdout == "None None False\n"


def test_the_scene_is_read_and_written(run, tmp_path):
    text = """
node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
node.AddControlPoint([1, 2, 3])
saved = slicer.util.saveScene(sys.argv[1])
slicer.mrmlScene.Clear(0)
slicer.util.loadScene(sys.argv[1])
print(saved, slicer.util.getNode("Seeds").GetNumberOfControlPoints())
slicer.util.exit(0)
"""
    result = run(text, tmp_path / "scene.mrb")
    assert (result.returncode, result.stdout) == (0, "True 1\n")
    assert result.stderr.split() == ["saved", str(tmp_path / "scene.mrb")]  # as Slicer says it


def test_the_end_is_told(run):
    text = "slicer.app.connect('aboutToQuit()', lambda: print('about to quit')); slicer.util.exit(0)"
    assert run(text).stdout == "about to quit\n"
