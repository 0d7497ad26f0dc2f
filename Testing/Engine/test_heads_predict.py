"""Heads: what they compute, beside numbers computed by hand; and of which features they refuse to."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from fmcib_engine.encoders import feature_names
from fmcib_engine.errors import HeadError
from fmcib_engine.heads.fit import columns_of, misfit, require_fit
from fmcib_engine.heads.head import Baseline, Calibration, Layer, Metric, Origin, Scaling, Training
from fmcib_engine.heads.predict import predict, raw_scores
from heads_support import SHA256, cox, linear, network, origin

X = [3.0, 1.0, 3.0]
"""Standardised 1, 1, 1: the logit is 1 - 2 + 0.5 + 0.25 = -0.25."""


def test_one_logit_is_a_logistic_regression():
    assert raw_scores(linear(), [X]).tolist() == [[-0.25]]
    one = 1 / (1 + math.exp(0.25))
    np.testing.assert_allclose(predict(linear(), [X]), [[1 - one, one]], rtol=1e-15)


def test_a_network_is_linear_layers_with_relu_between_and_softmax_behind():
    probabilities = predict(network(), np.array([[2.0, 3.0], [-1.0, -0.5]], np.float32))
    first = np.exp([2.0, 0.0, 0.0])  # hidden: 2 and relu(0.5 - 3)
    second = np.exp([0.0, 1.0, 0.0])  # hidden: relu(-1) and 0.5 + 0.5
    np.testing.assert_allclose(probabilities, [first / first.sum(), second / second.sum()], rtol=1e-15)
    assert probabilities.dtype == np.float64


def test_the_last_layer_has_no_relu():
    assert raw_scores(network(layers=(Layer(-np.eye(2), np.zeros(2)),), classes=("a", "b")), [[1.0, 2.0]]).tolist() == [
        [-1.0, -2.0]
    ]


@pytest.mark.parametrize(
    ("calibration", "logit"),
    [
        (Calibration(), -0.25),
        (Calibration("temperature", (2.0,)), -0.125),
        (Calibration("platt", (3.0, 0.5)), -0.25 * 3 + 0.5),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
@pytest.mark.parametrize("outputs", [1, 2])
def test_calibration_changes_the_logit(calibration, logit, outputs):
    head = linear(calibration=calibration)
    if outputs == 2:  # the same as two outputs, whose difference is the logit
        (layer,) = head.layers
        two = Layer(np.vstack([np.ones((1, 3)), 1 + layer.weight]), np.array([7.0, 7.0 + layer.bias[0]]))
        head = linear(calibration=calibration, layers=(two,))
    np.testing.assert_allclose(predict(head, [X])[:, 1], [1 / (1 + math.exp(-logit))], rtol=1e-14)


def test_a_survival_head_gives_the_log_of_the_hazard_and_the_survival_at_each_time():
    assert cox().outputs == ("log_relative_hazard", "survival_365_days", "survival_730.5_days")
    wanted = [-0.25, 0.8 ** math.exp(-0.25), 0.5 ** math.exp(-0.25)]
    np.testing.assert_allclose(predict(cox(), [X]), [wanted], rtol=1e-14)


@pytest.mark.parametrize("size", [1e5, -1e5, 1e300])
def test_huge_features_give_probabilities_still(size):
    head = cox(baseline=Baseline(np.array([1.0, 2.0]), np.array([1.0, 0.5]), "years"))
    values = predict(head, [[size, 1.0, 3.0]])
    assert values[0, 1] == 1.0  # all live that long, whoever they are
    assert 0.0 <= values[0, 2] <= 1.0
    sides = predict(linear(), [[size, 1.0, 3.0]])
    assert sides.sum() == 1.0
    assert sides.max() == 1.0


@pytest.mark.parametrize("features", [[X[:2]], X, [[*X, 1.0]], [[math.nan, 1, 1]], [[math.inf, 1, 1]]])
def test_features_of_another_shape_or_that_are_no_numbers_are_refused(features):
    with pytest.raises(HeadError, match="The head lump takes"):
        predict(linear(), features)


def test_numbers_beyond_float64_are_refused():
    head = linear(layers=(Layer(np.array([[1e300, 0.0, 0.0]]), np.zeros(1)),))
    with pytest.raises(HeadError, match="not finite"):
        predict(head, [[1e300, 1.0, 1.0]])


def test_no_lesions_give_no_rows():
    assert predict(linear(), np.zeros((0, 3))).shape == (0, 2)


GIVEN = origin()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"encoder_id": "fmcib"}, "was made of features of the encoder small, these are of fmcib"),
        ({"weights_sha256": "cd" * 32}, f"of the weights {SHA256}, these are of {'cd' * 32}"),
        ({"recipe_id": "fmcib-yaml-v1"}, "of the recipe fmcib-csv-v1, these are of fmcib-yaml-v1"),
        ({"features": feature_names(2)}, "was made of 3 features, these are of 2"),
        ({"features": ("pred_0", "pred_2", "pred_1")}, "the feature pred_1 in place 2, these are of pred_2"),
    ],
)
def test_a_head_refuses_other_features_than_its_own(changes, said):
    require_fit(linear(), GIVEN)
    with pytest.raises(HeadError, match=said):
        require_fit(linear(), replace(GIVEN, **changes))
    assert said in misfit(linear(), replace(GIVEN, **changes))
    assert misfit(linear(), GIVEN) == ""


def test_columns_of_the_user_may_stand_anywhere_and_must_be_there():
    head = linear(origin=origin(2, columns=("age",)))
    require_fit(head, origin(2, columns=("sex", "age")))
    assert columns_of(head, ["sex", "age"]) == [1]
    with pytest.raises(HeadError, match="needs your column age"):
        require_fit(head, origin(2, columns=("Age",)))


def test_what_nobody_knows_cannot_be_compared():
    unknown = Origin("", "", "", feature_names(3))
    assert not unknown.is_verified
    assert GIVEN.is_verified
    require_fit(linear(origin=unknown), GIVEN)
    require_fit(linear(), unknown)
    with pytest.raises(HeadError, match="3 features"):
        require_fit(linear(origin=unknown), origin(4))


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (Metric("AUC", 0.631, 0.578, 0.684), "AUC 0.631 [0.578, 0.684]"),
        (Metric("C-index", 0.5884), "C-index 0.588"),
        (Metric("gain", -0.0001, -0.01, 0.01), "gain 0.000 [-0.010, 0.010]"),
    ],
)
def test_a_metric_is_told_with_its_interval(metric, text):
    assert metric.text == text


WEIGHT = np.array([[1.0, -2.0, 0.5]])
WRONG = {
    "id": (linear, {"id": "My head"}, "small letters, digits"),
    "id of a path": (linear, {"id": "../x"}, "small letters, digits"),
    "no meaning": (linear, {"label_meaning": " "}, "label meaning is a sentence"),
    "line break": (linear, {"title": "a\nb"}, "on one line"),
    "long text": (linear, {"citation": "x" * 2001}, "at most 2000 letters"),
    "date": (linear, {"date": "yesterday"}, "ISO 8601"),
    "many warnings": (linear, {"warnings": ("x",) * 21}, "at most 20 warnings"),
    "SHA-256": (linear, {"origin": origin(weights_sha256="12")}, "64 hexadecimal digits"),
    "no features": (linear, {"origin": origin(0)}, "1 to 65536 features"),
    "feature twice": (linear, {"origin": origin(features=("a", "b", "a"))}, "twice"),
    "column as feature": (linear, {"origin": origin(2, columns=("pred_0",))}, "twice"),
    "no layer": (linear, {"layers": ()}, "1 to 8 layers"),
    "many layers": (network, {"layers": (Layer(np.eye(2), np.zeros(2)),) * 9}, "1 to 8 layers"),
    "inputs": (linear, {"layers": (Layer(WEIGHT[:, :2], np.zeros(1)),)}, "layer 1 takes 3 numbers"),
    "second layer": (network, {"layers": (Layer(np.eye(2), np.zeros(2)), Layer(np.ones((3, 3)), np.zeros(3)))},
                     "layer 2 takes 2 numbers"),
    "bias": (linear, {"layers": (Layer(WEIGHT, np.zeros(2)),)}, "bias of layer 1"),
    "whole numbers": (linear, {"layers": (Layer(WEIGHT.astype(int), np.zeros(1)),)}, "float32 or float64"),
    "not finite": (linear, {"layers": (Layer(WEIGHT * np.nan, np.zeros(1)),)}, "finite numbers"),
    "scale of 0": (linear, {"scaling": Scaling(np.zeros(3), np.array([1.0, 0.0, 1.0]))}, "greater than 0"),
    "mean": (linear, {"scaling": Scaling(np.zeros(2), np.ones(3))}, "its mean has the shape"),
    "one class": (linear, {"classes": ("a",)}, "2 to 100 classes"),
    "three classes": (linear, {"classes": ("a", "b", "c")}, "3 classes and 1 outputs"),
    "class twice": (linear, {"classes": ("a", "a")}, "twice"),
    "class of spaces": (linear, {"classes": ("a", " b")}, "letters on one line"),
    "class called note": (linear, {"classes": ("a", "note")}, "no class is called note or sha256"),
    "task": (linear, {"task": "regression"}, "classification or survival"),
    "baseline of classes": (linear, {"baseline": Baseline(np.ones(1), np.ones(1), "days")}, "no baseline"),
    "cox with classes": (cox, {"classes": ("a", "b")}, "no classes"),
    "cox without baseline": (cox, {"baseline": None}, "has none"),
    "cox of two": (cox, {"layers": (Layer(np.ones((2, 3)), np.zeros(2)),)}, "1 output"),
    "times fall": (cox, {"baseline": Baseline(np.array([2.0, 1.0]), np.array([0.9, 0.8]), "days")}, "rise"),
    "survival rises": (cox, {"baseline": Baseline(np.array([1.0, 2.0]), np.array([0.8, 0.9]), "days")}, "falls"),
    "survival of 0": (cox, {"baseline": Baseline(np.array([1.0]), np.array([0.0]), "days")}, "above 0"),
    "times alike": (cox, {"baseline": Baseline(np.array([1.0, 1.00000001]), np.ones(2), "days")}, "differ"),
    "unit": (cox, {"baseline": Baseline(np.ones(1), np.ones(1), "weeks")}, "days, months, years"),
    "calibration": (linear, {"calibration": Calibration("isotonic")}, "one of none, temperature, platt"),
    "parameters": (linear, {"calibration": Calibration("platt", (1.0,))}, "2 finite parameters"),
    "temperature": (linear, {"calibration": Calibration("temperature", (0.0,))}, "greater than 0"),
    "platt of three": (network, {"calibration": Calibration("platt", (1.0, 0.0))}, "2 classes"),
    "calibrated cox": (cox, {"calibration": Calibration("temperature", (1.0,))}, "is for classes"),
    "metric": (linear, {"metrics": (Metric("AUC", math.nan),)}, "finite number"),
    "half an interval": (linear, {"metrics": (Metric("AUC", 0.6, 0.5),)}, "both ends"),
    "turned interval": (linear, {"metrics": (Metric("AUC", 0.6, 0.7, 0.5),)}, "both ends"),
    "site": (linear, {"sites": ("lung", "spleen")}, "not 'spleen'"),
    "counts": (linear, {"training": Training("x", -1)}, "0 or more"),
    "cases of": (linear, {"training": Training("x", 3, 3, (1, 1, 1))}, "counts the cases of 3 classes"),
}  # fmt: skip


@pytest.mark.parametrize("problem", list(WRONG))
def test_no_head_can_be_made_wrong(problem):
    make, changes, said = WRONG[problem]
    with pytest.raises(HeadError, match=said):
        make(**changes)


def test_predicting_needs_neither_torch_nor_scikit_learn():
    script = (
        "import sys; import fmcib_engine.heads.predict, fmcib_engine.heads.file, fmcib_engine.heads.fit\n"
        "print(*{'torch', 'sklearn', 'safetensors', 'monai', 'matplotlib'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, encoding="utf-8")
    assert done.stdout.split() == []


@pytest.mark.parametrize(
    "calibration",
    [
        Calibration("temperature", (1e-310,)),
        Calibration("platt", (1e308, 1e308)),
        Calibration("platt", (-1e308, -1e308)),
    ],
)
def test_a_calibration_beyond_all_numbers_is_refused_and_gives_no_nan(calibration):
    with pytest.raises(
        HeadError,
        match="calibration of the head lump gives numbers that are not finite",
    ):
        predict(linear(calibration=calibration), [[-9e9, 1.0, 3.0], [9e9, 1.0, 3.0]])
