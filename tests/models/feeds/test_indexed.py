"""Data sets whose batches are asked for by number: epochs, passes, and workers that make batches ahead."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, callbacks, layers, utils
from symkeras.errors import ConfigError, DataError
from tests.patience import SECONDS, comes_true

COUNT = 5
pytestmark = pytest.mark.filterwarnings(r"ignore:os\.fork\(\) was called:RuntimeWarning")
"""JAX warns of it wherever it was imported; these children compute nothing on an engine."""


class Numbered(utils.PyDataset):
    """Batches that hold their number, and a list of what happened."""

    def __init__(self, count: Any = COUNT, **workers: Any):
        super().__init__(**workers)
        self.count = count
        self.events: list[Any] = []

    @property
    def num_batches(self) -> Any:
        return self.count

    def __getitem__(self, k: int) -> Any:
        if not self.use_multiprocessing:
            self.events.append(k)
        return self.batch(k)

    def batch(self, k: int) -> Any:
        return np.full((2, 1), k, "float32"), np.zeros((2, 1), "float32")

    def on_epoch_begin(self) -> None:
        self.events.append("begin")

    def on_epoch_end(self) -> None:
        self.events.append("end")


def model() -> Any:
    """Its loss on a batch is the square of the number in it."""
    made = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")])
    made.compile("sgd", "mse")
    return made


class Watch(callbacks.Callback):
    """Writes down which batches were trained, by their loss."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self.losses = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.losses = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        total = logs["loss"] * (batch + 1)
        self.seen.append(round(float(np.sqrt(max(total - self.losses, 0)))))
        self.losses = total


def trained_batches(source: Any, **arguments: Any) -> list[int]:
    made, watch = model(), Watch()
    made.optimizer.learning_rate = 0.0
    made.fit(source, verbose=0, callbacks=[watch], **{"shuffle": False, **arguments})
    return watch.seen


# ---- epochs --------------------------------------------------------------------------------------------------------


def test_epochs_are_told_to_the_data_set() -> None:
    source = Numbered(3)
    model().fit(source, epochs=2, shuffle=False, verbose=0)
    assert source.events == ["begin", 0, 1, 2, "end"] * 2
    for call in (model().evaluate, model().predict):
        source.events.clear()
        call(source, verbose=0)
        assert source.events == ["begin", 0, 1, 2, "end"]


def test_an_epoch_begins_where_the_last_one_ended_and_ends_with_the_data() -> None:
    with pytest.warns(UserWarning, match="ran out of data after 2 of 3 batches of this epoch"):
        assert trained_batches(Numbered(), epochs=3, steps_per_epoch=3) == [0, 1, 2, 3, 4, 0, 1, 2]
    with pytest.warns(UserWarning, match="ran out of data after 5 of 7 batches") as warned:
        assert trained_batches(Numbered(), epochs=2, steps_per_epoch=7) == [0, 1, 2, 3, 4] * 2
    assert len(warned) == 2
    assert trained_batches(Numbered(6), epochs=3, steps_per_epoch=3) == [0, 1, 2, 3, 4, 5, 0, 1, 2]
    assert trained_batches(Numbered(), epochs=2) == [0, 1, 2, 3, 4] * 2


def test_fit_generator_of_2017_begins_a_sequence_anew_within_an_epoch() -> None:
    made, watch = model(), Watch()
    made.optimizer.learning_rate = 0.0
    made.fit_generator(Numbered(), steps_per_epoch=4, epochs=3, shuffle=False, verbose=0, callbacks=[watch])
    assert watch.seen == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]
    assert made.predict_generator(Numbered(), steps=7)[::2, 0].tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_every_pass_takes_each_batch_once_in_an_order_of_its_own() -> None:
    utils.set_random_seed(2)
    seen = trained_batches(Numbered(6), epochs=6, steps_per_epoch=3, shuffle=True)
    passes = [seen[k : k + 6] for k in range(0, 18, 6)]
    assert all(sorted(p) == list(range(6)) for p in passes) and len(set(map(tuple, passes))) > 1


def test_an_evaluation_begins_anew_and_ends_with_the_data() -> None:
    made = model()
    expected = np.mean(np.square([0, 1]))
    source = Numbered()
    for _ in range(2):
        assert made.evaluate(source, steps=2, verbose=0) == pytest.approx(expected)
    with pytest.warns(UserWarning, match="after 5 of 9 batches"):
        assert made.predict(source, steps=9, verbose=0)[::2, 0].tolist() == list(range(COUNT))
    made.optimizer.learning_rate = 0.0
    validation = Numbered()
    history = made.fit(Numbered(), epochs=2, validation_data=validation, validation_steps=2, verbose=0).history
    assert history["val_loss"] == pytest.approx([expected] * 2)
    assert validation.events == ["begin", 0, 1, "end"] * 2


def test_a_data_set_without_end_needs_to_be_told_where_epochs_end() -> None:
    assert trained_batches(Numbered(None), epochs=2, steps_per_epoch=4, shuffle=True) == list(range(8))
    assert trained_batches(Numbered(float("inf"), workers=3), epochs=2, steps_per_epoch=4) == list(range(8))
    with pytest.raises(ConfigError, match="Numbered has no known number of batches"):
        model().fit(Numbered(None), verbose=0)


def test_a_data_set_may_change_its_length_between_epochs() -> None:
    class Growing(Numbered):
        def on_epoch_end(self) -> None:
            self.count += 1

    assert trained_batches(Growing(1), epochs=3) == [0, 0, 1, 0, 1, 2]


@pytest.mark.parametrize("pack", [list, tuple])
def test_a_batch_is_inputs_and_targets_whether_list_or_tuple(pack: Any) -> None:
    class Packed(Numbered):
        def batch(self, k: int) -> Any:
            return pack(super().batch(k))

    assert trained_batches(Packed()) == [0, 1, 2, 3, 4]
    assert trained_batches((Packed()[k] for k in range(3)), epochs=1) == [0, 1, 2]
    with pytest.raises(DataError, match=r"received a list of 4; several inputs are one entry, as in \(\[a, b, c, d\], y\)"):
        model().fit(iter([[np.zeros((2, 1))] * 4]), verbose=0)


# ---- workers -------------------------------------------------------------------------------------------------------


class Slow(Numbered):
    """Batches that take the longer the earlier they come."""

    def batch(self, k: int) -> Any:
        time.sleep(0.02 * (COUNT - k) / COUNT)
        return super().batch(k)


WORKERS: dict[str, dict[str, Any]] = {
    "threads": {"workers": 3}, "processes": {"workers": 2, "use_multiprocessing": True}, "one process": {"workers": 1, "use_multiprocessing": True},
    "a short queue": {"workers": 3, "max_queue_size": 1}, "nobody": {"workers": 0},
}  # fmt: skip


@pytest.mark.parametrize("kind", WORKERS)
def test_workers_keep_the_order_of_batches(kind: str) -> None:
    assert trained_batches(Slow(4, **WORKERS[kind]), epochs=3, steps_per_epoch=2) == [0, 1, 2, 3, 0, 1]
    assert no_workers_left()


def test_no_more_batches_are_made_ahead_than_the_queue_holds() -> None:
    source = Numbered(50, workers=4, max_queue_size=3)
    ahead: list[int] = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: ahead.append(len(source.events) - 1 - (k + 1)))
    model().fit(source, shuffle=False, verbose=0, callbacks=[watch])
    assert max(ahead) <= 3


def test_threads_work_at_the_same_time() -> None:
    class Together(Numbered):
        meeting = threading.Barrier(3, timeout=SECONDS)

        def batch(self, k: int) -> Any:
            self.meeting.wait()
            return super().batch(k)

    assert trained_batches(Together(6, workers=3)) == list(range(6))


def test_processes_are_others_and_know_what_the_epoch_changed() -> None:
    class Telling(Numbered):
        epoch = 0

        def batch(self, k: int) -> Any:
            x, y = super().batch(10 * self.epoch + k)
            return (x, y) if os.getpid() != home else (x - 99, y)

        def on_epoch_begin(self) -> None:
            self.epoch += 1

    home = os.getpid()
    assert trained_batches(Telling(2, workers=2, use_multiprocessing=True), epochs=2) == [10, 11, 20, 21]


class Drawing(Numbered):
    def batch(self, k: int) -> Any:
        return np.random.uniform(size=(2, 1)), np.zeros((2, 1))


def test_what_processes_draw_follows_from_the_seed() -> None:
    runs = []
    for workers in (1, 2):
        utils.set_random_seed(5)
        runs.append(model().predict(Drawing(workers=workers, use_multiprocessing=True), verbose=0))
    np.testing.assert_array_equal(*runs)
    assert len(np.unique(runs[0])) == 2 * COUNT


class Broken(Numbered):
    def batch(self, k: int) -> Any:
        if k == 2:
            raise self.error
        return super().batch(k)

    error: Exception = KeyError("the third")


class Stubborn(Exception):
    """An error that cannot be read back where it is sent."""

    def __init__(self, a: int, b: int):
        super().__init__(f"{a} and {b}")


@pytest.mark.parametrize("kind", WORKERS)
def test_errors_of_workers_reach_who_trains_after_the_batches_before(kind: str) -> None:
    watch, source = Watch(), Broken(**WORKERS[kind])
    with pytest.raises(KeyError, match="the third") as caught:
        model().fit(source, shuffle=False, verbose=0, callbacks=[watch])
    assert len(watch.seen) == 2
    text = "".join(getattr(caught.value, "__notes__", []))
    assert ("in batch" in text and "raise self.error" in text) == source.use_multiprocessing
    assert no_workers_left()


def test_an_error_that_cannot_be_sent_is_told() -> None:
    class Odd(Broken):
        error = Stubborn(1, 2)

    with pytest.raises(DataError, match="Stubborn: 1 and 2"):
        model().fit(Odd(workers=2, use_multiprocessing=True), verbose=0)


def test_a_process_that_dies_is_told() -> None:
    class Dying(Numbered):
        def batch(self, k: int) -> Any:
            if k == 3:
                os._exit(7)
            return super().batch(k)

    with pytest.raises(DataError, match="Dying: the process that made batch 3 ended with exit code 7"):
        model().fit(Dying(workers=2, use_multiprocessing=True), shuffle=False, verbose=0)
    assert no_workers_left()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_interruption_ends_the_workers(kind: str) -> None:
    class Endless(Numbered):
        def batch(self, k: int) -> Any:
            time.sleep(2 * SECONDS if k > 3 and self.use_multiprocessing else 0.001)
            return super().batch(k)

    def press(batch: int, logs: Any) -> None:
        if batch == 2:
            os.kill(os.getpid(), signal.SIGINT)

    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        model().fit(
            Endless(10**6, **WORKERS[kind]), shuffle=False, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=press)]
        )
    assert time.perf_counter() - start < SECONDS and no_workers_left()


def test_training_that_stops_early_ends_the_workers() -> None:
    made = model()
    stop = callbacks.LambdaCallback(on_train_batch_end=lambda k, logs: setattr(made, "stop_training", True))
    made.fit(Numbered(10**6, workers=2), shuffle=False, verbose=0, callbacks=[stop])
    assert no_workers_left() and int(made.optimizer.iterations.numpy()) == 1


def test_a_batch_that_cannot_be_used_ends_the_workers() -> None:
    class Wrong(Numbered):
        def batch(self, k: int) -> Any:
            return np.array(["a"]), np.zeros(1)

    with pytest.raises(DataError, match="expected real numbers"):
        model().fit(Wrong(100, workers=2), verbose=0)
    assert no_workers_left()


def no_workers_left() -> bool:
    """Whether threads and processes that made batches have ended, or do so soon."""
    return comes_true(lambda: not multiprocessing.active_children() and not any(t.name.startswith("batches") for t in threading.enumerate()))


def test_the_generator_methods_of_2017_give_workers_to_sequences() -> None:
    class Old:
        """A sequence of 2017, with nothing to inherit."""

        threads: set[int] = set()
        several = threading.Event()

        def __len__(self) -> int:
            return 8

        def __getitem__(self, k: int) -> Any:
            self.threads.add(threading.get_ident())
            if len(self.threads) > 1:
                self.several.set()
            self.several.wait(SECONDS)
            return np.full((2, 1), k, "float32"), np.zeros((2, 1))

    source = Old()
    history = model().fit_generator(source, steps_per_epoch=8, epochs=1, workers=3, max_queue_size=4, verbose=0)
    assert "loss" in history.history and threading.get_ident() not in source.threads and len(source.threads) > 1
    assert model().predict_generator(source, workers=2)[::2, 0].tolist() == list(range(8))
    assert model().evaluate_generator(source, workers=2) == pytest.approx(np.mean(np.square(range(8))))


def generator() -> Iterator[Any]:
    while True:
        yield np.ones((2, 1)), np.zeros((2, 1))


def test_workers_are_numbers() -> None:
    for arguments in ({"workers": -1}, {"workers": 1.5}, {"use_multiprocessing": "no"}, {"max_queue_size": 0}):
        with pytest.raises(ConfigError, match=f"Numbered: {next(iter(arguments))} must be"):
            Numbered(**arguments)
    assert len(model().fit_generator(generator(), steps_per_epoch=2, workers=4, verbose=0).history["loss"]) == 1
