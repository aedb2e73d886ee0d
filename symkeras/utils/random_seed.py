"""One seed for everything that draws random numbers in this process."""

from __future__ import annotations

import random

import numpy as np

from symkeras.errors import ConfigError
from symkeras.random.seed_generator import global_seed_generator, is_int, make_default_seed


def set_random_seed(seed: int) -> None:
    """Seed Python's `random`, NumPy's global generator and the generator behind `symkeras.random`.

    Layers, initializers and shuffling made afterwards take their own seeds from these, so a program that calls this first
    draws the same numbers every time.

    Args:
        seed: from 0 to 2**32 - 1.

    Raises:
        ConfigError: not an int of that range.

    >>> from symkeras import random
    >>> set_random_seed(3); first = random.normal((2,))
    >>> set_random_seed(3); bool((random.normal((2,)) == first).all())
    True
    """
    if not is_int(seed) or not 0 <= seed < 2**32:
        raise ConfigError(f"set_random_seed expects an int from 0 to 2**32 - 1, received {seed!r}")
    generator = global_seed_generator()
    random.seed(int(seed))
    np.random.seed(int(seed))
    generator.reset(make_default_seed())
