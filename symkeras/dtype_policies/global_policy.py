"""The policy of the process: what layers follow that are given no dtype."""

from __future__ import annotations

from typing import Any

from symkeras import config
from symkeras.dtype_policies.dtype_policy import DTypePolicy

_state: dict[str, DTypePolicy | None] = {"policy": None}


def dtype_policy() -> DTypePolicy:
    """The `DTypePolicy` of layers that are given no dtype: that of `floatx` unless set.

    >>> dtype_policy()
    <DTypePolicy "float32">
    """
    return _state["policy"] or DTypePolicy(config.floatx())


def set_dtype_policy(policy: Any) -> None:
    """Let layers made from now on, without a dtype of their own, follow `policy`.

    Args:
        policy: a `DTypePolicy`, a name such as "mixed_float16", a config of one, or None for `floatx`.

    Raises:
        ConfigError: it means no policy, or one that symkeras does not have.
    """
    from symkeras.dtype_policies.registry import get

    _state["policy"] = None if policy is None else get(policy)
