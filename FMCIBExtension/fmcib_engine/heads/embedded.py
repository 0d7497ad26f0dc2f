"""The head that a fine-tuned checkpoint brings behind its encoder, as published or as `finetune` writes it.

Its tensors are those of Sequential(Sequential(Linear, ReLU), …, Sequential(Linear)): `0.0.weight`, `0.0.bias`,
`1.0.weight`, …. The sizes are the file's; what its outputs mean is not in the published files, so these must come
under their ID. A file whose outputs nobody names gives no numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..encoders import EncoderSpec, WeightsIdentity, feature_names
from ..errors import HeadError, InputError
from ..weights.about import About
from ..weights.catalogue import Entry, load_catalogue
from ..weights.checkpoint import read_checkpoint
from ..weights.store import record_of
from .head import Head, Layer, Origin, Training
from .published import PUBLISHED, Published

if TYPE_CHECKING:
    from torch import Tensor

FINE_TUNED = "fine-tuned"
"""The ID of a head in a file without a name of its own."""


def embedded_head(path: Path, spec: EncoderSpec, weights: WeightsIdentity) -> Head | None:
    """The head in a file of weights; none where there is only an encoder.

    Args:
        path: the file.
        spec: of its encoder.
        weights: its SHA-256 and caution, as loaded.

    Raises:
        HeadError: tensors that are no such head, or outputs that nobody names.
        WeightsError, DependencyError, OutOfMemoryError: as `read_checkpoint`.
    """
    checkpoint = read_checkpoint(path)
    if not checkpoint.head:
        return None
    layers = _layers(checkpoint.head, path.name)
    origin = Origin(spec.id, weights.sha256, spec.recipe_id, feature_names(spec.feature_count))
    record = record_of(path)
    name = record.id if record else ""
    if published := PUBLISHED.get(name):
        return _published(published, origin, layers, weights.caution)
    if checkpoint.about.classes:
        return _own(name or FINE_TUNED, path.name, checkpoint.about, origin, layers)
    names = ", ".join(PUBLISHED)
    msg = (
        f"{path.name} has a head of {len(layers[-1].bias)} outputs, and does not say what they mean. If it is one that "
        f"was published ({names}), import it as what it is (`fmcib-engine weights import FILE --id ID`)."
    )
    raise HeadError(msg)


def _published(published: Published, origin: Origin, layers: tuple[Layer, ...], caution: str) -> Head:
    outputs = len(layers[-1].bias)
    if outputs not in published.outputs:
        wanted = " or ".join(map(str, published.outputs))
        msg = (
            f"The published head {published.id} has {wanted} outputs, the one in this file has {outputs}: it is "
            "another. Import the file under a name of your own."
        )
        raise HeadError(msg)
    entry = _entry(published.id)
    return Head(
        id=published.id,
        title=published.title,
        task="classification",
        classes=published.classes,
        label_meaning=published.label_meaning,
        origin=origin,
        layers=layers,
        training=published.training,
        metrics=published.metrics,
        sites=published.sites,
        warnings=published.warnings,
        caution=caution,
        licence=entry.licence.title if entry else "",
        citation=entry.citation if entry else "",
    )


def _entry(entry_id: str) -> Entry | None:
    """Licence and citation; an installed file is used also where the catalogue cannot be read."""
    try:
        return load_catalogue().entries.get(entry_id)
    except InputError:
        return None


def _own(name: str, file: str, about: About, origin: Origin, layers: tuple[Layer, ...]) -> Head:
    source = f" (made from or by: {about.source})" if about.source else ""
    return Head(
        id=name,
        title=f"classes that {file} was fine-tuned on",
        task="classification",
        classes=about.classes,
        label_meaning=f"the labels by which {file} was fine-tuned, which it names but does not explain",
        origin=origin,
        layers=layers,
        training=Training(f"not told by {file}{source}"),
        warnings=("what it is worth is not known here",),
        caution=about.caution,
    )


def _layers(head: Mapping[str, Tensor], file: str) -> tuple[Layer, ...]:
    count = len(head) // 2
    wanted = {f"{index}.0.{name}" for index in range(count) for name in ("weight", "bias")}
    if not wanted or set(head) != wanted:
        strange = min(set(head) ^ wanted)
        msg = (
            f"The head in {file} is not of linear layers that are called 0.0.weight, 0.0.bias, 1.0.weight, … "
            f"(such as {strange}). Choose the published file, or one that `finetune` wrote."
        )
        raise HeadError(msg)
    for name, tensor in head.items():
        if tensor.ndim != (2 if name.endswith("weight") else 1) or not tensor.is_floating_point():
            msg = f"The tensor {name} of the head in {file} is no {name[4:]} of a linear layer. Choose another file."
            raise HeadError(msg)
    arrays = {name: tensor.detach().double().numpy() for name, tensor in head.items()}
    return tuple(Layer(arrays[f"{index}.0.weight"], arrays[f"{index}.0.bias"]) for index in range(count))
