"""A variational autoencoder of 2018: encoder and decoder are models, the loss is a tensor added to the whole."""

import numpy as np
from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy
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
encoder = Model(x, [z_mean, z_log_var, z], name="encoder")
code = Input(shape=(latent_dim,), name="z_sampling")
decoder = Model(code, Dense(original_dim, activation="sigmoid")(Dense(8, activation="relu")(code)), name="decoder")
outputs = decoder(encoder(x)[2])
vae = Model(x, outputs, name="vae_mlp")
kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
kl_loss = K.sum(kl_loss, axis=-1)
kl_loss *= -0.5
vae.add_loss(K.mean(original_dim * binary_crossentropy(x, outputs) + kl_loss))
vae.compile(optimizer="adam")
losses = vae.fit(x_train, epochs=15, batch_size=rows, validation_data=(x_train, None), verbose=0).history
assert losses["loss"][-1] < losses["loss"][0] and len(losses["val_loss"]) == 15
print("done")
