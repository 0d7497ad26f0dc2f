"""`--dask`: a command's rows computed by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from ..batch.cluster import Cluster
from ..batch.requests import Wanted
from ..batch.run import Batch
from ..heads.choose import AUTO, NONE
from ..heads.chosen import ChosenHeads
from ..heads.folder import SUFFIX
from ..results.rows import absolute
from ..weights import DEMONSTRATION_SOURCE
from ..weights.store import resolve
from .console import err
from .extract import Job

dask_option = click.option(
    "--dask",
    default="",
    metavar="ADDRESS",
    help="Let the workers of a running dask.distributed cluster read and compute (tcp://host:8786, tls://…); they must "
    "see the scans under the same paths. Needs the extra [dask].",
)


@contextmanager
def reached(address: str) -> Iterator[Cluster | None]:
    """A connection to the cluster at an address; None for none.

    Raises:
        ClusterError: no scheduler answers there.
        DependencyError: dask.distributed is not installed.
    """
    if not address:
        yield None
        return
    with err.status(f"Connecting to {address}"):
        cluster = Cluster(address)
    try:
        yield cluster
    finally:
        cluster.close()


def here(job: Job) -> Job:
    """A job whose encoder is loaded only to be compared: any device will do, and the surest is taken."""
    return replace(job, encoder=replace(job.encoder, device="cpu", engine="pytorch", precision="float32"))


def on_cluster(asked: Batch, job: Job, heads: ChosenHeads, cluster: Cluster) -> Batch:
    """What is asked for, computed by the workers, on the devices and in the precision that the user wants."""
    options = job.encoder
    wanted = Wanted(
        weights=_everywhere(options.weights),
        encoder_id=options.encoder_id,
        device=options.device,
        engine=options.engine,
        precision=options.precision,
        batch_size=options.batch_size,
        recipe_id=asked.run.recipe_id,
        heads=_names(job.heads, heads),
        draws=asked.run.draws,
    )
    run = replace(asked.run, precision=options.precision)
    return replace(asked, run=run, elsewhere=cluster.computing(wanted))


def _everywhere(weights: str) -> str:
    """An ID, which is the same on every machine, or the path from the root."""
    if weights == DEMONSTRATION_SOURCE or resolve(weights) != Path(weights):
        return weights
    return str(absolute(Path(weights)))


def _names(wanted: str, heads: ChosenHeads) -> str:
    """The heads by name: `auto` may find others on another machine."""
    if wanted == NONE or not heads.members:
        return NONE
    if wanted == AUTO:
        return ",".join(member.head.id for member in heads.members)
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    return ",".join(str(absolute(Path(name))) if _is_file(name) else name for name in names)


def _is_file(name: str) -> bool:
    return name.endswith(SUFFIX) or Path(name).name != name
