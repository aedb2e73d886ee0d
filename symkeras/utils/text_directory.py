"""A data set of the text files in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from symkeras.arguments import checked, optional, positive_int
from symkeras.errors import DataError
from symkeras.graph.escaping import printable
from symkeras.utils.directories import Directory


@checked(max_length=optional(positive_int))
def text_dataset_from_directory(directory: Any, labels: Any = "inferred", label_mode: str | None = "int", class_names: Any = None,
                                batch_size: int | None = 32, max_length: int | None = None, shuffle: bool = True, seed: int | None = None,
                                validation_split: float | None = None, subset: str | None = None, follow_links: bool = False, format: str = "tf",
                                verbose: bool = True) -> Any:  # fmt: skip
    """A data set of the texts in a folder, which has a folder for each class.

    Args:
        directory: the folder; .txt files in UTF-8 count.
        labels: "inferred" from the folders, None, or a list of integers, one for each file in the order of their paths.
        label_mode: "int", "categorical" (one-hot), "binary" or None.
        class_names: the folders that count, in their order; all, sorted, when None.
        batch_size: texts of a batch; single texts when None.
        max_length: characters that are kept of a text; all when None.
        shuffle: whether each epoch has an order of its own.
        seed: of the orders, and of the split.
        validation_split: the share of the files that is kept for validation.
        subset: "training", "validation" or "both", which gives a list of two data sets.
        follow_links: whether links to folders are followed.
        format: "tf" or "grain", for which Keras makes other objects; here it is a `PyDataset` for both.
        verbose: whether the numbers of files and classes are printed.

    Returns:
        A `PyDataset` of arrays (B,) of texts, or of pairs of these and labels, as of `image_dataset_from_directory`.

    Raises:
        ConfigError: an argument that is not known, or two that do not go together.
        DataError: no folder, no texts, or a file that is not UTF-8.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("bad", "good"):
        ...         pathlib.Path(folder, name).mkdir()
        ...         _ = pathlib.Path(folder, name, "1.txt").write_text(f"this is {name}")
        ...     texts, classes = text_dataset_from_directory(folder, shuffle=False)[0]
        Found 2 files belonging to 2 classes.
        >>> texts.tolist(), classes.tolist()
        (['this is bad', 'this is good'], [0, 1])
    """

    def load(paths: list[str]) -> np.ndarray:
        texts = np.empty(len(paths), object)
        texts[:] = [_text(path)[:max_length] for path in paths]
        return texts

    source = Directory("text_dataset_from_directory", directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split,
                       subset, follow_links, format, verbose)  # fmt: skip
    return source.datasets((".txt",), "text files", load)


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{path!r} is no text in UTF-8: {printable(error)}") from error
