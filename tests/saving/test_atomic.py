"""Saving: the whole new file or the whole old one, nothing else lost, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Sequential, layers, saving
from symkeras.errors import ConfigError
from symkeras.saving import atomic
from symkeras.saving.places import FileError

X = np.ones((1, 6), "float32")
KINDS = [("m.keras", None), ("folder", False), ("m.h5", None), ("m.weights.h5", None), ("m.safetensors", None)]
OF_WEIGHTS = (".weights.h5", ".safetensors")


def model(value: float = 1.0, units: int = 2) -> Any:
    made = Sequential([layers.Input((6,)), layers.Dense(units, name="d")], name="m")
    made.set_weights([np.full(w.shape, value, "f4") for w in made.get_weights()])
    return made


def save(m: Any, path: Path, zipped: bool | None = None) -> None:
    if path.name.endswith(OF_WEIGHTS):
        m.save_weights(path)
    else:
        m.save(path, zipped=zipped)


def saved_value(path: Path) -> float:
    if path.name.endswith(OF_WEIGHTS):
        found = model(0.0)
        found.load_weights(path)
    else:
        found = saving.load_model(path)
    return float(found.get_weights()[0][0, 0])


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def run(code: str, *arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    head = "import os, signal, sys, resource\nfrom pathlib import Path\nfrom tests.saving.test_atomic import *\npath = Path(sys.argv[1])\n"
    return subprocess.run([sys.executable, "-c", head + code, *map(str, arguments)], capture_output=True, text=True, check=False, **options)


# ---- what else is there ----------------------------------------------------------------------------------------------


def test_a_folder_with_other_things_in_it_is_not_replaced(tmp_path: Path) -> None:
    place = tmp_path / "folder"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match=r"notes\.txt"):
        model().save(place, zipped=False)
    assert names(place) == ["notes.txt"] and names(tmp_path) == ["folder"]
    (place / "notes.txt").unlink()
    model(1.0).save(place, zipped=False)
    model(2.0).save(place, zipped=False)
    assert saved_value(place) == 2.0 and names(tmp_path) == ["folder"]
    (place / "notes.txt").write_text("mine")
    with pytest.raises(FileError, match=r"notes\.txt"):
        model(3.0).save(place, zipped=False)
    assert saved_value(place) == 2.0 and (place / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("can_exchange", [True, False])
def test_what_is_put_into_a_folder_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool) -> None:
    place = tmp_path / "folder"
    model(1.0).save(place, zipped=False)
    exchanged = atomic._exchanged

    def with_notes(a: Path, b: Path) -> bool:
        (place / "notes.txt").write_text("mine")
        return can_exchange and exchanged(a, b)

    monkeypatch.setattr(atomic, "_exchanged", with_notes)
    with pytest.raises(FileError, match=r"notes\.txt"):
        model(2.0).save(place, zipped=False)
    assert saved_value(place) == 1.0 and (place / "notes.txt").read_text() == "mine"
    assert names(tmp_path) == ["folder"]


def test_a_file_system_without_exchange_replaces_folders_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_exchanged", lambda a, b: False)
    for value in (1.0, 2.0):
        model(value).save(tmp_path / "folder", zipped=False)
        assert saved_value(tmp_path / "folder") == value
    assert names(tmp_path) == ["folder"]


def test_pipes_and_devices_are_not_replaced_and_links_stay_links(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.keras")
    with pytest.raises(FileError, match="a pipe lies there"):
        model().save(tmp_path / "pipe.keras")
    (tmp_path / "null.keras").symlink_to("/dev/null")
    with pytest.raises(FileError, match="a device lies there"):
        model().save(tmp_path / "null.keras")
    (tmp_path / "circle.keras").symlink_to(tmp_path / "circle.keras")
    with pytest.raises(FileError, match="circle"):
        model().save(tmp_path / "circle.keras")
    (tmp_path / "real").mkdir()
    (tmp_path / "link.keras").symlink_to(tmp_path / "real" / "m.keras")
    for value in (1.0, 2.0):
        model(value).save(tmp_path / "link.keras")
        assert (tmp_path / "link.keras").is_symlink() and saved_value(tmp_path / "real" / "m.keras") == value
    assert names(tmp_path / "real") == ["m.keras"]


@pytest.mark.parametrize(("name", "zipped"), KINDS)
def test_modes_follow_the_umask_and_then_the_old_file(tmp_path: Path, name: str, zipped: bool | None) -> None:
    path = tmp_path / name
    before = os.umask(0o027)
    try:
        save(model(), path, zipped)
        is_folder = path.is_dir()
        assert path.stat().st_mode & 0o777 == (0o750 if is_folder else 0o640)
        path.chmod(0o700 if is_folder else 0o604)
        save(model(2.0), path, zipped)
        assert path.stat().st_mode & 0o777 == (0o700 if is_folder else 0o604)
        for inner in path.rglob("*"):
            assert inner.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(before)


# ---- killed in the middle --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "zipped"), KINDS)
def test_parts_of_a_killed_writer_are_removed_by_the_next_save_to_the_same_place(tmp_path: Path, name: str, zipped: bool | None) -> None:
    path = tmp_path / name
    save(model(1.0), path, zipped)
    code = "from symkeras.saving import atomic\natomic.sync = lambda path: os.kill(os.getpid(), signal.SIGKILL)\n"
    for _ in range(3):
        done = run(code + f"save(model(2.0), path, {zipped})", path)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert len(names(tmp_path)) == 2, "each save removes what the one before left"
    assert saved_value(path) == 1.0
    other = tmp_path / f"other_{name}"
    save(model(5.0), other, zipped)
    assert len(names(tmp_path)) == 3, "a save to another place leaves it alone"
    save(model(3.0), path, zipped)
    assert saved_value(path) == 3.0 and names(tmp_path) == sorted([name, other.name])


def test_a_folder_moved_aside_by_a_killed_writer_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    model(1.0).save(path, zipped=False)
    code = """
from symkeras.saving import atomic
atomic._exchanged = lambda a, b: False
replace = os.replace
def killed(a, b):
    if Path(b) == path:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(a, b)
os.replace = killed
model(2.0).save(path, zipped=False)
"""
    assert run(code, path).returncode == -signal.SIGKILL
    assert not path.exists()
    assert saved_value(path) == 1.0, "loading finds it"
    assert names(tmp_path) == ["folder"]


def test_a_writer_does_not_remove_the_parts_of_one_that_is_alive(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    inside, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with atomic.replacing(path) as temporary:
            temporary.write_text("slow")
            inside.set()
            go_on.wait(60)

    thread = threading.Thread(target=slow)
    thread.start()
    inside.wait(60)
    model(2.0).save(path)
    assert len(names(tmp_path)) == 2
    go_on.set()
    thread.join()
    assert path.read_text() == "slow" and names(tmp_path) == ["m.keras"]


def test_a_file_system_without_locks_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    for value in (1.0, 2.0):
        model(value).save(tmp_path / "m.keras")
        assert saved_value(tmp_path / "m.keras") == value and names(tmp_path) == ["m.keras"]


# ---- no room, no rights ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "zipped"), KINDS)
def test_a_full_disk_gives_our_error_and_leaves_the_old_file(tmp_path: Path, name: str, zipped: bool | None) -> None:
    path = tmp_path / name
    save(model(1.0), path, zipped)
    code = f"""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
large = model(2.0, 50_000)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    save(large, path, {zipped})
except FileError as error:
    print(error)
"""
    done = run(code, path)
    assert done.returncode == 0, done.stderr
    assert name in done.stdout and "File too large" in done.stdout and "unchanged" in done.stdout
    assert saved_value(path) == 1.0 and names(tmp_path) == [name]


@pytest.mark.parametrize(("name", "zipped"), KINDS)
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become a user without rights")
def test_a_folder_without_rights_gives_our_error(tmp_path: Path, name: str, zipped: bool | None) -> None:
    code = f"""
m = model()
os.setuid(65534)
try:
    save(m, path, {zipped})
except FileError as error:
    print(error)
"""
    for parent in (Path("/proc"), Path("/usr")):
        done = run(code, parent / name)
        assert done.returncode == 0, done.stderr
        assert name in done.stdout and "cannot write" in done.stdout


@pytest.mark.parametrize("name", [".", "/x", "a//b", "a\0b", "\ud800", "x" * 100_000, "top_level_model_weights"])
@pytest.mark.parametrize(("file", "zipped"), KINDS)
def test_names_of_layers_that_a_file_does_not_take_are_named(tmp_path: Path, name: str, file: str, zipped: bool | None) -> None:
    named = Sequential([layers.Input((6,)), layers.Dense(2, name=name)])
    try:
        save(named, tmp_path / file, zipped)
    except ConfigError as error:
        assert "no name that an HDF5 file takes" in str(error) and len(str(error)) < 400
        assert names(tmp_path) == []
    else:
        named.load_weights(tmp_path / file / "model.weights.h5" if zipped is False else tmp_path / file)


@pytest.mark.parametrize("length", [200, 240, 250])
def test_long_names_are_saved_as_long_as_the_system_takes_them(tmp_path: Path, length: int) -> None:
    path = tmp_path / ("ä" * ((length - 6) // 2) + ".keras")
    model(4.0).save(path)
    assert saved_value(path) == 4.0 and len(names(tmp_path)) == 1
