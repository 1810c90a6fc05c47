"""An Exchange by itself on loopback, and a client that speaks plain SOAP with it and has every word checked."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import requests
from flask import Flask
from lxml import etree

from sandbox.clock import Clock
from sandbox.exchange import Exchange
from sandbox.exchange.soap import MESSAGES, SOAP, TYPES
from sandbox.exchange.trouble import EwsFace
from sandbox.faults import Faults
from sandbox.gate import Gate
from sandbox.mailbox import Mailboxes
from sandbox.request_log import RequestLog
from sandbox.store import Store
from sandbox.tls import prepare_certificates
from sandbox.wire import Server

SHARED = Path(__file__).parents[3].parent / "shared"
NS = {"s": SOAP, "m": MESSAGES, "t": TYPES}
ALICE, BEN = "alice@north.example", "ben@north.example"
PASSWORD = "Frühling-2026: x"
LOGON = "NORTH\\alice"


@cache
def load_judge() -> Callable[[bytes], list[str]] | None:
    """The reference validator, where it lies beside the repository."""
    path = SHARED / "checks" / "ews_xsd.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("ews_xsd", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.validate


class Stage(Exchange):
    """With its troubles, the log of its requests, and the file of its server's certificate authority."""

    ca_file: str
    plain_url: str
    faults: Faults
    log: RequestLog

    def open_session(self) -> requests.Session:
        """One that trusts the authority and nothing of this machine's environment."""
        session = requests.Session()
        session.trust_env = False
        session.verify = self.ca_file
        return session


@contextmanager
def running_exchange() -> Iterator[Stage]:
    """By https and by http, with Alice and Ben of North."""
    store = Store()
    clock = Clock(store)
    stage = Stage(store, clock, Mailboxes(store, clock))
    app = Flask("exchange")
    stage.install(app)
    stage.faults, stage.log = Faults(), RequestLog(clock.now)
    stage.faults.register(EwsFace(stage), EwsFace(stage.online))
    gate = Gate(app, stage.faults, stage.log)
    certificates = prepare_certificates(":memory:")
    servers = [Server("127.0.0.1", 0, gate, tls=certificates.make_context()), Server("127.0.0.1", 0, gate)]
    stage.ca_file = str(certificates.ca_file)
    stage.settle(f"https://127.0.0.1:{servers[0].server_port}")
    stage.plain_url = f"http://127.0.0.1:{servers[1].server_port}{stage.path}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    stage.add_person(ALICE, name="Alice Meyer", password=PASSWORD, domain="NORTH", organization="North")
    stage.add_person(BEN, name="Ben Okafor", password=PASSWORD, domain="NORTH", timezone="America/New_York")
    try:
        yield stage
    finally:
        for server in servers:
            server.stop()
        for thread in threads:
            thread.join()
        store.close()


class Answer:
    """One answer: status, and its SOAP body where it has one."""

    def __init__(self, response: requests.Response) -> None:
        self.status, self.headers, self.raw = response.status_code, response.headers, response.content
        is_xml = response.headers.get("Content-Type", "").startswith("text/xml")
        self.root = etree.fromstring(response.content) if is_xml and response.content else None

    def find(self, path: str) -> Any:
        return None if self.root is None else self.root.find(f".//{path}", NS)

    def all(self, path: str) -> list[Any]:
        return [] if self.root is None else self.root.findall(f".//{path}", NS)

    def text(self, path: str) -> str | None:
        found = self.find(path)
        return None if found is None else found.text or ""

    def texts(self, path: str) -> list[str]:
        return [one.text or "" for one in self.all(path)]

    @property
    def codes(self) -> list[str]:
        return self.texts("m:ResponseCode")

    @property
    def fault(self) -> str | None:
        """The response code of a SOAP fault."""
        found = self.find("s:Fault/detail/{http://schemas.microsoft.com/exchange/services/2006/errors}ResponseCode")
        return None if found is None else found.text


class Soap:
    """A client by hand. Each request that should be good is held against the schema, and so is each answer."""

    def __init__(self, stage: Stage, url: str = "", *, user: str = LOGON, password: str = PASSWORD) -> None:
        self.url = url or stage.url
        self.session = stage.open_session()
        self.session.auth = (user.encode(), password.encode())
        self.judge = load_judge()

    def send(self, body: str, *, schema: str = "Exchange2016", header: str = "", check: bool = True) -> Answer:
        """check: whether the request should fit the schema; answers always should."""
        version = f'<t:RequestServerVersion Version="{schema}"/>' if schema else ""
        return self.post(
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">'
            f"<s:Header>{version}{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode(),
            check=check,
        )

    def post(self, data: bytes, *, check: bool = True) -> Answer:
        if check and self.judge:
            assert self.judge(data) == []
        answer = Answer(self.session.post(self.url, data=data, headers={"Content-Type": "text/xml; charset=utf-8"}))
        if answer.root is not None and answer.fault is None and self.judge:
            assert self.judge(answer.raw) == [], answer.raw.decode()[:3000]
        return answer

    def close(self) -> None:
        self.session.close()

    # requests that many tests make

    def get_items(self, *item_ids: str, shape: str = "<t:BaseShape>AllProperties</t:BaseShape>", **how: Any) -> Answer:
        ids = "".join(f'<t:ItemId Id="{one}"/>' for one in item_ids)
        return self.send(
            f"<m:GetItem><m:ItemShape>{shape}</m:ItemShape><m:ItemIds>{ids}</m:ItemIds></m:GetItem>", **how
        )

    def sync(self, folder: str, state: str = "", *, most: int = 512, shape: str = "", ignore: str = "") -> Answer:
        """folder: a folder id element, or a distinguished name."""
        folder = folder if folder.startswith("<") else f'<t:DistinguishedFolderId Id="{folder}"/>'
        shape = shape or "<t:BaseShape>IdOnly</t:BaseShape>"
        state = f"<m:SyncState>{state}</m:SyncState>" if state else ""
        ignore = f"<m:Ignore>{ignore}</m:Ignore>" if ignore else ""
        return self.send(
            f"<m:SyncFolderItems><m:ItemShape>{shape}</m:ItemShape><m:SyncFolderId>{folder}</m:SyncFolderId>"
            f"{state}{ignore}<m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"
        )

    def view(self, starts: str, ends: str, *, most: int = 0, shape: str = "", header: str = "") -> Answer:
        limit = f' MaxEntriesReturned="{most}"' if most else ""
        shape = shape or "<t:BaseShape>Default</t:BaseShape>"
        return self.send(
            f'<m:FindItem Traversal="Shallow"><m:ItemShape>{shape}</m:ItemShape>'
            f'<m:CalendarView{limit} StartDate="{starts}" EndDate="{ends}"/><m:ParentFolderIds>'
            '<t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>',
            header=header,
        )


def meeting(subject: str = "Talk", day: str = "2026-11-24", begin: str = "10:00", until: str = "11:00", **more: Any):
    """An event body in Berlin time, as Graph has it."""
    zone = "W. Europe Standard Time"
    return {
        "subject": subject, "start": {"dateTime": f"{day}T{begin}:00", "timeZone": zone},
        "end": {"dateTime": f"{day}T{until}:00", "timeZone": zone}, **more,
    }  # fmt: skip


def weekly(day: str = "2026-11-24", count: int = 5, weekday: str = "tuesday") -> dict[str, Any]:
    return {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": [weekday], "firstDayOfWeek": "monday"},
        "range": {"type": "numbered", "startDate": day, "numberOfOccurrences": count},
    }
