"""Start the sandbox: as a process of its own (`python -m sandbox`) or inside a test (`running()`)."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.routing import Map

from sandbox import control, control_mailboxes, control_phone, control_push, control_zoom, demo, pages
from sandbox.clock import Clock
from sandbox.delivering import Deliveries
from sandbox.exchange import Exchange
from sandbox.exchange.trouble import EwsFace
from sandbox.faults import Faults
from sandbox.gate import Gate
from sandbox.google import Google
from sandbox.google.trouble import GoogleFace
from sandbox.mailbox import Mailboxes
from sandbox.microsoft import Office365
from sandbox.request_log import RequestLog
from sandbox.store import Store
from sandbox.tls import prepare_certificates
from sandbox.wire import PortTaken, Server
from sandbox.zoom import Zoom
from sandbox.zoom.phone.trouble import PhoneFace
from sandbox.zoom.trouble import ZoomFace

HOST = "127.0.0.1"
TEST_REDIRECT = "http://127.0.0.1:8000/integrations/callback/"


class NoRule:
    """Stands for a route that is known already."""

    def __init__(self, *_: Any, **__: Any) -> None: ...


class NoMap:
    """Takes the routes that an earlier sandbox has had already: to parse them again took most of a start."""

    def add(self, _: NoRule) -> None: ...


ROUTES: list[Map] = []
"""Of the first sandbox of this process; every other one has the same."""


class Sandbox:
    """Everything of one sandbox: where it is, its people, its providers, its troubles."""

    def __init__(self, data: str = ":memory:", *, pushes_to_loopback: bool = False) -> None:
        self.store = Store(data)
        self.clock = Clock(self.store)
        self.faults = Faults()
        self.log = RequestLog(lambda: datetime.now(UTC))
        self.google = Google(self.store, self.clock)
        self.google.faults, self.google.log = self.faults, self.log
        self.deliveries = self.google.deliveries = Deliveries(
            self.log, self.store.last_change, takes_loopback=pushes_to_loopback
        )
        self.mailboxes = Mailboxes(self.store, self.clock)
        self.office365 = Office365(self.store, self.clock, self.mailboxes)
        self.exchange = Exchange(self.store, self.clock, self.mailboxes)
        self.zoom = Zoom(self.store, self.clock)
        ews, online = EwsFace(self.exchange), EwsFace(self.exchange.online)
        ews.name, online.name = "Exchange", "Exchange Online's EWS"
        self.faults.register(
            GoogleFace(self.google), *self.office365.faces(), ews, online, ZoomFace(self.zoom), PhoneFace(self.zoom)
        )
        self.office365.graph.subscriptions.deliveries = self.deliveries
        self.deliveries.sources += [self.google.channels, self.office365.graph.subscriptions]
        self.store.listeners.append(self.deliveries.wake)
        self.clock.listeners.append(self.deliveries.pass_time)
        self.zoom.phone.subscriptions.deliveries = self.deliveries
        self.certificates = prepare_certificates(data)
        self.ca_file = self.certificates.ca_file
        self.url = self.tls_url = ""
        self.open_connections: Callable[[], int] = lambda: 0

    def build_app(self) -> Gate:
        app = Flask("sandbox", template_folder="templates", static_folder="static", static_url_path="/_static")
        routes = ROUTES[0] if ROUTES else app.url_map
        if ROUTES:
            app.url_rule_class, app.url_map = NoRule, NoMap()  # type: ignore[assignment]
        routes.strict_slashes = True
        app.config["SECRET_KEY"] = secrets.token_hex(32)
        self.google.install(app)
        self.office365.install(app)
        self.exchange.install(app)
        self.zoom.install(app)
        app.register_blueprint(control.make_blueprint(self))
        app.register_blueprint(control_mailboxes.make_blueprint(self))
        app.register_blueprint(control_push.make_blueprint(self))
        app.register_blueprint(control_zoom.make_blueprint(self))
        app.register_blueprint(control_phone.make_blueprint(self))
        pages.install(app, self)
        app.url_map = routes
        ROUTES[:] = [routes]
        return Gate(app, self.faults, self.log)

    def settle(self, url: str, tls_url: str = "") -> None:
        """Say where it is reached, by http and by https."""
        self.url, self.tls_url = url, tls_url
        self.google.settle(url)
        self.office365.settle(url, tls_url)
        self.exchange.settle(tls_url or url)
        self.zoom.settle(url)

    @property
    def settings(self) -> dict[str, str]:
        """The product's settings that point it at this sandbox."""
        ports = ",".join(urlsplit(url).netloc for url in (self.url, self.tls_url) if url)
        outbound = {"OUTBOUND_ALLOW": ports, "OUTBOUND_CA_BUNDLE": str(self.ca_file)}
        known = self.google.settings() | self.office365.settings() | self.exchange.settings() | self.zoom.settings()
        return known | outbound

    def listen(self, port: int, tls_port: int) -> tuple[Server, Server]:
        """The same application by http and by https; 0 takes a free port. Raises PortTaken, with a sentence."""
        app = self.build_app()
        servers: list[Server] = []
        secured = self.certificates.make_context()
        for option, number, context in (("--port", port, None), ("--tls-port", tls_port, secured)):
            try:
                servers.append(Server(HOST, number, app, tls=context))
            except PortTaken as reason:
                for server in servers:
                    server.server_close()
                raise PortTaken(f"{HOST}:{number}: {reason}. Choose another {option}.") from None
        plain, secure = servers
        self.open_connections = lambda: plain.count_open() + secure.count_open()
        self.deliveries.resume()
        self.settle(f"http://{HOST}:{plain.server_port}", f"https://{HOST}:{secure.server_port}")
        return plain, secure

    def close(self) -> None:
        self.deliveries.close()
        self.store.close()


@contextmanager
def running(
    data: str = ":memory:", *, redirect_uris: tuple[str, ...] = (TEST_REDIRECT,), pushes_to_loopback: bool = False
) -> Iterator[Sandbox]:
    """A sandbox on free ports, in threads, for as long as the block lasts."""
    sandbox = Sandbox(data, pushes_to_loopback=pushes_to_loopback)
    servers = sandbox.listen(0, 0)
    sandbox.google.register_default_client(list(redirect_uris))
    sandbox.office365.register_default_client(list(redirect_uris))
    sandbox.zoom.register_default_app()
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    try:
        yield sandbox
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join()
        sandbox.close()


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m sandbox", description="Pretend providers for Portico.")
    parser.add_argument("--port", type=int, default=9100, help="for http")
    parser.add_argument("--tls-port", type=int, help="for https; else the one after --port")
    parser.add_argument(
        "--make-ca", action="store_true", help="make the certificates where they are missing, say where, and stop"
    )
    parser.add_argument("--data", default="var/sandbox.sqlite3", help="file that holds everything; made when missing")
    parser.add_argument("--push-to-loopback", action="store_true",
                        help="send notifications by http on this machine as well, as no service does")  # fmt: skip
    parser.add_argument("--seed", choices=["demo"], help="fill an empty sandbox with demonstration data")
    parser.add_argument("--client", metavar="ID:SECRET", default="",
                        help="else SANDBOX_GOOGLE_CLIENT_ID and SANDBOX_GOOGLE_CLIENT_SECRET")  # fmt: skip
    parser.add_argument("--redirect-uri", action="append", default=[],
                        help="where consent may lead back to; may be repeated; else SANDBOX_REDIRECT_URIS")  # fmt: skip
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped. Returns the exit status."""
    options = parse_arguments(arguments)
    if os.environ.get("SANDBOX") != "1":
        print(
            "The sandbox pretends to be Google, Microsoft and Zoom and lets anyone in, so it starts only where that is "
            "wanted: set SANDBOX=1 in the environment and start it again.",
            file=sys.stderr,
        )
        return 2
    if options.make_ca:
        print(prepare_certificates(options.data).ca_file)
        return 0
    sandbox = Sandbox(options.data, pushes_to_loopback=options.push_to_loopback)
    following = options.port + 1 if options.port else 0
    try:
        server, secure = sandbox.listen(options.port, following if options.tls_port is None else options.tls_port)
    except PortTaken as reason:
        sandbox.close()
        print(f"The sandbox cannot listen on {reason}", file=sys.stderr)
        return 1
    client_id, _, secret = options.client.partition(":")
    given = options.redirect_uri or os.environ.get("SANDBOX_REDIRECT_URIS", TEST_REDIRECT).split(",")
    uris = [uri.strip() for uri in given if uri.strip()]
    sandbox.google.register_default_client(
        uris,
        client_id=client_id or os.environ.get("SANDBOX_GOOGLE_CLIENT_ID", ""),
        secret=secret or os.environ.get("SANDBOX_GOOGLE_CLIENT_SECRET", ""),
    )
    sandbox.office365.register_default_client(
        uris,
        client_id=os.environ.get("SANDBOX_OFFICE365_CLIENT_ID", ""),
        secret=os.environ.get("SANDBOX_OFFICE365_CLIENT_SECRET", ""),
    )
    sandbox.zoom.register_default_app(
        account=os.environ.get("SANDBOX_ZOOM_ACCOUNT_ID", ""),
        client_id=os.environ.get("SANDBOX_ZOOM_CLIENT_ID", ""),
        secret=os.environ.get("SANDBOX_ZOOM_CLIENT_SECRET", ""),
    )
    if options.seed == "demo" and demo.is_missing(sandbox):
        began = time.perf_counter()
        demo.seed_everything(sandbox)
        print(f"Demonstration data made in {time.perf_counter() - began:.1f} s.", flush=True)
    where = Path(options.data).resolve() if options.data != ":memory:" else "memory only"
    print(f"Sandbox (pretend Google, Office 365, Exchange and Zoom) on {sandbox.url}/  data: {where}", flush=True)
    print(f"By https on {sandbox.tls_url}/  its certificate authority: {sandbox.ca_file}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    threading.Thread(target=secure.serve_forever, args=(0.2,), daemon=True).start()
    try:
        server.serve_forever(0.2)
    except KeyboardInterrupt:
        pass
    finally:
        secure.stop()
        server.stop()
        sandbox.close()
    return 0
