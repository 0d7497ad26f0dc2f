"""Fine-tuned checkpoints of every published form: their heads' probabilities, beside those computed by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE, WeightsIdentity
from fmcib_engine.encoders.small import SPEC
from fmcib_engine.errors import HeadError, WeightsError
from heads_support import (
    FEATURES,
    FORMS,
    SHA256,
    catalogue_of_small,
    fine_tuned_tensors,
    logits_by_hand,
    softmax_by_hand,
    write_fine_tuned,
)

torch = pytest.importorskip("torch")
pytest.importorskip("monai")

from fmcib_engine.encoders.building import random_network  # noqa: E402  after the skips
from fmcib_engine.heads.embedded import embedded_head  # noqa: E402
from fmcib_engine.heads.head import Head  # noqa: E402
from fmcib_engine.heads.predict import predict  # noqa: E402
from fmcib_engine.heads.published import PUBLISHED  # noqa: E402
from fmcib_engine.weights.bring import import_file  # noqa: E402

WEIGHTS = WeightsIdentity("w.torch", SHA256)


@pytest.fixture(scope="module")
def trunk() -> dict:
    return random_network(SPEC, seed=3).state_dict()


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    pytest.importorskip("filelock")
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FMCIB_CATALOGUE", str(catalogue_of_small(tmp_path / "catalogue.toml")))
    return tmp_path / "home"


def installed_head(tmp_path: Path, trunk: dict, outputs: int, form: str, entry_id: str) -> Head:
    path = write_fine_tuned(tmp_path / "w.torch", trunk, fine_tuned_tensors(outputs), form)
    record = import_file(path, entry_id=entry_id)
    head = embedded_head(record.path, SPEC, WeightsIdentity(record.file, record.sha256))
    assert head.origin.weights_sha256 == record.sha256
    return head


@pytest.mark.parametrize(
    ("entry_id", "outputs", "form"),
    [*(("malignancy", 2, form) for form in FORMS), ("site", 8, "torch"), ("survival", 2, "lighter")],
)
def test_every_published_form_gives_the_probabilities_computed_by_hand(
    entry_id, outputs, form, trunk, tmp_path, home
):  # fmt: skip
    head = installed_head(tmp_path, trunk, outputs, form, entry_id)
    assert (head.id, head.origin.encoder_id, head.origin.count) == (entry_id, "small", 128)
    assert [layer.weight.shape for layer in head.layers] == [(3, 128), (outputs, 3)]
    wanted = softmax_by_hand(logits_by_hand(FEATURES, outputs))
    np.testing.assert_allclose(predict(head, [FEATURES]), [wanted], rtol=1e-12)


def test_survival_of_one_output_is_the_logistic_function_of_being_alive(trunk, tmp_path, home):
    head = installed_head(tmp_path, trunk, 1, "torch", "survival")
    (logit,) = logits_by_hand(FEATURES, 1)
    alive = 1 / (1 + math.exp(-logit))
    assert head.classes == ("dead within 2 years", "alive after 2 years")
    np.testing.assert_allclose(predict(head, [FEATURES]), [[1 - alive, alive]], rtol=1e-12)


@pytest.mark.parametrize(("entry_id", "outputs"), [("malignancy", 1), ("site", 2), ("survival", 8)])
def test_a_file_with_other_outputs_than_the_published_one_gives_no_numbers(entry_id, outputs, trunk, tmp_path, home):
    with pytest.raises(HeadError, match=f"head {entry_id} has .* outputs, the one in this file has {outputs}"):
        installed_head(tmp_path, trunk, outputs, "torch", entry_id)


def test_the_registry_says_what_the_paper_says():
    assert PUBLISHED["site"].classes == (
        "bone", "abdomen", "mediastinum", "liver", "lung", "kidney", "soft tissue", "pelvis"
    )  # fmt: skip
    assert PUBLISHED["malignancy"].classes[1] == "malignant"
    texts = {name: [metric.text for metric in one.metrics] for name, one in PUBLISHED.items()}
    assert texts == {
        "malignancy": ["AUC 0.944 [0.908, 0.973]", "mean average precision 0.951 [0.917, 0.978]"],
        "site": ["balanced accuracy 0.805 [0.775, 0.835]", "mean average precision 0.856 [0.826, 0.882]"],
        "survival": ["AUC 0.619 [0.568, 0.672]", "AUC 0.582 [0.472, 0.688]"],
    }
    assert "not pathology" in PUBLISHED["malignancy"].label_meaning
    assert PUBLISHED["malignancy"].sites == ("lung",)


def test_a_published_head_has_the_licence_and_the_citation_of_its_weights(trunk, tmp_path, home):
    head = installed_head(tmp_path, trunk, 2, "torch", "malignancy")
    assert head.licence == "CC BY-NC 4.0"
    assert "doi 10.1038/s42256-024-00807-9" in head.citation


def test_what_finetune_writes_brings_its_classes_and_its_caution(trunk, tmp_path):
    classes = ("lung", "liver", "bone")
    path = write_fine_tuned(tmp_path / "encoder.safetensors", trunk, fine_tuned_tensors(3), "safetensors", classes)
    head = embedded_head(path, SPEC, WEIGHTS)
    assert (head.id, head.classes, head.caution) == ("fine-tuned", classes, "")
    np.testing.assert_allclose(predict(head, [FEATURES]), [softmax_by_hand(logits_by_hand(FEATURES, 3))], rtol=1e-12)
    assert "what it is worth is not known here" in head.warnings


def test_weights_of_ones_own_name_their_head(trunk, tmp_path, home):
    classes = ("lump", "none")
    path = write_fine_tuned(tmp_path / "encoder.safetensors", trunk, fine_tuned_tensors(2), "safetensors", classes)
    record = import_file(path, own_name="my-lumps")
    head = embedded_head(record.path, SPEC, WeightsIdentity(record.file, record.sha256, COMPUTER_MADE))
    assert (head.id, head.classes) == ("my-lumps", classes)
    np.testing.assert_allclose(predict(head, [FEATURES]), [softmax_by_hand(logits_by_hand(FEATURES, 2))], rtol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_outputs_that_nobody_names_give_no_numbers(form, trunk, tmp_path):
    path = write_fine_tuned(tmp_path / "w.torch", trunk, fine_tuned_tensors(2), form)
    with pytest.raises(
        HeadError, match=r"w\.torch has a head of 2 outputs, and does not say what they mean"
    ) as refusal:
        embedded_head(path, SPEC, WEIGHTS)
    assert "import it as what it is" in str(refusal.value)


def test_classes_that_are_fewer_than_the_outputs_are_refused(trunk, tmp_path):
    path = write_fine_tuned(tmp_path / "e.safetensors", trunk, fine_tuned_tensors(3), "safetensors", ("a", "b"))
    with pytest.raises(HeadError, match="2 classes and 3 outputs"):
        embedded_head(path, SPEC, WEIGHTS)


def test_an_encoder_alone_has_no_head(trunk, tmp_path):
    torch.save({"trunk_state_dict": trunk}, tmp_path / "w.torch")
    assert embedded_head(tmp_path / "w.torch", SPEC, WEIGHTS) is None


def test_an_encoder_alone_is_not_taken_in_as_fine_tuned(trunk, tmp_path, home):
    torch.save({"trunk_state_dict": trunk}, tmp_path / "w.torch")
    with pytest.raises(WeightsError, match=r"w\.torch has an encoder and no head, malignancy has both"):
        import_file(tmp_path / "w.torch", entry_id="malignancy")
    assert not list((home / "weights").rglob("*.torch"))


def changed(**changes: object) -> dict:
    return {name: tensor for name, tensor in {**fine_tuned_tensors(2), **changes}.items() if tensor is not None}


WRONG = {
    "a projection": (changed(**{"2.weight": torch.zeros(2, 2), "2.bias": torch.zeros(2)}), "linear layers"),
    "a batch norm": (changed(**{"0.1.running_mean": torch.zeros(3)}), "linear layers"),
    "no bias": (changed(**{"1.0.bias": None}), "linear layers"),
    "a layer left out": (changed(**{"0.0.weight": None, "0.0.bias": None}), "linear layers"),
    "sizes that do not meet": (changed(**{"1.0.weight": torch.zeros(2, 4)}), "layer 2 takes 3 numbers"),
    "another encoder's": (changed(**{"0.0.weight": torch.zeros(3, 4096)}), "layer 1 takes 128 numbers"),
    "whole numbers": (changed(**{"1.0.bias": torch.tensor([1, 2])}), "is no bias of a linear layer"),
    "one number": (changed(**{"1.0.bias": torch.tensor(1.0)}), "is no bias of a linear layer"),
    "NaN": (changed(**{"1.0.bias": torch.tensor([0.0, math.nan])}), "finite"),
}


@pytest.mark.parametrize("problem", list(WRONG))
def test_a_head_of_another_form_is_refused(problem, trunk, tmp_path):
    tensors, said = WRONG[problem]
    path = write_fine_tuned(tmp_path / "e.safetensors", trunk, tensors, "safetensors", ("a", "b"))
    with pytest.raises(HeadError, match=said):
        embedded_head(path, SPEC, WEIGHTS)


def test_half_precision_of_a_head_is_read_as_it_is(trunk, tmp_path):
    halves = {name: tensor.half() for name, tensor in fine_tuned_tensors(2).items()}
    path = write_fine_tuned(tmp_path / "e.safetensors", trunk, halves, "safetensors", ("a", "b"))
    head = embedded_head(path, SPEC, WEIGHTS)
    np.testing.assert_allclose(predict(head, [FEATURES]), [softmax_by_hand(logits_by_hand(FEATURES, 2))], rtol=1e-12)
