"""Which classes and functions a config may name: those of symkeras, and those that users register or pass along.

`find_class` and `find_function` are the only ways from a name in a config to an object. They look into fixed public
packages of symkeras and into the custom objects, and import nothing else.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any

from symkeras.errors import ArgumentTypeError, ConfigError, nearest

# The public packages whose classes a config may name, in the order in which a name without a module is looked up.
CLASS_FAMILIES = (
    "layers", "models", "losses", "metrics", "optimizers.schedules", "optimizers", "initializers", "regularizers", "constraints", "random",
    "dtype_policies", "utils", "distillation", "quantizers",
)  # fmt: skip
# Those whose functions a config may name, and the names in them that are no such functions.
FUNCTION_FAMILIES = ("activations", "losses", "metrics")
_NOT_NAMED = frozenset({"get", "serialize", "deserialize"})

# Classes that Keras exports at another place, or under another name, than their family says.
_PLACES = {
    "Sequential": "keras", "Model": "keras", "Functional": "keras.src.models.functional", "Layer": "keras", "InputSpec": "keras",
    "DTypePolicy": "keras", "FloatDTypePolicy": "keras",
    "Loss": "keras", "Metric": "keras", "Optimizer": "keras", "Initializer": "keras", "Regularizer": "keras",
    "Quantizer": "keras",
}  # fmt: skip
_EXPORTED = {"GroupedQueryAttention": "GroupQueryAttention"}

_registered: dict[str, Any] = {}
_registered_names: dict[Any, str] = {}


class _Scope(threading.local):
    objects: Mapping[str, Any] = {}


_scope = _Scope()


class CustomObjectScope:
    """Context in which configs may name further classes and functions.

    Args:
        custom_objects: name -> class or function; names of an inner scope hide those of an outer one.

    >>> with CustomObjectScope({"double": lambda x: 2 * x}):
    ...     custom_object("double")(4)
    8
    """

    def __init__(self, custom_objects: Mapping[str, Any] | None):
        self.custom_objects = dict(custom_objects or {})

    def __enter__(self) -> CustomObjectScope:
        self._before = _scope.objects
        _scope.objects = {**self._before, **self.custom_objects}
        return self

    def __exit__(self, *_: object) -> None:
        _scope.objects = self._before


custom_object_scope = CustomObjectScope


def get_custom_objects() -> dict[str, Any]:
    """The registered objects by name: the dict itself, so that entries can be added and removed.

    >>> get_custom_objects()["tripled"] = lambda x: x * 3
    >>> get_registered_object("tripled")(2)
    6
    >>> _ = get_custom_objects().pop("tripled")
    """
    return _registered


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Any], Any]:
    """Decorator: let configs name a class or function as `package>name`.

    Args:
        package: the part before the `>`.
        name: the part after it; the object's own name when None.

    Raises:
        ConfigError: a class without `get_config`.

    >>> @register_keras_serializable("docs")
    ... def halve(x):
    ...     return x / 2
    >>> get_registered_name(halve), get_registered_object("docs>halve") is halve
    ('docs>halve', True)
    """

    def register(obj: Any) -> Any:
        if isinstance(obj, type) and not hasattr(obj, "get_config"):
            raise ConfigError(f"{obj.__name__} cannot be registered: a class that configs describe needs a get_config method")
        key = f"{package}>{obj.__name__ if name is None else name}"
        _registered[key] = obj
        _registered_names[obj] = key
        return obj

    return register


def get_registered_name(obj: Any) -> str:
    """The name that `obj` is registered under, or else its own.

    Args:
        obj: a class or function.

    >>> get_registered_name(len)
    'len'
    """
    return _registered_names.get(obj) or obj.__name__


def get_registered_object(name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None) -> Any:
    """What `name` means: in `custom_objects`, the current scopes, the registered objects, `module_objects`; None if nowhere.

    Args:
        name: of a class or function.
        custom_objects: names that come first.
        module_objects: names that come last.

    >>> get_registered_object("size", {"size": len})([1, 2])
    2
    """
    if not isinstance(name, str):
        return None
    for table in (custom_objects, _scope.objects, _registered, module_objects):
        if table and name in table:
            return table[name]
    return None


def custom_object(name: Any) -> Any:
    """The custom object called `name`, or None."""
    return get_registered_object(name) if isinstance(name, str) else None


def public_name(cls: type) -> tuple[str, str] | None:
    """Keras' module and name for a public class of symkeras, or None for any other class."""
    if not cls.__module__.startswith("symkeras."):
        return None
    for family in _families(cls.__module__):
        if _member(family, cls.__name__) is cls:
            return _PLACES.get(cls.__name__, f"keras.{family}"), _EXPORTED.get(cls.__name__, cls.__name__)
    return None


def is_public(name: str) -> bool:
    """Whether symkeras has a public class of this name, and users none."""
    return custom_object(name) is None and any(isinstance(_member(family, name), type) for family in CLASS_FAMILIES)


def find_class(config: Mapping[str, Any]) -> Any:
    """The class (or, in configs of 2017, the function) that a config names.

    Raises:
        ConfigError: neither symkeras nor the custom objects have it.
    """
    name, module, registered = config["class_name"], config.get("module"), config.get("registered_name")
    custom = get_registered_object(registered or name)
    if custom is not None and (registered or "registered_name" not in config):
        return custom
    for family in _families(module or "keras"):
        found = _member(family, name)
        if isinstance(found, type):
            _check_builtin("class", name, registered, (name,))
            return found
    custom = custom or get_registered_object(name) or _by_origin(name, module)
    if custom is not None:
        return custom
    if _families(module or "keras") and (found := builtin_function(name)) is not None:
        return found
    raise ConfigError(_unknown("class", name, module))


def _check_builtin(what: str, name: str, registered: Any, allowed: tuple[Any, ...]) -> None:
    """Refuse a class or function of symkeras in the place of one of somebody's own, which has its name and is not registered."""
    if registered and registered not in allowed:
        raise ConfigError(f"the config names the {what} {registered!r}, which is not registered, and {name!r} alone resolved to a Keras built-in")


def find_function(config: Mapping[str, Any]) -> Any:
    """The function that a config names.

    Raises:
        ConfigError: neither symkeras nor the custom objects have it.
    """
    name, module, registered = config["config"], config.get("module"), config.get("registered_name")
    if not isinstance(name, str):
        raise ArgumentTypeError(f"the 'config' of a function is its name, a str; received {name!r}")
    found = get_registered_object(name)
    if found is None and registered not in (None, "function"):
        found = get_registered_object(registered)
    if found is None and (found := builtin_function(name)) is not None:
        _check_builtin("function", name, registered, (name, "function"))
    if found is None:
        found = next((o for key, o in _custom_objects() if key.endswith(f">{name}") or _is_named(o, name)), None)
    if found is None:
        raise ConfigError(_unknown("function", name, module))
    return found


def lambda_globals() -> dict[str, Any]:
    """What the code of a lambda sees beside Python's own names."""
    root = importlib.import_module("symkeras")
    return {"ops": root.ops, "keras": root, "symkeras": root}


def _families(module: str) -> tuple[str, ...]:
    """The packages in which a Keras module's classes are looked up; none for a module that is not Keras'."""
    if not isinstance(module, str):
        raise ConfigError(f"a module is named by a string, received {module!r}")
    root, *rest = module.split(".")
    if root not in ("keras", "symkeras"):
        return ()
    place = rest[1] if rest[:1] == ["src"] and len(rest) > 1 else rest[0] if rest else ""
    return tuple(f for f in CLASS_FAMILIES if f.split(".")[0] == place) or CLASS_FAMILIES


def _member(family: str, name: str) -> Any:
    """A public class or function of a family by name, or None."""
    package = importlib.import_module(f"symkeras.{family}")
    if not isinstance(name, str) or name in _NOT_NAMED or name not in dir(package):  # which lists what is public and nothing else
        return None
    found = getattr(package, name)
    is_own = isinstance(found, (type, FunctionType)) and found.__module__.startswith("symkeras.")
    return found if is_own else None


def builtin_function(name: str) -> Any:
    """The activation, loss or metric function of symkeras called `name`, or None."""
    found = (_member(family, name) for family in FUNCTION_FAMILIES)
    return next((f for f in found if isinstance(f, FunctionType)), None)


def _custom_objects() -> Iterator[tuple[str, Any]]:
    yield from _scope.objects.items()
    yield from _registered.items()


def _is_named(obj: Any, name: str) -> bool:
    return isinstance(obj, FunctionType) and obj.__name__ == name


def _by_origin(name: str, module: str | None) -> Any:
    """The custom class that was defined as `name` in `module`, under whatever name it was registered."""
    return next((o for _, o in _custom_objects() if isinstance(o, type) and (o.__module__, o.__name__) == (module, name)), None)


def _unknown(what: str, name: Any, module: str | None) -> str:
    known = [key for key, _ in _custom_objects()]
    place = f" of module {module!r}" if module else ""
    return (
        f"the config names a {what} {name!r}{place} that is neither symkeras' nor a custom object.{nearest(name, known)} "
        "Decorate it with @symkeras.saving.register_keras_serializable(), or pass custom_objects={name: object}"
    )
