"""RemoteMonitor against a server of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

from symkeras import callbacks
from symkeras.errors import ConfigError


@pytest.fixture
def server() -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.received.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server: Any = HTTPServer(("127.0.0.1", 0), Handler)
    server.received, server.status = [], 200
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def root(server: Any) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_epochs_are_sent_in_a_form(server: Any) -> None:
    monitor = callbacks.RemoteMonitor(root(server), field="news", headers={"X-Key": "1"})
    monitor.on_epoch_end(2, {"loss": 0.5, "table": np.ones(2), "count": np.int64(3)})
    ((path, headers, body),) = server.received
    assert path == "/publish/epoch/end/" and headers["X-Key"] == "1" and headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert json.loads(parse_qs(body)["news"][0]) == {"epoch": 2, "loss": 0.5, "table": [1.0, 1.0], "count": 3}


def test_epochs_are_sent_as_json_and_any_answer_will_do(server: Any) -> None:
    server.status = 404
    callbacks.RemoteMonitor(root(server), path="/here", send_as_json=True).on_epoch_end(0)
    ((path, headers, body),) = server.received
    assert path == "/here" and headers["Content-Type"] == "application/json" and json.loads(body) == {"epoch": 0}


def test_a_server_that_is_not_there_is_a_warning(server: Any) -> None:
    server.server_close()
    with pytest.warns(UserWarning, match="was not reached"):
        callbacks.RemoteMonitor(root(server)).on_epoch_end(0, {"loss": 1.0})
    with pytest.raises(ConfigError, match="http://"):
        callbacks.RemoteMonitor("file:///etc")
