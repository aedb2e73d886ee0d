"""NumPy kernels: what the emitted source calls by name besides NumPy itself.

A kernel named here takes its arrays once, when sizes are known, and returns a function without arguments that computes;
`table` says which op is a plain NumPy line and which is a kernel.
"""

from symkeras.backend.numpy.kernels.convolution import conv, conv_filter_grad, conv_input_grad
from symkeras.backend.numpy.kernels.elementwise import cast, select
from symkeras.backend.numpy.kernels.groups import cut, cuts, each
from symkeras.backend.numpy.kernels.indexing import add_along_axis, combine_rows, gather, scatter_add, set_rows, take_along_axis
from symkeras.backend.numpy.kernels.linalg import matmul
from symkeras.backend.numpy.kernels.ordering import top_k
from symkeras.backend.numpy.kernels.pooling import max_pool, max_pool_grad, sum_pool, sum_pool_grad
from symkeras.backend.numpy.kernels.random import random_bits
from symkeras.backend.numpy.kernels.reductions import argmax, argmin, cumprod, cumsum, maximum_over, minimum_over, sum_over
from symkeras.backend.numpy.kernels.reference import pad, parts, piece, poison, reference, value
from symkeras.backend.numpy.kernels.singles import arctanh, cosh, expm1, floor_divide, log1p, logaddexp, mod, sinh, tan
from symkeras.backend.numpy.kernels.special import erf, erfinv

__all__ = [
    "add_along_axis", "arctanh", "argmax", "argmin", "cast", "combine_rows", "conv", "conv_filter_grad", "conv_input_grad", "cosh",
    "cumprod", "cumsum", "cut", "cuts", "each", "erf", "erfinv", "expm1", "floor_divide", "gather", "log1p", "logaddexp", "matmul",
    "max_pool", "max_pool_grad", "maximum_over", "minimum_over", "mod", "pad", "parts", "piece", "poison", "random_bits", "reference",
    "scatter_add", "select", "set_rows", "sinh", "sum_over", "sum_pool", "sum_pool_grad", "take_along_axis", "tan", "top_k", "value",
]  # fmt: skip
