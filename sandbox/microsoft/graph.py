"""Microsoft Graph v1.0 below /graph/v1.0/: who is calling, which handler answers, and in what shape refusals leave.

Reference: https://learn.microsoft.com/en-us/graph/api/overview
Reference: https://learn.microsoft.com/en-us/graph/json-batching
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
from flask import Blueprint, Response, request

from sandbox.mailbox import Mailbox, MailboxError, Mailboxes
from sandbox.mailbox.event_shapes import WEB_ROOT
from sandbox.microsoft.graph_call import Answer, Call, parse_preferences
from sandbox.microsoft.graph_contacts import ContactHandlers
from sandbox.microsoft.graph_delta import DeltaHandlers
from sandbox.microsoft.graph_errors import (
    GraphError,
    access_denied,
    bad_request,
    dress,
    mailbox_inactive,
    no_such_path,
    throttled,
    token_missing,
    token_refused,
)
from sandbox.microsoft.graph_events import EventHandlers
from sandbox.microsoft.graph_ids import user_id
from sandbox.microsoft.graph_subscriptions import Subscriptions
from sandbox.microsoft.graph_views import dump_page, parse_select
from sandbox.store import Store

PREFIX = "/graph/v1.0"
JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
SITE = "office365"
AT_ONCE = 4
BATCH = 20
# any of these scopes opens what a handler needs; with ! for writing
SCOPES = {
    "calendar": ("Calendars.Read", "Calendars.ReadWrite"),
    "calendar!": ("Calendars.ReadWrite",),
    "contacts": ("Contacts.Read", "Contacts.ReadWrite"),
    "contacts!": ("Contacts.ReadWrite",),
    "user": ("User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All"),
}


class Access(Protocol):
    """What an access token opens."""

    @property
    def email(self) -> str: ...

    @property
    def scopes(self) -> Collection[str]: ...


class TokenShelf(Protocol):
    def find_access(self, token: str) -> Access | None:
        """None for a token that is unknown, expired or revoked."""
        ...


class Office365(Protocol):
    """What Graph needs of the pretend Office 365."""

    @property
    def store(self) -> Store: ...

    @property
    def mailboxes(self) -> Mailboxes: ...

    @property
    def tokens(self) -> TokenShelf: ...


class Graph:
    """resync_status: what a void state token is answered with; lists_default: whether the list of contact folders shows
    the default one; inactive: e-mail addresses without a mailbox in the cloud.
    """

    def __init__(self, office365: Office365) -> None:
        self.office365 = office365
        self.resync_status = 410
        self.lists_default = False
        self.inactive: set[str] = set()
        self.web_root = ("", "")
        self.events, self.contacts = EventHandlers(self), ContactHandlers(self)
        self.subscriptions = Subscriptions(office365)
        # what is spelled out goes before what may be any id
        self._routes: list[tuple[str, list[str], str, Callable[[Call], Answer]]] = sorted((
            (method, path.split("/") if path else [], need, handler)
            for method, path, need, handler in (
                ("GET", "", "user", self.show_user),
                *self.events.handlers, *self.contacts.handlers, *DeltaHandlers(self).handlers,
            )
        ), key=lambda route: sum(part[0] == "{" for part in route[1]))  # fmt: skip
        self._guard = threading.Lock()
        self._busy: Counter[str] = Counter()

    def open_events_at(self, root: str) -> None:
        """Events' webLink leads below this address from now on, the event's id at its end."""
        self.web_root = (WEB_ROOT, root) if root else ("", "")

    # HTTP

    def blueprint(self) -> Blueprint:
        routes = Blueprint("microsoft_graph", __name__, url_prefix=PREFIX)
        for methods in (["GET"], ["POST"], ["PATCH"], ["DELETE"]):
            routes.add_url_rule("/<path:path>", endpoint=methods[0].lower(), view_func=self.serve, methods=methods)
        return routes

    def serve(self, path: str) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        headers["prefer"] = ", ".join(request.headers.getlist("Prefer"))
        raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or request.full_path
        path = urlsplit(raw).path.removeprefix(PREFIX).strip("/") or path
        query = {name.lower(): value for name, value in request.args.items(multi=True)}
        call = Call(request.method, [unquote(part) for part in path.split("/")], query, headers, request.get_data(),
                    f"{request.host_url}graph/v1.0/")  # fmt: skip
        answer = self.respond(call)
        response = Response(answer.dump(), answer.status)
        if answer.doc is not None:
            response.headers["Content-Type"] = JSON
        response.headers["Cache-Control"] = "private"
        response.headers["OData-Version"] = "4.0"
        response.headers["Date"] = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S GMT}"
        response.headers.update(answer.headers)
        return response

    def respond(self, call: Call) -> Answer:
        """The answer to a request or to a whole batch, refusals included."""
        request_id, client_id = str(uuid.uuid4()), call.headers.get("client-request-id", "")
        try:
            answer = self._batch(call) if call.path.lower() == "$batch" else self._handle(call)
        except GraphError as error:
            answer = Answer(error.body(request_id, client_id), error.status, dict(error.headers))
        answer.headers |= {"request-id": request_id, "client-request-id": client_id or request_id}
        return answer

    # from a request to its handler

    def _handle(self, call: Call) -> Answer:
        """Raises GraphError."""
        access = self._check_token(call)
        call.email = access.email
        if call.segments[0].lower() == "subscriptions":
            return self.subscriptions.handle(call, access)
        handler = self._route(call, access)
        with self._guard:
            self._busy[call.email] += 1
            crowd = self._busy[call.email]
        try:
            if crowd > AT_ONCE:
                raise throttled(1)
            call.prefer = parse_preferences(call.headers.get("prefer", ""))
            with self.office365.store.transaction():
                answer = handler(call)
        except MailboxError as error:
            raise dress(error) from error
        finally:
            with self._guard:
                self._busy[call.email] -= 1
        if (applied := call.prefer.applied()) and "Preference-Applied" not in answer.headers:
            answer.headers["Preference-Applied"] = applied
        return answer

    def _check_token(self, call: Call) -> Access:
        header = call.headers.get("authorization", "")
        token = header[7:].strip() if header[:7].lower() == "bearer " else ""
        if not token:
            raise token_missing()
        access = self.office365.tokens.find_access(token)
        if access is None:
            raise token_refused()
        return access

    def _route(self, call: Call, access: Access) -> Callable[[Call], Answer]:
        """Raises GraphError: no such path, method not allowed, not one's own mailbox, scope missing."""
        segments = call.segments
        if segments[0].lower() == "me":
            rest = segments[1:]
        elif segments[0].lower() == "users" and len(segments) > 1:
            if segments[1].lower() not in (access.email, user_id(access.email)):
                raise access_denied()
            rest = segments[2:]
        else:
            raise no_such_path(segments[0])
        known = False
        for method, pattern, need, handler in self._routes:
            values = _match(pattern, rest)
            if values is None:
                continue
            known = True
            if method == call.method:
                call.values = values
                if not set(SCOPES[need]).intersection(access.scopes):
                    raise access_denied()
                return handler
        if known:
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        raise no_such_path(rest[-1] if rest else segments[0])

    def mailbox(self, call: Call) -> Mailbox:
        """The caller's. Raises GraphError where it is not in the cloud."""
        if call.email in self.inactive:
            raise mailbox_inactive()
        return self.office365.mailboxes.open(SITE, call.email)

    # what handlers share

    def user_path(self, call: Call) -> str:
        return f"users('{user_id(call.email)}')"

    def next_page(self, call: Call, size: int, skip: int) -> str:
        """A list's next link: the same query, further on."""
        spelled = {"startdatetime": "startDateTime", "enddatetime": "endDateTime"}
        kept = {spelled.get(name, name): value for name, value in call.query.items() if name not in ("$top", "$skip")}
        return call.link(**kept, **{"$top": str(size), "$skip": str(skip)})

    def small_page(self, call: Call, kind: str, name: str, docs: list[dict[str, Any]]) -> Answer:
        """A list of few: calendars, folders."""
        chosen = parse_select(call.query.get("$select", ""), kind)
        skip, size = call.number("$skip", 0), call.page_size()
        shown = [{name: value for name, value in doc.items() if not chosen or name in ("id", *chosen)}
                 for doc in docs[skip : skip + size]]  # fmt: skip
        part = f"({','.join(chosen)})" if chosen else ""
        head: dict[str, Any] = {"@odata.context": f"{call.root}$metadata#{self.user_path(call)}/{name}{part}"}
        if call.query.get("$count", "").lower() == "true":
            head["@odata.count"] = len(docs)
        if skip + size < len(docs):
            head["@odata.nextLink"] = self.next_page(call, size, skip + size)
        return Answer(dump_page(head, map(orjson.dumps, shown)))

    def show_user(self, call: Call) -> Answer:
        """Reference: https://learn.microsoft.com/en-us/graph/api/user-get"""
        person = self.office365.store.people.find(call.email)
        name = person.name if person else call.email.split("@")[0]
        given, _, surname = name.rpartition(" ")
        doc: dict[str, Any] = {
            "businessPhones": [], "displayName": name, "givenName": given or None, "jobTitle": None, "mail": call.email,
            "mobilePhone": None, "officeLocation": None, "preferredLanguage": None, "surname": surname or None,
            "userPrincipalName": call.email, "id": user_id(call.email),
        }  # fmt: skip
        chosen = parse_select(call.query.get("$select", ""), "user")
        if chosen:
            doc = {name: doc.get(name) for name in chosen}
        part = f"({','.join(chosen)})" if chosen else ""
        return Answer({"@odata.context": f"{call.root}$metadata#users{part}/$entity", **doc})

    # batches

    def _batch(self, call: Call) -> Answer:
        """Up to 20 requests, each with its own status; one that depends on a failed one is not tried."""
        self._check_token(call)
        if call.method != "POST":
            raise GraphError(405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target.")
        requests = call.body().get("requests")
        if not isinstance(requests, list) or not all(isinstance(one, dict) for one in requests):
            raise bad_request("Invalid batch payload format.")
        if len(requests) > BATCH:
            raise bad_request(f"Number of batch request steps exceeds the maximum value of {BATCH}.")
        statuses: dict[str, int] = {}
        responses = []
        for one in requests:
            name = str(one.get("id", ""))
            if any(statuses.get(str(other), 424) >= 400 for other in one.get("dependsOn") or ()):
                failed = GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
                answer = Answer(failed.body(), 424)
            else:
                answer = self.respond(self._step(call, one))
            statuses[name] = answer.status
            entry: dict[str, Any] = {"id": name, "status": answer.status, "headers": answer.headers}
            if answer.doc is not None:
                entry["headers"] = {"Content-Type": "application/json", **answer.headers}
                entry["body"] = orjson.loads(answer.dump())
            responses.append(entry)
        return Answer({"responses": responses})

    @staticmethod
    def _step(call: Call, one: dict[str, Any]) -> Call:
        url = urlsplit(str(one.get("url", "")))
        headers = {str(name).lower(): str(value) for name, value in (one.get("headers") or {}).items()}
        headers["authorization"] = call.headers.get("authorization", "")
        query = {name.lower(): value for name, value in parse_qsl(url.query, keep_blank_values=True)}
        body = one.get("body")
        segments = [unquote(part) for part in url.path.strip("/").split("/")]
        return Call(str(one.get("method", "GET")).upper(), segments, query, headers,
                    orjson.dumps(body) if body is not None else b"", call.root)  # fmt: skip


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """Names in any case; an id is any segment that stands in braces."""
    if len(pattern) != len(segments):
        return None
    values = {}
    for wanted, given in zip(pattern, segments, strict=True):
        if wanted[0] == "{":
            values[wanted[1:-1]] = given
        elif wanted.lower() != given.lower():
            return None
    return values
