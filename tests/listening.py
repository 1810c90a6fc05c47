"""An address that providers may post notifications to: it keeps what comes, and echoes the word that Graph asks for."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Heard:
    path: str
    headers: Message
    body: bytes


class Listener:
    """`answers`: statuses for the next notifications, in order; afterwards 202. 0: hang up.

    `reply`: status and body for what is a question and no notification; None for the others.
    """

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.words: list[str] = []
        self.answers: deque[int] = deque()
        self.reply: Callable[[bytes], tuple[int, bytes] | None] = lambda _: None
        self.echo: Callable[[str], str] = lambda word: word
        self.url = ""

    def wait(self, count: int, *, seconds: float = 10) -> list[Heard]:
        """What was heard, once it is so many; else the test fails."""
        until = time.monotonic() + seconds
        while len(self.heard) < count:
            assert time.monotonic() < until, f"{len(self.heard)} of {count} heard"
            time.sleep(0.02)
        return list(self.heard)

    def take(self, count: int, *, seconds: float = 10) -> list[Heard]:
        """The same, and it is forgotten."""
        found = self.wait(count, seconds=seconds)
        del self.heard[:count]
        return found[:count]


class _Handler(BaseHTTPRequestHandler):
    listener: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        word = parse_qs(urlsplit(self.path).query).get("validationToken")
        status, answer = 202, b""
        if word:
            self.listener.words.append(word[0])
            status, answer = 200, self.listener.echo(word[0]).encode()
        elif asked := self.listener.reply(body):
            status, answer = asked
        else:
            self.listener.heard.append(Heard(self.path, self.headers, body))
            if self.listener.answers:
                status = self.listener.answers.popleft()
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"listener": listener}))
    listener.url = f"http://127.0.0.1:{server.server_port}/told/"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
