"""Numbers of a run as they come: a CSV, and TensorBoard's files where that package is installed.

A resumed run repeats the steps since its checkpoint, so their rows are taken out first: each step has one row.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import OutputError
from ..results.files import keep_text

_log = logging.getLogger(__name__)


class Metrics:
    """The table of a run; `step` and `epoch` come first, both from 1.

    Args:
        path: the CSV.
        names: its other columns.
        done: steps that are kept of an earlier part of the run.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, names: tuple[str, ...], done: int) -> None:
        self._path, self._names = path, names
        header = ",".join(("step", "epoch", *names))
        kept = [line for line in _lines(path) if _step_of(line) <= done]
        keep_text(path, "\n".join([header, *kept]) + "\n")
        try:
            self._file = path.open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._unwritten(error) from error
        self._board = _open_board(path.with_name(f"{path.stem}_tensorboard"), done)

    def write(self, step: int, epoch: int, values: Mapping[str, float]) -> None:
        """One row.

        Raises:
            OutputError: it cannot be written.
        """
        cells = [f"{values[name]:.9g}" if name in values else "" for name in self._names]
        try:
            self._file.write(",".join((str(step), str(epoch), *cells)) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._unwritten(error) from error
        self._show(lambda board: [board.add_scalar(name, value, step) for name, value in values.items()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._show(lambda board: board.close())

    def _show(self, step: Callable[[Any], Any]) -> None:
        """On TensorBoard, as long as that works."""
        try:
            if self._board:
                step(self._board)
        except Exception as error:  # noqa: BLE001  the CSV has all of it
            self._board = None
            _log.warning("There will be no more files for TensorBoard (%s).", type(error).__name__)

    def _unwritten(self, error: OSError) -> OutputError:
        return OutputError(f"{self._path.name} cannot be written ({error.strerror}). Make room, and go on (--resume).")


def _lines(path: Path) -> list[str]:
    """Whole rows of an earlier part."""
    if not path.is_file():
        return []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        msg = f"{path.name} cannot be read ({error.strerror}). Mend that, and go on (--resume)."
        raise OutputError(msg) from error
    return [line[:-1] for line in text.splitlines(keepends=True)[1:] if line.endswith("\n")]


def _step_of(line: str) -> float:
    """Of a row; endless of one that is none."""
    try:
        return int(line.partition(",")[0])
    except ValueError:
        return float("inf")


def _open_board(folder: Path, done: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder), purge_step=done + 1)
    except ImportError:
        return None
    except Exception as error:  # noqa: BLE001  a package that nobody needs stops no run
        _log.warning("There will be no files for TensorBoard, which does not work here (%s).", type(error).__name__)
        return None
