"""Colours of images changed at random while training: hue, saturation, grey."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, fraction
from symkeras.layers.random_images import RandomBrightness, RandomContrast, RandomImages, as_range, range_of, rescaled, share_of
from symkeras.ops.shaping import slice_axis


def chance(sizes: Any, share: tuple[float, float], draw: Any) -> Any:
    """(B,): whether each image is changed, with a probability drawn between the two of `share`.

    Args:
        sizes: the shape of the images.
        share: the least and the greatest probability.
        draw: (shape, low, high) -> numbers.
    """
    probability = draw((sizes[0],), *share)
    return ops.less(draw((sizes[0],), 0.0, 1.0), probability)


def per_image(x: Any) -> Any:
    """(B,) as (B, 1, 1, 1)."""
    return ops.reshape(x, (-1, 1, 1, 1))


class _Colors(RandomImages):
    """Images whose colours are three channels."""

    _settings = ("factor", "value_range")

    def __init__(self, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.value_range = as_range(value_range, f"{type(self).__name__}: value_range")

    def _in_hsv(self, images: Any, change: Any) -> Any:
        """Images whose hue, saturation and value, each (B, H, W) with an axis of 1, `change` gives anew."""
        axis = 1 if self.data_format == "channels_first" else 3
        hsv = ops.image.rgb_to_hsv(images, data_format=self.data_format)
        planes = change(*(slice_axis(hsv, axis, k, k + 1) for k in range(3)))
        return ops.image.hsv_to_rgb(ops.concatenate(list(planes), axis), data_format=self.data_format)


class RandomHue(_Colors):
    """The hue of each image turned while training.

    Args:
        factor: how far, where 1 is half of a turn: from 0 to factor, or between those of a pair, in either direction.
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or a range that is none.
        ShapeError: other than three channels.

    Example:
        >>> import numpy as np
        >>> RandomHue((1.0, 1.0))(np.array([[[[255.0, 0.0, 0.0]]]])).round(3).ravel().tolist()
        [0.0, 255.0, 255.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(value_range, data_format, seed, **kwargs)
        self.factor = share_of(factor, "RandomHue: factor")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        sign = ops.cast(ops.where(ops.greater(self._uniform((sizes[0],), 0.0, 1.0, seed), 0.5), -1.0, 1.0), self.compute_dtype)
        return {"factor": ops.multiply(ops.multiply(sign, self._uniform((sizes[0],), *self.factor, seed)), 0.5)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        turn = ops.cast(per_image(drawn["factor"]), self.compute_dtype)

        def turned(hue: Any, saturation: Any, value: Any) -> Any:
            hue = ops.add(hue, turn)
            hue = ops.where(ops.greater(hue, 1.0), ops.subtract(hue, 1.0), hue)
            return ops.where(ops.less(hue, 0.0), ops.add(hue, 1.0), hue), saturation, value

        colors = self._in_hsv(rescaled(images, self.value_range, (0, 1)), turned)
        return rescaled(ops.clip(colors, 0, 1), (0, 1), self.value_range)


class RandomSaturation(_Colors):
    """The saturation of each image multiplied while training.

    Args:
        factor: it is multiplied by f / (1 - f): 0 gives grey, 0.5 changes nothing, 1 gives full colours; f lies from 0 to factor, or between
            those of a pair; below 0, as in files that Keras writes, it is grey, too.
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, a pair outside of -1 to 1, or a range that is none.
        ShapeError: other than three channels.

    Example:
        >>> import numpy as np
        >>> RandomSaturation((0.0, 0.0))(np.array([[[[255.0, 0.0, 0.0]]]])).ravel().tolist()
        [255.0, 255.0, 255.0]
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(value_range, data_format, seed, **kwargs)
        where = "RandomSaturation: factor"
        self.factor = range_of(factor, where, -1, 1) if isinstance(factor, (tuple, list)) else share_of(factor, where)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        factor = self._uniform((sizes[0],), *self.factor, seed)
        return {"factor": ops.divide(factor, ops.add(ops.subtract(1.0, factor), 1e-7))}

    def _changed(self, images: Any, drawn: Any) -> Any:
        factor = ops.cast(per_image(drawn["factor"]), self.compute_dtype)
        return self._in_hsv(images, lambda hue, saturation, value: (hue, ops.clip(ops.multiply(saturation, factor), 0.0, 1.0), value))


class RandomColorDegeneration(_Colors):
    """Each image mixed with its grey while training.

    Args:
        factor: the share of grey: from -factor to factor, or between those of a pair.
        value_range: what is less or greater afterwards is cut off.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of -1 to 1, or a range that is none.
        ShapeError: other than three channels.

    Example:
        >>> import numpy as np
        >>> y = RandomColorDegeneration((1.0, 1.0))(np.array([[[[200.0, 100.0, 0.0]]]]))
        >>> bool(np.ptp(y) == 0)
        True
    """

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(value_range, data_format, seed, **kwargs)
        self.factor = range_of(factor, "RandomColorDegeneration: factor", -1, 1)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return {"factor": self._uniform((sizes[0], 1, 1, 1), *self.factor, seed)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        grey = ops.image.rgb_to_grayscale(images, data_format=self.data_format)
        factor = ops.cast(drawn["factor"], self.compute_dtype)
        return ops.clip(ops.add(images, ops.multiply(factor, ops.subtract(grey, images))), *self.value_range)


class RandomGrayscale(RandomImages):
    """Some images in grey while training, with three equal channels.

    Args:
        factor: the probability.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1.
        ShapeError: other than three channels.

    Example:
        >>> import numpy as np
        >>> bool(np.ptp(RandomGrayscale(1.0)(np.array([[[[200.0, 100.0, 0.0]]]]))) == 0)
        True
    """

    _settings = ("factor",)

    @checked(factor=fraction)
    def __init__(self, factor: float = 0.5, data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.factor = factor

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return ops.less(self._uniform((sizes[0], 1, 1, 1), 0.0, 1.0, seed), self.factor)

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.where(drawn, ops.image.rgb_to_grayscale(images, data_format=self.data_format), images)


class RandomColorJitter(RandomImages):
    """Brightness, contrast, saturation and hue of each image changed while training, in this order.

    Args:
        value_range: the least and the greatest value of a pixel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: as for the layer of each; None leaves it as it is.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: what the layer of each does not take.
        ShapeError: other than three channels.

    Example:
        >>> import numpy as np
        >>> RandomColorJitter(contrast_factor=0.5, seed=1)(np.full((1, 2, 2, 3), 7.0)).ravel().tolist()[:3]
        [7.0, 7.0, 7.0]
    """

    _settings = ("value_range", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor")

    def __init__(self, value_range: Any = (0, 255), brightness_factor: Any = None, contrast_factor: Any = None, saturation_factor: Any = None,
                 hue_factor: Any = None, seed: Any = None, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        as_range(value_range, "RandomColorJitter: value_range")
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        shared = {"value_range": value_range, "seed": seed, "data_format": data_format, "dtype": kwargs.get("dtype")}
        self.random_brightness = None if brightness_factor is None else RandomBrightness(brightness_factor, **shared)
        self.random_contrast = None if contrast_factor is None else RandomContrast(contrast_factor, **shared)
        self.random_saturation = None if saturation_factor is None else RandomSaturation(saturation_factor, **shared)
        self.random_hue = None if hue_factor is None else RandomHue(hue_factor, **shared)

    def _parts(self) -> list[Any]:
        parts = (self.random_brightness, self.random_contrast, self.random_saturation, self.random_hue)
        return [part for part in parts if part is not None]

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return [part._drawn(sizes, seed) for part in self._parts()]

    def _changed(self, images: Any, drawn: Any) -> Any:
        for part, change in zip(self._parts(), drawn, strict=True):
            images = part.transform_images(images, change)
        return images
