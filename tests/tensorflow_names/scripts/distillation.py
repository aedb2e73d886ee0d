"""A small network taught by a large one."""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

keras.utils.set_random_seed(1)


class Distiller(keras.Model):
    def __init__(self, student, teacher):
        super().__init__()
        self.teacher, self.student = teacher, student

    def compile(self, optimizer, metrics, student_loss_fn, distillation_loss_fn, alpha=0.1, temperature=3):
        super().compile(optimizer=optimizer, metrics=metrics)
        self.student_loss_fn, self.distillation_loss_fn, self.alpha, self.temperature = student_loss_fn, distillation_loss_fn, alpha, temperature

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, allow_empty=False):
        taught = self.teacher(x, training=False)
        student = self.student_loss_fn(y, y_pred)
        distilled = self.distillation_loss_fn(
            tf.nn.softmax(taught / self.temperature, axis=1), tf.nn.softmax(y_pred / self.temperature, axis=1)) * self.temperature**2
        return self.alpha * student + (1 - self.alpha) * distilled

    def call(self, x):
        return self.student(x)


class DistillerByHand(Distiller):
    def train_step(self, data):
        x, y = data
        taught = self.teacher(x, training=False)
        with tf.GradientTape() as tape:
            logits = self.student(x, training=True)
            student = self.student_loss_fn(y, logits)
            distilled = self.distillation_loss_fn(
                tf.nn.softmax(taught / self.temperature, axis=1), tf.nn.softmax(logits / self.temperature, axis=1)) * self.temperature**2
            loss = self.alpha * student + (1 - self.alpha) * distilled
        weights = self.student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"student_loss": student, "distillation_loss": distilled}


rng = np.random.RandomState(0)
x = rng.randn(96, 6).astype("float32")
y = x[:, :3].argmax(1)
teacher = keras.Sequential([keras.Input((6,)), layers.Dense(32, activation="relu"), layers.Dense(3)])
teacher.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[keras.metrics.SparseCategoricalAccuracy()])
teacher.fit(x, y, epochs=5, verbose=0)
student = keras.Sequential([keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(3)])
settings = {"student_loss_fn": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "distillation_loss_fn": keras.losses.KLDivergence()}
for kind in (Distiller, DistillerByHand):
    distiller = kind(keras.models.clone_model(student), teacher)
    distiller.compile(keras.optimizers.Adam(0.01), [keras.metrics.SparseCategoricalAccuracy()], alpha=0.1, temperature=10, **settings)
    history = distiller.fit(x, y, epochs=6, verbose=0).history
    name = "loss" if kind is Distiller else "student_loss"
    assert history[name][-1] < history[name][0]
