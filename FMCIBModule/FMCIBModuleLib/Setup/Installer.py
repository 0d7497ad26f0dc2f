"""Installs what is missing, after the user has asked for it, and leaves Slicer's own packages as they are."""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

from fmcib_engine.encoders.known_bad import NOT_INSTALLED
from fmcib_engine.probing.libraries import FOR_HEADS
from fmcib_engine.tasks.probe import OLDEST
from slicer.i18n import tr as _

from ..Signal import Signal
from .PipProcess import PipProcess, whatFailed
from .SlicerPip import SlicerPip

KEPT = ("numpy", "scipy", "SimpleITK", "pydicom", "torch", "torchvision")
"""Never replaced: Slicer's own, and what the PyTorch extension chose for this computer."""

TORCH = ",".join([f"torch>={OLDEST['torch']}", *(f"!={version}" for version in NOT_INSTALLED["torch"])])
"""Without versions that are bad on a GPU: nobody knows yet which one will be used, and another costs nothing."""

PACKAGES = {name: f"{name}>={version}" for name, version in (OLDEST | FOR_HEADS).items() if name not in KEPT}
"""What is installed from a package index or folder, as the engine wants it."""

_OPTIONS = ("--disable-pip-version-check", "--no-input", "--progress-bar=off", "--only-binary=:all:")
"""Wheels only: a hospital's computer has no compiler, and nothing that is downloaded runs before it is used."""

_LOG_LINES = 200


class Pip(Protocol):
    """`PipProcess`, or Slicer's own."""

    canCancel: bool

    def run(self, arguments: Sequence[str], onLine: Callable[[str], Any], onEnd: Callable[[int], Any]) -> None: ...
    def cancel(self) -> None: ...
    def close(self) -> None: ...


def installedPins() -> dict[str, str]:
    """The versions of `KEPT` that are installed here."""
    importlib.invalidate_caches()
    pins = {}
    for name in KEPT:
        try:
            pins[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return pins


class TorchExtension:
    """The PyTorch extension, which installs the PyTorch that fits the GPU's driver."""

    @property
    def isThere(self) -> bool:
        return importlib.util.find_spec("PyTorchUtils") is not None

    def installTorch(self) -> Any:
        """It asks once more, and blocks until it is done. None if the user does not want to."""
        logic = importlib.import_module("PyTorchUtils").PyTorchUtilsLogic()
        return logic.installTorch(askConfirmation=True, torchVersionRequirement=TORCH.removeprefix("torch"))


class Installer:
    """One installation at a time. Nothing happens before a method is called, and the user is asked before that.

    Attributes:
        progressed: emitted with a line of pip.
        ended: emitted when nothing runs any more, before `installed` and `failed`.
        installed: emitted when it succeeded.
        failed: emitted with a sentence that names the fix.
    """

    def __init__(
        self,
        pip: Pip | None = None,
        extension: Any = None,
        pins: Callable[[], Mapping[str, str]] = installedPins,
    ) -> None:
        self.progressed, self.ended, self.installed, self.failed = Signal(), Signal(), Signal(), Signal()
        self._pip = pip or (SlicerPip() if SlicerPip.isThere() else PipProcess())
        self._extension = extension or TorchExtension()
        self._pins = pins
        self._log: deque[str] = deque(maxlen=_LOG_LINES)
        self._isRunning = self._isCopying = self._isCancelled = False
        self._folder: tempfile.TemporaryDirectory | None = None

    @property
    def isRunning(self) -> bool:
        return self._isRunning

    @property
    def canCancel(self) -> bool:
        """Whether what runs can be ended: not while files are being put into place, which would be left half."""
        return self._isRunning and self._pip.canCancel and not self._isCopying

    @property
    def hasTorchExtension(self) -> bool:
        return self._extension.isThere

    @property
    def lastLog(self) -> str:
        return "\n".join(self._log)

    def installTorch(self) -> None:
        """By the PyTorch extension. Blocks until it is done."""
        if not self.hasTorchExtension:
            self.ended.emit()
            self.failed.emit(noTorchExtension())
            return
        self._log.clear()
        problem, torch = "", None
        try:
            with self._constraints("torch") as constraints, _variable("PIP_CONSTRAINT", constraints.as_uri()):
                torch = self._extension.installTorch()
        except Exception as error:  # noqa: BLE001  another extension's code: pip, files, or PyTorch's own import
            self._log.append(f"{type(error).__name__}: {error}")
            problem = _(
                "PyTorch could not be installed ({reason}). Restart Slicer and try again before anything else is "
                "done; the Python console has the details."
            ).format(reason=str(error)[:200])
        self.ended.emit()
        if problem:
            self.failed.emit(problem)
        elif torch is not None:
            self.installed.emit()

    def install(self, names: Sequence[str], folder: str = "") -> None:
        """Install packages by pip, from the index that it is set to, or from a folder of wheels and nowhere else.

        Args:
            names: keys of `PACKAGES`, or torch.
            folder: of wheels, with all that they need.

        Raises:
            RuntimeError: another installation runs.
        """
        if self._isRunning:
            msg = "An installation is running already."
            raise RuntimeError(msg)
        self._log.clear()
        self._isCopying = self._isCancelled = False
        try:
            self._folder = _temporaryFolder()
            constraints = self._writeConstraints(Path(self._folder.name), "torch" if "torch" in names else "")
        except OSError as error:  # such as a full disk, on which pip would end as well
            self._onLine(f"ERROR: {error}")
            self._onEnd(-1, folder)
            return
        source = ["--no-index", "--find-links", folder] if folder else []
        wanted = [TORCH if name == "torch" else PACKAGES[name] for name in names]
        arguments = ["install", *_OPTIONS, *source, "--constraint", str(constraints), *wanted]
        self._isRunning = True
        try:
            self._pip.run(arguments, self._onLine, lambda code: self._onEnd(code, folder))
        except Exception:
            self._isRunning = False
            self._removeFolder()
            raise

    def cancel(self) -> None:
        """End what runs, if `canCancel`. `ended` follows; nothing else is told."""
        if self.canCancel:
            self._isCancelled = True
            self._pip.cancel()

    def close(self) -> None:
        for signal in (self.progressed, self.ended, self.installed, self.failed):
            signal.disconnectAll()
        self._pip.close()
        self._isRunning = False
        self._removeFolder()

    def _onLine(self, line: str) -> None:
        self._log.append(line)
        self._isCopying = self._isCopying or line.startswith("Installing collected packages")
        if line.strip():
            self.progressed.emit(line.strip())

    def _onEnd(self, code: int, folder: str) -> None:
        self._isRunning = False
        self._removeFolder()
        self.ended.emit()
        if self._isCancelled:
            return
        if code == 0:
            self.installed.emit()
        else:
            self.failed.emit(whatFailed(self._log, folder))

    def _removeFolder(self) -> None:
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _writeConstraints(self, folder: Path, without: str) -> Path:
        """A file for pip that keeps what is installed; of torch only where it is not what is to be installed."""
        left = {"torch", "torchvision"} if without == "torch" else set()
        pins = [f"{name}=={version}\n" for name, version in self._pins().items() if name not in left]
        path = folder / "constraints.txt"
        path.write_text("".join(pins), encoding="utf-8")
        return path

    @contextmanager
    def _constraints(self, without: str) -> Iterator[Path]:
        with _temporaryFolder() as folder:
            yield self._writeConstraints(Path(folder), without)


def _temporaryFolder() -> tempfile.TemporaryDirectory:
    """What cannot be removed from it, as on Windows while a scanner reads it, is left to the system."""
    return tempfile.TemporaryDirectory(prefix="fmcib", ignore_cleanup_errors=True)


def noTorchExtension() -> str:
    return _(
        "PyTorch is installed by the extension PyTorch: install that in the Extensions Manager, restart Slicer, and "
        "come back here. Without network, install from a folder of wheels."
    )


@contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """An environment variable for a while; pip splits lists at blanks, so that a path goes as a URL."""
    before = os.environ.get(name)
    os.environ[name] = f"{before} {value}" if before else value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
