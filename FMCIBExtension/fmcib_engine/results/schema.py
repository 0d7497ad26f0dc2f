"""The columns of the feature table: name, type, unit, meaning and where each value comes from. One table, versioned.

A change of a name, type, unit or meaning raises the major number of `SCHEMA_VERSION`, a new column the minor one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..encoders import feature_names
from ..heads.prediction import HeadColumns
from ..heads.terms import LOG_RELATIVE_HAZARD, NOTE, SHA256
from .lesion import LesionResult, Run

SCHEMA_VERSION = "1.7"

Value = str | int | float | bool | None


@dataclass(frozen=True)
class Column:
    """One column. `value` gives None where a row has no such fact; the cell is then empty."""

    name: str
    type: type
    unit: str
    meaning: str
    value: Callable[[LesionResult, Run], Value]
    is_volatile: bool = False
    """Whether the same run, done again, gives another value."""


def _seed(attribute: str) -> Callable[[LesionResult, Run], Any]:
    return lambda result, _: getattr(result.seed, attribute)


def _coordinate(axis: int) -> Callable[[LesionResult, Run], Any]:
    """Of the seed in LPS; of a seed whose scan could not be read, where it was given in LPS."""

    def value(result: LesionResult, _: Run) -> float | None:
        if result.point is not None:
            return float(result.point.to_array()[axis])
        given = result.seed.coordinates[axis]
        return given if result.seed.frame == "lps" and math.isfinite(given) else None

    return value


def _quality(attribute: str) -> Callable[[LesionResult, Run], Any]:
    return lambda result, _: getattr(result.patch.quality, attribute) if result.patch else None


def _source(attribute: str) -> Callable[[LesionResult, Run], Any]:
    return lambda result, _: getattr(result.source, attribute, None)


def _version(package: str) -> Callable[[LesionResult, Run], Any]:
    return lambda _, run: run.versions.get(package)


def _decoder_version(package: str) -> Callable[[LesionResult, Run], Any]:
    """Of a package that reads some scans, if it read this one."""
    return lambda result, run: (
        run.versions.get(package) if result.source and result.source.reader.startswith("SimpleITK") else None
    )


def _of_openvino(value: Callable[[Run], Value]) -> Callable[[LesionResult, Run], Value]:
    """Of the rows that OpenVINO computed: a run may go on without it."""
    return lambda result, run: value(run) if result.encoded and result.encoded.engine == "openvino" else None


LESION = (
    Column("row", int, "", "number of the row in the seed table, from 1", _seed("row")),
    Column("lesion_id", str, "", "the user's name of the lesion, else the row's number", _seed("lesion_id")),
    Column(
        "image_path",
        str,
        "",
        "the scan, relative to this table's folder; UIDs in it only with identifiers",
        lambda *_: None,
    ),  # filled by the writer
    Column("series_uid", str, "", "the DICOM series; only with identifiers", lambda *_: None),
    Column("scan_kind", str, "", "dicom, nifti, nrrd or metaimage; array where no file is known", _source("kind")),
    Column(
        "scan_reader", str, "", "library or application that decoded the voxels, and its version", _source("reader")
    ),
    Column(
        "scan_files", int, "", "how many files the scan was read from: the slices of a DICOM series", _source("files")
    ),
    Column(
        "scan_files_left_out",
        int,
        "",
        "how many images of the series are no part of the scan: copies, localizers, unreadable or misplaced ones",
        _source("files_left_out"),
    ),
    Column(
        "time_point", int, "", "which time point of a 4D scan, from 0; empty where there is one", _source("time_point")
    ),
    Column("lesion_diameter_mm", float, "mm", "the lesion's size, where the user gave it", _seed("diameter_mm")),
)
SEED = (
    Column("coordX", float, "mm", "seed, LPS: to the patient's left", _coordinate(0)),
    Column("coordY", float, "mm", "seed, LPS: to the patient's back", _coordinate(1)),
    Column("coordZ", float, "mm", "seed, LPS: to the patient's head", _coordinate(2)),
    Column("seed_frame", str, "", "frame in which the user gave the seed: lps, ras or ijk", _seed("frame")),
)
QUALITY = (
    Column(
        "padded_fraction",
        float,
        "1",
        "share of the patch outside the scan, or in its declared padding",
        _quality("padded_fraction"),
    ),
    Column("border_distance_mm", float, "mm", "seed to the scan's nearest face", _quality("border_distance_mm")),
    Column("seed_offset_x_mm", float, "mm", "seed minus patch centre, LPS x", _quality("seed_offset_x_mm")),
    Column("seed_offset_y_mm", float, "mm", "seed minus patch centre, LPS y", _quality("seed_offset_y_mm")),
    Column("seed_offset_z_mm", float, "mm", "seed minus patch centre, LPS z", _quality("seed_offset_z_mm")),
    Column(
        "seed_on_voxel_edge",
        bool,
        "",
        "whether the seed is within 1e-6 voxel of where the recipe would cut a patch one voxel farther",
        _quality("seed_on_voxel_edge"),
    ),
    Column("source_spacing_i_mm", float, "mm", "the scan's voxels along a row", _quality("source_spacing_i_mm")),
    Column("source_spacing_j_mm", float, "mm", "the scan's voxels along a column", _quality("source_spacing_j_mm")),
    Column("source_spacing_k_mm", float, "mm", "the scan's voxels across slices", _quality("source_spacing_k_mm")),
    Column(
        "fraction_below_minus_1024_hu",
        float,
        "1",
        "share of the patch's scanned voxels below -1024 HU",
        _quality("fraction_below_minus_1024_hu"),
    ),
    Column(
        "fraction_above_3071_hu",
        float,
        "1",
        "share of the patch's scanned voxels above 3071 HU",
        _quality("fraction_above_3071_hu"),
    ),
    Column(
        "fraction_above_600_hu",
        float,
        "1",
        "share of the patch's scanned voxels above 600 HU: large where the rescale intercept is missing",
        _quality("fraction_above_600_hu"),
    ),
    Column("lowest_hu", float, "HU", "lowest of the patch's voxels that lie wholly in the scan", _quality("lowest_hu")),
    Column("highest_hu", float, "HU", "highest of the same voxels", _quality("highest_hu")),
    Column(
        "untrusted_slices",
        int,
        "",
        "slices between the scan's ends that are missing, doubled, damaged or doubtful; the patch was read from none",
        _quality("untrusted_slices"),
    ),
    Column(
        "fault_distance_mm",
        float,
        "mm",
        "from the slices that were read to the nearest fault, which may be an end of the scan; empty if there is none",
        _quality("fault_distance_mm"),
    ),
    Column("oblique", bool, "", "whether the scan's axes lean against the patient's", _quality("oblique")),
    Column(
        "warnings",
        str,
        "",
        "sentences that belong beside the numbers, separated by semicolons",
        lambda result, run: "; ".join([*run.warnings, *result.warnings]),
    ),
)
PROVENANCE = (
    Column(
        "encoder_id",
        str,
        "",
        "the network, the same in all rows: the last columns are its features",
        lambda _, run: run.encoder.id,
    ),
    Column("weights", str, "", "file name, or DEMONSTRATION WEIGHTS", lambda _, run: run.weights.name),
    Column(
        "weights_caution",
        str,
        "",
        "what the features of these weights do not say, such as that nothing was trained; empty without such a caution",
        lambda _, run: run.weights.caution,
    ),
    Column("weights_sha256", str, "", "SHA-256 of the weights", lambda _, run: run.weights.sha256),
    Column("recipe_id", str, "", "the preprocessing", lambda _, run: run.recipe_id),
    Column(
        "patch_sha256",
        str,
        "",
        "SHA-256 of the patch that was fed",
        lambda result, _: result.patch.sha256 if result.patch else None,
    ),
    Column(
        "device", str, "", "where it was computed", lambda result, _: result.encoded.device if result.encoded else None
    ),
    Column(
        "engine",
        str,
        "",
        "library that computed the network: pytorch, or openvino, whose features are PyTorch's to rounding",
        lambda result, _: result.encoded.engine if result.encoded else None,
    ),
    Column(
        "engine_deviation",
        float,
        "1",
        "|openvino - pytorch| / |pytorch| of the features of the engine's probe patch; empty with pytorch",
        _of_openvino(lambda run: run.engine_deviation),
    ),
    Column("precision", str, "", "float32, or what the user asked for", lambda _, run: run.precision),
    Column(
        "precision_deviation",
        float,
        "1",
        "|reduced - float32| / |float32| of the features of the engine's probe patch; empty in float32",
        lambda _, run: run.precision_deviation,
    ),
    Column("engine_version", str, "", "of fmcib-engine", _version("fmcib-engine")),
    Column("python_version", str, "", "of Python", _version("python")),
    Column("numpy_version", str, "", "of numpy", _version("numpy")),
    Column("scipy_version", str, "", "of scipy", _version("scipy")),
    Column("simpleitk_version", str, "", "of SimpleITK, if it decoded the voxels", _decoder_version("SimpleITK")),
    Column("pydicom_version", str, "", "of pydicom, if it read the headers", _decoder_version("pydicom")),
    Column("torch_version", str, "", "of PyTorch", _version("torch")),
    Column("monai_version", str, "", "of MONAI", _version("monai")),
    Column(
        "openvino_version",
        str,
        "",
        "of OpenVINO, if it computed the network",
        _of_openvino(lambda run: run.versions.get("openvino")),
    ),
    Column(
        "computed_at",
        str,
        "",
        "UTC, ISO 8601; the one column that differs where the same is computed again",
        lambda result, _: result.computed_at.isoformat(timespec="seconds"),
        is_volatile=True,
    ),
    Column("schema_version", str, "", "of this table of columns", lambda *_: SCHEMA_VERSION),
)
OUTCOME = (
    Column("status", str, "", "ok or error", lambda result, _: result.status),
    Column("error", str, "", "why there are no features; empty where there are", lambda result, _: result.error),
)

COLUMNS: tuple[Column, ...] = (*LESION, *SEED, *QUALITY, *PROVENANCE, *OUTCOME)
"""Every column before the features."""

VOLATILE = tuple(column.name for column in COLUMNS if column.is_volatile)
"""Of these columns: what differs between two runs of the same."""


def feature_columns(count: int) -> list[str]:
    """`pred_0`, `pred_1`, …: upstream's names of the features, which have no unit."""
    return list(feature_names(count))


HEAD_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    ("<head>:<class>", "float64", "1", "what a head gives a class, 0 to 1; the classes of a head sum up to 1"),
    (
        f"<head>:{LOG_RELATIVE_HAZARD}",
        "float64",
        "1",
        "of a survival head: log of the hazard, 0 for the mean of those that it learned from",
    ),
    ("<head>:survival_<time>_<unit>", "float64", "1", "of a survival head: probability to live at that time, 0 to 1"),
    (
        f"<head>:{NOTE}",
        "str",
        "",
        "the label's meaning, the head's worth, population and warnings, semicolons between; or why there is none",
    ),
    (
        f"<head>:{SHA256}",
        "str",
        "",
        "SHA-256 of the head's file; of a fine-tuned head, of its weights, whose encoder is its own",
    ),
)
"""Patterns of the columns of each head of a run, before the features: pattern, type, unit, meaning."""


def head_columns(heads: Iterable[HeadColumns]) -> list[str]:
    """Names of the columns of a run's heads: `malignancy:malignant`, …, `malignancy:note`, `malignancy:sha256`."""
    return [f"{head.id}:{name}" for head in heads for name in (*head.outputs, NOTE, SHA256)]


def head_values(result: LesionResult, run: Run) -> list[Value]:
    """What stands in those columns; nothing in a row that is an error."""
    values: list[Value] = []
    for head in run.heads:
        prediction = result.predictions.get(head.id)
        if prediction is None:
            values += [None] * (len(head.outputs) + 2)
        else:
            values += [*(prediction.values or [None] * len(head.outputs)), prediction.note, head.sha256]
    return values


STEADINESS = (
    ("stability_draws", "int", "", "how many of the draws around the seed are in the scan, and were computed"),
    ("stability_draws_left_out", "int", "", "how many are not: mostly moved seeds outside the scan"),
    ("stability_cosine_mean", "float64", "1", "cosine similarity of the draws' features to the row's, mean"),
    ("stability_cosine_min", "float64", "1", "the same, the smallest"),
    ("stability_note", "str", "", "why draws are left out, and why there is no rank beside the cosine"),
)
"""Columns of a run with draws (`extract --stability N`), behind those of the heads: name, type, unit, meaning.

The seed is moved by a normal distribution of variance 16 mm² along each axis, from a generator seeded by the row's
number."""

_OF_OUTPUTS = {
    "sd": "standard deviation over the draws",
    "min": "smallest over the draws",
    "max": "largest over the draws",
}
STEADINESS_OF_HEADS = tuple(
    (f"<head>:<output>:{name}", "float64", "1", f"of a run with draws: {meaning}")
    for name, meaning in _OF_OUTPUTS.items()
)
"""The same of each output of each head."""


def steadiness_columns(run: Run) -> list[str]:
    """Names of the columns of a run with draws; none of another."""
    if not run.draws:
        return []
    of_heads = [f"{head.id}:{output}:{name}" for head in run.heads for output in head.outputs for name in _OF_OUTPUTS]
    return [*(name for name, *_ in STEADINESS), *of_heads]


def steadiness_values(result: LesionResult, run: Run) -> list[Value]:
    """What stands in those columns; nothing in a row that is an error."""
    if not run.draws:
        return []
    found = result.steadiness
    outputs = [(head.id, index) for head in run.heads for index in range(len(head.outputs))]
    if found is None:
        return [None] * (len(STEADINESS) + len(_OF_OUTPUTS) * len(outputs))
    values: list[Value] = [found.draws, found.left_out, found.cosine_mean, found.cosine_min, found.note]
    for head_id, index in outputs:
        spreads = found.spreads.get(head_id, ())
        one = spreads[index] if spreads else None
        values += [one.sd, one.low, one.high] if one else [None] * len(_OF_OUTPUTS)
    return values
