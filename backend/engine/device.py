"""A device of an engine: where values live, how it is called, and what it does with denormals and threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symkeras.backend.denormals import DESCRIPTIONS, Denormals, describe
from symkeras.errors import BackendError, nearest
from symkeras.graph.residence import Place
from symkeras.graph.variable import Variable

PROCESSOR = "cpu"
_ALSO = {"cuda": "gpu", "gpu": "cuda"}
"""Kinds of devices that engines call by two names."""


class Device(Place):
    """One device of an engine. Subclasses say how values get there and back.

    Args:
        name: what the engine calls it, such as "cpu:0".

    Attributes:
        denormals: what it can be asked to do with denormals, what it does by itself first.
        calls_here: whether it computes on the thread that calls, whose register then decides on denormals.
    """

    denormals: tuple[str, ...] = ("flush", "keep")
    calls_here = False

    def __init__(self, name: str):
        self.name = name

    @property
    def is_processor(self) -> bool:
        return kind_of(self.name) == PROCESSOR

    def send(self, array: np.ndarray, variable: Variable | None = None) -> Any:
        raise NotImplementedError

    def fetch(self, value: Any) -> np.ndarray:
        raise NotImplementedError

    def held(self) -> int | None:
        """Bytes that the engine holds on it; None where the engine does not say."""
        return None

    def tell_threads(self, denormals: Denormals, way: str) -> None:
        """Called before it computes on the thread that calls, which is in the context `denormals`: other threads may have to be told."""

    def about_threads(self) -> str:
        """Which threads compute."""
        return "those of the device"

    def about_denormals(self, way: str) -> str:
        """One line on what becomes of denormals, asked to treat them in one way."""
        return describe(way) if self.calls_here else DESCRIPTIONS[way]

    def way(self, asked: str | None, setting: str, engine: str) -> str:
        """What it does with denormals: as it is asked, or else as the general setting wants it, where it can.

        Raises:
            BackendError: it is asked for what it cannot do.
        """
        if asked is not None and asked not in self.denormals:
            raise BackendError(
                f"{engine} on {self.name} cannot {asked} denormals: denormals={asked!r} is not offered there, it takes "
                f"{' or '.join(map(repr, self.denormals))}. numpy, native and the interpreter can"
            )
        wanted = setting if asked is None else asked
        return wanted if wanted in self.denormals else self.denormals[0]


def kind_of(name: str) -> str:
    """ "gpu" of "GPU:1"."""
    return name.partition(":")[0].lower()


def device_name(engine: str, asked: str | None, known: Sequence[str]) -> str:
    """The full name of a device: "gpu" and "cuda" are its first one, "gpu:1" its second; the first that is no processor, or else that, for None.

    Args:
        known: the names of the devices there are, such as "cpu:0"; a kind without a number has one device.

    Raises:
        BackendError: there is none of that name.

    >>> device_name("jax", "GPU", ["cpu:0", "gpu:0", "gpu:1"]), device_name("torch", "gpu:1", ["cpu", "cuda:0", "cuda:1"])
    ('gpu:0', 'cuda:1')
    """
    if asked is None:
        return next((n for n in known if kind_of(n) != PROCESSOR), known[0])
    kind, _, number = asked.partition(":")
    kinds = (kind.lower(), _ALSO.get(kind.lower(), ""))
    for n in known:
        own, _, its = n.partition(":")
        if own.lower() in kinds and (its or "0") == (number or "0"):
            return n
    raise BackendError(f"{engine} has no device {asked!r}; it has {', '.join(known)}.{nearest(asked, known)}".removesuffix("."))
