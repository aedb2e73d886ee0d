"""The conformance suite itself: its draws, the names it covers, and, where Keras is installed, a handful of its cases."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from tests.conformance import deviations, names, running
from tests.conformance.arguments import LEFT_ALONE, row
from tests.conformance.compare import differences, plain, similar, tolerance_of
from tests.conformance.drawing import Drawing
from tests.conformance.kinds.decompositions import DETERMINED
from tests.conformance.kinds.draws import Sample
from tests.conformance.kinds.operations import Operations
from tests.conformance.sides import KerasOnJax, Symkeras
from tests.conformance.written import Made, at, realised
from tests.keras_reference import reference
from tests.surface.names import recorded

HANDFUL = (
    "layers.Dense/0", "layers.LSTM/1", "layers.Conv2D/2", "layers.BatchNormalization/1", "layers.add/0", "losses.Huber/2", "losses.poisson/0",
    "metrics.AUC/0", "metrics.Mean/0", "optimizers.Adam/0", "optimizers.schedules.CosineDecay/0", "activations.gelu/0", "initializers.HeNormal/0",
    "initializers.Constant/0", "regularizers.L1L2/0", "constraints.MaxNorm/0", "random.normal/0", "ops.matmul/0", "ops.sum/0", "ops.image.resize/0",
    "models.Sequential/0",
)  # fmt: skip


def test_every_public_name_is_tested_or_listed_with_a_reason() -> None:
    assert not names.undecided()
    tested = set(names.tested())
    for modules in names.NOT_TESTED.values():
        for module, listed in modules.items():
            assert set(listed.split()) <= set(recorded()[module]), module
    assert not tested & set(names.not_tested())


@pytest.mark.parametrize("path", [path for path in names.tested() if path.startswith("ops.")])
def test_draws_of_operations_follow_from_their_number(path: str) -> None:
    first, again = (Operations().draw(Drawing(path, 3, 1)) for _ in range(2))
    assert first.shown == again.shown
    assert "object at" not in first.shown


def test_other_turns_and_seeds_draw_otherwise() -> None:
    shown = {Operations().draw(Drawing("ops.matmul", seed, turn)).shown for seed in range(3) for turn in range(3)}
    assert len(shown) == 9


def test_written_values_are_the_code_that_makes_them() -> None:
    layer = Made("layers.Dense", {"units": 2, "kernel_initializer": Made("initializers.Constant", {"value": 0.5})})
    assert repr(layer) == "keras.layers.Dense(units=2, kernel_initializer=keras.initializers.Constant(value=0.5))"
    x = Drawing("ops.abs").array((2, 3))
    np.testing.assert_array_equal(eval(repr(x)), x.value)
    assert realised([layer, 1], Symkeras().keras)[0].units == 2


def test_differences_are_seen_beyond_rounding() -> None:
    one = {"value": np.float32([1.0, 2.0])}
    assert not list(differences({"value": np.float32([1.0, 2.00001])}, one))
    for other in (np.float32([1.0, 2.1]), np.float64([1.0, 2.0]), np.float32([[1.0, 2.0]]), np.float32([1.0, np.nan])):
        assert [d.label for d in differences({"value": other}, one)] == ["value"]
    assert plain({"name": "dense_3", "axis": (1, 2)}) == {"name": "dense", "axis": [1, 2]}


def test_samples_of_one_distribution_are_equal_and_others_are_not() -> None:
    rng = np.random.default_rng(0)
    one = Sample(rng.normal(size=2000).astype("float32"))
    assert one == Sample(rng.normal(size=2000).astype("float32"))
    assert one != Sample(rng.normal(0.3, size=2000).astype("float32"))
    assert one != Sample(rng.normal(size=2000))


def test_every_argument_of_keras_is_drawn_or_left_alone_for_a_reason() -> None:
    keras = reference()
    lacking = []
    for path in names.tested():
        module, _, name = path.rpartition(".")
        if module in ("ops", "ops.image", "random"):
            continue
        beside = ("y_true", "y_pred", "x", "inputs", "fn", "inner_optimizer")
        for argument, parameter in inspect.signature(at(keras, path)).parameters.items():
            named = parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
            if named and argument not in LEFT_ALONE and argument not in beside and row(name, argument) is None:
                lacking.append(f"{path}({argument}=)")
    assert not lacking


@pytest.fixture(scope="module")
def sides() -> Any:
    reference()
    return Symkeras(), KerasOnJax()


@pytest.mark.parametrize("label", HANDFUL)
def test_a_case_is_equal_on_both_sides(sides: Any, label: str) -> None:
    [case] = running.chosen(1, single=[label])
    outcome = running.run(case, *sides)
    assert outcome.is_equal, (case.shown, outcome)
    compile(case.script(), label, "exec")


def test_a_wrong_value_is_reported(sides: Any) -> None:
    [case] = running.chosen(1, single=["losses.Huber/2"])

    class Wrong(Symkeras):
        def differentiated(self, *args: Any, **kwargs: Any) -> Any:
            outputs, gradients, state = super().differentiated(*args, **kwargs)
            return [o + np.float32(1) for o in outputs], gradients, state

    assert [d.label for d in running.run(case, Wrong(), sides[1]).differences] == ["value 0"]


def test_vectors_of_a_decomposition_may_have_either_sign_and_nothing_else() -> None:
    a = np.random.default_rng(0).normal(size=(4, 3))
    q, r = np.linalg.qr(a)
    signs = np.array([1.0, -1.0, -1.0])
    one, other, wrong = (DETERMINED["qr"](ops, (a,), {}, pair) for pair in ((q, r), (q * signs, signs[:, None] * r), (q, r * 2)))
    assert all(similar(np.asarray(x), np.asarray(y)) for x, y in zip(one, other, strict=True))
    assert not similar(np.asarray(one[0]), np.asarray(wrong[0]))


def test_a_config_may_lack_what_its_row_names_and_nothing_else() -> None:
    pytest.importorskip("keras", reason="cases are drawn from Keras' signatures")
    [case] = running.chosen(1, single=["losses.Huber/2"])
    ours, theirs = {"config": {"delta": 1.0, "name": "it"}}, {"config": {"name": "it"}}
    for right, excused in ((theirs, True), ({"config": {"name": "other"}}, False), ({"config": {"delta": 2.0, "name": "it"}}, False)):
        [difference] = differences({"config": ours}, {"config": right})
        assert (deviations.reason(case, difference) is not None) == excused


def test_what_one_side_lacks_is_a_difference() -> None:
    assert [d.label for d in differences({"value 0": np.ones(1)}, {"value 1": np.ones(1)})] == ["value 1", "value 0"]


@pytest.mark.parametrize(
    ("code", "tolerance"), [("x", 0), ("'float16'", 1e-2), ("ml_dtypes.bfloat16", 5e-2), ("('float64')", 1e-5), ("dtype='float64'", 0)]
)
def test_numbers_are_compared_as_closely_as_the_narrowest_dtype_says(code: str, tolerance: float) -> None:
    assert tolerance_of(code) == tolerance
