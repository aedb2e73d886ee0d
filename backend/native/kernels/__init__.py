"""How each op that is no fusion group becomes calls of the C kernels in `include/symkeras`."""
