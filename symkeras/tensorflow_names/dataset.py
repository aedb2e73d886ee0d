"""`tf.data.Dataset` where TensorFlow is not installed: elements are nestings of arrays, made one after the other by plain Python."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from symkeras import foreign_data, tree
from symkeras.arguments import function, integer, non_negative_int, optional, positive_int
from symkeras.autodiff import watchable
from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable

AUTOTUNE = -1
INFINITE, UNKNOWN = -1, -2


class Dataset:
    """A row of elements that can be gone through again and again.

    Args:
        begin: gives an iterator over the elements.
        count: how many there are; `INFINITE` and `UNKNOWN` as in TensorFlow.

    Example:
        >>> data = Dataset.from_tensor_slices(np.arange(5)).map(lambda x: x * 2).batch(2)
        >>> [batch.tolist() for batch in data], len(data)
        ([[0, 2], [4, 6], [8]], 3)
    """

    def __init__(self, begin: Callable[[], Iterator[Any]], count: int = UNKNOWN):
        self._begin, self._count = begin, count

    # ---- where elements come from ------------------------------------------------------------------------------------

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> Dataset:
        """The rows of arrays, in their nesting.

        Raises:
            DataError: arrays of different numbers of rows, or without rows.
        """
        arrays = _arrays(tensors)
        leaves = tree.flatten(arrays)
        if not leaves or any(not np.ndim(a) for a in leaves) or len({len(a) for a in leaves}) > 1:
            raise DataError(f"from_tensor_slices expects arrays with one number of rows, received shapes {[np.shape(a) for a in leaves]}")
        count = len(leaves[0])
        return Dataset(lambda: (tree.map_structure(lambda a, k=k: a[k], arrays) for k in range(count)), count)

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> Dataset:
        """One element."""
        arrays = _arrays(tensors)
        return Dataset(lambda: iter([arrays]), 1)

    @staticmethod
    def from_generator(generator: Callable[..., Iterable[Any]], output_types: Any = None, output_shapes: Any = None, args: Any = (),
                       output_signature: Any = None, name: str | None = None) -> Dataset:  # fmt: skip
        """What a function that gives an iterable yields; elements get the dtypes of `output_types` or `output_signature`."""
        function(generator, "from_generator: generator")
        kinds = output_types if output_signature is None else output_signature

        def begin() -> Iterator[Any]:
            for element in generator(*args):
                arrays = _arrays(tuple(element) if isinstance(kinds, tuple) else element)
                yield arrays if kinds is None else tree.map_structure(lambda kind, a: np.asarray(a, str(getattr(kind, "dtype", kind))), kinds, arrays)

        return Dataset(begin)

    @staticmethod
    def range(*bounds: Any, output_type: Any = "int64", name: str | None = None) -> Dataset:
        """Numbers as Python's `range` has them."""
        numbers = range(*(integer()(b, "Dataset.range") for b in bounds))
        return Dataset(lambda: (np.asarray(k, str(output_type)) for k in numbers), len(numbers))

    @staticmethod
    def zip(*datasets: Any, name: str | None = None) -> Dataset:
        """Elements of several data sets together, in the nesting the data sets are given in, as far as the shortest goes."""
        nested = datasets[0] if len(datasets) == 1 and not isinstance(datasets[0], Dataset) else tuple(datasets)
        sources = tree.flatten(nested)
        if not sources or not all(isinstance(d, Dataset) for d in sources):
            raise ConfigError("Dataset.zip expects data sets, or a nesting of them")
        counts = [d._count for d in sources if d._count != INFINITE]
        count = UNKNOWN if UNKNOWN in counts else min(counts, default=INFINITE)
        return Dataset(lambda: (tree.pack_sequence_as(nested, list(es)) for es in zip(*(d._begin() for d in sources), strict=False)), count)

    # ---- what becomes of them ----------------------------------------------------------------------------------------

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: Any = None, **_: Any) -> Dataset:
        """What a function makes of each element; the parts of a tuple are its arguments."""
        function(map_func, "map: map_func")
        return self._by(lambda elements: (_arrays(_called(map_func, e)) for e in elements), self._count)

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements for which a function gives True."""
        return self._by(lambda elements: (e for e in elements if bool(_called(predicate, e))), UNKNOWN)

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> Dataset:
        """The elements of the data sets that a function makes of each element."""
        return self._by(lambda elements: (inner for e in elements for inner in _called(map_func, e)._begin()), UNKNOWN)

    def batch(self, batch_size: Any, drop_remainder: bool = False, **_: Any) -> Dataset:
        """So many elements as one, stacked; the last one may be of fewer."""
        size = positive_int(int(batch_size), "batch: batch_size")

        def together(elements: Iterator[Any]) -> Iterator[Any]:
            while (group := list(itertools.islice(elements, size))) and (len(group) == size or not drop_remainder):
                yield foreign_data.stacked(group)

        return self._by(together, self._counted(lambda n: n // size if drop_remainder else -(-n // size)))

    def padded_batch(self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: bool = False,
                     name: str | None = None) -> Dataset:  # fmt: skip
        """As `batch`, for elements of different lengths: filled up with zeros to the longest of a batch."""
        if padded_shapes is not None or padding_values is not None:
            raise ConfigError("padded_batch: elements are filled with zeros to the longest; for anything else use map() and batch()")
        size = positive_int(int(batch_size), "padded_batch: batch_size")

        def together(elements: Iterator[Any]) -> Iterator[Any]:
            while (group := list(itertools.islice(elements, size))) and (len(group) == size or not drop_remainder):
                yield tree.map_structure(lambda *leaves: _padded(leaves), *group)

        return self._by(together, self._counted(lambda n: n // size if drop_remainder else -(-n // size)))

    def unbatch(self, name: str | None = None) -> Dataset:
        """The rows of each element."""
        return self._by(lambda elements: (row for e in elements for row in Dataset.from_tensor_slices(e)._begin()), UNKNOWN)

    def shuffle(self, buffer_size: Any, seed: int | None = None, reshuffle_each_iteration: bool | None = True, name: str | None = None) -> Dataset:
        """Elements in another order for each pass, each drawn from the next `buffer_size` ones; `seed` fixes the orders."""
        size = positive_int(int(buffer_size), "shuffle: buffer_size")
        seed = int(np.random.randint(2**31)) if seed is None else integer()(seed, "shuffle: seed") % 2**32
        generator = np.random.RandomState(seed)

        def drawn(elements: Iterator[Any]) -> Iterator[Any]:
            draw = generator if reshuffle_each_iteration in (None, True) else np.random.RandomState(seed)
            held = list(itertools.islice(elements, size))
            for e in elements:
                k = draw.randint(len(held))
                yield held[k]
                held[k] = e
            yield from (held[k] for k in draw.permutation(len(held)))

        return self._by(drawn, self._count)

    def repeat(self, count: Any = None, name: str | None = None) -> Dataset:
        """The elements several times; without end for None and -1."""
        times = -1 if count is None else integer(least=-1)(int(count), "repeat: count")

        def again() -> Iterator[Any]:
            for _ in itertools.count() if times < 0 else range(times):
                is_empty = True
                for e in self._begin():
                    is_empty = False
                    yield e
                if is_empty:
                    return

        return Dataset(again, INFINITE if times < 0 else self._counted(lambda n: n * times))

    def take(self, count: Any, name: str | None = None) -> Dataset:
        """The first elements; all for -1."""
        most = integer(least=-1)(int(count), "take: count")
        number = most if self._count == INFINITE else self._counted(lambda n: min(n, most))
        return self if most < 0 else self._by(lambda elements: itertools.islice(elements, most), number)

    def skip(self, count: Any, name: str | None = None) -> Dataset:
        """All elements but the first."""
        few = non_negative_int(int(count), "skip: count")
        return self._by(lambda elements: itertools.islice(elements, few, None), self._counted(lambda n: max(0, n - few)))

    def shard(self, num_shards: int, index: int, name: str | None = None) -> Dataset:
        """Every `num_shards`-th element, from `index` on."""
        return self._by(
            lambda elements: itertools.islice(elements, index, None, num_shards), self._counted(lambda n: len(range(index, n, num_shards)))
        )

    def concatenate(self, dataset: Dataset, name: str | None = None) -> Dataset:
        """The elements of this one, then those of another one."""
        counts = self._count, dataset._count
        count = INFINITE if INFINITE in counts else UNKNOWN if UNKNOWN in counts else sum(counts)
        return Dataset(lambda: itertools.chain(self._begin(), dataset._begin()), count)

    def enumerate(self, start: int = 0, name: str | None = None) -> Dataset:
        """(number, element) of each."""
        return self._by(lambda elements: ((np.int64(k), e) for k, e in enumerate(elements, start)), self._count)

    def cache(self, filename: Any = "", name: str | None = None) -> Dataset:
        """The same elements, kept in memory once they were all made.

        Raises:
            ConfigError: a file is named.
        """
        if filename:
            raise ConfigError("cache: elements are kept in memory; cache() to a file is not offered")
        kept: list[Any] = []

        def once() -> Iterator[Any]:
            if kept:
                yield from kept[0]
                return
            own = []
            for e in self._begin():
                own.append(e)
                yield e
            kept[:] = [own]

        return Dataset(once, self._count)

    def prefetch(self, buffer_size: Any = None, name: str | None = None) -> Dataset:
        """The same elements, made when they are needed."""
        optional(integer(least=-1))(buffer_size, "prefetch: buffer_size")
        return self

    def with_options(self, options: Any, name: str | None = None) -> Dataset:
        """The same elements: options of TensorFlow say how it computes, not what."""
        return self

    def apply(self, transformation_func: Callable[[Dataset], Any]) -> Any:
        """What a function makes of the data set."""
        return transformation_func(self)

    def reduce(self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None) -> Any:
        """The state after `state = reduce_func(state, element)` for all elements."""
        state = initial_state
        for e in self:
            state = reduce_func(state, e)
        return state

    # ---- looking at them ---------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return (tree.map_structure(watchable, e) for e in self._begin())

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements, as arrays of NumPy."""
        return self._begin()

    def cardinality(self) -> np.ndarray:
        """How many elements there are: -1 without end, -2 where that is not known."""
        return watchable(np.asarray(self._count, "int64"))

    def __len__(self) -> int:
        if self._count < 0:
            raise TypeError(f"the number of elements is {'infinite' if self._count == INFINITE else 'not known'}")
        return self._count

    def __bool__(self) -> bool:
        return True

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of the first element, in its nesting."""
        return tree.map_structure(lambda a: (np.shape(a), np.asarray(a).dtype.name), next(iter(self._begin())))

    def _by(self, change: Callable[[Iterator[Any]], Iterator[Any]], count: int) -> Dataset:
        return Dataset(lambda: change(iter(self._begin())), count)

    def _counted(self, change: Callable[[int], int]) -> int:
        return self._count if self._count < 0 else change(self._count)


def text_lines(filenames: Any, **_: Any) -> Dataset:
    """The lines of text files, one after the other.

    Raises:
        DataError: a file that cannot be read.
    """
    names = [str(n) for n in np.ravel(np.asarray(filenames, object))]

    def begin() -> Iterator[Any]:
        for name in names:
            try:
                with open(name, encoding="utf-8") as file:
                    yield from (np.array(line.rstrip("\r\n"), object) for line in file)
            except (OSError, UnicodeDecodeError) as error:
                raise DataError(f"tf.data.TextLineDataset: {name!r} cannot be read: {printable(error)}") from error

    return Dataset(begin)


def _arrays(nested: Any) -> Any:
    """Leaves as arrays; a list is one array, as in TensorFlow."""
    if isinstance(nested, Mapping):
        return {k: _arrays(v) for k, v in nested.items()}
    if isinstance(nested, tuple):
        return tuple(map(_arrays, nested)) if not hasattr(nested, "_fields") else type(nested)(*map(_arrays, nested))
    return foreign_data.array(nested) if hasattr(nested, "shape") else np.asarray(nested, _dtype_of_list(nested))


def _dtype_of_list(values: Any) -> Any:
    """TensorFlow's dtype for Python numbers: float32 and int32."""
    kind = np.asarray(values).dtype.kind
    return {"f": "float32", "i": "int32"}.get(kind)


def _called(fn: Callable[..., Any], element: Any) -> Any:
    element = tree.map_structure(watchable, element)
    return fn(*element) if isinstance(element, tuple) else fn(element)


def _padded(leaves: Any) -> np.ndarray:
    arrays = [np.asarray(a) for a in leaves]
    out = np.zeros((len(arrays), *np.max([a.shape for a in arrays], axis=0).astype(int)), arrays[0].dtype)
    for k, a in enumerate(arrays):
        out[(k, *map(slice, a.shape))] = a
    return out
