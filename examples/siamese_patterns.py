"""Two branches that share a network, as scripts of 2017 wrote it: which pairs of patterns are of one kind?

Run it with `symkeras run examples/siamese_patterns.py`.
"""

import numpy as np
from keras import backend as K
from keras.layers import Dense, Dropout, Input, Lambda
from keras.models import Model
from keras.optimizers import RMSprop

KINDS, WIDTH = 5, 24

# Patterns of five kinds, each scattered about a centre of its own.
rng = np.random.RandomState(3)
centres = rng.standard_normal((KINDS, WIDTH))


def pairs(count):
    """`count` pairs of patterns, half of them of one kind, and whether they are."""
    first = rng.randint(KINDS, size=count)
    is_same = np.arange(count) % 2
    second = np.where(is_same, first, (first + rng.randint(1, KINDS, size=count)) % KINDS)
    left, right = (centres[kind] + 0.7 * rng.standard_normal((count, WIDTH)) for kind in (first, second))
    return [left.astype("float32"), right.astype("float32")], is_same[:, None].astype("float32")


def distance(vectors):
    x, y = vectors
    return K.sqrt(K.maximum(K.sum(K.square(x - y), axis=1, keepdims=True), K.epsilon()))


def contrastive_loss(y_true, y_pred):
    """Pairs of one kind are drawn together, others pushed apart as far as 1 (Hadsell et al. 2006)."""
    return K.mean(y_true * K.square(y_pred) + (1 - y_true) * K.square(K.maximum(1 - y_pred, 0)))


def accuracy(y_true, y_pred):
    return K.mean(K.equal(y_true, K.cast(y_pred < 0.5, y_true.dtype)))


x = Input(shape=(WIDTH,))
h = Dropout(0.1)(Dense(32, activation="relu")(x))
shared = Model(x, Dense(16)(h))

left, right = Input(shape=(WIDTH,)), Input(shape=(WIDTH,))
apart = Lambda(distance, output_shape=lambda shapes: (shapes[0][0], 1))([shared(left), shared(right)])
model = Model([left, right], apart)
model.compile(loss=contrastive_loss, optimizer=RMSprop(), metrics=[accuracy])

x_train, y_train = pairs(2000)
x_test, y_test = pairs(400)
model.fit(x_train, y_train, batch_size=64, epochs=8, validation_data=(x_test, y_test), verbose=0)

loss, right_pairs = model.evaluate(x_test, y_test, verbose=0)
print(f"pairs that were not trained on: loss {loss:.3f}, right {right_pairs:.3f} (guessing gives 0.500)")
