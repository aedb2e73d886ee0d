"""Configs as Keras writes and reads them, where only a run of the conformance suite showed what it wants."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from symkeras import layers


@pytest.mark.parametrize("name", ["Dense", "EinsumDense", "Embedding", "ReversibleEmbedding"])
def test_layers_of_matrices_say_how_they_are_quantized(name: str) -> None:
    given = {"Dense": (3,), "EinsumDense": ("ab,bc->ac", 3), "Embedding": (5, 2), "ReversibleEmbedding": (5, 2)}[name]
    layer = getattr(layers, name)(*given)
    assert layer.get_config()["quantization_config"] is None
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_the_config_of_a_lambda_layer_has_the_parts_of_the_lambda_by_name() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = layers.Lambda(lambda x, k=2.0: x * k).get_config()
    assert set(config["function"]["config"]) == {"code", "defaults", "closure"}
    again = layers.Lambda.from_config(config, safe_mode=False)
    assert again(np.float32([3.0])).tolist() == [6.0]


def test_random_saturation_reads_the_pair_that_keras_makes_of_one_number() -> None:
    layer = layers.RandomSaturation.from_config({"factor": [-0.3, 0.3], "value_range": [0, 255]})
    assert tuple(layer.factor) == (-0.3, 0.3)
    grey = layers.RandomSaturation((-0.5, -0.2))(np.float32([[[[255.0, 0.0, 0.0]]]]), training=True)
    np.testing.assert_allclose(grey, 255.0, rtol=1e-5)
