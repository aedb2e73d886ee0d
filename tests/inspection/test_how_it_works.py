"""The small symkeras of `docs/how_it_works.md` trains, and its gradients are right."""

import re
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "how_it_works.md"


@pytest.fixture(scope="module")
def scope():
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S)
    assert 100 <= sum(len([line for line in b.splitlines() if line.strip()]) for b in blocks) <= 180
    scope = {}
    exec(compile("\n".join(blocks), str(PAGE), "exec"), scope)
    return scope


def test_it_learns(scope):
    assert scope["losses"][-1] < 0.05 * scope["losses"][0] and not np.isnan(scope["losses"]).any()


def test_its_gradients_are_those_of_finite_differences(scope):
    weights, graph = scope["weights"], scope["Graph"]
    run, _, _ = scope["compile_graph"](graph([scope["x"], scope["y"]], [scope["loss"], *scope["gradients"](scope["loss"], weights)]))
    variables = {k: v.copy() for k, v in scope["variables"].items()}
    loss, *found = run(scope["inputs"], scope["targets"], variables)
    for w, g in zip(weights, found, strict=True):
        name = w.attrs["name"]
        for k in range(min(3, variables[name].size)):
            moved = {n: v.copy() for n, v in variables.items()}
            moved[name].flat[k] += 1e-6
            after = run(scope["inputs"], scope["targets"], moved)[0]
            np.testing.assert_allclose(np.broadcast_to(g, w.shape).flat[k], (after - loss) / 1e-6, rtol=1e-3, atol=1e-5)


def test_its_rules_do_something_and_change_nothing(scope):
    assert {rule for rule, _, _ in scope["rewrites"]} >= {"times_one", "plus_zero"}
    plain, scope_of = scope["emit"](scope["Graph"]([scope["x"], scope["y"]], [scope["loss"]])), {"np": np, "sum_to": scope["sum_to"]}
    exec(plain, scope_of)
    quick, _, _ = scope["compile_graph"](scope["Graph"]([scope["x"], scope["y"]], [scope["loss"]]))
    given = scope["inputs"], scope["targets"], scope["variables"]
    np.testing.assert_array_equal(scope_of["step"](*given), quick(*given))
