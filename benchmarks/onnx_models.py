"""The six workloads as ONNX graphs, made of the weights of the Keras models, for predictions by ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from worker import Contender
from workloads import position_table

Arrays = dict[str, np.ndarray]
OPSET = 18
IR_VERSION = 9
"""Of ONNX 1.14: every ONNX Runtime of the last years reads it."""


class Builder:
    """A graph in the making: methods append nodes and give the names of their results; weights come from `arrays` by Keras' paths."""

    def __init__(self, arrays: Arrays):
        self.arrays = arrays
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: list[Any] = []

    def input(self, name: str, shape: tuple[int, ...], type: int = TensorProto.FLOAT) -> str:
        """An input of any number of rows."""
        self.inputs.append(helper.make_tensor_value_info(name, type, ["batch", *shape]))
        return name

    def weight(self, path: str) -> str:
        """A weight as it is."""
        return self.constant(path, self.arrays[path])

    def constant(self, name: str, value: Any) -> str:
        """An array of the model."""
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, use: int = 0, **attributes: Any) -> str:
        """A node; gives the name of result number `use`."""
        names = [f"{op}_{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[use]

    def dense(self, name: str, x: str, activation: str = "") -> str:
        """x [..., I] to [..., O]."""
        x = self.add("Add", self.add("MatMul", x, self.weight(f"{name}/kernel")), self.weight(f"{name}/bias"))
        return self.add(activation, x) if activation else x

    def conv(self, name: str, x: str, stride: int = 1, **padding: Any) -> str:
        """x [B, I, H, W]; with bias where there is one."""
        kernel = self.constant(f"{name}/kernel", self.arrays[f"{name}/kernel"].transpose(3, 2, 0, 1))
        bias = [self.weight(f"{name}/bias")] if f"{name}/bias" in self.arrays else []
        return self.add("Conv", x, kernel, *bias, strides=[stride, stride], **padding)

    def batch_norm(self, name: str, x: str) -> str:
        """x [B, C, H, W]."""
        weights = [self.weight(f"{name}/{w}") for w in ("gamma", "beta", "moving_mean", "moving_variance")]
        return self.add("BatchNormalization", x, *weights, epsilon=1e-3)

    def layer_norm(self, name: str, x: str) -> str:
        """Over the last axis."""
        return self.add("LayerNormalization", x, self.weight(f"{name}/gamma"), self.weight(f"{name}/beta"), axis=-1, epsilon=1e-6)

    def gather(self, table: str, x: str) -> str:
        """Rows of a table."""
        return self.add("Gather", self.weight(table), x)

    def reshape(self, x: str, *shape: int) -> str:
        """0 keeps a size, -1 is what is left."""
        return self.add("Reshape", x, self.constant(f"shape_{len(self.nodes)}", np.array(shape, "int64")))

    def model(self, *outputs: str) -> bytes:
        """The finished graph, as a file holds it."""
        results = [helper.make_empty_tensor_value_info(name) for name in outputs]
        constants = [numpy_helper.from_array(a, name) for name, a in self.constants.items()]
        graph = helper.make_graph(self.nodes, "model", self.inputs, results, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION).SerializeToString()


# ---- models --------------------------------------------------------------------------------------------------------------


def tutorial_mlp(b: Builder) -> bytes:
    x = b.dense("dense", b.input("x", (100,)), "Relu")
    return b.model(b.dense("dense_1", x, "Softmax"))


def mlp(b: Builder) -> bytes:
    x = b.dense("dense_1", b.dense("dense", b.input("x", (784,)), "Relu"), "Relu")
    return b.model(b.dense("dense_2", x, "Softmax"))


def convnet(b: Builder) -> bytes:
    x = b.add("Transpose", b.input("x", (28, 28, 1)), perm=[0, 3, 1, 2])
    for name in ("conv2d", "conv2d_1"):
        x = b.add("MaxPool", b.add("Relu", b.conv(name, x)), kernel_shape=[2, 2], strides=[2, 2])
    x = b.reshape(b.add("Transpose", x, perm=[0, 2, 3, 1]), 0, -1)
    return b.model(b.dense("dense", x, "Softmax"))


def gates(a: np.ndarray) -> np.ndarray:
    """Keras' gates i f c o, side by side on the last axis, as ONNX' rows i o f c."""
    i, f, c, o = np.split(a, 4, -1)
    return np.concatenate([i, o, f, c], -1).T[None]


def two_input_lstm(b: Builder) -> bytes:
    words, extra = b.input("words", (100,), TensorProto.INT32), b.input("extra", (5,))
    x = b.add("Transpose", b.gather("embedding/embeddings", words), perm=[1, 0, 2])
    kernel, recurrent, bias = (b.arrays[f"lstm/lstm_cell/{n}"] for n in ("kernel", "recurrent_kernel", "bias"))
    both = np.concatenate([gates(bias[None])[..., 0], np.zeros((1, bias.size), "float32")], 1)
    weights = [b.constant("w", gates(kernel)), b.constant("r", gates(recurrent)), b.constant("b", both)]
    last = b.add("LSTM", x, *weights, outputs=3, use=1, hidden_size=len(recurrent))
    summary = b.add("Squeeze", last, b.constant("axis", np.array([0], "int64")))
    x = b.add("Concat", summary, extra, axis=1)
    for name in ("dense", "dense_1", "dense_2"):
        x = b.dense(name, x, "Relu")
    return b.model(b.dense("main_output", x, "Sigmoid"), b.dense("aux_output", summary, "Sigmoid"))


def attention(b: Builder, name: str, x: str) -> str:
    """Self-attention of x [B, T, E] with 2 heads of 32; queries are scaled by their weights."""
    parts = []
    for part, scale in (("query", 32**-0.5), ("key", 1.0), ("value", 1.0)):
        kernel = b.constant(f"{name}/{part}/kernel", b.arrays[f"{name}/{part}/kernel"].reshape(-1, 64) * np.float32(scale))
        bias = b.constant(f"{name}/{part}/bias", b.arrays[f"{name}/{part}/bias"].reshape(64) * np.float32(scale))
        heads = b.reshape(b.add("Add", b.add("MatMul", x, kernel), bias), 0, 0, 2, 32)
        parts.append(b.add("Transpose", heads, perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3]))
    q, k, v = parts
    mixed = b.add("MatMul", b.add("Softmax", b.add("MatMul", q, k)), v)
    output = b.constant(f"{name}/output", b.arrays[f"{name}/attention_output/kernel"].reshape(64, -1))
    x = b.reshape(b.add("Transpose", mixed, perm=[0, 2, 1, 3]), 0, 0, 64)
    return b.add("Add", b.add("MatMul", x, output), b.weight(f"{name}/attention_output/bias"))


def transformer_block(b: Builder) -> bytes:
    tokens = b.input("tokens", (200,), TensorProto.INT32)
    x = b.add("Add", b.gather("embedding_1/embeddings", tokens), b.constant("positions", position_table((200, 32))))
    x = b.layer_norm("layer_normalization", b.add("Add", x, attention(b, "multi_head_attention", x)))
    fed = b.dense("dense", b.dense("dense_1", x, "Relu"))
    x = b.layer_norm("layer_normalization_1", b.add("Add", x, fed))
    x = b.add("ReduceMean", x, b.constant("axis", np.array([1], "int64")), keepdims=0)
    return b.model(b.dense("dense_3", b.dense("dense_2", x, "Relu"), "Softmax"))


def resnet20(b: Builder) -> bytes:
    count = 0

    def normalized(x: str, stride: int = 1) -> str:
        nonlocal count
        number, count = f"_{count}" if count else "", count + 1
        return b.batch_norm(f"batch_normalization{number}", b.conv(f"conv2d{number}", x, stride, auto_pad="SAME_UPPER"))

    x = b.add("Transpose", b.input("x", (32, 32, 3)), perm=[0, 3, 1, 2])
    x = b.add("Relu", normalized(x))
    for stage in range(3):
        for k in range(3):
            stride = 2 if stage and not k else 1
            y = normalized(b.add("Relu", normalized(x, stride)))
            x = b.add("Relu", b.add("Add", y, normalized(x, stride) if stride == 2 else x))
    x = b.reshape(b.add("GlobalAveragePool", x), 0, -1)
    return b.model(b.dense("dense", x, "Softmax"))


MODELS = {f.__name__: f for f in (tutorial_mlp, mlp, two_input_lstm, convnet, transformer_block, resnet20)}


# ---- the contender -------------------------------------------------------------------------------------------------------------


class OnnxContender(Contender):
    """Predicts with ONNX Runtime's defaults; it has weights when it has adopted some."""

    session: Any = None

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__}

    def build(self) -> int:
        self.session = None
        return 0

    def adopt(self, path: str) -> None:
        with np.load(path) as stored:
            builder = Builder(dict(stored))
        model = MODELS[self.workload.name](builder)
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.names = [i.name for i in self.session.get_inputs()]

    def outputs(self, x: Any) -> Any:
        return self.session.run(None, dict(zip(self.names, x if isinstance(x, list) else [x], strict=True)))
