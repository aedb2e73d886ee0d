"""Where batches come from: what a user gave to fit, evaluate or predict, as one object that the trainer only iterates.

`feed.py` says what a feed is and which kind is made of which data; each kind has a file of its own. `reader.py` turns raw
x, y and weights into arrays in a model's order, for every kind alike.
"""
