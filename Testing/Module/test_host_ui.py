"""Windows from .ui files, with Slicer's own functions that read them, and its dialogs."""

from __future__ import annotations

import gc

import pytest
import qt
import slicer

pytest.importorskip("SlicerHost", reason="is about the host's loader")

import clicks  # noqa: E402
import ctk  # noqa: E402
from support import ROOT  # noqa: E402

UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Sample</class>
<widget class="qMRMLWidget" name="Sample"><layout class="QVBoxLayout" name="sampleLayout">
 <item><layout class="QHBoxLayout" name="row">
  <item><widget class="QLabel" name="ctLabel">
   <property name="text"><string>&amp;CT</string></property>
   <property name="buddy"><cstring>selector</cstring></property>
  </widget></item>
  <item><widget class="qMRMLNodeComboBox" name="selector">
   <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
   <property name="noneEnabled"><bool>true</bool></property>
   <property name="toolTip"><string>The scan</string></property>
   <property name="SlicerParameterName" stdset="0"><string>volume</string></property>
  </widget></item>
  <item><spacer name="space"/></item>
 </layout></item>
 <item><widget class="ctkCollapsibleButton" name="section">
  <property name="text"><string>More</string></property><property name="collapsed"><bool>true</bool></property>
  <layout class="QFormLayout" name="form">
   <item row="0" column="0"><widget class="QCheckBox" name="several"/></item>
   <item row="0" column="1"><widget class="QComboBox" name="text">
    <item><property name="text"><string>one</string></property></item></widget></item>
  </layout>
 </widget></item>
</layout>
<action name="reset"><property name="text"><string>Reset</string></property></action>
</widget>
<customwidgets>
 <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>x.h</header><container>1</container>
 </customwidget>
 <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends><header>x.h</header></customwidget>
 <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends><header>x.h</header>
  <container>1</container></customwidget>
</customwidgets>
<connections>
 <connection><sender>Sample</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
  <receiver>selector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
 <connection><sender>several</sender><signal>toggled(bool)</signal>
  <receiver>text</receiver><slot>setEnabled(bool)</slot></connection>
</connections></ui>
"""


@pytest.fixture
def load(tmp_path):
    def load(text: str = UI):
        (tmp_path / "Sample.ui").write_text(text, encoding="utf-8")
        return slicer.util.loadUI(str(tmp_path / "Sample.ui"))

    return load


def test_each_part_is_of_the_very_class_that_slicers_connectors_ask_for(load):
    widget = load()
    gc.collect()
    ui = slicer.util.childWidgetVariables(widget)
    classes = {"Sample": slicer.qMRMLWidget, "selector": slicer.qMRMLNodeComboBox, "section": ctk.ctkCollapsibleButton}
    classes |= {"several": qt.QCheckBox, "text": qt.QComboBox, "form": qt.QFormLayout, "row": qt.QHBoxLayout}
    assert {name: type(getattr(ui, name)) for name in classes} == classes
    assert widget.layout() is ui.sampleLayout


def test_properties_of_every_kind_are_set(load):
    ui = slicer.util.childWidgetVariables(load())
    assert (ui.selector.nodeTypes, ui.selector.noneEnabled) == (("vtkMRMLScalarVolumeNode",), True)
    assert ui.selector.property("SlicerParameterName") == "volume"
    assert (ui.selector.toolTip, ui.section.text, ui.section.collapsed) == ("The scan", "More", True)
    assert ui.ctLabel.buddy() is ui.selector
    assert (ui.text.count, ui.text.currentText) == (1, "one")


def test_connections_of_the_file_are_made_also_those_with_the_scene(load):
    widget = load()
    ui = slicer.util.childWidgetVariables(widget)
    widget.setMRMLScene(slicer.mrmlScene)
    assert ui.selector.mrmlScene() is slicer.mrmlScene
    ui.section.collapsed = False
    clicks.shown(widget)
    clicks.click(ui.several)
    clicks.click(ui.several)
    assert not ui.text.enabled
    widget.close()


def test_children_are_no_attributes_of_the_window(load):
    widget = load()
    assert not hasattr(widget, "selector")
    with pytest.raises(AttributeError, match="does not exist"):
        widget.selector = None


@pytest.mark.parametrize(
    ("old", "new", "error", "says"),
    [
        ("QCheckBox", "QDial", NotImplementedError, "QDial"),
        ("QFormLayout", "QStackedLayout", NotImplementedError, "QStackedLayout"),
        ("noneEnabled", "nothingEnabled", ValueError, "selector.*nothingEnabled"),
        ("toggled(bool)", "switched(bool)", ValueError, "switched"),
        ("setEnabled(bool)", "setFoo(bool)", ValueError, "setFoo"),
    ],
)
def test_what_the_host_or_qt_does_not_know_is_an_error(load, old, new, error, says):
    with pytest.raises(error, match=says):
        load(UI.replace(old, new))


def test_a_missing_file_is_slicers_error():
    with pytest.raises(RuntimeError, match="file not found"):
        slicer.util.loadUI("nowhere.ui")


@pytest.mark.parametrize(
    "file", sorted((ROOT / "FMCIBModule" / "Resources" / "UI").glob("*.ui")), ids=lambda file: file.name
)
def test_the_modules_own_files_can_be_loaded(file):
    ui = slicer.util.childWidgetVariables(slicer.util.loadUI(str(file)))
    assert getattr(ui, file.stem).name == file.stem


def test_slicers_dialogs_answer_by_themselves_in_testing_mode():
    with pytest.raises(ZeroDivisionError), slicer.util.tryWithErrorDisplay("Failed to try", waitCursor=True):
        raise ZeroDivisionError  # which Slicer shows to a user, and raises again in a test
    slicer.util.errorDisplay("An error", autoCloseMsec=10)
    # its text says True; it compares True with the number of Ok, and so says no, in Slicer as here
    assert slicer.util.confirmOkCancelDisplay("Really?") is False


def test_text_can_be_copied():
    qt.QApplication.clipboard().setText("diagnostics")
    assert qt.QApplication.clipboard().text() == "diagnostics"


def test_a_progress_bar_tells_its_text():
    bar = qt.QProgressBar()
    bar.value = 30
    assert bar.text == "30%"
    assert clicks.grab(bar).width() > 0


def test_slicers_function_shows_a_volume_in_the_views():
    names = slicer.app.layoutManager().sliceViewNames()  # makes the views, which in Slicer are there from the start
    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    for name in names:
        composite = slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode()
        assert composite.GetBackgroundVolumeID() == volume.GetID()
