"""Real processes: runs that are killed, runs that are started twice, and two processes that train together."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import training_support as support
from fmcib_engine.weights.checkpoint import read_checkpoint
from training_support import losses, make_scans, run

for package in ("torch", "monai", "yaml", "lightning_fabric"):
    pytest.importorskip(package)

SETTINGS = "encoder: tiny\ntable: seeds.csv\nbatch_size: 4\nelsewhere: 1\nepochs: 3\nwarm_up_epochs: 1\n"


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("scans")
    make_scans(folder)
    (folder / "run.yaml").write_text(SETTINGS + "checkpoint_minutes: 0\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def uninterrupted(scans) -> Path:
    done = run("pretrain", scans / "run.yaml", "--output", scans / "whole")
    assert done.returncode == 0, done.stderr
    return scans / "whole"


def start(*arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        support.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", env=environment
    )


def run_two(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Two processes that train together, as torchrun starts them."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, support.__file__, *map(str, arguments)],
        capture_output=True, encoding="utf-8", check=False, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def kill_when(process: subprocess.Popen[str], happened) -> bool:
    """SIGKILL as soon as it has happened; whether the process was still running."""
    while process.poll() is None and not happened():
        time.sleep(0.002)
    was_running = process.poll() is None
    process.kill()
    process.communicate()
    return was_running


def test_a_run_that_is_killed_again_and_again_ends_with_the_same_bits(scans, uninterrupted):
    output = scans / "killed"

    def patches() -> int:
        return len(list(output.glob("patches/*.npy")))

    def steps() -> int:
        try:
            return len((output / "metrics.csv").read_text(encoding="utf-8").splitlines()) - 1
        except OSError:
            return 0

    moments = [
        lambda: patches() >= 3,
        lambda: steps() >= 1,
        lambda: steps() >= 4 and (output / ".checkpoint.pt.part").exists(),
        lambda: steps() >= 7,
    ]
    killed = 0
    for moment in moments:
        resume = ["--resume"] if (output / "run.yaml").exists() else []
        killed += kill_when(start("pretrain", scans / "run.yaml", "--output", output, *resume), moment)
    assert killed >= 3  # the moment of a half-written checkpoint may pass unseen
    done = run("pretrain", scans / "run.yaml", "--output", output, "--resume")
    assert done.returncode == 0, done.stderr
    assert losses(output) == losses(uninterrupted)
    assert len(losses(output)) == 9
    assert (output / "encoder.safetensors").read_bytes() == (uninterrupted / "encoder.safetensors").read_bytes()
    facts = json.loads((output / "run.json").read_text(encoding="utf-8"))
    assert len(facts["started"]) == len(moments) + 1
    assert sorted(path.name for path in output.iterdir()) == [
        ".lock", "encoder.safetensors", "lesions.json", "metrics.csv", "run.json", "run.yaml",
    ]  # fmt: skip


def test_a_run_that_is_done_is_not_done_again_and_its_folder_is_not_taken_for_another(scans, uninterrupted):
    before = (uninterrupted / "encoder.safetensors").stat().st_mtime_ns
    again = run("pretrain", scans / "run.yaml", "--output", uninterrupted, "--resume")
    assert again.returncode == 0, again.stderr
    assert (uninterrupted / "encoder.safetensors").stat().st_mtime_ns == before
    refused = run("pretrain", scans / "run.yaml", "--output", uninterrupted)
    assert refused.returncode == 4
    assert "There is a run in whole. Go on with it (--resume)" in refused.stderr
    other = run("pretrain", scans / "run.yaml", "--simclr", "--output", uninterrupted, "--resume")
    assert other.returncode == 4
    assert "it differs in negatives" in other.stderr


def test_the_result_is_read_as_an_encoders_weights_and_the_run_is_described(uninterrupted):
    weights = read_checkpoint(uninterrupted / "encoder.safetensors")
    assert weights.trunk.keys() == support.build_tiny().state_dict().keys()
    assert not weights.head
    facts = json.loads((uninterrupted / "run.json").read_text(encoding="utf-8"))
    assert facts["data"]["rows"] == "12"
    assert {"torch", "monai", "lightning-fabric", "fmcib-engine"} <= facts["versions"].keys()
    assert len(facts["result"]["sha256"]) == len(facts["settings_sha256"]) == len(facts["data"]["table_sha256"]) == 64
    with (uninterrupted / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["epoch"]) for row in rows[2:5]] == [("3", "1"), ("4", "2"), ("5", "2")]


def test_a_run_is_refused_while_another_process_is_at_work_in_its_folder(scans):
    output = scans / "twice"
    first = start("pretrain", scans / "run.yaml", "--output", output)
    try:
        while first.poll() is None and not (output / "run.yaml").exists():
            time.sleep(0.002)
        os.kill(first.pid, signal.SIGSTOP)  # it holds the folder, and does not end meanwhile
        second = run("pretrain", scans / "run.yaml", "--output", output, "--resume")
    finally:
        os.kill(first.pid, signal.SIGCONT)
        _, said = first.communicate(timeout=300)
    assert second.returncode == 4
    assert "Another process is training in twice. Wait for it" in second.stderr
    assert first.returncode == 0, said


def test_control_c_says_how_to_go_on(scans):
    output = scans / "stopped"
    process = start("pretrain", scans / "run.yaml", "--output", output)
    while process.poll() is None and not (output / "metrics.csv").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "To go on from the last checkpoint" in said


@pytest.mark.parametrize("negatives", ["other_scans", "all_scans", "none"])
def test_two_processes_train_as_one_does(scans, negatives):
    """The same step, shared by two: the same losses within float noise, which chaos makes larger with each step."""
    (scans / f"{negatives}.yaml").write_text(
        SETTINGS + f"negatives: {negatives}\nlearning_rate: 0.0003\n", encoding="utf-8"
    )
    arguments = ["pretrain", scans / f"{negatives}.yaml", "--output"]
    alone = run(*arguments, scans / f"{negatives}-1")
    assert alone.returncode == 0, alone.stderr
    together = run_two(*arguments, scans / f"{negatives}-2")
    assert together.returncode == 0, together.stderr
    one, two = np.array(losses(scans / f"{negatives}-1")), np.array(losses(scans / f"{negatives}-2"))
    assert len(two) == 9
    assert np.abs(one - two).max() < 1e-4
    assert np.ptp(one) > 50 * np.abs(one - two).max()  # it moved
    facts = json.loads((scans / f"{negatives}-2" / "run.json").read_text(encoding="utf-8"))
    assert facts["processes"] == 2


def test_two_processes_fine_tune_as_one_does(scans):
    """Classes that count differently, and an epoch that both choose."""
    settings = scans / "fine.yaml"
    settings.write_text(
        "encoder: tiny\ntable: seeds.csv\nlabel: kind\ngroup: patient\nbatch_size: 4\nepochs: 6\nvalidation: 0.3\n"
        "head: [8]\nlearning_rate: 0.001\npatience: 4\n",
        encoding="utf-8",
    )
    alone = run("finetune", settings, "--output", scans / "fine-1")
    assert alone.returncode == 0, alone.stderr
    together = run_two("finetune", settings, "--output", scans / "fine-2")
    assert together.returncode == 0, together.stderr
    one, two = np.array(losses(scans / "fine-1")), np.array(losses(scans / "fine-2"))
    assert len(one) == len(two) >= 5
    assert np.abs(one - two).max() < 1e-4
    assert np.ptp(one) > 50 * np.abs(one - two).max()
    results = [
        json.loads((scans / name / "run.json").read_text(encoding="utf-8"))["result"] for name in ("fine-1", "fine-2")
    ]  # noqa: E501
    assert results[0]["best_epoch"] == results[1]["best_epoch"]
    assert results[0]["validation_loss"] == pytest.approx(results[1]["validation_loss"], abs=1e-4)


def test_batch_norms_on_several_cpus_are_refused(scans):
    settings = scans / "bn.yaml"
    settings.write_text(SETTINGS.replace("encoder: tiny", "encoder: tiny-bn"), encoding="utf-8")
    done = run_two("pretrain", settings, "--output", scans / "bn")
    assert done.returncode != 0
    assert "batch norms must see the patches of all processes" in done.stderr
    assert run("pretrain", settings, "--output", scans / "bn-alone").returncode == 0
