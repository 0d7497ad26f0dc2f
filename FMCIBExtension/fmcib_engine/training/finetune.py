"""Fine-tuning: labelled lesions and an encoder in, one file with the encoder and a head out.

What was taken from upstream stands in `finetune_settings`, `views` and `networks`. A lesion of a patient whom the
training part has is never validated on; upstream's split of LUNA16 is by nodule, and 63 of its 170 test nodules share a
scan with training. The epoch is chosen on the validation part, so its scores are better than those on other data.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..encoders import EncoderSpec, find_encoder
from ..encoders.building import build_network, random_network
from ..encoders.devices import import_torch
from ..errors import InputError
from ..results.files import keep_text
from ..weights.checkpoint import check_fits, fill
from ..weights.checkpoint import read_checkpoint as read_weights
from ..weights.files import file_sha256
from ..weights.store import require_pinned, resolve
from .batches import Order
from .checkpoint import read_checkpoint
from .finetune_settings import FinetuneSettings
from .folder import RESULT, RunFolder
from .loop import Training
from .networks import classification_head, in_parts
from .optimizer import make_optimizer
from .phantom_source import PhantomSource
from .prepare import Shelf
from .processes import Processes
from .result import write_result
from .settings import digest
from .sources import Lesion, Source
from .split import class_names, split
from .start import Outcome, Progress, order_of, prepared, require_one_source
from .steps import Steps, take_steps
from .table_source import TableSource
from .validation import HeldBack, Validation
from .views import Views, finetuning_views, place_seed

if TYPE_CHECKING:
    from torch import Tensor, nn

PREDICTIONS = "validation.csv"
_OWN_PHANTOMS = 2
"""With the run's seed it makes that of the phantoms: a lesion that is validated on was not in a pretraining."""
_NOTED = ("loss", "accuracy", "rate", "slope", "validation_loss", "validation_balanced_accuracy", "validation_auc")


@dataclass(frozen=True)
class _Job:
    """What a run is given."""

    settings: FinetuneSettings
    spec: EncoderSpec
    weights: Path | None
    run: RunFolder
    shelf: Shelf
    processes: Processes
    progress: Progress


@dataclass(frozen=True)
class _Changed:
    """Makes what the network sees of a lesion in an epoch."""

    shelf: Shelf
    views: Views
    seed: int
    alike: int
    """How many neighbours are changed alike."""

    def __call__(self, epoch: int, number: int) -> Tensor:
        return self.views.draw(self.shelf.read(number)[0], place_seed(self.seed, epoch, number // self.alike))


@dataclass(frozen=True)
class _Classes:
    """What is to be told apart.

    Attributes:
        names: in order.
        of_lesion: the index of each lesion's class.
        weights: how much a lesion of each class counts; 1 on average over the lesions.
    """

    names: list[str]
    of_lesion: dict[int, int]
    weights: list[float]


def finetune(settings: FinetuneSettings, folder: Path, *, device: str, resume: bool, progress: Progress) -> Outcome:
    """Train an encoder with a head and write both into the folder.

    Raises:
        FmcibError: as the parts say; what was done is kept.
    """
    spec = find_encoder(settings.encoder)
    source = _source_of(settings, spec)
    weights = resolve(settings.weights) if settings.weights else None
    data = dict(source.facts)
    if weights:
        check_fits(weights, spec.id)
        data |= {"weights": weights.name, "weights_sha256": file_sha256(weights)}
        require_pinned(weights, data["weights_sha256"])
    class_names(source.lesions)
    split(source.lesions, settings.validation, settings.seed)  # before hours of cutting
    processes = Processes(device, settings.precision)
    processes.share_of(settings.batch_size)
    run, shelf = RunFolder(folder, settings), Shelf(folder)
    with prepared(run, shelf, source, processes, data=data, elsewhere=0, resume=resume, progress=progress):
        numbers, problems = shelf.listed()
        if not run.is_done:
            lesions = [lesion for lesion in source.lesions if lesion.number in set(numbers)]
            _train(_Job(settings, spec, weights, run, shelf, processes, progress), lesions)
    facts = run.facts()["result"]
    scores = {name: value for name, value in facts.items() if name.startswith("validation_")}
    return Outcome(folder / RESULT, len(numbers), len(problems), facts["steps"], scores)


def _source_of(settings: FinetuneSettings, spec: EncoderSpec) -> Source:
    require_one_source(settings)
    if settings.phantoms:
        seed = place_seed(settings.seed, _OWN_PHANTOMS)
        return PhantomSource(settings.phantoms, seed, 0, settings.label, clear=settings.clear, twins=settings.twins)
    if settings.twins:
        msg = "Only computer-made lesions have twins. Leave out `twins`, or use `phantoms` and no table (--phantom)."
        raise InputError(msg)
    columns = {"label": settings.label, "group": settings.group, "part": settings.part}
    return TableSource(Path(settings.table), spec.recipe_id, settings.seed, 0, columns)


def _train(job: _Job, lesions: list[Lesion]) -> None:
    settings, processes = job.settings, job.processes
    learned, held = split(lesions, settings.validation, settings.seed)
    if settings.twins:
        whole = set(learned)  # one of two may not have been drawn
        learned = [number for number in learned if number ^ 1 in whole]
    classes = _classes(settings, lesions, learned)
    order = order_of(learned, settings.batch_size, settings.seed, processes, _alike(settings))
    network = _network(settings, job.spec, job.weights, len(classes.names))
    optimizer = make_optimizer(settings.optimizer, network, weight_decay=settings.weight_decay)
    training = Training(network, optimizer, processes, settings.seed, digest(settings), order.steps_per_epoch)
    training.restore(read_checkpoint(job.run.path, training.digest))
    held_back = HeldBack(held, [classes.of_lesion[number] for number in held], classes.weights)
    validation = Validation(training, job.shelf, held_back, job.spec.patch_size, _frozen(network, settings.trains))
    validation.set_modes()
    if not training.notes.get("stopped"):
        _take_steps(job, training, order, classes, validation)
    if processes.is_first:
        _write(job, training, validation, classes, {"learned_from": len(learned), "validated_on": len(held)})


def _write(job: _Job, training: Training, validation: Validation, classes: _Classes, counts: dict[str, int]) -> None:
    text, scores = validation.of_best(classes.names)
    keep_text(job.run.path / PREDICTIONS, text)
    numbers = {"steps": training.step, "best_epoch": int(training.notes["best_epoch"]), **counts, **scores}
    write_result(
        job.run,
        job.spec,
        training.best,
        command="finetune",
        numbers=numbers,
        classes=classes.names,
        begun_with=job.weights,
    )


def _take_steps(job: _Job, training: Training, order: Order, classes: _Classes, validation: Validation) -> None:
    settings = job.settings
    views = finetuning_views(job.spec.patch_size, chance=settings.chance, blur=settings.blur, shift=settings.shift)
    example = _Changed(job.shelf, views, settings.seed, _alike(settings))
    after = partial(validation.after_epoch, patience=settings.patience, last=settings.epochs)
    steps = Steps(order, example, partial(_judge, classes, job.processes), (*_NOTED, "seconds"), after)
    take_steps(training, settings, steps, job.run.path, partial(job.progress, "Steps at most"))


def _judge(
    classes: _Classes, processes: Processes, network: Any, tensors: Tensor, numbers: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy, each lesion counting as its class does: the mean over all processes is that of one process."""
    torch = import_torch()
    truth = torch.tensor([classes.of_lesion[int(number)] for number in numbers], device=tensors.device)
    logits = network(tensors[None])[0].float()
    weights = torch.tensor(classes.weights, device=tensors.device)
    loss = torch.nn.functional.cross_entropy(logits, truth, weight=weights, reduction="sum")
    whole = processes.total(weights[truth].sum())
    return loss * processes.count / whole, {"accuracy": (logits.argmax(dim=1) == truth).float().mean()}


def _alike(settings: FinetuneSettings) -> int:
    """How many neighbours are alike but in what is to be learned."""
    return 2 if settings.twins else 1


def _classes(settings: FinetuneSettings, lesions: list[Lesion], learned: list[int]) -> _Classes:
    names = class_names(lesions)
    of_lesion = {lesion.number: names.index(lesion.label) for lesion in lesions}
    counts = np.bincount([of_lesion[number] for number in learned], minlength=len(names))
    if not counts.all():
        msg = f"The class {names[int(counts.argmin())]} has no lesion to learn from. Correct the column of parts."
        raise InputError(msg)
    balanced = len(learned) / (len(names) * counts)
    return _Classes(names, of_lesion, balanced.tolist() if settings.class_weights == "balanced" else [1.0] * len(names))


def _network(settings: FinetuneSettings, spec: EncoderSpec, weights: Path | None, classes: int) -> nn.Module:
    """Trunk and head, with the weights that it begins with, and gradients for what learns."""
    torch = import_torch()
    trunk = random_network(spec, settings.seed)
    if weights:
        filled = build_network(spec)
        fill(filled, dict(read_weights(weights).trunk), name=weights.name)
        trunk.load_state_dict(filled.state_dict())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(place_seed(settings.seed, 1))
        head = classification_head((spec.feature_count, *settings.head, classes))
    network = in_parts(trunk, head)
    for module in _frozen(network, settings.trains):
        module.requires_grad_(requires_grad=False)
    return network


def _frozen(network: Any, trains: str) -> list[Any]:
    """The modules that do not learn."""
    stages = [stage for stage in network.trunk.children() if any(True for _ in stage.parameters())]
    return {"head": stages, "last": stages[:-1], "all": []}[trains]
