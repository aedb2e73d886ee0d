"""Optimizers that consist of others: LossScaleOptimizer, MultiOptimizer; and Muon and ScheduleFreeAdamW against real Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, Sequential, callbacks, layers, ops, optimizers
from symkeras.errors import ConfigError
from symkeras.graph import tracing
from symkeras.graph.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap
from tests.backends import evaluate_on_all
from tests.keras_reference import reference

INF, NAN = np.float32("inf"), np.float32("nan")
SHAPES = {"dense_kernel": (6, 4), "dense_bias": (4,), "embedding": (3, 5), "other": (2, 3, 2)}


def one(value: Any) -> np.ndarray:
    return np.array([value], "float32")


def run(optimizer: Any, grads: list[Any], start: float = 1.0) -> list[float]:
    """What a variable of one element holds after each step, on arrays."""
    v = Variable(one(start), name="v")
    held = []
    for g in grads:
        optimizer.apply([one(g)], [v])
        held.append(float(v.numpy()[0]))
    return held


def run_compiled(optimizer: Any, grads: list[Any], start: float = 1.0) -> list[float]:
    """The same by one graph, on all backends."""
    v, x = Variable(one(start), name="v"), ops.placeholder("f32[1]")
    with tracing.Trace() as trace:
        optimizer.apply([x], [v])
    graph = Graph([x.node], [], trace.updates())
    held = []
    for g in grads:
        _, new = evaluate_on_all(graph, [one(g)])
        for (node, _), value in zip(graph.updates, [np.array(n) for n in new], strict=True):
            node.attrs["variable"].set(value)
        held.append(float(v.numpy()[0]))
    return held


@pytest.mark.parametrize("way", [run, run_compiled])
def test_a_step_that_is_not_finite_changes_nothing_but_the_scale(way: Callable[..., list[float]]) -> None:
    optimizer = LossScaleOptimizer(SGD(0.5, momentum=0.9), initial_scale=4.0, dynamic_growth_steps=2)
    assert way(optimizer, [4.0, INF, NAN]) == [0.5, 0.5, 0.5]
    assert float(optimizer.dynamic_scale) == 1.0 and int(optimizer.step_counter) == 0
    assert int(optimizer.iterations) == 1 and np.isfinite(optimizer.inner_optimizer.slots["momentum"][0].numpy()).all()


def test_the_scale_grows_after_enough_finite_steps_in_a_row() -> None:
    optimizer = LossScaleOptimizer(SGD(0.0), initial_scale=4.0, dynamic_growth_steps=2)
    seen = []
    v = Variable([1.0])
    for g in (1.0, 1.0, 1.0, NAN, 1.0, 1.0):
        optimizer.apply([one(g)], [v])
        seen.append((float(optimizer.dynamic_scale), int(optimizer.step_counter)))
    assert seen == [(4, 1), (8, 0), (8, 1), (4, 0), (4, 1), (8, 0)]


def test_the_loss_is_multiplied_by_the_scale_of_the_moment() -> None:
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile(LossScaleOptimizer(SGD(0.1), initial_scale=2.0, dynamic_growth_steps=1), "mse")
    plain = symkeras.models.clone_model(model)
    plain.set_weights(model.get_weights())
    plain.compile(SGD(0.1), "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
    for m in (model, plain):
        m.fit(x, y, epochs=3, batch_size=4, verbose=0)
    assert np.allclose(model.get_weights()[0], plain.get_weights()[0], atol=1e-6)
    assert float(model.optimizer.dynamic_scale) == 16.0
    model.optimizer.learning_rate = 0.25
    assert float(model.optimizer.inner_optimizer.learning_rate) == 0.25 == float(model.optimizer.lr)


def test_what_belongs_to_the_inner_optimizer_is_refused() -> None:
    for arguments in ({"clipnorm": 1.0}, {"dynamic": False}, {"spam": 1}):
        with pytest.raises(ConfigError):
            LossScaleOptimizer(SGD(), **arguments)
    with pytest.raises(ConfigError, match="twice"):
        LossScaleOptimizer(LossScaleOptimizer(SGD()))
    with pytest.raises(ConfigError, match="must be an Optimizer"):
        LossScaleOptimizer("sgd")


def test_averages_of_the_inner_optimizer_are_used_at_the_end() -> None:
    model = Sequential([Input((2,)), layers.Dense(1, use_bias=False)])
    model.compile(LossScaleOptimizer(SGD(0.1, use_ema=True, ema_momentum=0.5)), "mse")
    model.fit(np.ones((4, 2), "float32"), np.zeros((4, 1), "float32"), epochs=3, verbose=0)
    averages = model.optimizer.inner_optimizer.slots["average"][0].numpy()
    assert np.array_equal(model.get_weights()[0], averages)


def test_each_variable_goes_to_the_optimizer_of_its_path() -> None:
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    inner = {"a": SGD(0.5), "b": SGD(0.25)}
    for chosen in (OptimizerMap(inner["a"], {"b": inner["b"]}), lambda v: inner[v.name]):
        optimizer = MultiOptimizer(chosen, loss_scale_factor=2.0)
        for v in (a, b):
            v.assign([1.0])
        assert float(optimizer.scale_loss(np.float32(1.0))) == 2.0
        optimizer.apply([one(2.0), one(2.0)], [a, b])
        assert [a.numpy()[0], b.numpy()[0]] == [0.5, 0.75]
        assert optimizer.optimizers in ([inner["b"], inner["a"]], [inner["a"], inner["b"]])
    with pytest.raises(AttributeError, match="no learning rate"):
        optimizer.learning_rate  # noqa: B018 - asking is the test


def test_a_map_refuses_what_it_cannot_give() -> None:
    chosen = OptimizerMap(SGD(), {"a.*": Adam()})
    chosen[".*b"] = Adam()
    with pytest.raises(ConfigError, match="fits the keys"):
        chosen["ab"]
    with pytest.raises(ConfigError, match="already"):
        chosen["a.*"] = SGD()
    for wrong in ("adam", LossScaleOptimizer(SGD()), None):
        with pytest.raises(ConfigError, match="must be an Optimizer"):
            OptimizerMap(wrong)
    with pytest.raises(ConfigError, match="must be an Optimizer"):
        MultiOptimizer(lambda v: "adam").build([Variable([1.0])])


def test_optimizers_of_optimizers_go_through_configs_and_files(tmp_path: Any) -> None:
    for optimizer in (LossScaleOptimizer(Adam(0.02), 8.0, 3), MultiOptimizer(OptimizerMap(SGD(0.1), {".*kernel": Adam(0.02)}))):
        again = optimizers.deserialize(optimizers.serialize(optimizer))
        assert again.get_config() == optimizer.get_config()
        model = Sequential([Input((2,)), layers.Dense(1)])
        model.compile(optimizer, "mse")
        x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")
        model.fit(x, y, epochs=2, verbose=0)
        model.save(tmp_path / "m.keras")
        loaded = symkeras.saving.load_model(tmp_path / "m.keras")
        assert [v.numpy().tolist() for v in loaded.optimizer.variables] == [v.numpy().tolist() for v in optimizer.variables]
        for m in (model, loaded):
            m.fit(x, y, epochs=1, verbose=0)
        assert np.array_equal(model.get_weights()[0], loaded.get_weights()[0])


def test_legacy_names_mean_the_optimizers_of_today() -> None:
    assert optimizers.legacy.Adam is Adam and set(dir(optimizers.legacy)) == {"Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"}


CASES: dict[str, Callable[[Any], Any]] = {
    "Muon": lambda o: o.Muon(0.01),
    "Muon without nesterov": lambda o: o.Muon(0.01, nesterov=False, rms_rate=None, adam_lr_ratio=0.1, exclude_layers=["bias"], weight_decay=None),
    "Muon for embeddings": lambda o: o.Muon(0.01, exclude_embeddings=False, ns_steps=2, adam_weight_decay=None),
    "ScheduleFreeAdamW": lambda o: o.ScheduleFreeAdamW(0.01),
    "ScheduleFreeAdamW warmed up": lambda o: o.ScheduleFreeAdamW(0.01, beta_1=0.7, beta_2=0.99, warmup_steps=4, weight_decay=0.01),
    "LossScaleOptimizer": lambda o: o.LossScaleOptimizer(o.Adam(0.01), initial_scale=8.0, dynamic_growth_steps=2),
    "LossScaleOptimizer clipped": lambda o: o.LossScaleOptimizer(o.SGD(0.01, momentum=0.9, clipnorm=1.0), initial_scale=8.0, dynamic_growth_steps=3),
    "MultiOptimizer": lambda o: o.MultiOptimizer(o.OptimizerMap(o.SGD(0.1), {"dense.*": o.Adam(0.02)}), loss_scale_factor=4.0),
}


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("case", CASES)
def test_states_and_weights_go_as_those_of_keras(case: str) -> None:
    keras = reference()
    rng = np.random.default_rng(0)
    start = [rng.normal(size=s).astype("float32") for s in SHAPES.values()]
    grads = [[rng.normal(size=s).astype("float32") for s in SHAPES.values()] for _ in range(6)]
    if case.startswith("Loss"):
        grads[2][0][0, 0] = INF
    own = [Variable(w, name=n) for w, n in zip(start, SHAPES, strict=True)]
    optimizer = CASES[case](optimizers)
    for g in grads:
        optimizer.apply(g, own)
    theirs = [keras.Variable(w, name=n) for w, n in zip(start, SHAPES, strict=True)]
    other = CASES[case](keras.optimizers)
    other.build(theirs)
    weights, state = [v.value for v in theirs], [v.value for v in other.variables]
    for g in grads:
        weights, state = other.stateless_apply(state, [keras.ops.convert_to_tensor(x) for x in g], weights)
    for a, b in zip([*own, *optimizer.variables], [*weights, *state], strict=True):
        assert np.allclose(a.numpy(), np.asarray(b), atol=1e-5), a.path


def fitted_with(callback: Any, **fit: Any) -> tuple[Any, Any]:
    """A model whose kernel and bias have optimizers of their own, and its history."""
    inner = {"kernel": SGD(0.5, use_ema=True, ema_momentum=0.5, name="of_kernel"), "bias": SGD(0.25, name="of_bias")}
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile(MultiOptimizer(lambda v: inner[v.name]), "mse")
    x, y = np.full((4, 2), 1e-3, "float32"), np.zeros((4, 1), "float32")
    return model, model.fit(x, y, verbose=0, callbacks=[callback], **fit)


def test_a_scheduler_sets_the_rates_of_all_optimizers() -> None:
    _, history = fitted_with(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate), epochs=2)
    assert history.history["learning_rate_of_kernel"] == [0.5, 0.25]
    assert history.history["learning_rate_of_bias"] == [0.25, 0.125]


def test_a_plateau_lowers_the_rates_of_all_optimizers(capsys: Any) -> None:
    flat = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1000.0, min_lr=0.2, verbose=1)
    model, _ = fitted_with(flat, epochs=2)
    assert [float(one.learning_rate.numpy()) for one in model.optimizer.optimizers] == [0.25, np.float32(0.2)]
    assert "reducing of_bias learning rate to 0.2" in capsys.readouterr().out


def test_averages_of_one_of_several_optimizers_are_put_into_the_model() -> None:
    model, _ = fitted_with(callbacks.SwapEMAWeights(swap_on_epoch=True), epochs=2)
    kernel, bias = (one for one in model.optimizer.optimizers)
    assert np.array_equal(model.get_weights()[0], kernel.slots["average"][0].numpy())
    assert not bias.use_ema


def test_event_files_have_the_rates_of_all_optimizers(tmp_path: Any) -> None:
    fitted_with(callbacks.TensorBoard(tmp_path, write_graph=False))
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("events*"))
    assert b"epoch_learning_rate_of_kernel" in written and b"epoch_learning_rate_of_bias" in written
