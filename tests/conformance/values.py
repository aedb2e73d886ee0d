"""How values of arguments are drawn: functions of a `Drawing`, which knows the sizes of the input and what was chosen before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.drawing import Drawing
from tests.conformance.written import Made

Draw = Callable[[Drawing], Any]

ACTIVATIONS = (
    "relu",
    "tanh",
    "sigmoid",
    "softmax",
    "elu",
    "selu",
    "softplus",
    "softsign",
    "gelu",
    "silu",
    "linear",
    "hard_sigmoid",
    "mish",
    "leaky_relu",
    "exponential",
    "log_softmax",
    "relu6",
    "hard_silu",
)


def initializer(d: Drawing) -> Any:
    return d.one(
        [
            "zeros",
            "ones",
            "glorot_uniform",
            "he_normal",
            "lecun_uniform",
            "random_normal",
            "truncated_normal",
            "variance_scaling",
            Made("initializers.Constant", {"value": d.number(-1, 1)}),
            Made("initializers.RandomUniform", {"minval": -0.1, "maxval": 0.2, "seed": 3}),
            Made("initializers.VarianceScaling", {"scale": 2.0, "mode": "fan_avg", "distribution": "uniform", "seed": d.integer(0, 9)}),
            Made("initializers.GlorotNormal", {"seed": d.integer(0, 9)}),
        ]
    )


def regularizer(d: Drawing) -> Any:
    return d.one(
        [
            None,
            "l2",
            "l1",
            "L1L2",
            Made("regularizers.L1", {"l1": d.number(0, 0.1)}),
            Made("regularizers.L2", {"l2": d.number(0, 0.1)}),
            Made("regularizers.L1L2", {"l1": d.number(0, 0.1), "l2": d.number(0, 0.1)}),
        ]
    )


def constraint(d: Drawing) -> Any:
    return d.one(
        [
            None,
            "non_neg",
            "unit_norm",
            Made("constraints.MaxNorm", {"max_value": d.number(0.5, 2), "axis": 0}),
            Made("constraints.NonNeg"),
            Made("constraints.MinMaxNorm", {"min_value": 0.5, "max_value": 1.5, "rate": d.number(0.1, 1), "axis": 0}),
        ]
    )


def dimensions(d: Drawing) -> int:
    """The spatial axes of a layer, by its name."""
    return next((k for k in (1, 2, 3) if f"{k}D" in d.name), 2)


def strides(d: Drawing) -> Any:
    return d.sizes(dimensions(d), 1, 3)


def dilation(d: Drawing) -> Any:
    given = d.chosen.get("strides", 1)
    return d.sizes(dimensions(d), 1, 2) if given == 1 or given is None or (isinstance(given, tuple) and set(given) == {1}) else 1


def pairs(d: Drawing, most: int) -> Any:
    """Borders: one number, one for each axis, or a pair for each; one axis has a pair."""
    rank = dimensions(d)
    if rank == 1:
        return d.one([d.integer(0, most), (d.integer(0, most), d.integer(0, most))])
    return d.one(
        [d.integer(0, most), tuple(d.integer(0, most) for _ in range(rank)), tuple((d.integer(0, most), d.integer(0, most)) for _ in range(rank))]
    )


def axis_of(d: Drawing) -> int:
    """An axis of the input but the batch, from either end."""
    axis = d.integer(1, d.rank)
    return axis if d.chance() else axis - d.rank - 1


def norm_axis(d: Drawing) -> Any:
    return axis_of(d) if d.chance(0.7) or d.rank < 2 else sorted([d.rank - 1, d.rank])


def divisor(d: Drawing, n: int) -> int:
    return d.one([k for k in range(1, n + 1) if n % k == 0])


def conv_groups(d: Drawing) -> int:
    both = [k for k in range(1, 7) if d.channels % k == 0 and d.chosen["filters"] % k == 0]
    return d.one(both)


def cell(d: Drawing, *names: str) -> Made:
    name = d.one(names or ("SimpleRNNCell", "LSTMCell", "GRUCell"))
    return Made(f"layers.{name}", {"units": d.integer(1, 4), "name": "cell", **({"activation": d.one(ACTIVATIONS[:3])} if d.chance(0.3) else {})})


def inner_layer(d: Drawing) -> Made:
    """A layer to be wrapped, for inputs of steps of vectors."""
    return d.one(
        [
            Made("layers.Dense", {"units": d.integer(1, 4), "activation": d.one(ACTIVATIONS), "name": "inner"}),
            Made("layers.LayerNormalization", {"name": "inner"}),
            Made("layers.Activation", {"activation": "tanh", "name": "inner"}),
        ]
    )


def recurrent_layer(d: Drawing) -> Made:
    name = d.one(["LSTM", "GRU", "SimpleRNN"])
    more = {
        "return_sequences": d.chance(),
        **({"use_bias": False} if d.chance(0.2) else {}),
        **({"go_backwards": True} if d.chance(0.2) and d.name != "Bidirectional" else {}),
    }
    return Made(f"layers.{name}", {"units": d.integer(1, 4), **more, "name": "inner"})


def flag(d: Drawing) -> bool:
    return d.chance()


def optional(draw: Draw, p: float = 0.3) -> Draw:
    """None with some chance."""
    return lambda d: None if d.chance(p) else draw(d)


def within(low: float, high: float) -> Draw:
    return lambda d: d.number(low, high)


def whole(low: int, high: int) -> Draw:
    return lambda d: d.integer(low, high)


def of(*choices: Any) -> Draw:
    return lambda d: d.one(choices)
