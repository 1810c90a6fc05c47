"""The folders of a mailbox, and which of them are a person's address book and calendars. Pure.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/contactsfolder
"""

from collections.abc import Mapping
from dataclasses import dataclass

from integrations.providers.exchange.operations import IS_HIDDEN
from integrations.providers.exchange.responses import TYPES, Element
from integrations.remote import RemoteCalendar, RemoteFolder

_CUT = len(TYPES)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a mailbox, of whatever kind."""

    id: str
    parent: str
    name: str
    folder_class: str
    is_hidden: bool
    is_writable: bool = True


def parse_folder(element: Element) -> Folder | None:
    """None for one without an id."""
    ids = {"FolderId": "", "ParentFolderId": ""}
    texts: dict[str, str] = {}
    is_hidden = False
    for child in element:
        name = child.tag[_CUT:]
        if name in ids:
            ids[name] = child.get("Id", "")
        elif name == "ExtendedProperty":
            tag = child.find(f"{TYPES}ExtendedFieldURI")
            if tag is not None and tag.get("PropertyTag", "").lower() == IS_HIDDEN:
                is_hidden = child.findtext(f"{TYPES}Value", "").strip().lower() in ("true", "1")
        elif name == "EffectiveRights":
            texts[name] = child.findtext(f"{TYPES}CreateContents", "")
        else:
            texts[name] = child.text or ""
    if not ids["FolderId"]:
        return None
    get = texts.get
    is_writable = get("EffectiveRights", "").strip() != "false"
    return Folder(
        ids["FolderId"],
        ids["ParentFolderId"],
        get("DisplayName", ""),
        get("FolderClass", ""),
        is_hidden,
        is_writable,
    )


# What Exchange keeps in contact folders of its own making: who was written to lately, copies of the directory, what
# Skype for Business and Teams synchronize. People do not see them as folders of theirs.
_MACHINES = (
    "ipf.contact.moc",
    "ipf.contact.galcontacts",
    "ipf.contact.recipientcache",
    "ipf.contact.peoplecentricconversationbuddies",
    "ipf.contact.organizationalcontacts",
    "ipf.contact.company",
)


def is_contact_folder(folder: Folder) -> bool:
    """Whether a person keeps contacts there and sees it."""
    kind = folder.folder_class.lower()
    if kind != "ipf.contact" and not kind.startswith("ipf.contact."):
        return False
    is_skeleton = folder.name.startswith("{") and folder.name.endswith("}")
    return not (folder.is_hidden or is_skeleton or kind.startswith(_MACHINES))


def choose_folders(folders: Mapping[str, Folder], *, default: str, trash: str) -> tuple[RemoteFolder, ...]:
    """The contact folders of a mailbox, the default one first. What lies in the trash is in nobody's address book.

    `default`, `trash`: ids of those folders, where they are known.
    """
    chosen = {}
    for one in folders.values():
        if one.id == default or (is_contact_folder(one) and trash not in above(folders, one.id)):
            chosen[one.id] = one
    return tuple(
        RemoteFolder(
            one.id,
            one.name,
            next((parent for parent in above(folders, one.id) if parent in chosen), ""),
            is_default=one.id == default,
            is_writable=one.is_writable,
        )
        for one in sorted(chosen.values(), key=lambda one: one.id != default)
    )


def choose_calendars(folders: Mapping[str, Folder], *, default: str, trash: str) -> tuple[RemoteCalendar, ...]:
    """The calendars of a mailbox, the person's own first; the others by their names."""
    own = folders.get(default)
    others = sorted(
        (
            one
            for one in folders.values()
            if one.id != default and _is_calendar(one) and trash not in above(folders, one.id)
        ),
        key=lambda one: (one.name.casefold(), one.id),
    )
    return (
        RemoteCalendar("", own.name if own else ""),
        *(RemoteCalendar(one.id, one.name, is_writable=one.is_writable) for one in others),
    )


def _is_calendar(folder: Folder) -> bool:
    kind = folder.folder_class.lower()
    return not folder.is_hidden and (kind == "ipf.appointment" or kind.startswith("ipf.appointment."))


def above(folders: Mapping[str, Folder], folder_id: str) -> list[str]:
    """Ids of the folders that a folder lies in, the nearest first."""
    found: list[str] = []
    while (folder := folders.get(folder_id)) is not None and folder.parent and folder.parent not in found:
        folder_id = folder.parent
        found.append(folder_id)
    return found
