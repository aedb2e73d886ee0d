"""What SimpleRNNCell, LSTMCell and GRUCell share: their arguments, weights, dropout and config."""

from __future__ import annotations

from typing import Any, ClassVar

from symkeras import activations, ops
from symkeras.arguments import boolean, checked, fraction, positive_int
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.dropout_rnn_cell import DropoutRNNCell
from symkeras.layers.layer import Layer
from symkeras.layers.weight_options import options_of, set_weight_options, weight_options_config

OPTIONS = options_of("kernel", "recurrent", "bias")


class RecurrentCell(DropoutRNNCell, Layer):
    """A cell with `gates` blocks of units side by side in a kernel, a recurrent kernel and a bias.

    Attributes:
        gates: how many blocks of `units` columns the weights have.
        implementation: 1 where every gate draws its own dropout mask, 2 where all share one.
    """

    gates: ClassVar[int] = 1
    kernel: Any
    recurrent_kernel: Any
    bias: Any

    @checked(units=positive_int, use_bias=boolean, dropout=fraction, recurrent_dropout=fraction)
    def __init__(self, units: int, activation: Any, use_bias: bool, dropout: float, recurrent_dropout: float, seed: Any,
                 options: dict[str, Any], kwargs: dict[str, Any]):  # fmt: skip
        from symkeras.random import SeedGenerator

        implementation = kwargs.pop("implementation", 2)
        super().__init__(**kwargs)
        name = type(self).__name__
        if implementation not in (0, 1, 2):
            raise ConfigError(f"{name} expects implementation 1 or 2 (0 is read as 1), received {implementation!r}")
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        set_weight_options(self, **{option: options[option] for option in OPTIONS})
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.seed = seed
        self.seed_generator = SeedGenerator(seed)
        self._given_implementation = implementation
        self._set_implementation(implementation)
        self.output_size = self.units
        self.state_size: Any = self.units

    def _set_implementation(self, implementation: int) -> None:
        self.implementation = 1 if implementation != 2 or self.recurrent_dropout else 2
        if self.implementation == 1 and self.gates > 1:
            self.dropout_mask_count = self.gates

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width is None:
            raise ShapeError(f"{type(self).__name__} {self.name!r} needs a last axis of known size, received {tuple(input_shape)}")
        columns = self.gates * self.units
        for name, option, shape in (
            ("kernel", "kernel", (width, columns)),
            ("recurrent_kernel", "recurrent", (self.units, columns)),
            ("bias", "bias", self._bias_shape()),
        ):
            weight = None
            if name != "bias" or self.use_bias:
                weight = self.add_weight(
                    shape=shape, name=name, initializer=self._initializer(option), regularizer=getattr(self, f"{option}_regularizer"),
                    constraint=getattr(self, f"{option}_constraint"),
                )  # fmt: skip
            setattr(self, name, weight)

    def _bias_shape(self) -> tuple[int, ...]:
        return (self.gates * self.units,)

    def _initializer(self, option: str) -> Any:
        return getattr(self, f"{option}_initializer")

    def _dropped(self, inputs: Any, state: Any, training: Any) -> tuple[Any, Any]:
        """Inputs and state after dropout; lists where gates have their own masks, or where the inputs came dropped."""
        if not training:
            return inputs, state
        x = inputs if isinstance(inputs, list) else self.apply_mask(inputs, self.get_dropout_mask(inputs))
        return x, self.apply_mask(state, self.get_recurrent_dropout_mask(state))

    def get_initial_state(self, batch_size: Any = None) -> list[Any]:
        """Zeros (B, units) for every state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [ops.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "activation": activations.serialize(self.activation), "use_bias": self.use_bias}
        own |= weight_options_config(self, *OPTIONS)
        own |= {"dropout": self.dropout, "recurrent_dropout": self.recurrent_dropout, "seed": self.seed}
        if self._given_implementation != 2:
            own["implementation"] = self._given_implementation
        return {**super().get_config(), **own}


def gate_products(x: Any, kernel: Any, bias: Any, gates: int) -> list[Any]:
    """x @ kernel + bias, cut into gates; `x` may be a list of one tensor per gate."""
    if not isinstance(x, list):
        return ops.split(affine(x, kernel, bias), gates, axis=-1)
    biases = [None] * gates if bias is None else ops.split(bias, gates, axis=-1)
    return [affine(*row) for row in zip(x, ops.split(kernel, gates, axis=-1), biases, strict=True)]


def affine(x: Any, kernel: Any, bias: Any) -> Any:
    """x @ kernel + bias, where there is a bias."""
    product = ops.matmul(x, kernel)
    return product if bias is None else ops.add(product, bias)


def activate(activation: Any, x: Any) -> Any:
    """`activation(x)`, or `x` where there is none."""
    return x if activation is None else activation(x)
