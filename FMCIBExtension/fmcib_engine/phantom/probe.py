"""A small piece of lung with a nodule, exact to the last bit anywhere: what the engine tests itself on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..geometry import PatientPoint, VoxelGrid
from ..preprocessing import cut_patch
from ..volume import Source, Volume
from .noise import hash_integers

PROBE_SEED = PatientPoint(-61.3, 42.7, -118.4)


def probe_volume() -> Volume:
    """A nodule in lung beside the chest wall: float32 of whole HU by integer arithmetic; axes permuted and flipped."""
    k, j, i = np.ogrid[:40, :80, :80]
    x, y, z = 344 - 17 * k, 8 * i - 314, 326 - 8 * j  # tenths of a millimetre from the nodule's centre, LPS
    lattice = [(n.astype(np.uint32) * np.uint32(prime)) for n, prime in ((i, 73856093), (j, 19349663), (k, 83492791))]
    noise = (hash_integers(lattice[0] ^ lattice[1] ^ lattice[2]) >> np.uint32(24)).astype(np.int64) - 128
    for axis in range(3):
        noise = noise + np.roll(noise, 1, axis)
    hu = -860 + noise // 6
    for (x0, y0, z0), (a, b, c), square in (((30, 90, 0), (1, -1, 3), 320), ((0, -140, 60), (3, 1, 1), 180)):  # vessels
        p, q, r = x - x0, y - y0, z - z0
        off = (p * p + q * q + r * r) - (p * a + q * b + r * c) ** 2 // (a * a + b * b + c * c)
        hu = np.maximum(hu, -860 + 900 * np.clip(2 * square - off, 0, square) // square)
    nodule = 10500 - (x * x + y * y * 5 // 4 + z * z + x * y // 2 + x * y * z // 160)
    hu = np.maximum(hu, -860 + 890 * np.clip(nodule, 0, 3600) // 3600 + noise // 16)
    wall = -x - 190 + y * y // 600
    hu = np.maximum(hu, -860 + 910 * np.clip(wall + 10, 0, 20) // 20 + noise // 16)
    rib = 1600 - ((x + 250 - y * y // 600) ** 2 + (z + 40 + y // 3) ** 2 // 3)
    hu = np.maximum(hu, -860 + 1460 * np.clip(rib, 0, 900) // 900)
    direction = [[0, 0, -1], [1, 0, 0], [0, -1, 0]]
    origin = PROBE_SEED.to_array() + np.array((34.4, -31.4, 32.6))
    grid = VoxelGrid.from_parts((80, 80, 40), origin=origin, spacing=(0.8, 0.8, 1.7), direction=direction)
    return Volume(hu.astype(np.float32), grid, Source(name="probe_volume", kind="array"))


def probe_patch() -> NDArray[np.float32]:
    """What a network is fed to test itself: the patch around `PROBE_SEED`, float32, [z, y, x]."""
    return cut_patch(probe_volume(), PROBE_SEED).array
