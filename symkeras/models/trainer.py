"""compile, fit, evaluate, predict and their one-batch forms, with Keras' signatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from symkeras import config, tree
from symkeras.callbacks.callback_list import CallbackList
from symkeras.errors import ConfigError, DataError, nearest
from symkeras.models.at_once import AtOnce
from symkeras.models.compilation import Compilation
from symkeras.models.data import (
    Arrays,
    Passes,
    Stream,
    check_numbers,
    check_rows,
    flat_inputs,
    flat_targets,
    is_stream,
    unpack,
    weighted_by_class,
)  # fmt: skip
from symkeras.models.functions import Functions, inner_shape
from symkeras.models.interrupts import Interrupts
from symkeras.models.steps import Step, load

_BACKEND_OPTIONS = ("level", "numerics", "denormals", "pipeline", "poison")
_STEP_METHODS = ("train_step", "test_step", "predict_step", "make_train_function", "make_test_function", "make_predict_function")


class LazyLogs(Mapping[str, float]):
    """The metrics as they stand, computed when one is read."""

    def __init__(self, compute: Callable[[], dict[str, float]]):
        self._compute = compute
        self._values: dict[str, float] | None = None

    def _get(self) -> dict[str, float]:
        if self._values is None:
            self._values = self._compute()
        return self._values

    def __getitem__(self, key: str) -> float:
        return self._get()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())

    def __repr__(self) -> str:
        return repr(self._get())


class Trainer(Functions):
    """What makes a model trainable; a base of `Model`.

    Attributes:
        stop_training, stop_evaluating, stop_predicting: set by callbacks to end the running call after a batch.
    """

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    history: Any
    _initial_epoch: int | None
    _extra_logs: dict[str, Any]

    def __init__(self) -> None:
        Functions.__init__(self)
        for name in ("_compilation", "_initial_epoch", "history"):
            object.__setattr__(self, name, None)
        for name in ("stop_training", "stop_evaluating", "stop_predicting"):
            object.__setattr__(self, name, False)
        object.__setattr__(self, "_extra_logs", {})

    # ---- compile ---------------------------------------------------------------------------------------------------

    def compile(self, optimizer: Any = "rmsprop", loss: Any = None, loss_weights: Any = None, metrics: Any = None, weighted_metrics: Any = None,
                run_eagerly: bool = False, steps_per_execution: int = 1, jit_compile: Any = "auto", auto_scale_loss: bool = True,
                backend: str | None = None, **options: Any) -> None:  # fmt: skip
        """Say how the model is trained.

        Args:
            optimizer: name, config or object.
            loss: name, function, object; for several outputs also a list or a dict by output names; one alone goes for all.
            loss_weights: a number per output, as a list or a dict.
            metrics: names, functions or objects; for several outputs lists per output or a dict.
            weighted_metrics: metrics that take sample weights into account.
            run_eagerly: run the reference values of the ops one by one (the backend "interpreter"), slow and plain.
            steps_per_execution: batches between two calls of batch callbacks; where the backend can, they are one call of it.
            jit_compile, auto_scale_loss: Keras' arguments; everything is compiled here, and only a LossScaleOptimizer would scale.
            backend: what runs the model; the default backend when None.
            **options: for the backend, such as level="O1" or denormals="keep"; `sample_weight_mode` of 2017 is seen from the weights themselves.

        Raises:
            ConfigError: an unknown optimizer, loss, metric, output or option; the model stays as it was compiled before.
        """
        from symkeras import optimizers
        from symkeras.backend.interface import check_registered

        options.pop("sample_weight_mode", None)
        for name in options:
            if name not in _BACKEND_OPTIONS:
                raise ConfigError(f"compile: unknown argument {name!r}.{nearest(name, (*_BACKEND_OPTIONS, *_COMPILE_ARGUMENTS))}")
        if options.get("denormals") is not None:
            config.checked_denormals(options["denormals"])
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ConfigError(f"compile: steps_per_execution must be at least 1, received {steps_per_execution!r}")
        for method in _STEP_METHODS:
            if hasattr(type(self), method):
                raise ConfigError(
                    f"{type(self).__name__} defines {method}(), which symkeras never calls: a step is one compiled graph. "
                    "Define call(), compute_loss() or compute_metrics() instead"
                )
        if backend is not None:
            check_registered(backend)
        if optimizer is None:
            raise ConfigError("compile: an optimizer is needed, received None")
        given = {"optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
                 "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile}  # fmt: skip
        compilation = Compilation(
            optimizers.get(optimizer), loss, loss_weights, metrics, weighted_metrics, run_eagerly, steps_per_execution,
            "interpreter" if run_eagerly else backend, dict(options), given,
        )  # fmt: skip
        outputs = self._of_graph("_output_structure")
        if outputs is not None:
            compilation.check_names(self._names_of_outputs(outputs))
        object.__setattr__(self, "_compilation", compilation)
        self._forget_steps()

    @property
    def compiled_config(self) -> dict[str, Any] | None:
        """The arguments `compile` was given."""
        return None if self._compilation is None else self._compilation.config

    @property
    def optimizer(self) -> Any:
        """The optimizer, None before `compile`."""
        return self._compilation.optimizer if self._compilation is not None else None

    @property
    def loss(self) -> Any:
        """What `compile` was given as loss."""
        return self._compilation.loss if self._compilation is not None else None

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, serialized."""
        if self._compilation is None:
            return None
        from symkeras.saving.serialization import serialize_keras_object

        given = {**self._compilation.config, "optimizer": self._compilation.optimizer}
        return {k: serialize_keras_object(v) for k, v in given.items()}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what `get_compile_config` gave."""
        from symkeras.saving.serialization import deserialize_keras_object

        arguments = {k: deserialize_keras_object(v) if isinstance(v, (dict, list)) else v for k, v in config.items()}
        arguments.pop("auto_scale_loss", None)
        self.compile(**arguments)
        if self.built and self.trainable_variables:
            self.optimizer.build(self.trainable_variables)

    # ---- metrics ---------------------------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The metrics: of the total loss, of the outputs' losses, of the outputs, and those that layers hold."""
        own = self._compilation.all_metrics() if self._compilation is not None else []
        return list({id(m): m for m in (*own, *self._layer_metrics())}.values())

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, once the model has seen targets."""
        return self._names_in_order() if self._compilation is not None else []

    def _layer_metrics(self) -> list[Any]:
        return [m for layer in self._flatten_layers() for m in layer._tracker.metrics]

    def _results(self) -> Iterator[tuple[str, Any, bool]]:
        """(name, value, whether the name is the metric's own) of every metric."""
        yield from self._compilation.results()
        known = {id(m) for m in self._compilation.all_metrics()}
        for m in self._layer_metrics():
            if id(m) not in known:
                value = m.result()
                yield from ((k, v, False) for k, v in value.items()) if isinstance(value, Mapping) else [(m.name, value, True)]

    def get_metrics_result(self) -> dict[str, Any]:
        """The results of all metrics by name."""
        return {name: value for name, value, _ in self._results()}

    def _logs(self) -> dict[str, Any]:
        """The results as plain numbers, by sorted name as Keras has them."""
        found = {**self.get_metrics_result(), **self._extra_logs}
        return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in sorted(found.items())}

    def _names_in_order(self) -> list[str]:
        """The loss, the outputs' losses, metrics in their order; then, sorted, those whose name has a prefix or comes from a dict."""
        results = list(self._results())
        own = [name for name, _, is_own in results if is_own]
        return [*own, *sorted({name for name, _, is_own in results if not is_own} - set(own))]

    def _in_order(self, logs: Mapping[str, Any]) -> Any:
        names = [n for n in self._names_in_order() if n in logs]
        values = [logs[n] for n in (*names, *sorted(logs.keys() - set(names)))]
        return values[0] if len(values) == 1 else values

    def reset_metrics(self) -> None:
        """Let every metric forget what it has seen."""
        object.__setattr__(self, "_extra_logs", {})
        for m in self.metrics:
            m.reset_state()

    # ---- losses ------------------------------------------------------------------------------------------------------

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The scalar that training minimises; subclasses may define their own.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, predictions and weights; for several outputs in the nesting of the predictions.
            training: whether the model trains.
        """
        predictions = tree.flatten(y_pred)
        targets, weights = ([None] * len(predictions) if v is None else tree.flatten(v) for v in (y, sample_weight))
        if not self._compilation.is_bound:
            self._compilation.bind(self._names_of_outputs(y_pred), targets, predictions)
        return self._compilation.total_loss(targets, predictions, weights, self.losses)  # type: ignore[attr-defined]

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Let the metrics take a batch into account; subclasses may add results of their own to what this gives.

        Args:
            x, y, y_pred, sample_weight: as for `compute_loss`.
        """
        predictions = tree.flatten(y_pred)
        targets, weights = ([None] * len(predictions) if v is None else tree.flatten(v) for v in (y, sample_weight))
        self._compilation.update_metrics(targets, predictions, weights)
        return self.get_metrics_result()

    def _has_own_metrics(self) -> bool:
        return type(self).compute_metrics is not Trainer.compute_metrics

    # ---- data --------------------------------------------------------------------------------------------------------

    def _arrays(self, x: Any, y: Any = None, sample_weight: Any = None, batch_size: int | None = None, with_targets: bool = True) -> Arrays:
        """Data as flat arrays, checked."""
        if batch_size is not None and (not isinstance(batch_size, (int, np.integer)) or batch_size < 1):
            raise ConfigError(f"batch_size must be a positive integer, received {batch_size!r}")
        flat_x, structure = flat_inputs(x, *self._inputs_by_name())
        if not with_targets:
            check_rows(flat_x, [], [])
            return Arrays(flat_x, [], [], structure, batch_size or 32)
        names = self._target_names(flat_x, structure)
        flat_y = flat_targets(y, names)
        weights = flat_targets(sample_weight, names, "sample_weight")
        check_rows(flat_x, flat_y, weights)
        for k, (a, n) in enumerate(zip(flat_y, names, strict=True)):
            if a is not None and self._compilation.refuses_nan(k, names):
                check_numbers(a, n)
        return Arrays(flat_x, flat_y, weights, structure, batch_size or 32)

    def _weigh_classes(self, data: Arrays, class_weight: Mapping[int, float] | None) -> Arrays:
        if class_weight is not None:
            if len(data.y) > 1:
                raise ConfigError("class_weight goes with a single output; use sample_weight for several")
            if data.y[0] is None:
                raise DataError("class_weight needs targets")
            data.weights = [weighted_by_class(data.y[0], data.weights[0], class_weight)]
        return data

    def _source(self, x: Any, y: Any, sample_weight: Any, batch_size: int | None, steps: int | None, with_targets: bool = True) -> Arrays | Stream:
        """Where batches come from: arrays, or what gives them itself."""
        if not is_stream(x):
            return self._arrays(x, y, sample_weight, batch_size, with_targets)
        if y is not None or sample_weight is not None:
            raise DataError("with a generator or sequence as x, targets and weights come from it; y and sample_weight must not be given")
        return Stream(x, steps)

    # ---- running -----------------------------------------------------------------------------------------------------

    def _run_arrays(self, mode: str, data: Arrays, order: np.ndarray | None, batches: range, each: Callable[[list[np.ndarray]], Any],
                    at_once: int = 1) -> Step:  # fmt: skip
        """Run some batches of arrays; `each(outputs)` is called for every one and may end the run.

        Where the backend can, `at_once` whole batches are one call of it, and `each` is called for them afterwards.
        """
        step = self._step(mode, data.x, data.y, data.weights, data.structure)
        arrays = [a for a in (*data.x, *data.y, *data.weights) if a is not None]
        lease = step.executable.lease()
        size, rows, ahead = data.batch_size, data.rows, batches.start
        shapes: dict[int, Any] = {}
        try:
            for k in batches:
                if k < ahead:
                    continue
                begin = k * size
                count = min(size, rows - begin)
                if count not in shapes:
                    shapes[count] = tuple((count, *inner_shape(n, a)) for n, a in zip(step.executable.source_graph.inputs, arrays, strict=True))
                call = lease.at(shapes[count])
                outputs, steps = None, min(at_once, batches.stop - k, (rows - begin) // size)
                if (steps > 1 and not step.extra) or (steps == 1 and order is None):
                    outputs = call.run_rows(arrays, order, begin, steps)
                if outputs is None:
                    steps = 1
                    load(call.inputs, arrays, slice(begin, begin + count) if order is None else order[begin : begin + count])
                    outputs = call.run()
                ahead = k + steps
                if step.extra:
                    object.__setattr__(self, "_extra_logs", dict(zip(step.extra, outputs, strict=True)))
                if any([each(outputs) for _ in range(steps)]):  # noqa: C419 (each batch counts, also after one that ends the run)
                    break
        finally:
            lease.close()
        return step

    def _run_stream(self, mode: str, source: Stream, each: Callable[[list[np.ndarray]], Any], shuffle: bool = False,
                    class_weight: Any = None) -> Step:  # fmt: skip
        step: Any = None
        ended = False

        def one(outputs: list[np.ndarray]) -> None:
            nonlocal ended
            ended = bool(each(outputs))

        for batch in source.epoch(shuffle):
            x, y, weights = unpack(batch)
            data = self._arrays(x, y, weights, None, mode != "predict")
            data.batch_size = data.rows
            step = self._run_arrays(mode, self._weigh_classes(data, class_weight), None, range(1), one)
            if ended:
                break
        return step

    def _run(self, mode: str, source: Arrays | Stream, steps: int | None, each: Callable[[list[np.ndarray]], Any]) -> Step:
        """One pass over the data, of `steps` batches at most."""
        if isinstance(source, Stream):
            return self._run_stream(mode, source, each)
        return self._run_arrays(mode, source, None, range(source.steps if steps is None else min(steps, source.steps)), each)

    def _run_batch(self, mode: str, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> tuple[Step, list[np.ndarray]]:
        data = self._arrays(x, y, sample_weight, None, mode != "predict")
        data.batch_size = data.rows
        if mode != "predict":
            self.reset_metrics()
        out: list[Any] = []
        step = self._run_arrays(mode, self._weigh_classes(data, class_weight), None, range(1), out.append)
        return step, out[0]

    # ---- fit -----------------------------------------------------------------------------------------------------------

    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto", callbacks: Any = None,
            validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True, class_weight: Any = None, sample_weight: Any = None,
            initial_epoch: int = 0, steps_per_epoch: int | None = None, validation_steps: int | None = None,
            validation_batch_size: int | None = None, validation_freq: Any = 1, **kwargs: Any) -> Any:  # fmt: skip
        """Train for some epochs.

        Args:
            x, y: arrays, lists or dicts of arrays; or x a generator or sequence of (x, y[, sample_weight]).
            batch_size: rows per step, 32 by default.
            epochs: number of the last epoch.
            verbose: "auto" or 1 a progress bar, 2 a line per epoch, 0 nothing.
            callbacks: a list of callbacks.
            validation_split: share of the last rows that is kept apart for validation.
            validation_data: (x, y[, sample_weight]) or a generator.
            shuffle: take the rows in a new order every epoch.
            class_weight: class -> weight of its samples.
            sample_weight: weight of every row.
            initial_epoch: number of epochs done before.
            steps_per_epoch, validation_steps: batches per epoch; needed for endless generators. Arrays go round.
            validation_batch_size: `batch_size` when None.
            validation_freq: validate every so many epochs, or in the epochs listed.

        Returns:
            The `History` callback: `history.history` maps names to one value per epoch.

        Raises:
            DataError: data that does not fit together, NaN targets, a generator that ends early; nothing has changed then
                but by whole steps already done.
        """
        self._require_compiled("fit")
        epochs = kwargs.pop("nb_epoch", epochs)
        if kwargs:
            raise ConfigError(f"fit: unknown argument {next(iter(kwargs))!r}.{nearest(next(iter(kwargs)), _FIT_ARGUMENTS)}")
        epochs = min(epochs, config.max_epochs() or epochs)
        given_steps = _capped(steps_per_epoch)
        source, validation = self._training_data(x, y, batch_size, sample_weight, class_weight, validation_split, validation_data, given_steps)
        if validation is None and validation_data is not None:
            vx, vy, vw = (validation_data, None, None) if is_stream(validation_data) else unpack(tuple(validation_data))
            validation = self._source(vx, vy, vw, validation_batch_size or batch_size, _capped(validation_steps))
        elif isinstance(validation, Arrays):
            validation.batch_size = validation_batch_size or validation.batch_size
        hooks = self._callbacks(callbacks, verbose, True, epochs=epochs, steps=source.steps if given_steps is None else given_steps)
        passes = source if isinstance(source, Stream) else Passes(source, shuffle)
        object.__setattr__(self, "stop_training", False)
        object.__setattr__(self, "_initial_epoch", None)
        logs: dict[str, Any] = {}
        with Interrupts() as interrupts:
            hooks.on_train_begin()
            for epoch in range(self._initial_epoch or initial_epoch, epochs):
                self.reset_metrics()
                hooks.on_epoch_begin(epoch)
                self._train_epoch(source, passes, given_steps, shuffle, hooks, interrupts, class_weight)
                logs = self._logs()
                if validation is not None and _is_due(validation_freq, epoch + 1):
                    results = self._evaluate(validation, _capped(validation_steps), hooks, True)
                    logs.update({f"val_{k}": v for k, v in results.items()})
                interrupts.check()
                hooks.on_epoch_end(epoch, logs)
                interrupts.check()
                if self.stop_training:
                    break
            if self.optimizer.built:
                self.optimizer.finalize_variable_values(self.trainable_variables)
            hooks.on_train_end(logs)
        return self.history

    def _training_data(self, x: Any, y: Any, batch_size: Any, sample_weight: Any, class_weight: Any, split: float, validation_data: Any,
                       steps: int | None) -> tuple[Arrays | Stream, Arrays | Stream | None]:  # fmt: skip
        """Where training batches come from, and the rows that are split off."""
        source = self._source(x, y, sample_weight, batch_size, steps)
        held = None
        if split and validation_data is None:
            if isinstance(source, Stream):
                raise DataError("validation_split needs arrays: a generator or sequence cannot be split, give validation_data")
            source, held = source.split(split)
        return source if isinstance(source, Stream) else self._weigh_classes(source, class_weight), held

    def _callbacks(self, callbacks: Any, verbose: Any, is_fit: bool, **params: Any) -> Any:
        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = 1 if verbose == "auto" else int(verbose)
        return CallbackList(callbacks, add_history=is_fit, add_progbar=verbose != 0, verbose=verbose, model=self, **params)

    def _train_epoch(self, source: Arrays | Stream, passes: Any, steps: int | None, shuffle: bool, hooks: Any, interrupts: Interrupts,
                     class_weight: Any) -> None:  # fmt: skip
        per = self._compilation.steps_per_execution
        last = source.steps if steps is None else steps
        begins = hooks.has_train_batch_hooks
        ends = begins or hooks.uses_hook("on_train_batch_end")
        done = 0

        def each(outputs: Any) -> bool:
            nonlocal done
            done += 1
            if ends and (done % per == 0 or done == last):
                hooks.on_train_batch_end(done - 1, LazyLogs(self._logs))
            if interrupts.pending:
                interrupts.check()
            if begins and done % per == 0 and done != last and not self.stop_training:
                hooks.on_train_batch_begin(done)
            return self.stop_training

        if begins:
            hooks.on_train_batch_begin(0)
        if isinstance(source, Stream):
            self._run_stream("train", source, each, shuffle, class_weight)
            return
        for order, batches in passes.epoch(steps):
            self._run_arrays("train", source, order, batches, each, per)
            if self.stop_training:
                return

    # ---- evaluate, predict ---------------------------------------------------------------------------------------------

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
                 steps: int | None = None, callbacks: Any = None, return_dict: bool = False, **kwargs: Any) -> Any:  # fmt: skip
        """The loss and metrics of the model on data.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as for `fit`.
            steps: batches to evaluate at most; needed for endless generators.
            return_dict: whether to return a dict by name.

        Returns:
            The loss, or a list [loss, losses of the outputs, metrics].
        """
        self._require_compiled("evaluate")
        if kwargs:
            raise ConfigError(f"evaluate: unknown argument {next(iter(kwargs))!r}.{nearest(next(iter(kwargs)), _FIT_ARGUMENTS)}")
        steps = _capped(steps)
        source = self._source(x, y, sample_weight, batch_size, steps)
        hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=_batches(source, steps))
        logs = self._evaluate(source, steps, hooks, False)
        return logs if return_dict else self._in_order(logs)

    def _evaluate(self, source: Arrays | Stream, steps: int | None, hooks: Any, is_in_fit: bool) -> dict[str, Any]:
        last = _batches(source, steps)
        object.__setattr__(self, "stop_evaluating", False)
        self.reset_metrics()
        hooks.on_test_begin()
        begins = hooks.has_test_batch_hooks
        ends = begins or (not is_in_fit and hooks.uses_hook("on_test_batch_end"))
        done = 0

        def each(outputs: Any) -> bool:
            nonlocal done
            done += 1
            if ends:
                hooks.on_test_batch_end(done - 1, LazyLogs(self._logs))
            if begins and done != last and not self.stop_evaluating:
                hooks.on_test_batch_begin(done)
            return self.stop_evaluating

        if begins:
            hooks.on_test_batch_begin(0)
        self._run("test", source, steps, each)
        logs = self._logs()
        hooks.on_test_end(logs)
        return logs

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """The outputs of the model for data, in the nesting of its outputs.

        Args:
            x: arrays, lists or dicts of arrays, or a generator or sequence.
            batch_size: rows per step, 32 by default.
            verbose, callbacks: as for `fit`.
            steps: batches to predict at most; needed for endless generators.
        """
        is_plain = not callbacks and verbose in (0, "0")
        if is_plain and self._at_once is not None and (batch_size is None or type(batch_size) is int):
            found = self._at_once(x, 32 if batch_size is None else batch_size)
            if found is not None:
                return found
        steps = _capped(steps)
        source = self._source(x, None, None, batch_size, steps, with_targets=False)
        parts: list[list[np.ndarray]] = []
        if is_plain:
            step = self._run("predict", source, steps, parts.append)
            if isinstance(source, Arrays) and len(parts) == 1:
                object.__setattr__(self, "_at_once", AtOnce.after(step, x, source.x))
        else:
            hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=_batches(source, steps))
            step = self._predict_with(source, steps, hooks, parts)
        return step.packed(parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts, strict=True)])

    def _predict_with(self, source: Arrays | Stream, steps: int | None, hooks: Any, parts: list[list[np.ndarray]]) -> Step:
        last = _batches(source, steps)
        begins = hooks.has_predict_batch_hooks
        object.__setattr__(self, "stop_predicting", False)

        def each(outputs: list[np.ndarray]) -> bool:
            parts.append(outputs)
            hooks.on_predict_batch_end(len(parts) - 1, {"outputs": outputs[0] if len(outputs) == 1 else outputs})
            if begins and len(parts) != last and not self.stop_predicting:
                hooks.on_predict_batch_begin(len(parts))
            return self.stop_predicting

        hooks.on_predict_begin()
        if begins:
            hooks.on_predict_batch_begin(0)
        step = self._run("predict", source, steps, each)
        hooks.on_predict_end()
        return step

    # ---- one batch -----------------------------------------------------------------------------------------------------

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

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and the metrics of one batch, without training."""
        self._require_compiled("test_on_batch")
        self._run_batch("test", x, y, sample_weight)
        return self._reported(return_dict)

    def _reported(self, return_dict: bool) -> Any:
        logs = self._logs()
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        found = self._at_once(x, None) if self._at_once is not None else None
        if found is not None:
            return found
        step, outputs = self._run_batch("predict", x)
        return step.packed(outputs)

    # ---- 2017 ----------------------------------------------------------------------------------------------------------

    def fit_generator(self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
                      validation_data: Any = None, validation_steps: int | None = None, class_weight: Any = None, max_queue_size: int = 10,
                      workers: int = 1, use_multiprocessing: bool = False, initial_epoch: int = 0, **kwargs: Any) -> Any:  # fmt: skip
        """`fit` on a generator, as Keras 2 spelled it; batches are made in this process when they are needed."""
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, callbacks=callbacks, validation_data=validation_data,
            validation_steps=validation_steps, class_weight=class_weight, initial_epoch=initial_epoch, **kwargs,
        )  # fmt: skip

    def evaluate_generator(self, generator: Any, steps: int | None = None, max_queue_size: int = 10, workers: int = 1,
                           use_multiprocessing: bool = False) -> Any:  # fmt: skip
        """`evaluate` on a generator."""
        return self.evaluate(generator, steps=steps, verbose=0)

    def predict_generator(self, generator: Any, steps: int | None = None, max_queue_size: int = 10, workers: int = 1,
                          use_multiprocessing: bool = False, verbose: Any = 0) -> Any:  # fmt: skip
        """`predict` on a generator."""
        return self.predict(generator, steps=steps, verbose=verbose)


_FIT_ARGUMENTS = tuple(Trainer.fit.__annotations__)
_COMPILE_ARGUMENTS = tuple(Trainer.compile.__annotations__)


def _capped(steps: int | None) -> int | None:
    most = config.max_steps_per_epoch()
    return steps if not most else most if steps is None else min(steps, most)


def _batches(source: Arrays | Stream, steps: int | None) -> int | None:
    """Batches in one run over the data, None where that shows only at its end."""
    known = source.steps
    return steps if known is None else known if steps is None else min(steps, known)


def _is_due(frequency: Any, epoch: int) -> bool:
    return epoch % frequency == 0 if isinstance(frequency, int) else epoch in frequency
