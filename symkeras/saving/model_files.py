"""Models to files and back, in Keras' formats.

- `.keras`: a zip archive of `metadata.json`, `config.json` and `model.weights.h5` (and `assets/`);
- a folder with the same members (`zipped=False`);
- `.weights.h5`: the state alone;
- `.h5`, `.hdf5`: the format of Keras 2 (`symkeras.saving.legacy_files`).

Files are written beside the old ones and take their place at the end. What is read comes from strangers: names stay
inside the archive, sizes are checked before memory is taken, lambdas are refused in safe mode.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.saving.atomic import may_overwrite, replacing
from symkeras.saving.serialization import deserialize_keras_object, object_sharing_scope, serialize_keras_object
from symkeras.saving.state_files import read_state, write_state
from symkeras.saving.state_paths import objects_with_state
from symkeras.saving.weight_store import ReadStore, open_file

KERAS_VERSION = "3.15.1"
"""The version whose formats are written."""

METADATA, CONFIG, WEIGHTS, ASSETS = "metadata.json", "config.json", "model.weights.h5", "assets"
FLOOR = 2**28
EXPANSION = 100
"""A member of an archive above `FLOOR` bytes must not unpack to more than `EXPANSION` times what is stored of it."""
LEGACY = (".h5", ".hdf5")


def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: bool | None = None, include_optimizer: bool = True, **kwargs: Any) -> None:
    """Write architecture, weights, compile settings and the optimizer's state.

    Args:
        model: the model.
        filepath: ends in `.keras`, or in `.h5` for the format of Keras 2; any other name with `zipped=False`.
        overwrite: whether an existing file is replaced without a question.
        zipped: False for a folder instead of an archive.
        include_optimizer: whether the optimizer and its state are written.
        **kwargs: `save_format` of Keras 2, which the name of the file says already.

    Raises:
        ConfigError: a name that says no format, or an unknown argument.
        FileError: the file cannot be written; an old one is unchanged.
    """
    path = Path(filepath)
    if kwargs.pop("save_format", None) not in (None, "keras", "h5", "tf_keras"):
        raise ConfigError("save_format is 'keras' or 'h5', and said by the name of the file")
    if kwargs:
        raise ConfigError(f"save_model: unrecognized keyword arguments {sorted(kwargs)}")
    if zipped is False and path.suffix in (".keras", *LEGACY):
        raise ConfigError(f"with zipped=False the path is that of a folder and has no ending {path.suffix!r}, received {str(path)!r}")
    if zipped is not False and path.suffix not in (".keras", *LEGACY):
        raise ConfigError(f"a model is saved to a file that ends in .keras (or .h5, as in Keras 2), received {str(path)!r}")
    if not may_overwrite(path, overwrite):
        return
    with replacing(path) as temporary:
        if zipped is False:
            temporary.mkdir()
            _write_folder(model, temporary, include_optimizer)
        elif path.suffix == ".keras":
            _write_archive(model, temporary, include_optimizer)
        else:
            from symkeras.saving.legacy_files import write_model

            write_model(model, temporary, include_optimizer)


def load_model(filepath: Any, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """The model in a `.keras` file, a folder with its members, or an `.h5` file of Keras 2 or 3.

    Args:
        filepath: of the file or folder.
        custom_objects: name -> class or function that the file mentions, beside the registered ones.
        compile: whether to compile the model as it was, with the optimizer's state.
        safe_mode: refuse lambdas, whose code could do anything.

    Raises:
        DataError: there is no such file, it is damaged, or its arrays do not fit its architecture.
        ConfigError: the architecture names what is not known, or carries a lambda in safe mode.
    """
    path = Path(filepath)
    if path.is_dir() and (path / CONFIG).exists():
        return _read_folder(path, custom_objects, compile, safe_mode)
    if not path.exists():
        raise DataError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise DataError(f"the folder {str(path)!r} has no {CONFIG}: it is not a saved Keras model (SavedModel folders of TensorFlow are not read)")
    if zipfile.is_zipfile(path):
        return _read_archive(path, custom_objects, compile, safe_mode)
    if path.suffix in LEGACY:
        from symkeras.saving.legacy_files import read_model

        return read_model(path, custom_objects, compile, safe_mode)
    raise DataError(f"{str(path)!r} is neither a .keras archive nor an .h5 file of a model")


def save_weights(model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None) -> None:
    """Write the state of a model, without its architecture.

    Args:
        model: a built model.
        filepath: ends in `.weights.h5`, or only in `.h5` for the format of Keras 2.
        overwrite: whether an existing file is replaced without a question.
        max_shard_size: not offered; one file holds all.

    Raises:
        ConfigError: a name that says no format.
        FileError: the file cannot be written; an old one is unchanged.
    """
    path = Path(filepath)
    if max_shard_size is not None:
        raise ConfigError("max_shard_size is not offered: symkeras writes the weights into one file")
    if path.suffix not in LEGACY:
        raise ConfigError(f"weights are saved to a file that ends in .weights.h5, received {str(path)!r}")
    _require_built(model, "save its weights")
    if not may_overwrite(path, overwrite):
        return
    with replacing(path) as temporary, open_file(temporary, "w") as file:
        if path.name.endswith(".weights.h5"):
            write_state(model, file)
        else:
            from symkeras.saving.legacy_files import write_weights

            write_weights(file, model)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Give a model the weights of a `.weights.h5`, `.keras` or `.h5` file; seeds and the optimizer's state where it has them.

    Args:
        model: a built model.
        filepath: of the file.
        skip_mismatch: leave layers that do not fit as they are, with a warning.
        by_name: match layers by their names, not by their order; for files of Keras 2.

    Raises:
        DataError: there is no such file, or it does not fit; the model is unchanged then.
    """
    path = Path(filepath)
    if not path.exists():
        raise DataError(f"there is no file {str(path)!r}")
    _require_built(model, "load weights into it")
    if zipfile.is_zipfile(path):
        if by_name:
            raise ConfigError("by_name is for .h5 files of Keras 2: other files go by the structure of the model")
        with _archive(path) as archive, _weights_of(archive) as file:
            read_state(model, file, skip_mismatch)
        return
    with open_file(path, "r") as file:
        is_legacy = "layer_names" in file.attrs or "layer_names0" in file.attrs or "model_weights" in file
        if is_legacy:
            from symkeras.saving.legacy_files import read_weights

            read_weights(file, model, skip_mismatch, by_name)
        elif by_name:
            raise ConfigError("by_name is for .h5 files of Keras 2: other files go by the structure of the model")
        else:
            read_state(model, file, skip_mismatch)


def _require_built(model: Any, what: str) -> None:
    if not model.built:
        raise SymkerasError(f"model {model.name!r} has no weights yet: call it on data, or build(input_shape), to {what}")


# ---- writing -----------------------------------------------------------------------------------------------------


def _documents(model: Any, include_optimizer: bool) -> dict[str, str]:
    """The JSON members, by name."""
    with object_sharing_scope():
        config = serialize_keras_object(model)
    if not include_optimizer:
        config.pop("compile_config", None)
    metadata = {"keras_version": KERAS_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S")}
    return {METADATA: json.dumps(metadata), CONFIG: json.dumps(config)}


def _write_archive(model: Any, path: Path, include_optimizer: bool) -> None:
    with zipfile.ZipFile(path, "w") as archive, tempfile.TemporaryDirectory(dir=path.parent) as folder:
        for name, text in _documents(model, include_optimizer).items():
            archive.writestr(name, text)
        with open_file(Path(folder) / WEIGHTS, "w") as file:
            write_state(model, file, include_optimizer)
        archive.write(Path(folder) / WEIGHTS, WEIGHTS)
        assets = Path(folder) / ASSETS
        _write_assets(model, assets)
        for member in sorted(assets.rglob("*")):
            if member.is_file():
                archive.write(member, f"{ASSETS}/{member.relative_to(assets).as_posix()}")


def _write_folder(model: Any, path: Path, include_optimizer: bool) -> None:
    for name, text in _documents(model, include_optimizer).items():
        (path / name).write_text(text, "utf-8")
    with open_file(path / WEIGHTS, "w") as file:
        write_state(model, file, include_optimizer)
    _write_assets(model, path / ASSETS)


def _write_assets(model: Any, folder: Path) -> None:
    """Let layers that have files of their own (`save_assets`) write them, each into the folder of its path."""
    for path, obj in objects_with_state(model):
        if hasattr(obj, "save_assets"):
            place = folder / path
            place.mkdir(parents=True, exist_ok=True)
            obj.save_assets(str(place))


# ---- reading -----------------------------------------------------------------------------------------------------


def _archive(path: Path) -> zipfile.ZipFile:
    """The archive, with the sizes and names of its members checked.

    Raises:
        DataError: it is damaged, a member unpacks to far more than is stored, or leads out of the archive.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DataError(f"{str(path)!r} is not a readable archive: {error}") from error
    for member in archive.infolist():
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in member.filename:
            archive.close()
            raise DataError(f"{str(path)!r}: member {member.filename!r} leads out of the archive: refused")
        if member.file_size > FLOOR and member.file_size > EXPANSION * member.compress_size:
            archive.close()
            raise DataError(f"{str(path)!r}: member {member.filename!r} unpacks from {member.compress_size} to {member.file_size} bytes: refused")
    return archive


def _weights_of(archive: zipfile.ZipFile) -> Any:
    """The HDF5 file inside an archive, read in place where it is stored as it is."""
    if WEIGHTS not in archive.namelist():
        raise DataError(f"{archive.filename!r} has no member {WEIGHTS}; symkeras reads weights from HDF5 only")
    source: IO[bytes] = archive.open(WEIGHTS)
    if archive.getinfo(WEIGHTS).compress_type != zipfile.ZIP_STORED:
        source = io.BytesIO(source.read())
    return open_file(source, "r")


def _read_archive(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    with _archive(path) as archive:
        if CONFIG not in archive.namelist():
            raise DataError(f"{str(path)!r} has no member {CONFIG}: it is not a saved model")
        model = model_of(archive.read(CONFIG), path, custom_objects, compile, safe_mode)
        with _weights_of(archive) as file:
            _restore(model, file)
        if any(name.startswith(f"{ASSETS}/") for name in archive.namelist()):
            with tempfile.TemporaryDirectory() as folder:
                for member in archive.infolist():
                    if member.filename.startswith(f"{ASSETS}/") and not member.is_dir():
                        place = Path(folder, member.filename)
                        place.parent.mkdir(parents=True, exist_ok=True)
                        with archive.open(member) as source, place.open("wb") as target:
                            shutil.copyfileobj(source, target)
                _read_assets(model, Path(folder) / ASSETS)
    return model


def _read_folder(path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    model = model_of((path / CONFIG).read_bytes(), path, custom_objects, compile, safe_mode)
    with open_file(path / WEIGHTS, "r") as file:
        _restore(model, file)
    _read_assets(model, path / ASSETS)
    return model


def model_of(text: bytes, path: Path, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool) -> Any:
    """The model that a `config.json` describes, with fresh weights."""
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{str(path)!r}: the architecture is not JSON: {error}") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataError(f"{str(path)!r}: the architecture names no class")
    if not compile:
        config.pop("compile_config", None)
    with object_sharing_scope():
        return deserialize_keras_object(config, custom_objects, safe_mode=safe_mode)


def _restore(model: Any, file: Any) -> None:
    """State from a file, after the slots of the optimizer are made for it."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and not optimizer.built and len(ReadStore(file, "optimizer")) > len(optimizer.variables):
        optimizer.build(model.trainable_variables)
    read_state(model, file)


def _read_assets(model: Any, folder: Path) -> None:
    for path, obj in objects_with_state(model):
        if hasattr(obj, "load_assets") and (folder / path).is_dir():
            obj.load_assets(str(folder / path))


__all__ = ["load_model", "load_weights", "save_model", "save_weights"]
