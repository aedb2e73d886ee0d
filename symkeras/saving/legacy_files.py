"""The `.h5` files of Keras 2: the architecture as an attribute, weights by layer names; written and read."""

from __future__ import annotations

import json
import math
import reprlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable
from symkeras.saving import json_text
from symkeras.saving.h5_check import building_for, heap_bound
from symkeras.saving.legacy_configs import modernised
from symkeras.saving.registration import CustomObjectScope, builtin_function
from symkeras.saving.serialization import config_errors, deserialize_keras_object, safe_mode_scope, serialize_keras_object
from symkeras.saving.state_files import misfit
from symkeras.saving.weight_store import array, group, naming, put, reading_file, writing_file

if TYPE_CHECKING:
    import h5py

TEXT_LIMIT = 2**29
"""Bytes that a list of names of any length may take: each may point to the same text, as long as the file."""
ATTRIBUTE_LIMIT = 64512
"""Bytes that HDF5 takes in one attribute; longer lists of names are cut into several."""


# ---- writing -----------------------------------------------------------------------------------------------------


def write_model(model: Any, path: Path, include_optimizer: bool = True) -> None:
    """Write architecture, weights, compile settings and the optimizer's state to a new file."""
    from symkeras.saving.model_files import KERAS_VERSION

    optimizer = getattr(model, "optimizer", None) if include_optimizer else None
    with writing_file(path) as file:
        file.attrs["keras_version"] = KERAS_VERSION
        file.attrs["backend"] = "symkeras"
        serialized = serialize_keras_object(model)
        settings = serialized.get("compile_config")
        _write_text(file, "model_config", {"class_name": serialized["class_name"], "config": serialized["config"]})
        if optimizer is not None and settings:
            training = {**settings, "optimizer_config": settings["optimizer"]}
            del training["optimizer"]
            training["loss"] = _long_names(training.get("loss"))
            _write_text(file, "training_config", training)
            if optimizer.variables:
                _write_arrays(file.create_group("optimizer_weights"), optimizer.variables)
        write_weights(file.create_group("model_weights"), model)


def _write_text(file: h5py.File, key: str, value: Any) -> None:
    """JSON as an attribute of variable length, which may be longer than `ATTRIBUTE_LIMIT`."""
    file.attrs[key] = json.dumps(value)


def _long_names(loss: Any) -> Any:
    """Losses by the names of their functions: Keras 3 does not read `mse` from its own files of this kind."""
    if isinstance(loss, str):
        return getattr(builtin_function(loss), "__name__", loss)
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return {k: _long_names(v) for k, v in loss.items()}
    return [_long_names(v) for v in loss] if isinstance(loss, (list, tuple)) else loss


def write_weights(place: Any, model: Any) -> None:
    """Write the weights of every layer below a group of its name."""
    from symkeras.saving.model_files import KERAS_VERSION

    _write_arrays(place.create_group("top_level_model_weights"), model._tracker.weights)
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        with naming(layer.name):
            inner = place.create_group(layer.name)
            _write_names(inner, "weight_names", [])
        _write_arrays(inner, _weights(layer))
    _write_names(place, "layer_names", [layer.name for layer in model.layers])
    place.attrs["backend"] = "symkeras"
    place.attrs["keras_version"] = KERAS_VERSION


def _weights(layer: Any) -> list[Any]:
    """The weights in the order of these files: trainable ones first."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]


def _write_arrays(place: h5py.Group, variables: Sequence[Any]) -> None:
    names: list[str] = []
    for v in variables:
        name, k = v.path, 0
        while name in names:
            k += 1
            name = f"{v.path}_{k}"
        names.append(name)
    _write_names(place, "weight_names", names)
    for name, v in zip(names, variables, strict=True):
        with naming(name):
            put(place, name, v.numpy())


def _write_names(place: Any, key: str, names: Sequence[str]) -> None:
    with naming(max(names, key=len, default="none"), is_path=False):
        encoded = np.array([n.encode() for n in names]) if names else np.array([], "S1")
        parts = max(1, -(-encoded.nbytes // ATTRIBUTE_LIMIT))
        for k, part in enumerate(np.array_split(encoded, parts)):
            place.attrs[key if parts == 1 else f"{key}{k}"] = part


# ---- reading -----------------------------------------------------------------------------------------------------


def read_model(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """The model of a file of Keras 2 or 3.

    Raises:
        DataError: the file holds no architecture, or weights that do not fit it.
    """
    with reading_file(path) as file:
        config = _read_text(file, "model_config", path)
        if config is None:
            raise DataError(f"{str(path)!r} holds no architecture: make the model, then load_weights() from it")
        weights = group(file, "model_weights")
        if weights is None:
            raise DataError(f"{str(path)!r} holds no weights")
        with building_for(file):
            with CustomObjectScope(custom_objects), config_errors("the architecture"):
                modern = modernised(config, _version(file))
            model = deserialize_keras_object(modern, custom_objects, safe_mode=safe_mode)
            if not hasattr(model, "load_weights"):
                raise DataError(f"the architecture is that of a {type(model).__name__}, no model")
        read_weights(weights, model)
        settings = _read_text(file, "training_config", path) if compile else None
        if settings is not None:
            with building_for(file):
                _compile(model, settings, custom_objects, safe_mode)
                _read_optimizer(model, file)
    return model


def _read_text(file: h5py.File, key: str, path: Path) -> Any:
    if key not in file.attrs:
        return None
    text = _attribute(file, key)
    if isinstance(text, np.ndarray) or not isinstance(text, (str, bytes)):
        raise DataError(f"{str(path)!r}: the attribute {key} is no text")
    return json_text.parse(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"), f"{str(path)!r}: the attribute {key}")


def _version(file: h5py.File) -> Any:
    """The Keras that wrote a file, as it says there or beside the weights."""
    places = [p for p in (file, group(file, "model_weights")) if p is not None and "keras_version" in p.attrs]
    return _attribute(places[0], "keras_version") if places else None


def _compile(model: Any, settings: Any, custom_objects: Mapping[str, Any] | None, safe_mode: bool) -> None:
    """Compile as the file says; `sample_weight_mode` and what else Keras 2 wrote without need is left out."""
    try:
        with CustomObjectScope(custom_objects), safe_mode_scope(safe_mode), config_errors("compile"):
            known = {k: settings[k] for k in ("loss", "metrics", "weighted_metrics", "loss_weights") if settings.get(k) is not None}
            known = {k: _restored(v, custom_objects) for k, v in known.items()}
            model.compile(optimizer=settings["optimizer_config"], **known)
    except ConfigError as error:
        warnings.warn(f"the model is loaded but not compiled: its settings mean nothing here ({error}); compile it again")


def _restored(value: Any, custom_objects: Mapping[str, Any] | None) -> Any:
    """Losses and metrics from their configs; names stay names."""
    if isinstance(value, Mapping) and "class_name" in value:
        return deserialize_keras_object(value, custom_objects)
    if isinstance(value, Mapping):
        return {k: _restored(v, custom_objects) for k, v in value.items()}
    if isinstance(value, list):
        return [_restored(v, custom_objects) for v in value]
    return value


def _read_optimizer(model: Any, file: h5py.File) -> None:
    place = group(file, "optimizer_weights")
    if place is None or model.optimizer is None:
        return
    values = _read_arrays(place)
    model.optimizer.build(model.trainable_variables)
    own = model.optimizer.variables
    if len(own) == len(values) and all(misfit(v, a.shape, a.dtype) is None for v, a in zip(own, values, strict=True)):
        model.optimizer.set_weights(values)
    else:
        warnings.warn(f"the file's state of optimizer {model.optimizer.name!r} has another layout: training goes on with fresh slots")


def read_weights(place: Any, model: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Give the layers of `model` the weights of a file.

    Args:
        place: the file or group that has the attribute `layer_names`.
        skip_mismatch: leave layers that do not fit as they are, with a warning.
        by_name: match layers by name; those without a namesake keep their weights. Else layers match by order.

    Raises:
        DataError: the numbers of layers or weights, or a shape, differ; nothing has changed then.
    """
    if not _has_names(place, "layer_names"):
        inner = group(place, "model_weights")
        if inner is None or not _has_names(inner, "layer_names"):
            raise DataError("the HDF5 file holds no layers of a Keras model")
        place = inner
    names = _read_names(place, "layer_names")
    stored = {name: _read_arrays(_group_of(place, name)) for name in names}
    stored = {name: values for name, values in stored.items() if values}
    layers = [layer for layer in model.layers if layer.weights]
    if by_name:
        pairs = [(layer, stored[layer.name]) for layer in layers if layer.name in stored]
    else:
        if len(layers) != len(stored):
            raise DataError(f"model {model.name!r} has {len(layers)} layers with weights, the file {len(stored)}: {_listed(stored)}")
        pairs = list(zip(layers, stored.values(), strict=True))
    pairs = [(_weights(layer), layer.name, values) for layer, values in pairs]  # type: ignore[misc]
    top = group(place, "top_level_model_weights")
    if top is not None and not by_name:
        pairs.append((model._tracker.weights, model.name, _read_arrays(top)))  # type: ignore[arg-type]
    _assign(pairs, skip_mismatch)


def _listed(names: Iterable[str]) -> str:
    """Names from a file, for a message."""
    names = [*map(reprlib.repr, names)]
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _assign(pairs: Sequence[Any], skip_mismatch: bool) -> None:
    fitting, wrong = [], []
    for variables, name, values in pairs:
        if len(variables) != len(values):
            wrong.append(f"layer {name!r} expects {[v.shape for v in variables]}, the file has {[v.shape for v in values]}")
        elif reasons := [r for v, a in zip(variables, values, strict=True) if (r := misfit(v, a.shape, a.dtype)) is not None]:
            wrong.append(f"layer {name!r}: {'; '.join(reasons)}")
        else:
            fitting += zip(variables, values, strict=True)
    if wrong and not skip_mismatch:
        raise DataError("weights of the file do not fit: " + "; ".join(wrong))
    for variable, value in fitting:
        variable.set(value)
    if wrong:
        warnings.warn("left as they were: " + "; ".join(wrong))


def _group_of(place: Any, name: str) -> Any:
    found = group(place, name)
    if found is None:
        raise DataError(f"HDF5 file: layer {name!r} is listed but has no group")
    return found


def _read_arrays(place: h5py.Group) -> list[np.ndarray]:
    return [array(place, name) for name in _read_names(place, "weight_names")]


def _has_names(place: Any, key: str) -> bool:
    return key in place.attrs or f"{key}0" in place.attrs


def _read_names(place: Any, key: str) -> list[str]:
    """A list of names from one attribute, or from several that it was cut into."""
    if key in place.attrs:
        values = _names(place, key)
    else:
        values, k = [], 0
        while f"{key}{k}" in place.attrs:
            values += _names(place, f"{key}{k}")
            k += 1
    if len({*values}) != len(values):
        raise DataError(f"HDF5 file: {place.name!r}: {key} lists {next(v for v in values if values.count(v) > 1)!r} twice")
    return values


def _names(place: Any, key: str) -> list[str]:
    stored = place.attrs.get_id(key)
    count = max(1, math.prod(stored.shape or ()))
    if stored.dtype.kind == "O" and count * heap_bound(place.file, TEXT_LIMIT // count) > TEXT_LIMIT:
        raise DataError(f"HDF5 file: {place.name!r}: {key} lists {count} strings of any length: refused")
    values = _attribute(place, key)
    if isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind == "S":
        return [v.decode("utf-8") for v in values.tolist()]
    if isinstance(values, np.ndarray) and values.ndim == 1 and all(isinstance(v, (str, bytes)) for v in values):
        return [v.decode("utf-8") if isinstance(v, bytes) else v for v in values]
    if isinstance(values, np.ndarray) and not values.size:
        return []
    raise DataError(f"HDF5 file: {place.name!r}: {key} is no list of names")


def _attribute(place: Any, key: str) -> Any:
    try:
        return place.attrs[key]
    except (OSError, ValueError, TypeError, RuntimeError, MemoryError) as error:
        raise DataError(f"HDF5 file: {place.name!r}: the attribute {key} cannot be read: {printable(error)}") from error
