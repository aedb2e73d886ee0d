"""Borders that mirror what is inside, on arrays and on tensors whose sizes are symbols, against NumPy's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.errors import ConfigError
from symkeras.graph import Graph
from symkeras.ops.evaluation import evaluate

MODES = ("reflect", "symmetric", "edge", "wrap")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("widths", [5, ((2, 3), (0, 1)), ((0, 0), (7, 0))])
@pytest.mark.parametrize("shape", [(2, 4), (1, 3), (3, 1)])
def test_borders_are_those_of_numpy(mode: Any, widths: Any, shape: tuple[int, ...]) -> None:
    x = np.arange(float(np.prod(shape))).reshape(shape)
    expected = np.pad(x, widths, mode)
    np.testing.assert_array_equal(ops.pad(x, widths, mode), expected)
    symbolic = ops.placeholder("f64[rows, columns]")
    padded = ops.pad(symbolic, widths, mode)
    np.testing.assert_array_equal(evaluate(Graph([symbolic.node], [padded.node]), [x])[0][0], expected)


def test_a_gradient_goes_back_to_where_a_border_came_from() -> None:
    x = ops.placeholder("f64[3]")
    (slope,) = gradients(ops.sum(ops.pad(x, (2, 0), "reflect")), [x])
    assert evaluate(Graph([x.node], [slope.node]), [np.ones(3)])[0][0].tolist() == [1, 2, 2]


@pytest.mark.parametrize("mode", MODES)
def test_a_number_beside_a_mode_that_mirrors_is_refused(mode: str) -> None:
    with pytest.raises(ConfigError, match="constant_values"):
        ops.pad(np.ones(3), 1, mode, constant_values=2)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ConfigError, match="pad: mode"):
        ops.pad(np.ones(3), 1, "whirl")
