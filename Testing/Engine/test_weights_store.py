"""The catalogue of published files, and the store where fetched and imported ones lie."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from pathlib import Path

import pytest
from fmcib_engine.downloads import Patience, only_one
from fmcib_engine.errors import DependencyError, DownloadError, InputError, OutputError, WeightsError
from fmcib_engine.weights import bring, store
from fmcib_engine.weights.acquire import download
from fmcib_engine.weights.bring import import_file
from fmcib_engine.weights.catalogue import load_catalogue
from fmcib_engine.weights.record import IMPORT, UNVERIFIED, Record, beside
from fmcib_engine.weights.reports import notices
from fmcib_engine.weights.store import (
    installed,
    installed_encoder,
    path_of,
    problem_of,
    require_pinned,
    resolve,
    verify,
)
from repository_server import FILE, served

pytest.importorskip("requests")

CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(10_000))
CHANGED = CONTENT[:-1] + b"!"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HURRIED = Patience(connect=60, silence=60, retries=1, pause=0.001)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    with served(
        {FILE: CONTENT, "task1/test.csv": b"a,b\n", "task2/test.csv": b"c,d\n"}, tmp_path, monkeypatch
    ) as repository:
        yield repository


@pytest.fixture
def fits(monkeypatch):
    """Files of tests are no checkpoints: what is asked of the network is noted, and answered with yes."""
    asked = []
    monkeypatch.setattr(bring, "_check_fits", asked.append)
    return asked


def brought(folder: Path, content: bytes = CONTENT, name: str = "from-stick.torch") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def files_of(folder: Path) -> list[str]:
    """What a user sees there: locks are hidden."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))


def test_the_published_catalogue_says_what_is_known_and_marks_what_is_not():
    catalogue = load_catalogue()
    encoder = catalogue.entry("fmcib")
    assert encoder.size == 738_451_713
    assert [mirror.page for mirror in encoder.mirrors] == [
        "https://zenodo.org/records/10528450",
        "https://huggingface.co/surajpaib/FMCIB/tree/main/models/pretrained/fmcib",
    ]
    assert encoder.unverified == ("huggingface: file",)
    assert [(one.algorithm, len(one.digits)) for one in encoder.reported] == [("sha256", 64), ("md5", 32)]
    assert all(one.by for one in encoder.reported)
    for entry in catalogue.entries.values():
        assert entry.licence.title == "CC BY-NC 4.0"
        assert "10.1038/s42256-024-00807-9" in entry.citation
        assert entry.sha256 == ""  # nobody could compute one when it was written
        assert entry.size or "size" in entry.unverified
        assert all(mirror.base.startswith("https://") for mirror in entry.mirrors)
    assert "pickle" in catalogue.entry("survival-linear").refused


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("schema = 1", "schema = 2", "its schema is not 1"),
        ("schema = 1", "", "it lacks 'schema'"),
        ("schema = 1", "schema = 1\nextra = 1", "it has an unknown extra"),
        ("schema = 1", "schema = [", "is not right"),
        ('licence = "nc"', 'licence = "mit"', "it lacks 'mit'"),
        ('id = "tables"', 'id = "fmcib"', "an ID comes twice"),
        ('id = "tables"', 'id = "../x"', "not an ID"),
        ('title = "tables"', "title = 1", "title is 1 instead of a text"),
        ('title = "tables"', 'titel = "tables"', "titel"),
        ('kind = "zenodo"', 'kind = "figshare"', "'figshare' is not one of zenodo, huggingface, url"),
        ('base = "http', 'base = "ftp', "is not the address of a server"),
        ('name = "127.0.0.1"', 'name = "zenodo.org"', "has no [[host]]"),
        ('kind = "zenodo"', 'kind = "url"', "a url needs file, sha256"),
        ('refused = "it is a pickle"', "", "linear needs either mirrors or a reason"),
        ("size = 320000", "size = -1", "-1 is not a size"),
        ('file = "weights.torch"', 'file = "../.."', "'..__..' cannot be the name of a file here"),
        ('file = "weights.torch"', 'file = "w.record.json"', "cannot be the name of a file here"),
        ("size = 320000", "size = true", "True is not a size"),
        ("size = 320000", 'sha256 = "abc"', "'abc' is not a SHA-256 of 64"),
        ('unverified = ["file"]', 'unverified = "file"', "unverified is 'file' instead of a list of texts"),
        ('unverified = ["size"]', "unverified = [5]", "unverified is [5] instead of a list of texts"),
        ('citation = "To be cited."', "citation = 7", "citation is 7 instead of a text"),
        ('citation = "To be cited."', 'licence = "x"\nhost = 5\nentry = 1\n[x]', "is not right"),
        ("[licence.nc]", 'licence = "x"\n[licences.nc]', "is not right"),
        ('name = "127.0.0.1"', "name = 5", "name is 5 instead of a text"),
        ('purpose = "tests"', 'purpose = "tests"\nunverified = "no"', "instead of true or false"),
        ("size = 320000", '[[entry.reported]]\nchecksum = "sha1:00"\nby = "x"', "'sha1:00' is no sha256:… or md5:…"),
        ("size = 320000", '[[entry.reported]]\nchecksum = "md5:00"\nby = 5', "by is 5 instead of a text"),
        ("size = 320000", '[[entry.reported]]\nchecksum = "md5:00"', "is not right"),
        ("size = 320000", "reported = 5", "is not right"),
        ('base = "http://', 'base = "http://user:word@', "has a user name"),
        ('base = "http://', 'base = "http://[', "is not right"),
    ],
)
def test_a_catalogue_that_is_not_right_is_told(repository, tmp_path, before, after, told):
    path = repository.write_catalogue(tmp_path / "mine.toml")
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    with pytest.raises(InputError, match=r"The catalogue mine.toml is not right") as caught:
        load_catalogue(path)
    assert told in str(caught.value)


def test_a_catalogue_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("FMCIB_CATALOGUE", str(tmp_path / "gone.toml"))
    with pytest.raises(InputError, match=r"gone.toml cannot be read.*FMCIB_CATALOGUE"):
        load_catalogue()


def test_a_download_is_recorded_with_what_was_checked(repository):
    record = download("fmcib", patience=HURRIED)
    assert record.path.read_bytes() == CONTENT
    assert (record.sha256, record.size, record.licence) == (SHA256, len(CONTENT), "CC BY-NC 4.0")
    assert record.checksum.startswith("md5:")
    assert record.source == f"{repository.base}/records/1/files/{FILE}"
    assert record.time.endswith("+00:00")
    assert installed() == [record]
    assert verify() == [(record, "")]
    assert path_of("fmcib") == resolve("fmcib") == record.path
    assert notices("fmcib") == ["weights licensed CC BY-NC 4.0: non-commercial use only"]


def test_what_is_here_and_good_is_not_fetched_again(repository):
    record = download("fmcib", patience=HURRIED)
    asked = len(repository.asked())
    assert download("fmcib", patience=HURRIED) == record
    assert len(repository.asked()) == asked


@pytest.mark.parametrize("damage", ["changed", "shortened", "gone"])
def test_a_file_that_changed_is_loud_and_fetched_again(repository, damage):
    record = download("fmcib", patience=HURRIED)
    if damage == "gone":
        record.path.unlink()
    else:
        record.path.write_bytes(CHANGED if damage == "changed" else CONTENT[:-1])
    assert problem_of(record)
    assert verify(["fmcib"]) == [(record, problem_of(record))]
    if damage == "gone":
        with pytest.raises(WeightsError, match=r"is gone"):
            resolve("fmcib")
    else:
        with pytest.raises(WeightsError, match=r"was changed after it was verified.*weights download fmcib"):
            require_pinned(record.path, hashlib.sha256(record.path.read_bytes()).hexdigest())
    assert problem_of(download("fmcib", patience=HURRIED)) == ""
    require_pinned(record.path, SHA256)


def test_a_file_that_was_changed_where_it_is_published_is_refused_after_the_first_time(repository):
    record = download("fmcib", patience=HURRIED)
    record.path.unlink()
    repository.files[FILE] = CHANGED
    with pytest.raises(DownloadError, match=r"zenodo: .* SHA-256 is another.* huggingface: .* SHA-256 is another"):
        download("fmcib", patience=HURRIED)
    assert not record.path.exists()


def test_the_last_words_of_a_failed_download_say_how_to_do_it_by_hand(repository):
    repository.files = {}
    with pytest.raises(DownloadError) as caught:
        download("fmcib", patience=HURRIED)
    pages = f"{repository.base}/records/1 or {repository.base}/owner/Repo/tree/main/models/encoder"
    assert str(caught.value).endswith(f"with a browser from {pages}, and import it {IMPORT}.")


def test_several_files_of_one_folder_lie_side_by_side(repository):
    names = [download("tables", file=f"task{one}/test.csv", patience=HURRIED).file for one in (1, 2)]
    assert names == ["task1__test.csv", "task2__test.csv"]
    assert download("tables", file="task1/test.csv", patience=HURRIED).path.read_bytes() == b"a,b\n"
    with pytest.raises(DownloadError, match=r"there are weights.torch, task1/test.csv, task2/test.csv. Choose one"):
        download("tables", file="test.csv", patience=HURRIED)
    with pytest.raises(WeightsError, match=r"several files"):
        path_of("tables")


def test_a_mirror_can_be_chosen(repository):
    assert download("fmcib", mirror="huggingface", patience=HURRIED).checksum == f"sha256:{SHA256}"
    with pytest.raises(InputError, match=r"no mirror 'figshare'. Choose one of zenodo, huggingface"):
        download("fmcib", mirror="figshare")


def test_what_is_refused_or_unknown_is_not_fetched(repository):
    with pytest.raises(InputError, match=r"linear .* is not offered: it is a pickle"):
        download("linear")
    with pytest.raises(InputError, match=r"no 'nonsense' in the catalogue. Choose one of fmcib, tables, linear"):
        download("nonsense")
    assert not repository.asked()


def test_a_published_file_from_a_stick_is_known_by_its_size_and_not_more(repository, tmp_path, fits):
    stick = brought(tmp_path)
    record = import_file(stick)
    assert (record.id, record.file, record.checksum) == ("fmcib", FILE, UNVERIFIED)
    assert record.source == "imported from from-stick.torch"
    assert record.path.read_bytes() == CONTENT
    assert [path.name for path in fits] == [f"unfinished-{FILE}"]  # what is used is looked at, not what was given
    assert import_file(stick) == record
    assert not repository.asked()


def test_a_file_from_a_stick_is_verified_where_its_checksum_is_known(repository, tmp_path, fits):
    record = download("fmcib", patience=HURRIED)
    record.path.unlink()
    with pytest.raises(WeightsError, match=r"not the weights.torch known here: its SHA-256 is another"):
        import_file(brought(tmp_path, CHANGED))
    assert not record.path.exists()
    assert import_file(brought(tmp_path)) == record
    assert verify() == [(record, "")]
    assert import_file(brought(tmp_path, CHANGED), overwrite=True).checksum == UNVERIFIED


def test_an_unverified_file_is_fetched_and_verified_when_there_is_a_network(repository, tmp_path, fits):
    assert import_file(brought(tmp_path, CHANGED)).checksum == UNVERIFIED
    record = download("fmcib", patience=HURRIED)
    assert record.checksum.startswith("md5:")
    assert record.path.read_bytes() == CONTENT


def test_a_file_of_unknown_size_needs_its_id(repository, tmp_path, monkeypatch, fits):
    monkeypatch.setenv("FMCIB_CATALOGUE", str(repository.write_catalogue(tmp_path / "c.toml", size="")))
    with pytest.raises(WeightsError, match=r"320000 bytes.*no published file.*--id ID.*--as NAME"):
        import_file(brought(tmp_path))
    assert import_file(brought(tmp_path), entry_id="fmcib").id == "fmcib"
    assert import_file(brought(tmp_path)).id == "fmcib"  # by its pinned SHA-256
    assert import_file(brought(tmp_path, b"a,b\n", "t.csv"), entry_id="tables").file == "t.csv"


def test_a_catalogue_with_a_checksum_verifies_offline(repository, tmp_path, monkeypatch, fits):
    path = repository.write_catalogue(tmp_path / "c.toml", size=f'sha256 = "{SHA256}"')
    monkeypatch.setenv("FMCIB_CATALOGUE", str(path))
    assert import_file(brought(tmp_path)).checksum == f"sha256:{SHA256}"


@pytest.mark.parametrize(
    ("content", "name", "options", "told"),
    [
        (CONTENT, "w.pkl", {}, "w.pkl is a pickle"),
        (CONTENT, "w.torch", {"entry_id": "linear"}, "is not offered"),
        (b"short", "w.torch", {"entry_id": "fmcib"}, "w.torch has 5 bytes, fmcib has 320000"),
        (b"short", "w.torch", {}, "no published file"),
        (CONTENT, "w.torch", {"own_name": "fmcib"}, "no ID of the catalogue"),
        (CONTENT, "w.torch", {"own_name": "demonstration"}, "got 'demonstration'"),
        (CONTENT, "w.torch", {"own_name": "../x"}, "got '../x'"),
        (CONTENT, "w.torch", {"own_name": "mine", "entry_id": "fmcib"}, "goes without an ID (--id)"),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(repository, tmp_path, fits, content, name, options, told):
    with pytest.raises((WeightsError, InputError)) as caught:
        import_file(brought(tmp_path, content, name), **options)
    assert told in str(caught.value)
    assert files_of(tmp_path / "home") == []
    with pytest.raises(WeightsError, match=r"gone.torch is not there"):
        import_file(tmp_path / "gone.torch")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")], ids=["Ctrl-C", "full"])
def test_an_import_that_is_interrupted_leaves_nothing(repository, tmp_path, fits, error):
    def stop(done: int, total: int | None) -> None:
        raise error

    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else OutputError):
        import_file(brought(tmp_path), progress=stop)
    assert files_of(tmp_path / "home") == []


def test_without_torch_a_published_file_is_imported_all_the_same(repository, tmp_path, monkeypatch, caplog):
    from fmcib_engine.weights import checkpoint

    def missing(_: Path) -> None:
        message = "Computing needs torch."
        raise DependencyError(message)

    monkeypatch.setattr(checkpoint, "check_fits", missing)
    assert import_file(brought(tmp_path)).checksum == UNVERIFIED
    assert "from-stick.torch is not checked against the network: Computing needs torch." in caplog.text


def test_a_file_of_the_right_size_that_is_no_checkpoint_is_refused(repository, tmp_path):
    pytest.importorskip("torch")
    with pytest.raises(WeightsError, match=r"from-stick.torch"):
        import_file(brought(tmp_path))
    assert files_of(tmp_path / "home") == []


def test_weights_of_ones_own_are_kept_as_safetensors_with_where_they_came_from(repository, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    safetensors = pytest.importorskip("safetensors")
    from fmcib_engine.weights import checkpoint

    small = checkpoint.Checkpoint({"conv1.weight": torch.arange(3.0)})
    monkeypatch.setattr(checkpoint, "check_fits", lambda _: small)  # the real one has its own tests
    stick = brought(tmp_path)
    record = import_file(stick, own_name="mine")
    assert (record.id, record.file, record.licence) == ("mine", "mine.safetensors", "")
    assert resolve("mine") == record.path
    assert verify(["mine"]) == [(record, "")]
    assert notices("mine") == []
    with safetensors.safe_open(record.path, "pt") as file:
        assert file.metadata() == {"source": f"from-stick.torch sha256:{SHA256}"}
    with pytest.raises(WeightsError, match=r"weights of the name mine already"):
        import_file(stick, own_name="mine")
    assert import_file(stick, own_name="mine", overwrite=True).sha256 == record.sha256


def test_a_path_stays_a_path(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("fmcib").write_text("a file of that name", encoding="utf-8")
    for source in ("w.torch", "./fmcib", "fmcib", "unknown", "/a/b", "demonstration"):
        assert resolve(source) == Path(source)
    record = download("fmcib", patience=HURRIED)
    assert resolve("fmcib") == record.path
    assert resolve("./fmcib") == Path("fmcib")
    require_pinned(Path("fmcib"), "anything")
    assert notices("./fmcib") == []


def test_an_id_that_is_not_installed_says_how_to_get_it(repository):
    for ask in (resolve, path_of, lambda one: verify([one])):
        with pytest.raises(WeightsError, match=r"fmcib is not installed. Fetch it .*weights download fmcib`"):
            ask("fmcib")
    with pytest.raises(WeightsError, match=r"weights list"):
        path_of("../../etc")


def test_without_a_cache_folder_paths_still_work(monkeypatch):
    monkeypatch.delenv("FMCIB_HOME", raising=False)
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert resolve("mine") == Path("mine")
    with pytest.raises(DependencyError, match="needs platformdirs"):
        resolve("fmcib")  # which is no path, but an ID that cannot be looked up
    require_pinned(Path("w.torch"), "anything")


def test_a_record_that_was_tampered_with_is_refused_and_the_others_are_still_listed(repository, tmp_path):
    other = import_file(brought(tmp_path, b"a,b\n", "t.csv"), entry_id="tables")
    record = download("fmcib", patience=HURRIED)
    noted = beside(record.path)
    assert noted.name == "weights.torch.record.json"
    good = json.loads(noted.read_text(encoding="utf-8"))
    changes = [{"extra": 1}, {"id": "../other"}, {"size": "x"}, {"size": True}, {"sha256": None}, {"notice": 5}]
    for bad in ("", "[]", "{}", "[" * 200_000, *(json.dumps(good | change) for change in changes)):
        noted.write_text(bad, encoding="utf-8")
        (_, problem), last = verify()
        assert problem.startswith("The record weights.torch.record.json of fmcib is")
        assert last == (other, "")
        assert installed() == [other]
        for ask in (resolve, path_of):
            with pytest.raises(WeightsError, match=r"Fetch or import the file again"):
                ask("fmcib")
        assert installed_encoder() == "fmcib"  # and not: there is none, fetch it
    noted.unlink()
    with pytest.raises(WeightsError, match=r"without a record"):
        require_pinned(record.path, SHA256)


def test_a_file_without_a_good_record_is_checked_and_not_fetched_again(repository):
    record = download("fmcib", patience=HURRIED)
    for damage in (lambda path: path.unlink(), lambda path: path.write_text("{}", encoding="utf-8")):
        damage(beside(record.path))
        repository.seen.clear()
        assert download("fmcib", patience=HURRIED).sha256 == SHA256
        assert not repository.asked(words="/files/")
        assert problem_of(record) == ""


@pytest.fixture
def full(monkeypatch):
    """A disk that has room for files, but not for records."""

    def raises(_: Record) -> str:
        raise OSError(28, "No space left on device")

    def fill() -> None:
        monkeypatch.setattr(Record, "text", property(raises))

    return fill


def test_a_download_whose_record_cannot_be_written_is_not_repeated(repository, full, monkeypatch):
    full()
    with pytest.raises(OutputError, match=r"record.json cannot be written \(No space left on device\)"):
        download("fmcib", patience=HURRIED)
    assert files_of(store.store_folder()) == [FILE]
    monkeypatch.undo()


def test_an_import_whose_record_cannot_be_written_changes_nothing(repository, tmp_path, fits, full):
    first = import_file(brought(tmp_path))
    full()
    with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\)"):
        import_file(brought(tmp_path, CHANGED), overwrite=True)
    assert files_of(store.store_folder()) == [FILE, f"{FILE}.record.json"]
    assert verify() == [(first, "")]


def test_a_published_file_of_a_records_name_overwrites_none(repository):
    repository.files |= {"config.json": b"{}", "a.csv": b"a,b\n", "a.csv.record.json": b"{}"}
    assert download("tables", file="config.json", patience=HURRIED).file == "config.json"
    record = download("tables", file="a.csv", patience=HURRIED)
    with pytest.raises(DownloadError, match=r"unusable name, 'a.csv.record.json'"):
        download("tables", file="a.csv.record.json", patience=HURRIED)
    assert verify()[0] == (record, "")
    assert len(verify()) == 2


@pytest.mark.parametrize("name", ["a.csv.record.json", "a.part", "a.lock", "unfinished-a.csv", "NUL.csv", "com1"])
def test_a_file_of_a_name_that_is_kept_is_not_imported(repository, tmp_path, name):
    with pytest.raises(WeightsError, match=r"kept for other things"):
        import_file(brought(tmp_path, b"a,b\n", name), entry_id="tables")
    assert files_of(tmp_path / "home") == []


def test_a_folder_and_a_web_page_are_not_imported(repository, tmp_path):
    with pytest.raises(WeightsError, match=r"is a folder"):
        import_file(tmp_path)
    with pytest.raises(WeightsError, match=r"t.csv is a web page, not a table"):
        import_file(brought(tmp_path, b" <html>sign in</html>", "t.csv"), entry_id="tables")
    assert files_of(tmp_path / "home") == []


def test_a_link_in_place_of_a_file_is_held_to_the_pin_and_so_is_a_link_to_the_file(repository, tmp_path):
    record = download("fmcib", patience=HURRIED)
    link = tmp_path / "link.torch"
    link.symlink_to(record.path)
    with pytest.raises(WeightsError, match=r"was changed after"):
        require_pinned(link, "0" * 64)
    record.path.unlink()
    record.path.symlink_to(brought(tmp_path, CHANGED))
    with pytest.raises(WeightsError, match=r"was changed after it was verified"):
        require_pinned(resolve("fmcib"), hashlib.sha256(CHANGED).hexdigest())
    assert notices("fmcib")


def test_the_pin_is_the_entrys_whatever_a_mirror_calls_the_file(repository):
    record = download("fmcib", patience=HURRIED)
    record.path.unlink()
    repository.files = {"renamed.torch": CHANGED}
    with pytest.raises(DownloadError, match=r"SHA-256 is another"):
        download("fmcib", patience=HURRIED)
    repository.files = {"renamed.torch": CONTENT}
    assert download("fmcib", patience=HURRIED).path == record.path


@pytest.fixture
def pinned_by_catalogue(repository, tmp_path, monkeypatch):
    """A catalogue that knows the SHA-256, in capitals."""
    size = f'size = {len(CONTENT)}\nsha256 = "{SHA256.upper()}"'
    path = repository.write_catalogue(tmp_path / "pinned.toml", size=size)
    return lambda: monkeypatch.setenv("FMCIB_CATALOGUE", str(path))


def test_the_catalogues_checksum_binds_imports_and_downloads(repository, tmp_path, fits, pinned_by_catalogue):
    wrong = import_file(brought(tmp_path, CHANGED))
    pinned_by_catalogue()
    with pytest.raises(WeightsError, match=r"its SHA-256 is not the catalogue's"):
        import_file(brought(tmp_path, CHANGED), overwrite=True)
    assert verify() == [(wrong, f"{FILE} is not the published file: its SHA-256 is not the catalogue's.")]
    with pytest.raises(WeightsError, match=r"is not the published file"):
        require_pinned(wrong.path, wrong.sha256)
    assert import_file(brought(tmp_path)).checksum == f"sha256:{SHA256}"  # over another, as only one is right
    repository.files[FILE] = CHANGED
    (store.store_folder() / "fmcib" / FILE).unlink()
    with pytest.raises(DownloadError, match=r"zenodo: .* SHA-256 is another.* huggingface: .* SHA-256 is another"):
        download("fmcib", patience=HURRIED)


def test_two_published_files_of_one_size_are_told_apart_by_their_checksums(repository, tmp_path, monkeypatch):
    path = repository.write_catalogue(tmp_path / "two.toml")
    lines = {"fmcib": SHA256, "tables": hashlib.sha256(CHANGED).hexdigest()}
    text = path.read_text(encoding="utf-8").replace("size = 320000\n", "")
    for name, sha256 in lines.items():
        text = text.replace(f'id = "{name}"', f'id = "{name}"\nsize = 320000\nsha256 = "{sha256}"')
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("FMCIB_CATALOGUE", str(path))
    assert import_file(brought(tmp_path, CHANGED)).id == "tables"
    with pytest.raises(WeightsError, match=r"no published file by its size or SHA-256"):
        import_file(brought(tmp_path, CONTENT[1:] + b"?"))


def test_installed_files_are_used_without_the_catalogue(repository, tmp_path, monkeypatch):
    record = download("fmcib", patience=HURRIED)
    monkeypatch.setenv("FMCIB_CATALOGUE", str(tmp_path / "gone.toml"))
    assert resolve("fmcib") == record.path
    require_pinned(record.path, SHA256)
    assert notices("fmcib") == ["weights licensed CC BY-NC 4.0: non-commercial use only"]
    assert verify() == [(record, "")]


def test_an_import_waits_for_whoever_works_in_the_folder(repository, tmp_path, fits, caplog):
    caplog.set_level("INFO")
    done = []
    with only_one(store.store_folder() / "fmcib"):
        thread = threading.Thread(target=lambda: done.append(import_file(brought(tmp_path))))
        thread.start()
        while "waiting for it" not in caplog.text:
            thread.join(0.01)
        assert not done
    thread.join()
    assert done


def test_a_tilde_in_the_folders_name_is_the_users_home(monkeypatch):
    monkeypatch.setenv("FMCIB_HOME", "~/fm")
    assert store.store_folder() == Path.home() / "fm" / "weights"


def test_a_store_that_cannot_be_written_to_is_told(repository, tmp_path):
    (tmp_path / "home").write_text("a file in its place", encoding="utf-8")
    with pytest.raises(OutputError, match=r"FMCIB_HOME"):
        download("fmcib", patience=HURRIED)
    assert store.store_folder() == tmp_path / "home" / "weights"
