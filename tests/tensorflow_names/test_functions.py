"""TensorFlow's names give what TensorFlow gives: held against NumPy, and against TensorFlow itself where it is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symkeras
from symkeras import keras_alias
from symkeras.errors import ConfigError, DataError, ShapeError
from symkeras.tensorflow_names.functions import FUNCTIONS
from symkeras.tensorflow_names.values import table

A = np.arange(6, dtype="float32").reshape(2, 3) - 2.5
B = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 2.0]], "float32")
IMAGE = np.arange(32, dtype="float32").reshape(1, 4, 4, 2)
CALLS = {
    "tf.abs(a)": "np.abs(a)",
    "tf.math.log1p(tf.abs(b))": "np.log1p(np.abs(b))",
    "tf.pow(a, 2.0)": "a**2",
    "tf.math.maximum(a, b)": "np.maximum(a, b)",
    "tf.reduce_sum(input_tensor=a, axis=1, keepdims=True)": "a.sum(1, keepdims=True)",
    "tf.reduce_mean(a)": "a.mean()",
    "tf.math.reduce_std(a, axis=[0, 1])": "a.std()",
    "tf.reduce_any(a > 0, axis=0)": "(a > 0).any(0)",
    "tf.matmul(a, b, transpose_b=True)": "a @ b.T",
    "tf.linalg.matmul(a, b, transpose_a=True)": "a.T @ b",
    "tf.transpose(a, perm=[1, 0])": "a.T",
    "tf.reshape(tensor=a, shape=[-1])": "a.ravel()",
    "tf.concat([a, b], axis=-1)": "np.concatenate([a, b], 1)",
    "tf.stack([a, b], axis=1)": "np.stack([a, b], 1)",
    "tf.unstack(a, axis=1)[2]": "a[:, 2]",
    "tf.split(a, 3, axis=1)[1]": "a[:, 1:2]",
    "tf.split(a, [1, -1], axis=1)[1]": "a[:, 1:]",
    "tf.gather(a, [1, 0])": "a[[1, 0]]",
    "tf.gather(a, [2, 0], axis=1)": "a[:, [2, 0]]",
    "tf.gather(a, [[0], [2]], batch_dims=1)": "np.array([[a[0, 0]], [a[1, 2]]])",
    "tf.expand_dims(a, 0)": "a[None]",
    "tf.squeeze(a[None])": "a",
    "tf.tile(a, [1, 2])": "np.tile(a, (1, 2))",
    "tf.pad(a, [[0, 1], [2, 0]], constant_values=7)": "np.pad(a, ((0, 1), (2, 0)), constant_values=7)",
    "tf.pad(a, [[1, 1], [0, 0]], mode='REFLECT')": "np.pad(a, ((1, 1), (0, 0)), mode='reflect')",
    "tf.reverse(a, axis=[1])": "a[:, ::-1]",
    "tf.range(4)": "np.arange(4)",
    "tf.range(1, 7, 2)": "np.arange(1, 7, 2)",
    "tf.range(0.0, 1.0, 0.25)": "np.arange(0, 1, 0.25)",
    "tf.one_hot([0, 2], 3)": "np.eye(3)[[0, 2]]",
    "tf.one_hot([1], depth=2, on_value=5.0, off_value=-1.0)": "np.array([[-1, 5.0]])",
    "tf.cast([1.7, -1.7], tf.int32)": "np.array([1, -1])",
    "tf.zeros((2, 1))": "np.zeros((2, 1))",
    "tf.ones_like(a)": "np.ones((2, 3))",
    "tf.fill([2, 2], 3.0)": "np.full((2, 2), 3.0)",
    "tf.eye(2, 3)": "np.eye(2, 3)",
    "tf.clip_by_value(a, -1.0, 1.0)": "np.clip(a, -1, 1)",
    "tf.clip_by_norm(a, 1.0)": "a / np.linalg.norm(a)",
    "tf.norm(a)": "np.linalg.norm(a)",
    "tf.where(a > 0, a, b)": "np.where(a > 0, a, b)",
    "tf.where(a > 0)": "np.argwhere(a > 0)",
    "tf.argmax(b, axis=1)": "b.argmax(1)",
    "tf.argmax(b)": "b.argmax(0)",
    "tf.sort(b, direction='DESCENDING')": "-np.sort(-b)",
    "tf.cumsum(a, axis=1)": "a.cumsum(1)",
    "tf.einsum('ij,kj->ik', a, b)": "a @ b.T",
    "tf.math.divide_no_nan(a, [[0.0, 1.0, 2.0]])": "np.c_[[0, 0], a[:, 1:] / [1, 2]]",
    "tf.math.squared_difference(a, b)": "(a - b) ** 2",
    "tf.add_n([a, b, a])": "a + b + a",
    "tf.math.top_k(b, k=2)[0]": "-np.sort(-b)[:, :2]",
    "tf.nn.relu(a)": "np.maximum(a, 0)",
    "tf.nn.leaky_relu(a)": "np.where(a > 0, a, 0.2 * a)",
    "tf.nn.softmax(a)": "np.exp(a) / np.exp(a).sum(1, keepdims=True)",
    "tf.math.l2_normalize(b, axis=1)": "b / np.linalg.norm(b, axis=1, keepdims=True)",
    "tf.nn.moments(a, axes=[1])[1]": "a.var(1)",
    "tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 1.0, 0.0]] * 2, logits=a)": "np.log(np.exp(a).sum(1)) - a[:, 1]",
    "tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[2, 0], logits=a)": "np.log(np.exp(a).sum(1)) - np.array([a[0, 2], a[1, 0]])",
    "tf.nn.max_pool2d(image, 2, 2, 'VALID')": "image.reshape(1, 2, 2, 2, 2, 2).max((2, 4))",
    "tf.nn.avg_pool2d(image, [1, 2, 2, 1], [1, 2, 2, 1], 'SAME')": "image.reshape(1, 2, 2, 2, 2, 2).mean((2, 4))",
    "tf.nn.conv2d(image, tf.ones((1, 1, 2, 1)), strides=[1, 1, 1, 1], padding='SAME')": "image.sum(-1, keepdims=True)",
    "tf.nn.embedding_lookup(a, [1, 1])": "a[[1, 1]]",
    "tf.image.resize(image, (2, 2), method='nearest')": "image[:, 1::2, 1::2]",
    "tf.image.resize(image, (2, 2), method='area')": "image.reshape(1, 2, 2, 2, 2, 2).mean((2, 4))",
    "tf.image.resize(image[0], (4, 1), method='area')": "image[0].mean(1, keepdims=True)",
    "tf.constant(tf.compat.as_text(tf.compat.as_bytes('7')) == '7')": "np.array(True)",
    "tf.image.flip_left_right(image)": "image[:, :, ::-1]",
    "tf.image.convert_image_dtype(np.array([[[255]]], 'uint8'), tf.float32)": "np.ones((1, 1, 1))",
    "tf.image.convert_image_dtype(np.array([[[0, 7]]], 'uint8'), tf.uint8)": "np.array([[[0, 7]]])",
    "tf.image.convert_image_dtype(np.array([[[0.0, 0.5, 1.0]]], 'float32'), tf.uint8)": "np.array([[[0, 127, 255]]])",
    "tf.image.convert_image_dtype(np.array([[[-1.0, 2.0]]], 'float32'), tf.uint8, saturate=True)": "np.array([[[0, 255]]])",
    "tf.image.convert_image_dtype(np.array([[[0, 255]]], 'uint8'), tf.uint16)": "np.array([[[0, 65280]]])",
    "tf.image.convert_image_dtype(np.array([[[0, 65535]]], 'uint16'), tf.uint8)": "np.array([[[0, 255]]])",
    "tf.image.crop_to_bounding_box(image, 1, 0, 2, 3)": "image[:, 1:3, :3]",
    "tf.image.pad_to_bounding_box(image, 1, 0, 6, 5)": "np.pad(image, ((0, 0), (1, 1), (0, 1), (0, 0)))",
    "tf.image.central_crop(image[0], 0.5)": "image[0, 1:3, 1:3]",
    "tf.image.resize_with_crop_or_pad(image, 2, 6)": "np.pad(image[:, 1:3], ((0, 0), (0, 0), (1, 1), (0, 0)))",
    "tf.image.random_crop(image, (1, 4, 4, 2))": "image",
    "tf.image.extract_patches(image, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], 'VALID')[0, 0, 1]": "image[0, :2, 2:].ravel()",
    "tf.image.adjust_brightness(image, 0.5)": "image + 0.5",
    "tf.image.adjust_brightness(np.array([[[250, 10, 0]]], 'uint8'), 0.1)": "np.array([[[255, 35, 25]]])",
    "tf.image.adjust_contrast(image, 2.0)": "2 * image - image.mean((1, 2), keepdims=True)",
    "tf.image.adjust_saturation(np.float32([[[1, 0.5, 0.5]]]), 2.0)": "np.array([[[1, 0, 0]]])",
    "tf.image.adjust_hue(np.float32([[[1, 0, 0]]]), 1 / 3)": "np.array([[[0, 1, 0]]])",
    "tf.image.rot90(image)": "np.rot90(image, 1, (1, 2))",
    "tf.image.rgb_to_yuv(np.float32([[[1, 1, 1]]]))": "np.array([[[1, 0, 0]]])",
    "tf.image.yuv_to_rgb(tf.image.rgb_to_yuv(np.float32([[[0.2, 0.5, 0.7]]])))": "np.array([[[0.2, 0.5, 0.7]]])",
    "tf.image.psnr(image, image + 1, max_val=10.0)": "np.array([20.0])",
    "tf.roll(a, shift=1, axis=1)": "np.roll(a, 1, 1)",
    "tf.slice(a, [0, 1], [-1, 2])": "a[:, 1:3]",
    "tf.math.bincount(np.array([1, 1, 3]))": "np.array([0, 2, 0, 1])",
    "tf.math.confusion_matrix([0, 1, 1], [0, 0, 1])": "np.array([[1, 0], [1, 1]])",
    "tf.math.unsorted_segment_sum(b, [1, 1], 2)": "np.array([0 * b[0], b.sum(0)])",
    "tf.math.unsorted_segment_mean(b, [1, 1], 2)": "np.array([0 * b[0], b.mean(0)])",
    "tf.strings.length(['ab', 'c'])": "np.array([2, 1])",
    "tf.strings.to_number(['1.5', '2'])": "np.array([1.5, 2])",
    "tf.strings.regex_full_match(['ab', 'a'], 'a+')": "np.array([False, True])",
    "tf.constant(3.0, shape=(2,))": "np.array([3.0, 3.0])",
    "tf.convert_to_tensor([[1, 2]])": "np.array([[1, 2]])",
    "tf.rank(a)": "2",
    "tf.size(a)": "6",
    "tf.cond(tf.constant(True), lambda: a, lambda: b)": "a",
    "tf.while_loop(lambda i: i < 10, lambda i: [i * 2], [tf.constant(3)])[0]": "12",
    "tf.nn.sigmoid_cross_entropy_with_logits(labels=[[1.0, 0.0, 1.0]] * 2, logits=a)": "np.log1p(np.exp(a)) - a * np.array([1, 0, 1])",
}  # fmt: skip


class Names:
    """The table, with attributes."""

    def __init__(self, prefix: str = ""):
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        known, path = table(), f"{self._prefix}{name}"
        return known[path] if path in known else Names(f"{path}.")


def scope(tf: Any) -> dict[str, Any]:
    return {"tf": tf, "np": np, "a": A, "b": B, "image": IMAGE}


@pytest.mark.parametrize("call", CALLS)
def test_a_name_gives_what_it_says(call: str) -> None:
    found = eval(call, scope(Names()))
    np.testing.assert_allclose(np.asarray(found), eval(CALLS[call], scope(None)), rtol=1e-5, atol=1e-6)
    if not keras_alias.has_tensorflow():
        return
    import tensorflow  # type: ignore[import-not-found]

    expected = np.asarray(eval(call, scope(tensorflow)))
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-5, atol=1e-6)
    assert np.asarray(found).dtype == expected.dtype or call.startswith(("tf.where(a > 0)", "tf.reduce_any"))


def test_texts_are_changed_one_by_one() -> None:
    tf = Names()
    assert tf.strings.lower(["Ab", b"C"]).tolist() == ["ab", "c"]
    assert tf.strings.regex_replace(tf.strings.lower("A<br />b!"), "<br />|!", " ").item() == "a b "
    assert tf.strings.reduce_join([["a", "b"], ["c", "d"]], axis=1, separator="-").tolist() == ["a-b", "c-d"]
    assert tf.strings.reduce_join(["a", "b"]).item() == "ab" and tf.strings.join([["a"], "b"], "+").tolist() == ["a+b"]
    assert tf.convert_to_tensor(["a", "b"]).numpy().tolist() == [b"a", b"b"] and tf.constant("a").numpy() == b"a"
    assert tf.strings.reduce_join(["a", "é"]).numpy().decode() == "aé" and tf.strings.upper(["a"]).numpy().tolist() == [b"A"]
    assert tf.strings.substr("abcd", 1, 2).item() == "bc" and tf.strings.unicode_split("abc", "UTF-8").tolist() == ["a", "b", "c"]


def test_image_files_and_lines_of_texts_are_read(tmp_path: Path) -> None:
    tf = Names()
    pil = pytest.importorskip("PIL.Image")
    pixels = np.arange(24, dtype="uint8").reshape(2, 4, 3)
    pil.fromarray(pixels).save(tmp_path / "a.png")
    read = tf.data.Dataset.from_tensor_slices([str(tmp_path / "a.png")]).map(lambda name: tf.io.decode_png(tf.io.read_file(name), channels=3))
    np.testing.assert_array_equal(next(iter(read)), pixels)
    assert tf.image.decode_jpeg(tf.io.read_file(str(tmp_path / "a.png")), channels=1).shape == (2, 4, 1)
    (tmp_path / "t.txt").write_text("one\ntwo\n")
    assert [t.item() for t in tf.data.TextLineDataset(str(tmp_path / "t.txt")).as_numpy_iterator()] == ["one", "two"]
    with pytest.raises(DataError, match=r"none\.png"):
        tf.io.read_file("none.png")
    with pytest.raises(DataError, match="bytes of a file"):
        tf.io.decode_png("a.png")


def test_crops_and_colours_by_chance_lie_in_their_bounds() -> None:
    tf = Names()
    for _ in range(5):
        part = np.asarray(tf.image.random_crop(IMAGE, (1, 2, 3, -1)))
        assert any(np.array_equal(part, IMAGE[:, k : k + 2, j : j + 3]) for k in range(3) for j in range(2))
        shift = np.asarray(tf.image.random_brightness(IMAGE, 0.5)) - IMAGE
        assert np.ptp(shift) < 1e-5 and abs(shift.mean()) <= 0.5
    assert tf.random.gamma((2,), [1.0, 2.0]).shape == (2, 2)
    with pytest.raises(ShapeError, match="does not lie in"):
        tf.image.random_crop(IMAGE, (1, 9, 1, 1))
    with pytest.raises(ShapeError, match="do not lie in images"):
        tf.image.crop_to_bounding_box(IMAGE, 3, 0, 2, 1)


def test_symbolic_tensors_are_taken_as_well() -> None:
    tf = Names()

    def f(x: Any) -> Any:
        rows = tf.shape(x)[0]
        return [tf.zeros((rows, 2)), tf.reduce_mean(tf.square(x), axis=1), tf.random.normal((rows, 3)), tf.concat([x, tf.ones((rows, 1))], 1)]

    zeros, means, drawn, joined = symkeras.function(f, dynamic=True)(A)
    assert zeros.shape == (2, 2) and drawn.shape == (2, 3) and joined.shape == (2, 4)
    np.testing.assert_allclose(means, (A**2).mean(1), rtol=1e-6)


def test_every_function_has_a_docstring_or_is_named_by_the_table_alone() -> None:
    assert all(callable(fn) for fn in FUNCTIONS.values())
    for path in ("math.reduce_sum", "nn.sigmoid", "linalg.norm", "random.set_seed", "data.Dataset", "float32"):
        assert path in table()


def test_draws_follow_from_set_seed_and_whole_numbers_need_a_bound() -> None:
    tf = Names()
    draws = []
    for _ in range(2):
        tf.random.set_seed(5)
        draws.append([*tf.random.uniform((3,), seed=1), *tf.random.uniform((3,), seed=1), *tf.random.uniform((2,), maxval=9, dtype=tf.int32)])
    assert draws[0] == draws[1] and draws[0][:3] != draws[0][3:6]
    with pytest.raises(ConfigError, match="needs maxval"):
        tf.random.uniform((3,), dtype=tf.int32)


def test_arrays_have_numpy_and_dtypes_have_names() -> None:
    tf = Names()
    x = (tf.constant([1.5, 2.5]) * 2 + 1)[0]
    x.set_shape([])
    with pytest.raises(ShapeError, match="cannot have shape \\(None, 3\\)"):
        x.set_shape([None, 3])
    assert x.numpy() == 4 and tf.float32.name == "float32" and tf.int32.as_numpy_dtype is np.int32 and tf.uint8.max == 255
    assert isinstance(x, tf.Tensor) and tf.is_tensor(x) and not isinstance(3, tf.Tensor) and tf.executing_eagerly()
    v = tf.Variable(lambda: [1, 2], dtype=tf.float32, trainable=False, name="v")
    assert isinstance(v, tf.Variable) and isinstance(v, symkeras.Variable) and not v.trainable and v.numpy().tolist() == [1, 2]


@pytest.fixture
def aliases() -> Any:
    if "keras" in sys.modules:
        pytest.skip("the real Keras is imported")
    keras_alias.install()
    yield
    keras_alias.uninstall()


@pytest.mark.parametrize(("statement", "expression"), [
    ("import tensorflow as tf", "tf.math.add(1, 2)"), ("import tensorflow.math", "tensorflow.math.add(1, 2)"),
    ("from tensorflow import math", "math.add(1, 2)"), ("from tensorflow.nn import relu", "relu(np.float32(3))"),
    ("from tensorflow.data import Dataset", "len(Dataset.range(3))"), ("import tensorflow as tf", "tf.data.experimental.AUTOTUNE + 4"),
    ("import tensorflow as tf", "3 * int(tf.losses is not None and tf.optimizers.Adam is tf.keras.optimizers.Adam)"),
])  # fmt: skip
def test_modules_of_tensorflow_are_imported_in_every_way(aliases: Any, statement: str, expression: str) -> None:
    names = {"np": np}
    exec(statement, names)
    assert int(eval(expression, names)) == 3


@pytest.mark.skipif(keras_alias.has_tensorflow(), reason="TensorFlow is installed")
def test_what_is_missing_is_named_with_what_to_write_instead(aliases: Any) -> None:
    with pytest.raises(AttributeError, match=r"no tensorflow\.reduce_meen of its own.*Did you mean 'reduce_mean'.*symkeras\.ops"):
        exec("import tensorflow as tf; tf.reduce_meen")
    with pytest.raises(AttributeError, match=r"no tensorflow\.nn\.ctc_loss"):
        exec("import tensorflow as tf; tf.nn.ctc_loss")
    with pytest.raises(ImportError, match=r"TensorFlow is not installed.*tensorflow\.contrib"):
        exec("import tensorflow.contrib")


@pytest.mark.skipif(not keras_alias.has_tensorflow(), reason="TensorFlow is not installed")
def test_an_installed_tensorflow_gives_its_own_names_and_takes_symkeras_tensors() -> None:
    script = Path(__file__).parent / "beside_tensorflow.py"
    ran = subprocess.run([sys.executable, "-m", "symkeras", "run", str(script)], capture_output=True, text=True)
    assert ran.returncode == 0 and ran.stdout.endswith("done\n"), ran.stderr
