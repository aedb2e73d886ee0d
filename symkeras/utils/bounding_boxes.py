"""Boxes around things in images: forms, cutting, moving, distances. Boxes are (..., 4); all functions take symbolic tensors, too."""

from __future__ import annotations

import math
from typing import Any

from symkeras import config, ops
from symkeras.arguments import one_of
from symkeras.errors import ConfigError, ShapeError
from symkeras.ops.op import dtype_of
from symkeras.ops.shaping import slice_axis

FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
_ENCODINGS = ("center_xywh", "center_yxhw")


def _four(boxes: Any, what: str) -> list[Any]:
    """The four numbers of boxes, each (..., 1)."""
    sizes = ops.shape(boxes)
    if not sizes or sizes[-1] != 4:
        raise ShapeError(f"{what} expects boxes of 4 numbers along the last axis, received shape {tuple(sizes)}")
    return [_part(boxes, k, k + 1) for k in range(4)]


def _part(boxes: Any, start: int, stop: int) -> Any:
    return slice_axis(boxes, len(ops.shape(boxes)) - 1, start, stop)


def _joined(*parts: Any) -> Any:
    return ops.concatenate(list(parts), -1)


def _only_xyxy(bounding_box_format: Any, what: str) -> None:
    one_of("xyxy")(bounding_box_format, f"{what}: bounding_box_format")


def convert_format(boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: str = "float32") -> Any:
    """Boxes in another form.

    Args:
        boxes: (..., 4), or a dict with them as "boxes".
        source, target: "xyxy" (left, top, right, bottom), "yxyx", "xywh" (left, top, width, height), "center_xywh", "center_yxhw"; with "rel_"
            before "xyxy", "yxyx", "xywh" and "center_xywh" as shares of the image.
        height, width: of the image, where one of the two is relative and the other is not.
        dtype: of what is computed.

    Raises:
        ConfigError: another form, or sizes that are missing.
        ShapeError: other than four numbers.

    >>> import numpy as np
    >>> convert_format(np.array([[10.0, 20.0, 30.0, 60.0]]), "xyxy", "center_xywh").tolist()
    [[20.0, 40.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = (one_of(*FORMATS)(word, f"convert_format: {name}") for name, word in (("source", source), ("target", target)))
    is_relative = [word.startswith("rel_") for word in (source, target)]
    if any(is_relative) and (height is None or width is None):
        raise ConfigError(f"convert_format needs height and width for {source!r} to {target!r}")
    boxes = ops.cast(boxes, dtype)
    left, top, right, bottom = _edges(_four(boxes, "convert_format"), source.removeprefix("rel_"))
    if source == target:
        return boxes
    if is_relative[0] != is_relative[1]:
        across, down = (ops.cast(size, dtype) for size in (width, height))
        scale = ops.multiply if is_relative[0] else ops.divide
        left, right, top, bottom = scale(left, across), scale(right, across), scale(top, down), scale(bottom, down)
    return _formed(left, top, right, bottom, target.removeprefix("rel_"))


def _edges(four: list[Any], form: str) -> tuple[Any, Any, Any, Any]:
    """Left, top, right, bottom."""
    a, b, c, d = four if form.endswith("xyxy") or form.endswith("xywh") else (four[1], four[0], four[3], four[2])
    if form in ("xyxy", "yxyx"):
        return a, b, c, d
    if form.startswith("center"):
        a, b = ops.subtract(a, ops.divide(c, 2.0)), ops.subtract(b, ops.divide(d, 2.0))
    return a, b, ops.add(a, c), ops.add(b, d)


def _formed(left: Any, top: Any, right: Any, bottom: Any, form: str) -> Any:
    wide, tall = ops.subtract(right, left), ops.subtract(bottom, top)
    x, y = ops.add(left, ops.divide(wide, 2.0)), ops.add(top, ops.divide(tall, 2.0))
    parts = {
        "xyxy": (left, top, right, bottom), "yxyx": (top, left, bottom, right), "xywh": (left, top, wide, tall), "center_xywh": (x, y, wide, tall),
        "center_yxhw": (y, x, tall, wide),
    }  # fmt: skip
    return _joined(*parts[form])


def clip_to_image_size(bounding_boxes: dict[str, Any], height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> dict[str, Any]:
    """Boxes cut off at the borders of the image; labels of those of which nothing is left become -1.

    Args:
        bounding_boxes: a dict of "boxes" (B, N, 4) and, where there are, "labels" (B, N).
        height, width: of the image, for "xyxy".
        bounding_box_format: "xyxy" or "rel_xyxy".

    Raises:
        ConfigError: another form, or sizes that are missing.

    >>> import numpy as np
    >>> found = clip_to_image_size({"boxes": np.array([[[-5.0, 0.0, 5.0, 9.0]]]), "labels": np.array([[3]])}, 8, 8)
    >>> found["boxes"].tolist(), found["labels"].tolist()
    ([[[0.0, 0.0, 5.0, 8.0]]], [[3]])
    """
    form = one_of("xyxy", "rel_xyxy")(bounding_box_format, "clip_to_image_size: bounding_box_format")
    if form == "xyxy" and (height is None or width is None):
        raise ConfigError("clip_to_image_size needs height and width for 'xyxy'")
    boxes = bounding_boxes["boxes"]
    sizes = (width, height) if form == "xyxy" else (1.0, 1.0)
    left, top, right, bottom = _cut(_four(boxes, "clip_to_image_size"), *(ops.cast(size, dtype_of(boxes)) for size in sizes))
    found = {**bounding_boxes, "boxes": _joined(left, top, right, bottom)}
    if bounding_boxes.get("labels") is not None:
        area = ops.squeeze(ops.multiply(ops.subtract(right, left), ops.subtract(bottom, top)), -1)
        labels = bounding_boxes["labels"]
        found["labels"] = ops.where(ops.greater(area, 0), labels, ops.cast(-1, dtype_of(labels)))
    return found


def _cut(edges: Any, width: Any, height: Any) -> list[Any]:
    return [ops.minimum(ops.maximum(edge, 0), size) for edge, size in zip(edges, (width, height, width, height), strict=True)]


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes (..., 4) of an image of which the part at (top, left) of a size is left.

    Args:
        boxes: numbers (..., 4).
        top, left: the first row and column that are left.
        height, width: size of what is left.
        bounding_box_format: "xyxy".

    Raises:
        ConfigError: a form other than "xyxy".

    >>> import numpy as np
    >>> crop(np.array([[2.0, 2.0, 9.0, 9.0]]), 1, 3, 5, 5).tolist()
    [[0.0, 1.0, 5.0, 5.0]]
    """
    _only_xyxy(bounding_box_format, "crop")
    moved = [ops.subtract(edge, by) for edge, by in zip(_four(boxes, "crop"), (left, top, left, top), strict=True)]
    return _joined(*_cut(moved, width, height))


def pad(boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy") -> Any:
    """Boxes (..., 4) of an image with rows above and columns to the left of it; its size does not count.

    Args:
        boxes: numbers (..., 4).
        top, left: how many rows and columns are added.
        height, width: accepted for Keras' signature.
        bounding_box_format: "xyxy".

    Raises:
        ConfigError: a form other than "xyxy".

    >>> import numpy as np
    >>> pad(np.array([[2.0, 2.0, 9.0, 9.0]]), 1, 3).tolist()
    [[5.0, 3.0, 12.0, 10.0]]
    """
    _only_xyxy(bounding_box_format, "pad")
    return _joined(*(ops.add(edge, by) for edge, by in zip(_four(boxes, "pad"), (left, top, left, top), strict=True)))


def affine_transform(boxes: Any, angle: Any, translate_x: Any, translate_y: Any, scale: Any, shear_x: Any, shear_y: Any, height: Any, width: Any,
                     center_x: Any = None, center_y: Any = None, bounding_box_format: str = "xyxy") -> Any:  # fmt: skip
    """The boxes around boxes of images that are turned, sheared, scaled and moved.

    Args:
        boxes: (B, N, 4).
        angle, shear_x, shear_y: (B,), in degrees.
        translate_x, translate_y: (B,), as shares of width and height.
        scale: (B,).
        height, width: of the images.
        center_x, center_y: what they are turned about, as shares; the middle when None.
        bounding_box_format: "xyxy".

    Raises:
        ConfigError: another form.

    >>> import numpy as np
    >>> zero, one = np.zeros(1, "float32"), np.ones(1, "float32")
    >>> affine_transform(np.float32([[[1.0, 2.0, 3.0, 4.0]]]), zero, zero, zero, one, zero, zero, 10, 10).tolist()
    [[[1.0, 2.0, 3.0, 4.0]]]
    """
    _only_xyxy(bounding_box_format, "affine_transform")
    turn, shear, lean = (ops.multiply(degrees, -math.pi / 180) for degrees in (angle, shear_x, shear_y))
    x = ops.multiply(0.5 if center_x is None else center_x, ops.subtract(width, 1))
    y = ops.multiply(0.5 if center_y is None else center_y, ops.subtract(height, 1))
    from_x = ops.subtract(x, ops.multiply(translate_x, ops.subtract(width, 1)))
    from_y = ops.subtract(y, ops.multiply(translate_y, ops.subtract(height, 1)))
    rest = ops.subtract(turn, lean)
    a, c = ops.divide(ops.cos(rest), ops.cos(lean)), ops.divide(ops.negative(ops.sin(rest)), ops.cos(lean))
    b, d = ops.add(ops.multiply(a, ops.tan(shear)), ops.sin(turn)), ops.subtract(ops.cos(turn), ops.multiply(c, ops.tan(shear)))
    across = [ops.multiply(part, scale) for part in (d, ops.negative(b))]
    down = [ops.multiply(part, scale) for part in (ops.negative(c), a)]
    left, top, right, bottom = _four(boxes, "affine_transform")
    corners_x, corners_y = _joined(left, right, right, left), _joined(top, top, bottom, bottom)
    ends = []
    for middle, (by_x, by_y) in ((x, across), (y, down)):
        by_x, by_y = (ops.reshape(part, (-1, 1, 1)) for part in (by_x, by_y))
        moved_x, moved_y = (ops.subtract(corners, ops.reshape(place, (-1, 1, 1))) for corners, place in ((corners_x, from_x), (corners_y, from_y)))
        places = ops.add(ops.add(ops.multiply(by_x, moved_x), ops.multiply(by_y, moved_y)), ops.reshape(middle, (-1, 1, 1)))
        ends.append((ops.min(places, axis=-1, keepdims=True), ops.max(places, axis=-1, keepdims=True)))
    return _joined(ends[0][0], ends[1][0], ends[0][1], ends[1][1])


def _sizes(image_shape: Any) -> tuple[Any, Any]:
    return (None, None) if image_shape is None else (image_shape[0], image_shape[1])


def _variance(variance: Any, what: str) -> Any:
    found = ops.cast(ops.convert_to_tensor(variance), "float32")
    if ops.shape(found)[-1:] != (4,):
        raise ShapeError(f"{what}: variance must be four numbers, received shape {tuple(ops.shape(found))}")
    return found


def encode_box_to_deltas(anchors: Any, boxes: Any, anchor_format: str, box_format: str, encoding_format: str = "center_yxhw", variance: Any = None,
                         image_shape: Any = None) -> Any:  # fmt: skip
    """How far boxes are from anchors: the distance of the middles as shares of the anchor's size, and the logarithm of the ratio of sizes.

    Args:
        anchors, boxes: (..., 4).
        anchor_format, box_format: their forms.
        encoding_format: "center_yxhw" or "center_xywh".
        variance: four numbers that the result is divided by.
        image_shape: (H, W, C), for relative forms.

    Raises:
        ConfigError: another form.
        ShapeError: other than four numbers.

    >>> import numpy as np
    >>> encode_box_to_deltas(np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([[1.0, 2.0, 5.0, 6.0]]), "xyxy", "xyxy", "center_xywh").tolist()
    [[0.25, 0.5, 0.0, 0.0]]
    """
    form = one_of(*_ENCODINGS)(encoding_format, "encode_box_to_deltas: encoding_format")
    height, width = _sizes(image_shape)
    pairs = ((anchors, anchor_format), (boxes, box_format))
    of, by = (convert_format(x, source, form, height, width) for x, source in pairs)
    of_size, by_size = (ops.maximum(_part(x, 2, 4), config.epsilon()) for x in (of, by))
    moves = ops.divide(ops.subtract(_part(by, 0, 2), _part(of, 0, 2)), of_size)
    deltas = _joined(moves, ops.log(ops.divide(by_size, of_size)))
    return deltas if variance is None else ops.divide(deltas, _variance(variance, "encode_box_to_deltas"))


def decode_deltas_to_boxes(anchors: Any, boxes_delta: Any, anchor_format: str, box_format: str, encoded_format: str = "center_yxhw",
                           variance: Any = None, image_shape: Any = None) -> Any:  # fmt: skip
    """The boxes that `encode_box_to_deltas` gave the distances of; of dicts of anchors and distances a dict.

    Args:
        anchors, boxes_delta: (..., 4), or dicts of them.
        anchor_format, box_format: the form of the anchors, and that of the boxes.
        encoded_format: "center_yxhw" or "center_xywh".
        variance: four numbers that the distances are multiplied by.
        image_shape: (H, W, C), for relative forms.

    Raises:
        ConfigError: another form.
        ShapeError: other than four numbers.

    >>> import numpy as np
    >>> decode_deltas_to_boxes(np.array([[0.0, 0.0, 4.0, 4.0]]), np.array([[0.25, 0.5, 0.0, 0.0]]), "xyxy", "xyxy", "center_xywh").tolist()
    [[1.0, 2.0, 5.0, 6.0]]
    """
    form = one_of(*_ENCODINGS)(encoded_format, "decode_deltas_to_boxes: encoded_format")
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        rest = (anchor_format, box_format, form, variance, image_shape)
        return {level: decode_deltas_to_boxes(anchor, boxes_delta[level], *rest) for level, anchor in anchors.items()}
    height, width = _sizes(image_shape)
    of = convert_format(anchors, anchor_format, form, height, width)
    deltas = boxes_delta if variance is None else ops.multiply(boxes_delta, _variance(variance, "decode_deltas_to_boxes"))
    _four(deltas, "decode_deltas_to_boxes")
    (place, size), (move, growth) = ([_part(x, k, k + 2) for k in (0, 2)] for x in (of, deltas))
    boxes = _joined(ops.add(ops.multiply(move, size), place), ops.multiply(ops.exp(growth), size))
    return convert_format(boxes, form, box_format, height, width)


def compute_iou(boxes1: Any, boxes2: Any, bounding_box_format: str, use_masking: bool = False, mask_val: float = -1, image_shape: Any = None) -> Any:
    """The area that boxes share, divided by the area that they cover together, for every pair.

    Args:
        boxes1, boxes2: (M, 4) or (B, M, 4), and (N, 4) or (B, N, 4).
        bounding_box_format: the form of both.
        use_masking: whether pairs with a box of negative numbers get `mask_val`.
        mask_val: what they get.
        image_shape: (H, W, C), for relative forms.

    Returns:
        (M, N) or (B, M, N).

    Raises:
        ConfigError: another form, or sizes that are missing.
        ShapeError: another number of axes.

    >>> import numpy as np
    >>> compute_iou(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 1.0, 2.0]]), "xyxy").round(3).tolist()
    [[0.5]]
    """
    if any(len(ops.shape(boxes)) not in (2, 3) for boxes in (boxes1, boxes2)):
        raise ShapeError(f"compute_iou expects boxes of 2 or 3 axes, received shapes {tuple(ops.shape(boxes1))} and {tuple(ops.shape(boxes2))}")
    of, by = (convert_format(boxes, bounding_box_format, "xyxy", *_sizes(image_shape)) for boxes in (boxes1, boxes2))
    a = _four(of, "compute_iou")
    b = [ops.swapaxes(part, -1, -2) for part in _four(by, "compute_iou")]
    shared = _overlap(a, b)
    iou = ops.divide(shared, ops.add(ops.subtract(ops.add(_area(a), _area(b)), shared), config.epsilon()))
    if not use_masking:
        return iou
    empty = [ops.less(ops.max(boxes, axis=-1, keepdims=True), 0.0) for boxes in (of, by)]
    return ops.where(ops.logical_or(empty[0], ops.swapaxes(empty[1], -1, -2)), ops.cast(mask_val, dtype_of(iou)), iou)


def _area(edges: list[Any]) -> Any:
    return ops.multiply(ops.subtract(edges[2], edges[0]), ops.subtract(edges[3], edges[1]))


def _overlap(a: list[Any], b: list[Any]) -> Any:
    wide, tall = (ops.maximum(ops.subtract(ops.minimum(a[k + 2], b[k + 2]), ops.maximum(a[k], b[k])), 0.0) for k in (0, 1))
    return ops.multiply(wide, tall)


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None) -> Any:
    """What boxes share, less the distance of their middles and the difference of their shapes, box by box.

    Args:
        boxes1, boxes2: (..., 4).
        bounding_box_format: the form of both.
        image_shape: (H, W, C), for relative forms.

    Returns:
        (...), at most 1.

    Raises:
        ConfigError: another form, or sizes that are missing.

    >>> import numpy as np
    >>> box = np.array([[0.0, 0.0, 2.0, 2.0]])
    >>> compute_ciou(box, box, "xyxy").round(4).tolist()
    [1.0]

    Source: Z. Zheng and others, Distance-IoU Loss, 2019.
    """
    of, by = (convert_format(boxes, bounding_box_format, "xyxy", *_sizes(image_shape)) for boxes in (boxes1, boxes2))
    a, b, small = _four(of, "compute_ciou"), _four(by, "compute_ciou"), config.epsilon()
    shared = _overlap(a, b)
    iou = ops.divide(shared, ops.add(ops.subtract(ops.add(_area(a), _area(b)), shared), small))
    reach = [ops.subtract(ops.maximum(a[k + 2], b[k + 2]), ops.minimum(a[k], b[k])) for k in (0, 1)]
    apart = [ops.divide(ops.subtract(ops.add(a[k], a[k + 2]), ops.add(b[k], b[k + 2])), 2.0) for k in (0, 1)]
    diagonal, distance = (ops.add(ops.square(x), ops.square(y)) for x, y in (reach, apart))
    slopes = [ops.arctan(ops.divide(ops.subtract(x[2], x[0]), ops.add(ops.subtract(x[3], x[1]), small))) for x in (a, b)]
    shape = ops.multiply(4 / math.pi**2, ops.square(ops.subtract(slopes[1], slopes[0])))
    share = ops.divide(shape, ops.add(ops.subtract(shape, iou), 1.0 + small))
    return ops.squeeze(ops.subtract(iou, ops.add(ops.divide(distance, ops.add(diagonal, small)), ops.multiply(shape, share))), -1)
