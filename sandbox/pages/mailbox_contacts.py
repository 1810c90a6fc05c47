"""A person's contacts at Office 365 or Exchange: the folder tree, search, and one contact with its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, abort, redirect, render_template, request, url_for

from sandbox.mailbox import Folder, Mailbox, MailboxError
from sandbox.pages.mailbox_calendar import SITES, get_mailbox

if TYPE_CHECKING:
    from sandbox.server import Sandbox

PAGE = 50
TEXTS = (("givenName", "First name"), ("surname", "Last name"), ("companyName", "Company"), ("jobTitle", "Job title"),
         ("mobilePhone", "Mobile phone"))  # fmt: skip
LISTS = (("businessPhones", "Business phone", 2), ("homePhones", "Home phone", 2), ("emails", "E-mail", 3))


def make_blueprint(sandbox: Sandbox) -> Blueprint:
    routes = Blueprint("mailbox_contacts", __name__)
    base = "/people/<email>/<any(office365, exchange):site>"

    def listing(email: str, site: str, problem: str = "") -> str:
        person, mailbox = get_mailbox(sandbox, email, site)
        folder, query = request.args.get("folder", ""), request.args.get("q", "")
        tree = _draw_tree(mailbox)
        found = [
            contact for one in ([folder] if folder else [branch.id for branch, _, _ in tree])
            for contact in mailbox.contacts(one) if query.casefold() in str(list(contact.values())).casefold()
        ]  # fmt: skip
        found.sort(key=lambda contact: str(contact["displayName"] or contact["fileAs"]).casefold())
        number = max(1, request.args.get("page", 1, type=int))
        return render_template(
            "mailbox/contacts.html", person=person, site=site, service=SITES[site], tree=tree, folder=folder,
            chosen=next((branch for branch, _, _ in tree if branch.id == folder), None), query=query,
            contacts=found[(number - 1) * PAGE : number * PAGE], total=len(found), number=number,
            more=len(found) > number * PAGE, problem=problem, root=mailbox.root_id,
        )  # fmt: skip

    @routes.get(f"{base}/contacts")
    def show(email: str, site: str) -> str:
        return listing(email, site)

    # folders

    @routes.post(f"{base}/folders")
    def add_folder(email: str, site: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        try:
            made = mailbox.add_folder(request.form.get("name", "").strip(), request.form.get("parent", ""))
        except MailboxError as error:
            return listing(email, site, error.message), 422
        return redirect(url_for(".show", email=email, site=site, folder=made.id), 303)

    @routes.post(f"{base}/folders/change")
    def change_folder(email: str, site: str) -> Any:
        """Its name and where it is."""
        _, mailbox = get_mailbox(sandbox, email, site)
        folder, parent = request.form.get("folder", ""), request.form.get("parent", "")
        try:
            known = mailbox.get_folder(folder)
            if parent and parent != known.parent:
                mailbox.move_folder(folder, parent)
            if request.form.get("name", "").strip() != known.name:
                mailbox.rename_folder(folder, request.form.get("name", "").strip())
        except MailboxError as error:
            return listing(email, site, error.message), 422
        return redirect(url_for(".show", email=email, site=site, folder=folder), 303)

    @routes.post(f"{base}/folders/deletion")
    def delete_folder(email: str, site: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        try:
            mailbox.delete_folder(request.form.get("folder", ""))
        except MailboxError as error:
            return listing(email, site, error.message), 422
        return redirect(url_for(".show", email=email, site=site), 303)

    # one contact

    def contact_page(email: str, site: str, item: str, problem: str = "", form: Any = None) -> str:
        person, mailbox = get_mailbox(sandbox, email, site)
        doc = mailbox.find_contact(item) if item else {}
        if doc is None:
            abort(404, "This contact is not in the address book any more.")
        row = mailbox.find_contact_row(item) if item else None
        folder = row.folder if row else request.args.get("folder") or mailbox.contacts_id
        return render_template(
            "mailbox/contact.html", person=person, site=site, service=SITES[site], item=item, doc=doc, folder=folder,
            title=(doc.get("displayName") or doc.get("fileAs") or "(no name)") if item else "New contact",
            tree=_draw_tree(mailbox), form=form or _fill_form(doc), problem=problem, texts=TEXTS, lists=LISTS,
        )  # fmt: skip

    @routes.get(f"{base}/contacts/new")
    def new(email: str, site: str) -> str:
        return contact_page(email, site, "")

    @routes.get(f"{base}/contacts/<item>")
    def show_contact(email: str, site: str, item: str) -> str:
        return contact_page(email, site, item)

    @routes.post(f"{base}/contacts/new")
    def add(email: str, site: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        try:
            doc = mailbox.add_contact(_read_form(), request.form.get("folder", ""))
        except MailboxError as error:
            return contact_page(email, site, "", error.message, request.form), 422
        return redirect(url_for(".show_contact", email=email, site=site, item=doc["id"]), 303)

    @routes.post(f"{base}/contacts/<item>")
    def change(email: str, site: str, item: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        row, folder = mailbox.find_contact_row(item), request.form.get("folder", "")
        if row is None:
            abort(404, "This contact is not in the address book any more.")
        try:
            mailbox.change_contact(item, _read_form())
            if folder and folder != row.folder:
                mailbox.move_contact(item, folder)
        except MailboxError as error:
            return contact_page(email, site, item, error.message, request.form), 422
        return redirect(url_for(".show_contact", email=email, site=site, item=item), 303)

    @routes.post(f"{base}/contacts/<item>/deletion")
    def delete(email: str, site: str, item: str) -> Any:
        _, mailbox = get_mailbox(sandbox, email, site)
        try:
            mailbox.delete_contact(item)
        except MailboxError:
            abort(404, "This contact is not in the address book any more.")
        return redirect(url_for(".show", email=email, site=site), 303)

    return routes


def _draw_tree(mailbox: Mailbox) -> list[tuple[Folder, int, int]]:
    """(folder, depth, contacts in it), each below its parent, by name."""
    folders = sorted(mailbox.folders(), key=lambda folder: (not folder.is_default, folder.name.casefold()))

    def below(parent: str, depth: int) -> list[tuple[Folder, int, int]]:
        found = []
        for folder in folders:
            if folder.parent == parent:
                found += [(folder, depth, len(mailbox.contact_rows(folder.id))), *below(folder.id, depth + 1)]
        return found

    return below(mailbox.root_id, 0)


def _read_form() -> dict[str, Any]:
    form = request.form
    doc: dict[str, Any] = {name: form.get(name, "").strip() or None for name, _ in TEXTS}
    for name, _, room in LISTS:
        doc[name] = [value for n in range(room) if (value := form.get(f"{name}{n}", "").strip())]
    doc["emailAddresses"] = [{"address": address} for address in doc.pop("emails")]
    return doc


def _fill_form(doc: dict[str, Any]) -> dict[str, str]:
    form = {name: doc.get(name) or "" for name, _ in TEXTS}
    known = doc | {"emails": [one["address"] for one in doc.get("emailAddresses", ())]}
    for name, _, _ in LISTS:
        form |= {f"{name}{n}": value for n, value in enumerate(known.get(name) or ())}
    return form
