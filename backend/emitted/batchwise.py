"""Graphs that are computed batch by batch: which size is the number of rows, and what one row of each input and output is.

For exporters, which plan memory for a fixed number of rows and leave it to the file to go through its data in batches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symkeras.errors import BackendError, ConfigError
from symkeras.graph import dims
from symkeras.graph.graph import Graph
from symkeras.graph.types import TensorType


@dataclass(frozen=True)
class Port:
    """An input or output: its name, its dtype, and the shape that one row of the batch stands for.

    >>> Port("x", "float32", (28, 28)).size
    784
    """

    name: str
    dtype: str
    row: tuple[int, ...]

    @property
    def size(self) -> int:
        """Elements of a row."""
        return math.prod(self.row)

    def __str__(self) -> str:
        return f"({', '.join(map(str, ('batch', *self.row)))})"


@dataclass(frozen=True)
class Rows:
    """What a graph is as a function of rows.

    Attributes:
        symbol: the name of the number of rows.
    """

    symbol: str
    inputs: list[Port]
    outputs: list[Port]


def rows_of(graph: Graph, results: Sequence[str] = ()) -> Rows:
    """`graph` as a function of rows; `results` names its outputs.

    Raises:
        BackendError: it changes variables, another size than the number of rows is not known, or an input or output has
            no rows.
    """
    if graph.updates:
        names = ", ".join(dict.fromkeys(v.attrs["name"] for v, _ in graph.updates))
        raise BackendError(f"{graph.name} changes variables ({names}); what is exported only computes")
    symbols = set[str]().union(*(dims.symbols_of(n.shape) for n in graph.inputs))
    leads = {n.shape[0] if n.shape else 1 for n in graph.inputs}
    if len(symbols) != 1 or leads != {dims.symbol(min(symbols))}:
        types = ", ".join(f"{n.attrs['name']} {n.tensor_type}" for n in graph.inputs) or "no inputs"
        raise BackendError(f"{graph.name}: the first axis of every input must be the batch, all other sizes be known; received {types}")
    symbol = min(symbols)
    if len(results) != len(graph.outputs):
        results = ["output"] if len(graph.outputs) == 1 else [f"output_{k + 1}" for k in range(len(graph.outputs))]
    inputs = [_port(n.attrs["name"], n.tensor_type, symbol) for n in graph.inputs]
    return Rows(symbol, inputs, [_port(name, n.tensor_type, symbol) for name, n in zip(results, graph.outputs, strict=True)])


def _port(name: str, type: TensorType, symbol: str) -> Port:
    first, *rest = type.shape or (1,)
    each = dims.floor_divide(first, dims.symbol(symbol))
    own = tuple(d for d in rest if isinstance(d, int))
    if not isinstance(each, int) or first != dims.symbol(symbol) * each or len(own) < len(rest):
        raise BackendError(f"{name!r} of type {type}: its first axis is not the batch, so it cannot be computed batch by batch")
    return Port(name, type.dtype, own if each == 1 else (each, *own))


def check_count(name: str, number: Any) -> None:
    """Raise ConfigError unless `number` is an integer of at least 1."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigError(f"export: {name} must be an integer of at least 1, received {number!r}")


def check_suffix(path: Path, suffix: str) -> None:
    """Raise ConfigError for a file of another name: what lies beside it has the same stem."""
    if path.suffix != suffix:
        raise ConfigError(f"export: the file must be called such as model{suffix}, received {path.name!r}")
