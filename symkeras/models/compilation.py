"""What `compile` was given, brought to one loss and one list of metrics per output once the outputs are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from symkeras import config, losses, metrics, ops, tree
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError, nearest
from symkeras.graph import dtypes, provenance, tracing
from symkeras.layers.calls import mask_of
from symkeras.losses.weighting import weights_with_mask
from symkeras.metrics.by_shape import accuracy_for, crossentropy_for
from symkeras.metrics.metric import Metric
from symkeras.models.loss_terms import Outputs, Term, is_of_one, loss_terms, named_by_loss

_BY_SHAPE: dict[str, Callable[..., Any]] = {"accuracy": accuracy_for, "acc": accuracy_for, "crossentropy": crossentropy_for, "ce": crossentropy_for}


class Slot(NamedTuple):
    """A metric of one output.

    Attributes:
        name: of its result in logs.
        output: number of the output.
        is_weighted: whether it takes sample weights into account.
    """

    name: str
    metric: Any
    output: int
    is_weighted: bool


@dataclass
class Compilation:
    """The arguments of `Model.compile`, and what was made of them.

    Attributes:
        trainable: layer -> whether it was trainable when the model was compiled: what training goes by.
        has_warned: whether somebody was told that this is no longer what the layers say.
        lines: of the user's, where `compile` was called.
        tracker: the mean of the total loss.
        names: of the outputs that losses are of, once they are known.
        terms: the losses.
        trackers: name of outputs -> the mean of their loss, where there are several.
        metric_names: of the outputs that metrics are of.
        slots: the metrics.
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
    trainable: MutableMapping[Any, bool] | None = None
    has_warned: bool = False
    lines: tuple[provenance.Line, ...] = ()
    tracker: Any = None
    names: list[str] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    trackers: dict[str, Any] = field(default_factory=dict)
    metric_names: list[str] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tracker = metrics.Mean(name="loss")
        for spec in _leaves(self.loss):
            if not _is_by_shape(spec, losses=True):
                losses.get(spec)
        for spec in _leaves([self.metrics, self.weighted_metrics]):
            if not _is_by_shape(spec):
                metrics.get(spec)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "lines": (), "trainable": None if self.trainable is None else dict(self.trainable)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.trainable is not None:
            self.trainable = WeakKeyDictionary(self.trainable)

    # ---- outputs ---------------------------------------------------------------------------------------------------

    def check_names(self, names: Outputs, losses: bool = True) -> None:
        """Raise ConfigError where losses, if they are to be looked at, their weights or metrics do not fit outputs of these names."""
        if losses:
            loss_terms(self.loss, self.loss_weights, names)
        per_output(self.metrics, names, "metrics")
        per_output(self.weighted_metrics, names, "weighted_metrics")

    @property
    def is_bound(self) -> bool:
        """Whether losses or metrics were settled."""
        return bool(self.names or self.metric_names)

    @property
    def has_metrics(self) -> bool:
        """Whether there are metrics besides the loss."""
        return any(True for _ in _leaves([self.metrics, self.weighted_metrics]))

    def bind_losses(self, names: Outputs, y_true: Sequence[Any], y_pred: Sequence[Any]) -> None:
        """Settle the losses for outputs of these names; done once, by the first step that has targets."""
        if self.names:
            return
        given = loss_terms(self.loss, self.loss_weights, names)
        terms = [term._replace(loss=_loss(term.loss, term.of(y_true), term.of(y_pred))) for term in given]
        self.terms = named_by_loss(terms) if names.are_numbered else terms
        with_loss = dict.fromkeys(term.name for term in self.terms)
        if len(with_loss) > 1:
            order = [n for n in self.loss if n in with_loss] if isinstance(self.loss, Mapping) else []
            self.trackers = {n: metrics.Mean(name=f"{n}_loss") for n in dict.fromkeys((*order, *with_loss))}
        self.names = list(names)

    def bind_metrics(self, names: Outputs, y_true: Sequence[Any], y_pred: Sequence[Any]) -> None:
        """Settle the metrics for outputs of these names; done once, as the losses are."""
        if self.metric_names:
            return
        self.slots = list(self._make_slots(names, y_true, y_pred))
        with tracing.suspended():
            for slot in self.slots:  # a metric that was used before begins anew, as one made here does
                slot.metric.reset_state()
        self.metric_names = list(names)

    def unbind(self) -> None:
        """Forget the outputs: what a step does that could not be made."""
        self.names, self.terms, self.trackers, self.metric_names, self.slots = [], [], {}, [], []

    def _make_slots(self, names: Outputs, y_true: Sequence[Any], y_pred: Sequence[Any]) -> Iterator[Slot]:
        """The metrics, with names made different as Keras does: `mae`, `mae_1`, and `weighted_mae` for a weighted one."""
        used: Counter[str] = Counter()
        for given, what in ((self.metrics, "metrics"), (self.weighted_metrics, "weighted_metrics")):
            is_weighted = what == "weighted_metrics"
            for k, spec in enumerate(per_output(given, names, what)):
                prefix = f"{names[k]}_" if len(names) > 1 and not names.are_numbered else ""
                for one in spec if isinstance(spec, (list, tuple)) else [spec]:
                    if one is None:
                        continue
                    metric = _metric(one, y_true[k], y_pred[k])
                    name = f"{prefix}{metric.name}"
                    if is_weighted and used[name]:
                        name = f"{prefix}weighted_{metric.name}"
                    used[name] += 1
                    yield Slot(name if used[name] == 1 else f"{name}_{used[name] - 1}", metric, k, is_weighted)

    def losses_of(self, output: int, names: Outputs) -> list[Any]:
        """The losses of an output, as they were given; those of several outputs are among them."""
        return [term.loss for term in loss_terms(self.loss, self.loss_weights, names) if output in term.outputs]

    def outputs_with_loss(self, names: Outputs) -> list[int]:
        """The numbers of the outputs that have a loss, in order."""
        return sorted({k for term in loss_terms(self.loss, self.loss_weights, names) for k in term.outputs})

    def refuses_nan(self, output: int, names: Outputs) -> bool:
        """Whether a loss of an output is one of symkeras', to which a target that is NaN means nothing."""
        return any(map(is_of_one, self.losses_of(output, names)))

    # ---- one step --------------------------------------------------------------------------------------------------

    def total_loss(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weights: Sequence[Any], extra: Sequence[Any]) -> Any:
        """The weighted sum of the outputs' losses and of what layers added."""
        terms = []
        totals: dict[str, Any] = {}
        for term in self.terms:
            with provenance.part_scope(term.loss.name if len(self.names) == 1 else term.name):
                value = _value_of(term, term.of(y_true), term.of(y_pred), term.of(sample_weights))
            totals[term.name] = totals[term.name] + value if term.name in totals else value
            terms.append(value if term.weight == 1 else value * term.weight)
        for name in self.trackers:
            with provenance.part_scope(f"{name}_loss"):
                self.trackers[name].update_state(totals[name], sample_weight=rows_of(y_pred[0]))
        terms += [ops.sum(ops.cast(e, dtypes.result_type(y_pred[0].dtype, config.floatx()))) for e in extra]
        if not terms:
            raise ConfigError("there is no loss: give one to compile(), or add one with add_loss()")
        total = terms[0]
        for t in terms[1:]:
            total = total + t
        return total

    def update_metrics(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weights: Sequence[Any]) -> None:
        """Let every metric take the batch into account."""
        for name, metric, k, is_weighted in self.slots:
            if y_true[k] is None:
                raise DataError(f"metric {name!r} needs targets for output {self.metric_names[k]!r}, and there are none")
            weight = sample_weights[k] if is_weighted else None
            with provenance.part_scope(name):
                metric.update_state(y_true[k], y_pred[k], **({"sample_weight": weight} if weight is not None else {}))

    # ---- results ---------------------------------------------------------------------------------------------------

    def all_metrics(self) -> list[Any]:
        """Every metric: of the total loss, of the outputs' losses, and those of the outputs."""
        return [self.tracker, *self.trackers.values(), *(slot.metric for slot in self.slots)]

    def results(self) -> Iterator[tuple[str, Any, bool]]:
        """(name, value, whether the name is the metric's own) of all metrics."""
        yield "loss", self.tracker.result(), True
        for n, m in self.trackers.items():
            yield f"{n}_loss", m.result(), True
        for slot in self.slots:
            value = slot.metric.result()
            if isinstance(value, Mapping):
                yield from ((k, v, False) for k, v in value.items())
            else:
                yield slot.name, value, slot.name == slot.metric.name


def _value_of(term: Term, y_true: Any, y_pred: Any, weight: Any) -> Any:
    """What a loss gives for its outputs."""
    loss, is_several = term.loss, tree.is_nested(term.nesting)
    if any(t is None for t in tree.flatten(y_true)):
        raise DataError(f"output {term.name!r} has the loss {loss.name!r}, but there are no targets for it")
    if is_several:
        if any(w is not None for w in tree.flatten(weight)):
            raise DataError(f"the loss {loss.name!r} is of several outputs ({term.name!r}), for which sample weights say nothing")
        weight = None
    try:
        value = loss(y_true, y_pred, weight)
    except ShapeError as error:
        where = f"loss {loss.name!r} of output {term.name!r} with predictions {_shown(y_pred)} and targets {_shown(y_true)}"
        raise ShapeError(f"{where}: {error}") from error
    if len(value.shape):
        reduction = f"its reduction is {loss.reduction!r}"
        raise ShapeError(f"loss {loss.name!r} of output {term.name!r} must be a scalar, it has shape {_shown(value)}: {reduction}")
    return value


def rows_of(batch: Any) -> Any:
    """The number of rows of a tensor or array, as a float."""
    shape = ops.shape(batch)
    return ops.cast(ops.convert_to_tensor(shape[0]) if shape else 1, "float32")


def _shown(x: Any) -> str:
    if tree.is_nested(x):
        return ", ".join(map(_shown, tree.flatten(x)))
    sizes = ["batch" if d is None and k == 0 else str(d) for k, d in enumerate(x.shape)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _leaves(spec: Any) -> Iterator[Any]:
    """What is named in nested lists and dicts; a config is one thing."""
    if isinstance(spec, Mapping) and "class_name" not in spec:
        spec = list(spec.values())
    if isinstance(spec, (list, tuple)):
        for one in spec:
            yield from _leaves(one)
    elif spec is not None:
        yield spec


def _is_by_shape(spec: Any, losses: bool = False) -> bool:
    return isinstance(spec, str) and spec in (("crossentropy", "ce") if losses else _BY_SHAPE)


def per_output(given: Any, names: Sequence[str], what: str) -> list[Any]:
    """Metrics as a list with one entry per output: one metric, a list of them, or None.

    Args:
        given: one thing, for every output; a list, or a dict by names of outputs, whose entries may be lists. A list that has not one entry
            per output is for every output.
        names: of the outputs.
        what: argument of `compile`, for messages.

    Raises:
        ConfigError: a name that is no output, or another number of entries.
    """
    count = len(names)
    if given is None:
        return [None] * count
    if isinstance(given, Mapping) and "class_name" not in given:
        unknown = [k for k in given if k not in names]
        if unknown:
            raise ConfigError(f"{what}: there is no output {unknown[0]!r}; outputs: {', '.join(names)}.{nearest(unknown[0], names)}")
        return [given.get(n) for n in names]
    if isinstance(given, (list, tuple)):
        is_flat = not any(isinstance(g, (list, tuple)) for g in given)
        if count == 1:
            return [[m for g in given for m in (g if isinstance(g, (list, tuple)) else [g])]]
        if is_flat and len(given) != count:
            return [list(given)] * count
        if len(given) != count:
            raise ConfigError(f"{what}: there are {count} outputs ({', '.join(names)}), received {len(given)} entries")
        return list(given)
    return [given] * count


def _loss(spec: Any, y_true: Any, y_pred: Any) -> Any:
    """A callable loss of (y_true, y_pred, sample_weight)."""
    if _is_by_shape(spec, losses=True) and y_true is not None:
        spec = crossentropy_for(y_true, y_pred, as_loss=True)
    loss = losses.get(spec)
    if isinstance(loss, losses.Loss):
        return loss
    from symkeras.losses.wrapper import LossFunctionWrapper

    return LossFunctionWrapper(loss, name=spec if isinstance(spec, str) else _name_of(loss))


def _metric(spec: Any, y_true: Any, y_pred: Any) -> Any:
    if _is_by_shape(spec):
        if y_true is None:
            raise DataError(f"metric {spec!r} needs targets, and there are none")
        return _BY_SHAPE[spec](y_true, y_pred)(name=spec)
    metric = metrics.get(spec)
    if isinstance(metric, Metric):
        if isinstance(spec, str):
            metric.name = spec
        return metric
    return FunctionMetric(metric, spec if isinstance(spec, str) else _name_of(metric))


def _name_of(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)


class FunctionMetric(Metric):
    """The mean over samples of a function's tensor, or of each tensor in the dict it returns.

    A function that gives one number per batch counts once per batch. Keras 1 took functions that return dicts; their
    keys are the names in the logs.
    """

    def __init__(self, fn: Callable[..., Any], name: str):
        super().__init__(name=name)
        self._fn = fn
        self._means: dict[str, Any] = {}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = self._fn(y_true, y_pred)
        if not isinstance(values, Mapping):
            values = {self.name: values}
        weights = weights_with_mask(sample_weight, mask_of(y_pred), self.dtype, is_mean=False)
        for key, value in values.items():
            if key not in self._means:
                self._means = {**self._means, key: metrics.Mean(name=key)}
            self._means[key].update_state(value, sample_weight=weights if len(ops.shape(value)) else None)

    @property
    def variables(self) -> list[Any]:
        return [v for m in self._means.values() for v in m.variables]

    def reset_state(self) -> None:
        for v in self.variables:
            v.assign(np.zeros(v.shape, v.dtype))

    def result(self) -> Any:
        if not self._means:
            raise SymkerasError(f"metric {self.name!r} has seen no data")
        if list(self._means) == [self.name]:
            return self._means[self.name].result()
        return {k: m.result() for k, m in self._means.items()}
