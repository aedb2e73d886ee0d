"""Weights in several files and their index: Keras' layout, safe against strangers, and whole whenever the writer is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import symkeras
from symkeras import Sequential, layers
from symkeras.errors import ConfigError, DataError
from symkeras.saving import sharded_weights
from symkeras.saving.places import FileError
from tests.keras_reference import reference

X, Y = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3), np.ones((4, 2), "float32")
BYTES = 1 / 2**30


def model_of(lib: Any = symkeras, compiled: bool = True) -> Any:
    model = lib.Sequential([
        lib.Input((3,)), lib.layers.Dense(5, name="a"), lib.layers.BatchNormalization(name="b"), lib.layers.Dropout(0.5, seed=1, name="s"),
        lib.layers.Dense(2, name="c"),
    ], name="m")  # fmt: skip
    if compiled:
        model.compile(lib.optimizers.Adam(0.01), "mse")
    return model


def small(value: float = 1.0) -> Any:
    model = Sequential([layers.Input((6,)), layers.Dense(4, name="d"), layers.Dense(5, name="e")], name="small")
    model.set_weights([np.full(w.shape, value, "f4") for w in model.get_weights()])
    return model


def numbers(model: Any) -> list[np.ndarray]:
    return [np.asarray(getattr(v, "value", v)) for v in (*model.variables, *(model.optimizer.variables if model.optimizer else ()))]


def saved(path: Path) -> float:
    model = small(0.0)
    model.load_weights(path)
    found = {float(w) for weights in model.get_weights() for w in weights.ravel()}
    assert len(found) == 1, "all are of one set"
    return found.pop()


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


# ---- there and back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [60, 100, 10_000])
def test_all_state_comes_back_from_shards_of_any_size(tmp_path: Path, size: int) -> None:
    model, other = model_of(), model_of()
    model.fit(X, Y, epochs=2, verbose=0)
    other.optimizer.build(other.trainable_variables)
    path = tmp_path / "m.weights.json"
    model.save_weights(path, max_shard_size=size * BYTES)
    other.load_weights(path)
    assert all(map(np.array_equal, numbers(model), numbers(other)))
    assert model.fit(X, Y, shuffle=False, verbose=0).history == other.fit(X, Y, shuffle=False, verbose=0).history


def test_the_index_and_the_shards_have_the_layout_of_keras(tmp_path: Path) -> None:
    small().save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
    assert names(tmp_path) == ["m.weights.json", "m_00000.weights.h5", "m_00001.weights.h5", "m_00002.weights.h5"]
    first, second, third = names(tmp_path)[1:]
    assert json.loads((tmp_path / "m.weights.json").read_text()) == {
        "metadata": {"total_size": 4 * (6 * 4 + 4 + 4 * 5 + 5)},
        "weight_map": {"/layers/dense/vars": [first, second], "/layers/dense_1/vars": [second, third]},
    }  # fmt: skip
    with h5py.File(tmp_path / second) as file:
        found = {name: place.shape for name in ("layers/dense/vars/1", "layers/dense_1/vars/0") if (place := file[name])}
        assert found == {"layers/dense/vars/1": (4,), "layers/dense_1/vars/0": (4, 5)} and file["layers/dense/vars"].attrs["name"] == "d"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("size", [60, 10_000])
def test_keras_reads_our_shards_and_we_read_its_own_and_training_goes_on(tmp_path: Path, size: int) -> None:
    keras = reference()
    for k, (writer, reader) in enumerate(((symkeras, keras), (keras, symkeras))):
        model, other = model_of(writer), model_of(reader)
        model.layers[2].rate = other.layers[2].rate = 0.0
        model.fit(X, Y, epochs=2, verbose=0)
        other.optimizer.build(other.trainable_variables)
        path = tmp_path / f"{k}.weights.json"
        model.save_weights(path, max_shard_size=size * BYTES)
        other.load_weights(path)
        weights = [[np.asarray(getattr(w, "value", w)) for w in m.weights] for m in (model, other)]
        assert all(map(np.array_equal, *weights))
        histories = [m.fit(X, Y, epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, other)]
        np.testing.assert_allclose(*histories, rtol=1e-4)


def test_layers_that_do_not_fit_are_left_with_a_warning_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    small(3.0).save_weights(path, max_shard_size=100 * BYTES)
    other = Sequential([layers.Input((6,)), layers.Dense(4), layers.Dense(7)])
    before = [w.copy() for w in other.get_weights()]
    with pytest.raises(DataError, match=r"m\.weights\.json.*\n.*dense_1.*shape"):
        other.load_weights(path)
    assert all(map(np.array_equal, before, other.get_weights()))
    with pytest.warns(UserWarning, match="dense_1"):
        other.load_weights(path, skip_mismatch=True)
    assert (other.get_weights()[0] == 3).all() and np.array_equal(other.get_weights()[2], before[2])


def test_a_model_without_weights_has_one_empty_shard(tmp_path: Path) -> None:
    model = Sequential([layers.Input((6,)), layers.ReLU()])
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=1)
    model.load_weights(tmp_path / "m.weights.json")
    assert names(tmp_path) == ["m.weights.json", "m_00000.weights.h5"]


# ---- names and sizes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.json", "m.h5", "m.keras", "m.safetensors", "m"])
def test_with_max_shard_size_the_name_ends_in_weights_json(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.weights\.json, received"):
        small().save_weights(tmp_path / name, max_shard_size=1)
    with pytest.raises(ConfigError, match="max_shard_size"):
        small().save_weights(tmp_path / "m.weights.json")
    assert names(tmp_path) == []


def test_a_name_that_ends_in_weights_h5_is_changed_with_a_warning_as_in_keras(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match=r"m\.weights\.json"):
        small(2.0).save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    assert saved(tmp_path / "m.weights.json") == 2.0 and names(tmp_path) == ["m.weights.json", "m_00000.weights.h5"]


@pytest.mark.parametrize("size", [0, -1, True, "1", float("nan"), float("inf"), [1]])
def test_the_size_of_a_shard_is_a_number_above_nothing(tmp_path: Path, size: Any) -> None:
    with pytest.raises(ConfigError, match="max_shard_size is a number of GB above 0"):
        small().save_weights(tmp_path / "m.weights.json", max_shard_size=size)


def test_an_array_larger_than_a_shard_is_named_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"/layers/dense/vars/0 has 96 bytes, more than .* max_shard_size"):
        small().save_weights(tmp_path / "m.weights.json", max_shard_size=50 * BYTES)
    monkeypatch.setattr(sharded_weights, "SHARDS", 2)
    with pytest.raises(ConfigError, match="more than 2 files"):
        small().save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
    assert names(tmp_path) == []


def test_overwrite_is_asked_once_and_for_shards_without_an_index_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m_00001.weights.h5").write_text("mine")
    with pytest.raises(FileError, match=r"m_00001.*exists"):
        small().save_weights(tmp_path / "m.weights.json", max_shard_size=1, overwrite=False)
    small(1.0).save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "y")
    small(2.0).save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES, overwrite=False)
    assert saved(tmp_path / "m.weights.json") == 2.0 and len(asked) == 1


# ---- killed in the middle --------------------------------------------------------------------------------------------


def run(code: str, *arguments: Any) -> subprocess.CompletedProcess[str]:
    head = "import os, signal, sys\nfrom pathlib import Path\nfrom tests.saving.test_sharded_weights import *\npath = Path(sys.argv[1])\n"
    return subprocess.run([sys.executable, "-c", head + code, *map(str, arguments)], capture_output=True, text=True, check=False)


def interrupted(monkeypatch: pytest.MonkeyPatch, step: int, save: Callable[[], None]) -> bool:
    """Whether saving comes to its `step`th change of the folder; as if killed there, nothing is done from then on."""
    done, real = [0], {name: getattr(os, name) for name in ("replace", "unlink", "rmdir")}
    rmtree = shutil.rmtree

    def counting(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **options: Any) -> Any:
            done[0] += 1
            if done[0] >= step:
                raise KeyboardInterrupt
            return change(*arguments, **options)

        return changed

    def left(*arguments: Any, **options: Any) -> None:
        if done[0] < step:
            rmtree(*arguments, **options)

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink"):
            patched.setattr(os, name, counting(real[name]))
        patched.setattr(Path, "unlink", counting(Path.unlink))
        patched.setattr(shutil, "rmtree", left)
        try:
            save()
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.parametrize("has_old", [False, True])
def test_wherever_a_writer_stops_one_set_is_whole_and_the_next_save_removes_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_old: bool
) -> None:
    path, step, seen = tmp_path / "m.weights.json", 1, set()
    while True:
        if has_old:
            small(1.0).save_weights(path, max_shard_size=100 * BYTES)
            assert len(names(tmp_path)) == 4
        stopped = interrupted(monkeypatch, step, lambda: small(2.0).save_weights(path, max_shard_size=120 * BYTES))
        seen.add(saved(path) if path.exists() else None)
        small(3.0).save_weights(path, max_shard_size=1)
        assert saved(path) == 3.0 and names(tmp_path) == ["m.weights.json", "m_00000.weights.h5"]
        if not has_old:
            for file in tmp_path.iterdir():
                file.unlink()
        if not stopped:
            break
        step += 1
    assert step > 5 and seen == {1.0 if has_old else None, 2.0}


def test_a_killed_writer_leaves_the_old_set_and_the_next_save_removes_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.json"
    small(1.0).save_weights(path, max_shard_size=100 * BYTES)
    code = """
from symkeras.saving import shard_sets
real, count = os.replace, []
def killed(a, b):
    count.append(b)
    if len(count) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
os.replace = killed
small(2.0).save_weights(path, max_shard_size=100 * BYTES)
"""
    assert run(code, path).returncode == -signal.SIGKILL
    assert saved(path) == 1.0 and len(names(tmp_path)) == 7
    small(3.0).save_weights(path, max_shard_size=100 * BYTES)
    assert saved(path) == 3.0 and len(names(tmp_path)) == 4


def test_a_file_system_without_second_names_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    for value in (1.0, 2.0):
        small(value).save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
        assert saved(tmp_path / "m.weights.json") == value and len(names(tmp_path)) == 4


def test_a_save_that_fails_in_the_middle_leaves_the_old_set_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real, count = tmp_path / "m.weights.json", os.replace, []
    small(1.0).save_weights(path, max_shard_size=100 * BYTES)
    before = names(tmp_path)

    def full(a: Any, b: Any) -> None:
        count.append(b)
        if len(count) == 3:
            raise OSError(28, "No space left on device")
        real(a, b)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(FileError, match=r"m\.weights\.json.*No space left.*unchanged"):
        small(2.0).save_weights(path, max_shard_size=100 * BYTES)
    assert saved(path) == 1.0 and names(tmp_path) == before
    with pytest.raises(FileError, match=r"there is no folder|No such file"):
        small().save_weights(tmp_path / "nowhere" / "m.weights.json", max_shard_size=1)


def test_writers_at_the_same_time_leave_the_set_of_one_of_them(tmp_path: Path) -> None:
    path, failed = tmp_path / "m.weights.json", []
    made = [small(float(k)) for k in range(4)]

    def write(model: Any) -> None:
        try:
            for _ in range(5):
                model.save_weights(path, max_shard_size=100 * BYTES)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(model,)) for model in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and saved(path) in range(4) and len(names(tmp_path)) == 4


def test_a_link_to_an_index_leads_to_the_shards_beside_it(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.weights.json").symlink_to(tmp_path / "real" / "m.weights.json")
    small(2.0).save_weights(tmp_path / "link.weights.json", max_shard_size=1)
    assert names(tmp_path / "real") == ["m.weights.json", "m_00000.weights.h5"]
    assert saved(tmp_path / "link.weights.json") == saved(tmp_path / "real" / "m.weights.json") == 2.0


def test_a_folder_at_the_place_of_a_shard_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "m_00001.weights.h5").mkdir()
    with pytest.raises(FileError, match=r"m_00001\.weights\.h5.*a folder lies there"):
        small().save_weights(tmp_path / "m.weights.json", max_shard_size=100 * BYTES)
    assert names(tmp_path) == ["m_00001.weights.h5"]


def test_a_set_that_is_written_over_while_it_is_read_is_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.weights.json"
    small(1.0).save_weights(path, max_shard_size=100 * BYTES)
    reading, opened = sharded_weights._reading_shard, []

    def meanwhile(place: Path) -> Any:
        opened.append(place)
        if len(opened) == 2:
            small(2.0).save_weights(path, max_shard_size=100 * BYTES)
        return reading(place)

    monkeypatch.setattr(sharded_weights, "_reading_shard", meanwhile)
    assert saved(path) == 2.0 and len(opened) == 6


# ---- from strangers --------------------------------------------------------------------------------------------------


def refused(path: Path, match: str) -> None:
    model = small(5.0)
    with pytest.raises(DataError, match=match) as caught:
        model.load_weights(path)
    assert path.name in str(caught.value)
    assert all((w == 5).all() for w in model.get_weights())


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "m.weights.json"
    small(1.0).save_weights(path, max_shard_size=100 * BYTES)
    return path


@pytest.mark.parametrize("name", [
    "../m_00000.weights.h5", "/etc/x.weights.h5", "a/b.weights.h5", "a\\b.weights.h5", "C:x.weights.h5", "m_00000.weights.h5\0", "m.weights.json",
    "x.h5", "..", "", "x" * 300 + ".weights.h5", None, 3, {"a": 1}, [], [["m_00000.weights.h5"]], ["m_00000.weights.h5", "../x.weights.h5"],
])  # fmt: skip
def test_an_index_names_files_beside_it_and_nothing_else(index: Path, name: Any) -> None:
    text = json.loads(index.read_text())
    text["weight_map"]["/layers/dense/vars"] = name
    index.write_text(json.dumps(text))
    refused(index, "no name of a file beside it|names no shard")


@pytest.mark.parametrize(("text", "match"), [
    ("", "JSON"), ("[]", "weight_map"), ("{}", "weight_map"),
    ('{"weight_map": []}', "weight_map"), ('{"weight_map": {}, "metadata": 3}', "weight_map"),
    ('{"weight_map": {"/layers/dense/vars": "m_00000.weights.h5", "/layers/dense/vars": "m_00001.weights.h5"}}', "twice"),
    ("[" * 100_000, "inside of each other"), ('{"weight_map": {}}', "do not fit"),
])  # fmt: skip
def test_an_index_that_is_none_is_refused(index: Path, text: str, match: str) -> None:
    index.write_text(text)
    refused(index, match)


def test_missing_damaged_and_linked_shards_are_named_and_nothing_is_assigned(index: Path) -> None:
    last = index.with_name("m_00002.weights.h5")
    good = last.read_bytes()
    last.unlink()
    refused(index, r"m_00002\.weights\.h5.* is missing")
    last.symlink_to(index.with_name("m_00001.weights.h5"))
    refused(index, r"m_00002\.weights\.h5.* is a link")
    last.unlink()
    last.write_bytes(good[:-20])
    refused(index, r"m_00002\.weights\.h5.*not a readable HDF5 file")
    last.write_bytes(good)
    with h5py.File(last, "r+") as file:
        del file["layers/dense_1/vars/1"]
        file["layers/dense_1/vars/1"] = h5py.ExternalLink("/etc/passwd", "/")
    refused(index, r"m_00002\.weights\.h5.*link to elsewhere")


def test_an_array_in_two_shards_of_one_object_is_refused(index: Path) -> None:
    with h5py.File(index.with_name("m_00001.weights.h5"), "r+") as file:
        file["layers/dense/vars/0"] = np.zeros((6, 4), "f4")
    refused(index, r"m_00001\.weights\.h5.*'0' of layers/dense is also in 'm_00000")


def test_shards_together_do_not_claim_more_than_is_stored(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from symkeras.saving import h5_check

    monkeypatch.setattr(h5_check, "FLOOR", 1000)
    for k in range(3):
        with h5py.File(index.with_name(f"m_{k:05}.weights.h5"), "r+") as file:
            file.create_dataset("large", (200,), "f4", chunks=(10,), fillvalue=1.0)
    monkeypatch.setattr(h5_check, "EXPANSION", 0)
    refused(index, "3 HDF5 files: .*claim")


def test_an_index_that_names_too_many_shards_is_refused(index: Path) -> None:
    text = json.loads(index.read_text())
    text["weight_map"] |= {f"/{k}/vars": f"{k}.weights.h5" for k in range(600)}
    index.write_text(json.dumps(text))
    refused(index, "more than 512")


def test_by_name_is_refused_for_shards(index: Path) -> None:
    with warnings.catch_warnings(), pytest.raises(ConfigError, match="by_name"):
        small().load_weights(index, by_name=True)
