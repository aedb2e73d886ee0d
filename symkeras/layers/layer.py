"""`Layer`: weights and a computation, as in Keras 3.

A layer called on symbolic tensors emits nodes; called on arrays it computes at once with the same code. Outside of a
trace a symbolic call also records itself (`CallRecord`), which is what functional models are made of: they run the
layers again whenever a function is compiled, with `training` then known.
"""

from __future__ import annotations

import copy
import inspect
from contextlib import AbstractContextManager, nullcontext, suppress
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from symkeras import dtype_policies, ops, tree
from symkeras.arguments import boolean, checked, optional, text
from symkeras.distribution.scope import distribution
from symkeras.dtype_policies.dtype_policy import DTypePolicy
from symkeras.errors import ConfigError
from symkeras.foreign_dtypes import kind
from symkeras.graph import autocast, dims, dtypes, provenance, room, tracing
from symkeras.graph.tensor import Tensor
from symkeras.graph.variable import Variable
from symkeras.layers import keras_1
from symkeras.layers.added_losses import AddedLosses
from symkeras.layers.building import Building, given_shapes, marking_built
from symkeras.layers.calls import CallRecord, _context, call_context, mask_of, set_mask
from symkeras.layers.in_tensorflow import callable_in_tensorflow
from symkeras.layers.inbound_calls import InboundCalls
from symkeras.layers.input_spec import check_input_spec
from symkeras.layers.operation import Operation
from symkeras.layers.owned_weights import OwnedWeights
from symkeras.layers.precision import Precision, quantizing
from symkeras.layers.replay import evaluated
from symkeras.layers.result import Result
from symkeras.layers.saved_state import SavedState
from symkeras.layers.shapes import legacy_input_shape, map_shapes
from symkeras.layers.state_names import state_names
from symkeras.layers.stateless_calls import StatelessCalls
from symkeras.layers.tracking import Tracker, restore, state_of

_NOWHERE: AbstractContextManager[None] = nullcontext()


class Layer(InboundCalls, Precision, StatelessCalls, SavedState, AddedLosses, Building, OwnedWeights, Operation):
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

    autograph_info__: ClassVar[dict[str, Any]] = {}
    """Tells TensorFlow to call a layer as it is, rather than to write its code anew."""

    _needs_no_build = False
    """Whether a layer is built as soon as it is made, unless a subclass defines `build`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = marking_built(cls.__dict__["build"])  # type: ignore[method-assign]
        if isinstance(own := cls.__dict__.get("compute_output_shape"), FunctionType):
            cls.compute_output_shape = given_shapes(own)  # type: ignore[method-assign]
        if "quantize" in cls.__dict__ and cls._marks_built:
            cls.quantize = quantizing(cls.__dict__["quantize"])  # type: ignore[method-assign]
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

        self._batch_input_shape = legacy_input_shape(kwargs)
        self._first_weights = kwargs.pop("weights", None)
        if kwargs:
            raise ConfigError(f"{type(self).__name__}: unrecognized keyword arguments {sorted(kwargs)}")
        self.name = str(name) if name is not None else auto_name(to_snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._dtype_policy = dtype_policies.get(dtype)
        self._path: str | None = None
        self._place: str | None = None
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
        self._masks_by_name = [(name, f"{name}_mask") for name in names if f"{name}_mask" in names]

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

    # ---- calling -------------------------------------------------------------------------------------------------

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define call()")

    @callable_in_tensorflow
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.path is None:
            self._path = "/".join(p for p in (provenance.variable_path(), self.name) if p)
            self._place = "/".join(p for p in (provenance.layer_path(), self.name) if p)
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
        if self._is_closed and not self._tracker.locked_for:
            self._lock()
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
            if any(m is not None for m in tree.flatten(mask)) and _is_one_input(args, kwargs):
                kwargs["mask"] = mask
        if self._masks_by_name:
            self._fill_masks(args, kwargs)
        _context.training = training
        _context.depth += 1
        try:
            with autocast.reading_as(self._read_dtype()):
                is_plain = type(self._dtype_policy) is DTypePolicy or self.quantization_mode is None
                outputs = (self.call if is_plain else self.quantized_call)(*args, **kwargs)
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

    def _fill_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Give `query_mask` the mask of `query`, and so on for each argument of `call` that has such a neighbour which was not given."""
        given = self._call_signature.bind_partial(*args, **kwargs).arguments
        for name, asked in self._masks_by_name:
            if given.get(asked) is None and given.get(name) is not None:
                mask = tree.map_structure(mask_of, given[name])
                if any(m is not None for m in tree.flatten(mask)):
                    kwargs[asked] = mask

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
                if kind(x.dtype) != "f" or not self.autocast:
                    return x
                same = x.astype(dtype, copy=False)
                return same if same is x or (mask := mask_of(x)) is None else Result.of(same, mask)
            if isinstance(x, Tensor) and self.autocast and dtypes.is_float(x.dtype) and x.dtype != dtype:
                mask = x._keras_mask
                x = ops.cast(x, dtype)
                x._keras_mask = mask
            return x

        def leafwise(value: Any) -> Any:
            if isinstance(value, list) and value and all(isinstance(v, (int, float)) for v in tree.flatten(value)):
                return convert(np.asarray(value, dtype=None))
            return tree.map_structure(convert, value) if tree.is_nested(value) else convert(value)

        return tuple(leafwise(a) for a in args), {k: leafwise(v) for k, v in kwargs.items()}

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
        """The output shape for an input shape, by calling the layer on a symbolic input; for one that is not built yet a copy, where it can be
        copied, so that it may still be built for another shape."""
        if type(self).call is Layer.call:
            raise NotImplementedError(f"{type(self).__name__} defines neither call() nor compute_output_shape()")
        layer = self
        if not self.built:
            with suppress(TypeError):  # it holds what has no copy
                layer = copy.deepcopy(self)
        return tree.map_structure(lambda t: t.shape, layer._symbolic_outputs(*args, **kwargs))

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """The symbolic outputs for symbolic inputs, without a record of the call."""
        with tracing.Trace(), call_context():
            return self(*args, **kwargs)

    def _symbolic_outputs(self, input_shape: Any) -> Any:
        from symkeras.layers.input import symbolic_input

        inputs = map_shapes(lambda s: symbolic_input(s, self.compute_dtype), input_shape)
        return self.compute_output_spec(inputs)

    def _state_names(self) -> list[str]:
        """The attributes through which files find what has state of its own below this layer."""
        return state_names(self, Layer)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _is_one_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether tensors come by one argument: as in Keras 3, its mask is then `mask`, and beside states or other tensors it is not given."""
    values = (*args, *kwargs.values())
    return sum(any(isinstance(t, (Tensor, np.ndarray)) for t in tree.flatten(v)) for v in values) == 1


_NOT_OWNED = frozenset({"_inbound_nodes", "_added_losses", "_losses", "_input_shapes"})
"""Attributes for the layer's own books."""


def _as_results(outputs: Any) -> Any:
    """Arrays among the outputs of an outermost call as what they are from then on; one that comes twice stays one."""
    if isinstance(outputs, np.ndarray):
        return Result.of(outputs, mask_of(outputs))
    results = {id(y): Result.of(y, mask_of(y)) for y in tree.flatten(outputs) if isinstance(y, np.ndarray)}
    return tree.map_structure(lambda y: results.get(id(y), y), outputs)
