"""Names of values in emitted text, and the comments that lead back to layers and users' lines."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from symkeras.compiler.program.program import Value
from symkeras.graph.escaping import ascii_words
from symkeras.graph.node import Node

_WORDS = {"add": "sum", "multiply": "product", "subtract": "difference"}


def suggest(v: Value) -> str:
    """A readable name for a value: that of its node, marked where it is a view."""
    if v.node is None:
        return "scratch"
    leaves = ("constant", "variable", "placeholder", "dim")
    suffix = "" if v.node.op.name in leaves else {"transpose": "_T", "element": "_t"}.get(v.view[0] if v.view else "", "")
    return named_after(v.node) + suffix


def named_after(node: Node) -> str:
    """A readable name for what a node computes: the layer and the operation, `d_` before gradients."""
    if node.op.name == "constant":
        array = node.attrs["value"].array
        return f"c_{identifier(str(np.asarray(array).flat[0]))}" if array.size == 1 else "table"
    if node.op.name in ("variable", "placeholder", "dim"):
        return identifier(str(node.attrs.get("name", node.attrs.get("size"))))
    place = node.origins[0] if node.origins else None
    layer = place.layer.split("/")[-1] if place is not None and place.layer else ""
    word = _WORDS.get(node.op.name, node.op.name)
    return identifier("_".join(p for p in ("d" if place is not None and place.gradient_of else "", layer, word) if p))


def identifier(text: str) -> str:
    """`text` as an identifier in small letters; which words a language keeps for itself is for `unique` to know.

    >>> identifier("Dense (1)/kernel"), identifier("-0.5"), identifier("\u2028")
    ('dense_1_kernel', 'm0p5', 'v_')
    """
    clean = ascii_words(text.replace("-", "m").replace(".", "p")).lower()
    return clean if clean and not clean[0].isdigit() else f"v_{clean}"


class Taken(set[str]):
    """Names that are taken; it remembers which number of a name comes next, so that a thousand of one kind are not tried a million times.

    Attributes:
        tried: how many names `unique` has tried.
    """

    def __init__(self, names: Iterable[str] = ()):
        super().__init__(names)
        self.next: dict[str, int] = {}
        self.tried = 0


def unique(base: str, taken: Taken) -> str:
    """`base`, with a number where it is taken; taken from now on.

    >>> unique("sum", Taken(["sum", "sum_2"]))
    'sum_3'
    """
    name, k = base, taken.next.get(base, 1)
    if k > 1:
        name = f"{base}_{k}"
    while name in taken:
        taken.tried += 1
        k += 1
        name = f"{base}_{k}"
    taken.next[base] = k + 1
    taken.add(name)
    return name


def origin(node: Node | None) -> str:
    """Layer and user line a node comes from, "" where none is known."""
    if node is None or not node.origins:
        return ""
    text = str(node.origins[0])
    more = f" and {len(node.origins) - 1} more" if len(node.origins) > 1 else ""
    return f"{text}{more}" if text else ""
