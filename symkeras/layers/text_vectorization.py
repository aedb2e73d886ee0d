"""`TextVectorization`: texts as rows of the indices of their words."""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras.arguments import checked, either, function, non_negative_int, one_of, optional, positive_int, several
from symkeras.arguments import settings as config_dict
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.adaptation import batches_of
from symkeras.layers.array_layer import ArrayLayer
from symkeras.layers.categories import dense
from symkeras.layers.index_lookup import MODES
from symkeras.layers.string_lookup import StringLookup
from symkeras.layers.texts import text_array
from symkeras.layers.tokens import BETWEEN, STANDARDS, in_a_row, ngrams, rows_of_tokens, standardized, words


class TextVectorization(ArrayLayer):
    """Texts as rows of integers or numbers: each is standardized, split into tokens, and these are looked up in a vocabulary.

    Args:
        max_tokens: most indices, those for padding and unknown tokens among them; None for no limit.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (of ASCII's letters and signs), None, or
            a function of an array of texts.
        split: "whitespace", "character", None, or a function of an array of texts that gives a row of tokens for each.
        ngrams: runs of up to so many tokens become tokens too; a tuple says which lengths alone.
        output_mode: "int", or for each text "multi_hot", "count" or "tf_idf"; see `StringLookup`.
        output_sequence_length: the length of rows of integers, cut or padded with 0; the longest of the batch when None.
        pad_to_max_tokens: whether vectors are `max_tokens` long in any case.
        vocabulary: the tokens, or the path of a file with one a line.
        idf_weights: a weight for each of them, for `output_mode="tf_idf"`.
        sparse, ragged: must be False.
        encoding: of texts that are bytes.

    Input shape:
        (B,) or (B, 1), of texts

    Output shape:
        (B, T) for "int", (B, V) for the others

    Raises:
        ConfigError: arguments that do not go together; see `set_vocabulary`.
        DataError: inputs that are no texts.
        ShapeError: several texts in a row that are to be split.

    The layer computes on arrays. In a functional model it may come first, on an `Input` of dtype "string".

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["The cat", "the dog"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'the', 'dog', 'cat']
        >>> layer(["The cat, the bird!", "dog"]).tolist()
        [[2, 4, 2, 1], [3, 0, 0, 0]]
    """

    @checked(standardize=optional(either(one_of(*STANDARDS), function)), split=optional(either(one_of("whitespace", "character"), function)),
             ngrams=optional(either(positive_int, several(positive_int, least=1))), output_mode=MODES,
             output_sequence_length=optional(non_negative_int), sparse=dense, ragged=dense)  # fmt: skip
    def __init__(self, max_tokens: int | None = None, standardize: Any = "lower_and_strip_punctuation", split: Any = "whitespace",
                 ngrams: Any = None, output_mode: str = "int", output_sequence_length: int | None = None, pad_to_max_tokens: bool = False,
                 vocabulary: Any = None, idf_weights: Any = None, sparse: bool = False, ragged: bool = False, encoding: str = "utf-8",
                 name: str | None = None, **kwargs: Any):  # fmt: skip
        hidden = {key: kwargs.pop(key) for key in ("vocabulary_size", "has_input_vocabulary") if key in kwargs}
        super().__init__(name=name, **kwargs)
        if output_mode != "int" and output_sequence_length is not None:
            raise ConfigError(f"TextVectorization: output_sequence_length goes with output_mode='int' only, received output_mode={output_mode!r}")
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_mode, self.output_sequence_length, self.encoding = output_mode, output_sequence_length, encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, pad_to_max_tokens=pad_to_max_tokens, mask_token="",
            output_mode=output_mode, encoding=encoding, **hidden,
        )  # fmt: skip

    # ---- the vocabulary ----------------------------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary from texts: the most frequent tokens first, of equally frequent ones the last in order.

        Args:
            data: an array or list of texts, or batches: a `PyDataset`, a generator; of tuples the first is taken.
            batch_size: has no meaning here, as in Keras.
            steps: how many batches are taken at most; all when None.

        Raises:
            ConfigError: the layer was made with a vocabulary.
            DataError: data that are no texts.
        """
        self.reset_state()
        for batch, _ in batches_of(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts, each of which is a document."""
        texts = self._read(data)
        row = self._in_a_row(texts) if self.output_mode != "tf_idf" else None
        if row is None:
            self._lookup_layer._count(self._rows_of(texts))
            return
        counts = Counter(row.split())
        counts.pop(BETWEEN, None)
        self._lookup_layer._count_flat({t.decode("utf-8", "surrogatepass"): n for t, n in counts.items()})

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their indices; see `StringLookup.get_vocabulary`."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many indices there are, those for padding and unknown tokens among them."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in place of the one there is; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # ---- texts -------------------------------------------------------------------------------------------------------

    def _read(self, inputs: Any) -> np.ndarray:
        return text_array(inputs, f"TextVectorization {self.name!r}", self.encoding)

    def _rows_of(self, texts: np.ndarray) -> list[list[str]]:
        """The tokens of each text; without splitting those of each row."""
        where = f"TextVectorization {self.name!r}"
        if callable(self.standardize):
            found = self.standardize(texts.astype(str))
            texts = text_array(np.asarray(found), f"{where}: what its standardize function gave", self.encoding)
        elif self.standardize is not None:
            changed = np.empty(texts.size, object)
            changed[:] = standardized(texts.ravel().tolist(), self.standardize)
            texts = changed.reshape(texts.shape)
        rows = self._split_up(texts, where)
        return rows if self.ngrams is None else ngrams(rows, range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams)

    def _in_a_row(self, texts: np.ndarray) -> bytes | None:
        """All texts in one row, where nothing but their words is asked for."""
        how = self.standardize
        if self.split != "whitespace" or self.ngrams is not None or not (how is None or isinstance(how, str)):
            return None
        return in_a_row(self._one_a_row(texts).tolist(), how)

    def _one_a_row(self, texts: np.ndarray) -> np.ndarray:
        if texts.ndim > 2 or (texts.ndim == 2 and texts.shape[1] != 1):
            raise ShapeError(f"TextVectorization {self.name!r} splits one text a row: expected shape (B,) or (B, 1), received {texts.shape}")
        return texts.ravel()

    def _split_up(self, texts: np.ndarray, where: str) -> list[list[str]]:
        if self.split is None:
            return texts.reshape(-1, texts.shape[-1] if texts.ndim > 1 else 1).tolist()
        flat = self._one_a_row(texts)
        if callable(self.split):
            return rows_of_tokens(self.split(flat.astype(str)), f"{where}: its split function")
        return words(flat.tolist()) if self.split == "whitespace" else [list(t) for t in flat.tolist()]

    def _compute(self, inputs: np.ndarray) -> np.ndarray:
        found = self._vectors(inputs) if self.split is not None or self.output_mode != "int" or self.ngrams is not None else self._unsplit(inputs)
        return found[0] if inputs.ndim == 0 and self.split is not None else found

    def _vectors(self, inputs: np.ndarray) -> np.ndarray:
        """A row for every text."""
        row, lookup = self._in_a_row(inputs), self._lookup_layer
        if row is not None:
            indices = lookup._indices_of_words(row, BETWEEN)
            ends = np.append(np.flatnonzero(indices == -1), len(indices))
            lengths, indices = np.diff(ends, prepend=-1)[: inputs.size] - 1, indices[indices != -1]
        else:
            rows = self._rows_of(inputs)
            lengths = np.fromiter(map(len, rows), np.int64, len(rows))
            flat = np.empty(int(lengths.sum()), object)
            flat[:] = list(chain.from_iterable(rows))
            indices = np.asarray(lookup._indices(flat))
        if self.output_mode == "int":
            return self._padded(indices, lengths)
        return lookup._vectors(np.repeat(np.arange(len(lengths)), lengths), indices, len(lengths))

    def _unsplit(self, texts: np.ndarray) -> np.ndarray:
        """The index of every text as a whole."""
        if self.standardize is not None:
            rows = self._rows_of(texts)
            whole = np.empty(texts.size, object)
            whole[:] = list(chain.from_iterable(rows))
            texts = whole.reshape(texts.shape)
        found, most = np.asarray(self._lookup_layer._indices(texts)), self.output_sequence_length
        if most is None or not found.ndim:
            return found
        return np.pad(found[..., :most], [(0, 0)] * (found.ndim - 1) + [(0, max(0, most - found.shape[-1]))])

    def _padded(self, indices: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Indices in rows of one length."""
        longest = int(lengths.max(initial=0))
        found = np.zeros((len(lengths), longest), np.int64)
        found[np.arange(longest) < lengths[:, None]] = indices
        most = self.output_sequence_length
        return found if most is None else np.pad(found[:, :most], ((0, 0), (0, max(0, most - longest))))

    # ---- shapes, configs, files --------------------------------------------------------------------------------------

    @property
    def _output_dtype(self) -> str:
        return "int64" if self.output_mode == "int" else settings.floatx()

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self.output_mode == "int":
            if self.split is None and self.ngrams is None:
                most = self.output_sequence_length
                return tuple(input_shape) if most is None else (*input_shape[:-1], most)
            return (input_shape[0], self.output_sequence_length)
        return (input_shape[0], self._lookup_layer._depth)

    def get_config(self) -> dict[str, Any]:
        from symkeras.saving.serialization import serialize_keras_object

        lookup = self._lookup_layer.get_config()
        names = ("max_tokens", "pad_to_max_tokens", "sparse", "vocabulary", "idf_weights", "encoding")
        config = {**super().get_config(), **{name: lookup[name] for name in names}}
        for name in ("standardize", "split"):
            config[name] = serialize_keras_object(getattr(self, name))
        own = {"ngrams": self.ngrams, "output_mode": self.output_mode, "output_sequence_length": self.output_sequence_length, "ragged": False}
        return {**config, **own, "vocabulary_size": self.vocabulary_size()}

    @classmethod
    @checked(config=config_dict)
    def from_config(cls, config: dict[str, Any]) -> Any:
        from symkeras.saving.serialization import deserialize_keras_object

        config = dict(config)
        for name in ("standardize", "split"):
            if isinstance(config.get(name), dict):
                config[name] = deserialize_keras_object(config[name])
        return super().from_config(config)

    def save_own_variables(self, store: Any) -> None:
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary as `vocabulary.txt`, where the config does not hold it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)

