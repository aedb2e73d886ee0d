"""A variational autoencoder of early 2017: a loss function closed over tensors of the model, a fixed batch size."""

import numpy as np
from keras import backend as K
from keras import metrics
from keras.layers import Dense, Input, Lambda
from keras.models import Model

rows, original_dim, latent_dim = 20, 12, 2
x_train = np.random.rand(100, original_dim)


def sampling(args):
    mean, log_var = args
    return mean + K.exp(log_var / 2) * K.random_normal(shape=(rows, latent_dim), mean=0.0, stddev=1.0)


x = Input(batch_shape=(rows, original_dim))
h = Dense(8, activation="relu")(x)
z_mean = Dense(latent_dim)(h)
z_log_var = Dense(latent_dim)(h)
z = Lambda(sampling, output_shape=(latent_dim,))([z_mean, z_log_var])
decoder_h, decoder_mean = Dense(8, activation="relu"), Dense(original_dim, activation="sigmoid")
decoded = decoder_mean(decoder_h(z))


def vae_loss(x, decoded):
    reconstruction = original_dim * metrics.binary_crossentropy(x, decoded)
    return reconstruction - 0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)


vae = Model(x, decoded)
vae.compile(optimizer="rmsprop", loss=vae_loss)
losses = vae.fit(x_train, x_train, shuffle=True, epochs=15, batch_size=rows, validation_data=(x_train, x_train), verbose=0).history
assert losses["loss"][-1] < losses["loss"][0] and len(losses["val_loss"]) == 15
assert Model(x, z_mean).predict(x_train, batch_size=rows).shape == (100, latent_dim)
code = Input(shape=(latent_dim,))
generator = Model(code, decoder_mean(decoder_h(code)))
assert generator.predict(np.zeros((1, latent_dim))).shape == (1, original_dim)
print("done")
