"""What notebooks show of objects is their text, which cannot leave its element whatever things are called."""

import html.parser
import sys
import types

import pytest

from symkeras import Input, Sequential, layers, ops
from symkeras.callbacks import History
from symkeras.errors import ConfigError
from symkeras.graph.escaping import markup
from symkeras.graph.notebook import MOST_CHARACTERS, as_html
from tests.hostile_names import HOSTILE

TAGS = {"details", "summary", "pre"}


class Reader(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS and attrs in ([], [("open", None)]), (tag, attrs)
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert tag in TAGS

    def handle_data(self, data):
        self.text.append(data)


def read(thing):
    reader = Reader(thing._repr_html_())
    assert reader.tags[:2] == ["details", "summary"]
    return "".join(reader.text)


@pytest.mark.parametrize("name", HOSTILE)
def test_markup_has_no_way_out_and_loses_nothing_printable(name):
    text = markup(name)
    assert not any(c in text for c in "<>\"'") and all(c.isprintable() or c == "\n" for c in text)
    text.encode("utf-8")
    if name.isprintable():
        assert html.unescape(text) == name


def test_tensors_graphs_models_executables_and_inspectors_show_themselves():
    name = "</pre><script>alert(1)</script>"
    stack = [Input((3,), name="x"), layers.Activation("relu", name=name.replace("/", "|"))]
    model = Sequential(stack, name=name)
    c = model.executable("predict")
    for thing in (model.outputs[0], c.graph, model, c, c.inspect):
        assert "<script>" in read(thing)
    assert "passes that changed something" in read(c) or "kernels" in read(c)
    assert "relu" in read(ops.relu(ops.placeholder("f32[2]", name="a<b>")))


def test_a_model_that_was_never_built_shows_itself():
    assert "unbuilt" in read(Sequential([layers.Dense(2)]))


def history(logs):
    h = History()
    for k, one in enumerate(logs):
        h.on_epoch_end(k, one)
    return h


def test_a_history_shows_a_row_per_epoch():
    h = history([{"loss": 0.5, "<b>": 1}, {"loss": float("nan"), "<b>": 2}])
    assert h.table().splitlines() == ["epoch  loss  <b>", "    0   0.5    1", "    1   nan    2"]
    assert "2 epochs" in read(h) and "<b>" not in h._repr_html_()
    assert "0 epochs" in read(History())


def test_a_long_text_is_cut():
    text = as_html("t", "x" * (MOST_CHARACTERS + 5))
    assert len(text) < MOST_CHARACTERS + 200 and "and 5 more characters" in text


def test_plot_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match="pip install matplotlib"):
        history([{"loss": 1.0}]).plot()


class FakeFigure:
    def __init__(self, **_):
        self.lines, self.titles, self.saved = [], [], None

    def subplots(self, rows, columns, squeeze):
        assert rows == 1 and not squeeze
        return [[self] * columns]

    def plot(self, x, y, label, marker):
        self.lines.append((list(x), list(y), label))

    def set_title(self, title, parse_math):
        self.titles.append(title)

    def set_xlabel(self, _):
        pass

    def legend(self):
        pass

    def savefig(self, path):
        if "none" in str(path):
            raise FileNotFoundError("no such folder")
        self.saved = path


def test_plot_draws_training_and_validation_together(monkeypatch):
    module = types.ModuleType("matplotlib.figure")
    module.Figure = FakeFigure
    monkeypatch.setitem(sys.modules, "matplotlib", types.ModuleType("matplotlib"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", module)
    h = history([{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5, "val_loss": 1.5}])
    figure = h.plot("curves.png")
    assert figure.titles == ["loss"] and figure.saved == "curves.png"
    assert figure.lines == [([0, 1], [1.0, 0.5], "training"), ([0, 1], [2.0, 1.5], "validation")]
    with pytest.raises(ConfigError, match="cannot be written"):
        h.plot("none/curves.png")
    with pytest.raises(ConfigError, match="no epochs"):
        History().plot()
