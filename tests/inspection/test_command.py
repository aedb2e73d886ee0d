"""`symkeras inspect FILE` for people, programs, and files that are not there."""

import json

import pytest

from symkeras import Input, Sequential, layers
from symkeras.cli import main


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    stack = [Input((3,)), layers.Dense(2, name="<script>'\"")]
    model = Sequential(stack, name="small")
    model.save(folder / "plain.keras")
    model.compile("sgd", "mse")
    model.save(folder / "compiled.keras")
    return folder


def test_a_model_that_was_never_compiled_shows_predict_alone(saved, capsys):
    assert main(["inspect", str(saved / "plain.keras")]) == 0
    out = capsys.readouterr().out
    assert out.startswith("predict: small_predict on ") and "train" not in out


def test_a_compiled_model_shows_train_as_well_and_a_layer_by_name(saved, capsys):
    assert main(["inspect", str(saved / "compiled.keras"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert list(data["functions"]) == ["predict", "train"] and data["functions"]["train"]["kernels"]
    assert main(["inspect", str(saved / "compiled.keras"), "--find", "<script>'\""]) == 0
    out = capsys.readouterr().out
    assert out.startswith("predict: layer <script>'\"") and "matmul" in out


def test_what_cannot_be_is_said_in_a_line(saved, tmp_path, capsys):
    broken = tmp_path / "broken.keras"
    broken.write_text("no archive")
    file = str(saved / "plain.keras")
    for arguments, word in [
        (["no.keras"], "there is no file 'no.keras'"), ([str(broken)], "broken.keras"), ([file, "--find", "dense\n_9"], "there is no layer"),
        ([file, "--out", str(tmp_path / "none" / "x.json")], "cannot be written"),
    ]:  # fmt: skip
        assert main(["inspect", *arguments]) == 2
        out, err = capsys.readouterr()
        assert not out and word in err and err.count("\n") == 1


def test_the_text_goes_to_a_file(saved, tmp_path, capsys):
    assert main(["inspect", str(saved / "plain.keras"), "--out", str(tmp_path / "x.txt")]) == 0
    assert not capsys.readouterr().out and (tmp_path / "x.txt").read_text().startswith("predict: small_predict")


def test_a_page_of_one_function_is_written(saved, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["inspect", str(saved / "compiled.keras"), "--html", str(page)]) == 0
    assert capsys.readouterr().out == f"train: {page}\n" and "<title>small_train on " in page.read_text()
    assert main(["inspect", str(saved / "compiled.keras"), "--html", str(page), "--function", "predict"]) == 0
    assert "<title>small_predict on " in page.read_text()
    capsys.readouterr()
    for arguments, word in [
        (["--function", "train"], "saved without optimizer and loss"), (["--html", str(page), "--find", "x"], "--html takes neither"),
        (["--html", str(tmp_path / "none" / "x.html")], "cannot be written"),
    ]:  # fmt: skip
        assert main(["inspect", str(saved / "plain.keras"), *arguments]) == 2
        out, err = capsys.readouterr()
        assert not out and word in err and err.count("\n") == 1
