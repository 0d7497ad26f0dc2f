"""DICOM series whose stored values tell slice, row and column: what tests of the reader import."""

from __future__ import annotations

import warnings

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MediaStorageDirectoryStorage, generate_uid

SHAPE = (4, 5, 6)  # slices, rows, columns
FIRST = np.array((-120.5, 43.25, -610.0))
ROW_SPACING, COLUMN_SPACING, STEP = 0.5, 0.8, 2.5
INTERCEPT = -1024
TURN = np.deg2rad(25)
AXES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "axial, feet up": ((-1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "oblique": ((np.cos(TURN), np.sin(TURN), 0), (-np.sin(TURN) * 0.8, np.cos(TURN) * 0.8, 0.6)),
}


def address(k, j, i):
    return 100 * k + 10 * j + i


def phantom_slice(n, axes=AXES["axial"], sign=1):
    """The n-th slice of a series; its stored values tell slice, row and column."""
    row, column = (np.array(axis, dtype=float) for axis in axes)
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, generate_uid(entropy_srcs=[str(n)])
    dataset.Modality, dataset.SeriesInstanceUID, dataset.SeriesNumber = "CT", "1.2.3.4", 7
    dataset.PatientName, dataset.PatientID = "Doe^Jane", "SECRET-ID"
    dataset.SeriesDescription = "SECRET words"
    dataset.Rows, dataset.Columns = SHAPE[1:]
    dataset.ImagePositionPatient = [f"{x:.10g}" for x in FIRST + n * STEP * sign * np.cross(row, column)]
    dataset.ImageOrientationPatient = [f"{x:.10g}" for x in (*row, *column)]
    dataset.PixelSpacing = [ROW_SPACING, COLUMN_SPACING]
    dataset.SliceThickness = 3.0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, INTERCEPT
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = address(n, *np.indices(SHAPE[1:])).astype("<u2").tobytes()
    return dataset


def phantom_series(axes=AXES["axial"], sign=1, slices=SHAPE[0]):
    return [phantom_slice(n, axes, sign) for n in range(slices)]


def write(folder, datasets, order=None):
    """One file for each dataset, the names in the given order; gives the paths in the order of the datasets."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, dataset in zip(range(len(datasets)) if order is None else order, datasets, strict=True):
        paths.append(folder / f"{n:03d}.dcm")
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some of these files are wrong on purpose
            dataset.save_as(paths[-1], enforce_file_format=True)
    return paths


def write_index(folder, names):
    """A DICOMDIR of files, each by its name or by the list of its folders and its name."""
    index = Dataset()
    index.FileSetID, index.FileSetConsistencyFlag = "DISK", 0
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    index.file_meta.MediaStorageSOPInstanceUID, index.file_meta.TransferSyntaxUID = "1.2.3.9", ExplicitVRLittleEndian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names in lower case, or with points
        index.DirectoryRecordSequence = [
            _record("PATIENT", PatientName="Doe^Jane", PatientID="SECRET-ID"),
            _record("STUDY", StudyID="1"),
            _record("SERIES", Modality="CT"),
            *(_record("IMAGE", ReferencedFileID=name) for name in names),
        ]
        index.save_as(folder / "DICOMDIR", enforce_file_format=True)


def _record(kind, **elements):
    dataset = Dataset()
    dataset.OffsetOfTheNextDirectoryRecord = dataset.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    dataset.RecordInUseFlag, dataset.DirectoryRecordType = 0xFFFF, kind
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset
