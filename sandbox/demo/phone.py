"""Who has a phone at Zoom, and Alice's calls and voicemail of the last days: contacts, strangers, one who hides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.zoom import Zoom

NUMBERS = {
    "alice.meyer@northwind.example": (2001, ("+493023125601", "+493023125602")),
    "ben.okafor@northwind.example": (2002, ("+16465550132",)),
    "dora.lindqvist@northwind.example": (2003, ("+46850100000",)),
}
"""Extension and own numbers. Emil has none, and so no licence to call."""


@dataclass(frozen=True, slots=True)
class Past:
    """A call: days before today, time of day in Berlin, with whom; `says`: the voicemail that was left."""

    days: int
    clock: str
    other: str
    result: str = "answered"
    seconds: int = 0
    name: str = ""
    is_outgoing: bool = False
    says: str = ""
    is_read: bool = False


ANNA, JUERGEN, JOSE, ROSA = "+493023125137", "+493023125029", "+494066969044", "+493023125081"
HENRIK, PETER, ELENI, TARO = "+493023125182", "+494066969239", "+442079460080", "+12125550151"
CALLS = (
    Past(0, "08:12", ANNA, "missed", name="A. SCHAEFER"),
    Past(0, "08:47", "+493023125777", "voicemail", 14, name="BERLIN DE", says="Good morning, Kirsten Vogel here, of "
         "Vogel and Partners. I have a question about the draft that you sent us. Please call me back, I am in until "
         "four."),
    Past(0, "09:05", ANNA, "answered", 312, is_outgoing=True),
    Past(1, "09:31", "dora.lindqvist@northwind.example", "answered", 95),
    Past(1, "10:02", ROSA, "answered", 671, name="Castellanos, Rosa"),
    Past(1, "11:20", "anonymous", "missed"),
    Past(1, "13:44", "+33142685300", "answered", 128, name="PARIS"),
    Past(1, "15:10", JUERGEN, "voicemail", 9, name="+493023125029", says="Größmann. The hearing has been moved to "
         "Thursday, ten thirty. The rest when we speak.", is_read=True),
    Past(1, "16:55", JUERGEN, "no_answer", is_outgoing=True),
    Past(2, "08:30", "ben.okafor@northwind.example", "busy", is_outgoing=True),
    Past(2, "09:15", "2044", "answered", 44, name="Front desk"),
    Past(2, "11:05", HENRIK, "answered", 903, name="HALVORSEN AS"),
    Past(2, "14:21", "+4915112345678", "declined", name="GERMANY"),
    Past(2, "14:25", "+4915112345678", "missed", name="GERMANY"),
    Past(3, "10:48", PETER, "answered", 240, is_outgoing=True),
    Past(3, "12:01", "+493023125901", "missed", name="BERLIN DE"),
    Past(3, "17:30", "anonymous", "voicemail", 6, says="Please don’t be alarmed, it is only the courier. The parcel is "
         "with your neighbours.", is_read=True),
    Past(3, "14:33", "+493023125778", "elsewhere", name="BERLIN DE"),
    Past(4, "09:00", JOSE, "answered", 1254, name="J Niguez"),
    Past(4, "10:10", TARO, "missed", name="NEW YORK NY"),
    Past(4, "10:40", TARO, "answered", 488, is_outgoing=True),
    Past(4, "11:59", ELENI, "voicemail", 11, name="LONDON", says="Hello Alice, it is Eleni. The signed copies left "
         "London this morning, tracking is in my mail. Bye."),
    Past(4, "13:15", "+493023125902", "answered", 37, is_outgoing=True),
    Past(4, "15:05", ROSA, "busy", is_outgoing=True),
    Past(4, "16:20", "+81355550123", "failed", is_outgoing=True),
)  # fmt: skip


def fill_phone(zoom: Zoom, email: str) -> None:
    """Phones for those who have one, and that person's history of less than a week, which nobody is notified of."""
    for one, (extension, numbers) in NUMBERS.items():
        zoom.phone.add_user(one, extension=extension, numbers=numbers)
    if not zoom.phone.calls.history(email=email):
        for past in CALLS:
            _make(zoom, email, past)


def _make(zoom: Zoom, email: str, past: Past) -> None:
    at = _find_moment(zoom.clock.now(), past)
    if past.is_outgoing:
        zoom.phone.place(email, past.other, result=past.result, seconds=past.seconds, at=at, is_told=False)
        return
    made = zoom.phone.receive(
        email, past.other, name=past.name, result=past.result, seconds=past.seconds, at=at,
        transcript=past.says or None, is_told=False,
    )  # fmt: skip
    if past.is_read:
        zoom.phone.calls.change_voicemail(made["voicemail_id"], is_read=True)


def _find_moment(now: datetime, past: Past) -> datetime:
    """That time on that day, on the last working day before it, and never in the future."""
    zone = ZoneInfo("Europe/Berlin")
    day = now.astimezone(zone) - timedelta(days=past.days)
    hour, _, minute = past.clock.partition(":")
    moment = day.replace(hour=int(hour), minute=int(minute), second=past.days * 7 % 60, microsecond=0)
    latest = now - timedelta(hours=1)
    while moment > latest or moment.weekday() > 4:
        moment -= timedelta(days=1)
    return moment.astimezone(now.tzinfo)
