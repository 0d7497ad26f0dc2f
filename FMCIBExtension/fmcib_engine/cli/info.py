"""`info` and `columns`: what is installed, what it can compute on, whether it computes right, what the table says."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from ..cache import cache_folder
from ..encoders import ENCODERS
from ..encoders.devices import choose_devices, engine_of, try_devices
from ..encoders.engines import choose_places
from ..errors import FmcibError
from ..heads.choose import AUTO, Features, choose_heads
from ..preprocessing import DEFAULT_RECIPE, RECIPES
from ..results.schema import COLUMNS, HEAD_COLUMNS, SCHEMA_VERSION, STEADINESS, STEADINESS_OF_HEADS
from ..results.versions import installed_versions
from ..weights import load_encoder
from ..weights.reports import notices
from .console import RESEARCH_ONLY, err, out
from .extract import ERROR_ROWS, NOTHING, OK, EncoderOptions


def show_info(options: EncoderOptions, *, self_test: bool) -> int:
    """Print the facts; the exit code says whether weights (none where they are empty) and self-test are good."""
    table = Table(show_header=False, box=None)
    for name, version in installed_versions().items():
        table.add_row(name, version)
    for name in RECIPES:
        table.add_row("recipe", name + (" (default)" if name == DEFAULT_RECIPE else ""))
    for spec in ENCODERS.values():
        about = f"{spec.feature_count:,} features of {spec.recipe_id}; weights {spec.weights_licence}; {spec.citation}"
        table.add_row("encoder", f"{spec.id}: {spec.title}; {about}")
    table.add_row("feature table", f"schema {SCHEMA_VERSION}, {len(COLUMNS)} columns and the features")
    table.add_row("cache folder", escape(str(cache_folder())))
    out.print(table)
    usable = _show_devices(options.device, options.engine) and _show_weights(options)
    good = not (usable and self_test) or _show_self_test(options.device, options.engine)
    out.print(RESEARCH_ONLY)
    if not usable:
        return NOTHING
    return OK if good else ERROR_ROWS


def show_columns() -> None:
    """Print the schema."""
    table = Table(title=f"Feature table, schema {SCHEMA_VERSION}", title_justify="left")
    for heading in ("column", "type", "unit", "meaning"):
        table.add_column(heading, overflow="fold")
    for column in COLUMNS:
        table.add_row(column.name, column.type.__name__, column.unit, escape(column.meaning))
    for pattern in (*HEAD_COLUMNS, *STEADINESS, *STEADINESS_OF_HEADS):
        table.add_row(*map(escape, pattern))
    counts = ", ".join(f"pred_{spec.feature_count - 1} of {spec.id}" for spec in ENCODERS.values())
    table.add_row("pred_0 …", "float32", "", f"the encoder's features, by upstream's names, up to {counts}")
    out.print(table)


def _show_devices(wanted: str, engine: str) -> bool:
    try:
        tried = try_devices()
        for device in tried:
            memory = f", {device.memory_bytes / 2**30:.0f} GiB" if device.memory_bytes else ""
            problem = f"; does not work: {device.problem}" if device.problem else ""
            out.print(f"device {device.name}: {device.title}{memory}{problem}", markup=False)
        choose_devices(wanted, listed=tried)
        first = choose_places(wanted, engine=engine).devices[0]
        out.print(f"engine: {engine_of(first)} on {first}", markup=False)
    except FmcibError as error:
        err.print(f"Error: {error}", style="bold red", markup=False)
        return False
    return True


def _show_weights(options: EncoderOptions) -> bool:
    if not options.weights:
        out.print(
            "weights: none (`fmcib-engine weights download fmcib`, --weights, or the variable FMCIB_WEIGHTS)",
            markup=False,
        )
        return True
    try:
        with err.status("Loading the weights"):
            encoder = load_encoder(
                options.weights, encoder_id=options.encoder_id, device=options.device, engine=options.engine
            )
            told = notices(options.weights)
    except FmcibError as error:
        err.print(f"Error: {error}", style="bold red", markup=False)
        return False
    identity = encoder.weights
    out.print(
        f"weights: {identity.name}, SHA-256 {identity.sha256}, every tensor as the encoder {encoder.spec.id} wants it",
        markup=False,
    )
    if encoder.engine_deviation is not None:
        out.print(f"engine: {encoder.engine}, deviates {encoder.engine_deviation:.1e} from pytorch", markup=False)
    for notice in told:
        out.print(notice, markup=False)
    if identity.caution:
        out.print(identity.caution, style="bold yellow", markup=False)
    _show_heads(Features(encoder, options.weights, encoder.spec.recipe_id))
    return True


def _show_heads(features: Features) -> None:
    """What would be predicted with these weights."""
    heads = choose_heads(AUTO, features, load_encoder)
    for member in heads.members:
        worth = f"; {member.head.metrics[0].text}" if member.head.metrics else ""
        out.print(f"head {member.head.id}: {member.head.title}{worth}; {member.source}", markup=False)
    for problem in heads.problems:
        err.print(problem, style="bold yellow", markup=False)


def _show_self_test(device: str, engine: str) -> bool:
    from ..checks.selftest import run_self_test

    with err.status("Self-test: the probe patch and its features, with demonstration weights"):
        report = run_self_test(device, engine)
    if report.note:
        err.print(f"self-test: {report.note}", style="bold yellow", markup=False)
    deviation = (
        "" if report.engine_deviation is None else f", which deviates {report.engine_deviation:.1e} from pytorch"
    )
    out.print(f"self-test by {report.engine} on {report.device}{deviation}", markup=False)
    for check in report.checks:
        verdict = "[green]good[/]" if check.good else "[bold red]WRONG[/]"
        out.print(f"self-test, {check.what}: {verdict}, deviates {check.deviation:.1e} (at most {check.limit:.0e})")
    return report.good
