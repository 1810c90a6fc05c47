"""ResolveNames, ConvertId and GetServerTimeZones."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from tzlocal.windows_tz import win_tz

from sandbox.exchange import ids
from sandbox.exchange.call import Call
from sandbox.exchange.directory import Account
from sandbox.exchange.errors import EwsError
from sandbox.exchange.soap import (
    Element,
    M,
    T,
    attribute,
    failure,
    invalid_request,
    read_bool,
    read_text,
    success,
    text,
)

FORMATS = ("EwsLegacyId", "EwsId", "EntryId", "HexEntryId", "StoreId", "OwaId")


def resolve_names(call: Call) -> Iterator[str]:
    """From the directory: by the beginning of an address, a user name, or a name.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/resolvenames-operation
    """
    entry = read_text(call.body.find(f"{M}UnresolvedEntry")).strip()
    if "ReturnFullContactData" not in call.body.attrib:
        raise invalid_request("The required attribute 'ReturnFullContactData' is missing.")
    if not entry:
        raise invalid_request("The 'UnresolvedEntry' element is invalid - The value '' is invalid.")
    found = call.site.search_people(entry)[:100]
    full = read_bool(call.body.get("ReturnFullContactData"))
    resolutions = "".join(_dump_resolution(call, account, full=full) for account in found)
    answer = (
        f'<m:ResolutionSet TotalItemsInView="{len(found)}" IncludesLastItemInRange="true">{resolutions}'
        "</m:ResolutionSet>"
    )
    if not found:
        yield failure("ResolveNames", EwsError("ErrorNameResolutionNoResults"))
    elif len(found) > 1:
        yield failure("ResolveNames", EwsError("ErrorNameResolutionMultipleResults"), answer, level="Warning")
    else:
        yield success("ResolveNames", answer)


def _dump_resolution(call: Call, account: Account, *, full: bool) -> str:
    name = call.site.name_of(account)
    first, _, last = name.partition(" ")
    person = call.site.store.people.find(account.email)
    company = person.organization if person else ""
    contact = (
        f"<t:Contact><t:Culture>en-US</t:Culture><t:DisplayName>{text(name)}</t:DisplayName>"
        f"<t:GivenName>{text(first)}</t:GivenName>"
        + (f"<t:CompanyName>{text(company)}</t:CompanyName>" if company else "")
        + f'<t:EmailAddresses><t:Entry Key="EmailAddress1">SMTP:{text(account.email)}</t:Entry></t:EmailAddresses>'
        "<t:ContactSource>ActiveDirectory</t:ContactSource>"
        + (f"<t:Surname>{text(last)}</t:Surname>" if last else "")
        + "</t:Contact>"
    )
    return (
        f"<t:Resolution><t:Mailbox><t:Name>{text(name)}</t:Name><t:EmailAddress>{text(account.email)}"
        "</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType><t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>"
        f"{contact if full else ''}</t:Resolution>"
    )


def convert_id(call: Call) -> Iterator[str]:
    """Clients ask for it to hear which server answers; an id here is the same in every format but OwaId.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/convertid-operation
    """
    target = call.body.get("DestinationFormat", "")
    if target not in FORMATS:
        raise invalid_request("The required attribute 'DestinationFormat' is missing.")

    def work(element: Element) -> str:
        value, mailbox = element.get("Id", ""), element.get("Mailbox", "")
        if element.get("Format") not in ("EwsId", "OwaId"):
            raise EwsError("ErrorInvalidIdMalformed")
        try:
            ids.read_item_id(value, call.mailbox.name)
        except EwsError as error:
            if error.code != "ErrorCannotUseFolderIdForItemId":
                raise
        converted = quote(value, safe="") if target == "OwaId" else value
        return success(
            "ConvertId",
            f'<m:AlternateId xsi:type="t:AlternateIdType" Format="{target}" Id="{attribute(converted)}"'
            f' Mailbox="{attribute(mailbox)}"/>',
        )

    return call.each(call.body.iterfind(f"{M}SourceIds/{T}AlternateId"), work)


def get_server_time_zones(call: Call) -> Iterator[str]:
    """Names only, whether or not the rules are asked for.

    Reference: https://learn.microsoft.com/exchange/client-developer/web-service-reference/getservertimezones-operation
    """
    wanted = {read_text(one) for one in call.body.iterfind(f"{M}Ids/{T}Id")}
    zones = "".join(
        f'<t:TimeZoneDefinition Id="{attribute(name)}" Name="{attribute(name)}"/>'
        for name in sorted(win_tz)
        if not wanted or name in wanted
    )
    yield success("GetServerTimeZones", f"<m:TimeZoneDefinitions>{zones}</m:TimeZoneDefinitions>")
