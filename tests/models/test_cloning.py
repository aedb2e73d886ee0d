"""`clone_model`: the same architecture, layers and weights of its own; and the order in which layers are listed."""

from pathlib import Path

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, metrics, ops, optimizers
from symkeras.errors import ConfigError
from symkeras.models import clone_model
from symkeras.models.layer_order import layers_by_depth

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def functional():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    shared = layers.Dense(4, name="shared")
    inner = Sequential([layers.Dense(2, name="small")], name="inner")
    y = layers.Concatenate(name="join")([shared(a) * 2, shared(b)])
    return Model([a, b], {"y": inner(y), "z": y + 1}, name="two")


def test_a_functional_clone_computes_the_same_with_the_same_weights():
    model = functional()
    clone = clone_model(model)
    assert clone.name == model.name and [v.shape for v in clone.weights] == [v.shape for v in model.weights]
    assert not {id(layer) for layer in clone.layers} & {id(layer) for layer in model.layers}
    assert not {id(v) for v in clone.weights} & {id(v) for v in model.weights}
    clone.set_weights(model.get_weights())
    p, q = model.predict([X, X + 1], verbose=0), clone.predict([X, X + 1], verbose=0)
    assert set(p) == set(q) == {"y", "z"}
    for key in p:
        assert np.array_equal(p[key], q[key])


def test_a_sequential_clone_may_be_unbuilt():
    model = Sequential([layers.Dense(2, name="a"), layers.Dense(3, name="b")], name="s")
    clone = clone_model(model)
    assert not clone.built and [layer.name for layer in clone.layers] == ["a", "b"]
    model.build((None, 3))
    assert clone_model(model).input_shape == (None, 3)


def test_the_clone_may_begin_with_given_tensors():
    x = Input((3,), name="given")
    clone = clone_model(functional(), input_tensors=[x, x + 1])
    assert clone.inputs[0] is x
    assert clone_model(Sequential([layers.Input((3,)), layers.Dense(2)]), input_tensors=x).input_names == ["given"]
    with pytest.raises(ConfigError, match="2 inputs"):
        clone_model(functional(), input_tensors=[x])


def test_clone_function_replaces_layers_also_inside_when_recursive():
    def with_relu(layer):
        if isinstance(layer, layers.Dense):
            return layers.Dense(layer.units, activation="relu", name=layer.name)
        return type(layer).from_config(layer.get_config())

    shallow, deep = (clone_model(functional(), clone_function=with_relu, recursive=r) for r in (False, True))
    used = [[m.get_layer("shared").activation.__name__, m.get_layer("inner").layers[0].activation.__name__] for m in (shallow, deep)]
    assert used == [["relu", "linear"], ["relu", "relu"]]
    with pytest.raises(ConfigError, match="must return a layer"):
        clone_model(functional(), clone_function=lambda layer: None)


def test_call_function_makes_the_calls():
    called = []

    def call(layer, *args, **kwargs):
        called.append(layer.name)
        return layer(*args, **kwargs)

    clone_model(functional(), call_function=call)
    assert called == ["shared", "shared", "join", "inner"]
    with pytest.raises(ConfigError, match="functional models"):
        clone_model(Sequential([layers.Dense(2)]), call_function=call)


def test_call_function_makes_the_calls_of_models_inside_when_recursive():
    a = Input((3,))
    inner = Model(a, layers.Dense(2, name="deep")(a), name="inner")
    b = Input((3,))
    model = Model(b, Sequential([layers.Dense(1, name="in_sequential")])(inner(b)))

    def with_dropout(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return layers.Dropout(0.5)(y) if isinstance(layer, layers.Dense) else y

    clone = clone_model(model, clone_function=lambda layer: layer, call_function=with_dropout, recursive=True)
    assert [type(layer).__name__ for layer in clone.layers[1].layers] == ["InputLayer", "Dense", "Dropout"]
    assert [layer.name for layer in clone.layers[2].layers] == ["in_sequential"]
    np.testing.assert_array_equal(clone.predict(X, verbose=0), model.predict(X, verbose=0))


def test_models_that_define_call_are_made_again_from_their_config():
    class Double(Model):
        def __init__(self, units=2, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units)

        def call(self, x):
            return self.dense(x) * 2

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    clone = clone_model(Double(5))
    assert clone.units == 5 and not clone.weights
    with pytest.raises(ConfigError, match="defines its own call"):
        clone_model(Double(), clone_function=lambda layer: layer)


def test_layers_are_listed_by_their_distance_from_the_outputs_as_keras_lists_them():
    i, j, unused = Input((7,), dtype="int32", name="i"), Input((5, 4), name="j"), Input((1,), name="unused")
    x = layers.Embedding(20, 8, name="embedding")(i)
    x = layers.LSTM(3, return_sequences=True, name="lstm")(x)
    x = layers.GRU(4, name="gru")(x)
    y = layers.TimeDistributed(layers.Dense(6), name="each")(j)
    y = layers.GlobalAveragePooling1D(name="mean")(y)
    y = layers.BatchNormalization(name="norm")(y)
    y = layers.Dense(5, name="dense")(y)
    z = layers.Concatenate(name="join")([x, y])
    out = layers.Dense(2, name="out")(z)
    order = [layer.name for layer in layers_by_depth([i, j, unused], [out])]
    assert order == ["j", "i", "each", "embedding", "mean", "lstm", "norm", "gru", "dense", "join", "unused", "out"]


def test_a_shared_layer_is_listed_where_it_is_called_first():
    x = Input((3,), name="x")
    shared = layers.Dense(3, name="shared")
    y = layers.Add(name="sum")([shared(layers.Dense(3, name="between")(shared(x))), layers.Dense(3, name="beside")(x)])
    assert [layer.name for layer in layers_by_depth([x], [y])] == ["x", "shared", "between", "beside", "sum"]


def test_a_clone_is_compiled_as_its_model() -> None:
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(optimizers.Adam(0.25), lambda t, p: ops.mean((t - p) ** 2), metrics=[metrics.MeanAbsoluteError(name="off")])
    clone = clone_model(model)
    assert clone.compiled and clone.optimizer is not model.optimizer and float(clone.optimizer.learning_rate) == 0.25
    x = np.ones((4, 3), "float32")
    clone.fit(x, x[:, :1], verbose=0)
    assert int(clone.optimizer.iterations) == 1 and int(model.optimizer.iterations) == 0
    assert "off" in clone.evaluate(x, x[:, :1], verbose=0, return_dict=True)
    assert not clone_model(Sequential([Input((3,)), layers.Dense(1)])).compiled


def test_a_clone_of_a_compiled_model_reads_a_file_of_its_weights_in_silence(tmp_path: Path) -> None:
    model = Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)
    model.save_weights(tmp_path / "m.weights.h5")
    clone = clone_model(model)
    clone.load_weights(tmp_path / "m.weights.h5")
    assert int(clone.optimizer.iterations) == 1
    np.testing.assert_array_equal(clone.get_weights()[0], model.get_weights()[0])
