import pytest

from safety.redirects import NotAllowed, check_next, check_way_out

AUTHORIZE = "https://accounts.google.com/o/oauth2/v2/auth"


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/meetings/",
        "/meetings/?q=stand-up&host=me#day-2026-11-22",
        "/contacts/?q=a%2Fb%20c",
        "/meetings/?back=https://elsewhere.example/",
        "/contacts/?q=%5Cx",
        "/profil/%C3%A9",
    ],
)
def test_a_path_of_ours_is_followed(url: str) -> None:
    assert check_next(url) == url


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "meetings/",
        "https://evil.test/",
        "http://localhost/",
        "//evil.test/",
        "///evil.test/",
        "/\\evil.test/",
        "\\\\evil.test/",
        "/\t/evil.test/",
        "/\n/evil.test/",
        "\t//evil.test/",
        " //evil.test/",
        "/ /evil.test/",
        "/%2Fevil.test/",
        "/%252Fevil.test/",
        "/%25252Fevil.test/",
        "/%5Cevil.test/",
        "/%255Cevil.test/",
        "/%09/evil.test/",
        "/x//evil.test/",
        "/../evil",
        "/..%2Fevil",
        "/.//evil.test",
        "/\u2028/evil.test",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "user@evil.test",
        "//user@evil.test/",
        "https:evil.test",
        "https:/evil.test",
        "/\x00",
        "/" + "x" * 2000,
    ],
)
def test_anything_else_leads_to_the_default(url: str | None) -> None:
    assert check_next(url) == "/"
    assert check_next(url, default="/profile/") == "/profile/"


def test_the_way_out_leads_to_an_address_of_the_operators_whatever_its_query() -> None:
    url = f"{AUTHORIZE}?client_id=x&state=y"
    assert check_way_out(url, allowed=[AUTHORIZE]) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/o/oauth2/v2/auth",
        "http://accounts.google.com/o/oauth2/v2/auth",
        "https://accounts.google.com:8443/",
        "https://accounts.google.com.evil.test/",
        "https://accounts.google.com@evil.test/",
        "https://accounts.google.com%2eevil.test/",
        "https://evil.test\\@accounts.google.com/",
        "https://accounts.google.com/\r\nSet-Cookie: x=y",
        "//accounts.google.com/",
        "/o/oauth2",
        "javascript:alert(1)",
        "https://[bad",
        "https://accounts.google.com:port/",
        "",
    ],
)
def test_the_way_out_leads_to_the_operators_addresses_only(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_way_out(url, allowed=[AUTHORIZE])


def test_plain_http_is_a_way_out_where_the_operator_wrote_it() -> None:
    allowed = [AUTHORIZE, "http://127.0.0.1:9100/authorize"]
    assert check_way_out("http://127.0.0.1:9100/authorize?x=1", allowed=allowed)
    with pytest.raises(NotAllowed, match=r"127\.0\.0\.1 is not a place"):
        check_way_out("http://127.0.0.1:9101/authorize", allowed=allowed)
