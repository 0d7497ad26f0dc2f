"""What the tests of installing, weights and the Advanced panel share."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from pathlib import Path

import slicer
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.weights.shipped import SHIPPED
from FMCIBModuleLib.Worker.TaskProcess import TaskProcess, engineCommand
from odd_tasks import SCRIPT
from support import ROOT

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(200_000))
"""Stands for the encoder's file: 6.4 MB."""

UI = ROOT / "FMCIBModule" / "Resources" / "UI"


ONE_THREAD = {"OMP_NUM_THREADS": "1"}


def oddTask(habit: str, **environment: str) -> TaskProcess:
    """A process of `odd_tasks` instead of the engine's."""
    return TaskProcess(
        makeCommand=lambda name, arguments: (sys.executable, SCRIPT, habit, name, arguments), environment=environment
    )


class PartlyPretend(TaskProcess):
    """The engine's own process, or what plays it, but for tasks that have an answer here."""

    def __init__(self, answers, makeCommand=engineCommand, environment=ONE_THREAD) -> None:
        super().__init__(makeCommand=makeCommand, environment=environment)
        self._answers = answers

    def start(self, name, arguments=None) -> None:
        if name in self._answers:
            self.ended.emit()
            self.done.emit(self._answers[name])
        else:
            super().start(name, arguments)


class Heard:
    """Writes down what signals tell, in their order: (name, values)."""

    def __init__(self, thing, *names: str) -> None:
        self.all: list[tuple] = []
        for name in names:
            getattr(thing, name).connect(lambda *values, name=name: self.all.append((name, *values)))

    def of(self, name: str) -> list[tuple]:
        return [values for each, *values in self.all if each == name]

    def names(self) -> list[str]:
        return [each[0] for each in self.all]


class PretendDesktop:
    """Answers in the user's place, and writes down what was asked."""

    canOpenExtensions = False

    def __init__(self, path: str | Path = "", agrees: bool = True) -> None:
        self.path, self.agrees = str(path), agrees
        self.asked: list[str] = []
        self.copied = self.typed = ""
        self.opened = 0
        self.openedPaths: list[str] = []

    def confirm(self, text: str) -> bool:
        self.asked.append(text)
        return self.agrees

    def file(self, title: str, kinds: str) -> str:
        self.asked.append(f"{title} {kinds}")
        return self.path

    def saveFile(self, title: str, name: str, kinds: str) -> str:
        self.asked.append(f"{title} {name} {kinds}")
        return self.path

    def text(self, title: str, label: str, text: str) -> str:
        self.asked.append(f"{title} {label} {text}")
        return self.typed

    def folder(self, title: str) -> str:
        self.asked.append(title)
        return self.path

    def newFile(self, title: str, name: str, kinds: str) -> str:
        self.asked.append(f"{title} {name} {kinds}")
        return self.path

    def open(self, path: str) -> bool:
        self.openedPaths.append(path)
        return True

    def copy(self, text: str) -> None:
        self.copied = text

    def openExtensions(self) -> None:
        self.opened += 1

    def window(self):
        return None


class Store(dict):
    """As QSettings, as far as `Settings` asks."""

    def value(self, key: str):
        return self.get(key)

    def setValue(self, key: str, value: str) -> None:
        self[key] = value

    def remove(self, key: str) -> None:
        self.pop(key, None)


def probed(**changes: object) -> dict:
    """What the engine's probe tells where all is good."""
    good = {"version": "9.9", "problem": ""}
    names = ("numpy", "scipy", "torch", "monai", "safetensors", "platformdirs", "filelock", "requests", "urllib3")
    return {
        "engine_version": "0.1.0",
        "python": "3.12.10",
        "packages": dict.fromkeys(names, good) | changes.pop("packages", {}),
        "torch": {"version": "2.13.0", "problem": ""},
        "devices": [{"name": "cpu", "title": "CPU", "memory_bytes": None}],
        "weights": [],
        "cache_folder": "/somewhere/fmcib",
        "cache_problem": "",
    } | changes


def record(name: str = "fmcib", **changes: object) -> dict:
    """Of installed weights, as the probe tells."""
    return {
        "id": name,
        "file": "model_weights.torch",
        "size": 738_451_713,
        "sha256": "ab" * 32,
        "checksum": "md5:" + "cd" * 16,
        "licence": "CC BY-NC 4.0",
        "notice": "weights licensed CC BY-NC 4.0: non-commercial use only",
        "time": "2026-01-01T00:00:00+00:00",
        "encoder": "fmcib",
        "caution": "",
        "problem": "",
    } | changes


def shippedRecord(**changes: object) -> dict:
    facts = {"file": "small.safetensors", "size": 1_810_560, "checksum": SHIPPED, "licence": "MIT", "notice": ""}
    return record("small", **facts, encoder="small", caution=COMPUTER_MADE) | changes


def fullDisk(*_values: object, **_options: object) -> None:
    """Stands for whatever wants to write."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def settle() -> None:
    for _ in range(5):
        slicer.app.processEvents()
