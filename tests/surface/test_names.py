"""Every public name of Keras resolves, or stands on the list of what is not offered, with a reason."""

from __future__ import annotations

import importlib
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

import symkeras
from symkeras import keras_alias, not_offered
from tests.surface.names import recorded

NAMES = recorded()
DOCUMENT = Path(__file__).parents[2] / "docs" / "keras.md"


def module_at(path: str) -> Any:
    """The module of symkeras below a path; None where there is none."""
    try:
        return importlib.import_module(".".join(filter(None, ("symkeras", path))))
    except ModuleNotFoundError:
        try:
            return reduce(getattr, filter(None, path.split(".")), symkeras)
        except AttributeError:
            return None


@pytest.mark.parametrize("module", NAMES, ids=lambda m: m or "keras")
def test_names_resolve_or_are_listed(module: str) -> None:
    found = module_at(module)
    lacking = {name for name in NAMES[module] if not hasattr(found, name)}
    assert not {name for name in lacking if not_offered.reason(module, name) is None}
    assert {name for name in NAMES[module] if not_offered.reason(module, name)} == lacking, "listed as not offered, and there"


def test_the_list_names_nothing_that_keras_does_not_have() -> None:
    for modules in not_offered.REASONS.values():
        for module, names in modules.items():
            assert module in NAMES and (names == ("*",) or set(names) <= set(NAMES[module])), (module, names)


@pytest.mark.parametrize(("module", "name", "why"), [
    (symkeras.layers, "JaxLayer", "another framework"),
    (symkeras.quantizers, "AWQConfig", "calibration"), (symkeras.layers, "Merge", "`concatenate`"),
])  # fmt: skip
def test_the_error_of_a_name_that_is_not_offered_says_why(module: Any, name: str, why: str) -> None:
    with pytest.raises(AttributeError, match=why):
        getattr(module, name)


def test_scripts_are_told_the_reason_too() -> None:
    found = keras_alias._complaint("tensorflow.keras.layers.JaxLayer", ())
    assert found.startswith("symkeras does not offer tensorflow.keras.layers.JaxLayer, since it runs a layer of another framework")


def test_the_document_has_the_list() -> None:
    assert not_offered.markdown() in DOCUMENT.read_text()
