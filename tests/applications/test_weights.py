"""Weights of architectures: files of one's own, Keras' files in the cache folder, and what is said where they are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import applications
from symkeras import backend as K
from symkeras.errors import ConfigError, DataError
from tests.keras_reference import reference, weights_of

SMALL = {"input_shape": (32, 32, 3), "include_top": False, "alpha": 0.25}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    K.clear_session()
    return tmp_path / "models"


def test_weights_are_read_from_a_file_of_ones_own(home: Path) -> None:
    model = applications.MobileNet(weights=None, **SMALL)
    for suffix in (".weights.h5", ".h5"):
        file = home / f"mine{suffix}"
        model.save_weights(file) if suffix == ".weights.h5" else model.save(file)
        again = applications.MobileNet(weights=file, **SMALL)
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    with pytest.raises(ConfigError, match="'softmax' or None, received 'relu'"):
        applications.MobileNet(weights=str(file), classifier_activation="relu")


def test_imagenet_is_keras_file_in_the_cache_folder(home: Path) -> None:
    model = applications.MobileNet(weights=None, **SMALL)
    name = "mobilenet_2_5_224_tf_no_top.h5"
    with pytest.raises(DataError) as caught:
        applications.MobileNet(**SMALL)
    text = str(caught.value)
    assert str(home / name) in text and "downloads nothing" in text and f"/keras-applications/mobilenet/{name}" in text
    model.save(home / name)
    again = applications.MobileNet(**SMALL)
    np.testing.assert_array_equal(model.get_weights()[0], again.get_weights()[0])


FILES = {
    "ResNet50": "resnet50_weights_tf_dim_ordering_tf_kernels.h5", "ResNet101V2": "resnet101v2_weights_tf_dim_ordering_tf_kernels.h5",
    "VGG16": "vgg16_weights_tf_dim_ordering_tf_kernels.h5", "DenseNet169": "densenet169_weights_tf_dim_ordering_tf_kernels.h5",
    "InceptionV3": "inception_v3_weights_tf_dim_ordering_tf_kernels.h5", "Xception": "xception_weights_tf_dim_ordering_tf_kernels.h5",
    "InceptionResNetV2": "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5", "NASNetLarge": "nasnet_large.h5",
    "EfficientNetB3": "efficientnetb3.h5", "EfficientNetV2S": "efficientnetv2-s.h5", "EfficientNetV2B1": "efficientnetv2-b1.h5",
    "ConvNeXtXLarge": "convnext_xlarge.h5", "MobileNet": "mobilenet_1_0_224_tf.h5",
    "MobileNetV2": "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5", "MobileNetV3Large": "weights_mobilenet_v3_large_224_1.0_float.h5",
}  # fmt: skip


@pytest.mark.parametrize("function", FILES)
def test_files_are_called_as_keras_calls_them(home: Path, function: str) -> None:
    with pytest.raises(DataError, match=f"{function}: there is no file '{home / FILES[function]}'; symkeras downloads nothing"):
        getattr(applications, function)()


def test_imagenet_weights_refuse_what_they_do_not_fit(home: Path) -> None:
    for name in ("mobilenet_1_0_224_tf.h5", "resnet50_weights_tf_dim_ordering_tf_kernels.h5"):
        (home / name).touch()
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (applications.MobileNet, {"alpha": 0.3}, "alpha in"), (applications.MobileNet, {"depth_multiplier": 2}, "depth_multiplier=1"),
        (applications.MobileNet, {"input_shape": (100, 100, 3)}, "square images of"), (applications.MobileNet, {"classes": 10}, "1000 classes"),
        (applications.MobileNetV2, {"alpha": 0.3}, "alpha in"), (applications.MobileNetV3Small, {"alpha": 0.5}, "alpha 0.75 or 1.0"),
        (applications.MobileNetV3Small, {"alpha": 0.75, "minimalistic": True}, "minimalistic"),
        (applications.ResNet50, {"input_shape": (64, 64, 3)}, "an image of 224x224"),
        (applications.ResNet50, {"input_shape": (224, 224, 1)}, "needs 3 channels"),
    ]  # fmt: skip
    for function, options, message in wrong:
        with pytest.raises(ConfigError, match=message):
            function(**options)


def test_files_of_keras_are_read(home: Path) -> None:
    keras = reference()
    for name, options in (("MobileNetV3Small", {"include_top": False}), ("EfficientNetB0", {}), ("ConvNeXtTiny", {"include_top": False})):
        options = {"input_shape": (32, 32, 3), **options}
        keras.utils.clear_session()
        theirs = getattr(keras.applications, name)(weights=None, **options)
        for suffix in (".weights.h5", ".h5"):
            file = home / f"{name}{suffix}"
            theirs.save_weights(file) if suffix == ".weights.h5" else theirs.save(file)
            K.clear_session()
            ours = getattr(applications, name)(weights=file, **options)
            for a, b in zip(weights_of(theirs), ours.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
