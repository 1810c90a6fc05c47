"""The phone system that an organization has set up: making it, changing it, trying it out."""

import logging
import secrets
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from integrations.errors import AdminNeeded, ProviderError
from integrations.registry import make_session
from organizations.models import Organization, User, record
from organizations.people import lock
from phone.models import Licence, PhoneEvent, PhoneSystem, SystemKind
from phone.systems import System, SystemSetup
from safety.secrets import Undecryptable

log = logging.getLogger(__name__)

KEEP_DAYS = int(PhoneSystem._meta.get_field("keep_days").default)
SECRET_BYTES = 32
UNREADABLE = (
    "What your organization has stored for its phone system cannot be read any more. An administrator has to type it "
    "in again under Administration, Phone system."
)


def find_row(organization: Organization | None) -> PhoneSystem | None:
    """What is stored, also where it says that there is no phone system."""
    return PhoneSystem.objects.filter(organization=organization).first() if organization is not None else None


def can_be_asked(row: PhoneSystem | None) -> bool:
    """Whether it answers questions; others only tell."""
    return row is not None and row.kind in settings.PHONE_SYSTEMS


def find_system(organization: Organization | None) -> System | None:
    """The organization's phone system, ready to be opened; None where it has none that can be asked.

    Raises:
        AdminNeeded: there is one, and its credentials cannot be read.
    """
    row = find_row(organization)
    return make_system(row) if row is not None and can_be_asked(row) else None


def read_webhook_secret(row: PhoneSystem) -> str:
    """What its notifications are signed with; "": with nothing yet. Raises Undecryptable."""
    return str(row.credentials.open().get("webhook_secret") or "")


def make_system(row: PhoneSystem) -> System:
    """Raises AdminNeeded."""
    try:
        credentials = row.credentials.open()
    except Undecryptable as error:
        raise AdminNeeded(UNREADABLE, detail="undecryptable") from error
    setup = SystemSetup(str(row.organization_id), credentials)
    system: System = import_string(settings.PHONE_SYSTEMS[row.kind])(
        setup, settings.PHONE_SYSTEM_SETTINGS.get(row.kind, {}), session_factory=make_session
    )
    return system


def make_address(row: PhoneSystem) -> str:
    """Where it posts what happens."""
    return f"{settings.PUBLIC_URL}/phone/events/{row.key}/"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an admin wants. An empty secret keeps the one that is stored."""

    kind: str = SystemKind.NONE
    account_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    reads_licences: bool = True
    keep_days: int = KEEP_DAYS


def read_wish(row: PhoneSystem | None) -> Wish:
    """What is stored, without its secrets."""
    if row is None:
        return Wish()
    account_id = row.remote_account if row.kind == SystemKind.ZOOM else ""
    return Wish(row.kind, account_id, row.client_id, reads_licences=row.reads_licences, keep_days=row.keep_days)


def list_secrets(row: PhoneSystem | None) -> frozenset[str]:
    """Names of the secrets that are stored and can still be read."""
    try:
        found = row.credentials.open() if row is not None else {}
    except Undecryptable:
        found = {}
    return frozenset(name for name in ("client_secret", "webhook_secret") if found.get(name))


@dataclass(frozen=True, slots=True)
class Change:
    """What came of saving. `secret`: of another system, made just now, to be shown once; "" where there is none."""

    has_changed: bool
    secret: str = field(default="", repr=False)


@transaction.atomic
def change_system(organization: Organization, wish: Wish, *, by: User, address: str | None = None) -> Change:
    """Calls and voicemail that are here stay until they are old enough, whatever is chosen."""
    lock(organization)
    row = PhoneSystem.objects.select_for_update().filter(organization=organization).first()
    before = read_wish(row)
    row = row or PhoneSystem(organization=organization, credentials={})
    changed = {name: (getattr(before, name), getattr(wish, name)) for name in _NAMES if _differs(before, wish, name)}
    if not changed and not wish.client_secret and not wish.webhook_secret:
        return Change(False)
    is_another = "kind" in changed or "account_id" in changed
    credentials, secret = _make_credentials(row, wish, is_another="kind" in changed)
    row.kind, row.client_id, row.remote_account = wish.kind, wish.client_id, wish.account_id
    row.credentials, row.reads_licences, row.keep_days = credentials, wish.reads_licences, wish.keep_days
    if is_another:
        row.heard_at = row.reconciled_at = None
    if set(changed) - {"keep_days"} or wish.client_secret:
        _begin_anew(row)
    row.changed_at = timezone.now()
    row.save()
    if is_another:
        forget_system(row)
    elif "reads_licences" in changed and not wish.reads_licences:
        Licence.objects.filter(user__membership__organization=organization).update(is_at_system=False)
    details = _tell(changed, wish)
    record("phone_system.changed", organization=organization, actor=by, address=address, details=details)
    transaction.on_commit(lambda: _read_soon(row))
    return Change(True, secret)


def _read_soon(row: PhoneSystem) -> None:
    """Whoever has just set it up looks whether calls come."""
    from phone import tasks  # which imports what reads by these settings

    if can_be_asked(row):
        tasks.reconcile.delay(str(row.pk))


_NAMES = ("kind", "account_id", "client_id", "reads_licences", "keep_days")


def _differs(before: Wish, wish: Wish, name: str) -> bool:
    return bool(getattr(before, name) != getattr(wish, name))


def _make_credentials(row: PhoneSystem, wish: Wish, *, is_another: bool) -> tuple[dict[str, Any], str]:
    """What is to be stored, and what of it is new and to be shown. Of another kind of system nothing is kept."""
    try:
        stored = {} if is_another else row.credentials.open()
    except Undecryptable:
        stored = {}
    if wish.kind == SystemKind.ZOOM:
        secret = wish.client_secret or stored.get("client_secret", "")
        webhook_secret = wish.webhook_secret or stored.get("webhook_secret", "")
        known = {"account_id": wish.account_id, "client_id": wish.client_id, "client_secret": secret}
        return known | ({"webhook_secret": webhook_secret} if webhook_secret else {}), ""
    if wish.kind == SystemKind.OTHER:
        if stored.get("webhook_secret"):
            return {"webhook_secret": stored["webhook_secret"]}, ""
        made = secrets.token_urlsafe(SECRET_BYTES)
        return {"webhook_secret": made}, made
    return {}, ""


def _begin_anew(row: PhoneSystem) -> None:
    """Whatever did not work before need not be waited for."""
    row.checked_at, row.error_code, row.error_sentence = None, "", ""
    row.licences_read_at = row.taken_until = None
    row.next_reconcile_at, row.failures = timezone.now(), 0


def forget_system(row: PhoneSystem) -> None:
    """What another system has said of people, and what it has told that nobody has read yet."""
    PhoneEvent.objects.filter(system=row).delete()
    told = Licence.objects.filter(user__membership__organization=row.organization_id)
    told.update(is_at_system=False, remote_id="", extension="", numbers_json=[], read_at=None)


@transaction.atomic
def make_secret(organization: Organization, *, by: User, address: str | None = None) -> str:
    """A new secret for another phone system, to be shown once; "" where none is set up. The old one is good no more."""
    lock(organization)
    row = PhoneSystem.objects.select_for_update().filter(organization=organization, kind=SystemKind.OTHER).first()
    if row is None:
        return ""
    made = secrets.token_urlsafe(SECRET_BYTES)
    row.credentials, row.changed_at = {"webhook_secret": made}, timezone.now()
    row.save(update_fields=["credentials", "changed_at"])
    record("phone_system.secret_made", organization=organization, actor=by, address=address)
    return made


def _tell(changed: dict[str, tuple[Any, Any]], wish: Wish) -> dict[str, Any]:
    """For the audit trail: never a secret."""
    details: dict[str, Any] = {}
    if "kind" in changed:
        before, after = (SystemKind(one).label for one in changed["kind"])
        details["phone_system"] = {"before": before, "after": after}
    for name in ("client_id", "account_id", "keep_days"):
        if name in changed:
            details[name] = {"before": changed[name][0], "after": changed[name][1]}
    if "reads_licences" in changed:
        details["reads_licences"] = wish.reads_licences
    for name in ("client_secret", "webhook_secret"):
        if getattr(wish, name):
            details[name] = "changed"
    return details


@dataclass(frozen=True, slots=True)
class Outcome:
    works: bool
    sentence: str


def try_out(organization: Organization, *, by: User, address: str | None = None) -> Outcome:
    """Ask the system whether it works, and keep what it said."""
    row = find_row(organization)
    if row is None or not can_be_asked(row):
        return Outcome(False, "There is no phone system that could be asked. Choose Zoom Phone and save it first.")
    try:
        with make_system(row).open() as system:
            outcome, code = Outcome(True, system.check()), ""
    except ProviderError as error:
        log.info("The phone system of an organization does not work: %s", error.code, extra={"detail": error.detail})
        outcome, code = Outcome(False, error.sentence), error.code
    note_outcome(row, code=code, sentence="" if outcome.works else outcome.sentence)
    details = {"outcome": "works" if outcome.works else code}
    record("phone_system.tried", organization=organization, actor=by, address=address, details=details)
    return outcome


def note_outcome(row: PhoneSystem, *, code: str = "", sentence: str = "") -> None:
    """What came of using it, unless it was changed meanwhile."""
    same = PhoneSystem.objects.filter(pk=row.pk, changed_at=row.changed_at)
    if code:
        same.update(error_code=code, error_sentence=sentence)
    else:
        same.update(checked_at=timezone.now(), error_code="", error_sentence="")
