"""The host's floor: scene, files, event loop, and PythonQt's idioms."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import qt
import slicer
import vtk
from worker_support import spinUntil

pytestmark = pytest.mark.usefixtures("_emptyScene")


def _a_volume(name: str = "CT") -> slicer.vtkMRMLScalarVolumeNode:
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    slicer.util.updateVolumeFromArray(node, np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    node.CreateDefaultDisplayNodes()
    return node


def _a_scene_with_one_of_each() -> None:
    volume = _a_volume()
    seeds = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    seeds.AddControlPointWorld([1, 2, 3], "lesion one")
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Move")
    matrix = vtk.vtkMatrix4x4()
    matrix.SetElement(0, 3, 10)
    transform.SetMatrixTransformToParent(matrix)
    seeds.SetAndObserveTransformNodeID(transform.GetID())
    table = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode", "Table")
    slicer.util.updateTableFromArray(table, np.arange(6.0).reshape(2, 3), ["a", "b", "c"])
    segmentation = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Lesions")
    segmentation.SetReferenceImageGeometryParameterFromVolumeNode(volume)
    segment = segmentation.GetSegmentation().AddEmptySegment("one")
    mask = np.zeros((2, 3, 4), np.uint8)
    mask[1, 1, 1:3] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segment, volume)


@pytest.mark.parametrize("name", ["scene.mrb", "folder"])
def test_a_saved_scene_brings_its_nodes_and_their_data_back(tmp_path, name):
    _a_scene_with_one_of_each()
    assert slicer.util.saveScene(str(tmp_path / name))
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    slicer.util.loadScene(str(tmp_path / name if name.endswith(".mrb") else next((tmp_path / name).glob("*.mrml"))))

    volume, seeds = slicer.util.getNode("CT"), slicer.util.getNode("Seeds")
    assert slicer.util.arrayFromVolume(volume).ravel().tolist() == list(range(24))
    assert seeds.GetNthControlPointLabel(0) == "lesion one"
    assert list(seeds.GetNthControlPointPositionWorld(0)) == [11, 2, 3]
    assert list(seeds.GetNthControlPointPosition(0)) == [1, 2, 3]
    segmentation = slicer.util.getNode("Lesions")
    segment = segmentation.GetSegmentation().GetNthSegmentID(0)
    assert slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment, volume).sum() == 2
    assert slicer.util.getNode("Table").GetTable().GetNumberOfRows() == 2
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    assert hierarchy.GetItemName(hierarchy.GetItemByDataNode(volume)) == "CT"


@pytest.mark.parametrize(
    ("node", "file", "load"),
    [
        ("CT", "ct.nrrd", "loadVolume"),
        ("CT", "ct.nii.gz", "loadVolume"),
        ("Seeds", "seeds.mrk.json", "loadMarkups"),
        ("Lesions", "lesions.seg.nrrd", "loadSegmentation"),
        ("Table", "table.tsv", "loadTable"),
        ("Move", "move.h5", "loadTransform"),
    ],
)
def test_a_saved_node_is_loaded_under_the_name_of_its_file(tmp_path, node, file, load):
    _a_scene_with_one_of_each()
    kind = slicer.util.getNode(node).GetClassName()
    assert slicer.util.saveNode(slicer.util.getNode(node), str(tmp_path / file))
    slicer.mrmlScene.Clear(0)
    loaded = getattr(slicer.util, load)(str(tmp_path / file))
    assert (loaded.GetClassName(), loaded.GetName()) == (kind, file.split(".")[0])


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="Failed to load"):
        slicer.util.loadVolume(str(tmp_path / "none.nrrd"))


def test_closing_the_scene_is_told_before_and_after():
    told: list[str] = []
    tags = [
        slicer.mrmlScene.AddObserver(event, lambda *_, name=name: told.append(name))
        for name, event in (
            ("start", slicer.vtkMRMLScene.StartCloseEvent),
            ("end", slicer.vtkMRMLScene.EndCloseEvent),
        )
    ]
    _a_volume()
    slicer.mrmlScene.Clear(0)
    for tag in tags:
        slicer.mrmlScene.RemoveObserver(tag)
    assert told == ["start", "end"]


def test_a_node_has_an_item_in_the_subject_hierarchy_as_long_as_it_lives():
    node = _a_volume()
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    item = hierarchy.GetItemByDataNode(node)
    assert hierarchy.GetItemParent(item) == hierarchy.GetSceneItemID()
    slicer.mrmlScene.RemoveNode(node)
    assert not hierarchy.GetItemByName("CT")


def test_a_timer_ticks_while_events_are_processed_and_not_after_it_is_stopped():
    ticks: list[int] = []
    timer = qt.QTimer()
    timer.setInterval(1)

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            timer.stop()

    timer.connect("timeout()", tick)
    assert not timer.active
    timer.start()
    spinUntil(lambda: not timer.active)
    assert len(ticks) == 3
    assert timer.disconnect("timeout()", tick)
    assert not timer.disconnect("timeout()", tick)
    timer.connect("timeout()", timer.stop)
    timer.start()
    spinUntil(lambda: not timer.active)
    assert len(ticks) == 3


def test_a_process_takes_and_gives_binary_data_and_its_end_is_told():
    process, output, ends = qt.QProcess(), [], []
    process.setProcessChannelMode(qt.QProcess.SeparateChannels)
    process.connect("readyReadStandardOutput()", lambda: output.append(process.readAllStandardOutput().data()))
    process.connect("finished(int,QProcess::ExitStatus)", lambda code, status: ends.append((code, status)))
    environment = qt.QProcessEnvironment.systemEnvironment()
    environment.insert("PYTHONNOUSERSITE", "1")
    process.setProcessEnvironment(environment)
    process.start(sys.executable, ["-c", "import sys; sys.stdout.write(repr(sys.stdin.buffer.read(5))); sys.exit(3)"])
    assert process.waitForStarted(60_000)
    process.write(b"ab\0cd")
    spinUntil(lambda: ends)
    assert b"".join(output) == b"b'ab\\x00cd'"
    assert ends == [(3, qt.QProcess.NormalExit)]


def test_a_function_is_called_with_as_many_values_as_it_takes():
    process, got = qt.QProcess(), []

    def remember(error) -> None:
        got.append(error)

    process.connect("errorOccurred(QProcess::ProcessError)", lambda: got.append("none"))
    process.connect("errorOccurred(QProcess::ProcessError)", remember)
    process.connect("errorOccurred(QProcess::ProcessError)", lambda *errors: got.append(len(errors)))
    process.start("/no/such/program", [])
    process.waitForStarted(60_000)
    assert got == ["none", qt.QProcess.FailedToStart, 1]


def test_what_does_not_exist_cannot_be_set_or_asked_for():
    timer = qt.QTimer()
    with pytest.raises(AttributeError, match="'intervall' does not exist"):
        timer.intervall = 3
    with pytest.raises(AttributeError, match="qt has no"):
        qt.QTymer()


def test_settings_are_those_of_the_test_alone():
    pytest.importorskip("SlicerHost", reason="inside Slicer they are the user's")
    settings = qt.QSettings()
    assert settings.fileName().startswith(slicer.app.temporaryPath)
    settings.setValue("FMCIB/test", 3)
    assert int(slicer.app.userSettings().value("FMCIB/test")) == 3
    settings.remove("FMCIB")
