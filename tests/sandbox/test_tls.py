"""The https side: certificates of the sandbox's own authority, kept connections, the same application."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from flask import Flask, request

from sandbox import tls
from sandbox.faults import Faults
from sandbox.server import main, running
from sandbox.wire import CONNECTION, Server
from tests.sandbox.conftest import ALICE, Api


@pytest.fixture
def client(sandbox):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(sandbox.ca_file)
        yield session


def test_http_and_https_are_the_same_sandbox(sandbox, client):
    assert sandbox.tls_url.startswith("https://127.0.0.1:")
    for n, url in enumerate((sandbox.url, sandbox.tls_url, sandbox.tls_url.replace("127.0.0.1", "localhost"))):
        client.post(f"{url}/_control/people", json={"email": f"fay{n}@north.example"})
    found = client.get(f"{sandbox.tls_url}/_control/").json()["people"]
    assert sum(email.startswith("fay") for email in found) == 3


def test_who_does_not_trust_the_authority_is_not_talked_to(sandbox, client):
    client.verify = True
    with pytest.raises(requests.exceptions.SSLError):
        client.get(f"{sandbox.tls_url}/_control/")


def test_the_certificate_satisfies_the_strictest_check(sandbox):
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    port = int(sandbox.tls_url.rpartition(":")[2])
    for name in ("127.0.0.1", "localhost"):
        with socket.create_connection(("127.0.0.1", port)) as raw, context.wrap_socket(raw, server_hostname=name):
            pass
    with (
        socket.create_connection(("127.0.0.1", port)) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
        context.wrap_socket(raw, server_hostname="login.example"),
    ):
        pass


def test_a_client_that_never_says_hello_holds_up_nobody(sandbox, client):
    port = int(sandbox.tls_url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)), socket.create_connection(("127.0.0.1", port)) as rude:
        rude.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.get(f"{sandbox.tls_url}/_control/", timeout=5).status_code == 200


def test_certificates_are_kept_beside_the_data_and_only_their_owner_reads_the_key(tmp_path):
    data = str(tmp_path / "deep" / "box.sqlite3")
    made = tls.prepare_certificates(data)
    assert made.ca_file == tmp_path / "deep" / "box-ca.pem"
    assert stat.S_IMODE(made.server_file.stat().st_mode) == 0o600
    assert b"PRIVATE" not in made.ca_file.read_bytes()
    before = made.ca_file.read_bytes(), made.server_file.read_bytes()
    assert tls.prepare_certificates(data) == made
    assert (made.ca_file.read_bytes(), made.server_file.read_bytes()) == before


@pytest.mark.parametrize("spoil", ["missing", "torn", "of another authority", "old"])
def test_certificates_that_will_not_do_are_made_anew_as_a_pair(tmp_path, monkeypatch, spoil):
    data = str(tmp_path / "box.sqlite3")
    if spoil == "old":
        with monkeypatch.context() as patch:
            patch.setattr(tls, "LIFE", timedelta(days=29))
            made = tls.prepare_certificates(data)
    else:
        made = tls.prepare_certificates(data)
    before = made.ca_file.read_bytes()
    if spoil == "missing":
        made.server_file.unlink()
    if spoil == "torn":
        made.server_file.write_bytes(made.server_file.read_bytes()[:900])
    if spoil == "of another authority":
        made.ca_file.write_bytes(tls.prepare_certificates(str(tmp_path / "other.sqlite3")).ca_file.read_bytes())
        before = made.ca_file.read_bytes()
    again = tls.prepare_certificates(data)
    assert again.ca_file.read_bytes() != before
    ends = x509.load_pem_x509_certificate(again.ca_file.read_bytes()).not_valid_after_utc
    assert ends > datetime.now(UTC) + timedelta(days=400)
    again.make_context()


def test_the_authority_can_be_had_before_anything_is_started(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SANDBOX", "1")
    data = str(tmp_path / "box.sqlite3")
    assert main(["--data", data, "--make-ca"]) == 0
    said = Path(capsys.readouterr().out.strip())
    authority = said.read_bytes()
    assert not Path(data).exists()
    with running(data) as sandbox, requests.Session() as session:
        session.trust_env = False
        assert sandbox.ca_file == said
        assert session.get(f"{sandbox.tls_url}/_control/", verify=str(said)).status_code == 200
    assert said.read_bytes() == authority


def test_a_process_says_where_its_authority_lies_and_takes_the_app_registration_from_its_environment(tmp_path):
    environment = os.environ | {"SANDBOX": "1", "SANDBOX_OFFICE365_CLIENT_ID": "the-app",
                                "SANDBOX_OFFICE365_CLIENT_SECRET": "the-secret"}  # fmt: skip
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--data", str(tmp_path / "box.sqlite3")]
    root = Path(__file__).parents[2]
    with (
        subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process,
        requests.Session() as session,
    ):
        said = next(line for line in process.stdout if line.startswith("By https on "))
        url, _, authority = said.removeprefix("By https on ").partition("/  its certificate authority: ")
        session.trust_env, session.verify = False, authority.strip()
        settings = session.get(f"{url}/_control/settings").json()
        process.terminate()
        assert process.wait(10) == 0
    assert (settings["OFFICE365_CLIENT_ID"], settings["OFFICE365_CLIENT_SECRET"]) == ("the-app", "the-secret")
    assert settings["OUTBOUND_CA_BUNDLE"] == authority.strip() == str(tmp_path / "box-ca.pem")


def test_two_processes_that_start_at_once_agree_on_the_certificates(tmp_path):
    code = "import sys; from sandbox.tls import prepare_certificates as p; print(p(sys.argv[1]).ca_file.read_text())"
    command = [sys.executable, "-c", code, str(tmp_path / "box.sqlite3")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {process.communicate(timeout=30)[0] for process in started}
    assert len(said) == 1 and "BEGIN CERTIFICATE" in said.pop()


def test_a_taken_https_port_is_said_in_a_sentence(monkeypatch, capsys, sandbox):
    monkeypatch.setenv("SANDBOX", "1")
    port = sandbox.tls_url.rpartition(":")[2]
    assert main(["--data", ":memory:", "--port", "0", "--tls-port", port]) == 1
    assert "Choose another --tls-port." in capsys.readouterr().err


@pytest.fixture(params=["http", "https"])
def wire(request):
    """A server of its own around an application that says which connection it is on: (address, session)."""
    certificates = tls.prepare_certificates(":memory:")
    app = Flask("wire")
    app.add_url_rule("/", view_func=_count, methods=["GET", "POST"])
    app.add_url_rule("/stream", "stream", view_func=lambda: (piece for piece in ("a" * 10, "", "b")))
    app.add_url_rule("/nothing", "nothing", view_func=lambda: ("", 204), methods=["GET", "POST"])
    app.add_url_rule("/short", "short", view_func=lambda: (iter(["abc"]), 200, {"Content-Length": "10"}))

    def application(environ, start):
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("a mistake outside of Flask")
        return app(environ, start)

    secured = certificates.make_context() if request.param == "https" else None
    server = Server("127.0.0.1", 0, application, tls=secured)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(certificates.ca_file)
        yield f"{request.param}://127.0.0.1:{server.server_port}", session
    server.stop()
    thread.join()


def _count() -> dict:
    memory = request.environ[CONNECTION]
    memory["count"] = memory.get("count", 0) + 1
    read = len(request.get_data()) if request.args.get("read") else 0
    return {"count": memory["count"], "port": request.environ["werkzeug.socket"].getpeername()[1], "read": read}


def test_a_connection_is_kept_and_remembers_what_happened_on_it(wire):
    url, session = wire
    answers = [session.get(f"{url}/").json() for _ in range(3)]
    answers += [session.post(f"{url}/", data=b"x" * 5000).json() for _ in range(2)]
    answers += [session.post(f"{url}/?read=1", data=b"x" * 5000).json()]
    assert [answer["count"] for answer in answers] == [1, 2, 3, 4, 5, 6]
    assert answers[-1]["read"] == 5000
    assert len({answer["port"] for answer in answers}) == 1
    with requests.Session() as other:
        other.trust_env, other.verify = False, session.verify
        assert other.get(f"{url}/").json()["count"] == 1


def test_bodies_end_where_they_end_whatever_their_form(wire):
    url, session = wire
    assert session.get(f"{url}/stream").text == "a" * 10 + "b"
    assert session.post(f"{url}/nothing", data=b"x").content == b""
    assert session.head(f"{url}/").headers["Content-Length"] != "0"
    assert session.get(f"{url}/").json()["count"] == 2


def test_an_answer_shorter_than_promised_ends_with_the_line_and_not_with_a_wait(wire):
    url, session = wire
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        session.get(f"{url}/short", timeout=5)
    assert session.get(f"{url}/").json()["count"] == 1


def test_a_body_left_unread_is_not_taken_for_the_next_request(wire):
    url, session = wire
    session.post(f"{url}/", data=b"x" * 3_500_000)
    assert session.get(f"{url}/").json()["count"] == 2


def test_a_connection_ends_where_the_client_says_so_and_after_a_body_in_chunks(wire):
    url, session = wire
    assert session.get(f"{url}/", headers={"Connection": "close"}).headers["Connection"] == "close"
    assert session.get(f"{url}/").json()["count"] == 1
    assert session.post(f"{url}/?read=1", data=iter([b"in ", b"chunks"])).json()["read"] == 9
    assert session.get(f"{url}/").json()["count"] == 1


def test_a_mistake_in_the_application_is_a_500_and_said_on_stderr(wire, capsys):
    url, session = wire
    assert session.get(f"{url}/broken").status_code == 500
    assert "a mistake outside of Flask" in capsys.readouterr().err
    assert session.get(f"{url}/").json()["count"] == 1


@pytest.mark.parametrize("kind", ["hang-up", "cut-off"])
def test_a_line_breaks_under_tls_too_and_the_next_one_holds(sandbox, client, kind):
    api = Api(sandbox, ALICE)
    events = api.events.replace(sandbox.url, sandbox.tls_url)
    client.headers["Authorization"] = f"Bearer {api.token}"
    api.session.close()
    sandbox.faults.add(kind)
    with pytest.raises(requests.RequestException):
        client.get(events)
    assert client.get(events).status_code == 200


def test_stopping_closes_what_clients_kept_open():
    with running() as sandbox, requests.Session() as session:
        session.trust_env, session.verify = False, str(sandbox.ca_file)
        session.get(f"{sandbox.tls_url}/_control/")
        session.get(f"{sandbox.url}/_control/")
        assert sandbox.open_connections() == 2
    assert isinstance(sandbox.faults, Faults)
    with requests.Session() as session, pytest.raises(requests.ConnectionError):
        session.get(f"{sandbox.tls_url}/_control/", verify=str(sandbox.ca_file))
