"""`RemoteMonitor`: the logs of epochs sent to a server."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from typing import Any

import numpy as np

from symkeras.arguments import boolean, checked, optional, table_of, text
from symkeras.callbacks.callback import Callback, Logs
from symkeras.errors import ConfigError

_PATIENCE = 10.0
"""Seconds that a server may take to answer."""


class RemoteMonitor(Callback):
    """Sends the logs of every epoch to a server, as JSON in an HTTP POST; a server that is not there is a warning.

    Args:
        root: where the server is: "http://localhost:9000".
        path: what follows `root`.
        field: field of the form that holds the JSON.
        headers: further headers of the request.
        send_as_json: whether the JSON is the whole content, and not a field of a form.

    Raises:
        ConfigError: an argument that makes no sense, or a `root` that is no address of http or https.

    Example:
        >>> RemoteMonitor("http://localhost:8080", send_as_json=True).root
        'http://localhost:8080'
    """

    @checked(root=text, path=text, field=text, headers=optional(table_of(text, text)), send_as_json=boolean)
    def __init__(self, root: str = "http://localhost:9000", path: str = "/publish/epoch/end/", field: str = "data",
                 headers: dict[str, str] | None = None, send_as_json: bool = False):  # fmt: skip
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ConfigError(f"RemoteMonitor: root must begin with http:// or https://, received {root!r}")
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        content = json.dumps({"epoch": epoch, **{name: _plain(value) for name, value in (logs or {}).items()}}, default=str)
        body, kind = content, "application/json"
        if not self.send_as_json:
            body, kind = urllib.parse.urlencode({self.field: content}), "application/x-www-form-urlencoded"
        try:
            request = urllib.request.Request(self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}, method="POST")
            with urllib.request.urlopen(request, timeout=_PATIENCE):
                pass
        except urllib.error.HTTPError as error:
            error.close()  # an answer is an answer
        except (OSError, http.client.HTTPException, ValueError) as error:
            warnings.warn(f"RemoteMonitor: the server at {self.root} was not reached: {error}")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
