"""Steps that run together, sample by sample: which ones do, what they keep for themselves, and that nothing changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.backend.interface import compile_graph
from symkeras.compiler.program.batch_tiling import counted, window
from symkeras.compiler.program.program import BatchTile, Loop, Program, flat
from symkeras.graph import Graph
from symkeras.graph.dims import symbol
from symkeras.ops.evaluation import evaluate

BATCH = symbol("batch")

pytestmark = pytest.mark.usefixtures("backend_native")


def compiled(inputs: list, outputs: list, **options: Any) -> Any:
    return compile_graph(Graph([t.node for t in inputs], [t.node for t in outputs]), "native", **options)


def groups(program: Program) -> list[BatchTile]:
    return [s for s in program.steps if isinstance(s, BatchTile)]


def names(group: BatchTile) -> list[str]:
    return [s.node.op.name if s.kind == "kernel" else s.kind for s in flat(group.steps)]


def check(f: Any, *shapes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for batch in (0, 1, 2, 3, 17, 64):
        arrays = [rng.standard_normal((batch, *s)).astype("float32") for s in shapes]
        for found, expected in zip(f(*arrays), evaluate(f.source_graph, arrays)[0], strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def check_filled(f: Any, shape: tuple[int, ...]) -> None:
    """For batches with a sample at least: there is no largest of nothing."""
    rng = np.random.default_rng(0)
    for batch in (1, 2, 17, 64, 300):
        x = rng.standard_normal((batch, *shape)).astype("float32")
        np.testing.assert_allclose(f(x)[0], evaluate(f.source_graph, [x])[0][0], rtol=1e-4, atol=1e-4)


def attention(q: Any, k: Any, v: Any) -> Any:
    return ops.matmul(ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1)))), v)


@pytest.mark.parametrize("poison", [False, True])
def test_scores_of_an_attention_are_kept_for_the_samples_at_hand(poison: bool) -> None:
    q, k, v = (ops.placeholder("f32[batch, 90, 8]") for _ in range(3))
    f = compiled([q, k, v], [attention(q, k, v)], poison=poison)
    (group,) = groups(f.program)
    assert names(group) == ["matmul", "fused", "matmul"]
    assert list(group.locals.values()) == [90 * 90]
    scores = group.steps[1].outputs[0].buffer.storage
    assert scores.type.size == 90 * 90 * group.most * group.members
    check(f, *[(90, 8)] * 3)


def test_what_others_read_lies_there_as_a_whole() -> None:
    q, k, v = (ops.placeholder("f32[batch, 90, 8]") for _ in range(3))
    p = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 1))))
    f = compiled([q, k, v], [ops.matmul(p, v), p])
    (group,) = groups(f.program)
    assert len(group.locals) == 1, "the scores, of which the probabilities are made, and they not in the scores' place"
    check(f, *[(90, 8)] * 3)


def test_who_reads_a_sum_over_the_batch_is_in_another_group() -> None:
    x = ops.placeholder("f32[batch, 40, 8]")
    y = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    z = ops.matmul(y - ops.mean(y, 0), x)
    f = compiled([x], [z])
    assert [names(g) for g in groups(f.program)] == [["matmul", "fused"], ["fused", "matmul"]]
    check(f, (40, 8))


def test_who_reads_other_samples_is_not_in_the_group() -> None:
    x = ops.placeholder("f32[batch, 40, 8]")
    y = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    f = compiled([x], [ops.matmul(y, x) + ops.flip(ops.matmul(y, x), 0)])
    assert all("fused" not in names(g) for g in groups(f.program))
    check(f, (40, 8))


def test_products_with_weights_join_where_a_sample_has_many_rows() -> None:
    w = np.random.default_rng(1).standard_normal((8, 8)).astype("float32")
    for rows, joins in ((64, True), (2, False)):
        x = ops.placeholder(f"f32[batch, {rows}, 8]")
        f = compiled([x], [ops.tanh(ops.matmul(ops.exp(x), w))])
        assert any("matmul" in names(g) for g in groups(f.program)) == joins
        check(f, (rows, 8))


def test_a_product_down_the_columns_of_a_stored_matrix_comes_after_who_reads_it_along_rows() -> None:
    p, d, v = ops.placeholder("f32[batch, 50, 50]"), ops.placeholder("f32[batch, 50, 8]"), ops.placeholder("f32[batch, 50, 8]")
    dv = ops.matmul(ops.transpose(p, (0, 2, 1)), d)
    ds = p * ops.matmul(d, ops.transpose(v, (0, 2, 1)))
    f = compiled([p, d, v], [dv, ops.matmul(ds, v)])
    (group,) = groups(f.program)
    assert names(group).index("fused") < next(k for k, s in enumerate(group.steps) if s.node.attrs.get("transpose_a"))
    check(f, (50, 50), (50, 8), (50, 8))


def test_results_lie_in_the_order_in_which_they_are_transposed() -> None:
    q, k = ops.placeholder("f32[batch, 4, 20, 8]"), ops.placeholder("f32[batch, 4, 8, 20]")
    y = ops.reshape(ops.transpose(ops.matmul(q, k), (0, 2, 1, 3)), (-1, 80))
    z = ops.reshape(ops.transpose(ops.matmul(q, k) * 1.0, (0, 1, 3, 2)), (-1, 20))
    f = compiled([q, k], [ops.exp(y), ops.exp(z)])
    assert "copy" not in [s.kind for s in compiled([q, k], [ops.exp(y)]).program.all_steps()]
    check(f, (4, 20, 8), (4, 8, 20))


@pytest.mark.parametrize("poison", [False, True])
def test_a_sum_over_the_batch_is_taken_by_chunks_of_the_group(poison: bool) -> None:
    x = ops.placeholder("f32[batch, 40, 8]")
    y = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
    z = ops.tanh(y) * 0.1
    f = compiled([x], [ops.sum(z, (0, 1)), ops.sum(z), ops.matmul(z, x)], poison=poison)
    (group,) = groups(f.program)
    assert names(group) == ["matmul", "fused", "matmul"]
    assert f.source.count("_slice(&(") == 1
    check(f, (40, 8))


@pytest.mark.parametrize("poison", [False, True])
def test_a_loop_over_time_is_run_sample_by_sample(poison: bool) -> None:
    w = np.random.default_rng(1).standard_normal((8, 8)).astype("float32") / 4
    x = ops.transpose(given := ops.placeholder("f32[batch, 5, 8]"), (1, 0, 2))
    last, steps = ops.scan(lambda c, one: (ops.tanh(ops.matmul(c, w) + one),) * 2, x[0] * 0.0, x)
    f = compiled([given], [last, steps], poison=poison)
    assert any(isinstance(s, Loop) for g in groups(f.program) for s in g.steps)
    check(f, (5, 8))


def test_a_loop_that_carries_a_sum_of_all_samples_is_run_as_a_whole() -> None:
    x = ops.transpose(given := ops.placeholder("f32[batch, 5, 8]"), (1, 0, 2))
    step = lambda c, one: (ops.tanh(one * 0.1 + ops.mean(c, 0)),) * 2  # noqa: E731
    f = compiled([given], list(ops.scan(step, x[0] * 0.0, x)))
    assert not any(isinstance(s, Loop) for g in groups(f.program) for s in g.steps)
    check(f, (5, 8))


def test_a_loop_as_long_as_the_batch_is_run_as_a_whole() -> None:
    x = ops.placeholder("f32[batch, batch, 8]")
    f = compiled([x], [ops.scan(lambda c, one: (ops.tanh(c * 0.5 + one),) * 2, x[0] * 0.0, x)[1]])
    assert not any(isinstance(s, Loop) for g in groups(f.program) for s in g.steps)
    rng = np.random.default_rng(0)
    for batch in (1, 3, 40):
        array = rng.standard_normal((batch, batch, 8)).astype("float32")
        np.testing.assert_allclose(f(array)[0], evaluate(f.source_graph, [array])[0][0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("poison", [False, True])
def test_convolutions_and_pooling_are_run_image_by_image(poison: bool) -> None:
    w = np.random.default_rng(1).standard_normal((3, 3, 4, 4)).astype("float32") / 4
    x = ops.placeholder("f32[batch, 18, 18, 4]")
    y = ops.max_pool(ops.relu(ops.conv(x, w, padding="same")), 2)
    f = compiled([x], [ops.average_pool(ops.tanh(ops.conv(ops.conv(y, w, strides=2), w[:1, :1])), 2)], poison=poison)
    (group,) = groups(f.program)
    assert names(group) == ["conv", "fused", "max_pool", "conv", "conv", "fused", "sum_pool", "fused"]
    assert f.source.count("sk_conv_ready_f32(") == 3
    check(f, (18, 18, 4))


def test_windows_tell_samples_apart() -> None:
    x = ops.placeholder("f32[batch, 6, 4]")
    f = compile_graph(Graph([x.node], [(ops.exp(x)[:, 1:3] + 1.0).node]), "numpy")
    values = {v.type.shape: v for v in f.program.values}
    assert window(values[BATCH, 6, 4], BATCH).size == 24  # type: ignore[union-attr]
    assert window(values[BATCH, 2, 4], BATCH).size in (24, 8)  # type: ignore[union-attr]
    assert counted(BATCH * 6, BATCH) == 6 and counted(6, BATCH) is None


def each_with_each(x: Any) -> Any:
    """Rows of the batch times stacked matrices of the batch."""
    return ops.tanh(ops.matmul(ops.tanh(ops.sum(x, -1)), x))


def by_columns(x: Any) -> Any:
    """A matrix of all samples by all, and what is taken over the samples in its rows."""
    scores = ops.matmul(ops.sum(x, -1), ops.transpose(ops.sum(ops.tanh(x), -1)))
    return ops.log_softmax(ops.tanh(scores), axis=0) + ops.log_softmax(scores, axis=1) + ops.tanh(ops.sum(ops.tanh(scores), 0, keepdims=True))


def differences(x: Any) -> Any:
    y = ops.tanh(ops.sum(x, (-1, -2)))
    return ops.exp(-ops.square(ops.expand_dims(ops.sin(y), 1) - ops.expand_dims(ops.cos(y), 0)))


@pytest.mark.parametrize("build", [each_with_each, by_columns, differences])
def test_samples_in_two_axes_are_not_taken_for_one_another(build: Any) -> None:
    x = ops.placeholder("f32[batch, 40, 3]")
    f = compiled([x], [build(x)])
    check(f, (40, 3)) if build is each_with_each else check_filled(f, (40, 3))


def test_samples_that_have_no_room_go_in_chunks_however_little_work_they_are() -> None:
    q, k, v = (ops.placeholder(f"f32[batch, {n}, 6]") for n in ("time", "steps", "steps"))
    f = compiled([q, k, v], [attention(q, k, v)])
    (group,) = groups(f.program)
    assert group.most == 1, "what a sample takes is not known"
    rng = np.random.default_rng(0)
    for batch in (1, 2, 3, 20):
        arrays = [rng.standard_normal((batch, n, 6)).astype("float32") for n in (4, 5, 5)]
        np.testing.assert_allclose(f(*arrays)[0], evaluate(f.source_graph, arrays)[0][0], rtol=1e-5, atol=1e-6)
