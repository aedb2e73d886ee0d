"""Strides of views: what NumPy makes of the same array without copying."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symkeras.compiler.program.addressing import reshaped
from symkeras.graph.dims import symbol

FACTORS = [1, 1, 2, 2, 3, 5]


def grouped(draw: st.DrawFn, factors: list[int]) -> list[int]:
    """Neighbouring factors multiplied, as axes of a shape."""
    cuts = sorted(draw(st.sets(st.integers(1, len(factors) - 1))))
    return [int(np.prod(factors[a:b])) for a, b in zip([0, *cuts], [*cuts, len(factors)], strict=True)]


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, ...]]:
    """A view with gaps or axes in another order, and another shape of as many elements."""
    factors = draw(st.permutations(FACTORS))
    shape, new = grouped(draw, factors), grouped(draw, draw(st.sampled_from([factors, draw(st.permutations(FACTORS))])))
    order = draw(st.one_of(st.just(list(range(len(shape)))), st.permutations(range(len(shape)))))
    wide = [shape[k] + draw(st.sampled_from([0, 0, 0, 3])) for k in order]
    array = np.arange(np.prod(wide)).reshape(wide)[tuple(slice(shape[k]) for k in order)]
    return array.transpose(np.argsort(order)), tuple(new)


@given(cases())
@settings(max_examples=400, deadline=None)
def test_reshaped_finds_the_strides_that_numpy_finds(case: tuple[np.ndarray, tuple[int, ...]]) -> None:
    array, new = case
    view = array.view()
    try:
        view.shape = new
        expected = tuple(s // 8 for s in view.strides)
    except AttributeError:
        expected = None
    found = reshaped(array.shape, tuple(s // 8 for s in array.strides), new)
    if expected is None:
        assert found is None
    elif found is not None:
        assert [s for d, s in zip(new, found, strict=True) if d != 1] == [s for d, s in zip(new, expected, strict=True) if d != 1]
    assert (found is None) == (expected is None)


@pytest.mark.parametrize(
    ("shape", "strides", "new", "expected"),
    [
        ((), (), (1, 1), (0, 0)),
        ((0, 4), (4, 1), (0, 2, 2), (4, 2, 1)),
        ((symbol("n"), 6), (12, 1), (symbol("n"), 2, 3), (12, 3, 1)),
        ((symbol("n"), 6), (6, 1), (symbol("n") * 6,), (1,)),
        ((symbol("n"), 6), (12, 1), (symbol("n") * 6,), None),
        ((symbol("n"), 6), (6, 1), (3, symbol("n") * 2), (symbol("n") * 2, 1)),
    ],
)
def test_reshaped_where_sizes_are_zero_one_or_not_known(shape: tuple, strides: tuple, new: tuple, expected: tuple | None) -> None:
    assert reshaped(shape, strides, new) == expected
