"""Which versions computed a number."""

from __future__ import annotations

import platform
from importlib import metadata

from .. import __version__

PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "torch", "monai")


def installed_versions() -> dict[str, str]:
    """Versions by name, without importing anything; "not installed" where a package is absent."""
    versions = {"fmcib-engine": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
