"""Promotion: Keras' table, bfloat16 and numbers of 8 bits included."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import ops
from symkeras.errors import DtypeError
from symkeras.graph import dtypes
from tests.keras_reference import reference
from tests.known_dtypes import FOREIGN

needs_bfloat16 = pytest.mark.skipif(not FOREIGN, reason="ml_dtypes is not installed: there is no bfloat16")


@needs_bfloat16
def test_bfloat16_meets_other_dtypes_as_in_the_lattice_of_jax() -> None:
    expected = {
        "bool": "bfloat16", "int8": "bfloat16", "uint64": "bfloat16", "int64": "bfloat16", "bfloat16": "bfloat16", "float16": "float32",
        "float32": "float32", "float64": "float64", "complex64": "complex64",
    }  # fmt: skip
    for other, result in expected.items():
        assert dtypes.result_type("bfloat16", other) == dtypes.result_type(other, "bfloat16") == result
    assert dtypes.result_type("bfloat16", float) == dtypes.result_type(int, "bfloat16") == "bfloat16"


@needs_bfloat16
def test_numbers_of_8_bits_meet_none_but_their_own() -> None:
    for dtype in dtypes.FLOAT8:
        x = ops.cast(np.float32([1.1, -2]), dtype)
        assert ops.add(x, x).dtype == ops.multiply(x, 2.0).dtype == dtype == ops.exp(x).dtype
        for other in ("float32", "bfloat16", "int32", "bool"):
            with pytest.raises(DtypeError, match="cast one of them first"):
                ops.add(x, np.ones(2, other))
        with pytest.raises(ValueError, match="cast them first"):
            K.result_type(dtype, "float32")
    assert ops.cast(np.float32([448, 500]), "float8_e4m3fn").astype("float32").tolist()[0] == 448.0


@needs_bfloat16
def test_promotion_is_that_of_keras() -> None:
    keras = reference()
    names = [d for d in dtypes.ALL if d not in (*dtypes.COMPLEX, "float64", "int64", "uint32", "uint64")]  # JAX has 32 bits unless told otherwise
    for a in [*names, int, float]:
        for b in [*names, int, float]:
            try:
                expected = keras.backend.result_type(a, b)
            except ValueError:
                with pytest.raises(ValueError, match="8 bits"):
                    K.result_type(a, b)
            else:
                assert K.result_type(a, b) == expected, (a, b)


def test_what_a_dtype_holds_is_known_without_it() -> None:
    assert [dtypes.is_float(d) for d in ("bfloat16", "float8_e5m2", "int8")] == [True, True, False]
