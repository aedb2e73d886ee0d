"""`Distiller`: a student that trains on targets and on its teacher."""

from __future__ import annotations

from typing import Any

from symkeras import losses, metrics, ops, tree
from symkeras.arguments import checked, fraction
from symkeras.distillation.distillation_losses import DistillationLoss
from symkeras.errors import ConfigError
from symkeras.models import Model
from symkeras.saving.serialization import deserialize_keras_object, serialize_keras_object


class _Features:
    """Name of a layer, and None for the end -> what a model gives there; no layer, so that it owns nothing."""

    def __init__(self, model: Any, names: list[str]):
        self._model, self._extractor = model, None
        if names:
            outputs = {name: model.get_layer(name=name).output for name in names}
            self._extractor = Model(model.inputs, {"outputs": model.output, "layers": outputs})

    def __call__(self, x: Any, training: bool, outputs: Any) -> dict[str | None, Any]:
        """Args: outputs: those of the model where they are known."""
        if self._extractor is None:
            return {None: self._model(x, training=training) if outputs is None else outputs}
        found = self._extractor(x, training=training)
        return {None: found["outputs"] if outputs is None else outputs, **found["layers"]}


def _loss(loss: Any, y: Any, y_pred: Any, weight: Any) -> Any:
    if isinstance(loss, losses.Loss):
        return loss(y, y_pred, sample_weight=weight)
    if weight is not None:
        raise ConfigError(f"Distiller: sample weights need a Loss object, received the function {loss!r}")
    return ops.mean(loss(y, y_pred))


def _check_models(teacher: Any, student: Any) -> None:
    for role, model in (("teacher", teacher), ("student", student)):
        if not isinstance(model, Model):
            raise ConfigError(f"Distiller: the {role} must be a Model, received {model!r}")
    for ends in ("inputs", "outputs"):
        of, by = (getattr(model, ends, None) for model in (teacher, student))
        if of is None or by is None:
            continue
        shapes = [[(t.dtype, tuple(t.shape)) for t in tensors] for tensors in (of, by)]
        if len(of) != len(by) or not all(_fits(*pair) for pair in zip(*shapes, strict=True)):
            received = f"received {shapes[0]} and {shapes[1]}"
            raise ConfigError(f"Distiller: the {ends} of teacher and student must have the same shapes and dtypes, {received}")


def _fits(a: Any, b: Any) -> bool:
    return a[0] == b[0] and len(a[1]) == len(b[1]) and all(x is None or y is None or x == y for x, y in zip(a[1], b[1], strict=True))


class Distiller(Model):
    """A model that trains its student to be like its teacher, which stays as it is; it predicts as the student does.

    The loss is `student_loss_weight` times the student's loss on the targets and the rest times the sum of the distillation losses.

    Args:
        teacher: a trained model.
        student: a model with inputs and outputs of the same shapes.
        distillation_losses: a `DistillationLoss`, or a list of them.
        distillation_loss_weights: a number for each of a list; 1 for all when None.
        student_loss_weight: the share of the student's own loss, 0 to 1.
        name: of the model.
        **kwargs: as for `Model`.

    Raises:
        ConfigError: models that do not go together, or an argument that makes no sense.

    Example:
        >>> import numpy as np
        >>> from symkeras import Sequential, layers
        >>> teacher, student = (Sequential([layers.Dense(n, input_shape=(3,)), layers.Dense(2)]) for n in (8, 2))
        >>> from symkeras.distillation import Distiller, LogitsDistillation
        >>> distiller = Distiller(teacher, student, LogitsDistillation())
        >>> distiller.compile("sgd", "mse")
        >>> history = distiller.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
        >>> sorted(history.history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    @checked(student_loss_weight=fraction)
    def __init__(self, teacher: Any, student: Any, distillation_losses: Any, distillation_loss_weights: Any = None, student_loss_weight: float = 0.5,
                 name: str = "distiller", **kwargs: Any):  # fmt: skip
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        is_list = isinstance(distillation_losses, (list, tuple))
        self.distillation_losses = list(distillation_losses) if is_list else [distillation_losses]
        for loss in self.distillation_losses:
            if not isinstance(loss, DistillationLoss):
                raise ConfigError(f"Distiller: distillation_losses must be a DistillationLoss or a list of them, received {loss!r}")
            loss.validate_model_compatibility(teacher, student)
        weights = [1.0] * len(self.distillation_losses) if distillation_loss_weights is None or not is_list else list(distillation_loss_weights)
        if len(weights) != len(self.distillation_losses):
            raise ConfigError(f"Distiller: there are {len(self.distillation_losses)} distillation losses, and {len(weights)} weights of them")
        self.distillation_loss_weights = weights
        self.student_loss_weight = student_loss_weight
        self.teacher, self.student = teacher, student
        self.teacher.trainable = False
        self._features = tuple(
            _Features(model, [name for loss in self.distillation_losses if (name := getattr(loss, f"{role}_layer_name")) is not None])
            for role, model in (("teacher", teacher), ("student", student))
        )
        self._student_loss: Any = None
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Say how the student is trained.

        Args:
            optimizer: name, config or object.
            loss: of the student's outputs and the targets; for several outputs nested as they are.
            metrics: of the student's outputs.
            **kwargs: as for `Model.compile`.

        Raises:
            ConfigError: no loss.
        """
        if loss is None:
            raise ConfigError("Distiller: compile needs the loss of the student, received None")
        self._student_loss = tree.map_structure(lambda item: None if item is None else losses.get(item), loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def get_compile_config(self) -> dict[str, Any] | None:
        """The arguments of `compile`, serialized."""
        config = super().get_compile_config()
        return None if config is None else {**config, "loss": serialize_keras_object(self._student_loss)}

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with what `get_compile_config` gave."""
        self._compile_from(config)

    def call(self, inputs: Any, training: Any = None) -> Any:
        return self.student(inputs, training=training)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        y_pred = self(x, training=training) if y_pred is None else y_pred
        own: Any = self._own_loss(y, y_pred, sample_weight) if y is not None and self.student_loss_weight > 0 else 0.0
        distance: Any = self._distance(x, y_pred, training) if self.student_loss_weight < 1 else 0.0
        total = ops.add(ops.multiply(self.student_loss_weight, own), ops.multiply(1.0 - self.student_loss_weight, distance))
        for tracker, value in ((self.student_loss_tracker, own), (self.distillation_loss_tracker, distance), (self.total_loss_tracker, total)):
            tracker.update_state(value)
        return total

    def _own_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        given = [None] * len(tree.flatten(y)) if sample_weight is None else tree.flatten(sample_weight)
        each = zip(tree.flatten(self._student_loss), tree.flatten(y), tree.flatten(y_pred), given, strict=True)
        parts = [_loss(loss, of, by, weight) for loss, of, by, weight in each if loss is not None]
        return ops.sum(ops.stack(parts))

    def _distance(self, x: Any, y_pred: Any, training: bool) -> Any:
        teacher, student = self._features
        of, by = teacher(x, False, None), student(x, training, y_pred)
        total: Any = 0.0
        for loss, weight in zip(self.distillation_losses, self.distillation_loss_weights, strict=True):
            pair = of[loss.teacher_layer_name], by[loss.student_layer_name]
            loss.validate_outputs(*pair)
            value = loss.compute_loss(*pair)
            if ops.ndim(value):
                raise ConfigError(f"Distiller: {type(loss).__name__}.compute_loss must give a scalar, received shape {tuple(ops.shape(value))}")
            total = ops.add(total, ops.multiply(float(weight), value))
        return total

    def get_config(self) -> dict[str, Any]:
        losses_ = [serialize_keras_object(loss) for loss in self.distillation_losses]
        own = {"teacher": serialize_keras_object(self.teacher), "student": serialize_keras_object(self.student), "distillation_losses": losses_,
               "distillation_loss_weights": self.distillation_loss_weights, "student_loss_weight": self.student_loss_weight}  # fmt: skip
        return {"name": self.name, **own}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        models = {name: deserialize_keras_object(config[name], custom_objects) for name in ("teacher", "student")}
        distances = [deserialize_keras_object(loss, custom_objects) for loss in config["distillation_losses"]]
        return cls(**{**config, **models, "distillation_losses": distances})
