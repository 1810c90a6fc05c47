"""The HTTP server under the sandbox: HTTP/1.1 with kept connections, a thread for each, quiet, and quick to stop."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
import traceback
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

HANDSHAKE_SECONDS = 10
DRAINED_BYTES = 100_000_000
# where the application finds a dict that lives as long as the connection: NTLM signs in a connection, not a request
CONNECTION = "sandbox.connection"


class Body(io.RawIOBase):
    """A request's body: ends where its Content-Length says, and knows how much of it nobody has read."""

    def __init__(self, stream: Any, length: int) -> None:
        super().__init__()
        self._stream, self.left = stream, length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self.left]
        count = self._stream.readinto(view) if len(view) else 0
        self.left -= count
        return int(count)


class Answer:
    """One answer on its way out: what WSGI's start_response and write do."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._status, self._headers = "", list[tuple[str, str]]()
        self.is_begun = self._is_chunked = False
        self._promised = self._sent = 0

    def start(self, status: str, headers: list[tuple[str, str]], info: Any = None) -> Any:
        self._status, self._headers = status, headers
        return self.write

    def _begin(self) -> None:
        handler, named = self._handler, {name.lower(): value for name, value in self._headers}
        code, _, reason = self._status.partition(" ")
        has_body = handler.command != "HEAD" and int(code) >= 200 and code not in ("204", "304")
        self._is_chunked = has_body and "content-length" not in named
        self._promised = int(named.get("content-length", 0)) if has_body else 0
        handler.send_response(int(code), reason)
        for name, value in self._headers:
            handler.send_header(name, value)
        if self._is_chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        if handler.close_connection:
            handler.send_header("Connection", "close")
        handler.end_headers()
        self.is_begun = True

    def write(self, piece: bytes) -> None:
        if not self.is_begun:
            self._begin()
        self._sent += len(piece)
        if piece and self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._handler.wfile.write(piece)
        self._handler.wfile.flush()

    def end(self) -> None:
        if not self.is_begun:
            self.write(b"")
        if self._is_chunked:
            self._handler.wfile.write(b"0\r\n\r\n")
        elif self._sent != self._promised:
            self._handler.close_connection = True  # only the end of the line tells the client that there is no more
        self._handler.wfile.flush()


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    # headers and body leave together, and at once
    wbufsize = 64 * 1024
    disable_nagle_algorithm = True
    timeout = 120

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            # here and not where it is accepted: a client that says nothing keeps only its own thread waiting
            self.request.settimeout(HANDSHAKE_SECONDS)
            self.request.do_handshake()
        super().setup()
        self.memory: dict[str, Any] = {}

    def log(self, *_: Any) -> None:
        """The sandbox keeps its own log."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            # the client left, or a fault closed the line
            self.close_connection = True

    def make_environ(self) -> dict[str, Any]:
        environ = super().make_environ()
        environ[CONNECTION] = self.memory
        if environ.get("wsgi.input_terminated"):
            self.close_connection = True  # nobody counts what is left of chunks; the answer says so
        else:
            environ["wsgi.input"] = Body(self.rfile, int(environ.get("CONTENT_LENGTH") or 0))
        return environ

    def run_wsgi(self) -> None:
        """One request through the application. Werkzeug's own closes the connection after each."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        self.environ = environ = self.make_environ()
        answer, body = Answer(self), environ["wsgi.input"]
        try:
            self._send(answer, environ)
        except OSError:
            raise
        except Exception:
            traceback.print_exc()
            self.close_connection = True
            if not answer.is_begun:
                answer.start("500 Internal Server Error", [("Content-Length", "0")])
                answer.end()
        self._drain(body)

    def _send(self, answer: Answer, environ: dict[str, Any]) -> None:
        pieces = self.server.app(environ, answer.start)
        try:
            for piece in pieces:
                answer.write(piece)
            answer.end()
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def _drain(self, body: Any) -> None:
        """What the application left unread would be taken for the next request."""
        if not isinstance(body, Body) or body.left > DRAINED_BYTES:
            self.close_connection = True
            return
        while body.left and body.read(64 * 1024):
            continue

    def finish(self) -> None:
        # each by itself: with the client gone, closing the first fails, and the second would keep the socket open
        for stream in (self.wfile, self.rfile):
            with contextlib.suppress(OSError, ValueError):
                stream.close()


class PortTaken(Exception):
    """Nothing can listen there; str() says why. Not an OSError: on those werkzeug ends the process."""


class Server(ThreadedWSGIServer):
    """Knows its open connections, so that stopping closes them too. With `tls` it speaks https. Raises PortTaken."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, app: Any, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(host, port, app, Handler)
        self.ssl_context = tls
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def server_bind(self) -> None:
        try:
            super().server_bind()
        except OSError as error:
            raise PortTaken(error.strerror or "no reason given") from error

    def get_request(self) -> tuple[Any, Any]:
        request, address = super().get_request()
        if self.ssl_context is None:
            return request, address
        return self.ssl_context.wrap_socket(request, server_side=True, do_handshake_on_connect=False), address

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
            hang_up(connection)


def hang_up(connection: socket.socket) -> None:
    """Cut the line under whoever speaks on it, and under TLS without its goodbye."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
