"""The cache of shared objects: what is found again, what is built anew, and what happens where the folder cannot be used."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from symkeras import errors
from symkeras.backend.native.building import cache, self_test, toolchain
from tests.patience import SECONDS

pytestmark = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())

SOURCE = "int answer(void) { return 42; }\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, in a process that has loaded nothing from it."""
    monkeypatch.setenv("SYMKERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SYMKERAS_CACHE_LIMIT", raising=False)
    monkeypatch.setattr(cache, "_refused", {})
    monkeypatch.setattr(cache, "_private", cache._PrivateFolder())
    new_process(monkeypatch)
    return tmp_path / "cache"


def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what this process has loaded."""
    monkeypatch.setattr(cache, "_loaded", {})


def answer(source: str = SOURCE, **options: Any) -> tuple[int, cache.Entry]:
    library, entry = cache.load(source, "answer", **options)
    return library.answer(), entry


def names(folder: Path) -> list[str]:
    """The endings of the files of entries; what a self-test said lies beside them."""
    return sorted(path.suffix for path in folder.iterdir() if path.suffix != ".tested")


def test_an_entry_is_built_once_and_found_by_later_processes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    value, built = answer()
    assert (value, built.was_cached, built.path.parent) == (42, False, place)
    assert built.source.read_text() == SOURCE and built.path.stem == built.source.stem
    again, entry = cache.load(SOURCE, "answer")
    assert again is cache.load(SOURCE, "another name")[0] and entry.was_cached
    new_process(monkeypatch)
    monkeypatch.setattr(toolchain, "build", None)
    value, found = answer()
    assert (value, found.was_cached, found.path) == (42, True, built.path)
    assert names(place) == [".c", ".so"]
    assert cache.describe().startswith(f"native cache: {place}, 1 entries, ")


@pytest.mark.parametrize("change", ["source", "flags", "sanitize", "headers", "compiler", "processor"])
def test_the_key_holds_all_that_decides_what_is_built(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = tmp_path / "include"
    headers.mkdir()
    (headers / "a.h").write_text("int a;")
    monkeypatch.setattr(toolchain, "INCLUDE", headers)
    compiler = toolchain.Compiler(("cc",), "cc 1", False, "cc")
    before = cache._key(SOURCE, compiler, ("-O3",))
    assert before == cache._key(SOURCE, compiler, ("-O3",))
    source, flags = SOURCE, ("-O3",)
    if change == "source":
        source += " "
    elif change == "flags":
        flags = ("-O2",)
    elif change == "sanitize":
        flags = ("-O3", "-g")
    elif change == "headers":
        (headers / "a.h").write_text("int b;")
    elif change == "compiler":
        compiler = toolchain.Compiler(("cc",), "cc 2", False, "cc")
    else:
        monkeypatch.setattr(toolchain, "processor", lambda: "another one")
    assert cache._key(source, compiler, flags) != before


def test_a_cache_moved_to_another_processor_is_built_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = answer()[1]
    monkeypatch.setattr(toolchain, "processor", lambda: "another one")
    value, second = answer()
    assert (value, second.was_cached) == (42, False) and second.path != first.path
    assert names(place) == [".c", ".c", ".so", ".so"]


def corrupt(data: bytes) -> bytes:
    return data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]


@pytest.mark.parametrize(
    "damage",
    [corrupt, lambda d: d[: len(d) // 2], lambda d: d[:-1], lambda d: b"", lambda d: b"short", lambda d: d + b"more"],
    ids=["one bit", "half", "without its end", "empty", "short", "longer"],
)
def test_a_damaged_entry_is_built_anew(damage: Any, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = answer()[1].path
    data = path.read_bytes()
    copy = place.with_name("damaged")  # a new folder: the file that is loaded must not change
    copy.mkdir()
    (copy / path.name).write_bytes(damage(data))
    monkeypatch.setenv("SYMKERAS_CACHE", str(copy))
    new_process(monkeypatch)
    value, entry = answer()
    assert (value, entry.was_cached, entry.path) == (42, False, copy / path.name)
    new_process(monkeypatch)
    assert answer()[1].was_cached


def test_an_entry_that_is_whole_but_cannot_be_loaded_is_built_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = answer()[1].path
    copy = place.with_name("foreign")
    copy.mkdir()
    foreign = copy / path.name
    foreign.write_bytes(b"made for another machine" * 100)
    cache._seal(path.name, foreign)
    monkeypatch.setenv("SYMKERAS_CACHE", str(copy))
    new_process(monkeypatch)
    value, entry = answer()
    assert (value, entry.was_cached, entry.path) == (42, False, foreign)


def test_contents_belong_to_the_key_in_their_name(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SOURCE.replace("42", "43")
    paths = [answer(source)[1].path for source in (SOURCE, other)]
    copy = place.with_name("exchanged")
    copy.mkdir(mode=0o700)
    for path, from_ in zip(paths, reversed(paths), strict=True):
        (copy / path.name).write_bytes(from_.read_bytes())
    monkeypatch.setenv("SYMKERAS_CACHE", str(copy))
    for source, value in ((SOURCE, 42), (other, 43)):
        new_process(monkeypatch)
        found, entry = answer(source)
        assert (found, entry.was_cached) == (value, False)
        renamed = entry.path.with_name(f"renamed-{entry.path.name.partition('-')[2]}")
        assert cache._contents(entry.path) is not None
        renamed.write_bytes(entry.path.read_bytes())
        assert cache._contents(renamed) is not None  # the name before the key is for people


POSIX = pytest.mark.skipif(os.name != "posix", reason="modes and owners as on POSIX")


@POSIX
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o720])
def test_a_folder_that_others_can_write_is_not_used_unless_told(mode: int, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = answer()[1].path
    place.chmod(mode)
    for _ in range(2):
        new_process(monkeypatch)
        value, entry = answer()
        assert (value, entry.was_cached) == (42, False) and entry.path.parent != place
    said = cache.describe()
    assert f"{place} cannot be used (other users can write it, mode {mode:o}; SYMKERAS_CACHE_TRUST=1" in said
    monkeypatch.setenv("SYMKERAS_CACHE_TRUST", "1")
    new_process(monkeypatch)
    value, entry = answer()
    assert (value, entry.was_cached, entry.path) == (42, True, path)
    assert "private" not in cache.describe()
    monkeypatch.delenv("SYMKERAS_CACHE_TRUST")
    place.chmod(0o755)
    new_process(monkeypatch)
    assert answer()[1].was_cached


@POSIX
def test_a_folder_of_another_user_is_not_used(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer()
    if os.geteuid() == 0:
        os.chown(place, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    new_process(monkeypatch)
    assert not answer()[1].was_cached
    assert "it belongs to user" in cache.describe()


@POSIX
def test_an_entry_that_others_can_write_is_built_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = answer()[1].path
    assert path.stat().st_mode & 0o022 == 0
    path.chmod(0o777)
    new_process(monkeypatch)
    value, entry = answer()
    assert (value, entry.was_cached, entry.path) == (42, False, path)
    assert path.stat().st_mode & 0o022 == 0


def test_what_a_self_test_said_is_asked_once_for_a_compiler_and_processor(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def caution(compiler: toolchain.Compiler) -> int:
        asked.append(compiler)
        return 1

    monkeypatch.setattr(toolchain, "cautions", {})
    monkeypatch.setattr(self_test, "caution", caution)
    answer()
    assert len(asked) == 1 and toolchain.cautions == {toolchain.compiler(): 1}
    assert "it failed its self-test, so it builds not for this very processor" in toolchain.describe()
    assert "-march=native" not in " ".join(toolchain.flags(toolchain.compiler(), caution=1))
    monkeypatch.setattr(toolchain, "cautions", {})
    new_process(monkeypatch)
    assert answer()[1].was_cached and len(asked) == 1
    (verdict,) = place.glob("*.tested")
    verdict.write_bytes(verdict.read_bytes().replace(b"1", b"0", 1))  # exchanged: not believed
    monkeypatch.setattr(toolchain, "cautions", {})
    answer()
    assert len(asked) == 2
    monkeypatch.setattr(toolchain, "cautions", {})
    monkeypatch.setattr(toolchain, "processor", lambda: "another one")
    answer()
    assert len(asked) == 3


def test_a_folder_that_cannot_be_made_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMKERAS_CACHE", str(tmp_path / "file" / "cache"))
    value, entry = answer()
    assert value == 42 and tmp_path not in entry.path.parents
    assert "private to this process" in cache.describe() and "Not a directory" in cache.describe()
    folder = entry.path.parent
    assert cache.load(SOURCE.replace("42", "43"), "other")[1].path.parent == folder
    cache._private.remove()
    assert not folder.exists()


def test_without_a_home_the_folder_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("SYMKERAS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    assert cache.folder() is None and answer()[0] == 42
    assert "no home folder" in cache.describe()
    cache._private.remove()


def test_a_full_disk_is_done_without_and_leaves_no_parts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.replace

    def full(source: Any, target: Any) -> None:
        if Path(target).parent == place and Path(target).suffix == ".so":
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    monkeypatch.setattr(os, "replace", full)
    value, entry = answer()
    assert value == 42 and entry.path.parent != place
    assert "No space left on device" in cache.describe()
    assert names(place) == [".c"]
    cache._private.remove()


def test_a_folder_that_cannot_be_written_still_gives_what_it_holds(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    held = answer()[1]
    new_process(monkeypatch)
    for name in ("replace", "utime", "mkdir"):
        monkeypatch.setattr(os, name, refuse)
    value, entry = answer()
    assert (value, entry.was_cached, entry.path) == (42, True, held.path)


def test_an_error_in_the_source_is_no_fault_of_the_folder(place: Path) -> None:
    with pytest.raises(errors.BackendError, match="undeclared") as caught:
        answer("int answer(void) { return nowhere; }")
    kept = next(place.glob("answer-*.c"))
    assert str(kept) in str(caught.value) and "nowhere" in kept.read_text()
    assert "private" not in cache.describe()


def test_what_cannot_be_loaded_anywhere_is_an_error_whose_source_is_kept(place: Path) -> None:
    with pytest.raises(errors.BackendError, match="cannot be stored or loaded") as caught:
        answer("int missing_function(void);\nint answer(void) { return missing_function(); }")
    assert "missing_function" in str(caught.value)
    assert "private" not in cache.describe()
    folder = cache._private.path()
    cache._private.remove()
    assert list(folder.glob("answer-*.c"))
    shutil.rmtree(folder)


def aged(folder: Path, letter: str, size: int, age: float) -> Path:
    """An entry of `size` bytes that was used `age` seconds ago."""
    path = folder / f"old-{letter * 32}.so"
    path.write_bytes(b"x" * size)
    path.with_suffix(".c").write_text("")
    for file in (path, path.with_suffix(".c")):
        os.utime(file, (time.time() - age,) * 2)
    return path


def test_the_folder_is_kept_under_its_limit_and_the_oldest_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.mkdir()
    monkeypatch.setenv("SYMKERAS_CACHE_LIMIT", "1")
    oldest, older, newer, fresh = (aged(place, x, 450_000, age) for x, age in (("a", 9e4), ("b", 8e4), ("c", 7e4), ("d", 1)))
    foreign, part = place / "notes.txt", place / f".old-{'e' * 32}.so.0123456789ab.part"
    for path in (foreign, part):
        path.write_bytes(b"x" * 10)
        os.utime(path, (0, 0))
    entry = answer()[1]
    assert [path.exists() for path in (oldest, older, newer, fresh)] == [False, False, True, True]
    assert [path.with_suffix(".c").exists() for path in (oldest, older, newer, fresh)] == [False, False, True, True]
    assert (foreign.exists(), part.exists(), entry.path.exists(), entry.source.exists()) == (True, False, True, True)


def test_the_folder_is_looked_through_at_the_first_entry_and_then_seldom(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    shrink = cache._shrink
    monkeypatch.setattr(cache, "_SELDOM", 3)
    monkeypatch.setattr(cache, "_shrink", lambda *args, **kwargs: (looked.append(len(list(place.glob("*.so")))), shrink(*args, **kwargs)))
    for k in range(7):
        answer(SOURCE.replace("42", str(100 + k)))
    assert looked == [1, 4, 7]


def test_an_entry_in_use_counts_as_new(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    used = answer()[1].path
    os.utime(used, (1, 1))
    os.utime(used.with_suffix(".c"), (1, 1))
    new_process(monkeypatch)
    assert answer()[1].was_cached and used.stat().st_mtime > 1
    monkeypatch.setenv("SYMKERAS_CACHE_LIMIT", "0")
    answer(SOURCE.replace("42", "43"))
    assert used.exists() and used.with_suffix(".c").exists()


@pytest.mark.parametrize("text", ["plenty", "-1", "inf", "nan"])
def test_a_limit_that_is_no_size_is_an_error_before_anything_is_built(text: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMKERAS_CACHE_LIMIT", text)
    with pytest.raises(errors.ConfigError, match=f"SYMKERAS_CACHE_LIMIT is a size in MiB.*'{text}'"):
        answer()
    assert not place.exists()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SYMKERAS_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a"),
        ({"SYMKERAS_CACHE": "", "XDG_CACHE_HOME": "/b"}, "/b/symkeras"),
        ({"SYMKERAS_CACHE": "", "XDG_CACHE_HOME": "relative"}, "/h/.cache/symkeras"),
        ({"SYMKERAS_CACHE": "~/mine"}, "/h/mine"),
    ],
)
def test_the_folder_follows_the_environment(settings: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HOME": "/h", **settings}.items():
        monkeypatch.setenv(name, value)
    assert cache.folder() == Path(expected)


PROGRAM = """
import sys
from symkeras.backend.native.building import cache
library, entry = cache.load(sys.argv[1], "answer")
print(library.answer(), entry.was_cached)
"""


def test_processes_that_build_the_same_at_once_all_succeed(place: Path, tmp_path: Path) -> None:
    if shutil.which("sh") is None:
        pytest.skip("the slow compiler is a shell script")
    slow, compiler = tmp_path / "slow-cc", " ".join(toolchain.compiler().command)
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in *-shared*) echo >> {tmp_path}/begun; until [ $(wc -l < {tmp_path}/begun) -ge 3 ]; do sleep 0.02; done;; esac\n'
        f'exec {compiler} "$@"\n'
    )
    slow.chmod(0o755)
    environment = {**os.environ, "CC": str(slow)}
    started = [subprocess.Popen([sys.executable, "-c", PROGRAM, SOURCE], env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        assert [p.communicate(timeout=SECONDS)[0].split() for p in started] == [[b"42", b"False"]] * 3
    finally:
        for process in started:
            process.kill()
    assert names(place) == [".c", ".so"]
    last = subprocess.run([sys.executable, "-c", PROGRAM, SOURCE], env=environment, stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    assert last.stdout.split() == [b"42", b"True"]


def run(program: str, *arguments: str) -> list[bytes]:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program, *arguments], stdout=subprocess.PIPE, timeout=SECONDS, check=True)
    return done.stdout.split()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_uses_what_was_loaded_and_loads_more() -> None:
    program = """
import os
from symkeras.backend.native.building import cache
library, _ = cache.load("int answer(void) { return 1; }")
child = os.fork()
if child == 0:
    more, _ = cache.load("int answer(void) { return 20; }")
    os._exit(library.answer() + more.answer() + cache.load("int answer(void) { return 1; }")[0].answer())
print(library.answer(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(program) == [b"1", b"22"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_private_folder_ends_with_the_process_that_made_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SYMKERAS_CACHE", str(tmp_path / "file" / "cache"))
    program = """
import os, sys
from symkeras.backend.native.building import cache
path = cache.load("int answer(void) { return 1; }")[1].path
child = os.fork()
if child == 0:
    print(path, cache.load("int answer(void) { return 2; }")[1].path, flush=True)
    sys.exit()
os.waitpid(child, 0)
print(path.exists(), flush=True)
"""
    first, second, there = run(program)
    assert first.rpartition(b"/")[0] != second.rpartition(b"/")[0] and there == b"True"
    assert not os.path.exists(first) and not os.path.exists(second)


def test_threads_that_want_the_same_build_it_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    built = []
    real = toolchain.build
    monkeypatch.setattr(toolchain, "build", lambda *a, **k: (built.append(1), time.sleep(0.1), real(*a, **k)))
    with ThreadPoolExecutor(3) as pool:
        entries = list(pool.map(lambda _: answer()[0], range(3)))
    assert entries == [42] * 3 and built == [1]
