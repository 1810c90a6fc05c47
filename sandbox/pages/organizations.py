"""Office 365's organizations: what their administrators decide; and what a person has allowed apps: My Apps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.microsoft.entra_scopes import WORDS
from sandbox.microsoft.entra_tenants import Tenant
from sandbox.microsoft.tokens import Client
from sandbox.pages.home import get_person
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.server import Sandbox

POLICIES = (
    ("", "Nothing more is asked"),
    ("mfa", "Everybody shows a second factor"),
    ("block", "Conditional Access lets nobody in"),
)
Grants = list[tuple[Client, list[tuple[str, str]], datetime]]


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("organizations", __name__)
    tenants, tokens = sandbox.office365.tenants, sandbox.office365.tokens

    def grants(email: str, *, for_everyone: bool = False) -> Grants:
        return [
            (client, [(scope, WORDS[scope].admin if for_everyone else WORDS[scope].person) for scope in scopes],
             datetime.fromtimestamp(since, UTC))
            for client, scopes, since in tokens.grants(email, for_everyone=for_everyone)
        ]  # fmt: skip

    # a person's

    @routes.get("/people/<email>/office365/apps")
    def show_apps(email: str) -> str:
        person = get_person(sandbox, email)
        return render_template(
            "microsoft/apps.html", person=person, tenant=tenants.of(person.email), grants=grants(person.email),
            common=grants(person.email, for_everyone=True), living=tokens.living(person.email),
        )  # fmt: skip

    @routes.post("/people/<email>/office365/apps/removal")
    def remove_app(email: str) -> Any:
        tokens.remove_grant(request.form.get("client", ""), get_person(sandbox, email).email)
        return redirect(url_for(".show_apps", email=email), 303)

    @routes.post("/people/<email>/office365/apps/sign-out")
    def sign_out(email: str) -> Any:
        """As after a new password."""
        tokens.revoke_account(get_person(sandbox, email).email)
        return redirect(url_for(".show_apps", email=email), 303)

    # an organization's

    def get_tenant(domain: str) -> tuple[Tenant, list[Person]]:
        people = [person for person in sandbox.store.people if person.email.endswith(f"@{domain.lower()}")]
        if not people:
            abort(404, "This sandbox knows nobody of that organization.")
        return tenants.of(people[0].email), people

    @routes.get("/tenants/<domain>")
    def show(domain: str) -> str:
        tenant, people = get_tenant(domain)
        return render_template(
            "microsoft/tenant.html", tenant=tenant, policies=POLICIES, words=WORDS,
            people=[(p, tenants.is_admin(p.email), tenants.is_assigned(p.email)) for p in people],
            grants=grants(people[0].email, for_everyone=True), client=tokens.first_client(),
        )  # fmt: skip

    @routes.post("/tenants/<domain>")
    def change(domain: str) -> Any:
        _, people = get_tenant(domain)
        form = request.form
        policy = form.get("access_policy", "")
        tenants.change(
            domain, user_consent=bool(form.get("user_consent")), needs_assignment=bool(form.get("needs_assignment")),
            access_policy=policy if policy in dict(POLICIES) else "",
            withheld=[scope for scope in form.getlist("withheld") if scope in WORDS],
        )  # fmt: skip
        for person in people:
            tenants.set_admin(person.email, on=person.email in form.getlist("admin"))
            tenants.assign(person.email, on=person.email in form.getlist("assigned"))
        return redirect(url_for(".show", domain=domain), 303)

    @routes.post("/tenants/<domain>/consent")
    def consent(domain: str) -> Any:
        """An administrator's, for everyone, without the walk through the admin consent page."""
        _, people = get_tenant(domain)
        client, scopes = tokens.first_client(), [scope for scope in request.form.getlist("scope") if scope in WORDS]
        if client and scopes:
            tokens.grant(client.id, people[0].email, scopes, for_everyone=True)
        return redirect(url_for(".show", domain=domain), 303)

    @routes.post("/tenants/<domain>/consent/removal")
    def remove_consent(domain: str) -> Any:
        _, people = get_tenant(domain)
        tokens.remove_grant(request.form.get("client", ""), people[0].email, for_everyone=True)
        return redirect(url_for(".show", domain=domain), 303)

    return routes
