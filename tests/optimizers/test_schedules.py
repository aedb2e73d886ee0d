"""Schedules against their formulas, on numbers and as a graph."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symkeras import ops
from symkeras.graph.graph import Graph
from symkeras.optimizers import schedules
from tests.backends import evaluate_on_all


def warm(n):
    return 0.05 + 0.15 * n / 4 if n < 4 else 0.2 * 0.5 * (1 + math.cos(math.pi * min(n - 4, 8) / 8))


def restarts(n, grow):
    height, length, begin = 1.0, 3.0, 0.0
    while n >= begin + length:
        begin, length, height = begin + length, length * grow, height * 0.5
    return 0.1 * (0.9 * 0.5 * height * (1 + math.cos(math.pi * (n - begin) / length)) + 0.1)


TABLE = [
    ("ExponentialDecay", (0.1, 3, 0.9), lambda n: 0.1 * 0.9 ** (n / 3)),
    ("ExponentialDecay", (0.1, 3, 0.9, True), lambda n: 0.1 * 0.9 ** (n // 3)),
    ("InverseTimeDecay", (0.1, 3, 0.5), lambda n: 0.1 / (1 + 0.5 * n / 3)),
    ("InverseTimeDecay", (0.1, 3, 0.5, True), lambda n: 0.1 / (1 + 0.5 * (n // 3))),
    ("PolynomialDecay", (0.1, 5, 0.01, 2.0), lambda n: 0.09 * (1 - min(n, 5) / 5) ** 2 + 0.01),
    ("PolynomialDecay", (0.1, 5, 0.01, 2.0, True), lambda n: 0.09 * (1 - n / (5 * max(1, math.ceil(n / 5)))) ** 2 + 0.01),
    ("PiecewiseConstantDecay", ([3, 7], [0.1, 0.2, 0.3]), lambda n: 0.1 if n <= 3 else 0.2 if n <= 7 else 0.3),
    ("CosineDecay", (0.1, 8, 0.1), lambda n: 0.1 * (0.9 * 0.5 * (1 + math.cos(math.pi * min(n, 8) / 8)) + 0.1)),
    ("CosineDecay", (0.05, 8, 0.0, "warm", 0.2, 4), warm),
    ("CosineDecayRestarts", (0.1, 3, 1.0, 0.5, 0.1), lambda n: restarts(n, 1.0)),
    ("CosineDecayRestarts", (0.1, 3, 1.5, 0.5, 0.1), lambda n: restarts(n, 1.5)),
]


@pytest.mark.parametrize(("name", "arguments", "formula"), TABLE, ids=[f"{n}{a}" for n, a, _ in TABLE])
def test_schedules_follow_their_formulas(name, arguments, formula):
    schedule = getattr(schedules, name)(*arguments)
    step = ops.placeholder("i32[]")
    graph = Graph([step.node], [schedule(step).node], [])
    for n in range(13):
        assert float(schedule(n)) == pytest.approx(formula(n), rel=2e-5, abs=1e-7)
        (value,), _ = evaluate_on_all(graph, [np.array(n, "int32")])
        assert value.dtype == "float32" and float(value) == float(schedule(n))
    config = schedules.serialize(schedule)
    assert (config["module"], config["class_name"]) == ("keras.optimizers.schedules", name)
    assert schedules.deserialize(config).get_config() == schedule.get_config()


def test_schedules_of_ones_own_need_a_config_to_be_saved():
    class Own(schedules.LearningRateSchedule):
        def __call__(self, step):
            return ops.divide(1.0, ops.add(step, 1))

    assert float(Own()(1)) == 0.5
    with pytest.raises(NotImplementedError, match="get_config"):
        Own().get_config()
