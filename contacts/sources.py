"""From what a contact is made: a call, a voicemail, a change that could not be saved; or nothing."""

from dataclasses import dataclass, replace

from django.http import Http404, HttpRequest

from contacts.drafts import parse_draft, parse_portrait
from contacts.offering import Offer
from contacts.saving import Pending
from contacts.write_forms import LONGEST_NAME, initial_of_draft, initial_of_party
from contacts.writing_models import ContactWrite
from integrations.outgoing import WriteState
from integrations.remote import ContactDraft, RemoteEmail
from organizations.requests import SignedInRequest
from phone.models import Call, Party, Voicemail


@dataclass(frozen=True, slots=True)
class Source:
    party: Party | None = None
    replaces: Pending | None = None
    """What is given up once something has been made of it."""
    query: str = ""
    """As it stands in the URL, for links that carry it on: "?call=12"."""

    @property
    def label(self) -> str:
        """Whom a call was with, for the head of a page."""
        return self.party.name or self.party.number if self.party else ""

    def initial(self, offer: Offer) -> dict[str, str]:
        if self.party is not None:
            return initial_of_party(offer, self.party)
        if self.replaces is not None:
            return initial_of_draft(_draft_of(self.replaces))
        return {"number_type": offer.types[0].key if offer.types else ""}


def _draft_of(pending: Pending) -> ContactDraft:
    """A number that found no contact becomes one's again, with what was seen of it."""
    draft = parse_draft(pending.write.draft_json)
    if pending.write.is_create:
        return draft
    seen = parse_portrait(pending.write.seen_json)
    named = bool(seen.given_name or seen.family_name)
    return replace(
        draft,
        given_name=(seen.given_name if named else seen.name)[:LONGEST_NAME],
        family_name=seen.family_name[:LONGEST_NAME],
        organization=seen.organization[:LONGEST_NAME],
        emails=tuple(RemoteEmail(one) for one in seen.emails[:1]),
    )


def find_source(request: SignedInRequest) -> Source:
    """Raises Http404 for what is not the reader's, and for a caller who withheld their number."""
    for name, model in (("call", Call), ("voicemail", Voicemail)):
        if name in request.GET:
            key = _key_of(request, name)
            party = model.objects.visible_to(request.user).filter(pk=key).first()
            if party is None or party.is_anonymous:
                raise Http404("nobody to make a contact of")
            return Source(party, query=f"?{name}={key}")
    if "write" in request.GET:
        key = _key_of(request, "write")
        failed = ContactWrite.objects.visible_to(request.user).filter(state=WriteState.FAILED)
        write = failed.filter(pk=key).select_related("connection").first()
        if write is None:
            raise Http404("no such write")
        return Source(replaces=Pending(write), query=f"?write={key}")
    return Source()


def _key_of(request: HttpRequest, name: str) -> int:
    """Raises Http404."""
    value = request.GET[name]
    if not (value.isascii() and value.isdecimal() and len(value) < 19):
        raise Http404("no key")
    return int(value)
