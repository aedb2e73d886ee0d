"""Rescaling, normalising, sizes of images, and random changes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models, ops, utils
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError
from tests.keras_reference import reference
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(10, 200, size=(3, 4, 5, 2))
ROWS = RNG.normal(size=(4, 3))


def first(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1)


# ---- in training and in use ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "config", "x", "expected"),
    [
        ("Rescaling", {"scale": 0.5, "offset": -1}, ROWS, ROWS * 0.5 - 1),
        ("Rescaling", {"scale": [1.0, 2.0, 3.0], "offset": [0.0, 1.0, 0.0]}, ROWS, ROWS * [1, 2, 3] + [0, 1, 0]),
        ("Normalization", {"mean": 2.0, "variance": 4.0}, ROWS, (ROWS - 2) / 2),
        ("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0]}, ROWS, (ROWS - [1, 2, 3]) / [1, 2, 3]),
        ("Normalization", {"mean": [1.0, 2.0, 3.0], "variance": [1.0, 4.0, 9.0], "invert": True}, ROWS, ROWS * [1, 2, 3] + [1, 2, 3]),
        ("Normalization", {"axis": None, "mean": 1.0, "variance": 0.0}, ROWS, (ROWS - 1) / 1e-7),
        ("CenterCrop", {"height": 2, "width": 3}, IMAGES, IMAGES[:, 1:3, 1:4]),
        ("CenterCrop", {"height": 2, "width": 3, "data_format": "channels_first"}, first(IMAGES), first(IMAGES[:, 1:3, 1:4])),
        ("CenterCrop", {"height": 8, "width": 8}, IMAGES, ops.image.resize(IMAGES[:, :, :4], (8, 8))),
        ("Resizing", {"height": 3, "width": 8}, IMAGES, ops.image.resize(IMAGES, (3, 8))),
        ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}, IMAGES, IMAGES[:, :, :4]),
        ("Resizing", {"height": 6, "width": 5, "pad_to_aspect_ratio": True, "fill_value": 3.0}, IMAGES,
         np.pad(IMAGES, ((0, 0), (1, 1), (0, 0), (0, 0)), constant_values=3.0)),
        ("Resizing", {"height": 2, "width": 2, "interpolation": "bicubic", "antialias": True, "data_format": "channels_first"}, first(IMAGES),
         first(ops.image.resize(IMAGES, (2, 2), "bicubic", antialias=True))),
        ("UpSampling2D", {"size": (2, 3), "interpolation": "bilinear"}, IMAGES, ops.image.resize(IMAGES, (8, 15))),
        ("UpSampling2D", {"interpolation": "bicubic", "data_format": "channels_first"}, first(IMAGES),
         first(ops.image.resize(IMAGES, (8, 10), "bicubic"))),
    ],
)  # fmt: skip
def test_fixed_changes_keep_the_contract_of_layers(name: str, config: dict[str, Any], x: np.ndarray, expected: np.ndarray) -> None:
    check_layer(getattr(layers, name), config, x, np.broadcast_to(expected, (len(x), *expected.shape[1:])), gradient=name != "Normalization" or
                "variance" not in config or config["variance"] != 0.0)  # fmt: skip


def test_statistics_are_weights_in_keras_order() -> None:
    check_layer(layers.Normalization, {}, ROWS, lambda x, mean, variance, count: (x - mean) / np.maximum(np.sqrt(np.abs(variance)), 1e-7),
                weights=[("mean", (3,)), ("variance", (3,)), ("count", ())])  # fmt: skip


@pytest.mark.parametrize(("name", "config"), [("CenterCrop", {"height": 2, "width": 2}), ("Resizing", {"height": 3, "width": 3}),
                                              ("UpSampling2D", {"interpolation": "bilinear"})])  # fmt: skip
def test_images_of_any_size_are_taken(name: str, config: dict[str, Any]) -> None:
    check_layer(getattr(layers, name), config, IMAGES, free=(0, 1, 2), gradient=False)


def test_single_images_are_taken_where_keras_takes_them() -> None:
    for layer in (layers.Resizing(2, 2), layers.CenterCrop(2, 2), layers.RandomCrop(2, 2), layers.RandomFlip(), layers.RandomRotation(0.1),
                  layers.RandomContrast(0.1), layers.RandomBrightness(0.1), layers.RandomZoom(0.1), layers.RandomTranslation(0.1, 0.1)):  # fmt: skip
        assert layer(IMAGES[0]).shape == layer.compute_output_shape(IMAGES[0].shape)
        with pytest.raises(ShapeError, match="3 axes"):
            layer(ROWS)


# ---- adapt -----------------------------------------------------------------------------------------------------------


class Halves(utils.PyDataset):
    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return ROWS[2 * index : 2 * index + 2], np.zeros(2)


@pytest.mark.parametrize("data", [ROWS, ROWS.tolist(), [ROWS[:1], ROWS[1:]], (part for part in (ROWS[:3], ROWS[3:])), Halves(),
                                  [(ROWS[:2], np.zeros(2)), (ROWS[2:], np.zeros(2))]])  # fmt: skip
def test_adapt_takes_arrays_and_batches(data: Any) -> None:
    layer = layers.Normalization(dtype="float64")
    layer.adapt(data)
    np.testing.assert_allclose(layer.mean[0], ROWS.mean(0), rtol=1e-12)
    np.testing.assert_allclose(layer.variance[0], ROWS.var(0), rtol=1e-12)
    np.testing.assert_allclose(layer(ROWS), (ROWS - ROWS.mean(0)) / ROWS.std(0), rtol=1e-12)


@pytest.mark.parametrize("axis", [None, -1, 1, (1, 2), (-3, -1)])
def test_adapt_keeps_the_axes_it_is_told(axis: Any) -> None:
    layer = layers.Normalization(axis=axis, dtype="float64")
    layer.adapt(IMAGES)
    kept = () if axis is None else {a % 4 for a in ((axis,) if isinstance(axis, int) else axis)}
    free = tuple(a for a in range(4) if a not in kept)
    np.testing.assert_allclose(layer(IMAGES), (IMAGES - IMAGES.mean(free, keepdims=True)) / IMAGES.std(free, keepdims=True), rtol=1e-10)


def test_adapt_reaches_a_model_that_is_compiled_and_its_files(tmp_path: Path) -> None:
    norm = layers.Normalization()
    model = Sequential([Input((3,)), norm, layers.Dense(1)])
    before = model.predict(ROWS, verbose=0)
    norm.adapt(ROWS * 3 + 1)
    after = model.predict(ROWS, verbose=0)
    assert np.abs(before - after).max() > 1e-3
    model.save(tmp_path / "m.keras")
    np.testing.assert_array_equal(models.load_model(tmp_path / "m.keras").predict(ROWS, verbose=0), after)


@pytest.mark.parametrize(
    "call",
    [
        lambda: layers.Normalization(mean=1.0), lambda: layers.Normalization(mean=[1.0], variance=[1.0, 2.0]),
        lambda: layers.Normalization(axis=None, mean=[1.0], variance=[1.0]), lambda: layers.Normalization(axis=3)(ROWS),
        lambda: layers.Normalization(mean=1.0, variance=1.0).adapt(ROWS), lambda: layers.Normalization().adapt([]),
        lambda: layers.Normalization().adapt(["a", "b"]), lambda: layers.Normalization().adapt(3), lambda: layers.Normalization().build((None, None)),
        lambda: layers.Normalization().adapt([ROWS, ROWS[:, :2]]), lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 2.0])(ROWS),
        lambda: layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), lambda: layers.RandomFlip()({"pictures": IMAGES}),
        lambda: layers.RandomZoom(0.1, fill_mode="mirror"), lambda: layers.UpSampling2D(interpolation="area"),
        lambda: layers.RandomFlip(bounding_box_format="corners"), lambda: layers.RandomCrop(0, 2),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Any) -> None:
    with pytest.raises(SymkerasError, match=r"[a-z]{3}"):
        call()
    assert issubclass(DataError, ValueError) and issubclass(ConfigError, ValueError)


# ---- at random -------------------------------------------------------------------------------------------------------

RANDOM: list[tuple[str, dict[str, Any]]] = [
    ("RandomFlip", {}), ("RandomFlip", {"mode": "horizontal"}), ("RandomCrop", {"height": 2, "width": 3}), ("RandomContrast", {"factor": (0.5, 0.9)}),
    ("RandomBrightness", {"factor": 0.2}), ("RandomTranslation", {"height_factor": 0.4, "width_factor": (0.1, 0.6), "fill_mode": "constant"}),
    ("RandomRotation", {"factor": 0.3, "fill_mode": "wrap"}), ("RandomZoom", {"height_factor": 0.5}),
    ("RandomZoom", {"height_factor": (-0.3, 0.2), "width_factor": 0.4, "fill_mode": "nearest", "interpolation": "nearest"}),
]  # fmt: skip


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "config"), RANDOM)
def test_random_changes_keep_the_contract_of_layers(name: str, config: dict[str, Any], training: bool) -> None:
    layer = getattr(layers, name)
    expected = None if training else ops.image.resize(IMAGES, (2, 3), crop_to_aspect_ratio=True) if name == "RandomCrop" else IMAGES
    check_layer(layer, {**config, "seed": 3}, IMAGES, expected, training=training, tolerance=1e-9)
    check_layer(layer, {**config, "seed": 3, "data_format": "channels_first"}, first(IMAGES), None if expected is None else first(expected),
                training=training, gradient=False, tolerance=1e-9)  # fmt: skip


@pytest.mark.parametrize(("name", "config"), [entry for entry in RANDOM if entry[0] != "RandomCrop"])
def test_random_changes_take_images_of_any_size(name: str, config: dict[str, Any]) -> None:
    check_layer(getattr(layers, name), {**config, "seed": 3}, IMAGES, training=True, free=(0, 1, 2), gradient=False, tolerance=1e-9)


@pytest.mark.parametrize(("name", "config"), RANDOM)
def test_draws_repeat_with_the_seed_differ_from_call_to_call_and_from_image_to_image(name: str, config: dict[str, Any]) -> None:
    big = np.repeat(RNG.uniform(10, 200, (1, 9, 9, 1)), 12, 0)
    one, two = (getattr(layers, name)(**config, seed=1) for _ in range(2))
    values = [one(big) for _ in range(4)]
    np.testing.assert_array_equal(values[0], two(big))
    assert any((value != values[0]).any() for value in values[1:])
    if name != "RandomCrop":
        assert (values[0] != values[0][:1]).any()
    assert getattr(layers, name)(**config)(big.astype("uint8")).dtype == "float32"


def test_a_flip_mirrors_about_half_of_the_images() -> None:
    x = np.arange(4.0).reshape(1, 2, 2, 1).repeat(200, 0)
    y = layers.RandomFlip("horizontal", seed=1)(x)
    mirrored = (y[:, 0, 0, 0] == 1).sum()
    assert 70 < mirrored < 130 and {tuple(v) for v in y.reshape(200, 4)} == {(0, 1, 2, 3), (1, 0, 3, 2)}
    assert {tuple(v) for v in layers.RandomFlip(seed=1)(x).reshape(200, 4)} == {(0, 1, 2, 3), (3, 2, 1, 0)}


def test_every_place_of_a_crop_comes_and_nothing_else() -> None:
    x = np.arange(9.0).reshape(1, 3, 3, 1)
    layer = layers.RandomCrop(2, 2, seed=1)
    assert {float(layer(x)[0, 0, 0, 0]) for _ in range(60)} == {0, 1, 3, 4}
    np.testing.assert_array_equal(layers.RandomCrop(3, 3)(x), x)
    assert layers.RandomCrop(6, 6)(x).shape == (1, 6, 6, 1)


SIZES = [(9, 11), (3, 4), (9, 4), (4, 9), (6, 6)]


@pytest.mark.parametrize("first_axis", [False, True])
@pytest.mark.parametrize("name", ["CenterCrop", "RandomCrop", "Resizing"])
def test_one_model_takes_larger_and_smaller_images(name: str, first_axis: bool) -> None:
    layer = getattr(layers, name)(6, 5, data_format="channels_first" if first_axis else "channels_last")
    inputs = Input((3, None, None) if first_axis else (None, None, 3))
    model = Model(inputs, layer(inputs))
    for height, width in [*SIZES, *SIZES]:
        x = np.random.default_rng(height * width).normal(size=(2, height, width, 3)).astype("float32")
        x = first(x) if first_axis else x
        expected = layer(x, training=False) if name == "RandomCrop" else layer(x)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5, atol=1e-5)


def test_one_model_trains_on_larger_and_smaller_crops() -> None:
    inputs = Input((None, None, 1))
    model = Model(inputs, layers.RandomCrop(2, 2, seed=1)(inputs))
    x = np.arange(12.0).reshape(1, 3, 4, 1)
    seen = {float(model(x, training=True)[0, 0, 0, 0]) for _ in range(80)}
    assert seen == {0, 1, 2, 4, 5, 6}
    trained = Sequential([Input((None, None, 1)), layers.RandomCrop(2, 2, seed=1), layers.Flatten(), layers.Dense(1, "linear", False, "ones")])
    trained.compile("sgd", "mae")
    trained.optimizer.learning_rate = 0.0
    for _ in range(5):
        assert trained.train_on_batch(x, np.zeros((1, 1))) in {10.0, 14.0, 18.0, 26.0, 30.0, 34.0}
        small = np.full((1, 1, 3, 1), 2.0)
        assert trained.train_on_batch(small, np.zeros((1, 1))) == 8.0


def test_boxes_go_with_images_whose_size_is_known_later() -> None:
    boxes = np.array([[[1.0, 1.0, 3.0, 3.0]]], "float32")
    given = {"images": Input((None, None, 1)), "bounding_boxes": {"boxes": Input((1, 4)), "labels": Input((1,))}}
    for layer in (layers.CenterCrop(4, 4, bounding_box_format="xyxy"), layers.Resizing(4, 6, crop_to_aspect_ratio=True, bounding_box_format="xyxy")):
        model = Model(given, layer(given))
        for height, width in SIZES:
            x = {"images": np.ones((1, height, width, 1), "float32"), "bounding_boxes": {"boxes": boxes, "labels": np.ones((1, 1), "float32")}}
            got, expected = model(x), layer(x)
            np.testing.assert_allclose(got["bounding_boxes"]["boxes"], expected["bounding_boxes"]["boxes"], rtol=1e-6)


def test_shares_of_the_size_move_turn_and_zoom() -> None:
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    moved = layers.RandomTranslation((0.25, 0.25), (-0.5, -0.5), "constant", fill_value=9.0)(x)[0, :, :, 0]
    np.testing.assert_allclose(moved, np.vstack([np.full(4, 9.0), np.hstack([x[0, :3, 2:, 0], np.full((3, 2), 9.0)])]))
    np.testing.assert_allclose(layers.RandomRotation((0.25, 0.25), dtype="float64")(x)[0, :, :, 0], np.rot90(x[0, :, :, 0]), atol=1e-9)
    seen = layers.RandomZoom((1.0, 1.0), (0.0, 0.0), "constant", "nearest", fill_value=-1.0, dtype="float64")(x)[0, :, 0, 0]
    assert seen[0] == seen[3] == -1 and (seen[1:3] >= 0).all()


def test_training_changes_images_and_use_does_not() -> None:
    model = Sequential([Input((4, 5, 2)), layers.RandomFlip("horizontal", seed=1), layers.RandomRotation(0.2, seed=2), layers.Flatten()])
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), IMAGES.reshape(3, -1), rtol=1e-6)
    model.add(layers.Dense(1))
    model.compile("sgd", "mse")
    generator = model.layers[0].generator.state
    before = generator.numpy()
    model.fit(IMAGES / 255, np.zeros((3, 1)), verbose=0, epochs=2)
    assert generator.numpy()[1] == before[1] + 2


def test_models_with_these_layers_are_saved_and_trained_the_same_afterwards(tmp_path: Path) -> None:
    x = Input((4, 5, 2))
    y = x
    for name, config in RANDOM:
        if name != "RandomCrop":
            y = getattr(layers, name)(**config, seed=5)(y)
    fixed = (layers.Rescaling(1 / 255), layers.RandomCrop(3, 4, seed=1), layers.Resizing(3, 3), layers.CenterCrop(2, 2))
    for layer in (*fixed, layers.Flatten(), layers.Dense(1)):
        y = layer(y)
    model = Model(x, y)
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(again.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))
    losses = [m.fit(IMAGES, np.ones((3, 1)), epochs=3, shuffle=False, verbose=0).history["loss"] for m in (model, again)]
    assert losses[0] == losses[1]


# ---- against Keras ---------------------------------------------------------------------------------------------------

X = IMAGES.astype("float32")
DRAWN: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("RandomFlip", {}, {"flips": np.array([True, False, True]).reshape(3, 1, 1, 1)}),
    ("RandomContrast", {"factor": 0.5}, {"contrast_factor": np.array([0.6, 1.1, 1.5], "float32").reshape(3, 1, 1, 1)}),
    ("RandomBrightness", {"factor": 0.5}, {"rgb_delta": np.array([90, -60, 3], "float32").reshape(3, 1, 1, 1)}),
    *(("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5, "fill_mode": mode, "interpolation": how, "fill_value": 7.0},
       {"translations": np.array([[1.3, -2.1], [0, 3], [-4.6, 0.2]], "float32")}) for mode in ("reflect", "wrap", "constant", "nearest")
      for how in ("nearest", "bilinear")),
    ("RandomZoom", {"height_factor": 0.5, "data_format": "channels_last"},
     {"height_zoom": np.array([[0.6], [1.3], [1]], "float32"), "width_zoom": np.array([[1.4], [0.7], [0.9]], "float32")}),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own variables
def test_numbers_configs_and_files_are_those_of_keras(tmp_path: Path) -> None:
    keras = reference()
    for name, config, drawn in DRAWN:
        theirs, ours = (getattr(module, name)(**config, seed=1, name="same") for module in (keras.layers, layers))
        expected = np.asarray(theirs.transform_images(keras.ops.convert_to_tensor(X), {**drawn, "input_shape": X.shape}))
        np.testing.assert_allclose(ours.transform_images(X, drawn), expected, rtol=1e-5, atol=2e-4, err_msg=f"{name} {config}")
    turned = keras.layers.RandomRotation((0.1, 0.1))
    np.testing.assert_allclose(layers.RandomRotation((0.1, 0.1))(X), np.asarray(turned(X, training=True)), rtol=1e-4, atol=5e-3)
    for name, config in [*RANDOM, ("Resizing", {"height": 2, "width": 3}), ("CenterCrop", {"height": 2, "width": 2}),
                         ("Rescaling", {"scale": [1, 2.0]}),
                         ("Normalization", {"mean": [1.0, 2.0], "variance": [3.0, 4.0]}), ("Normalization", {"axis": (1, 2)}),
                         ("UpSampling2D", {"interpolation": "bicubic"})]:  # fmt: skip
        given = {**config, "name": "same"} | ({"seed": 4} if name.startswith("Random") else {})
        theirs, ours = getattr(keras.layers, name)(**given).get_config(), getattr(layers, name)(**given).get_config()
        assert {k: _plain(v) for k, v in theirs.items()} == {k: _plain(v) for k, v in ours.items()}, name
        getattr(layers, name).from_config(theirs)
        getattr(keras.layers, name).from_config(ours)
    for name, config in (("Resizing", {"height": 2, "width": 3, "interpolation": "bicubic"}), ("CenterCrop", {"height": 2, "width": 9}),
                         ("UpSampling2D", {"interpolation": "bilinear"}), ("Rescaling", {"scale": [0.5, 2.0], "offset": 1})):  # fmt: skip
        expected = np.asarray(getattr(keras.layers, name)(**config)(X))
        np.testing.assert_allclose(getattr(layers, name)(**config)(X), expected, rtol=1e-5, atol=1e-3, err_msg=name)
    theirs = keras.Sequential([keras.Input((4, 5, 2)), keras.layers.RandomFlip(seed=1), keras.layers.Normalization(axis=-1), keras.layers.Flatten(),
                               keras.layers.Dense(2)])  # fmt: skip
    theirs.layers[1].adapt(X)
    theirs.save(tmp_path / "theirs.keras")
    ours = models.load_model(tmp_path / "theirs.keras")
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-4)
    ours.save(tmp_path / "ours.keras")
    again = keras.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-5)


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
