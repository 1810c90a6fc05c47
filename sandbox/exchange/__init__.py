"""The pretend Exchange: EWS over SOAP, for people who sign in by NTLM or Basic; and the EWS of Exchange Online."""

from __future__ import annotations

from flask import Flask

from sandbox.clock import Clock
from sandbox.exchange.endpoint import Endpoint
from sandbox.exchange.ntlm import make_binding
from sandbox.exchange.site import Site
from sandbox.mailbox import Mailboxes
from sandbox.store import Store

PATH, ONLINE_PATH = "/EWS/Exchange.asmx", "/office365/EWS/Exchange.asmx"


class Online(Site):
    """Exchange Online's EWS. It has no password sign-in, and since October 2026 no EWS unless a tenant is listed.

    Reference: https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online
    """

    def __init__(self, store: Store, clock: Clock, mailboxes: Mailboxes) -> None:
        super().__init__(store, clock, mailboxes, name="office365", path=ONLINE_PATH, version="online")
        self.door.realm = ""
        self.shut()

    def shut(self) -> None:
        """As it is for everybody: no Basic, and no EWS."""
        self.auth, self.ews_enabled = ("Bearer",), False

    def allow(self, *, basic: bool = True, ews: bool = True) -> None:
        """A tenant on the list. basic alone: the password is taken, and then EWS is refused."""
        self.auth, self.ews_enabled = ("Bearer", "Basic") if basic else ("Bearer",), ews


class Exchange(Site):
    """The server on premises; `online` is the other one."""

    def __init__(self, store: Store, clock: Clock, mailboxes: Mailboxes) -> None:
        super().__init__(store, clock, mailboxes, name="exchange", path=PATH, version="2019")
        self.online = Online(store, clock, mailboxes)

    def install(self, app: Flask) -> None:
        """Add the routes."""
        for site in (self, self.online):
            app.register_blueprint(Endpoint(site).blueprint())

    def settle(self, base_url: str) -> None:
        """Say where the sandbox is reached."""
        self.base_url = self.online.base_url = base_url

    def protect(self, certificate_hash: bytes | None) -> None:
        """Extended Protection: NTLM must be bound to the certificate with this SHA-256; None switches it off.

        Reference: https://learn.microsoft.com/exchange/plan-and-deploy/post-installation-tasks/security-best-practices/exchange-extended-protection
        """
        self.door.binding = make_binding(certificate_hash) if certificate_hash else None

    def settings(self) -> dict[str, str]:
        """The product's settings that point it here."""
        return {"EXCHANGE_EWS_URL": self.url}


__all__ = ["Exchange", "Online", "Site"]
