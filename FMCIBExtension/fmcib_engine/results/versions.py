"""Which versions computed a number."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata

from .. import __version__

PACKAGES = ("numpy", "scipy", "SimpleITK", "pydicom", "torch", "monai", "openvino")


def installed_versions() -> dict[str, str]:
    """Versions by name, without importing anything; "not installed" where a package is absent."""
    return {"fmcib-engine": __version__, "python": platform.python_version(), **versions_of(PACKAGES)}


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The same of these packages alone."""
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions
