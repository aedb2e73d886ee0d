"""`KerasFileEditor`: looking into a file of weights and changing what is in it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from symkeras.arguments import checked, real_numbers, text
from symkeras.errors import ConfigError
from symkeras.saving.archives import open_archive
from symkeras.saving.atomic import replacing
from symkeras.saving.model_files import _weights_of, reading
from symkeras.saving.places import place, require_file
from symkeras.saving.state_paths import objects_with_state
from symkeras.saving.weight_store import WriteStore, array, reading_file, writing_file


class KerasFileEditor:
    """The weights of a `.keras` or `.weights.h5` file as dicts within dicts, to look at, to change and to write again.

    Args:
        filepath: of the file; it is read at once, and changed by `save` alone.

    Attributes:
        weights_dict: part of a path -> dict, name of a weight -> array.

    Raises:
        ConfigError: a name with another ending.
        DataError: there is no such file, or it is damaged.

    Example:
        >>> import os, tempfile
        >>> from symkeras import Input, Sequential, layers
        >>> folder = tempfile.mkdtemp()
        >>> Sequential([Input((2,)), layers.Dense(3)]).save_weights(os.path.join(folder, "a.weights.h5"))
        >>> editor = KerasFileEditor(os.path.join(folder, "a.weights.h5"))
        >>> editor.summary()
        layers/dense
          0: (2, 3) float32
          1: (3,) float32
        >>> editor.rename_object("dense", "head")
        >>> editor.save(os.path.join(folder, "b.weights.h5"))
    """

    def __init__(self, filepath: Any):
        path = place(filepath)
        if not path.name.endswith((".keras", ".weights.h5")):
            raise ConfigError(f"KerasFileEditor: a file ends in .keras or .weights.h5, received {str(path)!r}")
        require_file(path)
        self.filepath = str(path)
        with reading(path):
            if zipfile.is_zipfile(path):
                with open_archive(path) as archive, _weights_of(archive) as file:
                    self.weights_dict = _read(file)
            else:
                with reading_file(path) as file:
                    self.weights_dict = _read(file)

    def summary(self) -> None:
        """Print the objects of the file with their weights."""
        for path, weights in _objects(self.weights_dict):
            print(path or "(the model itself)")
            for name, value in weights.items():
                print(f"  {name}: {value.shape} {value.dtype}")

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Hold the file against a model, and print where they differ.

        Args:
            reference_model: a built model.

        Returns:
            {"status": "success" or "error", "error_count": objects that one lacks, and weights that differ, "match_count": weights that fit}.
        """
        expected: dict[str, dict[str, Any]] = {}
        for path, obj in objects_with_state(reference_model):
            own: dict[str, Any] = {}
            obj.save_own_variables(own)
            if own:
                expected[path] = own
        found = dict(_objects(self.weights_dict))
        errors = matches = 0
        for path in dict.fromkeys((*expected, *found)):
            mine, theirs = found.get(path, {}), expected.get(path, {})
            if not mine or not theirs:
                errors += 1
                print(f"{path} is in the {'file' if mine else 'model'} alone")
                continue
            for name in dict.fromkeys((*theirs, *mine)):
                shapes = [np.shape(side[name]) if name in side else None for side in (mine, theirs)]
                if shapes[0] == shapes[1]:
                    matches += 1
                    continue
                errors += 1
                print(f"{path}/{name}: {_shown(shapes[0])} in the file, {_shown(shapes[1])} in the model")
        return {"status": "error" if errors else "success", "error_count": errors, "match_count": matches}

    @checked(object_name=text, new_name=text)
    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: its path, or its name where no other object has that.
            new_name: a name, no path.

        Raises:
            ConfigError: there is no such object or several, or the new name is taken or a path.
        """
        if "/" in new_name:
            raise ConfigError(f"KerasFileEditor: the new name is one name, no path, received {new_name!r}")

        def rename(folder: dict[str, Any], name: str) -> None:
            if new_name in folder:
                raise ConfigError(f"KerasFileEditor: there is a {new_name!r} beside {name!r} already")
            items = [(new_name if key == name else key, value) for key, value in folder.items()]
            folder.clear()
            folder.update(items)

        self._edit(object_name, rename)

    @checked(object_name=text)
    def delete_object(self, object_name: str) -> None:
        """Leave an object out, with all that lies below it."""
        self._edit(object_name, lambda folder, name: folder.pop(name))

    @checked(object_path=text)
    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Add an object.

        Args:
            object_path: its path; what lies above it is there.
            weights: name, usually "0", "1", ..., -> array.

        Raises:
            ConfigError: nothing lies above it, it is there already, or the weights are no arrays by name.
        """
        *above, name = object_path.split("/")
        folder = self.weights_dict
        for part in above:
            folder = folder.get(part)  # type: ignore[assignment]
            if not isinstance(folder, dict):
                raise ConfigError(f"KerasFileEditor: there is no object {'/'.join(above)!r} to put {name!r} into")
        if name in folder:
            raise ConfigError(f"KerasFileEditor: there is an object {object_path!r} already")
        folder[name] = _arrays(weights)

    @checked(object_name=text)
    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Give an object more weights, or others in the place of those of the same names."""
        given = _arrays(weights)
        self._edit(object_name, lambda folder, name: folder[name].update(given))

    @checked(object_name=text, weight_name=text)
    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Leave a weight of an object out.

        Raises:
            ConfigError: the object has no such weight.
        """

        def delete(folder: dict[str, Any], name: str) -> None:
            if isinstance(folder[name].get(weight_name), (dict, type(None))):
                raise ConfigError(f"KerasFileEditor: object {name!r} has no weight {weight_name!r}")
            del folder[name][weight_name]

        self._edit(object_name, delete)

    def save(self, filepath: Any) -> None:
        """Write a `.weights.h5` file.

        Raises:
            ConfigError: a name with another ending.
            FileError: the file cannot be written; an old one is unchanged.
        """
        path = place(filepath)
        if not path.name.endswith(".weights.h5"):
            raise ConfigError(f"KerasFileEditor writes to a file that ends in .weights.h5, received {str(path)!r}")
        with replacing(path) as temporary, writing_file(temporary) as file:
            for where, weights in _objects(self.weights_dict):
                store = WriteStore(file, where, None)
                for name, value in weights.items():
                    store[name] = value

    resave_weights = save

    def _edit(self, object_name: str, edit: Callable[[dict[str, Any], str], Any]) -> None:
        """Let `edit` change the dict that an object lies in."""
        *above, name = object_name.split("/")
        places = _folders(self.weights_dict, ())
        found = [folder for path, folder in places if isinstance(folder.get(name), dict) and (not above or path == tuple(above))]
        if len(found) != 1:
            what = "no object" if not found else f"{len(found)} objects called"
            raise ConfigError(f"KerasFileEditor: there is {what} {object_name!r}" + ("; give its whole path" if found else ""))
        edit(found[0], name)


def _read(group: Any) -> dict[str, Any]:
    """The arrays below a group of a file, those of an object beside the objects below it."""
    found: dict[str, Any] = {}
    for name in group:
        child = group[name]
        if not hasattr(child, "keys"):
            found[str(name)] = array(group, str(name))
        elif str(name) == "vars":
            found.update(_read(child))
        else:
            found[str(name)] = _read(child)
    return found


def _folders(tree: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    yield path, tree
    for name, child in tree.items():
        if isinstance(child, dict):
            yield from _folders(child, (*path, name))


def _objects(tree: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, weights) of everything that has weights of its own."""
    for parts, folder in _folders(tree, ()):
        own = {name: value for name, value in folder.items() if not isinstance(value, dict)}
        if own:
            yield "/".join(parts), own


def _arrays(weights: Any) -> dict[str, Any]:
    if not isinstance(weights, Mapping) or not all(isinstance(name, str) and name and "/" not in name for name in weights):
        raise ConfigError(f"KerasFileEditor: weights are a dict of name to array, received {weights!r}")
    return {name: np.asarray(real_numbers(value, f"KerasFileEditor: weight {name!r}")) for name, value in weights.items()}


def _shown(shape: Any) -> str:
    return "missing" if shape is None else f"shape {shape}"
