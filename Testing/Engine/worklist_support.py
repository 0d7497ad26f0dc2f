"""Series of small slices that lists of work are made of: what tests import."""

from __future__ import annotations

import csv

from dicom_phantom import AXES, phantom_slice, write
from pydicom.uid import CTImageStorage, EncapsulatedPDFStorage, MRImageStorage, SecondaryCaptureImageStorage

SECONDARY, MR, PDF, CT = SecondaryCaptureImageStorage, MRImageStorage, EncapsulatedPDFStorage, CTImageStorage
DOSE = "1.2.840.10008.5.1.4.1.1.88.67"


def add_series(folder, uid, *, slices=12, study="1.9", axes="axial", **elements):
    """Files of one series; elements are set in each of them, None takes one away."""
    datasets = [phantom_slice(n, AXES[axes]) for n in range(slices)]
    told = {"SeriesInstanceUID": uid, "StudyInstanceUID": study, "FrameOfReferenceUID": f"{study or 1}.5"}
    told |= {"StudyDate": "20200102", "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]} | elements
    for n, dataset in enumerate(datasets):
        dataset.SOPInstanceUID = f"{uid or 1.7}.{n + 1}"
        for keyword, value in told.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
    return write(folder, datasets)


def add_seeds(path, rows, header="lesion_id,series_uid,coordX,coordY,coordZ"):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
