"""Boxes of images in equal numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops
from symkeras.arguments import checked, integer, positive_int
from symkeras.errors import ConfigError
from symkeras.layers.random_images import RandomImages
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import slice_axis


class MaxNumBoundingBoxes(RandomImages):
    """The first boxes of each image, with boxes of a fill value behind them where there are fewer.

    Args:
        max_number: how many.
        fill_value: what boxes and labels that are added consist of.
        data_format: where the channels of images are; boxes have none.

    Input shape:
        a dict of "images" (B, H, W, C) and "bounding_boxes", a dict of "boxes" (B, N, 4) and "labels" (B, N)

    Output shape:
        the same, with N = max_number

    Raises:
        ConfigError: an argument that is no integer, or boxes in another form.

    Example:
        >>> import numpy as np
        >>> boxes = {"boxes": np.ones((1, 1, 4)), "labels": np.ones((1, 1))}
        >>> MaxNumBoundingBoxes(2)({"images": np.ones((1, 2, 2, 1)), "bounding_boxes": boxes})["bounding_boxes"]["labels"].tolist()
        [[1.0, -1.0]]
    """

    _settings = ("max_number", "fill_value")
    _is_seeded = False
    _is_always_on = True

    @checked(max_number=positive_int, fill_value=integer())
    def __init__(self, max_number: int, fill_value: int = -1, data_format: str | None = None, **kwargs: Any):
        super().__init__(None, data_format, **kwargs)
        self.max_number, self.fill_value = max_number, fill_value

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any = None, training: bool = True) -> Any:
        """Boxes and labels in equal numbers."""
        if not isinstance(bounding_boxes, dict) or set(bounding_boxes) != {"boxes", "labels"}:
            raise ConfigError(f"MaxNumBoundingBoxes {self.name!r} expects boxes as a dict of 'boxes' and 'labels', received {bounding_boxes!r:.80}")
        return {name: self._cut(value) for name, value in bounding_boxes.items()}

    def compute_output_shape(self, input_shape: Any) -> Any:
        if not isinstance(input_shape, dict) or "bounding_boxes" not in input_shape:
            return input_shape
        shapes = {name: (shape[0], self.max_number, *shape[2:]) for name, shape in input_shape["bounding_boxes"].items()}
        return {**input_shape, "bounding_boxes": shapes}

    def _drawn(self, sizes: Any, seed: Any) -> Any:
        return None

    def _cut(self, x: Any) -> Any:
        sizes = ops.shape(x)
        behind = (sizes[0], self.max_number, *sizes[2:])
        filling = ops.cast(ops.broadcast_to(np.asarray(self.fill_value), behind), dtype_of(x))
        return slice_axis(ops.concatenate([x, filling], 1), 1, 0, self.max_number)
