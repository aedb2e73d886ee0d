"""Compiled functions: `symkeras.function` (traced from Python) and `K.function` (from symbolic tensors, with updates)."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import backend as K
from symkeras import ops
from symkeras.errors import BackendError, ConfigError, DataError, DtypeError, GraphError, ShapeError
from symkeras.graph.variable import Variable

A, B = np.float32([[1, 2], [3, 4]]), np.float32([[5, 6], [7, 8]])


# ---- symkeras.function -------------------------------------------------------------------------------------------------


def test_results_come_in_the_nesting_that_was_returned(backend: str) -> None:
    @symkeras.function(backend=backend)
    def f(pair: Any, extra: Any = None) -> Any:
        return {"sum": pair["a"] + pair["b"], "rest": (None, [extra, 2.0])}

    out = f({"a": A, "b": B})
    assert np.array_equal(out["sum"], A + B)
    assert out["rest"][0] is None and out["rest"][1][0] is None and float(out["rest"][1][1]) == 2.0
    assert f({"b": B, "a": A}, extra=A)["rest"][1][0].tolist() == A.tolist()


def test_a_signature_is_traced_once() -> None:
    traces = []

    @symkeras.function
    def f(x: Any, power: int = 2) -> Any:
        traces.append(power)
        return x**power

    for power in (2, 3, 2):
        assert np.array_equal(f(A, power), A**power)
    assert f(A, power=2).dtype == "float32" and traces == [2, 3]
    assert f(A[:1]).shape == (1, 2) and f(A.astype("float64")).dtype == "float64"
    assert len(traces) == f.signatures == 4


def test_static_arguments_that_are_equal_but_not_the_same_are_kept_apart() -> None:
    f = symkeras.function(lambda x, k: ops.divide(1.0, x * k))
    assert f(np.float32(1), 0.0) == np.inf and f(np.float32(1), -0.0) == -np.inf
    g = symkeras.function(lambda x, k: (x, k))
    assert [g(A, k)[1].dtype.kind for k in (1, True, 1.0)] == ["i", "b", "f"]


def test_dynamic_functions_are_compiled_once_for_all_sizes_but_one() -> None:
    f = symkeras.function(lambda x, y: ops.sum(x * y, axis=0), dynamic=True)
    for n in (2, 5, 3):
        assert np.array_equal(f(np.ones((n, 2), "f4"), np.full((n, 2), 2, "f4")), [2.0 * n] * 2)
    assert f.signatures == 1
    assert np.array_equal(f(np.ones((4, 2), "f4"), np.full((1, 2), 2, "f4")), [8.0, 8.0]) and f.signatures == 2
    with pytest.raises(ShapeError, match=r"x_0 and y_0 must be equal, they are 3 and 4 .* x \(3, 2\), y \(4, 2\)"):
        f(np.ones((3, 2), "f4"), np.ones((4, 2), "f4"))


def test_variables_assigned_inside_are_updated_together_at_the_end(backend: str) -> None:
    a, b = Variable(np.float32(1), name="a"), Variable(np.float32(2), name="b")

    @symkeras.function(backend=backend)
    def swap(x: Any) -> Any:
        old = a.value
        a.assign(b.value + x)
        b.assign(old)
        return a.value * 10  # reading after writing gives the new value

    assert float(swap(np.float32(0.5))) == 25.0
    assert (float(a.numpy()), float(b.numpy())) == (2.5, 1.0)


def test_a_function_that_raises_while_it_is_traced_changes_nothing() -> None:
    v = Variable(np.zeros(2), name="v")

    @symkeras.function
    def f(x: Any) -> Any:
        v.assign_add(x)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        f(np.ones(2, "f4"))
    assert v.numpy().tolist() == [0.0, 0.0] and f.signatures == 0


def test_functions_inside_functions_and_on_symbolic_tensors_are_inlined() -> None:
    inner = symkeras.function(lambda x: x * 2)
    outer = symkeras.function(lambda x: inner(x) + 1)
    assert np.array_equal(outer(A), A * 2 + 1) and inner.signatures == 0
    assert inner(ops.placeholder("f32[3]")).shape == (3,)


def test_methods_are_compiled_with_their_object_as_a_static_argument() -> None:
    class Scaler:
        def __init__(self, factor: float):
            self.factor = factor

        @symkeras.function
        def __call__(self, x: Any) -> Any:
            return x * self.factor

    assert np.array_equal(Scaler(2.0)(A), A * 2) and np.array_equal(Scaler(3.0)(A), A * 3)


def test_what_was_compiled_can_be_looked_at_without_running_it() -> None:
    v = Variable(np.float32(0), name="counter")

    @symkeras.function(backend="numpy", level="O1")
    def count(x: Any) -> Any:
        v.assign_add(1.0)
        return x + 1

    executable = count.executable(A)
    assert "np.add" in executable.source and executable.graph.name == "count" and len(executable.graph.inputs) == 1
    assert executable.level == "O1" and float(v.numpy()) == 0.0
    assert "1 signatures" in repr(count)


def test_layers_and_gradients_work_in_functions() -> None:
    dense = symkeras.layers.Dense(1, kernel_initializer="ones")
    dense(A)

    @symkeras.function
    def step(x: Any) -> Any:
        from symkeras.autodiff.reverse import gradients

        loss = ops.mean(ops.square(dense(x)))
        (slope,) = gradients(loss, [dense.kernel])
        dense.kernel.assign_sub(0.01 * slope)
        return loss

    before = dense.kernel.numpy()
    loss = step(A)
    y = A @ before
    assert float(loss) == pytest.approx(float((y**2).mean()))
    np.testing.assert_allclose(dense.kernel.numpy(), before - 0.01 * A.T @ (2 * y) / 2, rtol=1e-6)
    assert float(step(A)) < float(loss)


def test_grad_of_a_plain_function() -> None:
    slope = symkeras.grad(lambda x, y: ops.sum(x * x * y), argnums=(0, 1))
    dx, dy = slope(A, B)
    assert np.array_equal(dx, 2 * A * B) and np.array_equal(dy, A * A)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f: f(A, {1, 2}), ConfigError, "argument 'k' is a set"),
        (lambda f: f(np.array(["a"])), DtypeError, "argument 'x' has dtype <U1"),
        (lambda f: f(), TypeError, "missing a required argument: 'x'"),
        (lambda f: f(A, "text"), ConfigError, "returned a str"),
        (lambda f: f(A, backend="numpie"), TypeError, "backend"),
    ],
)
def test_errors_name_the_argument(call: Any, error: type[Exception], message: str) -> None:
    f = symkeras.function(lambda x, k=None: (x, k))
    with pytest.raises(error, match=message):
        call(f)


def test_the_learning_phase_cannot_stay_open_in_a_traced_function() -> None:
    with pytest.raises(ConfigError, match="training=True"):
        symkeras.function(lambda x: K.in_train_phase(x, x * 2))(A)


def test_a_compiled_function_may_be_called_from_many_threads(backend: str) -> None:
    w = Variable(np.arange(6, dtype="f4").reshape(3, 2), name="w")
    f = symkeras.function(lambda x: ops.tanh(x @ w), backend=backend, dynamic=True)
    g_in = K.placeholder((None, 3))
    g = K.function([g_in], [K.tanh(K.dot(g_in, w))], backend=backend)
    wrong: list[Any] = []

    def work(rows: int) -> None:
        try:
            x = np.full((rows, 3), rows / 10, "f4")
            for k in range(30):
                n = rows + k % 3 * 4
                x = np.full((n, 3), n / 10, "f4")
                for out in (f(x), g([x])[0]):
                    if not np.allclose(out, np.tanh(x @ w.numpy()), atol=1e-6):
                        wrong.append((n, out))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(rows,)) for rows in (2, 3, 4, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong and f.signatures == 1


# ---- K.function: updates -----------------------------------------------------------------------------------------------


def test_two_variables_are_swapped_by_updates(backend: str) -> None:
    a, b = K.variable([1.0, 2.0]), K.variable([3.0, 4.0])
    swap = K.function([], [a, b], updates=[(a, b), K.update(b, a)], backend=backend)
    assert [y.tolist() for y in swap([])] == [[1.0, 2.0], [3.0, 4.0]]  # outputs see the old values
    assert (K.get_value(a).tolist(), K.get_value(b).tolist()) == ([3.0, 4.0], [1.0, 2.0])
    swap()
    assert K.get_value(a).tolist() == [1.0, 2.0]


def test_every_read_sees_the_value_from_before_the_call(backend: str) -> None:
    x, n = K.placeholder(()), K.variable(10.0)
    total = K.variable(0.0)
    f = K.function([x], [n + x, n * 2], updates=[K.update_add(n, x), K.update(total, n)], backend=backend)
    assert [float(v) for v in f([1])] == [11.0, 20.0]
    assert (float(K.get_value(n)), float(K.get_value(total))) == (11.0, 10.0)


def test_of_two_updates_of_a_variable_the_first_counts() -> None:
    v = K.variable(1.0)
    K.function([], [], updates=[K.update_add(v, 1), K.update_sub(v, 5)])([])
    assert float(K.get_value(v)) == 2.0


def test_kinds_of_updates() -> None:
    v, count, mean = K.variable([4.0, 8.0]), K.variable(0, dtype="int32"), K.variable(1.0)
    weight = Variable(np.float32([1, 1]), name="weight")  # as layers make them
    updates = [K.update_sub(v, 1), K.update_add(count, 1), K.moving_average_update(mean, 3.0, 0.75), K.update_add(weight, v)]
    K.function([], [], updates=updates)([])
    assert K.get_value(v).tolist() == [3.0, 7.0] and int(K.get_value(count)) == 1
    assert float(K.get_value(mean)) == 1.5 and K.get_value(weight).tolist() == [5.0, 9.0]
    K.function([], [], updates={v: 0.0})()
    assert K.get_value(v).tolist() == [0.0, 0.0]


def test_a_call_that_fails_changes_no_variable(backend: str) -> None:
    table, i, v = K.variable(np.arange(3.0)), K.placeholder((1,), dtype="int32"), K.variable(0.0)
    f = K.function([i], [K.gather(table, i)], updates=[K.update_add(v, 1)], backend=backend)
    with pytest.raises(IndexError):
        f([np.array([7])])
    assert float(K.get_value(v)) == 0.0
    f([np.array([2])])
    assert float(K.get_value(v)) == 1.0


@pytest.mark.parametrize(
    ("updates", "error", "message"),
    [
        (lambda v, n: [(v, np.zeros(3))], ShapeError, r"has shape \(2,\)"),
        (lambda v, n: [(n, 0.5 * n)], DtypeError, "holds int32"),
        (lambda v, n: [v * 2], ConfigError, "pair"),
        (lambda v, n: [(v * 2, v)], ConfigError, "pair"),
    ],
)
def test_updates_that_do_not_fit_are_refused(updates: Any, error: type[Exception], message: str) -> None:
    v, n = K.variable([1.0, 2.0]), K.variable(1, dtype="int32")
    with pytest.raises(error, match=message):
        K.function([], [], updates=updates(v, n))


def test_linear_regression_is_trained_with_k_alone(backend: str) -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(64, 3)).astype("f4")
    truth = np.float32([[1.5], [-2.0], [0.5]])
    x, y = K.placeholder((None, 3)), K.placeholder((None, 1))
    w, b = K.variable(np.zeros((3, 1))), K.variable(np.zeros(1))
    speed_w, speed_b = K.zeros((3, 1)), K.zeros((1,))
    loss = K.mean(K.square(K.bias_add(K.dot(x, w), b) - y))
    updates = []
    for p, s, g in zip((w, b), (speed_w, speed_b), K.gradients(loss, [w, b]), strict=True):
        speed = 0.9 * s - 0.05 * g
        updates += [K.update(s, speed), K.update_add(p, speed)]
    train = K.function([x, y], [loss], updates=updates, backend=backend)
    losses = [float(train([data[k : k + 24], data[k : k + 24] @ truth + 0.25])[0]) for _ in range(60) for k in (0, 24, 48)]
    assert losses[-1] < 1e-4 < losses[0]
    np.testing.assert_allclose(K.get_value(w), truth, atol=0.02)
    np.testing.assert_allclose(K.get_value(b), [0.25], atol=0.02)


# ---- K.function: inputs and outputs ------------------------------------------------------------------------------------


def test_calls_take_a_list_or_one_argument_per_input() -> None:
    x, y = K.placeholder((None,), name="x"), K.placeholder((None,), name="y")
    f = K.function([x, y], [x + y, x * y], name="both")
    for outputs in (f([[1.0], [2.0]]), f(np.float64([1]), np.array([2]))):
        assert [o.tolist() for o in outputs] == [[3.0], [2.0]] and outputs[0].dtype == "float32"
    with pytest.raises(DataError, match=r"takes 2 inputs \(x, y\), received 1"):
        f([[1.0]])
    assert repr(f).startswith("<K.function both(x: f32[")
    assert "0 updates; numpy>" in repr(f)


def test_what_was_compiled_can_be_read() -> None:
    x = K.placeholder((None, 2), name="x")
    f = K.function([x], [K.exp(x) + 1], backend="numpy")
    assert "np.exp" in f.source and f.history is not None and f.memory is None
    f([A])
    assert f.memory.planned > 0
    assert {vertex["op"] for _, vertex in f.to_networkx().nodes(data=True)} >= {"exp", "add"}
    assert K.function([x], [x], backend="interpreter").source == ""


def test_inputs_that_are_not_needed_and_tensors_in_the_middle_are_inputs_too() -> None:
    x, unused = K.placeholder((None, 2)), K.placeholder(())
    middle = K.square(x)
    f = K.function([middle, unused], [middle + 1])
    assert np.array_equal(f([A, 0])[0], A + 1)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda x, v: K.function([], [x * v]), GraphError, "placeholder 'x'"),
        (lambda x, v: K.function([v], [v]), ConfigError, "cannot be an input"),
        (lambda x, v: K.function([x, x], [x]), ConfigError, "input twice"),
        (lambda x, v: K.function([A], [x]), ConfigError, "inputs are placeholders"),
        (lambda x, v: K.function([x], ["x"]), ConfigError, "outputs are tensors"),
        (lambda x, v: K.function([x], [x], backend="numpie"), BackendError, "Did you mean 'numpy'"),
        (lambda x, v: K.eval(x * v), ConfigError, "K.eval.* depends on x"),
        (lambda x, v: K.gradients(x * v, v), ShapeError, r"scalar loss, received one of type f32\["),
    ],
)
def test_functions_that_cannot_be_built_say_why(build: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        build(K.placeholder((None,), name="x"), K.variable(1.0))


def test_gradients_come_as_a_list_with_none_for_what_does_not_count() -> None:
    x, w, idle = K.placeholder((2,)), K.variable([1.0, 2.0]), K.variable(0.0)
    slopes = K.gradients(K.sum(K.square(w) * x), [w, idle])
    assert slopes[1] is None and len(K.gradients(K.sum(w), w)) == 1
    assert K.function([x], slopes[:1])([[1.0, 10.0]])[0].tolist() == [2.0, 40.0]
    assert K.gradients(K.sum(K.stop_gradient(K.square(w))), [w]) == [None]


def test_weights_of_layers_are_read_when_the_function_runs() -> None:
    kernel = Variable(np.float32([3, 4]), name="kernel")
    penalty = K.function([], [K.sum(K.square(kernel))])
    assert float(penalty()[0]) == 25.0
    kernel.assign([1.0, 1.0])
    assert float(penalty()[0]) == 2.0


# ---- K.function: models and the learning phase -------------------------------------------------------------------------


def test_layers_of_a_model_can_be_read_out() -> None:
    inputs = symkeras.Input((2,))
    hidden = symkeras.layers.Dense(3, activation="relu", name="hidden")
    outputs = symkeras.layers.Dense(1)(hidden(inputs))
    model = symkeras.Model(inputs, outputs)
    f = K.function([model.input], [hidden.output, model.output])
    inside, out = f([A])
    np.testing.assert_allclose(inside, np.maximum(A @ hidden.kernel.numpy(), 0), rtol=1e-6)
    np.testing.assert_allclose(out, model.predict(A, verbose=0), rtol=1e-6)
    tail = K.function([hidden.output], [model.output])
    np.testing.assert_allclose(tail([inside])[0], out, rtol=1e-6)
    (saliency,) = K.function([model.input], K.gradients(K.sum(model.output), model.input))([A])
    assert saliency.shape == A.shape and K.is_keras_tensor(model.output) and not K.is_keras_tensor(K.placeholder((1,)))


def test_the_learning_phase_is_an_input() -> None:
    x = K.placeholder((None,))
    y = K.in_train_phase(x * 10, lambda: x)
    f = K.function([x, K.learning_phase()], [y, K.in_test_phase(x * 10, x)])
    for phase in (0, 0.0, False):
        assert [v.tolist() for v in f([[2.0], phase])] == [[2.0], [20.0]]
    for phase in (1, 1.0, True):
        assert [v.tolist() for v in f([[2.0], phase])] == [[20.0], [2.0]]
    with pytest.raises(ConfigError, match=r"depend on the learning phase, which is not among the inputs.*K.learning_phase\(\)"):
        K.function([x], [y])


def test_a_fixed_learning_phase_chooses_while_the_graph_is_built() -> None:
    x = K.placeholder((None,))
    try:
        K.set_learning_phase(1)
        assert K.learning_phase() == 1
        assert K.function([x], [K.in_train_phase(x * 10, x)])([[2.0]])[0].tolist() == [20.0]
        with pytest.raises(ConfigError, match="fixed the learning phase to 1"):
            K.function([x, K.learning_phase()], [x])
    finally:
        K.clear_session()
    assert K.learning_phase().dtype == "bool"
    with pytest.raises(ConfigError, match=r"0 \(test\) or 1 \(train\)"):
        K.set_learning_phase(2)


def test_the_learning_phase_reaches_the_layers_of_a_model() -> None:
    inputs = symkeras.Input((100,))
    model = symkeras.Model(inputs, symkeras.layers.Dropout(0.5)(inputs) + 1)
    f = K.function([model.input, K.learning_phase()], [model.output])
    x = np.ones((2, 100), "f4")
    assert np.array_equal(f([x, 0])[0], x + 1)
    first, second = f([x, 1])[0], f([x, 1])[0]
    assert set(np.unique(first)) == {1.0, 3.0} and not np.array_equal(first, second)
    slope = K.gradients(K.sum(K.square(model.output)), model.input)
    with pytest.raises(ConfigError, match=r"model\(x, training=True\)"):
        K.function([model.input, K.learning_phase()], slope)
    train = K.function([model.input], K.gradients(K.sum(model(model.input, training=True)), model.input))
    assert set(np.unique(train([x])[0])) == {0.0, 2.0}


def test_a_layer_written_with_k_trains_and_predicts() -> None:
    class Noisy(symkeras.layers.Layer):
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")
            self.built = True

        def call(self, x: Any) -> Any:
            return K.in_train_phase(x * 2, x) * K.square(self.scale)

    inputs = symkeras.Input((2,))
    model = symkeras.Model(inputs, Noisy()(inputs))
    assert np.array_equal(model.predict(A, verbose=0), A)
    assert np.array_equal(np.asarray(model.layers[-1](A)), A)
    model.compile("sgd", "mse")
    assert model.train_on_batch(A, A * 0) == pytest.approx(float((4 * A**2).mean()))
    f = K.function([model.input, K.learning_phase()], [model.output])
    assert np.array_equal(f([A, 1])[0], 2 * f([A, 0])[0])
