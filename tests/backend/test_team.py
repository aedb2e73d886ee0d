"""The team of threads: everybody's work is done, errors arrive, and results do not depend on who was free."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from symkeras import backend as K
from symkeras import blas, ops
from symkeras.backend.numpy.team import Team, shared, stretches
from tests.patience import SECONDS


def test_all_jobs_are_done_by_different_threads() -> None:
    seen: set[int] = set()
    barrier = threading.Barrier(3, timeout=SECONDS)

    def job() -> None:
        barrier.wait()
        seen.add(threading.get_ident())

    Team(3).run([job] * 3)
    assert len(seen) == 3


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_of_any_job_arrives_and_the_team_goes_on(failing: int) -> None:
    team, done = Team(3), []

    def job(k: int) -> None:
        if k == failing:
            raise ValueError(f"job {k}")
        done.append(k)

    with pytest.raises(ValueError, match=f"job {failing}"):
        team.run([lambda k=k: job(k) for k in range(3)])
    assert sorted(done) == [k for k in range(3) if k != failing]
    team.run([lambda: done.append(7), lambda: done.append(8)])
    assert {7, 8} <= set(done)


def test_a_busy_team_lets_the_caller_do_the_work_alone() -> None:
    team, inner = Team(2), []
    team.run([lambda: team.run([lambda: inner.append(1), lambda: inner.append(2)]), lambda: None])
    assert inner == [1, 2]


def test_stretches_cover_all_rows_once() -> None:
    for total in (0, 1, 2, 7, 100):
        rows = [r for s in stretches(total, 1e12) for r in range(total)[s]]
        assert rows == list(range(total))


def test_shared_work_gives_what_one_thread_gives() -> None:
    x, out = np.random.default_rng(0).standard_normal((1000, 50)), np.zeros((1000, 50))
    shared(1000, 1e12, lambda part: np.exp(x[part], out=out[part]))()
    np.testing.assert_array_equal(out, np.exp(x))


def test_a_product_is_one_line_only_where_a_sample_has_little_of_it() -> None:
    def emitted(rows: str) -> str:
        x, dy = ops.placeholder(f"f32[{rows}, 48]", "x"), ops.placeholder(f"f32[{rows}, 17]", "dy")
        return K.function([x, dy], [ops.transpose(x) @ dy]).executable.source

    assert "np.matmul(" in emitted("batch") and "kernels.matmul(" not in emitted("batch")
    assert "kernels.matmul(" in emitted("40*batch")


def test_blas_threads_are_as_before_after_overlapping_functions() -> None:
    before = blas.get_num_threads()
    first, second = blas.single_thread(), blas.single_thread()
    first.__enter__()
    second.__enter__()
    first.__exit__()
    second.__exit__()
    assert blas.get_num_threads() == before


def test_the_description_of_the_blas_names_what_was_decided() -> None:
    assert blas.describe().startswith("BLAS: ")
