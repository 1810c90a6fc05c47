"""The pretend Exchange's administration: a person's account and password, and which server it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.exchange.directory import Account
from sandbox.exchange.versions import VERSIONS
from sandbox.pages.home import get_person
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.server import Sandbox

SCHEMES = ("Negotiate", "NTLM", "Basic")
ONLINE = (
    ("shut", "EWS and passwords are off, as for everybody"),
    ("password", "takes a password, then refuses EWS"),
    ("open", "takes a password and speaks EWS, as for an organization on Microsoft's list"),
)


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("exchange", __name__)
    exchange = sandbox.exchange

    def reach(email: str) -> tuple[Person, Account]:
        person = get_person(sandbox, email)
        account = exchange.directory.find_by_email(person.email)
        if account is None:
            abort(404, "This person has no account at the pretend Exchange yet.")
        return person, account

    @routes.get("/people/<email>/exchange/account")
    def show(email: str) -> str:
        person = get_person(sandbox, email)
        account = exchange.directory.find_by_email(person.email)
        return render_template("exchange/account.html", person=person, account=account, url=exchange.url)

    @routes.post("/people/<email>/exchange/account")
    def save(email: str) -> Any:
        """A new account, or a new password for one."""
        person, form = get_person(sandbox, email), request.form
        if exchange.directory.find_by_email(person.email) is None:
            exchange.add_person(person.email, password=form.get("password", ""), domain=form.get("domain", "").strip())
        elif form.get("password"):
            exchange.set_password(person.email, form["password"])
        return redirect(url_for(".show", email=email), 303)

    @routes.post("/people/<email>/exchange/account/acts")
    def act(email: str) -> Any:
        _, account = reach(email)
        directory = exchange.directory
        match request.form.get("act", ""):
            case "lock":
                exchange.lock(account.email)
            case "unlock" | "enable":
                exchange.unlock(account.email)
            case "expire":
                exchange.expire_password(account.email)
            case "disable":
                exchange.disable(account.email)
            case "ews-off" | "ews-on" as which:
                directory.set_ews(account.email, enabled=which == "ews-on")
            case "to-cloud" | "from-cloud" as which:
                directory.set_moved(account.email, moved=which == "to-cloud")
            case _:
                abort(400, "Nothing is called that here.")
        return redirect(url_for(".show", email=email), 303)

    @routes.get("/exchange")
    def show_server() -> str:
        online = exchange.online
        state = "shut" if "Basic" not in online.auth else "open" if online.ews_enabled else "password"
        return render_template(
            "exchange/server.html", version=exchange.version, versions=VERSIONS.values(), schemes=SCHEMES,
            offered=exchange.auth, url=exchange.url, online=state, states=ONLINE, online_url=online.url,
            accounts=exchange.directory.everyone(),
        )  # fmt: skip

    @routes.post("/exchange")
    def change_server() -> Any:
        form = request.form
        if form.get("version") in VERSIONS:
            exchange.use_version(form["version"])
        exchange.auth = tuple(scheme for scheme in SCHEMES if scheme in form.getlist("scheme"))
        if form.get("online", "shut") == "shut":
            exchange.online.shut()
        else:
            exchange.online.allow(basic=True, ews=form["online"] == "open")
        return redirect(url_for(".show_server"), 303)

    return routes
