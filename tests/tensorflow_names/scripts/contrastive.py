"""Two views of each image, whose representations are drawn together (SimCLR's loss, and SimSiam's)."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(1)


def views():
    return keras.Sequential([layers.RandomFlip("horizontal"), layers.GaussianNoise(0.1)])


class Contrastive(keras.Model):
    def __init__(self, temperature=0.1):
        super().__init__()
        self.temperature = temperature
        self.first, self.second = views(), views()
        self.encoder = keras.Sequential([keras.Input((6, 6, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Flatten(), layers.Dense(8)])
        self.head = keras.Sequential([keras.Input((8,)), layers.Dense(8, activation="relu"), layers.Dense(8)])
        self.probe = keras.Sequential([keras.Input((8,)), layers.Dense(2)])

    def compile(self, contrastive_optimizer, probe_optimizer, **kwargs):
        super().compile(**kwargs)
        self.contrastive_optimizer, self.probe_optimizer = contrastive_optimizer, probe_optimizer
        self.probe_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.loss_metric, self.accuracy = keras.metrics.Mean(name="c_loss"), keras.metrics.SparseCategoricalAccuracy(name="c_acc")
        self.probe_accuracy = keras.metrics.SparseCategoricalAccuracy(name="p_acc")

    @property
    def metrics(self):
        return [self.loss_metric, self.accuracy, self.probe_accuracy]

    def contrastive_loss(self, a, b):
        a, b = tf.math.l2_normalize(a, axis=1), tf.math.l2_normalize(b, axis=1)
        similarities = tf.matmul(a, b, transpose_b=True) / self.temperature
        own = tf.range(tf.shape(a)[0])
        self.accuracy.update_state(own, similarities)
        self.accuracy.update_state(own, tf.transpose(similarities))
        one = keras.losses.sparse_categorical_crossentropy(own, similarities, from_logits=True)
        other = keras.losses.sparse_categorical_crossentropy(own, tf.transpose(similarities), from_logits=True)
        return tf.reduce_mean(one + other) / 2

    def siamese_loss(self, p, z):
        z = tf.stop_gradient(z)
        return -tf.reduce_mean(tf.reduce_sum(tf.math.l2_normalize(p, axis=1) * tf.math.l2_normalize(z, axis=1), axis=1))

    def train_step(self, data):
        images, labels = data
        one, two = self.first(images, training=True), self.second(images, training=True)
        with tf.GradientTape() as tape:
            a, b = self.encoder(one, training=True), self.encoder(two, training=True)
            loss = self.contrastive_loss(self.head(a), self.head(b)) + 0.1 * self.siamese_loss(self.head(a), b)
        weights = self.encoder.trainable_weights + self.head.trainable_weights
        self.contrastive_optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        self.loss_metric.update_state(loss)
        with tf.GradientTape() as tape:
            logits = self.probe(self.encoder(images, training=False))
            loss = self.probe_loss(labels, logits)
        self.probe_optimizer.apply_gradients(zip(tape.gradient(loss, self.probe.trainable_weights), self.probe.trainable_weights))
        self.probe_accuracy.update_state(labels, logits)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        images, labels = data
        self.probe_accuracy.update_state(labels, self.probe(self.encoder(images, training=False), training=False))
        return {"p_acc": self.probe_accuracy.result()}


rng = np.random.RandomState(0)
images = rng.rand(48, 6, 6, 1).astype("float32")
labels = (images.mean((1, 2, 3)) > 0.5).astype("int32")
train = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(48).batch(16).prefetch(tf.data.AUTOTUNE)
model = Contrastive()
model.compile(contrastive_optimizer=keras.optimizers.Adam(), probe_optimizer=keras.optimizers.Adam())
history = model.fit(train, epochs=2, validation_data=train, verbose=0).history
assert set(history) == {"c_loss", "c_acc", "p_acc", "val_p_acc"} and np.isfinite(history["c_loss"]).all()
