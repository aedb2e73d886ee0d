"""Random programs: built as graphs, held against the reference on every backend at every level, made small where they differ.

A program is Python text in the words of `ops`, with inputs and variables; a failure is shown as a script that runs by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symkeras import errors, ops
from symkeras.autodiff import gradients
from symkeras.backend.interface import compile_graph
from symkeras.graph import Graph, Tensor, dtypes
from symkeras.graph.dims import evaluate as evaluate_sizes
from symkeras.graph.types import parse_type
from symkeras.graph.variable import Variable
from symkeras.ops.evaluation import evaluate
from tests.backends import poisoned
from tests.fuzz.statements import Draw, statement
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
            "import numpy as np", "", "from symkeras import ops", "from symkeras.backend.interface import compile_graph",
            "from symkeras.graph import Graph", "from symkeras.ops.evaluation import evaluate",
            "from tests.fuzz.programs import gradient, values, variable", "",
            *(f"{name} = ops.placeholder({type!r}, name={name!r})" for name, type in self.inputs),
            *(f"{name}_ = variable({name!r}, {type!r}, {self.seed}, {self.odd})\n{name} = ops.as_tensor({name}_)" for name, type in self.variables),
            *(f"{name} = {text}" for name, text in self.statements),
            *(f"new_{name} = {text}" for name, text in self.updates),
            f"graph = Graph([{', '.join(f'{n}.node' for n, _ in self.inputs)}], [{', '.join(f'{n}.node' for n in self.outputs)}], "
            f"[{', '.join(f'({n}_.node, new_{n}.node)' for n, _ in self.updates)}])",
            f"compiled = compile_graph(graph, {backend!r}, level={level!r})",
            f"for sizes in {calls}:",
            f"    arrays = values({self.inputs!r}, sizes, {self.seed}, {self.odd})",
            "    print(evaluate(graph, arrays), compiled(*arrays), sep='\\n')",
        ]  # fmt: skip
        return "\n".join(lines)


def gradient(of: Tensor, by: Tensor) -> Tensor:
    """The gradient of a scalar, zeros where there is no dependence."""
    found = gradients(of, by)
    return ops.zeros_like(by) if found is None else found


def _numbers(type: Any, sizes: dict[str, int], rng: np.random.Generator, odd: bool) -> np.ndarray:
    shape = [d if isinstance(d, int) else d.evaluate(sizes) for d in type.shape]
    if type.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtypes.is_int(type.dtype):
        return np.asarray(rng.integers(-3 if not type.dtype.startswith("u") else 0, 6, shape)).astype(type.dtype)
    a = rng.uniform(-2, 2, shape)
    if odd:
        a = np.where(rng.random(a.shape) < 0.1, rng.choice([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, 1e-40], a.shape), a)
    return np.asarray(a).astype(type.dtype)


def values(inputs: Sequence[tuple[str, str]], sizes: dict[str, int], seed: int, odd: bool) -> list[np.ndarray]:
    """An array for each input."""
    return [_numbers(parse_type(type), sizes, np.random.default_rng((seed, k)), odd) for k, (_, type) in enumerate(inputs)]


def variable(name: str, type: str, seed: int, odd: bool) -> Variable:
    """A variable that a program may change."""
    return Variable(_numbers(parse_type(type), {}, np.random.default_rng((seed, len(name), ord(name[-1]))), odd), name=name)


def build(program: Program) -> tuple[Graph, list[Variable]]:
    """The graph of a program, and its variables."""
    scope = _scope(program)
    for name, text in program.statements:
        scope[name] = eval(text, scope)
    updates = []
    for name, text in program.updates:
        updates.append((scope[f"{name}_"].node, eval(text, scope).node))
    graph = Graph([scope[n].node for n, _ in program.inputs], [scope[n].node for n in program.outputs], updates)
    return graph, [scope[f"{n}_"] for n, _ in program.variables]


def _scope(program: Program) -> dict[str, Any]:
    scope: dict[str, Any] = {"np": np, "ops": ops, "gradient": gradient}
    for name, type in program.inputs:
        scope[name] = ops.placeholder(type, name=name)
    for name, type in program.variables:
        scope[f"{name}_"] = variable(name, type, program.seed, program.odd)
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
    variables = tuple((f"v{k}", _type(rng, dtype, large, 0, static=True)) for k in range(int(rng.integers(0, 3))))
    program = Program(inputs, variables, seed=seed, odd=bool(rng.random() < 0.25) and not large, sizes=_sizes(rng, large))
    scope = _scope(program)
    pool = {name: scope[name] for name, _ in (*inputs, *variables)}
    draw, made = Draw(rng, pool), []
    for k in range(int(rng.integers(5, 41 if not large else 16))):
        text = statement(draw)
        value = None if text is None else _run(text, scope, program, made)
        if value is not None:
            name = f"t{k}"
            scope[name] = pool[name] = value
            made.append((name, text))
    names = [n for n, _ in made] or [inputs[0][0]]
    outputs = tuple(dict.fromkeys(draw.one(names) for _ in range(int(rng.integers(0 if variables else 1, 4)))))
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
    shapes = [evaluate_sizes(value.node.shape, dict(s)) for s in program.sizes]
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
            "ops.maximum({v}, {w})"]  # fmt: skip


def _update(draw: Draw, name: str, scope: dict[str, Any], program: Program, made: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """A new value of a variable, of itself, of views of it, and of what was computed."""
    t = scope[name]
    other = draw.name(lambda o: o.dtype == t.dtype and o.dims == t.dims) or name
    views = [name, f"{name}[::-1]" if t.ndim else name, f"ops.flip({name})" if t.ndim else name, f"ops.flip({other})" if t.ndim else other]
    if t.ndim > 1 and t.dims[0] == t.dims[-1]:
        views += [f"ops.swapaxes({name}, 0, -1)"] * 3
    text = draw.one(_UPDATES).format(v=name, o=other, w=draw.one(views))
    value = _run(text, scope, program, made)
    return (name, text) if value is not None and value.node.type == t.node.type else None


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
    calls = [values(program.inputs, dict(s), program.seed, program.odd) for s in program.sizes]
    expected = [_reference(graph, held, a) for a in calls]
    for backend, level in ways:
        for v, value in zip(held, start, strict=True):
            v.set(value)
        try:
            compiled = compile_graph(graph, backend, level=level, **(poisoned(backend) if poison else {}))
        except errors.BackendError:
            continue  # float16 on native: refused before anything is compiled
        except Exception as error:
            yield Difference(backend, level, f"compiling raised {type(error).__name__}: {str(error)[:300]}", program)
            continue
        for k, (arrays, wanted) in enumerate(zip(calls, expected, strict=True)):
            for v, value in zip(held, start, strict=True):
                v.set(value)
            found = _called(compiled, held, arrays)
            problem = _problem(found, wanted, _coarsest(graph, held), lambda arrays=arrays: _spread(graph, held, start, arrays))
            if problem:
                yield Difference(backend, level, f"call {k}: {problem}", program)
                break


Result = tuple[str, list[np.ndarray]]
"""The name of an error, "" for none, and outputs and values of variables."""


def _reference(graph: Graph, held: Sequence[Variable], arrays: Sequence[Any]) -> Result:
    news = {n.attrs["variable"]: k for k, (n, _) in enumerate(graph.updates)}
    try:
        outputs, new = evaluate(graph, arrays)
    except Exception as error:
        return _kind(error), [v.numpy().copy() for v in held]
    return "", [*map(np.array, outputs), *(np.array(new[news[v]]) if v in news else v.numpy().copy() for v in held)]


def _kind(error: Exception) -> str:
    """The built-in error that a user would catch."""
    return next((c.__name__ for c in (IndexError, ValueError) if isinstance(error, c)), type(error).__name__)


def _called(compiled: Any, held: Sequence[Variable], arrays: Sequence[Any]) -> Result:
    try:
        outputs = compiled(*arrays)
    except Exception as error:
        return _kind(error), [v.numpy().copy() for v in held]
    return "", [*outputs, *(v.numpy().copy() for v in held)]


def _spread(graph: Graph, held: Sequence[Variable], start: Sequence[np.ndarray], arrays: Sequence[Any]) -> list[np.ndarray] | None:
    """How far the reference goes when what it reads moves by a rounding: nobody can be closer."""
    rng, spread, first = np.random.default_rng(0), None, None
    for _ in range(4):
        moved = [_moved(a, rng) for a in arrays]
        for v, value in zip(held, start, strict=True):
            v.set(_moved(value, rng))
        name, results = _reference(graph, held, moved)
        if name:
            break
        floats = [np.asarray(r, "float64") for r in results]
        first = first or floats
        with np.errstate(all="ignore"):
            apart = [_apart(f, g) for f, g in zip(floats, first, strict=True)]
        spread = apart if spread is None else [np.maximum(a, b) for a, b in zip(spread, apart, strict=True)]
    for v, value in zip(held, start, strict=True):
        v.set(value)
    return spread


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0, np.where(np.isfinite(a - b), np.abs(a - b), np.inf))


def _moved(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if a.dtype.kind != "f":
        return a
    with np.errstate(all="ignore"):
        return (a * (1 + rng.choice([-1, 0, 1], a.shape) * 4 * np.finfo(a.dtype).eps)).astype(a.dtype)


def _coarsest(graph: Graph, held: Sequence[Variable]) -> list[str]:
    """By result: the shortest float that it is computed of, which bounds how exact it can be."""
    coarse: dict[Any, str] = {}
    for n in graph.nodes:
        kinds = [t.dtype for t in n.types if dtypes.is_float(t.dtype)] + [coarse[i] for i in n.inputs if coarse[i]]
        coarse[n] = min(kinds, key=lambda d: np.dtype(d).itemsize, default="")
    news = {n.attrs["variable"]: new for n, new in graph.updates}
    return [coarse[n] for n in graph.outputs] + [coarse[news[v]] if v in news else "" for v in held]


def _problem(found: Result, wanted: Result, kinds: Sequence[str], spread: Any) -> str:
    if found[0] != wanted[0]:
        return f"expected {wanted[0] or 'no error'}, received {found[0] or 'none'}"
    if len(found[1]) != len(wanted[1]):
        return "another number of results"
    for k, (f, w) in enumerate(zip(found[1], wanted[1], strict=True)):
        f, w = np.asarray(f), np.asarray(w)
        if (f.shape, f.dtype) != (w.shape, w.dtype):
            return f"result {k} is {f.dtype}{f.shape}, expected {w.dtype}{w.shape}"
        wrong = _wrong(f, w, kinds[k])
        if wrong.any():
            apart = spread()
            if apart is not None:
                wrong &= ~(_apart(np.asarray(f, "float64"), np.asarray(w, "float64")) <= 64 * apart[k])
        if wrong.any():
            place = tuple(int(p) for p in np.argwhere(wrong)[0])
            return f"result {k} at {place}: {f[place]!r}, expected {w[place]!r} ({int(wrong.sum())} of {w.size} differ)"
    return ""


def _wrong(f: np.ndarray, w: np.ndarray, kind: str) -> np.ndarray:
    if w.dtype.kind not in "fc":
        return np.asarray(f != w)
    rtol, atol = TOLERANCES["graph"][kind or str(w.dtype)]
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
