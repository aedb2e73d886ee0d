"""Two networks against each other, with a step of the model's own."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

tf.random.set_seed(1)
LATENT = 8


def make_discriminator():
    return keras.Sequential([
        keras.Input((8, 8, 1)), layers.Conv2D(8, 3, strides=2, padding="same"), layers.LeakyReLU(0.2), layers.Flatten(), layers.Dropout(0.2),
        layers.Dense(1, activation="sigmoid"),
    ])


def make_generator():
    return keras.Sequential([
        keras.Input((LATENT,)), layers.Dense(4 * 4 * 4), layers.Reshape((4, 4, 4)), layers.Conv2DTranspose(8, 4, strides=2, padding="same"),
        layers.BatchNormalization(), layers.LeakyReLU(0.2), layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
    ])


class GAN(keras.Model):
    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator, self.generator = discriminator, generator

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn
        self.d_metric, self.g_metric = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_metric, self.g_metric]

    def train_step(self, images):
        if isinstance(images, tuple):
            images = images[0]
        rows = tf.shape(images)[0]
        fake = self.generator(tf.random.normal(shape=(rows, LATENT)))
        both = tf.concat([fake, images], axis=0)
        labels = tf.concat([tf.ones((rows, 1)), tf.zeros((rows, 1))], axis=0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))

        wrong = tf.zeros((rows, 1))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(wrong, self.discriminator(self.generator(tf.random.normal(shape=(rows, LATENT)))))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.d_metric.update_state(d_loss)
        self.g_metric.update_state(g_loss)
        return {"d_loss": self.d_metric.result(), "g_loss": self.g_metric.result()}


class Monitor(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        images = self.model.generator(tf.random.normal(shape=(3, LATENT)))
        images *= 255
        images = images.numpy()
        assert images.shape == (3, 8, 8, 1) and 0 <= images.min() <= images.max() <= 255


pixels = np.random.RandomState(0).rand(64, 8, 8, 1) * 255
dataset = tf.data.Dataset.from_tensor_slices(pixels.astype("float32")).map(lambda x: x / 255.0).shuffle(64).batch(32).prefetch(tf.data.AUTOTUNE)
gan = GAN(make_discriminator(), make_generator())
gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-3), keras.losses.BinaryCrossentropy())
history = gan.fit(dataset, epochs=2, callbacks=[Monitor()], verbose=0).history
assert sorted(history) == ["d_loss", "g_loss"] and np.isfinite(history["d_loss"] + history["g_loss"]).all()
