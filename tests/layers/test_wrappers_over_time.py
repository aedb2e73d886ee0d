from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras.errors import ConfigError, ShapeError
from symkeras.layers import GRU, LSTM, Bidirectional, Dense, Dropout, Input, TimeDistributed
from symkeras.layers.calls import mask_of
from tests.layers import numpy_cells
from tests.layers.both_ways import both_ways, check_gradients, randomize

B, T, IN, U = 3, 5, 4, 2
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 1, 1, 0]], bool)
MERGES = {
    "sum": lambda a, b: [a + b],
    "mul": lambda a, b: [a * b],
    "ave": lambda a, b: [(a + b) / 2],
    "concat": lambda a, b: [np.concatenate([a, b], -1)],
    None: lambda a, b: [a, b],
}


@pytest.mark.parametrize("merge_mode", MERGES)
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["unmasked", "masked"])
@pytest.mark.parametrize("has_states", [False, True])
def test_bidirectional_equals_two_numpy_loops(merge_mode: Any, sequences: bool, mask: Any, has_states: bool, rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, IN)).astype("float32")
    layer = Bidirectional(LSTM(U, return_sequences=sequences, return_state=True), merge_mode=merge_mode)
    layer(x)
    weights = randomize(layer)
    states = [rng.normal(size=(B, U)).astype("float32") for _ in range(4)] if has_states else [np.zeros((B, U), "float32")] * 4
    forward, last = numpy_cells.loop(numpy_cells.lstm, x, weights[:3], states[:2], mask, False, sequences)
    backward, other = numpy_cells.loop(numpy_cells.lstm, x, weights[3:], states[2:], mask, True, sequences)
    pair = (forward, backward[:, ::-1]) if sequences else (forward[:, -1], backward[:, -1])
    kwargs: Any = ({} if mask is None else {"mask": mask}) | ({"initial_state": states} if has_states else {})
    for a, b in zip(both_ways(layer, x, free=2, **kwargs), [*MERGES[merge_mode](*pair), *last, *other], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    shapes = layer.compute_output_shape((B, T, IN))
    assert [tuple(s) for s in shapes] == [y.shape for y in layer(x)]


def test_bidirectional_layers_are_named_after_the_layer_and_come_back_from_the_config() -> None:
    layer = Bidirectional(GRU(U, return_sequences=True, name="g"), merge_mode="sum", name="both")
    layer(np.zeros((B, T, IN), "float32"))
    assert [v.path for v in layer.weights][::3] == ["both/forward_g/gru_cell/kernel", "both/backward_g/gru_cell/kernel"]
    assert (layer.forward_layer.go_backwards, layer.backward_layer.go_backwards) == (False, True)
    fresh = Bidirectional(GRU(U, return_sequences=True), merge_mode="sum")
    assert Bidirectional.from_config(fresh.get_config()).get_config() == fresh.get_config()
    own = Bidirectional(LSTM(U), backward_layer=LSTM(3, go_backwards=True))
    assert own(np.zeros((B, T, IN), "float32")).shape == (B, U + 3)


def test_bidirectional_passes_the_mask_on_where_it_gives_sequences() -> None:
    x, mask = Input((T, IN)), Input((T,), dtype="bool")
    x._keras_mask = mask
    assert mask_of(Bidirectional(LSTM(U, return_sequences=True))(x)) is not None
    assert mask_of(Bidirectional(LSTM(U))(x)) is None


@pytest.mark.parametrize(("make", "message"), [
    (lambda: Bidirectional(LSTM(2), merge_mode="cat"), "merge_mode"),
    (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2)), "other way"),
    (lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, return_sequences=True)), "return_sequences"),
    (lambda: Bidirectional(3), "recurrent layer"),
    (lambda: TimeDistributed(3), "layer"),
    (lambda: Bidirectional(LSTM(2)).reset_state(), "not stateful"),
])  # fmt: skip
def test_layers_that_do_not_fit_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_time_distributed_equals_the_layer_on_every_slice(rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, 6, IN)).astype("float32")
    for inner in (LSTM(U), Dense(3, activation="tanh")):
        layer = TimeDistributed(inner)
        assert TimeDistributed.from_config(layer.get_config()).get_config() == layer.get_config()
        (y,) = both_ways(layer, x, free=2)
        np.testing.assert_allclose(y, np.stack([inner(x[:, t]) for t in range(T)], 1), rtol=1e-5, atol=1e-6)
        assert layer.compute_output_shape((None, T, 6, IN)) == (None, *y.shape[1:])


def test_time_distributed_passes_masks_and_training_on(rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, T, 6, IN)).astype("float32")
    mask = rng.random((B, T, 6)) > 0.4
    inner = LSTM(U)
    (y,) = both_ways(TimeDistributed(inner), x, mask=mask, free=2)
    np.testing.assert_allclose(y, np.stack([inner(x[:, t], mask=mask[:, t]) for t in range(T)], 1), rtol=1e-5, atol=1e-6)
    dropped = TimeDistributed(Dropout(0.5, seed=1))(np.ones((B, T, IN), "float32"), training=True)
    assert set(np.unique(dropped)) == {0.0, 2.0}
    with pytest.raises(ShapeError, match="mask"):
        TimeDistributed(inner)(x, mask=mask[:, 1:])
    with pytest.raises(ShapeError, match="three axes"):
        TimeDistributed(Dense(2))(x[:, 0, 0])


def test_gradients_hold_through_both_wrappers(rng: np.random.Generator) -> None:
    x = rng.normal(size=(B, 3, IN))
    inner = {"dtype": "float64"}
    for layer in (Bidirectional(GRU(U, return_sequences=True, **inner), **inner), TimeDistributed(Dense(2, **inner), **inner)):
        layer(x)
        randomize(layer)
        check_gradients(layer, x)


def test_bidirectional_gives_its_own_dtype_whatever_that_of_its_layers_is(rng: np.random.Generator) -> None:
    layer = Bidirectional(LSTM(U, dtype="float32"), dtype="float16")
    assert str(layer(rng.normal(size=(B, T, IN)).astype("float32")).dtype) == "float16"
