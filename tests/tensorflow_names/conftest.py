"""What pytest leaves alone here."""

collect_ignore = ["scripts", "beside_tensorflow.py"]
"""Whole scripts, which import Keras and TensorFlow."""
