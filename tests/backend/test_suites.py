"""What `make test-backends` and `make test-native` rerun is all that takes a backend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAKES = re.compile(
    r"def test_\w+\([^)]*\b(?:model_)?backend: str|"
    r"\b(?:evaluate_on_all|check_layer|check_metric|check_model|check_backend|both_ways)\("
)
GIVEN = re.compile(r'parametrize\(\(?"(?:name", ")?backend"')
OF_ENGINES = re.compile(r"tests/(?:backend/(?:native|engines?|jax|torch|tensorflow|pytensor|onnx|onnxruntime)|distribution)/")


def rerun() -> list[str]:
    """The suites that the Makefile names."""
    found = re.search(r"TAKE_A_BACKEND := \$\(addprefix tests/,([^)]*)\)", (ROOT / "Makefile").read_text())
    assert found is not None
    return [f"tests/{name}" for name in found[1].replace("\\", " ").split()]


@pytest.mark.skipif(not (ROOT / "Makefile").exists(), reason="the Makefile is not here")
def test_every_suite_that_takes_a_backend_is_rerun_on_engines() -> None:
    suites = rerun()
    assert all((ROOT / name).exists() for name in suites)
    missed = []
    for path in ROOT.glob("tests/**/test_*.py"):
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        takes = TAKES.search(text) and not GIVEN.search(text) and not OF_ENGINES.match(name)
        if takes and not any(name == s or name.startswith(f"{s}/") for s in suites):
            missed.append(name)
    assert missed == []
