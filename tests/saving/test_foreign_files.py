"""Files from strangers: nothing of them runs, nothing they claim is believed, and a model that refuses one stays as it was."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from symkeras import Sequential, layers, models, ops, saving
from symkeras.errors import ConfigError, DataError, SymkerasError
from symkeras.models import operations
from symkeras.saving import json_text, serialization

X = np.linspace(-1, 1, 12, dtype="float32").reshape(2, 6)
DTYPE = "float32"


def tensor(name: str, shape: tuple[int | None, ...] = (None, 4)) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": list(shape), "dtype": DTYPE, "keras_history": [name, 0, 0]}}


def functional(*entries: dict[str, Any], output: str) -> dict[str, Any]:
    source = {"module": "keras.layers", "class_name": "InputLayer", "name": "x", "inbound_nodes": [], "registered_name": None,
              "config": {"batch_shape": [None, 4], "dtype": DTYPE, "name": "x"}}  # fmt: skip
    config = {"name": "m", "layers": [source, *entries], "input_layers": [["x", 0, 0]], "output_layers": [[output, 0, 0]]}
    return {"module": "keras.src.models.functional", "class_name": "Functional", "registered_name": None, "config": config}


def operation(kind: Any, args: list[Any], kwargs: dict[str, Any] | None = None, module: str | None = "keras.src.ops.numpy") -> dict[str, Any]:
    node = {"args": args, "kwargs": kwargs or {}}
    entry = {"class_name": kind, "name": "op", "config": {"name": "op"}, "registered_name": None, "inbound_nodes": [node]}
    return {**entry, "module": module} if module else entry


def read(config: Any) -> Any:
    return models.model_from_json(json.dumps(config))


def dense_model() -> Any:
    return Sequential([layers.Input((6,)), layers.Dense(2, name="d")], name="m")


# ---- nothing but public names ----------------------------------------------------------------------------------------


def test_a_config_reaches_only_listed_operations() -> None:
    assert read(functional(operation("Exp", [tensor("x")]), output="op")).output_shape == (None, 4)
    names = {*dir(ops), *dir(type(ops)), "__getattribute__", "__setattr__", "__dict__", "__builtins__", "op.OPS"}
    for name in sorted(names - operations._NAMES - {"Any"}):
        kind = "".join(part.title() for part in name.split("_")) if not name.startswith("_") else name
        for module in ("keras.src.ops.numpy", "symkeras.ops", *([None] if kind not in dir(layers) else [])):
            with pytest.raises(ConfigError):
                read(functional(operation(kind, [tensor("x")], module=module), output="op"))


@pytest.mark.parametrize("kind", [None, 3, ["Exp"], {"a": 1}, "", "_", "\0", "Exp\n"])
def test_operations_are_named_by_plain_strings(kind: Any) -> None:
    with pytest.raises(ConfigError):
        read(functional(operation(kind, [tensor("x")]), output="op"))


def test_an_operation_makes_nothing_out_of_no_tensor() -> None:
    with pytest.raises(ConfigError, match="no tensor"):
        read(functional(operation("Tile", [[1.0], [1_000_000]]), output="op"))


@pytest.mark.parametrize("name", ["importlib", "Any", "annotations", "get", "__class__", "NAMES", "__getattr__", "layer", "registry"])
def test_what_packages_import_is_not_public(name: str) -> None:
    for family in ("layers", "models", "losses", "metrics", "optimizers", "initializers", "regularizers", "constraints", "random", "activations"):
        with pytest.raises(ConfigError):
            saving.deserialize_keras_object({"module": f"keras.{family}", "class_name": name, "config": {}, "registered_name": None})
        with pytest.raises(ConfigError):
            saving.deserialize_keras_object({"module": f"keras.{family}", "class_name": "function", "config": name, "registered_name": None})


def test_a_file_does_not_choose_the_backend() -> None:
    model = dense_model()
    model.compile("sgd", "mse")
    config = json.loads(model.to_json())
    for key, value in (("backend", "native"), ("level", "O0"), ("pipeline", "x"), ("poison", True)):
        with pytest.raises(ConfigError, match=key):
            read({**config, "compile_config": {**config["compile_config"], key: value}})


MALFORMED = [None, 0, -1, 1.5, "", "x", [], [[]], {}, {"a": {}}, True, "é" * 100, [None] * 3, {"class_name": "Dense"}]


def test_a_config_with_anything_in_any_place_gives_our_errors() -> None:
    """Each value of a config is replaced by each of the values above."""
    model = Sequential([
        layers.Input((6, 3)), layers.LSTM(2, kernel_regularizer="l2", return_sequences=True), layers.Flatten(), layers.Dense(2, "relu", name="d"),
    ], name="m")  # fmt: skip
    model.compile("adam", "mse")
    config = json.loads(model.to_json())
    config["config"]["layers"] = [_short(entry) for entry in config["config"]["layers"]]
    places = list(_places(config))
    assert len(places) > 100
    for k, place in enumerate(places):
        value = MALFORMED[k % len(MALFORMED)]
        with suppress(SymkerasError):
            saving.deserialize_keras_object(_with(config, place, value))


def _short(entry: Any) -> Any:
    return {**entry, "config": {k: v for k, v in entry["config"].items() if not str(k).endswith("_constraint")}}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Any:
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with(copy[path[0]], path[1:], new)
    return copy


# ---- bombs -----------------------------------------------------------------------------------------------------------

MEMORY = 2**30
"""Address space of a child that reads a bomb, beside what it has before."""
CHILD = """
import resource, sys
from symkeras import layers, models, saving, Sequential, optimizers, losses, metrics, initializers
from symkeras.errors import SymkerasError
import h5py, numpy
model = Sequential([layers.Input((6,)), layers.Dense(2)])
model.compile("adam", "mse")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + {memory}, resource.RLIM_INFINITY))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
for path in sys.argv[1:]:
    try:
        model.load_weights(path) if path.endswith(".weights.h5") else saving.load_model(path)
        print(path, "read")
    except SymkerasError as error:
        print(path, "refused", str(error)[:500].replace(chr(10), " "))
"""


def all_refused(*paths: Path) -> None:
    """Read in a child with little memory and time: each must give one of our errors, with its name in it."""
    done = subprocess.run([sys.executable, "-c", CHILD.format(memory=MEMORY), *map(str, paths)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        assert line.startswith(f"{path} refused") and line.count(path.name) > 1, line


def archive(path: Path, config: bytes, weights: bytes | None = None, compression: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", compression) as new:
        new.writestr("metadata.json", "{}")
        new.writestr("config.json", config)
        if weights is None:
            buffer = io.BytesIO()
            with h5py.File(buffer, "w") as file:
                file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.zeros((6, 2), "f4"), np.zeros(2, "f4")
            weights = buffer.getvalue()
        new.writestr("model.weights.h5", weights)
        for name, data in members.items():
            new.writestr(name, data)
    return path


def test_lists_in_a_zip_do_not_become_gigabytes(tmp_path: Path) -> None:
    config = b'{"class_name": "Sequential", "config": [' + b"[]," * 6_000_000 + b"0]}"
    packed = archive(tmp_path / "m.keras", config, compression=zipfile.ZIP_DEFLATED)
    assert packed.stat().st_size < 200_000
    plain = archive(tmp_path / "n.keras", config[: 2**22] + b"0]}")
    all_refused(packed, plain)


@pytest.mark.parametrize("text", [b"[" * 100_000, b'"' + b"\\" * 200_000, b'{"a":' * 5000, b"1" * 100_000, b"\xff\xfe[", b"nul"])
def test_json_that_is_none_is_refused_at_once(text: bytes) -> None:
    with pytest.raises(DataError, match="the text"):
        json_text.parse(text, "the text")


def test_json_that_names_something_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"the text is not JSON: 'a' comes twice"):
        json_text.parse(b'{"b": {"a": 1, "c": 2, "a": 3}}', "the text")


def test_json_keeps_its_meaning() -> None:
    value = {"a": [1, 2.5, None, True, "[{,\\\"", "é"], "b": {}}
    assert json_text.parse(json.dumps(value).encode(), "the text") == value


LARGE: list[tuple[list[int | None], str, dict[str, Any]]] = [
    ([None, 6], "Dense", {"units": 10**9}), ([None, 6], "Dense", {"units": 10**30}), ([None, 3, 6], "LSTM", {"units": 10**6}),
    ([None, 6], "Embedding", {"input_dim": 10**12, "output_dim": 8}), ([10**9, 3, 6], "LSTM", {"units": 2}),
    ([10**9, 3, 6], "LSTM", {"units": 2, "stateful": True}), ([None, 10**7, 6], "GRU", {"units": 2, "unroll": True}),
    ([None, 10**5, 10**5, 1], "AveragePooling2D", {"padding": "same"}), ([None, 10**11], "LayerNormalization", {"center": False, "scale": False}),
    ([None, 10**11], "BatchNormalization", {"center": False, "scale": False}), ([None, 10**11], "PReLU", {}),
]  # fmt: skip


def test_what_is_larger_than_the_files_weights_is_not_made(tmp_path: Path) -> None:
    paths = []
    for k, (shape, kind, own) in enumerate(LARGE):
        entries = [{"class_name": "InputLayer", "config": {"batch_shape": shape}}, {"class_name": kind, "config": own}]
        config = {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": entries}, "registered_name": None}
        paths.append(archive(tmp_path / f"large{k}.keras", json.dumps(config).encode()))
    one_hot = operation("OneHot", [tensor("x")], {"num_classes": 10**10}, "keras.src.ops.nn")
    paths.append(archive(tmp_path / "one_hot.keras", json.dumps(functional(one_hot, output="op")).encode()))
    all_refused(*paths)


def test_models_in_models_do_not_multiply_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "CALLS", 2000)
    inner: dict[str, Any] = {"class_name": "Activation", "config": {"activation": "relu", "name": "i"}}
    for depth in range(12):
        nodes = [{"args": [tensor("x" if k == 0 else "i")], "kwargs": {}} for k in range(8)]
        for k, node in enumerate(nodes[1:]):
            node["args"][0]["config"]["keras_history"][1] = k
        made = functional({**inner, "name": "i", "inbound_nodes": nodes}, output="i")
        made["config"] |= {"name": "i", "output_layers": [["i", 7 + (depth > 0), 0]]}
        inner = made
    with pytest.raises(ConfigError, match="more calls of layers"):
        read(inner)


def test_calls_in_any_order_are_made_each_once() -> None:
    """A config whose layers come last to first: the work grows with their number, not with its square."""
    from symkeras.models import functional_config

    looked: list[int] = []
    for count in (40, 80):
        entries = [operation("Exp", [tensor(f"op{k - 1}" if k else "x")]) | {"name": f"op{k}"} for k in range(count)]
        seen = 0
        arguments = functional_config._Reader._arguments

        def counted(self: Any, node: Any, arguments: Any = arguments) -> Any:
            nonlocal seen
            seen += 1
            return arguments(self, node)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(functional_config._Reader, "_arguments", counted)
            read(functional(*entries[::-1], output=f"op{count - 1}"))
        looked.append(seen)
    assert looked[1] <= 2 * looked[0] + 2


def weights_file(path: Path, fill: Any) -> Path:
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def many_names(file: Any) -> None:
    data = file.create_dataset("a", (2**22,), "f4", chunks=(2**22,), compression="gzip", compression_opts=9)
    data[:] = 1
    for k in range(1000):
        file[f"b{k}"] = data


def circle(file: Any) -> None:
    place = file.create_group("a")
    place["b"] = place


def empty_space(file: Any) -> None:
    for k in range(50):
        file.create_dataset(f"layers/dense/vars/{k}", (2**25,), "f4", chunks=(2**20,))


def great_chunk(file: Any) -> None:
    file.create_dataset("layers/dense/vars/0", (1,), "f4", maxshape=(None,), chunks=(2**25,), compression="gzip")


def depth(file: Any) -> None:
    file.create_group("/".join(["a"] * 5000))


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((6, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (6, 2))
    file.create_virtual_dataset("layers/dense/vars/0", layout)


def external(file: Any) -> None:
    file.create_dataset("layers/dense/vars/0", (6, 2), "f4", external=[("/etc/passwd", 0, 48)])


def outside(file: Any) -> None:
    file["elsewhere"] = h5py.ExternalLink("/etc/other.h5", "/")


def test_forged_weight_files_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    paths = []
    for fill in (many_names, circle, empty_space, great_chunk, depth, virtual, external, outside):
        paths.append(weights_file(tmp_path / f"{fill.__name__}.weights.h5", fill))
        paths.append(archive(tmp_path / f"{fill.__name__}.keras", dense_model().to_json().encode(), paths[-1].read_bytes()))
    all_refused(*paths)


def test_assets_nobody_asked_for_are_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dense_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras", "a") as file:
        file.writestr("assets/layers/d/words.txt", b"x" * 1000)
    monkeypatch.setattr(zipfile.ZipFile, "extract", None)
    monkeypatch.setattr("tempfile.TemporaryDirectory", None)
    saving.load_model(tmp_path / "m.keras")


# ---- whole or not at all ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [
    np.array([b"a", b"b"]), np.zeros(2, [("a", "f4"), ("b", "f4")]), np.zeros(2, "c8"), np.zeros(2, "V4"), np.zeros(3, "f4"), np.zeros((), "f4"),
    np.array(["a", "b"], h5py.string_dtype()), np.zeros(2, np.dtype(("f4", (2,)))), h5py.Empty("f4"),
])  # fmt: skip
@pytest.mark.parametrize("kind", ["weights", "legacy"])
def test_arrays_that_are_no_weights_change_nothing(tmp_path: Path, bad: Any, kind: str) -> None:
    model = dense_model()
    before = model.get_weights()
    path = tmp_path / ("m.weights.h5" if kind == "weights" else "m.h5")
    with h5py.File(path, "w") as file:
        if kind == "weights":
            file["layers/dense/vars/0"], file["layers/dense/vars/1"] = np.ones((6, 2), "f4"), bad
        else:
            file.attrs["layer_names"] = np.array([b"d"])
            file["d/kernel"], file["d/bias"] = np.ones((6, 2), "f4"), bad
            file["d"].attrs["weight_names"] = np.array([b"kernel", b"bias"])
    with pytest.raises(DataError, match=path.name):
        model.load_weights(path)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_damaged_array_at_the_end_changes_nothing_before_it(tmp_path: Path) -> None:
    model = dense_model()
    before = model.get_weights()
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((6, 2), "f4")
        file.create_dataset("layers/dense/vars/1", data=np.full(2, 7, "f4"), chunks=(2,), fletcher32=True)
    data = (tmp_path / "m.weights.h5").read_bytes()
    (tmp_path / "m.weights.h5").write_bytes(data.replace(np.full(2, 7, "f4").tobytes(), np.full(2, 8, "f4").tobytes()))
    with pytest.raises(DataError, match="cannot be read"):
        model.load_weights(tmp_path / "m.weights.h5")
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_a_layer_that_reads_in_its_own_way_and_fails_gives_all_values_back(tmp_path: Path) -> None:
    class Own(layers.Dense):
        def load_own_variables(self, store: Any) -> None:
            self.kernel.set(np.asarray(store["0"]))
            raise OSError("half way")

    model = Sequential([layers.Input((6,)), layers.Dense(6), layers.Dropout(0.5, seed=1), Own(6)])
    model.save_weights(tmp_path / "m.weights.h5")
    model.set_weights([w + 1 for w in model.get_weights()])
    model.layers[1].seed_generator.reset(2)
    before = model.get_weights()
    with pytest.raises(DataError, match="half way"):
        model.load_weights(tmp_path / "m.weights.h5")
    assert model.layers[1].seed_generator.state.numpy().tolist() == [2, 0]
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


# ---- what lies there -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [None, 3, b"m.keras", "", "a\0b.keras", ["m.keras"]])
def test_names_of_files_are_strings(name: Any) -> None:
    model = dense_model()
    for call in (model.save, model.save_weights, model.load_weights, saving.load_model):
        with pytest.raises(ConfigError, match="named by a string"):
            call(name)


def test_names_that_are_too_long_are_named() -> None:
    model = dense_model()
    calls = ((".keras", model.save), (".weights.h5", model.save_weights), (".weights.h5", model.load_weights), (".h5", saving.load_model))
    for ending, call in calls:
        with pytest.raises(SymkerasError, match="xxx"):
            call("x" * 300 + ending)


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.keras")
    for path in (tmp_path / "m.keras", "/dev/zero"):
        with pytest.raises(DataError, match="no file"):
            saving.load_model(path)
        with pytest.raises(DataError, match="no file"):
            dense_model().load_weights(path)


def test_a_folder_of_links_is_not_followed(tmp_path: Path) -> None:
    dense_model().save(tmp_path / "m", zipped=False)
    (tmp_path / "m" / "config.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / "m" / "config.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(DataError, match="link"):
        saving.load_model(tmp_path / "m")


def test_bytes_of_a_file_do_not_fill_the_message(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    Sequential([layers.Input((200,)), layers.Dense(50)]).save(path)
    data = bytearray(path.read_bytes())
    header = data.index(b"model.weights.h5") - 30
    data[header + 26 : header + 28] = (30_000).to_bytes(2, "little")  # of the name
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"m.keras.*not a readable archive") as caught:
        models.load_model(path)
    assert len(str(caught.value)) < 500 and str(caught.value).isprintable()
