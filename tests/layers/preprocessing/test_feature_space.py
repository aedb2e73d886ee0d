"""The columns of a table as vectors: the numbers are those of Keras 3.15.1 on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Model, layers, models, utils
from symkeras.errors import ConfigError, DataError
from symkeras.utils import FeatureSpace

DATA: dict[str, Any] = {
    "a": np.array([1.0, 2.0, 3.0]), "s": np.array(["x", "y", "x"]), "i": np.array([1, 2, 2]), "d": np.array([0.1, 0.5, 0.9]),
    "h": np.array(["q", "r", "s"]), "n": np.array([1.0, 2.0, 6.0]),
}  # fmt: skip
KINDS = {
    "a": "float", "s": "string_categorical", "i": "integer_categorical", "d": "float_discretized", "h": "string_hashed", "n": "float_normalized",
}  # fmt: skip


def space(**arguments: Any) -> FeatureSpace:
    return FeatureSpace(KINDS, **{"crosses": [("s", "i")], "crossing_dim": 4, "hashing_dim": 4, "num_discretization_bins": 3, **arguments})


# a | d in one of 3 | h in one of 4 | i among [UNK], 2, 1 | n | s among [UNK], x, y | s and i in one of 4
EXPECTED = np.float32([
    [1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, -0.92582011, 0, 1, 0, 0, 1, 0, 0],
    [2, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, -0.46291006, 0, 0, 1, 1, 0, 0, 0],
    [3, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1.38873017, 0, 1, 0, 0, 1, 0, 0],
])  # fmt: skip


def test_columns_become_one_vector_by_name() -> None:
    table = space()
    with pytest.raises(ConfigError, match="adapt"):
        table(DATA)
    table.adapt(DATA)
    found = table(DATA)
    assert found.dtype == "float32" and table.get_encoded_features().shape == (None, found.shape[1])
    keep = [k for k in range(found.shape[1]) if k not in range(1, 4)]
    expected = [k for k in range(19) if k not in range(1, 4)]
    np.testing.assert_allclose(found[:, keep], EXPECTED[:, expected], rtol=1e-6)
    np.testing.assert_array_equal(found[:, 1:4].sum(1), 1)
    np.testing.assert_array_equal(table({key: values[1] for key, values in DATA.items()}), found[1])
    np.testing.assert_array_equal(table({key: values[:, None] for key, values in DATA.items()}), found)
    np.testing.assert_array_equal(table({key: values.tolist() for key, values in DATA.items()}), found)


def batches() -> Any:
    return ({key: values[k : k + 2] for key, values in DATA.items()} for k in (0, 2))


def rows() -> Any:
    return [{key: values[k] for key, values in DATA.items()} for k in range(3)]


class Table(utils.PyDataset):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, k: int) -> Any:
        return DATA, np.zeros(3)


@pytest.mark.parametrize("source", [batches, rows, Table])
def test_layers_learn_from_batches_and_rows_alike(source: Callable[[], Any]) -> None:
    table, other = (FeatureSpace({key: kind for key, kind in KINDS.items() if key != "d"}) for _ in range(2))
    table.adapt(source())
    other.adapt({key: values for key, values in DATA.items() if key != "d"})
    data = {key: values for key, values in DATA.items() if key != "d"}
    np.testing.assert_allclose(table(data), other(data), rtol=1e-6)


def test_a_model_of_raw_data_is_one_of_its_vectors() -> None:
    table = space()
    table.adapt(DATA)
    encoded = table.get_encoded_features()
    outputs = layers.Dense(1)(encoded)
    of_vectors, of_rows = Model(encoded, outputs), Model(table.get_inputs(), outputs)
    of_vectors.compile("sgd", "mse")
    of_vectors.fit(table(DATA), np.ones(3), verbose=0)
    np.testing.assert_allclose(of_rows.predict(DATA, verbose=0), of_vectors.predict(table(DATA), verbose=0), rtol=1e-6)
    of_rows.compile("sgd", "mse")
    of_rows.fit(DATA, np.ones(3), verbose=0)
    assert set(table.get_preprocessed_inputs()) == set(KINDS)


def test_columns_stay_apart_in_a_dict_and_crosses_may_be_numbers() -> None:
    table = FeatureSpace(
        {"s": FeatureSpace.string_categorical(output_mode="int", num_oov_indices=2), "i": FeatureSpace.integer_hashed(3), "t": FeatureSpace.feature(
            "string", layers.TextVectorization(output_mode="multi_hot", vocabulary=["good", "bad"]), "float")},
        output_mode="dict", crosses=[FeatureSpace.cross(("s", "i"), crossing_dim=5, output_mode="int")],
    )  # fmt: skip
    data = {"s": ["x", "y"], "i": [3, 4], "t": ["good good", "bad"]}
    table.adapt(data)
    found = table(data)
    assert sorted(found) == ["i", "s", "s_X_i", "t"]
    assert found["s"].tolist() == [[3], [2]] and found["t"].tolist() == [[0, 1, 0], [0, 0, 1]]
    assert found["i"].shape == (2, 3) and found["s_X_i"].shape == (2, 1)
    assert {key: x.shape for key, x in table.get_encoded_features().items()} == {"i": (None, 3), "s": (None, 1), "s_X_i": (None, 1), "t": (None, 3)}


def test_what_was_learnt_comes_back_from_a_file(tmp_path: Path) -> None:
    table = space(crosses=[FeatureSpace.cross(("s", "i"), 4)])
    table.adapt(DATA)
    table.save(tmp_path / "table.keras")
    again = models.load_model(tmp_path / "table.keras")
    np.testing.assert_array_equal(again(DATA), table(DATA))
    fresh = FeatureSpace.from_config(table.get_config())
    assert fresh.get_config()["crosses"] == table.get_config()["crosses"]


def test_features_and_data_that_are_not_known_are_named() -> None:
    for arguments, message in (
        ({"features": {}}, "at least"), ({"features": {"a": "flot"}}, "Did you mean 'float'"), ({"features": {"a": 3}}, "features"),
        ({"features": {"a": "float", "b": "float"}, "crosses": [("a", "c")]}, "no feature"),
        ({"features": KINDS, "output_mode": "list"}, "output_mode"),
        ({"features": KINDS, "crosses": [("s",)]}, "feature_names"), ({"features": {"a": {"class_name": "Cross", "config": {}}}}, "Feature"),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match=message):
            FeatureSpace(**arguments)
    table = FeatureSpace({"a": "float", "i": FeatureSpace.integer_hashed(3, output_mode="int")})
    with pytest.raises(ConfigError, match="'dict'"):
        table({"a": [1.0], "i": [1]})
    table = FeatureSpace({"a": "float"})
    assert table({"a": [1.0]}).tolist() == [[1.0]]
    for wrong in ([1.0], {"b": [1.0]}, {}, {"a": [1.0], "b": [1.0]}):
        with pytest.raises(DataError, match="FeatureSpace"):
            table(wrong)
    with pytest.raises(DataError, match="adapt"):
        FeatureSpace({"n": "float_normalized"}).adapt(3)
    with pytest.raises(DataError, match="dict of n"):
        FeatureSpace({"n": "float_normalized"}).adapt({"m": [1.0]})
