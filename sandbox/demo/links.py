"""Links to meetings as they turn up in real invitations: plain, wrapped by mail filters, damaged."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from sandbox.google.event_shapes import dump_meet

HOST = "northwind.zoom.us"


def number(key: str) -> str:
    """A meeting number that stays the same for the same key."""
    return str(90_000_000_000 + int(hashlib.sha256(key.encode()).hexdigest()[:12], 16) % 9_000_000_000)


def passcode(key: str) -> str:
    return hashlib.sha256(f"pwd{key}".encode()).hexdigest()[:24] + ".1"


def zoom(key: str, *, host: str = HOST, secret: bool = True) -> str:
    return f"https://{host}/j/{number(key)}" + (f"?pwd={passcode(key)}" if secret else "")


def safelinks(url: str) -> str:
    """Outlook's Safe Links."""
    person = quote("05|02|alice.meyer@northwind.example|3f1c", safe="")
    return (
        f"https://eur01.safelinks.protection.outlook.com/?url={quote(url, safe='')}&data={person}"
        "&sdata=Qm9ndXNTaWduYXR1cmU%3D&reserved=0"
    )


def google_url(url: str) -> str:
    return f"https://www.google.com/url?q={quote(url, safe='')}&sa=D&source=calendar&usd=2&usg=AOvVaw0sandbox"


def proofpoint_v2(url: str) -> str:
    """Every byte but letters, digits and dots written as -XX, the slash as _."""
    coded = "".join(
        character if character.isalnum() or character == "." else "_" if character == "/" else f"-{ord(character):02X}"
        for character in url
    )
    return (
        f"https://urldefense.proofpoint.com/v2/url?u={coded}&d=DwMFaQ&c=euGZstcaTDllvimEN8b7jXrwqOf&r=sandbox&m=mail&s=sig"
        "&e="
    )


def proofpoint_v3(url: str) -> str:
    """The # of a fragment travels base64-coded behind the link, a * in its place."""
    return f"https://urldefense.com/v3/__{url.replace('#', '*')}__;Iw!!OToaGQ!sandboxSignature$"


def meet(key: str) -> dict[str, Any]:
    letters = "".join(chr(97 + byte % 26) for byte in hashlib.sha256(key.encode()).digest())
    return dump_meet(f"{letters[:3]}-{letters[3:7]}-{letters[7:10]}")


def zoom_addon(key: str) -> dict[str, Any]:
    """conferenceData as the Zoom add-on for Google Workspace writes it."""
    digits = number(key)
    return {
        "entryPoints": [
            {"entryPointType": "video", "uri": zoom(key), "label": f"{HOST}/j/{digits}", "meetingCode": digits,
             "passcode": passcode(key)[:6]},
            {"entryPointType": "phone", "uri": f"tel:+496950502596,,{digits}#", "label": "+49 69 5050 2596",
             "regionCode": "DE", "passcode": "271828"},
            {"entryPointType": "more", "uri": f"https://applications.zoom.us/addon/invitation/detail?meetingUuid={digits}"},
        ],
        "conferenceSolution": {
            "key": {"type": "addOn"}, "name": "Zoom Meeting",
            "iconUri": "https://lh3.googleusercontent.com/pw/zoom-addon-icon=s48",
        },
        "conferenceId": digits,
        "notes": f"Passcode: {passcode(key)[:6]}<br />Meeting host: alice.meyer@northwind.example",
    }  # fmt: skip


def invitation(key: str) -> str:
    """The text Zoom puts into invitations."""
    digits = number(key)
    shown = f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    return (
        f"Alice Meyer is inviting you to a scheduled Zoom meeting.\n\nJoin Zoom Meeting\n{zoom(key)}\n\n"
        f"Meeting ID: {shown}\nPasscode: {passcode(key)[:6]}\n\n---\n\nOne tap mobile\n"
        f"+496950502596,,{digits}#,,,,*271828# Germany\n+496971049922,,{digits}#,,,,*271828# Germany\n\n---\n\n"
        f"Dial by your location\n• +49 69 5050 2596 Germany\n• +1 646 558 8656 US (New York)\n\n"
        f"Find your local number: https://{HOST}/u/abKq2Wl3\n\nJoin by SIP\n• {digits}@zoomcrc.com\n"
    )


TEAMS = (
    "https://teams.microsoft.com/l/meetup-join/19%3ameeting_ZTk1YjA4MzItNGE1NC00Yj%40thread.v2/0"
    "?context=%7b%22Tid%22%3a%22b1a2c3d4-0000-4000-8000-000000000000%22%2c%22Oid%22%3a%22e5f6%22%7d"
)
WEBEX = "https://rival.webex.com/rival/j.php?MTID=m1f4e5d6c7b8a9f0e1d2c3b4a59687786"
JITSI = "https://meet.jit.si/NorthwindCoffee"
