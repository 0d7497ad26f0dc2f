"""A CT of DICOM slices, and the objects that others write about it: what tests of seeds import."""

from __future__ import annotations

import warnings

import numpy as np
from dicom_phantom import AXES, phantom_slice, write
from fmcib_engine.geometry import VoxelGrid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

FRAME, OTHER_FRAME = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"
SERIES, OTHER_SERIES = "1.2.826.0.1.3680043.8.498.11", "1.2.826.0.1.3680043.8.498.12"
SECRETS = ("Doe", "SECRET", "1.2.826")
"""What no message may hold: names, numbers and UIDs of the phantoms."""


def ct(folder, *, axes="axial", slices=9, series=SERIES, frame=FRAME, rows=24, columns=20):
    """A CT series of such a size, written; gives its datasets."""
    datasets = []
    for n in range(slices):
        dataset = phantom_slice(n, AXES[axes])
        dataset.SOPInstanceUID = generate_uid(entropy_srcs=[series, str(n)])
        dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = series, frame
        dataset.StudyInstanceUID, dataset.StudyID = "1.2.826.0.1.3680043.8.498.10", "1"
        dataset.PatientBirthDate = dataset.StudyDate = "20200102"
        dataset.PatientSex, dataset.AccessionNumber, dataset.StudyTime = "O", "SECRET7", "101112"
        dataset.Rows, dataset.Columns = rows, columns
        dataset.PixelData = np.full((rows, columns), 24, "<u2").tobytes()
        datasets.append(dataset)
    write(folder, datasets)
    return datasets


def grid_of(datasets):
    """The grid of such a series by its elements: computed here by `@`, on its own."""
    first, second = datasets[:2]
    affine = np.eye(4)
    row, column = np.reshape(list(map(float, first.ImageOrientationPatient)), (2, 3))
    affine[:3, 0], affine[:3, 1] = row * float(first.PixelSpacing[1]), column * float(first.PixelSpacing[0])
    affine[:3, 3] = list(map(float, first.ImagePositionPatient))
    affine[:3, 2] = np.array(list(map(float, second.ImagePositionPatient))) - affine[:3, 3]
    return VoxelGrid((int(first.Columns), int(first.Rows), len(datasets)), affine)


def item(**elements):
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def contour(points, kind="CLOSED_PLANAR"):
    """An outline, from its points in LPS mm."""
    values = [f"{value:.9g}" for value in np.ravel(points)]
    return item(ContourGeometricType=kind, NumberOfContourPoints=len(values) // 3, ContourData=values)


def structure_set(path, rois, *, series=SERIES, frame=FRAME):
    """An RTSTRUCT; `rois` are the contours of each ROI by its name."""
    dataset = item(SOPClassUID=RTStructureSetStorage, SOPInstanceUID=generate_uid(), Modality="RTSTRUCT")
    dataset.PatientName, dataset.PatientID, dataset.SeriesInstanceUID = "Doe^Jane", "SECRET-ID", "1.2.826.5"
    referenced = item(RTReferencedSeriesSequence=[item(SeriesInstanceUID=series)])
    dataset.ReferencedFrameOfReferenceSequence = [
        item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[referenced])
    ]
    numbered = list(enumerate(rois.items(), 1))
    dataset.StructureSetROISequence = [
        item(ROINumber=number, ReferencedFrameOfReferenceUID=frame, ROIName=name) for number, (name, _) in numbered
    ]
    dataset.ROIContourSequence = [
        item(ReferencedROINumber=number, **({"ContourSequence": contours} if contours else {}))
        for number, (_, contours) in numbered
    ]
    return save(dataset, path)


def save(dataset, path):
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some of these files are wrong on purpose
        dataset.save_as(path, enforce_file_format=True)
    return path


def square(grid, k, low, high):
    """The outline of a square in the slice k, from index `low` to `high` along i and j, LPS mm."""
    (a, b), (c, d) = low, high
    return grid.to_patient(np.array([(a, b, k), (c, b, k), (c, d, k), (a, d, k)], dtype=float))


def box(shape, low, high):
    """Truth values [k, j, i], true from index `low` to `high`, both (i, j, k) and both included."""
    array = np.zeros(shape, dtype=bool)
    (a, b, c), (d, e, f) = low, high
    array[c : f + 1, b : e + 1, a : d + 1] = True
    return array
