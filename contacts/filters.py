"""Which of a reader's contacts a page shows or a file holds: what the URL of the list says."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.http import Http404

from contacts.models import ContactFolder, ContactQuerySet
from organizations.models import User

LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Filters:
    text: str = ""
    folder: ContactFolder | None = None

    def narrow(self, contacts: ContactQuerySet, *, region: str) -> ContactQuerySet:
        if self.folder:
            contacts = contacts.in_folder(self.folder)
        return contacts.search(self.text, region=region) if self.text else contacts


def read_filters(asked: Mapping[str, str], folders: Iterable[ContactFolder]) -> Filters:
    """Raises Http404 for a folder that is not among the reader's `folders`."""
    text = asked.get("q", "").strip()[:LONGEST_SEARCH]
    key = asked.get("folder", "")
    if not key:
        return Filters(text)
    for folder in folders:
        if str(folder.pk) == key:
            return Filters(text, folder)
    raise Http404("no such folder")


def region_of(user: User) -> str:
    """The country in which the reader reads numbers."""
    return user.organization.default_region if user.organization else ""
