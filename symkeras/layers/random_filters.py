"""Images made sharper or blurred at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import integers, refusal
from symkeras.errors import ShapeError
from symkeras.layers.random_colors import chance, per_image
from symkeras.layers.random_images import RandomImages, as_range, share_of
from symkeras.ops.op import dtype_of


def filtered(images: Any, kernel: Any, data_format: str, name: str) -> Any:
    """Images whose channels are each convolved with a kernel (K, K'), zeros around them.

    Raises:
        ShapeError: the number of channels is not known.
    """
    channels = ops.shape(images)[1 if data_format == "channels_first" else 3]
    if not isinstance(channels, int):
        raise ShapeError(f"{name} needs images of a known number of channels, received shape {tuple(ops.shape(images))}")
    kernel = ops.cast(kernel, dtype_of(images))
    wide = ops.broadcast_to(ops.reshape(kernel, (*ops.shape(kernel), 1, 1)), (*ops.shape(kernel), channels, 1))
    return ops.depthwise_conv(images, wide, padding="same", data_format=data_format)


class RandomSharpness(RandomImages):
    """Each image mixed with a smoothed one, or moved away from it, while training.

    Args:
        factor: 0 gives the smoothed image, 0.5 the image itself, 1 a sharper one; it lies from 0 to factor, or between those of a pair.
        value_range: what is less or greater afterwards is cut off.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or a range that is none.
        ShapeError: the number of channels is not known.

    Example:
        >>> import numpy as np
        >>> RandomSharpness((0.5, 0.5))(np.array([[[[7.0], [9.0]]]])).ravel().tolist()
        [7.0, 9.0]
    """

    _settings = ("factor", "value_range")

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomSharpness: factor")
        self.value_range = as_range(value_range, "RandomSharpness: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return {"factor": self._uniform((sizes[0],), *self.factor, seed)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        kernel = np.full((3, 3), 1 / 13)
        kernel[1, 1] = 5 / 13
        smooth = filtered(images, kernel, self.data_format, f"RandomSharpness {self.name!r}")
        share = ops.subtract(1.0, ops.multiply(2.0, ops.cast(per_image(drawn["factor"]), self.compute_dtype)))
        return ops.clip(ops.add(images, ops.multiply(share, ops.subtract(smooth, images))), *self.value_range)


class RandomGaussianBlur(RandomImages):
    """Some images blurred while training, all of a batch by the same bell.

    Args:
        factor: the probability lies from 0 to factor, or between those of a pair.
        kernel_size: an odd number of pixels, or a pair (width, height).
        sigma: the width of the bell in pixels lies from 0 to sigma, or between those of a pair, up to 1.
        value_range: what is less or greater afterwards is cut off.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor or sigma outside of 0 to 1, an even size, or a range that is none.
        ShapeError: the number of channels is not known.

    Example:
        >>> import numpy as np
        >>> y = RandomGaussianBlur((1.0, 1.0), 3, (0.5, 0.5))(np.eye(3).reshape(1, 3, 3, 1))
        >>> round(float(y[0, 1, 1, 0]), 3)
        0.642
    """

    _settings = ("factor", "kernel_size", "sigma", "value_range")

    def __init__(self, factor: Any = 1.0, kernel_size: Any = 3, sigma: Any = 1.0, value_range: Any = (0, 255), data_format: str | None = None,
                 seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomGaussianBlur: factor")
        self.kernel_size = integers(kernel_size, 2, "RandomGaussianBlur: kernel_size")
        if any(size % 2 == 0 for size in self.kernel_size):
            raise refusal("RandomGaussianBlur: kernel_size", "an odd number, or two of them", kernel_size)
        self.sigma = share_of(sigma, "RandomGaussianBlur: sigma")
        self.value_range = as_range(value_range, "RandomGaussianBlur: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        is_blurred = chance(sizes, self.factor, lambda shape, low, high: self._uniform(shape, low, high, seed))
        return {"should_apply_blur": is_blurred, "blur_factor": ops.add(self._uniform((2,), *self.sigma, seed), 1e-6)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        blurred = ops.image.gaussian_blur(images, self.kernel_size, drawn["blur_factor"], self.data_format)
        return ops.clip(ops.where(per_image(drawn["should_apply_blur"]), blurred, images), *self.value_range)
