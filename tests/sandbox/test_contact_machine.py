"""Whatever happens to an address book: increments and a full listing agree, merged and renamed contacts included."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from sandbox.server import Sandbox
from tests.sandbox.conftest import ALICE

THOROUGH = settings(max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
QUERY = {"personFields": "names,phoneNumbers,memberships", "pageSize": "3", "requestSyncToken": "true"}


class AddressBookLife(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(":memory:")
        self.book = self.sandbox.google.contacts
        self.sandbox.google.add_person(ALICE)
        self.browser = self.sandbox.build_app()._app.test_client()
        self.headers = {"Authorization": "Bearer " + self.sandbox.google.tokens.issue(
            ALICE, ["https://www.googleapis.com/auth/contacts.readonly"]).access}  # fmt: skip
        self.group = self.book.save_group(ALICE, "Clients")["name"]
        self.held: dict[str, dict] = {}
        self.token = ""

    def teardown(self) -> None:
        self.sandbox.close()

    def list(self, **more: str) -> tuple[list[dict], str]:
        found, query = [], QUERY | more
        while True:
            answer = self.browser.get(
                "/google/people/v1/people/me/connections", query_string=query, headers=self.headers
            )
            assert answer.status_code == 200, answer.text
            page = answer.get_json()
            found += page.get("connections", [])
            if "nextPageToken" not in page:
                return found, page["nextSyncToken"]
            query = query | {"pageToken": page["nextPageToken"]}

    def names(self) -> list[str]:
        return sorted(contact.name for contact in self.book.every(ALICE))

    @rule(given=st.sampled_from("ABC"))
    def create(self, given: str) -> None:
        self.book.create(
            ALICE, {"names": [{"givenName": given}], "phoneNumbers": [{"value": f"030 23125 {ord(given)}"}]}
        )

    @precondition(lambda self: self.names())
    @rule(pick=st.integers(0, 50), given=st.sampled_from("XYZ"))
    def rewrite(self, pick: int, given: str) -> None:
        name = self.names()[pick % len(self.names())]
        doc = self.book.get(ALICE, name).doc
        self.book.update(ALICE, name, {"names": [{"givenName": given}], "metadata": doc["metadata"]}, ["names"])

    @precondition(lambda self: self.names())
    @rule(pick=st.integers(0, 50))
    def delete(self, pick: int) -> None:
        self.book.delete(ALICE, self.names()[pick % len(self.names())])

    @precondition(lambda self: self.names())
    @rule(pick=st.integers(0, 50))
    def rename(self, pick: int) -> None:
        self.book.rename(ALICE, self.names()[pick % len(self.names())])

    @precondition(lambda self: len(self.names()) > 1)
    @rule(pick=st.integers(0, 50))
    def merge(self, pick: int) -> None:
        names = self.names()
        self.book.merge(ALICE, names[pick % len(names)], names[(pick + 1) % len(names)])

    @precondition(lambda self: self.names())
    @rule(pick=st.integers(0, 50), join=st.booleans())
    def regroup(self, pick: int, join: bool) -> None:
        name = self.names()[pick % len(self.names())]
        self.book.change_members(ALICE, self.group, [name] if join else [], [] if join else [name])

    @rule()
    def sync(self) -> None:
        if not self.token:
            found, self.token = self.list()
        else:
            found, self.token = self.list(syncToken=self.token)
        for person in found:
            metadata = person.pop("metadata", {})
            for former in metadata.get("previousResourceNames", ()):
                self.held.pop(former, None)
            if metadata.get("deleted"):
                self.held.pop(person["resourceName"], None)
            else:
                self.held[person["resourceName"]] = person
        assert self.held == {person["resourceName"]: person for person in self.list()[0]}


def test_increments_and_full_listings_of_contacts_agree_whatever_happens():
    run_state_machine_as_test(AddressBookLife, settings=settings(THOROUGH, phases=[Phase.explicit, Phase.generate]))
