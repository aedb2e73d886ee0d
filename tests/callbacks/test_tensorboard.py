"""TensorBoard's files, read by a reader of our own, and by TensorBoard itself where it is installed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, callbacks, layers
from symkeras.callbacks import event_messages as messages
from symkeras.callbacks.event_file import crc32c, record
from symkeras.errors import ConfigError, SymkerasError
from tests.callbacks.event_reader import Events, fields, tensor

X = np.random.default_rng(0).integers(0, 7, (12, 4))
Y = X.mean(1, keepdims=True).astype("float32")


def small() -> Any:
    model = Sequential([
        Input((4,), dtype="int32"), layers.Embedding(7, 3, name="words"), layers.Flatten(), layers.Dense(5, "relu", name="top/hidden"),
        layers.Dense(1, name="out"),
    ])  # fmt: skip
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def fitted(folder: Path, **arguments: Any) -> tuple[Any, Any]:
    model = small()
    board = callbacks.TensorBoard(folder, **arguments)
    history = model.fit(X, Y, batch_size=4, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[board])
    return model, history.history


def close(found: list[tuple[int, float]], steps: Any, values: Any) -> None:
    assert [step for step, _ in found] == list(steps)
    np.testing.assert_allclose([value for _, value in found], values, rtol=1e-6)


def test_the_values_of_epochs_are_those_of_the_history(tmp_path: Path) -> None:
    _, history = fitted(tmp_path, write_steps_per_second=True)
    train, validation = Events(tmp_path / "train"), Events(tmp_path / "validation")
    for name in ("loss", "mae"):
        close(train.series(f"epoch_{name}"), (0, 1), history[name])
        close(validation.series(f"epoch_{name}"), (0, 1), history[f"val_{name}"])
        close(validation.series(f"evaluation_{name}_vs_iterations"), (3, 6), history[f"val_{name}"])
    close(train.series("epoch_learning_rate"), (0, 1), [0.01, 0.01])
    assert all(value > 0 for _, value in train.series("epoch_steps_per_second"))
    assert set(train.plugins.values()) == {"scalars", "graph_keras_model"} and "batch_loss" not in train.values


@pytest.mark.parametrize(("update_freq", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])])
def test_batches_are_written_as_often_as_asked(tmp_path: Path, update_freq: Any, steps: list[int]) -> None:
    seen = []
    note = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    board = callbacks.TensorBoard(tmp_path, update_freq=update_freq, write_graph=False, write_steps_per_second=True)
    small().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[note, board])
    train = Events(tmp_path / "train")
    close(train.series("batch_loss"), steps, [seen[s - 1] for s in steps])
    assert [s for s, _ in train.series("batch_steps_per_second")] == steps and not train.graphs and "keras" not in train.values


def test_batches_nobody_writes_are_not_reported() -> None:
    assert not callbacks.CallbackList([callbacks.TensorBoard("logs")]).has_train_batch_hooks
    assert callbacks.CallbackList([callbacks.TensorBoard("logs", update_freq=5)]).has_train_batch_hooks


def test_weights_are_histograms_and_images(tmp_path: Path) -> None:
    model, _ = fitted(tmp_path, histogram_freq=2, write_images=True)
    train = Events(tmp_path / "train")
    for weight in model.weights:
        ((step, table),) = train.values[f"{weight.path}/histogram"]
        assert step == 0 and table[:, 2].sum() == weight.numpy().size
        assert train.plugins[f"{weight.path}/histogram"] == "histograms"
    (hidden,) = (weight for weight in model.weights if weight.path.endswith("top/hidden/kernel"))
    (_, (width, height, picture)) = train.values[f"{hidden.path}/image"][0]
    assert (width, height) == (b"12", b"5") and picture.startswith(b"\x89PNG")


def test_buckets_hold_every_finite_number() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    table = messages.buckets(values)
    counts, edges = np.histogram(values, 30)
    assert table.shape == (30, 3) and table[0, 0] == values.min() and table[-1, 1] == values.max()
    np.testing.assert_allclose(table[:, 0], edges[:-1], atol=1e-12)
    assert table[:, 2].tolist() == counts.tolist()
    assert messages.buckets(np.full(4, 2.0)).tolist() == [[1.5, 2.5, 4.0]] and messages.buckets(np.array([np.nan])).shape == (0, 3)
    assert messages.buckets(np.array([np.nan, np.inf, 1.0]))[:, 2].tolist() == [1.0]
    assert messages.buckets(np.array([-1.7e308, 1.7e308]))[:, 2].sum() == 2


def test_the_graph_is_the_compiled_step_below_its_layers(tmp_path: Path) -> None:
    model, _ = fitted(tmp_path)
    train = Events(tmp_path / "train")
    (graph,) = train.graphs
    names = [name for name, _, _ in graph]
    assert len(set(names)) == len(names) == len(model.executable("train").source_graph.nodes)
    assert all(source in set(names) for _, _, inputs in graph for source in inputs)
    assert any(name.startswith("top/hidden/") and op == "matmul" for name, op, _ in graph)
    assert any(name.startswith("gradients/top/hidden/") for name in names)
    (_, text) = train.values["keras"][0]
    assert json.loads(text) == json.loads(model.to_json())


def test_a_model_without_a_graph_of_layers_has_the_compiled_graph_alone(tmp_path: Path) -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    model = Own()
    model.compile("sgd", "mse")
    model.fit(X.astype("float32"), Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)])
    train = Events(tmp_path / "train")
    assert len(train.graphs) == 1 and "keras" not in train.values


def test_evaluation_alone_is_written_by_the_step_of_the_optimizer(tmp_path: Path) -> None:
    model = small()
    model.fit(X, Y, batch_size=4, verbose=0)
    found = model.evaluate(X, Y, verbose=0, callbacks=[callbacks.TensorBoard(tmp_path)], return_dict=True)
    close(Events(tmp_path / "validation").series("evaluation_mae_vs_iterations"), [3], [found["mae"]])
    assert not (tmp_path / "train").exists()


def test_tables_of_embeddings_are_there_for_the_projector(tmp_path: Path) -> None:
    model, _ = fitted(tmp_path, embeddings_freq=1, embeddings_metadata={"words": 'a "b".tsv'})
    config = (tmp_path / "projector_config.pbtxt").read_text()
    assert config == 'embeddings {\n  tensor_name: "words"\n  tensor_path: "embedding_0_words.tsv"\n  metadata_path: "a \\"b\\".tsv"\n}\n'
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "embedding_0_words.tsv").astype("float32"), model.layers[0].embeddings.numpy())
    with pytest.raises(ConfigError, match=r"names 'letters'.* are \['words'\]"):
        fitted(tmp_path, embeddings_freq=1, embeddings_metadata={"letters": "a.tsv"})


def test_arguments_of_keras_2_choose_tables_or_are_refused(tmp_path: Path) -> None:
    fitted(tmp_path, embeddings_freq=1, embeddings_layer_names=["words"], batch_size=4, write_grads=False, embeddings_data=None)
    assert (tmp_path / "embedding_0_words.tsv").exists()
    fitted(tmp_path / "none", embeddings_freq=1, embeddings_layer_names=[])
    assert not (tmp_path / "none" / "embedding_0_words.tsv").exists()
    with pytest.raises(ConfigError, match=r"embeddings_layer_names names 'letters'.* are \['words'\]"):
        fitted(tmp_path, embeddings_freq=1, embeddings_layer_names=["letters"])
    refused = (({"write_grads": True}, "gradients are not written"), ({"embeddings_data": X}, "need no data"), ({"batch_size": 0}, "batch_size"))
    for argument, message in refused:
        with pytest.raises(ConfigError, match=message):
            callbacks.TensorBoard(tmp_path, **argument)


def test_a_second_fit_adds_a_file(tmp_path: Path) -> None:
    model, board = small(), callbacks.TensorBoard(tmp_path)
    for _ in range(2):
        model.fit(X, Y, verbose=0, callbacks=[board])
    assert len(list((tmp_path / "train").iterdir())) == 2 and len(Events(tmp_path / "train").graphs) == 2


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SymkerasError, match="file/validation"):
        fitted(tmp_path / "file")
    with pytest.raises(ConfigError, match=r"profile_batch must be 0.*inspect.profile"):
        callbacks.TensorBoard("logs", profile_batch=(2, 4))


def test_numbers_and_checksums_have_the_published_form() -> None:
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(bytes(range(32))) == 0x46DD794E  # RFC 3720, B.4
    assert len(record(b"abc")) == 19
    value = fields(fields(messages.scalar("t", 1e300))[1][0])
    assert tensor(value[8][0]) == np.inf
    assert np.isnan(tensor(fields(fields(messages.scalar("t", float("nan")))[1][0])[8][0]))


def test_a_png_has_the_pixels() -> None:
    images = pytest.importorskip("PIL.Image")
    for picture in (np.random.default_rng(0).integers(0, 256, (3, 5, 3), "uint8"), np.array([[[0.0], [0.5], [np.nan], [2.0], [-1.0]]])):
        found = np.asarray(images.open(io.BytesIO(messages.png(picture)))).reshape(picture.shape)
        expected = picture if picture.dtype == "uint8" else np.array([[[0], [128], [0], [255], [0]]])
        np.testing.assert_array_equal(found, expected)


def test_tensorboard_itself_reads_it(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.plugins.graph import keras_util  # type: ignore[import-not-found]
    from tensorboard.util import tensor_util  # type: ignore[import-not-found]

    model, history = fitted(tmp_path, histogram_freq=1)
    events = accumulator.EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    found = [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in events.Tensors("epoch_loss")]
    close(found, (0, 1), history["loss"])
    assert len(events.Graph().node) == len(model.executable("train").source_graph.nodes)
    config = tensor_util.make_ndarray(events.Tensors("keras")[0].tensor_proto).item()
    assert [n.name for n in keras_util.keras_model_to_graph_def(json.loads(config)).node][-1] == "sequential/out"
