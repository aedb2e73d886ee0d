from __future__ import annotations

import inspect

import numpy as np
import pytest

from symkeras import errors, losses

CLASSES = sorted(n for n in losses.NAMES if n[0].isupper() and n not in ("Loss", "LossFunctionWrapper"))


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_comes_back_from_its_config(name):
    loss = losses.get(name)
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == loss.get_config()
    arguments = set(inspect.signature(type(loss)).parameters) - {"dtype"}
    assert set(loss.get_config()) >= arguments - {"axis"}


@pytest.mark.parametrize(("spelling", "name"), sorted(losses.ALIASES.items()))
def test_aliases_are_their_functions(spelling, name):
    assert losses.get(spelling) is getattr(losses, name) is getattr(losses, spelling)


def test_get_takes_names_classes_objects_functions_configs_and_none():
    assert losses.get(None) is None
    assert losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get(losses.Huber), losses.Huber)
    assert losses.get(losses.huber) is losses.huber
    assert losses.get({"class_name": "Huber", "config": {"delta": 2.0}}).delta == 2.0
    with pytest.raises(errors.ConfigError, match="mean_squared_error"):
        losses.get("mean_square_error")


def test_custom_objects_come_first():
    def mse(y_true, y_pred):
        return np.zeros(())

    assert losses.deserialize("mse", custom_objects={"mse": mse}) is mse


def test_importing_a_module_hides_no_public_name():
    for name in losses.NAMES:
        getattr(losses, name)
    assert all(not inspect.ismodule(getattr(losses, name)) for name in losses.NAMES)
