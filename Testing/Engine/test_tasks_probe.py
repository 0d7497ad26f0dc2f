"""What the probe says of a Python that lacks things, or has broken ones: real processes, with packages made to fail."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tomllib

import pytest
from fmcib_engine.tasks.probe import OLDEST
from support import ROOT

needs_torch = pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")

WORKS = """
class Tensor:
    def __matmul__(self, other): return self
    def sum(self): return 512.0
def ones(*_): return Tensor()
def from_numpy(_): return Tensor()
def get_num_threads(): return 3
class cuda:
    is_available = staticmethod(lambda: False)
class backends:
    class mps:
        is_available = staticmethod(lambda: False)
"""


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Makes a package that Python finds before any other."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")])))
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))

    def make(name: str, source: str, version: str = "") -> None:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(source, encoding="utf-8")
        if version:
            facts = folder / f"{name}-{version}.dist-info"
            facts.mkdir()
            (facts / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8"
            )

    return make


def gone(name: str) -> str:
    return f"raise ModuleNotFoundError('No module named {name}', name={name!r})"


def ask(name: str = "probe") -> dict:
    """The answer: the last of lines that are all JSON."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fmcib_engine", "task", name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        *steps, last = [json.loads(line) for line in process.stdout]
        process.stdin.close()
    assert {step["type"] for step in steps} <= {"progress"}
    return last


def test_without_what_slicer_lacks_at_first_the_probe_and_the_catalogue_still_answer(packages, monkeypatch):
    monkeypatch.delenv("FMCIB_HOME")
    for name in ("torch", "monai", "safetensors", "platformdirs", "filelock", "click", "rich", "requests", "urllib3"):
        packages(name, gone(name))
    answer = ask()
    missing = {name for name, found in answer["packages"].items() if found["version"] is None}
    elsewhere = {name for name in ("monai", "openvino") if answer["packages"][name]["version"] is None}
    assert missing == {"torch", "safetensors", "platformdirs", "filelock", "requests", "urllib3"} | elsewhere
    assert answer["packages"]["filelock"]["problem"].startswith("The package filelock is not installed. Install it")
    assert answer["torch"] == {"version": None, "problem": answer["packages"]["torch"]["problem"]}
    assert answer["torch"]["problem"] == "PyTorch is not installed. Install it (in the window: Install)."
    assert (answer["devices"], answer["weights"], answer["cache_folder"]) == ([], [], None)
    assert "platformdirs" in answer["cache_problem"]
    answer = ask("catalogue")
    assert answer["cache_problem"]
    assert {entry["here"] for entry in answer["entries"]} == {False}
    assert ask("verify")["code"] == "dependency"


@pytest.mark.parametrize(
    ("source", "version", "told"),
    [
        (WORKS, "2.1.2+cu118", "PyTorch 2.1.2+cu118 is too old: 2.4 or newer is needed."),
        (
            WORKS + "def from_numpy(_): raise RuntimeError('Numpy is not available')",
            "2.4.0",
            "built for another NumPy than {numpy}, which is installed. Reinstall PyTorch, a newer version; leave NumPy",
        ),
        (
            r"""raise OSError('[WinError 126] Error loading "C:\\Users\\doe\\lib\\fbgemm.dll" or one more.')""",
            "2.4.0",
            "On Windows install Microsoft's Visual C++ Redistributable first. Reinstall it.",
        ),
        (
            "raise ImportError('/home/doe/torch/lib/libtorch.so: cannot open shared object file: No such file')",
            "2.4.0",
            "PyTorch lacks a library of the system (libtorch.so: cannot open shared object file: No such file).",
        ),
        ("raise ImportError('broken')", "2.4.0", "PyTorch cannot be imported (broken). Reinstall it."),
        ("raise ValueError", "2.4.0", "PyTorch cannot be imported (ValueError). Reinstall it."),
        (gone("sympy"), "2.4.0", "PyTorch needs the package sympy, which is not installed."),
        ("", "2.4.0", "PyTorch 2.4.0 is damaged (module 'torch' has no attribute 'ones'). Reinstall it."),
        (
            WORKS + "Tensor.sum = lambda _: 511.0",
            "2.4.0",
            "PyTorch 2.4.0 is damaged (8 x 8 ones, squared, sum to 511.0 instead of 512). Reinstall it.",
        ),
    ],
)
def test_a_torch_that_does_not_work_is_a_sentence_with_the_fix(packages, source, version, told):
    packages("torch", source, version)
    answer = ask()
    assert told.format(numpy=answer["packages"]["numpy"]["version"]) in answer["torch"]["problem"]
    assert "doe" not in answer["torch"]["problem"]
    assert answer["torch"]["version"] == version
    assert answer["devices"] == []
    assert answer["packages"]["numpy"]["problem"] == ""


def test_a_torch_that_works_tells_its_devices_whatever_it_prints(packages):
    noise = (
        "import os, sys\nprint('hello')\nos.write(1, b'{\"type\": \"result\"}\\n')\nos.system('echo from a child')\n"
    )
    packages("torch", noise + WORKS, "2.4.0")
    packages("monai", gone("monai"))
    answer = ask()
    assert answer["torch"] == {"version": "2.4.0", "problem": ""}
    assert answer["devices"] == [{"name": "cpu", "title": "3 threads", "memory_bytes": None, "problem": ""}]
    assert answer["packages"]["monai"]["problem"] == "MONAI is not installed. Install it (in the window: Install)."


@pytest.mark.parametrize("source", [gone("numpy"), "raise ImportError('another Python')"])
def test_without_numpy_the_probe_says_so(packages, source):
    packages("numpy", source)
    packages("torch", WORKS, "2.4.0")
    answer = ask()
    assert answer["type"] == "result"
    assert answer["packages"]["numpy"]["problem"].startswith("NumPy ")
    assert answer["packages"]["scipy"]["problem"].startswith("SciPy ")
    assert answer["weights"] == []
    error = ask("verify")
    assert error["code"] == "dependency"
    assert "cannot be imported" in error["message"]


def test_an_old_package_is_told(packages):
    packages("filelock", "", "3.9.0")
    problem = ask()["packages"]["filelock"]["problem"]
    assert problem.startswith("The package filelock 3.9.0 is too old: 3.12 or newer is needed.")


@needs_torch
def test_a_python_that_has_everything_has_no_problem():
    answer = ask()
    assert {found["problem"] for found in answer["packages"].values()} == {""}
    assert all(found["version"] for found in answer["packages"].values())
    assert answer["devices"][-1]["name"] == "cpu"


def test_the_oldest_versions_are_those_of_the_package():
    project = tomllib.loads((ROOT / "FMCIBExtension" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = dict(
        line.split(">=")
        for part in (project["dependencies"], *project["optional-dependencies"].values())
        for line in part
        if ">=" in line
    )
    assert {name: wanted[name] for name in OLDEST} == dict(OLDEST)
