"""What can go wrong with EWS, in the words of Exchange, of IIS under it, and of what may stand before it."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from sandbox.exchange import soap
from sandbox.exchange.errors import EwsError, SoapFault
from sandbox.exchange.ntlm import kind_of
from sandbox.exchange.signing_in import LOCKED, decode
from sandbox.exchange.site import Site
from sandbox.exchange.versions import VERSIONS
from sandbox.faults import LINE_KINDS, Environ, Face, Rule
from sandbox.wire import CONNECTION, Body

XML = "text/xml; charset=utf-8"
METADATA = "https://169.254.169.254/latest/meta-data/"
OPERATION = re.compile(rb"<(?:\w+:)?Body\b[^>]*>\s*<(?:\w+:)?(\w+)")
SIGNING_IN, GO_ON = "signing-in", "go-on"
LOGIN_PAGE = """<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.0 Transitional//EN"><html><head><title>Outlook</title></head>
<body class="signInBg"><form action="/owa/auth.owa" method="POST" name="logonForm"><label>Domain\\user name:
<input name="username"></label><label>Password: <input name="password" type="password"></label></form></body></html>"""
NOT_FOUND = """<!DOCTYPE html><html><head><title>404 - File or directory not found.</title></head><body>
<h1>Server Error</h1><h2>404 - File or directory not found.</h2><h3>The resource you are looking for might have been
removed, had its name changed, or is temporarily unavailable.</h3></body></html>"""
# kind → code of a SOAP fault
FAULTS = {
    "500-fault": "ErrorInternalServerError",
    "password-expired": "ErrorPasswordExpired",
    "account-disabled": "ErrorAccountDisabled",
    "impersonation": "ErrorImpersonateUserDenied",
}
# kind → code of an error of an item
ERRORS = {
    "access-denied": "ErrorAccessDenied",
    "move-in-progress": "ErrorMailboxMoveInProgress",
    "store-unavailable": "ErrorMailboxStoreUnavailable",
    "no-mailbox": "ErrorNonExistentMailbox",
    "invalid-sync-state": "ErrorInvalidSyncStateData",
    "invalid-sync-state-bare": "ErrorInvalidSyncStateData",
    "sync-folder-gone": "ErrorSyncFolderNotFound",
    "not-saved": "ErrorItemSavePropertyError",
}
SPOILERS = ("half-xml", "entity-bomb", "xxe", "other-build", "garbage-version", "no-version")
# what strikes an answer of the service, and so never one to somebody who is not signed in yet
INSIDE = ("401", "401-locked", "403", "busy", "trickle", "cut-off", "lost-answer", "half-json",
          *FAULTS, *ERRORS, *SPOILERS)  # fmt: skip
KINDS = {
    "401": "401, the password is refused (no bad try is counted)",
    "401-locked": "401 with the words for a locked account",
    "403": "403 and nothing more, as where EWS is switched off",
    "302-elsewhere": "302 to a sign-in page on another host",
    "302-metadata": "302 to a cloud's metadata address",
    "404-html": "404 with a page of IIS",
    "440": "440 Login Timeout",
    "503": "503 with Retry-After",
    "html-200": "a sign-in page with status 200",
    "busy": "a fault ErrorServerBusy with BackOffMilliseconds",
    "500-fault": "a fault ErrorInternalServerError",
    "password-expired": "a fault ErrorPasswordExpired",
    "account-disabled": "a fault ErrorAccountDisabled",
    "impersonation": "a fault ErrorImpersonateUserDenied",
    "access-denied": "ErrorAccessDenied for the item",
    "move-in-progress": "ErrorMailboxMoveInProgress for the item",
    "store-unavailable": "ErrorMailboxStoreUnavailable for the item",
    "no-mailbox": "ErrorNonExistentMailbox for the item",
    "invalid-sync-state": "ErrorInvalidSyncStateData to a client that goes on from a state",
    "invalid-sync-state-bare": "the same without a SyncState element",
    "sync-folder-gone": "ErrorSyncFolderNotFound",
    "not-saved": "ErrorItemSavePropertyError for the item: a value is not taken",
    "half-xml": "a complete answer that is half an envelope",
    "entity-bomb": "an answer with entities that unfold without end",
    "xxe": "an answer with an entity that names a file",
    "other-build": "ServerVersionInfo of another server (2010)",
    "garbage-version": "ServerVersionInfo of words instead of numbers",
    "no-version": "no ServerVersionInfo",
}
SERVER_VERSION = re.compile(rb"<s:Header><h:ServerVersionInfo[^>]*/></s:Header>")


class EwsFace(Face):
    """The gate's view of one site's EWS. Requests are named by operation: /EWS/Exchange.asmx/GetItem.

    A request that is not signed in yet ends in /signing-in, one that goes on from a SyncState in /go-on. A rule's
    amount: seconds for 503 and busy.
    """

    content_type = XML
    kinds = KINDS
    action_words = {
        "lock-account": "the account is locked, as after too many wrong passwords",
        "unlock-account": "the account is unlocked",
        "expire-password": "the password has expired",
        "disable-ews": "EWS is switched off for the mailbox",
        "move-to-cloud": "the mailbox was moved to Exchange Online",
    }

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site
        folder = site.path.rpartition("/")[0]
        self.name = site.name
        self.prefixes = (f"{folder}/", f"{folder.replace('/EWS', '/ews')}/")
        actions: dict[str, Callable[[str], None]] = {
            "expire-sync": site.expire_sync, "lock-account": site.lock, "unlock-account": site.unlock,
            "expire-password": site.expire_password, "disable-ews": site.disable_ews,
            "move-to-cloud": site.move_to_cloud,
        }  # fmt: skip
        self.actions = actions

    def name_request(self, environ: Environ) -> str:
        path = str(environ.get("PATH_INFO", "/"))
        if environ["REQUEST_METHOD"] != "POST":
            return path
        if not _is_signed_in(environ):
            return f"{path}/{SIGNING_IN}"
        data = _read_body(environ)
        found = OPERATION.search(data[:20_000])
        operation = found[1].decode() if found else "nothing"
        goes_on = b"SyncState>" in data and operation.startswith("SyncFolder")
        return f"{path}/{operation}/{GO_ON}" if goes_on else f"{path}/{operation}"

    def find_account(self, environ: Environ) -> str:
        return self._site.door.identify(environ)

    def concerns(self, kind: str, path: str, query: dict[str, str]) -> bool:
        if kind not in LINE_KINDS and kind not in KINDS:
            return False
        if kind.startswith("invalid-sync-state"):
            return path.endswith(GO_ON)
        if kind == "sync-folder-gone":
            return "/SyncFolder" in path
        return not (path.endswith(SIGNING_IN) and kind in INSIDE)

    def refuse(self, rule: Rule, environ: Environ, query: dict[str, str]) -> Response | None:
        kind, wait = rule.kind, 30 if rule.amount is None else rule.amount
        if kind in FAULTS:
            return _fault(SoapFault(FAULTS[kind]))
        if kind in ERRORS:
            return self._error(kind, self.name_request(environ))
        match kind:
            case "401" | "401-locked":
                return self._site.door.challenge(LOCKED if kind == "401-locked" else "")
            case "403":
                return Response(b"", 403)
            case "302-elsewhere":
                return Response(b"", 302, {"Location": "https://elsewhere.example/owa/auth/logon.aspx"})
            case "302-metadata":
                return Response(b"", 302, {"Location": METADATA})
            case "404-html":
                return Response(NOT_FOUND, 404, mimetype="text/html")
            case "440":
                return Response(b"", "440 Login Timeout")
            case "503":
                return Response(b"The service is unavailable.", 503, {"Retry-After": str(int(wait))})
            case "html-200":
                return Response(LOGIN_PAGE, 200, mimetype="text/html")
            case "busy":
                value = f'<t:Value Name="BackOffMilliseconds">{int(wait * 1000)}</t:Value>'
                return _fault(SoapFault("ErrorServerBusy", xml=value))
        return None

    def _error(self, kind: str, name: str) -> Response:
        """One message, whatever the number of items was."""
        operation = name.removesuffix(f"/{GO_ON}").rpartition("/")[2]
        inner = ""
        if operation.startswith("SyncFolder") and kind != "invalid-sync-state-bare":
            what = "Item" if operation == "SyncFolderItems" else "Folder"
            inner = f"<m:SyncState/><m:IncludesLast{what}InRange>true</m:IncludesLast{what}InRange>"
        elif operation in ("GetItem", "CreateItem", "UpdateItem", "MoveItem"):
            inner = "<m:Items/>"
        elif operation == "GetFolder":
            inner = "<m:Folders/>"
        message = soap.failure(operation, EwsError(ERRORS[kind]), inner)
        return Response(soap.dump_response(operation, [message], self._site.version), content_type=XML)

    def spoil(self, rule: Rule, query: dict[str, str], body: bytes) -> bytes:
        match rule.kind:
            case "half-xml":
                return body[: len(body) // 2]
            case "entity-bomb":
                return _with_entity(body, "bomb", _bomb())
            case "xxe":
                return _with_entity(body, "outside", '<!ENTITY outside SYSTEM "file:///etc/hostname">')
            case "other-build":
                return SERVER_VERSION.sub(soap.dump_server_version(VERSIONS["2010_SP2"]).encode(), body)
            case "garbage-version":
                build = f'<h:ServerVersionInfo MajorVersion="fifteen" Version="&lt;new&gt;" xmlns:h="{soap.TYPES}"/>'
                return SERVER_VERSION.sub(f"<s:Header>{build}</s:Header>".encode(), body)
            case "no-version":
                return SERVER_VERSION.sub(b"", body)
        return body


def _is_signed_in(environ: Environ) -> bool:
    """Whether this request is judged by itself: it brings a password, or the last word of NTLM, or came after that."""
    scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    memory: dict[str, Any] = environ.get(CONNECTION, {})
    match scheme.lower():
        case "":
            return bool(memory.get("ews.signed_in"))
        case "ntlm" | "negotiate":
            return kind_of(decode(value.strip())) == 3
    return scheme.lower() == "basic"


def _read_body(environ: Environ) -> bytes:
    """The request's body, which can be read again after this."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > soap.LIMIT:
        return b""
    data: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = Body(io.BytesIO(data), len(data))
    return data


def _fault(fault: SoapFault) -> Response:
    return Response(soap.dump_fault(fault), 500, content_type=XML)


def _bomb() -> str:
    """A billion laughs."""
    pairs = zip("abcdefghi", "bcdefghij", strict=True)
    steps = "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairs)
    return f'<!ENTITY a "{"ha" * 5}">{steps}<!ENTITY bomb "&j;">'


def _with_entity(body: bytes, name: str, declarations: str) -> bytes:
    """The same answer with a DTD, and the entity wherever a name or a subject was."""
    head, _, rest = body.partition(b"?>")
    for element in (b"DisplayName", b"Subject", b"ResponseCode"):
        rest, count = re.subn(
            b"<([tm]):" + element + b">[^<]*<", b"<\\1:" + element + b">&" + name.encode() + b";<", rest
        )
        if count:
            break
    return head + b"?>" + f"<!DOCTYPE answer [{declarations}]>".encode() + rest
