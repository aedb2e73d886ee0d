"""Boxes and masks in images; sheets of images where Matplotlib is installed, and what to install where it is not."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import visualization
from symkeras.errors import ConfigError, ShapeError, SymkerasError

IMAGES = np.full((2, 30, 40, 3), 10, "uint8")
BOXES = {"boxes": np.array([[[5.0, 6, 20, 25]], [[0, 0, 9, 9]]]), "labels": np.array([[1], [-1]])}


def test_frames_are_drawn_where_boxes_are() -> None:
    pytest.importorskip("PIL")
    drawn = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", color=(200, 0, 0), line_thickness=1)
    assert drawn.dtype == "uint8" and (drawn[1] == 10).all()
    is_red = (drawn[0] == (200, 0, 0)).all(-1)
    assert is_red[6, 5:21].all() and is_red[25, 5:21].all() and is_red[6:26, 5].all() and is_red[6:26, 20].all() and is_red.sum() == 2 * 16 + 2 * 18
    text = visualization.draw_bounding_boxes(IMAGES / 255, {**BOXES, "confidences": np.ones((2, 1))}, "xyxy", {1: "cat"}, (200, 0, 0))
    assert ((text[0] != drawn[0]).any(-1)).sum() > 5
    with pytest.raises(ConfigError, match="'boxes' and 'labels'"):
        visualization.draw_bounding_boxes(IMAGES, BOXES["boxes"], "xyxy")


def test_masks_colour_pixels() -> None:
    masks = np.zeros((2, 30, 40, 1), "int32")
    masks[0, 0, 0], masks[0, 0, 1] = -1, 1
    drawn = visualization.draw_segmentation_masks(IMAGES, masks, 2, {0: (100, 0, 0), 1: (0, 110, 0)}, alpha=0.5)
    assert drawn[0, 0, :3].tolist() == [[10, 10, 10], [5, 60, 5], [55, 5, 5]]
    plain = visualization.draw_segmentation_masks(np.moveaxis(IMAGES, -1, 1), np.moveaxis(masks, -1, 1), 2, blend=False, data_format="channels_first")
    assert plain.shape == IMAGES.shape and plain[0, 0, 2].tolist() == [0, 0, 0]
    with pytest.raises(ConfigError, match="whole numbers"):
        visualization.draw_segmentation_masks(IMAGES, masks * 1.0)
    with pytest.raises(ShapeError, match="4 axes"):
        visualization.draw_segmentation_masks(IMAGES[0], masks)


CALLS: dict[str, Any] = {
    "plot_image_gallery": lambda **k: visualization.plot_image_gallery(IMAGES, np.array([0, 1]), label_map={0: "a"}, **k),
    "plot_bounding_box_gallery": lambda **k: visualization.plot_bounding_box_gallery(IMAGES, "xyxy", BOXES, BOXES, legend=True, **k),
    "plot_segmentation_mask_gallery": lambda **k: visualization.plot_segmentation_mask_gallery(IMAGES, 2, y_true=IMAGES[..., :1] % 2, **k),
}


@pytest.mark.parametrize("name", CALLS)
def test_sheets_are_written_or_say_what_to_install(name: str, tmp_path: Path) -> None:
    if find_spec("matplotlib") is None:
        with pytest.raises(SymkerasError, match=rf'{name} needs Matplotlib.*pip install "symkeras\[plots\]"'):
            CALLS[name](path=tmp_path / "sheet.png")
        return
    import matplotlib  # type: ignore[import-not-found]

    matplotlib.use("agg")
    CALLS[name](path=tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ConfigError, match="written and not shown"):
        CALLS[name](path=tmp_path / "sheet.png", show=True)
