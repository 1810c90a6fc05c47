"""The WSGI layer in front of everything: it lets faults happen and writes the request log."""

from __future__ import annotations

import io
import time
import zlib
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from werkzeug.wrappers import Response

from sandbox.faults import Environ, Face, Faults, Rule
from sandbox.request_log import Entry, RequestLog
from sandbox.wire import hang_up

HTML = "<!doctype html><html lang=en><title>Error</title><h1>{}</h1><p>That’s an error. That’s all we know.</p></html>"


class Gate:
    """Wraps the application. Requests that no vendor's face covers pass by it."""

    def __init__(self, app: Any, faults: Faults, log: RequestLog) -> None:
        self._app, self._faults, self._log = app, faults, log

    def __call__(self, environ: Environ, start: Any) -> Iterable[bytes]:
        face = self._faults.find_face(environ.get("PATH_INFO", "/"))
        if face is None:
            return self._run(environ, start)
        began = time.perf_counter()
        path, account = face.name_request(environ), face.find_account(environ)
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        entry = self._log.open(environ, path, account)
        promised = face.go_on(environ, query)
        rule = self._faults.take(face, environ["REQUEST_METHOD"], path, account, query=query) or promised
        if rule is None:
            return self._run(environ, self._watch(start, entry, began))
        entry.fault = rule.kind
        return self._strike(face, rule, environ, query, self._watch(start, entry, began), entry)

    def _run(self, environ: Environ, start: Any) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._app(environ, start)
        return answer

    @staticmethod
    def _watch(start: Any, entry: Entry, began: float) -> Any:
        def started(status: str, headers: Any, info: Any = None) -> Any:
            entry.status, entry.milliseconds = int(status[:3]), (time.perf_counter() - began) * 1000
            return start(status, headers, info) if info else start(status, headers)

        return started

    def _strike(
        self, face: Face, rule: Rule, environ: Environ, query: dict[str, str], start: Any, entry: Entry
    ) -> Iterable[bytes]:
        refusal = face.refuse(rule, environ, query) or _refuse_anyhow(rule, face)
        if refusal is not None:
            return refusal(environ, start)
        if rule.kind in ("hang-up", "lost-answer"):
            if rule.kind == "lost-answer":
                self._catch(environ)
            return _hang_up(environ, start, entry)
        if rule.kind == "slow":
            time.sleep(2 if rule.amount is None else rule.amount)
            return self._run(environ, start)
        if rule.kind in ("huge", "gzip-bomb"):
            return _flood(rule, face.content_type, start)
        face.prepare(rule, environ, query)
        status, headers, body = self._catch(environ)
        if rule.kind == "cut-off" and not body:
            return _hang_up(environ, start, entry)
        body = body[: len(body) // 2] if rule.kind == "half-json" else face.spoil(rule, query, body)
        sent = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start(status, [*sent, ("Content-Length", str(len(body)))])
        if rule.kind == "cut-off":
            return _cut(body, environ)
        if rule.kind == "trickle":
            return _trickle(body, 0.2 if rule.amount is None else rule.amount)
        return [body]

    def _catch(self, environ: Environ) -> tuple[str, list[tuple[str, str]], bytes]:
        """The application's own answer, for a fault that spoils it."""
        caught: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], info: Any = None) -> Any:
            caught[:] = [status, headers]

        answer = self._run(environ, start)
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return caught[0], caught[1], body


def _refuse_anyhow(rule: Rule, face: Face) -> Response | None:
    """Answers that no vendor means: what stands between, or a server at its end, sends them."""
    match rule.kind:
        case "502-html":
            return Response(HTML.format("502. Bad Gateway"), 502, mimetype="text/html")
        case "html":
            return Response(HTML.format("Sign in to the guest network"), 200, mimetype="text/html")
        case "empty-body":
            return Response(b"", 200, mimetype=face.content_type)
        case "redirect":
            return Response(b"", 302, {"Location": "https://elsewhere.example/"})
    return None


def _close(environ: Environ) -> None:
    """Cut the line under the server's feet."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        hang_up(connection)


def _hang_up(environ: Environ, start: Any, entry: Entry) -> Iterable[bytes]:
    _close(environ)
    start("500 Hung up", [("Content-Length", "0")])
    entry.status = 0
    return []


def _cut(body: bytes, environ: Environ) -> Iterator[bytes]:
    yield body[: max(1, len(body) // 2)]
    _close(environ)


def _trickle(body: bytes, pause: float) -> Iterator[bytes]:
    for begin in range(0, len(body), 64):
        yield body[begin : begin + 64]
        time.sleep(pause)


def _flood(rule: Rule, content_type: str, start: Any) -> Iterable[bytes]:
    size = int((200 if rule.amount is None else rule.amount) * 1_000_000)
    block = b" " * 1_000_000
    if rule.kind == "gzip-bomb":
        packed, squeezer = io.BytesIO(), zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(size // len(block)):
            packed.write(squeezer.compress(block))
        packed.write(squeezer.flush())
        headers = [("Content-Type", content_type), ("Content-Encoding", "gzip")]
        start("200 OK", [*headers, ("Content-Length", str(len(packed.getvalue())))])
        return [packed.getvalue()]
    start("200 OK", [("Content-Type", content_type), ("Content-Length", str(size))])
    return (block for _ in range(size // len(block)))
