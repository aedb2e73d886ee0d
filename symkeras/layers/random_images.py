"""Random changes of images while training: what all have in common, flips, crops, contrast and brightness."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from symkeras import ops, random
from symkeras.arguments import checked, number, one_of, refusal, several
from symkeras.graph import dims
from symkeras.layers.beside_images import BesideImages, scaled
from symkeras.layers.image_sizes import ToSize, by_fit, fits
from symkeras.layers.spatial import data_format_of
from symkeras.ops.image.resizing import aspect_crop
from symkeras.ops.op import dtype_of

MODES = ("horizontal", "vertical", "horizontal_and_vertical")


def range_of(value: Any, where: str, least: float, most: float, is_least_taken: bool = True) -> tuple[float, float]:
    """(lower, upper) of a factor: those of a pair, sorted, or -factor and factor.

    Raises:
        ConfigError: it is no number and no pair of numbers within the bounds.
    """
    items = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    check = number(least=least, most=most) if is_least_taken else number(above=least, most=most)
    if len(items) not in (1, 2) or (len(items) == 1 and isinstance(value, (tuple, list))):
        raise refusal(where, "a number, or a lower and an upper one", value)
    low, high = (check(items[0], where), check(items[-1], where))
    return (min(low, high), max(low, high)) if len(items) == 2 else (-abs(low), abs(low))


def share_of(value: Any, where: str, least: float = 0, most: float = 1) -> tuple[float, float]:
    """(lower, upper) of a factor that is never below `least`: those of a pair, sorted, or `least` and the number.

    Raises:
        ConfigError: it is no number and no pair of numbers within the bounds.
    """
    low, high = range_of(value, where, least, most)
    return (low, high) if isinstance(value, (tuple, list)) else (least, high)


def as_range(value: Any, where: str) -> tuple[float, float]:
    """The least and the greatest value of a pixel.

    Raises:
        ConfigError: they are no two different numbers.
    """
    low, high = sorted(several(number(), count=2)(value, where))
    if low == high:
        raise refusal(where, "two different numbers", value)
    return low, high


def rescaled(x: Any, of: tuple[float, float], to: tuple[float, float]) -> Any:
    """Numbers of one range in another one."""
    if tuple(of) == tuple(to):
        return x
    return ops.add(ops.multiply(ops.divide(ops.subtract(x, of[0]), of[1] - of[0]), to[1] - to[0]), to[0])


class RandomImages(BesideImages):
    """Images as they are in use, changed at random while training; called by itself it takes that it trains, as Keras' do.

    A dict may have labels, masks and boxes beside the images.
    """

    _settings: ClassVar[tuple[str, ...]] = ()
    _is_seeded: ClassVar[bool] = True
    _is_always_on: ClassVar[bool] = False

    def __init__(self, seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)
        self.data_format = data_format_of(data_format)

    def call(self, data: Any, training: Any = True) -> Any:
        training = training or self._is_always_on
        if isinstance(data, dict):
            return self._together(data, training)
        images = ops.cast(data, self.compute_dtype)
        if not training:
            return images
        self.space(ops.shape(images))
        is_single = len(ops.shape(images)) == 3
        batch = ops.expand_dims(images, 0) if is_single else images
        changed = self.transform_images(batch, self.get_random_transformation(batch))
        return ops.squeeze(changed, 0) if is_single else changed

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is drawn for a batch of images, as a dict.

        Args:
            data: (B, H, W, C), of which only the shape counts.
            training: None is given where it is False.
            seed: an int or a `SeedGenerator` in place of the layer's own.
        """
        images = data["images"] if isinstance(data, dict) else data
        return self._drawn(ops.shape(images), self.generator if seed is None else seed) if training else None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of images, changed by what `get_random_transformation` gave."""
        images = ops.cast(images, self.compute_dtype)
        return self._changed(images, transformation) if training and transformation is not None else images

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks (B, H, W, 1) after the same change: moved as the pixels are, with no new values."""
        if not self._moves_pixels or not training or transformation is None:
            return segmentation_masks
        return ops.cast(self._masks_changed(segmentation_masks, transformation), dtype_of(segmentation_masks))

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        return self._changed(masks, drawn)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        raise NotImplementedError

    def _changed(self, images: Any, drawn: Any) -> Any:
        raise NotImplementedError

    def _uniform(self, shape: Any, low: float, high: float, seed: Any) -> Any:
        return random.uniform(shape, low, high, dtype=self.compute_dtype, seed=seed)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        names = (*self._settings, *(("seed",) if self._is_seeded else ()), "data_format")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class RandomFlip(RandomImages):
    """Each image mirrored with probability 1/2 while training, along both axes together for "horizontal_and_vertical".

    Args:
        mode: "horizontal" (left and right), "vertical" or "horizontal_and_vertical".
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: an argument that is not known.

    Example:
        >>> import numpy as np
        >>> y = RandomFlip("horizontal", seed=1)(np.arange(2.0).reshape(1, 1, 2, 1))
        >>> sorted(y.ravel().tolist())
        [0.0, 1.0]
    """

    _settings = ("mode",)
    _moves_pixels = True

    @checked(mode=one_of(*MODES))
    def __init__(self, mode: str = "horizontal_and_vertical", seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.mode = mode

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return {"flips": ops.less_equal(self._uniform((sizes[0], 1, 1, 1), 0.0, 1.0, seed), 0.5), "input_shape": sizes}

    def _changed(self, images: Any, drawn: Any) -> Any:
        height, width = self.space(ops.shape(images))
        for axis, name in ((width, "horizontal"), (height, "vertical")):
            if name in self.mode:
                images = ops.where(drawn["flips"], ops.flip(images, axis), images)
        return images

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        if not training or drawn is None:
            return edges, sizes
        flips = ops.squeeze(drawn["flips"], -1)
        for first, size, name in ((0, sizes[1], "horizontal"), (1, sizes[0], "vertical")):
            if name in self.mode:
                low, high = edges[first], edges[first + 2]
                edges[first], edges[first + 2] = (
                    ops.where(flips, ops.subtract(size, b), a) for a, b in ((low, high), (high, low))
                )  # fmt: skip
        return edges, sizes


class RandomContrast(RandomImages):
    """(x - mean) * factor + mean, the mean of each channel of each image and a factor for each image drawn while training.

    Args:
        factor: a pair (below, above), for a factor from 1 - below to 1 + above; a single number is above, as in Keras 3.
        value_range: what is less or greater afterwards is cut off.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or a range that is none.

    Example:
        >>> import numpy as np
        >>> RandomContrast(0.5, seed=1)(np.full((1, 2, 2, 1), 7.0)).ravel().tolist()
        [7.0, 7.0, 7.0, 7.0]
    """

    _settings = ("factor", "value_range")

    @checked(value_range=several(number(), count=2))
    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        low, high = range_of(factor, "RandomContrast: factor", 0, 1)
        self.factor, self.value_range = (max(low, 0), high), value_range

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return {"contrast_factor": self._uniform((sizes[0], 1, 1, 1), 1.0 - self.factor[0], 1.0 + self.factor[1], seed)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        mean = ops.mean(images, axis=self.space(ops.shape(images)), keepdims=True)
        spread = ops.multiply(ops.subtract(images, mean), ops.cast(drawn["contrast_factor"], self.compute_dtype))
        return ops.clip(ops.add(spread, mean), *self.value_range)


class RandomBrightness(RandomImages):
    """A number added to each image while training, the same to all of its pixels.

    Args:
        factor: the number lies from -factor to factor, or between those of a pair, times the width of `value_range`.
        value_range: what is less or greater afterwards is cut off.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C)

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of -1 to 1, or a range that is none.

    Example:
        >>> import numpy as np
        >>> y = RandomBrightness(0.1, seed=1)(np.full((1, 2, 2, 1), 100.0))
        >>> bool(np.ptp(y) == 0 and 74.5 <= y.max() <= 125.5)
        True
    """

    _settings = ("factor", "value_range")

    @checked(value_range=several(number(), count=2))
    def __init__(self, factor: Any, value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.factor = range_of(factor, "RandomBrightness: factor", -1, 1)
        self.value_range = tuple(sorted(value_range))

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        low, high = self.value_range
        return {"rgb_delta": ops.multiply(self._uniform((sizes[0], 1, 1, 1), *self.factor, seed), float(high - low))}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.clip(ops.add(images, ops.cast(drawn["rgb_delta"], self.compute_dtype)), *self.value_range)


def _count(size: dims.Size) -> Any:
    return size if isinstance(size, int) else ops.cast(size, "int64")


class RandomCrop(RandomImages, ToSize):
    """A part of images, at a place that is drawn for the batch while training.

    In use, and where an image is smaller than the part, the largest part in the middle that has its shape is resized to it.

    Args:
        height, width: the size.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        the same, with height and width

    Raises:
        ConfigError: a size that is no positive integer.

    Example:
        >>> import numpy as np
        >>> RandomCrop(2, 3, seed=1)(np.zeros((1, 5, 5, 1))).shape
        (1, 2, 3, 1)
    """

    _settings = ("height", "width")
    _moves_pixels = True

    def __init__(self, height: int, width: int, seed: Any = None, data_format: str | None = None, **kwargs: Any):
        ToSize.__init__(self, height, width, data_format, **kwargs)
        self.seed, self.generator = seed, random.SeedGenerator(seed)

    def call(self, data: Any, training: Any = True) -> Any:
        if training or isinstance(data, dict):
            return super().call(data, training)
        return self._resized(ops.cast(data, self.compute_dtype))

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        """(row, column) where the part begins; None where sizes say that nothing is free. Of sizes that are not known yet all are drawn."""
        free = [sizes[axis] - size for axis, size in zip(self.space(sizes), (self.height, self.width), strict=True)]
        known = [d for d in free if isinstance(d, int)]
        if min(known, default=0) < 0 or (len(known) == len(free) and max(known) == 0):
            return None
        return tuple(random.randint((), 0, _count(dims.maximum(d, 0) + 1), seed=seed) for d in free)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """The part of a batch of images that begins at (row, column); what is None takes the middle."""
        return self._cut(ops.cast(images, self.compute_dtype), transformation if training else None, "bilinear")

    def _cut(self, images: Any, starts: Any, interpolation: str) -> Any:
        sizes, axes, target = ops.shape(images), self.space(ops.shape(images)), (self.height, self.width)
        if starts is None:
            return self._resized(images, interpolation)

        def cut() -> Any:
            part = images
            for axis, start, size in zip(axes, starts, target, strict=True):
                part = ops.take(part, ops.add(start, np.arange(size, dtype="int32")), axis)
            return part

        return by_fit(fits([sizes[axis] for axis in axes], target), cut, lambda: self._resized(images, interpolation))

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """The part of masks that is cut out of the images."""
        return self._cut(segmentation_masks, transformation if training else None, "nearest")

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        target = self.height, self.width

        def small() -> list[Any]:
            return scaled(edges, aspect_crop(*sizes, target), target)

        def whole() -> list[Any]:
            starts = [ops.cast(start, dtype_of(edges[0])) for start in (drawn[1], drawn[0])] * 2
            return [ops.subtract(edge, start) for edge, start in zip(edges, starts, strict=True)]

        return (small() if not training or drawn is None else by_fit(fits(sizes, target), whole, small)), target

    def _resized(self, images: Any, interpolation: str = "bilinear") -> Any:
        self.space(ops.shape(images))
        return ops.image.resize(images, (self.height, self.width), interpolation, crop_to_aspect_ratio=True, data_format=self.data_format)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return ToSize.compute_output_shape(self, input_shape)
