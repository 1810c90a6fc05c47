import base64
import gzip
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import google.auth.transport.requests
import pytest
import requests
from google.auth.exceptions import TransportError
from requests_oauthlib import OAuth2Session

from safety import outbound
from safety.outbound import Blocked, Policy, TooBig, check_same_origin, check_url, guard, parse_allow, same_host
from tests.safety.servers import Authority, Names, Server, say, serve, serve_tunnel


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def plain() -> Iterator[Server]:
    with serve(say) as server:
        yield server


def allow(*servers: Server, **fields: object) -> Policy:
    return Policy(allow=parse_allow([f"127.0.0.1:{server.port}" for server in servers]), **fields)  # type: ignore[arg-type]


# Where it may go


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "169.254.169.254",
        "10.1.2.3",
        "100.64.0.1",
        "0.0.0.0",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "192.0.2.1",
        "198.51.100.7",
        "224.0.0.1",
        "[ff02::1]",
        "[2001::1]",
    ],
)
def test_a_private_or_reserved_host_is_refused_however_it_is_written(host: str) -> None:
    with outbound.session(Policy()) as session, pytest.raises(Blocked):
        session.get(f"https://{host}/")
    with pytest.raises(Blocked):
        check_url(f"https://{host}/", Policy())


def test_loopback_is_reached_when_the_operator_allows_that_port_and_not_otherwise(plain: Server) -> None:
    with outbound.session(allow(plain)) as session:
        assert session.get(plain.url).text == "ok"
    with outbound.session(Policy(allow=parse_allow(["127.0.0.1"]))) as session, pytest.raises(Blocked):
        session.get(plain.url)
    assert len(plain.requests) == 1


def test_one_private_address_among_public_ones_spoils_the_lot(names: Names) -> None:
    names.set("mixed.test", ["93.184.216.34", "10.0.0.1"])
    with outbound.session(Policy()) as session, pytest.raises(Blocked) as caught:
        session.get("https://mixed.test/")
    assert "10.0.0.1" not in caught.value.sentence
    assert caught.value.host == "mixed.test"


def test_a_public_name_is_connected_to_at_the_very_address_that_was_vetted(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names.set("public.test", ["93.184.216.34"])
    tried: list[tuple[str, int]] = []

    def refuse(_: object, sockaddr: tuple[str, int]) -> None:
        tried.append(sockaddr)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr("safety.connections._Socket.connect", refuse)
    with outbound.session(Policy()) as session, pytest.raises(requests.exceptions.ConnectionError):
        session.get("https://public.test/")
    assert tried == [("93.184.216.34", 443)]
    assert names.lookups == ["public.test"]


def test_a_name_that_rebinds_is_looked_up_once_and_refused_at_its_next_connection(names: Names, plain: Server) -> None:
    names.set("rebind.test", ["127.0.0.1"], ["10.0.0.1"])
    url = f"http://rebind.test:{plain.port}/"
    with outbound.session(allow(plain)) as session:
        assert session.get(url).status_code == 200
        assert names.lookups == ["rebind.test"]
        session.close()
        with pytest.raises(Blocked):
            session.get(url)
    assert len(plain.requests) == 1


def test_a_dead_first_address_does_not_keep_the_second_from_being_tried(names: Names, plain: Server) -> None:
    names.set("two.test", ["127.0.0.2", "127.0.0.1"])
    policy = Policy(allow=parse_allow([f"127.0.0.0/8:{plain.port}"]))
    with pytest.MonkeyPatch.context() as patch, outbound.session(policy) as session:
        from safety.connections import _Socket

        real = _Socket.connect

        def connect(this: _Socket, sockaddr: tuple[str, int]) -> None:
            if sockaddr[0] == "127.0.0.2":
                raise OSError(113, "No route to host")
            real(this, sockaddr)

        patch.setattr(_Socket, "connect", connect)
        assert session.get(f"http://two.test:{plain.port}/").text == "ok"


def test_an_unknown_name_is_an_ordinary_connection_error_for_a_session_and_a_sentence_for_a_form() -> None:
    with outbound.session(Policy()) as session, pytest.raises(requests.exceptions.ConnectionError):
        session.get("https://no-such-name.invalid/")
    with pytest.raises(Blocked, match=r"No server called no-such-name\.invalid was found"):
        check_url("https://no-such-name.invalid/", Policy())


@pytest.mark.parametrize("label", ["x" * 64, "a..b"])
def test_a_name_that_cannot_be_one_is_refused_and_not_an_accident(label: str) -> None:
    with outbound.session(Policy()) as session, pytest.raises((Blocked, requests.exceptions.InvalidURL)):
        session.get(f"https://{label}.test/")
    with pytest.raises(Blocked):
        check_url(f"https://{label}.test/", Policy())


def test_check_url_accepts_what_the_guard_would_accept(names: Names) -> None:
    names.set("mail.example.test", ["93.184.216.34"])
    names.set("exchange.corp.local", ["10.0.0.9"])
    check_url("https://mail.example.test/EWS/Exchange.asmx", Policy())
    with pytest.raises(Blocked, match="private network"):
        check_url("https://exchange.corp.local/EWS/Exchange.asmx", Policy())
    check_url("https://exchange.corp.local/EWS/Exchange.asmx", Policy(allow=parse_allow(["exchange.corp.local"])))


def test_a_user_name_in_the_url_never_becomes_a_request(plain: Server) -> None:
    with outbound.session(allow(plain)) as session, pytest.raises(Blocked, match="before the @"):
        session.get(f"http://me:pw@127.0.0.1:{plain.port}/")
    assert plain.requests == []


# Redirects


def redirect_to(location: str, status: int = 302) -> Iterator[Server]:
    with serve(lambda handler: say(handler, b"", status=status, Location=location)) as server:
        yield server


def test_a_redirect_to_a_private_address_is_refused_and_one_to_an_allowed_server_followed(plain: Server) -> None:
    for target, is_refused in [
        ("http://169.254.169.254/latest/", True),
        ("https://10.0.0.1/", True),
        (plain.url, False),
    ]:
        for first in redirect_to(target):
            with outbound.session(allow(first, plain)) as session:
                if is_refused:
                    with pytest.raises(Blocked):
                        session.get(first.url)
                else:
                    assert session.get(first.url).text == "ok"
    assert len(plain.requests) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x.test/", "gopher://x.test/"])
def test_a_redirect_to_another_scheme_is_not_followed(location: str) -> None:
    for first in redirect_to(location):
        with outbound.session(allow(first)) as session, pytest.raises((Blocked, requests.exceptions.InvalidSchema)):
            session.get(first.url)


def test_a_redirect_does_not_carry_the_authorization_to_another_server_and_keeps_it_on_the_same() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/away":
            say(handler, b"", status=302, Location=f"{other.url}/landed")
        elif handler.path == "/here":
            say(handler, b"", status=302, Location="/landed")
        else:
            say(handler)

    with serve(say) as other, serve(answer) as first, outbound.session(allow(first, other)) as session:
        headers = {"Authorization": "Bearer very-secret"}
        session.get(f"{first.url}/away", headers=headers)
        session.get(f"{first.url}/here", headers=headers)
        assert "authorization" not in other.requests[0][2]
        assert first.requests[-1][1] == "/landed"
        assert first.requests[-1][2]["authorization"] == "Bearer very-secret"


@pytest.mark.parametrize("status", [307, 308])
def test_a_redirect_that_would_repeat_the_body_to_another_server_is_refused(plain: Server, status: int) -> None:
    for first in redirect_to(f"{plain.url}/token", status):
        with outbound.session(allow(first, plain)) as session:
            with pytest.raises(Blocked, match="passed on to another server"):
                session.post(first.url, data={"client_secret": "very-secret"})
            assert session.get(first.url).status_code == 200  # nothing in it to leak
    assert [method for method, *_ in plain.requests] == ["GET"]


def test_an_endless_redirect_ends() -> None:
    for first in redirect_to("/again"):
        with outbound.session(allow(first)) as session, pytest.raises(requests.exceptions.TooManyRedirects):
            session.get(first.url)
        assert len(first.requests) <= outbound.MOST_REDIRECTS + 1


# How much, and how long


def stream_zeros(handler: BaseHTTPRequestHandler, *, pieces: int, is_chunked: bool) -> None:
    handler.send_response(200)
    handler.send_header("Transfer-Encoding" if is_chunked else "Connection", "chunked" if is_chunked else "close")
    handler.end_headers()
    piece = b"0" * 65536
    for _ in range(pieces):
        handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if is_chunked else piece)
    if is_chunked:
        handler.wfile.write(b"0\r\n\r\n")
    handler.close_connection = True


MIB = 1024 * 1024


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_answer_without_a_length_is_cut_off_at_the_cap(is_streamed: bool, is_chunked: bool) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        stream_zeros(handler, pieces=16 if handler.path == "/small" else 4000, is_chunked=is_chunked)

    with serve(answer) as server, outbound.session(allow(server, max_bytes=2 * MIB)) as session:
        assert len(session.get(f"{server.url}/small", stream=is_streamed).content) == MIB
        with pytest.raises(TooBig) as caught:
            response = session.get(f"{server.url}/big", stream=is_streamed)
            for _ in response.iter_content(8192):
                pass
        assert caught.value.host == "127.0.0.1"


def test_an_answer_whose_announced_length_is_over_the_cap_is_not_read_at_all() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 * MIB + (handler.path == "/big")))
        handler.end_headers()
        if handler.path != "/big" and handler.command != "HEAD":
            handler.wfile.write(b"0" * 2 * MIB)

    with serve(answer) as server, outbound.session(allow(server, max_bytes=2 * MIB)) as session:
        assert len(session.get(f"{server.url}/exact").content) == 2 * MIB
        assert session.head(f"{server.url}/big").status_code == 200
        with pytest.raises(TooBig):
            session.get(f"{server.url}/big", stream=True)


def test_a_session_may_be_stricter_than_its_policy(plain: Server) -> None:
    with outbound.session(allow(plain), max_bytes=1) as session, pytest.raises(TooBig):
        session.get(plain.url)
    with outbound.session(allow(plain), max_bytes=2) as session:
        assert session.get(plain.url).text == "ok"


@pytest.mark.parametrize("encoding", ["gzip", "gzip, gzip"])
@pytest.mark.parametrize("way", ["content", "iter_content", "raw.read", "raw.read(n)", "raw.read1", "raw.stream"])
def test_a_decompression_bomb_stops_at_the_cap_in_little_memory(encoding: str, way: str) -> None:
    bomb = gzip.compress(b"\0" * 60 * MIB, 9)
    small = gzip.compress(b"\0" * MIB, 9)
    if encoding != "gzip":
        bomb, small = gzip.compress(bomb), gzip.compress(small)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        say(handler, small if handler.path == "/small" else bomb, Content_Encoding=encoding)

    def read(url: str) -> int:
        response = session.get(url, stream=True)
        if way == "content":
            return len(response.content)
        if way == "iter_content":
            return sum(map(len, response.iter_content(None)))
        if way == "raw.read":
            return len(response.raw.read(decode_content=True))
        if way == "raw.read(n)":
            return len(response.raw.read(100 * MIB, decode_content=True))
        if way == "raw.read1":
            return sum(map(len, iter(lambda: response.raw.read1(decode_content=True), b"")))
        return sum(map(len, response.raw.stream(None, decode_content=True)))

    import tracemalloc

    with serve(answer) as server, outbound.session(allow(server, max_bytes=4 * MIB)) as session:
        assert read(f"{server.url}/small") == MIB
        tracemalloc.start()
        try:
            with pytest.raises(TooBig):
                read(f"{server.url}/bomb")
            assert tracemalloc.get_traced_memory()[1] < 16 * MIB
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("where", ["body", "chunked", "headers"])
def test_a_slow_trickle_ends_at_the_deadline_although_bytes_keep_coming(where: str) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/fast":
            say(handler)
            return
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        if where == "chunked":
            handler.wfile.write(b"Transfer-Encoding: chunked\r\n\r\n")
        elif where == "body":
            handler.wfile.write(b"Content-Length: 100000\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b"1\r\nx\r\n" if where == "chunked" else b"x")
            time.sleep(0.05)

    policy_fields = {"most_seconds": 0.5}
    with serve(answer) as server, outbound.session(allow(server, **policy_fields)) as session:
        started = time.monotonic()
        with pytest.raises((requests.exceptions.Timeout, requests.exceptions.ConnectionError)):
            session.get(f"{server.url}/slow")
        assert 0.4 < time.monotonic() - started < 2
        assert session.get(f"{server.url}/fast").text == "ok"


def test_reading_on_after_the_deadline_is_an_ordinary_connection_error() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        stream_zeros(handler, pieces=400, is_chunked=False)

    with serve(answer) as server, outbound.session(allow(server, most_seconds=0.2)) as session:
        response = session.get(server.url, stream=True)
        time.sleep(0.3)
        with pytest.raises(requests.exceptions.ConnectionError):
            _ = response.content


def test_a_server_that_says_nothing_is_left_after_the_default_time_out_of_the_session() -> None:
    with serve(lambda handler: time.sleep(3)) as server, outbound.session(allow(server), timeout=(1, 0.2)) as session:
        started = time.monotonic()
        with pytest.raises(requests.exceptions.ReadTimeout):
            session.get(server.url)
        assert time.monotonic() - started < 2


# The environment


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, plain: Server) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with outbound.session(allow(plain)) as session:
        assert session.get(plain.url).text == "ok"
        assert session.get(plain.url, proxies={"http": "http://127.0.0.1:1"}).text == "ok"
    with pytest.raises(requests.exceptions.ProxyError):
        requests.get(plain.url, timeout=5)  # what would happen without the guard


def test_netrc_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, plain: Server) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password from-netrc\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with outbound.session(allow(plain)) as session:
        session.get(plain.url)
    requests.get(plain.url, timeout=5)
    assert ["authorization" in headers for _, _, headers, _ in plain.requests] == [False, True]


def test_the_operators_proxy_gets_every_request_and_no_other_host_is_looked_up(names: Names) -> None:
    with serve(say) as proxy:
        policy = Policy(proxy=f"http://me:hunter2@127.0.0.1:{proxy.port}", allow=parse_allow(["inside.test:80"]))
        with outbound.session(policy) as session:
            assert session.get("http://inside.test/path").text == "ok"
            with pytest.raises(Blocked):
                session.get("http://other.test/path")
    assert names.lookups == []
    method, path, headers, _ = proxy.requests[0]
    assert (method, path) == ("GET", "http://inside.test/path")
    assert headers["proxy-authorization"] == "Basic " + base64.b64encode(b"me:hunter2").decode()
    assert len(proxy.requests) == 1


def test_tls_through_the_operators_proxy_is_checked_and_capped_at_the_far_end(
    names: Names, authority: Authority
) -> None:
    with serve(say, certificate=authority.issue("right.test")) as server, serve_tunnel(server) as proxy:
        policy = Policy(proxy=f"http://127.0.0.1:{proxy.port}", ca_bundle=str(authority.bundle))
        with outbound.session(policy) as session:
            assert session.get("https://right.test/").text == "ok"
            with pytest.raises(requests.exceptions.SSLError):
                session.get("https://wrong.test/")
        with outbound.session(policy, max_bytes=1) as session, pytest.raises(TooBig):
            session.get("https://right.test/")
    assert names.lookups == []
    assert [path for _, path, _, _ in proxy.requests] == ["right.test:443", "wrong.test:443", "right.test:443"]


def test_answers_through_the_operators_proxy_are_capped_too() -> None:
    with serve(lambda handler: say(handler, b"0" * 100)) as proxy:
        policy = Policy(proxy=f"http://127.0.0.1:{proxy.port}", allow=parse_allow(["inside.test:80"]))
        with outbound.session(policy, max_bytes=99) as session, pytest.raises(TooBig):
            session.get("http://inside.test/")
        with outbound.session(policy, max_bytes=100) as session:
            assert len(session.get("http://inside.test/").content) == 100


# TLS


def test_a_certificate_for_the_name_is_accepted_and_one_for_another_name_refused(
    names: Names, authority: Authority
) -> None:
    for host in ("right.test", "wrong.test"):
        names.set(host, ["127.0.0.1"])
    with serve(say, certificate=authority.issue("right.test")) as server:
        policy = allow(server, ca_bundle=str(authority.bundle))
        with outbound.session(policy) as session:
            assert session.get(f"https://right.test:{server.port}/").text == "ok"
            with pytest.raises(requests.exceptions.SSLError):
                session.get(f"https://wrong.test:{server.port}/")
            with pytest.raises(requests.exceptions.SSLError):
                session.get(f"https://127.0.0.1:{server.port}/")
        with outbound.session(allow(server)) as session, pytest.raises(requests.exceptions.SSLError):
            session.get(f"https://right.test:{server.port}/")  # an authority nobody named
    assert [headers["host"] for _, _, headers, _ in server.requests] == [f"right.test:{server.port}"]


def test_the_certificate_check_cannot_be_switched_off(names: Names, authority: Authority) -> None:
    names.set("right.test", ["127.0.0.1"])
    with serve(say, certificate=authority.issue("right.test")) as server:
        url = f"https://right.test:{server.port}/"
        policy = allow(server, ca_bundle=str(authority.bundle))
        with outbound.session(policy) as session:
            for verify in (False, "", 0, str(authority.bundle)):
                with pytest.raises(Blocked, match="certificate check"):
                    session.get(url, verify=verify)  # type: ignore[arg-type]
            session.verify = False
            with pytest.raises(Blocked, match="certificate check"):
                session.get(url)
            session.verify = True
            assert session.get(url).text == "ok"
    assert len(server.requests) == 1


def test_answers_over_tls_are_capped_and_timed_too(names: Names, authority: Authority) -> None:
    names.set("right.test", ["127.0.0.1"])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/big":
            say(handler, b"0" * 100_001)
            return
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(60):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with serve(answer, certificate=authority.issue("right.test")) as server:
        policy = allow(server, ca_bundle=str(authority.bundle), most_seconds=0.5, max_bytes=100_000)
        with outbound.session(policy) as session:
            with pytest.raises(TooBig):
                session.get(f"https://right.test:{server.port}/big")
            started = time.monotonic()
            with pytest.raises((requests.exceptions.Timeout, requests.exceptions.ConnectionError)):
                session.get(f"https://right.test:{server.port}/slow")
            assert time.monotonic() - started < 2


# Sessions


def test_one_connection_and_one_look_up_serve_many_requests(names: Names, plain: Server) -> None:
    names.set("keep.test", ["127.0.0.1"])
    with outbound.session(allow(plain)) as session:
        for _ in range(5):
            assert session.get(f"http://keep.test:{plain.port}/").text == "ok"
    assert (plain.connections, len(plain.requests), names.lookups) == (1, 5, ["keep.test"])


def test_a_session_says_who_it_is_and_keeps_no_cookies() -> None:
    with (
        serve(lambda handler: say(handler, Set_Cookie="who=alice; Path=/")) as server,
        outbound.session(allow(server), user_agent="Portico/1.0") as session,
    ):
        session.get(server.url)
        session.get(server.url)
    assert server.requests[1][2]["user-agent"] == "Portico/1.0"
    assert "cookie" not in server.requests[1][2]


def test_a_session_that_a_library_made_is_guarded_in_place(names: Names, authority: Authority) -> None:
    names.set("right.test", ["127.0.0.1"])
    with serve(say, certificate=authority.issue("right.test")) as server:
        url = f"https://right.test:{server.port}/"
        theirs = OAuth2Session("client", token={"access_token": "t", "token_type": "Bearer"})
        theirs.mount(url, requests.adapters.HTTPAdapter())  # a more telling prefix would go past the guard
        theirs.verify = False
        assert guard(theirs, Policy()) is theirs
        with pytest.raises(Blocked):
            theirs.get(url)
        guard(theirs, allow(server, ca_bundle=str(authority.bundle)))
        assert theirs.get(url).text == "ok"
        assert theirs.trust_env is False
    assert [headers["authorization"] for _, _, headers, _ in server.requests] == ["Bearer t"]


def test_a_refusal_comes_through_googles_transport_as_itself_and_a_failure_as_googles_own(plain: Server) -> None:
    with outbound.session(Policy()) as session:
        request = google.auth.transport.requests.Request(session)
        with pytest.raises(Blocked):
            request("https://127.0.0.1/token", method="POST", body=b"x")
        with pytest.raises(TransportError):
            request("https://no-such-name.invalid/token")
    with outbound.session(allow(plain), max_bytes=1) as session, pytest.raises(TooBig):
        google.auth.transport.requests.Request(session)(plain.url)
    with outbound.session(allow(plain)) as session:
        assert google.auth.transport.requests.Request(session)(plain.url).data == b"ok"


# Links out of answers


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://graph.microsoft.com/v1.0/me?$skiptoken=x", True),
        ("https://GRAPH.microsoft.com:443/v1.0", True),
        ("http://graph.microsoft.com/v1.0", False),
        ("https://graph.microsoft.com:8443/v1.0", False),
        ("https://graph.microsoft.com.evil.test/", False),
        ("https://graph.microsoft.com@evil.test/", False),
        ("https://evil.test/graph.microsoft.com", False),
        ("https://evil.test\\@graph.microsoft.com/", False),
        ("//graph.microsoft.com/", False),
        ("/v1.0/me", False),
        ("", False),
        ("https://[bad", False),
    ],
)
def test_a_link_is_followed_on_the_providers_own_host_only(link: str, expected: bool) -> None:
    base = "https://graph.microsoft.com/v1.0/"
    assert same_host(link, base) is expected
    if expected:
        check_same_origin(link, base)
    else:
        with pytest.raises(Blocked, match="another server"):
            check_same_origin(link, base)
