"""Copies and pickles: models with weights, compilation, optimizer and metrics, that go on as the original would."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, metrics, models, ops, optimizers, random
from symkeras.errors import SymbolicValueError

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = np.ones((8, 1), "float32")

COPIES: dict[str, Callable[[Any], Any]] = {"pickle": lambda x: pickle.loads(pickle.dumps(x)), "deepcopy": copy.deepcopy}


class Blocks(Model):
    """A model with layers in containers."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: Any = []
        for _ in range(2):
            self.blocks.append(layers.Dense(3))
        self.more: Any = {"pair": (layers.Dropout(0.5), layers.BatchNormalization())}
        self.head = layers.Dense(1)

    def call(self, x: Any, training: Any = None) -> Any:
        for block in (*self.blocks, *self.more["pair"]):
            x = block(x)
        return self.head(x)


class Named(Model):
    """A functional model with a constructor of its own."""

    def __init__(self, units: int) -> None:
        x = Input((3,))
        super().__init__(x, layers.Dense(1)(layers.Dense(units)(x)))
        self.units = units


def functional() -> Model:
    x = Input((3,))
    h = layers.Dense(4, activation="relu")(x)
    h = layers.Dropout(0.3)(h * 2 + ops.sum(x, axis=-1, keepdims=True))
    shared = layers.Dense(4)
    model = Model(x, layers.Dense(1)(shared(shared(h))) + 1.0)
    model.add_loss(ops.sum(h) * 0.01)
    return model


def stack() -> Model:
    return Sequential([Input((3,)), layers.Dense(2), Sequential([layers.BatchNormalization()]), layers.GaussianNoise(0.1), layers.Dense(1)])


def recurrent() -> Model:
    parts = [layers.Reshape((3, 1)), layers.LSTM(2, stateful=True, return_sequences=True), layers.Bidirectional(layers.GRU(2)), layers.Dense(1)]
    return Sequential([Input(batch_shape=(8, 3)), *parts])


KINDS = {"blocks": Blocks, "named": lambda: Named(4), "functional": functional, "stack": stack, "recurrent": recurrent,
         "growing": lambda: Sequential([layers.Dense(2), layers.Dense(1)])}  # fmt: skip


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_a_trained_model_trains_on_as_the_original(kind: str, how: str) -> None:
    model = KINDS[kind]()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    twin = COPIES[how](model)
    assert type(twin) is type(model) and [layer.name for layer in twin.layers] == [layer.name for layer in model.layers]
    assert [v.path for v in twin.variables] == [v.path for v in model.variables]
    assert not {v.uid for v in twin.variables} & {v.uid for v in model.variables}
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    before = twin.get_weights()
    expected = model.fit(X, Y, epochs=2, shuffle=False, verbose=0).history
    for a, b in zip(before, twin.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert twin.fit(X, Y, epochs=2, shuffle=False, verbose=0).history == expected
    assert int(twin.optimizer.iterations) == int(model.optimizer.iterations) == 4


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_of_a_model_that_was_never_called_can_be_used(kind: str, how: str) -> None:
    twin = COPIES[how](KINDS[kind]())
    twin.compile("sgd", "mse")
    assert len(twin.fit(X, Y, verbose=0).history["loss"]) == 1


@pytest.mark.parametrize("how", COPIES)
def test_models_copied_together_share_what_they_shared(how: str) -> None:
    x = Input((3,))
    encoder = Model(x, layers.Dense(2)(x))
    whole = Model(x, layers.Dense(3)(encoder(x)))
    optimizer = optimizers.Adam()
    for model in (encoder, whole):
        model.compile(optimizer, "mse")
    first, second = COPIES[how]((encoder, whole))
    assert second.layers[1] is first and first.optimizer is second.optimizer


@pytest.mark.parametrize("how", COPIES)
def test_a_layer_with_a_lambda_is_copied(how: str) -> None:
    factor = 3.0
    model = Sequential([Input((3,)), layers.Lambda(lambda x, y=1: ops.abs(x) * factor + y, mask=lambda x, m: m)])
    np.testing.assert_allclose(COPIES[how](model)(X), np.abs(X) * 3 + 1, rtol=1e-6)


@pytest.mark.parametrize("how", COPIES)
def test_layers_metrics_and_seeds_are_copied_with_their_state(how: str) -> None:
    dense = layers.Dense(2)
    expected = dense(X)
    twin = COPIES[how](dense)
    np.testing.assert_array_equal(twin(X), expected)
    dense.kernel.assign(dense.kernel.numpy() * 0)
    np.testing.assert_array_equal(twin(X), expected)
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0])
    assert float(COPIES[how](mean).result()) == 1.5
    seeds = random.SeedGenerator(3)
    seeds.next()
    assert COPIES[how](seeds).state.numpy().tolist() == [3, 1]


@pytest.mark.parametrize("how", COPIES)
def test_what_was_read_from_a_config_is_copied(how: str) -> None:
    again = Model.from_config(functional().get_config())
    np.testing.assert_array_equal(COPIES[how](again).predict(X, verbose=0), again.predict(X, verbose=0))


def test_a_symbolic_tensor_is_no_thing_to_pickle() -> None:
    x = Input((3,))
    assert copy.deepcopy([x])[0] is x
    with pytest.raises(SymbolicValueError, match="cannot be pickled"):
        pickle.dumps(x)


def test_what_a_copy_gets_later_belongs_to_it_alone() -> None:
    model = Blocks()
    twin = copy.deepcopy(model)
    twin.blocks.append(layers.Dense(3))
    twin.predict(X, verbose=0)
    model.predict(X, verbose=0)
    assert len(twin.layers) == len(model.layers) + 1


def test_a_copied_stack_can_grow() -> None:
    twin = copy.deepcopy(stack())
    twin.add(layers.Dense(2))
    assert twin.output_shape == (None, 2) and len(twin.weights) == 10


def test_a_copy_remembers_what_was_trainable_at_its_compile() -> None:
    model = stack()
    model.compile("sgd", "mse")
    model.trainable = False
    twin = copy.deepcopy(model)
    before = twin.get_weights()
    with pytest.warns(UserWarning, match="trainable when it was compiled"):
        twin.fit(X, Y, verbose=0)
    assert (twin.get_weights()[0] != before[0]).any()


# ---- lambdas from files ----------------------------------------------------------------------------------------------


def test_lambdas_from_files_know_k_and_custom_objects(tmp_path: Any) -> None:
    from symkeras import backend as K

    names: dict[str, Any] = {"__builtins__": __builtins__, "K": K, "triple": lambda x: x * 3}
    exec("f = lambda x: K.square(triple(x))", names)
    model = Sequential([Input((3,)), layers.Lambda(names["f"])])
    with pytest.warns(UserWarning, match="bytecode"):
        model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras", custom_objects={"triple": lambda x: x * 3}, safe_mode=False)
    np.testing.assert_allclose(again(X), 9 * X**2, rtol=1e-5)
