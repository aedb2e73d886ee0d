"""What depends on variables alone is computed again when a variable was written, and else kept from call to call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, ops
from symkeras.backend.interface import compile_graph
from symkeras.backend.theano_style import keras_backend as K
from symkeras.compiler.program.program import Preparation
from symkeras.graph import Graph
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate

pytestmark = pytest.mark.usefixtures("backend_native")


def compiled(inputs: list, outputs: list, **options: Any) -> Any:
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), "native", **options)


def preparation(f: Any) -> list[str]:
    """The kernels that run for many calls, and those of the others that keep something."""
    made = [s.node.op.name for p in f.program.steps if isinstance(p, Preparation) for s in p.steps]
    return made + [f"ready {s.node.op.name}" for s in f.program.all_steps() if s.is_ready]


def check(f: Any, *arrays: np.ndarray) -> None:
    for _ in range(3):
        for found, expected in zip(f(*arrays), evaluate(f.source_graph, arrays)[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def convnet() -> Any:
    model = Sequential([
        Input((6, 6, 16)), layers.Conv2D(16, 3, padding="same", use_bias=False), layers.BatchNormalization(),
        layers.Conv2D(32, 3, strides=2), layers.Flatten(), layers.Dense(2),
    ])  # fmt: skip
    model.compile("sgd", "mse", backend="native")
    return model


IMAGES = np.random.default_rng(0).standard_normal((9, 6, 6, 16)).astype("float32")
TARGETS = np.random.default_rng(1).standard_normal((9, 2)).astype("float32")


def fitted(backend: str) -> Callable[[Any], None]:
    def write(model: Any) -> None:
        """Train another model of the same layers."""
        model = Model(model.inputs, model.outputs)
        model.compile("sgd", "mse", backend=backend)
        model.fit(IMAGES, TARGETS, verbose=0)

    return write


def reloaded(model: Any) -> None:
    model.set_weights([w * 1.1 for w in model.get_weights()])


def by_function(model: Any) -> None:
    kernel = model.layers[0].kernel
    K.function([], [], updates=[(kernel, kernel * 2.0)])([])


WRITERS: dict[str, Callable[[Any], None]] = {
    "a step of training": lambda model: model.train_on_batch(IMAGES, TARGETS),
    "an epoch": lambda model: model.fit(IMAGES, TARGETS, verbose=0),
    "an epoch on numpy": fitted("numpy"),
    "an epoch on the interpreter": fitted("interpreter"),
    "set_weights": reloaded,
    "assign": lambda model: model.layers[1].gamma.assign_add(np.ones(16)),
    "K.function": by_function,
    "K.set_value": lambda model: K.set_value(model.layers[1].moving_variance, np.full(16, 4.0)),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_predictions_follow_whoever_writes_variables(writer: str) -> None:
    model = convnet()
    before = [model.predict(IMAGES[:n], verbose=0) for n in (1, 1, 9, 9, 1)]
    np.testing.assert_array_equal(before[0], before[1])
    for _ in range(3):  # the first training moves variables to another storage, and all is compiled again
        WRITERS[writer](model)
        for n in (1, 1, 9, 1):
            found = model.predict(IMAGES[:n], verbose=0)
            np.testing.assert_allclose(found, model(IMAGES[:n], training=False), rtol=1e-4, atol=1e-5)
    assert abs(found - before[0]).max() > 1e-4


def reader_of_words() -> Any:
    model = Sequential([Input((5,), dtype="int32"), layers.Embedding(11, 16), layers.LSTM(4), layers.Dense(2)])
    model.compile("sgd", "mse", backend="native")
    return model


WORDS = np.random.default_rng(2).integers(0, 11, (9, 5)).astype("int32")


def test_an_input_projection_of_words_is_looked_up_and_follows_the_weights() -> None:
    model = reader_of_words()
    for _ in range(3):
        for n in (1, 9, 2):
            found = model.predict(WORDS[:n], verbose=0)
            np.testing.assert_allclose(found, model(WORDS[:n], training=False), rtol=1e-5, atol=1e-6)
        assert preparation(model.executable("predict")) == ["matmul", "add"]
        model.fit(WORDS, TARGETS, verbose=0)
    assert preparation(model.executable("train")) == []


def test_what_others_train_leaves_what_is_kept_alone() -> None:
    one, other = reader_of_words(), reader_of_words()
    for model in (one, other):
        model.fit(WORDS, TARGETS, verbose=0)
        model.predict(WORDS, verbose=0)
    watches = [model.executable("predict").watch for model in (one, other)]
    before = [w.last for w in watches]
    one.fit(WORDS, TARGETS, verbose=0)
    assert watches[0].last != before[0] and watches[1].last == before[1]
    before = [w.last for w in watches]
    one.evaluate(WORDS, TARGETS, verbose=0)
    assert [w.last for w in watches] == before, "metrics are no weights"
    other.set_weights(one.get_weights())
    assert watches[0].last == before[0] and watches[1].last != before[1]
    np.testing.assert_allclose(other.predict(WORDS, verbose=0), one.predict(WORDS, verbose=0), rtol=1e-6)


@pytest.mark.parametrize(("writer", "last"), [("native", "_function"), ("numpy", "_commit")])
def test_an_interrupted_step_counts_as_written(writer: str, last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, w = ops.placeholder("f32[n]"), Variable(np.zeros(3, "float32"), name="w")
    f = compiled([x], [ops.sort(ops.as_tensor(w) * 2.0) + ops.sum(x)])
    call = compile_graph(Graph([], [], [(w.node, (ops.as_tensor(w) + 1.0).node)]), writer).lease().at(())
    call.run()
    check(f, np.ones(2, "float32"))
    whole = getattr(call, last)

    def interrupted(*given: Any) -> None:
        whole(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(call, last, interrupted)
    with pytest.raises(KeyboardInterrupt):
        call.run()
    assert w.numpy().tolist() == [2.0] * 3
    check(f, np.ones(2, "float32"))


def test_predicting_keeps_folded_kernels_and_training_nothing() -> None:
    model = convnet()
    model.predict(IMAGES, verbose=0)
    model.fit(IMAGES, TARGETS, verbose=0)
    kept = preparation(model.executable("predict"))
    assert kept.count("ready conv") == 2
    assert set(kept) - {"ready conv"}
    for level in ("SK_KEPT_VALUES", "SK_KEPT_ALL"):
        assert model.executable("predict").source.count(f"if (call->kept < {level})") == 1
    assert preparation(model.executable("train")) == []
    assert "call->kept" not in model.executable("train").source


@pytest.mark.parametrize("poison", [False, True])
def test_nobody_writes_over_what_is_kept(poison: bool) -> None:
    x, w = ops.placeholder("f32[5]"), Variable(np.arange(5, dtype="float32"), name="w")
    twice = ops.exp(ops.sort(ops.as_tensor(w) * 0.1))
    f = compiled([x], [ops.sin(x) + twice, twice, ops.sort(x + twice)], poison=poison)
    assert "sort" in preparation(f)
    check(f, np.ones(5, "float32"))
    w.assign(np.full(5, 3.0))
    check(f, np.ones(5, "float32"))


@pytest.mark.parametrize("poison", [False, True])
def test_what_only_the_preparation_reads_takes_no_room_of_its_own(poison: bool) -> None:
    x, w = ops.placeholder("f32[1024]"), Variable(np.linspace(1, 2, 1024, dtype="float32"), name="w")
    kept = ops.sort(ops.cumsum(ops.as_tensor(w)))
    f = compiled([x], [ops.sort(ops.cumsum(ops.sort(x))) + kept], poison=poison)
    assert preparation(f) == ["cumsum", "sort"]
    check(f, np.linspace(3, -3, 1024, dtype="float32"))
    cumulated, ordered = (s.outputs[0].buffer.storage for s in f.program.steps[0].steps)
    assert (cumulated.last, ordered.last) == (-1, f.program.end)
    assert f.memory.planned == 4 * 4096, 'the input, two results, and working storage'


@pytest.mark.parametrize("poison", [False, True])
def test_a_matrix_is_kept_laid_out_for_few_rows(poison: bool) -> None:
    x, w = ops.placeholder("f32[n, 200]"), Variable(np.random.default_rng(0).standard_normal((200, 130)).astype("float32"), name="w")
    v = Variable(np.random.default_rng(1).standard_normal((300, 130)).astype("float32"), name="v")
    f = compiled([x], [ops.matmul(ops.tanh(ops.matmul(x, ops.as_tensor(w))), ops.transpose(ops.as_tensor(v)))], poison=poison)
    assert preparation(f) == ["ready matmul"] * 2
    for _ in range(2):
        for rows in (1, 40, 7, 0, 2):
            check(f, np.random.default_rng(rows).standard_normal((rows, 200)).astype("float32") * 0.1)
        w.assign(w.numpy() * -0.5)
        v.assign(v.numpy() + 1)
    assert "SK_KEPT_ALL" not in f.source.partition("symkeras_run_rows")[0], "no other number of rows lays it out again"
    small = compiled([x], [ops.matmul(x, ops.as_tensor(Variable(np.ones((200, 8), "float32"))))])
    assert preparation(small) == [] and "sk_matmul_kept" not in small.source


@pytest.mark.parametrize("poison", [False, True])
def test_what_rests_on_sizes_is_computed_in_every_call(poison: bool) -> None:
    x, w = ops.placeholder("f32[n, 3]"), Variable(np.eye(3, dtype="float32"), name="w")
    mean = ops.sort(ops.as_tensor(w) / ops.cast(ops.shape(x)[0], "float32"), 1)
    f = compiled([x], [ops.matmul(x, mean)], poison=poison)
    for rows in (4, 2, 1, 4):
        check(f, np.ones((rows, 3), "float32"))


def test_other_sizes_in_the_same_arena_keep_what_does_not_rest_on_them() -> None:
    f = compile_graph(convnet().executable("predict").source_graph, "native")
    found = []
    for n in (9, 4, 9, 9):
        check(f, IMAGES[:n])
        f(IMAGES[:n])
        (arena,) = f._free
        found.append(arena.instances.get((n,))._call.kept)
    assert found == [2, 2, 2, 2]
    f(IMAGES[:4])
    assert [call._call.kept for call in arena.instances.values()] == [2, 1]


@pytest.mark.parametrize("poison", [False, True])
def test_a_piece_of_what_others_write_too_is_not_kept(poison: bool) -> None:
    x, w = ops.placeholder("f32[n, 3]"), Variable(np.ones((2, 3), "float32"), name="w")
    joined = ops.concatenate([ops.exp(ops.as_tensor(w)), ops.sin(x)], 0)
    f = compiled([x], [ops.sort(joined, 0)], poison=poison)
    assert preparation(f) == []
    for rows in (0, 1, 40):
        check(f, np.random.default_rng(0).standard_normal((rows, 3)).astype("float32"))


def test_a_call_that_fails_leaves_nothing_half_made() -> None:
    x, w = ops.placeholder("i32[n]"), Variable(np.zeros((4, 2), "float32"), name="w")
    k = Variable(np.array([1, 9]), dtype="int32", name="k")
    f = compiled([x], [ops.take(ops.exp(ops.as_tensor(w)), x, 0), ops.take(ops.as_tensor(w) + 1.0, ops.as_tensor(k), 0)])
    for _ in range(2):
        with pytest.raises(IndexError):
            f(np.zeros(3, "int32"))
    k.assign([1, 2])
    check(f, np.zeros(3, "int32"))
    with pytest.raises(IndexError):
        f(np.full(3, 7, "int32"))
    w.assign(np.ones((4, 2)))
    check(f, np.zeros(3, "int32"))


def test_only_variables_matter_not_who_holds_the_arena() -> None:
    x, w = ops.placeholder("f32[n, 4]"), Variable(np.eye(4, dtype="float32"), name="w")
    f = compiled([x], [ops.matmul(x, ops.sort(ops.as_tensor(w), 1))])
    one, other = f.lease(), f.lease()
    for rows in (3, 1, 3, 8):
        for lease in (one, other):
            call = lease.at(((rows, 4),))
            call.inputs[0][...] = rows
            np.testing.assert_array_equal(call.run()[0], np.full((rows, 4), np.sort(w.numpy(), 1).sum(0) * rows))
            w.assign(w.numpy() + 1)
    one.close(), other.close()


def test_exported_code_asks_for_no_second_call(tmp_path: Any) -> None:
    model = convnet()
    model.export(tmp_path / "model.c", format="c")
    assert "call->kept <" not in (tmp_path / "model.c").read_text()
