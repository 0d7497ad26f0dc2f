"""A saliency map: its voxels, where they lie in the patient, and all that must be known to read and repeat them."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError
from ..geometry import PatientPoint, VoxelGrid


@dataclass(frozen=True)
class MapFacts:
    """What a map is of; plain numbers and words, and nothing that names a patient."""

    method: str
    parameters: dict[str, Any]
    target: str
    target_meaning: str
    unit: str
    """Of a voxel's value."""
    score: float
    """The target's number for this lesion."""
    samples_done: int
    samples_total: int
    random_seed: int
    seed_lps_mm: tuple[float, float, float]
    encoder_id: str
    weights: str
    weights_sha256: str
    recipe_id: str
    patch_sha256: str
    head_sha256: str = ""
    is_signed: bool = False
    cautions: tuple[str, ...] = ()
    """What must stand wherever the map is shown."""
    device: str = "cpu"
    versions: dict[str, str] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    """By the method itself, such as the sum that integrated gradients should have."""

    @property
    def is_whole(self) -> bool:
        """Whether all samples are in it; a map that was cancelled has fewer."""
        return self.samples_done == self.samples_total

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self), ensure_ascii=True, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> MapFacts:
        """What `to_json` wrote.

        Raises:
            ImageError: it is something else.
        """
        try:
            given = json.loads(text)
            names = {one.name for one in fields(cls)}
            if set(given) != names:
                return _refuse("other names")
            given["seed_lps_mm"] = tuple(map(float, given["seed_lps_mm"]))
            given["cautions"] = tuple(map(str, given["cautions"]))
            for name in ("parameters", "versions", "measured"):
                given[name] = dict(given[name])
            numbers = [given["score"], *given["seed_lps_mm"]]
            if not all(math.isfinite(number) for number in numbers) or len(numbers) != 4:
                return _refuse("numbers that are not finite")
            return cls(**given)
        except (TypeError, ValueError, KeyError) as error:
            return _refuse(str(error), error)


def _refuse(why: str, error: Exception | None = None) -> NoReturn:
    msg = f"What the file says of its saliency map cannot be understood ({why}). Make the map again."
    raise ImageError(msg) from error


@dataclass(frozen=True, eq=False)
class SaliencyMap:
    """A map of one lesion and target.

    Attributes:
        array: raw values, float32 [z, y, x], on the patch's own voxels. Stretching to 0 … 1 is for display only.
        grid: where the voxels lie; that of the patch.
        facts: what it is of.

    Raises:
        ImageError: voxels of another type or size than the grid's, or that are not finite.
    """

    array: NDArray[np.float32]
    grid: VoxelGrid
    facts: MapFacts

    def __post_init__(self) -> None:
        if self.array.dtype != np.float32 or self.array.shape != self.grid.size[::-1]:
            size = self.grid.size[::-1]
            msg = f"A saliency map is float32 of {size} voxels, got {self.array.dtype} of {self.array.shape}."
            raise ImageError(msg)
        if not np.isfinite(self.array).all():
            msg = "A saliency map holds voxels that are NaN or infinite. Make it again."
            raise ImageError(msg)

    @property
    def strongest(self) -> PatientPoint:
        """Where the largest value lies, LPS mm; the first of equals."""
        z, y, x = np.unravel_index(int(np.argmax(self.array)), self.array.shape)
        return PatientPoint.from_lps(self.grid.to_patient((int(x), int(y), int(z))))

    def for_display(self) -> NDArray[np.float32]:
        """Stretched: a map of one sign to 0 … 1 by its smallest and largest value, a signed one to -1 … 1 around 0."""
        if self.facts.is_signed:
            largest = float(np.abs(self.array).max())
            return self.array / np.float32(largest) if largest else np.zeros_like(self.array)
        low, high = float(self.array.min()), float(self.array.max())
        return (self.array - np.float32(low)) / np.float32(high - low) if high > low else np.zeros_like(self.array)
