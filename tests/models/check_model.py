"""`check_model`: a model trains to the same weights on the interpreter and at every level of the compiler for the default backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symkeras import config, tree, utils
from tests.backends import levels, poisoned
from tests.tolerances import TOLERANCES


def ways(backend: str) -> list[dict[str, Any]]:
    """The interpreter, and `backend` at its levels, the last time with NaN in all memory that nobody may read."""
    own = [{"level": level} for level in levels(backend)]
    return [{"backend": "interpreter"}, *own, *({**one, **more} for one in own[-1:] if (more := poisoned(backend)))]


def check_model(make: Callable[[], Any], x: Any, y: Any, *, optimizer: Callable[[], Any] | str = "sgd", loss: Any = "mse", metrics: Any = None,
                batch_size: int = 4, **fit: Any) -> Any:  # fmt: skip
    """Train copies of one model with the same weights (in every run of the tests) and seeds, compare them, and return the last one.

    Compared with the interpreter are the history, all variables of model and optimizer, the results of `evaluate` and
    the predictions; every value must be finite.

    Args:
        make: gives a model that is not compiled; called once per level.
        x, y: data of at least two batches, the last of which may be smaller.
        optimizer: a name, or a function that makes one.
        loss, metrics: as for `compile`.
        fit: further arguments of `fit`.
    """
    utils.set_random_seed(7)
    start: Any = None
    expected: dict[str, Any] = {}
    rtol, atol = TOLERANCES["graph"]["float32"]
    model: Any = None
    for options in ways(config.backend()):
        model = make()
        model.compile(optimizer if isinstance(optimizer, str) else optimizer(), loss, metrics=metrics, **options)
        model.predict(x, verbose=0, batch_size=batch_size)
        start = [v.numpy() for v in model.variables] if start is None else start
        for v, value in zip(model.variables, start, strict=True):
            v.set(value)
        found = trained(model, x, y, batch_size, fit)
        expected = expected or found
        assert found.keys() == expected.keys()
        for name in expected:
            for one, wanted in zip(tree.flatten(found[name]), tree.flatten(expected[name]), strict=True):
                assert np.isfinite(one).all(), (options, name)
                np.testing.assert_allclose(one, wanted, rtol=rtol, atol=atol, err_msg=f"{name} {options}")
    return model


def trained(model: Any, x: Any, y: Any, batch_size: int, fit: dict[str, Any]) -> dict[str, Any]:
    """What training leaves: history, variables, evaluation, predictions."""
    history = model.fit(x, y, batch_size=batch_size, shuffle=False, verbose=0, **fit).history
    state = {f"variable {k}": v.numpy() for k, v in enumerate([*model.variables, *model.optimizer.variables])}
    evaluation = model.evaluate(x, y, batch_size=batch_size, verbose=0)
    return {"history": dict(history), **state, "evaluate": evaluation, "predict": model.predict(x, batch_size=batch_size, verbose=0)}
