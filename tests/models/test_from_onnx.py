"""Models from ONNX files: they compute what the files compute, train, and a stranger's file does no harm."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import tree
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError
from symkeras.models import from_onnx, load_model
from tests.models.test_export import MODELS, data, predicted

onnx = pytest.importorskip("onnx", reason="ONNX files are read by the package onnx")
helper, numpy_helper, FLOAT = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT


def saved(folder: Path, nodes: list[Any], weights: dict[str, np.ndarray] | None = None, shape: Any = ("batch", 4), outputs: Any = ("y",),
          domains: Any = ()) -> Path:  # fmt: skip
    """A file with one input `x`."""
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", FLOAT, shape)], [helper.make_empty_tensor_value_info(o) for o in outputs],
        [numpy_helper.from_array(a, n) for n, a in (weights or {}).items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), *(helper.make_opsetid(d, 3) for d in domains)], ir_version=8)
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def node(kind: str, inputs: str, outputs: str, **attrs: Any) -> Any:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attrs)


# ---- values ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["mlp", "convnet", "resnet", "attention"])
def test_a_model_comes_back_from_its_export_and_trains(kind: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra onnx brings both")
    model = MODELS[kind]()
    x = data(model)
    model.export(tmp_path / "model.onnx")
    again = from_onnx(tmp_path / "model.onnx")
    np.testing.assert_allclose(again.predict(x[0], verbose=0), predicted(model, x)[0], rtol=1e-4, atol=1e-5)
    again.compile("adam", "mse")
    target = np.zeros((len(x[0]), *again.output_shape[1:]), "float32")
    losses = again.fit(x[0], target, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_it_is_saved_and_loaded_as_any_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {n: rng.normal(size=s).astype("float32") for n, s in {"w": (4, 3), "b": (3,), "s": (3,)}.items()}
    nodes = [node("MatMul", "x w", "h"), node("Add", "b h", "i"), node("Mul", "i s", "j"), node("Relu", "j", "y")]
    model = from_onnx(saved(tmp_path, nodes, weights), name="again")
    assert model.name == "again" and [type(layer).__name__ for layer in model.layers][:3] == ["InputLayer", "Dense", "WithWeight"]
    assert model.count_params() == 12 + 3 + 3
    model.save(tmp_path / "model.keras")
    x = rng.normal(size=(5, 4)).astype("float32")
    expected = np.maximum((x @ weights["w"] + weights["b"]) * weights["s"], 0)
    for m in (model, load_model(tmp_path / "model.keras")):
        np.testing.assert_allclose(m.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def _torch_models() -> dict[str, Callable[[Any], tuple[Any, Any]]]:
    def recurrent(torch: Any, cell: str, **options: Any) -> tuple[Any, Any]:
        class Reader(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = torch.nn.Embedding(9, 6)
                self.cells = getattr(torch.nn, cell)(6, 5, batch_first=True, num_layers=2, **options)
                self.head = torch.nn.Linear(10 if options else 5, 2)

            def forward(self, x: Any) -> Any:
                return self.head(self.cells(self.embedding(x))[0][:, -1])

        return Reader(), torch.randint(0, 9, (3, 7))

    def images(torch: Any) -> tuple[Any, Any]:
        n = torch.nn
        return n.Sequential(
            n.Conv2d(3, 8, 3, padding=1), n.BatchNorm2d(8), n.ReLU(), n.MaxPool2d(2), n.Conv2d(8, 8, 3, stride=2, padding=1, groups=4),
            n.LeakyReLU(0.1), n.AvgPool2d(2, ceil_mode=True, padding=1), n.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1),
            n.PReLU(4), n.Upsample(scale_factor=2), n.AdaptiveAvgPool2d(1), n.Flatten(), n.Dropout(0.3), n.Linear(4, 5), n.Softmax(-1),
        ), torch.randn(3, 3, 17, 16)  # fmt: skip

    def attention(torch: Any) -> tuple[Any, Any]:
        class Encoder(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.heads = torch.nn.MultiheadAttention(8, 2, batch_first=True)
                self.norm, self.head = torch.nn.LayerNorm(8), torch.nn.Linear(8, 3)

            def forward(self, x: Any) -> Any:
                return self.head(self.norm(x + self.heads(x, x, x)[0]).mean(1))

        return Encoder(), torch.randn(3, 5, 8)

    return {
        "mlp": lambda t: (t.nn.Sequential(t.nn.Linear(4, 8), t.nn.Tanh(), t.nn.Linear(8, 3), t.nn.GELU()), t.randn(3, 4)), "images": images,
        "lstm": lambda t: recurrent(t, "LSTM"), "both_ways": lambda t: recurrent(t, "LSTM", bidirectional=True),
        "gru": lambda t: recurrent(t, "GRU"), "rnn": lambda t: recurrent(t, "RNN"), "attention": attention,
    }  # fmt: skip


@pytest.mark.parametrize("kind", _torch_models())
def test_what_pytorch_exports_predicts_the_same_and_trains(kind: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="its exporter writes the files")
    torch.manual_seed(0)
    original, x = _torch_models()[kind](torch)
    original.eval()
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(original, (x,), path, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}}, opset_version=17)
    model = from_onnx(path)
    for rows in (x, torch.cat([x, x])):
        np.testing.assert_allclose(model.predict(rows.numpy(), verbose=0), original(rows).detach().numpy(), rtol=1e-4, atol=1e-5)
    model.compile("adam", "mse")
    before = model.get_weights()
    losses = model.fit(x.numpy(), np.zeros((3, *model.output_shape[1:]), "float32"), epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and len(model.trainable_variables) > 0
    assert sum(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)) >= len(model.trainable_variables) - 1


ODD_CASES = ("_expanded", "matmul_1d_3d", "matmul_4d_1d", "empty_set", "cubic_align_corners")
"""ONNX' own cases that are no models on a batch: weights given as inputs whose first axis is no batch, or a maximum of nothing."""


def test_onnx_own_cases_of_covered_operators_give_their_results(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        cases = collect_testcases(None)
    from symkeras.models.onnx_files.table import TABLE

    done: set[str] = set()
    wrong = []
    for case in cases:
        kinds = {n.op_type for n in case.model.graph.node}
        x, expected = case.data_sets[0]
        if not kinds <= TABLE.keys() or not all(isinstance(a, np.ndarray) for a in (*x, *expected)) or any(o in case.name for o in ODD_CASES):
            continue
        found = _computed(case.model, x, tmp_path)
        if found is None:
            continue
        try:
            for a, b in zip(found, expected, strict=False):
                assert (a.shape, a.dtype) == (b.shape, b.dtype)
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
            done |= kinds
        except AssertionError as error:
            wrong.append(f"{case.name}: {error}")
    assert not wrong, "\n".join(wrong)
    later = {"Trilu", "GatherND", "ScatterND", "ReverseSequence", "SpaceToDepth", "BitShift", "Hardmax", "LpNormalization", "Swish",
             "RMSNormalization", "GroupNormalization"}  # fmt: skip
    older = {"Resize", "Pad", "AveragePool", "MaxPool", "Conv", "ConvTranspose", "LSTM", "GRU", "RNN", "Gemm", "Div", "Mod"}
    assert len(done) > 110 and older | later <= done


def _computed(proto: Any, arrays: Any, folder: Path) -> list[np.ndarray] | None:
    """What a model of one node gives; with all inputs but the first as weights where they must be. None where it is refused."""
    names = [i.name for i in proto.graph.input]
    for fixed in ((), names[1:]):
        copy = onnx.ModelProto()
        copy.CopyFrom(proto)
        copy.graph.initializer.extend(numpy_helper.from_array(a, n) for n, a in zip(names, arrays, strict=True) if n in fixed)
        (folder / "case.onnx").write_bytes(copy.SerializeToString())
        try:
            model = from_onnx(folder / "case.onnx")
        except SymkerasError:
            continue
        given = [a for n, a in zip(names, arrays, strict=True) if n not in fixed]
        try:
            return [np.asarray(r) for r in tree.flatten(model(given if len(given) > 1 else given[0]))]
        except ShapeError:  # their first axes are no batch
            if fixed:
                raise
    return None


def test_a_batch_that_the_file_fixes_becomes_free(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", "a"), node("Reshape", "a shape", "y")]
    model = from_onnx(saved(tmp_path, nodes, {"shape": np.array([1, 2, 2])}, shape=(1, 4)))
    x = np.arange(12, dtype="float32").reshape(3, 4)
    np.testing.assert_array_equal(model.predict(x, verbose=0), x.reshape(3, 2, 2))


W = np.random.default_rng(5).normal(size=(2, 4)).astype("float32")


@pytest.mark.parametrize(("nodes", "weight", "count"), [
    ([node("Einsum", "x w", "y", equation="bi,oi->bo")], W, 1),
    ([node("Shape", "x", "s", end=1), node("Concat", "s sizes", "t", axis=0), node("Reshape", "x row", "r"), node("Slice", "w zero one", "v"),
      node("Expand", "v t", "e"), node("Concat", "r e", "y", axis=1)], W, 1),
    ([node("Transpose", "w", "v"), node("MatMul", "x v", "y")], W, 1), ([node("Identity", "w", "v"), node("Gather", "v zero", "u", axis=0),
      node("Add", "x u", "y")], W, 1),
    ([node("Slice", "w zero one", "v"), node("Where", "chosen x v", "y")], W, 1), ([node("Slice", "w zero one", "v"), node("Max", "x v", "y")], W, 1),
    ([node("EyeLike", "w", "i", k=1), node("CastLike", "i x", "j"), node("MatMul", "x j", "h"), node("Einsum", "h w", "y", equation="bi,oi->bo")],
     np.concatenate([W, W]), 2),
    ([node("Add", "x mask", "h"), node("Softmax", "h", "y")], np.array([[0, 0, -np.inf, 0]], "float32"), 0),
], ids=lambda n: n[-1].op_type if isinstance(n, list) else None)  # fmt: skip
def test_weights_train_wherever_they_meet_data_and_masks_do_not(nodes: Any, weight: Any, count: int, tmp_path: Path) -> None:
    constants = {
        "w": weight, "mask": weight, "zero": np.array([0]), "one": np.array([1]), "sizes": np.array([1, 4]), "row": np.array([-1, 1, 4]),
        "chosen": np.array([[True, False, True, False]]),
    }  # fmt: skip
    read = {i for n in nodes for i in n.input}
    path = saved(tmp_path, nodes, {k: v for k, v in constants.items() if k in read})
    runtime = pytest.importorskip("onnxruntime", reason="the extra onnx brings both").InferenceSession(path, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    model = from_onnx(path)
    before = model.predict(x, verbose=0)
    np.testing.assert_allclose(before, runtime.run(None, {"x": x})[0], rtol=1e-5, atol=1e-6)
    assert len(model.trainable_variables) == count
    if count:
        model.compile("sgd", "mse")
        model.fit(x, before + 1, epochs=2, verbose=0)
        assert np.square(model.predict(x, verbose=0) - before - 1).mean() < 1


def test_what_reads_the_same_weights_is_one_layer(tmp_path: Path) -> None:
    weights: dict[str, Any] = {"w": np.concatenate([W, W]), "b": np.array([1, 2, 3, 4], "float32"), "zeros": np.zeros(4, "float32")}
    nodes = [
        node("MatMul", "x w", "p"), node("Add", "p b", "q"), node("Tanh", "q", "r"), node("Identity", "w", "v"), node("MatMul", "r v", "s"),
        node("Add", "s b", "t"), node("Add", "t zeros", "u"), node("Tanh", "u", "h"), node("Add", "h zeros", "y"),
    ]  # fmt: skip
    model = from_onnx(saved(tmp_path, nodes, weights))
    # one Dense; vectors of one number are written once for all that begin so, and are weights of each
    assert [w.shape for w in model.trainable_variables] == [(4, 4), (4,), (4,), (4,)]
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    expected = np.tanh(np.tanh(x @ weights["w"] + weights["b"]) @ weights["w"] + weights["b"])
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)
    model.save(tmp_path / "again.keras")
    np.testing.assert_allclose(load_model(tmp_path / "again.keras").predict(x, verbose=0), expected, rtol=1e-5, atol=1e-6)


def classifier(folder: Path) -> Path:
    """A multi-layer perceptron as scikit-learn's converter writes it."""
    rng = np.random.default_rng(1)
    weights = {n: rng.normal(size=s).astype("float32") for n, s in {"w": (4, 5), "b": (1, 5), "v": (5, 3), "c": (1, 3)}.items()}
    nodes = [
        node("Cast", "x", "f", to=FLOAT), node("MatMul", "f w", "g"), node("Add", "g b", "h"), node("Relu", "h", "i"), node("MatMul", "i v", "j"),
        node("Add", "j c", "k"), node("Softmax", "k", "probabilities", axis=-1), node("ArgMax", "probabilities", "place", axis=1),
        node("NonZero", "place", "label"),
        node("ZipMap", "probabilities", "shown", domain="ai.onnx.ml", classlabels_strings=["a", "b", "c"]),
    ]  # fmt: skip
    return saved(folder, nodes, {**weights, "classes": np.array([0, 1, 2])}, outputs=("label", "shown"), domains=["ai.onnx.ml"])


@pytest.mark.parametrize(("before", "behind"), [(-1, 2), (1, -2), (-1, -1)])
def test_a_pad_below_zero_takes_elements_away(before: int, behind: int, tmp_path: Path) -> None:
    model = from_onnx(saved(tmp_path, [node("Pad", "x pads", "y")], {"pads": np.array([0, before, 0, behind])}))
    x = np.arange(12, dtype="float32").reshape(3, 4)
    expected = np.pad(x[:, max(0, -before) : 4 - max(0, -behind)], ((0, 0), (max(0, before), max(0, behind))))
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_operators_that_are_not_covered_are_all_named_and_can_be_left_out(tmp_path: Path) -> None:
    path = classifier(tmp_path)
    with pytest.raises(DataError, match=r"not covered: NonZero, ai\.onnx\.ml::ZipMap\. .*outputs="):
        from_onnx(path)
    model = from_onnx(path, outputs=["probabilities"])
    np.testing.assert_allclose(model.predict(np.ones((2, 4), "float32"), verbose=0).sum(1), 1.0, rtol=1e-6)
    assert len(model.trainable_variables) == 4
    with pytest.raises(ConfigError, match=r"no value 'probability'.*Did you mean 'probabilities'"):
        from_onnx(path, outputs=["probability"])


def test_weights_may_be_frozen(tmp_path: Path) -> None:
    assert not from_onnx(classifier(tmp_path), ["probabilities"], trainable=False).trainable_variables


# ---- files of strangers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x00" * 100, b"\xff" * 100, b"graph { }"])
def test_what_is_no_onnx_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(DataError, match="no ONNX file"):
        from_onnx(tmp_path / "model.onnx")
    with pytest.raises(DataError, match="no such file"):
        from_onnx(tmp_path / "other.onnx")
    with pytest.raises(DataError):
        from_onnx(tmp_path)


def external(folder: Path, **places: Any) -> Path:
    """A file whose weight lies in another file."""
    path = saved(folder, [node("MatMul", "x w", "y")], {"w": np.ones((4, 2), "float32")})
    model = onnx.load(path)
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in places.items():
        tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"\0" * 8 + np.full((4, 2), 3, "<f4").tobytes())
    model = from_onnx(external(tmp_path, location="w.bin", offset=8, length=32))
    np.testing.assert_array_equal(model.predict(np.ones((1, 4), "float32"), verbose=0), [[12.0, 12.0]])


@pytest.mark.parametrize("places", [
    {"location": "../w.bin"}, {"location": "/etc/passwd"}, {"location": "link"}, {"location": "links/w.bin"}, {"location": ""},
    {"location": "no.bin"}, {"location": "w.bin\0"}, {"location": "..\\w.bin"}, {"location": "w.bin", "offset": -4},
    {"location": "w.bin", "offset": 8}, {"location": "."},
    {"location": "w.bin", "length": 8}, {"location": "w.bin", "offset": "x"}, {"location": "w.bin", "length": 10**30}, {},
], ids=str)  # fmt: skip
def test_weights_elsewhere_are_not_read(places: dict[str, Any], tmp_path: Path) -> None:
    folder, outside = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    outside.mkdir()
    for file in (tmp_path / "w.bin", outside / "w.bin", folder / "w.bin"):
        file.write_bytes(b"\0" * 32)
    os.symlink(outside / "w.bin", folder / "link")
    os.symlink(outside, folder / "links")
    with pytest.raises(DataError, match=r"'w' (lies|claims)"):
        from_onnx(external(folder, **places))


def forged(folder: Path, change: Callable[[Any], None]) -> Path:
    path = saved(folder, [node("MatMul", "x w", "y")], {"w": np.ones((4, 2), "float32")})
    model = onnx.load(path)
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("sizes", [(4, 3), (2**31, 2**31), (4, -2), (-4, -2), (0, 2)])
def test_a_weight_is_as_large_as_what_is_stored_of_it(sizes: tuple[int, int], tmp_path: Path) -> None:
    def change(model: Any) -> None:
        model.graph.initializer[0].dims[:] = sizes

    with pytest.raises(DataError, match=r"'w' (claims|has the shape)"):
        from_onnx(forged(tmp_path, change))


@pytest.mark.parametrize("nodes", [
    [node("ConstantOfShape", "big", "c")], [node("Expand", "one", "c"), node("ConstantOfShape", "big", "c")][1:],
    [node("Expand", "one big", "c")], [node("Tile", "one repeats", "c")], [node("Range", "zero top two", "c")],
    [node("Reshape", "row column", "d"), node("Mul", "row d", "e"), node("ReduceSum", "e", "c")], [node("Pad", "row pads", "c")],
    [node("OneHot", "row_of top_one values", "c")],
], ids=lambda n: n[-1].op_type)  # fmt: skip
def test_constants_take_no_more_room_than_the_file_allows(nodes: Any, tmp_path: Path) -> None:
    weights = {
        "big": np.array([2**20, 2**20]), "one": np.ones((1, 1), "float32"), "repeats": np.array([2**20, 2**20]), "zero": np.array(0),
        "top": np.array(2**50), "two": np.array(2), "row": np.ones(100_000, "float32"), "column": np.array([100_000, 1]),
        "pads": np.array([0, 2**40]),
        "row_of": np.zeros(100_000, np.int64), "top_one": np.array(1_000_000), "values": np.array([0, 1], "float32"),
    }  # fmt: skip
    with pytest.raises(DataError, match=r"more than|larger than"):
        from_onnx(saved(tmp_path, [*nodes, node("ReduceMax", "c", "m"), node("Add", "x m", "y")], weights))


def test_a_value_larger_than_any_memory_is_refused(tmp_path: Path) -> None:
    nodes = [node("Unsqueeze", "x axes", "a"), node("Expand", "a big", "y")]
    with pytest.raises(DataError, match="Expand"):
        from_onnx(saved(tmp_path, nodes, {"axes": np.array([1]), "big": np.array([1, 2**40, 4])}))


@pytest.mark.parametrize("nodes", [
    [node("Add", "y x", "y")], [node("Relu", "nothing", "y")], [node("Relu", "a", "y"), node("Relu", "x", "a")],
    [node("Relu", "x", "a"), node("Exp", "x", "a"), node("Relu", "a", "y")], [node("Relu", "", "y")], [node("Concat", "x x", "y")],
    [node("Transpose", "x", "y", perm=[0, 7])], [node("Softmax", "x", "y", axis=9)], [node("Conv", "x x", "y")],
    [node("Clip", "x x", "y")], [node("Cast", "x", "y", to=77)], [node("Einsum", "x", "y")], [node("LSTM", "x x x", "y")],
], ids=lambda n: n[-1].op_type)  # fmt: skip
def test_nodes_that_make_no_sense_are_named(nodes: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model\.onnx: "):
        from_onnx(saved(tmp_path, nodes))


def test_files_with_changed_numbers_and_operators_are_loaded_or_refused(tmp_path: Path) -> None:
    from symkeras.models.onnx_files.table import TABLE

    MODELS["convnet"]().export(tmp_path / "source.onnx")
    source = onnx.load(tmp_path / "source.onnx")
    rng = np.random.default_rng(0)
    odd = [0, -1, 1, 2, 7, 2**31, 2**62, -(2**62), 10**9]
    for _ in range(80):
        model = onnx.ModelProto()
        model.CopyFrom(source)
        n = model.graph.node[rng.integers(len(model.graph.node))]
        t = model.graph.initializer[rng.integers(len(model.graph.initializer))]
        kind = rng.integers(5)
        if kind == 0:
            n.op_type = str(rng.choice(sorted(TABLE)))
        elif kind == 1 and n.attribute:
            a = n.attribute[rng.integers(len(n.attribute))]
            a.i = int(rng.choice(odd))
            if a.ints:
                a.ints[rng.integers(len(a.ints))] = int(rng.choice(odd))
        elif kind == 2 and t.dims:
            t.dims[rng.integers(len(t.dims))] = int(rng.choice(odd))
        elif kind == 3 and n.input:
            n.input[rng.integers(len(n.input))] = t.name
        else:
            t.data_type = int(rng.integers(0, 30))
        (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
        with contextlib.suppress(SymkerasError):
            from_onnx(tmp_path / "model.onnx")
