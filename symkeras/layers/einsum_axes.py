"""The axes of inputs, kernel and output of an equation: where scales go, and which way the gradient of the inputs."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import Any

from symkeras import ops


@dataclass(frozen=True)
class EinsumAxes:
    """A letter for each axis, those that `...` stands for among them.

    >>> axes = EinsumAxes.of("...x,xy->...y", 3)
    >>> axes.inputs, axes.kernel, axes.output
    ('ABx', 'xy', 'ABy')
    """

    inputs: str
    kernel: str
    output: str

    @classmethod
    def of(cls, equation: str, rank: int) -> EinsumAxes:
        """The axes of an equation for inputs of some rank."""
        terms, output = equation.replace(" ", "").split("->")
        inputs, kernel = terms.split(",")
        free = [letter for letter in string.ascii_uppercase + string.ascii_lowercase if letter not in equation]
        elided = "".join(free[: rank - len(inputs.replace(".", ""))])
        return cls(inputs.replace("...", elided), kernel, output.replace("...", elided))

    def summed(self, letters: str) -> tuple[int, ...]:
        """The axes of a term that the output does not have."""
        return tuple(k for k, letter in enumerate(letters) if letter not in self.output)

    def beside_output(self, scale: Any, letters: str) -> Any:
        """A scale of a term, with 1 on the axes that are summed over, laid out so that the output can be divided by it."""
        kept = [letter for letter in letters if letter in self.output]
        order = sorted(range(len(kept)), key=lambda k: self.output.index(kept[k]))
        scale = ops.transpose(ops.squeeze(scale, self.summed(letters)), order)
        return ops.expand_dims(scale, tuple(k for k, letter in enumerate(self.output) if letter not in letters))

    def beside_kernel(self, scale: Any) -> Any:
        """What `beside_output` gave for the kernel, laid out so that the kernel can be divided by it."""
        kept = [letter for letter in self.output if letter in self.kernel]
        scale = ops.squeeze(scale, tuple(k for k, letter in enumerate(self.output) if letter not in self.kernel))
        scale = ops.transpose(scale, [kept.index(letter) for letter in self.kernel if letter in kept])
        return ops.expand_dims(scale, self.summed(self.kernel))

    def gradient_of_inputs(self, upstream: Any, kernel: Any, x: Any) -> Any:
        """The gradient of the product for its inputs `x`; the same all along an axis of theirs alone."""
        alone = tuple(k for k, letter in enumerate(self.inputs) if letter not in self.kernel + self.output)
        reached = "".join(letter for letter in self.inputs if letter in self.kernel + self.output)
        found = ops.einsum(f"{self.output},{self.kernel}->{reached}", upstream, kernel)
        return ops.multiply(ops.expand_dims(found, alone), ops.ones_like(x)) if alone else found
