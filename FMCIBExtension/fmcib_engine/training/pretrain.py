"""Contrastive pretraining: a table of lesions or phantoms in, an encoder's weights out.

The method is SimCLR's (Chen et al. 2020) with upstream's change: two views of each lesion's patch are to be found among
views of patches away from lesions (`loss`); Pai et al., Nature Machine Intelligence 2024, report a balanced accuracy of
0.779 with it against 0.696 for plain SimCLR (site of DeepLesion, features and a linear model). What was taken from
which of upstream's files stands in `pretrain_settings`, `loss`, `views`, `networks`, `optimizer` and `table_source`.
Read was upstream's code, not the article's text; where both differ, this is the code's.

Differs from upstream: batch norms see each part of a batch (first views, second views, …) alone, as there, but a step
has one pass; patches are cut by the encoder's own recipe, not by upstream's other one for training (`fmcib-yaml-v1`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders import EncoderSpec, find_encoder
from ..encoders.building import random_network
from ..encoders.devices import import_torch
from .batches import Order
from .checkpoint import read_checkpoint
from .folder import RESULT, RunFolder
from .loop import Training
from .loss import nt_xent
from .networks import in_parts, projection_head
from .optimizer import make_optimizer
from .phantom_source import PhantomSource
from .prepare import Shelf
from .pretrain_settings import PretrainSettings
from .processes import Processes
from .result import write_result
from .settings import digest
from .sources import Source
from .start import Outcome, Progress, order_of, prepared, require_one_source
from .steps import Steps, take_steps
from .table_source import TableSource
from .views import Views, place_seed, pretraining_views

if TYPE_CHECKING:
    from torch import Tensor

_NOTED = ("loss", "found", "rate", "slope", "seconds")


@dataclass(frozen=True)
class _Pairs:
    """Makes a lesion's views: two of its patch, and two of one away from it."""

    shelf: Shelf
    views: Views
    seed: int
    negatives: bool

    def __call__(self, epoch: int, number: int) -> Tensor:
        patches = self.shelf.read(number)
        chosen = [patches[0]] * 2
        if self.negatives:
            random = np.random.default_rng([self.seed, epoch, number])
            chosen += [patches[1 + int(random.integers(len(patches) - 1))]] * 2
        drawn = [
            self.views.draw(patch, place_seed(self.seed, epoch, number, part)) for part, patch in enumerate(chosen)
        ]
        stacked: Tensor = import_torch().stack(drawn)
        return stacked


def pretrain(settings: PretrainSettings, folder: Path, *, device: str, resume: bool, progress: Progress) -> Outcome:
    """Train an encoder and write its weights into the folder.

    Raises:
        FmcibError: as the parts say; what was done is kept.
    """
    spec = find_encoder(settings.encoder)
    source = source_of(settings, spec)
    processes = Processes(device, settings.precision)
    processes.share_of(settings.batch_size)
    run, shelf = RunFolder(folder, settings), Shelf(folder)
    elsewhere = _elsewhere(settings)
    data = source.facts
    with prepared(run, shelf, source, processes, data=data, elsewhere=elsewhere, resume=resume, progress=progress):
        numbers, problems = shelf.listed()
        if not run.is_done:
            order = order_of(numbers, settings.batch_size, settings.seed, processes)
            training = _begin(settings, spec, processes, order)
            training.restore(read_checkpoint(folder, training.digest))
            _train(settings, spec, training, order, shelf, folder, progress)
            if processes.is_first:
                write_result(
                    run, spec, training.network.state_dict(), command="pretrain", numbers={"steps": training.step}
                )
    facts = run.facts()["result"]
    return Outcome(folder / RESULT, len(numbers), len(problems), facts["steps"], {})


def source_of(settings: PretrainSettings, spec: EncoderSpec) -> Source:
    """The lesions that the settings name.

    Raises:
        InputError: none, or two sources.
    """
    require_one_source(settings)
    elsewhere = _elsewhere(settings)
    if settings.phantoms:
        return PhantomSource(settings.phantoms, settings.seed, elsewhere)
    return TableSource(Path(settings.table), spec.recipe_id, settings.seed, elsewhere)


def _elsewhere(settings: PretrainSettings) -> int:
    """Patches away from lesions that are cut for each; plain SimCLR has none."""
    return settings.elsewhere if settings.negatives != "none" else 0


def _begin(settings: PretrainSettings, spec: EncoderSpec, processes: Processes, order: Order) -> Training:
    torch = import_torch()
    trunk = random_network(spec, settings.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(place_seed(settings.seed, 1))
        head = projection_head(spec.feature_count, settings.projection)
    network = in_parts(trunk, head)
    optimizer = make_optimizer(
        settings.optimizer, network, weight_decay=settings.weight_decay, momentum=settings.momentum
    )
    return Training(network, optimizer, processes, settings.seed, digest(settings), order.steps_per_epoch)


def _train(  # noqa: PLR0913
    settings: PretrainSettings,
    spec: EncoderSpec,
    training: Training,
    order: Order,
    shelf: Shelf,
    folder: Path,
    progress: Progress,
) -> None:
    views = pretraining_views(
        spec.patch_size,
        smallest_crop=settings.smallest_crop,
        flip=settings.flip,
        histogram=settings.histogram,
        smooth=settings.smooth,
    )
    pairs = _Pairs(shelf, views, settings.seed, settings.negatives != "none")
    steps = Steps(order, pairs, partial(_judge, settings, training.processes), _NOTED)
    take_steps(training, settings, steps, folder, partial(progress, "Steps"))


def _judge(
    settings: PretrainSettings, processes: Processes, network: Any, tensors: Tensor, _: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    embedded = network(tensors.transpose(0, 1).contiguous())
    contrast = nt_xent(embedded, settings.negatives, settings.temperature, processes.gather, processes.rank)
    return contrast.loss, {"found": contrast.found}
