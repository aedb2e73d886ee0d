"""Values by name, as callbacks and histories have them; they answer to what names were in 2017."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

SPELLINGS: dict[str, tuple[str, ...]] = {
    "acc": ("accuracy",), "lr": ("learning_rate",), "mean_squared_error": ("mse", "MSE"), "mean_absolute_error": ("mae", "MAE"),
    "mean_absolute_percentage_error": ("mape", "MAPE"), "mean_squared_logarithmic_error": ("msle", "MSLE"),
    "cosine_proximity": ("cosine_similarity",), "kullback_leibler_divergence": ("kl_divergence", "kld", "KLD"),
}  # fmt: skip
"""How Keras 2 wrote a name in its logs -> how it is written now, where the model was compiled with today's or the short name."""


def spelled(name: Any, names: Container[Any]) -> Any:
    """`name`; or, where only that is among `names`, how the same value is called now, for an output and for validation as well.

    >>> spelled("val_head_acc", ["loss", "val_head_accuracy"])
    'val_head_accuracy'
    """
    if name in names or not isinstance(name, str):
        return name
    for old, now in SPELLINGS.items():
        if name == old or name.endswith(f"_{old}"):
            return next((n for n in (name.removesuffix(old) + word for word in now) if n in names), name)
    return name


class ByName(dict[str, Any]):
    """A dict that is asked by today's names or by those of 2017; it holds, compares and lists today's alone.

    >>> logs = ByName({"accuracy": 0.5})
    >>> logs["acc"], logs.get("acc"), "acc" in logs, logs
    (0.5, 0.5, True, {'accuracy': 0.5})
    """

    def __missing__(self, name: str) -> Any:
        now = spelled(name, self.keys())
        if now == name:
            raise KeyError(name)
        return self[now]

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or dict.__contains__(self, spelled(name, self.keys()))

    def get(self, name: str, default: Any = None) -> Any:  # type: ignore[override]
        return dict.get(self, spelled(name, self.keys()), default)


class LazyLogs(Mapping[str, Any]):
    """The metrics as they stand, computed when one is read."""

    def __init__(self, compute: Callable[[], dict[str, Any]]):
        self._compute = compute
        self._values: ByName | None = None

    def _get(self) -> ByName:
        if self._values is None:
            self._values = ByName(self._compute())
        return self._values

    def __getitem__(self, key: str) -> Any:
        return self._get()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._get())

    def __len__(self) -> int:
        return len(self._get())

    def __repr__(self) -> str:
        return repr(self._get())


def plain_logs(logs: Any) -> ByName:
    """Logs as floats, by sorted name; what is no number stays as it is, and dicts inside are laid open.

    >>> plain_logs({"loss": 1, "extra": {"a": True}})
    {'a': 1.0, 'loss': 1.0}
    """
    plain = ByName()
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, Mapping):
            plain.update(plain_logs(value))
            continue
        try:
            plain[name] = float(value)
        except (TypeError, ValueError):
            plain[name] = value
    return plain
