from ipaddress import ip_address

import pytest

from safety.reach import Blocked, Policy, check_parts, is_public, parse_address, parse_allow

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.0",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200a",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_inside_or_reserved_is_not_public_and_not_admitted(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert not is_public(address)
    assert not Policy().admits(address, host="x.test", port=443, is_tls=True)


@pytest.mark.parametrize("text", PUBLIC)
def test_an_ordinary_address_is_public_and_admitted_with_tls_on_443_only(text: str) -> None:
    address = parse_address(text)
    assert address is not None
    assert is_public(address)
    assert Policy().admits(address, host="x.test", port=443, is_tls=True)
    assert not Policy().admits(address, host="x.test", port=443, is_tls=False)
    assert not Policy().admits(address, host="x.test", port=8443, is_tls=True)


@pytest.mark.parametrize("text", ["example.com", "2130706433", "0x7f.1", "127.1", "", "1.2.3.4.5"])
def test_a_name_is_not_an_address(text: str) -> None:
    assert parse_address(text) is None


@pytest.mark.parametrize(
    ("entry", "host", "address", "port", "is_tls", "expected"),
    [
        ("10.0.0.0/8", "ews.corp.test", "10.2.3.4", 443, True, True),
        ("10.0.0.0/8", "ews.corp.test", "11.2.3.4", 443, True, True),  # public anyway
        ("10.0.0.0/8", "ews.corp.test", "172.16.0.1", 443, True, False),
        ("10.0.0.0/8", "ews.corp.test", "10.2.3.4", 443, False, False),
        ("10.0.0.0/8", "ews.corp.test", "10.2.3.4", 8443, True, False),
        ("10.0.0.0/8:8443", "ews.corp.test", "10.2.3.4", 8443, True, True),
        ("10.0.0.0/8:8443", "ews.corp.test", "10.2.3.4", 443, True, False),
        ("127.0.0.1:9100", "127.0.0.1", "127.0.0.1", 9100, False, True),
        ("127.0.0.1:9100", "127.0.0.1", "::ffff:127.0.0.1", 9100, False, True),
        ("127.0.0.1:9100", "127.0.0.1", "127.0.0.1", 9101, False, False),
        ("127.0.0.1:9100", "127.0.0.1", "127.0.0.2", 9100, False, False),
        ("[::1]:9100", "::1", "::1", 9100, False, True),
        ("::1", "::1", "::1", 443, True, True),
        ("fd00::/8", "x.test", "fd00::5", 443, True, True),
        ("exchange.corp.local", "exchange.corp.local", "10.0.0.9", 443, True, True),
        ("exchange.corp.local", "Exchange.Corp.Local.", "10.0.0.9", 443, True, True),
        ("exchange.corp.local", "exchange.corp.local", "10.0.0.9", 80, False, False),
        ("exchange.corp.local:80", "exchange.corp.local", "10.0.0.9", 80, False, True),
        ("exchange.corp.local", "other.corp.local", "10.0.0.9", 443, True, False),
        ("exchange.corp.local", "x.exchange.corp.local", "10.0.0.9", 443, True, False),
        ("exchange.corp.local", "exchange.corp.local", "127.0.0.1", 443, True, False),
        ("exchange.corp.local", "exchange.corp.local", "169.254.169.254", 443, True, False),
        ("localhost:9100", "localhost", "127.0.0.1", 9100, False, True),
        ("localhost:9100", "localhost", "::1", 9100, False, True),
        ("localhost:9100", "localhost", "10.0.0.1", 9101, False, False),
    ],
)
def test_the_allow_list_widens_the_guard_by_what_it_says_and_no_more(
    entry: str, host: str, address: str, port: int, is_tls: bool, expected: bool
) -> None:
    policy = Policy(allow=parse_allow([entry]))
    assert policy.admits(parse_address(address), host=host, port=port, is_tls=is_tls) is expected


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "a b", "host:", "host:0", "host:99999", "http://x", "*.corp", "1.2.3"])
def test_an_allow_list_entry_that_means_nothing_is_named_in_the_error(entry: str) -> None:
    with pytest.raises(ValueError, match=r"neither|port") as caught:
        parse_allow([entry])
    assert repr(entry) in str(caught.value)


def test_an_empty_allow_list_is_empty() -> None:
    assert parse_allow(["", "  "]) == ()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://mail.example.com/EWS", "Only https"),
        ("https://mail.example.com:8443/EWS", "Port 8443"),
        ("https://me:secret@mail.example.com/", "before the @"),
        ("https://me@mail.example.com/", "before the @"),
        ("ftp://mail.example.com/", "not a web address"),
        ("file:///etc/passwd", "not a web address"),
        ("mail.example.com", "not a web address"),
        ("https:///EWS", "not a web address"),
        ("https://mail.example.com\\@evil.test/", "not a web address"),
        ("https://mail.example.com/a b", "not a web address"),
        ("https://mail.example.com/\r\nHost: x", "not a web address"),
        ("https://[::1", "not a web address"),
        ("https://host:port/", "not a web address"),
        ("", "not a web address"),
    ],
)
def test_a_url_that_is_not_fit_to_be_tried_is_refused_with_a_sentence(url: str, expected: str) -> None:
    with pytest.raises(Blocked) as caught:
        check_parts(url, Policy())
    assert expected in caught.value.sentence
    assert "secret" not in caught.value.sentence


def test_a_fit_url_gives_its_parts() -> None:
    assert check_parts("https://Mail.Example.com/EWS?x=1#y", Policy()) == ("mail.example.com", 443, True)
    sandbox = Policy(allow=parse_allow(["127.0.0.1:9100"]))
    assert check_parts("http://127.0.0.1:9100/x", sandbox) == ("127.0.0.1", 9100, False)


@pytest.mark.parametrize("url", ["https://localhost/", "https://router/", "https://10.0.0.1/", "https://[::1]/"])
@pytest.mark.parametrize("proxy", ["http://proxy.corp.test:3128"])
def test_behind_a_proxy_names_are_judged_by_how_they_are_written(url: str, proxy: str) -> None:
    with pytest.raises(Blocked):
        check_parts(url, Policy(proxy=proxy))
    assert check_parts("https://www.googleapis.com/", Policy(proxy=proxy))[0] == "www.googleapis.com"
    assert check_parts(url, Policy(proxy=proxy, allow=parse_allow(["localhost", "router", "10.0.0.1", "::1"])))


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://a.internal/", "https://nas.local/"]
)
def test_behind_a_proxy_numbers_and_inside_names_are_refused(url: str) -> None:
    with pytest.raises(Blocked):
        check_parts(url, Policy(proxy="http://proxy.corp.test:3128"))


@pytest.mark.parametrize("proxy", ["socks5://p:1080", "https://p:3128", "proxy:3128"])
def test_a_proxy_of_another_kind_is_refused_at_once(proxy: str) -> None:
    with pytest.raises(ValueError, match="http://host:port"):
        Policy(proxy=proxy)


def test_a_policy_does_not_show_the_password_of_its_proxy() -> None:
    assert "hunter2" not in repr(Policy(proxy="http://me:hunter2@proxy.corp.test:3128"))


def test_every_address_python_calls_private_is_not_public_here() -> None:
    for text in NOT_PUBLIC:
        plain = text.partition("%")[0]
        if ip_address(plain).is_private:
            address = parse_address(text)
            assert address is not None and not is_public(address)
