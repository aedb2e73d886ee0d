"""Some random programs of the fuzzer (`make fuzz` runs as many as there is time for), and that it finds what is wrong and makes it small."""

from __future__ import annotations

import numpy as np
import pytest

from symkeras import ops
from symkeras.graph import Graph
from symkeras.ops.op import OPS
from tests.backends import levels
from tests.fuzz.networks import network, network_differences
from tests.fuzz.programs import Program, _spread, differences, generate, shrunk


@pytest.mark.parametrize("seed", range(60))
def test_a_random_program_does_the_same_everywhere(backend: str, seed: int) -> None:
    found = next(differences(generate(seed), [(backend, level) for level in levels(backend) or ("O2",)]), None)
    assert found is None, f"\n{shrunk(found)}"


@pytest.mark.parametrize("seed", range(1000, 1012))
def test_a_random_program_on_large_arrays_does_the_same_everywhere(backend: str, seed: int) -> None:
    found = next(differences(generate(seed, large=True), [(backend, level) for level in ("O0", "O2")]), None)
    assert found is None, f"\n{shrunk(found)}"


@pytest.mark.parametrize("seed", range(12))
def test_a_random_network_trains_to_the_same_everywhere(backend: str, seed: int) -> None:
    found = next(network_differences(network(seed), [(backend, "O2")]), None)
    assert found is None, f"\n{found}"


def test_the_same_seed_is_the_same_program() -> None:
    assert generate(5) == generate(5) and generate(5) != generate(6) and network(5) == network(5)


def test_a_wrong_kernel_is_found_and_the_program_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(
        (("a", "f32[3]"),), (), (("t0", "ops.exp(a)"), ("t1", "ops.tanh(t0)"), ("t2", "t1 + a"), ("t3", "ops.sin(t2)")), outputs=("t3", "t0")
    )  # fmt: skip
    assert next(differences(program, [("numpy", "O0")]), None) is None
    right = np.tanh

    monkeypatch.setattr(OPS["tanh"], "fn", lambda x: right(x) + np.float32(0.01))  # the reference is what goes wrong here
    found = next(differences(program, [("numpy", "O0")]), None)
    assert found is not None
    small = shrunk(found).program
    assert [text for _, text in small.statements] == ["ops.exp(a)", "ops.tanh(t0)"] and small.outputs == ("t1",)


def test_a_script_of_a_program_runs(capsys: pytest.CaptureFixture[str]) -> None:
    program = Program((("a", "f32[n]"),), (("v", "f32[2]"),), (("t", "a * 2.0"),), (("v", "v + 1.0"),), ("t",), sizes=((("n", 3),),))
    exec(program.script("numpy", "O2"), {})
    assert capsys.readouterr().out.count("array") >= 2


def test_what_a_composite_rounds_within_is_among_what_may_differ() -> None:
    x = np.full(64, 1e-5, "float32")  # x - tanh(x) is smaller than a rounding of tanh, so its sign is nobody's
    a = ops.placeholder("f32[64]", name="a")
    found = _spread(Graph([a.node], [ops.arctan2(ops.tanh_shrink(a), -1.0).node]), [], [], [x])
    assert found is not None and found[0].max() == pytest.approx(2 * np.pi)
