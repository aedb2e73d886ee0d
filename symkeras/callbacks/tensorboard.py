"""`TensorBoard`: training as event files, which TensorBoard shows."""

from __future__ import annotations

import json
import os
import re
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symkeras import config
from symkeras.arguments import boolean, checked, either, non_negative_int, one_of, optional, path, positive_int, several, table_of, text
from symkeras.callbacks import event_messages as messages
from symkeras.callbacks.callback import Callback, Logs
from symkeras.callbacks.event_file import EventFile
from symkeras.callbacks.learning_rates import learning_rates_of
from symkeras.distribution.processes import joined
from symkeras.errors import ConfigError, SymkerasError
from symkeras.graph import dtypes
from symkeras.saving.atomic import replacing


def no_profile(value: Any, where: str) -> int:
    """0: batches are profiled elsewhere."""
    if type(value) is int and value == 0:
        return 0
    raise ConfigError(f'{where} must be 0, received {value!r}: TensorBoard has no profiles here; use model.executable("train").inspect.profile()')


def no_gradients(value: Any, where: str) -> bool:
    """False: gradients live within the compiled step."""
    if value is False:
        return value
    raise ConfigError(f"{where} must be False, received {value!r}: gradients are not written; autodiff.gradients gives them")


def no_data(value: Any, where: str) -> None:
    """None: the rows of a table are what is embedded."""
    if value is not None:
        raise ConfigError(f"{where}: the tables of Embedding layers are written, which need no data; name layers with embeddings_layer_names")


class TensorBoard(Callback):
    """Writes what happens in training into event files that TensorBoard shows; needs neither TensorFlow nor TensorBoard to do so.

    `log_dir/train` has the epochs' values as `epoch_loss`, the batches' as `batch_loss`, weights and the graph; `log_dir/validation` the epochs'
    values of validation, and those of every evaluation by the step of the optimizer as `evaluation_loss_vs_iterations`. Of several processes,
    process 0 writes.

    Args:
        log_dir: a folder; each run adds files to it.
        histogram_freq: epochs between two histograms of the weights, 0 for none.
        write_graph: whether the compiled training step is written as a graph, and the layers of the model as its conceptual graph.
        write_images: whether the weights are written as images, too, when histograms are.
        write_steps_per_second: whether the number of steps in a second is written, for epochs, and for batches where those are.
        update_freq: "epoch", or a number of batches after which the values of a batch are written; "batch" is 1.
        profile_batch: 0 alone; `model.executable("train").inspect.profile()` measures a step.
        embeddings_freq: epochs between two writings of the tables of `Embedding` layers for the projector, 0 for none; the last one stays.
        embeddings_metadata: a file with a label for each row, or name of layer -> file.
        embeddings_layer_names: of Keras 2: the names of the `Embedding` layers whose tables are written, all when None.
        batch_size: of Keras 2, where rows went through the model for a histogram; those of weights need none, and are the same for any.
        write_grads, embeddings_data: of Keras 2, refused but for False and None: gradients, and embeddings of data, are not written.

    Raises:
        ConfigError: an argument that makes no sense, or an embedding that the model does not have.
        FileError: the folder cannot be written to.

    Example:
        >>> TensorBoard("logs", update_freq="batch").update_freq
        1
    """

    @checked(
        log_dir=path, histogram_freq=non_negative_int, write_graph=boolean, write_images=boolean, write_steps_per_second=boolean,
        update_freq=either(positive_int, one_of("epoch", "batch")), profile_batch=no_profile, embeddings_freq=non_negative_int,
        embeddings_metadata=optional(either(text, table_of(text, text))), embeddings_layer_names=optional(several(text)), batch_size=positive_int,
        write_grads=no_gradients, embeddings_data=no_data,
    )  # fmt: skip
    def __init__(self, log_dir: Any = "logs", histogram_freq: int = 0, write_graph: bool = True, write_images: bool = False,
                 write_steps_per_second: bool = False, update_freq: Any = "epoch", profile_batch: int = 0, embeddings_freq: int = 0,
                 embeddings_metadata: Any = None, *, embeddings_layer_names: Any = None, batch_size: int = 32, write_grads: bool = False,
                 embeddings_data: Any = None):  # fmt: skip
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self.embeddings_layer_names = embeddings_layer_names
        self._files: dict[str, EventFile] = {}
        self._batch, self._steps_before = 0, 0
        self._batch_began = self._epoch_began = 0.0
        self._is_training, self._graph_is_due = False, False

    def uses_hook(self, hook: str) -> bool:
        if type(self) is TensorBoard and hook in ("on_train_batch_begin", "on_train_batch_end"):
            return self.update_freq != "epoch" and (hook == "on_train_batch_end" or self.write_steps_per_second)
        return super().uses_hook(hook)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._close()
        self._graph_is_due = self.write_graph
        if self.embeddings_freq:
            self._write_projector()

    def on_train_begin(self, logs: Logs = None) -> None:
        self._batch, self._is_training = 0, True

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        self._epoch_began, self._steps_before = time.perf_counter(), self._iterations()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        self._batch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        self._batch += 1
        if self.update_freq == "epoch" or self._batch % self.update_freq:
            return
        values = dict(logs or {})
        if self.write_steps_per_second:
            values["steps_per_second"] = 1 / max(time.perf_counter() - self._batch_began, 1e-9)
        self._write("train", self._batch, values, "batch_{}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        if self._graph_is_due:
            self._graph_is_due = False
            self._write_graph()
        logs = logs or {}
        values = {k: v for k, v in logs.items() if not k.startswith("val_")}
        if logs:
            values.update(learning_rates_of(self.model))
            if self.write_steps_per_second:
                values["steps_per_second"] = (self._iterations() - self._steps_before) / max(time.perf_counter() - self._epoch_began, 1e-9)
        self._write("train", epoch, values, "epoch_{}")
        self._write("validation", epoch, {k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")}, "epoch_{}")
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            self._write_embeddings()
        for file in self._files.values():
            file.flush()

    def on_test_end(self, logs: Logs = None) -> None:
        if self.model.optimizer is not None:
            self._write("validation", self._iterations(), logs or {}, "evaluation_{}_vs_iterations")
        if not self._is_training:
            self._close()

    def on_train_end(self, logs: Logs = None) -> None:
        self._is_training = False
        self._close()

    # ---- what is written ---------------------------------------------------------------------------------------------

    def _iterations(self) -> int:
        return int(np.asarray(self.model.optimizer.iterations))

    def _write(self, run: str, step: int, values: Mapping[str, Any], tag: str) -> None:
        """Numbers of a step; what is no number is left out."""
        for name, value in values.items():
            if np.ndim(value) == 0 and np.asarray(value).dtype.kind in "fiub":
                self._add(run, step, messages.scalar(tag.format(name), float(value)))

    def _add(self, run: str, step: int, summary: bytes) -> None:
        if self._is_first():
            self._file(run).add(step, summary)

    def _is_first(self) -> bool:
        cluster = joined()
        return cluster is None or cluster.index == 0

    def _file(self, run: str) -> EventFile:
        if run not in self._files:
            self._files[run] = EventFile(os.path.join(self.log_dir, run))
        return self._files[run]

    def _close(self) -> None:
        while self._files:
            self._files.popitem()[1].close()

    def _write_graph(self) -> None:
        if not self._is_first():
            return
        self._file("train").add_graph(messages.graph_definition(self.model.executable("train").source_graph))
        if self.model._of_graph("_output_structure") is None:
            return
        try:
            text = self.model.to_json()
        except SymkerasError as error:
            warnings.warn(f"TensorBoard: the layers of model {self.model.name!r} are not written: {error}")
            return
        self._add("train", 0, messages.model_config("keras", text))

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name, values = weight.path.replace(":", "_"), dtypes.wide(np.asarray(weight.array))
                if values.dtype.kind not in "fiub":
                    continue
                self._add("train", epoch, messages.histogram(f"{name}/histogram", values))
                pictures = _pictures(values) if self.write_images else None
                if pictures is not None:
                    self._add("train", epoch, messages.image(f"{name}/image", pictures))

    # ---- the projector -----------------------------------------------------------------------------------------------

    def _tables(self) -> list[Any]:
        """The layers that have one."""
        from symkeras.layers.embedding import Embedding

        return [layer for layer in self.model.layers if isinstance(layer, Embedding)]

    def _embeddings(self) -> list[tuple[Any, str]]:
        """The layers whose tables are written, and for each the file."""
        chosen = self.embeddings_layer_names
        found = [layer for layer in self._tables() if chosen is None or layer.name in chosen]
        return [(layer, f"embedding_{k}_{re.sub(r'[^A-Za-z0-9_]', '_', layer.name)}.tsv") for k, layer in enumerate(found)]

    def _write_projector(self) -> None:
        of, entries = self.embeddings_metadata, []
        names = [layer.name for layer in self._tables()]
        named = {"embeddings_metadata": of if isinstance(of, dict) else (), "embeddings_layer_names": self.embeddings_layer_names or ()}
        for argument, given in named.items():
            unknown = sorted(set(given) - set(names))
            if unknown:
                shown = ", ".join(map(repr, unknown))
                raise ConfigError(f"TensorBoard: {argument} names {shown}; the Embedding layers of the model are {names or 'none'}")
        for layer, file in self._embeddings():
            lines = [("tensor_name", layer.name), ("tensor_path", file), ("metadata_path", of.get(layer.name) if isinstance(of, dict) else of)]
            entries.append("".join(f"  {key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines if value is not None))
        self._write_text("projector_config.pbtxt", "".join(f"embeddings {{\n{entry}}}\n" for entry in entries))

    def _write_embeddings(self) -> None:
        for layer, file in self._embeddings():
            rows = np.asarray(layer.embeddings.array).tolist()
            self._write_text(file, "".join("\t".join(map(repr, row)) + "\n" for row in rows))

    def _write_text(self, name: str, content: str) -> None:
        if self._is_first():
            Path(self.log_dir).mkdir(parents=True, exist_ok=True)
            with replacing(Path(self.log_dir) / name) as part:
                part.write_text(content, encoding="utf-8")


def _pictures(values: np.ndarray) -> np.ndarray | None:
    """A weight as images (B, H, W, C), None for one that has no such form: one row for a bias, the channels of a kernel as images."""
    values = np.squeeze(values)
    if values.ndim == 1:
        values = values.reshape(1, len(values), 1, 1)
    elif values.ndim == 2:
        values = (values.T if values.shape[0] > values.shape[1] else values)[None, :, :, None]
    elif values.ndim == 3:
        values = (np.moveaxis(values, -1, 0) if config.image_data_format() == "channels_last" else values)[..., None]
    return values.astype("float32") if values.ndim == 4 and values.shape[-1] in (1, 3, 4) and values.size else None
