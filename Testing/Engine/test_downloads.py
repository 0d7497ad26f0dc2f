"""Downloads, from a real server on loopback that has every fault we know of."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import sys
import threading
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from fmcib_engine import samples
from fmcib_engine.downloads import Mirror, Patience, Wanted, fetch, host_is_listed, only_one, transfer
from fmcib_engine.downloads import session as session_module
from fmcib_engine.errors import DependencyError, DownloadError, OutputError
from repository_server import FILE, FOLDER, OWNER_AND_NAME, RECORD, Repository

requests = pytest.importorskip("requests")
trustme = pytest.importorskip("trustme")

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(10_000))
OTHER = bytes(reversed(CONTENT))
HURRIED = Patience(connect=60, silence=60, retries=3, pause=0.001, longest_pause=0.01)
"""Pauses are short; the waits are guards against hanging, which nothing here meets."""
PART = f"{FILE}.part"


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def repository():
    repository = Repository({"readme.md": b"text", FILE: CONTENT})
    repository.start()
    yield repository
    repository.stop()


def zenodo(repository: Repository, **options) -> Mirror:
    return Mirror("zenodo", "zenodo", options.pop("base", repository.base), RECORD, file=FILE)


def hugging_face(repository: Repository, file: str = FILE) -> Mirror:
    return Mirror("huggingface", "huggingface", repository.base, OWNER_AND_NAME, FOLDER, file)


def wanted(*mirrors: Mirror, size: int | None = len(CONTENT), hosts: tuple[str, ...] = ("127.0.0.1",), **options):
    return Wanted("the weights", mirrors, hosts, size, **options)


def refused(request: Wanted, folder: Path, patience: Patience = HURRIED) -> str:
    with pytest.raises(DownloadError) as caught:
        fetch(request, folder, patience=patience)
    return str(caught.value)


def holds_only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_a_file_of_zenodo_is_fetched_and_checked_by_md5(repository, tmp_path):
    fetched = fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert fetched.checksum == f"md5:{hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()}"
    assert fetched.url == f"{repository.base}/records/1/files/{FILE}"
    assert holds_only(tmp_path, FILE)
    assert not repository.asked("cdn")


def test_a_file_of_hugging_face_comes_from_its_cdn_and_is_checked_by_sha256(repository, tmp_path):
    fetched = fetch(wanted(hugging_face(repository)), tmp_path, patience=HURRIED)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.checksum == f"sha256:{fetched.sha256}"
    assert "signature" not in fetched.url
    assert len(repository.asked("cdn")) == 1
    assert len(repository.asked("main", "/api/")) == 2  # both pages of the listing


def test_a_small_file_of_hugging_face_is_checked_by_gits_name_of_it(repository, tmp_path):
    repository.small = frozenset([FILE])
    assert fetch(wanted(hugging_face(repository)), tmp_path, patience=HURRIED).checksum.startswith("git:")


@pytest.mark.parametrize(
    ("files", "named", "size", "users", "found"),
    [
        ([FILE, "b.torch"], FILE, None, "", FILE),
        ([FILE, "b.torch"], "", len(CONTENT), "", FILE),
        (["c.csv", "b.ckpt"], "", None, "", "b.ckpt"),
        ([FILE, "b.torch"], "renamed.torch", len(CONTENT), "", FILE),
        (["a/c.csv", "b/c.csv"], "", None, "b/c.csv", "b__c.csv"),
        (["a/c.csv", "b/d.csv"], "", None, "d.csv", "b__d.csv"),
    ],
)
def test_a_file_of_an_uncertain_name_is_found_in_its_folder(files, named, size, users, found, tmp_path):
    repository = Repository({name: OTHER[number:] for number, name in enumerate(files)} | {"x.pkl": b"code"})
    repository.files |= {FILE: CONTENT} if FILE in files else {}
    repository.start()
    request = wanted(hugging_face(repository, named), size=size, file=users)
    assert fetch(request, tmp_path, patience=HURRIED).path.name == found
    repository.stop()


@pytest.mark.parametrize(
    ("files", "users", "told"),
    [
        (["a.torch", "b.torch"], "", "several files; there are a.torch, b.torch. Choose one ("),
        (["a.torch"], "c.torch", "no single file 'c.torch'; there are a.torch."),
        (["task3.pkl"], "task3.pkl", "there are no files."),
        (["..\\evil.torch"], "", "unusable name"),
        ([".hidden.torch"], "", "unusable name"),
        (["con\n.torch"], "", "unusable name"),
        (["a.record.json"], "a.record.json", "unusable name"),
        (["a.PART"], "a.PART", "unusable name"),
        (["a.lock"], "a.lock", "unusable name"),
        (["unfinished-a.csv"], "unfinished-a.csv", "unusable name"),
        (["aux.csv"], "aux.csv", "unusable name"),
    ],
)
def test_what_cannot_be_chosen_safely_is_not_fetched(files, users, told, tmp_path):
    repository = Repository(dict.fromkeys(files, CONTENT))
    repository.start()
    message = refused(wanted(hugging_face(repository, ""), size=None, file=users), tmp_path)
    repository.stop()
    assert told in message
    assert holds_only(tmp_path)


def test_a_part_is_continued_by_a_range(repository, tmp_path):
    (tmp_path / PART).write_bytes(CONTENT[:100_000])
    steps = []
    fetched = fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED, progress=lambda *step: steps.append(step))
    assert repository.ranges == ["bytes=100000-"]
    assert fetched.path.read_bytes() == CONTENT
    assert steps[0] == (100_000, len(CONTENT))
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    assert steps == sorted(steps)


def test_a_complete_part_is_only_checked(repository, tmp_path):
    (tmp_path / PART).write_bytes(CONTENT)
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    assert not repository.asked(words="/files/")


@pytest.mark.parametrize("part", [OTHER[:100_000], OTHER, OTHER + b"more"], ids=["short", "whole", "long"])
def test_a_part_of_something_else_is_fetched_once_more_from_the_start(repository, tmp_path, part):
    (tmp_path / PART).write_bytes(part)
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    assert holds_only(tmp_path, FILE)
    assert len(repository.ranges) == (len(part) < len(CONTENT))  # one that is too long is not asked to go on


@pytest.mark.parametrize("fault", ["no ranges", "wrong place"])
def test_a_server_that_cannot_continue_is_asked_for_the_whole(repository, tmp_path, fault):
    (tmp_path / PART).write_bytes(CONTENT[:100_000])
    repository.faults.append(fault)
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT


def test_a_connection_that_breaks_again_and_again_is_continued_as_long_as_bytes_come(repository, tmp_path):
    repository.faults.extend(["cut", "cut", "500", "429", "503"])
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    starts = [int(one[6:-1]) for one in repository.ranges]
    assert len(starts) == 5
    assert starts == sorted(starts)
    assert starts[0] > 0


def test_a_stalled_connection_is_given_up_and_continued(repository, tmp_path):
    repository.always = "stall"
    impatient = Patience(connect=60, silence=1, retries=30, pause=0.001)  # more, as a slow machine is silent as well
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=impatient).path.read_bytes() == CONTENT
    assert len(repository.ranges) >= 1
    assert not repository.lost_patience  # it was the client that gave up


def test_where_no_more_bytes_come_the_mirror_has_failed_and_the_part_is_kept(repository, tmp_path):
    repository.always = "cut, no ranges"
    message = refused(wanted(zenodo(repository), by_hand="Walk there."), tmp_path)
    assert "zenodo: the connection to 127.0.0.1 broke off" in message
    assert message.endswith("Walk there.")
    assert len(repository.asked(words="/files/")) == 1 + HURRIED.retries + 1
    assert 0 < (tmp_path / PART).stat().st_size < len(CONTENT)


def test_the_next_mirror_continues_what_the_first_began(repository, tmp_path):
    repository.faults.extend(["cut", *["503"] * (HURRIED.retries + 1)])
    fetched = fetch(wanted(zenodo(repository), hugging_face(repository)), tmp_path, patience=HURRIED)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.checksum.startswith("sha256:")
    (last,) = repository.asked("cdn")
    assert last.range


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        (["404"], "has no such file (HTTP 404)"),
        (["403"], "does not give it to us (HTTP 403)"),
        (["418"], "refuses (HTTP 418)"),
        (["500"] * 9, "is out of order: try again later (HTTP 500)"),
        (["429"] * 9, "has too many requests: try again later (HTTP 429)"),
        (["web page"], "27 bytes instead of 320000"),
    ],
)
def test_each_failure_is_told_and_the_part_survives_it(repository, tmp_path, faults, told):
    (tmp_path / PART).write_bytes(CONTENT[:100_000])
    repository.faults.extend(faults)
    assert told in refused(wanted(zenodo(repository)), tmp_path)
    assert (tmp_path / PART).read_bytes() == CONTENT[:100_000]


@pytest.mark.parametrize("faults", [["500"], ["429"], ["502", "503", "504"]])
def test_a_passing_fault_is_waited_for(repository, tmp_path, faults):
    repository.faults.extend(faults)
    repository.listing_faults.extend(faults)
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT


def test_a_wrong_checksum_sends_us_to_the_next_mirror(repository, tmp_path):
    repository.wrong_checksums = {"zenodo"}
    fetched = fetch(wanted(zenodo(repository), hugging_face(repository)), tmp_path, patience=HURRIED)
    assert fetched.checksum.startswith("sha256:")
    repository.wrong_checksums |= {"huggingface"}
    fetched.path.unlink()
    message = refused(wanted(zenodo(repository), hugging_face(repository)), tmp_path)
    assert "zenodo: what came has another checksum (md5)" in message
    assert "huggingface: what came has another checksum (sha256)" in message
    assert holds_only(tmp_path)


def test_a_file_that_is_not_the_known_one_is_refused(repository, tmp_path):
    known = {"pins": {FILE: hashlib.sha256(OTHER).hexdigest()}}
    assert "SHA-256 is another" in refused(wanted(zenodo(repository), **known), tmp_path)
    assert "it is another file" in refused(wanted(zenodo(repository), size=5), tmp_path)
    assert holds_only(tmp_path)


def test_an_endless_body_is_refused(repository, tmp_path):
    repository.always = "too long"
    assert "more than the 320000 bytes" in refused(wanted(zenodo(repository)), tmp_path)


def test_a_web_page_is_no_file_whatever_its_length(repository, tmp_path):
    repository.always = "web page"
    mirror = Mirror("net", "url", f"{repository.base}/{FILE}", file=FILE, sha256="0" * 64)
    assert "a web page came instead of the file" in refused(wanted(mirror, size=None), tmp_path)
    assert holds_only(tmp_path)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("<html>", "something else than JSON"),
        ("{}", "a form that this version does not know (KeyError 'files')"),
        ("[]", "a form that this version does not know"),
        ('{"files": [{"key": "a", "size": "1", "checksum": "md5:0"}]}', "a form that this version does not know"),
        ('{"files": [{"key": "a", "size": 1, "checksum": "crc:0"}]}', "'crc:0', which is of no known kind"),
        ('{"files": [{"filename": "a", "size": 1, "checksum": "0"}]}', "does not know (KeyError 'key')"),
        ('{"files": []}', "there are no files"),
    ],
)
def test_a_listing_of_another_form_is_told(repository, tmp_path, answer, told):
    repository.listing_faults.append(answer)
    assert told in refused(wanted(zenodo(repository)), tmp_path)


def test_an_endless_listing_is_not_read(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(session_module, "_LARGEST_LISTING", 2**20)
    repository.listing_faults.append(" " * (2**20 + 1))
    assert "more than 1 MiB" in refused(wanted(zenodo(repository)), tmp_path)


def address(repository: Repository, path: str = FILE, host: str = "127.0.0.1") -> str:
    return f"{repository.base}/{path}".replace("127.0.0.1", host)


def test_a_redirect_to_a_host_that_is_not_listed_is_refused(repository, tmp_path):
    repository.redirect = address(repository, host="localhost")
    message = refused(wanted(hugging_face(repository)), tmp_path)
    assert "it leads to localhost, which is not among the hosts" in message
    assert not [one for one in repository.asked() if one.path == f"/{FILE}"]
    hosts = ("127.0.0.1", "localhost")
    assert fetch(wanted(hugging_face(repository), hosts=hosts), tmp_path, patience=HURRIED).path.exists()


@pytest.mark.parametrize(
    ("redirect", "told"), [("/loop", "more than 10 times"), ("ftp://127.0.0.1/x", "leads to 127.0.0.1, which")]
)
def test_redirects_that_lead_nowhere_are_refused(repository, tmp_path, redirect, told):
    repository.redirect = redirect
    assert told in refused(wanted(hugging_face(repository)), tmp_path)


def test_hosts_are_compared_by_whole_labels():
    listed = ("zenodo.org", "*.hf.co")
    assert host_is_listed("zenodo.org", listed)
    assert host_is_listed("us.aws.cdn.hf.co", listed)
    for other in ("hf.co", "evilhf.co", "hf.co.evil.org", "www.zenodo.org", "", "zenodo.org.evil.org"):
        assert not host_is_listed(other, listed)


@pytest.fixture
def secure(repository, tmp_path_factory):
    """The same over https, with a certificate of a hospital's own authority; and the authority's file."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = Repository({FILE: CONTENT})
    server.start(tls=context)
    path = tmp_path_factory.mktemp("authority") / "hospital.pem"
    authority.cert_pem.write_to_path(path)
    yield server, path
    server.stop()


def test_a_hospitals_own_certificate_is_accepted_by_its_variable_only(secure, tmp_path, monkeypatch):
    server, authority = secure
    assert "set REQUESTS_CA_BUNDLE to the file" in refused(wanted(zenodo(server)), tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    assert fetch(wanted(zenodo(server)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "gone.pem"))
    assert "the certificate file that REQUESTS_CA_BUNDLE names" in refused(wanted(zenodo(server)), tmp_path)


def test_no_redirect_leads_out_of_https(secure, repository, tmp_path, monkeypatch):
    server, authority = secure
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    server.redirect = address(repository)
    assert "redirects from https to http, which is not followed" in refused(wanted(hugging_face(server)), tmp_path)
    assert not repository.asked()


def test_a_proxy_is_used_where_the_environment_names_one(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", repository.base)
    request = wanted(zenodo(repository, base="http://zenodo.invalid"), hosts=("zenodo.invalid",))
    assert fetch(request, tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    assert all(one.proxied for one in repository.asked())
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    assert "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY" in refused(request, tmp_path)


def closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_host_that_cannot_be_reached_is_told(repository, tmp_path):
    mirror = zenodo(repository, base=f"http://127.0.0.1:{closed_port()}")
    assert "127.0.0.1 cannot be reached or does not answer" in refused(wanted(mirror), tmp_path)


def test_no_credentials_are_sent(repository, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login user password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert requests.utils.get_netrc_auth(repository.base) == ("user", "secret")
    fetch(wanted(hugging_face(repository)), tmp_path, patience=HURRIED)
    assert {one.authorization for one in repository.asked()} == {None}


def test_a_disk_without_room_is_told_before_it_is_full(repository, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match=r"needs 0.3 MB more, 0.1 MB are free. Make room, or .* FMCIB_HOME"):
        fetch(wanted(zenodo(repository), hugging_face(repository)), tmp_path, patience=HURRIED)
    assert not repository.asked("cdn")


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_disk_that_fills_up_keeps_the_part_and_the_download_goes_on(repository, tmp_path):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"weights.torch.part cannot be written .* What came is kept"):
            fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    kept = (tmp_path / PART).stat().st_size
    assert 100_000 < kept <= 200_000
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT
    assert repository.ranges == [f"bytes={kept}-"]


def test_a_file_at_an_address_needs_no_listing_and_no_known_size(repository, tmp_path):
    mirror = Mirror("net", "url", address(repository), file=FILE, sha256=hashlib.sha256(CONTENT).hexdigest())
    (tmp_path / PART).write_bytes(CONTENT)  # complete, which only the server's 416 can tell
    for faults in ([], ["no length"], ["cut", "no length"]):
        repository.faults.extend(faults)
        path = fetch(wanted(mirror, size=None), tmp_path, patience=HURRIED).path
        assert path.read_bytes() == CONTENT
        assert not repository.faults
        asked = len(repository.asked())
        fetch(wanted(mirror, size=None), tmp_path, patience=HURRIED)  # it is here, and right
        assert len(repository.asked()) == asked
        path.unlink()


def test_only_one_works_in_a_folder_and_the_other_waits(tmp_path, caplog):
    caplog.set_level("INFO")
    order = []

    def second() -> None:
        with only_one(tmp_path / "folder"):
            order.append("second")

    with only_one(tmp_path / "folder"):
        thread = threading.Thread(target=second)
        thread.start()
        while "waiting for it" not in caplog.text:
            assert thread.is_alive()
            thread.join(0.01)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match=r"FMCIB_HOME"), only_one(tmp_path / "file" / "folder"):
        pass


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    for package in ("requests", "filelock"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyError, match=r"requests.*\[download\]"):
        fetch(wanted(), tmp_path)
    with pytest.raises(DependencyError, match=r"filelock.*\[download\]"), only_one(tmp_path):
        pass


def test_a_sample_is_fetched_once_and_checked(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path))
    monkeypatch.setitem(samples.HOSTS, "127.0.0.1", "tests")
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    sample = samples.Sample("scan.nrrd", address(repository), sha256, "a scan")
    assert samples.cached(sample) is None
    assert samples.fetch(sample) == samples.cached(sample)
    assert samples.fetch(sample).read_bytes() == CONTENT
    assert len(repository.asked()) == 1
    wrong = samples.Sample("other.nrrd", address(repository), "0" * 64, "a scan")
    with pytest.raises(DownloadError, match=r"a scan could not be fetched.*Check the network, or give your own scan"):
        samples.fetch(wrong)
    assert samples.cached(wrong) is None


def test_another_model_of_the_folder_is_never_taken_for_the_named_one(tmp_path):
    repository = Repository({"supervised.torch": CONTENT})
    repository.start()
    message = refused(wanted(hugging_face(repository, "fine-tuned.torch"), size=None), tmp_path)
    repository.stop()
    assert "no single file 'fine-tuned.torch'; there are supervised.torch. Choose one" in message


@pytest.mark.parametrize(
    "form",
    [
        "http://localhost:{}\\@127.0.0.1/x",
        "http://localhost:{}%5C@127.0.0.1/x",
        "http://127.0.0.1@localhost:{}/x",
        "http:\\\\localhost:{}/x",
        "//localhost:{}/x",
        "http://[",
        "http://127.0.0.1:99999999/x",
        "http://127.0.0.1:x/",
    ],
)
@pytest.mark.parametrize("way", ["redirect", "next_page"])
def test_no_form_of_an_address_leads_to_a_host_that_is_not_listed(repository, tmp_path, form, way):
    other = Repository({FILE: CONTENT})
    other.start()
    setattr(repository, way, form.format(other.base.rpartition(":")[2]))
    repository.page_length = 1
    assert "it leads to " in refused(wanted(hugging_face(repository)), tmp_path)
    repository.redirect = repository.next_page = ""
    other.stop()
    assert not other.asked()
    assert other.connections == 0


def test_after_an_address_that_is_none_the_next_mirror_is_asked(repository, tmp_path):
    repository.redirect = "http://["
    assert fetch(wanted(hugging_face(repository), zenodo(repository)), tmp_path, patience=HURRIED).path.exists()


def test_a_link_in_place_of_the_part_is_not_written_through(repository, tmp_path):
    thesis = tmp_path / "thesis.doc"
    thesis.write_bytes(CONTENT[:1000])
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / PART).symlink_to(thesis)
    assert fetch(wanted(zenodo(repository)), folder, patience=HURRIED).path.read_bytes() == CONTENT
    assert thesis.read_bytes() == CONTENT[:1000]
    assert holds_only(folder, FILE)


def test_a_file_that_is_here_whole_is_checked_and_not_fetched(repository, tmp_path):
    (tmp_path / FILE).write_bytes(CONTENT)
    (tmp_path / PART).write_bytes(b"from before")
    fetched = fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED)
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert not repository.asked(words="/files/")
    assert holds_only(tmp_path, FILE)
    (tmp_path / FILE).write_bytes(OTHER)
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT


def test_a_file_has_the_name_that_is_wanted_whatever_the_mirror_calls_it(tmp_path):
    repository = Repository({"renamed.torch": CONTENT})
    repository.start()
    request = wanted(hugging_face(repository), name=FILE, pins={FILE: "0" * 64})
    assert "SHA-256 is another" in refused(request, tmp_path)
    assert fetch(wanted(hugging_face(repository), name=FILE), tmp_path, patience=HURRIED).path.name == FILE
    repository.stop()


def at_address(repository: Repository) -> Mirror:
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    return Mirror("net", "url", f"{repository.base}/{FILE}", file=FILE, sha256=sha256)


def test_an_endless_body_of_unknown_size_is_cut_off_and_not_kept(repository, tmp_path):
    repository.always = "endless"
    request = wanted(at_address(repository), size=None, largest=1_000_000)
    assert "it sends more than 1.0 MB" in refused(request, tmp_path)
    assert holds_only(tmp_path)
    repository.always = ""
    request = wanted(at_address(repository), size=None, largest=len(CONTENT) - 1)
    assert "it sends more than 0.3 MB" in refused(request, tmp_path)
    assert wanted().largest == 4 * 10**9


@pytest.mark.parametrize("what", ["file", "listing"])
def test_a_trickle_of_bytes_counts_as_a_broken_connection(repository, tmp_path, monkeypatch, what):
    patience = Patience(connect=60, silence=60, retries=1, pause=0.001)
    clock = count(step=10)  # seconds, from each look at it to the next
    monkeypatch.setattr(session_module, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    if what == "file":
        repository.always = "trickle"
    else:
        repository.listing_faults.append("trickle")
    assert "127.0.0.1 sends less than 1 kB/s" in refused(wanted(zenodo(repository)), tmp_path, patience)
    assert len(repository.asked(words="/files/")) == (2 if what == "file" else 0)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Content-Length": "9" * 5000}, ""),
        ({"Content-Range": "bytes " + "1" * 5000 + "-2/3"}, "the server does not continue where it should"),
        ({"Content-Range": "bytes 1-2/" + "9" * 5000}, "the server does not continue where it should"),
        ({"Content-Encoding": "gzip"}, "a proxy on the way compresses it"),
        ({"Content-Encoding": "gzip", "Content-Length": "320118"}, "a proxy on the way compresses it"),
    ],
)
def test_headers_that_are_out_of_their_minds_are_no_surprise(repository, tmp_path, headers, told):
    (tmp_path / PART).write_bytes(CONTENT[:100] if "Content-Range" in headers else b"")
    repository.headers = headers
    repository.always = "no length" if "Content-Length" in headers else ""
    if told and "Content-Range" not in headers:
        assert told in refused(wanted(zenodo(repository)), tmp_path)
    else:  # the part is given up
        assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.read_bytes() == CONTENT


@pytest.mark.parametrize("answer", ["[" * 200_000, '{"files": [{"size": ' + "9" * 5000 + "}]}"])
def test_after_a_listing_that_cannot_be_read_the_next_mirror_is_asked(repository, tmp_path, answer):
    repository.listing_faults.append(answer)
    fetched = fetch(wanted(zenodo(repository), hugging_face(repository)), tmp_path, patience=HURRIED)
    assert fetched.checksum.startswith("sha256:")


def test_files_are_asked_for_as_they_are(repository, tmp_path):
    fetch(wanted(hugging_face(repository)), tmp_path, patience=HURRIED)
    assert {one.encoding for one in repository.asked()} == {"identity"}


@pytest.mark.parametrize(
    ("asked", "waited"), [("soon", []), ("-5", []), ("9" * 5000, []), ("3600", [HURRIED.longest_pause])]
)
def test_a_server_is_waited_for_as_long_as_we_will_and_not_as_it_asks(repository, tmp_path, monkeypatch, asked, waited):
    pauses = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    repository.retry_after = asked
    repository.listing_faults.append("503")
    assert fetch(wanted(zenodo(repository)), tmp_path, patience=HURRIED).path.exists()
    assert pauses == waited
    assert len(repository.asked(words="/api/")) == 2


def test_a_certificate_that_is_not_trusted_is_not_tried_again(secure, tmp_path):
    server, _ = secure
    refused(wanted(zenodo(server)), tmp_path)
    assert server.connections == 1


def test_a_server_that_is_not_there_is_tried_once_more_and_that_is_told_in_our_words(repository, tmp_path, caplog):
    caplog.set_level("INFO", "fmcib_engine")
    refused(wanted(zenodo(repository, base=f"http://127.0.0.1:{closed_port()}")), tmp_path)
    ours = [one.getMessage() for one in caplog.records if one.name.startswith("fmcib_engine")]
    assert ours == ["No good answer from 127.0.0.1: it is asked again."]


def test_pauses_between_continuations_grow_and_begin_anew_when_bytes_came(repository, tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(transfer.time, "sleep", pauses.append)
    patience = Patience(connect=60, silence=60, retries=3, pause=1, longest_pause=3, least_rate=1)
    repository.always = "cut, no ranges"
    refused(wanted(zenodo(repository)), tmp_path, patience)
    assert pauses == [1, 1, 2, 3]  # the first try won bytes
    pauses.clear()
    repository.always = ""
    repository.faults.extend(["cut", "cut"])
    fetch(wanted(zenodo(repository)), tmp_path, patience=patience)
    assert pauses == [1, 1]
