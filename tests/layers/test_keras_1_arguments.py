"""Arguments of layers as Keras 1 spelled them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from symkeras import Sequential, Variable, layers
from symkeras.errors import ConfigError, ShapeError

PAIRS = [
    (layers.Dense(output_dim=3, init="normal", W_regularizer="l2", bias=False, input_dim=4),
     layers.Dense(3, kernel_initializer="normal", kernel_regularizer="l2", use_bias=False, input_dim=4)),
    (layers.LSTM(output_dim=3, inner_init="identity", inner_activation="relu", dropout_W=0.2, dropout_U=0.1, forget_bias_init="one",
                 consume_less="gpu"),
     layers.LSTM(3, recurrent_initializer="identity", recurrent_activation="relu", dropout=0.2, recurrent_dropout=0.1, implementation=2)),
    (layers.Dropout(p=0.3), layers.Dropout(0.3)),
    (layers.GaussianNoise(sigma=0.3), layers.GaussianNoise(0.3)),
    (layers.Embedding(5, 2, init="one", dropout=0.0), layers.Embedding(5, 2, embeddings_initializer="ones")),
    (layers.Convolution1D(nb_filter=3, filter_length=2, border_mode="same", subsample_length=2), layers.Conv1D(3, 2, 2, "same")),
    (layers.Convolution2D(3, 2, 5, border_mode="same", dim_ordering="th", subsample=(2, 2)),
     layers.Conv2D(3, (2, 5), (2, 2), "same", "channels_first")),
    (layers.Convolution2D(3, nb_row=2, nb_col=5, init="zero"), layers.Conv2D(3, (2, 5), kernel_initializer="zeros")),
    (layers.Convolution2D(3, 2, 5, "zero", "relu"), layers.Conv2D(3, (2, 5), kernel_initializer="zeros", activation="relu")),
    (layers.Convolution2D(3, (2, 5), strides=2), layers.Conv2D(3, (2, 5), 2)),
    (layers.Convolution3D(3, 1, 2, 3), layers.Conv3D(3, (1, 2, 3))),
    (layers.Deconvolution2D(3, 2, 2, border_mode="same"), layers.Conv2DTranspose(3, (2, 2), padding="same")),
    (layers.SeparableConvolution2D(3, 2, 2, depthwise_init="ones"), layers.SeparableConv2D(3, (2, 2), depthwise_initializer="ones")),
    (layers.MaxPooling1D(pool_length=3, stride=2, border_mode="same"), layers.MaxPooling1D(3, 2, "same")),
    (layers.AveragePooling2D((2, 2), dim_ordering="tf"), layers.AveragePooling2D((2, 2), data_format="channels_last")),
    (layers.UpSampling1D(length=3), layers.UpSampling1D(3)),
    (layers.BatchNormalization(mode=0, gamma_init="zero"), layers.BatchNormalization(gamma_initializer="zeros")),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda layer: layer.name)
def test_old_names_mean_those_of_today(old, new):
    assert type(old) is type(new)
    configs = [{k: v for k, v in layer.get_config().items() if k != "name"} for layer in (old, new)]
    assert configs[0] == configs[1]


def test_a_name_alone_keeps_its_meaning_of_today():
    assert layers.Conv2D(3, 3, 3).strides == (3, 3)
    assert layers.Convolution2D(3, 3, 3).strides == (1, 1)
    assert layers.Conv2D(3, 3, 3, border_mode="same").strides == (1, 1), "another name of Keras 1 tells"


def test_old_names_stand_for_the_classes_of_today():
    layer = layers.Convolution2D(3, 2, 2)
    assert isinstance(layer, layers.Convolution2D) and isinstance(layers.Conv2D(3, 2), layers.Convolution2D)
    assert issubclass(layers.Convolution2D, layers.Conv2D) and pickle.loads(pickle.dumps(layer)).kernel_size == (2, 2)

    class Own(layers.Convolution2D):
        pass

    assert type(Own(3, 2)) is Own and isinstance(Own(3, 2), layers.Conv2D) and not isinstance(layer, Own)


def test_subclasses_take_old_names_through_super():
    class Wide(layers.Dense):
        def __init__(self, **kwargs):
            super().__init__(output_dim=7, **kwargs)

    assert Wide(init="zero").units == 7


def test_a_name_given_twice_and_one_that_is_gone_are_refused():
    with pytest.raises(ConfigError, match="what Keras 1 called kernel_initializer, and both"):
        layers.Dense(3, init="zero", kernel_initializer="ones")
    with pytest.raises(ConfigError, match="SpatialDropout1D"):
        layers.Embedding(5, 2, dropout=0.2)
    for given in ({"output_shape": (None, 14, 14, 3)}, {}):
        by_place = () if given else ((None, 14, 14, 3),)
        with pytest.raises(ConfigError, match="output_padding says which"):
            layers.Deconvolution2D(3, 3, 3, *by_place, border_mode="valid", subsample=(2, 2), **given)
    with pytest.raises(ConfigError, match="mode 0 alone"):
        layers.BatchNormalization(mode=2)
    with pytest.raises(ConfigError, match="unrecognized"):
        layers.Dense(3, border_mode="same")


def test_a_model_of_keras_1_trains():
    model = Sequential()
    model.add(layers.Convolution2D(4, 3, 3, border_mode="same", init="uniform", input_shape=(6, 6, 1)))
    model.add(layers.MaxPooling2D(pool_size=(2, 2), border_mode="valid"))
    model.add(layers.Flatten())
    model.add(layers.Dense(output_dim=2, W_regularizer="l2"))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 6, 6, 1)), np.ones((4, 2)), nb_epoch=2, verbose=0)
    assert model.output_shape == (None, 2)


def test_weights_that_are_given_are_those_a_layer_begins_with():
    kernel, bias = np.arange(6.0).reshape(2, 3), np.ones(3)
    np.testing.assert_array_equal(layers.Dense(3, weights=[kernel, bias])(np.ones((1, 2))), [[4, 6, 8]])
    model = Sequential([layers.Conv1D(1, 1, weights=[np.full((1, 2, 1), 2.0), np.ones(1)], input_shape=(4, 2)), layers.BatchNormalization()])
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], np.full((1, 2, 1), 2.0))

    class Twice(layers.Dense):
        def build(self, input_shape):
            super().build(input_shape)
            self.scale = self.add_weight(shape=(), name="scale")

    assert float(Twice(3, weights=[kernel, bias, np.float32(7)])(np.ones((1, 2))).sum()) == 18
    with pytest.raises(ShapeError, match="2 weights, received 1"):
        layers.Dense(3, weights=[kernel])(np.ones((1, 2)))


@pytest.mark.parametrize(("mode", "expected"), [("sum", [4, 6]), ("mul", [3, 8]), ("ave", [2, 3]), ("max", [3, 4]), ("concat", [1, 2, 3, 4]),
                                               ("dot", [11]), ("cos", [11 / np.sqrt(5 * 25)]), (lambda pair: pair[1] - pair[0], [2, 2])])  # fmt: skip
def test_tensors_are_merged_by_mode(mode, expected):
    np.testing.assert_allclose(layers.merge([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], mode=mode)[0], expected, rtol=1e-6)


def test_a_mode_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="'plus'"):
        layers.merge([np.ones((1, 2))] * 2, mode="plus")


STARTS = [lambda shape: np.ones(shape), lambda shape, name=None: np.ones(shape), lambda shape, name: np.ones(shape, "float64")]


@pytest.mark.parametrize("start", STARTS)
def test_functions_that_know_no_dtype_begin_weights(start: Any) -> None:
    layer = layers.Dense(2, kernel_initializer=start)
    assert layer(np.ones((1, 3), "float32")).tolist() == [[3.0, 3.0]] and layer.kernel.dtype == "float32"
    assert Variable(start, shape=(2,), dtype="float32").numpy().tolist() == [1.0, 1.0]
