"""What an event file says: TensorBoard's messages Event, Summary and GraphDef as bytes.

The numbers of fields are those of tensorflow/core/util/event.proto and tensorflow/core/framework/{summary,tensor,graph,node_def,attr_value}.proto.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.callbacks.protobuf import block, double, integer
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.text import HIDDEN

_DTYPES = {
    "float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "string": 7, "int64": 9, "bool": 10, "bfloat16": 14, "uint16": 17,
    "float16": 19, "uint32": 22, "uint64": 23,
}  # fmt: skip
"""dtype -> its number in TensorFlow's enum DataType."""
_KINDS = {"scalars": 1, "histograms": 2, "images": 3}
"""Plugin -> class of its data: scalars, tensors, or sequences of bytes."""
BUCKETS = 30
_LONGEST = 200


def event(wall_time: float, step: int, *, file_version: str = "", graph: bytes = b"", summary: bytes = b"") -> bytes:
    """An Event, with one of the things that it may hold."""
    what = block(3, file_version) if file_version else block(4, graph) if graph else block(5, summary)
    return double(1, wall_time) + integer(2, step) + what


def scalar(tag: str, value: float) -> bytes:
    """A Summary with a number, in float32: what is larger is an infinity."""
    with np.errstate(over="ignore"):
        return _value(tag, "scalars", _tensor("float32", (), np.asarray(value, "<f4").tobytes()))


def histogram(tag: str, values: np.ndarray) -> bytes:
    """A Summary with 30 buckets of equal width; numbers that are not finite are in none."""
    table = buckets(values)
    return _value(tag, "histograms", _tensor("float64", table.shape, table.astype("<f8").tobytes()))


def image(tag: str, images: np.ndarray) -> bytes:
    """A Summary with images (B, H, W, C) of one, three or four channels, in PNG.

    Floats are taken from 0 to 1, and cut off there.
    """
    sizes = [str(size) for size in (images.shape[2], images.shape[1])]
    return _value(tag, "images", _strings([*(s.encode() for s in sizes), *(png(picture) for picture in images)]))


def model_config(tag: str, config: str) -> bytes:
    """A Summary with the config of a model, which TensorBoard draws as its conceptual graph."""
    tensor = integer(1, _DTYPES["string"]) + block(2, b"") + block(8, config)
    return _value(tag, "graph_keras_model", tensor, content=b"1")


def buckets(values: np.ndarray) -> np.ndarray:
    """(K, 3): left and right edge of each bucket, and how many numbers lie in it; the last one has its right edge, too.

    >>> buckets(np.arange(61.0))[[0, -1]].tolist()
    [[0.0, 2.0, 2.0], [58.0, 60.0, 3.0]]
    """
    values = np.asarray(values, "float64").ravel()
    values = values[np.isfinite(values)]
    if not values.size:
        return np.zeros((0, 3))
    low, high = values.min(), values.max()
    if low == high:
        counts, edges = np.array([values.size]), np.array([low - 0.5, high + 0.5])
    else:
        halves = np.histogram(values / 2, BUCKETS)  # the width of a range may overflow
        counts, edges = halves[0], halves[1] * 2
        edges[0], edges[-1] = low, high
    return np.stack([edges[:-1], edges[1:], counts], 1)


def png(picture: np.ndarray) -> bytes:
    """An image (H, W, C) as a PNG file."""
    if picture.dtype.kind == "f":
        picture = np.nan_to_num(np.clip(picture, 0, 1)) * 255 + 0.5
    picture = picture.astype("uint8")
    height, width, channels = picture.shape
    rows = np.concatenate([np.zeros((height, 1), "uint8"), picture.reshape(height, width * channels)], 1)
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def graph_definition(graph: Graph) -> bytes:
    """A GraphDef: a graph's nodes below the layers they come from, with what they are of and the shapes they have."""
    written = [*graph.inputs, *graph.in_order]
    names = {node: _place(node, graph.names[node]) for node in written}
    nodes = [block(1, _node(node, names)) for node in written]
    return b"".join(nodes) + block(4, integer(1, 22))


def _place(node: Node, name: str) -> str:
    """layer/.../name, for the gradients gradients/layer/.../name."""
    origin = node.origins[0] if node.origins else None
    parts = [] if origin is None else ["gradients"] * bool(origin.gradient_of) + [p for p in origin.layer.split("/") if p]
    return "/".join(re.sub(r"[^A-Za-z0-9_.\-]", "_", part) for part in [*parts, name])


def _node(node: Node, names: dict[Node, str]) -> bytes:
    attributes = {k: block(2, _text(v)) for k, v in node.attrs.items() if k not in HIDDEN}
    shapes = b"".join(block(7, _shape(t.shape)) for t in node.types)
    attributes["_output_shapes"] = block(1, shapes)
    number = _DTYPES.get(node.types[0].dtype)
    if number is not None:
        attributes["dtype"] = integer(6, number)
    if node.origins and node.origins[0].line:
        attributes["line"] = block(2, node.origins[0].line)
    head = block(1, names[node]) + block(2, node.op.name) + b"".join(block(3, names[source]) for source in node.inputs)
    return head + b"".join(block(5, block(1, key) + block(2, value)) for key, value in attributes.items())


def _text(value: Any) -> str:
    return value.name if isinstance(value, Graph) else repr(value)[:_LONGEST]


def _shape(shape: Sequence[Any]) -> bytes:
    return b"".join(block(2, integer(1, size if isinstance(size, int) else -1)) for size in shape)


def _tensor(dtype: str, shape: Sequence[int], content: bytes) -> bytes:
    return integer(1, _DTYPES[dtype]) + block(2, _shape(shape)) + block(4, content)


def _strings(texts: list[bytes]) -> bytes:
    return integer(1, _DTYPES["string"]) + block(2, _shape((len(texts),))) + b"".join(block(8, text) for text in texts)


def _value(tag: str, plugin: str, tensor: bytes, content: bytes = b"") -> bytes:
    metadata = block(1, block(1, plugin) + block(2, content)) + (integer(4, _KINDS[plugin]) if plugin in _KINDS else b"")
    return block(1, block(1, tag) + block(8, tensor) + block(9, metadata))
