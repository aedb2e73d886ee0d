"""The curves of a training, drawn by matplotlib, which is imported here and only when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symkeras.errors import ConfigError
from symkeras.graph.escaping import printable

if TYPE_CHECKING:
    from symkeras.callbacks.history import History


def plot_history(history: History, path: Any = None) -> Any:
    """One plot per log, that of the training and that of the validation data in one; see `History.plot`."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(f"history.plot() draws with matplotlib ({error}); it is installed by: pip install matplotlib") from error
    logs = dict(history.history)
    names = [name for name in logs if not (name.startswith("val_") and name[4:] in logs)]
    if not names or not history.epoch:
        raise ConfigError("history.plot(): there are no epochs to draw; call fit first")
    figure = Figure(figsize=(5 * len(names), 3.5), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in logs:
                axes.plot(history.epoch[-len(logs[key]) :], logs[key], label=label, marker="." if len(logs[key]) == 1 else "")
        axes.set_title(printable(name, 40), parse_math=False)
        axes.set_xlabel("epoch")
        axes.legend()
    if path is not None:
        try:
            figure.savefig(path)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(f"history.plot: {path!r} cannot be written: {error}") from error
    return figure
