"""What the engines can run: every operation, by a function of their own or by its decomposition."""

from __future__ import annotations

import pytest

from symkeras.backend.inventory import report
from tests.backend.engines.engines import ENGINES, each
from tests.backends import refused_by_some

MADE_FOR_NATIVE = {"unique_indices", "gather_unique", "matmul_unique"}
"""What no formula holds: a pass makes them for backends that take them."""


@pytest.mark.parametrize("engine", each(ENGINES))
def test_no_operation_is_missing(engine: str) -> None:
    (row,) = (row for row in report() if row.name == engine)
    assert set(row.missing) <= MADE_FOR_NATIVE | refused_by_some()
    assert row.version and row.devices
