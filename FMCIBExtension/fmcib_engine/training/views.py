"""A patch -> what the network sees of it in one step. MONAI's transforms, drawn from a seed that the caller gives.

**Pretraining**, after upstream's `fmcib_pretrain.yaml` (1f1c0c8), in its order: a cube of 0.5 to 1 of the edge anywhere
in the patch, made as large as the patch again (`RandomResizedCrop3D`, the same share along all axes); a flip along one
axis; a shift of the histogram (10 points); a Gaussian blur of 0.25 to 1.5 voxels; nothing below -1024 HU. Upstream does
so in HU and scales then; here patches are scaled already, and each step is the same in both but for the blur's rim,
where MONAI takes what lies outside for 0: water there, air here.

**Fine-tuning**, after `fmcib_finetune.yaml`: a blur, a shift by up to 10 voxels along each axis, a flip, a turn by 90
degrees, each with its chance of 0.5. Upstream turns in the plane z-y only, MONAI's default; so do we. Its shifts are by
fractions of a voxel, which blurs strands of one voxel; ours by whole ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..encoders.devices import import_torch
from ..errors import DependencyError

if TYPE_CHECKING:
    from torch import Tensor


def place_seed(*place: int) -> int:
    """A number for a generator from the run's seed and a place in the run, such as epoch, lesion and view."""
    return int(np.random.SeedSequence(place).generate_state(1)[0])


class Views:
    """Draws views of patches.

    Args:
        steps: MONAI's transforms of (1, z, y, x), in order.
        size: edge of what the network is fed.
        smallest_crop: smallest edge of the part that is seen, as a share of the patch's; None for its centre.
    """

    def __init__(self, steps: Sequence[Any], size: int, smallest_crop: float | None = None) -> None:
        self._steps = steps
        self._size = size
        self._smallest_crop = smallest_crop

    def draw(self, patch: NDArray[np.float32], seed: int) -> Tensor:
        """(1, size, size, size) of a patch [z, y, x]: always the same of a seed."""
        torch = import_torch()
        random = np.random.RandomState(seed)
        image: Any = torch.from_numpy(np.ascontiguousarray(patch))[None]
        share = self._smallest_crop
        with _without_notes():
            image = centre(image, self._size) if share is None else self._crop(image, share, random)
            for step in self._steps:
                step.set_random_state(state=random)
                image = step(image)
        view: Tensor = torch.clamp(image, min=0.0).contiguous()
        return view

    def _crop(self, image: Tensor, smallest: float, random: np.random.RandomState) -> Tensor:
        monai = import_transforms()
        share = random.uniform(smallest, 1.0)
        crop = monai.RandScaleCrop(share, random_size=False)
        crop.set_random_state(state=random)
        resized: Tensor = monai.Resize((self._size,) * 3, mode="trilinear")(crop(image))
        return resized


def centre(image: Tensor, size: int) -> Tensor:
    """The middle cube of `size` voxels of (…, z, y, x); the image itself where it has that size."""
    start = [(edge - size) // 2 for edge in image.shape[-3:]]
    z, y, x = (slice(low, low + size) for low in start)
    return image[..., z, y, x]


def pretraining_views(size: int, *, smallest_crop: float, flip: float, histogram: float, smooth: float) -> Views:
    """Upstream's, as above; chances of each step from 0 to 1."""
    monai = import_transforms()
    steps = [
        monai.RandAxisFlip(prob=flip),
        monai.RandHistogramShift(prob=histogram),
        monai.RandGaussianSmooth(prob=smooth),
    ]
    return Views(steps, size, smallest_crop)


def finetuning_views(size: int, *, chance: float, blur: float, shift: int) -> Views:
    """Upstream's, as above; `shift` in voxels."""
    monai = import_transforms()
    steps = [
        monai.RandGaussianSmooth(prob=blur),
        monai.RandAffine(prob=chance, translate_range=[shift] * 3, mode="nearest", padding_mode="zeros"),
        monai.RandAxisFlip(prob=chance),
        monai.RandRotate90(prob=chance),
    ]
    return Views(steps, size)


def import_transforms() -> Any:
    """MONAI's transforms, imported at their first use: it takes seconds.

    Raises:
        DependencyError: MONAI is not installed.
    """
    try:
        from monai import transforms
    except ImportError as error:
        msg = f"Training needs MONAI, which cannot be imported ({error}). Install the engine's extra [train]."
        raise DependencyError(msg) from error
    return transforms


@contextmanager
def _without_notes() -> Iterator[None]:
    """MONAI's transforms give plain tensors: its notes about where a voxel was take a fifth of a view's time."""
    from monai.data.meta_obj import get_track_meta, set_track_meta

    before = get_track_meta()
    set_track_meta(False)
    try:
        yield
    finally:
        set_track_meta(before)
