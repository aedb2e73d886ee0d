"""Several random changes of images, one after the other, drawn from a list while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import ops, random
from symkeras.arguments import boolean, checked, integer, one_of, positive, positive_int
from symkeras.layers import random_colors, random_filters, random_transforms, tones
from symkeras.layers.random_images import RandomBrightness, RandomContrast, RandomImages, as_range, share_of
from symkeras.ops.image.sampling import INTERPOLATIONS
from symkeras.random.rejection import dirichlet

_SHAPES = ("random_shear", "random_translation", "random_rotation")
_TONES = ("random_posterization", "solarization", "auto_contrast", "equalization")
_COLORS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class _Policy(RandomImages):
    """Has a layer for each change, as attributes, all of one strength."""

    _moves_pixels = True

    def _make(self, names: tuple[str, ...], dtype: Any) -> None:
        both = {"data_format": self.data_format, "dtype": dtype}
        seeded = {**both, "seed": self.seed}
        ranged, moved = {**seeded, "value_range": self.value_range}, {**seeded, "interpolation": self.interpolation}
        factor = self.factor
        makers: dict[str, Callable[[], RandomImages]] = {
            "random_shear": lambda: random_transforms.RandomShear(factor, factor, **moved),
            "random_translation": lambda: random_transforms.RandomTranslation(factor, factor, **moved),
            "random_rotation": lambda: random_transforms.RandomRotation(factor, **moved),
            "random_brightness": lambda: RandomBrightness(factor, **ranged),
            "random_color_degeneration": lambda: random_colors.RandomColorDegeneration(factor, **ranged),
            "random_contrast": lambda: RandomContrast(factor, **ranged),
            "random_sharpness": lambda: random_filters.RandomSharpness(factor, **ranged),
            "random_posterization": lambda: tones.RandomPosterization(max(1, int(8 * factor[1])), **ranged),
            "solarization": lambda: tones.Solarization(factor, factor, **ranged),
            "auto_contrast": lambda: tones.AutoContrast(self.value_range, **both),
            "equalization": lambda: tones.Equalization(self.value_range, **both),
        }
        self._names = names
        for name in names:
            setattr(self, name, makers[name]())

    def _one(self, count: int, sizes: Any, seed: Any) -> dict[str, Any]:
        """What is drawn for one change: which, of `count`, and what each would do."""
        transforms = {name: getattr(self, name)._drawn(sizes, seed) for name in self._names}
        return {"index": random.randint((), 0, count, seed=seed), "transforms": transforms}

    def _applied(self, x: Any, drawn: Any, method: str) -> Any:
        """The change that was drawn; none where its number has no layer.

        All are computed: a branch for each would be a graph for each, which takes ten times as long to compile.
        """
        for k, name in enumerate(self._names):
            x = ops.where(ops.equal(drawn["index"], k), getattr(getattr(self, name), method)(x, drawn["transforms"][name]), x)
        return x


class RandAugment(_Policy):
    """Some changes drawn from eleven, one after the other, for each batch while training.

    They are shear, translation, rotation, brightness, loss of colour, contrast, sharpness, posterization, solarization, AutoContrast and
    Equalization.

    Args:
        value_range: the least and the greatest value of a pixel.
        num_ops: how many changes.
        factor: their strength lies from 0 to factor, or between those of a pair.
        interpolation: "bilinear" or "nearest".
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> RandAugment(num_ops=1, seed=1)(np.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)

    Source: E. Cubuk and others, RandAugment: Practical automated data augmentation with a reduced search space, 2019.
    """

    _settings = ("value_range", "num_ops", "factor", "interpolation")

    @checked(num_ops=integer(least=0), interpolation=one_of(*INTERPOLATIONS))
    def __init__(self, value_range: Any = (0, 255), num_ops: int = 2, factor: Any = 0.5, interpolation: str = "bilinear", seed: Any = None,
                 data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.value_range = as_range(value_range, "RandAugment: value_range")
        self.factor = share_of(factor, "RandAugment: factor")
        self.num_ops, self.interpolation = num_ops, interpolation
        self._make((*_SHAPES, *_COLORS, *_TONES), kwargs.get("dtype"))

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return [self._one(len(self._names), sizes, seed) for _ in range(self.num_ops)]

    def _changed(self, images: Any, drawn: Any) -> Any:
        for one in drawn:
            images = self._applied(images, one, "transform_images")
        return images

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        for one in drawn:
            masks = self._applied(masks, one, "transform_segmentation_masks")
        return masks


class AugMix(_Policy):
    """Images mixed with several of their own changed forms while training; each form has gone through a chain of drawn changes.

    Args:
        value_range: the least and the greatest value of a pixel.
        num_chains: how many changed forms.
        chain_depth: how many changes each of them goes through, none being one of those that are drawn from.
        factor: the strength of changes lies from 0 to factor, or between those of a pair.
        alpha: the shares of the forms, and of the images themselves, are drawn from a Dirichlet and a beta distribution of this parameter.
        all_ops: whether changes of brightness, colour, contrast and sharpness are among those that are drawn from.
        interpolation: "bilinear" or "nearest".
        seed: an integer for draws that repeat.
        data_format: where the channels are.

    Input shape:
        (B, H, W, 3) or (H, W, 3); the channels before H for "channels_first"

    Output shape:
        that of the input

    Raises:
        ConfigError: a factor outside of 0 to 1, or an argument that is not known.

    Example:
        >>> import numpy as np
        >>> AugMix(num_chains=1, chain_depth=1, seed=1)(np.ones((2, 4, 4, 3))).shape
        (2, 4, 4, 3)

    Source: D. Hendrycks and others, AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty, 2019.
    """

    _settings = ("value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation")

    @checked(num_chains=positive_int, chain_depth=positive_int, alpha=positive, all_ops=boolean, interpolation=one_of(*INTERPOLATIONS))
    def __init__(self, value_range: Any = (0, 255), num_chains: int = 3, chain_depth: int = 3, factor: Any = 0.3, alpha: float = 1.0,
                 all_ops: bool = True, interpolation: str = "bilinear", seed: Any = None, data_format: str | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(seed, data_format, **kwargs)
        self.value_range = as_range(value_range, "AugMix: value_range")
        self.factor = share_of(factor, "AugMix: factor")
        self.num_chains, self.chain_depth, self.alpha, self.all_ops, self.interpolation = num_chains, chain_depth, alpha, all_ops, interpolation
        self._make((*_SHAPES, *_TONES, *(_COLORS if all_ops else ())), kwargs.get("dtype"))

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        shares = dirichlet(self.num_chains, self.alpha, self.compute_dtype, seed)
        chains = [[self._one(len(self._names) + 1, sizes, seed) for _ in range(self.chain_depth)] for _ in range(self.num_chains)]
        own = random.beta((), self.alpha, self.alpha, self.compute_dtype, seed)
        return {"chain_mixing_weights": shares, "weight_sample": own, "chain_transforms": chains}

    def _changed(self, images: Any, drawn: Any) -> Any:
        return ops.clip(self._mixed(images, drawn, "transform_images"), *self.value_range)

    def _masks_changed(self, masks: Any, drawn: Any) -> Any:
        return self._mixed(ops.cast(masks, self.compute_dtype), drawn, "transform_segmentation_masks")

    def _mixed(self, x: Any, drawn: Any, method: str) -> Any:
        changed: Any = 0.0
        for k, chain in enumerate(drawn["chain_transforms"]):
            form = x
            for one in chain:
                form = self._applied(form, one, method)
            changed = ops.add(changed, ops.multiply(form, ops.cast(drawn["chain_mixing_weights"][k], self.compute_dtype)))
        own = ops.cast(drawn["weight_sample"], self.compute_dtype)
        return ops.add(ops.multiply(own, x), ops.multiply(ops.subtract(1.0, own), changed))
