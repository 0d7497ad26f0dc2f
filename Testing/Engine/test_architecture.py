"""The shape of the house: who may import whom, how long files may be, what CMake installs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT

EXTENSION = ROOT / "FMCIBExtension"
ENGINE = EXTENSION / "fmcib_engine"
FILES = sorted(ENGINE.rglob("*.py"))

# Each part of the engine may import itself and the parts named here, and a file that is named less than its room may;
# the picture in CONTRIBUTING.md shows the same.
GROUND = {"errors", "texts", "affine", "paths", "geometry", "volume", "framing"}
MAY_IMPORT = {
    "errors": set(),
    "words": set(),
    "texts": set(),
    "affine": set(),
    "paths": set(),
    "framing": {"errors"},
    "quiet": set(),
    "cache": {"errors"},
    "geometry": {"errors", "affine"},
    "volume": {"errors", "geometry"},
    "preprocessing": GROUND,
    "readers": GROUND,
    "seeds": GROUND | {"readers"},
    "phantom": GROUND | {"preprocessing"},
    "downloads": {"errors"},
    "samples": {"errors", "cache", "downloads", "readers"},
    "encoders": {"errors", "quiet"},
    "weights": {"errors", "cache", "downloads", "encoders", "preprocessing", "phantom"},
    "kept": {"errors", "cache", "downloads", "samples", "weights", "heads"},
    "removal": {"errors", "cache", "downloads", "kept", "weights"},
    "heads": {"errors", "cache", "downloads", "encoders", "preprocessing", "weights"},
    "heads/prediction": set(),
    "heads/folder": {"cache"},
    "heads/notes": set(),
    "heads/published": set(),
    "heads/terms": set(),
    "heads/head": set(),
    "heads/checks": {"errors"},
    "heads/predict": {"errors"},
    "heads/fit": {"errors"},
    "heads/facts": {"errors", "encoders"},
    "results/steadiness": set(),
    "results/page": set(),
    "results": GROUND | {"preprocessing", "seeds", "encoders", "heads", "__init__"},
    "pipeline": GROUND | {"preprocessing", "encoders"},
    "checks": set(),
    "checks/selftest": {"phantom", "weights"},
    "checks/published": GROUND | {"encoders", "results", "pipeline"},
    "training": {"errors", "geometry", "volume", "preprocessing", "readers", "seeds", "phantom", "encoders", "weights",
                 "results", "batch"},
    "training/settings": {"errors"},
    "training/loss": {"encoders"},
    "training/optimizer": {"encoders"},
    "training/views": {"errors", "encoders"},
    "training/networks": {"encoders"},
    "training/loop": {"errors", "encoders"},
    "training/checkpoint": {"errors", "encoders", "results"},
    "training/phantom_source": {"errors", "preprocessing", "phantom", "batch"},
    "probing": {"errors", "texts", "encoders", "heads", "results", "__init__"},
    "probing/bootstrap": set(),
    "probing/cox": set(),
    "probing/curves": set(),
    "probing/delong": set(),
    "probing/folds": {"errors"},
    "probing/joined": {"errors"},
    "probing/libraries": {"errors"},
    "probing/places": set(),
    "probing/lines": set(),
    "probing/patients": set(),
    "probing/ridge": {"errors"},
    "probing/scores": set(),
    "probing/span": set(),
    "probing/survival_scores": set(),
    "replication": {"errors", "texts", "downloads", "encoders", "weights", "heads", "probing"},
    "replication/upstream": {"heads"},
    "saliency": {"errors", "geometry", "volume", "texts", "preprocessing", "encoders", "heads", "results"},
    "saliency/map": {"errors", "geometry"},
    "saliency/scorer": {"errors", "encoders"},
    "saliency/guided": {"errors", "encoders"},
    "saliency/targets": {"errors", "encoders", "heads"},
    "saliency/gradient": set(),
    "saliency/smoothgrad": set(),
    "saliency/gradcam": set(),
    "saliency/integrated": set(),
    "saliency/occlusion": set(),
    "batch": GROUND | {"preprocessing", "readers", "encoders", "heads", "seeds", "results", "pipeline", "stability"},
    "batch/attempts": {"errors"},
    "batch/kept_list": {"errors", "seeds", "results"},
    "batch/chunks": set(),
    "batch/cluster_worker": {"errors", "encoders", "heads", "results", "seeds", "weights", "__init__"},
    "batch/parts": {"errors"},
    "batch/states": {"readers"},
    "stability": GROUND | {"preprocessing", "encoders", "heads", "results", "pipeline", "probing", "__init__"},
    "stability/jitter": GROUND,
    "stability/perturb": GROUND | {"preprocessing"},
    "stability/numbers": set(),
    "stability/agreement": set(),
    "stability/cheap": GROUND | {"preprocessing", "encoders", "heads", "results", "pipeline"},
    "worklist": GROUND | {"readers", "seeds", "results"},
    "worklist/series": {"results"},
    "worklist/database": {"errors", "texts"},
    "worklist/ctk": {"errors"},
    "worklist/located": {"paths"},
    "worklist/sources": {"errors"},
    "worklist/filters": {"errors", "texts"},
    "worklist/join": set(),
    "worklist/numbers": set(),
    "worklist/plan": {"seeds"},
    "dicomweb": {"errors", "downloads", "readers", "worklist"},
    "dicomweb/address": {"errors"},
    "dicomweb/credentials": {"errors"},
    "dicomweb/packages": {"errors"},
    "dicomweb/session": {"errors", "downloads"},
    "dicomweb/trouble": {"errors", "downloads"},
    "dicomweb/metadata": {"readers", "worklist"},
    "dicomweb/folder": {"errors", "downloads", "readers"},
    "worker": GROUND | {"words", "preprocessing", "encoders", "weights", "heads", "results", "pipeline", "saliency",
                         "__init__"},
    "worker/channel": set(),
    "worker/requests": {"framing", "paths"},
    "worker/errors": {"errors", "words", "framing", "encoders"},
    "tasks": {"errors", "words", "paths", "quiet", "cache", "geometry", "readers", "downloads", "samples", "encoders",
              "weights", "kept", "removal", "checks", "results", "worker", "__init__"},
    "tasks/io": {"errors", "words", "paths", "worker"},
    "tasks/probe": {"errors", "quiet", "cache", "encoders", "weights", "__init__"},
    "tasks/catalogue": {"errors", "cache", "downloads", "weights", "samples"},
    "tasks/contents": {"errors", "downloads", "kept", "removal"},
    "tasks/heads": {"heads", "worker"},
    "tasks/series": {"errors", "paths", "geometry", "readers", "results"},
    "tasks/batch": {"errors", "geometry", "encoders", "weights", "heads", "seeds", "results", "worklist", "batch"},
    "tasks/batch_plan": {"errors", "geometry", "seeds", "results", "worklist"},
    "tasks/train_head": {"errors", "heads", "probing", "worker"},
}  # fmt: skip
NUMPY_AND_SCIPY_ONLY = GROUND | {"preprocessing", "seeds", "phantom", "pipeline", "worklist"}


def part_of(path: Path) -> str:
    relative = path.relative_to(ENGINE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def name_of(path: Path) -> str:
    return path.relative_to(ENGINE).with_suffix("").as_posix()


def imports(path: Path) -> set[tuple[str, str]]:
    """("own", part) for imports of the engine, ("foreign", package) for others; those inside functions as well."""
    found = set()
    depth = len(path.relative_to(ENGINE).parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {("foreign", alias.name.split(".")[0]) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add(("foreign", str(node.module).split(".")[0]))
        elif isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {("own", "__init__" if name == "__version__" else str(name).split(".")[0]) for name in names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_knowledge_flows_one_way(path):
    part = part_of(path)
    if part in {"cli", "__main__"}:
        return  # the top: may import everything, and nobody imports it (below)
    allowed = MAY_IMPORT.get(name_of(path), MAY_IMPORT.get(part, set())) | {part}
    own = {name for kind, name in imports(path) if kind == "own"}
    if part == "__init__":
        assert own == set()
    else:
        assert own <= allowed, f"{part} imports {own - allowed}"


def test_every_part_has_its_rule_and_every_rule_its_part():
    parts = {part_of(path) for path in FILES} - {"cli", "__main__", "__init__"}
    assert parts <= MAY_IMPORT.keys() <= parts | {name_of(path) for path in FILES}


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) in NUMPY_AND_SCIPY_ONLY], ids=str)
def test_the_parts_that_run_inside_slicer_need_numpy_and_scipy_only(path):
    foreign = {name for kind, name in imports(path) if kind == "foreign"}
    assert foreign <= {*sys.stdlib_module_names, "numpy", "scipy"}


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) == "tasks"], ids=lambda path: path.stem)
def test_what_tells_that_a_package_is_missing_needs_none(path):
    assert {name for kind, name in imports(path) if kind == "foreign"} <= sys.stdlib_module_names


def test_a_task_is_understood_before_any_package_is_imported():
    script = "import sys; import fmcib_engine.tasks.run; print(*{'numpy', 'torch', 'requests'} & sys.modules.keys())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=EXTENSION, check=True, capture_output=True, encoding="utf-8"
    )
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_nothing_knows_slicer_qt_vtk_or_unpickles(path):
    foreign = {name for kind, name in imports(path) if kind == "foreign"}
    assert not foreign & {"slicer", "qt", "ctk", "vtk", "PySide6", "joblib", "dill", "fmcib", "fmcib_engine"}
    source = path.read_text(encoding="utf-8")
    if "import pickle" in source:
        assert re.findall(r"pickle\.(\w+)", source) == ["UnpicklingError"]
    assert source.count("torch.load(") == source.count("weights_only=True, mmap=")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_functions_stay_short(path):
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and path.name != "commands.py":  # a command is as long as its options
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert node.end_lineno - first.lineno < 40, node.name


BY_BLAS = {"linalg", "dot", "vdot", "inner", "matmul", "tensordot", "einsum", "multi_dot", "polyfit", "cov"}
"""What numpy hands to a library that rounds otherwise on another processor."""
ON_FEATURES = {
    *("encoders/network.py", "encoders/openvino_cpu.py", "checks/selftest.py", "checks/published.py", "tasks/probe.py"),
    "heads/predict.py",
    *(f"probing/{name}.py" for name in ("curves", "delong", "lines", "ridge", "span", "survival_scores")),
}
"""They compare or weigh features, which come from such a library anyway, and decide nothing on a last bit."""


@pytest.mark.parametrize("path", [*FILES, *sorted((ROOT / "FMCIBModule").rglob("*.py"))], ids=lambda path: path.name)
def test_places_are_computed_in_plain_arithmetic(path):
    """By `affine`: a product by BLAS has other last bits on another processor, and last bits decide over voxels."""
    if path.is_relative_to(ENGINE) and path.relative_to(ENGINE).as_posix() in ON_FEATURES:
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.MatMult)]
    named = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"np", "numpy"}
    }
    assert not named & BY_BLAS


EVERY_SOURCE = sorted(
    path for part in (EXTENSION, ROOT / "FMCIBModule", ROOT / "Testing") for path in part.rglob("*.py")
)


def test_no_text_is_read_in_the_encoding_of_a_computer():
    """A machine whose encoding is ASCII or cp1252 reads the same words as every other."""
    nameless = []
    for path in EVERY_SOURCE:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or any(each.arg in {"encoding", None} for each in call.keywords):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            text = name in {"read_text", "write_text"} or any(
                each.arg == "universal_newlines" for each in call.keywords
            )
            said = {each.value for each in ast.walk(call) if isinstance(each, ast.Constant)}
            opened = name == "open" and (
                said & {"r", "w", "a", "x"} or any(each.arg == "newline" for each in call.keywords)
            )
            run = name in {"run", "Popen", "check_output"} and any(each.arg == "text" for each in call.keywords)
            if text or opened or run:
                nameless.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert nameless == []


def test_the_package_carries_the_licence():
    assert (EXTENSION / "LICENSE.txt").read_text(encoding="utf-8") == (ROOT / "LICENSE.txt").read_text(encoding="utf-8")


def cmake_list(name: str) -> list[str]:
    text = (EXTENSION / "CMakeLists.txt").read_text(encoding="utf-8")
    return re.search(rf"set\({name}\n(.*?)\n  \)", text, re.DOTALL).group(1).split()


def test_cmake_lists_every_file_of_the_engine_and_no_other():
    on_disk = [path.relative_to(EXTENSION).as_posix() for path in sorted(ENGINE.rglob("*")) if path.is_file()]
    on_disk = [name for name in on_disk if "__pycache__" not in name]
    assert sorted(cmake_list("ENGINE_SCRIPTS")) == [name for name in on_disk if name.endswith(".py")]
    assert sorted(cmake_list("ENGINE_RESOURCES")) == [name for name in on_disk if not name.endswith(".py")]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
def test_what_cmake_installs_works_from_one_flat_folder(tmp_path):
    """Slicer's macro copies paths as written beside the modules; a stand-in of it does the same here."""
    (tmp_path / "CMakeLists.txt").write_text(
        f"""
cmake_minimum_required(VERSION 3.16)
project(Stand-in NONE)
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "" "NAME" "SCRIPTS;RESOURCES" ${{ARGN}})
  foreach(file ${{MY_SCRIPTS}} ${{MY_RESOURCES}})
    configure_file(${{CMAKE_CURRENT_SOURCE_DIR}}/${{file}} ${{CMAKE_BINARY_DIR}}/qt-scripted-modules/${{file}} COPYONLY)
  endforeach()
endmacro()
add_subdirectory({EXTENSION.as_posix()} engine)
""",
        encoding="utf-8",
    )
    subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build"], check=True, capture_output=True)
    folder = tmp_path / "build" / "qt-scripted-modules"
    script = (
        f"import sys; sys.path.insert(0, {str(folder)!r})\n"
        "import fmcib_engine.worker.run, fmcib_engine.tasks.run\n"
        "from fmcib_engine.phantom import probe_patch\n"
        "print(fmcib_engine.__file__, probe_patch().shape)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.split() == [str(folder / "fmcib_engine" / "__init__.py"), "(50,", "50,", "50)"]


def test_the_root_holds_only_what_the_user_fixed():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    names = {name.split("/")[0] for name in listed.stdout.split()}
    assert names <= {
        "CMakeLists.txt", "FMCIBExtension", "FMCIBModule", "Resources", "Testing", "README.md", "LICENSE.txt",
        "CHANGELOG.md", "CONTRIBUTING.md", "Makefile", ".gitignore", ".pre-commit-config.yaml", ".ci",
    }  # fmt: skip
