"""What each callback does, on a model that only pretends."""

from __future__ import annotations

import csv
import math
import os

import numpy as np
import pytest

from symkeras import ops
from symkeras.callbacks import (
    BackupAndRestore,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
    TerminateOnNaN,
)  # fmt: skip
from symkeras.callbacks.monitor import MonitorCallback
from symkeras.errors import ConfigError, DataError, ReadOnlyError
from symkeras.optimizers import schedules
from tests.callbacks.fake_model import FakeModel, train

DIRECTIONS = [
    ("loss", "min"), ("val_loss", "min"), ("main_output_loss", "min"), ("val_pinball", "min"), ("val_hits", "max"), ("head_hits", "max"),
    ("val_acc", "max"), ("accuracy", "max"), ("val_mae", "min"), ("auc", "max"), ("binary_crossentropy", "min"),
]  # fmt: skip


@pytest.mark.parametrize(("monitor", "direction"), DIRECTIONS)
def test_the_direction_of_an_improvement_is_known_by_metric_or_name(monitor, direction):
    callback = MonitorCallback(monitor, min_delta=0.1)
    callback.set_model(FakeModel())
    better, worse = (0.5, 1.5) if direction == "min" else (1.5, 0.5)
    assert callback.is_improvement(better, 1.0) and not callback.is_improvement(worse, 1.0)
    assert not callback.is_improvement(1.0 + (better - 1.0) * 0.1, 1.0) and callback.is_improvement(1.0, None)


def test_an_unknown_direction_has_to_be_said():
    callback = MonitorCallback("val_wobble")
    callback.set_model(FakeModel())
    with pytest.raises(ConfigError, match="mode='min' or mode='max'"):
        callback.is_improvement(1.0, 2.0)
    with pytest.raises(ConfigError, match="'unknown' should fall or rise"):
        train(EarlyStopping("unknown"), FakeModel(), [1.0])
    with pytest.warns(UserWarning, match="EarlyStopping mode 'down' is unknown"):
        assert EarlyStopping(mode="down").mode == "auto"


def test_what_compares_values_is_known_with_the_direction():
    assert (EarlyStopping(mode="max").monitor_op, EarlyStopping(mode="min").monitor_op) == (ops.greater, ops.less)
    callback = EarlyStopping("val_loss")
    assert callback.monitor_op is None
    callback.is_improvement(1.0, 2.0)
    assert callback.monitor_op is ops.less


# values per epoch, arguments, epochs that run, weight at the end
STOPS = [
    ([3, 2, 1], {}, 3, 2.0),
    ([3, 2, 2, 2], {}, 3, 2.0),
    ([3, 2, 2, 2, 2], {"patience": 2}, 4, 3.0),
    ([3, 2, 2, 2, 2], {"patience": 2, "restore_best_weights": True}, 4, 1.0),
    ([3, 2, 2, 1], {"restore_best_weights": True, "patience": 5}, 4, 3.0),
    ([3, 2.95, 2.9, 2.85], {"min_delta": 0.2}, 2, 1.0),
    ([1, 2, 3, 2], {"mode": "max"}, 4, 3.0),
    ([3, 2.5, 2.2, 2], {"baseline": 1.0, "patience": 3}, 4, 3.0),
    ([1, 9, 9, 9, 9], {"start_from_epoch": 2}, 4, 3.0),
]


@pytest.mark.parametrize(("values", "arguments", "epochs", "weight"), STOPS, ids=range(len(STOPS)))
def test_early_stopping(values, arguments, epochs, weight):
    model = FakeModel()
    assert len(train(EarlyStopping("loss", **arguments), model, values)) == epochs
    assert model.weight.numpy().tolist() == [weight]


def test_a_value_that_is_not_among_the_logs_gives_a_warning_with_the_names():
    with pytest.warns(UserWarning, match=r"'val_loss' is not among the logs \(loss\)"):
        train(EarlyStopping(), FakeModel(), [1.0])


@pytest.mark.parametrize(
    ("arguments", "saved"),
    [
        ({}, ["m-01.keras", "m-02.keras", "m-03.keras", "m-04.keras"]),
        ({"save_best_only": True, "monitor": "loss"}, ["m-01.keras", "m-02.keras", "m-04.keras"]),
        ({"save_best_only": True, "monitor": "loss", "initial_value_threshold": 2.5}, ["m-02.keras", "m-04.keras"]),
        ({"save_best_only": True, "monitor": "loss", "mode": "max"}, ["m-01.keras"]),
        ({"period": 2}, ["m-02.keras", "m-04.keras"]),
        ({"save_freq": 3}, ["m-03.keras"]),
    ],
    ids=str,
)
def test_checkpoints_are_saved_when_they_should_be(tmp_path, arguments, saved):
    model = FakeModel()
    train(ModelCheckpoint(tmp_path / "deep" / "m-{epoch:02d}.keras", **arguments), model, [3.0, 2.0, 2.5, 1.0])
    assert model.saved == saved == sorted(os.listdir(tmp_path / "deep"))


def test_checkpoint_paths_name_values_and_say_which_there_are(tmp_path, capsys):
    model = FakeModel()
    best = ModelCheckpoint(str(tmp_path / "{epoch}-{loss:.2f}.weights.h5"), "loss", 1, save_best_only=True, save_weights_only=True)
    train(best, model, [0.5, 0.75])
    assert model.saved == ["1-0.50.weights.h5"]
    out = capsys.readouterr().out
    assert "Epoch 1: loss improved from None to 0.50000, saving model to" in out and "Epoch 2: loss did not improve from 0.50000" in out
    with pytest.raises(ConfigError, match=r"names 'val_loss'; there are epoch, loss"):
        train(ModelCheckpoint(str(tmp_path / "{val_loss}.keras")), model, [0.5])


def test_a_checkpoint_that_cannot_be_written_is_found_out_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.keras").mkdir()
    for path in ("file/sub/m.keras", "folder.keras", "file/{epoch}/m-{epoch}.keras"):
        model = FakeModel()
        with pytest.raises(OSError, match=path.split("/")[0]):
            train(ModelCheckpoint(tmp_path / path), model, [1.0])
        assert model.weight.numpy().tolist() == [0.0]

    def full(path, overwrite):
        raise OSError(28, "No space left on device")

    model = FakeModel()
    model.save = full
    with pytest.raises(OSError, match=r"cannot write '.*m\.keras'.*No space left"):
        train(ModelCheckpoint(tmp_path / "m.keras"), model, [1.0])


REFUSED = [
    (lambda: ModelCheckpoint("m.txt"), r"ends in \.keras"),
    (lambda: ModelCheckpoint("m.keras", save_weights_only=True), r"weights\.h5"),
    (lambda: ModelCheckpoint("m.keras", save_freq="batch"), "save_freq"),
    (lambda: ReduceLROnPlateau(factor=1.0), "factor"),
    (lambda: ReduceLROnPlateau(delta=1.0), "delta"),
    (lambda: BackupAndRestore(""), "backup_dir"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate / 2, lambda epoch: 0.5 ** (epoch + 1)], ids=["epoch and rate", "epoch"])
def test_the_scheduler_sets_and_logs_the_rate(schedule):
    model = FakeModel()
    train(LearningRateScheduler(schedule), model, [1.0, 1.0, 1.0])
    assert model.history.history["learning_rate"] == [0.5, 0.25, 0.125]
    assert float(model.optimizer.learning_rate.numpy()) == 0.125


def test_the_scheduler_wants_numbers_and_lets_errors_of_the_schedule_through():
    with pytest.raises(ConfigError, match="number"):
        train(LearningRateScheduler(lambda epoch: "fast"), FakeModel(), [1.0])
    with pytest.raises(TypeError, match="unsupported operand"):
        train(LearningRateScheduler(lambda epoch, rate: rate + "x"), FakeModel(), [1.0])
    with pytest.raises(ReadOnlyError, match="follows a LearningRateSchedule"):
        train(LearningRateScheduler(lambda epoch: 0.1), FakeModel(learning_rate=schedules.CosineDecay(1.0, 9)), [1.0])


# values, arguments, rates in the logs (those before the epoch's own change)
PLATEAUS = [
    ([1, 1, 1, 1], {"patience": 2}, [1.0, 1.0, 1.0, 0.5]),
    ([4, 3, 2, 1], {"patience": 1}, [1.0, 1.0, 1.0, 1.0]),
    ([1, 1, 1, 1, 1], {"patience": 1, "cooldown": 1}, [1.0, 1.0, 0.5, 0.25, 0.125]),
    ([1, 1, 1, 1, 1], {"patience": 1, "cooldown": 2}, [1.0, 1.0, 0.5, 0.5, 0.25]),
    ([1, 1, 1, 1], {"patience": 1, "min_lr": 0.4}, [1.0, 1.0, 0.5, np.float32(0.4)]),
    ([1, 0.95, 0.9], {"patience": 1, "epsilon": 0.2}, [1.0, 1.0, 0.5]),
]


@pytest.mark.parametrize(("values", "arguments", "rates"), PLATEAUS, ids=range(len(PLATEAUS)))
def test_the_rate_falls_on_a_plateau(values, arguments, rates):
    model = FakeModel()
    train(ReduceLROnPlateau("loss", factor=0.5, **arguments), model, values)
    assert model.history.history["learning_rate"] == rates


def test_the_csv_file_has_one_line_per_epoch(tmp_path):
    path = tmp_path / "log.csv"
    train(CSVLogger(path, separator=";"), FakeModel(), [0.5, 0.25])
    assert path.read_bytes() == b"epoch;loss;val_loss\r\n0;0.5;NA\r\n1;0.25;NA\r\n"
    train(CSVLogger(path, separator=";", append=True), FakeModel(), [0.125])
    rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";"))
    assert [row["loss"] for row in rows] == ["0.5", "0.25", "0.125"]
    train([LambdaCallback(on_epoch_end=lambda e, logs: logs.update(both=[1, 2])), CSVLogger(path)], FakeModel(), [0.5])
    assert next(csv.DictReader(path.read_text().splitlines()))["both"] == '"[1, 2]"'


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_training_ends_at_a_loss_that_is_no_number(loss, capsys):
    assert train(TerminateOnNaN(), FakeModel(), [1.0, loss, 1.0]) == [0, 1]
    assert "Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="batch 0"):
        train(TerminateOnNaN(raise_error=True), FakeModel(), [loss])


def interrupted(folder, model, epochs, **arguments):
    """Train with a real step per epoch and stop without on_train_end, as a crash does."""

    def crash(epoch, logs):
        model.step()
        if epoch == epochs - 1:
            raise KeyboardInterrupt

    callbacks = [BackupAndRestore(folder, delete_checkpoint=False, **arguments), LambdaCallback(on_epoch_begin=crash)]
    with pytest.raises(KeyboardInterrupt):
        train(callbacks, model, [1.0] * epochs)


def test_interrupted_training_goes_on_with_all_its_state(tmp_path):
    folder = tmp_path / "backup"
    first = FakeModel()
    interrupted(folder, first, 3)
    second = FakeModel()
    backup = BackupAndRestore(folder)
    backup.set_model(second)
    backup.on_train_begin()
    assert second._initial_epoch == 2
    assert second.weight.numpy().tolist() == [1.0]
    assert second.optimizer.iterations.numpy() == 2
    assert second.optimizer.variables[2].numpy().tolist() == [-1.5]
    assert sorted(os.listdir(folder)) == ["latest.npz"]
    backup.on_train_end()
    assert not folder.exists()


def test_a_backup_that_cannot_be_read_falls_back_or_is_named(tmp_path):
    interrupted(tmp_path, FakeModel(), 3, double_checkpoint=True)
    (tmp_path / "latest.npz").write_bytes(b"cut off")
    backup = BackupAndRestore(tmp_path)
    backup.set_model(FakeModel())
    backup.on_train_begin()
    assert backup.model._initial_epoch == 1
    (tmp_path / "previous.npz").unlink()
    with pytest.raises(DataError, match=r"latest\.npz"):
        backup.on_train_begin()


def test_the_backup_of_another_model_is_refused(tmp_path):
    interrupted(tmp_path, FakeModel(), 2)
    other = FakeModel(momentum=0.0)
    backup = BackupAndRestore(tmp_path)
    backup.set_model(other)
    with pytest.raises(DataError, match="another model"):
        backup.on_train_begin()
    assert other.weight.numpy().tolist() == [0.0]


def test_a_backup_leaves_what_else_is_in_its_folder(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    interrupted(tmp_path, FakeModel(), 2)
    backup = BackupAndRestore(tmp_path)
    backup.set_model(FakeModel())
    backup.on_train_begin()
    backup.on_train_end()
    assert os.listdir(tmp_path) == ["notes.txt"]


@pytest.mark.parametrize("bad", [np.array(["a"]), np.array([None], object), np.zeros((), "c8"), np.zeros(3), np.zeros((), [("a", "f4")])])
def test_a_backup_with_other_arrays_changes_nothing(tmp_path, bad):
    interrupted(tmp_path, FakeModel(), 2)
    with np.load(tmp_path / "latest.npz") as file:
        arrays = dict(file)
    for key in arrays:
        np.savez(tmp_path / "latest.npz", **{**arrays, key: bad})
        model = FakeModel()
        backup = BackupAndRestore(tmp_path)
        backup.set_model(model)
        with pytest.raises(DataError, match=r"latest\.npz"):
            backup.on_train_begin()
        assert model.weight.numpy().tolist() == [0.0]


def test_averages_are_in_the_model_while_it_is_evaluated():
    model = FakeModel(use_ema=True, ema_momentum=0.5, momentum=0.0)
    model.step()
    model.step()
    swap = SwapEMAWeights()
    swap.set_model(model)
    for begin, end in ((swap.on_test_begin, swap.on_test_end), (swap.on_predict_begin, swap.on_predict_end)):
        begin()
        assert model.weight.numpy().tolist() == [-1.5]
        end()
        assert model.weight.numpy().tolist() == [-2.0]
    plain = FakeModel()
    swap.set_model(plain)
    with pytest.raises(ConfigError, match="use_ema"):
        swap.on_test_begin()


def test_averages_stay_between_epochs_and_at_the_end():
    model = FakeModel(use_ema=True, ema_momentum=0.5, momentum=0.0)
    seen = []
    swap = SwapEMAWeights(swap_on_epoch=True)
    swap.set_model(model)
    swap.set_params({"epochs": 2})
    for epoch in range(2):
        swap.on_epoch_begin(epoch)
        model.step()
        swap.on_epoch_end(epoch)
        seen.append(model.weight.numpy().tolist())
    assert seen == [[-1.0], [-1.5]]
    model.optimizer.finalize_variable_values([model.weight])
    assert model.weight.numpy().tolist() == [-1.5]


def test_a_callback_of_functions_may_have_methods_of_its_own():
    made = LambdaCallback(total=lambda: 3)
    assert made.total() == 3
    with pytest.raises(ConfigError, match="on_epoch_edn"):
        LambdaCallback(on_epoch_edn=print)
