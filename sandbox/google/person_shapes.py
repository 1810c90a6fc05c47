"""What a contact may hold, and how a client's body becomes the stored person.

Reference: https://developers.google.com/people/api/rest/v1/people
"""

from __future__ import annotations

from typing import Any

import phonenumbers

from sandbox.google.errors import people_error

# personFields a reader may name; those with True may be written by a client
FIELDS = {
    "addresses": True, "ageRanges": False, "biographies": True, "birthdays": True, "calendarUrls": True,
    "clientData": True, "coverPhotos": False, "emailAddresses": True, "events": True, "externalIds": True,
    "genders": True, "imClients": True, "interests": True, "locales": True, "locations": True, "memberships": True,
    "metadata": False, "miscKeywords": True, "names": True, "nicknames": True, "occupations": True,
    "organizations": True, "phoneNumbers": True, "photos": False, "relations": True, "sipAddresses": True,
    "skills": False, "urls": True, "userDefined": True,
}  # fmt: skip
# known to the resource, but not for masks
OTHER_KEYS = ("resourceName", "etag", "ageRange", "fileAses", "braggingRights", "relationshipInterests",
              "relationshipStatuses", "residences", "taglines")  # fmt: skip
SINGLETONS = ("biographies", "birthdays", "genders", "names")
WITH_TYPE = ("addresses", "calendarUrls", "emailAddresses", "events", "externalIds", "imClients", "miscKeywords",
             "organizations", "phoneNumbers", "relations", "sipAddresses", "urls")  # fmt: skip
LABELS = {"homeFax": "Home Fax", "workFax": "Work Fax", "otherFax": "Other Fax", "workMobile": "Work Mobile",
          "workPager": "Work Pager", "googleVoice": "Google Voice", "homePage": "Home Page"}  # fmt: skip
SYSTEM_GROUPS = {
    "myContacts": "My Contacts", "starred": "Starred", "friends": "Friends", "family": "Family",
    "coworkers": "Coworkers", "chatBusy": "Chat contacts", "all": "All Contacts", "blocked": "Blocked",
}  # fmt: skip
TAKES_MEMBERS = ("myContacts", "starred")
SEE = "Valid paths are documented at https://developers.google.com/people/api/rest/v1/people/get."


def parse_mask(text: str, name: str, *, writing: bool = False) -> list[str]:
    """A mask such as `names,phoneNumbers.value`: the top-level fields, sorted. Raises GoogleError (400)."""
    paths = [path.strip() for path in text.split(",") if path.strip()]
    if not paths:
        raise people_error(400, f"{name} mask is required. Please specify one or more valid paths. {SEE}")
    for path in paths:
        top = path.removeprefix("person.").split(".")[0]
        if top not in FIELDS or (writing and not FIELDS[top]):
            raise people_error(400, f'Invalid {name} mask path: "{path}". {SEE}')
    return sorted({path.removeprefix("person.").split(".")[0] for path in paths})


def clean_fields(body: dict[str, Any], wanted: list[str] | None, source: dict[str, str], region: str) -> dict[str, Any]:
    """A client's fields → as stored, with metadata and what the server adds. Raises GoogleError (400)."""
    cleaned: dict[str, Any] = {}
    for name, value in body.items():
        if name not in FIELDS and name not in OTHER_KEYS:
            raise people_error(400, f'Invalid JSON payload received. Unknown name "{name}" at \'person\': Cannot find '
                               "field.")  # fmt: skip
        if not FIELDS.get(name) or (wanted is not None and name not in wanted):
            continue
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise people_error(400, f"Invalid value at 'person.{name}' (type is not a list of objects).")
        if name in SINGLETONS and len(value) > 1:
            raise people_error(400, f"person.{name} is a singleton field for contact sources: give at most one.")
        entries = [_clean_entry(name, entry, source, region) for entry in value]
        entries = [entry for entry in entries if set(entry) - {"metadata"}]
        if entries and name != "memberships":
            entries[0]["metadata"] = {"primary": True, "source": dict(source)}
        if entries:
            cleaned[name] = entries
    return cleaned


def _clean_entry(name: str, entry: dict[str, Any], source: dict[str, str], region: str) -> dict[str, Any]:
    kept = {key: value for key, value in entry.items() if value not in ("", None) and key != "metadata"}
    done: dict[str, Any] = {"metadata": {"source": dict(source)}}
    if name == "names":
        return done | _clean_name(kept)
    if name == "phoneNumbers":
        kept.pop("canonicalForm", None)
        if canonical := canonical_number(str(kept.get("value", "")), region):
            kept = {"value": kept.pop("value"), "canonicalForm": canonical} | kept
    if name == "memberships":
        group = kept.get("contactGroupMembership", {}).get("contactGroupResourceName", "")
        if not group:
            return done
        kept = {
            "contactGroupMembership": {"contactGroupId": group.partition("/")[2], "contactGroupResourceName": group}
        }
    if name in WITH_TYPE and kept.get("type"):
        kept["formattedType"] = LABELS.get(kept["type"], kept["type"][:1].upper() + kept["type"][1:])
    return done | kept


def _clean_name(name: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in name.items() if key not in ("displayName", "displayNameLastFirst")}
    given = " ".join(str(kept[k]) for k in ("givenName", "middleName") if kept.get(k))
    parts = [kept.get("honorificPrefix"), given, kept.get("familyName")]
    plain = " ".join(part for part in parts if part)
    if not plain and kept.get("unstructuredName"):
        plain = str(kept["unstructuredName"])
        first, _, rest = plain.rpartition(" ")
        kept |= {"givenName": first or rest} | ({"familyName": rest} if first else {})
    if not plain:
        return {}
    whole = " ".join(part for part in (plain, kept.get("honorificSuffix")) if part)
    first_names = " ".join(part for part in (kept.get("honorificPrefix"), given) if part)
    last_first = ", ".join(p for p in (kept.get("familyName"), first_names or None, kept.get("honorificSuffix")) if p)
    return {"displayName": whole, **kept, "displayNameLastFirst": last_first or whole,
            "unstructuredName": kept.get("unstructuredName") or whole}  # fmt: skip


def canonical_number(value: str, region: str) -> str:
    """E.164, or nothing for what is no number."""
    try:
        number = phonenumbers.parse(value, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    text: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text


def display_name(doc: dict[str, Any]) -> str:
    """How pages and sorting name a person."""
    for field, key in (("names", "displayName"), ("organizations", "name"), ("emailAddresses", "value"),
                       ("phoneNumbers", "value")):  # fmt: skip
        if doc.get(field) and doc[field][0].get(key):
            return str(doc[field][0][key])
    return "(no name)"
