"""Images moved, turned and zoomed at random while training: pixels read at places that an affine map gives."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

from symkeras import ops
from symkeras.arguments import checked, number, one_of
from symkeras.layers.random_images import RandomImages, range_of, share_of
from symkeras.ops.image.sampling import INTERPOLATIONS

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class _RandomTransform(RandomImages):
    """What is drawn becomes eight numbers for each image (`affine_transform`)."""

    _moves_pixels = True

    @checked(fill_mode=one_of(*FILL_MODES), interpolation=one_of(*INTERPOLATIONS), fill_value=number())
    def __init__(self, fill_mode: str, interpolation: str, seed: Any, fill_value: float, data_format: str | None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.fill_mode, self.interpolation, self.fill_value = fill_mode, interpolation, fill_value

    def _changed(self, images: Any, drawn: Any) -> Any:
        return self._read(images, drawn, self.interpolation)

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        return self._read(masks, drawn, "nearest")

    def _read(self, images: Any, drawn: Any, interpolation: str) -> Any:
        sizes = ops.shape(images)
        height, width = (ops.cast(sizes[axis], self.compute_dtype) for axis in self.space(sizes))
        transform = self._transform(drawn, height, width)
        return ops.image.affine_transform(images, transform, interpolation, self.fill_mode, self.fill_value, self.data_format)

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        """Around where the corners go; edges are places of pixels here, as in Keras."""
        if not training or drawn is None:
            return edges, sizes
        numbers = self._transform(drawn, *(ops.cast(size, self.compute_dtype) for size in sizes))
        a, b, c, d, e, f = (ops.expand_dims(numbers[:, k : k + 1], 1) for k in range(6))  # of places before by places after
        area = ops.subtract(ops.multiply(a, e), ops.multiply(b, d))
        xs, ys = [], []
        for x, y in itertools.product(edges[::2], edges[1::2]):
            u, v = ops.subtract(x, c), ops.subtract(y, f)
            xs.append(ops.divide(ops.subtract(ops.multiply(e, u), ops.multiply(b, v)), area))
            ys.append(ops.divide(ops.subtract(ops.multiply(a, v), ops.multiply(d, u)), area))
        least, most = (functools.partial(functools.reduce, fn) for fn in (ops.minimum, ops.maximum))
        return [least(xs), least(ys), most(xs), most(ys)], sizes

    def _transform(self, drawn: Any, height: Any, width: Any) -> Any:
        raise NotImplementedError

    def _columns(self, *columns: Any) -> Any:
        """Numbers and columns (B, 1) side by side."""
        like = next(column for column in columns if not isinstance(column, (int, float)))
        wide = [ops.full_like(like, column) if isinstance(column, (int, float)) else ops.cast(column, self.compute_dtype) for column in columns]
        return ops.concatenate(wide, 1)


class RandomTranslation(_RandomTransform):
    """Each image moved while training.

    Args:
        height_factor: rows it moves down, as a share of the height: from -factor to factor, or between those of a pair.
        width_factor: columns it moves to the right, as a share of the width.
        fill_mode: what comes in from outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer for draws that repeat.
        fill_value: what comes in for "constant".
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of -1 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> layer = RandomTranslation((0, 0), (0.5, 0.5), "constant")
        >>> layer(np.array([[[[1.0], [2.0]]]]))[0, 0, :, 0].tolist()
        [0.0, 1.0]
    """

    _settings = ("height_factor", "width_factor", "fill_mode", "interpolation", "fill_value")

    def __init__(self, height_factor: Any, width_factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None,
                 fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = range_of(height_factor, "RandomTranslation: height_factor", -1, 1)
        self._across = range_of(width_factor, "RandomTranslation: width_factor", -1, 1)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        height, width = (ops.cast(sizes[axis], self.compute_dtype) for axis in self.space(sizes))
        down = ops.multiply(self._uniform((sizes[0], 1), *self._rows, seed), height)
        right = ops.multiply(self._uniform((sizes[0], 1), *self._across, seed), width)
        return {"translations": ops.concatenate([right, down], 1), "input_shape": sizes}

    def _transform(self, drawn: Any, height: Any, width: Any) -> Any:
        moves = ops.negative(drawn["translations"])
        return self._columns(1, 0, moves[:, :1], 0, 1, moves[:, 1:], 0, 0)


class RandomRotation(_RandomTransform):
    """Each image turned about its middle while training.

    Args:
        factor: the angle as a share of a full turn: from -factor to factor, or between those of a pair.
        fill_mode: what comes in from outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer for draws that repeat.
        fill_value: what comes in for "constant".
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of -1 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> layer = RandomRotation((0.25, 0.25), interpolation="nearest")
        >>> layer(np.array([[[[1.0], [2.0]], [[3.0], [4.0]]]]))[0, :, :, 0].tolist()
        [[2.0, 4.0], [1.0, 3.0]]
    """

    _settings = ("factor", "fill_mode", "fill_value", "interpolation")

    def __init__(self, factor: Any, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None, fill_value: float = 0.0,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = range_of(factor, "RandomRotation: factor", -1, 1)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        height, width = (sizes[axis] for axis in self.space(sizes))
        angle = self._uniform((sizes[0],), self.factor[0] * 360.0, self.factor[1] * 360.0, seed)
        rows, columns = (ops.cast(d, self.compute_dtype) for d in (height, width))
        matrix = self._matrix(angle, rows, columns)
        return {"angle": angle, "rotation_matrix": matrix, "image_height": height, "image_width": width, "batch_size": sizes[0]}

    def _matrix(self, angle: Any, height: Any, width: Any) -> Any:
        radians = ops.expand_dims(ops.multiply(angle, math.pi / 180), 1)
        cos, sin = ops.cos(radians), ops.sin(radians)
        x, y = (ops.multiply(ops.subtract(d, 1), 0.5) for d in (width, height))
        across = ops.subtract(x, ops.subtract(ops.multiply(cos, x), ops.multiply(sin, y)))
        down = ops.subtract(y, ops.add(ops.multiply(sin, x), ops.multiply(cos, y)))
        return self._columns(cos, ops.negative(sin), across, sin, cos, down, 0, 0)

    def _transform(self, drawn: Any, height: Any, width: Any) -> Any:
        return drawn["rotation_matrix"]


class RandomZoom(_RandomTransform):
    """Each image zoomed about its middle while training; a factor below 0 makes things larger, one above 0 smaller.

    Args:
        height_factor: the height that is seen is 1 + factor times the image's: from -factor to factor, or between those of a pair.
        width_factor: that of the width; as the height when None.
        fill_mode: what comes in from outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an integer for draws that repeat.
        fill_value: what comes in for "constant".
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor of -1 or below or above 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> layer = RandomZoom((-0.5, -0.5), interpolation="nearest")
        >>> layer(np.arange(4.0).reshape(1, 1, 4, 1))[0, 0, :, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    _settings = ("height_factor", "width_factor", "fill_mode", "interpolation", "fill_value")

    def __init__(self, height_factor: Any, width_factor: Any = None, fill_mode: str = "reflect", interpolation: str = "bilinear", seed: Any = None,
                 fill_value: float = 0.0, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._rows = range_of(height_factor, "RandomZoom: height_factor", -1, 1, is_least_taken=False)
        self._across = None if width_factor is None else range_of(width_factor, "RandomZoom: width_factor", -1, 1, is_least_taken=False)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        down = self._uniform((sizes[0], 1), 1.0 + self._rows[0], 1.0 + self._rows[1], seed)
        across = down if self._across is None else self._uniform((sizes[0], 1), 1.0 + self._across[0], 1.0 + self._across[1], seed)
        return {"height_zoom": down, "width_zoom": across, "input_shape": sizes}

    def _transform(self, drawn: Any, height: Any, width: Any) -> Any:
        across, down = drawn["width_zoom"], drawn["height_zoom"]
        x, y = (
            ops.multiply(ops.multiply(ops.subtract(size, 1), 0.5), ops.subtract(1, zoom)) for size, zoom in ((width, across), (height, down))
        )
        return self._columns(across, 0, x, 0, down, y, 0, 0)


class RandomShear(_RandomTransform):
    """Each image sheared while training: rows moved sideways by their number times x, columns down by their number times y.

    Args:
        x_factor: x lies from -factor to factor, or between those of a pair; then both are negated in half of the cases.
        y_factor: the same of y.
        interpolation: "bilinear" or "nearest".
        fill_mode: what comes in from outside: "reflect", "wrap", "constant" or "nearest".
        fill_value: what comes in for "constant".
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> layer = RandomShear((0.0, 0.0), 0.0)
        >>> layer(np.array([[[[1.0], [2.0]]]]))[0, 0, :, 0].tolist()
        [1.0, 2.0]
    """

    _settings = ("x_factor", "y_factor", "interpolation", "fill_mode", "fill_value")

    def __init__(self, x_factor: Any = 0.0, y_factor: Any = 0.0, interpolation: str = "bilinear", fill_mode: str = "reflect", fill_value: float = 0.0,
                 data_format: str | None = None, seed: Any = None, **kwargs: Any):  # fmt: skip
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor = self._factor(x_factor, "x_factor")
        self.y_factor = self._factor(y_factor, "y_factor")

    def _factor(self, value: Any, name: str) -> tuple[float, float]:
        low, high = share_of(value, f"RandomShear: {name}")
        return (low, high) if isinstance(value, (tuple, list)) else (-high, high)

    @classmethod
    def from_config(cls, config: Any) -> Any:
        if isinstance(config, dict):  # what a number became
            names = [n for n in ("x_factor", "y_factor") if isinstance(f := config.get(n), (list, tuple)) and len(f) == 2 and f[0] == -f[1]]
            config = {**config, **{name: config[name][1] for name in names}}
        return super().from_config(config)

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        sign = ops.where(ops.greater(self._uniform((sizes[0], 1), 0.0, 1.0, seed), 0.5), -1.0, 1.0)
        down = self._uniform((sizes[0], 1), *self.y_factor, seed)
        across = self._uniform((sizes[0], 1), *self.x_factor, seed)
        return {"shear_factor": ops.multiply(ops.concatenate([across, down], 1), ops.cast(sign, self.compute_dtype)), "input_shape": sizes}

    def _transform(self, drawn: Any, height: Any, width: Any) -> Any:
        shear = drawn["shear_factor"]
        return self._columns(1, shear[:, :1], 0, shear[:, 1:], 1, 0, 0, 0)
