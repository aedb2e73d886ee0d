"""Layers that change the size of space: zeros around, borders away, elements repeated."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops
from symkeras.arguments import integers, one_of
from symkeras.errors import ShapeError
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.spatial import border_pairs, data_format_of, spatial_axes
from symkeras.ops.image.resizing import INTERPOLATIONS


class _Spatial(Layer):
    """A layer over `rank` spatial dims; `_settings` are the arguments that the config holds."""

    rank: ClassVar[int]
    _settings: ClassVar[tuple[str, ...]]

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **{name: getattr(self, name) for name in self._settings}}

    @property
    def _axes(self) -> tuple[int, ...]:
        return spatial_axes(self.data_format, self.rank)


class _ZeroPadding(_Spatial):
    _pairs: tuple[tuple[int, int], ...]

    def call(self, inputs: Any) -> Any:
        widths = [(0, 0)] * (self.rank + 2)
        for axis, pair in zip(self._axes, self._pairs, strict=True):
            widths[axis] = pair
        return ops.pad(inputs, tuple(widths))


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and after each sequence.

    Args:
        padding: one number for both ends, or (before, after).
        data_format: where the channels are.

    Input shape:
        (B, T, C), or (B, C, T) for "channels_first"

    Output shape:
        (B, before + T + after, C)

    Raises:
        ConfigError: a number is negative, or there are too many.

    Example:
        >>> import numpy as np
        >>> ZeroPadding1D(1)(np.ones((1, 1, 1)))[0, :, 0].tolist()
        [0.0, 1.0, 0.0]
    """

    rank = 1
    _settings = ("padding", "data_format")

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = integers(padding, 2, "ZeroPadding1D: padding", 0)
        self._pairs = (self.padding,)  # type: ignore[assignment]


class ZeroPadding2D(_ZeroPadding):
    """Zeros around each image.

    Args:
        padding: one number for all sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: where the channels are.

    Input shape:
        (B, H, W, C), or (B, C, H, W) for "channels_first"

    Output shape:
        (B, top + H + bottom, left + W + right, C)

    Raises:
        ConfigError: a number is negative, or there are too many.

    Example:
        >>> import numpy as np
        >>> ZeroPadding2D(((0, 1), (2, 0)))(np.ones((1, 3, 3, 1))).shape
        (1, 4, 5, 1)
    """

    rank = 2
    _settings = ("padding", "data_format")

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.padding = self._pairs = border_pairs(padding, self.rank, f"{type(self).__name__}: padding")


class ZeroPadding3D(ZeroPadding2D):
    """Zeros around each volume.

    Args:
        padding: one number for all sides, one per dim, or a (before, after) pair per dim.
        data_format: where the channels are.

    Input shape:
        (B, D, H, W, C), or (B, C, D, H, W) for "channels_first"

    Output shape:
        the same, with the borders added

    Example:
        >>> import numpy as np
        >>> ZeroPadding3D(1)(np.ones((1, 1, 1, 1, 1))).shape
        (1, 3, 3, 3, 1)
    """

    rank = 3

    def __init__(self, padding: Any = (1, 1, 1), data_format: str | None = None, **kwargs: Any):
        super().__init__(padding, data_format, **kwargs)


class _Cropping(_Spatial):
    _pairs: tuple[tuple[int, int], ...]

    def call(self, inputs: Any) -> Any:
        window = [slice(None)] * (self.rank + 2)
        for axis, (before, after) in zip(self._axes, self._pairs, strict=True):
            size = inputs.shape[axis]
            if size is not None and before + after >= size:
                raise ShapeError(f"{type(self).__name__} {self.name!r} takes {before} and {after} from axis {axis}, received {tuple(inputs.shape)}")
            window[axis] = slice(before, -after if after else None)
        return inputs[tuple(window)]


class Cropping1D(_Cropping):
    """Sequences without their first and last steps.

    Args:
        cropping: one number for both ends, or (before, after).

    Input shape:
        (B, T, C)

    Output shape:
        (B, T - before - after, C)

    Raises:
        ConfigError: a number is negative, or there are too many.
        ShapeError: nothing would be left.

    Example:
        >>> import numpy as np
        >>> Cropping1D((1, 2))(np.arange(5.0).reshape(1, 5, 1))[0, :, 0].tolist()
        [1.0, 2.0]
    """

    rank = 1
    _settings = ("cropping",)

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        self.cropping = integers(cropping, 2, "Cropping1D: cropping", 0)
        self._pairs = (self.cropping,)  # type: ignore[assignment]


class Cropping2D(_Cropping):
    """Images without their borders.

    Args:
        cropping: one number for all sides, (rows, columns), or ((top, bottom), (left, right)).
        data_format: where the channels are.

    Input shape:
        (B, H, W, C), or (B, C, H, W) for "channels_first"

    Output shape:
        (B, H - top - bottom, W - left - right, C)

    Raises:
        ConfigError: a number is negative, or there are too many.
        ShapeError: nothing would be left.

    Example:
        >>> import numpy as np
        >>> Cropping2D(1)(np.zeros((1, 5, 4, 2))).shape
        (1, 3, 2, 2)
    """

    rank = 2
    _settings = ("cropping", "data_format")

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.cropping = self._pairs = border_pairs(cropping, self.rank, f"{type(self).__name__}: cropping")


class Cropping3D(Cropping2D):
    """Volumes without their borders.

    Args:
        cropping: one number for all sides, one per dim, or a (before, after) pair per dim.
        data_format: where the channels are.

    Input shape:
        (B, D, H, W, C), or (B, C, D, H, W) for "channels_first"

    Output shape:
        the same, without the borders

    Example:
        >>> import numpy as np
        >>> Cropping3D()(np.zeros((1, 3, 4, 5, 2))).shape
        (1, 1, 2, 3, 2)
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any):
        super().__init__(cropping, data_format, **kwargs)


class _UpSampling(_Spatial):
    _factors: tuple[int, ...]

    def call(self, inputs: Any) -> Any:
        for axis, factor in zip(self._axes, self._factors, strict=True):
            inputs = ops.repeat(inputs, factor, axis=axis) if factor != 1 else inputs
        return inputs


class UpSampling1D(_UpSampling):
    """Every time step `size` times.

    Args:
        size: the number of repetitions.

    Input shape:
        (B, T, C)

    Output shape:
        (B, size * T, C)

    Raises:
        ConfigError: `size` is no positive integer.

    Example:
        >>> import numpy as np
        >>> UpSampling1D(2)(np.array([[[1.0], [2.0]]]))[0, :, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    rank = 1
    _settings = ("size",)

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__("channels_last", **kwargs)
        self._factors = integers(size, 1, "UpSampling1D: size")
        self.size = self._factors[0]


class UpSampling2D(_UpSampling):
    """Every row and column repeated, or what lies between them interpolated.

    Args:
        size: one number, or (rows, columns).
        data_format: where the channels are.
        interpolation: "nearest", which repeats, "bilinear", "bicubic", "lanczos3" or "lanczos5".

    Input shape:
        (B, H, W, C), or (B, C, H, W) for "channels_first"

    Output shape:
        (B, rows * H, columns * W, C)

    Raises:
        ConfigError: an unknown interpolation, or a size that is no positive integer.

    Example:
        >>> import numpy as np
        >>> UpSampling2D((1, 2))(np.array([[[[1.0], [2.0]]]]))[0, 0, :, 0].tolist()
        [1.0, 1.0, 2.0, 2.0]
    """

    rank = 2
    _settings = ("size", "data_format", "interpolation")

    def __init__(self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.size = self._factors = integers(size, 2, "UpSampling2D: size")
        self.interpolation = one_of(*INTERPOLATIONS)(interpolation, "UpSampling2D: interpolation")

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return super().call(inputs)
        sizes = ops.shape(inputs)
        target = tuple(sizes[axis] * factor for axis, factor in zip(self._axes, self._factors, strict=True))
        return ops.image.resize(inputs, target, self.interpolation, data_format=self.data_format)


class UpSampling3D(_UpSampling):
    """Every plane, row and column repeated.

    Args:
        size: one number, or one per dim.
        data_format: where the channels are.

    Input shape:
        (B, D, H, W, C), or (B, C, D, H, W) for "channels_first"

    Output shape:
        the same, with the sizes multiplied

    Raises:
        ConfigError: a size is no positive integer.

    Example:
        >>> import numpy as np
        >>> UpSampling3D((1, 2, 3))(np.zeros((1, 2, 2, 2, 1))).shape
        (1, 2, 4, 6, 1)
    """

    rank = 3
    _settings = ("size", "data_format")

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.size = self._factors = integers(size, 3, "UpSampling3D: size")
