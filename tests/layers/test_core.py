"""Dense, EinsumDense, Embedding, Identity, Lambda, Masking, Wrapper."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from symkeras import KerasTensor, errors, ops
from symkeras.layers import Dense, EinsumDense, Embedding, Identity, InputLayer, Lambda, Masking, ReversibleEmbedding, Wrapper
from symkeras.layers.einsum_dense import einsum_shapes
from symkeras.saving.registration import custom_object_scope
from tests.layers.check_layer import check_layer

X = np.random.default_rng(0).normal(size=(2, 3, 4))


@pytest.mark.parametrize("x", [X[0], X, X[:, :, None]], ids=["2d", "3d", "4d"])
@pytest.mark.parametrize("use_bias", [True, False])
def test_dense_works_on_the_last_axis(x: np.ndarray, use_bias: bool) -> None:
    weights = [("kernel", (4, 5)), ("bias", (5,))][: 1 + use_bias]
    check_layer(
        Dense, {"units": 5, "activation": "tanh", "use_bias": use_bias}, x,
        lambda x, k, b=0.0: np.tanh(x @ k + b), weights=weights,
    )  # fmt: skip


def test_dense_passes_the_mask_on() -> None:
    mask = np.array([[True, True, False], [True, False, False]])
    check_layer(Dense, {"units": 2}, X, weights=[("kernel", (4, 2)), ("bias", (2,))], mask=mask, expected_mask=mask, gradient=False)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Dense(0), errors.ConfigError, "units"),
        (lambda: Dense(2.5), errors.ConfigError, "units"),
        (lambda: Dense(2, quantization_config={}), errors.ConfigError, "quantization_config"),
        (lambda: Dense(2)(ops.placeholder("f32[batch, width]")), errors.ShapeError, "known size"),
        (lambda: Dense(2)(np.zeros(3)), errors.ShapeError, "at least 2 axes"),
        (lambda: Embedding(0, 2), errors.ConfigError, "input_dim"),
        (lambda: Wrapper(3), errors.ConfigError, "wraps a layer"),
    ],
)
def test_core_layers_refuse_with_their_reason(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_dense_refuses_another_width_than_it_was_built_for() -> None:
    layer = Dense(2, name="head")
    layer(np.zeros((1, 3)))
    with pytest.raises(errors.ShapeError, match=r"'head' expects size 3 on the last axis"):
        layer(np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("equation", "output_shape", "bias_axes", "kernel", "bias"),
    [
        ("abc,cd->abd", (None, 5), "d", (4, 5), (5,)),
        ("abc,cd->abd", (3, 5), "bd", (4, 5), (3, 5)),
        ("abc,cde->abde", (None, 2, 3), "e", (4, 2, 3), (3,)),
        ("abc,cde->abde", (None, 2, 3), "d", (4, 2, 3), (2, 1)),
        ("...x,xy->...y", 5, "y", (4, 5), (5,)),
        ("ab...,bc->ac...", 6, "c", (3, 6), (6, 1)),
        ("abc,bcd->ad", 2, None, (3, 4, 2), None),
    ],
)
def test_einsum_dense_follows_its_equation(equation: str, output_shape: Any, bias_axes: str | None, kernel: Any, bias: Any) -> None:
    weights = [("kernel", kernel)] + ([("bias", bias)] if bias else [])
    config = {"equation": equation, "output_shape": output_shape, "bias_axes": bias_axes, "activation": "tanh"}
    check_layer(EinsumDense, config, X, lambda x, k, b=0.0: np.tanh(np.einsum(equation, x, k) + b), weights=weights)


@pytest.mark.parametrize(
    ("equation", "input_shape", "output_shape", "error"),
    [
        ("ab->ab", (2, 3), (3,), errors.ConfigError),
        ("ab,bc->ad", (2, 3), (3,), errors.ConfigError),
        ("abc,cd->abd", (2, 3), (3, 4), errors.ShapeError),
        ("abc,cd->abd", (2, 3, 4), (5, 4), errors.ShapeError),
        ("abc,cd->abd", (2, 3, None), (3, 4), errors.ShapeError),
    ],
)
def test_einsum_dense_refuses_equations_that_do_not_fit(equation: str, input_shape: Any, output_shape: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="EinsumDense"):
        einsum_shapes(equation, None, input_shape, output_shape)


@pytest.mark.parametrize("dtype", ["int32", "int64", "float64"])
def test_embedding_takes_rows(dtype: str) -> None:
    indices = np.array([[1, 0, 3], [1, 1, 2]], dtype)
    check_layer(
        Embedding, {"input_dim": 4, "output_dim": 2}, indices, lambda i, table: table[i.astype(int)],
        weights=[("embeddings", (4, 2))], free=(0, 1), gradient=dtype == "int32",
    )  # fmt: skip


def test_embedding_masks_zeros_where_asked() -> None:
    indices = np.array([[1, 0, 3], [1, 1, 0]], "int32")
    config = {"input_dim": 4, "output_dim": 2, "mask_zero": True}
    check_layer(Embedding, config, indices, weights=[("embeddings", (4, 2))], expected_mask=indices != 0)


@pytest.mark.parametrize("given", [lambda t: t, lambda t: [t]], ids=["array", "list"])
def test_embedding_begins_with_given_weights(given: Any) -> None:
    table = np.arange(6, dtype="float32").reshape(3, 2)
    layer = Embedding(3, 2, weights=given(table), input_length=2, trainable=False)
    assert layer._batch_input_shape == (None, 2)
    np.testing.assert_array_equal(layer(np.array([[2, 0]])), table[[[2, 0]]])
    assert layer.trainable_weights == []


def test_identity_passes_values_and_masks_on() -> None:
    mask = np.array([[True, True, False], [True, False, False]])
    check_layer(Identity, {}, X, X, mask=mask, expected_mask=mask, free=(0, 1, 2))


def test_masking_masks_steps_that_equal_the_value_throughout() -> None:
    x = np.array([[[1.0, 9.0], [9.0, 9.0]], [[9.0, 9.0], [2.0, 3.0]]])
    keep = np.array([[True, False], [False, True]])
    check_layer(Masking, {"mask_value": 9.0}, x, x * keep[..., None], free=(0, 1), expected_mask=keep, gradient=False)


def double(x: Any, factor: float = 2.0, training: bool | None = None) -> Any:
    return x * (factor if training else 1.0)


def test_lambda_calls_its_function_with_what_it_names() -> None:
    layer = Lambda(double, arguments={"factor": 3.0})
    assert layer(np.ones((1, 2)), training=True).tolist() == [[3.0, 3.0]]
    assert layer(np.ones((1, 2))).tolist() == [[1.0, 1.0]]
    assert Lambda(lambda x: x, output_shape=(7,)).compute_output_shape((None, 3)) == (None, 7)
    assert Lambda(lambda x: ops.sum(x, axis=-1)).compute_output_shape((None, 3)) == (None,)
    assert Lambda(lambda x: x, output_shape=lambda s: (s[0], 1)).compute_output_shape((None, 3)) == (None, 1)


def test_a_lambda_of_a_named_function_comes_back_from_its_config() -> None:
    layer = Lambda(double, output_shape=(2,), arguments={"factor": 3.0, "training": True})
    with custom_object_scope({"double": double}):
        again = Lambda.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.compute_output_shape((None, 5)) == (None, 2)
    assert again(np.ones((1, 2))).tolist() == [[3.0, 3.0]]


def test_lambda_ends_masks_unless_it_is_given_one() -> None:
    x = ops.placeholder("f32[batch, time, 2]")
    x._keras_mask = ops.placeholder("bool[batch, time]")
    assert Lambda(lambda x: x * 2)(x)._keras_mask is None
    assert Lambda(lambda x: x, mask=lambda x, mask: mask)(x)._keras_mask is x._keras_mask


class Twice(Wrapper):
    def call(self, inputs: Any) -> Any:
        return ops.multiply(self.layer(inputs), 2)


def test_wrapper_owns_its_layer_and_writes_it_into_the_config() -> None:
    layer = Twice(Dense(2, name="inner"), name="outer")
    layer(np.zeros((1, 3)))
    assert [v.path for v in layer.weights] == ["outer/inner/kernel", "outer/inner/bias"]
    again = Twice.from_config(layer.get_config())
    again(np.zeros((1, 3)))
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(X[:, 0, :3]), layer(X[:, 0, :3]))
    assert again.layer.name == "inner" and again.layer.units == 2


def test_a_lambda_is_read_from_a_config_by_who_trusts_it() -> None:
    with pytest.warns(UserWarning, match="lambda"):
        config = Lambda(lambda x: x * 3).get_config()
    with pytest.raises(ValueError, match="safe_mode"):
        Lambda.from_config(config)
    again = Lambda.from_config(config, safe_mode=False)
    np.testing.assert_array_equal(again(np.ones(2)), [3.0, 3.0])


@pytest.mark.parametrize(("given", "words"), [
    ({"shape": (2,), "batch_shape": (1, 2)}, "both `shape` and `batch_shape`"),
    ({"batch_size": 3, "batch_shape": (1, 2)}, "both `batch_size` and `batch_shape`"),
    ({"shape": (4,), "input_tensor": KerasTensor((2, 3))}, "incompatible `shape`"),
    ({"batch_size": 5, "input_tensor": KerasTensor((2, 3))}, "incompatible `batch_size`"),
    ({"dtype": "float16", "input_tensor": KerasTensor((2, 3))}, "incompatible `dtype`"),
])  # fmt: skip
def test_an_input_is_said_once_and_the_same_way(given: dict[str, Any], words: str) -> None:
    with pytest.raises(errors.ShapeError, match=words):
        InputLayer(**given)


def test_an_input_layer_of_a_tensor_has_its_shape_and_gives_nothing_when_called() -> None:
    layer = InputLayer(shape=(3,), batch_size=2, input_tensor=KerasTensor((2, 3)))
    assert (layer.batch_shape, layer.dtype, layer.sparse, layer.output.sparse) == ((2, 3), "float32", False, False)
    assert layer.call() is None


def test_an_embedding_with_weights_has_them_at_once() -> None:
    table = np.arange(6.0).reshape(3, 2)
    assert ReversibleEmbedding(3, 2, tie_weights=False, weights=table).embeddings.numpy().tolist() == table.tolist()
    layer = Embedding(3, 2, weights=[table], name="e")
    assert layer.built and layer.embeddings.path == "e/embeddings" and layer.embeddings.numpy().tolist() == table.tolist()
