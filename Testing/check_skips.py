"""Fail if a test was left out: `check_skips.py RESULTS.xml ALLOWED.txt`.

Each file of tests must have results, and what was skipped must be on the list. Where the test data is not present,
tests that need it may be skipped, and the list is not asked.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "Engine"))

from support import DATA, GOLDEN  # noqa: E402  after the path


def silent(cases: list[ET.Element]) -> list[str]:
    """Files of tests of which no test has a result."""
    told = {".".join(case.get("classname", "").split(".")[:2]) for case in cases}
    files = [path.relative_to(HERE) for kind in ("Engine", "Module") for path in (HERE / kind).glob("test_*.py")]
    return sorted(str(path) for path in files if f"{path.parent}.{path.stem}" not in told)


def skipped(cases: list[ET.Element], allowed: str) -> list[tuple[str, str]]:
    """Name and reason of each skipped test that no line of the list allows."""
    patterns = [line.split()[0] for line in allowed.splitlines() if line and not line.startswith("#")]
    found = [(case.get("name", ""), case.find("skipped")) for case in cases]
    return [
        (name, mark.get("message", ""))
        for name, mark in found
        if mark is not None and not any(fnmatch(name, pattern) for pattern in patterns)
    ]


def main(results: Path, allowed: Path) -> int:
    cases = list(ET.parse(results).iter("testcase"))  # noqa: S314  pytest wrote it a moment ago
    complaints = [f"No test of {path} was run." for path in silent(cases)]
    if DATA.is_dir() and GOLDEN.is_dir():
        bad = skipped(cases, allowed.read_text(encoding="utf-8"))
        complaints += [f"Skipped without leave: {name}: {why}" for name, why in bad]
    else:
        print("The test data is not here: skipped tests are not checked.")
    print("\n".join(complaints) or f"{len(cases)} tests, some of each file; none was skipped without leave.")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
