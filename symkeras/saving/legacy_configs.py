"""Architectures as Keras 1 and 2 wrote them, brought into the form of Keras 3 before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symkeras.saving.keras2_meanings import Version, parse_version, with_present_meaning

_MODELS = ("Sequential", "Functional", "Model")
_CONSTANT = "_CONSTANT_VALUE"


def modernised(config: Mapping[str, Any], version: Any = None) -> dict[str, Any]:
    """The config of a model in Keras 3's form and meaning; one that has both already comes back as it was.

    Args:
        config: `{class_name, config}`, as in the attribute `model_config` of an HDF5 file.
        version: of the Keras that wrote it, as text; what the config itself says, or else Keras 2, when None.
    """
    return _object(config, parse_version(config.get("keras_version") if version is None else version))


def _object(config: Mapping[str, Any], version: Version) -> dict[str, Any]:
    inner, kind = config.get("config"), config["class_name"]
    if "module" in config and version >= (3,) and kind not in _MODELS:
        return dict(config)
    if kind in _MODELS:
        inner = _model(inner, version)
    elif isinstance(inner, Mapping):
        inner = _layer(inner, kind, version)
    out = {**config, "config": inner}
    if kind == "Model":
        out["class_name"] = "Functional"
    return out


def _model(inner: Any, version: Version) -> dict[str, Any]:
    inner = {"layers": inner} if isinstance(inner, list) else dict(inner)
    entries = inner.get("layers", [])
    from_one = {_name(entry): entry["class_name"] for entry in entries if version < (3,) and _counts_calls_from_one(entry)}
    inner["layers"] = [_entry(entry, version, from_one) for entry in entries]
    for key in ("input_layers", "output_layers"):
        if key in inner:
            inner[key] = _outside(inner[key], from_one)
    return inner


def _entry(entry: Mapping[str, Any], version: Version, from_one: Mapping[str, str]) -> dict[str, Any]:
    out = _object(entry, version)
    if "inbound_nodes" in out:
        out["inbound_nodes"] = [_node(node, from_one) for node in out["inbound_nodes"]]
    return out


def _name(entry: Mapping[str, Any]) -> Any:
    inner = entry.get("config")
    return entry.get("name") or (inner.get("name") if isinstance(inner, Mapping) else None)


def _counts_calls_from_one(entry: Mapping[str, Any]) -> bool:
    """Whether Keras 2 took the making of an inner model for its call 0: of all but sequential ones without an input shape."""
    if entry["class_name"] != "Sequential":
        return entry["class_name"] in _MODELS
    inner = entry.get("config")
    stack = inner.get("layers", []) if isinstance(inner, Mapping) else inner
    return bool(stack) and (stack[0]["class_name"] == "InputLayer" or "batch_input_shape" in stack[0]["config"])


def _outside(structure: Any, from_one: Mapping[str, str]) -> Any:
    """Inputs and outputs of a model. The calls of functional models inside count from 1 here in Keras 3, too; of sequential ones not."""
    if isinstance(structure, list) and len(structure) == 3 and isinstance(structure[0], str):
        return [structure[0], structure[1] - (from_one.get(structure[0]) == "Sequential"), structure[2]]
    return [_outside(item, from_one) for item in structure] if isinstance(structure, list) else structure


def _layer(inner: Mapping[str, Any], kind: str, version: Version) -> dict[str, Any]:
    if kind == "Lambda":
        inner = _lambda(inner)
    out = with_present_meaning(kind, inner, version)
    if kind == "InputLayer" and "batch_input_shape" in out:
        out["batch_shape"] = out.pop("batch_input_shape")
    if isinstance(out.get("axis"), list) and len(out["axis"]) == 1 and kind != "Softmax":
        out["axis"] = out["axis"][0]
    return {key: _nested(value, version) for key, value in out.items()}


def _lambda(inner: Mapping[str, Any]) -> dict[str, Any]:
    """A `Lambda` names its functions, or has their code in a list."""
    out = dict(inner)
    for key in ("function", "output_shape"):
        kind, value = out.get(f"{key}_type"), out.get(key)
        if isinstance(value, list) and (key == "function" or kind == "lambda"):
            out[key] = {"class_name": "__lambda__", "config": {"value": value}}
        elif isinstance(value, str):
            out[key] = {"module": "builtins", "class_name": "function", "config": value, "registered_name": "function"}
    return out


def _nested(value: Any, version: Version) -> Any:
    """Layers inside of layers (wrappers, cells), wherever they lie in a config."""
    if isinstance(value, list):
        return [_nested(item, version) for item in value]
    if isinstance(value, Mapping):
        if "class_name" in value and isinstance(value.get("config"), (Mapping, list)):
            return _object(value, version)
        if value.keys() == {"type", "value"} and value["type"] == "ndarray":
            return value["value"]
        return {key: _nested(item, version) for key, item in value.items()}
    return value


def _node(node: Any, from_one: Mapping[str, str]) -> Any:
    """A call of a layer: Keras 2 lists [layer, call, output, keywords] for every tensor it was given."""
    if isinstance(node, Mapping):
        return dict(node)
    if node and isinstance(node[0], str):
        node = [node]
    tensors = [_tensor(entry, from_one) for entry in node]
    keywords = {key: value for entry in node if len(entry) > 3 for key, value in entry[3].items()}
    args = [tensors[0] if len(tensors) == 1 else tensors]
    return {"args": args, "kwargs": {key: _keyword(value, from_one) for key, value in keywords.items()}}


def _tensor(entry: Any, from_one: Mapping[str, str]) -> Any:
    name, call, output = entry[:3]
    if name == _CONSTANT:
        return output
    history = [name, call - (name in from_one), output]
    return {"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "float32", "keras_history": history}}


def _keyword(value: Any, from_one: Mapping[str, str]) -> Any:
    """A keyword argument; [layer, call, output] in it is a tensor, {start, stop, step} a slice."""
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and isinstance(value[1], int) and (value[0] == _CONSTANT or isinstance(value[2], int)):
            return _tensor(value, from_one)
        return [_keyword(item, from_one) for item in value]
    if isinstance(value, Mapping):
        inner = {key: _keyword(item, from_one) for key, item in value.items()}
        if value.keys() == {"start", "stop", "step"}:
            return {"class_name": "__slice__", "config": inner}
        return {"config": {}, **inner} if value.get("class_name") == "__ellipsis__" else inner
    return value
