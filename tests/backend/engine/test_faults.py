"""Errors of engines: which node, layer and line they come from, what was asked of memory, and that nothing is written."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.backend.engine import faults
from symkeras.backend.engine.backend import EngineBackend
from symkeras.backend.engine.device import Device
from symkeras.backend.engine.executable import AtOnce, WalkExecutable
from symkeras.backend.engine.walk import Functions, Here, Walk
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError, OutOfMemoryError
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from tests.backends import missing

ENGINES = ["jax", "torch", "tensorflow", "pytensor", "onnxruntime"]


class Arrays(Device):
    """Memory of this process."""

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        return array.copy()

    def fetch(self, value: Any) -> np.ndarray:
        return value

    def held(self) -> int | None:
        return 5 << 20


class Failing(Functions):
    """Functions of NumPy, of which one fails."""

    def __init__(self, tanh: Callable[..., Any]):
        self.plain = {"add": np.add, "multiply": np.multiply, "tanh": tanh}
        self.special = {"scan": self._scan}

    def _scan(self, here: Here) -> Callable[..., Any]:
        body = here.walk(here.attrs["body"])

        def run(carry: Any, xs: Any) -> Any:
            for x in xs:
                (carry,), _ = body([carry, x])
            return [carry]

        return run

    def constant(self, array: Any) -> Any:
        return np.asarray(array)


class Toy(EngineBackend):
    """An engine for these tests."""

    name = "toy"

    def __init__(self, tanh: Callable[..., Any]):
        super().__init__()
        self.table = Failing(tanh)

    def make_device(self, name: str) -> Device:
        return Arrays(name)

    def step(self, walk: Walk, device: Device, own: Any) -> AtOnce:
        return AtOnce(walk, device)

    def about(self, device: Device, own: Any) -> str:
        return "line by line"


def raising(error: Exception) -> Callable[..., Any]:
    def run(x: Any) -> Any:
        raise error

    return run


def test_an_error_of_an_engine_names_engine_node_and_line_and_writes_nothing() -> None:
    v, x = Variable(np.ones(3, "float32"), name="v"), ops.placeholder("f32[3]", name="x")
    graph = Graph([x.node], [ops.tanh(x * 2.0).node], [(v.node, (ops.as_tensor(v) + 1.0).node)])
    f = WalkExecutable(graph, Toy(raising(RuntimeError("no kernel\n  File insides"))), level="O0")
    with pytest.raises(BackendError, match=r"main: toy failed in tanh: f32\[3\] \(test_faults\.py:\d+\): RuntimeError: no kernel") as caught:
        f(np.ones(3, "float32"))
    assert isinstance(caught.value.__cause__, RuntimeError) and v.numpy().tolist() == [1, 1, 1]


def test_the_node_of_a_graph_within_is_found() -> None:
    x = ops.placeholder("f32[4]", name="x")
    last, _ = ops.scan(lambda c, e: (ops.tanh(c + e), None), np.float32(0), x)
    f = WalkExecutable(Graph([x.node], [last.node]), Toy(raising(IndexError("inner"))), level="O0")
    with pytest.raises(BackendError, match=r"toy failed in tanh: f32\[\] \(test_faults\.py:\d+\): IndexError: inner"):
        f(np.ones(4, "float32"))


def test_errors_of_the_family_and_interrupts_pass_as_they_are() -> None:
    x = ops.placeholder("f32[3]", name="x")
    graph = Graph([x.node], [ops.tanh(x).node])
    for error in (BackendError("ours"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as caught:
            WalkExecutable(graph, Toy(raising(error)), level="O0")(np.ones(3, "float32"))  # type: ignore[arg-type]
        assert caught.value is error


def test_out_of_memory_says_what_was_asked_and_what_is_held() -> None:
    v, x = Variable(np.ones((256, 3), "float32"), name="v"), ops.placeholder("f32[n, 3]", name="x")
    graph = Graph([x.node], [ops.tanh(x).node, ops.as_tensor(v).node])
    f = WalkExecutable(graph, Toy(raising(MemoryError("Tried to allocate 3.50 GiB"))), level="O0")
    with pytest.raises(OutOfMemoryError) as caught:
        f(np.ones((512, 3), "float32"))
    text = str(caught.value)
    assert text.startswith("main: toy is out of memory on cpu: asked for 3.50 GiB in tanh: f32[n, 3] (test_faults.py:"), text
    assert text.endswith("with n=512; held: 3.0 KiB of variables and 6.0 KiB of inputs of this function, 5.0 MiB in all (MemoryError)"), text
    assert isinstance(caught.value, MemoryError)


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 60, "1024.0 PiB")])
def test_sizes_are_written_for_readers(count: int, text: str) -> None:
    assert faults.size(count) == text


@pytest.mark.parametrize("engine", ENGINES)
def test_more_memory_than_there_is_names_the_value_that_asks_for_it_and_writes_nothing(engine: str) -> None:
    if missing(engine):
        pytest.skip(missing(engine))
    x, y = ops.placeholder("f32[n, 1]", name="x"), ops.placeholder("f32[1, n]", name="y")
    v = Variable(np.ones(3, "float32"), name="v", trainable=False)
    f = compile_graph(Graph([x.node, y.node], [ops.sum(ops.sort(x + y)).node], [(v.node, (ops.as_tensor(v) * 2.0).node)]), engine, level="O0")
    f(np.ones((4, 1), "float32"), np.ones((1, 4), "float32"))
    n = 1 << 23  # 256 TiB, more than processors address
    text = rf"(?i){engine} is out of memory on cpu.*: asked for .*add.*test_faults\.py:\d+.*n=8388608; held: 12 B of variables"
    with pytest.raises(OutOfMemoryError, match=text) as caught:
        f(np.ones((n, 1), "float32"), np.ones((1, n), "float32"))
    assert caught.value.__cause__ is not None and v.numpy().tolist() == [2, 2, 2]
    f(np.ones((4, 1), "float32"), np.ones((1, 4), "float32"))
    assert v.numpy().tolist() == [4, 4, 4]


def _break(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an engine have no hyperbolic tangent, which it finds out in its own way."""
    module = importlib.import_module(f"symkeras.backend.{engine}.functions")
    if engine == "torch":
        import torch

        monkeypatch.setitem(module.elementwise.SPECIAL, "tanh", lambda here: lambda x, out=None: torch.matmul(x, torch.ones(77)))
    elif engine == "jax":
        monkeypatch.setitem(module.ON_PROCESSOR.plain, "tanh", lambda x: module.lax.dot(x, module.jnp.ones(77)))
    elif engine == "tensorflow":  # when it runs
        tf = module.tf
        monkeypatch.setitem(module.FUNCTIONS.plain, "tanh", lambda x: tf.gather(x, tf.range(3) + 77 + tf.cast(x[0, 0] * 0, "int32")))
    else:  # when it runs
        monkeypatch.setitem(module.FUNCTIONS.special, "tanh", lambda here: lambda x: module.pt.specify_shape(x[module.pt.arange(77) % 2], (5, 5)))


@pytest.mark.parametrize("engine", [e for e in ENGINES if e != "onnxruntime"])
def test_what_an_engine_refuses_names_layer_and_line_and_writes_nothing(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing(engine):
        pytest.skip(missing(engine))
    _break(engine, monkeypatch)
    model = Sequential([Input((4,)), layers.Dense(5, activation="tanh", name="hidden"), layers.Dense(1)])
    model.compile("sgd", "mse", backend=engine)
    before = model.get_weights()
    text = rf"{engine} (failed in|cannot compile) tanh: f32\[batch, 5\] \(hidden, test_faults\.py:\d+\): "
    with pytest.raises(BackendError, match=text) as caught:
        model.train_on_batch(np.ones((3, 4), "float32"), np.ones((3, 1), "float32"))
    assert caught.value.__cause__ is not None
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("engine", ENGINES)
def test_options_without_effect_are_refused(engine: str) -> None:
    if missing(engine):
        pytest.skip(missing(engine))
    from symkeras.backend import interface
    from symkeras.errors import ConfigError

    x = ops.placeholder("f32[3]", name="x")
    graph = Graph([x.node], [(x * np.float32(1e-10)).node])
    for name, value in (("poison", True), ("threads", 3)):
        with pytest.raises(ConfigError, match=f"backend '{engine}' has no option '{name}'; its options are level, .*device"):
            compile_graph(graph, engine, **{name: value})
    for way in ("flush", "keep"):
        if way in interface.get(engine).denormals():
            f = compile_graph(graph, engine, denormals=way)
            assert (f(np.full(3, 1e-30, "float32"))[0] == 0).all() == (way == "flush")
        else:
            with pytest.raises(BackendError, match=f"{engine} on .* cannot {way} denormals"):
                compile_graph(graph, engine, denormals=way)
    lines = str(compile_graph(graph, engine)).splitlines()
    told = ["threads:", "denormals:", *(["storage:"] if interface.get(engine).asks_malloc else [])]
    assert [line.partition(" ")[0] for line in lines[2:]] == told and "on cpu" in lines[1].lower()
