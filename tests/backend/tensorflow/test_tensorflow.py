"""What is TensorFlow's own about the backend of that name: devices, text, values that its kernels would get wrong, tables written in place."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend import interface
from symkeras.errors import BackendError
from symkeras.graph import Graph, dtypes
from symkeras.graph.variable import Variable

pytest.importorskip("tensorflow", reason="the TensorFlow backend needs TensorFlow")


def on_tensorflow(build: Any, *arrays: np.ndarray) -> list[np.ndarray]:
    """What a function of tensors gives on the backend and by the reference: the former, after both agree."""
    inputs = [ops.placeholder(f"{dtypes.SHORT[a.dtype.name]}[{', '.join(map(str, a.shape))}]") for a in arrays]
    graph = Graph([t.node for t in inputs], [build(*inputs).node])
    expected = interface.compile_graph(graph, "interpreter")(*arrays)
    found = interface.compile_graph(graph, "tensorflow")(*arrays)
    for f, e in zip(found, expected, strict=True):
        assert f.dtype == e.dtype
        np.testing.assert_array_equal(f, e)
    return found


def test_a_device_that_is_not_there_is_named_with_those_that_are() -> None:
    x = ops.placeholder("f32[2]")
    graph = Graph([x.node], [(x + 1.0).node])
    assert interface.compile_graph(graph, "tensorflow", device="cpu")(np.zeros(2, "float32"))[0].tolist() == [1, 1]
    with pytest.raises(BackendError, match=r"no device 'GPU:7'; it has CPU:0"):
        interface.compile_graph(graph, "tensorflow", device="GPU:7")


def test_the_source_is_the_graph_of_the_concrete_function_with_its_loops() -> None:
    x = ops.placeholder("f32[4, batch]")
    total, _ = ops.scan(lambda c, e: (c + e, c), x[0], x)
    executable = interface.compile_graph(Graph([x.node], [total.node]), "tensorflow")
    assert "Placeholder() -> float32[4, 2]" in executable.source
    assert "While" in executable.source and "body" in executable.source
    assert "kernels" in str(executable) and "denormals: flushed" in str(executable)


@pytest.mark.parametrize("number", [np.nan, -np.inf, np.inf, 2.0])
def test_pools_keep_what_kernels_of_tensorflow_lose(number: float) -> None:
    image = np.arange(50, dtype="float32").reshape(1, 5, 5, 2) % 7
    image[0, 0:2, 0:2, 0] = number
    pooled = on_tensorflow(lambda x: ops.max_pool(x, 2, padding="same"), image)[0]
    np.testing.assert_array_equal(pooled[0, 0, 0, 0], np.float32(number))


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integer_division_stops_at_nothing(dtype: str) -> None:
    low = np.iinfo(dtype).min
    x, y = np.array([7, -7, low, low], dtype), np.array([0, 0, -1, 0], dtype)
    on_tensorflow(lambda x, y: x // y, x, y)
    on_tensorflow(lambda x, y: x % y, x, y)


def test_nan_sorts_last_and_is_the_largest() -> None:
    x = np.array([1, np.nan, -0.0, 0.0, np.nan, -np.inf], "float32")
    on_tensorflow(ops.argsort, x)
    on_tensorflow(lambda x: ops.argmax(x, 0), x)
    on_tensorflow(lambda x: ops.top_k(x, 4)[1], x)


def test_rows_of_a_table_are_set_in_place_and_an_index_out_of_range_sets_none() -> None:
    table, other = Variable(np.zeros((4, 2), "float32"), name="table"), Variable(np.zeros((), "float32"), name="other")
    i, rows = ops.placeholder("i32[2]", "i"), ops.placeholder("f32[2, 2]", "rows")
    old = ops.take(ops.as_tensor(table), i, axis=0)
    new = ops.op.apply(ops.op.OPS["set_rows"], [ops.as_tensor(table), i, old + rows])
    graph = Graph([i.node, rows.node], [old.node], [(table.node, new.node), (other.node, (ops.as_tensor(other) + 1.0).node)])
    step = interface.compile_graph(graph, "tensorflow")
    ones = np.ones((2, 2), "float32")
    for _ in range(3):
        step(np.int32([1, -1]), ones)
    assert "ResourceScatterUpdate" in step.source and "ReadVariableOp" in step.source
    assert table.numpy()[:, 0].tolist() == [0, 3, 0, 3] and other.numpy() == 3
    with pytest.raises(IndexError, match="index 4 is out of range for an axis of size 4"):
        step(np.int32([0, 4]), ones)
    assert table.numpy()[:, 0].tolist() == [0, 3, 0, 3] and other.numpy() == 3, "an exception writes nothing"


def test_a_step_does_not_keep_the_arrays_it_was_given() -> None:
    v, x = Variable(np.zeros(64, "float32"), name="v"), ops.placeholder("f32[64]")
    step = interface.compile_graph(Graph([x.node], [], [(v.node, x.node)]), "tensorflow")
    array = np.ones(64, "float32")
    step(array)
    array[:] = 7
    assert v.numpy().tolist() == [1] * 64


def test_the_newest_value_is_found_whoever_wrote_it() -> None:
    v = Variable(np.ones(3, "float32"), name="v")
    graph = Graph([], [], [(v.node, (ops.as_tensor(v) * 2.0).node)])
    steps = {name: interface.compile_graph(graph, name) for name in ("tensorflow", "numpy", "interpreter")}
    for name in ("tensorflow", "numpy", "tensorflow", "tensorflow", "interpreter", "tensorflow"):
        steps[name]()
    assert v.numpy().tolist() == [64] * 3
    v.set(np.zeros(3, "float32"))
    steps["tensorflow"]()
    assert v.numpy().tolist() == [0] * 3


IN_A_NEW_PROCESS = {
    "the names of Keras mean symkeras while the backend has the real TensorFlow": """
        from symkeras import keras_alias
        keras_alias.install()
        import numpy as np, sys
        import tensorflow.keras.layers
        from tensorflow.python.keras.models import Sequential
        from symkeras.backend import interface
        from symkeras import ops, Graph
        x = ops.placeholder("f32[2]")
        assert interface.compile_graph(Graph([x.node], [(x + 1.0).node]), "tensorflow")(np.zeros(2, "float32"))[0].tolist() == [1, 1]
        import keras, tensorflow as tf
        from tensorflow.keras.layers import Dense
        from tensorflow.python.keras.layers.core import Dropout
        assert Dense.__module__.startswith("symkeras") and Dropout.__module__.startswith("symkeras"), (Dense, Dropout)
        assert tf.keras.Sequential is keras.Sequential is Sequential
        from symkeras.backend.tensorflow.real import tf as real
        from tensorflow.python.ops import parsing_ops  # TensorFlow imports parts of itself
        assert real.constant(1).numpy() == 1
        keras_alias.uninstall()
        import tensorflow
        assert tensorflow is real
    """,
    "nothing is printed, and no setting or random state is left behind": """
        import os, random
        import numpy as np
        before = dict(os.environ)
        random.seed(3), np.random.seed(3)
        from symkeras.backend import interface
        interface.get("tensorflow").devices()
        assert os.environ.get("TF_CPP_MIN_LOG_LEVEL") == before.get("TF_CPP_MIN_LOG_LEVEL")
        drawn = random.random(), np.random.random()
        random.seed(3), np.random.seed(3)
        assert drawn == (random.random(), np.random.random())
    """,
}


@pytest.mark.parametrize("what", IN_A_NEW_PROCESS)
def test_in_a_new_process(what: str) -> None:
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(IN_A_NEW_PROCESS[what])], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done.stderr


@pytest.mark.parametrize("padding", [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((0, 1), (0, 1)), ((2, 0), (1, 3))])
@pytest.mark.parametrize("strides", [(1, 1), (2, 2)])
def test_a_depthwise_convolution_with_a_bias_computes_whatever_its_padding(padding: Any, strides: Any) -> None:
    # TensorFlow joins both, forgot the numbers of the padding, and ended the process.
    rng = np.random.default_rng(0)
    x, w, b = (rng.integers(-3, 4, s).astype("float32") for s in ((2, 8, 8, 3), (3, 3, 1, 6), (6,)))
    attrs = {"strides": strides, "padding": padding, "dilation": (1, 1), "groups": 3}
    on_tensorflow(lambda x, w, b: ops.relu(ops.op.apply(ops.OPS["conv"], [x, w], attrs) + b), x, w, b)
