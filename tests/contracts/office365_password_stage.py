"""Office 365 by e-mail address and password, for a tenant of which Exchange Online still takes them."""

from collections.abc import Iterator
from contextlib import contextmanager

from integrations.providers.office365 import Office365
from integrations.remote import Credentials
from sandbox.server import Sandbox, running
from tests.contracts.exchange_stage import ExchangeStage
from tests.contracts.office365_stage import make_office365
from tests.contracts.stages import PASSWORD, PERSON


class Office365PasswordStage(ExchangeStage):
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.exchange = sandbox.exchange.online
        self.exchange.add_person(PERSON, name="Alice Meyer", timezone="Europe/Berlin", region="DE", password=PASSWORD)
        self.exchange.allow()
        self.provider = make_office365(sandbox)
        self.method = Office365.info.methods[1]
        self.saved: list[Credentials] = []

    def typed(self, **changes: str) -> dict[str, str]:
        return {"user": PERSON, "password": PASSWORD, "ews_url": self.exchange.url} | changes


@contextmanager
def office365_password_stage() -> Iterator[Office365PasswordStage]:
    with running() as sandbox:
        yield Office365PasswordStage(sandbox)
