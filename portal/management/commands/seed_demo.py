"""The demonstration's people. The sandbox gives each of them a pretend account under the same address."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from meetings import host_settings
from meetings.host_settings import Wish
from organizations.models import Group, Membership, Organization, Role, User
from phone import system_settings
from phone.models import PhoneSystem
from portal import env


@dataclass(frozen=True, slots=True)
class Person:
    email: str
    name: str
    organization: str = ""
    role: str = Role.MEMBER
    time_zone: str = ""
    groups: tuple[str, ...] = ()


ORGANIZATIONS = {
    "Northwind Legal": {"time_zone": "Europe/Berlin", "default_region": "DE"},
    "Rival & Co": {"time_zone": "America/New_York", "default_region": "US"},
}
PEOPLE = (
    Person("dora.lindqvist@northwind.example", "Dora Lindqvist", "Northwind Legal", Role.OWNER),
    Person("alice.meyer@northwind.example", "Alice Meyer", "Northwind Legal", groups=("Litigation",)),
    Person("ben.okafor@northwind.example", "Ben Okafor", "Northwind Legal", groups=("Litigation",)),
    Person("emil.tanaka@northwind.example", "Emil Tanaka", "Northwind Legal", time_zone="Asia/Tokyo"),
    Person("charlie.stone@rival.example", "Charlie Stone", "Rival & Co", Role.OWNER),
)
HOSTED = "Northwind Legal"
"""Whose meetings get join links from the pretend Zoom, and whose calls are its Zoom Phone's."""
SUPPORT = Person("support@portico.example", "Sam Support")


class Command(BaseCommand):
    help = (
        "Add the demonstration's people where they are missing. Needs SANDBOX=1: their password is known to everyone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--password", required=True, help="The one password of all of them.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not env.flag("SANDBOX"):
            raise CommandError("The demonstration's people share one published password: this needs SANDBOX=1.")
        with transaction.atomic():
            added = [person.email for person in PEOPLE if add_member(person, password=options["password"])]
            add_meeting_host()
            add_phone_system()
            added += [SUPPORT.email] if add_support(SUPPORT, password=options["password"]) else []
        if added and options["verbosity"] > 1:
            self.stdout.write(f"Added {', '.join(added)}.")


def add_member(person: Person, *, password: str) -> bool:
    """Whether the person was missing. One who is there keeps whatever they have changed."""
    if User.objects.filter(email__iexact=person.email).exists():
        return False
    organization, _ = Organization.objects.get_or_create(
        name=person.organization, defaults=ORGANIZATIONS[person.organization]
    )
    user = User.objects.create_user(person.email, password, name=person.name, time_zone=person.time_zone)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    membership = Membership.objects.create(user=user, organization=organization, role=person.role)
    for name in person.groups:
        membership.groups.add(Group.objects.get_or_create(organization=organization, name=name)[0])
    return True


def add_support(person: Person, *, password: str) -> bool:
    if User.objects.filter(email__iexact=person.email).exists():
        return False
    user = User.objects.create_superuser(person.email, password, name=person.name)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return True


def add_meeting_host() -> None:
    """The pretend Zoom, where the sandbox's app is named in the environment. An organization that has one keeps it."""
    wish = Wish(
        "zoom",
        account_id=env.text("SANDBOX_ZOOM_ACCOUNT_ID"),
        client_id=env.text("SANDBOX_ZOOM_CLIENT_ID"),
        client_secret=env.text("SANDBOX_ZOOM_CLIENT_SECRET"),
    )
    organization = Organization.objects.filter(name=HOSTED).first()
    if organization is None or not wish.client_secret or hasattr(organization, "meeting_host"):
        return
    owner = organization.memberships.filter(role=Role.OWNER).select_related("user").first()
    if owner is not None:
        host_settings.change_host(organization, wish, by=owner.user)


def add_phone_system() -> None:
    """The pretend Zoom Phone, by the same app. An organization that has a phone system keeps it.

    Its key is in the environment, since the sandbox is told where to post before anybody could read it here.
    """
    wish = system_settings.Wish(
        "zoom",
        account_id=env.text("SANDBOX_ZOOM_ACCOUNT_ID"),
        client_id=env.text("SANDBOX_ZOOM_CLIENT_ID"),
        client_secret=env.text("SANDBOX_ZOOM_CLIENT_SECRET"),
        webhook_secret=env.text("SANDBOX_ZOOM_WEBHOOK_SECRET"),
    )
    organization, key = Organization.objects.filter(name=HOSTED).first(), env.text("SANDBOX_ZOOM_PHONE_KEY")
    if organization is None or not (wish.client_secret and key) or hasattr(organization, "phone_system"):
        return
    owner = organization.memberships.filter(role=Role.OWNER).select_related("user").first()
    if owner is not None:
        system_settings.change_system(organization, wish, by=owner.user)
        PhoneSystem.objects.filter(organization=organization).update(key=UUID(key))
