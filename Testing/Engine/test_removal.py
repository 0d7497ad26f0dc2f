"""What lies in the one folder, and its removal: real files, real locks, real processes; what is not ours stays."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fmcib_engine import removal
from fmcib_engine.downloads import only_one
from fmcib_engine.errors import InputError, OutputError
from fmcib_engine.kept import Contents, contents
from fmcib_engine.removal import choose, remove, why_not_here
from fmcib_engine.samples import CT_CHEST, LIDC_0001
from fmcib_engine.weights.in_use import hold, is_in_use
from fmcib_engine.weights.record import Record

pytest.importorskip("filelock")

OWN = Record("mine", "mine.safetensors", 3000, "0" * 64, "unverified", "imported from w.torch", "", "", "")
BROUGHT = Record("site", "s.torch", 2000, "1" * 64, "unverified", "imported from stick.torch", "", "CC BY-NC 4.0", "n")
FETCHED = Record("fmcib", "w.torch", 1000, "2" * 64, "md5:" + "3" * 32, "https://zenodo.org", "", "CC BY-NC 4.0", "n")
IMAGE = "0f9a5b1c-8f3d-4c1e-9a77-2b6d5e4c3f21.dcm"
SAMPLE = f"samples/{LIDC_0001.id}"

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals and links")


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "Größe 肺"))
    return tmp_path / "Größe 肺"


def write(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def install(home: Path, record: Record) -> Path:
    path = write(home / "weights" / record.id / record.file, record.size)
    path.with_name(f"{record.file}.record.json").write_text(record.text, encoding="utf-8")
    (path.parent / ".lock").touch()
    return path


@pytest.fixture
def full(home) -> Path:
    """One thing of each kind, and beside each something that is not ours."""
    for record in (OWN, BROUGHT, FETCHED):
        install(home, record)
    write(home / "weights" / "fmcib" / "w.torch.part", 400)
    write(home / "weights" / "fmcib" / "unfinished-w.torch", 50)
    write(home / "weights" / "fmcib" / "by-hand.torch")
    write(home / "weights" / "mine" / "unfinished-mine.safetensors", 20)
    write(home / "weights" / "broken" / "b.torch", 70)
    write(home / "weights" / "experiment" / "unfinished-model.pt")
    write(home / "weights" / "experiment" / "half.part")
    write(home / "weights" / "broken" / "b.torch.record.json", 5)
    write(home / "weights" / "My Models" / "w.torch.record.json")
    write(home / "weights" / "loose.torch")
    write(home / "samples" / CT_CHEST.file_name, 500)
    write(home / SAMPLE / IMAGE, 60)
    write(home / SAMPLE / f"1{IMAGE[1:]}.part", 40)
    write(home / SAMPLE / "report.txt")
    write(home / SAMPLE / "my segmentation.dcm")
    write(home / "samples" / "patients" / "p.dcm")
    write(home / "thesis.docx")
    write(home / "Documents" / "letter.txt")
    return home


def by_name(found: Contents) -> dict[str, tuple[str, int]]:
    return {each.name: (each.kind, each.size) for each in found.kept}


def everything_in(home: Path) -> set[str]:
    return {path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file() and path.name[0] != "."}


def test_each_thing_is_told_by_its_kind_and_what_is_not_ours_is_only_named(full):
    found = contents()
    sizes = {record.id: record.size + len(record.text.encode()) for record in (OWN, BROUGHT, FETCHED)}
    assert by_name(found) == {
        "weights/mine": ("own", sizes["mine"]),
        "weights/site": ("imported", sizes["site"]),
        "weights/fmcib": ("weights", sizes["fmcib"]),
        "weights/fmcib/w.torch.part": ("unfinished", 400),
        "weights/fmcib/unfinished-w.torch": ("unfinished", 50),
        "weights/mine/unfinished-mine.safetensors": ("unfinished", 20),
        "weights/broken": ("damaged", 75),
        f"samples/{CT_CHEST.file_name}": ("sample", 500),
        SAMPLE: ("sample", 100),
    }
    assert found.strange == (
        "Documents",
        f"{SAMPLE}/my segmentation.dcm",
        f"{SAMPLE}/report.txt",
        "samples/patients/p.dcm",
        "thesis.docx",
        "weights/My Models/w.torch.record.json",
        "weights/experiment/half.part",
        "weights/experiment/unfinished-model.pt",
        "weights/fmcib/by-hand.torch",
        "weights/loose.torch",
    )


def test_removing_all_leaves_what_is_not_ours_and_only_that(full):
    strange = {name for name in contents().strange if name != "Documents"} | {"Documents/letter.txt"}
    found = contents()
    done = list(remove(found.kept))
    assert [each.problem for each in done] == [""] * len(found.kept)
    assert [each.freed for each in done] == [each.size for each in found.kept]
    assert everything_in(full) == strange
    assert contents().kept == ()


def test_one_thing_goes_alone_and_of_weights_the_id_will_do(full):
    before = everything_in(full)
    (kept,) = choose(contents(), ["fmcib", "weights/fmcib"])
    assert [each.kept.name for each in remove([kept])] == ["weights/fmcib"]
    assert before - everything_in(full) == {"weights/fmcib/w.torch", "weights/fmcib/w.torch.record.json"}
    with pytest.raises(InputError, match=r"no 'thesis.docx' to be removed; there are weights/broken, "):
        choose(contents(), ["thesis.docx"])
    with pytest.raises(InputError, match=r"no '../x' to be removed"):
        choose(contents(), ["../x"])


def test_an_empty_or_missing_folder_has_nothing(home):
    assert contents() == Contents(home, (), ())
    home.mkdir()
    assert contents() == Contents(home, (), ())
    with pytest.raises(InputError, match=r"nothing is there"):
        choose(contents(), ["fmcib"])


@needs_posix
def test_links_are_strange_and_what_lies_behind_them_stays(full, tmp_path):
    outside = install(tmp_path / "elsewhere", FETCHED).parent
    (full / "weights" / "linked").symlink_to(outside)
    target = write(tmp_path / "elsewhere" / "big.torch", 10)
    (full / "weights" / "mine" / "mine.safetensors").unlink()
    (full / "weights" / "mine" / "mine.safetensors").symlink_to(target)
    (full / SAMPLE / f"2{IMAGE[1:]}").symlink_to(target)
    found = contents()
    assert {"weights/linked", "weights/mine/mine.safetensors", f"{SAMPLE}/2{IMAGE[1:]}"} <= set(found.strange)
    list(remove(found.kept))
    assert target.exists()
    assert (outside / "w.torch").exists()
    assert (full / "weights" / "linked").is_symlink()
    assert (full / "weights" / "mine" / "mine.safetensors").is_symlink()


@needs_posix
def test_a_folder_of_ours_that_is_a_link_is_not_looked_into(home, tmp_path):
    outside = install(tmp_path / "elsewhere", FETCHED).parents[1]
    home.mkdir()
    (home / "weights").symlink_to(outside)
    assert contents() == Contents(home, (), ("weights",))


@needs_posix
def test_a_link_that_was_put_into_the_place_of_a_folder_meanwhile_is_not_followed(full, tmp_path):
    (kept,) = choose(contents(), ["fmcib"])
    folder = full / "weights" / "fmcib"
    (folder / ".lock").unlink()
    folder.rename(tmp_path / "away")
    folder.symlink_to(tmp_path / "away")
    (removed,) = remove([kept])
    assert "behind a link that was not there before" in removed.problem
    assert (tmp_path / "away" / "w.torch").exists()
    assert not (tmp_path / "away" / ".lock").exists()


@needs_posix
def test_nor_is_one_in_the_place_of_a_samples_folder(full, tmp_path):
    (kept,) = choose(contents(), [SAMPLE])
    (full / SAMPLE).rename(tmp_path / "away")
    (full / SAMPLE).symlink_to(tmp_path / "away")
    (removed,) = remove([kept])
    assert "behind a link that was not there before" in removed.problem
    assert (tmp_path / "away" / IMAGE).exists()


def test_weights_of_which_a_part_was_imported_go_by_their_name_alone(full):
    install(full, replace(BROUGHT, id="fmcib"))
    kinds = by_name(contents())
    assert kinds["weights/fmcib"][0] == "imported"
    assert "weights/fmcib/s.torch" not in kinds


@needs_posix
def test_a_record_that_is_a_link_makes_no_file_ours(full, tmp_path):
    record = full / "weights" / "fmcib" / "w.torch.record.json"
    record.rename(tmp_path / "record.json")
    record.symlink_to(tmp_path / "record.json")
    assert {"weights/fmcib/w.torch", "weights/fmcib/w.torch.record.json"} <= set(contents().strange)


@needs_posix
def test_the_folder_itself_may_be_a_link(full, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(full)
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "link"))
    found = contents()
    assert len(found.kept) == 9
    assert "thesis.docx" in found.strange
    assert not [each.problem for each in remove(found.kept) if each.problem]
    assert not (full / "weights" / "fmcib" / "w.torch").exists()


@pytest.mark.parametrize("which", ["home", "above", "root"])
def test_in_a_home_folder_nothing_is_removed(full, monkeypatch, which):
    monkeypatch.setenv("HOME", str(full if which == "home" else full / "user" / "doe"))
    monkeypatch.setenv("USERPROFILE", os.environ["HOME"])
    if which == "root":
        assert "nothing is removed there" in why_not_here(Path(full.anchor))
        return
    with pytest.raises(OutputError, match=r"is your home folder, or one above it.*nothing is removed there"):
        list(remove(contents().kept))
    assert len(contents().kept) == 9


def test_a_home_folder_is_known_by_another_spelling_too(full, monkeypatch, tmp_path):
    """As on disks that know no capitals, here by two ways to one folder that no path shows."""
    monkeypatch.setattr(Path, "samefile", lambda one, other: one.name.lower() == Path(other).name.lower())
    monkeypatch.setattr(Path, "home", lambda: tmp_path / full.name.lower())
    assert "is your home folder" in why_not_here(full)


def test_a_home_folder_that_is_not_there_hides_nobody_elses(full, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: full / "user" / "gone")
    assert "or one above it" in why_not_here(full)


def test_a_folder_in_the_home_folder_is_ours(full, monkeypatch):
    monkeypatch.setenv("HOME", str(full.parent))
    monkeypatch.setenv("USERPROFILE", str(full.parent))
    assert why_not_here(full) == ""


def test_what_a_download_is_at_stays_with_a_word_and_the_rest_goes(full):
    with only_one(full / "weights" / "fmcib"):
        script = (
            "from fmcib_engine.kept import contents; from fmcib_engine.removal import remove\n"
            "for each in remove(contents().kept): print(each.kept.name, each.freed, each.problem, sep='|')"
        )
        done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    told = {line.split("|")[0]: line.split("|")[2] for line in done.stdout.splitlines()}
    stayed = {name: problem for name, problem in told.items() if problem}
    assert stayed.keys() == {
        "weights/fmcib", "weights/fmcib/w.torch.part", "weights/fmcib/unfinished-w.torch"
    }  # fmt: skip
    for problem in stayed.values():
        assert "Another process is at work in fmcib, such as a download. Wait for it or end it." in problem
    assert {each.name for each in contents().kept} == stayed.keys()


class Owner:
    """Stands for an encoder."""


@needs_posix
def test_weights_that_a_process_computes_with_stay_with_a_word_until_it_has_ended(full):
    path = full / "weights" / "fmcib" / "w.torch"
    script = (
        "import pathlib, sys; from fmcib_engine.weights.in_use import hold\n"
        "class Owner: pass\n"
        "owner = Owner(); hold(pathlib.Path(sys.argv[1]), owner); print('held', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    with process:
        assert process.stdout.readline() == "held\n"
        (kept,) = choose(contents(), ["fmcib"])
        (removed,) = remove([kept])
        assert removed.problem.startswith("weights/fmcib is in use. End other programs that use it")
        assert path.exists()
        process.kill()
    (removed,) = remove([kept])
    assert removed.problem == ""
    assert not path.exists()


@needs_posix
def test_a_file_is_held_for_as_long_as_its_owner_lives_by_several_at_once(full):
    path = full / "weights" / "fmcib" / "w.torch"
    first, second = Owner(), Owner()
    hold(path, first)
    hold(path, second)
    assert is_in_use(path)
    del first
    assert is_in_use(path)
    del second
    assert not is_in_use(path)
    hold(path.with_name("gone"), Owner())  # nothing to hold
    assert not is_in_use(path.with_name("gone"))


def test_a_removal_that_is_refused_halfway_says_what_went_and_what_stayed(full, monkeypatch):
    unlink = Path.unlink

    def refuse(path: Path, **options: bool) -> None:
        if path.name == f"1{IMAGE[1:]}.part":
            raise PermissionError(13, "The process cannot access the file")
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    (removed,) = remove(choose(contents(), [SAMPLE]))
    assert removed.freed == 60
    assert "could not be removed (The process cannot access the file); 0.0 of 0.0 MB of it are gone" in removed.problem
    assert by_name(contents())[SAMPLE] == ("sample", 40)


def test_a_removal_that_breaks_off_leaves_weights_that_are_still_known(full, monkeypatch):
    unlink = Path.unlink

    def break_off(path: Path, **options: bool) -> None:
        if path.name.endswith(".record.json"):
            raise KeyboardInterrupt
        unlink(path, **options)

    monkeypatch.setattr(Path, "unlink", break_off)
    with pytest.raises(KeyboardInterrupt):
        list(remove(choose(contents(), ["fmcib"])))
    monkeypatch.undo()
    monkeypatch.setenv("FMCIB_HOME", str(full))
    assert by_name(contents())["weights/fmcib"] == ("weights", len(FETCHED.text.encode()))
    assert [each.problem for each in remove(choose(contents(), ["fmcib"]))] == [""]


def test_what_is_gone_meanwhile_is_no_problem(full):
    chosen = choose(contents(), ["fmcib", SAMPLE])
    for each in (*remove(chosen), *remove(chosen)):
        assert each.problem == ""


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fmcib_engine", "cache", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=False,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture
def run(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("COLUMNS", "200")
    from fmcib_engine.cli.commands import run as run_command

    return lambda *arguments: run_command(["cache", *arguments])


def test_the_command_lists_kinds_sizes_and_what_is_strange(full, run, capsys):
    assert run("list") == 0
    told = capsys.readouterr().out
    for words in (
        str(full),
        "weights of your own. They cannot be downloaded again: keep the file from which they were imported.",
        "downloaded weights. They can be downloaded again.",
        "sample scan. It can be downloaded again.",
        "`fmcib-engine cache remove NAME`",
        "Not of this program, or not known to be, and never touched: Documents, samples/",
        " and 5 more.",
    ):
        assert words in told
    assert run("list") == 0


def test_the_command_asks_and_removes_nothing_where_nobody_can_answer_or_says_no(full, run, capsys, monkeypatch):
    before = everything_in(full)
    done = command("remove", "fmcib")
    assert done.returncode == 2
    assert "give --yes if they may" in done.stderr
    assert "downloaded weights. They can be downloaded again." in done.stdout
    assert run("remove") == 2
    assert run("remove", "fmcib", "--all") == 2
    assert run("remove", "nonsense", "--yes") == 4
    stdin = io.StringIO("n\n")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("remove", "fmcib") == 4
    assert "Nothing was removed." in capsys.readouterr().err
    assert everything_in(full) == before
    stdin = io.StringIO("y\n")
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("remove", "fmcib") == 0
    assert "removed weights/fmcib, 0.0 MB" in capsys.readouterr().out


def test_all_leaves_what_was_imported_until_it_is_named(full, run, capsys):
    assert run("remove", "--all", "--yes") == 0
    told = capsys.readouterr().out
    assert "What you imported stays unless you name it: weights/broken, weights/mine, weights/site." in told
    assert "MB were freed." in told
    assert {each.name for each in contents().kept} == {"weights/broken", "weights/mine", "weights/site"}
    assert run("remove", "mine", "site", "broken", "--yes") == 0
    assert run("remove", "--all", "--yes") == 0
    assert "There is nothing to be removed." in capsys.readouterr().out


def test_what_stays_is_told_by_the_exit_code(full):
    with only_one(full / "weights" / "fmcib"):
        assert command("remove", "fmcib", "--yes").returncode == 4
        done = command("remove", "fmcib", "mine", "--yes")
    assert done.returncode == 3
    assert "Another process is at work in fmcib" in " ".join(done.stderr.split())
    assert "removed weights/mine" in done.stdout


def test_in_a_home_folder_the_command_says_why_nothing_is_removed(full, monkeypatch):
    monkeypatch.setenv("HOME", str(full))
    monkeypatch.setenv("USERPROFILE", str(full))
    assert "nothing is removed there" in " ".join(command("list").stderr.split())
    done = command("remove", "--all", "--yes")
    assert done.returncode == 4
    assert "nothing is removed there" in " ".join(done.stderr.split())
    assert len(contents().kept) == 9


def test_an_interrupted_command_says_what_went_and_what_stayed(full, run, capsys, monkeypatch):
    remove_one = removal._remove

    def interrupted(kept):
        if kept.name == "weights/site":
            raise KeyboardInterrupt
        return remove_one(kept)

    monkeypatch.setattr(removal, "_remove", interrupted)
    assert run("remove", "mine", "site", "fmcib", "--yes") == 130
    told = capsys.readouterr()
    assert "removed weights/mine" in told.out
    assert "Interrupted. Gone too: nothing. Stayed: weights/site, weights/fmcib." in " ".join(told.err.split())


class StoppedAtTheQuestion(io.StringIO):
    """A terminal at which the user presses Ctrl-C."""

    def isatty(self) -> bool:
        return True

    def readline(self, *_: object) -> str:
        raise KeyboardInterrupt


def test_a_command_that_is_stopped_while_it_asks_has_removed_nothing(full, run, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", StoppedAtTheQuestion())
    assert run("remove", "fmcib") == 130
    assert "Interrupted." in capsys.readouterr().err
    assert (full / "weights" / "fmcib" / "w.torch").exists()
