"""Engines are loaded before a test begins: what they do to the process when they are imported is no part of it."""

import pytest

from symkeras.backend import interface


@pytest.fixture(autouse=True)
def loaded(request: pytest.FixtureRequest) -> None:
    """The engine that the parameter of a test names, imported; PyTensor raises the limit of recursion, which Hypothesis takes amiss."""
    engine = getattr(request.node, "callspec", None) and request.node.callspec.params.get("engine")
    if engine is not None:
        interface.get(engine)
