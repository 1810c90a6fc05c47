"""Connections that go where they were vetted to go, and answers that end: what `outbound` needs of urllib3's inside.

The name is looked up once, every answer is vetted, and the socket connects to that very address, so there is no second
answer to lie with. The name stays the name for TLS.
"""

import socket
import ssl
import time
from collections.abc import Generator
from functools import lru_cache
from typing import Any, cast

import certifi
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.response import HTTPResponse

from safety.reach import Blocked, Policy, blocked_at, parse_address

MOST_ADDRESSES = 4
PIECE_BYTES = 64 * 1024


class TooBig(Exception):
    """The answer is longer than allowed; the rest of it was not read."""

    def __init__(self, sentence: str, *, host: str = "") -> None:
        self.sentence = sentence
        self.host = host
        super().__init__(sentence)


_Resolved = tuple[socket.AddressFamily, socket.SocketKind, int, Any]


def resolve(policy: Policy, host: str, port: int, *, is_tls: bool) -> list[_Resolved]:
    """Look a name up, once. One answer that is not allowed spoils the lot.

    Raises:
        Blocked
        OSError: the name is not known.
    """
    found = _look_up(host, port)
    for *_, sockaddr in found:
        address = parse_address(str(sockaddr[0]))
        if address is None or not policy.admits(address, host=host, port=port, is_tls=is_tls):
            raise blocked_at(host, port, address)
    return found


def _look_up(host: str, port: int) -> list[_Resolved]:
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        raise Blocked(f"{host[:80]} is not a host name.", host=host) from None
    if not answers:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    return [(family, kind, protocol, sockaddr) for family, kind, protocol, _, sockaddr in answers]


class _Deadline:
    """A socket that stops receiving at a moment in time, however many bytes keep it company until then."""

    deadline: float | None = None

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        receive = super().recv_into  # type: ignore[misc]
        if self.deadline is None:
            return int(receive(*args, **kwargs))
        this = cast(socket.socket, self)
        left, usual = self.deadline - time.monotonic(), this.gettimeout()
        if left <= 0:
            raise TimeoutError("The answer took too long.")
        if usual is not None and usual <= left:
            return int(receive(*args, **kwargs))
        this.settimeout(left)
        try:
            return int(receive(*args, **kwargs))
        finally:
            this.settimeout(usual)


class _Socket(_Deadline, socket.socket):
    pass


class _TLSSocket(_Deadline, ssl.SSLSocket):
    pass


@lru_cache(maxsize=4)
def make_tls_context(ca_bundle: str | None) -> ssl.SSLContext:
    """Made once per process: reading the authorities costs more than a connection does."""
    context = ssl.create_default_context(cafile=certifi.where())
    if ca_bundle:
        context.load_verify_locations(ca_bundle)
    context.sslsocket_class = _TLSSocket
    return context


class _CappedResponse(HTTPResponse):
    """Counts what it hands out, decoded, and stops at the limit. Never decodes far ahead of what it counts."""

    host: str
    left: int

    def read(self, amt: int | None = None, decode_content: bool | None = None, cache_content: bool = False) -> bytes:
        if amt is None or amt < 0:
            return b"".join(iter(lambda: self.read(PIECE_BYTES, decode_content), b""))
        return self._count(super().read(min(amt, self.left + 1), decode_content))

    def read1(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        size = PIECE_BYTES if amt is None or amt < 0 else amt
        return self._count(super().read1(min(size, self.left + 1), decode_content))

    def read_chunked(self, amt: int | None = None, decode_content: bool | None = None) -> Generator[bytes]:
        size = PIECE_BYTES if amt is None or amt < 0 else min(amt, PIECE_BYTES)
        for piece in super().read_chunked(size, decode_content):
            yield self._count(piece)

    def _count(self, piece: bytes) -> bytes:
        self.left -= len(piece)
        if self.left < 0:
            self.close()
            raise _too_big(self.host)
        return piece


def _too_big(host: str) -> TooBig:
    return TooBig(f"{host} sent more than Portico reads in one answer.", host=host)


def make_pools(policy: Policy, max_bytes: int) -> dict[str, type[Any]]:
    """Connection pools, by scheme, whose connections obey this policy."""

    class Guarded(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return _connect(self, policy)

        def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # urllib3's own signature
            if not isinstance(self.sock, _Deadline):
                raise Blocked("This connection was not made by the guard.", host=self.host)
            self.sock.deadline = time.monotonic() + policy.most_seconds
            has_body = self._response_options is not None and self._response_options.request_method != "HEAD"
            response = super().getresponse()
            length = response.headers.get("Content-Length", "")
            if has_body and length.isdigit() and int(length) > max_bytes:
                # The socket closes only with the last file made of it, and the answer holds one.
                response.close()
                self.close()
                raise _too_big(self.host)
            capped = cast(_CappedResponse, response)
            # urllib3 names the class to make in the middle of a long method; this adds nothing but three methods.
            capped.__class__ = _CappedResponse
            capped.host, capped.left = self.host, max_bytes
            return capped

    class GuardedTLS(Guarded, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Guarded

    class TLSPool(HTTPSConnectionPool):
        ConnectionCls = GuardedTLS

    return {"http": Pool, "https": TLSPool}


def _connect(connection: HTTPConnection, policy: Policy) -> socket.socket:
    """A socket to a vetted address of the connection's host (or to the operator's proxy, which is not vetted)."""
    host, port = connection._dns_host, connection.port
    is_tls = isinstance(connection, HTTPSConnection)
    try:
        is_vetted = connection.proxy is None
        answers = resolve(policy, host, port, is_tls=is_tls) if is_vetted else _look_up(host, port)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    answers = answers[:MOST_ADDRESSES]
    seconds = connection.timeout
    deadline = None if seconds is None else time.monotonic() + seconds
    failure: OSError = OSError("no address")
    for position, (family, kind, protocol, sockaddr) in enumerate(answers):
        sock = _Socket(family, kind, protocol)
        try:
            # Each address gets its share of the time, so that a dead first one leaves some for the next.
            share = None if deadline is None else (deadline - time.monotonic()) / (len(answers) - position)
            sock.settimeout(None if share is None else max(share, 0.001))
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            sock.connect(sockaddr)
            sock.settimeout(seconds)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(connection, f"Connecting to {host} took too long.") from failure
    raise NewConnectionError(connection, f"Cannot connect to {host}: {failure.strerror or failure}") from failure
