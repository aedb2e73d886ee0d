"""What Keras 1 had of models: `Merge` of several, and rows by `slice_X`."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from symkeras import Sequential, layers, optimizers
from symkeras.errors import ConfigError
from symkeras.models.keras_1 import Merge, slice_X


def test_models_are_merged_at_the_beginning_of_another() -> None:
    """Each input stands once, in the order of the models, however often a model is merged."""
    rng = np.random.default_rng(0)
    story, other, question = (Sequential([layers.Embedding(9, units, input_length=n)]) for units, n in ((4, 5), (3, 5), (4, 3)))
    match = Sequential([Merge([story, question], mode="dot", dot_axes=[2, 2]), layers.Activation("softmax")])
    response = Sequential([Merge([match, other], mode="sum"), layers.Permute((2, 1))])
    answer = Sequential()
    answer.add(Merge([response, question], mode="concat"))
    answer.add(layers.LSTM(4))
    answer.add(layers.Dense(9, activation="softmax"))
    assert answer.input_shape == [(None, 5), (None, 3), (None, 5)] and answer.output_shape == (None, 9)
    assert len(answer.trainable_weights) == 3 + 3 + 2
    told, asked = rng.integers(9, size=(20, 5)), rng.integers(9, size=(20, 3))
    answer.compile(optimizers.RMSprop(0.01), "categorical_crossentropy")
    before = answer.get_weights()
    losses = answer.fit([told, asked, told], np.eye(9)[asked[:, 0]], nb_epoch=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and all(not np.array_equal(a, b) for a, b in zip(before, answer.get_weights(), strict=True))
    scores = np.einsum("bti,bui->btu", *(m.predict(x, verbose=0) for m, x in ((story, told), (question, asked))))
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    expected = (weights + other.predict(told, verbose=0)).transpose(0, 2, 1)
    np.testing.assert_allclose(response.predict([told, asked, told], verbose=0), expected, rtol=1e-5)
    copy = pickle.loads(pickle.dumps(response))
    np.testing.assert_array_equal(copy.predict([told, asked, told], verbose=0), response.predict([told, asked, told], verbose=0))
    again = Sequential.from_config(response.get_config())
    again.set_weights(response.get_weights())
    np.testing.assert_array_equal(again.predict([told, asked, told], verbose=0), response.predict([told, asked, told], verbose=0))


def test_what_cannot_be_merged_is_refused() -> None:
    with pytest.raises(ConfigError, match="a list of two models or more, received None"):
        Merge(mode="sum")
    with pytest.raises(ConfigError, match="has no output yet"):
        Merge([Sequential([layers.Dense(2)]), Sequential([layers.Dense(2)])])


def test_rows_of_arrays_are_sliced_or_taken() -> None:
    x = np.arange(6)
    assert slice_X(x, 4).tolist() == [4, 5] and [a.tolist() for a in slice_X([x, 2 * x], 1, 3)] == [[1, 2], [2, 4]]
    assert slice_X(x, [3, 0]).tolist() == [3, 0]
