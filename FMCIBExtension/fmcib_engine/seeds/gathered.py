"""The lesions of one source as they are found: seeds, and those that are none, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import TableError
from ..geometry import VoxelGrid
from .lesion import GivenScan, LesionSeed, SeedTable
from .shape import Mask, count_parts, parts_of, shape_of
from .wanted import Wanted

EXTRA_COLUMNS = ("seed_label", "seed_origin", "lesion_volume_mm3")
"""What such a source tells of a lesion beside its place, as columns of a table."""
_SHOWN = 20
_NOWHERE = (math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Named:
    """A lesion before it has a place."""

    label: str
    """As its source calls it; that is what is asked for."""
    lesion_id: str = ""
    """Empty: the label."""
    frame_of_reference: str = ""


@dataclass
class Gathered:
    """Lesions of one kind of source, as `rtstruct` or `mask`."""

    name: str
    """Of the source, in messages: the last part of its path."""
    wanted: Wanted
    seeds: list[LesionSeed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    """All that were there, wanted or not."""
    grids: dict[tuple[Path, str, int | None], VoxelGrid] = field(default_factory=dict)
    """Of the scans that were looked at."""
    _taken: dict[tuple[Path, str], set[str]] = field(default_factory=dict)
    """The names of the lesions of each scan."""

    def takes(self, label: str) -> bool:
        """Whether a lesion is wanted; its label is remembered for the message where none is."""
        self.labels.append(label)
        return self.wanted.takes(label)

    def outline(self, named: Named, kind: str, scan: GivenScan, mask: Mask) -> None:
        """Add a lesion that has voxels: one seed, or one for each separate part."""
        if not self.wanted.parts:
            if (count := count_parts(mask)) > 1:
                self.warn(
                    named.label,
                    f"it has {count} separate parts, and one seed for all. Ask for a seed for each (--parts)",
                )
            self._shape(named, kind, scan, mask)
            return
        parts = list(parts_of(mask))
        for number, part in enumerate(parts, 1):
            lesion_id = named.lesion_id or named.label
            part_of = replace(named, lesion_id=f"{lesion_id}, part {number}") if len(parts) > 1 else named
            self._shape(part_of, kind, scan, part)

    def point(
        self, named: Named, kind: str, scan: GivenScan, lps: Iterable[float], diameter_mm: float | None = None
    ) -> None:
        """Add a lesion that is marked by a point, LPS mm."""
        x, y, z = lps
        self._add(named, scan, (float(x), float(y), float(z)), origin=f"{kind}, point", diameter_mm=diameter_mm)

    def refuse(self, named: Named, scan: GivenScan, reason: str) -> None:
        """Add a lesion that cannot be used; `reason` is a clause."""
        what = f"{named.label!r} of {self.name}" if named.label else self.name
        self._add(named, scan, _NOWHERE, problem=f"{what}: {reason}.")

    def warn(self, label: str, clause: str) -> None:
        """Say something of a lesion that is used."""
        self.warnings.append(f"{label!r} of {self.name}: {clause}.")

    def table(self, what: str, advice: str) -> SeedTable:
        """All of them; `what` the source should hold.

        Raises:
            TableError: there are none.
        """
        if self.seeds:
            return SeedTable(tuple(self.seeds), EXTRA_COLUMNS, tuple(self.warnings), self.grids)
        if self.labels and self.wanted.names:
            there = ", ".join(dict.fromkeys(self.labels[:_SHOWN]))
            more = f" and {len(self.labels) - _SHOWN} more" if len(self.labels) > _SHOWN else ""
            msg = (
                f"{self.name} has no {' or '.join(self.wanted.names)}; it has {there}{more}. Name one of them (--roi)."
            )
            raise TableError(msg)
        msg = f"{self.name} holds no {what}. {advice}"
        raise TableError(msg)

    def _shape(self, named: Named, kind: str, scan: GivenScan, mask: Mask) -> None:
        shape = shape_of(mask)
        place = "centroid" if shape.is_centroid else "innermost voxel"
        self._add(
            named,
            scan,
            shape.seed,
            origin=f"{kind}, {place}",
            diameter_mm=shape.diameter_mm,
            volume_mm3=shape.volume_mm3,
        )

    def _add(  # noqa: PLR0913  what a seed is made of
        self,
        named: Named,
        scan: GivenScan,
        coordinates: tuple[float, float, float],
        *,
        origin: str = "",
        diameter_mm: float | None = None,
        volume_mm3: float | None = None,
        problem: str = "",
    ) -> None:
        row = len(self.seeds) + 1
        seed = LesionSeed(
            row=row,
            lesion_id=self._unused(named.lesion_id or named.label or str(row), scan),
            image=scan.image,
            coordinates=coordinates,
            diameter_mm=diameter_mm,
            series_uid=scan.series_uid,
            time_point=scan.time_point,
            label=named.label,
            origin=origin,
            volume_mm3=volume_mm3,
            frame_of_reference=named.frame_of_reference,
            problem=problem,
        )
        told = (named.label, origin, "" if volume_mm3 is None else repr(volume_mm3))
        seed = replace(seed, extras=dict(zip(EXTRA_COLUMNS, told, strict=True)))
        self.seeds.append(seed)

    def _unused(self, lesion_id: str, scan: GivenScan) -> str:
        """The name, with a number behind it where another lesion of the scan has it."""
        taken = self._taken.setdefault((scan.image, scan.series_uid), set())
        number, name = 1, lesion_id
        while name in taken:
            number += 1
            name = f"{lesion_id} ({number})"
        taken.add(name)
        return name
