"""The keys of a pretraining run.

Defaults are those of upstream's `experiments/pretraining/fmcib_pretrain.yaml` (AIM-Harvard/
foundation-cancer-image-biomarker at 1f1c0c8) where it has the key: 100 epochs, 2 x 32 lesions a step, temperature 0.1,
128 projected numbers, views of 0.5 to 1 of the patch's edge, chances of 0.5. It has LARS at 0.3 * 64 / 256 = 0.075 with
momentum 0.9 and weight decay 1e-6, and cosine decay without warm-up; Adam with warm-up is the default here, as it needs
no large batch: `optimizer: lars`, `learning_rate: 0.075` and `warm_up_epochs: 0` are upstream's.
"""

from __future__ import annotations

from dataclasses import dataclass

from .settings import key

NEGATIVES = ("other_scans", "all_scans", "none")


@dataclass(frozen=True)
class PretrainSettings:
    """One pretraining run; see each key's sentence."""

    encoder: str = key("fmcib", "Which network is trained, from random numbers.")
    table: str = key(  # its hash is compared instead
        "", "CSV of seeds, as for `extract`; relative to this file. Empty where phantoms are used.", decides=False
    )
    phantoms: int = key(0, "How many computer-made lesions to train on, instead of a table.", at_least=0, at_most=10**7)
    seed: int = key(1, "Everything random follows from it.", at_least=0, at_most=2**31 - 1)
    negatives: str = key(
        "other_scans",
        "What a lesion is held against: patches away from lesions in the batch's other scans (upstream's run file), in "
        "all its scans (upstream's NTXentNegativeMinedLoss), or none, which is plain SimCLR: the other lesions.",
        choices=NEGATIVES,
    )
    elsewhere: int = key(2, "Patches away from lesions that are cut for each lesion.", at_least=1, at_most=64)
    temperature: float = key(0.1, "Of NT-Xent.", above=0.0)
    projection: int = key(128, "Numbers that the projection head gives.", at_least=2, at_most=2**16)
    smallest_crop: float = key(0.5, "Smallest edge of a view, as a share of the patch's.", above=0.0, at_most=1.0)
    flip: float = key(0.5, "Chance of a flip along one axis.", at_least=0.0, at_most=1.0)
    histogram: float = key(0.5, "Chance of a shift of the histogram.", at_least=0.0, at_most=1.0)
    smooth: float = key(0.5, "Chance of a Gaussian blur.", at_least=0.0, at_most=1.0)
    epochs: int = key(100, "How often each lesion is seen.", at_least=1, at_most=10**6)
    batch_size: int = key(64, "Lesions in a step, over all processes together.", at_least=2, at_most=2**16)
    optimizer: str = key("adam", "The rule of the steps.", choices=("adam", "lars"))
    learning_rate: float = key(1e-3, "At its highest. Upstream's for LARS: 0.3 * batch_size / 256.", above=0.0)
    weight_decay: float = key(1e-6, "Pull towards zero, of weights with more than one axis.", at_least=0.0)
    momentum: float = key(0.9, "Of LARS.", at_least=0.0, at_most=0.999)
    warm_up_epochs: float = key(5.0, "While the learning rate rises; then it falls as a cosine.", at_least=0.0)
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
        0, "Processes that cut and augment patches beside the training.", at_least=0, at_most=1024, decides=False
    )
    checkpoint_minutes: float = key(5.0, "Between checkpoints; 0 for one a step.", at_least=0.0, decides=False)
    keep_patches: bool = key(
        default=False, about="Keep the cut patches when the run is done. They are parts of CTs.", decides=False
    )
