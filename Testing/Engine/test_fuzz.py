"""Damaged headers: each reading ends soon, in a scan on a finite grid or in a sentence of ours; nothing else."""

from __future__ import annotations

import gzip
import os
import random
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_phantom import phantom_slice, write

SCANS = 300
HEADERS = {".nii": 400, ".nii.gz": 400, ".nrrd": 400, ".nhdr": 400, ".mha": 400, ".mhd": 400, ".dcm": 900}
"""How many of the first bytes are damaged; of a DICOM file, the 128 that say nothing are left out."""
NUMBERS = [b"0", b"-1", b"99999999999", b"1e308", b"nan", b"-inf", b"4294967296", b"0.0000001", b""]
BINARIES = [
    struct.pack(layout, value)
    for layout, value in (("<f", float("nan")), ("<f", 1e38), ("<i", -1), ("<i", 2**31 - 1), ("<h", -1), ("<h", 32767))
]
SECONDS = 300  # for all scans of one kind, where one may take thirty

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs alarms and limits of memory")


def sound_scan(folder: Path, suffix: str) -> bytes:
    """A small file of this kind; the file with its voxels, if that is another, stays in the folder."""
    if suffix == ".dcm":
        (path,) = write(folder, [phantom_slice(0)])
        return path.read_bytes()
    path = folder / f"scan{suffix}"
    image = sitk.GetImageFromArray(np.arange(120, dtype=np.int16).reshape(4, 5, 6))
    image.SetSpacing((0.75, 1.5, 2.5))
    image.SetOrigin((-12.5, 34.25, -560.0))
    sitk.WriteImage(image, path, useCompression=suffix in {".nrrd", ".mha"})
    return path.read_bytes()


def damaged(content: bytearray, places: range, chance: random.Random) -> bytes:
    """One to three faults of chance at these places."""
    for _ in range(chance.randint(1, 3)):
        place = min(chance.choice(places), len(content))
        fault = chance.choice(["flip", "flip", "cut", "insert", "repeat", "stretch", "binary", "number", "number"])
        numbers = list(re.finditer(rb"-?\d+(\.\d+)?", content[: places.stop]))
        if fault == "flip":
            content[place : place + 1] = bytes(byte ^ 1 << chance.randrange(8) for byte in content[place : place + 1])
        elif fault == "cut":
            del content[place : place + chance.choice([1, 4, 100, len(content)])]
        elif fault == "insert":
            content[place:place] = chance.randbytes(chance.choice([1, 4, 100]))
        elif fault == "repeat":
            content[place:place] = content[place : place + chance.choice([10, 50])]
        elif fault == "stretch":
            content[place:place] = content[place : place + 1] * chance.choice([300, 2000, 40000])
        elif fault == "binary":
            content[place : place + 4] = chance.choice(BINARIES)
        elif numbers:
            number = chance.choice(numbers)
            content[number.start() : number.end()] = chance.choice(NUMBERS)
    return bytes(content)


def damaged_scan(sound: bytes, suffix: str, chance: random.Random) -> bytes:
    """Of a packed file mostly what is inside is damaged, as damage to the archive would hide the rest."""
    places = range(128 if suffix == ".dcm" else 0, HEADERS[suffix])
    if suffix == ".nii.gz" and chance.random() < 0.7:
        return gzip.compress(damaged(bytearray(gzip.decompress(sound)), places, chance))
    return damaged(bytearray(sound), places, chance)


def read_all(folder: Path) -> dict[str, str]:
    """How the reading of each scan ended, by its number; one that ended the process is followed by no other."""
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("fuzz_reader.py"), folder],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=SECONDS,
        check=False,
        env={**os.environ, "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"},
    )
    endings = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    if done.returncode != 0:
        endings[max(endings, default="none")] = f"ended the process with {done.returncode}: {done.stderr[-1000:]}"
    return endings


@pytest.mark.parametrize("suffix", HEADERS)
def test_a_damaged_header_ends_in_a_scan_or_in_a_sentence(tmp_path, suffix):
    beside = tmp_path / "sound"
    beside.mkdir()
    sound = sound_scan(beside, suffix)
    chance = random.Random(zlib.crc32(suffix.encode()))  # noqa: S311 - the same faults in every run
    scans = {f"{number:03d}": damaged_scan(sound, suffix, chance) for number in range(SCANS)}
    for number, content in scans.items():
        folder = tmp_path / "scans" / number
        folder.mkdir(parents=True)
        (folder / f"damaged{suffix}").write_bytes(content)
        for voxels in beside.glob("*.raw"):
            (folder / voxels.name).write_bytes(voxels.read_bytes())
    endings = read_all(tmp_path / "scans")
    wrong = {number: ending for number, ending in endings.items() if ending not in {"read", "refused"}}
    assert not wrong, [(ending, scans.get(number)) for number, ending in wrong.items()]
    assert len(endings) == SCANS
    assert set(endings.values()) == {"read", "refused"}
