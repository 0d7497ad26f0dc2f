"""`verify-published`: whoever has the weights, the scan and the published features sees whether ours are the same."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from ..checks.published import AGREEMENT, PATIENT, Comparison, read_published, verify
from ..encoders import ENGINES
from ..readers import read_volume
from ..weights.store import PUBLISHED_ENCODER, installed_encoder
from .console import RESEARCH_ONLY, err, out
from .extract import ERROR_ROWS, NOTHING, OK, EncoderOptions, open_encoder

_WHERE = {
    "--scan": f"the CT of {PATIENT}: NSCLC-Radiomics in The Cancer Imaging Archive, CC BY-NC 3.0, a DICOM folder",
    "--published": "the published features: pip download --no-deps tumorimagingbench==0.1.4, the wheel as it is",
    "--weights": "the published weights: fmcib-engine weights download fmcib",
}


@click.command("verify-published")
@click.option("--scan", type=click.Path(path_type=Path), help=f"The CT of {PATIENT}: its DICOM folder, or a file.")
@click.option("--published", type=click.Path(path_type=Path), help="The wheel tumorimagingbench 0.1.4, or its CSV.")
@click.option(
    "--weights",
    envvar="FMCIB_WEIGHTS",
    metavar="FILE",
    help="The published weights. Else FMCIB_WEIGHTS, else the installed `fmcib`.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--engine", type=click.Choice(ENGINES), default="auto", show_default=True, help="As of extract.")
def verify_published(
    *, scan: Path | None, published: Path | None, weights: str | None, device: str, engine: str
) -> int:
    """Compute one published lesion again, and compare its features with those that FMCIB's authors published.

    Exit codes: 0 they agree; 3 they do not, or the weights are not FMCIB's; 4 something is missing or cannot be read.
    """
    weights = weights or installed_encoder()
    if scan is None or published is None or weights is None:
        given = {"--scan": scan, "--published": published, "--weights": weights}
        out.print("skipped. Missing:", markup=False)
        for option in (name for name, value in given.items() if not value):
            out.print(f"{option}  {_WHERE[option]}", markup=False)
        return NOTHING
    table = read_published(published)
    volume = read_volume(scan)
    encoder = open_encoder(EncoderOptions(weights, device, engine, encoder_id=PUBLISHED_ENCODER))
    with err.status(f"Computing the features of {PATIENT}"):
        comparison = verify(volume, encoder, table)
    out.print(
        f"{escape(encoder.weights.name)}, SHA-256 {encoder.weights.sha256}, on {encoder.device} by {encoder.engine}"
    )
    _show(comparison)
    out.print(RESEARCH_ONLY)
    if encoder.weights.caution:
        out.print(f"{encoder.weights.caution}: this comparison means no more.", style="bold yellow", markup=False)
        return ERROR_ROWS
    out.print(_verdict(comparison), style="green" if comparison.agrees else "bold red", markup=False)
    return OK if comparison.agrees else ERROR_ROWS


def _show(comparison: Comparison) -> None:
    table = Table(title=f"Our features of {comparison.patient}", title_justify="left", show_header=False, box=None)
    for what, value in (
        ("from ours to the published row, relative to its length", f"{comparison.distance:.1e}"),
        (f"from ours to the nearest other patient's ({comparison.nearest_other})", f"{comparison.other_distance:.1e}"),
        ("from the published row to the nearest other patient's", f"{comparison.spacing:.1e}"),
        (f"limit: {AGREEMENT:g} of that", f"{comparison.limit:.1e}"),
        (f"rank of the published row among {comparison.patients}", str(comparison.rank)),
        ("cosine", f"{comparison.cosine:.6f}"),
        ("concordance correlation coefficient", f"{comparison.concordance:.6f}"),
        (f"largest difference ({comparison.largest_feature})", f"{comparison.largest_difference:.1e}"),
    ):
        table.add_row(escape(what), value)
    out.print(table)


def _verdict(comparison: Comparison) -> str:
    if comparison.agrees:
        return f"agrees: our features of {comparison.patient} are the published ones, to rounding or nearly so."
    if comparison.rank == 1:
        return (
            "does not agree: the right patient's row is the nearest, but beyond the limit. The scan may have been "
            "converted or cut, or the weights are not quite the published ones: check their SHA-256."
        )
    return (
        f"does not agree: {comparison.rank - 1} other patients are nearer. These are other weights, or another scan: "
        f"take the published weights, and the CT of {comparison.patient}."
    )
