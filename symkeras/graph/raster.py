"""A drawing as the pixels of a PNG, by Pillow, which is imported when it is needed."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from symkeras.errors import ConfigError
from symkeras.graph.escaping import printable

if TYPE_CHECKING:
    from symkeras.graph.drawing import Drawing

Point = tuple[float, float]
_STEPS = 12
"""Straight pieces of a curve."""
_FONT = 11.5
MOST_PIXELS = 40_000_000


def png(drawing: Drawing, dpi: int, look: Callable[[str], tuple[str, str]], most_characters: int) -> bytes:
    """The picture of a drawing.

    Args:
        drawing: boxes with their places, and arrows.
        dpi: pixels of an inch; 96 draws a unit as a pixel. A drawing too large for that is made smaller.
        look: fill and border of a kind of box.
        most_characters: of a line in a box.

    Raises:
        ConfigError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont  # type: ignore[import-not-found]
    except ImportError as error:
        raise ConfigError(
            'a .png is drawn by Pillow, which is not installed: pip install "symkeras[images]", or give a name that ends in .svg or .html'
        ) from error
    width, height = drawing.size
    scale = min(dpi / 96, math.sqrt(MOST_PIXELS / max(1.0, width * height)))
    image = Image.new("RGB", (max(1, math.ceil(width * scale)), max(1, math.ceil(height * scale))), "#fff")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT * scale)

    def at(points: list[Point]) -> list[Point]:
        return [(x * scale, y * scale) for x, y in points]

    for edge in drawing.edges:
        _arrow(pen, at(drawing.curve(edge)), drawing.is_aside(edge), scale)
    for box, (x, y) in zip(drawing.boxes, drawing.places, strict=True):
        fill, border = look(box.kind)
        corners = at([(x - box.width / 2, y - box.height / 2), (x + box.width / 2, y + box.height / 2)])
        pen.rounded_rectangle(corners, radius=5 * scale, fill=fill, outline=border, width=max(1, round(scale)))
        step = box.height / max(1, len(box.lines))
        for k, line in enumerate(box.lines):
            shown = printable(line, most_characters)
            middle = at([(x, y - box.height / 2 + (k + 0.5) * step)])[0]
            pen.text(middle, shown, fill="#000" if k == 0 else "#445", font=font, anchor="mm")
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def bent(a: Point, b: Point, is_sideways: bool) -> list[Point]:
    """Points of the curve from a to b that leaves and arrives in the direction of the drawing."""
    (x0, y0), (x1, y1) = a, b
    (p, q), (r, s) = (((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1)) if is_sideways else ((x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2))
    points = []
    for k in range(_STEPS + 1):
        t = k / _STEPS
        w = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        points.append((w[0] * x0 + w[1] * p + w[2] * r + w[3] * x1, w[0] * y0 + w[1] * q + w[2] * s + w[3] * y1))
    return points


def _arrow(pen: Any, points: list[Point], is_aside: bool, scale: float) -> None:
    colour, width = "#b9a" if is_aside else "#667", max(1, round(scale))
    for k, (one, other) in enumerate(pairwise(points)):
        if not (is_aside and k % 2):
            pen.line([one, other], fill=colour, width=width)
    (x0, y0), (x1, y1) = points[-2], points[-1]
    length = math.hypot(x1 - x0, y1 - y0) or 1.0
    dx, dy = (x1 - x0) / length * 7 * scale, (y1 - y0) / length * 7 * scale
    pen.polygon([(x1, y1), (x1 - dx - dy / 2, y1 - dy + dx / 2), (x1 - dx + dy / 2, y1 - dy - dx / 2)], fill="#667")
