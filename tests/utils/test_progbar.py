"""The progress line: on a terminal, elsewhere, and in the log."""

from __future__ import annotations

import io
import logging
import re
import sys
from types import SimpleNamespace

import pytest

from symkeras import config
from symkeras.callbacks import CallbackList
from symkeras.errors import ConfigError
from symkeras.utils import progbar
from symkeras.utils.progbar import Progbar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progbar, "time", clock)
    return clock


@pytest.fixture
def terminal(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(progbar, "sys", SimpleNamespace(stdout=stream, modules=sys.modules))
    monkeypatch.setenv("COLUMNS", "120")
    return stream


def plain(text: str) -> str:
    return re.sub(r"\x1b\[\d+m", "", text)


def test_a_terminal_shows_one_line_drawn_over_itself_with_the_time_left(clock, terminal):
    bar = Progbar(60, stateless_metrics=())
    for step in range(1, 61):
        clock.now += 0.25
        bar.update(step, {"accuracy": 0.81, "loss": 0.61 if step < 60 else 0.5})
    frames = plain(terminal.getvalue()).split("\r")[1:]
    assert len(frames) == 60 and terminal.getvalue().count("\n") == 1
    assert frames[11] == f"12/60 {'━' * 20} 12s 250ms/step - accuracy: 0.8100 - loss: 0.6100"
    assert frames[-1] == f"60/60 {'━' * 20} 15s 250ms/step - accuracy: 0.8100 - loss: 0.5000\n"
    assert f"{progbar.GREEN}{'━' * 4}{progbar.PLAIN}{progbar.GREY}{'━' * 16}{progbar.PLAIN}" in terminal.getvalue().split("\r")[12]


def test_a_shorter_line_covers_a_longer_one_and_a_running_line_never_wraps(clock, terminal, monkeypatch):
    bar = Progbar(100, stateless_metrics=())
    clock.now += 100.0
    bar.update(1, {"loss": 123456.0})
    clock.now += 1.0
    bar.update(2, {"loss": 1.0})
    first, second = plain(terminal.getvalue()).split("\r")[1:]
    assert len(first.rstrip()) > len(second.rstrip()) and len(second) == len(first)
    monkeypatch.setenv("COLUMNS", "40")
    clock.now += 1.0
    bar.update(3, {"a_long_name": 1.0, "another_long_name": 2.0})
    assert len(plain(terminal.getvalue()).split("\r")[-1].rstrip()) == 39


def test_drawing_waits_for_the_interval_and_does_not_read_meanwhile(clock, terminal):
    class Unreadable(dict):
        def items(self):
            raise AssertionError("read although nothing is drawn")

    bar = Progbar(1000, stateless_metrics=())
    bar.update(1, {"loss": 1.0})
    clock.now += 0.04
    bar.update(2, Unreadable())
    clock.now += 0.02
    bar.update(3, {"loss": 0.5})
    assert terminal.getvalue().count("\r") == 2 and "0.5000" in terminal.getvalue()


def test_elsewhere_only_the_last_state_is_printed_without_colours(clock, capsys):
    bar = Progbar(3, stateless_metrics=())
    for step in range(1, 4):
        clock.now += 1.0
        bar.update(step, {"loss": 1.0 / step})
    assert capsys.readouterr().out == f"3/3 {'━' * 20} 3s 1s/step - loss: 0.3333\n"


def test_values_are_averaged_unless_they_are_stateful(capsys):
    bar = Progbar(4, verbose=2, stateful_metrics=["acc"])
    bar.update(1, [("loss", 4.0), ("acc", 0.1)])
    bar.add(2, [("loss", 1.0), ("acc", 0.2)])
    bar.update(4, finalize=True)
    assert capsys.readouterr().out.endswith(" - loss: 2.0000 - acc: 0.2000\n")


def test_an_unknown_number_of_steps_counts_up(clock, terminal):
    bar = Progbar(None, stateless_metrics=())
    clock.now += 0.002
    bar.update(1, {"loss": 1.0})
    assert plain(terminal.getvalue()) == "\r      1/Unknown 0s 2ms/step - loss: 1.0000"


def test_a_fit_prints_one_line_per_epoch(clock, capsys):
    for verbose in (0, 1, 2):
        events = CallbackList(add_progbar=True, verbose=verbose, epochs=2, steps=2)
        events.on_train_begin()
        for epoch in range(2):
            events.on_epoch_begin(epoch)
            for batch in range(2):
                clock.now += 0.5
                events.on_train_batch_end(batch, {"loss": 1.0})
            events.on_test_begin()
            events.on_test_batch_end(0, {"loss": 9.0})
            events.on_test_end({"loss": 9.0})
            events.on_epoch_end(epoch, {"loss": 0.5, "val_loss": 9.0})
        events.on_train_end()
        out = capsys.readouterr().out
        line = {
            0: "",
            1: f"2/2 {'━' * 20} 1s 500ms/step - loss: 0.5000 - val_loss: 9.0000\n",
            2: "2/2 - 1s - 500ms/step - loss: 0.5000 - val_loss: 9.0000\n",
        }[verbose]
        assert out == (f"Epoch 1/2\n{line}Epoch 2/2\n{line}" if verbose else "")


def test_evaluation_and_prediction_have_their_own_bars(clock, capsys):
    events = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=None)
    events.on_test_begin()
    for batch in range(3):
        clock.now += 0.001
        events.on_test_batch_end(batch, {"loss": 1.0})
    events.on_test_end({"loss": 0.5})
    events.on_predict_begin()
    events.on_predict_batch_end(0, {"outputs": None})
    events.on_predict_end()
    evaluated, predicted = capsys.readouterr().out.splitlines()
    assert evaluated == f"3/3 {'━' * 20} 0s 1ms/step - loss: 0.5000"
    assert predicted.startswith("3/3 ━")


def test_messages_go_to_the_log_where_interactive_logging_is_off(caplog, capsys):
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="symkeras"):
            bar = Progbar(2, stateless_metrics=())
            bar.update(1, {"loss": 1.0})
            bar.update(2, {"loss": 0.5})
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    assert [r.name for r in caplog.records] == ["symkeras"] and caplog.messages[0].endswith("loss: 0.5000")


def test_a_stream_that_has_no_such_characters_gets_others(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", newline=""))
    progbar.print_message("1/1 ━━ naïve")
    assert raw.getvalue() == b"1/1 == na?ve\n"


def test_both_kinds_of_names_are_refused():
    with pytest.raises(ConfigError, match="Only one of"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_times_are_written_as_keras_writes_them():
    assert [progbar.format_clock(s) for s in (0.4, 59.9, 61, 3601)] == ["0s", "59s", "1:01", "1:00:01"]
    assert [progbar.format_duration(s) for s in (0, 1.4, 0.0012, 2e-6)] == ["0s", "1s", "1ms", "2us"]
    assert progbar.format_value("text") == "text" and progbar.format_value(-0.5) == "-0.5000"
