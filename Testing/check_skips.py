"""Fail if a test was skipped that is not on the list: `check_skips.py RESULTS.xml ALLOWED.txt`.

Where the test data is not present, tests that need it may be skipped, and nothing is checked.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "Engine"))

from support import DATA, GOLDEN  # noqa: E402  after the path


def skipped(results: Path) -> list[tuple[str, str]]:
    """Name and reason of each skipped test."""
    cases = ET.parse(results).iter("testcase")  # noqa: S314  pytest wrote it a moment ago
    found = [(case.get("name", ""), case.find("skipped")) for case in cases]
    return [(name, mark.get("message", "")) for name, mark in found if mark is not None]


def main(results: Path, allowed: Path) -> int:
    if not (DATA.is_dir() and GOLDEN.is_dir()):
        print("The test data is not here: skipped tests are not checked.")
        return 0
    patterns = [
        line.split()[0]
        for line in allowed.read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    bad = [(name, why) for name, why in skipped(results) if not any(fnmatch(name, pattern) for pattern in patterns)]
    for name, why in bad:
        print(f"Skipped without leave: {name}: {why}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
