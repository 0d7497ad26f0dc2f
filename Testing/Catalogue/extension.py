"""What this repository says of the extension, read from its files, and what is found wrong with it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .address import Address, addresses_in

ENTRY = "Resources/FMCIB.json"
CMAKE = "CMakeLists.txt"


@dataclass(frozen=True)
class Finding:
    """Something that is not as the catalogue wants it."""

    where: str
    wanted: str
    came: str
    to_do: str
    is_to_fill_in: bool = False
    """Nothing is wrong: whoever publishes the extension has to say it."""

    def __str__(self) -> str:
        return f"{self.where}: wanted {self.wanted}; came {self.came}. {self.to_do}"


@dataclass(frozen=True)
class Module:
    """A scripted module, by the file that Slicer loads."""

    path: str
    texts: dict[str, str]
    """What it sets of its parent: title, helpText, … -> the words."""


def git(root: Path, *arguments: str) -> str:
    """What git says of the repository in this folder."""
    return subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, encoding="utf-8").stdout


class Extension:
    """The files of a checkout, or of a copy of one."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> list[str]:
        """Paths from the root: those that git knows, or all where there is no git."""
        if (self.root / ".git").exists():
            listed = git(self.root, "ls-files", "-z")
            return [name for name in listed.split("\0") if name and (self.root / name).is_file()]
        return [path.relative_to(self.root).as_posix() for path in sorted(self.root.rglob("*")) if path.is_file()]

    def text(self, path: str) -> str:
        """A file's words; none where there is no such file."""
        file = self.root / path
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    @cached_property
    def entry(self) -> dict[str, Any]:
        """The catalogue's entry; empty where it cannot be read."""
        try:
            entry = json.loads(self.text(ENTRY))
        except ValueError:
            return {}
        return entry if isinstance(entry, dict) else {}

    @property
    def revision(self) -> str:
        return str(self.entry.get("scm_revision", "main"))

    @cached_property
    def address(self) -> Address | None:
        """Where the entry says that the repository is."""
        named = addresses_in(f'"{self.entry.get("scm_url", "")}"')
        return named.pop() if named else None

    @cached_property
    def name(self) -> str:
        """Of the project, as the catalogue's script finds it: the first one, whatever stands around it."""
        found = re.search(r"project\s*\(\s*([^\s)]+)", self.text(CMAKE), re.IGNORECASE)
        return found.group(1).strip("\"'") if found else ""

    @cached_property
    def facts(self) -> dict[str, str]:
        """EXTENSION_… -> its text, as the catalogue's script finds it: one literal text, the first of several."""
        found = re.findall(r'set\s*\(EXTENSION_(\w+)\s*"([^"]+)"\)', self.text(CMAKE), re.IGNORECASE)
        return dict(reversed(found))

    @cached_property
    def modules(self) -> list[Module]:
        """Each folder that CMake adds and that holds a file of its own name."""
        folders = re.findall(r"add_subdirectory\((\w+)\)", self.text(CMAKE))
        paths = [f"{folder}/{folder}.py" for folder in folders]
        return [Module(path, _parent_texts(self.text(path))) for path in paths if (self.root / path).is_file()]

    @cached_property
    def module_sources(self) -> dict[str, ast.Module]:
        """Path -> the syntax of each Python file of the modules."""
        folders = {module.path.partition("/")[0] for module in self.modules}
        paths = [path for path in self.files if path.endswith(".py") and path.partition("/")[0] in folders]
        return {path: ast.parse(self.text(path), path) for path in paths}


def _parent_texts(source: str) -> dict[str, str]:
    """`parent.NAME = …` -> the words in it."""
    texts = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            words = [each.value for each in ast.walk(node.value) if isinstance(each, ast.Constant)]
            texts[node.targets[0].attr] = ", ".join(str(word) for word in words if isinstance(word, str))
    return texts
