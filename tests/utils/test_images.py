"""Images as arrays and files, and folders of them as data sets."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Sequential, layers, utils
from symkeras.errors import ConfigError, DataError, ShapeError, SymkerasError

PICTURE = np.random.default_rng(0).integers(0, 256, (4, 6, 3)).astype("uint8")


@pytest.fixture
def pil() -> Any:
    return pytest.importorskip("PIL.Image")


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIL", "PIL.Image"):
        monkeypatch.setitem(sys.modules, name, None)
    for call in (lambda: utils.load_img("a.png"), lambda: utils.array_to_img(PICTURE), lambda: utils.save_img("a.png", PICTURE),
                 lambda: utils.image_dataset_from_directory("a")):  # fmt: skip
        with pytest.raises(ImportError, match=r'pip install "symkeras\[images\]"') as caught:
            call()
        assert isinstance(caught.value, SymkerasError)


def test_arrays_and_images_are_converted_into_each_other(pil: Any) -> None:
    image = utils.array_to_img(PICTURE, scale=False)
    assert image.size == (6, 4) and image.mode == "RGB"
    np.testing.assert_array_equal(utils.img_to_array(image), PICTURE)
    assert utils.img_to_array(image).dtype == "float32"
    assert utils.img_to_array(image, "channels_first", "uint8").shape == (3, 4, 6)
    np.testing.assert_array_equal(utils.img_to_array(utils.array_to_img(PICTURE.transpose(2, 0, 1), "channels_first", scale=False)), PICTURE)
    scaled = utils.img_to_array(utils.array_to_img(np.array([[[1.0], [2.0], [3.0]]])))
    assert scaled[0, :, 0].tolist() == [0, 127, 255]
    assert utils.array_to_img(np.full((1, 1, 1), 300.0), scale=False).mode == "I"
    for wrong in (np.zeros(3), np.zeros((1, 1, 2)), np.zeros((0, 1, 3))):
        with pytest.raises(ShapeError):
            utils.array_to_img(wrong)


def test_files_are_written_and_read(pil: Any, tmp_path: Path) -> None:
    for name in ("a.png", "b.bmp"):
        utils.save_img(tmp_path / name, PICTURE, scale=False)
        np.testing.assert_array_equal(utils.img_to_array(utils.load_img(tmp_path / name)), PICTURE)
    grey = utils.load_img(str(tmp_path / "a.png"), color_mode="grayscale", target_size=(2, 3), interpolation="bilinear")
    assert grey.mode == "L" and grey.size == (3, 2)
    kept = utils.load_img(tmp_path / "a.png", target_size=(2, 2), keep_aspect_ratio=True)
    np.testing.assert_array_equal(utils.img_to_array(kept), PICTURE[1::2, 2:5:2])
    assert utils.load_img(io.BytesIO((tmp_path / "a.png").read_bytes()), "rgba").mode == "RGBA"
    with pytest.warns(UserWarning, match="no transparency"):
        utils.save_img(tmp_path / "c.jpg", np.zeros((2, 2, 4)))
    assert utils.load_img(tmp_path / "c.jpg").size == (2, 2)


def test_what_is_no_image_is_said(pil: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    for path in (tmp_path / "a.png", tmp_path / "nothing.png", tmp_path):
        with pytest.raises(DataError, match=r"png|folder"):
            utils.load_img(path)
    for wrong in ({"color_mode": "cmyk"}, {"target_size": 3}, {"interpolation": "best"}, {"keep_aspect_ratio": "yes"}):
        with pytest.raises(ConfigError):
            utils.load_img(tmp_path / "a.png", **wrong)
    with pytest.raises(ConfigError, match="no format"):
        utils.save_img(tmp_path / "a.nothing", PICTURE)


@pytest.fixture
def folder(pil: Any, tmp_path: Path) -> Path:
    for k, name in enumerate(("cats", "dogs", "owls")):
        (tmp_path / name).mkdir()
        for n in range(4):
            utils.save_img(tmp_path / name / f"{n}.png", np.full((5 + n, 6, 3), 20 * k + n, "uint8"), scale=False)
    (tmp_path / "cats" / "notes.md").write_text("no image")
    return tmp_path


def images(folder: Path, **given: Any) -> Any:
    return utils.image_dataset_from_directory(folder, **{"image_size": (3, 4), "batch_size": 5, "shuffle": False, "verbose": False, **given})


def test_a_folder_of_images_is_a_data_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = images(folder, verbose=True)
    assert capsys.readouterr().out == "Found 12 files belonging to 3 classes.\n"
    assert data.class_names == ["cats", "dogs", "owls"] and len(data) == 3 and len(data.file_paths) == 12
    batches = list(data)
    assert [x.shape for x, _ in batches] == [(5, 3, 4, 3), (5, 3, 4, 3), (2, 3, 4, 3)] and batches[0][0].dtype == "float32"
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), np.repeat([0, 1, 2], 4))
    np.testing.assert_allclose(np.concatenate([x[:, 0, 0, 0] for x, _ in batches]), [20 * k + n for k in range(3) for n in range(4)], atol=1e-4)


@pytest.mark.parametrize(
    ("given", "shape", "labels"),
    [
        ({"label_mode": "categorical"}, (5, 3, 4, 3), (5, 3)), ({"label_mode": "binary", "class_names": ["owls", "cats"]}, (5, 3, 4, 3), (5, 1)),
        ({"label_mode": None}, (5, 3, 4, 3), None), ({"labels": None}, (5, 3, 4, 3), None), ({"color_mode": "grayscale"}, (5, 3, 4, 1), (5,)),
        ({"color_mode": "rgba", "data_format": "channels_first"}, (5, 4, 3, 4), (5,)), ({"batch_size": None}, (3, 4, 3), ()),
        ({"labels": [3, 1] * 6}, (5, 3, 4, 3), (5,)), ({"crop_to_aspect_ratio": True}, (5, 3, 4, 3), (5,)),
        ({"pad_to_aspect_ratio": True, "interpolation": "nearest"}, (5, 3, 4, 3), (5,)),
    ],
)  # fmt: skip
def test_labels_and_colours_come_as_they_are_asked_for(folder: Path, given: dict[str, Any], shape: Any, labels: Any) -> None:
    batch = images(folder, **given)[0]
    x = batch if labels is None else batch[0]
    assert x.shape == shape
    if labels is not None:
        assert batch[1].shape == labels and batch[1].dtype == ("int32" if len(labels) < 2 else "float32")


def test_training_and_validation_have_no_file_in_common(folder: Path) -> None:
    options = {"validation_split": 0.25, "shuffle": True, "seed": 3}
    train, validation = images(folder, subset="both", **options)
    assert len(train.file_paths) == 9 and len(validation.file_paths) == 3
    assert not {*train.file_paths} & {*validation.file_paths}
    assert images(folder, subset="training", **options).file_paths == train.file_paths
    assert images(folder, subset="validation", **options).file_paths == validation.file_paths
    first, second = (np.concatenate([y for _, y in train]) for _ in range(2))
    assert sorted(first) == sorted(second) and list(first) != list(second)


def test_data_sets_of_folders_are_chained_and_trained_on(folder: Path) -> None:
    data = images(folder, seed=1, shuffle=True)
    halved = data.map(lambda x, y: (x / 2, y))
    assert halved.class_names == data.class_names and len(halved.take(2)) == 2 and len(halved.skip(1)) == 2
    np.testing.assert_allclose(halved[0][0] * 2, data[0][0])
    kept = data.cache()
    assert kept[0][0] is kept[0][0]
    model = Sequential([layers.Flatten(), layers.Dense(3)])
    model.compile("sgd", "mse")
    history = model.fit(images(folder, label_mode="categorical").map(lambda x, y: (x / 255, y)).prefetch(2), epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"label_mode": "one"}, "label_mode"), ({"labels": "all"}, "labels"), ({"labels": [1, 2]}, "one for each file"),
        ({"labels": None, "class_names": ["cats"]}, "class_names"), ({"class_names": ["cows"]}, "folders"), ({"label_mode": "binary"}, "exactly 2"),
        ({"color_mode": "cmyk"}, "color_mode"), ({"image_size": (3,)}, "image_size"), ({"interpolation": "area"}, "interpolation"),
        ({"validation_split": 2.0, "subset": "training"}, "validation_split"), ({"validation_split": 0.5}, "subset"),
        ({"subset": "training"}, "subset"),
        ({"validation_split": 0.5, "subset": "test"}, "subset"), ({"validation_split": 0.5, "subset": "both", "shuffle": True}, "seed"),
        ({"batch_size": 0}, "batch_size"), ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "only one"), ({"format": "torch"}, "format"),
        ({"directory": "nowhere"}, "no folder"), ({"validation_split": 0.01, "subset": "validation"}, "No images found for validation"),
    ],
)  # fmt: skip
def test_arguments_of_a_folder_that_do_not_fit_are_refused(folder: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(SymkerasError, match=words):
        images(given.pop("directory", folder), **given)


def test_texts_of_a_folder_come_as_arrays_of_objects(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.txt").write_text(f"text {name}", encoding="utf-8")
    (x, y), = utils.text_dataset_from_directory(tmp_path, label_mode="binary", max_length=5, shuffle=False, verbose=False)  # fmt: skip
    assert x.tolist() == ["text ", "text "] and y.tolist() == [[0.0], [1.0]]
    (tmp_path / "a" / "t.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="UTF-8"):
        utils.text_dataset_from_directory(tmp_path, verbose=False)[0]


def test_scripts_find_these_under_preprocessing_too() -> None:
    from symkeras import preprocessing

    assert preprocessing.image.img_to_array is utils.img_to_array
    assert preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
    assert preprocessing.image.smart_resize(PICTURE, (2, 2)).shape == (2, 2, 3)
    with pytest.raises(AttributeError, match="nothing"):
        _ = preprocessing.nothing
