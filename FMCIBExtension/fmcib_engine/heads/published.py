"""What is known of the heads that upstream published, each in a fine-tuned checkpoint together with its encoder.

Facts of Pai et al., Nature Machine Intelligence 2024, doi 10.1038/s42256-024-00807-9 (performance: its fine-tuned
models, 95 % confidence intervals), and of AIM-Harvard/foundation-cancer-image-biomarker (order of classes, labels).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .head import Metric, Training
from .terms import ANATOMICAL_SITES


@dataclass(frozen=True)
class Published:
    """All of such a head but its numbers, which are in the file."""

    id: str
    """Also of its weights in the catalogue."""
    title: str
    classes: tuple[str, ...]
    label_meaning: str
    training: Training
    metrics: tuple[Metric, ...]
    outputs: tuple[int, ...]
    """How many its last layer may have."""
    sites: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


_MALIGNANCY = Published(
    id="malignancy",
    title="malignancy of lung nodules as radiologists suspect it (LUNA16)",
    classes=("benign", "malignant"),
    label_meaning="radiologists' mean suspicion on a scale of 1 to 5 (LIDC-IDRI), 1 and 2 against 4 and 5, those "
    "about 3 left out; not pathology",
    training=Training("lung nodules of LUNA16: 338 to learn from, 169 to tune, 170 to test", 338),
    metrics=(
        Metric("AUC", 0.944, 0.908, 0.973, "published, 170 test nodules of LUNA16"),
        Metric("mean average precision", 0.951, 0.917, 0.978, "published, 170 test nodules of LUNA16"),
    ),
    outputs=(2,),
    sites=("lung",),
    warnings=(
        "knows lung nodules only",
        "63 of the 170 test nodules share a scan with those it learned from, which flatters the published numbers",
    ),
)
_SITE = Published(
    id="site",
    title="anatomical site of a lesion (DeepLesion)",
    classes=ANATOMICAL_SITES,
    label_meaning="DeepLesion's coarse type of the lesion, one of eight sites",
    training=Training("lesions of DeepLesion with a site: 2,610 to learn from, 1,220 to tune, 1,221 to test", 2610),
    metrics=(
        Metric("balanced accuracy", 0.805, 0.775, 0.835, "published, 1,221 test lesions of DeepLesion"),
        Metric("mean average precision", 0.856, 0.826, 0.882, "published, 1,221 test lesions of DeepLesion"),
    ),
    outputs=(8,),
    warnings=(
        "upstream's seeds of DeepLesion have x and y exchanged and z mirrored: on which places it learned is not known",
    ),
)
_SURVIVAL = Published(
    id="survival",
    title="two-year survival with lung cancer",
    classes=("dead within 2 years", "alive after 2 years"),
    label_meaning="whether the patient lived two years after",
    training=Training("lung cancers of an internal cohort of the authors'"),
    metrics=(
        Metric("AUC", 0.619, 0.568, 0.672, "published, 420 patients of LUNG1"),
        Metric("AUC", 0.582, 0.472, 0.688, "published, 133 patients of RADIO"),
    ),
    outputs=(1, 2),
    sites=("lung",),
    warnings=("knows lung cancers only",),
)

PUBLISHED: Mapping[str, Published] = MappingProxyType({one.id: one for one in (_MALIGNANCY, _SITE, _SURVIVAL)})
"""By the ID in the catalogue of weights."""
