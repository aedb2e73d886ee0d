"""Batches that somebody else makes: one raw batch after the other, read as it comes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from symkeras.errors import DataError
from symkeras.models.feeds.feed import Feed, Stretch, in_whole, one_batch, warn_of_end
from symkeras.models.feeds.reader import Reader


class Stream(Feed):
    """A feed of ready batches; a subclass gives them raw, as x, (x, y) or (x, y, weights).

    Args:
        reader: turns raw batches into arrays.
    """

    def __init__(self, reader: Reader):
        self._reader = reader
        self._class_weight: Mapping[int, float] | None = None
        self._had_batches = False

    def raw(self) -> Iterator[Any]:
        """The raw batches of the next epoch."""
        raise NotImplementedError

    def epoch(self) -> Iterator[Stretch]:
        """The batches of the next epoch; none, with a warning, where earlier epochs have used them up.

        Raises:
            DataError: there have never been any.
        """
        is_empty = True
        with closing(self.raw()) as batches:  # type: ignore[type-var]
            for batch in batches:
                is_empty = False
                data = self._reader.read(*unpack(batch))
                yield one_batch(data if self._class_weight is None else data.with_class_weights(self._class_weight))
        if is_empty and not self._had_batches:
            raise DataError("there are no batches: the generator or sequence is empty, or was used up before")
        if is_empty:
            warn_of_end(0, self.steps)
        self._had_batches = True

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        self._class_weight = class_weight


class IteratorFeed(Stream):
    """Batches of a generator, an iterator, or of what gives a new iterator for every pass.

    Args:
        source: what gives the batches.
        reader: turns raw batches into arrays.
        steps: batches of an epoch, which begins where the last one ended; all there are when None.
    """

    def __init__(self, source: Iterable[Any], reader: Reader, steps: int | None = None):
        super().__init__(reader)
        self.steps = steps
        self._source = source
        self._is_restartable = not hasattr(source, "__next__")
        self._iterator: Iterator[Any] | None = None

    def rewind(self) -> None:
        if self._is_restartable:
            self._iterator = None

    def raw(self) -> Iterator[Any]:
        """The raw batches of the next epoch, which ends with the source, and begins it anew where the last one came just to its end."""
        is_fresh = self._iterator is None or (self._is_restartable and self.steps is None)
        if is_fresh:
            self._iterator = iter(self._source)
        done, due = 0, math.inf if self.steps is None else in_whole(self.steps, self.at_once)
        while done < due:
            try:
                batch = next(self._iterator)  # type: ignore[arg-type]
            except StopIteration:
                if not done and self._is_restartable and not is_fresh:
                    self._iterator, is_fresh = iter(self._source), True
                    continue
                self._iterator = None
                if self.steps is not None and 0 < done < self.steps:
                    warn_of_end(done, self.steps)
                return
            yield batch
            done += 1


def unpack(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of a raw batch: x, (x,), (x, y) or (x, y, weights); a list is meant as a tuple."""
    if not isinstance(batch, (tuple, list)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        hint = "; several inputs are one entry, as in ([a, b, c, d], y)" if len(batch) > 3 else ""
        raise DataError(f"a batch must be x, (x, y) or (x, y, sample_weight), received a {type(batch).__name__} of {len(batch)}{hint}")
    return (*batch, None, None)[:3]  # type: ignore[return-value]
