"""Any source of seeds -> LesionSeed: which scan, which point, which lesion."""

from __future__ import annotations

from .lesion import LesionSeed
from .table import SeedTable, read_seed_table

__all__ = ["LesionSeed", "SeedTable", "read_seed_table"]
