"""A layer called while TensorFlow traces, as in `dataset.map(layer)`: a step of TensorFlow's graph that calls the layer on arrays."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.errors import ShapeError


def callable_in_tensorflow(call: Callable[..., Any]) -> Callable[..., Any]:
    """`__call__` of a layer, which also takes tensors of a graph of TensorFlow, and gives such tensors then; they have no gradient."""

    @functools.wraps(call)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if is_traced_by_tensorflow(args[0] if args else next(iter(kwargs.values()), None)):
            return _step_of_graph(self, args, kwargs)
        return call(self, *args, **kwargs)

    return called


def is_traced_by_tensorflow(x: Any) -> bool:
    """Whether `x`, or the first thing in it, is a tensor of TensorFlow that has no value yet."""
    while isinstance(x, (list, tuple, dict)) and x:
        x = next(iter(x.values())) if isinstance(x, dict) else x[0]
    return type(x).__module__.startswith("tensorflow.") and hasattr(x, "graph") and not hasattr(x, "numpy")


def _step_of_graph(layer: Any, args: Any, kwargs: Any) -> Any:
    from symkeras.layers.input import KerasTensor

    tensorflow = sys.modules["tensorflow"]
    flat = tree.flatten((args, kwargs))
    places = [k for k, x in enumerate(flat) if isinstance(x, tensorflow.Tensor)]

    def filled(values: Any) -> Any:
        whole = list(flat)
        for k, value in zip(places, values, strict=True):
            whole[k] = value
        return tree.pack_sequence_as((args, kwargs), whole)

    def placeholder(x: Any) -> KerasTensor:
        if x.shape.rank is None:
            raise ShapeError(f"{type(layer).__name__} {layer.name!r} needs a known number of axes, received {x!r}: give it by x.set_shape(...)")
        return KerasTensor(tuple(x.shape), dtype=x.dtype.name)

    given, options = filled([placeholder(flat[k]) for k in places])
    expected = layer.compute_output_spec(*given, **options)
    specs = tree.flatten(expected)

    def run(*arrays: np.ndarray) -> list[np.ndarray]:
        given, options = filled(arrays)
        return [_as_given(y, spec.dtype) for y, spec in zip(tree.flatten(layer(*given, **options)), specs, strict=True)]

    outputs = tensorflow.numpy_function(run, [flat[k] for k in places], [tensorflow.as_dtype(spec.dtype) for spec in specs])
    for y, spec in zip(outputs, specs, strict=True):
        y.set_shape(spec.shape)
    return tree.pack_sequence_as(expected, outputs)


def _as_given(y: Any, dtype: str) -> np.ndarray:
    return np.asarray(y, object if dtype == "string" else dtype)
