"""Texts as numbers of words, as scripts of Keras 2 write it; the layers `TextVectorization` and `StringLookup` are today's way."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, one_of, optional, positive_int
from symkeras.arguments import text as a_text
from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "tfidf", "freq")

__all__ = ["Tokenizer", "hashing_trick", "one_hot", "text_to_word_sequence", "tokenizer_from_json"]


def text_to_word_sequence(text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        text: the text.
        filters: characters that separate words, and are dropped.
        lower: whether the words are put into small letters.
        split: what else separates words.

    Raises:
        DataError: it is no text.

    >>> text_to_word_sequence("The cat, the mat.")
    ['the', 'cat', 'the', 'mat']
    """
    if not isinstance(text, str):
        raise DataError(f"text_to_word_sequence expects a str, received {type(text).__name__}")
    text = (text.lower() if lower else text).translate(str.maketrans(dict.fromkeys(filters, split)))
    return [word for word in text.split(split) if word]


def one_hot(text: str, n: int, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number from 1 to n - 1 for each word of a text, by Python's `hash`: another one in each process.

    Args:
        text: the text.
        n: how many numbers there are, with 0, which no word gets.
        filters, lower, split: as of `text_to_word_sequence`.

    Raises:
        ConfigError: n is less than 2.

    >>> len(one_hot("The cat, the mat.", 50))
    4
    """
    return hashing_trick(text, n, hash, filters, lower, split)


def hashing_trick(text: str, n: int, hash_function: Any = None, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[int]:
    """A number from 1 to n - 1 for each word of a text, by a hash; different words may have the same.

    Args:
        text: the text.
        n: how many numbers there are, with 0, which no word gets.
        hash_function: "md5", which is the same everywhere, or a function of a word; Python's `hash` when None.
        filters, lower, split: as of `text_to_word_sequence`.

    Raises:
        ConfigError: n is less than 2, or no such hash.

    >>> hashing_trick("The cat, the mat.", 50, "md5")
    [43, 32, 43, 29]
    """
    if positive_int(n, "hashing_trick: n") < 2:
        raise ConfigError(f"hashing_trick: n must be at least 2, since 0 is no word's number; received {n}")
    if not (hash_function is None or hash_function == "md5" or callable(hash_function)):
        raise ConfigError(f'hashing_trick: hash_function must be "md5", a function of a word, or None, received {hash_function!r}')
    of_word: Any = _md5 if hash_function == "md5" else hash_function or hash
    return [1 + int(of_word(word)) % (n - 1) for word in text_to_word_sequence(text, filters, lower, split)]


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers for the words of texts, the most frequent word having 1.

    Args:
        num_words: words of numbers below it alone come out (with 0, which no word has); all when None. `nb_words` in Keras 1.
        filters: characters that separate words, and are dropped.
        lower: whether words are put into small letters.
        split: what else separates words.
        char_level: whether every character counts as a word.
        oov_token: what stands for words that are not known: it has number 1 then. They are left out when None.
        document_count: how many texts were counted before.
        analyzer: a function that gives the words of a text, instead of `filters` and `split`.

    A text may also be a list of words. `word_index` and `index_word` are the numbers, `word_counts` how often each word came,
    `word_docs` in how many texts.

    Raises:
        ConfigError: an argument of another kind.

    Example:
        >>> tokenizer = Tokenizer(num_words=3)
        >>> tokenizer.fit_on_texts(["the cat on the mat", "the cat"])
        >>> tokenizer.texts_to_sequences(["the mat of the cat"])
        [[1, 1, 2]]
    """

    @checked(num_words=optional(positive_int), filters=a_text, lower=boolean, split=a_text, char_level=boolean, oov_token=optional(a_text))
    def __init__(self, num_words: int | None = None, filters: str = FILTERS, lower: bool = True, split: str = " ", char_level: bool = False,
                 oov_token: str | None = None, document_count: int = 0, analyzer: Callable[[str], Iterable[str]] | None = None,
                 **kwargs: Any):  # fmt: skip
        if "nb_words" in kwargs:
            num_words = optional(positive_int)(kwargs.pop("nb_words"), "Tokenizer: nb_words")
        if kwargs:
            raise ConfigError(f"Tokenizer has no argument {', '.join(kwargs)}")
        self.num_words, self.filters, self.lower, self.split, self.char_level = num_words, filters, lower, split, char_level
        self.oov_token, self.document_count, self.analyzer = oov_token, document_count, analyzer
        self.word_counts: OrderedDict[str, int] = OrderedDict()
        self.word_docs: dict[str, int] = {}
        self.index_docs: dict[int, int] = {}
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def _words(self, text: Any) -> list[str]:
        if self.char_level or isinstance(text, (list, tuple)):
            return [word.lower() for word in text] if self.lower else list(text)
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts, and number them; what was counted before counts, too.

        Args:
            texts: a list or a generator of texts, or of lists of words.
        """
        if isinstance(texts, str):
            raise DataError("Tokenizer.fit_on_texts expects several texts, received one: put it into a list")
        for text in texts:
            self.document_count += 1
            counts = Counter(self._words(text))
            for word, count in counts.items():
                self.word_counts[word] = self.word_counts.get(word, 0) + count
                self.word_docs[word] = self.word_docs.get(word, 0) + 1
        by_count = sorted(self.word_counts, key=lambda word: -self.word_counts[word])  # equal counts stay in the order they came in
        words = ([] if self.oov_token is None else [self.oov_token]) + [word for word in by_count if word != self.oov_token]
        self.word_index = {word: k for k, word in enumerate(words, 1)}
        self.index_word = dict(enumerate(words, 1))
        self.index_docs = {self.word_index[word]: count for word, count in self.word_docs.items()}

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many lists each number is; `sequences_to_matrix` with "tfidf" needs it where no texts were counted."""
        for sequence in sequences:
            self.document_count += 1
            for k in set(sequence):
                self.index_docs[k] = self.index_docs.get(k, 0) + 1

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """The numbers of the words of each text; words that are not known, or too rare for `num_words`, are left out or `oov_token`."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one text after the other."""
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for text in texts:
            found = (self.word_index.get(word, unknown) for word in self._words(text))
            numbers = (unknown if k is not None and self.num_words is not None and k >= self.num_words else k for k in found)
            yield [k for k in numbers if k is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """As `sequences_to_texts`, one list after the other."""
        for sequence in sequences:
            words = (self.index_word.get(int(k)) if self.num_words is None or k < self.num_words else None for k in sequence)
            shown = (self.oov_token if word is None else word for word in words)
            yield " ".join(word for word in shown if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of texts."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    @checked(mode=one_of(*_MODES))
    def sequences_to_matrix(self, sequences: Any, mode: str = "binary") -> np.ndarray:
        """A row for each list of numbers, a column for each number.

        Args:
            sequences: lists of numbers.
            mode: "binary", "count", "freq" (count over the length) or "tfidf".

        Output shape: (B, num_words), float64.

        Raises:
            ConfigError: no mode of this name, or the number of columns is not known.
        """
        if self.num_words is None and not self.word_index:
            raise ConfigError("Tokenizer.sequences_to_matrix needs num_words, or texts counted by fit_on_texts")
        if mode == "tfidf" and not self.document_count:
            raise ConfigError('Tokenizer.sequences_to_matrix with mode="tfidf" needs texts counted by fit_on_texts, or fit_on_sequences')
        width = self.num_words or len(self.word_index) + 1
        matrix = np.zeros((len(sequences), width))
        for row, sequence in zip(matrix, sequences, strict=True):
            counts = Counter(k for k in sequence if k < width)
            places, times = np.array([*counts.keys()], "int64"), np.array([*counts.values()], "float64")
            if not len(places):
                continue
            if mode == "tfidf":
                within = np.array([self.index_docs.get(int(k), 0) for k in places])
                row[places] = (1 + np.log(times)) * np.log(1 + self.document_count / (1 + within))
            else:
                row[places] = {"binary": np.ones_like(times), "count": times, "freq": times / len(sequence)}[mode]
        return matrix

    def get_config(self) -> dict[str, Any]:
        """The arguments, and what was counted as JSON, as Keras writes it."""
        counted = {name: json.dumps(getattr(self, name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        return {**{name: getattr(self, name) for name in names}, **counted}

    def to_json(self, **kwargs: Any) -> str:
        """The tokenizer as a text that `tokenizer_from_json` reads."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer of a text that `Tokenizer.to_json` wrote, in Keras or here.

    Args:
        json_string: the text.

    Raises:
        DataError: the text is something else.

    >>> tokenizer = Tokenizer()
    >>> tokenizer.fit_on_texts(["the cat"])
    >>> tokenizer_from_json(tokenizer.to_json()).word_index
    {'the': 1, 'cat': 2}
    """
    try:
        settings = json.loads(json_string)["config"]
        counted = {name: json.loads(settings.pop(name)) for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")}
        tokenizer = Tokenizer(**settings)
        tokenizer.word_counts = OrderedDict(counted["word_counts"])
        tokenizer.word_docs, tokenizer.word_index = dict(counted["word_docs"]), dict(counted["word_index"])
        tokenizer.index_docs = {int(k): v for k, v in counted["index_docs"].items()}
        tokenizer.index_word = {int(k): v for k, v in counted["index_word"].items()}
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise DataError(f"tokenizer_from_json expects a text written by Tokenizer.to_json: {printable(error)}") from error
    return tokenizer
