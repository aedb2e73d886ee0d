"""A model of text, character by character: an LSTM reads Python's own source and then writes some.

Run it with `python examples/character_model.py [seconds]`. The longer it trains, the more its text looks like Python.
"""

import argparse as text_source
import sys
import time

import numpy as np

from symkeras import Input, Model, layers, losses, optimizers

LENGTH, BATCH, UNITS = 48, 64, 128


def read_text(limit=60_000):
    """The beginning of a module of the standard library, which every machine has."""
    with open(text_source.__file__, encoding="utf-8") as file:
        return file.read()[:limit]


def character_model(size):
    """Sequences of character numbers (B, T) to logits of the next character at every place (B, T, V)."""
    x = Input((None,), dtype="int32", name="characters")
    h = layers.Embedding(size, 32, name="letters")(x)
    h = layers.LSTM(UNITS, return_sequences=True, name="reader")(h)
    return Model(x, layers.Dense(size, name="next_character")(h), name="character_model")


def sample(model, start, alphabet, count, temperature=0.6, seed=0):
    """`start`, and so many characters drawn one after the other."""
    rng = np.random.RandomState(seed)
    codes = [alphabet.index(c) for c in start]
    for _ in range(count):
        window = np.array([codes[-LENGTH:]], "int32")
        logits = model.predict_on_batch(window)[0, -1].astype("float64") / temperature
        chances = np.exp(logits - logits.max())
        codes.append(int(rng.choice(len(alphabet), p=chances / chances.sum())))
    return "".join(alphabet[c] for c in codes)


def main(seconds=20.0):
    """Train for about so many seconds, then write."""
    text = read_text()
    alphabet = sorted(set(text))
    codes = np.array([alphabet.index(c) for c in text], "int32")
    starts = np.arange(0, len(codes) - LENGTH - 1, LENGTH // 4)
    x = np.stack([codes[s : s + LENGTH] for s in starts])
    y = np.stack([codes[s + 1 : s + LENGTH + 1] for s in starts])
    print(f"{len(text)} characters of {text_source.__file__}, {len(alphabet)} different ones, {len(x)} sequences of {LENGTH}")

    model = character_model(len(alphabet))
    model.compile(optimizers.Adam(5e-3, clipnorm=1.0), loss=losses.SparseCategoricalCrossentropy(from_logits=True))
    began = time.perf_counter()
    epoch = 0
    while epoch == 0 or time.perf_counter() - began < seconds:
        history = model.fit(x, y, batch_size=BATCH, epochs=1, verbose=0)
        epoch += 1
        print(f"epoch {epoch}: {history.history['loss'][0] / np.log(2):.3f} bits per character (guessing: {np.log2(len(alphabet)):.2f})")
    print("\n" + sample(model, "    def ", alphabet, 400))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
