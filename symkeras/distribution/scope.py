"""The distribution that models compiled from now on run with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symkeras.errors import ConfigError

if TYPE_CHECKING:
    from symkeras.distribution.strategies import Distribution

_current: list[Any] = [None]


def distribution() -> Distribution | None:
    """The distribution that is set, or None.

    >>> distribution() is None
    True
    """
    return _current[0]


def set_distribution(value: Distribution | None) -> None:
    """Let training, evaluation and prediction run over the devices of a distribution from now on.

    Args:
        value: a `DataParallel` or a `ModelParallel`; None: one device again.

    Raises:
        ConfigError: something else, or another distribution is set already.

    Example:
        >>> from symkeras.distribution import DataParallel
        >>> set_distribution(DataParallel(devices=["cpu:0"]))
        >>> distribution().num_model_replicas
        1
        >>> set_distribution(None)
    """
    from symkeras.distribution.strategies import Distribution

    if value is not None and not isinstance(value, Distribution):
        raise ConfigError(f"set_distribution expects a DataParallel, a ModelParallel or None, received {value!r}")
    before = _current[0]
    if value is not None and before is not None and value is not before:
        raise ConfigError(f"set_distribution: one distribution at a time: {before!r} is set; call set_distribution(None) before {value!r}")
    _current[0] = value
