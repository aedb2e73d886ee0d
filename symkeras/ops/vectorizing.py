"""A Python function of scalars over all elements of tensors."""


from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from symkeras.errors import ConfigError, ShapeError
from symkeras.graph import dims
from symkeras.ops.control import scan
from symkeras.ops.elementwise import broadcast_shapes
from symkeras.ops.leaves import shape
from symkeras.ops.op import as_array, as_tensor, is_symbolic
from symkeras.ops.shaping import broadcast_to, reshape


def vectorize(pyfunc: Callable[..., Any], *, excluded: Collection[int | str] | None = None, signature: str | None = None) -> Callable[..., Any]:
    """A function of scalars, or of small tensors, as one of tensors that broadcast: it is called for each element.

    Args:
        pyfunc: takes and gives scalars or, with `signature`, tensors of the axes named there; written with `ops`.
        excluded: positions and names of arguments that go to it as they are.
        signature: such as "(n),(n)->()"; what stands before these axes broadcasts.

    Raises:
        ConfigError: no function, or no signature.
        ShapeError: a signature that does not fit what comes.

    >>> vectorize(lambda a, b: a + b if a > b else a * b)([1, 2, 3], 2).tolist()
    [2, 4, 5]
    """
    if not callable(pyfunc):
        raise ConfigError(f"vectorize: pyfunc must be a function, received {pyfunc!r}")
    outside = set(excluded or ())
    wanted = None if signature is None else _parsed(signature)

    def over_all(*args: Any, **kwargs: Any) -> Any:
        spread = [k for k in range(len(args)) if k not in outside and args[k] is not None]
        named = [k for k in kwargs if k not in outside]
        cores = [len(axes) for axes in wanted[0]] if wanted else [0] * len(spread)
        if len(cores) != len(spread):
            raise ShapeError(f"vectorize: the signature {signature!r} names {len(cores)} inputs, received {len(spread)}")
        cores += [0] * len(named)
        tensors = [as_tensor(v) if is_symbolic(v) else as_array(v) for v in (*(args[k] for k in spread), *(kwargs[k] for k in named))]
        if wanted:
            _check_cores(signature, wanted[0], [shape(t) for t in tensors])

        def call(values: Sequence[Any]) -> Any:
            own, words = list(args), dict(kwargs)
            for k, v in zip(spread, values, strict=False):
                own[k] = v
            words.update(zip(named, values[len(spread) :], strict=True))
            return pyfunc(*own, **words)

        return _over_elements(call, tensors, cores)

    return over_all


def _over_elements(call: Callable[[Sequence[Any]], Any], tensors: Sequence[Any], cores: Sequence[int]) -> Any:
    """`call` for each element of the axes before the last `cores` of each tensor, which broadcast."""
    heads = [tuple(shape(t)[: len(shape(t)) - n]) for t, n in zip(tensors, cores, strict=True)]
    head = broadcast_shapes(*heads, what="vectorize") if heads else ()
    rows = []
    for t, n in zip(tensors, cores, strict=True):
        tail = tuple(shape(t)[len(shape(t)) - n :])
        rows.append(reshape(broadcast_to(t, (*head, *tail)), (dims.product(head), *tail)))
    if not rows or not head:
        return call([reshape(r, shape(r)[1:]) for r in rows])
    _, results = scan(lambda carry, values: (carry, call(values)), None, rows)
    if results is None:
        raise ShapeError(f"vectorize over arrays of shape {head}: there is no element to call the function for")
    if isinstance(results, (tuple, list)):
        return tuple(reshape(r, (*head, *shape(r)[1:])) for r in results)
    return reshape(results, (*head, *shape(results)[1:]))


def _parsed(signature: str) -> tuple[list[list[str]], list[list[str]]]:
    """The names of the axes of inputs and of outputs."""
    sides = re.sub(r"\s+", "", signature).split("->")
    argument = r"\((?:\w+(?:,\w+)*)?\)"
    if len(sides) != 2 or not all(re.fullmatch(rf"{argument}(?:,{argument})*", side) for side in sides):
        raise ConfigError(f"vectorize: a signature is such as '(n,k),(k)->(n)', received {signature!r}")
    inputs, outputs = ([[a for a in group.split(",") if a] for group in re.findall(r"\(([^)]*)\)", side)] for side in sides)
    return inputs, outputs


def _check_cores(signature: str | None, groups: Sequence[Sequence[str]], shapes: Sequence[tuple[Any, ...]]) -> None:
    sizes: dict[str, Any] = {}
    for axes, sizes_of_one in zip(groups, shapes, strict=False):
        if len(sizes_of_one) < len(axes):
            raise ShapeError(f"vectorize: shape {sizes_of_one} lacks the axes {tuple(axes)} of the signature {signature!r}")
        for axis, size in zip(axes, sizes_of_one[len(sizes_of_one) - len(axes) :], strict=True):
            if not dims.same(sizes.setdefault(axis, size), size):
                raise ShapeError(f"vectorize: the axis {axis!r} of the signature {signature!r} has sizes {sizes[axis]} and {size}")
