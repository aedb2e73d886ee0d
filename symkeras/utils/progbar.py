"""The line that shows how far training is, and where messages go."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import checked, non_negative, non_negative_int, optional, positive_int, text, verbosity
from symkeras.errors import ConfigError

BOLD, GREEN, GREY, PLAIN = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


def print_message(message: str, line_break: bool = True) -> None:
    """Write to stdout; to the `symkeras` logger where interactive logging is off.

    Args:
        message: the text.
        line_break: whether the line ends with it.
    """
    if not config.is_interactive_logging_enabled():
        logging.getLogger("symkeras").info(message.strip())
        return
    end = "\n" if line_break else ""
    try:
        sys.stdout.write(message + end)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(message.replace("━", "=").encode(encoding, errors="replace").decode(encoding) + end)
    sys.stdout.flush()


def is_terminal() -> bool:
    """Whether a line of stdout can be drawn over: a terminal, a notebook, or PyCharm's console."""
    isatty = getattr(sys.stdout, "isatty", None)
    return bool(isatty is not None and isatty()) or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


class Progbar:
    """A bar with the time left, the time per step, and values: `12/60 ━━━━━━━━━━━━━━━━━━━━ 3s 52ms/step - loss: 0.6100`.

    In a terminal the line is drawn over itself, at most every `interval` seconds; elsewhere only its last state is printed.

    Args:
        target: number of steps; None where it is unknown.
        width: of the bar, in characters.
        verbose: 0 nothing, 1 the bar, 2 one line at the end.
        interval: seconds between two drawings.
        stateful_metrics: names of values shown as they are; the others are averaged over the steps.
        stateless_metrics: names of values that are averaged; the others are shown as they are. Instead of `stateful_metrics`.
        unit_name: what a step is called.

    Raises:
        ConfigError: both kinds of names are given.

    Example:
        >>> bar = Progbar(3, verbose=2)
        >>> bar.update(3, [("loss", 0.5)])  # doctest: +ELLIPSIS
        3/3 - 0s - ...step - loss: 0.5000
    """

    @checked(target=optional(non_negative_int), width=positive_int, verbose=verbosity, interval=non_negative, unit_name=text)
    def __init__(self, target: int | None, width: int = 20, verbose: int = 1, interval: float = 0.05,
                 stateful_metrics: Iterable[str] | None = None, stateless_metrics: Iterable[str] | None = None, unit_name: str = "step"):  # fmt: skip
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ConfigError("Progbar: Only one of stateful_metrics and stateless_metrics can be given")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = None if stateless_metrics is None else set(stateless_metrics)
        self._in_place = verbose == 1 and config.is_interactive_logging_enabled() and is_terminal()
        self._values: dict[str, tuple[Any, int]] = {}
        self._seen = 0
        self._start = time.perf_counter()
        self._after_first_step: float | None = None
        self._last_drawn = -np.inf
        self._drawn_width = 0

    def update(self, current: int, values: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None) -> None:
        """Say that `current` steps are done.

        Args:
            current: steps done so far.
            values: what to show, by name. Where nothing is averaged they are read only when the line is drawn.
            finalize: whether this is the last state; by default when the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        now = time.perf_counter()
        if current == 1:
            self._after_first_step = now
        is_due = finalize if not self._in_place else finalize or now - self._last_drawn >= self.interval
        if is_due or self.stateless_metrics is None or self.stateless_metrics:
            self._take(current, values, finalize)
        self._seen = current
        if self.verbose and is_due:
            self._draw(current, now, finalize)
            self._last_drawn = now

    def add(self, n: int, values: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _take(self, current: int, values: Any, finalize: bool) -> None:
        weight = max(current - self._seen, 1)
        for name, value in values.items() if isinstance(values, Mapping) else values or ():
            is_averaged = name not in self.stateful_metrics if self.stateless_metrics is None else name in self.stateless_metrics
            if is_averaged and not finalize:
                total, count = self._values.get(name, (0.0, 0))
                self._values[name] = (total + value * weight, count + weight)
            else:
                self._values[name] = (value, 1)

    def _draw(self, current: int, now: float, finalize: bool) -> None:
        per_step = self._seconds_per_step(current, now)
        spent = f"{now - self._start:.0f}s"
        pace = f"{format_duration(per_step)}/{self.unit_name}"
        shown = "".join(f" - {name}: {format_value(total, count)}" for name, (total, count) in self._values.items())
        if self.verbose != 1:
            if finalize:
                print_message(f"{self._count(current)} - {spent} - {pace}{shown}")
            return
        bar = self._bar(current)
        left = spent if finalize or not self.target else format_clock(per_step * (self.target - current))
        line = f"{self._count(current)} {bar}{' ' if bar else ''}{left} {pace}{shown}"
        if not self._in_place:
            print_message(line)
            return
        columns = shutil.get_terminal_size().columns
        if not finalize and len(line) >= columns:
            line = line[: columns - 1]
        padding = " " * (self._drawn_width - len(line))
        self._drawn_width = len(line)
        print_message("\r" + self._coloured(line, current, left) + padding, line_break=finalize)

    def _count(self, current: int) -> str:
        return f"{current:{len(str(self.target))}d}/{self.target}" if self.target else f"{current:7d}/Unknown"

    def _bar(self, current: int) -> str:
        return "━" * self.width if self.target else ""

    def _coloured(self, line: str, current: int, left: str) -> str:
        head = self._count(current)
        if not self.target:
            return line.replace(f" {left} ", f" {BOLD}{left}{PLAIN} ", 1)
        done = min(self.width, self.width * current // self.target)
        bar = f"{GREEN}{'━' * done}{PLAIN}{GREY}{'━' * (self.width - done)}{PLAIN}"
        rest = line[len(head) + self.width + 2 :]
        return f"{BOLD}{head}{PLAIN} {bar} {BOLD}{rest[: len(left)]}{PLAIN}{rest[len(left) :]}"

    def _seconds_per_step(self, current: int, now: float) -> float:
        """Without the first step, in which functions are compiled."""
        if not current:
            return 0.0
        if self._after_first_step is not None and current > 1:
            return (now - self._after_first_step) / (current - 1)
        return (now - self._start) / current


def format_value(total: Any, count: int = 1) -> str:
    """A number with four decimals, or with an exponent where it is tiny; arrays by their mean.

    >>> format_value(0.25), format_value(0.0001), format_value(6.0, 4)
    ('0.2500', '1.0000e-04', '1.5000')
    """
    try:
        mean = float(np.mean(total)) / max(1, count)
    except (TypeError, ValueError):
        return str(total)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def format_duration(seconds: float) -> str:
    """A time per step in s, ms or us.

    >>> format_duration(2.0), format_duration(0.052), format_duration(3e-5)
    ('2s', '52ms', '30us')
    """
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def format_clock(seconds: float) -> str:
    """A time left as s, m:ss or h:mm:ss.

    >>> format_clock(7.2), format_clock(75), format_clock(3700)
    ('7s', '1:15', '1:01:40')
    """
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"
