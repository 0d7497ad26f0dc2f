"""Slicer's module Sample Data, as far as other modules register samples there. No panel, nothing is downloaded.

Where `SLICER_BASE_PYTHON` names a folder of Slicer's sources, the module is Slicer's own file.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import slicer

_FILE = "Modules/Scripted/SampleData/SampleData.py"
_ONE_EACH = ("fileNames", "nodeNames", "loadFiles", "loadFileTypes", "checksums")


class SampleDataSource:
    """`Modules/Scripted/SampleData/SampleData.py:132`: what is known of one sample."""

    def __init__(
        self,
        *,
        sampleName: str | None = None,
        sampleDescription: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        checksums: Any = None,
        loadFiles: Any = None,
        customDownloader: Callable[[SampleDataSource], object] | None = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFileProperties: dict | None = None,
    ) -> None:
        """`Modules/Scripted/SampleData/SampleData.py:146`: one text is one address; of each address all is known."""
        given = [fileNames, nodeNames, loadFiles, loadFileTypes, checksums]
        if isinstance(uris, str):
            uris, given = [uris], [[each] for each in given]
        self.sampleName, self.sampleDescription = sampleName, sampleDescription or sampleName
        self.thumbnailFileName, self.customDownloader = thumbnailFileName, customDownloader
        self.loadFileProperties = loadFileProperties or {}
        self.uris = uris
        for name, values in zip(_ONE_EACH, given, strict=True):
            setattr(self, name, values)
            if len(values) != len(uris):
                msg = f"All fields of sample data source must have the same length: {name} {values}, uris {uris}"
                raise ValueError(msg)

    def __eq__(self, other: object) -> bool:
        """`Modules/Scripted/SampleData/SampleData.py:217`: by the text of all it holds."""
        return str(self) == str(other)

    __hash__ = None

    def __str__(self) -> str:
        return str(vars(self))


class SampleDataLogic:
    """`Modules/Scripted/SampleData/SampleData.py:518`: all samples are kept in `slicer.modules`."""

    @staticmethod
    def registerCustomSampleDataCategory(category: str, title: str) -> None:
        """`Modules/Scripted/SampleData/SampleData.py:532`, from Slicer 5.12 on."""
        _kept("sampleDataSourceCategories").setdefault(category, {})["title"] = title

    @staticmethod
    def registerCustomSampleDataSource(
        *,
        category: str = "Custom",
        sampleName: str | None = None,
        uris: Any = None,
        fileNames: Any = None,
        nodeNames: Any = None,
        customDownloader: Callable[[SampleDataSource], object] | None = None,
        thumbnailFileName: str | None = None,
        loadFileTypes: Any = None,
        loadFiles: Any = None,
        loadFileProperties: dict | None = None,
        checksums: Any = None,
    ) -> None:
        """`Modules/Scripted/SampleData/SampleData.py:553`: at the end of its category, unless it is there."""
        sources = _kept("sampleDataSources").setdefault(category, [])
        source = SampleDataSource(
            sampleName=sampleName,
            uris=uris,
            fileNames=fileNames,
            nodeNames=nodeNames,
            checksums=checksums,
            loadFiles=loadFiles,
            customDownloader=customDownloader,
            thumbnailFileName=thumbnailFileName,
            loadFileTypes=loadFileTypes,
            loadFileProperties=loadFileProperties,
        )
        if source not in sources:
            sources.append(source)

    @staticmethod
    def categoryTitle(category: str) -> str:
        """`Modules/Scripted/SampleData/SampleData.py:607`: what stands above the samples; else the category itself."""
        return _kept("sampleDataSourceCategories").get(category, {}).get("title", category)

    @staticmethod
    def sampleDataSourcesByCategory(category: str | None = None) -> Any:
        """`Modules/Scripted/SampleData/SampleData.py:615`: of one category, or all by their categories."""
        sources = _kept("sampleDataSources")
        return sources if category is None else sources.get(category, [])


def _kept(name: str) -> dict:
    """A dictionary of `slicer.modules`, made where it is first asked for."""
    if not hasattr(slicer.modules, name):
        setattr(slicer.modules, name, {})
    return getattr(slicer.modules, name)


def start() -> None:
    """Become the module `SampleData`, which modules import by its name alone."""
    sources = os.environ.get("SLICER_BASE_PYTHON")
    path = Path(sources).parents[1] / _FILE if sources else None
    sys.modules["SampleData"] = _slicersOwn(path) if path and path.is_file() else sys.modules[__name__]


def _slicersOwn(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("SampleData", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
