"""`Lambda`: a function as a layer."""

from __future__ import annotations

import importlib
import inspect
import marshal
import sys
import types
from collections.abc import Callable
from typing import Any

from symkeras.arguments import anything, axis_sizes, checked, either, function, optional, settings, table_of, text
from symkeras.layers.layer import Layer
from symkeras.layers.shapes import map_shapes


def _mask(value: Any, where: str) -> Any:
    return value if hasattr(value, "shape") else function(value, where)


class Lambda(Layer):
    """A function of tensors as a layer; it has no weights.

    Args:
        function: takes the inputs, and `mask` or `training` where it names them.
        output_shape: the output's shape without the batch axis, or a function of the input shape; found by calling when None.
        mask: the output's mask, or a function of inputs and mask; masks end here when None.
        arguments: further keyword arguments of the function.

    Input shape:
        any

    Output shape:
        what the function gives

    Example:
        >>> import numpy as np
        >>> Lambda(lambda x: x**2)(np.array([3.0])).tolist()
        [9.0]
    """

    @checked(
        function=function, output_shape=optional(either(function, axis_sizes)), mask=optional(_mask), arguments=optional(table_of(text, anything)),
    )  # fmt: skip
    def __init__(self, function: Callable[..., Any], output_shape: Any = None, mask: Any = None,
                 arguments: dict[str, Any] | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self.function = function
        self.arguments = dict(arguments or {})
        self.mask = mask
        self._output_shape = tuple(output_shape) if isinstance(output_shape, list) else output_shape
        self.supports_masking = mask is not None
        try:
            names = inspect.signature(function).parameters
        except (TypeError, ValueError):  # builtins and NumPy functions may have no signature
            names = {}
        self._wants = tuple(name for name in ("mask", "training") if name in names)

    def call(self, inputs: Any, mask: Any = None, training: Any = None) -> Any:
        offered = {"mask": mask, "training": training}
        return self.function(inputs, **{**self.arguments, **{name: offered[name] for name in self._wants if name not in self.arguments}})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._output_shape is None:
            return super().compute_output_shape(input_shape)
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        batch: list[Any] = []
        map_shapes(lambda s: batch.append(s[0] if s else None), input_shape)
        return (batch[0], *((self._output_shape,) if isinstance(self._output_shape, int) else self._output_shape))

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        own: dict[str, Any] = {"function": _written(self.function), "arguments": serialize_keras_object(self.arguments)}
        if self._output_shape is not None:
            own["output_shape"] = _written(self._output_shape) if callable(self._output_shape) else self._output_shape
        if self.mask is not None:
            own["mask"] = _written(self.mask)
        return {**super().get_config(), **own}

    @classmethod
    @checked(config=settings)
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None, safe_mode: bool | None = None) -> Any:
        """A layer of what `get_config` gave; without `safe_mode`, or that of a `load_model` around it, code in it is refused."""
        from symkeras.saving.serialization import deserialize_keras_object

        config = dict(config)
        options = {} if safe_mode is None else {"safe_mode": safe_mode}
        for key in ("function", "output_shape", "mask", "arguments"):
            if isinstance(config.get(key), dict):
                config[key] = _knowing_names(deserialize_keras_object(config[key], custom_objects, **options))
        return super().from_config(config)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        state["attributes"]["_init_arguments"] = ((), {})
        for name in _FUNCTIONS:
            state["attributes"][name] = Portable.of(state["attributes"][name])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for name in _FUNCTIONS:
            value = getattr(self, name)
            setattr(self, name, value.function if isinstance(value, Portable) else value)


def _written(function: Any) -> Any:
    """A function as Keras' Lambda reads it: the parts of a lambda by their names, where other configs have a list of them."""
    from symkeras.saving.serialization import serialize_keras_object

    written = serialize_keras_object(function)
    if isinstance(written, dict) and written.get("class_name") == "__lambda__":
        written["config"] = dict(zip(("code", "defaults", "closure"), written["config"]["value"], strict=True))
    return written


_FUNCTIONS = ("function", "mask", "_output_shape")


class Portable:
    """A lambda on its way through a pickle, which knows functions by their names alone; a copy in one process is the lambda itself."""

    def __init__(self, function: types.FunctionType):
        self.function = function

    @classmethod
    def of(cls, value: Any) -> Any:
        """`value`, wrapped where it is a lambda."""
        return cls(value) if isinstance(value, types.FunctionType) and value.__name__ == "<lambda>" else value

    def __deepcopy__(self, memo: Any) -> Portable:
        return self

    def __reduce__(self) -> Any:
        f = self.function
        cells = None if f.__closure__ is None else tuple(cell.cell_contents for cell in f.__closure__)
        return _from_bytecode, (marshal.dumps(f.__code__), f.__module__, f.__defaults__, f.__kwdefaults__, cells)


def _from_bytecode(code: bytes, module: str, defaults: Any, keywords: Any, cells: Any) -> Portable:
    """The lambda again, in the module where it was written if that is there."""
    names = vars(sys.modules[module]) if module in sys.modules else {"__builtins__": __builtins__}
    closure = None if cells is None else tuple(types.CellType(c) for c in cells)
    function = types.FunctionType(marshal.loads(code), names, "<lambda>", defaults, closure)
    function.__kwdefaults__ = keywords
    return Portable(function)


def _knowing_names(value: Any) -> Any:
    """A lambda that was read from a file, with the names that scripts of its time had: `K`, and custom objects."""
    if not isinstance(value, types.FunctionType) or value.__name__ != "<lambda>":
        return value
    from symkeras.saving.registration import _custom_objects

    names = {"K": importlib.import_module("symkeras.backend"), **value.__globals__, **dict(reversed(list(_custom_objects())))}
    return types.FunctionType(value.__code__, names, value.__name__, value.__defaults__, value.__closure__)
