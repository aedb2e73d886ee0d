"""Calls of layers: the record of one in a functional model, what the calls under way share, and the masks of what they give."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from symkeras import tree
from symkeras.graph import provenance
from symkeras.graph.node import Node
from symkeras.graph.tensor import Tensor

if TYPE_CHECKING:
    from symkeras.layers.layer import Layer


class KerasHistory(NamedTuple):
    """Which call of which layer made a tensor."""

    operation: Any
    node_index: int
    tensor_index: int


class CallRecord:
    """One symbolic call of a layer: what a functional model replays.

    Attributes:
        layer: the layer called.
        args, kwargs: its arguments, tensors among them.
        outputs: the tensors it gave, in order.
    """

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any):
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.output_structure = outputs
        self.outputs = [t for t in tree.flatten(outputs) if isinstance(t, Tensor)]
        self.inputs = [t for t in tree.flatten((args, kwargs)) if isinstance(t, Tensor)]
        self.lines = provenance.user_lines()
        layer._inbound_nodes.append(self)
        for k, t in enumerate(self.outputs):
            t._keras_history = KerasHistory(layer, len(layer._inbound_nodes) - 1, k)
            t.node.call = self


def record_of(node: Node) -> CallRecord | None:
    """The layer call whose output `node` is, or None for what lies between layers."""
    return node.call


class _Context(threading.local):
    """What the layers being called share.

    Attributes:
        depth: how many calls are under way.
        is_step: whether they are traced for a compiled step, rather than define a model.
        training: the training flag.
        masks: id of an array -> the array and its mask.
        losses: (layer that added it, loss).
        trainable: layer -> whether it is taken to be trainable, for layers where that is not what it says itself.
        replays: what the tensors of the definitions of the functional models called stand for, inner models first.
    """

    def __init__(self) -> None:  # in each thread
        self.depth = 0
        self.is_step = False
        self.training: Any = None
        self.masks: dict[int, tuple[Any, Any]] = {}
        self.losses: list[tuple[Any, Any]] = []
        self.trainable: Mapping[Any, bool] = {}
        self.replays: list[Any] = []


_context = _Context()


class _context_of:
    """Context in which the surroundings are others."""

    __slots__ = ("_before", "_new")

    def __init__(self, **new: Any):
        self._new = {"is_step": False, "training": None, "masks": {}, "losses": [], "replays": [], **new}

    def __enter__(self) -> _Context:
        now = vars(_context)
        self._before = {name: now[name] for name in self._new}
        now.update(self._new)
        return _context

    def __exit__(self, *_: object) -> None:
        vars(_context).update(self._before)


def call_context(training: Any = None, is_step: bool = False) -> AbstractContextManager[_Context]:
    """The surroundings of an outermost call; nested calls see its training flag and add to its losses."""
    return _context_of(depth=1, training=training, is_step=is_step)


def definition_context() -> AbstractContextManager[_Context]:
    """Surroundings in which symbolic calls define models, whatever is being called around them."""
    return _context_of(depth=0)


@contextmanager
def taken_as_trainable(state: Mapping[Any, bool]) -> Iterator[None]:
    """Surroundings in which layers are as trainable as `state` says; those that it does not name are as they are."""
    before, _context.trainable = _context.trainable, state
    try:
        yield
    finally:
        _context.trainable = before


def surroundings() -> _Context:
    """Those of the call under way."""
    return _context


def mask_of(x: Any) -> Any:
    """The Keras mask of a tensor or array, or None."""
    if isinstance(x, Tensor):
        return x._keras_mask
    entry = _context.masks.get(id(x))
    return entry[1] if entry is not None else getattr(x, "_keras_mask", None)


def set_mask(x: Any, mask: Any) -> None:
    """Attach a mask; that of an array lasts for the outermost call."""
    if isinstance(x, Tensor):
        x._keras_mask = mask
    else:
        _context.masks[id(x)] = (x, mask)
