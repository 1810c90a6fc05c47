"""The door of EWS: 401 until Basic or NTLM has shown who it is. NTLM signs in a connection, Basic each request."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Response

from sandbox.exchange import ntlm
from sandbox.exchange.directory import Account, Directory, Outcome
from sandbox.wire import CONNECTION

LOCKED = "The referenced account is currently locked out and may not be logged on to."
UNAUTHORIZED = (
    "<!DOCTYPE html><html><head><title>401 - Unauthorized: Access is denied due to invalid credentials.</title></head>"
    "<body><h1>Server Error</h1><h2>401 - Unauthorized: Access is denied due to invalid credentials.</h2>"
    "<h3>You do not have permission to view this directory or page using the credentials that you supplied.</h3>"
    "{}</body></html>"
)
BEARER = (
    'Bearer client_id="00000002-0000-0ff1-ce00-000000000000",'
    ' trusted_issuers="00000001-0000-0000-c000-000000000000@*",'
    ' token_types="app_asserted_user_v1 service_asserted_app_v1",'
    ' authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"'
)


class Refused(Exception):
    """Not let in; the answer says so."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


@dataclass(slots=True)
class Door:
    """schemes: what a 401 offers, in this order, of Negotiate, NTLM, Basic, Bearer.

    binding: what NTLM must be bound to (Extended Protection), None where that is off.
    """

    directory: Directory
    schemes: tuple[str, ...] = ("Negotiate", "NTLM", "Basic")
    server: str = "EX01"
    realm: str = "mail.corp.example"
    binding: bytes | None = None
    handshakes: int = field(default=0)
    """How many NTLM handshakes were begun, to see whether a client keeps its connection."""

    def admit(self, environ: dict[str, Any]) -> Account:
        """Whoever asks. Raises Refused."""
        memory = environ.get(CONNECTION, {})
        scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        match scheme.lower():
            case "":
                account = self.directory.find_by_email(memory.get("ews.signed_in", ""))
                if account is None:
                    raise self._refuse()
                return account
            case "basic" if "Basic" in self.schemes:
                return self._check_basic(value.strip())
            case "ntlm" | "negotiate" if scheme.lower() in [offered.lower() for offered in self.schemes]:
                return self._check_ntlm(scheme, value.strip(), memory)
        raise self._refuse()

    def identify(self, environ: dict[str, Any]) -> str:
        """The address of who says to ask, proved or not; "" for nobody known. For logs and rules."""
        memory = environ.get(CONNECTION, {})
        scheme, _, value = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        account = None
        if scheme.lower() == "basic":
            account = self.directory.find(_split_basic(value.strip())[0])
        elif scheme.lower() in ("ntlm", "negotiate"):
            try:
                reply = ntlm.Handshake(b"any").read_reply(decode(value.strip()))
                account = self.directory.find(reply.user, reply.domain)
            except ntlm.Malformed:
                return ""
        else:
            account = self.directory.find_by_email(memory.get("ews.signed_in", ""))
        return account.email if account else ""

    def _check_basic(self, value: str) -> Account:
        name, password = _split_basic(value)
        account = self.directory.find(name)
        return self._finish(account, is_right=account is not None and account.password == password)

    def _check_ntlm(self, scheme: str, value: str, memory: dict[str, Any]) -> Account:
        token = decode(value)
        handshake: ntlm.Handshake = memory.setdefault("ews.ntlm", ntlm.Handshake())
        memory.pop("ews.signed_in", None)
        try:
            if ntlm.kind_of(token) == 1:
                self.handshakes += 1
                domain = next((one.domain for one in self.directory.everyone()), "CORP")
                challenge = handshake.challenge_for(token, domain=domain, server=self.server)
                raise Refused(_answer(401, "", [f"{scheme} {base64.b64encode(challenge).decode()}"]))
            reply = handshake.read_reply(token)
        except ntlm.Malformed:
            raise self._refuse() from None
        account = self.directory.find(reply.user, reply.domain)
        is_right = account is not None and handshake.proves(reply, account.password, binding=self.binding)
        admitted = self._finish(account, is_right=is_right)
        memory["ews.signed_in"] = admitted.email
        return admitted

    def _finish(self, account: Account | None, *, is_right: bool) -> Account:
        outcome = self.directory.judge(account, is_right=is_right)
        if outcome != Outcome.FINE:
            raise self._refuse(LOCKED if outcome == Outcome.LOCKED else "")
        assert account is not None
        return account

    def _refuse(self, hint: str = "") -> Refused:
        return Refused(self.challenge(hint))

    def challenge(self, hint: str = "") -> Response:
        """401 with every scheme on offer."""
        offers = {"Basic": f'Basic realm="{self.realm}"', "Bearer": BEARER}
        return _answer(401, UNAUTHORIZED.format(hint), [offers.get(scheme, scheme) for scheme in self.schemes])


def _answer(status: int, body: str, offers: list[str]) -> Response:
    response = Response(body, status, mimetype="text/html")
    for offer in offers:
        response.headers.add("WWW-Authenticate", offer)
    return response


def decode(value: str) -> bytes:
    """base64 → bytes, none for what is not base64."""
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _split_basic(value: str) -> tuple[str, str]:
    """Name and password, as UTF-8 or else as Latin-1."""
    raw = decode(value)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    name, _, password = text.partition(":")
    return name, password
