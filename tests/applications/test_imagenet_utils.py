"""Pixels as models expect them, and the names of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, applications
from symkeras.errors import ConfigError, DataError, ShapeError

PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype("uint8")
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406], "float32"), np.array([0.229, 0.224, 0.225], "float32")
EXPECTED = {
    "caffe": PIXELS[..., ::-1].astype("float32") - np.array([103.939, 116.779, 123.68], "float32"),
    "tf": PIXELS.astype("float32") / 127.5 - 1,
    "torch": (PIXELS.astype("float32") / 255 - MEAN) / DEVIATION,
}
MODES = {
    "caffe": ("resnet", "resnet50", "vgg16", "vgg19", "imagenet_utils"), "torch": ("densenet",),
    "tf": ("inception_v3", "inception_resnet_v2", "mobilenet", "mobilenet_v2", "nasnet", "resnet_v2", "xception"),
}  # fmt: skip


def first(x: Any) -> Any:
    return np.moveaxis(x, -1, -3)


@pytest.mark.parametrize("mode", MODES)
def test_pixels_are_prepared_as_each_family_expects(mode: str) -> None:
    before = PIXELS.copy()
    for name in MODES[mode]:
        preprocess = getattr(applications, name).preprocess_input
        for x, wanted in ((PIXELS, EXPECTED[mode]), (PIXELS[0], EXPECTED[mode][0])):
            found = preprocess(x)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(preprocess(first(x), data_format="channels_first"), first(wanted), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(PIXELS, before)
    np.testing.assert_allclose(applications.imagenet_utils.preprocess_input(PIXELS, mode=mode), EXPECTED[mode], rtol=1e-5, atol=1e-5)
    x = Input((4, 5, 3), dtype="uint8")
    model = Model(x, getattr(applications, MODES[mode][0]).preprocess_input(x))
    np.testing.assert_allclose(model.predict(PIXELS, verbose=0), EXPECTED[mode], rtol=1e-5, atol=1e-5)


def test_families_that_scale_themselves_leave_pixels_alone() -> None:
    for name in ("convnext", "efficientnet", "efficientnet_v2", "mobilenet_v3"):
        assert getattr(applications, name).preprocess_input(PIXELS) is PIXELS


def test_wrong_pixels_are_refused() -> None:
    preprocess = applications.imagenet_utils.preprocess_input
    with pytest.raises(ConfigError, match="mode must be 'caffe', 'tf' or 'torch', received 'tt'"):
        preprocess(PIXELS, mode="tt")
    with pytest.raises(ConfigError, match="data_format"):
        preprocess(PIXELS, data_format="channels")
    for x in (PIXELS[..., :2], PIXELS[0, 0]):
        with pytest.raises(ShapeError, match="images of 3 channels on axis -1"):
            preprocess(x)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models" / "imagenet_class_index.json"


def test_the_best_classes_come_with_their_names(index: Path) -> None:
    index.write_text(json.dumps({str(k): [f"n{k:08}", f"thing_{k}"] for k in range(1000)}))
    scores = np.zeros((2, 1000), "float32")
    scores[0, [3, 7]], scores[1, 999] = (0.3, 0.7), 1.0
    found = applications.resnet50.decode_predictions(scores, top=2)
    assert found[0] == [("n00000007", "thing_7", np.float32(0.7)), ("n00000003", "thing_3", np.float32(0.3))]
    assert found[1][0][:2] == ("n00000999", "thing_999") and len(found[1]) == 2
    assert len(applications.vgg16.decode_predictions(scores)[0]) == 5


def test_missing_and_damaged_names_are_told(index: Path) -> None:
    decode = applications.imagenet_utils.decode_predictions
    with pytest.raises(DataError, match=f"there is no file '{index}'; symkeras downloads nothing: put https://.*imagenet_class_index.json there"):
        decode(np.zeros((1, 1000)))
    for text in ("[1, 2]", '{"0": ["n0", "thing"]}', json.dumps({str(k): [k, "thing"] for k in range(1000)})):
        index.write_text(text)
        with pytest.raises(DataError, match="no table of the 1000 classes"):
            decode(np.zeros((1, 1000)))
    for shape in ((1000,), (1, 10), (1, 1, 1000)):
        with pytest.raises(ShapeError, match=r"scores of shape \(B, 1000\)"):
            decode(np.zeros(shape))
    with pytest.raises(ConfigError, match="top must be a positive integer"):
        decode(np.zeros((1, 1000)), top=0)
