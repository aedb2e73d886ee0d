"""Objects to configs and back, in the format of Keras 3: plain values, lists and dicts that JSON can hold.

An object becomes {module, class_name, config, registered_name} with the public Keras module of its class, and where it
has them build_config and compile_config. Which names a config may use is decided in `registration`.
"""

from __future__ import annotations

import codecs
import marshal
import os
import reprlib
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from symkeras import config as settings
from symkeras.errors import ArgumentTypeError, ConfigError, SymkerasError
from symkeras.graph import dtypes, room
from symkeras.graph.escaping import printable
from symkeras.graph.tensor import Tensor
from symkeras.saving.registration import (
    CustomObjectScope,
    custom_object,
    custom_object_scope,
    find_class,
    find_function,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    lambda_globals,
    public_name,
    register_keras_serializable,
)  # fmt: skip

_PLAIN = (str, int, float, bool)
CALLS = 100_000
"""Calls of layers that the reading of one config may make: an inner model that calls an inner model and so on makes them by powers."""


class TensorReference(NamedTuple):
    """The mention of a symbolic tensor in the config of a functional model.

    Attributes:
        shape: with None for symbolic sizes.
        dtype: its name.
        keras_history: [layer name, call of the layer, output of the call], or None.
    """

    shape: tuple[int | None, ...]
    dtype: str
    keras_history: Any


class _State(threading.local):
    safe_mode: bool | None = None
    read: dict[int, Any] | None = None
    written: dict[int, Any] | None = None
    is_reading = False


_state = _State()


@contextmanager
def safe_mode_scope(safe_mode: bool) -> Iterator[None]:
    """Context in which lambdas of configs are refused (True) or loaded (False), whatever inner calls ask for."""
    before, _state.safe_mode = _state.safe_mode, safe_mode
    try:
        yield
    finally:
        _state.safe_mode = before


def in_safe_mode() -> bool:
    """Whether a lambda in a config is refused here and now."""
    return _state.safe_mode is not False and not settings.is_unsafe_deserialization_enabled()


def is_deserializing() -> bool:
    """Whether a config is being read here and now."""
    return _state.is_reading


@contextmanager
def object_sharing_scope() -> Iterator[None]:
    """Context in which an object is written with a `shared_object_id`, and one that several configs mention is read once."""
    before, (_state.read, _state.written) = (_state.read, _state.written), ({}, {})
    try:
        yield
    finally:
        _state.read, _state.written = before


# ---- writing -----------------------------------------------------------------------------------------------------


def serialize_keras_object(obj: Any) -> Any:
    """The config of `obj`: plain values as they are, containers item by item, everything else as a dict.

    Args:
        obj: None, a plain value, a container, an array, a function, or an object with `get_config`.

    Raises:
        ConfigError: an object without `get_config`.

    >>> serialize_keras_object(slice(1, None))
    {'class_name': '__slice__', 'config': {'start': 1, 'stop': None, 'step': None}}
    """
    if obj is None or isinstance(obj, _PLAIN):
        return obj
    if isinstance(obj, (list, tuple)):
        return type(obj)(map(serialize_keras_object, obj)) if type(obj) in (list, tuple) else [*map(serialize_keras_object, obj)]
    if isinstance(obj, Mapping) and not hasattr(obj, "get_config"):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    for kind, write in _WRITERS:
        if isinstance(obj, kind):
            return write(obj)
    return _write_object(obj)


def _special(class_name: str, /, **inner: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": inner}


def _write_tensor(x: Tensor) -> dict[str, Any]:
    history = x._keras_history
    if history is not None:
        history = [history.operation.name, history.node_index, history.tensor_index]
    return _special("__keras_tensor__", shape=x.shape, dtype=x.dtype, keras_history=history)


def _write_array(x: np.ndarray) -> Any:
    return _special("__numpy__", value=x.tolist(), dtype=dtypes.standardize(x.dtype)) if x.ndim else x.item()


def _write_slice(x: slice) -> dict[str, Any]:
    return _special("__slice__", **{k: serialize_keras_object(getattr(x, k)) for k in ("start", "stop", "step")})


def _write_function(fn: types.FunctionType) -> dict[str, Any]:
    if fn.__name__ != "<lambda>":
        return {"module": "builtins", "class_name": "function", "config": get_registered_name(fn), "registered_name": "function"}
    warnings.warn(f"a lambda of {fn.__code__.co_filename} is written as bytecode: it loads with safe_mode=False only; prefer a named function")
    code = codecs.encode(marshal.dumps(fn.__code__), "base64").decode("ascii")
    closure = [cell.cell_contents for cell in fn.__closure__] if fn.__closure__ else None
    return _special("__lambda__", value=[code, serialize_keras_object(fn.__defaults__), serialize_keras_object(closure)])


_WRITERS: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (bytes, lambda x: _special("__bytes__", value=x.decode("utf-8"))),
    (slice, _write_slice),
    (types.EllipsisType, lambda _: _special("__ellipsis__")),
    (Tensor, _write_tensor),
    (np.ndarray, _write_array),
    (np.generic, lambda x: x.item()),
    (np.dtype, dtypes.standardize),
    (types.FunctionType, _write_function),
)


def _write_object(obj: Any) -> dict[str, Any]:
    cls = type(obj)
    if isinstance(obj, type) or not hasattr(obj, "get_config"):
        raise ConfigError(f"{obj!r} of type {cls.__name__} has no config: its class needs a get_config method")
    inner = obj.get_config()
    if not isinstance(inner, Mapping):
        raise ConfigError(f"{cls.__name__}.get_config() must return a dict, received {inner!r}")
    public = public_name(cls)
    module, name = public or (None if cls.__module__ == "__main__" else cls.__module__, cls.__name__)
    written = {
        "module": module, "class_name": name, "config": serialize_keras_object(inner),
        "registered_name": None if public else get_registered_name(cls),
    }  # fmt: skip
    for key in ("build_config", "compile_config"):
        method = getattr(obj, f"get_{key}", None)
        extra = method() if method is not None else None
        if extra is not None:
            written[key] = serialize_keras_object(extra)
    _note_sharing(obj, written)
    return written


def _note_sharing(obj: Any, written: dict[str, Any]) -> None:
    if _state.written is not None:
        _state.written[id(obj)] = obj  # holding obj keeps its id from being given again
        written["shared_object_id"] = id(obj)


def serialize_whole(obj: Any) -> Any:
    """The config of `obj`, in which what is mentioned at several places, however deep they lie, has one `shared_object_id` there."""
    with object_sharing_scope():
        config = serialize_keras_object(obj)
    mentions: dict[int, list[dict[str, Any]]] = {}
    _find_mentions(config, mentions)
    for found in mentions.values():
        if len(found) == 1:
            del found[0]["shared_object_id"]
    return config


def _find_mentions(config: Any, mentions: dict[int, list[dict[str, Any]]]) -> None:
    if isinstance(config, dict):
        shared = config.get("shared_object_id")
        if "class_name" in config and isinstance(shared, int):
            mentions.setdefault(shared, []).append(config)
        config = config.values()
    if not isinstance(config, (str, bytes)) and isinstance(config, Iterable):
        for item in config:
            _find_mentions(item, mentions)


# ---- reading -----------------------------------------------------------------------------------------------------


def deserialize_keras_object(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True) -> Any:
    """What a config describes: the reverse of `serialize_keras_object`.

    Args:
        config: as Keras 3 writes it; modules `keras.*`, `keras.src.*` and `symkeras.*` all mean symkeras.
        custom_objects: name -> class or function, beside the registered ones.
        safe_mode: refuse lambdas, which can run anything.

    Raises:
        ConfigError: a name that is neither symkeras' nor a custom object, arguments that do not fit, or a lambda in safe mode.

    >>> deserialize_keras_object({"class_name": "__bytes__", "config": {"value": "ab"}})
    b'ab'
    """
    safe = safe_mode if _state.safe_mode is None else _state.safe_mode
    with CustomObjectScope(custom_objects), safe_mode_scope(safe), _outermost(), config_errors("a config"):
        if isinstance(config, str) and (custom := custom_object(config)) is not None:
            return custom
        return _read(config)


@contextmanager
def _outermost() -> Iterator[None]:
    """What holds for one reading as a whole: objects are shared, and calls of layers are counted."""
    if _state.is_reading:
        yield
        return
    _state.is_reading = True
    try:
        sharing = object_sharing_scope() if _state.read is None else nullcontext()
        with sharing, room.calls_at_most(CALLS), room.at_most(_memory(), "this machine has", is_outer=True):
            yield
    finally:
        _state.is_reading = False


def _memory() -> int:
    """The memory of this machine, in bytes; as much as can be where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return sys.maxsize


@contextmanager
def config_errors(what: str) -> Iterator[None]:
    """Context in which whatever a malformed config brings about is a ConfigError, and for a TypeError a TypeError, too.

    Args:
        what: is made from it, for messages.
    """
    try:
        yield
    except SymkerasError:
        raise
    except RecursionError:
        raise ConfigError(f"{what} holds too many dicts and lists inside of each other") from None
    except Exception as error:  # a constructor may raise anything for arguments it was not made for
        kind = ArgumentTypeError if isinstance(error, TypeError) else ConfigError
        raise kind(f"{what} does not take this config: {reprlib.repr(str(error)) if len(str(error)) > 2000 else error!r}") from error


def _read(config: Any) -> Any:
    if config is None or isinstance(config, _PLAIN):
        return config
    if isinstance(config, (list, tuple)):
        return [_read(item) for item in config]
    if not isinstance(config, Mapping):
        raise ConfigError(f"a config holds plain values, lists and dicts, received {config!r} of type {type(config).__name__}")
    if "class_name" not in config or "config" not in config:
        return {key: _read(value) for key, value in config.items()}
    if not isinstance(config["class_name"], str):
        raise ConfigError(f"a class_name is a string, received {config['class_name']!r}")
    read = _READERS.get(config["class_name"])
    return read(config["config"] or {}) if read is not None else _read_object(config)


def _read_object(config: Mapping[str, Any]) -> Any:
    if config["class_name"] == "function":
        return find_function(config)
    shared = config.get("shared_object_id")
    if shared is not None and shared in (_state.read or {}):
        return _state.read[shared]  # type: ignore[index]
    cls = find_class(config)
    if not isinstance(cls, type):
        return cls
    if not hasattr(cls, "from_config"):
        raise ArgumentTypeError(f"{cls.__name__} cannot be made from a config: it has no from_config method")
    inner = config["config"] or {}
    if not isinstance(inner, Mapping):
        raise ArgumentTypeError(f"{cls.__name__}: Expected 'config' to be a dict, as get_config gives it, received {inner!r}")
    with config_errors(cls.__name__):
        instance = cls.from_config(dict(inner))
        if config.get("build_config") and not getattr(instance, "built", True):
            instance.build_from_config(config["build_config"])
            instance.built = True
        if config.get("compile_config"):
            instance.compile_from_config(config["compile_config"])
    if shared is not None and _state.read is not None:
        _state.read[shared] = instance
    return instance


def _read_array(inner: Mapping[str, Any]) -> np.ndarray:
    return np.array(inner["value"], dtype=dtypes.standardize(inner["dtype"]))


def _read_tensor(inner: Mapping[str, Any]) -> TensorReference:
    return TensorReference(tuple(inner["shape"]), inner["dtype"], inner["keras_history"])


def _read_lambda(inner: Mapping[str, Any]) -> types.FunctionType:
    """The function of a lambda's bytecode; as globals it sees `np`, `ops`, and symkeras as `keras` and `symkeras`."""
    if in_safe_mode():
        raise ConfigError(
            "the config carries a lambda, whose bytecode allows arbitrary code execution; if you trust its writer, load with safe_mode=False "
            "or call symkeras.config.enable_unsafe_deserialization()"
        )
    value = inner["value"] if "value" in inner else (inner["code"], inner.get("defaults"), inner.get("closure"))
    encoded, defaults, closure = (value, None, None) if isinstance(value, str) else value
    try:
        code = marshal.loads(codecs.decode(encoded.encode("ascii"), "base64"))
    except (ValueError, EOFError, TypeError) as error:
        raise ConfigError(f"the bytecode of a lambda does not load, it may come from another version of Python: {printable(error)}") from error
    if not isinstance(code, types.CodeType):
        raise ConfigError(f"the bytecode of a lambda holds a {type(code).__name__}, no code")
    cells = tuple(types.CellType(_read(v)) for v in closure) if closure else None
    known = {"np": np, **lambda_globals(), "__builtins__": __builtins__}
    return types.FunctionType(code, known, code.co_name, tuple(_read(defaults)) if defaults else None, cells)


def _refuse(what: str) -> Callable[[Any], Any]:
    def read(inner: Any) -> Any:
        raise ConfigError(f"the config holds {what}, which symkeras does not offer: {inner!r}")

    return read


_READERS: dict[str, Callable[[Any], Any]] = {
    "__numpy__": _read_array,
    "__tensor__": _read_array,
    "__keras_tensor__": _read_tensor,
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__tuple__": lambda c: tuple(_read(c["value"] if isinstance(c, Mapping) else c)),
    "__slice__": lambda c: slice(_read(c["start"]), _read(c["stop"]), _read(c["step"])),
    "__ellipsis__": lambda c: Ellipsis,
    "__lambda__": _read_lambda,
    "__typespec__": _refuse("a TensorFlow type"),
    "Policy": lambda c: _read(_special("DTypePolicy", name=c["name"])),  # Keras 2
    **dict.fromkeys(
        ("Int4DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy", "Int4QuantizationConfig", "GPTQConfig", "AWQConfig"),
        _refuse("quantization to 4 bits, or by GPTQ or AWQ"),
    ),
}

__all__ = [
    "CustomObjectScope", "TensorReference", "custom_object", "custom_object_scope", "deserialize_keras_object", "get_custom_objects",
    "get_registered_name", "get_registered_object", "in_safe_mode", "object_sharing_scope", "register_keras_serializable",
    "safe_mode_scope", "serialize_keras_object",
]  # fmt: skip
