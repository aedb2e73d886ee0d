"""`fit_generator` and its like, as Keras 2 spelled what `fit` does on generators and sequences."""

from __future__ import annotations

import math
from typing import Any

from symkeras.errors import ConfigError
from symkeras.models.feeds.indexed import is_indexed
from symkeras.utils.dataset import PyDataset


class GeneratorMethods:
    """A base of `Trainer`.

    `workers`, `use_multiprocessing` and `max_queue_size` are for sequences, whose batches they make ahead, as a `PyDataset` does.
    A generator is run in this thread, batch by batch as they are needed: only one at a time can ask it. A sequence with fewer batches than
    there are steps begins anew within an epoch, as in Keras 2 (in `fit` the epoch ends).
    """

    fit: Any
    evaluate: Any
    predict: Any

    def fit_generator(self, generator: Any, steps_per_epoch: int | None = None, epochs: int = 1, verbose: Any = 1, callbacks: Any = None,
                      validation_data: Any = None, validation_steps: int | None = None, class_weight: Any = None, max_queue_size: int = 10,
                      workers: int = 1, use_multiprocessing: bool = False, initial_epoch: int = 0, **kwargs: Any) -> Any:  # fmt: skip
        """`fit` on a generator or sequence.

        Args:
            **kwargs: those of `fit`; and of Keras 1, which counted samples: `samples_per_epoch`, `nb_val_samples`, `nb_epoch`, `max_q_size`,
                `nb_worker`, `pickle_safe`.
            The others are those of `fit` and `PyDataset`.

        Raises:
            ConfigError: samples are counted, and the generator does not say how many make a batch.
        """
        steps_per_epoch = _steps("samples_per_epoch", kwargs, steps_per_epoch, generator)
        validation_steps = _steps("nb_val_samples", kwargs, validation_steps, validation_data)
        workers, use_multiprocessing, max_queue_size = _of_keras_1(kwargs, workers, use_multiprocessing, max_queue_size)
        return self.fit(
            _with_workers(generator, workers, use_multiprocessing, max_queue_size), steps_per_epoch=steps_per_epoch, epochs=epochs,
            verbose=verbose, callbacks=callbacks, validation_data=validation_data, validation_steps=validation_steps,
            class_weight=class_weight, initial_epoch=initial_epoch, **kwargs,
        )  # fmt: skip

    def evaluate_generator(self, generator: Any, steps: int | None = None, max_queue_size: int = 10, workers: int = 1,
                           use_multiprocessing: bool = False, **kwargs: Any) -> Any:  # fmt: skip
        """`evaluate` on a generator or sequence; `val_samples` counts samples, as in Keras 1."""
        steps = _steps("val_samples", kwargs, steps, generator)
        workers, use_multiprocessing, max_queue_size = _of_keras_1(kwargs, workers, use_multiprocessing, max_queue_size, "evaluate_generator")
        return self.evaluate(_with_workers(generator, workers, use_multiprocessing, max_queue_size), steps=steps, verbose=0)

    def predict_generator(self, generator: Any, steps: int | None = None, max_queue_size: int = 10, workers: int = 1,
                          use_multiprocessing: bool = False, verbose: Any = 0, **kwargs: Any) -> Any:  # fmt: skip
        """`predict` on a generator or sequence; `val_samples` counts samples, as in Keras 1."""
        steps = _steps("val_samples", kwargs, steps, generator)
        workers, use_multiprocessing, max_queue_size = _of_keras_1(kwargs, workers, use_multiprocessing, max_queue_size, "predict_generator")
        return self.predict(_with_workers(generator, workers, use_multiprocessing, max_queue_size), steps=steps, verbose=verbose)


def _steps(name: str, kwargs: dict[str, Any], steps: int | None, source: Any) -> int | None:
    """The number of batches where Keras 1 counted samples."""
    if name not in kwargs:
        return steps
    samples = kwargs.pop(name)
    if hasattr(source, "batch_size"):
        return math.ceil(samples / source.batch_size)
    if not hasattr(source, "__next__"):
        return steps  # arrays and sequences have an end
    raise ConfigError(f"{name}={samples!r} counts samples, and the generator has no batch_size: give the number of batches, steps_per_epoch or steps")


def _of_keras_1(kwargs: dict[str, Any], workers: int, use_multiprocessing: bool, max_queue_size: int, only: str = "") -> tuple[int, bool, int]:
    """How batches are made ahead, by the names of Keras 1 where they are given; `only` names a method that takes nothing else."""
    found = kwargs.pop("nb_worker", workers), kwargs.pop("pickle_safe", use_multiprocessing), kwargs.pop("max_q_size", max_queue_size)
    if only and kwargs:
        raise ConfigError(f"{only}: unknown argument {next(iter(kwargs))!r}")
    return found


class _WithWorkers(PyDataset):
    """A sequence that begins anew when it ends, with workers that it was not given itself."""

    repeats = True

    def __init__(self, sequence: Any, workers: int, use_multiprocessing: bool, max_queue_size: int):
        super().__init__(workers, use_multiprocessing, max_queue_size)
        self._sequence = sequence

    @property
    def num_batches(self) -> Any:
        return self._sequence.num_batches if hasattr(self._sequence, "num_batches") else len(self._sequence)

    def __getitem__(self, index: int) -> Any:
        return self._sequence[index]

    def on_epoch_begin(self) -> None:
        getattr(self._sequence, "on_epoch_begin", bool)()

    def on_epoch_end(self) -> None:
        getattr(self._sequence, "on_epoch_end", bool)()


def _with_workers(source: Any, workers: int, use_multiprocessing: bool, max_queue_size: int) -> Any:
    is_sequence = is_indexed(source) and not isinstance(source, (list, tuple, dict))
    return _WithWorkers(source, workers, use_multiprocessing, max_queue_size) if is_sequence and not hasattr(source, "__array__") else source
