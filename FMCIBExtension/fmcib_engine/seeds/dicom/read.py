"""DICOM objects of a file or folder -> seeds: reports first, then segmentations that none of them names, then ROIs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ImageError, SeedError, TableError
from ...paths import file_of, is_there
from ...readers import HeaderMemory
from ...readers.dicom import DicomFiles, read_object
from ...readers.dicom.values import damage, digest_of, quiet_pydicom, text_of
from ...readers.itk import import_package
from ..gathered import Gathered, Named
from ..lesion import GivenScan, SeedTable
from ..outlines import voxels_inside
from ..shape import Mask
from ..wanted import Wanted
from . import reports, structures
from .graphics import in_patient, is_outline, outlined, spots_of
from .match import FindsScans, Matched, Reference, Scans
from .segmentation import Segmentation

if TYPE_CHECKING:
    from ...readers.dicom.objects import Dataset

_log = logging.getLogger(__name__)

_SEG = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_RTSTRUCT = ("1.2.840.10008.5.1.4.1.1.481.3",)
_SR = tuple(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (11, 22, 33, 34))
SOP_CLASSES = (*_SR, *_SEG, *_RTSTRUCT)
"""Of objects that may hold lesions, in the order in which they are read: a report may name segments."""
_WANTED = "segmentation (SEG), structure set (RTSTRUCT) or report (SR) with a lesion in it"
_ADVICE = "Give one of those."
"""Of a source that holds none."""


@dataclass
class _Sources:
    """What is shared while the objects of one source are read."""

    found: Gathered
    scans: FindsScans
    find_segmentations: Callable[[], Mapping[str, Path]]
    """Those that reports may refer to, by SOP instance UID."""
    looks_at_once: bool = True
    """Whether the grid of each scan is wanted, to check seeds by it."""
    reported: set[tuple[str, int]] = field(default_factory=set)
    """Segments that a report has named: they are not taken twice."""

    @cached_property
    def segmentations(self) -> Mapping[str, Path]:
        return self.find_segmentations()


@dataclass(frozen=True)
class DicomObject:
    """A file whose header was read."""

    path: Path
    sop_class: str
    instance_uid: str
    name: str
    """For messages."""


def read_dicom_seeds(
    place: Path,
    given: GivenScan | None,
    wanted: Wanted,
    memory: HeaderMemory | None = None,
    on_object: Callable[[int, int], None] = lambda _done, _total: None,
) -> SeedTable:
    """The lesions of a DICOM object, or of all objects of a folder, each in the CT that it is about.

    Args:
        place: a file or folder.
        given: where its CT lies; beside the object, or in the folder, where None.
        wanted: which lesions.
        memory: of the headers of folders.
        on_object: called before each object with how many were read, and how many there are.

    Raises:
        TableError: no such object, or no lesion that is wanted.
        DependencyError: pydicom is not installed.
    """
    memory = memory or HeaderMemory()
    with quiet_pydicom():
        files = DicomFiles.found_in(place, memory)
        _require_object(place, files)
        folder = place if place.is_dir() else place.parent
        scans = Scans(_place_of(given) if given else folder, given, memory)
        beside = partial(DicomFiles.found_in, folder, memory)
        sources = _Sources(Gathered(place.name, wanted), scans, lambda: _by_instance(beside()))
        todo = [(path, add) for sop_classes, add in _steps() for path in files.objects(sop_classes)]
        for done, (path, add) in enumerate(todo):
            on_object(done, len(todo))
            sources.found.name = path.name
            _attempt(sources, path, add)
    sources.found.name = place.name
    return sources.found.table(_WANTED, _ADVICE)


def read_objects(
    objects: Sequence[DicomObject],
    scans: FindsScans,
    wanted: Wanted,
    on_object: Callable[[int, int], None] = lambda _done, _total: None,
) -> tuple[SeedTable, list[DicomObject]]:
    """The lesions of DICOM objects whose files were found already, and for each of them the object that it is of.

    Args:
        objects: of the classes `SOP_CLASSES`; reports find the segmentations that they refer to among them.
        scans: where each finds its CT.
        wanted: which lesions.
        on_object: called before each object with how many were read, and how many there are.

    Raises:
        TableError: no lesion that is wanted.
        DependencyError: pydicom is not installed.
    """
    by_instance = {each.instance_uid: each.path for each in objects if each.sop_class in _SEG}
    sources = _Sources(Gathered("The source", wanted), scans, lambda: by_instance, looks_at_once=False)
    todo = [(each, add) for classes, add in _steps() for each in objects if each.sop_class in classes]
    of: list[DicomObject] = []
    with quiet_pydicom():
        for done, (each, add) in enumerate(todo):
            on_object(done, len(todo))
            sources.found.name = each.name
            _attempt(sources, each.path, add)
            of += [each] * (len(sources.found.seeds) - len(of))
    sources.found.name = "The source"
    return sources.found.table(_WANTED, _ADVICE), of


def _steps() -> tuple[tuple[Sequence[str], Callable[[_Sources, Dataset], None]], ...]:
    return (_SR, _add_report), (_SEG, _add_segmentation), (_RTSTRUCT, _add_structures)


def _place_of(given: GivenScan) -> Path:
    """Where scans are looked for.

    Raises:
        TableError: there is nothing.
    """
    place = file_of(str(given.image), Path())
    if not is_there(place):
        msg = f"There is no {place.name!r}. Check the path of the scan (--image)."
        raise TableError(msg)
    return place


def _require_object(place: Path, files: DicomFiles) -> None:
    """Say what else a file is, where it is no such object.

    Raises:
        TableError: it is none.
    """
    if not files.objects(SOP_CLASSES):
        kinds = sorted({header.modality for header in files.headers if header.modality})
        what = f"DICOM of the modality {', '.join(kinds)[:80]}" if kinds else "no DICOM that can be read"
        msg = f"Seeds are made of a {_WANTED}; {place.name!r} holds {what}. {_ADVICE}"
        raise TableError(msg)


def _by_instance(files: DicomFiles) -> dict[str, Path]:
    pydicom = import_package("pydicom")
    found = {}
    for path in files.objects(_SEG):
        uid = text_of(pydicom.filereader.read_file_meta_info(path), "MediaStorageSOPInstanceUID").strip(" \0")
        found[uid] = path
    return found


def _attempt(sources: _Sources, path: Path, add: Callable[[_Sources, Dataset], None]) -> None:
    """Add the lesions of one object; what is wrong with it stops no other."""
    nowhere = GivenScan(sources.scans.place)
    try:
        add(sources, read_object(path))
    except SeedError as error:
        sources.found.refuse(Named(""), nowhere, str(error))
    except ImageError as error:
        sources.found.refuse(Named(""), nowhere, str(error).rstrip("."))
    except damage() as error:
        _log.debug("%s", type(error).__name__, exc_info=True)
        why = "there is not enough memory for it" if isinstance(error, MemoryError) else "an element is not of its kind"
        sources.found.refuse(Named(""), nowhere, f"{why}, or it is damaged: export it again")


def _matched(sources: _Sources, series: frozenset[str], frame_item: Dataset, keyword: str) -> Matched:
    return _find(sources, Reference(series, digest_of(frame_item, keyword)))


def _find(sources: _Sources, reference: Reference) -> Matched:
    matched = sources.scans.find(reference)
    scan = matched.scan
    if sources.looks_at_once:
        sources.found.grids[scan.image, scan.series_uid, scan.time_point] = matched.grid
    return matched


def _add_segmentation(sources: _Sources, dataset: Dataset) -> None:
    uid = text_of(dataset, "SOPInstanceUID").strip(" \0")
    segmentation = Segmentation(dataset)
    matched = _matched_segmentation(sources, dataset)
    for segment in segmentation.segments:
        if (uid, segment.number) in sources.reported or not sources.found.takes(segment.label):
            continue
        frame = text_of(dataset, "FrameOfReferenceUID").strip(" \0")
        named = Named(segment.label, segment.tracking_id, frame)
        _add_mask(sources, named, "seg", matched, partial(segmentation.mask, segment))


def _matched_segmentation(sources: _Sources, dataset: Dataset) -> Matched:
    referenced = [text_of(item, "SeriesInstanceUID") for item in dataset.get("ReferencedSeriesSequence") or ()]
    series = frozenset(uid.strip(" \0") for uid in referenced if uid)
    return _matched(sources, series, dataset, "FrameOfReferenceUID")


def _add_mask(sources: _Sources, named: Named, kind: str, matched: Matched, mask_of: Callable[[], Mask | None]) -> None:
    """One outlined lesion, or why it is none."""
    try:
        mask = mask_of()
    except (SeedError, ImageError) as error:
        sources.found.refuse(named, matched.scan, str(error).rstrip("."))
        return
    if mask is None:
        sources.found.refuse(named, matched.scan, "it is empty, or no voxel's centre lies inside")
        return
    if matched.doubt:
        sources.found.warn(named.label, matched.doubt)
    sources.found.outline(named, kind, matched.scan, mask)


def _add_structures(sources: _Sources, dataset: Dataset) -> None:
    series = structures.referenced_series(dataset)
    for roi in structures.rois_of(dataset):
        if not sources.found.takes(roi.name):
            continue
        keyword = "ReferencedFrameOfReferenceUID"
        named = Named(roi.name, frame_of_reference=text_of(roi.frame_item, keyword).strip(" \0"))
        try:
            matched = _matched(sources, series, roi.frame_item, keyword)
        except (SeedError, ImageError) as error:
            sources.found.refuse(named, GivenScan(sources.scans.place), str(error).rstrip("."))
            continue
        if roi.problem or not (roi.outlines or roi.points):
            sources.found.refuse(named, matched.scan, roi.problem or "it has no outline")
        elif roi.outlines:
            _add_mask(sources, named, "rtstruct", matched, partial(_inside, sources, roi, matched))
        else:
            for point in roi.points:
                sources.found.point(named, "rtstruct", matched.scan, point)


def _inside(sources: _Sources, roi: structures.Roi, matched: Matched) -> Mask | None:
    indices, doubts = voxels_inside(roi.outlines, matched.grid)
    for doubt in doubts:
        sources.found.warn(roi.name, doubt)
    return Mask.of_indices(indices, matched.grid) if len(indices) else None


def _add_report(sources: _Sources, dataset: Dataset) -> None:
    series = reports.referenced_series(dataset)
    for group in reports.groups_of(dataset):
        sources.reported |= set(group.segments)
        if not sources.found.takes(group.label):
            continue
        try:
            _add_group(sources, group, series)
        except (SeedError, ImageError) as error:
            sources.found.refuse(Named(group.label), GivenScan(sources.scans.place), str(error).rstrip("."))


def _add_group(sources: _Sources, group: reports.Group, series: Mapping[str, frozenset[str]]) -> None:
    """The lesion of one group: by its segments, else by its outlines, else by its points and other regions."""
    if group.problem:
        raise SeedError(group.problem)
    if group.segments:
        _add_reported_segments(sources, group)
        return
    if not group.graphics:
        msg = "its group names no point, region or segment"
        raise SeedError(msg)
    item = next((graphic.frame_item for graphic in group.graphics if graphic.frame_item is not None), None)
    keyword = "ReferencedFrameOfReferenceUID"
    frame, digest = ("", "") if item is None else (text_of(item, keyword).strip(" \0"), digest_of(item, keyword))
    marked = [_series_with(sources, graphic.image, series) for graphic in group.graphics if graphic.image[0]]
    matched = _find(sources, Reference(frozenset().union(*marked) or frozenset(series), digest))
    named = Named(group.label, frame_of_reference=frame)
    graphics = [in_patient(graphic, matched.series) for graphic in group.graphics]
    closed = [graphic for graphic in graphics if is_outline(graphic)]
    if closed:
        mask, doubts = outlined(closed, matched.grid)
        for doubt in doubts:
            sources.found.warn(group.label, doubt)
        _add_mask(sources, named, "report", matched, lambda: mask)
        return
    for spot in (spot for graphic in graphics for spot in spots_of(graphic)):
        sources.found.point(named, "report", matched.scan, spot.lps, spot.diameter_mm)


def _series_with(sources: _Sources, image: tuple[str, int], series: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The UID of the series that has an image; nothing where none is known to."""
    told = frozenset(uid for uid, images in series.items() if image[0] in images)
    return sources.scans.series_with(image, told)


def _add_reported_segments(sources: _Sources, group: reports.Group) -> None:
    for uid, number in dict.fromkeys(group.segments):
        if uid not in sources.segmentations:
            msg = "it refers to a segmentation that is not here: put the SEG beside the report"
            raise SeedError(msg)
        dataset = read_object(sources.segmentations[uid])
        segmentation = Segmentation(dataset)
        matched = _matched_segmentation(sources, dataset)
        segment = next((each for each in segmentation.segments if each.number == number), None)
        if segment is None:
            msg = f"it refers to the segment {number}, which its segmentation has not"
            raise SeedError(msg)
        named = Named(group.label, frame_of_reference=text_of(dataset, "FrameOfReferenceUID").strip(" \0"))
        _add_mask(sources, named, "report", matched, partial(segmentation.mask, segment))
