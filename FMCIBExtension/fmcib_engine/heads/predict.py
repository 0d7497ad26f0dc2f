"""Features -> a head's numbers, in float64 by numpy alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import HeadError
from .head import Head

_LARGEST_EXPONENT = 700.0
"""exp of more is no float64."""


def predict(head: Head, features: ArrayLike) -> NDArray[np.float64]:
    """What the head says of each lesion: (n, k) features and columns -> (n, outputs), in the order of `head.outputs`.

    Of classes these are probabilities between 0 and 1, whose sum is 1 in each row. Of a survival head the first is the
    log of the relative hazard, the others the probability to live at each time (Cox 1972, S0(t) ** exp(x·w)).

    Raises:
        HeadError: features of another shape, or that are no finite numbers; or outputs that are none.
    """
    scores = raw_scores(head, features)
    if head.baseline is not None:
        hazard = np.exp(np.clip(scores, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        return np.concatenate([scores, np.exp(np.log(head.baseline.survival.astype(np.float64)) * hazard)], axis=1)
    with np.errstate(over="ignore", invalid="ignore"):
        calibrated = _calibrated(head, _logits(scores))
    if not np.isfinite(calibrated).all():
        msg = f"The calibration of the head {head.id} gives numbers that are not finite. Train or import another head."
        raise HeadError(msg)
    return _softmax(calibrated)


def raw_scores(head: Head, features: ArrayLike) -> NDArray[np.float64]:
    """What the last layer gives, (n, 1) or (n, classes), before calibration.

    Raises:
        HeadError: as `predict`.
    """
    numbers = np.asarray(features, dtype=np.float64)
    if numbers.ndim != 2 or numbers.shape[1] != head.origin.count:
        msg = f"The head {head.id} takes (n, {head.origin.count}) numbers, got {numbers.shape}. Give its own features."
        raise HeadError(msg)
    if not np.isfinite(numbers).all():
        msg = f"The head {head.id} takes finite numbers, and some are not. Leave such lesions out."
        raise HeadError(msg)
    if head.scaling is not None:
        numbers = (numbers - head.scaling.mean) / head.scaling.scale
    with np.errstate(over="ignore", invalid="ignore"):
        for number, layer in enumerate(head.layers):
            hidden = np.maximum(numbers, 0.0) if number else numbers
            numbers = hidden @ np.asarray(layer.weight, np.float64).T + layer.bias
    if not np.isfinite(numbers).all():
        msg = f"The head {head.id} gives numbers that are not finite. Its features are beyond all that it knows."
        raise HeadError(msg)
    return numbers


def _logits(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """One a class: of a single output z these are (0, z), whose softmax is the logistic function."""
    return np.concatenate([np.zeros_like(scores), scores], axis=1) if scores.shape[1] == 1 else scores


def _calibrated(head: Head, logits: NDArray[np.float64]) -> NDArray[np.float64]:
    kind, parameters = head.calibration.kind, head.calibration.parameters
    if kind == "temperature":
        return logits / parameters[0]
    if kind == "platt":
        slope, intercept = parameters
        second = slope * (logits[:, 1:] - logits[:, :1]) + intercept
        return _logits(second)
    return logits


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
