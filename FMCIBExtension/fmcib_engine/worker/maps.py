"""The request `explain`: a saliency map of one patch, first of few samples, then of more and more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from functools import partial
from typing import Any

import numpy as np

from ..encoders import Encoder
from ..errors import InputError, ProtocolError
from ..framing import Header
from ..heads.chosen import ChosenHeads
from ..preprocessing import Patch
from ..saliency.explain import explain
from ..saliency.map import SaliencyMap
from ..saliency.methods import Parameters
from ..saliency.targets import LABEL_FREE, Target, class_of
from ..words import in_window
from .long import Part

_FRACTIONS = frozenset({"noise"})
"""Parameters that are no whole numbers."""


def explain_lesion(given: Mapping[str, Any], patch: Patch, encoder: Encoder, heads: ChosenHeads) -> Iterator[Part]:
    """Parts of the map that the request asks for.

    Raises:
        ProtocolError: parameters that are none.
        InputError, FeatureError, DeviceError, OutOfMemoryError: as `saliency.explain`.
    """
    parameters = _parameters(given["parameters"])
    asked, target = _target(given["target"], encoder, heads)
    for step in explain(asked, patch, target, given["method"], parameters):
        yield Part(step.done, step.total, partial(_tell, step.map))


def _tell(found: SaliencyMap) -> tuple[Header, bytes]:
    facts = asdict(found.facts)
    facts["cautions"] = [in_window(caution) for caution in found.facts.cautions]
    return {"facts": facts}, np.ascontiguousarray(found.array, "<f4").tobytes()


def _target(name: str, encoder: Encoder, heads: ChosenHeads) -> tuple[Encoder, Target]:
    """The encoder whose features the target takes, and the target."""
    if name in LABEL_FREE:
        return encoder, LABEL_FREE[name]
    for member in heads.members:
        if name.startswith(f"{member.head.id}:"):
            return member.encoder or encoder, class_of(member, name.removeprefix(f"{member.head.id}:"))
    msg = f"No head that is loaded has {name!r} to explain. Choose another target, or load its head."
    raise InputError(msg)


def _parameters(given: Mapping[str, Any]) -> Parameters:
    known = {each.name for each in fields(Parameters)}
    for name, value in given.items():
        if name not in known:
            msg = f"The parameters of a map are {', '.join(sorted(known))}; got {name!r}."
            raise ProtocolError(msg)
        kinds = (int, float) if name in _FRACTIONS else (int,)
        if type(value) not in kinds:
            msg = f"The parameter {name} of a map is a number, got {value!r}."
            raise ProtocolError(msg)
    return Parameters(**given)
