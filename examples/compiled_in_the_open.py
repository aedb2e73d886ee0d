"""What becomes of a model: its graph, the passes over it, the source that runs, its memory; and another backend.

Run it with `python examples/compiled_in_the_open.py`.
"""

import numpy as np

from symkeras import Sequential, layers

rng = np.random.RandomState(0)
x = rng.standard_normal((32, 20)).astype("float32")
y = (x[:, :1] > 0).astype("float32")


def small_model(backend):
    """Two dense layers, compiled with a backend."""
    model = Sequential([
        layers.Input((20,), name="features"),
        layers.Dense(16, activation="relu", kernel_initializer="ones", name="hidden"),
        layers.Dense(1, activation="sigmoid", kernel_initializer="ones", name="answer"),
    ], name="small")  # fmt: skip
    model.compile(optimizer="sgd", loss="binary_crossentropy", backend=backend)
    return model


model = small_model("numpy")
model.fit(x, y, epochs=1, verbose=0)
compiled = model.executable("train")

print("1. The training step as it was written by the layers, the loss, the gradients and the optimizer:\n")
print(compiled.history.source)
print("\n2. What the compiler's passes made of it:\n")
print(compiled.history)
print("\n3. What one of them changed:\n")
print(compiled.history.diff("stabilise") or "(nothing here)")
print("\n4. The graph that is left:\n")
print(compiled.graph)
print("\n5. The Python that runs:\n")
print(compiled.source)
print("\n6. Its memory, for batches of 32 rows:", compiled.plan({"batch": 32}))

print("\n7. The same model on the interpreter, which runs every operation by its definition:")
other = small_model("interpreter")
other.fit(x, y, epochs=1, verbose=0)
difference = max(np.abs(a - b).max() for a, b in zip(model.get_weights(), other.get_weights(), strict=True))
print(f"   weights after the epoch differ by at most {difference:.1e}")
