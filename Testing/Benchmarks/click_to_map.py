"""From the click on *Show map* to the first picture over the CT, and to the whole map, for each method.

From the root: `.venv/bin/python Testing/Benchmarks/click_to_map.py`. The module's window in the tests' host, a chest
phantom, the CPU, FMCIB's network with demonstration weights, loaded and used before. A picture counts when all three
slice views are rendered with it. Occlusion is left after its first picture.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from time import perf_counter

from click_to_row import Watch, openWindow, spinUntil, writeWeights
from machine import load_average, machine_line
from scan import ROOT

import SlicerHost  # isort: skip
import slicer  # isort: skip  after the host has started


def main() -> int:
    print(machine_line())
    sys.path.insert(0, str(ROOT / "FMCIBModule"))
    from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
    from FMCIBModuleLib.Scene.SaliencyInScene import saliencyOf
    from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas

    slicer.app.layoutManager()
    with tempfile.TemporaryDirectory() as folder:
        weights = writeWeights(Path(folder) / "weights.safetensors")
        window, _ = openWindow(nodeFromVolume(chest_phantom(), "Phantom"), weights)
        Watch(window).click(window, pointToRas(PHANTOM_SEED))
        window.ui.saliencySection.collapsed = False
        overlay = saliencyOf(window._saliency._lesion.inScene, "embedding")
        ui = window._saliencyPanel.ui
        for number in range(ui.methodCombo.count):
            ui.methodCombo.currentIndex = number
            method = ui.methodCombo.currentText
            report(method, measured(window, overlay, is_short="Occlusion" in method))
        SlicerHost.unloadModule("FMCIBModule")
    print(f"\nAt the end: {load_average()}.")
    return 0


def measured(window, overlay, *, is_short: bool) -> tuple[float, float | None, int]:
    """Seconds to the first picture and to the last, None where that was not waited for; how many samples."""
    if overlay.node is not None:
        overlay.remove()
    explaining, ui = window._saliency.explaining, window._saliencyPanel.ui
    start = perf_counter()
    ui.makeMapButton.click()
    spinUntil(lambda: overlay.node is not None)
    render()
    first = perf_counter() - start
    if is_short:
        explaining.stop()
    spinUntil(lambda: explaining.lesion is None)
    render()
    return first, None if is_short else perf_counter() - start, explaining.total


def render() -> None:
    manager = slicer.app.layoutManager()
    for name in manager.sliceViewNames():
        manager.sliceWidget(name).sliceView().forceRender()


def report(method: str, times: tuple[float, float | None, int]) -> None:
    first, last, samples = times
    whole = "" if last is None else f", whole map {last:.2f} s"
    print(f"{method}: first picture {first:.2f} s{whole} ({samples} samples)", flush=True)


if __name__ == "__main__":
    sys.exit(main())
