"""Contacts without an address book: what stands in settings.CALLERS where tests of the phone need no more."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django.db.models import Model, QuerySet

from organizations.models import User
from phone.callers import Caller, ContactWays
from phone.models import Call

PATH = f"{__name__}.MemoryBook"


@dataclass
class MemoryPages:
    """Tests edit it. `callers`: e-mail address of the person → number → contact."""

    callers: dict[str, dict[str, Caller]] = field(default_factory=dict)
    ways: ContactWays = field(default_factory=ContactWays)

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def put(self, user: User, e164: str, name: str, *, others: tuple[str, ...] = ()) -> None:
        caller = Caller(name, f"/contacts/{len(self.callers)}/", "Mobile", e164, others)
        self.callers.setdefault(user.email, {})[e164] = caller


PAGES = MemoryPages()


class MemoryBook:
    def find_callers(self, user: User, e164s: Collection[str]) -> Mapping[str, Caller]:
        known = PAGES.callers.get(user.email, {})
        return {one: known[one] for one in e164s if one in known}

    def find_numbers(self, user: User, text: str) -> QuerySet[Model, str] | None:
        """Read from the person's own calls, because a query it must be."""
        known = PAGES.callers.get(user.email, {})
        found = [e164 for e164, one in known.items() if text.casefold() in one.name.casefold()]
        return Call.objects.filter(owner=user, e164__in=found).values_list("e164", flat=True) if found else None

    def find_ways(self, user: User) -> ContactWays:
        return PAGES.ways
