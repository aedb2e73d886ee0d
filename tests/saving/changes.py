"""Random changes of good files: what comes in is what a file holds, what goes out is what a broken or hostile one may hold.

Changed are bytes, members of archives, values of JSON, arrays and attributes of HDF5, and words of graph texts.
"""

from __future__ import annotations

import copy
import io
import json
import random
import re
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import h5py
import numpy as np

ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**63, -(2**63), 10**30, 0.5, -1.5, 1e308, float("nan"), float("inf"), "", "x", "\0", "é" * 50,
    "a" * 5000, [], [[]], [None], [1, 2, 3], [-1], {}, {"a": 1}, {"class_name": "Dense"}, {"class_name": "Dense", "config": {}}, "linear", "relu",
    "float16", "string", "channels_first", "../../etc/passwd", "__class__", "dense", ["dense", 0, 0], ["dense", 5, 0], ["dense", 0, 9],
    {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "float32"}}, {"class_name": "__tensor__", "config": {"value": "x", "dtype": 3}},
    {"class_name": "__keras_tensor__", "config": {"shape": [None, 6], "dtype": "float32", "keras_history": ["dense", 0, 0]}},
    {"class_name": "__slice__", "config": {"start": 0, "stop": None, "step": 0}}, {"class_name": "__tuple__", "config": {"value": [1]}},
    {"class_name": "function", "config": "relu", "module": "builtins", "registered_name": "function"},
]  # fmt: skip


def changed_bytes(rng: random.Random, data: bytes) -> bytes:
    """Some bytes written over, left out, doubled or put in."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        at, length = rng.randrange(len(out) + 1), rng.choice([1, 1, 2, 4, 8, 64])
        kind = rng.randrange(6)
        if kind == 0:
            out[at : at + length] = rng.randbytes(len(out[at : at + length]))
        elif kind == 1:
            out[at : at + length] = rng.choice([b"\0", b"\xff", b"\x7f", b"\x80"]) * length
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length] * rng.choice([1, 2, 50])
        elif kind == 4 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        else:
            del out[at if rng.random() < 0.2 else len(out) :]
    return bytes(out)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values inside of a value of JSON."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(p for k, v in inner for p in places(v, (*path, k)))]


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def changed_json(rng: random.Random, text: bytes) -> bytes:
    """Some values replaced, left out, exchanged or nested; now and then only the text is broken."""
    if rng.random() < 0.1:
        return changed_bytes(rng, text)
    config = json.loads(text)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        paths = [p for p in places(config) if p]
        if not paths:
            break
        path = rng.choice(paths)
        holder, key = at(config, path[:-1]), path[-1]
        kind = rng.randrange(6)
        if kind == 0:
            holder.pop(key)
        elif kind == 1:
            holder[key] = json.loads(json.dumps(at(config, rng.choice(paths))))
        elif kind == 2 and isinstance(holder, dict):
            holder[rng.choice([str(p[-1]) for p in paths])] = holder.pop(key)
        elif kind == 3 and isinstance(holder[key], str):
            holder[key] = rng.choice([at(config, p) for p in paths if isinstance(at(config, p), str)])
        elif kind == 4 and isinstance(holder, list):
            holder.insert(rng.randrange(len(holder) + 1), json.loads(json.dumps(holder[key])))
        else:
            holder[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    return json.dumps(config).encode()


def changed_h5(rng: random.Random, data: bytes) -> bytes:
    """Some arrays and attributes of an HDF5 file replaced, left out, renamed or linked; or only bytes broken."""
    if rng.random() < 0.4:
        return changed_bytes(rng, data)
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        for _ in range(rng.choice([1, 1, 2, 3])):
            names: list[str] = []
            file.visit(names.append)
            with suppress(Exception):  # not every change is possible
                _change(rng, file, rng.choice(names) if names else "new")
    return buffer.getvalue()


def _change(rng: random.Random, file: Any, name: str) -> None:
    """One change at or near a name of an HDF5 file."""
    found, attrs, kind = file[name], file[name].attrs, rng.randrange(9)
    if kind == 0:
        del file[name]
    elif kind == 1:
        file.move(name, f"{found.parent.name}/{rng.choice(['0', '1', '2', 'vars', 'x', 'é' * 9])}_{rng.randrange(9)}")
    elif kind == 2 and isinstance(found, h5py.Dataset):
        value = found[()]
        del file[name]
        file[name] = rng.choice([
            lambda v: v.astype("f8"), lambda v: v.astype("S8"), lambda v: v.astype("c8"), lambda v: v.reshape(-1), lambda v: v[None],
            lambda v: np.zeros(v.shape, [("a", "f4")]), lambda v: np.full(v.shape, np.nan, "f4"), lambda v: v.astype("i4"),
            lambda v: np.zeros((0, 3), "f4"), lambda v: h5py.Empty("f4"),
        ])(value)  # fmt: skip
    elif kind == 3:
        file.require_group("links")[f"l{rng.randrange(10**6)}"] = rng.choice([h5py.SoftLink(name), h5py.ExternalLink("/etc/x", "/"), found])
    elif kind == 4:
        attrs[rng.choice(list(attrs))] = rng.choice([
            0, "x", b"x", np.zeros(3), np.array([b"a", b"a"]), h5py.Empty("S1"), "y" * 1000, [1.5], True, ["a", "é"], np.zeros((2, 2), "S1"),
        ])  # fmt: skip
    elif kind == 5:
        key = rng.choice(list(file.attrs))
        text = file.attrs[key] if isinstance(file.attrs[key], bytes) else file.attrs[key].encode()
        text = changed_json(rng, text) if text[:1] == b"{" else changed_bytes(rng, text)
        file.attrs[key] = text.decode("utf-8", "replace").replace("\0", "")
    elif kind == 6:
        shape = rng.choice([(10**12,), (2**31, 2**31), (1,), (0,)])
        file.create_dataset(f"{name}x", shape, "f4", chunks=(1024,) * len(shape), maxshape=(None,) * len(shape))
    elif kind == 7:
        del attrs[rng.choice(list(attrs))]
    else:
        attrs[rng.choice(["dtype", "layer_names", "weight_names", "name"])] = rng.choice(["bfloat16", "x", 3, np.array([b"0", b"vars"])])


def changed_zip(rng: random.Random, data: bytes, change: Callable[[random.Random, str, bytes], bytes]) -> bytes:
    """Some member of an archive changed, left out, renamed, doubled or packed; or only bytes broken."""
    if rng.random() < 0.3:
        return changed_bytes(rng, data)
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        members = [(name, old.read(name)) for name in old.namelist()]
    k, kind = rng.randrange(len(members)), rng.randrange(10)
    name, content = members[k]
    if kind == 0:
        members.pop(k)
    elif kind == 1:
        members[k] = (rng.choice(["../" + name, "/" + name, name + "x", "assets/" + name, "a" * 300, members[0][0]]), content)
    elif kind == 2:
        members.append((name, content))
    else:
        members[k] = (name, change(rng, name, content))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])) as new, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubled names
        for name, content in members:
            new.writestr(zipfile.ZipInfo(name), content, new.compression)
    return buffer.getvalue()


def changed_set(rng: random.Random, data: bytes) -> bytes:
    """Some file of a set changed, left out, or put in the place of another."""
    with zipfile.ZipFile(io.BytesIO(data)) as old:
        members = {name: old.read(name) for name in old.namelist()}
    good = dict(members)
    for name in rng.sample([*good], min(len(good), rng.choice([1, 1, 2]))):
        kind = rng.randrange(10)
        if kind == 0:
            del members[name]
        else:
            members[name] = good[rng.choice([*good])] if kind == 1 else changed_member(rng, name, good[name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for name, content in members.items():
            new.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def changed_safetensors(rng: random.Random, data: bytes) -> bytes:
    """The header of a file changed, with its length made to fit; or only bytes broken."""
    if rng.random() < 0.4:
        return changed_bytes(rng, data)
    length = int.from_bytes(data[:8], "little")
    header = changed_json(rng, data[8 : 8 + length])
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def changed_member(rng: random.Random, name: str, content: bytes) -> bytes:
    if name.endswith(".json"):
        return changed_json(rng, content)
    return changed_h5(rng, content) if name.endswith(".h5") else changed_bytes(rng, content)


WORDS = [
    "", "nan", "inf", "-", "(", ")", "[", "]", "1e999", "None", "True", "'a'", "*", "3000000000", "base64('AAAA')", "%x", "%0", "@1", ",", "\n",
    "batch", "f32[]", "f32[2, 3]", "matmul", "dim", "-1", "{", "}", "()", "lambda", "'a'*9999999999", "99**99**9", "\\", "'", '"', "#", "\u2028",
]  # fmt: skip


def changed_text(rng: random.Random, data: bytes) -> bytes:
    """Some words of a text left out, doubled, exchanged or replaced."""
    if rng.random() < 0.15:
        return changed_bytes(rng, data)
    words = re.findall(r"\w+|\s+|.", data.decode(), re.DOTALL)
    for _ in range(rng.choice([1, 1, 2, 3])):
        k, kind = rng.randrange(len(words)), rng.randrange(6)
        if kind == 0:
            words[k] = ""
        elif kind == 1:
            words[k] = rng.choice(WORDS)
        elif kind == 2:
            words[k] = rng.choice(words)
        elif kind == 5 and (numbers := [n for n, word in enumerate(words) if word.isdigit()]):
            words[rng.choice(numbers)] = rng.choice(["0", "1", "2", "3", "5", "100", "-1", "-2", "2147483648"])
        elif kind == 3:
            words[k] = words[k] * rng.choice([2, 3, 1000])
        else:
            words[k:k] = words[k : k + rng.randrange(30)]
    return "".join(words).encode()
