"""The time loop behind `RNN` and `K.rnn`: a step function over the time axis, with masks, in either direction.

The loop itself is one `ops.scan`, so its body is a small closed graph; what only has to happen once (masks of whole
sequences, zeroing outputs, the order of outputs) happens around it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import room, tracing
from symkeras.graph.tensor import Tensor
from symkeras.ops.op import as_array, dtype_of

Step = Callable[[Any, Any], tuple[Any, Any]]


def rnn_loop(step: Step, inputs: Any, initial_states: Any, go_backwards: bool = False, mask: Any = None, zero_output_for_mask: bool = False,
             unroll: bool = False, input_length: int | None = None, time_major: bool = False,
             return_all_outputs: bool = True) -> tuple[Any, Any, Any]:  # fmt: skip
    """Run `step(slice, states) -> (output, new states)` over the time axis of `inputs`.

    A masked step leaves the states as they are and repeats the last output (zeros before there was one).

    Args:
        step: takes one time slice of `inputs` and the states, nested like `initial_states`.
        inputs: tensors (B, T, ...), in any nesting.
        initial_states: tensors (B, ...), in any nesting.
        go_backwards: begin with the last slice; outputs come in the order in which they were computed.
        mask: booleans (B, T), true where a step counts.
        zero_output_for_mask: the output of a masked step is zero.
        unroll: repeat the step's nodes for every time step instead of looping; the length must be known.
        input_length: the length, where the time axis of `inputs` does not tell and `unroll` needs it.
        time_major: `inputs`, `mask` and outputs have the time axis first.
        return_all_outputs: whether to keep the output of every step; else `outputs` has the last one only, T = 1.

    Returns:
        The last output (B, ...), the outputs (B, T, ...), and the last states.

    Raises:
        ConfigError: `unroll` over an unknown length.
        ShapeError: no time step at all.

    Example:
        >>> x = np.ones((1, 3, 1), "float32")
        >>> last, outputs, states = rnn_loop(lambda x, s: (x + s[0], [x + s[0]]), x, [np.zeros((1, 1), "float32")])
        >>> last.tolist(), outputs[0, :, 0].tolist()
        ([[3.0]], [1.0, 2.0, 3.0])
    """
    if not time_major:
        inputs = tree.map_structure(swap_time_and_batch, inputs)
    mask = None if mask is None else _time_first(mask, time_major)
    states = tree.map_structure(ops.convert_to_tensor, initial_states)
    length = _length(inputs, input_length, unroll)
    loop = _Loop(step, states, mask is not None, return_all_outputs)
    if loop.is_probed:
        loop.probe(tree.map_structure(lambda x: x[0], inputs))
    if unroll:
        room.count_calls(length)
    run = _unrolled if unroll else _scanned
    (states, held), ys = run(loop.body, (states, loop.held), (inputs, mask), length, go_backwards)
    outputs, last = loop.outputs(states, held, ys, go_backwards)
    if mask is not None:
        outputs, last = _correct(loop, outputs, last, mask, zero_output_for_mask, go_backwards)
    if return_all_outputs:
        outputs = [ops.flip(y, 0) for y in outputs] if go_backwards else outputs
    else:
        outputs = [ops.expand_dims(y, 0) for y in last]
    if not time_major:
        outputs = [swap_time_and_batch(y) for y in outputs]
    return loop.packed(last), loop.packed(outputs), states


def swap_time_and_batch(x: Any) -> Any:
    """`x` with its first two axes exchanged."""
    return ops.swapaxes(x, 0, 1)


def _time_first(mask: Any, time_major: bool) -> Any:
    """The mask as booleans (T, B, 1)."""
    mask = ops.cast(mask, "bool")
    mask = mask if time_major else swap_time_and_batch(mask)
    return ops.expand_dims(mask, -1) if len(ops.shape(mask)) == 2 else mask


def _length(inputs: Any, given: int | None, unroll: bool) -> Any:
    length = ops.shape(tree.flatten(inputs)[0])[0]
    if isinstance(length, (int, np.integer)):
        if length == 0:
            raise ShapeError("a recurrent loop needs at least one time step, received a time axis of size 0")
        return int(length)
    if not unroll:
        return length
    if given is None:
        raise ConfigError("a recurrent loop over a time axis of unknown size cannot be unrolled: give Input the length, or use unroll=False")
    return int(given)


class _Loop:
    """What one step does beyond `step`: masked states, and where its outputs are found again after the loop.

    Attributes:
        sources: for each output, which state it equals, None where it equals none.
        held: first values of the previous outputs that no state holds.
    """

    def __init__(self, step: Step, states: Any, is_masked: bool, return_all: bool):
        self.step = step
        self.initial = states
        self.return_all = return_all
        self.is_probed = is_masked or not return_all
        self.sources: list[int | None] = []
        self.held: list[Any] = []
        self.structure: Any = None

    def probe(self, first: Any) -> None:
        """Find out, by one step that is not used, which outputs are states and how large the others are."""
        with tracing.Trace() if tracing.current() is not None else nullcontext():
            output, new = self.step(first, self.initial)
        states = tree.flatten(new)
        for y in tree.flatten(output):
            source = next((k for k, s in enumerate(states) if _same(s, y)), None)
            self.sources.append(source)
            if source is None:
                self.held.append(ops.zeros(ops.shape(y), dtype_of(y)))

    def body(self, carry: tuple[Any, list[Any]], x: tuple[Any, Any]) -> tuple[Any, Any]:
        """One step: (states, previous outputs) and (slice, mask) to the same and the outputs."""
        (states, held), (x, mask) = carry, x
        output, new = self.step(x, states)
        self.structure = output
        flat, new = tree.flatten(output), tree.flatten(new)
        if len(new) != len(tree.flatten(states)):
            raise ShapeError(f"the step of a recurrent loop was given {len(tree.flatten(states))} states and returned {len(new)}")
        if mask is not None:
            new = [ops.where(_expand(mask, n), n, s) for n, s in zip(new, tree.flatten(states), strict=True)]
        if self.is_probed:
            before = iter(held)
            held = []
            for k, source in enumerate(self.sources):
                if source is not None:
                    flat[k] = new[source]
                    continue
                previous = next(before)
                flat[k] = flat[k] if mask is None else ops.where(_expand(mask, flat[k]), flat[k], previous)
                held.append(flat[k])
        return (tree.pack_sequence_as(states, new), held), flat if self.return_all else None

    def outputs(self, states: Any, held: list[Any], ys: Any, go_backwards: bool) -> tuple[list[Any], list[Any]]:
        """All outputs (T, B, ...) by time, and the last ones, from what the loop gave."""
        if not self.is_probed:
            return ys, [y[0] if go_backwards else y[-1] for y in ys]
        final, rest = tree.flatten(states), iter(held)
        return ys or [], [next(rest) if source is None else final[source] for source in self.sources]

    def packed(self, flat: list[Any]) -> Any:
        """Flat outputs in the nesting in which the step returned them."""
        return tree.pack_sequence_as(self.structure, flat)


def _correct(loop: _Loop, outputs: list[Any], last: list[Any], mask: Any, zeroed: bool, go_backwards: bool) -> tuple[list[Any], list[Any]]:
    """Outputs that were taken from states, with the zeros that a masked step shows where its state is not zero."""
    if zeroed:
        end = mask[0] if go_backwards else mask[-1]
        return [_keep(mask, y) for y in outputs], [_keep(end, y) for y in last]
    initial = tree.flatten(loop.initial)
    ahead = [source is not None and not _is_zero(initial[source]) for source in loop.sources]
    if not any(ahead):
        return outputs, last
    ordered = ops.flip(mask, 0) if go_backwards else mask
    seen = ops.greater(ops.cumsum(ops.cast(ordered, "int32"), 0), 0)
    end = seen[-1]
    seen = ops.flip(seen, 0) if go_backwards else seen
    outputs = [_keep(seen, y) if wrong else y for y, wrong in zip(outputs, ahead, strict=False)]
    return outputs, [_keep(end, y) if wrong else y for y, wrong in zip(last, ahead, strict=True)]


def _keep(mask: Any, y: Any) -> Any:
    return ops.where(_expand(mask, y), y, ops.cast(0, dtype_of(y)))


def _expand(mask: Any, like: Any) -> Any:
    """The mask with axes of size 1 at its end, as many as `like` has axes."""
    sizes, ndim = ops.shape(mask), len(ops.shape(like))
    if len(sizes) > ndim:
        return ops.reshape(mask, sizes[:ndim])
    return ops.reshape(mask, (*sizes, *(1,) * (ndim - len(sizes)))) if len(sizes) < ndim else mask


def _same(a: Any, b: Any) -> bool:
    return a is b or (isinstance(a, Tensor) and isinstance(b, Tensor) and a.node is b.node)


def _is_zero(x: Any) -> bool:
    """Whether `x` is known to be all zeros."""
    if not isinstance(x, Tensor):
        return not np.any(as_array(x))
    node = x.node
    while node.op.name in ("broadcast_to", "reshape", "cast"):
        node = node.inputs[0]
    return node.op.name == "constant" and not np.any(node.attrs["value"].array)


def _scanned(body: Step, init: Any, xs: Any, length: Any, go_backwards: bool) -> tuple[Any, Any]:
    return ops.scan(body, init, xs, length, reverse=go_backwards)


def _unrolled(body: Step, init: Any, xs: Any, length: int, go_backwards: bool) -> tuple[Any, Any]:
    carry, rows = init, []
    for t in reversed(range(length)) if go_backwards else range(length):
        carry, row = body(carry, tree.map_structure(lambda x, t=t: None if x is None else x[t], xs))
        rows.append(row)
    if rows[0] is None:
        return carry, None
    rows = rows[::-1] if go_backwards else rows
    return carry, [ops.stack(column) for column in zip(*rows, strict=True)]
