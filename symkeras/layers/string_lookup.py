"""`StringLookup`: texts as indices of a vocabulary."""

from __future__ import annotations

from itertools import repeat
from typing import Any

import numpy as np

from symkeras.arguments import checked, optional, text
from symkeras.errors import ConfigError
from symkeras.layers.index_lookup import IndexLookup
from symkeras.layers.text_table import TextTable
from symkeras.layers.texts import text_array
from symkeras.layers.word_table import WordTable


def _any_text(value: Any, where: str) -> str:
    return value if value == "" else text(value, where)


class StringLookup(IndexLookup):
    """Texts as indices of a vocabulary, which is given, or which `adapt` learns; or indices as texts.

    Args:
        max_tokens: most indices, those for masked and unknown texts among them; None for no limit.
        num_oov_indices: indices for unknown texts, dealt by their hash; with 0 an unknown text is an error.
        mask_token: the text whose index is 0; in other outputs than integers it counts for nothing.
        oov_token: what an index of no text gives, with `invert`.
        vocabulary: the texts, or the path of a file with one a line.
        idf_weights: a weight for each of them, for `output_mode="tf_idf"`.
        invert: whether indices are turned into texts instead.
        output_mode: "int"; or vectors as long as the vocabulary: "one_hot" for each text; for each row "multi_hot", "count", or
            "tf_idf", which is the count times the weight.
        pad_to_max_tokens: whether vectors are `max_tokens` long in any case.
        sparse: must be False.
        encoding: of texts that are bytes.
        salt: one or two integers, under which unknown texts are hashed.

    Input shape:
        any; texts, or with `invert` integers

    Output shape:
        that of the input for "int"; (..., V) for "one_hot", without a last axis of size 1; (B, V) for the others and an input (B, T)

    Raises:
        ConfigError: arguments that do not go together; see `set_vocabulary`.
        DataError: inputs that are no texts.

    The layer computes on arrays. In a functional model it may come first, on an `Input` of dtype "string".

    Example:
        >>> layer = StringLookup(vocabulary=["a", "b", "c"])
        >>> layer(np.array([["a", "c"], ["d", "b"]])).tolist()
        [[1, 3], [0, 2]]
        >>> StringLookup(vocabulary=["a", "b"], invert=True)([1, 2, 0]).tolist()
        ['a', 'b', '[UNK]']
    """

    _token_dtype = "string"

    @checked(mask_token=optional(_any_text), oov_token=optional(_any_text), encoding=text)
    def __init__(self, max_tokens: int | None = None, num_oov_indices: int = 1, mask_token: str | None = None, oov_token: str | None = "[UNK]",
                 vocabulary: Any = None, idf_weights: Any = None, invert: bool = False, output_mode: str = "int", pad_to_max_tokens: bool = False,
                 sparse: bool = False, encoding: str = "utf-8", name: str | None = None, salt: Any = None, **kwargs: Any):  # fmt: skip
        self.encoding = encoding
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary=vocabulary, idf_weights=idf_weights, invert=invert,
            output_mode=output_mode, sparse=sparse, pad_to_max_tokens=pad_to_max_tokens, name=name, salt=salt, **kwargs,
        )  # fmt: skip

    def _index(self) -> None:
        object.__setattr__(self, "_table", {t: k for k, t in enumerate(self._tokens, self._token_start)})
        object.__setattr__(self, "_words", None)
        object.__setattr__(self, "_texts", TextTable(self._tokens))

    def _indices_of_words(self, row: bytes, between: bytes) -> np.ndarray:
        """The index of each word of a row, or that of unknown ones; -1 for what stands between texts."""
        table: WordTable | None = self._words
        if table is None:
            words = {t.encode("utf-8", "surrogatepass"): k for t, k in self._table.items() if "\0" not in t}
            table = WordTable(words | {between: -1}, self._oov_start)
            object.__setattr__(self, "_words", table)
        return table.find(row)

    def _read(self, inputs: Any) -> np.ndarray:
        return np.asarray(inputs) if self.invert else self._tokens_in(inputs)

    def _tokens_in(self, data: Any) -> np.ndarray:
        return text_array(data, f"{type(self).__name__} {self.name!r}", self.encoding)

    def _tokens_of(self, vocabulary: Any) -> list[str]:
        found = text_array(list(vocabulary) if isinstance(vocabulary, tuple) else vocabulary, f"{type(self).__name__} {self.name!r}", self.encoding)
        if found.ndim != 1:
            raise ConfigError(f"StringLookup {self.name!r}: a vocabulary has one axis, received shape {found.shape}")
        return found.tolist()

    def _find(self, inputs: Any) -> np.ndarray:
        if self._texts.is_usable and self._texts.takes(inputs):
            places = self._texts.find(inputs)
            return np.where(places < 0, -1, places + self._token_start)
        return self._indices_of(inputs.ravel().tolist()).reshape(inputs.shape)

    def _indices_of(self, texts: list[str]) -> np.ndarray:
        """The index of each text; -1 for one that is not in the vocabulary."""
        return np.fromiter(map(self._table.get, texts, repeat(-1)), np.int64, len(texts))

    def _equals(self, inputs: Any, token: str) -> np.ndarray:
        return np.asarray(inputs == token, bool)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "encoding": self.encoding}
