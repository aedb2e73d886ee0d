"""bfloat16 on backends: kept in 16 bits, computed in float32, and refused where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.backend import interface
from symkeras.backend.interface import compile_graph
from symkeras.errors import BackendError
from symkeras.graph import Graph, dtypes
from tests.backends import missing, skip_without_dtype
from tests.ops.check_op import same_bits

pytest.importorskip("ml_dtypes")

ODD = np.array([0x0000, 0x8000, 0x7F80, 0xFF80, 0x7FC0, 0xFFC1, 0x0001, 0x3F80, 0x3F81, 0x7F7F, 0xC2F7], "uint16").view("bfloat16")


def graph_of(*outputs: Any, inputs: Any) -> Graph:
    return Graph([t.node for t in inputs], [t.node for t in outputs])


def test_every_bfloat16_is_read_and_rounded_as_by_the_reference(backend: str) -> None:
    skip_without_dtype(backend, "bfloat16")
    every = np.arange(1 << 16, dtype="uint16").view("bfloat16")
    x, y = ops.placeholder("bf16[65536]"), ops.placeholder("f32[131072]")
    bits = np.random.default_rng(0).integers(0, 1 << 32, 1 << 17, dtype="uint32")
    bits[: 1 << 16] = (np.arange(1 << 16, dtype="uint32") << 16) + 0x8000  # halfway between two
    wide = bits.view("float32")
    run = compile_graph(graph_of(ops.cast(x, "float32"), ops.cast(y, "bfloat16"), inputs=[x, y]), backend, **keeping(backend))
    with np.errstate(all="ignore"):
        same_bits(run(every, wide)[0], every.astype("float32"))
        same_bits(run(every, wide)[1], wide.astype("bfloat16"))


def keeping(backend: str) -> dict[str, str]:
    return {"denormals": "keep"} if "keep" in interface.get(backend).denormals() else {}


def test_odd_values_go_through_arithmetic_and_moves(backend: str) -> None:
    """The maximum is that with 0.5: which zero is the larger one depends, in NumPy and in PyTorch, on the vectors that they compute in."""
    skip_without_dtype(backend, "bfloat16")
    x = ops.placeholder(f"bf16[{len(ODD)}]")
    outputs = [x + x, x * 0.5, ops.flip(x), ops.concatenate([x, x]), ops.sort(x), ops.maximum(x, 0.5), ops.isnan(x), ops.cumsum(x[3:4]), -x]
    run = compile_graph(graph_of(*outputs, inputs=[x]), backend, **keeping(backend))
    expected = compile_graph(graph_of(*outputs, inputs=[x]), "interpreter", denormals="keep")(ODD)
    for a, b in zip(run(ODD), expected, strict=True):
        same_bits(a, b) if "keep" in interface.get(backend).denormals() else np.testing.assert_allclose(dtypes.wide(a), dtypes.wide(b), atol=1e-38)


def test_an_operation_rounds_once_and_each_operation_does(backend: str) -> None:
    skip_without_dtype(backend, "bfloat16")
    if backend == "jax":
        pytest.skip("XLA leaves out roundings between fused operations")
    a, b = (np.random.default_rng(k).normal(size=512).astype("bfloat16") for k in (0, 1))
    x, y = ops.placeholder("bf16[512]"), ops.placeholder("bf16[512]")
    found = compile_graph(graph_of((x * y + x) * y, ops.sum(x), inputs=[x, y]), backend)(a, b)
    wide = [t.astype("float32") for t in (a, b)]
    product = (wide[0] * wide[1]).astype("bfloat16").astype("float32")
    total = (product + wide[0]).astype("bfloat16").astype("float32")
    same_bits(found[0], (total * wide[1]).astype("bfloat16"))
    assert abs(float(found[1]) - wide[0].sum()) <= 2.0**-8 * abs(wide[0].sum()) + 1e-3  # not summed in bfloat16


def test_steps_between_casts_are_one_loop_on_native() -> None:
    if missing("native"):
        pytest.skip(missing("native"))
    x = ops.placeholder("bf16[batch, 64]")
    executable = compile_graph(graph_of(ops.tanh(x * 2.0 + 1.0), inputs=[x]), "native")
    assert len(list(executable.program.all_steps())) == 1  # type: ignore[attr-defined]
    assert compile_graph(graph_of(ops.transpose(x), inputs=[x]), "native").graph.count() == 1  # moved in 16 bits, without a cast


def test_graphs_without_bfloat16_run_no_pass_for_it() -> None:
    x = ops.placeholder("f16[3]")
    assert "widen-bfloat16" not in {s.name for s in compile_graph(graph_of(x + x, inputs=[x]), "numpy").history.steps}


@pytest.mark.parametrize("name", ["pytensor", "onnxruntime"])
def test_a_backend_without_bfloat16_refuses_it_by_node_and_line(name: str) -> None:
    if missing(name):
        pytest.skip(missing(name))
    x = ops.placeholder("bf16[3]", name="x")
    with pytest.raises(BackendError, match=r"bf16\[3\].*test_narrow_floats.py"):
        compile_graph(graph_of(x + x, inputs=[x]), name)


def test_onnx_has_bfloat16_between_inputs_and_outputs(tmp_path: Path) -> None:
    if missing("onnxruntime"):
        pytest.skip(missing("onnxruntime"))
    model = Sequential([
        Input((4,)), layers.Dense(6, activation="gelu", dtype="mixed_bfloat16"), layers.LayerNormalization(dtype="bfloat16"),
        layers.Reshape((2, 3), dtype="bfloat16"), layers.GRU(3, dtype="mixed_bfloat16"), layers.Dense(2, dtype="float32"),
    ])  # fmt: skip
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    expected = model.predict(x, verbose=0)
    model.export(tmp_path / "m.onnx", format="onnx")
    import onnxruntime

    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    np.testing.assert_allclose(session.run(None, {session.get_inputs()[0].name: x})[0], expected, rtol=0.03, atol=0.03)
    model.compile(backend="onnxruntime")
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=0.03, atol=0.03)


def test_native_refuses_numbers_of_8_bits() -> None:
    if missing("native"):
        pytest.skip(missing("native"))
    x = ops.placeholder("f8e4m3fn[3]", name="x")
    with pytest.raises(BackendError, match="native has no numbers of 8 bits"):
        compile_graph(graph_of(x + x, inputs=[x]), "native")
    assert compile_graph(graph_of(x + x, inputs=[x]), "numpy")(np.ones(3, "float8_e4m3fn"))[0].dtype == "float8_e4m3fn"


def test_an_exported_script_computes_in_bfloat16(tmp_path: Path) -> None:
    model = Sequential([Input((4,)), layers.Dense(3, activation="gelu", dtype="bfloat16"), layers.Dense(2, dtype="mixed_bfloat16")])
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    model.export(tmp_path / "m.py", format="numpy")
    done = subprocess.run([sys.executable, "m.py", "x.npy", "y.npy"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    same_bits(np.load(tmp_path / "y.npy").view("bfloat16"), model.predict(x, verbose=0))
