"""A training loop outside of fit, on arrays and as a tf.function; a saliency map; penalised gradients."""
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(1)

rng = np.random.RandomState(0)
x_train = rng.randn(256, 4).astype("float32")
y_train = (x_train.sum(1) > 0).astype("int32")
inputs = keras.Input(shape=(4,))
outputs = keras.layers.Dense(2)(keras.layers.Dense(16, activation="relu", activity_regularizer="l2")(inputs))
model = keras.Model(inputs=inputs, outputs=outputs)
optimizer = keras.optimizers.Adam(learning_rate=1e-2)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_metric, val_metric = keras.metrics.SparseCategoricalAccuracy(), keras.metrics.SparseCategoricalAccuracy()
train_dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).shuffle(buffer_size=256).batch(64)


def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_metric.update_state(y, logits)
    return loss_value


@tf.function
def compiled_step(x, y):
    return train_step(x, y)


@tf.function
def test_step(x, y):
    val_metric.update_state(y, model(x, training=False))


for step_fn in (train_step, compiled_step):
    first = last = None
    for epoch in range(3):
        for step, (x_batch, y_batch) in enumerate(train_dataset):
            loss = step_fn(x_batch, y_batch)
            last = float(loss)
            first = last if first is None else first
            assert loss.numpy().shape == () and isinstance(x_batch.numpy(), np.ndarray)
        accuracy = float(train_metric.result())
        train_metric.reset_state()
        for x_batch, y_batch in train_dataset:
            test_step(x_batch, y_batch)
        val_metric.reset_state()
    assert last < first and accuracy > 0.7, (first, last, accuracy)

x = tf.convert_to_tensor(x_train[:3])
with tf.GradientTape() as tape:
    tape.watch(x)
    logits = model(x)
    top = tf.reduce_max(logits, axis=-1)
saliency = tf.abs(tape.gradient(top, x))
assert saliency.shape == (3, 4) and saliency.numpy().max() > 0

w = tf.Variable([1.0, 2.0])
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = tf.reduce_sum(w**3)
    slope = inner.gradient(y, w)
    norm = tf.sqrt(tf.reduce_sum(tf.square(slope)))
assert outer.gradient(norm, w).shape == (2,)
w.assign_add([1.0, 1.0])
assert w.numpy().tolist() == [2.0, 3.0]
