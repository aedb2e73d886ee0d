"""`Input`: where a functional model begins."""

from __future__ import annotations

from typing import Any

from symkeras import config
from symkeras.arguments import axis_size, axis_sizes, boolean, checked, instance, optional, positive_int, several, text
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims, dtypes
from symkeras.graph.tensor import Tensor
from symkeras.graph.types import TensorType
from symkeras.layers.calls import CallRecord
from symkeras.layers.layer import Layer
from symkeras.ops.leaves import placeholder_node


def symbolic_input(shape: Any, dtype: str, name: str = "input") -> Tensor:
    """A placeholder for `shape` with the batch axis first; None there is the dim `batch`, elsewhere a fresh dim."""
    sizes: list[dims.Size] = []
    for axis, d in enumerate(shape):
        if d is None:
            sizes.append(dims.symbol("batch" if axis == 0 else f"{_identifier(name)}_{axis}"))
        else:
            sizes.append(d if isinstance(d, dims.Dim) else int(d))
    return Tensor(placeholder_node(TensorType(tuple(sizes), dtype), name))


class _OfAllTensors(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class KerasTensor(Tensor, metaclass=_OfAllTensors):
    """A symbolic tensor of a shape, that no layer made; every symbolic tensor is an instance.

    Args:
        shape: sizes; None is one that is not known.
        dtype: of its elements.
        sparse, ragged: must be False.
        record_history: must be True: what a tensor is computed from is always known.
        name: shown in graphs.

    Raises:
        ShapeError: `sparse` or `ragged`.
        ConfigError: a shape that is no list of sizes, or `record_history=False`.

    >>> x = KerasTensor((None, 3), dtype="float32")
    >>> x.shape, isinstance(x + 1, KerasTensor)
    ((None, 3), True)
    """

    __slots__ = ()

    @checked(shape=several(axis_size), sparse=boolean, ragged=boolean, record_history=boolean, name=optional(text))
    def __init__(self, shape: Any, dtype: Any = "float32", sparse: bool = False, ragged: bool = False, record_history: bool = True,
                 name: str | None = None):  # fmt: skip
        if sparse or ragged:
            raise ShapeError("symkeras has dense tensors only: sparse and ragged must be False")
        if not record_history:
            raise ConfigError("KerasTensor: record_history=False is not offered; leave it True")
        super().__init__(symbolic_input(shape, dtypes.standardize(dtype), name or "keras_tensor").node)


def _identifier(name: str) -> str:
    clean = "".join(c if c.isalnum() else "_" for c in name)
    return clean if clean[:1].isalpha() else f"d{clean}"


class InputLayer(Layer):
    """The layer behind `Input`: passes nothing, holds the placeholder.

    Args:
        shape: sizes without the batch.
        batch_size: None for any.
        dtype: `floatx` when None.
        sparse, ragged: must not be true: tensors are dense.
        batch_shape: sizes with the batch.
        input_tensor: a symbolic tensor that the layer stands for.
        optional: whether None may come.
        name: unique within a model.

    Raises:
        ShapeError: no shape, or a sparse or ragged tensor.

    Example:
        >>> InputLayer((3,)).output.shape
        (None, 3)
    """

    @checked(
        shape=optional(axis_sizes), batch_size=optional(positive_int), sparse=optional(boolean), ragged=optional(boolean),
        batch_shape=optional(several(axis_size)), input_tensor=optional(instance(Tensor, "a symbolic tensor")), optional=boolean,
        name=optional(text),
    )  # fmt: skip
    def __init__(self, shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
                 batch_shape: Any = None, input_tensor: Tensor | None = None, optional: bool = False, name: str | None = None,
                 **kwargs: Any):  # fmt: skip
        from symkeras.utils.naming import auto_name

        super().__init__(name=name or auto_name("input_layer"))
        if sparse or ragged:
            raise ShapeError("symkeras has dense tensors only: sparse and ragged must be False or None")
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        for other, value in (("shape", shape), ("batch_size", batch_size)):
            if batch_shape is not None and value is not None:
                raise ShapeError(f"Input: you cannot pass both `{other}` and `batch_shape`, received {value!r} and {batch_shape!r}")
        if shape is None and batch_shape is None and input_tensor is None:
            raise ShapeError("Input needs a shape, for example Input(shape=(784,))")
        if shape is not None:
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
            batch_shape = (batch_size, *shape)
        if input_tensor is not None:
            _check_given(input_tensor, dtype, batch_size, batch_shape)
        self.optional = optional
        self._input_dtype = dtypes.standardize(dtype or (input_tensor.dtype if input_tensor is not None else config.floatx()))
        if input_tensor is None:
            input_tensor = symbolic_input(batch_shape, self._input_dtype, self.name)
        else:
            batch_shape = input_tensor.shape
        self.batch_shape: tuple[Any, ...] = tuple(batch_shape or ())
        self.built = True
        CallRecord(self, (), {}, input_tensor)

    @property
    def dtype(self) -> str:
        return self._input_dtype

    def __reduce__(self) -> Any:
        return _input_layer, (self.get_config(),)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__reduce__()

    sparse = ragged = False

    def get_input_at(self, node_index: int) -> Any:
        """The symbolic input, as in Keras 2: what goes in is what comes out."""
        return self.get_output_at(node_index)

    input_shape = property(lambda self: self.output_shape, doc="The shape of the input.")

    def call(self) -> None:
        """Nothing: a model begins here."""

    def get_config(self) -> dict[str, Any]:
        config = {"batch_shape": self.batch_shape, "dtype": self._input_dtype, "sparse": False, "ragged": False, "name": self.name}
        return {**config, "optional": True} if self.optional else config


def _check_given(tensor: Tensor, dtype: Any, batch_size: int | None, batch_shape: Any) -> None:
    """What is said of a given tensor is so; a size of None is not said.

    Raises:
        ShapeError: a dtype, batch size or shape that is not the tensor's.
    """
    own = tensor.shape
    fits = batch_shape is None or (len(batch_shape) == len(own) and all(d is None or d == have for d, have in zip(batch_shape, own, strict=True)))
    said = {"dtype": dtype is None or dtypes.standardize(dtype) == tensor.dtype, "batch_size": batch_size is None or own[:1] == (batch_size,)}
    for name, is_so in {**said, "shape": fits}.items():
        if not is_so:
            raise ShapeError(f"Input: you cannot provide an incompatible `{name}` with a tensor, which is {tensor.dtype} of shape {own}")


def _input_layer(config: dict[str, Any]) -> InputLayer:
    return InputLayer.from_config(config)


def Input(shape: Any = None, batch_size: int | None = None, dtype: Any = None, sparse: Any = None, ragged: Any = None,
          batch_shape: Any = None, name: str | None = None, tensor: Tensor | None = None, optional: bool = False) -> Tensor:  # fmt: skip
    """A symbolic input of a functional model.

    Args:
        shape: sizes without the batch axis; None for sizes that vary.
        batch_size: a fixed batch size, any when None.
        dtype: `floatx` when None; "string" for texts, which layers such as `TextVectorization` read.
        batch_shape: the shape with the batch axis, instead of `shape`.
        name: the key of this input in dicts of data.
        tensor: an existing placeholder to use.
        optional: whether the model may be called with None for it; the layers that take it then get None.
        sparse, ragged: must not be true: tensors are dense.

    >>> Input((784,), name="pixels").shape
    (None, 784)
    """
    layer = InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name)
    return layer._inbound_nodes[0].outputs[0]
