"""Broken files by the thousand: `python -m tests.saving.fuzz_files --count N [--seed S] [--kind KIND]`.

Good files of every kind are changed at random (bytes, members of archives, values of JSON, arrays and attributes of HDF5,
words of graph texts) and read in a child process with little memory. What may come of it: an object, or one of our
errors, within seconds; weights that refuse a file stay as they were. Each case follows from its number alone; a case that
fails is written beside its report.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

KINDS = ("keras", "legacy", "weights", "legacy_weights", "npz", "config", "legacy_config", "graph")
NAMES = {"keras": "m.keras", "legacy": "m.h5", "weights": "m.weights.h5", "legacy_weights": "w.h5", "npz": "latest.npz",
         "config": "m.json", "legacy_config": "old.json", "graph": "g.txt"}  # fmt: skip
MEMORY = 3 * 2**29
"""Address space of a child beyond what it has before it reads."""
GROWTH = 2**29
"""Resident memory that one file may take at most."""
SECONDS = 20
ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 2**31, 2**63, -(2**63), 10**30, 0.5, -1.5, 1e308, float("nan"), float("inf"), "", "x", "\0", "é" * 50,
    "a" * 5000, [], [[]], [None], [1, 2, 3], [-1], {}, {"a": 1}, {"class_name": "Dense"}, {"class_name": "Dense", "config": {}}, "linear", "relu",
    "float16", "string", "channels_first", "../../etc/passwd", "__class__", "dense", ["dense", 0, 0], ["dense", 5, 0], ["dense", 0, 9],
    {"class_name": "__numpy__", "config": {"value": [1, 2], "dtype": "float32"}}, {"class_name": "__tensor__", "config": {"value": "x", "dtype": 3}},
    {"class_name": "__keras_tensor__", "config": {"shape": [None, 6], "dtype": "float32", "keras_history": ["dense", 0, 0]}},
    {"class_name": "__slice__", "config": {"start": 0, "stop": None, "step": 0}}, {"class_name": "__tuple__", "config": {"value": [1]}},
    {"class_name": "function", "config": "relu", "module": "builtins", "registered_name": "function"},
]  # fmt: skip


# ---- good files ------------------------------------------------------------------------------------------------------


def models() -> list[Any]:
    """A few small models, always the same."""
    from symkeras import Input, Model, Sequential, layers
    from symkeras.utils import reset_uids, set_random_seed

    reset_uids()
    set_random_seed(0)
    a = Sequential([
        layers.Input((6,)), layers.Dense(4, "relu", kernel_regularizer="l2"), layers.Dropout(0.5, seed=1), layers.BatchNormalization(),
        layers.Dense(2, kernel_constraint="max_norm"),
    ], name="a")  # fmt: skip
    x, y = Input((4, 6), name="x"), Input((4, 6), name="y")
    h = layers.LSTM(3, return_sequences=True)(layers.Masking()(x))
    shared = Sequential([layers.Input((4, 6)), layers.Dense(3)], name="shared")
    h = layers.Concatenate()([h, shared(x) + shared(y) * 2])
    h = layers.Bidirectional(layers.GRU(2, return_sequences=True))(layers.TimeDistributed(layers.Dense(5))(h))
    b = Model([x, y], {"out": layers.MultiHeadAttention(1, 2)(h, h), "seen": layers.Flatten()(h)}, name="b")
    image = Input((8, 8, 2))
    h = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(layers.Conv2D(3, 3, padding="same", groups=1)(image)))
    c = Model(image, layers.Softmax()(layers.Reshape((3,))(h)), name="c")
    for model, loss in ((a, "mse"), (c, "categorical_crossentropy")):
        model.compile("adam", loss, metrics=["mae"])
        model.optimizer.build(model.trainable_variables)
    return [a, b, c]


def good_files(folder: Path) -> None:
    """Write a good file of every kind for every model."""
    import numpy as np

    from symkeras import ops
    from symkeras.graph.graph import Graph
    from symkeras.graph.text import print_graph

    for k, model in enumerate(models()):
        own = folder / str(k)
        own.mkdir()
        model.save(own / NAMES["keras"])
        _without_date(own / NAMES["keras"])
        model.save(own / NAMES["legacy"])
        model.save_weights(own / NAMES["weights"])
        model.save_weights(own / NAMES["legacy_weights"])
        variables = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
        np.savez(own / NAMES["npz"], epoch=3, **{str(n): v.numpy() for n, v in enumerate(variables)})
        (own / NAMES["config"]).write_text(model.to_json())
        (own / NAMES["legacy_config"]).write_text(json.dumps(_old(json.loads(model.to_json()))))
        x = ops.placeholder("f32[batch, 4, 6]", name="x")
        y = (ops.softmax(x[:, 1:] * 2.0 + ops.exp(x[:, :-1]), axis=-1), ops.sum(ops.transpose(x, (0, 2, 1)) @ x, axis=(1, 2)), x[:, ::-1].sum(1))[k]
        (own / NAMES["graph"]).write_text(print_graph(Graph([x.node], [y.node], name="g")))


def _without_date(path: Path) -> None:
    """The same archive whenever it is written."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(zipfile.ZipInfo(name), b'{"keras_version": "3.15.1", "date_saved": "x"}' if name == "metadata.json" else content)


def _old(config: Any) -> Any:
    """A config in the form of Keras 2."""
    if isinstance(config, dict):
        if "args" in config and "kwargs" in config:
            return [[*leaf["config"]["keras_history"], {}] for leaf in _tensors(config["args"])]
        out = {k: _old(v) for k, v in config.items() if k not in ("module", "registered_name", "build_config")}
        return {**out, "keras_version": "2.2.4"} if "compile_config" in config else out
    return [_old(v) for v in config] if isinstance(config, list) else config


def _tensors(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value] if value.get("class_name") == "__keras_tensor__" else []
    return [t for v in value for t in _tensors(v)] if isinstance(value, list) else []


# ---- changes ---------------------------------------------------------------------------------------------------------


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
            holder[key] = rng.choice(ODD_VALUES)
    return json.dumps(config).encode()


def changed_h5(rng: random.Random, data: bytes) -> bytes:
    """Some arrays and attributes of an HDF5 file replaced, left out, renamed or linked; or only bytes broken."""
    import h5py

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
    import h5py
    import numpy as np

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
    import re

    words = re.findall(r"\w+|\s+|.", data.decode(), re.DOTALL)
    for _ in range(rng.choice([1, 1, 2, 3])):
        k, kind = rng.randrange(len(words)), rng.randrange(5)
        if kind == 0:
            words[k] = ""
        elif kind == 1:
            words[k] = rng.choice(WORDS)
        elif kind == 2:
            words[k] = rng.choice(words)
        elif kind == 3:
            words[k] = words[k] * rng.choice([2, 3, 1000])
        else:
            words[k:k] = words[k : k + rng.randrange(30)]
    return "".join(words).encode()


def case(folder: Path, number: int, kinds: tuple[str, ...] = KINDS) -> tuple[str, int, bytes]:
    """The kind, model and bytes of a case."""
    rng = random.Random(number)
    kind, k = rng.choice(kinds), rng.randrange(3)
    data = (folder / str(k) / NAMES[kind]).read_bytes()
    if kind in ("keras", "npz"):
        return kind, k, changed_zip(rng, data, changed_member)
    if kind == "graph":
        return kind, k, changed_text(rng, data)
    change = changed_json if kind.endswith("config") else changed_h5
    return kind, k, change(rng, data)


# ---- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """Reads a case in this process, and says what was wrong about it."""

    def __init__(self, folder: Path):
        self.models = models()
        self.folder = folder

    def read(self, kind: str, k: int, data: bytes) -> str:
        """What went wrong, or "read" or "refused"."""
        from symkeras.errors import SymkerasError

        model = self.models[k]
        path = self.folder / NAMES[kind]
        path.write_bytes(data)
        own = [*model.variables, *(model.optimizer.variables if model.optimizer else ())]
        before = [v.numpy() for v in own]
        peak = _peak()
        try:
            self._read(kind, model, path)
            is_read = True
        except SymkerasError as error:
            is_read = False
            if isinstance(error.__cause__, MemoryError):
                return f"memory: {error}"
            if kind in ("keras", "legacy", "weights", "legacy_weights", "npz") and path.name not in str(error):
                return f"the file is not named: {type(error).__name__}: {error}"
            if len(str(error)) > 20_000:
                return f"an error of {len(str(error))} characters"
        except Exception:
            return traceback.format_exc()
        if not is_read and any(v.numpy().tobytes() != b.tobytes() for v, b in zip(own, before, strict=True)):
            return "refused, and the model has changed"
        for v, b in zip(own, before, strict=True):
            v.set(b)
        if _peak() - peak > GROWTH:
            return f"{_peak() - peak} bytes of memory"
        return "read" if is_read else "refused"

    def _read(self, kind: str, model: Any, path: Path) -> None:
        from symkeras import models, saving
        from symkeras.callbacks import BackupAndRestore

        if kind in ("keras", "legacy"):
            saving.load_model(path)
        elif kind in ("weights", "legacy_weights"):
            model.load_weights(path)
        elif kind == "npz":
            backup = BackupAndRestore(path.parent)
            backup.set_model(model)
            backup.on_train_begin()
        elif kind == "graph":
            text = path.read_bytes().decode("utf-8", "replace")
            saving.deserialize_keras_object({"module": "keras.layers", "class_name": "GraphLayer", "config": {"name": "g", "graph": text}})
        else:
            models.model_from_json(path.read_bytes().decode("utf-8", "replace"))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def child(folder: Path, log: Path, first: int, last: int, kinds: tuple[str, ...]) -> None:
    """Read cases, and write a line for each before and after it."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as work, log.open("a") as lines:
        reader = Reader(Path(work))
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        for number in range(first, last):
            print(json.dumps([number, None]), file=lines, flush=True)
            kind, k, data = case(folder, number, kinds)
            signal.alarm(SECONDS)
            result = reader.read(kind, k, data)
            signal.alarm(0)
            print(json.dumps([number, result]), file=lines, flush=True)


def run(count: int, seed: int = 0, kinds: tuple[str, ...] = KINDS, keep: Path | None = None, report: Callable[[str], Any] = print) -> dict[int, str]:
    """Read `count` cases in children; number -> "read", "refused", or what went wrong.

    Args:
        count: of cases.
        seed: number of the first one.
        kinds: of files.
        keep: a folder for the files that fail.
        report: takes lines for people.
    """
    results: dict[int, str] = {}
    with tempfile.TemporaryDirectory() as place:
        folder, log = Path(place, "good"), Path(place, "log")
        folder.mkdir()
        good_files(folder)
        number, last = seed, seed + count
        while number < last:
            log.write_text("")
            command = [sys.executable, "-m", "tests.saving.fuzz_files", "--child", str(folder), str(log), str(number), str(last), ",".join(kinds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            if not lines:
                raise RuntimeError(f"the child does not begin: {done.stderr}")
            results |= {n: result for n, result in lines if result is not None}
            number = lines[-1][0] + 1
            if lines[-1][1] is None:
                results[lines[-1][0]] = f"the process ended with {done.returncode}: {done.stderr[-2000:]}"
            report(f"{number - seed} of {count}: {len(failures(results))} failures, {[*results.values()].count('read')} read")
        for n in failures(results):
            kind, k, data = case(folder, n, kinds)
            report(f"---- case {n}, {kind} of model {k}: {results[n]}")
            if keep is not None:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / f"{n}_{NAMES[kind]}").write_bytes(data)
    return results


def failures(results: dict[int, str]) -> list[int]:
    """The numbers of the cases that went wrong."""
    return [n for n, result in results.items() if result not in ("read", "refused")]


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        folder, log, first, last, kinds = sys.argv[2:]
        child(Path(folder), Path(log), int(first), int(last), tuple(kinds.split(",")))
        return
    parser = argparse.ArgumentParser(description="Read broken files.")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    sys.exit(1 if failures(run(given.count, given.seed, tuple(given.kind or KINDS), given.keep)) else 0)


if __name__ == "__main__":
    main()
