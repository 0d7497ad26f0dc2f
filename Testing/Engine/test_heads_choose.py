"""Which heads a run has, and what they say of each lesion."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from fmcib_engine.encoders import COMPUTER_MADE, feature_names
from fmcib_engine.errors import DependencyError, FeatureError, HeadError
from fmcib_engine.heads.chosen import ChosenHeads, Lesion, Member
from fmcib_engine.heads.head import Calibration, Layer, Metric, Origin, Training
from heads_support import (
    FEATURES,
    SHA256,
    StubEncoder,
    a_patch,
    cox,
    fine_tuned_tensors,
    logits_by_hand,
    origin,
    small_head,
    softmax_by_hand,
    write_fine_tuned,
)

pytest.importorskip("safetensors")
pytest.importorskip("torch")
pytest.importorskip("monai")

from fmcib_engine.encoders.building import random_network  # noqa: E402  after the skips
from fmcib_engine.encoders.small import SPEC  # noqa: E402
from fmcib_engine.heads import choose  # noqa: E402
from fmcib_engine.heads.choose import Features, choose_heads  # noqa: E402
from fmcib_engine.heads.file import write_head  # noqa: E402
from fmcib_engine.heads.folder import heads_folder  # noqa: E402
from fmcib_engine.weights.files import file_sha256  # noqa: E402

PATCH = a_patch()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("FMCIB_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def put(head, name: str = "") -> str:
    heads_folder().mkdir(parents=True, exist_ok=True)
    return write_head(heads_folder() / f"{name or head.id}.head", head)


def no_encoder(weights: str) -> StubEncoder:
    pytest.fail(f"{weights} was loaded")


def heads(
    wanted: str = "auto", source: str = "demonstration", encoder=None, load=no_encoder, columns=()
) -> ChosenHeads:
    encoder = encoder or StubEncoder(FEATURES)
    return choose_heads(wanted, Features(encoder, source, "fmcib-csv-v1", columns), load)


def ids(heads: ChosenHeads) -> list[str]:
    return [member.head.id for member in heads.members]


def lesion(**columns: str) -> Lesion:
    return Lesion(PATCH, FEATURES, columns)


def say(heads: ChosenHeads, **columns: str) -> dict:
    (said,) = heads.predict([lesion(**columns)])
    return said


def test_auto_takes_what_was_made_of_these_very_weights_and_nothing_else():
    put(small_head(id="mine"))
    put(small_head(id="of-others", origin=origin(128, weights_sha256="cd" * 32)))
    put(small_head(id="of-a-recipe", origin=origin(128, recipe_id="fmcib-yaml-v1")))
    put(small_head(id="of-fmcib", origin=origin(128, encoder_id="fmcib")))
    put(small_head(id="unverified", origin=Origin("", "", "", feature_names(128))))
    chosen = heads()
    assert ids(chosen) == ["mine"]
    assert chosen.problems == ()
    assert ids(heads("none")) == []


def test_auto_tells_of_heads_that_might_be_expected():
    layers = (Layer(np.zeros((1, 129)), np.zeros(1)),)
    put(small_head(id="with-age", origin=origin(128, columns=("age",)), layers=layers))
    put(small_head(id="renamed"), name="other")
    (heads_folder() / "broken.head").write_bytes(b"{")
    chosen = heads()
    assert ids(chosen) == []
    told = "\n".join(chosen.problems)
    assert "needs your column age" in told
    assert "other.head holds a head of another name, renamed" in told
    assert "broken.head is no head that could be used" in told
    assert ids(heads(columns=("age",))) == ["with-age"]


def test_where_no_table_could_have_columns_a_head_that_needs_some_says_so_of_each_lesion():
    layers = (Layer(np.zeros((1, 130)), np.zeros(1)),)
    put(small_head(id="aged", origin=origin(128, columns=("age", "stage")), layers=layers))
    others = origin(128, weights_sha256="cd" * 32, columns=("age", "stage"))
    put(small_head(id="of-others", origin=others, layers=layers))
    chosen = heads(columns=None)
    assert ids(chosen) == ["aged"]
    assert "The head aged needs your columns age, stage beside the features" in chosen.problems[0]
    prediction = say(chosen)["aged"]
    assert prediction.values is None
    assert prediction.note.startswith("no prediction: it needs your columns age, stage beside the features: give")
    with pytest.raises(HeadError, match="needs your columns age, stage"):  # asked for by name
        heads("aged", columns=None)


def test_without_safetensors_there_are_features_still(monkeypatch):
    put(small_head(id="mine"))
    monkeypatch.setitem(sys.modules, "safetensors", None)
    chosen = heads()
    assert ids(chosen) == []
    assert "Heads need the package safetensors" in chosen.problems[0]
    with pytest.raises(DependencyError):
        heads("mine")


def test_heads_that_came_with_the_engine_are_found_and_the_users_go_first(tmp_path, monkeypatch):
    from fmcib_engine.heads import store

    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setattr(store, "SHIPPED", shipped)
    write_head(shipped / "one.head", small_head(id="one"))
    sha256 = write_head(shipped / "two.head", small_head(id="two"))
    mine = put(small_head(id="one", title="mine"))
    chosen = heads()
    assert [(member.head.id, member.sha256, member.source) for member in chosen.members] == [
        ("one", mine, "imported"),
        ("two", sha256, "came with the engine"),
    ]
    assert chosen.problems == ("Of two heads that are called one only the first is used.",)
    assert ids(heads("two")) == ["two"]


def test_heads_are_named_by_id_or_file(tmp_path):
    put(small_head(id="one"))
    write_head(tmp_path / "x.head", small_head(id="two"))
    assert ids(heads(f"one, {tmp_path / 'x.head'}")) == ["one", "two"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("three", "There is no head 'three'.*here: .*one, other"),
        ("other", "was made of features of the weights cdcd.*, these are of abab"),
        ("one,one", "Two heads are called one"),
        (" , ", "No head is named"),
        ("none.head", "cannot be read"),
        ("../one", "The head one cannot be read"),
    ],
)
def test_a_name_of_nothing_or_of_other_features_is_refused(wanted, said):
    put(small_head(id="one"))
    put(small_head(id="other", origin=origin(128, weights_sha256="cd" * 32)))
    with pytest.raises(HeadError, match=said):
        heads(wanted)


def test_an_unverified_head_is_used_only_by_its_name_and_says_so():
    put(small_head(id="loose", origin=Origin("", "", "", feature_names(128))))
    assert ids(heads()) == []
    assert "encoder unverified" in say(heads("loose"))["loose"].note


def fine_tuned(tmp_path: Path, classes=("a", "b")) -> tuple[Path, StubEncoder]:
    path = tmp_path / "e.safetensors"
    write_fine_tuned(path, random_network(SPEC, seed=3).state_dict(), fine_tuned_tensors(2), "safetensors", classes)
    return path, StubEncoder(FEATURES, file_sha256(path))


def test_features_of_fine_tuned_weights_go_to_their_own_head_alone(tmp_path):
    path, encoder = fine_tuned(tmp_path)
    put(small_head(id="of-others"))
    put(small_head(id="loose", origin=Origin("", "", "", feature_names(128))))
    for wanted in ("auto", "fine-tuned", str(path)):
        chosen = heads(wanted, str(path), encoder)
        assert ids(chosen) == ["fine-tuned"]
        assert chosen.members[0].sha256 == file_sha256(path)
    values = say(heads("auto", str(path), encoder))["fine-tuned"].values
    np.testing.assert_allclose(values, softmax_by_hand(logits_by_hand(FEATURES, 2)), rtol=1e-12)
    for name, said in (("of-others", "was made of features of the weights"), ("loose", "go to their own head alone")):
        with pytest.raises(HeadError, match=said):
            heads(name, str(path), encoder)


def test_a_head_that_nobody_names_is_told_of_and_the_others_go_on(tmp_path):
    path, encoder = fine_tuned(tmp_path, ())
    put(small_head(id="mine", origin=origin(128, weights_sha256=file_sha256(path))))
    chosen = heads("auto", str(path), encoder)
    assert ids(chosen) == ["mine"]
    assert "does not say what they mean" in chosen.problems[0]
    with pytest.raises(HeadError, match="does not say what they mean"):
        heads(str(path), str(path), encoder)


def test_named_fine_tuned_weights_are_an_encoder_of_their_own_that_sees_each_patch_once(tmp_path, monkeypatch):
    path, _ = fine_tuned(tmp_path)
    theirs = np.random.default_rng(5).normal(size=128).astype(np.float32)
    other = StubEncoder(theirs, file_sha256(path))
    monkeypatch.setattr(choose, "installed", lambda name: [name] if name == "lumps" else [])
    monkeypatch.setattr(choose, "path_of", lambda _: path)
    put(small_head(id="mine"))
    encoder, asked = StubEncoder(FEATURES), []

    def load(weights: str) -> StubEncoder:
        asked.append(weights)
        return other

    chosen = heads("mine,lumps", encoder=encoder, load=load)
    assert asked == ["lumps"]
    assert [columns.sha256 for columns in chosen.columns] == [put(small_head(id="mine")), file_sha256(path)]
    first, second = chosen.predict([lesion(), lesion()])
    assert first == second
    assert (encoder.encoded, other.encoded) == (0, 2)
    wanted = softmax_by_hand(logits_by_hand(theirs, 2))
    np.testing.assert_allclose(first["fine-tuned"].values, wanted, rtol=1e-12)
    np.testing.assert_allclose(first["mine"].values[1], 1 / (1 + math.exp(-float(FEATURES[0]))), rtol=1e-12)


def test_an_encoder_that_fails_leaves_the_other_heads_alone():
    broken = StubEncoder(FEATURES, fails="The features are no numbers.")
    chosen = ChosenHeads(
        StubEncoder(FEATURES),
        [Member(small_head(id="one"), SHA256, "x"), Member(small_head(id="two"), SHA256, "x", broken)],
    )
    said = say(chosen)
    assert said["one"].values is not None
    assert (said["two"].values, said["two"].note) == (None, "no prediction: The features are no numbers.")


def test_only_the_lesion_at_fault_has_no_numbers():
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(small_head(id="one"), SHA256, "x")])
    bad = np.full(128, np.nan, np.float32)
    said = [one["one"] for one in chosen.predict([lesion(), Lesion(PATCH, bad, {}), lesion()])]
    assert [one.values is not None for one in said] == [True, False, True]
    assert "takes finite numbers" in said[1].note


def test_what_an_encoder_of_its_own_remarks_stands_beside_the_numbers(tmp_path):
    other = StubEncoder(FEATURES, note="computed on the CPU: cuda had no memory")
    other.precision, other.precision_deviation = "bfloat16", 0.013
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(small_head(id="one"), SHA256, "x", other)])
    note = say(chosen)["one"].note
    assert note.startswith("computed on the CPU: cuda had no memory; label:")
    assert "from the features of its own encoder w.torch, not from those of this table" in note
    assert "bfloat16 changes its features of a probe by 1.3%" in note


def test_patches_of_another_recipe_give_no_prediction():
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(small_head(id="one"), SHA256, "x")])
    (said,) = chosen.predict([Lesion(a_patch("fmcib-yaml-v1"), FEATURES, {})])
    assert said["one"].values is None
    assert "made of patches of fmcib-csv-v1, this one is of fmcib-yaml-v1" in said["one"].note


def test_the_users_columns_stand_behind_the_features():
    weight = np.zeros((1, 130))
    weight[0, 128:] = 1.0, 10.0
    head = small_head(origin=origin(128, columns=("stage", "age")), layers=(Layer(weight, np.zeros(1)),))
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(head, SHA256, "x")])
    values = say(chosen, age="-0.2", stage=" 1.5 ", other="x")["lump"].values
    np.testing.assert_allclose(values[1], 1 / (1 + math.exp(0.5)), rtol=1e-12)
    for columns, said in (
        ({"age": "60"}, "needs your column stage beside the features: give a table of seeds"),
        ({"age": "sixty", "stage": "1"}, "your column age holds no number here"),
        ({"age": "", "stage": "1"}, "your column age holds no number here"),
        ({"age": "nan", "stage": "1"}, "takes finite numbers"),
    ):
        prediction = say(chosen, **columns)["lump"]
        assert prediction.values is None
        assert said in prediction.note


def test_beside_each_number_stands_what_it_means_and_what_it_is_worth():
    head = small_head(
        caution=COMPUTER_MADE,
        warnings=("knows lumps only; no others",),
        metrics=(Metric("AUC", 0.631, 0.578, 0.684, "out of fold"), Metric("Brier", 0.2)),
    )
    encoder = StubEncoder(FEATURES, caution=COMPUTER_MADE)
    note = say(ChosenHeads(encoder, [Member(head, SHA256, "x")]))["lump"].note
    assert note.split("; ") == [
        COMPUTER_MADE,
        "label: what the tests call a lump",
        "AUC 0.631 [0.578, 0.684] (out of fold)",
        "trained on: 421 imaginary patients",
        "uncalibrated: read it as an order, not as a chance",
        "knows lumps only, no others",
    ]
    calm = small_head(calibration=Calibration("temperature", (1.5,)))
    assert "uncalibrated" not in say(ChosenHeads(StubEncoder(FEATURES), [Member(calm, SHA256, "x")]))["lump"].note
    life = cox(origin=origin(128), scaling=None, layers=(Layer(np.zeros((1, 128)), np.zeros(1)),))
    said = say(ChosenHeads(StubEncoder(FEATURES), [Member(life, SHA256, "x")]))["life"]
    assert "uncalibrated" not in said.note
    assert said.values == (0.0, 0.8, 0.5)


def site_head(logits: list[float], **changes: object):
    facts = {"classes": ("bone", "liver", "lung"), "training": Training("nobody"), **changes}
    return small_head(id="place", layers=(Layer(np.zeros((3, 128)), np.array(logits)),), **facts)


@pytest.mark.parametrize(
    ("logits", "said"),
    [
        ([2.0, 0.0, 0.0], "UNLIKE what it knows: the head place says bone (0.79), it knows lung"),
        ([0.0, 0.0, 2.0], ""),
        ([0.0, -9.0, 0.01], ""),
    ],
)
def test_a_lesion_elsewhere_than_where_a_head_knows_its_way_is_warned_of(logits, said):
    knows = small_head(id="lump", sites=("lung",))
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(knows, SHA256, "x"), Member(site_head(logits), SHA256, "x")])
    notes = {name: prediction.note for name, prediction in say(chosen).items()}
    assert ("UNLIKE" in notes["lump"]) == bool(said)
    assert notes["lump"].startswith(said)
    assert "UNLIKE" not in notes["place"]


def test_a_site_that_means_nothing_about_patients_warns_of_none():
    knows, place = small_head(id="lump", sites=("lung",)), site_head([9.0, 0.0, 0.0], caution=COMPUTER_MADE)
    chosen = ChosenHeads(StubEncoder(FEATURES), [Member(knows, SHA256, "x"), Member(place, SHA256, "x")])
    assert "UNLIKE" not in say(chosen)["lump"].note


def test_no_heads_ask_nothing():
    assert ChosenHeads(StubEncoder(FEATURES)).predict([lesion(), lesion()]) == [{}, {}]


class OneFails(StubEncoder):
    """Refuses a batch with the patch at fault, and that patch alone."""

    bad = a_patch()

    def encode(self, patches) -> list:
        if any(patch is self.bad.array for patch in patches):
            msg = "The features are no numbers."
            raise FeatureError(msg)
        return super().encode(patches)


def test_a_lesion_at_fault_in_an_encoder_of_its_own_leaves_the_others_their_numbers():
    member = Member(small_head(id="own"), SHA256, "test", OneFails(FEATURES))
    lesions = [lesion(), Lesion(OneFails.bad, FEATURES, {}), lesion()]
    said = [each["own"] for each in ChosenHeads(StubEncoder(FEATURES), [member]).predict(lesions)]
    assert [one.values is not None for one in said] == [True, False, True]
    assert said[1].note == "no prediction: The features are no numbers."


def test_a_file_does_not_pass_for_a_published_head(tmp_path):
    write_head(tmp_path / "x.head", small_head(id="malignancy"))
    with pytest.raises(HeadError, match=r"x\.head calls its head malignancy, as one that was published"):
        heads(str(tmp_path / "x.head"))


def test_a_column_that_only_python_takes_for_a_number_is_none():
    layers = (Layer(np.zeros((1, 129)), np.zeros(1)),)
    put(small_head(id="with-age", origin=origin(128, columns=("age",)), layers=layers))
    assert (
        say(heads(columns=("age",)), age="6_5")["with-age"].note
        == "no prediction: your column age holds no number here."
    )
    assert say(heads(columns=("age",)), age="65")["with-age"].values is not None
