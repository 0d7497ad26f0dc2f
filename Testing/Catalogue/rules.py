"""What the extensions catalogue has published of its rules, as of August 2026.

Sources: Slicer/ExtensionsIndex at 07f1d1b (`scripts/check_description_files.py`, `scripts/extension_ai_analysis.py`,
`.github/PULL_REQUEST_TEMPLATE.md`, `.pre-commit-config.yaml`, `README.md`), and Slicer/Slicer at 583e9b3
(`Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json`, `Docs/developer_guide/extensions.md`,
`Extensions/CMake/SlicerExtensionDescriptionSpec.cmake`).
"""

from __future__ import annotations

SCHEMA = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
"""The newest, which the index holds every entry to."""

REQUIRED = ("$schema", "category", "scm_url")
FIELDS: dict[str, type] = {
    "$schema": str,
    "category": str,
    "scm_url": str,
    "scm_revision": str,
    "scm_type": str,
    "build_dependencies": list,
    "dicom_support_rule": str,
    "build_subdirectory": str,
    "enabled": bool,
    "tier": int,
}
"""Every field that an entry may have; no other."""

SCM_TYPES = ("git", "local")
SCHEMES = ("https", "git")
TIERS = {1: "experimental", 3: "supported by the community", 5: "supported by Slicer's core developers"}
"""2 and 4 are kept for later."""

DICOM_ATTRIBUTES = ("Modality", "SOPClassUID")
"""What the expression of `dicom_support_rule` may ask for."""

REPOSITORY_PREFIXES = ("Slicer", "Slicer-", "Slicer_", "SlicerExtension-", "SlicerExtension_")

CATEGORIES = (
    *("Active Learning", "Analysis", "Auto3dgm", "BigImage", "Cardiac", "Chest Imaging Platform", "Conda"),
    *("Converters", "DICOM", "DSCI", "Developer Tools", "Diffusion", "Examples", "Exporter", "FTV Segmentation"),
    *("Filtering", "Filtering.Morphology", "Filtering.Vesselness", "Holographic Display", "Image Synthesis", "IGT"),
    *("Informatics", "Netstim", "Neuroimaging", "Nuclear Medicine", "Orthodontics", "Osteotomy Planning"),
    *("Otolaryngology", "Photogrammetry", "Pipelines", "Planning", "Printing", "Quantification", "Radiotherapy"),
    *("Registration", "Remote", "Rendering", "SPHARM", "Segmentation", "Sequences", "Shape Analysis"),
    *("Shape Regression", "Shape Visualization", "Simulation", "SlicerCMF", "SlicerMorph", "Spectral Imaging"),
    *("Supervisely", "Surface Models", "SurfaceLearner", "Tomographic Reconstruction", "Tracking", "Tractography"),
    *("Training", "Ultrasound", "Utilities", "Vascular Modeling Toolkit", "Virtual Reality", "VisSimTools"),
    *("Web System Tools", "Wizards"),
)

LICENCE_FILES = ("LICENSE", "LICENCE", "License.txt", "license.txt", "LICENSE.txt", "COPYING", "COPYING.txt")

EXTENSION_TEXTS = (
    *("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION"),
    *("ICONURL", "SCREENSHOTURLS", "DEPENDS", "KEYWORDS"),
)
"""What `CMakeLists.txt` says of the extension, each after `EXTENSION_`."""

ICON_PIXELS = (128, 128)
PICTURE_FORMATS = ("PNG", "JPEG", "GIF")
SCREENSHOT_PIXELS = (480, 320)
"""Ours: less is not readable in the catalogue."""
PICTURE_BYTES = 2_000_000
"""Ours: the catalogue loads each on every visit."""

REPOSITORY_BYTES = 100 * 1024 * 1024
"""Of a clone: files and history."""

IMPORTS = ("slicer", "qt", "ctk", "vtk", "vtkmodules", "SimpleITK", "numpy", "scipy")
"""What a module's file may import where it is loaded, beside Python's own."""

ONLY_THE_PUBLISHER = (
    "The repository is public under this address with these files, and the addresses of the pictures answer.",
    "On GitHub: the topic 3d-slicer-extension; Wiki, Projects and Discussions, Releases and Packages off where unused.",
    "Screenshots are of the real application. Those that `make screenshots` makes show the stand-in for Slicer.",
    "The Python package is on PyPI, or Slicer's users do without it: the extension carries the engine itself.",
    "Related patents, if any are known, are named in the description.",
    "Somebody answers issues of the repository, and questions on the forum of Slicer (for tier 3).",
)
"""What no look at these files can tell."""
