"""Loops that are the cells of recurrent layers, as ONNX' own LSTM, GRU and RNN.

A loop is recognised by its body: nodes are interned, so the formula of a cell, written on the inputs of the body, is the body itself where both
are the same. ONNX Runtime's LSTM loses a NaN that Scan keeps. So, unless numerics are "fast", the model chooses when it runs: the cell where no
number within can be one, Scan otherwise. What is added up for a gate is at most the norm of the input times that of the kernel, the same of the
state, and the bias; a state has elements of at most 1, since Tanh and Softsign give no more. With squares that add up to less than the root of the
largest float nothing overflows, and without infinities there is no NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from symkeras import ops
from symkeras.backend.onnx.control import scanned
from symkeras.backend.onnx.reductions import is_number
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.compiler.passes.base import Context, Pass
from symkeras.graph import provenance
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import NodeType, TensorType
from symkeras.ops import attributes as at
from symkeras.ops.op import OPS, Op

_ORDER = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2), "RNN": (0,)}
"""Which gate of the layer stands at each place in ONNX: an LSTM has input, forget, cell, output here, and input, output, forget, cell there."""
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"Tanh": ops.tanh, "Relu": ops.relu, "Sigmoid": ops.sigmoid, "Softsign": ops.softsign}


@dataclass(frozen=True)
class Cell:
    """What a loop computes: ONNX' operator, its functions, and where among the inputs of the body its weights are; no bias for -1."""

    kind: str
    functions: tuple[str, ...]
    is_apart: bool
    kernel: int
    recurrent: int
    bias: int


class Recurrence(Op):
    """The loop of a recurrent layer; attributes and inputs are those of the scan that it stands for."""

    name = "onnx_recurrence"
    attributes = {**OPS["scan"].attributes, "cell": at.ANYTHING}

    def infer(self, *types: TensorType, **attrs: Any) -> NodeType:  # type: ignore[override]
        return OPS["scan"].infer(*types, **{k: v for k, v in attrs.items() if k != "cell"})

    def value(self, *arrays: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return OPS["scan"].value(*arrays, **{k: v for k, v in attrs.items() if k != "cell"})


def _lstm(x: Any, states: Any, k: Any, r: Any, b: Any, f: Any, apart: bool) -> list[Any]:
    h, c = states
    z = _sum(x @ k, b) + h @ r
    i, forget, new, out = ops.split(z, 4, axis=-1)
    i, forget, out = f[0](i), f[0](forget), f[0](out)
    c = forget * c + i * f[1](new)
    h = out * f[1](c)
    return [h, c]


def _gru(x: Any, states: Any, k: Any, r: Any, b: Any, f: Any, apart: bool) -> list[Any]:
    (h,) = states
    units = r.dims[0]
    if not apart:
        x_z, x_r, x_h = ops.split(_sum(x @ k, b), 3, axis=-1)
        gates, candidate = ops.split(r, [2 * units], axis=-1)
        h_z, h_r = ops.split(h @ gates, 2, axis=-1)
        z, reset = f[0](x_z + h_z), f[0](x_r + h_r)
        new = f[1](x_h + (reset * h) @ candidate)
    else:
        of_input, of_state = (None, None) if b is None else (ops.squeeze(row, 0) for row in ops.split(b, 2, axis=0))
        x_z, x_r, x_h = ops.split(_sum(x @ k, of_input), 3, axis=-1)
        h_z, h_r, h_h = ops.split(_sum(h @ r, of_state), 3, axis=-1)
        z, reset = f[0](x_z + h_z), f[0](x_r + h_r)
        new = f[1](x_h + reset * h_h)
    return [z * h + ops.subtract(1, z) * new]


def _rnn(x: Any, states: Any, k: Any, r: Any, b: Any, f: Any, apart: bool) -> list[Any]:
    return [f[0](_sum(x @ k, b) + states[0] @ r)]


def _sum(x: Any, bias: Any) -> Any:
    return x if bias is None else x + bias


_CELLS: dict[str, tuple[Callable[..., list[Any]], int, int]] = {"LSTM": (_lstm, 2, 4), "GRU": (_gru, 1, 3), "RNN": (_rnn, 1, 1)}
"""Kind -> its formula, how many states it carries, how many gates it has."""


def cell_of(n: Node) -> Cell | None:
    """The cell that a scan repeats; None where it is none that ONNX has."""
    body, carries = n.attrs["body"], n.attrs["carries"]
    if n.attrs["sequences"] != 1 or body.inputs[0].dtype != "float32" or not 1 <= carries <= 2:
        return None
    if any(i.ndim != 2 for i in body.inputs[: carries + 1]):
        return None
    with provenance.inherit(()):
        for cell in _candidates(body, carries):
            formula, _, _ = _CELLS[cell.kind]
            weights = [Tensor(body.inputs[k]) if k >= 0 else None for k in (cell.kernel, cell.recurrent, cell.bias)]
            states = [Tensor(i) for i in body.inputs[:carries]]
            found = formula(Tensor(body.inputs[carries]), states, *weights, [_FUNCTIONS[f] for f in cell.functions], cell.is_apart)
            if [t.node for t in found] == list(body.outputs[:carries]) and all(y is found[0].node for y in body.outputs[carries:]):
                return cell
    return None


def _candidates(body: Graph, carries: int) -> Iterator[Cell]:
    """The cells whose weights would have the shapes of what the body reads from outside."""
    units, features = body.inputs[0].shape[1], body.inputs[carries].shape[-1]
    outer = range(carries + 1, len(body.inputs))
    if not isinstance(units, int) or not isinstance(features, int) or len(outer) not in (2, 3):
        return
    for kind, (_, states, gates) in _CELLS.items():
        wide = gates * units
        for k in outer:
            for r in outer:
                rest = [b for b in outer if b not in (k, r)]
                if states != carries or k == r or body.inputs[k].shape != (features, wide) or body.inputs[r].shape != (units, wide):
                    continue
                for apart in (False, True) if kind == "GRU" else (False,):
                    if not rest or body.inputs[rest[0]].shape == ((2, wide) if apart else (wide,)):
                        for inner in ("Tanh", "Relu", "Softsign"):
                            yield Cell(kind, (inner,) if kind == "RNN" else ("Sigmoid", inner), apart, k, r, rest[0] if rest else -1)


@dataclass(frozen=True)
class RecogniseRecurrence(Pass):
    """Replace the loops of recurrent layers, in the outermost graph."""

    name: ClassVar[str] = "recognise-recurrence"

    def run(self, graph: Graph, context: Context) -> Graph:
        replace: dict[Node, Node] = {}
        for n in graph.nodes:
            cell = cell_of(n) if n.op.name == "scan" else None
            if cell is not None:
                with provenance.replacing(n):
                    replace[n] = context.rewrote(cell.kind, n, make(RECURRENCE, n.inputs, {**n.attrs, "cell": cell}, n.type))
        return graph.rebuilt(replace)


def _weights(w: Writer, cell: Cell, inputs: Any, node: Node) -> list[Term | None]:
    """W, R and B of ONNX, from those of the layer: gates in another order, matrices the other way around, a first axis of directions."""
    gates = _CELLS[cell.kind][2]
    kernel, recurrent, bias = (inputs[k] if k >= 0 else None for k in (cell.kernel, cell.recurrent, cell.bias))

    def ordered(x: Any, axis: int) -> Any:
        parts = ops.split(x, gates, axis=axis)
        return parts[0] if gates == 1 else ops.concatenate([parts[g] for g in _ORDER[cell.kind]], axis)

    def matrix(x: Any) -> Any:
        return ops.expand_dims(ordered(ops.transpose(x), 0), 0)

    def vector(x: Any) -> Any:
        of_input, of_state = (x[0], x[1]) if cell.is_apart else (x, ops.zeros(x.dims, x.dtype))
        return ops.expand_dims(ops.concatenate([ordered(of_input, 0), ordered(of_state, 0)], 0), 0)

    found: list[Term | None] = []
    for x, k, form in ((kernel, cell.kernel, matrix), (recurrent, cell.recurrent, matrix), (bias, cell.bias, vector)):
        found.append(None if x is None else w.computed(form, node.inputs[k].tensor_type, x))
    return found


def _is_zero(n: Node) -> bool:
    if n.op.name == "broadcast_to":
        return _is_zero(n.inputs[0])
    return n.op.name == "constant" and not n.attrs["value"].array.any()


def _write(w: Writer, n: Node, *inputs: Term) -> tuple[Term, ...]:
    if not w.is_exact:
        return tuple(_as_cell(w, n, inputs))
    if "Relu" in n.attrs["cell"].functions:  # states without a bound
        return scanned(w, n, *inputs)
    squares = _squares(w, n, inputs)
    is_some = w.op("Size", inputs[n.attrs["carries"]], dtype="int64") > 0  # ONNX Runtime ends the process in its LSTM of no rows
    return tuple(w.choice(is_some & is_number(w, squares * squares), lambda: _as_cell(w, n, inputs), lambda: scanned(w, n, *inputs), n.types))


def _squares(w: Writer, n: Node, inputs: Sequence[Term]) -> Term:
    """The sum of the squares of all that the cell reads."""
    total: Term | None = None
    for x, node in zip(inputs, n.inputs, strict=True):
        if not _is_zero(node):
            own = w.op("ReduceSumSquare", x, keepdims=0)
            total = own if total is None else total + own
    assert total is not None
    return total


def _as_cell(w: Writer, n: Node, inputs: Sequence[Term]) -> list[Term]:
    cell, carries = n.attrs["cell"], n.attrs["carries"]
    x = inputs[carries]
    axis = np.array([0], np.int64)
    begin_at_zero = all(_is_zero(s) for s in n.inputs[:carries])  # as ONNX takes those that are left out
    states = [] if begin_at_zero else [w.op("Unsqueeze", s, axis) for s in inputs[:carries]]
    options: dict[str, Any] = {"hidden_size": n.types[0].shape[1], "direction": "reverse" if n.attrs["reverse"] else "forward"}
    if cell.kind == "GRU":
        options["linear_before_reset"] = int(cell.is_apart)
    functions = [*cell.functions, cell.functions[-1]] if cell.kind == "LSTM" else list(cell.functions)
    given = [x, *_weights(w, cell, inputs, n), None, *states]
    results = w.ops(cell.kind, *given, dtypes=(x.dtype,) * (1 + carries), activations=functions, **options)
    ends = [w.op("Squeeze", r, axis) for r in results[1:]]
    ys = len(n.types) - carries
    return [*ends, *(w.op("Squeeze", results[0], np.array([1], np.int64)) for _ in range(ys))]


RECURRENCE = Recurrence()
TABLE: dict[str, Expression] = {RECURRENCE.name: _write}

