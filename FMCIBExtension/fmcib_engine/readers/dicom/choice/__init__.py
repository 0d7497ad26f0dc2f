"""Which images of a series are the scan that is meant: `images` orders the steps.

`series` (of several, one), `joined` (slices of which each is a series), `origin` (of one patient), `alike` (of one
size and orientation), `time_points` (of several volumes, one; `interleaved`, `copies`).
"""

from __future__ import annotations

from .images import Choice, choose_images

__all__ = ["Choice", "choose_images"]
