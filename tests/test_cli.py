"""The command line: scripts written for Keras run unchanged, and the demonstration does what it says."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import symkeras
from symkeras import keras_alias, layers
from symkeras.cli import main, run_script
from symkeras.demo import demo, digits_model, excerpt, print_report, shifted
from symkeras.errors import SymkerasError


@pytest.fixture
def aliases():
    keras_alias.install()
    yield
    keras_alias.uninstall()


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs a script's text with arguments: (exit status, stdout, stderr)."""
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))

    def run(text, *arguments):
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(text))
        try:
            status = main(["run", str(script), *arguments])
        finally:
            keras_alias.uninstall()
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(("statement", "expression"), [
    ("import keras", "keras.layers.Dense"),
    ("import keras.layers as L", "L.Dense"),
    ("from keras.layers import Dense", "Dense"),
    ("from keras.layers import *", "Dense"),
    ("from keras.layers.core import Dense", "Dense"),
    ("from keras import layers", "layers.core.Dense"),
    ("from tensorflow import keras", "keras.layers.Dense"),
    ("from tensorflow.keras.layers import Dense", "Dense"),
    ("from tensorflow.python.keras.layers.core import Dense", "Dense"),
    ("import tensorflow as tf", "tf.keras.layers.Dense"),
    ("import tensorflow.keras as k", "k.layers.Dense"),
])  # fmt: skip
def test_every_way_to_import_a_layer_gives_that_of_symkeras(aliases, statement, expression):
    scope = {}
    exec(statement, scope)
    assert eval(expression, scope) is layers.Dense


@pytest.mark.parametrize(("path", "name"), [
    ("keras.models", "Sequential"), ("keras.models", "Model"), ("keras.models", "load_model"), ("keras.engine", "Input"),
    ("keras.engine.topology", "Layer"), ("keras.engine.training", "Model"), ("keras.layers.recurrent", "LSTM"),
    ("keras.layers.convolutional", "Conv2D"), ("keras.layers.pooling", "MaxPooling2D"), ("keras.layers.embeddings", "Embedding"),
    ("keras.layers.normalization", "BatchNormalization"), ("keras.layers.merge", "concatenate"), ("keras.layers.noise", "GaussianNoise"),
    ("keras.layers.wrappers", "TimeDistributed"), ("keras.layers.advanced_activations", "LeakyReLU"), ("keras.optimizers", "SGD"),
    ("keras.callbacks", "EarlyStopping"), ("keras.initializers", "glorot_uniform"), ("keras.regularizers", "l2"),
    ("keras.datasets.mnist", "load_data"), ("keras.layers", "Merge"), ("keras.layers.core", "Merge"), ("keras.engine.training", "slice_X"),
    ("keras.losses", "mean_squared_error"), ("keras.objectives", "mean_squared_error"), ("keras.metrics", "AUC"), ("keras.constraints", "MaxNorm"),
    ("keras.activations", "relu"), ("keras.saving", "register_keras_serializable"), ("keras.api.layers", "Dense"), ("keras.backend", "floatx"),
    ("keras.backend", "Variable"),
    ("keras.utils", "set_random_seed"), ("keras.utils.np_utils", "to_categorical"), ("keras.preprocessing.sequence", "pad_sequences"),
])  # fmt: skip
def test_module_paths_of_2017_and_of_today_lead_to_symkeras(aliases, path, name):
    scope = {}
    exec(f"from {path} import {name}", scope)
    assert scope[name].__module__.startswith("symkeras.")


def test_what_symkeras_lacks_is_named(aliases):
    with pytest.raises(ImportError, match=r"symkeras does not offer keras\.layers\.Densee\. Did you mean 'Dense'\?"):
        exec("from keras.layers import Densee")
    with pytest.raises(ImportError, match=r"does not offer keras\.nowhere"):
        exec("import keras.nowhere")
    with pytest.raises(AttributeError, match=r"does not offer keras\.nothing"):
        exec("import keras; keras.nothing")
    assert isinstance(keras_alias.NotOffered("x"), SymkerasError)


def test_aliases_refuse_to_hide_a_keras_that_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", sys)
    with pytest.raises(SymkerasError, match="imported already"):
        keras_alias.install()


def test_aliases_can_be_taken_away(aliases):
    exec("import keras.layers")
    keras_alias.uninstall()
    assert not any(name.split(".")[0] == "keras" for name in sys.modules)


def test_a_script_runs_as_main_with_its_arguments(run):
    status, out, _ = run("""
        import sys
        import keras
        from keras.models import Sequential
        print(__name__, sys.argv[1:], Sequential.__module__, keras.__version__, keras.version() == keras.__version__)
    """, "a", "--flag", "-x")  # fmt: skip
    assert status == 0
    assert out == f"__main__ ['a', '--flag', '-x'] symkeras.models.sequential {keras_alias.Alias('keras', ('',)).__version__} True\n"


def test_a_script_that_fails_shows_its_own_lines_only(run):
    status, _, err = run("""
        from keras.layers import Dens
    """)
    assert status == 1
    assert "does not offer keras.layers.Dens. Did you mean 'Dense'?" in err
    assert "script.py" in err and "runpy" not in err
    assert run("raise SystemExit(0 if __name__ == '__main__' else 1)".replace("raise SystemExit", "print"))[0] == 0
    with pytest.raises(SystemExit) as caught:
        run("import sys; sys.exit(3)")
    assert caught.value.code == 3


def test_modules_beside_a_script_are_found(run, tmp_path):
    (tmp_path / "beside_the_script.py").write_text("from keras.layers import Dense\nname = Dense.__name__\n")
    assert run("from beside_the_script import name; print(name)")[:2] == (0, "Dense\n")


def test_a_missing_script_is_named(capsys):
    assert run_script("nowhere.py") == 2
    assert "nowhere.py" in capsys.readouterr().err


def test_version_and_help():
    for arguments, expected in ((["--version"], f"symkeras {symkeras.__version__}"), (["--help"], "run a Keras script")):
        done = subprocess.run([sys.executable, "-m", "symkeras", *arguments], capture_output=True, text=True, check=True)
        assert expected in done.stdout


def test_shifted_images_keep_their_pixels():
    x, y = np.arange(9, dtype="float32").reshape(1, 3, 3, 1), np.array([4])
    images, labels = shifted(x, y)
    assert labels.tolist() == [4] * 5
    assert images[..., 0].tolist() == [
        [[0, 1, 2], [3, 4, 5], [6, 7, 8]],
        [[0, 0, 0], [0, 1, 2], [3, 4, 5]],
        [[3, 4, 5], [6, 7, 8], [0, 0, 0]],
        [[0, 0, 1], [0, 3, 4], [0, 6, 7]],
        [[1, 2, 0], [4, 5, 0], [7, 8, 0]],
    ]


def test_the_report_shows_passes_kernels_memory_and_source_with_layers(capsys):
    model = digits_model()
    model.compile("adam", "sparse_categorical_crossentropy", backend="numpy")
    print_report(model.executable("train"), 0.0025)
    out = capsys.readouterr().out
    for part in ("pass ", "nodes were written", "kernels", "planned ", "naive ", "2.50 ms", "strokes, demo.py:"):
        assert part in out
    assert len(excerpt(model.executable("train").source).splitlines()) == 24


def test_the_demonstration_recognises_97_of_100_digits(capsys):
    assert demo() == 0
    assert "of 360 digits" in capsys.readouterr().out


def test_backends_are_listed_with_what_they_run_or_what_to_install(capsys, monkeypatch):
    from symkeras import backend_names

    monkeypatch.setitem(backend_names.PLACES, "faraway", "no_such_package.backend:Backend")
    monkeypatch.setitem(backend_names.EXTRAS, "faraway", "faraway")
    assert main(["backends"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert 'pip install "symkeras[faraway]"' in lines["faraway"]
    assert lines["numpy"].split()[4:6] == ["0", "0"], "nothing is borrowed or missing"
    assert lines["interpreter"].split()[3] == "0", "it expands nothing"


def test_a_backend_whose_package_is_not_there_says_what_to_install(monkeypatch):
    from symkeras import backend_names
    from symkeras.backend import interface
    from symkeras.errors import BackendError

    monkeypatch.setitem(backend_names.PLACES, "faraway", "no_such_package.backend:Backend")
    monkeypatch.setitem(backend_names.EXTRAS, "faraway", "faraway")
    with pytest.raises(BackendError, match=r"No module named 'no_such_package'.*pip install \"symkeras\[faraway\]\""):
        interface.get("faraway")
