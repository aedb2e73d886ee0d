"""`RNN`: a cell applied to every time step of a sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import ops, tree
from symkeras.arguments import boolean, checked, settings
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph.variable import Variable
from symkeras.layers.dropout_rnn_cell import DropoutRNNCell
from symkeras.layers.input_spec import InputSpec
from symkeras.layers.layer import Layer
from symkeras.layers.recurrent_cell import OPTIONS
from symkeras.layers.rnn_loop import rnn_loop, swap_time_and_batch
from symkeras.layers.shapes import map_shapes
from symkeras.layers.stacked_rnn_cells import StackedRNNCells, build_cell, call_cell, check_cell, initial_state_of, output_size_of

_FLAGS = ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask")
_OF_THE_CELL = frozenset((
    "units", "activation", "recurrent_activation", "use_bias", "unit_forget_bias", "reset_after", "dropout", "recurrent_dropout", "seed",
    "implementation", "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate", *OPTIONS,
))  # fmt: skip


class RNN(Layer):
    """A recurrent layer around a cell.

    A cell is a layer, or any object, with `call(inputs, states) -> (output, new_states)` for one time step,
    `state_size` (an int or a list of ints), and, where they differ from the first state and from zeros, `output_size`
    and `get_initial_state(batch_size)`.

    Args:
        cell: a cell, or a list of cells to stack.
        return_sequences: give the output of every step instead of the last one.
        return_state: give the last states after the output.
        go_backwards: begin at the end; outputs come in the order in which they were computed.
        stateful: begin each batch with the states at which the batch before ended; the batch size must be fixed.
        unroll: repeat the cell's nodes for each step instead of looping; the number of steps must be known.
        zero_output_for_mask: masked steps give zeros instead of the output before.
        **kwargs: those of `Layer`.

    Input shape:
        (B, T, I); call keywords `initial_state` (a tensor or list of tensors (B, units)), `mask` (B, T)

    Output shape:
        (B, O), or (B, T, O) with `return_sequences`; a tuple with the states after it with `return_state`

    Raises:
        ConfigError: the cell is none; a loop to unroll has no known length.
        ShapeError: a stateful layer without a fixed batch size.

    Example:
        >>> from symkeras.layers import LSTMCell
        >>> layer = RNN([LSTMCell(3), LSTMCell(2)], return_sequences=True)
        >>> layer(np.ones((4, 5, 6), "float32")).shape
        (4, 5, 2)
    """

    @checked(return_sequences=boolean, return_state=boolean, go_backwards=boolean, stateful=boolean, unroll=boolean, zero_output_for_mask=boolean)
    def __init__(self, cell: Any, return_sequences: bool = False, return_state: bool = False, go_backwards: bool = False,
                 stateful: bool = False, unroll: bool = False, zero_output_for_mask: bool = False, **kwargs: Any):  # fmt: skip
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        check_cell(cell)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: Any = None
        self.state_size = [cell.state_size] if isinstance(cell.state_size, int) else list(cell.state_size)

    def __call__(self, sequences: Any, initial_state: Any = None, **kwargs: Any) -> Any:
        if isinstance(sequences, list) and initial_state is None and _holds_states(sequences):
            sequences, *initial_state = sequences
        if initial_state is not None:
            kwargs["initial_state"] = initial_state
        return super().__call__(sequences, **kwargs)

    def build(self, input_shape: Any) -> None:
        build_cell(self.cell, map_shapes(lambda s: (s[0], *s[2:]), input_shape))
        if self.stateful and self.states is None:
            batch = tree.flatten(input_shape)[0]
            if batch is None:
                raise ShapeError(
                    f"{type(self).__name__} {self.name!r} is stateful and needs a fixed batch size, received input shape {input_shape}: "
                    "give the batch size to Input, or batch_input_shape to the first layer"
                )
            states = tree.map_structure(self._state_variable, self.get_initial_state(batch))
            object.__setattr__(self, "states", states)  # not tracked: Keras counts states neither as weights nor as variables

    def _state_variable(self, value: Any) -> Variable:
        return Variable(np.asarray(value), dtype=self.variable_dtype, trainable=False, name="rnn_state")

    def get_initial_state(self, batch_size: Any) -> list[Any]:
        """The states before the first step, for a batch of this size: those of the cell, or zeros."""
        state = initial_state_of(self.cell, batch_size, self.compute_dtype)
        return list(state) if tree.is_nested(state) else [state]

    def reset_state(self, states: Any = None) -> None:
        """Set the states of a stateful layer to zeros, or to given arrays."""
        if self.states is None:
            return
        own = tree.flatten(self.states)
        given = [np.zeros(v.shape) for v in own] if states is None else tree.flatten(states)
        if len(given) != len(own):
            raise ShapeError(f"layer {self.name!r} has {len(own)} states, received {len(given)} arrays")
        for variable, value in zip(own, given, strict=True):
            variable.set(value)

    reset_states = reset_state

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: Any = False) -> Any:
        states = self._first_states(sequences, initial_state)
        mask = tree.flatten(mask)[0]
        sequences = tree.map_structure(swap_time_and_batch, sequences)
        cells = _dropout_cells(self.cell, tree.flatten(sequences)[0][0], states) if training else []
        try:
            for cell, step, state in cells:
                cell.hold_masks(step, state)
            if cells and cells[0][0] is self.cell:
                sequences = self.cell.drop_sequences(sequences)
            last, outputs, states = self.inner_loop(sequences, states, None if mask is None else swap_time_and_batch(mask), training)
        finally:
            for cell, _, _ in cells:
                cell.reset_dropout_mask()
        last, outputs, states = (tree.map_structure(self._of_own_dtype, part) for part in (last, outputs, states))
        if self.stateful:
            for variable, state in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                variable.assign(ops.cast(state, variable.dtype))
        output = tree.map_structure(swap_time_and_batch, outputs) if self.return_sequences else last
        return (output, *states) if self.return_state else output

    def _of_own_dtype(self, x: Any) -> Any:
        return None if x is None else ops.cast(x, self.compute_dtype)

    def _first_states(self, sequences: Any, initial_state: Any) -> list[Any]:
        batch = ops.shape(tree.flatten(sequences)[0])[0]
        if initial_state is None and self.stateful:
            expected = tree.flatten(self.states)[0].shape[0]
            if isinstance(batch, int) and batch != expected:
                raise ShapeError(f"layer {self.name!r} is stateful with batches of {expected}, received a batch of {batch}")
            initial_state = tree.map_structure(lambda v: v.value, self.states)
        elif initial_state is None:
            initial_state = self.get_initial_state(batch)
        states = list(initial_state) if tree.is_nested(initial_state) else [initial_state]
        expected = len(tree.flatten(self.state_size))
        if len(tree.flatten(states)) != expected:
            raise ShapeError(f"layer {self.name!r} has {expected} states, received {len(tree.flatten(states))} in initial_state")
        states = tree.pack_sequence_as(self.state_size, tree.flatten(states))
        return tree.map_structure(lambda s: ops.convert_to_tensor(s, self.compute_dtype), states)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: Any = False) -> tuple[Any, Any, Any]:
        """The last output, all outputs and the last states; everything that has a time axis has it first."""
        return rnn_loop(
            lambda x, states: call_cell(self.cell, x, states, training), sequences, initial_state, go_backwards=self.go_backwards, mask=mask,
            zero_output_for_mask=self.zero_output_for_mask, unroll=self.unroll, time_major=True, return_all_outputs=self.return_sequences,
        )  # fmt: skip

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        mask = tree.flatten(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in tree.flatten(self.state_size))] if self.return_state else mask

    def compute_output_shape(self, sequences_shape: Any, initial_state_shape: Any = None) -> Any:
        batch, length = tree.flatten(sequences_shape)[:2]
        size = output_size_of(self.cell)
        output = (batch, length, size) if self.return_sequences else (batch, size)
        return (output, *tree.map_structure(lambda n: (batch, n), self.state_size)) if self.return_state else output

    def _flags_config(self) -> dict[str, Any]:
        return {**Layer.get_config(self), **{flag: getattr(self, flag) for flag in _FLAGS}}

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        return {**self._flags_config(), "cell": serialize_keras_object(self.cell)}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        if "cell" in config:
            config = {**config, "cell": deserialize_keras_object(config["cell"], custom_objects=custom_objects)}
        return super().from_config(config)


def _holds_states(sequences: list[Any]) -> bool:
    """Whether a list is [x, state, ...], the 2017 way to give initial states."""
    ranks = [len(x.shape) if hasattr(x, "shape") else 0 for x in sequences]
    return len(ranks) > 1 and ranks[0] > 2 and all(rank == ranks[0] - 1 for rank in ranks[1:])


def _dropout_cells(cell: Any, step: Any, states: list[Any]) -> list[tuple[Any, Any, Any]]:
    """Each cell that draws masks, with an input and a state of the shape that it takes."""
    if isinstance(cell, DropoutRNNCell):
        return [(cell, step, tree.flatten(states)[0])]
    found = []
    if isinstance(cell, StackedRNNCells):
        for one, state in zip(cell.cells, states, strict=True):
            found += _dropout_cells(one, step, [state])
            step = ops.zeros((ops.shape(step)[0], output_size_of(one)), cell.compute_dtype)
    return found


class FlatRNN(RNN):
    """A recurrent layer that makes its own cell: its config is the cell's and the layer's in one."""

    cell_class: type[Any]
    cell_name = "cell"

    def __init__(self, arguments: dict[str, Any], **kwargs: Any):
        if arguments.get("use_cudnn", "auto") not in ("auto", False):
            raise ConfigError(f"{type(self).__name__}: use_cudnn={arguments['use_cudnn']!r} is not offered by symkeras; leave it out")
        of_the_cell = {name: value for name, value in arguments.items() if name in _OF_THE_CELL}
        if "implementation" in kwargs:
            of_the_cell["implementation"] = kwargs.pop("implementation")
        of_the_layer = {name: arguments[name] for name in ("activity_regularizer", *_FLAGS) if name in arguments}
        dtype, trainable = kwargs.get("dtype"), kwargs.get("trainable", True)
        super().__init__(self.cell_class(**of_the_cell, dtype=dtype, trainable=trainable, name=self.cell_name), **of_the_layer, **kwargs)
        self.input_spec = InputSpec(ndim=3)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_THE_CELL and "cell" in self.__dict__:
            return getattr(self.cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def get_config(self) -> dict[str, Any]:
        from symkeras import regularizers

        own = {k: v for k, v in self.cell.get_config().items() if k not in ("name", "trainable", "dtype")}
        return {**self._flags_config(), "activity_regularizer": regularizers.serialize(self.activity_regularizer), **own}
