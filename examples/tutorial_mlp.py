"""Getting started, as the Keras guide of 2017 had it: a network of two dense layers on made-up data.

Run it with `symkeras run examples/tutorial_mlp.py`, or, where Keras is installed, with Python alone.
"""

import numpy as np
from keras.layers import Activation, Dense
from keras.models import Sequential
from keras.utils import to_categorical

# Made-up data: 1 000 rows of 100 numbers, scattered about one of ten centres.
rng = np.random.RandomState(7)
labels = rng.randint(10, size=1000)
data = (rng.standard_normal((10, 100))[labels] + 2 * rng.standard_normal((1000, 100))).astype("float32")
x_train, y_train = data[:800], to_categorical(labels[:800], num_classes=10)
x_test, y_test = data[800:], to_categorical(labels[800:], num_classes=10)

model = Sequential()
model.add(Dense(units=64, input_dim=100))
model.add(Activation("relu"))
model.add(Dense(units=10))
model.add(Activation("softmax"))
model.summary()

model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])

# A few passes over the data, in batches of 32 rows.
model.fit(x_train, y_train, epochs=20, batch_size=32, verbose=0)

# One batch by hand.
loss, accuracy = model.train_on_batch(x_train[:32], y_train[:32])
print(f"one batch: loss {loss:.3f}, accuracy {accuracy:.3f}")

loss, accuracy = model.evaluate(x_test, y_test, batch_size=128, verbose=0)
print(f"200 rows that were not trained on: loss {loss:.3f}, accuracy {accuracy:.3f} (guessing gives 0.100)")

classes = model.predict(x_test, batch_size=128, verbose=0)
print("predicted classes of the first ten:", classes[:10].argmax(axis=1).tolist())
print("their labels:                      ", y_test[:10].argmax(axis=1).tolist())
