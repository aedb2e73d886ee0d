"""Drawings need nothing installed, never lay a box over another, and cannot be broken out of by names."""

import itertools
import math
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from symkeras import Input, Model, Sequential, layers
from symkeras.errors import ConfigError
from symkeras.graph.drawing import Box, Drawing
from symkeras.utils import plot_model
from tests.hostile_names import HOSTILE

SVG = "{http://www.w3.org/2000/svg}"


def residual():
    x = Input((8, 8, 3), name="image")
    h = start = layers.Conv2D(4, 3, padding="same", name="first")(x)
    for k in range(2):
        h = layers.Activation("relu", name=f"relu_{k}")(layers.BatchNormalization(name=f"norm_{k}")(h))
    h = layers.Add(name="joined")([h, start])
    z = Input((8, 8, 4))
    h = Model(z, layers.Conv2D(2, 1, name="deep")(layers.Activation("tanh", name="bent")(z)), name="inner")(h)
    h = layers.Flatten(name="flat")(h + 1)
    return Model(x, [layers.Dense(2, name="a")(h), layers.Dense(3, activation="softmax", name="b")(h)], name="big")


def texts(drawing):
    return [t.text for t in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")]


def overlaps(drawing):
    frames = [(x - b.width / 2, y - b.height / 2, x + b.width / 2, y + b.height / 2) for b, (x, y) in zip(drawing.boxes, drawing.places, strict=True)]
    return [(p, q) for p, q in itertools.combinations(frames, 2) if p[0] < q[2] and q[0] < p[2] and p[1] < q[3] and q[1] < p[3]]


@pytest.mark.parametrize("rankdir", ["TB", "BT", "LR", "RL"])
def test_boxes_follow_what_they_read_and_lie_apart(rankdir):
    d = plot_model(residual(), to_file=None, show_shapes=True, rankdir=rankdir)
    axis, sign = (1 if rankdir in ("TB", "BT") else 0), (1 if rankdir in ("TB", "LR") else -1)
    assert not overlaps(d)
    assert all(sign * (d.places[b][axis] - d.places[a][axis]) > 0 for a, b in d.edges)


def test_a_long_arrow_goes_beside_the_boxes():
    d = plot_model(residual(), to_file=None)
    skip = next(e for e in d.edges if len(d._layout.route(e)) > 2)
    inner = d._layout.route(skip)[1:-1]
    for x, y in inner:
        assert not any(abs(x - cx) < b.width / 2 and abs(y - cy) < b.height / 2 for b, (cx, cy) in zip(d.boxes, d.places, strict=True))


def test_boxes_say_what_was_asked_for():
    shown = texts(plot_model(residual(), None, show_shapes=True, show_dtype=True, show_layer_names=True, show_layer_activations=True))
    assert {"first (Conv2D)", "output: (None, 8, 8, 4)", "dtype: float32", "activation: softmax"} <= set(shown)
    plain = texts(plot_model(residual(), None))
    assert "Conv2D" in plain and not any("first" in t or ":" in t for t in plain)
    model = residual()
    model.get_layer("a").trainable = False
    assert texts(plot_model(model, None, show_trainable=True)).count("not trainable") == 1


def test_models_inside_are_a_box_or_their_layers():
    folded = plot_model(residual(), None, show_layer_names=True)
    opened = plot_model(residual(), None, show_layer_names=True, expand_nested=True)
    assert "inner (Functional)" in texts(folded)
    names = texts(opened)
    assert {"inner/bent (Activation)", "inner/deep (Conv2D)"} <= set(names) and not any("Functional" in t for t in names)
    at = {t: k for k, t in enumerate(names)}
    edges = {(names[a], names[b]) for a, b in opened.edges}
    assert ("joined (Add)", "inner/bent (Activation)") in edges and ("inner/deep (Conv2D)", "flat (Flatten)") in edges and at


def test_a_compiled_step_has_its_backward_pass_beside_the_forward_one(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(8, activation="relu", name="hidden"), layers.Dense(2, name="scores")], name="small")
    model.compile("sgd", "mse", backend="numpy")
    d = model.executable("train").inspect.plot(tmp_path / "out.svg")
    at = {b.lines[0]: p for b, p in zip(d.boxes, d.places, strict=True)}
    for layer in ("hidden", "scores"):
        (x, y), (gx, gy) = at[layer], at[f"grad {layer}"]
        assert gy == y and gx > x
    assert not overlaps(d) and "loss/mse" in at and any(k.startswith("optimizer/sgd") for k in at)
    assert (tmp_path / "out.svg").read_text() == d.svg
    f = plot_model(model, tmp_path / "model.html")
    assert f.svg in (tmp_path / "model.html").read_text()


@pytest.mark.parametrize("name", HOSTILE[::2])
def test_names_of_strangers_are_text_and_nothing_else(name):
    d = Drawing([Box([name, name], hint=name), Box(["b"])], [(0, 1)], title=name)
    tree = ElementTree.fromstring(d.svg)
    assert {e.tag.removeprefix(SVG) for e in tree.iter()} <= {"svg", "title", "defs", "marker", "path", "rect", "g", "text"}
    assert not any(k.startswith("on") or "href" in k for e in tree.iter() for k in e.attrib)


def test_what_cannot_be_drawn_or_written_is_said(tmp_path, monkeypatch):
    model = residual()
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "PIL", None)
        with pytest.raises(ConfigError, match=r"ends in \.svg"):
            plot_model(model, tmp_path / "model.png")
    with pytest.raises(ConfigError, match=r"\.svg, \.html or \.png"):
        plot_model(model, tmp_path / "model.pdf")
    with pytest.raises(ConfigError, match="cannot be written"):
        plot_model(model, tmp_path / "none" / "model.svg")
    with pytest.raises(ConfigError, match="rankdir"):
        plot_model(model, None, rankdir="up")
    with pytest.raises(ConfigError, match="build it"):
        plot_model(Sequential([layers.Dense(2)]), None)


def test_many_boxes_are_laid_out_quickly_and_apart():
    boxes = [Box([f"box {k}"]) for k in range(400)]
    edges = [(k, k + 1) for k in range(399)] + [(k, k + 7) for k in range(0, 390, 3)]
    assert not overlaps(Drawing(boxes, edges))


def test_a_drawing_of_nothing_is_a_drawing():
    assert Drawing([], []).svg.startswith("<svg")


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_a_png_has_the_boxes_where_the_drawing_has_them(tmp_path, rankdir):
    image = pytest.importorskip("PIL.Image")
    drawing = plot_model(residual(), tmp_path / "model.png", show_shapes=True, rankdir=rankdir, dpi=192)
    picture = image.open(tmp_path / "model.png").convert("RGB")
    assert picture.size == tuple(2 * math.ceil(s) if s == int(s) else math.ceil(2 * s) for s in drawing.size)
    for box, (x, y) in zip(drawing.boxes, drawing.places, strict=True):
        inside = picture.getpixel((round(2 * (x - box.width / 2 + 5)), round(2 * y)))
        assert inside in ((0xEE, 0xF4, 0xFF), (0xF3, 0xF3, 0xEE))
    assert {(0x66, 0x66, 0x77)} & {colour for _, colour in picture.getcolors(picture.width * picture.height)}, "arrows"
