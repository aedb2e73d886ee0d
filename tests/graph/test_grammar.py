"""The parser of graph text against text that a stranger wrote: only our errors, bounded work, and nothing is evaluated."""

from __future__ import annotations

import random
import tracemalloc
from typing import Any

import numpy as np
import pytest

from symkeras import ops
from symkeras.errors import GraphError
from symkeras.graph import Graph, dims
from symkeras.graph.grammar import MOST_VALUES, Reader, unquoted
from symkeras.graph.text import print_graph
from symkeras.graph.types import parse_size, parse_type
from symkeras.graph.variable import Variable
from symkeras.layers.graph_layer import GraphLayer
from tests.graph.test_text import recurrent
from tests.hostile_names import HOSTILE, WORDS


def value(text: str) -> Any:
    reader = Reader(text)
    found = reader.value()
    reader.end()
    return found


@pytest.mark.parametrize("text", [*HOSTILE, *WORDS], ids=ascii)
def test_a_string_in_quotes_is_read_back(text: str) -> None:
    assert unquoted(repr(text)) == text == value(repr(text)) == value(ascii(text))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_any_name_prints_as_text_that_parses_back_to_itself(text: str) -> None:
    x, v = ops.placeholder("f32[2]", name=text), Variable(np.ones(2, "float32"), name=text or "v")
    graph = Graph([x.node], [(x + v).node], [(v.node, (x * v).node)], name=text)
    shown = graph.to_text()
    assert shown.isprintable() or {c for c in shown if not c.isprintable()} == {"\n"}
    back = Graph.parse(shown)
    assert back.variables[0].attrs["name"] == (text or "v")
    assert print_graph(back, in_full=True, comments=False) == print_graph(graph, in_full=True, comments=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-1", -1), ("1e-05", 1e-05), ("-inf", -np.inf), ("(1, 2.5, 'a', True, None)", (1, 2.5, "a", True, None)), ("(3,)", (3,)), ("()", ()),
        ("((1, 2), (3, 4))", ((1, 2), (3, 4))), ("[[1.0], [-0.5]]", [[1.0], [-0.5]]), ("base64('AQI=')", b"\1\2"), ("(2)", 2),
        ("2*batch + 1", dims.symbol("batch") * 2 + 1), ("((batch + 1)//(2))", (dims.symbol("batch") + 1) // 2), ("7//2", 3),
        ("größe", dims.symbol("größe")),
    ],
)  # fmt: skip
def test_values_are_read(text: str, expected: object) -> None:
    assert value(text) == expected


def line(attributes: str, op: str = "reshape", type: str = "f32[6]", inputs: str = "%x: f32[2, 3]") -> str:
    return f"graph main({inputs}) {{\n  %0 = {op}(%x, {attributes}): {type}\n  return %0\n}}"


BOMBS = {
    "repeated string": line("shape='a'*3000000000"), "repeated tuple": line("shape=(1,)*3000000000"),
    "power": line("shape=(9**9**9,)"),
    
    "many digits": line(f"shape=({'9' * 100000},)"), "products": line(f"shape=({'*'.join(['9' * 30] * 1000)},)"),
    "shift": line("shape=(1<<99999999,)"),
    "deep": line(f"shape={'(' * 100000}"),
    "deep lists": line(f"shape={'[' * 100000}"), "minus": line(f"shape={'-' * 100000}1"),
    "terms": line(f"shape=({'*'.join(['(' + '+'.join(f'd{k}' for k in range(60)) + ')'] * 20)},)"),
    "divisions": line(f"shape=({'//'.join(['batch'] * 3000)},)"), "values": line(f"shape=({'1,' * (MOST_VALUES + 1)})"),
    "squared": line(f"shape=({'*'.join(['a'] * 5000)},)"),
    "call": line("shape=__import__('os').system('true')"), "comprehension": line("shape=[x for x in range(9)]"),
    "lambda": line("shape=(lambda: 1)()"),
    "large": line("shape=(9000000000000000000, 9000000000000000000)", "broadcast_to", "f32[9000000000000000000, 9000000000000000000]", "%x: f32[]"),
    "large constant": "graph main() {\n  %0 = constant(value=1.0): f32[1000000000000]\n  return %0\n}",
    "constant of bytes": "graph main() {\n  %0 = constant(value=base64('AAAA')): f32[1000000000000]\n  return %0\n}",
    "large variable": "graph main() {\n  %0 = variable(name='a'): f32[100000000000]\n  return %0\n}",
    "doubling": "".join(
        f"graph g@{k}(%x: f32[]) {{\n  %0 = cond(%x, then=g@{k + 1}, otherwise=g@{k + 1}): (f32[])\n  return %x\n}}\n" for k in range(60)
    ) + "graph g@60(%x: f32[]) {\n  return %x\n}",
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_memory_is_taken(kind: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(GraphError, match="line "):
            Graph.parse(BOMBS[kind])
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_variables_have_a_bound_together() -> None:
    lines = "".join(f"  %{k} = variable(name='a'): f32[500000000]\n" for k in range(9))
    with pytest.raises(GraphError, match=r"line 3.*more than 2147483648 bytes"):
        Graph.parse(f"graph main() {{\n{lines}  return\n}}")


def test_graphs_within_that_double_are_refused() -> None:
    def doubled(levels: int) -> str:
        branch = """graph {}(%p: bool[], %x: f32[]) {{
          %0 = cond(%p, %p, %x, then=g@{}, otherwise=g@{}): (f32[])
          %1 = item(%0, index=0): f32[]
          return %1
        }}
        """
        last = f"graph g@{levels}(%p: bool[], %x: f32[]) {{\n return %x\n }}"
        return branch.format("main", 1, 1) + "".join(branch.format(f"g@{k}", k + 1, k + 1) for k in range(1, levels)) + last

    assert Graph.parse(doubled(5)).count() > 60
    with pytest.raises(GraphError, match="have more than"):
        Graph.parse(doubled(40))


NO_TYPES = ["f32[lambda", "f32[2 3]", "f32[,]", "f33[2]", "f32[2.5]", "f32[None]", "f32['a']", "f32[2]x", "", "[2]", "f32[(1, 2)]", "f32[2//0]"]


@pytest.mark.parametrize("text", NO_TYPES)
def test_what_is_no_type_is_told(text: str) -> None:
    with pytest.raises(GraphError, match="not a tensor type"):
        parse_type(text)


def test_words_of_python_may_be_dims() -> None:
    assert parse_size("lambda + 1") == dims.symbol("lambda") + 1
    with pytest.raises(GraphError, match="none of True, False, None, nan, inf"):
        dims.symbol("nan")


def test_a_layer_takes_no_variables_and_makes_none() -> None:
    with pytest.raises(GraphError, match="no variables"):
        GraphLayer("graph main() {\n  %0 = variable(name='a'): f32[200000000]\n  return %0\n}")


def mutated(text: str, rng: random.Random) -> str:
    """`text` with some pieces removed, doubled, exchanged or replaced."""
    pieces = [*"()[],=:'\"\\#}*0 \n\0é", "%0", "%x", "-1", "99999999999", "batch", "True", "None", "1e999", "nan", "@1", "//"]
    for _ in range(rng.randint(1, 4)):
        k, n = rng.randrange(len(text) + 1), rng.choice([1, 1, 2, 5, 30])
        choice = rng.randrange(4)
        middle = rng.choice(pieces) if choice < 2 else text[k : k + n] * 2 if choice == 2 else ""
        text = text[:k] + middle + text[k + (n if choice != 0 else 0) :]
    return text


def test_mutated_text_gives_a_graph_or_our_error() -> None:
    inputs, outputs = recurrent()
    x, s = ops.placeholder("f32[batch, 5]", name="x"), ops.placeholder("i32[3]", name="i")
    n = ops.shape(x)[0]
    many = [
        ops.pad(x, ((0, 0), (1, 2))), ops.reshape(x, (n * 5,)), x[1:, ::2], ops.softmax(x, axis=0), ops.elu(x, alpha=0.5), ops.cast(x, "float64"),
        ops.top_k(x, 2)[1], ops.average_pool(ops.reshape(x, (n, 5, 1)), 2), ops.take(x, s, 1),
        ops.scatter(ops.reshape(s, (3, 1)), ops.exp(x[:3, 0]), (7,)),
        ops.take_along_axis(x[:3], ops.reshape(s, (3, 1)), 1), ops.conv(ops.reshape(x, (n, 5, 1)), np.ones((3, 1, 2), "float32")), ops.cumsum(x, 1),
    ]  # fmt: skip
    texts = [Graph([t.node for t in inputs], [t.node for t in outputs]).to_text(), Graph([x.node, s.node], [t.node for t in many]).to_text()]
    rng, refused = random.Random(5), 0
    for _ in range(400):
        text = mutated(rng.choice(texts), rng)
        try:
            back = Graph.parse(text)
        except GraphError:
            refused += 1
            continue
        shown = print_graph(back, in_full=True, comments=False)
        assert print_graph(Graph.parse(shown), in_full=True, comments=False) == shown
    assert 80 < refused < 400
