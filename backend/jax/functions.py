"""Operations as functions of JAX arrays: the table of the JAX backend.

Where JAX and NumPy differ the reference decides: integer division by zero gives 0, an integer power is exact, -1 is the last index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from symkeras.backend.engine import formulas, philox
from symkeras.backend.engine.tables import NOTHING, by_name, counted
from symkeras.backend.engine.walk import HARMLESS, NO_RESULT, Check, Functions, Here
from symkeras.backend.jax import convolution as conv

Array = Any


def _floor_divide(x: Array, y: Array) -> Array:
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.where(y == 0, 0, jnp.floor_divide(x, jnp.where(y == 0, 1, y))).astype(x.dtype)
    x, y = jnp.broadcast_arrays(x, y)
    rest, exact = lax.rem(x, y), x / y
    quotient = (x - rest) / y - ((rest != 0) & ((y < 0) != (rest < 0)))
    whole = jnp.floor(quotient)
    whole = jnp.where(quotient - whole > 0.5, whole + 1, whole)
    return jnp.where(y == 0, exact, jnp.where(quotient == 0, jnp.copysign(jnp.zeros_like(quotient), exact), whole))  # a zero has a sign, too


def _mod(x: Array, y: Array) -> Array:
    if jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.where(y == 0, 0, jnp.remainder(x, jnp.where(y == 0, 1, y))).astype(x.dtype)
    rest = jnp.remainder(x, y)
    return jnp.where(rest == 0, jnp.copysign(rest, y), rest)  # a zero has the sign of the divisor


def _power(x: Array, y: Array) -> Array:
    """Integers by squaring, in the integers themselves, so that they wrap around as NumPy's do."""
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.power(x, y)
    bits = jnp.iinfo(x.dtype).bits
    x, y = jnp.broadcast_arrays(x, y)
    out, square = jnp.ones_like(x), x
    for k in range(bits):
        out = jnp.where((y >> k) & 1 == 1, out * square, out)
        square = square * square
    return out


def _erfinv(x: Array) -> Array:
    """In doubles: XLA's has ten digits near 1."""
    return jnp.where(x == 0, x, formulas.erfinv(jnp, jnp.log, x.astype(jnp.float64)).astype(x.dtype))


def _cast(x: Array, dtype: str) -> Array:
    """As NumPy's; XLA gives 0 for a negative number without a sign."""
    if jnp.issubdtype(x.dtype, jnp.floating) and dtype.startswith("uint"):
        return jnp.where(x < 0, x.astype(jnp.int64).astype(dtype), x.astype(dtype))
    return x.astype(dtype)


def _pad(x: Array, padding: Any, value: Any) -> Array:
    """An axis of no element with a gap is one gap short: its padding tells how many there are in all."""
    pads = [(a, b, g) if n or not g else (max(a + b - g, 0), 0, 0) for (a, b, g), n in zip(padding, x.shape, strict=True)]
    return lax.pad(x, jnp.asarray(value, x.dtype), pads)


def _counted(fn: Callable[..., Array]) -> Callable[..., Array]:
    return counted(fn, lambda x, dtype: x.astype(dtype), jnp.bool_)


def _reduction(fn: Callable[..., Array], **options: Any) -> Callable[..., Array]:
    return lambda x, axes: fn(x, axis=axes, **options) if axes else x


def _typed(fn: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axes: fn(x, axis=axes, dtype=x.dtype) if axes else x


def _positive(indices: Array, size: int) -> Array:
    indices = indices.astype(jnp.int64)
    return jnp.where(indices < 0, indices + size, indices)


def _gather(table: Array, indices: Array) -> Array:
    if table.shape[0] == 0:  # a check reports every index there is
        return jnp.zeros((*indices.shape, *table.shape[1:]), table.dtype)
    return table.at[_positive(indices, table.shape[0])].get(mode="clip")


def _scatter_add(indices: Array, values: Array, rows: int) -> Array:
    out = jnp.zeros((rows, *values.shape[indices.ndim :]), values.dtype)
    return out if rows == 0 else out.at[_positive(indices, rows)].add(values, mode="drop")


def _combine_rows(indices: Array, values: Array, rows: int) -> Array:
    """By sorting, so that the work goes with the number of indices and not of rows."""
    if not values.size:
        return values
    flat = _positive(indices, rows).reshape(-1)
    each = values.reshape(flat.shape[0], -1)
    order = jnp.argsort(flat, stable=True)
    ranked = flat[order]
    segment = jnp.cumsum(jnp.concatenate([jnp.zeros(1, bool), ranked[1:] != ranked[:-1]]))
    total = jax.ops.segment_sum(each[order], segment, num_segments=flat.shape[0], indices_are_sorted=True)
    return jnp.zeros_like(each).at[order].set(total[segment]).reshape(values.shape)


def _set_rows(table: Array, indices: Array, rows: Array, guard: Array | None = None) -> Array:
    if guard is not None:
        table = jax.lax.cond(jnp.isnan(guard), lambda t: jnp.full_like(t, jnp.nan), lambda t: t, table)
    return table if table.shape[0] == 0 else table.at[_positive(indices, table.shape[0])].set(rows, mode="drop")


def _along(axis: int, indices: Array, size: int) -> tuple[Array, ...]:
    where: list[Any] = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    where[axis] = _positive(indices, size)
    return tuple(where)


def _take_along_axis(x: Array, indices: Array, axis: int) -> Array:
    return jnp.zeros(indices.shape, x.dtype) if x.shape[axis] == 0 else x.at[_along(axis, indices, x.shape[axis])].get(mode="clip")


def _add_along_axis(indices: Array, values: Array, axis: int, size: int) -> Array:
    out = jnp.zeros((*values.shape[:axis], size, *values.shape[axis + 1 :]), values.dtype)
    return out if size == 0 else out.at[_along(axis, indices, size)].add(values, mode="drop")


def _top_k(x: Array, k: int) -> tuple[Array, Array]:
    order = jnp.flip(x.shape[-1] - 1 - jnp.argsort(jnp.flip(x, -1), axis=-1, stable=True), -1)[..., :k]
    return jnp.take_along_axis(x, order, -1), order.astype(jnp.int32)


def _matmul(a: Array, b: Array, transpose_a: bool, transpose_b: bool) -> Array:
    return jnp.matmul(a.swapaxes(-1, -2) if transpose_a else a, b.swapaxes(-1, -2) if transpose_b else b)


_WORDS = philox.Words(np.uint64, lambda x, by: x >> np.uint64(by))
_FEW_BLOCKS = 64
"""So many are drawn in a loop: written one after the other, what fills one register keeps XLA's compiler for minutes (eight blocks with AVX-512)."""


def _blocks(x: list[Array], key: list[Array]) -> list[Array]:
    if x[0].size > _FEW_BLOCKS:
        return _WORDS.block(x, key)

    def turn(_: Any, both: Any) -> Any:
        x, key = both
        return _WORDS.turn(x, key), [k + np.uint64(w) for k, w in zip(key, philox.WEYL, strict=True)]

    return lax.fori_loop(0, philox.TURNS, turn, (x, key))[0]


def _random_bits(state: Array, stream: int, shape: tuple[int, ...], dtype: str) -> Array:
    count, words, blocks = philox.sizes(shape, dtype)
    zeros = jnp.zeros(blocks, jnp.uint64)
    with np.errstate(over="ignore"):
        x = _blocks([jnp.arange(1, blocks + 1, dtype=jnp.uint64), zeros + state[1], zeros, zeros], [state[0], jnp.uint64(stream)])
    drawn = jnp.stack(x, 1).reshape(-1)[:words]
    return (drawn if dtype == "uint64" else lax.bitcast_convert_type(drawn, dtype).reshape(-1))[:count].reshape(shape)


# ---- control flow --------------------------------------------------------------------------------------------------


def _scan(here: Here) -> Callable[..., Any]:
    inner = here.walk(here.attrs["body"])
    c, s = here.attrs["carries"], here.attrs["sequences"]

    def run(*given: Array) -> Any:
        outer = given[c + s :]

        def step(carry: Any, slices: Any) -> Any:
            results, extents = inner([*carry, *slices, *outer], [])
            return tuple(results[:c]), (tuple(results[c:]), tuple(extents))

        carry, (ys, extents) = lax.scan(step, given[:c], given[c : c + s], length=here.attrs["length"], reverse=here.attrs["reverse"])
        found = (*carry, *ys)
        return (found, [_widest(e) for e in extents]) if here.checks else found

    return run


def _widest(extents: Array) -> Array:
    """The extent over all steps, harmless where there are none."""
    least, largest = HARMLESS
    return jnp.stack([extents[:, 0].min(initial=least), extents[:, 1].max(initial=largest)]) if len(extents) else jnp.array(HARMLESS)


def _cond(here: Here) -> Callable[..., Any]:
    then, otherwise = here.walk(here.attrs["then"]), here.walk(here.attrs["otherwise"])

    def run(predicate: Array, *given: Array) -> Any:
        def branch(walk: Any, before: int, after: int) -> Any:
            def taken(*x: Array) -> Any:
                results, extents = walk(x, [])
                return tuple(results), (*[HARMLESS] * before, *extents, *[HARMLESS] * after)

            return taken

        a, b = len(then.checks), len(otherwise.checks)
        found, extents = lax.cond(predicate, branch(then, 0, b), branch(otherwise, a, 0), *given)
        return (found, list(extents)) if here.checks else found

    return run


def _while_loop(here: Here) -> Callable[..., Any]:
    predicate, body = here.walk(here.attrs["predicate"]), here.walk(here.attrs["body"])
    count = here.attrs["state"]
    a = len(predicate.checks)
    low, high = here.bounds

    def run(*given: Array) -> Any:
        outer = given[count:]
        start = [jnp.array(HARMLESS) for _ in here.checks]

        def holds(state: Any) -> tuple[Array, list[Array]]:
            results, extents = predicate([*state, *outer], [])
            return results[0], extents

        def step(now: Any) -> Any:
            state, _, extents = now
            new, of_body = body([*state, *outer], [])
            go_on, of_predicate = holds(new)
            return tuple(new), go_on, _wider(extents, [*of_predicate, *of_body])

        def goes_on(now: Any) -> Array:
            _, holds, extents = now
            return holds & jnp.array([(low[k] <= e[0]) & (e[1] <= high[k]) for k, e in enumerate(extents)], bool).all()

        first, of_predicate = holds(given[:count])
        extents = _wider(start, [*of_predicate, *start[a:]])
        state, _, extents = lax.while_loop(goes_on, step, (given[:count], first, extents))
        return (state, list(extents)) if here.checks else state

    return run


def _wider(a: Any, b: Any) -> tuple[Array, ...]:
    return tuple(jnp.stack([jnp.minimum(x[0], y[0]), jnp.maximum(x[1], y[1])]) for x, y in zip(a, b, strict=True))


def _slice(x: Array, starts: Any, stops: Any, strides: Any) -> Array:
    return lax.slice(x, starts, stops, strides)


# ---- matrices -----------------------------------------------------------------------------------------------------------


def _solve_triangular(a: Array, b: Array, lower: bool, transpose: bool) -> Array:
    return lax.linalg.triangular_solve(a, b, left_side=True, lower=lower, transpose_a=transpose)


def _fft(real: Array, imaginary: Array, inverse: bool) -> tuple[Array, Array]:
    x = lax.complex(real, imaginary)
    y = jnp.fft.ifft(x, norm="forward") if inverse else jnp.fft.fft(x)
    return y.real, y.imag


MATRICES: dict[str, Callable[..., Any]] = {
    "cholesky": jnp.linalg.cholesky, "solve": jnp.linalg.solve, "solve_triangular": _solve_triangular, "det": jnp.linalg.det,
    "slogdet": lambda x: tuple(jnp.linalg.slogdet(x)), "pinv": lambda x, rcond: jnp.linalg.pinv(x, rtol=rcond),
    "eigh": lambda x: tuple(jnp.linalg.eigh(x)), "eig": lambda x: tuple(jnp.linalg.eig(x)),
    "svd": lambda x, full: tuple(jnp.linalg.svd(x, full_matrices=full)),
    "qr": lambda x, complete: tuple(jnp.linalg.qr(x, mode="complete" if complete else "reduced")), "lu": lambda x: lax.linalg.lu(x),
}  # fmt: skip


def _looked_at(here: Here) -> Callable[..., Any]:
    """Where LAPACK refuses a matrix XLA gives NaN or infinity: a check says where finite numbers became such."""
    fn, attrs = MATRICES[here.node.op.name], here.attrs
    here.checks.append(Check(here.node, 0, 0))

    def run(*inputs: Array) -> Any:
        out = fn(*inputs, **attrs)
        is_refused = ~jnp.isfinite(out).all()
        for x in inputs:
            is_refused &= jnp.isfinite(x).all()
        return out, [jnp.stack([is_refused, is_refused]).astype(jnp.int64)]

    return run


class JaxFunctions(Functions):
    """See `symkeras.backend.engine.walk.Functions`."""

    plain = {
        **NOTHING, "laid_out": lambda x, **_: x, **by_name([jnp, jax.scipy.special]), "floor_divide": _floor_divide, "mod": _mod, "power": _power,
        "erfinv": _erfinv, "where": jnp.where, "cast": _cast,
        "reshape": lambda x, shape: x.reshape(shape), "transpose": lambda x, axes: x.transpose(axes),
        "broadcast_to": lambda x, shape: jnp.broadcast_to(x, shape), "flip": lambda x, axes: jnp.flip(x, axes), "slice": _slice,
        "pad": _pad,
        "concatenate": lambda *x, axis: jnp.concatenate(x, axis),
        "sum": _typed(jnp.sum), "prod": _typed(jnp.prod), "max": _reduction(jnp.max), "min": _reduction(jnp.min),
        "any": _reduction(jnp.any), "all": _reduction(jnp.all),
        "argmax": lambda x, axis: jnp.argmax(x, axis).astype(jnp.int32), "argmin": lambda x, axis: jnp.argmin(x, axis).astype(jnp.int32),
        "cumsum": lambda x, axis: jnp.cumsum(x, axis, dtype=x.dtype), "cumprod": lambda x, axis: jnp.cumprod(x, axis, dtype=x.dtype),
        "sort": lambda x, axis: jnp.sort(x, axis=axis, stable=True),
        "argsort": lambda x, axis: jnp.argsort(x, axis=axis, stable=True).astype(jnp.int32), "top_k": _top_k,
        "gather": _gather, "scatter_add": _counted(_scatter_add), "combine_rows": _combine_rows, "set_rows": _set_rows,
        "take_along_axis": _take_along_axis, "add_along_axis": _counted(_add_along_axis),
        "matmul": _matmul, "random_bits": _random_bits,
        **{fn.__name__: fn for fn in (conv.conv, conv.conv_input_grad, conv.conv_filter_grad, conv.max_pool, conv.max_pool_grad,
                                      conv.max_pool_select, conv.sum_pool, conv.sum_pool_grad)},
        **{n: fn for n, fn in MATRICES.items() if n not in NO_RESULT}, "fft": _fft,
    }  # fmt: skip
    special = {"scan": _scan, "cond": _cond, "while_loop": _while_loop, **dict.fromkeys(NO_RESULT, _looked_at)}

    def constant(self, array: Any) -> Array:
        with jax.enable_x64(True):
            return jnp.array(array)

    def extent(self, indices: Array) -> Array:
        return jnp.stack([indices.min().astype(jnp.int64), indices.max().astype(jnp.int64)])


class ProcessorFunctions(JaxFunctions):
    """Those for one processor, where XLA is slow at some convolutions and pools."""

    plain = {
        **JaxFunctions.plain, "conv": conv.conv_on_processor, "conv_input_grad": conv.conv_input_grad_on_processor,
        "conv_filter_grad": conv.conv_filter_grad_on_processor, "max_pool": conv.max_pool_on_processor,
        "sum_pool": conv.sum_pool_on_processor, "sum_pool_grad": conv.sum_pool_grad_on_processor,
    }  # fmt: skip


FUNCTIONS = JaxFunctions()
ON_PROCESSOR = ProcessorFunctions()
