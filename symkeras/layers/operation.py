"""`Operation`: a computation with a name, the root of layers."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from symkeras import tree
from symkeras.arguments import checked, optional, text
from symkeras.errors import ConfigError, NotSerializableError, SymkerasError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor


class Operation:
    """A computation with a name: `call` says what it computes, with functions of `ops`, on arrays and on symbolic tensors alike.

    Args:
        name: made from the class name when None.

    Raises:
        ConfigError: a name that is no text, or has a "/" in it.

    Example:
        >>> import numpy as np
        >>> from symkeras import ops
        >>> class Double(Operation):
        ...     def call(self, x):
        ...         return ops.multiply(x, 2)
        >>> Double()(np.array([1, 2])).tolist()
        [2, 4]
    """

    name: str
    _init_arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        object.__setattr__(instance, "_init_arguments", (args, kwargs))
        return instance

    @checked(name=optional(text))
    def __init__(self, name: str | None = None):
        from symkeras.utils.naming import auto_name, to_snake_case

        if name is not None and "/" in name:
            raise ConfigError(f"{type(self).__name__}: a name has no '/', which separates the parts of a path; received {name!r}")
        self.name = name if name is not None else auto_name(to_snake_case(type(self).__name__))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute; subclasses define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define call()")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """The call on symbolic tensors."""
        return self(*args, **kwargs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Symbolic tensors of the shapes and dtypes that a call on `args` gives; assigned variables keep their values.

        Raises:
            ConfigError: none of the arguments is a symbolic tensor.
        """
        if not any(isinstance(x, Tensor) for x in tree.flatten((args, kwargs))):
            raise ConfigError(f"{type(self).__name__}.compute_output_spec takes symbolic tensors (KerasTensor, Input), received none")
        with tracing.Trace():
            return self.call(*args, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make this operation again: its name, and where a subclass writes no config, what it was made with.

        Raises:
            NotSerializableError: it was made with a thing that no file can hold, or with `*args`.
        """
        if type(self).get_config is not Operation.get_config:
            return {"name": self.name}
        parameters = list(inspect.signature(type(self).__init__).parameters.values())[1:]
        args, kwargs = self._init_arguments
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        given = {p.name: p.default for p in parameters if p.default is not p.empty} | dict(zip(names, args, strict=False)) | kwargs
        unfit = sorted(name for name, value in given.items() if not _is_kept(value))
        if len(args) > len(names) or unfit:
            what = f"the values of {', '.join(unfit)}" if unfit else "arguments beyond those that it names"
            raise NotSerializableError(f"{type(self).__name__}.get_config: {what} cannot be written; define get_config")
        if "name" in given or any(p.kind is p.VAR_KEYWORD for p in parameters):
            given["name"] = self.name
        return given

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An operation from its config."""
        try:
            return cls(**config)
        except SymkerasError:
            raise
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}.from_config: {error}; config {config}") from error


def _is_kept(value: Any) -> bool:
    """Whether files hold the value: numbers, texts, what has a config or is registered, and lists and dicts of those."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_kept, value))
    if isinstance(value, dict):
        return all(map(_is_kept, value.values()))
    plain = value is None or isinstance(value, (bool, int, float, str, np.ndarray, np.generic, np.dtype))
    return plain or hasattr(value, "get_config") or callable(value)
