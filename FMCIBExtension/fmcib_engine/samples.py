"""A public CT to try the engine on: fetched only after consent, checked, kept in the cache folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .cache import cache_folder
from .downloads import Mirror, Wanted, only_one
from .downloads import fetch as fetch_file

HOSTS = {
    "github.com": "public sample scans",
    "*.githubusercontent.com": "public sample scans: where github.com redirects to",
}
"""Host, and what it is contacted for."""


@dataclass(frozen=True)
class Sample:
    """A public scan."""

    file_name: str
    url: str
    sha256: str
    about: str


CT_CHEST = Sample(
    file_name="CTChest.nrrd",
    url="https://github.com/Slicer/SlicerTestingData/releases/download/SHA256/"
    "4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
    sha256="4507b664690840abb6cb9af2d919377ffc4ef75b167cb6fd0f747befdb12e38e",
    about="CTChest, a sample scan of 3D Slicer (from github.com)",
)


def cached(sample: Sample) -> Path | None:
    """The sample's file, if an earlier run fetched it."""
    path = _folder() / sample.file_name
    return path if path.is_file() else None


def fetch(sample: Sample) -> Path:
    """Download the sample, check its SHA-256, and keep it. **Call this only after the user agreed.**

    Raises:
        DownloadError: it cannot be fetched, or is not what it should be.
        OutputError: it cannot be written into the cache folder.
        DependencyError: requests, filelock or platformdirs is not installed.
    """
    mirror = Mirror("github", "url", sample.url, file=sample.file_name, sha256=sample.sha256)
    wanted = Wanted(sample.about, (mirror,), tuple(HOSTS), by_hand="Check the network, or give your own scan.")
    with only_one(_folder()):
        return cached(sample) or fetch_file(wanted, _folder()).path


def _folder() -> Path:
    return cache_folder() / "samples"
