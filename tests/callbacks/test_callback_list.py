"""Who is called, with which logs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from symkeras.callbacks import (
    BackupAndRestore,
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    ProgbarLogger,
    TerminateOnNaN,
)  # fmt: skip
from symkeras.errors import ConfigError
from tests.callbacks.fake_model import FakeModel, train


class Lazy(Mapping):
    """Logs that count how often a value is read."""

    def __init__(self, **values):
        self.values_by_name, self.reads = values, 0

    def __getitem__(self, name):
        self.reads += 1
        return self.values_by_name[name]

    def __iter__(self):
        return iter(self.values_by_name)

    def __len__(self):
        return len(self.values_by_name)


class Recorder(Callback):
    def __init__(self):
        super().__init__()
        self.events = []


for _hook in [h for h in dir(Callback) if h.startswith("on_")]:

    def _record(self, *args, hook=_hook, **kwargs):
        self.events.append((hook, *args))

    setattr(Recorder, _hook, _record)


class Older(Callback):
    def on_batch_end(self, batch, logs=None):
        self.last = (batch, logs["loss"])


BATCH_HOOKS = [
    (lambda: EarlyStopping(), (False, False, False)),
    (lambda: ProgbarLogger(), (False, False, False)),
    (lambda: ModelCheckpoint("m.keras"), (False, False, False)),
    (lambda: ModelCheckpoint("m.keras", save_freq=3), (True, False, False)),
    (lambda: BackupAndRestore("folder"), (False, False, False)),
    (lambda: BackupAndRestore("folder", save_freq=3), (True, False, False)),
    (lambda: TerminateOnNaN(), (True, False, False)),
    (lambda: Older(), (True, False, False)),
    (lambda: LambdaCallback(on_epoch_end=print), (False, False, False)),
    (lambda: LambdaCallback(on_test_batch_end=print), (False, True, False)),
    (lambda: LambdaCallback(on_batch_begin=print), (True, False, False)),
    (lambda: LambdaCallback(on_predict_batch_begin=print), (False, False, True)),
    (lambda: Recorder(), (True, True, True)),
]


@pytest.mark.parametrize(("make", "expected"), BATCH_HOOKS, ids=range(len(BATCH_HOOKS)))
def test_batches_are_reported_to_those_who_want_to_know(make, expected):
    events = CallbackList([make()], add_progbar=True, add_history=True, verbose=1, epochs=1, steps=2)
    assert (events.has_train_batch_hooks, events.has_test_batch_hooks, events.has_predict_batch_hooks) == expected


def test_a_subclass_that_overrides_the_batch_hook_is_called():
    class Own(ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            pass

    assert CallbackList([Own("m.keras")]).has_train_batch_hooks


def test_every_event_reaches_callbacks_in_order_with_plain_sorted_logs():
    first, second = Recorder(), Recorder()
    events = CallbackList([[first], second], epochs=1)
    events.on_train_begin()
    events.on_epoch_begin(0)
    events.on_train_batch_begin(0)
    lazy = Lazy(loss=1.0)
    events.on_train_batch_end(0, lazy)
    events.on_epoch_end(0, {"loss": 1, "acc": True, "parts": {"a": 2}})
    events.on_train_end()
    assert first.events == second.events == [
        ("on_train_begin", {}), ("on_epoch_begin", 0, {}), ("on_train_batch_begin", 0, {}), ("on_train_batch_end", 0, lazy),
        ("on_epoch_end", 0, {"acc": 1.0, "loss": 1.0, "a": 2.0}), ("on_train_end", {}),
    ]  # fmt: skip
    assert list(first.events[-2][2]) == ["acc", "loss", "a"] and lazy.reads == 0


def test_the_hooks_of_2017_are_called_for_training_batches():
    older = Older()
    events = CallbackList([older])
    events.on_train_batch_end(4, {"loss": 0.5})
    assert older.last == (4, 0.5)
    events.on_batch_end(5, {"loss": 0.25})
    assert older.last == (5, 0.25)


def test_history_keeps_what_callbacks_before_it_add():
    model = FakeModel()
    train(LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=epoch)), model, [3.0, 2.0])
    assert isinstance(model.history, History)
    assert model.history.history == {"loss": [3.0, 2.0], "extra": [0, 1]} and model.history.epoch == [0, 1]


def test_a_history_of_ones_own_is_the_one_that_is_used():
    own, model = History(), FakeModel()
    train([own, CSVLogger("/dev/null")], model, [1.0])
    assert model.history is own


def test_what_is_no_callback_is_refused():
    with pytest.raises(ConfigError, match="instances"):
        CallbackList([EarlyStopping])
    with pytest.raises(ConfigError, match="Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


def test_the_progress_bar_does_not_read_batches_it_does_not_draw(capsys):
    events = CallbackList(add_progbar=True, verbose=1, epochs=1, steps=50)
    lazy = Lazy(loss=1.0)
    events.on_train_begin()
    events.on_epoch_begin(0)
    for batch in range(50):
        events.on_train_batch_end(batch, lazy)
    assert lazy.reads == 0
    events.on_epoch_end(0, {"loss": 0.5})
    out = capsys.readouterr().out
    assert out.startswith("50/50 ━") and out.endswith(" - loss: 0.5000\n") and out.count("\n") == 1
