"""`ctk.ctkDICOMTableManager`: linked tables of patients, studies and series of Slicer's DICOM database."""

from __future__ import annotations

from collections.abc import Iterable

import qt
from PySide6 import QtCore

from .DicomDatabase import ctkDICOMDatabase
from .DicomTable import ctkDICOMTableView

Pair = (QtCore.QItemSelection, QtCore.QItemSelection)
Orientation = QtCore.Qt.Orientation


class ctkDICOMTableManager(qt.QWidget):  # noqa: N801 - CTK's name
    """After `slicer_facts/widgets.json`, and what `data/ctk/TABLES.md` says that was seen in the application.

    Where nothing is chosen in a table, those after it show what belongs to all of its rows. With `autoSelectSeries`,
    which was not measured otherwise and can only be True, all that belongs to what is chosen is chosen as well.
    When the database changes, all tables ask again, and nothing is chosen any more, which they do not tell.
    """

    patientsSelectionChanged = QtCore.Signal(Pair, ("QStringList",))
    studiesSelectionChanged = QtCore.Signal(Pair, ("QStringList",))
    seriesSelectionChanged = QtCore.Signal(Pair, ("QStringList",))
    patientsDoubleClicked, studiesDoubleClicked, seriesDoubleClicked = (
        QtCore.Signal(QtCore.QModelIndex) for _ in range(3)
    )
    patientsRightClicked, studiesRightClicked, seriesRightClicked = (QtCore.Signal(QtCore.QPoint) for _ in range(3))

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._database, self._isBatch = None, False
        self._splitter = qt.QSplitter(self)
        self._patients, self._studies, self._series = (
            ctkDICOMTableView(name, self) for name in ("Patients", "Studies", "Series")
        )
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._splitter)
        for table in self._tables():
            self._splitter.addWidget(table)
        self._tell(self._patients, self.patientsSelectionChanged, self.patientsDoubleClicked, self.patientsRightClicked)
        self._tell(self._studies, self.studiesSelectionChanged, self.studiesDoubleClicked, self.studiesRightClicked)
        self._tell(self._series, self.seriesSelectionChanged, self.seriesDoubleClicked, self.seriesRightClicked)
        self._patients._shown.connect(self.onPatientsQueryChanged)
        self._studies._shown.connect(self.onStudiesQueryChanged)
        self._patients._selected.connect(self.onPatientsSelectionChanged)
        self._studies._selected.connect(self.onStudiesSelectionChanged)

    def _tables(self) -> tuple[ctkDICOMTableView, ...]:
        return self._patients, self._studies, self._series

    def _tell(self, table: ctkDICOMTableView, chosen, doubleClicked, rightClicked) -> None:
        table._view.selectionModel().selectionChanged.connect(chosen[Pair].emit)
        table._selected.connect(chosen["QStringList"].emit)
        table._view.doubleClicked.connect(doubleClicked)
        table._view.customContextMenuRequested.connect(rightClicked)

    def setDICOMDatabase(self, database: ctkDICOMDatabase) -> None:
        """Open or closed: the tables follow it."""
        if type(database) is not ctkDICOMDatabase or self._database is not None:
            msg = f"The host's tables take one database, once; got {database!r}"
            raise NotImplementedError(msg)
        self._database = database
        for table in self._tables():
            table._database = database
        for signal in (database.opened, database.closed, database.databaseChanged):
            signal.connect(self._onDatabaseChanged)
        self._onDatabaseChanged()

    def setBatchUpdate(self, batch: bool) -> None:
        """While it is on, the tables do not follow the database; at its end they ask again."""
        self._isBatch = batch
        if not batch:
            self._onDatabaseChanged()

    def patientsTable(self) -> ctkDICOMTableView:
        return self._patients

    def studiesTable(self) -> ctkDICOMTableView:
        return self._studies

    def seriesTable(self) -> ctkDICOMTableView:
        return self._series

    def currentPatientsSelection(self) -> tuple[str, ...]:
        return self._patients._selection()

    def currentStudiesSelection(self) -> tuple[str, ...]:
        return self._studies._selection()

    def currentSeriesSelection(self) -> tuple[str, ...]:
        return self._series._selection()

    def setCurrentPatientsSelection(self, uids: Iterable[str]) -> None:
        self._patients._select(uids)

    def setCurrentStudiesSelection(self, uids: Iterable[str]) -> None:
        self._studies._select(uids)

    def setCurrentSeriesSelection(self, uids: Iterable[str]) -> None:
        self._series._select(uids)

    def onPatientsQueryChanged(self, uids: list[str]) -> None:
        self._studies._ask(tuple(uids))

    def onStudiesQueryChanged(self, uids: list[str]) -> None:
        self._series._ask(tuple(uids))

    def onPatientsSelectionChanged(self, uids: list[str]) -> None:
        self._studies._ask(tuple(uids) or self._patients.uidsForAllRows())
        if uids:
            self._studies._selectAll()

    def onStudiesSelectionChanged(self, uids: list[str]) -> None:
        self._series._ask(tuple(uids) or self._studies.uidsForAllRows())
        if uids:
            self._series._selectAll()

    def _onDatabaseChanged(self) -> None:
        if not self._isBatch:
            self._patients._ask(None)

    def _setSelectionMode(self, mode: int) -> None:
        for table in self._tables():
            table._view.setSelectionMode(qt.QAbstractItemView.SelectionMode(int(mode)))

    def _setOrientation(self, orientation: int) -> None:
        self._splitter.setOrientation(Orientation(int(orientation)))

    def _keepsTrue(self, value: bool) -> None:
        if not value:
            msg = "The host's tables choose all series of what is chosen; what they do otherwise was not measured"
            raise NotImplementedError(msg)

    def _keepsFalse(self, value: bool) -> None:
        if value:
            msg = "The host's tables keep their layout"
            raise NotImplementedError(msg)

    selectionMode = QtCore.Property(
        qt.QAbstractItemView.SelectionMode, lambda self: self._patients._view.selectionMode, _setSelectionMode
    )
    tableOrientation = QtCore.Property(Orientation, lambda self: self._splitter.orientation, _setOrientation)
    autoSelectSeries = QtCore.Property(bool, lambda _: True, _keepsTrue)
    dynamicTableLayout = QtCore.Property(bool, lambda _: False, _keepsFalse)
