"""Questions about files to a disk or share that may never answer: asked in another thread, and given up in time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any, TypeVar

Answer = TypeVar("Answer")
Otherwise = TypeVar("Otherwise")


class Patience:
    """Asks with a time limit. A thread that hangs is left alone, and ends with the process at the latest.

    Args:
        limit_s: for one question.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._questions: Queue[Any] | None = None
        self._answers: Queue[Any] = Queue()

    def ask(self, question: Callable[[Path], Answer], path: Path, otherwise: Otherwise) -> Answer | Otherwise:
        """What `question` answers about a path, or raises; `otherwise` where it does not come back in time."""
        if self._questions is None:
            self._questions, self._answers = Queue(), Queue()
            Thread(target=_answer, args=(self._questions, self._answers), name="patience", daemon=True).start()
        self._questions.put((question, path))
        try:
            answer, error = self._answers.get(timeout=self._limit_s)
        except Empty:
            self._questions = None
            return otherwise
        if error is not None:
            raise error
        result: Answer = answer
        return result

    def close(self) -> None:
        """Let the thread end."""
        if self._questions is not None:
            self._questions.put(None)
            self._questions = None


def _answer(questions: Queue[Any], answers: Queue[Any]) -> None:
    while (asked := questions.get()) is not None:
        question, path = asked
        try:
            answers.put((question(path), None))
        except Exception as error:  # noqa: BLE001  raised where it was asked
            answers.put((None, error))
