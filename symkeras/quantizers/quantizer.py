"""`Quantizer`, and the one by the largest magnitude."""

from __future__ import annotations

from typing import Any

from symkeras.arguments import boolean, checked, number, text
from symkeras.errors import ConfigError, NotSerializableError
from symkeras.quantizers.abs_max import AXES, EPSILON, RANGE, abs_max_quantize


class Quantizer:
    """What makes small numbers of floating ones; a subclass says how in `__call__`, which gives the numbers and their scale.

    Args:
        output_dtype: that of the small numbers.

    Raises:
        ConfigError: `output_dtype` is no text.

    >>> Quantizer().output_dtype
    'int8'
    """

    @checked(output_dtype=text)
    def __init__(self, output_dtype: str = "int8"):
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        return x

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs; a subclass says it."""
        raise NotSerializableError(f"{type(self).__name__} does not define get_config()")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A quantizer from its config."""
        return cls(**config)


class AbsMaxQuantizer(Quantizer):
    """`abs_max_quantize` with settings of its own.

    Args:
        axis: the axis or axes that share a scale, where a call names none; the last when None.
        value_range: the least and the greatest integer.
        epsilon: added to the largest magnitude.
        output_dtype: that of the integers.

    Raises:
        ConfigError: a `value_range` that int8 does not hold.

    Example:
        >>> import numpy as np
        >>> integers, scale = AbsMaxQuantizer()(np.float32([[1.0, -2.0]]))
        >>> integers.tolist(), scale.round(2).tolist()
        ([[64, -127]], [[63.5]])
    """

    @checked(axis=AXES, value_range=RANGE, epsilon=number(least=0))
    def __init__(self, axis: Any = None, value_range: Any = (-127, 127), epsilon: float = EPSILON, output_dtype: str = "int8"):
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else axis
        self.value_range, self.epsilon = value_range, epsilon
        if output_dtype == "int8" and not -128 <= value_range[0] < value_range[1] <= 127:
            raise ConfigError(f"AbsMaxQuantizer: value_range must rise, and lie within [-128, 127] for int8, received {value_range!r}")

    @checked(to_numpy=boolean)
    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> Any:
        along = next((a for a in (axis, self.axis) if a is not None), -1)
        return abs_max_quantize(x, along, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        own = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return own if self.axis is None else {**own, "axis": self.axis}
