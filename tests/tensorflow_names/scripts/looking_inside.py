"""Class activation maps, images that excite a filter, a critic with a penalty on its gradient, and an actor that learns from a game."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(1)

model = keras.Sequential([
    keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu", name="last_conv"), layers.GlobalAveragePooling2D(),
    layers.Dense(5, activation="softmax"),
])
image = np.random.RandomState(0).rand(1, 8, 8, 3).astype("float32")
grad_model = keras.Model(model.inputs, [model.get_layer("last_conv").output, model.output])
with tf.GradientTape() as tape:
    maps, predictions = grad_model(image)
    chosen = tf.argmax(predictions[0])
    score = predictions[:, chosen]
grads = tape.gradient(score, maps)
pooled = tf.reduce_mean(grads, axis=(0, 1, 2))
heatmap = tf.squeeze(maps[0] @ pooled[..., tf.newaxis])
heatmap = tf.maximum(heatmap, 0) / (tf.math.reduce_max(heatmap) + 1e-9)
assert heatmap.numpy().shape == (6, 6)

extractor = keras.Model(model.inputs, model.get_layer("last_conv").output)


def excitement(img, index):
    return tf.reduce_mean(extractor(img)[:, 2:-2, 2:-2, index])


@tf.function
def ascend(img, index, rate):
    with tf.GradientTape() as tape:
        tape.watch(img)
        loss = excitement(img, index)
    grads = tf.math.l2_normalize(tape.gradient(loss, img))
    img += rate * grads
    return loss, img


img = tf.random.uniform((1, 8, 8, 3))
first, img = ascend(img, 1, 1.0)
for _ in range(3):
    loss, img = ascend(img, 1, 1.0)
assert loss >= first and img[0].numpy().shape == (8, 8, 3)

critic = keras.Sequential([keras.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(1)])
critic_optimizer = keras.optimizers.Adam(0.01, beta_1=0.5)


class Critic(keras.Model):
    def train_step(self, data):
        real = data[0] if isinstance(data, tuple) else data
        rows = tf.shape(real)[0]
        with tf.GradientTape() as tape:
            fake = tf.random.normal((rows, 4))
            alpha = tf.random.uniform([rows, 1], 0.0, 1.0)
            between = real + alpha * (fake - real)
            with tf.GradientTape() as gp_tape:
                gp_tape.watch(between)
                judged = critic(between, training=True)
            slope = gp_tape.gradient(judged, [between])[0]
            penalty = tf.reduce_mean((tf.sqrt(tf.reduce_sum(tf.square(slope), axis=[1])) - 1.0) ** 2)
            loss = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real)) + 10.0 * penalty
        critic_optimizer.apply_gradients(zip(tape.gradient(loss, critic.trainable_variables), critic.trainable_variables))
        return {"loss": loss, "penalty": penalty}


for eagerly in (False, True):
    judge = Critic()
    judge.compile(run_eagerly=eagerly)
    history = judge.fit(np.random.RandomState(1).randn(32, 4).astype("float32"), batch_size=16, epochs=3, verbose=0).history
    assert np.isfinite(history["loss"]).all() and history["penalty"][-1] < history["penalty"][0] + 1

inputs = keras.Input((3,))
common = layers.Dense(8, activation="relu")(inputs)
actor = keras.Model(inputs, [layers.Dense(2, activation="softmax")(common), layers.Dense(1)(common)])
optimizer, huber = keras.optimizers.Adam(0.01), keras.losses.Huber()
before = actor.get_weights()[0].copy()
for episode in range(2):
    state, probabilities, values, rewards = np.ones(3, "float32"), [], [], []
    with tf.GradientTape() as tape:
        for t in range(4):
            batch = tf.expand_dims(tf.convert_to_tensor(state), 0)
            action_probs, value = actor(batch)
            values.append(value[0, 0])
            action = np.random.choice(2, p=np.squeeze(action_probs) / np.sum(action_probs))
            probabilities.append(tf.math.log(action_probs[0, action]))
            state = state + np.float32(action)
            rewards.append(float(action))
        returns = np.cumsum(rewards[::-1])[::-1]
        returns = ((returns - np.mean(returns)) / (np.std(returns) + 1e-7)).tolist()
        actor_losses, critic_losses = [], []
        for log_prob, value, expected in zip(probabilities, values, returns):
            actor_losses.append(-log_prob * (expected - value))
            critic_losses.append(huber(tf.expand_dims(value, 0), tf.expand_dims(expected, 0)))
        loss_value = sum(actor_losses) + sum(critic_losses)
    grads = tape.gradient(loss_value, actor.trainable_variables)
    optimizer.apply_gradients(zip(grads, actor.trainable_variables))
assert np.abs(actor.get_weights()[0] - before).max() > 0
