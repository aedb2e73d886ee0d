"""Conformance with Keras: random configurations of every layer, loss, metric, optimizer, op ... on both sides, held against each other.

`python -m tests.conformance` runs it where Keras is installed, `make conformance` builds that environment.

    written.py      values that print as the code that makes them: arrays, objects
    drawing.py      where random choices come from: one `Drawing` for each case
    arguments.py    argument name -> how a value for it is drawn, by functions of values.py
    kinds/          a module for each kind of thing: what it is called with, and what of it is observed
    sides.py        symkeras and Keras behind one face: tensors, gradients, state
    names.py        the public names, how each is tested, and those that are not, with reasons
    compare.py      observations of both sides against each other
    deviations.py   differences that are meant, or Keras' own mistakes, with reasons
    running.py      a case from its number, run on both sides
"""
