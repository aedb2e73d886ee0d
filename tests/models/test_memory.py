"""What is dropped is freed, and what could be made again is bounded."""

from __future__ import annotations

import json
import subprocess
import sys
import weakref

import numpy as np
import pytest

import symkeras
from symkeras import backend as K
from symkeras import config, layers, models, ops
from symkeras.backend.interface import MOST_SIZES, compile_graph
from symkeras.errors import ConfigError
from symkeras.graph.graph import Graph
from symkeras.random.seed_generator import global_seed_generator
from symkeras.recent import Recent
from tests import backends
from tests.patience import SECONDS

CENSUS = """
import gc, json, sys
from collections import Counter
import numpy as np
from symkeras import backend as K, layers, models, ops, function
from symkeras.graph.variable import Variable

x, y = np.ones((8, 6), "float32"), np.ones((8, 3), "float32")

def functional():
    a = layers.Input((6,))
    h = layers.Reshape((3, 2))(layers.Dense(6, activation="gelu")(a) + a)
    h = layers.Bidirectional(layers.LSTM(2))(layers.Dropout(0.1)(h))
    return models.Model(a, layers.Dense(3, kernel_regularizer="l2")(layers.BatchNormalization()(h)))

class Own(models.Model):
    def __init__(self):
        super().__init__()
        self.inner = layers.Dense(3)
    def call(self, x):
        return self.inner(x)

def sequential():
    return models.Sequential([layers.Dense(4, activation="relu", input_dim=6), layers.Dense(3, activation="softmax")])

def other_functions():
    total, a = K.variable(np.zeros(3)), K.placeholder((None, 3))
    K.function([a], [K.sum(a)], updates=[K.update_add(total, K.sum(a, axis=0))])([y])
    function(lambda b: ops.exp(b) + total.value)(y)
    ops.scan(lambda c, t: (c + t, c), ops.zeros((3,)), ops.as_tensor(Variable(y)))

def use(make, trained):
    model = make()
    if trained:
        model.compile("adam", "mse", metrics=["mae"], backend=sys.argv[1])
        model.fit(x, y, batch_size=4, verbose=0)
        model.evaluate(x, y, verbose=0)
        model.predict(x, verbose=0)

def alive():
    gc.collect()
    return dict(Counter(type(o).__qualname__ for o in gc.get_objects() if str(type(o).__module__).partition(".")[0] == "symkeras"))

kinds = [sequential, functional, Own]
for k in range(300):
    use(kinds[k % 3], trained=k % 60 < 3)
    if k % 30 == 0:
        K.clear_session()
        other_functions()
    if k == 29:
        before = alive()
print(json.dumps([before, alive()]))
"""


@pytest.mark.parametrize("name", ["numpy", "native"])
def test_three_hundred_models_built_trained_and_dropped_end_where_thirty_did(name: str) -> None:
    if reason := backends.missing(name):
        pytest.skip(reason)
    run = subprocess.run([sys.executable, "-c", CENSUS, name], capture_output=True, text=True, timeout=2 * SECONDS)
    assert run.returncode == 0, run.stderr
    before, after = json.loads(run.stdout)
    assert after == before
    assert after["Node"] == 1, "the leaf of the learning phase"
    assert not {"Variable", "BoundArena", "CallRecord", "Dense", "Step"} & after.keys()


def test_variables_of_equal_name_and_value_are_different_nodes() -> None:
    a, b = symkeras.Variable([1.0], name="v"), symkeras.Variable([1.0], name="v")
    assert a.node is not b.node and a.node is a.node


def lengths(model: models.Model, *sizes: int) -> list[np.ndarray]:
    return [model.predict(np.ones((2, n, 3), "float32"), verbose=0) for n in sizes]


def test_of_many_lengths_of_sequences_those_used_last_keep_a_compiled_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config._state, "max_compiled_functions", 3)
    model = models.Sequential([layers.Input((None, 3)), layers.SimpleRNN(2)])
    first = lengths(model, 2, 3, 4, 2, 5, 6)
    kept = {step.signature.x[0].shape[1] for step in model._steps.values()}
    assert kept == {2, 5, 6} or kept == {model._steps.values()[0].signature.x[0].shape[1]}, "one function for all lengths where they are symbolic"
    for a, b in zip(first, lengths(model, 2, 3, 4, 2, 5, 6), strict=True):
        np.testing.assert_array_equal(a, b)
    f = symkeras.function(lambda x: x + 1)
    for n in range(1, 9):
        assert f(np.zeros(n, "float32")).shape == (n,)
    assert len(f._traced) == 3


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "3", None])
def test_the_number_of_compiled_functions_is_an_integer_of_at_least_one(value: object) -> None:
    with pytest.raises(ConfigError, match="max_compiled_functions must be an integer of at least 1"):
        config.set_max_compiled_functions(value)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_planned")
def test_of_many_batch_sizes_those_used_last_keep_their_buffers(model_backend: str) -> None:
    x = ops.placeholder("f32[n, m]")
    f = compile_graph(Graph([x.node], [ops.exp(x).node]), model_backend)
    for n in range(1, 100):
        for shape in ((n, 2), (2, n), (n, n)):
            np.testing.assert_allclose(f(np.ones(shape, "float32"))[0], np.full(shape, np.e), rtol=1e-6)
    assert len(f._free) <= 4 and all(len(arena.instances) <= MOST_SIZES for arena in f._free)
    assert f.memory.planned == max(a.plan.planned for a in f._free)


def test_clear_session_frees_what_was_dropped_and_begins_names_and_seeds_again() -> None:
    K.clear_session()
    model = models.Sequential([layers.Dense(2, input_dim=3), layers.Dense(1)])
    names, kernel, generator = [layer.name for layer in model.layers], weakref.ref(model.weights[0]), global_seed_generator()
    del model
    K.clear_session()
    assert kernel() is None
    assert [layers.Dense(1).name for _ in range(2)] == names
    assert global_seed_generator() is not generator
    symkeras.utils.set_random_seed(5)
    K.clear_session()
    first = symkeras.random.normal((3,))
    symkeras.utils.set_random_seed(5)
    K.clear_session()
    np.testing.assert_array_equal(symkeras.random.normal((3,)), first)


def test_what_was_asked_for_last_stays() -> None:
    recent: Recent[int, int] = Recent(3)
    for k in (1, 2, 3, 1, 4, 5):
        recent.put(k, -k)
        recent.get(1)
    assert sorted(recent) == [1, 4, 5] and recent.get(2) is None and recent.get(1) == -1
