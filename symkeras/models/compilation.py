"""What `compile` was given, brought to one loss and one list of metrics per output once the outputs are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symkeras import losses, metrics, ops
from symkeras.errors import ConfigError, SymkerasError, nearest
from symkeras.metrics.by_shape import accuracy_for, crossentropy_for
from symkeras.metrics.metric import Metric

_BY_SHAPE: dict[str, Callable[..., Any]] = {"accuracy": accuracy_for, "acc": accuracy_for, "crossentropy": crossentropy_for, "ce": crossentropy_for}


@dataclass
class Compilation:
    """The arguments of `Model.compile`, and what was made of them.

    Attributes:
        tracker: the mean of the total loss; trackers: those of the outputs' own losses, where there are several.
        slots: (prefix, metric, output, weighted) in the order in which results are reported.
    """

    optimizer: Any
    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    run_eagerly: bool
    steps_per_execution: int
    backend: str | None
    options: dict[str, Any]
    config: dict[str, Any]
    tracker: Any = None
    names: list[str] = field(default_factory=list)
    losses: list[Any] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    trackers: dict[str, Any] = field(default_factory=dict)
    slots: list[tuple[str, Any, int, bool]] = field(default_factory=list)
    is_bound: bool = False

    def __post_init__(self) -> None:
        self.tracker = metrics.Mean(name="loss")

    def bind(self, names: Sequence[str], y_true: Sequence[Any], y_pred: Sequence[Any]) -> None:
        """Settle losses and metrics for outputs of these names; done once, by the first step that has targets."""
        if self.is_bound:
            return
        self.names = list(names)
        self.losses = [_loss(spec, t, p) for spec, t, p in zip(_per_output(self.loss, names, "loss"), y_true, y_pred, strict=True)]
        self.weights = [1.0 if w is None else float(w) for w in _per_output(self.loss_weights, names, "loss_weights", spread=False)]
        if len(names) > 1:
            self.trackers = {n: metrics.Mean(name=f"{n}_loss") for n, one in zip(names, self.losses, strict=True) if one is not None}
        for given, weighted in ((self.metrics, False), (self.weighted_metrics, True)):
            for k, (spec, t, p) in enumerate(zip(_per_output(given, names, "metrics", nested=True), y_true, y_pred, strict=True)):
                for one in spec if isinstance(spec, (list, tuple)) else [spec]:
                    if one is not None:
                        prefix = f"{names[k]}_" if len(names) > 1 else ""
                        self.slots.append((prefix, _metric(one, t, p), k, weighted))
        self.is_bound = True

    # ---- one step --------------------------------------------------------------------------------------------------

    def total_loss(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weights: Sequence[Any], extra: Sequence[Any]) -> Any:
        """The weighted sum of the outputs' losses and of what layers added."""
        terms = []
        for k, loss in enumerate(self.losses):
            if loss is None:
                continue
            value = loss(y_true[k], y_pred[k], sample_weights[k])
            if self.trackers:
                self.trackers[self.names[k]].update_state(value, sample_weight=_rows(y_pred))
            terms.append(value if self.weights[k] == 1 else value * self.weights[k])
        terms += [ops.cast(e, y_pred[0].dtype) for e in extra]
        if not terms:
            raise ConfigError("there is no loss: give one to compile(), or add one with add_loss()")
        total = terms[0]
        for t in terms[1:]:
            total = total + t
        return total

    def update_metrics(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weights: Sequence[Any]) -> None:
        """Let every metric take the batch into account."""
        for _, metric, k, weighted in self.slots:
            weight = sample_weights[k] if weighted else None
            metric.update_state(y_true[k], y_pred[k], **({"sample_weight": weight} if weight is not None else {}))

    # ---- results ---------------------------------------------------------------------------------------------------

    def all_metrics(self) -> list[Any]:
        """Every metric in the order of `evaluate`."""
        return [self.tracker, *self.trackers.values(), *(m for _, m, _, _ in self.slots)]

    def results(self) -> Iterator[tuple[str, Any]]:
        """(name, value) of every metric, in the order of `evaluate`."""
        yield "loss", self.tracker.result()
        for n, m in self.trackers.items():
            yield f"{n}_loss", m.result()
        for prefix, m, _, _ in self.slots:
            value = m.result()
            if isinstance(value, Mapping):
                yield from value.items()
            else:
                yield f"{prefix}{m.name}", value

    def reset(self) -> None:
        for m in self.all_metrics():
            m.reset_state()


def _rows(y_pred: Sequence[Any]) -> Any:
    size = ops.shape(y_pred[0])[0]
    return ops.cast(ops.as_tensor(size) if ops.is_symbolic(size) else size, "float32")


def _per_output(given: Any, names: Sequence[str], what: str, spread: bool = True, nested: bool = False) -> list[Any]:
    """`given` as a list with one entry per output.

    Args:
        spread: one thing alone is for every output.
        nested: a flat list is for every output (metrics), a list of lists is one per output.
    """
    count = len(names)
    if given is None:
        return [None] * count
    if isinstance(given, Mapping):
        unknown = [k for k in given if k not in names]
        if unknown:
            raise ConfigError(f"{what}: there is no output {unknown[0]!r}; outputs: {', '.join(names)}.{nearest(unknown[0], names)}")
        return [given.get(n) for n in names]
    if isinstance(given, (list, tuple)):
        is_flat = nested and not any(isinstance(g, (list, tuple)) for g in given)
        if nested and count == 1:
            return [given] if is_flat else [[m for g in given for m in (g if isinstance(g, (list, tuple)) else [g])]]
        if is_flat and len(given) != count:
            return [list(given)] * count
        if len(given) != count:
            raise ConfigError(f"{what}: there are {count} outputs ({', '.join(names)}), received {len(given)} entries")
        return list(given)
    if not spread and count > 1:
        raise ConfigError(f"{what}: give one per output ({', '.join(names)}), as a list or a dict; received {given!r}")
    return [given] * count


def _loss(spec: Any, y_true: Any, y_pred: Any) -> Any:
    """A callable loss of (y_true, y_pred, sample_weight)."""
    if spec is None:
        return None
    if isinstance(spec, str) and spec in ("crossentropy", "ce"):
        spec = crossentropy_for(y_true, y_pred, as_loss=True)
    loss = losses.get(spec)
    if isinstance(loss, losses.Loss):
        return loss
    from symkeras.losses.wrapper import LossFunctionWrapper

    return LossFunctionWrapper(loss, name=getattr(loss, "__name__", "loss"))


def _metric(spec: Any, y_true: Any, y_pred: Any) -> Any:
    if isinstance(spec, str) and spec in _BY_SHAPE:
        return _BY_SHAPE[spec](y_true, y_pred)(name=spec)
    metric = metrics.get(spec)
    if isinstance(metric, Metric):
        return metric
    name = spec if isinstance(spec, str) else getattr(metric, "__name__", type(metric).__name__)
    if isinstance(spec, str):
        return metrics.MeanMetricWrapper(metric, name=name)
    return FunctionMetric(metric, name)


class FunctionMetric(Metric):
    """The mean over samples of a function's tensor, or of each tensor in the dict it returns.

    Keras 1 took functions that return dicts; their keys are the names in the logs.
    """

    def __init__(self, fn: Callable[..., Any], name: str):
        super().__init__(name=name)
        self._fn = fn
        self._means: dict[str, Any] = {}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self._fn(y_true, y_pred)
        if not isinstance(values, Mapping):
            values = {self.name: values}
        for key, value in values.items():
            if key not in self._means:
                self._means = {**self._means, key: metrics.Mean(name=key)}
            is_scalar = len(ops.shape(value)) == 0
            weight = _rows([y_pred]) if is_scalar else sample_weight
            self._means[key].update_state(value, sample_weight=weight)

    @property
    def variables(self) -> list[Any]:
        return [v for m in self._means.values() for v in m.variables]

    def reset_state(self) -> None:
        for m in self._means.values():
            m.reset_state()

    def result(self) -> Any:
        if not self._means:
            raise SymkerasError(f"metric {self.name!r} has seen no data")
        if list(self._means) == [self.name]:
            return self._means[self.name].result()
        return {k: m.result() for k, m in self._means.items()}
