"""The modules' code, as far as reviewers look at it: help, imports, and how PyTorch comes."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from . import rules
from .address import addresses_in
from .extension import Extension, Finding

_INSTALLS = {"pip_install", "pip_ensure", "pip_main"}


def check_help(extension: Extension) -> Iterator[Finding]:
    """The help panel leads to the documentation, and says what may be done with the weights."""
    for module in extension.modules:
        text = module.texts.get("helpText", "")
        links = re.findall(r'<a href="(http[^"]+)"', text)
        if not any(address == extension.address for link in links for address in addresses_in(f'"{link}"')):
            home = extension.address.home if extension.address else "the repository"
            wanted = f"a link to {home} in the help text"
            yield Finding(module.path, wanted, ", ".join(links) or "none", 'Add <a href="…">, to the tutorial.')
        if "non-commercial" not in text:
            came = "a help text without it"
            yield Finding(module.path, "the notice of non-commercial use", came, "Add it to the help text.")


def check_pages(extension: Extension) -> Iterator[Finding]:
    """What the help text links to in the repository is there."""
    for module in extension.modules:
        for revision, path in re.findall(r'/blob/([^/"]+)/([^"#]+)', module.texts.get("helpText", "")):
            if path not in extension.files or revision != extension.revision:
                wanted = f"a page of {extension.revision} that is here"
                yield Finding(module.path, wanted, f"{revision}, {path}", "Correct the link.")


def check_imports(extension: Extension) -> Iterator[Finding]:
    """A module can be loaded with nothing installed but Slicer."""
    own = {path.partition("/")[0] for path in extension.module_sources} | {"fmcib_engine", "FMCIBModuleLib"}
    allowed = {*sys.stdlib_module_names, *rules.IMPORTS, *own}
    for path, tree in extension.module_sources.items():
        for node in tree.body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            for package in {name.split(".")[0] for name in names} - allowed:
                to_do = "Import it inside the function that uses it."
                yield Finding(f"{path}:{node.lineno}", "imports of what Slicer has", package, to_do)


def check_torch(extension: Extension) -> Iterator[Finding]:
    """PyTorch comes by its own extension, which knows the computer's driver; a bare pip would replace it."""
    for path, tree in extension.module_sources.items():
        for call in ast.walk(tree):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            words = [each.value for each in ast.walk(call) if isinstance(each, ast.Constant)]
            if name in _INSTALLS and any(re.search(r"\btorch\b", word) for word in words if isinstance(word, str)):
                to_do = "Ask PyTorchUtils to install it."
                yield Finding(f"{path}:{call.lineno}", "no installation of PyTorch by pip", name, to_do)
    calls = any("PyTorchUtils" in ast.dump(tree) for tree in extension.module_sources.values())
    if calls and "PyTorch" not in extension.facts.get("DEPENDS", "").split():
        came = f"EXTENSION_DEPENDS {extension.facts.get('DEPENDS', '')!r}"
        yield Finding("CMakeLists.txt", "PyTorch among the extensions needed", came, "Add it: its module is used.")
