"""Process-wide settings, with Keras' names, and which backend compiles by default.

Environment: `SYMKERAS_BACKEND`, `SYMKERAS_FLOATX`, `SYMKERAS_DENORMALS`, `SYMKERAS_OPENBLAS` (see `symkeras.blas`),
`SYMKERAS_MAX_COMPILED_FUNCTIONS`, `KERAS_MAX_EPOCHS`, `KERAS_MAX_STEPS_PER_EPOCH`.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from symkeras import foreign_dtypes

DENORMALS = ("flush", "keep")
_state: dict[str, Any] = {
    "backend": os.environ.get("SYMKERAS_BACKEND", "numpy"),
    "floatx": os.environ.get("SYMKERAS_FLOATX", "float32"),
    "denormals": os.environ.get("SYMKERAS_DENORMALS", "flush"),
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "interactive_logging": True,
    "traceback_filtering": True,
    "unsafe_deserialization": False,
    "flash_attention": None,
}
if _state["floatx"] in foreign_dtypes.FOREIGN:
    foreign_dtypes.provide()


_ELSEWHERE = {"dtype_policy": "dtype_policies.global_policy", "set_dtype_policy": "dtype_policies.global_policy"}
"""Settings that are more than a word: name -> module that keeps them."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(f"symkeras.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module 'symkeras.config' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*(n for n in globals() if not n.startswith("_")), *_ELSEWHERE} - {"annotations", "importlib", "os", "Any", "foreign_dtypes"})


def _choose(key: str, value: Any, allowed: tuple[Any, ...]) -> None:
    from symkeras.errors import ConfigError, nearest

    if value not in allowed:
        raise ConfigError(f"{key} must be one of {', '.join(map(repr, allowed))}, received {value!r}.{nearest(value, allowed)}")
    _state[key] = value


def backend() -> str:
    """The name of the backend that compiles when none is named.

    >>> backend()
    'numpy'
    """
    return _state["backend"]


def set_backend(name: str) -> None:
    """Compile with backend `name` from now on; functions already compiled keep theirs.

    Raises:
        BackendError: when no backend of that name is registered.
    """
    from symkeras.backend_names import check_registered

    check_registered(name)
    _state["backend"] = name


def floatx() -> str:
    """The default floating dtype, `"float32"` unless set."""
    return _state["floatx"]


def set_floatx(value: str) -> None:
    """Set the default floating dtype.

    Args:
        value: "bfloat16", "float16", "float32" or "float64".
    """
    if value == "bfloat16":
        foreign_dtypes.provide()
    _choose("floatx", value, ("bfloat16", "float16", "float32", "float64"))


def denormals() -> str:
    """What compiled functions do with denormal numbers: `"flush"` (to zero, the default) or `"keep"`."""
    return checked_denormals(_state["denormals"])


def set_denormals(value: str) -> None:
    """Say what functions compiled from now on do with denormal numbers.

    These are the numbers below 1.2e-38 in float32 and 2.2e-308 in float64. Computing with them takes a processor a hundred times as
    long, so they are read and written as zero unless they are kept. On return from a compiled function the processor is
    as it was.

    Args:
        value: "flush" or "keep"; `compile(denormals=...)` says so for one model.

    Raises:
        ConfigError: another value.
    """
    _state["denormals"] = checked_denormals(value)


def checked_denormals(value: Any) -> str:
    """`value`, if it says what becomes of denormal numbers.

    Raises:
        ConfigError: it does not.
    """
    if value not in DENORMALS:
        from symkeras.errors import ConfigError, nearest

        raise ConfigError(f"denormals must be one of {', '.join(map(repr, DENORMALS))}, received {value!r}.{nearest(value, DENORMALS)}")
    return value


def epsilon() -> float:
    """The fuzz factor that keeps logarithms and divisions away from zero, 1e-7 unless set."""
    return _state["epsilon"]


def set_epsilon(value: float) -> None:
    """Set the fuzz factor.

    Args:
        value: a small positive number.
    """
    _state["epsilon"] = float(value)


def image_data_format() -> str:
    """`"channels_last"` or `"channels_first"`: where image layers look for the channels by default."""
    return _state["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Set the default position of the channel axis.

    Args:
        data_format: "channels_last" or "channels_first".
    """
    _choose("image_data_format", data_format, ("channels_last", "channels_first"))


def enable_interactive_logging() -> None:
    """Let progress go to stdout (the default).

    >>> enable_interactive_logging(); is_interactive_logging_enabled()
    True
    """
    _state["interactive_logging"] = True


def disable_interactive_logging() -> None:
    """Send progress to the `symkeras` logger instead of stdout.

    >>> disable_interactive_logging(); is_interactive_logging_enabled()
    False
    >>> enable_interactive_logging()
    """
    _state["interactive_logging"] = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to stdout.

    >>> is_interactive_logging_enabled()
    True
    """
    return _state["interactive_logging"]


def enable_traceback_filtering() -> None:
    """Accepted as in Keras: errors name the user's line themselves, and tracebacks are whole either way."""
    _state["traceback_filtering"] = True


def disable_traceback_filtering() -> None:
    """Accepted as in Keras: tracebacks are whole either way."""
    _state["traceback_filtering"] = False


def is_traceback_filtering_enabled() -> bool:
    """What `enable_traceback_filtering` and `disable_traceback_filtering` said last."""
    return _state["traceback_filtering"]


def enable_flash_attention() -> None:
    """Leave to the compiler how attention is computed, as it is unless `disable_flash_attention` said otherwise.

    As in Keras this allows flash attention and does not ask for it. Attention is compiled from its parts, the same way on either setting; native
    computes it a few samples at a time, so that all scores never lie in memory at once.
    """
    _state["flash_attention"] = None


def disable_flash_attention() -> None:
    """Say that no flash attention is wanted; attention is compiled from its parts in any case."""
    _state["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """False after `disable_flash_attention`, otherwise None: nobody has said so, as in Keras."""
    return _state["flash_attention"]


def is_nnx_enabled() -> bool:
    """False: layers are no modules of Flax."""
    return False


def enable_unsafe_deserialization() -> None:
    """Let files carry lambdas: only for files whose writer one trusts."""
    _state["unsafe_deserialization"] = True


def is_unsafe_deserialization_enabled() -> bool:
    """Whether files may carry lambdas."""
    return _state["unsafe_deserialization"]


def max_epochs() -> int | None:
    """The cap on epochs from `KERAS_MAX_EPOCHS` or `set_max_epochs`."""
    return _cap("max_epochs", "KERAS_MAX_EPOCHS")


def set_max_epochs(value: int | None) -> None:
    """Cap the epochs of every fit.

    Args:
        value: the most epochs; None for no cap.
    """
    _state["max_epochs"] = value


def max_steps_per_epoch() -> int | None:
    """The cap on steps per epoch from `KERAS_MAX_STEPS_PER_EPOCH` or `set_max_steps_per_epoch`."""
    return _cap("max_steps_per_epoch", "KERAS_MAX_STEPS_PER_EPOCH")


def set_max_steps_per_epoch(value: int | None) -> None:
    """Cap the steps of every epoch, evaluation and prediction.

    Args:
        value: the most steps; None for no cap.
    """
    _state["max_steps_per_epoch"] = value


def max_compiled_functions() -> int:
    """How many compiled functions a model, or a function of `symkeras.function`, keeps: 64 unless set.

    Each length of sequences has one of its own; of more, those used last are kept, and the others compiled again when they
    are needed.
    """
    return _cap("max_compiled_functions", "SYMKERAS_MAX_COMPILED_FUNCTIONS") or 64


def set_max_compiled_functions(value: int) -> None:
    """Keep `value` compiled functions for each model.

    Raises:
        ConfigError: not an integer of at least 1.
    """
    from symkeras.errors import ConfigError

    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"max_compiled_functions must be an integer of at least 1, received {value!r}")
    _state["max_compiled_functions"] = value


def _cap(key: str, variable: str) -> int | None:
    if key in _state:
        return _state[key]
    text = os.environ.get(variable, "")
    return int(text) if text.isdigit() else None
