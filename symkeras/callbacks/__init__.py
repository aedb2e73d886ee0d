"""Keras' callbacks. Each public name is imported, with its module, when it is first used."""

from __future__ import annotations

import importlib
from typing import Any

from symkeras.not_offered import missing

# name -> module of symkeras.callbacks that defines it
NAMES: dict[str, str] = {
    "Callback": "callback", "CallbackList": "callback_list", "History": "history", "ProgbarLogger": "progbar_logger",
    "EarlyStopping": "early_stopping", "ModelCheckpoint": "model_checkpoint", "BackupAndRestore": "backup_and_restore",
    "LearningRateScheduler": "learning_rates", "ReduceLROnPlateau": "learning_rates", "LambdaCallback": "lambda_callback",
    "CSVLogger": "csv_logger", "TerminateOnNaN": "terminate_on_nan", "SwapEMAWeights": "swap_ema_weights",
    "TensorBoard": "tensorboard", "RemoteMonitor": "remote_monitor",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in NAMES:
        return getattr(importlib.import_module(f"symkeras.callbacks.{NAMES[name]}"), name)
    raise missing("symkeras.callbacks", name)


def __dir__() -> list[str]:
    return sorted(NAMES)
