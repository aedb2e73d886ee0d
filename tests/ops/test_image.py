"""Operations on images: by hand, against Keras, with gradients, and on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.autodiff import gradients
from symkeras.errors import SymkerasError
from symkeras.graph import Graph, TensorType
from symkeras.ops.evaluation import evaluate
from tests.backends import evaluate_on_all
from tests.keras_reference import reference

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 4, 5, 3))
METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
MODES = ("constant", "nearest", "wrap", "mirror", "reflect")


def row(*values: float) -> np.ndarray:
    return np.array(values, "float32").reshape(1, -1, 1)


# ---- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "given", "width", "expected"),
    [
        ("bilinear", (0, 4), 4, (0, 1, 3, 4)), ("bilinear", (0, 1, 2, 3), 2, (0.5, 2.5)), ("nearest", (1, 2, 3), 6, (1, 1, 2, 2, 3, 3)),
        ("nearest", (1, 2, 3, 4), 2, (2, 4)), ("bilinear", (7,), 3, (7, 7, 7)), ("bicubic", (5, 5, 5, 5), 7, (5,) * 7),
        ("lanczos3", (5, 5), 5, (5,) * 5),
    ],
)  # fmt: skip
def test_resizing_reads_pixels_as_squares(method: str, given: tuple[float, ...], width: int, expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(ops.image.resize(row(*given), (1, width), method)[0, :, 0], expected, atol=1e-6)


def test_antialiasing_takes_every_pixel_into_account() -> None:
    x = row(0, 0, 0, 8, 0, 0, 0, 0)
    assert ops.image.resize(x, (1, 2), antialias=True).sum() == pytest.approx(2, abs=0.5)
    assert ops.image.resize(x, (1, 2)).sum() == 0


def test_whole_numbers_are_rounded_and_kept_in_range() -> None:
    x = np.array([[[0], [255]], [[10], [7]]], "uint8")
    found = ops.image.resize(x, (3, 5))
    assert found.dtype == "uint8" and found[0, :, 0].tolist() == [0, 26, 128, 230, 255]
    assert ops.image.resize(x, (3, 5), "bicubic")[0, :, 0].tolist() == [0, 17, 135, 253, 255]


def test_the_aspect_ratio_is_kept_by_cropping_or_padding() -> None:
    x = np.arange(8.0).reshape(2, 4, 1)
    np.testing.assert_array_equal(ops.image.resize(x, (2, 2), crop_to_aspect_ratio=True), x[:, 1:3])
    padded = ops.image.resize(x, (4, 4), pad_to_aspect_ratio=True, fill_value=9)
    np.testing.assert_array_equal(padded[:, :, 0], [[9] * 4, [0, 1, 2, 3], [4, 5, 6, 7], [9] * 4])


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("constant", (0, 0, 1, 2, 3, 0, 0)), ("nearest", (1, 1, 1, 2, 3, 3, 3)), ("wrap", (2, 3, 1, 2, 3, 1, 2)), ("mirror", (3, 2, 1, 2, 3, 2, 1)),
     ("reflect", (2, 1, 1, 2, 3, 3, 2))],
)  # fmt: skip
def test_places_outside_stand_for_elements_by_the_fill_mode(mode: str, expected: tuple[int, ...]) -> None:
    x, places = np.array([1, 2, 3], "float32"), np.arange(-2, 5, dtype="float32")[None]
    for order in (0, 1):
        np.testing.assert_array_equal(ops.image.map_coordinates(x, places, order, mode), expected)


def test_a_place_that_is_none_gives_nan_and_far_ones_are_outside() -> None:
    places = np.array([[np.nan, 1e30, -1e30, np.inf]], "float32")
    found = ops.image.map_coordinates(np.array([1, 2], "float32"), places, 1, "nearest")
    assert np.isnan(found[0]) and found[1:3].tolist() == [2, 1]
    assert ops.image.map_coordinates(np.array([1, 2], "float32"), places[:, 1:3], 0, "constant", 5).tolist() == [5, 5]


def test_transforms_move_turn_and_project() -> None:
    x = np.arange(9.0).reshape(3, 3, 1)
    turned = ops.image.affine_transform(x, [0, 1, 0, -1, 0, 2, 0, 0])
    np.testing.assert_array_equal(turned[..., 0], np.rot90(x[..., 0], -1))
    each = ops.image.affine_transform(np.stack([x, x]), [[1, 0, 1, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 1, 0, 0]], fill_mode="nearest")
    np.testing.assert_array_equal(each[0, :, :, 0], x[:, [1, 2, 2], 0])
    np.testing.assert_array_equal(each[1, :, :, 0], x[[1, 2, 2], :, 0])
    halved = ops.image.affine_transform(x, [1, 0, 0, 0, 1, 0, 1, 0], "nearest")
    np.testing.assert_array_equal(halved[0, :, 0], x[0, [0, 1, 1], 0])


def test_patches_are_windows_row_by_row() -> None:
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    patches = ops.image.extract_patches(x, 2)
    assert patches.shape == (1, 2, 2, 4) and patches[0, 1, 0].tolist() == [8, 9, 12, 13]
    assert ops.image.extract_patches(x, 3, 1, padding="same")[0, 0, 0].tolist() == [0, 0, 0, 0, 0, 1, 0, 4, 5]
    assert ops.image.extract_patches(x, 2, 1, dilation_rate=2)[0, 0, 0].tolist() == [0, 2, 8, 10]


def test_borders_are_taken_and_put() -> None:
    x = np.arange(12.0).reshape(3, 4, 1)
    np.testing.assert_array_equal(ops.image.crop_images(x, 1, 2, target_height=2, target_width=1), x[1:, 2:3])
    np.testing.assert_array_equal(ops.image.crop_images(x, bottom_cropping=1, right_cropping=1, target_height=2, target_width=2), x[:2, 1:3])
    np.testing.assert_array_equal(ops.image.pad_images(x, 1, 0, 0, 2), np.pad(x, ((1, 0), (0, 2), (0, 0))))


def test_colours_turn_grey_and_back_from_hues() -> None:
    x = RNG.uniform(size=(2, 3, 4, 3))
    np.testing.assert_allclose(ops.image.rgb_to_grayscale(x)[..., 0], x @ [0.2989, 0.5870, 0.1140])
    np.testing.assert_allclose(ops.image.hsv_to_rgb(ops.image.rgb_to_hsv(x)), x)
    first = np.moveaxis(x, -1, 1)
    np.testing.assert_allclose(ops.image.rgb_to_hsv(first, "channels_first"), np.moveaxis(ops.image.rgb_to_hsv(x), -1, 1))


# ---- on every backend, with gradients --------------------------------------------------------------------------------

TRANSFORM = np.array([[0.9, 0.2, 0.3, -0.1, 1.1, 0.4, 0.0, 0.0], [1.2, -0.3, -0.6, 0.2, 0.8, 0.7, 0.01, 0.02]])
DIFFERENTIABLE: dict[str, Callable[[Any], Any]] = {
    **{f"resize {m}": lambda x, m=m: ops.image.resize(x, (3, 7), m) for m in METHODS},
    "resize smaller": lambda x: ops.image.resize(x, (2, 3), antialias=True),
    "resize to the ratio": lambda x: ops.image.resize(x, (3, 3), crop_to_aspect_ratio=True),
    "resize with borders": lambda x: ops.image.resize(x, (6, 6), pad_to_aspect_ratio=True),
    "grey": ops.image.rgb_to_grayscale,
    "crop": lambda x: ops.image.crop_images(x, 1, 1, 1, 1),
    "pad": lambda x: ops.image.pad_images(x, 1, 1, 1, 2),
    "patches": lambda x: ops.image.extract_patches(x, 2, 1, padding="same"),
    **{f"transform {m}": lambda x, m=m: ops.image.affine_transform(x, TRANSFORM, "bilinear", m, 0.5) for m in MODES},
    "transform nearest pixel": lambda x: ops.image.affine_transform(x, TRANSFORM, "nearest", "reflect"),
}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_backend_gives_values_and_gradients(name: str) -> None:
    f = DIFFERENTIABLE[name]
    x = ops.placeholder(TensorType(IMAGES.shape, "float64"), "x")
    out = f(x)
    value = f(IMAGES)
    assert out.shape == value.shape
    weights = RNG.normal(size=value.shape)
    (gradient,) = gradients(ops.sum(ops.multiply(out, weights)), [x])
    assert gradient is not None
    (found, slope), _ = evaluate_on_all(Graph([x.node], [out.node, gradient.node]), [IMAGES])
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12)
    # all are linear up to a constant
    direction = RNG.normal(size=IMAGES.shape)
    np.testing.assert_allclose((slope * direction).sum(), ((f(IMAGES + direction) - value) * weights).sum(), rtol=1e-9)


def test_places_have_gradients_too() -> None:
    x = ops.placeholder("f64[2, 6]", "places")
    grid, places = RNG.normal(size=(4, 5)), RNG.uniform(-2, 6, (2, 6))
    out = ops.image.map_coordinates(grid, x, 1, "reflect")
    (gradient,) = gradients(ops.sum(out), [x])
    assert gradient is not None
    (slope,), _ = evaluate_on_all(Graph([x.node], [gradient.node]), [places])
    for k in np.ndindex(2, 6):
        step = np.zeros((2, 6))
        step[k] = 1e-6
        sides = [ops.image.map_coordinates(grid, places + sign * step, 1, "reflect").sum() for sign in (1, -1)]
        assert slope[k] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("name", ["resize bilinear", "resize nearest", "resize bicubic", "resize to the ratio", "patches", "transform reflect"])
def test_height_and_width_may_be_symbolic(name: str) -> None:
    f = DIFFERENTIABLE[name]
    x = ops.placeholder("f64[batch, h, w, 3]", "x")
    out = f(x)
    (found,), _ = evaluate(Graph([x.node], [out.node]), [IMAGES])
    (on_all,), _ = evaluate_on_all(Graph([x.node], [out.node]), [IMAGES])
    np.testing.assert_allclose(found, f(IMAGES), atol=1e-12)
    np.testing.assert_allclose(on_all, found)


def test_windows_may_be_spread_and_go_by_steps_at_once() -> None:
    x = np.arange(49.0).reshape(1, 7, 7, 1)
    found = ops.image.extract_patches(x, 2, 3, 2)
    assert found.shape == (1, 2, 2, 4) and found[0, 1, 1].tolist() == [24, 26, 38, 40]


def test_sizes_of_a_kernel_may_be_an_array() -> None:
    np.testing.assert_array_equal(ops.image.gaussian_blur(IMAGES, np.array([3, 3])), ops.image.gaussian_blur(IMAGES, (3, 3)))


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.image.resize(IMAGES, 3), lambda: ops.image.resize(IMAGES, (3, 0)), lambda: ops.image.resize(IMAGES, (3, 3), "area"),
        lambda: ops.image.resize(IMAGES[0, 0], (3, 3)), lambda: ops.image.resize(IMAGES, (3, 3), fill_mode="wrap"),
        lambda: ops.image.resize(IMAGES, (3, 3), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        lambda: ops.image.resize(IMAGES, (3, 3), data_format="last"), lambda: ops.image.rgb_to_grayscale(IMAGES[..., :2]),
        lambda: ops.image.rgb_to_hsv(IMAGES.astype("int32")), lambda: ops.image.hsv_to_rgb(IMAGES[..., :2]),
        lambda: ops.image.crop_images(IMAGES, 1, 1),
        lambda: ops.image.crop_images(IMAGES, 3, 0, 3, 0), lambda: ops.image.pad_images(IMAGES, 1, 1, target_height=3, target_width=9),
        lambda: ops.image.pad_images(IMAGES, -1, 1, 1, 1), lambda: ops.image.extract_patches(IMAGES, 9), lambda: ops.image.extract_patches(IMAGES, 0),
        lambda: ops.image.extract_patches(IMAGES, 2, padding="full"),
        lambda: ops.image.affine_transform(IMAGES, [1, 2]), lambda: ops.image.affine_transform(IMAGES, TRANSFORM, "cubic"),
        lambda: ops.image.affine_transform(IMAGES, TRANSFORM, fill_mode="zero"), lambda: ops.image.map_coordinates(IMAGES, np.zeros((2, 3)), 1),
        lambda: ops.image.map_coordinates(np.zeros(3), np.zeros((1, 3)), 2),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(SymkerasError, match=r"[a-z]{3}"):
        call()


# ---- against Keras ---------------------------------------------------------------------------------------------------

X32 = IMAGES.astype("float32")
AGAINST: dict[str, Callable[[Any], Any]] = {
    **{f"resize {m} {size}": lambda i, m=m, size=size: i.resize(X32, size, m) for m in METHODS for size in ((3, 8), (7, 2))},
    **{f"resize smoothly {m}": lambda i, m=m: i.resize(X32, (2, 3), m, antialias=True) for m in METHODS},
    "resize a crop": lambda i: i.resize(X32, (3, 9), crop_to_aspect_ratio=True),
    "resize a frame": lambda i: i.resize(X32, (3, 9), pad_to_aspect_ratio=True, fill_value=2.0),
    "resize channels first": lambda i: i.resize(X32, (6, 6), "bicubic", data_format="channels_first"),
    "grey": lambda i: i.rgb_to_grayscale(X32), "hsv": lambda i: i.rgb_to_hsv(np.abs(X32)), "rgb": lambda i: i.hsv_to_rgb(np.abs(X32) % 1),
    "patches": lambda i: i.extract_patches(X32, (2, 3), (1, 2), padding="same"), "patches 3d": lambda i: i.extract_patches_3d(X32[None], 2, 1),
    "crop": lambda i: i.crop_images(X32, 1, 1, target_height=2, target_width=2),
    "pad": lambda i: i.pad_images(X32, 1, 1, target_height=9, target_width=9),
    **{f"transform {o} {m}": lambda i, m=m, o=o: i.affine_transform(X32, TRANSFORM.astype("float32") * ([1] * 6 + [0] * 2), o, m, 2.0)
       for m in MODES for o in ("nearest", "bilinear")},
    **{f"places {o} {m}": lambda i, m=m, o=o: i.map_coordinates(X32[0, :, :, 0], np.linspace(-7, 11, 60, dtype="float32").reshape(2, 30), o, m, 2.0)
       for m in MODES for o in (0, 1)},
}  # fmt: skip


def test_numbers_are_those_of_keras() -> None:
    keras = reference()
    for name, call in AGAINST.items():
        expected, found = np.asarray(call(keras.ops.image)), call(ops.image)
        assert found.dtype == expected.dtype, name
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5, err_msg=name)
