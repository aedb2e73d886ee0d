"""compile, fit, evaluate, predict and their one-batch forms, with Keras' signatures."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from symkeras import config, ops, tree
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError
from symkeras.graph import dims, tracing
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.layer import call_context
from symkeras.models.compilation import Compilation
from symkeras.models.data import (
    Arrays,
    Stream,
    check_rows,
    check_targets,
    flat_inputs,
    flat_targets,
    is_stream,
    unpack,
    weighted_by_class,
)  # fmt: skip
from symkeras.models.steps import Signature, Step, batch_type, fill


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


class Interrupts:
    """While active, Ctrl-C waits for the end of the step that runs: weights are always those of a whole step.

    A second Ctrl-C does not wait.
    """

    def __init__(self) -> None:
        self.pending = False

    def __enter__(self) -> Interrupts:
        self._before: Any = None
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, *_: Any) -> None:
        if self.pending:
            raise KeyboardInterrupt
        self.pending = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if one was asked for."""
        if self.pending:
            self.pending = False
            raise KeyboardInterrupt

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)


class Trainer:
    """What makes a model trainable; a base of `Model`."""

    def __init__(self) -> None:
        object.__setattr__(self, "_compilation", None)
        object.__setattr__(self, "_steps", {})
        object.__setattr__(self, "_last", {})
        object.__setattr__(self, "stop_training", False)

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
            steps_per_execution: batches between two calls of batch callbacks.
            jit_compile, auto_scale_loss: Keras' arguments; everything is compiled here, and only a LossScaleOptimizer would scale.
            backend: what runs the model; the default backend when None.
            **options: for the backend, such as level="O1".

        Raises:
            ConfigError: an unknown optimizer, loss, metric or option.
        """
        from symkeras import losses, optimizers
        from symkeras import metrics as metric_table

        if "sample_weight_mode" in options:
            options.pop("sample_weight_mode")
        unknown = set(options) - {"level", "numerics", "pipeline", "poison"}
        if unknown:
            raise ConfigError(f"compile: unknown arguments {sorted(unknown)}")
        if steps_per_execution < 1:
            raise ConfigError(f"compile: steps_per_execution must be at least 1, received {steps_per_execution}")
        for one in tree.flatten(loss):
            if not (isinstance(one, str) and one in ("crossentropy", "ce")):
                losses.get(one)
        for one in tree.flatten([metrics, weighted_metrics]):
            if isinstance(one, str) and one not in ("accuracy", "acc", "crossentropy", "ce"):
                metric_table.get(one)
        given = {"optimizer": optimizer, "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
                 "run_eagerly": run_eagerly, "steps_per_execution": steps_per_execution, "jit_compile": jit_compile}  # fmt: skip
        if backend is not None:
            from symkeras.backend.interface import check_registered

            check_registered(backend)
        compilation = Compilation(
            optimizers.get(optimizer), loss, loss_weights, metrics, weighted_metrics, run_eagerly, int(steps_per_execution),
            "interpreter" if run_eagerly else backend, dict(options), given,
        )  # fmt: skip
        object.__setattr__(self, "_compilation", compilation)
        self._forget_steps()

    def _forget_steps(self) -> None:
        object.__setattr__(self, "_steps", {})
        object.__setattr__(self, "_last", {})

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

    @property
    def metrics(self) -> list[Any]:
        """The metrics in the order of their results: the loss, those of the outputs, those of layers."""
        own = self._compilation.all_metrics() if self._compilation is not None else []
        return [*own, *self._layer_metrics()]

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, once the model has seen targets."""
        return list(dict(self._results())) if self._compilation is not None else []

    def _layer_metrics(self) -> list[Any]:
        return [m for layer in self._flatten_layers() for m in layer._tracker.metrics]  # type: ignore[attr-defined]

    def _results(self) -> Iterator[tuple[str, Any]]:
        yield from self._compilation.results()
        for m in self._layer_metrics():
            yield m.name, m.result()

    def _logs(self) -> dict[str, float]:
        return {k: float(v) if np.ndim(v) == 0 else np.asarray(v) for k, v in self._results()}  # type: ignore[misc]

    def reset_metrics(self) -> None:
        """Let every metric forget what it has seen."""
        for m in self.metrics:
            m.reset_state()

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, serialized."""
        if self._compilation is None:
            return None
        from symkeras.saving.serialization import serialize_keras_object

        given = dict(self._compilation.config)
        given["optimizer"] = self._compilation.optimizer
        return {k: serialize_keras_object(v) for k, v in given.items()}

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile with what `get_compile_config` gave."""
        from symkeras.saving.serialization import deserialize_keras_object

        arguments = {k: deserialize_keras_object(v) if isinstance(v, (dict, list)) else v for k, v in config.items()}
        arguments.pop("auto_scale_loss", None)
        self.compile(**arguments)
        if self.built and self.trainable_variables:  # type: ignore[attr-defined]
            self.optimizer.build(self.trainable_variables)  # type: ignore[attr-defined]

    def _require_compiled(self, what: str) -> None:
        if self._compilation is None:
            raise SymkerasError(f"model {self.name!r}: call compile() before {what}()")  # type: ignore[attr-defined]

    # ---- losses ------------------------------------------------------------------------------------------------------

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """The scalar that training minimises; subclasses may define their own."""
        compilation = self._compilation
        y, w = ([v] if not isinstance(v, list) else v for v in (y, sample_weight))
        extra = self.losses  # type: ignore[attr-defined]
        return compilation.total_loss(y, tree.flatten(y_pred), w, extra)

    def _loss_of(self, x: Any, y: list[Any], y_pred: Any, weights: list[Any], training: bool) -> Any:
        single = len(y) == 1
        return self.compute_loss(x=x, y=y[0] if single else y, y_pred=y_pred, sample_weight=weights[0] if single else weights, training=training)

    def _track(self, loss: Any, y: list[Any], y_pred: list[Any], weights: list[Any]) -> None:
        rows = ops.shape(y_pred[0])[0]
        self._compilation.tracker.update_state(loss, sample_weight=ops.cast(ops.as_tensor(rows), "float32"))
        self._compilation.update_metrics(y, y_pred, weights)

    # ---- functions -------------------------------------------------------------------------------------------------

    def _names_of_inputs(self) -> list[str]:
        try:
            return list(self.input_names)  # type: ignore[attr-defined]
        except (AttributeError, ShapeError):
            return []

    def _names_of_outputs(self, count: int) -> list[str]:
        try:
            names = list(self.output_names)  # type: ignore[attr-defined]
        except (AttributeError, ShapeError):
            names = []
        return names if len(names) == count else [f"output_{k + 1}" for k in range(count)] if count > 1 else ["output"]

    def _known_types(self, count: int) -> list[TensorType | None]:
        try:
            known = [t.node.tensor_type for t in self.inputs]  # type: ignore[attr-defined]
        except (AttributeError, ShapeError):
            known = []
        return known if len(known) == count else [None] * count  # type: ignore[return-value]

    def _ensure_built(self, x: Sequence[np.ndarray], structure: Any) -> None:
        if self.built and all(layer.built for layer in self._flatten_layers(include_self=False)):  # type: ignore[attr-defined]
            return
        from symkeras.models.sequential import Sequential

        if isinstance(self, Sequential):
            if self._functional is None:
                first = self.layers[0] if self.layers else None
                shape = (None, *x[0].shape[1:])
                if first is not None and getattr(first, "_batch_input_shape", None) is None:
                    from symkeras.layers.input import Input

                    dtype = None if x[0].dtype.kind == "f" else batch_type(x[0]).dtype
                    self._build_on(Input(batch_shape=shape, dtype=dtype))
                else:
                    self.build(shape)
            return
        from symkeras.ops.leaves import placeholder_node

        stand_ins = [Tensor(placeholder_node(batch_type(a), "x")) for a in x]
        with tracing.Trace(), call_context():
            self(tree.pack_sequence_as(structure, stand_ins))  # type: ignore[operator]
        self.built = True

    def _step(self, mode: str, x: Sequence[np.ndarray], y: Sequence[Any], weights: Sequence[Any], structure: Any) -> Step:
        frozen = tuple(layer._trainable for layer in self._flatten_layers()) if mode == "train" else ()  # type: ignore[attr-defined]
        backend = self._compilation.backend if self._compilation is not None else None
        key = (mode, _kinds(x), _kinds(y), _kinds(weights), frozen, backend or config.backend())
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = self._make_step(mode, x, y, weights, structure, backend)
        self._last[mode] = step
        return step

    def _make_step(self, mode: str, x: Sequence[np.ndarray], y: Sequence[Any], weights: Sequence[Any], structure: Any, backend: str | None) -> Step:
        self._ensure_built(x, structure)
        known = self._known_types(len(x))
        for a, t, n in zip(x, known, self._names_of_inputs() or ["x"] * len(x), strict=False):
            _check_shape(a, t, n, self.name)  # type: ignore[attr-defined]
        signature = Signature(
            tuple(batch_type(a, t) for a, t in zip(x, known, strict=True)),
            tuple(None if a is None else batch_type(a) for a in y),
            tuple(None if a is None else TensorType((dims.symbol("batch"), *a.shape[1:]), config.floatx()) for a in weights),
        )
        options = self._compilation.options if self._compilation is not None else {}
        was_bound = self._compilation is not None and self._compilation.is_bound
        try:
            return Step(self, mode, signature, structure, backend, {} if backend == "interpreter" else options)
        except BaseException:
            if self._compilation is not None and not was_bound:
                self._compilation.is_bound, self._compilation.slots, self._compilation.trackers = False, [], {}
            raise

    def compiled(self, which: str = "train") -> Any:
        """The compiled function behind fit ("train"), evaluate ("test") or predict ("predict"), for inspection.

        It is the one that ran last; before any ran, one is compiled for the model's inputs and for targets shaped like
        its outputs (integers for sparse losses).
        """
        if which not in ("train", "test", "predict"):
            raise ConfigError(f'compiled() takes "train", "test" or "predict", received {which!r}')
        if which not in self._last:
            self._last[which] = self._guessed_step(which)
        return self._last[which].executable

    def _guessed_step(self, which: str) -> Step:
        if which != "predict":
            self._require_compiled("compiled")
        try:
            inputs = self.inputs  # type: ignore[attr-defined]
            outputs = self.outputs  # type: ignore[attr-defined]
        except (AttributeError, ShapeError):
            raise SymkerasError(f"model {self.name!r}: the shapes of its inputs are not known yet; call fit or predict first") from None  # type: ignore[attr-defined]
        x = [np.zeros([1 if d is None else d for d in t.shape], t.dtype) for t in inputs]
        structure = tree.pack_sequence_as(self.input, x)  # type: ignore[attr-defined]
        if which == "predict":
            return self._step(which, x, [], [], structure)
        from symkeras.models.compilation import _per_output

        names = self._names_of_outputs(len(outputs))
        y = [_target_like(t, spec) for t, spec in zip(outputs, _per_output(self._compilation.loss, names, "loss"), strict=True)]
        return self._step(which, x, y, [None] * len(y), structure)

    # ---- data --------------------------------------------------------------------------------------------------------

    def _arrays(self, x: Any, y: Any, sample_weight: Any, class_weight: Any, batch_size: int | None, with_targets: bool = True) -> Arrays:
        flat_x, structure = flat_inputs(x, self._names_of_inputs())
        self._ensure_built(flat_x, structure)
        if not with_targets:
            check_rows(flat_x, [], [])
            return Arrays(flat_x, [], [], structure, batch_size or 32)
        names = self._target_names(flat_x, structure)
        flat_y = flat_targets(y, names)
        weights = flat_targets(sample_weight, names, "sample_weight")
        check_rows(flat_x, flat_y, weights)
        check_targets(flat_y, names)
        if class_weight is not None:
            if len(names) > 1:
                raise ConfigError("class_weight goes with a single output; use sample_weight for several")
            if flat_y[0] is None:
                raise DataError("class_weight needs targets")
            weights = [weighted_by_class(flat_y[0], weights[0], class_weight)]
        return Arrays(flat_x, flat_y, weights, structure, batch_size or 32)

    def _target_names(self, x: Sequence[np.ndarray], structure: Any) -> list[str]:
        try:
            return list(self.output_names)  # type: ignore[attr-defined]
        except (AttributeError, ShapeError):
            pass
        if self._compilation.names:
            return self._compilation.names
        from symkeras.ops.leaves import placeholder_node

        stand_ins = [Tensor(placeholder_node(batch_type(a), "x")) for a in x]
        with tracing.Trace(), call_context():
            outputs = self(tree.pack_sequence_as(structure, stand_ins))  # type: ignore[operator]
        return self._names_of_outputs(len(tree.flatten(outputs)))

    # ---- running -----------------------------------------------------------------------------------------------------

    def _run_arrays(self, mode: str, data: Arrays, order: np.ndarray | None, steps: int | None, each: Callable[[int, Any], bool | None]) -> None:
        """Run one pass over arrays; `each(k, outputs)` is called after every batch and may end the pass."""
        step = self._step(mode, data.x, data.y, data.weights, data.structure)
        arrays = [a for a in (*data.x, *data.y, *data.weights) if a is not None]
        lease = step.executable.lease()
        size, rows = data.batch_size, data.rows
        try:
            shapes = None
            for k in range(data.steps if steps is None else steps):
                begin = (k * size) % (data.steps * size) if steps is not None else k * size
                count = min(size, rows - begin)
                if shapes is None or shapes[0] != count:
                    shapes = (count, tuple((count, *_inner(n, a)) for n, a in zip(step.executable.source_graph.inputs, arrays, strict=True)))
                call = lease.at(shapes[1])
                if order is not None:
                    rows_now = order[begin : begin + count]
                    for target, a in zip(call.inputs, arrays, strict=True):
                        if a.dtype == target.dtype and a.ndim == target.ndim:
                            a.take(rows_now, axis=0, out=target, mode="clip")
                        else:
                            fill(target, a[rows_now])
                else:
                    for target, a in zip(call.inputs, arrays, strict=True):
                        fill(target, a[begin : begin + count])
                if each(k, call.run()):
                    break
        finally:
            lease.close()

    def _run_batch(self, mode: str, x: Any, y: Any, sample_weight: Any, class_weight: Any = None) -> list[np.ndarray]:
        data = self._arrays(x, y, sample_weight, class_weight, None, mode != "predict")
        data.batch_size = data.rows
        out: list[Any] = []

        def each(k: int, outputs: Any) -> None:
            out.append(outputs)

        self._run_arrays(mode, data, None, None, each)
        return out[0]

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
            steps_per_epoch, validation_steps: batches per epoch; needed for endless generators.
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
            raise ConfigError(f"fit: unknown arguments {sorted(kwargs)}")
        if config.max_epochs() is not None:
            epochs = min(epochs, config.max_epochs())  # type: ignore[type-var]
        source, validation = self._training_data(x, y, batch_size, sample_weight, class_weight, validation_split, validation_data, steps_per_epoch)
        steps = steps_per_epoch if steps_per_epoch is not None else source.steps
        steps = _capped(steps)
        hooks = self._callbacks(callbacks, verbose, True, epochs=epochs, steps=steps)
        object.__setattr__(self, "stop_training", False)
        logs: dict[str, float] = {}
        with Interrupts() as interrupts:
            hooks.on_train_begin()
            for epoch in range(initial_epoch, epochs):
                self.reset_metrics()
                hooks.on_epoch_begin(epoch)
                self._train_epoch(source, steps, shuffle, hooks, interrupts, steps_per_epoch is not None, class_weight)
                logs = dict(self._logs())
                if validation is not None and _is_due(validation_freq, epoch + 1):
                    results = self.evaluate(
                        **validation, batch_size=validation_batch_size or batch_size, steps=validation_steps, callbacks=hooks, return_dict=True, verbose=0
                    )
                    logs.update({f"val_{k}": v for k, v in results.items()})
                hooks.on_epoch_end(epoch, logs)
                interrupts.check()
                if self.stop_training:
                    break
            hooks.on_train_end(logs)
        if self.optimizer.built:
            self.optimizer.finalize_variable_values(self.trainable_variables)  # type: ignore[attr-defined]
        return self.history

    def _training_data(self, x: Any, y: Any, batch_size: Any, sample_weight: Any, class_weight: Any, split: float, validation_data: Any,
                       steps: int | None) -> tuple[Any, Any]:  # fmt: skip
        if is_stream(x):
            if y is not None or sample_weight is not None or split:
                raise DataError("with a generator or sequence as x, targets and weights come from it; y, sample_weight and validation_split must not be given")
            source: Any = Stream(x, steps)
        else:
            source = self._arrays(x, y, sample_weight, class_weight, batch_size)
        if validation_data is not None:
            if is_stream(validation_data):
                return source, {"x": validation_data}
            vx, vy, vw = unpack(tuple(validation_data))
            return source, {"x": vx, "y": vy, "sample_weight": vw}
        if split:
            source, held = source.split(split)
            pack = held.structure if len(held.x) > 1 else None
            vx = tree.pack_sequence_as(pack, held.x) if pack is not None else held.x[0]
            names = list(self._target_names(source.x, source.structure))
            single = len(names) == 1
            return source, {"x": vx, "y": held.y[0] if single else held.y, "sample_weight": held.weights[0] if single else (held.weights if any(w is not None for w in held.weights) else None)}
        return source, None

    def _callbacks(self, callbacks: Any, verbose: Any, is_fit: bool, **params: Any) -> Any:
        from symkeras.callbacks import CallbackList

        if isinstance(callbacks, CallbackList):
            return callbacks
        verbose = 1 if verbose == "auto" else int(verbose)
        return CallbackList(callbacks, add_history=is_fit, add_progbar=verbose != 0, verbose=verbose, model=self, **params)

    def _train_epoch(self, source: Any, steps: int | None, shuffle: bool, hooks: Any, interrupts: Interrupts, is_counted: bool, class_weight: Any) -> None:
        per = self._compilation.steps_per_execution
        listens = hooks.uses_hook("on_train_batch_end")

        def each(k: int, outputs: Any) -> bool:
            if listens and ((k + 1) % per == 0 or k + 1 == steps):
                hooks.on_train_batch_end(k, LazyLogs(self._logs))
            if interrupts.pending:
                interrupts.check()
            if listens and hooks.has_train_batch_hooks and not self.stop_training and (k + 1) % per == 0 and (steps is None or k + 1 < steps):
                hooks.on_train_batch_begin(k + 1)
            return self.stop_training

        if hooks.has_train_batch_hooks:
            hooks.on_train_batch_begin(0)
        if isinstance(source, Stream):
            self._train_stream(source, shuffle, each, class_weight)
            return
        order = np.random.permutation(source.rows) if shuffle else None
        self._run_arrays("train", source, order, steps if is_counted or steps != source.steps else None, each)

    def _train_stream(self, source: Stream, shuffle: bool, each: Callable[[int, Any], bool], class_weight: Any) -> None:
        for k, batch in enumerate(source.epoch(shuffle)):
            bx, by, bw = unpack(batch)
            outputs = self._run_batch("train", bx, by, bw, class_weight)
            if each(k, outputs):
                return

    # ---- evaluate, predict ---------------------------------------------------------------------------------------------

    def evaluate(self, x: Any = None, y: Any = None, batch_size: int | None = None, verbose: Any = "auto", sample_weight: Any = None,
                 steps: int | None = None, callbacks: Any = None, return_dict: bool = False, **kwargs: Any) -> Any:  # fmt: skip
        """The loss and metrics of the model on data.

        Returns:
            The loss, or a list [loss, losses of the outputs, metrics], or with `return_dict` a dict of them by name.
        """
        self._require_compiled("evaluate")
        if kwargs:
            raise ConfigError(f"evaluate: unknown arguments {sorted(kwargs)}")
        source = Stream(x, steps) if is_stream(x) else self._arrays(x, y, sample_weight, None, batch_size)
        count = _capped(steps if steps is not None else source.steps)
        hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=count)
        self.reset_metrics()
        hooks.on_test_begin()
        listens = hooks.has_test_batch_hooks if _is_nested(callbacks) else hooks.uses_hook("on_test_batch_end")

        def each(k: int, outputs: Any) -> None:
            if listens:
                hooks.on_test_batch_end(k, LazyLogs(self._logs))
                if hooks.has_test_batch_hooks and (count is None or k + 1 < count):
                    hooks.on_test_batch_begin(k + 1)

        if hooks.has_test_batch_hooks:
            hooks.on_test_batch_begin(0)
        if isinstance(source, Stream):
            for k, batch in enumerate(source.epoch()):
                bx, by, bw = unpack(batch)
                each(k, self._run_batch("test", bx, by, bw))
        else:
            self._run_arrays("test", source, None, count if count != source.steps else None, each)
        logs = self._logs()
        hooks.on_test_end(logs)
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto", steps: int | None = None, callbacks: Any = None) -> Any:
        """The outputs of the model for data, in the nesting of its outputs."""
        parts: list[list[np.ndarray]] = []
        if is_stream(x):
            source: Any = Stream(x, steps)
        else:
            flat, structure = flat_inputs(x, self._names_of_inputs())
            source = Arrays(flat, [], [], structure, batch_size or 32)
            check_rows(flat, [], [])
        count = _capped(steps if steps is not None else source.steps)
        is_loud = verbose not in (0, "0") or callbacks
        hooks = self._callbacks(callbacks, verbose, False, epochs=1, steps=count) if is_loud else None
        if hooks is not None:
            hooks.on_predict_begin()

        def each(k: int, outputs: list[np.ndarray]) -> None:
            parts.append(outputs)
            if hooks is not None:
                hooks.on_predict_batch_end(k, {"outputs": outputs})

        if isinstance(source, Stream):
            for k, batch in enumerate(source.epoch()):
                each(k, self._run_batch("predict", unpack(batch)[0], None, None))
        else:
            self._run_arrays("predict", source, None, count if count != source.steps else None, each)
        if hooks is not None:
            hooks.on_predict_end()
        if not parts:
            raise DataError("predict: there is no data")
        joined = parts[0] if len(parts) == 1 else [np.concatenate(p) for p in zip(*parts, strict=True)]
        structure = self._last["predict"].structure
        return joined[0] if not tree.is_nested(structure) else tree.pack_sequence_as(structure, joined)

    # ---- one batch -----------------------------------------------------------------------------------------------------

    def train_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False) -> Any:
        """One training step; returns the metrics as they stand (they go on from call to call, as Keras' do)."""
        self._require_compiled("train_on_batch")
        self._run_batch("train", x, y, sample_weight, class_weight)
        return self._reported(return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The metrics after one more batch, without training."""
        self._require_compiled("test_on_batch")
        self._run_batch("test", x, y, sample_weight)
        return self._reported(return_dict)

    def _reported(self, return_dict: bool) -> Any:
        logs = self._logs()
        values = [np.float32(v) if np.ndim(v) == 0 else v for v in logs.values()]
        return dict(zip(logs, values, strict=True)) if return_dict else values[0] if len(values) == 1 else values

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch."""
        outputs = self._run_batch("predict", x, None, None)
        structure = self._last["predict"].structure
        return outputs[0] if not tree.is_nested(structure) else tree.pack_sequence_as(structure, outputs)

    # ---- 2017 ----------------------------------------------------------------------------------------------------------

    def fit_generator(self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
                      validation_data: Any = None, validation_steps: int | None = None, class_weight: Any = None, max_queue_size: int = 10,
                      workers: int = 1, use_multiprocessing: bool = False, initial_epoch: int = 0, **kwargs: Any) -> Any:  # fmt: skip
        """`fit` on a generator, as Keras 2 spelled it; batches are made in this process when they are needed."""
        return self.fit(
            generator, steps_per_epoch=steps_per_epoch, epochs=epochs, verbose=verbose, callbacks=callbacks, validation_data=validation_data,
            validation_steps=validation_steps, class_weight=class_weight, initial_epoch=initial_epoch,
        )  # fmt: skip

    def evaluate_generator(self, generator: Any, steps: int | None = None, **kwargs: Any) -> Any:
        """`evaluate` on a generator."""
        return self.evaluate(generator, steps=steps, verbose=0)

    def predict_generator(self, generator: Any, steps: int | None = None, verbose: Any = 0, **kwargs: Any) -> Any:
        """`predict` on a generator."""
        return self.predict(generator, steps=steps, verbose=verbose)


def _kinds(arrays: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(None if a is None else (a.dtype.kind, a.shape[1:]) for a in arrays)


def _inner(node: Any, array: np.ndarray) -> tuple[int, ...]:
    """The shape of a row of an input, with a last axis of 1 where the data leaves it out."""
    expected = node.tensor_type.shape
    return (*array.shape[1:], 1) if array.ndim == len(expected) - 1 else array.shape[1:]


def _check_shape(a: np.ndarray, expected: TensorType | None, name: str, model: str) -> None:
    if expected is None:
        return
    shape = expected.shape
    if a.ndim == len(shape) - 1 and shape[-1] == 1:
        return
    fits = a.ndim == len(shape) and all(not isinstance(s, int) or s == n for s, n in zip(shape[1:], a.shape[1:], strict=True))
    if not fits:
        shown = tuple(str(s) for s in shape)
        raise ShapeError(f"model {model!r}: input {name!r} expects arrays of shape ({', '.join(shown)}), received shape {a.shape}")


def _target_like(output: Tensor, loss: Any) -> np.ndarray:
    """A stand-in for the targets of an output."""
    shape = [1 if d is None else d for d in output.shape]
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", ""))
    if "sparse" in str(name):
        return np.zeros(shape[:-1], "int32")
    return np.zeros(shape, "float32")


def _capped(steps: int | None) -> int | None:
    most = config.max_steps_per_epoch()
    return steps if most is None else most if steps is None else min(steps, most)


def _is_due(frequency: Any, epoch: int) -> bool:
    return epoch % frequency == 0 if isinstance(frequency, int) else epoch in frequency


def _is_nested(callbacks: Any) -> bool:
    from symkeras.callbacks import CallbackList

    return isinstance(callbacks, CallbackList)
