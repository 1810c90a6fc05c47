"""The pretend Office 365: Entra ID below /microsoft/, Graph below /graph/, and everyone's mailbox."""

from __future__ import annotations

import secrets
from typing import Any
from urllib.parse import urlsplit

from flask import Flask

from sandbox.clock import Clock
from sandbox.faults import Face
from sandbox.mailbox import Mailbox, Mailboxes
from sandbox.microsoft.entra import Authorization
from sandbox.microsoft.entra_tenants import Tenant, Tenants
from sandbox.microsoft.entra_token import TokenService
from sandbox.microsoft.entra_trouble import EntraFace
from sandbox.microsoft.graph import Graph
from sandbox.microsoft.graph_trouble import GraphFace
from sandbox.microsoft.tokens import Client, Tokens
from sandbox.store import Person, Store

CLIENT_ID = "b7c1f0de-5a0d-4b0e-9a53-70727469636f"
SITE = "office365"
APPROVED = "/integrations/admin-consent/"  # where an administrator's consent leads back to, at the product


class Office365:
    """State and routes. Tests reach the state by Python; everything else comes by HTTP."""

    def __init__(self, store: Store, clock: Clock, mailboxes: Mailboxes) -> None:
        self.store, self.clock, self.mailboxes = store, clock, mailboxes
        self.people = store.people
        self.tenants = Tenants(store)
        self.tokens = Tokens(store, clock, self.tenants)
        self.authorization, self.service = Authorization(self), TokenService(self)
        self.graph = Graph(self)
        self.base_url = self.tls_url = ""

    def install(self, app: Flask) -> None:
        """Add the routes."""
        for part in (self.authorization, self.service, self.graph):
            app.register_blueprint(part.blueprint())

    def faces(self) -> list[Face]:
        """How its parts word their trouble."""
        return [GraphFace(self), EntraFace(self)]

    def settle(self, base_url: str, tls_url: str) -> None:
        """Say where the sandbox is reached, by http and by https."""
        self.base_url, self.tls_url = base_url, tls_url
        self.graph.open_events_at(f"{base_url}/office365/event?itemid=")

    def register_default_client(self, redirect_uris: list[str], *, client_id: str = "", secret: str = "") -> Client:
        """The client the product uses; without a secret it keeps the one it has, or gets a random one."""
        client_id = client_id or CLIENT_ID
        known = self.tokens.find_client(client_id)
        secret = secret or (known.secret if known else secrets.token_urlsafe(30))
        approvals = [f"{parts.scheme}://{parts.netloc}{APPROVED}" for parts in map(urlsplit, redirect_uris)]
        uris = list(dict.fromkeys([*redirect_uris, *approvals])) or list(known.redirect_uris if known else ())
        return self.tokens.register(client_id, secret, uris)

    def trust_certificate(self, certificates: str) -> None:
        """Let the product's client show these certificates (PEM) instead of its secret."""
        client = self.tokens.first_client()
        assert client is not None
        self.tokens.register(
            client.id, client.secret, list(client.redirect_uris), name=client.name, certificate=certificates,
            tenant=client.tenant,
        )  # fmt: skip

    def settings(self) -> dict[str, str]:
        """The product's settings that point it here."""
        client = self.tokens.first_client()
        return {
            "OFFICE365_CLIENT_ID": client.id if client else "",
            "OFFICE365_CLIENT_SECRET": client.secret if client else "",
            "OFFICE365_AUTHORITY": f"{self.tls_url}/microsoft/organizations",
            "OFFICE365_INSTANCE_DISCOVERY": "0",
            "OFFICE365_AUTHORIZE_URL": f"{self.base_url}/microsoft/organizations/oauth2/v2.0/authorize",
            "OFFICE365_GRAPH_ROOT": f"{self.tls_url}/graph/v1.0/",
            "OFFICE365_EWS_URL": f"{self.tls_url}/office365/EWS/Exchange.asmx",
        }

    # short ways for tests and demonstration data

    def add_person(self, email: str, **facts: str) -> Person:
        """name, organization, timezone, region."""
        return self.people.add(email, **facts)

    def tenant_of(self, email: str) -> Tenant:
        return self.tenants.of(email)

    def mailbox(self, email: str) -> Mailbox:
        return self.mailboxes.open(SITE, email)

    def add_event(self, email: str, doc: dict[str, Any]) -> dict[str, Any]:
        """As if the person had made it; doc as Graph has it."""
        return self.mailbox(email).add_event(doc)

    def change_event(self, email: str, event_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        return self.mailbox(email).change_event(event_id, patch)

    def delete_event(self, email: str, event_id: str) -> None:
        self.mailbox(email).delete_event(event_id)

    def add_folder(self, email: str, name: str, parent: str = "") -> str:
        """A contact folder; its id. parent: an id, "" for the top."""
        return self.mailbox(email).add_folder(name, parent).id

    def rename_folder(self, email: str, folder_id: str, name: str) -> None:
        self.mailbox(email).rename_folder(folder_id, name)

    def delete_folder(self, email: str, folder_id: str) -> None:
        self.mailbox(email).delete_folder(folder_id)

    def add_contact(self, email: str, doc: dict[str, Any], folder: str = "") -> dict[str, Any]:
        """In the default folder unless an id of another is given."""
        return self.mailbox(email).add_contact(doc, folder)

    def change_contact(self, email: str, contact_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        return self.mailbox(email).change_contact(contact_id, patch)

    def move_contact(self, email: str, contact_id: str, folder: str) -> None:
        self.mailbox(email).move_contact(contact_id, folder)

    def delete_contact(self, email: str, contact_id: str) -> None:
        self.mailbox(email).delete_contact(contact_id)

    def expire_sync(self, email: str) -> None:
        """Every delta link this person's clients hold is void from now on."""
        self.mailbox(email).expire_sync()

    def expire_access(self, email: str = "") -> None:
        """Every access token (of one person) has expired; refresh tokens live."""
        self.tokens.expire_access(email)

    def revoke_account(self, email: str) -> None:
        """Every token of the person is void, as after a new password: the next refresh says AADSTS50173."""
        self.tokens.revoke_account(email)
