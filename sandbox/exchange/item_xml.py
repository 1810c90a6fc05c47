"""What every item shows, whatever it is, and the small writers that the tables of properties are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from sandbox.exchange.ids import make_folder_id
from sandbox.exchange.properties import Property, View
from sandbox.exchange.soap import text
from sandbox.mailbox.texts import to_text

Dump = Callable[[Any, View], str]
SENSITIVITY = {"normal": "Normal", "personal": "Personal", "private": "Private", "confidential": "Confidential"}
RIGHTS = (
    "<t:EffectiveRights><t:CreateAssociated>{0}</t:CreateAssociated><t:CreateContents>{0}</t:CreateContents>"
    "<t:CreateHierarchy>{0}</t:CreateHierarchy><t:Delete>{1}</t:Delete><t:Modify>{2}</t:Modify>"
    "<t:Read>true</t:Read></t:EffectiveRights>"
)


def dump_flag(value: object) -> str:
    return "true" if value else "false"


def element(name: str, value: str | None) -> str:
    """Nothing for no value: Exchange leaves out what an item does not have."""
    return f"<t:{name}>{text(value)}</t:{name}>" if value else ""


def flag(name: str, key: str) -> Dump:
    return lambda item, view: f"<t:{name}>{dump_flag(item.doc.get(key))}</t:{name}>"


def plain(name: str, key: str) -> Dump:
    return lambda item, view: element(name, item.doc.get(key))


def fixed(name: str, value: str) -> Dump:
    rendered = f"<t:{name}>{value}</t:{name}>"
    return lambda item, view: rendered


def made(name: str, make: Callable[[Any], object]) -> Dump:
    """make: item → something to write as it is, which needs no escaping."""
    return lambda item, view: f"<t:{name}>{make(item)}</t:{name}>"


def worded(name: str, make: Callable[[Any], str | None]) -> Dump:
    return lambda item, view: element(name, make(item))


def strings(name: str, key: str) -> Dump:
    def dump(item: Any, view: View) -> str:
        found = "".join(f"<t:String>{text(one)}</t:String>" for one in item.doc.get(key) or ())
        return f"<t:{name}>{found}</t:{name}>" if found else ""

    return dump


def dump_stamp(stamp: str) -> str:
    """createdDateTime and its like, to the second."""
    return f"{stamp[:19]}Z"


def stamp(name: str, key: str) -> Dump:
    return lambda item, view: f"<t:{name}>{dump_stamp(item.doc[key])}</t:{name}>"


def nothing(item: Any, view: View) -> str:
    return ""


def unused(names: Iterable[str], *, since: str = "Exchange2007", get_only: bool = False) -> list[Property]:
    """Properties that exist and that no item here has."""
    return [Property(name, nothing, get_only=get_only, since=since) for name in names]


def dump_moment(moment: datetime, view: View) -> str:
    """In the zone that the request's TimeZoneContext names; without one, UTC."""
    if view.zone_name in ("", "UTC"):
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return moment.astimezone(view.zone).isoformat(timespec="seconds")


def dump_body(content: str, wanted: str, name: str = "Body") -> str:
    """content: HTML, as bodies are stored; Best gives them as they are."""
    if wanted == "Text" or not content:
        return f'<t:{name} BodyType="Text">{text(to_text(content))}</t:{name}>'
    return f'<t:{name} BodyType="HTML">{text(content)}</t:{name}>'


def _parent(item: Any, view: View) -> str:
    return f'<t:ParentFolderId Id="{make_folder_id(item.mailbox, item.folder)}" ChangeKey="AQAAAA=="/>'


def _link(name: str, mode: str) -> Dump:
    """Servers since 2013 give a whole address, older ones what goes behind that of Outlook on the web."""

    def dump(item: Any, view: View) -> str:
        quoted = quote(item.id, safe="")
        if not view.owa:
            return element(name, f"?ae=Item&a={mode}&t={item.item_class}&id={quoted}")
        return element(name, f"{view.owa}?ItemID={quoted}&exvsurl=1&viewmodel={item.view_model}")

    return dump


def dump_extended(item: Any, view: View) -> str:
    return "".join(
        f"<t:ExtendedProperty>{field}<t:Value>{text(item.extended[path])}</t:Value></t:ExtendedProperty>"
        for path, field in view.extended
        if path in item.extended
    )


def make_item_properties(middle: tuple[Property, ...] = ()) -> tuple[Property, ...]:
    """In the order of the schema. middle: the reminder's and the recipients', which only some items have.

    An item has doc, mailbox, folder, owner, id, item_class, view_model, subject, body (HTML) and extended (values by
    path).
    """
    return (
        Property("item:ParentFolderId", _parent, "A"),
        Property("item:ItemClass", made("ItemClass", lambda item: item.item_class), "A"),
        Property("item:Subject", worded("Subject", lambda item: item.subject), "DA"),
        Property(
            "item:Sensitivity",
            made("Sensitivity", lambda item: SENSITIVITY[item.doc.get("sensitivity", "normal")]),
            "A",
        ),
        Property("item:Body", lambda item, view: dump_body(item.body, view.body), "A", get_only=True),
        Property("item:DateTimeReceived", stamp("DateTimeReceived", "createdDateTime"), "A"),
        Property("item:Size", made("Size", lambda item: 600 + 2 * len(item.body)), "A"),
        Property("item:Categories", strings("Categories", "categories"), "A"),
        Property("item:Importance", made("Importance", lambda item: item.doc.get("importance", "normal").title()), "A"),
        Property("item:IsSubmitted", fixed("IsSubmitted", "false"), "A"),
        Property("item:IsDraft", flag("IsDraft", "isDraft"), "A"),
        Property("item:IsFromMe", flag("IsFromMe", "isOrganizer"), "A"),
        Property("item:IsResend", fixed("IsResend", "false"), "A"),
        Property("item:IsUnmodified", fixed("IsUnmodified", "false"), "A"),
        Property("item:DateTimeSent", stamp("DateTimeSent", "createdDateTime"), "A"),
        Property("item:DateTimeCreated", stamp("DateTimeCreated", "createdDateTime"), "A"),
        Property("item:ResponseObjects", fixed("ResponseObjects", "<t:ForwardItem/>"), "DA", get_only=True),
        *middle,
        Property("item:HasAttachments", flag("HasAttachments", "hasAttachments"), "DA"),
        Property("item:ExtendedProperty", dump_extended),
        Property("item:Culture", fixed("Culture", "en-US"), "A"),
        Property("item:EffectiveRights", lambda item, view: RIGHTS.format("false", "true", "true"), "A",
                 since="Exchange2007_SP1"),
        Property(
            "item:LastModifiedName", worded("LastModifiedName", lambda item: item.owner.name), "A", since="Exchange2010"
        ),
        Property(
            "item:LastModifiedTime", stamp("LastModifiedTime", "lastModifiedDateTime"), "A", since="Exchange2010"
        ),
        Property("item:IsAssociated", fixed("IsAssociated", "false"), "DA", since="Exchange2010"),
        Property("item:WebClientReadFormQueryString", _link("WebClientReadFormQueryString", "Open"), "A",
                 since="Exchange2010"),
        Property("item:WebClientEditFormQueryString", _link("WebClientEditFormQueryString", "Edit"), "A",
                 since="Exchange2010"),
        Property(
            "item:UniqueBody", lambda item, view: dump_body(item.body, view.body, "UniqueBody"), get_only=True,
            since="Exchange2010",
        ),
        Property(
            "item:NormalizedBody", lambda item, view: dump_body(item.body, view.body, "NormalizedBody"), get_only=True,
            since="Exchange2013",
        ),
        Property("item:Preview", plain("Preview", "bodyPreview"), since="Exchange2013"),
        Property(
            "item:TextBody", lambda item, view: dump_body(item.body, "Text", "TextBody"), get_only=True,
            since="Exchange2013",
        ),
        *unused(("item:MimeContent", "item:Attachments", "item:InternetMessageHeaders"), get_only=True),
        *unused(("item:InReplyTo", "item:DisplayBcc", "item:ReminderNextTime", "item:ReminderDueBy",
                 "item:ReminderIsSet", "item:ReminderMinutesBeforeStart", "item:DisplayTo", "item:DisplayCc")),
        *unused(("item:ConversationId", "item:StoreEntryId"), since="Exchange2010"),
        *unused(("item:Flag", "item:InstanceKey", "item:EntityExtractionResult", "item:PolicyTag", "item:ArchiveTag",
                 "item:RetentionDate", "item:RightsManagementLicenseData", "item:BlockStatus", "item:HasBlockedImages",
                 "item:PredictedActionReasons", "item:IsClutter", "item:IconIndex"), since="Exchange2013"),
    )  # fmt: skip
