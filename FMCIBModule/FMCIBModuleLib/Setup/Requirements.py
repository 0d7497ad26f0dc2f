"""What an analysis needs, and what of it is here: asked of a process, so that a broken PyTorch breaks nothing here."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmcib_engine.encoders import find_encoder
from fmcib_engine.weights.about import read_about
from fmcib_engine.weights.shipped import SHIPPED, SMALL
from slicer.i18n import tr as _

from ..Signal import Signal
from ..Worker.TaskProcess import TaskProcess
from .Desktop import Slot, tellFaults

DEMONSTRATION = "demonstration"
_PUBLISHED = "fmcib"
_SMALL = ("monai", "safetensors", "platformdirs", "filelock")
_SHIPPED = ("requests", "urllib3")
"""Slicer has these; they are installed only where they are not."""

_OF_SLICER = ("numpy", "scipy")
_FASTER = "openvino"
_MEGABYTES = {"win32": 85, "darwin": 35}
"""To be downloaded of it, by system; 60 elsewhere."""

_GIB = 1 << 30


@dataclass(frozen=True)
class Requirement:
    """One thing that an analysis needs.

    Attributes:
        name: torch, packages or weights.
        state: unknown, checking, good, missing or wrong.
        text: what is so, in words.
        fix: what to do; empty where nothing is to be done.
    """

    name: str
    state: str
    text: str
    fix: str = ""


class Requirements:
    """Probes when it is told to, and judges what came of it.

    Attributes:
        changed: emitted when the list may be another.
        failed: emitted with a sentence when the probe itself did not work.
        probed: emitted when a probe has told what there is.
        weights, device, engine: the texts of the parameter node.
        result: what the last probe told; None before the first.
    """

    def __init__(self, task: TaskProcess, around: Callable[[Slot], Slot] = tellFaults) -> None:
        self.changed, self.failed, self.probed = Signal(), Signal(), Signal()
        self.weights = _PUBLISHED
        self.device = self.engine = "auto"
        self.result: Mapping[str, Any] | None = None
        self._task = task
        self._isDue = self._hasCrashed = False
        task.done.connect(around(self._onDone))
        task.failed.connect(around(self._onFailed))

    @property
    def isChecking(self) -> bool:
        return self._task.isRunning

    @property
    def isReady(self) -> bool:
        return all(each.state == "good" for each in self.list())

    @property
    def devices(self) -> Sequence[Mapping[str, Any]]:
        """As the probe tells them; empty before."""
        return self.result["devices"] if self.result else ()

    @property
    def installedWeights(self) -> Sequence[Mapping[str, Any]]:
        """The records of weights that are here, without the tables that upstream published."""
        found = self.result["weights"] if self.result else ()
        return [record for record in found if not record["file"].lower().endswith(".csv")]

    @property
    def notice(self) -> str:
        """One line that must be seen where the chosen weights are used; empty if none are, or nobody knows yet."""
        if self.weights == DEMONSTRATION:
            return _("DEMONSTRATION WEIGHTS: random numbers. The features mean nothing.")
        told = self._toldOfWeights()
        if told is None or told["checksum"] == SHIPPED:
            return told["caution"] if told else ""
        return " ".join(filter(None, (told["caution"], told["notice"] or self._unknownLicence(told["encoder"]))))

    @property
    def trial(self) -> str:
        """What to compute with for whoever has no weights, as a text of the parameter node."""
        shipped = [each["id"] for each in self.installedWeights if each["checksum"] == SHIPPED and not each["problem"]]
        return next(iter(shipped), DEMONSTRATION)

    def _toldOfWeights(self) -> Mapping[str, str] | None:
        """What is known of the chosen weights: of a file, what it says of itself; None where they are not here."""
        found = [record for record in self.installedWeights if record["id"] == self.weights]
        if found or not self._isFile:
            return found[0] if found else None
        about = read_about(Path(self.weights))
        return {"encoder": about.encoder, "caution": about.caution, "notice": "", "checksum": ""}

    def _unknownLicence(self, encoderId: str) -> str:
        if encoderId not in ("", _PUBLISHED):
            return _("The licence of these weights is not known here.")
        text = _(
            "The licence of these weights is not known here. FMCIB's published weights are {licence}: non-commercial "
            "use only."
        )
        return text.format(licence=find_encoder(_PUBLISHED).weights_licence.partition(" (")[0])

    def probe(self) -> None:
        """Look again. A look that is under way is old already, and is followed by another."""
        if self._task.isRunning:
            self._isDue = True
            return
        self._task.start("probe")
        self.changed.emit()

    def close(self) -> None:
        for signal in (self.changed, self.failed, self.probed):
            signal.disconnectAll()
        self._task.close()

    def missingPackages(self) -> list[str]:
        """Names for the installer, torch not among them."""
        if self.result is None:
            return []
        packages = self.result["packages"]
        small = [name for name in _SMALL if not _isGood(packages.get(name))]
        return small + [name for name in _SHIPPED if not _versionOf(packages.get(name))]

    def deviceTitles(self) -> list[tuple[str, str]]:
        """(Text of the parameter `device`, title) of what is here; of what does not work, with its reason."""
        titles = [("auto", _("Automatic"))]
        for device in self.devices:
            memory = device.get("memory_bytes")
            text = _("{title} ({size:.0f} GiB)") if memory else "{title}"
            title = text.format(title=device["title"], size=(memory or 0) / _GIB)
            titles.append((device["name"], _withProblem(title, device)))
        return titles

    def weightsTitles(self) -> list[tuple[str, str]]:
        """(Text of the parameter `weights`, title) of what is here, the chosen file among it."""
        titles = {record["id"]: _title(record) for record in self.installedWeights if not record["problem"]}
        if DEMONSTRATION in (self.trial, self.weights):
            titles[DEMONSTRATION] = _("Demonstration weights (random numbers)")
        if self._weights().state == "good":
            titles.setdefault(self.weights, Path(self.weights).name)
        return [*titles.items()]

    def list(self) -> list[Requirement]:
        """PyTorch, the packages, and the weights."""
        return [self._torch(), self._packages(), self._weights()]

    def faster(self) -> Requirement | None:
        """What would make the CPU faster, and is not needed; None where it would not be used, or nobody knows."""
        if self.result is None or not self.result.get("openvino_is_faster") or not self._usesCpu:
            return None
        found = self.result["packages"].get(_FASTER)
        if _isGood(found):
            text = _("Faster on this computer's processor: OpenVINO {version} computes the same features")
            return Requirement("faster", "good", text.format(version=found["version"]))
        if _versionOf(found):
            text = _("OpenVINO {version} is not fit for use: where it fails, PyTorch computes")
            return Requirement("faster", "wrong", text.format(version=found["version"]), found["problem"])
        text = _("Faster on this computer's processor: OpenVINO ({size} MB to download) computes the same features")
        fix = _("It is not needed, and replaces nothing.")
        return Requirement("faster", "missing", text.format(size=_MEGABYTES.get(sys.platform, 60)), fix)

    @property
    def _usesCpu(self) -> bool:
        """Whether the CPU would compute, and is not kept to PyTorch."""
        gpus = [each for each in self.devices if each["name"] != "cpu" and not each.get("problem")]
        return self.engine != "pytorch" and (self.device == "cpu" or (self.device == "auto" and not gpus))

    def _unknown(self, name: str, title: str) -> Requirement:
        if self.isChecking:
            return Requirement(name, "checking", _("{what}: checking").format(what=title))
        return Requirement(name, "unknown", _("{what}: not checked").format(what=title), _("Check again."))

    def _torch(self) -> Requirement:
        if self._hasCrashed:
            fix = _("Uninstall PyTorch in the module PyTorch Utils, restart Slicer, and install it again.")
            return Requirement("torch", "wrong", _("The check crashed, most likely of a damaged PyTorch"), fix)
        if self.result is None:
            return self._unknown("torch", _("PyTorch"))
        torch = self.result["torch"]
        if not _versionOf(torch):
            fix = _("The extension PyTorch installs it; without network, a folder of wheels does.")
            return Requirement("torch", "missing", _("PyTorch is missing"), fix)
        if torch["problem"]:
            text = _("PyTorch {version} does not work").format(version=torch["version"])
            how = _("To reinstall: uninstall it in the module PyTorch Utils, restart Slicer, and install it here.")
            return Requirement("torch", "wrong", text, f"{torch['problem']} {how}")
        gpus = [device for device in self.devices if device["name"] != "cpu"]
        titles = [device["title"] for device in gpus if not device.get("problem")] or [_("CPU")]
        text = _("PyTorch {version}, {devices}").format(version=torch["version"], devices=", ".join(titles))
        broken = [_withProblem(device["title"], device) for device in gpus if device.get("problem")]
        return Requirement("torch", "good", "; ".join([text, *broken]))

    def _packages(self) -> Requirement:
        if self.result is None:
            return self._unknown("packages", _("Packages"))
        packages = self.result["packages"]
        absent = [name for name in (*_SMALL, *_SHIPPED) if not _versionOf(packages.get(name))]
        if absent:
            fix = "" if self._torch().state == "good" else _("They come after PyTorch.")
            return Requirement("packages", "missing", _("Missing: {names}").format(names=", ".join(absent)), fix)
        problems = [packages[name]["problem"] for name in (*_SMALL, *_SHIPPED, *_OF_SLICER) if name in packages]
        problems = [problem for problem in problems if problem]
        if problems:
            return Requirement("packages", "wrong", _("Packages do not work"), problems[0])
        text = _("MONAI {version} and the small packages").format(version=packages["monai"]["version"])
        return Requirement("packages", "good", text)

    def _weights(self) -> Requirement:
        if self.weights == DEMONSTRATION:
            return Requirement("weights", "good", _("Demonstration weights: random numbers, for trying out only"))
        if self.result is None:
            return self._unknown("weights", _("Weights"))
        found = [record for record in self.installedWeights if record["id"] == self.weights]
        for record in found:
            if record["problem"]:
                text = _("The weights {name} are damaged").format(name=self.weights)
                return Requirement("weights", "wrong", text, record["problem"])
            return Requirement("weights", "good", _installed(record))
        if self.result["cache_problem"]:
            return Requirement("weights", "wrong", _("The weights cannot be looked for"), self.result["cache_problem"])
        return self._file()

    def _file(self) -> Requirement:
        """Weights that are not installed: a file, an ID that is not here, or nothing."""
        path = Path(self.weights)
        if self._isFile:
            return Requirement("weights", "good", _("Weights of the file {name}").format(name=path.name))
        fix = _("Download or import them, or choose others.")
        if self.weights == SMALL:
            fix = _("They come with the FMCIB extension: install it again, or choose others.")
        name = path.name or _("(none)")
        return Requirement("weights", "missing", _("Weights are missing: {name}").format(name=name), fix)

    @property
    def _isFile(self) -> bool:
        return bool(self.weights) and Path(self.weights).is_file()

    def _onDone(self, result: Mapping[str, Any]) -> None:
        self._hasCrashed = False
        if isWhole(result):
            self.result = result
            self.probed.emit()
        else:
            self.failed.emit(
                _("The check of what is installed gave no usable answer. Install the FMCIB extension again.")
            )
        self._goOn()

    def _onFailed(self, code: str, message: str) -> None:
        self._hasCrashed = code == "crashed"
        self.failed.emit(message)
        self._goOn()

    def _goOn(self) -> None:
        if self._isDue:
            self._isDue = False
            self._task.start("probe")
        self.changed.emit()


def isWhole(result: Mapping[str, Any]) -> bool:
    """Whether a probe's answer has all that is asked of it here."""
    kinds = {"torch": dict, "packages": dict, "devices": list, "weights": list, "cache_problem": str}
    return all(isinstance(result.get(name), kind) for name, kind in kinds.items())


def _title(record: Mapping[str, Any]) -> str:
    """Of weights in a list: their name, and what they are where that is no licence's matter."""
    if record["checksum"] == SHIPPED:
        return _("{name} (trained on computer-made lesions)").format(name=record["id"])
    return record["id"] if record["encoder"] in ("", _PUBLISHED) else f"{record['id']} ({record['encoder']})"


def _withProblem(title: str, device: Mapping[str, Any]) -> str:
    """A device's title; where the engine has found it broken, why."""
    text = _("{title} does not work: {problem}") if device.get("problem") else "{title}"
    return text.format(title=title, problem=device.get("problem"))


def _versionOf(package: Mapping[str, Any] | None) -> str:
    return (package or {}).get("version") or ""


def _isGood(package: Mapping[str, Any] | None) -> bool:
    return bool(_versionOf(package)) and not package["problem"]


def _installed(record: Mapping[str, Any]) -> str:
    text = _("Weights {name}, {size:.0f} MB").format(name=record["id"], size=record["size"] / 1e6)
    if record["checksum"] == "unverified":
        text += _(" (not compared with a published checksum)")
    return " ".join([text, *(f"({doubt})" for doubt in record.get("doubts", ()))])
