"""`Layer`: weights and a computation, as in Keras 3.

A layer called on symbolic tensors emits nodes; called on arrays it computes at once with the same code. Outside of a
trace a symbolic call also records itself (`CallRecord`), which is what functional models are made of: they run the
layers again whenever a function is compiled, with `training` then known.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symkeras import dtype_policies, ops, tree
from symkeras.arguments import boolean, checked, instance, one_of, optional, real_numbers, refusal, settings, several, text
from symkeras.distribution.scope import distribution
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.dtype_policies.dtype_policy_map import DTypePolicyMap
from symkeras.errors import ConfigError, ShapeError, SymkerasError
from symkeras.foreign_dtypes import kind
from symkeras.graph import autocast, dims, dtypes, provenance, room, stateless, tracing
from symkeras.graph.ownership import note_change
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.layers import keras_1
from symkeras.layers.calls import CallRecord, KerasHistory, _context, call_context, definition_context, mask_of, set_mask
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.inbound_calls import InboundCalls
from symkeras.layers.input_spec import InputSpec, check_input_spec
from symkeras.layers.operation import Operation
from symkeras.layers.precision import Precision
from symkeras.layers.replay import evaluated
from symkeras.layers.result import Result
from symkeras.layers.state_names import state_names
from symkeras.layers.stateless_calls import StatelessCalls
from symkeras.layers.tracking import Tracker, restore, state_of

_AGGREGATIONS = ("none", "mean", "sum", "only_first_replica")
_NOWHERE: AbstractContextManager[None] = nullcontext()
_STORE = instance(Mapping, "a dict or a part of a file")  # type: ignore[type-abstract]


class Layer(InboundCalls, Precision, StatelessCalls, Operation):
    """A piece of a model: `build` makes weights, `call` computes.

    Args:
        activity_regularizer: penalty on the output, added to the loss.
        trainable: whether the weights receive gradients.
        dtype: dtype of weights and computation, or a `DTypePolicy` or its name ("mixed_float16"); `config.dtype_policy` when None.
        autocast: whether floating inputs are cast to that dtype.
        name: unique within a model; made from the class name when None.
        **kwargs: the 2017 spellings `input_shape`, `batch_input_shape`, `input_dim`, `input_length`, `batch_size`, and `weights`, arrays that
            the weights begin with.

    Raises:
        ConfigError: an argument that no layer has.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="gain")
        ...     def call(self, inputs):
        ...         return inputs * self.gain
        >>> Scale()(np.array([[1.0, 2.0]])).tolist()
        [[1.0, 2.0]]
    """

    _tracked_as = "layers"
    _tracker: Tracker
    built: bool
    name: str

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Weights and settings are attributes that subclasses set."""

    _made_anew = frozenset({"_inbound_nodes", "_losses", "_call_signature", "_lines"})
    """Attributes that copies and pickles do not hold: symbolic calls belong to the models that replay them."""

    _marks_built = True
    """Whether a call of `build` alone makes the layer built; models decide for themselves."""

    autograph_info__: ClassVar[dict[str, Any]] = {}
    """Tells TensorFlow to call a layer as it is, rather than to write its code anew."""

    _needs_no_build = False
    """Whether a layer is built as soon as it is made, unless a subclass defines `build`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = _marking_built(cls.__dict__["build"])  # type: ignore[method-assign]
        if isinstance(own := cls.__dict__.get("compute_output_shape"), FunctionType):
            cls.compute_output_shape = _given_shapes(own)  # type: ignore[method-assign]
        if cls.__name__ in keras_1.SPELLINGS and cls.__module__.startswith("symkeras.layers."):
            cls.__init__ = keras_1.respelled(cls.__init__, cls.__name__)  # type: ignore[method-assign]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls, *args, **kwargs)
        object.__setattr__(instance, "_tracker", Tracker())
        object.__setattr__(instance, "built", False)
        object.__setattr__(instance, "_lines", provenance.user_lines())
        return instance

    @checked(trainable=boolean, autocast=boolean, name=optional(text))
    def __init__(self, *, activity_regularizer: Any = None, trainable: bool = True, dtype: Any = None, autocast: bool = True,
                 name: str | None = None, **kwargs: Any):  # fmt: skip
        from symkeras import regularizers
        from symkeras.utils.naming import auto_name, to_snake_case

        self._batch_input_shape = _legacy_input_shape(kwargs)
        self._first_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ConfigError(f"{type(self).__name__}: unrecognized keyword arguments {sorted(kwargs)}")
        self.name = str(name) if name is not None else auto_name(to_snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._dtype_policy = dtype_policies.get(dtype)
        self._path: str | None = None
        self.autocast = autocast
        self.built = self._needs_no_build and type(self).build is Layer.build
        self.input_spec: Any = None
        self.supports_masking = False
        self._trainable = bool(trainable)
        self._inbound_nodes: list[CallRecord] = []
        self._added_losses: list[Any] = []
        self._losses: list[tuple[Any, Any]] = []
        self._input_shapes: Any = None
        self._call_signature = inspect.signature(self.call)
        names = self._call_signature.parameters
        self._takes_training = "training" in names
        self._takes_mask = "mask" in names

    # ---- weights -------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _NOT_OWNED:
            value = self._tracker.renew(self.__dict__.get(name), value)
        object.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return state_of(self, self._made_anew)

    def __setstate__(self, state: dict[str, Any]) -> None:
        restore(self, state)
        for name in ("_inbound_nodes", "_losses"):
            object.__setattr__(self, name, [])
        object.__setattr__(self, "_call_signature", inspect.signature(self.call))

    def __delattr__(self, name: str) -> None:
        self._tracker.forget(getattr(self, name, None))
        object.__delattr__(self, name)

    @checked(trainable=boolean, autocast=boolean, overwrite_with_gradient=boolean, name=optional(text), aggregation=optional(one_of(*_AGGREGATIONS)))
    def add_weight(self, shape: Any = None, initializer: Any = None, dtype: Any = None, trainable: bool = True, autocast: bool = True,
                   regularizer: Any = None, constraint: Any = None, aggregation: str = "none", overwrite_with_gradient: bool = False,
                   name: str | None = None) -> Variable:  # fmt: skip
        """A new weight of this layer.

        Args:
            shape: sizes of its axes, `()` by default.
            initializer: name, object or function; Glorot uniform for floats, zeros otherwise, when None.
            dtype: the layer's variable dtype when None.
            trainable: whether it receives gradients.
            autocast: whether it is read in the dtype that the layer computes in, where that is another one.
            regularizer, constraint: applied to it while training.
            name: shown in summaries and files.
        """
        from symkeras import constraints, initializers, regularizers

        if overwrite_with_gradient:
            raise ConfigError("overwrite_with_gradient belongs to float8 training, which symkeras does not offer")
        shape = () if shape is None else tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        if any(not isinstance(d, (int, np.integer)) for d in shape):
            raise ShapeError(f"layer {self.name!r}: a weight {name or ''} of shape {shape} needs known sizes; give the input's sizes")
        dtype = dtypes.standardize(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        initial = initializers.get(initializer)
        variable = Variable(
            lambda *args, **kwargs: evaluated(initial(*args, **kwargs)), shape=shape, dtype=dtype, trainable=trainable, name=name,
            regularizer=regularizers.get(regularizer), constraint=constraints.get(constraint), autocast=autocast,
        )  # fmt: skip
        self._tracker.add(variable)
        return variable

    def add_variable(self, shape: Any, initializer: Any, dtype: Any = None, trainable: bool = True, autocast: bool = True, regularizer: Any = None,
                     constraint: Any = None, name: str | None = None) -> Variable:  # fmt: skip
        """A new weight of this layer; see `add_weight`."""
        return self.add_weight(shape, initializer, dtype, trainable, autocast, regularizer, constraint, name=name)

    @property
    def trainable(self) -> bool:
        """Whether the weights of this layer and its sublayers receive gradients."""
        return _context.trainable.get(self, self._trainable) if _context.trainable else self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        value = bool(value)
        note_change()
        object.__setattr__(self, "_trainable", value)
        for layer in self._layers:
            layer.trainable = value

    @property
    def _layers(self) -> list[Layer]:
        return self._tracker.layers

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> Iterator[Layer]:
        """This layer and all below it, each once, in order of definition."""
        seen: set[int] = set()
        stack: list[Layer] = [self] if include_self else list(reversed(self._layers))
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                if recursive or layer is self:
                    stack.extend(reversed(layer._layers))

    def _collect(self, own: Callable[[Layer], Sequence[Variable]]) -> list[Variable]:
        found: dict[int, Variable] = {}
        for layer in self._flatten_layers():
            for v in own(layer):
                found.setdefault(v.uid, v)
        return list(found.values())

    @property
    def weights(self) -> list[Variable]:
        """All weights: own trainable ones, own others, then those of sublayers."""
        return self._collect(lambda layer: layer._tracker.weights)

    @property
    def variables(self) -> list[Variable]:
        """All state: weights, seeds of random layers and metric variables."""
        return self._collect(lambda layer: layer._tracker.variables)

    @property
    def trainable_weights(self) -> list[Variable]:
        """Weights that receive gradients."""
        frozen = {v.uid for layer in self._flatten_layers() if not layer.trainable for v in layer.weights}
        return [v for v in self.weights if v.trainable and v.uid not in frozen]

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """Weights that do not receive gradients."""
        trainable = {v.uid for v in self.trainable_weights}
        return [v for v in self.weights if v.uid not in trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """All state that does not receive gradients."""
        trainable = {v.uid for v in self.trainable_weights}
        return [v for v in self.variables if v.uid not in trainable]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that this layer and those below it hold."""
        return list({id(m): m for layer in self._flatten_layers() for m in layer._tracker.metrics}.values())

    @property
    def metrics_variables(self) -> list[Variable]:
        """The state of all metrics."""
        return [v for m in self.metrics for v in m.variables]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of the weights, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    @checked(weights=several(real_numbers))
    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights; nothing changes when one does not fit.

        Raises:
            ShapeError: another number of arrays, or another shape.
        """
        own, given = self.weights, [np.asarray(w) for w in weights]
        if len(own) != len(given):
            raise ShapeError(f"layer {self.name!r} has {len(own)} weights, received {len(given)} arrays")
        for v, w in zip(own, given, strict=True):
            if v.shape != w.shape:
                raise ShapeError(f"layer {self.name!r}: weight {v.path!r} expects shape {v.shape}, received {w.shape}")
        for v, w in zip(own, given, strict=True):
            v.set(w)

    def count_params(self) -> int:
        """Number of elements in all weights."""
        if not self.built:
            raise SymkerasError(f"layer {self.name!r} has no weights yet: call it, or build it, first")
        return sum(v.size for v in self.weights)

    # ---- losses --------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any, inputs: Any = None) -> None:
        """Add scalar losses to what training minimises.

        Args:
            loss: a tensor or a list of them, in `call`; or, anywhere, a function without arguments. A functional model
                also takes tensors of its graph.
            inputs: what Keras 2 asked for; the graph says by itself what a loss depends on.

        Raises:
            ConfigError: a symbolic tensor outside of `call`, for a layer that is no functional model; something else than numbers or functions.

        Example:
            >>> class Small(Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(ops.sum(ops.square(inputs)))
            ...         return inputs
            >>> layer = Small()
            >>> _ = layer(np.array([1.0, 2.0]))
            >>> [float(loss) for loss in layer.losses]
            [5.0]
        """
        for one in loss if isinstance(loss, (list, tuple)) else [loss]:
            if isinstance(one, Callable) and not isinstance(one, Tensor):
                self._added_losses.append(one)
                continue
            if not isinstance(one, (Tensor, Variable)):
                real_numbers(one, f"layer {self.name!r}: a loss")
            if _context.depth:
                _context.losses.append((self, one))
            elif isinstance(one, Tensor):
                self._add_loss_of_graph(one)
            else:
                self._losses.append((None, one))

    def _add_loss_of_graph(self, loss: Tensor) -> None:
        raise ConfigError(
            f"layer {self.name!r}: outside of call() only a functional model takes a tensor as a loss, received {loss!r} "
            f"({provenance.user_line()}); give a function without arguments"
        )

    @property
    def losses(self) -> list[Any]:
        """What was added in the call under way, or else in the last one; functions given to `add_loss`; penalties of weights."""
        layers = list(self._flatten_layers())
        if _context.depth:
            own = {id(layer) for layer in layers}
            found = [loss for layer, loss in _context.losses if id(layer) in own]
        else:
            found = [loss for layer in layers for loss in layer._kept_losses()]
        found += [fn() for layer in layers for fn in layer._added_losses]
        return found + self._regularization_losses()

    def _kept_losses(self) -> list[Any]:
        trace = tracing.current()
        if trace is None:
            return [loss for made_in, loss in self._losses if made_in is None]
        return [loss for made_in, loss in self._losses if made_in is not None and made_in() is trace]

    def _keep_losses(self) -> None:
        """Remember the losses of the outermost call that ends here; those of a trace are seen only in it."""
        trace = tracing.current()
        made_in = None if trace is None else weakref.ref(trace)
        for layer in self._flatten_layers():
            if layer._losses:
                layer._losses = []
        scope = stateless.current()
        for layer, loss in _context.losses:
            kept = evaluated(loss)
            layer._losses.append((made_in, kept))
            if scope is not None and scope.collect_losses:
                scope.add_loss(kept)

    def _regularization_losses(self) -> list[Any]:
        return [v.regularizer(v.value) for v in self.trainable_weights if v.regularizer is not None]

    # ---- calling -------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Make the weights for inputs of `input_shape`; layers without weights need not define it."""
        if self._marks_built:
            _check_shapes(self, "build", (input_shape,), {})
        self.built = True

    def _scope(self) -> AbstractContextManager[None]:
        """What gives the nodes of a call the layer's name."""
        return provenance.layer_scope(self.name)

    @contextmanager
    def _building(self) -> Iterator[None]:
        """Weights made inside are named after the layer, once: a `build` calls that of its base class."""
        if "_is_building" in self.__dict__:
            yield
            return
        object.__setattr__(self, "_is_building", True)
        try:
            with self._scope():
                if self.path is None:
                    self._path = provenance.layer_path() or self.name
                yield
        finally:
            object.__delattr__(self, "_is_building")

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define call()")

    @callable_in_tensorflow
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.path is None:
            self._path = "/".join(p for p in (provenance.layer_path(), self.name) if p)
        args, kwargs = self._converted(args, kwargs)
        is_symbolic = any(isinstance(x, Tensor) for x in tree.flatten((args, kwargs) if kwargs else args))
        first = args[0] if args else next(iter(kwargs.values()), None)
        check_input_spec(self.input_spec, first, self.name)
        if not self.built:
            self._build_for(args, kwargs)
            check_input_spec(self.input_spec, first, self.name)
        is_outermost, is_in_trace = _context.depth == 0, tracing.current() is not None
        is_functional = is_symbolic and not is_in_trace and is_outermost
        outer = call_context() if is_outermost else _NOWHERE
        trace = tracing.Trace() if is_symbolic and not is_in_trace else _NOWHERE
        with outer, trace, self._scope():
            outputs = self._call(args, dict(kwargs), first)
            if not is_symbolic and not is_in_trace:
                outputs = tree.map_structure(evaluated, outputs)
            if is_outermost and not is_functional:
                self._keep_losses()
                outputs = _as_results(outputs)
        if is_functional:
            outputs = self._record(args, kwargs, outputs)
        return outputs

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], first: Any) -> Any:
        room.count_calls()
        before = _context.training
        training = kwargs.get("training")
        if training is None and before is not None:
            training = before
        if self._takes_training and (training is not None or "training" not in kwargs):
            if training is not None:
                kwargs["training"] = training
        elif not self._takes_training:
            kwargs.pop("training", None)
        if self._takes_mask and kwargs.get("mask") is None:
            mask = tree.map_structure(mask_of, first)
            if any(m is not None for m in tree.flatten(mask)):
                kwargs["mask"] = mask
        _context.training = training
        _context.depth += 1
        try:
            with autocast.reading_as(self._read_dtype()):
                outputs = self.call(*args, **kwargs)
        finally:
            _context.training = before
            _context.depth -= 1
        shared = distribution()
        if shared is not None:
            outputs = shared.lay_out(outputs, f"{provenance.layer_path()}/output")
        if self.activity_regularizer is not None:
            for y in tree.flatten(outputs):
                _context.losses.append((self, self._activity_loss(y)))
        self._set_masks(first, kwargs.get("mask") if self._takes_mask else None, outputs)
        return outputs

    def _activity_loss(self, y: Any) -> Any:
        """The penalty on an output per row; half floats are summed as single ones."""
        dtype = "float32" if self.compute_dtype in dtypes.NARROW else self.compute_dtype
        rows = ops.shape(y)[0]
        batch = ops.cast(ops.as_tensor(rows) if isinstance(rows, dims.Dim) else rows, dtype)
        return self.activity_regularizer(ops.cast(y, dtype) if ops.op.dtype_of(y) in dtypes.NARROW else y) / ops.maximum(batch, 1)

    def _set_masks(self, inputs: Any, given: Any, outputs: Any) -> None:
        if not self.supports_masking and type(self).compute_mask is Layer.compute_mask:
            return
        previous = tree.map_structure(mask_of, inputs) if given is None else given
        masks = self.compute_mask(inputs, previous)
        if masks is None:
            return
        flat_out = tree.flatten(outputs)
        flat_masks = tree.flatten(masks)
        for y, m in zip(flat_out, flat_masks, strict=False):
            if m is not None:
                set_mask(y, m)

    def _converted(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        dtype = self.compute_dtype

        def convert(x: Any) -> Any:
            if isinstance(x, Variable):
                x = x.value
            if isinstance(x, (np.ndarray, np.generic)) and kind(x.dtype) in "fiub":
                if kind(x.dtype) == "f" and self.autocast:
                    return x.astype(dtype, copy=False)
                return x
            if isinstance(x, Tensor) and self.autocast and dtypes.is_float(x.dtype) and x.dtype != dtype:
                history, mask = x._keras_history, x._keras_mask
                x = ops.cast(x, dtype)
                x._keras_mask = mask
                del history
            return x

        def leafwise(value: Any) -> Any:
            if isinstance(value, list) and value and all(isinstance(v, (int, float)) for v in tree.flatten(value)):
                return convert(np.asarray(value, dtype=None))
            return tree.map_structure(convert, value) if tree.is_nested(value) else convert(value)

        return tuple(leafwise(a) for a in args), {k: leafwise(v) for k, v in kwargs.items()}

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        shapes = self._build_shapes(args, kwargs)
        with tracing.suspended(), definition_context(), autocast.reading_as(None):
            try:
                self.build(*shapes)
            except SymkerasError as error:
                raise type(error)(
                    f"{error} (building layer {self.name!r} for input shape {shapes[0] if shapes else ()}, {provenance.user_line()})"
                ) from error
        self._input_shapes = shapes
        self.built = True

    def _build_shapes(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """What `build` is called with: the shape of the first input, or, by name, `query_shape` for the `query` of `call`."""
        parameters = _parameters_of_build(self)
        if len(parameters) < 2:
            bound = list(args) + [v for v in kwargs.values() if any(isinstance(t, (Tensor, np.ndarray)) for t in tree.flatten(v))]
            return [tree.map_structure(shape_of, a) for a in bound[: len(parameters)]]
        given, names = self._call_signature.bind(*args, **kwargs).arguments, self._call_signature.parameters
        shapes: list[Any] = []
        for p in parameters:
            name = p.name.removesuffix("_shape")
            if name == p.name or name not in names:
                if p.default is not p.empty:
                    break
                why = "without _shape at its end" if name == p.name else f"and call() takes no {name!r}"
                what = f"{type(self).__name__} {self.name!r}: build() takes {p.name!r}"
                raise ConfigError(f"{what}, {why}; of several each is named after an input")
            shapes.append(tree.map_structure(shape_of, given[name]) if name in given else None)
        return shapes

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> Any:
        def distinct(y: Any) -> Any:
            if not isinstance(y, Tensor):
                return y
            out = ops.boundary(y, self.name)
            out._keras_mask = y._keras_mask
            return out

        with provenance.layer_scope(self.name):
            outputs = tree.map_structure(distinct, outputs)
        CallRecord(self, args, kwargs, outputs)
        return outputs

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """The mask of the outputs; by default that of the inputs, where the layer supports masking."""
        return previous_mask

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """The output shape for an input shape, by calling the layer on a symbolic input."""
        return tree.map_structure(lambda t: t.shape, self._symbolic_outputs(*args, **kwargs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs for symbolic inputs, without a record of the call."""
        with tracing.Trace(), call_context():
            return self(*args, **kwargs)

    def _symbolic_outputs(self, input_shape: Any) -> Any:
        from symkeras.layers.input import symbolic_input

        inputs = map_shapes(lambda s: symbolic_input(s, self.compute_dtype), input_shape)
        return self.compute_output_spec(inputs)

    # ---- config --------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this layer again, weights aside."""
        base: dict[str, Any] = {"name": self.name, "trainable": self._trainable, "dtype": dtype_policies.serialize(self._dtype_policy)}
        if self.activity_regularizer is not None:
            from symkeras import regularizers

            base["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        if type(self).get_config is Layer.get_config:
            base |= self._init_config()
        return base

    def _init_config(self) -> dict[str, Any]:
        """The arguments of `__init__` as they were given, for layers that do not write `get_config`."""
        args, kwargs = self._init_arguments
        names = [p.name for p in inspect.signature(type(self).__init__).parameters.values()][1:]
        given = dict(zip(names, args, strict=False)) | kwargs
        return {k: v for k, v in given.items() if k not in ("name", "trainable", "dtype")}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from its config."""
        config = dict(config)
        if isinstance(config.get("dtype"), (dict, DTypePolicy)):
            policy = dtype_policies.get(config["dtype"])
            config["dtype"] = policy if isinstance(policy, DTypePolicyMap) else policy.name
        try:
            return cls(**config)
        except SymkerasError:
            raise
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}.from_config: {error}; config {config}") from error

    def get_build_config(self) -> dict[str, Any] | None:
        """The input shapes this layer was built for."""
        if not self._input_shapes:
            return None
        if len(self._input_shapes) > 1:
            return {"shapes_dict": {p.name: shape for p, shape in zip(_parameters_of_build(self), self._input_shapes, strict=False)}}
        return {"input_shape": self._input_shapes[0]}

    @checked(config=settings)
    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes of `get_build_config`."""
        shape = config.get("input_shape")
        if shape is not None and not self.built:
            with tracing.suspended():
                self.build(map_shapes(tuple, shape))
            self._input_shapes = [map_shapes(tuple, shape)]
            self.built = True
        elif config.get("shapes_dict") and not self.built:
            shapes = {name: None if shape is None else map_shapes(tuple, shape) for name, shape in config["shapes_dict"].items()}
            with tracing.suspended():
                self.build(**shapes)
            self._input_shapes = list(shapes.values())
            self.built = True

    @checked(store=_STORE)
    def save_own_variables(self, store: Any) -> None:
        """Put this layer's own variables into `store` under "0", "1", ..."""
        for k, v in enumerate(self._tracker.weights):
            store[str(k)] = v.numpy()

    @checked(store=_STORE)
    def load_own_variables(self, store: Any) -> None:
        """Read this layer's own variables from `store`."""
        own = self._tracker.weights
        self._check_stored(store, len(own))
        for k, v in enumerate(own):
            v.set(np.asarray(store[str(k)]))

    def _check_stored(self, store: Any, count: int) -> None:
        if len(store.keys()) != count:
            raise ShapeError(f"layer {self.name!r} has {count} own variables, the file holds {len(store.keys())}")

    _state_kind = "layer"

    def _state_names(self) -> list[str]:
        """The attributes through which files find what has state of its own below this layer."""
        return state_names(self, Layer)

    def _state_variables(self) -> list[Variable] | None:
        """The own variables that a file has, in order; None for a class that reads them in its own way."""
        return self._tracker.weights if type(self).load_own_variables is Layer.load_own_variables else None

    def _variables_written(self) -> list[Variable]:
        """What reading this layer from a file may write."""
        return self.variables

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


_NOT_OWNED = frozenset({"_inbound_nodes", "_added_losses", "_losses", "_input_shapes"})
"""Attributes for the layer's own books."""


def _marking_built(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build`, under the layer's name, after which the layer is built however it was called."""

    @functools.wraps(build)
    def built(self: Layer, *args: Any, **kwargs: Any) -> Any:
        if self._marks_built:
            _check_shapes(self, "build", args, kwargs)
        with self._building():
            result = build(self, *args, **kwargs)
        if self._marks_built:
            self.built = True
            if self._input_shapes is None and args:
                self._input_shapes = list(args)
        if self._first_weights is not None and type(self).build is built:  # all of them are there
            self.set_weights(self._first_weights)
            self._first_weights = None
        return result

    return built


def _parameters_of_build(layer: Layer) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(layer.build).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _given_shapes(compute: Callable[..., Any]) -> Callable[..., Any]:
    """`compute_output_shape`, which is told what is no shape."""

    @functools.wraps(compute)
    def computed(self: Layer, *args: Any, **kwargs: Any) -> Any:
        _check_shapes(self, "compute_output_shape", args, kwargs)
        return compute(self, *args, **kwargs)

    return computed


def _check_shapes(layer: Layer, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    given = args[0] if args else next(iter(kwargs.values()), None)
    if given is not None and (isinstance(given, (str, bytes)) or not hasattr(given, "__getitem__")):
        raise refusal(f"{type(layer).__name__}.{method}: input_shape", "a shape, or several in a list, tuple or dict", given)


def _as_results(outputs: Any) -> Any:
    """Arrays among the outputs of an outermost call as what they are from then on; one that comes twice stays one."""
    if isinstance(outputs, np.ndarray):
        return Result.of(outputs, mask_of(outputs))
    results = {id(y): Result.of(y, mask_of(y)) for y in tree.flatten(outputs) if isinstance(y, np.ndarray)}
    return tree.map_structure(lambda y: results.get(id(y), y), outputs)


def shape_of(x: Any) -> Any:
    """The shape with None for symbolic sizes, or None for what has no shape."""
    return tuple(x.shape) if isinstance(x, (Tensor, np.ndarray)) else None


def map_shapes(fn: Callable[[Any], Any], shapes: Any) -> Any:
    """`fn` on every shape of a nesting of shapes (tuples or lists of sizes)."""
    if isinstance(shapes, dict):
        return {k: map_shapes(fn, v) for k, v in shapes.items()}
    if isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, dict)) for s in shapes):
        return [map_shapes(fn, s) for s in shapes]
    return fn(tuple(shapes))


def _legacy_input_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """Take the 2017 spellings of the input's shape out of `kwargs`; the shape with the batch axis, or None."""
    batch = kwargs.pop("batch_size", None)
    batch_shape = kwargs.pop("batch_input_shape", kwargs.pop("batch_shape", None))
    shape = kwargs.pop("input_shape", None)
    width = kwargs.pop("input_dim", None)
    length = kwargs.pop("input_length", None)
    if batch_shape is not None:
        return tuple(batch_shape)
    if shape is not None:
        return (batch, *((shape,) if isinstance(shape, int) else shape))
    if width is not None:
        return (batch, width) if length is None else (batch, length, width)
    return None


__all__ = ["CallRecord", "InputSpec", "KerasHistory", "Layer", "call_context", "map_shapes", "mask_of", "set_mask", "shape_of"]
