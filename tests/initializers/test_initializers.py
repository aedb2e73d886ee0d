"""Initializers: their values and spread, seeds, names and configs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from symkeras import initializers, layers, utils
from symkeras.errors import ConfigError, ShapeError
from symkeras.initializers.scaling import compute_fans
from symkeras.random import SeedGenerator
from symkeras.saving import deserialize_keras_object, serialize_keras_object
from symkeras.utils import set_random_seed

SHAPE = (3, 3, 20, 60)  # window 9, 180 inputs and 540 outputs
SPREAD = {
    "random_normal": (0.05, None), "RandomUniform": (0.05 / math.sqrt(3), 0.05), "truncated_normal": (0.05 * 0.8796256610, 0.1),
    "glorot_normal": (math.sqrt(2 / 720), None), "GlorotUniform": (math.sqrt(2 / 720), math.sqrt(6 / 720)),
    "he_normal": (math.sqrt(2 / 180), None), "he_uniform": (math.sqrt(2 / 180), math.sqrt(6 / 180)),
    "LecunNormal": (math.sqrt(1 / 180), None), "lecun_uniform": (math.sqrt(1 / 180), math.sqrt(3 / 180)),
}  # fmt: skip
RANDOM = [*SPREAD, "variance_scaling", "orthogonal"]


@pytest.mark.parametrize(("name", "stddev", "limit"), [(k, *v) for k, v in SPREAD.items()])
def test_numbers_have_the_stated_spread_and_limit(name: str, stddev: float, limit: float | None) -> None:
    initializer = type(initializers.get(name))(seed=1)
    w = initializer(SHAPE)
    assert isinstance(w, np.ndarray) and w.shape == SHAPE and w.dtype == np.float32
    assert w.std() == pytest.approx(stddev, rel=0.02) and abs(w.mean()) < 4 * stddev / math.sqrt(w.size)
    limit = limit or (2 * stddev / 0.8796256610 if "ormal" in name and name != "random_normal" else None)
    if limit is not None:
        assert 0.98 * limit < np.abs(w).max() <= limit * (1 + 1e-6)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "untruncated_normal", "uniform"])
def test_variance_scaling_divides_by_the_fans(mode: str, distribution: str) -> None:
    w = initializers.VarianceScaling(3.0, mode, distribution, seed=2)((150, 350), "float64")
    assert w.dtype == np.float64
    assert w.var() * {"fan_in": 150, "fan_out": 350, "fan_avg": 250}[mode] == pytest.approx(3.0, rel=0.03)


@pytest.mark.parametrize(
    ("shape", "axes", "fans"),
    [((), (), (1, 1)), ((5,), (), (5, 5)), ((5, 7), (), (5, 7)), ((2, 4, 6), (), (8, 12)), ((8, 2, 4), ((0,), (1, 2)), (8, 8))],
)
def test_fans_of_a_shape(shape: tuple[int, ...], axes: tuple[Any, ...], fans: tuple[int, int]) -> None:
    assert compute_fans(shape, *axes) == fans


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 5), (5, 5)])
def test_orthogonal_has_orthonormal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = initializers.Orthogonal(gain=2.0, seed=3)(shape, "float64")
    assert w.shape == shape
    m = w.reshape(-1, shape[-1]) / 2
    gram = m @ m.T if m.shape[0] < m.shape[1] else m.T @ m
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-12)
    assert initializers.Orthogonal(seed=3)((4, 4), "float16").dtype == np.float16


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype", "expected"),
    [
        (initializers.Zeros(), (2,), "int32", [0, 0]),
        (initializers.Ones(), (2,), None, [1, 1]),
        (initializers.Constant(2.5), (2,), "float64", [2.5, 2.5]),
        (initializers.Constant([1, 2]), (2, 2), None, [[1, 2], [1, 2]]),
        (initializers.Identity(3), (2, 3), None, [[3, 0, 0], [0, 3, 0]]),
    ],
)
def test_fixed_values(initializer: Any, shape: tuple[int, ...], dtype: str | None, expected: Any) -> None:
    w = initializer(shape, dtype)
    np.testing.assert_array_equal(w, expected)
    assert w.dtype == (dtype or "float32") and w.flags.writeable


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_repeats_a_generator_moves_on_and_none_is_fixed_by_set_random_seed(name: str) -> None:
    cls = type(initializers.get(name))
    assert (cls(seed=4)((3, 4)) == cls(seed=4)((3, 4))).all()
    by_generator = cls(seed=SeedGenerator(4))
    assert not (by_generator((3, 4)) == by_generator((3, 4))).all()
    set_random_seed(1)
    first, other = cls(), cls()
    assert not (first((3, 4)) == other((3, 4))).all() and (first((3, 4)) == first((3, 4))).all()
    set_random_seed(1)
    assert (cls()((3, 4)) == first((3, 4))).all()


@pytest.mark.parametrize("name", sorted(initializers.NAMES.keys() - {"Initializer", "get", "serialize", "deserialize"}))
def test_config_has_keras_module_and_makes_the_same_initializer(name: str) -> None:
    arguments = {"seed": 9} if name not in ("Constant", "Zeros", "Ones", "Identity", "STFT") else {}
    shape = (3, 1, 4) if name == "STFT" else (3, 4)
    before = getattr(initializers, name)(**arguments)
    config = initializers.serialize(before)
    assert (config["module"], config["class_name"], config["registered_name"]) == ("keras.initializers", name, None)
    after = initializers.deserialize(config)
    assert type(after) is type(before) and after.get_config() == before.get_config()
    np.testing.assert_array_equal(after(shape), before(shape))
    assert type(initializers.get({"class_name": name, "config": before.get_config()})) is type(before)


def test_configs_written_by_keras_are_read() -> None:
    glorot = {"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": None, "input_axes": None, "output_axes": None},
              "registered_name": None}  # fmt: skip
    assert isinstance(initializers.get(glorot), initializers.GlorotUniform)
    seed = {"module": "keras.random", "class_name": "SeedGenerator", "config": {"seed": 3, "name": "s"}, "registered_name": None}
    normal = initializers.get({**glorot, "class_name": "RandomNormal", "config": {"seed": seed, "mean": 0.0, "stddev": 1.0}})
    assert isinstance(normal.seed, SeedGenerator) and normal.get_config()["seed"] == seed
    old = {"class_name": "VarianceScaling", "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}}
    assert initializers.get(old).mode == "fan_avg"
    array = initializers.Constant(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(deserialize_keras_object(serialize_keras_object(array)).value, [1, 2])


def test_get_takes_every_spelling_arrays_and_functions() -> None:
    for name in (*initializers.ALIASES, "Glorot_Uniform"):
        assert isinstance(initializers.get(name), initializers.Initializer), name
    assert initializers.get(None) is None
    np.testing.assert_array_equal(initializers.get(np.arange(3.0))((3,), "float32"), [0, 1, 2])
    assert initializers.get(np.zeros) is np.zeros
    assert isinstance(initializers.get(initializers.HeNormal), initializers.HeNormal)


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: initializers.get("glorot"), ConfigError, "unknown initializer 'glorot'.*Did you mean"),
        (lambda: initializers.get("get"), ConfigError, "unknown initializer"),
        (lambda: initializers.VarianceScaling(scale=0), ConfigError, "scale must be a positive number"),
        (lambda: initializers.VarianceScaling(mode="fan"), ConfigError, "'fan_in', 'fan_out' or 'fan_avg'"),
        (lambda: initializers.VarianceScaling(distribution="gamma"), ConfigError, "received 'gamma'"),
        (lambda: initializers.RandomNormal(seed="a"), ConfigError, "int or a SeedGenerator"),
        (lambda: initializers.Identity()((2,)), ShapeError, "matrices"),
        (lambda: initializers.Orthogonal()((2,)), ShapeError, "two axes"),
        (lambda: initializers.Constant([1, 2])((3,)), ShapeError, "does not broadcast"),
    ],
)
def test_errors_say_what_is_wrong(wrong: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        wrong()


def test_a_kernel_of_an_equation_is_scaled_by_the_axes_that_are_summed() -> None:
    utils.set_random_seed(3)
    heads = layers.MultiHeadAttention(8, 16, kernel_initializer="lecun_normal")
    heads.build((None, 10, 32), (None, 10, 32))
    for kernel, inputs in ((heads.query_dense.kernel, 32), (heads.output_dense.kernel, 8 * 16)):
        assert np.std(kernel.numpy()) == pytest.approx(inputs**-0.5, rel=0.1)
    dense = layers.EinsumDense("abc,cde->abde", (None, 8, 16), kernel_initializer=initializers.LecunNormal(input_axes=(0, 1), output_axes=(2,)))
    dense.build((None, 10, 32))
    assert np.std(dense.kernel.numpy()) == pytest.approx((32 * 8) ** -0.5, rel=0.1)
    assert layers.EinsumDense.from_config(dense.get_config()).kernel_initializer.input_axes == (0, 1)
