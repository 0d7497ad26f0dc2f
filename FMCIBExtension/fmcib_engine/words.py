"""How to do what a sentence of the engine advises, for whoever reads it.

A sentence says what to do. How it is done at the command line stands behind that in brackets, alone or beside the way
in the window:

    Choose another name, or allow it to be overwritten (--overwrite).
    Fetch it again (in the window: Download; or `fmcib-engine weights download fmcib`).

The command line prints both as they are; the window and scripts show what these functions leave. A test holds every
text of the engine to this form.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_WINDOW = r"in the window: (?P<window>[^();]*)(?:; or [^()]*)?"
_HOW = re.compile(rf" ?\((?:{_WINDOW}|(?P<shell>--[a-z][^()]*|`fmcib-engine[^()]*))\)")
_OPTION = re.compile(r"--[a-z][a-z-]*")


def in_window(sentence: str) -> str:
    """The sentence without what is done at the command line."""
    return _HOW.sub(lambda how: f" (in the window: {how['window']})" if how["window"] else "", sentence)


def in_script(sentence: str, options: Collection[str]) -> str:
    """The sentence with no other way than by these options, such as `--overwrite`."""

    def known(how: re.Match[str]) -> str:
        named = set(_OPTION.findall(how["shell"] or ""))
        return how.group() if named and named <= set(options) and "`" not in how["shell"] else ""

    return _HOW.sub(known, sentence)
