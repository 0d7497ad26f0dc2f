"""One series of a study, by a rule that is shown before it is used, and says of each other series why not that one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .gather import order_of
from .series import Found

Rank = tuple[str, Callable[[Found], float], Callable[[Found], str]]
"""What is said of the better one, the smaller the better, and how the value is shown."""

_SAME_MM = 0.1  # thicknesses nearer than that are one


@dataclass(frozen=True)
class Chosen:
    """By their numbers in a list of series, with the reasons as clauses."""

    taken: dict[int, str]
    left_out: dict[int, str]


@dataclass(frozen=True)
class OnePerStudy:
    """The rule.

    Args:
        kernels: patterns of convolution kernels, the most wanted first.
        named: series UIDs that seeds name: these are taken before all others, and all of them.
    """

    kernels: tuple[str, ...] = ()
    named: Collection[str] = field(default_factory=frozenset)

    @property
    def sentences(self) -> tuple[str, ...]:
        """In the order in which they decide: the next counts only where those before leave several series."""
        kernels = ", then ".join(self.kernels)
        return (
            "Series that the seeds name are taken, all of them. Of studies without such:",
            "an original image before a derived one (ImageType),",
            f"a convolution kernel as you prefer it ({kernels}, then others),"
            if kernels
            else "any convolution kernel,",
            "the thinnest slices,",
            "the most slices,",
            "the lowest series number, then the lowest series UID.",
        )

    def __call__(self, series: Sequence[Found]) -> Chosen:
        """Which of the series are taken, and why each of them, or why not."""
        studies: dict[tuple[str, ...], list[int]] = defaultdict(list)
        chosen = Chosen({}, {})
        for number, found in enumerate(series):
            if found.is_listed:
                chosen.taken[number] = "the table names it"
            else:
                studies[_study(found, number)].append(number)
        for numbers in studies.values():
            named = [number for number in numbers if series[number].uid in self.named and series[number].uid]
            kept = named or [min(numbers, key=lambda n: (*self._ranks(series[n]), order_of(series[n])))]
            why = "the seeds name it" if named else f"chosen of {len(numbers)} series of its study"
            for number in kept:
                chosen.taken[number] = why if named or len(numbers) > 1 else "the only series of its study that fits"
            for number in set(numbers) - set(kept):
                other = "the seeds name another series of its study"
                chosen.left_out[number] = other if named else self._why(series[kept[0]], series[number])
        return chosen

    def _ranks(self, found: Found) -> list[float]:
        return [rank(found) for _, rank, _ in self._criteria()]

    def _why(self, better: Found, found: Found) -> str:
        """The first criterion that decided."""
        for what, rank, shown in self._criteria():
            if rank(better) != rank(found):
                return f"of its study, a series {what} was chosen ({shown(better)}; this one {shown(found)})"
        return "of its study, a like series with a lower number was chosen"

    def _criteria(self) -> tuple[Rank, ...]:
        return (
            ("that is original", _is_derived, lambda f: "derived" if _is_derived(f) else "original"),
            ("of a preferred kernel", self._kernel, lambda f: f.kernel or "no kernel told"),
            ("of thinner slices", _thickness, lambda f: f"{f.step_mm:g} mm" if f.step_mm else "not told"),
            ("of more slices", lambda f: -f.slices, lambda f: f"{f.slices} slices"),
        )

    def _kernel(self, found: Found) -> float:
        """Its place among the preferred."""
        places = [n for n, pattern in enumerate(self.kernels) if matches(found.kernel, pattern)]
        return places[0] if places else len(self.kernels)


def matches(text: str, pattern: str) -> bool:
    """Whether a text is as a pattern says: `*` for any letters, `?` for one; capitals do not count."""
    return fnmatchcase(text.casefold(), pattern.casefold().replace("[", "[[]"))


def _study(found: Found, number: int) -> tuple[str, ...]:
    """What tells studies apart; a series that names none is a study of its own."""
    if not found.study_uid:
        return (str(number),)
    return found.study_uid, found.patient.id, found.patient.name


def _is_derived(found: Found) -> float:
    return float(found.image_type[:1] == ("DERIVED",))


def _thickness(found: Found) -> float:
    return float("inf") if found.step_mm is None else round(found.step_mm / _SAME_MM)
