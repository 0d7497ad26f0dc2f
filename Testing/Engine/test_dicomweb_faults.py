"""Servers that are absent, that refuse, that page, that leave things out, that send halves: a sentence, or a retry."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pydicom
import pytest
from dicomweb_server import Stored, serving
from fmcib_engine.cli.commands import run
from fmcib_engine.dicomweb import Credentials, Server, download, is_address, parse_address, read_server
from fmcib_engine.downloads import Patience
from fmcib_engine.errors import DependencyError, DownloadError, OutputError, SourceError
from fmcib_engine.worklist import Filters, Wishes, make
from fmcib_engine.worklist.filters import parse_days
from worklist_support import DOSE, MR, add_seeds, add_series, read_csv

pytest.importorskip("dicomweb_client")

HASTY = Patience(connect=5, silence=5, retries=2, pause=0)
SECRETS = ("ID-1", "ID-2", "Doe", "1.2.3.4.1")


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch, tmp_path):
    for name in ("TOKEN", "USER", "PASSWORD"):
        monkeypatch.delenv(f"FMCIB_DICOMWEB_{name}", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two patients: a CT of 12 and one of 10 slices, an MR, and a dose report beside the first CT."""
    made, folder = [], tmp_path_factory.mktemp("stored")
    for uid, study, elements in (
        ("1.2.3.4.1", "1.2.3.1", {"PatientID": "ID-1", "slices": 12, "ConvolutionKernel": "B30f"}),
        ("1.2.3.4.2", "1.2.3.1", {"PatientID": "ID-1", "slices": 3, "SOPClassUID": DOSE, "Modality": "SR"}),
        ("1.2.3.4.3", "1.2.3.2", {"PatientID": "ID-2", "slices": 10, "StudyDate": "20210304"}),
        ("1.2.3.4.4", "1.2.3.3", {"PatientID": "ID-3", "slices": 11, "Modality": "MR", "SOPClassUID": MR}),
    ):
        paths = add_series(folder / uid, uid, study=study, **elements)
        made += [paths[place] for place in (5, 0, *range(1, 5), *range(6, len(paths))) if place < len(paths)]
    return made


@pytest.fixture
def server(files):
    with serving(files) as started:
        yield started


def asking(server, patience=HASTY):
    address = parse_address(server.url)
    return Server(address, Credentials.found(address), patience=patience)


def listed(server, **wishes):
    with asking(server) as asked:
        return read_server(asked, Wishes(**wishes))


def by_uid(source):
    return {found.uid: found for found in source.series}


def fetched(server, folder, *, patience=HASTY, progress=lambda done, total: None, **wishes):
    wishes = Wishes(**wishes)
    with asking(server, patience) as asked:
        there = read_server(asked, wishes)
        return download(asked, there, make(there.source, wishes), folder, progress=progress)


def contents(folder):
    return sorted(path.read_bytes() for path in Path(folder).glob("series-*/*.dcm"))


def stored(server, *series):
    return sorted(each.content for each in server.stored if each.header.SeriesInstanceUID in series)


def why_not(result, uid="1.2.3.4.1"):
    (entry,) = (entry for entry in result.work.entries if entry.found.uid == uid)
    return (entry.do, entry.why)


CT = ("1.2.3.4.1", "1.2.3.4.3")


def test_a_good_server_is_asked_for_what_is_wanted_and_for_no_more(server, tmp_path):
    counted = []
    result = fetched(server, tmp_path / "scans", progress=lambda done, total: counted.append((done, total)))
    assert (result.came, result.were_here, result.failed, result.images) == (2, 0, 0, 22)
    assert contents(tmp_path / "scans") == stored(server, *CT)
    assert counted == [(done, 22) for done in range(23)]
    assert "1.2.3.3" not in " ".join(server.asked)  # the study of the MR
    assert server.kinds().count("images") == 2
    assert "image" not in server.kinds()
    first = by_uid(listed(server).source)["1.2.3.4.1"]
    assert (first.slices, first.kernel, first.thickness_mm, first.plane, first.has_headers, first.files) == (
        *(12, "B30f", 3.0, "axial", True, ()),
    )


@pytest.mark.parametrize(
    ("behaviour", "asked_for"),
    [
        ({"page": 1}, {"studies": 3}),
        ({"page": 5, "warns": True}, {"studies": 2}),
        ({"knows_limit": False, "knows_offset": False}, {"studies": 2}),
        ({"knows_limit": False}, {"studies": 2}),
        ({"filters": False}, {"studies": 2}),
    ],
    ids=["one by one", "five", "no pages", "no limits", "no filters"],
)
def test_all_results_come_whatever_a_server_makes_of_pages_and_filters(server, tmp_path, behaviour, asked_for):
    for name, value in behaviour.items():
        setattr(server.behaviour, name, value)
    source = listed(server).source
    wanted = {"1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"} | ({"1.2.3.4.4"} if not server.behaviour.filters else set())
    assert by_uid(source).keys() == wanted
    assert {kind: server.kinds().count(kind) for kind in asked_for} == asked_for
    assert fetched(server, tmp_path / "scans").images == 22
    assert contents(tmp_path / "scans") == stored(server, *CT)


def test_a_server_that_has_more_and_does_not_say_how_to_get_it_is_told(server):
    server.behaviour.page, server.behaviour.knows_offset, server.behaviour.warns = 1, False, True
    with pytest.raises(DownloadError, match=r"gives 1 studies and says that there are more, but not how to get them"):
        listed(server)
    server.behaviour.warns, server.behaviour.status = False, {}
    server.stored = [each for each in server.stored if each.keys[0] == "1.2.3.1"]  # its two series are counted
    with pytest.raises(DownloadError, match="gives 1 series of a study and says that there are more"):
        listed(server)


def test_wishes_are_judged_here_where_a_server_ignores_them(server):
    server.behaviour.filters = False
    filters = Filters(patients=("id-2",), first_day="20210101", last_day="20211231")
    with asking(server) as asked:
        wishes = Wishes(filters)
        work = make(read_server(asked, wishes).source, wishes)
    done = {entry.found.uid: entry.why for entry in work.entries if not entry.do}
    assert done["1.2.3.4.1"] == "it is of another patient than wanted"
    assert [entry.found.uid for entry in work.entries if entry.do] == ["1.2.3.4.3"]
    assert "StudyDate=20210101-20211231" in server.asked[0]


@pytest.mark.parametrize(
    ("text", "query"),
    [("2021-01-01..", "20210101-"), ("..2021-01-01", "-20210101"), ("2021-03-04", "20210304-20210304")],
)
def test_days_are_asked_for_as_dicomweb_wants_them(server, text, query):
    first, last = parse_days(text)
    listed(server, filters=Filters(first_day=first, last_day=last))
    assert f"StudyDate={query}" in server.asked[0]


def test_what_lists_leave_out_is_told_by_headers(server, tmp_path):
    server.behaviour.leaves_out = (
        *("Modality", "SeriesDescription", "NumberOfSeriesRelatedInstances", "NumberOfStudyRelatedSeries"),
        *("PatientID", "PatientName", "StudyDate", "InstanceNumber"),
    )
    result = fetched(server, tmp_path / "scans")
    assert contents(tmp_path / "scans") == stored(server, *CT)
    reasons = {entry.found.uid: entry.why for entry in result.work.entries}
    assert reasons["1.2.3.4.2"] == "it is no CT: a dose report"
    (first,) = (entry.found for entry in result.work.entries if entry.found.uid == "1.2.3.4.1")
    assert (first.patient.id, first.study_date, first.description, first.slices) == (
        *("ID-1", "20200102", "SECRET words", 12),
    )


def test_wishes_hold_where_lists_leave_out_whose_and_when_it_is(server):
    server.behaviour.leaves_out = ("PatientID", "StudyDate", "SeriesDescription")
    filters = Filters(patients=("ID-1",), last_day="20201231", descriptions=("SECRET*",))
    work = make(listed(server, filters=filters).source, Wishes(filters))
    assert [entry.found.uid for entry in work.entries if entry.do] == ["1.2.3.4.1"]
    assert "alone, of the patients and days that are wanted" in work.notes[0]


def test_a_server_that_gives_no_series_at_once_gives_its_images(server, tmp_path):
    server.behaviour.status = {"images": 406}
    assert fetched(server, tmp_path / "scans").failed == 0
    assert contents(tmp_path / "scans") == stored(server, *CT)
    assert server.kinds().count("image") == 22


def test_a_server_that_lists_no_images_tells_of_them_all_the_same(server, tmp_path):
    server.behaviour.status = {"instances": 404}
    result = fetched(server, tmp_path / "scans")
    assert (result.came, contents(tmp_path / "scans")) == (2, stored(server, *CT))


def test_of_every_header_the_spacing_is_known(server):
    assert by_uid(listed(server).source)["1.2.3.4.1"].spacing_mm is None
    assert by_uid(listed(server, every_header=True).source)["1.2.3.4.1"].spacing_mm == 2.5


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, r"wants to know who asks\. Set FMCIB_DICOMWEB_USER and FMCIB_DICOMWEB_PASSWORD"),
        (403, r"does not allow this to anybody who does not say who asks"),
        (404, r"does not know or have what it was asked for \(HTTP 404\)\. Check that the address is that of its"),
        (501, r"does not know or have what it was asked for"),
        (413, r"has more results than it gives at once"),
        (500, r"is out of order \(HTTP 500\)"),
    ],
)
def test_a_refusal_is_a_sentence(server, status, said):
    server.behaviour.status = {"studies": status}
    with pytest.raises(DownloadError, match=said):
        listed(server)


def test_an_absent_a_silent_and_another_server_are_told(server):
    server.behaviour.web_page = ("studies",)
    with pytest.raises(DownloadError, match="answered with something else than DICOMweb's lists and images"):
        listed(server)
    server.behaviour.stalls = True
    with (
        pytest.raises(DownloadError, match=r"cannot be reached, or is silent for 0\.2 s"),
        asking(server, Patience(connect=1, silence=0.2, retries=1, pause=0)) as asked,
    ):
        read_server(asked, Wishes())
    address = parse_address("http://127.0.0.1:9/dicom-web")
    with (
        pytest.raises(DownloadError, match="port 9, cannot be reached"),
        Server(address, Credentials.found(address), patience=HASTY) as asked,
    ):
        read_server(asked, Wishes())


def test_headers_that_are_not_given_are_a_line_of_the_list(server):
    server.behaviour.status = {"metadata": 404}
    work = make(listed(server).source, Wishes())
    assert [entry.why.split(".")[0] for entry in work.entries if entry.found.modality == "CT"] == [
        "its headers are not given"
    ] * 2


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("/studies/1.2.3.2/series", "the server does not list the series of this study. 127.0.0.1 is out of order"),
        ("/1.2.3.4.3/instances", "its headers are not given. 127.0.0.1 is out of order"),
    ],
)
def test_what_a_server_cannot_tell_of_one_study_is_a_line_and_stops_no_other(server, tmp_path, broken, said):
    server.behaviour.broken = broken
    result = fetched(server, tmp_path / "scans")
    assert [entry.why.startswith(said) for entry in result.work.entries].count(True) == 1
    assert (result.came, result.failed, contents(tmp_path / "scans")) == (1, 0, stored(server, "1.2.3.4.1"))
    server.behaviour.broken = "/series"
    with pytest.raises(DownloadError, match=r"is out of order \(HTTP 500\)"):
        listed(server)


def test_headers_of_another_series_or_patient_are_told(server):
    for keyword, said in (("SeriesInstanceUID", "tells headers of another series"), ("PatientID", "another patient")):
        server.behaviour.header = lambda header, keyword=keyword: setattr(header, keyword, "9.9")
        for every_header in (False, True):
            work = make(listed(server, every_header=every_header).source, Wishes())
            (why,) = (entry.why for entry in work.entries if entry.found.uid == "1.2.3.4.1")
            assert said in why


def test_half_an_answer_is_completed_image_by_image(server, tmp_path):
    server.behaviour.unfinished = 1
    result = fetched(server, tmp_path / "scans")
    assert (result.came, result.failed, contents(tmp_path / "scans")) == (2, 0, stored(server, *CT))
    assert server.kinds().count("image") == 1


def test_a_server_that_drops_the_line_again_and_again_leaves_no_half_series_and_is_gone_on_with(server, tmp_path):
    server.behaviour.drops_after = 7
    result = fetched(server, tmp_path / "scans")
    assert (result.came, result.failed, contents(tmp_path / "scans")) == (0, 2, [])
    assert why_not(result) == (False, "it could not be fetched: the answer of 127.0.0.1 ended in its middle.")
    server.behaviour.drops_after = None
    server.asked.clear()
    result = fetched(server, tmp_path / "scans")
    assert (result.came, contents(tmp_path / "scans")) == (2, stored(server, *CT))
    assert server.kinds().count("image") == 6  # the last of the seven could have been half
    assert [path.name[:7] for path in sorted((tmp_path / "scans").iterdir())] == [".lock", "series-", "series-"]


def test_a_server_that_is_gone_is_not_asked_for_every_series(files, tmp_path):
    more = [path for n in range(6) for path in add_series(tmp_path / str(n), f"1.7.{n}", study=f"1.8.{n}")]
    with serving([*files, *more]) as server:
        server.behaviour.drops_after = 5
        result = fetched(server, tmp_path / "scans", all_series=True)
        whys = [entry.why for entry in result.work.entries if entry.found.modality == "CT"]
    assert (result.came, result.failed) == (0, 8)
    assert sum("the server did not answer any more" in why for why in whys) == 5


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (lambda server, contents: [*contents[:4], stored(server, "1.2.3.4.3")[0]], "sent an image of another series"),
        (
            lambda server, contents: [*contents, with_uid(contents[0], "1.2.99")],
            "sent an image of it that it did not list",
        ),
        (lambda server, contents: [*contents[:3], with_other_pixels(contents[1])], "two images of it under one UID"),
    ],
    ids=["another series", "not listed", "one UID"],
)
def test_what_a_series_does_not_have_is_not_taken_into_it(server, tmp_path, images, said):
    server.behaviour.images = lambda contents: images(server, contents) if len(contents) == 12 else contents
    result = fetched(server, tmp_path / "scans")
    assert (result.came, result.failed, contents(tmp_path / "scans")) == (1, 1, stored(server, "1.2.3.4.3"))
    do, why = why_not(result)
    assert not do
    assert said in why
    assert not any(secret in why for secret in SECRETS)


def changed(content, change):
    from io import BytesIO

    dataset, written = pydicom.dcmread(BytesIO(content)), BytesIO()
    change(dataset)
    dataset.save_as(written)
    return written.getvalue()


def with_uid(content, uid):
    return changed(content, lambda dataset: setattr(dataset, "SOPInstanceUID", uid))


def with_other_pixels(content):
    return changed(content, lambda dataset: setattr(dataset, "PixelData", bytes(len(dataset.PixelData))))


def test_images_that_come_twice_alike_are_taken_once(server, tmp_path):
    server.behaviour.images = lambda contents: [*contents, *contents[:2]]
    assert fetched(server, tmp_path / "scans").failed == 0
    assert contents(tmp_path / "scans") == stored(server, *CT)


@pytest.mark.parametrize("singly", [True, False], ids=["is right alone", "is cut always"])
def test_an_image_that_ends_before_its_pixels_is_asked_for_again(server, tmp_path, singly):
    server.behaviour.images = lambda contents: [contents[0][:-20], *contents[1:]] if len(contents) == 12 else contents
    if not singly:
        server.behaviour.image = lambda content: content[:-20]
    result = fetched(server, tmp_path / "scans")
    assert contents(tmp_path / "scans") == stored(server, *(CT if singly else CT[1:]))
    assert why_not(result)[0] == singly
    assert singly or "damaged, or ends before its pixels do" in why_not(result)[1]


def test_damaged_series_are_no_sign_that_the_server_has_gone(files, tmp_path):
    more = [path for n in range(5) for path in add_series(tmp_path / str(n), f"1.7.{n}", study=f"1.8.{n}")]
    with serving([*files, *more]) as server:
        server.behaviour.images = lambda contents: [content[:-20] for content in contents if len(contents) == 12]
        server.behaviour.image = lambda content: content[:-20] if b"1.7." in content else content
        result = fetched(server, tmp_path / "scans")
        assert (result.came, result.failed) == (2, 5)
        assert contents(tmp_path / "scans") == stored(server, *CT)


def test_a_server_that_trickles_is_not_waited_for(server, tmp_path):
    server.behaviour.trickles = True
    result = fetched(server, tmp_path / "scans", patience=Patience(connect=5, silence=0.3, retries=1, pause=0))
    assert "sends less than 1 kB/s" in why_not(result)[1]
    assert contents(tmp_path / "scans") == []


def test_an_image_alone_may_come_without_a_message_of_parts_if_it_is_told_how_long_it_is(server, tmp_path):
    server.behaviour.status, server.behaviour.plain = {"images": 406}, True
    assert fetched(server, tmp_path / "scans").failed == 0
    assert contents(tmp_path / "scans") == stored(server, *CT)
    server.behaviour.plain_length = 10**6  # all of it comes, and nothing says so
    result = fetched(server, tmp_path / "others")
    assert "ended in its middle" in why_not(result)[1]
    assert contents(tmp_path / "others") == []


def test_a_page_in_the_place_of_images_is_no_series(server, tmp_path):
    server.behaviour.web_page = ("images", "image")
    result = fetched(server, tmp_path / "scans")
    assert "answered with something else than DICOMweb's lists and images" in why_not(result)[1]
    assert contents(tmp_path / "scans") == []


def test_fewer_images_than_the_server_counts_are_no_series(server, tmp_path):
    for wrong, said in ((1, "counts 13 images of it and lists 12"), (-1, "counts 11 images of it and lists 12")):
        server.behaviour.counts = wrong
        result = fetched(server, tmp_path / "scans", suitable=make_suitable(9))
        assert f"{said}. It may be receiving them now" in why_not(result)[1]
    assert contents(tmp_path / "scans") == []


def test_a_series_that_has_grown_on_the_server_replaces_the_one_that_is_here(server, tmp_path):
    grown = [each for each in server.stored if each.keys[1] == "1.2.3.4.3"][-1]
    server.stored.remove(grown)
    fetched(server, tmp_path / "scans", suitable=make_suitable(9))
    assert len(contents(tmp_path / "scans")) == 21
    server.stored.append(Stored(grown.header, grown.content))
    result = fetched(server, tmp_path / "scans", suitable=make_suitable(9))
    assert (result.came, result.were_here) == (1, 1)
    assert contents(tmp_path / "scans") == stored(server, *CT)
    assert len(list((tmp_path / "scans").iterdir())) == 3


def make_suitable(fewest):
    from fmcib_engine.worklist.suitable import Suitable

    return Suitable(fewest_slices=fewest)


def test_a_full_disk_ends_it_with_a_sentence_and_keeps_what_is_whole(server, tmp_path, monkeypatch):
    write_bytes, written = Path.write_bytes, []

    def fills(path, content):
        written.append(path)
        if len(written) == 15:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", fills)
    with pytest.raises(OutputError, match=r"'scans' cannot be written to \(No space left on device\)"):
        fetched(server, tmp_path / "scans")
    assert contents(tmp_path / "scans") == stored(server, "1.2.3.4.1")
    assert fetched(server, tmp_path / "scans").failed == 0
    assert contents(tmp_path / "scans") == stored(server, *CT)


def test_nothing_but_the_named_server_is_contacted(server, files, monkeypatch):
    monkeypatch.setenv("FMCIB_DICOMWEB_TOKEN", "abc")
    with serving(files) as other:
        server.behaviour.redirect = f"http://127.0.0.1:{other.port}"
        with pytest.raises(DownloadError, match="redirects to another server or port, which is not followed"):
            listed(server)
        assert other.asked == []
    server.behaviour.redirect = f"http://127.0.0.1:{server.port}"
    assert len(listed(server).source.series) == 3
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.behaviour.redirect = ""
    assert len(listed(server).source.series) == 3
    assert {*server.signed} == {"Bearer abc"}


def test_a_token_and_a_user_are_sent_as_they_are_set_and_shown_nowhere(server, tmp_path, monkeypatch, capsys, caplog):
    word = "Sesame.open-1"
    monkeypatch.setenv("FMCIB_DICOMWEB_TOKEN", word)
    server.behaviour.token = word
    arguments = ["worklist", server.url, "--output", str(tmp_path / "list.csv"), "--overwrite", "--patient", "ID-1"]
    assert run(["--debug", *arguments, "--download", str(tmp_path / "scans")]) == 0
    server.behaviour.token = word[:-1]
    assert run(["--debug", *arguments]) == 4
    shown = "".join(capsys.readouterr()) + caplog.text + (tmp_path / "list.csv").read_text(encoding="utf-8")
    assert "does not accept the token in FMCIB_DICOMWEB_TOKEN" in " ".join(shown.split())
    for secret in ("Sesame", *SECRETS):
        assert secret not in shown
    assert "Sesame" not in repr(Credentials.found(parse_address(server.url)))
    monkeypatch.delenv("FMCIB_DICOMWEB_TOKEN")
    monkeypatch.setenv("FMCIB_DICOMWEB_USER", "jörg")
    monkeypatch.setenv("FMCIB_DICOMWEB_PASSWORD", "pä:ss")
    server.behaviour.token = ""
    listed(server)
    assert server.signed[-1] == "Basic asO2cmc6cMOkOnNz"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"USER": "a"}, "belong together, and one of them is not set"),
        ({"PASSWORD": "a"}, "belong together"),
        ({"USER": "a", "PASSWORD": "b", "TOKEN": "c"}, "are both set"),
        ({"TOKEN": "a\nX-Other: b"}, "a blank, a line's end or a letter that no token has"),
    ],
)
def test_credentials_that_cannot_be_meant_are_refused(variables, said):
    environment = {f"FMCIB_DICOMWEB_{name}": value for name, value in variables.items()}
    with pytest.raises(SourceError, match=said):
        Credentials.found(parse_address("https://a.example/dicom-web"), environment)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://pacs.example/dicom-web", r"can be read and changed by everybody on the way.*\(--insecure-http\)"),
        ("http://10.0.0.1/dicom-web", "https is wanted"),
        ("http://localhost.example/", "https is wanted"),
        ("https://user:word@pacs.example/", "A user or password in an address is seen by everybody"),
        ("ftp://pacs.example/", "got ftp and pacs.example"),
        ("https:///dicom-web", "no host"),
        ("https://pacs.example/dicom-web?token=1", "with nothing behind its path"),
        ("https://pacs.example\\@other/", "is wanted"),
        ("https://pacs.example:port/", "cannot be understood"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(text, said):
    with pytest.raises(SourceError, match=said) as refused:
        parse_address(text)
    assert "word" not in str(refused.value).replace("password", "").replace("PASSWORD", "")


def test_an_address_is_told_from_a_path():
    assert is_address("https://pacs.example/dicom-web")
    assert is_address("ftp://pacs.example")  # which is then refused
    for path in ("C://scans", "C:\\scans", "/scans", "scans", "a:b//c"):
        assert not is_address(path)


def test_http_is_for_this_computer_or_a_way_that_is_trusted():
    for here in ("http://localhost:8042/dicom-web/", "http://127.0.0.1/a", "http://[::1]:80/a"):
        assert parse_address(here).scheme == "http"
    trusted = parse_address("http://pacs.example:8042/dicom-web/", may_be_open=True)
    assert (trusted.url, trusted.host, trusted.port) == ("http://pacs.example:8042/dicom-web", "pacs.example", 8042)
    assert trusted.is_same("http://pacs.example:8042/studies")
    for other in (
        "https://pacs.example:8042/",
        "http://pacs.example/",
        "http://other:8042/",
        "http://[",
        "http://u@pacs.example:8042/",
    ):
        assert not trusted.is_same(other)


def test_options_that_belong_together_are_asked_for(server, tmp_path, capsys):
    seeds = add_seeds(tmp_path / "seeds.csv", ["a,1.2.3.4.1,-118.0,44.0,-600.0"])
    output = ["--output", str(tmp_path / "list.csv")]
    for arguments, said in (
        ([server.url, "--with-seeds"], "give the folder for it with --download"),
        ([server.url, "--seeds", str(seeds), "--identifiers", "--lesions", "l.csv"], "fetch them with --download"),
        (
            [server.url, "--own-seeds", "--download", "scans"],
            "then give FOLDER in place of the address with --own-seeds",
        ),
        ([str(tmp_path), "--download", "scans"], "are for the address of a server"),
    ):
        assert run(["worklist", *arguments, *output]) == 2
        assert said in " ".join(capsys.readouterr().err.split())
    assert server.asked == []


def test_the_command_says_what_came_and_what_did_not(server, tmp_path, capsys):
    server.behaviour.images = lambda contents: [*contents[:-1], stored(server, "1.2.3.4.3")[0]]
    arguments = ["worklist", server.url, "--output", str(tmp_path / "list.csv"), "--download", str(tmp_path / "scans")]
    assert run(arguments) == 3
    shown = capsys.readouterr()
    assert "scans: 1 series are whole: 1 came now" in " ".join(shown.out.split())
    assert "1 series could not be fetched, and nothing of them is taken for whole" in " ".join(shown.err.split())
    rows = {row["slices"]: row for row in read_csv(tmp_path / "list.csv")}
    assert (rows["12"]["do"], rows["12"]["image_path"]) == ("no", "")
    assert re.fullmatch(r"scans/series-[0-9a-f]{20}", rows["10"]["image_path"])
    assert (rows["10"]["do"], rows["10"]["files"]) == ("yes", "10")


def test_without_the_library_it_is_told_which_extra_has_it(server, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    with pytest.raises(DependencyError, match=r"needs the package dicomweb_client\. Install .* \[dicomweb\]"):
        asking(server)


def test_libraries_are_silent_only_while_a_server_is_asked(server):
    import logging

    loggers = [logging.getLogger(name) for name in ("dicomweb_client", "urllib3")]
    before = [logger.level for logger in loggers]
    listed(server)
    assert [logger.level for logger in loggers] == before
