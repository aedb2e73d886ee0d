"""The TensorFlow that is installed, also where `symkeras run` lets the name `tensorflow` mean symkeras; its chatter at import is kept back."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from symkeras import keras_alias

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
_CHATTER = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()")
"""How lines begin that its libraries write whatever level is set."""


@contextmanager
def _quiet() -> Iterator[None]:
    """What C writes to stderr comes afterwards, without chatter; as it comes where there is no stderr, or no file to keep it in.

    Of a process that TensorFlow ends while it is imported nothing comes: `python -c "import tensorflow"` says why.
    """
    with ExitStack() as stack:
        try:
            kept = stack.enter_context(tempfile.TemporaryFile())
            own = os.dup(2)
        except OSError:
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)
            kept.seek(0)
            for line in kept:
                if not line.startswith(_CHATTER):
                    os.write(2, line)


_before = os.environ.get(_LEVEL)
os.environ.setdefault(_LEVEL, "3")
try:
    with keras_alias.set_aside(), warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        import tensorflow as tf

        tf.config.list_physical_devices()  # logs what it finds
finally:
    if _before is None:
        os.environ.pop(_LEVEL, None)

__all__ = ["tf"]
