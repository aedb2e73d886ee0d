"""Texts cut into words, and models that begin with texts: the numbers are those of Keras 3.15.1 on TensorFlow."""

from __future__ import annotations

import copy
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models, ops, saving, utils
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError
from symkeras.layers import text_table
from symkeras.layers.text_table import LONGEST
from symkeras.layers.tokens import standardized, words

CORPUS = ["Hello, World! hello", "É a  b-c 'x", "", "naïve\u00a0x b"]
FEW = ["hello world b q", "", "B"]


# ---- TextVectorization ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "vocabulary", "expected"),
    [
        ({}, ["", "[UNK]", "hello", "É", "x", "world", "naïve\xa0x", "bc", "b", "a"], [[2, 5, 8, 1], [0, 0, 0, 0], [8, 0, 0, 0]]),
        ({"output_sequence_length": 3}, None, [[2, 5, 8], [0, 0, 0], [8, 0, 0]]),
        ({"output_mode": "multi_hot"}, ["[UNK]", "hello", "É", "x", "world", "naïve\xa0x", "bc", "b", "a"],
         [[1, 1, 0, 0, 1, 0, 0, 1, 0], [0] * 9, [0, 0, 0, 0, 0, 0, 0, 1, 0]]),
        ({"output_mode": "count", "max_tokens": 3, "pad_to_max_tokens": True}, ["[UNK]", "hello", "É"], [[3, 1, 0], [0, 0, 0], [1, 0, 0]]),
        ({"ngrams": (2,)}, ["", "[UNK]", "É a", "world hello", "naïve\xa0x b", "hello world", "bc x", "a bc"], [[5, 1, 1], [0, 0, 0], [0, 0, 0]]),
        ({"ngrams": 2}, None, [[2, 7, 13, 1, 10, 1, 1], [0] * 7, [13, 0, 0, 0, 0, 0, 0]]),
        ({"split": "character", "output_sequence_length": 4}, None, [[7, 5, 3, 3], [0, 0, 0, 0], [8, 0, 0, 0]]),
        ({"split": None}, ["", "[UNK]", "É a  bc x", "naïve\xa0x b", "hello world hello"], [1, 0, 1]),
        ({"standardize": None}, ["", "[UNK]", "É", "naïve\xa0x", "hello", "b-c", "b", "a", "World!", "Hello,", "'x"],
         [[4, 1, 6, 1], [0, 0, 0, 0], [1, 0, 0, 0]]),
    ],
)  # fmt: skip
def test_texts_are_standardized_split_and_looked_up(arguments: dict[str, Any], vocabulary: Any, expected: Any) -> None:
    layer = layers.TextVectorization(**arguments)
    layer.adapt(CORPUS)
    if vocabulary is not None:
        assert layer.get_vocabulary() == vocabulary and layer.vocabulary_size() == len(vocabulary)
    assert layer(FEW).tolist() == expected
    if layer.split is not None:
        assert layer(np.array(FEW)[:, None]).tolist() == layer(np.array(FEW, object)).tolist() == expected
        assert layer(FEW[0]).tolist() == expected[0]


def test_documents_weigh_words() -> None:
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(np.array(["a b a", "a c"]))
    assert layer.get_vocabulary() == ["[UNK]", "a", "c", "b"]
    np.testing.assert_allclose(layer(["a a c"]), [[0, 1.02165127, 0.69314718, 0]], rtol=1e-6)


def test_functions_of_the_user_standardize_and_split() -> None:
    layer = layers.TextVectorization(standardize=np.char.upper, split=lambda texts: [t.split("-") for t in texts], vocabulary=["A", "B"])
    assert layer(["a-b", "b", "c"]).tolist() == [[2, 3], [3, 0], [1, 0]]
    wrong = layers.TextVectorization(split=lambda texts: 3, vocabulary=["A"])
    with pytest.raises(DataError, match="row of texts"):
        wrong(["a"])


def test_a_text_with_the_sign_between_texts_is_standardized_alone() -> None:
    assert standardized(["A\0B.", "C"], "lower_and_strip_punctuation") == ["a\0b", "c"]
    assert standardized([], "lower") == []
    assert words(["a\x1cb c", "é\u2003x y", ""]) == [["a\x1cb", "c"], ["é\u2003x", "y"], []]


def test_texts_that_cannot_be_split_and_arguments_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(ShapeError, match="one text a row"):
        layers.TextVectorization()([["a", "b"]])
    with pytest.raises(ConfigError, match="output_sequence_length"):
        layers.TextVectorization(output_mode="count", output_sequence_length=3)
    with pytest.raises(ConfigError, match="ragged must be False"):
        layers.TextVectorization(ragged=True)


# ---- models that begin with texts ----------------------------------------------------------------------------------


def vectorizer() -> layers.TextVectorization:
    layer = layers.TextVectorization(output_sequence_length=4)
    layer.adapt(["the good film", "the bad film"])
    return layer


def classifier() -> Sequential:
    return Sequential([Input((1,), dtype="string"), vectorizer(), layers.Embedding(6, 4), layers.GlobalAveragePooling1D(), layers.Dense(1)])


TEXTS, LABELS = np.array([["the good film"], ["bad film"], ["good"], ["the bad"], ["good good"]]), np.float32([1, 0, 1, 0, 1])


def test_a_model_begins_with_texts() -> None:
    utils.set_random_seed(0)
    model = classifier()
    expected = Sequential(model.layers[1:])(model.layers[0](TEXTS))
    for x in (TEXTS, TEXTS[:, 0], TEXTS.astype(object), TEXTS.astype("S"), TEXTS[:, 0].tolist()):
        np.testing.assert_allclose(model.predict(x, batch_size=2, verbose=0), expected, rtol=1e-6)
        np.testing.assert_allclose(model(x), expected, rtol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(TEXTS), expected, rtol=1e-6)


def test_a_model_of_texts_trains_as_one_of_their_numbers() -> None:
    utils.set_random_seed(0)
    model = classifier()
    other = Sequential(copy.deepcopy(model.layers[1:]))
    numbers = model.layers[0](TEXTS)
    histories = []
    for one, x in ((model, TEXTS), (other, numbers)):
        utils.set_random_seed(1)
        one.compile("adam", "binary_crossentropy", metrics=["mae"])
        history = one.fit(x, LABELS, batch_size=2, epochs=3, validation_data=(x, LABELS), verbose=0, sample_weight=LABELS + 1)
        histories.append([history.history[key] for key in sorted(history.history)])
    np.testing.assert_allclose(*histories, rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(TEXTS, LABELS, verbose=0), other.evaluate(numbers, LABELS, verbose=0), rtol=1e-5)
    assert model.executable("train").source_graph.inputs[0].tensor_type.dtype == "int64"


class Batches(utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, k: int) -> Any:
        return TEXTS[2 * k : 2 * k + 2], LABELS[2 * k : 2 * k + 2]


def test_batches_of_texts_come_from_data_sets_and_generators() -> None:
    model = classifier()
    model.compile("sgd", "mse")
    model.fit(Batches(), epochs=2, verbose=0)
    model.fit((Batches()[k] for k in range(2)), verbose=0)
    assert model.predict(Batches(), verbose=0).shape == (4, 1)
    layer = layers.TextVectorization()
    layer.adapt(Batches())
    assert layer.get_vocabulary() == ["", "[UNK]", "the", "good", "film", "bad"]
    layer.adapt((Batches()[k] for k in range(2)), steps=1)
    assert layer.get_vocabulary() == ["", "[UNK]", "film", "the", "good", "bad"]


def test_a_sequential_model_without_an_input_is_built_for_texts() -> None:
    model = Sequential([vectorizer(), layers.Embedding(6, 4), layers.Flatten(), layers.Dense(1)])
    assert model.predict(TEXTS, verbose=0).shape == (5, 1)
    model = Sequential([vectorizer(), layers.Embedding(6, 4), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(TEXTS, LABELS, verbose=0)
    assert model.input_shape == (None, 1)


def mixed() -> Model:
    """Texts, integers that are hashed, and numbers, the last two also as they are."""
    word, code, size = Input((1,), dtype="string", name="word"), Input((1,), dtype="int32", name="code"), Input((2,), name="size")
    looked_up = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(word)
    crossed = layers.HashedCrossing(4, output_mode="one_hot", name="crossed")([word, code])
    hashed = layers.Hashing(3, output_mode="one_hot", name="hashed")(code)
    together = layers.Concatenate()([looked_up, crossed, hashed, ops.cast(code, "float32") * 2, layers.Dense(2, name="numbers")(size)])
    return Model([word, code, size], [layers.Dense(1)(together), together])


def test_texts_hashes_and_numbers_mix_in_a_model() -> None:
    model = mixed()
    x = {"word": np.array([["a"], ["z"]]), "code": np.array([[3], [4]]), "size": np.float32([[1, 2], [3, 4]])}
    _, together = model.predict(x, verbose=0)
    words_, codes = x["word"], x["code"]
    parts = [
        [[0, 1, 0], [1, 0, 0]], layers.HashedCrossing(4, output_mode="one_hot")([words_, codes]), layers.Hashing(3, output_mode="one_hot")(codes),
        codes * 2, model.get_layer("numbers")(x["size"]),
    ]  # fmt: skip
    np.testing.assert_allclose(together, np.concatenate(parts, 1), rtol=1e-6)
    np.testing.assert_allclose(model(x)[1], together, rtol=1e-6)
    for _ in range(2):
        np.testing.assert_allclose(model.predict([words_[::-1], codes, x["size"]], verbose=0)[1][:, :3], [[1, 0, 0], [0, 1, 0]])
    model.compile("sgd", ["mse", None])
    model.fit(x, [np.ones((2, 1)), None], verbose=0)


def test_hashes_alone_are_not_skipped_when_a_batch_comes_again() -> None:
    x = Input((1,), dtype="int64")
    model = Model(x, layers.Hashing(3)(x))
    data = np.arange(10)[:, None]
    for _ in range(3):
        assert model.predict(data, verbose=0).tolist() == layers.Hashing(3)(data).tolist()


def test_rows_of_words_are_as_long_as_the_longest_of_their_batch() -> None:
    layer = layers.TextVectorization()
    layer.adapt(["a b c d"])
    x = Input((1,), dtype="string")
    model = Model(x, ops.sum(layer(x) * 0 + 1, axis=1))
    assert model.predict(np.array(["a", "b c", "a b c"]), batch_size=2, verbose=0).tolist() == [2, 2, 3]


def test_a_subclass_applies_such_layers_to_the_data_first() -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.vectorize, self.table = vectorizer(), layers.Embedding(6, 2)

        def call(self, inputs: Any) -> Any:
            return self.table(self.vectorize(inputs))

    model = Own()
    assert model(TEXTS).shape == (5, 4, 2)
    with pytest.raises(SymkerasError, match="apply it to the data first"):
        model.predict(TEXTS, verbose=0)


def test_layers_of_graphs_refuse_texts() -> None:
    for use in (layers.Dense(1), layers.Flatten(), lambda x: ops.add(x, 1), lambda x: ops.cast(x, "float32"), layers.Embedding(3, 2)):
        x = Input((1,), dtype="string")
        with pytest.raises((SymkerasError, TypeError)):
            Model(x, use(x)).predict(TEXTS, verbose=0)
    numbers = Sequential([Input((1,)), layers.Dense(1)])
    with pytest.raises(DataError, match="TextVectorization or StringLookup"):
        numbers.predict(TEXTS, verbose=0)
    x = Input((1,), dtype="int32")
    with pytest.raises(ConfigError, match="graphs hold numbers"):
        Model(x, layers.StringLookup(vocabulary=["a"], invert=True)(x)).predict(np.array([[1]]), verbose=0)


def test_weights_that_texts_come_through_are_not_trained_in_silence() -> None:
    x = Input((1,), dtype="string")
    outer = Model(x, classifier()(x))
    assert outer.predict(TEXTS, verbose=0).shape == (5, 1)
    outer.compile("sgd", "mse")
    with pytest.raises(ConfigError, match="beginning of this model"):
        outer.fit(TEXTS, LABELS, verbose=0)


def test_data_sets_are_mapped_by_layers_of_texts(tmp_path: Path) -> None:
    for name, text in (("good", "a good film"), ("bad", "a bad film")):
        (tmp_path / name).mkdir()
        for k in range(3):
            (tmp_path / name / f"{k}.txt").write_text(text)
    data = utils.text_dataset_from_directory(str(tmp_path), batch_size=2, verbose=False)
    layer = layers.TextVectorization(output_sequence_length=3)
    layer.adapt(data.map(lambda x, y: x))
    numbers = data.map(lambda x, y: (layer(x), y))
    model = Sequential([layers.Embedding(10, 2), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(numbers, verbose=0)
    assert sorted(layer.get_vocabulary()) == sorted(["", "[UNK]", "a", "film", "good", "bad"])


# ---- files ---------------------------------------------------------------------------------------------------------


def of_words() -> Sequential:
    layer = layers.StringLookup(output_mode="tf_idf")
    layer.adapt([["the", "good"], ["the", "bad"]])
    return Sequential([Input((1,), dtype="string"), layer, layers.Dense(1)])


@pytest.mark.parametrize("make", [classifier, of_words])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_saved_model_has_its_vocabulary(make: Callable[[], Sequential], zipped: bool, tmp_path: Path) -> None:
    model = make()
    path = tmp_path / ("model.keras" if zipped else "model")
    model.save(path, zipped=zipped)
    again = models.load_model(path)
    np.testing.assert_array_equal(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))
    assert again.layers[0].get_vocabulary() == model.layers[0].get_vocabulary()
    if zipped:
        name = "text_vectorization" if make is classifier else "string_lookup"
        assert f"assets/layers/{name}/vocabulary.txt" in zipfile.ZipFile(path).namelist()
    np.testing.assert_array_equal(copy.deepcopy(model).predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_models_of_texts_are_cloned_and_made_of_configs() -> None:
    model = mixed()
    for again in (Model.from_config(model.get_config()), models.clone_model(model), models.model_from_json(model.to_json())):
        again.set_weights(model.get_weights())
        x = [np.array([["a"]]), np.array([[3]]), np.ones((1, 2), "float32")]
        np.testing.assert_array_equal(again.predict(x, verbose=0)[0], model.predict(x, verbose=0)[0])


def test_functions_of_the_user_come_back_from_files(tmp_path: Path) -> None:
    @saving.register_keras_serializable("texts_of_tests")
    def shouted(texts: Any) -> Any:
        return np.char.upper(texts)

    layer = layers.TextVectorization(standardize=shouted, vocabulary=["A"], output_sequence_length=2)
    model = Sequential([Input((1,), dtype="string"), layer])
    model.save(tmp_path / "model.keras")
    assert models.load_model(tmp_path / "model.keras").predict(np.array(["a b"]), verbose=0).tolist() == [[2, 1]]


def test_what_a_file_of_tokens_cannot_hold_is_refused(tmp_path: Path) -> None:
    layer = layers.StringLookup()
    layer.adapt(["a\nb"])
    with pytest.raises(ConfigError, match="line break"):
        Sequential([Input((1,), dtype="string"), layer]).save(tmp_path / "model.keras")
    assert not (tmp_path / "model.keras").exists()


def test_a_model_of_texts_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(SymkerasError, match="computes on arrays"):
        classifier().export(tmp_path / "model.py")


def test_the_graph_of_a_model_of_texts_is_there_before_it_ran() -> None:
    layer = layers.TextVectorization(vocabulary=["a"])
    model = Sequential([Input((1,), dtype="string"), layer, layers.Embedding(3, 2), layers.GlobalAveragePooling1D()])
    inputs = model.executable("predict").source_graph.inputs
    assert [(n.attrs["name"], n.tensor_type.dtype, n.ndim) for n in inputs] == [(layer.name, "int64", 2)]
    assert model.predict(TEXTS, verbose=0).shape == (5, 2)
    assert "None, None" in str(model.layers[0].output_shape)


def test_texts_are_split_off_for_validation_and_weighed_by_class() -> None:
    model = classifier()
    model.compile("sgd", "mse")
    history = model.fit(TEXTS, LABELS, validation_split=0.4, class_weight={0: 1.0, 1: 2.0}, verbose=0, epochs=2)
    assert len(history.history["val_loss"]) == 2
    assert np.isfinite(model.train_on_batch(TEXTS, LABELS))


def test_looking_up_whole_arrays_finds_what_a_dictionary_finds() -> None:
    rng = np.random.default_rng(3)
    signs = np.array(list("abcäß€漢😀 \t0'\""))
    for width in (1, 3, LONGEST, LONGEST + 1):
        drawn = {"".join(rng.choice(signs, rng.integers(1, width + 1))) for _ in range(300)}
        vocabulary = sorted(drawn)[::2] + (["a" * width] if "a" * width not in drawn else [])
        known = {t: k for k, t in enumerate(vocabulary, 1)}
        for texts in (np.array([*sorted(drawn), "", "zz", "a" * 60]), np.array([*sorted(drawn), "", "b" * 5]), np.array([""]), np.empty((0,), "U3")):
            found = layers.StringLookup(vocabulary=vocabulary)(texts)
            np.testing.assert_array_equal(found, [known.get(t, 0) for t in texts.tolist()])
            rows = np.stack([texts, texts[::-1]], 1)
            np.testing.assert_array_equal(layers.StringLookup(vocabulary=vocabulary)(rows), np.stack([found, found[::-1]], 1))


def test_a_vocabulary_whose_hashes_meet_is_looked_up_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_table, "_hashes", lambda texts: np.zeros(len(texts), np.uint64))
    assert not text_table.TextTable(["a", "b"]).is_usable
    assert layers.StringLookup(vocabulary=["a", "b"])(np.array(["b", "c", "a"])).tolist() == [2, 0, 1]
