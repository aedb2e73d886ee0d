"""Loops and choices: rnn, switch, map_fn, foldl, foldr."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symkeras import ops, tree
from symkeras.backend.theano_style.symbolic_shapes import symbolic
from symkeras.errors import ShapeError
from symkeras.graph.tensor import Tensor


def rnn(step_function: Callable[[Any, list[Any]], tuple[Any, list[Any]]], inputs: Any, initial_states: Any, go_backwards: bool = False,
        mask: Any = None, constants: Any = None, unroll: bool = False, input_length: int | None = None) -> tuple[Any, Any, list[Any]]:  # fmt: skip
    """Run `step_function(slice, states) -> (output, new states)` over the time axis of `inputs`.

    Args:
        step_function: takes one time slice (B, ...) and a list of the states followed by `constants`.
        inputs: (B, T, ...).
        initial_states: a list of tensors (B, ...).
        go_backwards: begin with the last slice.
        mask: (B, T) or (B, T, 1), true where a step counts; elsewhere states and output stay what they were.
        constants: tensors that every step receives after the states.
        unroll: repeat the nodes of the step instead of looping; the length must be known.
        input_length: the length, where the time axis does not tell and `unroll` needs it.

    Returns:
        The last output (B, ...), all outputs (B, T, ...), and the list of the last states.

    >>> import numpy as np
    >>> last, outputs, states = rnn(lambda x, s: (x + s[0], [x + s[0]]), np.ones((1, 3, 1), "float32"), [np.zeros((1, 1), "float32")])
    >>> last.tolist(), outputs.ravel().tolist()
    ([[3.0]], [1.0, 2.0, 3.0])
    """
    from symkeras.layers.rnn_loop import rnn_loop

    fixed = [symbolic(c) for c in constants or ()]

    def step(x: Any, states: Any) -> tuple[Any, Any]:
        output, new = step_function(x, [*states, *fixed])
        return output, list(new)

    states = [symbolic(s) for s in initial_states]
    if mask is not None and len(ops.shape(mask)) not in (2, 3):
        raise ShapeError(f"rnn: a mask has the shape (batch, time) or (batch, time, 1), received {ops.shape(mask)}")
    last, outputs, states = rnn_loop(step, inputs, states, go_backwards, mask, unroll=unroll, input_length=input_length)
    return last, outputs, list(states)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """`then_expression` where `condition` holds, else `else_expression`, element by element.

    Args:
        condition: booleans (or numbers, true unless 0), a scalar or of the shape of leading axes of the expressions.
        then_expression, else_expression: tensors, or functions that give them. Of two functions behind a scalar condition
            only the one needed is computed.
    """
    condition = ops.cast(symbolic(condition), "bool")
    both_called = all(callable(e) and not isinstance(e, Tensor) for e in (then_expression, else_expression))
    if both_called and not ops.shape(condition):
        return ops.cond(condition, then_expression, else_expression)
    a, b = (symbolic(e() if callable(e) and not isinstance(e, Tensor) else e) for e in (then_expression, else_expression))
    ndim, missing = len(ops.shape(a)), len(ops.shape(a)) - len(ops.shape(condition))
    if missing < 0:
        raise ShapeError(f"switch: the condition has {ndim - missing} axes, more than the {ndim} of the expressions")
    if ops.shape(condition) and missing:
        condition = ops.reshape(condition, (*ops.shape(condition), *(1,) * missing))
    return ops.where(condition, a, b)


def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """`fn` applied to every slice of `elems` along the first axis, the results stacked.

    Args:
        fn: takes one slice, in the nesting of `elems`.
        elems: a tensor, or a nesting of tensors with one first axis.
        dtype: of the result; that of `fn` when None.
    """
    out = ops.scan(lambda carry, x: (carry, fn(x)), (), elems)[1]
    return out if dtype is None else tree.map_structure(lambda y: ops.cast(y, dtype), out)


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`fn(accumulated, slice)` over the slices of `elems`, from the first to the last.

    Args:
        initializer: the first accumulated value; the first slice when None.
    """
    return _fold(fn, elems, initializer, False)


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Any:
    """`fn(accumulated, slice)` over the slices of `elems`, from the last to the first.

    Args:
        initializer: the first accumulated value; the last slice when None.
    """
    return _fold(fn, elems, initializer, True)


def _fold(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any, reverse: bool) -> Any:
    if initializer is None:
        if not all(ops.shape(x) for x in tree.flatten(elems)):
            raise ShapeError("foldl and foldr go over the first axis of their elements, received a scalar")
        end = -1 if reverse else 0
        initializer = tree.map_structure(lambda x: x[end], elems)
        elems = tree.map_structure(lambda x: x[:-1] if reverse else x[1:], elems)
    return ops.scan(lambda carry, x: (fn(carry, x), None), initializer, elems, reverse=reverse)[0]
