"""The small encoder that ships: its file, its run files, how it is measured, and that it tells sites apart."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE
from fmcib_engine.weights.about import read_about
from fmcib_engine.weights.shipped import shipped_file
from support import ROOT, needs_data

torch = pytest.importorskip("torch")
for package in ("monai", "yaml", "sklearn"):
    pytest.importorskip(package)

sys.path.insert(0, str(ROOT / "Testing" / "SmallEncoder"))
import measure  # noqa: E402
from fmcib_engine.training.finetune_settings import FinetuneSettings  # noqa: E402
from fmcib_engine.training.pretrain_settings import PretrainSettings  # noqa: E402
from fmcib_engine.training.settings import read_settings  # noqa: E402
from fmcib_engine.weights.checkpoint import read_checkpoint  # noqa: E402


@pytest.fixture(autouse=True)
def _the_shipped_one(monkeypatch):
    monkeypatch.delenv("FMCIB_SMALL_WEIGHTS", raising=False)


def test_its_file_is_small_and_says_what_it_means():
    path = shipped_file()
    assert path.stat().st_size <= 3_000_000
    about = read_about(path)
    assert (about.encoder, about.caution) == ("small", COMPUTER_MADE)
    assert "SmallEncoder/make.py" in about.source
    trunk = read_checkpoint(path).trunk
    assert sum(tensor.numel() for name, tensor in trunk.items() if "running" not in name) <= 1_500_000


@pytest.mark.parametrize(
    ("name", "kind"),
    [("1-pretrain", PretrainSettings), *((each, FinetuneSettings) for each in ("2-outline", "3-all", "4-more"))],
)
def test_its_run_files_can_be_read_and_train_on_other_phantoms_than_it_is_measured_on(name, kind):
    settings = read_settings(ROOT / "Testing" / "SmallEncoder" / f"{name}.yaml", kind)
    assert settings.encoder == "small"
    assert settings.phantoms > 0
    assert settings.seed not in {measure.LEARNED[0], measure.HELD_OUT[0]}


def nearest_site(encode, cases, patches) -> float:
    """Share of the second half that lies nearest to the mean features of its own site in the first."""
    features = encode(patches)
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    sites, half = np.array([case.site for case in cases]), len(cases) // 2
    names = np.unique(sites)
    means = np.stack([features[:half][sites[:half] == name].mean(axis=0) for name in names])
    near = names[np.linalg.norm(features[half:, None] - means, axis=2).argmin(axis=1)]
    return float((near == sites[half:]).mean())


def test_it_tells_the_sites_of_lesions_that_it_never_saw_better_than_the_same_network_untrained():
    cases, patches = measure.phantoms((987, 200))
    trained = nearest_site(measure.of_file(shipped_file()), cases, patches)
    assert trained > 0.85
    assert trained > nearest_site(measure.at_random(), cases, patches) + 0.1
    assert trained > nearest_site(measure.pixel_statistics, cases, patches)


def test_a_probe_finds_what_is_there_and_nothing_where_nothing_is():
    cases = [measure.sample_case(number, 5) for number in range(300)]
    rough = np.array([[case.roughness, case.diameter_mm] for case in cases])
    noise = np.random.default_rng(1).normal(size=(300, 2))
    learned, held = slice(0, 200), slice(200, 300)

    def score(features) -> float:
        parts = [(cases[part], features[part]) for part in (learned, held)]
        return float(measure.probe(*parts, "outline").split()[0])

    assert score(rough) == 1.0
    assert 0.3 < score(noise) < 0.7
    site = np.array([[float(case.site == name) for name in sorted({c.site for c in cases})] for case in cases])
    told = measure.probe((cases[learned], site[learned]), (cases[held], site[held]), "site")
    assert told == "1.00 (1.00 to 1.00)"


def test_lobulated_outlines_and_small_lesions_are_left_out_where_they_are_not_asked_about():
    cases = [measure.sample_case(number, 5) for number in range(100)]
    chosen, labels = measure._rows(cases, "outline", 15.0)
    assert set(labels) == {"smooth", "spiculated"}
    assert all(cases[row].diameter_mm >= 15.0 for row in chosen)
    assert len(measure._rows(cases, "site", 0.0)[0]) == 100


def test_the_rank_of_jittered_seeds_is_one_where_lesions_are_apart_and_more_where_they_are_not():
    places = np.eye(4)
    near = np.random.default_rng(1).normal(0, 0.01, (4, 3, 4))
    apart = [np.vstack([place] * 3) + few for place, few in zip(places, near, strict=True)]
    assert measure.rank_of_jitters(lambda rows: rows, apart) == (1.0, 1.0)
    shuffled = [np.vstack([place, *places[[1, 2, 3]]]) for place in places]
    mean, first = measure.rank_of_jitters(lambda rows: rows, shuffled)
    assert mean > 1.2
    assert first < 0.8


@needs_data
def test_jittered_patches_begin_with_the_seeds_own(scan_path):
    scan = scan_path("lidc/LIDC-IDRI-0314_crop.nrrd")
    patches = measure.jittered(scan, (-56.46875, 130.84375, -519.800049), 1)
    assert patches.shape == (1 + measure.JITTERS, 50, 50, 50)
    assert np.array_equal(patches, measure.jittered(scan, (-56.46875, 130.84375, -519.800049), 1))
    assert not np.array_equal(patches[0], patches[1])
