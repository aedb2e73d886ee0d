"""Lookups, hashes, ranges and vectors of categories: the numbers here are those of Keras 3.15.1 on TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, layers
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.layers.fingerprints import farm_hashes, hashes_of, sip_hashes

WORDS = ["a", "b", "c"]
ROWS = np.array([["a", "z", "b"], ["a", "a", "c"]])


# ---- vocabularies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "x", "expected"),
    [
        ("int", ROWS, [[1, 0, 2], [1, 1, 3]]),
        ("int", "a", 1),
        ("one_hot", ROWS[:1], [[[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]]),
        ("one_hot", ROWS[0], [[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]),
        ("one_hot", ROWS[:, :1], [[0, 1, 0, 0], [0, 1, 0, 0]]),
        ("multi_hot", ROWS, [[1, 1, 1, 0], [0, 1, 0, 1]]),
        ("multi_hot", ROWS[0], [1, 1, 1, 0]),
        ("multi_hot", ROWS[:, :, None], [[[1, 1, 1, 0]], [[0, 1, 0, 1]]]),
        ("count", ROWS, [[1, 1, 1, 0], [0, 2, 0, 1]]),
        ("count", ROWS[:, :, None], [[[1, 1, 1, 0]], [[0, 2, 0, 1]]]),
    ],
)
def test_texts_become_indices_or_vectors(mode: str, x: Any, expected: Any) -> None:
    layer = layers.StringLookup(vocabulary=WORDS, output_mode=mode)
    found = layer(x)
    assert found.tolist() == expected
    assert found.dtype == ("int64" if mode == "int" else "float32")
    assert layer.compute_output_shape(np.shape(x)) == found.shape


def test_texts_may_be_bytes_objects_and_lists() -> None:
    layer = layers.StringLookup(vocabulary=[b"a", "é"])
    for x in (["a", "é"], ("a", "é"), np.array(["a", "é"]), np.array(["a", "é"], object), ["a", "é".encode()], np.char.encode(["a", "é"], "utf-8")):
        assert layer(x).tolist() == [1, 2]
    assert layers.StringLookup(vocabulary=["é"], encoding="latin-1")([b"\xe9"]).tolist() == [1]
    for wrong in ([1, 2], [["a"], ["a", "b"]], ["a", None], [b"\xff"]):
        with pytest.raises(DataError, match="StringLookup"):
            layer(wrong)


def test_counts_are_weighed_by_the_frequency_of_documents() -> None:
    layer = layers.StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[0.1, 0.2, 0.3])
    np.testing.assert_allclose(layer(ROWS), [[0.2, 0.1, 0.2, 0], [0, 0.2, 0, 0.3]], rtol=1e-6)
    layer = layers.StringLookup(output_mode="tf_idf", max_tokens=6, pad_to_max_tokens=True)
    layer.adapt([["a", "b"], ["a", "c"]])
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    np.testing.assert_allclose(layer([["a", "b"], ["x", "x"]]), [[0, 0.51082563, 0, 0.6931472, 0, 0], [1.26474667, 0, 0, 0, 0, 0]], rtol=1e-6)


def test_masked_texts_have_index_zero_or_count_for_nothing() -> None:
    layer = layers.StringLookup(mask_token="", num_oov_indices=3, vocabulary=WORDS)
    assert layer(["x", "y", "z", "q", ""]).tolist() == [3, 3, 2, 3, 0]
    assert layer.get_vocabulary() == ["", "[UNK]", "[UNK]", "[UNK]", "a", "b", "c"]
    assert layer.get_vocabulary(include_special_tokens=False) == WORDS
    assert layers.StringLookup(vocabulary=WORDS, mask_token="", output_mode="multi_hot")([["a", "", "b"]]).tolist() == [[0, 1, 1, 0]]


def test_indices_become_texts_and_integers_again() -> None:
    assert layers.StringLookup(vocabulary=WORDS, invert=True)([[0, 1, 3, 9, -1]]).tolist() == [["[UNK]", "a", "c", "[UNK]", "[UNK]"]]
    inverse = layers.IntegerLookup(vocabulary=[12, 36], mask_token=0, invert=True)
    assert inverse([0, 1, 2, 3, 4]).tolist() == [0, -1, 12, 36, -1]
    x = Input((5,), dtype="int32")
    assert Model(x, inverse(x)).predict(np.array([[0, 1, 2, 3, 4]]), verbose=0).tolist() == [[0, -1, 12, 36, -1]]


def test_a_vocabulary_is_learnt_by_frequency_from_arrays_lists_and_batches() -> None:
    expected = ["[UNK]", "b", "c", "a"]
    batches = (row for row in (["a", "b"], ["c", "b"]))
    for data in (np.array(["a", "b", "c", "b"]), [["a", "b"], ["c", "b"]], batches, iter([(["a", "b", "c", "b"], 1)])):
        layer = layers.StringLookup()
        layer.adapt(data)
        assert layer.get_vocabulary() == expected
        assert layer.vocabulary_size() == 4
    layer.adapt(iter([["q"], ["r"]]), steps=1)
    assert layer.get_vocabulary() == ["[UNK]", "q"]
    numbers = layers.IntegerLookup(max_tokens=3)
    numbers.adapt(np.array([[5, 7, 5], [9, 7, 5]]))
    assert numbers.get_vocabulary() == [-1, 5, 7]


def test_a_vocabulary_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes(b"one\r\ntwo\r\n")
    layer = layers.StringLookup(vocabulary=str(tmp_path / "words.txt"), mask_token="")
    assert layer.get_vocabulary() == ["", "[UNK]", "one", "two"]
    (tmp_path / "numbers.txt").write_text("12\n-5\n")
    assert layers.IntegerLookup(vocabulary=str(tmp_path / "numbers.txt"))([[-5, 3]]).tolist() == [[2, 0]]
    with pytest.raises(DataError, match="no token"):
        layers.IntegerLookup(vocabulary=str(tmp_path / "words.txt"))
    config = {"module": "keras.layers", "class_name": "StringLookup", "config": {"vocabulary": str(tmp_path / "words.txt")}, "registered_name": None}
    with pytest.raises(ConfigError, match="safe_mode"):
        layers.deserialize(config)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_tokens": 1}, "max_tokens must be"),
        ({"num_oov_indices": -1}, "num_oov_indices must be"),
        ({"output_mode": "many"}, "output_mode must be"),
        ({"pad_to_max_tokens": True}, "needs max_tokens"),
        ({"invert": True, "output_mode": "count"}, "invert"),
        ({"sparse": True}, "dense tensors only"),
        ({"idf_weights": [1.0]}, "idf_weights"),
        ({"vocabulary": ["a"], "output_mode": "tf_idf"}, "idf_weights"),
        ({"vocabulary": ["a", "b"], "output_mode": "tf_idf", "idf_weights": [1.0]}, "as many as"),
        ({"vocabulary": []}, "empty"),
        ({"vocabulary": ["a", "b", "a"]}, "several times come"),
        ({"vocabulary": ["a", ""], "mask_token": ""}, "mask token"),
        ({"vocabulary": ["a", "b"], "max_tokens": 2}, "max_tokens=2"),
        ({"vocabulary": "no/such/file.txt"}, "there is no vocabulary file"),
        ({"colour": 1}, "unrecognized"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        layers.StringLookup(**arguments)


def test_what_cannot_be_looked_up_or_learnt_says_so() -> None:
    with pytest.raises(DataError, match="'q'"):
        layers.StringLookup(vocabulary=WORDS, num_oov_indices=0)(["a", "q"])
    with pytest.raises(ConfigError, match="no vocabulary yet"):
        layers.StringLookup(output_mode="multi_hot")(["a"])
    with pytest.raises(ConfigError, match="was given"):
        layers.StringLookup(vocabulary=WORDS).adapt(["a"])
    with pytest.raises(ConfigError, match="list of integers"):
        layers.IntegerLookup(vocabulary=["a"])
    with pytest.raises(ConfigError, match="farmhash"):
        layers.IntegerLookup(vocabulary=[1], salt=3)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize("engine", ["numpy", "native", "interpreter"])
def test_integers_are_looked_up_in_graphs_as_on_arrays(mode: str, engine: str) -> None:
    rng = np.random.default_rng(0)
    vocabulary = rng.choice(1000, 37, replace=False) - 500
    weights = {"idf_weights": rng.random(37)} if mode == "tf_idf" else {}
    for arguments in ({"num_oov_indices": 1}, {"num_oov_indices": 3, "mask_token": 1001}):
        layer = layers.IntegerLookup(vocabulary=vocabulary, output_mode=mode, **weights, **arguments)
        data = np.concatenate([rng.choice(vocabulary, (50, 3)), rng.integers(-600, 1002, (50, 4))], 1)
        data[0, 0] = 1001
        x = Input((7,), dtype="int32")
        model = Model(x, layer(x))
        model.compile(backend=engine)
        found = model.predict(data, verbose=0)
        np.testing.assert_allclose(found, layer(data), rtol=1e-6)
        assert model.output_shape == (None, *found.shape[1:])


def test_unknown_integers_are_dealt_by_remainder_or_by_hash() -> None:
    values = np.array([100, 300, 700, 1100, 1700, 2000])
    assert layers.IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4)(values).tolist() == [0] * 6
    hashed = layers.IntegerLookup(vocabulary=[10, 20, 30], num_oov_indices=4, oov_method="farmhash")
    assert hashed(values).tolist() == [3, 3, 2, 2, 0, 1]
    assert layers.IntegerLookup(vocabulary=[5, 7], num_oov_indices=2, output_mode="multi_hot")([[5, 8, -3]]).tolist() == [[1, 1, 1, 0]]


def test_a_vocabulary_that_changes_counts_in_models_that_ran_before() -> None:
    x = Input((1,), dtype="int32")
    layer = layers.IntegerLookup(vocabulary=[5, 7])
    model = Model(x, layer(x))
    data = np.array([[7], [5]], "int32")
    assert [model.predict(data, verbose=0).tolist() for _ in range(2)] == [[[2], [1]]] * 2
    layer.set_vocabulary([7])
    assert model.predict(data, verbose=0).tolist() == [[1], [0]]


# ---- hashes --------------------------------------------------------------------------------------------------------


def test_hashes_are_farmhash_and_siphash() -> None:
    texts = [("0123456789" * 40)[:size].encode() for size in (0, 3, 4, 8, 16, 17, 32, 33, 64, 65, 128, 129, 400)]
    found = farm_hashes(texts)
    assert found[:2].tolist() == [0x9AE16A3B2F90404F, farm_hashes([b"012"])[0]]
    assert found.tolist() == [int(farm_hashes([t])[0]) for t in texts]
    assert len(set(found.tolist())) == len(texts)
    for several in (np.array(texts).astype("U"), np.array([t.decode() for t in texts], object)):
        assert hashes_of(several).tolist() == found.tolist()
        assert hashes_of(several, (3, 4)).tolist() == sip_hashes(texts, (3, 4)).tolist()
    assert hashes_of(np.array([["é", "-5"]])).tolist() == [farm_hashes(["é".encode(), b"-5"]).tolist()]
    assert hashes_of(np.array([-5])).tolist() == farm_hashes([b"-5"]).tolist()
    reference = [0x726FDB47DD0E0E31, 0x74F839C593DC67FD, 0x0D6C8009D9A94F5A]
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    assert sip_hashes([bytes(range(k)) for k in range(3)], key).tolist() == reference


@pytest.mark.parametrize(
    ("arguments", "x", "expected"),
    [
        ({}, [["a"], ["b"], ["zz"]], [[4], [2], [2]]),
        ({}, [["a", "q"], ["b", "r"]], [[4, 3], [2, 3]]),
        ({}, np.array([3, -4, 12345678901]), [1, 0, 2]),
        ({}, np.array([3.7, -4.2]), [1, 0]),
        ({"output_mode": "one_hot"}, [["a"], ["b"]], [[0, 0, 0, 0, 1], [0, 0, 1, 0, 0]]),
        ({"output_mode": "multi_hot"}, [["a", "q"], ["b", "r"]], [[0, 0, 0, 1, 1], [0, 0, 1, 1, 0]]),
        ({"output_mode": "count"}, np.array([3, -4, 12345678901]), [1, 1, 1, 0, 0]),
        ({"mask_value": "", "salt": 133}, [["a"], [""], ["zz"]], [[2], [0], [2]]),
    ],
)
def test_bins_are_those_of_tensorflow(arguments: dict[str, Any], x: Any, expected: Any) -> None:
    layer = layers.Hashing(5, **arguments)
    found = layer(x)
    assert found.tolist() == expected
    assert layer.compute_output_shape(np.shape(x)) == found.shape
    assert layers.Hashing.from_config(layer.get_config())(x).tolist() == expected


def test_features_are_crossed_as_by_tensorflow() -> None:
    words, numbers = np.array(["A", "B"]), np.array([101, 102])
    assert layers.HashedCrossing(5)((words, numbers)).tolist() == [1, 1]
    assert layers.HashedCrossing(5)((words[:, None], numbers[:, None])).tolist() == [[1], [1]]
    assert layers.HashedCrossing(5, output_mode="one_hot")((words, numbers)).tolist() == [[0, 1, 0, 0, 0]] * 2
    crossing = layers.HashedCrossing(1000)
    assert crossing((numbers, numbers + 1, numbers)).shape == (2,)
    assert crossing((words, numbers)).tolist() != crossing((words, numbers[::-1])).tolist()
    with pytest.raises(DataError, match="at least two"):
        crossing((words,))
    with pytest.raises(ShapeError, match="shape"):
        crossing((words, numbers[:, None]))
    with pytest.raises(DataError, match="texts or integers"):
        crossing((words, np.array([0.5, 1])))


# ---- ranges and vectors --------------------------------------------------------------------------------------------


def test_ranges_are_learnt_from_quantiles() -> None:
    layer = layers.Discretization(num_bins=4)
    layer.adapt(np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]]))
    np.testing.assert_allclose(layer.bin_boundaries, [0.0, 0.5, 1.3], rtol=1e-6)
    assert layer([[np.nan, 1.0, 0.5]]).tolist() == [[3, 2, 2]]
    layer = layers.Discretization(num_bins=10)
    layer.adapt(np.random.default_rng(k).normal(size=(500, 2)) for k in range(3))
    expected = [-1.2644711, -0.84960645, -0.55568224, -0.3006955, -0.02363575, 0.20817666, 0.4878133, 0.80733633, 1.26400995]
    np.testing.assert_allclose(layer.bin_boundaries, expected, rtol=1e-6)
    again = layers.Discretization.from_config(layer.get_config())
    assert (again.bin_boundaries, again.num_bins) == (layer.bin_boundaries, 10)
    for wrong in ({}, {"num_bins": 2, "bin_boundaries": [1.0]}, {"bin_boundaries": [2.0, 1.0]}, {"num_bins": -1}):
        with pytest.raises(ConfigError, match="Discretization"):
            layers.Discretization(**wrong)
    with pytest.raises(ConfigError, match="no bounds yet"):
        layers.Discretization(num_bins=2)([1.0])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("int", [[1, 0, 2], [1, 1, 2]]),
        ("one_hot", [[[0, 1, 0], [1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 1, 0], [0, 0, 1]]]),
        ("multi_hot", [[1, 1, 1], [0, 1, 1]]),
        ("count", [[1, 1, 1], [0, 2, 1]]),
    ],
)
@pytest.mark.parametrize("engine", ["numpy", "native", "interpreter"])
def test_numbers_become_ranges_in_graphs_as_on_arrays(mode: str, expected: Any, engine: str) -> None:
    data = np.float32([[0.0, -1.0, 5.0], [0.5, 0.5, np.nan]])
    layer = layers.Discretization(bin_boundaries=[0.0, 1.0], output_mode=mode)
    assert layer(data).tolist() == expected
    x = Input((3,))
    model = Model(x, layer(x))
    model.compile(backend=engine)
    found = model.predict(data, verbose=0)
    assert found.tolist() == expected and found.dtype == ("int32" if mode == "int" else "float32")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8, 9, 100])
def test_the_search_in_graphs_finds_what_numpy_finds(count: int) -> None:
    bounds = np.sort(np.random.default_rng(count).integers(-20, 20, count)).astype("float32")
    data = np.arange(-25, 25, 0.5, "float32")[:, None]
    x = Input((1,))
    model = Model(x, layers.Discretization(bin_boundaries=bounds)(x))
    np.testing.assert_array_equal(model.predict(data, verbose=0), np.digitize(data, bounds))


def test_integers_become_vectors() -> None:
    for mode, expected in (("one_hot", [[[1, 0, 0], [0, 0, 1]]]), ("multi_hot", [[1, 0, 1]]), ("count", [[1, 0, 1]])):
        layer = layers.CategoryEncoding(3, output_mode=mode)
        assert layer([[0, 2]]).tolist() == expected
        x = Input((2,), dtype="int32")
        assert Model(x, layer(x)).predict(np.array([[0, 2]]), verbose=0).tolist() == expected
        assert layer([[4]]).sum() == 0
    weighed = layers.CategoryEncoding(4, output_mode="count")
    weights = np.float32([[0.1, 0.2], [0.1, 0.1], [0.2, 0.3], [0.4, 0.2]])
    expected = np.float32([[0.1, 0.2, 0, 0], [0.2, 0, 0, 0], [0, 0.2, 0.3, 0], [0, 0.2, 0, 0.4]])
    data = np.array([[0, 1], [0, 0], [1, 2], [3, 1]])
    np.testing.assert_allclose(weighed(data, count_weights=weights), expected)
    x, w = Input((2,), dtype="int32"), Input((2,))
    np.testing.assert_allclose(Model([x, w], weighed(x, count_weights=w)).predict([data, weights], verbose=0), expected)
    with pytest.raises(ConfigError, match="count_weights"):
        layers.CategoryEncoding(4)([0], count_weights=[1.0])
    with pytest.raises(ConfigError, match="num_tokens"):
        layers.CategoryEncoding()


def test_a_pipeline_is_its_layers_one_after_the_other() -> None:
    pipeline = layers.Pipeline([layers.StringLookup(vocabulary=WORDS), layers.CategoryEncoding(4, "one_hot")])
    again = layers.deserialize(layers.serialize(pipeline))
    assert pipeline(["b", "?"]).tolist() == again(["b", "?"]).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    noisy = layers.Pipeline([layers.Dropout(0.5)])
    ones = np.ones((100, 10), "float32")
    assert (noisy(ones) == 0).any() and (noisy(ones, training=False) == 1).all()
    with pytest.raises(ConfigError, match="a layer"):
        layers.Pipeline([3])


def test_the_mask_given_to_a_pipeline_goes_through_its_layers() -> None:
    pipeline = layers.Pipeline([layers.Dropout(0.0), layers.LSTM(2)])
    x, mask = np.random.default_rng(0).normal(size=(1, 3, 2)).astype("float32"), np.array([[True, False, True]])
    found = pipeline(x, training=False, mask=mask)
    np.testing.assert_array_equal(found, pipeline.layers[1](x, mask=mask))
    assert (found != pipeline(x, training=False)).any()


LAYERS: list[Any] = [
    layers.StringLookup(vocabulary=WORDS, salt=3, num_oov_indices=2), layers.IntegerLookup(vocabulary=np.array([3, 4]), mask_token=7),
    layers.CategoryEncoding(3, "count"), layers.Discretization([0.5]), layers.Hashing(3, salt=(1, 2)), layers.HashedCrossing(4, "one_hot"),
    layers.StringLookup(vocabulary=WORDS, output_mode="tf_idf", idf_weights=[1, 2, 3]),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_configs_make_the_same_layer(layer: Any) -> None:
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()


def test_models_are_compiled_again_for_layers_of_graphs_alone() -> None:
    x = Input((1,))
    layer = layers.Discretization(num_bins=2)
    layer.adapt(np.float32([1, 2, 3, 4]))
    model = Model(x, layer(x))
    data = np.float32([[2.5], [8.0]])
    assert model.predict(data, verbose=0).tolist() == [[1], [1]]
    step = model.executable("predict")
    layers.StringLookup(vocabulary=WORDS).set_vocabulary(["a"])
    layers.Discretization(num_bins=2).adapt(data)
    model.predict(data, verbose=0)
    assert model.executable("predict") is step
    layer.adapt(data)
    assert model.predict(data, verbose=0).tolist() == [[1], [1]]
    assert model.executable("predict") is not step


@pytest.mark.parametrize(("mode", "expected"), [("int", (None, 4)), ("one_hot", (None, 4, 3)), ("multi_hot", (None, 3)), ("count", (None, 3))])
def test_the_shape_of_ranges_is_known_before_adapt(mode: str, expected: tuple[int | None, ...]) -> None:
    layer = layers.Discretization(num_bins=3, output_mode=mode)
    assert layer.compute_output_shape((None, 4)) == expected
    layer.adapt(np.arange(12.0))
    assert layer.compute_output_shape((None, 4)) == expected == (None, *layer(np.ones((2, 4))).shape[1:])
