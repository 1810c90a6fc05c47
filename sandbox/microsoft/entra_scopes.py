"""Permissions of Microsoft Graph that the sandbox knows, and what consent pages say of them.

Reference: https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from dataclasses import dataclass

GRAPH = "https://graph.microsoft.com/"
# asked for beside a resource's own; they open nothing at Graph
SIGN_IN = ("openid", "profile", "email", "offline_access")


@dataclass(frozen=True, slots=True)
class Words:
    """What a consent page says: to the person, and to an administrator who consents for everyone."""

    person: str
    detail: str
    admin: str


WORDS = {
    "User.Read": Words(
        "Sign you in and read your profile",
        "Allows you to sign in to the app with your organizational account and let the app read your profile.",
        "Sign in and read user profile",
    ),
    "Calendars.Read": Words(
        "Read your calendars", "Allows the app to read events in your calendars.", "Read user calendars"
    ),
    "Calendars.ReadWrite": Words(
        "Have full access to your calendars",
        "Allows the app to read, update, create and delete events in your calendars.",
        "Have full access to user calendars",
    ),
    "Contacts.Read": Words(
        "Read your contacts", "Allows the app to read contacts in your contact folders.", "Read user contacts"
    ),
    "Contacts.ReadWrite": Words(
        "Have full access to your contacts",
        "Allows the app to read, update, create and delete contacts in your contact folders.",
        "Have full access of user contacts",
    ),
    "MailboxSettings.Read": Words(
        "Read your mailbox settings", "Allows the app to read your mailbox settings.", "Read user mailbox settings"
    ),
}
OFFLINE = Words(
    "Maintain access to data you have given it access to",
    "Allows the app to see and update the data you gave it access to, even when you are not currently using the app.",
    "Maintain access to data you have given it access to",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A scope parameter, taken apart. graph: short names, each once; is_long: it was written with Graph's address."""

    graph: tuple[str, ...]
    sign_in: tuple[str, ...]
    is_default: bool
    is_long: bool
    unknown: tuple[str, ...]

    @property
    def words(self) -> list[tuple[str, Words]]:
        """(scope, what the page says of it), in the page's order."""
        lines = [(name, WORDS[name]) for name in self.graph]
        return [*lines, ("offline_access", OFFLINE)] if "offline_access" in self.sign_in else lines


def parse_scopes(text: str) -> Asked:
    words = list(dict.fromkeys(text.split()))
    short = [word.removeprefix(GRAPH) for word in words if word not in SIGN_IN]
    known = {name.lower(): name for name in WORDS}
    return Asked(
        graph=tuple(dict.fromkeys(known[name.lower()] for name in short if name.lower() in known)),
        sign_in=tuple(word for word in SIGN_IN if word in words),
        is_default=".default" in short,
        is_long=any(word.startswith(GRAPH) for word in words),
        unknown=tuple(name for name in short if name.lower() not in known and name != ".default"),
    )


def dump_scopes(granted: list[str], asked: Asked) -> str:
    """As a token answer lists them: in the form they were asked in, and never offline_access."""
    resource = [f"{GRAPH}{name}" if asked.is_long else name for name in granted]
    return " ".join([*resource, *(word for word in asked.sign_in if word != "offline_access")])
