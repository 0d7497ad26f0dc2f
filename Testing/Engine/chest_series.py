"""A small CT with a nodule as DICOM series of any patient: what tests of batches import."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from dicom_phantom import write
from fmcib_engine.geometry import PatientPoint, VoxelGrid
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.volume import Volume
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

NODULE = ",".join(repr(float(value)) for value in PHANTOM_SEED)
"""The last cells of its seed, LPS mm."""


@cache
def chest() -> Volume:
    """24 slices of 90 mm about the nodule of the phantom."""
    whole = chest_phantom((1.4, 1.4, 2.5))
    i, j, k = (round(float(at)) for at in whole.grid.to_index(PatientPoint(*PHANTOM_SEED)))
    low = (i - 32, j - 32, k - 12)
    array = whole.array[low[2] : low[2] + 24, low[1] : low[1] + 64, low[0] : low[0] + 64]
    grid = VoxelGrid.from_parts(
        (64, 64, 24), origin=whole.grid.to_patient(low), spacing=whole.grid.spacing, direction=np.eye(3)
    )
    return Volume(np.ascontiguousarray(array), grid)


def add_chest(folder: Path, uid: str, *, study: str, images=range(24), **elements: object) -> list[Path]:
    """It as the files of a series; elements are set in each of them."""
    volume, datasets = chest(), []
    for k in images:
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{uid}.{k + 1}"
        dataset.Modality, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "CT", uid, study
        dataset.FrameOfReferenceUID, dataset.SeriesNumber, dataset.StudyDate = f"{study}.5", 1, "20200102"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Rows = dataset.Columns = 64
        dataset.ImagePositionPatient = [float(x) for x in volume.grid.to_patient((0, 0, k))]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness = [1.4, 1.4], 2.5
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.PixelData = (np.asarray(volume.array[k], np.int32) + 1024).clip(0).astype("<u2").tobytes()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        datasets.append(dataset)
    return write(folder, datasets)
