"""Random draws in loops and branches that are built outside of any trace, as `K.rnn` and `K.map_fn` are before `K.function`.

The body moves the state of a seed generator on, step by step. No trace is there to take the state at its end: it is remembered here by
the loop's node, and whoever compiles a graph with that node asks for it. A generator may draw in several loops, built for several
graphs: each counts its draws from a place of its own.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection

import numpy as np

from symkeras import locks
from symkeras.graph.node import OPS, Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.ops.op import constant_node

_ends: weakref.WeakKeyDictionary[Variable, list[tuple[weakref.ref[Node], int, int]]] = weakref.WeakKeyDictionary()
"""For the state of a generator, the loops that moved it: their node, which of its results is the new state, and where they began."""
_counts: weakref.WeakKeyDictionary[Variable, int] = weakref.WeakKeyDictionary()
_lock = locks.reentrant_lock()
_DRAWS_OF_A_LOOP = 1 << 40


def is_seed(variable: Variable) -> bool:
    """Whether a variable is the state of a seed generator, which moves on with every draw."""
    return variable.name == "seed_generator_state" and variable.dtype == "uint64"


def start(variable: Variable) -> Node:
    """The value of a variable as the next loop that is built begins."""
    with _lock:
        return _moved(variable.node, _counts.get(variable, 0)) if is_seed(variable) else variable.node


def end(variable: Variable, state: Tensor) -> None:
    """Remember the state of a generator behind the loop that was built."""
    with _lock:
        place = _counts.get(variable, 0)
        alive = [one for one in _ends.get(variable, ()) if one[0]() is not None]
        _ends[variable] = [*alive, (weakref.ref(state.node.inputs[0]), state.node.attrs["index"], place)]
        _counts[variable] = place + 1


def state_after(variable: Variable, nodes: Collection[Node]) -> Node | None:
    """The state of a generator behind those loops that are among `nodes`; None where none of them moves it."""
    after: Node | None = None
    for found, index, place in _ends.get(variable, ()):
        loop = found()
        if loop is not None and loop in nodes:
            state = _moved(make(OPS["item"], (loop,), {"index": index}), -place)
            after = state if after is None else make(OPS["maximum"], (after, state), {})
    return after


def _moved(state: Node, places: int) -> Node:
    by = np.array([0, places * _DRAWS_OF_A_LOOP % 2**64], np.uint64)
    return make(OPS["add"], (state, constant_node(by)), {}) if places else state


__all__ = ["end", "is_seed", "start", "state_after"]
