"""What `summary` prints: layers, shapes, parameters, connections, sizes."""

import io
import sys

import pytest

from symkeras import Input, Model, Sequential, layers
from symkeras.errors import ConfigError
from symkeras.models.summary import count_params, readable_size, summary_text
from tests.hostile_names import HOSTILE

STACK = """\
Model: "stack"
┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━┳━━━━━━━━━┓
┃ Layer (type)   ┃ Output Shape ┃ Param # ┃
┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━╇━━━━━━━━━┩
│ a (Dense)      │ (None, 5)    │      20 │
├────────────────┼──────────────┼─────────┤
│ drop (Dropout) │ (None, 5)    │       0 │
├────────────────┼──────────────┼─────────┤
│ b (Dense)      │ (None, 1000) │   6,000 │
└────────────────┴──────────────┴─────────┘
 Total params: 6,020 (23.52 KB)
 Trainable params: 6,020 (23.52 KB)
 Non-trainable params: 0 (0.00 B)"""


def stack(*first):
    return Sequential([*first, layers.Dense(5, name="a"), layers.Dropout(0.1, name="drop"), layers.Dense(1000, name="b")], name="stack")


def branches():
    a, b = Input((3,), name="a"), Input((4, 3), name="b")
    shared = layers.Dense(2, name="shared")
    inner = Sequential([layers.Dense(5, name="in_1"), layers.Dense(2, name="in_2")], name="inner")
    both = layers.Add(name="both")([shared(a), inner(layers.GlobalMaxPooling1D(name="top")(b)) * 2])
    return Model([a, b], both, name="branches")


def cells(text, name):
    """The cells of the row of the layer called `name`."""
    row = next(line for line in text.splitlines() if line.startswith("│") and f" {name} (" in line)
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_a_stack_of_layers_prints_as_a_table(capsys):
    model = stack(layers.Input((3,)))
    model.summary()
    assert capsys.readouterr().out == STACK + "\n"
    said = []
    model.summary(print_fn=said.append)
    assert said == [STACK]


def test_layers_without_weights_yet_say_so():
    text = summary_text(stack())
    assert cells(text, "a") == ["a (Dense)", "?", "0 (unbuilt)"]
    assert cells(text, "drop") == ["drop (Dropout)", "?", "0"]


def test_connections_are_shown_where_layers_do_not_follow_one_another():
    text = summary_text(branches())
    assert cells(text, "a") == ["a (InputLayer)", "(None, 3)", "0", "-"]
    assert cells(text, "shared")[3] == "a[0][0]"
    assert cells(text, "inner") == ["inner (Sequential)", "(None, 2)", "32", "top[0][0]"]
    assert cells(text, "both")[3] == "shared[0][0], inner[0][0]"
    assert "Connected to" not in summary_text(stack(layers.Input((3,))))


def test_nested_layers_and_trainable_flags_are_shown_when_asked_for():
    model = branches()
    model.get_layer("shared").trainable = False
    text = summary_text(model, expand_nested=True, show_trainable=True)
    row = cells(text, "└ in_1")
    assert (row[0], row[1], row[2], row[4]) == ("└ in_1 (Dense)", "(None, 5)", "20", "Y")
    assert cells(text, "shared")[-1] == "N" and cells(text, "top")[-1] == "-"
    assert "Trainable params: 32 (128.00 B)" in text and "Non-trainable params: 8 (32.00 B)" in text


def test_a_range_of_layers_by_names_or_expressions():
    model = stack(layers.Input((3,)))
    assert " b (Dense)" not in summary_text(model, layer_range=["a", "drop"])
    assert " a (Dense)" not in summary_text(model, layer_range=["dr.*", "b"])
    with pytest.raises(ConfigError, match="fits no layer"):
        summary_text(model, layer_range=["a", "zzz"])
    with pytest.raises(ConfigError, match="two names"):
        summary_text(model, layer_range=["a"])


def test_lines_keep_to_the_length_and_positions_given():
    model = branches()
    for length in (60, 80, 120):
        assert {len(line) for line in summary_text(model, line_length=length).splitlines() if line[0] in "┏┃┡│├└"} == {length}
    wide = summary_text(stack(layers.Input((3,))), line_length=60, positions=[0.5, 0.8, 1.0])
    assert wide.splitlines()[1].index("┳") == 29
    with pytest.raises(ConfigError, match="too narrow"):
        summary_text(model, line_length=20)
    with pytest.raises(ConfigError, match="positions"):
        summary_text(model, positions=[0.5, 1.0])


def test_state_of_the_optimizer_counts_once_it_is_there():
    model = stack(layers.Input((3,)))
    model.compile("adam", "mse")
    assert "Optimizer" not in summary_text(model)
    model.optimizer.build(model.trainable_variables)
    text = summary_text(model)
    assert " Optimizer params: 12,042 (47.04 KB)" in text and " Total params: 18,062 (70.55 KB)" in text


def test_shapes_of_layers_with_several_outputs():
    x = Input((4, 3))
    y, h, c = layers.LSTM(2, return_state=True, name="lstm")(x)
    shape = cells(summary_text(Model(x, [y, h, c])), "lstm")[1]
    assert shape.count("(None, 2)") == 3 and shape[0] in "[("


def test_a_terminal_gets_the_same_text_in_colour(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("TERM", "dumb")
    stack(layers.Input((3,))).summary()
    assert terminal.getvalue().strip() == STACK


@pytest.mark.parametrize(("size", "text"), [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (5 * 2**30, "5.00 GB"), (2**60, "1024.00 PB")])
def test_sizes_are_readable(size, text):
    assert readable_size(size) == text


def test_a_shared_weight_counts_once():
    model = stack(layers.Input((3,)))
    assert count_params([*model.weights, *model.weights]) == 6020


def test_names_stay_on_their_line_and_say_nothing_to_the_terminal():
    for name in HOSTILE:
        if "/" not in name and name:
            text = summary_text(Sequential([Input((2,)), layers.Dense(2, name=name)], name=name))
            assert len(text.splitlines()) == text.count("\n") + 1 and {c for c in text if not c.isprintable()} == {"\n"}


@pytest.mark.usefixtures("_planned")
def test_costs_are_those_of_the_compiled_function_by_layer():
    inner = Sequential([layers.Dense(3, name="deep")], name="inner")
    model = Sequential([layers.Input((4,)), layers.Dense(5, name="wide"), inner], name="outer")
    text = summary_text(model, costs=10, expand_nested=True)
    assert "FLOPs" in text and "FLOPs" not in summary_text(model)
    cost = model.executable("predict").inspect.cost(batch=10)
    words = [line.replace("└", "").split() for line in text.splitlines() if "(Dense)" in line or "(Sequential)" in line]
    shown = {w[1]: w[-4] for w in words}
    flops = {row["layer"]: f"{row['flops']:,}" for row in cost.layers}
    assert shown == {"wide": flops["wide"], "inner": flops["inner/deep"], "deep": flops["inner/deep"]}
    model.compile("sgd", "mse")
    assert summary_text(model, costs=10) != summary_text(model, costs=20) != text
