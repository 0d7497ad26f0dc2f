"""What a sentence advises, for whoever reads it: no option of the command line reaches the window."""

from __future__ import annotations

import ast
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from fmcib_engine.errors import DependencyError, DeviceError, InputError, WeightsError
from fmcib_engine.framing import unpack
from fmcib_engine.tasks.io import explain as explain_task
from fmcib_engine.tasks.io import write
from fmcib_engine.words import in_script, in_window
from fmcib_engine.worker.errors import error_frame, explain
from support import OF_THE_COMMAND_LINE, ROOT

ENGINE = ROOT / "FMCIBExtension" / "fmcib_engine"
FILES = sorted(path for path in ENGINE.rglob("*.py") if "cli" not in path.parts and path.name != "__main__.py")


@pytest.mark.parametrize(
    ("sentence", "window", "script"),
    [
        ("Allow it (--overwrite).", "Allow it.", "Allow it (--overwrite)."),
        (
            "Go on (--resume), or begin anew (--overwrite).",
            "Go on, or begin anew.",
            "Go on, or begin anew (--overwrite).",
        ),
        ("Choose one (--time-point, or the column time_point).", "Choose one.", "Choose one."),
        (
            "Fetch it (in the window: Download; or `fmcib-engine weights download fmcib`), or import it.",
            "Fetch it (in the window: Download), or import it.",
            "Fetch it, or import it.",
        ),
        ("Install it (in the window: Install; or with pip).", "Install it (in the window: Install).", "Install it."),
        ("Choose another (in the window: Advanced).", "Choose another (in the window: Advanced).", "Choose another."),
        (
            "Import it (in the window: Import; or `fmcib-engine weights import FILE --as a --overwrite`).",
            "Import it (in the window: Import).",
            "Import it.",
        ),
        ("scan (2 slices) of 3 (a - b) -- so it is.", *["scan (2 slices) of 3 (a - b) -- so it is."] * 2),
        ("", "", ""),
    ],
)
def test_each_reader_gets_the_ways_that_are_open_to_them(sentence, window, script):
    assert in_window(sentence) == window
    assert in_window(window) == window
    assert in_script(sentence, {"--overwrite", "--device"}) == script


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """(Line, text) of every string of a file but docstrings; what is filled in is a dash."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "…" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ENGINE).as_posix())
def test_every_text_of_the_engine_can_be_said_in_the_window(path):
    if path.name != "words.py":
        told = [(line, in_window(text)) for line, text in texts(path)]
        assert [each for each in told if OF_THE_COMMAND_LINE.search(each[1])] == []


def test_the_walk_finds_texts_and_what_is_wrong_with_them(tmp_path):
    (tmp_path / "bad.py").write_text(
        '"""--doc"""\nmsg = f"Say {1} " "(--as NAME), or give --id ID."\nother = "x"\n', encoding="utf-8"
    )
    assert list(texts(tmp_path / "bad.py")) == [(2, "Say … (--as NAME), or give --id ID."), (3, "x")]
    assert OF_THE_COMMAND_LINE.search(in_window("Say … (--as NAME), or give --id ID."))
    assert sum(len([text for _, text in texts(path) if "(--" in text]) for path in FILES) > 10


@pytest.mark.parametrize("error", [InputError, WeightsError, DeviceError, DependencyError])
def test_what_the_worker_and_the_tasks_reply_is_said_in_the_window(error):
    sentence = "Choose another (in the window: Advanced; or --device cpu), or allow it (--overwrite)."
    header, _ = unpack(error_frame(1, *explain(error(sentence))))
    assert header["message"] == "Choose another (in the window: Advanced), or allow it."
    lines: list[bytes] = []
    assert explain_task(error(sentence))[1] == sentence  # said on the way out
    record = {"id": "a", "path": "/x (--b)", "problem": sentence}
    write(SimpleNamespace(write=lines.append), {"type": "result", "weights": [record], "cache_problem": sentence})
    told = json.loads(lines[0])
    assert told["weights"] == [{**record, "problem": header["message"]}]
    assert told["cache_problem"] == header["message"]


def test_the_catalogue_says_nothing_of_the_command_line():
    catalogue = tomllib.loads((ENGINE / "weights" / "catalogue.toml").read_text(encoding="utf-8"))
    assert not OF_THE_COMMAND_LINE.search(str(catalogue))
