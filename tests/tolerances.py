"""How far a backend may be from the reference values: the one table that all suites hold backends to."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.graph import dtypes

Tolerances = dict[str, tuple[float, float]]
"""Relative and absolute, by dtype; integers and booleans are equal."""


def by_dtype(half: tuple[float, float], single: tuple[float, float], double: tuple[float, float]) -> Tolerances:
    coarse = (half[0] * 8, half[1] * 8)  # three bits less
    return {"bfloat16": coarse, "float16": half, "float32": single, "float64": double, "complex64": single, "complex128": double}


TOLERANCES: dict[str, Tolerances] = {
    "op": by_dtype((4e-3, 4e-3), (1e-5, 1e-6), (1e-12, 1e-12)),
    "layer": by_dtype((4e-2, 4e-2), (1e-4, 1e-5), (1e-11, 1e-11)),
    "graph": by_dtype((4e-2, 4e-2), (2e-4, 2e-4), (1e-9, 1e-9)),
}
"""By how much is computed: one op; some ops one after the other, as in a gradient, a layer, a loss or a metric; a graph of dozens of
ops, or some training steps. A backend may use functions that are a few units in the last place off, may add in another order, and
may do what rewriting rules of class "safe" allow."""

EXACT = {"interpreter"}
"""Backends that do what the reference does, bit by bit."""


def assert_alike(found: Any, expected: Any, row: str, backend: str = "", note: str = "") -> None:
    """Same shape and dtype, equal within the table; NaN where NaN is expected, infinities alike."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), note
    allowed = TOLERANCES[row].get(str(expected.dtype))
    found, expected = dtypes.wide(found), dtypes.wide(expected)  # NumPy knows no NaN of 8 bits
    if allowed is None or backend in EXACT:
        np.testing.assert_array_equal(found, expected, note)
        return
    rtol, atol = allowed
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol, err_msg=note)
