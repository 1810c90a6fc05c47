"""Whether somebody may write to their address book now; if not why, and where that can be changed."""

from dataclasses import dataclass

from django.urls import reverse

from contacts.models import Contact
from integrations import registry
from integrations.connecting import find_connection
from integrations.models import Connection
from integrations.permissions import Permission
from integrations.policy_models import policy_for
from integrations.standing import Standing
from organizations.models import User
from phone.callers import ContactWays


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not offered, and where that can be changed."""

    sentence: str
    href: str = ""
    words: str = ""


def find_ways(user: User) -> ContactWays:
    """What the person may do with a caller who is in none of their contacts."""
    refusal = why_not_written(find_write_standing(user))
    if refusal is not None:
        return ContactWays(reason=refusal.sentence)
    return ContactWays(create_url=reverse("contacts:create"), add_url=reverse("contacts:add_number"))


def find_write_standing(user: User, connection: Connection | None = None) -> Standing:
    """`connection`: the person's, where it is known already."""
    connection = connection or find_connection(user)
    info = registry.find_info(connection.provider) if connection else None
    return Standing(Permission.CONTACTS_WRITE, policy_for(user), connection, info)


def why_not_written(standing: Standing) -> Refusal | None:
    """None where contacts may be written now."""
    lacks, connection = standing.lacks, standing.connection
    if lacks == "integration":
        return Refusal("Nothing can be saved to your contacts: the integration is switched off.")
    if lacks == "connection":
        return Refusal("Your contacts are not connected.", reverse("integrations:connection_new"), "Connect them")
    if lacks == "organization":
        return Refusal(standing.refusal)
    if lacks:
        sentence = f"{Permission.CONTACTS_WRITE.label} is not part of your connection."
        return Refusal(sentence, reverse("integrations:connection_edit"), "Change permissions")
    if connection is not None and connection.needs_reconnect:
        name = standing.info.name if standing.info else "your contact service"
        sentence = f"Nothing can be saved to your contacts: you have to sign in at {name} again."
        return Refusal(sentence, reverse("integrations:profile"), "Reconnect")
    return None


def why_no_number(contact: Contact, standing: Standing) -> Refusal | None:
    """None where a number may be added to this contact now."""
    refusal = why_not_written(standing)
    if refusal is not None:
        return refusal
    if contact.is_pending:
        return Refusal("It is still on its way to your address book. A number can be added once it is there.")
    if contact.folders.filter(is_listed=True, is_writable=False).exists():
        there = standing.info.contacts_name if standing.info else "your address book"
        return Refusal(f"It is in a folder that can be read only. Change it in {there}, if you may there.")
    return None
