"""Asking Exchange for an item by something else than its id: the XML of FindItem with a Restriction. Pure.

Reference: https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/restriction
"""

from base64 import b64encode
from contextlib import suppress

from integrations.providers.exchange.operations import KEY, dump_attribute, place

_GLOBAL_ID = '<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="35" PropertyType="Binary"/>'
"""PidLidCleanGlobalObjectId, which is what a UID is made of. Reference:
https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxocal/"""
_GLOBAL_ID_HEAD = bytes.fromhex("040000008200E00074C5B7101A82E008")
_KIND = '<t:FieldURI FieldURI="calendar:CalendarItemType"/>'


def find_by_key(folder: str, key: str) -> str:
    """FindItem: the events and series of a calendar that were made with a key of ours."""
    return _find_where(place(folder), KEY, dump_attribute(key), _KIND)


def find_contacts_by_key(folder: str, key: str) -> str:
    """FindItem: the contacts of a folder that were made with a key of ours."""
    return _find_where(place(folder, "contacts"), KEY, dump_attribute(key))


def find_by_uid(folder: str, uid: str) -> str:
    """FindItem: the events and series of a calendar that have a UID."""
    return _find_where(place(folder), _GLOBAL_ID, b64encode(_dump_global_id(uid)).decode(), _KIND)


def _find_where(where: str, path: str, value: str, fields: str = "") -> str:
    extra = f"<t:AdditionalProperties>{fields}</t:AdditionalProperties>" if fields else ""
    constant = f'<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant>'
    return (
        f'<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>{extra}</m:ItemShape>'
        '<m:IndexedPageItemView MaxEntriesReturned="10" Offset="0" BasePoint="Beginning"/>'
        f"<m:Restriction><t:IsEqualTo>{path}{constant}</t:IsEqualTo></m:Restriction>"
        f"<m:ParentFolderIds>{where}</m:ParentFolderIds></m:FindItem>"
    )


def _dump_global_id(uid: str) -> bytes:
    """A UID as Exchange keeps it: its own are hexadecimal, those of others are wrapped.

    Reference: https://learn.microsoft.com/en-us/openspecs/exchange_server_protocols/ms-oxocal/1d3aac05-a7b9-45cc-a213-47f0a0a2c5c1
    """
    with suppress(ValueError):
        if (own := bytes.fromhex(uid)).startswith(_GLOBAL_ID_HEAD):
            # The day of an occurrence is no part of what a series is found by.
            return own[:16] + bytes(4) + own[20:]
    wrapped = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    return _GLOBAL_ID_HEAD + bytes(20) + len(wrapped).to_bytes(4, "little") + wrapped
