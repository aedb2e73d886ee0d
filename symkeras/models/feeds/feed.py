"""What a feed is, and which kind is made of which data."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from symkeras.errors import DataError
from symkeras.models.feeds.arrays import Arrays


class Stretch(NamedTuple):
    """Batches that follow each other in one data set.

    Attributes:
        data: the data set.
        batch_size: rows of a batch; the last one of the data set may have fewer.
        batches: their numbers.
        order: of the rows of the data set; None: as they lie.
    """

    data: Arrays
    batch_size: int
    batches: range
    order: np.ndarray | None = None


class Feed:
    """Where the batches of fit, evaluate or predict come from.

    Attributes:
        steps: batches of an epoch, which has fewer where the data end before; None where that shows only at its end.
        at_once: batches of an execution. An epoch has whole ones, where the data have them: so it may have more batches than `steps`.
    """

    steps: int | None = None
    at_once = 1

    @property
    def due(self) -> int | None:
        """Batches of the next epoch; None where that shows only at its end."""
        return None

    def epoch(self) -> Iterator[Stretch]:
        """The batches of the next epoch; to be closed by who does not take them all."""
        raise NotImplementedError

    def rewind(self) -> None:
        """Let the next epoch begin anew, where the data can be gone through again."""

    def split(self, share: float, batch_size: int | None = None, steps: int | None = None) -> tuple[Feed, Feed]:
        """A feed of the first rows, and one of the last `share` of them, of `batch_size` rows and `steps` batches of their own.

        Raises:
            DataError: these data cannot be split.
        """
        raise DataError("validation_split needs arrays: a generator or sequence cannot be split, give validation_data")

    def weigh_classes(self, class_weight: Mapping[int, float]) -> None:
        """Weight rows by the class of their target from now on."""
        raise NotImplementedError


def in_whole(steps: int, at_once: int) -> int:
    """The batches that `steps` batches are in whole executions."""
    return -(-steps // at_once) * at_once


def warn_of_end(done: int, steps: int | None) -> None:
    """Say that the data have ended within an epoch, which ends with them, or before it."""
    where = f"after {done} of {steps} batches of this epoch, which ends with them" if done else "before this epoch, which has no batches"
    warnings.warn(f"the input ran out of data {where}: give fewer steps, or data that repeat, such as a generator without end", stacklevel=2)


def one_batch(data: Arrays) -> Stretch:
    """A data set that is one batch."""
    return Stretch(data, data.rows, range(1))
