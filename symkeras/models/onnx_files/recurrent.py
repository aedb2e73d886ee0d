"""ONNX' LSTM, GRU and RNN as recurrent layers, one for each direction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from symkeras import ops
from symkeras.graph.tensor import Tensor
from symkeras.layers.gru import GRU
from symkeras.layers.lstm import LSTM
from symkeras.layers.simple_rnn import SimpleRNN
from symkeras.models.onnx_files.operators import Reader

if TYPE_CHECKING:
    from symkeras.models.onnx_files.building import Call

_GATES = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}
"""Where in ONNX' order each gate of the layer stands: an LSTM has input, output, forget, cell there, and input, forget, cell, output here."""
_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_ACTIVATIONS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "softsign": "softsign", "softplus": "softplus"}


def _recurrent(c: Call) -> tuple[Any, ...]:
    kind = c.kind
    x, kernel, recurrent = c.tensor(), c.constant(1), c.constant(2)
    bias = c.constant(3) if c.input(3) is not None else None
    direction, units = c.attribute("direction", "forward"), c.attribute("hidden_size", recurrent.shape[-1])
    c.require(isinstance(x, Tensor), "it reads no input of the model")
    c.require(direction in ("forward", "reverse", "bidirectional"), f"direction {direction!r} is unknown")
    c.require(c.input(4) is None, "lengths of sequences are not covered")
    c.require(c.input(7) is None, "peepholes are not covered")
    c.require(c.attribute("clip") is None and not c.attribute("input_forget", 0), "clip and input_forget are not covered")
    count = 2 if direction == "bidirectional" else 1
    gates = len(_GATES[kind])
    rows = (count, gates * units)
    c.require(kernel.ndim == 3 and kernel.shape[:2] == rows and recurrent.shape == (*rows, units), "its weights do not fit")
    c.require(bias is None or bias.shape == (count, 2 * gates * units), "its biases do not fit")
    functions = _functions(c, count)
    by_batch = c.attribute("layout", 0)
    steps = x if by_batch else ops.transpose(x, (1, 0, 2))
    states = [None if c.input(k) is None else c.tensor(k) for k in ((5, 6) if kind == "LSTM" else (5,))]
    results = []
    for d in range(count):
        first = _initial(c, states, d, by_batch)
        backwards = direction == "reverse" or d == 1
        layer = _layer(c, units, functions[d], backwards)
        found = c.layer(layer, steps, _weights(kind, kernel[d], recurrent[d], None if bias is None else bias[d], units, c), **first)
        y, *last = found
        results.append((ops.flip(y, 1) if backwards else y, last))
    y = ops.stack([y for y, _ in results], 2)  # (B, T, D, units)
    ends = [ops.stack([last[k] for _, last in results], 1) for k in range(len(states))]
    if by_batch:
        return (y, *ends)
    return (ops.transpose(y, (1, 2, 0, 3)), *(ops.transpose(e, (1, 0, 2)) for e in ends))


def _functions(c: Call, count: int) -> list[list[str]]:
    given = c.attribute("activations") or _DEFAULTS[c.kind] * count
    c.require(not c.attribute("activation_alpha") and not c.attribute("activation_beta"), "activations with numbers of their own are not covered")
    each = len(_DEFAULTS[c.kind])
    c.require(len(given) == each * count and all(a.lower() in _ACTIVATIONS for a in given), f"activations {given} are not covered")
    found = [[_ACTIVATIONS[a.lower()] for a in given[d * each : (d + 1) * each]] for d in range(count)]
    c.require(all(f[1] == f[2] for f in found if len(f) == 3), "an LSTM with other functions for cell and output is not covered")
    return found


def _layer(c: Call, units: int, functions: list[str], backwards: bool) -> Any:
    options: dict[str, Any] = {
        "return_sequences": True, "return_state": True, "go_backwards": backwards, "activation": functions[-1],
        "use_bias": c.input(3) is not None, "name": c.name(), "dtype": str(c.constant(1).dtype),
    }  # fmt: skip
    if c.kind == "RNN":
        return SimpleRNN(units, **options)
    options["recurrent_activation"] = functions[0]
    if c.kind == "GRU":
        return GRU(units, reset_after=bool(c.attribute("linear_before_reset", 0)), **options)
    return LSTM(units, **options)


def _weights(kind: str, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray | None, units: int, c: Call) -> list[np.ndarray]:
    """The weights of the layer: gates in its order, matrices the other way around."""
    def ordered(w: np.ndarray) -> np.ndarray:
        return np.concatenate([w[g * units : (g + 1) * units] for g in _GATES[kind]], 0)

    found = [ordered(kernel).T, ordered(recurrent).T]
    if bias is not None:
        of_input, of_state = (ordered(b) for b in np.split(bias, 2))
        is_apart = kind == "GRU" and bool(c.attribute("linear_before_reset", 0))
        found.append(np.stack([of_input, of_state]) if is_apart else of_input + of_state)
    return found


def _initial(c: Call, states: list[Any], d: int, by_batch: int) -> dict[str, Any]:
    """The call argument for the first states of a direction; none where they are zero."""
    if all(s is None or (isinstance(s, np.ndarray) and not s.any()) for s in states):
        return {}
    c.require(all(s is not None and isinstance(s, Tensor) for s in states), "first states that are constants are not covered")
    found = [ops.squeeze(s[:, d : d + 1], 1) if by_batch else ops.squeeze(s[d : d + 1], 0) for s in states]
    return {"initial_state": found if len(found) > 1 else found[0]}


TABLE: dict[str, Reader] = dict.fromkeys(("LSTM", "GRU", "RNN"), _recurrent)
