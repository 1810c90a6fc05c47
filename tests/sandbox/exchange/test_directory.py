"""Who gets in, by Basic and by NTLM, and what bad tries lead to."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from requests_ntlm import HttpNtlmAuth

from sandbox.tls import prepare_certificates
from tests.sandbox.exchange.stage import ALICE, BEN, LOGON, PASSWORD, Soap, Stage

GET_CALENDAR = (
    "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
    '<t:DistinguishedFolderId Id="calendar"/></m:FolderIds></m:GetFolder>'
)


@pytest.fixture(params=["basic", "ntlm"])
def sign_in(exchange: Stage, request: pytest.FixtureRequest) -> Iterator[Callable[..., Soap]]:
    """sign_in(user, password) -> a client of its own connection, by Basic or by NTLM."""
    made: list[Soap] = []

    def sign_in(user: str = LOGON, password: str = PASSWORD) -> Soap:
        client = Soap(exchange, user=user, password=password)
        if request.param == "ntlm":
            client.session.auth = HttpNtlmAuth(user, password)
        made.append(client)
        return client

    yield sign_in
    for client in made:
        client.close()


@pytest.mark.parametrize("name", ["NORTH\\alice", "north\\ALICE", ALICE])
def test_a_person_signs_in_by_domain_and_user_or_by_upn(sign_in: Callable[..., Soap], name: str) -> None:
    answer = sign_in(name).send(GET_CALENDAR)
    assert answer.status == 200 and answer.codes == ["NoError"]


@pytest.mark.parametrize("name", ["SOUTH\\alice", "nobody", "NORTH\\", "carol@north.example"])
def test_a_stranger_is_not_let_in_and_nobody_is_charged_with_it(
    exchange: Stage, sign_in: Callable[..., Soap], name: str
) -> None:
    assert sign_in(name).send(GET_CALENDAR).status == 401
    assert exchange.bad_tries(ALICE) == 0


def test_one_wrong_password_counts_once_however_many_messages_it_takes(
    exchange: Stage, sign_in: Callable[..., Soap]
) -> None:
    answer = sign_in(password="wrong").send(GET_CALENDAR)
    assert answer.status == 401
    assert "Negotiate" in answer.headers["WWW-Authenticate"] and "NTLM" in answer.headers["WWW-Authenticate"]
    assert exchange.bad_tries(ALICE) == 1


def test_a_good_sign_in_takes_back_what_would_have_locked(exchange: Stage, sign_in: Callable[..., Soap]) -> None:
    for _ in range(4):
        sign_in(password="wrong").send(GET_CALENDAR)
    assert sign_in().send(GET_CALENDAR).status == 200
    for _ in range(4):
        sign_in(password="wrong").send(GET_CALENDAR)
    assert sign_in().send(GET_CALENDAR).status == 200
    assert exchange.bad_tries(ALICE) == 8


def test_five_bad_tries_lock_the_account_even_for_the_right_password(
    exchange: Stage, sign_in: Callable[..., Soap]
) -> None:
    for _ in range(5):
        answer = sign_in(password="wrong").send(GET_CALENDAR)
    assert b"locked out" not in answer.raw
    locked = sign_in().send(GET_CALENDAR)
    assert locked.status == 401
    assert b"The referenced account is currently locked out" in locked.raw
    exchange.clock.advance(timedelta(minutes=29))
    assert sign_in().send(GET_CALENDAR).status == 401
    exchange.clock.advance(timedelta(minutes=2))
    assert sign_in().send(GET_CALENDAR).status == 200


def test_an_account_may_be_locked_for_ever_until_somebody_unlocks_it(
    exchange: Stage, sign_in: Callable[..., Soap]
) -> None:
    exchange.directory.lockout_for = None
    exchange.lock(ALICE)
    exchange.clock.advance(timedelta(days=9))
    assert sign_in().send(GET_CALENDAR).status == 401
    exchange.unlock(ALICE)
    assert sign_in().send(GET_CALENDAR).status == 200


@pytest.mark.parametrize("what", ["expire_password", "disable"])
def test_an_expired_password_and_a_disabled_account_are_refused_without_counting(
    exchange: Stage, sign_in: Callable[..., Soap], what: str
) -> None:
    getattr(exchange, what)(ALICE)
    answer = sign_in().send(GET_CALENDAR)
    assert answer.status == 401 and b"locked" not in answer.raw
    assert exchange.bad_tries(ALICE) == 0


def test_a_new_password_makes_an_expired_one_good_again(exchange: Stage, sign_in: Callable[..., Soap]) -> None:
    exchange.expire_password(ALICE)
    exchange.set_password(ALICE, "another one")
    assert sign_in().send(GET_CALENDAR).status == 401
    assert sign_in(password="another one").send(GET_CALENDAR).status == 200


def test_ews_switched_off_for_a_mailbox_is_403_once_signed_in(exchange: Stage, sign_in: Callable[..., Soap]) -> None:
    exchange.disable_ews(ALICE)
    answer = sign_in().send(GET_CALENDAR)
    assert (answer.status, answer.raw) == (403, b"")
    assert sign_in("NORTH\\ben").send(GET_CALENDAR).status == 200


def test_without_credentials_every_scheme_is_offered_in_a_header_of_its_own(exchange: Stage) -> None:
    with exchange.open_session() as session:
        response = session.post(exchange.url, data=b"")
        assert response.status_code == 401
        offers = ["Negotiate", "NTLM", 'Basic realm="mail.corp.example"']
        assert response.raw.headers.getlist("WWW-Authenticate") == offers
        exchange.auth = ("NTLM",)
        response = session.post(exchange.url, data=b"")
        assert response.raw.headers.getlist("WWW-Authenticate") == ["NTLM"]


def test_a_scheme_that_is_not_offered_is_not_taken(exchange: Stage, soap: Soap) -> None:
    exchange.auth = ("NTLM",)
    assert soap.send(GET_CALENDAR).status == 401
    assert exchange.bad_tries(ALICE) == 0


def test_ntlm_signs_in_a_connection_and_not_a_request(exchange: Stage) -> None:
    first, second = Soap(exchange), Soap(exchange)
    first.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    second.session.auth = HttpNtlmAuth("NORTH\\ben", PASSWORD)
    try:
        for _ in range(3):
            assert first.send(GET_CALENDAR).status == second.send(GET_CALENDAR).status == 200
        assert exchange.door.handshakes == 2
        with exchange.open_session() as other:
            assert other.post(exchange.url, data=b"").status_code == 401
    finally:
        first.close()
        second.close()


def test_each_ntlm_connection_is_its_own_persons(exchange: Stage) -> None:
    exchange.move_to_cloud(BEN)
    alice, ben = Soap(exchange), Soap(exchange)
    alice.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    ben.session.auth = HttpNtlmAuth(BEN, PASSWORD)
    try:
        assert alice.send(GET_CALENDAR).codes == ["NoError"]
        assert ben.send(GET_CALENDAR).codes == ["ErrorMissingEmailAddress"]
        assert alice.send(GET_CALENDAR).codes == ["NoError"]
    finally:
        alice.close()
        ben.close()


@pytest.mark.parametrize(
    "token", ["", "!!!", "TlRMTVNTUAABAAAA", "TlRMTVNTUAADAAAA", base64.b64encode(b"x" * 40).decode()]
)
def test_a_mangled_ntlm_token_is_refused_and_harms_nobody(exchange: Stage, token: str) -> None:
    headers = {"Authorization": f"NTLM {token}"}
    with exchange.open_session() as session:
        for _ in range(2):
            assert session.post(exchange.url, headers=headers, data=b"").status_code == 401
    assert exchange.bad_tries(ALICE) == 0


def test_extended_protection_wants_the_certificate_bound_and_a_client_behind_another_one_fails(exchange: Stage) -> None:
    pem = prepare_certificates(":memory:").server_file.read_bytes()
    der = x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
    assert ssl.DER_cert_to_PEM_cert(der).encode() in pem
    client = Soap(exchange)
    client.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    other = Soap(exchange)
    other.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    plain = Soap(exchange, exchange.plain_url)
    plain.session.auth = HttpNtlmAuth(LOGON, PASSWORD)
    try:
        exchange.protect(sha256(der).digest())
        assert client.send(GET_CALENDAR).status == 200
        assert plain.send(GET_CALENDAR).status == 401
        exchange.protect(sha256(b"a proxy's certificate").digest())
        assert other.send(GET_CALENDAR).status == 401
        exchange.protect(None)
        assert plain.send(GET_CALENDAR).status == 200
    finally:
        for one in (client, other, plain):
            one.close()


def test_passwords_of_any_letters_are_taken_by_both_schemes(exchange: Stage, sign_in: Callable[..., Soap]) -> None:
    exchange.set_password(ALICE, "päss:wörd ☃ 😀")
    assert sign_in(password="päss:wörd ☃ 😀").send(GET_CALENDAR).status == 200
