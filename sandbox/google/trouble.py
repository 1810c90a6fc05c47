"""How Google words its refusals, and how its pages mislead."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.wrappers import Response

from sandbox.faults import Environ, Face, Rule
from sandbox.google.errors import GoogleError, calendar_error, full_sync_required, people_error, sync_token_expired

if TYPE_CHECKING:
    from sandbox.google import Google

FOREIGN = "https://elsewhere.example/calendar/v3/next?page=2"
EMPTY_PAGE = "sandbox-empty:"
LISTS = ("/events", "/connections", "/contactGroups", "/calendarList")


class GoogleFace(Face):
    name = "Google"
    prefixes = ("/google/",)
    kinds = {
        "400": "400 invalid",
        "401": "401, the access token is refused",
        "403-rate": "403 rateLimitExceeded",
        "403-user-rate": "403 userRateLimitExceeded",
        "403-quota": "403 quotaExceeded",
        "403-scope": "403 insufficientPermissions",
        "403-forbidden": "403 forbidden",
        "404": "404 notFound",
        "410": "410 (calendar) or EXPIRED_SYNC_TOKEN (people), as if the sync token had expired",
        "429": "429 with Retry-After in seconds",
        "429-date": "429 with Retry-After as an HTTP date",
        "429-first-page": "429 for first pages of a full contact sync only",
        "500": "500 with a JSON body",
        "503": "503 with a JSON body and Retry-After",
        "invalid-grant": "the token endpoint answers invalid_grant",
        "foreign-next": "nextPageToken is a URL on another host",
        "endless": "there is always a next page, and it is the same one",
        "empty-pages": "pages without items, each with a nextPageToken, before the real one",
    }

    def __init__(self, google: Google) -> None:
        super().__init__()
        self._store = google.store
        self.actions = {
            "expire-access": google.tokens.expire_access,
            "expire-sync": google.expire_sync_tokens,
            "revoke-account": google.tokens.revoke_account,
        }

    def covers(self, path: str) -> bool:
        """Not the pages where people consent."""
        return super().covers(path) and not path.startswith("/google/o/")

    def find_account(self, environ: Environ) -> str:
        header = environ.get("HTTP_AUTHORIZATION", "")
        if header[:7].lower() != "bearer ":
            return ""
        row = self._store.row("SELECT email FROM g_access WHERE token = ?", header[7:].strip())
        return row["email"] if row else ""

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        if kind == "410":
            return "syncToken" in query
        if kind == "invalid-grant":
            return path == "/google/token"
        if kind == "429-first-page":
            return path.endswith("/connections") and not query.get("syncToken") and not query.get("pageToken")
        if kind in ("endless", "empty-pages", "foreign-next"):
            return path.endswith(LISTS)
        return super().concerns(kind, path, query)

    def go_on(self, environ: Environ, query: dict[str, str]) -> Rule | None:
        """More empty pages that the client has coming; puts back the page token it really holds."""
        token = query.get("pageToken", "")
        if not token.startswith(EMPTY_PAGE):
            return None
        left, _, inner = base64.urlsafe_b64decode(token.removeprefix(EMPTY_PAGE)).decode().partition(":")
        query.pop("pageToken")
        if inner:
            query["pageToken"] = inner
        _set_query(environ, query)
        return Rule("empty-pages", amount=int(left)) if int(left) else None

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        return _refusal(rule, environ["PATH_INFO"])

    def prepare(self, rule: Rule, environ: Environ, query: dict[str, str]) -> None:
        if rule.kind == "endless" and query.pop("pageToken", None):
            _set_query(environ, query)

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        if rule.kind == "endless":
            return change_json(body, lambda doc: _drop_sync(doc) | {"nextPageToken": f"again-{rule.hits}"})
        if rule.kind == "foreign-next":
            return change_json(body, lambda doc: _drop_sync(doc) | {"nextPageToken": FOREIGN})
        if rule.kind == "empty-pages":
            left = int(3 if rule.amount is None else rule.amount)
            token = base64.urlsafe_b64encode(f"{left - 1}:{query.get('pageToken', '')}".encode()).decode()
            return change_json(body, lambda doc: _empty(doc, EMPTY_PAGE + token))
        return body


def change_json(body: bytes, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bytes:
    """The document changed; a body that is none is left alone."""
    try:
        return json.dumps(change(json.loads(body)), ensure_ascii=False).encode()
    except ValueError:
        return body


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
    wait = str(int(30 if rule.amount is None else rule.amount))
    after: dict[str, str] = {}
    match rule.kind:
        case "400":
            error = _error(path, 400, "invalid", "Invalid Value", domain="global")
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
        case _:
            return None
    return Response(json.dumps(error.body), error.status, after | error.headers, mimetype="application/json")


def _drop_sync(doc: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name != "nextSyncToken"}


def _empty(doc: dict[str, Any], token: str) -> dict[str, Any]:
    lists = ("items", "connections", "contactGroups")
    emptied = {name: [] if name in lists else value for name, value in _drop_sync(doc).items()}
    return emptied | {"nextPageToken": token}
