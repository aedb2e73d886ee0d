"""A graph compiled to C: optimised, lowered, emitted, built by the system's compiler, and bound to an arena per sizes."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from symkeras import blas
from symkeras.backend.denormals import DESCRIPTIONS
from symkeras.backend.emitted import threads
from symkeras.backend.emitted.planned import BoundArena, PlannedExecutable
from symkeras.backend.interface import Instance
from symkeras.backend.native.building import cache, openblas, toolchain
from symkeras.backend.native.emission import ENTRY, ROWS, Emission, emit
from symkeras.backend.native.kernels.table import NativeKernels
from symkeras.backend.native.loops.expressions import check_dtypes
from symkeras.compiler.program import naming
from symkeras.compiler.program.addressing import place
from symkeras.compiler.program.program import Preparation, size_problem
from symkeras.errors import DataError, ShapeError
from symkeras.graph import dims, provenance, residence
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.ops.elementwise import NEGATIVE_POWER

_threads = threads.count()


_NO_MEANING = 2
"""The code of a fault of sizes."""
_NEGATIVE_POWER = 3
"""The code of a fault of exponents."""


class _Fault(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("code", "step", "index", "size")]


class _Blas(ctypes.Structure):
    _fields_ = [("sgemm", ctypes.c_void_p), ("dgemm", ctypes.c_void_p), ("ilp64", ctypes.c_int)]


class _Call(ctypes.Structure):
    """`sk_call` of symkeras/call.h."""

    _fields_ = [
        ("arena", ctypes.c_void_p), ("at", ctypes.c_void_p), ("variables", ctypes.c_void_p), ("constants", ctypes.c_void_p),
        ("outputs", ctypes.c_void_p), ("sizes", ctypes.c_void_p), ("blas", ctypes.POINTER(_Blas)), ("threads", ctypes.c_int64),
        ("kept", ctypes.c_int64), ("fault", _Fault),
    ]  # fmt: skip


_KEPT_VALUES, _KEPT_ALL = 1, 2
"""SK_KEPT_VALUES and SK_KEPT_ALL."""


class _Feed(ctypes.Structure):
    """`sk_feed`: where the rows of an input come from."""

    _fields_ = [("to", ctypes.c_void_p), ("source", ctypes.c_void_p), ("bytes", ctypes.c_int64), ("stride", ctypes.c_int64),
                ("at", ctypes.c_void_p)]  # fmt: skip


LEAST_READ_IN_PLACE = 256 * 1024
"""Bytes of an input that are copied faster than their address is asked for."""


class NativeInstance(Instance):
    """The compiled function with everything it is given.

    Args:
        storage: what it works on in the place of the variables, if not on these; then nobody is told that it wrote them.
        more: arrays that it fills beside the outputs.
    """

    def __init__(self, function: Any, arena: BoundArena, owner: NativeExecutable, key: tuple[int, ...],
                 storage: list[np.ndarray] | None = None, more: Sequence[np.ndarray] = ()):  # fmt: skip
        program, env = owner.program, dict(zip(owner.program.symbols, key, strict=True))
        numbers = {id(b): k for k, b in enumerate(program.buffers)}
        self.inputs, places = [], []
        for v in program.inputs:
            here = place(v)
            start = dims.evaluate(here.offset, env)
            places.append(numbers[id(here.storage)])
            self.inputs.append(arena.array(places[-1], dims.evaluate(v.type.shape, env), v.type.dtype, start))
        self._results = [np.empty(dims.evaluate(v.type.shape, env), v.type.dtype) for v in program.outputs]
        self._constants = [np.ascontiguousarray(n.attrs["value"].array) for n in owner.emission.constants]
        self._storage = owner.storage if storage is None else storage
        self._blas = openblas.load()
        tables = [
            np.array(arena.plan.offsets, np.int64), _addresses(self._storage), _addresses(self._constants),
            _addresses([*self._results, *more]), np.array(key, np.int64),
        ]  # fmt: skip
        at, given, constants, results, sizes = (t.ctypes.data for t in tables)
        products = ctypes.pointer(_Blas(self._blas.sgemm, self._blas.dgemm, self._blas.ilp64))
        self._call = _Call(arena.bytes.ctypes.data, at, given, constants, results, sizes, products, _threads)
        self._alive = (tables, products, more)
        self._at = tables[0]
        self._start = arena.bytes.ctypes.data
        self._unwritten = {} if owner.poison else {k: places[k] for k in program.unwritten_inputs}
        self._large = {k: place for k, place in self._unwritten.items() if self.inputs[k].nbytes >= LEAST_READ_IN_PLACE}
        self._arena = arena
        self._key = key
        self._wrote, self._watch = owner.writer.wrote if storage is None else _nothing, owner.watch
        self._keeps = any(isinstance(s, Preparation) for s in program.steps)
        self._function = function
        self._many = owner.many
        self._given = ctypes.byref(self._call)
        self._owner = owner
        self._alone = contextlib.nullcontext() if self._blas.is_private else blas.single_thread()
        self._is_private = self._blas.is_private

    def run(self) -> list[np.ndarray]:
        kept = self._prepare()
        try:
            if self._is_private:
                failed = self._function(self._given)
            else:
                with self._alone:
                    failed = self._function(self._given)
        finally:  # an interrupt is raised here, when all is written
            self._wrote()
        return self._outcome(failed, kept)

    def run_on(self, arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        if not self._large:
            for own, a in zip(self.inputs, arrays, strict=True):
                own[...] = a
            return self.run()
        homes = {place: self._at[place] for place in self._large.values()}
        try:
            for k, (own, a) in enumerate(zip(self.inputs, arrays, strict=True)):
                if k in self._large and a.shape == own.shape and _is_alike(a, own):
                    self._at[self._large[k]] = a.ctypes.data - self._start
                else:
                    own[...] = a
            return self.run()
        finally:
            for place, offset in homes.items():
                self._at[place] = offset

    def run_rows(self, arrays: Sequence[np.ndarray], order: np.ndarray | None, begin: int, steps: int) -> list[np.ndarray] | None:
        if not all(_is_alike(a[:1], own) for a, own in zip(arrays, self.inputs, strict=True)):
            return None
        order = None if order is None else np.ascontiguousarray(order, np.int64)
        rows = [(a[:1].nbytes, a.strides[0]) if len(a) > 1 else (a.nbytes, a.nbytes) for a in arrays]
        table, size = self._at.ctypes.data, self._at.itemsize
        at = [table + self._unwritten[k] * size if k in self._unwritten else None for k in range(len(arrays))]
        given = zip(self.inputs, arrays, rows, at, strict=True)
        feeds = (_Feed * len(arrays))(*(_Feed(own.ctypes.data, a.ctypes.data, n, stride, p) for own, a, (n, stride), p in given))
        kept = self._prepare()
        batch = len(self.inputs[0]) if self.inputs else 0
        try:
            with self._alone:
                failed = self._many(self._given, feeds, len(arrays), None if order is None else order.ctypes.data, begin, batch, steps)
        finally:
            self._wrote()
        return self._outcome(failed, kept)

    def _prepare(self) -> tuple[tuple[int, ...], int] | None:
        """Bring home what is away, and say what the arena holds; gives what it will hold."""
        if residence.AWAY:
            residence.at_home(self._owner.homes)
        self._call.threads = _threads
        if not self._keeps:
            return None
        kept, before = (self._key, self._watch.last), self._arena.kept
        self._call.kept = _KEPT_ALL if before == kept else _KEPT_VALUES if before is not None and before[1] == kept[1] else 0
        return kept

    def _outcome(self, failed: int, kept: tuple[tuple[int, ...], int] | None) -> list[np.ndarray]:
        if self._keeps:
            self._arena.kept = None if failed else kept
        if failed:
            fault = self._call.fault
            raise self._owner.error(fault, self._key)
        return [r.copy() for r in self._results]


def _nothing() -> None:
    pass


def entry_of(library: ctypes.CDLL) -> Any:
    """The function that runs a program."""
    function = library[ENTRY]
    function.argtypes = [ctypes.c_void_p]
    function.restype = ctypes.c_int
    return function


def _is_alike(a: np.ndarray, own: np.ndarray) -> bool:
    """Whether what an array holds lies as in an input."""
    return a.dtype == own.dtype and a.shape[1:] == own.shape[1:] and a.flags.c_contiguous and a.flags.aligned


def _addresses(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([a.ctypes.data for a in arrays], np.uintp)


class NativeExecutable(PlannedExecutable):
    """A program as one C function; `emission` says what its names refer to, `entry` where it lies on disk."""

    passes = "multiply-tables, multiply-unique-rows, sink-slices, simplify"
    """What it adds to the pipeline of "O2"."""

    def __init__(self, graph: Graph, takes: Callable[[str], bool], sanitize: Sequence[str] = (), **options: Any):
        self._sanitize = tuple(sanitize)
        super().__init__(graph, "native", takes, NativeKernels(), passes=self.passes, holds=("bfloat16",), **options)

    def _check_graph(self, graph: Graph) -> None:
        super()._check_graph(graph)
        check_dtypes(graph)

    def _emit(self) -> tuple[str, Sequence[Node]]:
        with self.history.timed("emission"):
            self.emission: Emission = emit(self.program, self.poison, self.denormals)
        with self.history.timed("build"):
            library, self.entry = cache.load(self.emission.source, naming.identifier(self.graph.name), sanitize=self._sanitize, linked=True)
        self._function = entry_of(library)
        self.many = library[ROWS]
        self.many.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * 3]
        self.many.restype = ctypes.c_int
        return self.emission.source, self.emission.variables

    @property
    def storage(self) -> list[np.ndarray]:
        """The arrays of the variables it works on."""
        return self._storage

    def _bound(self, arena: BoundArena, key: tuple[int, ...]) -> NativeInstance:
        return NativeInstance(self._function, arena, self, key)

    def error(self, fault: _Fault, key: tuple[int, ...]) -> Exception:
        """What a fault is raised as, of a call with the sizes `key`."""
        if fault.code == _NO_MEANING:
            env = dict(zip(self._symbols, key, strict=True))
            return ShapeError(size_problem(self.emission.sized[fault.index], env) or f"sizes without meaning: {env}")
        where = provenance.where(self.emission.steps[fault.step].node.origins)
        if fault.code == _NEGATIVE_POWER:
            return DataError(f"{NEGATIVE_POWER}{where}")
        return IndexError(f"index {fault.index} is out of range for an axis of size {fault.size}{where}")

    def _describe(self) -> str:
        built = "from the cache" if self.entry.was_cached else f"built in {self.entry.seconds:.2f} s"
        lines = [
            f"{toolchain.describe()}; {built}: {self.entry.source}", f"{openblas.load().describe()}; {_threads} threads",
            DESCRIPTIONS[self.denormals], cache.describe(),
        ]  # fmt: skip
        return "\n".join(lines)
