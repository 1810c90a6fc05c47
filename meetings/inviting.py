"""Whom a person may want to invite: found in their own contacts and among their colleagues."""

from django.conf import settings
from django.utils.module_loading import import_string

from meetings.addresses import parse_address
from organizations.colleagues import Person
from organizations.models import User

SHORTEST = 2
LONGEST = 100
MOST = 8
"""That are offered at once."""


def find_people(user: User, text: str, *, limit: int = MOST) -> list[Person]:
    """Those that fit, each address once, from every settings.PEOPLE_SEARCH in its order; nobody for less than two
    letters. Who is found by several is named by the first."""
    text = " ".join(text.replace("\x00", " ").split())[:LONGEST]
    if len(text) < SHORTEST:
        return []
    found: dict[str, Person] = {}
    for path in settings.PEOPLE_SEARCH:
        for person in import_string(path)(user, text, limit):
            if parse_address(person.email) is not None:
                found.setdefault(person.email.lower(), person)
    ranked = sorted(found.values(), key=lambda one: not begins_with(one, text))
    return ranked[:limit]


def begins_with(person: Person, text: str) -> bool:
    """Whether a word of the name or the address begins so: what people mostly type."""
    words = [*person.name.lower().split(), person.email.lower(), person.name.lower()]
    return any(word.startswith(text.lower()) for word in words)
