"""The commands and their options, by click; and the one boundary where an error becomes a sentence and a code."""

from __future__ import annotations

import math
from pathlib import Path

import click

from ..encoders import Precision
from ..errors import FmcibError
from ..geometry import FRAMES, parse_frame
from ..phantom.lesions import SIZES_MM
from ..phantom.scanners import SCANNERS
from ..phantom.sites import SITES
from ..results.table import TableOptions
from ..saliency.gradcam import STEPS
from ..saliency.methods import METHODS, Parameters
from ..seeds import GivenScan, LesionSeed, SeedTable, read_seeds
from ..weights import DEMONSTRATION_SOURCE
from ..weights.store import default_weights
from .batch import batch
from .cache import cache as cache_group
from .console import err, set_up_logging, show_results
from .extract import INTERRUPTED, NOTHING, USAGE, EncoderOptions, Job, run_job
from .heads import heads as heads_group
from .heads_replicate import replicate_head
from .heads_train import train_head
from .info import show_columns, show_info
from .options import (
    batch_size_option,
    device_option,
    draws_option,
    encoder_option,
    engine_option,
    heads_option,
    identifiers_option,
    precision_option,
    recipe_option,
    require_weights,
    weights_option,
)
from .saliency import MapJob, run_map
from .seeds import seeds
from .stability import stability
from .training import finetune, pretrain
from .verify_published import verify_published
from .weights import weights as weights_group
from .worklist import worklist


def run(arguments: list[str]) -> int:
    """Run one command line and give its exit code."""
    debug = False
    try:
        context = cli.make_context("fmcib-engine", list(arguments))
        debug = bool(context.params.get("debug"))
        with context:
            return int(cli.invoke(context) or 0)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        err.print("Interrupted.")
        return INTERRUPTED
    except FmcibError as error:
        return _tell(str(error), debug=debug)
    except BrokenPipeError:  # the reader of our output has gone
        return NOTHING
    except Exception as error:  # noqa: BLE001  users get sentences, not tracebacks
        return _tell(f"Unforeseen {type(error).__name__}: {error}. Run with --debug and report it.", debug=debug)


def _tell(sentence: str, *, debug: bool) -> int:
    err.print(f"Error: {sentence}", style="bold red", markup=False)
    if debug:
        err.print_exception()
    return NOTHING


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="fmcib-engine")
@click.option("--debug", is_flag=True, help="Show tracebacks and the messages of libraries.")
def cli(*, debug: bool) -> None:
    """Deep-learning biomarkers of a lesion: a CT and a seed become FMCIB's 4,096 features, or a small encoder's.

    For research use only.
    """
    set_up_logging(debug=debug)


cli.add_command(verify_published)
cli.add_command(batch)
cli.add_command(weights_group)
cli.add_command(heads_group)
heads_group.add_command(train_head)
heads_group.add_command(replicate_head)
cli.add_command(cache_group)
cli.add_command(pretrain)
cli.add_command(finetune)
cli.add_command(stability)
cli.add_command(seeds)
cli.add_command(worklist)


@cli.command()
@click.option("--image", type=click.Path(path_type=Path), help="A CT: NIfTI, NRRD, MetaImage, or a DICOM folder.")
@click.option("--seed", nargs=3, type=float, metavar="X Y Z", help="The lesion, in --frame.")
@click.option(
    "--frame", type=click.Choice(FRAMES), help="lps, ras (mm), or ijk (voxels); lps where nothing else is said."
)
@click.option("--series", "series_uid", default="", help="SeriesInstanceUID, where the folder holds several series.")
@click.option("--time-point", type=click.IntRange(min=0), help="Which time point of a 4D scan, from 0.")
@click.option("--lesion-id", default="", help="Your name for the lesion; else 1.")
@click.option(
    "--diameter", type=click.FloatRange(min=0, min_open=True), help="The lesion's size in mm: warns above 50."
)
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    help="CSV of seeds: image_path, coordX, coordY, coordZ; with --image also Slicer's points (.mrk.json, .fcsv, CSV).",
)
@click.option("--image-column", default="image_path", show_default=True, help="The table's column of scans.")
@weights_option
@encoder_option
@device_option
@engine_option
@precision_option
@batch_size_option
@recipe_option
@heads_option
@draws_option
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("features.csv"), show_default=True, help="The table."
)
@click.option("--overwrite", is_flag=True, help="Replace a feature table that exists, or an interrupted one.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run of the same command.")
@identifiers_option
def extract(
    *,
    image: Path | None,
    seed: tuple[float, float, float] | None,
    frame: str | None,
    series_uid: str,
    time_point: int | None,
    lesion_id: str,
    diameter: float | None,
    table: Path | None,
    image_column: str,
    weights: str | None,
    encoder: str,
    device: str,
    engine: str,
    precision: Precision,
    batch_size: int | None,
    recipe: str | None,
    heads: str,
    draws: int,
    output: Path,
    overwrite: bool,
    resume: bool,
    identifiers: bool,
) -> int:
    """Features of one lesion (--image and --seed) or of a table of lesions (--table), and what is predicted, as a CSV.

    Exit codes: 0 every row is good; 2 the command line is wrong; 3 at least one row is an error; 4 nothing could be
    read, loaded or written; 130 interrupted, and what was done is kept.
    """
    if seed and not all(map(math.isfinite, seed)):
        msg = "The three numbers of --seed must be finite."
        raise click.UsageError(msg)
    if bool(seed) == (table is not None) or (seed and image is None):
        msg = "Give either --image with --seed, or --table (with --image, where it names no scan)."
        raise click.UsageError(msg)
    if table is not None and (lesion_id or diameter):
        msg = "With --table, give lesion_id and lesion_diameter_mm as columns of it."
        raise click.UsageError(msg)
    if table is not None and image is None and (series_uid or time_point is not None):
        msg = "With --table and without --image, give series_uid and time_point as columns of the table."
        raise click.UsageError(msg)
    options = EncoderOptions(require_weights(weights, encoder), device, engine, precision, batch_size, encoder)
    if image is not None and seed:
        chosen = parse_frame(frame or "lps")
        one = LesionSeed(1, lesion_id or "1", image, seed, chosen, diameter, series_uid, time_point)
        found = SeedTable((one,))
    elif table is not None:
        scan = GivenScan(image, series_uid, time_point) if image is not None else None
        found = read_seeds(table, scan=scan, image_column=image_column, frame=parse_frame(frame) if frame else None)
    return run_job(
        Job(found, output, options, table, recipe or "", TableOptions(overwrite, resume, identifiers), heads, draws),
        lambda results, run: show_results(results, run, output, rows=len(found.seeds)),
    )


@cli.command()
@weights_option
@encoder_option
@device_option
@engine_option
@click.option("--self-test/--no-self-test", default=True, show_default=True, help="Recompute known values.")
def info(*, weights: str | None, encoder: str, device: str, engine: str, self_test: bool) -> int:
    """Versions, devices, weights, and a self-test against known values."""
    options = EncoderOptions(weights or default_weights(encoder) or "", device, engine, encoder_id=encoder)
    return show_info(options, self_test=self_test)


@cli.command()
def columns() -> None:
    """The columns of the feature table: name, type, unit, meaning."""
    show_columns()


@cli.command()
@click.option("--image", type=click.Path(path_type=Path), help="A CT of your own.")
@click.option("--seed", nargs=3, type=float, metavar="X Y Z", help="The lesion in it, LPS mm.")
@click.option("--download/--no-download", default=None, help="Agree (or not) to fetch a public CT. Else you are asked.")
@weights_option
@device_option
@engine_option
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("build/demo"), show_default=True, help="A folder."
)
def demo(
    *,
    image: Path | None,
    seed: tuple[float, float, float] | None,
    download: bool | None,
    weights: str | None,
    device: str,
    engine: str,
    output: Path,
) -> int:
    """The main job on one scan: features, a table, and pictures of the patch, of what it says, and how steady that is.

    Without --image it takes a public CT that an earlier run fetched, or fetches it if you agree, or makes a phantom.
    Without --weights it computes with the installed `fmcib`, else with what came with the program, and says so.
    """
    if (image is None) != (not seed):
        msg = "Give --image and --seed together, or neither."
        raise click.UsageError(msg)
    from .demo import run_demo

    scan = (image, seed) if image and seed else None
    chosen = weights or default_weights() or DEMONSTRATION_SOURCE
    return run_demo(scan, output, EncoderOptions(chosen, device, engine), download=download)


@cli.command()
@click.option("--count", type=click.IntRange(0, 1_000_000), default=64, show_default=True, help="How many lesions.")
@click.option(
    "--run-seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same number, the same lesions."
)
@click.option(
    "--size",
    type=click.IntRange(*SIZES_MM),
    default=64,
    show_default=True,
    help="Edge of the cubes, mm; from 54 on a patch of 50 mm can be cut from them without padding.",
)
@click.option("--site", type=click.Choice(list(SITES)), help="One site only; else each as often as the others.")
@click.option("--scanner", type=click.Choice(list(SCANNERS)), help="One imaginary scanner only.")
@click.option(
    "--sheet/--no-sheet", default=True, show_default=True, help="A picture of 64: eight sites, eight of each."
)
@click.option("--overwrite", is_flag=True, help="Replace the phantoms of an earlier run.")
@click.option(
    "--output", type=click.Path(path_type=Path), default=Path("build/phantoms"), show_default=True, help="A folder."
)
def phantoms(
    *,
    count: int,
    run_seed: int,
    size: int,
    site: str | None,
    scanner: str | None,
    sheet: bool,
    overwrite: bool,
    output: Path,
) -> int:
    """Computer-made lesions that know their truth: images, masks, a table (also of seeds), and a sheet to look at.

    They are drawn by a program and say nothing about patients.
    """
    from .phantoms import Wanted, make_phantoms

    return make_phantoms(Wanted(count, run_seed, size, site, scanner), output, sheet=sheet, overwrite=overwrite)


@cli.command()
@click.option("--image", type=click.Path(path_type=Path), required=True, help="A CT, as of extract.")
@click.option("--seed", nargs=3, type=float, metavar="X Y Z", required=True, help="The lesion, in --frame.")
@click.option("--frame", type=click.Choice(FRAMES), default="lps", show_default=True, help="lps, ras (mm), or ijk.")
@click.option("--series", "series_uid", default="", help="SeriesInstanceUID, where the folder holds several series.")
@click.option("--time-point", type=click.IntRange(min=0), help="Which time point of a 4D scan, from 0.")
@click.option(
    "--method", type=click.Choice(list(METHODS)), default="gradient", show_default=True, help="How the map is made."
)
@click.option(
    "--target",
    default="embedding",
    show_default=True,
    metavar="embedding|norm|cosine|HEAD:CLASS",
    help="What is explained: the embedding itself, its length, its similarity to the unchanged one; or a class of a "
    "head of `heads list`, of a file that ends in .head, or of fine-tuned weights.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="The map: .nrrd; or .nii.gz, with a .json beside."
)
@click.option("--picture", type=click.Path(path_type=Path), help="A PNG of the map over the CT in three planes.")
@click.option("--overwrite", is_flag=True, help="Replace a map and a picture that exist.")
@weights_option
@encoder_option
@device_option
@click.option("--random-seed", type=int, default=0, show_default=True, help="Of SmoothGrad's noise.")
@click.option("--samples", type=int, help="Copies of SmoothGrad (25), points of integrated gradients (32).")
@click.option("--stage", type=int, default=3, show_default=True, help=f"Of Grad-CAM: {' or '.join(map(str, STEPS))}.")
@click.option("--edge", type=int, default=10, show_default=True, help="Of occlusion: the cube's edge, mm.")
@click.option("--step", type=int, default=5, show_default=True, help="Of occlusion: from one cube to the next, mm.")
def saliency(
    *,
    image: Path,
    seed: tuple[float, float, float],
    frame: str,
    series_uid: str,
    time_point: int | None,
    method: str,
    target: str,
    output: Path,
    picture: Path | None,
    overwrite: bool,
    weights: str | None,
    encoder: str,
    device: str,
    random_seed: int,
    samples: int | None,
    stage: int,
    edge: int,
    step: int,
) -> int:
    """Where in the patch the embedding, or a class of a head, comes from: a map on the patch's own voxels.

    It says where the network looked, not whether it is right. What was interrupted is written as far as it came, with
    the exit code 130.
    """
    if not all(map(math.isfinite, seed)):
        msg = "The three numbers of --seed must be finite."
        raise click.UsageError(msg)
    lesion = LesionSeed(1, "1", image, seed, parse_frame(frame), None, series_uid, time_point)
    options = EncoderOptions(require_weights(weights, encoder), device, "pytorch", encoder_id=encoder)
    chosen = Parameters(samples=samples, stage=stage, edge=edge, step=step, random_seed=random_seed)
    return run_map(MapJob(lesion, method, target, output, options, chosen, picture, overwrite))


@cli.command()
def worker() -> int:
    """Answer requests on standard input (the window's other half; see worker/__init__.py)."""
    from ..worker.run import run_worker

    return run_worker()
