"""What came of one seed: features or an error, with the patch and the encoder that they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType

from ..encoders import Encoded, Encoder, EncoderSpec, Precision, WeightsIdentity
from ..geometry import PatientPoint
from ..heads.prediction import HeadColumns, Prediction
from ..preprocessing import Patch
from ..seeds import LesionSeed
from ..volume import Source
from .steadiness import RowSteadiness
from .versions import installed_versions


@dataclass(frozen=True)
class Run:
    """What all rows of a table have in common."""

    encoder: EncoderSpec
    weights: WeightsIdentity
    recipe_id: str
    precision: Precision
    precision_deviation: float | None
    versions: dict[str, str]
    """Version of the engine, of Python, and of each package that has a part in the numbers."""
    engine_deviation: float | None = None
    """Of the library that computed the network, from PyTorch; see `Encoder.engine_deviation`."""
    heads: tuple[HeadColumns, ...] = ()
    """What is predicted from the features, in the order of the columns."""
    draws: int = 0
    """How often each lesion is computed again with its seed moved; 0 where nobody asked."""

    @classmethod
    def of(cls, encoder: Encoder, heads: tuple[HeadColumns, ...] = (), recipe_id: str = "", draws: int = 0) -> Run:
        """A run of an encoder, with what is installed here; without a recipe, of the encoder's own."""
        return cls(
            encoder=encoder.spec,
            weights=encoder.weights,
            recipe_id=recipe_id or encoder.spec.recipe_id,
            precision=encoder.precision,
            precision_deviation=encoder.precision_deviation,
            versions=installed_versions(),
            engine_deviation=encoder.engine_deviation,
            heads=heads,
            draws=draws,
        )

    @property
    def warnings(self) -> list[str]:
        """Sentences that belong beside every number of the run, wherever it is shown."""
        found = [self.weights.caution] if self.weights.caution else []
        if self.precision_deviation is not None:
            found.append(
                f"computed in {self.precision}, which changes the features of a probe by {self.precision_deviation:.1%}"
            )
        if self.recipe_id != self.encoder.recipe_id:
            found.append(f"{self.recipe_id} is for replication only; {self.encoder.id} has {self.encoder.recipe_id}")
        return found


@dataclass(frozen=True)
class LesionResult:
    """One row of the feature table."""

    seed: LesionSeed
    point: PatientPoint | None = None
    patch: Patch | None = None
    encoded: Encoded | None = None
    source: Source | None = None
    """Where the scan came from; None where it could not be read."""
    error: str = ""
    step: str = ""
    """In which step it failed, where a batch tells: list, read, cut or encode."""
    predictions: Mapping[str, Prediction] = field(default_factory=lambda: MappingProxyType({}))
    """By the ID of the head."""
    steadiness: RowSteadiness | None = None
    """Where the run has draws."""
    computed_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def status(self) -> str:
        return "error" if self.error or self.encoded is None else "ok"

    @property
    def warnings(self) -> list[str]:
        """Sentences about this lesion's numbers."""
        found = list(self.source.notes) if self.source else []
        found += self.patch.quality.warnings(self.seed.diameter_mm) if self.patch else []
        return [*found, self.encoded.note] if self.encoded and self.encoded.note else found
