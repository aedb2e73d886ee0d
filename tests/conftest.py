"""Options and fixtures that all tests share: `--backend` names the backends that tests of graphs, layers and models run on."""

from __future__ import annotations

import importlib
import signal
from collections.abc import Iterator

import numpy as np
import pytest

import symkeras
from tests import backends

GRAPH_BACKENDS = "interpreter,numpy"
MODEL_BACKENDS = "numpy"
"""Without `--backend`: the interpreter takes long for models, and `tests/models/check_model.py` asks it anyway."""


def pytest_addoption(parser: pytest.Parser) -> None:
    text = f"backends to hold against the reference, with commas; default {GRAPH_BACKENDS}, for models {MODEL_BACKENDS}"
    parser.addoption("--backend", help=text)


def pytest_configure(config: pytest.Config) -> None:
    if "s" not in config.option.reportchars:
        config.option.reportchars += "s"  # a skip without its reason on the screen would hide a missing backend
    backends.named[:] = names(config, GRAPH_BACKENDS)


def names(config: pytest.Config, default: str) -> list[str]:
    """The backends that `--backend` asks for, or those of `default`."""
    return [name.strip() for name in (config.getoption("--backend") or default).split(",") if name.strip()]


def pytest_report_header(config: pytest.Config) -> str:
    return f"backends: {', '.join(name + (' (missing)' if backends.missing(name) else '') for name in backends.named)}"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture, default in (("backend", GRAPH_BACKENDS), ("model_backend", MODEL_BACKENDS)):
        if fixture in metafunc.fixturenames:
            metafunc.parametrize(fixture, names(metafunc.config, default), indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend of `--backend`; the test is skipped where it cannot be imported."""
    reason = backends.missing(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def model_backend(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same, and models are compiled for it where they name none."""
    reason = backends.missing(request.param)
    if reason:
        pytest.skip(reason)
    before = symkeras.config.backend()
    symkeras.config.set_backend(request.param)
    yield request.param
    symkeras.config.set_backend(before)


@pytest.fixture
def _planned(model_backend: str) -> None:
    """For tests of memory plans and of costs by kernel, which only backends have that run a program of ours."""
    if not backends.plans(model_backend):
        pytest.skip(f"{model_backend} runs no program of ours: no memory plan, no kernels to count")


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """SIGINT raises KeyboardInterrupt, also where the suite was started in the background by a shell that has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Weights, masks and shuffles are the same in every run, whatever ran before in this process."""
    symkeras.utils.set_random_seed(7)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run."""
    return np.random.default_rng(7)


@pytest.fixture
def networkx() -> object:
    """The networkx module."""
    return importlib.import_module("networkx")
