"""Saved models: Keras' layouts, round trips, files of Keras 2, and files that somebody broke on purpose."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, saving
from symkeras.errors import ConfigError, DataError
from symkeras.random import SeedGenerator
from symkeras.saving import model_files
from symkeras.saving.places import FileError
from symkeras.saving.weight_store import ReadStore
from symkeras.utils import reset_uids

pytestmark = pytest.mark.usefixtures("model_backend")

X = np.linspace(-1, 1, 48, dtype="float32").reshape(8, 6)
Y = np.linspace(0, 1, 16, dtype="float32").reshape(8, 2)


def small_model(compiled: bool = True) -> Sequential:
    model = Sequential([
        layers.Input((6,)), layers.Dense(4, activation="relu", name="first"), layers.Dropout(0.5, seed=3), layers.BatchNormalization(),
        layers.Dense(2, name="second"),
    ], name="small")  # fmt: skip
    if compiled:
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    return model


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return len(a) == len(b) and all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


# ---- sharing -------------------------------------------------------------------------------------------------------


def test_a_layer_of_several_models_inside_is_one_layer_again(tmp_path):
    encoder = Sequential([layers.Dense(3)], name="encoder")
    inner = []
    for k in (2, 5):
        a = Input((6,))
        inner.append(Model(a, layers.Dense(k)(encoder(a))))
    x = Input((6,))
    model = Model(x, [m(x) for m in inner])
    model.save(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras")
    assert same(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    assert len(loaded.weights) == 6 and loaded.layers[1].get_layer("encoder") is loaded.layers[2].get_layer("encoder")


@saving.register_keras_serializable("files")
class Judged(Model):
    """A model whose `compile` takes other arguments."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(2)

    def call(self, x):
        return self.inner(x)

    def compile(self, judge, fn):
        super().compile(judge, fn)


def test_a_model_with_a_compile_of_its_own_is_loaded_uncompiled(tmp_path):
    model = Judged()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match="Judged is not compiled: its compile\\(\\) is its own"):
        loaded = saving.load_model(tmp_path / "m.keras")
    assert not loaded.compiled and same(loaded.get_weights(), model.get_weights())


# ---- layout --------------------------------------------------------------------------------------------------------


def test_paths_are_those_that_keras_3_writes(tmp_path):
    """Apart from seeds, which Keras 3 does not write."""
    reset_uids()
    model = Sequential([
        layers.Input((7,), dtype="int32"),
        layers.Embedding(20, 8),
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
        layers.RNN([layers.GRUCell(3), layers.LSTMCell(4)], return_sequences=True),
        layers.TimeDistributed(layers.Dense(6)),
        Sequential([layers.Dense(5), layers.Dense(5, name="zz")], name="in_ner"),
        layers.SimpleRNN(3),
        layers.BatchNormalization(),
        layers.Dense(2),
    ])  # fmt: skip
    model.save_weights(tmp_path / "m.weights.h5")
    arrays: dict[str, tuple[int, ...]] = {}
    names: dict[str, str] = {}

    def note(path, entry):
        if isinstance(entry, h5py.Dataset) and "seed_generator" not in path:
            arrays[path] = entry.shape
        elif "name" in entry.attrs:
            names[path] = entry.attrs["name"]

    with h5py.File(tmp_path / "m.weights.h5") as file:
        file.visititems(note)
    lstm = ((8, 12), (3, 12), (12,))
    expected = {
        "embedding": ((20, 8),),
        "bidirectional/forward_layer/cell": lstm, "bidirectional/backward_layer/cell": lstm,
        "rnn/cell/cells/gru_cell": ((6, 9), (3, 9), (2, 9)), "rnn/cell/cells/lstm_cell": ((3, 16), (4, 16), (16,)),
        "time_distributed/layer": ((4, 6), (6,)),
        "sequential/layers/dense": ((6, 5), (5,)), "sequential/layers/dense_1": ((5, 5), (5,)),
        "simple_rnn/cell": ((5, 3), (3, 3), (3,)), "batch_normalization": ((3,),) * 4, "dense": ((3, 2), (2,)),
    }  # fmt: skip
    assert arrays == {f"layers/{path}/vars/{k}": shape for path, shapes in expected.items() for k, shape in enumerate(shapes)}
    assert names["vars"] == model.name
    assert names["layers/sequential/vars"] == "in_ner"
    assert names["layers/sequential/layers/dense_1/vars"] == "zz"


def test_attributes_of_a_subclass_give_the_paths_public_ones_first(tmp_path):
    class Branches(Model):
        def __init__(self):
            super().__init__()
            self._hidden = layers.Dense(2)
            self.blocks = [layers.Dense(3), [layers.Dense(4)], {"a": layers.Dense(5)}]
            self.alias = self.blocks[0]

        def call(self, x):
            return self._hidden(self.blocks[2]["a"](self.blocks[1][0](self.alias(x))))

    model = Branches()
    model(X)
    model.save_weights(tmp_path / "m.weights.h5")
    with h5py.File(tmp_path / "m.weights.h5") as file:
        widths = {path: file[path]["vars/1"].shape[0] for path in ("alias", "blocks/container/dense", "blocks/container_1/dense", "layers/dense")
                  if path in file}  # fmt: skip
        assert "blocks/dense" not in file and "_hidden" not in file
    assert widths == {"alias": 3, "blocks/container/dense": 4, "blocks/container_1/dense": 5, "layers/dense": 2}


def test_seeds_are_written_in_32_bits_where_they_fit(tmp_path):
    for seed, dtype in ((7, "uint32"), (2**40, "uint64")):
        model = Sequential([layers.Input((2,)), layers.Dropout(0.5, seed=seed)])
        model(X[:, :2], training=True)
        model.save_weights(tmp_path / "m.weights.h5")
        with h5py.File(tmp_path / "m.weights.h5") as file:
            stored = file["layers/dropout/seed_generator/vars/0"]
            assert stored.dtype == dtype and stored[()].tolist() == [seed, 1]
        other = Sequential([layers.Input((2,)), layers.Dropout(0.5, seed=1)])
        other.load_weights(tmp_path / "m.weights.h5")
        assert other.layers[0].seed_generator.state.numpy().tolist() == [seed, 1]


def test_an_archive_has_the_members_of_keras(tmp_path):
    small_model().save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert set(json.loads(archive.read("metadata.json"))) == {"keras_version", "date_saved"}
        config = json.loads(archive.read("config.json"))
    assert config["class_name"] == "Sequential" and config["module"] == "keras"
    assert config["compile_config"]["loss"] == "mse" and config["compile_config"]["optimizer"]["class_name"] == "Adam"


# ---- round trips ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "zipped"), [("m.keras", None), ("folder", False), ("m.h5", None)])
def test_a_saved_model_goes_on_as_if_nothing_had_happened(tmp_path, name, zipped):
    model = small_model()
    model.save(tmp_path / name, zipped=zipped)
    loaded = saving.load_model(tmp_path / name)
    assert same(model.get_weights(), loaded.get_weights())
    assert same(model.optimizer.get_weights(), loaded.optimizer.get_weights())
    assert np.array_equal(model.predict(X, verbose=0), loaded.predict(X, verbose=0))
    if name != "m.h5":  # that format has no place for seeds
        assert model.layers[1].seed_generator.state.numpy().tolist() == loaded.layers[1].seed_generator.state.numpy().tolist()
        model.reset_metrics()
        assert model.train_on_batch(X, Y) == loaded.train_on_batch(X, Y)
        assert same(model.get_weights(), loaded.get_weights())


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5", "w.keras"])
def test_weights_come_back_from_every_kind_of_file(tmp_path, name):
    model = small_model()
    (model.save if name.endswith(".keras") else model.save_weights)(tmp_path / name)
    fresh = small_model(compiled=False)
    fresh.load_weights(tmp_path / name)
    assert same(model.get_weights(), fresh.get_weights())


def test_a_model_may_come_back_without_its_settings(tmp_path):
    model = small_model()
    model.save(tmp_path / "m.keras")
    assert saving.load_model(tmp_path / "m.keras", compile=False).optimizer is None
    model.save(tmp_path / "n.keras", include_optimizer=False)
    assert saving.load_model(tmp_path / "n.keras").optimizer is None


def test_custom_objects_and_assets_travel(tmp_path):
    class Words(layers.Layer):
        words: tuple[str, ...] = ()

        def call(self, x):
            return x

        def save_assets(self, folder):
            with open(f"{folder}/words.txt", "w", encoding="utf-8") as file:
                file.write(" ".join(self.words))

        def load_assets(self, folder):
            with open(f"{folder}/words.txt", encoding="utf-8") as file:
                self.words = tuple(file.read().split())

    layer = Words()
    layer.words = ("a", "b")
    model = Sequential([layers.Input((2,)), layer])
    for name, zipped in (("m.keras", None), ("folder", False)):
        model.save(tmp_path / name, zipped=zipped)
        with pytest.raises(ConfigError, match="Words"):
            saving.load_model(tmp_path / name)
        assert saving.load_model(tmp_path / name, custom_objects={"Words": Words}).layers[0].words == ("a", "b")


def test_a_functional_model_of_keras_is_read(tmp_path):
    def tensor(layer, shape):
        return {"class_name": "__keras_tensor__", "config": {"shape": shape, "dtype": "float32", "keras_history": [layer, 0, 0]}}

    def dense(name, source, units, width):
        policy = {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}, "registered_name": None}
        config = {"name": name, "trainable": True, "dtype": policy, "units": units, "activation": "linear", "use_bias": True,
                  "quantization_config": None}  # fmt: skip
        return {"module": "keras.layers", "class_name": "Dense", "config": config, "registered_name": None, "name": name,
                "build_config": {"input_shape": [None, width]},
                "inbound_nodes": [{"args": [tensor(source, [None, width])], "kwargs": {}}]}  # fmt: skip

    config = {
        "module": "keras.src.models.functional", "class_name": "Functional", "registered_name": "Functional", "build_config": {"input_shape": None},
        "config": {
            "name": "made_by_hand", "trainable": True,
            "layers": [
                {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "name": "x", "inbound_nodes": [],
                 "config": {"batch_shape": [None, 6], "dtype": "float32", "sparse": False, "ragged": False, "name": "x", "optional": False}},
                dense("a", "x", 3, 6), dense("b", "a", 2, 3),
            ],
            "input_layers": ["x", 0, 0], "output_layers": ["b", 0, 0],
        },
    }  # fmt: skip
    rng = np.random.RandomState(0)
    w = [rng.standard_normal(s).astype("float32") for s in ((6, 3), (3,), (3, 2), (2,))]
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for k, value in enumerate(w):
            file[f"layers/dense{'_1' if k > 1 else ''}/vars/{k % 2}"] = value
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("metadata.json", '{"keras_version": "3.15.1", "date_saved": "2026-01-01@00:00:00"}')
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", buffer.getvalue())
    model = saving.load_model(tmp_path / "m.keras")
    assert model.name == "made_by_hand"
    np.testing.assert_allclose(model.predict(X, verbose=0), (X @ w[0] + w[1]) @ w[2] + w[3], rtol=1e-5, atol=1e-6)


def test_a_functional_model_with_two_branches_goes_to_a_file_and_back(tmp_path):
    a, b = Input((6,), name="a"), Input((6,), name="b")
    deep = layers.Dense(3, name="b2")(layers.Dense(4, name="b1")(b))
    both = layers.Concatenate(name="both")([layers.Dense(5, name="a1")(a), deep])
    model = Model([a, b], [layers.Dense(1, name="y")(both), deep], name="branches")
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        order = [file[f"layers/{group}/vars"].attrs["name"] for group in ("dense", "dense_1", "dense_2", "dense_3")]
    assert order == ["b1", "a1", "b2", "y"]
    loaded = saving.load_model(tmp_path / "m.keras")
    for p, q in zip(model.predict([X, X + 1], verbose=0), loaded.predict([X, X + 1], verbose=0), strict=True):
        assert np.array_equal(p, q)


# ---- Keras 2 -------------------------------------------------------------------------------------------------------


def old_file(path, model_config, weights, version="2.2.4"):
    """An HDF5 file of Keras 2: layer -> weights, under names that end in `:0`."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["model_config"] = json.dumps(model_config).encode()
        place = file.create_group("model_weights")
        place.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            group = place.create_group(name)
            names = [f"{name}/{n}:0" for n in ("kernel", "bias")[: len(arrays)]]
            group.attrs["weight_names"] = [n.encode() for n in names]
            for n, value in zip(names, arrays, strict=True):
                group[n] = value


KERNEL, BIAS = np.arange(12, dtype="float32").reshape(6, 2), np.float32([1, 2])


def test_a_sequential_model_of_2017_is_read(tmp_path):
    scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    dense = {"name": "dense_1", "trainable": True, "batch_input_shape": [None, 6], "dtype": "float32", "units": 2, "activation": "linear",
             "use_bias": True, "kernel_initializer": {"class_name": "VarianceScaling", "config": scaling},
             "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None, "bias_regularizer": None,
             "activity_regularizer": None, "kernel_constraint": None, "bias_constraint": None}  # fmt: skip
    old_file(tmp_path / "old.h5", {"class_name": "Sequential", "config": [{"class_name": "Dense", "config": dense}]}, {"dense_1": [KERNEL, BIAS]})
    model = saving.load_model(tmp_path / "old.h5")
    np.testing.assert_allclose(model.predict(X, verbose=0), X @ KERNEL + BIAS, rtol=1e-5, atol=1e-5)


def test_a_functional_model_of_keras_2_is_read(tmp_path):
    def layer(kind, name, config, *sources):
        nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
        return {"name": name, "class_name": kind, "config": {"name": name, **config}, "inbound_nodes": nodes}

    made = [
        layer("InputLayer", "x", {"batch_input_shape": [None, 6], "dtype": "float32", "sparse": False}),
        layer("Dense", "d", {"units": 2, "activation": "linear"}, "x"),
        layer("BatchNormalization", "norm", {"axis": [1], "fused": True}, "d"),
        layer("Add", "sum", {}, "d", "norm"),
    ]
    config = {"name": "old", "layers": made, "input_layers": [["x", 0, 0]], "output_layers": [["sum", 0, 0]]}
    with pytest.raises(DataError, match="norm"):
        old_file(tmp_path / "old.h5", {"class_name": "Model", "config": config}, {"x": [], "d": [KERNEL, BIAS], "norm": [BIAS, BIAS]})
        saving.load_model(tmp_path / "old.h5")
    config["layers"] = [*made[:2], layer("Add", "sum", {}, "d", "d")]
    old_file(tmp_path / "old.h5", {"class_name": "Model", "config": config}, {"x": [], "d": [KERNEL, BIAS], "sum": []})
    model = saving.load_model(tmp_path / "old.h5")
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * (X @ KERNEL + BIAS), rtol=1e-5, atol=1e-5)


def test_weights_of_keras_2_are_read_by_order_or_by_name(tmp_path):
    old_file(tmp_path / "old.h5", {}, {"answer": [KERNEL, BIAS], "gone": [np.ones((9, 9), "float32")]})
    model = Sequential([layers.Input((6,)), layers.Dense(2, name="answer"), layers.Dense(3, name="new")])
    before = model.layers[1].get_weights()
    with pytest.raises(DataError, match="new"):
        model.load_weights(tmp_path / "old.h5")
    model.load_weights(tmp_path / "old.h5", by_name=True)
    assert same(model.layers[0].get_weights(), [KERNEL, BIAS]) and same(model.layers[1].get_weights(), before)
    with pytest.raises(ConfigError, match="by_name"):
        model.save_weights(tmp_path / "new.weights.h5")
        model.load_weights(tmp_path / "new.weights.h5", by_name=True)


def test_long_lists_of_layers_are_cut_into_several_attributes(tmp_path):
    model = Sequential([layers.Input((2,)), *(layers.Dense(2, name=f"{'a_very_long_name_' * 20}{k:03d}") for k in range(250))])
    model.save_weights(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as file:
        assert "layer_names0" in file.attrs and "layer_names1" in file.attrs
    weights = model.get_weights()
    model.set_weights([w + 1 for w in weights])
    model.load_weights(tmp_path / "m.h5")
    assert same(weights, model.get_weights())


# ---- what does not fit ---------------------------------------------------------------------------------------------


def test_weights_that_do_not_fit_change_nothing_and_are_listed(tmp_path):
    model = small_model(compiled=False)
    model.save_weights(tmp_path / "m.weights.h5")
    other = Sequential([layers.Input((6,)), layers.Dense(4), layers.Dropout(0.5), layers.BatchNormalization(), layers.Dense(3, name="wide")])
    before = other.get_weights()
    with pytest.raises(DataError, match=r"layers/dense_1: .*wide/kernel has shape \(4, 3\), the file \(4, 2\)"):
        other.load_weights(tmp_path / "m.weights.h5")
    assert same(before, other.get_weights())
    with pytest.warns(UserWarning, match="layers/dense_1"):
        other.load_weights(tmp_path / "m.weights.h5", skip_mismatch=True)
    assert same(other.layers[0].get_weights(), model.layers[0].get_weights())
    assert same(other.layers[3].get_weights(), before[-2:])


def test_names_of_files_say_the_format(tmp_path):
    model = small_model(compiled=False)
    for name in ("m", "m.txt", "m.weights"):
        with pytest.raises(ConfigError, match=r"\.keras"):
            model.save(tmp_path / name)
    with pytest.raises(ConfigError, match="zipped"):
        model.save(tmp_path / "m.keras", zipped=False)
    with pytest.raises(ConfigError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "m.txt")
    with pytest.raises(DataError, match=r"nothing\.keras"):
        saving.load_model(tmp_path / "nothing.keras")
    (tmp_path / "text.keras").write_text("no archive")
    with pytest.raises(DataError, match=r"text\.keras"):
        saving.load_model(tmp_path / "text.keras")
    with pytest.raises(ConfigError, match="no weights yet"):
        Sequential([layers.Dense(2)]).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ConfigError, match="no weights yet"):
        layers.Dense(2).count_params()
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ConfigError, match=r"the arguments \['other'\] are not supported"):
        model.load_weights(tmp_path / "m.weights.h5", other=None)


# ---- whole files or none -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5"])
def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, name):
    from symkeras.saving import legacy_files

    model = small_model(compiled=False)
    save = model.save_weights if "weights" in name else model.save
    save(tmp_path / name)
    before = (tmp_path / name).read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    for module, function in ((model_files, "write_state"), (legacy_files, "write_weights")):
        monkeypatch.setattr(module, function, full)
    with pytest.raises(FileError, match="No space left") as caught:
        save(tmp_path / name)
    assert name in str(caught.value) and isinstance(caught.value, OSError)
    assert (tmp_path / name).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileError, match=r"nowhere"):
        small_model(compiled=False).save(tmp_path / "nowhere" / "m.keras")


def test_without_overwrite_an_existing_file_stays(tmp_path):
    model = small_model(compiled=False)
    (tmp_path / "m.keras").write_text("mine")
    with pytest.raises(FileError, match="exists"):
        model.save(tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").read_text() == "mine"


# ---- files from strangers ------------------------------------------------------------------------------------------


def rewritten(source, target, change, compression=zipfile.ZIP_STORED):
    """A copy of an archive with some members changed: name -> new bytes."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        members = {name: old.read(name) for name in old.namelist()} | change
        for name, data in members.items():
            new.writestr(name, data)


def test_members_that_lead_out_of_the_archive_are_refused(tmp_path):
    small_model(compiled=False).save(tmp_path / "m.keras")
    for name in ("assets/../../evil", "/etc/evil", "assets\\..\\..\\evil", "C:/evil"):
        rewritten(tmp_path / "m.keras", tmp_path / "bad.keras", {name: b"x"})
        with pytest.raises(DataError, match="leads out"):
            saving.load_model(tmp_path / "bad.keras")


def test_members_and_arrays_that_claim_far_more_than_they_hold_are_refused(tmp_path, monkeypatch):
    from symkeras.saving import archives, h5_check

    small_model(compiled=False).save(tmp_path / "m.keras")
    monkeypatch.setattr(archives, "FLOOR", 2**16)
    monkeypatch.setattr(h5_check, "FLOOR", 2**16)
    rewritten(tmp_path / "m.keras", tmp_path / "bad.keras", {"config.json": b" " * 2**20}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="unpacks from"):
        saving.load_model(tmp_path / "bad.keras")
    model = Sequential([layers.Input((2048,)), layers.Dense(512, use_bias=False)])
    with h5py.File(tmp_path / "bad.weights.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", (2048, 512), "f4", chunks=(64, 64))
    with pytest.raises(DataError, match="claim 4194304 bytes but 0 are stored"):
        model.load_weights(tmp_path / "bad.weights.h5")


@pytest.mark.parametrize("link", [h5py.SoftLink("/elsewhere"), h5py.ExternalLink("other.h5", "/x")])
def test_links_in_weight_files_are_not_followed(tmp_path, link):
    model = Sequential([layers.Input((2,)), layers.Dense(1, use_bias=False)])
    with h5py.File(tmp_path / "bad.weights.h5", "w") as file:
        file["elsewhere"] = np.zeros((2, 1), "float32")
        file.create_group("layers/dense/vars")["0"] = link
    with pytest.raises(DataError, match="not followed"):
        model.load_weights(tmp_path / "bad.weights.h5")


def test_lambdas_are_refused_in_safe_mode(tmp_path):
    model = Sequential([layers.Input((6,)), layers.Lambda(lambda x: x * 2, output_shape=(6,))])
    with pytest.warns(UserWarning, match="bytecode"):
        model.save(tmp_path / "m.keras")
    with pytest.raises(ConfigError, match="lambda"):
        saving.load_model(tmp_path / "m.keras")
    loaded = saving.load_model(tmp_path / "m.keras", safe_mode=False)
    assert np.array_equal(loaded.predict(X, verbose=0), X * 2)


def test_a_damaged_architecture_says_so(tmp_path):
    small_model(compiled=False).save(tmp_path / "m.keras")
    for text, message in ((b"{", "not JSON"), (b"[]", "names no class"), (b"[" * 100_000, "not JSON")):
        rewritten(tmp_path / "m.keras", tmp_path / "bad.keras", {"config.json": text})
        with pytest.raises(DataError, match=message):
            saving.load_model(tmp_path / "bad.keras")


def test_a_seed_of_another_shape_is_left_alone(tmp_path):
    generator = SeedGenerator(5)
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["vars/0"] = np.zeros(3, "uint32")
    with h5py.File(tmp_path / "s.h5") as file:
        generator.load_own_variables(ReadStore(file, ""))
    assert generator.state.numpy().tolist() == [5, 0]


@pytest.mark.parametrize("name", ["m.weights.h5", "m.weights.json"])
def test_objects_to_skip_are_neither_written_nor_read(tmp_path, name):
    def made():
        return Sequential([Input((3,)), layers.Dense(2), Sequential([layers.Dense(2)]), layers.Dense(1)])

    model, other = made(), made()
    shards = {"max_shard_size": 1.0} if name.endswith("json") else {}
    saving.save_weights(model, tmp_path / name, objects_to_skip=[model.layers[1]], **shards)
    with pytest.raises(DataError, match="do not fit"):
        other.load_weights(tmp_path / name)
    before = other.get_weights()
    other.load_weights(tmp_path / name, objects_to_skip=[other.layers[1]])
    for k, (own, old, new) in enumerate(zip(other.get_weights(), before, model.get_weights(), strict=True)):
        assert np.array_equal(own, old if k in (2, 3) else new)
    with pytest.raises(ConfigError, match="objects_to_skip"):
        saving.save_weights(model, tmp_path / "m.safetensors", objects_to_skip=[])


def test_a_model_goes_into_an_open_file_and_comes_back():
    model, file = small_model(), io.BytesIO()
    saving.save_model(model, file)
    file.seek(0)
    other = saving.load_model(file)
    assert same(model.get_weights(), other.get_weights()) and same(*([v.numpy() for v in m.optimizer.variables] for m in (model, other)))
    model.save(file := io.BytesIO())
    assert zipfile.is_zipfile(file)
    with pytest.raises(ConfigError, match="zipped=False"):
        saving.save_model(model, io.BytesIO(), zipped=False)
    for broken in (b"", file.getvalue()[:200], b"\x89HDF"):
        with pytest.raises(DataError, match="not a readable archive"):
            saving.load_model(io.BytesIO(broken))


class Renamed(Model):
    """Has a layer under a name that comes before the one of older files, and under that as well."""

    def __init__(self):
        super().__init__()
        self.a_dense = layers.Dense(3)

    @property
    def dense(self):
        return self.a_dense

    def call(self, x):
        return self.a_dense(x)


def test_a_layer_is_found_under_another_name_that_leads_to_it(tmp_path):
    class Older(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x):
            return self.dense(x)

    older, renamed = Older(), Renamed()
    older(X)
    renamed(X)
    older.save_weights(tmp_path / "m.weights.h5")
    renamed.load_weights(tmp_path / "m.weights.h5")
    assert same(older.get_weights(), renamed.get_weights())
