"""Three tables of patients, studies and series over Slicer's DICOM database, as they were seen in the application."""

from __future__ import annotations

import json

import pytest
import qt
import slicer
from ctk_database import Database
from dicom_database import importFiles
from dicom_phantom import phantom_series, write

SlicerHost = pytest.importorskip("SlicerHost", reason="is about the host's stand-in")

import ctk  # noqa: E402
from clicks import Modifier, clickUid, doubleClickUid, searchIn, shown  # noqa: E402
from PySide6 import QtCore  # noqa: E402
from SlicerHost import Facts  # noqa: E402
from worklist_support import add_series  # noqa: E402

pytest_plugins = ["dicom_fixtures"]

NOTHING = ("#",)
FACTS = json.loads(Facts.EXTRACT.read_text(encoding="utf-8"))
SIGNAL = QtCore.QMetaMethod.MethodType.Signal


@pytest.fixture
def database(tmp_path, openDicomDatabase):
    """Two patients: of the first a study with CT and MR and one with CT, of the second a CT. Made of real files."""
    made = Database(tmp_path / "SlicerDICOMDatabase")
    folder = tmp_path / "files"
    for uid, study, values in (
        ("1.1.1", "1.1", {"SeriesDescription": "THORAX", "SeriesNumber": 2}),
        ("1.1.2", "1.1", {"Modality": "MR", "SeriesDescription": "HEAD", "SeriesNumber": 10}),
        ("1.2.1", "1.2", {"SeriesDescription": "ABDOMEN"}),
        ("2.1.1", "2.1", {"PatientName": "Smith^Jo", "PatientID": "OTHER", "SeriesDescription": "THORAX late"}),
    ):
        made.add_files(add_series(folder / uid, uid, slices=2, study=study, **values))
    openDicomDatabase(made.path.parent)
    return made


@pytest.fixture
def tables(database):
    widget = ctk.ctkDICOMTableManager()
    widget.tableOrientation = 2
    widget.setDICOMDatabase(slicer.dicomDatabase)
    yield shown(widget, 500)
    widget.close()


def rows(tables):
    every = (tables.patientsTable(), tables.studiesTable(), tables.seriesTable())
    return tuple(sorted(each.uidsForAllRows()) for each in every)


def chosen(tables):
    current = (tables.currentPatientsSelection(), tables.currentStudiesSelection(), tables.currentSeriesSelection())
    return tuple(sorted(each) for each in current)


def heard(tables, signal):
    said = []
    tables.connect(signal, lambda *values: said.append(values))
    return said


ALL = ["1.1.1", "1.1.2", "1.2.1", "2.1.1"]


def test_all_rows_are_shown_and_none_is_chosen_at_first(tables):
    assert rows(tables) == (["1", "2"], ["1.1", "1.2", "2.1"], ALL)
    assert chosen(tables) == ([], [], [])
    assert isinstance(tables.seriesTable().uidsForAllRows(), tuple)
    assert isinstance(tables.currentSeriesSelection(), tuple)


def test_choosing_a_patient_chooses_all_studies_and_series_of_it_at_once(tables):
    said = heard(tables, "seriesSelectionChanged(QStringList)")
    clickUid(tables.patientsTable(), "1")
    assert rows(tables) == (["1", "2"], ["1.1", "1.2"], ALL[:3])
    assert chosen(tables) == (["1"], ["1.1", "1.2"], ALL[:3])
    assert isinstance(said[-1][0], tuple)
    assert sorted(said[-1][0]) == ALL[:3]
    clickUid(tables.studiesTable(), "1.2")
    assert rows(tables)[2] == chosen(tables)[2] == ["1.2.1"]
    clickUid(tables.patientsTable(), "2", Modifier.ControlModifier)
    assert chosen(tables) == (["1", "2"], ["1.1", "1.2", "2.1"], ALL)


def test_series_are_chosen_by_click_by_control_and_by_the_program(tables):
    said = heard(tables, "seriesSelectionChanged(QStringList)")
    clickUid(tables.seriesTable(), "1.1.2")
    clickUid(tables.seriesTable(), "2.1.1", Modifier.ControlModifier)
    assert chosen(tables) == ([], [], ["1.1.2", "2.1.1"])
    tables.setCurrentSeriesSelection(["1.2.1", "of nobody"])
    assert tables.currentSeriesSelection() == ("1.2.1",)
    assert said[-1] == (("1.2.1",),)
    with pytest.raises(ValueError, match="list of UIDs"):
        tables.setCurrentSeriesSelection("1.2.1")


def test_a_double_click_tells_the_row(tables):
    said = heard(tables, "seriesDoubleClicked(QModelIndex)")
    doubleClickUid(tables.seriesTable(), "1.2.1")
    (index,) = said[-1]
    assert index.sibling(index.row(), 0).data() == "1.2.1"
    assert tables.currentSeriesSelection() == ("1.2.1",)


def test_a_search_leaves_rows_out_and_the_tables_after_it_follow(tables):
    searchIn(tables.patientsTable(), "smith")
    assert rows(tables) == (["2"], ["2.1"], ["2.1.1"])
    searchIn(tables.patientsTable(), "nobody at all")
    assert rows(tables) == ([*NOTHING], [*NOTHING], [*NOTHING])
    searchIn(tables.patientsTable(), "")
    assert rows(tables)[2] == ALL
    searchIn(tables.seriesTable(), "thorax")
    assert rows(tables) == (["1", "2"], ["1.1", "1.2", "2.1"], ["1.1.1", "2.1.1"])
    clickUid(tables.seriesTable(), "1.1.1")
    searchIn(tables.seriesTable(), "abdomen")
    assert chosen(tables)[2] == []


def test_a_condition_holds_from_the_next_query_on_and_an_equal_one_at_once(tables):
    table = tables.seriesTable()
    table.addSqlWhereCondition("Modality", ["CT"])
    assert rows(tables)[2] == ALL
    clickUid(tables.patientsTable(), "1")
    assert rows(tables)[2] == ["1.1.1", "1.2.1"]
    table.clearSqlWhereConditions()
    assert rows(tables)[2] == ["1.1.1", "1.2.1"]
    clickUid(tables.patientsTable(), "2", Modifier.ControlModifier)
    assert rows(tables)[2] == ALL
    table.addSqlEqualWhereCondition("Modality", ["CT"])
    assert rows(tables)[2] == ["1.1.1", "1.2.1", "2.1.1"]
    with pytest.raises(NotImplementedError, match="does not know whether clearSqlWhereConditions"):
        table.clearSqlWhereConditions()


def test_a_condition_that_was_not_measured_raises(tables, database):
    table = tables.seriesTable()
    for values in ("CT", [], [1]):
        with pytest.raises(ValueError, match="takes a list of texts"):
            table.addSqlWhereCondition("Modality", values)
    with pytest.raises(ValueError, match="no column 'Mode'"):
        table.addSqlEqualWhereCondition("Mode", ["CT"])
    database.add_series("9.9", [], study="9", patient=9, Modality="RTPLAN")
    with pytest.raises(NotImplementedError, match="shows 'RTPLAN'"):
        table.addSqlWhereCondition("Modality", ["RT"])


def test_the_tables_follow_the_database_and_choose_nothing_then(tables, tmp_path, database):
    clickUid(tables.patientsTable(), "1")
    said = heard(tables, "seriesSelectionChanged(QStringList)")
    importFiles(database, add_series(tmp_path / "new", "2.1.2", slices=2, study="2.1"))
    assert rows(tables)[2] == sorted([*ALL, "2.1.2"])
    assert (chosen(tables), said) == (([], [], []), [])
    slicer.dicomDatabase.removeSeries("2.1.1")
    assert rows(tables) == (["1", "2"], ["1.1", "1.2", "2.1"], sorted([*ALL[:3], "2.1.2"]))
    slicer.dicomDatabase.closeDatabase()
    assert rows(tables) == ([*NOTHING], [*NOTHING], [*NOTHING])


def test_in_a_batch_update_the_tables_stay_as_they_are(tables, tmp_path, database):
    tables.setBatchUpdate(True)
    importFiles(database, write(tmp_path / "new", phantom_series()))
    assert rows(tables)[2] == ALL
    tables.setBatchUpdate(False)
    assert rows(tables)[2] == sorted([*ALL, "1.2.3.4"])


def test_another_database_takes_the_place_of_the_first(tables, tmp_path, openDicomDatabase):
    other = Database(tmp_path / "other")
    other.add_files(write(tmp_path / "files" / "other", phantom_series()))
    openDicomDatabase(other.path.parent)
    patients, studies, series = rows(tables)
    assert (patients, len(studies), series) == (["1"], 1, ["1.2.3.4"])


def test_what_was_not_measured_raises(tables):
    with pytest.raises(NotImplementedError, match="not measured"):
        tables.autoSelectSeries = False
    with pytest.raises(NotImplementedError, match="keep their layout"):
        tables.dynamicTableLayout = True
    with pytest.raises(NotImplementedError, match="take one database"):
        tables.setDICOMDatabase(None)
    tables.autoSelectSeries, tables.dynamicTableLayout = True, False
    for name in ("filterActive", "setQuery", "currentSelection"):
        assert not hasattr(tables.seriesTable(), name)
    assert not hasattr(ctk, "ctkDICOMTableView")


def test_its_properties_defaults_signals_and_slots_are_those_of_the_application():
    facts, tables = FACTS["ctk.ctkDICOMTableManager"], ctk.ctkDICOMTableManager()
    assert {name: int(getattr(tables, name)) for name in facts["properties"]} == facts["properties"]
    plain, meta = qt.QWidget(), tables.metaObject()  # not `staticMetaObject`, which PySide6 takes for deleted later
    own = [meta.method(index) for index in range(plain.metaObject().methodCount(), meta.methodCount())]
    signals = {bytes(each.methodSignature().data()).decode() for each in own if each.methodType() == SIGNAL}
    assert signals == set(facts["signals"])
    left = {slot.partition("(")[0] for slot in facts["slots"] if not hasattr(tables, slot.partition("(")[0])}
    assert left == {f"show{each}FilterActiveWarning" for each in ("Patients", "Studies", "Series")}


def test_thousands_of_rows_are_shown_and_chosen(tables, database):
    """More than the 256 that a model of Qt's fetches from a database at once."""
    database.add_many(
        "Series",
        [{"SeriesInstanceUID": f"1.2.{n}", "StudyInstanceUID": "1.2", "Modality": "CT"} for n in range(10, 2010)],
    )
    slicer.dicomDatabase.databaseChanged.emit()
    clickUid(tables.patientsTable(), "1")
    assert len(tables.currentSeriesSelection()) == len(tables.seriesTable().uidsForAllRows()) == 2003
    clickUid(tables.seriesTable(), "1.2.2009")
    assert tables.currentSeriesSelection() == ("1.2.2009",)


UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Sample</class><widget class="QWidget" name="Sample"><layout class="QVBoxLayout" name="all">
 <item><widget class="ctkDICOMTableManager" name="tables">
  <property name="toolTip"><string>The scans</string></property>
  <property name="tableOrientation"><enum>Qt::Vertical</enum></property>
  <property name="autoSelectSeries"><bool>true</bool></property>
 </widget></item></layout></widget>
<customwidgets><customwidget><class>ctkDICOMTableManager</class><extends>QWidget</extends>
 <header>ctkDICOMTableManager.h</header></customwidget></customwidgets></ui>
"""


def test_it_is_made_from_a_ui_file(tmp_path, database):
    (tmp_path / "sample.ui").write_text(UI, encoding="utf-8")
    widget = slicer.util.loadUI(str(tmp_path / "sample.ui"))
    tables = slicer.util.childWidgetVariables(widget).tables
    assert isinstance(tables, ctk.ctkDICOMTableManager)
    assert (tables.tableOrientation, tables.toolTip) == (qt.Qt.Vertical, "The scans")
    tables.setDICOMDatabase(slicer.dicomDatabase)
    assert rows(tables)[2] == ALL


def test_real_series_are_shown(realDatabase):
    tables = ctk.ctkDICOMTableManager()
    tables.setDICOMDatabase(slicer.dicomDatabase)
    tables.seriesTable().addSqlEqualWhereCondition("Modality", ["CT"])
    patients, studies, series = rows(tables)
    assert (len(patients), len(studies), len(series)) == (3, 3, 3)
    images = sorted(len(slicer.dicomDatabase.filesForSeries(uid)) for uid in series)
    assert images == [11, 16, 60]
