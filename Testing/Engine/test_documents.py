"""What the documents say is so: links lead somewhere, commands are understood, lists are the code's."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine import samples
from fmcib_engine.geometry import VoxelGrid
from fmcib_engine.results.schema import COLUMNS, HEAD_COLUMNS, STEADINESS, STEADINESS_OF_HEADS
from fmcib_engine.weights.catalogue import load_catalogue
from support import ROOT

DOCS = ROOT / "Resources" / "Docs"
FOLDERS = ("Resources", "Testing", "FMCIBExtension", "FMCIBModule")
BELOW = [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*")) if "_cache" not in str(path)]
FILES = [path.relative_to(ROOT).as_posix() for path in BELOW if path.is_file()]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *(path for path in BELOW if path.suffix == ".md")]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PROGRAMS = ("fmcib-engine", "make", "pip", "Slicer")
_ENGINE_AS_MODULE = ".venv/bin/python -m fmcib_engine"


def prose(path: Path) -> str:
    """A document without its blocks of code."""
    return _FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(path: Path, language: str = "") -> list[str]:
    return [body for named, body in _FENCE.findall(path.read_text(encoding="utf-8")) if named == language]


def anchors(path: Path) -> set[str]:
    """Of a document's headings, as GitHub makes them."""
    found: list[str] = []
    for heading in re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        found.append(re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-"))
    return {f"{name}-{found[:n].count(name)}" if name in found[:n] else name for n, name in enumerate(found)}


def commands(path: Path) -> Iterator[list[str]]:
    """The words of each command line of a document: those of blocks, and those between backticks."""
    for block in blocks(path):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip():
                yield shlex.split(re.split(r"(?<=\S) {3,}(?=[a-z])", line.strip())[0])  # what follows tells about it
    for span in _SPAN.findall(prose(path)):
        line = " ".join(span.split())
        if line.startswith((_ENGINE_AS_MODULE, *(f"{program} " for program in _PROGRAMS))):
            yield shlex.split(line)


COMMANDS = [(path, words) for path in DOCUMENTS for words in commands(path)]


def of_program(name: str) -> list:
    found = [
        pytest.param(words[1:], id=f"{path.stem}: {' '.join(words)}") for path, words in COMMANDS if words[0] == name
    ]
    assert found  # else this file looks for commands in the wrong way
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_pictures_lead_somewhere(path):
    for target in _LINK.findall(prose(path)):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


def test_every_document_for_users_can_be_reached_from_the_first_page():
    seen, ahead = set(), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        seen.add(path)
        links = {(path.parent / target.partition("#")[0]).resolve() for target in _LINK.findall(prose(path))}
        ahead += [link for link in links if link.suffix == ".md" and link not in seen]
    assert seen == set(DOCUMENTS)


def test_blocks_of_code_hold_commands_that_are_known():
    for path in DOCUMENTS:
        for words in (words for there, words in COMMANDS if there == path):
            is_known = words[0] in _PROGRAMS or " ".join(words).startswith(_ENGINE_AS_MODULE)
            assert is_known, f"{path.name}: {' '.join(words)}"


@pytest.mark.parametrize("words", of_program("fmcib-engine"))
def test_a_command_line_of_the_documents_is_understood(words):
    click = pytest.importorskip("click")
    from fmcib_engine.cli import commands as cli_commands

    command, name, context = cli_commands.cli, "fmcib-engine", None
    while True:  # each group of commands takes its own options, and leaves the rest
        context = command.make_context(name, list(words), parent=context)
        if not isinstance(command, click.Group):
            return
        name, command, words = command.resolve_command(
            context, [*getattr(context, "_protected_args", ()), *context.args]
        )


@pytest.mark.parametrize("words", of_program("make"))
def test_a_make_command_of_the_documents_is_in_the_makefile(words):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = [word for word in words if "=" not in word and "/" not in word]  # a repository is no target
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
    for variable in (word.partition("=")[0] for word in words if "=" in word):
        assert f"$({variable})" in makefile or f"ifdef {variable}" in makefile, variable


@pytest.mark.parametrize("words", of_program("Slicer"))
def test_a_command_line_of_slicer_starts_a_script_that_is_here(words):
    assert (ROOT / words[words.index("--python-script") + 1]).is_file()


SCRIPTS = {"analyse.py": ("Without a window", "Headless.py"), "batch.py": ("Many scans", "BatchArguments.py")}
"""The section of the user guide on each, and the file with its parser."""


def script_options(script: str) -> set[str]:
    """Read from its parser without starting Slicer."""
    (path,) = (ROOT / "FMCIBModule").rglob(SCRIPTS[script][1])
    texts = [
        node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Constant)
    ]
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"--[a-z][a-z-]*", text)}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_user_guide_names_every_option_of_the_scripts_and_no_other(script):
    text = (DOCS / "user-guide.md").read_text(encoding="utf-8")
    section = re.split(r"\n##+ ", text.partition(f"### {SCRIPTS[script][0]}\n")[2])[0]
    rows = re.findall(r"^\| (`--[^|]*) \|", section, re.MULTILINE)
    assert {option for row in rows for option in re.findall(r"--[a-z-]+", row)} == script_options(script)
    given = [words for words in commands(DOCS / "user-guide.md") if words[0] == "Slicer"]
    own = [words for words in given if words[words.index("--python-script") + 1].endswith(f"/{script}")]
    assert own
    for words in own:
        options = words[words.index("--python-script") + 2 :]
        assert {word for word in options if word.startswith("--")} <= script_options(script)


def test_an_option_that_a_document_names_is_one_of_ours():
    pytest.importorskip("click")
    from fmcib_engine.cli.commands import cli

    ahead, ours = [cli], {"--help"}.union(*map(script_options, SCRIPTS))
    while ahead:
        command = ahead.pop()
        ours |= {option for parameter in command.params for option in [*parameter.opts, *parameter.secondary_opts]}
        ahead += list(getattr(command, "commands", {}).values())
    for path in [ROOT / "README.md", *DOCS.glob("*.md")]:
        for span in _SPAN.findall(prose(path)):
            if option := re.match(r"--[a-z][a-z-]*", span):
                assert option.group() in ours, f"{path.name}: {span}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_that_a_document_names_is_there(path):
    for span in _SPAN.findall(prose(path)):
        if re.fullmatch(r"\w[\w./-]*\.(py|toml|ini|json|ui|svg)", span) and ".mrk." not in span:
            assert any(f"/{file}".endswith(f"/{span}") for file in FILES), span


def test_the_formats_list_the_columns_of_the_feature_table():
    text = (DOCS / "formats.md").read_text(encoding="utf-8").partition("## The feature table")[2]
    text = text.partition("### How steady a row is")[0]
    listed = re.findall(r"^\| `(\w+)` \| (\w*) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    wanted = [(c.name, c.type.__name__, c.unit, c.meaning) for c in COLUMNS]
    assert [(name, kind, unit, meaning.replace("\\|", "|")) for name, kind, unit, meaning in listed] == wanted


def test_the_formats_list_the_columns_of_heads():
    text = (DOCS / "formats.md").read_text(encoding="utf-8").partition("### Predictions")[2]
    text, _, steady = text.partition("### How steady a row is")
    listed = re.findall(r"^\| `(.*?)` \| (\w*) \| (.*?) \| (.*) \|$", steady.partition("\n## ")[0], re.MULTILINE)
    assert listed == [*STEADINESS, *STEADINESS_OF_HEADS]
    assert re.findall(r"^\| `(<head>:.*?)` \| (\w*) \| (.*?) \| (.*) \|$", text, re.MULTILINE) == [*HEAD_COLUMNS]


def test_the_administrators_are_told_every_host_and_every_variable():
    text = (DOCS / "administrators.md").read_text(encoding="utf-8")
    hosts = {host.name for host in load_catalogue().hosts} | set(samples.HOSTS)
    rows = re.findall(r"^\| (\S+\.\S+.*?) \|", text.partition("## Network")[2].partition("\n```")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"[\w*.-]+\.[a-z]+", row)} == hosts
    sources = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "FMCIBExtension").rglob("fmcib_engine/**/*.py")
    )
    variables = set(re.findall(r"\bFMCIB_[A-Z_]+\b", sources))
    assert set(re.findall(r"^\| `(FMCIB_\w+)` \|", text, re.MULTILINE)) == variables


def test_the_user_guide_explains_every_exit_code():
    pytest.importorskip("click")
    pytest.importorskip("rich")
    from fmcib_engine.cli import extract

    rows = re.findall(r"^\| (\d+) \|", (DOCS / "user-guide.md").read_text(encoding="utf-8"), re.MULTILINE)
    codes = {extract.OK, extract.USAGE, extract.ERROR_ROWS, extract.NOTHING, extract.INTERRUPTED}
    of_the_script_alone = {1}
    assert {int(row) for row in rows} == codes | of_the_script_alone


def test_the_python_of_the_documents_can_be_parsed():
    found = [block for path in DOCUMENTS for block in blocks(path, "python")]
    assert len(found) >= 2
    for block in found:
        ast.parse(block)


def test_the_user_guides_python_gives_features(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    from fmcib_engine.results.image import write_image
    from fmcib_engine.volume import Volume

    (block,) = (block for block in blocks(DOCS / "user-guide.md", "python") if "load_encoder" in block)
    assert '"model_weights.torch"' in block
    monkeypatch.chdir(tmp_path)
    affine = np.array([[2.0, 0, 0, 0], [0, 2, 0, 30], [0, 0, 2, -170], [0, 0, 0, 1]])
    grid = VoxelGrid((60, 60, 60), affine)  # the seed of the document is in it
    write_image(Volume(np.full((60, 60, 60), -500, np.int16), grid), Path("ct.nrrd"))
    names: dict = {}
    exec(block.replace('"model_weights.torch"', '"demonstration"'), names)  # noqa: S102  our own document
    assert names["features"].shape == (4096,)
    assert np.isfinite(names["features"]).all()
