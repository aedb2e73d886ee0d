"""Registering backends, asking for them by name, and what all executables promise."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, config, layers, ops
from symkeras import backend as K
from symkeras.backend import interface
from symkeras.backend.interpreter import InterpreterBackend
from symkeras.errors import BackendError, ConfigError, DataError, ShapeError
from symkeras.graph.graph import Graph
from tests.backends import missing


class Counting(InterpreterBackend):
    """The interpreter, counting what it compiles."""

    name = "counting"
    compiled = 0

    def compile(self, graph: Graph, **options: Any) -> interface.Executable:
        Counting.compiled += 1
        return super().compile(graph, **options)


@pytest.fixture
def counting() -> Iterator[type[Counting]]:
    """`Counting`, registered for one test."""
    interface.register("counting", Counting)
    Counting.compiled = 0
    yield Counting
    interface.PLACES.pop("counting", None)
    interface._loaded.pop("counting", None)


def test_a_registered_backend_runs_functions(counting: type[Counting]) -> None:
    assert "counting" in interface.registered()
    x = K.placeholder((None,))
    f = K.function([x], [x * 2], backend="counting")
    assert f([[1.0, 2.0]])[0].tolist() == [2.0, 4.0] and counting.compiled == 1
    assert interface.get("counting") is interface.get("counting")


def test_a_registered_backend_can_be_the_default(counting: type[Counting]) -> None:
    try:
        config.set_backend("counting")
        assert K.backend() == "counting"
        K.function([], [K.constant(1.0)])
        assert counting.compiled == 1
    finally:
        config.set_backend("numpy")


def test_a_backend_may_be_registered_by_its_place_and_is_imported_when_asked_for() -> None:
    interface.register("lazy", "symkeras.backend.interpreter:InterpreterBackend")
    try:
        assert "lazy" not in interface._loaded
        assert isinstance(interface.get("lazy"), InterpreterBackend)
    finally:
        interface.PLACES.pop("lazy")
        interface._loaded.pop("lazy", None)


def test_registering_again_replaces_the_backend(counting: type[Counting]) -> None:
    first = interface.get("counting")
    interface.register("counting", Counting)
    assert interface.get("counting") is not first


def test_loading_a_backend_leaves_the_global_generators_as_they_were(counting: type[Counting]) -> None:
    def made() -> interface.Backend:
        random.random(), np.random.random()
        return counting()

    interface.register("drawing", made)
    random.seed(3), np.random.seed(3)
    expected = random.random(), np.random.random()
    random.seed(3), np.random.seed(3)
    interface.get("drawing")
    interface.PLACES.pop("drawing")
    assert (random.random(), np.random.random()) == expected


@pytest.mark.parametrize("ask", [interface.get, config.set_backend, interface.check_registered])
def test_an_unknown_name_offers_the_nearest(ask: Any) -> None:
    with pytest.raises(BackendError, match=r"unknown backend 'nunpy'; registered: .*interpreter.*\. ?Did you mean 'numpy'\?"):
        ask("nunpy")
    assert config.backend() == "numpy"


def test_outputs_are_fresh_arrays_and_inputs_are_left_alone(backend: str) -> None:
    x = ops.placeholder("f32[batch, 2]", name="x")
    f = interface.compile_graph(Graph([x.node], [(x + 1).node, x.node]), backend)
    given = np.zeros((3, 2), "f4")
    first, same = f(given)
    same[...] = 5
    second, _ = f(given)
    assert np.array_equal(first, second) and first is not second and not given.any()


@pytest.mark.parametrize(
    ("arrays", "error", "message"),
    [
        ([np.zeros((2, 2), "f4")], DataError, r"takes 2 inputs \(x, i\), received 1"),
        ([np.zeros((2, 3), "f4"), np.zeros(2, "i4")], ShapeError, "input 'x' expects .* axis 1 is 3"),
        ([np.zeros(2, "f4"), np.zeros(2, "i4")], ShapeError, "input 'x' expects"),
        ([np.zeros((2, 2), "f4"), np.zeros(3, "i4")], ShapeError, "'i'"),
        ([np.zeros((2, 2), "f4"), np.zeros(2, "f4")], DataError, "input 'i' expects int32 values, received dtype float32"),
        ([np.array([["a", "b"]]), np.zeros(1, "i4")], DataError, "input 'x' expects float32"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(arrays: list[Any], error: type[Exception], message: str, backend: str) -> None:
    x, i = ops.placeholder("f32[batch, 2]", name="x"), ops.placeholder("i32[batch]", name="i")
    f = interface.compile_graph(Graph([x.node, i.node], [(x + ops.expand_dims(ops.cast(i, "float32"), 1)).node]), backend)
    with pytest.raises(error, match=message):
        f(*arrays)


def test_numbers_of_another_kind_are_converted(backend: str) -> None:
    x = ops.placeholder("f32[batch]", name="x")
    f = interface.compile_graph(Graph([x.node], [(x * 2).node]), backend)
    for given in (np.arange(3), np.arange(3.0), [0, 1, 2], np.array([0, 1, 2], "uint8")):
        out = f(given)[0]
        assert out.dtype == "float32" and out.tolist() == [0.0, 2.0, 4.0]


@pytest.mark.parametrize("do", ["predict", "train"])
@pytest.mark.parametrize("name", ["interpreter", "numpy", "native"])
def test_an_index_out_of_range_names_the_layer_that_looked_it_up(name: str, do: str) -> None:
    if missing(name):
        pytest.skip(missing(name))
    model = Sequential([Input((5,), dtype="int32"), layers.Embedding(11, 16, name="words"), layers.LSTM(4)])
    model.compile("sgd", "mse", backend=name)
    words = np.full((2, 5), -12, "int32")
    with pytest.raises(IndexError, match=r"^index -12 is out of range for an axis of size 11 \(words, test_interface.py:\d+\)$"):
        model.predict(words, verbose=0) if do == "predict" else model.train_on_batch(words, np.zeros((2, 4), "float32"))


@pytest.mark.parametrize("option", ["numerics", "levels", "device"])
def test_an_option_that_a_backend_does_not_have_is_refused(option: str, backend: str) -> None:
    x = ops.placeholder("f32[2]")
    graph = Graph([x.node], [(x + 1.0).node])
    if option in interface.options_of(backend):
        pytest.skip(f"{backend} has the option {option}")
    with pytest.raises(ConfigError, match=f"backend '{backend}' has no option '{option}'"):
        interface.compile_graph(graph, backend, **{option: "fast"})
    model = Sequential([Input((2,)), layers.Dense(1)])
    with pytest.raises(ConfigError, match=option):
        model.compile("sgd", "mse", backend=backend, **{option: "fast"})


@pytest.mark.parametrize("suffix", [".c", ".py"])
def test_what_is_exported_takes_no_option_without_a_meaning(suffix: str, tmp_path: Path) -> None:
    model = Sequential([Input((2,)), layers.Dense(1)])
    with pytest.raises(ConfigError, match="has no option 'numerics'"):
        model.export(tmp_path / f"model{suffix}", numerics="fast")
    assert not list(tmp_path.iterdir())
