"""Ten more workloads that no backend was tuned on, in Keras code, as in `workloads.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from workloads import WORKLOADS, Workload, classes, normal


def tagger(keras: Any) -> Any:
    """A tag for each word of sentences of unequal length: masks, and a GRU in both directions."""
    layers = keras.layers
    words = keras.Input((40,), dtype="int32")
    x = layers.Embedding(5_000, 64, mask_zero=True)(words)
    x = layers.Bidirectional(layers.GRU(48, return_sequences=True))(x)
    model = keras.Model(words, layers.Dense(17, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def autoencoder(keras: Any) -> Any:
    """Images, made small by strided convolutions and large again by transposed ones."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((28, 28, 1))])
    for filters in (16, 32):
        model.add(layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu"))
    for filters in (32, 16):
        model.add(layers.Conv2DTranspose(filters, 3, strides=2, padding="same", activation="relu"))
    model.add(layers.Conv2D(1, 3, padding="same", activation="sigmoid"))
    model.compile(optimizer="adam", loss="binary_crossentropy")
    return model


def depthwise(keras: Any) -> Any:
    """Depthwise and pointwise convolutions with normalisation and a bounded relu."""
    layers = keras.layers
    x = image = keras.Input((32, 32, 3))
    for filters, strides in ((16, 1), (32, 2), (64, 2), (64, 1)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(filters, 1, use_bias=False)(x)))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))
    model.compile(optimizer=keras.optimizers.SGD(0.05, momentum=0.9), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def gpt(keras: Any) -> Any:
    """The next character by two blocks of causal attention and GELU."""
    layers, length, vocabulary, width = keras.layers, 64, 96, 64
    tokens = keras.Input((length,), dtype="int32")
    x = layers.Embedding(vocabulary, width)(tokens)
    for _ in range(2):
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.MultiHeadAttention(4, 16)(n, n, use_causal_mask=True)
        n = layers.LayerNormalization(epsilon=1e-5)(x)
        x = x + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(n))
    model = keras.Model(tokens, layers.Dense(vocabulary, activation="softmax")(layers.LayerNormalization(epsilon=1e-5)(x)))
    model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def siamese(keras: Any) -> Any:
    """Whether two images are of one kind: one encoder for both, and their distance."""
    layers = keras.layers
    encoder = keras.Sequential([keras.Input((784,)), layers.Dense(256, activation="relu"), layers.Dense(128, activation="tanh"), layers.Dense(32)])
    a, b = keras.Input((784,)), keras.Input((784,))
    apart = layers.Subtract()([encoder(a), encoder(b)])
    model = keras.Model([a, b], layers.Dense(1, activation="sigmoid")(keras.ops.square(apart)))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def controlled(keras: Any) -> Any:
    """`cond` and `while_loop` within a model."""
    layers, ops = keras.layers, keras.ops

    class Controlled(layers.Layer):
        """One of two formulas by a condition on the batch, times a number that a loop finds."""

        def call(self, x: Any) -> Any:
            x = ops.cond(ops.sum(x) > 0, lambda: x * 1.5, lambda: ops.tanh(x) + 0.5)
            largest = ops.stop_gradient(ops.max(ops.absolute(x)))
            (halved,) = ops.while_loop(lambda s: s > 1.0, lambda s: (s * 0.5,), (largest,))
            return x * (halved / (largest + 1e-3))

        def compute_output_shape(self, input_shape: Any) -> Any:
            return input_shape

    hidden = [layers.Dense(256, activation="elu"), Controlled(), layers.Dense(256, activation="elu")]
    model = keras.Sequential([keras.Input((128,)), *hidden, layers.Dense(8)])
    model.compile(optimizer="nadam", loss="mse")
    return model


def mixer(keras: Any) -> Any:
    """MLP-Mixer (Tolstikhin et al. 2021) for images of 32x32x3: patches of 4, four blocks of width 96."""
    layers, patches, width = keras.layers, 64, 96
    image = keras.Input((32, 32, 3))
    x = layers.Reshape((patches, width))(layers.Conv2D(width, 4, strides=4)(image))
    for _ in range(4):
        n = layers.Permute((2, 1))(layers.LayerNormalization(epsilon=1e-6)(x))
        n = layers.Dense(patches)(layers.Dense(2 * patches, activation="gelu")(n))
        x = layers.Add()([x, layers.Permute((2, 1))(n)])
        n = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(n))])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    model = keras.Model(image, layers.Dense(10, activation="softmax")(x))
    model.compile(optimizer="adamw", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def volumes(keras: Any) -> Any:
    """Three-dimensional convolutions over voxels, as of a scan."""
    layers = keras.layers
    model = keras.Sequential([keras.Input((16, 32, 32, 1))])
    for filters in (16, 32):
        model.add(layers.Conv3D(filters, 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling3D(2))
        model.add(layers.BatchNormalization())
    for layer in (layers.GlobalAveragePooling3D(), layers.Dense(64, activation="relu"), layers.Dense(1, activation="sigmoid")):
        model.add(layer)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def table(keras: Any) -> Any:
    """Rows of a table: an embedding for each of twenty columns of categories, ten numbers, batch normalisation, dropout."""
    layers = keras.layers
    kinds, numbers = keras.Input((20,), dtype="int32"), keras.Input((10,))
    parts = [layers.Flatten()(layers.Embedding(1_000, 8)(kinds[:, k : k + 1])) for k in range(20)]
    x = layers.Concatenate()([*parts, layers.BatchNormalization()(numbers)])
    for units in (256, 128):
        x = layers.Dropout(0.2)(layers.ReLU()(layers.BatchNormalization()(layers.Dense(units)(x))))
    model = keras.Model([kinds, numbers], layers.Dense(1, activation="sigmoid")(x))
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def unet(keras: Any) -> Any:
    """A U-Net (Ronneberger et al. 2015) of three levels: a class for each of 64x64 pixels."""
    layers = keras.layers

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    image = keras.Input((64, 64, 3))
    first = twice(image, 16)
    second = twice(layers.MaxPooling2D()(first), 32)
    x = twice(layers.MaxPooling2D()(second), 64)
    x = twice(layers.Concatenate()([layers.Conv2DTranspose(32, 2, strides=2)(x), second]), 32)
    x = twice(layers.Concatenate()([layers.UpSampling2D()(x), first]), 16)
    model = keras.Model(image, layers.Conv2D(3, 1, activation="softmax")(x))
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


# ---- data ------------------------------------------------------------------------------------------------------------


def sentences(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """words [B, 40] of 5 000, padded with 0, and a tag for each."""
    words = rng.integers(1, 5_000, (rows, 40), dtype="int32")
    return words * (np.arange(40) < rng.integers(10, 41, (rows, 1))), rng.integers(0, 17, (rows, 40), dtype="int32")


def pictures(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """images [B, 28, 28, 1], twice."""
    x = rng.random((rows, 28, 28, 1), dtype="float32")
    return x, x


def characters(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """[B, 64] of 96, and those that follow."""
    text = rng.integers(0, 96, (rows, 65), dtype="int32")
    return np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])


def pairs(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """Two vectors, and whether they are of one kind."""
    return [normal(rng, rows, 784), normal(rng, rows, 784)], rng.integers(0, 2, (rows, 1)).astype("float32")


def records(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """[categories [B, 20] of 1 000, numbers [B, 10]], and a binary target."""
    return [rng.integers(0, 1_000, (rows, 20), dtype="int32"), normal(rng, rows, 10)], rng.integers(0, 2, (rows, 1)).astype("float32")


def scans(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """voxels [B, 16, 32, 32, 1], and a binary target."""
    return normal(rng, rows, 16, 32, 32, 1), rng.integers(0, 2, (rows, 1)).astype("float32")


def segmented(rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    """images [B, 64, 64, 3], and one of three classes for each pixel."""
    return normal(rng, rows, 64, 64, 3), rng.integers(0, 3, (rows, 64, 64), dtype="int32")


NUMPY_TARGET = {"symkeras": 1.5}
"""The default backend is at most half as much again as the fastest Keras; all ten together, in the geometric mean, no slower."""
OTHERS: dict[str, Workload] = {w.name: w for w in (
    Workload(tagger, sentences, 32, 20, NUMPY_TARGET, True),
    Workload(autoencoder, pictures, 64, 15, NUMPY_TARGET, True),
    Workload(depthwise, lambda rng, n: (normal(rng, n, 32, 32, 3), classes(rng, n, 10)), 64, 8, NUMPY_TARGET, True),
    Workload(gpt, characters, 32, 15, NUMPY_TARGET, True),
    Workload(siamese, pairs, 128, 40, NUMPY_TARGET, True),
    Workload(mixer, lambda rng, n: (normal(rng, n, 32, 32, 3), classes(rng, n, 10)), 32, 10, NUMPY_TARGET, True),
    Workload(volumes, scans, 8, 8, NUMPY_TARGET, True),
    Workload(table, records, 256, 30, NUMPY_TARGET, False),
    Workload(unet, segmented, 8, 8, NUMPY_TARGET, True),
    Workload(controlled, lambda rng, n: (normal(rng, n, 128), normal(rng, n, 8)), 64, 100, NUMPY_TARGET, True),
)}  # fmt: skip
ALL = {**WORKLOADS, **OTHERS}
