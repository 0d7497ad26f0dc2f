"""Computer-made lesions as what is trained on."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from fmcib_engine.encoders import find_encoder
from fmcib_engine.errors import InputError
from fmcib_engine.phantom import sample_case
from fmcib_engine.training import phantom_source
from fmcib_engine.training.finetune import _source_of
from fmcib_engine.training.finetune_settings import FinetuneSettings
from fmcib_engine.training.phantom_source import PhantomSource
from fmcib_engine.training.pretrain import source_of
from fmcib_engine.training.pretrain_settings import PretrainSettings
from fmcib_engine.training.split import split


@pytest.fixture
def generator(monkeypatch):
    """Stands in for the generator: cubes of one value, which tells what was asked for."""

    def cube(hu: float, size: int) -> SimpleNamespace:
        return SimpleNamespace(hu=np.full((size,) * 3, hu, dtype=np.float32))

    def draw(case: SimpleNamespace, size_mm: int) -> SimpleNamespace:
        if case.number == 3:
            msg = "This one cannot be drawn."
            raise InputError(msg)
        return cube(case.number, size_mm)

    stand_in = SimpleNamespace(
        EDITION="e-1",
        sample_case=lambda number, run_seed: SimpleNamespace(number=number, site=f"site {number % 2}", seed=run_seed),
        draw=draw,
        draw_elsewhere=lambda case, number, size_mm: cube(-1024 + case.number + 100 * number, size_mm),
    )
    monkeypatch.setattr(phantom_source, "generator", stand_in)


def test_phantoms_are_scaled_as_the_recipe_scales_and_stand_beside_places_without_them(generator):
    source = PhantomSource(5, 1, 2, "site")
    first, second, *_ = source.cut(range(3))
    assert first.patches.shape == (3, 50, 50, 50)
    assert first.patches.dtype == np.float32
    for cut, number in ((first, 0), (second, 1)):
        wanted = [number + 1024, number, number + 100]
        assert cut.patches[:, 0, 0, 0] * 3072 == pytest.approx(wanted, abs=1e-3)


def test_phantoms_have_labels_groups_and_facts_and_one_that_fails_stops_no_other(generator):
    source = PhantomSource(40, 7, 0, "site")
    assert [(lesion.number, lesion.label) for lesion in source.lesions[:3]] == [
        (0, "site 0"), (1, "site 1"), (2, "site 0"),
    ]  # fmt: skip
    assert len({lesion.group for lesion in source.lesions}) == 40
    assert [number for job in source.jobs for number in job] == list(range(40))
    assert source.facts == {"phantoms": "40", "phantom_seed": "7", "edition": "e-1"}
    problems = {cut.number: cut.problem for cut in source.cut(range(5))}
    assert problems == {0: "", 1: "", 2: "", 3: "This one cannot be drawn.", 4: ""}


def test_a_label_that_phantoms_do_not_have_is_told():
    with pytest.raises(InputError, match="labels site, outline, density, scanner, got 'age'"):
        PhantomSource(5, 1, 0, "age")


def test_a_fine_tuning_validates_on_no_phantom_of_a_pretraining_with_the_same_seed():
    pretraining = source_of(PretrainSettings(encoder="small", phantoms=4, seed=5), find_encoder("small"))
    fine_tuning = _source_of(FinetuneSettings(encoder="small", phantoms=4, seed=5, label="site"), find_encoder("small"))
    first, second = (next(iter(source.cut([0]))).patches[0] for source in (pretraining, fine_tuning))
    assert not np.array_equal(first, second)
    assert fine_tuning.facts["phantom_seed"] != pretraining.facts["phantom_seed"] == "5"


def test_the_generators_lesions_are_drawn_again_the_same():
    source = PhantomSource(4, 3, 1, "density")
    cuts = list(source.cut(range(2)))
    for cut, again in zip(cuts, source.cut(range(2)), strict=True):
        assert cut.patches.shape == (2, 50, 50, 50)
        assert np.array_equal(cut.patches, again.patches)
        assert cut.patches.min() >= 0
        assert cut.patches.max() > 0.3
    assert not np.array_equal(cuts[0].patches, cuts[1].patches)
    assert all(lesion.label for lesion in source.lesions)


def test_several_labels_make_one_class_and_clear_lesions_are_large_and_smooth_or_stranded():
    plain, clear = PhantomSource(60, 3, 0, "site+outline"), PhantomSource(60, 3, 0, "outline+density", clear=True)
    for number, lesion in enumerate(plain.lesions):
        case = sample_case(number, 3)
        assert lesion.label == f"{case.site} {case.outline}"
    for number, lesion in enumerate(clear.lesions):
        case, given = sample_case(number, 3), clear._case(number)
        assert given.diameter_mm >= 15.0
        assert lesion.label == f"{'smooth' if case.roughness < 0.5 else 'spiculated'} {case.density}"
        assert (given.site, given.scanner, given.noise_hu) == (case.site, case.scanner, case.noise_hu)
        assert min(given.roughness, 1.0 - given.roughness) <= 0.2
    assert clear.facts["clear"] == "yes"
    assert "clear" not in plain.facts
    with pytest.raises(InputError, match="got 'kind'"):
        PhantomSource(5, 1, 0, "site+kind")


@pytest.mark.parametrize("clear", [False, True])
def test_twins_are_alike_but_for_the_outline_and_no_split_tears_them_apart(clear):
    source = PhantomSource(60, 3, 0, "site+outline", clear=clear, twins=True)
    alone = PhantomSource(30, 3, 0, "site+outline", clear=clear)
    for number in range(0, 60, 2):
        one, other = (source._case(each) for each in (number, number + 1))
        assert one == alone._case(number // 2)
        assert other.roughness == 1.0 - one.roughness
        assert replace(other, roughness=one.roughness, outline=one.outline) == one
    assert [lesion.group for lesion in source.lesions[:4]] == ["case 0", "case 0", "case 1", "case 1"]
    learned, held = split(PhantomSource(60, 3, 0, "outline", clear=clear, twins=True).lesions, 0.2, 1)
    assert {number ^ 1 for number in learned} == set(learned)
    assert {number ^ 1 for number in held} == set(held)
    assert source.facts["twins"] == "yes"
    assert "twins" not in alone.facts


def test_twins_differ_where_the_lesion_ends_and_not_in_the_rest_of_their_scan():
    clear = PhantomSource(2, 5, 0, "outline", clear=True, twins=True)
    one, other = (cut.patches[0] for cut in clear.cut([0, 1]))
    assert 0 < (one != other).mean() < 0.5
    assert np.array_equal(one[0, 0], other[0, 0])


def test_a_table_has_no_twins(tmp_path):
    settings = FinetuneSettings(encoder="small", table=str(tmp_path / "seeds.csv"), label="kind", twins=True)
    with pytest.raises(InputError, match="Only computer-made lesions have twins"):
        _source_of(settings, find_encoder("small"))
