"""Words or numbers of a vocabulary as indices, and back: what `StringLookup` and `IntegerLookup` share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import config as settings
from symkeras import ops
from symkeras.arguments import boolean, checked, either, integer, non_negative_int, one_of, optional, real_numbers, refusal, several
from symkeras.errors import ConfigError, DataError
from symkeras.graph.tensor import Tensor
from symkeras.layers.adaptation import batches_of, changed, traced
from symkeras.layers.array_layer import ArrayLayer
from symkeras.layers.categories import dense, encoded, output_mode, scattered
from symkeras.layers.fingerprints import hashes_of

SALT = optional(either(integer(), several(integer(), count=2)))
MODES = output_mode("int", "one_hot", "multi_hot", "count", "tf_idf")
FILE = "vocabulary.txt"


def tokens_or_path(value: Any, where: str) -> Any:
    """The check of `vocabulary` arguments: a list, tuple or array, or a path."""
    if not isinstance(value, (str, list, tuple)) and not hasattr(value, "__array__"):
        raise refusal(where, "a list or array of tokens, or the path of a file", value)
    return value


class IndexLookup(ArrayLayer):
    """A vocabulary, how it is learnt, given and kept in files, and the indices of what is looked up in it.

    Indices are, in this order, that of the mask token (where there is one, and the output is integers), those for what is not in the
    vocabulary, and those of the vocabulary. A subclass reads inputs (`_read`), finds tokens (`_find`) and says how files write them.
    """

    _token_dtype: str
    _of_file: Any = staticmethod(str)

    @checked(max_tokens=optional(integer(least=2)), num_oov_indices=non_negative_int, invert=boolean, output_mode=MODES, sparse=dense,
             pad_to_max_tokens=boolean, oov_method=one_of("floormod", "farmhash"), salt=SALT,
             vocabulary=optional(tokens_or_path), idf_weights=optional(real_numbers))  # fmt: skip
    def __init__(self, max_tokens: Any, num_oov_indices: int, mask_token: Any, oov_token: Any, vocabulary: Any = None, idf_weights: Any = None,
                 invert: bool = False, output_mode: str = "int", sparse: bool = False, pad_to_max_tokens: bool = False,
                 oov_method: str = "floormod", name: str | None = None, salt: Any = None, **kwargs: Any):  # fmt: skip
        size, self._has_input_vocabulary = kwargs.pop("vocabulary_size", None), kwargs.pop("has_input_vocabulary", vocabulary is not None)
        super().__init__(name=name, **kwargs)
        what = type(self).__name__
        if pad_to_max_tokens and max_tokens is None:
            raise ConfigError(f"{what}: pad_to_max_tokens=True needs max_tokens, received None")
        if invert and output_mode != "int":
            raise ConfigError(f"{what}: with invert=True, output_mode must be 'int', received {output_mode!r}")
        if output_mode != "tf_idf" and idf_weights is not None:
            raise ConfigError(f"{what}: idf_weights go with output_mode='tf_idf' only, received output_mode={output_mode!r}")
        if output_mode == "tf_idf" and self._has_input_vocabulary and vocabulary is not None and idf_weights is None:
            raise ConfigError(f"{what}: a vocabulary for output_mode='tf_idf' needs idf_weights, received None")
        if salt is not None and self._token_dtype == "int64" and oov_method != "farmhash":
            raise ConfigError(f"{what}: salt goes with oov_method='farmhash' only, received {oov_method!r}")
        self.max_tokens, self.num_oov_indices, self.invert, self.output_mode = max_tokens, num_oov_indices, invert, output_mode
        self.mask_token, self.oov_token, self.pad_to_max_tokens, self.sparse = mask_token, oov_token, pad_to_max_tokens, sparse
        self.oov_method = oov_method
        self.salt = None if salt is None else [salt, salt] if isinstance(salt, int) else list(salt)
        self.input_vocabulary = None if isinstance(vocabulary, str) or vocabulary is None else _listed(vocabulary)
        self.input_idf_weights = None if idf_weights is None else _listed(idf_weights)
        self.idf_weights: np.ndarray | None = None
        self._said_size = size
        self._keep(())
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # ---- the vocabulary ----------------------------------------------------------------------------------------------

    @property
    def _what(self) -> str:
        return f"{type(self).__name__} {self.name!r}"

    @property
    def _oov_start(self) -> int:
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self) -> int:
        return self._oov_start + self.num_oov_indices

    @property
    def _specials(self) -> list[Any]:
        return [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: whether those for masked and unknown inputs come first, so that places are indices.
        """
        return [*(self._specials if include_special_tokens else ()), *self._tokens]

    def vocabulary_size(self) -> int:
        """How many indices there are, those for masked and unknown inputs among them."""
        return self._token_start + len(self._tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in place of the one there is.

        Args:
            vocabulary: the tokens, with or without the special ones before them; or the path of a text file, one token a line.
            idf_weights: the weight of each token, for `output_mode="tf_idf"`.

        Raises:
            ConfigError: an empty vocabulary, tokens that come twice, special tokens in other places, more tokens than `max_tokens`,
                weights that are missing or of another number, or the path of a file that is missing or comes out of a saved model.
        """
        if (self.output_mode == "tf_idf") == (idf_weights is None):
            needs = "needs" if idf_weights is None else "takes no"
            raise ConfigError(f"{self._what}: output_mode={self.output_mode!r} {needs} idf_weights, received {idf_weights!r}")
        if isinstance(vocabulary, str):
            given, is_whole = self._from_text(Path(vocabulary)), False
        else:
            given = self._tokens_of(vocabulary)
            is_whole = self._token_start > 0 and given[: self._token_start] == self._specials
        tokens = given[self._token_start :] if is_whole else given
        self._check(given, tokens)
        weights = None if idf_weights is None else self._weights(idf_weights, len(given), is_whole)
        self._keep(tokens)
        self.idf_weights = weights

    def _check(self, given: Sequence[Any], tokens: Sequence[Any]) -> None:
        what = self._what
        if not given:
            raise ConfigError(f"{what}: the vocabulary is empty")
        if len(set(tokens)) < len(tokens):
            twice = [t for t, n in Counter(tokens).items() if n > 1]
            raise ConfigError(f"{what}: tokens of a vocabulary come once; several times come {twice[:10]}")
        reserved = [("mask", self.mask_token), *([("out-of-vocabulary", self.oov_token)] if self.invert else [])]
        for kind, token in reserved:
            if token is not None and token in set(tokens):
                raise ConfigError(
                    f"{what}: the {kind} token {token!r} stands in the vocabulary at {list(given).index(token)}; it may only come with all special "
                    f"tokens at the beginning, {self._specials}, or not at all"
                )
        if self.max_tokens is not None and self._token_start + len(tokens) > self.max_tokens:
            raise ConfigError(f"{what}: max_tokens={self.max_tokens}, received a vocabulary of {self._token_start + len(tokens)} with special tokens")

    def _weights(self, given: Any, count: int, is_whole: bool) -> np.ndarray:
        """The weight of every index; those of unknown tokens are the mean, where they are not given."""
        weights = np.asarray(given, settings.floatx())
        if weights.shape != (count,):
            raise ConfigError(
                f"{self._what}: idf_weights must be as many as the vocabulary has tokens, {count}, received shape {weights.shape}"
            )
        front = 0 if is_whole else self._token_start
        return self._padded(np.concatenate([np.full(front, weights.mean(), weights.dtype), weights]))

    def _padded(self, weights: np.ndarray) -> np.ndarray:
        return np.pad(weights, (0, self.max_tokens - len(weights))) if self.pad_to_max_tokens else weights

    def _keep(self, tokens: Sequence[Any]) -> None:
        """Hold a vocabulary that was checked."""
        object.__setattr__(self, "_tokens", tuple(tokens))
        self._index()
        changed(self)

    def _from_text(self, path: Path) -> list[Any]:
        from symkeras.saving.serialization import in_safe_mode, is_deserializing

        what = self._what
        if is_deserializing() and in_safe_mode():
            raise ConfigError(f"{what}: a saved model names the vocabulary file {str(path)!r}, which lies outside of it; safe_mode=False reads it")
        if self.output_mode == "tf_idf":
            raise ConfigError(f"{what}: output_mode='tf_idf' takes no vocabulary file, since that has no weights")
        if not path.is_file():
            raise ConfigError(f"{what}: there is no vocabulary file {str(path)!r}")
        return [self._of_line(line) for line in _lines(path)]

    def _of_line(self, line: str) -> Any:
        try:
            return self._of_file(line)
        except (ValueError, OverflowError):
            raise DataError(f"{self._what}: the vocabulary file has the line {line[:60]!r}, which is no token") from None

    # ---- adapting ----------------------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary from data: the most frequent tokens first, of equally frequent ones the last in order.

        Args:
            data: an array or list, or batches: a `PyDataset`, a generator; of tuples the first is taken. For
                `output_mode="tf_idf"` every row is a document.
            steps: how many batches are taken at most; all when None.

        Raises:
            ConfigError: the layer was made with a vocabulary.
            DataError: data that are not of the kind that the layer reads.
        """
        self.reset_state()
        for batch, is_all in batches_of(data, steps):
            array = self._tokens_in(batch)
            self.update_state(array[:, None] if is_all and array.ndim == 1 else array)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch; a batch of one axis is one document."""
        array = self._tokens_in(data)
        if self.output_mode != "tf_idf":
            self._count_flat(array.ravel().tolist())
        else:
            self._count(array.reshape(-1, array.shape[-1] if array.ndim > 1 else array.size).tolist())

    def _count_flat(self, tokens: Iterable[Any]) -> None:
        """Count tokens, of whichever documents."""
        if self._has_input_vocabulary:
            raise ConfigError(f"{self._what} has the vocabulary it was given: adapt has nothing to do")
        self._counts.update(tokens)

    def _count(self, rows: list[list[Any]]) -> None:
        """Count the tokens of documents."""
        self._count_flat(chain.from_iterable(rows))
        if self.output_mode == "tf_idf":
            self._documents.update(chain.from_iterable(map(set, rows)))
            object.__setattr__(self, "_rows", self._rows + len(rows))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted; without counts it stays as it is."""
        if self._has_input_vocabulary or not self._counts:
            return
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        tokens = [t for t, _ in sorted(self._counts.items(), key=lambda found: (found[1], found[0]), reverse=True)]
        tokens = tokens if self.max_tokens is None else tokens[: max(0, self.max_tokens - self._token_start)]
        if self.output_mode == "tf_idf":
            weights = np.log(1 + self._rows / (1 + np.array([self._documents[t] for t in tokens], np.float64))).astype(settings.floatx())
            front = np.full(self._token_start, weights.mean() if len(tokens) else 0, weights.dtype)
            self.idf_weights = self._padded(np.concatenate([front, weights]))
        self._keep(tokens)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        for name, value in (("_counts", Counter()), ("_documents", Counter()), ("_rows", 0)):
            object.__setattr__(self, name, value)

    # ---- looking up --------------------------------------------------------------------------------------------------

    @property
    def _output_dtype(self) -> str:
        return self._token_dtype if self.invert else "int64" if self.output_mode == "int" else settings.floatx()

    @property
    def _depth(self) -> int:
        if self.pad_to_max_tokens:
            return self.max_tokens  # type: ignore[return-value]
        if self._tokens or self._said_size is None:
            return self.vocabulary_size()
        return self._said_size

    def _compute(self, inputs: Any) -> Any:
        if isinstance(inputs, Tensor):
            traced(self)
        if self.invert:
            return self._inverted(inputs)
        self._need_vocabulary()
        indices = self._indices(inputs)
        if self.output_mode != "tf_idf":
            return encoded(indices, self.output_mode, self._depth, self._output_dtype)
        return ops.multiply(encoded(indices, "count", self._depth, self._output_dtype), self.idf_weights)

    def _vectors(self, rows: np.ndarray, indices: np.ndarray, count: int) -> np.ndarray:
        """As `_compute`, for indices that are in so many rows of any lengths."""
        self._need_vocabulary()
        if self.output_mode == "one_hot":
            raise ConfigError(f"{self._what}: output_mode='one_hot' takes rows of one length")
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        found = scattered(rows, indices, count, mode, self._depth, self._output_dtype)
        return found if self.output_mode != "tf_idf" else found * self.idf_weights

    def _need_vocabulary(self) -> None:
        if self.output_mode != "int" and not self._tokens and not self.pad_to_max_tokens:
            raise ConfigError(f"{self._what} has no vocabulary yet, which output_mode={self.output_mode!r} needs: give vocabulary, or call adapt")
        if self.output_mode == "tf_idf" and self.idf_weights is None:
            raise ConfigError(f"{self._what} has no idf_weights yet, which output_mode='tf_idf' needs: give them, or call adapt")

    def _indices(self, inputs: Any) -> Any:
        """The index of every input: that of the mask is -1 where it gets none."""
        found = self._find(inputs)
        if self.mask_token is None:
            unknown = ops.equal(found, -1)
        else:
            is_mask = self._equals(inputs, self.mask_token)
            found = ops.where(is_mask, 0 if self.output_mode == "int" else -1, found)
            unknown = ops.logical_and(ops.equal(found, -1), ops.logical_not(is_mask))
        if self.num_oov_indices == 0:
            return self._all_known(inputs, found, unknown)
        if self.num_oov_indices == 1:
            return ops.where(unknown, self._oov_start, found)
        return self._with_buckets(inputs, found, unknown)

    def _all_known(self, inputs: Any, found: Any, unknown: Any) -> Any:
        if not isinstance(inputs, Tensor) and np.any(unknown):
            missing = np.asarray(inputs)[np.asarray(unknown)]
            raise DataError(f"{self._what} has num_oov_indices=0 and not in its vocabulary {missing.ravel()[:10].tolist()}")
        return found

    def _with_buckets(self, inputs: Any, found: Any, unknown: Any) -> Any:
        if self._token_dtype == "int64" and self.oov_method == "floormod":
            return ops.where(unknown, ops.add(ops.cast(ops.mod(inputs, self.num_oov_indices), "int64"), self._oov_start), found)
        found, unknown = np.array(found), np.asarray(unknown)
        if unknown.any():
            hashes = hashes_of(np.asarray(inputs)[unknown], self.salt)
            found[unknown] = (hashes % np.uint64(self.num_oov_indices)).astype(np.int64) + self._oov_start
        return found

    def _inverted(self, inputs: Any) -> Any:
        tokens = np.array([*self.get_vocabulary(), self.oov_token], object if self._token_dtype == "string" else self._token_dtype)
        last = len(tokens) - 1
        is_index = ops.logical_and(ops.greater_equal(inputs, 0), ops.less(inputs, last))
        places = ops.where(is_index, inputs, last)
        return tokens[np.asarray(places)] if self._token_dtype == "string" else ops.take(tokens, places, axis=0)

    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = tuple(input_shape)
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot":
            return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), self._depth)
        return (*shape[:1], *shape[2:], self._depth) if len(shape) > 1 else (self._depth,)

    # ---- configs and files -------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        names = ("invert", "max_tokens", "num_oov_indices", "oov_token", "mask_token", "output_mode", "sparse", "pad_to_max_tokens")
        own = {name: getattr(self, name) for name in (*names, "oov_method", "salt")}
        size = self.vocabulary_size() if self._tokens else self._said_size
        return {**super().get_config(), **own, "idf_weights": self.input_idf_weights, "vocabulary": self.input_vocabulary, "vocabulary_size": size}

    def save_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"], settings.floatx())
            changed(self)

    def save_assets(self, dir_path: str) -> None:
        """Write the vocabulary as `vocabulary.txt`, where the config does not hold it."""
        if self.input_vocabulary is not None:
            return
        lines = [str(token) for token in self.get_vocabulary()]
        if any("\n" in line for line in lines):
            raise ConfigError(f"{self._what}: a token with a line break cannot be written into {FILE}, which has one token a line")
        Path(dir_path, FILE).write_bytes("\n".join(lines).encode())

    def load_assets(self, dir_path: str) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        if self.input_vocabulary is not None:
            return
        lines = _lines(Path(dir_path, FILE))
        while lines and lines[-1] == "":
            lines.pop()
        values = [self._of_line(line) for line in lines]
        if values and values != self._specials[: len(values)]:
            weights = self.idf_weights
            if weights is not None and self.pad_to_max_tokens:
                weights = weights[: len(values)]
            self.set_vocabulary(values, weights)


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode()
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _listed(values: Any) -> list[Any]:
    """A plain list, as configs hold it."""
    found = np.asarray(values).tolist() if hasattr(values, "__array__") else list(values)
    return [v.decode() if isinstance(v, bytes) else v.item() if isinstance(v, np.generic) else v for v in found]
