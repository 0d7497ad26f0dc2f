"""What an analysis needs, judged by what a probe tells; and real probes."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from FMCIBModuleLib.Setup.Requirements import Requirements
from FMCIBModuleLib.Worker.TaskProcess import TaskProcess, engineCommand
from setup_support import Heard, oddTask, probed, record
from worker_support import spinUntil

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
ABSENT = {"version": None, "problem": "It is not installed."}


@pytest.fixture
def judge(tmp_path):
    """Requirements after a probe that told this."""
    made = []

    def make(answer: dict, weights: str = "fmcib") -> Requirements:
        answers = tmp_path / "answers.json"
        answers.write_text(json.dumps({"probe": answer}), encoding="utf-8")
        requirements = Requirements(oddTask("tells", ODD_TASK_ANSWERS=str(answers)))
        made.append(requirements)
        requirements.weights = weights
        heard = Heard(requirements, "probed", "failed")
        requirements.probe()
        spinUntil(lambda: heard.all)
        return requirements

    yield make
    for requirements in made:
        requirements.close()


def states(requirements: Requirements) -> dict[str, str]:
    return {each.name: each.state for each in requirements.list()}


def texts(requirements: Requirements) -> dict[str, str]:
    return {each.name: f"{each.text}. {each.fix}" for each in requirements.list()}


def test_nothing_is_known_before_the_first_probe():
    requirements = Requirements(oddTask("good"))
    assert set(states(requirements).values()) == {"unknown"}
    assert not requirements.isReady
    requirements.close()


def test_while_a_probe_runs_it_is_said_and_a_second_wish_is_another_probe_after_it(tmp_path):
    lives = tmp_path / "lives"
    (tmp_path / "answers").write_text(json.dumps({"probe": probed()}), encoding="utf-8")
    task = oddTask("tells", ODD_TASK_ANSWERS=str(tmp_path / "answers"), ODD_TASK_LIVES=str(lives))
    requirements = Requirements(task)
    heard = Heard(requirements, "probed", "changed")
    requirements.probe()
    requirements.probe()
    requirements.probe()
    assert set(states(requirements).values()) == {"checking"}
    spinUntil(lambda: len(heard.of("probed")) == 2 and not requirements.isChecking)
    assert len(lives.read_text(encoding="utf-8").splitlines()) == 2
    requirements.close()


def test_all_good_is_ready(judge):
    requirements = judge(probed(weights=[record()]))
    assert set(states(requirements).values()) == {"good"}
    assert requirements.isReady
    assert requirements.missingPackages() == []
    assert "PyTorch 2.13.0, CPU" in texts(requirements)["torch"]
    assert "738 MB" in texts(requirements)["weights"]


def test_torch_that_is_missing_or_broken_is_said_with_its_fix(judge):
    missing = judge(probed(torch=ABSENT))
    assert states(missing)["torch"] == "missing"
    problem = "PyTorch 2.1 was built for another NumPy. Reinstall PyTorch."
    broken = judge(probed(torch={"version": "2.1", "problem": problem}))
    assert states(broken)["torch"] == "wrong"
    assert problem in texts(broken)["torch"]


def test_a_gpu_is_named(judge):
    gpu = {"name": "cuda:0", "title": "NVIDIA A100", "memory_bytes": 40 << 30}
    requirements = judge(probed(devices=[{"name": "cpu", "title": "CPU", "memory_bytes": None}, gpu]))
    assert "NVIDIA A100" in texts(requirements)["torch"]
    assert requirements.deviceTitles() == [("auto", "Automatic"), ("cpu", "CPU"), ("cuda:0", "NVIDIA A100 (40 GiB)")]


def test_a_gpu_that_does_not_work_is_named_with_its_reason_and_the_cpu_computes(judge):
    problem = "this PyTorch was not built for it"
    gpu = {"name": "cuda:0", "title": "Big GPU", "memory_bytes": 24 << 30, "problem": problem}
    requirements = judge(
        probed(devices=[gpu, {"name": "cpu", "title": "8 threads", "memory_bytes": None, "problem": ""}])
    )
    torch = requirements.list()[0]
    assert torch.state == "good"
    assert torch.text == f"PyTorch 2.13.0, CPU; Big GPU does not work: {problem}"
    assert requirements.deviceTitles() == [
        ("auto", "Automatic"),
        ("cuda:0", f"Big GPU (24 GiB) does not work: {problem}"),
        ("cpu", "8 threads"),
    ]


def test_packages_that_are_missing_are_named_and_slicers_own_are_never_among_them(judge):
    requirements = judge(probed(packages={"monai": ABSENT, "filelock": ABSENT, "requests": ABSENT, "numpy": ABSENT}))
    assert states(requirements)["packages"] == "missing"
    assert requirements.missingPackages() == ["monai", "filelock", "requests"]
    assert "monai, filelock, requests" in texts(requirements)["packages"]


def test_an_old_requests_of_slicer_is_told_and_not_replaced(judge):
    old = {"version": "2.0", "problem": "The package requests 2.0 is too old."}
    requirements = judge(probed(packages={"requests": old}))
    assert states(requirements)["packages"] == "wrong"
    assert requirements.missingPackages() == []
    assert "too old" in texts(requirements)["packages"]


@pytest.mark.parametrize(
    ("chosen", "state", "words"),
    [
        ("demonstration", "good", "random numbers"),
        ("fmcib", "good", "738 MB"),
        ("mine", "good", "not compared"),
        ("broken", "wrong", "was changed"),
        ("other", "missing", "Download or import"),
        ("", "missing", "(none)"),
        ("/gone/of_Doe.torch", "missing", "of_Doe.torch"),
    ],
)
def test_weights_are_judged_by_what_is_chosen(judge, chosen, state, words):
    store = [record(), record("mine", checksum="unverified"), record("broken", size=None, problem="It was changed.")]
    requirements = judge(probed(weights=store), chosen)
    assert states(requirements)["weights"] == state
    assert words in texts(requirements)["weights"]
    assert "/gone" not in texts(requirements)["weights"]


def test_weights_in_a_file_are_good_while_it_is_there(judge, tmp_path):
    file = tmp_path / "own.torch"
    file.touch()
    requirements = judge(probed(), str(file))
    assert states(requirements)["weights"] == "good"
    assert (str(file), "own.torch") in requirements.weightsTitles()
    file.unlink()
    assert states(requirements)["weights"] == "missing"


def test_tables_that_upstream_published_are_no_weights(judge):
    requirements = judge(probed(weights=[record("features", file="task1.csv")]))
    assert [data for data, _title in requirements.weightsTitles()] == ["demonstration"]


@pytest.mark.parametrize(
    ("habit", "words"), [("good", "no usable answer"), ("fails", "No mirror"), ("talks", "no answer")]
)
def test_a_probe_that_fails_says_so_once_and_can_be_tried_again(habit, words):
    requirements = Requirements(oddTask(habit))
    heard = Heard(requirements, "failed", "probed")
    requirements.probe()
    spinUntil(lambda: heard.all)
    assert len(heard.all) == 1
    assert words in heard.of("failed")[0][0]
    assert not requirements.isChecking
    requirements.close()


def test_a_probe_that_crashes_points_at_pytorch():
    requirements = Requirements(oddTask("crashes"))
    heard = Heard(requirements, "failed")
    requirements.probe()
    spinUntil(lambda: heard.all)
    assert states(requirements)["torch"] == "wrong"
    assert "Uninstall PyTorch" in texts(requirements)["torch"]
    requirements.close()


@needs_torch
def test_the_real_probe_finds_what_is_here():
    requirements = Requirements(TaskProcess())
    requirements.weights = "demonstration"
    heard = Heard(requirements, "probed", "failed")
    requirements.probe()
    spinUntil(lambda: heard.all)
    assert heard.names() == ["probed"]
    assert requirements.isReady, texts(requirements)
    assert requirements.result["torch"]["version"] == metadata.version("torch")
    assert requirements.devices[0]["name"] == "cpu"
    requirements.close()


@pytest.fixture
def pythonWithoutTorch(tmp_path):
    """A Python that has all that this one has, but PyTorch, MONAI and filelock."""
    folder = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(Path(folder).glob("lib/python*/site-packages"))
    for path in Path(np_folder()).iterdir():
        if not path.name.lower().startswith(("torch", "monai", "filelock")) and path.suffix != ".pth":
            (site / path.name).symlink_to(path)
    return str(folder / "bin" / "python")


def np_folder() -> Path:
    import numpy as np

    return Path(np.__file__).parents[1]


@pytest.mark.skipif(os.name == "nt", reason="makes links")
def test_the_real_probe_without_torch_tells_what_is_missing_and_how_to_get_it(pythonWithoutTorch):
    task = TaskProcess(makeCommand=lambda *what: (pythonWithoutTorch, *engineCommand(*what)[1:]))
    requirements = Requirements(task)
    heard = Heard(requirements, "probed", "failed")
    requirements.probe()
    spinUntil(lambda: heard.all)
    assert heard.names() == ["probed"], heard.all
    assert states(requirements) == {"torch": "missing", "packages": "missing", "weights": "missing"}
    assert {"monai", "filelock"} <= set(requirements.missingPackages()) <= {"monai", "filelock", "safetensors"}
    requirements.close()


CPU_HERE = {"name": "cpu", "title": "CPU", "memory_bytes": None, "problem": ""}
GPU_HERE = {"name": "cuda:0", "title": "GPU", "memory_bytes": 1 << 34, "problem": ""}
LACKS_OPENVINO = probed(openvino_is_faster=True, weights=[record()], packages={"openvino": ABSENT})


def test_openvino_is_offered_with_its_size_where_the_processor_computes_and_blocks_nothing(judge):
    requirements = judge(LACKS_OPENVINO)
    offer = requirements.faster()
    assert (offer.name, offer.state) == ("faster", "missing")
    assert "Faster on this computer's processor" in offer.text
    assert " MB to download)" in offer.text
    assert "not needed" in offer.fix
    assert requirements.isReady
    assert requirements.missingPackages() == []


@pytest.mark.parametrize(
    ("changes", "device", "engine", "isOffered"),
    [
        ({"devices": [GPU_HERE, CPU_HERE]}, "auto", "auto", False),
        ({"devices": [GPU_HERE, CPU_HERE]}, "cpu", "auto", True),
        ({"devices": [{**GPU_HERE, "problem": "it is broken"}, CPU_HERE]}, "auto", "auto", True),
        ({"devices": [{**GPU_HERE, "name": "mps"}, CPU_HERE]}, "auto", "auto", False),
        ({}, "auto", "pytorch", False),
        ({"openvino_is_faster": False}, "auto", "auto", False),
    ],
    ids=["gpu", "gpu, but the cpu is chosen", "broken gpu", "mac", "switched off", "other processor"],
)
def test_openvino_is_not_offered_where_it_would_not_be_used(judge, changes, device, engine, isOffered):
    requirements = judge({**LACKS_OPENVINO, **changes})
    requirements.device, requirements.engine = device, engine
    assert (requirements.faster() is not None) == isOffered


def test_an_openvino_that_is_here_is_named_and_a_broken_one_blocks_nothing(judge):
    good = judge(
        {**LACKS_OPENVINO, "packages": LACKS_OPENVINO["packages"] | {"openvino": {"version": "9", "problem": ""}}}
    )
    assert (good.faster().state, "OpenVINO 9" in good.faster().text) == ("good", True)
    problem = {"version": "9", "problem": "OpenVINO cannot be imported. Reinstall it."}
    broken = judge({**LACKS_OPENVINO, "packages": LACKS_OPENVINO["packages"] | {"openvino": problem}})
    assert (broken.faster().state, broken.faster().fix) == ("wrong", problem["problem"])
    assert (
        broken.faster().text == "OpenVINO 9 is not fit for use: where it fails, PyTorch computes"
    )  # too old ones may not
    assert broken.isReady


def test_before_a_probe_nothing_is_offered():
    requirements = Requirements(oddTask("good"))
    assert requirements.faster() is None
    requirements.close()
