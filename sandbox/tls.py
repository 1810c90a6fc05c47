"""Certificates for the https side: an authority of this sandbox's own, and one certificate by it for this machine.

The authority's key signs once and is thrown away: whoever trusts the authority trusts this one certificate and nothing
that could ever be made later. Both are made anew together before they run out.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = timedelta(days=820)
SPARE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Two PEM files. server_file holds the certificate and its private key, and only its owner may read it."""

    ca_file: Path
    server_file: Path

    def make_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.server_file)
        context.num_tickets = 0  # a client that leaves without reading them would end in a reset
        return context


def prepare_certificates(data: str) -> Certificates:
    """Those beside the data file, made where they are missing or old; for ":memory:" one pair per process."""
    if data == ":memory:":
        return _make_temporary()
    path = Path(data).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    return _find_or_make(path.parent, path.stem)


@cache
def _make_temporary() -> Certificates:
    folder = tempfile.mkdtemp(prefix="sandbox-tls-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return _find_or_make(Path(folder), "sandbox")


def _find_or_make(folder: Path, name: str) -> Certificates:
    found = Certificates(folder / f"{name}-ca.pem", folder / f"{name}-tls.pem")
    with _lock(folder):
        if not _are_good(found):
            _make(found)
    return found


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Two processes that start at once make one pair."""
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _are_good(files: Certificates) -> bool:
    try:
        authority = x509.load_pem_x509_certificate(files.ca_file.read_bytes())
        kept = files.server_file.read_bytes()
        own, key = x509.load_pem_x509_certificate(kept), serialization.load_pem_private_key(kept, None)
        own.verify_directly_issued_by(authority)
    except (OSError, ValueError, TypeError, InvalidSignature):
        return False
    return key.public_key() == own.public_key() and own.not_valid_after_utc - datetime.now(UTC) > SPARE


def _make(files: Certificates) -> None:
    now = datetime.now(UTC)
    authority_key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = _name(f"Portico sandbox {now:%Y-%m-%d}, this machine only")
    loopback = [x509.IPAddress(ip_network(net)) for net in ("127.0.0.0/8", "::1/128")]
    own_names = [x509.DNSName("localhost"), *(x509.IPAddress(ip_address(ip)) for ip in ("127.0.0.1", "::1"))]
    authority = (
        _begin(authority_name, authority_name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName("localhost"), *loopback], None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    own = (
        _begin(_name("localhost"), authority_name, own_key, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(own_names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    secret = own_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(files.server_file, own.public_bytes(serialization.Encoding.PEM) + secret, mode=0o600)
    _write(files.ca_file, authority.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _begin(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _write(path: Path, content: bytes, *, mode: int) -> None:
    """Whole or not at all, and never readable to more than it should be."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    draft.replace(path)
