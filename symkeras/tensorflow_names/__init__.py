"""Names of TensorFlow that scripts written for Keras use beside Keras, by operations of symkeras; `symkeras run` gives them.

`functions.py` is the table of functions, `values.py` that of everything else, `dataset.py` a small `tf.data`, and `module.py` the module
`tensorflow` itself: the installed one where there is one, with these names in their places where symkeras computes.
"""
