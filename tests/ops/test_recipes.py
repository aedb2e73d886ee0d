"""Functions called again on arrays of the same types: what is remembered computes what the function does, and forgets nothing."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Variable, errors, ops
from symkeras.losses.weighting import divide_no_nan
from symkeras.ops import recipes
from symkeras.ops.op import OPS, Composite, Sample

from .check_op import as_tuple, draw

COMPOSITES = [(op, s) for op in OPS.values() if isinstance(op, Composite) for s in op.samples]


def follow(op: Composite, arrays: Any, attrs: Any) -> Any:
    return recipes.followed(op, op.function, arrays, {**op.defaults, **attrs})


@pytest.mark.parametrize(("op", "sample"), COMPOSITES, ids=[f"{op.name}-{k}" for k, (op, _) in enumerate(COMPOSITES)])
def test_the_third_call_computes_the_bits_of_the_first(op: Composite, sample: Sample) -> None:
    arrays = draw(sample)
    for a in arrays:
        if a.dtype.kind == "f" and a.size > 1:
            a.flat[0] = np.nan
    first = [as_tuple(follow(op, arrays, sample.attrs)) for _ in range(3)]
    with np.errstate(all="ignore"):
        expected = as_tuple(op.function(*arrays, **{**op.defaults, **sample.attrs}))
    for found in first:
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("reduce", [ops.mean, ops.var, ops.std])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0), (2, 3)])
@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float16", "float32", "float64"])
def test_reductions_stay_the_same_when_they_are_asked_again(reduce: Any, shape: tuple[int, ...], dtype: str) -> None:
    x = np.random.default_rng(0).uniform(0, 9, shape).astype(dtype)
    axes = [None, *range(len(shape))]
    for axis in axes:
        for keepdims in (False, True):
            found = [reduce(x, axis, keepdims) for _ in range(3)]
            for again in found[1:]:
                assert again.dtype == found[0].dtype and again.shape == found[0].shape
                np.testing.assert_array_equal(again, found[0])


def test_an_argument_given_twice_is_the_error_of_the_function() -> None:
    x = np.ones((2, 2), "float32")
    for _ in range(3):
        ops.mean(x, 0)
        with pytest.raises(TypeError, match="axis"):
            ops.mean(x, 0, axis=1)
        with pytest.raises(TypeError):
            ops.mean(x, 0, False, 1)


def test_equal_numbers_that_are_not_the_same_are_told_apart() -> None:
    x = np.array([-1.0, 2.0], "float32")
    for _ in range(3):
        assert np.signbit(ops.leaky_relu(x, negative_slope=0.0))[0]
        assert not np.signbit(ops.leaky_relu(x, negative_slope=-0.0))[0]
    counts = np.array([1, 2], "int32")
    for _ in range(3):
        assert ops.add(counts, 1).dtype == "int32" and ops.add(counts, 1.0).dtype == "float32" and ops.add(counts, True).dtype == "int32"


def test_settings_that_change_are_seen() -> None:
    x = np.array([1, 2], "int32")
    try:
        for dtype in ("float32", "float64", "float32", "float64"):
            symkeras.config.set_floatx(dtype)
            for _ in range(3):
                assert ops.mean(x).dtype == dtype and ops.exp(x).dtype == dtype and ops.add(x, 1.5).dtype == dtype
    finally:
        symkeras.config.set_floatx("float32")


def test_another_byte_order_is_computed_as_numbers() -> None:
    x = np.array([1.0, 2.0], ">f4")
    for _ in range(3):
        assert ops.add(x, x).tolist() == [2.0, 4.0] and ops.softmax(x).dtype == "float32"
        assert float(ops.mean(x)) == 1.5


def test_sizes_that_do_not_fit_are_named_every_time() -> None:
    a, b = np.ones((2, 3), "float32"), np.ones((2, 4), "float32")
    for _ in range(3):
        with pytest.raises(errors.ShapeError, match="do not broadcast"):
            ops.add(a, b)


def test_small_integers_take_only_numbers_that_they_have() -> None:
    x = np.array([250], "uint8")
    for _ in range(3):
        assert ops.add(x, 5).tolist() == [255]
        with pytest.raises(errors.DtypeError, match="300"):
            ops.add(x, 300)
        assert ops.greater(x, 300).tolist() == [False]


def test_a_variable_beside_an_array_is_read_anew() -> None:
    v, x = Variable(np.float32([1.0]), name="v"), np.float32([2.0])
    for k in range(1, 5):
        v.assign([float(k)])
        assert ops.add(v, x).tolist() == [k + 2.0]
        assert divide_no_nan(v.value, x).tolist() == [k / 2]


def test_a_tape_sees_what_is_called_again() -> None:
    x = np.float32([1.0, 3.0])
    for _ in range(3):
        ops.mean(x), ops.softmax(x)
    v = Variable(x, name="v")
    with symkeras.GradientTape() as tape:
        y = ops.mean(ops.softmax(v)) + ops.mean(v)  # the mean of a softmax does not move
    np.testing.assert_allclose(tape.gradient(y, [v])[0], [0.5, 0.5], atol=1e-6)


def test_bodies_of_loops_are_not_kept_alive() -> None:
    weight = Variable(np.ones(3, "float32"), name="weight")
    alive = weakref.ref(weight)
    for _ in range(3):
        ops.fori_loop(0, 2, lambda k, x, w=weight: x + w, np.zeros(3, "float32"))
    del weight
    gc.collect()
    assert alive() is None
