"""Run where TensorFlow is installed: its names are its own, and symkeras' where symkeras computes."""

import numpy as np
import tensorflow as tf
import tensorflow.data
from tensorflow import keras
from tensorflow.data import Dataset
from tensorflow.keras import layers

import symkeras

A = np.arange(6, dtype="float32").reshape(2, 3)
assert layers.Dense is symkeras.layers.Dense and keras.Model is symkeras.Model and tf.keras.layers.Dense is layers.Dense
for made in (tf.constant([1.0]), tf.reduce_mean([1.0, 2.0]), tf.random.normal((2,)), Dataset.range(3), tensorflow.data.Dataset.range(2)):
    assert type(made).__module__.startswith("tensorflow."), type(made)
assert tf.strings.lower("A").numpy() == b"a" and tf.__version__.startswith("2.")


class Own(keras.Model):
    def train_step(self, data):
        x, y = data
        noise = tf.random.normal((tf.shape(x)[0], 1))
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(x) - tf.cast(y, tf.float32))) + 0 * tf.reduce_sum(noise)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
        return {"loss": loss}


inputs = keras.Input((3,), dtype=tf.float32)
model = Own(inputs, layers.Dense(1)(inputs))
model.compile("sgd")
data = tf.data.Dataset.from_tensor_slices((A, A[:, :1])).map(lambda x, y: (tf.cast(x, tf.float32) / 10, y)).batch(2)
assert np.isfinite(model.fit(data, epochs=2, verbose=0).history["loss"]).all()
for x, y in data:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(x) - y))
    grads = tape.gradient(loss, model.trainable_variables)
    assert np.abs(grads[0]).max() > 0
    model.optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
    with tf.GradientTape() as tape:
        loss = y - model(x)
    try:
        tape.gradient(loss, model.trainable_variables)
    except symkeras.errors.GradientError as error:
        assert "of TensorFlow" in str(error)
    else:
        raise AssertionError("what TensorFlow computed is not recorded")


@tf.function
def step(x):
    return tf.reduce_sum(model(x))


assert np.isfinite(float(step(A)))

# Layers in the functions of a data set of TensorFlow run when it does.
texts = layers.TextVectorization(standardize=tf.strings.lower, vocabulary=["a", "b"], output_sequence_length=3)
flip = keras.Sequential([layers.Rescaling(0.5), layers.RandomFlip()])
data = Dataset.from_tensor_slices((["A b", "c"], np.ones((2, 4, 4, 1), "float32"))).batch(2).map(lambda t, x: (texts(t), flip(x, training=True)))
assert [tuple(s.shape) for s in data.element_spec] == [(None, 3), (None, 4, 4, 1)]
numbers, images = next(iter(data))
assert numbers.numpy().tolist() == [[2, 3, 0], [1, 0, 0]] and images.numpy().mean() == 0.5
pair = Dataset.from_tensor_slices((A, A)).batch(2).map(lambda x, y: layers.Add()([x, y]))
assert np.array_equal(next(iter(pair)), 2 * A)
print("done")
