"""Where a scan came from, what its reader noted, and how both come through nodes and saved scenes."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from fmcib_engine.errors import ImageError, SeriesError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Fault, Source, Volume
from FMCIBModuleLib.Scene.Places import gridFingerprint
from FMCIBModuleLib.Scene.SceneBridge import (
    boxFromGrid,
    nodeFromVolume,
    pointFromRas,
    pointToRas,
    rasFromGrid,
    volumeFromNode,
)
from nodes import DIRECTIONS, LPS_TO_RAS, PARENTS, addressPhantom, addVolume, noisePhantom, putUnder
from support import DATA, OBLIQUE, needs_data

UID = "1.2.826.0.1.3680043.8.498.1"
REASON = 'a slice is missing between "(1, 2; 3)" mm & (4, 5, 6) mm: 50 % <ü>'


def known(direction=OBLIQUE) -> Volume:
    """A scan of which the reader knew all that one can."""
    source = Source(
        name="DOE^JANE",
        kind="dicom",
        reader="SimpleITK 9",
        series_uid=UID,
        files=5,
        files_left_out=2,
        time_point=3,
        notes=("the table is sloping; look twice", f"fault of the scan: {REASON}"),
    )
    phantom = noisePhantom(direction)
    return Volume(phantom.array, phantom.grid, source, (Fault(-1, -1, "an end"), Fault(3, 4, REASON)))


def assertSame(volume: Volume, expected: Volume, name="CT 7"):
    voxels = np.array(expected.array)
    for fault in expected.faults:  # nothing that cannot be trusted is shown as tissue
        voxels[max(fault.first, 0) : fault.last + 1] = -1024
    np.testing.assert_array_equal(volume.array, voxels)
    np.testing.assert_array_equal(volume.grid.affine, expected.grid.affine)
    assert volume.faults == expected.faults
    assert volume.source == Source(**{**vars(expected.source), "name": name})


def hierarchyOf(node):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    return hierarchy, hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def test_a_scan_whose_file_is_sheared_comes_back_and_under_a_transform_is_refused():
    axes = np.eye(3)
    axes[:, 2] = (np.sin(0.02), 0, np.cos(0.02))
    scan = known(axes)
    node = nodeFromVolume(scan, "CT 7")
    assertSame(volumeFromNode(node), scan)
    putUnder(node, PARENTS["rotated"])
    with pytest.raises(ImageError, match="it is sheared"):
        volumeFromNode(node)


def test_a_scan_of_any_orientation_comes_back_from_its_node_to_the_last_bit():
    for direction in DIRECTIONS.values():
        scan = known(direction)
        assertSame(volumeFromNode(nodeFromVolume(scan, "CT 7")), scan)
        matrix = slicer.util.arrayFromVTKMatrix(rasFromGrid(scan.grid))
        np.testing.assert_array_equal(matrix, LPS_TO_RAS @ scan.grid.affine)


def test_the_new_node_is_a_scan_that_slicer_shows_and_keeps_a_copy_of():
    phantom = noisePhantom()
    node = nodeFromVolume(phantom, "CT 7")
    assert node.GetClassName() == "vtkMRMLScalarVolumeNode"
    assert node.GetDisplayNode() is not None
    assert not np.shares_memory(slicer.util.arrayFromVolume(node), phantom.array)
    assert slicer.util.arrayFromVolume(node).dtype == np.int16


@pytest.mark.parametrize("suffix", [".mrb", ".mrml"])
def test_what_was_known_of_a_scan_is_saved_with_the_scene(tmp_path, suffix):
    node = nodeFromVolume(known(), "CT 7")
    folder = tmp_path / "scene"
    folder.mkdir()
    if suffix == ".mrml":
        assert slicer.util.saveNode(node, str(folder / "scan.nrrd"))
    assert slicer.util.saveScene(str(folder / f"scene{suffix}"))
    slicer.mrmlScene.Clear(0)
    slicer.util.loadScene(str(folder / f"scene{suffix}"))
    assertSame(volumeFromNode(slicer.util.getNode("CT 7")), known())


def test_nothing_that_names_a_patient_is_kept_in_the_node():
    node = nodeFromVolume(known(), "CT 7")
    kept = " ".join(node.GetAttribute(name) for name in node.GetAttributeNames())
    assert "missing between" in kept
    for identifier in ("DOE", UID):
        assert identifier not in kept
    hierarchy, item = hierarchyOf(node)
    assert hierarchy.GetItemUID(item, "DICOM") == UID


def test_faults_are_still_between_the_scan_and_a_patch():
    volume = volumeFromNode(nodeFromVolume(known(), "CT 7"))
    with pytest.raises(SeriesError, match="slices that cannot be trusted"):
        cut_patch(volume, PatientPoint.from_lps(volume.grid.to_patient((40, 18, 12))))


def test_a_transform_leaves_what_was_known_and_adds_its_own_note():
    node = nodeFromVolume(known(), "CT 7")
    putUnder(node, PARENTS["rotated"])
    volume = volumeFromNode(node)
    assert volume.faults == known().faults
    assert volume.source.notes == (*known().source.notes, "the scan was moved by a transform in the scene")


def test_rounding_errors_do_not_change_the_fingerprint_of_where_a_scan_lies():
    """0.78125 mm, of 400 mm in 512 voxels, lies midway between two numbers of four digits."""
    grid = VoxelGrid.from_parts((9, 8, 7), origin=(-12.34565, 7, 0.00005), spacing=(0.78125,) * 3, direction=np.eye(3))
    noise = np.full((4, 4), 1e-11)
    noise[3] = 0
    found = {gridFingerprint(VoxelGrid(grid.size, grid.affine + sign * noise)) for sign in (-1, 0, 1)}
    assert found == {gridFingerprint(grid)}
    assert gridFingerprint(VoxelGrid(grid.size, grid.affine + 1e8 * noise)) not in found


def test_a_scan_with_faults_whose_grid_was_changed_is_refused():
    node = nodeFromVolume(known(), "CT 7")
    node.SetOrigin(1, 2, 3)
    with pytest.raises(ImageError, match=r"cannot be trusted .* have been changed since it was loaded.* Load the scan"):
        volumeFromNode(node)


def test_a_scan_with_faults_that_was_resampled_between_the_same_corners_is_refused():
    scan = known()
    node = nodeFromVolume(scan, "CT 7")
    slicer.util.updateVolumeFromArray(node, np.repeat(np.array(scan.array), 2, axis=0)[:-1])
    halved = scan.grid.affine @ np.diag([1, 1, 0.5, 1])
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(LPS_TO_RAS @ halved))
    with pytest.raises(ImageError, match="have been changed since it was loaded"):
        volumeFromNode(node)


def test_a_scan_without_faults_whose_grid_was_changed_is_what_slicer_says():
    scan = known()
    node = nodeFromVolume(Volume(scan.array, scan.grid, scan.source), "CT 7")
    slicer.util.updateVolumeFromArray(node, np.array(scan.array)[1:])
    source = volumeFromNode(node).source
    assert source.reader == f"3D Slicer {slicer.app.applicationVersion}"
    assert (source.kind, source.files, source.files_left_out, source.notes) == ("array", 1, 0, ())


@needs_data
def test_a_real_dicom_series_comes_back_from_its_node():
    scan = read_volume(DATA / "lidc" / "LIDC-IDRI-0001_slab")
    assertSame(volumeFromNode(nodeFromVolume(scan, "CT 7")), scan)


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".nii", "nifti"), (".nii.gz", "nifti"), (".nrrd", "nrrd"), (".mha", "metaimage")]
)
def test_the_source_of_a_file_that_slicer_read(tmp_path, suffix, kind):
    write_image(addressPhantom(), tmp_path / f"scan{suffix}")
    source = volumeFromNode(slicer.util.loadVolume(str(tmp_path / f"scan{suffix}"))).source
    assert source == Source(name="scan", kind=kind, reader=f"3D Slicer {slicer.app.applicationVersion}")


def test_the_source_of_a_scan_out_of_slicers_dicom_database():
    node = addVolume(addressPhantom())
    node.SetAttribute("DICOM.instanceUIDs", f"{UID}.1 {UID}.2 {UID}.3")
    hierarchy, item = hierarchyOf(node)
    hierarchy.SetItemUID(item, "DICOM", UID)
    hierarchy.SetItemAttribute(item, "DICOM.Modality", "CT")
    source = volumeFromNode(node).source
    assert (source.kind, source.files, source.series_uid) == ("dicom", 3, UID)


def test_the_source_of_a_scan_that_came_from_no_file():
    source = volumeFromNode(addVolume(addressPhantom())).source
    assert (source.name, source.kind, source.files, source.series_uid) == ("phantom", "array", 1, "")
    assert source.time_point is None


def sequenceOf(values, firstVoxels):
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode")
    for value, voxel in zip(values, firstVoxels, strict=True):
        frame = addVolume(addressPhantom())
        slicer.util.arrayFromVolume(frame)[0, 0, 0] = voxel
        sequence.SetDataNodeAtValue(frame, value)
        slicer.mrmlScene.RemoveNode(frame)
    return sequence


def test_a_sequences_proxy_is_the_time_point_that_is_shown():
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    master = sequenceOf(["0", "1", "2", "3"], [100, 101, 102, 103])
    every2nd = sequenceOf(["0", "2"], [200, 202])
    browser.SetAndObserveMasterSequenceNodeID(master.GetID())
    browser.AddSynchronizedSequenceNode(every2nd)
    for shown, expected in ((3, (3, 103, 1, 202)), (0, (0, 100, 0, 200)), (2, (2, 102, 1, 202))):
        browser.SetSelectedItemNumber(shown)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        volumes = [volumeFromNode(browser.GetProxyNode(sequence)) for sequence in (master, every2nd)]
        facts = [fact for volume in volumes for fact in (volume.source.time_point, volume.array[0, 0, 0])]
        assert tuple(facts) == expected


def test_a_sequence_of_one_has_no_time_points():
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    sequence = sequenceOf(["0"], [7])
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
    assert volumeFromNode(browser.GetProxyNode(sequence)).source.time_point is None


def test_points_go_to_ras_and_back():
    point = pointFromRas((1.5, -2.25, 1e-17))
    assert (point.x, point.y, point.z) == (-1.5, 2.25, 1e-17)
    assert pointToRas(point) == (1.5, -2.25, 1e-17)


def test_an_roi_of_a_grids_box_ends_at_the_outer_faces_of_its_voxels():
    for name, direction in DIRECTIONS.items():
        grid = addressPhantom(direction).grid
        box = boxFromGrid(grid)
        roi = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsROINode")
        roi.SetAndObserveObjectToNodeMatrix(box.objectToWorld)
        roi.SetSize(box.size)
        np.testing.assert_allclose(roi.GetCenterWorld(), box.center, atol=1e-9)
        for margin, isInside in ((0.49, True), (0.51, False)):
            for corner in grid.corners(margin):
                assert roi.IsPointInROIWorld((LPS_TO_RAS @ (*corner, 1.0))[:3].tolist()) is isInside, name


def test_the_axes_of_a_box_are_right_handed_whatever_the_grids_are():
    for direction in DIRECTIONS.values():
        axes = slicer.util.arrayFromVTKMatrix(boxFromGrid(addressPhantom(direction).grid).objectToWorld)[:3, :3]
        np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-12)
        assert np.linalg.det(axes) > 0
