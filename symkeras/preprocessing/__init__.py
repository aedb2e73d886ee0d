"""Preparing data, at the places where Keras has it."""

from symkeras.preprocessing import sequence

__all__ = ["sequence"]
