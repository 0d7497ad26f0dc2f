"""What the window offers to fetch, and what of it is here: the task `catalogue`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from ..cache import cache_folder
from ..downloads import PART, host_is_listed
from ..errors import DependencyError
from ..weights.catalogue import Catalogue, Entry, load_catalogue
from ..weights.record import store_folder
from ..weights.store import installed, size_problem_of


def catalogue() -> dict[str, Any]:
    """The answer, without the network and without reading any large file.

    Raises:
        InputError: the catalogue cannot be read, or is not right.
    """
    published = load_catalogue()
    try:
        cache_folder()
        problem = ""
    except DependencyError as error:
        problem = str(error)
    entries = [_told(entry, published, has_cache=not problem) for entry in published.entries.values()]
    return {"entries": entries, "hosts": [asdict(host) for host in published.hosts], "cache_problem": problem}


def _told(entry: Entry, published: Catalogue, *, has_cache: bool) -> dict[str, Any]:
    records = installed(entry.id) if has_cache else []
    is_here = any(not size_problem_of(record) for record in records)
    parts = (store_folder() / entry.id).glob(f"*{PART}") if has_cache else ()
    return {
        "id": entry.id,
        "kind": entry.kind,
        "title": entry.title,
        "size": entry.size,
        "here": is_here,
        "part": sum(path.stat().st_size for path in parts),
        "refused": entry.refused,
        "licence": asdict(entry.licence),
        "citation": entry.citation,
        "hosts": _hosts(entry, published),
        "mirrors": [{"name": mirror.name, "page": mirror.page} for mirror in entry.mirrors],
        "unverified": list(entry.unverified),
        "reported": [asdict(one) for one in entry.reported],
        "repository_licence": next((one.repository_licence for one in records if one.repository_licence), ""),
    }


def _hosts(entry: Entry, published: Catalogue) -> list[str]:
    """Those of its mirrors, and those that are no mirror's own: where mirrors redirect to."""
    mine = {urlsplit(mirror.base).hostname or "" for mirror in entry.mirrors}
    all_of_them = {urlsplit(mirror.base).hostname or "" for one in published.entries.values() for mirror in one.mirrors}

    def is_contacted(name: str) -> bool:
        return any(host_is_listed(host, [name]) for host in mine) or not any(
            host_is_listed(host, [name]) for host in all_of_them
        )

    return [host.name for host in published.hosts if entry.mirrors and is_contacted(host.name)]
