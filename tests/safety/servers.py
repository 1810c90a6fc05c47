"""Small real servers on loopback, and a resolver under the test's control."""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    port: int
    requests: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    """(method, path, headers in lower case, body)"""
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serve(answer: Answer, *, certificate: Path | None = None) -> Iterator[Server]:
    """A server on loopback that answers each request with `answer`; with a certificate it speaks TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            server.connections += 1
            super().setup()

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.requests.append((self.command, self.path, headers, body))
            with contextlib.suppress(OSError):
                answer(self)

        do_POST = do_PUT = do_HEAD = do_CONNECT = do_GET

        def log_message(self, *args: object) -> None:
            pass

    class QuietServer(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    http = QuietServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
    server = Server(http.server_address[1])
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def say(handler: BaseHTTPRequestHandler, body: bytes = b"ok", *, status: int = 200, **headers: str) -> None:
    """A plain answer; headers are written with underscores for dashes."""
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


@contextlib.contextmanager
def serve_tunnel(server: Server) -> Iterator[Server]:
    """A proxy whose every CONNECT leads to `server`."""

    def pump(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with socket.create_connection(("127.0.0.1", server.port)) as far:
            back = threading.Thread(target=pump, args=(far, handler.connection), daemon=True)
            back.start()
            pump(handler.connection, far)
            back.join()
        handler.close_connection = True

    with serve(answer) as proxy:
        yield proxy


class Names:
    """Stands in for the resolver: each look-up of a name takes its next list of addresses, the last one for ever."""

    def __init__(self, monkeypatch: object) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.lookups: list[str] = []
        self.real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)  # type: ignore[attr-defined]

    def set(self, name: str, *answers: list[str]) -> None:
        self.answers[name] = list(answers)

    def look_up(self, host: str, port: int, *args: object, **kwargs: object) -> list[tuple[object, ...]]:
        if host not in self.answers:
            return self.real(host, port, *args, **kwargs)  # type: ignore[arg-type,return-value]
        self.lookups.append(host)
        coming = self.answers[host]
        found = coming.pop(0) if len(coming) > 1 else coming[0]
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        result: list[tuple[object, ...]] = []
        for address in found:
            version = ipaddress.ip_address(address).version
            sockaddr = (address, port) if version == 4 else (address, port, 0, 0)
            result.append((families[version], socket.SOCK_STREAM, 6, "", sockaddr))
        return result


class Authority:
    """A certificate authority made for one test run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self.bundle = folder / "authority.pem"
        certificate = self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=0))
        self.bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, host: str) -> Path:
        """A PEM file with the key and the certificate of a server called `host`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._sign(name, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(host)]))
        path = self.folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        return path

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(self.key, hashes.SHA256())
        )
