"""What a dict has beside images: labels, masks and boxes, which a layer changes as it changes the images."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import ops, tree
from symkeras.arguments import one_of
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.layers.layer import Layer
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import slice_axis
from symkeras.utils.bounding_boxes import FORMATS, clip_to_image_size, convert_format

_BESIDE = ("images", "labels", "segmentation_masks", "bounding_boxes")


class BesideImages(Layer):
    """A layer of images, alone or in a dict of what lies beside them; a subclass says how each is changed.

    Args:
        bounding_box_format: how boxes are written, as for `utils.bounding_boxes.convert_format`; layers that move pixels ask for it.
        **kwargs: those of `Layer`.
    """

    data_format: str
    _moves_pixels: ClassVar[bool] = False

    def __init__(self, bounding_box_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.bounding_box_format: str | None = None
        if bounding_box_format is not None:
            self.bounding_box_format = one_of(*FORMATS)(bounding_box_format, f"{type(self).__name__}: bounding_box_format")

    def space(self, shape: Any) -> tuple[int, int]:
        """The axes of height and width.

        Raises:
            ShapeError: another number of axes than 3 or 4.
        """
        if len(shape) not in (3, 4):
            raise ShapeError(f"{type(self).__name__} {self.name!r} expects an image of 3 axes or a batch of 4 axes, received shape {tuple(shape)}")
        first = len(shape) - 3 + (self.data_format == "channels_first")
        return first, first + 1

    def _together(self, data: dict[str, Any], training: bool) -> dict[str, Any]:
        """What a dict holds, all changed by the same draws."""
        if "images" not in data or not set(data) <= set(_BESIDE):
            raise ConfigError(f"{type(self).__name__} {self.name!r} takes a dict of images and {', '.join(_BESIDE[1:])}, received {sorted(data)}")
        self.space(ops.shape(data["images"]))
        is_single = len(ops.shape(data["images"])) == 3
        batch = tree.map_structure(lambda x: ops.expand_dims(x, 0), data) if is_single else data
        drawn = self.get_random_transformation(batch["images"], training)
        changes = (self.transform_images, self.transform_labels, self.transform_segmentation_masks, self.transform_bounding_boxes)
        done = {key: change(batch[key], drawn, training) for key, change in zip(_BESIDE[:3], changes, strict=False) if key in batch}
        if "bounding_boxes" in batch:
            boxes = batch["bounding_boxes"]
            is_own = type(self).transform_bounding_boxes is not BesideImages.transform_bounding_boxes
            done["bounding_boxes"] = self.transform_bounding_boxes(boxes, drawn, training) if is_own else self._boxes_changed(
                boxes, drawn, training, ops.shape(batch["images"]))  # fmt: skip
        return tree.map_structure(lambda x: ops.squeeze(x, 0), done) if is_single else done

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """What is drawn for a batch of images: nothing."""
        return None

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """A batch of images, changed by what `get_random_transformation` gave."""
        raise NotImplementedError(type(self).__name__)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """The labels of a batch of images after the same change."""
        return labels

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        """Masks (B, H, W, 1) after the same change."""
        return segmentation_masks

    def transform_bounding_boxes(self, bounding_boxes: Any, transformation: Any, training: bool = True) -> Any:
        """Boxes after the same change, cut off at the borders; labels of those of which nothing is left are -1.

        Args:
            bounding_boxes: a dict of "boxes" (B, N, 4) and "labels" (B, N).
            transformation: what was drawn, with the shape of the images as "input_shape".

        Raises:
            ConfigError: the layer moves pixels in a way in which boxes are not offered, or `bounding_box_format` was not given.
        """
        sizes = transformation.get("input_shape") if isinstance(transformation, dict) else None
        return self._boxes_changed(bounding_boxes, transformation, training, sizes)

    def _boxes_changed(self, given: Any, drawn: Any, training: bool, sizes: Any) -> Any:
        if not self._moves_pixels:
            return given
        what = f"{type(self).__name__} {self.name!r}"
        if self.bounding_box_format is None:
            raise ConfigError(f"{what} moves pixels; for bounding boxes beside them it needs to know bounding_box_format")
        if not isinstance(given, dict) or "boxes" not in given or sizes is None:
            raise ConfigError(f"{what} expects a dict of 'boxes' and 'labels' beside images of known shape, received {given!r:.80}")
        height, width = (sizes[axis] for axis in self.space(sizes))
        boxes = convert_format(given["boxes"], self.bounding_box_format, "xyxy", height, width)
        edges = [slice_axis(boxes, len(ops.shape(boxes)) - 1, k, k + 1) for k in range(4)]
        edges, after = self._edges_moved(edges, drawn, training, (height, width))
        found = clip_to_image_size({**given, "boxes": ops.concatenate(edges, -1)}, *after)
        return convert_format(found, "xyxy", self.bounding_box_format, *after)

    def _edges_moved(self, edges: list[Any], drawn: Any, training: bool, sizes: tuple[Any, Any]) -> tuple[list[Any], tuple[Any, Any]]:
        """Left, top, right and bottom of boxes, each (B, N, 1), after the change; and the height and width of images then."""
        raise ConfigError(f"{type(self).__name__} {self.name!r} moves pixels; bounding boxes beside them are not offered")

    def get_config(self) -> dict[str, Any]:
        own = {} if self.bounding_box_format is None else {"bounding_box_format": self.bounding_box_format}
        return {**super().get_config(), **own}


def scaled(edges: list[Any], part: Any, target: tuple[int, int]) -> list[Any]:
    """Edges after the part ((top, height), (left, width)) of an image was brought to a size."""
    (top, height), (left, width) = part
    starts, factors = (left, top, left, top), (_factor(target[1], width), _factor(target[0], height)) * 2
    moves = zip(edges, starts, factors, strict=True)
    return [ops.multiply(ops.subtract(edge, _number(start, edge)), _number(factor, edge)) for edge, start, factor in moves]


def _factor(wanted: int, size: dims.Size) -> Any:
    return wanted / size if isinstance(size, int) else ops.divide(float(wanted), ops.cast(size, "float64"))


def _number(value: Any, beside: Any) -> Any:
    """A Python number as it is, a size or a tensor in the dtype of what it stands beside."""
    return value if isinstance(value, (int, float)) else ops.cast(value, dtype_of(beside))
