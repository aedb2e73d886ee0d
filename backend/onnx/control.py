"""Loops and branches as ONNX operators that hold graphs; what those read from outside they read by its name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symkeras.backend.onnx.indexing import zeros
from symkeras.backend.onnx.movement import flipped, scalar
from symkeras.backend.onnx.writer import Expression, Term, Writer
from symkeras.graph.node import Node


def scanned(w: Writer, n: Node, *inputs: Term) -> tuple[Term, ...]:
    """A loop over the first axes of sequences, or of a known length.

    ONNX Runtime has no turns of a Scan over nothing: where a length is open, both are written.
    """
    carries, sequences = n.attrs["carries"], n.attrs["sequences"]
    length = n.inputs[carries].shape[0] if sequences else n.attrs["length"]
    if length == 0:
        return _untouched(w, n, inputs)
    if not sequences or isinstance(length, int):
        return _turns(w, n, inputs)
    return tuple(w.choice(w.size(length) > 0, lambda: _turns(w, n, inputs), lambda: _untouched(w, n, inputs), n.types))


def _untouched(w: Writer, n: Node, inputs: Sequence[Term]) -> tuple[Term, ...]:
    """What a loop without turns gives."""
    carries = n.attrs["carries"]
    return (*inputs[:carries], *(zeros(w, t.dtype, t.shape) for t in n.types[carries:]))


def _turns(w: Writer, n: Node, inputs: Sequence[Term]) -> tuple[Term, ...]:
    body, carries, sequences, length = (n.attrs[k] for k in ("body", "carries", "sequences", "length"))
    own, given, outer = body.inputs[: carries + sequences], inputs[: carries + sequences], inputs[carries + sequences :]
    results = [t.dtype for t in n.types]
    if sequences:
        within = w.body(body, own, outer)
        ways = {"scan_input_directions": sequences, "scan_output_directions": len(results) - carries} if n.attrs["reverse"] else {}
        ways = {k: [1] * count for k, count in ways.items() if count}
        return tuple(w.ops("Scan", *given, dtypes=results, body=within, num_scan_inputs=sequences, **ways))
    yes = w.constant(np.array(True))
    within = w.body(body, own, outer, lambda _: yes)
    found = w.ops("Loop", scalar(w, length), yes, *given, dtypes=results, body=within)
    return tuple(flipped(w, r, [0]) if n.attrs["reverse"] and k >= carries else r for k, r in enumerate(found))


def _cond(w: Writer, n: Node, predicate: Term, *outer: Term) -> tuple[Term, ...]:
    then, otherwise = (w.body(n.attrs[k], (), outer) for k in ("then", "otherwise"))
    return tuple(w.ops("If", predicate, dtypes=[t.dtype for t in n.types], then_branch=then, else_branch=otherwise))


def _while_loop(w: Writer, n: Node, *inputs: Term) -> tuple[Term, ...]:
    predicate, body, count = n.attrs["predicate"], n.attrs["body"], n.attrs["state"]
    start, outer = inputs[:count], inputs[count:]
    begins = w.inline(predicate, inputs)[0]
    within = w.body(body, body.inputs[:count], outer, lambda news: w.inline(predicate, [*news, *outer])[0])
    return tuple(w.ops("Loop", None, begins, *start, dtypes=[t.dtype for t in n.types], body=within))


TABLE: dict[str, Expression] = {"scan": scanned, "cond": _cond, "while_loop": _while_loop}
