"""Weights in files of the format safetensors: as others write them, and nothing of what they claim believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers
from symkeras.errors import ConfigError, DataError
from symkeras.saving import json_text, safetensors_files
from symkeras.saving.places import FileError

KERNEL, BIAS = np.arange(6, dtype="<f4").reshape(3, 2), np.array([7, 8], "<f4")


def model_of(units: int = 2, dtype: str | None = None, name: str = "d") -> Any:
    return Sequential([Input((3,)), layers.Dense(units, name=name, dtype=dtype)])


def entry(dtype: str, shape: Any, begin: Any, end: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


GOOD = {"d/kernel": entry("F32", [3, 2], 0, 24), "d/bias": entry("F32", [2], 24, 32)}
DATA = KERNEL.tobytes() + BIAS.tobytes()


def file_of(header: Any, data: bytes = DATA) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def refused(path: Path, content: bytes, match: str) -> None:
    path.write_bytes(content)
    model = model_of()
    before = [w.copy() for w in model.get_weights()]
    with pytest.raises(DataError, match=match) as caught:
        model.load_weights(path)
    assert path.name in str(caught.value) and len(str(caught.value)) < 1000
    assert all(map(np.array_equal, before, model.get_weights()))


# ---- there and back --------------------------------------------------------------------------------------------------


def test_weights_come_back_under_their_paths(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), layers.Dense(4, name="d"), layers.BatchNormalization(name="b"), layers.Dense(2, dtype="float64", name="e")])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save_weights(tmp_path / "m.safetensors")
    other = Sequential([Input((3,)), layers.Dense(4, name="d"), layers.BatchNormalization(name="b"), layers.Dense(2, dtype="float64", name="e")])
    other.load_weights(tmp_path / "m.safetensors")
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))
    content = (tmp_path / "m.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert length % 8 == 0 and header.pop("__metadata__") == {"format": "keras"}
    assert header["e/bias"] == {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}
    assert {*header} == {v.path.partition("/")[2] for v in model.weights}
    assert [p.name for p in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_file_written_by_hand_is_read_in_any_order_and_with_what_else_it_holds(tmp_path: Path) -> None:
    header = {"__metadata__": {"format": "pt"}, "d/bias": entry("F32", [2], 3, 11), "d/kernel": entry("F32", [3, 2], 11, 35),
              "other": entry("U8", [3], 0, 3), "none": entry("I64", [0, 5], 11, 11)}  # fmt: skip
    (tmp_path / "m.safetensors").write_bytes(file_of(json.dumps(header).encode() + b"   ", b"abc" + BIAS.tobytes() + KERNEL.tobytes()))
    model = model_of()
    model.load_weights(tmp_path / "m.safetensors")
    assert np.array_equal(model.get_weights()[0], KERNEL) and np.array_equal(model.get_weights()[1], BIAS)


@pytest.mark.parametrize(("code", "bits", "value"), [
    ("F16", b"\x00\x3e", 1.5), ("BF16", b"\xc0\x3f", 1.5), ("F8_E4M3", b"\x3c", 1.5), ("F8_E5M2", b"\x3e", 1.5),
    ("F64", b"\0\0\0\0\0\0\xf8\x3f", 1.5),
    ("I8", b"\xff", -1.0), ("U16", b"\x01\x02", 513.0), ("BOOL", b"\x01", 1.0),
    ("I64", b"\x03\0\0\0\0\0\0\0", 3.0),
])  # fmt: skip
def test_numbers_of_every_dtype_are_read(tmp_path: Path, code: str, bits: bytes, value: float) -> None:
    if code.startswith(("BF", "F8")):
        pytest.importorskip("ml_dtypes")
    size = len(bits)
    header = {"d/kernel": entry(code, [3, 2], 0, 6 * size), "d/bias": entry(code, [2], 6 * size, 8 * size)}
    (tmp_path / "m.safetensors").write_bytes(file_of(header, bits * 8))
    model = model_of()
    model.load_weights(tmp_path / "m.safetensors")
    assert all((w == value).all() for w in model.get_weights())


@pytest.mark.parametrize(("dtype", "code"), [("bfloat16", "BF16"), ("float8_e4m3fn", "F8_E4M3"), ("float8_e5m2", "F8_E5M2"), ("float16", "F16")])
def test_narrow_weights_are_written_with_their_bits(tmp_path: Path, dtype: str, code: str) -> None:
    pytest.importorskip("ml_dtypes")
    model, other = model_of(dtype=dtype), model_of(dtype=dtype)
    model.save_weights(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))
    assert f'"dtype":"{code}"'.encode() in (tmp_path / "m.safetensors").read_bytes()


def test_weights_with_equal_paths_are_told_apart_by_their_place(tmp_path: Path) -> None:
    class V:
        def __init__(self, path: str):
            self.place = path

    paths = ["a", "a", "a_1", "__metadata__", "a"]
    assert [*safetensors_files._names([V(p) for p in paths])] == ["a", "a_2", "a_1", "__metadata___1", "a_3"]


def test_a_file_of_the_package_is_read_and_it_reads_ours(tmp_path: Path) -> None:
    package = pytest.importorskip("safetensors.numpy")
    package.save_file({"d/kernel": KERNEL, "d/bias": BIAS}, tmp_path / "m.safetensors", {"format": "np"})
    model = model_of()
    model.load_weights(tmp_path / "m.safetensors")
    model.save_weights(tmp_path / "ours.safetensors")
    found = package.load_file(tmp_path / "ours.safetensors")
    assert np.array_equal(found["d/kernel"], KERNEL) and np.array_equal(found["d/bias"], BIAS) and len(found) == 2


def test_weights_that_are_not_there_or_do_not_fit_are_named_and_left_where_that_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    header = {"d/kernel": entry("F32", [2, 3], 0, 24), "d/bais": entry("F32", [2], 24, 32)}
    refused(path, file_of(header), r"2 weights(?s:.*)d/kernel has shape \(3, 2\), the file \(2, 3\)(?s:.*)d/bias: the file has no such array.*d/bais")
    path.write_bytes(file_of({"d/kernel": entry("F32", [2, 3], 0, 24), "d/bias": entry("F32", [2], 24, 32)}))
    model = model_of()
    kernel = model.get_weights()[0].copy()
    with pytest.warns(UserWarning, match="1 weights"):
        model.load_weights(path, skip_mismatch=True)
    assert np.array_equal(model.get_weights()[0], kernel) and np.array_equal(model.get_weights()[1], BIAS)
    refused(path, file_of({**GOOD, "d/bias": entry("C64", [1], 24, 32)}), "shape")
    complex_kernel = {"d/kernel": entry("C64", [3, 2], 0, 48), "d/bias": entry("F32", [2], 48, 56)}
    refused(path, file_of(complex_kernel, bytes(56)), "dtype float32, the file complex64")


def test_by_name_and_max_shard_size_are_refused_and_overwrite_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(ConfigError, match=r"\.weights\.json"):
        model_of().save_weights(path, max_shard_size=1)
    model_of().save_weights(path)
    with pytest.raises(ConfigError, match="by_name"):
        model_of().load_weights(path, by_name=True)
    with pytest.raises(FileError, match="exists"):
        model_of().save_weights(path, overwrite=False)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(file_of(GOOD))
    monkeypatch.setattr(safetensors_files, "_of_format", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(FileError, match="No space left"):
        model_of().save_weights(path)
    assert path.read_bytes() == file_of(GOOD) and [p.name for p in tmp_path.iterdir()] == [path.name]


# ---- from strangers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("content", "match"), [
    (b"", "of 0 bytes"), (b"1234567", "of 7 bytes"), (b"\xff" * 8, "a header of 18446744073709551615"),
    ((2**40).to_bytes(8, "little") + b"{}", "a header of"),
    (file_of(b"[]"), "no object but list"), (file_of(b"{"), "JSON"), (file_of(b"\xff\xfe"), "JSON"), (file_of(b""), "JSON"),
    (file_of(b"[" * 5000), "inside of each other"), (file_of(b'{"a":' * 1000), "inside of each other"),
    (file_of(json.dumps(GOOD).replace("d/bias", "d/kernel").encode()), "'d/kernel' comes twice"),
    (file_of({**GOOD, "__metadata__": {"a": 1}}), "__metadata__"), (file_of({**GOOD, "__metadata__": "a"}), "__metadata__"),
])  # fmt: skip
def test_headers_that_are_none_are_refused(tmp_path: Path, content: bytes, match: str) -> None:
    refused(tmp_path / "m.safetensors", content, match)


@pytest.mark.parametrize(("value", "match"), [
    (3, "has not dtype, shape and data_offsets"), ({"dtype": "F32", "shape": [2]}, "has not dtype"),
    ({**entry("F32", [2], 24, 32), "url": "x"}, "has not dtype"), (entry("F31", [2], 24, 32), "has dtype 'F31'; expected one of BOOL"),
    ({**entry("F32", [2], 24, 32), "dtype": None}, "has dtype None"),
    (entry("F32", 2, 24, 32), "has shape 2"), (entry("F32", [-2], 24, 32), "has shape"),
    (entry("F32", [2.0], 24, 32), "has shape"), (entry("F32", [True], 24, 32), "has shape"),
    (entry("F32", [1] * 40, 24, 28), "has shape"),
    (entry("F32", [2**70], 24, 32), "has shape"), (entry("F32", [2**62, 2**62], 24, 32), "other sizes"), (entry("F32", [3], 24, 32), "other sizes"),
    (entry("F32", [2], 32, 24), "data_offsets"),
    (entry("F32", [2], -8, 0), "data_offsets"), (entry("F32", [2], float("nan"), 32), "data_offsets"),
    ({**entry("F32", [2], 24, 32), "data_offsets": [24]}, "data_offsets"), (entry("F32", [2], 20, 28), "'d/bias' overlaps"),
    (entry("F32", [2], 0, 8), "overlaps"), (entry("F32", [2], 25, 33), "a gap of 1 bytes"),
    (entry("F32", [2**40], 24, 24 + 2**42), "take 4398046511128 bytes"),
    (entry("F32", [1], 24, 28), "take 28 bytes behind the header, the file has 32"),
])  # fmt: skip
def test_arrays_that_do_not_fit_the_file_are_refused(tmp_path: Path, value: Any, match: str) -> None:
    refused(tmp_path / "m.safetensors", file_of({**GOOD, "d/bias": value}), match)


def test_bytes_that_are_no_truth_values_are_refused(tmp_path: Path) -> None:
    header = {"d/kernel": entry("F32", [3, 2], 0, 24), "d/bias": entry("BOOL", [2], 24, 26)}
    refused(tmp_path / "m.safetensors", file_of(header, KERNEL.tobytes() + b"\x01\x02"), "neither 0 nor 1")


def test_a_file_that_was_cut_or_lengthened_is_refused(tmp_path: Path) -> None:
    good = file_of(GOOD)
    for content in (good[:-1], good + b"x", good[:40]):
        refused(tmp_path / "m.safetensors", content, "the file has|a header of")


def test_headers_of_too_many_bytes_or_values_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    header = json.dumps(GOOD).encode()
    monkeypatch.setattr(json_text, "VALUES", 4)
    refused(tmp_path / "m.safetensors", file_of(GOOD), "at most 4 values")
    monkeypatch.setattr(json_text, "SIZE", len(header) - 1)
    refused(tmp_path / "m.safetensors", file_of(GOOD), f"a header of {len(header)}")
