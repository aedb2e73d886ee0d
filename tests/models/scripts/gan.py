"""A generative adversarial network as scripts of 2017 wrote it: one optimizer, compiled, frozen, compiled again."""

import numpy as np
from keras.layers import BatchNormalization, Dense, Flatten, Input, Reshape
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Model, Sequential
from keras.optimizers import Adam


class GAN:
    def __init__(self):
        optimizer = Adam(0.0002, 0.5)
        self.critic = self.build_critic()
        self.critic.compile(loss="binary_crossentropy", optimizer=optimizer, metrics=["accuracy"])
        self.generator = self.build_generator()
        z = Input(shape=(10,))
        image = self.generator(z)
        self.critic.trainable = False
        self.combined = Model(z, self.critic(image))
        self.combined.compile(loss="binary_crossentropy", optimizer=optimizer)

    def build_generator(self):
        model = Sequential()
        model.add(Dense(16, input_dim=10))
        model.add(LeakyReLU(alpha=0.2))
        model.add(BatchNormalization(momentum=0.8))
        model.add(Dense(64, activation="tanh"))
        model.add(Reshape((8, 8, 1)))
        noise = Input(shape=(10,))
        return Model(noise, model(noise))

    def build_critic(self):
        model = Sequential()
        model.add(Flatten(input_shape=(8, 8, 1)))
        model.add(Dense(16))
        model.add(LeakyReLU(alpha=0.2))
        model.add(Dense(1, activation="sigmoid"))
        image = Input(shape=(8, 8, 1))
        return Model(image, model(image))

    def train(self, steps, rows=8):
        real, fake = np.ones((rows, 1)), np.zeros((rows, 1))
        for _ in range(steps):
            made = self.generator.predict(np.random.normal(0, 1, (rows, 10)), verbose=0)
            before = self.weights()
            losses = [self.critic.train_on_batch(np.random.rand(rows, 8, 8, 1), real), self.critic.train_on_batch(made, fake)]
            between = self.weights()
            loss = self.combined.train_on_batch(np.random.normal(0, 1, (rows, 10)), real)
            after = self.weights()
            assert np.array(losses).shape == (2, 2) and np.isfinite(loss)
            assert [self.changed(a, b) for a, b in zip(before, between, strict=True)] == [False, True]
            assert [self.changed(a, b) for a, b in zip(between, after, strict=True)] == [True, False]

    def weights(self):
        return self.generator.get_weights(), self.critic.get_weights()

    def changed(self, a, b):
        return any((x != y).any() for x, y in zip(a, b, strict=True))


GAN().train(3)
print("done")
