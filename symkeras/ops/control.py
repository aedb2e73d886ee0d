"""Control flow as nodes that hold closed graphs: scan, cond and while_loop.

What a body reads from outside becomes a further input of the node, so bodies are closed. `scan` is differentiable:
its gradient is a scan in the other direction over what the forward one saves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import arguments, tree
from symkeras.errors import GradientError, GraphError, ShapeError
from symkeras.graph import dims, tracing
from symkeras.graph.graph import Graph, subgraphs, substitute
from symkeras.graph.node import Node, make, reachable, recording
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import NodeType, TensorType
from symkeras.graph.variable import Variable
from symkeras.ops import attributes as at
from symkeras.ops import untraced_draws
from symkeras.ops.evaluation import evaluate, known_sizes, solve_dims
from symkeras.ops.leaves import cast, placeholder_node, shape
from symkeras.ops.op import OPS, Op, as_array, as_tensor, is_symbolic, register, wrap
from symkeras.ops.shaping import stack

_CLOSED_LEAVES = ("constant", "dim")


def close(
    inputs: Sequence[Node], outputs: Sequence[Node], name: str, own: Collection[Node] | None = None, aliases: Mapping[Node, Node] | None = None
) -> tuple[Graph, list[Node]]:
    """A closed graph from nodes that may read outer nodes, and those outer nodes in the order of its further inputs.

    Inside is what `own` holds, or depends on that or on `inputs`; with None all but variables and placeholders. `aliases` are placeholders
    that stand for outer nodes already.
    """
    inner = set(inputs)
    border: dict[Node, None] = {}
    for n in reachable(outputs):
        if n in inner or n.op.name in _CLOSED_LEAVES:
            continue
        if n.op.is_leaf or not (own is None or n in own or any(i in inner for i in n.inputs)):
            border[n] = None
        else:
            inner.add(n)
    read = {i for n in inner for i in n.inputs} | set(outputs)
    outside = {n: (aliases or {}).get(n, n) for n in border if n in read}
    stand_ins = {outer: n for n, outer in outside.items() if outer is not n}
    for k, outer in enumerate(dict.fromkeys(outside.values())):
        if outer not in stand_ins:
            stand_ins[outer] = placeholder_node(outer.tensor_type, _capture_name(outer, k))
    new = substitute(outputs, {n: stand_ins[outer] for n, outer in outside.items()})
    return Graph([*inputs, *stand_ins.values()], [new[n] for n in outputs], name=name), list(stand_ins)


class _Body:
    """What a function builds while it is traced as the body of a loop or a branch: its results, nodes and assignments."""

    def __init__(self, build: Callable[[], Any]):
        self._outer = tracing.current()
        with recording() as own, tracing.Trace(_at_start) as trace:
            self.result = tree.map_structure(lambda x: as_tensor(x) if isinstance(x, Variable) else x, build())
        self.own = own
        self._trace = trace

    @property
    def assigned(self) -> list[Variable]:
        return list(self._trace.pending)

    def start(self, variable: Variable) -> Node:
        """The placeholder for the value that a variable has when the body starts."""
        return self._trace.start(variable).node

    def end(self, variable: Variable) -> Tensor:
        """The value that a variable has at the end of the body."""
        return self._trace.read(variable)

    def closed(self, inputs: Sequence[Node], outputs: Sequence[Tensor], name: str) -> tuple[Graph, list[Node]]:
        """The body as a graph whose inputs are `inputs`, then what it reads from outside, which comes back as well."""
        aliases = {t.node: _value_around(v, self._outer).node for v, t in self._trace.stand_ins.items()}
        return close(inputs, [t.node for t in outputs], name, self.own, aliases)


def _value_around(variable: Variable, trace: tracing.Trace | None) -> Tensor:
    """The value of a variable before a loop or branch that is built in `trace`, or in none."""
    return Tensor(untraced_draws.start(variable)) if trace is None else trace.read(variable)


def _at_start(variable: Variable) -> Tensor:
    return Tensor(placeholder_node(variable.node.tensor_type, variable.node.attrs["name"]))


def alike(a: TensorType, b: TensorType) -> bool:
    """Whether values of one type may stand for the other; equalities of symbolic sizes are noted, and checked when sizes are known."""
    return a.dtype == b.dtype and len(a.shape) == len(b.shape) and all(map(dims.same, a.shape, b.shape))


def _capture_name(node: Node, k: int) -> str:
    return node.attrs["name"] if node.op.name in ("variable", "placeholder") else f"outer{k}"


def _check_inputs(name: str, body: Graph, types: Sequence[TensorType]) -> None:
    """Raise ShapeError unless tensors of these types may be the inputs of a graph within."""
    expected = [n.tensor_type for n in body.inputs]
    if len(expected) != len(types):
        raise ShapeError(f"{name}: graph {body.name} takes {len(expected)} inputs, received {len(types)}")
    for k, (t, e) in enumerate(zip(types, expected, strict=True)):
        if not alike(t, e):
            raise ShapeError(f"{name}: input {k} of graph {body.name} expects {e}, received {t}")


class _Control(Op):
    """An op that holds graphs."""

    moves = True

    def may_raise(self, node: Node) -> bool:
        return any(n.op.may_raise(n) for g in subgraphs(node) for n in g.nodes)


@register
class Scan(_Control):
    """A loop over the first axis of sequences, carrying state.

    Inputs are the first carries, the sequences, and what the body reads from outside; the body maps (carries, one
    slice of each sequence, outside) to (carries, ys). The results are the last carries and all ys stacked.
    """

    name = "scan"
    attributes = {
        "body": at.BODY, "carries": at.integer(0), "sequences": at.integer(0), "length": at.SIZE, "reverse": at.BOOLEAN,
    }  # fmt: skip

    def infer(self, *types: TensorType, body: Graph, carries: int, sequences: int, length: dims.Size, reverse: bool) -> NodeType:  # type: ignore[override]
        given = list(types)
        for k in range(carries, carries + sequences):
            if k >= len(types) or types[k].ndim == 0 or not dims.same(types[k].shape[0], length):
                raise ShapeError(f"scan over {length} steps: sequence {k - carries} of {sequences} is {types[k] if k < len(types) else 'missing'}")
            given[k] = types[k].with_shape(types[k].shape[1:])
        _check_inputs("scan", body, given)
        if not carries <= min(len(body.outputs), len(types)):
            raise ShapeError(f"scan: the body carries {carries} values and gives {len(body.outputs)}")
        results = [n.tensor_type for n in body.outputs]
        for k in range(carries):
            if not alike(results[k], types[k]):
                raise ShapeError(f"scan: carry {k} begins as {types[k]} and comes back as {results[k]}")
        return (*types[:carries], *(t.with_shape((length, *t.shape)) for t in results[carries:]))

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
        return solve_dims([n.tensor_type for n in body.inputs], shapes, [n.attrs["name"] for n in body.inputs], known_sizes())

    def flops(self, node: Node) -> dims.Size:
        total: dims.Size = 0
        for n in node.attrs["body"].nodes:
            total = total + n.op.flops(n)
        return total * node.attrs["length"]


@register
class Cond(_Control):
    """One of two graphs by a boolean scalar; inputs are the predicate and what the branches read."""

    name = "cond"
    attributes = {"then": at.BODY, "otherwise": at.BODY}

    def infer(self, predicate: TensorType, *types: TensorType, then: Graph, otherwise: Graph) -> NodeType:  # type: ignore[override]
        if predicate != TensorType((), "bool"):
            raise ShapeError(f"cond expects a boolean scalar, received {predicate}")
        _check_inputs("cond", then, types)
        _check_inputs("cond", otherwise, types)
        a, b = (tuple(n.tensor_type for n in g.outputs) for g in (then, otherwise))
        if len(a) != len(b) or not all(map(alike, a, b)):
            raise ShapeError(f"cond: the branches give {a} and {b}; both must give the same types")
        return a

    def value(self, predicate: Any, *arrays: Any, then: Graph, otherwise: Graph) -> Any:  # type: ignore[override]
        return tuple(evaluate(then if predicate else otherwise, arrays)[0])


@register
class WhileLoop(_Control):
    """Repeats a body while a predicate of the state holds."""

    name = "while_loop"
    attributes = {"predicate": at.BODY, "body": at.BODY, "state": at.integer(0)}

    def infer(self, *types: TensorType, predicate: Graph, body: Graph, state: int) -> NodeType:  # type: ignore[override]
        _check_inputs("while_loop", predicate, types)
        _check_inputs("while_loop", body, types)
        results = tuple(n.tensor_type for n in body.outputs)
        if len(results) != state or not all(map(alike, results, types)):
            raise ShapeError(f"while_loop: the state begins as {types[:state]} and comes back as {results}")
        if [n.tensor_type for n in predicate.outputs] != [TensorType((), "bool")]:
            raise ShapeError(f"while_loop: the condition must give a boolean scalar, not {predicate.outputs[0].type}")
        return types[:state]

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
    f: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any = None, length: Any = None, reverse: bool = False, unroll: bool | int = 1
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

    Raises:
        ConfigError: `f` is no function, or `unroll` neither a boolean nor a positive integer.
        ShapeError: no sequences and no length, first axes that differ, or a carry that comes back with another number of parts.

    >>> total, sums = scan(lambda c, x: (c + x, c + x), np.float32(0), np.arange(4, dtype="float32"))
    >>> float(total), sums.tolist()
    (6.0, [0.0, 1.0, 3.0, 6.0])
    """
    arguments.function(f, "scan: f")
    arguments.either(arguments.boolean, arguments.positive_int)(unroll, "scan: unroll")
    flat_init, flat_xs = _flat_leaves(init), _flat_leaves(xs)
    if not all(shape(x) for x in flat_xs):
        raise ShapeError("scan goes over the first axis of its sequences, received a scalar")
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
    body = _Body(lambda: f(_repack(init, [Tensor(n) for n in carry_in]), _repack(xs, [Tensor(n) for n in x_in])))
    carry, y = body.result
    new = [as_tensor(c) for c in _flat_leaves(carry)]
    if len(new) != len(starts):
        raise ShapeError(f"scan: the carry has {len(starts)} parts and comes back with {len(new)}")
    new = [cast(c, s.dtype) for c, s in zip(new, starts, strict=True)]
    ys = [as_tensor(v) for v in _flat_leaves(y)]
    held = body.assigned
    first = [*carry_in, *map(body.start, held), *x_in]
    graph, captured = body.closed(first, [*new, *map(body.end, held), *ys], "scan")
    starts += (_value_around(v, tracing.current()) for v in held)
    attrs = {"body": graph, "carries": len(starts), "sequences": len(sequences), "length": steps, "reverse": bool(reverse)}
    results = wrap(make(OPS["scan"], [*(t.node for t in (*starts, *sequences)), *captured], attrs))
    _assign(held, results[len(new) : len(starts)])
    return _repack(carry, results[: len(new)]), _repack(y, results[len(starts) :])


def _assign(variables: Sequence[Variable], values: Sequence[Tensor]) -> None:
    """What a loop or branch assigned, assigned in the trace around it."""
    trace = tracing.current()
    for v, t in zip(variables, values, strict=True):
        if trace is not None:
            trace.write(v, t)
        elif untraced_draws.is_seed(v):
            untraced_draws.end(v, t)
        else:
            raise GraphError(
                f"a loop or branch assigns variable {v.path!r} outside of a traced function: let it return the new value, and give that to "
                "K.function as an update"
            )


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

    Raises:
        ShapeError: more than one boolean, or branches that give different numbers of tensors.

    >>> cond(np.bool_(True), lambda: 1.0, lambda: 2.0)
    1.0
    """
    if not is_symbolic(pred):
        value = as_array(pred)
        if value.size != 1:
            raise ShapeError(f"cond: pred is one boolean, received {value.size} values, of shape {value.shape}")
        return true_fn() if bool(value) else false_fn()
    branches = [_Body(true_fn), _Body(false_fn)]
    a, b = (body.result for body in branches)
    flat_a, flat_b = _flat_leaves(a), _flat_leaves(b)
    if len(flat_a) != len(flat_b):
        raise ShapeError(f"cond: the branches give {len(flat_a)} and {len(flat_b)} tensors")
    held = list(dict.fromkeys(v for body in branches for v in body.assigned))
    if not flat_a and not held:
        return a
    outputs = [[*map(as_tensor, flat), *map(body.end, held)] for body, flat in zip(branches, (flat_a, flat_b), strict=True)]
    then, read_a = branches[0].closed([], outputs[0], "then")
    otherwise, read_b = branches[1].closed([], outputs[1], "otherwise")
    captured = list(dict.fromkeys([*read_a, *read_b]))
    then, otherwise = _with_inputs(then, read_a, captured), _with_inputs(otherwise, read_b, captured)
    predicate = cast(as_tensor(pred), "bool")
    if predicate.ndim:
        from symkeras.ops.shaping import reshape

        predicate = reshape(predicate, ())
    results = wrap(make(OPS["cond"], [predicate.node, *captured], {"then": then, "otherwise": otherwise}))
    _assign(held, results[len(flat_a) :])
    return _repack(a, results[: len(flat_a)])


def _with_inputs(graph: Graph, own: Sequence[Node], wanted: Sequence[Node]) -> Graph:
    """`graph` taking a stand-in for each of `wanted`, in order, instead of only for its `own`."""
    by_node = dict(zip(own, graph.inputs, strict=True))
    inputs = [by_node.get(n) or placeholder_node(n.tensor_type, _capture_name(n, k)) for k, n in enumerate(wanted)]
    return Graph(inputs, graph.outputs, name=graph.name)


def while_loop(cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """Repeat `body(*loop_vars)` while `cond(*loop_vars)` holds, at most `maximum_iterations` times.

    Raises:
        GraphError: the condition assigns a variable; only the body can.

    >>> while_loop(lambda i: i < 10, lambda i: (i * 2,), (np.int32(1),))
    (np.int32(16),)
    """
    is_single = not isinstance(loop_vars, (tuple, list))
    state = (loop_vars,) if is_single else loop_vars
    if not is_symbolic(*tree.flatten(state)) and tracing.current() is None:
        return _while_arrays(cond, body, state, is_single, maximum_iterations)
    starts = _flat_tensors(state)
    if maximum_iterations is not None:
        starts.append(as_tensor(np.int32(0)))
    inputs = [placeholder_node(t.node.tensor_type, f"state{k}") for k, t in enumerate(starts)]
    tensors = [Tensor(n) for n in inputs]
    own = _repack(state, tensors[: len(inputs) - (maximum_iterations is not None)])
    test = _Body(lambda: cast(as_tensor(cond(*own)), "bool"))
    step = _Body(lambda: body(*own))
    if test.assigned:
        raise GraphError(f"while_loop: the condition assigns variable {test.assigned[0].path!r} (a random draw does so); only the body can")
    going, after = test.result, step.result
    flat = _flat_tensors(after if not is_single or isinstance(after, (tuple, list)) else (after,))
    if maximum_iterations is not None:
        going = going & (tensors[-1] < maximum_iterations)
        flat.append(tensors[-1] + 1)
    flat = [cast(t, s.dtype) for t, s in zip(flat, starts, strict=True)]
    held, count = step.assigned, len(starts)
    starts += (_value_around(v, tracing.current()) for v in held)
    test_inputs, step_inputs = ([*inputs, *map(part.start, held)] for part in (test, step))
    test_graph, read_a = test.closed(test_inputs, [going], "condition")
    step_graph, read_b = step.closed(step_inputs, [*flat, *map(step.end, held)], "body")
    captured = list(dict.fromkeys([*read_a, *read_b]))
    test_graph = _with_inputs(test_graph, [*test_inputs, *read_a], [*test_inputs, *captured])
    step_graph = _with_inputs(step_graph, [*step_inputs, *read_b], [*step_inputs, *captured])
    attrs = {"predicate": test_graph, "body": step_graph, "state": len(starts)}
    results = wrap(make(OPS["while_loop"], [*(t.node for t in starts), *captured], attrs))
    _assign(held, results[count:])
    results = results[: count - (maximum_iterations is not None)]
    packed = _repack(state, results)
    return packed[0] if is_single else packed


def _while_arrays(cond: Callable[..., Any], body: Callable[..., Any], state: Any, is_single: bool, most: int | None) -> Any:
    steps = 0
    while bool(cond(*state)) and (most is None or steps < most):
        after = body(*state)
        state = (after,) if is_single and not isinstance(after, (tuple, list)) else after
        steps += 1
    return state[0] if is_single else state


def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`; differentiable where both bounds are numbers or sizes.

    Args:
        lower, upper: the bounds, the upper one left out.
        body_fun: takes the number of the step and the value, returns the new value.
        init_val: the first value, any nesting of tensors.

    >>> int(fori_loop(0, 4, lambda i, total: total + i, 0))
    6
    """
    for name, bound in (("lower", lower), ("upper", upper)):
        if not (arguments.is_integer(bound) or isinstance(bound, (dims.Dim, np.ndarray)) or is_symbolic(bound)):
            raise arguments.refusal(f"fori_loop: {name}", "an integer, a size or a scalar tensor", bound)
    lower, upper = (int(v) if isinstance(v, np.integer) else v for v in (lower, upper))
    if isinstance(lower, int) and isinstance(upper, int) and not is_symbolic(*tree.flatten(init_val)) and tracing.current() is None:
        value = init_val
        for i in range(lower, upper):
            value = body_fun(i, value)
        return value
    if isinstance(lower, (int, dims.Dim)) and isinstance(upper, (int, dims.Dim)):
        from symkeras.ops.numpy import arange

        steps = arange(dims.maximum(upper - lower, 0), dtype="int32") + cast(lower, "int32")
        return scan(lambda c, i: (body_fun(i, c), None), init_val, steps)[0]
    return while_loop(lambda i, v: i < upper, lambda i, v: (i + 1, body_fun(i, v)), (as_tensor(lower, "int32"), init_val))[1]
