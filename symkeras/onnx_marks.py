"""What the ONNX models that are written here say to those who read them."""

EXACT = "symkeras_exact"
"""The name of a branch that computes what the other one does, for numbers that are not finite too."""
