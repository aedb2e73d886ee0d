"""Errors of an engine as errors of ours: which node, layer and line they come from, and what was asked of the memory of a device.

An engine names the line of a walk that it comes from in the traceback of its error, where it computes or traces line by line, or in the text of it,
where it remembers which line built an operation. The error itself is chained.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from symkeras.backend.engine.walk import Check, Walk
from symkeras.errors import BackendError, OutOfMemoryError, SymkerasError
from symkeras.graph import dims, provenance
from symkeras.graph.escaping import printable
from symkeras.graph.graph import Graph, every_node
from symkeras.graph.node import Node

_OF_MEMORY = (
    "resource_exhausted", "out of memory", "can't allocate memory", "oom when allocating", "failed to allocate", "bad_alloc", "bad allocation",
)  # fmt: skip
"""What engines call it, in small letters."""
_BYTES = re.compile(r"(?:allocat\w*|size) (\d{4,})|allocate ([\d.]+ [KMGTP]iB)|(shape\[[\d,]*\] and type \w+)")
_LINE = re.compile(r'File "([^"]+)", line (\d+)')
_NOISE = re.compile(r"\s|Detected at node|\w+ defined at|node \w|Apply node that|Toposort|Inputs |Outputs clients|Backtrace|(?i:hint):|$")
"""How lines begin in which engines tell of their own insides."""
_MOST_SHOWN = 500
ABLE = "numpy and the interpreter can"


def is_ours(error: BaseException) -> bool:
    """Whether an error says all there is to say: one of the family, one with its place, or one that a check raised."""
    frames = list(_frames(error.__traceback__))
    is_of_check = bool(frames) and frames[-1].tb_frame.f_code is Check.__call__.__code__
    return is_of_check or isinstance(error, SymkerasError) or hasattr(error, "is_located")


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def node_behind(error: BaseException, walk: Walk) -> Node | None:
    """The node of a walk, or of one within, that an error comes from; None where the engine does not tell."""
    lines = [(f.tb_frame.f_code.co_filename, f.tb_lineno) for f in _frames(error.__traceback__)]
    for text in (str(error), *getattr(error, "__notes__", ())):
        lines += [(name, int(number)) for name, number in _LINE.findall(text)]
    found = [n for line in lines if (n := walk.node_at(*line)) is not None]
    return found[-1] if found else None


def place_of(node: Node | None) -> str:
    """How a node is named in an error; "" where none is known."""
    return f"{node.op.name}: {node.type}{provenance.where(node.origins)}" if node is not None else ""


def translated(error: Exception, graph: Graph, engine: str, doing: str, place: str) -> BackendError:
    """What to raise for an error of an engine; `doing` says when it came, such as "failed in", `place` where, "" where that is not known."""
    return BackendError(f"{graph.name}: {engine} {doing} {place or 'it'}: {type(error).__name__}: {shown(error)}; {ABLE}")


def shown(error: BaseException) -> str:
    """The text of an error, without what an engine tells of its own insides."""
    lines = [line.strip() for line in str(error).splitlines() if not _NOISE.match(line)]
    return printable(" ".join(lines), _MOST_SHOWN)


# ---- memory --------------------------------------------------------------------------------------------------------


def is_about_memory(error: BaseException) -> bool:
    """Whether an engine asked a device for more memory than it has."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(mark in text for mark in _OF_MEMORY)


def out_of_memory(error: BaseException, graph: Graph, engine: str, device: str, place: str, env: Mapping[str, int], variables: int, inputs: int,
                  held: int | None) -> OutOfMemoryError:  # fmt: skip
    """The error for it: what was asked, for which node, and what is held.

    Args:
        place: which node asked; the one with the largest result is named where that is not known.
        env: the sizes of the dims.
        variables, inputs: bytes of those; `held`, all bytes that the engine holds on the device, where it says so.
    """
    found = _BYTES.search(str(error))
    asked = (size(int(found[1])) if found[1] else found[2] or found[3]) if found else "more than there is"
    if place:
        place = f" in {place}"
    else:
        largest, of = max(((n, bytes_of(n, env)) for n in every_node(graph) if not n.op.is_leaf), key=lambda p: p[1], default=(None, 0))
        place = f"; the largest of its values takes {size(of)}, {place_of(largest)}" if largest is not None else ""
    at = ", ".join(f"{printable(k)}={v}" for k, v in env.items())
    own = f"{size(variables)} of variables and {size(inputs)} of inputs of this function"
    everything = f", {size(held)} in all" if held is not None else ""
    return OutOfMemoryError(
        f"{graph.name}: {engine} is out of memory on {device}: asked for {asked}{place}{f', with {at}' if at else ''}; "
        f"held: {own}{everything} ({type(error).__name__})"
    )


def bytes_of(n: Node, env: Mapping[str, int]) -> int:
    """The bytes of what a node gives; 0 where its sizes are those of a graph within."""
    total = 0
    for t in n.types:
        if dims.symbols_of(t.shape) <= env.keys():
            total += int(np.prod([int(d) for d in dims.evaluate(t.shape, env)], dtype=object)) * np.dtype(t.dtype).itemsize
    return total


def size(count: int) -> str:
    """Bytes for a reader.

    >>> size(512), size(3 << 30)
    ('512 B', '3.0 GiB')
    """
    value, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024 or unit == "PiB":
            break
        value /= 1024
    return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"


def held_by(values: Any) -> int:
    """Bytes of arrays and variables."""
    return sum(int(np.prod(v.shape, dtype=object)) * np.dtype(v.dtype).itemsize for v in values)
