"""`AUC`: the area under the ROC, precision-recall or precision-recall-gain curve, by a Riemann sum over thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras import config, ops
from symkeras.arguments import boolean, checked, fraction, integer, number, optional, positive_int, several
from symkeras.errors import ConfigError, ShapeError, nearest
from symkeras.losses.weighting import divide_no_nan
from symkeras.metrics.confusion import share
from symkeras.metrics.counting import count_into, is_even
from symkeras.metrics.metric import Metric
from symkeras.metrics.operating_point import counts

_CURVES = ("ROC", "PR", "PRGAIN")
_METHODS = ("interpolation", "minoring", "majoring")


class AUC(Metric):
    """The area under a curve that the thresholds draw; 1 is best, and 0.5 is chance for "ROC".

    Args:
        num_thresholds: how many thresholds approximate the curve; None where `thresholds` are given.
        curve: "ROC" (true against false positive rate), "PR" (precision against recall) or "PRGAIN".
        summation_method: "interpolation" (trapezes; for "PR" as Davis and Goadrich 2006), "minoring" or "majoring".
        name, dtype: as for `Metric`.
        thresholds: own thresholds in [0, 1] in place of evenly spread ones.
        multi_label: whether the area is computed for each label of the last axis and averaged, not for all as one.
        num_labels: number of labels, where `multi_label` variables are wanted before the first batch.
        label_weights: the weight of each label.
        from_logits: whether predictions are logits.

    Input shape: (B,), (B, 1) or (B, L); exactly (B, L) with `multi_label`.

    Raises:
        ConfigError: an unknown curve or method, or fewer than two thresholds.

    Example:
        >>> import numpy as np
        >>> metric = AUC(num_thresholds=3)
        >>> metric.update_state(np.array([0, 0, 1, 1]), np.array([0, 0.5, 0.3, 0.9])); float(metric.result())
        0.75
    """

    _direction = "up"

    @checked(
        num_thresholds=optional(integer(least=2)), thresholds=optional(several(fraction)), multi_label=boolean, num_labels=optional(positive_int),
        label_weights=optional(several(number())), from_logits=boolean,
    )  # fmt: skip
    def __init__(self, num_thresholds: int | None = 200, curve: str = "ROC", summation_method: str = "interpolation", name: str | None = None,
                 dtype: Any = None, thresholds: Any = None, multi_label: bool = False, num_labels: int | None = None,
                 label_weights: Any = None, from_logits: bool = False):  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        self.curve = _one_of("curve", str(curve).upper(), _CURVES)
        self.summation_method = _one_of("summation_method", str(summation_method).lower(), _METHODS)
        if num_labels and not multi_label:
            raise ConfigError("AUC: num_labels belongs to multi_label=True")
        if num_thresholds is None and thresholds is None:
            raise ConfigError("AUC: num_thresholds is None, so thresholds must be given")
        self._own_thresholds = None if thresholds is None else sorted(float(t) for t in thresholds)
        self.num_thresholds: int = (num_thresholds or 0) if thresholds is None else len(thresholds) + 2
        inner = self._own_thresholds
        if inner is None:
            inner = [k / (self.num_thresholds - 1) for k in range(1, self.num_thresholds - 1)]
        self._evenly = self._own_thresholds is None or is_even([0.0, *inner, 1.0])
        self.thresholds = [-config.epsilon(), *inner, 1.0 + config.epsilon()]
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.asarray(label_weights, self.dtype)
        self.from_logits = from_logits
        self._cells: dict[str, Any] = {}
        if not multi_label or num_labels:
            self._build(num_labels)

    def _build(self, labels: int | None) -> None:
        self._cells = counts(self, (self.num_thresholds,) if labels is None else (self.num_thresholds, labels))
        self.true_positives, self.false_positives = self._cells["tp"], self._cells["fp"]
        self.true_negatives, self.false_negatives = self._cells["tn"], self._cells["fn"]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = ops.convert_to_tensor(y_pred)
        if self.multi_label and (len(y_pred.shape) != 2 or y_pred.shape[-1] is None):
            raise ShapeError(f"AUC with multi_label expects predictions of shape (batch, labels), received {tuple(y_pred.shape)}")
        if not self._cells:
            self._build(y_pred.shape[-1])
        count_into(
            self._cells, y_true, ops.sigmoid(y_pred) if self.from_logits else y_pred, self.thresholds, evenly=self._evenly,
            sample_weight=sample_weight, multi_label=self.multi_label, label_weights=None if self.multi_label else self.label_weights,
        )  # fmt: skip

    def result(self) -> Any:
        if not self._cells:
            return ops.cast(0.0, self.dtype)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._over_labels(self._interpolated_precision_recall())
        x, y = {"ROC": self._roc, "PR": self._precision_recall, "PRGAIN": self._precision_recall_gain}[self.curve]()
        left, right = y[:-1], y[1:]
        heights = {
            "interpolation": lambda: ops.divide(ops.add(left, right), 2.0),
            "minoring": lambda: ops.minimum(left, right),
            "majoring": lambda: ops.maximum(left, right),
        }[self.summation_method]()
        return self._over_labels(ops.multiply(ops.subtract(x[:-1], x[1:]), heights))

    def _over_labels(self, areas: Any) -> Any:
        if not self.multi_label:
            return ops.sum(areas)
        per_label = ops.sum(areas, axis=0)
        if self.label_weights is None:
            return ops.mean(per_label)
        return divide_no_nan(ops.sum(ops.multiply(per_label, self.label_weights)), ops.sum(self.label_weights))

    def _roc(self) -> tuple[Any, Any]:
        return share(self.false_positives, self.true_negatives), share(self.true_positives, self.false_negatives)

    def _precision_recall(self) -> tuple[Any, Any]:
        return share(self.true_positives, self.false_negatives), share(self.true_positives, self.false_positives)

    def _precision_recall_gain(self) -> tuple[Any, Any]:
        """Recall and precision on the scale between chance (0) and perfection (1), Flach and Kull 2015."""
        tp, fp, tn, fn = (self._cells[c].value for c in ("tp", "fp", "tn", "fn"))
        odds = divide_no_nan(ops.add(tp, fn), ops.add(tn, fp))
        recall = ops.subtract(1.0, ops.multiply(odds, divide_no_nan(fn, tp)))
        precision = ops.subtract(1.0, ops.multiply(odds, divide_no_nan(fp, tp)))
        is_none = ops.equal(tp, 0)
        return ops.maximum(ops.where(is_none, 0.0, recall), 0.0), ops.where(is_none, 1.0, precision)

    def _interpolated_precision_recall(self) -> Any:
        """The areas between neighbouring thresholds with true positives linear in positives (Davis and Goadrich 2006)."""
        tp, fp, fn = (self._cells[c].value for c in ("tp", "fp", "fn"))
        p = ops.add(tp, fp)
        gained = ops.subtract(tp[:-1], tp[1:])
        slope = divide_no_nan(gained, ops.maximum(ops.subtract(p[:-1], p[1:]), 0))
        intercept = ops.subtract(tp[1:], ops.multiply(slope, p[1:]))
        is_safe = ops.logical_and(ops.greater(p[:-1], 0), ops.greater(p[1:], 0))
        ratio = ops.where(is_safe, divide_no_nan(p[:-1], ops.maximum(p[1:], 0)), 1.0)
        area = ops.multiply(slope, ops.add(gained, ops.multiply(intercept, ops.log(ratio))))
        return divide_no_nan(area, ops.maximum(ops.add(tp[1:], fn[1:]), 0))

    def get_config(self) -> dict[str, Any]:
        own: dict[str, Any] = {
            "num_thresholds": self.num_thresholds, "curve": self.curve, "summation_method": self.summation_method,
            "multi_label": self.multi_label, "num_labels": self.num_labels,
            "label_weights": None if self.label_weights is None else self.label_weights.tolist(), "from_logits": self.from_logits,
        }  # fmt: skip
        if self._own_thresholds is not None:
            own["thresholds"] = self._own_thresholds
        return {**super().get_config(), **own}


def _one_of(argument: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ConfigError(f"AUC: {argument} must be one of {', '.join(known)}, received {value!r}.{nearest(value, known)}")
    return value
