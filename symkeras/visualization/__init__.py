"""Images with boxes and masks drawn into them, and sheets of images. Each name is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

# name -> module of symkeras.visualization that defines it
NAMES: dict[str, str] = {
    **dict.fromkeys(("draw_bounding_boxes", "draw_segmentation_masks"), "drawing"),
    **dict.fromkeys(("plot_bounding_box_gallery", "plot_image_gallery", "plot_segmentation_mask_gallery"), "galleries"),
}


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.visualization.{NAMES[name]}"), name)
    raise AttributeError(f"module 'symkeras.visualization' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(NAMES)
