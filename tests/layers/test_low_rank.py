"""LoRA: a frozen weight and a trained difference, in training, in files and in what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, layers
from symkeras.errors import ConfigError

RNG = np.random.default_rng(0)
KINDS: dict[str, tuple[Any, tuple[int, ...], str, tuple[int, ...], tuple[int, ...]]] = {
    "dense": (lambda **o: layers.Dense(6, **o), (5,), "kernel", (5, 2), (2, 6)),
    "einsum": (lambda **o: layers.EinsumDense("abc,cde->abde", (4, 3, 2), bias_axes="e", **o), (4, 5), "kernel", (5, 3, 2), (2, 2)),
    "conv1d": (lambda **o: layers.Conv1D(6, 3, **o), (7, 4), "kernel", (3, 4, 2), (2, 6)),
    "conv2d": (lambda **o: layers.Conv2D(6, 3, groups=2, **o), (7, 7, 4), "kernel", (3, 3, 2, 2), (2, 6)),
    "embedding": (lambda **o: layers.Embedding(9, 6, **o), (4,), "embeddings", (9, 2), (2, 6)),
}
BY_KIND = pytest.mark.parametrize("kind", KINDS)


def data(kind: str) -> Any:
    shape = (8, *KINDS[kind][1])
    return RNG.integers(0, 9, shape).astype("int32") if kind == "embedding" else RNG.standard_normal(shape).astype("float32")


def model(kind: str, **options: Any) -> Any:
    symkeras.utils.set_random_seed(3)
    return Sequential([Input(KINDS[kind][1], dtype=data(kind).dtype), KINDS[kind][0](**options), layers.Flatten(), layers.Dense(1)])


@BY_KIND
def test_the_difference_begins_as_nothing_and_alone_is_trained(kind: str) -> None:
    m, x = model(kind), data(kind)
    before = m.predict(x, verbose=0)
    layer, (_, _, weight, a, b) = m.layers[0], KINDS[kind]
    frozen = getattr(layer, weight).numpy()
    layer.enable_lora(2, lora_alpha=3)
    m.compile("sgd", "mse")
    np.testing.assert_array_equal(m.predict(x, verbose=0), before)
    factors = [getattr(layer, f"lora_{weight}_{part}") for part in "ab"]
    assert [f.shape for f in factors] == [a, b] and factors[0].path.endswith(f"/lora_{weight}_a")
    m.fit(x, RNG.standard_normal((8, 1)).astype("float32"), epochs=2, verbose=0)
    np.testing.assert_array_equal(getattr(layer, f"_{weight}").numpy(), frozen)
    product = np.tensordot(factors[0].numpy(), factors[1].numpy(), 1)
    assert np.abs(product).max() > 0
    np.testing.assert_allclose(np.asarray(getattr(layer, weight)), frozen + 1.5 * product, rtol=1e-5, atol=1e-6)
    plain = model(kind)
    plain.set_weights([*(np.asarray(getattr(layer, weight) if w is getattr(layer, f"_{weight}") else w) for w in layer._stored_variables()),
                       *m.layers[-1].get_weights()])  # fmt: skip
    np.testing.assert_allclose(m.predict(x, verbose=0), plain.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@BY_KIND
@pytest.mark.parametrize("suffix", ["keras", "h5", "weights.h5"])
def test_files_hold_the_sum_and_are_read_with_and_without_a_difference(kind: str, suffix: str, tmp_path: Path) -> None:
    m, x = model(kind, lora_rank=2), data(kind)
    m.compile("sgd", "mse")
    m.fit(x, RNG.standard_normal((8, 1)).astype("float32"), epochs=2, verbose=0)
    file = tmp_path / f"m.{suffix}"
    if suffix != "weights.h5":
        m.save(file)
        again = symkeras.models.load_model(file)
        assert again.layers[0].lora_rank == 2 and again.layers[0].lora_enabled
    else:
        m.save_weights(file)
        again = model(kind)
        again.load_weights(file)
    np.testing.assert_allclose(again.predict(x, verbose=0), m.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@BY_KIND
def test_reading_weights_makes_the_difference_nothing(kind: str, tmp_path: Path) -> None:
    plain, m, x = model(kind), model(kind, lora_rank=2), data(kind)
    m.layers[0]._factors[1].assign(np.ones(m.layers[0]._factors[1].shape))
    plain.save_weights(tmp_path / "m.weights.h5")
    m.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(m.predict(x, verbose=0), plain.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_what_is_refused() -> None:
    with pytest.raises(ConfigError, match="enable_lora: Dense 'd' has no weights yet"):
        layers.Dense(3, name="d").enable_lora(2)
    layer = layers.Dense(3, lora_rank=1, name="d")
    layer.build((None, 2))
    with pytest.raises(ConfigError, match="lora is already enabled, with rank 1"):
        layer.enable_lora(2)
    with pytest.raises(ConfigError, match="incompatible with kernel constraints"):
        layers.Dense(3, lora_rank=1, kernel_constraint="max_norm").build((None, 2))
    for rank in (0, 1.5, "2"):
        with pytest.raises(ConfigError, match="lora_rank"):
            layers.Dense(3, lora_rank=rank)
