"""`executable.inspect`: everything that is known about a compiled function, from one object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from symkeras.compiler.program.refusals import Refusal
from symkeras.errors import InspectionError, nearest
from symkeras.inspection.cost import Cost, kernel_table
from symkeras.inspection.hints import hints
from symkeras.inspection.memory import Memory, saved
from symkeras.inspection.passes import Passes
from symkeras.inspection.profile import Profile
from symkeras.inspection.record import Kernel, Record
from symkeras.inspection.reproduction import assembly, script
from symkeras.inspection.table import Table
from symkeras.inspection.thing import Thing
from symkeras.inspection.values import NonFinite, Values, Watch, first_nonfinite, values

if TYPE_CHECKING:
    from symkeras.backend.interface import Executable
    from symkeras.graph.drawing import Drawing
    from symkeras.inspection.report import Report


class Inspector:
    """What became of every line of a model, and why.

    Args:
        executable: of any backend.

    Attributes:
        last_profile: what `profile` gave last; None before.

    >>> import numpy as np, symkeras
    >>> from symkeras import ops
    >>> double = symkeras.function(lambda x: ops.exp(x) * 1)
    >>> c = double.executable(np.ones(3, "float32"))
    >>> [k.name for k in c.inspect.kernels]
    ['exp_']
    """

    def __init__(self, executable: Executable):
        self._record = Record(executable)
        self.last_profile: Profile | None = None

    @property
    def record(self) -> Record:
        """Of the compilation of now: a function is compiled again when variables have moved."""
        now = self._record.now()
        if now is not self._record:
            self._record, self.last_profile = now, None
        return now

    @property
    def source(self) -> str:
        """The emitted text."""
        return self.record.source

    @property
    def kernels(self) -> list[Kernel]:
        """The kernels in the order in which they run; none where an engine runs the graph."""
        return self.record.kernels

    @property
    def passes(self) -> Passes:
        """The passes that ran, with their rewrites."""
        return Passes(self.record)

    def find(self, what: str | int) -> Thing:
        """A layer ("encoder/dense"), a user's line ("models.py:42"), a value ("dense_relu"), a kernel (its name, its number, or a line of
        the emitted text as a number with "line "), a pass ("simplify") or a rule ("log-softmax"), with the chain it stands in.

        Raises:
            InspectionError: nothing is called so; the nearest names are given.
        """
        for search in (self._kernel, self._value, self._layer, self._line, self._emitted, self._pass, self._rule):
            found = search(what if isinstance(what, int) else what.strip().removeprefix("%"))
            if found is not None:
                return found
        known = [*self.record.nodes_named, *(o.layer for o in self.record.origins), *(str(line) for o in self.record.origins for line in o.lines)]
        known += [*(s.name for s in self.record.stages), *(a.rewrite.rule for a in self.record.rewrites)]
        raise InspectionError(f"there is no layer, line, value, kernel, pass or rule {what!r} here.{nearest(str(what), dict.fromkeys(known))}")

    def _kernel(self, what: str | int) -> Thing | None:
        if isinstance(what, int) and 0 <= what < len(self.kernels):
            return Thing(self.record, "kernel", self.kernels[what].name, self.kernels[what].nodes)
        return None

    def _value(self, what: str | int) -> Thing | None:
        nodes = self.record.nodes_named.get(str(what))
        return None if nodes is None else Thing(self.record, "value", str(what), nodes)

    def _layer(self, what: str | int) -> Thing | None:
        of = [o for o in self.record.origins if o.layer == what or o.layer.startswith(f"{what}/") or o.layer.endswith(f"/{what}")]
        return Thing(self.record, "layer", str(what), self.record.from_origin(of), of) if of and what else None

    def _line(self, what: str | int) -> Thing | None:
        of = [o for o in self.record.origins if any(what in (str(line), f"{line.filename}:{line.number}") for line in o.lines)]
        return Thing(self.record, "line", str(what), self.record.from_origin(of), of) if of else None

    def _emitted(self, what: str | int) -> Thing | None:
        if not str(what).startswith("line ") or not str(what)[5:].isdigit():
            return None
        number = int(str(what)[5:])
        nodes = [n for k in self.kernels if any(first <= number <= last for first, last in k.lines) for n in k.nodes]
        return Thing(self.record, "emitted line", str(number), nodes) if nodes else None

    def _pass(self, what: str | int) -> Thing | None:
        done = [a.rewrite for a in self.record.rewrites if a.stage.name.split("{")[0] == what]
        is_known = any(s.name.split("{")[0] == what for s in self.record.stages)
        return Thing(self.record, "pass", str(what), [n for r in done for n in (r.old, r.new)]) if is_known else None

    def _rule(self, what: str | int) -> Thing | None:
        done = [a.rewrite for a in self.record.rewrites if a.rewrite.rule == what]
        return Thing(self.record, "rule", str(what), [n for r in done for n in (r.old, r.new)]) if done else None

    # ---- what was not done -------------------------------------------------------------------------------------------

    def refusals(self, rule: str | None = None, node: str | None = None) -> list[Refusal]:
        """What might have been done and was not, with its reason: rules not applied, values that do not share a kernel ("fusion") or storage
        ("in-place"), and why a run of kernels that go together by rows or samples ends ("tiling").

        Args:
            rule: of this rule or stage alone; of all when None.
            node: of this value alone, by name; what befell a kernel befell all that it computes.
        """
        found = [Refusal(key[0], n, None, key[1]) for step in self.record.history for key, nodes in step.refusals.items() for n in nodes]
        found += self.record.program.refusals if self.record.program is not None else []
        found = [r for r in found if rule in (None, r.stage)]
        return [r for r in found if node is None or node in self._names_in(r)]

    def _names_in(self, r: Refusal) -> set[str]:
        """The names of the values that a refusal is about."""
        nodes = [n for n in (r.node, r.other) if n is not None]
        kernels = [k for n in nodes for k in self.record.kernels_of.get(n, ())] if r.stage == "tiling" else []
        return {self.record.name(n) for n in (*nodes, *(n for k in kernels for n in k.nodes))}

    def why_not_fused(self, a: str, b: str) -> str:
        """Why two values are not computed by one kernel, in a sentence; or that they are.

        Raises:
            InspectionError: a value that is not there.
        """
        first, second = self.find(a), self.find(b)
        for t in (first, second):
            if not t.left:
                raise InspectionError(f"{t.name!r} is not computed any more: {'; '.join(f'{r.stage.name}, {r.rewrite.rule}' for r in t.rewrites)}")
        shared = [k for k in first.kernels if k in second.kernels]
        if shared:
            return f"{a} and {b} are computed by one kernel, {shared[0].number} ({shared[0].name})"
        for t in (first, second):
            if not t.kernels:
                return f"{t.name} has no kernel: it is a view of what it reads, or a number that sizes decide"
        groups = [{n for k in t.kernels for n in k.nodes} for t in (first, second)]
        program = self.record.program
        for r in program.refusals if program is not None else ():
            if r.stage == "fusion" and r.other is not None and any(r.node in x and r.other in y for x, y in (groups, groups[::-1])):
                return f"%{self.record.name(r.node)} did not join the group of %{self.record.name(r.other)}: {r.reason}"
        return self._why_apart(first, second)

    def _why_apart(self, first: Thing, second: Thing) -> str:
        alone = [k for t in (first, second) for k in t.kernels if k.step.fused is None]
        if alone:
            return f"{alone[0].nodes[0].op.name} (%{alone[0].name}) is a kernel of its own on this backend"
        if not {*first.after} & {*second.before, second.name} and not {*second.after} & {*first.before, first.name}:
            return f"neither of {first.name} and {second.name} reads the other or what the other reads: groups join along what they read"
        return f"they were never side by side: what is between {first.name} and {second.name} belongs to other kernels"

    # ---- what it costs ----------------------------------------------------------------------------------------------

    def cost(self, batch: int | None = None, **sizes: int) -> Cost:
        """Operations, bytes read and written and operations per byte, by kernel and by layer; sizes are those of the largest call if not given.

        Raises:
            InspectionError: sizes that there are not, or that are neither given nor known from a call; a backend without kernels.
        """
        return Cost(self.record, batch, sizes)

    def table(self, batch: int | None = None, **sizes: int) -> Table:
        """One row per kernel: what it computes, of which layers and lines, its cost, its emitted lines, its buffer, and its time once profiled."""
        return kernel_table(self.record, batch, sizes, self.last_profile)

    def memory(self, batch: int | None = None, **sizes: int) -> Memory:
        """Where every value lies in the arena, who lies on whose bytes, when and why."""
        return Memory(self.record, batch, sizes)

    def saved(self, batch: int | None = None, **sizes: int) -> Table:
        """The values of the forward pass that gradients read, the largest first."""
        return saved(self.record, batch, sizes)

    # ---- what it computes -------------------------------------------------------------------------------------------

    def values(self, *arrays: Any) -> Values:
        """Name -> array of every value of one run, gradients too, on copies of the variables: nothing is written."""
        return values(self.record, arrays)

    def watch(self, *names: str) -> Watch:
        """A function of the arrays of a run that gives the values of these names, of whatever stage.

        Raises:
            InspectionError: no value is called so; the nearest is given.
        """
        return Watch(self.record, names)

    def first_nonfinite(self, *arrays: Any) -> NonFinite | None:
        """The first NaN or infinity of a run, with its layer, its line and what it was computed from; None where all is finite."""
        return first_nonfinite(self.record, arrays)

    def profile(self, *arrays: Any, repeat: int = 5) -> Profile:
        """The time of every kernel beside what the machine could do at the most, on copies of the variables; `table` shows it afterwards.

        Raises:
            BackendError: the backend does not time its kernels one by one.
        """
        profile = Profile(self.record, arrays, repeat)
        self._record, self.last_profile = profile.record, profile
        return profile

    # ---- as text, data and pictures ----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """All that is recorded, as dicts, lists, text and numbers (see `symkeras.inspection.data`)."""
        from symkeras.inspection.data import to_dict

        return to_dict(self)

    def json(self, path: Any = None) -> str:
        """The same as JSON, one line per item; written to `path` as well where one is given."""
        from symkeras.inspection.data import to_json, write

        return write(to_json(self.to_dict()), path)

    def plot(self, path: Any = None) -> Drawing:
        """A drawing of the layers and parts that are left, the backward pass beside the forward one; written to `path` (.svg, .html or .png)."""
        from symkeras.inspection.plot import plot_compiled

        return plot_compiled(self, path)

    def report(self, path: Any = None, values: Mapping[str, float] | None = None) -> Report:
        """All of it on one page that needs nothing from elsewhere: layers, stages, sources, memory, times; written to `path` where one is given.

        Args:
            values: layer or value -> a number of your own, to colour by.

        Raises:
            InspectionError: `values` names something that is not there.
            ConfigError: it cannot be written there.
        """
        from symkeras.inspection.report import report

        return report(self, path, values)

    def _repr_html_(self) -> str:
        from symkeras.graph.notebook import as_html

        return as_html(repr(self), str(self), ("passes", str(self.passes)), ("graph", str(self.record.graph)), ("source", self.source))

    def __repr__(self) -> str:
        return f"<inspector of {self.record.executable!r}>"

    # ---- trust -------------------------------------------------------------------------------------------------------

    def verify(self, *inputs: Any) -> None:
        """Evaluate every rewrite on these inputs (random ones where there are none); raises CompileError for one that changes a value."""
        from symkeras.inspection.verification import check

        for step in self.record.history:
            check(step, inputs)

    def hints(self, batch: int | None = None, **sizes: int) -> Table:
        """What might be better, a row each with the numbers that say so; times are looked at once profiled."""
        return hints(self.record, batch, sizes, self.last_profile)

    def asm(self, kernel: str | int) -> str:
        """The machine code of a kernel, by name or number.

        Raises:
            BackendError: the backend builds none, or there is no objdump.
            InspectionError: no kernel is called so, or it has no function of its own.
        """
        return assembly(self.record, self._one_kernel(kernel))

    def script(self, kernel: str | int, batch: int | None = None, **sizes: int) -> str:
        """A Python script that runs one kernel, by name or number, alone on inputs of the right shapes.

        Raises:
            InspectionError: no kernel is called so, or it copies between two layouts, which no graph does.
        """
        return script(self.record, self._one_kernel(kernel), batch, sizes)

    def _one_kernel(self, which: str | int) -> Kernel:
        found = next((k for k in self.kernels if which in (k.number, k.name)), None)
        if found is None:
            near = nearest(which, [k.name for k in self.kernels]) if isinstance(which, str) else f" The numbers end at {len(self.kernels) - 1}."
            raise InspectionError(f"there is no kernel {which!r}; kernels go by names or numbers.{near}")
        return found

    def __str__(self) -> str:
        from symkeras.inspection.screen import screen

        return screen(self)
