"""Other names for symkeras: after `install()`, `import keras` and `import tensorflow.keras` give it, with the module paths of 2017.

A finder on `sys.meta_path` answers for these names before any installed Keras or TensorFlow is looked for. Its modules
hold nothing; they ask the modules of symkeras behind them. What symkeras lacks gives an error that says so.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

import symkeras
from symkeras import not_offered
from symkeras.errors import SymkerasError, nearest

ROOTS = ("tensorflow.python.keras", "tensorflow.compat.v1.keras", "tensorflow.keras", "tf_keras", "keras")
"""Where users find Keras; all mean the same."""

_CORE = ("layers", "models", "models.keras_1", "backend.theano_style.keras_backend")
# Paths below `keras` that are no module of symkeras -> the modules that have their names.
MOVED: dict[str, tuple[str, ...]] = {
    "layers": ("layers", "models.keras_1"),
    **{f"layers.{part}": ("layers", "models.keras_1") for part in (
        "core", "recurrent", "convolutional", "convolutional_recurrent", "pooling", "embeddings", "merge", "merging", "normalization", "noise",
        "regularization", "wrappers", "advanced_activations", "activation", "attention", "reshaping", "rnn", "cudnn_recurrent", "local",
    )},
    **{f"engine.{part}": _CORE for part in ("topology", "training", "base_layer", "input_layer", "network", "sequential")},
    "engine": _CORE,
    "legacy.layers": ("layers",), "legacy": ("layers",), "legacy.interfaces": ("layers",),
    **{f"utils.{part}": ("utils",) for part in (
        "np_utils", "generic_utils", "vis_utils", "data_utils", "io_utils", "layer_utils", "conv_utils", "test_utils",
    )},
    "objectives": ("losses",), "initializations": ("initializers",), "optimizers.legacy": ("optimizers",),
    "backend": ("backend.theano_style.keras_backend", "config", "backend"), "api": ("",), "version": ("config",),
    "models.saving": ("saving",), "saving.save": ("saving",), "mixed_precision.experimental": ("mixed_precision",),
}  # fmt: skip


_INSTALLED: dict[str, ModuleType] = {}
"""Modules of the installed Keras and TensorFlow, by names that mean symkeras now."""


class NotOffered(SymkerasError, ImportError):
    """A name of Keras that symkeras does not have."""


def install() -> None:
    """Let `keras` and `tensorflow.keras` mean symkeras in this process from now on.

    Raises:
        SymkerasError: the real Keras or TensorFlow is imported already.
    """
    for root in ("keras", "tensorflow", "tf_keras"):
        if root in sys.modules and not isinstance(sys.modules[root], Alias):
            raise SymkerasError(f"{root!r} is imported already, from {getattr(sys.modules[root], '__file__', None)}: install the aliases before it")
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def uninstall() -> None:
    """Give the names back; modules that hold them keep what they have."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Finder)]
    for name in [name for name, module in sys.modules.items() if isinstance(module, Alias)]:
        del sys.modules[name]
    sys.modules.update(_INSTALLED)
    _INSTALLED.clear()


@contextmanager
def set_aside() -> Iterator[None]:
    """Within it `import tensorflow` and `import keras` find what is installed; afterwards the names mean what they did.

    What was imported meanwhile stays imported under the paths that are none of Keras', since TensorFlow goes on importing parts of itself.
    """
    finders = [f for f in sys.meta_path if isinstance(f, _Finder)]
    if not finders:
        yield
        return
    aliases = {name: module for name, module in sys.modules.items() if isinstance(module, Alias)}
    sys.meta_path[:] = [f for f in sys.meta_path if f not in finders]
    for name in aliases:
        del sys.modules[name]
    sys.modules.update(_INSTALLED)
    try:
        yield
    finally:
        for name in [n for n in sys.modules if n == "tensorflow" or f"{n}.".startswith(tuple(f"{root}." for root in ROOTS))]:
            _INSTALLED[name] = sys.modules.pop(name)
        sys.modules.update({name: module for name, module in aliases.items() if name not in sys.modules})
        sys.meta_path[:0] = finders


def keras_version() -> str:
    """The version of Keras whose files symkeras writes."""
    from symkeras.saving.model_files import KERAS_VERSION

    return KERAS_VERSION


class Alias(ModuleType):
    """A module under one of Keras' names, that has the attributes of modules of symkeras."""

    def __init__(self, name: str, targets: Sequence[str]):
        super().__init__(name, f"symkeras under the name {name}.")
        self._targets = tuple(targets)

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            return [n for n in dir(self) if not n.startswith("_")]
        if name in ("__version__", "version") and self.__name__ in ROOTS:
            return keras_version() if name == "__version__" else keras_version
        if name.startswith("__"):
            raise AttributeError(name)
        found = _found(self._targets, name)
        if found is not None and not isinstance(found[0], ModuleType):
            return found[0]
        if _targets_of(f"{self.__name__}.{name}") is not None:
            return importlib.import_module(f"{self.__name__}.{name}")
        raise AttributeError(_complaint(f"{self.__name__}.{name}", dir(self)))

    def __dir__(self) -> list[str]:
        return sorted({name for target in self._targets for name in dir(_module(target))})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}: symkeras>"


class TensorFlow(Alias):
    """`tensorflow` or a module of it: names of Keras are symkeras', others the installed TensorFlow's, or those of `tensorflow_names`.

    Where both have a function, symkeras' is called while symkeras traces or records, and for its own tensors and variables.
    """

    def __init__(self, name: str):
        super().__init__(name, ())

    def __getattr__(self, name: str) -> Any:
        path = f"{self.__name__}.{name}"
        if _targets_of(path) is not None or (name in _KERAS_BESIDE and self.__name__ == "tensorflow"):
            return importlib.import_module(path if _targets_of(path) is not None else f"tensorflow.keras.{name}")
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        real, own = _of_tensorflow(path), _stand_ins().get(path[len("tensorflow.") :], _MISSING)
        if real is None and name == "__version__" and self.__name__ == "tensorflow":
            return keras_version()
        if _is_module_of_tensorflow(path):
            return importlib.import_module(path)
        if real is None and own is _MISSING:
            raise AttributeError(_complaint(path, dir(self)))
        if real is None or path[len("tensorflow.") :] in _always():
            return own
        return _either(own, real[0]) if callable(own) and callable(real[0]) and not isinstance(own, type) else real[0]

    def __dir__(self) -> list[str]:
        prefix = f"{self.__name__}."[len("tensorflow.") :]
        names = {path[len(prefix) :].split(".")[0] for path in _stand_ins() if path.startswith(prefix)}
        real = _of_tensorflow(self.__name__)
        return sorted({*names, *(dir(real[0]) if real is not None else ()), *(("keras",) if not prefix else ())})

    def __repr__(self) -> str:
        return f"<module {self.__name__!r}: {'the installed one, beside symkeras' if _of_tensorflow('tensorflow') else 'symkeras.tensorflow_names'}>"


_KERAS_BESIDE = ("losses", "metrics", "optimizers", "initializers")
"""Modules of Keras that TensorFlow has at its first level, too."""
_MISSING = object()


@cache
def _stand_ins() -> dict[str, Any]:
    from symkeras.tensorflow_names.values import table

    return table()


def _always() -> Collection[str]:
    from symkeras.tensorflow_names.values import ALWAYS

    return ALWAYS


def _either(own: Any, real: Any) -> Any:
    """A function that is symkeras' for what symkeras computes, and TensorFlow's for the rest."""
    from symkeras.tensorflow_names.values import is_computing

    @wraps(real)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (own if is_computing(*args, *kwargs.values()) else real)(*args, **kwargs)

    return call


def has_tensorflow() -> bool:
    """Whether TensorFlow is installed."""
    return PathFinder.find_spec("tensorflow") is not None


def _of_tensorflow(path: str) -> tuple[Any] | None:
    """What the installed TensorFlow has under a dotted name; None where it has nothing, or is not installed."""
    if not has_tensorflow():
        return None
    if "tensorflow" not in _INSTALLED:
        with set_aside():
            importlib.import_module("tensorflow")
    found: Any = _INSTALLED["tensorflow"]
    for name in path.split(".")[1:]:
        try:
            found = getattr(found, name)
        except AttributeError:
            return None
    return (found,)


def _is_module_of_tensorflow(path: str) -> bool:
    real = _of_tensorflow(path)
    if real is not None:
        return isinstance(real[0], ModuleType)
    return any(known.startswith(f"{path[len('tensorflow.') :]}.") for known in _stand_ins())


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if fullname.split(".")[0] not in ("keras", "tensorflow", "tf_keras"):
            return None
        if _targets_of(fullname) is None:
            parent = sys.modules.get(fullname.rpartition(".")[0])
            if "tensorflow" in _INSTALLED and parent is not None and not isinstance(parent, Alias):
                return None  # TensorFlow imports a part of itself
            if fullname.startswith("tensorflow.") and _is_module_of_tensorflow(fullname):
                return ModuleSpec(fullname, self, is_package=True)
            raise NotOffered(_complaint(fullname, dir(parent) if isinstance(parent, Alias) else ()), name=fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        targets = _targets_of(spec.name)
        return Alias(spec.name, targets) if targets else TensorFlow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing runs: the modules of symkeras are imported when they are asked for a name."""


def _targets_of(fullname: str) -> tuple[str, ...] | None:
    """The modules of symkeras behind a module path of Keras, or None where there is no such module."""
    for root in ROOTS:
        if fullname == root:
            return ("",)
        if fullname.startswith(root + "."):
            return _below(fullname[len(root) + 1 :])
    is_on_the_way = any(root.startswith(fullname + ".") for root in ROOTS)
    return () if is_on_the_way else None


def _below(path: str) -> tuple[str, ...] | None:
    if path.startswith("api."):
        path = path[4:]
    if path in MOVED:
        return MOVED[path]
    first = path.split(".")[0]
    if first.startswith("_") or first not in symkeras._MODULES:
        return None
    module = _module(path)
    return (path,) if isinstance(module, ModuleType) else None


def _module(path: str) -> Any:
    """The module of symkeras at `path`, or None."""
    name = f"symkeras.{path}" if path else "symkeras"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and name.startswith(error.name):
            return None
        raise


def _found(targets: Sequence[str], name: str) -> tuple[Any] | None:
    """The attribute `name` of the first module that has it."""
    for target in targets:
        module = _module(target)
        try:
            if module is not None:
                return (getattr(module, name),)
        except (AttributeError, ModuleNotFoundError):
            continue
    return None


def _complaint(fullname: str, known: Sequence[str]) -> str:
    if fullname.startswith("tensorflow.") and not fullname.startswith("tensorflow.keras"):
        return (
            f"TensorFlow is not installed, and symkeras has no {fullname} of its own{nearest(fullname.rpartition('.')[2], known)}: use symkeras.ops "
            "or NumPy, or install TensorFlow"
        )
    path = next(fullname[len(root) + 1 :] for root in ROOTS if f"{fullname}.".startswith(f"{root}."))
    module, _, name = path.rpartition(".")
    why = not_offered.reason(module, name)
    return f"symkeras does not offer {fullname}{'' if why is None else f', since {why}'}.{nearest(name, known) if why is None else ''}"
