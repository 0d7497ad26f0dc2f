"""Scans to try the module on, in Slicer's module Sample Data: a phantom that is made here, and a public CT.

They are registered whenever Slicer starts, so the engine is imported only where one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from slicer.i18n import tr as _

from ..Engine import importEngine
from ..Setup.Desktop import Desktop

CATEGORY = "FMCIB"

_NO_FILES = {"uris": "", "fileNames": None, "nodeNames": None}
"""Sample Data counts addresses even where another function brings the data."""


def registerSampleScans(picture: Callable[[str], str]) -> None:
    """Add both to the module Sample Data; `picture` gives the path of a sample's picture by its name."""
    from SampleData import SampleDataLogic  # a module of Slicer's own

    if hasattr(SampleDataLogic, "registerCustomSampleDataCategory"):  # Slicer 5.12; before, this is the title
        SampleDataLogic.registerCustomSampleDataCategory(CATEGORY, _("FMCIB lesion biomarkers"))
    lidc = LidcSample()
    for name, load in (("FMCIBPhantom", loadPhantom), ("FMCIB-LIDC-IDRI-0001", lidc.load)):
        SampleDataLogic.registerCustomSampleDataSource(
            category=CATEGORY,
            sampleName=name,
            thumbnailFileName=picture(name),
            customDownloader=lambda _source, load=load: load(),
            **_NO_FILES,
        )


def loadPhantom():
    """The chest phantom, with a point in its nodule; its volume node. Takes a second or two."""
    with slicer.util.tryWithErrorDisplay(_("The phantom could not be made."), waitCursor=True):
        importEngine()
        from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom

        from ..Scene.SceneBridge import nodeFromVolume

        volumeNode = nodeFromVolume(chest_phantom(), slicer.mrmlScene.GenerateUniqueName("FMCIBPhantom"))
        _showNodule(volumeNode, PHANTOM_SEED)
    return volumeNode


def _showNodule(volumeNode, seedLps: Sequence[float]) -> None:
    """Mark the nodule that is known (LPS mm), in a list of its own: *Seed from* offers it."""
    from fmcib_engine.geometry import PatientPoint

    from ..Scene.SceneBridge import pointToRas
    from .SliceViews import jumpToSeed

    display = volumeNode.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevel(1500.0, -400.0)  # lung, HU
    points = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLMarkupsFiducialNode", _("Nodule of {scan}").format(scan=volumeNode.GetName())
    )
    points.CreateDefaultDisplayNodes()
    points.SetControlPointLabelFormat("%d")
    points.AddControlPointWorld(vtk.vtkVector3d(*pointToRas(PatientPoint(*seedLps))), _("Nodule"))
    points.SetLocked(True)
    points.SetDisplayVisibility(False)  # it would cover what is to be clicked on
    jumpToSeed(volumeNode, points, 0)


class LidcSample:
    """The public CT: fetched once after consent, in a process of its own, then from the cache folder."""

    def __init__(self, makeTask: Callable[[], Any] | None = None, desktop: Desktop | None = None) -> None:
        self._makeTask, self._desktop = makeTask, desktop or Desktop()
        self._task = self._progress = None

    def load(self) -> None:
        """Ask, fetch what is not here, and load it; a dialog shows how far it is, and can be cancelled."""
        if self._task is not None and self._task.isRunning:
            return
        with slicer.util.tryWithErrorDisplay(_("The sample could not be fetched.")):
            importEngine()
            from fmcib_engine.samples import LIDC_0001

            if self._desktop.confirm(_question(LIDC_0001)):
                self._fetch(LIDC_0001)

    def _fetch(self, sample) -> None:
        from ..Worker.TaskProcess import TaskProcess

        self._task = task = (self._makeTask or TaskProcess)()
        task.progressed.connect(self._onProgress)
        task.done.connect(self._onDone)
        task.failed.connect(self._onFailed)
        task.ended.connect(self._onEnded)
        slicer.app.connect("aboutToQuit()", task.close)
        text = _("Fetching {title}").format(title=sample.title)
        self._progress = qt.QProgressDialog(text, _("Cancel"), 0, 100, self._desktop.window())
        self._progress.connect("canceled()", task.cancel)
        self._progress.show()
        task.start("sample", {"id": sample.id})

    def _onProgress(self, text: str, fraction: float | None) -> None:
        if self._progress is not None:
            self._progress.labelText = text
            self._progress.setRange(0, 0 if fraction is None else 100)
            self._progress.value = 0 if fraction is None else min(round(100 * fraction), 99)

    def _onEnded(self) -> None:
        slicer.app.disconnect("aboutToQuit()", self._task.close)
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.disconnect("canceled()", self._task.cancel)
            progress.close()
            progress.deleteLater()

    def _onDone(self, result: Mapping[str, Any]) -> None:
        """By the engine's reader: the files are named by UUIDs, and Slicer's takes them for the order of the slices."""
        with slicer.util.tryWithErrorDisplay(_("The sample could not be loaded."), waitCursor=True):
            from fmcib_engine.readers import read_volume

            from ..Scene.SceneBridge import nodeFromVolume

            volume = read_volume(Path(result["folder"]), series_uid=result["series_uid"])
            volumeNode = nodeFromVolume(volume, slicer.mrmlScene.GenerateUniqueName("LIDC-IDRI-0001"))
            _showNodule(volumeNode, result["seed_lps"])

    def _onFailed(self, _code: str, message: str) -> None:
        slicer.util.errorDisplay(message)


def _question(sample) -> str:
    return _(
        "{title}\n\nLicence {licence} ({url}). {citation}.\n\nUp to {size:.0f} MB will be fetched once from {host} "
        "and kept in the cache folder. Not verified: {unverified}."
    ).format(
        title=sample.title,
        licence=sample.licence,
        url=sample.licence_url,
        citation=sample.citation,
        size=sample.size / 1e6,
        host=sample.bucket.base.partition("://")[2],
        unverified=", ".join(sample.unverified),
    )
