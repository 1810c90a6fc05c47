"""Finding people of one's own organization, to invite them."""

from dataclasses import dataclass

from django.db.models import Q

from organizations.models import User

MOST_WORDS = 4


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be invited. `source`: where they are known from, in a word."""

    name: str
    email: str
    source: str


def find_people(user: User, text: str, limit: int) -> list[Person]:
    """Colleagues with each of these words in name or address, by name; everybody for no words. At most two queries."""
    organization = user.organization
    if organization is None:
        return []
    found = User.objects.filter(membership__organization=organization, is_active=True).exclude(pk=user.pk)
    for word in text.replace("\0", " ").split()[:MOST_WORDS]:
        found = found.filter(Q(name__icontains=word) | Q(email__icontains=word))
    rows = found.order_by("name", "email").values_list("name", "email")[:limit]
    return [Person(name, email, "Colleague") for name, email in rows]
