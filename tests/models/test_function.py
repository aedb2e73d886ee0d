"""`Function`: what lies between symbolic tensors, applied again."""

from __future__ import annotations

import numpy as np
import pytest

import symkeras
from symkeras import KerasTensor
from symkeras.errors import ConfigError


def test_inputs_without_names_of_their_own_are_kept_apart() -> None:
    a, b = KerasTensor((2, 3)), KerasTensor((2, 3))
    step = symkeras.Function([a, b], {"sum": a + b, "difference": a - b})
    found = step([np.full((2, 3), 5.0, "float32"), np.full((2, 3), 2.0, "float32")])
    np.testing.assert_array_equal(found["sum"], np.full((2, 3), 7.0))
    np.testing.assert_array_equal(found["difference"], np.full((2, 3), 3.0))
    c, d = KerasTensor((2, 3)), KerasTensor((2, 3))
    again = symkeras.Function([c, d], step([c, d])["sum"])
    np.testing.assert_array_equal(again([np.ones((2, 3), "float32"), np.ones((2, 3), "float32")]), np.full((2, 3), 2.0))


@pytest.mark.parametrize("inputs, outputs", [([], True), (True, [])])
def test_a_function_has_inputs_and_outputs(inputs, outputs) -> None:
    x = KerasTensor((2, 3))
    with pytest.raises(ConfigError, match="cannot be empty"):
        symkeras.Function(x if inputs is True else inputs, x * 2 if outputs is True else outputs)



def test_outputs_come_in_the_nesting_that_was_given() -> None:
    x = KerasTensor((2, 3))
    ones = np.ones((2, 3), "float32")
    found = symkeras.Function([x], [x * 2])([ones])
    assert isinstance(found, list) and found[0].tolist() == (ones * 2).tolist()
    assert symkeras.Function([x], [symkeras.ops.sum(x)]).compute_output_shape([(2, 3)]) == [()]
    model = symkeras.Model(x, (x * 2,))  # as in Keras a model, other than a function, gives the one output itself
    assert model.predict(ones, verbose=0).tolist() == (ones * 2).tolist()


def test_a_function_takes_scalars() -> None:
    x = symkeras.Input(batch_shape=())
    square = x**2
    assert float(symkeras.Function(square, square + 1)(np.float32(3.0))) == 4.0
