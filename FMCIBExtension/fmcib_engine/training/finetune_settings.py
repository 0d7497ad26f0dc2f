"""The keys of a fine-tuning run.

After upstream's `experiments/adaptation/fmcib_finetune.yaml` (AIM-Harvard/foundation-cancer-image-biomarker at
1f1c0c8): at most 100 epochs, 32 lesions a step, a head of 4096-2048-classes, Adam, chances of 0.5, shifts of 10 voxels.
Upstream divides the learning rate of 0.001 by ten every 30 epochs and validates by eye every fifth; here it falls as a
cosine, and the epoch with the lowest loss on the validation part is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from .settings import key

TRAINS = ("head", "last", "all")


@dataclass(frozen=True)
class FinetuneSettings:
    """One fine-tuning run; see each key's sentence."""

    encoder: str = key("fmcib", "Which network.")
    weights: str = key(  # its hash is compared instead
        "", "What it begins with: a file, or an ID of `weights list`; empty for random numbers.", decides=False
    )
    table: str = key(  # its hash is compared instead
        "", "CSV of seeds with labels; relative to this file. Empty where phantoms are used.", decides=False
    )
    phantoms: int = key(0, "How many computer-made lesions to train on, instead of a table.", at_least=0, at_most=10**7)
    clear: bool = key(
        default=False, about="Of phantoms, only those of 15 mm and more that are smooth or have long strands."
    )
    twins: bool = key(
        default=False,
        about="Of phantoms, each anatomy twice in a step, all alike but the outline's roughness: r, 1 - r.",
    )
    label: str = key(
        "label", "The table's column of classes; of phantoms site, outline, density, scanner, or several joined by +."
    )
    group: str = key("", "The table's column of what a split must not tear apart: the patient. Empty: the scan.")
    part: str = key("", "The table's column that says train or validation. Empty: split by chance.")
    validation: float = key(0.2, "Share of the lesions to validate on.", at_least=0.05, at_most=0.5)
    seed: int = key(1, "Everything random follows from it.", at_least=0, at_most=2**31 - 1)
    head: tuple[int, ...] = key(
        (2048,), "Sizes of the head's layers between features and classes.", at_least=1, at_most=2**16
    )
    trains: str = key("all", "What learns: the head, also the network's last stage, or all.", choices=TRAINS)
    class_weights: str = key(
        "balanced", "Whether rare classes count more, so that all count the same.", choices=("balanced", "none")
    )
    chance: float = key(0.5, "Of each change of a patch: shift, flip, turn.", at_least=0.0, at_most=1.0)
    blur: float = key(0.5, "Chance of a Gaussian blur.", at_least=0.0, at_most=1.0)
    shift: int = key(10, "Largest shift along each axis, in voxels.", at_least=0, at_most=25)
    epochs: int = key(100, "At most.", at_least=1, at_most=10**6)
    patience: int = key(10, "Epochs without a lower validation loss, after which to stop.", at_least=1, at_most=10**6)
    batch_size: int = key(32, "Lesions in a step, over all processes together.", at_least=2, at_most=2**16)
    optimizer: str = key("adam", "The rule of the steps.", choices=("adam", "lars"))
    learning_rate: float = key(1e-4, "At its highest.", above=0.0)
    weight_decay: float = key(0.0, "Pull towards zero, of weights with more than one axis.", at_least=0.0)
    warm_up_epochs: float = key(1.0, "While the learning rate rises; then it falls as a cosine.", at_least=0.0)
    precision: str = key(
        "float32", "bfloat16 is mixed precision, on CUDA only.", choices=("float32", "tf32", "bfloat16")
    )
    most_problems: float = key(
        0.05,
        "Largest share of lesions that may be left out, as of scans that are missing.",
        at_least=0.0,
        at_most=1.0,
        decides=False,
    )
    workers: int = key(
        0, "Processes that cut and change patches beside the training.", at_least=0, at_most=1024, decides=False
    )
    checkpoint_minutes: float = key(5.0, "Between checkpoints; 0 for one a step.", at_least=0.0, decides=False)
    keep_patches: bool = key(
        default=False, about="Keep the cut patches when the run is done. They are parts of CTs.", decides=False
    )
