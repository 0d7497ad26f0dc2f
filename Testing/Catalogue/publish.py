"""Name the repository as which this extension is published: `make publish-as OWNER/SlicerFMCIB`.

Changes the address in every file of `address.NAMED_IN`, or in none. May be run again, with the same or another name.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .address import NAMED_IN, addresses_in, published_address, with_address
from .extension import ENTRY, Extension


def publish(root: Path, text: str) -> list[str]:
    """Name the repository OWNER/NAME everywhere; the paths of the files that were changed.

    Raises:
        ValueError: that cannot be its name, or a file does not name the repository that it has been so far.
    """
    extension = Extension(root)
    new, old = published_address(text, extension.name), extension.address
    if old is None:
        msg = f"Wanted the address of this repository in scm_url; came none. Write one into {ENTRY}."
        raise ValueError(msg)
    changed = {}
    for path in NAMED_IN:
        before = extension.text(path)
        if old not in addresses_in(before):
            msg = f"{path}: wanted the address {old.home}, as in {ENTRY}; came none. Nothing was changed. Correct it."
            raise ValueError(msg)
        after = with_address(before, old, new)
        if after != before:
            changed[path] = after
    for path, after in changed.items():
        (root / path).write_text(after, encoding="utf-8", newline="\n")
    return list(changed)


def main(root: Path, repository: str) -> int:
    """Do it, and say what was done."""
    try:
        changed = publish(root, repository)
    except ValueError as error:
        print(error)
        return 2
    for path in changed:
        print(f"changed  {path}")
    print(f"The repository is {Extension(root).address}. See what else is missing with `make catalogue-check`.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2], " ".join(sys.argv[1:])))
