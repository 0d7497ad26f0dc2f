"""What the Slicer layer costs beside the engine alone, side by side in one run, on the tests' host.

From the root: `.venv/bin/python Testing/Benchmarks/slicer_layer.py`. Demonstration weights, a phantom of 512x512x300.
The engine's network runs in this very process, the layer's in its worker: they take turns, and each is idle meanwhile.
"""

from __future__ import annotations

import sys
from statistics import median

from machine import load_average, machine_line
from scan import ROOT
from timing import Pair, in_turns, repeat

sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "FMCIBModule")]

import SlicerHost  # noqa: E402  after the path

SlicerHost.start()

import numpy as np  # noqa: E402
import slicer  # noqa: E402
import vtk  # noqa: E402
from fmcib_engine import pipeline  # noqa: E402
from fmcib_engine.encoders.devices import let_waiting_threads_sleep  # noqa: E402
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom  # noqa: E402
from fmcib_engine.weights import load_encoder  # noqa: E402
from FMCIBModuleLib.Analysis.AnalysisLogic import AnalysisLogic  # noqa: E402
from FMCIBModuleLib.Scene.LesionTable import LesionTable  # noqa: E402
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas, volumeFromNode  # noqa: E402
from FMCIBModuleLib.Worker.WorkerProcess import EncoderSettings, WorkerProcess  # noqa: E402

ROUNDS = 15


def main() -> int:
    let_waiting_threads_sleep()  # the other side's turn must not meet ours spinning
    print(machine_line())
    volume = chest_phantom((0.7, 0.7, 1.0))
    volumeNode = nodeFromVolume(volume, "Phantom")
    seeds = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Seeds")
    seeds.AddControlPointWorld(vtk.vtkVector3d(*pointToRas(PHANTOM_SEED)), "Nodule")
    encoder = load_encoder("demonstration", device="cpu")
    worker = WorkerProcess()
    logic = AnalysisLogic(worker, EncoderSettings("demonstration", device="cpu"))
    try:
        logic.analyse(volumeNode, seeds, wait=True)
        _requireSameFeatures(volumeNode, volume, encoder)
        _report(volumeNode, volume, seeds, encoder, logic)
    finally:
        logic.close()
    print(f"\nAt the end: {load_average()}.")
    return 0


def _report(volumeNode, volume, seeds, encoder, logic: AnalysisLogic) -> None:
    def cutHere() -> None:
        pipeline.cut(volumeFromNode(volumeNode), PHANTOM_SEED)

    def cutAlone() -> None:
        pipeline.cut(volume, PHANTOM_SEED)

    def rowHere() -> None:
        logic.analyse(volumeNode, seeds, wait=True)

    def featuresAlone() -> None:
        pipeline.encode([pipeline.cut(volume, PHANTOM_SEED)], encoder)

    patch = pipeline.cut(volume, PHANTOM_SEED)

    def encodeHere() -> None:
        logic.worker.encode(patch, lambda *_: None)
        logic.worker.wait()

    def encodeAlone() -> None:
        pipeline.encode([patch], encoder)

    size = "x".join(str(n) for n in volume.grid.size)
    print(f"\nScan: {size}. Medians of {ROUNDS}; both sides in turns.\n")
    print("| | in Slicer's scene | engine alone | ratio |\n|---|--:|--:|--:|")
    for name, ours, theirs in (
        ("patch from the scan", cutHere, cutAlone),
        ("patch to features", encodeHere, encodeAlone),
        ("seed to row, box and tables / to features", rowHere, featuresAlone),
    ):
        ours(), theirs()
        pair = in_turns(ours, theirs, rounds=ROUNDS)
        print(_line(name, pair))
    view = repeat(lambda: volumeFromNode(volumeNode), ROUNDS)
    print(f"\nA look at the node, without a copy: {1000 * median(view):.2f} ms.")


def _line(name: str, pair: Pair) -> str:
    ours, theirs = 1000 * median(pair.ours), 1000 * median(pair.theirs)
    return f"| {name} | {ours:.1f} ms | {theirs:.1f} ms | {ours / theirs:.2f}x |"


def _requireSameFeatures(volumeNode, volume, encoder) -> None:
    """No timing of two sides means anything whose numbers differ."""
    table = LesionTable(volumeNode)
    ours = table.features(table.keys()[0])
    theirs = pipeline.encode([pipeline.cut(volume, PHANTOM_SEED)], encoder)[0].features
    difference = float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
    if not difference < 1e-5:
        msg = f"The two sides' features differ by {difference:.2g} of their length, wanted less than 1e-5."
        raise SystemExit(msg)


if __name__ == "__main__":
    sys.exit(main())
