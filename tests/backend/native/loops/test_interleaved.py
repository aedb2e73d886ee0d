"""Short rows side by side: which fusion groups go so, and that every lane does what a row does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate

pytestmark = pytest.mark.usefixtures("backend_native")

HEAD = "for (int64_t r = 0; r < rows; r++)"


def compiled(inputs: list, outputs: list, **options: Any) -> Any:
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), "native", **options)


def check(f: Any, *arrays: np.ndarray) -> None:
    for found, expected in zip(f(*arrays), evaluate(f.source_graph, arrays)[0], strict=True):
        tolerance = 2e-6 if found.dtype == np.float32 else 1e-14
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def values(rows: int, width: int, dtype: str) -> np.ndarray:
    """Ordinary numbers, and rows with what is none."""
    x = (np.random.default_rng(width).standard_normal((rows, width)) * 3).astype(dtype)
    for k, odd in enumerate((np.nan, np.inf, -np.inf, 1e30, -0.0)):
        x[k * 7 % max(1, rows) : k * 7 % max(1, rows) + 1, k % width] = odd
    return x


def softmax(x: Any) -> list[Any]:
    return [ops.softmax(x)]


def softmax_with_offset(x: Any) -> list[Any]:
    return [ops.softmax(x + np.linspace(0, 1, x.shape[1]).astype(x.dtype))]


def log_softmax(x: Any) -> list[Any]:
    return [ops.log_softmax(x), ops.logsumexp(x, -1)]


def loss(x: Any) -> list[Any]:
    """What is summed over rows comes one row after the other."""
    per_row = ops.sum(ops.exp(-ops.abs(x)), -1)
    return [per_row, ops.sum(per_row)]


def normed(x: Any) -> list[Any]:
    """A vector of one number per row is read, and a row's truth value written."""
    big = ops.max(ops.abs(x), -1, keepdims=True)
    return [x / (big + 1), ops.any(ops.exp(x) > 2, -1)]


def of_the_row_itself(x: Any) -> list[Any]:
    """What is taken of the elements as they are read, beside what is taken of more."""
    return [ops.sum(x, -1), ops.max(x, -1), ops.sum(ops.tanh(x), -1), ops.min(ops.tanh(x), -1, keepdims=True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("build", [softmax, softmax_with_offset, log_softmax, loss, normed, of_the_row_itself])
def test_lanes_do_what_rows_do(build: Any, dtype: str) -> None:
    for width in (2, 3, 10, 17, 31):
        x = ops.placeholder(f"f{dtype[-2:]}[batch, {width}]")
        f = compiled([x], build(x))
        assert HEAD in f.source, f"{width}"
        with np.errstate(all="ignore"):
            for rows in (0, 1, 5, 31, 32, 33, 100):
                check(f, values(rows, width, dtype))


def test_a_row_has_the_same_bits_wherever_it_stands() -> None:
    x = ops.placeholder("f32[batch, 10]")
    f = compiled([x], [ops.softmax(x), ops.log_softmax(x)])
    given = values(100, 10, "float32")
    whole = f(given)
    for k in range(0, 100, 9):
        for a, b in zip(f(given[k : k + 1]), whole, strict=True):
            np.testing.assert_array_equal(a[0], b[k])


@pytest.mark.parametrize(("shape", "why"), [
    ("f32[batch, 16]", "rows of whole cache lines are whole vectors"),
    ("f64[batch, 8]", "rows of whole cache lines are whole vectors"),
    ("f32[batch, 200]", "long rows"),
    ("f32[batch, width]", "rows of unknown length"),
])  # fmt: skip
def test_other_rows_go_one_by_one(shape: str, why: str) -> None:
    x = ops.placeholder(shape)
    assert HEAD not in compiled([x], [ops.softmax(x)]).source, why


def extrema(x: Any) -> list[Any]:
    """Compared, and nothing else."""
    return [ops.max(x, -1), x - ops.min(x, -1, keepdims=True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extrema_alone_go_side_by_side_where_rows_are_no_handful(dtype: str) -> None:
    for width, is_interleaved in ((2, False), (3, False), (4, True), (10, True), (31, True), (32, False)):
        x = ops.placeholder(f"f{dtype[-2:]}[batch, {width}]")
        f = compiled([x], extrema(x))
        assert (HEAD in f.source) == is_interleaved, f"{width}"
        with np.errstate(all="ignore"):
            for rows in (0, 1, 31, 33, 100):
                check(f, values(rows, width, dtype))


def test_what_is_cheap_or_added_up_across_rows_goes_row_by_row() -> None:
    x = ops.placeholder("f32[batch, 10]")
    assert HEAD not in compiled([x], [x - ops.sum(x, -1, keepdims=True)]).source
    p = ops.softmax(x)
    f = compiled([x], [ops.sum(p * p, 0)])
    for rows in (1, 33, 300):
        check(f, np.random.default_rng(0).standard_normal((rows, 10)).astype("float32"))
