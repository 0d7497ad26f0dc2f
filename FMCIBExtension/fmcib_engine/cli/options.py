"""What several commands' options share."""

from __future__ import annotations

import click

from ..encoders import BY_WEIGHTS, ENCODERS, ENGINES, PRECISIONS
from ..heads.choose import AUTO
from ..preprocessing import RECIPES
from ..stability.cheap import FEW
from ..weights import DEMONSTRATION_SOURCE
from ..weights.shipped import SMALL, shipped
from ..weights.store import PUBLISHED_ENCODER, installed_encoder

weights_option = click.option(
    "--weights",
    envvar="FMCIB_WEIGHTS",
    metavar="FILE",
    help="A checkpoint, an ID of `weights list`, or `demonstration` for FMCIB's network with random numbers. Else the "
    "variable FMCIB_WEIGHTS, else the installed `fmcib`, or `small` where --encoder names that.",
)
encoder_option = click.option(
    "--encoder",
    type=click.Choice([BY_WEIGHTS, *ENCODERS]),
    default=BY_WEIGHTS,
    show_default=True,
    help="The network: auto is the one that the weights are of; any other refuses weights of another.",
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
engine_option = click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="auto",
    show_default=True,
    help="Library that computes the network: on the CPU in float32 auto takes openvino where it is installed (the "
    "extra [fast]) and compares it with pytorch.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Less is marked in every row.",
)
batch_size_option = click.option(
    "--batch-size", type=click.IntRange(min=1), help="Patches at once; by default 4 on the CPU, 16 on CUDA."
)
recipe_option = click.option(
    "--recipe", type=click.Choice(list(RECIPES)), show_default="the encoder's own", help="Preprocessing."
)
heads_option = click.option(
    "--heads",
    default=AUTO,
    show_default=True,
    metavar="auto|none|NAME,…",
    help="What to predict: auto takes the head in the weights and every installed head that fits them. A name is of "
    "`heads list`, a file that ends in .head, or an ID of fine-tuned weights, which compute every patch once more.",
)
draws_option = click.option(
    "--stability",
    "draws",
    type=click.IntRange(0, 200),
    default=0,
    show_default=True,
    metavar="N",
    help=f"Compute each lesion N times again with its seed moved (variance 16 mm²), {FEW} for a cheap look: columns "
    "of how far features and predictions move.",
)
identifiers_option = click.option(
    "--identifiers", is_flag=True, help="Keep what identifies patients: such columns, and UIDs."
)


def require_weights(weights: str | None, encoder: str) -> str:
    """The weights that are named, else the installed ones of an encoder.

    Raises:
        UsageError: there are none.
    """
    if not (chosen := weights or installed_encoder(encoder)):
        trial = (
            f"{SMALL}` computes with the small encoder" if shipped() else f"{DEMONSTRATION_SOURCE}` with random numbers"
        )
        msg = (
            f"No weights. Fetch the published ones: `fmcib-engine weights download {PUBLISHED_ENCODER}`. Or give a "
            "checkpoint of an encoder with --weights FILE or the variable FMCIB_WEIGHTS; "
            f"`--weights {trial}, for trying out."
        )
        raise click.UsageError(msg)
    return chosen
