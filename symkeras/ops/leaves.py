"""Leaves and plumbing: placeholders, variables, constants, dims as values, and the ops that only pass values on."""

from __future__ import annotations

from typing import Any

import numpy as np

from symkeras.errors import GradientError, ShapeError, SymbolicValueError
from symkeras.graph import dims, dtypes
from symkeras.graph.node import Literal, Node, fresh_uid, make, placeholder_node
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType, parse_type
from symkeras.graph.variable import Variable
from symkeras.ops import attributes as at
from symkeras.ops.op import Op, Sample, add, apply, as_array, as_tensor, is_symbolic, register


class _Leaf(Op):
    is_leaf = True

    def __init__(self, name: str, /, **attributes: at.Kind):
        self.name = name  # type: ignore[misc]
        self.attributes = attributes

    def flops(self, node: Node) -> dims.Size:
        return 0


PLACEHOLDER = add(_Leaf("placeholder", name=at.TEXT, uid=at.integer()))
VARIABLE = add(_Leaf("variable", name=at.TEXT, variable=at.ANYTHING))


@register
class Constant(_Leaf):
    """An array known when the graph is built."""

    def __init__(self) -> None:
        super().__init__("constant", value=at.LITERAL)

    def infer(self, *, value: Literal) -> TensorType:  # type: ignore[override]
        return TensorType(value.array.shape, dtypes.standardize(value.array.dtype))

    def value(self, *, value: Literal) -> Any:  # type: ignore[override]
        return value.array


@register
class DimValue(_Leaf):
    """The size of an axis as an int32 scalar: known when the function is called."""

    def __init__(self) -> None:
        super().__init__("dim", size=at.SIZE)

    def infer(self, *, size: dims.Size) -> TensorType:  # type: ignore[override]
        return TensorType((), "int32")

    def value(self, *, size: dims.Size) -> Any:  # type: ignore[override]
        return np.int32(size)


def placeholder(type: str | TensorType, name: str | None = None) -> Tensor:
    """A symbolic input of a graph.

    Args:
        type: such as "f32[batch, 3]".
        name: shown in the graph.

    >>> placeholder("f32[batch, 3]", name="x")
    <Tensor x: f32[batch, 3]>
    """
    type = parse_type(type) if isinstance(type, str) else type
    return Tensor(placeholder_node(type, name or "input"))


@register
class Item(Op):
    """One of the results of a node with several."""

    name = "item"
    is_view = True
    attributes = {"index": at.result()}

    def infer(self, source: tuple[TensorType, ...], *, index: int) -> TensorType:  # type: ignore[override]
        return source[index]

    def value(self, source: Any, *, index: int) -> Any:  # type: ignore[override]
        return source[index]


class _Identity(Op):
    """Passes its input on."""

    is_view = True

    def infer(self, x: TensorType, **attrs: Any) -> TensorType:  # type: ignore[override]
        return x

    def value(self, x: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return x

    def flops(self, node: Node) -> dims.Size:
        return 0


@register
class StopGradient(_Identity):
    """Its input, as a constant to differentiation."""

    name = "stop_gradient"
    samples = (Sample(("f32[2, 3]",), grad=False),)

    def vjp(self, dy: Any, out: Any, x: Any) -> Any:  # type: ignore[override]
        return (None,)


@register
class Boundary(_Identity):
    """The output of one call of a layer in a functional model: keeps calls apart even where they compute the same."""

    name = "boundary"
    attributes = {"name": at.TEXT, "uid": at.integer()}

    def vjp(self, dy: Any, out: Any, x: Any, **attrs: Any) -> Any:  # type: ignore[override]
        return (dy,)

    def apart(self, x: Tensor, name: str) -> Tensor:
        """`x` as a tensor that is no other one."""
        return Tensor(make(self, (x.node,), {"name": name, "uid": fresh_uid()}), name)


def boundary(x: Tensor, name: str) -> Tensor:
    """`x` as the distinct output of one layer call.

    >>> x = placeholder("f32[2]", name="x")
    >>> boundary(x, "dense").node is boundary(x, "dense").node
    False
    """
    return Boundary_op.apart(x, name)  # type: ignore[attr-defined]


@register
class Cast(Op):
    """The same numbers in another dtype; float to int truncates, as NumPy does."""

    name = "cast"
    is_elementwise = True
    attributes = {"dtype": at.DTYPE}
    samples = (
        Sample(("f32[2, 3]",), {"dtype": "float64"}),
        Sample(("f32[0, 3]",), {"dtype": "float64"}),
        Sample(("f32[3]",), {"dtype": "int32"}, grad=False),
        Sample(("i32[3]",), {"dtype": "float32"}, grad=False),
        Sample(("bool[2, 2]",), {"dtype": "float32"}, grad=False),
        Sample(("f32[4]",), {"dtype": "bool"}, grad=False),
    )

    def infer(self, x: TensorType, *, dtype: str) -> TensorType:  # type: ignore[override]
        return x.with_dtype(dtype)

    def value(self, x: Any, *, dtype: str) -> Any:  # type: ignore[override]
        return np.asarray(x).astype(dtype)

    def vjp(self, dy: Any, out: Any, x: Any, *, dtype: str) -> Any:  # type: ignore[override]
        if not dtypes.is_inexact(dtype) or not dtypes.is_inexact(x.dtype):
            return (None,)
        return (cast(dy, x.dtype),)


from symkeras.ops.op import OPS  # noqa: E402  (the op objects exist only now)

Boundary_op = OPS["boundary"]


def cast(x: Any, dtype: Any) -> Any:
    """`x` in another dtype.

    >>> cast(np.array([1.7, -1.7]), "int32")
    array([ 1, -1], dtype=int32)
    """
    dtype = dtypes.standardize(dtype)
    if isinstance(x, (bool, int, float)):
        return as_array(x, dtype)
    if is_symbolic(x):
        tensor = as_tensor(x, dtype)
        return tensor if tensor.dtype == dtype else apply(Cast_op, [tensor], {"dtype": dtype})
    return dtypes.converted(as_array(x), dtype)


Cast_op = OPS["cast"]


def stop_gradient(variable: Any) -> Any:
    """`variable` as a constant: no gradient flows through it.

    >>> import symkeras
    >>> x = np.float32(3.0)
    >>> float(symkeras.grad(lambda x: x * x)(x)), float(symkeras.grad(lambda x: x * stop_gradient(x))(x))
    (6.0, 3.0)
    """
    if isinstance(variable, (list, tuple)):
        return type(variable)(stop_gradient(v) for v in variable)
    return apply(OPS["stop_gradient"], [variable])


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None) -> Any:
    """`x` as an array, or as it is when symbolic; in `dtype` if one is given.

    Args:
        sparse, ragged: must not be true: tensors are dense.

    Raises:
        ShapeError: a sparse or ragged tensor is asked for.

    >>> convert_to_tensor([1, 2], "float32").tolist()
    [1.0, 2.0]
    """
    if sparse or ragged:
        raise ShapeError("symkeras has dense tensors only: sparse and ragged must be False or None")
    if is_symbolic(x):
        tensor = as_tensor(x, dtypes.standardize(dtype) if dtype else None)
        return cast(tensor, dtype) if dtype is not None else tensor
    return as_array(x) if dtype is None else as_array(x, None).astype(dtypes.standardize(dtype), copy=False)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The value of `x` as an array of NumPy.

    Raises:
        SymbolicValueError: `x` is symbolic, and has no value yet.

    >>> convert_to_numpy([1, 2]).tolist()
    [1, 2]
    """
    if isinstance(x, Tensor):
        raise SymbolicValueError(f"convert_to_numpy: {x!r} has a value only when a function of it runs")
    return np.array(x.array if isinstance(x, Variable) else as_array(x))


def is_tensor(x: Any) -> bool:
    """Whether `x` is an array or a symbolic tensor.

    >>> is_tensor(convert_to_tensor([1, 2])), is_tensor([1, 2])
    (True, False)
    """
    return isinstance(x, (Tensor, np.ndarray))


def shape(x: Any) -> tuple[dims.Size, ...]:
    """The shape; symbolic sizes are dims, usable wherever a size is and as numbers in ops.

    >>> shape(np.zeros((2, 3)))
    (2, 3)
    """
    return x.shape if isinstance(x, Variable) else as_tensor(x).dims if is_symbolic(x) else as_array(x).shape


def require_gradient(x: Any, what: str) -> None:
    """Raise GradientError unless `x` has a floating dtype."""
    if not dtypes.is_inexact(x.dtype):
        raise GradientError(f"{what} has dtype {x.dtype}: only floating values have gradients")
