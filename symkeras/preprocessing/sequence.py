"""Sequences of different lengths as arrays."""

from symkeras.utils.sequence import pad_sequences

__all__ = ["pad_sequences"]
