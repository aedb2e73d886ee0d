"""Architectures as Keras 1 and 2 wrote them, brought into the form of Keras 3 before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Options of Keras 2 without a meaning here, and the values with which they may be dropped (None: any value).
_RETIRED: dict[str, tuple[Any, ...] | None] = {
    "implementation": None, "experimental_autocast": None, "time_major": (False,), "consume_less": None, "input_dtype": None,
    "function_type": None, "output_shape_type": None, "module": None, "output_shape_module": None, "init": None,
    "experimental_run_tf_function": None, "renorm": (False,), "renorm_clipping": None, "renorm_momentum": None,
    "virtual_batch_size": (None,), "fused": None, "adjustment": (None,),
}  # fmt: skip
_MODELS = ("Sequential", "Functional", "Model")


def modernised(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config of a model in Keras 3's form; one that has this form already comes back as it was.

    Args:
        config: `{class_name, config}` from the attribute `model_config` of an HDF5 file.
    """
    return _object(config)


def _object(config: Mapping[str, Any]) -> dict[str, Any]:
    inner = config.get("config")
    if "module" in config and config["class_name"] not in _MODELS:
        return dict(config)
    if config["class_name"] in _MODELS:
        inner = _model(inner, config["class_name"])
    elif isinstance(inner, Mapping):
        inner = _layer(inner, config["class_name"])
    out = {**config, "config": inner}
    if config["class_name"] == "Model":
        out["class_name"] = "Functional"
    if "inbound_nodes" in out:
        out["inbound_nodes"] = [_node(n) for n in out["inbound_nodes"]]
    return out


def _model(inner: Any, kind: str) -> Any:
    if isinstance(inner, list):
        inner = {"layers": inner}
    inner = dict(inner)
    inner["layers"] = [_object(layer) for layer in inner.get("layers", [])]
    return inner


def _layer(inner: Mapping[str, Any], kind: str) -> dict[str, Any]:
    out = {key: value for key, value in inner.items() if not _is_retired(key, value)}
    if kind == "InputLayer" and "batch_input_shape" in out:
        out["batch_shape"] = out.pop("batch_input_shape")
    if isinstance(out.get("axis"), list) and len(out["axis"]) == 1 and kind != "Softmax":
        out["axis"] = out["axis"][0]
    if kind == "Lambda" and isinstance(out.get("function"), list):
        out["function"] = {"class_name": "__lambda__", "config": {"value": out["function"]}}
    return {key: _nested(value) for key, value in out.items()}


def _is_retired(key: str, value: Any) -> bool:
    return key in _RETIRED and (_RETIRED[key] is None or value in _RETIRED[key])  # type: ignore[operator]


def _nested(value: Any) -> Any:
    """Layers inside of layers (wrappers, cells), wherever they lie in a config."""
    if isinstance(value, list):
        return [_nested(item) for item in value]
    if isinstance(value, Mapping):
        if "class_name" in value and isinstance(value.get("config"), (Mapping, list)):
            return _object(value)
        return {key: _nested(item) for key, item in value.items()}
    return value


def _node(node: Any) -> Any:
    """A call of a layer: Keras 2 lists [layer, call, output, keywords] for every tensor it was given."""
    if isinstance(node, Mapping):
        return dict(node)
    if node and isinstance(node[0], str):
        node = [node]
    tensors = [_tensor(entry) for entry in node]
    keywords = {key: value for entry in node if len(entry) > 3 for key, value in entry[3].items()}
    args = [tensors[0] if len(tensors) == 1 else tensors]
    return {"args": args, "kwargs": {key: _keyword(value) for key, value in keywords.items()}}


def _tensor(entry: Any) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [], "dtype": "float32", "keras_history": list(entry[:3])}}


def _keyword(value: Any) -> Any:
    """A keyword argument; [layer, call, output] in it is a tensor."""
    if isinstance(value, list):
        if len(value) in (3, 4) and isinstance(value[0], str) and all(isinstance(v, int) for v in value[1:3]):
            return _tensor(value)
        return [_keyword(item) for item in value]
    return value
