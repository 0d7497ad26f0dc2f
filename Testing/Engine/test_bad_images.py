"""Image files that are damaged, lie, or say too little: each is refused with a sentence, or read as it should be."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
import sys
import zlib

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from fmcib_engine.errors import ImageError
from fmcib_engine.geometry import PatientPoint
from fmcib_engine.preprocessing import cut_patch
from fmcib_engine.readers import read_volume
from fmcib_engine.readers.images import read as images_read
from test_readers import ORIGIN, SPACING, SUFFIXES, assert_refused, image_of, phantom

COPY = "again"
NOT_ITS_KIND = "damaged, incomplete, or not of the kind that its name says"
NOISE = np.random.default_rng(1).integers(-1000, 1000, (40, 50, 60)).astype(np.int16)
RAS = np.array([[-0.75, 0, 0, 12.5], [0, -1.5, 0, -34.25], [0, 0, 2.5, -560], [0, 0, 0, 1.0]])
FOUR = np.stack([phantom() + 1000 * t for t in range(3)])


def nrrd(path, content=None, **fields):
    """An NRRD of the phantom; None leaves a field out."""
    wanted = {
        "type": "short",
        "dimension": 3,
        "space": "left-posterior-superior",
        "sizes": "6 5 4",
        "space directions": "(0.75,0,0) (0,1.5,0) (0,0,2.5)",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(-12.5,34.25,-560)",
    } | {name.replace("_", " "): value for name, value in fields.items()}
    lines = ["NRRD0004", *(f"{name}: {value}" for name, value in wanted.items() if value is not None), "", ""]
    path.write_bytes("\n".join(lines).encode() + (phantom("<i2").tobytes() if content is None else content))
    return path


def metaimage(path, content=None, **fields):
    wanted = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": "True",
        "Offset": "-12.5 34.25 -560",
        "ElementSpacing": "0.75 1.5 2.5",
        "DimSize": "6 5 4",
        "ElementType": "MET_SHORT",
        "ElementDataFile": "LOCAL",
    } | fields
    last = wanted.pop("ElementDataFile")
    lines = [f"{name} = {value}" for name, value in [*wanted.items(), ("ElementDataFile", last)] if value is not None]
    content = phantom("<i2").tobytes() if content is None else content
    path.write_bytes("\n".join([*lines, ""]).encode() + content)
    return path


def nifti(path, *changes):
    """A NIfTI of the phantom, and in its header (offset, format, values ...) written over."""
    image = nibabel.Nifti1Image(phantom().T, RAS)
    image.set_qform(RAS, code=1)
    image.set_sform(RAS, code=1)
    content = bytearray(image.to_bytes())
    for offset, layout, *values in changes:
        struct.pack_into(f"<{layout}", content, offset, *values)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def assert_is_phantom(volume):
    np.testing.assert_array_equal(volume.array, phantom())
    np.testing.assert_allclose(volume.grid.to_patient((1, 1, 1)), np.add(ORIGIN, SPACING), atol=1e-4)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("compressed", [True, False], ids=["compressed", "plain"])
def test_the_chosen_time_point_of_a_four_dimensional_file_is_read(tmp_path, suffix, compressed):
    path = tmp_path / f"scan{suffix}"
    four = sitk.GetImageFromArray(FOUR, isVector=False)
    four.SetSpacing((*SPACING, 2.0))
    four.SetOrigin((*ORIGIN, 7.0))
    sitk.WriteImage(four, path, useCompression=compressed)
    for time_point in range(3):
        volume = read_volume(path, time_point=time_point)
        np.testing.assert_array_equal(volume.array, FOUR[time_point])
        assert volume.source.time_point == time_point
        np.testing.assert_allclose(volume.grid.to_patient((1, 1, 1)), np.add(ORIGIN, SPACING), atol=1e-4)
    assert_refused(path, "has 3 time points", "from 0 to 2 (--time-point, or the column time_point)")
    assert_refused(path, "has 3 time points", "got the number 3", time_point=3)
    assert_refused(path, "has 3 time points", "got the number -1", time_point=-1)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
def test_a_fourth_axis_of_one_is_no_choice(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(FOUR[:1], isVector=False), path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.array, phantom())
    assert volume.source.time_point is None
    assert_refused(path, "has one volume only", "Leave the time point out", time_point=0)


def test_a_time_point_of_a_scan_without_time_is_refused(tmp_path):
    assert_refused(nrrd(tmp_path / "scan.nrrd"), "has one volume only", time_point=0)


@pytest.mark.parametrize(("encoding", "axis"), [("raw", 0), ("gzip", 0), ("raw", 3)])
def test_the_frames_of_a_slicer_sequence_are_time_points(tmp_path, encoding, axis):
    path = tmp_path / "scan.seq.nrrd"
    sizes, kinds, directions = ["6", "5", "4"], ["domain"] * 3, ["(0.75,0,0)", "(0,1.5,0)", "(0,0,2.5)"]
    for words, word in ((sizes, "3"), (kinds, "list"), (directions, "none")):
        words.insert(axis, word)
    content = np.moveaxis(FOUR, 0, 3 - axis).astype("<i2").tobytes()
    nrrd(
        path,
        gzip.compress(content) if encoding == "gzip" else content,
        dimension=4,
        sizes=" ".join(sizes),
        kinds=" ".join(kinds),
        space_directions=" ".join(directions),
        encoding=encoding,
    )
    for time_point in range(3):
        volume = read_volume(path, time_point=time_point)
        np.testing.assert_array_equal(volume.array, FOUR[time_point])
        np.testing.assert_allclose(volume.grid.to_patient((1, 1, 1)), np.add(ORIGIN, SPACING))
        assert volume.source.time_point == time_point
    assert_refused(path, "has 3 time points", "Choose one")


def test_a_sequence_of_one_frame_is_a_scan(tmp_path):
    path = nrrd(
        tmp_path / "scan.seq.nrrd",
        dimension=4,
        sizes="1 6 5 4",
        kinds="list domain domain domain",
        space_directions="none (0.75,0,0) (0,1.5,0) (0,0,2.5)",
    )
    assert_is_phantom(read_volume(path))


@pytest.mark.parametrize("kind", ["vector", "RGB-color", "3-color", "covariant-vector"])
def test_a_vector_is_no_sequence(tmp_path, kind):
    path = nrrd(
        tmp_path / "scan.nrrd",
        bytes(720),
        dimension=4,
        sizes="3 6 5 4",
        kinds=f"{kind} domain domain domain",
        space_directions="none (0.75,0,0) (0,1.5,0) (0,0,2.5)",
    )
    assert_refused(path, "one value per voxel", "has 3", time_point=1)


def test_five_dimensions_are_refused(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((6, 5, 4, 1, 3), np.int16), RAS), tmp_path / "scan.nii")
    assert_refused(tmp_path / "scan.nii", "three dimensions, or four with time", "has 5 (6 x 5 x 4 x 1 x 3)")


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha", ".nhdr", ".mhd"])
def test_one_wrong_bit_in_compressed_voxels_is_damage(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(NOISE), path, useCompression=True)
    assert read_volume(path).array.shape == NOISE.shape
    holder = next((other for other in tmp_path.iterdir() if other != path), path)
    whole = bytearray(holder.read_bytes())
    for place in (-8, -5000, -50_000):
        content = whole.copy()
        content[place] ^= 0x10
        holder.write_bytes(content)
        with pytest.raises(ImageError, match=f"'{holder.name}' is damaged: its compressed data end early or fail"):
            read_volume(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha", ".nhdr", ".mhd"])
def test_thirty_gigabytes_in_a_small_file_are_refused_before_anything_is_allocated(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"scan{suffix}"
    if SUFFIXES[suffix] == "nifti":
        nifti(path, (42, "3h", 2000, 2000, 3750))
    elif SUFFIXES[suffix] == "nrrd":
        nrrd(path, sizes="2000 2000 3750", data_file="scan.raw" if suffix == ".nhdr" else None)
    else:
        metaimage(path, DimSize="2000 2000 3750", ElementDataFile="scan.raw" if suffix == ".mhd" else "LOCAL")
    (tmp_path / "scan.raw").write_bytes(bytes(240))
    monkeypatch.setattr(images_read, "read_values", lambda *_: pytest.fail("the voxels were read"))
    with pytest.raises(ImageError, match=r"is incomplete: its header announces 3000000\d+ bytes, it has \d+\. Copy it"):
        read_volume(path)


@pytest.mark.skipif(sys.platform != "linux", reason="needs sparse files and limits of memory")
@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_a_scan_that_memory_cannot_hold_is_a_memory_error(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    if suffix == ".nii":
        nifti(path, (42, "3h", 2000, 2000, 3750))
    else:
        {".nrrd": nrrd, ".mha": metaimage}[suffix](
            path, **{"sizes" if suffix == ".nrrd" else "DimSize": "2000 2000 3750"}
        )
    os.truncate(path, path.stat().st_size + 30_000_000_000)
    script = (
        "import resource, sys, pathlib, SimpleITK, fmcib_engine.readers as r\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "try: r.read_volume(pathlib.Path(sys.argv[1]))\n"
        "except MemoryError: print('MemoryError')"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "MemoryError"


def test_an_archive_that_unpacks_to_much_more_than_announced_is_refused(tmp_path):
    path = nifti(tmp_path / "scan.nii.gz")
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(40 << 20)))
    assert_refused(path, "hold more than the 592 bytes announced", COPY)


def test_an_archive_in_several_parts_or_with_bytes_after_it_is_read(tmp_path):
    path = nifti(tmp_path / "scan.nii.gz")
    plain = gzip.decompress(path.read_bytes())
    for first in (400, 100):
        path.write_bytes(gzip.compress(plain[:first]) + gzip.compress(plain[first:]) + b"and more")
        assert_is_phantom(read_volume(path))


@pytest.mark.parametrize("beyond", [-2, -1, 0, 1, 2])
def test_an_archive_with_a_part_that_ends_about_where_a_piece_does_is_read_to_its_end(tmp_path, beyond):
    path = nifti(tmp_path / "scan.nii.gz")
    plain = gzip.decompress(path.read_bytes())
    first, second, last = (gzip.compress(part) for part in (plain[:400], plain[400:500], plain[500:]))
    remark = b"r" * ((1 << 20) + beyond - len(first + second) - 1) + b"\0"
    start = first + second[:3] + b"\x10" + second[4:10] + remark + second[10:]  # 0x10: a remark follows the ten bytes
    assert len(start) == (1 << 20) + beyond
    path.write_bytes(start + last)
    assert_is_phantom(read_volume(path))
    path.write_bytes(start + last[:-8] + bytes(8))
    assert_refused(path, "end early or fail their checksum")
    path.write_bytes(start)
    assert_refused(path, "announces 592 bytes, it has 500", COPY)


def test_a_plain_nifti_named_gz_is_read_and_so_is_a_packed_one_named_nii(tmp_path):
    nifti(tmp_path / "scan.nii").rename(tmp_path / "scan.nii.gz")
    assert_is_phantom(read_volume(tmp_path / "scan.nii.gz"))
    packed = nifti(tmp_path / "other.nii.gz").rename(tmp_path / "other.nii")
    assert_is_phantom(read_volume(packed))


def test_an_nrrd_with_bytes_to_skip_is_read(tmp_path):
    voxels = phantom("<i2").tobytes()
    assert_is_phantom(read_volume(nrrd(tmp_path / "a.nrrd", b"skip" + voxels, byte_skip=4)))
    assert_is_phantom(read_volume(nrrd(tmp_path / "b.nrrd", b"skip" + voxels, byte_skip=-1)))
    packed = gzip.compress(b"skip" + voxels)
    assert_is_phantom(read_volume(nrrd(tmp_path / "c.nrrd", packed, byte_skip=4, encoding="gzip")))
    assert_refused(nrrd(tmp_path / "d.nrrd", b"one line\n" + voxels, line_skip=1), "lines to be skipped")
    assert_refused(nrrd(tmp_path / "e.nrrd", voxels, byte_skip="four"), "'byte skip' is 'four'")


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "gzip"])
def test_bytes_to_skip_are_no_voxels_of_a_file_that_ends_early(tmp_path, pack):
    encoding = "raw" if pack is bytes else "gzip"
    voxels = phantom("<i2").tobytes()
    path = nrrd(tmp_path / "a.nrrd", pack(voxels), byte_skip=4, encoding=encoding)
    assert_refused(path, "announces 244 bytes, it has 240", COPY)
    (tmp_path / "scan.raw").write_bytes(pack(b"skip" + voxels[:-1]))
    path = nrrd(tmp_path / "b.nhdr", b"", byte_skip=4, encoding=encoding, data_file="scan.raw")
    with pytest.raises(ImageError, match=r"'scan\.raw' is incomplete: its header announces 244 bytes, it has 243\."):
        read_volume(path)


@pytest.mark.parametrize(("encoding", "pack"), [("hex", lambda data: data.hex().encode()), ("ascii", None)])
def test_voxels_in_text_are_read_and_their_absence_is_told(tmp_path, encoding, pack):
    text = pack(phantom("<i2").tobytes()) if pack else " ".join(map(str, phantom().ravel())).encode()
    assert_is_phantom(read_volume(nrrd(tmp_path / "whole.nrrd", text, encoding=encoding)))
    assert_refused(nrrd(tmp_path / "half.nrrd", text[: len(text) // 2], encoding=encoding), COPY)
    huge = nrrd(tmp_path / "huge.nrrd", text, encoding=encoding, sizes="600 500 400")
    assert_refused(huge, "incomplete", "announces 240000000 bytes")


def test_an_encoding_that_is_not_read_is_named(tmp_path):
    assert_refused(nrrd(tmp_path / "scan.nrrd", encoding="bzip2"), "stored as 'bzip2', not as raw, gz")


def test_voxels_in_many_files_are_refused(tmp_path):
    for data in ("LIST", "slice%03d.raw 1 4 1"):
        assert_refused(nrrd(tmp_path / "scan.nhdr", b"", data_file=data), "spread over several files")
        assert_refused(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=data), "spread over several files")


def test_the_data_file_of_a_header_is_a_file_that_is_there(tmp_path):
    (tmp_path / "folder").mkdir()
    for data in ("folder", "gone.raw", "n" * 300, "/dev/zero", "x/" * 150):
        assert_refused(nrrd(tmp_path / "scan.nhdr", b"", data_file=data), "the file with its voxels", "missing")
        assert_refused(metaimage(tmp_path / "scan.mhd", b"", ElementDataFile=data), "the file with its voxels")


def test_compressed_metaimages_tell_their_length_rightly_or_are_refused(tmp_path):
    packed = zlib.compress(phantom("<i2").tobytes())
    options = {"CompressedData": "True", "CompressedDataSize": len(packed)}
    assert_is_phantom(read_volume(metaimage(tmp_path / "good.mha", packed, **options)))
    for told, name in ((None, "none.mha"), (0, "zero.mha")):
        assert_is_phantom(read_volume(metaimage(tmp_path / name, packed, **options | {"CompressedDataSize": told})))
        cut = metaimage(tmp_path / f"cut_{name}", packed[:-1], **options | {"CompressedDataSize": told})
        assert_refused(cut, "its compressed data end early or fail their checksum")
    for told, name in ((5, "short.mha"), (10**14, "long.mha"), (-1, "minus.mha")):
        path = metaimage(tmp_path / name, packed, **options | {"CompressedDataSize": told})
        assert_refused(path, f"announces {told} bytes of compressed voxels, and {len(packed)} follow")
    assert_refused(
        metaimage(tmp_path / "words.mha", packed, **options | {"CompressedDataSize": "many"}), "whole number"
    )
    (tmp_path / "scan.zraw").write_bytes(packed)
    detached = options | {"CompressedDataSize": None, "ElementDataFile": "scan.zraw"}
    assert_is_phantom(read_volume(metaimage(tmp_path / "scan.mhd", b"", **detached)))


def test_a_metaimage_header_of_two_minds_is_refused(tmp_path):
    assert_refused(metaimage(tmp_path / "a.mha", HeaderSize=4), "both at their place and 4 bytes later")
    assert_refused(metaimage(tmp_path / "b.mha", **{"NDims ": 3}), "the field 'NDims' twice")
    assert_is_phantom(read_volume(metaimage(tmp_path / "c.mha", HeaderSize=-1)))
    (tmp_path / "scan.raw").write_bytes(b"skip" + phantom("<i2").tobytes())
    skipped = metaimage(tmp_path / "d.mhd", b"", HeaderSize=4, ElementDataFile="scan.raw")
    assert_is_phantom(read_volume(skipped))


@pytest.mark.parametrize("count", [-1, 0, 99999999999, "x"])
def test_a_number_of_dimensions_that_would_end_the_process_is_refused(tmp_path, count):
    assert_refused(metaimage(tmp_path / "scan.mha", NDims=count), "NDims")


@pytest.mark.parametrize("field", ["Offset", "TransformMatrix", "ElementSpacing"])
@pytest.mark.parametrize("text", ["nan 0 0", "1 2 inf", "here there everywhere"])
def test_a_place_that_is_no_number_is_refused(tmp_path, field, text):
    assert_refused(
        metaimage(tmp_path / "scan.mha", **{field: text}),
        f"its field {field} should be {9 if field == 'TransformMatrix' else 3} numbers, and is '{text}'",
    )


@pytest.mark.parametrize("text", ["1 2", "1 2 3 4", "", "1,2,3", "1_0 2 3", "1d0 2 3", "1e999 2 3", "\uff11 2 3"])
@pytest.mark.parametrize("field", ["Offset", "ElementSpacing"])
def test_a_place_in_part_or_in_other_digits_is_refused(tmp_path, field, text):
    assert_refused(metaimage(tmp_path / "scan.mha", **{field: text}), f"its field {field} should be 3 numbers")


@pytest.mark.parametrize("time", [False, True], ids=["3D", "4D"])
def test_a_metaimage_that_does_not_say_where_it_lies_is_refused(tmp_path, time):
    four = {"NDims": 4, "DimSize": "6 5 4 1", "Offset": "-12.5 34.25 -560 0", "ElementSpacing": "0.75 1.5 2.5 1"}
    whole = four if time else {}
    assert_is_phantom(read_volume(metaimage(tmp_path / "whole.mha", **whole)))
    path = metaimage(tmp_path / "scan.mha", **whole | {"Offset": None})
    assert_refused(path, "does not say where it lies in the patient", "no origin", "(--frame ijk)")
    path = metaimage(tmp_path / "scan.mha", **whole | {"ElementSpacing": None})
    assert_refused(path, "should have the field ElementSpacing (or ElementSize), and has none")


@pytest.mark.parametrize("field", ["Offset", "ElementSpacing", "TransformMatrix", "DistanceUnits"])
def test_a_place_in_small_letters_is_told_how_it_is_written(tmp_path, field):
    path = metaimage(tmp_path / "scan.mha", **{field: None, field.lower(): "1 2 3"})
    assert_refused(path, f"its field {field.lower()} should be written {field}")


@pytest.mark.parametrize("other", ["Position", "ImagePosition"])
def test_two_fields_for_one_place_agree_or_are_refused(tmp_path, other):
    field, text = "Offset", "-12.5 34.25 -560"
    assert_is_phantom(read_volume(metaimage(tmp_path / "one.mha", **{field: None, other: text})))
    assert_is_phantom(read_volume(metaimage(tmp_path / "alike.mha", **{other: text.replace(".5", ".50e0")})))
    assert_refused(metaimage(tmp_path / "two.mha", **{other: "1 2 3"}), f"its fields {field} and {other} mean the same")


@pytest.mark.parametrize("field", ["TransformMatrix", "Orientation", "Rotation"])
def test_the_axes_of_a_metaimage_have_the_length_one(tmp_path, field):
    turned = read_volume(metaimage(tmp_path / "turned.mha", **{field: "0 0 1 1 0 0 0 1 0"})).grid
    np.testing.assert_allclose(turned.direction[:, 0], (0, 0, 1))
    for matrix in ("2 0 0 0 1 0 0 0 1", "1 0 0 0 1 0 0 0 0.998", "1 0 0 0 0 0 0 0 1"):
        assert_refused(metaimage(tmp_path / "long.mha", **{field: matrix}), "should have the length 1 in the header")
    assert_refused(metaimage(tmp_path / "part.mha", **{field: "1 0 0 0 1 0"}), f"its field {field} should be 9 numbers")
    assert_is_phantom(read_volume(metaimage(tmp_path / "round.mha", **{field: "1 0 0 0 0.99999 0 0 0 1"})))


def test_the_axes_of_two_fields_agree_or_are_refused(tmp_path):
    axes = {"TransformMatrix": "1 0 0 0 1 0 0 0 1", "Orientation": "0 1 0 1 0 0 0 0 1"}
    assert_refused(metaimage(tmp_path / "scan.mha", **axes), "TransformMatrix and Orientation mean the same")


def test_an_axis_of_space_that_leans_into_time_is_refused(tmp_path):
    path = metaimage(
        tmp_path / "scan.mha",
        NDims=4,
        DimSize="6 5 4 1",
        Offset="0 0 0 0",
        ElementSpacing="1 1 1 1",
        TransformMatrix="0.6 0 0 0.8 0 1 0 0 0 0 1 0 -0.8 0 0 0.6",
    )
    assert_refused(path, "should have the length 1 in the header, and one has 0.6")


@pytest.mark.parametrize("field", ["type", "encoding", "space", "space origin", "space directions", "sizes", "endian"])
def test_a_field_of_thousands_of_letters_is_told_in_a_few(tmp_path, field):
    path = nrrd(tmp_path / "scan.nrrd", **{field: "(" * 3000})
    assert_refused(path, "((((")
    with pytest.raises(ImageError) as caught:
        read_volume(path)
    assert len(str(caught.value)) < 400


def test_long_comments_and_keys_are_no_fields(tmp_path):
    path = nrrd(tmp_path / "scan.nrrd")
    content = path.read_bytes().replace(b"type:", b"# " + b"c" * 3000 + b"\nkey:=" + b"v" * 3000 + b"\ntype:")
    path.write_bytes(content)
    assert_is_phantom(read_volume(path))
    path.write_bytes(content.replace(b"# c", b"# \rc"))  # ITK takes what follows for a line
    assert_refused(path, NOT_ITS_KIND)


def test_a_nifti_that_does_not_say_where_it_lies_is_refused(tmp_path):
    path = nifti(tmp_path / "scan.nii.gz", (252, "2h", 0, 0))
    assert_refused(path, "does not say where it lies", "qform_code and sform_code are not above 0", "Write it again")


@pytest.mark.parametrize("missing", ["space", "space_directions"])
def test_an_nrrd_that_does_not_say_where_it_lies_is_refused(tmp_path, missing):
    options = {"space": None, "space_directions": None, "space_origin": None} if missing == "space" else {missing: None}
    assert_refused(nrrd(tmp_path / "scan.nrrd", **options), "does not say where it lies", "has other features")


def test_an_nrrd_in_another_space_is_refused(tmp_path):
    assert_refused(nrrd(tmp_path / "a.nrrd", space="scanner-xyz"), "does not say where it lies")
    assert_refused(nrrd(tmp_path / "b.nrrd", space_units='"cm" "cm" "mm"'), "in several units: cm, mm")
    assert_is_phantom(read_volume(nrrd(tmp_path / "c.nrrd", space_units='"mm" "mm" "mm"')))


@pytest.mark.parametrize(("codes", "used"), [((1, 1), "sform"), ((1, 2), "qform"), ((2, 4), "qform")])
def test_two_places_in_one_nifti_are_told_with_the_one_that_was_used(tmp_path, codes, used):
    path = nifti(tmp_path / "scan.nii", (252, "2h", *codes), (268, "f", 17.5))
    (note,) = read_volume(path).source.notes
    other = {"sform": "qform", "qform": "sform"}[used]
    assert note == f"the file's {used} and {other} place the scan up to 5.0 mm apart: the {used} was used"
    np.testing.assert_allclose(read_volume(path).grid.origin[0], -17.5 if used == "qform" else -12.5)


@pytest.mark.parametrize(("codes", "shift"), [((1, 0), 5), ((0, 1), 5), ((1, 1), 0.05)])
def test_one_place_or_two_alike_need_no_note(tmp_path, codes, shift):
    path = nifti(tmp_path / "scan.nii", (252, "2h", *codes), (268, "f", 12.5 + shift))
    assert read_volume(path).source.notes == ()


@pytest.mark.parametrize(
    "change",
    [(80, "3f", 1, 1, 1), (280, "f", 75.0)],
    ids=["spacing", "transform"],
)
def test_a_nifti_that_contradicts_itself_is_refused(tmp_path, change):
    path = nifti(tmp_path / "scan.nii", (252, "2h", 0, 1), change)
    assert_refused(path, "its sform and pixdim contradict each other: voxels of ")


@pytest.mark.parametrize("turn", range(8))
def test_the_quaternion_of_a_nifti_is_understood_as_other_libraries_do(tmp_path, turn):
    chance = np.random.default_rng(turn)
    rotation, _ = np.linalg.qr(chance.normal(size=(3, 3)))  # half of them mirror
    affine = np.eye(4)
    affine[:3, :3] = rotation * SPACING
    affine[:3, 3] = chance.normal(size=3) * 200
    image = nibabel.Nifti1Image(phantom().T, None)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=2)
    nibabel.save(image, tmp_path / "scan.nii")
    volume = read_volume(tmp_path / "scan.nii")
    assert volume.source.notes == ()
    np.testing.assert_allclose(volume.grid.ras_affine, affine, atol=1e-4)


def test_version_two_is_read_and_half_of_a_pair_is_named(tmp_path):
    for name in ("two.nii", "two.nii.gz"):
        nibabel.save(nibabel.Nifti2Image(phantom().T, RAS), tmp_path / name)
        assert_is_phantom(read_volume(tmp_path / name))
    assert_refused(nifti(tmp_path / "pair.nii", (344, "4s", b"ni1\0")), "it is the header of a NIfTI pair")
    assert_refused(nifti(tmp_path / "analyze.nii", (344, "4s", b"\0" * 4)), "it is an Analyze file")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((108, "f", 0), "vox_offset should be a whole number from 352 on, and is 0"),
        ((108, "f", float("nan")), "vox_offset should be a whole number from 352 on, and is nan"),
        ((108, "f", 1e20), "vox_offset"),
        ((72, "h", 8), "bitpix should be 16 for the datatype 4, and is 8"),
        ((0, "i", 347), NOT_ITS_KIND),
        ((40, "h", 9), "its field dim should begin with 1 to 7 axes, and has 9"),
        ((42, "h", 0), "its field dim should be positive numbers, and is [0, 5, 4]"),
        ((42, "h", -6), "its field dim should be positive numbers, and is [-6, 5, 4]"),
        ((70, "h", 1), "its field datatype is 1, and what is read are 2, 4, 8, 16"),
        ((70, "h", 1536), "its field datatype is 1536"),
        ((123, "B", 5), "its field xyzt_units names the unit of length 5"),
    ],
)
def test_a_nifti_header_with_an_impossible_field_is_refused_with_its_name_and_value(tmp_path, change, words):
    assert_refused(nifti(tmp_path / "scan.nii", change), words)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("pair", [(0, 0), (NAN, NAN), (NAN, 0), (0, NAN), (1, 0)])
def test_no_scaling_is_said_in_many_ways(tmp_path, pair):
    assert_is_phantom(read_volume(nifti(tmp_path / "scan.nii", (112, "2f", *pair))))


@pytest.mark.parametrize("pair", [(0, -1024), (NAN, -1024), (INF, 0), (1, NAN), (2, INF)])
def test_a_scaling_that_readers_understand_differently_is_refused(tmp_path, pair):
    assert_refused(nifti(tmp_path / "scan.nii", (112, "2f", *pair)), "its voxels would be scaled by")


def test_a_spacing_of_zero_no_axes_and_no_voxels_are_refused(tmp_path):
    assert_refused(metaimage(tmp_path / "a.mha", ElementSpacing="1 0 1"), "spacing is not a positive number")
    assert_refused(metaimage(tmp_path / "b.mha", TransformMatrix="1 0 0 1 0 0 0 0 1"), "axes do not span space")
    assert_refused(metaimage(tmp_path / "c.mha", DimSize="0 5 4"), "no voxels (0 x 5 x 4)")
    assert_refused(nrrd(tmp_path / "d.nrrd", sizes="6 0 4"), COPY)
    assert_refused(nrrd(tmp_path / "e.nrrd", space_directions="(0,0,0) (0,1,0) (0,0,1)"), COPY)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_refused(tmp_path, suffix):
    (tmp_path / f"scan{suffix}").touch()
    assert_refused(tmp_path / f"scan{suffix}", "it is empty (0 bytes)")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_format_under_this_name_is_named(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    other, name = (metaimage, "a MetaImage") if SUFFIXES[suffix] != "metaimage" else (nrrd, "an NRRD")
    assert_refused(other(path), f"it is {name} file under another name")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "pointer of Git LFS"),
        (b"/annex/objects/MD5E-s1--d41d.nii.gz\n", "pointer of git-annex"),
        (b"\n<!DOCTYPE html>\n<html><head><title>Sign in</title>", "a web page, which came instead of a download"),
        (b"PK\x03\x04" + bytes(400), "a zip archive"),
        (b"\x93NUMPY\x01\0" + bytes(400), "an array of numpy"),
        (bytes(5000), NOT_ITS_KIND),
    ],
)
def test_what_came_instead_of_a_scan_is_named(tmp_path, suffix, content, words):
    path = tmp_path / f"scan{suffix}"
    path.write_bytes(content)
    assert_refused(path, words)


def test_a_folder_named_as_an_image_is_a_folder(tmp_path):
    (tmp_path / "scan.nrrd").mkdir()
    with pytest.raises(ImageError, match="DICOM"):
        read_volume(tmp_path / "scan.nrrd")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_or_a_device_is_refused_and_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "scan.nrrd")
    assert_refused(tmp_path / "scan.nrrd", "is a pipe or a device", "Save the scan as a file")
    (tmp_path / "zero.nii").symlink_to("/dev/zero")
    assert_refused(tmp_path / "zero.nii", "is a pipe or a device")


@pytest.mark.parametrize("name", ["with spaces", "Zoë é", "Zoe\u0308 e\u0301", "肺 🫁", "a'b\"c", "-x"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_path_in_any_script_is_read(tmp_path, name, suffix):
    folder = tmp_path / name
    folder.mkdir()
    path = folder / f"scan {name}{suffix}"
    sitk.WriteImage(image_of(phantom()), path)
    assert_is_phantom(read_volume(path))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_path_of_three_hundred_characters_is_read(tmp_path, suffix):
    folder = tmp_path.joinpath(*["folder" * 8] * 6)
    folder.mkdir(parents=True)
    path = folder / f"scan{suffix}"
    assert len(str(path)) > 300
    sitk.WriteImage(image_of(phantom()), path)
    assert_is_phantom(read_volume(path))


@pytest.mark.skipif(sys.platform != "linux", reason="needs long paths")
def test_a_path_of_a_thousand_characters_is_read(tmp_path):
    folder = tmp_path.joinpath(*["folder" * 20] * 8)
    folder.mkdir(parents=True)
    assert_is_phantom(read_volume(nrrd(folder / "scan.nrrd")))


def test_a_name_that_no_file_can_have_is_not_there(tmp_path):
    assert_refused(tmp_path / ("n" * 300 + ".nrrd"), "there is no", "Check the path")
    with pytest.raises(ImageError, match="there is no"):
        read_volume(tmp_path / "a\0b.nrrd")


@pytest.mark.skipif(sys.platform != "linux", reason="needs names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_read(tmp_path):
    path = tmp_path / os.fsdecode(b"scan\xff.nrrd")
    assert_is_phantom(read_volume(nrrd(path)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_decimals_have_points_whatever_the_locale(tmp_path, suffix, comma_locale):
    path = tmp_path / f"scan{suffix}"
    if SUFFIXES[suffix] == "nifti":
        nifti(path)
    elif SUFFIXES[suffix] == "nrrd":
        nrrd(path)  # written here, because ITK would write it with commas
    else:
        metaimage(path)
    assert_is_phantom(read_volume(path))
    assert f"{0.5:n}" == "0,5"


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_refused_where_the_patch_meets_them(tmp_path, suffix, bad):
    path = tmp_path / f"scan{suffix}"
    array = np.zeros((60, 60, 120), np.float32)
    array[30, 30, 30] = bad
    sitk.WriteImage(sitk.GetImageFromArray(array), path)
    volume = read_volume(path)
    with pytest.raises(ImageError, match="voxels that are NaN or infinite"):
        cut_patch(volume, PatientPoint(30, 30, 30))
    assert np.isfinite(cut_patch(volume, PatientPoint(90, 30, 30)).array).all()


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("bad", [NAN, INF])
def test_a_voxel_that_is_no_number_stays_in_its_time_point(tmp_path, suffix, bad):
    path = tmp_path / f"scan{suffix}"
    array = FOUR.astype(np.float32)
    array[1, 3, 2, 5] = array[1, 0, 0, 0] = bad
    nibabel.save(nibabel.Nifti1Image(array.T, RAS), path)
    for time_point in range(3):
        np.testing.assert_array_equal(read_volume(path, time_point=time_point).array, array[time_point])


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_complex_voxels_are_refused(tmp_path, suffix):
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(phantom(np.complex64)), path)
    assert_refused(path, "one value per voxel", "complex numbers")


@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
def test_whole_numbers_of_64_bits_are_read_as_they_are(tmp_path, suffix, dtype):
    path = tmp_path / f"scan{suffix}"
    array = phantom(dtype) + dtype(2**40)
    sitk.WriteImage(sitk.GetImageFromArray(array), path)
    volume = read_volume(path)
    assert volume.array.dtype == dtype
    np.testing.assert_array_equal(volume.array, array)
