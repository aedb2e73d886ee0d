"""Sheets of images, by Matplotlib, which is installed on its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from symkeras.errors import ConfigError, SymkerasError
from symkeras.visualization.drawing import channels_behind, draw_bounding_boxes, draw_segmentation_masks


class MatplotlibMissingError(SymkerasError, ImportError):
    """Matplotlib is not installed."""


def _matplotlib(what: str) -> Any:
    try:
        import matplotlib.pyplot as plt  # type: ignore[import-not-found]
    except ImportError as error:
        raise MatplotlibMissingError(f'{what} needs Matplotlib, which is not installed: pip install "symkeras[plots]"') from error
    return plt


def plot_image_gallery(images: Any, y_true: Any = None, y_pred: Any = None, label_map: Any = None, rows: int | None = None, cols: int | None = None,
                       value_range: Any = (0, 255), scale: float = 2, path: Any = None, show: bool | None = None, transparent: bool = True,
                       dpi: int = 60, legend_handles: Any = None, data_format: str | None = None) -> Any:  # fmt: skip
    """A sheet of images.

    Args:
        images: (B, H, W, C); the channels before H for "channels_first".
        y_true, y_pred: (B,), labels that stand above the images.
        label_map: label -> text.
        rows, cols: of the sheet.
        value_range: the least and the greatest value of a pixel.
        scale: inches of an image.
        path: a file that the sheet is written to.
        show: whether it is shown; when None, where there is no path.
        transparent, dpi: of the file.
        legend_handles: of Matplotlib, for a legend.
        data_format: where the channels are.

    Raises:
        ConfigError: a path together with `show`, or labels without texts.
        ShapeError: another number of axes.
        MatplotlibMissingError: Matplotlib is not installed.
    """
    plt = _matplotlib("plot_image_gallery")
    if path is not None and show:
        raise ConfigError("plot_image_gallery: with a path the sheet is written and not shown")
    if (y_true is not None or y_pred is not None) and label_map is None:
        raise ConfigError("plot_image_gallery: labels need label_map, the text of each")
    pictures = channels_behind(images, data_format, "plot_image_gallery")
    low, high = value_range
    pictures = np.clip((pictures.astype("float64") - low) / (high - low) * 255, 0, 255).astype("uint8")
    rows = rows or math.ceil(math.sqrt(len(pictures)))
    cols = cols or math.ceil(len(pictures) / rows)
    figure, axes = plt.subplots(rows, cols, figsize=(cols * scale, rows * scale), frameon=False, squeeze=False)
    figure.subplots_adjust(wspace=0, hspace=0)
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="lower center")
    for k, place in enumerate(axes.ravel()):
        place.axis("off")
        if k >= len(pictures):
            continue
        place.imshow(pictures[k][..., 0] if pictures.shape[-1] == 1 else pictures[k], cmap="gray" if pictures.shape[-1] == 1 else None)
        given = [(word, labels) for word, labels in (("Label", y_true), ("Pred", y_pred)) if labels is not None and k < len(labels)]
        title = "  ".join(f"{word}: {label_map.get(np.asarray(labels)[k].item(), 'Unknown')}" for word, labels in given)
        if title:
            place.set_title(title, fontsize=8)
    if path is not None:
        figure.savefig(path, pad_inches=0, bbox_inches="tight", transparent=transparent, dpi=dpi)
    elif show is not False:
        plt.show()
    plt.close(figure)


def plot_bounding_box_gallery(images: Any, bounding_box_format: str, y_true: Any = None, y_pred: Any = None, value_range: Any = (0, 255),
                              true_color: Any = (0, 188, 212), pred_color: Any = (255, 235, 59), line_thickness: int = 2, font_scale: float = 1.0,
                              text_thickness: int | None = None, class_mapping: Any = None, ground_truth_mapping: Any = None,
                              prediction_mapping: Any = None, legend: bool = False, legend_handles: Any = None, rows: int | None = None,
                              cols: int | None = None, data_format: str | None = None, **kwargs: Any) -> Any:  # fmt: skip
    """A sheet of images with their boxes, those of the targets in one colour and predicted ones in another.

    Args:
        images: (B, H, W, 3); the channels before H for "channels_first".
        bounding_box_format: the form of the boxes.
        y_true, y_pred: boxes, as for `draw_bounding_boxes`.
        value_range, rows, cols, legend_handles, data_format, **kwargs: as for `plot_image_gallery`.
        true_color, pred_color: the colours.
        line_thickness, font_scale, text_thickness, class_mapping: as for `draw_bounding_boxes`.
        ground_truth_mapping, prediction_mapping: in place of `class_mapping` for either.
        legend: whether the colours are explained.

    Raises:
        ConfigError: boxes in another form, or a legend together with handles.
        MatplotlibMissingError: Matplotlib is not installed.
    """
    _matplotlib("plot_bounding_box_gallery")
    from matplotlib import patches  # type: ignore[import-not-found]

    if legend and legend_handles:
        raise ConfigError("plot_bounding_box_gallery: give either legend or legend_handles")
    low, high = value_range
    pictures = channels_behind(images, data_format, "plot_bounding_box_gallery").astype("float64")
    pictures = np.clip((pictures - low) / (high - low) * 255, 0, 255).astype("uint8")
    sides = ((y_true, true_color, ground_truth_mapping, "Ground Truth"), (y_pred, pred_color, prediction_mapping, "Prediction"))
    for boxes, color, mapping, _ in sides:
        if boxes is not None:
            pictures = draw_bounding_boxes(pictures, boxes, bounding_box_format, mapping or class_mapping, color, line_thickness,
                                           text_thickness or line_thickness, font_scale, "channels_last")  # fmt: skip
    if legend:
        legend_handles = [patches.Patch(color=np.array(color) / 255, label=word) for _, color, _, word in sides]
    return plot_image_gallery(pictures, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs)


def plot_segmentation_mask_gallery(images: Any, num_classes: int, value_range: Any = (0, 255), y_true: Any = None, y_pred: Any = None,
                                   color_mapping: Any = None, blend: bool = True, alpha: float = 0.8, ignore_index: int = -1,
                                   data_format: str | None = None, **kwargs: Any) -> Any:  # fmt: skip
    """A sheet with a row for each image: itself, with the masks of the targets, and with predicted ones.

    Args:
        images: (B, H, W, 3); the channels before H for "channels_first".
        num_classes, color_mapping, blend, alpha, ignore_index: as for `draw_segmentation_masks`.
        value_range, data_format, **kwargs: as for `plot_image_gallery`.
        y_true, y_pred: masks (B, H, W, 1).

    Raises:
        ShapeError: another number of axes.
        MatplotlibMissingError: Matplotlib is not installed.
    """
    _matplotlib("plot_segmentation_mask_gallery")
    low, high = value_range
    pictures = channels_behind(images, data_format, "plot_segmentation_mask_gallery").astype("float64")
    pictures = np.clip((pictures - low) / (high - low) * 255, 0, 255)
    columns = [pictures]
    for masks in (y_true, y_pred):
        if masks is not None:
            whole = channels_behind(masks, data_format, "plot_segmentation_mask_gallery").astype("int32")
            columns.append(draw_segmentation_masks(pictures, whole, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"))
    sheet = np.stack(columns, 1).reshape(-1, *pictures.shape[1:])
    return plot_image_gallery(sheet, rows=len(pictures), cols=len(columns), data_format="channels_last", **kwargs)
