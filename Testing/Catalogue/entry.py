"""The catalogue's entry: a file of JSON that goes into the index."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from . import rules
from .address import OWNER_TO_BE_NAMED, repository_names
from .extension import CMAKE, ENTRY, Extension, Finding


def check_form(extension: Extension) -> Iterator[Finding]:
    """As the index's own tools write it: JSON of two blanks, lines ended by LF."""
    path = extension.root / ENTRY
    raw = path.read_bytes() if path.is_file() else b""
    try:
        entry = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        what = "no file" if not path.is_file() else str(error)
        yield Finding(ENTRY, "an object of JSON in UTF-8", what, "Write it after the schema that rules.py names.")
        return
    if not isinstance(entry, dict):
        yield Finding(ENTRY, "an object of JSON", type(entry).__name__, "Write it after the schema.")
    elif b"\r" in raw:
        yield Finding(ENTRY, "lines that end with LF", "CR", "Save the file with the line ends of Unix.")
    elif raw.decode("utf-8") != json.dumps(entry, indent=2, ensure_ascii=False) + "\n":
        to_do = "Write it as Python's json.dumps(…, indent=2) does, with a line end."
        yield Finding(ENTRY, "two blanks a level, each item of a list on its line", "another layout", to_do)


def check_schema(extension: Extension) -> Iterator[Finding]:
    """Each field against version 1.0.2 of the schema."""
    entry = extension.entry
    if not entry:
        return
    for name in rules.REQUIRED:
        if name not in entry:
            yield Finding(ENTRY, f"the field {name}", "none", "Add it: the schema requires it.")
    for name, value in entry.items():
        if name not in rules.FIELDS:
            to_do = "Leave it out. What a user reads belongs into CMakeLists.txt as EXTENSION_…."
            yield Finding(ENTRY, f"the fields {', '.join(rules.FIELDS)} alone", f"the field {name}", to_do)
        elif type(value) is not rules.FIELDS[name]:  # a truth value is no number in JSON
            wanted = f"{_in_json(rules.FIELDS[name])} in {name}"
            yield Finding(ENTRY, wanted, repr(value), "Write it so.")
        else:
            yield from _check_value(name, value)


def _check_value(name: str, value: Any) -> Iterator[Finding]:
    if name == "$schema" and value != rules.SCHEMA:
        yield Finding(ENTRY, f"$schema {rules.SCHEMA}", repr(value), "Name the newest version of the schema.")
    if name == "category" and value not in rules.CATEGORIES:
        yield Finding(ENTRY, "a category that the catalogue has", repr(value), _choose(rules.CATEGORIES))
    if name == "scm_type" and value not in rules.SCM_TYPES:
        yield Finding(ENTRY, "a known scm_type", repr(value), _choose(rules.SCM_TYPES))
    if name == "tier" and value not in rules.TIERS:
        meant = ", ".join(f"{tier} ({words})" for tier, words in rules.TIERS.items())
        yield Finding(ENTRY, f"a tier of {meant}", repr(value), "A new extension is of tier 1.")
    if name == "build_dependencies" and not all(isinstance(each, str) and each for each in value):
        yield Finding(ENTRY, "names of extensions in build_dependencies", repr(value), "Write each as a text.")
    if name == "scm_revision" and not value.strip():
        yield Finding(ENTRY, "a branch or tag in scm_revision", repr(value), "Name the branch, such as main.")
    if name == "dicom_support_rule" and (why := _why_no_rule(value)):
        known = " and ".join(rules.DICOM_ATTRIBUTES)
        to_do = "Write it as \"Modality == 'SR'\", or leave it out: CTs are shown without this extension."
        yield Finding(ENTRY, f"a dicom_support_rule that compares {known}", why, to_do)


def _why_no_rule(rule: str) -> str:
    """What is wrong with an expression of the kind "Modality == 'SR' or (…)", of which Python understands all."""
    try:
        tree = ast.parse(rule, mode="eval")
    except SyntaxError:
        return f"{rule!r}, which is no expression"
    allowed = (ast.Expression, ast.BoolOp, ast.boolop, ast.Compare, ast.cmpop, ast.Name, ast.Load, ast.Constant)
    odd = [node for node in ast.walk(tree) if not isinstance(node, allowed)]
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    if odd or not names or not names <= set(rules.DICOM_ATTRIBUTES):
        return repr(rule)
    return ""


def check_repository(extension: Extension) -> Iterator[Finding]:
    """Where the repository is, and how it is called."""
    url = extension.entry.get("scm_url", "")
    if not isinstance(url, str) or not url:
        return
    form = "an scm_url like https://github.com/OWNER/NAME.git"
    to_do = f"Run make publish-as OWNER/Slicer{extension.name}."
    parts = urlsplit(url)
    if parts.scheme not in rules.SCHEMES or not parts.netloc or extension.address is None or parts.query:
        yield Finding(ENTRY, f"{form}, by {' or '.join(rules.SCHEMES)}", repr(url), to_do)
        return
    names = repository_names(extension.name)
    if extension.address.repository not in names:
        wanted = f"a repository called one of {', '.join(names)}"
        yield Finding(ENTRY, wanted, extension.address.repository, to_do)
    if extension.address.is_placeholder:
        came = f"the placeholder {OWNER_TO_BE_NAMED}"
        yield Finding(ENTRY, "the owner of the published repository", came, to_do, is_to_fill_in=True)


def check_agreement(extension: Extension) -> Iterator[Finding]:
    """What entry and CMake both say."""
    category, depends = extension.facts.get("CATEGORY"), extension.facts.get("DEPENDS", "NA")
    if category is not None and category != extension.entry.get("category"):
        came = f"{extension.entry.get('category')!r} and {category!r}"
        yield Finding(f"{ENTRY}, {CMAKE}", "one category", came, "Write the same into both.")
    needed = extension.entry.get("build_dependencies", [])
    if needed != [name for name in depends.split() if name != "NA"]:
        came = f"{needed} and {depends!r}"
        yield Finding(f"{ENTRY}, {CMAKE}", "the same extensions needed", came, "Write the same into both.")


def _in_json(kind: type) -> str:
    names = {str: "a text", list: "a list", bool: "true or false", int: "a whole number"}
    return names[kind]


def _choose(names: tuple[str, ...]) -> str:
    return f"Choose one of {', '.join(names)}."
