"""How long something still takes, by how far it has come, and that in words."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from slicer.i18n import tr as _

_SHORTEST_S = 2.0
"""Less than so long after the beginning nobody can tell."""


class TimeLeft:
    """Of one run: from the first that is heard of it, which may be in its midst."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._first: tuple[float, float] | None = None

    def begin(self) -> None:
        self._first = None

    def seconds(self, fraction: float | None) -> float | None:
        """
        Args:
            fraction: 0 to 1, how far it is now; None where nobody knows.

        Returns:
            About how many seconds are left; None where nobody knows.
        """
        if fraction is None or fraction >= 1:
            return None
        now = self._now()
        if self._first is None or fraction < self._first[1]:
            self._first = now, fraction
        begun, before = self._first
        if now - begun < _SHORTEST_S or fraction <= before:
            return None
        return (now - begun) / (fraction - before) * (1 - fraction)


def timeLeft(seconds: float | None) -> str:
    """About how long it takes still; empty where nobody knows."""
    if seconds is None:
        return ""
    if seconds >= 90 * 60:
        return _("about {hours:.0f} hours left").format(hours=seconds / 3600)
    if seconds >= 90:
        return _("about {minutes:.0f} minutes left").format(minutes=seconds / 60)
    if seconds < 1.5:
        return _("about 1 second left")
    return _("about {seconds:.0f} seconds left").format(seconds=seconds)
