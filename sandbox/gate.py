"""The WSGI layer in front of everything: it lets faults happen and writes the request log."""

from __future__ import annotations

import base64
import io
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.wrappers import Response

from sandbox.faults import Faults, Rule
from sandbox.google.errors import GoogleError, calendar_error, full_sync_required, people_error, sync_token_expired
from sandbox.request_log import Entry, RequestLog
from sandbox.wire import hang_up

Environ = dict[str, Any]
FOREIGN = "https://elsewhere.example/calendar/v3/next?page=2"
EMPTY_PAGE = "sandbox-empty:"
HTML = "<!doctype html><html lang=en><title>Error</title><h1>{}</h1><p>That’s an error. That’s all we know.</p></html>"


class Gate:
    """Wraps the application. find_account: Authorization header → e-mail address or nothing."""

    def __init__(self, app: Any, faults: Faults, log: RequestLog, find_account: Callable[[str], str]) -> None:
        self._app, self._faults, self._log, self._find_account = app, faults, log, find_account

    def __call__(self, environ: Environ, start: Any) -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        if not path.startswith("/google/") or path.startswith("/google/o/"):
            return self._app(environ, start)  # type: ignore[no-any-return]
        began = time.perf_counter()
        account = self._find_account(environ.get("HTTP_AUTHORIZATION", ""))
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        entry = self._log.open(environ, account)
        empty = self._unwrap_empty_page(environ, query)
        rule = self._faults.take(method, path, account, query=query)
        if rule is None and empty:
            rule = Rule("empty-pages", amount=empty)
        if rule is None:
            return self._app(environ, self._watch(start, entry, began))  # type: ignore[no-any-return]
        entry.fault = rule.kind
        return self._strike(rule, environ, query, self._watch(start, entry, began), entry)

    @staticmethod
    def _watch(start: Any, entry: Entry, began: float) -> Any:
        def started(status: str, headers: Any, info: Any = None) -> Any:
            entry.status, entry.milliseconds = int(status[:3]), (time.perf_counter() - began) * 1000
            return start(status, headers, info) if info else start(status, headers)

        return started

    @staticmethod
    def _unwrap_empty_page(environ: Environ, query: dict[str, str]) -> int:
        """How many more empty pages the client has coming; puts back the page token it really holds."""
        token = query.get("pageToken", "")
        if not token.startswith(EMPTY_PAGE):
            return 0
        left, _, inner = base64.urlsafe_b64decode(token.removeprefix(EMPTY_PAGE)).decode().partition(":")
        query.pop("pageToken")
        if inner:
            query["pageToken"] = inner
        _set_query(environ, query)
        return int(left)

    def _strike(self, rule: Rule, environ: Environ, query: dict[str, str], start: Any, entry: Entry) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        refusal = _refusal(rule, path)
        if refusal is not None:
            return refusal(environ, start)
        if rule.kind == "hang-up":
            _close(environ)
            entry.status = 0
            start("500 Hung up", [("Content-Length", "0")])
            return []
        if rule.kind == "slow":
            time.sleep(2 if rule.amount is None else rule.amount)
            return self._app(environ, start)  # type: ignore[no-any-return]
        if rule.kind in ("huge", "gzip-bomb"):
            return _flood(rule, environ, start)
        status, headers, body = self._run(environ, query, rule)
        if rule.kind == "endless":
            body = _change_json(body, lambda doc: _loop(doc, rule.hits))
        elif rule.kind == "foreign-next":
            body = _change_json(body, lambda doc: _drop_sync(doc) | {"nextPageToken": FOREIGN})
        elif rule.kind == "empty-pages":
            left = int(3 if rule.amount is None else rule.amount)
            token = base64.urlsafe_b64encode(f"{left - 1}:{query.get('pageToken', '')}".encode()).decode()
            body = _change_json(body, lambda doc: _empty(doc, EMPTY_PAGE + token))
        elif rule.kind == "half-json":
            body = body[: len(body) // 2]
        sent = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start(status, [*sent, ("Content-Length", str(len(body)))])
        if rule.kind == "cut-off":
            return _cut(body, environ)
        if rule.kind == "trickle":
            return _trickle(body, 0.2 if rule.amount is None else rule.amount)
        return [body]

    def _run(self, environ: Environ, query: dict[str, str], rule: Rule) -> tuple[str, list[tuple[str, str]], bytes]:
        """The application's own answer, for a fault that spoils it."""
        if rule.kind == "endless" and query.pop("pageToken", None):
            _set_query(environ, query)
        caught: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], info: Any = None) -> Any:
            caught[:] = [status, headers]

        answer = self._app(environ, start)
        try:
            body = b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()
        return caught[0], caught[1], body


def _set_query(environ: Environ, query: dict[str, str]) -> None:
    pairs = [
        pair for pair in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True) if pair[0] != "pageToken"
    ]
    if "pageToken" in query:
        pairs.append(("pageToken", query["pageToken"]))
    environ["QUERY_STRING"] = urlencode(pairs)


def _error(path: str, status: int, reason: str, message: str, *, domain: str = "usageLimits") -> GoogleError:
    """In the shape of the API that the path belongs to."""
    if "/people/" in path:
        return people_error(status, message, reason="" if status >= 500 else reason)
    return calendar_error(status, reason, message, domain=domain)


def _refusal(rule: Rule, path: str) -> Response | None:
    """The answer of a fault that is simply an answer; None for the others."""
    wait = str(int(30 if rule.amount is None else rule.amount))
    after: dict[str, str] = {}
    match rule.kind:
        case "401":
            error = calendar_error(401, "authError", "Invalid Credentials", location="Authorization", kind="header")
            error.body["error"]["status"] = "UNAUTHENTICATED"
            after = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
        case "403-rate":
            error = _error(path, 403, "rateLimitExceeded", "Rate Limit Exceeded")
        case "403-user-rate":
            error = _error(path, 403, "userRateLimitExceeded", "User Rate Limit Exceeded")
        case "403-quota":
            error = _error(path, 403, "quotaExceeded", "Calendar usage limits exceeded.")
        case "403-scope":
            error = calendar_error(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
            error.body["error"] |= {"status": "PERMISSION_DENIED", "details": [
                {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                 "domain": "googleapis.com"}]}  # fmt: skip
        case "403-forbidden":
            error = _error(path, 403, "forbidden", "Forbidden", domain="global")
        case "404":
            error = _error(path, 404, "notFound", "Not Found", domain="global")
        case "410" if "/people/" in path:
            error = sync_token_expired()
        case "410":
            error = full_sync_required()
        case "429" | "429-date" | "429-first-page":
            error = _error(path, 429, "rateLimitExceeded", "Quota exceeded. Please try again later.")
            moment = formatdate(time.time() + int(wait), usegmt=True)
            after = {"Retry-After": moment if rule.kind == "429-date" else wait}
        case "500":
            error = _error(path, 500, "backendError", "Backend Error", domain="global")
        case "503":
            error = _error(path, 503, "backendError", "The service is currently unavailable.", domain="global")
            after = {"Retry-After": wait}
        case "invalid-grant":
            error = GoogleError(
                400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            )
        case "502-html":
            return Response(HTML.format("502. Bad Gateway"), 502, mimetype="text/html")
        case "html":
            return Response(HTML.format("Sign in to the guest network"), 200, mimetype="text/html")
        case "empty-body":
            return Response(b"", 200, mimetype="application/json")
        case "redirect":
            return Response(b"", 302, {"Location": "https://elsewhere.example/"})
        case _:
            return None
    return Response(json.dumps(error.body), error.status, after | error.headers, mimetype="application/json")


def _change_json(body: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    try:
        return json.dumps(change(json.loads(body)), ensure_ascii=False).encode()
    except ValueError:
        return body


def _drop_sync(doc: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name != "nextSyncToken"}


def _loop(doc: dict[str, Any], turn: int) -> dict[str, Any]:
    return _drop_sync(doc) | {"nextPageToken": f"again-{turn}"}


def _empty(doc: dict[str, Any], token: str) -> dict[str, Any]:
    lists = ("items", "connections", "contactGroups")
    emptied = {name: [] if name in lists else value for name, value in _drop_sync(doc).items()}
    return emptied | {"nextPageToken": token}


def _close(environ: Environ) -> None:
    """Cut the line under the server's feet."""
    connection = environ.get("werkzeug.socket")
    if connection is not None:
        hang_up(connection)


def _cut(body: bytes, environ: Environ) -> Iterator[bytes]:
    yield body[: max(1, len(body) // 2)]
    _close(environ)


def _trickle(body: bytes, pause: float) -> Iterator[bytes]:
    for begin in range(0, len(body), 64):
        yield body[begin : begin + 64]
        time.sleep(pause)


def _flood(rule: Rule, environ: Environ, start: Any) -> Iterable[bytes]:
    size = int((200 if rule.amount is None else rule.amount) * 1_000_000)
    block = b" " * 1_000_000
    if rule.kind == "gzip-bomb":
        packed, squeezer = io.BytesIO(), zlib.compressobj(9, zlib.DEFLATED, 31)
        for _ in range(size // len(block)):
            packed.write(squeezer.compress(block))
        packed.write(squeezer.flush())
        headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")]
        start("200 OK", [*headers, ("Content-Length", str(len(packed.getvalue())))])
        return [packed.getvalue()]
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(size))])
    return (block for _ in range(size // len(block)))
