"""The Theano-style functions of Keras 2017; `keras_backend` collects them."""
