"""Recurrent layers as plain NumPy loops: what the layers are held against."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def simple_rnn(x: Any, states: list[Any], kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    return [np.tanh(x @ kernel + states[0] @ recurrent + bias)]


def lstm(x: Any, states: list[Any], kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    i, f, c, o = np.split(x @ kernel + states[0] @ recurrent + bias, 4, axis=-1)
    carry = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(c)
    return [sigmoid(o) * np.tanh(carry), carry]


def gru(x: Any, states: list[Any], kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    x_z, x_r, x_h = np.split(x @ kernel + bias[0], 3, axis=-1)
    h_z, h_r, h_h = np.split(states[0] @ recurrent + bias[1], 3, axis=-1)
    z = sigmoid(x_z + h_z)
    return [z * states[0] + (1 - z) * np.tanh(x_h + sigmoid(x_r + h_r) * h_h)]


def gru_reset_before(x: Any, states: list[Any], kernel: Any, recurrent: Any, bias: Any) -> list[Any]:
    units = recurrent.shape[0]
    x_z, x_r, x_h = np.split(x @ kernel + bias, 3, axis=-1)
    z = sigmoid(x_z + states[0] @ recurrent[:, :units])
    r = sigmoid(x_r + states[0] @ recurrent[:, units : 2 * units])
    return [z * states[0] + (1 - z) * np.tanh(x_h + (r * states[0]) @ recurrent[:, 2 * units :])]


def loop(cell: Callable[..., list[Any]], x: Any, weights: list[Any], states: list[Any], mask: Any = None, backwards: bool = False,
         zeroed: bool = False) -> tuple[Any, list[Any]]:  # fmt: skip
    """All outputs in the order of computation, (B, T, units), and the last states."""
    steps = range(x.shape[1])
    outputs, last = [], np.zeros_like(states[0])
    for t in reversed(steps) if backwards else steps:
        new = cell(x[:, t], states, *weights)
        counts = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        states = [np.where(counts, n, s) for n, s in zip(new, states, strict=True)]
        last = np.where(counts, new[0], np.zeros_like(last) if zeroed else last)
        outputs.append(last)
    return np.stack(outputs, 1), states
