"""The team of threads: every step once, by nobody who may not, and nobody is waited for who does not come."""

from __future__ import annotations

import ctypes
import os
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from symkeras.backend.native.building import toolchain
from tests.patience import comes_true

pytestmark = pytest.mark.skipif(toolchain.describe().startswith("C compiler: none"), reason=toolchain.describe())

SOURCE = """
#include "symkeras/team.h"
#include <unistd.h>

typedef struct { int32_t *hits, *members, *starts; int nested, held_up, slow; } job;

static void step(const void *what, int member, int64_t begin, int64_t end) {
    const job *j = what;
    __atomic_add_fetch(&j->starts[member], 1, __ATOMIC_RELAXED);
    for (int64_t i = begin; i < end; i++) j->hits[i]++, j->members[i] = member;
    if (member != 0) while (__atomic_load_n(&j->starts[0], __ATOMIC_RELAXED) < j->held_up) usleep(1000);
    if (j->slow) usleep(1000);
    if (j->nested) {
        const job inner = {j->hits + begin, j->members + begin, j->starts, 0, 0, 0};
        sk_share(8, end - begin, INT64_MAX, step, &inner);
    }
}

void run(int threads, int64_t count, int64_t work, int32_t *hits, int32_t *members, int32_t *starts, int nested, int held_up, int slow) {
    const job j = {hits, members, starts, nested, held_up, slow};
    sk_share(threads, count, work, step, &j);
}
int hired(void) { return sk_team.hired; }
int sleeping(void) { return SK_READ(sk_team.sleeping, SEQ_CST); }
void eager(int is) { sk_team_be_eager(is); }
"""
MOST = 64


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """A team of this file's own."""
    target = tmp_path_factory.mktemp("team") / "team.so"
    compiler = toolchain.compiler()
    toolchain.build(SOURCE, target, compiler, (*toolchain.flags(compiler), "-DSK_TEAM", "-Wall", "-Wextra", "-Werror"))
    return ctypes.CDLL(str(target))


class Run:
    """How often each step was run and by whom, and how many pieces each member had.

    Args:
        held_up: pieces that the caller has begun before a member goes on with its own.
        slow: whether a piece takes a millisecond at least.
    """

    def __init__(self, team: ctypes.CDLL, threads: int, count: int, work: int = 1 << 40, nested: int = 0, held_up: int = 0, slow: int = 0):
        self.hits, self.members, self.starts = np.zeros(count, np.int32), np.full(count, -1, np.int32), np.zeros(MOST, np.int32)
        arrays = [ctypes.c_void_p(a.ctypes.data) for a in (self.hits, self.members, self.starts)]
        team.run(threads, ctypes.c_int64(count), ctypes.c_int64(work), *arrays, nested, held_up, slow)


def sleep_team(team: ctypes.CDLL) -> None:
    """Wait until all have gone to sleep."""
    assert comes_true(lambda: team.sleeping() == team.hired()), f"threads by what they do: {states()}"


def states() -> dict[str, int]:
    """How many threads of this process run (R), sleep (S), or else; empty where the system has no /proc."""
    return Counter(stat.read_text().rpartition(")")[2].split()[0] for stat in Path("/proc/self/task").glob("*/stat"))


@pytest.mark.parametrize("threads", [1, 2, 3, 8, 100])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 64, 1001])
def test_every_step_is_run_once_by_a_member(team: ctypes.CDLL, threads: int, count: int) -> None:
    for _ in range(50):
        run = Run(team, threads, count)
        assert (run.hits == 1).all()
        assert ((run.members >= 0) & (run.members < threads)).all()


def test_a_piece_is_a_stretch_and_belongs_to_one_member(team: ctypes.CDLL) -> None:
    run = Run(team, 2, 1000)
    changes = int((np.diff(run.members) != 0).sum())
    assert changes < run.starts.sum() <= 16


def test_who_is_held_up_costs_only_the_piece_that_was_begun(team: ctypes.CDLL) -> None:
    Run(team, 2, 64)
    run = Run(team, 2, 64, held_up=15)
    assert run.starts[0] >= 15 and run.starts[1] <= 1


def test_a_sleeping_team_is_woken_for_much_work_only(team: ctypes.CDLL) -> None:
    Run(team, 2, 64)
    sleep_team(team)
    run = Run(team, 2, 64, work=1 << 16)
    assert run.starts.tolist() == [1, *[0] * (MOST - 1)]
    assert team.sleeping() == team.hired()
    assert comes_true(lambda: Run(team, 2, 64, work=1 << 40, slow=1).starts[1])


def test_many_small_loops_wake_the_team_in_the_end(team: ctypes.CDLL) -> None:
    Run(team, 2, 64)
    sleep_team(team)
    for _ in range(1_000_000):
        Run(team, 2, 64, work=1 << 18)
        if team.sleeping() < team.hired():
            return
    raise AssertionError("nobody was woken")


def test_an_eager_team_shares_what_is_not_worth_it(team: ctypes.CDLL) -> None:
    sleep_team(team)
    team.eager(1)
    try:
        assert comes_true(lambda: Run(team, 3, 64, work=0, slow=1).starts[1:].any())
    finally:
        team.eager(0)


def test_steps_that_share_again_do_it_alone(team: ctypes.CDLL) -> None:
    for _ in range(50):
        run = Run(team, 3, 100, nested=1)
        assert (run.hits == 2).all()


def test_several_callers_at_once_get_all_of_their_steps(team: ctypes.CDLL) -> None:
    wrong: list[int] = []

    def call() -> None:
        for _ in range(300):
            wrong.extend([1] * int((Run(team, 3, 97).hits != 1).sum()))

    callers = [threading.Thread(target=call) for _ in range(4)]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_of_fork_hires_a_team_of_its_own(team: ctypes.CDLL) -> None:
    Run(team, 3, 64)
    assert team.hired() >= 2
    child = os.fork()
    if child == 0:
        alone = team.hired() == 0
        right = all((Run(team, 3, 64).hits == 1).all() for _ in range(20))
        os._exit(0 if alone and right and team.hired() == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_file_without_a_team_has_one_thread(tmp_path: Path) -> None:
    compiler = toolchain.compiler()
    source = SOURCE.partition("int hired")[0]
    toolchain.build(source, tmp_path / "alone.so", compiler, (*toolchain.flags(compiler), "-Wall", "-Wextra", "-Werror"))
    run = Run(ctypes.CDLL(str(tmp_path / "alone.so")), 3, 50)
    assert (run.hits == 1).all() and run.starts.tolist() == [1, *[0] * (MOST - 1)]
