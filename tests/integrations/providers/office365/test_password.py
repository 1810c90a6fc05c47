"""Office 365 by password: Exchange's code under Microsoft's roof, and what is said where the door is closed."""

import sys
from datetime import timedelta

import pytest

from integrations.errors import AdminNeeded, ProviderError, ReconnectNeeded
from integrations.providers.office365 import Office365
from integrations.remote import Credentials, Window
from sandbox.server import Sandbox
from tests.contracts.office365_stage import times
from tests.contracts.stages import PASSWORD, PERSON


@pytest.fixture
def typed(sandbox: Sandbox) -> dict[str, str]:
    online = sandbox.exchange.online
    online.add_person(PERSON, password=PASSWORD)
    return {"user": PERSON, "password": PASSWORD, "ews_url": online.url}


def test_where_it_is_still_taken_a_password_opens_calendar_and_contacts(
    sandbox: Sandbox, office365: Office365, typed: dict[str, str], window: Window
) -> None:
    sandbox.exchange.online.allow()
    found = office365.log_in(typed, method="password")
    assert (found.mailbox, found.credentials["method"]) == (PERSON, "password")
    sandbox.office365.add_event(PERSON, {"subject": "Talk", **times(window.starts + timedelta(days=40), 30)})
    saved: list[Credentials] = []
    with office365.open(found.credentials, save=saved.append) as account:
        assert [one.title for page in account.calendar.changes(None, window) for one in page.changed] == ["Talk"]
        assert list(account.contacts.changes(None))[-1].complete
    assert office365.recall(found.credentials) == {"user": PERSON, "ews_url": typed["ews_url"]}


def test_an_empty_address_is_the_operator_s(sandbox: Sandbox, office365: Office365, typed: dict[str, str]) -> None:
    sandbox.exchange.online.allow()
    assert office365.log_in({**typed, "ews_url": ""}, method="password").credentials["ews_url"] == typed["ews_url"]


@pytest.mark.parametrize("is_basic_on", [False, True])
def test_where_microsoft_has_closed_the_door_the_way_round_is_named(
    sandbox: Sandbox, office365: Office365, typed: dict[str, str], is_basic_on: bool
) -> None:
    sandbox.exchange.online.allow(basic=is_basic_on, ews=False)
    with pytest.raises(ProviderError) as caught:
        office365.log_in(typed, method="password")
    assert isinstance(caught.value, AdminNeeded | ReconnectNeeded)
    assert "OAuth 2.0" in caught.value.sentence and "Office 365" in caught.value.sentence
    assert PASSWORD not in f"{caught.value} {caught.value.detail}"


def test_neither_exchangelib_nor_msal_is_loaded_before_someone_signs_in() -> None:
    import subprocess

    code = (
        "import sys, integrations.providers.office365;"
        "print(*[one for one in ('msal', 'exchangelib', 'lxml') if one in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
