"""One of the three tables of `ctk.ctkDICOMTableManager`: rows of the database, with a search field above them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import qt
from PySide6 import QtCore, QtGui

NO_ROWS = ("#",)
"""What a table without rows gives as its UIDs."""

KEYS = {"Patients": None, "Studies": "PatientsUID", "Series": "StudyInstanceUID"}
"""Table of the database -> its column that names the row of the table before it."""

COLUMNS = {
    "Patients": {
        "PatientsName": "Patient name",
        "PatientID": "Patient ID",
        "PatientsBirthDate": "Birth date",
        "PatientsSex": "Sex",
    },
    "Studies": {"StudyDate": "Study date", "StudyID": "Study ID", "StudyDescription": "Study description"},
    "Series": {"SeriesNumber": "Series #", "SeriesDescription": "Series description", "Modality": "Modality"},
}
"""Columns that are shown, with their headers. Which ones the application shows was not measured."""

JOINED = (
    "SELECT DISTINCT {0}.* FROM Patients, Studies, Series "
    "WHERE Patients.UID = Studies.PatientsUID AND Studies.StudyInstanceUID = Series.StudyInstanceUID"
)
IN = " AND CAST({0}.{1} AS TEXT) IN (SELECT value FROM json_each(?))"

WIDTH = 290
"""Pixels that a table takes at least: three side by side are some 900 wide."""


class ctkSearchBox(qt.QLineEdit):  # noqa: N801 - CTK's name
    """As `slicer_facts/widgets.json` says, without its icons."""

    def __init__(self, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText("Search...")


class ctkDICOMTableView(qt.QWidget):  # noqa: N801 - CTK's name
    """What `data/ctk/TABLES.md` says that was seen in the application, and nothing else.

    A row's first column is its UID, hidden. A query forgets which rows were chosen, and does not tell, as any model of
    Qt that is reset. How a text is searched for was not measured: here as it stands, in all columns, in any case.
    """

    _selected = QtCore.Signal("QStringList")
    _shown = QtCore.Signal("QStringList")

    def __init__(self, table: str, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._table, self._database = table, None
        self._parents: tuple[str, ...] | None = None
        self._later: dict[str, tuple[str, ...]] = {}
        self._equal: dict[str, tuple[str, ...]] = {}
        self._rows = QtGui.QStandardItemModel(self)
        self._filtered = QtCore.QSortFilterProxyModel(self)
        self._filtered.setSourceModel(self._rows)
        self._filtered.setFilterKeyColumn(-1)
        self._filtered.setFilterCaseSensitivity(QtCore.Qt.CaseSensitivity.CaseInsensitive)
        self._search, self._view = ctkSearchBox(self), _viewOf(self._filtered, self)
        layout = qt.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        heading = qt.QHBoxLayout()
        heading.addWidget(qt.QLabel(table, self))
        heading.addWidget(self._search)
        layout.addLayout(heading)
        layout.addWidget(self._view)
        self._search.connect("textChanged(QString)", self._onSearched)
        self._view.selectionModel().selectionChanged.connect(self._onSelected)

    def uidsForAllRows(self) -> tuple[str, ...]:
        """Of the rows that are shown, from above; `NO_ROWS` where there are none."""
        return tuple(self._uid(row) for row in range(self._filtered.rowCount())) or NO_ROWS

    def addSqlWhereCondition(self, column: str, values: Iterable[str]) -> None:
        """Rows with one of these values alone, from the next query on.

        Raises:
            NotImplementedError: a value is part of another one, and it was not measured whether that is shown as well.
        """
        wanted = self._condition(column, values)
        rows = () if self._database is None else self._database._rows(f"SELECT DISTINCT {column} FROM {self._table}")  # noqa: S608
        others = {str(each) for (each,) in rows if each is not None} - set(wanted)
        if odd := [each for each in others for value in wanted if value.lower() in each.lower()]:
            msg = (
                f"The host does not know whether {column} in {wanted} shows {odd[0]!r}: take addSqlEqualWhereCondition"
            )
            raise NotImplementedError(msg)
        self._later[column] = wanted

    def addSqlEqualWhereCondition(self, column: str, values: Iterable[str]) -> None:
        """Rows with one of these values alone, at once."""
        self._equal[column] = self._condition(column, values)
        self._ask(self._parents)

    def clearSqlWhereConditions(self) -> None:
        """From the next query on all rows are shown; what this does to `addSqlEqualWhereCondition` was not measured.

        Raises:
            NotImplementedError: there is such a condition.
        """
        if self._equal:
            msg = "The host does not know whether clearSqlWhereConditions clears what addSqlEqualWhereCondition added"
            raise NotImplementedError(msg)
        self._later.clear()

    def _condition(self, column: str, values: Iterable[str]) -> tuple[str, ...]:
        if not isinstance(values, list | tuple) or not all(isinstance(each, str) for each in values) or not values:
            msg = f"A condition takes a list of texts, got {values!r}"
            raise ValueError(msg)
        if (
            self._database is not None
            and self._database.isOpen
            and column not in self._database._columnsOf(self._table)
        ):
            msg = f"The table {self._table} has no column {column!r}"
            raise ValueError(msg)
        return tuple(values)

    def _ask(self, parents: tuple[str, ...] | None) -> None:
        """A query: rows of these rows of the table before it, of all of them with None. Tells what is shown now."""
        self._parents = parents
        self._fill(*self._answer())
        self._shown.emit(list(self.uidsForAllRows()))

    def _answer(self) -> tuple[list[str], list[tuple[Any, ...]]]:
        if self._database is None or not self._database.isOpen:
            return [], []
        conditions = [*self._later.items(), *self._equal.items()]
        if self._parents is not None and KEYS[self._table]:
            conditions.append((KEYS[self._table], self._parents))
        sql = JOINED.format(self._table) + "".join(IN.format(self._table, column) for column, _ in conditions)
        values = [json.dumps(list(values)) for _, values in conditions]
        return self._database._columnsOf(self._table), self._database._rows(sql, *values)

    def _fill(self, names: list[str], rows: list[tuple[Any, ...]]) -> None:
        """The first column is the UID in the database's tables too, but for that of patients' names."""
        first = names.index("UID") if "UID" in names else 0
        order = [first, *(number for number in range(len(names)) if number != first)] if names else []
        shown = COLUMNS[self._table]
        self._rows.clear()
        self._rows.setHorizontalHeaderLabels([shown.get(names[number], names[number]) for number in order])
        for row in rows:
            self._rows.appendRow([_item(row[number]) for number in order])
        for column, number in enumerate(order):
            self._view.setColumnHidden(column, names[number] not in shown)

    def _uid(self, row: int) -> str:
        return str(self._filtered.index(row, 0).data())

    def _selection(self) -> tuple[str, ...]:
        return tuple(self._uid(index.row()) for index in sorted(self._view.selectionModel().selectedRows()))

    def _select(self, uids: Iterable[str]) -> None:
        """These alone, as far as they are shown."""
        if not isinstance(uids, list | tuple):
            msg = f"A selection is a list of UIDs, got {uids!r}"
            raise ValueError(msg)  # noqa: TRY004 - PythonQt's
        wanted, chosen = set(uids), QtCore.QItemSelection()
        last = self._filtered.columnCount() - 1
        for row in range(self._filtered.rowCount()):
            if self._uid(row) in wanted:
                chosen.select(self._filtered.index(row, 0), self._filtered.index(row, last))
        flag = QtCore.QItemSelectionModel.SelectionFlag
        self._view.selectionModel().select(chosen, flag.ClearAndSelect)

    def _selectAll(self) -> None:
        self._select([] if (uids := self.uidsForAllRows()) == NO_ROWS else uids)

    def _onSearched(self, text: str) -> None:
        self._filtered.setFilterFixedString(text)
        self._shown.emit(list(self.uidsForAllRows()))

    def _onSelected(self, *_: object) -> None:
        self._selected.emit(list(self._selection()))


def _viewOf(model: QtCore.QAbstractItemModel, parent: qt.QWidget) -> qt.QTableView:
    view = qt.QTableView(parent)
    view.setModel(model)
    view.setSelectionBehavior(qt.QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(qt.QAbstractItemView.SelectionMode.ExtendedSelection)
    view.setEditTriggers(qt.QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
    view.horizontalHeader().setSortIndicator(-1, QtCore.Qt.SortOrder.AscendingOrder)  # as the database gives them
    view.setSortingEnabled(True)
    view.horizontalHeader().setStretchLastSection(True)
    view.verticalHeader().hide()
    view.setMinimumWidth(WIDTH)
    return view


def _item(value: object) -> QtGui.QStandardItem:
    """A number stays one, so that it is sorted as one."""
    item = QtGui.QStandardItem()
    item.setData("" if value is None else value, QtCore.Qt.ItemDataRole.DisplayRole)
    return item
