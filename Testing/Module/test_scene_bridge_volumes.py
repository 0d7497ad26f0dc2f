"""A scan through a volume node against the engine's own reading of the same file: every orientation and transform."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
import slicer
import slicer.util
import vtk
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import cut_patch, fmcib_csv_v1, fmcib_yaml_v1
from fmcib_engine.preprocessing.crop import Crop
from fmcib_engine.readers import read_volume
from fmcib_engine.results.image import write_image
from fmcib_engine.volume import Fault, Volume
from FMCIBModuleLib.Scene.SceneBridge import gridFromNode, nodeFromVolume, pointFromRas, volumeFromNode
from nodes import (
    DIRECTIONS,
    LPS_TO_RAS,
    PARENTS,
    addressPhantom,
    addVolume,
    hardenedAndRead,
    noisePhantom,
    putUnder,
    turn,
)
from support import DATA, ROOT, golden_cases, needs_data, needs_golden

CASES = [case for case in golden_cases() if case.image.endswith((".nrrd", ".nii.gz"))]

SEED_INDEX = (37.3, 18.6, 12.3)
"""In the noise phantom, on no whole millimetre from either end, where the recipe's truncation would jump."""
RIGID_PARENTS = {name: parents for name, parents in PARENTS.items() if name != "stretched"}  # that shears oblique scans


def assertSamePatch(volume, expected, index, farthest=1e-9):
    """Around the place that has this index in `expected`; grids may lie `farthest` mm apart."""
    seed = PatientPoint.from_lps(expected.grid.to_patient(index))
    ours, theirs = cut_patch(volume, seed), cut_patch(expected, seed)
    np.testing.assert_allclose(ours.grid.affine, theirs.grid.affine, rtol=0, atol=farthest)
    np.testing.assert_allclose(ours.array, theirs.array, rtol=0, atol=max(1e-6, farthest))
    assert np.ptp(ours.array) > 0.3


def voxelAt(volume, ras):
    """The voxel nearest to a place in the world."""
    i, j, k = np.round(volume.grid.to_index(PatientPoint.from_ras(ras))).astype(int)
    return volume.array[k, j, i]


def test_each_voxel_keeps_its_place_in_the_patient_in_every_orientation():
    for name, direction in DIRECTIONS.items():
        phantom = addressPhantom(direction)
        node = addVolume(phantom)
        volume = volumeFromNode(node)
        toRas = vtk.vtkMatrix4x4()
        node.GetIJKToRASMatrix(toRas)
        for i, j, k in itertools.product(*map(range, phantom.grid.size)):
            assert voxelAt(volume, toRas.MultiplyPoint((i, j, k, 1))[:3]) == 100 * k + 10 * j + i, name
        np.testing.assert_allclose(volume.grid.affine, phantom.grid.affine, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("suffix", [".nrrd", ".nii.gz", ".mha"])
def test_a_file_in_slicer_is_the_file_in_the_engine(tmp_path, suffix):
    for name in list(DIRECTIONS)[::3]:
        path = tmp_path / f"{name}{suffix}"
        phantom = noisePhantom(DIRECTIONS[name])
        write_image(phantom, path)
        node = slicer.util.loadVolume(str(path))
        expected, volume = read_volume(path), volumeFromNode(node)
        indices = np.array(list(itertools.product(range(0, 80, 9), range(0, 38, 7), range(0, 28, 5))))
        for point in expected.grid.to_patient(indices):
            ras = LPS_TO_RAS[:3, :3] @ point
            assert voxelAt(volume, ras) == voxelAt(expected, ras), name
        if phantom.grid.is_oblique and np.linalg.det(phantom.grid.direction) < 0:
            # Slicer reads left-handed slices in reverse, and the recipe's millimetres of an oblique scan depend on that
            expected = hardenedAndRead(node, tmp_path / "as_slicer_has_it.nrrd")
        # a NIfTI file tells its axes as 32-bit decimals, which Slicer sets at right angles
        assertSamePatch(volume, expected, SEED_INDEX, farthest=1e-5 if suffix == ".nii.gz" else 1e-9)


@pytest.mark.parametrize("suffix", [".nii", ".mha"])
def test_the_grid_of_a_file_is_the_same_to_the_last_bit(tmp_path, suffix):
    numbers = np.random.default_rng(5)
    for digits in range(9):
        origin, spacing = numbers.uniform(-600, 600, 3).round(digits), numbers.uniform(0.4, 3, 3).round(digits + 1)
        path = tmp_path / f"{digits}{suffix}"
        write_image(addressPhantom(origin=origin, spacing=spacing), path)
        grid = gridFromNode(slicer.util.loadVolume(str(path)))
        np.testing.assert_array_equal(grid.affine, read_volume(path).grid.affine)


@needs_golden
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_patch_of_a_real_ct_through_its_node_is_that_of_its_file(case):
    node = slicer.util.loadVolume(str(DATA / case.image))
    seed = PatientPoint(*case.seed)
    ras = (LPS_TO_RAS @ (*case.seed, 1.0))[:3]
    patch = cut_patch(volumeFromNode(node), pointFromRas(ras))
    expected = cut_patch(read_volume(DATA / case.image), seed)
    np.testing.assert_allclose(patch.array, expected.array, rtol=0, atol=1e-6)
    np.testing.assert_allclose(patch.grid.affine, expected.grid.affine, rtol=0, atol=1e-9)


@needs_data
@pytest.mark.parametrize("name", ["RAS", "PIR", "LAI", "5mm"])
def test_a_seed_in_the_middle_of_a_slice_gives_the_millimetres_that_the_file_gives(name):
    path = DATA / "orientation" / f"0314_{name}.nrrd"
    expected = read_volume(path)
    volume = volumeFromNode(slicer.util.loadVolume(str(path)))
    for k in range(30, 60, 3):
        seed = PatientPoint(-56.46875, 130.84375, round(-564.800049 + k, 6))
        ours, theirs = cut_patch(volume, seed), cut_patch(expected, seed)
        np.testing.assert_allclose(ours.grid.affine, theirs.grid.affine, rtol=0, atol=1e-9)
        np.testing.assert_allclose(ours.array, theirs.array, rtol=0, atol=1e-6)


@pytest.mark.parametrize("parents", PARENTS.values(), ids=PARENTS)
def test_a_transformed_scan_is_the_hardened_one_in_a_file(tmp_path, parents):
    for name in ("axes 0", "axes 11", "axes 22", "axes 33", "axes 44"):
        node = addVolume(noisePhantom(DIRECTIONS[name]))
        putUnder(node, parents)
        volume, expected = volumeFromNode(node), hardenedAndRead(node, tmp_path / f"{name}.nrrd")
        np.testing.assert_allclose(volume.grid.affine, expected.grid.affine, rtol=0, atol=1e-9)
    assertSamePatch(volume, expected, SEED_INDEX)


@needs_data
@pytest.mark.parametrize("parents", RIGID_PARENTS.values(), ids=RIGID_PARENTS)
@pytest.mark.parametrize("name", ["RAS", "oblique"])
def test_a_transformed_ct_is_the_hardened_one_in_a_file(tmp_path, parents, name):
    node = slicer.util.loadVolume(str(DATA / "orientation" / f"0314_{name}.nrrd"))
    putUnder(node, parents)
    volume, expected = volumeFromNode(node), hardenedAndRead(node, tmp_path / "hardened.nrrd")
    assertSamePatch(volume, expected, (52.3, 51.8, 45.4))


@pytest.mark.parametrize(
    ("name", "words"),
    [("rotated", ""), ("mirrored", " and mirrored"), ("scaled", " and scaled"), ("nested", " and mirrored")],
)
def test_a_transform_that_moved_the_scan_is_told_beside_its_numbers(name, words):
    node = addVolume(addressPhantom())
    putUnder(node, PARENTS[name])
    assert volumeFromNode(node).source.notes == ("the scan was moved by a transform in the scene" + words,)


@pytest.mark.parametrize(("factor", "words"), [(1.0005, ""), (1.002, " and scaled"), (0.998, " and scaled")])
def test_a_transform_that_scales_by_more_than_one_in_a_thousand_is_told(factor, words):
    node = addVolume(addressPhantom())
    putUnder(node, [turn(30, "z") @ np.diag([factor, 1.0, 1.0, 1.0])])
    assert volumeFromNode(node).source.notes == ("the scan was moved by a transform in the scene" + words,)


@pytest.mark.parametrize("recipe", [fmcib_csv_v1, fmcib_yaml_v1], ids=lambda recipe: recipe.ID)
def test_seeds_on_edges_of_an_oblique_scan_have_the_same_voxel_by_way_of_the_scene(recipe):
    """Transforms there and back change the last bits of its matrix, and no voxel."""
    for direction in [each for name, each in DIRECTIONS.items() if name.startswith("oblique")]:
        expected = noisePhantom(direction).grid
        node = addVolume(noisePhantom(direction))
        putUnder(node, [turn(37, "z") @ turn(11, "x"), np.linalg.inv(turn(37, "z") @ turn(11, "x"))])
        grid = volumeFromNode(node).grid
        ours, theirs = recipe.resampled_grid(grid), recipe.resampled_grid(expected)
        assert ours.size == theirs.size
        for index in np.ndindex(3, 3, 3):
            seed = PatientPoint.from_lps(theirs.to_patient(np.array(index) * 7 + 3))
            assert Crop.around(seed, grid, ours).centre.tolist() == (np.array(index) * 7 + 3).tolist()
            assert Crop.around(seed, expected, theirs).centre.tolist() == (np.array(index) * 7 + 3).tolist()


def test_a_transform_that_moves_nothing_is_not_told():
    node = addVolume(addressPhantom())
    putUnder(node, [np.eye(4)])
    assert volumeFromNode(node).source.notes == ()


def test_a_cropped_image_that_counts_its_voxels_from_elsewhere_stays_in_its_place():
    node = addVolume(addressPhantom(DIRECTIONS["oblique 1"]))
    clip = vtk.vtkImageClip()
    clip.SetInputData(node.GetImageData())
    clip.SetOutputWholeExtent(2, 6, 1, 4, 1, 3)
    clip.ClipDataOn()
    clip.Update()
    node.SetAndObserveImageData(clip.GetOutput())
    volume = volumeFromNode(node)
    assert volume.array[0, 0, 0] == 112
    np.testing.assert_allclose(
        volume.grid.origin, addressPhantom(DIRECTIONS["oblique 1"]).grid.to_patient((2, 1, 1)), atol=1e-9
    )
    node.ShiftImageDataExtentToZeroStart()
    np.testing.assert_allclose(gridFromNode(node).affine, volume.grid.affine, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_the_scan_is_looked_at_and_not_copied(dtype):
    node = addVolume(addressPhantom())
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(node).astype(dtype))
    volume = volumeFromNode(node)
    assert volume.array.dtype == dtype
    assert np.shares_memory(volume.array, slicer.util.arrayFromVolume(node))
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1
    slicer.util.arrayFromVolume(node)[1, 2, 3] = 77  # Slicer itself still may
    assert volume.array[1, 2, 3] == 77


def test_a_scan_that_was_taken_outlives_its_node():
    node = addVolume(noisePhantom())
    volume = volumeFromNode(node)
    before = np.array(volume.array)
    slicer.mrmlScene.RemoveNode(node)
    del node
    gc.collect()
    addVolume(noisePhantom(DIRECTIONS["oblique 0"]))
    np.testing.assert_array_equal(volume.array, before)


def test_taking_a_scan_changes_nothing_of_its_node():
    slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)  # Slicer always has one
    node = addVolume(addressPhantom())
    putUnder(node, PARENTS["nested"])
    before = node.GetMTime(), node.GetImageData().GetMTime(), slicer.mrmlScene.GetNumberOfNodes()
    volumeFromNode(node)
    assert (node.GetMTime(), node.GetImageData().GetMTime(), slicer.mrmlScene.GetNumberOfNodes()) == before


def test_the_bridge_loads_neither_torch_nor_the_readers_libraries_nor_qt():
    script = (
        "import sys; from FMCIBModuleLib.Scene import SceneBridge, SeedSources; "
        "print({'torch', 'monai', 'SimpleITK', 'pydicom', 'qt', 'PySide6'} & set(sys.modules) or 'none')"
    )
    path = os.pathsep.join(str(ROOT / folder) for folder in ("FMCIBModule", "FMCIBExtension"))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "none"


def test_empty_slices_hold_what_their_type_can_hold():
    phantom = noisePhantom()
    faults = (Fault(2, 3, "gone"), Fault(28, 28, "beyond"))
    for dtype, air in ((np.int16, -1024), (np.uint16, 0), (np.float32, -1024.0), (np.int8, -128)):
        voxels = np.ones_like(phantom.array, dtype=dtype)
        node = nodeFromVolume(Volume(voxels, phantom.grid, faults=faults), "CT")
        array = slicer.util.arrayFromVolume(node)
        assert array.dtype == dtype
        assert (array[2:4] == air).all()
        assert (np.delete(array, (2, 3), axis=0) == 1).all()
