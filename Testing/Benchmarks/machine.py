"""Where numbers are taken: processor, versions, commit, and what else the machine was doing meanwhile."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from scan import ROOT

PACKAGES = ("numpy", "scipy", "torch", "openvino", "monai", "SimpleITK", "nibabel")


@dataclass
class Bystanders:
    """How many cores other programs kept busy during a measurement; None where the system does not tell.

    More than a few tenths spoil torch's timings, of both sides: its threads spin while they wait for each other, so one
    that must share its core holds up all of them. `OMP_WAIT_POLICY=passive` in the environment makes them sleep.
    """

    cores: float | None = None


@contextmanager
def bystanders() -> Iterator[Bystanders]:
    found = Bystanders()
    started, all_before, own_before = time.perf_counter(), _busy_seconds(), _own_seconds()
    yield found
    all_after, wall = _busy_seconds(), time.perf_counter() - started
    if all_before is not None and all_after is not None:
        found.cores = max(0.0, (all_after - all_before - (_own_seconds() - own_before)) / wall)


def machine_line() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    waiting = os.environ.get("OMP_WAIT_POLICY", "not set")
    return (
        f"{_cpu_model()}, {os.cpu_count()} cores, torch uses {torch.get_num_threads()} threads, "
        f"OMP_WAIT_POLICY {waiting}; {load_average()}; "
        f"Python {platform.python_version()}, {versions}; fmcib-engine {version('fmcib-engine')}, commit {_commit()}"
    )


def load_average() -> str:
    return "load average " + " ".join(f"{load:.2f}" for load in os.getloadavg())


def _busy_seconds() -> float | None:
    """Processor time that all programs together have used since the start, by Linux."""
    try:
        user, nice, system, _idle, _waiting, *rest = map(
            int, Path("/proc/stat").read_text(encoding="utf-8").split("\n")[0].split()[1:]
        )
    except OSError:
        return None
    return (user + nice + system + sum(rest[:3])) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    return sum(os.times()[:4])


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _commit() -> str:
    """Short hash, with `+` where the tree differs from it; `unknown` outside git."""
    try:
        found, changed = (_git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout.strip()
