"""What an operation is, the table of all of them, and how a call becomes a value or a node.

An op is one object that knows everything about itself: how its type is inferred, its reference value on NumPy arrays
(what every backend is held against), its gradient in symbolic ops, for composites its decomposition, what it costs, and
samples on which all of that is checked. `apply` runs it: on concrete arrays at once, on symbolic tensors by building
a node.
"""

from __future__ import annotations

import functools
import inspect
import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from symkeras.errors import DtypeError, GradientError, GraphError
from symkeras.foreign_dtypes import ADDED
from symkeras.graph import dims, dtypes, recording, tracing
from symkeras.graph.dims import Dim
from symkeras.graph.escaping import printable
from symkeras.graph.node import OPS, Literal, Node, make
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import NodeType, TensorType, of_array
from symkeras.graph.variable import Variable
from symkeras.ops.attributes import Kind, Unfit, axis, of_annotation
from symkeras.ops.recipes import followed, signature


@dataclass(frozen=True)
class Sample:
    """Inputs and attributes on which an op is checked.

    Args:
        types: one type per input, as text: "f32[2, 3]".
        attrs: static arguments.
        low, high: the range values are drawn from (ints below `high`).
        grad: whether finite differences are taken (False where the sample sits on kinks).
    """

    types: tuple[str, ...]
    attrs: dict[str, Any] = field(default_factory=dict)
    low: float | tuple[float, ...] = -2.0
    high: float | tuple[float, ...] = 2.0
    grad: bool = True

    def __hash__(self) -> int:
        return hash((self.types, str(self.attrs)))


class Op:
    """One operation. Subclasses give `name`, `infer`, `value` and, where there is one, `vjp`.

    Attributes:
        name: what graphs call it.
        is_leaf: a placeholder, variable or constant: nothing to compute.
        is_elementwise: broadcasts its inputs and treats every element alike.
        is_view: only renames elements: a backend may return a view of the input.
        moves: only hands elements on, in whatever dtype, as views do; or runs graphs on them.
        is_random: draws random numbers (from its state input, hence still a pure function).
        is_real: orders numbers, rounds them, or is known of real ones alone: complex numbers are refused.
        attributes: what each of its static arguments may be; it takes these and no others.
        defaults: what those have that are not given.
        samples: where the checks look.
    """

    name: ClassVar[str] = ""
    is_leaf: ClassVar[bool] = False
    is_elementwise: bool = False
    is_view: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    is_composite: ClassVar[bool] = False
    is_real: bool = False
    attributes: Mapping[str, Kind] = {}
    defaults: Mapping[str, Any] = {}
    samples: Sequence[Sample] = ()

    def checked(self, types: Sequence[NodeType], attrs: dict[str, Any]) -> dict[str, Any]:
        """The attributes in plain Python, after their number, their kinds and the number of inputs were checked.

        Raises:
            GraphError, ShapeError: the message names the op, the attribute, what was expected and what came.
        """
        least, most = self.inputs_taken
        if not least <= len(types) <= most or any(isinstance(t, tuple) for t in types) != (self.name == "item"):
            expected = f"{least} inputs" if least == most else f"at least {least} inputs" if most == math.inf else f"{least} to {most} inputs"
            raise GraphError(f"{self.name} takes {expected}, each one tensor, received {', '.join(map(str, types)) or 'none'}")
        given = attrs if attrs.keys() == self.attributes.keys() else {**self.defaults, **attrs}
        if given.keys() != self.attributes.keys():
            raise GraphError(f"{self.name} takes the attributes {', '.join(self.attributes) or 'none'}, received {', '.join(attrs) or 'none'}")
        plain = {k: self._read(k, v, types) for k, v in given.items()}
        return attrs if given is attrs and all(v is attrs[k] for k, v in plain.items()) else plain

    def _read(self, key: str, value: Any, types: Sequence[NodeType]) -> Any:
        kind = self.attributes[key]
        try:
            return kind(value, types)
        except Unfit:
            given = printable(repr(value))
            inputs = f" for {', '.join(map(str, types))}" if types else ""
            raise kind.error(f"{self.name}: {key} must be {kind.expected}, received {given}{inputs}") from None

    @functools.cached_property
    def inputs_taken(self) -> tuple[int, float]:
        """The least and the greatest number of inputs."""
        parameters = inspect.signature(self.infer).parameters.values()
        named = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
        least = sum(p.default is p.empty for p in named)
        return least, math.inf if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(named)

    def infer(self, *types: Any, **attrs: Any) -> NodeType:
        """The type of the result; raises ShapeError or DtypeError."""
        raise NotImplementedError(self.name)

    def type_of(self, *types: Any, **attrs: Any) -> NodeType:
        """What `infer` says, after complex numbers were refused where they have no meaning."""
        if self.is_real and any(t.dtype in dtypes.COMPLEX for t in types):
            raise DtypeError(f"{self.name} takes real numbers, received {', '.join(map(str, types))}")
        return self.infer(*types, **attrs)

    def value(self, *arrays: Any, **attrs: Any) -> Any:
        """The reference value on NumPy arrays."""
        raise NotImplementedError(self.name)

    def reference(self, *arrays: Any, **attrs: Any) -> Any:
        """`value`; of numbers in dtypes that NumPy has no arithmetic for in float32, which who asks rounds to the dtype of the result."""
        if not (self.moves or self.is_view or self.is_composite):
            for a in arrays:  # a loop: this is on the way of every eager call
                if a.dtype.num >= ADDED:
                    return self.value(*map(dtypes.wide, arrays), **attrs)
        return self.value(*arrays, **attrs)

    def vjp(self, dy: Any, out: Any, *inputs: Any, **attrs: Any) -> Sequence[Any]:
        """The gradients for each input (None where there is none), given the gradient `dy` of the result `out`."""
        raise GradientError(f"{self.name} has no gradient")

    def may_raise(self, node: Node) -> bool:
        """Whether computing `node` may be an error, for some values or sizes of inputs of the right types."""
        return False

    def flops(self, node: Node) -> dims.Size:
        """Floating-point operations of one evaluation."""
        return dims.product(node.types[0].shape)

    def __repr__(self) -> str:
        return f"<op {self.name}>"


def register(cls: type[Op]) -> type[Op]:
    """Class decorator: put an instance of the op into the table."""
    add(cls())
    return cls


def add(op: Op) -> Op:
    """Put an op into the table."""
    if op.name in OPS:
        raise ValueError(f"operation {op.name!r} exists already")
    OPS[op.name] = op
    return op


def is_symbolic(*values: Any) -> bool:
    """Whether any of `values` (or of the lists and tuples among them) makes a call build nodes.

    >>> from symkeras import ops
    >>> ops.is_symbolic(1.0, [2.0]), ops.is_symbolic(1.0, [ops.placeholder("f32[2]")])
    (False, True)
    """
    tracing_now = None
    for v in values:
        if type(v) is np.ndarray:
            continue
        if isinstance(v, (Tensor, Dim)):
            return True
        if isinstance(v, Variable):
            if tracing_now is None:
                tracing_now = tracing.current() is not None
            if tracing_now or v.symbolic:
                return True
        elif isinstance(v, (list, tuple)) and is_symbolic(*v):
            return True
    return False


def dtype_of(x: Any) -> str:
    """The dtype of anything an op takes; "int", "float" or "bool" for Python numbers, which follow the tensors."""
    if isinstance(x, (Tensor, np.ndarray)):
        return dtypes.standardize(x.dtype)
    if isinstance(x, Variable):
        return x.read_dtype
    if isinstance(x, bool):
        return "bool"
    if isinstance(x, (int, Dim)) and not isinstance(x, np.integer):
        return "int"
    if isinstance(x, float) and not isinstance(x, np.floating):
        return "float"
    if isinstance(x, (list, tuple)):
        return dtypes.result_type(*map(dtype_of, x)) if x else "float"
    return dtypes.standardize(np.asarray(x).dtype)


def as_array(x: Any, dtype: str | None = None) -> np.ndarray:
    """A concrete array for an eager call; Python numbers take `dtype`.

    Raises:
        DtypeError: `dtype` has no such number.

    >>> as_array([1, 2], "float32")
    array([1., 2.], dtype=float32)
    """
    if type(x) is np.ndarray and dtype is None:
        return x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("="))
    recorder = recording.current()
    if isinstance(x, Variable):
        x = x.array.astype(x.read_dtype, copy=False) if recorder is None else x._as_read(recorder.read(x))
    if recorder is not None and is_recorded(x):
        return _as_recorded(x, dtype)
    if dtype is None and not isinstance(x, (np.ndarray, np.generic)):
        dtype = dtypes.result_type(dtype_of(x))
    try:
        return np.asarray(x, dtype=dtype)
    except (OverflowError, ValueError) as error:
        if isinstance(error, ValueError) and not isinstance(x, float):
            raise
        raise DtypeError(f"{reprlib.repr(x)} is no number of dtype {dtype}: {error}") from error


def is_recorded(*values: Any) -> bool:
    """Whether any of `values` (or of the lists and tuples among them) was computed while a tape is open."""
    recorder = recording.current()
    return recorder is not None and any(
        is_recorded(*v) if isinstance(v, (list, tuple)) else recorder.knows(v) or (isinstance(v, Variable) and v.is_parameter) for v in values
    )


def _as_recorded(x: Any, dtype: str | None) -> Any:
    """A recorded array, or a list with one among its parts, in `dtype`."""
    if isinstance(x, (list, tuple)):
        from symkeras import ops

        dtype = dtype or dtypes.result_type(dtype_of(x))
        x = ops.stack([as_array(e, dtype) for e in x])
    return x if dtype is None or x.dtype == dtype else compute(OPS["cast"], [x], {"dtype": dtypes.standardize(dtype)})


def as_tensor(x: Any, dtype: str | None = None) -> Tensor:
    """A symbolic tensor: tensors as they are, variables as their leaf, everything else as a constant.

    `dtype` types Python numbers and lists; what has a dtype keeps it.

    >>> from symkeras import ops
    >>> ops.as_tensor([1.0, 2.0])
    <Tensor constant: f32[2]>
    """
    if isinstance(x, Tensor):
        return x
    if isinstance(x, Variable):
        trace = tracing.current()
        return _as_read(x, trace.read(x) if trace is not None else Tensor(x.node))
    if isinstance(x, Node):
        return Tensor(x)
    if isinstance(x, Dim):
        return apply_symbolic(OPS["dim"], (), {"size": x})
    if isinstance(x, (list, tuple)) and is_symbolic(x):
        from symkeras import ops

        return ops.stack([as_tensor(e, dtype) for e in x])
    return Tensor(constant_node(as_array(x, None if isinstance(x, (np.ndarray, np.generic)) else dtype)))


def _as_read(variable: Variable, value: Any) -> Any:
    """The value of a variable in the dtype that it is read in."""
    dtype = variable.read_dtype
    if not isinstance(value, Tensor):
        return value.astype(dtype, copy=False)
    return value if value.dtype == dtype else apply_symbolic(OPS["cast"], [value], {"dtype": dtype})


Variable._as_read = _as_read  # type: ignore[method-assign]


def constant_node(array: Any) -> Node:
    """The leaf for a concrete array."""
    array = np.asarray(array)
    return make(OPS["constant"], (), {"value": Literal(array)}, TensorType(array.shape, dtypes.standardize(array.dtype)))


def apply(op: Op, inputs: Sequence[Any], attrs: dict[str, Any] | None = None) -> Any:
    """Run `op`: build a node if any input is symbolic, else compute its reference value."""
    if is_symbolic(*inputs):
        return apply_symbolic(op, [as_tensor(x) for x in inputs], attrs or {})
    return compute(op, [as_array(x) for x in inputs], attrs or {})


def apply_symbolic(op: Op, inputs: Sequence[Tensor], attrs: dict[str, Any]) -> Any:
    """A tensor (or a tuple of them) for the node of `op`."""
    return wrap(make(op, [t.node for t in inputs], attrs))


def wrap(node: Node) -> Any:
    """The tensor of a node; for several results the tuple of their tensors."""
    if isinstance(node.type, tuple):
        item = OPS["item"]
        return tuple(Tensor(make(item, (node,), {"index": k}, t)) for k, t in enumerate(node.type))
    return Tensor(node)


def compute(op: Op, arrays: Sequence[np.ndarray], attrs: dict[str, Any]) -> Any:
    """The reference value of `op`, with the type that inference promises."""
    for a in arrays:
        if type(a) is not np.ndarray and isinstance(a, recording.Recorded):
            recorder = recording.current()
            plain = [np.asarray(a) for a in arrays]
            return compute(op, plain, attrs) if recorder is None else _recorded(recorder, op, arrays, compute(op, plain, attrs), attrs)
    promised = _promised(op, arrays, attrs)
    with np.errstate(all="ignore"):
        result = op.reference(*arrays, **attrs)
    if isinstance(promised, tuple):
        return tuple(np.asarray(r, dtype=dtype) for r, dtype in zip(result, promised, strict=True))
    return result if type(result) is np.ndarray and result.dtype is promised else np.asarray(result, dtype=promised)


_MOST_PROMISES = 4096
_promises: dict[Any, Any] = {}


def _promised(op: Op, arrays: Sequence[np.ndarray], attrs: dict[str, Any]) -> Any:
    """The dtype of the result of `op`, or a tuple of those of its results; inferred once for the same types and attributes."""
    key = signature(op, arrays, attrs)
    known = _promises.get(key)
    if known is None:
        types = op.type_of(*map(of_array, arrays), **attrs)
        known = tuple([np.dtype(t.dtype) for t in types]) if isinstance(types, tuple) else np.dtype(types.dtype)
        if key is not None:
            if len(_promises) >= _MOST_PROMISES:
                _promises.clear()
            _promises[key] = known
    return known


def _recorded(recorder: recording.Recording, op: Op, arrays: Sequence[np.ndarray], result: Any, attrs: dict[str, Any]) -> Any:
    """The result of an op, written down; as it is where it has no gradient."""
    results = result if isinstance(result, tuple) else (result,)
    if not any(dtypes.is_inexact(dtypes.standardize(r.dtype)) for r in results):
        return result
    nodes = [a.node if recorder.knows(a) else _untracked(recorder, a) for a in arrays]  # type: ignore[attr-defined]
    tensors = apply_symbolic(op, [Tensor(n) for n in nodes], attrs)  # type: ignore[arg-type]
    if not isinstance(result, tuple):
        recorder.values[tensors.node] = result
        return recording.Recorded.of(result, tensors.node)
    recorder.values[tensors[0].node.inputs[0]] = result
    recorder.values.update((t.node, r) for t, r in zip(tensors, result, strict=True))
    return tuple(recording.Recorded.of(r, t.node) for t, r in zip(tensors, result, strict=True))


def _untracked(recorder: recording.Recording, array: Any) -> Node:
    """The leaf for an array that no tape knows; a small one is a constant, which rules may look at."""
    array = np.asarray(array)
    return constant_node(array) if array.size <= _SMALL else recorder.leaf(array).node  # type: ignore[return-value]


_SMALL = 16


class Composite(Op):
    """An op defined by other ops: backends take it whole or have it expanded."""

    is_composite: ClassVar[bool] = True

    def __init__(self, function: Callable[..., Any], vjp: Callable[..., Any] | None, samples: Sequence[Sample]):
        self.name = function.__name__  # type: ignore[misc]
        parameters = inspect.signature(function).parameters.values()
        count = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters)
        self.inputs_taken = (count, count)
        self.count = count
        self.signature = inspect.Signature([p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters])
        static = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
        self.attributes = {p.name: _kind_of(p) for p in static}
        self.defaults = {p.name: p.default for p in static if p.default is not p.empty}
        self.function = function
        self.samples = samples
        self.has_vjp = vjp is not None
        self._vjp = vjp

    def bound(self, inputs: Sequence[Any], attrs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The tensors and the static arguments of a call that gave some by name or by place, as Keras' functions take them."""
        given = self.signature.bind(*inputs, **attrs).arguments
        names = list(self.signature.parameters)[: self.count]
        return tuple(given.pop(name) for name in names), given

    def decompose(self, *inputs: Any, **attrs: Any) -> Any:
        """The same value from simpler ops."""
        return self.function(*inputs, **attrs)

    def infer(self, *types: Any, **attrs: Any) -> NodeType:
        from symkeras.ops.leaves import placeholder_node

        result = self.function(*(Tensor(placeholder_node(t, "x")) for t in types), **attrs)
        return tuple(r.node.type for r in result) if isinstance(result, tuple) else result.node.type

    def value(self, *arrays: Any, **attrs: Any) -> Any:
        return self.function(*arrays, **attrs)

    def vjp(self, dy: Any, out: Any, *inputs: Any, **attrs: Any) -> Sequence[Any]:
        if self._vjp is None:
            raise GradientError(f"{self.name} is differentiated through its decomposition")
        return self._vjp(dy, out, *inputs, **attrs)


def _kind_of(parameter: inspect.Parameter) -> Kind:
    """What an attribute of a composite may be: its annotation says it, and an axis may count from the end."""
    return axis(negative=True) if parameter.name == "axis" else of_annotation(str(parameter.annotation))


def composite(vjp: Callable[..., Any] | None = None, samples: Sequence[Sample] = ()) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of tensors (positional) and static attributes (keyword) a composite op.

    The function itself is the decomposition. Called on arrays it computes at once; called on symbolic tensors it
    gives one node named after the function.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        op = Composite(function, vjp, samples)
        add(op)
        @functools.wraps(function)
        def call(*inputs: Any, **attrs: Any) -> Any:
            if len(inputs) != op.count:
                inputs, attrs = op.bound(inputs, attrs)
            attrs = {**op.defaults, **attrs}
            if not is_symbolic(*inputs):
                arrays = [as_array(x) for x in inputs]
                return compute(op, arrays, attrs) if any(isinstance(a, recording.Recorded) for a in arrays) else followed(op, function, arrays, attrs)
            tensors = [as_tensor(x) for x in inputs]
            result = function(*tensors, **attrs)
            type = tuple(r.node.type for r in result) if isinstance(result, tuple) else result.node.type
            return wrap(make(op, [t.node for t in tensors], attrs, type))

        call.op = op  # type: ignore[attr-defined]
        call.__signature__ = op.signature  # type: ignore[attr-defined]
        return call

    return decorate
