"""Random programs: built as graphs, held against the reference on every backend at every level, made small where they differ.

A program is Python text in the words of `ops`, with inputs and variables; a failure is shown as a script that runs by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symkeras import errors, ops
from symkeras.backend import denormals
from symkeras.backend.interface import compile_graph
from symkeras.compiler.pipeline import Pipeline
from symkeras.graph import Graph, Tensor, dtypes, tracing
from symkeras.graph.dims import evaluate as evaluate_sizes
from symkeras.graph.node import Node, reachable
from symkeras.graph.variable import Variable
from symkeras.ops import evaluation
from symkeras.ops.evaluation import evaluate
from symkeras.ops.op import OPS
from tests.backends import poisoned
from tests.fuzz import words
from tests.fuzz.draw import Draw, is_float, is_int
from tests.fuzz.statements import statement
from tests.tolerances import TOLERANCES

MOST_ELEMENTS = 500_000
SMALL, LARGE = [0, 1, 1, 2, 3, 4, 5, 7, "n", "n", "m"], [512, 512, 257, 64, 3, 1, "n"]
"""Sizes of axes; those of the large ones are cut into stretches and shared by threads."""


@dataclass(frozen=True)
class Program:
    """What is run.

    Attributes:
        inputs: (name, type as text).
        variables: the same, for what the program may change.
        statements: (name, expression), in order.
        updates: (variable, expression of its new value).
        outputs: names.
        sizes: what the dims are, call by call.
        seed: of the values of inputs and variables; odd: whether NaN, infinities and zeros of both signs are among them.
    """

    inputs: tuple[tuple[str, str], ...]
    variables: tuple[tuple[str, str], ...]
    statements: tuple[tuple[str, str], ...] = ()
    updates: tuple[tuple[str, str], ...] = ()
    outputs: tuple[str, ...] = ()
    sizes: tuple[tuple[tuple[str, int], ...], ...] = ((),)
    seed: int = 0
    odd: bool = False

    def script(self, backend: str, level: str) -> str:
        """The program as a script that asks the reference and one backend."""
        calls = [dict(s) for s in self.sizes]
        lines = [
            "from symkeras.backend.interface import compile_graph", "from symkeras.graph import Graph, tracing",
            "from symkeras.ops.evaluation import evaluate", "from tests.fuzz.words import *", "",
            *(f"{name} = ops.placeholder({type!r}, name={name!r})" for name, type in self.inputs),
            *(f"{name}_ = variable({name!r}, {type!r}, {self.seed}, {self.odd})\n{name} = ops.as_tensor({name}_)" for name, type in self.variables),
            "with tracing.Trace() as trace:",
            *(f"    {name} = {text}" for name, text in self.statements),
            *(f"    new_{name} = {text}" for name, text in self.updates), "    pass",
            f"graph = Graph([{', '.join(f'{n}.node' for n, _ in self.inputs)}], [{', '.join(f'{n}.node' for n in self.outputs)}], "
            f"[{', '.join(f'({n}_.node, new_{n}.node)' for n, _ in self.updates)}] + trace.updates())",
            f"compiled = compile_graph(graph, {backend!r}, level={level!r})",
            f"for sizes in {calls}:",
            f"    arrays = values({self.inputs!r}, sizes, {self.seed}, {self.odd})",
            "    print(evaluate(graph, arrays), compiled(*arrays), [n.attrs['variable'].numpy() for n in graph.variables], sep='\\n')",
        ]  # fmt: skip
        return "\n".join(lines)


def build(program: Program) -> tuple[Graph, list[Variable]]:
    """The graph of a program, and the variables of it, those of layers too."""
    scope = _scope(program)
    updates = []
    with tracing.Trace() as trace:
        for name, text in program.statements:
            scope[name] = eval(text, scope)
        for name, text in program.updates:
            updates.append((scope[f"{name}_"].node, eval(text, scope).node))
    inputs, outputs = [scope[n].node for n, _ in program.inputs], [scope[n].node for n in program.outputs]
    graph = Graph(inputs, outputs, [*updates, *trace.updates()])
    return graph, [n.attrs["variable"] for n in graph.variables]


def _scope(program: Program) -> dict[str, Any]:
    scope = words.scope()
    for name, type in program.inputs:
        scope[name] = ops.placeholder(type, name=name)
    for name, type in program.variables:
        scope[f"{name}_"] = words.variable(name, type, program.seed, program.odd)
        scope[name] = ops.as_tensor(scope[f"{name}_"])
    return scope


class Unexpected(Exception):
    """A statement raised what is none of our errors."""


def generate(seed: int, large: bool = False) -> Program:
    """The program of a seed.

    Raises:
        Unexpected: building it raised an error that is not ours.
    """
    rng = np.random.default_rng(seed)
    dtype = ["f32", "f32", "f64"][int(rng.integers(3))]
    inputs = tuple((f"a{k}", _type(rng, dtype, large, k)) for k in range(int(rng.integers(1, 4))))
    variables = tuple((f"v{k}", _type(rng, dtype, large, 2 * (rng.random() < 0.2), static=True)) for k in range(int(rng.integers(0, 3))))
    program = Program(inputs, variables, seed=seed, odd=bool(rng.random() < 0.25) and not large, sizes=_sizes(rng, large))
    scope = _scope(program)
    pool = {name: scope[name] for name, _ in (*inputs, *variables)}
    draw, made = Draw(rng, pool), []
    with tracing.Trace():
        for k in range(int(rng.integers(5, 41 if not large else 16))):
            text = statement(draw)
            value = None if text is None else _run(text, scope, program, made)
            if value is not None:
                name = f"t{k}"
                scope[name] = pool[name] = value
                made.append((name, text))
    names = [n for n, _ in made] or [inputs[0][0]]
    outputs = tuple(dict.fromkeys(draw.one(names) for _ in range(int(rng.integers(0 if variables else 1, 4)))))
    with tracing.Trace():
        updates = tuple(u for n, _ in variables if (u := _update(draw, n, scope, program, made)) is not None)
    return replace(program, statements=tuple(made), outputs=outputs if outputs or updates else (names[-1],), updates=updates)


def _run(text: str, scope: dict[str, Any], program: Program, made: Sequence[tuple[str, str]]) -> Tensor | None:
    try:
        value = eval(text, scope)
    except errors.SymkerasError:
        return None
    except Exception as error:
        raise Unexpected(f"{text}: {type(error).__name__}: {error}\n" + "\n".join(f"{n} = {t}" for n, t in made)) from error
    if not isinstance(value, Tensor) or value.ndim > 4 or value.dtype not in dtypes.SHORT:
        return None
    types = [t for node in reachable([value.node]) for t in node.types]  # a look-up of many rows may be summed up at once
    shapes = [evaluate_sizes(t.shape, dict(s)) for t in types for s in program.sizes]
    return value if all(min(shape, default=0) >= 0 and np.prod(shape) <= MOST_ELEMENTS for shape in shapes) else None


def _type(rng: np.random.Generator, dtype: str, large: bool, k: int, static: bool = False) -> str:
    dims = [d for d in (LARGE if large else SMALL) if not (static and isinstance(d, str))]
    count = int(rng.integers(1, 3)) if large else int(rng.integers(0, 4))
    chosen = [dims[int(rng.integers(len(dims)))] for _ in range(count)]
    if large and count == 2 and rng.random() < 0.5:
        chosen = [512, 512]
    if k == 2:
        dtype = ["i32", "i64", "bool", "u8", dtype][int(rng.integers(5))]
    return f"{dtype}[{', '.join(map(str, chosen))}]"


def _sizes(rng: np.random.Generator, large: bool) -> tuple[tuple[tuple[str, int], ...], ...]:
    pick = (lambda: int(rng.choice([1, 300, 512]))) if large else (lambda: int(rng.choice([0, 1, 2, 3, 5, 8])))
    return tuple((("n", pick()), ("m", pick())) for _ in range(2 if not large else 1))


_UPDATES = ["{v} + {o}", "{v} * 2.0 + {w}", "{v} * {w}", "ops.where({w} > 0, {w}, {v})", "{w}", "{v} - 0.1 * {o}", "ops.tanh({o}) + {w}", "{o}",
            "ops.maximum({v}, {w})", "{v} * 0.9 + {o}", "{v} - 0.1 * {o} / (ops.sqrt(ops.absolute({p})) + 0.1)",
            "{v} - 0.1 * gradient(ops.sum(ops.tanh({o})), {v})"]  # fmt: skip
_SPARSE = ["{v} - 0.1 * {g}", "{v} * 0.9 + {g}", "{v} + 0.1 * {g} / ops.sqrt(ops.square({g}) + 0.1)", "ops.clip({v} - {g}, -1, 1)"]


def _update(draw: Draw, name: str, scope: dict[str, Any], program: Program, made: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """A new value of a variable, of itself, of views of it, of what was computed, and of gradients of some of its rows."""
    t = scope[name]
    fits = lambda o: o.dtype == t.dtype and o.dims == t.dims  # noqa: E731
    other, third = draw.name(fits) or name, draw.name(fits) or name
    views = [name, f"{name}[::-1]" if t.ndim else name, f"ops.flip({name})" if t.ndim else name, f"ops.flip({other})" if t.ndim else other]
    if t.ndim > 1 and t.dims[0] == t.dims[-1]:
        views += [f"ops.swapaxes({name}, 0, -1)"] * 3
    text = draw.one(_UPDATES).format(v=name, o=other, p=third, w=draw.one(views))
    if t.ndim and t.dims[0] and draw.chance(0.3):
        indices = draw.name(is_int)
        places = f"{indices} % {t.dims[0]}" if indices else f"np.array({draw.rng.integers(0, t.dims[0], 4).tolist()})"
        rows = f"gradient(ops.sum(ops.tanh(ops.take({name}, ops.cast({places}, 'int32'), 0) * 1.5)), {name})"
        text = draw.one(_SPARSE).format(v=name, g=rows)
    value = _run(f"ops.cast({text}, {t.dtype!r})" if not is_float(t) else text, scope, program, made)
    if value is None or value.node.type != t.node.type:
        return None
    return name, text if is_float(t) else f"ops.cast({text}, {t.dtype!r})"


# ---- running -------------------------------------------------------------------------------------------------------


@dataclass
class Difference:
    """Where a backend gave something else."""

    backend: str
    level: str
    what: str
    program: Program = field(default_factory=lambda: Program((), ()))

    def __str__(self) -> str:
        return f"{self.backend} at {self.level}: {self.what}\n\n{self.program.script(self.backend, self.level)}"


def differences(program: Program, ways: Sequence[tuple[str, str]], poison: bool = True) -> Iterator[Difference]:
    """Where backends at levels differ from the reference."""
    graph, held = build(program)
    start = [v.numpy().copy() for v in held]
    sizes = [*program.sizes, *(program.sizes[:1] if held else ())]
    calls = [(words.values(program.inputs, dict(s), program.seed, program.odd), _at_call(start, k)) for k, s in enumerate(sizes)]
    expected = [_reference(graph, held, arrays, before) for arrays, before in calls]
    for backend, level in ways:
        _set(held, start)
        try:
            compiled = compile_graph(graph, backend, level=level, **(poisoned(backend) if poison else {}))
        except errors.BackendError:
            continue  # float16 on native, bfloat16 on pytensor: refused before anything is compiled
        except Exception as error:
            yield Difference(backend, level, f"compiling raised {type(error).__name__}: {str(error)[:300]}", program)
            continue
        for k, ((arrays, before), wanted) in enumerate(zip(calls, expected, strict=True)):
            _set(held, before)
            found = _called(compiled, held, arrays)
            problem = _problem(graph, held, found, wanted, lambda a=arrays, b=before: _spread(graph, held, b, a))
            if problem:
                yield Difference(backend, level, f"call {k}: {problem}", program)
                break


def _at_call(start: Sequence[np.ndarray], k: int) -> list[np.ndarray]:
    """What the variables are before a call: others than before the last one."""
    return [(a * (1 - k / 4)).astype(a.dtype) if a.dtype.kind == "f" else a for a in start]


def _set(held: Sequence[Variable], arrays: Sequence[np.ndarray]) -> None:
    for v, value in zip(held, arrays, strict=True):
        v.set(value)


Result = tuple[str, list[np.ndarray]]
"""The name of an error, "" for none, and outputs and values of variables."""


def _reference(graph: Graph, held: Sequence[Variable], arrays: Sequence[Any], before: Sequence[np.ndarray]) -> Result:
    news = {n.attrs["variable"]: k for k, (n, _) in enumerate(graph.updates)}
    _set(held, before)
    try:
        with denormals.Denormals(True):
            outputs, new = evaluate(graph, arrays)
    except Exception as error:
        return _kind(error), [v.numpy().copy() for v in held]
    return "", [*map(np.array, outputs), *(np.array(new[news[v]]) if v in news else v.numpy().copy() for v in held)]


def _kind(error: Exception) -> str:
    """The built-in error that a user would catch; where two things fail, either may come first."""
    return "IndexError or ValueError" if isinstance(error, (IndexError, ValueError)) else type(error).__name__


def _called(compiled: Any, held: Sequence[Variable], arrays: Sequence[Any]) -> Result:
    try:
        outputs = compiled(*arrays)
    except Exception as error:
        return _kind(error), [v.numpy().copy() for v in held]
    return "", [*outputs, *(v.numpy().copy() for v in held)]


def _spread(graph: Graph, held: Sequence[Variable], before: Sequence[np.ndarray], arrays: Sequence[Any]) -> list[np.ndarray] | None:
    """How far the reference goes when what it reads, or what it computes, moves by a rounding: nobody can be closer."""
    rng, spread, first = np.random.default_rng(0), None, None
    parts = Pipeline.level("O0").run(graph, lambda name: not OPS[name].is_composite)[0]  # what composites round within moves, too
    coarse = max((_epsilon(t) for t in _coarsest(graph, held)), default=0.0)
    for k in range(16):  # the place of a maximum changes in few of them
        which, roundings = (parts, _rounded_otherwise(rng)) if k % 2 else (graph, nullcontext())
        with roundings:
            name, results = _reference(which, held, [_moved(a, rng, coarse) for a in arrays], [_moved(a, rng, coarse) for a in before])
        if name:
            break
        floats = [np.asarray(r, "float64") for r in results]
        first = first or floats
        with np.errstate(all="ignore"):
            apart = [_apart(f, g) for f, g in zip(floats, first, strict=True)]
        spread = apart if spread is None else [np.maximum(a, b) for a, b in zip(spread, apart, strict=True)]
    _set(held, before)
    return spread


_EXACT = {"floor", "ceil", "rint", "trunc", "sign", "where", "maximum", "minimum", "negative", "absolute", "max", "min", "cast", "stop_gradient",
          "random_bits"}  # fmt: skip


@contextmanager
def _rounded_otherwise(rng: np.random.Generator) -> Iterator[None]:
    """Let every operation that rounds give a neighbour of its value: 1 - tanh(x) ** 2 is 0 or not, far out, as tanh is rounded."""
    own = evaluation.value_of

    def value_of(node: Node, *rest: Any) -> Any:
        value = own(node, *rest)
        if isinstance(node.type, tuple) or node.op.is_leaf or node.op.moves or node.op.is_view or node.op.name in _EXACT:
            return value
        return np.asarray(_moved(value, rng, 0.0, 1))

    evaluation.value_of = value_of
    try:
        yield
    finally:
        evaluation.value_of = own


def _epsilon(dtype: str) -> float:
    return float(dtypes.limits(dtype).eps) if dtypes.is_float(dtype) else 0.0


def _coarsest(graph: Graph, held: Sequence[Variable]) -> list[str]:
    """For every result, outputs and variables, the dtype with the fewest digits of what it is computed from."""
    worst: dict[Any, str] = {}
    for node in graph.nodes:
        own = [t.dtype for t in node.types]
        for body in (a for a in node.attrs.values() if isinstance(a, Graph)):
            own += _coarsest(body, ())
        worst[node] = max((*own, *(worst[n] for n in node.inputs)), key=_epsilon)
    news = {n.attrs["variable"]: new for n, new in graph.updates}
    return [worst[n] for n in (*graph.outputs, *(news.get(v, v.node) for v in held))]


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.where(np.isfinite(a - b), np.abs(a - b), np.inf))


def _moved(a: np.ndarray, rng: np.random.Generator, epsilon: float, units: int = 4) -> np.ndarray:
    if not dtypes.is_float(str(a.dtype)):
        return a
    with np.errstate(all="ignore"):
        return (a * (1 + rng.choice([-1, 0, 1], a.shape) * units * max(epsilon, float(dtypes.limits(str(a.dtype)).eps)))).astype(a.dtype)


def _problem(graph: Graph, held: Sequence[Variable], found: Result, wanted: Result, spread: Any) -> str:
    if found[0] != wanted[0]:
        return f"expected {wanted[0] or 'no error'}, received {found[0] or 'none'}"
    if len(found[1]) != len(wanted[1]):
        return "another number of results"
    for k, (f, w) in enumerate(zip(found[1], wanted[1], strict=True)):
        f, w = np.asarray(f), np.asarray(w)
        if (f.shape, f.dtype) != (w.shape, w.dtype):
            return f"result {k} is {f.dtype}{f.shape}, expected {w.dtype}{w.shape}"
        if np.array_equal(f, w) or not _wrong(f, w, str(w.dtype)).any():
            continue
        wrong = _wrong(f, w, _coarsest(graph, held)[k] if not wanted[0] else str(w.dtype))
        if wrong.any():
            apart = spread()
            if apart is not None:
                wrong &= ~(_apart(np.asarray(f, "float64"), np.asarray(w, "float64")) <= 64 * apart[k])
        if wrong.any():
            place = tuple(int(p) for p in np.argwhere(wrong)[0])
            return f"result {k} at {place}: {f[place]!r}, expected {w[place]!r} ({int(wrong.sum())} of {w.size} differ)"
    return ""


def _wrong(f: np.ndarray, w: np.ndarray, dtype: str) -> np.ndarray:
    f, w = dtypes.wide(f), dtypes.wide(w)
    if w.dtype.kind not in "fc":
        return np.asarray(f != w)
    rtol, atol = TOLERANCES["graph"][dtype]
    with np.errstate(all="ignore"):
        scale = np.nanmax(np.abs(np.where(np.isfinite(w), w, 0)), initial=0.0) if w.size else 0.0
        near = np.abs(f - w) <= atol + rtol * np.abs(w) + rtol * 1e-2 * scale
    return ~(near | (f == w) | (np.isnan(f) & np.isnan(w)))


# ---- making small --------------------------------------------------------------------------------------------------


def shrunk(found: Difference, poison: bool = True) -> Difference:
    """A smaller program that still differs on the same backend at the same level."""
    best = found
    progress = True
    while progress:
        progress = False
        for candidate in _smaller(best.program):
            try:
                again = next(differences(candidate, [(best.backend, best.level)], poison), None)
            except Exception:
                continue  # what was left out is read
            if again is not None:
                best, progress = again, True
                break
    return best


def _smaller(p: Program) -> Iterator[Program]:
    for k in range(len(p.updates)):
        yield replace(p, updates=p.updates[:k] + p.updates[k + 1 :])
    for k in range(len(p.outputs)):
        if len(p.outputs) > 1 or p.updates:
            yield replace(p, outputs=p.outputs[:k] + p.outputs[k + 1 :])
    for k in reversed(range(len(p.statements))):
        yield replace(p, statements=p.statements[:k] + p.statements[k + 1 :])
    for k, (name, _) in enumerate(p.statements):
        if p.outputs != (name,):
            yield replace(p, statements=p.statements[: k + 1], outputs=(name,), updates=())
    for k in range(len(p.sizes)):
        if len(p.sizes) > 1:
            yield replace(p, sizes=p.sizes[:k] + p.sizes[k + 1 :])
    for k in range(len(p.variables)):
        yield replace(p, variables=p.variables[:k] + p.variables[k + 1 :])
    if p.odd:
        yield replace(p, odd=False)
