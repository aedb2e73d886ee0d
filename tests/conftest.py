"""Options and fixtures that all tests share: `--backend` names the backends that the op and layer suites run on."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

import symkeras.backend.interface as interface
from symkeras import errors

DEFAULT_BACKENDS = "interpreter,numpy"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--backend", default=DEFAULT_BACKENDS, help=f"backends to hold against the reference, with commas; default {DEFAULT_BACKENDS}")


def pytest_configure(config: pytest.Config) -> None:
    if "s" not in config.option.reportchars:
        config.option.reportchars += "s"  # a skip without its reason on the screen would hide a missing backend


def missing(name: str) -> str:
    """Why backend `name` cannot run here, "" if it can."""
    try:
        interface.get(name)
    except (ImportError, AttributeError, errors.BackendError) as error:
        return f"backend {name!r} is not available: {error}"
    return ""


def backend_names(config: pytest.Config) -> list[str]:
    """The backends that `--backend` asks for."""
    return [name.strip() for name in config.getoption("--backend").split(",") if name.strip()]


def pytest_report_header(config: pytest.Config) -> str:
    return f"backends: {', '.join(name + (' (missing)' if missing(name) else '') for name in backend_names(config))}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", backend_names(metafunc.config), indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend of `--backend`; the test is skipped where it cannot be imported."""
    reason = missing(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture
def networkx() -> object:
    """The networkx module."""
    return importlib.import_module("networkx")
