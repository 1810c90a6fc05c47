"""A person's address book: search, groups, and one contact with its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.google.contacts import MY_CONTACTS, group_names
from sandbox.google.errors import GoogleError
from sandbox.google.person_shapes import SYSTEM_GROUPS, TAKES_MEMBERS, display_name
from sandbox.pages.home import get_person

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PAGE = 50
LINES = 3


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("contacts", __name__)
    book = sandbox.google.contacts

    def groups(email: str) -> list[tuple[str, str, bool, int]]:
        """(resource name, title, whether it is the person's own, members) of groups that take members."""
        counts = book.member_counts(email)
        return [
            (row["name"], SYSTEM_GROUPS.get(row["title"], row["title"]) if row["is_system"] else row["title"],
             not row["is_system"], counts.get(row["name"], 0))
            for row in book.groups(email) if not row["is_system"] or row["title"] in TAKES_MEMBERS
        ]  # fmt: skip

    def listing(email: str, problem: str = "") -> str:
        person = get_person(sandbox, email)
        query, group = request.args.get("q", "").casefold(), request.args.get("group", "")
        found = [
            contact for contact in book.every(person.email)
            if (not group or group in group_names(contact.doc)) and (not query or query in str(contact.doc).casefold())
        ]  # fmt: skip
        found.sort(key=lambda contact: display_name(contact.doc).casefold())
        number = max(1, request.args.get("page", 1, type=int))
        return render_template(
            "contacts.html", person=person, contacts=found[(number - 1) * PAGE : number * PAGE], total=len(found),
            groups=groups(person.email), group=group, query=request.args.get("q", ""), name=display_name, number=number,
            more=len(found) > number * PAGE, problem=problem,
        )  # fmt: skip

    @routes.get("/people/<email>/contacts")
    def show(email: str) -> str:
        return listing(email)

    def contact_page(email: str, name: str, problem: str = "", form: Any = None) -> str:
        person = get_person(sandbox, email)
        contact = book.find(person.email, name) if name else None
        if name and contact is None:
            abort(404, "This contact is not in the address book any more.")
        doc = contact.doc if contact else {}
        return render_template(
            "contact.html", person=person, name=name, doc=doc, title=display_name(doc) if doc else "New contact",
            groups=groups(person.email), members=group_names(doc) if doc else [MY_CONTACTS], problem=problem,
            form=form or _fill_form(doc), lines=range(LINES),
        )  # fmt: skip

    @routes.get("/people/<email>/contacts/new")
    def new(email: str) -> str:
        return contact_page(email, "")

    @routes.get("/people/<email>/contacts/<number>")
    def show_contact(email: str, number: str) -> str:
        return contact_page(email, f"people/{number}")

    @routes.post("/people/<email>/contacts/new")
    def add(email: str) -> Any:
        person = get_person(sandbox, email)
        try:
            doc = book.create(person.email, _read_form())
        except GoogleError as error:
            return contact_page(email, "", error.body["error"]["message"], request.form), 422
        return redirect(url_for(".show_contact", email=email, number=doc["resourceName"].partition("/")[2]), 303)

    @routes.post("/people/<email>/contacts/<number>")
    def change(email: str, number: str) -> Any:
        person, name = get_person(sandbox, email), f"people/{number}"
        contact = book.find(person.email, name)
        if contact is None:
            abort(404, "This contact is not in the address book any more.")
        body = _read_form() | {"etag": contact.doc["etag"], "metadata": contact.doc["metadata"]}
        fields = ["names", "organizations", "emailAddresses", "phoneNumbers", "memberships"]
        try:
            doc = book.update(person.email, contact.name, body, fields)
        except GoogleError as error:
            return contact_page(email, name, error.body["error"]["message"], request.form), 422
        return redirect(url_for(".show_contact", email=email, number=doc["resourceName"].partition("/")[2]), 303)

    @routes.post("/people/<email>/contacts/<number>/deletion")
    def delete(email: str, number: str) -> Any:
        try:
            book.delete(get_person(sandbox, email).email, f"people/{number}")
        except GoogleError:
            abort(404, "This contact is not in the address book any more.")
        return redirect(url_for(".show", email=email), 303)

    @routes.post("/people/<email>/groups")
    def add_group(email: str) -> Any:
        try:
            book.save_group(get_person(sandbox, email).email, request.form.get("title", ""))
        except GoogleError as error:
            return listing(email, error.body["error"]["message"]), 422
        return redirect(url_for(".show", email=email), 303)

    @routes.post("/people/<email>/groups/deletion")
    def delete_group(email: str) -> Any:
        try:
            book.delete_group(get_person(sandbox, email).email, request.form.get("group", ""))
        except GoogleError as error:
            return listing(email, error.body["error"]["message"]), 422
        return redirect(url_for(".show", email=email), 303)

    return routes


def _read_form() -> dict[str, Any]:
    form = request.form
    given, family = form.get("given", "").strip(), form.get("family", "").strip()
    company = form.get("company", "").strip()
    body: dict[str, Any] = {
        "names": [{"givenName": given, "familyName": family}] if given or family else [],
        "organizations": [{"name": company, "title": form.get("title", "").strip()}] if company else [],
        "memberships": [{"contactGroupMembership": {"contactGroupResourceName": g}} for g in form.getlist("group")],
    }
    for field, kinds in (("emailAddresses", "email"), ("phoneNumbers", "phone")):
        pairs = [(form.get(f"{kinds}{n}", "").strip(), form.get(f"{kinds}{n}_type", "")) for n in range(LINES)]
        body[field] = [{"value": value, "type": kind} for value, kind in pairs if value]
    return body


def _fill_form(doc: dict[str, Any]) -> dict[str, str]:
    first = {field: (doc.get(field) or [{}])[0] for field in ("names", "organizations")}
    form = {"given": first["names"].get("givenName", ""), "family": first["names"].get("familyName", ""),
            "company": first["organizations"].get("name", ""), "title": first["organizations"].get("title",
                "")}  # fmt: skip
    for field, kind in (("emailAddresses", "email"), ("phoneNumbers", "phone")):
        for n, entry in enumerate(doc.get(field, [])[:LINES]):
            form[f"{kind}{n}"], form[f"{kind}{n}_type"] = entry.get("value", ""), entry.get("type", "")
    return form
