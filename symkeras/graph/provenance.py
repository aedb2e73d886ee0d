"""Where a node comes from: the layer, the user's own line, and for gradients the forward node.

Provenance is recorded when a node is built, from a per-thread context: layers push their path, autodiff names the
forward node, and a rewrite runs inside `inherit(...)` so that whatever it builds carries the origins of what it
replaces. A rewrite cannot forget provenance because it never handles it.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

from symkeras.errors import SymkerasError
from symkeras.graph.escaping import printable

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_INTERNAL_ROOTS = (_PACKAGE + os.sep, os.path.join(os.path.dirname(_PACKAGE), "backend") + os.sep)
MOST_ORIGINS = 16
"""A node that many lines share keeps this many origins, the oldest ones."""


@dataclass(frozen=True, slots=True)
class Origin:
    """One place a node comes from.

    `layer` is a path such as "encoder/dense_1" ("" outside layers), `filename` and `lineno` the user's line,
    `gradient_of` the forward operation whose gradient this is ("" in the forward pass).
    """

    layer: str
    filename: str
    lineno: int
    gradient_of: str = ""

    @property
    def line(self) -> str:
        """`train.py:41`, or "" where no user line is known."""
        return f"{printable(os.path.basename(self.filename))}:{self.lineno}" if self.filename else ""

    def __str__(self) -> str:
        layer = printable(self.layer)
        name = f"grad({layer or self.gradient_of})" if self.gradient_of else layer
        return ", ".join(part for part in (name, self.line) if part)


class _Context(threading.local):
    layers: tuple[str, ...] = ()
    inherited: tuple[Origin, ...] | None = None
    line: tuple[str, int] | None = None


_context = _Context()


@contextmanager
def layer_scope(name: str) -> Iterator[None]:
    """Nodes built inside belong to layer `name`, below the layers already entered."""
    before = _context.layers
    _context.layers = (*before, name)
    try:
        yield
    finally:
        _context.layers = before


def layer_path() -> str:
    """The path of the layer that is being called, "" outside of layers."""
    return "/".join(_context.layers)


@contextmanager
def inherit(origins: tuple[Origin, ...]) -> Iterator[None]:
    """Nodes built inside carry `origins` and nothing else."""
    before = _context.inherited
    _context.inherited = origins
    try:
        yield
    finally:
        _context.inherited = before


@contextmanager
def at_line(filename: str, lineno: int) -> Iterator[None]:
    """Nodes built inside come from this line: where a model was defined, when its layers are called again."""
    before = _context.line
    _context.line = (filename, lineno) if filename else before
    try:
        yield
    finally:
        _context.line = before


def gradient_origins(origins: Iterable[Origin], op: str) -> tuple[Origin, ...]:
    """The origins of a gradient of a node that has `origins`."""
    return tuple(Origin(o.layer, o.filename, o.lineno, o.gradient_of or op) for o in origins)


def current() -> tuple[Origin, ...]:
    """The origins a node built now gets."""
    if _context.inherited is not None:
        return _context.inherited
    filename, lineno = _context.line or user_frame()
    return (Origin("/".join(_context.layers), filename, lineno),)


def user_frame() -> tuple[str, int]:
    """File and line of the innermost frame outside symkeras; ("", 0) where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not _belongs_to_package(filename):
            return filename, frame.f_lineno
        frame = frame.f_back
    return "", 0


def user_line() -> str:
    """`train.py:41`: the user's line that is running, for messages."""
    filename, lineno = user_frame()
    return f"{printable(os.path.basename(filename))}:{lineno}" if filename else "an unknown line"


def merge(a: tuple[Origin, ...], b: tuple[Origin, ...]) -> tuple[Origin, ...]:
    """Both origins, each once, at most `MOST_ORIGINS`."""
    if a == b or not b or len(a) >= MOST_ORIGINS:
        return a
    return (*a, *(o for o in b if o not in a))[:MOST_ORIGINS]


def where(origins: tuple[Origin, ...]) -> str:
    """What a message ends with: ` (encoder/dense_1, train.py:41)` for the first of the origins, nothing where none is known."""
    text = str(origins[0]) if origins else ""
    return f" ({text})" if text else ""


def raise_at(error: Exception, origins: tuple[Origin, ...]) -> NoReturn:
    """Raise what NumPy raised with the place of the node that it happened in; an error that says its place, or that of a graph within, as it is."""
    if isinstance(error, SymkerasError) or hasattr(error, "is_located"):
        raise error
    located: Any = type(error)(f"{error}{where(origins)}")
    located.is_located = True
    raise located from error


@functools.lru_cache(4096)
def _belongs_to_package(filename: str) -> bool:
    if filename.startswith("<frozen") or filename.endswith(("functools.py", "contextlib.py", "threading.py")):
        return True
    return os.path.abspath(filename).startswith(_INTERNAL_ROOTS) or os.sep + "numpy" + os.sep in filename
