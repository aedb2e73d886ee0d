"""Why steps do not run together: what the making of a program notes, for who asks afterwards."""

from __future__ import annotations

from typing import NamedTuple

from symkeras.graph.node import Node


class Refusal(NamedTuple):
    """Something that was not done.

    Attributes:
        stage: "fusion", "in-place" (in whose storage a value lies) or "tiling" (stretches of rows, and samples of a batch).
        node: what might have joined; of kernels of several nodes the last.
        other: what it might have joined, or whose storage it might have taken over; None where no one node stands for it.
        reason: why it did not.
    """

    stage: str
    node: Node
    other: Node | None
    reason: str
