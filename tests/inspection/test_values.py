import numpy as np
import pytest

from symkeras import function, ops
from symkeras.errors import DataError, InspectionError
from tests.inspection.models import classifier, recurrent, training_step


@pytest.fixture(scope="module")
def trained():
    return classifier()


def test_values_of_a_run_are_by_name_and_write_nothing(trained):
    model, x, y = trained
    before = [w.numpy() for w in model.weights]
    iterations = int(model.optimizer.iterations.numpy())
    values = model.executable("train").inspect.values(x, y)
    np.testing.assert_allclose(values["first_matmul"], x @ before[0], rtol=1e-5)
    np.testing.assert_allclose(values["%second_softmax"], model.predict(x, verbose=0), rtol=1e-4, atol=1e-6)
    assert values["first_kernel"].shape == (8, 16)
    for w, old in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(w.numpy(), old)
    assert int(model.optimizer.iterations.numpy()) == iterations


def test_gradients_are_among_the_values(trained):
    model, x, y = trained
    values = model.executable("train").inspect.values(x, y)
    gradient = values["d_first_matmul"]
    assert gradient.shape == (8, 16)
    assert "d_first_matmul" in values.gradients
    assert "first_matmul" not in values.gradients
    assert {"first_matmul", "first_relu", "d_first_matmul"} <= set(values.of_layer("first"))


def test_values_are_copies_of_the_variables(trained):
    model, x, y = trained
    values = model.executable("train").inspect.values(x, y)
    values["first_kernel"][...] = 0
    assert model.weights[0].numpy().any()


def test_watch_gives_the_values_named_also_those_that_passes_took_away(trained):
    model, x, y = trained
    c = model.executable("train")
    left = {c.graph.names[n] for n in c.graph.nodes}
    gone = next(s.graph.names[n] for s in c.inspect.record.stages for n in s.graph.nodes if s.graph.names[n] not in left and not n.op.is_leaf)
    watch = c.inspect.watch("first_relu", gone)
    assert list(watch(x, y)) == ["first_relu", gone]
    np.testing.assert_array_equal(watch(x, y)["first_relu"], c.inspect.values(x, y)["first_relu"])


def test_unknown_names_give_the_nearest(trained):
    model, x, y = trained
    inspector = model.executable("train").inspect
    with pytest.raises(InspectionError, match="Did you mean 'first_relu'"):
        inspector.watch("first_rel")
    with pytest.raises(InspectionError, match="none"):
        inspector.watch()
    values = inspector.values(x, y)
    with pytest.raises(InspectionError, match="Did you mean 'first_matmul'"):
        values["first_matmu"]
    with pytest.raises(InspectionError, match="first"):
        values.of_layer("firs")
    with pytest.raises(DataError):
        inspector.values(x)


def test_the_first_nonfinite_value_is_named_with_its_line_and_inputs():
    def root(x):
        return ops.sqrt(x - 2.0) * 3.0

    c = function(root).executable(np.zeros(3, "float32"))
    assert c.inspect.first_nonfinite(np.full(3, 5, "float32")) is None
    found = c.inspect.first_nonfinite(np.array([3, 1, 4], "float32"))
    assert (found.op, found.kind, found.count, found.index) == ("sqrt", "NaN", 1, (1,))
    assert "test_values.py:" in found.line
    assert list(found.inputs) == ["difference"]
    np.testing.assert_array_equal(found.inputs["difference"], [1, -1, 2])
    assert "the first NaN" in str(found)
    assert "there -1.0" in str(found)


def test_an_input_that_is_not_finite_is_the_first(trained):
    model, x, y = trained
    bad = x.copy()
    bad[2, 3] = np.inf
    found = model.executable("train").inspect.first_nonfinite(bad, y)
    assert (found.op, found.kind, found.index) == ("input", "infinity", (2, 3))
    assert found.name.startswith("input_layer")


def test_values_of_engines_and_loops_are_there_too():
    model, x, y = recurrent()
    c = model.executable("train")
    assert any(k.startswith("memory") for k in c.inspect.values(x, y))
    step, x, y = training_step("interpreter")
    assert step.inspect.values(x, y)["first_matmul"].shape == (10, 16)
