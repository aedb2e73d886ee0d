"""Why a value has storage of its own, and why kernels do not go together by rows or samples."""

import numpy as np

from symkeras import Input, Sequential, function, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.backend.native.kernels.table import NativeKernels
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program.lowering import lower
from symkeras.graph import Graph, Tensor
from symkeras.graph.variable import Variable


def reasons(c, node=None, rule="in-place"):
    return {(c.inspect.record.name(r.node), r.other and c.inspect.record.name(r.other)): r.reason for r in c.inspect.refusals(rule, node)}


def chain(*fns):
    def f(x):
        for fn in fns:
            x = fn(x)
        return x

    return function(f, backend="numpy").executable(np.ones((64, 64), "float32"))


def test_a_value_that_is_read_later_is_not_written_over_and_the_reader_is_named():
    def f(x):
        y = ops.exp(x)
        return ops.tanh(y) * y

    c = function(f, backend="numpy").executable(np.ones(8, "float32"))
    assert reasons(c)["tanh_", "exp_"] == "%product reads it later"
    assert ("product", "exp_") not in reasons(c)


def test_what_is_written_in_place_has_no_refusal():
    c = chain(ops.exp, ops.tanh, ops.sin)
    assert not {"tanh_", "sin_"} & {name for name, _ in reasons(c)}


def test_outputs_and_kernels_that_cannot_write_over_what_they_read_say_so():
    def f(x):
        y = ops.exp(x)
        return y, ops.tanh(y), y @ y

    found = reasons(function(f, backend="numpy").executable(np.ones((4, 4), "float32")))
    assert "as an output" in found["tanh_", "exp_"]
    assert found["matmul", None] == "the kernel of matmul writes over nothing that it reads"


def test_a_new_value_beside_its_variable_says_why():
    v, w = Variable(np.ones((3, 3), "float32"), name="v"), Variable(np.ones(3, "float32"), name="w")
    new, output = ops.transpose(Tensor(v.node)) + v, Tensor(w.node) * 2.0
    c = compile_graph(Graph([], [output.node], [(v.node, new.node), (w.node, output.node)], "step"), "numpy")
    found = reasons(c)
    assert "old value is read" in found["sum", "v"], found
    assert found["product", "w"] == "it is an output as well"
    assert reasons(c, "w") == {("product", "w"): "it is an output as well"}


def test_a_piece_that_is_not_written_into_the_whole_says_why():
    def f(x):
        y = ops.exp(x)
        return ops.concatenate([y, y, ops.tanh(x)], axis=0)

    found = reasons(function(f, backend="numpy").executable(np.ones((4, 4), "float32")))
    assert found["exp_", "concatenate"] == "it is there more than once"
    assert ("tanh_", "concatenate") not in found


def test_the_end_of_a_run_of_rows_is_noted():
    c = chain(ops.exp, ops.tanh, lambda x: x @ x, ops.sin, lambda x: ops.sum(x, axis=1), ops.cos)
    found = reasons(c, rule="tiling")
    assert "row by row" in found["matmul", "tanh_"]
    assert c.inspect.refusals("tiling", "matmul") and not c.inspect.refusals("tiling", "nothing")


def test_the_end_of_a_batch_tile_is_noted_for_every_node_of_its_kernels():
    model = Sequential([Input((64,)), layers.Dense(64, activation="relu", name="first"), layers.Dense(64, name="second")])
    model.compile(optimizer="sgd", loss="mse", backend="numpy")
    graph, _ = Pipeline.level("O2").run(model.executable("train").source_graph, lambda op: op not in ("relu", "stop_gradient"))
    tiling = [r for r in lower(graph, NativeKernels()).refusals if r.stage == "tiling"]
    assert any("cannot be told which samples to do" in r.reason for r in tiling)
    assert all(r.other is not None for r in tiling)


def test_why_not_fused_is_not_answered_by_storage():
    c = chain(ops.exp, ops.tanh)
    assert "kernel of its own" in c.inspect.why_not_fused("exp_", "tanh_")


def test_refusals_of_all_stages_are_in_the_data():
    model = Sequential([Input((8,)), layers.Dense(8, activation="relu"), layers.Dense(2)])
    model.compile(optimizer="sgd", loss="mse", backend="numpy")
    stages = {r["stage"] for r in model.executable("train").inspect.to_dict()["refusals"]}
    assert {"in-place", "tiling"} <= stages
