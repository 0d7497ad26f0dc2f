"""The three tasks as upstream published them: files, columns, and what its linear heads reached (95 % intervals)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..heads.head import Metric

CATALOGUE_ID = "features"
"""Of the tables in the catalogue of published files."""
FOLDERS = ("fmcib", "foundation_features")
"""Of the tables within the repository's folder: the newest first, then older copies."""
TRAIN, VAL, TEST, LUNG1, RADIO = "train", "val", "test", "lung1", "radio"


@dataclass(frozen=True)
class Task:
    """One task.

    Attributes:
        id: also of what is known of its published head (`heads.published`).
        folder: of its tables.
        files: by part.
        label: column of the label.
        positive: of two classes the one that is looked for.
        who: pattern that finds the patient or scan in one of the columns `who_columns`.
        whose: what that names.
        published: by part that it was measured on; features and a linear head (Pai et al. 2024,
            doi 10.1038/s42256-024-00807-9).
        warnings: that belong beside each number.
        data: whose lesions the head learned from.
    """

    id: str
    folder: str
    files: Mapping[str, str]
    label: str
    positive: str
    who: re.Pattern[str]
    who_columns: tuple[str, ...]
    whose: str
    published: Mapping[str, tuple[Metric, ...]]
    warnings: tuple[str, ...]
    data: str


_SPLIT = MappingProxyType({part: f"{part}_features.csv" for part in (TRAIN, VAL, TEST)})

SITE = Task(
    id="site",
    folder="task1",
    files=_SPLIT,
    label="Coarse_lesion_type",
    positive="",
    who=re.compile(r"(?<!\d)(\d{6})_\d\d_\d\d_"),
    who_columns=("image_path", "Volume_fn", "image", "File_name"),
    whose="patient",
    published=MappingProxyType(
        {
            TEST: (
                Metric("balanced accuracy", 0.779, 0.747, 0.810),
                Metric("mean average precision", 0.848, 0.817, 0.878),
            )
        }
    ),
    warnings=(
        "upstream's seeds of DeepLesion have x and y exchanged and z mirrored: on which places it learned is not known",
    ),
    data="DeepLesion",
)
MALIGNANCY = Task(
    id="malignancy",
    folder="task2",
    files=_SPLIT,
    label="malignancy",
    positive="malignant",
    who=re.compile(r"(\d+(?:\.\d+){5,})"),
    who_columns=("image_path", "image", "seriesuid"),
    whose="scan",
    published=MappingProxyType(
        {TEST: (Metric("AUC", 0.883, 0.825, 0.933), Metric("average precision", 0.904, 0.854, 0.944))}
    ),
    warnings=(
        "knows lung nodules only",
        "radiologists' suspicion, not pathology",
    ),
    data="LUNA16",
)
SURVIVAL = Task(
    id="survival",
    folder="task3",
    files=MappingProxyType({LUNG1: "lung1.csv", RADIO: "radio.csv"}),
    label="survival",
    positive="alive after 2 years",
    who=re.compile(r"(LUNG1-\d+|R01-\d+|AMC-\d+)"),
    who_columns=("PatientID", "Case ID", "image_path", "image"),
    whose="patient",
    published=MappingProxyType(
        {LUNG1: (Metric("AUC", 0.638, 0.579, 0.689),), RADIO: (Metric("AUC", 0.653, 0.522, 0.775),)}
    ),
    warnings=(
        "knows lung cancers only",
        "upstream's head learned from an internal cohort, which nobody has; this one learned from LUNG1",
    ),
    data="NSCLC-Radiomics (LUNG1)",
)
TASKS: Mapping[str, Task] = MappingProxyType({task.id: task for task in (SITE, MALIGNANCY, SURVIVAL)})
