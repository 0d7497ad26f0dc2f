"""Where the repository is published: an owner and a name on GitHub, and the addresses that follow from them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .rules import REPOSITORY_PREFIXES

OWNER_TO_BE_NAMED = "OWNER_TO_BE_NAMED"
"""Stands where nobody has published the repository yet. No account of GitHub can have this name."""

NAMED_IN = ("CMakeLists.txt", "Resources/FMCIB.json", "FMCIBModule/FMCIBModule.py")
"""The files that name the repository by its address, and that `publish` changes. No other file does."""

_OWNER = r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}"
_NAMES = re.compile(r"https://(?:raw\.githubusercontent|github)\.com/([^/\s\"']+)/([^/\s\"'#]+?)(?=\.git[\"']|[/\"'#])")


@dataclass(frozen=True)
class Address:
    """A repository on GitHub."""

    owner: str
    repository: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.repository}"

    @property
    def is_placeholder(self) -> bool:
        return self.owner == OWNER_TO_BE_NAMED

    @property
    def home(self) -> str:
        """For people."""
        return f"https://github.com/{self}"

    @property
    def raw(self) -> str:
        """For programs that fetch one file; a revision and the file's path follow."""
        return f"https://raw.githubusercontent.com/{self}"


def addresses_in(text: str) -> set[Address]:
    """Every repository of GitHub whose pages or files a text names."""
    return {Address(*found) for found in _NAMES.findall(text)}


def with_address(text: str, old: Address, new: Address) -> str:
    """The text with the addresses of one repository instead of those of another."""
    begin = r"(https://(?:raw\.githubusercontent|github)\.com/)"
    return re.sub(begin + re.escape(str(old)) + r"(?=\.git[\"']|[/\"'#])", rf"\g<1>{new}", text)


def published_address(text: str, extension: str) -> Address:
    """The address that OWNER/NAME means, for the repository of this extension.

    Raises:
        ValueError: it is none, with a sentence.
    """
    owner, _, repository = text.partition("/")
    advice = f"Give it as OWNER/Slicer{extension}, as in https://github.com/OWNER/Slicer{extension}."
    if not re.fullmatch(_OWNER, owner) or not re.fullmatch(r"[\w.-]+", repository, re.ASCII):
        msg = f"Wanted the owner and the name of a repository on GitHub; came {text!r}. {advice}"
        raise ValueError(msg)
    if repository not in repository_names(extension):
        names = ", ".join(repository_names(extension))
        msg = f"Wanted a repository called one of {names}; came {repository!r}. {advice}"
        raise ValueError(msg)
    return Address(owner, repository)


def repository_names(extension: str) -> list[str]:
    """How a repository of this extension may be called."""
    return [prefix + extension for prefix in REPOSITORY_PREFIXES]
