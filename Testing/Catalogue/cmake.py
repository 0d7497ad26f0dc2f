"""The top-level CMakeLists.txt, from which the catalogue takes what its users read of the extension."""

from __future__ import annotations

import re
from collections.abc import Iterator

from . import rules
from .extension import CMAKE, ENTRY, Extension, Finding

CONTRIBUTOR = re.compile(r"[^\s,()]+(?: [^\s,()]+)+ \([^()]+\)")
CONTRIBUTOR_TO_BE_NAMED = "First Last (Organization)"
"""Stands where nobody has said who they are: it has the form, and is nobody's name."""


def check_name(extension: Extension) -> Iterator[Finding]:
    """One name: of the project, of the entry's file; Slicer's own belongs to the repository."""
    name, file = extension.name, extension.root / ENTRY
    if not name:
        yield Finding(CMAKE, "project(NAME)", "none", "Add it: it is the extension's name.")
        return
    if name != file.stem:
        yield Finding(CMAKE, f"project({file.stem}), as its entry is called", f"project({name})", "Make them one.")
    if name.lower().startswith("slicer"):
        to_do = f"Call it {name[6:].lstrip('-_')}; the repository alone begins with Slicer."
        yield Finding(CMAKE, "an extension whose name does not begin with Slicer", name, to_do)


def check_texts(extension: Extension) -> Iterator[Finding]:
    """Each once, literal, in one pair of quotes: the catalogue's script reads the file by a pattern, without CMake."""
    text = extension.text(CMAKE)
    for name in (f"EXTENSION_{each}" for each in rules.EXTENSION_TEXTS):
        form = f'set({name} "…")'
        value = extension.facts.get(name.removeprefix("EXTENSION_"))
        times = len(re.findall(rf"set\s*\(\s*{name}\b", text))
        if times == 0:
            yield Finding(CMAKE, form, "none", "Add it.")
        elif value is None:
            yield Finding(CMAKE, f"{form} in one pair of quotes", "another form", "Write it so, on one line.")
        elif times > 1:
            yield Finding(CMAKE, f"{form} once", f"{times} times", "Keep one: the script reads the first.")
        elif "$" in value:
            to_do = f"Write it out; make publish-as OWNER/Slicer{extension.name} changes every address."
            yield Finding(CMAKE, f"{form} without variables of CMake", repr(value), to_do)
        elif "\n" in value or ";" in value:
            to_do = "Write it without: CMake passes it on without quotes, and what follows gets lost."
            yield Finding(CMAKE, f"{form} without semicolons and line ends", repr(value), to_do)


def check_description(extension: Extension) -> Iterator[Finding]:
    """The non-commercial notice is visible where people choose what to install."""
    description = extension.facts.get("DESCRIPTION", "")
    for notice in ("research use only", "non-commercial"):
        if description and notice not in description:
            to_do = "Say so in EXTENSION_DESCRIPTION: people read it before they install."
            yield Finding(CMAKE, f"a description that says {notice!r}", repr(description), to_do)


def check_contributors(extension: Extension) -> Iterator[Finding]:
    """As people are named in the catalogue, and the same ones in the module's help."""
    named = extension.facts.get("CONTRIBUTORS", "")
    said = [(CMAKE, named), *((module.path, module.texts.get("contributors", "")) for module in extension.modules)]
    form = "First Last (Organization), First Last (Organization)"
    for where, text in said:
        people = [each.strip() for each in re.split(r",(?![^(]*\))", text)]
        if not all(CONTRIBUTOR.fullmatch(each) for each in people):
            yield Finding(where, f"contributors as {form}", repr(text), "Write each so.")
        elif text != named:
            yield Finding(where, f"the contributors of {CMAKE}, {named}", text, "Write the same into both.")
    if CONTRIBUTOR_TO_BE_NAMED in named:
        to_do = f"Write them into {' and '.join(where for where, _ in said)}."
        came = f"the placeholder {CONTRIBUTOR_TO_BE_NAMED}"
        yield Finding(CMAKE, "the contributors", came, to_do, is_to_fill_in=True)


def check_words(extension: Extension) -> Iterator[Finding]:
    """Keywords, and extensions recommended beside this one: words with blanks between them."""
    for name, pattern in (("KEYWORDS", r"[\w-]+"), ("RECOMMENDS", r"\w+"), ("DEPENDS", r"\w+")):
        words = extension.facts.get(name, "").split()
        odd = [word for word in words if not re.fullmatch(pattern, word)]
        if odd or len(set(words)) < len(words):
            to_do = "Write each word once, with a blank between two."
            yield Finding(CMAKE, f"plain words in EXTENSION_{name}", " ".join(odd or words), to_do)
    both = set(extension.facts.get("RECOMMENDS", "").split()) & set(extension.facts.get("DEPENDS", "").split())
    if both:
        came = f"{', '.join(sorted(both))} in both"
        yield Finding(CMAKE, "extensions either needed or recommended", came, "Leave it in EXTENSION_DEPENDS alone.")


def check_packaged_files(extension: Extension) -> Iterator[Finding]:
    """Without these two settings Slicer packs its own licence and README in the place of the extension's."""
    for name, file in (("LICENSE", "LICENSE.txt"), ("README", "README.md")):
        wanted = f'set(EXTENSION_{name}_FILE "${{CMAKE_CURRENT_SOURCE_DIR}}/{file}")'
        if wanted not in extension.text(CMAKE):
            to_do = "Add it before Slicer is included: else the package carries Slicer's own."
            yield Finding(CMAKE, wanted, "none", to_do)
