"""PyRadiomics' features of a lesion in its mask, where that package is installed: a yardstick beside the network's."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import FmcibError, ImageError
from ..results.image import write_image
from ..volume import Volume

ABSENT = (
    "PyRadiomics is not installed: its features of these lesions are not compared. Version 3.0.1 can be installed on "
    "Python 3.11, without build isolation"
)


def is_installed() -> bool:
    return find_spec("radiomics") is not None


def extractor() -> Callable[[Volume, Volume, Path], dict[str, float]]:
    """With PyRadiomics' defaults, resampled to 1 mm, bins of 25 HU: a function of scan, mask and a folder to work in.

    It raises ImageError where PyRadiomics refuses a mask.
    """
    import radiomics

    logging.getLogger("radiomics").setLevel(logging.ERROR)
    chosen: Any = radiomics.featureextractor.RadiomicsFeatureExtractor(
        binWidth=25, resampledPixelSpacing=[1, 1, 1], correctMask=True, label=1
    )

    def compute(scan: Volume, mask: Volume, folder: Path) -> dict[str, float]:
        image, region = folder / "image.nrrd", folder / "mask.nrrd"
        write_image(scan, image)
        write_image(Volume((mask.array[:, :, :] > 0).astype("uint8"), mask.grid), region)
        try:
            found = chosen.execute(str(image), str(region))
        except FmcibError:
            raise
        except Exception as error:
            msg = f"PyRadiomics gives no features in the mask {mask.source.name}: {error}. Check that it fits the scan."
            raise ImageError(msg) from error
        numbers = {name: float(value) for name, value in found.items() if not name.startswith("diagnostics")}
        return {name: value for name, value in numbers.items() if math.isfinite(value)}

    return compute
