"""The calendars of a connected account: which there are, which are shown, and in which color.

The account's own one, "", is always read: what is scheduled here is written there. The others are read once they are
ticked; see docs/decisions/0009-several-calendars.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from integrations import errors, registry
from integrations.changing import start_sync
from integrations.models import Connection
from integrations.permissions import Permission
from integrations.planning import ACCOUNT_WIDE
from integrations.providers.base import Account
from integrations.pulling import Writing
from integrations.remote import RemoteCalendar
from meetings import merging
from meetings.cleaning import clean_text, is_clean_text
from meetings.models import Meeting
from meetings.palette import is_color
from meetings.scheduling_models import AccountCalendar, CalendarList

FEED = "calendar"
OWN = ""
LIST_AGAIN_AFTER = timedelta(days=1)
MOST_LISTED = 500
MOST_SHOWN = 30
"""Each is asked for changes at every sync."""
LONGEST_ID = 1_024
LONGEST_NAME = 255
UNNAMED = "Calendar without a name"


def find_containers(connection: Connection) -> list[str]:
    """What sync reads, the own calendar first."""
    others = AccountCalendar.objects.filter(connection=connection, is_shown=True).exclude(remote_id=OWN)
    return [OWN, *others.values_list("remote_id", flat=True)]


def find_names(connection: Connection) -> Mapping[str, str]:
    return dict(AccountCalendar.objects.filter(connection=connection).values_list("remote_id", "name"))


def find_calendars(connection_ids: Collection[UUID]) -> dict[tuple[UUID, str], AccountCalendar]:
    """By (connection, container), as meetings name them. One query, whoever's they are."""
    found = AccountCalendar.objects.filter(connection__in=connection_ids)
    return {(one.connection_id, one.remote_id): one for one in found}


def writable_calendars(connection: Connection) -> list[AccountCalendar]:
    """Where a meeting may be put, the own calendar first; none where Calendar write may not be used now.

    One that is not shown is not among them: a meeting put there would vanish from its person's sight.
    """
    if not connection.may(Permission.CALENDAR_WRITE):
        return []
    shown = AccountCalendar.objects.filter(connection=connection, is_shown=True, is_writable=True)
    others = list(shown.exclude(remote_id=OWN))
    return [find_own(connection), *others]


def find_own(connection: Connection) -> AccountCalendar:
    """The account's own calendar; unsaved where the provider has not been asked for its name yet."""
    own = AccountCalendar.objects.filter(connection=connection, remote_id=OWN).first()
    return own or AccountCalendar(connection=connection, remote_id=OWN, name=connection.mailbox, is_shown=True)


def refresh_calendars(account: Account, connection: Connection, *, writing: Writing) -> list[str]:
    """Read the account's list of calendars, where it is time to. Returns notes for the run.

    Raises:
        ProviderError: what concerns the whole account.
        LeaseLost
    """
    listing = CalendarList.objects.filter(connection=connection).first() or CalendarList(connection=connection)
    now = timezone.now()
    if not _is_due(listing, connection, now):
        return []
    before = listing.error_code
    try:
        calendars = _check_list(account.calendar.calendars())
    except ACCOUNT_WIDE:
        raise
    except errors.ProviderError as error:
        listing.error_code, listing.error_sentence = error.code, error.sentence
        if isinstance(error, errors.PermissionMissing):
            listing.checked_at = now  # it was answered; who consents anew is asked again, see _is_due
        with writing():
            listing.save()
        return [] if before == error.code else [f"{FEED}: the list of calendars could not be read ({error.code})"]
    listing.checked_at, listing.error_code, listing.error_sentence = now, "", ""
    with writing():
        _apply_list(connection, calendars)
        _erase_strays(connection)
        listing.save()
    return []


def _is_due(listing: CalendarList, connection: Connection, now: datetime) -> bool:
    """Once a day; at once where the person asked for it, or has signed in anew since."""
    checked, asked = listing.checked_at, listing.asked_at
    if checked is None or now - checked > LIST_AGAIN_AFTER:
        return True
    return connection.status_changed_at > checked or (asked is not None and asked > checked)


def _check_list(calendars: Iterable[RemoteCalendar]) -> dict[str, RemoteCalendar]:
    """By id, as many as we keep. Raises Unexpected where the own one is not among them: then none would be believed."""
    found: dict[str, RemoteCalendar] = {}
    for one in calendars:
        if len(found) < MOST_LISTED and len(one.id.encode(errors="replace")) <= LONGEST_ID and is_clean_text(one.id):
            found.setdefault(one.id, one)
    if OWN not in found:
        raise errors.Unexpected(detail="the list of calendars lacks the account's own")
    return found


def _apply_list(connection: Connection, calendars: Mapping[str, RemoteCalendar]) -> None:
    """Names, colors and order as listed; what was chosen here stays. What is not listed is gone."""
    held = {one.remote_id: one for one in AccountCalendar.objects.filter(connection=connection)}
    for remote_id in held.keys() - calendars.keys():
        lose_calendar(connection, remote_id)
    # The own one first, whatever order the list has.
    for position, (remote_id, one) in enumerate(sorted(calendars.items(), key=lambda item: item[0] != OWN)):
        row = held.get(remote_id) or AccountCalendar(
            connection=connection, remote_id=remote_id, is_shown=remote_id == OWN
        )
        values = {
            "name": clean_text(one.name).strip()[:LONGEST_NAME] or UNNAMED,
            "color": one.color.lower() if is_color(one.color) else "",
            "is_own": one.is_own,
            "is_writable": one.is_writable,
            "position": position,
        }
        if row.pk is None or any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.save()


def _erase_strays(connection: Connection) -> None:
    """What a write has put into a calendar after it was hidden: no cursor stands for it, so no sync would see it."""
    Meeting.objects.filter(connection=connection).exclude(container__in=find_containers(connection)).delete()


def lose_calendar(connection: Connection, container: str) -> int:
    """The provider has it no more, or no more for this person: forget it and what was read of it.

    What was scheduled here stays, as ours alone: nobody said that it was called off.
    """
    AccountCalendar.objects.filter(connection=connection, remote_id=container).delete()
    merging.part(connection, container)
    return erase_calendar(connection, container)


def erase_calendar(connection: Connection, container: str) -> int:
    """Forget what was read of one calendar, which is there as before: nothing follows that as it would a deletion."""
    return Meeting.objects.filter(connection=connection, container=container).delete()[0]


def erase_calendars(connection: Connection) -> int:
    """Forget all that was read of the account's calendars, and which there are. Returns how many rows there were."""
    AccountCalendar.objects.filter(connection=connection).delete()
    CalendarList.objects.filter(connection=connection).delete()
    return Meeting.objects.filter(connection=connection).delete()[0]


def ask_for_listing(connection: Connection) -> None:
    """The person wants the list read again: a sync does so before it reads anything else."""
    with transaction.atomic():
        CalendarList.objects.update_or_create(connection=connection, defaults={"asked_at": timezone.now()})
        start_sync(connection, trigger="person")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person wants of one calendar. `color`: a key of palette.COLORS, or "" to follow the provider."""

    is_shown: bool
    color: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """What came of it: the names of those that are shown, and no longer shown, from now on."""

    shown: Sequence[str]
    hidden: Sequence[str]


def choose_calendars(connection: Connection, choices: Mapping[int, Choice]) -> Chosen | None:
    """Keep what a person chose, by the calendars' keys. None where the connection is gone meanwhile.

    Of what is hidden the rows go at once, and a sync under way stops at its next page instead of bringing them back.
    """
    with transaction.atomic():
        locked = Connection.objects.select_for_update().filter(pk=connection.pk).first()
        if locked is None:
            return None
        shown: list[AccountCalendar] = []
        hidden: list[AccountCalendar] = []
        for one in AccountCalendar.objects.filter(connection=locked, pk__in=choices):
            wanted = choices[one.pk]
            is_shown = wanted.is_shown or one.remote_id == OWN
            if (is_shown, wanted.color) == (one.is_shown, one.chosen_color):
                continue
            if is_shown != one.is_shown:
                (shown if is_shown else hidden).append(one)
            one.is_shown, one.chosen_color = is_shown, wanted.color
            one.save(update_fields=["is_shown", "chosen_color"])
        if hidden:
            Connection.objects.filter(pk=locked.pk).update(leased_by="", leased_until=None)
            _erase_hidden(locked, hidden)
        if shown or hidden:
            start_sync(locked, trigger="person")
    return Chosen([one.name for one in shown], [one.name for one in hidden])


def _erase_hidden(connection: Connection, hidden: Sequence[AccountCalendar]) -> None:
    feed = registry.feeds()[FEED]
    for one in hidden:
        feed.erase(connection, one.remote_id)
    connection.cursors.filter(feed=FEED, container__in=[one.remote_id for one in hidden]).delete()
