"""`stability`: how far the numbers of one lesion move, or how well those of a cohort agree."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..encoders import Encoder
from ..errors import InputError, NamesScansError, OutputError, TableError
from ..geometry import FRAMES, PatientPoint, parse_frame, point_in_frame
from ..heads.chosen import ChosenHeads
from ..pipeline import cut, encode
from ..preprocessing import Patch
from ..readers import read_volume
from ..results.picture import write_atomically
from ..seeds import GivenScan, LesionSeed, read_seeds
from ..seeds.by_scan import place_of
from ..stability.document import ComputedBy, as_json, document_of
from ..stability.jitter import MOST_DRAWS, PAPERS_DRAWS, PAPERS_VARIANCE, Jitter, grid, in_mask, normal
from ..stability.numbers import in_words
from ..stability.one import Asked, Others, Steadiness, disturb
from ..stability.perturb import PERTURBATIONS
from ..volume import Volume
from .console import RESEARCH_ONLY, err, out, progress
from .extract import ERROR_ROWS, INTERRUPTED, OK, EncoderOptions, heads_beside, open_encoder
from .options import device_option, encoder_option, engine_option, heads_option, require_weights, weights_option

if TYPE_CHECKING:
    from ..stability.cohort import Cohort

_Coordinates = tuple[float, float, float]
_OF_A_LESION = ("frame", "series_uid", "time_point", "draws", "variance", "grid_step", "perturb", "random_seed")
"""Options with values of their own."""


@dataclass(frozen=True)
class _Lesion:
    """One lesion, where its seed is moved, and what it is compared with."""

    image: Path
    seed: _Coordinates
    frame: str
    series_uid: str
    time_point: int | None
    draws: int
    variance: float
    grid_steps: int | None
    grid_step: float
    mask: Path | None
    perturb: bool
    others: Path | None
    reference: Path | None
    random_seed: int


@click.command("stability")
@click.option("--image", type=click.Path(path_type=Path), help="A CT: NIfTI, NRRD, MetaImage, or a DICOM folder.")
@click.option("--seed", nargs=3, type=float, metavar="X Y Z", help="The lesion, in --frame.")
@click.option("--frame", type=click.Choice(FRAMES), default="lps", show_default=True, help="Of --seed.")
@click.option("--series", "series_uid", default="", help="SeriesInstanceUID, where the folder holds several series.")
@click.option("--time-point", type=click.IntRange(min=0), help="Which time point of a 4D scan, from 0.")
@click.option(
    "--table",
    type=click.Path(path_type=Path),
    metavar="PAIRS.csv",
    help="A cohort instead of one lesion: each lesion_id once in each condition (test-retest, reconstructions); a seed "
    "table, or a feature table of `extract`.",
)
@click.option("--condition", default="condition", show_default=True, metavar="COLUMN", help="Of --table.")
@click.option("--draws", type=int, default=PAPERS_DRAWS, show_default=True, help=f"Moved seeds, 1 to {MOST_DRAWS}.")
@click.option("--variance", type=float, default=PAPERS_VARIANCE, show_default=True, help="Of the jitter, mm² an axis.")
@click.option("--grid-steps", type=int, metavar="N", help="Move the seed on a grid, N steps to each side, instead.")
@click.option("--grid-step", type=float, default=4.0, show_default=True, help="Of that grid, mm.")
@click.option("--mask", type=click.Path(path_type=Path), help="Move the seed inside this mask of the lesion, instead.")
@click.option("--perturb/--no-perturb", default=True, show_default=True, help="Change the patch, too.")
@click.option("--others", type=click.Path(path_type=Path), help="Other lesions of the scan (a table or points).")
@click.option("--reference", type=click.Path(path_type=Path), help="Other lesions: a table that `extract` wrote.")
@weights_option
@encoder_option
@device_option
@engine_option
@heads_option
@click.option("--random-seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws and noise.")
@click.option(
    "--output", type=click.Path(path_type=Path), help="stability.json of a lesion; a folder for a cohort's report."
)
@click.option("--picture", type=click.Path(path_type=Path), metavar="FILE.png", help="Strip plots of one lesion.")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run wrote.")
def stability(  # noqa: PLR0913
    *,
    image: Path | None,
    seed: _Coordinates | None,
    frame: str,
    series_uid: str,
    time_point: int | None,
    table: Path | None,
    condition: str,
    draws: int,
    variance: float,
    grid_steps: int | None,
    grid_step: float,
    mask: Path | None,
    perturb: bool,
    others: Path | None,
    reference: Path | None,
    weights: str | None,
    encoder: str,
    device: str,
    engine: str,
    heads: str,
    random_seed: int,
    output: Path | None,
    picture: Path | None,
    overwrite: bool,
) -> int:
    """How far features and predictions move: of one lesion (--image, --seed), or of a cohort measured again (--table).

    Exit codes: 0 done; 2 the command line is wrong; 3 rows of the table were left out; 4 nothing could be read,
    computed or written; 130 interrupted, and nothing was written.
    """
    options = EncoderOptions(weights or "", device, engine, encoder_id=encoder)
    if table is not None:
        if image or seed or picture or mask or grid_steps or others or reference:
            msg = "--table is of a cohort: leave out what is of one lesion (--image, --seed, --mask, --picture, …)."
            raise click.UsageError(msg)
        _refuse_given(_OF_A_LESION, "--table is of a cohort, which has no use for")
        folder = output or Path("stability-report")
        return _unless_interrupted(lambda: _cohort(table, condition, options, heads, folder, overwrite=overwrite))
    if image is None or not seed or not all(map(math.isfinite, seed)):
        msg = "Give --image with a --seed of three finite numbers, or --table."
        raise click.UsageError(msg)
    if mask is not None and grid_steps is not None:
        msg = "Give either --mask or --grid-steps."
        raise click.UsageError(msg)
    lesion = _Lesion(
        image, seed, frame, series_uid, time_point, draws, variance, grid_steps, grid_step, mask, perturb, others,
        reference, random_seed,
    )  # fmt: skip
    _refuse_given(("condition",), "One lesion has no use for")
    written = [output or Path("stability.json"), *([picture] if picture else [])]
    inputs = [image, *(each for each in (mask, others, reference) if each)]
    for path, ending in zip(written, (".json", ".png"), strict=False):
        _require_free(path, ending, inputs, overwrite=overwrite)
    return _unless_interrupted(lambda: _one(lesion, _with_weights(options), heads, written))


def _refuse_given(names: tuple[str, ...], why: str) -> None:
    """Options that would be passed over in silence.

    Raises:
        click.UsageError: the user gave one of them.
    """
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(each for each in context.command.params if each.name == name)
            msg = f"{why} {option.opts[0]}: leave it out."
            raise click.UsageError(msg)


def _unless_interrupted(run: Callable[[], int]) -> int:
    try:
        return run()
    except KeyboardInterrupt:
        err.print("Interrupted. Nothing was written.")
        return INTERRUPTED


def _one(lesion: _Lesion, options: EncoderOptions, heads: str, written: list[Path]) -> int:
    """Compute one lesion's steadiness, write and show it."""
    volume = read_volume(
        lesion.image,
        series_uid=lesion.series_uid or None,
        time_point=lesion.time_point,
        needs_origin=lesion.frame != "ijk",
    )
    point = point_in_frame(lesion.seed, parse_frame(lesion.frame), volume.grid)
    volume.grid.require_inside(point)
    jitter = _jitter(lesion, point)
    network = open_encoder(options)
    asked = Asked(
        jitter,
        PERTURBATIONS if lesion.perturb else (),
        _others(lesion, volume, point, network),
        network.spec.recipe_id,
        lesion.random_seed,
    )
    chosen = _heads(heads, network, options)
    with progress("Patches", 1 + len(jitter.points) + len(asked.perturbations)) as advance:
        found = disturb(volume, point, network, chosen, asked, advance)
    _write(found, network, written)
    _tell(found, network, written)
    return OK


def _jitter(lesion: _Lesion, point: PatientPoint) -> Jitter:
    if lesion.grid_steps is not None:
        return grid(point, lesion.grid_steps, lesion.grid_step)
    if lesion.mask is not None:
        return in_mask(read_volume(lesion.mask), lesion.draws, lesion.random_seed)
    return normal(point, lesion.draws, lesion.variance, lesion.random_seed)


def _with_weights(options: EncoderOptions) -> EncoderOptions:
    return replace(options, weights=require_weights(options.weights, options.encoder_id))


def _heads(wanted: str, encoder: Encoder, options: EncoderOptions) -> ChosenHeads:
    chosen = heads_beside(encoder, options, wanted)
    for problem in chosen.problems:
        err.print(problem, style="yellow", markup=False)
    return chosen


def _others(scan: _Lesion, volume: Volume, point: PatientPoint, encoder: Encoder) -> Others:
    """Other lesions of the scan and of a table, without this one."""
    from ..stability.others import of_patches, of_table

    if scan.others is None and scan.reference is None:
        return Others.none("no other lesions were given (--others, --reference)")
    own = cut(volume, point, encoder.spec.recipe_id)
    found = Others.none("")
    if scan.reference is not None:
        found = of_table(scan.reference, encoder, own)
    if scan.others is not None:
        patches = [_patch(seed, volume, encoder, scan.others.name) for seed in _seeds_of_scan(scan)]
        found = of_patches(patches, lambda kept: encode(kept, encoder), own, found)
    return found


def _patch(seed: LesionSeed, volume: Volume, encoder: Encoder, table: str) -> Patch:
    """The patch of another lesion; what is wrong with it is said with its name."""
    try:
        return cut(volume, seed.point(volume.grid), encoder.spec.recipe_id)
    except InputError as error:
        msg = f"Lesion {seed.lesion_id} of {table}: {error} Correct it, or leave it out (--others)."
        raise TableError(msg) from error


def _seeds_of_scan(scan: _Lesion) -> list[LesionSeed]:
    """The lesions of a table that names its scans, if they are of this scan; all of one that names none."""
    if scan.others is None:
        return []
    try:
        return list(read_seeds(scan.others, scan=GivenScan(scan.image, scan.series_uid, scan.time_point)).seeds)
    except NamesScansError:
        place = place_of(scan.image)
        return [seed for seed in read_seeds(scan.others).seeds if place_of(seed.image) == place]


def _require_free(path: Path, ending: str, inputs: list[Path], *, overwrite: bool) -> None:
    """Refuse, before any work is done, what could not be written or would be lost.

    Raises:
        OutputError: with what stands in the way.
    """
    obstacles = (
        (path.is_dir(), f"{path.name or path} is a folder. Give the name of a file."),
        (path.suffix.lower() != ending, f"The name {path.name} should end in {ending}. Choose another."),
        (not path.absolute().parent.is_dir(), f"The folder {path.absolute().parent.name} is not there. Make it first."),
        (
            path.resolve() in {each.resolve() for each in inputs},
            f"{path.name} is what this is computed from, and would be replaced. Choose another name.",
        ),
        (
            path.exists() and not overwrite,
            f"{path.name} exists already. Choose another name, or allow it to be replaced (--overwrite).",
        ),
    )
    if problem := next((sentence for stands, sentence in obstacles if stands), ""):
        raise OutputError(problem)


def _write(found: Steadiness, encoder: Encoder, paths: list[Path]) -> None:
    document = document_of(found, ComputedBy.of(encoder))
    contents = [as_json(document).encode()]
    if len(paths) > 1:
        from ..stability.picture import strips

        contents.append(strips(document))
    for path, content in zip(paths, contents, strict=True):
        write_atomically(path, content)


def _tell(found: Steadiness, encoder: Encoder, paths: list[Path]) -> None:
    out.print(f"Seed moved: {found.jitter.how}.", markup=False)
    if found.left_out:
        out.print(
            f"{len(found.left_out)} draws have no patch and are left out, such as: {found.left_out[0].why}",
            style="yellow",
            markup=False,
        )
    for (head, name), spread in found.spreads().items():
        out.print(
            f"{head}: {name} {spread.value:z.3f}, 95 % of the draws in [{spread.low:z.3f}, {spread.high:z.3f}], "
            f"sd {spread.sd:.3f}",
            markup=False,
        )
    for columns in found.heads:
        if same := found.same_class(columns):
            out.print(f"{columns.id}: the likeliest class is {same[0]} in {same[1]} of {same[2]} draws", markup=False)
        out.print(f"{columns.id}: {found.undisturbed.predictions[columns.id].note}", markup=False)
    similar = found.cosines(found.drawn)
    rank = in_words(found.rank(found.drawn), found.others.about)
    out.print(
        f"cosine to the undisturbed: mean {similar.mean():z.4f}, smallest {similar.min():z.4f}; {rank}", markup=False
    )
    for answer in found.changed:
        said = in_words(found.rank([answer]), found.others.about)
        out.print(f"{answer.name}: cosine {found.cosines([answer])[0]:z.4f}, {said}", markup=False)
    if encoder.weights.caution:
        out.print(encoder.weights.caution, style="bold yellow", markup=False)
    out.print(f"{', '.join(map(str, paths))}. {RESEARCH_ONLY}", markup=False)


def _cohort(table: Path, condition: str, options: EncoderOptions, heads: str, folder: Path, *, overwrite: bool) -> int:
    """Read or compute the features of a cohort, and write what agrees."""
    from ..stability.files import require_free, write_report
    from ..stability.pairs import has_features, of_feature_table
    from .stability_cohort import compute

    require_free(folder, overwrite=overwrite)
    if has_features(table):
        measured = of_feature_table(table, condition)
    else:
        measured = compute(table, condition, _with_weights(options), heads)
    from ..stability.cohort import agree

    cohort: Cohort = agree(measured)
    write_report(cohort, folder)
    for line in cohort.sentences:
        out.print(line, markup=False)
    for warning in measured.warnings:
        err.print(warning, style="yellow", markup=False)
    out.print(f"{folder / 'report.html'}. {RESEARCH_ONLY}", markup=False)
    return ERROR_ROWS if measured.left_out else OK
