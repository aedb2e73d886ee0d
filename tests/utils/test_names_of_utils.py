"""Nested structures, symbolic tensors, settings, sounds, Graphviz, and configs of Keras 2 by their public names."""

from __future__ import annotations

import wave
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import Input, KerasTensor, Sequential, activations, config, layers, legacy, regularizers, tree, utils
from symkeras.errors import ConfigError, DataError

Pair = namedtuple("Pair", "a b")


# ---- tree ----------------------------------------------------------------------------------------------------------


def test_a_traversal_sees_parts_before_or_after_what_is_in_them() -> None:
    seen: list[Any] = []
    nest = [(1, 2), [3], {"a": 4}]
    assert tree.traverse(seen.append, nest) == nest
    assert seen == [nest, (1, 2), 1, 2, [3], 3, {"a": 4}, 4]
    seen.clear()
    tree.traverse(seen.append, nest, top_down=False)
    assert seen == [1, 2, (1, 2), 3, [3], 4, {"a": 4}, nest]
    assert tree.traverse(lambda x: tree.MAP_TO_NONE if x == 1 else None, Pair(1, [1, 2])) == Pair(None, [None, 2])
    assert tree.traverse(lambda x: "cut" if isinstance(x, tuple) else None, nest) == ["cut", [3], {"a": 4}]
    with pytest.raises(TypeError, match="must be a function"):
        tree.traverse(3, nest)  # type: ignore[arg-type]


def test_paths_lead_to_leaves() -> None:
    assert tree.flatten_with_path({"b": [1, None], "a": Pair(2, ())}) == [(("a", 0), 2), (("b", 0), 1), (("b", 1), None)]
    tree.assert_same_paths([1, (2,)], Pair(1, [2]))
    with pytest.raises(ValueError, match="only the second"):
        tree.assert_same_paths([1], [1, 2])


def test_shapes_and_lists_of_a_nest_are_mapped() -> None:
    assert tree.lists_to_tuples([1, [2, {"a": [3]}]]) == (1, (2, {"a": (3,)}))
    assert tree.map_shape_structure(sum, {"a": (1, 2), "b": [(3,), [4, 5]]}) == {"a": 3, "b": [3, 9]}
    assert tree.map_shape_structure(len, ()) == 0
    assert tree.map_shape_structure(len, {"a": "ab", "b": (1,)}) == {"a": 2, "b": 1}
    assert tree.map_structure_up_to({"x": 0, "y": 0}, lambda v: v, {"x": [1], "y": 2}) == {"x": [1], "y": 2}
    for wrong in ({"x": 1}, [1, 2], 3):
        with pytest.raises(ValueError, match="structures differ"):
            tree.map_structure_up_to({"x": 0, "y": 0}, lambda v: v, wrong)


# ---- utils ---------------------------------------------------------------------------------------------------------


def test_symbolic_tensors_are_told_and_traced_back_to_their_inputs() -> None:
    a, b, c = Input((2,), name="a"), KerasTensor((None, 2), name="b"), Input((2,), name="c")
    inner = Sequential([layers.Dense(2)])
    y = layers.Add()([inner(a), b]) * 2
    assert [t.name for t in utils.get_source_inputs(y)] == ["a", "b"] and utils.get_source_inputs(c)[0].node is c.node
    assert utils.is_keras_tensor(y) and not utils.is_keras_tensor(np.ones(2))
    with pytest.raises(ConfigError, match="symbolic tensor"):
        utils.get_source_inputs(np.ones(2))
    assert [utils.standardize_dtype(d) for d in (None, "int", np.float16)] == ["float32", "int32", "float16"]


def test_settings_are_attributes_until_they_are_frozen() -> None:
    given = utils.Config(a=1)
    given.b = given.get("c", 2)
    given.update(a=3)
    assert dict(given) == {"a": 3, "b": 2} and given.to_json() == '{"a": 3, "b": 2}' and given.pop("b") == 2 and len(given) == 1
    given.freeze()
    for change in (lambda: setattr(given, "a", 1), lambda: given.pop("a"), lambda: given.update(a=2), lambda: given.__delitem__("a")):
        with pytest.raises(ConfigError, match="frozen"):
            change()
    given.unfreeze()
    del given.a
    with pytest.raises(AttributeError, match="no entry 'a'"):
        given.a  # noqa: B018 - asking is the test


def test_settings_of_the_process_have_their_names() -> None:
    utils.disable_interactive_logging()
    assert not config.is_interactive_logging_enabled()
    utils.enable_interactive_logging()
    assert utils.is_interactive_logging_enabled()
    config.disable_traceback_filtering()
    assert not config.is_traceback_filtering_enabled()
    config.enable_traceback_filtering()
    config.disable_flash_attention()
    assert config.is_flash_attention_enabled() is False and config.is_nnx_enabled() is False
    config.enable_flash_attention()
    assert config.is_flash_attention_enabled() is None


def write(path: Path, samples: Any, channels: int = 1, rate: int = 8000, width: int = 2) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(samples, f"<i{width}").tobytes())


def test_sounds_are_filled_up_to_the_longest_or_to_a_length(tmp_path: Path) -> None:
    for k, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "1.wav", [16384, -32768, 8192][: k + 2])
    sounds, classes = utils.audio_dataset_from_directory(tmp_path, shuffle=False, verbose=False)[0]
    assert sounds[..., 0].tolist() == [[0.5, -1.0, 0.0], [0.5, -1.0, 0.25]] and classes.tolist() == [0, 1]
    cut, _ = utils.audio_dataset_from_directory(tmp_path, output_sequence_length=1, sampling_rate=8000, verbose=False)[0]
    assert cut.shape == (2, 1, 1)
    with pytest.raises(DataError, match="sampling_rate asks for 16000"):
        utils.audio_dataset_from_directory(tmp_path, sampling_rate=16000, verbose=False)[0]
    with pytest.raises(ConfigError, match="ragged"):
        utils.audio_dataset_from_directory(tmp_path, ragged=True)


def test_files_that_are_no_sounds_of_a_kind_are_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for content, message in ((b"RIFF", "no .wav file"), (b"", "no .wav file")):
        (tmp_path / "a" / "1.wav").write_bytes(content)
        with pytest.raises(DataError, match=message):
            utils.audio_dataset_from_directory(tmp_path, verbose=False)[0]
    write(tmp_path / "a" / "1.wav", [1, 2], width=4)
    with pytest.raises(DataError, match="32 bits"):
        utils.audio_dataset_from_directory(tmp_path, verbose=False)[0]
    write(tmp_path / "a" / "1.wav", [1, 2], channels=2)
    write(tmp_path / "a" / "2.wav", [1, 2])
    with pytest.raises(DataError, match="channels"):
        utils.audio_dataset_from_directory(tmp_path, verbose=False)[0]


def test_names_of_layers_cannot_leave_their_quotes_in_a_text_for_graphviz(tmp_path: Path) -> None:
    model = Sequential([Input((2,), name="x"), layers.Dense(1, name='a"]; b [label="')], name='m"')
    dot = utils.model_to_dot(model, show_shapes=True, rankdir="LR")
    assert r'digraph "m\"" {' in dot.to_string() and r"a\"]; b [label=\"" in str(dot) and "0 -> 1;" in str(dot)
    assert dot.write(tmp_path / "m.dot") and (tmp_path / "m.dot").read_text() == str(dot)
    assert str(utils.model_to_dot(model, subgraph=True)).startswith('subgraph "cluster_m')
    with pytest.raises(ConfigError, match="draws without Graphviz"):
        dot.write(tmp_path / "m.png", format="png")


def test_configs_of_keras_2_have_neither_modules_nor_registered_names() -> None:
    for place in (legacy.saving, utils.legacy):
        written = place.serialize_keras_object(regularizers.L2(0.5))
        assert written == {"class_name": "L2", "config": {"l2": 0.5}}
        assert place.deserialize_keras_object(written).l2 == 0.5
        assert place.serialize_keras_object(activations.relu) == "relu" and place.serialize_keras_object(None) is None
        assert place.deserialize_keras_object("relu", {"relu": activations.relu}) is activations.relu
        own = place.deserialize_keras_object({"class_name": "Mine", "config": {"l2": 3}}, custom_objects={"Mine": regularizers.L2})
        assert own.l2 == 3
        with pytest.raises(ConfigError, match="unknown thing 'nothing'"):
            place.deserialize_keras_object("nothing", {"relu": abs}, printable_module_name="thing")
    assert symkeras.legacy is legacy


def test_a_data_set_ends_after_its_batches() -> None:
    class Rows(utils.PyDataset):
        count: Any = 3

        @property
        def num_batches(self) -> Any:
            return self.count

        def __getitem__(self, k: int) -> Any:
            return np.full(2, k)

    assert [batch[0] for batch in Rows()] == [0, 1, 2]
    endless = Rows()
    endless.count = None
    assert [batch[0] for batch, _ in zip(endless, range(5), strict=False)] == [0, 1, 2, 3, 4]


def test_a_data_set_whose_samples_have_numbers_is_split() -> None:
    class Squares:
        def __len__(self) -> int:
            return 10

        def __getitem__(self, k: int) -> Any:
            return np.float32(k), {"square": np.float32(k * k)}

    left, right = utils.split_dataset(Squares(), left_size=0.7)
    assert (len(left), len(right)) == (7, 3) and right[0][1]["square"] == 49
