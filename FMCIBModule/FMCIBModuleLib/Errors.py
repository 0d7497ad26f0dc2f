"""What an analysis raises where it could not be done at all, and how errors are said here."""

from __future__ import annotations

from fmcib_engine.words import in_window


class AnalysisError(RuntimeError):
    """An analysis that could not be done at all: a message for the user; the code of the worker's failure, if any."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


def sentenceOf(error: Exception) -> str:
    """What the user reads of an error of the engine or of this module: no options of a command line."""
    return in_window(str(error))
