"""Whether a compiler makes what it is asked for, on this processor: a small program that checks itself, built with the usual flags and run.

A compiler may be wrong: gcc 12 for one kind of processor misplaced arrays on the stack, and training some models ended in a segmentation
fault. So its first file is `symkeras/self_test.h`, a program of loops like ours; where that crashes or gives other numbers, flags are taken that
are less daring (`toolchain.CAUTIONS`), and `toolchain.describe()` says so.
"""

from __future__ import annotations

from symkeras.backend.native.building import toolchain
from symkeras.errors import BackendError

SOURCE = '#include "symkeras/self_test.h"\n'


def caution(compiler: toolchain.Compiler) -> int:
    """The first of `toolchain.CAUTIONS` whose flags make a right program.

    Raises:
        BackendError: none does; the message has what went wrong.
    """
    problems = []
    for level, words in enumerate(toolchain.CAUTIONS):
        problem = _problem(compiler, toolchain.flags(compiler, caution=level))
        if not problem:
            return level
        problems.append(f"built {words or 'for this very processor'}: {problem}")
    raise BackendError(f"{compiler.version} makes wrong programs on this machine, set CC to another compiler: {'; '.join(problems)}")


def _problem(compiler: toolchain.Compiler, flags: tuple[str, ...]) -> str:
    """What is wrong with the program, "" for nothing."""
    try:
        status, output = toolchain.outcome(SOURCE, compiler, flags)
    except BackendError as error:
        return str(error)
    if status == 0:
        return ""
    words = output.strip().splitlines()[:1]
    return ": ".join([f"signal {-status}" if status < 0 else f"exit status {status}", *words])
