"""The public names that are tested, each by a kind, and those that are not, with reasons."""

from __future__ import annotations

from symkeras import not_offered
from tests.conformance.kinds.draws import DRAWN, Draws, Initializers
from tests.conformance.kinds.functions import Activations, Losses
from tests.conformance.kinds.kind import Kind
from tests.conformance.kinds.layers import Layers, Merging, takes_inputs
from tests.conformance.kinds.models import Models
from tests.conformance.kinds.objects import Constraints, LossClasses, Metrics, Regularizers, Schedules
from tests.conformance.kinds.operand_rows import ROWS
from tests.conformance.kinds.operations import Operations
from tests.conformance.kinds.optimizers import Optimizers
from tests.surface.names import recorded

KINDS: dict[str, tuple[Kind, Kind]] = {
    "ops": (Operations(), Operations()),
    "ops.image": (Operations(), Operations()),
    "activations": (Activations(), Activations()),
    "constraints": (Constraints(), Constraints()),
    "initializers": (Initializers(), Initializers()),
    "layers": (Layers(), Merging()),
    "losses": (LossClasses(), Losses()),
    "metrics": (Metrics(), Losses()),
    "models": (Models(), Models()),
    "optimizers": (Optimizers(), Optimizers()),
    "optimizers.schedules": (Schedules(), Schedules()),
    "random": (Draws(), Draws()),
    "regularizers": (Regularizers(), Regularizers()),
}
"""Module below `keras` -> the kind of its classes, and of its functions."""

NOT_TESTED: dict[str, dict[str, str]] = {
    "the configs of every case are written and read by both sides": {
        **dict.fromkeys(
            ["activations", "constraints", "initializers", "losses", "metrics", "optimizers", "regularizers"], "deserialize get serialize"
        ),
        "layers": "deserialize serialize",
        "optimizers.schedules": "deserialize serialize",
    },
    "a base class, which computes nothing itself": {
        "constraints": "Constraint",
        "initializers": "Initializer",
        "layers": "Layer Wrapper InputSpec",
        "losses": "Loss",
        "metrics": "Metric",
        "optimizers": "Optimizer",
        "optimizers.schedules": "LearningRateSchedule",
        "regularizers": "Regularizer",
    },
    "a class under the name of a function": {
        "constraints": "max_norm min_max_norm non_neg unit_norm",
        "regularizers": "l1 l1_l2 l2 orthogonal_regularizer",
        "initializers": "constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform ones "
        "orthogonal random_normal random_uniform stft truncated_normal variance_scaling zeros",
    },
    "made of optimizers for layers of a model: tests/optimizers": {"optimizers": "MultiOptimizer OptimizerMap"},
    "a state that others draw from": {"random": "SeedGenerator"},
    "its boxes are dicts of ragged lists: tests/layers": {"layers": "MaxNumBoundingBoxes"},
    "the files and configs of every model are written and read by both sides": {"models": "clone_model load_model model_from_json save_model"},
    "gives no array": {"ops": "shape dtype is_tensor custom_gradient vectorize"},
    "it takes a function: tests/autodiff": {"ops": "jvp"},
    "it draws numbers: tests/random": {"ops.image": "elastic_transform"},
    "its vectors have no sign of their own: tests/ops": {"ops": "eig"},
    "its numbers are those of memory": {"ops": "empty"},
    "a symbolic tensor, no layer": {"layers": "Input InputLayer"},
}
"""Reason -> module -> names."""


def reason(module: str, name: str) -> str | None:
    """Why a name is not tested; None where it is."""
    listed = (why for why, modules in NOT_TESTED.items() if name in modules.get(module, "").split())
    return next(listed, None) or not_offered.reason(module, name)


def kind_of(path: str) -> Kind:
    module, _, name = path.rpartition(".")
    return KINDS[module][0 if name[0].isupper() else 1]


def tested() -> list[str]:
    """The paths that are tested, in order."""
    return [f"{module}.{name}" for module in KINDS for name in recorded()[module] if reason(module, name) is None]


def not_tested() -> dict[str, str]:
    """The paths that are not, each with the reason."""
    found = {f"{module}.{name}": reason(module, name) for module in KINDS for name in recorded()[module]}
    return {path: why for path, why in found.items() if why is not None}


def undecided() -> list[str]:
    """Names that nothing is drawn for and that no reason is given for: none, once all is well."""
    return [path for path in tested() if not _has_inputs(path)]


def _has_inputs(path: str) -> bool:
    module, _, name = path.rpartition(".")
    if module in ("ops", "ops.image"):
        return name in ROWS
    if module == "random":
        return name in DRAWN
    return module != "layers" or takes_inputs(name)
