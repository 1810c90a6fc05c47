"""The control API's part for mailboxes: events, contacts and folders of Office 365 and Exchange, and who may sign in.

Documents are as Graph has them, for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from sandbox import demo
from sandbox.mailbox import Mailbox, MailboxError
from sandbox.same_origin import check_same_origin

if TYPE_CHECKING:
    from sandbox.server import Sandbox

Json = tuple[Response, int]
STATUS = {"ErrorItemNotFound": 404, "ErrorFolderNotFound": 404, "ErrorIrresolvableConflict": 412}
# what an administrator of Exchange does to an account, by the name of Exchange's method
ACTS = ("lock", "unlock", "expire_password", "disable", "disable_ews", "move_to_cloud")


def body() -> dict[str, Any]:
    """The request's JSON object; an empty one for none."""
    values: dict[str, Any] = request.get_json(silent=True) or {}
    return values


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("control_mailboxes", __name__, url_prefix="/_control")
    routes.before_request(check_same_origin)

    @routes.errorhandler(MailboxError)
    def refuse(error: MailboxError) -> Json:
        return jsonify(error=error.code, message=error.message), STATUS.get(error.code, 400)

    @routes.errorhandler(KeyError)
    @routes.errorhandler(TypeError)
    @routes.errorhandler(ValueError)
    def refuse_values(error: Exception) -> Json:
        return jsonify(error=str(error)), 400

    for name in ("office365", "exchange"):
        _add_mailbox(routes, sandbox, name)
    _add_office365(routes, sandbox)
    _add_exchange(routes, sandbox)
    return routes


def _add_mailbox(routes: Blueprint, sandbox: Sandbox, site: str) -> None:
    def mailbox(email: str) -> Mailbox:
        return sandbox.mailboxes.open(site, email)

    def find_events(email: str) -> Response:
        """?title=: events and series of that title, in whichever of the person's calendars."""
        box, title = mailbox(email), request.args.get("title", "")
        rows = [row for folder in box.folders("calendar") for row in box.event_rows(folder.id)]
        return jsonify([doc for doc in (row.load() for row in rows) if doc["subject"] == title])

    def add_event(email: str) -> Json:
        return jsonify(mailbox(email).add_event(body(), request.args.get("folder", ""))), 201

    def change_event(email: str, item: str) -> Response:
        return jsonify(mailbox(email).change_event(item, body()))

    def delete_event(email: str, item: str) -> tuple[str, int]:
        mailbox(email).delete_event(item)
        return "", 204

    def find_contacts(email: str) -> Response:
        """?name=: contacts of that display name, in whichever of the person's folders."""
        box, name = mailbox(email), request.args.get("name", "")
        rows = [row for folder in box.folders("contacts") for row in box.contact_rows(folder.id)]
        return jsonify([doc for doc in (row.load() for row in rows) if doc["displayName"] == name])

    def add_contact(email: str) -> Json:
        return jsonify(mailbox(email).add_contact(body(), request.args.get("folder", ""))), 201

    def change_contact(email: str, item: str) -> Response:
        return jsonify(mailbox(email).change_contact(item, body()))

    def move_contact(email: str, item: str) -> Response:
        """{"folder": id}"""
        return jsonify(mailbox(email).move_contact(item, body()["folder"]))

    def delete_contact(email: str, item: str) -> tuple[str, int]:
        mailbox(email).delete_contact(item)
        return "", 204

    def list_folders(email: str) -> Response:
        return jsonify([folder.contact_folder() for folder in mailbox(email).folders()])

    def add_folder(email: str) -> Json:
        """{"name", "parent": id}"""
        values = body()
        return jsonify(mailbox(email).add_folder(values["name"], values.get("parent", "")).contact_folder()), 201

    def rename_folder(email: str, item: str) -> Response:
        return jsonify(mailbox(email).rename_folder(item, body()["name"]).contact_folder())

    def delete_folder(email: str, item: str) -> tuple[str, int]:
        mailbox(email).delete_folder(item)
        return "", 204

    def add_bulk(email: str) -> Json:
        """{"events": 10000, "contacts": 10000}"""
        values = body()
        made = demo.bulk_mailbox(
            mailbox(email), events=int(values.get("events", 0)), contacts=int(values.get("contacts", 0))
        )
        return jsonify(made), 201

    for path, method, view in (
        ("events", "GET", find_events), ("events", "POST", add_event), ("events/<item>", "PATCH", change_event),
        ("events/<item>", "DELETE", delete_event),
        ("contacts", "GET", find_contacts), ("contacts", "POST", add_contact),
        ("contacts/<item>", "PATCH", change_contact), ("contacts/<item>", "DELETE", delete_contact),
        ("contacts/<item>/folder", "POST", move_contact), ("folders", "GET", list_folders),
        ("folders", "POST", add_folder), ("folders/<item>", "PATCH", rename_folder),
        ("folders/<item>", "DELETE", delete_folder), ("bulk", "POST", add_bulk),
    ):  # fmt: skip
        routes.add_url_rule(f"/{site}/<email>/{path}", f"{site}_{view.__name__}", view, methods=[method])


def _add_office365(routes: Blueprint, sandbox: Sandbox) -> None:
    office365 = sandbox.office365

    @routes.post("/office365/<email>/tokens")
    def issue_tokens(email: str) -> Json:
        """{"scopes": [...]}: tokens as after consent, for tests that do not want to click."""
        issued = office365.tokens.issue(email, body().get("scopes", []))
        return jsonify(access_token=issued.access, refresh_token=issued.refresh), 201

    @routes.post("/office365/<email>/account")
    def change_account(email: str) -> Response:
        """{"admin": true, "assigned": true}: whether they consent for everyone, whether the app is assigned to them."""
        values = body()
        if "admin" in values:
            office365.tenants.set_admin(email, on=bool(values["admin"]))
        if "assigned" in values:
            office365.tenants.assign(email, on=bool(values["assigned"]))
        return jsonify(admin=office365.tenants.is_admin(email), assigned=office365.tenants.is_assigned(email))

    @routes.get("/office365/tenants/<domain>")
    def show_tenant(domain: str) -> Response:
        tenant = office365.tenants.of(f"anyone@{domain}")
        return jsonify(
            id=tenant.id, domain=tenant.domain, name=tenant.name, user_consent=tenant.user_consent,
            needs_assignment=tenant.needs_assignment, access_policy=tenant.access_policy,
            withheld=sorted(tenant.withheld),
        )  # fmt: skip

    @routes.post("/office365/tenants/<domain>")
    def change_tenant(domain: str) -> Response:
        """{"user_consent": true, "needs_assignment": false, "access_policy": "mfa", "withheld": ["Contacts.Read"]}"""
        office365.tenants.change(domain, **body())
        return show_tenant(domain)

    @routes.post("/office365/clients")
    def register_client() -> Json:
        """{"id", "secret", "redirect_uris", "name", "certificate": PEM, "tenant", "secret_expires": seconds}"""
        values = body()
        known = (values.pop("id"), values.pop("secret"), values.pop("redirect_uris"))
        return jsonify(id=office365.tokens.register(*known, **values).id), 201


def _add_exchange(routes: Blueprint, sandbox: Sandbox) -> None:
    exchange = sandbox.exchange

    @routes.post("/exchange/<email>/account")
    def add_account(email: str) -> Json:
        """{"password", "user", "domain", "upn"}: an account, or a change of one; {"act": …}: one of ACTS."""
        values = body()
        act = values.pop("act", "")
        if act:
            if act not in ACTS:
                raise ValueError(f"An act is one of {', '.join(ACTS)}.")
            getattr(exchange, act)(email)
        else:
            exchange.add_person(email, **values)
        account = exchange.account(email)
        return jsonify(logon=account.logon, upn=account.upn, state=account.state, bad_tries=account.bad_tries), 201

    @routes.post("/exchange/server")
    def change_server() -> Response:
        """{"version": "2013_SP1", "auth": ["NTLM"], "online": {"basic": true, "ews": true}}; null shuts that."""
        values = body()
        if "version" in values:
            exchange.use_version(values["version"])
        if "auth" in values:
            exchange.auth = tuple(values["auth"])
        if "online" in values and values["online"] is None:
            exchange.online.shut()
        elif "online" in values:
            exchange.online.allow(**values["online"])
        return jsonify(
            version=exchange.version.name, auth=list(exchange.auth),
            online={"auth": list(exchange.online.auth), "ews": exchange.online.ews_enabled},
        )  # fmt: skip
