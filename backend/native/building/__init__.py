"""Building C files and loading what was built."""
