"""The dtypes that tests go through: those of `ml_dtypes` only where that is installed."""

from __future__ import annotations

from importlib.util import find_spec

from symkeras.graph import dtypes

FOREIGN = tuple(d for d in dtypes.ALL if d in dtypes.FOREIGN and find_spec("ml_dtypes"))
KNOWN = tuple(dtypes.standardize(d) for d in dtypes.ALL if d not in dtypes.FOREIGN or d in FOREIGN)
"""All of them; NumPy knows each by its name."""
