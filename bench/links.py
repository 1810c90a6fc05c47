"""What finding join links costs: over 10,000 events of a working life, and over hostile texts of 1 MB.

The floor, in the same run over the same text, is one compiled expression that finds every `https?://…` and does
nothing with it. Run: `python -m bench.links`
"""

import random
import re
import sys
import time
from collections.abc import Callable, Mapping

from meetings.join_services import find_place
from meetings.joining import find_links

MEGABYTE = 1_000_000
SAFE_LINK = "https://nam12.safelinks.protection.outlook.com/?url="
FLOOR = re.compile(r"https?://[^\s<>\"]+")


def fill(unit: str, size: int) -> str:
    """`unit` over and over."""
    return (unit * (size // len(unit) + 1))[:size]


def number(make: Callable[[int], str], size: int) -> str:
    """Different units, so that nothing can be remembered from one to the next."""
    units, length = [], 0
    while length < size:
        units.append(make(len(units)))
        length += len(units[-1])
    return "".join(units)


HOSTILE: Mapping[str, Callable[[int], str]] = {
    "https:// repeated": lambda size: fill("https://", size),
    "< repeated": lambda size: fill("<", size),
    "&amp; repeated": lambda size: fill("&amp;", size),
    "& and amp; repeated": lambda size: "&" + fill("amp;", size),
    "numeric entities": lambda size: fill("&#46;", size),
    "different entities": lambda size: number(lambda i: f"&#{i % 999_999};", size),
    "wrappers in wrappers": lambda size: fill(SAFE_LINK, size),
    "wrappers in wrappers, encoded": lambda size: fill("https://www.google.com/url?q=https%3A%2F%2F", size),
    "different wrappers": lambda size: number(lambda i: f"https://google.com/url?q=x{i} ", size),
    "wrappers of percent signs": lambda size: number(lambda i: f"{SAFE_LINK}{i}{'%25' * 1000}x ", size),
    "zoom.us repeated": lambda size: fill("zoom.us", size),
    "zoom.us/j/ repeated": lambda size: fill("zoom.us/j/", size),
    "zoom.us/j/ with blanks": lambda size: fill(" zoom.us/j/", size),
    "zoom.us in one parameter list": lambda size: fill("=zoom.us/j/1", size),
    "zoom.us in Chinese": lambda size: fill("会议zoom.us/j/1", size),
    "different Zoom links": lambda size: number(lambda i: f"https://zoom.us/j/{i} ", size),
    "different Zoom pages": lambda size: number(lambda i: f"https://zoom.us/x{i} ", size),
    "different Zoom hosts": lambda size: number(lambda i: f"://a{i:x}.zoom.us ", size),
    "different hosts": lambda size: number(lambda i: f"://a{i:x}.b ", size),
    "glued URLs": lambda size: fill("https://abcdef", size),
    "glued Zoom URLs": lambda size: number(lambda i: f"https://zoom.us/{i}a", size),
    "Zoom as user name": lambda size: fill("https://zoom.us@", size),
    "one heap of brackets": lambda size: "https://zoom.us/j/1" + fill("(", size),
    "heaps of brackets": lambda size: number(lambda i: f"https://zoom.us/{i}{'([)]' * 10} ", size),
    "one percent chain": lambda size: "https://zoom.us/j/1?x=" + fill("%25", size),
    "percent chains": lambda size: number(lambda i: f"https://zoom.us/{i}{'%20' * 2000} ", size),
    "folded lines": lambda size: fill("\n a", size),
    "folded URLs": lambda size: fill("https://zoom.us/j/1?a=\r\n b=", size),
    "folded at 75": lambda size: fill("a" * 74 + "\r\n ", size),
    "folded hosts": lambda size: fill("://abcd\n abcd", size),
    "backslashes": lambda size: "https://zoom.us/" + fill("\\", size),
    "<wbr> repeated": lambda size: "https://" + fill("<wbr>", size),
    "zero-width": lambda size: "https://" + fill("\u200ba", size),
    "dots": lambda size: "/" + fill(".", size),
    "labels": lambda size: "https://" + fill("a.", size),
    "parameters": lambda size: number(lambda i: f"https://zoom.us/join?{i}{'&' * 8000} ", size),
    "confno": lambda size: number(lambda i: f"https://zoom.us/join?{'confno=x&' * 800}{i} ", size),
    "Teams launchers": lambda size: number(
        lambda i: f"https://teams.microsoft.com/dl/launcher/launcher.html?{i}&url={'meet' * 1900} ", size
    ),
    "Proofpoint v2": lambda size: number(lambda i: f"https://urldefense.com/v2/url?u={i}{'-25' * 1000} ", size),
    "Proofpoint v3": lambda size: number(lambda i: f"https://urldefense.com/v3/__{i}{'**_' * 1000}__;QUJD!! ", size),
    "all damage at once": lambda size: fill("&#104;ttps://zoom.us/j/<wbr>1\u200b&amp;amp;\\n", size),
}
"""What somebody might put into an invitation to keep the worker busy: name → a text of that many characters."""

_PARAGRAPH = (
    "Please have a look at the paper before we meet; the numbers of the last quarter are on page 4. Bring what you "
    "need to decide, and tell Anna if you can't make it. Notes: https://docs.northwind.example/d/1f0a?usp=sharing\n"
)
_OUTLOOK = (
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head><body><div><p '
    'style=\'margin:0cm;font-size:11.0pt;font-family:"Calibri",sans-serif\'><span lang="EN-US">%s&nbsp;</span></p>'
    '<a href="%s">Join</a>&nbsp;&amp; <a href="https://intranet.northwind.example/agenda?x=1&amp;y=2">agenda</a></div>%s</body>'
)


def make_events(count: int) -> list[dict[str, str]]:
    """Events as a sync hands them over: about a third have no link, the rest carry one in every usual place."""
    chance = random.Random(7)
    events = []
    for index in range(count):
        zoom = f"https://us02web.zoom.us/j/8{index:010d}?pwd=MU5pUUNtR0paEZtZmlqK3lnSHRpdz{index}.1"
        dial_in = "".join(f"+1 {area} 555 0{index % 100:02d} US\n" for area in range(646, 664))
        invitation = (
            f"Ana is inviting you to a scheduled Zoom meeting.\n\nJoin Zoom Meeting\n{zoom}\n\nMeeting ID: 8{index}\n"
            f"Passcode: 291681\n\nOne tap mobile\n+16694449171,,8{index}#,,,,*291681# US\n\n{dial_in}\n"
            f"Find your local number: https://us02web.zoom.us/u/kdoIeyBH9b\n\nJoin by SIP\n8{index}@zoomcrc.com\n"
        )
        wrapped = SAFE_LINK + zoom.replace(":", "%3A").replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
        wrapped += "&amp;data=05%7C02%7C" + "0f1e2d3c" * 30 + "&amp;reserved=0"
        teams = f"https://teams.microsoft.com/l/meetup-join/19%3ameeting_{index}%40thread.v2/0?context=%7b%22Tid%22%7d"
        text = _PARAGRAPH * chance.randrange(1, 9)
        kind = chance.randrange(10)
        event = {"url": "", "location": chance.choice(("", "Room 4.12", "Hauptstraße 5, Berlin")), "body": ""}
        if kind in (1, 2):
            event["body"] = text
        elif kind in (3, 4, 5):
            event |= {"location": zoom if kind == 3 else event["location"], "body": invitation + text}
        elif kind in (6, 7):
            event["body"] = _OUTLOOK % (text, wrapped, "<p>&nbsp;</p>" * 20)
        elif kind == 8:
            event["body"] = _OUTLOOK % (text, teams, "<br>" * 20)
        elif kind == 9:
            event |= {"location": "https://meet.google.com/abc-defg-hij", "body": text}
        events.append(event)
    return events


def measure_cpu(act: Callable[[], object], *, times: int = 3) -> float:
    """CPU seconds of the fastest of some runs: the rest is the machine's noise."""
    best = float("inf")
    for _ in range(times):
        find_place.cache_clear()
        begins = time.process_time()
        act()
        best = min(best, time.process_time() - begins)
    return best


def main() -> None:
    events = make_events(10_000)
    texts = [text for event in events for text in event.values()]
    size = sum(map(len, texts)) / MEGABYTE
    cost = measure_cpu(lambda: [find_links(**event) for event in events])
    floor = measure_cpu(lambda: [FLOOR.findall(text) for text in texts])
    quiet = [event | {"body": event["body"] and "Agenda as always."} for event in events]
    without = measure_cpu(lambda: [find_links(url="", location="Room 4.12", body=event["body"]) for event in quiet])
    found = sum(bool(find_links(**event)) for event in events)
    write = sys.stdout.write
    write("Finding join links (CPU seconds)\n")
    write(f"  {'':34}{'ours':>9}{'floor':>9}{'times':>8}\n")
    write(f"  {f'10,000 events, {size:.0f} MB, {found:,} links':34}{cost:9.3f}{floor:9.3f}{cost / floor:8.1f}\n")
    write(f"  {'10,000 events without any URL':34}{without:9.3f}\n")
    write("Hostile texts of 1 MB (the aim: under 0.1 s)\n")
    slowest = 0.0
    for name, make in HOSTILE.items():
        text = make(MEGABYTE)
        cost, floor = measure_cpu(lambda: find_links(body=text)), measure_cpu(lambda: FLOOR.findall(text))  # noqa: B023
        slowest = max(slowest, cost)
        write(f"  {name:34}{cost:9.3f}{floor:9.3f}\n")
    write(f"  {'slowest':34}{slowest:9.3f}\n")


if __name__ == "__main__":
    main()
