"""The HTTP server under the sandbox: HTTP/1.1 with kept connections, a thread for each, quiet, and quick to stop."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body leave together, and at once
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    timeout = 120

    def log(self, *_: Any) -> None:
        """The sandbox keeps its own log."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ValueError):
            # the client left, or a fault closed the line
            self.close_connection = True

    def finish(self) -> None:
        # each by itself: with the client gone, closing the first fails, and the second would keep the socket open
        for stream in (self.wfile, self.rfile):
            with contextlib.suppress(OSError, ValueError):
                stream.close()


class PortTaken(Exception):
    """Nothing can listen there; str() says why. Not an OSError: on those werkzeug ends the process."""


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping closes them too. Raises PortTaken."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, app: Any) -> None:
        super().__init__(host, port, app, Handler)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def server_bind(self) -> None:
        try:
            super().server_bind()
        except OSError as error:
            raise PortTaken(error.strerror or "no reason given") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is none."""

    def count_open(self) -> int:
        with self._guard:
            return len(self._open)

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        with self._guard:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
