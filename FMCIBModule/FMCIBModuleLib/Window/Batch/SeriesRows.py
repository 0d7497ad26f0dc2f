"""Slicer's own three linked tables of patients, studies and series, of which a batch takes CTs."""

from __future__ import annotations

from typing import Any

import ctk
import qt

from ...Signal import Signal
from ...Soon import Soon

_ONE_ABOVE_THE_OTHER = 2
"""`tableOrientation` of Slicer's tables: a panel is too narrow for three side by side."""
_NONE = "#"
"""What a table without rows gives as the UID of its rows."""


class SeriesRows:
    """Made when a database is first shown: Slicer has none before it has started.

    Attributes:
        changed: emitted without values when other series may be selected, or shown.
        opened: emitted without values when the database is opened or closed.
    """

    def __init__(self, place: Any) -> None:
        """
        Args:
            place: the widget with a layout that the tables are put into.
        """
        self.changed, self.opened = Signal(), Signal()
        self._place = place
        self.tables: Any = None
        self._database: Any = None
        self._changedSoon, self._openedSoon = Soon(self.changed.emit), Soon(self.opened.emit)

    def show(self, database: Any) -> None:
        """The series of a `slicer.dicomDatabase`; the tables follow what is imported."""
        if self.tables is None:
            self.tables = ctk.ctkDICOMTableManager()
            self.tables.tableOrientation = _ONE_ABOVE_THE_OTHER
            self.tables.setSizePolicy(qt.QSizePolicy.Ignored, qt.QSizePolicy.Expanding)  # the panel may be narrow
            self._place.layout().addWidget(self.tables)
            for what in ("patients", "studies", "series"):
                self.tables.connect(f"{what}SelectionChanged(QStringList)", self._changedSoon)
            for field in self.tables.findChildren(qt.QLineEdit):  # a search forgets what it hides, without a word
                field.connect("textChanged(QString)", self._changedSoon)
        if database is not self._database:
            self._database = database
            self.tables.setDICOMDatabase(database)
            self.tables.seriesTable().addSqlEqualWhereCondition("Modality", ["CT"])
            for signal, slot in self._signals():
                database.connect(signal, slot)

    def close(self) -> None:
        """The database outlives the panel."""
        for each in (self._changedSoon, self._openedSoon):
            each.close()
        if self._database is not None:
            for signal, slot in self._signals():
                self._database.disconnect(signal, slot)

    def _signals(self) -> tuple[tuple[str, Soon], ...]:
        """An import tells of each write, and the tables forget what was selected, without a word."""
        return (
            ("databaseChanged()", self._changedSoon),
            ("opened()", self._openedSoon),
            ("closed()", self._openedSoon),
        )

    def selected(self) -> list[str]:
        """UIDs of the series that are selected."""
        return self._uids(self.tables.currentSeriesSelection()) if self.tables is not None else []

    def shown(self) -> list[str]:
        """UIDs of all series in the table, as searched for and as patients and studies are selected."""
        return self._uids(self.tables.seriesTable().uidsForAllRows()) if self.tables is not None else []

    @staticmethod
    def _uids(told: Any) -> list[str]:
        return [str(uid) for uid in told or () if uid and uid != _NONE]
