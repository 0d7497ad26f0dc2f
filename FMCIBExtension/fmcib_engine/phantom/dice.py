"""Chance that can be repeated: the same numbers from the same key, on every machine and in every order of asking.

Only what NumPy promises never to change is used: `SeedSequence` and the raw stream of PCG64 (NEP 19). Its distributions
may change with a version, and call the C library's logarithm; here are sums and products of the raw bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Vector = tuple[float, float, float]
Choice = TypeVar("Choice")


class Dice:
    """A stream of chance of its own for each key, such as (run seed, number, purpose).

    Attributes:
        notes: what was drawn under a name, for whoever wants to know afterwards.
    """

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))
        self.notes: dict[str, float | str] = {}

    def uniform(self, low: float, high: float, name: str = "") -> float:
        value = low + (high - low) * ((int(self._bits.random_raw()) >> 11) * 2.0**-53)
        if name:
            self.notes[name] = value
        return value

    def whole(self, lowest: int, highest: int) -> int:
        """A whole number, both ends included."""
        return min(highest, int(self.uniform(lowest, highest + 1)))

    def chance(self, share: float, name: str = "") -> bool:
        happens = self.uniform(0.0, 1.0) < share
        if name:
            self.notes[name] = float(happens)
        return happens

    def side(self) -> int:
        """-1 or 1."""
        return 1 if self.chance(0.5) else -1

    def pick(self, choices: Sequence[Choice], name: str = "") -> Choice:
        chosen = choices[self.whole(0, len(choices) - 1)]
        if name:
            self.notes[name] = str(chosen)
        return chosen

    def direction(self) -> Vector:
        """A unit vector, each direction as likely as any other."""
        while True:
            x, y, z = (self.uniform(-1.0, 1.0) for _ in range(3))
            square = x * x + y * y + z * z
            if 0.01 < square < 1.0:
                length = float(np.sqrt(square))
                return x / length, y / length, z / length

    def lattice(self) -> int:
        """A seed for `smooth_field`."""
        return int(self._bits.random_raw()) >> 33

    def noise(self, shape: tuple[int, ...]) -> Array:
        """White noise of mean 0 and variance 1: sums of four even 16-bit numbers, which is nearly normal."""
        raw = self._bits.random_raw(int(np.prod(shape)))
        parts = np.ascontiguousarray(raw).view(np.uint16).reshape(-1, 4)
        total = parts[:, 0].astype(np.float32)
        for column in (1, 2, 3):
            total += parts[:, column]
        total -= 131070.0
        total *= 1.0 / 37837.2
        return total.reshape(shape)
