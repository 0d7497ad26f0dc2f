"""Seeds from DICOM SEG, RTSTRUCT and SR, written by highdicom or by hand, on axial, flipped and oblique series."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pydicom
import pytest
from dicom_phantom import write_index
from fmcib_engine.errors import ImageError, TableError
from fmcib_engine.results.image import write_image
from fmcib_engine.seeds import GivenScan, Wanted, read_seeds
from fmcib_engine.volume import Volume
from seed_support import (
    FRAME,
    OTHER_FRAME,
    OTHER_SERIES,
    SECRETS,
    SERIES,
    box,
    contour,
    ct,
    grid_of,
    item,
    save,
    square,
    structure_set,
)

hd = pytest.importorskip("highdicom")
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription  # noqa: E402  after the skip
from pydicom.sr.codedict import codes  # noqa: E402

SHAPE = (9, 24, 20)
every_plane = pytest.mark.parametrize("axes", ["axial", "axial, feet up", "sagittal", "coronal", "oblique"])


def description(number, label, tracking=""):
    return SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Nodule,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
        **({"tracking_uid": hd.UID(), "tracking_id": tracking} if tracking else {}),
    )


def seg(path, datasets, masks, kind="BINARY", **options):
    """A SEG by highdicom; `masks` by their labels, truth values or fractions [k, j, i]."""
    pixels = np.stack(list(masks.values()), axis=-1)
    if kind == "LABELMAP":
        pixels = sum(mask.astype(np.uint8) * np.uint8(number) for number, mask in enumerate(masks.values(), 1))
    written = Segmentation(
        source_images=datasets,
        pixel_array=pixels if kind != "BINARY" else pixels.astype(np.uint8),
        segmentation_type=kind,
        segment_descriptions=[description(number, label) for number, label in enumerate(masks, 1)],
        series_instance_uid=hd.UID(),
        series_number=2,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="m",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="SECRET9",
        **options,
    )
    written.save_as(path)
    return written


def index_of(seed, datasets):
    return grid_of(datasets).inverse @ [*seed.coordinates, 1.0]


def require_index(seed, datasets, index):
    assert seed.problem == ""
    np.testing.assert_allclose(index_of(seed, datasets)[:3], index, atol=1e-6)


def problems(table):
    told = [seed.problem for seed in table.seeds]
    assert not [secret for secret in SECRETS for sentence in (*told, *table.warnings) if secret in sentence]
    return told


@pytest.fixture
def series(tmp_path):
    return ct(tmp_path / "ct")


# Segmentations


@every_plane
@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_of_every_kind_have_their_places_and_sizes(tmp_path, axes, kind):
    datasets = ct(tmp_path / "ct", axes=axes)
    masks = {"left": box(SHAPE, (2, 3, 1), (4, 7, 3)), "right": box(SHAPE, (9, 11, 6), (12, 11, 8))}
    if kind == "FRACTIONAL":
        masks = {label: mask * np.float32(0.9) for label, mask in masks.items()}
    seg(tmp_path / "seg.dcm", datasets, masks, kind)
    left, right = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index(left, datasets, (3, 5, 2))
    require_index(right, datasets, (10.5, 11, 7))
    assert (left.label, left.origin, left.frame_of_reference) == ("left", "seg, centroid", FRAME)
    assert left.volume_mm3 == pytest.approx(45 * 0.5 * 0.8 * 2.5)
    assert (left.image, left.series_uid) == (tmp_path / "ct", "")


@pytest.mark.parametrize("rows", [24, 23])
@pytest.mark.parametrize("columns", [20, 19])
def test_highdicom_reads_the_same_voxels_also_where_no_frame_begins_at_a_byte(tmp_path, rows, columns):
    datasets = ct(tmp_path / "ct", rows=rows, columns=columns)
    random = np.random.default_rng(rows * columns)
    mask = random.random((9, rows, columns)) < 0.3
    seg(tmp_path / "seg.dcm", datasets, {"A": mask, "B": ~mask})
    from fmcib_engine.readers.dicom import read_object
    from fmcib_engine.seeds.dicom.segmentation import Segmentation as Ours

    ours = Ours(read_object(tmp_path / "seg.dcm"))
    theirs = hd.seg.segread(tmp_path / "seg.dcm").get_volume(combine_segments=False)
    for number, segment in enumerate(ours.segments):
        found = {tuple(place) for place in np.round(ours.grid.to_patient(ours.mask(segment).indices), 3).tolist()}
        indices = np.argwhere(theirs.array[..., number])
        affine = theirs.affine
        places = indices @ affine[:3, :3].T + affine[:3, 3]
        assert found == {tuple(place) for place in np.round(places, 3).tolist()}


def test_segments_may_overlap(tmp_path, series):
    masks = {"whole": box(SHAPE, (2, 2, 1), (12, 12, 7)), "core": box(SHAPE, (6, 6, 3), (8, 8, 5))}
    seg(tmp_path / "seg.dcm", series, masks)
    whole, core = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index(whole, series, (7, 7, 4))
    require_index(core, series, (7, 7, 4))
    assert whole.volume_mm3 == pytest.approx(core.volume_mm3 * 11 * 11 * 7 / 27)


def test_a_voxel_belongs_to_a_fractional_segment_from_one_half_on(tmp_path, series):
    fractions = np.zeros(SHAPE, np.float32)
    fractions[2, 5, 3], fractions[2, 5, 4], fractions[2, 5, 5] = 0.49, 0.51, 1.0
    seg(tmp_path / "seg.dcm", series, {"A": fractions}, "FRACTIONAL", fractional_type="PROBABILITY")
    (seed,) = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index(seed, series, (4.5, 5, 2))


def test_frames_that_skip_slices_keep_their_places(tmp_path, series):
    mask = box(SHAPE, (3, 3, 1), (3, 3, 1)) | box(SHAPE, (3, 3, 5), (3, 3, 5)) | box(SHAPE, (3, 3, 7), (3, 3, 7))
    seg(tmp_path / "seg.dcm", series, {"A": mask})
    assert pydicom.dcmread(tmp_path / "seg.dcm").NumberOfFrames == 3
    parts = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct"), wanted=Wanted(parts=True)).seeds
    assert sorted(round(float(index_of(seed, series)[2]), 6) for seed in parts) == [1.0, 5.0, 7.0]
    assert [seed.volume_mm3 for seed in parts] == pytest.approx([0.5 * 0.8 * 2.5] * 3)


@pytest.mark.parametrize("syntax", ["RLELossless", "JPEGLSLossless", "DeflatedExplicitVRLittleEndian"])
def test_packed_pixels_are_read(tmp_path, series, syntax):
    mask, uid = box(SHAPE, (2, 3, 1), (4, 7, 3)), getattr(pydicom.uid, syntax)
    if syntax.startswith("Deflated"):
        written = seg(tmp_path / "seg.dcm", series, {"A": mask})
        written.file_meta.TransferSyntaxUID = uid
        written.save_as(tmp_path / "seg.dcm")
    else:
        seg(tmp_path / "seg.dcm", series, {"A": mask}, "FRACTIONAL", transfer_syntax_uid=uid)
    (seed,) = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index(seed, series, (3, 5, 2))


@pytest.mark.parametrize("is_there", [True, False])
def test_jpeg_2000_is_read_where_its_codec_is_there_and_told_where_it_is_not(tmp_path, series, monkeypatch, is_there):
    """Slicer's pydicom has none; Pillow brings one."""
    image = pytest.importorskip("PIL.Image")
    if not pytest.importorskip("PIL.features").check("jpg_2000"):
        pytest.skip("Pillow has no JPEG 2000 here")
    written = seg(tmp_path / "seg.dcm", series, {"A": box(SHAPE, (2, 3, 1), (4, 7, 3))}, "FRACTIONAL")
    frames = []
    for pixels in written.pixel_array:
        stream = io.BytesIO()
        image.fromarray(pixels).save(stream, "JPEG2000", no_jp2=True)
        frames.append(stream.getvalue())
    written.PixelData = pydicom.encaps.encapsulate(frames)
    written["PixelData"].VR, written["PixelData"].is_undefined_length = "OB", True
    written.file_meta.TransferSyntaxUID = pydicom.uid.JPEG2000Lossless
    written.save_as(tmp_path / "seg.dcm")
    if not is_there:
        monkeypatch.setattr(pydicom.pixels.decoders.JPEG2000LosslessDecoder, "_available", {})
    (seed,) = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    if is_there:
        require_index(seed, series, (3, 5, 2))
    else:
        assert "packed as is not read here (JPEG 2000 Image Compression (Lossless Only))" in seed.problem


def test_a_codec_that_is_not_installed_is_told(tmp_path, series, monkeypatch):
    mask = box(SHAPE, (2, 3, 1), (4, 7, 3))
    seg(tmp_path / "seg.dcm", series, {"A": mask}, "FRACTIONAL", transfer_syntax_uid=pydicom.uid.JPEGLSLossless)
    monkeypatch.setattr(pydicom.pixels.decoders.JPEGLSLosslessDecoder, "_available", {})
    (problem,) = problems(read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct")))
    assert "packed as is not read here (JPEG-LS Lossless Image Compression)" in problem


def test_an_empty_segment_is_told_and_stops_no_other(tmp_path, series):
    masks = {"none": np.zeros(SHAPE, bool), "A": box(SHAPE, (2, 3, 1), (4, 7, 3))}
    seg(tmp_path / "seg.dcm", series, masks, omit_empty_frames=False)
    table = read_seeds(tmp_path / "seg.dcm", scan=GivenScan(tmp_path / "ct"))
    assert problems(table) == ["'none' of seg.dcm: it is empty, or no voxel's centre lies inside.", ""]


def changed(path, target, change):
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(target)
    return target


def without(keyword):
    return lambda dataset: delattr(dataset, keyword)


def _shift(dataset):
    dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = [0, 0, 1.7]


def _nowhere(dataset):
    del dataset.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence


def _short(dataset):
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("SegmentationType"), "a segmentation is binary, fractional or a label map"),
        (without("PerFrameFunctionalGroupsSequence"), "should tell the place of each of its 3 frames, and tells 0"),
        (without("NumberOfFrames"), "should tell the place of each of its 0 frames, and tells 3"),
        (without("PixelData"), "pixels are damaged or incomplete"),
        (_short, "pixels are damaged or incomplete"),
        (_shift, "do not lie at equal steps"),
        (_nowhere, "does not say where in the patient it lies"),
        (without("SharedFunctionalGroupsSequence"), "does not say which segment it shows"),
        (without("Rows"), "its size would be 20 x 0 x 3 voxels"),
    ],
)
def test_a_segmentation_that_contradicts_itself_is_told(tmp_path, series, change, said):
    seg(tmp_path / "s.dcm", series, {"A": box(SHAPE, (2, 3, 1), (4, 7, 3))})
    path = changed(tmp_path / "s.dcm", tmp_path / "bad.dcm", change)
    (problem,) = problems(read_seeds(path, scan=GivenScan(tmp_path / "ct")))
    assert said in problem


def test_a_segmentation_cut_off_anywhere_gives_no_seed_that_is_wrong(tmp_path, series):
    mask = box(SHAPE, (2, 3, 1), (4, 7, 3))
    seg(tmp_path / "s.dcm", series, {"A": mask})
    content = (tmp_path / "s.dcm").read_bytes()
    cut = tmp_path / "cut.dcm"
    for length in (*range(140, len(content), 173), len(content) - 2, len(content) - 1):
        cut.write_bytes(content[:length])
        try:
            table = read_seeds(cut, scan=GivenScan(tmp_path / "ct"))
        except (TableError, ImageError):
            continue
        assert all(problems(table)), length


# Structure sets


@every_plane
def test_rois_are_the_voxels_whose_centres_lie_inside_their_outlines(tmp_path, axes):
    datasets = ct(tmp_path / "ct", axes=axes)
    grid = grid_of(datasets)
    outlines = [contour(square(grid, k, (2.6, 3.6), (6.4, 9.4))) for k in (2, 3, 4)]
    structure_set(
        tmp_path / "rs.dcm", {"GTV-1": outlines, "Lung": [contour(square(grid, 7, (9.5, 9.5), (15.5, 11.5)))]}
    )
    gtv, lung = read_seeds(tmp_path / "rs.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index(gtv, datasets, (4.5, 6.5, 3))
    require_index(lung, datasets, (12.5, 10.5, 7))
    assert gtv.volume_mm3 == pytest.approx(4 * 6 * 3 * 0.5 * 0.8 * 2.5)
    assert (gtv.lesion_id, gtv.origin, gtv.frame_of_reference) == ("GTV-1", "rtstruct, centroid", FRAME)


def test_a_hole_by_keyhole_by_xor_and_by_a_second_outline_is_one(tmp_path, series):
    grid = grid_of(series)
    outer, inner = square(grid, 4, (1.5, 1.5), (14.5, 14.5)), square(grid, 4, (5.5, 5.5), (9.5, 9.5))
    keyhole = np.concatenate([outer, outer[:1], inner, inner[:1]])
    ways = {
        "keyhole": [contour(keyhole)],
        "xor": [contour(outer, "CLOSEDPLANAR_XOR"), contour(inner, "CLOSEDPLANAR_XOR")],
        "nested": [contour(outer), contour(inner)],
    }
    structure_set(tmp_path / "rs.dcm", ways)
    first, *others = read_seeds(tmp_path / "rs.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    assert first.volume_mm3 == pytest.approx((13 * 13 - 4 * 4) * 0.5 * 0.8 * 2.5)
    assert first.origin == "rtstruct, innermost voxel"
    for other in others:
        assert (other.coordinates, other.volume_mm3) == (first.coordinates, first.volume_mm3)


def test_one_bad_roi_is_told_and_stops_no_other(tmp_path, series):
    grid = grid_of(series)
    sagittal = grid.to_patient(np.array([(5, 5, 1), (5, 20, 1), (5, 20, 4), (5, 5, 4)], dtype=float))
    rois = {
        "empty": [],
        "tiny": [contour(square(grid, 4, (2.2, 2.2), (2.4, 2.4)))],
        "sagittal": [contour(sagittal)],
        "open": [contour(square(grid, 4, (2, 2), (5, 5)), "OPEN_PLANAR")],
        "letters": [item(ContourGeometricType="CLOSED_PLANAR", ContourData=["1", "2", "3", "4"])],
        "good": [contour(square(grid, 4, (2.5, 2.5), (7.5, 7.5)))],
        "points": [contour([grid.to_patient((3, 4, 5))], "POINT"), contour([grid.to_patient((6, 7, 8))], "POINT")],
    }
    structure_set(tmp_path / "rs.dcm", rois)
    table = read_seeds(tmp_path / "rs.dcm", scan=GivenScan(tmp_path / "ct"))
    told = dict(zip([seed.lesion_id for seed in table.seeds], problems(table), strict=True))
    assert told["empty"] == "'empty' of rs.dcm: it has no outline."
    assert "no voxel's centre lies inside" in told["tiny"]
    assert "does not lie in the plane of the scan's slices" in told["sagittal"]
    assert "a closed outline is needed, it has open_planar only" in told["open"]
    assert "no numbers for its points, or not three for each" in told["letters"]
    assert told["good"] == told["points"] == told["points (2)"] == ""
    require_index(table.seeds[-1], series, (6, 7, 8))


def test_rois_are_chosen_by_name_and_by_pattern(tmp_path, series):
    outline = [contour(square(grid_of(series), 4, (2.5, 2.5), (7.5, 7.5)))]
    structure_set(tmp_path / "rs.dcm", dict.fromkeys(("GTV-1", "gtv[2]", "Lung"), outline))

    def named(*names):
        table = read_seeds(tmp_path / "rs.dcm", scan=GivenScan(tmp_path / "ct"), wanted=Wanted(names))
        return [seed.label for seed in table.seeds]

    assert named("GTV*") == ["GTV-1", "gtv[2]"]
    assert named("GTV[2]") == ["gtv[2]"]
    assert named("lung", "GTV-1") == ["GTV-1", "Lung"]
    with pytest.raises(TableError, match=r"rs\.dcm has no heart; it has GTV-1, gtv\[2\], Lung\. Name one of them"):
        named("heart")


def test_a_structure_set_cut_off_anywhere_gives_no_seed_that_is_wrong(tmp_path, series):
    grid = grid_of(series)
    outlines = [contour(square(grid, k, (2.6, 3.6), (6.4, 9.4))) for k in (2, 3, 4)]
    structure_set(tmp_path / "rs.dcm", {"A": outlines, "B": outlines})
    content = (tmp_path / "rs.dcm").read_bytes()
    whole = [seed.coordinates for seed in read_seeds(tmp_path / "rs.dcm", scan=GivenScan(tmp_path / "ct")).seeds]
    cut = tmp_path / "cut.dcm"
    for length in range(132, len(content), 61):
        cut.write_bytes(content[:length])
        try:
            table = read_seeds(cut, scan=GivenScan(tmp_path / "ct"))
        except (TableError, ImageError):
            continue
        assert [seed.coordinates for seed in table.seeds if not seed.problem] in ([], whole), length


# Which scan


def outlined(path, datasets, **options):
    return structure_set(path, {"A": [contour(square(grid_of(datasets), 4, (2.5, 2.5), (7.5, 7.5)))]}, **options)


def test_the_scan_is_the_series_that_is_referred_to_whatever_it_is_called(tmp_path):
    wanted = ct(tmp_path / "all" / "b", frame=FRAME)
    ct(tmp_path / "all" / "a", series=OTHER_SERIES, frame=FRAME)
    outlined(tmp_path / "a.dcm", wanted)
    (seed,) = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all")).seeds
    assert (seed.problem, seed.image, seed.series_uid) == ("", tmp_path / "all" / "b", "")


def test_else_it_is_the_one_in_the_same_frame_of_reference(tmp_path):
    other = ct(tmp_path / "all" / "x", series=OTHER_SERIES, frame=FRAME)
    ct(tmp_path / "all" / "y", series="1.2.826.7", frame=OTHER_FRAME)
    outlined(tmp_path / "a.dcm", other)  # refers to SERIES, which is not there
    (seed,) = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all")).seeds
    assert (seed.problem, seed.image) == ("", tmp_path / "all" / "x")


def test_several_in_one_frame_are_told_apart_by_the_user_only(tmp_path):
    first = ct(tmp_path / "all" / "x", series=OTHER_SERIES)
    ct(tmp_path / "all" / "y", series="1.2.826.7")
    outlined(tmp_path / "a.dcm", first)
    (problem,) = problems(read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all")))
    assert "2 CT series may be its scan: choose one (--series)" in problem
    (seed,) = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all", OTHER_SERIES)).seeds
    assert (seed.problem, seed.image) == ("", tmp_path / "all" / "x")
    (problem,) = problems(read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all", "1.2.826.99")))
    assert "there is no such CT series as was named, among 2" in problem


def test_another_patients_scan_is_refused_also_where_the_user_names_it(tmp_path):
    mine = ct(tmp_path / "mine")
    ct(tmp_path / "other", series=OTHER_SERIES, frame=OTHER_FRAME)
    outlined(tmp_path / "a.dcm", mine)
    for given in (GivenScan(tmp_path / "other"), GivenScan(tmp_path / "other", OTHER_SERIES)):
        (problem,) = problems(read_seeds(tmp_path / "a.dcm", scan=given))
        assert "other holds none of 1 CT series that it refers to, or that shares its frame of reference" in problem


def test_another_frame_of_reference_in_the_very_series_is_refused(tmp_path, series):
    outlined(tmp_path / "a.dcm", series, frame=OTHER_FRAME)
    (problem,) = problems(read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "ct")))
    assert "it lies in another frame of reference than the series that it refers to" in problem


def test_a_scan_that_is_not_there_and_a_dicomdir(tmp_path, series):
    outlined(tmp_path / "a.dcm", series)
    with pytest.raises(TableError, match=r"There is no 'none'\. Check the path of the scan \(--image\)"):
        read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "none"))
    write_index(tmp_path / "ct", sorted(path.name for path in (tmp_path / "ct").iterdir()))
    (seed,) = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "ct" / "DICOMDIR")).seeds
    assert (seed.problem, seed.image) == ("", tmp_path / "ct")


def test_of_several_series_that_are_referred_to_the_one_in_its_frame_is_its_scan(tmp_path, series):
    ct(tmp_path / "other", series=OTHER_SERIES, frame=OTHER_FRAME)
    path = outlined(tmp_path / "a.dcm", series)
    dataset = pydicom.dcmread(path)
    study = dataset.ReferencedFrameOfReferenceSequence[0].RTReferencedStudySequence[0]
    study.RTReferencedSeriesSequence.append(item(SeriesInstanceUID=OTHER_SERIES))
    dataset.save_as(path)
    (seed,) = read_seeds(tmp_path).seeds
    assert (seed.problem, seed.image) == ("", tmp_path / "ct")


def test_series_that_lie_together_are_told_apart_by_their_uid(tmp_path):
    first = ct(tmp_path / "all")
    for path in sorted((tmp_path / "all").iterdir()):
        path.rename(path.with_name(f"x{path.name}"))
    ct(tmp_path / "all", series=OTHER_SERIES, frame=OTHER_FRAME)
    outlined(tmp_path / "a.dcm", first)
    (seed,) = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "all")).seeds
    assert (seed.problem, seed.image, seed.series_uid) == ("", tmp_path / "all", SERIES)


def test_a_folder_gives_the_seeds_of_all_its_objects_each_in_its_own_scan(tmp_path):
    for n, (uid, frame) in enumerate(((SERIES, FRAME), (OTHER_SERIES, OTHER_FRAME))):
        datasets = ct(tmp_path / f"p{n}" / "ct", series=uid, frame=frame)
        outlined(tmp_path / f"p{n}" / "rs.dcm", datasets, series=uid, frame=frame)
    seg(tmp_path / "seg.dcm", datasets, {"A": box(SHAPE, (2, 3, 1), (4, 7, 3))})
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    table = read_seeds(tmp_path)
    assert problems(table) == ["", "", ""]
    assert [(seed.image, seed.lesion_id) for seed in table.seeds] == [
        (tmp_path / "p1" / "ct", "A"),
        (tmp_path / "p0" / "ct", "A"),
        (tmp_path / "p1" / "ct", "A (2)"),
    ]


def test_an_image_without_headers_is_taken_where_it_is_named_and_doubted(tmp_path, series):
    outlined(tmp_path / "a.dcm", series)
    write_image(Volume(np.zeros(SHAPE, np.int16), grid_of(series)), tmp_path / "ct.nrrd")
    table = read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "ct.nrrd"))
    require_index(table.seeds[0], series, (5, 5, 4))
    assert "the scan is no DICOM, so that nobody can tell whether this was made on it" in table.warnings[0]


def test_what_is_no_source_is_told_by_its_modality(tmp_path, series):
    with pytest.raises(TableError, match=r"'000\.dcm' holds DICOM of the modality CT"):
        read_seeds(tmp_path / "ct" / "000.dcm")
    with pytest.raises(TableError, match="'ct' holds DICOM of the modality CT"):
        read_seeds(tmp_path / "ct")
    (tmp_path / "none").mkdir()
    with pytest.raises(TableError, match="'none' holds no DICOM that can be read"):
        read_seeds(tmp_path / "none")


def test_a_time_point_and_a_broken_scan_are_the_scans_own_matter(tmp_path, series):
    outlined(tmp_path / "a.dcm", series)
    for path in sorted((tmp_path / "ct").iterdir())[1:]:
        path.unlink()
    dataset = pydicom.dcmread(tmp_path / "ct" / "000.dcm")
    del dataset.SliceThickness
    dataset.save_as(tmp_path / "ct" / "000.dcm")
    (problem,) = problems(read_seeds(tmp_path / "a.dcm", scan=GivenScan(tmp_path / "ct")))
    assert "One slice alone must say how thick it is" in problem


# Reports


def identifier(name):
    return hd.sr.TrackingIdentifier(uid=hd.UID(), identifier=name)


def report(path, datasets, groups):
    """A TID 1500 report by highdicom, with these measurement groups."""
    observer = hd.sr.ObservationContext(
        observer_person_context=hd.sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name="Doe^Reader"),
        )
    )
    content = hd.sr.MeasurementReport(
        observation_context=observer,
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    written = hd.sr.Comprehensive3DSR(
        evidence=datasets,
        content=content[0],
        series_number=3,
        series_instance_uid=hd.UID(),
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="m",
    )
    written.save_as(path)
    return path


def in_3d(name, kind, points, frame=FRAME):
    region = hd.sr.ImageRegion3D(
        graphic_type=hd.sr.GraphicTypeValues3D[kind],
        graphic_data=np.asarray(points, float),
        frame_of_reference_uid=frame,
    )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=identifier(name), referenced_region=region
    )


def in_image(name, kind, points, dataset):
    region = hd.sr.ImageRegion(
        graphic_type=hd.sr.GraphicTypeValues[kind],
        graphic_data=np.asarray(points, float),
        source_image=hd.sr.SourceImageForRegion.from_source_image(dataset),
    )
    return hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=identifier(name), referenced_region=region
    )


@every_plane
def test_points_of_a_report_are_seeds_in_the_patient_and_in_an_image(tmp_path, axes):
    datasets = ct(tmp_path / "ct", axes=axes)
    grid = grid_of(datasets)
    groups = [
        in_3d("in space", "POINT", [grid.to_patient((4.25, 6.5, 3))]),
        in_image("in a slice", "POINT", [(4.5 + 0.5, 7.25 + 0.5)], datasets[5]),
    ]
    report(tmp_path / "sr.dcm", datasets, groups)
    space, image = read_seeds(tmp_path / "sr.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index_closely(space, datasets, (4.25, 6.5, 3))
    require_index_closely(image, datasets, (4.5, 7.25, 5))
    assert (space.lesion_id, space.origin, space.diameter_mm) == ("in space", "report, point", None)


def require_index_closely(seed, datasets, index):
    """Reports keep their coordinates in float32."""
    assert seed.problem == ""
    np.testing.assert_allclose(index_of(seed, datasets)[:3], index, atol=1e-4)


def test_regions_of_a_report_give_their_middle_and_size(tmp_path, series):
    grid = grid_of(series)

    def at(*indices):
        return grid.to_patient(np.array(indices, dtype=float))

    closed = [(2.5 + 0.5, 3.5 + 0.5), (8.5 + 0.5, 3.5 + 0.5), (8.5 + 0.5, 6.5 + 0.5), (2.5 + 0.5, 6.5 + 0.5)]
    middle = grid.to_patient((8, 9, 4))
    ends = [middle + np.array(step) for step in ((-3, 0, 0), (3, 0, 0), (0, -2, 0), (0, 2, 0))]
    groups = [
        in_image("circle", "CIRCLE", [(6.5, 8.5), (10.5, 8.5)], series[2]),
        in_image("polygon", "POLYLINE", [*closed, closed[0]], series[6]),
        in_3d(
            "polygon in space", "POLYGON", at((2.5, 2.5, 4), (6.5, 2.5, 4), (6.5, 9.5, 4), (2.5, 9.5, 4), (2.5, 2.5, 4))
        ),
        in_3d("ellipse", "ELLIPSE", ends),
    ]
    report(tmp_path / "sr.dcm", series, groups)
    circle, polygon, space, ellipse = read_seeds(tmp_path / "sr.dcm", scan=GivenScan(tmp_path / "ct")).seeds
    require_index_closely(circle, series, (6, 8, 2))
    assert circle.diameter_mm == pytest.approx(2 * 4 * 0.8, rel=1e-5)
    require_index_closely(polygon, series, (5.5, 5, 6))
    require_index_closely(space, series, (4.5, 6, 4))
    require_index_closely(ellipse, series, (8, 9, 4))
    assert ellipse.diameter_mm == pytest.approx(6, rel=1e-5)


def segment_group(name, written, number):
    return hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=identifier(name),
        referenced_segment=hd.sr.ReferencedSegment.from_segmentation(written, segment_number=number),
        finding_type=codes.SCT.Nodule,
        measurements=[hd.sr.Measurement(name=codes.SCT.Volume, value=7.5, unit=codes.UCUM.CubicMillimeter)],
    )


def test_groups_that_refer_to_segments_as_lidcs_take_their_place_once(tmp_path, series):
    masks = {
        "a": box(SHAPE, (2, 3, 1), (4, 7, 3)),
        "b": box(SHAPE, (9, 9, 6), (12, 12, 8)),
        "c": box(SHAPE, (15, 15, 4), (16, 16, 5)),
    }
    written = seg(tmp_path / "all" / "seg.dcm" if (tmp_path / "all").mkdir() is None else None, series, masks)
    groups = [segment_group("Nodule 1", written, 2), segment_group("Nodule 2", written, 1)]
    report(tmp_path / "all" / "sr.dcm", [*series, written], groups)
    shutil.move(tmp_path / "ct", tmp_path / "all" / "ct")
    table = read_seeds(tmp_path / "all")
    assert [(seed.lesion_id, seed.origin) for seed in table.seeds] == [
        ("Nodule 1", "report, centroid"),
        ("Nodule 2", "report, centroid"),
        ("c", "seg, centroid"),
    ]
    require_index(table.seeds[0], series, (10.5, 10.5, 7))
    require_index(table.seeds[1], series, (3, 5, 2))
    alone = read_seeds(tmp_path / "all" / "sr.dcm", scan=GivenScan(tmp_path / "all" / "ct"))
    assert [seed.coordinates for seed in alone.seeds] == [seed.coordinates for seed in table.seeds[:2]]
    (tmp_path / "all" / "seg.dcm").unlink()
    told = problems(read_seeds(tmp_path / "all" / "sr.dcm", scan=GivenScan(tmp_path / "all" / "ct")))
    assert ["it refers to a segmentation that is not here: put the SEG beside the report" in each for each in told] == [
        True,
        True,
    ]


def test_a_bad_group_is_told_and_stops_no_other(tmp_path, series):
    grid = grid_of(series)
    elsewhere = ct(tmp_path / "elsewhere", series=OTHER_SERIES)
    groups = [
        in_3d("other frame", "POINT", [(0, 0, 0)], OTHER_FRAME),
        in_image("other image", "POINT", [(3, 3)], elsewhere[0]),
        in_3d("good", "POINT", [grid.to_patient((4, 6, 3))]),
    ]
    report(tmp_path / "sr.dcm", [*series, *elsewhere], groups)
    table = read_seeds(tmp_path / "sr.dcm", scan=GivenScan(tmp_path / "ct"))
    first, second, third = problems(table)
    assert "another frame of reference" in first
    assert "it is marked in an image that is not one of the scan" in second
    assert third == ""


def test_a_report_without_groups_holds_no_lesion(tmp_path, series):
    dataset = item(SOPClassUID="1.2.840.10008.5.1.4.1.1.88.22", SOPInstanceUID="1.2.826.3", Modality="SR")
    save(dataset, tmp_path / "sr.dcm")
    with pytest.raises(TableError, match=r"sr\.dcm holds no segmentation .* or report \(SR\) with a lesion in it"):
        read_seeds(tmp_path / "sr.dcm", scan=GivenScan(tmp_path / "ct"))


# Odd bytes


@pytest.mark.parametrize("kind", ["structures", "segmentation", "report"])
def test_bytes_changed_at_random_give_seeds_problems_or_a_sentence(tmp_path, series, kind):
    grid, folder = grid_of(series), tmp_path / "objects"
    folder.mkdir()
    mask = box(SHAPE, (2, 3, 1), (4, 7, 3))
    written = seg(folder / "segmentation.dcm", series, {"A": mask, "B": ~mask})
    structure_set(folder / "structures.dcm", {"A": [contour(square(grid, 4, (2.5, 2.5), (7.5, 7.5)))]})
    groups = [segment_group("n", written, 1), in_3d("p", "POINT", [grid.to_patient((4, 6, 3))])]
    report(folder / "report.dcm", [*series, written], groups)
    content = (folder / f"{kind}.dcm").read_bytes()
    random, told = np.random.default_rng(11), []
    for _ in range(40):
        changed_bytes = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 6)):
            changed_bytes[place] = random.integers(0, 256)
        (folder / "changed.dcm").write_bytes(changed_bytes)
        try:
            table = read_seeds(folder / "changed.dcm", scan=GivenScan(tmp_path / "ct"))
        except (TableError, ImageError) as error:
            told.append(str(error))
            continue
        assert all(seed.problem or np.isfinite(seed.coordinates).all() for seed in table.seeds)
    assert not [sentence for sentence in told if any(secret in sentence for secret in SECRETS[:2])]
