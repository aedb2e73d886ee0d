"""Compiled C under sanitizers: a build that stops where a kernel does what it may not, or where threads race.

AddressSanitizer and UndefinedBehaviorSanitizer: in the planned arena a kernel that leaves its buffer meets the bytes of another one, which
no sanitizer minds. So here every buffer is an allocation of its own, of exactly its size; where the C finds its buffers is given by
offsets anyway, and these may be differences of any addresses.

ThreadSanitizer: the kernels, and the team that shares them, as they are. Each sanitizer's runtime must be in the process before all else
(`LD_PRELOAD`); `tests/backend/native/sanitize.py` does that.
"""

from __future__ import annotations

import ctypes
import dataclasses
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.backend.emitted.planned import BoundArena
from symkeras.backend.native import NativeBackend
from symkeras.backend.native.building.executable import NativeExecutable, NativeInstance
from symkeras.compiler.program import memory_plan
from symkeras.graph.graph import Graph

MEMORY = ("address", "undefined", "float-cast-overflow")
"""What watches memory and arithmetic. Division by zero gives an infinity or NaN in IEEE arithmetic and is no finding, nor is signed
overflow, which `-fwrapv` defines."""


class SeparateBuffers(BoundArena):
    """An arena that is none: buffers lie anywhere, and the offsets of its plan are counted from the one that lies lowest.

    Args:
        plan: of the arena in whose place it stands.
        sizes: bytes of each buffer.
    """

    def __init__(self, plan: memory_plan.Plan, sizes: Sequence[int]):
        self.instances = {}
        self.kept = None
        self._blocks = [allocate(n) for n in sizes]
        addresses = [b.ctypes.data for b in self._blocks]
        lowest = min(addresses, default=0)
        self.plan = dataclasses.replace(plan, offsets=tuple(a - lowest for a in addresses))
        self.bytes = self._blocks[addresses.index(lowest)] if self._blocks else np.empty(0, np.uint8)

    def array(self, place: int, shape: tuple[int, ...], dtype: str, start: int = 0) -> np.ndarray:
        item = np.dtype(dtype)
        begin, size = start * item.itemsize, int(np.prod(shape, dtype=np.int64)) * item.itemsize
        return self._blocks[place][begin : begin + size].view(item).reshape(shape)


def allocate(size: int) -> np.ndarray:
    """`size` bytes from the C library's allocator, aligned as an arena's buffers are; what lies around them is watched."""
    address = ctypes.c_void_p()
    if _LIBC.posix_memalign(ctypes.byref(address), ctypes.c_size_t(memory_plan.ALIGNMENT), ctypes.c_size_t(size)):
        raise MemoryError(f"no memory for {size} bytes")
    assert address.value is not None
    block = (ctypes.c_uint8 * size).from_address(address.value)
    weakref.finalize(block, _LIBC.free, address)
    return np.ctypeslib.as_array(block)


_LIBC = ctypes.CDLL(None)


class SeparateExecutable(NativeExecutable):
    """A program as one C function with buffers that lie apart."""

    def _bound(self, arena: BoundArena, key: tuple[int, ...]) -> NativeInstance:
        env = dict(zip(self.program.symbols, key, strict=True))
        return super()._bound(SeparateBuffers(arena.plan, [memory_plan.nbytes(b, env) for b in self.program.buffers]), key)


class SanitizedBackend(NativeBackend):
    """Registered by nobody: `interface.register("native-sanitized", "symkeras.backend.native.building.sanitized:SanitizedBackend")`."""

    name = "native-sanitized"

    def compile(self, graph: Graph, **options: Any) -> NativeExecutable:
        return SeparateExecutable(graph, self.takes, sanitize=MEMORY, **options)


class RaceBackend(NativeBackend):
    """The same for ThreadSanitizer, as "native-raced"."""

    name = "native-raced"

    def compile(self, graph: Graph, **options: Any) -> NativeExecutable:
        return NativeExecutable(graph, self.takes, sanitize=("thread",), **options)
