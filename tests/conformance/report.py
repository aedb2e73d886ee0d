"""What a run prints: each difference, the one number, the worst areas, the names."""

from __future__ import annotations

from collections import Counter

from tests.conformance import names
from tests.conformance.running import Outcome


class Report:
    """Counts outcomes, and prints what differs as it comes."""

    def __init__(self, backend: str, seed: int, scripts: bool = False, refusals: bool = False):
        self.backend, self.seed = backend, seed
        self.prints_scripts, self.prints_refusals = scripts, refusals
        self.equal: Counter[str] = Counter()
        self.different: Counter[str] = Counter()
        self.labels: Counter[str] = Counter()
        self.meant = self.refused = 0

    def add(self, outcome: Outcome) -> None:
        case = outcome.case
        self.meant += bool(outcome.meant)
        if outcome.refused:
            self.refused += 1
            if self.prints_refusals:
                print(f"refused by Keras: {case.label} {outcome.refused}\n    {case.shown}")
            return
        (self.equal if outcome.is_equal else self.different)[case.path] += 1
        self.labels.update({d.label.split()[0] for d in outcome.differences})
        if not outcome.is_equal:
            self._print(outcome)

    def _print(self, outcome: Outcome) -> None:
        case = outcome.case
        print(f"---- {case.label} --seed {self.seed} --backend {self.backend}: {case.shown}", flush=True)
        for difference in outcome.differences:
            print(f"  {difference.label}\n    symkeras {difference.found}\n    Keras    {difference.expected}")
        if self.prints_scripts:
            print("\n".join(f"  | {line}" for line in case.script().splitlines()))

    @property
    def status(self) -> int:
        return 1 if self.different or names.undecided() else 0

    def summary(self) -> str:
        """The last lines of a run."""
        equal, run = self.equal.total(), self.equal.total() + self.different.total()
        tested, not_tested = names.tested(), names.not_tested()
        seen = len(set(self.equal) | set(self.different))
        lines = [
            f"cases equal: {equal} of {run} ({100 * equal / max(run, 1):.2f} %), Keras on {self.backend}, seed {self.seed}",
            f"  {self.refused} more were drawn that Keras itself refuses; {self.meant} have a difference of tests/conformance/deviations.py",
            f"  names: {len(tested)} tested, {seen} of them in this run; {len(not_tested)} are not, for reasons in tests/conformance/names.py",
        ]
        if names.undecided():
            lines.append(f"  names that are neither: {', '.join(names.undecided())}")
        if self.different:
            lines.append("  worst areas: " + ", ".join(f"{path} {n} of {n + self.equal[path]}" for path, n in self.different.most_common(10)))
            lines.append("  what differs: " + ", ".join(f"{label} {n}" for label, n in self.labels.most_common()))
        return "\n".join(lines)
