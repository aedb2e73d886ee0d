"""A graph as one C file that needs nothing but a C compiler: the emitted text, the headers it rests on, the weights.

Memory is planned for a fixed number of rows, and the offsets are a table in the file: `predict` takes rows in batches of
that many, and what is left in a smaller one at the same offsets. A header of the same stem declares what a user calls.
"""

from __future__ import annotations

import functools
import hashlib
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from symkeras.backend.emitted.batchwise import Port, check_count, check_suffix, rows_of
from symkeras.backend.native import text
from symkeras.backend.native.building.executable import NativeExecutable
from symkeras.backend.native.building.toolchain import INCLUDE
from symkeras.backend.native.emission import ENTRY, ROWS, emit
from symkeras.backend.native.export_text import FILE, HEADER, LOADER, PRODUCTS, TEAM, THREADS_FIRST
from symkeras.backend.native.kernels import convolution
from symkeras.backend.native.kernels.table import NativeKernels, takes
from symkeras.backend.native.loops.expressions import check_dtypes
from symkeras.compiler.passes.freeze_variables import FreezeVariables
from symkeras.compiler.pipeline import Pipeline
from symkeras.compiler.program import naming
from symkeras.compiler.program.addressing import place
from symkeras.errors import ConfigError, nearest
from symkeras.graph import dims
from symkeras.graph.escaping import ascii_words, c_comment, shell_word
from symkeras.graph.graph import Graph
from symkeras.graph.node import Node
from symkeras.graph.types import TensorType

EMBEDDED_MOST = 1 << 20
"""Bytes of weights up to which they are written into the C file."""
WEIGHTS = ("auto", "embedded", "file")


def export_c(graph: Graph, path: Path, *, batch: int = 32, weights: str = "auto", threads: int = 1, title: str = "", results: Sequence[str] = (),
             level: str = "O2", denormals: str | None = None) -> list[Path]:  # fmt: skip
    """Write `graph` as a C file, its header, and where the weights are not in it a file of weights.

    Args:
        graph: without updates; the first axis of every input and output counts rows, all other sizes are known.
        path: the C file; what lies beside it has the same stem.
        batch: rows for which memory is planned.
        weights: "embedded" in the C file, in a "file" beside it, or "auto": embedded below a MiB.
        threads: the most threads that a build with `-pthread` uses.
        title: the name of the model.
        results: names of the outputs.
        level, denormals: as for `compile`.

    Returns:
        The files written.

    Raises:
        ConfigError: an option is not among those above, or out of range; `path` does not end in ".c".
        BackendError: the graph is none that rows can be taken from in batches.
    """
    check_count("batch", batch)
    check_count("threads", threads)
    check_suffix(path, ".c")
    if weights not in WEIGHTS:
        raise ConfigError(f"export: weights must be one of {', '.join(map(repr, WEIGHTS))}, received {weights!r}.{nearest(weights, WEIGHTS)}")
    options = {"level": level, "denormals": denormals}
    return _Export(graph, path, batch, weights, threads, title or graph.name, results, options).write()


class _Kernels(NativeKernels):
    """The kernels with working memory for a given number of threads, not for those of this machine."""

    def __init__(self, threads: int):
        self._threads = threads

    @property
    def members(self) -> int:
        return self._threads

    def keeps(self) -> bool:
        return False

    def scratch(self, node: Node) -> Sequence[TensorType]:
        if node.op.name in ("conv", "conv_input_grad", "conv_filter_grad"):
            return convolution.scratch_types(node, self._threads)
        return super().scratch(node)


class _Draft(NativeExecutable):
    """A program and its text, with weights that do not change; not built."""

    passes = "sink-slices, simplify"

    def __init__(self, graph: Graph, most_threads: int, **options: Any):
        self._most_threads = most_threads
        super().__init__(graph, takes, **options)

    def _compile(self) -> None:
        self._kernels = _Kernels(self._most_threads)
        self._pipeline = Pipeline((*self._pipeline.passes, FreezeVariables()))
        super()._compile()

    def _check_graph(self, graph: Graph) -> None:
        super()._check_graph(graph)
        check_dtypes(graph)

    def _emit(self) -> tuple[str, Sequence[Node]]:
        self.emission = emit(self.program, denormals=self.denormals)
        return self.emission.source, self.emission.variables


@dataclass(frozen=True)
class _Weight:
    """An array of the file: its name there, where it comes from, and how far into the file of weights it lies."""

    name: str
    array: np.ndarray
    origin: str
    offset: int


class _Export:
    """One export: what the templates of `export_text` are filled with."""

    def __init__(self, graph: Graph, path: Path, batch: int, weights: str, threads: int, title: str, results: Sequence[str], options: dict[str, Any]):
        self.graph, self.path, self.batch, self.threads, self.title = graph, path, batch, threads, title
        self.stem = _stem(path.stem)
        self.rows = rows_of(graph, results)
        draft = _Draft(graph, threads, **options)
        self.program, self.emission = draft.program, draft.emission
        self.plan = draft.plan({self.rows.symbol: batch})
        taken = {word.lower() for word in _words_of_the_file()}
        self.inputs = [replace(p, name=_unique(p.name, taken)) for p in self.rows.inputs]
        self.outputs = [replace(p, name=_unique(p.name, taken)) for p in self.rows.outputs]
        self.variables = list(self._weights(self.emission.variables, 0))
        self.constants = list(self._weights(self.emission.constants, self._end(self.variables)))
        size = sum(w.array.nbytes for w in self.all_weights)
        self.is_embedded = weights == "embedded" or not size or (weights == "auto" and size <= EMBEDDED_MOST)

    # ---- files -----------------------------------------------------------------------------------------------------

    def write(self) -> list[Path]:
        files: dict[Path, bytes] = {}
        source = self._filled(FILE)
        if not self.is_embedded:
            files[self.path.with_suffix(".bin")] = self._binary()
        files[self.path.with_suffix(".h")] = self._header().encode()
        files[self.path] = source.encode()
        for path, data in files.items():
            path.write_bytes(data)
        return list(reversed(files))

    def _filled(self, template: str) -> str:
        from symkeras import __version__

        includes, body = _without_includes(self.emission.source)
        entry = f"int {ENTRY}(sk_call *call)"  # at the beginning of a line it is nothing but that
        body = body.partition(f"\nint {ROWS}(")[0].replace(f"\n{entry};\n", "\n", 1)
        body = body.replace(f"\nSK_PLAIN {entry}", f"\nSK_PLAIN static int {self.stem}_run(sk_call *call)", 1)
        body = body[body.index("\n") + 1 :].strip()
        uses_products = "sk_blas" in pasted(includes)
        fields = {
            "title": c_comment(self.title), "version": __version__, "stem": self.stem, "STEM": self.stem.upper(), "file": c_comment(self.path.name),
            "first": THREADS_FIRST + "\n" if self.threads > 1 else "", "header": self._header(), "runtime": pasted(includes), "body": body,
            "weights": self._weights_text(), "ports": self._ports_comment(),
            "products": PRODUCTS.replace("$STEM", self.stem.upper()) if uses_products else f"#define {self.stem.upper()}_PRODUCTS NULL",
            "team": self._team(), "offsets": _table(self.plan.offsets), "parameters": self._parameters(), "arguments": self._arguments(),
            "copies": self._copies(), "targets": self._targets(), "sizes": "{rows}" if self.program.symbols else "{0}",
            "loaded": "" if self.is_embedded else f"    if ({self.stem}_bytes == NULL) return {self.stem.upper()}_NOT_LOADED;\n",
            "pointers": "" if self.is_embedded else self._pointers(), "build": self._build(),
        }  # fmt: skip
        return _fill(template, fields)

    def _header(self) -> str:
        stem = self.stem
        sizes = [f"#define {stem.upper()}_{p.name.upper()}_ROW {p.size}  /* elements of a row of {p.name} {p} */" for p in self._ports()]
        binary = c_comment(self.path.with_suffix(".bin").name)
        load = "" if self.is_embedded else _fill(
            "\n/* Reads the weights, $file, once before anything is predicted; $stem_unload gives their memory back. */\n"
            "int $stem_load(const char *path);\nvoid $stem_unload(void);\n", {"file": binary, "stem": stem},
        )  # fmt: skip
        weights = "the weights are in the C file" if self.is_embedded else f"the weights are in {binary}: call {stem}_load first"
        codes = [f"#define {stem.upper()}_{name} {code}" for name, code in self._codes()]
        fields = {
            "title": c_comment(self.title), "stem": stem, "STEM": stem.upper(), "batch": str(self.batch), "bytes": str(max(64, self.plan.planned)),
            "sizes": "\n".join(sizes), "codes": "\n".join(codes), "parameters": self._parameters(), "load": load, "where": weights,
            "threads": str(self.threads), "ports": self._ports_comment(), "file": c_comment(self.path.with_suffix(".h").name),
        }  # fmt: skip
        return _fill(HEADER, fields)

    def _codes(self) -> list[tuple[str, int]]:
        codes = [("OK", 0), ("NO_MEMORY", 1), ("BAD_INDEX", 2)]
        return codes if self.is_embedded else [*codes, ("NOT_LOADED", 3), ("BAD_FILE", 4)]

    def _build(self) -> str:
        flags = "-std=c99 -O3 -march=native -ffp-contract=off -fno-math-errno -fno-trapping-math -fwrapv"
        name, library = (c_comment(shell_word(word)) for word in (self.path.name, f"lib{self.path.stem}.so"))
        lines = [f" *     cc {flags} -c {name}", f" *     cc {flags} -shared -fPIC {name} -o {library} -lm"]
        lines.append(" * Nothing but -lm is needed: the other flags make it faster, and its numbers those of symkeras.")
        lines.append(" * With gcc on 64-bit x86 add -mno-red-zone: for some processors gcc 12 misplaces what lies there.")
        if self.threads > 1:
            lines.append(f" * With -pthread up to {self.threads} threads share the work.")
        return "\n".join(lines)

    # ---- inputs and outputs ----------------------------------------------------------------------------------------

    def _ports(self) -> list[Port]:
        return [*self.inputs, *self.outputs]

    def _ports_comment(self) -> str:
        kinds = [*(("in ", p) for p in self.inputs), *(("out", p) for p in self.outputs)]
        return "\n".join(f" *   {kind}  {p.name}: {text.TYPES[p.dtype]} {p}" for kind, p in kinds)

    def _parameters(self) -> str:
        given = [f"const {text.TYPES[p.dtype]} *{p.name}" for p in self.inputs]
        return ", ".join([*given, "int64_t batch", *(f"{text.TYPES[p.dtype]} *{p.name}" for p in self.outputs)])

    def _arguments(self) -> str:
        return ", ".join([*(p.name for p in self.inputs), "batch", *(p.name for p in self.outputs)])

    def _copies(self) -> str:
        places = {id(b): k for k, b in enumerate(self.program.buffers)}
        lines = []
        for p, v in zip(self.inputs, self.program.inputs, strict=True):
            here = place(v)
            start = dims.text(here.offset, lambda _: "rows", text.ATOMS)
            inside = f" + ({start}) * (int64_t)sizeof({text.TYPES[p.dtype]})" if start != "0" else ""
            target = f"(char *)arena + {self.stem}_offsets[{places[id(here.storage)]}]{inside}"
            lines.append(f"        memcpy({target}, {p.name} + row * {p.size}, (size_t)(rows * {p.size}) * sizeof({text.TYPES[p.dtype]}));")
        return "\n".join(lines)

    def _targets(self) -> str:
        return ", ".join(f"{p.name} + row * {p.size}" for p in self.outputs)

    def _team(self) -> str:
        return f"#define {self.stem.upper()}_TEAM 1" if self.threads == 1 else TEAM.replace("$STEM", self.stem.upper())

    # ---- weights ---------------------------------------------------------------------------------------------------

    @property
    def all_weights(self) -> list[_Weight]:
        return [*self.variables, *self.constants]

    def _weights(self, nodes: Iterable[Node], offset: int) -> Iterable[_Weight]:
        for k, n in enumerate(nodes):
            is_variable = n.op.name == "variable"
            array = np.ascontiguousarray(n.attrs["variable"].array if is_variable else n.attrs["value"].array)
            own = naming.named_after(n) if is_variable else "table"
            yield _Weight(f"{'w' if is_variable else 'c'}{k}_{own}", array, c_comment(naming.origin(n)), offset)
            offset += -(-array.nbytes // 64) * 64

    @staticmethod
    def _end(weights: Sequence[_Weight]) -> int:
        return weights[-1].offset + -(-weights[-1].array.nbytes // 64) * 64 if weights else 0

    def _binary(self) -> bytes:
        payload = self._payload()
        return struct.pack("<8sQ", b"symkeras", _mark(payload)) + payload

    def _payload(self) -> bytes:
        """All arrays, each at a multiple of 64 bytes, little-endian."""
        data = bytearray(self._end(self.all_weights))
        for w in self.all_weights:
            raw = w.array.astype(w.array.dtype.newbyteorder("<"), copy=False).tobytes()
            data[w.offset : w.offset + len(raw)] = raw
        return bytes(data)

    def _weights_text(self) -> str:
        if not self.is_embedded:
            payload = self._payload()
            fields = {"stem": self.stem, "STEM": self.stem.upper(), "mark": f"{_mark(payload):#x}", "size": str(len(payload)), "magic": _magic()}
            return _fill(LOADER, fields)
        parts = [_array_text(w) for w in self.all_weights]
        for kind, weights, const in (("variables", self.variables, ""), ("constants", self.constants, "const ")):
            items = ", ".join(f"({const}void *){w.name}" for w in weights) or "NULL"
            parts.append(f"static {const}void *const {self.stem}_{kind}[] = {{{items}}};")
        return "\n".join(parts)

    def _pointers(self) -> str:
        lines = []
        for kind, weights, const in (("variables", self.variables, ""), ("constants", self.constants, "const ")):
            items = ",\n        ".join(f"{self.stem}_bytes + {w.offset} /* {_labelled(w)} */" for w in weights) or "NULL"
            lines.append(f"    {const}void *const {self.stem}_{kind}[] = {{\n        {items},\n    }};")
        return "\n".join(lines) + "\n"


# ---- text --------------------------------------------------------------------------------------------------------------

_INCLUDE = re.compile(r'^#include "symkeras/([\w.]+)"\n', re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")
_CPP = """
and and_eq bitand bitor catch char16_t char32_t char8_t class compl concept const_cast consteval constinit co_await co_return co_yield decltype
delete dynamic_cast explicit export friend mutable namespace new noexcept not not_eq operator or or_eq private protected public reinterpret_cast
requires static_cast template this throw try typeid typename using virtual wchar_t xor xor_eq
"""
"""Further words of C++, which reads the header too."""


@functools.cache
def _words_of_the_file() -> frozenset[str]:
    """What no parameter is named: whatever a word means in the fixed parts of the file, in C or in C++."""
    templates = _WORD.findall("\n".join((FILE, HEADER, LOADER, PRODUCTS, TEAM, THREADS_FIRST)))
    return text.RESERVED | frozenset((*templates, *_CPP.split()))


def _stem(name: str) -> str:
    """What begins the names of an exported file: its own name, unless functions of the runtime begin so."""
    own = identifier(name)
    return f"model_{own}" if own in ("sk", "symkeras", "SK", "SYMKERAS", "_") else own


def identifier(name: str) -> str:
    """`name` as a C identifier.

    >>> identifier("my-model (1)"), identifier("3d")
    ('my_model_1', '_3d')
    """
    clean = ascii_words(name)
    return f"_{clean}" if clean[:1].isdigit() or not clean else clean


def pasted(headers: Sequence[str]) -> str:
    """The text of headers of the runtime and of those they include, each once, the lowest first."""
    done: dict[str, str] = {}

    def visit(name: str) -> None:
        if name in done:
            return
        below, body = _without_includes((INCLUDE / "symkeras" / name).read_text(encoding="utf-8"))
        for other in below:
            visit(other)
        done.setdefault(name, f"/* ---- symkeras/{name} ---- */\n{body.strip()}\n")

    for name in headers:
        visit(name)
    return "\n".join(done.values())


def _without_includes(source: str) -> tuple[list[str], str]:
    return _INCLUDE.findall(source), _INCLUDE.sub("", source)


def _fill(template: str, fields: dict[str, str]) -> str:
    return re.sub(r"\$([A-Za-z]+)", lambda m: fields[m[1]], template)


def _unique(base: str, taken: set[str]) -> str:
    """A C identifier that no other has, whatever its case: macros are made of them. Those of libraries are all capitals, or begin with `_`."""
    base = identifier(base)
    base = f"own{base}" if base[0] == "_" else base.lower() if base.isupper() and len(base) > 1 else base
    name = base
    k = 1
    while name.lower() in taken:
        k += 1
        name = f"{base}_{k}"
    taken.add(name.lower())
    return name


def _labelled(w: _Weight) -> str:
    return f"{w.name} {w.array.shape}"


def _table(numbers: Sequence[int]) -> str:
    return "{" + (", ".join(map(str, numbers)) or "0") + "}"


def _array_text(w: _Weight) -> str:
    """The definition of an array; one without elements has one that nobody reads."""
    dtype = str(w.array.dtype)
    items = [text.literal(x, dtype) for x in w.array.reshape(-1)] or ["0"]
    lines = [", ".join(items[k : k + 12]) for k in range(0, len(items), 12)]
    head = f"/* {w.array.shape}{f' of {w.origin}' if w.origin else ''} */\n" if w.array.size > 1 else ""
    body = ",\n    ".join(lines)
    return f"{head}static const {text.TYPES[dtype]} {w.name}[{len(items)}] __attribute__((aligned(64))) = {{\n    {body},\n}};"


def _mark(payload: bytes) -> int:
    """What tells these weights from others."""
    return int.from_bytes(hashlib.sha256(payload).digest()[:8], "little")


def _magic() -> str:
    return f"{int.from_bytes(b'symkeras', 'little'):#x}"
