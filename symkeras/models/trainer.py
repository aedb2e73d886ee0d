"""compile, fit, evaluate, predict and their one-batch forms, with Keras' signatures."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from symkeras import config, tree
from symkeras.arguments import boolean, checked, either, one_of, optional, positive_int, settings, text
from symkeras.callbacks.callback_list import CallbackList
from symkeras.callbacks.logs import LazyLogs
from symkeras.distribution.processes import joined
from symkeras.distribution.scope import distribution
from symkeras.errors import ConfigError, DataError, nearest
from symkeras.graph import provenance
from symkeras.models.array_stage import prepared
from symkeras.models.at_once import AtOnce
from symkeras.models.compilation import Compilation
from symkeras.models.executions import Executions
from symkeras.models.feeds.array_feed import ArrayFeed
from symkeras.models.feeds.feed import Feed
from symkeras.models.feeds.kinds import feed_of, validation_feed
from symkeras.models.feeds.reader import Reader
from symkeras.models.feeds.running import run
from symkeras.models.generator_methods import GeneratorMethods
from symkeras.models.interrupts import Interrupts
from symkeras.models.one_batch import OneBatch
from symkeras.models.own_steps import OwnSteps, own_step
from symkeras.models.results import Results, values_in_order
from symkeras.models.steps import Step
from symkeras.models.training_arguments import BATCH_SIZE, CLASS_WEIGHT, EPOCHS, FREQUENCY, LOSS_WEIGHTS, SHUFFLE, SPLIT, STEPS, VERBOSITY

_FUNCTION_MAKERS = ("make_train_function", "make_test_function", "make_predict_function")


class Trainer(OneBatch, GeneratorMethods, OwnSteps, Results):
    """What makes a model trainable; a base of `Model`.

    Attributes:
        stop_training, stop_evaluating, stop_predicting: set by callbacks to end the running call after a batch.
    """

    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    dtype_policy: Any
    history: Any
    _initial_epoch: int | None

    def __init__(self) -> None:
        Results.__init__(self)
        for name in ("_compilation", "_initial_epoch", "history"):
            object.__setattr__(self, name, None)
        for name in ("stop_training", "stop_evaluating", "stop_predicting"):
            object.__setattr__(self, name, False)

    # ---- compile ---------------------------------------------------------------------------------------------------

    @checked(loss_weights=LOSS_WEIGHTS, run_eagerly=boolean, steps_per_execution=positive_int, jit_compile=optional(either(one_of("auto"), boolean)),
             auto_scale_loss=boolean, backend=optional(text))  # fmt: skip
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
            run_eagerly: run the Python of the model, `call` and `train_step`, for every batch and on arrays: slow, and open to print and pdb.
            steps_per_execution: batches between two calls of batch callbacks; where the backend can, they are one call of it. An epoch of so many
                steps has whole executions where the data have the batches: 5 steps by 2 are 6.
            jit_compile: Keras' argument; everything is compiled here.
            auto_scale_loss: whether the optimizer of a model whose policy is "mixed_float16" is put into a `LossScaleOptimizer`.
            backend: what runs the model; the default backend when None.
            **options: for the backend, such as level="O1" or denormals="keep"; `sample_weight_mode` of 2017 is seen from the weights themselves.

        Raises:
            ConfigError: an unknown optimizer, loss, metric, output or option; the model stays as it was compiled before.
        """
        from symkeras import optimizers
        from symkeras.backend.interface import OPTIONS, check_registered, options_of, unknown_option

        if backend is not None:
            check_registered(backend)
        options.pop("sample_weight_mode", None)
        for name in options:
            known = OPTIONS if name in OPTIONS else options_of(backend)
            if name not in known:
                if name == "numerics":
                    raise ConfigError(f"compile: {unknown_option(name, backend)}")
                raise ConfigError(f"compile: unknown argument {name!r}.{nearest(name, (*known, *_COMPILE_ARGUMENTS))}")
            options[name] = known[name](options[name], f"compile: {name}")
        for method in _FUNCTION_MAKERS:
            if hasattr(type(self), method):
                raise ConfigError(
                    f"{type(self).__name__} defines {method}(), which symkeras never calls: a step is one compiled graph. "
                    "Define train_step(), compute_loss() or compute_metrics() instead"
                )
        if optimizer is None:
            raise ConfigError("compile: an optimizer is needed, received None")
        given = {"optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
                 "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile}  # fmt: skip
        optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16" and not isinstance(optimizer, optimizers.LossScaleOptimizer):
            optimizer = optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")
        compilation = Compilation(
            optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly, steps_per_execution,
            "interpreter" if run_eagerly else backend, dict(options), given, lines=provenance.user_lines(),
        )  # fmt: skip
        outputs = self._of_graph("_output_structure")
        if outputs is not None:
            compilation.check_names(self._names_of_outputs(outputs), losses=not self._has_own_loss())
        object.__setattr__(self, "_compilation", compilation)
        self._forget_steps()

    @property
    def compiled_config(self) -> dict[str, Any] | None:
        """The arguments `compile` was given."""
        return None if self._compilation is None else self._compilation.config

    @property
    def optimizer(self) -> Any:
        """The optimizer, None before `compile`. Given one, a compiled model is compiled with it anew; another one keeps it as an attribute."""
        return self._compilation.optimizer if self._compilation is not None else self.__dict__.get("_own_optimizer")

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        if self._compilation is None:
            object.__setattr__(self, "_own_optimizer", optimizer)
        else:
            Trainer.compile(self, **{**self._compilation.config, "optimizer": optimizer})

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

    @checked(config=settings)
    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what `get_compile_config` gave; a `compile` of the model's own takes other arguments, and is not called, with a warning."""
        if type(self).compile is not Trainer.compile:
            name = type(self).__name__
            warnings.warn(
                f"{name} is not compiled: its compile() is its own, and which arguments it takes is not known; compile it again, or define "
                f"{name}.get_compile_config() and {name}.compile_from_config(config)",
                stacklevel=2,
            )
            return
        self._compile_from(config)

    def _compile_from(self, config: Mapping[str, Any]) -> None:
        from symkeras.saving.serialization import deserialize_keras_object

        arguments = {k: deserialize_keras_object(v) if isinstance(v, (dict, list)) else v for k, v in config.items()}
        arguments.pop("auto_scale_loss", None)
        unknown = sorted(arguments.keys() - {*_COMPILE_ARGUMENTS} | arguments.keys() & {"backend"})
        if unknown:  # what a model runs on is said by whoever loads it, not by a file
            raise ConfigError(f"compile_from_config: a config does not say {', '.join(unknown)}")
        self.compile(**arguments)
        if self.built and self.trainable_variables:
            self.optimizer.build(self.trainable_variables)

    # ---- losses ------------------------------------------------------------------------------------------------------

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The scalar that training minimises; subclasses may define their own.

        Args:
            x, y, y_pred, sample_weight: inputs, targets, predictions and weights; for several outputs in the nesting of the predictions. One
                that a subclass defines is called with targets and weights as they were given, whatever their nesting; it may hand other
                targets and predictions to this one, and the losses that `compile` was given are of those.
            training: whether the model trains.
        """
        predictions = tree.flatten(y_pred)
        targets, weights = self._for_outputs(y, y_pred), self._for_outputs(sample_weight, y_pred, are_weights=True)
        names = self._names_of_outputs(y_pred)
        self._compilation.bind_losses(names, targets, predictions)
        if not self._has_own_loss() or (own_step(self, "train") is not None and not names.are_numbered):
            self._compilation.bind_metrics(names, targets, predictions)
        with provenance.part_if_none("loss"):
            return self._compilation.total_loss(targets, predictions, weights, self.losses)  # type: ignore[attr-defined]

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Let the metrics take a batch into account; subclasses may add results of their own to what this gives.

        Args:
            x, y, y_pred, sample_weight: as for `compute_loss`.
        """
        with provenance.part_if_none("metrics"):
            self._update_metrics(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def _update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        compilation = self._compilation
        if compilation.has_metrics:
            predictions, targets = tree.flatten(y_pred), self._for_outputs(y, y_pred)
            compilation.bind_metrics(self._names_of_outputs(y_pred), targets, predictions)
            compilation.update_metrics(targets, predictions, self._for_outputs(sample_weight, y_pred, are_weights=True))

    def _for_outputs(self, given: Any, y_pred: Any, are_weights: bool = False) -> list[Any]:
        """Targets or weights for each of the predictions, None where there are none: nested as these are, by the names of the outputs, or
        those of the outputs with a loss; one weight alone goes for all."""
        count = len(tree.flatten(y_pred))
        if given is None:
            return [None] * count
        names = self._names_of_outputs(y_pred)
        if isinstance(given, Mapping) and given.keys() <= set(names):
            return [given.get(name) for name in names]
        flat = tree.flatten(given)
        if len(flat) == count:
            return flat
        if are_weights and len(flat) == 1:
            return flat * count
        judged = self._compilation.outputs_with_loss(names)
        if len(flat) != len(judged):
            what = "sample_weight" if are_weights else "y"
            raise DataError(f"{what}: the model has {count} outputs ({', '.join(names)}), received {len(flat)} arrays")
        by_output = dict(zip(judged, flat, strict=True))
        return [by_output.get(k) for k in range(count)]

    def _has_own_metrics(self) -> bool:
        return type(self).compute_metrics is not Trainer.compute_metrics

    def _has_own_loss(self) -> bool:
        return type(self).compute_loss is not Trainer.compute_loss

    # ---- running -----------------------------------------------------------------------------------------------------

    def _run(self, mode: str, feed: Feed, each: Callable[[list[np.ndarray]], Any], at_once: int = 1, begin: Callable[[], Any] | None = None) -> Step:
        """Run an epoch of a feed; `begin()` is called before every batch, `each(outputs)` after it, which may end the epoch.

        Returns:
            The step; None where there was no batch.
        """
        step: Any = None
        feed.at_once = self._steps_per_execution()
        shared, due = distribution(), feed.due
        with closing(feed.epoch()) as stretches:  # type: ignore[type-var]
            batches = prepared(self, stretches, mode)
            for stretch in batches if shared is None else shared.together(batches, due):
                data = stretch.data
                step = self._step(mode, data.x, data.y, data.weights, data.structure, data.nesting)
                if run(step, stretch, self._with_extra_logs(step, each) if step.extra or step.has_own_logs else each, at_once, begin):
                    break
        return step

    def _steps_per_execution(self) -> int:
        return self._compilation.steps_per_execution if self._compilation is not None else 1

    def _with_extra_logs(self, step: Step, each: Callable[[list[np.ndarray]], Any]) -> Callable[[list[np.ndarray]], Any]:
        """`each`, after the outputs of a step have gone into the logs."""

        def noted(outputs: list[np.ndarray]) -> Any:
            self._note_logs(step, outputs)
            return each(outputs)

        return noted

    def _note_logs(self, step: Step, outputs: list[np.ndarray]) -> None:
        object.__setattr__(self, "_extra_logs", dict(zip(step.extra, outputs, strict=True)))
        object.__setattr__(self, "_has_own_logs", step.has_own_logs)

    # ---- fit -----------------------------------------------------------------------------------------------------------

    @checked(batch_size=BATCH_SIZE, epochs=EPOCHS, verbose=VERBOSITY, validation_split=SPLIT, shuffle=SHUFFLE, class_weight=CLASS_WEIGHT,
             initial_epoch=EPOCHS, steps_per_epoch=STEPS, validation_steps=STEPS, validation_batch_size=BATCH_SIZE,
             validation_freq=FREQUENCY)  # fmt: skip
    def fit(self, x: Any = None, y: Any = None, batch_size: int | None = None, epochs: int = 1, verbose: Any = "auto", callbacks: Any = None,
            validation_split: float = 0.0, validation_data: Any = None, shuffle: bool = True, class_weight: Any = None, sample_weight: Any = None,
            initial_epoch: int = 0, steps_per_epoch: int | None = None, validation_steps: int | None = None,
            validation_batch_size: int | None = None, validation_freq: Any = 1, **kwargs: Any) -> Any:  # fmt: skip
        """Train for some epochs.

        Args:
            x, y: arrays, tables of pandas or polars, lists or dicts of them; or x a generator, a sequence or a `tf.data.Dataset` of
                (x, y[, sample_weight]), or a `DataLoader` or `Dataset` of PyTorch.
            batch_size: rows per step, 32 by default.
            epochs: number of the last epoch.
            verbose: "auto" or 1 a progress bar, 2 a line per epoch, 0 nothing.
            callbacks: a list of callbacks.
            validation_split: share of the last rows that is kept apart for validation.
            validation_data: (x, y[, sample_weight]) or a generator.
            shuffle: take the rows in a new order every epoch; "batch": batches of neighbouring rows.
            class_weight: class -> weight of its samples.
            sample_weight: weight of every row.
            initial_epoch: number of epochs done before.
            steps_per_epoch, validation_steps: batches per epoch, in whole executions (see `compile`); needed for endless generators. An epoch begins
                where the last one ended, and ends with the data, with a warning where there are fewer batches; the next begins anew. A validation
                always begins anew.
            validation_batch_size: `batch_size` when None.
            validation_freq: validate every so many epochs, or in the epochs listed.

        Returns:
            The `History` callback: `history.history` maps names to one value per epoch.

        Raises:
            DataError: data that does not fit together, NaN targets, a generator without batches; nothing has changed then
                but by whole steps already done.
        """
        self._require_compiled("fit")
        epochs = EPOCHS(kwargs.pop("nb_epoch", epochs), "fit: nb_epoch")
        if kwargs:
            raise ConfigError(f"fit: unknown argument {next(iter(kwargs))!r}.{nearest(next(iter(kwargs)), _FIT_ARGUMENTS)}")
        epochs = min(epochs, config.max_epochs() or epochs)
        steps = _capped(steps_per_epoch)
        feed, held = feed_of(Reader(self, "train"), x, y, sample_weight, batch_size, steps, shuffle), None
        if validation_data is not None:
            held = validation_feed(Reader(self, "test"), validation_data, validation_batch_size or batch_size, _capped(validation_steps))
        elif validation_split:
            feed, held = feed.split(validation_split, validation_batch_size, _capped(validation_steps))
        if class_weight is not None:
            feed.weigh_classes(class_weight)
        hooks = self._callbacks(callbacks, verbose, True, epochs=epochs, steps=feed.steps)
        object.__setattr__(self, "stop_training", False)
        object.__setattr__(self, "_initial_epoch", None)
        logs: dict[str, Any] = {}
        with Interrupts() as interrupts:
            hooks.on_train_begin()
            for epoch in range(self._initial_epoch or initial_epoch, epochs):
                self.reset_metrics()
                hooks.on_epoch_begin(epoch)
                if not self._train_epoch(feed, hooks, interrupts):
                    break
                logs = self._logs()
                if held is not None and _is_due(validation_freq, epoch + 1):
                    results, _ = self._evaluate(held, hooks, True)
                    logs.update({f"val_{k}": v for k, v in results.items()})
                interrupts.check()
                hooks.on_epoch_end(epoch, logs)
                interrupts.check()
                if self.stop_training:
                    break
            if self.optimizer.built:
                self.optimizer.finalize_variable_values(self._trained_variables())
            hooks.on_train_end(logs)
        return self.history

    def _callbacks(self, callbacks: Any, verbose: Any, is_fit: bool, **params: Any) -> Any:
        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = 1 if verbose == "auto" else int(verbose)
        return CallbackList(callbacks, add_history=is_fit, add_progbar=verbose != 0, verbose=verbose, model=self, **params)

    def _train_epoch(self, feed: Feed, hooks: Any, interrupts: Interrupts) -> bool:
        """Train for an epoch; whether there were batches."""
        per = self._steps_per_execution()
        begins = hooks.has_train_batch_hooks
        ends = begins or hooks.uses_hook("on_train_batch_end")
        calls = Executions(per, hooks.on_train_batch_begin if begins else None,
                           (lambda batch: hooks.on_train_batch_end(batch, LazyLogs(self._logs))) if ends else None)  # fmt: skip

        def each(outputs: Any) -> bool:
            calls.end()
            if interrupts.pending:
                interrupts.check()
            return self.stop_training

        step = self._run("train", feed, each, per, calls.begin if begins else None)
        calls.close()
        return step is not None

    # ---- evaluate, predict ---------------------------------------------------------------------------------------------

    @checked(batch_size=BATCH_SIZE, verbose=VERBOSITY, steps=STEPS, return_dict=boolean)
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
        feed = feed_of(Reader(self, "test"), x, y, sample_weight, batch_size, _capped(steps))
        hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=feed.steps)
        logs, names = self._evaluate(feed, hooks, False)
        return logs if return_dict else values_in_order(logs, names)

    def _evaluate(self, feed: Feed, hooks: Any, is_in_fit: bool) -> tuple[dict[str, Any], list[str]]:
        """The logs, and the order of their names; none where earlier epochs have used the data up."""
        object.__setattr__(self, "stop_evaluating", False)
        self.reset_metrics()
        feed.rewind()
        hooks.on_test_begin()
        begins = hooks.has_test_batch_hooks
        ends = begins or (not is_in_fit and hooks.uses_hook("on_test_batch_end"))
        calls = Executions(self._steps_per_execution(), hooks.on_test_batch_begin if begins else None,
                           (lambda batch: hooks.on_test_batch_end(batch, LazyLogs(self._logs))) if ends else None)  # fmt: skip

        def each(outputs: Any) -> bool:
            calls.end()
            return self.stop_evaluating

        step = self._run("test", feed, each, begin=calls.begin if begins else None)
        calls.close()
        logs, names = self._logs_and_order() if step is not None else ({}, [])
        hooks.on_test_end(logs)
        return logs, names

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """The outputs of the model for data, in the nesting of its outputs.

        Args:
            x: arrays, lists or dicts of arrays, or a generator or sequence.
            batch_size: rows per step, 32 by default.
            verbose, callbacks: as for `fit`.
            steps: batches to predict at most; needed for endless generators.
        """
        is_plain = not callbacks and type(verbose) is int and verbose == 0
        if is_plain and self._at_once is not None and (batch_size is None or type(batch_size) is int):
            found = self._at_once(x, 32 if batch_size is None else batch_size)
            if found is not None:
                return found
        batch_size, steps = BATCH_SIZE(batch_size, "predict: batch_size"), STEPS(steps, "predict: steps")
        verbose = VERBOSITY(verbose, "predict: verbose")
        feed = feed_of(Reader(self, "predict"), x, batch_size=batch_size, steps=_capped(steps))
        parts: list[list[np.ndarray]] = []
        if is_plain:
            step = self._run("predict", feed, parts.append)
            if isinstance(feed, ArrayFeed) and len(parts) == 1 and joined() is None and self._of_graph("_array_stage") is None:
                object.__setattr__(self, "_at_once", AtOnce.after(step, x, feed.data.x))
        else:
            hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=feed.steps)
            step = self._predict_with(feed, hooks, parts)
        return step.packed(_joined(parts))

    def _predict_with(self, feed: Feed, hooks: Any, parts: list[list[np.ndarray]]) -> Step:
        object.__setattr__(self, "stop_predicting", False)
        told = 0

        def end(batch: int) -> None:
            nonlocal told
            outputs, told = _joined(parts[told:]), len(parts)
            hooks.on_predict_batch_end(batch, {"outputs": outputs[0] if len(outputs) == 1 else outputs})

        calls = Executions(self._steps_per_execution(), hooks.on_predict_batch_begin if hooks.has_predict_batch_hooks else None, end)

        def each(outputs: list[np.ndarray]) -> bool:
            parts.append(outputs)
            calls.end()
            return self.stop_predicting

        hooks.on_predict_begin()
        step = self._run("predict", feed, each, begin=calls.begin)
        calls.close()
        hooks.on_predict_end()
        return step


def _joined(parts: Sequence[list[np.ndarray]]) -> list[np.ndarray]:
    """The outputs of several batches, one after the other."""
    return parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts, strict=True)]


_FIT_ARGUMENTS = tuple(Trainer.fit.__annotations__)
_COMPILE_ARGUMENTS = tuple(Trainer.compile.__annotations__)


def _capped(steps: int | None) -> int | None:
    most = config.max_steps_per_epoch()
    return steps if not most else most if steps is None else min(steps, most)


def _is_due(frequency: Any, epoch: int) -> bool:
    return epoch in frequency if isinstance(frequency, Container) else epoch % frequency == 0
