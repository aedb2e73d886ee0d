"""The page's data and text, without a browser (see `test_page.py` for it in one)."""

from __future__ import annotations

import base64
import json
import re
import zlib
from itertools import combinations
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import layers, models, ops
from symkeras.errors import ConfigError, InspectionError
from symkeras.inspection.report import SCRIPTS, page_data
from tests.inspection.models import classifier, recurrent, training_step


def record_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/octet-stream" id="record">([A-Za-z0-9+/=]*)</script>', html)
    assert found is not None
    data: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(found[1])))
    return data


def test_every_operation_of_every_stage_has_a_box_and_a_place_within() -> None:
    model, _x, _y = recurrent()
    data = page_data(model.executable("train").inspect, {})
    seen = {k for g in data["graphs"] for k in g["values"]}
    for k in seen:
        if data["values"][k]["op"] in ("constant", "variable", "placeholder"):
            continue
        box = data["boxes"][data["box_of"][k]]
        assert box["within"]["values"][data["slot_of"][k]][0] == data["values"][k]["name"]


@pytest.mark.parametrize("make", [classifier, recurrent])
def test_no_forward_box_stands_over_another_one_and_readers_stand_below(make: Any) -> None:
    model, _x, _y = make()
    boxes = page_data(model.executable("train").inspect, {})["boxes"]
    flowing = [b for b in boxes if b["beside"] is None]
    assert len(flowing) > 3
    for a, b in combinations(flowing, 2):
        assert a["row"] != b["row"] or abs(a["x"] - b["x"]) >= (a["width"] + b["width"]) / 2
    rows = {b["layer"]: b["row"] for b in flowing}
    path = ["first", "second", "loss/sparse_categorical_crossentropy"] if make is classifier else ["memory/lstm_cell", "memory", "out"]
    assert [rows[p] for p in path] == sorted({rows[p] for p in path})


def test_a_gradient_stands_beside_what_it_is_the_gradient_of() -> None:
    executable, *_ = training_step()
    boxes = page_data(executable.inspect, {})["boxes"]
    gradients = [b for b in boxes if b["kind"] == "gradient"]
    assert {b["layer"] for b in gradients} >= {"first", "second"}
    for b in gradients:
        beside = boxes[b["beside"]]
        assert (beside["layer"], beside["row"]) == (b["layer"], b["row"])


def test_a_page_is_one_file_that_names_no_address_and_runs_no_script_but_its_own() -> None:
    executable, *_ = training_step()
    html = executable.inspect.report().html
    assert not re.search(r"https?://(?!www\.w3\.org/(2000/svg|1999/xhtml))", html)
    assert "default-src 'none'" in html
    assert html.count("<script") == 2
    assert record_of(html)["schema"] == 1


def test_text_from_outside_is_neither_markup_nor_script() -> None:
    name = "a\"'<script>alert(1)</script>&\u2028"
    model = models.Sequential([layers.Input((3,)), layers.Dense(2, name="dense")], name=name)
    html = model.executable("predict").inspect.report().html
    assert html.count("<script") == 2
    assert "alert(1)" not in re.sub(r"<title>.*?</title>", "", html)
    assert "<title>a&quot;&#x27;&lt;script&gt;" in html


def test_the_script_makes_elements_and_never_markup() -> None:
    executable, *_ = training_step()
    html = executable.inspect.report().html
    script = html[html.rindex("<script>") :]
    assert len(SCRIPTS) == 9
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch(", "XMLHttpRequest", "import("):
        assert word not in script


def test_two_pages_of_one_function_are_the_same_but_for_times() -> None:
    executable, *_ = training_step()
    one, other = (record_of(executable.inspect.report().html) for _ in range(2))
    assert {k: v for k, v in one.items() if k != "times"} == {k: v for k, v in other.items() if k != "times"}


def test_a_profile_is_on_the_page_once_it_was_taken() -> None:
    executable, x, y = training_step()
    assert record_of(executable.inspect.report().html)["profile"] is None
    executable.inspect.profile(x, y, repeat=1)
    found = record_of(executable.inspect.report().html)["profile"]
    assert len(found["kernels"]) == len(executable.inspect.kernels)


@pytest.mark.parametrize("executor", ["interpreter", "numpy"])
def test_functions_without_layers_or_kernels_have_a_page(executor: str) -> None:
    @symkeras.function(backend=executor)
    def double(x: Any) -> Any:
        return ops.exp(x) * 2

    double(np.ones((2, 3), "float32"))
    html = double.executable(np.ones((2, 3), "float32")).inspect.report().html
    data = record_of(html)
    assert [b["kind"] for b in data["boxes"]] == ["input", "layer"]
    assert (data["memory"] is None) == (executor == "interpreter")


def test_own_values_are_for_what_is_there(tmp_path: Any) -> None:
    executable, *_ = training_step()
    assert ["first", 3.0] in record_of(executable.inspect.report(values={"first": 3}).html)["own"]
    with pytest.raises(InspectionError, match=r"no layer or value 'frist'.*'first'"):
        executable.inspect.report(values={"frist": 3})
    with pytest.raises(InspectionError, match="finite number"):
        executable.inspect.report(values={"first": float("nan")})


def test_a_page_that_cannot_be_written_says_so(tmp_path: Any) -> None:
    executable, *_ = training_step()
    written = executable.inspect.report(tmp_path / "out.html")
    assert (tmp_path / "out.html").read_text(encoding="utf-8") == written.html
    with pytest.raises(ConfigError, match="cannot be written"):
        executable.inspect.report(tmp_path / "nowhere" / "out.html")


def test_a_notebook_shows_the_page_in_a_frame_of_its_own() -> None:
    executable, *_ = training_step()
    shown = executable.inspect.report()._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert "<script" not in shown


def resnet50() -> Any:
    """The layers of a residual network of 50 (He et al. 2015, table 1), for small images."""
    x = inputs = layers.Input((32, 32, 3))

    def convolved(x: Any, filters: int, size: int, strides: int = 1, activation: bool = True) -> Any:
        x = layers.BatchNormalization()(layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)(x))
        return layers.Activation("relu")(x) if activation else x

    x = layers.MaxPooling2D(3, 2, padding="same")(convolved(x, 64, 7, 2))
    for filters, count, strides in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for k in range(count):
            step = strides if k == 0 else 1
            y = convolved(convolved(convolved(x, filters, 1, step), filters, 3), 4 * filters, 1, activation=False)
            short = convolved(x, 4 * filters, 1, step, activation=False) if k == 0 else x
            x = layers.Activation("relu")(layers.Add()([y, short]))
    outputs = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = models.Model(inputs, outputs, name="resnet50")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_the_training_step_of_a_resnet50_fits_into_a_megabyte() -> None:
    html = resnet50().executable("train").inspect.report().html
    assert len(html.encode()) < 1_000_000
    boxes = record_of(html)["boxes"]
    assert len(boxes) > 300
    assert max(sum(b["beside"] is None and b["row"] == row for b in boxes) for row in {b["row"] for b in boxes}) <= 3
