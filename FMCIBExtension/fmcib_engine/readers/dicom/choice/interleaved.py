"""Volumes of one series that share few places or none: reconstructions at other steps, scans after the table moved.

Such images make one stack only by mistake, with every other slice of another reconstruction or moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ....affine import FloatArray
from ..header import TIMES, Header
from ..line import heights_of
from .copies import grouped

_NAMES = TIMES[: TIMES.index("instance number")]
_FEWEST = 3  # images of a volume
_EXTENT = 0.7  # of the series': less is a part of a scan
_ALIKE = 0.95  # of the steps of a volume: with less, what seems another volume fills its holes
_OFF_MM, _OFF_STEPS = 0.1, 0.02


def interleaved(images: Sequence[Header]) -> Iterator[tuple[str, dict[str, list[Header]]]]:
    """What tells such volumes apart, and the images of each by its value: all span the series, each at equal steps."""
    if not all(image.position and image.orientation for image in images):
        return
    for name in _NAMES:
        number = TIMES.index(name)
        groups = grouped(images, lambda image, n=number: image.times[n])  # type: ignore[misc]
        if len(groups) < 2 or "" in groups or min(map(len, groups.values())) < _FEWEST:
            continue
        normal = images[0].normal
        total = np.ptp(heights_of(images, normal))
        heights = [heights_of(group, normal) for group in groups.values()]
        if all(np.ptp(some) >= _EXTENT * total and _at_equal_steps(some) for some in heights):
            yield name, groups


def _at_equal_steps(heights: FloatArray) -> bool:
    gaps = np.diff(heights)
    step = float(np.median(gaps))
    off = max(_OFF_MM, _OFF_STEPS * step)
    return step > off and bool(np.mean(np.abs(gaps - step) <= off) >= _ALIKE)
