"""Control flow as nodes that hold closed graphs: scan, cond and while_loop.

What a body reads from outside becomes a further input of the node, so bodies are closed. `scan` is differentiable:
its gradient is a scan in the other direction over what the forward one saves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import GradientError, ShapeError
from symkeras.graph import dims, tracing
from symkeras.graph.graph import Graph, substitute
from symkeras.graph.node import Node, make, reachable
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import NodeType, TensorType
from symkeras.ops.evaluation import evaluate, known_sizes, solve_dims
from symkeras.ops.leaves import cast, placeholder_node, shape
from symkeras.ops.op import OPS, Op, as_array, as_tensor, is_symbolic, register, wrap
from symkeras.ops.shaping import stack

_CLOSED_LEAVES = ("constant", "dim")


def close(inputs: Sequence[Node], outputs: Sequence[Node], name: str) -> tuple[Graph, list[Node]]:
    """A closed graph from nodes that may read outer nodes, and those outer nodes in the order of its further inputs."""
    nodes = reachable(outputs)
    inner = set(inputs)
    for n in nodes:
        if any(i in inner for i in n.inputs):
            inner.add(n)
    border: dict[Node, None] = {}
    for n in nodes:
        if n in inner and n not in inputs:
            border.update((i, None) for i in n.inputs if i not in inner and i.op.name not in _CLOSED_LEAVES)
    border.update((n, None) for n in outputs if n not in inner and n.op.name not in _CLOSED_LEAVES)
    captured = list(border)
    stand_ins = {n: placeholder_node(n.tensor_type, _capture_name(n, k)) for k, n in enumerate(captured)}
    new = substitute(outputs, stand_ins)
    return Graph([*inputs, *stand_ins.values()], [new[n] for n in outputs], name=name), captured


def _capture_name(node: Node, k: int) -> str:
    return node.attrs["name"] if node.op.name in ("variable", "placeholder") else f"outer{k}"


@register
class Scan(Op):
    """A loop over the first axis of sequences, carrying state.

    Inputs are the first carries, the sequences, and what the body reads from outside; the body maps (carries, one
    slice of each sequence, outside) to (carries, ys). The results are the last carries and all ys stacked.
    """

    name = "scan"

    def infer(self, *types: TensorType, body: Graph, carries: int, sequences: int, length: dims.Size, reverse: bool) -> NodeType:  # type: ignore[override]
        for k, (t, n) in enumerate(zip(types, body.inputs, strict=True)):
            expected = n.tensor_type
            if carries <= k < carries + sequences:
                t = t.with_shape(t.shape[1:])
            if t.dtype != expected.dtype or len(t.shape) != expected.ndim or not all(map(dims.same, t.shape, expected.shape)):
                raise ShapeError(f"scan: input {k} of the body expects {expected}, received {t}")
        results = [n.tensor_type for n in body.outputs]
        for k in range(carries):
            if results[k] != types[k]:
                raise ShapeError(f"scan: carry {k} begins as {types[k]} and comes back as {results[k]}")
        return (*results[:carries], *(t.with_shape((length, *t.shape)) for t in results[carries:]))

    def value(self, *arrays: Any, body: Graph, carries: int, sequences: int, length: int, reverse: bool) -> Any:  # type: ignore[override]
        state = list(arrays[:carries])
        xs = arrays[carries : carries + sequences]
        outer = arrays[carries + sequences :]
        ys: list[list[Any]] = [[] for _ in body.outputs[carries:]]
        for t in reversed(range(length)) if reverse else range(length):
            outputs, _ = evaluate(body, [*state, *(x[t] for x in xs), *outer])
            state = outputs[:carries]
            for y, v in zip(ys, outputs[carries:], strict=True):
                y.append(v)
        stacked = []
        for y, n in zip(ys, body.outputs[carries:], strict=True):
            if y:
                stacked.append(np.stack(y[::-1] if reverse else y))
            else:
                stacked.append(np.zeros((0, *dims.evaluate(n.shape, self._sizes(arrays, body, carries, sequences))), n.dtype))
        return (*state, *stacked)

    def _sizes(self, arrays: Sequence[Any], body: Graph, carries: int, sequences: int) -> dict[str, int]:
        shapes = [np.shape(a)[1:] if carries <= k < carries + sequences else np.shape(a) for k, a in enumerate(arrays)]
        own = solve_dims([n.tensor_type for n in body.inputs], shapes, [n.attrs["name"] for n in body.inputs])
        return {**known_sizes(), **own}

    def flops(self, node: Node) -> dims.Size:
        total: dims.Size = 0
        for n in node.attrs["body"].nodes:
            total = total + n.op.flops(n)
        return total * node.attrs["length"]


@register
class Cond(Op):
    """One of two graphs by a boolean scalar; inputs are the predicate and what the branches read."""

    name = "cond"

    def infer(self, predicate: TensorType, *types: TensorType, then: Graph, otherwise: Graph) -> NodeType:  # type: ignore[override]
        if predicate != TensorType((), "bool"):
            raise ShapeError(f"cond expects a boolean scalar, received {predicate}")
        a, b = (tuple(n.tensor_type for n in g.outputs) for g in (then, otherwise))
        if a != b:
            raise ShapeError(f"cond: the branches give {a} and {b}; both must give the same types")
        return a

    def value(self, predicate: Any, *arrays: Any, then: Graph, otherwise: Graph) -> Any:  # type: ignore[override]
        return tuple(evaluate(then if predicate else otherwise, arrays)[0])


@register
class WhileLoop(Op):
    """Repeats a body while a predicate of the state holds."""

    name = "while_loop"

    def infer(self, *types: TensorType, predicate: Graph, body: Graph, state: int) -> NodeType:  # type: ignore[override]
        results = tuple(n.tensor_type for n in body.outputs)
        if results != types[:state]:
            raise ShapeError(f"while_loop: the state begins as {types[:state]} and comes back as {results}")
        if [n.tensor_type for n in predicate.outputs] != [TensorType((), "bool")]:
            raise ShapeError(f"while_loop: the condition must give a boolean scalar, not {predicate.outputs[0].type}")
        return results

    def value(self, *arrays: Any, predicate: Graph, body: Graph, state: int) -> Any:  # type: ignore[override]
        values, outer = list(arrays[:state]), arrays[state:]
        while evaluate(predicate, [*values, *outer])[0][0]:
            values = evaluate(body, [*values, *outer])[0]
        return tuple(values)

    def vjp(self, dy: Any, out: Any, *inputs: Any, **_: Any) -> Any:  # type: ignore[override]
        raise GradientError("while_loop has no gradient: the number of steps is not known. Use scan or fori_loop over a known length")


def _flat_tensors(structure: Any) -> list[Tensor]:
    return [as_tensor(x) for x in tree.flatten(structure) if x is not None]


def _repack(structure: Any, flat: Sequence[Any]) -> Any:
    leaves = iter(flat)
    return tree.pack_sequence_as(structure, [None if x is None else next(leaves) for x in tree.flatten(structure)])


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any = None, length: Any = None, reverse: bool = False, unroll: int = 1
) -> tuple[Any, Any]:
    """Loop `f(carry, x) -> (carry, y)` over the first axis of `xs`.

    Args:
        f: takes the carry and one slice of `xs`, returns the new carry and an output.
        init: the first carry, any nesting of tensors.
        xs: nesting of tensors with one first axis, or None with `length`.
        length: number of steps where `xs` is None.
        reverse: go from the last slice to the first.
        unroll: accepted for JAX's signature; the compiler decides.

    Returns:
        The last carry, and the outputs stacked along a new first axis.

    >>> total, sums = scan(lambda c, x: (c + x, c + x), np.float32(0), np.arange(4, dtype="float32"))
    >>> float(total), sums.tolist()
    (6.0, [0.0, 1.0, 3.0, 6.0])
    """
    flat_init, flat_xs = _flat_leaves(init), _flat_leaves(xs)
    steps = shape(flat_xs[0])[0] if flat_xs else length
    if steps is None:
        raise ShapeError("scan needs xs, or length")
    for x in flat_xs:
        if not dims.same(shape(x)[0], steps):
            raise ShapeError(f"scan: the sequences have first axes of {steps} and {shape(x)[0]}")
    if not is_symbolic(*flat_init, *flat_xs, steps) and tracing.current() is None:
        return _scan_arrays(f, init, xs, int(steps), reverse)
    starts = [as_tensor(x) for x in flat_init]
    sequences = [as_tensor(x) for x in flat_xs]
    carry_in = [placeholder_node(t.node.tensor_type, f"carry{k}") for k, t in enumerate(starts)]
    x_in = [placeholder_node(t.node.tensor_type.with_shape(t.dims[1:]), f"x{k}") for k, t in enumerate(sequences)]
    carry, y = f(_repack(init, [Tensor(n) for n in carry_in]), _repack(xs, [Tensor(n) for n in x_in]))
    new = [as_tensor(c) for c in _flat_leaves(carry)]
    if len(new) != len(starts):
        raise ShapeError(f"scan: the carry has {len(starts)} parts and comes back with {len(new)}")
    new = [cast(c, s.dtype) for c, s in zip(new, starts, strict=True)]
    ys = [as_tensor(v) for v in _flat_leaves(y)]
    body, captured = close([*carry_in, *x_in], [t.node for t in (*new, *ys)], "scan")
    attrs = {"body": body, "carries": len(starts), "sequences": len(sequences), "length": steps, "reverse": bool(reverse)}
    results = wrap(make(OPS["scan"], [*(t.node for t in (*starts, *sequences)), *captured], attrs))
    return _repack(carry, results[: len(starts)]), _repack(y, results[len(starts) :])


def _flat_leaves(structure: Any) -> list[Any]:
    return [x for x in tree.flatten(structure) if x is not None]


def _scan_arrays(f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, length: int, reverse: bool) -> tuple[Any, Any]:
    carry, outputs = init, []
    for t in reversed(range(length)) if reverse else range(length):
        carry, y = f(carry, tree.map_structure(lambda a, t=t: None if a is None else as_array(a)[t], xs))
        outputs.append(y)
    if reverse:
        outputs.reverse()
    if not outputs:
        return carry, None
    return carry, tree.map_structure(lambda *leaves: None if leaves[0] is None else stack(leaves), *outputs)


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` where the boolean scalar `pred` holds, else `false_fn()`; only the branch taken is computed.

    >>> cond(np.bool_(True), lambda: 1.0, lambda: 2.0)
    1.0
    """
    if not is_symbolic(pred):
        return true_fn() if bool(as_array(pred)) else false_fn()
    a, b = true_fn(), false_fn()
    flat_a, flat_b = _flat_leaves(a), _flat_leaves(b)
    if len(flat_a) != len(flat_b):
        raise ShapeError(f"cond: the branches give {len(flat_a)} and {len(flat_b)} tensors")
    if not flat_a:
        return a
    then, read_a = close([], [as_tensor(x).node for x in flat_a], "then")
    otherwise, read_b = close([], [as_tensor(x).node for x in flat_b], "otherwise")
    captured = list(dict.fromkeys([*read_a, *read_b]))
    then, otherwise = _with_inputs(then, read_a, captured), _with_inputs(otherwise, read_b, captured)
    predicate = cast(as_tensor(pred), "bool")
    if predicate.ndim:
        from symkeras.ops.shaping import reshape

        predicate = reshape(predicate, ())
    return _repack(a, wrap(make(OPS["cond"], [predicate.node, *captured], {"then": then, "otherwise": otherwise})))


def _with_inputs(graph: Graph, own: Sequence[Node], wanted: Sequence[Node]) -> Graph:
    """`graph` taking a stand-in for each of `wanted`, in order, instead of only for its `own`."""
    by_node = dict(zip(own, graph.inputs, strict=True))
    inputs = [by_node.get(n) or placeholder_node(n.tensor_type, _capture_name(n, k)) for k, n in enumerate(wanted)]
    return Graph(inputs, graph.outputs, name=graph.name)


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `body(*loop_vars)` while `cond(*loop_vars)` holds, at most `maximum_iterations` times.

    >>> while_loop(lambda i: i < 10, lambda i: (i * 2,), (np.int32(1),))
    (np.int32(16),)
    """
    is_single = not tree.is_nested(loop_vars)
    state = (loop_vars,) if is_single else loop_vars
    if not is_symbolic(*tree.flatten(state)) and tracing.current() is None:
        return _while_arrays(cond, body, state, is_single, maximum_iterations)
    starts = _flat_tensors(state)
    if maximum_iterations is not None:
        starts.append(as_tensor(np.int32(0)))
    inputs = [placeholder_node(t.node.tensor_type, f"state{k}") for k, t in enumerate(starts)]
    tensors = [Tensor(n) for n in inputs]
    own = _repack(state, tensors[: len(inputs) - (maximum_iterations is not None)])
    going = cast(as_tensor(cond(*own)), "bool")
    after = body(*own)
    flat = _flat_tensors(after if not is_single or tree.is_nested(after) else (after,))
    if maximum_iterations is not None:
        going = going & (tensors[-1] < maximum_iterations)
        flat.append(tensors[-1] + 1)
    flat = [cast(t, s.dtype) for t, s in zip(flat, starts, strict=True)]
    test, read_a = close(inputs, [going.node], "condition")
    step, read_b = close(inputs, [t.node for t in flat], "body")
    captured = list(dict.fromkeys([*read_a, *read_b]))
    n = len(inputs)
    test = _with_inputs(test, [*inputs, *read_a], [*inputs, *captured])
    step = _with_inputs(step, [*inputs, *read_b], [*inputs, *captured])
    results = wrap(make(OPS["while_loop"], [*(t.node for t in starts), *captured], {"predicate": test, "body": step, "state": n}))
    if maximum_iterations is not None:
        results = results[:-1]
    return results[0] if is_single else _repack(state, results)


def _while_arrays(cond: Callable[..., Any], body: Callable[..., Any], state: Any, is_single: bool, most: int | None) -> Any:
    steps = 0
    while bool(cond(*state)) and (most is None or steps < most):
        after = body(*state)
        state = (after,) if is_single and not isinstance(after, (tuple, list)) else after
        steps += 1
    return state[0] if is_single else state


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`; differentiable where both bounds are Python ints."""
    if isinstance(lower, int) and isinstance(upper, int):
        if not is_symbolic(*tree.flatten(init_val)) and tracing.current() is None:
            value = init_val
            for i in range(lower, upper):
                value = body_fun(i, value)
            return value
        return scan(lambda c, i: (body_fun(i, c), None), init_val, np.arange(lower, upper, dtype="int32"))[0]
    return while_loop(lambda i, v: i < upper, lambda i, v: (i + 1, body_fun(i, v)), (as_tensor(lower, "int32"), init_val))[1]
