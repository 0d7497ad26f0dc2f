"""The other side: upstream's public pipeline from public parts, which resamples the whole scan.

The transforms, their options and their order are those of upstream (`fmcib/preprocessing/__init__.py` at 1f1c0c8).
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.networks.nets.resnet import resnet50
from monai.transforms import LoadImage, NormalizeIntensity, Orientation, Spacing, SpatialPad

logging.getLogger("monai").setLevel(logging.ERROR)  # else it tells which readers are not installed
LPS_LABELS = (("L", "R"), ("P", "A"), ("I", "S"))


def load_scan(path: Path) -> MetaTensor:
    """A NIfTI file as float32 with a channel, by MONAI and nibabel."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="NvImgCodec")  # of a reader that is not used
        return LoadImage(reader="NibabelReader", image_only=True, ensure_channel_first=True)(path)


def scan_in_memory(array: np.ndarray, ras_affine: np.ndarray) -> MetaTensor:
    """What `load_scan` gives, made from voxels [k, j, i]."""
    voxels = np.asarray(array, dtype=np.float32).transpose(2, 1, 0).copy()
    return MetaTensor(torch.from_numpy(voxels)[None], affine=torch.from_numpy(ras_affine))


def patch_by_whole_scan(image: MetaTensor, seed: tuple[float, float, float]) -> torch.Tensor:
    """The patch [1, z, y, x] around a seed (LPS mm)."""
    image = NormalizeIntensity(subtrahend=-1024, divisor=3072)(image)
    image = Spacing(pixdim=1, padding_mode="zeros", mode="bilinear", align_corners=True, diagonal=True)(image)
    image = Orientation(axcodes="LPS", labels=LPS_LABELS)(image)
    x, y, z = seed
    centre = [int(value) for value in (np.linalg.inv(image.affine.numpy()) @ (-x, -y, z, 1.0))[:3]]
    box = tuple(slice(max(c - 25, 0), min(c + 25, n)) for c, n in zip(centre, image.shape[1:], strict=True))
    crop = image.as_tensor()[(slice(None), *box)].permute(0, 3, 2, 1)
    return SpatialPad(spatial_size=(50, 50, 50))(crop)


def build_and_load_network(weights: Path) -> Any:
    """The network built with random numbers, then filled from the file read into memory."""
    network = resnet50(
        pretrained=False,
        n_input_channels=1,
        widen_factor=2,
        conv1_t_stride=2,
        feed_forward=False,
        bias_downsample=True,
    )
    content = torch.load(weights, map_location="cpu", weights_only=True)
    network.load_state_dict(content["trunk_state_dict"])
    return network.eval()


def forward(network: Any, patch: torch.Tensor) -> np.ndarray:
    """4096 features of one patch [1, z, y, x]."""
    with torch.inference_mode():
        return network(torch.as_tensor(patch)[None])[0].numpy()
