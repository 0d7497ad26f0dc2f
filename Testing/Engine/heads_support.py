"""Small heads whose every number is known, for the tests of heads."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from fmcib_engine import weights
from fmcib_engine.encoders import Encoded, WeightsIdentity, feature_names
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.errors import FeatureError
from fmcib_engine.geometry import PatientPoint, VoxelGrid
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
from fmcib_engine.preprocessing import Patch, cut_patch
from fmcib_engine.volume import Volume

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


class StubEncoder:
    """An encoder whose features are known, of the network `small`; counts what it encodes."""

    def __init__(
        self, features: np.ndarray, sha256: str = SHA256, caution: str = "", fails: str = "", note: str = ""
    ) -> None:
        self.spec = SPEC
        self.weights = WeightsIdentity("w.torch", sha256, caution)
        self.device, self.engine, self.precision, self.batch_size = "cpu", "pytorch", "float32", 4
        self.precision_deviation = self.engine_deviation = None
        self.encoded = 0
        self._features, self._fails, self._note = np.asarray(features, np.float32), fails, note

    def encode(self, patches) -> list[Encoded]:
        if self._fails:
            raise FeatureError(self._fails)
        self.encoded += len(patches)
        return [Encoded(self._features, "cpu", self._note) for _ in patches]


FEATURES = np.random.default_rng(14).normal(size=128).astype(np.float32)


def a_patch(recipe_id: str = "fmcib-csv-v1") -> Patch:
    grid = VoxelGrid.from_parts((60, 60, 60), origin=(0, 0, 0), spacing=(1, 1, 1), direction=np.eye(3))
    return cut_patch(Volume(np.full((60, 60, 60), -500, np.int16), grid), PatientPoint(30, 30, 30), recipe_id)


def small_head(**changes: object) -> Head:
    """A linear head of 128 features of the small encoder: the logit of the first one."""
    weight = np.zeros((1, 128))
    weight[0, 0] = 1.0
    facts = {"origin": origin(128), "layers": (Layer(weight, np.zeros(1)),), "scaling": None}
    return linear(**{**facts, **changes})


def fine_tuned_tensors(outputs: int) -> dict:
    """128-3-outputs: three features, each through a ReLU, added up with different signs for each output."""
    import torch

    first, second = torch.zeros(3, 128), torch.zeros(outputs, 3)
    for row, (place, factor) in enumerate(((0, 1.0), (1, -2.0), (127, 0.5))):
        first[row, place] = factor
    for row in range(outputs):
        second[row, row % 3] = 1.0 + row
    biases = torch.tensor([0.5, 0.0, -0.25]), torch.arange(outputs) / 4
    return {"0.0.weight": first, "0.0.bias": biases[0], "1.0.weight": second, "1.0.bias": biases[1]}


def logits_by_hand(features: np.ndarray, outputs: int) -> list[float]:
    f = [float(value) for value in features]
    hidden = [max(f[0] + 0.5, 0.0), max(-2 * f[1], 0.0), max(f[127] / 2 - 0.25, 0.0)]
    return [(1.0 + row) * hidden[row % 3] + row / 4 for row in range(outputs)]


def softmax_by_hand(logits: list[float]) -> list[float]:
    powers = [math.exp(logit) for logit in logits]
    return [power / sum(powers) for power in powers]


FORMS = ("torch", "torch behind module", "lighter", "lighter behind module", "safetensors")


def write_fine_tuned(path: Path, trunk: dict, head: dict, form: str = "torch", classes: tuple[str, ...] = ()) -> Path:
    """A fine-tuned checkpoint in one of the published forms, or as `finetune` writes it."""
    import torch
    from fmcib_engine.weights.about import About
    from fmcib_engine.weights.checkpoint import Checkpoint, write_safetensors

    behind = "module." if "module" in form else ""
    if form == "safetensors":
        write_safetensors(path, Checkpoint(trunk, head), About("small", classes=classes).metadata)
    elif form.startswith("torch"):
        parts = ({f"{behind}{key}": value for key, value in part.items()} for part in (trunk, head))
        torch.save(dict(zip(("trunk_state_dict", "head_state_dict"), parts, strict=True)), path)
    else:
        state = {f"{behind}model.trunk.{key}": value for key, value in trunk.items()}
        state |= {f"{behind}model.heads.{key}": value for key, value in head.items()}
        torch.save({"state_dict": state, "epoch": 3}, path)
    return path


def catalogue_of_small(path: Path) -> Path:
    """The catalogue, as if the fine-tuned files were of the small encoder: FMCIB's would be 740 MB each."""
    ours = Path(weights.__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    path.write_text(ours.replace('kind = "fine-tuned"', 'kind = "fine-tuned"\nencoder = "small"'), encoding="utf-8")
    return path
