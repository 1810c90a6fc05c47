"""The routes of People API v1, below /google/people/v1/.

Reference: https://developers.google.com/people/api/rest
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from flask import Blueprint, Response, request

from sandbox.google.answers import answer, answer_error, read_body
from sandbox.google.contacts import Contact, dump_group
from sandbox.google.cursors import dump_cursor, fingerprint, parse_cursor, sync_era
from sandbox.google.errors import GoogleError, people_error, sync_token_expired
from sandbox.google.etags import dump_etag
from sandbox.google.guard import check_access
from sandbox.google.oauth import subject
from sandbox.google.person_shapes import FIELDS, display_name, parse_mask
from sandbox.store import Person

if TYPE_CHECKING:
    from sandbox.google import Google

PREFIX = "/google/people/v1"
SERVICE = "google.people.v1.PeopleService."
SYNC_TOKEN_LIFE = 7 * 24 * 3600
GROUP_FIELDS = ("clientData", "groupType", "memberCount", "metadata", "name")
SOURCES = tuple(f"READ_SOURCE_TYPE_{name}" for name in ("UNSPECIFIED", "PROFILE", "CONTACT", "DOMAIN_CONTACT",
                                                        "OTHER_CONTACT"))  # fmt: skip
ORDERS = ("LAST_MODIFIED_ASCENDING", "LAST_MODIFIED_DESCENDING", "FIRST_NAME_ASCENDING", "LAST_NAME_ASCENDING")


class PeopleApi:
    def __init__(self, google: Google) -> None:
        self.google = google

    def blueprint(self) -> Blueprint:
        routes = Blueprint("google_people", __name__, url_prefix=PREFIX)
        for path, view, method in (
            ("/people/<person>/connections", self.list_connections, "GET"),
            ("/people:batchGet", self.batch_get, "GET"),
            ("/people:searchContacts", self.search, "GET"),
            ("/people:createContact", self.create, "POST"),
            ("/people/<person>:updateContact", self.update, "PATCH"),
            ("/people/<person>:deleteContact", self.delete, "DELETE"),
            ("/people/<person>", self.get, "GET"),
            ("/contactGroups", self.list_groups, "GET"),
            ("/contactGroups", self.create_group, "POST"),
            ("/contactGroups:batchGet", self.batch_get_groups, "GET"),
            ("/contactGroups/<group>", self.get_group, "GET"),
            ("/contactGroups/<group>", self.update_group, "PUT"),
            ("/contactGroups/<group>", self.delete_group, "DELETE"),
            ("/contactGroups/<group>/members:modify", self.modify_members, "POST"),
        ):
            routes.add_url_rule(path, view_func=self._inside(view), endpoint=view.__name__, methods=[method])
        routes.register_error_handler(GoogleError, answer_error)
        return routes

    def _inside(self, view: Any) -> Any:
        def run(**values: str) -> Response:
            with self.google.store.transaction():
                response: Response = view(**values)
                return response

        return run

    # contacts

    def list_connections(self, person: str) -> Response:
        email = check_access(self.google, f"{SERVICE}ListConnections").email
        if person != "me":
            raise people_error(400, "Must be people/me.")
        fields = self._mask()
        size = _size("pageSize", 100, 1000)
        order = request.args.get("sortOrder", ORDERS[0])
        if order not in ORDERS:
            raise people_error(400, f"Invalid value at 'sort_order' (type.googleapis.com/google.people.v1."
                               f"ListConnectionsRequest.SortOrder), \"{order}\"")  # fmt: skip
        wants_token = request.args.get("requestSyncToken", "false") == "true"
        asked = fingerprint([fields, size, order, wants_token, request.args.getlist("sources")])
        now = self.google.clock.seconds()
        since, full_sync, upto, after = -1, int(now), self.google.store.last_change(), 0
        if token := request.args.get("syncToken"):
            since, full_sync = self._read_sync_token(token, email, asked)
        if token := request.args.get("pageToken"):
            cursor = parse_cursor(token)
            if cursor is None or cursor.get("k") != "people" or cursor["e"] != email:
                raise people_error(400, "Invalid page token.")
            if cursor["q"] != asked or cursor["s"] != since:
                raise people_error(400, "Request parameters must match the first call that provided the page token.")
            upto, after = cursor["u"], cursor["a"]
        found, last = self._page(email, fields, size, order, since, after)
        doc: dict[str, Any] = {"connections": found} if found else {}
        if last is not None:
            doc["nextPageToken"] = dump_cursor(
                {"k": "people", "e": email, "q": asked, "s": since, "u": upto, "a": last}
            )
        elif wants_token:
            doc["nextSyncToken"] = dump_cursor(
                {"k": "people-sync", "e": email, "q": asked, "s": upto, "t": full_sync,
                 "era": sync_era(self.google.store, email)}
            )  # fmt: skip
        if total := self.google.contacts.count(email):
            doc |= {"totalPeople": total, "totalItems": total}
        return answer(doc)

    def _read_sync_token(self, token: str, email: str, asked: str) -> tuple[int, int]:
        """(change number, when the full sync was). Raises GoogleError (400)."""
        cursor = parse_cursor(token)
        if cursor is None or cursor.get("k") != "people-sync" or cursor["e"] != email:
            raise people_error(400, "Invalid sync token.")
        age = self.google.clock.seconds() - cursor["t"]
        if age > SYNC_TOKEN_LIFE or cursor["era"] != sync_era(self.google.store, email):
            raise sync_token_expired()
        if cursor["q"] != asked:
            raise people_error(400, "Request parameters must match the first call that provided the sync token.")
        return cursor["s"], cursor["t"]

    def _page(
        self, email: str, fields: list[str], size: int, order: str, since: int, after: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """One page of people, and the key to go on from if there are more."""
        contacts = self.google.contacts
        if since >= 0:
            changed = contacts.changed(email, since, after, size + 1)
            page = [_show_change(contact, fields, since) for contact in changed[:size]]
            return page, changed[size - 1].change if len(changed) > size else None
        if order == ORDERS[0]:
            texts = contacts.texts(email, after, size + 1)
            page = [_show(orjson.loads(text), fields) for _, text in texts[:size]]
            return page, texts[size - 1][0] if len(texts) > size else None
        every = contacts.every(email)
        if order == ORDERS[1]:
            every.reverse()
        else:
            key = "familyName" if order == ORDERS[3] else "givenName"
            every.sort(key=lambda c: str((c.doc.get("names") or [{}])[0].get(key, display_name(c.doc))).casefold())
        page = [_show(contact.doc, fields) for contact in every[after : after + size]]
        return page, after + size if len(every) > after + size else None

    def get(self, person: str) -> Response:
        email = check_access(self.google, f"{SERVICE}GetPerson").email
        return answer(self._find(email, f"people/{person}", self._mask()))

    def _find(self, email: str, name: str, fields: list[str]) -> dict[str, Any]:
        own = self.google.people.find(email)
        assert own is not None
        if name in ("people/me", f"people/{subject(email)}"):
            return _show(_profile(own), fields)
        return _show(self.google.contacts.get(email, name).doc, fields)

    def batch_get(self) -> Response:
        email = check_access(self.google, f"{SERVICE}GetPeople").email
        names, fields = request.args.getlist("resourceNames"), self._mask()
        if not names:
            raise people_error(400, "Must specify at least one resource name.")
        if len(names) > 200:
            raise people_error(400, "Must specify at most 200 resource names.")
        responses = []
        for name in names:
            try:
                found = self._find(email, name, fields)
                responses.append({"httpStatusCode": 200, "person": found, "requestedResourceName": name, "status": {}})
            except GoogleError:
                status = {"code": 5, "message": "Requested entity was not found."}
                responses.append({"httpStatusCode": 404, "requestedResourceName": name, "status": status})
        return answer({"responses": responses})

    def search(self) -> Response:
        email = check_access(self.google, f"{SERVICE}SearchContacts").email
        fields = parse_mask(request.args.get("readMask", ""), "readMask")
        query = request.args.get("query", "").casefold()
        found = []
        for contact in self.google.contacts.every(email) if query else ():
            texts = [display_name(contact.doc)]
            for field in ("emailAddresses", "phoneNumbers", "nicknames", "organizations"):
                texts += [str(entry.get("value") or entry.get("name", "")) for entry in contact.doc.get(field, ())]
            if any(word.startswith(query) for text in texts for word in (text.casefold(), *text.casefold().split())):
                found.append({"person": _show(contact.doc, fields)})
        page = found[: _size("pageSize", 10, 30)]
        return answer({"results": page} if page else {})

    def create(self) -> Response:
        email = check_access(self.google, f"{SERVICE}CreateContact").email
        fields = self._mask(default=True)
        return answer(_show(self.google.contacts.create(email, _body()), fields))

    def update(self, person: str) -> Response:
        email = check_access(self.google, f"{SERVICE}UpdateContact").email
        changed = parse_mask(request.args.get("updatePersonFields", ""), "updatePersonFields", writing=True)
        fields = self._mask(default=True)
        return answer(_show(self.google.contacts.update(email, f"people/{person}", _body(), changed), fields))

    def delete(self, person: str) -> Response:
        email = check_access(self.google, f"{SERVICE}DeleteContact").email
        self.google.contacts.delete(email, f"people/{person}")
        return answer({})

    @staticmethod
    def _mask(*, default: bool = False) -> list[str]:
        for source in request.args.getlist("sources"):
            if source not in SOURCES:
                raise people_error(400, f"Invalid value at 'sources' (type.googleapis.com/google.people.v1."
                                   f"ReadSourceType), \"{source}\"")  # fmt: skip
        text = request.args.get("personFields") or request.args.get("requestMask.includeField", "")
        return sorted(FIELDS) if default and not text else parse_mask(text, "personFields")

    # groups

    def list_groups(self) -> Response:
        email = check_access(self.google, f"{SERVICE}ListContactGroups").email
        size, fields = _size("pageSize", 30, 1000), _group_fields()
        era, since = sync_era(self.google.store, email), -1
        if token := request.args.get("syncToken"):
            cursor = parse_cursor(token)
            if cursor is None or cursor.get("k") != "groups-sync" or cursor["e"] != email:
                raise people_error(400, "Invalid sync token.")
            if cursor["era"] != era or self.google.clock.seconds() - cursor["t"] > SYNC_TOKEN_LIFE:
                raise sync_token_expired()
            since = cursor["s"]
        every = self.google.contacts.groups(email, since=since)
        offset, upto = 0, self.google.store.last_change()
        if token := request.args.get("pageToken"):
            cursor = parse_cursor(token)
            if cursor is None or cursor.get("k") != "groups" or cursor["e"] != email:
                raise people_error(400, "Invalid page token.")
            offset, upto = cursor["o"], cursor["u"]
        counts = self.google.contacts.member_counts(email)
        page = [dump_group(row, fields, counts.get(row["name"], 0)) for row in every[offset : offset + size]]
        doc: dict[str, Any] = {"contactGroups": page} if page else {}
        if every:
            doc["totalItems"] = len(every)
        if offset + size < len(every):
            doc["nextPageToken"] = dump_cursor({"k": "groups", "e": email, "o": offset + size, "u": upto})
        doc["nextSyncToken"] = dump_cursor(
            {"k": "groups-sync", "e": email, "s": upto, "t": int(self.google.clock.seconds()), "era": era}
        )
        return answer(doc)

    def _group(self, email: str, name: str, fields: list[str], most: int) -> dict[str, Any]:
        row = self.google.contacts.get_group(email, name)
        members = [contact.name for contact in self.google.contacts.members(email, name)]
        doc = dump_group(row, fields, len(members))
        return doc | ({"memberResourceNames": members[:most]} if most and members else {})

    def get_group(self, group: str) -> Response:
        email = check_access(self.google, f"{SERVICE}GetContactGroup").email
        return answer(self._group(email, f"contactGroups/{group}", _group_fields(), _size("maxMembers", 0, 10_000)))

    def batch_get_groups(self) -> Response:
        email = check_access(self.google, f"{SERVICE}BatchGetContactGroups").email
        responses: list[dict[str, Any]] = []
        for name in request.args.getlist("resourceNames"):
            try:
                found = self._group(email, name, _group_fields(), _size("maxMembers", 0, 10_000))
                responses.append({"requestedResourceName": name, "contactGroup": found, "status": {}})
            except GoogleError:
                status = {"code": 5, "message": "Requested entity was not found."}
                responses.append({"requestedResourceName": name, "status": status})
        return answer({"responses": responses})

    def create_group(self) -> Response:
        email = check_access(self.google, f"{SERVICE}CreateContactGroup").email
        title, data, fields = _group_body()
        row = self.google.contacts.save_group(email, title, data=data)
        return answer(dump_group(row, fields, 0))

    def update_group(self, group: str) -> Response:
        email = check_access(self.google, f"{SERVICE}UpdateContactGroup").email
        title, data, fields = _group_body()
        name = f"contactGroups/{group}"
        row = self.google.contacts.save_group(email, title, name=name, data=data)
        return answer(dump_group(row, fields, len(self.google.contacts.members(email, name))))

    def delete_group(self, group: str) -> Response:
        email = check_access(self.google, f"{SERVICE}DeleteContactGroup").email
        with_contacts = request.args.get("deleteContacts", "false") == "true"
        self.google.contacts.delete_group(email, f"contactGroups/{group}", with_contacts=with_contacts)
        return answer({})

    def modify_members(self, group: str) -> Response:
        email = check_access(self.google, f"{SERVICE}ModifyContactGroupMembers").email
        body = _body()
        add, remove = (list(map(str, body.get(n) or [])) for n in ("resourceNamesToAdd", "resourceNamesToRemove"))
        if not 0 < len(add) + len(remove) <= 1000:
            raise people_error(400, "Give between 1 and 1000 resource names to add or to remove.")
        missing, stuck = self.google.contacts.change_members(email, f"contactGroups/{group}", add, remove)
        doc = {"notFoundResourceNames": missing} if missing else {}
        return answer(doc | ({"canNotRemoveLastContactGroupResourceNames": stuck} if stuck else {}))


def _body() -> dict[str, Any]:
    return read_body(people_error(400, "Invalid JSON payload received."))


def _size(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "") or "0"
    if not text.isdigit():
        raise people_error(400, f"Invalid value at '{name}' (TYPE_INT32), \"{text}\"")
    if int(text) > most:
        raise people_error(400, f"{name} must be at most {most}.")
    return int(text) or default


def _group_fields() -> list[str]:
    text = request.args.get("groupFields", "")
    return _clean_group_fields(text) if text else ["groupType", "memberCount", "metadata", "name"]


def _clean_group_fields(text: str) -> list[str]:
    fields = [field.strip() for field in text.split(",") if field.strip()]
    for field in fields:
        if field not in GROUP_FIELDS:
            raise people_error(400, f'Invalid groupFields mask path: "{field}".')
    return fields


def _group_body() -> tuple[str, Any, list[str]]:
    body = _body()
    group = body.get("contactGroup")
    if not isinstance(group, dict):
        raise people_error(400, "contactGroup must be set.")
    fields = _clean_group_fields(body.get("readGroupFields") or "groupType,metadata,name,memberCount,clientData")
    return str(group.get("name", "")), group.get("clientData"), fields


def _show(doc: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    source = doc["metadata"]["sources"][0]
    etag = dump_etag(source["etag"], fields) if source["type"] == "CONTACT" else doc["etag"]
    shown = {"resourceName": doc["resourceName"], "etag": etag}
    for name in fields:
        if name in doc:
            shown[name] = doc[name]
    return shown


def _show_change(contact: Contact, fields: list[str], since: int) -> dict[str, Any]:
    """What a sync says of one contact. Deletion and former names are told whatever the mask."""
    doc = contact.doc
    told: dict[str, Any] = {}
    if contact.deleted:
        told["deleted"] = True
    if contact.former and contact.former_change > since:
        told["previousResourceNames"] = contact.former
    shown = _show(doc, fields)
    if contact.deleted:
        shown = {"resourceName": contact.name, "etag": shown["etag"]}
    return shown | ({"metadata": doc["metadata"] | told} if told else {})


def _profile(person: Person) -> dict[str, Any]:
    """people/me: what the pretend Google knows of the person themself."""
    number = subject(person.email)
    source = {"type": "PROFILE", "id": number}
    given, _, family = person.name.partition(" ")
    primary = {"primary": True, "source": source}
    return {
        "resourceName": f"people/{number}", "etag": f"%{fingerprint(person.email)}",
        "metadata": {"sources": [source | {"etag": f"#{fingerprint(person.name)}"}], "objectType": "PERSON"},
        "names": [{"metadata": primary, "displayName": person.name, "givenName": given, "familyName": family,
                   "displayNameLastFirst": f"{family}, {given}", "unstructuredName": person.name}],
        "emailAddresses": [{"metadata": primary | {"verified": True}, "value": person.email}],
    }  # fmt: skip
