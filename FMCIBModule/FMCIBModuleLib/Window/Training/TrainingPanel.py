"""What a head is to learn from, what can be said of that before, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import slicer
from slicer.i18n import tr as _

from ...Room import breakable, reserveTexts
from ...Signal import Signal

SCENE, TABLE = range(2)
CLASSES, SURVIVAL = range(2)
"""Places in the lists of sources and of tasks."""

_OF_CLASSES = ("labelTitle", "labelCombo")
_OF_SURVIVAL = ("timeTitle", "timePlace", "eventTitle", "eventCombo")


@dataclass(frozen=True)
class Facts:
    """What a look at the table has told: sentences, and whether a head can be trained."""

    about: str = ""
    warnings: str = ""
    problem: str = ""
    canTrain: bool = False
    missingPackages: Sequence[str] = ()


class TrainingPanel:
    """Widgets in, signals out.

    Attributes:
        widget: to be put into the window.
        changed: emitted when the user has chosen otherwise.
        fileClicked, joinClicked, listClicked, folderClicked, lookClicked, trainClicked, cancelClicked, packagesClicked,
            reportClicked, useClicked: emitted without values.
        plotClicked: emitted with the number of the plot in its list.
    """

    def __init__(self, uiPath: str) -> None:
        self.changed, self.plotClicked = Signal(), Signal()
        self.fileClicked, self.joinClicked, self.listClicked, self.folderClicked = (Signal() for _each in range(4))
        self.lookClicked, self.trainClicked, self.cancelClicked = Signal(), Signal(), Signal()
        self.packagesClicked, self.reportClicked, self.useClicked = Signal(), Signal(), Signal()
        self.widget = slicer.util.loadUI(uiPath)
        self.ui = slicer.util.childWidgetVariables(self.widget)
        self._facts, self._isTraining, self._isLooking = Facts(), False, False
        self._texts = ("", "")
        reserveTexts(self.ui.trainButton, _("Cancel"))
        self._connect()
        self.showSource(labels="", table="")
        self.showFolder("")
        self.showFacts(Facts())
        self.showActivity("", None, isTraining=False)
        self.showResult("", "", "")
        self.showPlots([])

    @property
    def isOfScene(self) -> bool:
        return self.ui.sourceCombo.currentIndex == SCENE

    @property
    def wanted(self) -> dict[str, Any]:
        """The fields of the engine's tasks as they are chosen, without paths."""
        ui, isSurvival = self.ui, self.ui.taskCombo.currentIndex == SURVIVAL
        site, covariates = _chosen(ui.siteCombo), ui.covariatesEdit.text
        return {
            "task": "survival" if isSurvival else "classification",
            "label": "" if isSurvival else _chosen(ui.labelCombo),
            "positive": "" if isSurvival else _chosen(ui.positiveCombo),
            "time": _chosen(ui.timeCombo) if isSurvival else "",
            "event": _chosen(ui.eventCombo) if isSurvival else "",
            "time_unit": ui.unitCombo.currentText,
            "group": _chosen(ui.groupCombo),
            "sites": [site] if site else [],
            "covariates": [each.strip() for each in covariates.split(",") if each.strip()],
            "by": _chosen(ui.byCombo),
            "name": ui.nameEdit.text.strip(),
        }

    @property
    def about(self) -> dict[str, Any]:
        """What a head is trained with beside these."""
        ui = self.ui
        return {
            "meaning": ui.meaningEdit.text.strip(),
            "calibrate": ui.calibrateCheckBox.checked,
            "label_efficiency": ui.efficiencyCheckBox.checked,
        }

    def showSource(self, *, labels: str, table: str) -> None:
        """The names of the table of features, and of the one that is joined to it."""
        ui = self.ui
        ui.filePlace.visible = not self.isOfScene
        ui.listButton.visible = self.isOfScene
        ui.fileLabel.text = breakable(table or _("none is chosen yet"))
        ui.joinLabel.text = breakable(labels)
        for widget in (ui.joinLabel, ui.byTitle, ui.byCombo):
            widget.visible = bool(labels)

    def showFolder(self, folder: str) -> None:
        self.ui.folderLabel.text = breakable(folder or _("asked for at Train"))

    def showColumns(self, labels: Sequence[str], groups: Sequence[str], by: Sequence[str]) -> None:
        """What can be chosen; what is chosen stays, where it is still there.

        Args:
            labels: columns that may be what is learned.
            groups: columns that may name a patient.
            by: columns by which tables are joined; the first is the one that was taken.
        """
        ui = self.ui
        each = _("(each lesion is a patient)")
        for combo, names, none in (
            (ui.labelCombo, labels, _("(choose)")),
            (ui.timeCombo, labels, _("(choose)")),
            (ui.eventCombo, labels, _("(choose)")),
            (ui.groupCombo, groups, each),
            (ui.siteCombo, groups, _("(not asked)")),
        ):
            _fill(combo, names, none, _chosen(combo))
        _fill(ui.byCombo, by[1:], "", by[0] if by else "")

    def showClasses(self, names: Sequence[str]) -> None:
        """Of two classes, which is looked for."""
        ui = self.ui
        both = list(names) if len(names) == 2 and ui.taskCombo.currentIndex == CLASSES else []
        chosen = _chosen(ui.positiveCombo)
        if not both or set(both) != {ui.positiveCombo.itemText(index) for index in range(1, ui.positiveCombo.count)}:
            last = _("({name}, the last)").format(name=both[-1]) if both else ""
            _fill(ui.positiveCombo, sorted(both), last, chosen)
        ui.positiveTitle.visible = ui.positiveCombo.visible = bool(both)

    def showFacts(self, facts: Facts) -> None:
        """What the last look has told."""
        self._facts = facts
        for label, text in (
            (self.ui.factsLabel, facts.about),
            (self.ui.warningsLabel, facts.warnings),
            (self.ui.problemLabel, facts.problem),
        ):
            label.text = breakable(text)
            label.visible = bool(text)
        self.ui.packagesButton.visible = bool(facts.missingPackages)
        self._showTask()
        self._enable()

    def showActivity(self, text: str, fraction: float | None, *, isTraining: bool, note: str = "") -> None:
        """What runs now, and how far it is (0 to 1; None: nobody knows); or what came of the last thing."""
        ui = self.ui
        self._isTraining, self._isLooking = isTraining, bool(text) and not isTraining
        ui.trainingProgressBar.visible = isTraining
        ui.trainingProgressBar.maximum = 0 if fraction is None else 100
        ui.trainingProgressBar.value = 0 if fraction is None else round(100 * fraction)
        ui.statusLabel.text = breakable(text or note)
        ui.statusLabel.visible = bool(text or note)
        ui.trainButton.text = _("Cancel") if isTraining else _("Train")
        self._enable()
        self.widget.updateGeometry()  # or Qt lays out what the texts were before

    def showResult(self, title: str, numbers: str, paragraph: str) -> None:
        """What came of the last training; nothing hides it."""
        ui = self.ui
        ui.resultPlace.visible = bool(title)
        ui.resultTitle.text, ui.numbersLabel.text = breakable(title), breakable(numbers)
        ui.paragraphLabel.text = breakable(paragraph)

    def showPlots(self, names: Sequence[str]) -> None:
        """The plots that are in the scene; the one that is chosen stays so."""
        ui, former = self.ui, self.ui.plotCombo.currentText
        ui.plotCombo.clear()
        ui.plotCombo.addItems(list(names))
        ui.plotCombo.currentIndex = max(ui.plotCombo.findText(former), 0) if names else -1
        ui.plotsPlace.visible = bool(names)

    def _connect(self) -> None:
        ui = self.ui
        for name in ("source", "by", "task", "label", "positive", "time", "unit", "event", "group", "site"):
            getattr(ui, f"{name}Combo").connect("activated(int)", self._onChange)
        for field in (ui.covariatesEdit, ui.nameEdit):
            field.connect("editingFinished()", self._onEdited)
        for name in ("file", "join", "list", "folder", "look", "packages", "report", "use"):
            signal: Signal = getattr(self, f"{name}Clicked")
            getattr(ui, f"{name}Button").connect("clicked(bool)", lambda *_values, signal=signal: signal.emit())
        ui.trainButton.connect("clicked(bool)", self._onTrain)
        ui.plotButton.connect("clicked(bool)", lambda *_values: self.plotClicked.emit(ui.plotCombo.currentIndex))

    def _onChange(self, *_values: object) -> None:
        self._showTask()
        self.changed.emit()

    def _onEdited(self) -> None:
        """Qt tells that a field was left, also where nothing was typed."""
        texts = (self.ui.covariatesEdit.text, self.ui.nameEdit.text)
        if texts != self._texts:
            self._texts = texts
            self.changed.emit()

    def _onTrain(self, *_values: object) -> None:
        (self.cancelClicked if self._isTraining else self.trainClicked).emit()

    def _showTask(self) -> None:
        ui, isSurvival = self.ui, self.ui.taskCombo.currentIndex == SURVIVAL
        for names, isShown in ((_OF_CLASSES, not isSurvival), (_OF_SURVIVAL, isSurvival)):
            for name in names:
                getattr(ui, name).visible = isShown
        if isSurvival:
            self.showClasses([])

    def _enable(self) -> None:
        ui = self.ui
        for name in _CHOICES:
            getattr(ui, name).enabled = not self._isTraining
        ui.trainButton.enabled = self._isTraining or (self._facts.canTrain and not self._isLooking)
        for button in (ui.lookButton, ui.packagesButton, ui.useButton):
            button.enabled = not self._isTraining


_CHOICES = (
    *("sourceCombo", "filePlace", "labelsPlace", "byCombo", "taskCombo", "labelCombo", "positiveCombo", "timePlace"),
    *("eventCombo", "groupCombo", "siteCombo", "covariatesEdit", "nameEdit", "meaningEdit", "folderPlace"),
    *("calibrateCheckBox", "efficiencyCheckBox"),
)
"""What cannot be changed while a head is trained."""


def _chosen(combo: Any) -> str:
    """Empty for the first item, which stands for none."""
    return combo.currentText if combo.currentIndex > 0 else ""


def _fill(combo: Any, names: Sequence[str], none: str, chosen: str) -> None:
    combo.clear()
    combo.addItems([none, *names])
    combo.currentIndex = list(names).index(chosen) + 1 if chosen in names else 0
