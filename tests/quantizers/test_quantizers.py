"""Small integers, their scales and their configs, on arrays, in graphs, and with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import ops, quantizers
from symkeras.autodiff import gradients
from symkeras.errors import ConfigError, DtypeError, NotSerializableError, ShapeError
from tests.keras_reference import reference

X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")


def compiled(f: Any, backend: str) -> Any:
    return symkeras.function(f, backend=backend)


def test_the_largest_magnitude_becomes_the_largest_integer() -> None:
    for axis, shape in ((-1, (5, 1)), (0, (1, 4)), ((0, 1), (1, 1))):
        integers, scale = quantizers.abs_max_quantize(X, axis)
        expected = 127 / (np.abs(X).max(axis=axis, keepdims=True) + 1e-7)
        np.testing.assert_allclose(scale, expected, rtol=1e-6)
        assert integers.dtype == np.int8 and scale.shape == shape and np.abs(integers).max(axis=axis).min() == 127
        np.testing.assert_array_equal(integers, np.round(X * scale))


def test_graphs_quantize_as_arrays_do(backend: str) -> None:
    f = compiled(lambda x: quantizers.abs_max_quantize(x, -1), backend)
    for one, other in zip(f(X), quantizers.abs_max_quantize(X, -1, to_numpy=True), strict=True):
        np.testing.assert_array_equal(one, other)


def test_zeros_have_a_scale() -> None:
    integers, scale = quantizers.AbsMaxQuantizer()(np.zeros((2, 3), "float32"))
    assert not integers.any() and np.isfinite(scale).all()


def test_groups_have_a_zero_of_their_own() -> None:
    x = np.abs(X) * np.float32([[1], [-1], [1], [-1], [1]])  # what has 0 in its range is near afterwards
    integers, scale, zero = quantizers.abs_max_quantize_grouped_with_zero_point(x, block_size=2)
    assert scale.shape == zero.shape == (3, 4) and zero.dtype == np.int8 and integers.min() >= -8 and integers.max() <= 7
    again = (integers.astype("float32") - np.repeat(zero, 2, 0)[:5]) * np.repeat(scale, 2, 0)[:5]
    assert np.abs(again - x).max() < scale.max()


def test_two_numbers_go_into_a_byte_and_come_out(backend: str) -> None:
    numbers = np.random.default_rng(1).integers(-8, 8, (5, 3)).astype("int8")
    for axis in (0, 1, -1):
        packed, shape, length = quantizers.pack_int4(numbers, axis)
        assert packed.shape == shape and length == numbers.shape[axis] and packed.dtype == np.int8
        np.testing.assert_array_equal(quantizers.unpack_int4(packed, length, axis), numbers)
        traced = compiled(lambda x, axis=axis, length=length: quantizers.unpack_int4(quantizers.pack_int4(x, axis)[0], length, axis), backend)
        np.testing.assert_array_equal(traced(numbers), numbers)
    halves = (numbers + 8).astype("uint8")
    packed, _, length = quantizers.pack_int4(halves, dtype="uint8")
    assert packed[0, 0] == halves[0, 0] + 16 * halves[1, 0]
    np.testing.assert_array_equal(quantizers.unpack_int4(packed, length, dtype="uint8"), halves)


def test_fake_quantization_hands_gradients_to_the_end_that_cut(backend: str) -> None:
    x, upstream = np.float32([-3.0, -0.2, 0.4, 0.85, 5.0]), np.float32([1, 2, 4, 8, 16])

    def f(x: Any, low: Any, high: Any, upstream: Any) -> Any:
        y = quantizers.fake_quant_with_min_max_vars(x, low, high, num_bits=4)
        return y, *gradients(ops.sum(y * upstream), [x, low, high])

    y, dx, dlow, dhigh = compiled(f, backend)(x, np.float32(-1.0), np.float32(2.0), upstream)
    np.testing.assert_allclose(y, [-1.0, -0.2, 0.4, 0.8, 2.0], rtol=1e-5)
    np.testing.assert_allclose(y, quantizers.fake_quant_with_min_max_vars(x, -1.0, 2.0, num_bits=4), rtol=1e-6)
    assert dx.tolist() == [0, 2, 4, 8, 0] and dlow == 1 and dhigh == 16


def test_fake_quantization_has_a_range_for_each_channel_wherever_they_are() -> None:
    low, high = np.float32([-1, -2, -3, -4]), np.float32([1, 2, 3, 4])
    last = quantizers.fake_quant_with_min_max_vars(X, low, high, axis=-1)
    first = quantizers.fake_quant_with_min_max_vars(X.T, low, high, axis=0)
    np.testing.assert_array_equal(first.T, last)
    one = quantizers.fake_quant_with_min_max_vars(X[:, 2], low[2], high[2])
    np.testing.assert_array_equal(last[:, 2], one)
    f = compiled(lambda x, low, high: gradients(ops.sum(quantizers.fake_quant_with_min_max_vars(x, low, high, axis=0)), low), "numpy")
    assert f(3 * X.T, low / 2, high / 2).shape == (4,)


def test_scales_of_8_bits_follow_the_largest_magnitude_and_stay_where_there_is_none() -> None:
    scale = [float(quantizers.compute_float8_scale(np.float32(a), np.float32(3.0), 448.0)) for a in (896.0, 0.0, np.inf, np.nan)]
    np.testing.assert_allclose(scale, [2.0, 3.0, 3.0, 3.0], rtol=1e-6)
    assert float(quantizers.compute_float8_scale(np.float32(896.0), np.float32(3.0), 448.0, margin=1)) == 4.0
    history = quantizers.compute_float8_amax_history(np.float32([[1, -7]]), np.float32([4, 3, 2]))
    assert history.tolist() == [7, 2, 4]


def test_numbers_stored_in_8_bits_are_cut_and_rounded() -> None:
    pytest.importorskip("ml_dtypes")
    found = quantizers.quantize_and_dequantize(np.float32([0.3, -1e4, 1.0]), np.float32(2.0), "float8_e4m3fn", "float32")
    assert found.tolist() == [0.3125, -896.0, 1.0]


def test_configs_describe_quantizers() -> None:
    quantizer = quantizers.AbsMaxQuantizer(axis=0, value_range=(-7, 7))
    config = quantizers.serialize(quantizer)
    assert config["module"] == "keras.quantizers" and quantizers.deserialize(config).get_config() == quantizer.get_config()
    assert quantizers.get("abs_max_quantizer", axis=1).axis == (1,) and quantizers.get(None) is None and quantizers.get(quantizer) is quantizer
    both = quantizers.Int8QuantizationConfig(quantizer)
    again = quantizers.deserialize(quantizers.serialize(both))
    assert again.mode == "int8" and again.get_config() == both.get_config()
    assert quantizers.Int8QuantizationConfig(activation_quantizer=None).activation_quantizer is None
    assert quantizers.deserialize(quantizers.serialize(quantizers.Float8QuantizationConfig())).mode == "float8"
    assert symkeras.Quantizer is quantizers.Quantizer


def test_what_is_refused() -> None:
    for wrong in (lambda: quantizers.get("nonsense"), lambda: quantizers.AbsMaxQuantizer(value_range=(-200, 5)),
                  lambda: quantizers.Int8QuantizationConfig(3), lambda: quantizers.pack_int4(np.int8([1]), dtype="int16"),
                  lambda: quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(output_dtype="int16"))):  # fmt: skip
        with pytest.raises(ConfigError):
            wrong()
    with pytest.raises(DtypeError, match="expected numbers of dtype int8, received float32"):
        quantizers.pack_int4(X)
    with pytest.raises(ShapeError, match="axis 3"):
        quantizers.unpack_int4(np.int8([1]), 2, 3)
    with pytest.raises(NotSerializableError):
        quantizers.Quantizer().get_config()
    with pytest.raises(AttributeError, match="4 bits"):
        quantizers.Int4QuantizationConfig  # noqa: B018 - asking is the test


def test_functions_give_the_numbers_of_keras() -> None:
    keras = reference()
    numbers = np.random.default_rng(1).integers(-8, 8, (5, 3)).astype("int8")
    calls = {
        "abs_max_quantize": (X, 0), "abs_max_quantize_grouped_with_zero_point": (X, 2), "pack_int4": (numbers, 1),
        "fake_quant_with_min_max_vars": (X, np.float32(-0.7), np.float32(1.1)), "compute_float8_amax_history": (X, np.float32([3, 2, 1])),
        "quantize_and_dequantize": (X, np.float32(0.1), "float8_e5m2", "float32"),
    }  # fmt: skip
    for name, args in calls.items():
        theirs, ours = getattr(keras.quantizers, name)(*args), getattr(quantizers, name)(*args)
        for one, other in zip(*((v if isinstance(v, tuple) else (v,)) for v in (theirs, ours)), strict=True):
            np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6, err_msg=name)
