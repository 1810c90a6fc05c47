"""Exchange Web Services with a user name and a password: what Exchange, and Office 365 by its password method, share.

Credentials: {"method": "password", "user", "password", "ews_url", "version" (a key of VERSIONS), "auth" ("ntlm" or
"basic"), "mailbox"}.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from urllib.parse import urlsplit

import requests

from integrations.errors import AdminNeeded, Gone, ReconnectNeeded, Refused, Unexpected
from integrations.permissions import ALL, dump_permissions
from integrations.providers.base import SaveCredentials
from integrations.providers.exchange.contact_writing import ExchangeContacts
from integrations.providers.exchange.folders import parse_folder
from integrations.providers.exchange.operations import get_calendars_of, get_folders, resolve_names
from integrations.providers.exchange.people import parse_resolutions
from integrations.providers.exchange.responses import MESSAGES, Element, check
from integrations.providers.exchange.versions import find_version
from integrations.providers.exchange.wire import SignInKind, Wire, discover
from integrations.providers.exchange.words import EwsWords
from integrations.providers.exchange.writing import ExchangeCalendar
from integrations.remote import Credentials, SignIn

__all__ = ["EwsAccount", "EwsWords", "complete_url", "open_account", "recall", "sign_in"]

PATH = "/EWS/Exchange.asmx"
# What people copy out of their browser's address bar, or leave out.
_OTHER_PATHS = ("/owa", "/ecp", "/ews")
_MOST_CANDIDATES = 10


def complete_url(text: str) -> str:
    """The address of Exchange Web Services on a server of which the host alone, or Outlook's address, was typed."""
    text = text.strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    path = parts.path.lower().rstrip("/")
    is_other = not path or any(path == one or (path.startswith(f"{one}/") and one != "/ews") for one in _OTHER_PATHS)
    return f"{parts.scheme}://{parts.netloc}{PATH}" if is_other else text


def sign_in(
    user: str,
    password: str,
    ews_url: str,
    *,
    version: str = "",
    words: EwsWords,
    session_factory: Callable[[], requests.Session],
) -> SignIn:
    """Try user name and password at the server, once, and see that calendar and contacts open.

    `version`: a key of versions.VERSIONS, or "" where the person is not sure; what the server says of itself wins.

    Raises:
        ReconnectNeeded: the server does not accept the user name and password.
        Refused: the address is not one we may talk to.
        ProviderError: any other of the family.
    """
    user, url, notes = user.strip(), complete_url(ews_url), []
    if url != ews_url.strip():
        notes.append(f"The address was completed to {url}.")
    if not url.lower().startswith(("https://", "http://")):
        raise Refused(words.refused, detail="no address of the web")
    if not user or not password:
        raise ReconnectNeeded(words.wrong_password, detail="no user name, or no password")
    kind = discover(url, words, session_factory)
    wire = Wire(
        url,
        user,
        password,
        kind=kind,
        version=find_version(version),
        words=words,
        session_factory=session_factory,
        is_trial=True,
    )
    try:
        calendar = _open_folders(wire)
        mailbox = _find_mailbox(wire, user, calendar)
    finally:
        wire.close()
    found = wire.version
    if version and version != found.key:
        notes.append(f"The server says it is {found.name}, so that is used.")
    elif not version:
        notes.append(f"The server says it is {found.name}.")
    credentials = {
        "method": "password",
        "user": user,
        "password": password,
        "ews_url": url,
        "version": found.key,
        "auth": wire.kind,
        "mailbox": mailbox,
    }
    # An address is one mailbox's in a whole organization, whatever name its server is reached by.
    return SignIn(
        mailbox,
        mailbox.lower(),
        frozenset(dump_permissions(ALL)),
        credentials,
        tuple(notes),
        host=(urlsplit(url).hostname or "").lower(),
        version=found.key,
    )


def _open_folders(wire: Wire) -> str:
    """The id of the calendar; the contacts open too.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/getfolder-operation
    """
    try:
        messages = [check(message, wire.words) for message in wire.ask(get_folders("calendar", "contacts"))]
    except Gone as error:
        raise AdminNeeded(wire.words.no_folders, detail=error.detail) from error
    ids = [_folder_id(message) for message in messages]
    if len(ids) != 2 or not all(ids):
        raise Unexpected(wire.words.not_understood, detail="folders without ids")
    return ids[0]


def _folder_id(message: Element) -> str:
    element = message.find(f"{MESSAGES}Folders/*")
    folder = parse_folder(element) if element is not None else None
    return folder.id if folder else ""


def _find_mailbox(wire: Wire, user: str, calendar: str) -> str:
    """The address of the mailbox that was opened, for a user name that need not be one.

    Exchange has no question for it. The directory is asked who is called like this, and the one whose calendar is the
    calendar that was just opened is the person.

    Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/resolvenames-operation

    Raises:
        ReconnectNeeded: it could not be found; an address as the user name would do.
    """
    candidates: dict[str, None] = {}
    # The first of a name that is taken for an address, the second for an account's.
    for entry in dict.fromkeys((user.rpartition("\\")[2], user.rpartition("\\")[2].partition("@")[0])):
        (message,) = wire.ask(resolve_names(entry))[:1]
        # Nobody may be called so, and not every directory answers everyone.
        with suppress(AdminNeeded, Gone, Unexpected):
            candidates |= dict.fromkeys(parse_resolutions(check(message, wire.words)))
        exact = [one for one in candidates if one.lower() == user.lower()]
        candidates = dict.fromkeys([*exact, *candidates])
        if exact:
            break
    if "@" in user and "\\" not in user:
        candidates[user] = None
    addresses = list(candidates)[:_MOST_CANDIDATES]
    messages = wire.ask(get_calendars_of(addresses)) if addresses else []
    for address, message in zip(addresses, messages, strict=False):
        if message.get("ResponseClass") != "Error" and _folder_id(message) == calendar:
            return address
    if "@" in user and "\\" not in user:
        return user
    raise ReconnectNeeded(wire.words.who, detail=f"{len(addresses)} candidates, none of them it")


@contextmanager
def open_account(
    credentials: Credentials,
    *,
    words: EwsWords,
    session_factory: Callable[[], requests.Session],
    save: SaveCredentials,
    deadline: datetime | None = None,
) -> Iterator["EwsAccount"]:
    """As base.Provider.open. Nothing that holds the password stays in memory afterwards.

    `save` is called at the end where the server turned out to be another version, or to want the other kind of sign-in.
    """
    stored = {name: value for name, value in credentials.items() if isinstance(value, str)}
    if not all(stored.get(name) for name in ("user", "password", "ews_url")):
        raise ReconnectNeeded(words.reconnect, detail="no user name, password or address is stored")
    kind: SignInKind = "basic" if stored.get("auth") == "basic" else "ntlm"
    wire = Wire(
        stored["ews_url"],
        stored["user"],
        stored["password"],
        kind=kind,
        version=find_version(stored.get("version", "")),
        words=words,
        session_factory=session_factory,
        mailbox=stored.get("mailbox", ""),
        deadline=deadline,
    )
    try:
        yield EwsAccount(wire)
        learned = {"version": wire.version.key, "auth": wire.kind}
        if any(stored.get(name) != value for name, value in learned.items()):
            save({**credentials, **learned})
    finally:
        wire.close()


def recall(credentials: Credentials) -> Mapping[str, str]:
    """What was typed, by field name; never the password."""
    return {name: str(credentials.get(name, "")) for name in ("user", "version", "ews_url")}


class EwsAccount:
    """An integrations.providers.base.Account."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def calendar(self) -> ExchangeCalendar:
        return ExchangeCalendar(self._wire)

    @property
    def contacts(self) -> ExchangeContacts:
        return ExchangeContacts(self._wire)
