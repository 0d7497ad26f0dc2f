"""Seeds from real files: structure sets, segmentations and masks of published cases, and what others say they are."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from fmcib_engine.seeds import GivenScan, Wanted, read_seeds
from fmcib_engine.seeds.check import checked
from support import DATA, needs_data

pytestmark = needs_data

LUNG1 = "lung1/LUNG1-001_dicom.tar.xz"
IBSI, LIDC, DCMQI = DATA / "ibsi", DATA / "lidc", DATA / "odd" / "dcmqi_ct-3slice_with_SEG"


def good(*arguments, **options):
    """The seeds of a source, each of which lies in its scan."""
    table = checked(read_seeds(*arguments, **options))
    assert [seed.problem for seed in table.seeds if seed.problem] == []
    return table.seeds


def test_the_tumour_of_lung1_001_lies_where_fmcib_published_it(scan_path):
    (gtv,) = good(scan_path(LUNG1), wanted=Wanted(("GTV-1",)))
    np.testing.assert_allclose(gtv.coordinates, (82.300730, -201.481085, -456.837891), atol=0.01)
    assert (gtv.lesion_id, gtv.image.name, gtv.series_uid) == ("GTV-1", "CT", "")
    assert gtv.origin == "rtstruct, centroid"


def test_a_cord_that_bends_has_its_seed_inside_itself(scan_path):
    seeds = {seed.label: seed for seed in good(scan_path(LUNG1))}
    assert list(seeds) == ["GTV-1", "Spinal-Cord", "Lung-Left", "Lung-Right"]
    assert seeds["Spinal-Cord"].origin == "rtstruct, innermost voxel"


def test_ibsis_structure_set_and_mask_agree(tmp_path):
    scan = GivenScan(IBSI / "dicom" / "image")
    (by_outline,) = good(next((IBSI / "dicom" / "mask").iterdir()), scan=scan)
    (by_mask,) = good(IBSI / "nifti" / "mask" / "mask.nii.gz", scan=scan)
    np.testing.assert_allclose(by_outline.coordinates, by_mask.coordinates, atol=1e-4)
    assert by_outline.volume_mm3 == pytest.approx(by_mask.volume_mm3, rel=1e-6)  # the same 125,256 voxels
    assert by_outline.diameter_mm == pytest.approx(by_mask.diameter_mm, rel=1e-6)
    voxel = np.prod(sitk.ReadImage(IBSI / "nifti" / "mask" / "mask.nii.gz").GetSpacing())
    assert round(by_outline.volume_mm3 / voxel) == 125256


def test_lidcs_derived_segmentation_and_the_readers_consensus_agree():
    scan = GivenScan(LIDC / "LIDC-IDRI-0001_slab")
    (by_seg,) = good(DATA / "derived" / "LIDC-IDRI-0001_nodule_SEG.dcm", scan=scan)
    (by_mask,) = good(LIDC / "LIDC-IDRI-0001_slab_nodule_mask.nrrd", scan=scan)
    np.testing.assert_allclose(by_seg.coordinates, by_mask.coordinates, atol=1e-3)
    assert by_seg.volume_mm3 == pytest.approx(by_mask.volume_mm3, rel=1e-5)
    assert by_seg.label == "Lung nodule (LIDC 50% consensus)"


def test_dcmqis_segments_overlap_and_are_what_pydicom_unpacks():
    seeds = {seed.label: seed for seed in good(DCMQI / "partial_overlaps.dcm")}
    assert list(seeds) == ["GREEN", "ORANGE", "PURPLE", "LIGHT_BLUE", "DARK_BLUE"]
    dataset = pydicom.dcmread(DCMQI / "partial_overlaps.dcm")
    pixels = dataset.pixel_array
    for item in dataset.SegmentSequence:
        places = []
        for number, groups in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            if groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber == item.SegmentNumber:
                rows, columns = np.nonzero(pixels[number])
                spacing = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
                x, y, z = map(float, groups.PlanePositionSequence[0].ImagePositionPatient)
                places += [(x + i * spacing[1], y + j * spacing[0], z) for j, i in zip(rows, columns, strict=True)]
        seed = seeds[item.SegmentLabel]
        if "centroid" in seed.origin:
            np.testing.assert_allclose(seed.coordinates, np.mean(places, axis=0), atol=1e-3)
    green, orange = pixels[0], pixels[1]
    assert (green & orange).any()


def test_the_liver_of_three_slices_has_four_parts():
    parts = good(DCMQI / "liver.dcm", wanted=Wanted(parts=True))
    assert [seed.lesion_id for seed in parts] == [f"Liver, part {number}" for number in (1, 2, 3, 4)]
    (whole,) = good(DCMQI / "liver.dcm")
    assert sum(part.volume_mm3 for part in parts) == pytest.approx(whole.volume_mm3)


@pytest.mark.parametrize("organ", ["heart", "pulmonary_artery"])
def test_a_mask_on_another_grid_has_the_centroid_that_itk_finds(organ):
    path = DATA / "totalseg" / f"thorax_{organ}_mask.nii.gz"
    (seed,) = good(path, scan=GivenScan(DATA / "totalseg" / "thorax_ct_cropped.nii.gz"))
    shapes = sitk.LabelShapeStatisticsImageFilter()
    shapes.Execute(sitk.Cast(sitk.ReadImage(path), sitk.sitkUInt8))
    np.testing.assert_allclose(seed.coordinates, shapes.GetCentroid(1), atol=1e-3)
    assert seed.volume_mm3 == pytest.approx(shapes.GetPhysicalSize(1), rel=1e-5)


def test_the_heart_is_on_another_grid_than_the_scan():
    mask = sitk.ReadImage(DATA / "totalseg" / "thorax_heart_mask.nii.gz")
    assert mask.GetSize() != sitk.ReadImage(DATA / "totalseg" / "thorax_ct_cropped.nii.gz").GetSize()


def test_a_mask_of_another_patient_lies_outside_or_is_refused_by_its_references():
    table = checked(read_seeds(LIDC / "LIDC-IDRI-0314_crop_mask.nrrd", scan=GivenScan(LIDC / "LIDC-IDRI-0001_slab")))
    assert "lies outside the scan" in table.seeds[0].problem
    table = read_seeds(DATA / "derived" / "LIDC-IDRI-0001_nodule_SEG.dcm", scan=GivenScan(LIDC / "LIDC-IDRI-0003_slab"))
    assert "holds none of 1 CT series that it refers to" in table.seeds[0].problem


def test_published_seeds_lie_near_the_readers_nodules():
    """FMCIB's seeds of LIDC are of one reader; the consensus of four is some millimetres off."""
    for case, seed in (("0001", (58.296875, 85.643753, -115.0)), ("0003", (71.434198, 79.570144, -191.5))):
        path = LIDC / f"LIDC-IDRI-{case}_slab_nodule_mask.nrrd"
        (found,) = good(path, scan=GivenScan(LIDC / f"LIDC-IDRI-{case}_slab"))
        assert np.linalg.norm(np.subtract(found.coordinates, seed)) < 5
        assert 20 < found.diameter_mm < 40
