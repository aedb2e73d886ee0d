"""Models of this folder are compiled for the backends of `--backend`, for NumPy where none is named."""

from __future__ import annotations

import pytest

collect_ignore = ["scripts"]
"""Whole scripts, which import Keras."""


@pytest.fixture(autouse=True)
def _on_the_backend(model_backend: str) -> None:
    pass
