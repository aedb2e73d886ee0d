"""`model.export("model.onnx")`: a graph as an ONNX file, checked by ONNX' own checker before it takes its place."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from symkeras.arguments import one_of
from symkeras.backend.emitted.batchwise import check_suffix
from symkeras.backend.onnx import model as onnx_model
from symkeras.backend.onnx.model import LEAST_OPSET, Model, model_of
from symkeras.backend.onnx.recurrence import RecogniseRecurrence
from symkeras.backend.onnx.table import UNWANTED, check_expressible, takes
from symkeras.compiler.passes.freeze_variables import FreezeVariables
from symkeras.compiler.passes.widen_narrow import widening
from symkeras.compiler.pipeline import Pipeline
from symkeras.errors import BackendError, ConfigError
from symkeras.graph import dtypes
from symkeras.graph.graph import Graph

_ALIGNED = 4096
"""Weights in a file of their own begin at multiples of this, so that engines can map them into memory."""


def export_onnx(graph: Graph, path: Path, *, opset: int = LEAST_OPSET, title: str = "", results: Sequence[str] = (), level: str = "O2",
                numerics: str = "safe") -> list[Path]:  # fmt: skip
    """Write `graph` as an ONNX model.

    Args:
        graph: without updates.
        path: the model; weights of 2 GiB and more lie beside it, in a file of the same name with `.data` behind it.
        opset: the version of ONNX' operators, from 18 on.
        title: the name of the model.
        results: names of the outputs.
        level: as for `compile`.
        numerics: "safe", or "fast": maxima, maximum pooling and recurrent layers are ONNX' own operators whatever comes, in which engines lose a NaN.

    Returns:
        The files written.

    Raises:
        ConfigError: an opset that is not offered, or `path` does not end in ".onnx".
        BackendError: operations that ONNX cannot express, each with its layer and line; the graph updates variables.
    """
    check_suffix(path, ".onnx")
    most = onnx.defs.onnx_opset_version()
    if isinstance(opset, bool) or not isinstance(opset, int) or not LEAST_OPSET <= opset <= most:
        raise ConfigError(f"export: opset must be an integer from {LEAST_OPSET} to {most}, received {opset!r}")
    if graph.updates:
        names = ", ".join(dict.fromkeys(v.attrs["name"] for v, _ in graph.updates))
        raise BackendError(f"export of {title or graph.name!r}: it changes variables ({names}); what is exported only computes")
    one_of("safe", "fast")(numerics, "export: numerics")
    check_expressible(graph, f"export of {title or graph.name!r}")
    pipeline = Pipeline.level(level).without(UNWANTED)
    passes = (RecogniseRecurrence(), *pipeline.then(widening(graph, dtypes.FOREIGN, moved=())).passes, FreezeVariables())
    optimised, _ = Pipeline(passes).run(graph, takes)
    model = model_of(optimised, opset, numerics != "fast", title, results)
    return _write(model, path)


def _write(model: Model, path: Path) -> list[Path]:
    """Write and check beside the place, then move there: what was there before stays where anything fails."""
    weights = path.with_name(f"{path.name}.data")
    is_large = model.bytes >= onnx_model.MOST_EMBEDDED
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".symkeras-") as folder:
        draft, beside = Path(folder, path.name), Path(folder, weights.name)
        if is_large:
            proto = model.referring(_write_weights(model, beside), onnx_model.SMALL)
        else:
            proto = model.embedded()
        onnx.save_model(proto, draft)
        try:
            onnx.checker.check_model(str(draft), full_check=True)
        except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
            raise BackendError(f"export to {path}: ONNX refuses the model, please report this: {error}") from error
        if is_large:
            beside.replace(weights)
        draft.replace(path)
    return [path, weights] if is_large else [path]


def _write_weights(model: Model, path: Path) -> dict[str, tuple[str, int]]:
    """Write the weights to a file of their own; where each of them is."""
    places: dict[str, tuple[str, int]] = {}
    with path.open("wb") as file:
        for name, array in model.arrays.items():
            if array.size > onnx_model.SMALL:
                file.write(b"\0" * (-file.tell() % _ALIGNED))
                places[name] = (path.name, file.tell())
                np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tofile(file)
    return places
