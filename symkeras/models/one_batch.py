"""Training, testing and predicting on one batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked
from symkeras.models.at_once import BatchAtOnce
from symkeras.models.feeds.array_feed import ArrayFeed
from symkeras.models.feeds.reader import Reader
from symkeras.models.interrupts import Interrupts
from symkeras.models.steps import Step
from symkeras.models.training_arguments import CLASS_WEIGHT


class OneBatch:
    """A base of `Trainer`."""

    _at_once: Any
    _reported: Any
    _require_compiled: Any
    _run: Any
    _batches: dict[str, BatchAtOnce]
    _note_logs: Any
    _target_names: Any
    reset_metrics: Any

    @checked(class_weight=CLASS_WEIGHT, return_dict=boolean)
    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One training step; returns the loss and the metrics of this batch.

        Args:
            x, y, sample_weight, class_weight: one batch, as for `fit`.
            return_dict: whether to return a dict by name.
        """
        self._require_compiled("train_on_batch")
        with Interrupts():
            self._run_batch("train", x, y, sample_weight, class_weight)
        return self._reported(return_dict)

    @checked(return_dict=boolean)
    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics of one batch, without training."""
        self._require_compiled("test_on_batch")
        self._run_batch("test", x, y, sample_weight)
        return self._reported(return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        found = self._at_once(x, None) if self._at_once is not None else None
        if found is not None:
            return found
        step, outputs = self._run_batch("predict", x)
        return step.packed(outputs)

    def _run_batch(self, mode: str, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> tuple[Step, list[np.ndarray]]:
        is_unweighted = sample_weight is None and class_weight is None
        if mode in self._batches and is_unweighted and (found := self._again(mode, x, y)) is not None:
            return found
        data = Reader(self, mode).read(x, y, sample_weight)
        feed = ArrayFeed(data, data.rows)
        if mode != "predict":
            self.reset_metrics()
        if class_weight is not None:
            feed.weigh_classes(class_weight)
        out: list[Any] = []
        step = self._run(mode, feed, out.append)
        if mode != "predict" and is_unweighted and (short := BatchAtOnce.after(self, step, x, y, data, self._target_names(data.x, data.structure))):
            self._batches[mode] = short
        return step, out[0]

    def _again(self, mode: str, x: Any, y: Any) -> tuple[Step, list[np.ndarray]] | None:
        """The short way for a batch of the kind that went the long one before; None where it is of another."""
        ready = self._batches[mode].ready(self, x, y)
        if ready is None:
            return None
        self.reset_metrics()
        step, outputs = self._batches[mode](ready)
        if step.extra or step.has_own_logs:
            self._note_logs(step, outputs)
        return step, outputs
