"""Texts and sequences as scripts of Keras 2 prepare them."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras.errors import ConfigError, DataError
from symkeras.preprocessing.sequence import TimeseriesGenerator, make_sampling_table, skipgrams
from symkeras.preprocessing.text import Tokenizer, hashing_trick, one_hot, text_to_word_sequence, tokenizer_from_json

TEXTS = ["The cat sat, on the mat.", "The dog sat."]


def test_words_are_small_and_without_marks():
    assert text_to_word_sequence(TEXTS[0]) == ["the", "cat", "sat", "on", "the", "mat"]
    assert text_to_word_sequence("a--b", filters="-", split=" ", lower=False) == ["a", "b"]
    assert text_to_word_sequence("A,b,,c", filters="", split=",") == ["a", "b", "c"]


def test_hashes_lie_between_1_and_n():
    assert hashing_trick("the the cat", 10, "md5")[0] == hashing_trick("the", 10, "md5")[0]
    assert all(1 <= k < 5 for k in one_hot(" ".join(map(str, range(50))), 5))
    with pytest.raises(ConfigError, match="at least 2"):
        one_hot("a", 1)


def test_words_are_numbered_by_how_often_they_come():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.word_index == {"the": 1, "sat": 2, "cat": 3, "on": 4, "mat": 5, "dog": 6}
    assert tokenizer.word_counts["the"] == 3 and tokenizer.word_docs["the"] == 2 and tokenizer.document_count == 2
    assert tokenizer.texts_to_sequences(["The bird sat"]) == [[1, 2]]
    assert tokenizer.sequences_to_texts([[1, 6]]) == ["the dog"]


def test_rare_and_unknown_words_are_left_out_or_oov():
    tokenizer = Tokenizer(num_words=3, oov_token="<oov>")
    tokenizer.fit_on_texts(TEXTS)
    assert tokenizer.word_index["<oov>"] == 1
    assert tokenizer.texts_to_sequences(["the bird sat"]) == [[2, 1, 1]]
    few = Tokenizer(nb_words=2)
    few.fit_on_texts(TEXTS)
    assert few.texts_to_sequences(["the bird sat"]) == [[1]]


def test_characters_and_lists_of_words_are_texts():
    characters = Tokenizer(char_level=True)
    characters.fit_on_texts(["aab"])
    assert characters.texts_to_sequences(["ba"]) == [[2, 1]]
    lists = Tokenizer()
    lists.fit_on_texts([["Big", "cat"], ["cat"]])
    assert lists.texts_to_sequences([["big", "cat"]]) == [[2, 1]]


@pytest.mark.parametrize(("mode", "row"), [("binary", [0, 1, 1, 0]), ("count", [0, 2, 1, 0]), ("freq", [0, 2 / 3, 1 / 3, 0])])
def test_matrices_hold_what_their_mode_says(mode, row):
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_texts(["a a b", "c"])
    np.testing.assert_allclose(tokenizer.texts_to_matrix(["a b a"], mode)[0], row)


def test_tfidf_weighs_rare_words_more():
    tokenizer = Tokenizer(num_words=4)
    tokenizer.fit_on_texts(["a a b", "a c"])
    row = tokenizer.texts_to_matrix(["a a b"], "tfidf")[0]
    np.testing.assert_allclose(row[1:3], [(1 + np.log(2)) * np.log(1 + 2 / 3), np.log(1 + 2 / 2)])


def test_tokenizers_survive_json():
    tokenizer = Tokenizer(num_words=5, oov_token="?")
    tokenizer.fit_on_texts(TEXTS)
    again = tokenizer_from_json(tokenizer.to_json())
    assert again.texts_to_sequences(TEXTS) == tokenizer.texts_to_sequences(TEXTS)
    assert again.get_config() == tokenizer.get_config()
    with pytest.raises(DataError, match="written by"):
        tokenizer_from_json("{}")


def test_a_text_alone_is_no_list_of_texts():
    with pytest.raises(DataError, match="put it into a list"):
        Tokenizer().fit_on_texts("a b")


def test_skipgrams_pair_each_word_with_its_neighbours():
    pairs, labels = skipgrams([1, 2, 0, 3], 4, window_size=2, negative_samples=1.0, seed=3)
    true = {tuple(p) for p, label in zip(pairs, labels, strict=True) if label}
    assert true == {(1, 2), (2, 1), (2, 3), (3, 2)}
    assert labels.count(0) == 4 and all(0 < word < 4 for _, word in pairs)
    assert skipgrams([1, 2, 0, 3], 4, 2, seed=3) == (pairs, labels)


def test_frequent_words_are_sampled_less():
    table = make_sampling_table(1000)
    assert table.shape == (1000,) and table[1] < table[500] <= 1
    assert not skipgrams([1] * 50, 1000, sampling_table=np.zeros(1000))[0]


def test_windows_end_before_their_target():
    data = np.arange(20.0)
    x, y = TimeseriesGenerator(data, data, length=6, sampling_rate=2, stride=3, batch_size=2)[1]
    np.testing.assert_array_equal(y, [12, 15])
    np.testing.assert_array_equal(x, [[6, 8, 10], [9, 11, 13]])
    assert len(TimeseriesGenerator(data, data, length=6, batch_size=5)) == 3
    with pytest.raises(ConfigError, match="no window"):
        TimeseriesGenerator(data, data, length=20)
