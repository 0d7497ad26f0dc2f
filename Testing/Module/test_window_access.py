"""Everybody can use the window: by keyboard, with a screen reader, in another language, narrow and at 200 %."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import qt
from clicks import Key, pressKey
from support import ROOT
from window_support import NODULE, settle

pytest_plugins = ["analysis_fixtures", "window_fixtures"]

LIB = ROOT / "FMCIBModule" / "FMCIBModuleLib"
INTERACTIVE = ("QAbstractButton", "QComboBox", "QAbstractSlider", "QLineEdit", "QTextEdit", "QTableWidget")
OURS = re.compile(r"^(?!qt_|ScrollLeftButton|ScrollRightButton)\w")


def nameOf(widget) -> str:
    return widget.property("objectName")


def isOne(widget, classes) -> bool:
    """Of one of these classes of C++, or derived from it."""
    return any(widget.inherits(each) for each in classes)


def ofNodeSelector(widget):
    """A selector of nodes stands for the combo box inside it."""
    parent = widget.parentWidget()
    return parent if parent is not None and parent.inherits("qMRMLNodeComboBox") else widget


def interactive(top) -> list:
    """What the user acts on, without the parts that Qt made of them."""
    every = [ofNodeSelector(each) for each in top.findChildren(qt.QWidget) if isOne(each, INTERACTIVE)]
    return list(dict.fromkeys(each for each in every if OURS.match(nameOf(each) or "")))


@pytest.fixture
def whole(stage):
    """All of the window is to be seen, with a lesion in it."""
    stage.analysed(NODULE)
    stage.window.ui.advancedSection.collapsed = False
    stage.window._scanPanel.showMessage("A sentence.")
    stage.window.widget.resize(480, 1700)
    settle()
    return stage


def test_every_widget_says_what_it_does(whole):
    widgets = interactive(whole.window.widget)
    assert len(widgets) > 30
    silent = [nameOf(each) for each in widgets if not each.property("toolTip")]
    nameless = [
        nameOf(each)
        for each in widgets
        if not (each.property("text") if each.inherits("QAbstractButton") else "")
        and not each.property("accessibleName")
        and each not in [label.buddy() for label in whole.window.widget.findChildren(qt.QLabel)]
    ]
    assert (silent, nameless) == ([], [])


def test_the_tab_key_reaches_everything(whole):
    top = whole.window.widget
    wanted = {
        nameOf(each)
        for each in interactive(top)
        if each.isVisible() and each.isEnabled() and not each.inherits("QScrollBar")
    }
    first = whole.scan.volumeSelector
    first.setFocus()
    reached = set()
    for _ in range(80):
        focus = qt.QApplication.focusWidget()
        reached.add(nameOf(ofNodeSelector(focus)))
        pressKey(focus, Key.Key_Tab)
    assert wanted <= reached, wanted - reached


def letters(top) -> list[str]:
    """The mnemonics that are to be seen."""
    widgets = [each for each in top.findChildren(qt.QAbstractButton) if each.isVisible()]
    widgets += [each for each in top.findChildren(qt.QLabel) if each.isVisible()]
    texts = [each.property("text") or "" for each in widgets]
    return [found[1].casefold() for text in texts if (found := re.search(r"&(\w)", text))]


def test_every_mnemonic_is_there_once_and_none_is_of_slicers_menus(whole):
    found = letters(whole.window.widget)
    assert len(found) > 10
    assert sorted(found) == sorted(set(found))
    ours = letters(whole.window.ui.scanSection) + letters(whole.window.ui.patchSection)
    assert not {"f", "e", "v", "h"} & set(ours)  # File, Edit, View, Help


NARROW = 340
"""Pixels: the least that people give the panel."""


@pytest.mark.parametrize("scale", ["1", "2"])
def test_no_text_is_clipped_in_a_narrow_panel(scale):
    pytest.importorskip("SlicerHost", reason="starts the host in a process of its own")
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("window_scaled.py"), str(NARROW)],
        env={**os.environ, "QT_SCALE_FACTOR": scale},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {"least": found["least"], "width": NARROW, "ratio": float(scale), "clipped": []}
    assert found["least"] <= NARROW


TECHNICAL = re.compile(r"^[\w.\-/*%:+ ]{0,3}$|^[a-z][\w.\-]*$|^[A-Z_][A-Za-z0-9_.]*$|^<|^vtk|^\W*$|.*<a href=")
"""No words: names of attributes, of classes, formats."""


def visibleTexts(path: Path) -> list[str]:
    """Literals that are given to a widget without being translated."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    setters = {"setText", "setToolTip", "addItem", "setWindowTitle", "showMessage", "setHorizontalHeaderLabels", "emit"}
    setters |= {"QAction", "QLabel", "QPushButton", "QMenu", "AnalysisError"}
    found = []
    for node in ast.walk(tree):
        given = []
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in setters:
            given = node.args
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            attribute = node.targets[0].attr
            given = [node.value] if attribute in {"text", "toolTip", "title", "format", "placeholderText"} else []
        for each in given:
            found += [text.value for text in untranslated(each) if isinstance(text.value, str) and text.value.strip()]
    return [text for text in found if not TECHNICAL.match(text)]


def untranslated(node) -> list[ast.Constant]:
    """Literals below a node that are not inside of `_()`."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
        return []
    if isinstance(node, ast.Constant):
        return [node]
    return [each for child in ast.iter_child_nodes(node) for each in untranslated(child)]


@pytest.mark.parametrize("path", sorted(LIB.glob("*.py")), ids=lambda path: path.stem)
def test_what_is_shown_can_be_translated(path):
    assert visibleTexts(path) == []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
            assert len(node.args) == 1
            parts = node.args[0].values if isinstance(node.args[0], ast.JoinedStr) else [node.args[0]]
            assert all(isinstance(part, ast.Constant) for part in parts), ast.unparse(node)
            assert not isinstance(node.args[0], ast.JoinedStr), ast.unparse(node)


def test_the_test_of_translations_finds_what_is_not_translated(tmp_path):
    (tmp_path / "Bad.py").write_text(
        'self.ui.label.text = "Not translated yet"\nself._tell(_("Fine"))\n', encoding="utf-8"
    )
    assert visibleTexts(tmp_path / "Bad.py") == ["Not translated yet"]
