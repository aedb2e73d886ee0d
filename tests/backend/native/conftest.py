"""What tests of the native backend share."""

from __future__ import annotations

import pytest

from tests.backends import missing


@pytest.fixture
def backend_native() -> None:
    """The test is skipped, with the reason, where nothing compiles C."""
    reason = missing("native")
    if reason:
        pytest.skip(reason)
