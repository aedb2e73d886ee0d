"""What layers and models say of their symbolic calls, and names that scripts of 2017 use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import layers, models
from symkeras.errors import ConfigError, ShapeError


def test_a_layer_that_is_called_twice_tells_the_shapes_of_each_call() -> None:
    shared = layers.LSTM(4)
    one, other = layers.Input((5, 3)), layers.Input((7, 3))
    shared(layers.Masking()(one)), shared(other)
    assert shared.get_input_shape_at(0) == (None, 5, 3)
    assert shared.get_input_shape_at(1) == (None, 7, 3)
    assert shared.get_output_shape_at(1) == (None, 4)
    assert shared.get_input_mask_at(0) is not None
    assert shared.get_input_mask_at(1) is None
    assert shared.get_output_mask_at(0) is None
    with pytest.raises(ConfigError, match="there is no call 2"):
        shared.get_input_shape_at(2)


def test_layers_go_through_configs() -> None:
    layer = layers.Dense(3, activation="relu", name="out")
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    with pytest.raises(ConfigError, match="expects a layer"):
        layers.serialize(3)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="config of a layer"):
        layers.deserialize(symkeras.losses.serialize(symkeras.losses.Huber()))


def test_classes_of_several_outputs_and_of_one() -> None:
    several = models.Sequential([layers.Input((3,)), layers.Dense(4, activation="softmax")])
    x = np.random.default_rng(0).standard_normal((6, 3)).astype("float32")
    assert several.predict_classes(x, verbose=0).tolist() == several.predict(x, verbose=0).argmax(-1).tolist()
    assert np.array_equal(several.predict_proba(x, verbose=0), several.predict(x, verbose=0))
    single = models.Sequential([layers.Input((3,)), layers.Dense(1, activation="sigmoid")])
    found = single.predict_classes(x, verbose=0)
    assert found.shape == (6, 1)
    assert found.tolist() == (single.predict(x, verbose=0) > 0.5).astype(int).tolist()


def test_a_keras_tensor_is_a_symbolic_tensor_of_a_shape() -> None:
    x = symkeras.KerasTensor((None, 3, None), dtype="float16", name="x")
    assert (x.shape, x.dtype, x.name) == ((None, 3, None), "float16", "x")
    assert isinstance(layers.Input((2,)), symkeras.KerasTensor)
    assert not isinstance(np.ones(2), symkeras.KerasTensor)
    assert layers.Dense(4).compute_output_spec(symkeras.KerasTensor((2, 3))).shape == (2, 4)
    with pytest.raises(ShapeError, match="dense tensors only"):
        symkeras.KerasTensor((2,), sparse=True)
    with pytest.raises(ConfigError, match="record_history"):
        symkeras.KerasTensor((2,), record_history=False)
    with pytest.raises(ConfigError, match="shape"):
        symkeras.KerasTensor((2, -1))


def test_weights_of_a_layer_that_another_builds_bear_its_name() -> None:
    class Pair(layers.Layer):
        def __init__(self) -> None:
            super().__init__(name="pair")
            self.first, self.second = layers.Dense(2, name="first"), layers.Dense(2, name="second")

        def build(self, input_shape: Any) -> None:
            self.first.build(input_shape)
            self.second.build((None, 2))

        def call(self, x: Any) -> Any:
            return self.second(self.first(x))

    pair = Pair()
    pair(np.ones((1, 3), "float32"))
    assert [v.path for v in pair.weights] == ["pair/first/kernel", "pair/first/bias", "pair/second/kernel", "pair/second/bias"]
    alone = layers.Dense(2, name="alone")
    alone.build((None, 3))
    assert alone.kernel.path == "alone/kernel"
