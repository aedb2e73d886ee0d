"""Where a node comes from: the layer, the user's own line, and for gradients the forward node.

Provenance is recorded when a node is built, from a per-thread context: layers push their path, autodiff names the
forward node, and a rewrite runs inside `replacing(...)` so that whatever it builds carries the origins of what it
replaces. A rewrite cannot forget provenance because it never handles it.
"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
import threading
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple, NoReturn, Protocol

from symkeras.graph.escaping import printable

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INTERNAL_ROOTS = (_PACKAGE + os.sep, os.path.join(os.path.dirname(_PACKAGE), "backend") + os.sep)
_SPEAKS_FOR_ITSELF = (os.path.join(_PACKAGE, "demo.py"),)
"""Files of the package that define models: their lines are shown as a user's are."""
_INSTALLED = tuple({os.path.join(path, "") for name in ("stdlib", "platstdlib", "purelib", "platlib") if (path := sysconfig.get_path(name))})
_BETWEEN = frozenset(os.path.join(os.path.dirname(threading.__file__), name) for name in ("functools.py", "contextlib.py", "threading.py"))
"""Files whose functions stand between a user's line and ours."""
MOST_ORIGINS = 16
"""A node that many lines share keeps this many origins, the oldest ones."""
MOST_LINES = 4
"""Of the user's stack: the line that wrote a thing, and those that called the functions it is in."""


class Line(NamedTuple):
    """A line of the user's: `str` shows it as `train.py:41`, with as much of the path as tells the file from others seen, or `In[5]:3`."""

    filename: str
    number: int

    def __str__(self) -> str:
        return f"{_shown(self.filename)}:{self.number}"


@dataclass(frozen=True, slots=True)
class Origin:
    """One place a node comes from.

    `layer` is a path such as "encoder/dense_1" ("" outside layers), `lines` the user's lines, innermost first (at most `MOST_LINES`),
    `gradient_of` the forward operation whose gradient this is ("" in the forward pass).
    """

    layer: str
    lines: tuple[Line, ...]
    gradient_of: str = ""

    @property
    def line(self) -> str:
        """`train.py:41`, or "" where no user line is known."""
        return str(self.lines[0]) if self.lines else ""

    def __str__(self) -> str:
        layer = printable(self.layer)
        name = f"grad({layer or self.gradient_of})" if self.gradient_of else layer
        return ", ".join(part for part in (name, self.line) if part)


class HasOrigins(Protocol):
    """What `replacing` takes: a node."""

    origins: tuple[Origin, ...]


class _Context(threading.local):
    part: str = ""
    layers: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    is_within: bool = False
    inherited: tuple[Origin, ...] | None = None
    replaced: Any = None
    lines: tuple[Line, ...] = ()
    boundary: FrameType | None = None


_context = _Context()


class layer_scope:
    """Context in which nodes that are built belong to layer `name`, below the layers already entered; `path` is its part of the path of variables."""

    __slots__ = ("_before", "_name", "_path")

    def __init__(self, name: str, path: str | None = None):
        self._name, self._path = name, path or name

    def __enter__(self) -> None:
        self._before = _context.layers, _context.path
        _context.layers, _context.path = (*_context.layers, self._name), (*_context.path, self._path)

    def __exit__(self, *_: object) -> None:
        _context.layers, _context.path = self._before


@contextmanager
def path_scope(name: str) -> Iterator[None]:
    """Variables made inside have `name` in their paths, of which nodes say nothing: that of a model, which is no place in it."""
    before, _context.path = _context.path, (*_context.path, name)
    try:
        yield
    finally:
        _context.path = before


@contextmanager
def part_scope(path: str) -> Iterator[None]:
    """Nodes built inside belong to this part of a training step, such as "loss/mse", outside of any layer.

    Variables made inside are not named after it: what a metric or an optimizer has is called so wherever it is made.
    """
    before = _context.part
    _context.part = f"{before}/{path}" if before else path
    try:
        yield
    finally:
        _context.part = before


def part_if_none(path: str) -> AbstractContextManager[None]:
    """`part_scope`, where no part is being built already."""
    return nullcontext() if _context.part else part_scope(path)


def is_outermost() -> bool:
    """Whether neither a layer nor a model is being called."""
    return not _context.layers and not _context.is_within


@contextmanager
def outermost_scope() -> Iterator[None]:
    """Nodes built inside belong to a model that goes without its name; models within it have theirs."""
    before, _context.is_within = _context.is_within, True
    try:
        yield
    finally:
        _context.is_within = before


def layer_path() -> str:
    """The path of the layer that is being called, "" outside of layers."""
    return "/".join(_context.layers)


def variable_path() -> str:
    """The path of the layer that is being called or built, with the models that it is built in."""
    return "/".join(_context.path)


class inherit:
    """Nodes built inside carry `origins` and nothing else."""

    __slots__ = ("_before", "_first", "_origins")

    def __init__(self, origins: tuple[Origin, ...]):
        self._origins = origins
        self._first: Any = None

    def __enter__(self) -> None:
        context = _context
        self._before = context.inherited, context.replaced
        context.inherited, context.replaced = self._origins, self._first

    def __exit__(self, *_: object) -> None:
        context = _context
        context.inherited, context.replaced = self._before


class replacing(inherit):
    """Nodes built inside stand for these nodes: they carry their origins, have the place of the first in the order of the text, and
    its name where they are the same operation on other inputs."""

    __slots__ = ()

    def __init__(self, first: HasOrigins, *others: HasOrigins):
        origins = first.origins
        for node in others:
            origins = merge(origins, node.origins)
        self._origins = origins
        self._first = first


def replaced() -> Any:
    """The node that what is built now stands for, None outside of rewrites."""
    return _context.replaced


class at_lines:
    """Nodes built inside come from these lines, below those of the user's that are called from here on.

    Where a model was defined, when its layers are called again; where `compile` was called, for the loss.
    """

    def __init__(self, lines: tuple[Line, ...]):
        self._lines = lines

    def __enter__(self) -> None:
        self._before = _context.lines, _context.boundary
        if self._lines:
            _context.lines, _context.boundary = self._lines, sys._getframe(1)

    def __exit__(self, *_: object) -> None:
        _context.lines, _context.boundary = self._before


def gradient_origins(origins: Iterable[Origin], op: str) -> tuple[Origin, ...]:
    """The origins of a gradient of a node that has `origins`."""
    return tuple(Origin(o.layer, o.lines, o.gradient_of or op) for o in origins)


def current() -> tuple[Origin, ...]:
    """The origins a node built now gets."""
    if _context.inherited is not None:
        return _context.inherited
    layers = (_context.part, *_context.layers) if _context.part else _context.layers
    return (Origin("/".join(layers), user_lines()),)


def user_lines() -> tuple[Line, ...]:
    """The lines outside symkeras that are running, innermost first, at most `MOST_LINES`; of their callers only those of the user's own files."""
    frame, end = sys._getframe(1), _context.boundary
    found: list[Line] = []
    while frame is not None and frame is not end:
        filename = frame.f_code.co_filename
        if not _belongs_to_package(filename) and not (found and _is_installed(filename)):
            found.append(Line(filename, frame.f_lineno))
            if len(found) == MOST_LINES:
                return tuple(found)
        frame = frame.f_back
    return (*found, *_context.lines)[:MOST_LINES] if end is not None else tuple(found)


def user_line() -> str:
    """`train.py:41`: the user's line that is running, for messages."""
    lines = user_lines()
    return str(lines[0]) if lines else "an unknown line"


def merge(a: tuple[Origin, ...], b: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Both origins, each once, at most `MOST_ORIGINS`; those of the forward pass first."""
    if a == b or not b or len(a) >= MOST_ORIGINS:
        return a
    both = (*a, *(o for o in b if o not in a))
    return tuple(sorted(both, key=lambda o: bool(o.gradient_of)))[:MOST_ORIGINS]


def where(origins: tuple[Origin, ...]) -> str:
    """What a message ends with: ` (encoder/dense_1, train.py:41)` for the first of the origins, nothing where none is known."""
    text = str(origins[0]) if origins else ""
    return f" ({text})" if text else ""


def raise_at(error: Exception, origins: tuple[Origin, ...]) -> NoReturn:
    """Raise an error of a node with the place of the node; one that says its place, or that of a graph within, as it is."""
    if hasattr(error, "is_located"):
        raise error
    located: Any = type(error)(f"{error}{where(origins)}")
    located.is_located = True
    raise located from error


@functools.lru_cache(4096)
def _belongs_to_package(filename: str) -> bool:
    if filename.startswith(("<frozen", "<__array_function__")):
        return True
    path = os.path.abspath(filename)
    if path in _BETWEEN:
        return True
    return (path.startswith(_INTERNAL_ROOTS) and path not in _SPEAKS_FOR_ITSELF) or f"{os.sep}site-packages{os.sep}numpy{os.sep}" in path


@functools.lru_cache(4096)
def _is_installed(filename: str) -> bool:
    return os.path.abspath(filename).startswith(_INSTALLED)


_files: dict[str, set[str]] = {}


def _shown(filename: str) -> str:
    """As much of a path as tells it from the others of the same base name; a cell of a notebook by its number."""
    cell = _cell(filename)
    if cell:
        return cell
    base = os.path.basename(filename)
    others = _files.setdefault(base, set())
    others.add(filename)
    parts, count = filename.split(os.sep), 1
    while count < len(parts) and any(f != filename and f.split(os.sep)[-count:] == parts[-count:] for f in others):
        count += 1
    return printable("/".join(parts[-count:]) or base)


def _cell(filename: str) -> str:
    """`In[5]` for the file that stands for a notebook's cell, "" for others."""
    interactive = sys.modules.get("IPython")
    shell = interactive.get_ipython() if interactive is not None else None
    cells = getattr(getattr(shell, "compile", None), "_filename_map", {})
    return f"In[{cells[filename]}]" if filename in cells else ""
