"""A chest phantom as the DICOM series of a scanner, for tests that spoil it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from fmcib_engine.volume import Volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

SERIES_UID = "1.2.826.0.1.3680043.8.498.77"
Change = Callable[[int, Dataset], object]


def slicesOf(volume: Volume, change: Change = lambda _k, _dataset: None) -> list[Dataset]:
    """One image for each slice of an upright scan in HU; `change` is given each with its k."""
    found = []
    for k, pixels in enumerate(np.asarray(volume.array, dtype=np.int16)):
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{SERIES_UID}.{k + 1}"
        dataset.Modality, dataset.SeriesInstanceUID, dataset.StudyInstanceUID = "CT", SERIES_UID, f"{SERIES_UID}.0"
        dataset.PatientName, dataset.PatientID, dataset.FrameOfReferenceUID = "Doe^Jane", "SECRET", f"{SERIES_UID}.99"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.Rows, dataset.Columns = pixels.shape
        dataset.ImagePositionPatient = [float(x) for x in volume.grid.to_patient((0, 0, k))]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [float(volume.grid.spacing[1]), float(volume.grid.spacing[0])]
        dataset.SliceThickness = float(volume.grid.spacing[2])
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 0
        dataset.PixelData = (pixels + 1024).astype("<u2").tobytes()
        change(k, dataset)
        found.append(dataset)
    return found


def writeSeries(folder: Path, datasets: Iterable[Dataset]) -> list[Path]:
    """A file for each image, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, dataset in enumerate(datasets):
        paths.append(folder / f"{n:04d}.dcm")
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(paths[-1], enforce_file_format=True)
    return paths
