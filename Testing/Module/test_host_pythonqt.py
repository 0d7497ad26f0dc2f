"""What Python sees of Qt inside Slicer (PythonQt), measured in the application: holds there and in the host alike."""

from __future__ import annotations

import gc
import sys
import weakref

import pytest
import qt
import slicer
import vtk
from application import INSIDE_SLICER, deleteWhatIsDue
from worker_support import spinFor, spinUntil

outside = pytest.mark.skipif(INSIDE_SLICER, reason="PySide6 alone")


@pytest.fixture
def window():
    """A widget that lives as long as the test."""
    widget = qt.QWidget()
    yield widget
    widget.deleteLater()
    deleteWhatIsDue()


FALSE = {
    "layout": qt.QVBoxLayout,
    "grid": qt.QGridLayout,
    "form": qt.QFormLayout,
    "menu": qt.QMenu,
    "bytes": qt.QByteArray,
    "size": lambda: qt.QSize(0, 0),
    "rectangle": qt.QRect,
    "pixmap": qt.QPixmap,
    "image": qt.QImage,
    "icon": qt.QIcon,
    "keys": qt.QKeySequence,
    "point": lambda: qt.QPoint(0, 0),
    "index": qt.QModelIndex,
    "colour": qt.QColor,
    "date": qt.QDate,
    "environment": qt.QProcessEnvironment,
}
TRUE = {
    "table": qt.QTableWidget,
    "combo box": qt.QComboBox,
    "list": qt.QListWidget,
    "timer": qt.QTimer,
    "process": qt.QProcess,
    "label": qt.QLabel,
    "line": qt.QLineEdit,
    "action": lambda: qt.QAction("", None),
    "bytes": lambda: qt.QByteArray(b"a"),
    "size": lambda: qt.QSize(1, 1),
    "keys": lambda: qt.QKeySequence("Del"),
    "colour": lambda: qt.QColor("red"),
}


@pytest.mark.parametrize("name", FALSE)
def test_what_is_empty_null_or_invalid_is_false(name):
    assert not FALSE[name]()


@pytest.mark.parametrize("name", TRUE)
def test_other_objects_are_true_also_without_contents(name):
    assert TRUE[name]()


def test_a_layout_is_false_while_nothing_of_it_is_to_be_seen(window):
    layout, label = qt.QVBoxLayout(window), qt.QLabel("seen")
    assert not window.layout()
    layout.addWidget(label)
    assert window.layout()
    label.hide()
    assert not window.layout()
    label.show()
    assert layout


def test_a_menu_is_true_from_its_first_action_on(window):
    menu = qt.QMenu(window)
    action = qt.QAction("first", menu)
    menu.addAction(action)
    assert menu


def test_a_destroyed_object_is_false(window):
    label = qt.QLabel(window)
    assert label
    label.deleteLater()
    deleteWhatIsDue()
    assert not label


def test_an_empty_layout_of_a_ui_file_is_no_variable(tmp_path):
    """`slicer.util.findChildren` passes over what is false, and all below it."""
    (tmp_path / "Sample.ui").write_text(
        '<ui version="4.0"><class>Sample</class><widget class="QWidget" name="Sample">'
        '<layout class="QVBoxLayout" name="wholeLayout"><item><widget class="QWidget" name="place">'
        '<layout class="QVBoxLayout" name="emptyLayout"/></widget></item></layout></widget></ui>',
        encoding="utf-8",
    )
    widget = slicer.util.loadUI(str(tmp_path / "Sample.ui"))
    names = set(vars(slicer.util.childWidgetVariables(widget)))
    assert {"wholeLayout", "place"} <= names
    assert "emptyLayout" not in names
    assert widget.findChildren(qt.QVBoxLayout)[1].objectName == "emptyLayout"
    widget.deleteLater()


def test_an_object_is_an_instance_of_its_very_class_alone(window):
    button = qt.QPushButton(window)
    assert isinstance(button, qt.QPushButton)
    assert not isinstance(button, qt.QAbstractButton)
    assert not isinstance(button, qt.QWidget)
    assert button.inherits("QAbstractButton")
    assert button.inherits("QWidget")


def test_an_object_of_a_class_derived_in_python_is_an_instance_of_both():
    class Derived(qt.QObject):
        pass

    assert isinstance(Derived(), Derived)
    assert isinstance(Derived(), qt.QObject)
    assert not isinstance(qt.QObject(), Derived)


def test_enumerations_are_numbers(window):
    process = qt.QProcess()
    assert process.state() == qt.QProcess.NotRunning == 0
    assert isinstance(process.state(), int)
    assert int(qt.Qt.ShiftModifier) | int(qt.Qt.ControlModifier) == 0x06000000
    assert qt.Qt.AlignLeft == 1


def test_lists_of_texts_come_as_tuples():
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode", "vtkMRMLTableNode"]
    assert selector.nodeTypes == ("vtkMRMLScalarVolumeNode", "vtkMRMLTableNode")
    assert isinstance(qt.QWidget().findChildren(qt.QLabel), tuple)


def test_an_unknown_signal_is_no_error_and_is_not_connected(unknownSignals, capfd):
    timer, told = qt.QTimer(), []
    assert timer.connect("timeout()", told.append)
    assert not timer.connect("timeouts()", told.append)
    assert not timer.connect("timeout(int)", told.append)
    assert not timer.disconnect("timeouts()", told.append)
    if not INSIDE_SLICER:  # there the line goes to Slicer's log, by a way of its own
        assert "'timeouts()' does not exist on QTimer" in capfd.readouterr().err
        assert len(unknownSignals) == 3


class Listener:
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def hear(self) -> None:
        self.calls.append("heard")


def test_twice_connected_is_twice_called_and_disconnected_one_by_one():
    calls: list[str] = []
    listener, button = Listener(calls), qt.QPushButton()
    for _ in range(2):
        button.connect("clicked()", listener.hear)
    button.click()
    assert calls == ["heard"] * 2
    assert button.disconnect("clicked()", listener.hear)  # another object, which is equal
    button.click()
    assert calls == ["heard"] * 3
    assert button.disconnect("clicked()", listener.hear)
    assert not button.disconnect("clicked()", listener.hear)
    button.click()
    assert calls == ["heard"] * 3


def test_the_object_of_a_connected_method_lives_as_long_as_the_sender():
    calls: list[str] = []
    listener, button = Listener(calls), qt.QPushButton()
    button.connect("clicked()", listener.hear)
    alive = weakref.ref(listener)
    del listener
    gc.collect()
    button.click()
    assert calls == ["heard"]
    button.deleteLater()
    del button
    deleteWhatIsDue()
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("hasParent", [True, False])
def test_a_timer_without_reference_and_parent_is_gone(window, hasParent):
    ticks: list[int] = []

    def start() -> None:
        timer = qt.QTimer(window) if hasParent else qt.QTimer()
        timer.connect("timeout()", lambda: ticks.append(1))
        timer.start(1)

    start()
    spinUntil(lambda: ticks) if hasParent else spinFor(0.05)
    assert bool(ticks) == hasParent


def test_an_action_that_nobody_holds_is_gone_from_its_menu(window):
    menu = qt.QMenu(window)
    menu.addAction(qt.QAction("gone", None))
    menu.addAction(qt.QAction("kept", menu))
    assert [action.text for action in menu.actions()] == ["kept"]


def test_the_items_of_a_table_live_on():
    table = qt.QTableWidget(1, 1)
    table.setItem(0, 0, qt.QTableWidgetItem("kept"))
    gc.collect()
    assert table.item(0, 0).text() == "kept"


@pytest.mark.parametrize("name", ["new", "_new"])
def test_an_object_takes_no_new_attribute(name):
    for each in (qt.QTimer(), qt.QLabel(), qt.QProcess(), slicer.qMRMLNodeComboBox(), slicer.app):
        if name == "new" or type(each).__module__ == "qt":
            with pytest.raises(AttributeError, match="does not exist"):
                setattr(each, name, 1)


def test_a_method_or_signal_is_not_overwritten():
    timer = qt.QTimer()
    for name in ("singleShot", "start", "timeout", "setInterval"):
        with pytest.raises(AttributeError):
            setattr(timer, name, True)
    timer.setSingleShot(True)
    timer.interval = 20
    assert timer.interval == 20


def test_a_class_derived_in_python_takes_attributes():
    class Derived(qt.QObject):
        pass

    derived = Derived()
    derived.new = 1
    assert derived.new == 1


def test_a_process_is_written_bytes_and_no_bytearray():
    process, output = qt.QProcess(), []
    process.connect("readyReadStandardOutput()", lambda: output.append(process.readAllStandardOutput().data()))
    process.start(sys.executable, ["-c", "import sys; sys.stdout.write(repr(sys.stdin.buffer.read()))"])
    assert process.waitForStarted(60_000)
    process.write(bytearray(b"lost"))
    process.write(b"kept")
    process.closeWriteChannel()
    spinUntil(lambda: process.state() == qt.QProcess.NotRunning)
    assert b"".join(output) == b"b'kept'"


@outside
def test_of_what_a_device_makes_of_other_values_nothing_is_known():
    with pytest.raises(TypeError, match="write bytes"):
        qt.QProcess().write(memoryview(b"a"))


def test_vtk_calls_the_first_observer_of_an_object_last():
    node, called = slicer.vtkMRMLScriptedModuleNode(), []
    for name in "abcde":
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_, name=name: called.append(name))
    node.Modified()
    assert called == ["b", "c", "d", "e", "a"]


def test_vtk_calls_an_observer_of_lower_priority_after_all_others():
    node, called = slicer.vtkMRMLScriptedModuleNode(), []
    for name, priority in (("late", -1.0), ("a", 0.0), ("b", 0.0), ("later", -1.0)):
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_, name=name: called.append(name), priority)
    node.Modified()
    assert (sorted(called[:2]), sorted(called[2:])) == (["a", "b"], ["late", "later"])


def test_the_items_of_a_node_selector_are_below_the_scene():
    """Neither the first column of the model's root, nor its rows, are the nodes."""
    selector = slicer.qMRMLNodeComboBox()
    selector.nodeTypes = ["vtkMRMLScalarVolumeNode"]
    selector.setMRMLScene(slicer.mrmlScene)
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "A")
    slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "B")
    combo = selector.findChildren(qt.QComboBox)[0]
    model, root = combo.model(), combo.rootModelIndex()
    assert root.isValid()
    assert [str(model.index(row, combo.modelColumn, root).data()) for row in range(2)] == ["A", "B"]
    assert str(model.index(0, 0).data()) not in ("A", "B")
    selector.setMRMLScene(None)
