from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, models, ops, tree
from symkeras.errors import ConfigError, DataError, ShapeError, SymbolicValueError
from symkeras.graph.variable import Variable

ROWS = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def predict(model: Any, x: Any) -> Any:
    """Predictions, after checking that calling the model on arrays gives the same."""
    predicted = model.predict(x, verbose=0, batch_size=2)
    called = model(x)
    assert type(predicted) is (np.ndarray if isinstance(called, np.ndarray) else type(called))
    for a, b in zip(tree.flatten(predicted), tree.flatten(called), strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=1e-5, atol=1e-6)
    return predicted


def test_a_model_computes_what_its_layers_compute() -> None:
    x = Input((4,), name="x")
    first, second = layers.Dense(3, activation="tanh"), layers.Dense(2)
    model = Model(x, second(first(x)), name="two")
    expected = np.tanh(ROWS @ first.kernel.numpy() + first.bias.numpy()) @ second.kernel.numpy() + second.bias.numpy()
    np.testing.assert_allclose(predict(model, ROWS), expected, rtol=1e-5, atol=1e-6)
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert (model.input_names, model.output_names) == (["x"], [second.name])
    assert model.inputs == [x] and model.input is x
    assert [layer.name for layer in model.layers] == ["x", first.name, second.name]
    assert model.count_params() == 4 * 3 + 3 + 3 * 2 + 2


def test_several_inputs_and_outputs_come_in_their_order() -> None:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], [layers.Subtract(name="difference")([a, b]), layers.Add(name="total")([a, b])])
    difference, total = predict(model, [ROWS, 2 * ROWS])
    np.testing.assert_allclose(difference, -ROWS, rtol=1e-6)
    np.testing.assert_allclose(total, 3 * ROWS, rtol=1e-6)
    by_name = model.predict({"b": 2 * ROWS, "a": ROWS}, verbose=0)
    np.testing.assert_array_equal(by_name[0], difference)
    assert model.output_names == ["difference", "total"]


STRUCTURES: list[Any] = [
    lambda a, b: [a, b],
    lambda a, b: (a, b),
    lambda a, b: {"second": b, "first": a},
    lambda a, b: {"pair": (a, b)},
    lambda a, b: [a, {"inner": b}],
]


@pytest.mark.parametrize("pack", STRUCTURES)
def test_inputs_and_outputs_keep_their_nesting(pack: Any) -> None:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model(pack(a, b), pack(a + 1.0, layers.Activation("relu")(b)))
    outputs = predict(model, pack(ROWS, -ROWS))
    tree.assert_same_structure(outputs, pack(0, 0))
    first, second = [o for _, o in sorted(zip(tree.flatten(pack(0, 1)), tree.flatten(outputs), strict=True), key=lambda pair: pair[0])]
    np.testing.assert_allclose(first, ROWS + 1, rtol=1e-6)
    np.testing.assert_allclose(second, np.maximum(-ROWS, 0), rtol=1e-6)


def test_one_output_in_a_list_comes_out_of_it_as_in_keras() -> None:
    x = Input((4,))
    model = Model([x], [layers.Dense(2)(x)])
    assert predict(model, ROWS).shape == (5, 2)
    assert model.output_shape == (None, 2)


def test_a_shared_layer_is_called_twice_with_one_set_of_weights() -> None:
    shared = layers.Dense(4, name="shared")
    a, b = Input((4,)), Input((4,))
    model = Model([a, b], layers.Add()([shared(a), shared(shared(b))]))
    kernel, bias = shared.kernel.numpy(), shared.bias.numpy()
    np.testing.assert_allclose(predict(model, [ROWS, ROWS]), ROWS @ kernel + bias + (ROWS @ kernel + bias) @ kernel + bias, rtol=1e-5, atol=1e-5)
    assert len(model.weights) == 2 and [layer.name for layer in model.layers].count("shared") == 1
    assert shared.get_output_at(0) is not shared.get_output_at(1)


def test_the_gradient_of_a_shared_layer_is_the_sum_over_its_calls() -> None:
    shared = layers.Dense(1, use_bias=False, kernel_initializer="ones")
    a, b = Input((1,)), Input((1,))
    model = Model([a, b], shared(a) + shared(b))
    model.compile("sgd", lambda t, p: p)
    model.train_on_batch([np.ones((2, 1)), np.full((2, 1), 3.0)], np.zeros((2, 1)))
    np.testing.assert_allclose(shared.kernel.numpy(), [[1 - 0.01 * 4]], rtol=1e-6)


def test_models_are_layers_of_other_models() -> None:
    x = Input((4,))
    inner = Model(x, layers.Dense(4, activation="tanh")(x), name="inner")
    y = Input((4,))
    outer = Model(y, inner(inner(y)) + inner(y))
    once = inner.predict(ROWS, verbose=0)
    np.testing.assert_allclose(predict(outer, ROWS), inner.predict(once, verbose=0) + once, rtol=1e-5, atol=1e-6)
    assert len(outer.weights) == 2 and inner in outer.layers
    stack = Sequential([Input((4,)), outer, layers.Dense(1)])
    assert predict(stack, ROWS).shape == (5, 1) and len(stack.weights) == 4


def test_operations_between_layers_belong_to_the_model() -> None:
    x = Input((4,))
    h = layers.Dense(4)(x)
    y = ops.concatenate([np.exp(h) - h * 2, ops.mean(h, axis=-1, keepdims=True)], axis=-1)[:, 1:]
    model = Model(x, layers.Activation("linear")(y) / 2)
    value = model.layers[1](ROWS)
    expected = np.concatenate([np.exp(value) - value * 2, value.mean(-1, keepdims=True)], -1)[:, 1:] / 2
    np.testing.assert_allclose(predict(model, ROWS), expected, rtol=1e-5, atol=1e-6)


def test_sizes_that_an_operation_mentions_are_those_of_the_model_it_is_called_in() -> None:
    x = Input((None, 2), name="steps_of_inner")
    merged = ops.reshape(x, (ops.shape(x)[0], ops.shape(x)[1] * 2)) + ops.cast(ops.shape(x)[1], "float32")
    inner = Model(x, ops.reshape(merged, (ops.shape(x)[0], -1, 2)))
    y = Input((None, 2), name="steps_of_outer")
    outer = Model(y, inner(inner(y)[:, 1:]))
    rows = np.random.default_rng(1).normal(size=(3, 4, 2)).astype("float32")
    np.testing.assert_allclose(predict(outer, rows), (rows + 4)[:, 1:] + 3, rtol=1e-6)


def test_a_loop_between_layers_follows_the_sizes_it_is_called_with() -> None:
    x = Input((None, 2), name="t_inner")

    def body(total: Any, row: Any) -> tuple[Any, Any]:
        return total + row, total * row

    _, products = ops.scan(body, ops.zeros_like(x[:, 0]), ops.transpose(x, (1, 0, 2)))
    inner = Model(x, ops.transpose(products, (1, 0, 2)))
    y = Input((None, 2), name="t_outer")
    outer = Model(y, inner(y[:, 1:]))
    rows = np.random.default_rng(2).normal(size=(3, 5, 2)).astype("float32")
    part = rows[:, 1:]
    before = np.concatenate([np.zeros((3, 1, 2)), part.cumsum(1)[:, :-1]], 1)
    np.testing.assert_allclose(predict(outer, rows), before * part, rtol=1e-5, atol=1e-6)


def test_masks_go_through_to_the_layers_that_use_them() -> None:
    x = Input((5, 3))
    last = layers.LSTM(2)(layers.Dropout(0.5)(layers.Masking()(x)))
    model = Model(x, last)
    rows = np.random.default_rng(3).normal(size=(4, 5, 3)).astype("float32")
    rows[:, 3:] = 0
    longer = np.concatenate([rows, np.zeros((4, 0, 3), "float32")], 1)
    lstm = model.layers[-1]
    np.testing.assert_allclose(predict(model, longer), np.asarray(lstm(rows[:, :3])), rtol=1e-5, atol=1e-6)


def test_the_mask_of_an_inner_model_reaches_the_outer_one_and_its_loss() -> None:
    x = Input((3, 1))
    inner = Model(x, layers.Masking()(x))
    y = Input((3, 1))
    model = Model(y, inner(y))
    model.compile("sgd", "mse")
    rows = np.array([[[2.0], [0.0], [4.0]]], "float32")
    assert model.evaluate(rows, np.zeros((1, 3, 1)), verbose=0) == pytest.approx((4 + 16) / 2)


def test_training_is_known_when_a_function_is_compiled() -> None:
    x = Input((100,))
    model = Model(x, layers.Dropout(0.5, seed=1)(x))
    ones = np.ones((2, 100), "float32")
    np.testing.assert_array_equal(predict(model, ones), ones)
    assert 0 < np.asarray(model(ones, training=True) == 0).mean() < 1
    always = Model(x, layers.Dropout(0.5, seed=1)(x, training=True))
    assert (always.predict(ones, verbose=0) == 0).any()


def test_a_model_can_begin_in_the_middle_of_another() -> None:
    x = Input((4,))
    h = layers.Dense(3, name="hidden")(x)
    y = layers.Dense(2, name="out")(h) * 2.0
    whole, tail, head = Model(x, y), Model(h, y), Model(x, h)
    np.testing.assert_allclose(predict(tail, head.predict(ROWS, verbose=0)), whole.predict(ROWS, verbose=0), rtol=1e-5, atol=1e-6)
    assert tail.input_names == ["hidden_input"] and tail.weights[0] is whole.get_layer("out").kernel


def test_weights_come_in_the_order_of_keras_by_depth() -> None:
    x = Input((4,))
    late = layers.Dense(2, name="late")
    short = layers.Dense(2, name="short")(x)
    long = late(layers.Dense(3, name="early")(x))
    model = Model(x, layers.Add()([short, long]))
    assert [v.path for v in model.weights] == ["early/kernel", "early/bias", "short/kernel", "short/bias", "late/kernel", "late/bias"]


def test_a_variable_used_between_layers_counts_with_its_value_at_the_call() -> None:
    gain = Variable(np.float32(2.0), name="gain")
    x = Input((4,))
    model = Model(x, layers.Activation("linear")(x) * gain)
    np.testing.assert_allclose(predict(model, ROWS), 2 * ROWS, rtol=1e-6)
    gain.assign(3.0)
    np.testing.assert_allclose(predict(model, ROWS), 3 * ROWS, rtol=1e-6)


def test_data_may_lack_a_last_axis_of_one_or_have_one_too_many() -> None:
    column, row = Input((1,)), Input((4,))
    assert predict(Model(column, column * 2.0), np.ones(3, "float32")).shape == (3, 1)
    assert predict(Model(row, row * 2.0), ROWS[..., None]).shape == (5, 4)


def test_long_chains_of_layers_need_no_deep_stack() -> None:
    x = y = Input((2,))
    for k in range(600):
        y = layers.Activation("linear")(y) + 1.0 if k % 2 else y * 1.0
    np.testing.assert_allclose(Model(x, y).predict(np.zeros((1, 2)), verbose=0), [[300.0, 300.0]])


def _two_with_one_name() -> Any:
    x = Input((4,))
    return Model(x, layers.Dense(2, name="same")(layers.Dense(3, name="same")(x)))


def _disconnected() -> Any:
    a, b = Input((4,), name="a"), Input((4,), name="b")
    return Model(a, layers.Add()([a, b]))


def _constant() -> Any:
    x = Input((4,))
    return Model(x, [x * 2.0, ops.convert_to_tensor(ops.as_tensor(np.ones((1, 2), "float32")) * 2.0)])


def _twice() -> Any:
    x = Input((4,))
    return Model([x, x], x)


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "two layers with one name": (_two_with_one_name, ConfigError, "two layers are called 'same'"),
    "an input that is missing": (_disconnected, ConfigError, "depend on 'b' .*not among the inputs .'a'"),
    "an output without inputs": (_constant, ConfigError, "depends on none of the inputs"),
    "an input twice": (_twice, ConfigError, "may come once"),
    "an array as output": (lambda: Model(Input((4,)), np.ones(3)), ConfigError, "must be symbolic tensors"),
    "a layer that is not there": (lambda: Sequential([layers.Dense(2, name="dense_a")]).get_layer("dense_b"), ConfigError, "Did you mean 'dense_a'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_makes_no_model_says_why(case: str) -> None:
    make, error, message = WRONG[case]
    with pytest.raises(error, match=message):
        make()


def test_inputs_that_do_not_fit_are_named() -> None:
    a, b = Input((4,), name="left"), Input((2,), name="right")
    model = Model([a, b], layers.Concatenate()([a, b]))
    with pytest.raises(ShapeError, match=r"input 'right' expects shape \(None, 2\), received \(5, 4\)"):
        model([ROWS, ROWS])
    with pytest.raises(ShapeError, match=r"input 'right' expects arrays of shape \(batch, 2\), received shape \(5, 4\) \(test_functional.py:\d+\)"):
        model.predict([ROWS, ROWS], verbose=0)
    with pytest.raises(DataError, match="2 inputs"):
        model.predict([ROWS], verbose=0)
    with pytest.raises(DataError, match=r"'right' is missing\. Did you mean 'rigth'"):
        model.predict({"left": ROWS, "rigth": ROWS}, verbose=0)
    with pytest.raises(DataError, match="received None"):
        model([ROWS, None])


def test_a_symbolic_tensor_as_a_condition_names_the_line() -> None:
    x = Input((4,))
    with pytest.raises(SymbolicValueError, match=r"test_functional.py:\d+.*ops.where"):
        bool(layers.Dense(1)(x))


def test_outputs_keep_their_nesting_through_a_config() -> None:
    x = Input((3,))
    for outputs in ((layers.Dense(1)(x), layers.Dense(2)(x)), [layers.Dense(1)(x)] * 2, {"a": (layers.Dense(1)(x),)}):
        made = Model.from_config(Model(x, outputs).get_config())
        tree.assert_same_structure(made.output, outputs)
        assert type(made.output) is type(outputs)


def test_a_model_with_operations_between_layers_has_the_same_text_when_it_is_read() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], layers.Dense(2)(layers.Dense(4)(a + b)))
    text = model.to_json()
    assert models.model_from_json(text).to_json() == text


def test_a_list_is_no_dict_of_inputs_in_another_order() -> None:
    p, q = Input((2,), name="p"), Input((2,), name="q")
    model = Model({"q": q, "p": p}, q - p)
    one, two = np.ones((1, 2), "float32"), np.full((1, 2), 2, "float32")
    assert model({"q": two, "p": one}).tolist() == [[1.0, 1.0]]
    for call in (model, model.predict, lambda x: models.clone_model(model, [p, q])):
        with pytest.raises((DataError, ConfigError), match="a dict"):
            call([two, one])


def test_data_that_no_input_takes_and_lists_for_dicts_are_told_of() -> None:
    a, b = layers.Input((2,), name="a"), layers.Input((2,), name="b")
    x = {"a": np.ones((3, 2), "float32"), "b": np.zeros((3, 2), "float32")}
    by_key, in_order = Model({"a": a, "b": b}, a - b), Model([a, b], a - b)
    for model in (by_key, in_order):
        for call in (lambda x, model=model: model.predict(x, verbose=0), lambda x, model=model: model(x)):
            with pytest.warns(UserWarning, match=r"the data have 'c', which no input of the model takes; its inputs are a, b"):
                np.testing.assert_array_equal(call({**x, "c": x["a"]}), x["a"])
    for call in (lambda x: by_key.predict(x, verbose=0), by_key):
        with pytest.warns(UserWarning, match=r"a dict of a, b, and a list is given") as found:
            np.testing.assert_array_equal(call(list(x.values())), x["a"])
        assert len(found) == 1
    for given in (x, list(x.values()), tuple(x.values())):
        np.testing.assert_array_equal(in_order.predict(given, verbose=0), x["a"])


def test_a_layer_called_several_times_takes_note_in_the_order_of_keras() -> None:
    """The calls furthest from the outputs first; at one distance, those that the last of their readers name, then those of the readers before."""
    inputs = [layers.Input((1,)) for _ in range(3)]
    shared = layers.BatchNormalization(momentum=0.5)
    a, p, n = map(shared, inputs)
    model = Model(inputs, layers.Concatenate()([layers.Subtract()([a, p]), layers.Subtract()([a, n])]))
    model.compile("sgd", "mse")
    model.train_on_batch([np.full((4, 1), v, "float32") for v in (1, 10, 100)], np.zeros((4, 2)))
    expected = 0.0
    for v in (1, 100, 10):
        expected = 0.5 * expected + 0.5 * v
    assert shared.get_weights()[2] == pytest.approx([expected])
