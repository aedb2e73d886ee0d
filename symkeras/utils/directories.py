"""Files of classes, a folder for each: what `image_dataset_from_directory` and `text_dataset_from_directory` have in common."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.arguments import boolean, fraction, integer, one_of, optional, positive_int, several, text
from symkeras.errors import ConfigError, DataError
from symkeras.saving.places import kind_of, place
from symkeras.utils.batches import Batches, Dataset

LABEL_MODES = ("int", "categorical", "binary", None)
SUBSETS = ("training", "validation", "both", None)


@dataclass(frozen=True)
class Directory:
    """What the arguments of both functions say about files, labels and their order."""

    what: str
    directory: Any
    labels: Any
    label_mode: Any
    class_names: Any
    batch_size: Any
    shuffle: Any
    seed: Any
    validation_split: Any
    subset: Any
    follow_links: Any
    format: Any
    verbose: Any

    def datasets(self, suffixes: tuple[str, ...], things: str, load: Callable[[list[str]], Any]) -> Any:
        """The data set, or for the subset "both" those of training and validation.

        Args:
            suffixes: of the files that count.
            things: what they are called in messages.
            load: the batch of some files.
        """
        self._check()
        mode = None if self.labels is None else self.label_mode
        labels = None if mode is None else self.labels
        seed = int(np.random.randint(int(1e6))) if self.seed is None else self.seed % 2**32
        files, numbers, names = self._indexed(labels, suffixes, seed)
        if mode == "binary" and len(names or ()) != 2:
            raise ConfigError(f"{self.what}: label_mode 'binary' needs exactly 2 classes, found {names}")
        parts = {"both": ("training", "validation")}.get(self.subset, (self.subset,))
        found = [self._dataset(part, files, numbers, names, mode, seed, suffixes, things, load) for part in parts]
        return found if self.subset == "both" else found[0]

    def _check(self) -> None:
        what = self.what
        one_of(*LABEL_MODES)(self.label_mode, f"{what}: label_mode")
        one_of(*SUBSETS)(self.subset, f"{what}: subset")
        one_of("tf", "grain")(self.format, f"{what}: format")
        for name in ("shuffle", "follow_links", "verbose"):
            boolean(getattr(self, name), f"{what}: {name}")
        optional(positive_int)(self.batch_size, f"{what}: batch_size")
        optional(integer())(self.seed, f"{what}: seed")
        optional(several(text))(self.class_names, f"{what}: class_names")
        optional(fraction)(self.validation_split, f"{what}: validation_split")
        if self.labels not in ("inferred", None) and not isinstance(self.labels, (list, tuple)):
            raise ConfigError(f"{what}: labels must be 'inferred', None or a list of integers, one for each file, received {self.labels!r}")
        if self.class_names and self.labels != "inferred":
            raise ConfigError(f"{what}: class_names go with labels='inferred' alone, received labels={self.labels!r}")
        if self.validation_split is not None and not 0 < self.validation_split < 1:
            raise ConfigError(f"{what}: validation_split must lie between 0 and 1, received {self.validation_split!r}")
        if (self.validation_split is None) != (self.subset is None):
            raise ConfigError(f"{what}: validation_split and subset go together, received {self.validation_split!r} and {self.subset!r}")
        if self.validation_split is not None and self.shuffle and self.seed is None:
            raise ConfigError(f"{what}: with validation_split and shuffle a seed keeps training and validation apart, received none")

    def _indexed(self, labels: Any, suffixes: tuple[str, ...], seed: int) -> tuple[list[str], np.ndarray | None, list[str] | None]:
        """The files, the number of the class of each, and the names of the classes, in Keras' order."""
        folder = place(self.directory)
        if kind_of(folder) != "folder":
            raise DataError(f"{self.what}: there is no folder {str(folder)!r}")
        found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        names: list[str] | None = None
        if labels == "inferred":
            names = list(self.class_names) if self.class_names else found
            if not {*names} <= {*found}:
                raise ConfigError(f"{self.what}: class_names must be names of the folders {found}, received {self.class_names!r}")
            each = [(file, k) for k, name in enumerate(names) for file in self._files(folder / name, suffixes)]
        else:
            each = [(file, 0) for file in self._files(folder, suffixes)]
        files = [file for file, _ in each]
        numbers = None if labels is None else np.array([k for _, k in each], "int32")
        if isinstance(labels, (list, tuple)):
            if len(labels) != len(files):
                raise ConfigError(f"{self.what}: labels must be one for each file, received {len(labels)} for {len(files)} files in {str(folder)!r}")
            numbers, names = np.array([integer()(label, f"{self.what}: labels") for label in labels], "int32"), [str(k) for k in sorted({*labels})]
        if self.verbose:
            print(f"Found {len(files)} files." if names is None else f"Found {len(files)} files belonging to {len(names)} classes.")
        if self.shuffle:
            np.random.RandomState(seed).shuffle(files)
            if numbers is not None:
                np.random.RandomState(seed).shuffle(numbers)
        return files, numbers, names

    def _files(self, folder: Path, suffixes: tuple[str, ...]) -> list[str]:
        walk = sorted(os.walk(folder, followlinks=self.follow_links), key=lambda step: step[0])
        return [os.path.join(root, name) for root, _, names in walk for name in sorted(names) if name.lower().endswith(suffixes)]

    def _dataset(self, part: str | None, files: list[str], numbers: Any, names: Any, mode: Any, seed: int, suffixes: Any, things: str,
                 load: Callable[[list[str]], Any]) -> Dataset:  # fmt: skip
        if part is not None:
            cut = len(files) - int(self.validation_split * len(files))
            chosen = slice(0, cut) if part == "training" else slice(cut, None)
            files, numbers = files[chosen], None if numbers is None else numbers[chosen]
            if self.verbose:
                print(f"Using {len(files)} files for {part}.")
        if not files:
            which = f" for {part}" if part else ""
            raise DataError(f"{self.what}: No {things} found{which} in {str(self.directory)!r}; files end in {', '.join(suffixes)}")
        targets = None if numbers is None else _encoded(numbers, mode, len(names))

        def make(chosen: np.ndarray) -> Any:
            batch = load([files[k] for k in chosen])
            return batch if targets is None else (batch, targets[chosen])

        # Keras shuffles the training samples anew in every epoch, those of a validation set of "both" never
        shuffle = bool(self.shuffle) and not (self.subset == "both" and part == "validation")
        made = Batches(len(files), self.batch_size, make, shuffle, seed)
        made.class_names, made.file_paths = names, files
        return made


def _encoded(numbers: np.ndarray, mode: str, count: int) -> np.ndarray:
    if mode == "binary":
        return numbers.astype("float32")[:, None]
    return (numbers[:, None] == np.arange(count)).astype("float32") if mode == "categorical" else numbers
