"""Which of several volumes of one series is meant: its time points, phases, acquisitions or reconstructions.

Where several images lie at one place, whatever their headers say may tell the volumes apart: a value that all images
of a volume share and no other volume has (`TIMES`), the order of phases, moments and instance numbers if one volume
is whole before the next begins, the file or the folder, two or three values together, or the order at each place.
Volumes that lie between each other are told apart likewise.
What says little of time comes last, and only where the images are no copies of each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path

from ....errors import SeriesError
from ..header import TIMES, Header
from .copies import grouped, place_of, without_copies
from .interleaved import interleaved

_COMPLETE = 0.7  # of the places of a scan: less is no time point of it, but a part
_OF_TIME = TIMES[: TIMES.index("start of the acquisition")]
_MOMENTS = ("acquisition time", "start of the acquisition", "content time", "series time", "creation time")
_IN_ORDER = ("cardiac phase", "respiratory phase", "trigger time", *_MOMENTS, "instance number")
_UNITS = {"cardiac phase": " %", "respiratory phase": " %", "trigger time": " ms", "slice thickness": " mm"}
_DIGESTS = ("image comment", "series description")
_NOT_SHOWN = (*_DIGESTS, "contrast agent", "stack")
_SHOWN = 12

Groups = dict[str, list[Header]]
Keys = dict[str, Callable[[Header], str]]

_FILES: Keys = {"file": lambda image: str(image.path), "folder": lambda image: str(image.path.parent)}


@dataclass(frozen=True)
class TimePoints:
    """Several volumes of one series, in ascending order of what tells them apart."""

    name: str
    """What tells them apart."""
    volumes: dict[str, list[Header]]
    """The images of each, by its value."""

    def shown(self) -> str:
        """Their values as a sentence; moments count from the first, so that no date is told."""
        values = [Path(value).name for value in self.volumes] if self.name == "file" else list(self.volumes)
        if self.name in _MOMENTS and all(_number(value) is not None for value in values):
            values = [f"{float(value) - float(values[0]):g} s" for value in values]
        elif self.name in {*_NOT_SHOWN, *_MOMENTS} or self.name not in {*TIMES, "file"}:
            values = []
        more = ", …" if len(values) > _SHOWN else ""
        unit = _UNITS.get(self.name, "")
        return f" In this order: {', '.join(f'{value}{unit}' for value in values[:_SHOWN])}{more}." if values else ""


def choose_time_point(
    images: list[Header], time_point: int | None, shown: Collection[Path] = ()
) -> tuple[list[Header], int | None, tuple[str, ...]]:
    """The images of one volume without copies, its number, and notes of how it was told apart from others.

    Args:
        images: of one stack.
        time_point: the number, from 0; None where there is no choice.
        shown: files of which the volume that is meant has one, where its number is not known.

    Raises:
        SeriesError: several and no choice, or a choice that is not there.
    """
    points, once = _time_points(images)
    if not points:
        if time_point is None:
            return once, None, ()
        msg = f"A time point ({time_point}) chooses among several, but {_why_none(images, once)}. Leave it out."
        raise SeriesError(msg)
    volumes = list(points.volumes.values())
    if time_point is None:
        holding = (number for number, volume in enumerate(volumes) if any(image.path in shown for image in volume))
        time_point = next(holding, None)
    count = len(volumes)
    kind = "time point" if points.name in {*_OF_TIME, *_MOMENTS} else "volume"
    if time_point is None or not 0 <= time_point < count:
        wanted = f"One {kind} is read at a time" if time_point is None else f"There is no {kind} {time_point}"
        msg = (
            f"{wanted}; the series has {count}, told apart by their {points.name}. Choose one from 0 to {count - 1} "
            f"(--time-point, or the column time_point).{points.shown()}"
        )
        raise SeriesError(msg)
    told = f"the series has {count} volumes, told apart by their {points.name}: this is number {time_point}, from 0"
    return volumes[time_point], time_point, () if points.name in _OF_TIME else (told,)


def _time_points(images: list[Header]) -> tuple[TimePoints | None, list[Header]]:
    """What tells volumes apart, nothing where there is one only; and the images without copies, where that matters."""
    if _is_once(images):
        return next(_interleaved(images), None), images
    if found := next(_whole(images, _values(_OF_TIME)), None):
        return found, images
    once = without_copies(images)
    if _is_once(once):
        return next(_interleaved(once), None), once
    ways = (
        _whole(once, _values(TIMES)),
        _one_after_another(once),
        _whole(once, _FILES),
        _interleaved(once),
        _of_several(once),
        _nth_of_each_place(once),
    )
    return next(chain(*ways), None), once


def _is_once(images: Sequence[Header]) -> bool:
    return len({place_of(image) for image in images}) == len(images)


def _values(names: Sequence[str]) -> Keys:
    return {name: _value_of(name) for name in names}


def _whole(images: list[Header], keys: Keys) -> Iterator[TimePoints]:
    """By one value, each of which has one image at (nearly) each place."""
    for name, key in keys.items():
        groups = grouped(images, key)
        if _are_whole(groups, images):
            yield TimePoints(name, _sorted(name, groups))


def _sorted(name: str, groups: Groups) -> Groups:
    """In the order of the values; texts, of which we know digests only, of their instance numbers or files."""
    if name not in _DIGESTS:
        return dict(sorted(groups.items(), key=lambda item: _in_order(item[0])))
    number = _value_of("instance number")
    firsts = {value: min((_in_order(number(image)), image.path) for image in group) for value, group in groups.items()}
    return {value: groups[value] for value in sorted(groups, key=firsts.__getitem__)}


def _interleaved(images: list[Header]) -> Iterator[TimePoints]:
    """By one value, where the volumes lie at places of their own, or at other steps."""
    for name, groups in interleaved(images):
        yield TimePoints(name, _sorted(name, groups))


def _of_several(images: list[Header]) -> Iterator[TimePoints]:
    """By two or three values together, as of phases that were reconstructed twice."""
    counts = {name: len({_value_of(name)(image) for image in images}) for name in TIMES}
    varying = [name for name, count in counts.items() if 1 < count < len(images) / 2]
    for names in chain(combinations(varying, 2), combinations(varying, 3)):
        numbers = [TIMES.index(name) for name in names]
        groups = grouped(images, lambda image, n=numbers: tuple(image.times[number] for number in n))  # type: ignore[misc]
        ordered = sorted(groups, key=lambda values: [_in_order(value) for value in values])
        named = {"\0".join(values) if all(values) else "": groups[values] for values in ordered}
        if _are_whole(named, images):
            yield TimePoints(" and ".join(names), named)


def _one_after_another(images: list[Header]) -> Iterator[TimePoints]:
    """By the order of phases, moments or instance numbers: a volume ends before an image of a place that it has."""
    places = {place_of(image) for image in images}
    for name in _IN_ORDER:
        value = _value_of(name)
        if any(_number(value(image)) is None for image in images):
            continue
        volumes: list[dict[tuple[float, ...], Header]] = [{}]
        for image in sorted(images, key=lambda image: float(value(image))):  # noqa: B023  used at once
            if place_of(image) in volumes[-1]:
                volumes.append({})
            volumes[-1][place_of(image)] = image
        starts = [value(next(iter(volume.values()))) for volume in volumes]
        ends = [value(next(reversed(volume.values()))) for volume in volumes]
        is_apart = all(float(end) < float(start) for end, start in zip(ends, starts[1:], strict=False))
        if is_apart and len(places) > 1 and all(len(volume) == len(places) for volume in volumes):
            yield TimePoints(name, {s: list(v.values()) for s, v in zip(starts, volumes, strict=True)})


def _nth_of_each_place(images: list[Header]) -> Iterator[TimePoints]:
    """By the order of moments or instance numbers at each place, where all are scanned again before the table moves."""
    places = grouped(images, place_of).values()
    for name in (*_MOMENTS, "instance number"):
        value = _value_of(name)
        is_number = all(_number(value(image)) is not None for image in images)
        is_told = is_number and all(_differs(group, value) for group in places)
        if is_told and len(places) > 1 and len({len(group) for group in places}) == 1:
            ordered = [sorted(group, key=lambda image: float(value(image))) for group in places]  # noqa: B023  used at once
            volumes = {str(number): list(volume) for number, volume in enumerate(zip(*ordered, strict=True))}
            yield TimePoints(f"{name} at each place", volumes)


def _are_whole(groups: Groups, images: list[Header]) -> bool:
    enough = max(2, _COMPLETE * len({place_of(image) for image in images}))
    are_enough = all(_is_once(group) and len(group) >= enough for group in groups.values())
    return len(groups) > 1 and "" not in groups and are_enough


def _why_none(images: list[Header], once: list[Header]) -> str:
    if _is_once(once):
        return "the series has one"
    doubled = [group for group in grouped(images, place_of).values() if len(group) > 1]
    telling = [name for name in TIMES if all(_differs(group, _value_of(name)) for group in doubled)]
    why = "nothing tells the images that lie at one place apart"
    return f"{why} as whole volumes (what differs there is their {', '.join(telling)})" if telling else why


def _differs(images: Sequence[Header], value: Callable[[Header], str]) -> bool:
    return len({value(image) for image in images}) == len(images)


def _value_of(name: str) -> Callable[[Header], str]:
    number = TIMES.index(name)
    return lambda image: image.times[number]


def _number(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _in_order(value: str) -> tuple[float, list[tuple[int, str]]]:
    """Numbers by size, texts by their letters and the numbers in them."""
    number = _number(value)
    parts = [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", value)]
    return (0.0 if number is None else number), parts
