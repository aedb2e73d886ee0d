"""Exported models: C files built by the system's compiler, and NumPy scripts in an interpreter of their own, predict what the model predicts."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symkeras import Input, Model, Sequential, layers, ops, tree
from symkeras.backend import interface
from symkeras.backend.denormals import Denormals, this_thread_flushes
from symkeras.errors import BackendError, ConfigError, ShapeError
from tests.models import small_workloads as workloads

COMPILER = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler found")
STRICT = ["-std=c99", "-O3", "-Wall", "-Wextra", "-Werror"]
ROWS = 19
BATCH = 8
"""Two whole batches and a part of one."""


def attention() -> Any:
    x = Input((5, 6))
    a = layers.MultiHeadAttention(2, 3)(x, x)
    return Model(x, layers.Dense(4, activation="gelu")(layers.LayerNormalization()(x + a)))


def lstm() -> Any:
    return Sequential([Input((7,), dtype="int32"), layers.Embedding(9, 6, mask_zero=True), layers.LSTM(5), layers.Dense(2, activation="tanh")])


def quantized() -> Any:
    words = [Input((5,), dtype="int32"), layers.Embedding(9, 6)]
    model = Sequential([*words, layers.EinsumDense("abc,cd->abd", (5, 4)), layers.Flatten(), layers.Dense(3)])
    model.quantize("int8")
    return model


MODELS: dict[str, Callable[[], Any]] = {
    "quantized": quantized,
    "mlp": workloads.tutorial_mlp, "convnet": workloads.convnet, "resnet": workloads.resnet, "lstm": lstm, "attention": attention,
    "two_in_two_out": workloads.news,
}  # fmt: skip


def data(model: Any, rows: int = ROWS) -> list[np.ndarray]:
    """Random rows for each input of a model, whose statistics and weights are random as well."""
    rng = np.random.default_rng(3)
    for v in model.variables:
        if v.dtype == "float32":
            v.assign(rng.uniform(0.1, 0.9, v.shape) if "var" in v.name else rng.normal(size=v.shape) * 0.5)
    inputs = model.inputs
    return [
        rng.integers(0, 9, (rows, *t.shape[1:])).astype(t.dtype) if "int" in t.dtype else rng.normal(size=(rows, *t.shape[1:])).astype(t.dtype)
        for t in inputs
    ]


def predicted(model: Any, x: list[np.ndarray]) -> list[np.ndarray]:
    return tree.flatten(model.predict(x if len(x) > 1 else x[0], batch_size=BATCH, verbose=0))


class Library:
    """An exported C file, built and loaded."""

    def __init__(self, source: Path, *flags: str):
        assert COMPILER is not None
        target = source.with_suffix(".so")
        command = [COMPILER, *(flags or STRICT), "-shared", "-fPIC", str(source), "-o", str(target), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.library, self.stem = ctypes.CDLL(str(target)), source.stem

    def __getitem__(self, name: str) -> Any:
        return self.library[f"{self.stem}_{name}"]

    def fill(self, function: str, x: list[np.ndarray], like: list[np.ndarray], *first: Any) -> tuple[int, list[np.ndarray]]:
        """The code that a function returns, and the outputs it has filled."""
        results = [np.full_like(a, 7) for a in like]
        pointers = [[ctypes.c_void_p(a.ctypes.data) for a in arrays] for arrays in (x, results)]
        code = self[function](*first, *pointers[0], ctypes.c_int64(len(x[0])), *pointers[1])
        return code, results

    def predict(self, x: list[np.ndarray], like: list[np.ndarray]) -> list[np.ndarray]:
        code, results = self.fill("predict", x, like)
        assert code == 0
        return results


def assert_alike(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_allclose(f, e, rtol=1e-4, atol=1e-5)


# ---- C -----------------------------------------------------------------------------------------------------------------


@needs_compiler
@pytest.mark.parametrize("kind", MODELS)
def test_a_c_file_compiles_without_warnings_and_predicts_what_the_model_predicts(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    x = data(model)
    assert [f.name for f in model.export(tmp_path / f"{kind}.c", batch=BATCH)] == [f"{kind}.c", f"{kind}.h"]
    library, expected = Library(tmp_path / f"{kind}.c"), predicted(model, x)
    assert_alike(library.predict(x, expected), expected)
    assert_alike(library.predict([a[:1] for a in x], [e[:1] for e in expected]), [e[:1] for e in expected])
    library.predict([a[:0] for a in x], [e[:0] for e in expected])


@needs_compiler
@pytest.mark.parametrize("kind", ["attention", "resnet"])
def test_built_with_the_flags_of_the_native_backend_it_gives_the_same_bits(kind: str, tmp_path: Path) -> None:
    try:
        interface.get("native")
    except BackendError as error:
        pytest.skip(str(error))
    from symkeras.backend.native.building import toolchain

    model = MODELS[kind]()
    x = data(model)
    model.compile("sgd", "mse", backend="native")
    expected = predicted(model, x)
    model.export(tmp_path / "same.c", format="c", batch=BATCH, threads=2)
    compiler = toolchain.compiler()
    found = Library(tmp_path / "same.c", "-Wall", "-Werror", *toolchain.flags(compiler)).predict(x, expected)
    for f, e in zip(found, expected, strict=True):
        np.testing.assert_array_equal(f, e)


@needs_compiler
def test_a_c_file_flushes_denormals_or_keeps_them_as_the_model_does(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), layers.Dense(3, use_bias=False)])
    model.set_weights([np.eye(3) * 1e-10])
    x = [np.full((2, 3), 1e-30, "float32")]
    for way in ("flush", "keep"):
        model.compile("sgd", "mse", denormals=way)
        model.export(tmp_path / f"{way}.c")
        assert len(model.export(tmp_path / f"{way}.py")) == 2, "a script does as NumPy does"
        library = Library(tmp_path / f"{way}.c")
        (y,) = library.predict(x, x)
        assert np.all((y == 0) == (way == "flush"))
        for before in (True, False):
            with Denormals(before):
                library.predict(x, x)
                assert this_thread_flushes() is before
    assert not this_thread_flushes()


@needs_compiler
def test_weights_in_a_file_are_loaded_once_and_told_from_others(tmp_path: Path) -> None:
    model = MODELS["mlp"]()
    x = data(model)
    files = model.export(tmp_path / "scorer.c", weights="file", batch=BATCH)
    assert [f.name for f in files] == ["scorer.c", "scorer.h", "scorer.bin"]
    assert "0.0f, " not in files[0].read_text().split("---- weights ----")[1]
    library, expected = Library(files[0]), predicted(model, x)
    defined = [line.split() for line in files[1].read_text().splitlines() if line.startswith("#define SCORER_")]
    codes = {words[1]: int(words[2]) for words in defined if len(words) == 3}
    assert library.fill("predict", x, expected)[0] == codes["SCORER_NOT_LOADED"]
    (tmp_path / "other.bin").write_bytes(bytes(200))
    (tmp_path / "short.bin").write_bytes(files[2].read_bytes()[:-1])
    for name in ("other.bin", "short.bin", "missing.bin"):
        assert library["load"](str(tmp_path / name).encode()) == codes["SCORER_BAD_FILE"]
    assert library["load"](str(files[2]).encode()) == codes["SCORER_OK"]
    assert_alike(library.predict(x, expected), expected)
    library["unload"]()
    assert library.fill("predict", x, expected)[0] == codes["SCORER_NOT_LOADED"]


@needs_compiler
def test_memory_may_come_from_the_caller_and_an_index_out_of_range_is_told(tmp_path: Path) -> None:
    model = MODELS["lstm"]()
    x = data(model)
    source, header = model.export(tmp_path / "words.c", batch=BATCH)
    library, expected = Library(source), predicted(model, x)
    size = int(header.read_text().split("#define WORDS_ARENA_BYTES ")[1].split()[0])
    arena = np.full(size + 64, 0xA5, np.uint8)
    begin = -arena.ctypes.data % 64 + arena.ctypes.data
    guard = arena[begin - arena.ctypes.data + size :].copy()
    code, found = library.fill("predict_in", x, expected, ctypes.c_void_p(begin))
    assert code == 0
    assert_alike(found, expected)
    np.testing.assert_array_equal(arena[begin - arena.ctypes.data + size :], guard)
    x[0][1, 1] = 9
    assert library.fill("predict", x, expected)[0] == 2


@needs_compiler
def test_the_header_is_all_a_c_program_includes(tmp_path: Path) -> None:
    assert COMPILER is not None
    model = Sequential([Input((2,), name="double"), layers.Dense(1, use_bias=False, name="batch")])
    model.layers[-1].set_weights([np.float32([[2], [10]])])
    model.export(tmp_path / "my-model 2.c")
    program = """
        #include <stdio.h>
        #include "my-model 2.h"
        int main(void) {
            const float x[2 * MY_MODEL_2_DOUBLE_2_ROW] = {1, 2, 3, 4};
            float y[2];
            int code = my_model_2_predict(x, 2, y);
            printf("%g %g", y[0], y[1]);
            return code;
        }"""
    (tmp_path / "main.c").write_text(program)
    done = subprocess.run(
        [COMPILER, *STRICT, "main.c", "my-model 2.c", "-o", "main", "-lm"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=True).stdout == "22 46"


def test_what_rests_on_weights_alone_is_computed_when_the_file_is_written(tmp_path: Path) -> None:
    model = MODELS["resnet"]()
    source = model.export(tmp_path / "net.c")[0].read_text()
    step = source.split("static int net_run(")[1]
    assert "sqrt" not in step and "reciprocal" not in step
    assert step.count("sk_conv_f32(") == 6


# ---- NumPy -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", MODELS)
def test_a_script_needs_numpy_alone_and_predicts_what_the_model_predicts(kind: str, tmp_path: Path) -> None:
    model = MODELS[kind]()
    x = data(model)
    expected = predicted(model, x)
    (tmp_path / "elsewhere").mkdir()
    script, weights = model.export(tmp_path / f"{kind}.py", batch=BATCH)
    assert (script.name, weights.name) == (f"{kind}.py", f"{kind}.npz")
    names = [f"in_{k}.npy" for k in range(len(x))], [f"out_{k}.npy" for k in range(len(expected))]
    for name, a in zip(names[0], x, strict=True):
        np.save(tmp_path / "elsewhere" / name, a)
    run = f"import runpy, sys; sys.argv[1:] = {[*names[0], *names[1]]}; runpy.run_path({str(script)!r}, run_name='__main__')"
    code = f"{run}; print('symkeras' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-W", "error", "-c", code], cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
    assert_alike([np.load(tmp_path / "elsewhere" / name) for name in names[1]], expected)


def test_a_script_holds_what_has_no_kernel_as_well(tmp_path: Path) -> None:
    x = Input((6,))
    count = ops.cast(ops.shape(x)[0], "float32")
    model = Model(x, [ops.sort(x), *ops.top_k(x, 2), ops.erf(x) / count, ops.power(ops.absolute(x), 1.5), x > 0])
    given = data(model)
    expected = predicted(model, given)
    scope = loaded(model.export(tmp_path / "odd.py", batch=BATCH)[0])
    assert_alike(scope["predict"](*given), expected)
    assert [len(a) for a in scope["predict"](given[0][:0])] == [0] * len(expected)


def test_a_script_says_what_it_takes(tmp_path: Path) -> None:
    script = MODELS["mlp"]().export(tmp_path / "mlp.py")[0]
    with pytest.raises(ValueError, match=r"input 'input_layer.*' expects the shape \('batch', 10\).*received \(3, 9\)"):
        loaded(script)["predict"](np.zeros((3, 9)))
    done = subprocess.run([sys.executable, "-I", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "usage: python mlp.py input_layer" in done.stderr


def loaded(script: Path) -> dict[str, Any]:
    import runpy

    return runpy.run_path(str(script))


# ---- what is asked for -------------------------------------------------------------------------------------------------


def test_sizes_that_a_model_leaves_open_come_from_the_signature(tmp_path: Path) -> None:
    words = Input((None, 4), name="words")
    model = Model(words, layers.GRU(3)(words))
    with pytest.raises(ConfigError, match=r"input 'words'.*input_signature=\[\(None, 20, 4\)\]"):
        model.export(tmp_path / "open.py")
    with pytest.raises(ShapeError, match="input 'words'"):
        model.export(tmp_path / "open.py", input_signature=[(None, 5, 3)])
    x = [np.random.default_rng(1).normal(size=(ROWS, 5, 4)).astype("float32")]
    for signature in ([(None, 5, 4)], (None, 5, 4), x[0], [Input((5, 4))]):
        script = model.export(tmp_path / "open.py", input_signature=signature)[0]
    assert_alike([loaded(script)["predict"](*x)], predicted(model, x))


def test_a_model_without_a_graph_is_exported_by_a_signature_or_after_it_predicted(tmp_path: Path) -> None:
    class Own(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs: Any) -> Any:
            return {"a": self.dense(inputs), "b": inputs * 2}

    model = Own()
    with pytest.raises(ConfigError, match="give input_signature"):
        model.export(tmp_path / "own.py")
    x = np.ones((3, 4), "float32")
    for k in range(2):
        scope = loaded(model.export(tmp_path / "own.py", **({"input_signature": [(None, 4)]} if k == 0 else {}))[0])
        assert list(scope["OUTPUTS"]) == ["a", "b"]
        expected = model.predict(x, verbose=0)
        assert_alike(scope["predict"](x), [expected["a"], expected["b"]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "model"}, "format 'tf_saved_model' is not offered; give format='c'"),
        ({"filepath": "model.tflite"}, "format 'litert' is not offered"),
        ({"filepath": "model.c", "format": "litert"}, "format 'litert' is not offered"),
        ({"filepath": "model.h", "format": "c"}, "must be called such as model.c, received 'model.h'"),
        ({"filepath": "model", "format": "numpy"}, "must be called such as model.py"),
        ({"filepath": "model.c", "weigths": "file"}, "no option 'weigths'.*Did you mean 'weights'"),
        ({"filepath": "model.py", "weights": "file"}, "export to 'numpy' has no option 'weights'"),
        ({"filepath": "model.c", "weights": "none"}, "weights must be one of 'auto', 'embedded', 'file'"),
        ({"filepath": "model.c", "batch": 0}, "batch must be an integer of at least 1"),
        ({"filepath": "model.py", "batch": True}, "batch must be an integer of at least 1"),
    ],
)
def test_what_is_not_offered_is_said(arguments: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = MODELS["mlp"]()
    with pytest.raises(ConfigError, match=message):
        model.export(tmp_path / arguments["filepath"], **{k: v for k, v in arguments.items() if k != "filepath"})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["model.c", "model.py"])
def test_models_that_a_file_cannot_hold_are_refused(name: str, tmp_path: Path) -> None:
    stateful = Sequential([Input(batch_shape=(4, 3, 2)), layers.LSTM(2, stateful=True)])
    with pytest.raises(BackendError, match="changes variables"):
        stateful.export(tmp_path / name)
    x = Input((3,))
    with pytest.raises(BackendError, match="its first axis is not the batch"):
        Model(x, ops.sum(x, axis=0)).export(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_loop_that_a_script_cannot_hold_is_named(tmp_path: Path) -> None:
    x = Input((3,))
    twice = ops.while_loop(lambda k, v: k < 3, lambda k, v: (k + 1, v * 2), (np.int32(0), x))[1]
    with pytest.raises(BackendError, match=r"while_loop is not offered there.*format 'c' has it"):
        Model(x, twice).export(tmp_path / "loop.py")


def test_verbose_prints_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    MODELS["mlp"]().export(tmp_path / "said.py", verbose=True)
    assert "said.py" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["m.c", "m.py"])
def test_a_model_that_begins_with_texts_says_which_layer_no_file_holds(name: str, tmp_path: Path) -> None:
    words = Input((1,), dtype="string")
    codes = layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot", name="codes")(words)
    model = Model(words, layers.Dense(2)(codes))
    with pytest.raises(ConfigError, match=r"export of model .*: codes computes on arrays before the graph.*export the model behind it"):
        model.export(tmp_path / name)
    assert not list(tmp_path.iterdir())
