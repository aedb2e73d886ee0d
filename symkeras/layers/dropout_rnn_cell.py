"""Dropout in recurrent cells: one mask for all time steps (Gal and Ghahramani 2016)."""

from __future__ import annotations

from typing import Any

from symkeras import ops
from symkeras.ops.op import dtype_of


class DropoutRNNCell:
    """What a cell with dropout mixes in: masks that a recurrent layer draws once and holds over its loop.

    The cell has `dropout`, `recurrent_dropout` and `seed_generator`, and `dropout_mask_count` where every gate has a
    mask of its own. Called outside of a recurrent layer such a cell draws new masks at every call.
    """

    dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout_mask_count: int | None = None
    seed_generator: Any = None
    _held_masks: tuple[Any, Any] | None = None

    def get_dropout_mask(self, step_input: Any) -> Any:
        """The mask for inputs like `step_input`, a tuple of one per gate where gates have their own, None without dropout."""
        return self._draw(step_input, self.dropout) if self._held_masks is None else self._held_masks[0]

    def get_recurrent_dropout_mask(self, state: Any) -> Any:
        """The mask for states like `state`."""
        return self._draw(state, self.recurrent_dropout) if self._held_masks is None else self._held_masks[1]

    def hold_masks(self, step_input: Any, state: Any) -> None:
        """Draw both masks and keep them until `reset_dropout_mask`."""
        self._held_masks = None
        self._held_masks = (self.get_dropout_mask(step_input), self.get_recurrent_dropout_mask(state))

    def drop_sequences(self, sequences: Any) -> Any:
        """Time-major sequences with the held input mask applied to all steps at once: a list of one per gate, or one.

        Inside the loop the mask would keep the input's product from being taken for all steps in one go.
        """
        if self._held_masks is None or self._held_masks[0] is None:
            return sequences
        mask, recurrent = self._held_masks
        self._held_masks = (None, recurrent)
        return self.apply_mask(sequences, mask)

    def reset_dropout_mask(self) -> None:
        """Forget the held masks."""
        self._held_masks = None

    reset_recurrent_dropout_mask = reset_dropout_mask

    @staticmethod
    def apply_mask(x: Any, mask: Any) -> Any:
        """`x` times the mask: a list with one for each gate, or one for all; `x` itself without a mask."""
        if mask is None:
            return x
        return [ops.multiply(x, m) for m in mask] if isinstance(mask, tuple) else ops.multiply(x, mask)

    def _draw(self, like: Any, rate: float) -> Any:
        from symkeras import random

        if not 0.0 < rate < 1.0:
            return None
        ones = ops.ones(ops.shape(like), dtype_of(like))
        if self.dropout_mask_count is None:
            return random.dropout(ones, rate, seed=self.seed_generator)
        return tuple(random.dropout(ones, rate, seed=self.seed_generator) for _ in range(self.dropout_mask_count))
