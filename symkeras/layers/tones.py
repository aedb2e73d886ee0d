"""Brightness of images spread, cut off and turned round, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops, random
from symkeras.arguments import checked, integer, integers, non_negative, positive_int
from symkeras.errors import ShapeError
from symkeras.layers.random_colors import chance, per_image
from symkeras.layers.random_images import RandomImages, as_range, rescaled, share_of
from symkeras.ops.shaping import slice_axis

_BYTES = (0.0, 255.0)


class AutoContrast(RandomImages):
    """The values of each channel of each image spread over the whole range, in training and in use; a channel of one value stays.

    Args:
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a range that is none.

    Example:
        >>> import numpy as np
        >>> AutoContrast()(np.array([[[[100.0], [110.0], [105.0]]]])).ravel().tolist()
        [0.0, 255.0, 127.5]
    """

    _settings = ("value_range",)
    _is_seeded = False
    _is_always_on = True

    def __init__(self, value_range: Any = (0, 255), data_format: str | None = None, **kwargs: Any):
        super().__init__(None, data_format, **kwargs)
        self.value_range = as_range(value_range, "AutoContrast: value_range")

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A batch of images with the whole range of values."""
        images = ops.cast(images, self.compute_dtype)
        x, space = rescaled(images, self.value_range, _BYTES), self.space(ops.shape(images))
        low, high = (extreme(x, axis=space, keepdims=True) for extreme in (ops.min, ops.max))
        is_spread = ops.greater(high, low)
        scale = ops.divide(255.0, ops.where(is_spread, ops.subtract(high, low), 1.0))
        spread = ops.clip(ops.multiply(ops.subtract(x, low), scale), *_BYTES)
        return ops.where(is_spread, rescaled(spread, _BYTES, self.value_range), images)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return None


class Equalization(RandomImages):
    """The values of each channel changed while training such that each is about as frequent as the others in the batch.

    Args:
        value_range: the least and the greatest value of a pixel.
        bins: how many kinds of values are counted.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a range that is none, or less than one bin.

    Example:
        >>> import numpy as np
        >>> Equalization()(np.array([[[[10.0], [11.0], [12.0]]]])).ravel().tolist()
        [0.0, 128.0, 255.0]
    """

    _settings = ("value_range", "bins")
    _is_seeded = False

    @checked(bins=positive_int)
    def __init__(self, value_range: Any = (0, 255), bins: int = 256, data_format: str | None = None, **kwargs: Any):
        super().__init__(None, data_format, **kwargs)
        self.value_range = as_range(value_range, "Equalization: value_range")
        self.bins = bins

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A batch of images with values of equal frequency."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        axis = 1 if self.data_format == "channels_first" else 3
        count = ops.shape(images)[axis]
        if not isinstance(count, int):
            raise ShapeError(f"Equalization {self.name!r} needs a known number of channels, received shape {tuple(ops.shape(images))}")
        channels = [self._equalized(slice_axis(images, axis, k, k + 1)) for k in range(count)]
        return ops.concatenate(channels, axis) if channels else images

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return None

    def _equalized(self, channel: Any) -> Any:
        x = rescaled(channel, self.value_range, _BYTES)
        places = ops.cast(ops.clip(ops.multiply(ops.divide(x, 255.0), self.bins - 1), 0, self.bins - 1), "int32")
        flat = ops.reshape(places, (-1, 1))
        counts = ops.scatter(flat, ops.ones_like(ops.squeeze(flat, 1), dtype="int32"), (self.bins,))
        below = ops.cumsum(counts)
        first = ops.take(below, ops.argmax(ops.greater(below, 0)), 0)
        rest = ops.subtract(below[-1], first)
        above, most = (ops.cast(x, self.compute_dtype) for x in (ops.subtract(below, first), ops.maximum(rest, 1)))
        table = ops.clip(ops.round(ops.divide(ops.multiply(above, 255.0), most)), *_BYTES)
        return ops.where(ops.equal(rest, 0), channel, rescaled(ops.take(table, places, 0), _BYTES, self.value_range))


class Solarization(RandomImages):
    """Each image made brighter and, from a threshold on, turned into its negative while training.

    Args:
        addition_factor: what is added, as a share of the range: from 0 to factor, or between those of a pair.
        threshold_factor: the threshold, likewise.
        value_range: the least and the greatest value of a pixel.
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
        >>> Solarization()(np.array([[[[55.0], [255.0]]]])).ravel().tolist()
        [200.0, 0.0]
    """

    _settings = ("addition_factor", "threshold_factor", "value_range")

    def __init__(self, addition_factor: Any = 0.0, threshold_factor: Any = 0.0, value_range: Any = (0, 255), seed: Any = None,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.addition_factor = share_of(addition_factor, "Solarization: addition_factor")
        self.threshold_factor = share_of(threshold_factor, "Solarization: threshold_factor")
        self.value_range = as_range(value_range, "Solarization: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        pairs = {"additions": self.addition_factor, "thresholds": self.threshold_factor}
        return {name: self._uniform((sizes[0], 1, 1, 1), low, high * 255, seed) for name, (low, high) in pairs.items()}

    def _changed(self, images: Any, drawn: Any) -> Any:
        additions, thresholds = (ops.cast(drawn[name], self.compute_dtype) for name in ("additions", "thresholds"))
        x = ops.clip(ops.add(rescaled(images, self.value_range, _BYTES), additions), *_BYTES)
        return rescaled(ops.where(ops.less(x, thresholds), x, ops.subtract(255.0, x)), _BYTES, self.value_range)


class RandomInvert(RandomImages):
    """Some images turned into their negatives while training: the greatest value minus each.

    Args:
        factor: the probability lies from 0 to factor, or between those of a pair.
        value_range: the least and the greatest value of a pixel.
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
        >>> RandomInvert((1.0, 1.0))(np.array([[[[55.0], [255.0]]]])).ravel().tolist()
        [200.0, 0.0]
    """

    _settings = ("factor", "value_range")

    def __init__(self, factor: Any = 1.0, value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomInvert: factor")
        self.value_range = as_range(value_range, "RandomInvert: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return {"apply_inversion": chance(sizes, self.factor, lambda shape, low, high: self._uniform(shape, low, high, seed))}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.where(per_image(drawn["apply_inversion"]), ops.subtract(self.value_range[1], images), images)


class RandomPosterization(RandomImages):
    """Each image with fewer bits for each value while training.

    Args:
        factor: bits, 1 to 8: from 1 to factor - 1, or from the lower of a pair to the upper one minus 1; exactly so many where both are equal.
        value_range: the least and the greatest value of a pixel.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor that is no integer from 1 to 8, or a range that is none.

    Example:
        >>> import numpy as np
        >>> RandomPosterization((1, 1))(np.array([[[[55.0], [255.0]]]])).ravel().tolist()
        [0.0, 128.0]
    """

    _settings = ("factor", "value_range")

    def __init__(self, factor: Any, value_range: Any = (0, 255), data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        low, high = share_of(factor, "RandomPosterization: factor", 1, 8)
        self.factor = tuple(integer(1, 8)(bits, "RandomPosterization: factor") for bits in (low, high))
        self.value_range = as_range(value_range, "RandomPosterization: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        low, high = self.factor
        bits = random.randint((sizes[0],), low, high, seed=seed) if low < high else ops.full((sizes[0],), low, dtype="int32")
        return {"shift_factor": ops.subtract(8, bits)}

    def _changed(self, images: Any, drawn: Any) -> Any:
        step = ops.power(ops.cast(2.0, self.compute_dtype), ops.cast(per_image(drawn["shift_factor"]), self.compute_dtype))
        x = ops.clip(rescaled(images, self.value_range, _BYTES), *_BYTES)
        return rescaled(ops.multiply(ops.floor(ops.divide(x, step)), step), _BYTES, self.value_range)


class ContrastLimitedAdaptiveHistogramEqualization(RandomImages):
    """The values of each channel of each image made equally frequent within its neighbourhood, in training and in use (CLAHE).

    The image is cut into tiles; each has a table of its own, and a pixel takes the tables of the four tiles around it, by its distance to
    their middles.

    Args:
        value_range: the least and the greatest value of a pixel.
        clip_limit: how many times as frequent as the average a value of a tile counts at most; no limit when 0.
        tile_grid_size: (rows, columns) of tiles.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C) with known sizes; the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: an argument that makes no sense.
        ShapeError: height, width or number of channels are not known.

    Example:
        >>> import numpy as np
        >>> y = ContrastLimitedAdaptiveHistogramEqualization(clip_limit=0, tile_grid_size=(1, 1))(np.arange(16.0).reshape(1, 4, 4, 1))
        >>> y.shape, float(y.min()), float(y.max())
        ((1, 4, 4, 1), 0.0, 255.0)

    Source: K. Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994.
    """

    _settings = ("value_range", "clip_limit", "tile_grid_size")
    _is_seeded = False
    _is_always_on = True

    @checked(clip_limit=non_negative)
    def __init__(self, value_range: Any = (0, 255), clip_limit: float = 4.0, tile_grid_size: Any = (8, 8), data_format: str | None = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(None, data_format, **kwargs)
        self.value_range = as_range(value_range, f"{type(self).__name__}: value_range")
        self.clip_limit = clip_limit
        self.tile_grid_size = integers(tile_grid_size, 2, f"{type(self).__name__}: tile_grid_size")

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        """A batch of images, equalized tile by tile."""
        images = ops.cast(images, self.compute_dtype)
        is_first = self.data_format == "channels_first"
        x = ops.transpose(images, (0, 2, 3, 1)) if is_first else images
        sizes: Any = ops.shape(x)
        height, width, channels = sizes[1:]
        if not all(isinstance(size, int) for size in (height, width, channels)):
            raise ShapeError(f"{type(self).__name__} {self.name!r} needs images of known sizes, received shape {tuple(ops.shape(images))}")
        x = rescaled(ops.cast(x, self._computes_in), self.value_range, _BYTES)
        out = rescaled(self._equalized(x, height, width, channels), _BYTES, self.value_range)
        return ops.cast(ops.transpose(out, (0, 3, 1, 2)) if is_first else out, self.compute_dtype)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return None

    @property
    def _computes_in(self) -> str:
        """Counts need more digits than a narrow dtype has."""
        return "float64" if self.compute_dtype == "float64" else "float32"

    def _equalized(self, x: Any, height: int, width: int, channels: int) -> Any:
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        batch, area = ops.shape(x)[0], tall * wide
        values = ops.cast(ops.clip(x, *_BYTES), "int32")
        padded = self._mirrored(self._mirrored(values, 1, tall * rows), 2, wide * columns)
        y, z = np.arange(tall * rows), np.arange(wide * columns)
        tiles = (y // tall)[:, None] * columns + (z // wide)[None, :]
        groups = ops.add(ops.multiply(self._number(batch, rows * columns, channels, tiles), 256), padded)
        flat = ops.reshape(groups, (-1, 1))
        counts = ops.scatter(flat, ops.ones_like(ops.squeeze(flat, 1), dtype=self._computes_in), (batch * rows * columns * channels * 256,))
        tables = self._tables(ops.reshape(counts, (-1, 256)), area)
        down, across = self._neighbours(np.arange(height), tall, rows), self._neighbours(np.arange(width), wide, columns)
        out: Any = 0.0
        for i, weight_i in down:
            for j, weight_j in across:
                places = ops.add(ops.multiply(self._number(batch, rows * columns, channels, i[:, None] * columns + j[None, :]), 256), values)
                weight = (weight_i[:, None] * weight_j[None, :]).astype(self._computes_in)[None, :, :, None]
                out = ops.add(out, ops.multiply(ops.take(ops.reshape(tables, (-1,)), places, 0), weight))
        return out

    def _tables(self, counts: Any, area: int) -> Any:
        """(T, 256): for each tile what a value becomes, from how often it comes."""
        if self.clip_limit > 0:
            kept = ops.minimum(counts, self.clip_limit * area / 256.0)
            counts = ops.add(kept, ops.divide(ops.sum(ops.subtract(counts, kept), axis=-1, keepdims=True), 256.0))
        below = ops.cumsum(counts, axis=-1)
        least = ops.min(below, axis=-1, keepdims=True)
        rest = ops.subtract(float(area), least)
        return ops.clip(ops.divide(ops.multiply(ops.subtract(below, least), 255.0), ops.where(ops.equal(rest, 0.0), 1.0, rest)), *_BYTES)

    def _number(self, batch: Any, count: int, channels: int, tiles: np.ndarray) -> Any:
        """(B, H, W, C): the number of the table of each pixel, whose tile is `tiles` (H, W)."""
        own = (tiles[None, :, :, None] * channels + np.arange(channels)).astype("int32")
        return ops.add(ops.reshape(ops.multiply(ops.arange(batch, dtype="int32"), count * channels), (-1, 1, 1, 1)), own)

    def _mirrored(self, x: Any, axis: int, size: int) -> Any:
        """An axis made longer by what lies before its end, backwards, its last element twice."""
        before: Any = ops.shape(x)[axis]
        if before == size:
            return x
        index = np.arange(size) % (2 * before)
        return ops.take(x, np.where(index < before, index, 2 * before - 1 - index).astype("int32"), axis)

    def _neighbours(self, places: np.ndarray, size: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each place along an axis the tile before and the one behind, and how much each counts."""
        middle = (places - size / 2) / size
        before = np.floor(middle)
        share = middle - before
        return [(np.clip(before + k, 0, count - 1).astype("int32"), weight) for k, weight in ((0, 1 - share), (1, share))]
