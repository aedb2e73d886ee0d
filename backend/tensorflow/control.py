"""Control flow as TensorFlow's own: scan and while_loop by `tf.while_loop`, cond by `tf.cond`; extents come out beside the results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from symkeras.backend.engine.walk import HARMLESS, Here
from symkeras.backend.tensorflow.real import tf
from symkeras.backend.tensorflow.variables import Table
from symkeras.graph import dims

Tensor = Any


def tensors(values: Sequence[Any]) -> list[Tensor]:
    """Constants among values as tensors."""
    return [v if isinstance(v, Table) else tf.convert_to_tensor(v) for v in values]


def scan(here: Here) -> Callable[..., Any]:
    inner = here.walk(here.attrs["body"])
    c, s, length = here.attrs["carries"], here.attrs["sequences"], here.attrs["length"]
    slices = [(dims.evaluate(n.shape, here.env), n.dtype) for n in here.attrs["body"].outputs[c:]]

    def run(*given: Any) -> Any:
        given = tuple(tensors(given))
        xs = [tf.TensorArray(x.dtype, length, element_shape=x.shape[1:]).unstack(x) for x in given[c : c + s]]
        outer = given[c + s :]
        ys = [tf.TensorArray(dtype, length, element_shape=shape) for shape, dtype in slices]

        def step(k: Tensor, carry: Any, ys: Any, extents: Any) -> Any:
            t = length - 1 - k if here.attrs["reverse"] else k
            results, more = inner([*carry, *(x.read(t) for x in xs), *outer], [])
            results = tensors(results)
            return k + 1, results[:c], [a.write(t, y) for a, y in zip(ys, results[c:], strict=True)], _wider(extents, more)

        start = (tf.constant(0), list(given[:c]), ys, _nothing(len(here.checks)))
        _, carry, ys, extents = tf.while_loop(lambda k, *_: k < length, step, start, maximum_iterations=length)
        found = [*carry, *(tf.ensure_shape(a.stack(), (length, *shape)) for a, (shape, _) in zip(ys, slices, strict=True))]
        return (found, extents) if here.checks else found

    return run


def cond(here: Here) -> Callable[..., Any]:
    then, otherwise = here.walk(here.attrs["then"]), here.walk(here.attrs["otherwise"])
    a, b = len(then.checks), len(otherwise.checks)

    def run(predicate: Any, *given: Any) -> Any:
        def branch(walk: Any, before: int, after: int) -> Any:
            def taken() -> Any:
                results, extents = walk(given, [])
                return tensors(results), [*_nothing(before), *extents, *_nothing(after)]

            return taken

        found, extents = tf.cond(tf.convert_to_tensor(predicate), branch(then, 0, b), branch(otherwise, a, 0))
        return (found, extents) if here.checks else found

    return run


def while_loop(here: Here) -> Callable[..., Any]:
    predicate, body = here.walk(here.attrs["predicate"]), here.walk(here.attrs["body"])
    count, a = here.attrs["state"], len(predicate.checks)
    low, high = here.bounds

    def run(*given: Any) -> Any:
        outer = given[count:]

        def holds(state: Any) -> tuple[Tensor, list[Tensor]]:
            results, extents = predicate([*state, *outer], [])
            return tf.convert_to_tensor(results[0]), extents

        def step(_: Tensor, state: Any, extents: Any) -> Any:
            new, of_body = body([*state, *outer], [])
            new = tensors(new)
            go_on, of_predicate = holds(new)
            return go_on, new, _wider(extents, [*of_predicate, *of_body])

        def goes_on(holds: Tensor, _: Any, extents: Any) -> Tensor:
            found = tf.stack(extents) if extents else tf.zeros((0, 2), "int64")
            return holds & tf.reduce_all((low <= found[:, 0]) & (found[:, 1] <= high))

        state = tensors(given[:count])
        first, of_predicate = holds(state)
        extents = [*of_predicate, *_nothing(len(here.checks) - a)]
        _, state, extents = tf.while_loop(goes_on, step, (first, state, extents))
        return (state, extents) if here.checks else state

    return run


def _nothing(count: int) -> list[Tensor]:
    """Extents that are harmless."""
    return [tf.constant(HARMLESS, "int64") for _ in range(count)]


def _wider(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[Tensor]:
    return [tf.stack([tf.minimum(x[0], y[0]), tf.maximum(x[1], y[1])]) for x, y in zip(a, b, strict=True)]
