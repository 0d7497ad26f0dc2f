"""Small heads whose every number is known, for the tests of heads."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from fmcib_engine.encoders import feature_names
from fmcib_engine.heads.file import head_bytes
from fmcib_engine.heads.head import (
    Baseline,
    Calibration,
    Head,
    Layer,
    Metric,
    Origin,
    Scaling,
    Training,
)

SHA256 = "ab" * 32


def origin(count: int = 3, **changes: object) -> Origin:
    return replace(Origin("small", SHA256, "fmcib-csv-v1", feature_names(count)), **changes)


def linear(**changes: object) -> Head:
    """Three features, standardised, one logit of two classes."""
    facts = {
        "id": "lump",
        "title": "Lump or not",
        "task": "classification",
        "label_meaning": "what the tests call a lump",
        "origin": origin(),
        "layers": (Layer(np.array([[1.0, -2.0, 0.5]]), np.array([0.25])),),
        "training": Training("421 imaginary patients", 421, 400, (169, 252)),
        "classes": ("none", "lump"),
        "scaling": Scaling(np.array([1.0, 0.0, -1.0]), np.array([2.0, 1.0, 4.0])),
        "metrics": (Metric("AUC", 0.631, 0.578, 0.684, "out of fold"),),
        "date": "2026-11-28",
        "versions": {"numpy": "2.0", "scikit-learn": "1.7"},
        "licence": "MIT",
        "citation": "nobody",
    }
    return Head(**{**facts, **changes})


def network(**changes: object) -> Head:
    """Two features through a hidden layer of two (ReLU) to three classes, as the published heads are."""
    layers = (
        Layer(np.array([[1.0, 0.0], [0.0, -1.0]], np.float32), np.array([0.0, 0.5], np.float32)),
        Layer(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], np.float32), np.zeros(3, np.float32)),
    )
    facts = {"id": "place", "origin": origin(2), "layers": layers, "classes": ("a", "b", "c"), "scaling": None}
    return linear(**{**facts, "training": Training("nobody"), **changes})


def cox(**changes: object) -> Head:
    facts = {
        "id": "life",
        "task": "survival",
        "classes": (),
        "baseline": Baseline(np.array([365.0, 730.5]), np.array([0.8, 0.5]), "days"),
        "training": Training("nobody", 3, 3, (2, 1)),
    }
    return linear(**{**facts, **changes})


def all_kinds() -> dict[str, Head]:
    return {
        "linear": linear(),
        "network": network(),
        "cox": cox(),
        "platt": linear(calibration=Calibration("platt", (2.0, -1.0), "held back")),
        "unverified": linear(origin=Origin("", "", "", feature_names(3))),
        "columns": linear(origin=origin(2, columns=("age",))),
        "named features": linear(origin=origin(features=("a", "b", "Größe"))),
    }


def parts_of(head: Head) -> tuple[dict, bytes]:
    """The header of a head's file as JSON, and the bytes behind it."""
    content = head_bytes(head)
    length = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def facts_of(head: Head) -> dict:
    return json.loads(parts_of(head)[0]["__metadata__"]["fmcib_head"])


def write_raw(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def with_facts(path: Path, facts: object, head: Head | None = None) -> Path:
    """The file of a head whose facts are others."""
    header, data = parts_of(head or linear())
    header["__metadata__"]["fmcib_head"] = facts if isinstance(facts, str) else json.dumps(facts)
    return write_raw(path, header, data)
