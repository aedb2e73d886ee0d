"""How each op that is no cluster becomes calls of the C kernels in `include/symkeras`."""
