"""What an op refuses, by values, sizes or dtype, is refused alike on every backend: with our error, and the user's line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from symkeras import KerasTensor, layers, ops, random
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.errors import ConfigError, DataError, DtypeError, ShapeError
from symkeras.graph import Graph, Tensor

LEVELS = pytest.mark.parametrize("level", ["O0", "O2"])
HERE = r"\((\S*/)?test_refusals\.py:\d+\)$"  # with its folder where another file of this name was met


def compiled(inputs: Sequence[Tensor], output: Tensor, backend: str, level: str) -> Callable[..., Any]:
    f = compile_graph(Graph([t.node for t in inputs], [output.node]), backend, level=level)
    return lambda *arrays: f(*arrays)[0]


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
@pytest.mark.parametrize("name", ["max", "min", "argmax", "argmin"])
def test_an_extreme_of_nothing_is_the_same_error_everywhere(name: str, on: str, level: str, backend: str) -> None:
    x = ops.placeholder("f32[batch, n]", "x")
    f = compiled([x], getattr(ops, name)(x, axis=1), on or backend, level)
    with pytest.raises(ShapeError, match=rf"^{name} over axes \(1,\) of f32\[.*\]: there is no {name} of nothing.*{HERE}"):
        f(np.zeros((2, 0), "float32"))
    assert f(np.zeros((0, 3), "float32")).shape == (0,)


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_softmax_of_nothing_is_nothing(name: str, on: str, level: str, backend: str) -> None:
    x, y = ops.placeholder("f32[batch, n]", "x"), ops.placeholder("f32[batch, n]", "y")
    out = getattr(ops, name)(x, axis=-1)
    grad = gradients(ops.sum(out * y), [x])[0]
    own = ops.exp(x - ops.max(x, axis=1, keepdims=True))
    for output in (out, grad, own):
        assert output is not None
        f = compiled([x, y], output, on or backend, level)
        for shape in ((2, 0), (0, 0), (0, 3)):
            assert f(*[np.zeros(shape, "float32")] * 2).shape == shape
    assert getattr(ops, name)(np.zeros((2, 0), "float32")).shape == (2, 0)
    assert getattr(ops, name)(ops.placeholder("f32[3, 0]")).shape == (3, 0)


@LEVELS
def test_a_maximum_that_others_see_is_refused_of_nothing_beside_a_softmax(level: str, backend: str) -> None:
    x = ops.placeholder("f32[batch, n]", "x")
    top = ops.max(x, axis=1, keepdims=True)
    f = compiled([x], ops.sum(ops.exp(x - top), axis=1, keepdims=True) + top, backend, level)
    with pytest.raises(ShapeError, match="there is no max of nothing"):
        f(np.zeros((2, 0), "float32"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.round(np.ones(3), None), "round: decimals must be an integer, received None"),
        (lambda: ops.fori_loop(0, None, lambda i, x: x, 1.0), "fori_loop: upper must be an integer, a size or a scalar tensor, received None"),
        (lambda: ops.fori_loop("a", 3, lambda i, x: x, 1.0), "fori_loop: lower must be .*, received 'a'"),
        (lambda: random.randint((3,), None, 3), "randint: minval must be a number or a tensor of them, received None"),
        (lambda: random.randint((3,), 0, "9"), "randint: maxval must be .*, received '9'"),
        (lambda: random.dropout(np.ones(3, "float32"), None), "dropout: rate must be a number from 0 to 1, received None"),
        (lambda: random.dropout(np.ones(3, "float32"), 1.5), "dropout: rate must be a number from 0 to 1, received 1.5"),
        (lambda: ops.cond((0, 0), lambda: 1, lambda: 2), r"cond: pred is one boolean, received 2 values, of shape \(2,\)"),
    ],
)
def test_what_is_no_number_or_no_single_one_is_named(call: Callable[[], Any], message: str) -> None:
    with pytest.raises((ConfigError, ShapeError), match=message):
        call()


def _powers() -> dict[str, tuple[list[Tensor], Tensor, list[np.ndarray], list[np.ndarray]]]:
    """Inputs, integer powers, arrays with which they are numbers, and arrays with which they are not."""
    x, e, n = ops.placeholder("i32[n]", "x"), ops.placeholder("i32[n]", "e"), ops.placeholder("i32[]", "k")
    small, wide = ops.placeholder("i8[n]", "s"), ops.placeholder("i64[n, 3]", "w")
    three, fives = np.int32([1, 2, 3]), np.full((3, 3), 5)
    return {
        "one exponent": ([x, n], x**n, [three, np.int32(2)], [three, np.int32(-1)]),
        "an exponent each": ([x, e], x**e, [three, three], [three, np.int32([0, 1, -2])]),
        "made beside it": ([x, e], (x + 1) ** (e - 2) + ops.sum(e - 2), [three, three + 1], [three, three]),
        "a view of others": ([x, e], x ** ops.flip(e, 0), [three, three], [three, np.int32([3, 0, -1])]),
        "of itself": ([x], x**x, [three], [-three]),
        "of one byte": ([small], small**small, [np.int8([3, 0])], [np.int8([3, -128])]),
        "spread over rows": ([wide, e], wide ** ops.reshape(ops.cast(e, "int64"), (-1, 1)), [fives, three], [fives, -three]),
        "in a loop": ([x, e], ops.scan(lambda c, r: (c, r**e), (), x)[1], [three, three], [three, -three]),
        "of a size": ([x], x + 2 ** (ops.cast(x.dims[0], "int32") - 2), [three], [three[:1]]),
    }  # fmt: skip


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
@pytest.mark.parametrize("name", sorted(_powers()))
def test_a_negative_power_of_integers_is_refused(name: str, on: str, level: str, backend: str) -> None:
    inputs, output, good, bad = _powers()[name]
    f = compiled(inputs, output, on or backend, level)
    reference = compiled(inputs, output, "interpreter", level)
    np.testing.assert_array_equal(f(*good), reference(*good))
    with pytest.raises(DataError, match=rf"^power: integers to negative integer powers are not allowed: .*{HERE}"):
        f(*bad)
    np.testing.assert_array_equal(f(*good), reference(*good))


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
def test_a_negative_power_that_nobody_takes_is_none(on: str, level: str, backend: str) -> None:
    x, e, flag = ops.placeholder("i32[n]", "x"), ops.placeholder("i32[k]", "e"), ops.placeholder("bool[]", "flag")
    loop = compiled([x, e], ops.scan(lambda c, r: (c, ops.sum(r + 2**e)), (), x)[1], on or backend, level)
    assert loop(np.int32([]), np.int32([-1])).shape == (0,)
    branch = compiled([x, e, flag], ops.cond(flag, lambda: ops.sum(2**e), lambda: ops.sum(x)), on or backend, level)
    assert int(branch(np.int32([4]), np.int32([-1]), np.bool_(False))) == 4
    with pytest.raises(DataError, match="negative integer powers"):
        branch(np.int32([4]), np.int32([-1]), np.bool_(True))


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
def test_a_loop_of_no_steps_looks_at_no_index(on: str, level: str, backend: str) -> None:
    x, t, rows = ops.placeholder("f32[n]", "x"), ops.placeholder("f32[m]", "t"), ops.placeholder("f32[n, k]", "rows")
    bodies = {
        "an index of another tensor": ([x, t], ops.scan(lambda c, r: (c, t[3] + r), (), x)[1]),
        "a slice": ([x, t], ops.scan(lambda c, r: (c, ops.sum(t[3:5] * 2) + r), (), x)[1]),
        "within another loop": ([x, t], ops.scan(lambda c, r: (c, ops.scan(lambda d, q: (d, t[3] + q), (), x)[1]), (), x)[1]),
        "of a slice of its own": ([rows, t], ops.scan(lambda c, r: (c, r[2] + ops.sum(t)), (), rows)[1]),
        "carried": ([x, t], ops.scan(lambda c, r: (c + t[3], c), ops.sum(t), x)[0]),
    }
    for name, (inputs, output) in bodies.items():
        f = compiled(inputs, output, on or backend, level)
        own = (0, 1) if inputs[0] is rows else (0,)
        assert 0 in f(np.zeros(own, "float32"), np.ones(2, "float32")).shape or output.ndim == 0
        own = (2, 4) if inputs[0] is rows else (2,)
        assert np.isfinite(f(np.ones(own, "float32"), np.ones(6, "float32"))).all()
        if name != "a slice":  # that is cut off where the tensor ends
            with pytest.raises(ShapeError):
                f(np.ones((2, 1)[: len(own)], "float32"), np.ones(2, "float32"))


BOOLS = np.array([[True, False], [True, True]])


@pytest.mark.parametrize("name", ["negative", "sign", "subtract"])
def test_an_op_that_has_no_meaning_for_bools_says_so_at_once(name: str) -> None:
    x = ops.placeholder("bool[2, 2]")
    for given in (x, BOOLS):
        with pytest.raises(DtypeError, match=rf"^{name} works on numbers, received bool\[2, 2\]"):
            getattr(ops, name)(*[given] * (2 if name == "subtract" else 1))


@LEVELS
@pytest.mark.parametrize("name", ["mod", "floor_divide", "power"])
def test_bools_are_counted_where_a_quotient_or_a_power_is_asked_for(name: str, level: str, backend: str) -> None:
    x, y = ops.placeholder("bool[2, 2]", "x"), ops.placeholder("bool[2, 2]", "y")
    expected = getattr(ops, name)(BOOLS.astype("int32"), BOOLS.T.astype("int32"))
    for found in (getattr(ops, name)(BOOLS, BOOLS.T), compiled([x, y], getattr(ops, name)(x, y), backend, level)(BOOLS, BOOLS.T)):
        assert found.dtype == "int32"
        np.testing.assert_array_equal(found, expected)


@LEVELS
@pytest.mark.parametrize("on", ["interpreter", ""])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_the_largest_of_bools_in_a_window_is_whether_there_is_one(padding: str, on: str, level: str, backend: str) -> None:
    image = np.zeros((1, 5, 5, 1), bool)
    image[0, 1, 2, 0] = True
    x = ops.placeholder("bool[1, 5, 5, 1]")
    out = layers.MaxPooling2D(2, padding=padding)(x)
    found = compiled([x], ops.as_tensor(out), on or backend, level)(image)
    expected = ops.max_pool(image.astype("int32"), 2, padding=padding).astype(bool)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("on", ["interpreter", ""])
def test_sizes_that_must_be_equal_are_compared_everywhere(on: str, backend: str) -> None:
    x, y = ops.placeholder("f32[B, 3]", "x"), ops.placeholder("f32[B, 4, 3]", "y")
    f = compiled([x, y], x + y, on or backend, "O2")
    assert f(np.ones((4, 3), "float32"), np.ones((4, 4, 3), "float32")).shape == (4, 4, 3)
    for rows in (0, 1, 2):
        with pytest.raises(ShapeError, match=f"the sizes B and 4 must be equal, they are {rows} and 4 for inputs of shapes"):
            f(np.ones((rows, 3), "float32"), np.ones((rows, 4, 3), "float32"))


def test_functions_and_counts_of_scans_are_looked_at() -> None:
    with pytest.raises(TypeError, match="scan: f must be a function"):
        ops.scan(123, 0.0, np.ones(3))
    with pytest.raises(ValueError, match="unroll must be True or False, or a positive integer"):
        ops.scan(lambda c, x: (c, x), 0.0, np.ones(3), unroll=-1)


@pytest.mark.parametrize("call, words", [
    (lambda: ops.stft(np.ones(8), 4, 0, 4), "`sequence_stride` must be a positive integer"),
    (lambda: ops.stft(np.ones(8), 4, 1.5, 4), "`sequence_stride` must be a positive integer"),
    (lambda: ops.stft(np.ones(8), 4, 1, 2), "`fft_length` must equal or exceed"),
    (lambda: ops.image.resize(np.ones((4, 4, 3)), (0, 2)), "`size` must have positive height and width"),
    (lambda: ops.image.crop_images(np.ones((4, 4, 3)), None, None, 1, 0, target_height=12, target_width=2), "top_cropping must be >= 0 and is -9"),
    (lambda: ops.image.pad_images(np.ones((4, 4, 3)), -1, 0, None, None, 8, 8), "top_padding must be >= 0"),
    (lambda: ops.depth_to_space(np.ones((1, 2, 2, 4)), 1), "`block_size` must be at least 2"),
    (lambda: ops.conv(np.ones((2, 10, 3)), np.ones((3, 5, 4))), "the input channels must match the kernel: .* takes 5"),
    (lambda: ops.conv_transpose(np.ones((2, 4, 3)), np.ones((2, 4, 5)), 2), "conv_transpose: the input channels must match the kernel's, 5"),
    (lambda: ops.batch_normalization(np.ones((2, 5)), np.ones(5), np.ones(5), -1, np.ones(3)), "`offset` must be a vector of length 5"),
    (lambda: ops.batch_normalization(np.ones((2, 5)), np.ones((1, 5)), np.ones(5), -1), "`mean` must be a vector of length 5"),
    (lambda: ops.inner(np.ones((2, 3)), np.ones((2, 4))), "inner: the last dimension of both must be equal"),
    (lambda: KerasTensor(3), "KerasTensor: shape must be a list or tuple"),
    (lambda: ops.image.hsv_to_rgb(np.ones((4, 4, 3), "int32")), "floating"),
    (lambda: ops.image.map_coordinates(np.ones((3, 3)), np.ones((3, 2)), 1), "the rank of `inputs`"),
])  # fmt: skip
def test_what_does_not_fit_is_called_by_its_name(call, words) -> None:
    with pytest.raises(ValueError, match=words):
        call()
