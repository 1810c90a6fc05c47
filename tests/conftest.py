"""The cast and the stage that every test may ask for.

Alice and Bob work at Northwind, Dora owns it, and Charlie of Rival & Co is the stranger who must see nothing of theirs.
"""

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from organizations.models import Membership, Organization, Role, User

PASSWORD = "correct horse battery staple"
SHARED = Path(__file__).resolve().parent.parent.parent / "shared"
"""Reference data that stands beside a checkout where it was built; tests that need it say why they skip elsewhere."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadgroup`: see grouping."""
    if config.getoption("dist") != "loadgroup":
        return None
    from tests.grouping import ByPlace

    return ByPlace(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what asks a database: `-m database` leaves out the rest, to which it is all the same which one there is."""
    for item in items:
        if item.get_closest_marker("django_db") or {"db", "transactional_db"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("database")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Modules and thousands of tests stay to the end: the garbage collector need not look through them each time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def flush_past_the_guard() -> Iterator[None]:
    """Tests with real commits empty every table afterwards, which the audit trail refuses in every other moment."""
    from django.core.management.commands.flush import Command

    from tests.guard import lifted

    flush = Command.handle

    def handle(self: Command, **options: object) -> None:
        with lifted():
            flush(self, **options)

    Command.handle = handle
    yield
    Command.handle = flush


@pytest.fixture
def northwind(db: None) -> Organization:
    return Organization.objects.create(name="Northwind Legal", time_zone="Europe/Berlin", default_region="DE")


@pytest.fixture
def rival(db: None) -> Organization:
    return Organization.objects.create(name="Rival & Co", time_zone="America/New_York", default_region="US")


@pytest.fixture
def make_member(db: None) -> Callable[..., User]:
    """make_member(organization, "name@host", role=Role.MEMBER, name="", **fields) -> a person who can sign in."""

    def make(
        organization: Organization, email: str, *, role: str = Role.MEMBER, name: str = "", **fields: object
    ) -> User:
        from allauth.account.models import EmailAddress

        user = User.objects.create_user(email, PASSWORD, name=name, **fields)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        Membership.objects.create(user=user, organization=organization, role=role)
        return user

    return make


@pytest.fixture
def alice(northwind: Organization, make_member: Callable[..., User]) -> User:
    return make_member(northwind, "alice@northwind.example", name="Alice Meyer")


@pytest.fixture
def bob(northwind: Organization, make_member: Callable[..., User]) -> User:
    return make_member(northwind, "bob@northwind.example", name="Bob Okafor")


@pytest.fixture
def dora(northwind: Organization, make_member: Callable[..., User]) -> User:
    return make_member(northwind, "dora@northwind.example", name="Dora Lindqvist", role=Role.OWNER)


@pytest.fixture
def charlie(rival: Organization, make_member: Callable[..., User]) -> User:
    return make_member(rival, "charlie@rival.example", name="Charlie Stone", role=Role.OWNER)


@pytest.fixture
def support(db: None) -> User:
    """Support staff: may use the support pages, works in no organization."""
    from allauth.account.models import EmailAddress

    user = User.objects.create_superuser("support@portico.example", PASSWORD, name="Support")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """sign_in(person) -> a browser of their own, signed in."""

    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def alice_client(alice: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(alice)


@pytest.fixture
def bob_client(bob: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(bob)


@pytest.fixture
def dora_client(dora: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(dora)


@pytest.fixture
def charlie_client(charlie: User, sign_in: Callable[[User], Client]) -> Client:
    return sign_in(charlie)


@pytest.fixture
def sign_in_support(sign_in: Callable[[User], Client]) -> Callable[[User], Client]:
    """sign_in_support(staff) -> their browser, whose session has shown the second factor that support pages want."""

    def sign_in_support(user: User) -> Client:
        from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

        TOTP.activate(user, generate_totp_secret())
        client = sign_in(user)
        session = client.session
        session["account_authentication_methods"] = [{"method": "mfa", "type": "totp", "at": time.time()}]
        session["account_authentication_methods_user"] = str(user.pk)
        session.save()
        return client

    return sign_in_support


@pytest.fixture
def support_client(support: User, sign_in_support: Callable[[User], Client]) -> Client:
    return sign_in_support(support)


@pytest.fixture
def shared_data() -> Path:
    """The reference data, or a skip that says so."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no reference data at {folder}")
    return folder


@pytest.fixture
def shared_checks() -> Path:
    """The reference validators, or a skip that says so."""
    folder = SHARED / "checks"
    if not folder.is_dir():
        pytest.skip(f"no reference validators at {folder}")
    return folder


@pytest.fixture
def eager_tasks() -> Iterator[None]:
    """Celery tasks run where they are called instead of being sent to a worker."""
    from portal.celery import app

    before = app.conf.task_always_eager, app.conf.task_eager_propagates
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield
    app.conf.task_always_eager, app.conf.task_eager_propagates = before
