"""Operations on images (H, W, C) and batches of them (B, H, W, C), channels second for "channels_first", with Keras' names."""

from importlib import import_module as _import_module
from typing import Any as _Any

from symkeras.not_offered import missing as _missing
from symkeras.ops.image.borders import crop_images, pad_images
from symkeras.ops.image.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from symkeras.ops.image.filters import gaussian_blur, sobel_edges, ssim
from symkeras.ops.image.patches import extract_patches, extract_patches_3d
from symkeras.ops.image.placing import perspective_transform, scale_and_translate
from symkeras.ops.image.resizing import resize
from symkeras.ops.image.sampling import affine_transform, map_coordinates

__all__ = [
    "affine_transform",
    "crop_images",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name == "elastic_transform":  # which draws numbers: generators of seeds stand above operations
        return getattr(_import_module("symkeras.random.elastic"), name)
    raise _missing(__name__, name)


def __dir__() -> list[str]:
    return sorted([*__all__, "elastic_transform"])
