"""Behind the Advanced panel: self-test, the folder for weights, log and diagnostics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Activity import Activity
from .AdvancedPanel import AdvancedPanel
from .Desktop import Desktop, Slot, tellFaults
from .Diagnostics import SeenNames, diagnosticsText, scrubbed
from .Requirements import Requirements
from .Settings import Settings

_FAILURES = 10


@dataclass(frozen=True)
class Facts:
    """What only the window knows, asked for when it is needed.

    Attributes:
        workerLog: gives the last lines of the process that computes.
        names: gives the names of scans, lesions and patients in the scene, to be taken out of diagnostics.
        settings: gives what else the user has chosen, such as precision and recipe, for diagnostics.
        around: gives the function to connect in place of a slot, which tells what that raises.
        letGo: ends the process that has weights open; false while it is needed.
    """

    workerLog: Callable[[], str] = str
    names: Callable[[], list[str]] = list
    settings: Callable[[], Mapping[str, object]] = dict
    around: Callable[[Slot], Slot] = tellFaults
    letGo: Callable[[], bool] = lambda: True


class AdvancedDesk:
    """
    Attributes:
        cacheChanged: emitted when another folder holds; processes that run have the former.
        failed: emitted with a sentence that names the fix.
        device, engine: the texts of the parameters; the self-test computes there.
    """

    def __init__(
        self,
        panel: AdvancedPanel,
        task: TaskProcess,
        activity: Activity,
        settings: Settings,
        desktop: Desktop,
        facts: Facts,
    ) -> None:
        self.cacheChanged, self.failed = Signal(), Signal()
        self.device = self.engine = "auto"
        self._panel, self._task, self._activity = panel, task, activity
        self._settings, self._desktop, self._facts = settings, desktop, facts
        self._names = SeenNames(facts.names)
        self._failures: deque[str] = deque(maxlen=_FAILURES)
        self.logs: list[Callable[[], str]] = [facts.workerLog, lambda: task.lastLog]
        task.progressed.connect(activity.show)
        task.ended.connect(activity.end)
        task.done.connect(facts.around(self._onTested))
        task.failed.connect(lambda _code, message: self.failed.emit(message))
        panel.cacheClicked.connect(facts.around(self.chooseCache))
        panel.cacheResetClicked.connect(facts.around(lambda: self._setCache("")))
        panel.selfTestClicked.connect(facts.around(self.selfTest))
        panel.logRefreshClicked.connect(facts.around(self.showLog))
        panel.logCopyClicked.connect(facts.around(self.copyLog))

    def remember(self, message: str) -> None:
        """A message that the user was shown, for the log and diagnostics; kept without names, paths and UIDs."""
        self._failures.append(scrubbed(message, self._names.pattern()))

    def selfTest(self) -> None:
        if not self._activity.isBusy:
            text = _("Self-test: computing stored values again")
            start = partial(self._task.start, "self_test", {"device": self.device, "engine": self.engine})
            self._activity.begin(text, start, self._task.cancel)

    def chooseCache(self) -> None:
        folder = self._desktop.folder(_("Folder for weights"))
        if folder:
            self._setCache(folder)

    def showLog(self) -> None:
        """The messages that the user was shown, and what the processes wrote."""
        self._panel.showLog("\n".join([*self._failures, *self._logTexts()]))

    def copyLog(self) -> None:
        self.showLog()
        self._desktop.copy(self._panel.log)
        self._activity.tell(_("The log was copied. It may hold paths and names: look before you send it."))

    def copyDiagnostics(self, requirements: Requirements) -> None:
        """Put a text into the clipboard that names no patient, file or user."""
        chosen = {"weights": requirements.weights, "device": self.device, "folder": self._folderInWords()}
        sections = {"Settings": {**chosen, **self._facts.settings()}, **_found(requirements)}
        log = "\n".join(self._logTexts())
        text = diagnosticsText(sections, tuple(self._failures), log, self._names.pattern())
        self._desktop.copy(text)
        self._activity.tell(_("Diagnostics were copied, without names, paths and UIDs."))

    def close(self) -> None:
        self.cacheChanged.disconnectAll()
        self.failed.disconnectAll()
        self._names.close()
        self._task.close()

    def _logTexts(self) -> list[str]:
        """What the processes wrote, those that wrote nothing left out."""
        return [text for log in self.logs if (text := log())]

    def _folderInWords(self) -> str:
        if self._settings.isFixed:
            return "set outside"
        return "chosen" if self._settings.cacheFolder else "of the system"

    def _setCache(self, folder: str) -> None:
        try:
            self._settings.chooseCacheFolder(folder)
        except ValueError as error:
            self.failed.emit(str(error))
        else:
            self.cacheChanged.emit()

    def _onTested(self, result: Mapping[str, Any]) -> None:
        texts = {"device": _whereInWords(result), "seconds": result["seconds"], "count": len(result["checks"])}
        if result["good"]:
            text = _("Self-test passed on {device}: {count} checks in {seconds:.0f} s.")
            self._activity.tell(" ".join(filter(None, (text.format(**texts), _sentence(result.get("note"))))))
            return
        self._activity.tell(_("Self-test failed on {device}.").format(**texts))
        bad = ", ".join(_checkText(check) for check in result["checks"] if not check["good"])
        text = _(
            "The self-test failed on {device} ({what}): do not use features of it. Choose another device, or install "
            "PyTorch again."
        )
        self.failed.emit(text.format(what=bad, **texts))


def _whereInWords(result: Mapping[str, Any]) -> str:
    """The device, and the library if it is not PyTorch."""
    by = _(" by OpenVINO") if result.get("engine") == "openvino" else ""
    return f"{result['device']}{by}"


def _sentence(note: str | None) -> str:
    """Why the self-test was not computed on a better device."""
    return f"{note}." if note else ""


def _checkText(check: Mapping[str, Any]) -> str:
    if check["deviation"] is None:
        return str(check["what"])
    return f"{check['what']}: {check['deviation']:.2g} > {check['limit']:.2g}"


def _found(requirements: Requirements) -> dict[str, dict[str, object]]:
    """What the last probe told."""
    result = requirements.result
    if result is None:
        return {"Process": {"probe": "none yet"}}
    packages = {
        name: " ".join(filter(None, (str(each.get("version")), each.get("problem"))))
        for name, each in result["packages"].items()
    }
    weights = {
        record["id"]: f"SHA-256 {record['sha256']}, {record['checksum']}, {record['size']} bytes {record['problem']}"
        for record in result["weights"]
    }
    devices = {
        device["name"]: " ".join(filter(None, (device["title"], device.get("problem")))) for device in result["devices"]
    }
    process = {"Python": result.get("python"), **packages, "folder": result["cache_problem"] or "good"}
    return {"Process": process, "Devices": devices, "Weights": weights}
