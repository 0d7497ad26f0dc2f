"""The check of what the extensions catalogue wants, and the one place where the repository's address is changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from Catalogue import check, rules
from Catalogue.address import NAMED_IN, OWNER_TO_BE_NAMED, Address, addresses_in, published_address, with_address
from Catalogue.cmake import CONTRIBUTOR_TO_BE_NAMED
from Catalogue.extension import Extension, git
from Catalogue.publish import main as publish_main
from Catalogue.publish import publish
from PIL import Image
from support import ROOT

ENTRY, CMAKE, DOOR, TUTORIAL = (
    "Resources/FMCIB.json",
    "CMakeLists.txt",
    "FMCIBModule/FMCIBModule.py",
    "Resources/Docs/tutorial.md",
)
ICON, SCREENSHOT = "Resources/Icons/FMCIB.png", "Resources/Screenshots/one-lesion.png"
PEOPLE = "Ada Lovelace (Analytical Engines), Grace Hopper (Navy, Research)"


@pytest.fixture(scope="session")
def files() -> list[str]:
    """What the catalogue looks at; of the module's many files those that install PyTorch."""
    extension = Extension(ROOT)
    elsewhere = ("Testing/", "FMCIBExtension/")
    return [
        path
        for path in extension.files
        if not path.startswith(elsewhere) and ("Lib/" not in path or "PyTorchUtils" in extension.text(path))
    ]


@pytest.fixture
def copy(files, tmp_path) -> Path:
    """This repository's files, with the placeholders that they had before it was published."""
    for path in files:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    for path in NAMED_IN:
        text = with_address((ROOT / path).read_text(encoding="utf-8"), Extension(ROOT).address, PLACEHOLDER)
        (tmp_path / path).write_text(text, encoding="utf-8")
    cmake("CONTRIBUTORS", CONTRIBUTOR_TO_BE_NAMED)(tmp_path)
    edit(DOOR, r"contributors = \[.*?\]", f'contributors = ["{CONTRIBUTOR_TO_BE_NAMED}"]')(tmp_path)
    return tmp_path


def edit(path: str, pattern: str, replacement: str) -> Callable[[Path], None]:
    """A mistake: text instead of what a pattern finds, everywhere in a file. It must find something."""

    def make(root: Path) -> None:
        text, times = re.subn(
            pattern, lambda _: replacement, (root / path).read_text(encoding="utf-8"), flags=re.DOTALL
        )
        assert times
        (root / path).write_text(text, encoding="utf-8")

    return make


def field(name: str, value: object) -> Callable[[Path], None]:
    """A mistake in one field of the entry, which stays well written."""

    def make(root: Path) -> None:
        entry = json.loads((root / ENTRY).read_text(encoding="utf-8"))
        entry[name] = value
        if value is None:
            del entry[name]
        (root / ENTRY).write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")

    return make


def cmake(name: str, value: str) -> Callable[[Path], None]:
    """A mistake in one text of CMakeLists.txt."""
    return edit(CMAKE, rf'set\(EXTENSION_{name} "[^"]*"\)', f'set(EXTENSION_{name} "{value}")')


def picture(path: str, size: tuple[int, int], kind: str = "PNG") -> Callable[[Path], None]:
    return lambda root: Image.new("RGB", size).save(root / path, kind)


def append(path: str, text: str) -> Callable[[Path], None]:
    return lambda root: (root / path).write_text((root / path).read_text(encoding="utf-8") + text, encoding="utf-8")


def remove(path: str) -> Callable[[Path], None]:
    return lambda root: (root / path).unlink()


def raw(path: str, content: bytes) -> Callable[[Path], None]:
    return lambda root: (root / path).write_bytes(content)


def fat(root: Path) -> None:
    with (root / "Resources" / "scan.nrrd").open("wb") as file:
        file.truncate(rules.REPOSITORY_BYTES)


def heavy_screenshot(root: Path) -> None:
    Image.frombytes("RGB", (1000, 1000), os.urandom(3_000_000)).save(root / SCREENSHOT)


PLACEHOLDER = Address(OWNER_TO_BE_NAMED, "SlicerFMCIB")
RAW = f"{PLACEHOLDER.raw}/main"

MISTAKES = {
    "the entry is gone": (remove(ENTRY), "wanted an object of JSON in UTF-8; came no file"),
    "the entry is no JSON": (raw(ENTRY, b"{"), "wanted an object of JSON in UTF-8; came Expecting"),
    "the entry is a list": (raw(ENTRY, b"[]\n"), "wanted an object of JSON; came list"),
    "the entry was saved on Windows": (edit(ENTRY, "\n", "\r\n"), "lines that end with LF"),
    "the entry is laid out otherwise": (edit(ENTRY, r"\[\s+(\S+)\s+\]", '["PyTorch"]'), "came another layout"),
    "no category": (field("category", None), "wanted the field category; came none"),
    "no schema": (field("$schema", None), "wanted the field $schema; came none"),
    "no address": (field("scm_url", None), "wanted the field scm_url; came none"),
    "a field of nobody": (field("keywords", ["CT"]), "came the field keywords. Leave it out"),
    "an old schema": (field("$schema", rules.SCHEMA.replace("1.0.2", "1.0.1")), "Name the newest version"),
    "a category of nobody": (
        field("category", "Radiomics"),
        "wanted a category that the catalogue has; came 'Radiomics'",
    ),
    "subversion": (field("scm_type", "svn"), "wanted a known scm_type; came 'svn'"),
    "a tier as text": (field("tier", "1"), "wanted a whole number in tier; came '1'"),
    "a tier as truth": (field("tier", True), "wanted a whole number in tier; came True"),
    "a tier kept for later": (field("tier", 2), "came 2. A new extension is of tier 1."),
    "enabled as a number": (field("enabled", 1), "wanted true or false in enabled; came 1"),
    "dependencies as a text": (field("build_dependencies", "PyTorch"), "wanted a list in build_dependencies"),
    "a dependency without a name": (field("build_dependencies", ["PyTorch", 1]), "names of extensions"),
    "dependencies that CMake does not have": (
        field("build_dependencies", []),
        "wanted the same extensions needed; came []",
    ),
    "an empty branch": (field("scm_revision", " "), "wanted a branch or tag in scm_revision"),
    "a rule that is no expression": (field("dicom_support_rule", "Modality =="), "which is no expression"),
    "a rule on another attribute": (
        field("dicom_support_rule", "BodyPart == 'CHEST'"),
        "compares Modality and SOPClassUID",
    ),
    "a rule that calls": (field("dicom_support_rule", "Modality.lower() == 'ct'"), "compares Modality and SOPClassUID"),
    "an address without scheme": (field("scm_url", "github.com/a/SlicerFMCIB"), "wanted an scm_url like https"),
    "an address by ssh": (field("scm_url", "ssh://github.com/a/SlicerFMCIB"), "by https or git"),
    "a repository without Slicer": (
        edit(ENTRY, "/SlicerFMCIB", "/FMCIB"),
        "wanted a repository called one of SlicerFMCIB",
    ),
    "another repository than CMake's": (edit(ENTRY, OWNER_TO_BE_NAMED, "a"), "EXTENSION_ICONURL that begins with"),
    "two categories": (cmake("CATEGORY", "Analysis"), "wanted one category; came 'Quantification' and 'Analysis'"),
    "no project": (edit(CMAKE, r"project\(FMCIB\)", ""), "wanted project(NAME); came none"),
    "another project": (edit(CMAKE, r"project\(FMCIB\)", "project(Fmcib)"), "wanted project(FMCIB), as its entry"),
    "a project called Slicer": (
        edit(CMAKE, r"project\(FMCIB\)", "project(SlicerFMCIB)"),
        "came SlicerFMCIB. Call it FMCIB; the repository alone",
    ),
    **{
        f"no {name}": (
            edit(CMAKE, rf'set\(EXTENSION_{name} "[^"]*"\)', ""),
            f'wanted set(EXTENSION_{name} "…"); came none',
        )
        for name in rules.EXTENSION_TEXTS
    },
    "an icon in a variable": (cmake("ICONURL", "${RAW}/Resources/Icons/FMCIB.png"), "without variables of CMake"),
    "screenshots on two lines": (
        edit(CMAKE, r"main\.? *\S+/five", "main\n https://five"),
        "without semicolons and line ends",
    ),
    "screenshots in a list": (
        edit(CMAKE, 'SCREENSHOTURLS "', 'SCREENSHOTURLS\n  "'),
        None,
    ),
    "a text without quotes": (edit(CMAKE, '"PyTorch"', "PyTorch"), "in one pair of quotes; came another form"),
    "a homepage twice": (append(CMAKE, 'set(EXTENSION_HOMEPAGE "https://a.b")\n'), "once; came 2 times"),
    "a description with a semicolon": (edit(CMAKE, r"in CT: a", "in CT; a"), "without semicolons"),
    "no notice for researchers": (
        edit(CMAKE, "For research use only. ", ""),
        "a description that says 'research use only'",
    ),
    "no notice of commerce": (edit(CMAKE, ": non-commercial use only", ""), "a description that says 'non-commercial'"),
    "contributors without an organization": (
        cmake("CONTRIBUTORS", "Ada Lovelace"),
        "wanted contributors as First Last",
    ),
    "contributors as a team": (
        cmake("CONTRIBUTORS", "FMCIB team (Harvard), others"),
        "wanted contributors as First Last",
    ),
    "others in the help": (cmake("CONTRIBUTORS", PEOPLE), "wanted the contributors of CMakeLists.txt"),
    "keywords with commas": (cmake("KEYWORDS", "CT, lesion"), "wanted plain words in EXTENSION_KEYWORDS; came CT,"),
    "a keyword twice": (cmake("KEYWORDS", "CT lesion CT"), "wanted plain words in EXTENSION_KEYWORDS"),
    "an extension both needed and recommended": (
        append(CMAKE, 'set(EXTENSION_RECOMMENDS "PyTorch")\n'),
        "either needed or recommended; came PyTorch in both",
    ),
    "Slicer's licence in the package": (edit(CMAKE, r"set\(EXTENSION_LICENSE_FILE[^)]*\)", ""), "Slicer's own"),
    "Slicer's README in the package": (edit(CMAKE, r"set\(EXTENSION_README_FILE[^)]*\)", ""), "Slicer's own"),
    "a homepage elsewhere": (cmake("HOMEPAGE", "https://example.org"), "wanted EXTENSION_HOMEPAGE that begins with"),
    "a homepage that only begins alike": (
        edit(CMAKE, r'SlicerFMCIB"\)\nset\(EXTENSION_CAT', 'SlicerFMCIBs")\nset(EXTENSION_CAT'),
        "wanted EXTENSION_HOMEPAGE that begins with",
    ),
    "an icon's page instead of its file": (
        edit(CMAKE, r"main/Resources/Icons/FMCIB.png", "main/Resources/Icons/FMCIB.png?raw=true"),
        "Use the address of the file itself",
    ),
    "an icon of another branch": (
        edit(CMAKE, "main/Resources/Icons", "dev/Resources/Icons"),
        "the entry's scm_revision",
    ),
    "an icon that is not here": (remove(ICON), "wanted EXTENSION_ICONURL of a file of this repository"),
    "an icon of another size": (picture(ICON, (256, 256)), "wanted an icon of 128 x 128 pixels; came 256 x 256"),
    "an icon in JPEG": (picture(ICON, (128, 128), "JPEG"), "wanted a picture as PNG, named so; came JPEG"),
    "an icon that is damaged": (raw(ICON, b"\x89PNG\r\n\x1a\nno"), f"{ICON}: wanted a picture; came"),
    "a screenshot that is not here": (remove(SCREENSHOT), "EXTENSION_SCREENSHOTURLS of a file of this repository"),
    "a screenshot that is tiny": (picture(SCREENSHOT, (320, 200)), "480 x 320 pixels or more; came 320 x 200"),
    "a screenshot as a bitmap": (picture(SCREENSHOT, (800, 600), "BMP"), "wanted a picture as PNG or JPEG or GIF"),
    "a screenshot that is heavy": (heavy_screenshot, "wanted a picture below 2 MB; came 3.0 MB"),
    "no licence": (remove("LICENSE.txt"), "the root: wanted a licence as LICENSE"),
    "a README without the licence": (edit("README.md", r"\bMIT\b", "this"), "wanted the name of the licence (MIT)"),
    "no README": (remove("README.md"), "wanted the extension's name FMCIB; came none"),
    "a README without pictures": (edit("README.md", r"!\[", "["), "wanted a picture of what the extension does"),
    "a README whose picture is not here": (
        remove("Resources/Screenshots/one-lesion.png"),
        "README.md: wanted the picture",
    ),
    "a README without the module": (
        edit("README.md", "FMCIB lesion biomarkers", "the module"),
        "wanted a section on the module",
    ),
    "a README without whom to cite": (edit("README.md", r"\bdoi\b", "at"), "wanted the publication, with its doi"),
    "a README without the notice": (edit("README.md", "[Nn]on-commercial", "some"), "the notice that the weights"),
    "no tutorial": (remove(TUTORIAL), f"{TUTORIAL}: wanted a tutorial; came no file"),
    "a tutorial without steps": (edit(TUTORIAL, r"\n## \d+\. ", "\n## "), "three steps or more, numbered; came fewer"),
    "a tutorial without pictures": (edit(TUTORIAL, r"!\[", "["), f"{TUTORIAL}: wanted pictures; came none"),
    "a tutorial whose picture is not here": (
        remove("Resources/Screenshots/licence.png"),
        "wanted the picture ../Screenshots",
    ),
    "a tutorial without data": (edit(TUTORIAL, r"FMCIB[\w-]+", "a scan"), "of Sample Data; came none"),
    "a repository that is too large": (fat, "wanted a repository below 100 MB; came 1"),
    "help without a link": (
        edit(DOOR, r'<a href="https://github.com', '<a href="https://example.org'),
        "in the help text",
    ),
    "help without the notice": (edit(DOOR, "non-commercial", "some"), "wanted the notice of non-commercial use"),
    "help that leads nowhere": (edit(DOOR, "tutorial.md", "manual.md"), "wanted a page of main that is here"),
    "an import of what Slicer lacks": (
        append(DOOR, "\nimport pandas\n"),
        "wanted imports of what Slicer has; came pandas",
    ),
    "torch by pip": (
        append(DOOR, '\n\ndef install():\n    slicer.util.pip_install("torch>=2.4")\n'),
        "wanted no installation of PyTorch by pip; came pip_install",
    ),
    "torch by pip_ensure, in a list": (
        append(DOOR, '\n\ndef install():\n    slicer.packaging.pip_ensure(["numpy", "torch"])\n'),
        "wanted no installation of PyTorch by pip; came pip_ensure",
    ),
    "the PyTorch extension is not named": (cmake("DEPENDS", "NA"), "wanted PyTorch among the extensions needed"),
}


@pytest.mark.parametrize(("make", "sentence"), MISTAKES.values(), ids=MISTAKES.keys())
def test_each_mistake_has_its_sentence(copy, make, sentence):
    make(copy)
    found = [str(each) for each in check.findings(Extension(copy)) if not each.is_to_fill_in]
    if sentence is None:  # the catalogue's pattern reads this, too
        assert found == []
    else:
        assert any(sentence in each for each in found), found
    for each in found:
        assert re.search(r": wanted .+; came .+\. .+\.$", each, re.DOTALL), each


@pytest.fixture
def committed(copy) -> Path:
    """The copy as a repository with one commit."""
    git(copy, "init", "--quiet")
    commit(copy)
    return copy


def commit(root: Path) -> None:
    git(root, "add", "--all")
    git(root, "-c", "user.name=A", "-c", "user.email=a@b.invalid", "commit", "--quiet", "--message", "All")


def test_a_picture_that_nobody_has_committed_is_not_published(committed):
    cmake("ICONURL", f"{RAW}/Resources/Icons/new.png")(committed)
    picture("Resources/Icons/new.png", (128, 128))(committed)
    wanted = "EXTENSION_ICONURL of a file of this repository"
    assert wanted in [each.wanted for each in check.findings(Extension(committed))]
    commit(committed)
    assert wanted not in [each.wanted for each in check.findings(Extension(committed))]


def test_history_counts_as_well(committed, monkeypatch):
    scan = committed / "scan.nrrd"
    scan.write_bytes(os.urandom(3_000_000))
    commit(committed)
    scan.unlink()
    commit(committed)
    files = sum((committed / path).stat().st_size for path in Extension(committed).files)
    monkeypatch.setattr(rules, "REPOSITORY_BYTES", 2 * files + 2_000_000)
    assert any("Take large files out, of its history too" in str(each) for each in check.findings(Extension(committed)))
    monkeypatch.setattr(rules, "REPOSITORY_BYTES", 2 * files + 4_000_000)
    assert not any("Take large files out" in str(each) for each in check.findings(Extension(committed)))


def test_this_repository_has_nothing_wrong_and_says_what_only_its_publisher_can_fill_in(capsys):
    assert check.main(ROOT) in (0, 3)
    told = capsys.readouterr().out
    assert "Wrong:" not in told
    assert all(sentence in told for sentence in rules.ONLY_THE_PUBLISHER)


def test_placeholders_are_no_mistakes_and_have_a_word_and_a_code_of_their_own(copy, capsys):
    assert check.main(copy) == 3
    told = capsys.readouterr().out
    assert told.endswith("\nTO BE FILLED IN BEFORE PUBLISHING\n")
    assert "came the placeholder OWNER_TO_BE_NAMED. Run make publish-as OWNER/SlicerFMCIB." in told
    assert "came the placeholder First Last (Organization). Write them into" in told


def test_what_is_filled_in_is_ready(copy, capsys):
    publish(copy, "jane-doe/SlicerFMCIB")
    for path in (CMAKE, DOOR):
        edit(path, r"First Last \(Organization\)", "Ada Lovelace (Analytical Engines)")(copy)
    assert check.main(copy) == 0
    assert capsys.readouterr().out.endswith("\nREADY\n")


def test_several_contributors_are_the_same_in_help_and_catalogue(copy):
    edit(CMAKE, r"First Last \(Organization\)", PEOPLE)(copy)
    edit(
        DOOR, r'"First Last \(Organization\)"', '"Ada Lovelace (Analytical Engines)", "Grace Hopper (Navy, Research)"'
    )(copy)
    assert [each.wanted for each in check.findings(Extension(copy))] == ["the owner of the published repository"]


def test_a_mistake_beside_placeholders_is_what_counts(copy, capsys):
    remove("LICENSE.txt")(copy)
    assert check.main(copy) == 1
    assert capsys.readouterr().out.endswith("\nWRONG\n")


def named(root: Path) -> set[Address]:
    """Every repository that the files name which are changed, but Slicer's own."""
    found = set().union(*(addresses_in((root / path).read_text(encoding="utf-8")) for path in NAMED_IN))
    return {address for address in found if address.owner != "Slicer"}


def test_the_address_is_changed_everywhere_at_once_and_again(copy):
    assert publish(copy, "jane-doe/SlicerFMCIB") == list(NAMED_IN)
    assert named(copy) == {Address("jane-doe", "SlicerFMCIB")}
    before = {path: (copy / path).read_bytes() for path in NAMED_IN}
    assert publish(copy, "jane-doe/SlicerFMCIB") == []
    assert {path: (copy / path).read_bytes() for path in NAMED_IN} == before
    assert publish(copy, "Clinic7/SlicerExtension-FMCIB") == list(NAMED_IN)
    assert named(copy) == {Address("Clinic7", "SlicerExtension-FMCIB")}
    assert [each.wanted for each in check.findings(Extension(copy))] == ["the contributors"]


def test_there_and_back_is_the_same_to_the_byte(copy):
    publish(copy, "jane-doe/SlicerFMCIB")
    before = {path: (copy / path).read_bytes() for path in NAMED_IN}
    publish(copy, "j/Slicer_FMCIB")
    publish(copy, "jane-doe/SlicerFMCIB")
    assert {path: (copy / path).read_bytes() for path in NAMED_IN} == before


def test_no_other_file_names_the_address():
    naming = [
        path
        for path in Extension(ROOT).files
        if Path(path).suffix in {".md", ".txt", ".py", ".toml", ".json", ".ui", ".cmake"}
        and not path.startswith("Testing/")
        and Extension(ROOT).address in addresses_in((ROOT / path).read_text(encoding="utf-8"))
    ]
    assert sorted(naming) == sorted(NAMED_IN)


def test_the_longest_address_leaves_the_code_as_lint_wants_it(copy):
    publish(copy, f"{'o' * 39}/SlicerExtension-FMCIB")
    assert max(len(line) for line in (copy / DOOR).read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "jane",
            "jane/",
            "/SlicerFMCIB",
            "jane/FMCIB",
            "jane/slicerFMCIB",
            "jane/SlicerLungs",
            "jane/SlicerFMCIB.git",
        ),
        *(
            "https://github.com/jane/SlicerFMCIB",
            "jane doe/SlicerFMCIB",
            "jane/SlicerFMCIB/main",
            "jane--doe/SlicerFMCIB",
        ),
        *(
            "-jane/SlicerFMCIB",
            "jane-/SlicerFMCIB",
            f"{'j' * 40}/SlicerFMCIB",
            "jäne/SlicerFMCIB",
            "jane/SlicerFMCIB\n",
        ),
        f"{OWNER_TO_BE_NAMED}/SlicerFMCIB",
    ],
)
def test_a_name_that_cannot_be_is_refused_with_a_sentence_and_changes_nothing(copy, text, capsys):
    before = {path: (copy / path).read_bytes() for path in NAMED_IN}
    assert publish_main(copy, text) == 2
    told = capsys.readouterr().out
    assert re.match(r"Wanted .*; came '.*'\. Give it as OWNER/SlicerFMCIB, as in https", told), told
    assert {path: (copy / path).read_bytes() for path in NAMED_IN} == before


def test_a_file_that_was_left_out_once_stops_the_change(copy, capsys):
    edit(DOOR, OWNER_TO_BE_NAMED, "somebody")(copy)
    before = (copy / CMAKE).read_bytes()
    assert publish_main(copy, "jane/SlicerFMCIB") == 2
    assert f"{DOOR}: wanted the address https://github.com/{OWNER_TO_BE_NAMED}/SlicerFMCIB" in capsys.readouterr().out
    assert (copy / CMAKE).read_bytes() == before


def test_an_owner_with_digits_and_hyphens_is_taken():
    assert published_address("7-a-B/Slicer-FMCIB", "FMCIB") == Address("7-a-B", "Slicer-FMCIB")


def test_a_rule_for_dicom_that_the_index_has_is_taken(copy):
    field("dicom_support_rule", "(Modality == 'SEG') or (Modality == 'SR' and SOPClassUID == '1.2.840')")(copy)
    assert [each for each in check.findings(Extension(copy)) if not each.is_to_fill_in] == []


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    "words", [["jane/SlicerFMCIB"], ["REPOSITORY=jane/SlicerFMCIB"]], ids=["as a word", "as a value"]
)
def test_make_takes_the_name_as_a_word_or_a_value(copy, words):
    shutil.copytree(ROOT / "Testing" / "Catalogue", copy / "Testing" / "Catalogue")
    for path in ("FMCIBExtension/pyproject.toml", "FMCIBExtension/constraints.txt", ".venv/made"):
        (copy / path).parent.mkdir(exist_ok=True)
        (copy / path).touch()
    command = ["make", f"RUN={os.path.relpath(sys.executable, copy)}", "publish-as", *words]
    done = subprocess.run(command, cwd=copy, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "The repository is jane/SlicerFMCIB." in done.stdout
    assert named(copy) == {Address("jane", "SlicerFMCIB")}
