"""Properties by their URI, and the shape of an answer: which of them a request wants to see.

Reference: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/property-sets-and-response-shapes-in-ews-in-exchange
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sandbox.exchange.errors import EwsError, SoapFault
from sandbox.exchange.extended import parse_path
from sandbox.exchange.soap import Element, T, attribute, invalid_request, read_text
from sandbox.exchange.versions import SCHEMAS

Mode = Literal["get", "find", "sync"]
# ids come whether they are asked for or not
ALWAYS = ("item:ItemId", "folder:FolderId")
SCHEMA_TEXT = (
    "The request is valid but does not specify the correct server version in the RequestServerVersion SOAP header. "
    " Ensure that the RequestServerVersion SOAP header is set with the correct RequestServerVersionValue."
)
ENUMERATION = (
    "The 'FieldURI' attribute is invalid - The value '{}' is invalid according to its datatype"
    " 'http://schemas.microsoft.com/exchange/services/2006/types:UnindexedFieldURIType' - The Enumeration constraint"
    " failed."
)


@dataclass(frozen=True, slots=True)
class View:
    """How an answer is written. zone: of its times, with `zone_name` as asked for; body: HTML, Text or Best.

    extended: the extended properties that are wanted, as pairs of path and ExtendedFieldURI element. indexed: parts of
    properties that are not wanted whole, as pairs of URI and index. owa: the address of Outlook on the web.
    """

    mode: Mode
    zone: ZoneInfo
    zone_name: str
    schema: str
    body: str = "Best"
    extended: tuple[tuple[str, str], ...] = ()
    indexed: frozenset[tuple[str, str]] = frozenset()
    owa: str = ""

    def shows(self, uri: str, index: str) -> bool:
        """Whether this entry of an indexed property is wanted: all are, unless some were named."""
        if not self.indexed or (uri, index) in self.indexed:
            return True
        return not any(whole_of(uri) == whole_of(named) for named, _ in self.indexed)


@dataclass(frozen=True, slots=True)
class Property:
    """One element of an item. dump: item and view → XML, "" for none; shapes: D in Default, A in AllProperties.

    get_only: what FindItem and SyncFolderItems never return; since: the first schema that has it.
    """

    uri: str
    dump: Callable[[Any, View], str]
    shapes: str = ""
    get_only: bool = False
    since: str = "Exchange2007"


@dataclass(frozen=True)
class Kind:
    """Items of one sort: their element and their properties, in the order of the schema."""

    element: str
    properties: tuple[Property, ...]
    by_uri: dict[str, Property] = field(init=False, hash=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_uri", {one.uri: one for one in self.properties})

    def __hash__(self) -> int:
        return hash(self.element)


@dataclass(frozen=True, slots=True)
class Shape:
    """base: IdOnly, Default or AllProperties; extra: URIs of properties that are wanted too; the rest: as in View."""

    base: str
    extra: frozenset[str]
    extended: tuple[tuple[str, str], ...] = ()
    body: str = "Best"
    indexed: frozenset[tuple[str, str]] = frozenset()


def whole_of(uri: str) -> str:
    """The property that an indexed one is a part of: contacts:PhoneNumber → contacts:PhoneNumbers."""
    if uri.startswith("contacts:PhysicalAddress"):
        return "contacts:PhysicalAddresses"
    return f"{uri}es" if uri.endswith("s") else f"{uri}s"


def parse_shape(element: Element | None) -> Shape:
    """An ItemShape or FolderShape. Raises SoapFault."""
    if element is None:
        raise invalid_request("The shape of the answer is missing.")
    base = read_text(element.find(f"{T}BaseShape"))
    if base not in ("IdOnly", "Default", "AllProperties"):
        raise invalid_request(f"The 'BaseShape' element is invalid - The value '{base}' is invalid.")
    named, indexed, extended = set(), set(), []
    for path in element.iterfind(f"{T}AdditionalProperties/*"):
        uri = path.get("FieldURI", "")
        if path.tag == f"{T}ExtendedFieldURI":
            extended.append(parse_path(path))
        elif path.tag == f"{T}IndexedFieldURI":
            indexed.add((uri, path.get("FieldIndex", "")))
        else:
            named.add(uri)
    parts = frozenset(one for one in indexed if base == "IdOnly" and whole_of(one[0]) not in named)
    extra = frozenset(named | {whole_of(uri) for uri, _ in indexed})
    return Shape(base, extra, tuple(extended), read_text(element.find(f"{T}BodyType")) or "Best", parts)


@lru_cache(maxsize=1024)
def choose(kind: Kind, shape: Shape, mode: Mode, schema: str, newest: str) -> tuple[Property, ...]:
    """The properties that an answer shows, in order; the id is not among them.

    schema: of the request; newest: the newest that the server knows.

    Raises:
        EwsError: a property that such items do not have.
        SoapFault: one that the server does not know yet, or that a request of this schema may not ask for.
    """
    for uri in shape.extra:
        known = kind.by_uri.get(uri)
        if known is None and uri not in ALWAYS:
            raise EwsError("ErrorInvalidPropertyRequest", xml=f'<t:FieldURI FieldURI="{attribute(uri)}"/>')
        if known is not None and not _is_in(known, newest):
            raise invalid_request(ENUMERATION.format(uri))
        if known is not None and not _is_in(known, schema):
            raise SoapFault("ErrorIncorrectSchemaVersion", SCHEMA_TEXT)
    letter = "" if shape.base == "IdOnly" else shape.base[0]
    return tuple(
        one
        for one in kind.properties
        if (one.uri in shape.extra
            or (letter and letter in one.shapes and _is_in(one, schema))
            or (one.uri == "item:ExtendedProperty" and shape.extended))
        and not (one.get_only and mode != "get")
    )  # fmt: skip


def _is_in(one: Property, schema: str) -> bool:
    return SCHEMAS.index(one.since) <= SCHEMAS.index(schema)
