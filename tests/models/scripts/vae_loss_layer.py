"""A variational autoencoder of later 2017: a layer that adds a loss closed over tensors of the model, compiled without any."""

import numpy as np
from keras import backend as K
from keras import metrics
from keras.layers import Dense, Input, Lambda, Layer
from keras.models import Model

rows, original_dim, latent_dim = 20, 12, 2
x_train = np.random.rand(100, original_dim)


def sampling(args):
    mean, log_var = args
    return mean + K.exp(log_var / 2) * K.random_normal(shape=(K.shape(mean)[0], latent_dim), mean=0.0, stddev=1.0)


x = Input(shape=(original_dim,))
h = Dense(8, activation="relu")(x)
z_mean = Dense(latent_dim)(h)
z_log_var = Dense(latent_dim)(h)
z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_var])
decoded = Dense(original_dim, activation="sigmoid")(Dense(8, activation="relu")(z))


class CustomVariationalLayer(Layer):
    def __init__(self, **kwargs):
        self.is_placeholder = True
        super().__init__(**kwargs)

    def vae_loss(self, x, decoded):
        reconstruction = original_dim * metrics.binary_crossentropy(x, decoded)
        return K.mean(reconstruction - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1))

    def call(self, inputs):
        self.add_loss(self.vae_loss(inputs[0], inputs[1]), inputs=inputs)
        return inputs[0]


vae = Model(x, CustomVariationalLayer()([x, decoded]))
vae.compile(optimizer="rmsprop", loss=None)
losses = vae.fit(x_train, shuffle=True, epochs=15, batch_size=rows, validation_data=(x_train, None), verbose=0).history
assert losses["loss"][-1] < losses["loss"][0] and len(losses["val_loss"]) == 15
print("done")
