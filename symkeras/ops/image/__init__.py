"""Operations on images (H, W, C) and batches of them (B, H, W, C), channels second for "channels_first", with Keras' names."""

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
