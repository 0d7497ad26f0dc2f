"""Installing: real pip in an environment of its own, with tiny wheels that are made here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from FMCIBModuleLib.Setup import Installer as installing
from FMCIBModuleLib.Setup.Installer import Installer
from FMCIBModuleLib.Setup.PipProcess import PipProcess, whatFailed
from processes import children
from setup_support import Heard, fullDisk
from support import ROOT
from worker_support import spinUntil

SIGNALS = ("ended", "installed", "failed")


def makeWheel(folder: Path, name: str, version: str, requires: str = "", code: str = "") -> Path:
    """A package of one module."""
    path = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    needs = f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", code or f"__version__ = {version!r}\n")
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture(scope="module")
def emptyPython(tmp_path_factory):
    """A Python of its own, with pip and nothing else; the project's is never touched."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@pytest.fixture
def python(emptyPython, tmp_path):
    """It brings numpy 1.0 along, as Slicer brings its own."""
    (tmp_path / "own").mkdir()
    (tmp_path / "wheels").mkdir()
    before = set(packagesOf(emptyPython).iterdir())
    bring(emptyPython, makeWheel(tmp_path / "own", "numpy", "1.0"))
    yield emptyPython
    for path in set(packagesOf(emptyPython).iterdir()) - before:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def packagesOf(python: Path) -> Path:
    return next(path for path in python.parents[1].rglob("site-packages") if path.is_dir())


def bring(python: Path, wheel: Path) -> None:
    """As if it had been installed long ago."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packagesOf(python))
    (packagesOf(python) / f"{wheel.stem.removesuffix('-py3-none-any')}.dist-info" / "RECORD").write_text(
        "".join(f"{name},,\n" for name in zipfile.ZipFile(wheel).namelist()), encoding="utf-8"
    )


def versions(python: Path) -> dict[str, str]:
    folders = packagesOf(python).glob("*.dist-info")
    return dict(folder.name.removesuffix(".dist-info").split("-") for folder in folders)


@pytest.fixture(autouse=True)
def temporaryFiles(tmp_path, monkeypatch):
    """Where temporary files of this test alone are made: another suite beside it makes the same ones."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def install(python, tmp_path, temporaryFiles):
    """Installs from the folder of wheels; what was heard."""
    installers = []

    def run(*names: str, pins=None, meanwhile=lambda _installer: None) -> Heard:
        installer = Installer(PipProcess(str(python)), pins=lambda: pins or {"numpy": "1.0"})
        installers.append(installer)
        heard = Heard(installer, *SIGNALS)
        heard.installer = installer
        installer.install(names, str(tmp_path / "wheels"))
        meanwhile(installer)
        spinUntil(lambda: "ended" in heard.names())
        return heard

    yield run
    for installer in installers:
        installer.close()
    assert not list(temporaryFiles.glob("fmcib*/constraints.txt"))


def test_packages_come_from_the_folder_and_slicers_own_stay(install, python, tmp_path):
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="numpy>=1.0")
    makeWheel(tmp_path / "wheels", "numpy", "2.0")
    heard = install("monai")
    assert heard.names() == ["ended", "installed"], heard.installer.lastLog
    assert versions(python)["monai"] == "1.9"
    assert versions(python)["numpy"] == "1.0"


def test_a_package_that_wants_another_numpy_is_refused_loudly_and_nothing_changes(install, python, tmp_path):
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="numpy>=2.0")
    makeWheel(tmp_path / "wheels", "numpy", "2.0")
    heard = install("monai")
    assert heard.names() == ["ended", "failed"], heard.installer.lastLog
    (message,) = heard.of("failed")[0]
    assert "never replaced" in message
    assert "monai" in message
    assert versions(python)["numpy"] == "1.0"
    assert "monai" not in versions(python)


def test_a_folder_that_lacks_a_wheel_is_named_with_it(install, tmp_path):
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="tinything>=3")
    heard = install("monai")
    (message,) = heard.of("failed")[0]
    assert "The folder has no wheel of tinything" in message


def test_an_older_version_than_wanted_is_not_taken(install, tmp_path):
    makeWheel(tmp_path / "wheels", "safetensors", "0.1")
    assert "no wheel of safetensors" in install("safetensors").of("failed")[0][0]


def test_torch_from_a_folder_is_not_held_back_by_the_one_that_is_there(install, python, tmp_path):
    bring(python, makeWheel(tmp_path / "own", "torch", "2.0"))
    makeWheel(tmp_path / "wheels", "torch", "2.5")
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="torch>=2.4")
    heard = install("torch", "monai", pins={"numpy": "1.0", "torch": "2.0"})
    assert heard.names() == ["ended", "installed"], heard.installer.lastLog
    assert versions(python)["torch"] == "2.5"


def test_torch_stays_when_only_packages_are_installed(install, python, tmp_path):
    bring(python, makeWheel(tmp_path / "own", "torch", "2.4"))
    makeWheel(tmp_path / "wheels", "torch", "2.9")
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="torch>=2.5")
    heard = install("monai", pins={"torch": "2.4"})
    assert "never replaced" in heard.of("failed")[0][0]
    assert versions(python)["torch"] == "2.4"


def test_a_cancelled_installation_is_gone_and_nothing_was_installed(install, python, tmp_path):
    makeWheel(tmp_path / "wheels", "monai", "1.9")
    before = len(children())
    heard = install("monai", meanwhile=lambda installer: installer.cancel())
    assert heard.names() == ["ended"]
    assert not heard.installer.isRunning
    assert len(children()) == before
    assert "monai" not in versions(python)


def test_files_that_are_being_put_into_place_are_not_cancelled(install, tmp_path):
    makeWheel(tmp_path / "wheels", "monai", "1.9")
    said = []

    def watch(installer):
        installer.progressed.connect(lambda line: said.append((line, installer.canCancel)))

    heard = install("monai", meanwhile=watch)
    assert heard.names() == ["ended", "installed"]
    copying = [canCancel for line, canCancel in said if line.startswith("Installing collected")]
    assert copying == [False]
    assert said[0][1] is True


def test_a_second_installation_at_once_is_refused(install, tmp_path):
    def again(installer):
        with pytest.raises(RuntimeError, match="running already"):
            installer.install(["monai"])

    install("monai", meanwhile=again)


def test_pip_that_is_not_there_names_the_fix(tmp_path):
    pythonWithout = tmp_path / "python"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", pythonWithout], check=True)
    installer = Installer(PipProcess(str(pythonWithout / "bin" / "python")), pins=dict)
    heard = Heard(installer, *SIGNALS)
    installer.install(["monai"], str(tmp_path))
    spinUntil(lambda: heard.of("failed"))
    assert "has no pip" in heard.of("failed")[0][0]
    installer.close()


def test_what_is_kept_is_what_is_installed_here():
    pins = installing.installedPins()
    import numpy as np

    assert pins["numpy"] == np.__version__
    assert pins.keys() <= set(installing.KEPT)


def test_versions_are_those_that_the_engine_names():
    project = tomllib.loads((ROOT / "FMCIBExtension" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    named = {*extras["torch"], *extras["download"], *extras["fast"], *extras["heads"]} - {"fmcib-engine[cli]"}
    assert {"torch>=2.4", *installing.PACKAGES.values()} == named
    assert installing.TORCH == "torch>=2.4,!=2.9.0,!=2.9.1"  # nobody knows yet on which device it will compute
    assert all(wanted.startswith(f"{name}>=") for name, wanted in installing.PACKAGES.items())


def test_a_full_disk_is_a_failure_like_any_other_and_the_next_installation_may_begin(install, tmp_path, monkeypatch):
    makeWheel(tmp_path / "wheels", "monai", "1.9")
    monkeypatch.setattr(tempfile, "TemporaryDirectory", fullDisk)
    heard = install("monai")
    assert heard.names() == ["ended", "failed"]
    assert "The disk is full" in heard.of("failed")[0][0]
    assert not heard.installer.isRunning
    assert "No space left" in heard.installer.lastLog
    monkeypatch.undo()
    heard.installer.install(["monai"], str(tmp_path / "wheels"))
    spinUntil(lambda: heard.of("installed"))


def test_pip_that_cannot_be_started_leaves_nothing_running(temporaryFiles):
    class NoPip(PipProcess):
        def run(self, *_values):
            raise NotImplementedError

    installer = Installer(NoPip(), pins=dict)
    with pytest.raises(NotImplementedError):
        installer.install(["monai"])
    assert not installer.isRunning
    assert not list(temporaryFiles.glob("fmcib*/constraints.txt"))


class Extension:
    """Stands for the PyTorch extension, which cannot be had here."""

    isThere = True

    def __init__(self, answer=None, error=None) -> None:
        self.answer, self.error, self.constraints = answer, error, None

    def installTorch(self):
        location = os.environ["PIP_CONSTRAINT"].removeprefix("file://")
        self.constraints = Path(location).read_text(encoding="utf-8")
        if self.error:
            raise self.error
        return self.answer


@pytest.mark.parametrize(
    ("answer", "error", "names"),
    [
        ("torch", None, ["ended", "installed"]),
        (None, None, ["ended"]),  # the user declined
        (None, RuntimeError("ltt failed"), ["ended", "failed"]),
    ],
)
def test_the_torch_extension_installs_under_the_same_constraints(monkeypatch, answer, error, names):
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    extension = Extension(answer, error)
    installer = Installer(PipProcess(), extension, pins=lambda: {"numpy": "2.4.6", "torch": "2.0"})
    heard = Heard(installer, *SIGNALS)
    installer.installTorch()
    assert heard.names() == names
    assert extension.constraints == "numpy==2.4.6\n"
    assert "PIP_CONSTRAINT" not in os.environ
    if error:
        assert "ltt failed" in heard.of("failed")[0][0]
        assert "Restart Slicer" in heard.of("failed")[0][0]


def test_a_full_disk_keeps_the_torch_extension_from_being_asked_and_is_told(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryDirectory", fullDisk)
    extension = Extension("torch")
    installer = Installer(PipProcess(), extension, pins=dict)
    heard = Heard(installer, *SIGNALS)
    installer.installTorch()
    assert heard.names() == ["ended", "failed"]
    assert "No space left" in heard.of("failed")[0][0]
    assert extension.constraints is None


def test_an_administrators_constraints_hold_as_well(monkeypatch):
    monkeypatch.setenv("PIP_CONSTRAINT", "/etc/hospital.txt")
    seen = []

    class Looks:
        isThere = True

        def installTorch(self):
            seen.append(os.environ["PIP_CONSTRAINT"].split())

    Installer(PipProcess(), Looks(), pins=dict).installTorch()
    assert seen[0][0] == "/etc/hospital.txt"
    assert len(seen[0]) == 2
    assert os.environ["PIP_CONSTRAINT"] == "/etc/hospital.txt"


def test_real_pip_reads_constraints_whose_folder_has_blanks(python, tmp_path, monkeypatch):
    """The extension gives pip its constraints by an environment variable, which pip splits at blanks."""
    folder = tmp_path / "a user's folder"
    folder.mkdir()
    (folder / "constraints.txt").write_text("numpy==1.0\n", encoding="utf-8")
    makeWheel(tmp_path / "wheels", "monai", "1.9", requires="numpy>=2.0")
    makeWheel(tmp_path / "wheels", "numpy", "2.0")
    monkeypatch.setenv("PIP_CONSTRAINT", (folder / "constraints.txt").as_uri())
    arguments = ("--no-index", "--find-links", tmp_path / "wheels", "monai")
    done = subprocess.run(
        [python, "-m", "pip", "install", *arguments], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "conflicting dependencies" in done.stderr


def test_without_the_torch_extension_a_sentence_says_how_to_get_it():
    installer = Installer(PipProcess())
    heard = Heard(installer, *SIGNALS)
    assert not installer.hasTorchExtension
    installer.installTorch()
    assert "Extensions Manager" in heard.of("failed")[0][0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'", "network"),
        ("ERROR: Could not install packages: [WinError 5] Access is denied: 'x.pyd'", "Restart Slicer"),
        ("ERROR: No matching distribution found for monai>=1.4", "No monai that fits"),
        ("something nobody foresaw", "Restart Slicer"),
    ],
)
def test_what_pip_says_becomes_a_sentence_with_its_fix(line, words):
    sentence = whatFailed([line, ""])
    assert words in sentence
    assert line.removeprefix("ERROR: ")[:20] in sentence


class SlicersPackaging:
    """`slicer.packaging` as far as it is asked: the real one would install into this very Python."""

    def __init__(self, isBusy: bool = False) -> None:
        self.isBusy, self.calls = isBusy, []

    def isPipInstallInProgress(self) -> bool:
        return self.isBusy

    def pip_install(self, requirements, **options) -> None:
        self.calls.append((requirements, options))
        options["logCallback"]("Collecting monai")
        options["completedCallback"](0)


@pytest.fixture
def packaging(monkeypatch):
    import slicer

    stand = SlicersPackaging()
    monkeypatch.setattr(slicer, "packaging", stand, raising=False)
    monkeypatch.setitem(sys.modules, "slicer.packaging", stand)
    return stand


def test_slicers_own_packaging_is_given_wheels_only_and_the_constraints(packaging, tmp_path):
    from FMCIBModuleLib.Setup.SlicerPip import SlicerPip

    installer = Installer(SlicerPip(), pins=lambda: {"numpy": "2.4.6"})
    heard = Heard(installer, "progressed", *SIGNALS)
    installer.install(["monai"], str(tmp_path))
    assert heard.names() == ["progressed", "ended", "installed"]
    ((requirements, options),) = packaging.calls
    assert requirements[-1] == "monai>=1.4"
    assert "--only-binary=:all:" in requirements
    assert requirements[requirements.index("--find-links") + 1] == str(tmp_path)
    assert "--constraint" in requirements
    assert options["blocking"] is False


def test_what_slicers_packaging_raises_is_a_failure_like_any_other(packaging, monkeypatch):
    from FMCIBModuleLib.Setup.SlicerPip import SlicerPip

    def refuse(*_values, **_options):
        msg = "PythonSlicer executable not found"
        raise RuntimeError(msg)

    monkeypatch.setattr(packaging, "pip_install", refuse, raising=False)
    installer = Installer(SlicerPip(), pins=dict)
    heard = Heard(installer, *SIGNALS)
    installer.install(["monai"])
    assert heard.names() == ["ended", "failed"]
    assert "PythonSlicer executable not found" in heard.of("failed")[0][0]
    assert not installer.isRunning


def test_another_extensions_installation_is_waited_for(packaging):
    from FMCIBModuleLib.Setup.SlicerPip import SlicerPip

    packaging.isBusy = True
    installer = Installer(SlicerPip(), pins=dict)
    heard = Heard(installer, *SIGNALS)
    installer.install(["monai"])
    assert "Another extension is installing" in heard.of("failed")[0][0]
    assert not packaging.calls
    assert not installer.canCancel
