"""The small encoder that ships with the engine, made from nothing: `make small-encoder`, an hour on two cores.

1. 6,000 computer-made lesions, by contrast; 2. 3,000 of which only the outline is learned, from twins that show it
plainly; 3. 8,000 of every kind, with all labels, again as twins; 4. 8,000 others in the same way: the run files beside
this one. What was interrupted goes on. Its weights go into the engine, what they are worth into
`Resources/Docs/small-encoder.md`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.training.folder import RESULT
from fmcib_engine.weights.about import About, read_about
from fmcib_engine.weights.checkpoint import Checkpoint, read_checkpoint, write_safetensors

sys.path.insert(0, str(Path(__file__).parents[1] / "Benchmarks"))
from machine import load_average, machine_line  # noqa: E402
from page import at_hand, jitters, logged, probes, speeds, written  # noqa: E402

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = ROOT / "build" / "small-encoder"
SHIPPED = ROOT / "FMCIBExtension/fmcib_engine/weights/small.safetensors"
STAGES = (("pretrain", "1-pretrain"), ("finetune", "2-outline"), ("finetune", "3-all"), ("finetune", "4-more"))
"""The command and the run file of each."""


def train() -> Path:
    """All stages, each from where it was left; gives the last one's weights."""
    weights: Path | None = None
    for command, name in STAGES:
        folder = BUILD / name
        arguments = [sys.executable, "-m", "fmcib_engine", command, str(HERE / f"{name}.yaml"), "--device", "cpu"]
        arguments += ["--output", str(folder), *(["--resume"] if folder.is_dir() else [])]
        arguments += ["--weights", str(weights)] if weights else []
        started = time.monotonic()
        subprocess.run(arguments, check=True)
        print(f"{name}: {(time.monotonic() - started) / 60:.1f} minutes", flush=True)
        weights = folder / RESULT
    if weights is None:
        msg = "No stage was run."
        raise RuntimeError(msg)
    return weights


def ship(weights: Path) -> None:
    """The trunk alone, its convolutions in half precision."""
    source = f"Testing/SmallEncoder/make.py; {read_about(weights).source}"
    about = About("small", COMPUTER_MADE, source)
    write_safetensors(SHIPPED, Checkpoint(read_checkpoint(weights).trunk, {}), about.metadata, halves=True)
    print(f"{SHIPPED.relative_to(ROOT)}: {SHIPPED.stat().st_size / 1e6:.2f} MB")


def tell(weights: Path, data: Path) -> None:
    """Measure what it is worth, and write the page."""
    documents = ROOT / "Resources" / "Docs"
    folders = [BUILD / name for _, name in STAGES]
    log, curve = documents / "small-encoder-log.csv", documents / "small-encoder-curve.png"
    made = at_hand(weights, folders[0] / RESULT)
    parts = {"stages": logged(folders, log, curve), "probes": probes(made)}
    parts |= {"jitters": jitters(made, data), "speeds": speeds()}
    facts = f"Measured on {machine_line()}. At the end {load_average()}."
    written(documents / "small-encoder.md", parts, facts)


def main() -> int:
    data = Path(os.environ.get("FMCIB_TEST_DATA", ROOT.parent / "shared" / "data"))
    ship(train())
    tell(SHIPPED, data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
