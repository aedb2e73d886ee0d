"""Good files of every kind, for some small models: what the fuzzer breaks.

Most models have one or two layers, so that a file is written over and read in milliseconds; three are as large as a person's first ones.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

NAMES = {"keras": "m.keras", "legacy": "m.h5", "weights": "m.weights.h5", "legacy_weights": "w.h5", "npz": "latest.npz",
         "shards": "s.zip", "safetensors": "m.safetensors",
         "config": "m.json", "legacy_config": "old.json", "graph": "g.txt"}  # fmt: skip
INDEX = "s.weights.json"
"""What the index of a set of shards is called in its archive."""
LARGE = 3
"""How many of the models, the first ones, are large."""


def models() -> list[Any]:
    """The models, always the same."""
    from symkeras.utils import reset_uids, set_random_seed

    reset_uids()
    set_random_seed(0)
    made = [*_large(), *_tiny()]
    for k, model in enumerate(made):
        if k in (0, 2) or (k > LARGE and k % 3 == 0):
            model.compile("adam" if k < LARGE + 4 else "sgd", "mse", metrics=["mae"] if k < LARGE + 4 else None)
            model.optimizer.build(model.trainable_variables)
    return made


def _large() -> list[Any]:
    from symkeras import Input, Model, Sequential, layers

    a = Sequential([
        layers.Input((6,)), layers.Dense(4, "relu", kernel_regularizer="l2"), layers.Dropout(0.5, seed=1), layers.BatchNormalization(),
        layers.Dense(2, kernel_constraint="max_norm"),
    ], name="a")  # fmt: skip
    x, y = Input((4, 6), name="x"), Input((4, 6), name="y")
    h = layers.LSTM(3, return_sequences=True)(layers.Masking()(x))
    shared = Sequential([layers.Input((4, 6)), layers.Dense(3)], name="shared")
    h = layers.Concatenate()([h, shared(x) + shared(y) * 2])
    h = layers.Bidirectional(layers.GRU(2, return_sequences=True))(layers.TimeDistributed(layers.Dense(5))(h))
    b = Model([x, y], {"out": layers.MultiHeadAttention(1, 2)(h, h), "seen": layers.Flatten()(h)}, name="b")
    image = Input((8, 8, 2))
    h = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(layers.Conv2D(3, 3, padding="same", groups=1)(image)))
    return [a, b, Model(image, layers.Softmax()(layers.Reshape((3,))(h)), name="c")]


def _tiny() -> list[Any]:
    from symkeras import Input, Model, Sequential, layers

    stacks: list[list[Any]] = [
        [layers.Input((3,)), layers.Dense(2)],
        [layers.Input((3,)), layers.BatchNormalization()],
        [layers.Input((3,)), layers.LayerNormalization(), layers.Dropout(0.2, seed=1)],
        [layers.Input((4, 4, 1)), layers.DepthwiseConv2D(2, activation="relu")],
        [layers.Input((4, 2)), layers.SeparableConv1D(2, 2)],
        [layers.Input((2,), dtype="int32"), layers.Embedding(5, 2, mask_zero=True), layers.GlobalAveragePooling1D()],
        [layers.Input((2, 3)), layers.GRU(1, dropout=0.1, seed=2)],
        [layers.Input((2, 3)), layers.Bidirectional(layers.SimpleRNN(1))],
        [layers.Input((2, 3)), layers.TimeDistributed(layers.Dense(1, use_bias=False))],
        [layers.Input((4, 4, 1)), layers.Conv2DTranspose(1, 2, strides=2), layers.ZeroPadding2D(((1, 0), (0, 1)))],
        [layers.Input((2, 3)), layers.EinsumDense("abc,cd->abd", (None, 2), bias_axes="d"), layers.Permute((2, 1)), layers.Flatten()],
    ]
    x, y = Input((3,), name="x"), Input((3,), name="y")
    shared = layers.Dense(2, name="shared")
    z = Input((2, 2))
    inner = Sequential([layers.Input((3,)), layers.Dense(1)], name="inner")
    functional = [
        Model({"x": x, "y": y}, [shared(x) + shared(y) * 2.0, layers.Subtract()([x, y])], name="two"),
        Model(z, layers.MultiHeadAttention(1, 1)(z, z), name="attention"),
        Model(x, inner(x)[:, ::-1], name="nested"),
    ]
    return [*(Sequential(stack, name=f"tiny{k}") for k, stack in enumerate(stacks)), *functional]


def good_files(folder: Path) -> None:
    """Write a good file of every kind for every model."""
    from symkeras.graph.text import print_graph

    for k, model in enumerate(models()):
        own = folder / str(k)
        own.mkdir()
        model.save(own / NAMES["keras"])
        _without_date(own / NAMES["keras"])
        model.save(own / NAMES["legacy"])
        model.save_weights(own / NAMES["weights"])
        model.save_weights(own / NAMES["legacy_weights"])
        model.save_weights(own / NAMES["safetensors"])
        _save_set(model, own)
        variables = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
        np.savez(own / NAMES["npz"], epoch=3, **{str(n): v.numpy() for n, v in enumerate(variables)})
        (own / NAMES["config"]).write_text(model.to_json())
        (own / NAMES["legacy_config"]).write_text(json.dumps(_old(json.loads(model.to_json()))))
    graphs = folder / "graphs"
    graphs.mkdir()
    for k, graph in enumerate([*_graphs(), *_graphs_of_one_op()]):
        (graphs / f"{k}.txt").write_text(print_graph(graph))


def _save_set(model: Any, own: Path) -> None:
    """Write weights in shards as small as they can be, packed into one file."""
    place = own / "set"
    place.mkdir()
    variables = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
    model.save_weights(place / INDEX, max_shard_size=max([v.numpy().nbytes for v in variables], default=1) / 2**30)
    with zipfile.ZipFile(own / NAMES["shards"], "w") as archive:
        for file in sorted(place.iterdir()):
            archive.writestr(zipfile.ZipInfo(file.name), file.read_bytes())
    shutil.rmtree(place)


def _graphs_of_one_op() -> list[Any]:
    """Every operation once or twice, with its attributes."""
    from symkeras import ops
    from symkeras.graph.graph import Graph
    from symkeras.ops.op import OPS, apply_symbolic

    found = []
    for op in OPS.values():
        for sample in op.samples[:2]:
            inputs = [ops.placeholder(t, name=f"x{k}") for k, t in enumerate(sample.types)]
            results = apply_symbolic(op, inputs, dict(sample.attrs))
            outputs = results if isinstance(results, tuple) else (results,)
            found.append(Graph([t.node for t in inputs], [t.node for t in outputs], name="g"))
    return found


def _graphs() -> list[Any]:
    """Graphs of a few nodes, with bodies and views."""
    from symkeras import ops
    from symkeras.graph.graph import Graph

    x = ops.placeholder("f32[batch, 4, 6]", name="x")
    table = ops.as_tensor(np.arange(6, dtype="float32").reshape(3, 2))
    outputs = [
        ops.softmax(x[:, 1:] * 2.0 + ops.exp(x[:, :-1]), axis=-1),
        ops.sum(ops.transpose(x, (0, 2, 1)) @ x, axis=(1, 2)),
        x[:, ::-1].sum(1),
        ops.take(table, ops.cast(ops.clip(x[:, 0], 0, 2), "int32"), axis=0),
        ops.scan(lambda c, v: (ops.tanh(c + v), c), x[:, 0] * 0.0, ops.transpose(x, (1, 0, 2)))[1],
        ops.cond(ops.sum(x) > 0, lambda: x * 2.0, lambda: ops.flip(x, 1)),
        ops.while_loop(lambda k, v: k < 3, lambda k, v: (k + 1, ops.tanh(v)), (ops.as_tensor(np.int32(0)), x))[1],
        ops.max_pool(x, 2, padding="same"),
        ops.pad(ops.cumsum(x, 1), ((0, 0), (1, 2), (0, 0)), constant_values=0.5),
        ops.concatenate([ops.reshape(x, (-1, 24)), ops.reshape(ops.sort(x, 1), (-1, 24))], 1),
        ops.conv(x, np.ones((2, 6, 1), "float32"), padding="valid"),
        ops.scatter(np.array([[1], [0]], "int32"), x[0, :2], (3, 6)),
    ]
    return [Graph([x.node], [y.node], name="g") for y in outputs]


def _without_date(path: Path) -> None:
    """The same archive whenever it is written."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(zipfile.ZipInfo(name), b'{"keras_version": "3.15.1", "date_saved": "x"}' if name == "metadata.json" else content)


def _old(config: Any) -> Any:
    """A config in the form of Keras 2."""
    if isinstance(config, dict):
        if "args" in config and "kwargs" in config:
            return [[*leaf["config"]["keras_history"], {}] for leaf in _tensors(config["args"])]
        out = {k: _old(v) for k, v in config.items() if k not in ("module", "registered_name", "build_config")}
        return {**out, "keras_version": "2.2.4"} if "compile_config" in config else out
    return [_old(v) for v in config] if isinstance(config, list) else config


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value] if value.get("class_name") == "__keras_tensor__" else []
    return [t for v in value for t in _tensors(v)] if isinstance(value, list) else []
