"""Every K function against a NumPy formula: on arrays, and compiled from placeholders with known and with unknown sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import config
from symkeras.errors import ConfigError, ShapeError, SymbolicValueError

E = 1e-7
RNG = np.random.default_rng(3)


def draw(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    return RNG.uniform(low, high, shape).astype("float32")


X, Y, P = draw(2, 3), draw(2, 3), draw(2, 3, low=0.1, high=0.9)
B = np.array([[True, False, True], [True, True, True]])
CUBE, IMAGE, VOLUME = draw(2, 3, 4), draw(2, 5, 6, 3), draw(1, 4, 4, 4, 2)
CLASSES = np.array([2, 0])
SOFT = np.exp(X) / np.exp(X).sum(-1, keepdims=True)


def conv(x: np.ndarray, kernel: np.ndarray, strides: int = 1, dilation: int = 1) -> np.ndarray:
    """A valid convolution, channels last, by its definition."""
    n = kernel.ndim - 2
    out = tuple((s - (k - 1) * dilation - 1) // strides + 1 for s, k in zip(x.shape[1:-1], kernel.shape[:n], strict=True))
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]), "float64")
    for place in np.ndindex(*out):
        for tap in np.ndindex(*kernel.shape[:n]):
            at = tuple(p * strides + t * dilation for p, t in zip(place, tap, strict=True))
            y[(slice(None), *place)] += x[(slice(None), *at)] @ kernel[tap]
    return y


def pooled(x: np.ndarray, size: int, reduce: Callable[..., Any]) -> np.ndarray:
    """Windows of `size` by `size` without overlap, channels last."""
    b, h, w, c = x.shape
    return reduce(x[:, : h // size * size, : w // size * size].reshape(b, h // size, size, w // size, size, c), axis=(2, 4))


def same(x: np.ndarray) -> np.ndarray:
    return np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])


def first(x: np.ndarray) -> np.ndarray:
    """Channels last to channels first."""
    return np.moveaxis(x, -1, 1)


def folded(x: np.ndarray) -> np.ndarray:
    acc = x[0]
    for row in x[1:]:
        acc = acc * 0.5 + row
    return acc


KERNEL1, KERNEL2, KERNEL3 = draw(2, 4, 5), draw(3, 3, 3, 2), draw(2, 2, 2, 2, 3)
DEPTH, POINT = draw(3, 3, 3, 2), draw(1, 1, 6, 4)
TRANSPOSED, SMALL = draw(3, 3, 2, 3), draw(1, 2, 2, 3)


def separable(x: np.ndarray) -> np.ndarray:
    parts = [conv(x[..., c : c + 1], DEPTH[:, :, c : c + 1]) for c in range(3)]
    return np.concatenate(parts, -1) @ POINT[0, 0]


def transposed(x: np.ndarray, strides: int) -> np.ndarray:
    b, h, w, _ = x.shape
    y = np.zeros((b, (h - 1) * strides + 3, (w - 1) * strides + 3, 2))
    for i, j in np.ndindex(h, w):
        y[:, i * strides : i * strides + 3, j * strides : j * strides + 3] += np.einsum("bc,hwoc->bhwo", x[:, i, j], TRANSPOSED)
    return y


def normalised(x: np.ndarray, axes: Any) -> np.ndarray:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)


# name, the call, the formula, the inputs
Row = tuple[str, Callable[..., Any], Callable[..., Any], tuple[np.ndarray, ...]]
ROWS: list[Row] = [
    ("abs", K.abs, np.abs, (X,)),
    ("all", lambda x: K.all(x, axis=1), lambda x: x.all(1), (B,)),
    ("any", lambda x: K.any(x, axis=0, keepdims=True), lambda x: x.any(0, keepdims=True), (B,)),
    ("arange", lambda x: K.arange(K.shape(x)[0] + 3) + K.sum(x) * 0, lambda x: np.arange(5), (X,)),
    ("argmax", K.argmax, lambda x: x.argmax(-1), (X,)),
    ("argmin", lambda x: K.argmin(x, axis=0), lambda x: x.argmin(0), (X,)),
    ("batch_dot", lambda x, y: K.batch_dot(x, y, axes=(2, 2)), lambda x, y: np.einsum("bij,bkj->bik", x, y), (CUBE, draw(2, 5, 4))),
    ("batch_dot", K.batch_dot, lambda x, y: np.einsum("bij,bjk->bik", x, y), (CUBE, draw(2, 4, 5))),
    ("batch_dot", lambda x, y: K.batch_dot(x, y, 1), lambda x, y: (x * y).sum(1, keepdims=True), (X, Y)),
    ("batch_dot", lambda x, y: K.batch_dot(x, y, axes=(1, 2)), lambda x, y: np.einsum("bj,bkj->bk", x, y), (X, draw(2, 4, 3))),
    ("batch_flatten", K.batch_flatten, lambda x: x.reshape(2, -1), (CUBE,)),
    ("batch_normalization", lambda x, m, v: K.batch_normalization(x, m, v, 0.5, 2.0, 1e-2),
     lambda x, m, v: (x - m) / np.sqrt(v + 1e-2) * 2 + 0.5, (X, Y[0], P[0])),
    ("bias_add", K.bias_add, lambda x, b: x + b, (IMAGE, draw(3))),
    ("bias_add", lambda x, b: K.bias_add(x, b, "channels_first"), lambda x, b: x + b[:, None, None], (first(IMAGE), draw(3))),
    ("bias_add", lambda x, b: K.bias_add(x, b, "channels_first"), lambda x, b: x + np.moveaxis(b, -1, 0), (first(IMAGE), draw(5, 6, 3))),
    ("binary_crossentropy", lambda p, t: K.binary_crossentropy(p, t), lambda p, t: -(t * np.log(p) + (1 - t) * np.log(1 - p)), (P, B.astype("f4"))),
    ("binary_crossentropy", lambda x, t: K.binary_crossentropy(target=t, output=x, from_logits=True),
     lambda x, t: np.log1p(np.exp(x)) - x * t, (X, B.astype("f4"))),
    ("cast", lambda x: K.cast(x, "int32"), lambda x: x.astype(int), (X,)),
    ("cast_to_floatx", K.cast_to_floatx, lambda x: x.astype("float32"), (CLASSES,)),
    ("categorical_crossentropy", lambda p, t: K.categorical_crossentropy(p, t), lambda p, t: -(t * np.log(p)).sum(-1), (SOFT, SOFT[::-1])),
    ("clip", lambda x: K.clip(x, -0.5, 1), lambda x: np.clip(x, -0.5, 1), (X,)),
    ("clip", lambda x: K.clip(x, 1.0, None), lambda x: np.maximum(x, 1), (X,)),
    ("concatenate", lambda x, y: K.concatenate([x, y]), lambda x, y: np.concatenate([x, y], -1), (X, Y)),
    ("conv1d", lambda x, k: K.conv1d(x, k, padding="causal"), lambda x, k: conv(np.pad(x, [(0, 0), (1, 0), (0, 0)]), k), (CUBE, KERNEL1)),
    ("conv2d", lambda x, k: K.conv2d(x, k, strides=(2, 2)), lambda x, k: conv(x, k, 2), (IMAGE, KERNEL2)),
    ("conv2d", lambda x, k: K.conv2d(x, k, padding="same", data_format="channels_first"),
     lambda x, k: first(conv(same(np.moveaxis(x, 1, -1)), k)), (first(IMAGE), KERNEL2)),
    ("conv2d", lambda x, k: K.conv2d(x, k, dilation_rate=(2, 2)), lambda x, k: conv(x, k, dilation=2), (IMAGE, KERNEL2)),
    ("conv2d_transpose", lambda x, k: K.conv2d_transpose(x, k, (K.shape(x)[0], 5, 5, 2), strides=(2, 2)),
     lambda x, k: transposed(x, 2), (SMALL, TRANSPOSED)),
    ("conv2d_transpose", lambda x, k: K.conv2d_transpose(x, k, (1, 2, 4, 4), (2, 2), "same", "channels_first"),
     lambda x, k: first(transposed(np.moveaxis(x, 1, -1), 2)[:, :-1, :-1]), (first(SMALL), TRANSPOSED)),
    ("conv3d", K.conv3d, conv, (VOLUME, KERNEL3)),
    ("cos", K.cos, np.cos, (X,)),
    ("cumprod", K.cumprod, lambda x: x.cumprod(0), (X,)),
    ("cumsum", lambda x: K.cumsum(x, axis=1), lambda x: x.cumsum(1), (X,)),
    ("dot", K.dot, np.dot, (X, draw(4, 3, 5))),
    ("dot", K.dot, np.dot, (CUBE, draw(4, 5))),
    ("elu", lambda x: K.elu(x, 0.5), lambda x: np.where(x > 0, x, 0.5 * np.expm1(x)), (X,)),
    ("equal", K.equal, np.equal, (X, X)),
    ("exp", K.exp, np.exp, (X,)),
    ("expand_dims", K.expand_dims, lambda x: x[..., None], (X,)),
    ("flatten", K.flatten, np.ravel, (CUBE,)),
    ("foldl", lambda x: K.foldl(lambda a, r: a * 0.5 + r, x), folded, (CUBE,)),
    ("foldl", lambda x: K.foldl(lambda a, r: a * 0.5 + r, x, x[0] * 0), lambda x: folded(np.concatenate([x[:1] * 0, x])), (CUBE,)),
    ("foldr", lambda x: K.foldr(lambda a, r: a * 0.5 + r, x), lambda x: folded(x[::-1]), (CUBE,)),
    ("gather", K.gather, lambda x, i: x[i], (draw(5, 3), np.array([[4, 0], [1, 1]]))),
    ("greater", K.greater, np.greater, (X, Y)),
    ("greater_equal", K.greater_equal, np.greater_equal, (X, X)),
    ("hard_sigmoid", K.hard_sigmoid, lambda x: np.clip(0.2 * x + 0.5, 0, 1), (X * 3,)),
    ("identity", K.identity, lambda x: x, (X,)),
    ("in_test_phase", lambda x: K.in_test_phase(x, x * 2, training=0), lambda x: x, (X,)),
    ("in_top_k", lambda x, t: K.in_top_k(x, t, 2), lambda x, t: np.array([t[i] in np.argsort(-x[i])[:2] for i in range(2)]), (X, CLASSES)),
    ("in_train_phase", lambda x: K.in_train_phase(lambda: x, lambda: x * 2, training=1), lambda x: x, (X,)),
    ("l2_normalize", lambda x: K.l2_normalize(x, axis=1), lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), (X,)),
    ("less", K.less, np.less, (X, Y)),
    ("less_equal", K.less_equal, np.less_equal, (X, X)),
    ("log", K.log, np.log, (P,)),
    ("logsumexp", lambda x: K.logsumexp(x + 500, axis=1), lambda x: 500 + np.log(np.exp(x).sum(1)), (X,)),
    ("map_fn", lambda x: K.map_fn(lambda r: K.sum(r) * r, x), lambda x: np.stack([r.sum() * r for r in x]), (X,)),
    ("max", lambda x: K.max(x, axis=[0, 2]), lambda x: x.max((0, 2)), (CUBE,)),
    ("maximum", K.maximum, np.maximum, (X, Y)),
    ("mean", lambda x: K.mean(x, axis=-1, keepdims=True), lambda x: x.mean(-1, keepdims=True), (X,)),
    ("mean", K.mean, np.mean, (B,)),
    ("min", lambda x: K.min(x, axis=0), lambda x: x.min(0), (X,)),
    ("minimum", K.minimum, np.minimum, (X, Y)),
    ("normalize_batch_in_training", lambda x, g, b: K.normalize_batch_in_training(x, g, b, [0, 1, 2])[0],
     lambda x, g, b: normalised(x, (0, 1, 2)) * g + b, (IMAGE, draw(3), draw(3))),
    ("normalize_batch_in_training", lambda x, g: K.normalize_batch_in_training(x, g, None, [0, 2, 3])[0],
     lambda x, g: normalised(x, (0, 2, 3)) * g[:, None, None], (first(IMAGE), draw(3))),
    ("normalize_batch_in_training", lambda x: K.normalize_batch_in_training(x, None, None, [0])[2], lambda x: x.var(0), (X,)),
    ("not_equal", K.not_equal, np.not_equal, (X, Y)),
    ("one_hot", lambda i: K.one_hot(i, 4), lambda i: np.eye(4)[i], (CLASSES,)),
    ("ones_like", K.ones_like, np.ones_like, (X,)),
    ("pattern_broadcast", lambda x: K.pattern_broadcast(x, (True, False)) + np.zeros((2, 3), "f4"), lambda x: x + np.zeros((2, 3)), (X[:1],)),
    ("permute_dimensions", lambda x: K.permute_dimensions(x, (2, 0, 1)), lambda x: x.transpose(2, 0, 1), (CUBE,)),
    ("pool2d", lambda x: K.pool2d(x, (2, 2), (2, 2)), lambda x: pooled(x, 2, np.max), (IMAGE,)),
    ("pool2d", lambda x: K.pool2d(x, (2, 2), (2, 2), pool_mode="avg", data_format="channels_first"),
     lambda x: first(pooled(np.moveaxis(x, 1, -1), 2, np.mean)), (first(IMAGE),)),
    ("pool3d", lambda x: K.pool3d(x, (2, 2, 2), (2, 2, 2)), lambda x: x.reshape(1, 2, 2, 2, 2, 2, 2, 2).max((2, 4, 6)), (VOLUME,)),
    ("pow", lambda x: K.pow(x, 3), lambda x: x**3, (X,)),
    ("prod", lambda x: K.prod(x, axis=1), lambda x: x.prod(1), (X,)),
    ("relu", K.relu, lambda x: np.maximum(x, 0), (X,)),
    ("relu", lambda x: K.relu(x, alpha=0.1, max_value=1.0), lambda x: np.minimum(np.where(x > 0, x, 0.1 * x), 1), (X,)),
    ("repeat", lambda x: K.repeat(x, 4), lambda x: np.repeat(x[:, None], 4, 1), (X,)),
    ("repeat_elements", lambda x: K.repeat_elements(x, 2, axis=1), lambda x: x.repeat(2, 1), (X,)),
    ("reshape", lambda x: K.reshape(x, (K.shape(x)[0] * 3, -1)), lambda x: x.reshape(6, -1), (CUBE,)),
    ("resize_images", lambda x: K.resize_images(x, 2, 3, "channels_last"), lambda x: x.repeat(2, 1).repeat(3, 2), (IMAGE,)),
    ("resize_volumes", lambda x: K.resize_volumes(x, 2, 1, 2, "channels_first"), lambda x: x.repeat(2, 2).repeat(2, 4), (first(VOLUME),)),
    ("reverse", lambda x: K.reverse(x, 1), lambda x: x[:, ::-1], (X,)),
    ("reverse", lambda x: K.reverse(x, [0, 1]), lambda x: x[::-1, ::-1], (X,)),
    ("round", K.round, np.rint, (np.float32([[0.5, 1.5], [-0.5, 2.4]]),)),
    ("separable_conv2d", K.separable_conv2d, lambda x, d, p: separable(x), (IMAGE, DEPTH, POINT)),
    ("shape", lambda x: K.shape(x), lambda x: np.array(x.shape), (CUBE,)),
    ("sigmoid", K.sigmoid, lambda x: 1 / (1 + np.exp(-x)), (X,)),
    ("sign", K.sign, np.sign, (X,)),
    ("sin", K.sin, np.sin, (X,)),
    ("softmax", K.softmax, lambda x: SOFT, (X,)),
    ("softplus", K.softplus, lambda x: np.log1p(np.exp(x)), (X,)),
    ("softsign", K.softsign, lambda x: x / (1 + abs(x)), (X,)),
    ("sparse_categorical_crossentropy", lambda p, t: K.sparse_categorical_crossentropy(p, t),
     lambda p, t: -np.log(p[np.arange(2), t]), (SOFT, CLASSES)),
    ("spatial_2d_padding", lambda x: K.spatial_2d_padding(x, ((1, 0), (0, 2))), lambda x: np.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)]), (IMAGE,)),
    ("spatial_3d_padding", lambda x: K.spatial_3d_padding(x, data_format="channels_first"),
     lambda x: np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1), (1, 1)]), (first(VOLUME),)),
    ("sqrt", K.sqrt, lambda x: np.sqrt(np.maximum(x, 0)), (X,)),
    ("square", K.square, np.square, (X,)),
    ("squeeze", lambda x: K.squeeze(x[:, :1], 1), lambda x: x[:, 0], (X,)),
    ("stack", lambda x, y: K.stack([x, y], axis=1), lambda x, y: np.stack([x, y], 1), (X, Y)),
    ("std", lambda x: K.std(x, axis=0), lambda x: x.std(0), (X,)),
    ("stop_gradient", K.stop_gradient, lambda x: x, (X,)),
    ("sum", lambda x: K.sum(x, axis=(0, 1), keepdims=True), lambda x: x.sum((0, 1), keepdims=True), (CUBE,)),
    ("sum", K.sum, np.sum, (B,)),
    ("switch", lambda c, x, y: K.switch(c, x, y), np.where, (B, X, Y)),
    ("switch", lambda c, x, y: K.switch(c, lambda: x, y), lambda c, x, y: np.where(c[:, None], x, y), (B[:, 1], X, Y)),
    ("tanh", K.tanh, np.tanh, (X,)),
    ("temporal_padding", lambda x: K.temporal_padding(x, (2, 1)), lambda x: np.pad(x, [(0, 0), (2, 1), (0, 0)]), (CUBE,)),
    ("tile", lambda x: K.tile(x, [2, 3]), lambda x: np.tile(x, (2, 3)), (X,)),
    ("tile", lambda x: K.tile(x, 2), lambda x: np.tile(x, 2), (X,)),
    ("transpose", K.transpose, np.transpose, (CUBE,)),
    ("var", lambda x: K.var(x, axis=1), lambda x: x.var(1), (X,)),
    ("zeros_like", K.zeros_like, np.zeros_like, (X,)),
]  # fmt: skip

# what the tests below and those of functions check, by name
ELSEWHERE = """
backend epsilon set_epsilon floatx set_floatx image_data_format set_image_data_format image_dim_ordering set_image_dim_ordering is_keras_tensor
get_uid reset_uids learning_phase set_learning_phase name_scope clear_session get_session set_session manual_variable_initialization variable
constant placeholder zeros ones eye random_uniform_variable random_normal_variable count_params int_shape ndim dtype eval is_sparse to_dense update
update_add update_sub moving_average_update get_value batch_get_value set_value batch_set_value get_variable_shape print_tensor function gradients
rnn dropout random_normal random_uniform random_binomial truncated_normal ctc_batch_cost ctc_label_dense_to_sparse ctc_decode is_float_dtype
is_int_dtype result_type standardize_dtype
"""


def placeholders(arrays: tuple[np.ndarray, ...], known: bool) -> list[Any]:
    """One per array; with the first axis free, but for the kernels of convolutions."""
    return [K.placeholder(a.shape if known or (k and a.ndim > 3) else (None, *a.shape[1:]), dtype=a.dtype) for k, a in enumerate(arrays)]


@pytest.mark.parametrize("row", ROWS, ids=[f"{k}-{r[0]}" for k, r in enumerate(ROWS)])
def test_k_functions_match_numpy(row: Row, backend: str) -> None:
    _, fn, formula, arrays = row
    expected = np.asarray(formula(*(a.astype("float64") if a.dtype == "float32" else a for a in arrays)))
    eager = fn(*arrays)
    assert isinstance(eager, (np.ndarray, np.generic, tuple))
    values = [eager]
    for known in (True, False):
        inputs = placeholders(arrays, known)
        values += K.function(inputs, [fn(*inputs)], backend=backend)(list(arrays))
    for value in values:
        assert np.shape(value) == expected.shape
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
        assert (value.dtype == bool) == (expected.dtype == bool)


def test_every_name_of_2017_and_of_keras_3_is_there_and_tested() -> None:
    tested = {row[0] for row in ROWS} | set(ELSEWHERE.split())
    assert tested == set(K.__all__)
    assert set(K.__all__) <= set(dir(K))
    assert all(callable(getattr(K, name)) and getattr(K, name).__doc__ for name in K.__all__)


def test_functions_keep_the_argument_names_of_2017() -> None:
    x = K.placeholder((2, 3))
    assert K.int_shape(K.sum(x=x, axis=0, keepdims=True)) == (1, 3)
    assert K.int_shape(K.gather(reference=x, indices=np.array([0]))) == (1, 3)
    assert K.int_shape(K.concatenate(tensors=[x, x], axis=0)) == (4, 3)
    with pytest.raises(TypeError, match=r"argmax\(\)"):
        K.argmax(x, axes=0)


def test_an_unknown_name_offers_the_nearest() -> None:
    with pytest.raises(AttributeError, match="Did you mean 'gradients'"):
        K.gradient  # noqa: B018


def test_backend_is_the_name_of_the_default_backend() -> None:
    assert K.backend() == config.backend()
    import symkeras.backend.function  # noqa: F401

    assert K.function.__name__ == "function" and callable(K.function)


@pytest.mark.parametrize("name", ["ctc_label_dense_to_sparse", "get_session", "set_session"])
def test_what_is_not_offered_says_why(name: str) -> None:
    with pytest.raises(ConfigError, match=f"K.{name} is not offered"):
        getattr(K, name)(1, 2)


# ---- tensors and variables -------------------------------------------------------------------------------------------


def test_shapes_and_dtypes_of_tensors() -> None:
    x = K.placeholder((None, 3), name="x")
    assert (K.int_shape(x), K.ndim(x), K.dtype(x)) == ((None, 3), 2, "float32")
    assert K.int_shape(K.placeholder(ndim=3, dtype="int32")) == (None, None, None)
    v = K.variable([[1, 2]], name="v")
    assert (K.count_params(v), K.dtype(v), K.get_variable_shape(v), K.int_shape(v)) == (2, "float32", (1, 2), (1, 2))
    with pytest.raises(ShapeError, match="known sizes"):
        K.count_params(x)
    with pytest.raises(ConfigError, match="shape or ndim"):
        K.placeholder()
    with pytest.raises(ConfigError, match="dense"):
        K.placeholder((2,), sparse=True)
    assert K.is_sparse(x) is False and K.to_dense(x) is x


def test_two_unknown_sizes_are_not_taken_for_equal() -> None:
    x, y = K.placeholder((None, None)), K.placeholder((None, None))
    f = K.function([x, y], [K.dot(x, y)])
    assert f([np.ones((2, 3)), np.ones((3, 4))])[0].shape == (2, 4)
    with pytest.raises(ShapeError, match="must be equal, they are 3 and 2"):
        f([np.ones((2, 3)), np.ones((2, 4))])


def test_variables_are_symbolic_and_keep_their_values() -> None:
    v = K.variable(np.arange(3.0), name="v")
    assert K.eval(v * 2 + 1).tolist() == [1.0, 3.0, 5.0]
    K.set_value(v, [5, 6, 7])
    assert K.get_value(v).tolist() == [5.0, 6.0, 7.0]
    w = K.variable(K.constant(2.0, shape=(3,)) * v)
    K.batch_set_value([(v, np.zeros(3)), (w, np.ones(3))])
    assert [a.tolist() for a in K.batch_get_value([v, w])] == [[0.0] * 3, [1.0] * 3]
    with pytest.raises(SymbolicValueError, match=r"use K\.eval"):
        K.get_value(v * 2)
    with pytest.raises(ConfigError, match="sets variables"):
        K.set_value(v * 2, 1)


def test_filled_tensors() -> None:
    assert K.get_value(K.zeros((2, 3))).tolist() == np.zeros((2, 3)).tolist()
    assert K.get_value(K.ones((2,), dtype="int32")).dtype == "int32"
    assert K.get_value(K.eye(2)).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    x = K.placeholder((None, 3))
    assert K.function([x], [K.zeros((K.shape(x)[0], 2)) + 1])([np.zeros((4, 3))])[0].shape == (4, 2)
    assert K.eval(K.constant(3.0, shape=(2, 2))).tolist() == [[3.0, 3.0], [3.0, 3.0]]
    with pytest.raises(ShapeError, match="follow from shapes"):
        K.zeros((K.cast(K.sum(x), "int32"),))


def test_drawn_variables_have_their_distribution_and_their_seed() -> None:
    u = K.get_value(K.random_uniform_variable((1000,), 2, 4, seed=1))
    n = K.get_value(K.random_normal_variable((1000,), 3.0, 0.5, seed=1))
    assert 2 <= u.min() < 2.1 and 3.9 < u.max() < 4
    assert abs(n.mean() - 3) < 0.05 and abs(n.std() - 0.5) < 0.05
    assert np.array_equal(u, K.get_value(K.random_uniform_variable((1000,), 2, 4, seed=1)))


@pytest.mark.parametrize(
    ("draw", "mean", "std"),
    [
        (lambda s: K.random_normal(s, 1.0, 2.0, seed=1), 1.0, 2.0),
        (lambda s: K.random_normal(s, mean=0.0, std=2.0), 0.0, 2.0),
        (lambda s: K.random_uniform(s, 1.0, 3.0), 2.0, 2 / 12**0.5),
        (lambda s: K.random_uniform(s, 0, 4, dtype="int32"), 1.5, (15 / 12) ** 0.5),
        (lambda s: K.random_binomial(s, p=0.25), 0.25, 0.1875**0.5),
        (lambda s: K.truncated_normal(s, 0.0, 1.0), 0.0, 0.88),
        (lambda s: K.dropout(K.ones((K.shape(K.zeros(s))[0], 4)) + K.zeros(s), 0.5), 1.0, 1.0),
    ],
)
def test_random_tensors_are_drawn_anew_at_every_call(draw: Callable[..., Any], mean: float, std: float) -> None:
    tensor = draw((1000, 4))
    f = K.function([], [tensor])
    a, b = f([])[0], f([])[0]
    assert a.shape == (1000, 4) and not np.array_equal(a, b)
    for values in (a, b):
        assert abs(values.mean() - mean) < 0.15 * std + 0.02 and abs(values.std() - std) < 0.1 * std


def test_a_seed_fixes_the_series_of_draws() -> None:
    one, two = (K.function([], [K.random_normal((3,), seed=5)]) for _ in range(2))
    series = [one([])[0] for _ in range(3)]
    assert all(np.array_equal(s, two([])[0]) for s in series)


def test_the_shape_of_a_draw_may_come_from_a_tensor() -> None:
    mean = K.placeholder((None, 2))
    f = K.function([mean], [mean + 0.1 * K.random_normal(shape=(K.shape(mean)[0], 2))])
    assert f([np.zeros((5, 2))])[0].shape == (5, 2)


def test_dropout_of_an_array_is_computed_at_once() -> None:
    assert set(np.unique(K.dropout(np.ones((50,), "float32"), 0.5))) == {0.0, 2.0}


# ---- settings --------------------------------------------------------------------------------------------------------


def test_settings_of_the_image_format_in_both_spellings() -> None:
    try:
        K.set_image_dim_ordering("th")
        assert (K.image_data_format(), K.image_dim_ordering()) == ("channels_first", "th")
        x, k = K.placeholder((1, 3, 5, 5)), K.placeholder((3, 3, 3, 2))
        assert K.int_shape(K.conv2d(x, k)) == (1, 2, 3, 3)
    finally:
        K.set_image_dim_ordering("tf")
    assert (K.image_data_format(), K.image_dim_ordering()) == ("channels_last", "tf")
    with pytest.raises(ConfigError, match='"th"'):
        K.set_image_dim_ordering("tensorflow")
    with pytest.raises(ConfigError, match="data_format"):
        K.conv2d(x, k, data_format="th")


def test_settings_of_numbers() -> None:
    try:
        K.set_floatx("float64")
        K.set_epsilon(1e-5)
        assert (K.floatx(), K.epsilon(), K.dtype(K.variable(1)), K.cast_to_floatx([1]).dtype) == ("float64", 1e-5, "float64", np.float64)
    finally:
        K.set_floatx("float32")
        K.set_epsilon(E)


def test_names_and_scopes() -> None:
    K.reset_uids()
    assert (K.get_uid("a_prefix"), K.get_uid("a_prefix")) == (1, 2)
    K.clear_session()
    assert K.get_uid("a_prefix") == 1
    with K.name_scope("encoder"):
        assert K.variable(1.0, name="w").path == "encoder/w"
    with pytest.raises(ConfigError, match="only False"):
        K.manual_variable_initialization(True)
    K.manual_variable_initialization(False)


def test_dtype_names_of_keras_3() -> None:
    assert K.result_type("int32", "float32") == "float32"
    assert (K.standardize_dtype(None), K.standardize_dtype("int")) == ("float32", "int32")
    assert K.is_float_dtype("float16") and not K.is_float_dtype("int8")
    assert K.is_int_dtype("uint8") and not K.is_int_dtype("bool")


def test_printing_is_for_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    assert K.print_tensor(np.float32(2), "x:") == 2 and capsys.readouterr().out == "x: 2.0\n"
    with pytest.raises(ConfigError, match=r"an output of K\.function"):
        K.print_tensor(K.placeholder((2,)))


# ---- losses that need more words ---------------------------------------------------------------------------------------


def test_crossentropies_look_through_softmax_and_sigmoid_to_their_logits() -> None:
    x, t = K.placeholder((None, 2)), K.placeholder((None, 2))
    f = K.function([x, t], [K.categorical_crossentropy(K.softmax(x), t), K.binary_crossentropy(K.sigmoid(x), t)])
    a, b = f([[[200.0, 0.0]], [[0.0, 1.0]]])
    assert a.tolist() == [200.0] and b.tolist() == [[200.0, np.float32(np.log(2))]]


def test_exchanged_arguments_of_a_crossentropy_are_refused_where_they_show() -> None:
    x, t = K.placeholder((None, 2)), K.placeholder((None, 2))
    for loss, activation in ((K.categorical_crossentropy, K.softmax), (K.binary_crossentropy, K.sigmoid)):
        with pytest.raises(ConfigError, match=r"\(output, target\)"):
            loss(t, activation(x))


def ctc_by_enumeration(p: np.ndarray, labels: list[int]) -> float:
    """-log of the sum over all paths that collapse to `labels`."""
    steps, classes = p.shape
    total = 0.0
    for path in np.ndindex(*(classes,) * steps):
        collapsed = [c for k, c in enumerate(path) if (k == 0 or path[k - 1] != c) and c != classes - 1]
        if collapsed == labels:
            total += float(np.prod([p[t, c] for t, c in enumerate(path)]))
    return -np.log(total)


def test_ctc_decode_spells_probabilities_whose_last_class_is_the_blank(backend: str) -> None:
    best = np.array([[0, 0, 2, 0, 1], [2, 1, 1, 2, 2], [1, 0, 1, 0, 1]])
    p = np.full((3, 5, 3), 0.05, "float32")
    np.put_along_axis(p, best[:, :, None], 0.9, -1)
    steps = np.array([5, 4, 2])
    x, n = K.placeholder((None, 5, 3)), K.placeholder((None,), dtype="int32")
    greedy = K.ctc_decode(x, n)
    compiled, costs = K.function([x, n], [*greedy[0], greedy[1]], backend=backend)([p, steps])
    for (labels,), scores in (K.ctc_decode(p, steps), ([compiled], costs)):
        assert labels.tolist() == [[0, 0, 1, -1, -1], [1, -1, -1, -1, -1], [1, 0, -1, -1, -1]]
        np.testing.assert_allclose(scores[:, 0], -steps * np.log(0.9), rtol=1e-4)
    paths, scores = K.ctc_decode(p, steps, greedy=False, beam_width=20, top_paths=2)
    assert [q.shape for q in paths] == [(3, 5)] * 2 and scores.shape == (3, 2)
    assert paths[0].tolist() == [[0, 1, -1, -1, -1], [1, -1, -1, -1, -1], [1, 0, -1, -1, -1]]  # equal neighbours are one
    assert (scores[:, 0] > scores[:, 1]).all()
    with pytest.raises(ShapeError, match="known number of classes"):
        K.ctc_decode(K.placeholder((None, 5, None)), n)


def test_ctc_is_the_sum_over_all_alignments(backend: str) -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4), (4, 5)).astype("float32")
    labels = np.array([[0, 1, 2], [1, 1, 0], [2, 0, 0], [0, 0, 0]])
    steps, lengths = np.array([[5], [5], [4], [3]]), np.array([[3], [2], [1], [0]])
    expected = [ctc_by_enumeration(p[b, : steps[b, 0]].astype("f8"), labels[b, : lengths[b, 0]].tolist()) for b in range(4)]
    assert K.ctc_batch_cost(labels, p, steps, lengths).ravel() == pytest.approx(expected, rel=1e-4)
    y, q, n, m = K.placeholder((None, 3), dtype="int32"), K.placeholder((None, None, 4)), K.placeholder((None, 1)), K.placeholder((None, 1))
    cost = K.ctc_batch_cost(y, q, n, m)
    f = K.function([y, q, n, m], [cost, K.gradients(K.sum(cost), q)[0]], backend=backend)
    costs, slope = f([labels, p, steps, lengths])
    assert costs.ravel() == pytest.approx(expected, rel=1e-4)
    moved = p.copy()
    moved[1, 2, 1] += 1e-2
    moved[1, 2, 0] -= 1e-2
    change = (f([labels, moved, steps, lengths])[0] - costs).sum()
    assert change == pytest.approx(1e-2 * (slope[1, 2, 1] - slope[1, 2, 0]), rel=0.1)


# ---- loops -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_a_custom_rnn_is_the_loop_it_says(unroll: bool, masked: bool, go_backwards: bool, backend: str) -> None:
    w, bias = K.variable(draw(3, 4)), K.constant(0.25)
    u = K.variable(draw(4, 4))

    def step(x: Any, states: Any) -> Any:
        h = K.tanh(K.dot(x, w) + K.dot(states[0], u) + states[2])
        return h * 2, [h, states[1] + 1]

    x = K.placeholder((None, 5, 3))
    mask = K.placeholder((None, 5)) if masked else None
    start = [K.zeros((K.shape(x)[0], 4)), K.zeros((K.shape(x)[0], 1))]
    last, outputs, states = K.rnn(step, x, start, go_backwards, mask, [bias], unroll)
    f = K.function([x, mask] if masked else [x], [last, outputs, *states], backend=backend)
    data, kept = draw(2, 5, 3), np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]], "float32")
    got = f([data, kept] if masked else [data])

    h, n, y = np.zeros((2, 4)), np.zeros((2, 1)), np.zeros((2, 4))
    rows = []
    for t in range(4, -1, -1) if go_backwards else range(5):
        new = np.tanh(data[:, t] @ K.get_value(w) + h @ K.get_value(u) + 0.25)
        keep = kept[:, t : t + 1] if masked else np.ones((2, 1))
        h, n, y = np.where(keep, new, h), np.where(keep, n + 1, n), np.where(keep, new * 2, y)
        rows.append(y)
    for value, expected in zip(got, (y, np.stack(rows, 1), h, n), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


def test_gradients_flow_through_a_custom_rnn() -> None:
    w = K.variable(2.0)
    x = K.placeholder((None, 3, 1))
    last, _, _ = K.rnn(lambda v, s: (s[0] * w + v, [s[0] * w + v]), x, [K.zeros((K.shape(x)[0], 1))])
    f = K.function([x], K.gradients(K.sum(last), [w]))
    assert float(f([np.float32([[[1], [2], [3]]])])[0]) == pytest.approx(2 * 2 * 1 + 2)  # d/dw (1 w^2 + 2 w + 3) at 2


def test_switch_computes_only_the_branch_it_takes() -> None:
    p, x = K.placeholder((), dtype="bool"), K.placeholder((None,))
    chosen = K.switch(p, lambda: x * 2, lambda: x * 3)
    f = K.function([p, x], [chosen])
    assert [f([flag, [1.0, 2.0]])[0].tolist() for flag in (True, False)] == [[2.0, 4.0], [3.0, 6.0]]
    assert any(n.op.name == "cond" for n in f.source_graph.nodes)
