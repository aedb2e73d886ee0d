"""Images seen from the side, or pulled about, at random while training."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.arguments import checked, fraction, number, one_of
from symkeras.errors import ShapeError
from symkeras.layers.random_colors import chance, per_image
from symkeras.layers.random_images import RandomImages, as_range, share_of
from symkeras.ops.image.sampling import FILL_MODES, INTERPOLATIONS
from symkeras.random.elastic import moved, smooth_noise


class RandomPerspective(RandomImages):
    """Some images seen from the side while training: three of their corners moved.

    Args:
        factor: the probability lies from 0 to factor, or between those of a pair.
        scale: how far a corner moves at most, as twice a share of its distance from the first one.
        interpolation: "bilinear" or "nearest".
        fill_value: what comes in from outside.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor or scale outside of 0 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> RandomPerspective(scale=0.0)(np.arange(4.0).reshape(1, 2, 2, 1)).ravel().tolist()
        [0.0, 1.0, 2.0, 3.0]
    """

    _settings = ("factor", "scale", "interpolation", "fill_value")
    _moves_pixels = True

    @checked(scale=fraction, interpolation=one_of(*INTERPOLATIONS), fill_value=number())
    def __init__(self, factor: Any = 1.0, scale: float = 1.0, interpolation: str = "bilinear", fill_value: float = 0.0, seed: Any = None,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomPerspective: factor")
        self.scale, self.interpolation, self.fill_value = scale, interpolation, fill_value

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        is_moved = chance(sizes, self.factor, lambda shape, low, high: self._uniform(shape, low, high, seed))
        moves = self._uniform((sizes[0], 4, 2), -0.5 * self.scale, 0.5 * self.scale, seed)
        down, across = (ops.subtract(ops.cast(sizes[axis], self.compute_dtype), 1.0) for axis in self.space(sizes))
        zero = ops.zeros_like(down)
        corners = ops.reshape(ops.stack([zero, zero, across, zero, zero, down, across, down]), (1, 4, 2))
        start = ops.broadcast_to(corners, (sizes[0], 4, 2))
        return {"apply_perspective": is_moved, "start_points": start, "end_points": ops.add(start, ops.multiply(start, moves)), "input_shape": sizes}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return self._read(images, drawn, self.interpolation)

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        return self._read(masks, drawn, "nearest")

    def _read(self, images: Any, drawn: Any, interpolation: str) -> Any:
        start, end = (ops.cast(drawn[name], self.compute_dtype) for name in ("start_points", "end_points"))
        moved = ops.image.perspective_transform(images, start, end, interpolation, self.fill_value, self.data_format)
        return ops.where(per_image(drawn["apply_perspective"]), moved, images)


class RandomElasticTransform(RandomImages):
    """Some images pulled about while training: every pixel moved a little, neighbours alike.

    Args:
        factor: the probability lies from 0 to factor, or between those of a pair.
        scale: how far, as a share; it is drawn from 0 to scale, or between those of a pair, once for a batch.
        interpolation: "bilinear" or "nearest".
        fill_mode: what comes in from outside: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: what comes in for "constant".
        value_range: what is less or greater afterwards is cut off.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C) with known H and W; the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor or scale outside of 0 to 1, or an argument that is not known.
        ShapeError: height or width are not known.

    Example:
        >>> import numpy as np
        >>> RandomElasticTransform(scale=0.0)(np.arange(4.0).reshape(1, 2, 2, 1)).ravel().tolist()
        [0.0, 1.0, 2.0, 3.0]

    Source: P. Simard and others, Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis, 2003.
    """

    _settings = ("factor", "scale", "interpolation", "fill_mode", "fill_value", "value_range")
    _moves_pixels = True

    @checked(interpolation=one_of(*INTERPOLATIONS), fill_mode=one_of(*FILL_MODES), fill_value=number())
    def __init__(self, factor: Any = 1.0, scale: Any = 1.0, interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: float = 0.0,
                 value_range: Any = (0, 255), seed: Any = None, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomElasticTransform: factor")
        self.scale = share_of(scale, "RandomElasticTransform: scale")
        self.interpolation, self.fill_mode, self.fill_value = interpolation, fill_mode, fill_value
        self.value_range = as_range(value_range, "RandomElasticTransform: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        if self.scale[1] == 0 or self.factor[1] == 0:
            return None
        height, width = (sizes[axis] for axis in self.space(sizes))
        if not isinstance(height, int) or not isinstance(width, int):
            raise ShapeError(f"RandomElasticTransform {self.name!r} needs images of known height and width, received shape {tuple(sizes)}")
        is_moved = chance(sizes, self.factor, lambda shape, low, high: self._uniform(shape, low, high, seed))
        factor = self._uniform((), *self.scale, seed)
        least = min(height, width)
        sigma = ops.add(ops.multiply(factor, 0.05 * least), 1e-6)
        noise = smooth_noise((sizes[0], height, width), int(0.3 * least * self.scale[1]) | 1, sigma, self.compute_dtype, seed)
        moves = ops.multiply(noise, ops.multiply(factor, 0.1 * max(height, width)))
        return {"apply_transform": is_moved, "distortion_factor": factor, "moves": moves}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.clip(self._read(images, drawn, self.interpolation), *self.value_range)

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        return self._read(masks, drawn, "nearest")

    def _read(self, images: Any, drawn: Any, interpolation: str) -> Any:
        is_first = self.data_format == "channels_first"
        x = ops.transpose(images, (0, 2, 3, 1)) if is_first else images
        out = moved(x, drawn["moves"], INTERPOLATIONS.index(interpolation), self.fill_mode, self.fill_value)
        return ops.where(per_image(drawn["apply_transform"]), ops.transpose(out, (0, 3, 1, 2)) if is_first else out, images)
