"""Widgets of the host that Slicer and CTK make: sections that open and close, and choosers of nodes."""

from __future__ import annotations

import gc

import pytest
import qt
import slicer

pytest.importorskip("SlicerHost", reason="is about the host's widgets")

import clicks  # noqa: E402
import ctk  # noqa: E402
from PySide6 import QtGui  # noqa: E402


@pytest.fixture
def section():
    """A section with a label and a label that is hidden, in a window."""
    window = qt.QWidget()
    button = ctk.ctkCollapsibleButton("Patch", window)
    qt.QVBoxLayout(window).addWidget(button)
    layout = qt.QVBoxLayout(button)
    labels = [qt.QLabel("seen"), qt.QLabel("hidden")]
    for label in labels:
        layout.addWidget(label)
    labels[1].setVisible(False)
    clicks.shown(window)
    yield button, *labels
    window.close()


def test_a_section_is_closed_and_opened_by_its_header_with_mouse_and_keyboard(section):
    button, label, hidden = section
    told = []
    button.connect("contentsCollapsed(bool)", lambda collapsed: told.append(("collapsed", collapsed)))
    button.connect("toggled(bool)", lambda checked: told.append(("toggled", checked)))
    button.connect("clicked(bool)", lambda checked: told.append(("clicked", checked)))
    height = button.sizeHint().height()
    clicks.toggleSection(button)
    assert (button.collapsed, button.checked, label.visible) == (True, False, False)
    assert button.sizeHint().height() < height
    clicks.pressKey(button, clicks.Key.Key_Space)
    assert (button.collapsed, button.checked, label.visible, hidden.visible) == (False, True, True, False)
    assert sorted(told[:3]) == [("clicked", False), ("collapsed", True), ("toggled", False)]
    assert sorted(told[3:]) == [("clicked", True), ("collapsed", False), ("toggled", True)]


def test_a_click_on_a_sections_contents_does_not_close_it(section):
    button, label, _ = section
    clicks.click(label)
    assert not button.collapsed


def test_what_is_shown_in_a_closed_section_appears_when_it_is_opened(section):
    button, label, hidden = section
    button.collapsed = True
    hidden.setVisible(True)
    label.setVisible(False)
    assert not hidden.visible
    button.collapsed = False
    assert (hidden.visible, label.visible) == (True, False)


def test_a_section_that_was_closed_before_it_is_shown_hides_its_contents():
    button = ctk.ctkCollapsibleButton()
    button.collapsed = True
    label = qt.QLabel("contents")
    qt.QVBoxLayout(button).addWidget(label)
    clicks.shown(button)
    assert not label.visible
    button.collapsed = False
    assert label.visible
    button.close()


def test_a_sections_header_is_readable_in_light_and_dark(section):
    button, *_ = section
    for text, back in (("#000000", "#f0f0f0"), ("#ffffff", "#202020")):
        palette = QtGui.QPalette(QtGui.QColor(back))
        palette.setColor(QtGui.QPalette.ColorRole.ButtonText, QtGui.QColor(text))
        button.setPalette(palette)
        image = clicks.grab(button).toImage()
        grey = [image.pixelColor(x, y).lightness() for x in range(25, 80) for y in range(4, 20)]
        assert max(grey) - min(grey) > 120


def _chooser(**options):
    chooser = slicer.qMRMLNodeComboBox()
    chooser.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    for name, value in options.items():
        setattr(chooser, name, value)
    told = []
    chooser.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: told.append(node and node.GetName()))
    chooser.setMRMLScene(slicer.mrmlScene)
    return chooser, told


def _add(name: str, kind: str = "vtkMRMLScalarVolumeNode"):
    return slicer.mrmlScene.AddNewNodeByClass(kind, name)


@pytest.mark.parametrize("menu", [True, False])
def test_a_chooser_without_none_takes_the_first_node_that_there_is(menu):
    _add("A")
    chooser, told = _chooser(addEnabled=menu, removeEnabled=menu)
    assert (chooser.currentNode().GetName(), told) == ("A", ["A"])


def test_a_later_node_is_taken_only_where_nothing_else_is_in_the_list():
    """Qt chooses the first item that comes into an empty list; `Create new` and `Delete` are items, too."""
    plain, toldOfPlain = _chooser(addEnabled=False, removeEnabled=False)
    withMenu, toldOfMenu = _chooser()
    withNone, toldOfNone = _chooser(addEnabled=False, removeEnabled=False, noneEnabled=True)
    _add("A")
    assert (toldOfPlain, toldOfMenu, toldOfNone) == (["A"], [], [])
    assert [each.nodeCount() for each in (plain, withMenu, withNone)] == [1, 1, 1]
    assert withNone.currentNode() is None


def test_a_chooser_follows_nodes_that_come_go_and_get_other_names():
    chooser, told = _chooser(noneEnabled=True)
    a, b = _add("A"), _add("B")
    chooser.setCurrentNode(b)
    b.SetName("BB")
    slicer.mrmlScene.RemoveNode(b)
    assert told == ["B", "BB", "A"]
    slicer.mrmlScene.RemoveNode(a)
    assert told[3:] == [None]
    assert chooser.nodeCount() == 0


def test_a_closed_scene_leaves_no_node_chosen():
    chooser, told = _chooser(noneEnabled=True)
    chooser.setCurrentNode(_add("A"))
    slicer.mrmlScene.Clear(0)
    assert (told, chooser.currentNodeID, chooser.nodeCount()) == (["A", None], "", 0)


def test_an_imported_scene_leaves_no_node_chosen_and_its_nodes_are_in_the_list(tmp_path):
    _add("A")
    slicer.util.saveScene(str(tmp_path / "scene.mrb"))
    slicer.mrmlScene.Clear(0)
    chooser, told = _chooser(noneEnabled=True)
    chooser.setCurrentNode(_add("mine"))
    slicer.util.loadScene(str(tmp_path / "scene.mrb"), {"clear": False})
    assert chooser.currentNode() is None
    assert told == ["mine", None]
    assert sorted(chooser.nodeFromIndex(index).GetName() for index in range(chooser.nodeCount())) == ["A", "mine"]


def test_a_chooser_takes_nodes_of_its_classes_that_are_not_hidden_and_have_its_attribute():
    chooser, _ = _chooser(showChildNodeTypes=False, noneEnabled=True)
    _add("labels", "vtkMRMLLabelMapVolumeNode")
    _add("table", "vtkMRMLTableNode")
    hidden, shown = _add("hidden"), _add("shown")
    hidden.SetHideFromEditors(True)
    hidden.Modified()
    assert [chooser.nodeFromIndex(index) for index in range(chooser.nodeCount())] == [shown]
    chooser.showChildNodeTypes = chooser.showHidden = True
    assert chooser.nodeCount() == 3
    chooser.addAttribute("vtkMRMLScalarVolumeNode", "kind", "ct")
    assert chooser.nodeCount() == 0
    shown.SetAttribute("kind", "ct")
    assert chooser.nodeFromIndex(0) is shown
    chooser.removeAttribute("vtkMRMLScalarVolumeNode", "kind")
    assert chooser.nodeCount() == 3


def test_a_node_is_chosen_with_the_mouse_and_none_again():
    chooser, told = _chooser(noneEnabled=True, noneDisplay="No CT")
    activated = []
    chooser.connect("nodeActivated(vtkMRMLNode*)", activated.append)
    a = _add("A")
    clicks.shown(chooser)
    clicks.chooseNode(chooser, a)
    clicks.chooseNode(chooser, None)
    assert told == ["A", None]
    assert activated == [a, None]
    chooser.close()


def test_nodes_are_made_and_deleted_by_the_choosers_menu():
    chooser, told = _chooser(baseName="Scan")
    clicks.shown(chooser)
    clicks.chooseItem(chooser.findChildren(qt.QComboBox)[0], "Create new Volume")
    assert told == ["Scan"]
    clicks.chooseItem(chooser.findChildren(qt.QComboBox)[0], "Delete current Volume")
    assert told[1:] == [None]
    chooser.close()


def test_a_chooser_without_a_scene_is_disabled_and_remembers_what_it_is_to_choose():
    chooser = slicer.qMRMLNodeComboBox()
    chooser.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    _add("A")
    b = _add("B")
    chooser.setCurrentNode(b)
    assert (chooser.enabled, chooser.currentNode()) == (False, None)
    chooser.setMRMLScene(slicer.mrmlScene)
    assert (chooser.enabled, chooser.currentNode()) == (True, b)
    chooser.setMRMLScene(None)
    assert (chooser.enabled, chooser.currentNode(), chooser.nodeCount()) == (False, None, 0)


def test_a_forgotten_chooser_is_told_nothing_any_more():
    chooser, told = _chooser()
    a = _add("A")
    del chooser
    gc.collect()
    a.SetName("B")
    _add("C")
    assert told == []


def test_a_signal_is_known_by_its_text_in_c_alone(unknownSignals):
    chooser, _ = _chooser()
    for signal in ("currentNodeChanged(PyObject)", "currentNodeChanged(vtkMRMLScene*)", "currentNodeRenamed(QString)"):
        assert not chooser.connect(signal, print)
    told = []
    chooser.connect("currentNodeChanged(bool)", told.append)
    chooser.setCurrentNode(_add("A"))
    assert told == [True]


def test_a_dialog_for_files_gives_a_text_and_is_refused_where_nobody_answers(monkeypatch):
    with pytest.raises(RuntimeError, match="nobody answers"):
        qt.QFileDialog.getOpenFileName(None, "Weights")
    monkeypatch.setattr(qt.QFileDialog, "getOpenFileName", lambda *_: "a.bin")
    assert qt.QFileDialog.getOpenFileName(None, "Weights") == "a.bin"


def test_a_dialog_for_a_line_of_text_gives_it_alone_and_is_refused_where_nobody_answers(monkeypatch):
    with pytest.raises(RuntimeError, match="nobody answers"):
        qt.QInputDialog.getText(None, "Rename", "Name:", qt.QLineEdit.Normal, "lump")
    monkeypatch.setattr(type(slicer.app), "testingEnabled", lambda _app: False, raising=False)
    monkeypatch.setattr(qt.QInputDialog.wrapped, "getText", lambda *_: ("lump", True))
    assert qt.QInputDialog.getText(None, "Rename", "Name:", qt.QLineEdit.Normal, "lump") == "lump"
