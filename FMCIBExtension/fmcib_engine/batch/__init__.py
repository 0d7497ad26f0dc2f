"""Many lesions: in one process for a table (`analyse`), or as a run in a folder that outlives a kill (`run`)."""

from __future__ import annotations

from .attempts import Failure, attempt
from .one_process import analyse

__all__ = ["Failure", "analyse", "attempt"]
