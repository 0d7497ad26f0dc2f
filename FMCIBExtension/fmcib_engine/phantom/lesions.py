"""Computer-made lesions that know their truth: patches in HU, seeded, with every parameter and a mask.

A lesion of one of DeepLesion's eight sites among its usual neighbours, seen by one of six imaginary scanners. It is a
phantom: neighbours are drawn from round shapes where a radiologist expects them, HU from ranges, and disease from
nothing but an outline and a filling. Site, scanner, phase, size, outline and density are independent of each other,
except that only lung has ground glass. Nothing learned from it says anything about patients.

    case = sample_case(7, run_seed=1)                 # all its parameters
    patch = draw(case)                                # 50x50x50 voxels of 1 mm: patch.hu, patch.mask
    wide = draw(case, size_mm=80)                     # the same lesion and patient, room for a jittered seed
    negative = draw_elsewhere(case)                   # the same scan, where the lesion does not reach
    healthy = draw(case, lesion=False)                # the same place, noise included, before the lesion was there

Case `number` of a run is the same whatever else was made before it, on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .acquisition import Acquisition, Grid
from .dice import Dice, Vector
from .filling import DENSITIES, Filling
from .outline import OUTLINES, Outline, outline_of
from .scanners import KERNELS, SCANNERS
from .sites import SITES, Scene
from .space import Axes, Space
from .tissues import PHASES, tissues_of

Array = NDArray[np.float32]

EDITION = "lesions-1"
"""The same edition makes the same patch of the same case; a change of any voxel is a new edition."""

DIAMETERS_MM = (4.0, 40.0)
SIZES_MM = (16, 128)
"""Smallest and largest edge of a patch."""
FARTHEST_MM = 200.0
"""No patch is centred farther from the lesion: the site's anatomy ends somewhere."""
_CASE, _TISSUES, _ANATOMY, _LESION, _NOISE, _ELSEWHERE = range(6)
"""What each stream of chance is for."""


@dataclass(frozen=True)
class Case:
    """Everything that decides a patch; plain numbers and words, so that JSON holds it.

    Attributes:
        run_seed: of all cases of one run.
        number: of this case in its run, from 0.
        site: one of `SITES`.
        outline: `smooth`, `lobulated` or `spiculated`: the third that `roughness` lies in.
        roughness: 0 (an ellipsoid) to 1 (long strands).
        density: one of `DENSITIES`.
        diameter_mm: of the ball of the lesion's volume.
        phase: of contrast, one of `PHASES`.
        scanner: one of `SCANNERS`, which gave the numbers below.
        kernel: one of `KERNELS`.
        pixel_mm: of the scanner's own slices.
        thickness_mm: of a slice.
        increment_mm: from slice to slice.
        noise_hu: standard deviation in the scanner's own slices.
        grid_phase: where the scanner's voxels lie, as shares of a step along x, y, z.
        seed_offset_mm: the lesion's centre minus the patch's along x, y, z: 0.5 to 1.5, as the recipe truncates.
    """

    run_seed: int
    number: int
    site: str
    outline: str
    roughness: float
    density: str
    diameter_mm: float
    phase: str
    scanner: str
    kernel: str
    pixel_mm: float
    thickness_mm: float
    increment_mm: float
    noise_hu: float
    grid_phase: Vector
    seed_offset_mm: Vector

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"grid_phase": list(self.grid_phase), "seed_offset_mm": list(self.seed_offset_mm)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Case:
        """The case that `to_json` gave.

        Raises:
            InputError: values are missing, of another name, or beyond their ranges.
        """
        names = {field.name for field in fields(cls)}
        if set(values) != names:
            odd = ", ".join(sorted(names ^ set(values)))
            msg = f"A computer-made lesion is described by {len(names)} values; these are missing or unknown: {odd}."
            raise InputError(msg)
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        case = cls(**given)
        _require_key(case.number, case.run_seed)
        _require_known(case)
        return case


@dataclass(frozen=True, eq=False)
class LesionPatch:
    """One patch.

    Attributes:
        hu: float32 [z, y, x], voxels of 1 mm; x grows to the left, y to the back, z to the head.
        mask: which voxels' centres lie in the lesion; the same shape. Nowhere in a patch drawn without it.
        case: its parameters.
        details: what chance decided about tissue, neighbours and lesion, by name.
    """

    hu: Array
    mask: NDArray[np.bool_]
    case: Case
    details: dict[str, float | str]


def sample_case(
    number: int,
    run_seed: int = 0,
    *,
    site: str | None = None,
    scanner: str | None = None,
    density: str | None = None,
    roughness: float | None = None,
    **others: Any,
) -> Case:
    """Case `number` of a run; what is not given is drawn, and is the same whatever is given beside it.

    Raises:
        InputError: a name that does not exist, a density that the site does not have, a number beyond its range.
    """
    _require_key(number, run_seed)
    dice = Dice(run_seed, number, _CASE)
    drawn_site, drawn_scanner, share = dice.pick(tuple(SITES)), dice.pick(tuple(SCANNERS)), dice.uniform(0.0, 1.0)
    site, scanner = site or drawn_site, scanner or drawn_scanner
    _require_name("site", site, SITES)
    _require_name("scanner", scanner, SCANNERS)
    phase, size, rough = dice.pick(PHASES), dice.uniform(0.0, 1.0), dice.uniform(0.0, 1.0)
    roughness = rough if roughness is None else roughness
    _require_range("roughness", roughness)
    machine, make = SCANNERS[scanner], Dice(run_seed, number, _CASE, 1)
    thickness = make.uniform(*machine.thickness_mm)
    case = Case(
        run_seed,
        number,
        site,
        outline_of(roughness),
        roughness,
        density or _by_share(SITES[site].densities, share),
        DIAMETERS_MM[0] + (DIAMETERS_MM[1] - DIAMETERS_MM[0]) * size * float(np.sqrt(size)),
        phase,
        scanner,
        _by_share(machine.kernels, make.uniform(0, 1)),
        make.uniform(*machine.pixel_mm),
        thickness,
        thickness * make.uniform(*machine.overlap),
        make.uniform(*machine.noise_hu),
        (make.uniform(0, 1), make.uniform(0, 1), make.uniform(0, 1)),
        (make.uniform(0.5, 1.5), make.uniform(0.5, 1.5), make.uniform(0.5, 1.5)),
    )
    return _changed(case, others)


def draw(
    case: Case, size_mm: int = 50, centre_mm: Sequence[float] | None = None, *, lesion: bool = True
) -> LesionPatch:
    """A cube of `size_mm` whole millimetres of the case's scan.

    Tissue is the patient's, the same in every cube; noise is each cube's own, as if exposed anew. For views that share
    their noise, cut them from one larger cube.

    Args:
        case: what to draw.
        size_mm: edge, 16 to 128; the recipe's patch has 50.
        centre_mm: the cube's centre from the lesion's, mm LPS; by default where the recipe's truncation puts it.
        lesion: False draws the same place without it.

    Raises:
        InputError: a size or place beyond its range.
    """
    centre = _require_cube(size_mm, centre_mm, case)
    _keep_memory()
    grid = Grid(case.pixel_mm, case.thickness_mm, case.increment_mm, case.grid_phase)
    scan = Acquisition.of_cube(grid, size_mm)
    key = (case.run_seed, case.number)
    tissue = tissues_of(case.phase, Dice(*key, _TISSUES))
    scene = Scene(Dice(*key, _ANATOMY), tissue, case.diameter_mm / 2.0)
    space = Space.straight(_shifted(scan.axes, centre))
    SITES[case.site].paint(space, scene)
    mask = np.zeros((size_mm,) * 3, dtype=np.bool_)
    details: dict[str, float | str] = {f"{name}_hu": hu for name, hu in tissue.items()}
    if lesion:
        outline, dice = _lesion_of(case)
        details |= _paint_lesion(space, outline, case, replace(scene, dice=dice))
        mask = _mask_of(outline, _shifted((scan.out,) * 3, centre))
    exposure = [size_mm, *(round(1000.0 * (c + FARTHEST_MM)) for c in centre)]
    hu = scan.scan(space.hu, KERNELS[case.kernel], case.noise_hu, Dice(*key, _NOISE, *exposure))
    return LesionPatch(np.clip(hu, -1024.0, 3071.0), mask, case, details | scene.dice.notes)


def draw_elsewhere(case: Case, number: int = 0, size_mm: int = 50) -> LesionPatch:
    """A cube of the same scan, above or below, that the lesion does not reach: a negative, `number` of many.

    Raises:
        InputError: a size beyond its range.
    """
    _require_key(number, case.run_seed)
    dice = Dice(case.run_seed, case.number, _ELSEWHERE, number)
    along = _lesion_of(case)[0].reach + size_mm / 2.0 + dice.uniform(1.0, 12.0)
    return draw(case, size_mm, (dice.uniform(-20.0, 20.0), dice.uniform(-20.0, 20.0), along * dice.side()))


@cache
def _keep_memory() -> None:
    """Let the C library of Linux keep up to 62 MB of what is freed, instead of giving pages back and taking them anew.

    It does so once a block of nearly 32 MB, the largest that it counts, was freed. A patch's arrays of about 1 MB come
    and go a thousand times: 52 ms of processor time without this, 33 with it, on the same two busy cores.
    """
    np.empty(31 * 2**20, dtype=np.uint8)


def _lesion_of(case: Case) -> tuple[Outline, Dice]:
    """Its outline, and the chance of what it is filled with."""
    dice = Dice(case.run_seed, case.number, _LESION)
    return Outline.drawn(case.diameter_mm, case.roughness, dice), dice


def _paint_lesion(space: Space, outline: Outline, case: Case, scene: Scene) -> dict[str, float | str]:
    """Fill it, by the scene's chance; gives what it is made of."""
    site, dice = SITES[case.site], scene.dice
    filling = Filling.drawn(case.density, site.solid_hu(scene), case.diameter_mm, site.calcium, dice)
    reach = outline.reach + filling.margin_mm
    part = space.box((-reach,) * 3, (reach,) * 3)
    if not part.empty:
        filling.paint(part, outline.distance(part.axes), scene.radius, dice)
    return {f"lesion_{name}": value for name, value in asdict(filling).items() if value is not None} | dice.notes


def _mask_of(outline: Outline, axes: Axes) -> NDArray[np.bool_]:
    """Which points lie inside, by the equation that the tissue was painted with."""
    mask = np.zeros(tuple(len(axis) for axis in axes), dtype=np.bool_)
    box = tuple(slice(*np.searchsorted(axis, (-outline.reach - 1.0, outline.reach + 1.0))) for axis in axes)
    z, y, x = (axis[part] for axis, part in zip(axes, box, strict=True))
    if mask[box].size:
        mask[box] = outline.distance((z, y, x)) <= 0.0
    return mask


def _shifted(axes: Axes, centre: Vector) -> Axes:
    z, y, x = (axis + np.float32(c) for axis, c in zip(axes, centre[::-1], strict=True))
    return z, y, x


def _by_share(weights: Mapping[str, float], share: float) -> str:
    """One of the names, by how far a share of the whole goes along their weights."""
    left = share * sum(weights.values())
    for name, weight in weights.items():  # noqa: B007  the last one where rounding leaves a rest
        left -= weight
        if left < 0.0:
            break
    return name


def _changed(case: Case, others: Mapping[str, Any]) -> Case:
    """With single values set by the caller."""
    fixed = {"run_seed", "number", "outline"}
    names = {field.name for field in fields(case)}
    if unknown := [name for name in others if name not in names or name in fixed]:
        msg = f"A computer-made lesion has no value {unknown[0]!r} to set. It has: {', '.join(sorted(names - fixed))}."
        raise InputError(msg)
    changed = Case(**{**{name: getattr(case, name) for name in names}, **others})
    _require_known(changed)
    return changed


def _require_key(number: int, run_seed: int) -> None:
    for name, value in (("number", number), ("run seed", run_seed)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
            msg = f"The {name} of a computer-made lesion is a whole number from 0 to 2**63 - 1, got {value!r}."
            raise InputError(msg)


def _require_name(what: str, name: Any, known: Any) -> None:
    if not isinstance(name, str) or name not in known:
        msg = f"No {what} {name!r} of computer-made lesions. There are: {', '.join(known)}."
        raise InputError(msg)


_RANGES = {
    "diameter_mm": DIAMETERS_MM,
    "roughness": (0.0, 1.0),
    "pixel_mm": (0.4, 2.0),
    "thickness_mm": (0.5, 10.0),
    "increment_mm": (0.4, 10.0),
    "noise_hu": (0.0, 200.0),
}


def _require_known(case: Case) -> None:
    named = {"site": SITES, "outline": OUTLINES, "density": DENSITIES, "phase": PHASES, "scanner": SCANNERS}
    for what, known in (*named.items(), ("kernel", KERNELS)):
        _require_name(what, getattr(case, what), known)
    if case.density not in SITES[case.site].densities:
        allowed = ", ".join(SITES[case.site].densities)
        msg = f"A lesion in {case.site} cannot be {case.density} here. It can be: {allowed}."
        raise InputError(msg)
    for name in _RANGES:
        _require_range(name, getattr(case, name))
    for name, (low, high) in {"grid_phase": (0.0, 1.0), "seed_offset_mm": (-2.0, 2.0)}.items():
        vector = getattr(case, name)
        if (
            not isinstance(vector, tuple)
            or len(vector) != 3
            or not all(_is_number(c) and low <= c <= high for c in vector)
        ):
            msg = f"{name} of a computer-made lesion is three numbers from {low:g} to {high:g}, got {vector!r}."
            raise InputError(msg)
    if case.outline != outline_of(case.roughness):
        msg = f"A roughness of {case.roughness:g} is {outline_of(case.roughness)}, not {case.outline}."
        raise InputError(msg)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _require_range(name: str, value: Any) -> None:
    low, high = _RANGES[name]
    if not _is_number(value) or not low <= value <= high:  # also what is not a number
        msg = f"{name} of a computer-made lesion is {low:g} to {high:g}, got {value!r}."
        raise InputError(msg)


def _require_cube(size_mm: int, centre_mm: Sequence[float] | None, case: Case) -> Vector:
    """The cube's centre from the lesion's."""
    low, high = SIZES_MM
    if isinstance(size_mm, bool) or not isinstance(size_mm, int) or not low <= size_mm <= high:
        msg = f"The edge of a patch is a whole number of millimetres from {low} to {high}, got {size_mm!r}."
        raise InputError(msg)
    if centre_mm is None:
        x, y, z = (-offset for offset in case.seed_offset_mm)
        return x, y, z
    if len(centre_mm) != 3 or not all(abs(float(c)) <= FARTHEST_MM for c in centre_mm):  # also not a number
        msg = (
            f"The centre of a patch is three numbers of at most {FARTHEST_MM:g} mm from the lesion, got {centre_mm!r}."
        )
        raise InputError(msg)
    x, y, z = (float(c) for c in centre_mm)
    return x, y, z
