from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Model, layers, ops
from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import tracing
from symkeras.graph.graph import Graph, subgraphs
from symkeras.layers import GRU, LSTM, RNN, GRUCell, Input, LSTMCell, SimpleRNN, SimpleRNNCell
from symkeras.layers.rnn_loop import rnn_loop
from tests.layers import numpy_cells
from tests.layers.both_ways import as_graph, both_ways, check_gradients, randomize

B, T, IN, U = 3, 5, 4, 2
LAYERS = {
    "simple_rnn": (SimpleRNN, {}, numpy_cells.simple_rnn, 1),
    "lstm": (LSTM, {}, numpy_cells.lstm, 2),
    "gru": (GRU, {}, numpy_cells.gru, 1),
    "gru reset before": (GRU, {"reset_after": False}, numpy_cells.gru_reset_before, 1),
}
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 1], [0, 0, 1, 1, 0]], bool)


def _x(rng: np.random.Generator, dtype: str = "float32") -> np.ndarray:
    return rng.normal(size=(B, T, IN)).astype(dtype)


def _states(rng: np.random.Generator, count: int, dtype: str = "float32") -> list[np.ndarray]:
    return [rng.normal(size=(B, U)).astype(dtype) for _ in range(count)]


def _made(name: str, **arguments: Any) -> tuple[Any, list[np.ndarray]]:
    cls, own, _, _ = LAYERS[name]
    layer = cls(U, **own, **arguments)
    layer(np.zeros((B, T, IN), "float32"))
    return layer, randomize(layer)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
def test_recurrent_layers_equal_a_numpy_loop(name: str, backwards: bool, unroll: bool, sequences: bool, rng: np.random.Generator) -> None:
    layer, weights = _made(name, go_backwards=backwards, unroll=unroll, return_sequences=sequences, return_state=True)
    x, states = _x(rng), _states(rng, LAYERS[name][3])
    for initial in (None, states):
        start = initial or [np.zeros((B, U), "float32")] * len(states)
        outputs, last = numpy_cells.loop(LAYERS[name][2], x, weights, start, backwards=backwards)
        kwargs: Any = {} if initial is None else {"initial_state": initial}
        found = both_ways(layer, x, free=1 if unroll else 2, **kwargs)
        for a, b in zip(found, [outputs if sequences else outputs[:, -1], *last], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("zeroed", [False, True])
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("has_states", [False, True])
def test_masked_steps_keep_state_and_output(
    name: str, backwards: bool, zeroed: bool, sequences: bool, has_states: bool, rng: np.random.Generator
) -> None:
    layer, weights = _made(name, go_backwards=backwards, zero_output_for_mask=zeroed, return_sequences=sequences, return_state=True)
    x, count = _x(rng), LAYERS[name][3]
    start = _states(rng, count) if has_states else [np.zeros((B, U), "float32")] * count
    outputs, last = numpy_cells.loop(LAYERS[name][2], x, weights, start, MASK, backwards, zeroed)
    kwargs: Any = {"mask": MASK} | ({"initial_state": start} if has_states else {})
    found = both_ways(layer, x, free=2, **kwargs)
    for a, b in zip(found, [outputs if sequences else outputs[:, -1], *last], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    layer.unroll = True
    for a, b in zip(found, both_ways(layer, x, **kwargs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("arguments", [{}, {"return_sequences": True, "go_backwards": True}, {"unroll": True}], ids=str)
@pytest.mark.parametrize("is_masked", [False, True])
def test_gradients_hold_against_finite_differences(name: str, arguments: dict[str, Any], is_masked: bool, rng: np.random.Generator) -> None:
    cls, own, _, count = LAYERS[name]
    layer = cls(U, **own, **arguments, dtype="float64", return_state=True)
    x = rng.normal(size=(B, 3, IN))
    layer(x)
    randomize(layer)
    check_gradients(layer, x, initial_state=_states(rng, count, "float64"), **({"mask": MASK[:, :3]} if is_masked else {}))


def test_gates_of_one_cell_with_known_numbers() -> None:
    cell = LSTMCell(1, kernel_initializer="zeros", recurrent_initializer="zeros")
    output, (h, c) = cell(np.zeros((1, 1), "float32"), [np.zeros((1, 1), "float32"), np.ones((1, 1), "float32")])
    forget = 1 / (1 + np.exp(-1.0))  # the forget gate's bias begins with 1, all else is 0
    np.testing.assert_allclose(c, [[forget]], rtol=1e-6)
    np.testing.assert_allclose(output, [[0.5 * np.tanh(forget)]], rtol=1e-6)
    assert output is h


@pytest.mark.parametrize(("cls", "shapes"), [
    (SimpleRNN, [(IN, U), (U, U), (U,)]), (LSTM, [(IN, 4 * U), (U, 4 * U), (4 * U,)]), (GRU, [(IN, 3 * U), (U, 3 * U), (2, 3 * U)]),
])  # fmt: skip
def test_weights_come_as_kernel_recurrent_kernel_bias(cls: Any, shapes: list[Any]) -> None:
    layer = cls(U, name="r")
    layer(np.zeros((B, T, IN), "float32"))
    cell = layer.cell
    assert [v.shape for v in layer.weights] == shapes
    assert [v.path for v in layer.weights] == [f"r/{cell.name}/{n}" for n in ("kernel", "recurrent_kernel", "bias")]
    assert layer.weights == [cell.kernel, cell.recurrent_kernel, cell.bias]
    assert len(cls(U, use_bias=False)(np.zeros((B, T, IN), "float32"))) == B


def test_the_forget_gate_begins_open_only_where_asked() -> None:
    for asked, expected in ((True, [0, 0, 1, 1, 0, 0, 0, 0]), (False, [0] * 8)):
        layer = LSTM(2, unit_forget_bias=asked)
        layer(np.zeros((1, 1, 1), "float32"))
        assert layer.cell.bias.numpy().tolist() == expected


def test_a_stack_of_cells_feeds_each_from_the_one_below(rng: np.random.Generator) -> None:
    x = _x(rng)
    stack = RNN([LSTMCell(3), GRUCell(2)], return_sequences=True)
    stack(x)
    weights = randomize(stack)
    below, _ = numpy_cells.loop(numpy_cells.lstm, x, weights[:3], [np.zeros((B, 3))] * 2)
    above, _ = numpy_cells.loop(numpy_cells.gru, below, weights[3:], [np.zeros((B, 2))])
    np.testing.assert_allclose(both_ways(stack, x, free=2)[0], above, rtol=1e-5, atol=1e-6)
    assert stack.cell.state_size == [[3, 3], 2] and stack.cell.output_size == 2


class Doubling:
    """A cell that is no layer, whose output is not its state."""

    state_size = U

    def call(self, inputs: Any, states: Any) -> tuple[Any, Any]:
        total = ops.add(states[0], inputs[:, :U])
        return ops.multiply(total, 2.0), total


@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["unmasked", "masked"])
def test_a_cell_may_be_any_object_and_give_more_than_its_state(sequences: bool, mask: Any, rng: np.random.Generator) -> None:
    x = _x(rng)
    expected, state, last = [], np.zeros((B, U)), np.zeros((B, U))
    for t in range(T):
        keep = np.ones((B, 1), bool) if mask is None else mask[:, t, None]
        state = np.where(keep, state + x[:, t, :U], state)
        last = np.where(keep, 2 * state, last)
        expected.append(last)
    layer = RNN(Doubling(), return_sequences=sequences, return_state=True)
    output, final = both_ways(layer, x, **({} if mask is None else {"mask": mask}))
    np.testing.assert_allclose(output, np.stack(expected, 1) if sequences else last, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(final, state, rtol=1e-5, atol=1e-6)


def test_a_stateful_layer_goes_on_where_the_batch_before_ended(rng: np.random.Generator) -> None:
    x = _x(rng)
    whole, weights = _made("lstm", return_sequences=True)
    layer = LSTM(U, stateful=True, return_sequences=True)
    layer.build((B, None, IN))
    layer.built = True
    layer.set_weights(weights)
    parts = [layer(x[:, :2]), layer(x[:, 2:])]
    np.testing.assert_allclose(np.concatenate(parts, 1), whole(x), rtol=1e-5, atol=1e-6)
    layer.reset_states()
    np.testing.assert_allclose(layer(x[:, :2]), parts[0], rtol=1e-6)
    before = [v.numpy() for v in layer.states]
    graph, _, _ = as_graph(layer, [x], {}, free=0)
    assert [v.numpy().tolist() for v in layer.states] == [b.tolist() for b in before]
    assert {node.attrs["variable"] for node, _ in graph.updates} == set(layer.states)
    with pytest.raises(ShapeError, match="stateful"):
        LSTM(U, stateful=True)(Input((T, IN)))
    with pytest.raises(ShapeError, match="batches of 3"):
        layer(x[:2])


def test_initial_states_in_functional_calls_and_in_the_2017_list(rng: np.random.Generator) -> None:
    layer, _ = _made("lstm")
    x, (h, c) = _x(rng), _states(rng, 2)
    expected = layer(x, initial_state=[h, c])
    np.testing.assert_array_equal(layer([x, h, c]), expected)
    inputs = [Input((T, IN)), Input((U,)), Input((U,))]
    assert layer(inputs[0], initial_state=inputs[1:]).shape == (None, U)
    record = layer._inbound_nodes[-1]
    assert [t.node for t in record.inputs] == [t.node for t in inputs]
    with pytest.raises(ShapeError, match="2 states, received 1"):
        layer(x, initial_state=[h])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("dropout", "recurrent"), [(0.5, 0.0), (0.0, 0.5), (0.5, 0.5)])
def test_dropout_acts_in_training_only(name: str, dropout: float, recurrent: float) -> None:
    cls, own, _, _ = LAYERS[name]
    layer = cls(16, **own, dropout=dropout, recurrent_dropout=recurrent, seed=1)
    x = np.ones((1, 6, 16), "float32")
    expected = layer(x)
    np.testing.assert_array_equal(layer(x, training=False), expected)
    assert not np.allclose(layer(x, training=True), expected)


def test_dropout_masks_are_the_same_at_every_step_and_new_in_every_call() -> None:
    layer = SimpleRNN(64, activation=None, dropout=0.5, recurrent_initializer="zeros", kernel_initializer="identity", return_sequences=True, seed=1)
    x = np.ones((1, 6, 64), "float32")
    steps = layer(x, training=True)[0]
    assert sorted(set(steps[0].tolist())) == [0.0, 2.0]
    np.testing.assert_array_equal(steps, np.broadcast_to(steps[:1], steps.shape))
    assert not np.array_equal(steps, layer(x, training=True)[0])


def test_dropout_is_drawn_once_and_outside_of_the_loop() -> None:
    for arguments, draws in (({"dropout": 0.3}, 1), ({"dropout": 0.3, "recurrent_dropout": 0.3}, 8)):
        layer = LSTM(U, **arguments)
        layer(np.zeros((B, T, IN), "float32"))
        x = ops.placeholder("f32[batch, time, 4]")
        with tracing.Trace() as trace:
            y = layer(x, training=True)
        graph = Graph([x.node], [y.node], trace.updates())
        assert sum(n.op.is_random for n in graph.nodes) == draws
        bodies = [g for n in graph.nodes for g in subgraphs(n)]
        assert bodies and not any(n.op.is_random for g in bodies for n in g.nodes)
        assert len(graph.updates) == 1


def test_configs_are_flat_and_make_the_same_layer_again() -> None:
    layer = GRU(3, dropout=0.1, return_sequences=True, reset_after=False, kernel_initializer="ones", name="g")
    config = layer.get_config()
    assert "cell" not in config and config["units"] == 3 and config["name"] == "g" and config["activity_regularizer"] is None
    again = GRU.from_config(config)
    assert again.get_config() == config and again.return_sequences and not again.cell.reset_after
    assert (layer.units, layer.dropout, layer.reset_after) == (3, 0.1, False)
    stack = RNN([SimpleRNNCell(2, name="a"), LSTMCell(3, name="b")], go_backwards=True)
    assert RNN.from_config(stack.get_config()).get_config() == stack.get_config()


@pytest.mark.parametrize(("make", "message"), [
    (lambda: LSTM(0), "positive integer"),
    (lambda: LSTM(2.5), "positive integer"),
    (lambda: LSTM(2, use_cudnn=True), "use_cudnn"),
    (lambda: GRU(2, implementation=7), "implementation"),
    (lambda: RNN(object()), "'call'"),
    (lambda: LSTM(2, unroll=True)(Input((None, 3))), "cannot be unrolled"),
])  # fmt: skip
def test_what_cannot_be_made_is_refused_with_a_reason(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()


def test_output_shapes_are_known_without_a_call() -> None:
    layer = LSTM(U, return_sequences=True, return_state=True)
    assert layer.compute_output_shape((None, None, IN)) == ((None, None, U), (None, U), (None, U))
    assert [t.shape for t in layer(Input((None, IN)))] == [(None, None, U), (None, U), (None, U)]
    assert GRU(U).compute_output_shape((B, T, IN)) == (B, U)


def test_the_loop_takes_nested_inputs_and_states_and_time_first(rng: np.random.Generator) -> None:
    a, b = rng.normal(size=(2, T, B, IN))

    def step(x: Any, state: Any) -> tuple[Any, Any]:
        new = {"sum": state["sum"] + x["a"] * x["b"], "count": state["count"] + 1.0}
        return (new["sum"], x["a"]), new

    start = {"sum": np.zeros((B, IN)), "count": np.zeros((B, 1))}
    last, outputs, states = rnn_loop(step, {"a": a, "b": b}, start, time_major=True)
    np.testing.assert_allclose(outputs[0], np.cumsum(a * b, 0))
    np.testing.assert_allclose(outputs[1], a)
    np.testing.assert_allclose(last[0], states["sum"])
    assert states["count"].tolist() == [[T]] * B
    last, outputs, _ = rnn_loop(step, {"a": a, "b": b}, start, time_major=True, return_all_outputs=False)
    np.testing.assert_allclose(last[1], a[-1])
    assert outputs[1].shape == (1, B, IN)
    with pytest.raises(ShapeError, match="at least one time step"):
        rnn_loop(step, {"a": a[:0], "b": b[:0]}, start, time_major=True)


def test_rnn_gives_its_own_dtype_whatever_that_of_its_cell_is() -> None:
    layer = RNN(SimpleRNNCell(2, dtype="float32"), return_sequences=True, return_state=True, dtype="float16")
    x = np.ones((3, 4, 5), "float16")
    assert [str(part.dtype) for part in layer(x)] == ["float16", "float16"]
    assert [part.dtype for part in layer(Input((4, 5)))] == ["float16", "float16"]


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
def test_a_mask_beside_states_is_given_by_hand(name: str, symbolic: bool) -> None:
    """As in Keras 3: what `mask_zero` makes reaches a layer whose tensors come by one argument."""
    layer = layers.Bidirectional(layers.GRU(2)) if name == "Bidirectional" else getattr(layers, name)(2)
    table, tokens = layers.Embedding(5, 3, mask_zero=True), np.array([[1, 0, 2], [3, 0, 0]])
    states = [np.full((2, 2), 0.5, "float32")] * (1 if name in ("GRU", "SimpleRNN") else 2)

    def called(**kwargs: Any) -> Any:
        if not symbolic:
            return layer(table(tokens), **kwargs)
        inputs = Input((3,), dtype="int32")
        x = table(inputs)
        mask = {"mask": x._keras_mask} if "mask" in kwargs else {}
        if "initial_state" not in kwargs:
            return Model(inputs, layer(x, **mask)).predict(tokens, verbose=0)
        given = [Input((2,)) for _ in states]
        return Model([inputs, *given], layer(x, initial_state=given, **mask)).predict([tokens, *states], verbose=0)

    plain = layer(np.array(table(tokens)), initial_state=states)
    np.testing.assert_allclose(called(initial_state=states), plain, rtol=1e-5)
    masked = called(initial_state=states, mask=tokens != 0)
    assert not np.allclose(masked, plain)
    np.testing.assert_allclose(called(), called(mask=tokens != 0), rtol=1e-5)
