"""What may be reached: which addresses are out in the world, and which others an operator has allowed. Pure.

Reference: https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry. The lists are
written out because `ipaddress.is_global` changed between patch releases of Python.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MOST_BYTES = 50 * 1024 * 1024
MOST_SECONDS = 120.0

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; clouds answer with machine credentials at 169.254.169.254
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
]
_GLOBAL_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # Teredo, ORCHID, benchmarking
        "2001:db8::/32",
        "2002::/16",  # 6to4 holds any IPv4 address inside
        "3fff::/20",
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")


def parse_address(text: str) -> Address | None:
    """An address as the resolver gives it (perhaps with a zone, "fe80::1%eth0"), or None for a name.

    One IPv4 address in IPv6 dress (mapped, NAT64) is returned as the IPv4 address that it reaches.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    """Whether this is an ordinary address out on the internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    return address in _GLOBAL_UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def normalize_host(host: str) -> str:
    return host.lower().rstrip(".")


@dataclass(frozen=True, slots=True)
class Allowed:
    """One entry of the allow-list: a network or a host name, on one port or (None) on https's own."""

    network: Network | None
    host: str
    port: int | None

    def admits(self, address: Address | None, *, host: str, port: int, is_tls: bool) -> bool:
        """`address` None: nobody has looked the name up (a proxy will)."""
        if self.port is None:
            if port != 443 or not is_tls:
                return False
        elif self.port != port:
            return False
        if self.network is not None:
            return address is not None and address.version == self.network.version and address in self.network
        return self.host == normalize_host(host) and (address is None or _may_be_named(address, self.host))


def _may_be_named(address: Address, host: str) -> bool:
    """Whoever writes the zone of an allowed name must not reach this machine itself by it; "localhost" is meant to."""
    if address.is_loopback:
        return host == "localhost"
    return not (address.is_link_local or address.is_unspecified or address.is_multicast)


def parse_allow(entries: Iterable[str]) -> tuple[Allowed, ...]:
    """Read an allow-list: "10.0.0.0/8", "exchange.corp.local", "127.0.0.1:9100", "[::1]:9100", "fd00::/8".

    An entry without a port allows https on 443. One with a port allows that port, over https or plain http.

    Raises:
        ValueError: an entry is none of these; the message names it.
    """
    return tuple(_parse_entry(entry.strip()) for entry in entries if entry.strip())


def _parse_entry(entry: str) -> Allowed:
    whole = _parse_network(entry)
    if whole is not None:
        return Allowed(whole, "", None)
    host, colon, port_text = entry.rpartition(":")
    if not colon:
        host, port = entry, None
    elif port_text.isascii() and port_text.isdigit() and 0 < int(port_text) < 65536:
        port = int(port_text)
    else:
        raise ValueError(f"{entry!r} does not end in a port number.")
    network = _parse_network(host.removeprefix("[").removesuffix("]"))
    if network is not None:
        return Allowed(network, "", port)
    name = normalize_host(host)
    labels = name.split(".")
    if not all(label and all(c.isalnum() or c in "-_" for c in label) for label in labels) or labels[-1].isdigit():
        raise ValueError(
            f"{entry!r} is neither a network (10.0.0.0/8), nor an address (127.0.0.1:9100), "
            "nor a host name (mail.corp.local)."
        )
    return Allowed(None, name, port)


def _parse_network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


class Blocked(Exception):
    """Our own guard said no. `sentence` is for the person; it never says what address a name has."""

    def __init__(self, sentence: str, *, host: str = "") -> None:
        self.sentence = sentence
        self.host = host
        super().__init__(sentence)


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be reached. The default: https on port 443 at public addresses."""

    allow: tuple[Allowed, ...] = ()
    """What else may be reached; `parse_allow` reads it."""
    ports: frozenset[int] = frozenset({443})
    """Ports at public addresses, always with TLS."""
    max_bytes: int = MOST_BYTES
    """Of one answer, decoded."""
    most_seconds: float = MOST_SECONDS
    """From the end of the request to the end of the answer, however steadily it trickles."""
    ca_bundle: str | None = None
    """PEM file of authorities trusted beside the public ones."""
    proxy: str | None = field(default=None, repr=False)
    """"http://[user:password@]host:port". Names are then looked up by the proxy: see `check_name`."""

    def __post_init__(self) -> None:
        if self.proxy is not None:
            parts = urlsplit(self.proxy)
            if parts.scheme != "http" or not parts.hostname:
                raise ValueError("The outbound proxy is written http://host:port.")

    def admits(self, address: Address | None, *, host: str, port: int, is_tls: bool) -> bool:
        if address is not None and is_tls and port in self.ports and is_public(address):
            return True
        return any(entry.admits(address, host=host, port=port, is_tls=is_tls) for entry in self.allow)

    def check_name(self, host: str, port: int, *, is_tls: bool) -> None:
        """Vet a host whose name a proxy will look up: all that is left to judge is how it is written.

        Raises:
            Blocked
        """
        address = parse_address(host)
        if self.admits(address, host=host, port=port, is_tls=is_tls):
            return
        name = normalize_host(host)
        # Single labels and numbers ("2130706433" is 127.0.0.1) mean something inside only.
        is_inside = "." not in name or name.endswith((".localhost", ".local", ".internal")) or _is_number(name)
        if address is not None or is_inside or not is_tls or port not in self.ports:
            raise blocked_at(host, port, address)


def check_parts(url: str, policy: Policy) -> tuple[str, int, bool]:
    """(host, port, is_tls) of a URL that is fit to be tried; its addresses are not looked at yet.

    Raises:
        Blocked
    """
    unreadable = Blocked("This is not a web address. It should look like https://server.example.com/path.")
    if any(c <= " " or c in "\\\x7f" for c in url):
        raise unreadable
    try:
        parts = urlsplit(url)
        host, named_port = parts.hostname or "", parts.port
    except ValueError:
        raise unreadable from None
    if not host or parts.scheme not in ("https", "http"):
        raise unreadable
    if "@" in parts.netloc:
        raise Blocked("The address holds a user name or password before the @. Leave that part out.", host=host)
    is_tls = parts.scheme == "https"
    port = named_port or (443 if is_tls else 80)
    is_named = any(entry.port == port for entry in policy.allow)
    if not is_tls and not is_named:
        raise Blocked("Only https addresses are allowed. Write https:// in place of http://.", host=host)
    if port not in policy.ports and not is_named:
        raise Blocked(f"Port {port} is not allowed. Your operator can allow it for this server.", host=host)
    if policy.proxy is not None:
        policy.check_name(host, port, is_tls=is_tls)
    return host, port, is_tls


def _is_number(name: str) -> bool:
    """Whether a resolver may read this as an address: "127.1", "0x7f.1"."""
    last = name.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def blocked_at(host: str, port: int, address: Address | None) -> Blocked:
    """What to say of a host whose address is not allowed; the address itself is not said."""
    if address is not None and is_public(address):
        return Blocked(f"Port {port} of {host} is not allowed. Your operator can allow it (OUTBOUND_ALLOW).", host=host)
    return Blocked(
        f"{host} is inside a private network, where Portico may not go. Your operator can allow it (OUTBOUND_ALLOW).",
        host=host,
    )
