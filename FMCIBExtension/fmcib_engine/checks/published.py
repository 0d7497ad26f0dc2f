"""Are our features FMCIB's? One published lesion computed again, and compared with what its authors computed.

The authors' features of NSCLC-Radiomics (421 patients, one seed each) are in a table that the wheel of
`tumorimagingbench` 0.1.4 carries. A difference means nothing without a yardstick, which the same table gives: how far
the patient's row lies from the nearest row of another patient. Relative to the row of LUNG1-001, in that table and in
those of its negative controls:

    0.23    nearest other patient; the median of all is 0.46
    0.32    the same patient, the tumour's voxels shuffled: 12 other patients are nearer
    0.15    the same patient, everything but the tumour shuffled: no other patient is nearer
    0       three other patients, in one control or the other: their computation repeats exactly

So the right row may be the nearest although most of the patch is noise. **Agreement is therefore a tenth of the
distance to the nearest other patient**, 0.023 for LUNG1-001, which the gentlest of those controls exceeds six times.
The tenth is a convention: how much a GPU's rounding moves the published features could not be measured here.
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from .. import pipeline
from ..encoders import Encoder
from ..errors import TableError
from ..geometry import PatientPoint
from ..results.schema import feature_columns
from ..volume import Volume

PATIENT = "LUNG1-001"
AGREEMENT = 0.1
"""Of the distance between the published row and the nearest other, see above."""
MEMBER = "tumorimagingbench/evaluation/readii_eval/original.csv"
"""The table's name inside the wheel."""

_COORDINATES = ("coordX", "coordY", "coordZ")
_LARGEST_TABLE = 200_000_000
"""Bytes; the published one has 17 MB."""
_LARGEST_VALUE = 1e6
"""The published features reach 9, seeds some 1,000 mm."""


@dataclass(frozen=True, eq=False)
class PublishedFeatures:
    """One patient's seed and features, and the other patients'."""

    patient: str
    seed: PatientPoint
    features: NDArray[np.float64]
    other_patients: tuple[str, ...]
    other_features: NDArray[np.float64]
    """Shape (patients, features)."""


@dataclass(frozen=True)
class Comparison:
    """Our features beside the published ones. Distances are Euclidean, relative to the length of the published row."""

    patient: str
    distance: float
    cosine: float
    concordance: float
    """Lin's concordance correlation coefficient over the features."""
    largest_difference: float
    largest_feature: str
    nearest_other: str
    other_distance: float
    """From our features to those of the other patient that are nearest."""
    rank: int
    """Of the right row among all, by distance from ours; 1 is the nearest."""
    patients: int
    spacing: float
    """From the published row to the nearest other."""

    @property
    def limit(self) -> float:
        return AGREEMENT * self.spacing

    @property
    def agrees(self) -> bool:
        return self.distance <= self.limit


def read_published(path: Path, *, patient: str = PATIENT, feature_count: int = 4096) -> PublishedFeatures:
    """The table of published features, a CSV or the wheel that carries it.

    Raises:
        TableError: no such file, no such table in it, or one without the patient, others, or numbers.
    """
    try:
        with _open_table(path) as file:
            rows = csv.reader(file, strict=True)
            header = next(rows, [])
            wanted = ["PatientID", *_COORDINATES, *feature_columns(feature_count)]
            if missing := sorted(set(wanted) - set(header), key=wanted.index):
                msg = f"{path.name} lacks {len(missing)} columns of the published features ({', '.join(missing[:3])}). "
                raise TableError(msg + "Take the wheel, or original.csv from it.")
            places = [header.index(name) for name in wanted]
            table = {}
            for number, row in enumerate(rows, 1):
                name, values = _parse(row, places, f"Row {number} of {path.name}")
                if name in table:
                    msg = f"{path.name} has two rows of {name}, wanted one for each patient. Take the published table."
                    raise TableError(msg)
                table[name] = values
    except (OSError, RuntimeError, UnicodeDecodeError, csv.Error, zipfile.BadZipFile, zlib.error, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error).replace(str(path), path.name) or type(error).__name__
        msg = f"The published features {path.name} cannot be read ({reason}). Fetch the wheel again."
        raise TableError(msg) from error
    return _select(table, patient, path)


def verify(volume: Volume, encoder: Encoder, published: PublishedFeatures) -> Comparison:
    """Compute the patient's features from the scan, with the encoder's own preprocessing, and compare.

    Raises:
        SeedError, ImageError: the seed is outside the scan, which is then not the patient's, or its voxels are not HU.
        OutOfMemoryError, FeatureError: as `Encoder.encode`.
    """
    patch = pipeline.cut(volume, published.seed, encoder.spec.recipe_id)
    (encoded,) = pipeline.encode([patch], encoder)
    return compare(encoded.features, published)


def compare(features: NDArray[np.float32], published: PublishedFeatures) -> Comparison:
    """Features of the patient's lesion beside the published ones."""
    ours, theirs = features.astype(np.float64), published.features
    length = float(np.linalg.norm(theirs))
    distance = float(np.linalg.norm(ours - theirs))
    to_others = np.linalg.norm(published.other_features - ours, axis=1)
    nearest = int(to_others.argmin())
    differences = np.abs(ours - theirs)
    return Comparison(
        patient=published.patient,
        distance=distance / length,
        cosine=float(ours @ theirs / (length * float(np.linalg.norm(ours)) or 1.0)),
        concordance=_concordance(ours, theirs),
        largest_difference=float(differences.max()),
        largest_feature=feature_columns(len(ours))[int(differences.argmax())],
        nearest_other=published.other_patients[nearest],
        other_distance=float(to_others[nearest]) / length,
        rank=1 + int((to_others < distance).sum()),
        patients=1 + len(to_others),
        spacing=float(np.linalg.norm(published.other_features - theirs, axis=1).min()) / length,
    )


@contextmanager
def _open_table(path: Path) -> Iterator[TextIO]:
    """The CSV as text, straight from the wheel if it is in one."""
    if not zipfile.is_zipfile(path):
        _require_size(path.stat().st_size, path)
        with path.open(newline="", encoding="utf-8") as file:
            yield file
        return
    with zipfile.ZipFile(path) as wheel:
        try:
            member = wheel.getinfo(MEMBER)
        except KeyError as error:
            msg = f"{path.name} holds no {MEMBER}. Take the wheel of tumorimagingbench 0.1.4."
            raise TableError(msg) from error
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            msg = f"The published features in {path.name} are packed as no wheel is. Fetch the wheel again."
            raise TableError(msg)
        _require_size(member.file_size, path)
        with wheel.open(member) as binary, io.TextIOWrapper(binary, encoding="utf-8", newline="") as file:
            yield file


def _require_size(size: int, path: Path) -> None:
    if size > _LARGEST_TABLE:
        msg = f"{path.name} holds {size:,} bytes, the published features 17 million. Take the published table."
        raise TableError(msg)


def _parse(row: list[str], places: list[int], what: str) -> tuple[str, NDArray[np.float64]]:
    """The patient and the numbers (seed, then features) of a row."""
    if len(row) <= max(places):
        msg = f"{what} has {len(row)} cells, wanted at least {max(places) + 1}. Fetch the wheel again."
        raise TableError(msg)
    try:
        values = np.array([row[place] for place in places[1:]], dtype=np.float64)
    except ValueError as error:
        msg = f"{what} has a cell that is no number ({str(error)[:80]}). Fetch the wheel again."
        raise TableError(msg) from error
    if not (np.abs(values) < _LARGEST_VALUE).all() or not np.linalg.norm(values[len(_COORDINATES) :]) > 0:
        msg = f"{what} has cells that are NaN or huge, or no feature but zeros. Fetch the wheel again."
        raise TableError(msg)
    return row[places[0]], values


def _select(table: dict[str, NDArray[np.float64]], patient: str, path: Path) -> PublishedFeatures:
    others = tuple(name for name in table if name != patient)
    if patient not in table or not others:
        own = "one" if patient in table else "none"
        msg = (
            f"{path.name} should have a row of {patient} and rows of other patients; it has {own} of {patient} and "
            f"{len(others)} of others. Take the published table."
        )
        raise TableError(msg)
    seed, features = np.split(table[patient], [len(_COORDINATES)])
    other_features = np.array([table[name] for name in others])[:, len(_COORDINATES) :]
    return PublishedFeatures(patient, PatientPoint.from_lps(seed), features, others, other_features)


def _concordance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    covariance = float(np.mean((a - a.mean()) * (b - b.mean())))
    return 2 * covariance / (float(a.var() + b.var()) + float(a.mean() - b.mean()) ** 2 or 1.0)
