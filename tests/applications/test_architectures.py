"""Every architecture has the layers, weights and numbers of parameters that Keras' has."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numpy as np
import pytest

from symkeras import applications, layers, ops
from symkeras import backend as K
from symkeras.errors import ConfigError, ShapeError
from symkeras.layers.layer import Layer
from symkeras.models import Model
from tests.applications.published import PUBLISHED
from tests.keras_reference import reference, weights_of

QUICK = {
    ("ResNet50", True), ("ResNet50V2", False), ("VGG16", False), ("MobileNet", True), ("MobileNetV2", True), ("MobileNetV3Small", True),
    ("NASNetMobile", False), ("Xception", False), ("InceptionV3", True), ("DenseNet121", False), ("EfficientNetB0", True),
    ("EfficientNetV2B0", False), ("ConvNeXtTiny", True), ("InceptionResNetV2", False),
}  # fmt: skip
"""One of each family. SYMKERAS_ALL_ARCHITECTURES=1 checks all, in two minutes."""
IS_WHOLE = os.environ.get("SYMKERAS_ALL_ARCHITECTURES") == "1"


@pytest.fixture
def zeros(monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights begin as zeros, since drawing a hundred million takes seconds."""
    add_weight = Layer.add_weight

    def add(self: Any, *args: Any, **options: Any) -> Any:
        return add_weight(self, *args[:1], **{**options, "initializer": "zeros"})

    monkeypatch.setattr(Layer, "add_weight", add)
    K.clear_session()


def digest(model: Any) -> str:
    """As in `published.py`."""
    rows = [" ".join([x.name, type(x).__name__, *(str(tuple(w.shape)).replace(" ", "") for w in x.weights)]) for x in model.layers]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


@pytest.mark.parametrize(("function", "include_top"), [key for key in PUBLISHED if IS_WHOLE or key in QUICK])
def test_an_architecture_has_keras_layers_and_weights(zeros: None, function: str, include_top: bool) -> None:
    shape = {} if include_top else {"input_shape": (96, 96, 3)}
    model = getattr(applications, function)(weights=None, include_top=include_top, **shape)
    assert (len(model.layers), model.count_params(), digest(model)) == PUBLISHED[function, include_top]


def test_every_public_name_is_there() -> None:
    assert set(applications.NAMES) == {function for function, _ in PUBLISHED} and len(applications.NAMES) == 40
    for name in applications.NAMES:
        function = getattr(applications, name)
        assert function.__name__ == name and f"{name}(weights=None" in function.__doc__
    for name in applications.MODULES:
        module = getattr(applications, name)
        assert callable(module.preprocess_input) and module.decode_predictions is applications.imagenet_utils.decode_predictions
    assert applications.resnet50.ResNet50 is applications.ResNet50
    with pytest.raises(AttributeError, match="no attribute 'ResNet51'"):
        applications.ResNet51  # noqa: B018


def test_without_the_classifier_features_are_pooled_as_asked_for(zeros: None) -> None:
    def make(**options: Any) -> Any:
        return applications.MobileNetV2(weights=None, include_top=False, alpha=0.35, **options)

    assert make().output_shape == (None, None, None, 1280)
    assert make(input_shape=(64, 96, 3)).output_shape == (None, 2, 3, 1280)
    assert make(pooling="avg").output_shape == make(pooling="max").output_shape == (None, 1280)
    model = applications.ResNet50(weights=None, include_top=False, pooling="max", name="mine")
    assert model.layers[-1].name == "max_pool" and model.name == "mine"
    small = applications.MobileNet(weights=None, classes=7, classifier_activation=None, input_shape=(32, 32, 1), alpha=0.25)
    assert small.output_shape == (None, 7) and small.input_shape == (None, 32, 32, 1) and small.name == "mobilenet_0.25_32"


def test_a_model_begins_at_a_tensor_that_is_given(zeros: None) -> None:
    image = layers.Input((40, 40, 3))
    inside = layers.Rescaling(2.0)(image)
    model = applications.MobileNet(weights=None, include_top=False, input_tensor=inside, alpha=0.25)
    assert model.inputs[0] is image and model.layers[1].name.startswith("rescaling")
    whole = Model(image, layers.Flatten()(model.output))
    assert whole.predict(np.zeros((2, 40, 40, 3), "float32"), verbose=0).shape == (2, 256)


def test_a_model_begins_at_a_tensor_that_comes_of_no_input(zeros: None) -> None:
    """As in the style transfer of 2017: variables and a placeholder behind each other, and a gradient by the placeholder."""
    from symkeras.backend.theano_style import keras_backend as K

    base, image = K.variable(np.ones((1, 32, 32, 3))), K.placeholder((1, 32, 32, 3))
    model = applications.MobileNet(weights=None, include_top=False, input_tensor=K.concatenate([base, image], axis=0), alpha=0.25)
    total = K.sum(K.square(model.get_layer("conv1").output))
    gradient = K.function([image], K.gradients(total, image))
    assert model.output_shape == (2, 1, 1, 256)
    assert gradient([np.ones((1, 32, 32, 3))])[0].shape == (1, 32, 32, 3)


def test_channels_first_images_make_the_same_network(zeros: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from symkeras import config

    monkeypatch.setattr(config, "image_data_format", lambda: "channels_first")
    model = applications.MobileNetV2(weights=None, alpha=0.35, input_shape=(3, 33, 47), include_top=False)
    assert model.output_shape == (None, 1280, 2, 2)
    assert applications.MobileNetV3Small(weights=None, input_shape=(3, 32, 32)).output_shape == (None, 1000)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a small image": ({"input_shape": (20, 20, 3)}, "at least 32x32, received input_shape=\\(20, 20, 3\\)"),
    "no image": ({"input_shape": (20,)}, "must be three sizes \\(H, W, C\\)"),
    "a word for a shape": ({"input_shape": "224"}, "must be three sizes"),
    "an open size": ({"input_shape": (None, 64, 3)}, "must be known, received \\(None, 64, 3\\)"),
    "a pooling": ({"pooling": "mean"}, "pooling must be 'avg' or 'max' or None, received 'mean'"),
    "no classes": ({"classes": 0}, "classes must be a positive integer"),
    "an array": ({"input_tensor": np.zeros((1, 32, 32, 3))}, "must be a symbolic tensor"),
    "a number for weights": ({"weights": 3}, "weights must be None, 'imagenet' or the path"),
    "a file that is not there": ({"weights": "nothing.h5"}, "there is no file 'nothing.h5'"),
    "an activation": ({"classifier_activation": "rleu"}, "rleu"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_are_named(case: str) -> None:
    options, message = WRONG[case]
    for function in (applications.ResNet50, applications.MobileNet, applications.MobileNetV2, applications.NASNetMobile):
        with pytest.raises(ConfigError, match=f"{message}") as caught:
            function(**{"weights": None, **options})
        assert function.__name__ in str(caught.value) or case == "an activation"
    with pytest.raises(ShapeError, match=r"images of shape \(B, H, W, C\)"):
        applications.VGG16(weights=None, input_tensor=layers.Input((3,)))


SAME = {
    "MobileNet": {"alpha": 0.25, "input_shape": (32, 32, 3)}, "MobileNetV2": {"alpha": 0.35, "input_shape": (32, 32, 3)},
    "MobileNetV3Small": {"input_shape": (32, 32, 3)}, "ConvNeXtTiny": {"input_shape": (32, 32, 3)}, "ResNet50V2": {"input_shape": (32, 32, 3)},
    "NASNetMobile": {"input_shape": (224, 224, 3)}, "EfficientNetB0": {"input_shape": (32, 32, 3)}, "ResNet50": {"input_shape": (32, 32, 3)},
    "EfficientNetV2B0": {"input_shape": (32, 32, 3)}, "DenseNet121": {"input_shape": (32, 32, 3)}, "Xception": {"input_shape": (72, 72, 3)},
    "InceptionV3": {"input_shape": (75, 75, 3)}, "InceptionResNetV2": {"input_shape": (75, 75, 3)},
}  # fmt: skip


@pytest.mark.parametrize("function", SAME if IS_WHOLE else ["MobileNet", "MobileNetV3Small"])
def test_outputs_are_those_of_keras(function: str) -> None:
    options = SAME[function]
    keras = reference()
    K.clear_session()
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    theirs = getattr(keras.applications, function)(weights=None, classes=11, **options)
    rng = np.random.default_rng(0)
    values = [w if w.ndim > 1 else w * rng.uniform(0.8, 1.2, w.shape).astype(w.dtype) for w in weights_of(theirs)]
    theirs.set_weights(values)
    ours = getattr(applications, function)(weights=None, classes=11, **options)
    ours.set_weights(values)
    x = rng.uniform(0, 255, (2, *options["input_shape"])).astype("float32")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-3, atol=1e-5)


def test_the_weights_of_squeeze_and_excitation_are_hard_sigmoids() -> None:
    x = ops.relu6(np.array([-4.0, 0.0, 4.0], "float32") + 3.0) * (1.0 / 6.0)
    np.testing.assert_allclose(x, ops.hard_sigmoid(np.array([-4.0, 0.0, 4.0], "float32")), atol=1e-7)
