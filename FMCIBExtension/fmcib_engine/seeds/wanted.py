"""Which lesions of a source are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Wanted:
    """What the user asks of a source.

    >>> Wanted(("gtv*",)).takes("GTV-1"), Wanted(("GTV",)).takes("GTV-1"), Wanted().takes("lung")
    (True, False, True)
    """

    names: tuple[str, ...] = ()
    """Of ROIs, segments, labels or points, or patterns with `*`, `?` and `[…]`; capitals do not count. None: all."""
    parts: bool = False
    """Whether each separate part of an outlined lesion is a lesion of its own."""

    def takes(self, label: str) -> bool:
        """Whether a lesion that is called so is wanted."""
        folded = label.strip().casefold()
        return not self.names or any(
            folded == name.strip().casefold() or fnmatchcase(folded, name.strip().casefold()) for name in self.names
        )
