"""Models to files and back, in Keras' formats.

- `.keras`: a zip archive of `metadata.json`, `config.json` and `model.weights.h5` (and `assets/`);
- a folder with the same members (`zipped=False`);
- `.weights.h5`: the state alone; `.weights.json`: the same in several files (`symkeras.saving.sharded_weights`);
- `.safetensors`: the weights alone (`symkeras.saving.safetensors_files`);
- `.h5`, `.hdf5`: the format of Keras 2 (`symkeras.saving.legacy_files`).

Files are written beside the old ones and take their place at the end. What is read comes from strangers: names stay
inside the archive, sizes are checked before memory is taken, lambdas are refused in safe mode.
"""

from __future__ import annotations

import io
import json
import math
import shutil
import tempfile
import time
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.saving import json_text
from symkeras.saving.archives import open_archive
from symkeras.saving.atomic import may_overwrite, replacing, restore_moved
from symkeras.saving.h5_check import building_for
from symkeras.saving.keras2_meanings import parse_version
from symkeras.saving.legacy_configs import modernised
from symkeras.saving.places import kind_of, place, read_small, require_file
from symkeras.saving.safetensors_files import read_safetensors, write_safetensors
from symkeras.saving.serialization import (
    CustomObjectScope,
    config_errors,
    deserialize_keras_object,
    object_sharing_scope,
    serialize_whole,
)
from symkeras.saving.shard_sets import shards_beside
from symkeras.saving.sharded_weights import INDEX, read_sharded, write_sharded
from symkeras.saving.state_files import read_state, write_state
from symkeras.saving.state_paths import objects_with_state
from symkeras.saving.weight_store import ReadStore, WriteStore, reading_file, writing_file

KERAS_VERSION = "3.15.1"
"""The version whose formats are written."""

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
LEGACY = (".h5", ".hdf5")
SAFETENSORS = ".safetensors"


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True, **kwargs: Any) -> None:
    """Write architecture, weights, compile settings and the optimizer's state.

    Args:
        model: the model.
        filepath: ends in `.keras`, or in `.h5` for the format of Keras 2; any other name with `zipped=False`. Its folder must be there, but
            that of an `.h5` file is made. Or a file that is open for writing bytes, as `io.BytesIO()`: a `.keras` archive goes there.
        overwrite: whether an existing file is replaced without a question.
        zipped: False for a folder instead of an archive.
        include_optimizer: whether the optimizer and its state are written.
        **kwargs: `save_format` of Keras 2, which the name of the file says already.

    Raises:
        ConfigError: a name that says no format, or an unknown argument.
        FileError: the file cannot be written; an old one is unchanged. It is a FileNotFoundError, too, where there is no such folder.

    >>> import pathlib, tempfile
    >>> from symkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(3, input_shape=(2,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_model(model, pathlib.Path(folder, "model.keras"))
    ...     [file.name for file in pathlib.Path(folder).iterdir()]
    ['model.keras']
    """
    if hasattr(filepath, "write"):
        _save_to(filepath, model, zipped, include_optimizer, kwargs)
        return
    path = place(filepath)
    said = kwargs.pop("save_format", None)
    if said not in (None, "keras", "h5", "tf_keras") or (said is not None and path.suffix not in (".keras", *LEGACY)):
        raise ConfigError(f"The `save_format` argument is deprecated: a name that ends in .keras or .h5 says the format, received {str(path)!r}")
    if kwargs:
        raise ConfigError(f"save_model: the arguments {sorted(kwargs)} are not supported")
    if zipped is False and path.suffix in (".keras", *LEGACY):
        raise ConfigError(f"with zipped=False the path is that of a folder, which should not end in {path.suffix!r}, received {str(path)!r}")
    if zipped is not False and path.suffix not in (".keras", *LEGACY):
        raise ConfigError(f"Invalid filepath extension for saving a model: it ends in .keras (or .h5, as in Keras 2), received {str(path)!r}")
    if not may_overwrite(path, overwrite):
        return
    if path.suffix in LEGACY:
        from symkeras.saving.legacy_files import write_model

        with replacing(path, makes_folder=True) as temporary:
            write_model(model, temporary, include_optimizer)
        return
    documents = _documents(model, include_optimizer)
    with replacing(path, () if zipped is not False else (METADATA, CONFIG, WEIGHTS, ASSETS)) as temporary:
        folder = temporary if zipped is False else temporary.with_name("members")
        folder.mkdir()
        _write_members(model, documents, folder, include_optimizer)
        if zipped is not False:
            _write_archive(folder, temporary)


def _save_to(file: IO[bytes], model: Any, zipped: bool | None, include_optimizer: bool, others: Mapping[str, Any]) -> None:
    """Write an archive into an open file."""
    if zipped is False or others:
        raise ConfigError(f"save_model: an open file takes an archive, without {sorted(others) or 'zipped=False'}")
    documents = _documents(model, include_optimizer)
    with tempfile.TemporaryDirectory() as temporary:
        _write_members(model, documents, Path(temporary), include_optimizer)
        _write_archive(Path(temporary), file)


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """The model in a `.keras` file, a folder with its members, or an `.h5` file of Keras 2 or 3.

    Args:
        filepath: of the file or folder; or an open file that can be read as bytes and sought in, with a `.keras` archive.
        custom_objects: name -> class or function that the file mentions, beside the registered ones.
        compile: whether to compile the model as it was, with the optimizer's state.
        safe_mode: refuse lambdas, whose code could do anything.

    Raises:
        DataError: there is no such file, it is damaged, or its arrays do not fit its architecture.
        ConfigError: the architecture names what is not known, or carries a lambda in safe mode.

    >>> import pathlib, tempfile
    >>> from symkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(3, input_shape=(2,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(pathlib.Path(folder, "model.keras"))
    ...     load_model(pathlib.Path(folder, "model.keras")).output_shape
    (None, 3)
    """
    if hasattr(filepath, "read"):
        return _read_archive(filepath, custom_objects, compile, safe_mode)
    path = place(filepath)
    if kind_of(path) is None:
        restore_moved(path)
    _check_format(path, (".keras", *LEGACY))
    if kind_of(path) == "folder":
        if kind_of(path / CONFIG) is None:
            raise DataError(f"the folder {str(path)!r} has no {CONFIG}: it is no saved Keras model (SavedModel folders of TensorFlow are not read)")
        return _read_folder(path, custom_objects, compile, safe_mode)
    require_file(path)
    if zipfile.is_zipfile(path):
        return _read_archive(path, custom_objects, compile, safe_mode)
    if path.suffix in LEGACY:
        from symkeras.saving.legacy_files import read_model

        with reading(path):
            return read_model(path, custom_objects, compile, safe_mode)
    raise DataError(f"{str(path)!r} is neither a .keras archive nor an .h5 file of a model")


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None,
                 objects_to_skip: Iterable[Any] | None = None) -> None:  # fmt: skip
    """Write the state of a model, without its architecture.

    Args:
        model: a built model.
        filepath: ends in `.weights.h5`; in `.weights.json` for shards; in `.safetensors` for the weights alone; or only in `.h5` for the format
            of Keras 2.
        overwrite: whether existing files are replaced without a question.
        max_shard_size: the most GB (2**30 bytes) of arrays in one file: `m.weights.json` then tells which of the files `m_00000.weights.h5`,
            `m_00001.weights.h5`, ... beside it holds what. One file holds all when None.
        objects_to_skip: layers, optimizers or metrics that are left out, with what is in them; for `.weights.h5` and `.weights.json`.

    Raises:
        ConfigError: a name that says no format, an array larger than `max_shard_size`, or objects to skip for another format.
        FileError: the file cannot be written; an old one is unchanged.

    Example:
        >>> import os, tempfile
        >>> from symkeras import Input, Sequential, layers
        >>> model = Sequential([Input((4,)), layers.Dense(8), layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(os.path.join(folder, "m.weights.json"), max_shard_size=200 / 2**30)
        ...     model.save_weights(os.path.join(folder, "m.safetensors"))
        ...     print(*sorted(os.listdir(folder)))
        m.safetensors m.weights.json m_00000.weights.h5 m_00001.weights.h5
    """
    path = place(filepath)
    if max_shard_size is not None:
        path = _index_of_shards(path, max_shard_size)
    elif path.name.endswith(INDEX):
        raise ConfigError(f"{str(path)!r} is an index of shards: say the most GB that one may have, as max_shard_size")
    elif path.suffix not in (*LEGACY, SAFETENSORS):
        raise ConfigError(f"weights are saved to a file that ends in .weights.h5, .weights.json or .safetensors, received {str(path)!r}")
    skipped = _to_skip(objects_to_skip, path)
    _require_built(model, "save its weights")
    if not may_overwrite(path, overwrite, [] if max_shard_size is None else shards_beside(path)):
        return
    if max_shard_size is not None:
        write_sharded(model, path, max_shard_size, skipped)
        return
    with replacing(path) as temporary:
        if path.suffix == SAFETENSORS:
            write_safetensors(model, temporary)
            return
        with writing_file(temporary) as file:
            if path.name.endswith(".weights.h5"):
                write_state(model, partial(WriteStore, file), skipped=skipped)
            else:
                from symkeras.saving.legacy_files import write_weights

                write_weights(file, model)


def _index_of_shards(path: Path, max_shard_size: Any) -> Path:
    """Where the index of shards goes: beside a name that ends in `.weights.h5`, as in Keras.

    Raises:
        ConfigError: another name, or a size that is none.
    """
    if isinstance(max_shard_size, bool) or not isinstance(max_shard_size, (int, float, np.integer, np.floating)) or not 0 < max_shard_size < math.inf:
        raise ConfigError(f"max_shard_size is a number of GB above 0, received {max_shard_size!r}")
    if path.name.endswith(".weights.h5"):
        warnings.warn(f"shards have an index that ends in .weights.json: {str(path.with_suffix('.json'))!r} is written, not {str(path)!r}")
        return path.with_suffix(".json")
    if not path.name.endswith(INDEX):
        raise ConfigError(f"with max_shard_size weights are saved to a file that ends in .weights.json, received {str(path)!r}")
    return path


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False,
                 objects_to_skip: Iterable[Any] | None = None, **kwargs: Any) -> None:  # fmt: skip
    """Give a model the weights of a file; seeds and the optimizer's state where it has them.

    Args:
        model: a built model.
        filepath: of a `.weights.h5`, `.keras` or `.h5` file, of the index of shards (`.weights.json`), or of a `.safetensors` file, whose arrays
            go to the weights whose paths are their names.
        skip_mismatch: leave layers that do not fit as they are, with a warning; with `.safetensors`, weights.
        by_name: match layers by their names, not by their order; for files of Keras 2.
        objects_to_skip: layers, optimizers or metrics that keep what they have, with what is in them; for `.weights.h5` and `.weights.json`.
        **kwargs: nothing; an argument that there is not is named.

    Raises:
        DataError: there is no such file, or it does not fit; the model is unchanged then.
        ConfigError: `by_name` for another file than `.h5`, objects to skip for another format, an argument that there is not, or a model
            without weights.

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> from symkeras import Sequential, layers
    >>> model = Sequential([layers.Dense(3, input_shape=(2,))])
    >>> other = Sequential([layers.Dense(3, input_shape=(2,))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(model, pathlib.Path(folder, "model.weights.h5"))
    ...     load_weights(other, pathlib.Path(folder, "model.weights.h5"))
    >>> bool(np.array_equal(model.get_weights()[0], other.get_weights()[0]))
    True
    """
    if kwargs:
        raise ConfigError(f"load_weights: the arguments {sorted(kwargs)} are not supported")
    path = place(filepath)
    _check_format(path, (".keras", INDEX, SAFETENSORS, *LEGACY))
    require_file(path)
    skipped = _to_skip(objects_to_skip, path)
    _require_built(model, "load weights into it")
    with reading(path):
        if path.name.endswith(INDEX) or path.suffix == SAFETENSORS or zipfile.is_zipfile(path):
            _refuse_by_name(by_name)
        if path.name.endswith(INDEX):
            read_sharded(model, path, skip_mismatch, skipped)
        elif path.suffix == SAFETENSORS:
            read_safetensors(model, path, skip_mismatch)
        elif zipfile.is_zipfile(path):
            with open_archive(path) as archive, _weights_of(archive) as file:
                read_state(model, partial(ReadStore, file), skip_mismatch)
        else:
            _load_h5(model, path, skip_mismatch, by_name, skipped)


def _load_h5(model: Any, path: Path, skip_mismatch: bool, by_name: bool, skipped: Iterable[Any]) -> None:
    with reading_file(path) as file:
        is_legacy = "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file
        if is_legacy:
            from symkeras.saving.legacy_files import read_weights

            read_weights(file, model, skip_mismatch, by_name)
        else:
            _refuse_by_name(by_name)
            read_state(model, partial(ReadStore, file), skip_mismatch, skipped)


def _check_format(path: Path, endings: tuple[str, ...]) -> None:
    """Raise DataError where nothing lies at a path, and its name is none that files of models have."""
    if kind_of(path) is None and not path.name.endswith(endings):
        raise DataError(f"File format not supported: there is no file {str(path)!r}, and its name ends in none of {', '.join(endings)}")


def _to_skip(objects: Iterable[Any] | None, path: Path) -> list[Any]:
    """The objects to skip; a ConfigError where the format of a file does not go by objects."""
    if objects is not None and not path.name.endswith((".weights.h5", INDEX)):
        raise ConfigError(f"objects_to_skip is for .weights.h5 files and .weights.json, received {str(path)!r}")
    return list(objects or ())


def _refuse_by_name(by_name: bool) -> None:
    if by_name:
        raise ConfigError("by_name is for .h5 files of Keras 2: other files go by the structure of the model")


def _require_built(model: Any, what: str) -> None:
    if not model.built:
        raise ConfigError(f"model {model.name!r} has no weights yet: call it on data, or build(input_shape), to {what}")


# ---- writing -----------------------------------------------------------------------------------------------------


def _documents(model: Any, include_optimizer: bool) -> dict[str, str]:
    """The JSON members, by name."""
    config = serialize_whole(model)
    if not include_optimizer:
        config.pop("compile_config", None)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    return {METADATA: json.dumps(metadata), CONFIG: json.dumps(config)}


def _write_members(model: Any, documents: Mapping[str, str], folder: Path, include_optimizer: bool) -> None:
    for name, text in documents.items():
        (folder / name).write_text(text, "utf-8")
    with writing_file(folder / WEIGHTS) as file:
        write_state(model, partial(WriteStore, file), include_optimizer)
    _write_assets(model, folder / ASSETS)


def _write_archive(folder: Path, path: Path | IO[bytes]) -> None:
    names = [METADATA, CONFIG, WEIGHTS, *(m.relative_to(folder).as_posix() for m in sorted((folder / ASSETS).rglob("*")) if m.is_file())]
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.write(folder / name, name)


def _write_assets(model: Any, folder: Path) -> None:
    """Let layers that have files of their own (`save_assets`) write them, each into the folder of its path."""
    for path, obj in objects_with_state(model):
        if hasattr(obj, "save_assets"):
            own = folder / path
            own.mkdir(parents=True, exist_ok=True)
            obj.save_assets(str(own))


# ---- reading -----------------------------------------------------------------------------------------------------


@contextmanager
def reading(path: Path | IO[bytes]) -> Iterator[None]:
    """Context in which every error names the file that is read, and is one of ours."""
    try:
        yield
    except SymkerasError as error:
        if str(path) in str(error) or not type(error).__module__.startswith("symkeras."):
            raise
        raise type(error)(f"{str(path)!r}: {error}") from error
    except Exception as error:  # what a file can bring about has no end
        raise DataError(f"{str(path)!r} cannot be read: {error!r}") from error


def _weights_of(archive: zipfile.ZipFile) -> Any:
    """The HDF5 file inside an archive, read in place where it is stored as it is."""
    if WEIGHTS not in archive.namelist():
        raise DataError(f"{archive.filename!r} has no member {WEIGHTS}; symkeras reads weights from HDF5 only")
    source: IO[bytes] = archive.open(WEIGHTS)
    if archive.getinfo(WEIGHTS).compress_type != zipfile.ZIP_STORED:
        source = io.BytesIO(source.read())
    return reading_file(source, f"{archive.filename or 'the archive'}: {WEIGHTS}")


def _read_archive(path: Path | IO[bytes], custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    with reading(path), open_archive(path) as archive:
        if CONFIG not in archive.namelist():
            raise DataError(f"{str(path)!r} has no member {CONFIG}: it is not a saved model")
        with _weights_of(archive) as file:
            documents = {name: archive.read(name) for name in (CONFIG, METADATA) if name in archive.namelist()}
            model = _model_with(file, documents, custom_objects, compile, safe_mode)
        for obj, prefix in _with_assets(model):
            members = [m for m in archive.infolist() if m.filename.startswith(prefix) and not m.is_dir()]
            if members:
                with tempfile.TemporaryDirectory() as folder:
                    for member in members:
                        target = Path(folder, member.filename)
                        target.parent.mkdir(parents=True, exist_ok=True)
                        with archive.open(member) as source, target.open("wb") as written:
                            shutil.copyfileobj(source, written)
                    obj.load_assets(str(Path(folder, prefix)))
    return model


def _read_folder(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    with reading(path):
        for name in (CONFIG, WEIGHTS):
            kind = kind_of(path / name, follow_links=False)
            if kind != "file":
                raise DataError(f"{str(path / name)!r} is {'missing' if kind is None else f'a {kind}, no file'}")
        documents = {name: read_small(path / name) for name in (CONFIG, METADATA) if kind_of(path / name, follow_links=False) == "file"}
        with reading_file(path / WEIGHTS) as file:
            model = _model_with(file, documents, custom_objects, compile, safe_mode)
        for obj, prefix in _with_assets(model):
            if kind_of(path / prefix, follow_links=False) == "folder":
                obj.load_assets(str(path / prefix))
    return model


def _model_with(file: Any, documents: Mapping[str, bytes], custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """The model of an architecture with the state in a file; nothing larger is made than that file can fill."""
    with building_for(file):
        model = _model_of(documents, custom_objects, compile, safe_mode)
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None and not optimizer.built and len(ReadStore(file, "optimizer")) > len(optimizer.variables):
            optimizer.build(model.trainable_variables)
    read_state(model, partial(ReadStore, file))
    return model


def _model_of(documents: Mapping[str, bytes], custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """The model that a `config.json` describes, with fresh weights; `metadata.json`, where it is there, says who wrote it."""
    config = json_text.parse(documents[CONFIG], "the architecture")
    metadata = json_text.parse(documents[METADATA], METADATA) if METADATA in documents else {}
    if not compile and isinstance(config, dict):
        config.pop("compile_config", None)
    return model_of_config(config, custom_objects, safe_mode, metadata.get("keras_version") if isinstance(metadata, dict) else None)


def model_of_config(config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True, version: Any = None) -> Any:
    """The model that a config describes, with fresh weights.

    Args:
        config: of a model.
        custom_objects: name -> class or function, beside the registered ones.
        safe_mode: refuse lambdas.
        version: of the Keras that wrote it; what the config itself says when None.

    Raises:
        ConfigError, DataError: it is not that of a model.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataError("the architecture names no class")
    version = config.get("keras_version") if version is None else version
    with object_sharing_scope():
        if version is not None and parse_version(version) < (3,):
            with CustomObjectScope(custom_objects), config_errors("the architecture"):
                config = modernised(config, version)
        model = deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)
    if not hasattr(model, "save"):
        raise DataError(f"the architecture is that of a {type(model).__name__}, no model")
    return model


def _with_assets(model: Any) -> Iterator[tuple[Any, str]]:
    """Layers that read files of their own, and the folder of each."""
    for path, obj in objects_with_state(model):
        if hasattr(obj, "load_assets"):
            yield obj, f"{ASSETS}/{path}/" if path else f"{ASSETS}/"


__all__ = ["load_model", "load_weights", "save_model", "save_weights"]
