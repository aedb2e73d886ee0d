"""Operations on numbers of every dtype give on engines what the reference gives, also for NaN, infinities and the ends of a range."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import errors, ops
from symkeras.backend.interface import compile_graph
from symkeras.foreign_dtypes import kind
from symkeras.graph import Graph, Tensor, TensorType, dtypes
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS, apply
from tests.backend.engines.engines import ENGINES, each
from tests.backends import given, skip_without_dtype
from tests.known_dtypes import KNOWN
from tests.tolerances import assert_alike

ONE = {"f": [0.0, -0.0, np.nan, np.inf, -np.inf, 1.5], "i": [0, -1, 1, 100, -128, 127], "u": [0, 1, 2, 200, 255, 7], "b": [0, 1, 1, 0, 1, 0]}
OTHER = {"f": [1.5, 2.0, 1.0, -2.0, 0.5, -0.75], "i": [1, 2, 3, 0, 1, 3], "u": [1, 2, 3, 0, 1, 3], "b": [1, 1, 0, 0, 0, 1]}
"""Exponents of integers are not negative."""
REAL = [d for d in KNOWN if d not in dtypes.COMPLEX]
INDICES = np.array([1, 0, -1, 1, 1, 2])


def operations(x: Tensor, y: Tensor, casts: list[str]) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    """Name, inputs and attributes of what is tried."""
    for name, op in OPS.items():
        if op.is_elementwise and not any(s.attrs for s in op.samples) and name not in ("where", "cast"):
            yield name, [x, y, x][: len(op.samples[0].types)], {}
    yield "where", [ops.as_tensor(INDICES == 1), x, y], {}
    for name in ("sum", "prod", "max", "min", "any", "all"):
        yield name, [x], {"axes": ()}
        yield name, [x], {"axes": (0,)}
    for name in ("cumsum", "cumprod", "sort", "argsort", "argmax", "argmin"):
        yield name, [x], {"axis": 0}
    yield "flip", [x], {"axes": (0,)}
    yield "concatenate", [x, y], {"axis": 0}
    yield "pad", [x], {"padding": ((1, 2, 1),), "value": 0}
    yield "matmul", [ops.reshape(x, (2, 3)), ops.reshape(y, (3, 2))], {"transpose_a": False, "transpose_b": False}
    yield "gather", [x, INDICES], {}
    yield "scatter_add", [INDICES, x], {"rows": 4}
    yield "take_along_axis", [x, INDICES], {"axis": 0}
    yield "add_along_axis", [INDICES, x], {"axis": 0, "size": 4}
    image, how = ops.reshape(x, (1, 2, 3, 1)), {"window": (2, 2), "strides": (1, 1), "padding": ((0, 1), (1, 0))}
    if x.dtype != "bool":  # pooling works on numbers
        yield "max_pool", [image], how
        yield "sum_pool", [image], how
        yield "max_pool_select", [image, apply(OPS["max_pool"], [image], how), image], how
    for d in casts:  # what is not finite has no number in integers
        yield "cast", [y if d[0] in "iu" else x], {"dtype": d}


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("engine", ["numpy", *each(ENGINES)])
def test_operations_take_every_dtype_that_an_engine_holds(engine: str, dtype: str) -> None:
    if dtype in dtypes.FOREIGN:
        skip_without_dtype(engine, dtype)
    held = [d for d in REAL if d not in dtypes.FOREIGN or d in given(engine)]
    arrays = [np.array(values[kind(np.dtype(dtype))]).astype(dtype) for values in (ONE, OTHER)]
    x, y = (ops.placeholder(TensorType((6,), dtype), name) for name in "xy")
    found: list[tuple[str, Tensor]] = []
    for name, inputs, attrs in operations(x, y, held):
        with contextlib.suppress(errors.SymkerasError):  # there is no such function of this dtype
            found.append((f"{name} {attrs}", apply(OPS[name], inputs, attrs)))
    graph = Graph([x.node, y.node], [t.node for _, t in found])
    with np.errstate(all="ignore"):
        expected, _ = evaluate(graph, arrays)
        values = compile_graph(graph, engine, level="O0")(*arrays)
    for (name, _), a, b in zip(found, values, expected, strict=True):
        assert_alike(a, b, "op", engine, name)
