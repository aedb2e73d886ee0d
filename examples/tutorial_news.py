"""Two inputs, two outputs, as the Keras guide of 2017 had it: how often will a news headline be shared?

The main input is the headline, 100 word numbers; the other one holds five facts about it, such as the hour. The main
loss is helped by an auxiliary one, taken right after the LSTM. The headlines here are made up and few.

Run it with `symkeras run examples/tutorial_news.py`.
"""

import numpy as np
from keras.layers import LSTM, Dense, Embedding, Input, concatenate
from keras.models import Model

rng = np.random.RandomState(3)
rows = 128
headlines = rng.randint(1, 10000, size=(rows, 100)).astype("int32")
facts = rng.standard_normal((rows, 5)).astype("float32")
shared = ((headlines[:, -20:] < 5000).mean(axis=1) + 0.1 * facts[:, 0] > 0.5).astype("float32")[:, None]


def news_model():
    """The network, not compiled."""
    # Headlines: sequences of 100 word numbers from 1 to 10 000. Inputs can be named.
    main_input = Input(shape=(100,), dtype="int32", name="main_input")

    # Each word becomes a vector of 512 numbers, the whole headline one vector of 32.
    x = Embedding(output_dim=512, input_dim=10000, input_length=100)(main_input)
    lstm_out = LSTM(32)(x)

    # The auxiliary output trains the LSTM and the embedding even where the main loss is high.
    auxiliary_output = Dense(1, activation="sigmoid", name="aux_output")(lstm_out)

    # The facts join in, and three dense layers follow.
    auxiliary_input = Input(shape=(5,), name="aux_input")
    x = concatenate([lstm_out, auxiliary_input])
    x = Dense(64, activation="relu")(x)
    x = Dense(64, activation="relu")(x)
    x = Dense(64, activation="relu")(x)
    main_output = Dense(1, activation="sigmoid", name="main_output")(x)

    return Model(inputs=[main_input, auxiliary_input], outputs=[main_output, auxiliary_output])


# One loss for both outputs; the auxiliary one counts a fifth.
model = news_model()
model.compile(optimizer="rmsprop", loss="binary_crossentropy", loss_weights=[1.0, 0.2])
history = model.fit([headlines, facts], [shared, shared], epochs=3, batch_size=32, verbose=0)
print("with lists:  losses", [round(v, 4) for v in history.history["loss"]])

# The same by names: the inputs and outputs were given some.
model = news_model()
model.compile(
    optimizer="rmsprop",
    loss={"main_output": "binary_crossentropy", "aux_output": "binary_crossentropy"},
    loss_weights={"main_output": 1.0, "aux_output": 0.2},
)
history = model.fit(
    {"main_input": headlines, "aux_input": facts},
    {"main_output": shared, "aux_output": shared},
    epochs=3,
    batch_size=32,
    verbose=0,
)
print("with names:  losses", [round(v, 4) for v in history.history["loss"]])

main, auxiliary = model.predict([headlines[:3], facts[:3]], verbose=0)
print("predictions:", np.round(main.ravel(), 3), np.round(auxiliary.ravel(), 3))
