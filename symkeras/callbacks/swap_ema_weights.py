"""`SwapEMAWeights`: evaluating and saving with averaged weights."""

from __future__ import annotations

from symkeras.arguments import boolean, checked
from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.learning_rates import updating_optimizers
from symkeras.errors import ConfigError
from symkeras.graph.variable import Variable


class SwapEMAWeights(Callback):
    """Puts the optimizer's moving averages into the model for evaluation and prediction, and the weights back afterwards.

    Args:
        swap_on_epoch: whether the averages are in the model between epochs as well, for callbacks behind this one that
            save it; the model then ends with them.

    Raises:
        ConfigError: the optimizer keeps no averages: it, or one of a `MultiOptimizer`, needs `use_ema=True`.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> from symkeras.optimizers import SGD
        >>> x, y = np.ones((4, 2)), np.ones((4, 1))
        >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
        >>> model.compile(SGD(use_ema=True, ema_momentum=1.0), "mse")
        >>> history = model.fit(x, y, verbose=0)  # averages of this momentum stay where the first step leads
        >>> first = model.get_weights()
        >>> history = model.fit(x, y, epochs=3, verbose=0, callbacks=[SwapEMAWeights(swap_on_epoch=True)])
        >>> all(np.array_equal(w, f) for w, f in zip(model.get_weights(), first, strict=True))
        True
    """

    @checked(swap_on_epoch=boolean)
    def __init__(self, swap_on_epoch: bool = False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._has_averages = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        if self.swap_on_epoch:
            self._put_averages(False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if not self.swap_on_epoch:
            return
        self._put_averages(True)
        if epoch == (self.params or {}).get("epochs", 0) - 1:
            for v, average in self._pairs():
                average.assign(v.numpy())

    def on_test_begin(self, logs: Logs = None) -> None:
        self._put_averages(True)

    def on_test_end(self, logs: Logs = None) -> None:
        self._put_averages(False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        self._put_averages(True)

    def on_predict_end(self, logs: Logs = None) -> None:
        self._put_averages(False)

    def _put_averages(self, wanted: bool) -> None:
        """Exchange weights and averages unless it is as wanted."""
        if wanted == self._has_averages:
            return
        pairs = self._pairs()
        if not pairs:
            return
        for v, average in pairs:
            before = v.numpy()
            v.assign(average.numpy())
            average.assign(before)
        self._has_averages = wanted

    def _pairs(self) -> list[tuple[Variable, Variable]]:
        """The weights that have averages, with these."""
        averaging = [one for one in updating_optimizers(self.model).values() if getattr(one, "use_ema", False)]
        if not averaging:
            raise ConfigError("SwapEMAWeights needs an optimizer with use_ema=True")
        return [pair for one in averaging if one.built
                for pair in zip(one._trainable_variables, one._model_variables_moving_average, strict=True)]  # fmt: skip
