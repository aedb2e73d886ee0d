"""From raw x, y and weights to the arrays of a model, whichever way they came."""

from __future__ import annotations

from typing import Any

from symkeras.layers.array_layer import ArrayLayer
from symkeras.models.feeds.arrays import Arrays
from symkeras.models.feeds.checks import check_numbers, check_rows
from symkeras.models.feeds.flattening import flat_inputs, flat_targets, nested_targets
from symkeras.models.own_steps import takes_as_given


class Reader:
    """Reads data for a model: flat, in the order of its inputs and outputs, and checked.

    Args:
        model: what knows the names of inputs and outputs; data of the first kind it sees may build it.
        mode: "train", "test" or "predict": what the data are for. A prediction has no targets and weights; a step or a loss of the model's own
            takes them as they are given.
    """

    def __init__(self, model: Any, mode: str):
        self._model = model
        self._mode = mode
        self._takes_texts: bool | None = None

    def read(self, x: Any, y: Any = None, sample_weight: Any = None) -> Arrays:
        """The arrays of a data set or of one batch.

        Raises:
            DataError: data that are no numbers, do not fit together or the model, or targets that are NaN.
        """
        model = self._model
        flat_x, structure = flat_inputs(x, *model._inputs_by_name(), takes_texts=self._may_be_texts())
        if self._mode == "predict":
            check_rows(flat_x, [], [])
            return Arrays(flat_x, [], [], structure)
        names = model._target_names(flat_x, structure)
        if takes_as_given(model, self._mode):
            (flat_y, of_y), (weights, of_weights) = nested_targets(y, "y"), nested_targets(sample_weight, "sample_weight")
            check_rows(flat_x, flat_y, weights)
            return Arrays(flat_x, flat_y, weights, structure, (of_y, of_weights))
        judged = model._compilation.outputs_with_loss(names)
        flat_y = flat_targets(y, names, names.nesting, judged)
        weights = flat_targets(sample_weight, names, names.nesting, judged, "sample_weight")
        check_rows(flat_x, flat_y, weights)
        for k, (a, n) in enumerate(zip(flat_y, names, strict=True)):
            if a is not None and model._compilation.refuses_nan(k, names):
                check_numbers(a, n)
        return Arrays(flat_x, flat_y, weights, structure)

    def _may_be_texts(self) -> bool:
        """Whether the model has layers that read texts."""
        if self._takes_texts is None:
            self._takes_texts = any(isinstance(layer, ArrayLayer) for layer in self._model._flatten_layers())
        return self._takes_texts
