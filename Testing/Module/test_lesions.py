"""Which lesions the window lists, in which order, and what it says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import slicer
from analysis_support import makeSeeds, rowsOf
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.phantom import PHANTOM_SEED
from FMCIBModuleLib.Scene.Lesions import Lesion, allLesions, lesionsOf, volumesWithLesions
from FMCIBModuleLib.Scene.LesionTable import LesionTable
from FMCIBModuleLib.Scene.SceneBridge import nodeFromVolume, pointToRas
from FMCIBModuleLib.Scene.Seeds import addSeed, ensureSeedsNode, seedsIn
from FMCIBModuleLib.Scene.SeedSources import SceneSeed, seedsFromMarkups
from FMCIBModuleLib.Window.LesionWords import (
    exportInWords,
    placeOf,
    provenanceInWords,
    qualityInWords,
    timeInWords,
    whereInWords,
)

pytest_plugins = ["analysis_fixtures"]


def seed(name: str, *offset: float) -> SceneSeed:
    return SceneSeed("", name, PatientPoint(*(np.array([*PHANTOM_SEED]) + (offset or (0, 0, 0)))))


def analyse(handLogic, volumeNode, seeds=None) -> None:
    handLogic.analyse(volumeNode, seeds)
    handLogic.hand.wait()


def test_a_seed_is_listed_before_it_is_analysed(phantomNode):
    addSeed(phantomNode, seed("A"))
    (lesion,) = allLesions()
    assert (lesion.name, lesion.row) == ("A", None)
    assert qualityInWords(lesion) == ["not analysed yet"]
    assert placeOf(lesion).to_array() == pytest.approx([*PHANTOM_SEED])
    assert (timeInWords(lesion), provenanceInWords(lesion)) == ("", [])


def test_rows_are_in_their_order_and_a_seed_without_one_is_before_those_that_follow_it(handLogic, phantomNode):
    for number, name in enumerate("ABCDE"):
        addSeed(phantomNode, seed(name, 3 * number, 0, 0))
    every = seedsIn(ensureSeedsNode(phantomNode))
    analyse(handLogic, phantomNode, [every[3], every[1]])
    assert [lesion.name for lesion in lesionsOf(phantomNode)] == ["A", "C", "D", "B", "E"]


def test_rows_of_seeds_are_reordered_and_those_of_others_stay(handLogic, phantomNode):
    for name, offset in (("A", 0), ("B", 3)):
        addSeed(phantomNode, seed(name, offset, 0, 0))
    a, b = seedsIn(ensureSeedsNode(phantomNode))
    analyse(handLogic, phantomNode, [a])
    analyse(handLogic, phantomNode, makeSeeds({"Mine": pointToRas(PHANTOM_SEED)}))
    analyse(handLogic, phantomNode, [b])
    LesionTable(phantomNode).reorder([b.key, "gone", a.key])
    assert [row["lesion_id"] for row in rowsOf(phantomNode)] == ["B", "Mine", "A"]
    assert [row["row"] for row in rowsOf(phantomNode)] == ["1", "2", "3"]


def test_a_row_of_a_users_own_list_has_its_seed_there(handLogic, phantomNode, noduleSeeds):
    analyse(handLogic, phantomNode, noduleSeeds)
    (lesion,) = allLesions()
    assert lesion.seed == seedsFromMarkups(noduleSeeds)[0]
    slicer.mrmlScene.RemoveNode(noduleSeeds)
    (lesion,) = allLesions()
    assert (lesion.seed, lesion.name) == (None, "Nodule")
    assert placeOf(lesion).to_array() == pytest.approx([*PHANTOM_SEED])


def test_lesions_of_several_scans_are_told_apart(handLogic, phantomNode, chest):
    second = nodeFromVolume(chest, "Follow-up")
    seeds = makeSeeds({"Nodule": pointToRas(PHANTOM_SEED)})
    analyse(handLogic, phantomNode, seeds)
    analyse(handLogic, second, seeds)
    assert volumesWithLesions() == [phantomNode, second]
    one, other = allLesions()
    assert one.key == other.key
    assert one.id != other.id


def test_swapping_changes_rows_seeds_and_the_numbers_of_rows_together(handLogic, phantomNode):
    for name, offset in (("A", 0), ("B", 3), ("C", 6)):
        addSeed(phantomNode, seed(name, offset, 0, 0))
    analyse(handLogic, phantomNode)
    before = {row["lesion_id"]: row for row in rowsOf(phantomNode)}
    handLogic.swapLesions(phantomNode, before["A"]["lesion_key"], before["B"]["lesion_key"])
    after = rowsOf(phantomNode)
    assert [row["lesion_id"] for row in after] == ["B", "A", "C"]
    assert [row["row"] for row in after] == ["1", "2", "3"]
    assert [each.label for each in seedsIn(ensureSeedsNode(phantomNode))] == ["B", "A", "C"]
    for row in after:
        assert row | {"row": ""} == before[row["lesion_id"]] | {"row": ""}


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((58.3, 85.64, -115.0), "L 58 P 86 I 115"),
        ((-56.5, -130.8, 519.8), "R 56 A 131 S 520"),
        ((0, 0, 0), "R 0 A 0 I 0"),
    ],
)
def test_a_place_is_told_with_its_directions(point, words):
    assert whereInWords(PatientPoint(*point)) == words


def test_a_place_near_an_axis_keeps_its_direction_with_decimals():
    assert whereInWords(PatientPoint(-0.04, 0.26, -1.0), 1) == "R 0.0 P 0.3 I 1.0"


def lesion(**cells: str) -> Lesion:
    return Lesion(None, "k", None, {"status": "ok", "warnings": "", "error": "", "lesion_id": "N", **cells})


def test_quality_is_told_in_sentences_or_as_whole():
    assert qualityInWords(lesion(warnings="18% of the patch lies outside the scan; oblique")) == [
        "18% of the patch lies outside the scan",
        "oblique",
    ]
    assert qualityInWords(lesion()) == ["all 50 mm lie in the scan"]
    assert qualityInWords(lesion(status="error", error="Out of memory.")) == ["Out of memory."]


def test_the_time_is_the_hour_of_today_else_the_day():
    now = datetime.now(UTC)
    today = lesion(computed_at=now.isoformat(timespec="seconds"))
    assert timeInWords(today, now) == now.astimezone().strftime("%H:%M")
    older = lesion(computed_at=(now - timedelta(days=3)).isoformat(timespec="seconds"))
    assert timeInWords(older, now) == (now - timedelta(days=3)).astimezone().strftime("%Y-%m-%d")
    assert timeInWords(lesion(computed_at=""), now) == ""


def test_a_row_without_coordinates_is_nowhere():
    assert placeOf(lesion(coordX="", coordY="", coordZ="")) is None


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({}, "on cpu"),
        ({"engine": ""}, "on cpu"),
        ({"engine": "pytorch", "engine_deviation": "", "openvino_version": ""}, "on cpu"),
        ({"engine": "openvino", "engine_deviation": "3.4e-05"}, "on cpu by OpenVINO 9, 3e-05 from PyTorch on a probe"),
        ({"engine": "openvino", "engine_deviation": ""}, "on cpu by OpenVINO 9"),
        ({"engine": "openvino", "engine_deviation": "damaged"}, "on cpu by OpenVINO 9"),
    ],
)
def test_the_engine_is_told_as_far_as_the_row_knows_it(cells, words):
    names = ("encoder_id", "weights", "weights_sha256", "recipe_id", "computed_at", "engine_version", "torch_version")
    known = {**dict.fromkeys((*names, "coordX"), ""), "precision": "float32", "device": "cpu", "openvino_version": "9"}
    assert provenanceInWords(lesion(**(known | cells)))[2].endswith(f"float32 {words}")


class _OfNoScan:
    def GetID(self) -> str:
        return "scan"


def listed(key: str, **cells: str) -> Lesion:
    alike = {"status": "ok", "weights_sha256": "w", "precision": "float32"}
    return Lesion(_OfNoScan(), key, None, {**alike, **cells} if cells else None)


def test_every_shortcoming_of_an_export_is_counted_by_itself():
    lesions = [
        listed("new"),
        listed("running"),
        listed("again", status="ok"),
        listed("also again", status="ok"),
        listed("failed", status="error", weights_sha256="x"),
        listed("old", weights_sha256="w"),
    ]
    waiting = {f"scan {key}" for key in ("running", "again", "also again")}
    assert exportInWords(4, "a.csv", lesions, {"scan old"}, waiting) == (
        "4 lesions were written to a.csv. 1 is not analysed yet and is not in it; "
        "1 is being analysed and is not in it; 2 are being analysed again and are in it as before; "
        "1 has an error instead of features; 1 is of before its seed or scan was changed: analyse it again."
    )
