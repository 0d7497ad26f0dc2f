"""`slicer.i18n`, of a host that speaks English.

`Base/Python/slicer/i18n.py:9` (translate), `Base/Python/slicer/i18n.py:54` (tr)
"""

from __future__ import annotations

import sys
from pathlib import Path

import slicer


def translate(context: str, text: str) -> str:
    return slicer.app.translate(context, text)


def tr(text: str) -> str:
    """As `translate`, with the file that calls it as context."""
    return translate(Path(sys._getframe(1).f_code.co_filename).stem, text)
