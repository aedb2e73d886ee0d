"""Drawings of boxes and arrows as SVG, laid out in rows here: nothing needs to be installed.

A box stands a row below all that it is drawn from. Within a row boxes stand near what they are joined to. An arrow over several rows has
a lane of its own in each, so that it goes beside the boxes and not through them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from symkeras.errors import ConfigError
from symkeras.graph.escaping import markup, printable
from symkeras.graph.raster import bent, png

DIRECTIONS = ("TB", "BT", "LR", "RL")
_LINE, _CHARACTER, _PADDING = 16.0, 7.0, 10.0
_GAP, _ROW_GAP, _LANE = 24.0, 36.0, 10.0
_MARGIN = 16.0
_SWEEPS = 6
MOST_CHARACTERS = 48
"""Of a line in a box."""


@dataclass
class Box:
    """What is drawn as one.

    Attributes:
        lines: its text, the first one as a title.
        kind: "layer", "gradient" or "part": its colour.
        beside: the number of the box in whose row it stands, to the right of all that flows down; None for one that flows down itself.
        hint: shown by browsers when the pointer is over it.
    """

    lines: Sequence[str]
    kind: str = "layer"
    beside: int | None = None
    hint: str = ""

    @property
    def width(self) -> float:
        return max((len(printable(t, MOST_CHARACTERS)) for t in self.lines), default=1) * _CHARACTER + 2 * _PADDING

    @property
    def height(self) -> float:
        return max(len(self.lines), 1) * _LINE + 1.2 * _PADDING


@dataclass
class Drawing:
    """Boxes and arrows; notebooks show it.

    Attributes:
        boxes: in the order in which they run.
        edges: (from, to), numbers of boxes.
        direction: "TB" from top to bottom, "BT", "LR" or "RL".
    """

    boxes: list[Box]
    edges: list[tuple[int, int]]
    title: str = ""
    direction: str = "TB"
    places: list[tuple[float, float]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS:
            raise ConfigError(f"rankdir is one of {', '.join(map(repr, DIRECTIONS))}, received {self.direction!r}")
        self.edges = list(dict.fromkeys(e for e in self.edges if e[0] != e[1]))
        self._layout = _Layout(self.boxes, self.edges, self.direction in ("LR", "RL"))
        self.places = [self._turned(*p) for p in self._layout.centres]

    @property
    def rows(self) -> list[int]:
        """For each box its row, from 0."""
        return self._layout.ranks

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the whole."""
        return self._turned_size()

    def _turned(self, across: float, along: float) -> tuple[float, float]:
        """Where a point of the layout is drawn."""
        if self.direction in ("BT", "RL"):
            along = self._layout.length - along
        return (along, across) if self.direction in ("LR", "RL") else (across, along)

    @property
    def svg(self) -> str:
        """The drawing as SVG, without scripts or anything from elsewhere."""
        width, height = self._turned_size()
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
            'font-family="ui-monospace, Menlo, Consolas, monospace" font-size="11.5">',
            f"<title>{markup(printable(self.title))}</title>",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#667"/></marker></defs>',
            f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
            *(self._arrow(edge) for edge in self.edges),
            *(self._box(k) for k in range(len(self.boxes))),
            "</svg>\n",
        ]
        return "\n".join(parts)

    def _turned_size(self) -> tuple[float, float]:
        across, along = self._layout.breadth, self._layout.length
        return (along, across) if self.direction in ("LR", "RL") else (across, along)

    def _arrow(self, edge: tuple[int, int]) -> str:
        points = [self._turned(*p) for p in self._layout.route(edge)]
        path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
        for (x0, y0), (x1, y1) in pairwise(points):
            if self.direction in ("LR", "RL"):
                path += f"C{(x0 + x1) / 2:.1f} {y0:.1f} {(x0 + x1) / 2:.1f} {y1:.1f} {x1:.1f} {y1:.1f}"
            else:
                path += f"C{x0:.1f} {(y0 + y1) / 2:.1f} {x1:.1f} {(y0 + y1) / 2:.1f} {x1:.1f} {y1:.1f}"
        look = 'stroke="#b9a" stroke-dasharray="3 3"' if self.is_aside(edge) else 'stroke="#667"'
        return f'<path d="{path}" fill="none" {look} marker-end="url(#tip)"/>'

    def is_aside(self, edge: tuple[int, int]) -> bool:
        """Whether an arrow begins or ends in a box that stands beside what flows down."""
        return any(self.boxes[k].beside is not None for k in edge)

    def curve(self, edge: tuple[int, int]) -> list[tuple[float, float]]:
        """Points along an arrow, near enough to each other to be joined by straight lines."""
        stops = [self._turned(*p) for p in self._layout.route(edge)]
        return [p for one, other in pairwise(stops) for p in bent(one, other, self.direction in ("LR", "RL"))]

    def _box(self, k: int) -> str:
        box, (x, y) = self.boxes[k], self.places[k]
        fill, edge = _look(box.kind)
        top = y - box.height / 2
        frame = f'x="{x - box.width / 2:.1f}" y="{top:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        rows = [f'<rect {frame} rx="5" fill="{fill}" stroke="{edge}"/>']
        for j, line in enumerate(box.lines):
            weight = ' font-weight="bold"' if j == 0 else ' fill="#445"'
            shown = markup(printable(line, MOST_CHARACTERS))
            rows.append(f'<text x="{x:.1f}" y="{top + 0.6 * _PADDING + (j + 0.75) * _LINE:.1f}" text-anchor="middle"{weight}>{shown}</text>')
        hint = f"<title>{markup(printable(box.hint, 1000))}</title>" if box.hint else ""
        return f"<g>{hint}{''.join(rows)}</g>"

    def save(self, path: Any, dpi: int = 96) -> None:
        """Write it to a .svg or .html file, or to a .png where Pillow is installed.

        Raises:
            ConfigError: another suffix, no Pillow, or a place that cannot be written.
        """
        try:
            path = Path(path)
            suffix = path.suffix.lower()
            if suffix == ".svg":
                path.write_text(self.svg, encoding="utf-8")
            elif suffix in (".html", ".htm"):
                page = f'<!DOCTYPE html>\n<meta charset="utf-8">\n<title>{markup(printable(self.title))}</title>\n{self.svg}'
                path.write_text(page, encoding="utf-8")
            elif suffix == ".png":
                path.write_bytes(png(self, dpi, _look, MOST_CHARACTERS))
            else:
                raise ConfigError(f"a drawing is written to .svg, .html or .png, received {path.name!r}")
        except (OSError, TypeError) as error:
            raise ConfigError(f"{str(path)!r} cannot be written: {error}") from error

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<drawing of {len(self.boxes)} boxes and {len(self.edges)} arrows>"


def _look(kind: str) -> tuple[str, str]:
    """Fill and border of a kind of box."""
    return {"layer": ("#eef4ff", "#5b7db8"), "gradient": ("#fdf0f3", "#b8708a")}.get(kind, ("#f3f3ee", "#8a8a70"))


@dataclass(eq=False)
class _Item:
    """A box, or the lane of an arrow through a row."""

    size: float
    box: int | None
    near: list[_Item] = field(default_factory=list)
    at: float = 0.0


class _Layout:
    """Rows along the direction of the arrows; places across.

    Attributes:
        centres: (across, along) of each box.
        ranks: the row of each box.
        breadth, length: of the whole.
    """

    def __init__(self, boxes: Sequence[Box], edges: Iterable[tuple[int, int]], is_sideways: bool):
        self._boxes = boxes
        self._across = [b.height if is_sideways else b.width for b in boxes]
        self._along = [b.width if is_sideways else b.height for b in boxes]
        self._flow = [(a, b) for a, b in edges if a < b and boxes[a].beside is None and boxes[b].beside is None]
        self._lanes: dict[tuple[int, int], list[_Item]] = {}
        self.ranks = self._longest_paths()
        rows = self._rows()
        self._order(rows)
        self._settle(rows)

    def _longest_paths(self) -> list[int]:
        ranks = [0] * len(self._boxes)
        before: dict[int, list[int]] = {}
        after: dict[int, list[int]] = {}
        for a, b in self._flow:
            before.setdefault(b, []).append(a)
            after.setdefault(a, []).append(b)
        for k in range(len(self._boxes)):
            ranks[k] = max((ranks[a] + 1 for a in before.get(k, ())), default=0)
        for k in reversed(range(len(self._boxes))):
            if k not in before:  # it begins where it is first read
                ranks[k] = max(0, min((ranks[b] for b in after.get(k, ())), default=1) - 1)
        return [ranks[k if box.beside is None else box.beside] for k, box in enumerate(self._boxes)]

    def _rows(self) -> list[list[_Item]]:
        rows: list[list[_Item]] = [[] for _ in range(max(self.ranks, default=0) + 1)]
        self._items = [_Item(s, k) for k, s in enumerate(self._across)]
        for item, rank, box in zip(self._items, self.ranks, self._boxes, strict=True):
            if box.beside is None:
                rows[rank].append(item)
        for a, b in self._flow:
            chain = [self._items[a], *(_Item(_LANE, None) for _ in range(self.ranks[a] + 1, self.ranks[b])), self._items[b]]
            for k, lane in enumerate(chain[1:-1], self.ranks[a] + 1):
                rows[k].append(lane)
            self._lanes[a, b] = chain[1:-1]
            for one, other in pairwise(chain):
                one.near.append(other)
                other.near.append(one)
        return rows

    @staticmethod
    def _order(rows: list[list[_Item]]) -> None:
        """Let items of a row stand in the order of the means of their neighbours, down and up again."""
        for row in rows:
            for k, item in enumerate(row):
                item.at = float(k)
        for sweep in range(_SWEEPS):
            for row in rows if sweep % 2 == 0 else reversed(rows):
                means = {id(i): sum(n.at for n in i.near) / len(i.near) if i.near else i.at for i in row}
                row.sort(key=lambda item: means[id(item)])
                for k, item in enumerate(row):
                    item.at = k - (len(row) - 1) / 2

    def _settle(self, rows: list[list[_Item]]) -> None:
        """Give items their places: each near the mean of its neighbours, none over another."""
        for row in rows:
            _placed(row, [0.0] * len(row))
        for sweep in range(2 * _SWEEPS):
            for row in rows if sweep % 2 == 0 else reversed(rows):
                _placed(row, [sum(n.at for n in i.near) / len(i.near) if i.near else i.at for i in row])
        every = [i for row in rows for i in row]
        shift = _MARGIN - min((i.at - i.size / 2 for i in every), default=0.0)
        for item in every:
            item.at += shift
        edge = max((i.at + i.size / 2 for i in every), default=0.0)
        self.breadth = edge
        ends: dict[int, float] = {}
        for k, box in enumerate(self._boxes):
            if box.beside is not None:
                start = ends.get(self.ranks[k], edge + 2 * _GAP)
                self._items[k].at = start + self._across[k] / 2
                ends[self.ranks[k]] = start + self._across[k] + _GAP
                self.breadth = max(self.breadth, start + self._across[k])
        self.breadth += _MARGIN
        heights = [0.0] * len(rows)
        for rank, size in zip(self.ranks, self._along, strict=True):
            heights[rank] = max(heights[rank], size)
        self._middles, top = [], _MARGIN
        for height in heights:
            self._middles.append(top + height / 2)
            top += height + _ROW_GAP
        self._heights = heights
        self.length = top - _ROW_GAP + _MARGIN
        self.centres = [(item.at, self._middles[rank]) for item, rank in zip(self._items, self.ranks, strict=True)]

    def route(self, edge: tuple[int, int]) -> list[tuple[float, float]]:
        """The points that an arrow goes through, from the border of one box to that of the other."""
        a, b = edge
        (x0, y0), (x1, y1) = self.centres[a], self.centres[b]
        if y0 == y1:
            sign = 1 if x1 > x0 else -1
            return [(x0 + sign * self._across[a] / 2, y0), (x1 - sign * self._across[b] / 2, y1)]
        sign = 1 if y1 > y0 else -1
        points = [(x0, y0 + sign * self._along[a] / 2)]
        for k, lane in enumerate(self._lanes.get(edge, ()), self.ranks[a] + 1):
            half = self._heights[k] / 2
            points += [(lane.at, self._middles[k] - half), (lane.at, self._middles[k] + half)]
        return [*points, (x1, y1 - sign * self._along[b] / 2)]


def _placed(row: Sequence[_Item], wanted: Sequence[float]) -> None:
    """Put the items of a row in order as near to what they want as room allows: those that would overlap stand around the mean of their wishes."""
    blocks: list[tuple[float, float, list[tuple[_Item, float]]]] = []  # (sum of wishes for the start, width, (item, offset))
    for item, at in zip(row, wanted, strict=True):
        wishes, width, members = at - item.size / 2, item.size + _GAP, [(item, 0.0)]
        while blocks and blocks[-1][0] / len(blocks[-1][2]) + blocks[-1][1] > wishes / len(members):
            w, size, before = blocks.pop()
            wishes = w + wishes - size * len(members)
            members = [*before, *((m, offset + size) for m, offset in members)]
            width += size
        blocks.append((wishes, width, members))
    for wishes, _, members in blocks:
        start = wishes / len(members)
        for item, offset in members:
            item.at = start + offset + item.size / 2
