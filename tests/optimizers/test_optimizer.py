"""What all optimizers share: learning rate, spellings of 2017, clipping, accumulation, averages, memory, saving."""

from __future__ import annotations

import subprocess
import sys
import warnings

import numpy as np
import pytest

from symkeras import Sequential, layers, ops, optimizers
from symkeras.errors import ConfigError, ReadOnlyError, ShapeError
from symkeras.graph import tracing
from symkeras.graph.variable import Variable
from symkeras.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop, get, schedules
from tests.optimizers.test_formulas import data, flattened, run_eagerly, run_graph, step_graph


def weights(*values):
    return [Variable(np.array(v, "float32"), name=f"w{k}") for k, v in enumerate(values)]


def step(optimizer, variables, *grads):
    optimizer.apply_gradients([(np.array(g, "float32"), v) for g, v in zip(grads, variables, strict=True)])


def test_state_has_keras_order_and_names():
    optimizer = Adam(use_ema=True, gradient_accumulation_steps=2, name="adam")
    optimizer.build(weights([1.0], [2.0]))
    assert [v.path for v in optimizer.variables] == [
        "adam/iteration", "adam/learning_rate", "adam/w0_average", "adam/w1_average", "adam/w0_gradient_accumulator",
        "adam/w1_gradient_accumulator", "adam/w0_momentum", "adam/w0_velocity", "adam/w1_momentum", "adam/w1_velocity",
    ]  # fmt: skip
    assert [v.name for v in optimizer.variables[:2]] == ["iteration", "learning_rate"]
    assert [v.dtype for v in optimizer.variables[:2]] == ["int32", "float32"]
    centred = RMSprop(centered=True, momentum=0.1, name="r")
    centred.build(weights([1.0], [2.0]))
    assert [v.name.partition("_")[2] for v in centred.variables[2:]] == ["velocity"] * 2 + ["momentum"] * 2 + ["average_gradient"] * 2


def test_the_spellings_of_2017_mean_what_they_meant():
    optimizer = SGD(lr=0.5, decay=0.1)
    (w,) = variables = weights([0.0])
    expected = 0.0
    for n in range(3):
        step(optimizer, variables, [1.0])
        expected -= 0.5 / (1 + 0.1 * n)
    np.testing.assert_allclose(w.numpy(), [expected], rtol=1e-6)
    optimizer.lr = 0.25
    assert float(optimizer.learning_rate.numpy()) == float(optimizer.lr.numpy()) == 0.25
    assert Adam(epsilon=None).epsilon == 1e-7
    assert SGD.from_config(optimizer.get_config()).decay == 0.1
    assert type(get({"class_name": "sgd", "config": {"lr": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False}})) is SGD


def test_the_learning_rate_is_read_anew_in_every_step_of_a_graph():
    optimizer, variables = SGD(1.0), weights([0.0])
    graph = step_graph(optimizer, variables)
    for rate in (1.0, 0.5):
        optimizer.learning_rate = rate
        run_graph(graph, [[np.ones(1, "float32")]])
    assert variables[0].numpy().tolist() == [-1.5] and optimizer.iterations.numpy() == 2


def test_a_schedule_is_part_of_the_graph_and_of_the_config():
    make = lambda: Adam(schedules.ExponentialDecay(0.1, 2, 0.5))  # noqa: E731
    start, grads = data()
    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    run_graph(step_graph(make(), variables), grads)
    for value, v in zip(run_eagerly(make(), start, grads), variables, strict=True):
        np.testing.assert_array_equal(v.numpy(), value)
    optimizer = make()
    assert float(optimizer.learning_rate) == pytest.approx(0.1) and len(optimizer.variables) == 1
    again = Adam.from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    with pytest.raises(ReadOnlyError, match="cannot be set"):
        optimizer.learning_rate = 0.1


def test_a_schedule_can_take_the_place_of_a_number():
    optimizer, variables = SGD(1.0), weights([0.0])
    optimizer.build(variables)
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([0], [1.0, 0.25])
    assert [v.name for v in optimizer.variables] == ["iteration"]
    step(optimizer, variables, [1.0])
    step(optimizer, variables, [1.0])
    assert variables[0].numpy().tolist() == [-1.25]


def test_a_learning_rate_function_is_computed_from_variables():
    rate = Variable(0.5, name="rate")
    optimizer, variables = SGD(lambda: ops.multiply(rate, 2.0)), weights([0.0])
    run_graph(step_graph(optimizer, variables), [[np.ones(1, "float32")]])
    assert variables[0].numpy().tolist() == [-1.0]
    with pytest.raises(ConfigError, match="never ask"):
        step_graph(SGD(lambda: 0.1), weights([0.0]))


CLIPPED = [
    ({"clipvalue": 1.0}, [[1.0, 0.5], [1.0]]),
    ({"clipnorm": 1.0}, [[3 / 3.0413812, 0.5 / 3.0413812], [1.0]]),
    ({"global_clipnorm": 2.0}, [[6 / 5.024938, 1 / 5.024938], [8 / 5.024938]]),
    ({"global_clipnorm": 9.0}, [[3.0, 0.5], [4.0]]),
    ({"loss_scale_factor": 2.0}, [[1.5, 0.25], [2.0]]),
]


@pytest.mark.parametrize(("arguments", "expected"), CLIPPED, ids=[str(a) for a, _ in CLIPPED])
def test_gradients_are_clipped_and_unscaled(arguments, expected):
    variables = weights([0.0, 0.0], [0.0])
    step(SGD(1.0, **arguments), variables, [3.0, 0.5], [4.0])
    for v, e in zip(variables, expected, strict=True):
        np.testing.assert_allclose(-v.numpy(), e, rtol=1e-5)
    symbolic = weights([0.0, 0.0], [0.0])
    run_graph(step_graph(SGD(1.0, **arguments), symbolic), [[np.array([3.0, 0.5], "float32"), np.array([4.0], "float32")]])
    for v, s in zip(variables, symbolic, strict=True):
        np.testing.assert_array_equal(v.numpy(), s.numpy())


def test_an_infinite_global_norm_gives_nan_and_no_gradient_at_all_stays_zero():
    variables = weights([1.0], [1.0])
    step(SGD(1.0, global_clipnorm=1.0), variables, [0.0], [0.0])
    assert [v.numpy().tolist() for v in variables] == [[1.0], [1.0]]
    step(SGD(1.0, global_clipnorm=1.0), variables, [np.inf], [0.0])
    assert np.isnan(variables[1].numpy()).all()


def test_scale_loss_is_undone_by_apply():
    assert float(SGD(loss_scale_factor=8.0).scale_loss(np.float32(0.5))) == 4.0


def test_weight_decay_spares_what_is_excluded():
    kernel, bias = variables = [Variable([1.0], name="kernel"), Variable([1.0], name="bias")]
    optimizer = AdamW(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    step(optimizer, variables, [0.0], [0.0])
    assert (kernel.numpy().tolist(), bias.numpy().tolist()) == ([0.75], [1.0])
    with pytest.raises(ConfigError, match="before"):
        optimizer.exclude_from_weight_decay(var_list=[kernel])


def test_accumulated_gradients_make_one_update_with_their_mean():
    arguments = {"learning_rate": 0.1, "weight_decay": 0.01}
    start, grads = data()
    grads = grads[:4]
    means = [[(a + b) / 2 for a, b in zip(g, h, strict=True)] for g, h in zip(grads[::2], grads[1::2], strict=True)]
    expected = run_eagerly(Adam(**arguments), start, means)
    optimizer = Adam(gradient_accumulation_steps=2, **arguments)
    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    run_graph(flattened(step_graph(optimizer, variables)), grads)
    for v, e in zip(variables, expected, strict=True):
        np.testing.assert_allclose(v.numpy(), e, rtol=1e-5, atol=1e-6)
    assert int(optimizer.iterations) == 2
    run_graph(step_graph(optimizer, variables), grads[:1])
    for v, e in zip(variables, expected, strict=True):
        np.testing.assert_allclose(v.numpy(), e, rtol=1e-5, atol=1e-6)


def test_averages_follow_the_variables_and_replace_them_at_the_end():
    optimizer, (w,) = SGD(1.0, use_ema=True, ema_momentum=0.5), weights([0.0])
    step(optimizer, [w], [1.0])
    step(optimizer, [w], [1.0])
    assert w.numpy().tolist() == [-2.0]
    optimizer.finalize_variable_values([w])
    assert w.numpy().tolist() == [-1.5]
    often, (w,) = SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2), weights([0.0])
    for _ in range(3):
        step(often, [w], [1.0])
    assert w.numpy().tolist() == [-2.5]


def test_constraints_hold_after_the_step():
    w = Variable([1.0], name="w", constraint=lambda x: ops.maximum(x, 0))
    step(SGD(5.0), [w], [1.0])
    assert w.numpy().tolist() == [0.0]


def test_variables_without_gradient_are_named_once_and_stay():
    optimizer, (a, b) = SGD(1.0), weights([1.0], [1.0])
    with pytest.warns(UserWarning, match="w1"):
        optimizer.apply_gradients([(np.ones(1, "float32"), a), (None, b)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.apply([np.ones(1, "float32"), None])
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([-1.0], [1.0])
    with pytest.raises(ConfigError, match="no variable has a gradient"):
        optimizer.apply([None, None])


def test_packed_variables_never_move_again():
    a, b, c = weights([1.0], [2.0, 2.0], [3.0])
    SGD(momentum=0.9).build([b, c])
    array = b.pack.array
    optimizer = Adam()
    optimizer.build([a, b, c])
    assert b.pack is c.pack and b.pack.array is array and np.shares_memory(b.array, array)
    assert a.pack.variables == (a,) and a.pack is not b.pack
    for kind in ("momentum", "velocity"):
        of_a, of_b, of_c = optimizer.slots[kind]
        assert of_b.pack is of_c.pack and of_b.pack.variables == (of_b, of_c) and of_a.pack is not of_b.pack


def test_variables_of_several_dtypes_lie_in_several_packs():
    a, b, c = Variable([1.0], name="a"), Variable([1.0], dtype="float64", name="b"), Variable([1.0], name="c")
    optimizer = SGD(momentum=0.5)
    optimizer.build([a, b, c])
    assert a.pack.variables == (a, c) and b.pack.variables == (b,)
    assert {p.array.dtype.name for p in (a.pack, b.pack)} == {"float32", "float64"}


def test_slots_of_optimizers_that_write_their_own_build_are_packed_too():
    class Own(Optimizer):
        def build(self, variables):
            super().build(variables)
            self.momentums = [self.add_variable_from_reference(v, name="momentum") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            m = self.momentums[self._get_variable_index(variable)]
            m.assign(ops.subtract(ops.multiply(m, 0.9), ops.multiply(gradient, ops.cast(learning_rate, variable.dtype))))
            variable.assign_add(m)

    start, grads = data()
    variables = [Variable(w, name=f"w{k}") for k, w in enumerate(start)]
    flat = flattened(step_graph(Own(0.1), variables))
    assert len(flat.updates) == 3
    run_graph(flat, grads)
    for v, e in zip(variables, run_eagerly(SGD(0.1, momentum=0.9), start, grads), strict=True):
        np.testing.assert_allclose(v.numpy(), e, rtol=1e-6)


def test_an_update_step_may_assign_through_the_optimizer():
    class Own(SGD):
        def update_step(self, gradient, variable, learning_rate):
            count = self.slots["count"][self._get_variable_index(variable)]
            self.assign(count, ops.add(count, 3.0))
            self.assign_sub(count, 1.0)
            self.assign_add(variable, ops.multiply(gradient, ops.cast(learning_rate, variable.dtype)))

        def build(self, variables):
            super().build(variables)
            self.counts = [self.add_variable_from_reference(v, name="count") for v in variables]

    optimizer, (w,) = Own(0.5), weights([1.0, 2.0])
    for _ in range(2):
        step(optimizer, [w], [1.0, -1.0])
    assert w.numpy().tolist() == [2.0, 1.0] and optimizer.counts[0].numpy().tolist() == [4.0, 4.0]


def test_state_is_saved_and_loaded_in_place():
    first, (a,) = Adam(0.1), weights([1.0, 2.0])
    step(first, [a], [1.0, -1.0])
    store: dict[str, np.ndarray] = {}
    first.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3"] and store["0"] == 1
    second, (b,) = Adam(0.5), weights(a.numpy())
    second.build([b])
    arrays = [v.array for v in second.variables]
    second.load_own_variables(store)
    step(first, [a], [0.5, 0.5])
    step(second, [b], [0.5, 0.5])
    assert a.numpy().tolist() == b.numpy().tolist()
    assert all(v.array is array for v, array in zip(second.variables, arrays, strict=True))
    with pytest.warns(UserWarning, match="not loaded"):
        SGD().load_own_variables(store)
    with pytest.raises(ShapeError, match="momentum"):
        second.set_weights([0, 0.1, np.zeros(3), np.zeros(2)])
    second.set_weights(first.get_weights())
    assert all(np.array_equal(x, y) for x, y in zip(first.get_weights(), second.get_weights(), strict=True))


REFUSED = [
    (lambda: SGD(momentum=2.0), "momentum"),
    (lambda: SGD(foo=1), r"unrecognized.*\['foo'\]"),
    (lambda: SGD(clipnorm=1.0, clipvalue=1.0), "one of clipnorm"),
    (lambda: SGD("fast"), "learning_rate"),
    (lambda: SGD(gradient_accumulation_steps=1), "at least 2"),
    (lambda: SGD(use_ema=True, ema_momentum=2.0), "ema_momentum"),
    (lambda: SGD(schedules.CosineDecay(1.0, 2), decay=0.1), "decay"),
    (lambda: AdamW(weight_decay=None), "weight_decay"),
    (lambda: get("adm"), "Did you mean 'adam'"),
    (lambda: get(3), "optimizer"),
    (lambda: SGD().apply([np.ones(1)]), "build"),
    (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps"),
    (lambda: schedules.PiecewiseConstantDecay([1], [0.1]), "boundaries"),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_an_optimizer_keeps_to_the_variables_it_was_built_for():
    optimizer, (a, b) = SGD(), weights([1.0], [1.0])
    optimizer.build([a])
    with pytest.raises(ConfigError, match="w1"):
        step(optimizer, [b], [1.0])
    with pytest.raises(ConfigError, match="2 gradients"):
        optimizer.apply([np.ones(1), np.ones(1)])


def test_building_inside_a_trace_makes_concrete_variables():
    (w,) = weights([1.0])
    x = ops.placeholder("f32[1]")
    optimizer = Adam()
    with tracing.Trace() as trace:
        optimizer.apply_gradients([(x, w)])
    assert all(isinstance(v.array, np.ndarray) for v in optimizer.variables)
    assert len(trace.updates()) == 4


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam"])
def test_lower_case_names_of_keras_2_are_the_classes(name):
    assert getattr(optimizers, name.lower()) is getattr(optimizers, name)
    code = f"import symkeras.optimizers as o; import symkeras.optimizers.{name.lower()}; print(o.{name}.__name__, o.{name.lower()}.__name__)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == [name, name]


@pytest.mark.parametrize(
    "make", [lambda: SGD(0.5, use_ema=True), lambda: Adam(loss_scale_factor=8.0), lambda: optimizers.LossScaleOptimizer(SGD(0.5))]
)
def test_a_variable_may_take_its_gradient_for_its_value(make):
    moved, statistic = weights([1.0], [5.0])
    statistic.overwrite_with_gradient = True
    optimizer = make()
    optimizer.apply([np.float32([2.0]), np.float32([7.0])], [moved, statistic])
    assert statistic.numpy().tolist() == [7.0] and moved.numpy() < 1.0
    optimizer.finalize_variable_values([moved])
    only = optimizers.SGD(0.5)
    only.apply([np.float32([3.0])], [statistic])
    assert statistic.numpy().tolist() == [3.0] and int(only.iterations.numpy()) == 1
    with pytest.raises(TypeError, match="overwrite_with_gradient"):
        statistic.overwrite_with_gradient = "yes"


def test_of_accumulated_gradients_the_greatest_is_taken_for_the_value():
    moved, statistic = weights([1.0], [5.0])
    statistic.overwrite_with_gradient = True
    optimizer = SGD(1.0, gradient_accumulation_steps=2)
    seen = []
    for gradient in (4.0, 3.0, 1.0, 2.0):
        step(optimizer, [moved, statistic], [1.0], [gradient])
        seen.append(float(statistic.numpy()[0]))
    assert seen == [5.0, 4.0, 4.0, 2.0] and moved.numpy().tolist() == [-1.0]


def test_a_layer_keeps_a_statistic_as_the_gradient_of_a_weight():
    class Largest(layers.Layer):
        def build(self, input_shape):
            self.largest = self.add_weight(shape=(), initializer="zeros", overwrite_with_gradient=True, name="largest")
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

        def call(self, x):
            @ops.custom_gradient
            def observed(x, largest):
                return x, lambda upstream: (upstream, ops.max(ops.abs(x)))

            return observed(x, self.largest.value) * self.scale

    model = Sequential([layers.Input((2,)), Largest()])
    model.compile(Adam(0.1), "mse")
    model.fit(np.float32([[1.0, -3.0]]), np.zeros((1, 2), "float32"), verbose=0)
    assert float(model.layers[0].largest.numpy()) == 3.0 and float(model.layers[0].scale.numpy()) < 1.0
