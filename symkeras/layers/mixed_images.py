"""Images of a batch mixed with each other, or with noise, while training."""

from __future__ import annotations

from typing import Any

from symkeras import ops, random
from symkeras.arguments import as_given, checked, number, optional, positive, several
from symkeras.arguments import either as either_of
from symkeras.layers.random_colors import chance, per_image
from symkeras.layers.random_images import RandomImages, as_range, share_of
from symkeras.ops.op import dtype_of


class _Boxes(RandomImages):
    """Images of which a box, drawn for each, is taken from elsewhere."""

    def _edges(self, size: Any, share: Any, seed: Any) -> tuple[Any, Any]:
        """(B,), (B,): begin and end along an axis of a box that takes a share of it."""
        size = ops.cast(size, self.compute_dtype)
        length = ops.multiply(share, size)
        start = ops.multiply(self._uniform(ops.shape(share), 0.0, 1.0, seed), ops.subtract(size, length))
        return start, ops.add(start, length)

    def _inside(self, sizes: Any, edges: Any) -> Any:
        """(B, H, W, 1), or (B, 1, H, W): whether a pixel lies in the box of its image."""
        is_inside: Any = True
        for axis, (low, high) in zip(self.space(sizes), edges, strict=True):
            shape = [1, 1, 1, 1]
            shape[axis] = sizes[axis]
            places = ops.reshape(ops.cast(ops.arange(sizes[axis]), self.compute_dtype), tuple(shape))
            lies = ops.logical_and(ops.greater_equal(places, per_image(low)), ops.less(places, per_image(high)))
            is_inside = ops.logical_and(is_inside, lies)
        return is_inside


class RandomErasing(_Boxes):
    """A box of some images filled with noise, or with a colour, while training.

    Args:
        factor: the probability lies from 0 to factor, or between those of a pair.
        scale: the share of the image that a box takes, likewise.
        fill_value: a number, or one for each of three channels; normal noise times the greatest value when None.
        value_range: what is filled in is cut off there.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C) or (H, W, C); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor or scale outside of 0 to 1, a range that is none, or another fill value.

    Example:
        >>> import numpy as np
        >>> RandomErasing((1.0, 1.0), (1.0, 1.0), fill_value=7.0)(np.zeros((1, 2, 2, 1))).ravel().tolist()
        [7.0, 7.0, 7.0, 7.0]
    """

    _settings = ("factor", "scale", "fill_value", "value_range")

    @checked(fill_value=optional(as_given(either_of(number(), several(number(), count=3)))))
    def __init__(self, factor: Any = 1.0, scale: Any = (0.02, 0.33), fill_value: Any = None, value_range: Any = (0, 255), seed: Any = None,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "RandomErasing: factor")
        self.scale = share_of(scale, "RandomErasing: scale")
        self.fill_value = fill_value
        self.value_range = as_range(value_range, "RandomErasing: value_range")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        height, width = self.space(sizes)
        shares = [ops.sqrt(self._uniform((sizes[0],), *self.scale, seed)) for _ in range(2)]
        across, down = self._edges(sizes[width], shares[0], seed), self._edges(sizes[height], shares[1], seed)
        is_erased = chance(sizes, self.factor, lambda shape, low, high: self._uniform(shape, low, high, seed))
        return {"apply_erasing": is_erased, "batch_masks": self._inside(sizes, (down, across)), "fill_value": self._filling(sizes, seed)}

    def _filling(self, sizes: Any, seed: Any) -> Any:
        if self.fill_value is None:
            noise = ops.multiply(random.normal(sizes, dtype=self.compute_dtype, seed=seed), float(self.value_range[1]))
            return ops.clip(noise, *self.value_range)
        shape = (1, -1, 1, 1) if self.data_format == "channels_first" else (1, 1, 1, -1)
        return ops.clip(ops.reshape(ops.cast(ops.convert_to_tensor(self.fill_value), self.compute_dtype), shape), *self.value_range)

    def _changed(self, images: Any, drawn: Any) -> Any:
        is_filled = ops.logical_and(per_image(drawn["apply_erasing"]), drawn["batch_masks"])
        return ops.where(is_filled, ops.cast(drawn["fill_value"], self.compute_dtype), images)


class MixUp(RandomImages):
    """Each image, and its label, mixed with those of another one of the batch while training.

    Args:
        alpha: the share of the image itself is drawn from a beta distribution with twice this parameter.
        data_format: where the channels are.
        seed: an integer for draws that repeat.

    Input shape:
        (B, H, W, C), or a dict of "images" and "labels" (B, K), and of "segmentation_masks"

    Output shape:
        that of the input

    Raises:
        ConfigError: a parameter that is not positive, or boxes in the dict.

    Example:
        >>> import numpy as np
        >>> y = MixUp(seed=1)({"images": np.ones((2, 1, 1, 1)), "labels": np.eye(2)})
        >>> y["labels"].sum(1).round(6).tolist()
        [1.0, 1.0]

    Source: H. Zhang and others, mixup: Beyond Empirical Risk Minimization, 2017.
    """

    _settings = ("alpha",)
    _moves_pixels = True

    @checked(alpha=positive)
    def __init__(self, alpha: float = 0.2, data_format: str | None = None, seed: Any = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.alpha = alpha

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        order = random.shuffle(ops.arange(sizes[0], dtype="int32"), seed=seed)
        return {"mix_weight": random.beta((sizes[0],), self.alpha, self.alpha, self.compute_dtype, seed), "permutation_order": order}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return _mixed(images, per_image(drawn["mix_weight"]), drawn["permutation_order"])

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels of a batch, mixed as the images are."""
        if not training or transformation is None:
            return labels
        return _mixed(_floats(labels), ops.reshape(transformation["mix_weight"], (-1, 1)), transformation["permutation_order"])

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks (B, H, W, K), mixed as the images are."""
        if not training or transformation is None:
            return segmentation_masks
        return self._changed(_floats(segmentation_masks), transformation)


class CutMix(_Boxes):
    """A box of each image taken from another one of the batch while training, and the label mixed by its size.

    Args:
        factor: the parameter of the beta distribution that the share of the image itself is drawn from lies from 0 to factor, or between those
            of a pair.
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, C), or a dict of "images" and "labels" (B, K), and of "segmentation_masks"; an image alone stays as it is

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or boxes in the dict.

    Example:
        >>> import numpy as np
        >>> y = CutMix(seed=1)({"images": np.ones((2, 3, 3, 1)), "labels": np.eye(2)})
        >>> y["labels"].sum(1).round(6).tolist()
        [1.0, 1.0]

    Source: S. Yun and others, CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features, 2019.
    """

    _settings = ("factor",)
    _moves_pixels = True

    def __init__(self, factor: Any = 1.0, seed: Any = None, data_format: str | None = None, **kwargs: Any):
        super().__init__(seed, data_format, **kwargs)
        self.factor = share_of(factor, "CutMix: factor")

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        height, width = self.space(sizes)
        alpha = ops.add(self._uniform((), *self.factor, seed), 1e-6)
        share = ops.sqrt(ops.subtract(1.0, random.beta((sizes[0],), alpha, alpha, self.compute_dtype, seed)))
        across, down = self._edges(sizes[width], share, seed), self._edges(sizes[height], share, seed)
        order = random.shuffle(ops.arange(sizes[0], dtype="int32"), seed=seed)
        return {"permutation_order": order, "batch_masks": self._inside(sizes, (down, across)), "mix_weight": ops.subtract(1.0, ops.square(share))}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.where(drawn["batch_masks"], ops.take(images, drawn["permutation_order"], 0), images)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels of a batch, mixed by the share of pixels that came from elsewhere."""
        if not training or transformation is None:
            return labels
        return _mixed(_floats(labels), ops.reshape(transformation["mix_weight"], (-1, 1)), transformation["permutation_order"])


def _floats(x: Any) -> Any:
    return x if dtype_of(x).startswith("float") else ops.cast(x, "float32")


def _mixed(x: Any, weight: Any, order: Any) -> Any:
    weight = ops.cast(weight, dtype_of(x))
    return ops.add(ops.multiply(weight, x), ops.multiply(ops.subtract(1.0, weight), ops.take(x, order, 0)))
