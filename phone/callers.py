"""Who is it that is calling? Asked of whoever keeps contacts (settings.CALLERS), which this app does not know."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.module_loading import import_string

from organizations.models import User


@dataclass(frozen=True, slots=True)
class Caller:
    """A contact with this number. `kind`: "Mobile"; `written`: the number as it stands in the contact."""

    name: str
    url: str
    kind: str
    written: str
    others: tuple[str, ...] = ()
    """Names of further contacts with the same number."""

    @property
    def explanation(self) -> str:
        """How the match came about: "Matches Mobile, 030 901820, of Anna Weber. Also in Bob Okafor."."""
        also = f" Also in {', '.join(self.others)}." if self.others else ""
        return f"Matches {self.kind}, {self.written}, of {self.name}.{also}"


@dataclass(frozen=True, slots=True)
class ContactWays:
    """What a person may do with an unknown caller: addresses of pages, or the `reason` why there are none.

    The pages take `?call=<key>` or `?voicemail=<key>`.
    """

    create_url: str = ""
    add_url: str = ""
    reason: str = ""


class CallerBook(Protocol):
    def find_callers(self, user: User, e164s: Collection[str]) -> Mapping[str, Caller]:
        """Whose numbers these are, in the person's own contacts. At most three queries, however many there are."""
        ...

    def find_numbers(self, user: User, text: str) -> QuerySet[Model, str] | None:
        """E.164 numbers of the contacts that fit these words, to be used inside another query; None for nobody's."""
        ...

    def find_ways(self, user: User) -> ContactWays: ...


def book() -> CallerBook:
    found: CallerBook = import_string(settings.CALLERS)()
    return found
