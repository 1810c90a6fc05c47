"""Numbers to dial into a meeting, and its passcode, in the words of those who invite."""

import time

import pytest

from bench.links import fill
from meetings.dial_in import MOST_NUMBERS, find_numbers, find_passcode

ZOOM = """Ana is inviting you to a scheduled Zoom meeting.

Join Zoom Meeting
https://us02web.zoom.us/j/83212345678?pwd=MU5pUUNt

Meeting ID: 832 1234 5678
Passcode: 291681

---

One tap mobile
+16694449171,,83212345678#,,,,*291681# US
+12532158782,,83212345678#,,,,*291681# US (Tacoma)

---

Dial by your location
• +1 669 444 9171 US
• +1 253 215 8782 US (Tacoma)
• +49 69 7104 9922 Germany

Meeting ID: 832 1234 5678
Find your local number: https://us02web.zoom.us/u/kdoIeyBH9b

Best regards
Ana, +49 151 2345 6789
"""
OLDER_ZOOM = """Or iPhone one-tap (US Toll): +14086380968,,123456789# or +16465588656,,123456789#
Or Telephone:
 Dial (for higher quality, dial a number based on your current location):
 US: +1 646 558 8656 or +1 669 900 6833
 Germany: +49 30 5679 5800
 Meeting ID: 123 456 789
"""
TEAMS = """Microsoft Teams meeting
Meeting ID: 263 447 582 192 7
Passcode: aB3xYz
________________________________
Dial in by phone
+1 323-849-4874,,12345678# (+13238494874,,12345678#) United States, Los Angeles
Find a local number (https://dialin.teams.microsoft.com/x)
Phone conference ID: 123 456 78#
"""
OLDER_TEAMS = """Or call in (audio only)
+49 69 365057290,,12345678#   Germany, Frankfurt am Main
Phone Conference ID: 123 456 78#
"""
MEET = """Join with Google Meet
https://meet.google.com/abc-defg-hij

Join by phone
(US) +1 929-555-0123 PIN: 123 456 789#

Learn more about Meet at: https://support.google.com/a/users/answer/9282720
"""
GERMAN_MEET = "Per Telefon teilnehmen\n(DE) +49 30 300195060 PIN: 123 456 789 0123#\n"
WEBEX = """Tap to join from a mobile device (attendees only)
+1-650-479-3208,,1234567890## Call-in toll number (US/Canada)
Join by phone
+1-650-479-3208 Call-in toll number (US/Canada)
"""


def said(text):
    return [(one.number, one.place) for one in find_numbers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ZOOM, [("+1 669 444 9171", "US"), ("+1 253 215 8782", "US (Tacoma)"), ("+49 69 7104 9922", "Germany")]),
        (
            OLDER_ZOOM,
            [
                ("+14086380968", ""),
                ("+1 646 558 8656", "US"),
                ("+1 669 900 6833", "US"),
                ("+49 30 5679 5800", "Germany"),
            ],
        ),
        (TEAMS, [("+1 323-849-4874", "United States, Los Angeles")]),
        (OLDER_TEAMS, [("+49 69 365057290", "Germany, Frankfurt am Main")]),
        (MEET, [("+1 929-555-0123", "US")]),
        (GERMAN_MEET, [("+49 30 300195060", "DE")]),
        (WEBEX, [("+1-650-479-3208", "Call-in toll number (US/Canada)")]),
        (
            ZOOM.replace("\n", "\r\n"),
            [("+1 669 444 9171", "US"), ("+1 253 215 8782", "US (Tacoma)"), ("+49 69 7104 9922", "Germany")],
        ),
    ],
)
def test_the_lines_of_each_service_are_read(text, expected):
    assert said(text) == expected


def test_what_is_dialled_holds_the_codes():
    assert find_numbers(ZOOM)[0].url == "tel:+16694449171,,83212345678%23,,,,*291681%23"
    assert find_numbers(ZOOM)[2].url == "tel:+496971049922"
    assert find_numbers(MEET)[0].url == "tel:+19295550123,,123456789%23"


@pytest.mark.parametrize(
    "text",
    [
        "Meeting ID: 832 1234 5678\nPasscode: 291681",
        "Dial by your location\nMeeting ID: 832 1234 5678",
        "Call me: +49 151 2345 6789",
        "Best regards\nAna\nMobile: +49 151 2345 6789\n",
        "Dial by your location\nMobile: +49 151 2345 6789\n",
        "Join by phone\nAsk Ana for the number\n+49 151 2345 6789",
        "One tap mobile\n+12",
        "Dial by your location\n+1234567890123456789 somewhere",
        "1+2,,3# = 4",
        "",
    ],
)
def test_what_is_no_dial_in_number_is_none(text):
    assert find_numbers(text) == ()


def test_a_list_of_numbers_alone_needs_no_heading():
    text = "+1 646 555 0101 (US)\n+49 69 5555 0102 (Germany)"
    assert [(one.number, one.place) for one in find_numbers(text, is_list=True)] == [
        ("+1 646 555 0101", "US"),
        ("+49 69 5555 0102", "Germany"),
    ]
    assert find_numbers(text) == ()


@pytest.mark.parametrize(
    ("text", "passcode"),
    [
        (ZOOM, "291681"),
        (TEAMS, "aB3xYz"),
        ("Kenncode: Ab#12!", "Ab#12!"),
        ("Meeting password: s3cret.", "s3cret"),
        ("Passcode:\u00a0123456", "123456"),
        ("Phone passcode: 42\nPasscode: x9", "x9"),
        ("Numeric passcode: 42", ""),
        ("https://us02web.zoom.us/j/83212345678?pwd=MU5pUUNt", ""),
        ("Ask Ana for the passcode", ""),
    ],
)
def test_only_a_passcode_that_is_said_is_one(text, passcode):
    assert find_passcode(text) == passcode


HOSTILE = [
    "+", "+1 ", "+1 (((((", "+1 234 567 8901\n", "+12345678901,,", "+12345678901,,1 1 1 1 1 1 ", "One tap mobile\n",
    "one tap mobile\n+1 234 567 8901 US\n", "passcode ", "passcode:", "passcode:\u00a0", "phone passcode: x ", " ",
    "\n", " PIN: 123 4", "(+1", "Or dial +1",
]  # fmt: skip


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_of_a_megabyte_costs_less_than_a_tenth_of_a_second(unit):
    text = fill(unit, 1_000_000)
    begins = time.process_time()
    numbers = find_numbers(text)
    find_passcode(text)
    assert time.process_time() - begins < 0.1
    assert len(numbers) <= MOST_NUMBERS
