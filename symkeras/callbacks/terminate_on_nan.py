"""`TerminateOnNaN`."""

from __future__ import annotations

import math

from symkeras.arguments import boolean, checked
from symkeras.callbacks.callback import Callback, Logs
from symkeras.errors import SymkerasError
from symkeras.utils.progbar import print_message


class TerminateOnNaN(Callback):
    """Stops training at a loss that is NaN or infinite. It reads the loss of every batch.

    Args:
        raise_error: whether it raises, instead of ending training in good order.

    Raises:
        NonFiniteLossError: the loss is NaN or infinite and `raise_error` is set.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile("sgd", "mse")
        >>> history = model.fit(np.full((4, 2), np.inf), np.ones((4, 1)), epochs=3, verbose=0, callbacks=[TerminateOnNaN()])
        Batch 0: Invalid loss, terminating training
        >>> history.epoch
        [0]
    """

    @checked(raise_error=boolean)
    def __init__(self, raise_error: bool = False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise NonFiniteLossError(f"NaN or Inf loss encountered: that of batch {batch} is {float(loss)}")
        print_message(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True


class NonFiniteLossError(SymkerasError, RuntimeError):
    """The loss became NaN or infinite."""
