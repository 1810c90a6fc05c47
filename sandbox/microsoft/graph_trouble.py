"""How Microsoft Graph words its refusals, and how its pages and links mislead.

Reference: https://learn.microsoft.com/graph/throttling
Reference: https://learn.microsoft.com/entra/identity-platform/claims-challenge
"""

from __future__ import annotations

import base64
import json
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from werkzeug.wrappers import Response

from sandbox.faults import Environ, Face, Rule
from sandbox.google.trouble import change_json
from sandbox.microsoft.graph_errors import (
    CHALLENGE,
    GraphError,
    access_denied,
    bad_request,
    not_found,
    sync_state_not_found,
    throttled,
    timed_out,
    token_refused,
    unavailable,
)

if TYPE_CHECKING:
    from sandbox.microsoft import Office365

FOREIGN = "https://elsewhere.example/v1.0/me/calendarView/delta?$deltatoken=x"
AGAIN, EMPTY = "sandbox-again:", "sandbox-empty:"
NEXT, DELTA = "@odata.nextLink", "@odata.deltaLink"
TOKENS = ("$skiptoken", "$deltatoken")
MISLEADING = ("endless", "empty-pages", "repeat-items", "removed-unknown", "foreign-next", "foreign-delta")
LISTS = ("delta", "delta()", "microsoft.graph.delta()", "calendarview", "events", "instances", "contacts",
         "contactfolders", "childfolders", "calendars")  # fmt: skip


class GraphFace(Face):
    name = "Microsoft Graph"
    prefixes = ("/graph/",)
    kinds = {
        "400": "400 ErrorPropertyValidationFailure, as if what is written were not acceptable",
        "401": "401, the access token is refused",
        "401-claims": "401 with a claims challenge (Continuous Access Evaluation)",
        "403-scope": "403 ErrorAccessDenied",
        "404": "404 ErrorItemNotFound",
        "410": "410 with the address to start again at, as if the delta link had expired",
        "sync-state-not-found": "404 syncStateNotFound to a delta link (amount: another status, such as 400)",
        "429": "429 with Retry-After in seconds",
        "429-date": "429 with Retry-After as an HTTP date",
        "500": "500 with a JSON body",
        "503": "503 with a JSON body and Retry-After",
        "504": "504 with a JSON body",
        "endless": "a new next link each time, the same page behind it, and never a delta link",
        "empty-pages": "pages without items, each with a next link, before the real one",
        "repeat-items": "each item stands twice on the page, an older copy first",
        "removed-unknown": "@removed for ids that nobody knows",
        "foreign-next": "the next link leads to another host",
        "foreign-delta": "the delta link leads to another host",
    }

    def __init__(self, office365: Office365) -> None:
        super().__init__()
        self._tokens = office365.tokens
        self.actions = {
            "expire-access": office365.tokens.expire_access,
            "expire-sync": office365.expire_sync,
            "revoke-account": office365.tokens.revoke_account,
        }

    def find_account(self, environ: Environ) -> str:
        header = environ.get("HTTP_AUTHORIZATION", "")
        return self._tokens.find_owner(header[7:].strip()) if header[:7].lower() == "bearer " else ""

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        if kind in ("410", "sync-state-not-found"):
            return any(name.lower() in TOKENS for name in query)
        if kind in ("removed-unknown", "foreign-delta"):
            return "delta" in path.rpartition("/")[2].lower()
        if kind in MISLEADING:
            return path.rpartition("/")[2].lower() in LISTS
        return super().concerns(kind, path, query)

    def go_on(self, environ: Environ, query: dict[str, str]) -> Rule | None:
        """A link that an earlier fault made: back to the query it stands for, and to the empty pages still to come."""
        token = query.get("$skiptoken", "")
        if not token.startswith((AGAIN, EMPTY)):
            return None
        left, _, original = base64.urlsafe_b64decode(token.partition(":")[2]).decode().partition(":")
        environ["QUERY_STRING"] = original
        query.clear()
        query.update(parse_qsl(original, keep_blank_values=True))
        return Rule("empty-pages", amount=int(left)) if token.startswith(EMPTY) and int(left) else None

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        error = _refusal(rule, _address(environ))
        if error is None:
            return None
        return Response(error.dump(), error.status, error.headers, mimetype="application/json")

    def prepare(self, rule: Rule, environ: Environ, query: dict[str, str]) -> None:
        query["sandbox.address"] = _address(environ)
        query["sandbox.original"] = environ.get("QUERY_STRING", "")

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        if rule.kind not in MISLEADING:
            return body
        address, original = query["sandbox.address"], query["sandbox.original"]

        def change(doc: dict[str, Any]) -> dict[str, Any]:
            if not isinstance(doc.get("value"), list):
                return doc
            links = {name: doc[name] for name in (NEXT, DELTA) if name in doc}
            rest = {name: value for name, value in doc.items() if name not in links}
            match rule.kind:
                case "endless":
                    return rest | {NEXT: _link(address, AGAIN, rule.hits, original)}
                case "empty-pages":
                    left = int(3 if rule.amount is None else rule.amount) - 1
                    return rest | {"value": [], NEXT: _link(address, EMPTY, left, original)}
                case "repeat-items":
                    return rest | {"value": [*map(_age, rest["value"]), *rest["value"]]} | links
                case "removed-unknown":
                    return rest | {"value": [*rest["value"], *_strangers(rest["value"])]} | links
                case "foreign-next":
                    return rest | {NEXT: FOREIGN}
            return rest | links | ({DELTA: FOREIGN} if DELTA in links else {})

        return change_json(body, change)


def _address(environ: Environ) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}{environ.get('RAW_URI', '').partition('?')[0]}"


def _link(address: str, kind: str, number: int, original: str) -> str:
    token = kind + base64.urlsafe_b64encode(f"{number}:{original}".encode()).decode()
    return f"{address}?{urlencode({'$skiptoken': token}, safe='$:')}"


def _age(item: dict[str, Any]) -> dict[str, Any]:
    """The item as it might have been before."""
    if "@removed" in item:
        return item
    changed = {name: "An older copy" for name in ("subject", "displayName") if name in item}
    return item | changed | {name: 'W/"older"' for name in ("@odata.etag",) if name in item}


def _strangers(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kind = next(({"@odata.type": item["@odata.type"]} for item in items if "@odata.type" in item), {})
    return [
        kind | {"id": f"AAkALgAAAAAAHYQDEapmEc2byACq{letter * 40}AAA", "@removed": {"reason": reason}}
        for letter, reason in (("x", "deleted"), ("y", "changed"))
    ]


def _refusal(rule: Rule, address: str) -> GraphError | None:
    wait = int(30 if rule.amount is None else rule.amount)
    match rule.kind:
        case "400":
            return bad_request("At least one property failed validation.", "ErrorPropertyValidationFailure")
        case "401":
            return token_refused()
        case "401-claims":
            return _challenge()
        case "403-scope":
            return access_denied()
        case "404":
            return not_found()
        case "410":
            return sync_state_not_found(410, address)
        case "sync-state-not-found":
            error = sync_state_not_found(404 if rule.amount is None else int(rule.amount))
            error.code = "syncStateNotFound"
            return error
        case "429":
            return throttled(wait)
        case "429-date":
            error = throttled(0)
            error.headers["Retry-After"] = formatdate(time.time() + wait, usegmt=True)
            return error
        case "500":
            return GraphError(500, "InternalServerError", "The server encountered an internal error.")
        case "503":
            return unavailable(wait)
        case "504":
            return timed_out()
    return None


def _challenge() -> GraphError:
    """A token with these claims is needed: one that was issued from now on."""
    claims = {"access_token": {"nbf": {"essential": True, "value": str(int(time.time()))}}}
    encoded = base64.b64encode(json.dumps(claims, separators=(",", ":")).encode()).decode()
    return GraphError(
        401, "InvalidAuthenticationToken",
        "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "
        "TokenIssuedBeforeRevocationTimestamp",
        {"WWW-Authenticate": f'{CHALLENGE}, error="insufficient_claims", claims="{encoded}"'},
    )  # fmt: skip
