"""Laying variables and their slots out in flat arrays, in one order, so that per-variable updates can become one.

A variable that lies in a pack already stays there: functions compiled before hold views of that array.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from symkeras.graph.variable import Pack, Variable


def pack_together(name: str, variables: Sequence[Variable], slots: Mapping[str, Sequence[Variable]], owner: Mapping[Variable, Variable]) -> None:
    """Pack the trainable variables by dtype, and every kind of slot in the order its variables have in their pack.

    Args:
        name: of the optimizer, for the names of packs.
        variables: the trainable variables.
        slots: kind of slot -> its variables.
        owner: slot -> the trainable variable it belongs to.
    """
    by_dtype: dict[str, list[Variable]] = defaultdict(list)
    for v in dict.fromkeys(variables):
        if v.pack is None:
            by_dtype[v.dtype].append(v)
    for group in by_dtype.values():
        Pack(group, "parameters")
    for kind, members in slots.items():
        by_pack: dict[Pack, list[Variable]] = defaultdict(list)
        for slot in members:
            pack = owner[slot].pack
            if slot.pack is None and pack is not None:
                by_pack[pack].append(slot)
        for pack, group in by_pack.items():
            Pack(sorted(group, key=lambda slot, pack=pack: pack.start(owner[slot])), f"{name}/{kind}")
