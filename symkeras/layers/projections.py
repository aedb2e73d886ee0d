"""The projections of multi-head attention: `EinsumDense` layers, each of which comes down to one matrix product."""

from __future__ import annotations

import string
from typing import Any

from symkeras.layers.building import build_sublayer
from symkeras.layers.einsum_dense import EinsumDense
from symkeras.layers.weight_options import options_of

PROJECTION_OPTIONS = (*options_of("kernel", "bias"), "activity_regularizer")


def projection(input_shape: Any, bound: int, output: Any, name: str, use_bias: bool, activation: Any, options: dict[str, Any]) -> EinsumDense:
    """A built layer that maps the last `bound` axes of an input to the axes `output`.

    >>> layer = projection((None, 5, 6), 1, (2, 3), "query", True, None, dict.fromkeys(PROJECTION_OPTIONS))
    >>> layer.equation, layer.kernel.shape
    ('abc,cde->abde', (6, 2, 3))
    """
    free = len(input_shape) - bound
    letters = string.ascii_lowercase
    kept, summed, new = letters[:free], letters[free : free + bound], letters[free + bound : free + bound + len(output)]
    layer = EinsumDense(
        f"{kept}{summed},{summed}{new}->{kept}{new}", output_shape=(*(None,) * (free - 1), *output), bias_axes=new if use_bias else None,
        activation=activation, name=name, **{option: _fresh(value) for option, value in options.items()},
    )  # fmt: skip
    build_sublayer(layer, tuple(input_shape))
    return layer


def _fresh(option: Any) -> Any:
    """A copy of an initializer that draws its own numbers; everything else as it is."""
    from symkeras.initializers import Initializer

    return type(option).from_config(option.get_config()) if isinstance(option, Initializer) else option
