"""How far a student is from its teacher: by what both give in the end, or by what they give on the way."""

from __future__ import annotations

from typing import Any

from symkeras import losses, ops, tree
from symkeras.arguments import checked, optional, positive, text
from symkeras.errors import ConfigError
from symkeras.saving.serialization import deserialize_keras_object, serialize_keras_object


class DistillationLoss:
    """What a `Distiller` adds to the loss of its student; subclasses define `compute_loss`.

    Example:
        >>> from symkeras import ops
        >>> class Distance(DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return ops.mean(ops.square(ops.subtract(teacher_outputs, student_outputs)))
    """

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """A scalar for what teacher and student give, in the nesting of their outputs."""
        raise NotImplementedError(f"{type(self).__name__} must define compute_loss")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Refuse outputs that do not go together.

        Raises:
            ConfigError: they are nested in different ways.
        """
        if not _are_nested_alike(teacher_outputs, student_outputs):
            raise ConfigError(f"{type(self).__name__}: the outputs of teacher and student are nested in different ways")

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Refuse models that do not go together."""


class _ByLosses(DistillationLoss):
    """A mean of losses, one for each output."""

    def __init__(self, loss: Any):
        self.loss = tree.map_structure(lambda item: None if item is None else losses.get(item), loss)
        if all(item is None for item in tree.flatten(self.loss)):
            raise ConfigError(f"{type(self).__name__}: loss must name at least one loss, received {loss!r}")

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        super().validate_outputs(teacher_outputs, student_outputs)
        if not _are_nested_alike(self.loss, teacher_outputs):
            raise ConfigError(f"{type(self).__name__}: loss must be nested as the outputs are, received {self.loss!r}")

    def _sum(self, teacher: Any, student: Any) -> Any:
        each = zip(tree.flatten(self.loss), tree.flatten(teacher), tree.flatten(student), strict=True)
        parts = [self._distance(loss, of, by) for loss, of, by in each if loss is not None]
        return ops.sum(ops.stack(parts))

    def _distance(self, loss: Any, teacher: Any, student: Any) -> Any:
        return ops.mean(loss(teacher, student))

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**{**config, "loss": _deserialized(config["loss"])})


class LogitsDistillation(_ByLosses):
    """The distance of the student's outputs from the teacher's, both divided by a temperature.

    Args:
        temperature: above 1 it makes of softmax' probabilities more equal ones.
        loss: name, object or function; for several outputs nested as they are, None for those that do not count. The Kullback-Leibler divergence is
            taken of the probabilities, and multiplied by the square of the temperature.

    Raises:
        ConfigError: a temperature that is not positive, or no loss.

    Example:
        >>> import numpy as np
        >>> logits = np.float32([[1.0, 2.0]])
        >>> float(LogitsDistillation(loss="mse").compute_loss(logits, logits + 3).round(4))
        1.0

    Source: G. Hinton and others, Distilling the Knowledge in a Neural Network, 2015.
    """

    @checked(temperature=positive)
    def __init__(self, temperature: float = 3.0, loss: Any = "kl_divergence"):
        super().__init__(loss)
        self.temperature = temperature

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return self._sum(teacher_outputs, student_outputs)

    def _distance(self, loss: Any, teacher: Any, student: Any) -> Any:
        teacher, student = (ops.divide(x, self.temperature) for x in (teacher, student))
        if not (isinstance(loss, losses.KLDivergence) or loss is losses.kl_divergence):
            return super()._distance(loss, teacher, student)
        of, by = (ops.softmax(x, axis=-1) for x in (teacher, student))
        return ops.multiply(super()._distance(loss, of, by), float(self.temperature) ** 2)

    def get_config(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "loss": serialize_keras_object(self.loss)}


class FeatureDistillation(_ByLosses):
    """The distance of what a layer of the student gives from what a layer of the teacher gives.

    Args:
        loss: name, object or function; for several outputs nested as they are, None for those that do not count.
        teacher_layer_name, student_layer_name: the layers; the outputs of the models when None.

    Raises:
        ConfigError: no loss; and, when a `Distiller` is made, a layer that is not there.

    Example:
        >>> FeatureDistillation("mse", "hidden", "small").teacher_layer_name
        'hidden'

    Source: A. Romero and others, FitNets: Hints for Thin Deep Nets, 2014.
    """

    @checked(teacher_layer_name=optional(text), student_layer_name=optional(text))
    def __init__(self, loss: Any = "mse", teacher_layer_name: str | None = None, student_layer_name: str | None = None):
        super().__init__(loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        for role, model, name in (("teacher", teacher, self.teacher_layer_name), ("student", student, self.student_layer_name)):
            if name is None:
                continue
            if getattr(model, "inputs", None) is None:
                raise ConfigError(f"FeatureDistillation: layers by name need a functional or sequential {role}, received {type(model).__name__}")
            model.get_layer(name=name)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        return self._sum(teacher_outputs, student_outputs)

    def get_config(self) -> dict[str, Any]:
        names = {"teacher_layer_name": self.teacher_layer_name, "student_layer_name": self.student_layer_name}
        return {"loss": serialize_keras_object(self.loss), **names}


def _deserialized(loss: Any) -> Any:
    if isinstance(loss, (list, tuple)):
        return type(loss)(_deserialized(item) for item in loss)
    if isinstance(loss, dict) and "class_name" not in loss:
        return {name: _deserialized(item) for name, item in loss.items()}
    return loss if loss is None or isinstance(loss, str) else deserialize_keras_object(loss)


def _are_nested_alike(a: Any, b: Any) -> bool:
    if isinstance(a, dict) or isinstance(b, dict):
        return isinstance(a, dict) and isinstance(b, dict) and set(a) == set(b) and all(_are_nested_alike(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)) or isinstance(b, (list, tuple)):
        same = isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and len(a) == len(b)
        return same and all(_are_nested_alike(x, y) for x, y in zip(a, b, strict=True))
    return True
