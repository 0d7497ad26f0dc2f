"""Licence, README and tutorial: what people look for on the extension's page. And that the repository is small."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from . import rules
from .extension import Extension, Finding, Module, git

README, TUTORIAL = "README.md", "Resources/Docs/tutorial.md"
_PICTURE = re.compile(r"!\[[^]]*\]\(([^)#]+)\)")
_LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)#]+\.md)[^)]*\)")


def check_licence(extension: Extension) -> Iterator[Finding]:
    """A file in the root, and its name on the extension's page."""
    here = [name for name in rules.LICENCE_FILES if name in extension.files]
    if not here:
        yield Finding("the root", f"a licence as {', '.join(rules.LICENCE_FILES)}", "none", "Add LICENSE.txt.")
        return
    kind = extension.text(here[0]).strip().split(" ")[0]  # MIT License, Apache License
    if not kind or kind not in extension.text(README):
        yield Finding(README, f"the name of the licence ({kind})", "none", "Name it at the end.")


def check_readme(extension: Extension) -> Iterator[Finding]:
    """Name, what it is for, pictures that are here, each module, whom to cite, the notice."""
    text = extension.text(README)
    if extension.name not in text:
        yield Finding(README, f"the extension's name {extension.name}", "none", "Begin with it.")
    if not _PICTURE.search(text):
        yield Finding(README, "a picture of what the extension does", "none", "Show a screenshot.")
    yield from _check_pictures(extension, README)
    for module in extension.modules:
        yield from _check_section(extension, module)
    if not re.search(r"\bdoi\b|pubmed", text, re.IGNORECASE):
        yield Finding(README, "the publication, with its doi", "none", "Say whom to cite.")
    if "non-commercial" not in text:
        yield Finding(README, "the notice that the weights are for non-commercial use", "none", "Add it to the top.")


def _check_section(extension: Extension, module: Module) -> Iterator[Finding]:
    """A section that names the module, with pictures in it, or in a document that it leads to."""
    title = module.texts.get("title", "")
    sections = re.split(r"^#+ ", extension.text(README), flags=re.MULTILINE)
    found = [section for section in sections[1:] if title and title in section]
    if not found:
        yield Finding(README, f"a section on the module {title!r}", "none", "Say what it does, and show it.")
        return
    links = [link for section in found for link in _LINK.findall(section)]
    if not any(_PICTURE.search(text) for text in (*found, *map(extension.text, links))):
        yield Finding(README, f"pictures in the section on {title!r}", "none", "Show it, or lead to the tutorial.")


def check_tutorial(extension: Extension) -> Iterator[Finding]:
    """Step by step, with pictures and with data that everybody can have."""
    text = extension.text(TUTORIAL)
    if not text:
        yield Finding(TUTORIAL, "a tutorial", "no file", "Write one, step by step.")
        return
    if len(re.findall(r"^(?:#+ )?\d+\. ", text, re.MULTILINE)) < 3:
        yield Finding(TUTORIAL, "three steps or more, numbered", "fewer", "Number them.")
    if not _PICTURE.search(text):
        yield Finding(TUTORIAL, "pictures", "none", "Show each step.")
    yield from _check_pictures(extension, TUTORIAL)
    icons = [PurePosixPath(path) for path in extension.files if "/Resources/Icons/" in path]
    samples = [path.stem for path in icons if path.suffix == ".png"]
    if "Sample Data" not in text or not any(name in text for name in samples):
        to_do = "Say which entry of the module Sample Data to load."
        yield Finding(TUTORIAL, f"one of the samples ({', '.join(samples)}) of Sample Data", "none", to_do)


def _check_pictures(extension: Extension, path: str) -> Iterator[Finding]:
    folder = (extension.root / path).parent
    for link in _PICTURE.findall(extension.text(path)):
        if not link.startswith("http") and not (folder / link).is_file():
            yield Finding(path, f"the picture {link}", "no such file", "Make it, or correct the path.")


def check_size(extension: Extension) -> Iterator[Finding]:
    """Of a clone: what is checked out, and the history."""
    size = sum((extension.root / path).stat().st_size for path in extension.files) + _bytes_of_history(extension)
    if size > rules.REPOSITORY_BYTES:
        wanted = f"a repository below {rules.REPOSITORY_BYTES >> 20} MB"
        to_do = "Take large files out, of its history too; data belongs into a release."
        yield Finding("the repository", wanted, f"{size / 2**20:.0f} MB", to_do)


def _bytes_of_history(extension: Extension) -> int:
    if not (extension.root / ".git").exists():
        return 0
    told = git(extension.root, "count-objects", "-v")
    return 1024 * sum(int(kib) for kib in re.findall(r"^size(?:-pack)?: (\d+)", told, re.MULTILINE))
