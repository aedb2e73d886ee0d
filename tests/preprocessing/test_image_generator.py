"""`ImageDataGenerator` and its batches."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import Sequential, layers
from symkeras.errors import ConfigError, DataError
from symkeras.preprocessing.image import (
    ImageDataGenerator,
    Iterator,
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)

IMAGES = np.random.RandomState(0).uniform(0, 255, (10, 6, 8, 3)).astype("float32")
CLASSES = np.arange(10)


def test_an_image_is_turned_about_its_middle():
    x = np.arange(9.0).reshape(3, 3, 1)
    np.testing.assert_allclose(apply_affine_transform(x, theta=90)[..., 0], np.rot90(x[..., 0], -1), atol=1e-4)
    shifted = apply_affine_transform(x, tx=1, fill_mode="constant", cval=-1)
    np.testing.assert_allclose(shifted[..., 0], [[3, 4, 5], [6, 7, 8], [-1, -1, -1]], atol=1e-5)
    np.testing.assert_allclose(apply_affine_transform(x, zx=0.5, zy=0.5)[1, 1, 0], 4, atol=1e-5)


@pytest.mark.parametrize("change", [lambda x: random_rotation(x, 20), lambda x: random_shift(x, 0.2, 0.2), lambda x: random_shear(x, 10),
                                    lambda x: random_zoom(x, (0.8, 1.2))])  # fmt: skip
def test_random_changes_keep_shape_and_follow_the_global_seed(change):
    x = IMAGES[0].transpose(2, 0, 1)
    np.random.seed(3)
    first = change(x)
    np.random.seed(3)
    np.testing.assert_array_equal(first, change(x))
    assert first.shape == x.shape and not np.array_equal(first, x)


def test_colours_stay_in_bounds():
    x = np.array([[[0.0, 100.0, 250.0]]])
    assert apply_channel_shift(x, 20).tolist() == [[[20.0, 120.0, 250.0]]]
    assert apply_brightness_shift(x, 1.5).tolist() == [[[0.0, 150.0, 255.0]]]
    np.testing.assert_allclose(apply_brightness_shift(x - 100, 0.5), [[[-100, -50, 25]]])


def test_without_changes_batches_are_the_images():
    x, y = next(ImageDataGenerator().flow(IMAGES, CLASSES, batch_size=4, shuffle=False))
    np.testing.assert_array_equal(x, IMAGES[:4])
    assert y.tolist() == [0, 1, 2, 3] and x.dtype == np.float32


def test_batches_go_on_without_end_and_epochs_have_orders_of_their_own():
    batches = ImageDataGenerator().flow(IMAGES, CLASSES, batch_size=4, seed=1)
    epochs = [np.concatenate([next(batches)[1] for _ in range(3)]) for _ in range(2)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs) and epochs[0].tolist() != epochs[1].tolist()
    again = ImageDataGenerator().flow(IMAGES, CLASSES, batch_size=4, seed=1)
    assert np.concatenate([next(again)[1] for _ in range(3)]).tolist() == epochs[0].tolist()


def test_each_image_is_changed_by_its_own_draw_and_a_seed_fixes_it():
    generator = ImageDataGenerator(rotation_range=30, width_shift_range=0.2, height_shift_range=[1, 2], zoom_range=0.1, shear_range=5,
                                   horizontal_flip=True, vertical_flip=True, channel_shift_range=10, brightness_range=(0.5, 1.5))  # fmt: skip
    same = np.stack([IMAGES[0]] * 5)
    first, second = (next(generator.flow(same, batch_size=5, seed=4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len({image.tobytes() for image in first}) == 5


def test_flips_are_those_that_were_drawn():
    generator = ImageDataGenerator(horizontal_flip=True)
    np.testing.assert_array_equal(generator.apply_transform(IMAGES[0], {"flip_horizontal": True}), IMAGES[0][:, ::-1])
    kinds = {np.array_equal(x, IMAGES[0]) for x in next(generator.flow(np.stack([IMAGES[0]] * 32), seed=0))}
    assert kinds == {True, False}


def test_channels_first_images_are_changed_alike():
    moves = {"theta": 20.0, "tx": 1.0, "flip_vertical": True}
    last = ImageDataGenerator().apply_transform(IMAGES[0], moves)
    first = ImageDataGenerator(data_format="channels_first").apply_transform(IMAGES[0].transpose(2, 0, 1), moves)
    np.testing.assert_array_equal(first.transpose(1, 2, 0), last)


def test_standardizing_follows_what_fit_measured():
    generator = ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    with pytest.raises(ConfigError, match="fit"):
        generator.standardize(IMAGES[0])
    generator.fit(IMAGES)
    out = np.concatenate([next(generator.flow(IMAGES, batch_size=10))])
    np.testing.assert_allclose(out.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(out.std((0, 1, 2)), 1, atol=1e-3)


def test_whitened_pixels_do_not_depend_on_each_other():
    x = np.random.RandomState(0).randn(200, 2, 2, 1).astype("float32") @ np.float32([[3.0]]) + 1
    x[:, 0, 0] += x[:, 1, 1]
    generator = ImageDataGenerator(zca_whitening=True)
    generator.fit(x)
    white = np.stack([generator.standardize(image) for image in x]).reshape(200, 4)
    np.testing.assert_allclose(white.T @ white / 200, np.eye(4), atol=1e-3)


def test_own_functions_come_before_the_scale():
    out = next(ImageDataGenerator(preprocessing_function=lambda x: x + 1, rescale=2.0).flow(IMAGES, shuffle=False, batch_size=10))
    np.testing.assert_allclose(out, (IMAGES + 1) * 2, rtol=1e-6)


def test_validation_has_the_first_rows():
    generator = ImageDataGenerator(validation_split=0.3)
    assert sorted(next(generator.flow(IMAGES, CLASSES, subset="validation"))[1]) == [0, 1, 2]
    assert generator.flow(IMAGES, CLASSES, subset="training").n == 7
    with pytest.raises(ConfigError, match="validation_split"):
        ImageDataGenerator().flow(IMAGES, subset="training")


def test_wrong_data_is_refused():
    with pytest.raises(DataError, match="9 rows"):
        ImageDataGenerator().flow(IMAGES, CLASSES[:9])
    with pytest.raises(DataError, match=r"\(B, H, W, C\)"):
        ImageDataGenerator().flow(IMAGES[0])
    with pytest.raises(ConfigError, match="zoom_range"):
        ImageDataGenerator(zoom_range=[1, 2, 3])
    with pytest.raises(ConfigError, match="no argument zoom"):
        ImageDataGenerator(zoom=1)


@pytest.fixture
def folder(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name, count in (("cats", 4), ("dogs", 2)):
        (tmp_path / name).mkdir()
        for k in range(count):
            image.fromarray(np.full((5, 7, 3), 10 * k + (name == "dogs"), "uint8")).save(tmp_path / name / f"{k}.png")
    return tmp_path


def test_a_folder_gives_images_and_classes(folder):
    batches = ImageDataGenerator(rescale=1 / 255).flow_from_directory(folder, target_size=(4, 4), batch_size=3, shuffle=False)
    assert batches.class_indices == {"cats": 0, "dogs": 1} and batches.samples == 6 and batches.num_classes == 2
    x, y = batches[1]
    assert x.shape == (3, 4, 4, 3) and y.tolist() == [[1, 0], [0, 1], [0, 1]]
    np.testing.assert_allclose(x[0], 30 / 255, rtol=1e-6)
    binary = ImageDataGenerator(validation_split=0.5).flow_from_directory(folder, (4, 4), class_mode="binary", subset="validation", shuffle=False)
    assert binary.filenames == ["cats/0.png", "cats/1.png", "dogs/0.png"] and binary[0][1].tolist() == [0, 0, 1]


def test_a_table_gives_images_and_targets(folder):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"file": ["cats/0.png", "dogs/1.png", "cats/9.png"], "kind": ["cat", "dog", "cat"], "size": [1.0, 2.0, 3.0]})
    batches = ImageDataGenerator().flow_from_dataframe(table, folder, "file", "kind", target_size=(4, 4), shuffle=False)
    assert batches.n == 2 and batches[0][1].tolist() == [[1, 0], [0, 1]]
    raw = ImageDataGenerator().flow_from_dataframe(table, folder, "file", "size", target_size=(4, 4), class_mode="raw", shuffle=False)
    assert raw[0][1].tolist() == [1.0, 2.0]


def test_models_train_on_batches_and_by_steps():
    model = Sequential([layers.Input((6, 8, 3)), layers.Flatten(), layers.Dense(10)])
    model.compile("sgd", "mse")
    batches = ImageDataGenerator(rescale=1 / 255, horizontal_flip=True).flow(IMAGES, np.eye(10)[CLASSES], batch_size=4)
    assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2
    assert len(model.fit_generator(batches, steps_per_epoch=7, epochs=2, verbose=0, validation_data=batches).history["val_loss"]) == 2


def test_iterators_of_ones_own_say_what_a_batch_is():
    class Numbers(Iterator):
        def _get_batches_of_transformed_samples(self, index_array):
            return index_array * 10

    assert next(Numbers(3, 2, shuffle=False)).tolist() == [0, 10]
