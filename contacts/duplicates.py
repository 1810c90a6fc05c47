"""Who may be meant already: contacts with the same number, e-mail address or name as a new one would have."""

from dataclasses import dataclass

from django.db.models import Case, Q, When

from contacts.models import Contact, ContactNumber
from contacts.names import fold, sort_name_of
from integrations.models import Connection
from integrations.numbers import parse_number
from integrations.remote import ContactDraft

MOST = 5
"""Candidates that are shown."""
LIKELY = 20
"""Rows that are looked at closer."""


@dataclass(frozen=True, slots=True)
class Candidate:
    contact: Contact
    reason: str
    """What is the same: "the same number and name"."""


def find_candidates(connection: Connection, draft: ContactDraft, *, region: str, without: str = "") -> list[Candidate]:
    """The most alike first. `without`: the remote id of the one that the new contact stands for. Two queries."""
    by_number = _find_by_number(connection, draft, region)
    addresses, names = {one.address.casefold() for one in draft.emails}, _spell(draft)
    alike = Q(pk__in=by_number) | Q(sort_name__in=names)
    for address in addresses:
        alike |= Q(search_text__contains=fold(address))
    # A whole house may have one address or name: among so many, the one who is called would be left out.
    likeliest = Case(When(pk__in=by_number, then=0), When(sort_name__in=names, then=1), default=2)
    others = Contact.objects.of(connection).exclude(remote_id=without)
    found = others.filter(alike).order_by(likeliest, "sort_name", "pk").for_list()[:LIKELY]
    ranked = []
    for contact in found:
        same = ["number"] if contact.pk in by_number else []
        if addresses & {one.address.casefold() for one in contact.emails}:
            same.append("e-mail address")
        if contact.sort_name in names:
            same.append("name")
        if same:
            ranked.append((-len(same), same[0] == "name", contact, f"the same {' and '.join(same)}"))
    ranked.sort(key=lambda one: one[:2])
    return [Candidate(contact, reason) for _, _, contact, reason in ranked[:MOST]]


def _find_by_number(connection: Connection, draft: ContactDraft, region: str) -> set[int]:
    """Keys of contacts: by E.164, in whatever spelling; by the spelling where that is all there is."""
    same = Q(pk__in=[])
    for one in draft.numbers:
        e164 = parse_number(one.value, region, e164=one.e164).e164
        same |= Q(e164=e164) if e164 else Q(e164="", value=one.value)
    rows = ContactNumber.objects.filter(same, connection=connection).order_by()
    return set(rows.values_list("contact_id", flat=True)[:LIKELY])


def _spell(draft: ContactDraft) -> set[str]:
    """The sort names that a contact of this name can have."""
    given, family = draft.given_name, draft.family_name
    spelled = [f"{given} {family}", f"{family} {given}", f"{family}, {given}"] if given and family else []
    spelled += [given or family] if not spelled else []
    if not given and not family:
        spelled.append(draft.organization)
    return {sort_name_of(one.strip()) for one in spelled} - {""}
