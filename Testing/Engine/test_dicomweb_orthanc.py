"""Real scans in a real Orthanc: listed, fetched byte for byte, and the same features as from the files themselves."""

from __future__ import annotations

import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections import deque
from functools import partial
from pathlib import Path

import orthanc as orthanc_of_tests
import pydicom
import pytest
import requests
from fmcib_engine.cli.commands import run
from fmcib_engine.dicomweb import Credentials, Server, parse_address
from fmcib_engine.dicomweb.fetch import SeriesFetch, Wanted
from fmcib_engine.dicomweb.folder import SeriesFolder, folder_for
from fmcib_engine.downloads import Patience
from fmcib_engine.errors import SourceError
from fmcib_engine.worklist import read_folder
from relay import relayed
from support import DATA, needs_data
from worklist_support import add_seeds, add_series, read_csv

pytest.importorskip("dicomweb_client")
trustme = pytest.importorskip("trustme")
pytestmark = needs_data

LIDC, IBSI = DATA / "lidc" / "LIDC-IDRI-0001_slab", DATA / "ibsi" / "dicom"
ENHANCED = DATA / "derived" / "LIDC-IDRI-0001_legacy_converted_enhanced_CT.dcm"
PACKED = DATA / "derived" / "LIDC-IDRI-0001_mid8_jpegls"
SEG = DATA / "derived" / "LIDC-IDRI-0001_nodule_SEG.dcm"


QUIET = {"stdout": subprocess.DEVNULL}


def images_below(folder):
    """How many images are there, while folders come and go."""
    return sum(name.endswith(".dcm") for _, _, names in os.walk(folder) for name in names)


def uids_of(folder):
    dataset = pydicom.dcmread(dicom_files(folder)[0], stop_before_pixels=True)
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID


def asking(port):
    address = parse_address(f"http://127.0.0.1:{port}/dicom-web")
    return Server(address, Credentials.found(address), patience=Patience(silence=20, pause=0))


def dicom_files(folder):
    return sorted(path for path in folder.rglob("*.dcm"))


def by_uid(files):
    return {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID: path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def originals():
    return [*dicom_files(LIDC), *dicom_files(IBSI), ENHANCED, SEG]


@pytest.fixture(scope="module")
def server(originals, tmp_path_factory):
    with orthanc_of_tests.running(tmp_path_factory.mktemp("orthanc")) as started:
        started.store(originals)
        yield started


@pytest.fixture(autouse=True)
def _known(monkeypatch):
    monkeypatch.setenv("FMCIB_DICOMWEB_USER", orthanc_of_tests.USER)
    monkeypatch.setenv("FMCIB_DICOMWEB_PASSWORD", orthanc_of_tests.PASSWORD)


@pytest.fixture
def worklist(server, tmp_path):
    """The command, and the list that it writes."""

    def listed(*arguments, code=0, address=""):
        output = tmp_path / "worklist.csv"
        where = ["--output", str(output), "--overwrite"]
        assert run(["worklist", address or server.dicomweb, *map(str, arguments), *where]) == code
        return read_csv(output) if output.exists() else []

    return listed


def test_what_a_server_lists_is_what_its_files_say(worklist, originals, tmp_path):
    rows = worklist("--every-header", "--all-series", "--identifiers")
    for number, path in enumerate(originals):
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder / f"{number:03d}.dcm")
    output = tmp_path / "of_files.csv"
    assert run(["worklist", str(tmp_path / "files"), "--all-series", "--identifiers", "--output", str(output)]) == 0
    places = {"image_path", "files"}
    of_ct = [row for row in rows if row["modality"] == "CT"]
    of_files = [row for row in read_csv(output) if row["modality"] == "CT"]
    assert len(of_ct) == 3
    assert [{k: v for k, v in row.items() if k not in places} for row in of_ct] == [
        {k: v for k, v in row.items() if k not in places} for row in of_files
    ]
    assert [(row["modality"], row["why"]) for row in rows if row["modality"] != "CT"] == [
        ("RTSTRUCT", "it is no CT: modality RTSTRUCT"),
        ("SEG", "it is no CT: modality SEG"),
    ]


def test_three_headers_of_a_series_tell_what_a_list_needs(worklist):
    rows = worklist("--all-series")
    told = [(row["slices"], row["thickness_mm"], row["kernel"]) for row in rows if row["do"] == "yes"]
    assert told == [("60", "3.0", ""), ("10", "2.5", ""), ("16", "2.5", "STANDARD")]


def test_wishes_hold_for_a_server_too(worklist, capsys):
    rows = worklist("--patient", "lidc*", "--body-part", "ch*", "--date", "1999-01-01..2001-01-01")
    assert [row["do"] for row in rows] == ["no", "no", "yes"]
    assert "asked for studies with CT alone, of the patients and days that are wanted" in " ".join(
        capsys.readouterr().err.split()
    )
    worklist("--patient", "nobody", code=4)
    assert "has no study with CT, of the patients that are wanted" in " ".join(capsys.readouterr().err.split())


def test_patients_whose_number_has_odd_letters_are_found(server, worklist, tmp_path):
    server.store(
        add_series(
            tmp_path / "odd", "1.2.77.1", study="1.2.77", PatientID="A&B 1/2^ü", SpecificCharacterSet="ISO_IR 100"
        )
    )
    rows = worklist("--patient", "A&B 1/2^ü", "--identifiers")
    assert [(row["do"], row["patient_id"], row["series_uid"]) for row in rows] == [("yes", "A&B 1/2^ü", "1.2.77.1")]


def test_a_series_comes_byte_for_byte_with_its_seeds_and_no_more(worklist, originals, tmp_path, capsys):
    folder = tmp_path / "scans"
    rows = worklist("--download", folder, "--with-seeds", "--patient", "LIDC*", "--patient", "1")
    came = dicom_files(folder)
    wanted = by_uid(path for path in originals if path != ENHANCED)
    assert by_uid(came) == wanted
    assert "4 series are whole, of which 2 are of seeds: 4 came now" in capsys.readouterr().out
    assert [(row["modality"], row["do"], row["files"]) for row in rows] == [
        ("RTSTRUCT", "no", "1"),
        ("CT", "yes", "60"),
        ("SEG", "no", "1"),
        ("CT", "no", ""),
        ("CT", "yes", "16"),
    ]
    assert all((tmp_path / row["image_path"]).exists() for row in rows if row["files"])
    names = " ".join(str(path.relative_to(folder)) for path in folder.rglob("*"))
    for secret in ("LIDC", "1.3.6.1", "PAT1"):
        assert secret not in names
    before = {path: path.stat().st_mtime_ns for path in came}
    worklist("--download", folder, "--with-seeds", "--patient", "LIDC*", "--patient", "1")
    assert "0 came now (0.0 MB), 4 were here" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in dicom_files(folder)} == before


def test_packed_pixels_come_as_they_are_stored(tmp_path, monkeypatch):
    """JPEG-LS, and whatever else the test data has: nothing is unpacked on the way."""
    files = [*dicom_files(PACKED)]
    with orthanc_of_tests.running(tmp_path) as started:
        started.store(files)
        where = [
            "--output",
            str(tmp_path / "worklist.csv"),
            "--fewest-slices",
            "3",
            "--download",
            str(tmp_path / "scans"),
        ]
        assert run(["worklist", started.dicomweb, *where]) == 0
    assert by_uid(dicom_files(tmp_path / "scans")) == by_uid(files)
    syntaxes = {pydicom.filereader.read_file_meta_info(path).TransferSyntaxUID.name for path in files}
    assert syntaxes == {"JPEG-LS Lossless Image Compression"}


def test_features_of_fetched_scans_are_those_of_the_files(worklist, tmp_path, monkeypatch, encoder, small_installed):
    """Seeds of the RTSTRUCT and SEG that came along, matched to the CT that came; and those of the stored files."""
    monkeypatch.setattr("fmcib_engine.cli.batch.open_encoder", lambda options: encoder)
    worklist("--download", tmp_path / "scans", "--with-seeds")
    original = tmp_path / "original"
    for number, path in enumerate([*dicom_files(LIDC), *dicom_files(IBSI), SEG]):
        original.mkdir(exist_ok=True)
        shutil.copy(path, original / f"{number:03d}.dcm")
    rows = {}
    for name in ("scans", "original"):
        source, output = ["--source", str(tmp_path / name), "--own-seeds"], tmp_path / f"run-{name}"
        assert run(["batch", *source, "--weights", "small", "--output", str(output)]) == 0
        found = read_csv(output / "features.csv")
        assert {row["status"] for row in found} == {"ok"}
        rows[name] = sorted(tuple(row[key] for key in row if key.startswith(("pred_", "coord"))) for row in found)
    assert len(rows["scans"]) == 2
    assert rows["scans"] == rows["original"]


def test_seeds_that_name_a_series_give_a_table_for_the_batch(worklist, tmp_path):
    uid = pydicom.dcmread(dicom_files(LIDC)[0], stop_before_pixels=True).SeriesInstanceUID
    seeds = add_seeds(tmp_path / "seeds.csv", [f"a,{uid},-61.5,-95.0,-110.0", "b,1.2.3.9.9,1,2,3"])
    lesions = tmp_path / "lesions.csv"
    rows = worklist(
        *("--seeds", seeds, "--download", tmp_path / "scans", "--lesions", lesions, "--identifiers"), code=3
    )
    (done,) = (row for row in rows if row["do"] == "yes")
    assert (done["lesion_id"], done["files"]) == ("a", "16")
    assert len(list((tmp_path / "scans").glob("series-*"))) == 1
    (lesion,) = read_csv(lesions)
    assert (tmp_path / lesion["image_path"]).is_dir()
    assert lesion["series_uid"] == uid


def test_a_wrong_password_and_none_are_told_and_not_shown(worklist, monkeypatch, capsys):
    monkeypatch.setenv("FMCIB_DICOMWEB_PASSWORD", "swordfish")
    assert worklist(code=4) == []
    said = " ".join(capsys.readouterr().err.split())
    assert "does not accept FMCIB_DICOMWEB_USER and FMCIB_DICOMWEB_PASSWORD" in said
    assert "swordfish" not in said
    for name in ("FMCIB_DICOMWEB_USER", "FMCIB_DICOMWEB_PASSWORD"):
        monkeypatch.delenv(name)
    assert worklist(code=4) == []
    assert "127.0.0.1 wants to know who asks" in " ".join(capsys.readouterr().err.split())


def test_a_netrc_is_as_good(worklist, tmp_path, monkeypatch):
    for name in ("FMCIB_DICOMWEB_USER", "FMCIB_DICOMWEB_PASSWORD"):
        monkeypatch.delenv(name)
    netrc = tmp_path / "netrc"
    netrc.write_text(
        f"machine 127.0.0.1 login {orthanc_of_tests.USER} password {orthanc_of_tests.PASSWORD}\n", encoding="utf-8"
    )
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert len(worklist("--patient", "1")) == 2


def test_a_hospitals_own_authority_is_trusted_where_it_is_named(server, worklist, tmp_path, monkeypatch, capsys):
    """By a gateway before Orthanc, as hospitals have one; Debian's Orthanc 1.10.1 ends at the first https by itself."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))  # what is named goes before it
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with relayed(server.port, tls) as gateway:
        address = f"https://127.0.0.1:{gateway.port}/dicom-web"
        worklist(address=address, code=4)
        assert "shows a certificate that is not trusted here" in " ".join(capsys.readouterr().err.split())
        worklist("--ca", tmp_path / "other.pem", address=address, code=4)
        assert gateway.requests == []  # no password, and no question, before it is known who answers
        (tmp_path / "none.pem").write_text("no certificate", encoding="utf-8")
        worklist("--ca", tmp_path / "none.pem", address=address, code=4)
        assert "'none.pem' cannot be read as one" in " ".join(capsys.readouterr().err.split())
        worklist(
            *("--ca", tmp_path / "authority.pem", "--download", tmp_path / "scans", "--body-part", "CHEST"),
            address=address,
        )
    assert by_uid(dicom_files(tmp_path / "scans")) == by_uid(dicom_files(LIDC))


def test_wherever_the_line_breaks_off_no_half_series_is_taken_for_whole(server, tmp_path):
    """At places of a real answer within the first image, in the middle and around the end: each image comes once."""
    study, series = uids_of(LIDC)
    url = f"{server.dicomweb}/studies/{study}/series/{series}"
    length = len(requests.get(url, auth=server.auth, timeout=60).content)
    places = [*range(0, 2000, 150), *range(length // 2, length // 2 + 2000, 250), *range(length - 900, length + 50, 50)]
    whole = by_uid(dicom_files(LIDC))
    with relayed(server.port) as line:
        line.of = lambda request: request.endswith(f"/series/{series} HTTP/1.1".encode())
        for number, place in enumerate(places):
            root, counted = tmp_path / str(number), []
            root.mkdir()
            line.cuts, line.requests = deque([place]), []
            with asking(line.port) as server_cut:
                folder = SeriesFolder(root, study, series)
                here = SeriesFetch(server_cut, Wanted(study, series, 16), folder, partial(counted.append, 1)).run()
            assert by_uid(map(Path, here.files)) == whole, place
            assert (len(counted), here.was_here) == (16, False)
            assert sum(b"/instances/" in request for request in line.requests) <= 16
            shutil.rmtree(root)


def test_an_interrupted_fetch_goes_on_with_the_images_that_are_lacking(server, tmp_path):
    (study, series), counted = uids_of(LIDC), []
    folder = SeriesFolder(tmp_path, study, series)

    def cancel():
        counted.append(1)
        if len(counted) == 11:
            raise KeyboardInterrupt

    with relayed(server.port) as line, asking(line.port) as asked:
        with pytest.raises(KeyboardInterrupt):
            SeriesFetch(asked, Wanted(study, series, 16), folder, cancel).run()
        assert not folder.path.exists()
        assert len(dicom_files(tmp_path)) == 11  # what came is kept, where no reader looks
        with pytest.raises(SourceError, match="none of them is a readable DICOM file"):
            read_folder(tmp_path)
        line.requests.clear()
        here = SeriesFetch(asked, Wanted(study, series, 16), folder, lambda: None).run()
    assert by_uid(map(Path, here.files)) == by_uid(dicom_files(LIDC))
    assert sum(b"/instances/" in request for request in line.requests) == 5
    assert len(line.requests) == 6  # the list, and five images


def test_a_series_of_which_a_file_was_lost_here_is_fetched_again(server, tmp_path):
    study, series = uids_of(LIDC)
    wanted, folder = Wanted(study, series, 16), SeriesFolder(tmp_path, study, series)
    with asking(server.port) as asked:
        here = SeriesFetch(asked, wanted, folder, lambda: None).run()
        assert SeriesFetch(asked, wanted, folder, lambda: None).run().was_here
        for harm in (lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-2])):
            harm(Path(here.files[3]))
            assert not SeriesFetch(asked, wanted, folder, lambda: None).run().was_here
            assert by_uid(dicom_files(tmp_path)) == by_uid(dicom_files(LIDC))
    assert [path.name for path in tmp_path.iterdir()] == [folder.path.name]


def test_two_processes_do_not_fetch_into_one_folder(server, worklist, tmp_path, capsys):
    with folder_for(tmp_path / "scans"):
        worklist("--download", tmp_path / "scans", code=4)
    assert "Another process is at work in scans" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    worklist("--download", tmp_path / "file", code=4)
    assert "'file' is a file" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_leaves_no_half_series(server, tmp_path, stop):
    """The real command, stopped again and again when some more images have come; then let to its end."""
    arguments = ["--patient", "1", "--patient", "LIDC*", "--output", tmp_path / "list.csv", "--overwrite"]
    command = [sys.executable, "-m", "fmcib_engine", "worklist", server.dicomweb, "--download", tmp_path / "scans"]
    codes, sentences = [], []
    for more in (1, 7, 13, 20, 2):
        before = images_below(tmp_path)
        process = subprocess.Popen([*command, *arguments], stderr=subprocess.PIPE, encoding="utf-8", **QUIET)
        while process.poll() is None and images_below(tmp_path) < before + more:
            time.sleep(0.0005)
        process.send_signal(stop)
        sentences.append(process.communicate(timeout=60)[1])
        codes.append(process.returncode)
        assert {images_below(folder) for folder in (tmp_path / "scans").glob("series-*")} <= {16, 60}
        assert "Traceback" not in sentences[-1]
    assert codes.count({signal.SIGINT: 130, signal.SIGKILL: -9}[stop]) >= 3
    assert stop == signal.SIGKILL or any("the same command goes on" in " ".join(said.split()) for said in sentences)
    assert subprocess.run([*command, *arguments], check=False, capture_output=True).returncode == 0
    assert by_uid(dicom_files(tmp_path / "scans")) == by_uid([*dicom_files(LIDC), *dicom_files(IBSI / "image")])
