"""What operations of images are called with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.kinds.operands import Operands, Row
from tests.conformance.written import Array


def images(d: Drawing, low: float | None = None, channels: int | None = None) -> tuple[Array, str | None]:
    data_format = d.one([None, "channels_last", "channels_first"])
    c, size = channels or d.channels, (d.integer(3, 8), d.integer(3, 8))
    shape = (d.batch, c, *size) if data_format == "channels_first" else (d.batch, *size, c)
    return (d.array(shape) if low is None else d.between(shape, 0, 1)), data_format


def resize(d: Drawing) -> Operands:
    x, data_format = images(d)
    more = d.one([{}, {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}])
    return (x, (d.integer(2, 9), d.integer(2, 9))), {
        "interpolation": d.one(["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"]),
        "antialias": d.chance(0.3),
        "data_format": data_format,
        **more,
    }


def colours(d: Drawing) -> Operands:
    x, data_format = images(d, 0.0, 3)
    return (x,), {"data_format": data_format}


def of_image(*more: Callable[[Drawing], dict[str, Any]]) -> Row:
    def row(d: Drawing) -> Operands:
        x, data_format = images(d)
        return (x,), {**{name: value for m in more for name, value in m(d).items()}, "data_format": data_format}

    return row


def affine(d: Drawing) -> Operands:
    x, data_format = images(d)
    transform = Array(
        f"(np.array([1, 0, 0, 0, 1, 0, 0, 0]) + {d.source()}.normal(size=({d.batch}, 8)) * [0.3, 0.3, 2, 0.3, 0.3, 2, 0, 0]).astype('float32')"
    )
    return (x, transform), {
        "interpolation": d.one(["bilinear", "nearest"]),
        "fill_mode": d.one(["constant", "nearest", "reflect", "wrap"]),
        "data_format": data_format,
    }


def perspective(d: Drawing) -> Operands:
    x, data_format = images(d)
    corner = "np.array([[0., 0.], [0., 4.], [4., 0.], [4., 4.]])"
    points = [Array(f"({corner} + {d.source()}.uniform(-1, 1, size=({d.batch}, 4, 2))).astype('float32')") for _ in range(2)]
    return (x, *points), {"interpolation": d.one(["bilinear", "nearest"]), "data_format": data_format}


def coordinates(d: Drawing) -> Operands:
    shape = d.shape(1, 3)
    return (d.array(shape), d.between((len(shape), *d.shape(1, 2)), -1, 5)), {
        "order": d.integer(0, 1),
        "fill_mode": d.one(["constant", "nearest", "reflect", "mirror", "wrap"]),
        "fill_value": d.one([0, 1.5]),
    }


def patches(d: Drawing) -> Operands:
    x, data_format = images(d)
    return (x, (d.integer(1, 3), d.integer(1, 3))), {
        "strides": d.one([None, d.integer(1, 3)]),
        "padding": d.one(["valid", "same"]),
        "data_format": data_format,
    }


def patches_3d(d: Drawing) -> Operands:
    return (d.array((d.batch, 4, 5, 4, d.channels)), (d.integer(1, 3), d.integer(1, 3), d.integer(1, 3))), {
        "strides": d.one([None, d.integer(1, 2)]),
        "padding": d.one(["valid", "same"]),
    }


def crops(d: Drawing) -> Operands:
    return (d.array((d.batch, 6, 7, d.channels)),), d.one(
        [
            {"top_cropping": 1, "left_cropping": 2, "target_height": 3, "target_width": 4},
            {"top_cropping": 1, "bottom_cropping": 2, "left_cropping": 0, "right_cropping": 3},
        ]
    )


def pads(d: Drawing) -> Operands:
    return (d.array((d.batch, 3, 4, d.channels)),), d.one(
        [
            {"top_padding": 1, "left_padding": 2, "target_height": 6, "target_width": 8},
            {"top_padding": 1, "bottom_padding": 2, "left_padding": 0, "right_padding": 3},
        ]
    )


def scaled(d: Drawing) -> Operands:
    out = (d.batch, d.integer(2, 8), d.integer(2, 8), d.channels)
    return (
        d.array((d.batch, 5, 6, d.channels)),
        out,
        d.between((2,), 0.5, 2),
        d.array((2,)),
        (1, 2),
        d.one(["linear", "cubic", "lanczos3", "lanczos5"]),
    ), {"antialias": d.chance()}


def similar(d: Drawing) -> Operands:
    shape = (d.batch, d.integer(11, 14), d.integer(11, 14), d.integer(1, 3))
    return (d.between(shape, 0, 1), d.between(shape, 0, 1)), {"filter_size": d.one([5, 7, 11])}
