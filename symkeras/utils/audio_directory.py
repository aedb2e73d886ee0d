"""A data set of the sounds in a folder."""

from __future__ import annotations

import wave
from typing import Any

import numpy as np

from symkeras.arguments import checked, optional, positive_int
from symkeras.errors import ConfigError, DataError
from symkeras.graph.escaping import printable
from symkeras.utils.directories import Directory


@checked(sampling_rate=optional(positive_int), output_sequence_length=optional(positive_int))
def audio_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
                                 batch_size: int | None = 32, sampling_rate: int | None = None, output_sequence_length: int | None = None,
                                 ragged: bool = False, shuffle: bool = True, seed: int | None = None, validation_split: float | None = None,
                                 subset: str | None = None, follow_links: bool = False, verbose: bool = True) -> Any:  # fmt: skip
    """A data set of the .wav files in a folder, which has a folder for each class.

    Args:
        directory: the folder; .wav files of 16 bits count, as numbers from -1 to 1.
        labels: "inferred" from the folders, None, or a list of integers, one for each file in the order of their paths.
        label_mode: "int", "categorical" (one-hot), "binary" or None.
        class_names: the folders that count, in their order; all, sorted, when None.
        batch_size: sounds of a batch; single sounds when None.
        sampling_rate: what the files must have; nothing is sampled anew.
        output_sequence_length: samples that every sound is cut, or filled up with zeros, to; the longest of each batch when None.
        ragged: True is refused: sounds of a batch have one length.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders, and of the split.
        validation_split: the share of the files that is kept for validation.
        subset: "training", "validation" or "both", which gives a list of two data sets.
        follow_links: whether links to folders are followed.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A `PyDataset` of arrays (B, T, C), or of pairs of these and labels, as of `image_dataset_from_directory`.

    Raises:
        ConfigError: an argument that is not known, or two that do not go together.
        DataError: no folder, no sounds, a file that is no .wav of 16 bits, of another rate, or of another number of channels than the others.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     pathlib.Path(folder, "hum").mkdir()
        ...     with wave.open(str(pathlib.Path(folder, "hum", "1.wav")), "wb") as file:
        ...         file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...         file.writeframes(np.array([0, 16384], "<i2").tobytes())
        ...     sounds, classes = audio_dataset_from_directory(folder)[0]
        Found 1 files belonging to 1 classes.
        >>> sounds.tolist(), classes.tolist()
        ([[[0.0], [0.5]]], [0])
    """
    if ragged:
        raise ConfigError("audio_dataset_from_directory: ragged=True is not offered: sounds of a batch have one length")

    def load(paths: list[str]) -> np.ndarray:
        sounds = [_sound(path, sampling_rate) for path in paths]
        length = max(map(len, sounds), default=0) if output_sequence_length is None else output_sequence_length
        channels = {s.shape[1] for s in sounds}
        if len(channels) > 1:
            raise DataError(f"the sounds of a batch have {sorted(channels)} channels: {paths[:3]} ...; they must have one number of them")
        batch = np.zeros((len(sounds), length, *channels), np.float32)
        for k, sound in enumerate(sounds):
            batch[k, : len(sound)] = sound[:length]
        return batch

    source = Directory("audio_dataset_from_directory", directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
                       subset, follow_links, "tf", verbose)  # fmt: skip
    return source.datasets((".wav",), "audio files", load)


def _sound(path: str, rate: int | None) -> np.ndarray:
    """The samples (T, C) of a file."""
    try:
        with wave.open(path, "rb") as file:
            if file.getsampwidth() != 2:
                raise DataError(f"{path!r} has samples of {8 * file.getsampwidth()} bits, expected 16")
            if rate is not None and file.getframerate() != rate:
                raise DataError(f"{path!r} has {file.getframerate()} samples a second, sampling_rate asks for {rate}; nothing is sampled anew")
            channels, stored = file.getnchannels(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataError(f"{path!r} is no .wav file that can be read: {printable(error)}") from error
    whole = len(stored) // (2 * channels) * channels
    return (np.frombuffer(stored, "<i2", whole).astype(np.float32) / 32768.0).reshape(-1, channels)
