"""How a value lies over devices: told to the engines that distribute, and nothing to others."""

from __future__ import annotations

from typing import Any

from symkeras.ops.op import Sample, composite


def _vjp(dy: Any, out: Any, x: Any, *, spec: str) -> Any:
    return (laid_out(dy, spec=spec),)


_SAMPLES = [Sample((t,), {"spec": spec}) for t, spec in (("f32[2, 3]", "batch,"), ("f64[]", ""), ("f32[0, 3]", ",model"))]


@composite(vjp=_vjp, samples=_SAMPLES)
def laid_out(x: Any, *, spec: str = "") -> Any:
    """The value itself, of which each axis is split over a mesh axis.

    Args:
        x: any shape.
        spec: for each axis the name of a mesh axis, or nothing, with commas between.

    >>> laid_out([[1.0, 2.0]], spec="batch,").tolist()
    [[1.0, 2.0]]
    """
    return x
