"""Finding people of one's own address book, to invite them."""

from contacts.models import Contact
from integrations.connecting import find_connection
from organizations.colleagues import Person
from organizations.models import User


def find_people(user: User, text: str, limit: int) -> list[Person]:
    """Each address of the contacts that fit, by name; nobody for no words, and where contacts may not be read now."""
    connection = find_connection(user) if text.strip() else None
    if connection is None:
        return []
    contacts = Contact.objects.of(connection).search(text).exclude(emails_json="[]")
    found = contacts.by_name().only("display_name", "sort_name", "emails_json")[:limit]
    people = [Person(one.display_name, email.address, "Contacts") for one in found for email in one.emails]
    return people[:limit]
