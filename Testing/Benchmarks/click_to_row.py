"""From the click in a slice view to the row in the list, first and warm, and where the time goes.

From the root: `.venv/bin/python Testing/Benchmarks/click_to_row.py`. The module's window in the tests' host, a chest
phantom of 512x512x120, the CPU, demonstration weights read from a file as published ones are. "First" is the first
click after the window was opened on a CT: the network starts to load then, so it depends on how soon the click comes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, sleep

from machine import load_average, machine_line
from scan import ROOT

sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "Testing" / "Module")]

import SlicerHost  # noqa: E402  after the path

SlicerHost.start()

import slicer  # noqa: E402
from views import clickAt, showAt  # noqa: E402

ROUNDS = 15
PATIENCE = 300.0
STEPS = ("click to request", "features in the worker, there and back", "row, tables and box", "list and pictures")


class Watch:
    """When each step of one click was over."""

    def __init__(self, window) -> None:
        self.times: list[float] = []
        analysis, lesions = window.logic.analysis, window._lesions
        _after(analysis._queue, "_encode", self.note)
        _before(analysis, "_onAnswer", self.note)
        analysis._queue._onAnswer = analysis._onAnswer
        _after(analysis, "_onAnswer", self.note)
        analysis._queue._onAnswer = analysis._onAnswer
        _after(lesions, "_showChoice", self.note)  # the last thing that a refresh does

    def note(self) -> None:
        self.times.append(perf_counter())

    def click(self, window, ras) -> list[float]:
        """Seconds from the click to the end of each step."""
        showAt("Red", ras)
        window._scanPanel.ui.placeButton.click()
        spinUntil(lambda: False, seconds=0.3)  # what the button itself set off is over
        self.times = []
        start = perf_counter()
        clickAt("Red", ras)
        spinUntil(lambda: not window.logic.analysis.isBusy)
        self.times = [each for each in self.times if each > start]
        answered = len(self.times)
        spinUntil(lambda: len(self.times) > answered)  # the list is drawn once more when all is done
        encoded, *_, begun, written, listed = self.times
        return [each - start for each in (encoded, begun, written, listed)]


def _after(thing, name: str, note: Callable[[], None]) -> None:
    method = getattr(thing, name)

    def timed(*values):
        result = method(*values)
        note()
        return result

    setattr(thing, name, timed)


def _before(thing, name: str, note: Callable[[], None]) -> None:
    method = getattr(thing, name)

    def timed(*values):
        note()
        return method(*values)

    setattr(thing, name, timed)


def spinUntil(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    end = perf_counter() + seconds
    while not condition() and perf_counter() < end:
        slicer.app.processEvents()
        sleep(0.001)  # the network gets the cores, as beside Slicer's own event loop


def openWindow(volumeNode, weights: Path):
    """A fresh window on a CT, and how long it took to be there."""
    start = perf_counter()
    module = SlicerHost.loadModule(ROOT / "FMCIBModule" / "FMCIBModule.py")
    panel = module.widgetRepresentation()
    window = slicer.modules.FMCIBModuleWidget.window
    window.logic.getParameterNode().weights = str(weights)
    window.logic.getParameterNode().device = "cpu"
    slicer.util.setSliceViewerLayers(background=volumeNode, fit=True)
    panel.enter()
    panel.show()
    slicer.app.processEvents()
    return window, perf_counter() - start


def main() -> int:
    print(machine_line())
    sys.path.insert(0, str(ROOT / "FMCIBModule"))
    from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas

    nodule = pointToRas(PHANTOM_SEED)
    slicer.app.layoutManager()
    with tempfile.TemporaryDirectory() as folder:
        weights = writeWeights(Path(folder) / "weights.safetensors")
        volumeNode = nodeFromVolume(chest_phantom(), "Phantom")
        window, opening = openWindow(volumeNode, weights)
        watch = Watch(window)
        first = watch.click(window, nodule)
        print(f"\nwindow opened in {opening:.2f} s; click to row at once after that: {first[-1]:.2f} s")
        rounds = [watch.click(window, (nodule[0] + index, nodule[1], nodule[2])) for index in range(1, ROUNDS + 1)]
        SlicerHost.unloadModule("FMCIBModule")
        openLater(volumeNode, weights, nodule)
    report(rounds)
    print(f"\nAt the end: {load_average()}.")
    return 0


def openLater(volumeNode, weights: Path, nodule) -> None:
    """The same where the user looks for the lesion until the network is loaded."""
    slicer.mrmlScene.RemoveNode(slicer.util.getFirstNodeByClassByName("vtkMRMLMarkupsFiducialNode", "Lesions"))
    window, _ = openWindow(volumeNode, weights)
    watch, start = Watch(window), perf_counter()
    spinUntil(lambda: window.logic.analysis.worker.state == "ready")
    print(f"network loaded {perf_counter() - start:.2f} s after the window was there", end="; ")
    print(f"first click after that: {watch.click(window, nodule)[-1]:.2f} s")
    SlicerHost.unloadModule("FMCIBModule")


def writeWeights(path: Path) -> Path:
    """Demonstration weights as a file, so that they are loaded as published ones are."""
    from fmcib_engine.weights.checkpoint import Checkpoint, write_safetensors
    from fmcib_engine.weights.demonstration import demonstration_trunk

    write_safetensors(path, Checkpoint(demonstration_trunk(), {}), {})
    return path


def report(rounds: list[list[float]]) -> None:
    total = median(each[-1] for each in rounds)
    print(f"\nwarm: {1000 * total:.0f} ms from click to row, median of {len(rounds)}, {min(r[-1] for r in rounds):.3f} "
          f"to {max(r[-1] for r in rounds):.3f} s")  # fmt: skip
    spans = [[later - earlier for earlier, later in zip([0.0, *each], each, strict=False)] for each in rounds]
    for number, step in enumerate(STEPS):
        share = median(each[number] for each in spans)
        print(f"  {1000 * share:6.1f} ms  {100 * share / total:4.0f} %  {step}")


if __name__ == "__main__":
    sys.exit(main())
