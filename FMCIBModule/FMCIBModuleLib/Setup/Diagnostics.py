"""A text about this computer and this extension that can be shown to anybody: it names no patient, file or user."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import slicer
import vtk
from slicer.util import VTKObservationMixin

_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "torch", "openvino", "monai", "safetensors", "vtk")
_LONGEST_LINE = 500
_LOG_LINES = 40
_MOST_NAMES = 2000

_PATH = re.compile(
    r"""(?<![\w:/\\.])(?<!<path>)(?:[A-Za-z]:[\\/]|\\\\|file:/+|~?/)   # C:\\ or \\\\server or file:/// or / or ~/
        (?:[^\s"'<>|:*?]|[ ](?=[^\s"'<>|:*?]*[\\/]))+       # blanks belong to it where a slash still follows
    """,
    re.VERBOSE,
)
_UID = re.compile(r"(?<![\d.])(?:\d+\.){5,}\d+|(?<![\d.])\d\.\d+\.\d{9,}[\d.]*")
_CODE = re.compile(r"[\w.-]+\.(?:py|dll|so[\d.]*|dylib|pyd)")


def diagnosticsText(
    sections: Mapping[str, Mapping[str, object]],
    failures: Sequence[str] = (),
    log: str = "",
    hidden: re.Pattern[str] | None = None,
) -> str:
    """The text that *Copy diagnostics* gives.

    Args:
        sections: facts under headings, such as settings, devices, weights.
        failures: the last messages that the user was shown.
        log: of the worker; its last lines are taken.
        hidden: names of scans, lesions and patients, which are taken out of messages and log; see `SeenNames`.
    """
    lines = ["FMCIB diagnostics"]
    for title, facts in {"Versions": versions(), **sections}.items():
        lines += ["", f"[{title}]", *(f"{name}: {withoutPlaces(str(value))}" for name, value in facts.items())]
    said = {"Last messages": failures, "Log": log.splitlines()[-_LOG_LINES:]}
    for title, texts in said.items():
        lines += ["", f"[{title}]", *(scrubbed(text, hidden) for text in texts)]
    return "\n".join(lines) + "\n"


def versions() -> dict[str, str]:
    """Of Slicer, the system, Python, this module's engine, and the packages in Slicer's Python."""
    from fmcib_engine import __version__
    from fmcib_engine.results.versions import versions_of

    return {
        "Slicer": f"{slicer.app.applicationVersion} (revision {slicer.app.revision})",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors",
        "Python": platform.python_version(),
        "FMCIB engine": __version__,
        **versions_of(_PACKAGES),
    }


def scrubbed(text: str, names: re.Pattern[str] | None = None) -> str:
    """A line without places, UIDs and these names. What was scrubbed before may be scrubbed again."""
    text = withoutPlaces(text.replace("\n", " "))
    return (names.sub("<name>", text) if names else text)[:_LONGEST_LINE]


def withoutPlaces(text: str) -> str:
    """Without absolute paths (of code the file's name stays), UIDs, and the user's name."""
    text = text.replace(str(Path.home()), "/<home>")
    text = _UID.sub("<UID>", _PATH.sub(_placeless, text))
    user = _user()
    return re.sub(rf"(?<!\w){re.escape(user)}(?!\w)", "<user>", text, flags=re.IGNORECASE) if user else text


def _placeless(found: re.Match[str]) -> str:
    last = re.split(r"[\\/]", found.group().rstrip("\\/"))[-1]
    return f"<path>/{last}" if _CODE.fullmatch(last) else "<path>"


def _user() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # no such entry; on Windows no variable that names one
        return ""
    return user if len(user) > 1 else ""


def namePattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """The names and their words, as a name like `Doe^Jane CT` comes in parts; letters that stand alone tell nothing."""
    words = {name.strip() for name in names}
    words |= {word for name in words for word in re.split(r"[\W_]+", name) if len(word) > 2}
    choices = sorted((re.escape(word) for word in words if len(word) > 1), key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(choices)})(?![^\W_])", re.IGNORECASE) if choices else None


class SeenNames(VTKObservationMixin):
    """The names in the scene, also those of before: messages and logs outlive the scene that they speak of."""

    def __init__(self, names: Callable[[], list[str]]) -> None:
        """
        Args:
            names: gives those that are in the scene now.
        """
        VTKObservationMixin.__init__(self)
        self._names = names
        self._seen: dict[str, None] = {}
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, lambda *_values: self.look())
        self.addObserver(scene, scene.NodeAboutToBeRemovedEvent, self._onNodeGoes)

    def look(self) -> None:
        """Remember the names of now. Of very many, those that were not seen for the longest time are forgotten."""
        self._remember(self._names())

    def pattern(self) -> re.Pattern[str] | None:
        """Finds the names of now and of before."""
        now = self._names()
        self._remember(now)
        return namePattern({*now, *self._seen})

    def close(self) -> None:
        """Observe nothing any more."""
        self.removeObservers()

    def _remember(self, names: Iterable[str]) -> None:
        for name in names:
            self._seen.pop(name, None)
            self._seen[name] = None
        for name in list(self._seen)[:-_MOST_NAMES]:
            del self._seen[name]

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _onNodeGoes(self, _scene, _event, node) -> None:
        """With a scan its patient may go; all names are looked up then, which is too slow for each box and point."""
        if slicer.mrmlScene.IsClosing():
            return
        if node.IsA("vtkMRMLVolumeNode"):
            self.look()
        elif node.IsA("vtkMRMLMarkupsNode"):
            points = range(node.GetNumberOfControlPoints())
            self._remember([node.GetName() or "", *(node.GetNthControlPointLabel(index) for index in points)])
