"""Which cases of parametrized tests stand for all, where each test is to be run and not each case."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def few_cases(node_ids: Iterable[str], most: int) -> set[str]:
    """Of each test `most` cases, evenly from its first to its last; `file::test[case]` is one."""
    tests: dict[str, list[str]] = {}
    for node_id in node_ids:
        tests.setdefault(node_id.partition("[")[0], []).append(node_id)
    return {
        cases[number]
        for cases in tests.values()
        for number in np.linspace(0, len(cases) - 1, min(most, len(cases))).round().astype(int)
    }
