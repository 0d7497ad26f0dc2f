"""What an analysis raises where it could not be done at all."""

from __future__ import annotations


class AnalysisError(RuntimeError):
    """An analysis that could not be done at all: a message for the user; the code of the worker's failure, if any."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code
