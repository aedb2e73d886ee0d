"""What is PyTorch's own about its backend: devices, modes, unsigned integers, storage that results take over, and errors that write nothing."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

from symkeras import ops  # noqa: E402
from symkeras.backend.denormals import this_thread_flushes  # noqa: E402
from symkeras.backend.interface import compile_graph  # noqa: E402
from symkeras.backend.torch.functions import bits_on_device, bits_on_host  # noqa: E402
from symkeras.errors import BackendError, ConfigError  # noqa: E402
from symkeras.graph import Graph  # noqa: E402
from symkeras.graph.dtypes import SHORT  # noqa: E402
from symkeras.graph.variable import Variable  # noqa: E402
from symkeras.ops.evaluation import evaluate  # noqa: E402


def agrees(function: Any, *arrays: np.ndarray) -> Any:
    """The executable of a function of arrays, after it gave the reference value."""
    inputs = [ops.placeholder(f"{SHORT[a.dtype.name]}{list(a.shape)}") for a in arrays]
    graph = Graph([x.node for x in inputs], [function(*inputs).node], [])
    executable = compile_graph(graph, "torch", level="O0")
    with np.errstate(all="ignore"):
        expected = evaluate(graph, arrays)[0][0]
    found = executable(*arrays)[0]
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    return executable


EDGES: dict[str, list[int]] = {
    "int32": [-(1 << 31), -7, -1, 0, 1, 5, 40, (1 << 31) - 1], "uint8": [0, 1, 7, 9, 200, 255], "uint16": [0, 1, 15, 17, 40000, 65535],
    "uint32": [0, 1, 31, 33, 1 << 31, (1 << 32) - 1], "uint64": [0, 1, 63, 65, (1 << 63) - 1, 1 << 63, (1 << 64) - 1],
}  # fmt: skip


INTEGER_OPS = ["add", "subtract", "multiply", "floor_divide", "mod", "maximum", "less", "greater_equal", "left_shift", "right_shift"]


@pytest.mark.parametrize("name", INTEGER_OPS)
@pytest.mark.parametrize("dtype", EDGES)
def test_integers_at_the_ends_of_their_range_are_numpys(dtype: str, name: str) -> None:
    x = np.array(EDGES[dtype], dtype)
    agrees(ops.elementwise.ROWS[name], *(a.copy() for a in np.meshgrid(x, x)))


@pytest.mark.parametrize("name", ["max", "min", "sum", "prod", "argmax", "sort", "argsort", "cumsum"])
@pytest.mark.parametrize("dtype", EDGES)
def test_integers_are_reduced_and_sorted_as_numpy_does(dtype: str, name: str) -> None:
    attrs = {"axes": (0,)} if name in ("max", "min", "sum", "prod") else {"axis": 0}
    agrees(lambda x: ops.op.apply(ops.op.OPS[name], [x], attrs), np.array(EDGES[dtype][::-1], dtype))


def test_floats_at_their_edges_are_numpys() -> None:
    x = np.float32([np.nan, -np.inf, np.inf, -0.0, 0.0, -4.0, 2.0, 0.5])
    agrees(ops.sign, x)
    for name in ("mod", "maximum", "floor_divide"):
        agrees(ops.elementwise.ROWS[name], *(a.copy() for a in np.meshgrid(x, x)))


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "uint64"])
def test_random_bits_of_tensors_are_those_of_the_host(dtype: str) -> None:
    state = torch.tensor([-5, 1 << 40])
    for shape in ((), (7,), (3, 5), (0, 2)):
        assert torch.equal(bits_on_host(state, 3, shape, dtype), bits_on_device(state, 3, shape, dtype)), shape


def test_results_take_over_storage_that_nobody_reads_but_never_inputs_variables_or_views() -> None:
    x, v = ops.placeholder("f32[3, 3]", name="x"), Variable(np.ones((3, 3), "float32"), name="v")
    y = ops.exp(x)
    turned = ops.transpose(y)
    z = ops.tanh(ops.sqrt(ops.add(ops.as_tensor(v), x)))
    graph = Graph([x.node], [(ops.multiply(y, 2.0) + turned).node, z.node], [(v.node, ops.multiply(ops.as_tensor(v), 3.0).node)])
    executable, given = compile_graph(graph, "torch", level="O0"), np.arange(9, dtype="float32").reshape(3, 3) / 9
    before, (expected, _) = given.copy(), evaluate(graph, [given])
    for found, wanted in zip(executable(given), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert (given == before).all() and (v.numpy() == 3).all()
    assert executable.source.count("out=") == 3, executable.source  # type: ignore[attr-defined]


def test_an_index_out_of_range_in_a_loop_names_the_line_and_writes_nothing() -> None:
    table, v = ops.placeholder("f32[4]", name="table"), Variable(np.zeros(2, "float32"), name="v")
    indices = ops.placeholder("i32[3]", name="indices")
    total, _ = ops.scan(lambda c, i: (c + ops.take(table, i), c), ops.as_tensor(np.float32(0)), indices)
    graph = Graph([table.node, indices.node], [total.node], [(v.node, (ops.as_tensor(v) + 1.0).node)])
    executable = compile_graph(graph, "torch")
    with pytest.raises(IndexError, match=r"index 9 is out of range for an axis of size 4 .*test_torch_backend"):
        executable(np.ones(4, "float32"), np.int32([0, 9, 1]))
    assert (v.numpy() == 0).all()
    assert executable(np.ones(4, "float32"), np.int32([0, -1, 1]))[0] == 3 and (v.numpy() == 1).all()


def test_a_device_or_mode_that_is_not_there_says_which_are() -> None:
    graph = Graph([], [ops.as_tensor(np.float32(1)).node], [])
    with pytest.raises(BackendError, match="torch has no device 'cuda:99'; it has cpu"):
        compile_graph(graph, "torch", device="cuda:99")
    with pytest.raises(ConfigError, match="mode must be 'eager' or 'compile', received 'fast'"):
        compile_graph(graph, "torch", mode="fast")
    assert "on cpu: eager" in str(compile_graph(graph, "torch", device="cpu"))


def test_the_source_shows_a_line_for_each_operation_and_the_graphs_within() -> None:
    x = ops.placeholder("f32[4, 2]", name="x")
    total, _ = ops.scan(lambda c, e: (c + ops.sum(e), c), ops.as_tensor(np.float32(0)), x)
    source = compile_graph(Graph([x.node], [total.node], []), "torch", level="O0").source
    assert re.search(r"= scan\w*\(", source) and "within scan" in source and "axes=(0,)" in source and "test_torch_backend" in source


def test_tensors_whose_numbers_come_later_refuse_indices_afterwards() -> None:
    """What devices and `torch.compile` rely on; it runs on the processor."""
    from symkeras.backend.engine.walk import Walk
    from symkeras.backend.torch.functions import TorchFunctions

    table, i = ops.placeholder("f32[4]", name="table"), ops.placeholder("i32[3]", name="i")
    total, _ = ops.scan(lambda c, k: (c + ops.take(table, k), c), ops.as_tensor(np.float32(0)), i)
    walk = Walk(Graph([table.node, i.node], [total.node], []), TorchFunctions(torch.device("cpu"), raises_at_once=False), {})
    _, extents = walk([torch.ones(4), torch.tensor([0, 9, -5], dtype=torch.int32)])
    assert len(walk.checks) == len(extents) == 1 and extents[0].tolist() == [-5, 9]


@pytest.mark.parametrize("first", ["flush", "keep"])
def test_every_thread_of_pytorch_flushes_denormals_or_keeps_them(first: str) -> None:
    from threading import Thread

    x = ops.placeholder("f32[n]", name="x")
    graph = Graph([x.node], [(x * np.float32(1e-10)).node])
    found = []

    def run() -> None:  # a thread has threads of its own for large operations, made as they are first needed
        for way in (first, "keep", "flush", "keep"):
            made = compile_graph(graph, "torch", denormals=way)(np.full(2_000_000, 1e-30, "float32"))[0]
            found.append((way, float((made == 0).mean())))
            assert not this_thread_flushes(), way

    thread = Thread(target=run)
    thread.start()
    thread.join()
    assert found == [(way, float(way == "flush")) for way in (first, "keep", "flush", "keep")]
