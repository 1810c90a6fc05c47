"""What is Zoom Phone's own, beyond what every phone system keeps to: its tokens, scopes, redirects and lists."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from django.utils import timezone

from integrations.errors import AdminNeeded, CursorExpired, Gone, RateLimited, Refused, Unexpected
from integrations.zoom import client
from organizations.models import Organization, User
from phone.models import Call, PhoneSystem, SystemKind, Voicemail
from phone.playing import make_link
from phone.reconciling import reconcile
from phone.systems import OpenSystem, SystemSetup
from phone.zoom import ZoomPhone
from phone.zoom import client as zoom_client
from safety import outbound
from sandbox.server import running
from sandbox.zoom import ACCOUNT_ID, CLIENT_ID
from sandbox.zoom.tokens import SCOPES
from tests.contracts.phone_stages import CALLER, COLLEAGUE, PERSON, SAID, ZoomPhoneStage, moment


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[ZoomPhoneStage]:
    monkeypatch.setattr(client, "PAGE_SIZE", 2)
    monkeypatch.setattr(zoom_client, "PAUSE", 0)
    with running() as sandbox:
        yield ZoomPhoneStage(sandbox)


@pytest.fixture
def system(stage: ZoomPhoneStage) -> Iterator[OpenSystem]:
    with stage.system.open() as opened:
        yield opened


def leave(stage: ZoomPhoneStage, system: OpenSystem) -> str:
    """The address of a message's sound."""
    stage.leave(CALLER, at=moment(), seconds=1)
    [voicemail] = system.voicemails(moment(60), moment(-1))
    assert voicemail.audio
    return voicemail.audio


def grant(stage: ZoomPhoneStage, *scopes: str) -> None:
    secret = stage.sandbox.zoom.credentials["client_secret"]
    stage.sandbox.zoom.tokens.register(ACCOUNT_ID, CLIENT_ID, secret, scopes=scopes)


def test_checking_names_every_scope_that_reading_needs(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    grant(stage, "phone:read:list_users:admin", "meeting:read:meeting:admin")
    with pytest.raises(AdminNeeded) as caught:
        system.check()
    for scope in zoom_client.SCOPES[1:]:
        assert scope in caught.value.sentence

    grant(stage, *(one for one in SCOPES if one != "phone:update:voicemail:admin"))
    assert "stays unread at Zoom" in system.check()
    grant(stage, *SCOPES)
    assert "all that Portico needs" in system.check()


def test_the_scopes_of_older_apps_are_as_good(stage: ZoomPhoneStage) -> None:
    older = frozenset({"phone_call_log:read:admin", "phone_voicemail:read:admin", "phone:read:list_users:admin"})

    assert zoom_client._list_missing(zoom_client.READING, older) == []
    assert zoom_client._list_missing(zoom_client.WRITING, older) == ["phone:update:voicemail:admin"]
    assert zoom_client._list_missing(zoom_client.READING, frozenset({"phone:read:admin"})) == []


def test_an_account_without_zoom_phone_is_told(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    stage.sandbox.faults.add("403-no-phone", "/zoom/v2/phone/*")
    with pytest.raises(AdminNeeded, match="has no Zoom Phone"):
        system.check()


def test_a_token_that_has_run_out_is_replaced_once(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    address = leave(stage, system)
    stage.sandbox.zoom.tokens.expire_all()
    with system.fetch_audio(address) as audio:
        assert audio.status == 200
    stage.sandbox.zoom.tokens.expire_all()
    assert len(list(system.users())) == 2

    stage.sandbox.faults.add("401", "/zoom/v2/phone/*", times=2)
    with pytest.raises(AdminNeeded), system.fetch_audio(address):
        pass


def test_a_download_that_leads_on_is_followed(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    address = leave(stage, system)
    with system.fetch_audio(address) as straight:
        whole = b"".join(straight.pieces)
    stage.sandbox.zoom.phone.redirects = True

    with system.fetch_audio(address, range_header="bytes=44-99") as audio:
        assert (audio.status, b"".join(audio.pieces)) == (206, whole[44:100])


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=99999999-", "bytes=5-2", "lines=1-2", "bytes=1-2,4-5"])
def test_odd_ranges_get_the_sound_all_the_same(stage: ZoomPhoneStage, system: OpenSystem, asked: str) -> None:
    with system.fetch_audio(leave(stage, system), range_header=asked) as audio:
        taken = b"".join(audio.pieces)

    assert audio.status in (200, 206)
    assert len(taken) == audio.length
    assert taken[:4] == b"RIFF"


@contextmanager
def elsewhere(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server of somebody else's on this machine, which knows nothing of ranges."""
    handler = type(
        "Handler",
        (http.server.BaseHTTPRequestHandler,),
        {"do_GET": lambda self: answer(self), "log_message": lambda *_: None},
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def open_system(stage: ZoomPhoneStage, *allowed: str) -> ZoomPhone:
    settings = {
        "token_url": stage.sandbox.settings["ZOOM_TOKEN_URL"],
        "api_root": stage.sandbox.settings["ZOOM_API_ROOT"],
    }
    policy = outbound.Policy(
        allow=outbound.parse_allow([urlsplit(one).netloc for one in (stage.sandbox.url, *allowed)])
    )
    setup = SystemSetup("northwind", stage.sandbox.zoom.credentials)
    return ZoomPhone(setup, settings, session_factory=lambda: outbound.session(policy, timeout=5.0))


def test_another_server_gets_no_token_and_its_answer_is_cut_where_it_knows_no_ranges(
    stage: ZoomPhoneStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    sound = bytes(range(256)) * 1000

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        seen.append(request.headers.get("Authorization"))
        if request.path == "/gone":
            request.send_error(404)
            return
        request.send_response(200)
        request.send_header("Content-Type", "audio/mpeg; charset=binary")
        request.send_header("Content-Length", str(len(sound)))
        request.end_headers()
        request.wfile.write(sound)

    with elsewhere(answer) as url, open_system(stage, url).open() as system:
        address = leave(stage, system)
        lead = requests.Session.get
        target = {"url": f"{url}file"}

        def get(self: requests.Session, asked: str, **more: object) -> requests.Response:
            """Zoom's own answer, as if it led to the other server."""
            response = lead(self, asked, **more)  # type: ignore[arg-type]
            if asked == address:
                response.status_code, response.headers["Location"] = 302, target["url"]
            return response

        monkeypatch.setattr(requests.Session, "get", get)
        with system.fetch_audio(address, range_header="bytes=70000-130000") as audio:
            assert b"".join(audio.pieces) == sound[70000:130001]
        assert (audio.status, audio.length) == (206, 60001)
        assert audio.content_type == "audio/mpeg"
        assert audio.content_range == f"bytes 70000-130000/{len(sound)}"
        target["url"] = f"{url}gone"
        with pytest.raises(Gone), system.fetch_audio(address):
            pass
        target["url"] = "http://10.0.0.1/"
        with pytest.raises(Refused), system.fetch_audio(address):
            pass
        target["url"] = address
        with pytest.raises(Unexpected), system.fetch_audio(address):
            pass

    assert seen == [None, None]


def test_a_file_that_is_gone_is_gone(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    address = leave(stage, system)
    stage.sandbox.faults.add("400-file", "/zoom/v2/phone/*")
    with pytest.raises(Gone, match="can no longer be played"), system.fetch_audio(address):
        pass


def test_a_page_that_zoom_has_forgotten_is_no_end_of_the_list(
    stage: ZoomPhoneStage, system: OpenSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minutes in (5, 15, 25):
        stage.receive(CALLER, result="missed", at=moment(minutes))
    listed = system.calls(moment(60), moment(-1))
    next(listed)
    stage.sandbox.clock.advance(timedelta(minutes=16))

    with pytest.raises(CursorExpired):
        list(listed)
    assert len(list(system.calls(moment(60), moment(-1)))) == 3


def test_a_list_without_an_end_ends(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    for minutes in (5, 15, 25):
        stage.receive(CALLER, result="missed", at=moment(minutes))
    stage.sandbox.faults.add("endless", "/zoom/v2/phone/*", times=None)
    with pytest.raises(Unexpected):
        list(system.calls(moment(60), moment(-1)))


def test_too_many_at_once_is_waited_for_though_zoom_does_not_say_how_long(
    stage: ZoomPhoneStage, system: OpenSystem
) -> None:
    stage.sandbox.faults.add("429-concurrent", "/zoom/v2/phone/*")
    with pytest.raises(RateLimited) as caught:
        list(system.users())
    assert caught.value.retry_after is None
    assert len(list(system.users())) == 2


def test_requests_keep_their_distance(stage: ZoomPhoneStage, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(zoom_client, "PAUSE", 100.0)
    monkeypatch.setattr(zoom_client.time, "sleep", waits.append)
    with stage.system.open() as system:
        list(system.users())
        list(system.users())

    assert waits[0] == 0
    assert 99 < waits[1] <= 100


def test_of_a_call_to_a_queue_its_path_tells_whose_it_was(stage: ZoomPhoneStage, system: OpenSystem) -> None:
    phone, queue = (
        stage.sandbox.zoom.phone,
        {"callee_ext_type": "call_queue", "callee_email": "", "callee_name": "Sales"},
    )
    told = phone.receive(PERSON, CALLER, result="answered", at=moment(), raw=queue)
    same = {name: told[name] for name in ("call_id", "call_history_uuid")}
    phone.receive(COLLEAGUE, CALLER, result="answered", at=moment(), seconds=40, raw=same)

    [call] = system.calls(moment(60), moment(-1))
    assert (call.owner.email, call.call_id, call.result) == (COLLEAGUE, told["call_id"], "answered")
    assert (call.seconds, call.e164) == (40, CALLER)

    stage.sandbox.faults.add("404-call", "/zoom/v2/phone/*")
    assert list(system.calls(moment(60), moment(-1))) == []


def test_lost_notifications_come_back_and_a_message_is_heard(
    stage: ZoomPhoneStage, northwind: Organization, alice: User, alice_client: Client, settings
) -> None:
    """The whole way: Zoom's lists, rows, the person's browser."""
    settings.PHONE_SYSTEM_SETTINGS = {
        "zoom": {
            "token_url": stage.sandbox.settings["ZOOM_TOKEN_URL"],
            "api_root": stage.sandbox.settings["ZOOM_API_ROOT"],
        }
    }
    settings.OUTBOUND_ALLOW = [urlsplit(stage.sandbox.url).netloc]
    row = PhoneSystem.objects.create(
        organization=northwind, kind=SystemKind.ZOOM, credentials=stage.sandbox.zoom.credentials
    )
    stage.receive(CALLER, result="answered", at=moment(60), seconds=75)
    stage.place(CALLER, result="no_answer", at=moment(50))
    stage.receive("anonymous", result="missed", at=moment(40))
    stage.leave(CALLER, at=moment(30), seconds=2, transcript=SAID)
    for _ in range(2):
        PhoneSystem.objects.update(next_reconcile_at=timezone.now())
        reconcile(row.pk)

    found = Call.objects.newest_first().values_list("owner", "direction", "result", "e164", "seconds")
    assert list(found) == [
        (alice.pk, "in", "voicemail", CALLER, 0),
        (alice.pk, "in", "missed", "", 0),
        (alice.pk, "out", "no_answer", CALLER, 0),
        (alice.pk, "in", "answered", CALLER, 75),
    ]
    voicemail = Voicemail.objects.get()
    assert (voicemail.owner, voicemail.transcript, voicemail.is_read) == (alice, SAID, False)
    answer = alice_client.get(make_link(voicemail, alice), headers={"Range": "bytes=0-3"})
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, b"RIFF")
    assert alice.phone_licence.is_held
