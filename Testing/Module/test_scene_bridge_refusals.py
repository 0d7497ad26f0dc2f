"""What is no CT, or lies where no CT can, is refused with a sentence that says what to do."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from fmcib_engine.errors import ImageError, InputError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.volume import Volume
from FMCIBModuleLib.Scene.SceneBridge import volumeFromNode
from nodes import PARENTS, addressPhantom, addVolume, noisePhantom, putUnder, putUnderBending, shift, turn
from support import OBLIQUE

NAME = "DOE^JANE"


def refusal(node, error=ImageError) -> str:
    with pytest.raises(error) as caught:
        volumeFromNode(node)
    message = str(caught.value)
    assert NAME not in message
    assert "\n" not in message
    return message


@pytest.fixture
def ct():
    node = addVolume(addressPhantom())
    node.SetName(NAME)
    return node


def describe(node, attribute=None, parentAttribute=None, parentLevel="Study"):
    """Give a node's item, and an item above it, a DICOM modality."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    parent = hierarchy.CreateFolderItem(hierarchy.GetSceneItemID(), "above")
    hierarchy.SetItemLevel(parent, parentLevel)
    item = hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node)
    hierarchy.SetItemParent(item, parent)
    for which, value in ((item, attribute), (parent, parentAttribute)):
        if value is not None:
            hierarchy.SetItemAttribute(which, "DICOM.Modality", value)


def coded(value, scheme, meaning):
    entry = slicer.vtkCodedEntry()
    entry.SetValueSchemeMeaning(value, scheme, meaning)
    return entry


def test_no_node():
    assert refusal(None, InputError) == "A CT is wanted, but no volume is chosen. Load a CT, or choose one."


@pytest.mark.parametrize("className", ["vtkMRMLModelNode", "vtkMRMLMarkupsFiducialNode", "vtkMRMLSegmentationNode"])
def test_a_node_that_is_no_volume(className):
    node = slicer.mrmlScene.AddNewNodeByClass(className, NAME)
    assert f"got a node of the class {className}. Choose a volume." in refusal(node, InputError)


def test_a_label_map():
    node = addVolume(addressPhantom(), "vtkMRMLLabelMapVolumeNode")
    assert "this volume is a label map, whose voxels are numbers of regions. Choose the CT" in refusal(node)


@pytest.mark.parametrize("image", [None, vtk.vtkImageData(), "no scalars"])
def test_a_volume_without_voxels(image):
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", NAME)
    if image == "no scalars":
        image = vtk.vtkImageData()
        image.SetDimensions(4, 5, 6)
    if image:
        node.SetAndObserveImageData(image)
    assert "this volume has no voxels: its file was not found, or not loaded. Load the scan again." in refusal(node)


@pytest.mark.parametrize(
    "className",
    [
        "vtkMRMLScalarVolumeNode",
        "vtkMRMLVectorVolumeNode",
        "vtkMRMLDiffusionWeightedVolumeNode",
        "vtkMRMLDiffusionTensorVolumeNode",
    ],
)
def test_several_values_a_voxel(className):
    node = slicer.mrmlScene.AddNewNodeByClass(className, NAME)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 5, 6)
    image.AllocateScalars(vtk.VTK_SHORT, 3)
    node.SetAndObserveImageData(image)
    assert "A CT has one value a voxel, this volume has several" in refusal(node)


def test_tensors_instead_of_values():
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLDiffusionTensorVolumeNode", NAME)
    image = vtk.vtkImageData()
    image.SetDimensions(4, 5, 6)
    node.SetAndObserveImageData(image)
    assert "A CT has one value a voxel, this volume has several" in refusal(node)


@pytest.mark.parametrize("size", [(7, 6, 1), (7, 1, 5), (1, 6, 5)])
def test_a_single_slice_along_any_axis(size):
    message = refusal(addVolume(addressPhantom(size=size)))
    assert f"this volume is a single slice ({size[0]} x {size[1]} x {size[2]}). Load the whole series." in message


@pytest.mark.parametrize("modality", ["MR", "PT", "RTDOSE", " mr "])
def test_a_series_of_another_modality(ct, modality):
    describe(ct, modality)
    assert f"a DICOM series of the modality '{modality.strip().upper()}'. Choose the CT." in refusal(ct)


def test_a_volume_under_a_series_of_another_modality(ct):
    describe(ct, parentAttribute="MR", parentLevel="Series")
    assert "a DICOM series of the modality 'MR'" in refusal(ct)


def test_a_ct_by_its_own_item_is_one_whatever_it_lies_under(ct):
    describe(ct, "CT", "PT")
    assert volumeFromNode(ct).grid.size == (7, 6, 5)


@pytest.mark.parametrize(
    ("quantity", "units", "said"),
    [
        (("110852", "DCM", "MR signal intensity"), ("1", "UCUM", "no units"), "MR signal intensity"),
        (None, ("Bq/ml", "UCUM", "Becquerels/milliliter"), "Becquerels/milliliter"),
        (("112031", "DCM", "Attenuation Coefficient"), ("/cm", "UCUM", ""), "/cm"),
    ],
)
def test_values_that_are_not_hounsfield_units(ct, quantity, units, said):
    ct.SetVoxelValueQuantity(coded(*quantity) if quantity else None)
    ct.SetVoxelValueUnits(coded(*units))
    assert f"The values of a CT are Hounsfield units, those of this volume are '{said}'. Choose" in refusal(ct)


@pytest.mark.parametrize(
    ("quantity", "units"),
    [
        (("112031", "DCM", "Attenuation Coefficient"), ("[hnsf'U]", "UCUM", "Hounsfield unit")),
        (("112031", "DCM", ""), ("[hnsf'U]", "UCUM", "")),
        (("X-1", "99OURS", "X-ray attenuation"), ("HU", "99OURS", "")),
        (("", "", ""), ("X-2", "99OURS", "Hounsfield Units")),
    ],
)
def test_values_that_are_hounsfield_units(ct, quantity, units):
    ct.SetVoxelValueQuantity(coded(*quantity))
    ct.SetVoxelValueUnits(coded(*units))
    assert volumeFromNode(ct).grid.size == (7, 6, 5)


def test_an_mr_without_any_mark_is_taken_and_its_patch_warns():
    phantom = noisePhantom()
    node = addVolume(Volume((phantom.array.astype(np.int32) + 1000).astype(np.int16), phantom.grid))
    seed = PatientPoint.from_lps(phantom.grid.to_patient((37.3, 18.6, 12.3)))
    warnings = cut_patch(volumeFromNode(node), seed).quality.warnings()
    assert any("no voxel of the patch is below 0 HU" in warning for warning in warnings)


def test_a_non_linear_transform(ct):
    putUnderBending(ct)
    message = refusal(ct)
    assert "lies under a non-linear transform" in message
    assert "harden the transform on a copy of the scan" in message


def test_a_non_linear_transform_above_a_linear_one(ct):
    putUnderBending(putUnder(ct, PARENTS["rotated"]))
    assert "lies under a non-linear transform" in refusal(ct)


def test_a_transform_that_shears(ct):
    shear = np.eye(4)
    shear[0, 2] = 0.01
    putUnder(ct, [shear])
    assert "0.57 degrees off: it is sheared, by a transform in the scene or by a tilted gantry." in refusal(ct)


def test_a_stretch_that_shears_an_oblique_scan():
    node = addVolume(addressPhantom(OBLIQUE))
    putUnder(node, PARENTS["stretched"])
    assert "it is sheared" in refusal(node)


def test_a_shear_of_less_than_the_tolerance_is_taken(ct):
    shear = np.eye(4)
    shear[0, 2] = 0.0009
    putUnder(ct, [shear])
    assert volumeFromNode(ct).grid.size == (7, 6, 5)


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([1.0, 1.0, 0.0, 1.0]),
        turn(30, "z") @ np.diag([1.0, 1.0, 0.0, 1.0]) @ turn(40, "x"),
        np.diag([1.0, np.nan, 1.0, 1.0]),
        shift(np.nan, 0, 0),
        np.eye(4) + 0.01 * np.eye(4)[[3, 1, 2, 0]],
    ],
    ids=["flat", "flat and turned", "not finite", "nowhere", "perspective"],
)
def test_a_transform_that_cannot_be_undone(ct, matrix):
    putUnder(ct, [matrix])
    assert "must be one that can be undone" in refusal(ct)
