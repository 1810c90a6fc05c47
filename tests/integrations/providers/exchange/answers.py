"""Exchange's answers as text, in the shapes that it documents."""

from integrations.providers.http import Answer

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
MESSAGES = "http://schemas.microsoft.com/exchange/services/2006/messages"
TYPES = "http://schemas.microsoft.com/exchange/services/2006/types"
ERRORS = "http://schemas.microsoft.com/exchange/services/2006/errors"


def envelope(body: str, *, build: tuple[int, int, int, int] | None = (15, 2, 1748, 39), prolog: str = "") -> bytes:
    """`build`: what ServerVersionInfo says."""
    names = ("MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber")
    info = " ".join(f'{name}="{number}"' for name, number in zip(names, build, strict=True)) if build else ""
    header = f'<s:Header><h:ServerVersionInfo {info} xmlns:h="{TYPES}"/></s:Header>' if build else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{prolog}<s:Envelope xmlns:s="{SOAP}">{header}'
        f'<s:Body xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">{body}</s:Body></s:Envelope>'
    ).encode()


def response(operation: str, *messages: str) -> str:
    return (
        f"<m:{operation}Response><m:ResponseMessages>{''.join(messages)}</m:ResponseMessages></m:{operation}Response>"
    )


def success(operation: str, inner: str = "") -> str:
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>{inner}'
        f"</m:{operation}ResponseMessage>"
    )


def failure(operation: str, code: str, xml: str = "") -> str:
    """https://learn.microsoft.com/en-us/exchange/client-developer/web-service-reference/responsemessage"""
    return (
        f'<m:{operation}ResponseMessage ResponseClass="Error"><m:MessageText>Words, words.</m:MessageText>'
        f"<m:ResponseCode>{code}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        f"<m:MessageXml>{xml}</m:MessageXml></m:{operation}ResponseMessage>"
    )


def fault(code: str, xml: str = "") -> bytes:
    """https://learn.microsoft.com/en-us/exchange/client-developer/exchange-web-services/ews-throttling-in-exchange"""
    detail = f"<t:MessageXml>{xml}</t:MessageXml>" if xml else ""
    return envelope(
        f'<s:Fault><faultcode xmlns:a="{TYPES}">a:{code}</faultcode><faultstring xml:lang="en-US">Words, words.'
        f'</faultstring><detail><e:ResponseCode xmlns:e="{ERRORS}">{code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">Words, words.</e:Message>{detail}</detail></s:Fault>',
        build=None,
    )


def back_off(milliseconds: int) -> str:
    return f'<t:Value Name="BackOffMilliseconds">{milliseconds}</t:Value>'


def good(operation: str, *inner: str) -> Answer:
    return Answer(200, {}, envelope(response(operation, *(success(operation, one) for one in inner))))
