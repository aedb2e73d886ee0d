"""What calls of layers give and leave behind: results of eager calls, tensors of symbolic ones, inputs that are None."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers, models, ops
from symkeras.errors import ConfigError, DataError, SymkerasError


def test_results_of_eager_calls_carry_their_mask_to_the_next_layer() -> None:
    words = np.array([[1, 2, 0], [3, 0, 0]])
    embedded = layers.Embedding(4, 2, mask_zero=True)(words)
    np.testing.assert_array_equal(embedded._keras_mask, words != 0)
    recurrent = layers.LSTM(2)
    np.testing.assert_array_equal(recurrent(embedded), recurrent(embedded.numpy(), mask=words != 0))
    assert (recurrent(embedded) != recurrent(embedded.numpy())).any()


def test_results_of_eager_calls_are_arrays_with_a_numpy_method() -> None:
    found = layers.Dense(2)(np.ones((1, 3)))
    plain = found.numpy()
    assert type(plain) is np.ndarray and not np.shares_memory(plain, found) and (plain == found).all()
    assert found._keras_mask is None and repr(found) == repr(plain) and (found + 1)[0].numpy().shape == (2,)


def test_the_output_of_a_layer_is_that_of_its_first_call() -> None:
    layer = layers.Dense(2)
    a, b = Input((3,)), Input((3,))
    first, second = layer(a), layer(b)
    assert layer.output is first and layer.input is a
    assert layer.get_output_at(1) is second and layer.get_input_at(1) is b
    assert layer.output_shape == (None, 2) and layer.input_shape == (None, 3)
    with pytest.raises(ConfigError, match="there is no call 2"):
        layer.get_output_at(2)


def test_a_layer_whose_calls_differ_has_no_one_shape() -> None:
    layer = layers.Activation("relu")
    layer(Input((3,)))
    layer(Input((4, 2)))
    with pytest.raises(SymkerasError, match=r"no one output_shape: its calls have \(None, 3\), \(None, 4, 2\)"):
        _ = layer.output_shape


# ---- optional inputs -------------------------------------------------------------------------------------------------


class Joined(layers.Layer):
    """The sum of two inputs, the second of which may be None."""

    def call(self, a: Any, b: Any = None) -> Any:
        return a if b is None else a + b


def test_an_optional_input_may_be_none() -> None:
    a, b = Input((3,), name="a"), Input((3,), optional=True, name="b")
    model = Model([a, b], Joined()(a, b))
    x = np.ones((2, 3), "float32")
    for one in (model, models.clone_model(model)):
        assert one([x, None]).tolist() == x.tolist() and one([x, x]).tolist() == (2 * x).tolist()
    with pytest.raises(DataError, match="'a' received None, and is not optional"):
        model([None, x])
    model = Model([a, b], layers.Dense(1)(model.output))
    model.compile("sgd", "mse")
    for data in ([x, None], [x, x], {"a": x, "b": None}):
        np.testing.assert_allclose(model.predict(data, verbose=0), model(data), rtol=1e-6)
        assert len(model.fit(data, np.ones(2), batch_size=1, verbose=0).history["loss"]) == 1
    with pytest.raises(DataError, match="'a' received None, and is not optional"):
        model.predict([None, x], verbose=0)
    assert layers.InputLayer.from_config(b._keras_history.operation.get_config()).optional is True


def test_only_layers_take_none() -> None:
    a, b = Input((3,)), Input((3,), optional=True)
    with pytest.raises(DataError, match="an optional input is None, and add computes with it"):
        Model([a, b], a + b)([np.ones((2, 3)), None])


def test_the_input_of_an_input_layer_is_what_a_model_can_begin_with() -> None:
    image = layers.Input((3,), name="image")
    model = Model(image, layers.Dense(2, name="top")(image))
    layer = model.get_layer("image")
    assert layer.input is image and layer.get_input_at(0) is image and layer.input_shape == (None, 3)
    part = Model(layer.input, model.get_layer("top").output)
    assert part.predict(np.ones((1, 3)), verbose=0).shape == (1, 2)


class Both(layers.Layer):
    """Adds two inputs; says which masks came."""

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, left: Any, right: Any = None, left_mask: Any = None, right_mask: Any = None) -> Any:
        self.came = [m is not None for m in (left_mask, right_mask)]
        parts = [x if m is None else ops.where(m[..., None], x, 0.0) for x, m in ((left, left_mask), (right, right_mask)) if x is not None]
        return ops.sum(ops.stack(parts), axis=0)


def test_each_argument_brings_its_own_mask() -> None:
    embed = layers.Embedding(5, 2, mask_zero=True, embeddings_initializer="ones")
    masked, plain = embed(np.array([[1, 0]])), np.ones((1, 2, 2), "float32")
    layer = Both()
    for call in (lambda a, b: layer(a, b), lambda a, b: layer(left=a, right=b)):
        assert call(masked, plain)[0, :, 0].tolist() == [2.0, 1.0] and layer.came == [True, False]
        assert call(plain, masked)[0, :, 0].tolist() == [2.0, 1.0] and layer.came == [False, True]
    layer(masked, masked, right_mask=np.array([[True, True]]))
    assert layer.came == [True, True]
    assert layer(masked, plain)._keras_mask.tolist() == [[True, False]]
    assert layer(plain)._keras_mask is None


def test_the_masks_of_arguments_are_those_of_functional_models() -> None:
    tokens, other = layers.Input((2,), dtype="int32"), layers.Input((2, 2))
    embedded = layers.Embedding(5, 2, mask_zero=True, embeddings_initializer="ones")(tokens)
    model = Model([tokens, other], Both()(other, right=embedded))
    x = [np.array([[1, 0]]), np.ones((1, 2, 2), "float32")]
    assert model.predict(x, verbose=0)[0, :, 0].tolist() == [2.0, 1.0]


def test_a_weight_may_begin_with_its_name_as_in_keras_2() -> None:
    class Old(layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.kernel = self.add_weight("kernel", shape=(int(input_shape[-1]), 2), initializer="ones")
            self.scale = self.add_weight("scale", (2,), "float32", "zeros", None, False)

        def call(self, x: Any) -> Any:
            return ops.matmul(x, self.kernel)

    layer = Old()
    assert layer(np.ones((1, 3), "float32")).tolist() == [[3.0, 3.0]]
    assert [v.name for v in layer.weights] == ["kernel", "scale"] and [v.trainable for v in layer.weights] == [True, False]
    with pytest.raises(ConfigError, match="each once"):
        layer.add_weight("twice", (2,), shape=(3,))


def test_weights_of_a_constructor_are_named_after_their_layer() -> None:
    class Inner(layers.Layer):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.gain = self.add_weight(shape=(1,), name="gain")

    class Outer(Inner):
        def __init__(self, **kwargs: Any):
            super().__init__(**kwargs)
            self.inner = Inner(name="inner")

    layer = Outer(name="outer")
    assert [v.path for v in layer.weights] == ["outer/gain", "inner/gain"]


def test_a_layer_without_call_has_no_output_shape() -> None:
    with pytest.raises(NotImplementedError, match="neither call"):
        layers.Layer().compute_output_shape((None, 2))


@pytest.mark.parametrize("dtype", ["float16", "float64", "mixed_float16"])
def test_a_mask_outlives_the_cast_to_the_dtype_of_a_layer(dtype: str) -> None:
    words = np.array([[1, 0], [2, 3]])
    embedded = layers.Embedding(4, 2, mask_zero=True)(words)
    np.testing.assert_array_equal(layers.Activation("relu", dtype=dtype)(embedded)._keras_mask, words != 0)
    recurrent = layers.LSTM(2, dtype=dtype)
    np.testing.assert_array_equal(recurrent(embedded), recurrent(embedded.numpy(), mask=words != 0))
