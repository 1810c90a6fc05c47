"""Extended properties: the paths by which EWS names them, and the ids that Graph, and so the mailbox, has for the same.

Reference: https://learn.microsoft.com/graph/api/resources/extended-properties-overview
"""

from __future__ import annotations

import base64

from sandbox.exchange.soap import Element, T, attribute, invalid_request, read_text

SETS = {
    "Address": "00062004-0000-0000-C000-000000000046",
    "Appointment": "00062002-0000-0000-C000-000000000046",
    "CalendarAssistant": "11000E07-B51B-40D6-AF21-CAA85EDAB1D0",
    "Common": "00062008-0000-0000-C000-000000000046",
    "InternetHeaders": "00020386-0000-0000-C000-000000000046",
    "Meeting": "6ED8DA90-450B-101B-98DA-00AA003F1305",
    "PublicStrings": "00020329-0000-0000-C000-000000000046",
    "Sharing": "00062040-0000-0000-C000-000000000046",
    "Task": "00062003-0000-0000-C000-000000000046",
    "UnifiedMessaging": "4442858E-A9E3-4E80-B900-317A210CC15B",
}

GLOBAL_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")


def parse_path(element: Element) -> tuple[str, str]:
    """An ExtendedFieldURI → Graph's id for it, in lower case, and the element to answer with. Raises SoapFault."""
    kind, tag = element.get("PropertyType", ""), element.get("PropertyTag", "")
    guid = element.get("PropertySetId", "") or SETS.get(element.get("DistinguishedPropertySetId", ""), "")
    name, number = element.get("PropertyName", ""), element.get("PropertyId", "")
    if not kind or bool(tag) == bool(guid) or (guid and bool(name) == bool(number)):
        raise invalid_request("The element 'ExtendedFieldURI' has an invalid combination of attributes.")
    if tag:
        path = f"{kind} 0x{int(tag, 16):X}" if tag.lower().startswith("0x") else f"{kind} 0x{int(tag):X}"
    elif name:
        path = f"{kind} {{{guid.upper()}}} Name {name}"
    else:
        path = f"{kind} {{{guid.upper()}}} Id 0x{int(number):X}"
    path = path.lower()
    attributes = "".join(f' {key}="{attribute(value)}"' for key, value in element.attrib.items())
    return path, f"<t:ExtendedFieldURI{attributes}/>"


def parse_property(element: Element) -> tuple[str, str]:
    """An ExtendedProperty → path and value; of several values the first. Raises SoapFault."""
    field = element.find(f"{T}ExtendedFieldURI")
    if field is None:
        raise invalid_request("The element 'ExtendedProperty' has incomplete content.")
    value = element.find(f"{T}Value")
    if value is None:
        value = element.find(f"{T}Values/{T}Value")
    return parse_path(field)[0], read_text(value)


def global_ids(uid: str) -> dict[str, str]:
    """PidLidGlobalObjectId and its clean form, by path: what Exchange makes a UID of, and what events are found by.

    Reference: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxocal/1d3aac05-a7b9-45cc-a213-47f0a0a2c5c1
    """
    try:
        raw = bytes.fromhex(uid)
    except ValueError:
        raw = b""
    if not raw.startswith(GLOBAL_ID):
        data = b"vCal-Uid" + (1).to_bytes(4, "little") + uid.encode() + bytes(1)
        raw = GLOBAL_ID + bytes(4 + 8 + 8) + len(data).to_bytes(4, "little") + data
    # bytes 16 to 19: the day of an exception
    clean = raw[:16] + bytes(4) + raw[20:]
    return {
        f"binary {{{SETS['Meeting']}}} id 0x{number:x}".lower(): base64.b64encode(value).decode()
        for number, value in ((3, raw), (35, clean))
    }
