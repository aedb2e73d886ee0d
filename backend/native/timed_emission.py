"""The C of a program with the clock read around every kernel: the same kernels in the same order, for profiles.

The times are one more output of the call, an array of nanoseconds. Its first row has a place for every kernel and every group of
kernels (batch tile, row pass), filled by the calling thread; a row for each member of the team follows, for kernels within tiles.
A row pass goes from kernel to kernel with every row of a table, which no clock can follow: it is timed as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from symkeras.backend.native.emission import Emission, Emitter
from symkeras.compiler.program.program import AnyStep, BatchTile, Program, RowPass, Step


@dataclass
class TimedEmission:
    """A timed text.

    Attributes:
        emission: of the text; its variables and constants are those of the normal one.
        steps: the kernel of each place of a row.
        groups: (place, group) of those timed as a whole.
        width: places in a row.
    """

    emission: Emission
    steps: list[Step]
    groups: list[tuple[int, BatchTile | RowPass]]
    width: int


def emit_timed(program: Program, denormals: str) -> TimedEmission:
    """The C of `program` with a clock."""
    emitter = _TimedEmitter(program, denormals)
    return TimedEmission(emitter.emission(), emitter.timed, emitter.groups, emitter.width)


class _TimedEmitter(Emitter):
    def __init__(self, program: Program, denormals: str):
        super().__init__(program, denormals=denormals)
        self.timed = list(program.all_steps())
        self._places = {id(s): k for k, s in enumerate(self.timed)}
        self.groups: list[tuple[int, BatchTile | RowPass]] = []
        self.width = len(self.timed) + sum(1 for s in program.steps if isinstance(s, (BatchTile, RowPass)))
        self._in_rows = False
        self.include("clock.h")
        self._spent, self._since, self._group_since = map(self.unique, ("spent", "since", "group_since"))
        self.memory[self._spent] = f"int64_t *const {self._spent} = call->outputs[{len(program.outputs)}];"
        for name in (self._since, self._group_since):
            self.memory[name] = f"int64_t {name} = 0;"

    def _step(self, s: AnyStep) -> None:
        if isinstance(s, Step) and not self._in_rows:
            place = str(self._places[id(s)])
            self._clocked(s, self._since, place if self.span is None else f"(1 + member)*{self.width} + {place}")
        elif isinstance(s, (BatchTile, RowPass)):
            self.groups.append((len(self.timed) + len(self.groups), s))
            self._in_rows = isinstance(s, RowPass)
            self._clocked(s, self._group_since, str(self.groups[-1][0]))
            self._in_rows = False
        else:
            super()._step(s)

    def _clocked(self, s: AnyStep, since: str, place: str) -> None:
        """The lines of a step, if there are any, between two looks at the clock."""
        outside, self.body = self.body, []
        super()._step(s)
        lines, self.body = self.body, outside
        if lines:
            self.say(f"{since} = sk_clock();")
            self.body += lines
            self.say(f"{self._spent}[{place}] += sk_clock() - {since};")

