"""A public CT to try the engine on: fetched only after consent, checked, kept in the cache folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .cache import cache_folder
from .errors import DependencyError, InputError


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
        InputError: it cannot be fetched, or is not what it should be.
        DependencyError: pooch is not installed.
    """
    try:
        import pooch
    except ImportError as error:
        msg = "Fetching a sample needs pooch. Install the engine with its extra [samples], or give a scan of your own."
        raise DependencyError(msg) from error
    try:
        return Path(pooch.retrieve(sample.url, f"sha256:{sample.sha256}", fname=sample.file_name, path=_folder()))
    except (OSError, ValueError) as error:  # requests' errors are OSErrors; pooch tells a wrong checksum by ValueError
        msg = f"{sample.about} could not be fetched ({type(error).__name__}). Check the network, or give your own scan."
        raise InputError(msg) from error


def _folder() -> Path:
    return cache_folder() / "samples"
