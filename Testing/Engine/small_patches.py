"""The engine, whose network sees the middle of each patch only. A script, for what no voxel decides.

    python small_patches.py ARGUMENTS...      as `python -m fmcib_engine ARGUMENTS...`, also `worker`

A processor without bfloat16 computes a whole patch in it for 20 seconds, the middle for one.
"""

from __future__ import annotations

import runpy

from fmcib_engine.encoders.batching import Batcher

MIDDLE = slice(16, 34)


def see_the_middle() -> None:
    compute = Batcher._numbers
    Batcher._numbers = lambda batcher, batch, device: compute(batcher, batch[:, MIDDLE, MIDDLE, MIDDLE].copy(), device)


if __name__ == "__main__":
    see_the_middle()
    runpy.run_module("fmcib_engine", run_name="__main__")
