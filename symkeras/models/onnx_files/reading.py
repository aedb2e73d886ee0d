"""`from_onnx`: an ONNX file, which a stranger may have written, looked through before anything is made of it.

Nothing of a file is run. Arrays are as large as what is stored of them, weights in other files lie in the folder of the model, and what
constants are computed to, and layers make, takes no more room than those allow.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.arguments import boolean, optional, text
from symkeras.errors import ConfigError, DataError, nearest
from symkeras.graph import room
from symkeras.graph.escaping import printable
from symkeras.onnx_marks import EXACT

LEAST_OPSET = 7
"""The first version of ONNX' operators that is read; before it, operators broadcast by attributes."""
NODES = 100_000
AXES = 64
ROOM_FLOOR, ROOM_FACTOR = 2**28, 8
"""Building a model may take `ROOM_FLOOR` bytes and `ROOM_FACTOR` times those of the file's arrays."""
_ENDS = {"float32": "float_data", "float64": "double_data", "int64": "int64_data", "uint64": "uint64_data", "uint32": "uint64_data"}
"""Where a tensor keeps numbers that are not raw; in `int32_data` for all other dtypes."""


def from_onnx(filepath: Any, outputs: Sequence[str] | None = None, name: str | None = None, trainable: bool = True) -> Any:
    """A functional model that computes what an ONNX file computes, with its weights, and that can be trained.

    Products, convolutions, normalisations, embeddings and recurrent operators become layers with weights; constants that take part in sums and
    products become weights as well; everything else becomes operations. Images stay as they are in the file: channels first. The first
    axis of the inputs is the batch, also where the file fixes its size.

    Args:
        filepath: the file. Weights in files of their own must lie in its folder.
        outputs: names of the values to give; those that the file gives when None.
        name: of the model; the name of the file when None.
        trainable: whether its weights are trained.

    Returns:
        A `Model` on one `Input` for each input of the file.

    Raises:
        DataError: no ONNX file, one that is forged or damaged, or one with operators that are not covered; all of them are named.
        ConfigError: a name among `outputs` that the file does not have.

    >>> from_onnx("no_such_file.onnx")
    Traceback (most recent call last):
        ...
    symkeras.errors.DataError: no_such_file.onnx: no such file
    """
    from symkeras.models.onnx_files.building import Builder

    boolean(trainable, "from_onnx: trainable")
    path = Path(os.fspath(filepath))
    proto = _load(path)
    graph = proto.graph
    opset = _opset(proto, path)
    wanted = list(outputs) if outputs is not None else [o.name for o in graph.output]
    nodes = _needed(graph, wanted, path)
    _check_covered(nodes, path)
    arrays = _arrays(graph, {*wanted, *(i for n in nodes for i in n.input)}, path)
    allowed = ROOM_FLOOR + ROOM_FACTOR * sum(a.nbytes for a in arrays.values())
    with room.at_most(allowed, "the file's own arrays allow"):
        model = Builder(graph, arrays, opset, path).model(nodes, wanted, optional(text)(name, "from_onnx: name") or path.stem)
    if not trainable:
        model.trainable = False
    return model


def _load(path: Path) -> Any:
    if not path.exists():
        raise DataError(f"{path}: no such file")
    try:
        import onnx  # type: ignore[import-not-found]
    except ImportError as error:
        raise DataError('ONNX files are read by the package onnx: pip install "symkeras[onnx]"') from error
    from google.protobuf.message import DecodeError

    try:
        proto = onnx.load_model(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (DecodeError, ValueError, RecursionError, MemoryError) as error:
        raise DataError(f"{path}: this is no ONNX file: {printable(error)}") from error
    if not proto.graph.node and not proto.graph.output:
        raise DataError(f"{path}: this is no ONNX file: it holds no graph")
    if len(proto.graph.node) > NODES:
        raise DataError(f"{path}: it holds {len(proto.graph.node)} nodes, more than {NODES}: refused")
    if proto.functions:
        names = ", ".join(printable(f.name) for f in proto.functions[:5])
        raise DataError(f"{path}: it defines functions of its own ({names}), which are not covered")
    return proto


def _opset(proto: Any, path: Path) -> int:
    """The version of ONNX' own operators."""
    import onnx  # type: ignore[import-not-found]

    most = onnx.defs.onnx_opset_version()
    is_used = any(n.domain in ("", "ai.onnx") for n in proto.graph.node)
    version = next((o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")), 0 if is_used else most)
    if not LEAST_OPSET <= version <= most:
        raise DataError(f"{path}: it uses version {version} of ONNX' operators; covered are {LEAST_OPSET} to {most}")
    return version


def _needed(graph: Any, wanted: Sequence[str], path: Path) -> list[Any]:
    """The nodes that some values need, in their order."""
    made = {o for n in graph.node for o in n.output if o}
    known = made | {i.name for i in (*graph.input, *graph.initializer)}
    for o in wanted:
        if o not in known:
            raise ConfigError(f"{path}: it has no value {o!r}; it gives {', '.join(printable(o.name) for o in graph.output)}.{nearest(o, known)}")
    need, kept = set(wanted), []
    for n in reversed(list(_without_choices(graph.node))):
        if need.intersection(n.output):
            need.update(n.input)
            kept.append(n)
    return kept[::-1]


def _without_choices(nodes: Sequence[Any]) -> Iterator[Any]:
    """Nodes, with ONNX' own operators in the place of choices between them and what engines cannot lose a NaN in: layers here lose none."""
    from onnx import helper  # type: ignore[import-not-found]

    for n in nodes:
        branches = {a.name: a.g for a in n.attribute if a.name in ("then_branch", "else_branch")}
        if n.op_type == "If" and len(branches) == 2 and branches["else_branch"].name == EXACT:
            yield from branches["then_branch"].node
            for inner, outer in zip(branches["then_branch"].output, n.output, strict=False):
                yield helper.make_node("Identity", [inner.name], [outer])
        else:
            yield n


def _check_covered(nodes: Sequence[Any], path: Path) -> None:
    """Raise DataError that names every operator which is not covered."""
    from symkeras.models.onnx_files.table import TABLE

    lacking = Counter(kind for n in nodes if (kind := kind_of(n)) not in TABLE)
    if lacking:
        shown = ", ".join(f"{printable(kind)} ({count} times)" if count > 1 else printable(kind) for kind, count in sorted(lacking.items()))
        raise DataError(f"{path}: operators that are not covered: {shown}. Where other values are enough, name them: from_onnx(path, outputs=[...])")


def kind_of(node: Any) -> str:
    """The operator of a node, with its domain where that is not ONNX' own."""
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}::{node.op_type}"


# ---- arrays ------------------------------------------------------------------------------------------------------------


def _arrays(graph: Any, read: set[str], path: Path) -> dict[str, np.ndarray]:
    """The initializers that something reads."""
    if graph.sparse_initializer:
        raise DataError(f"{path}: sparse weights are not covered")
    return {t.name: array_of(t, path) for t in graph.initializer if t.name in read}


def array_of(tensor: Any, path: Path) -> np.ndarray:
    """The array of a tensor in the file, or beside it.

    Raises:
        DataError: it claims another size than is stored of it, a dtype that is not covered, or a place outside of the folder.
    """
    from onnx import TensorProto, helper  # type: ignore[import-not-found]

    name = printable(tensor.name) or "a constant"
    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{path}: {name!r} has dtype {tensor.data_type}, which is not covered") from error
    if dtype.kind not in "biuf" or dtype.name not in _COVERED:
        raise DataError(f"{path}: {name!r} has dtype {dtype}, which is not covered")
    shape = tuple(tensor.dims)
    if any(d < 0 for d in shape) or len(shape) > AXES:
        raise DataError(f"{path}: {name!r} has the shape {shape}: refused")
    count = math.prod(shape)
    if tensor.data_location == TensorProto.EXTERNAL:
        flat = _external(tensor, dtype, count, path, name)
    elif tensor.HasField("raw_data"):
        if len(tensor.raw_data) != count * dtype.itemsize:
            raise DataError(f"{path}: {name!r} claims {count * dtype.itemsize} bytes, {len(tensor.raw_data)} are stored")
        flat = np.frombuffer(tensor.raw_data, dtype.newbyteorder("<"))
    else:
        stored = getattr(tensor, _ENDS.get(dtype.name, "int32_data"))
        if len(stored) != count:
            raise DataError(f"{path}: {name!r} claims {count} numbers, {len(stored)} are stored")
        flat = _typed(stored, dtype)
    return flat.astype(dtype).reshape(shape)


_COVERED = frozenset(
    {"bool", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"}
)


def _typed(stored: Any, dtype: np.dtype) -> np.ndarray:
    if dtype == np.float16:  # its bits
        return np.array(stored, np.int64).astype(np.uint16).view(np.float16)
    wide = np.uint64 if dtype.name in ("uint64", "uint32") else np.int64 if dtype.kind in "iub" else dtype
    return np.array(stored, wide)


def _external(tensor: Any, dtype: np.dtype, count: int, path: Path, name: str) -> np.ndarray:
    """The numbers of a tensor in a file of its own, in the folder of the model."""
    given = {e.key: e.value for e in tensor.external_data}
    location = given.get("location", "")
    relative = Path(location)
    folder = path.resolve().parent
    is_inside = bool(location) and "\0" not in location and "\\" not in location and not relative.is_absolute() and ".." not in relative.parts
    file = folder / relative if is_inside else folder
    if not is_inside or file.is_symlink() or not file.resolve().is_relative_to(folder) or not file.is_file():
        raise DataError(f"{path}: {name!r} lies in {printable(location)!r}, which is no file in the folder of the model: refused")
    size = count * dtype.itemsize
    try:
        offset, length = int(given.get("offset", 0)), int(given.get("length", size))
    except ValueError as error:
        raise DataError(f"{path}: {name!r} lies at offset {printable(given.get('offset'))}, with length {printable(given.get('length'))}") from error
    if length != size or offset < 0 or offset + size > file.stat().st_size:
        raise DataError(f"{path}: {name!r} claims {size} bytes at {offset} of {printable(location)!r}, which holds {file.stat().st_size}")
    return np.fromfile(file, dtype.newbyteorder("<"), count, offset=offset)
