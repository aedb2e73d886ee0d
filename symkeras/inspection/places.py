"""Where everything stands in the picture of a page: boxes of layers, and the values within, in one place through all stages.

A box is a layer in one direction: forward ones run down, the gradient of each stands beside it in the same row, optimizers beside the
last row. Rows follow the graph as it was written, and the boxes of all stages have a place, so that nothing moves when a pass is looked
at. A value is known by its name, which passes keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symkeras.graph.drawing import Box, Drawing

MOST_WITHIN = 240
"""Values of one box that are laid out by what they read; more stand in columns, in running order."""
_COLUMN = 24
_MOST_IN_NAME = 22
"""Characters of a value's name that its box in the picture is wide enough for."""


@dataclass
class _Layer:
    """A box while it is filled: its values by name, and who reads whom."""

    number: int
    layer: str
    is_gradient: bool
    kind: str
    names: dict[str, int] = field(default_factory=dict)
    ops: list[str] = field(default_factory=list)
    reads: dict[tuple[int, int], None] = field(default_factory=dict)

    def slot(self, value: Mapping[str, Any]) -> int:
        """The number of a value within, by its name."""
        if value["name"] not in self.names:
            self.names[value["name"]] = len(self.names)
            self.ops.append(value["op"])
        return self.names[value["name"]]


class Places:
    """Boxes and values of a record's data, with the room that they take.

    Args:
        data: of `symkeras.inspection.data.to_dict`.

    Attributes:
        box_of: for each value the number of its box, -1 for constants and variables.
        slot_of: for each value its number within the box, -1 likewise.
    """

    def __init__(self, data: Mapping[str, Any]):
        self._values: Sequence[Mapping[str, Any]] = data["values"]
        self._origins: Sequence[Mapping[str, Any]] = data["origins"]
        self._boxes: dict[tuple[str, bool] | tuple[str, int], _Layer] = {}
        self.box_of = [-1] * len(self._values)
        self.slot_of = [-1] * len(self._values)
        self._graphs: Sequence[Mapping[str, Any]] = data["graphs"]
        self._orders: dict[int, list[int]] = {}
        stages = list(dict.fromkeys(s["graph"] for s in data["stages"]))
        inputs = {k for g in stages for k in self._graphs[g]["inputs"]}
        for graph in stages:
            for k in self._order(graph):
                self._put(k, k in inputs)
        self._written = self._order(stages[0])
        self._flow = self._joined(self._written)
        self._joined(dict.fromkeys(k for g in stages for k in self._order(g)))

    def _order(self, graph: int) -> list[int]:
        """The values of a graph in running order, those of a graph within before the value that runs it."""
        if graph not in self._orders:
            row = self._graphs[graph]
            found: dict[int, None] = {}
            for k in (*row["inputs"], *row["values"]):
                for inner in self._values[k]["graphs"]:
                    found.update(dict.fromkeys(self._order(inner)))
                found[k] = None
            self._orders[graph] = list(found)
        return self._orders[graph]

    def _put(self, k: int, is_input: bool) -> None:
        value = self._values[k]
        if self.box_of[k] >= 0 or value["op"] in ("constant", "variable") or (value["op"] == "placeholder" and not is_input):
            return
        origin = self._origins[value["origins"][0]] if value["origins"] else {"layer": "", "gradient_of": ""}
        key = (f"%{value['name']}", k) if is_input else (origin["layer"], bool(origin["gradient_of"]))
        if key not in self._boxes:
            is_part = origin["layer"].split("/")[0] in ("loss", "metrics", "optimizer")
            kind = "input" if is_input else "gradient" if key[1] else "part" if is_part else "layer"
            self._boxes[key] = _Layer(len(self._boxes), key[0], kind == "gradient", kind)
        box = self._boxes[key]
        self.box_of[k] = box.number
        self.slot_of[k] = box.slot(value)

    def _joined(self, values: Iterable[int]) -> dict[tuple[int, int], None]:
        """Edges between boxes; those within boxes go to these. What runs a graph reads what is in it, which reads what that one reads."""
        boxes, edges = list(self._boxes.values()), {}
        for k in values:
            b = self.box_of[k]
            for i in self._values[k]["inputs"] if b >= 0 else ():
                a = self.box_of[i]
                if a == b and self.slot_of[i] != self.slot_of[k]:
                    boxes[b].reads[self.slot_of[i], self.slot_of[k]] = None
                elif a >= 0 and a != b:
                    edges[a, b] = None
            within = {self.box_of[v] for inner in self._values[k]["graphs"] for v in self._order(inner)} - {b, -1} if b >= 0 else ()
            for w in sorted(within):
                edges |= {(self.box_of[i], w): None for i in self._values[k]["inputs"] if self.box_of[i] not in (-1, w)}
                edges[w, b] = None
        return edges

    def rows(self) -> list[dict[str, Any]]:
        """A row per box: its layer, kind, row from the top, place across and width, and the values within, each with its place."""
        layers = list(self._boxes.values())
        forward = {b.layer: n for n, b in enumerate(layers) if not b.is_gradient}
        ends = {self.box_of[k]: position for position, k in enumerate(self._written)}
        flowing = [n for n, b in enumerate(layers) if not b.is_gradient and b.layer and not b.layer.startswith("optimizer/")]
        last = max(flowing, key=lambda n: ends.get(n, -1), default=None)
        beside = [None if n in flowing or last is None else forward.get(b.layer, last) if b.is_gradient else last for n, b in enumerate(layers)]
        order = sorted(range(len(layers)), key=lambda n: (beside[n] is not None, ends.get(n, -1)))  # those beside others after them
        place: dict[int | None, int] = {n: k for k, n in enumerate(order)}
        boxes = [Box([_cut(layers[n].layer), "00 operations"], beside=place.get(beside[n])) for n in order]
        drawing = Drawing(boxes, [(place[a], place[b]) for a, b in self._flow])
        found = []
        for n, b in enumerate(layers):
            k = place[n]
            found.append({
                "layer": b.layer, "kind": b.kind, "row": drawing.rows[k], "x": round(drawing.places[k][0], 1), "width": round(boxes[k].width, 1),
                "beside": beside[n], "within": _within(b),
            })  # fmt: skip
        return found


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_IN_NAME else f"...{text[3 - _MOST_IN_NAME :]}"


def _within(b: _Layer) -> dict[str, Any]:
    """The values of a box: width and height of the whole, and [name, x, y, width] of each, from its upper left corner."""
    names = list(b.names)
    boxes = [Box([_cut(name), op]) for name, op in zip(names, b.ops, strict=True)]
    if len(boxes) <= MOST_WITHIN:
        drawing = Drawing(boxes, [(a, z) for a, z in b.reads if a < z])
        width, height = drawing.size
        places = drawing.places
    else:
        wide, high = max(x.width for x in boxes) + 16, max(x.height for x in boxes) + 10
        rows = max(_COLUMN, int((len(boxes) * wide / high) ** 0.5))
        places = [((k // rows + 0.5) * wide + 8, (k % rows + 0.5) * high + 8) for k in range(len(boxes))]
        width, height = (len(boxes) // rows + 1) * wide + 16, min(rows, len(boxes)) * high + 16
    shown = [[name, round(x, 1), round(y, 1), round(box.width, 1)] for name, (x, y), box in zip(names, places, boxes, strict=True)]
    return {"width": round(width, 1), "height": round(height, 1), "values": shown}
