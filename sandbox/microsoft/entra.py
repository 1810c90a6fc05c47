"""Entra ID where people see it: pick an account, show a second factor, consent, or learn that an administrator must.

Reference: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
Reference: https://learn.microsoft.com/entra/identity-platform/v2-admin-consent
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, redirect, render_template, request

from sandbox.microsoft.entra_errors import EntraError
from sandbox.microsoft.entra_pending import Asked, Pending
from sandbox.microsoft.entra_scopes import GRAPH, parse_scopes
from sandbox.microsoft.entra_token import encode_client_info, find_tenant
from sandbox.microsoft.tokens import Client
from sandbox.same_origin import check_same_origin
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.microsoft import Office365

COOKIE = "sandbox_entra_accounts"
# what ".default" stands for: the permissions in the app's registration
REGISTERED = ("User.Read", "Calendars.ReadWrite", "Contacts.ReadWrite")


class Authorization:
    """The pages, and what leads from one to the next."""

    def __init__(self, office365: Office365) -> None:
        self.office365, self.tenants, self.tokens = office365, office365.tenants, office365.tokens
        self._clock, self._pending = office365.clock, Pending(office365.store, office365.clock)

    def blueprint(self) -> Blueprint:
        routes = Blueprint("entra", __name__, url_prefix="/microsoft")
        routes.add_url_rule("/<tenant>/oauth2/v2.0/authorize", view_func=self.authorize, methods=["GET"])
        routes.add_url_rule("/<tenant>/v2.0/adminconsent", view_func=self.approve, methods=["GET"])
        routes.add_url_rule("/page/accounts", view_func=self.show_accounts, methods=["GET"])
        for name, view in (("choice", self.choose), ("proof", self.prove), ("consent", self.decide)):
            routes.add_url_rule(f"/page/{name}", name, view, methods=["POST"])
        routes.register_error_handler(EntraError, self._show_refusal)
        return routes

    # the ways in

    def authorize(self, tenant: str) -> Any:
        asked = self._read_request(tenant, request.args)
        if request.args.get("response_type") != "code":
            raise EntraError(900144, {"name": "response_type"})
        scopes = parse_scopes(asked["scope"])
        if scopes.unknown or not (scopes.graph or scopes.sign_in or scopes.is_default):
            client = self._client(asked)
            missing = {"app": client.name, "scope": " ".join(scopes.unknown)}
            return self._send_back(asked, EntraError(650053 if scopes.unknown else 70011, missing))
        prompts = asked["prompt"].split()
        if "none" in prompts:
            return self._answer_silently(asked)
        hinted, known = self._find_person(asked["login_hint"]), self._signed_in()
        pending = self._pending.add(asked)
        if hinted and not {"select_account", "login"}.intersection(prompts):
            return self._go_on(pending, asked, hinted)
        if len(known) == 1 and not prompts and not asked["login_hint"] and self._may_choose(asked, known[0]):
            return self._go_on(pending, asked, known[0])
        return self._account_page(pending, asked)

    def approve(self, tenant: str) -> Any:
        """Consent for everyone in a tenant, for who administers it."""
        asked = self._read_request(tenant, request.args) | {"is_approval": True}
        return self._account_page(self._pending.add(asked), asked)

    def _read_request(self, segment: str, query: Mapping[str, str]) -> Asked:
        """What the app asks for. Raises EntraError while there is no address that can be trusted to be sent back to."""
        tenant = find_tenant(self.tenants, segment)
        get = query.get
        client = self.tokens.find_client(get("client_id", ""))
        where = {"client": get("client_id", ""), "tenant": tenant.name if tenant else "Microsoft"}
        if client is None:
            raise EntraError(700016, where)
        if get("redirect_uri", "") not in client.redirect_uris:
            raise EntraError(50011, where | {"redirect_uri": get("redirect_uri", "")})
        if client.tenant and tenant is None:
            raise EntraError(50194, where | {"app": client.name})
        if client.tenant and tenant and tenant.id != client.tenant:
            raise EntraError(700016, where)
        if get("response_mode", "query") not in ("query", "fragment"):
            raise EntraError(900144, {"name": "response_mode"})
        names = ("redirect_uri", "scope", "state", "prompt", "login_hint", "nonce", "code_challenge", "claims",
                 "client_info", "response_mode")  # fmt: skip
        method = get("code_challenge_method", "plain") if get("code_challenge") else ""
        return {name: get(name, "") for name in names} | {
            "client_id": client.id, "tenant": tenant.id if tenant else "", "code_challenge_method": method,
            "is_approval": False, "is_strong": False,
        }  # fmt: skip

    def _answer_silently(self, asked: Asked) -> Any:
        known = self._signed_in()
        person = self._find_person(asked["login_hint"]) or (known[0] if len(known) == 1 else None)
        if person is None or person not in known:
            return self._send_back(asked, EntraError(50058))
        client = self._client(asked)
        if problem := self._find_problem(asked, client, person):
            return self._send_back(asked, problem)
        if self._needs_consent(asked, client, person):
            return self._send_back(asked, EntraError(65001, {"client": client.id, "app": client.name}))
        return self._grant(asked, person)

    # choosing an account

    def show_accounts(self) -> Any:
        """Again, with another account."""
        pending = request.args.get("pending", "")
        return self._account_page(pending, self._pending.get(pending))

    def _account_page(self, pending: str, asked: Asked) -> str:
        known, hinted = self._signed_in(), self._find_person(asked["login_hint"])
        people = [person for person in self.office365.people if self._may_choose(asked, person)]
        people.sort(key=lambda person: (person != hinted, person not in known))
        return render_template(
            "microsoft/choose.html", pending=pending, client=self._client(asked).name, known=known,
            people=[(person, self.tenants.of(person.email), self.tenants.is_admin(person.email)) for person in people],
            is_approval=asked["is_approval"],
        )  # fmt: skip

    def _may_choose(self, asked: Asked, person: Person) -> bool:
        return asked["tenant"] in ("", self.tenants.of(person.email).id)

    def choose(self) -> Any:
        check_same_origin()
        pending, asked, person = self._read_form()
        return self._remember(self._go_on(pending, asked, person), person)

    def prove(self) -> Any:
        """The second factor, shown."""
        check_same_origin()
        pending, asked, person = self._read_form()
        asked["is_strong"] = True
        self._pending.change(pending, asked)
        return self._remember(self._go_on(pending, asked, person), person)

    # from an account to the app's permission

    def _go_on(self, pending: str, asked: Asked, person: Person) -> Any:
        client = self._client(asked)
        problem = self._find_problem(asked, client, person)
        if problem is not None and problem.code.sent_back == "interaction_required":
            return render_template("microsoft/proof.html", pending=pending, person=person, client=client.name)
        if problem is not None:
            return self._show_dead_end(asked, client, problem)
        may_approve = self.tenants.is_admin(person.email)
        if asked["is_approval"]:
            page = self._consent_page if may_approve else self._approval_page
            return page(pending, asked, person)
        if not self._needs_consent(asked, client, person):
            self._pending.forget(pending)
            return self._grant(asked, person)
        if self.tenants.of(person.email).user_consent or may_approve or not self._missing(asked, client, person):
            return self._consent_page(pending, asked, person)
        return self._approval_page(pending, asked, person)

    def _find_problem(self, asked: Asked, client: Client, person: Person) -> EntraError | None:
        """What keeps this account from this app, whatever it would consent to."""
        tenant = self.tenants.of(person.email)
        named = {"client": client.id, "app": client.name, "tenant": tenant.name, "email": person.email,
                 "home": f"https://sts.windows.net/{tenant.id}/"}  # fmt: skip
        if not self._may_choose(asked, person):
            there = self.tenants.find(asked["tenant"])
            return EntraError(50020, named | {"tenant": there.name if there else ""})
        if asked["is_approval"]:
            return None
        if tenant.needs_assignment and not self.tenants.is_assigned(person.email):
            return EntraError(50105, named)
        if tenant.access_policy == "block":
            return EntraError(53003)
        wants_more = "polids" in asked["claims"]
        if (tenant.access_policy == "mfa" or wants_more) and not asked["is_strong"]:
            return EntraError(50076)
        return None

    def _missing(self, asked: Asked, client: Client, person: Person) -> set[str]:
        return set(parse_scopes(asked["scope"]).graph) - set(self.tokens.granted(client.id, person.email))

    def _needs_consent(self, asked: Asked, client: Client, person: Person) -> bool:
        held = self.tokens.granted(client.id, person.email)
        return "consent" in asked["prompt"].split() or not held or bool(self._missing(asked, client, person))

    def _consent_page(self, pending: str, asked: Asked, person: Person) -> str:
        shown = parse_scopes(" ".join([*self._scopes(asked), *asked["scope"].split()]))
        return render_template(
            "microsoft/consent.html", pending=pending, person=person, client=self._client(asked).name,
            tenant=self.tenants.of(person.email), lines=shown.words, is_approval=asked["is_approval"],
            may_approve=self.tenants.is_admin(person.email), host=urlsplit(asked["redirect_uri"]).netloc,
        )  # fmt: skip

    def _approval_page(self, pending: str, asked: Asked, person: Person) -> str:
        return render_template(
            "microsoft/approval.html", pending=pending, person=person, client=self._client(asked).name,
            tenant=self.tenants.of(person.email),
        )  # fmt: skip

    def _show_dead_end(self, asked: Asked, client: Client, problem: EntraError) -> tuple[str, int]:
        """Entra ID leaves people here. The link back is this sandbox's own, for who wants to see what the app says."""
        values = problem.send_back(self._clock.now())
        link = _join(asked, self._with_state(asked, values))
        return render_template("microsoft/refused.html", problem=problem, client=client.name, link=link), 403

    def decide(self) -> Any:
        check_same_origin()
        pending, asked, person = self._read_form()
        client, decision = self._client(asked), request.form.get("decision", "")
        tenant = self.tenants.of(person.email)
        self._pending.forget(pending)
        if decision == "return":
            return self._send_back(asked, EntraError(90094, {"app": client.name, "tenant": tenant.name}))
        if decision != "accept":
            return self._send_back(asked, EntraError(65004))
        may_approve = self.tenants.is_admin(person.email)
        if (
            not may_approve
            and (asked["is_approval"] or not tenant.user_consent)
            and self._missing(asked, client, person)
        ):
            return self._send_back(asked, EntraError(90094, {"app": client.name, "tenant": tenant.name}))
        for_everyone = may_approve and (asked["is_approval"] or bool(request.form.get("everyone")))
        scopes = self._scopes(asked)
        self.tokens.grant(client.id, person.email, scopes, for_everyone=for_everyone)
        if not asked["is_approval"]:
            return self._remember(self._grant(asked, person), person)
        granted = " ".join(f"{GRAPH}{scope}" for scope in scopes)
        values = {"admin_consent": "True", "tenant": tenant.id, "scope": granted}
        return self._remember(redirect(_join(asked, self._with_state(asked, values)), 303), person)

    @staticmethod
    def _scopes(asked: Asked) -> list[str]:
        """Short names of what is to be consented to; signing in needs User.Read at least."""
        scopes = parse_scopes(asked["scope"])
        default = REGISTERED if scopes.is_default else ()
        return list(dict.fromkeys([*scopes.graph, *default])) or ["User.Read"]

    def _grant(self, asked: Asked, person: Person) -> Any:
        code = self.tokens.issue_code(
            asked["client_id"], person.email, asked["scope"], asked["redirect_uri"], challenge=asked["code_challenge"],
            method=asked["code_challenge_method"], nonce=asked["nonce"], is_strong=asked["is_strong"],
        )  # fmt: skip
        values = {"code": code}
        if asked["client_info"]:
            values["client_info"] = encode_client_info(person.email, self.tenants.of(person.email))
        return redirect(_join(asked, self._with_state(asked, values) | {"session_state": str(uuid.uuid4())}), 303)

    def _send_back(self, asked: Asked, problem: EntraError) -> Response:
        values = problem.send_back(self._clock.now())
        return redirect(_join(asked, self._with_state(asked, values)), 303)  # type: ignore[return-value]

    @staticmethod
    def _with_state(asked: Asked, values: dict[str, str]) -> dict[str, str]:
        if asked["is_approval"]:
            values = values | {"admin_consent": "True"}
        return values | {"state": asked["state"]} if asked["state"] else values

    def refuse(self, path: str, query: Mapping[str, str], problem: EntraError) -> Response | None:
        """A fault's answer to a request for authorization; None where its redirect address cannot be trusted."""
        try:
            asked = self._read_request(path.split("/")[2], query)
        except EntraError:
            return None
        return self._send_back(asked | {"is_approval": path.endswith("/adminconsent")}, problem)

    # who is there

    def _read_form(self) -> tuple[str, Asked, Person]:
        pending = request.form.get("pending", "")
        asked, person = self._pending.get(pending), self._find_person(request.form.get("email", ""))
        if person is None:
            raise EntraError(50034, {"tenant": "Microsoft"})
        return pending, asked, person

    def _client(self, asked: Asked) -> Client:
        client = self.tokens.find_client(asked["client_id"])
        if client is None:
            raise EntraError(700016, {"client": asked["client_id"], "tenant": "Microsoft"})
        return client

    def _find_person(self, hint: str) -> Person | None:
        return self.office365.people.find(hint) if "@" in hint else None

    def _signed_in(self) -> list[Person]:
        found = [self._find_person(email) for email in request.cookies.get(COOKIE, "").split("|")]
        return [person for person in found if person]

    def _remember(self, answer: Any, person: Person) -> Response:
        response = answer if isinstance(answer, Response) else _to_response(answer)
        emails = [person.email, *(other.email for other in self._signed_in() if other != person)]
        response.set_cookie(COOKIE, "|".join(emails[:10]), httponly=True, samesite="Lax", path="/microsoft/")
        return response

    def _show_refusal(self, problem: EntraError) -> tuple[str, int]:
        return render_template("microsoft/refused.html", problem=problem, client="", link=""), 400


def _to_response(answer: Any) -> Response:
    """A page, or a page with its status."""
    return Response(*answer) if isinstance(answer, tuple) else Response(answer)


def _join(asked: Asked, values: dict[str, str]) -> str:
    joint = "#" if asked["response_mode"] == "fragment" else "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return f"{asked['redirect_uri']}{joint}{urlencode(values)}"
