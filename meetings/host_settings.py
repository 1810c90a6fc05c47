"""The meeting host that an organization has set up: making it, changing it, trying it out."""

import logging
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from integrations.errors import AdminNeeded, ProviderError
from integrations.registry import make_session
from meetings.hosting import Host, HostInfo, HostSetup
from meetings.models import HostCursor, Meeting, MeetingHost, Origin
from meetings.scheduling_models import HostKind
from organizations.models import Organization, User, record
from safety.secrets import Undecryptable

log = logging.getLogger(__name__)

MOST_FORMER = 10
UNREADABLE = (
    "What your organization has stored for its meeting host cannot be read any more. An administrator has to type it "
    "in again under Administration, Meeting host."
)


def find_row(organization: Organization | None) -> MeetingHost | None:
    """What is set up; None where there is no host."""
    rows = MeetingHost.objects.filter(organization=organization).exclude(kind=HostKind.NONE)
    return rows.first() if organization is not None else None


def find_host(organization: Organization | None) -> Host | None:
    """The organization's meeting host, ready to be opened; None where it has none.

    Raises:
        AdminNeeded: there is one, and its credentials cannot be read.
    """
    row = find_row(organization)
    return make_host(row) if row and row.kind in settings.HOSTS else None


def find_room_templates(organization: Organization | None) -> frozenset[str]:
    """What links to the organization's own rooms look like, those of before included, for `find_links`.

    One query in the life of this object: it is asked for each page of each calendar.
    """
    row: MeetingHost | None = getattr(organization, "meeting_host", None)
    return frozenset(one for one in (row.link_template, *row.former_templates_json) if one) if row else frozenset()


def find_info(kind: str) -> HostInfo | None:
    """What pages say about a kind of host."""
    path = settings.HOSTS.get(kind)
    return import_string(path).info if path else None


def make_host(row: MeetingHost) -> Host:
    """Raises AdminNeeded."""
    try:
        credentials = row.credentials.open()
    except Undecryptable as error:
        raise AdminNeeded(UNREADABLE, detail="undecryptable") from error
    setup = HostSetup(str(row.organization_id), credentials, row.link_template)
    host: Host = import_string(settings.HOSTS[row.kind])(
        setup, settings.HOST_SETTINGS.get(row.kind, {}), session_factory=make_session
    )
    return host


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin wants. An empty `client_secret` keeps the one that is stored."""

    kind: str
    link_template: str = ""
    account_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    reads_upcoming: bool = True


def read_wish(row: MeetingHost | None) -> Wish:
    """What is stored, without its secret."""
    if row is None:
        return Wish(HostKind.NONE)
    try:
        account_id = str(row.credentials.open().get("account_id", ""))
    except Undecryptable:
        account_id = ""
    return Wish(row.kind, row.link_template, account_id, row.client_id, reads_upcoming=row.reads_upcoming)


def has_secret(row: MeetingHost | None) -> bool:
    """Whether a secret is stored that can still be read."""
    try:
        return row is not None and bool(row.credentials.open().get("client_secret"))
    except Undecryptable:
        return False


@transaction.atomic
def change_host(organization: Organization, wish: Wish, *, by: User, address: str | None = None) -> bool:
    """Whether anything was changed. Meetings that were scheduled before stay as they are, at the host they are at."""
    row = MeetingHost.objects.select_for_update().filter(organization=organization).first()
    before = read_wish(row)
    row = row or MeetingHost(organization=organization, credentials={})
    credentials = _merge_credentials(row, wish)
    changed = {name: (getattr(before, name), getattr(wish, name)) for name in _NAMES if _differs(before, wish, name)}
    if not changed and not wish.client_secret:
        return False
    if before.link_template and before.link_template != wish.link_template:
        others = [one for one in row.former_templates_json if one not in (before.link_template, wish.link_template)]
        row.former_templates_json = [before.link_template, *others][:MOST_FORMER]
    row.kind, row.link_template, row.client_id = wish.kind, wish.link_template, wish.client_id
    row.credentials, row.reads_upcoming = credentials, wish.reads_upcoming
    row.checked_at, row.error_code, row.error_sentence = None, "", ""
    row.changed_at = timezone.now()
    row.save()
    if wish.kind == HostKind.NONE or not wish.reads_upcoming or before.kind != wish.kind:
        forget_rows(organization)
    _read_soon(organization)
    record("meeting_host.changed", organization=organization, actor=by, address=address, details=_tell(changed, wish))
    return True


def _merge_credentials(row: MeetingHost, wish: Wish) -> dict[str, Any]:
    """Of another kind of host nothing is kept: what is not used any more should not lie about."""
    if wish.kind != HostKind.ZOOM:
        return {}
    secret = wish.client_secret
    if not secret and has_secret(row):
        secret = row.credentials.open()["client_secret"]
    return {"account_id": wish.account_id, "client_id": wish.client_id, "client_secret": secret}


_NAMES = ("kind", "link_template", "account_id", "client_id", "reads_upcoming")


def _differs(before: Wish, wish: Wish, name: str) -> bool:
    return bool(getattr(before, name) != getattr(wish, name))


def _tell(changed: dict[str, tuple[Any, Any]], wish: Wish) -> dict[str, Any]:
    """For the audit trail: never the secret, and of a template that it was changed, since it may hold a token."""
    details: dict[str, Any] = {}
    if "kind" in changed:
        before, after = (HostKind(one).label for one in changed["kind"])
        details["meeting_host"] = {"before": before, "after": after}
    for name in ("client_id", "account_id"):
        if name in changed:
            details[name] = {"before": changed[name][0], "after": changed[name][1]}
    if "link_template" in changed and wish.link_template:
        details["link_template"] = "changed"
    if "reads_upcoming" in changed:
        details["reads_upcoming"] = wish.reads_upcoming
    if wish.client_secret:
        details["client_secret"] = "changed"  # noqa: S105 (a word for the reader, no secret)
    return details


def _read_soon(organization: Organization) -> None:
    """Whoever waits because it did not work before, or was not known there, need not wait any longer."""
    failed = HostCursor.objects.filter(user__membership__organization=organization).exclude(error_code="")
    failed.update(next_read_at=timezone.now(), failures=0)


def forget_rows(organization: Organization) -> int:
    """Remove what was read of meetings made at the host itself. Returns how many there were."""
    people = User.objects.filter(membership__organization=organization)
    HostCursor.objects.filter(user__in=people).delete()
    return Meeting.objects.filter(owner__in=people, origin=Origin.HOST).delete()[0]


@dataclass(frozen=True, slots=True)
class Outcome:
    works: bool
    sentence: str


def try_out(organization: Organization, *, by: User, address: str | None = None) -> Outcome:
    """Ask the host whether it works, and keep what it said."""
    row = find_row(organization)
    if row is None:
        return Outcome(False, "There is no meeting host to try out. Choose one and save it first.")
    try:
        with make_host(row).open() as host:
            outcome, code = Outcome(True, host.check()), ""
    except ProviderError as error:
        log.info("The meeting host of an organization does not work: %s", error.code, extra={"detail": error.detail})
        outcome, code = Outcome(False, error.sentence), error.code
    note_outcome(row, code=code, sentence="" if outcome.works else outcome.sentence)
    details = {"outcome": "works" if outcome.works else code}
    record("meeting_host.tried", organization=organization, actor=by, address=address, details=details)
    return outcome


def note_outcome(row: MeetingHost, *, code: str = "", sentence: str = "") -> None:
    """What came of using it, unless it was changed meanwhile. Written only where it tells something new."""
    now = timezone.now()
    same = MeetingHost.objects.filter(pk=row.pk, changed_at=row.changed_at)
    if code:
        same.update(error_code=code, error_sentence=sentence)
    else:
        same.update(checked_at=now, error_code="", error_sentence="")
