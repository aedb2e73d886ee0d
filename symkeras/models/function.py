"""`Function`: what lies between symbolic tensors, as a function."""

from __future__ import annotations

from typing import Any

from symkeras import tree
from symkeras.errors import ConfigError
from symkeras.layers.input import KerasTensor
from symkeras.layers.operation import Operation
from symkeras.layers.shapes import map_shapes
from symkeras.models.functional import Functional


class Function(Operation):
    """The computation from some symbolic tensors to others, applied again to what it is called with.

    Args:
        inputs: symbolic tensors, one or a nesting of them.
        outputs: symbolic tensors computed from them.
        name: made from the class name when None.

    Raises:
        ConfigError: no inputs, no outputs, or outputs that need more than the inputs.

    Example:
        >>> import numpy as np
        >>> from symkeras import KerasTensor, ops
        >>> x = KerasTensor((None, 2))
        >>> Function(x, ops.sum(x * x, axis=-1))(np.float32([[1.0, 2.0]])).tolist()
        [5.0]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None):
        for what, given in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(given):
                raise ConfigError(f"Function: {what} cannot be empty")
        super().__init__(name=name)
        self._model = Functional(inputs, outputs, name=f"{self.name}_graph", dtype="float32")
        self._inputs_struct, self._outputs_struct = inputs, outputs

    @property
    def inputs(self) -> list[Any]:
        """The symbolic inputs, in order."""
        return self._model.inputs

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, in order."""
        return self._model.outputs

    @property
    def operations(self) -> list[Any]:
        """The layers between them, in order."""
        return self._model.operations

    def call(self, inputs: Any) -> Any:
        return tree.pack_sequence_as(self._outputs_struct, tree.flatten(self._model(inputs)))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for shapes of the inputs."""
        outputs = self._model.compute_output_spec(map_shapes(KerasTensor, input_shape))
        return tree.pack_sequence_as(self._outputs_struct, [t.shape for t in tree.flatten(outputs)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "graph": self._model.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A function from its config."""
        model = Functional.from_config(config["graph"])
        return cls(model.inputs[0] if len(model.inputs) == 1 else model.inputs, model.outputs[0] if len(model.outputs) == 1 else model.outputs,
                   name=config.get("name"))  # fmt: skip
