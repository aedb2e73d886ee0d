"""A variational autoencoder whose step is written down."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(1)


class Sampling(layers.Layer):
    def call(self, inputs):
        mean, log_var = inputs
        batch, dim = tf.shape(mean)[0], tf.shape(mean)[1]
        return mean + tf.exp(0.5 * log_var) * tf.random.normal(shape=(batch, dim))


encoder_inputs = keras.Input(shape=(8, 8, 1))
x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu", strides=2, padding="same")(encoder_inputs))
z_mean, z_log_var = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
encoder = keras.Model(encoder_inputs, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])], name="encoder")
latent = keras.Input(shape=(2,))
decoder = keras.Model(latent, layers.Conv2DTranspose(1, 3, strides=2, padding="same", activation="sigmoid")(
    layers.Reshape((4, 4, 4))(layers.Dense(64, activation="relu")(latent))), name="decoder")


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder
        self.total, self.pixels, self.kl = (keras.metrics.Mean(name=n) for n in ("total_loss", "reconstruction_loss", "kl_loss"))

    @property
    def metrics(self):
        return [self.total, self.pixels, self.kl]

    def train_step(self, data):
        if isinstance(data, tuple):
            data = data[0]
        with tf.GradientTape() as tape:
            mean, log_var, z = self.encoder(data)
            found = self.decoder(z)
            pixels = tf.reduce_mean(tf.reduce_sum(keras.losses.binary_crossentropy(data, found), axis=(1, 2)))
            kl = -0.5 * (1 + log_var - tf.square(mean) - tf.exp(log_var))
            kl = tf.reduce_mean(tf.reduce_sum(kl, axis=1))
            total = pixels + kl
        grads = tape.gradient(total, self.trainable_weights)
        self.optimizer.apply_gradients(zip(grads, self.trainable_weights))
        self.total.update_state(total)
        self.pixels.update_state(pixels)
        self.kl.update_state(kl)
        return {m.name: m.result() for m in self.metrics}


digits = np.zeros((64, 8, 8, 1), "float32")
digits[::2, 2:6] = 1
digits[1::2, :, 2:6] = 1
for eagerly in (False, True):
    vae = VAE(encoder, decoder)
    vae.compile(optimizer=keras.optimizers.Adam(0.01), run_eagerly=eagerly)
    history = vae.fit(digits, epochs=4, batch_size=16, verbose=0).history
    assert history["total_loss"][-1] < history["total_loss"][0]
assert vae.encoder.predict(digits, verbose=0)[2].shape == (64, 2)
