"""Layers, optimizers and metrics as functions of the values of their variables, and the scopes behind that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, KerasTensor, Model, Sequential, StatelessScope, Variable, layers, metrics, ops, optimizers
from symkeras.backend.theano_style.symbolic_function import function
from symkeras.errors import ConfigError, ShapeError, SymkerasError

X = np.arange(8, dtype="float32").reshape(4, 2)


def f32(numbers: Any) -> np.ndarray:
    return np.array(numbers, "float32")


def stack() -> Any:
    model = Sequential([Input((2,)), layers.Dense(3), layers.BatchNormalization(), layers.Dropout(0.5, seed=1), layers.Dense(1)])
    model(X)
    return model


def values(variables: list[Any]) -> list[np.ndarray]:
    return [v.numpy() for v in variables]


# ---- scopes --------------------------------------------------------------------------------------------------------


def test_a_scope_on_arrays_lends_values_and_takes_assignments_out_again() -> None:
    a, b, c = (Variable(f32([k, k]), name=f"v{k}") for k in range(3))
    with pytest.raises(ZeroDivisionError), StatelessScope([(a, np.ones(2))]):
        assert ops.sum(a) == 2
        raise ZeroDivisionError
    with StatelessScope([(a, f32([5, 6]))]) as scope:
        assert (a + b).tolist() == [6, 7]
        b.assign(a.value * 2)
        scope.add_update((c, f32([9, 9])))
        assert scope.get_current_value(b).tolist() == [10, 12] == b.numpy().tolist()
    assert [values([v])[0].tolist() for v in (a, b, c)] == [[0, 0], [1, 1], [2, 2]]
    assert [scope.get_current_value(v).tolist() for v in (a, b, c)] == [[5, 6], [10, 12], [9, 9]]


def test_an_inner_scope_ends_before_an_outer_one() -> None:
    v = Variable([1.0], name="v")
    with StatelessScope([(v, f32([2.0]))]) as outer:
        with StatelessScope([(v, f32([3.0]))]) as inner:
            v.assign_add([1.0])
        v.assign_add([10.0])
    assert [s.get_current_value(v).tolist() for s in (inner, outer)] == [[4.0], [12.0]] and v.numpy().tolist() == [1.0]


def test_gradients_go_through_the_tensors_of_a_scope() -> None:
    v, x = Variable([1.0, 2.0], name="v"), ops.placeholder("f32[2]", name="x")
    with StatelessScope([(v, x)]) as scope:
        loss = ops.sum(ops.square(v))
        v.assign(ops.multiply(v, 3.0))
    gradient = symkeras.autodiff.gradients(loss, x)
    found = function([x], [gradient, scope.get_current_value(v)])([f32([5.0, 6.0])])
    assert [np.asarray(f).tolist() for f in found] == [[10.0, 12.0], [15.0, 18.0]]
    assert v.numpy().tolist() == [1.0, 2.0]


def test_a_scope_refuses_values_that_do_not_fit() -> None:
    v = Variable([1.0], name="v")
    with pytest.raises(ShapeError, match=r"expects shape \(1,\)"):
        StatelessScope([(v, np.ones(2))])
    with pytest.raises(SymkerasError, match="innermost"):
        StatelessScope().add_update((v, 1.0))


# ---- layers --------------------------------------------------------------------------------------------------------


def test_a_stateless_call_is_the_call_with_other_values() -> None:
    model = stack()
    before = values(model.variables)
    trained = [w + 1 for w in values(model.trainable_variables)]
    y, fixed = model.stateless_call(trained, values(model.non_trainable_variables), X, training=True)
    assert all(np.array_equal(a, b) for a, b in zip(before, values(model.variables), strict=True))
    for v, w in zip(model.trainable_variables, trained, strict=True):
        v.set(w)
    assert np.array_equal(model(X, training=True), y)
    assert all(np.array_equal(a, b) for a, b in zip(fixed, values(model.non_trainable_variables), strict=True))


def test_a_stateless_call_on_tensors_is_a_graph_of_them() -> None:
    model = stack()
    own = [*model.trainable_variables, *model.non_trainable_variables]
    given = [ops.placeholder(f"{v.node.type}", name=f"p{k}") for k, v in enumerate(own)]
    count = len(model.trainable_variables)
    x = ops.placeholder("f32[4, 2]", name="x")
    y, fixed = model.stateless_call(given[:count], given[count:], x, training=True)
    loss = ops.mean(ops.square(y))
    gradients = symkeras.autodiff.gradients(loss, given[:count])
    step = function([x, *given], [y, *fixed, *gradients])
    found = [np.asarray(f) for f in step([X, *values(own)])]
    expected, rest = model.stateless_call(values(own)[:count], values(own)[count:], X, training=True)
    assert all(np.allclose(a, b, atol=1e-5) for a, b in zip(found, [expected, *rest], strict=False))
    assert any(np.abs(g).max() > 0 for g in found[-count:])


def test_losses_of_a_stateless_call_are_those_of_that_call() -> None:
    layer = layers.Dense(1, use_bias=False, kernel_regularizer="l2", activity_regularizer="l1")
    layer.build((None, 2))
    _, _, losses = layer.stateless_call([f32([[1.0], [2.0]])], [], f32([[1.0, 1.0]]), return_losses=True)
    assert sorted(round(float(one), 4) for one in losses) == [0.03, 0.05]


def test_a_stateless_call_says_what_it_needs() -> None:
    with pytest.raises(ConfigError, match="build it first"):
        layers.Dense(2).stateless_call([], [], X)
    layer = layers.Dense(2)
    layer.build((None, 2))
    with pytest.raises(ConfigError, match="has 2 trainable variables, received 1"):
        layer.stateless_call([np.ones((2, 2))], [], X)
    with pytest.raises(ShapeError):
        layer.stateless_call([np.ones((3, 2)), np.ones(2)], [], X)


# ---- optimizers and metrics ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: optimizers.Adam(0.1), lambda: optimizers.LossScaleOptimizer(optimizers.SGD(0.1, momentum=0.9))])
def test_a_stateless_step_is_the_step_with_other_values(make: Any) -> None:
    v, g = Variable(f32([1.0, 2.0]), name="v"), f32([0.5, -0.5])
    optimizer, other = make(), make()
    optimizer.build([v])
    weights, state = [v.numpy()], values(optimizer.variables)
    for _ in range(3):
        weights, state = optimizer.stateless_apply(state, [g], weights)
    assert v.numpy().tolist() == [1.0, 2.0] and int(optimizer.iterations) == 0
    for _ in range(3):
        other.apply([g], [v])
    assert np.array_equal(v.numpy(), weights[0])
    assert all(np.array_equal(a, b) for a, b in zip(values(other.variables), state, strict=True))
    with pytest.raises(ConfigError, match="build"):
        make().stateless_apply([], [g], [g])
    with pytest.raises(ShapeError, match="received 0 values"):
        optimizer.stateless_apply([], [g], weights)


def test_metrics_of_a_step_are_values_too() -> None:
    metric = metrics.MeanSquaredError()
    state = metric.stateless_update_state(metric.stateless_reset_state(), np.zeros((2, 1)), np.ones((2, 1)))
    assert float(metric.stateless_result(state)) == 1.0 and float(metric.variables[1].numpy()) == 0.0


# ---- state trees ---------------------------------------------------------------------------------------------------


def test_a_state_tree_holds_everything_and_brings_it_back() -> None:
    model = stack()
    model.compile("adam", "mse", metrics=["mae"])
    y = X[:, :1]
    model.fit(X, y, verbose=0)
    tree = model.get_state_tree("numpy_array")
    assert set(tree) == {"trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables"}
    everything = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    kept = values(everything)
    model.fit(X, y, verbose=0)
    model.set_state_tree(tree)
    model.set_state_tree({kind: leaves_as_lists(part) for kind, part in tree.items()})
    assert all(np.array_equal(a, b) for a, b in zip(kept, values(everything), strict=True))
    for wrong, error in (({"spam": {}}, ConfigError), ({"trainable_variables": {"a": np.ones(1)}}, ConfigError), (3, ConfigError)):
        with pytest.raises(error):
            model.set_state_tree(wrong)


def test_names_that_are_there_twice_make_no_tree() -> None:
    class Twice(Model):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = layers.Dense(1, name="same"), layers.Dense(1, name="same")

        def call(self, inputs: Any) -> Any:
            return self.b(self.a(inputs))

    model = Twice()
    model(X)
    with pytest.raises(ConfigError, match="names of their own"):
        model.get_state_tree()


# ---- operations, functions, scopes that change nothing --------------------------------------------------------------


def test_a_function_applies_what_lies_between_tensors() -> None:
    x = KerasTensor((None, 2))
    dense = layers.Dense(3)
    f = symkeras.Function(x, {"y": dense(x) * 2, "x": x + 1})
    found = f(X)
    assert np.allclose(found["y"], 2 * dense(X)) and np.array_equal(found["x"], X + 1)
    assert f.compute_output_shape((None, 2)) == {"x": (None, 2), "y": (None, 3)}
    assert dense in f.operations and isinstance(f, symkeras.Operation) and isinstance(dense, symkeras.Operation)


def test_an_operation_of_ones_own_computes_on_arrays_and_tensors() -> None:
    class Shift(symkeras.Operation):
        def __init__(self, by: float, name: str | None = None):
            super().__init__(name=name)
            self.by = by

        def call(self, x: Any) -> Any:
            return ops.add(x, self.by)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "by": self.by}

    shift = Shift.from_config(Shift(2.0).get_config())
    assert shift(X).tolist() == (X + 2).tolist() and shift.name.startswith("shift")
    assert shift.compute_output_spec(KerasTensor((None, 2))).shape == (None, 2)
    x = Input((2,))
    assert Model(x, shift(x)).predict(X, verbose=0).tolist() == (X + 2).tolist()
    with pytest.raises(ConfigError, match="takes symbolic tensors"):
        shift.compute_output_spec(X)


def test_scopes_of_memory_and_of_devices_change_no_number() -> None:
    with symkeras.RematScope("list_of_layers", layer_names=["a"]), symkeras.device("cpu:0"):
        assert symkeras.remat(lambda x: ops.sum(x))(X) == X.sum()
    with pytest.raises(ConfigError, match="mode must be"):
        symkeras.RematScope("some")
    with pytest.raises(ConfigError, match="live on 'cpu:0'"), symkeras.device("gpu:0"):
        pass
    with symkeras.SymbolicScope():
        assert ops.is_symbolic(Variable([1.0]) + 1)


def leaves_as_lists(tree):
    return {k: leaves_as_lists(v) for k, v in tree.items()} if isinstance(tree, dict) else np.asarray(tree).tolist()


def test_what_metrics_hold_is_no_state_of_a_layer() -> None:
    class Measured(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense, self.metric = layers.Dense(3), metrics.MeanSquaredError()

        def build(self, input_shape) -> None:
            self.dense.build(input_shape)

        def call(self, x):
            return self.dense(x)

    layer = Measured()
    layer.build((1, 3))
    assert (len(layer.trainable_variables), len(layer.non_trainable_variables), len(layer.variables), len(layer.metrics_variables)) == (2, 0, 2, 2)


def test_a_scope_maps_variables() -> None:
    with pytest.raises(ConfigError, match="pairs of variable and value, received 'v'"):
        StatelessScope([("v", X)])
