"""Does this repository satisfy the extensions catalogue? `make catalogue-check`.

Prints each finding as a sentence. Exit codes: 0 READY; 1 WRONG, something has to be mended; 3 TO BE FILLED IN BEFORE
PUBLISHING, all is right but what only whoever publishes it can say.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from . import cmake, documents, entry, pictures, sources
from .extension import Extension, Finding
from .rules import ONLY_THE_PUBLISHER

Check = Callable[[Extension], Iterator[Finding]]

CHECKS: Sequence[tuple[str, Check]] = (
    ("entry: JSON as the index writes it", entry.check_form),
    ("entry: fields and values by schema 1.0.2", entry.check_schema),
    ("entry: address and name of the repository", entry.check_repository),
    ("entry and CMakeLists.txt say the same", entry.check_agreement),
    ("name of the extension", cmake.check_name),
    ("EXTENSION_… texts are literal", cmake.check_texts),
    ("description has the notices", cmake.check_description),
    ("contributors", cmake.check_contributors),
    ("keywords, extensions needed and recommended", cmake.check_words),
    ("licence and README are packaged", cmake.check_packaged_files),
    ("homepage, icon and screenshots are of this repository", pictures.check_addresses),
    ("icon and screenshots are here, of the right kind", pictures.check_pictures),
    ("licence", documents.check_licence),
    ("README", documents.check_readme),
    ("tutorial", documents.check_tutorial),
    ("size of the repository", documents.check_size),
    ("help text leads to the documentation", sources.check_help),
    ("pages that the help text links to are here", sources.check_pages),
    ("modules import what Slicer has", sources.check_imports),
    ("PyTorch comes by its extension", sources.check_torch),
)


def findings(extension: Extension) -> list[Finding]:
    """All that is not as the catalogue wants it."""
    return [finding for _title, check in CHECKS for finding in check(extension)]


def main(root: Path) -> int:
    """Print the report, and give the exit code."""
    extension, found = Extension(root), []
    for title, check in CHECKS:
        here = list(check(extension))
        words = "wrong" if any(not each.is_to_fill_in for each in here) else "to be filled in" if here else "right"
        print(f"{words:>16}  {title}")
        found += here
    wrong = [each for each in found if not each.is_to_fill_in]
    to_fill_in = [each for each in found if each.is_to_fill_in]
    _tell("Wrong", wrong)
    _tell("To be filled in before publishing", to_fill_in)
    _tell("Nobody can see here, and whoever publishes the extension looks after", ONLY_THE_PUBLISHER)
    verdict, code = ("WRONG", 1) if wrong else ("TO BE FILLED IN BEFORE PUBLISHING", 3) if to_fill_in else ("READY", 0)
    print(f"\n{verdict}")
    return code


def _tell(title: str, sentences: Sequence[object]) -> None:
    if sentences:
        print(f"\n{title}:")
        for sentence in sentences:
            print(f"* {sentence}")


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[2]))
