"""`KerasFileEditor`: what it finds in files, and what it changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Sequential, layers
from symkeras.errors import ConfigError, DataError
from symkeras.saving import KerasFileEditor


def model(units: int = 3) -> Any:
    return Sequential([Input((2,)), layers.Dense(units), layers.Dropout(0.5), layers.Dense(1)])


def test_an_edited_file_loads_into_the_model_that_it_was_edited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, target = model(4), model(3)
    source.save(tmp_path / "a.keras")
    editor = KerasFileEditor(tmp_path / "a.keras")
    assert editor.compare(source) == {"status": "success", "error_count": 0, "match_count": 5}
    assert editor.compare(target)["error_count"] == 3
    assert "layers/dense/0: shape (2, 4) in the file, shape (2, 3) in the model" in capsys.readouterr().out
    old = editor.weights_dict["layers"]["dense"]
    editor.add_weights("dense", {"0": old["0"][:, :3], "1": old["1"][:3]})
    editor.add_weights("layers/dense_1", {"0": np.ones((3, 1), "float32")})
    assert editor.compare(target)["status"] == "success"
    editor.save(tmp_path / "b.weights.h5")
    target.load_weights(tmp_path / "b.weights.h5")
    assert np.array_equal(target.get_weights()[0], source.get_weights()[0][:, :3]) and target.get_weights()[2].tolist() == [[1.0]] * 3


def test_objects_are_renamed_added_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model().save_weights(tmp_path / "a.weights.h5")
    editor = KerasFileEditor(str(tmp_path / "a.weights.h5"))
    editor.rename_object("dense_1", "head")
    editor.delete_object("layers/dropout")
    editor.add_object("layers/extra", {"0": [1.0, 2.0]})
    editor.delete_weight("head", "1")
    editor.resave_weights(tmp_path / "b.weights.h5")
    KerasFileEditor(tmp_path / "b.weights.h5").summary()
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "layers/dense" and "layers/head" in shown and "layers/extra" in shown and not any("dropout" in line for line in shown)
    for wrong in (
        lambda: editor.rename_object("dense", "head"), lambda: editor.rename_object("dense", "a/b"), lambda: editor.rename_object("spam", "b"),
        lambda: editor.add_object("spam/b", {}), lambda: editor.add_object("layers/extra", {}), lambda: editor.add_object("layers/x", {"0": "a"}),
        lambda: editor.delete_weight("dense", "7"), lambda: editor.save(tmp_path / "c.h5"), lambda: editor.delete_object(""),
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            wrong()


def test_files_that_cannot_be_edited_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.keras"):
        KerasFileEditor(tmp_path / "a.h5")
    (tmp_path / "a.keras").write_bytes(b"nothing")
    for name in ("a.keras", "b.keras"):
        with pytest.raises(DataError):
            KerasFileEditor(tmp_path / name)


def test_an_object_that_one_side_lacks_is_one_difference(tmp_path, capsys):
    model = Sequential([Input((2,)), layers.Dense(3)])
    model.save(tmp_path / "m.keras")
    editor = KerasFileEditor(tmp_path / "m.keras")
    longer = Sequential([Input((2,)), layers.Dense(3), layers.Dense(4)])
    assert editor.compare(longer) == {"status": "error", "error_count": 1, "match_count": 2}
    assert "layers/dense_1 is in the model alone" in capsys.readouterr().out
    editor.add_object("layers/other", {"0": np.zeros((3, 3))})
    assert editor.compare(model)["error_count"] == 1
    editor.add_object("layers/dense_1", {"0": np.zeros((3, 5)), "1": np.zeros(4)})
    editor.delete_object("layers/other")
    assert editor.compare(longer)["error_count"] == 1
