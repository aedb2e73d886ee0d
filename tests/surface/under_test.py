"""`under_test`, a package that has the public names of Keras at every path where its own tests look for them.

A pytest plugin (`-p tests.surface.under_test`). The environment says of whom the names are: `UNDER_TEST` is "symkeras" or "keras", and `SUITE` the
folder with the tests that `keras_suite.py` wrote. `under_test.src.layers.core.dense` has the names of the public `layers`, then those of all others;
for a name that is public nowhere stands a class that cannot be made, so that only those tests of a file fail that want it, for both alike.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import unittest
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.surface.keras_suite import WORDED
from tests.surface.names import recorded

PACKAGE = "under_test"
MOVED = {
    "backend": ("backend", "ops", "random", ""), "backend.common": ("backend", ""), "backend.random": ("random",),
    "backend.numpy": ("ops.numpy", "ops"), "backend.nn": ("ops.nn", "ops"), "backend.math": ("ops",), "backend.linalg": ("ops.linalg",),
    "backend.image": ("ops.image",), "ops.random": ("random",), "backend.core": ("ops",), "trainers": ("models", ""), "testing": (), "api_export": (),
    "dtype_policies.dtype_policy": ("dtype_policies",), "optimizers.schedules.learning_rate_schedule": ("optimizers.schedules",),
    "utils.traceback_utils": ("config",), "utils.io_utils": ("config", "utils"),
}  # fmt: skip
"""Private paths -> the public modules that are asked first, where the path does not say it."""
LIBRARIES = f"{PACKAGE}.src.utils.module_utils"
"""Where Keras has other packages, imported when they are first used."""
INTS = ("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64")
FLOATS = ("bfloat16", "float16", "float32", "float64")
FLOAT8 = ("float8_e4m3fn", "float8_e5m2")
FLAGS = {"SUPPORTS_SPARSE_TENSORS": False, "SUPPORTS_RAGGED_TENSORS": False, "SUPPORTS_COMPLEX_DTYPES": False, "IS_THREAD_SAFE": True,
         "ALLOWED_DTYPES": ("bool", *INTS, *FLOATS, *FLOAT8, "string"), "INT_TYPES": INTS, "FLOAT_TYPES": FLOATS, "FLOAT8_TYPES": FLOAT8}  # fmt: skip
"""What tests ask an executor before they try a thing, the same for both so that none is asked for what the other lacks; Keras' lists of dtypes."""



def _set_mask(x: Any, mask: Any) -> None:
    x._keras_mask = mask


def _of_data_format(data_format: str | None) -> str:
    return target("config").image_data_format() if data_format is None else data_format.lower()


def _per_axis(input_shape: Sequence[int], *settings: Any) -> Iterator[tuple[Any, ...]]:
    return zip(*((v,) * (len(input_shape) - 2) if v is None or isinstance(v, int) else tuple(v) for v in settings), strict=False)


def _transposed_size(n: int, k: int, s: int, padding: str, p: int | None, d: int) -> int:
    """The size that a transposed convolution gives: what an ordinary one would make `n` of."""
    reach = (k - 1) * d + 1
    if padding == "valid":
        return (n - 1) * s + reach + (max(s - reach, 0) if p is None else p)
    return n * s if p is None else (n - 1) * s + reach % 2 + p


def _transposed_shape(input_shape: Any, kernel_size: Any, filters: int, strides: Any, padding: str, output_padding: Any = None,
                      data_format: str = "channels_last", dilation_rate: Any = 1) -> tuple[int, ...]:  # fmt: skip
    is_last = data_format == "channels_last"
    axes = _per_axis(input_shape, input_shape[1:-1] if is_last else input_shape[2:], kernel_size, strides, output_padding, dilation_rate)
    sizes = [_transposed_size(n, k, s, padding, p, d) for n, k, s, p, d in axes]
    return (input_shape[0], *sizes, filters) if is_last else (input_shape[0], filters, *sizes)


def _transposed_padding(input_shape: Any, kernel_shape: Any, strides: Any, padding: str, output_padding: Any, dilation_rate: Any) -> list[Any]:
    """What is put before and behind an input whose elements lie a stride apart, so that an ordinary convolution gives that size."""
    found = []
    for n, k, s, p, d in _per_axis(input_shape, input_shape[1:-1], kernel_shape, strides, output_padding, dilation_rate):
        reach = (k - 1) * d + 1
        both = _transposed_size(n, k, s, padding, p, d) - (n - 1) * s + reach - 2
        before = reach - 1 if padding == "valid" else min(-(-both // 2), reach - 1)
        found.append((before, both - before))
    return found


HELPERS = {
    "removesuffix": str.removesuffix, "get_keras_mask": lambda x: getattr(x, "_keras_mask", None), "set_keras_mask": _set_mask,
    "standardize_data_format": _of_data_format, "compute_output_spec": lambda function, *args, **kwargs: function(*args, **kwargs),
    "convert_tf_tensor": lambda x, dtype=None: target("ops").convert_to_tensor(x, dtype=dtype),
    "join": os.path.join, "exists": os.path.exists, "_CONFIG_FILENAME": "config.json", "_METADATA_FILENAME": "metadata.json",
    "compute_conv_transpose_output_shape": _transposed_shape, "compute_conv_transpose_padding_args_for_jax": _transposed_padding,
}  # fmt: skip
"""Private functions of Keras that its tests help themselves with, and the names of parts of its files, that say nothing of it: the same for both."""

RENAMED = {"GroupedQueryAttention": ("layers", "GroupQueryAttention"), "LayerNorm": ("ops", "layer_normalization"),
           "RMSNorm": ("ops", "rms_normalization"), "save_weights_only": ("saving", "save_weights"), "load_weights_only": ("saving", "load_weights"),
           "save_model_to_hdf5": ("saving", "save_model"), "load_model_from_hdf5": ("saving", "load_model")}  # fmt: skip
"""Names in Keras' own files -> where the same thing is public, under another name."""

ENGINES = (f"{PACKAGE}.src.backend", f"{PACKAGE}.src.backend.config")
"""Where tests ask which engine Keras runs on: symkeras is none of those for which they leave things out, such as training on NumPy."""


class Names(ModuleType):
    """A module that asks public modules for its names, in order, and where those lack one, all."""

    def __init__(self, name: str, asked: Sequence[Any]):
        super().__init__(name)
        self.__path__: list[str] = []
        self._asked = asked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in FLAGS:
            return FLAGS[name]
        if name == "backend" and self.__name__ in ENGINES and os.environ["UNDER_TEST"] == "symkeras":
            return lambda: "symkeras"
        for module in self._asked:
            found = getattr(module, name, None)
            if found is not None and not (is_private(self.__name__) and (isinstance(found, ModuleType) or name not in _public())):
                return found
        if not is_private(self.__name__):
            raise AttributeError(f"{self.__name__} has no {name}", name=name)
        if name in HELPERS:
            return HELPERS[name]
        if self.__name__ == LIBRARIES:
            return Library(name)
        try:
            return importlib.import_module(f"{self.__name__}.{name}")
        except ModuleNotFoundError:
            pass
        if RENAMED.get(name, ("ops",))[0] != "ops":
            area, known = RENAMED[name]
            return getattr(target(area), known)
        operation = _operation(name) if self.__name__.startswith(f"{PACKAGE}.src.ops.") else None
        if operation is not None:
            return operation
        for module in _everywhere() if name in _public() else ():
            found = getattr(module, name, None)
            if found is not None and not isinstance(found, ModuleType):
                return found
        return _functional() if name == "Functional" else _trainer() if name == "JAXTrainer" else _lacking(name)


class Library:
    """Another package, imported when it is first used; `available` says whether it is installed."""

    def __init__(self, name: str):
        self._name = {"dmtree": "tree", "gfile": "tensorflow.io.gfile", "litert": "ai_edge_litert", "ocp": "orbax.checkpoint"}.get(name, name)

    @property
    def available(self) -> bool:
        try:
            return importlib.util.find_spec(self._name) is not None
        except ModuleNotFoundError:
            return False

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)


def _functional() -> type:
    """The class of models that are made of inputs and outputs, which has no public name."""
    models, inputs = target("models"), target("").Input((1,))
    return type(models.Model(inputs, target("layers").Identity()(inputs)))


def _trainer() -> type:
    """What makes a layer trainable, without a public name: a base of models.

    Keras mixes its own into layers. symkeras' models have no such base alone: a model is mixed in, and what else a class inherits goes before it.
    """
    model, layer = target("models").Model, target("layers").Layer
    base = next(base for base in model.__mro__ if base.__name__.endswith("Trainer"))
    if os.environ["UNDER_TEST"] == "keras":
        return base

    def __init_subclass__(cls: type, **kwargs: Any) -> None:
        for one in cls.__mro__[1:]:
            if issubclass(one, layer) and not issubclass(one, model) and one is not layer:
                for name, value in vars(one).items():
                    if callable(value) and not name.startswith("__") and name not in vars(cls) and getattr(layer, name, None) is not value:
                        setattr(cls, name, value)
        super(mixed, cls).__init_subclass__(**kwargs)

    mixed = type("Trainer", (model,), {"__init__": lambda self: base.__init__(self), "__init_subclass__": classmethod(__init_subclass__)})
    return mixed


def _lacking(name: str) -> type:
    """What stands for a name that is not public, or not offered: a file that only imports it has tests that can pass, for both alike."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{name} is not offered, or not public")

    return type(name, (), {"__init__": __init__})


def _operation(name: str) -> type | None:
    """What stands for Keras' class of an operation, which is private: the public function, called with what the object was made with.

    `LogicalAnd` is `logical_and`; None where no function is called so.
    """
    if not name[:1].isupper():
        return None
    named = ((area, known) for area in ("ops", "ops.image") for known in recorded()[area] if known.replace("_", "") == name.lower())
    area, known = RENAMED.get(name) or next(named, ("", ""))
    function = getattr(target(area), known, None) if known else None
    if function is None:
        return None

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        self.args, self.kwargs = args, kwargs

    def __call__(self: Any, *tensors: Any, **kwargs: Any) -> Any:
        is_first = known in ("full", "einsum") or any(map(callable, self.args))
        given = (*self.args, *tensors) if is_first else (*tensors, *self.args)
        return function(*given, **self.kwargs, **kwargs)

    return type(name, (), {"__init__": __init__, "__call__": __call__, "call": __call__, "symbolic_call": __call__, "compute_output_spec": __call__})


def skip_if_backend(backend: str, reason: str) -> pytest.MarkDecorator:
    """The mark that Keras' `conftest` has, which its wheel does not ship."""
    return pytest.mark.skipif(target("backend").backend() == backend, reason=reason)


def is_private(fullname: str) -> bool:
    return f"{fullname}.".startswith(f"{PACKAGE}.src.")


def target(path: str) -> Any:
    """The public module of who is tested, or None."""
    try:
        return importlib.import_module(".".join(filter(None, (os.environ["UNDER_TEST"], path))))
    except ModuleNotFoundError:
        found = importlib.import_module(os.environ["UNDER_TEST"])
        for part in path.split("."):
            found = getattr(found, part, None)
        return found


@cache
def _public() -> frozenset[str]:
    """All names that are public somewhere: what a module merely imports is not asked for."""
    return frozenset(name for names in recorded().values() for name in names)


def _everywhere() -> Iterator[Any]:
    return (found for path in recorded() if (found := target(path)) is not None)


def _asked(path: str) -> list[Any]:
    """The public modules to ask for the names of a private path: its own row, or the longest beginning that is public."""
    while path:
        names = MOVED[path] if path in MOVED else (path,) if path in recorded() else None
        if names is not None:
            return [found for name in names if (found := target(name)) is not None]
        path = path.rpartition(".")[0]
    return [target("")]


class Finder(MetaPathFinder, Loader):
    """Answers for `under_test` and all below it."""

    def find_spec(self, fullname: str, path: Any = None, target_module: Any = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != PACKAGE:
            return None
        below = fullname.split(".")[1:]
        file = Path(os.environ["SUITE"], *below)
        for found in (file.with_suffix(".py"), file / "__init__.py"):
            if below[:1] == ["src"] and found.is_file():
                return spec_from_file_location(fullname, found, submodule_search_locations=[] if found.name == "__init__.py" else None)
        if not is_private(fullname):
            return ModuleSpec(fullname, self, is_package=True) if target(".".join(below)) is not None else None
        is_module = _is_path(below[1:]) or ".".join(below[1:]) in MOVED
        return ModuleSpec(fullname, self, is_package=True) if is_module else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        path = spec.name.partition(".")[2]
        return Names(spec.name, _asked(path.partition(".")[2]) if is_private(spec.name) else [target(path)])

    def exec_module(self, module: ModuleType) -> None:
        pass


def _is_path(parts: Sequence[str]) -> bool:
    """Whether Keras has a module here; the suite holds an empty mark for each."""
    return Path(os.environ["SUITE"], "paths", *parts).exists()


def pytest_configure(config: pytest.Config) -> None:
    """NumPy knows the names of small floats, as beside JAX; Keras' helper that checks a layer counts `_seed_generators`, which is private."""
    importlib.import_module("ml_dtypes")
    config.addinivalue_line("markers", "requires_trainable_backend: a mark of Keras")
    if os.environ["UNDER_TEST"] == "symkeras":
        from symkeras import layers, random

        def generators(self: Any) -> list[Any]:
            return [v for layer in self._flatten_layers() for v in vars(layer).values() if isinstance(v, random.SeedGenerator)]

        layers.Layer._seed_generators = property(generators)  # type: ignore[attr-defined]
        _let_results_be_arrays()


def _let_results_be_arrays() -> None:
    """Keras' helper asks whether the types of an array and of what a layer gave are one; symkeras' layers give a kind of array."""
    equal = unittest.TestCase.assertEqual

    def assert_equal(self: Any, first: Any, second: Any, msg: Any = None) -> None:
        if first is np.ndarray and isinstance(second, type) and issubclass(second, np.ndarray):
            second = np.ndarray
        equal(self, first, second, msg)

    unittest.TestCase.assertEqual = assert_equal  # type: ignore[method-assign]


_worded: list[str] = []


class _AnyWords(unittest.case._AssertRaisesContext):  # type: ignore[name-defined, misc]
    """What an error says is noted, and the test goes on: what it asks for after that is seen as well."""

    def _raiseFailure(self, text: str) -> None:
        if " does not match " not in text:
            super()._raiseFailure(text)
        _worded.append(text)


def _assert_raises_regex(self: Any, expected_exception: Any, expected_regex: Any, *args: Any, **kwargs: Any) -> Any:
    return _AnyWords(expected_exception, self, expected_regex).handle("assertRaisesRegex", args, kwargs)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: Any) -> Iterator[None]:
    """A test with other words than Keras' fails, and says whether it fails for these alone."""
    _worded.clear()
    yield
    if _worded and not getattr(item, "_excinfo", None):
        raise AssertionError(f"{WORDED}: {'; '.join(_worded)}")


unittest.TestCase.assertRaisesRegex = _assert_raises_regex  # type: ignore[method-assign]
if not any(isinstance(finder, Finder) for finder in sys.meta_path):
    sys.meta_path.insert(0, Finder())
