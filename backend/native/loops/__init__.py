"""Writing loops in C: fusion groups, copies, batch tiles, row passes."""
