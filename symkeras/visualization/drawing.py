"""Boxes and masks drawn into images."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import ConfigError, ShapeError
from symkeras.utils.bounding_boxes import convert_format
from symkeras.utils.images import is_channels_first, pillow

_PALETTE = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])


def channels_behind(images: Any, data_format: str | None, what: str) -> np.ndarray:
    """Images as an array (B, H, W, C).

    Raises:
        ShapeError: another number of axes.
    """
    images = np.asarray(images)
    if images.ndim != 4:
        raise ShapeError(f"{what} expects a batch of images with 4 axes, received shape {images.shape}")
    return np.moveaxis(images, 1, -1) if is_channels_first(data_format, what) else images


def draw_bounding_boxes(images: Any, bounding_boxes: Any, bounding_box_format: str, class_mapping: Any = None, color: Any = (128, 128, 128),
                        line_thickness: int = 2, text_thickness: int = 1, font_scale: float = 1.0,
                        data_format: str | None = None) -> np.ndarray:  # fmt: skip
    """Images with frames around what boxes hold, by Pillow.

    Args:
        images: (B, H, W, 3), floats up to 1 or numbers up to 255; the channels before H for "channels_first".
        bounding_boxes: a dict of "boxes" (B, N, 4), "labels" (B, N), of which -1 are left out, and perhaps "confidences" (B, N).
        bounding_box_format: the form of the boxes.
        class_mapping: label -> text that stands beside a box.
        color: of frames and text.
        line_thickness, text_thickness: in pixels.
        font_scale: size of the text; 1 is 12 pixels.
        data_format: where the channels are.

    Returns:
        (B, H, W, 3), uint8.

    Raises:
        ConfigError: boxes in another form.
        PillowMissingError: Pillow is not installed.
    """
    pillow("draw_bounding_boxes")
    from PIL import Image, ImageDraw, ImageFont  # type: ignore[import-not-found]

    images = channels_behind(images, data_format, "draw_bounding_boxes")
    if not isinstance(bounding_boxes, dict) or not {"boxes", "labels"} <= set(bounding_boxes):
        raise ConfigError(f"draw_bounding_boxes expects boxes as a dict of 'boxes' and 'labels', received {type(bounding_boxes).__name__}")
    if images.dtype.kind == "f" and images.size and images.max() <= 1.0:
        images = images * 255
    images = np.clip(images, 0, 255).astype("uint8")
    boxes = np.asarray(convert_format(bounding_boxes["boxes"], bounding_box_format, "xyxy", *images.shape[1:3]))
    labels, sure = np.asarray(bounding_boxes["labels"]), bounding_boxes.get("confidences")
    font, drawn = ImageFont.load_default(max(1, round(12 * font_scale))), []
    for k, picture in enumerate(images):
        canvas = Image.fromarray(picture)
        pen = ImageDraw.Draw(canvas)
        for i, (box, label) in enumerate(zip(boxes[k].astype(int).tolist(), labels[k].astype(int).tolist(), strict=True)):
            if label == -1:
                continue
            x1, y1, x2, y2 = box
            pen.rectangle((min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)), outline=tuple(color), width=line_thickness)
            if class_mapping and label in class_mapping:
                text = f"{class_mapping[label]}" + ("" if sure is None else f" | {float(np.asarray(sure)[k][i]):.2f}")
                height = round(12 * font_scale) + 4
                pen.text((x1, y1 - height if y1 > height else y1 + 3), text, fill=tuple(color), font=font, stroke_width=max(0, text_thickness - 1))
        drawn.append(np.asarray(canvas))
    return np.stack(drawn) if drawn else images


def draw_segmentation_masks(images: Any, segmentation_masks: Any, num_classes: int | None = None, color_mapping: Any = None, alpha: float = 0.8,
                            blend: bool = True, ignore_index: int = -1, data_format: str | None = None) -> np.ndarray:  # fmt: skip
    """Images in which the pixels of each class have a colour.

    Args:
        images: (B, H, W, 3), numbers up to 255; the channels before H for "channels_first".
        segmentation_masks: (B, H, W, 1), whole numbers: the class of each pixel; those beyond `num_classes` stay.
        num_classes: how many classes; the greatest number of the masks when None.
        color_mapping: class -> (red, green, blue).
        alpha: how much of the colour is mixed in.
        blend: whether it is mixed in, or takes the place of the pixel.
        ignore_index: class of pixels that stay as they are.
        data_format: where the channels are.

    Returns:
        (B, H, W, 3), uint8 where colours are mixed in, else float32.

    Raises:
        ConfigError: masks of numbers that are no whole ones.
        ShapeError: another number of axes.

    >>> image = np.zeros((1, 1, 2, 3))
    >>> draw_segmentation_masks(image, np.array([[[[0], [1]]]]), 2, {0: (100, 0, 0), 1: (0, 50, 0)}, 0.5).tolist()
    [[[[50, 0, 0], [0, 25, 0]]]]
    """
    pictures = channels_behind(images, data_format, "draw_segmentation_masks").astype("float32")
    masks = channels_behind(segmentation_masks, data_format, "draw_segmentation_masks")
    if masks.dtype.kind not in "iu":
        raise ConfigError(f"draw_segmentation_masks expects masks of whole numbers, received {masks.dtype}")
    classes = masks[..., 0]
    count = int(classes.max(initial=0)) if num_classes is None else num_classes
    drawn = pictures.copy()
    for k in range(count):
        drawn[classes == k] = np.asarray((k * _PALETTE % 255) if color_mapping is None else color_mapping[k], "float32")
    if not blend:
        return drawn
    mixed = pictures * (1 - alpha) + drawn * alpha
    return np.clip(np.where((classes != ignore_index)[..., None], mixed, pictures), 0, 255).astype("uint8")
