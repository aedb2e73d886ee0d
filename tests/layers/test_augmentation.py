"""Colours, tones and mixtures of images: random changes while training, and what goes on whatever is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models
from symkeras.errors import ConfigError, SymkerasError
from tests.keras_reference import reference
from tests.layers.check_layer import check_layer

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(10, 200, size=(4, 6, 5, 3))
UNIT = {"value_range": (0, 1)}
HALF = np.array([True, False, True, True])
SHARES = np.array([0.3, -0.2, 1.0, 0.0], "float32")


def first(x: np.ndarray) -> np.ndarray:
    return np.moveaxis(x, -1, 1)


RANDOM: list[tuple[str, dict[str, Any]]] = [
    ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3), "fill_mode": "nearest"}), ("RandomHue", {"factor": 0.6}),
    ("RandomSaturation", {"factor": (0.2, 0.8)}), ("RandomColorDegeneration", {"factor": (0.1, 0.9)}), ("RandomGrayscale", {}),
    ("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": 0.4, "hue_factor": 0.5}),
    ("Solarization", {"addition_factor": 0.2, "threshold_factor": (0.2, 0.6)}), ("RandomInvert", {"factor": (0.4, 0.6)}),
    ("RandomPosterization", {"factor": (2, 7)}), ("RandomErasing", {"factor": (0.5, 0.9), "fill_value": 5.0}), ("RandomErasing", {}),
    ("MixUp", {"alpha": 0.5}), ("CutMix", {}), ("RandomSharpness", {"factor": (0.1, 0.9)}), ("RandomGaussianBlur", {"kernel_size": (3, 5)}),
    ("RandomPerspective", {"scale": 0.3}), ("RandomElasticTransform", {"scale": (0.5, 1.0), "fill_mode": "mirror"}),
    ("RandAugment", {"num_ops": 1}), ("AugMix", {"num_chains": 2, "chain_depth": 1, "all_ops": False}),
]  # fmt: skip
FIXED: list[tuple[str, dict[str, Any]]] = [
    ("AutoContrast", {}), ("Equalization", {"bins": 64}), ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3)}),
]  # fmt: skip
SMOOTH = [entry for entry in RANDOM if entry[0] in {"RandomShear", "RandomColorDegeneration", "RandomInvert", "RandomErasing", "MixUp", "CutMix",
                                                    "RandomSharpness", "RandomGaussianBlur"}]  # fmt: skip
LONG = {"RandAugment", "AugMix"}
"""Layers that take seconds to compile."""
SIZED = {*LONG, "RandomElasticTransform", "RandomSharpness", "RandomGaussianBlur"}
"""Layers that need to know sizes beside the batch."""
IN_PLACE = {"AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"}
"""Layers that do the same in use."""


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(("name", "config"), [*RANDOM, *FIXED])
def test_changes_keep_the_contract_of_layers(name: str, config: dict[str, Any], training: bool) -> None:
    given = {**config, "seed": 3} if (name, config) in RANDOM else config
    expected = None if training or name in IN_PLACE else IMAGES
    tolerance = 1e-3 if name.startswith("Contrast") else 1e-6
    check_layer(getattr(layers, name), given, IMAGES, expected, training=training, gradient=False, tolerance=tolerance)
    check_layer(getattr(layers, name), {**given, "data_format": "channels_first"}, first(IMAGES), None if expected is None else first(expected),
                training=training, gradient=False, tolerance=tolerance)  # fmt: skip


@pytest.mark.parametrize(("name", "config"), SMOOTH)
def test_gradients_go_through_what_has_a_slope(name: str, config: dict[str, Any]) -> None:
    check_layer(getattr(layers, name), {**config, "seed": 3}, IMAGES[:2, :2, :3] / 20, training=True, tolerance=1e-6)


@pytest.mark.parametrize(("name", "config"), [entry for entry in [*RANDOM, *FIXED[:2]] if entry[0] not in SIZED])
def test_changes_take_images_of_any_size(name: str, config: dict[str, Any]) -> None:
    given = {**config, "seed": 3} if (name, config) in RANDOM else config
    check_layer(getattr(layers, name), given, IMAGES, training=True, free=(0, 1, 2), gradient=False, tolerance=1e-6)


@pytest.mark.parametrize(("name", "config"), RANDOM)
def test_draws_repeat_with_the_seed_and_differ_from_call_to_call(name: str, config: dict[str, Any]) -> None:
    big = RNG.uniform(10, 200, (12, 9, 9, 3))
    one, two = (getattr(layers, name)(**config, seed=1) for _ in range(2))
    values = [one(big) for _ in range(4)]
    np.testing.assert_array_equal(values[0], two(big))
    assert any((value != values[0]).any() for value in values[1:])
    changed = [(np.abs(image - before) > 1e-3).any() for image, before in zip(values[0], big, strict=True)]
    assert any(changed) and one(big[0]).shape == big[0].shape


# ---- what each does --------------------------------------------------------------------------------------------------


def test_factors_that_change_nothing_leave_images_as_they_are() -> None:
    for layer in (layers.RandomShear(0.0, 0.0), layers.RandomHue(0.0), layers.RandomSaturation((0.5, 0.5)), layers.RandomColorDegeneration(0.0),
                  layers.RandomGrayscale(0.0), layers.RandomColorJitter(), layers.RandomInvert(0.0), layers.RandomErasing(0.0),
                  layers.RandomSharpness((0.5, 0.5)), layers.RandomGaussianBlur(0.0), layers.RandomPerspective(scale=0.0),
                  layers.RandomPerspective(0.0), layers.RandomElasticTransform(0.0), layers.RandomElasticTransform(scale=1e-9)):  # fmt: skip
        np.testing.assert_allclose(layer(IMAGES), IMAGES, rtol=1e-4, err_msg=layer.name)


def test_tones_are_those_of_their_definition() -> None:
    x = np.array([[[[20.0], [60.0], [100.0], [100.0]]]])
    assert layers.AutoContrast()(x).ravel().tolist() == [0, 127.5, 255, 255]
    np.testing.assert_array_equal(layers.AutoContrast()(np.full((1, 2, 2, 1), 9.0)), np.full((1, 2, 2, 1), 9.0))
    np.testing.assert_allclose(layers.AutoContrast(**UNIT)(x / 255).ravel(), [0, 0.5, 1, 1], atol=1e-6)
    assert layers.Equalization()(x).ravel().tolist() == [0, 85, 255, 255]
    np.testing.assert_array_equal(layers.Equalization()(np.full((1, 2, 2, 1), 9.0)), np.full((1, 2, 2, 1), 9.0))
    assert layers.RandomPosterization((2, 2))(x).ravel().tolist() == [0, 0, 64, 64]
    two_bits = layers.RandomPosterization((2, 2), (-1, 1))
    np.testing.assert_allclose(two_bits(x / 127.5 - 1).ravel(), np.array([0, 0, 64, 64]) / 127.5 - 1, atol=1e-6)
    solar = layers.Solarization(threshold_factor=(0.5, 0.5))
    drawn = {"additions": np.float32(10).reshape(1, 1, 1, 1), "thresholds": np.float32(100).reshape(1, 1, 1, 1)}
    assert solar.transform_images(x, drawn).ravel().tolist() == [30, 70, 145, 145]


def test_a_box_is_erased_or_cut_and_labels_are_mixed_by_its_size() -> None:
    x = np.arange(1.0, 5.0).reshape(4, 1, 1, 1) * np.ones((4, 8, 8, 1))
    erased = layers.RandomErasing((1.0, 1.0), (0.25, 0.25), 0.0, seed=2)(x)
    counts = (erased == 0).sum((1, 2, 3))
    assert ((counts >= 9) & (counts <= 25)).all()
    given = {"images": x, "labels": np.eye(4), "segmentation_masks": x.astype("int32")}
    for layer in (layers.CutMix(seed=4), layers.MixUp(0.4, seed=4)):
        drawn = layer.get_random_transformation(given)
        order, share = np.asarray(drawn["permutation_order"]), np.asarray(drawn["mix_weight"])
        assert sorted(order) == [0, 1, 2, 3] and (share >= 0).all() and (share <= 1).all()
        labels = share[:, None] * np.eye(4) + (1 - share[:, None]) * np.eye(4)[order]
        np.testing.assert_allclose(layer.transform_labels(np.eye(4), drawn), labels, rtol=1e-6)
        images = layer.transform_images(x, drawn)
        pair = np.stack([x[:, 0, 0, 0], x[order][:, 0, 0, 0]])
        if isinstance(layer, layers.CutMix):
            assert all(set(np.unique(image)) <= set(pair[:, k]) for k, image in enumerate(images))
        else:
            np.testing.assert_allclose(images[:, 3, 3, 0], share * pair[0] + (1 - share) * pair[1], rtol=1e-5)
        out = layer(given)
        assert out["images"].shape == x.shape and out["labels"].shape == (4, 4) and out["segmentation_masks"].shape == x.shape


def test_labels_masks_and_boxes_go_with_the_images() -> None:
    masks = (IMAGES[..., :1] > 100).astype("int32")
    boxes = {"boxes": np.zeros((4, 1, 4)), "labels": np.zeros((4, 1))}
    data = {"images": IMAGES, "labels": np.arange(4), "segmentation_masks": masks, "bounding_boxes": boxes}
    out = layers.RandomInvert((1.0, 1.0))(data)
    np.testing.assert_allclose(out["images"], 255 - IMAGES, rtol=1e-5)
    np.testing.assert_array_equal(out["segmentation_masks"], masks)
    assert out["bounding_boxes"]["boxes"].shape == (4, 1, 4) and out["labels"].tolist() == [0, 1, 2, 3]
    del data["bounding_boxes"]
    for layer in (layers.RandomFlip("horizontal", seed=1), layers.RandomCrop(3, 3, seed=1), layers.RandomRotation(0.2, fill_mode="constant", seed=1)):
        both = {**data, "segmentation_masks": (IMAGES[..., :1] * 1000).astype("int32")}
        moved = layer(both)
        assert moved["segmentation_masks"].dtype == "int32" and moved["segmentation_masks"].shape[:3] == moved["images"].shape[:3]
        assert set(np.unique(moved["segmentation_masks"])) <= {0, *np.unique(both["segmentation_masks"])}
        if not isinstance(layer, layers.RandomRotation):
            np.testing.assert_allclose(moved["segmentation_masks"][..., 0], moved["images"][..., 0] * 1000, atol=2)
        assert layer(both, training=False)["segmentation_masks"].dtype == "int32"
    single = layers.RandomInvert((1.0, 1.0))({"images": IMAGES[0], "labels": np.int32(3)})
    assert single["images"].shape == IMAGES[0].shape and int(single["labels"]) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: layers.RandomFlip()({"images": IMAGES, "bounding_boxes": {"boxes": np.zeros((4, 1, 4)), "labels": np.zeros((4, 1))}}),
        lambda: layers.RandomInvert()({"labels": IMAGES}), lambda: layers.RandomInvert()({"images": IMAGES, "other": 3}),
        lambda: layers.RandomHue(1.5), lambda: layers.RandomPosterization(0), lambda: layers.RandomPosterization(2.5), lambda: layers.MixUp(0),
        lambda: layers.RandomErasing(fill_value=(1, 2)), lambda: layers.AutoContrast(value_range=(1, 1)),
        lambda: layers.RandomHue(0.5)(IMAGES[..., :2]),
        lambda: layers.Equalization()(Input((4, 4, None))), lambda: layers.ContrastLimitedAdaptiveHistogramEqualization()(Input((None, 4, 3))),
        lambda: layers.RandomShear(x_factor=(-0.5, 0.2)), lambda: layers.RandomSaturation(0.5)(IMAGES[0, 0]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Any) -> None:
    with pytest.raises(SymkerasError, match=r"[a-z]{3}"):
        call()
    assert issubclass(ConfigError, ValueError)


def test_models_with_these_layers_are_saved_and_trained_the_same_afterwards(tmp_path: Path) -> None:
    x = y = Input((6, 5, 3))
    for name, config in RANDOM:
        y = y if name in LONG else getattr(layers, name)(**config, seed=5)(y)
    for name, config in FIXED:
        y = getattr(layers, name)(**config)(y)
    model = Model(x, layers.Dense(1)(layers.Flatten()(layers.Rescaling(1 / 255)(y))))
    model.compile("sgd", "mse")
    model.save(tmp_path / "m.keras")
    again = models.load_model(tmp_path / "m.keras")
    losses = [m.fit(IMAGES, np.ones((4, 1)), epochs=2, shuffle=False, verbose=0).history["loss"] for m in (model, again)]
    assert losses[0] == losses[1] and losses[0][0] != losses[0][1]


def test_draws_in_a_compiled_step_go_on(tmp_path: Path) -> None:
    drawing = [layers.MixUp(seed=1), layers.CutMix(seed=2), layers.RandomErasing(seed=3)]
    model = Sequential([Input((6, 5, 3)), *drawing, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    before = [layer.generator.state.numpy()[1] for layer in model.layers[:3]]
    model.fit(IMAGES / 255, np.zeros((4, 1)), verbose=0, epochs=2)
    after = [layer.generator.state.numpy()[1] for layer in model.layers[:3]]
    assert all(b > a for a, b in zip(before, after, strict=True))
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0), model.predict(IMAGES, verbose=0))


def test_neighbours_are_pulled_the_same_way() -> None:
    x = np.tile(np.arange(40.0), (40, 1)).reshape(1, 40, 40, 1)
    moved = layers.RandomElasticTransform(scale=(1.0, 1.0), fill_mode="nearest", seed=1)(x)[0, :, :, 0] - x[0, :, :, 0]
    inside = moved[8:-8, 8:-8]
    assert np.abs(inside).max() > 0.2 and np.abs(np.diff(inside, axis=0)).max() < np.abs(inside).max()


def test_a_policy_does_one_of_its_changes_at_a_time() -> None:
    layer, seen = layers.RandAugment(num_ops=1, factor=(0.5, 0.5), seed=1), set()
    for _ in range(30):
        drawn = layer.get_random_transformation(IMAGES)
        k = int(drawn[0]["index"])
        name = layer._names[k]
        seen.add(name)
        expected = getattr(layer, name).transform_images(IMAGES, drawn[0]["transforms"][name])
        np.testing.assert_array_equal(layer.transform_images(IMAGES, drawn), expected)
    assert len(seen) > 5
    mixed = layers.AugMix(num_chains=2, chain_depth=2, seed=1)
    drawn = mixed.get_random_transformation(IMAGES)
    np.testing.assert_allclose(np.asarray(drawn["chain_mixing_weights"]).sum(), 1, rtol=1e-5)
    data = {"images": IMAGES, "segmentation_masks": (IMAGES[..., :1] > 100).astype("int32")}
    assert layer(data)["segmentation_masks"].dtype == "int32" and mixed(data)["segmentation_masks"].shape == (4, 6, 5, 1)


def test_boxes_come_in_equal_numbers(tmp_path: Path) -> None:
    boxes = np.arange(24.0).reshape(2, 3, 4)
    data = {"images": IMAGES[:2], "bounding_boxes": {"boxes": boxes, "labels": boxes[..., 0]}}
    fewer, more = (layers.MaxNumBoundingBoxes(count)(data)["bounding_boxes"] for count in (2, 4))
    np.testing.assert_array_equal(fewer["boxes"], boxes[:, :2])
    np.testing.assert_array_equal(more["boxes"], np.pad(boxes, ((0, 0), (0, 1), (0, 0)), constant_values=-1))
    np.testing.assert_array_equal(more["labels"], np.pad(boxes[..., 0], ((0, 0), (0, 1)), constant_values=-1))
    layer = layers.MaxNumBoundingBoxes(4)
    shapes = layer.compute_output_shape({"images": (2, 6, 5, 3), "bounding_boxes": {"boxes": (2, 3, 4), "labels": (2, 3)}})
    assert shapes["bounding_boxes"] == {"boxes": (2, 4, 4), "labels": (2, 4)} and layer.get_config()["max_number"] == 4
    with pytest.raises(ConfigError, match="dict of 'boxes' and 'labels'"):
        layer({"images": IMAGES, "bounding_boxes": boxes})


# ---- against Keras ---------------------------------------------------------------------------------------------------

X = IMAGES.astype("float32")
BOX = np.zeros((4, 6, 5, 3), bool)
BOX[:, 1:4, 2:5] = True
SHAPES = (4, 1, 1, 1)
CORNERS = np.array([[[0, 0], [4, 0], [0, 5], [4, 5]]], "float32").repeat(4, 0)
MOVES = np.random.default_rng(3).uniform(-0.7, 0.7, (4, 4, 2)).astype("float32")
DRAWN: list[tuple[str, dict[str, Any], Any]] = [
    ("RandomShear", {"fill_mode": "constant"},
     {"shear_factor": np.array([[0.3, 0], [0, -0.4], [0.2, 0.2], [-1, 0.5]], "float32"), "input_shape": X.shape}),
    ("RandomHue", {"factor": 0.5}, {"factor": SHARES / 2}),
    ("RandomSaturation", {"factor": 0.5, **UNIT}, {"factor": np.array([0.3, 1.7, 0, 90], "float32")}),
    ("RandomColorDegeneration", {"factor": 0.5}, {"factor": SHARES.reshape(SHAPES)}), ("RandomGrayscale", {}, HALF.reshape(SHAPES)),
    ("Solarization", {}, {"additions": SHARES.reshape(SHAPES) * 100, "thresholds": np.abs(SHARES.reshape(SHAPES)) * 200}),
    ("Solarization", {"value_range": (-1, 1)}, {"additions": SHARES.reshape(SHAPES) * 100, "thresholds": np.abs(SHARES.reshape(SHAPES)) * 200}),
    ("RandomInvert", {}, {"apply_inversion": HALF}), ("RandomPosterization", {"factor": 4}, {"shift_factor": np.array([0, 3, 5, 7], "uint8")}),
    ("RandomErasing", {}, {"apply_erasing": HALF, "batch_masks": BOX, "fill_value": np.full((4, 6, 5, 3), 9, "float32")}),
    ("MixUp", {}, {"mix_weight": np.abs(SHARES), "permutation_order": np.array([2, 0, 3, 1])}),
    ("RandomSharpness", {"factor": 0.5}, {"factor": np.abs(SHARES)}),
    ("RandomGaussianBlur", {"kernel_size": (3, 5)}, {"should_apply_blur": HALF, "blur_factor": np.array([0.4, 0.9], "float32")}),
    *(("RandomPerspective", {"interpolation": how, "fill_value": 9.0}, {"apply_perspective": HALF, "start_points": CORNERS,
       "end_points": CORNERS + MOVES, "input_shape": X.shape}) for how in ("bilinear", "nearest")),
    ("CutMix", {}, {"batch_masks": BOX, "mix_weight": np.abs(SHARES), "permutation_order": np.array([2, 0, 3, 1])}),
    ("AutoContrast", {}, None), ("AutoContrast", UNIT, None), ("Equalization", {}, None), ("Equalization", {"bins": 16, **UNIT}, None),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 2)}, None),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (4, 3), "clip_limit": 0.0, **UNIT}, None),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (1, 8), "clip_limit": 1.5}, None),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Keras' own variables
def test_numbers_and_configs_are_those_of_keras() -> None:
    keras = reference()
    for name, config, drawn in DRAWN:
        seed = {} if name in {n for n, _ in FIXED} else {"seed": 1}
        theirs, ours = (getattr(module, name)(**config, **seed, name="same") for module in (keras.layers, layers))
        value_range = config.get("value_range", (0, 255))
        x = X / 255 * (value_range[1] - value_range[0]) + value_range[0]
        given = {k: v if isinstance(v, tuple) else keras.ops.convert_to_tensor(v) for k, v in drawn.items()} if isinstance(drawn, dict) else drawn
        expected = np.asarray(theirs.transform_images(keras.ops.convert_to_tensor(x), given))
        np.testing.assert_allclose(ours.transform_images(x, drawn), expected, rtol=1e-4, atol=2e-3 * (value_range[1] - value_range[0]) / 255,
                                   err_msg=f"{name} {config}")  # fmt: skip
    for name, config in [*RANDOM, *FIXED]:
        given = {**config, "name": "same"} | ({} if (name, config) in FIXED else {"seed": 4})
        theirs, ours = getattr(keras.layers, name)(**given).get_config(), getattr(layers, name)(**given).get_config()
        own = {"seed"} if name == "RandomGrayscale" else set()  # Keras' forgets it
        assert {k: _plain(v) for k, v in theirs.items()} == {k: _plain(v) for k, v in ours.items() if k not in own}, name
        getattr(layers, name).from_config(theirs)


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def test_no_drawn_changes_leave_images_as_they_are():
    images = np.random.default_rng(0).uniform(0, 255, size=(2, 4, 4, 3)).astype("float32")
    np.testing.assert_array_equal(layers.RandAugment(num_ops=0)(images, training=True), images)
