"""`Operation`: names, and configs that follow from what an object was made with."""

from __future__ import annotations

from typing import Any

import pytest

from symkeras import Operation
from symkeras.errors import NotSerializableError, SymkerasError


class Scale(Operation):
    def __init__(self, factor: Any, *, shift: float = 1.0, name: str | None = None):
        super().__init__(name=name)
        self.factor, self.shift = factor, shift

    def call(self, x: Any) -> Any:
        return x * self.factor + self.shift


class Nameless(Operation):
    def __init__(self, factor: float, shift: float = 1.0):
        super().__init__()
        self.factor, self.shift = factor, shift


class Many(Operation):
    def __init__(self, *factors: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.factors = factors


class Written(Scale):
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


def test_a_config_is_what_an_operation_was_made_with() -> None:
    assert Scale(2.0, name="twice").get_config() == {"factor": 2.0, "shift": 1.0, "name": "twice"}
    assert Nameless(2.0, 3.0).get_config() == {"factor": 2.0, "shift": 3.0}
    assert Written(2.0, shift=0.0, name="own").get_config() == {"name": "own", "factor": 2.0}
    again = Scale.from_config(Scale([1, 2], shift=0.5).get_config())
    assert again.factor == [1, 2] and again.shift == 0.5


def test_an_operation_without_a_written_name_keeps_its_own() -> None:
    made = Scale(factor=2.0)
    assert Scale.from_config(made.get_config()).name == made.name


@pytest.mark.parametrize("made", [lambda: Scale(object()), lambda: Many(1.0, 2.0), lambda: Scale({"a": [object()]})])
def test_what_no_file_can_hold_is_refused(made: Any) -> None:
    with pytest.raises(NotSerializableError, match="define get_config"):
        made().get_config()


def test_names_hold_no_slash() -> None:
    with pytest.raises(SymkerasError, match="has no '/'"):
        Scale(1.0, name="a/b")
