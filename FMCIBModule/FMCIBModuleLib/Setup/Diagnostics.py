"""A text about this computer and this extension that can be shown to anybody: it names no patient, file or user."""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import slicer

_PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "torch", "monai", "safetensors", "vtk")
_LONGEST_LINE = 500
_LOG_LINES = 40

_PATH = re.compile(
    r"""(?<![\w:/\\.])(?:[A-Za-z]:[\\/]|\\\\|file:/+|~?/)   # C:\\ or \\\\server or file:/// or / or ~/
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
    names: Iterable[str] = (),
) -> str:
    """The text that *Copy diagnostics* gives.

    Args:
        sections: facts under headings, such as settings, devices, weights.
        failures: the last messages that the user was shown.
        log: of the worker; its last lines are taken.
        names: of scans, lesions and patients in the scene, which are taken out of messages and log.
    """
    hidden = _pattern(names)
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

    found = {
        "Slicer": f"{slicer.app.applicationVersion} (revision {slicer.app.revision})",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors",
        "Python": platform.python_version(),
        "FMCIB engine": __version__,
    }
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def scrubbed(text: str, names: re.Pattern[str] | None = None) -> str:
    """A line without places, UIDs and these names."""
    text = withoutPlaces(text.replace("\n", " "))[:_LONGEST_LINE]
    return names.sub("<name>", text) if names else text


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


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """The names and their words, as a name like `Doe^Jane CT` comes in parts; letters that stand alone tell nothing."""
    words = {name.strip() for name in names}
    words |= {word for name in words for word in re.split(r"[\W_]+", name) if len(word) > 2}
    choices = sorted((re.escape(word) for word in words if len(word) > 1), key=len, reverse=True)
    return re.compile(rf"(?<![^\W_])(?:{'|'.join(choices)})(?![^\W_])", re.IGNORECASE) if choices else None
