"""Every layer in bfloat16: called on arrays, and in a model, it gives bfloat16, near to what it gives in float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers
from tests.layers.test_integer_inputs import IN_FLOATS, KEPT, MERGED, MERGED_IN_FLOATS, numbers

pytest.importorskip("ml_dtypes")

ALONE = {name: case for name, case in {**IN_FLOATS, **KEPT}.items() if name not in ("MelSpectrogram", "SpectralNormalization")}
"""Spectra are taken in float32; in bfloat16 the iterations of a spectral norm are too coarse to be held against others."""


def made(name: str, arguments: tuple[Any, ...], dtype: str) -> Any:
    inner = tuple(type(a)(2, dtype=dtype) if isinstance(a, layers.Layer) else a for a in arguments)
    return getattr(layers, name)(*inner, dtype=dtype)


def check(name: str, arguments: tuple[Any, ...], arrays: list[np.ndarray]) -> None:
    arrays = [a.astype("bfloat16") for a in arrays]
    layer, wide = made(name, arguments, "bfloat16"), made(name, arguments, "float32")
    given, given_wide = (arrays, [a.astype("float32") for a in arrays]) if len(arrays) > 1 else (arrays[0], arrays[0].astype("float32"))
    found = layer(given)
    assert found.dtype == "bfloat16"
    wide(given_wide)
    wide.set_weights([w.numpy().astype("float32") for w in layer.weights])
    expected = wide(given_wide)
    np.testing.assert_allclose(found.astype("float32"), expected, rtol=0.06, atol=0.06 * max(1.0, float(np.abs(expected).max())))
    entries = [Input(a.shape[1:], dtype="bfloat16") for a in arrays]
    model = Model(entries, layer(entries if len(entries) > 1 else entries[0]))
    assert model.output.dtype == "bfloat16"
    predicted = model.predict(given, verbose=0)
    assert predicted.dtype == "bfloat16"
    np.testing.assert_allclose(predicted.astype("float32"), found.astype("float32"), rtol=0.03, atol=0.03 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("name", ALONE)
def test_a_layer_computes_in_bfloat16(name: str) -> None:
    arguments, shape = ALONE[name]
    check(name, arguments, [numbers(shape, "float32") / 4])


@pytest.mark.parametrize("name", [*MERGED, *MERGED_IN_FLOATS])
def test_a_layer_that_merges_computes_in_bfloat16(name: str) -> None:
    shape = {**MERGED, **MERGED_IN_FLOATS}[name]
    check(name, (1,) if name == "Dot" else (), [numbers(shape, "float32") / 4] * 2)
