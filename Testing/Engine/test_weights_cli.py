"""`fmcib-engine weights`: what a user types, sees and gets, in real processes against a real server."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository_server import FILE, Repository, served

pytest.importorskip("requests")
pytest.importorskip("rich")

from fmcib_engine.cli import console  # noqa: E402  after the skips
from fmcib_engine.cli import extract as extract_module  # noqa: E402
from fmcib_engine.cli import weights as weights_module  # noqa: E402
from fmcib_engine.cli.commands import run  # noqa: E402
from fmcib_engine.errors import WeightsError  # noqa: E402
from fmcib_engine.weights.record import Record  # noqa: E402
from fmcib_engine.weights.reports import notices  # noqa: E402

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(20_000))
WEIGHTS = [sys.executable, "-m", "fmcib_engine", "weights"]
DOWNLOAD = [*WEIGHTS, "download", "fmcib", "--accept-license"]
PATIENCE = 240.0
"""Seconds until a wait fails: a guard against hanging, not a measure of speed."""


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    with served({FILE: CONTENT, "t.csv": b"a,b\n"}, tmp_path, monkeypatch) as repository:
        yield repository


@pytest.fixture
def target(repository, tmp_path) -> Path:
    return tmp_path / "home" / "weights" / "fmcib" / FILE


def weights(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*WEIGHTS, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False, stdin=subprocess.DEVNULL
    )


def start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, encoding="utf-8"
    )


def start_slow_download(repository: Repository, target: Path) -> subprocess.Popen[str]:
    """A download that has got half of the file and waits for the rest."""
    repository.faults.append("wait")
    process = start(DOWNLOAD)
    part = target.with_name(f"{FILE}.part")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if part.exists() and part.stat().st_size == len(CONTENT) // 2:
            return process
        time.sleep(0.01)
    process.kill()
    pytest.fail(f"no part appeared: {process.communicate()}")


def test_a_download_shows_the_licence_and_is_then_listed_verified_and_found(repository, target, capsys):
    done = weights("download", "fmcib", "--accept-license")
    assert done.returncode == 0, done.stderr
    assert "Licence CC BY-NC 4.0: Non-commercial use only." in done.stderr
    assert "https://creativecommons.org/licenses/by-nc/4.0/" in done.stderr
    assert f"{target}\nSHA-256 {hashlib.sha256(CONTENT).hexdigest()}, agrees with the repository's md5:" in done.stdout
    assert target.read_bytes() == CONTENT
    for command in (["path", "fmcib"], ["verify"], ["list"]):
        assert run(["weights", *command]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{target}\nfmcib: weights.torch: good, agrees with the repository's md5:")
    place = told.index("an encoder")
    for cell in ("0.6 MB", " yes ", "CC BY-NC 4.0; from zenodo or huggingface; unverified: huggingface: file"):
        assert cell in told[place : place + 400]


def test_a_changed_file_fails_its_verification_with_exit_code_3(repository, target, capsys):
    assert run(["weights", "download", "fmcib", "--accept-license"]) == 0
    target.write_bytes(CONTENT[:-1] + b"!")
    assert run(["weights", "verify", "fmcib"]) == 3
    assert "WRONG: weights.torch was changed: its SHA-256 is not the pinned one" in capsys.readouterr().out


def test_without_agreement_nothing_is_fetched(repository, target):
    done = weights("download", "fmcib")
    assert done.returncode == 2
    assert "give --accept-license if you agree" in done.stderr
    assert "CC BY-NC 4.0" in done.stderr
    assert not repository.asked()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 4), ("\n", 4)])
def test_on_a_terminal_the_user_is_asked(repository, target, monkeypatch, capsys, answer, code):
    stdin = io.StringIO(answer)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run(["weights", "download", "fmcib"]) == code
    assert target.exists() == (code == 0)
    assert "Do you agree?" in capsys.readouterr().err


def test_an_empty_store_lists_all_and_has_nothing(repository, capsys, tmp_path):
    assert run(["weights", "list"]) == 0
    told = capsys.readouterr().out
    for word in ("not offered", "it is a pickle", "Non-commercial use only.", "To be cited.", "unknown", "unverified"):
        assert word in told
    assert run(["weights", "path"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'home' / 'weights'}\n"
    assert run(["weights", "path", "fmcib"]) == 4
    assert "`fmcib-engine weights download fmcib`" in capsys.readouterr().err
    assert run(["weights", "verify"]) == 0
    assert not repository.asked()


def test_every_host_is_listed(repository, capsys, monkeypatch):
    assert run(["weights", "hosts"]) == 0
    assert "127.0.0.1" in capsys.readouterr().out
    monkeypatch.delenv("FMCIB_CATALOGUE")
    assert run(["weights", "hosts"]) == 0
    told, beside = capsys.readouterr()
    assert "a DICOMweb server: the one that you name to `worklist`, and only then" in beside
    rows = [line.split("\t") for line in told.splitlines()]  # for programs, as this is no terminal
    unverified = {host: bool(unverified) for host, _, _, unverified in rows}
    assert unverified == {
        "zenodo.org": False,
        "huggingface.co": False,
        "*.hf.co": True,
        "*.huggingface.co": True,
        "github.com": False,
        "*.githubusercontent.com": True,
        "storage.googleapis.com": False,
    }
    shown = io.StringIO()
    monkeypatch.setattr(weights_module, "out", console.Console(file=shown, force_terminal=True, width=60))
    assert run(["weights", "hosts"]) == 0
    assert "*.githubusercontent.com" in shown.getvalue()  # in one piece


def test_own_and_damaged_weights_are_listed(repository, tmp_path, capsys):
    store = tmp_path / "home" / "weights"
    for name in ("mine", "broken"):
        (store / name).mkdir(parents=True)
        (store / name / f"{name}.safetensors.record.json").write_text("{}", encoding="utf-8")
    own = Record("mine", "mine.safetensors", 2_000_000, "0" * 64, "unverified", "imported from w.torch", "", "", "")
    (store / "mine" / "mine.safetensors.record.json").write_text(own.text, encoding="utf-8")
    assert run(["weights", "list"]) == 0
    told = capsys.readouterr().out
    mine, broken = (next(line for line in told.splitlines() if name in line) for name in ("mine ", "broken "))
    for words in ("your own, imported from w.torch", "2.0 MB", "damaged"):
        assert words in mine
    assert "is damaged" in broken
    assert run(["weights", "verify"]) == 3
    told = " ".join(capsys.readouterr().out.split())
    assert "broken: broken.safetensors: WRONG: The record" in told
    assert "mine: mine.safetensors: WRONG" in told
    assert run(["weights", "path", "mine"]) == 4
    assert "weights import FILE --as mine --overwrite" in " ".join(capsys.readouterr().err.split())


def test_without_a_network_nobody_sees_the_words_of_libraries(repository, tmp_path, monkeypatch):
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{one.getsockname()[1]}"
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "closed.toml", base=base)))
    done = weights("download", "fmcib", "--accept-license")
    assert done.returncode == 4
    for words in ("PatientRetry", "Retrying", "Errno", "Traceback", "Unforeseen"):
        assert words not in done.stderr
    assert "No good answer from 127.0.0.1: it is asked again." in " ".join(done.stderr.split())
    assert "cannot be reached or does not answer" in " ".join(done.stderr.split())


def test_the_first_sentences_of_the_helps_are_not_cut(repository, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["weights", "--help"]) == 0
    assert "..." not in capsys.readouterr().out.partition("Commands:")[2]
    assert run(["--help"]) == 0
    assert "Published weights: list, fetch, import, verify." in capsys.readouterr().out


def test_what_others_say_is_listed_and_asked_for(repository, tmp_path, monkeypatch, capsys):
    report = f'size = {len(CONTENT)}\n[[entry.reported]]\nchecksum = "md5:{"0" * 32}"\nby = "a list"'
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=report)))
    assert run(["weights", "list"]) == 0
    assert f"reported, not verified by us: md5:{'0' * 32} by a list" in capsys.readouterr().out
    assert not repository.asked()
    repository.licences = {"zenodo": {"id": "cc-by-4.0"}}
    assert run(["weights", "list", "--ask"]) == 0
    told = capsys.readouterr().out
    assert "zenodo names the licence cc-by-4.0" in told
    assert "huggingface did not tell its licence: 127.0.0.1 has no such file" in told
    assert run(["weights", "download", "fmcib", "--accept-license"]) == 0
    told = capsys.readouterr()
    assert "Licence as its repository names it: zenodo: cc-by-4.0" in told.out
    for command in ("list", "verify"):
        assert run(["weights", command]) == 0
        told = capsys.readouterr()
        errors = " ".join(told.err.split())
        assert "WARNING: the MD5 of weights.torch is not the one that a list reports" in errors
        assert "names another licence for weights.torch than CC BY-NC 4.0" in errors
        assert command == "verify" or "licence that its repository named: zenodo: cc-by-4.0" in told.out


def test_a_file_is_imported_and_said_to_be_unverified(repository, tmp_path, capsys):
    (tmp_path / "t.csv").write_text("a,b\n", encoding="utf-8")
    assert run(["weights", "import", str(tmp_path / "t.csv"), "--id", "tables"]) == 0
    told = capsys.readouterr().out
    assert "as it was imported, checksum unverified" in told
    assert "Licence CC BY-NC 4.0: weights licensed CC BY-NC 4.0: non-commercial use only" in told
    assert run(["weights", "list"]) == 0
    assert "yes, checksum unverified" in capsys.readouterr().out


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)], ids=["Ctrl-C", "killed"])
def test_an_interrupted_download_is_continued_by_the_same_command(repository, target, how, code):
    process = start_slow_download(repository, target)
    process.send_signal(how)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    if how == signal.SIGINT:
        assert "What came is kept in weights.torch.part; to go on, run the same command." in told
        assert "Traceback" not in told
    assert not target.exists()
    kept = target.with_name(f"{FILE}.part").stat().st_size
    done = subprocess.run(DOWNLOAD, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert repository.ranges == [f"bytes={kept}-"]
    assert target.read_bytes() == CONTENT
    assert sorted(path.name for path in target.parent.glob("w*")) == [FILE, f"{FILE}.record.json"]


def test_two_downloads_at_once_fetch_one_file(repository, target):
    first = start_slow_download(repository, target)
    second = start(DOWNLOAD)
    told = ""
    while "waiting for it" not in told:
        line = second.stderr.readline()
        assert line, told
        told += line
    repository.go_on.set()
    for process in (first, second):
        _, more = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, more
    assert "is here already" in more
    assert len(repository.asked(words="/files/")) == 1
    assert target.read_bytes() == CONTENT


def test_a_proxy_and_its_own_certificate_authority_are_honoured(repository, target, tmp_path, monkeypatch, capsys):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "hospital.pem")
    secure = Repository({FILE: CONTENT})
    secure.start(tls=context)
    monkeypatch.setenv("FMCIB_CATALOGUE", str(secure.write_catalogue(tmp_path / "secure.toml")))
    assert run(["weights", "download", "fmcib", "--accept-license"]) == 4
    assert "set REQUESTS_CA_BUNDLE" in " ".join(capsys.readouterr().err.split())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "hospital.pem"))
    assert weights("download", "fmcib", "--accept-license").returncode == 0
    secure.stop()
    target.unlink()
    names = {"base": "http://zenodo.invalid", "host": "zenodo.invalid"}
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "proxied.toml", **names)))
    monkeypatch.setenv("HTTP_PROXY", repository.base)
    assert weights("download", "fmcib", "--accept-license").returncode == 0
    assert all(one.proxied for one in repository.asked())
    assert target.read_bytes() == CONTENT


def test_all_mirrors_failed_is_one_sentence_for_each_and_what_to_do(repository, capsys):
    repository.always = "404"
    assert run(["weights", "download", "fmcib", "--accept-license"]) == 4
    told = " ".join(capsys.readouterr().err.split())
    for words in (
        "zenodo: 127.0.0.1 has no such file",
        "huggingface: 127.0.0.1 has no such",
        "`fmcib-engine weights import",
    ):
        assert words in told
    assert "Traceback" not in told


def test_listing_and_downloading_load_no_torch(repository):
    script = (
        "import sys; from fmcib_engine.cli.commands import run\n"
        "assert run(['weights', 'list']) == 0\n"
        "assert 'requests' not in sys.modules\n"
        "assert run(['weights', 'download', 'fmcib', '--accept-license']) == 0\n"
        "assert not {'torch', 'monai'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def cannot_load() -> None:
    message = "It is no checkpoint."
    raise WeightsError(message)


def test_the_installed_encoder_is_used_where_no_weights_are_given_and_its_licence_shown(
    repository, target, capsys, monkeypatch
):
    asked = []
    monkeypatch.setattr(extract_module, "load_encoder", lambda source, **_: asked.append(source) or cannot_load())
    extract = ["extract", "--image", "gone.nrrd", "--seed", "1", "2", "3", "--output", str(target.parents[3] / "f.csv")]
    assert run(extract) == 2
    assert "`fmcib-engine weights download fmcib`" in " ".join(capsys.readouterr().err.split())
    assert run(["weights", "download", "fmcib", "--accept-license"]) == 0
    capsys.readouterr()
    assert run(extract) == 4
    told = " ".join(capsys.readouterr().err.split())
    assert "weights licensed CC BY-NC 4.0: non-commercial use only" in told
    assert "It is no checkpoint." in told
    assert asked == ["fmcib"]
    assert "WARNING" not in told


def test_a_file_that_others_report_otherwise_is_told_wherever_it_is_used(repository, tmp_path, monkeypatch, capsys):
    assert weights("download", "fmcib", "--accept-license").returncode == 0
    report = f'[[entry.reported]]\nchecksum = "md5:{"0" * 32}"\nby = "somebody"'
    size = f"size = {len(CONTENT)}\n{report}"
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "reports.toml", size=size)))
    licence, doubt = notices("fmcib")
    assert licence == "weights licensed CC BY-NC 4.0: non-commercial use only"
    assert doubt.startswith(f"WARNING: the MD5 of {FILE} is not the one that somebody reports")
    assert notices(str(tmp_path / "elsewhere.torch")) == []
    extract = ["extract", "--image", "gone.nrrd", "--seed", "1", "2", "3", "--output", str(tmp_path / "f.csv")]
    monkeypatch.setattr(extract_module, "load_encoder", lambda *_, **__: cannot_load())
    assert run(extract) == 4
    assert doubt in " ".join(capsys.readouterr().err.split())


def test_progress_is_told_now_and_then_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.0)
    with console.byte_progress("fmcib") as progress:
        progress(1_000_000, 4_000_000)
        progress(2_000_000, None)
    assert capsys.readouterr().err.splitlines() == ["fmcib: 1 of 4 MB", "fmcib: 2 MB"]


def test_progress_is_a_bar_on_a_terminal(monkeypatch):
    shown = io.StringIO()
    monkeypatch.setattr(console, "err", console.Console(file=shown, force_terminal=True))
    with console.byte_progress("fmcib") as progress:
        progress(1_000_000, 4_000_000)
    assert "fmcib" in shown.getvalue()
