"""Windows over a series, and one data set as two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Sequential, layers, utils
from symkeras.errors import SymkerasError

SERIES = np.arange(20, dtype="float32")


def test_windows_slide_over_the_series() -> None:
    data = utils.timeseries_dataset_from_array(SERIES, SERIES * 10, 3, sequence_stride=2, sampling_rate=2, batch_size=4, start_index=1, end_index=15)
    x, y = (np.concatenate(parts) for parts in zip(*data, strict=True))
    assert x.tolist() == [[s, s + 2, s + 4] for s in range(1, 11, 2)] and y.tolist() == [s * 10 for s in range(1, 11, 2)]
    alone = utils.timeseries_dataset_from_array(SERIES[:, None], None, 18, batch_size=None)
    assert [w.shape for w in alone] == [(18, 1)] * 3


def test_windows_in_a_random_order_are_the_same_windows() -> None:
    data = utils.timeseries_dataset_from_array(SERIES, None, 3, shuffle=True, seed=1)
    first, second = np.concatenate(list(data)), np.concatenate(list(data))
    assert sorted(first[:, 0]) == sorted(second[:, 0]) == list(range(18)) and first.tolist() != second.tolist()
    again = utils.timeseries_dataset_from_array(SERIES, None, 3, shuffle=True, seed=1)
    np.testing.assert_array_equal(again[0], first)


def test_a_model_trains_on_windows() -> None:
    model = Sequential([layers.Dense(1)])
    model.compile("sgd", "mse")
    data = utils.timeseries_dataset_from_array(SERIES / 20, SERIES[3:] / 20, 3, batch_size=8)
    assert model.fit(data, epochs=3, verbose=0).history["loss"][-1] < 1


@pytest.mark.parametrize(
    "given",
    [{"start_index": -1}, {"start_index": 20}, {"end_index": 20},
     {"start_index": 5, "end_index": 5}, {"sampling_rate": 0}, {"sampling_rate": 20},
     {"sequence_stride": 0}, {"sequence_stride": 20}, {"sequence_length": 0}, {"batch_size": 0}, {"format": "torch"}, {"data": 3},
     {"shuffle": "yes"}],
)  # fmt: skip
def test_windows_that_do_not_fit_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SymkerasError):
        utils.timeseries_dataset_from_array(**{"data": SERIES, "targets": None, "sequence_length": 3, **given})


def test_a_data_set_is_split_in_two() -> None:
    left, right = utils.split_dataset((SERIES, SERIES + 1), right_size=5, shuffle=True, seed=2)
    assert len(left) == 15 and len(right) == 5
    rows = [*left, *right]
    assert sorted(x for x, _ in rows) == SERIES.tolist() and all(y == x + 1 for x, y in rows)
    x, y = left.batch(4)[0]
    assert x.shape == y.shape == (4,)
    first, last = utils.split_dataset([1, 2, 3, 4], left_size=0.25, right_size=0.5)
    assert [int(v) for v in first] == [1] and [int(v) for v in last] == [3, 4]


@pytest.mark.parametrize(
    "given",
    [{}, {"left_size": 0}, {"left_size": 20}, {"left_size": 1.5}, {"left_size": 0.9, "right_size": 0.5},
     {"left_size": "a"}, {"dataset": 3, "left_size": 1},
     {"dataset": (np.zeros(3), np.zeros(4)), "left_size": 1}],
)  # fmt: skip
def test_splits_that_do_not_add_up_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SymkerasError):
        utils.split_dataset(**{"dataset": SERIES, **given})


def test_a_data_set_says_how_many_batches_it_has() -> None:
    data = utils.timeseries_dataset_from_array(np.arange(10.0), None, sequence_length=2, batch_size=4)
    assert data.cardinality() == len(data) == 3 and data.take(2).cardinality() == 2


def test_batches_that_are_looked_at_have_numpy() -> None:
    data = utils.timeseries_dataset_from_array(np.arange(10.0), np.arange(10), sequence_length=2, batch_size=4)
    for x, y in data.map(lambda x, y: (x * 2, y)).take(1):
        assert type(x.numpy()) is np.ndarray and x.numpy().tolist() == [[0, 2], [2, 4], [4, 6], [6, 8]]
        assert y[1].numpy() == 1 and ["a", "b"][y[1]] == "b"
