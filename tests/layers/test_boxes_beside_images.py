"""Bounding boxes beside images: moved as the pixels are, cut off at the borders."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers
from symkeras.errors import ConfigError

IMAGES = np.zeros((1, 10, 8, 3), "float32")
BOXES = np.array([[[2.0, 1, 4, 3], [6, 4, 8, 6]]])


def beside(boxes: Any = BOXES) -> dict[str, Any]:
    return {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": np.array([[1, 2]])}}


@pytest.mark.parametrize(("make", "expected", "labels"), [
    (lambda **o: layers.CenterCrop(5, 5, **o), [[1, 0, 3, 1], [5, 2, 5, 4]], [1, -1]),
    (lambda **o: layers.CenterCrop(20, 20, **o), [[5, 0, 10, 5], [15, 7.5, 20, 12.5]], [1, 2]),
    (lambda **o: layers.Resizing(20, 20, **o), [[5, 2, 10, 6], [15, 8, 20, 12]], [1, 2]),
    (lambda **o: layers.Resizing(20, 20, crop_to_aspect_ratio=True, **o), [[5, 0, 10, 5], [15, 7.5, 20, 12.5]], [1, 2]),
    (lambda **o: layers.Resizing(20, 20, pad_to_aspect_ratio=True, **o), [[6, 2, 10, 6], [14, 8, 18, 12]], [1, 2]),
])  # fmt: skip
@pytest.mark.parametrize("form", ["xyxy", "rel_center_xywh"])
def test_boxes_go_with_images_that_get_a_size(make: Any, expected: Any, labels: list[int], form: str) -> None:
    from symkeras.utils.bounding_boxes import convert_format

    layer = make(bounding_box_format=form)
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    out = layer(beside(convert_format(BOXES, "xyxy", form, 10, 8)))
    sizes = out["images"].shape[1:3]
    np.testing.assert_allclose(convert_format(out["bounding_boxes"]["boxes"], form, "xyxy", *sizes)[0], expected, atol=1e-5)
    assert out["bounding_boxes"]["labels"].tolist() == [labels]
    single = layer({"images": IMAGES[0], "bounding_boxes": {k: v[0] for k, v in beside()["bounding_boxes"].items()}})
    assert single["images"].ndim == 3 and single["bounding_boxes"]["boxes"].shape == (2, 4)


@pytest.mark.parametrize(("mode", "expected"), [
    ("horizontal", [[4, 1, 6, 3], [0, 4, 2, 6]]), ("vertical", [[2, 7, 4, 9], [6, 4, 8, 6]]),
    ("horizontal_and_vertical", [[4, 7, 6, 9], [0, 4, 2, 6]]),
])  # fmt: skip
def test_boxes_are_mirrored_with_images(mode: str, expected: Any) -> None:
    layer = layers.RandomFlip(mode, bounding_box_format="xyxy")
    for flips, boxes in ((True, expected), (False, BOXES[0])):
        drawn = {"flips": np.full((1, 1, 1, 1), flips), "input_shape": IMAGES.shape}
        np.testing.assert_array_equal(layer.transform_bounding_boxes(beside()["bounding_boxes"], drawn)["boxes"], [boxes])


@pytest.mark.parametrize("make", [
    lambda **o: layers.RandomTranslation(0.4, 0.4, fill_mode="constant", interpolation="nearest", **o),
    lambda **o: layers.RandomRotation(0.2, fill_mode="constant", interpolation="nearest", **o),
    lambda **o: layers.RandomZoom(0.4, 0.2, fill_mode="constant", interpolation="nearest", **o),
    lambda **o: layers.RandomShear(0.3, 0.2, fill_mode="constant", interpolation="nearest", **o),
    lambda **o: layers.RandomFlip(**o), lambda **o: layers.RandomCrop(24, 30, **o),
])  # fmt: skip
def test_boxes_lie_around_the_pixels_that_they_lay_around(make: Any) -> None:
    layer = make(seed=2, bounding_box_format="xyxy")
    images = np.zeros((4, 32, 36, 1), "float32")
    images[:, 12:20, 14:22] = 1.0
    boxes = {"boxes": np.tile(np.float32([[14, 12, 22, 20]]), (4, 1, 1)), "labels": np.ones((4, 1))}
    out = layer({"images": images, "bounding_boxes": boxes}, training=True)
    for image, box in zip(out["images"][..., 0], out["bounding_boxes"]["boxes"][:, 0], strict=True):
        rows, columns = np.nonzero(image > 0.5)
        found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        np.testing.assert_allclose(box, found, atol=2.0)


def test_a_functional_model_moves_boxes_too() -> None:
    given = {"images": Input((10, 8, 3)), "bounding_boxes": {"boxes": Input((2, 4)), "labels": Input((2,))}}
    out = layers.Resizing(20, 20, bounding_box_format="xyxy")(given)
    model = Model([given["images"], given["bounding_boxes"]["boxes"], given["bounding_boxes"]["labels"]], out["bounding_boxes"]["boxes"])
    assert model([IMAGES, BOXES, np.ones((1, 2))]).tolist() == [[[5, 2, 10, 6], [15, 8, 20, 12]]]


def test_boxes_are_refused_where_it_is_not_known_how_they_move() -> None:
    with pytest.raises(ConfigError, match="needs to know bounding_box_format"):
        layers.RandomFlip()(beside())
    with pytest.raises(ConfigError, match="bounding boxes beside them are not offered"):
        layers.MixUp(bounding_box_format="xyxy")(beside())
    with pytest.raises(ConfigError, match="bounding_box_format must be 'xyxy'"):
        layers.RandomFlip(bounding_box_format="corners")
    assert layers.RandomBrightness(0.1, bounding_box_format="xyxy")(beside())["bounding_boxes"]["boxes"].tolist() == BOXES.tolist()
