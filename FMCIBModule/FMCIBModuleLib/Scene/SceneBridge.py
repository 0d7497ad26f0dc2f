"""Nodes of the scene <-> values of the engine. The only file of the module where RAS becomes LPS, or back.

* **RAS** millimetres, Slicer's world: x grows to the patient's right, y to the front, z to the head.
* **LPS** millimetres, the engine's frame: x grows to the left, y to the back, z to the head.
* **IJK**, the index of a voxel, (0, 0, 0) the centre of the first. The same in both.

"World" is where Slicer shows things: with all transforms that a node lies under.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import slicer
import slicer.util
import vtk
from fmcib_engine import affine as plain
from fmcib_engine.errors import ImageError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.volume import Volume

from .ScanNode import readRecord, requireCt, sourceOf, writeRecord

_RIGHT_ANGLE = 1e-3
"""Largest cosine between two axes that passes for a right angle: 0.06 degrees."""

_SCALED = 2e-3
"""A length that differs by more than one in a thousand, squared."""

_NOISE = 1e-12
"""mm. What remains of a number when Slicer has inverted a matrix twice and multiplied a few."""

_HU_OF_AIR = -1024
"""What is shown where there is no slice, or none that can be trusted. No patch is cut from it."""


@dataclass(frozen=True)
class RasBox:
    """The outer faces of a grid, as a markups ROI wants them."""

    center: tuple[float, float, float]
    """RAS mm."""
    size: tuple[float, float, float]
    """Lengths of its edges in mm, along the axes."""
    objectToWorld: vtk.vtkMatrix4x4
    """Right-handed unit axes in RAS as columns, and the centre: for `SetAndObserveObjectToNodeMatrix`."""


def volumeFromNode(volumeNode) -> Volume:
    """The scan of a volume node where Slicer shows it: its own voxels, read-only and not copied, and its grid in LPS.

    It is a look at the node as it is now. Take a new one when the node's voxels, grid or transform have changed.

    Raises:
        InputError: no node, or one that is not a volume.
        ImageError: a volume without voxels, of labels, of several values a voxel, of one slice; one that is no CT by
            what the scene knows; one under a transform that is non-linear, shears, or cannot be inverted.
    """
    requireCt(volumeNode)
    toWorld = _toWorld(volumeNode)
    ownGrid = ownGridOf(volumeNode)
    source, faults = sourceOf(volumeNode), ()
    record = readRecord(volumeNode, ownGrid)
    if record is not None:
        source, faults = record.restored(source), record.faults
        ownGrid = record.grid
    grid = ownGrid
    if not np.array_equal(toWorld, np.eye(4)):
        grid = VoxelGrid.from_ras_affine(ownGrid.size, _withoutNoise(plain.product(toWorld, ownGrid.ras_affine)))
        source = replace(source, notes=(*source.notes, _moved(toWorld)))
    if record is None or grid is not ownGrid:  # what the engine read of a file is so; Slicer alone cannot tell
        _requireRightAngles(grid)
    array = slicer.util.arrayFromVolume(volumeNode).view()
    array.flags.writeable = False
    return Volume(array, grid, source, faults)


def gridFromNode(volumeNode) -> VoxelGrid:
    """Where the voxels of a volume node lie in the world, LPS.

    Raises:
        InputError, ImageError: as `volumeFromNode`.
    """
    return volumeFromNode(volumeNode).grid


def nodeFromVolume(volume: Volume, name: str):
    """A new volume node in the scene with a copy of the voxels and their place, shown with default display settings.

    What the engine's reader knew of the scan is kept with the node and saved with the scene, without names of files:
    `volumeFromNode` brings it back as long as the node's grid stays. Its series UID is where Slicer keeps those, in the
    subject hierarchy. Slices that cannot be trusted are filled with air, which the node's description says.
    """
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(rasFromGrid(volume.grid))
    slicer.util.updateVolumeFromArray(node, _trustedVoxels(volume))
    node.CreateDefaultDisplayNodes()
    writeRecord(node, volume)
    if volume.faults:
        reasons = "; ".join(dict.fromkeys(fault.reason for fault in volume.faults))
        node.SetDescription(f"Slices that cannot be trusted hold {_HU_OF_AIR} HU instead of tissue: {reasons}.")
    return node


def _trustedVoxels(volume: Volume) -> np.ndarray:
    """The voxels [k, j, i] of a scan, and air in the slices that cannot be trusted, which are never read."""
    size = volume.grid.size
    isTrusted = np.ones(size[2], dtype=bool)
    for fault in volume.faults:
        isTrusted[max(fault.first, 0) : max(fault.last + 1, 0)] = False
    if isTrusted.all():
        return volume.read_box(np.zeros(3, dtype=np.int64), np.array(size))
    dtype = np.dtype(volume.array.dtype)
    voxels = np.full(size[::-1], max(_HU_OF_AIR, np.iinfo(dtype).min if dtype.kind in "iu" else _HU_OF_AIR), dtype)
    for k in np.flatnonzero(isTrusted):
        voxels[k : k + 1] = volume.read_box(np.array((0, 0, k)), np.array((*size[:2], k + 1)))
    return voxels


def gridOfLabelmap(segmentationNode, image) -> VoxelGrid:
    """Where the voxels of a segment's labelmap (vtkOrientedImageData) lie in the world, LPS, with all transforms.

    Raises:
        ImageError: a segmentation under a transform that is non-linear.
    """
    transformNode = segmentationNode.GetParentTransformNode()
    toWorld = np.eye(4)
    if transformNode is not None:
        if not transformNode.IsTransformToWorldLinear():
            msg = (
                "A segmentation that seeds are drawn in lies where its own voxels are, but this one lies under a "
                "non-linear transform. Take it out of the transform, or harden that."
            )
            raise ImageError(msg)
        matrix = vtk.vtkMatrix4x4()
        transformNode.GetMatrixTransformToWorld(matrix)
        toWorld = slicer.util.arrayFromVTKMatrix(matrix)
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    toRas = slicer.util.arrayFromVTKMatrix(matrix)
    toRas[:3, 3] = plain.moved(toRas, image.GetExtent()[::2])
    return VoxelGrid.from_ras_affine(image.GetDimensions(), _withoutNoise(plain.product(toWorld, toRas)))


def pointToRas(point: PatientPoint) -> tuple[float, float, float]:
    """World coordinates, RAS mm, of a point of the engine, LPS mm."""
    return -point.x + 0.0, -point.y + 0.0, point.z


def pointFromRas(ras: Sequence[float]) -> PatientPoint:
    """The engine's point, LPS mm, of world coordinates, RAS mm. To the last bit: the recipe truncates a seed's index.

    Raises:
        SeedError: coordinates that are not three finite numbers.
    """
    return PatientPoint.from_ras(np.array(ras, dtype=np.float64))


def rasFromGrid(grid: VoxelGrid) -> vtk.vtkMatrix4x4:
    """The matrix from IJK to RAS mm that puts a volume node where an engine's grid lies."""
    return slicer.util.vtkMatrixFromArray(grid.ras_affine)


def boxFromGrid(grid: VoxelGrid) -> RasBox:
    """The box around all voxels of a grid, their outer faces included. A patch's is 50 mm wide."""
    toRas = grid.ras_affine
    axes = toRas[:3, :3] / grid.spacing
    if plain.triple(axes) < 0:  # a box looks the same from either end, and ROIs are right-handed
        axes[:, 2] *= -1
    objectToWorld = np.eye(4)
    objectToWorld[:3, :3] = axes
    objectToWorld[:3, 3] = plain.moved(toRas, (np.array(grid.size) - 1) / 2)
    center, size = objectToWorld[:3, 3].tolist(), (grid.spacing * grid.size).tolist()
    return RasBox(tuple(center), tuple(size), slicer.util.vtkMatrixFromArray(objectToWorld + 0.0))


def ownGridOf(volumeNode) -> VoxelGrid:
    """The grid of a volume node without its transform."""
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    toRas = slicer.util.arrayFromVTKMatrix(matrix)
    image = volumeNode.GetImageData()
    toRas[:3, 3] = plain.moved(toRas, image.GetExtent()[::2])  # a cropped image may count its voxels from elsewhere
    return VoxelGrid.from_ras_affine(image.GetDimensions(), _withoutNoise(toRas))


def _toWorld(volumeNode) -> np.ndarray:
    """4x4 from the node's RAS to the world's RAS.

    Raises:
        ImageError: a transform that is non-linear, or cannot be inverted.
    """
    transformNode = volumeNode.GetParentTransformNode()
    if transformNode is None:
        return np.eye(4)
    if not transformNode.IsTransformToWorldLinear():
        msg = (
            "A scan is analysed in its own voxels, but this one lies under a non-linear transform, which bends its "
            "grid. Take it out of the transform, or harden the transform on a copy of the scan, whose voxels are "
            "resampled by that. If Slicer made the transform while it read the DICOM series (tilted gantry, or "
            "unevenly spaced slices), do neither, or places would be wrong: the engine's command line, of which "
            "the README tells, reads the files themselves and says what of them can be analysed."
        )
        raise ImageError(msg)
    matrix = vtk.vtkMatrix4x4()
    transformNode.GetMatrixTransformToWorld(matrix)
    toWorld = slicer.util.arrayFromVTKMatrix(matrix)
    if not _isInvertible(toWorld):
        msg = (
            "The transform of a scan must be one that can be undone, but the one that this scan lies under flattens "
            "it. Correct the transform, or take the scan out of it."
        )
        raise ImageError(msg)
    return toWorld


def _isInvertible(matrix: np.ndarray) -> bool:
    """Whether a 4x4 moves points without losing any; not so where it holds numbers that are not finite."""
    steps = plain.lengths(matrix[:3, :3].T)
    if steps.min() == 0 or not np.array_equal(matrix[3], (0, 0, 0, 1)):
        return False
    return bool(abs(plain.triple(matrix[:3, :3] / steps)) > 1e-6)


def _requireRightAngles(grid: VoxelGrid) -> None:
    cosines = np.abs(_products(grid.direction) - np.eye(3))
    if cosines.max() > _RIGHT_ANGLE:
        msg = (
            "The axes of a scan must be at right angles to each other, but two of this one's are "
            f"{np.degrees(np.arcsin(min(cosines.max(), 1.0))):.2f} degrees off: it is sheared, by a transform in the "
            "scene or by a tilted gantry. Take it out of the transform, or resample it first."
        )
        raise ImageError(msg)


def _moved(toWorld: np.ndarray) -> str:
    """What a transform did to the scan, as a clause beside its numbers."""
    facts = ["mirrored"] if plain.triple(toWorld[:3, :3]) < 0 else []
    facts += ["scaled"] if np.abs(_products(toWorld[:3, :3]) - np.eye(3)).max() > _SCALED else []
    return " and ".join(["the scan was moved by a transform in the scene", *facts])


def _products(axes: np.ndarray) -> np.ndarray:
    """3x3, the scalar product of each column with each; the unit matrix where they are unit vectors at right angles."""
    return plain.dot(axes.T[:, np.newaxis], axes.T)


def _withoutNoise(numbers: np.ndarray) -> np.ndarray:
    """The numbers that a scan's header said, where Slicer's arithmetic has changed their last bits.

    The recipe truncates the seed's index, and seeds often lie on the middle of a slice: one bit decides over a
    millimetre there.
    """
    return np.array([_plain(float(number)) for number in numbers.flat]).reshape(numbers.shape)


def _plain(number: float) -> float:
    """The shortest decimal, or the single-precision number, that is the same but for noise; else the number itself."""
    if not np.isfinite(number):
        return number
    few, more = ([round(number, digits) for digits in digits_] for digits_ in (range(7), range(7, 12)))
    candidates = (*few, float(np.float32(number)), *more)
    return next((each for each in candidates if abs(each - number) <= _NOISE), number) + 0.0
