"""Numbers in texts have decimal points, whatever the locale says to the C libraries underneath."""

from __future__ import annotations

import locale
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def decimal_points() -> Iterator[None]:
    """While ITK reads or writes: where decimals have commas, it would read 1.25 mm as 1 mm, and write 1,25.

    The locale is global to the process, so it is put back at the end.
    """
    before = locale.setlocale(locale.LC_NUMERIC)
    locale.setlocale(locale.LC_NUMERIC, "C")
    try:
        yield
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
