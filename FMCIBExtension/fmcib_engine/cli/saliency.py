"""`saliency`: where in the patch a class or the embedding comes from, as a map on the patch's own voxels."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from .. import pipeline
from ..encoders import Encoder
from ..errors import InputError, OutputError
from ..heads.folder import SUFFIX
from ..preprocessing import PATCH_SIZE, Patch
from ..saliency.explain import Step, explain
from ..saliency.files import files_of, require_map_name, write_map
from ..saliency.methods import Parameters, find_method, require_good
from ..saliency.picture import draw_map
from ..saliency.targets import LABEL_FREE, Target, class_of
from ..seeds import LesionSeed
from ..seeds.by_scan import read_scan
from ..weights.store import resolve
from .console import RESEARCH_ONLY, err, out, progress
from .extract import INTERRUPTED, OK, EncoderOptions, heads_beside, open_encoder


@dataclass(frozen=True)
class MapJob:
    """One map to make."""

    lesion: LesionSeed
    method: str
    target: str
    output: Path
    encoder: EncoderOptions
    parameters: Parameters = field(default_factory=Parameters)
    picture: Path | None = None
    overwrite: bool = False


def run_map(job: MapJob) -> int:
    """Compute and write a map, and return the exit code; what was interrupted is written as far as it came.

    Raises:
        FmcibError: nothing could be read, loaded or written.
    """
    require_good(find_method(job.method), job.parameters, PATCH_SIZE)
    _require_writable(job)
    split_target(job.target)  # before the scan is read
    seed = job.lesion
    volume = read_scan(seed)
    point = seed.point(volume.grid)
    encoder, target = _open(job)
    patch = pipeline.cut(volume, point, encoder.spec.recipe_id)
    for warning in patch.quality.warnings():
        out.print(warning, style="yellow", markup=False)
    last, was_interrupted = _refined(job, encoder, target, patch)
    if last is None:
        err.print("Interrupted before there was a map.")
        return INTERRUPTED
    write_map(last.map, job.output)
    if job.picture is not None:
        try:
            draw_map(last.map, patch, job.picture)
        except KeyboardInterrupt:
            err.print(f"Interrupted. {job.output.name} is written; its picture is not.", markup=False)
            return INTERRUPTED
    _tell(last, job)
    return INTERRUPTED if was_interrupted else OK


def split_target(text: str) -> tuple[str, str]:
    """`HEAD:CLASS` in two; a target without a head has an empty second part.

    >>> split_target("malignancy:malignant"), split_target("norm"), split_target("C:/a.head:ill")
    (('malignancy', 'malignant'), ('norm', ''), ('C:/a.head', 'ill'))

    Raises:
        InputError: neither.
    """
    if text in LABEL_FREE:
        return text, ""
    behind_file = text.find(f"{SUFFIX}:")
    at = behind_file + len(SUFFIX) if behind_file >= 0 else text.find(":")
    head, output = text[: max(at, 0)], text[at + 1 :]
    if not head or not output:
        msg = (
            f"A target is one of {', '.join(LABEL_FREE)}, or a head and its class with a colon between, such as "
            f"malignancy:malignant; got {text!r} (--target)."
        )
        raise InputError(msg)
    return head, output


def _open(job: MapJob) -> tuple[Encoder, Target]:
    """The encoder whose features the target takes, and the target."""
    encoder = open_encoder(job.encoder)
    name, output = split_target(job.target)
    if not output:
        return encoder, LABEL_FREE[name]
    heads = heads_beside(encoder, job.encoder, name)
    if len(heads.members) != 1:
        msg = f"{name!r} names no single head (--target). `fmcib-engine heads list` shows those that are here."
        raise InputError(msg)
    (member,) = heads.members
    return member.encoder or encoder, class_of(member, output)


def _refined(job: MapJob, encoder: Encoder, target: Target, patch: Patch) -> tuple[Step | None, bool]:
    """The last map, and whether it was interrupted."""
    last: Step | None = None
    try:
        steps = explain(encoder, patch, target, job.method, job.parameters)
        last = next(steps)
        with progress("Samples", last.total, last.done) as advance:
            for step in steps:
                for _ in range(step.done - last.done):
                    advance()
                last = step
    except KeyboardInterrupt:
        return last, True
    return last, False


def _require_writable(job: MapJob) -> None:
    """Refuse names that cannot be written, or that would lose something, before any work is done."""
    require_map_name(job.output)
    written = [*files_of(job.output)]
    if job.picture is not None:
        if job.picture.suffix.lower() != ".png" or not job.picture.absolute().parent.is_dir():
            msg = f"The picture {job.picture.name} should end in .png and lie in a folder that is there (--picture)."
            raise OutputError(msg)
        written.append(job.picture)
    inputs = {job.lesion.image.resolve(), resolve(job.encoder.weights).resolve()}
    for path in written:
        if path.resolve() in inputs or path.is_dir():
            msg = f"{path.name} is what the map is made from, or a folder. Choose another name (--output, --picture)."
            raise OutputError(msg)
        if path.exists() and not job.overwrite:
            msg = f"{path.name} is there already. Choose another name, or allow it to be overwritten (--overwrite)."
            raise OutputError(msg)


def _tell(last: Step, job: MapJob) -> None:
    facts = last.map.facts
    out.print(f"{facts.method} of {facts.target}: {facts.target_meaning}, {facts.score:z.4g}", markup=False)
    out.print(f"A voxel's value is: {facts.unit}. Largest at {last.map.strongest}.", markup=False)
    for name, value in facts.measured.items():
        out.print(f"{name.replace('_', ' ')}: {value:z.4g}", markup=False)
    if not facts.is_whole:
        out.print(f"Interrupted: the map is of {last.done} of {last.total} samples.", style="bold yellow")
    for caution in facts.cautions:
        out.print(caution, style="bold yellow", markup=False)
    written = [job.output, *([job.picture] if job.picture else [])]
    out.print(f"{', '.join(map(str, written))}. {RESEARCH_ONLY}", markup=False)
