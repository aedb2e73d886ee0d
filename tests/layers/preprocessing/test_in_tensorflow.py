"""Layers in the graphs that TensorFlow traces: a pipeline of `tf.data` maps its elements by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import layers, utils
from symkeras.errors import ShapeError

tf = pytest.importorskip("tensorflow", reason="pipelines of tf.data need TensorFlow")
IMAGES = np.arange(24, dtype="float32").reshape(2, 2, 3, 2)


def mapped(data: Any, fn: Any) -> tuple[Any, Any]:
    """The spec and the first element of a pipeline of one batch."""
    pipeline = tf.data.Dataset.from_tensor_slices(data).batch(2).map(fn)
    return pipeline.element_spec, next(iter(pipeline))


@pytest.mark.parametrize(("layer", "data", "dtype"), [
    (layers.Rescaling(0.5), IMAGES, "float32"),
    (layers.RandomFlip("vertical", seed=3), IMAGES, "float32"),
    (layers.Dense(4), IMAGES, "float32"),
    (layers.StringLookup(vocabulary=["a", "b"]), ["b", "c"], "int64"),
    (layers.StringLookup(vocabulary=["a", "b"], invert=True), np.array([1, 2]), "string"),
    (layers.TextVectorization(output_sequence_length=3, vocabulary=["a", "b"]), ["a b b a", "c"], "int64"),
    (layers.Normalization(mean=1.0, variance=4.0), IMAGES, "float32"),
])  # fmt: skip
def test_a_pipeline_maps_by_a_layer(layer: Any, data: Any, dtype: str) -> None:
    spec, got = mapped(data, layer)
    expected = type(layer).from_config(layer.get_config())
    expected.build_from_config({"input_shape": np.shape(data)})
    if layer.weights:
        expected.set_weights(layer.get_weights())
    value = np.asarray(expected(data))
    assert spec.dtype.name == dtype and spec.shape.as_list() == [None, *value.shape[1:]]
    assert got.numpy().tolist() == (value.astype("S") if dtype == "string" else value).tolist()


def test_several_tensors_and_dicts_of_them_are_mapped_too() -> None:
    crossing = layers.HashedCrossing(4)
    pairs = (["b", "c"], ["d", "e"])
    assert mapped(pairs, lambda a, b: crossing((a, b)))[1].numpy().tolist() == crossing(pairs).tolist()
    spec, got = mapped({"images": IMAGES, "labels": np.eye(2, dtype="float32")}, layers.MixUp(seed=1))
    assert spec["images"].shape.as_list() == [None, 2, 3, 2] and got["labels"].shape == (2, 2)


def test_a_feature_space_maps_rows() -> None:
    data = {"a": np.array([1.0, 3.0]), "b": np.array(["x", "y"])}
    space = utils.FeatureSpace(features={"a": "float_normalized", "b": "string_categorical"})
    space.adapt(tf.data.Dataset.from_tensor_slices(data))
    np.testing.assert_array_equal(mapped(data, space)[1].numpy(), space(data))


def test_a_tensor_of_unknown_rank_is_refused() -> None:
    with pytest.raises(ShapeError, match="set_shape"):
        tf.data.Dataset.from_tensors(1.0).map(lambda x: tf.numpy_function(lambda y: y, [x], tf.float32)).map(layers.Rescaling(2.0))
