"""`get_file`: what is there is taken, what is fetched is checked, and archives stay inside of their folder."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.utils import get_file


def source(folder: Path, name: str, content: bytes) -> str:
    file = folder / "source" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file.as_uri()


def tar_of(members: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_a_file_is_fetched_once_and_kept(tmp_path: Path) -> None:
    origin = source(tmp_path, "a.txt", b"one")
    kept = Path(get_file(origin=origin, cache_dir=tmp_path))
    assert kept == tmp_path / "datasets" / "a.txt" and kept.read_bytes() == b"one"
    source(tmp_path, "a.txt", b"two")
    assert Path(get_file(origin=origin, cache_dir=tmp_path)).read_bytes() == b"one"
    assert Path(get_file(origin=origin, cache_dir=tmp_path, force_download=True)).read_bytes() == b"two"


def test_an_absolute_path_is_where_a_file_is_kept(tmp_path: Path) -> None:
    source, wanted = tmp_path / "a.txt", tmp_path / "elsewhere" / "b.txt"
    source.write_text("hello")
    assert get_file(str(wanted), source.as_uri(), cache_dir=tmp_path / "cache") == str(wanted)
    assert wanted.read_text() == "hello" and not (tmp_path / "cache").exists()


def test_the_folder_is_that_of_keras_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    assert get_file("b", source(tmp_path, "a.txt", b""), cache_subdir="models") == str(tmp_path / "home" / "models" / "b")


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_file_of_another_hash_is_fetched_again_and_refused_if_it_stays(tmp_path: Path, algorithm: str) -> None:
    right = hashlib.new(algorithm, b"right").hexdigest()
    origin = source(tmp_path, "a.txt", b"right")
    kept = tmp_path / "datasets" / "a.txt"
    kept.parent.mkdir()
    kept.write_bytes(b"old")
    assert Path(get_file(origin=origin, cache_dir=tmp_path, file_hash=right)).read_bytes() == b"right"
    source(tmp_path, "a.txt", b"wrong")
    with pytest.raises(DataError, match="another auto hash"):
        get_file(origin=origin, cache_dir=tmp_path, file_hash=right, force_download=True)


def test_what_is_there_needs_no_network(tmp_path: Path) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "x.npz").write_bytes(b"x")
    assert get_file("x.npz", "https://nowhere.invalid/x.npz", cache_dir=tmp_path).endswith("x.npz")
    with pytest.raises(OSError, match=r"cannot be fetched.*put the file at .*y\.npz"):
        get_file("y.npz", "https://nowhere.invalid/y.npz", cache_dir=tmp_path)
    assert not (tmp_path / "datasets" / "y.npz").exists()


@pytest.mark.parametrize("make", [tar_of, zip_of])
def test_archives_are_unpacked_into_a_folder_of_their_own(tmp_path: Path, make: Any) -> None:
    origin = source(tmp_path, "set.archive", make({"set/a.txt": b"1", "set/deep/b.txt": b"2"}))
    unpacked = Path(get_file("set.tar.gz", origin, extract=True, cache_dir=tmp_path))
    assert unpacked == tmp_path / "datasets" / "set_extracted"
    assert (unpacked / "set" / "deep" / "b.txt").read_bytes() == b"2"
    assert get_file("set.tar.gz", origin, extract=True, cache_dir=tmp_path) == str(unpacked)
    assert get_file("set", origin, extract=True, cache_dir=tmp_path) == str(tmp_path / "datasets" / "set")
    assert (tmp_path / "datasets" / "set_archive").is_file()
    assert sorted(p.name for p in (tmp_path / "datasets").iterdir()) == ["set", "set.tar.gz", "set_archive", "set_extracted"]


@pytest.mark.parametrize(
    "content",
    [
        tar_of({"../out.txt": b"x"}), tar_of({"/out.txt": b"x"}), tar_of({"a/../../out.txt": b"x"}), zip_of({"../out.txt": b"x"}),
        zip_of({"/out.txt": b"x"}), zip_of({"..\\out.txt": b"x"}), tar_of({"l": link("l", "../..", tarfile.SYMTYPE), "l/out.txt": b"x"}),
        tar_of({"l": link("l", "/etc/passwd", tarfile.SYMTYPE)}), tar_of({"l": link("l", "../../source/set", tarfile.LNKTYPE)}),
        tar_of({"d": link("d", "", tarfile.FIFOTYPE)}), b"no archive", b"", tar_of({"a": b"x" * 1000})[:-60],
    ],
    ids=["above", "absolute", "above from within", "zip above", "zip absolute", "zip backslash", "through a link", "link outside", "hard link",
         "pipe", "no archive", "empty", "cut"],
)  # fmt: skip
def test_an_archive_that_leads_out_of_its_folder_or_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    origin = source(tmp_path, "set", content)
    with pytest.raises(DataError, match=r"[a-z]{3}"):
        get_file(origin=origin, extract=True, cache_dir=tmp_path / "cache")
    assert not list(tmp_path.rglob("out.txt"))
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.name not in ("datasets", "set_archive", "set")]


def test_an_archive_that_unpacks_to_far_more_than_it_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symkeras.utils.extraction.FLOOR", 1000)
    monkeypatch.setattr("symkeras.utils.extraction.EXPANSION", 2)
    for k, make in enumerate((tar_of, zip_of)):
        origin = source(tmp_path, f"set{k}", make({"a": bytes(100_000)}))
        with pytest.raises(DataError, match="unpacks to more"):
            get_file(origin=origin, untar=make is tar_of, extract=True, cache_dir=tmp_path)


@pytest.mark.parametrize(
    "given",
    [{}, {"origin": 3}, {"origin": "https://a.invalid/"}, {"origin": "ssh://a/b"}, {"fname": "a/b", "origin": "file:///a"},
     {"fname": "..", "origin": "file:///a"}, {"origin": "file:///a", "hash_algorithm": "sha1"}, {"origin": "file:///a", "archive_format": "rar"},
     {"fname": 3, "origin": "file:///a"}, {"origin": "file:///a", "extract": "maybe"}],
)  # fmt: skip
def test_arguments_that_name_no_file_are_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"get_file|archive_format"):
        get_file(**given, cache_dir=tmp_path)
    assert issubclass(ConfigError, SymkerasError)
