"""Contact folders and contacts of Microsoft Graph.

The list of contact folders holds what lies in the default folder and beside it, and not the default folder itself,
as people find it in accounts of organizations; `lists_default` shows it too, as in the documentation's example.

Reference: https://learn.microsoft.com/en-us/graph/api/user-list-contactfolders
Reference: https://learn.microsoft.com/en-us/graph/api/resources/contact
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.mailbox import Folder, Mailbox
from sandbox.mailbox.contacts import WRITABLE, ContactRow, make_name
from sandbox.microsoft.graph_call import Answer, Call
from sandbox.microsoft.graph_errors import bad_request, not_found, unknown_property
from sandbox.microsoft.graph_filter import parse_filter, sort_by
from sandbox.microsoft.graph_ids import folder_mark, parse_id
from sandbox.microsoft.graph_views import CONTACT_NAMES, Shape, dump_page, parse_expand, parse_select

if TYPE_CHECKING:
    from sandbox.microsoft.graph import Graph

FOLDER = "contactFolders/{folder}"
EXTENDED = "singleValueExtendedProperties"


class ContactHandlers:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.handlers: list[tuple[str, str, str, Callable[[Call], Answer]]] = [
            ("GET", "contactFolders", "contacts", self.list_folders),
            ("POST", "contactFolders", "contacts!", self.make_folder),
            ("GET", FOLDER, "contacts", self.show_folder),
            ("PATCH", FOLDER, "contacts!", self.change_folder),
            ("DELETE", FOLDER, "contacts!", self.delete_folder),
            ("GET", f"{FOLDER}/childFolders", "contacts", self.list_children),
            ("POST", f"{FOLDER}/childFolders", "contacts!", self.make_folder),
        ]
        for above in ("", f"{FOLDER}/"):
            self.handlers += [
                ("GET", f"{above}contacts", "contacts", self.list_contacts),
                ("POST", f"{above}contacts", "contacts!", self.make_contact),
                ("GET", f"{above}contacts/{{contact}}", "contacts", self.show_contact),
                ("PATCH", f"{above}contacts/{{contact}}", "contacts!", self.change_contact),
                ("DELETE", f"{above}contacts/{{contact}}", "contacts!", self.delete_contact),
            ]

    # folders

    def folder(self, call: Call, mailbox: Mailbox) -> Folder:
        """The folder of the path, the default one where it names none. Raises GraphError, MailboxError."""
        folder = mailbox.get_folder(call.values.get("folder", "") or mailbox.contacts_id)
        if folder.kind != "contacts":
            raise not_found()
        return folder

    def one_folder(self, call: Call, folder: Folder, status: int = 200) -> Answer:
        chosen = parse_select(call.query.get("$select", ""), "contactFolder")
        doc = {name: value for name, value in folder.contact_folder().items() if not chosen or name in ("id", *chosen)}
        context = f"{call.root}$metadata#{self.graph.user_path(call)}/contactFolders/$entity"
        return Answer({"@odata.context": context, **doc}, status)

    def list_folders(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        return self._folder_page(call, [
            folder for folder in mailbox.folders()
            if (folder.is_default and self.graph.lists_default)
            or (not folder.is_default and folder.parent in (mailbox.contacts_id, mailbox.root_id))
        ])  # fmt: skip

    def list_children(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        parent = call.values["folder"]
        if parent != mailbox.root_id:
            parent = self.folder(call, mailbox).id
        return self._folder_page(call, [folder for folder in mailbox.folders() if folder.parent == parent])

    def _folder_page(self, call: Call, folders: list[Folder]) -> Answer:
        return self.graph.small_page(call, "contactFolder", "contactFolders", [f.contact_folder() for f in folders])

    def make_folder(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        parent = self.folder(call, mailbox).id
        return self.one_folder(call, mailbox.add_folder(str(call.body().get("displayName") or ""), parent), 201)

    def show_folder(self, call: Call) -> Answer:
        return self.one_folder(call, self.folder(call, self.graph.mailbox(call)))

    def change_folder(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        folder, body = self.folder(call, mailbox), call.body()
        if folder.is_default:
            raise bad_request("Distinguished folders cannot be changed.", "ErrorInvalidRequest")
        if body.get("displayName"):
            folder = mailbox.rename_folder(folder.id, str(body["displayName"]))
        if body.get("parentFolderId"):
            folder = mailbox.move_folder(folder.id, str(body["parentFolderId"]))
        return self.one_folder(call, folder)

    def delete_folder(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        mailbox.delete_folder(self.folder(call, mailbox).id)
        return Answer(status=204)

    # contacts

    def find(self, call: Call, mailbox: Mailbox) -> ContactRow:
        """The path's contact. Raises GraphError."""
        contact_id, mark = parse_id(call.values["contact"])
        row = mailbox.find_contact_row(contact_id)
        if row is None or mark not in ("", folder_mark(row.folder)):
            raise not_found()
        if "folder" in call.values and self.folder(call, mailbox).id != row.folder:
            raise not_found()
        return row

    def contact_answer(
        self, call: Call, doc: dict[str, Any], status: int = 200, extra: dict[str, Any] | None = None
    ) -> Answer:
        shape = Shape.of(call, "contact")
        text = shape.show(doc, doc["parentFolderId"])
        context = orjson.dumps({"@odata.context": shape.context(call, f"{self.graph.user_path(call)}/contacts",
                                                                single=True)})  # fmt: skip
        more = b"," + orjson.dumps(extra)[1:] if extra else b"}"
        return Answer(context[:-1] + b"," + text[1:-1] + more, status, {"ETag": doc["@odata.etag"]})

    def list_contacts(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        folder = self.folder(call, mailbox)
        shape = Shape.of(call, "contact")
        items: list[Any] = [row.doc for row in mailbox.contact_rows(folder.id)]
        if "$search" in call.query:
            raise bad_request("The query option $search is not supported by this sandbox.", "ErrorInvalidUrlQuery")
        if "$filter" in call.query or "$orderby" in call.query:
            items = [orjson.loads(item) for item in items]
            if text := call.query.get("$filter", ""):
                items = self._filter(mailbox, items, text)
            if text := call.query.get("$orderby", ""):
                items = sort_by(items, text)
        skip, size = call.number("$skip", 0), call.page_size()
        name = f"{self.graph.user_path(call)}/contacts"
        if "folder" in call.values:
            name = f"{self.graph.user_path(call)}/contactFolders('{folder.id}')/contacts"
        head: dict[str, Any] = {"@odata.context": shape.context(call, name)}
        if call.query.get("$count", "").lower() == "true":
            head["@odata.count"] = len(items)
        if skip + size < len(items):
            head["@odata.nextLink"] = self.graph.next_page(call, size, skip + size)
        return Answer(dump_page(head, (shape.show(item, folder.id) for item in items[skip : skip + size])))

    @staticmethod
    def _filter(mailbox: Mailbox, items: list[Any], text: str) -> list[Any]:
        """With the extended properties, by which contacts are found and which a list does not show."""
        test = parse_filter(text)
        more = mailbox.read_all_more() if EXTENDED.lower() in text.lower() else {}
        extended = {
            contact_id: [{"id": path, "value": value} for path, value in one["extended"].items()]
            for contact_id, one in more.items()
        }
        return [item for item in items if test(item | {EXTENDED: extended.get(item["id"], ())})]

    @staticmethod
    def writable(call: Call) -> tuple[dict[str, Any], dict[str, str]]:
        """What to change of a contact, and its extended properties. Raises GraphError."""
        body = call.body()
        extended = body.pop(EXTENDED, None) or []
        if not isinstance(extended, list) or not all(
            isinstance(one, dict) and isinstance(one.get("id"), str) and isinstance(one.get("value"), str)
            for one in extended
        ):
            raise bad_request("An extended property needs an id and a value.", "ErrorInvalidRequest")
        for name in body:
            if name not in CONTACT_NAMES and "@odata" not in name:
                raise unknown_property(name, "contact")
        patch = {name: value for name, value in body.items() if name in WRITABLE}
        return patch, {one["id"].lower(): one["value"] for one in extended}

    @staticmethod
    def _extend(mailbox: Mailbox, contact_id: str, extended: dict[str, str]) -> None:
        """Extended properties are set one by one."""
        if extended:
            more = mailbox.read_more(contact_id)
            mailbox.write_more(contact_id, more | {"extended": more["extended"] | extended})

    def make_contact(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        folder = self.folder(call, mailbox) if "folder" in call.values else None
        doc, extended = self.writable(call)
        made = mailbox.add_contact(doc, folder.id if folder else "")
        self._extend(mailbox, made["id"], extended)
        return self.contact_answer(call, made, 201)

    def show_contact(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        row, (kind, wanted) = self.find(call, mailbox), parse_expand(call)
        value = mailbox.read_more(row.id)["extended"].get(wanted.lower()) if kind == EXTENDED else None
        extra = {EXTENDED: [{"id": wanted, "value": value}]} if value is not None else None
        return self.contact_answer(call, row.load(), extra=extra)

    def change_contact(self, call: Call) -> Answer:
        """A name that does not come along is made anew: Graph says that it may do so.

        Reference: https://learn.microsoft.com/en-us/graph/api/contact-update
        """
        mailbox = self.graph.mailbox(call)
        row = self.find(call, mailbox)
        patch, extended = self.writable(call)
        if patch.keys() - {"parentFolderId"}:
            patch.setdefault("displayName", make_name(row.load() | patch))
        changed = mailbox.change_contact(row.id, patch, call.if_match)
        self._extend(mailbox, row.id, extended)
        return self.contact_answer(call, changed)

    def delete_contact(self, call: Call) -> Answer:
        mailbox = self.graph.mailbox(call)
        mailbox.delete_contact(self.find(call, mailbox).id, call.if_match)
        return Answer(status=204)
