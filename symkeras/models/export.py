"""`Model.export`: the predict function of a model as files that run without symkeras."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import config, tree
from symkeras.backend import interface
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.types import TensorType
from symkeras.layers.input_spec import InputSpec
from symkeras.models.functions import _naming_the_place
from symkeras.models.steps import Signature, Step, x_names
from symkeras.saving.places import NoFolderError

_SUFFIXES = {".c": "c", ".py": "numpy", ".onnx": "onnx", ".tflite": "litert"}
"""Which format a file name stands for."""
_KEPT = ("level", "numerics", "denormals")
"""What an exported function takes over from `compile`, where the format has a place for it."""


def export_model(model: Any, filepath: Any, format: str | None, verbose: Any, input_signature: Any, options: dict[str, Any]) -> list[Path]:
    """See `Model.export`."""
    path = Path(os.fspath(filepath))
    if format is None:
        format = _SUFFIXES.get(path.suffix, "tf_saved_model")
    if not isinstance(format, str) or format not in interface.EXPORTERS:
        offered = {name: suffix for suffix, name in _SUFFIXES.items() if name in interface.EXPORTERS}
        shown = " or ".join(f"{name!r} (a file such as 'model{offered.get(name, '')}')" for name in interface.EXPORTERS)
        raise ConfigError(f"export of model {model.name!r}: format {format!r} is not offered; give format={shown}")
    if not path.parent.is_dir():
        raise NoFolderError(f"export of model {model.name!r}: cannot write {str(path)!r}: there is no folder {str(path.parent)!r}")
    graph, results = predict_graph(model, input_signature, format in interface.OPEN_SIZES)
    compiled = model._compilation.options if model._compilation is not None else {}
    taken = interface.export_options(format)
    options = {**{k: compiled[k] for k in _KEPT if k in compiled and k in taken}, "title": model.name, "results": results, **options}
    files = interface.export_graph(graph, path, format, **options)
    if verbose:
        print(f"Exported model {model.name!r}: {', '.join(map(str, files))}")
    return files


def predict_graph(model: Any, input_signature: Any = None, may_be_open: bool = False) -> tuple[Any, list[str]]:
    """The graph of `predict`, and the names of its outputs; all sizes but the number of rows must be known where they may not be open."""
    stage = model._of_graph("_array_stage")
    if stage is not None:
        raise ConfigError(
            f"export of model {model.name!r}: {', '.join(stage.layers)} computes on arrays before the graph, which no file holds: "
            "export the model behind it, whose inputs are its results, and apply it to the data first"
        )
    types, structure = _signature(model, input_signature)
    for t, name in zip(types, x_names(model, len(types)), strict=True):
        unknown = sorted(dims.symbols_of(t.shape[1:]))
        if unknown and not may_be_open:
            shown = tuple(None if k == 0 else d if isinstance(d, int) else 20 for k, d in enumerate(t.shape))
            raise ConfigError(
                f"export of model {model.name!r}: of its input {name!r}, {t}, the size {', '.join(unknown)} is not known; "
                f"give one for each input, such as input_signature=[{shown}]"
            )
    with _naming_the_place():
        step = Step(model, "predict", Signature(tuple(types)), structure, "interpreter", {})
    return step.executable.source_graph, model._names_of_outputs(step.structure)


def _signature(model: Any, given: Any) -> tuple[list[TensorType], Any]:
    """The types of the inputs, and their nesting."""
    inputs = model._of_graph("inputs")
    structure = model._of_graph("input") if inputs is not None else None
    if given is None:
        last = model._last.get("predict")
        if inputs is not None:
            return [_of_rows(t.node.tensor_type) for t in inputs], structure
        if last is not None and len(last.signature.x) == 1:
            return [_of_rows(last.signature.x[0])], 0
        raise ConfigError(f"export of model {model.name!r}: the shapes of its inputs are not known; give input_signature=[(None, ...)]")
    specs = _specs(given)
    flat = tree.flatten(specs)
    if inputs is not None:
        if len(flat) != len(inputs):
            raise ConfigError(f"export of model {model.name!r}: it has {len(inputs)} inputs, received an input_signature of {len(flat)}")
        names = x_names(model, len(inputs))
        known = [t.node.tensor_type for t in inputs]
        return [_fitting(s, t, n, model.name) for s, t, n in zip(flat, known, names, strict=True)], structure
    types = [_of_rows(TensorType((dims.symbol("batch"), *_sizes(s, model.name)), _dtype(s))) for s in flat]
    if isinstance(specs, (list, tuple)) and len(specs) == 1 and not tree.is_nested(specs[0]):
        specs = specs[0]
    arrays = [np.zeros([1, *(d if isinstance(d, int) else 1 for d in t.shape[1:])], t.dtype) for t in types]
    model._ensure_built(arrays, tree.pack_sequence_as(specs, arrays) if tree.is_nested(specs) else arrays[0])
    return types, specs


def _of_rows(t: TensorType) -> TensorType:
    """The type with any number of rows."""
    return t.with_shape((dims.symbol("batch"), *t.shape[1:])) if t.shape else t


def _specs(given: Any) -> Any:
    """The signature with an `InputSpec` for every shape, tensor or array in it."""
    if hasattr(given, "shape"):
        return given if isinstance(given, InputSpec) else InputSpec(shape=tuple(given.shape), dtype=str(given.dtype))
    if isinstance(given, dict):
        return {k: _specs(v) for k, v in given.items()}
    if isinstance(given, (list, tuple)):
        is_shape = bool(given) and all(d is None or isinstance(d, (int, np.integer)) for d in given)
        return InputSpec(shape=tuple(given)) if is_shape else [_specs(v) for v in given]
    raise ConfigError(f"input_signature takes a shape such as (None, 20, 8), an InputSpec, a tensor or an array per input, received {given!r}")


def _sizes(spec: InputSpec, model: str) -> Sequence[int]:
    """All sizes but that of the batch."""
    if not spec.shape or any(d is None for d in spec.shape[1:]):
        raise ConfigError(f"export of model {model!r}: input_signature must give all sizes but that of the batch, received {spec.shape}")
    return [int(d) for d in spec.shape[1:]]


def _dtype(spec: InputSpec) -> str:
    return dtypes.standardize(spec.dtype) if spec.dtype is not None else config.floatx()


def _fitting(spec: InputSpec, known: TensorType, name: str, model: str) -> TensorType:
    """The type of a known input with the sizes that the signature gives."""
    shape = spec.shape or ()
    if len(shape) != known.ndim or any(isinstance(k, int) and d not in (None, k) for d, k in zip(shape[1:], known.shape[1:], strict=True)):
        raise ShapeError(f"export of model {model!r}: input {name!r} is {known}, received the shape {shape} in input_signature")
    sizes = [k if d is None else int(d) for d, k in zip(shape[1:], known.shape[1:], strict=True)]
    return _of_rows(known.with_shape((known.shape[0], *sizes)))


__all__ = ["export_model", "predict_graph"]
