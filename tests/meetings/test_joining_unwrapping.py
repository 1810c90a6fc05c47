"""What mail programs and gateways do to a link, undone."""

from base64 import urlsafe_b64encode
from urllib.parse import quote

import pytest

from meetings.joining import DEEPEST_WRAPPING, explain_links, find_links

LINK = "https://us02web.zoom.us/j/8123456789?pwd=aB.1&from=x"
SHORT = "https://zoom.us/j/8123456789?pwd=abc"
SAFE = "https://nam12.safelinks.protection.outlook.com/"


def find_in(text: str) -> list[str]:
    return [link.url for link in find_links(body=text)]


def wrap_v2(url: str) -> str:
    return f"https://urldefense.proofpoint.com/v2/url?u={quote(url, safe='').replace('%', '-').replace('-2F', '_')}&d=x"


def wrap_v3(url: str, replaced: str) -> str:
    """As Proofpoint does: each of these characters becomes a star, the characters themselves go to the end."""
    taken = "".join(character for character in url if character in replaced)
    for character in replaced:
        url = url.replace(character, "*")
    return f"https://urldefense.com/v3/__{url}__;{urlsafe_b64encode(taken.encode()).decode().rstrip('=')}!!KEY!sig$"


WRAPPERS = {
    "SafeLinks": lambda url: f"{SAFE}?url={quote(url, safe='')}&data=05%7C01&reserved=0",
    "SafeLinks, newer": lambda url: f"{SAFE}ap/t-59584e83/?url={quote(url, safe='')}&data=x",
    "SafeLinks in HTML": lambda url: f'<a href="{SAFE}?data=x&amp;url={quote(url, safe="")}&amp;reserved=0">',
    "SafeLinks with its port": lambda url: f"{SAFE[:-1]}:443/?url={quote(url, safe='')}",
    "Proofpoint v1": lambda url: f"https://urldefense.proofpoint.com/v1/url?u={quote(url, safe='')}&k=x",
    "Proofpoint v2": wrap_v2,
    "Proofpoint v3": lambda url: wrap_v3(url, "?=&"),
    "Google": lambda url: f"https://www.google.com/url?q={quote(url, safe='')}&sa=D&source=calendar",
    "Google, url": lambda url: f"https://google.com/url?sa=t&url={quote(url, safe='')}",
    "Barracuda": lambda url: f"https://linkprotect.cudasvc.com/url?a={quote(url, safe='')}&c=E,1,x&typo=1",
    "Cisco": lambda url: f"https://secure-web.cisco.com/1aB-c_d/{quote(url, safe='')}",
    "Trend Micro": lambda url: f"https://ctp.trendmicro.com/wis/clicktime/v1/query?url={quote(url, safe='')}&umid=1",
    "Trend Micro on premises": lambda url: f"https://ddei-0-ctp.trendmicro.com:443/wis/?url={quote(url, safe='')}",
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_is_opened(name):
    assert find_in(f"Join {WRAPPERS[name](LINK)} now") == [LINK]


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapper_around_another_page_gives_nothing(name):
    assert find_in(f"Join {WRAPPERS[name]('https://evil.example/j/8123456789')} now") == []
    assert find_in(f"Join {WRAPPERS[name]('https://zoom.us@evil.example/j/1')} now") == []


@pytest.mark.parametrize("outer", WRAPPERS)
def test_a_safelink_inside_a_wrapper_is_opened(outer):
    assert find_in(WRAPPERS[outer](WRAPPERS["SafeLinks"](SHORT))) == [SHORT]


@pytest.mark.parametrize(
    "host",
    [
        "evil-google.com",
        "www.google.com.evil.example",
        "accounts.google.com",
        "safelinks.protection.outlook.com.evil.example",
        "evilsafelinks.protection.outlook.com",
        "x.linkprotect.cudasvc.com",
        "evilctp.trendmicro.com",
        "urldefense.example",
        "protect-us.mimecast.com",
    ],
)
def test_only_the_wrappers_own_host_is_opened(host):
    for url in (SHORT, quote(SHORT, safe="")):
        assert find_in(f"https://{host}/url?q={url}&url={url}&a={url}&u={url}") == []


def test_wrappers_are_opened_a_few_deep_and_no_deeper():
    url = SHORT
    for _ in range(DEEPEST_WRAPPING):
        url = WRAPPERS["SafeLinks"](url)
    assert find_in(url) == [SHORT]
    assert find_in(WRAPPERS["SafeLinks"](url)) == []


def test_a_proofpoint_v3_run_stands_for_several_characters():
    characters = urlsafe_b64encode(b"abcd?").decode().rstrip("=")
    assert find_in(f"https://urldefense.com/v3/__https://zoom.us/j/1*pwd=x**C__;{characters}!!K!s$") == []
    characters = urlsafe_b64encode(b"?abcd").decode().rstrip("=")
    assert find_in(f"https://urldefense.com/v3/__https://zoom.us/j/1*pwd=x**C__;{characters}!!K!s$") == [
        "https://zoom.us/j/1?pwd=xabcd"
    ]
    assert find_in(f"https://urldefense.com/v3/__https:/zoom.us/j/1*pwd=x**C__;{characters}!!K!s$") == [
        "https://zoom.us/j/1?pwd=xabcd"
    ]
    assert find_in("https://urldefense.com/v3/__https://zoom.us/j/1*pwd__;A!!K!s$") == []


@pytest.mark.parametrize("broken", ["url=https%3A%2F%2Fzoom.us%2", "url=%ff%fe", "url=", "data=x", "url=%", "url=zoom"])
def test_a_broken_wrapper_gives_nothing_and_hides_nothing(broken):
    assert find_in(f"{SAFE}?{broken} {SHORT}") == [SHORT]


def test_the_explanation_says_what_was_in_a_wrapper():
    refused = explain_links(body=WRAPPERS["SafeLinks"]("https://evil.example/j/1")).refused
    assert [(one.url, one.reason) for one in refused] == [
        ("https://evil.example/j/1", "evil.example is not a host of any meeting service in the table.")
    ]


@pytest.mark.parametrize(
    "damaged",
    [
        LINK.replace("&", "&amp;"),
        LINK.replace("&", "&amp;amp;"),
        LINK.replace("&", "&#38;amp;"),
        LINK.replace("&", "&amp;#x26;"),
        LINK.replace(".", "&#46;"),
        LINK.replace(".", "&amp;#46;"),
        LINK.replace(".", "&period;").replace("/", "&sol;").replace(":", "&colon;"),
        "".join(f"&#x{ord(character):x};" for character in LINK),
        LINK.replace(".us", "<wbr>.us").replace("pwd", "<wbr/>pwd<WBR />"),
        LINK.replace("zoom", "zo\u200bom\u2060"),
        LINK.replace("zoom", "zo\u00adom&shy;"),
        LINK.replace("j/", "j/&#8203;"),
        f"{LINK}.",
        f"{LINK}).",
        f"({LINK})",
        f"[{LINK}]",
        f"<{LINK}>",
        f"&lt;{LINK}&gt;",
        f'"{LINK}"',
        f"'{LINK}'",
        f"&quot;{LINK}&quot;",
        f"**{LINK}**",
        f"[Join]({LINK})",
        f"{LINK}\u00a0(ID 1)",
        f"{LINK}&nbsp;now",
        f"{LINK}%E2%80%8B",
        f"{LINK}%20",
        f"{LINK}、参加してください",
        f"{LINK}에서",
        f"{LINK}，密码：123",
        f"参加:{LINK}",
        f"j{LINK}",
        f"X-ALT-DESC:{LINK}\\nMeeting ID: 1",
        f"{LINK}\\, then\\; more",
        f"https://docs.example.com/a,{LINK}",
        f"https://docs.example.com/a{LINK}",
    ],
)
def test_damage_is_undone(damaged):
    assert find_in(damaged) == [LINK]


def test_two_links_glued_together_are_two():
    assert find_in("https://zoom.us/j/1https://zoom.us/j/2?pwd=x") == [
        "https://zoom.us/j/2?pwd=x",
        "https://zoom.us/j/1",
    ]


def test_a_balanced_bracket_stays_and_an_unbalanced_one_goes():
    assert find_in(f"{SHORT}(1)") == [f"{SHORT}(1)"]
    assert find_in(f"({SHORT}(1))") == [f"{SHORT}(1)"]
    assert find_in(f"{SHORT}(ID: 1)") == [SHORT]
    assert find_in("https://zoom.us/j/1(Passcode:2)") == ["https://zoom.us/j/1"]


@pytest.mark.parametrize("blank", [" ", "\t"])
@pytest.mark.parametrize("line_break", ["\r\n", "\n"])
def test_folding_of_a_calendar_file_is_undone_wherever_it_cuts(line_break, blank):
    url = "https://us02web.zoom.us/j/8123456789?pwd=" + "aBcD" * 40
    for before in range(20, 75):
        line = "DESCRIPTION:".ljust(before - 1, ".") + " " + url
        pieces = [line[:75]]
        rest = line[75:]
        while rest:
            pieces.append(blank + rest[:74])
            rest = rest[74:]
        assert find_in(line_break.join(pieces) + line_break + "LOCATION:Room") == [url], before


def test_a_short_fold_before_parameters_is_undone():
    assert find_in("https://zoom.us/j/812\r\n 345?pwd=abc\r\nnext") == ["https://zoom.us/j/812345?pwd=abc"]
    assert find_in("https://us02web.zoo\r\n m.us/j/812?pwd=abc") == ["https://us02web.zoom.us/j/812?pwd=abc"]


@pytest.mark.parametrize(
    "next_line", [" Meeting ID: 812", "\tPasscode: x", " https://example.com/?a=b", "  x=1", " (ID: 1)"]
)
def test_an_indented_line_is_not_taken_for_a_fold(next_line):
    assert find_in(f"{SHORT}\n{next_line}") == [SHORT]
    assert find_in(f"{SHORT}\r\n{next_line}") == [SHORT]


def test_what_looks_like_an_entity_but_is_a_parameter_is_left_alone():
    url = "https://zoom.us/j/1?pwd=a&region=eu&copy=1&lt=2&not=3"
    assert find_in(url) == [url]


def test_the_whole_body_is_searched():
    assert find_in("x" * 900_000 + " " + SHORT) == [SHORT]
