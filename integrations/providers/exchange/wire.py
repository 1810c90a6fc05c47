"""The way to one account's server: exchangelib's protocol signs in, our session carries the bytes.

exchangelib keeps protocols, with passwords in their keys, for the life of the process; this one is made around that.
Its own sending is not used either: it retries, sleeps, and logs requests.

exchangelib and lxml are imported where they are used: the web process starts without them.
"""

import binascii
import re
import ssl
import struct
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

import requests

from integrations.errors import AdminNeeded, ProviderError, ReconnectNeeded, Refused, Unexpected, Unreachable
from integrations.providers.exchange.codes import TooMuch, WrongVersion
from integrations.providers.exchange.operations import dump_envelope, get_folders
from integrations.providers.exchange.responses import Element, make_error, read_answer
from integrations.providers.exchange.versions import UNSURE, VERSIONS, Version, find_version, parse_version
from integrations.providers.exchange.words import EwsWords
from integrations.providers.http import Answer, send
from safety import outbound

SignInKind = Literal["ntlm", "basic"]

_HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept": "text/xml"}
_SCHEME = re.compile(r"(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|,|$)")
_BAD_NAME, _EXPIRED = 62, 10
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_CERT_HAS_EXPIRED."""


def parse_offers(headers: Mapping[str, str]) -> frozenset[str]:
    """The ways to sign in that a 401 names, in lower case."""
    return frozenset(one.lower() for one in _SCHEME.findall(headers.get("WWW-Authenticate", "")))


def choose_kind(offers: frozenset[str], url: str, words: EwsWords) -> SignInKind:
    """NTLM where there is a choice: the password itself does not travel.

    Raises:
        Refused: Basic, and nothing around it that protects the password.
        AdminNeeded: none that works with a user name and a password.
    """
    if offers & {"ntlm", "negotiate"}:
        return "ntlm"
    if "basic" not in offers:
        raise AdminNeeded(words.no_password_sign_in, detail="401, neither NTLM nor Basic")
    if not url.lower().startswith("https:"):
        raise Refused(words.unprotected, detail="Basic without TLS")
    return "basic"


def discover(url: str, words: EwsWords, session_factory: Callable[[], requests.Session]) -> SignInKind:
    """How one signs in at a server: asked without user name or password.

    Raises:
        ProviderError: any of the family.
    """
    request = dump_envelope(get_folders("calendar"), find_version(UNSURE).schema)
    with session_factory() as session:
        answer = send_soap(session, url, request, words)
    if answer.status != 401:
        read_answer(answer, words)
        raise AdminNeeded(words.no_password_sign_in, detail=f"{answer.status} without a sign-in")
    return choose_kind(parse_offers(answer.headers), url, words)


def send_soap(session: requests.Session, url: str, request: bytes, words: EwsWords) -> Answer:
    """http.send, with more to say about TLS and NTLM.

    Raises:
        ProviderError: any of the family.
    """
    try:
        return send(session, "POST", url, words=words, headers=_HEADERS, data=request)
    except Unreachable as error:
        raise _about_tls(error.__cause__, words) or error from error
    except Unexpected as error:
        if isinstance(error.__cause__, outbound.TooBig):
            raise TooMuch(error.sentence, detail=error.detail) from error
        raise
    except Exception as error:
        if isinstance(error, ProviderError) or not _is_of_handshake(error):
            raise
        raise Unreachable(words.unreachable, detail=f"a handshake that went wrong: {type(error).__name__}") from error


def _is_of_handshake(error: Exception) -> bool:
    """What requests_ntlm makes of an answer in mid-handshake without a challenge, or with one that is none."""
    from spnego.exceptions import SpnegoError

    return isinstance(error, KeyError | binascii.Error | struct.error | SpnegoError)


def _about_tls(error: BaseException | None, words: EwsWords) -> ProviderError | None:
    if not isinstance(error, requests.exceptions.SSLError):
        return None
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            is_name = cause.verify_code in (_BAD_NAME, _EXPIRED)
            sentence = words.wrong_name if is_name else words.not_trusted
            return Unreachable(sentence, detail=f"certificate: X509 error {cause.verify_code}")
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what is wrapped in it: requests and urllib3 put the cause among the arguments, or in `reason`."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


@cache
def _protocol_class() -> Any:
    from exchangelib import protocol

    base: Any = protocol.BaseProtocol

    # BaseProtocol: exchangelib's Protocol has the metaclass that keeps every protocol, with its password, for ever.
    class Protocol(base):  # type: ignore[misc]  # exchangelib has no types
        session_factory: Any = None

        def raw_session(self, *_: object, **__: object) -> requests.Session:
            session: requests.Session = self.session_factory()
            return session

        def create_session(self) -> requests.Session:
            session: requests.Session = super().create_session()
            if isinstance(session.auth, requests.auth.HTTPBasicAuth):
                # requests' own Latin-1 has no room for most of the world's letters.
                parts = (str(session.auth.username), str(session.auth.password))
                session.auth = requests.auth.HTTPBasicAuth(*(_encode(part) for part in parts))
            return session

    return Protocol


def _encode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


class Wire:
    """Asks one server in one person's name, until it is closed or the server refuses the password."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        *,
        kind: SignInKind,
        version: Version,
        words: EwsWords,
        session_factory: Callable[[], requests.Session],
        mailbox: str = "",
        deadline: datetime | None = None,
        is_trial: bool = False,
    ) -> None:
        """`is_trial`: the password is being tried for the first time, so that one refusal is enough."""
        self.url = url
        self.words = words
        self.kind: SignInKind = kind
        self.version = version
        self.mailbox = mailbox
        """Whose it is; a server farm finds the right server by it."""
        self._secret: tuple[str, str] | None = (user, password)
        self._make_session = session_factory
        self._deadline = deadline
        self._refusals_left = 1 if is_trial else 2
        self._refused = words.wrong_password if is_trial else words.changed_password
        self._end: tuple[str, str] | None = None
        self._has_switched = False
        self._protocol: Any = None

    def close(self) -> None:
        """Forget the password, and whatever was made with it."""
        self._secret = None
        self._hang_up()

    def _hang_up(self) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        for session in list(protocol._session_pool.queue):
            session.auth = None
        protocol.close()
        protocol.config._credentials = None

    def ask(self, operation: str, *, has_cursor: bool = False) -> list[Element]:
        """The response messages of one operation, errors of single ones still among them: `responses.check`.

        A refused password is tried once more on a new connection, because NTLM's handshakes do get lost. After the
        second refusal the server is asked nothing more: directories lock accounts.

        Raises:
            ProviderError: any of the family.
        """
        tried = {self.version.schema}
        while True:
            answer = self._send(dump_envelope(operation, self.version.schema))
            if answer.status == 401:
                self._hear_refusal(answer)
                continue
            try:
                header, messages = read_answer(answer, self.words, has_cursor=has_cursor)
            except WrongVersion:
                older = next(
                    (one for one in VERSIONS if one.build < self.version.build and one.schema not in tried), None
                )
                if older is None:
                    raise AdminNeeded(self.words.too_old, detail=f"not even {self.version.schema}") from None
                self.version = older
                tried.add(older.schema)
                continue
            self.version = parse_version(header) or self.version
            return messages

    def _send(self, request: bytes) -> Answer:
        if self._end is not None:
            raise ReconnectNeeded(self._end[0], detail=self._end[1])
        if self._deadline is not None and datetime.now(UTC) >= self._deadline:
            raise Unreachable(self.words.too_long, detail="deadline")
        if self._protocol is None:
            self._protocol = self._connect()
        session = self._protocol.get_session()
        try:
            return send_soap(session, self.url, request, self.words)
        except ProviderError:
            # Nobody knows what has become of the connection, and NTLM signs in per connection.
            session.close()
            raise
        finally:
            self._protocol.release_session(session)

    def _connect(self) -> Any:
        """exchangelib's protocol for this account, with one session that is ours."""
        import exchangelib

        if self._secret is None:
            raise ReconnectNeeded(self.words.reconnect, detail="the account is closed")
        library: Any = exchangelib  # it has no types
        configuration = library.Configuration(
            credentials=library.Credentials(*self._secret),
            service_endpoint=self.url,
            auth_type=library.NTLM if self.kind == "ntlm" else library.BASIC,
            retry_policy=library.FailFast(),
            max_connections=1,
        )
        protocol = _protocol_class()(configuration)
        protocol.session_factory = self._open_session
        return protocol

    def _open_session(self) -> requests.Session:
        session = self._make_session()
        if self.mailbox.isascii() and self.mailbox.isprintable():
            session.headers["X-AnchorMailbox"] = self.mailbox
        return session

    def _hear_refusal(self, answer: Answer) -> None:
        """Returns where it is worth another try.

        Raises:
            ReconnectNeeded
        """
        self._hang_up()
        error = make_error(answer.status, answer.headers, answer.body, self.words)
        offers = parse_offers(answer.headers)
        names = {"ntlm", "negotiate"} if self.kind == "ntlm" else {"basic"}
        if offers and not offers & names and not self._has_switched:
            # The server wants another kind of sign-in by now: it did not judge the password.
            self.kind = choose_kind(offers, self.url, self.words)
            self._has_switched = True
            return
        self._refusals_left -= 1
        is_plain = error.sentence == self.words.wrong_password
        if self._refusals_left < 1 or not is_plain:
            self._end = self._refused if is_plain else error.sentence, error.detail
            raise ReconnectNeeded(self._end[0], detail=self._end[1])
