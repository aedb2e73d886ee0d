"""Keras' scopes for computing values of the forward pass again in the backward pass.

Nothing is computed again here, in a scope or outside of one: a training step is one graph whose memory is planned as a whole, and what a
gradient reads is kept until it is read. Results are the same either way, which is all that a scope promises.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from symkeras.arguments import checked, function, one_of, optional, positive_int, several, text

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope:
    """Keras' scope in which layers may give up values of the forward pass; here they are kept, and results are the same.

    The memory of a training step is planned as a whole; `executable.memory` says what it takes.

    Args:
        mode: "full", "activations", "larger_than", "list_of_layers" or None.
        output_size_threshold: elements of an output, for "larger_than".
        layer_names: names of layers, for "list_of_layers".

    Raises:
        ConfigError: another mode.

    Example:
        >>> with RematScope("full") as scope:
        ...     scope.mode
        'full'
    """

    @checked(mode=one_of(*_MODES), output_size_threshold=positive_int, layer_names=optional(several(text)))
    def __init__(self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None):
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def __enter__(self) -> RematScope:
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to undo."""


@checked(f=function)
def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function that computes what `f` computes; its values are kept for gradients, as all are (see `RematScope`).

    Args:
        f: a function of tensors.

    >>> remat(abs)(-3)
    3
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return f(*args, **kwargs)

    return wrapped
