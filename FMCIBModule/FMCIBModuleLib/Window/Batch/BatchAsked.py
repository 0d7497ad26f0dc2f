"""Which scans and seeds the user has chosen, and where to: asked for by dialogs, and as a question to the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from slicer.i18n import tr as _

from ...Errors import AnalysisError
from ...Scene.DicomSeries import databaseFile
from ...Setup.Desktop import Desktop
from .BatchPanel import DATABASE, FOLDER, SEEDS_FILE, SEEDS_STORED, BatchPanel


class BatchAsked:
    """
    Attributes:
        output: the run's folder; empty until one is chosen.
    """

    def __init__(self, panel: BatchPanel, desktop: Desktop) -> None:
        self.output = ""
        self._panel, self._desktop = panel, desktop
        self._sources: dict[int, str] = {}
        self._seeds: dict[int, str] = {}
        """Paths, by the place of their kind in its list."""

    def chooseSource(self) -> bool:
        """Ask for the folder or table of scans; whether one was chosen."""
        kind = self._panel.choices.source
        if kind == FOLDER:
            path = self._desktop.folder(_("Folder of DICOM files"))
        else:
            path = self._desktop.file(_("Table of scans"), _("Table") + " (*.csv *.tsv *.txt)")
        self._sources |= {kind: path} if path else {}
        return bool(path)

    def chooseSeeds(self) -> bool:
        """Ask for the file or folder of seeds; whether one was chosen."""
        kind = self._panel.choices.seeds
        if kind == SEEDS_FILE:
            path = self._desktop.file(_("Seeds"), _("Tables and DICOM (*.csv *.tsv *.txt *.dcm);;All files (*)"))
        else:
            path = self._desktop.folder(_("Folder of segmentations, structure sets and reports"))
        self._seeds |= {kind: path} if path else {}
        return bool(path)

    def chooseOutput(self) -> None:
        """Ask for the run's folder."""
        self.output = self._desktop.folder(_("Folder of the run")) or self.output
        self.showNames()

    def showNames(self) -> None:
        """Of what is chosen."""
        chosen = self._panel.choices
        paths = self._sources.get(chosen.source, ""), self._seeds.get(chosen.seeds, ""), self.output
        self._panel.showNames(*(Path(path).name for path in paths))

    def wanted(self) -> dict[str, Any]:
        """The question to the engine's task `plan_batch`; what is no wish is left out.

        Raises:
            AnalysisError: what is missing, and what to do.
        """
        chosen = self._panel.choices
        source, series = self._sources.get(chosen.source, ""), None
        if chosen.source == DATABASE:
            source, series = databaseFile(), sorted(self._panel.seriesUids)
            if not series:
                raise AnalysisError(self._whyNoSeries())
        elif not source:
            raise AnalysisError(_("No scans are chosen yet. Choose their folder or table."))
        seeds = "" if chosen.seeds == SEEDS_STORED else self._seeds.get(chosen.seeds, "")
        if not seeds and chosen.seeds != SEEDS_STORED:
            text = _("No seeds are chosen yet. Choose their file or folder, or take those stored with the scans.")
            raise AnalysisError(text)
        wishes = {
            "seeds": seeds,
            "own_seeds": chosen.seeds == SEEDS_STORED,
            "roi": chosen.rois,
            "frame": chosen.frame,
            "prefer_kernels": chosen.kernels,
            "thickness": chosen.thickness,
            "all_series": chosen.allSeries,
        }
        return {"source": source, "series": series, **{name: value for name, value in wishes.items() if value}}

    def _whyNoSeries(self) -> str:
        if self._panel.choices.onlySelected:
            return _(
                "No CT series is selected. Select patients, studies or series in the tables above, or take all that "
                "are shown."
            )
        return _("The tables show no CT series. Import scans in Slicer's module DICOM, or search for others.")
