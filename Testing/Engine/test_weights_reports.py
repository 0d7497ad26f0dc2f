"""What others say of a published file beside what we say: told, loudly where it differs, and never obeyed."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import replace

import pytest
from fmcib_engine.downloads import Patience
from fmcib_engine.weights import acquire, bring
from fmcib_engine.weights.acquire import download
from fmcib_engine.weights.bring import import_file
from fmcib_engine.weights.catalogue import load_catalogue
from fmcib_engine.weights.record import Record, read_records
from fmcib_engine.weights.reports import agreements_of, ask_licences, doubts_of
from repository_server import FILE, served

pytest.importorskip("requests")
pytest.importorskip("filelock")

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(10_000))
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
HURRIED = Patience(connect=60, silence=60, retries=1, pause=0.001)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    with served({FILE: CONTENT}, tmp_path, monkeypatch) as repository:
        yield repository


@pytest.fixture
def reports(repository, tmp_path, monkeypatch):
    """Writes reported checksums into the catalogue."""

    def write(*checksums: str) -> None:
        tables = [f'[[entry.reported]]\nchecksum = "{one}"\nby = "somebody"' for one in checksums]
        text = "\n".join([f"size = {len(CONTENT)}", *tables])
        monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=text)))

    return write


def test_a_file_that_others_have_as_well_is_said_to_be_the_same(reports, caplog):
    reports(f"sha256:{SHA256}", f"md5:{MD5}")
    record = download("fmcib", patience=HURRIED)
    assert agreements_of(record) == [
        f"its {name} is the one that somebody reports" for name in ("SHA-256", "MD5")
    ]  # the latter is Zenodo's own, which was compared
    assert doubts_of(record) == []
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_another_file_than_others_have_is_taken_as_its_repository_says_and_told_loudly(reports, caplog, kind):
    digits = "0" * (64 if kind == "sha256" else 32)
    reports(f"{kind}:{digits}")
    record = download("fmcib", patience=HURRIED)
    assert record.path.read_bytes() == CONTENT
    (doubt,) = doubts_of(record)
    title = {"sha256": "SHA-256", "md5": "MD5"}[kind]
    assert doubt.startswith(f"WARNING: the {title} of weights.torch is not the one that somebody reports ({digits}).")
    assert "agrees with the repository's own checksum, which decides" in doubt
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING] == [doubt]
    caplog.clear()
    download("fmcib", patience=HURRIED)  # which is here already, and as doubtful as before
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING] == [doubt]


def test_of_a_file_from_a_stick_the_report_is_all_there_is(reports, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(bring, "_check_fits", lambda _path: None)
    (tmp_path / "stick.torch").write_bytes(CONTENT)
    reports(f"sha256:{SHA256}", "md5:" + "0" * 32)
    assert agreements_of(import_file(tmp_path / "stick.torch")) == ["its SHA-256 is the one that somebody reports"]
    assert not caplog.records  # no MD5 was computed, and nothing is said of it
    (tmp_path / "stick.torch").write_bytes(CONTENT[::-1])
    (doubt,) = doubts_of(import_file(tmp_path / "stick.torch", overwrite=True))
    assert "No repository was asked about it: download it" in doubt
    assert [one.message for one in caplog.records if one.levelno == logging.WARNING] == [doubt]


@pytest.mark.parametrize(
    ("zenodo", "huggingface", "told"),
    [
        ({"id": "cc-by-nc-4.0"}, {"cardData": {"license": "mit"}}, "zenodo: cc-by-nc-4.0, huggingface: mit"),
        ("CC-BY-NC-4.0", {"cardData": None, "tags": ["x", "license:mit"]}, "zenodo: CC-BY-NC-4.0, huggingface: mit"),
        ({"title": "CC BY, 4.0 <b>"}, {"cardData": {"license": ["a", "b"]}}, "zenodo: CC BY  4.0  b, huggingface: a b"),
        (None, {}, "zenodo: none named, huggingface: none named"),
        ({"id": "cc-by-4.0"}, ["no table"], "zenodo: cc-by-4.0"),
        ({"id": "x" * 500}, {"tags": [5]}, "zenodo: " + "x" * 80),
    ],
)  # fmt: skip
def test_the_licence_that_repositories_name_is_noted(repository, zenodo, huggingface, told):
    repository.licences = {"zenodo": zenodo, "huggingface": huggingface}
    record = download("fmcib", patience=HURRIED)
    assert record.licence == "CC BY-NC 4.0"
    assert record.repository_licence == told
    assert read_records("fmcib") == [record]


def test_another_licence_than_ours_is_told_and_the_same_in_another_spelling_is_not(repository):
    repository.licences = {"zenodo": {"id": "cc-by-4.0"}, "huggingface": {"cardData": {"license": "cc-by-nc-4.0"}}}
    (doubt,) = doubts_of(download("fmcib", patience=HURRIED))
    assert "another licence for weights.torch than CC BY-NC 4.0, which is shown here (zenodo: cc-by-4.0)" in doubt
    assert "Keep to the stricter one" in doubt


def test_a_repository_that_does_not_tell_its_licence_stops_nothing(repository):
    record = download("fmcib", patience=HURRIED)
    assert record.repository_licence == "zenodo: none named"  # Hugging Face answers with 404
    (zenodo, huggingface) = ask_licences(load_catalogue().entry("fmcib"))["fmcib"]
    assert (zenodo.licence, zenodo.problem) == ("", "")
    assert "has no such file" in huggingface.problem


def test_weights_whose_licence_nobody_waited_for_are_here_with_their_record(repository, monkeypatch):
    """The user cancels at 100 %, while a firewall lets the question about the licence wait."""

    def cancelled(*_entries: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(acquire, "ask_licences", cancelled)
    with pytest.raises(KeyboardInterrupt):
        download("fmcib", patience=HURRIED)
    (record,) = read_records("fmcib")
    assert (record.sha256, record.repository_licence) == (SHA256, "")
    assert download("fmcib", patience=HURRIED) == record  # here already: nothing is asked again


def test_a_record_with_a_checksum_of_no_kind_agrees_with_nothing(reports):
    reports(f"md5:{MD5}")
    record = replace(download("fmcib", patience=HURRIED), checksum="no colon", sha256="0" * 64)
    assert (agreements_of(record), doubts_of(record)) == ([], [])


def test_each_repository_is_asked_once_for_all_its_files(repository):
    repository.licences = {"huggingface": {"tags": ["license:mit"]}}
    said = ask_licences(*load_catalogue().entries.values())
    assert [one.licence for one in said["tables"]] == ["mit"]
    assert said["linear"] == []
    assert len(repository.asked()) == 2


def test_a_record_of_an_earlier_version_is_read(repository):
    record = download("fmcib", patience=HURRIED)
    beside = record.path.with_name(f"{record.path.name}.record.json")
    lines = [line for line in beside.read_text(encoding="utf-8").splitlines() if "repository_licence" not in line]
    beside.write_text("\n".join(lines).replace('use only",', 'use only"'), encoding="utf-8")
    (read,) = read_records("fmcib")
    assert isinstance(read, Record)
    assert read.repository_licence == ""
    assert doubts_of(read) == []
