"""Which backends can be asked for, by name, and the place of each; nothing of them is imported here."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from symkeras.errors import BackendError, nearest

PLACES: dict[str, str | Callable[[], Any]] = {
    "numpy": "symkeras.backend.numpy:NumpyBackend",
    "native": "symkeras.backend.native:NativeBackend",
    "interpreter": "symkeras.backend.interpreter:InterpreterBackend",
    "jax": "symkeras.backend.jax:JaxBackend",
    "torch": "symkeras.backend.torch:TorchBackend",
    "tensorflow": "symkeras.backend.tensorflow:TensorFlowBackend",
    "pytensor": "symkeras.backend.pytensor:PyTensorBackend",
    "onnxruntime": "symkeras.backend.onnxruntime:OnnxRuntimeBackend",
    "auto": "symkeras.backend.interface:fastest",
}
"""Name -> what makes the backend, or its place as "package.module:Class". `symkeras.backend.interface.register` adds to it."""
EXTRAS = {"jax": "jax", "torch": "torch", "tensorflow": "tensorflow", "pytensor": "pytensor", "onnxruntime": "onnx"}
"""Backends that need packages which symkeras does not install by itself, and the extra that brings them."""
WITHOUT_TRAINING = frozenset({"onnxruntime"})
"""Backends that run what changes no weight."""
DISTRIBUTES = {"jax": ("DataParallel", "ModelParallel"), "torch": ("DataParallel",)}
"""Backends that run a model over several devices, and the kinds of distributions that they take."""
_plugins: dict[str, Any] = {}
"""The installed distributions that register backends of others, by the name of the backend."""
_searched = False


def registered() -> list[str]:
    """The names of all backends that can be asked for."""
    global _searched
    if not _searched:
        _searched = True
        from importlib.metadata import entry_points

        for point in entry_points(group="symkeras.backends"):
            if PLACES.setdefault(point.name, point.value) == point.value and not point.value.startswith("symkeras."):
                _plugins[point.name] = point.dist
    return sorted(PLACES)


def check_registered(name: str) -> None:
    """Raise BackendError for a name nobody registered."""
    if name not in PLACES and name not in registered():
        raise BackendError(f"unknown backend {name!r}; registered: {', '.join(registered())}.{nearest(name, registered())}")


def provider(name: str) -> str:
    """The distribution and version that a backend of others comes with, "" for all else."""
    found = _plugins.get(name)
    return f"{found.name} {found.version}" if found is not None else ""


def installed_by(name: str) -> str:
    """The command that installs what a backend needs, or a version that is new enough; "" where nothing is known to be needed."""
    if name in EXTRAS:
        return f'pip install "symkeras[{EXTRAS[name]}]"'
    return f"pip install {_plugins[name].name}" if _plugins.get(name) is not None else ""


def outdated(name: str) -> str:
    """What a backend needs and has in an older version only, as "jax>=0.7, and 0.6.2 is installed"; "" where there is no such thing."""
    needed = _of_extra(EXTRAS[name]) if name in EXTRAS else _plugins[name].requires if _plugins.get(name) is not None else None
    for requirement in needed or ():
        found = re.match(r"([\w.-]+)[^;]*?>=\s*([\d.]+)", requirement)
        if found and "extra ==" not in requirement.replace(f'extra == "{EXTRAS.get(name)}"', ""):
            version = _version_of(found[1])
            if version and is_older(version, found[2]):
                return f"{found[1]}>={found[2]}, and {version} is installed"
    return ""


def is_older(version: str, other: str) -> bool:
    """Whether a version comes before another one, by the numbers at their heads.

    >>> is_older("0.10.2", "0.7"), is_older("2.6.0+cpu", "2.6"), is_older("3.0rc1", "3.1")
    (False, False, True)
    """
    numbers = ([int(n) for n in re.findall(r"\d+", re.match(r"[\d.]*", v)[0])] for v in (version, other))  # type: ignore[index]
    first = next((p for p in itertools.zip_longest(*numbers, fillvalue=0) if p[0] != p[1]), (0, 0))
    return first[0] < first[1]


def _of_extra(extra: str) -> Sequence[str]:
    """The requirements of an extra of ours; none where symkeras runs without having been installed."""
    from importlib import metadata

    try:
        return [r for r in metadata.requires("symkeras") or () if f'extra == "{extra}"' in r]
    except metadata.PackageNotFoundError:
        return ()


def _version_of(distribution: str) -> str:
    """The version of a distribution, or of the one that brings a module of its name; "" where there is none."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        others = metadata.packages_distributions().get(distribution.replace("-", "_"), ())
        return metadata.version(others[0]) if others else ""
