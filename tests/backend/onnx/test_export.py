"""Models exported as ONNX: ONNX Runtime, which knows nothing of symkeras, predicts what the model predicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, ops, tree
from symkeras.backend import interface
from symkeras.errors import BackendError, ConfigError
from symkeras.graph import Graph, provenance
from symkeras.graph.variable import Variable
from symkeras.models import from_onnx
from symkeras.ops.evaluation import evaluate
from tests.backend.onnx.small_layers import CASES, NO_LAYERS, Case
from tests.hostile_names import HOSTILE
from tests.models.test_export import MODELS, data, predicted
from tests.tolerances import assert_alike

onnx = pytest.importorskip("onnx", reason="ONNX files are written by the package onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="exported models are run by ONNX Runtime")

ROWS = 3


def session(path: Path) -> Any:
    """A session of a model, with errors as exceptions alone."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def run(path: Path, arrays: Any) -> list[np.ndarray]:
    """What ONNX Runtime computes; inputs in order."""
    own = session(path)
    return own.run(None, dict(zip([i.name for i in own.get_inputs()], arrays, strict=True)))


@pytest.mark.parametrize("kind", MODELS)
def test_an_exported_model_predicts_what_the_model_predicts(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    x = data(model)
    file = tmp_path / f"{kind}.onnx"
    assert model.export(file) == [file]
    for rows in (len(x[0]), 1, 0):
        given = [a[:rows] for a in x]
        expected = predicted(model, x)
        for found, wanted in zip(run(file, given), expected, strict=True):
            np.testing.assert_allclose(found, wanted[:rows], rtol=1e-4, atol=1e-5)


def of_layer(case: Case) -> tuple[Any, list[np.ndarray]]:
    """A model of one layer with random weights, and rows for it."""
    make, shapes = case
    rng = np.random.default_rng(5)
    kinds = [s if isinstance(s[0], str) else ("float32", s) for s in shapes]
    inputs = [Input(shape, dtype=dtype) for dtype, shape in kinds]
    result = make()(inputs if len(inputs) > 1 else inputs[0])
    model = Model(inputs, tree.flatten(result))
    for v in model.variables:
        if v.dtype == "float32":
            v.assign(rng.uniform(0.2, 1.0, v.shape) if "variance" in v.name else rng.normal(size=v.shape) * 0.5)
    arrays = [rng.integers(0, 9, (ROWS, *s)).astype(d) if d == "int32" else rng.normal(size=(ROWS, *s)).astype(d) for d, s in kinds]
    return model, arrays


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[f"{name}-{k}" for k, (name, _) in enumerate(CASES)])
def test_every_layer_is_exported_as_the_interpreter_computes_it(case: Case, tmp_path: Path) -> None:
    model, arrays = of_layer(case)
    model.compile("sgd", [None] * len(model.outputs), run_eagerly=False, backend="interpreter")
    expected = tree.flatten(model.predict(arrays if len(arrays) > 1 else arrays[0], verbose=0))
    file = tmp_path / "layer.onnx"
    model.export(file)
    for found, wanted in zip(run(file, arrays), expected, strict=True):
        assert_alike(found, wanted, "layer", "onnxruntime")


def test_every_layer_is_among_the_cases() -> None:
    classes = {getattr(layers, name) for name, _ in CASES}
    lacking = [name for name in layers.NAMES if name not in NO_LAYERS and getattr(layers, name) not in classes]
    assert not lacking


def test_control_flow_becomes_loops_and_branches(tmp_path: Path) -> None:
    x = ops.placeholder("f32[batch, 3]", name="x")
    doubled = ops.while_loop(lambda v: ops.sum(v) < 100.0, lambda v: (v * 2.0,), (ops.absolute(x) + 1.0,))[0]
    chosen = ops.cond(ops.sum(x) > 0, lambda: doubled + x, lambda: doubled - x)
    total, sums = ops.scan(lambda c, e: (c + e, c * e), ops.zeros((3,)), x, reverse=True)
    last, powers = ops.scan(lambda c, _: (c * 0.5, c), total, None, length=4, reverse=True)
    counted = ops.scan(lambda c, k: (c * 0.5 + ops.cast(k, "float32"), None), x, ops.arange(3))[0]  # its elements are single numbers
    graph = Graph([x.node], [t.node for t in (chosen, total, sums, last, powers, counted)])
    interface.export_graph(graph, tmp_path / "control.onnx", "onnx")
    text = str(onnx.load(tmp_path / "control.onnx"))  # a loop over rows stands in a branch: there may be none
    assert all(f'op_type: "{kind}"' in text for kind in ("Loop", "If", "Scan"))
    for sign in (1, -1):
        rows = sign * np.arange(6, dtype="float32").reshape(2, 3)
        for found, wanted in zip(run(tmp_path / "control.onnx", [rows]), evaluate(graph, [rows])[0], strict=True):
            assert_alike(found, wanted, "layer", "onnxruntime")


def test_a_normalisation_whose_weights_are_of_another_dtype_is_written_in_parts(tmp_path: Path) -> None:
    x = ops.placeholder("f32[batch, 6]", name="x")
    gamma, beta = (Variable(np.linspace(0.5, 2, 6).astype("float16"), name=n) for n in ("gamma", "beta"))
    graph = Graph([x.node], [ops.layer_normalization(x, ops.as_tensor(gamma), ops.as_tensor(beta)).node])
    interface.export_graph(graph, tmp_path / "model.onnx", "onnx")
    rows = np.random.default_rng(0).normal(size=(3, 6)).astype("float32")
    np.testing.assert_allclose(run(tmp_path / "model.onnx", [rows])[0], evaluate(graph, [rows])[0][0], rtol=1e-4, atol=1e-5)


def test_nan_is_lost_only_where_numerics_are_fast(tmp_path: Path) -> None:
    rows = np.random.default_rng(1).normal(size=(2, 6, 6, 2)).astype("float32")
    rows[0, 1, 1, 0], rows[1, 5, 5, 1], rows[1, 0, 0, 0] = np.nan, np.inf, -np.inf
    x = Input((6, 6, 2))
    model = Model(x, [layers.MaxPooling2D(3, 2, "same")(x), layers.GlobalMaxPooling2D()(x), ops.argmax(x, 1)])
    model.export(tmp_path / "safe.onnx")
    for found, wanted in zip(run(tmp_path / "safe.onnx", [rows]), model.predict(rows, verbose=0), strict=True):
        np.testing.assert_array_equal(found, wanted)
    model.export(tmp_path / "fast.onnx", numerics="fast")
    kinds = [[n.op_type for n in onnx.load(tmp_path / f"{name}.onnx").graph.node] for name in ("safe", "fast")]
    assert "IsNaN" in kinds[0] and "IsNaN" not in kinds[1]


RECURRENT: dict[str, tuple[str, Callable[[], Any]]] = {
    "lstm": ("LSTM", lambda: layers.LSTM(4, return_sequences=True, return_state=True)),
    "lstm backwards": ("LSTM", lambda: layers.LSTM(4, use_bias=False, go_backwards=True, return_sequences=True)),
    "gru": ("GRU", lambda: layers.GRU(4)), "gru reset before": ("GRU", lambda: layers.GRU(4, reset_after=False)),
    "gru relu": ("GRU", lambda: layers.GRU(4, reset_after=False, activation="relu")),
    "rnn": ("RNN", lambda: layers.SimpleRNN(4)), "rnn relu": ("RNN", lambda: layers.SimpleRNN(4, activation="relu")),
    "both ways": ("LSTM", lambda: layers.Bidirectional(layers.LSTM(3, return_sequences=True))),
    "another gate": ("Scan", lambda: layers.LSTM(4, recurrent_activation="hard_sigmoid")),
    "masked": ("Scan", lambda: Sequential([layers.Masking(), layers.LSTM(4)])),
}  # fmt: skip


def kinds_within(nodes: Any) -> set[str]:
    """The operators of nodes, and of the graphs in them."""
    return {n.op_type for n in nodes}.union(*(kinds_within(a.g.node) for n in nodes for a in n.attribute))


@pytest.mark.parametrize("numerics", ["safe", "fast"])
@pytest.mark.parametrize("kind", RECURRENT)
def test_recurrent_layers_are_onnx_own_and_come_back_as_layers(kind: str, numerics: str, tmp_path: Path) -> None:
    operator, make = RECURRENT[kind]
    is_own = numerics == "fast" or not ("relu" in kind or operator == "Scan")
    model, arrays = of_layer((make, [(5, 3)]))
    expected = tree.flatten(model.predict(arrays[0], verbose=0))
    file = tmp_path / "model.onnx"
    model.export(file, numerics=numerics)
    nodes = onnx.load(file).graph.node
    assert (operator in kinds_within(nodes)) == (is_own or operator == "Scan")
    assert numerics == "fast" or "Scan" in kinds_within(nodes)
    for rows in (len(arrays[0]), 1, *([0] if numerics == "safe" else [])):  # ONNX Runtime ends the process in its LSTM of no rows
        for found, wanted in zip(run(file, [arrays[0][:rows]]), expected, strict=True):
            assert_alike(found, wanted[:rows], "layer", "onnxruntime")
    if operator != "Scan" and is_own:
        again = from_onnx(file)
        for found, wanted in zip(tree.flatten(again.predict(arrays[0], verbose=0)), expected, strict=True):
            assert_alike(found, wanted, "layer", "numpy")
        assert again.count_params() == model.count_params()


@pytest.mark.parametrize("make", [lambda: layers.LSTM(4), lambda: layers.GRU(4), lambda: layers.SimpleRNN(4)], ids=["lstm", "gru", "rnn"])
def test_a_recurrent_layer_keeps_a_nan(make: Callable[[], Any], tmp_path: Path) -> None:
    model, arrays = of_layer((make, [(5, 3)]))
    model.export(tmp_path / "model.onnx")
    for odd in (np.nan, np.inf, 3e38):
        arrays[0][1, 2, 0] = odd
        found, wanted = run(tmp_path / "model.onnx", arrays)[0], predicted(model, arrays)[0]
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        assert_alike(found, wanted, "layer", "onnxruntime")


def test_pooling_is_onnx_own_where_numbers_are_finite_and_comes_back(tmp_path: Path) -> None:
    model, arrays = of_layer((lambda: layers.MaxPooling2D(3, 2, "same"), [(7, 6, 3)]))
    file = tmp_path / "model.onnx"
    model.export(file)
    assert "MaxPool" in kinds_within(onnx.load(file).graph.node)
    for odd in (0, np.nan, np.inf, -np.inf):
        arrays[0][1, :3, :3] = odd
        np.testing.assert_array_equal(run(file, arrays)[0], predicted(model, arrays)[0])
    assert run(file, [arrays[0][:0]])[0].shape == (0, 4, 3, 3)
    again = from_onnx(file)
    np.testing.assert_array_equal(again.predict(arrays[0], verbose=0), predicted(model, arrays)[0])
    assert "slice" not in " ".join(n.op.name for n in again.executable("predict").source_graph.nodes)


def test_names_from_outside_become_identifiers(tmp_path: Path) -> None:
    inputs, outputs = [], []
    for k, name in enumerate(HOSTILE):
        x, v = ops.placeholder("f32[batch, 3]", name), Variable(np.full((3,), k, "float32"), name=name or "v")
        with provenance.layer_scope(name), provenance.at_lines((provenance.Line(f"/tmp/{name}", k),)):
            outputs.append((x * v).node)
        inputs.append(x.node)
    graph = Graph(inputs, outputs, name=HOSTILE[0])
    file = tmp_path / "names.onnx"
    interface.export_graph(graph, file, "onnx", title=HOSTILE[0], results=HOSTILE)
    model = onnx.load(file)
    names = [n for part in (model.graph.node,) for node in part for n in (node.name, *node.input, *node.output)]
    names += [x.name for part in (model.graph.input, model.graph.output, model.graph.initializer) for x in part]
    assert all(n.isidentifier() and n.isascii() for n in names)
    assert all(t.isprintable() for t in (model.graph.doc_string, *(n.doc_string for n in model.graph.node)))
    rows = [np.full((2, 3), k, "float32") for k in range(len(HOSTILE))]
    for k, found in enumerate(run(file, rows)):
        np.testing.assert_array_equal(found, np.full((2, 3), k * k, "float32"))


def test_weights_beyond_two_gibibytes_lie_in_a_file_beside_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS["convnet"]()
    x = data(model)
    monkeypatch.setattr("symkeras.backend.onnx.model.MOST_EMBEDDED", 1000)
    monkeypatch.setattr("symkeras.backend.onnx.model.SMALL", 64)
    files = model.export(tmp_path / "large.onnx")
    assert sorted(tmp_path.iterdir()) == sorted(files) == [tmp_path / "large.onnx", tmp_path / "large.onnx.data"]
    assert (tmp_path / "large.onnx.data").stat().st_size > 500
    for found, wanted in zip(run(tmp_path / "large.onnx", x), predicted(model, x), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_what_onnx_cannot_express_is_named_with_layer_and_line_before_anything_is_written(tmp_path: Path) -> None:
    x = Input((4,))
    complex_numbers = layers.Lambda(lambda t: ops.absolute(ops.cast(t, "complex64") * 1j), name="turned")
    model = Model(x, complex_numbers(x))
    with pytest.raises(BackendError, match=r"ONNX has no operators for .*multiply \(it gives c(64|128).*turned, (onnx/)?test_export\.py:\d+\)"):
        model.export(tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_random_numbers_are_the_same_bits(tmp_path: Path) -> None:
    state = ops.placeholder("u64[2]", name="state")
    x = ops.placeholder("f32[batch, 3]", name="x")
    drawn = [ops.random.unit_normal(state, 5, ops.shape(x), "float32"), ops.random.random_bits(state, 7, (*ops.shape(x), 3), "uint16")]
    graph = Graph([state.node, x.node], [ops.as_tensor(t).node for t in drawn])
    interface.export_graph(graph, tmp_path / "random.onnx", "onnx")
    arrays = [np.array([2**63 + 11, 2**40 + 3], "uint64"), np.zeros((4, 3), "float32")]
    found, expected = run(tmp_path / "random.onnx", arrays), evaluate(graph, arrays)[0]
    assert_alike(found[0], expected[0], "op", "onnxruntime")
    np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("opset", [18, 20, 22])
def test_the_opset_can_be_chosen(opset: int, tmp_path: Path) -> None:
    model = MODELS["attention"]()
    model.export(tmp_path / "model.onnx", opset=opset)
    assert onnx.load(tmp_path / "model.onnx").opset_import[0].version == opset
    x = data(model)
    model.export(tmp_path / "model.onnx", opset=opset)
    np.testing.assert_allclose(run(tmp_path / "model.onnx", x)[0], predicted(model, x)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("opset", [17, 1000, True, "18"])
def test_an_opset_that_is_not_offered_is_refused(opset: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="opset must be an integer from 18 to"):
        MODELS["mlp"]().export(tmp_path / "model.onnx", opset=opset)
    assert not list(tmp_path.iterdir())


def test_the_batch_axis_is_dynamic_and_the_ports_are_called_as_in_the_model(tmp_path: Path) -> None:
    model = Sequential([Input((4,), name="pixels"), layers.Dense(2, name="scores")])
    model.export(tmp_path / "model.onnx")
    own = session(tmp_path / "model.onnx")
    assert [(i.name, i.shape) for i in (*own.get_inputs(), *own.get_outputs())] == [("pixels", ["batch", 4]), ("scores", ["batch", 2])]
    weights = {i.name for i in onnx.load(tmp_path / "model.onnx").graph.initializer}
    assert "scores_kernel" in weights and "scores_bias" in weights


def test_sizes_that_the_model_leaves_open_stay_open(tmp_path: Path) -> None:
    words = Input((None,), dtype="int32")
    hidden = layers.Bidirectional(layers.GRU(3, return_sequences=True))(layers.Embedding(9, 4, mask_zero=True)(words))
    tagger = Model(words, layers.Dense(2)(hidden))
    image = Input((None, None, 2))
    network = Model(image, layers.GlobalAveragePooling2D()(layers.Conv2D(3, 3, strides=2, padding="same")(image)))
    rng = np.random.default_rng(0)
    for model, shapes in ((tagger, [(2, 5), (3, 1)]), (network, [(2, 7, 6, 2), (1, 4, 9, 2)])):
        for numerics in ("safe", "fast"):
            model.export(tmp_path / "model.onnx", numerics=numerics)
            for shape in shapes:
                rows = rng.integers(0, 9, shape).astype("int32") if model is tagger else rng.normal(size=shape).astype("float32")
                assert_alike(run(tmp_path / "model.onnx", [rows])[0], model.predict(rows, verbose=0), "layer", "onnxruntime")


def test_a_failed_export_leaves_the_file_that_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model.onnx").write_text("before")

    def fail(*_: Any, **__: Any) -> None:
        raise onnx.checker.ValidationError("refused")

    monkeypatch.setattr(onnx.checker, "check_model", fail)
    with pytest.raises(BackendError, match="refused"):
        MODELS["mlp"]().export(tmp_path / "model.onnx")
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("model.onnx", "before")]
