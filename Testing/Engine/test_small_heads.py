"""The heads that ship with the small encoder: made as they say, for the very weights that ship, worth what they say."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.heads import store
from fmcib_engine.heads.file import read_head
from fmcib_engine.heads.folder import SHIPPED
from fmcib_engine.weights.files import file_sha256
from fmcib_engine.weights.shipped import shipped_file
from support import ROOT

pytest.importorskip("torch")
for package in ("monai", "yaml", "sklearn", "lifelines"):
    pytest.importorskip(package)

sys.path.insert(0, str(ROOT / "Testing" / "SmallEncoder"))
import heads as small_heads  # noqa: E402
import measure  # noqa: E402
from fmcib_engine.phantom.lesions import sample_case  # noqa: E402
from fmcib_engine.probing.table import Provenance  # noqa: E402
from fmcib_engine.training.finetune import _OWN_PHANTOMS  # noqa: E402
from fmcib_engine.training.finetune_settings import FinetuneSettings  # noqa: E402
from fmcib_engine.training.pretrain_settings import PretrainSettings  # noqa: E402
from fmcib_engine.training.settings import read_settings  # noqa: E402
from fmcib_engine.training.views import place_seed  # noqa: E402
from fmcib_engine.weights import load_encoder  # noqa: E402

BY_LABEL = {question.label: question for question in small_heads.QUESTIONS}
FRESH = (251, 120)
"""A run that nothing was learned or measured on, whose first lesions have enough of every density."""
CHANCE = 0.5


@pytest.fixture(autouse=True)
def _the_shipped_ones(monkeypatch, tmp_path):
    monkeypatch.delenv("FMCIB_SMALL_WEIGHTS", raising=False)
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))


def imagined(run: int, count: int, label: str, strength: float = 3.0) -> small_heads.Encoded:
    """Lesions that nobody drew, with features of which each class moves one."""
    cases = [sample_case(number, run) for number in range(count)]
    names = sorted({str(getattr(case, label)) for case in (sample_case(number, 1) for number in range(500))})
    features = np.random.default_rng(run).normal(size=(count, 128))
    for row, case in zip(features, cases, strict=True):
        row[names.index(str(getattr(case, label)))] += strength
    return small_heads.Encoded(cases, features, Provenance("small", "ab" * 32, "fmcib-csv-v1", COMPUTER_MADE))


@pytest.mark.parametrize("label", list(BY_LABEL))
def test_a_head_says_what_it_is_of_and_what_it_is_worth_on_other_lesions(label, tmp_path):
    learned, held = imagined(201, 900, label), imagined(202, 600, label)
    head = small_heads.made(BY_LABEL[label], learned, held, bootstraps=50)
    assert (head.id, head.caution, head.licence) == (f"phantom-{label}", COMPUTER_MADE, "MIT")
    assert (head.origin.encoder_id, head.origin.weights_sha256) == ("small", "ab" * 32)
    assert set(head.classes) == {str(getattr(case, label)) for case in learned.cases}
    assert head.tells_site == (label == "site")
    area, accuracy = head.metrics[:2]
    assert (area.name, accuracy.name) == small_heads.NUMBERS
    assert area.low < area.value < area.high
    assert area.value > 0.9
    assert "600 other computer-made lesions, run 202" in area.about
    assert ("AUC from 15 mm on" in [metric.name for metric in head.metrics]) == (label == "outline")
    assert head.calibration.kind == "temperature"
    assert (head.training.cases, head.training.groups) == (900, 0)
    small_heads.ship(head, tmp_path)
    assert read_head(tmp_path / f"phantom-{label}.head").head.metrics == head.metrics


def test_features_that_say_nothing_are_worth_chance_and_their_head_does_not_ship(tmp_path, capsys):
    learned, held = (imagined(run, 600, "outline", strength=0.0) for run in (201, 202))
    head = small_heads.made(BY_LABEL["outline"], learned, held, bootstraps=200)
    assert head.metrics[0].low < CHANCE < head.metrics[0].high
    (tmp_path / "phantom-outline.head").write_bytes(b"of earlier weights")
    small_heads.ship(head, tmp_path)
    assert "phantom-outline.head is not shipped: it cannot be told from chance" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_lesions_are_drawn_and_encoded_as_extract_would():
    encoder = load_encoder("small", device="cpu", engine="pytorch")
    found = small_heads.encoded((FRESH[0], 2), encoder)
    cases, patches = measure.phantoms((FRESH[0], 2))
    assert found.cases == cases
    assert found.features == pytest.approx(measure.of_file(shipped_file())(patches), abs=1e-4)
    assert found.provenance == Provenance("small", file_sha256(shipped_file()), "fmcib-csv-v1", COMPUTER_MADE)


def test_the_runs_are_others_than_those_of_the_encoder():
    taken = {measure.LEARNED[0], measure.HELD_OUT[0]}
    later = ((each, FinetuneSettings) for each in ("2-outline", "3-all", "4-more"))
    for name, kind in (("1-pretrain", PretrainSettings), *later):
        seed = read_settings(ROOT / "Testing" / "SmallEncoder" / f"{name}.yaml", kind).seed
        taken |= {seed, place_seed(seed, _OWN_PHANTOMS)}
    ours = [small_heads.LEARNED[0], small_heads.HELD_OUT[0], FRESH[0]]
    assert len(set(ours)) == 3
    assert not taken & set(ours)


def test_shipped_heads_fit_the_shipped_weights_and_reach_their_scores_on_fresh_lesions():
    fresh = small_heads.encoded(FRESH, load_encoder("small", device="cpu", engine="pytorch"), processes=1)
    shipped = [question for question in small_heads.QUESTIONS if store.find_head(question.id)]
    assert {path.stem for path in SHIPPED.glob("phantom-*.head")} == {question.id for question in shipped}
    assert BY_LABEL["site"] in shipped
    for question in shipped:
        stored = store.required_head(question.id)
        head = stored.head
        assert stored.is_shipped
        assert head.origin.is_verified
        assert (head.origin.encoder_id, head.origin.weights_sha256) == ("small", fresh.provenance.weights_sha256)
        assert (head.caution, head.licence) == (COMPUTER_MADE, "MIT")
        assert head.metrics[0].low > CHANCE
        numbers = small_heads.scores(head, fresh, question.label, 300)
        for metric in head.metrics[:2]:
            again = numbers[metric.name]
            assert again.high >= metric.low, f"{head.id}: {metric.text} is stated, {again.text} came"
