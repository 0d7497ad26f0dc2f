"""What the headers of a DICOM series say, or do not say, of its values: HU of the phantom, a note, or a refusal."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from dicom_phantom import phantom_slice, write
from fmcib_engine.errors import ImageError, SeriesError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import RECIPES, cut_patch
from fmcib_engine.readers import read_volume
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedCTImageStorage
from support import DATA, needs_data

FIRST = np.array((-30.0, -25.0, -310.0))
SLICES, SIDE, STEP = 32, 60, 2.0
SEED = PatientPoint(0.0, 5.0, -280.0)
TISSUE = np.s_[:, 20:40, 20:40]


def chest():
    """HU: air outside, lung with a texture, soft tissue that holds each value from 0 to 99."""
    k, j, i = np.indices((SLICES, SIDE, SIDE))
    hu = -850 + (7 * i + 3 * j + k) % 40
    hu[:, :5] = -1000
    hu[TISSUE] = ((i + 20 * j) % 100)[TISSUE]
    return hu.astype(int)


def ct(hu=None, *, intercept=-1024, slope=1, signed=False, stored=None):
    """One dataset for each slice; 16 bits."""
    stored = np.rint((chest() if hu is None else hu) - intercept) / slope if stored is None else stored
    datasets = []
    for n in range(SLICES):
        dataset = phantom_slice(n)
        dataset.Rows = dataset.Columns = SIDE
        dataset.PixelSpacing = [1, 1]
        dataset.ImagePositionPatient = [*FIRST[:2], FIRST[2] + STEP * n]
        dataset.SliceThickness = STEP
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
        dataset.PixelRepresentation = int(signed)
        dataset.PixelData = np.asarray(stored[n]).astype("<i2" if signed else "<u2").tobytes()
        datasets.append(dataset)
    return datasets


def changed(datasets, **elements):
    for dataset in datasets:
        for keyword, value in elements.items():
            if value is None:
                dataset.pop(keyword, None)
            else:
                setattr(dataset, keyword, value)
    return datasets


def read(folder, datasets):
    write(folder, datasets)
    return read_volume(folder)


def notes_of(volume):
    return " | ".join(volume.source.notes)


def assert_is_chest(volume):
    np.testing.assert_array_equal(np.asarray(volume.array), chest())


# What the header says of the scale


@pytest.mark.parametrize("rescale_type", ["HU", "hu ", " HU", "Hounsfield Units", "[hnsf'U]", "", ["HU", "HU"]])
def test_hu_however_they_are_written_are_hu_without_a_word(tmp_path, rescale_type):
    volume = read(tmp_path, changed(ct(), RescaleType=rescale_type))
    assert_is_chest(volume)
    assert volume.source.notes == ()


def test_slices_of_which_some_are_unspecified_are_refused_with_the_remedy(tmp_path):
    datasets = ct()
    changed(datasets[5:], RescaleType="US")
    words = r"its rescale type is US \(unspecified\), unlike other slices\. Export it with rescale .*, in HU"
    with pytest.raises(SeriesError, match=words):
        read(tmp_path, datasets)


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_decimal_pixels_are_refused_as_such(tmp_path, keyword, kind):
    datasets = ct()
    for dataset in datasets:
        values = np.frombuffer(dataset.PixelData, "<u2").astype(kind).tobytes()
        for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
            delattr(dataset, name)
        dataset.BitsAllocated = 8 * np.dtype(kind).itemsize
        setattr(dataset, keyword, values)
    with pytest.raises(ImageError, match=r"it has its pixels as decimals \(FloatPixelData\), which are not read"):
        read(tmp_path, datasets)


@pytest.mark.parametrize("rescale_type", ["US", "us ", "UNSPECIFIED"])
def test_an_unspecified_type_is_read_where_the_values_lie_as_hu_do(tmp_path, rescale_type):
    volume = read(tmp_path, changed(ct(intercept=0, signed=True), RescaleType=rescale_type))
    assert_is_chest(volume)
    reason = f"its rescale type is {rescale_type.strip().upper()} (unspecified)"
    assert f"({reason}); the values lie as HU do" in notes_of(volume)


@pytest.mark.parametrize("kind", [np.int16, np.float64])
def test_what_simpleitk_writes_as_dicom_is_read(tmp_path, kind):
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(chest().astype(kind))
    image.SetOrigin(FIRST.tolist())
    image.SetSpacing((1, 1, STEP))
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for k in range(SLICES):
        one = image[:, :, k]
        position = "\\".join(map(str, image.TransformIndexToPhysicalPoint((0, 0, k))))
        tags = {"0020|000e": "1.2.3.4", "0020|000d": "1.2.3", "0020|0037": "1\\0\\0\\0\\1\\0", "0008|0060": "CT"}
        tags |= {"0020|0032": position, "0020|0013": str(k)}
        if kind is np.float64:
            tags |= {"0028|1053": "0.1", "0028|1052": "0", "0028|0100": "16", "0028|0101": "16", "0028|0102": "15"}
            tags["0028|0103"] = "1"
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        writer.SetFileName(str(tmp_path / f"{k}.dcm"))
        writer.Execute(one)
    assert pydicom.dcmread(tmp_path / "0.dcm").RescaleType == "US"
    volume = read_volume(tmp_path)
    np.testing.assert_allclose(np.asarray(volume.array), chest(), atol=1e-9)
    assert "its rescale type is US" in notes_of(volume)


@pytest.mark.parametrize("rescale_type", ["OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT", "BQML", ["HU", "OD"]])
def test_another_type_is_refused_by_its_name(tmp_path, rescale_type):
    name = " and ".join(rescale_type) if isinstance(rescale_type, list) else rescale_type
    with pytest.raises(SeriesError, match=rf"of '000\.dcm' its rescale type is {name}\."):
        read(tmp_path, changed(ct(), RescaleType=rescale_type))


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"RescaleIntercept": None}, "no rescale intercept"),
        ({"RescaleIntercept": ""}, "no rescale intercept"),
        ({"RescaleSlope": None}, "no rescale slope"),
        ({"RescaleSlope": ""}, "no rescale slope"),
        ({"RescaleSlope": 0}, "its rescale slope is 0"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "no rescale slope and intercept"),
        ({"RescaleSlope": "", "RescaleIntercept": "", "RescaleType": "US"}, "it has no rescale slope and intercept"),
    ],
)
def test_signed_values_that_are_hu_already_need_no_rescale(tmp_path, elements, words):
    volume = read(tmp_path, changed(ct(intercept=0, signed=True), **elements))
    assert_is_chest(volume)
    assert f"{words}); the values lie as HU do" in notes_of(volume)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("keywords", [("RescaleIntercept",), ("RescaleSlope", "RescaleIntercept")])
def test_a_lost_intercept_is_refused(tmp_path, signed, value, keywords):
    """Read as they are, they would be 1,024 HU wrong."""
    with pytest.raises(SeriesError, match=r"of '000\.dcm' it has no rescale .*do not lie as HU do: 0\.0% of"):
        read(tmp_path, changed(ct(signed=signed), **dict.fromkeys(keywords, value)))


@pytest.mark.parametrize("fill", [-2000, -1024, -1000])
def test_a_fill_outside_the_field_of_view_does_not_hide_a_lost_intercept(tmp_path, fill):
    stored = chest() + 1024
    stored[:, :, :12] = fill
    with pytest.raises(SeriesError, match="do not lie as HU do"):
        read(tmp_path, changed(ct(stored=stored, signed=True), RescaleIntercept=None))


def test_one_slice_without_its_intercept_is_refused(tmp_path):
    datasets = ct()
    del datasets[7].RescaleIntercept
    with pytest.raises(SeriesError, match=r"of '007\.dcm' it has no rescale intercept, unlike other slices"):
        read(tmp_path, datasets)


@pytest.mark.parametrize("intercept", [0, 1024])
def test_a_wrong_intercept_is_told_though_the_header_says_hu(tmp_path, intercept):
    volume = read(tmp_path, changed(ct(), RescaleIntercept=intercept))
    assert "the header says HU, but the values do not lie as HU do: 0.0% of the voxels above -1000" in notes_of(volume)


def test_an_intercept_that_was_subtracted_already_is_told(tmp_path):
    volume = read(tmp_path, changed(ct(stored=chest(), signed=True), RescaleIntercept=-1024))
    assert "do not lie as HU do: 80.6% of the voxels lie between -2000 and -1300, below air" in notes_of(volume)


def test_padding_below_air_is_no_sign_of_that(tmp_path):
    volume = read(tmp_path, padded(-1500, signed=True, intercept=0, PixelPaddingValue=-1500))
    np.testing.assert_array_equal(np.asarray(volume.array), np.where(outside(), -1500, chest()))
    assert volume.source.notes == ()


def test_slope_and_intercept_of_several_numbers_are_refused(tmp_path):
    with pytest.raises(SeriesError, match=r"it has RescaleSlope '1\.0\\2\.0'"):
        read(tmp_path, changed(ct(), RescaleSlope=[1, 2]))


@pytest.mark.parametrize(
    "image_type", ["IODINE_REMOVED", "NO_IODINE", "VNC", "MONOENERGETIC", "CT_SOM5 SPI", "RHOMBIC"]
)
def test_other_words_of_vendors_are_no_map(tmp_path, image_type):
    assert_is_chest(read(tmp_path, changed(ct(), ImageType=["DERIVED", "PRIMARY", "AXIAL", image_type])))


@pytest.mark.parametrize(("slope", "intercept", "is_refused"), [(1, -1024, False), (1, 0, True), (2, -1024, True)])
def test_a_mapping_to_other_hu_is_refused(tmp_path, slope, intercept, is_refused):
    unit, mapping = Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "[hnsf'U]", "UCUM", "Hounsfield unit"
    mapping.MeasurementUnitsCodeSequence = [unit]
    mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept = float(slope), float(intercept)
    datasets = changed(ct(), RealWorldValueMappingSequence=[mapping])
    if is_refused:
        with pytest.raises(SeriesError, match="real world value mapping gives other HU"):
            read(tmp_path, datasets)
    else:
        assert_is_chest(read(tmp_path, datasets))


@pytest.mark.parametrize(
    "image_type",
    ["EFF_ATOMIC_NUM", "STD_DEVIATION", "MAT_MODIFIED", "IODINE", "DET_IODINE_MAP", "Z_EFF", "ELECTRON DENSITY", "PBV"],
)
def test_a_map_without_a_rescale_type_is_refused_by_its_image_type(tmp_path, image_type):
    with pytest.raises(SeriesError, match=f"image type is DERIVED PRIMARY AXIAL {image_type}"):
        read(tmp_path, changed(ct(), ImageType=["DERIVED", "PRIMARY", "AXIAL", image_type]))


@pytest.mark.parametrize(
    ("slope", "intercept", "signed"),
    [(1, -1024, False), ("1.0E0", "-1.024E+03", False), (0.5, -1024, False), (1, -8192, False), (1, 0, True)],
)
def test_values_are_what_another_library_computes(tmp_path, slope, intercept, signed):
    datasets = ct(intercept=float(intercept), slope=float(slope), signed=signed)
    volume = read(tmp_path, changed(datasets, RescaleSlope=slope, RescaleIntercept=intercept))
    for k, dataset in enumerate(datasets):
        stored = pydicom.dcmread(tmp_path / f"{k:03d}.dcm").pixel_array
        expected = stored * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
        np.testing.assert_array_equal(volume.array[k], expected)
    assert_is_chest(volume)


def multiframe(**elements):
    """The chest as one enhanced CT whose rescale is in the file's own dataset, and in no functional group."""
    [dataset] = ct()[:1]
    dataset.SOPClassUID, dataset.NumberOfFrames = EnhancedCTImageStorage, SLICES
    groups = []
    for n in range(SLICES):
        plane, orientation, measures, frame = Dataset(), Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [*FIRST[:2], FIRST[2] + STEP * n]
        orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        measures.PixelSpacing, measures.SliceThickness = [1, 1], STEP
        frame.PlanePositionSequence, frame.PlaneOrientationSequence = [plane], [orientation]
        frame.PixelMeasuresSequence = [measures]
        groups.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.PixelData = (chest() + 1024).astype("<u2").tobytes()
    return changed([dataset], **elements)


def test_the_rescale_of_a_whole_multi_frame_file_counts(tmp_path):
    assert_is_chest(read(tmp_path, multiframe()))


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ({"RescaleSlope": None}, "no rescale slope"),
        ({"RescaleIntercept": None}, "no rescale intercept"),
        ({"RescaleSlope": 0}, "rescale slope is 0"),
        ({"RescaleSlope": None, "RescaleIntercept": None}, "no rescale slope and intercept"),
    ],
)
def test_half_a_rescale_of_a_multi_frame_file_is_refused(tmp_path, elements, words):
    with pytest.raises(SeriesError, match=words):
        read(tmp_path, multiframe(**elements))


# Padding


def outside():
    """What lies outside the circle of reconstruction, [slice, row, column]."""
    j, i = np.indices((SIDE, SIDE)) - SIDE / 2 + 0.5
    return np.broadcast_to(j**2 + i**2 > 26**2, (SLICES, SIDE, SIDE))


def padded(value, *, signed=False, intercept=-1024, **elements):
    stored = chest() - intercept
    stored[outside()] = value
    return changed(ct(stored=stored, signed=signed, intercept=intercept), **elements)


def assert_padding_is_air(volume):
    expected = np.where(outside(), -1024, chest())
    np.testing.assert_array_equal(np.asarray(volume.array), expected)
    assert f"{outside().mean():.1%} of the scan's voxels are declared padding (PixelPaddingValue)" in notes_of(volume)


@pytest.mark.parametrize(
    ("value", "elements"),
    [
        (63536, {"PixelPaddingValue": 63536}),
        (65535, {"PixelPaddingValue": 65535}),
        (60000, {"PixelPaddingValue": 65535, "PixelPaddingRangeLimit": 50000}),
        (60000, {"PixelPaddingValue": 50000, "PixelPaddingRangeLimit": 65535}),
        (4095, {"PixelPaddingValue": 4095}),
        (30000, {"PixelPaddingValue": 30000, "RescaleType": "HU"}),
    ],
)
def test_declared_padding_is_air(tmp_path, value, elements):
    assert_padding_is_air(read(tmp_path, padded(value, **elements)))


def test_padding_of_values_that_have_no_intercept_is_air(tmp_path):
    """Here the voxels' own type, unsigned, could not hold -1024."""
    stored = np.where(outside(), 65000, np.maximum(chest(), 0))
    volume = read(tmp_path, changed(ct(stored=stored, intercept=0), PixelPaddingValue=65000))
    assert (np.asarray(volume.array)[outside()] == -1024).all()
    assert "the values do not lie as HU do" in notes_of(volume)


@pytest.mark.parametrize("recipe", RECIPES)
def test_padding_in_a_patch_is_told_with_its_share(tmp_path, recipe):
    volume = read(tmp_path, padded(63536, PixelPaddingValue=63536))
    patch = cut_patch(volume, SEED, recipe)
    hu = patch.to_hu()
    assert hu.max() == pytest.approx(99, abs=0.01)
    assert hu[25, 0, 0] == -1024
    assert not patch.inside[25, 0, 0]
    assert patch.inside[25, 25, 25]
    centres = np.stack(np.indices((50, 50, 50)), axis=-1).reshape(-1, 3)
    x, y, _ = (centres @ patch.grid.affine[:3, :3].T + patch.grid.affine[:3, 3]).T
    share = np.mean((x - FIRST[0] - 29.5) ** 2 + (y - FIRST[1] - 29.5) ** 2 > 26**2)
    assert patch.quality.padded_fraction == pytest.approx(share, abs=0.02)
    assert patch.quality.fraction_above_3071_hu == 0


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_patch_far_from_the_padding_is_the_same_without_it(tmp_path, recipe):
    whole = read(tmp_path / "whole", ct())
    volume = read(tmp_path / "padded", padded(63536, PixelPaddingValue=63536))
    box = np.s_[10:40, 15:35, 15:35]
    np.testing.assert_array_equal(cut_patch(volume, SEED, recipe).array[box], cut_patch(whole, SEED, recipe).array[box])


@pytest.mark.parametrize(("value", "written"), [(-2000, -2000), (-2000, 63536), (-1, 65535)])
def test_padding_written_as_the_other_kind_of_number_is_meant_as_the_pixels_are(tmp_path, value, written):
    """A signed CT of GE whose padding is written as US; here -1 comes out as 3071 + 1 HU."""
    intercept = -1024 if value == -2000 else 3073
    datasets = padded(value, signed=True, intercept=intercept)
    paths = write(tmp_path, changed(datasets, PixelPaddingValue=-2000 if written < 0 else 0))
    for path in paths:
        content = path.read_bytes()
        at = content.index(b"\x28\0\x20\x01SS\2\0")
        kind = b"SS" if written < 0 else b"US"
        number = np.array(written % 65536, "<u2").tobytes()
        path.write_bytes(content[: at + 4] + kind + b"\2\0" + number + content[at + 10 :])
    volume = read_volume(tmp_path)
    if value == -2000:
        np.testing.assert_array_equal(np.asarray(volume.array), np.where(outside(), -3024, chest()))
        assert volume.source.notes == ()
    else:
        assert_padding_is_air(volume)


@pytest.mark.parametrize(("value", "intercept"), [(-2000, -1024), (-1024, -1024), (0, -1024), (0, -1000), (-2000, 0)])
def test_padding_that_is_air_anyway_is_fed_as_upstream_feeds_it(tmp_path, value, intercept):
    volume = read(tmp_path, padded(value, signed=True, intercept=intercept, PixelPaddingValue=value))
    np.testing.assert_array_equal(np.asarray(volume.array), np.where(outside(), value + intercept, chest()))
    assert volume.source.notes == ()
    assert volume.padding is None


def test_padding_whose_value_tissue_has_too_is_only_what_reaches_the_edge(tmp_path):
    """0 HU is declared padding, and 0 HU is in the middle of the soft tissue."""
    hu = chest()
    assert (hu[TISSUE] == 0).any()
    assert_padding_is_air(read(tmp_path, padded(0, signed=True, intercept=0, PixelPaddingValue=0)))


def test_tissue_of_the_paddings_value_at_the_edge_of_a_slice_stays(tmp_path):
    """A slice that is cut out of a body; some voxels of its edge have the value by chance."""
    hu = chest()
    hu[:, -1, ::7] = 0
    volume = read(tmp_path, changed(ct(hu, signed=True, intercept=0), PixelPaddingValue=0))
    np.testing.assert_array_equal(np.asarray(volume.array), hu)
    assert volume.source.notes == ()


def test_padding_that_no_pixel_has_is_not_spoken_of(tmp_path):
    volume = read(tmp_path, changed(ct(), PixelPaddingValue=63536))
    assert_is_chest(volume)
    assert volume.source.notes == ()


def test_each_slice_has_its_own_padding(tmp_path):
    datasets = padded(63536, PixelPaddingValue=63536)
    other = padded(50000, PixelPaddingValue=50000)
    assert_padding_is_air(read(tmp_path, [*datasets[:9], *other[9:]]))


def test_padding_with_a_slope_of_decimals_is_air(tmp_path):
    stored = np.where(outside(), 65000, (chest() + 1024) * 10)
    volume = read(tmp_path, changed(ct(stored=stored), RescaleSlope="0.1", PixelPaddingValue=65000))
    np.testing.assert_allclose(np.asarray(volume.array), np.where(outside(), -1024, chest()), atol=1e-9)


def test_padding_beside_a_missing_slice_is_air(tmp_path):
    datasets = padded(63536, PixelPaddingValue=63536)
    del datasets[3]
    volume = read(tmp_path, datasets)
    box = np.array((0, 0, 10)), np.array((SIDE, SIDE, 12))
    np.testing.assert_array_equal(volume.read_padding(*box), outside()[10:12])
    assert (volume.read_box(*box)[outside()[10:12]] == -1024).all()


@needs_data
@pytest.mark.parametrize("name", ["LIDC-IDRI-0001_slab", "LIDC-IDRI-0003_slab"])
def test_the_padding_of_real_scans_is_fed_as_upstream_feeds_it(name):
    """Both declare -2000, one of them as 63536; published features were computed with what their voxels hold."""
    volume = read_volume(DATA / "lidc" / name)
    assert volume.padding is None
    assert np.asarray(volume.array).min() == -2048
