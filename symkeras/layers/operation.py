"""`Operation`: a computation with a name, the root of layers."""

from __future__ import annotations

from typing import Any

from symkeras import tree
from symkeras.arguments import checked, optional, text
from symkeras.errors import ConfigError, SymkerasError
from symkeras.graph import tracing
from symkeras.graph.tensor import Tensor


class Operation:
    """A computation with a name: `call` says what it computes, with functions of `ops`, on arrays and on symbolic tensors alike.

    Args:
        name: made from the class name when None.

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

    @checked(name=optional(text))
    def __init__(self, name: str | None = None):
        from symkeras.utils.naming import auto_name, to_snake_case

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
        """What `from_config` needs to make this operation again."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """An operation from its config."""
        try:
            return cls(**config)
        except SymkerasError:
            raise
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}.from_config: {error}; config {config}") from error
