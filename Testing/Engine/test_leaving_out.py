"""What CI may leave out: nothing unseen on one Python, of each test all but some cases on the second."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import check_skips
from few_cases import few_cases


def case(file: str, name: str, skipped: str = "") -> ET.Element:
    element = ET.Element("testcase", classname=file, name=name)
    if skipped:
        ET.SubElement(element, "skipped", message=skipped)
    return element


def test_a_file_of_tests_without_any_result_is_named():
    kinds = {kind: sorted((check_skips.HERE / kind).glob("test_*.py")) for kind in ("Engine", "Module")}
    cases = [case(f"{kind}.{path.stem}", "test_a") for kind, paths in kinds.items() for path in paths]
    assert len(cases) > 100
    assert check_skips.silent(cases) == []
    left_out = [each for each in cases if each.get("classname") not in ("Engine.test_words", "Module.test_window")]
    assert check_skips.silent([*left_out, case("Module.test_window_seeds.TestOne", "test_a")]) == [
        "Engine/test_words.py",
        "Module/test_window.py",
    ]


def test_a_file_that_is_skipped_as_a_whole_is_named():
    assert "Engine/test_cli.py" in check_skips.silent([case("", "Engine.test_cli", skipped="no torch")])


def test_only_a_skipped_test_on_the_list_is_allowed():
    cases = [
        case("f", "test_ran"),
        case("f", "test_cuda", "no GPU"),
        case("f", "test_case[3]", "why"),
        case("f", "test_new", "why"),
    ]
    allowed = "# Comment\n\ntest_cuda    no device\ntest_case*    reason\ntest_ran    none\n"
    assert check_skips.skipped(cases, allowed) == [("test_new", "why")]


def test_of_many_cases_a_few_stand_from_the_first_to_the_last():
    ids = [*(f"f::test_a[{letter}]" for letter in "abcdefg"), "f::test_b", "f::T::test_a[x]", "f::T::test_a[y[z]]"]
    assert few_cases(ids, 1) == {"f::test_a[a]", "f::test_b", "f::T::test_a[x]"}
    assert few_cases(ids, 2) == {"f::test_a[a]", "f::test_a[g]", *ids[-3:]}
    assert few_cases(ids, 3) == {"f::test_a[a]", "f::test_a[d]", "f::test_a[g]", *ids[-3:]}
    assert few_cases(ids, 99) == set(ids)
