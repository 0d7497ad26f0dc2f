"""The pictures of the samples in Slicer's module Sample Data, 288 x 260 pixels as Slicer's own.

    make screenshots                 # these, too
    .venv/bin/python Testing/Module/thumbnails.py

The phantom's is its slice through the nodule, with the 50 mm that are read. The public CT's is drawn: nothing of a
patient is in this repository. To be looked at before they are committed.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fmcib_engine.phantom import PHANTOM_SEED, chest_phantom
from fmcib_engine.samples import LIDC_0001
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "FMCIBModule" / "Resources" / "Icons"
SIZE = (288, 260)
LUNG_HU = (-1150.0, 350.0)
AMBER, NIGHT, BONE, LUNG = "#ffb000", "#12303c", "#d5dee3", "#2a5566"
PATCH_MM, MM_PER_PIXEL = 50.0, 1.2


def phantom() -> Image.Image:
    """The axial slice of the nodule, the patient's right on the left."""
    volume = chest_phantom()
    x, y, z = np.rint(volume.grid.to_index(PHANTOM_SEED)).astype(int)
    low, high = LUNG_HU
    gray = np.clip((volume.array[z] - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    scale = [spacing / MM_PER_PIXEL for spacing in volume.grid.spacing[:2]]
    size = [round(pixels * factor) for pixels, factor in zip(gray.shape[::-1], scale, strict=True)]
    left, top = ((whole - part) // 2 for whole, part in zip(size, SIZE, strict=True))
    picture = Image.fromarray(gray).resize(size, Image.Resampling.LANCZOS)
    picture = picture.crop((left, top, left + SIZE[0], top + SIZE[1])).convert("RGB")
    across, down, half = x * scale[0] - left, y * scale[1] - top, PATCH_MM / MM_PER_PIXEL / 2
    ImageDraw.Draw(picture).rectangle((across - half, down - half, across + half, down + half), outline=AMBER, width=3)
    return picture


def public_ct() -> Image.Image:
    """A chest, an arrow, and what it costs: bytes and a licence. Drawn three times as large, for smooth edges."""
    picture = Image.new("RGB", (3 * SIZE[0], 3 * SIZE[1]), NIGHT)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((102, 48, 762, 498), fill=BONE)
    for left in (162, 462):
        draw.ellipse((left, 102, left + 240, 444), fill=LUNG)
    draw.line((432, 150, 432, 336), fill=AMBER, width=54)
    draw.polygon([(342, 312), (522, 312), (432, 420)], fill=AMBER)
    draw.line((336, 456, 528, 456), fill=AMBER, width=24)
    lines = (f"public CT, {LIDC_0001.size / 1e6:.0f} MB", f"LIDC-IDRI, {LIDC_0001.licence}")
    for line, top in zip(lines, (534, 642), strict=True):
        draw.text((picture.width / 2, top), line, fill=BONE, font=ImageFont.load_default(78), anchor="ma")
    return picture.resize(SIZE, Image.Resampling.LANCZOS)


def main() -> None:
    for name, draw in (("FMCIBPhantom", phantom), ("FMCIB-LIDC-IDRI-0001", public_ct)):
        path = FOLDER / f"{name}.png"
        draw().save(path, optimize=True)
        print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
