"""EWS over HTTP: POST is a SOAP call, GET the page that says that a service is here; neither without signing in.

Reference: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/authentication-and-ews-in-exchange
"""

from __future__ import annotations

import secrets

from flask import Blueprint, request
from werkzeug.wrappers import Response

from sandbox.exchange import soap
from sandbox.exchange.call import Call
from sandbox.exchange.directory import Account
from sandbox.exchange.errors import EwsError, SoapFault
from sandbox.exchange.operations import OPERATIONS
from sandbox.exchange.signing_in import Refused
from sandbox.exchange.site import Site

XML = "text/xml; charset=utf-8"
SERVICE_PAGE = """<HTML><HEAD><TITLE>Service</TITLE></HEAD><BODY><DIV id="content"><P class="heading1">Service</P>
<P class="intro">You have created a service.</P><P class="intro">To test this service, you will need to create a client
and use it to call the service. You can do this using the svcutil.exe tool from the command line with the following
syntax:</P><PRE>svcutil.exe <A HREF="{0}">{0}</A></PRE></DIV></BODY></HTML>"""


class Endpoint:
    def __init__(self, site: Site) -> None:
        self._site = site

    def blueprint(self) -> Blueprint:
        site = self._site
        routes = Blueprint(f"ews-{site.name}", __name__)
        folder = site.path.rpartition("/")[0]
        # Exchange does not mind the case
        for path in dict.fromkeys((site.path, site.path.replace("/EWS/Exchange.asmx", "/ews/exchange.asmx"))):
            routes.add_url_rule(path, "call", self.call, methods=["POST"])
            routes.add_url_rule(path, "page", self.page, methods=["GET"])
        routes.add_url_rule(f"{folder}/Services.wsdl", "wsdl", self.page, methods=["GET"])
        return routes

    def page(self) -> Response:
        """What a browser is shown once it has signed in."""
        admitted = self._admit()
        if isinstance(admitted, Response):
            return admitted
        page = SERVICE_PAGE.format(f"{self._site.base_url}{self._site.path.rpartition('/')[0]}/Services.wsdl")
        return self._dress(Response(page, mimetype="text/html"))

    def call(self) -> Response:
        admitted = self._admit()
        if isinstance(admitted, Response):
            return admitted
        try:
            body = self._answer(admitted)
            status = 200
        except SoapFault as fault:
            body, status = soap.dump_fault(fault), 500
        except EwsError as error:
            # of what the whole request asks for, not one of its items
            body, status = soap.dump_fault(SoapFault(error.code, error.text, error.xml)), 500
        return self._dress(Response(body, status, content_type=XML))

    def _answer(self, account: Account) -> bytes:
        """Raises SoapFault, EwsError."""
        site = self._site
        if (request.content_length or 0) > soap.LIMIT:
            raise soap.invalid_request("The request is too large.")
        parsed = soap.parse_request(request.get_data(), site.version)
        operation = OPERATIONS.get(parsed.operation)
        if operation is None:
            raise SoapFault("ErrorInvalidOperation", f"{parsed.operation} is not played here.")
        return soap.dump_response(parsed.operation, list(operation(Call(site, account, parsed))), site.version)

    def _admit(self) -> Account | Response:
        """Whoever may come in, or the answer for who may not.

        Reference: https://learn.microsoft.com/exchange/client-developer/exchange-web-services/how-to-control-access-to-ews-in-exchange
        (switched off for a mailbox or an organization, EWS answers 403 and nothing more).
        """
        try:
            account = self._site.door.admit(request.environ)
        except Refused as refused:
            return self._dress(refused.response)
        if not account.ews or not self._site.ews_enabled:
            return self._dress(Response(b"", 403))
        return account

    def _dress(self, response: Response) -> Response:
        """The headers Exchange adds to everything."""
        response.headers["Server"] = "Microsoft-IIS/10.0"
        response.headers["request-id"] = secrets.token_hex(16)
        response.headers["X-Powered-By"] = "ASP.NET"
        response.headers["X-FEServer"] = self._site.door.server
        response.headers["Cache-Control"] = "private"
        if "exchangecookie" not in request.cookies:
            response.set_cookie("exchangecookie", secrets.token_hex(16), httponly=True, secure=request.is_secure)
        return response
