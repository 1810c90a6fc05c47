"""Who may call, by which link on which device, and what a click leaves behind."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from integrations.policy import CallScheme
from organizations.models import Organization, Role, User
from phone import attempt_views, licences
from phone.calling import Dialer, find_dialer, record_attempt
from phone.models import Call, Licence
from tests.policies import set_policy

ATTEMPTS = "/phone/attempts/"
NUMBER = "+4930901820"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


@pytest.fixture(autouse=True)
def no_flood() -> None:
    attempt_views.clicks.clear()


@pytest.fixture
def licence(alice: User) -> Licence:
    """Alice's, from an admin."""
    return Licence.objects.create(user=alice, is_assigned=True)


# Links


@pytest.mark.parametrize(
    ("scheme", "agent", "link", "note"),
    [
        ("zoomphonecall", WINDOWS, "zoomphonecall://+4930901820", ""),
        ("zoomphonecall", IPHONE, "zoomphonecall://+4930901820", "Zoom, which has to be installed"),
        ("zoomphonecall", ANDROID, "callto:+4930901820", "copy the number into Zoom"),
        ("tel", WINDOWS, "tel:+4930901820", ""),
        ("tel", IPHONE, "tel:+4930901820", "own dialler, not Zoom"),
        ("tel", ANDROID, "tel:+4930901820", "own dialler, not Zoom"),
        ("callto", ANDROID, "callto:+4930901820", ""),
        ("callto", WINDOWS, "callto:+4930901820", ""),
        ("sip", WINDOWS, "sip:+4930901820", ""),
        ("sip", ANDROID, "sip:+4930901820", ""),
    ],
)
@pytest.mark.usefixtures("licence")
def test_the_link_is_the_policys_as_far_as_the_device_opens_it(
    alice: User, northwind: Organization, scheme: str, agent: str, link: str, note: str
) -> None:
    set_policy(northwind, {"call_scheme": scheme})
    dialer = find_dialer(alice, agent)
    assert dialer.link_for(NUMBER) == link
    assert not dialer.reason
    assert note in dialer.note if note else dialer.note == ""


def test_only_tel_carries_an_extension() -> None:
    assert Dialer(CallScheme.TEL).link_for(NUMBER, "12") == "tel:+4930901820;ext=12"
    assert Dialer(CallScheme.TEL).link_for(NUMBER, '12"x') == "tel:+4930901820"
    for scheme in (CallScheme.ZOOM_PHONE, CallScheme.CALLTO, CallScheme.SIP):
        assert "12" not in Dialer(scheme).link_for(NUMBER, "12")


@pytest.mark.parametrize(
    "number", ["", "4711", "110", "+4930", "030901820", "+49 30 901820", "+4930901820\n", "javascript:alert(1)"]
)
def test_what_is_no_whole_number_has_no_link(number: str) -> None:
    dialer = Dialer(CallScheme.TEL)
    assert dialer.link_for(number) == ""
    assert dialer.link_for(NUMBER) == "tel:+4930901820"


# Licences


def test_a_licence_is_assigned_or_comes_with_a_phone(alice: User) -> None:
    assert not licences.holds(alice)
    licence = Licence.objects.create(user=alice)
    assert not licences.holds(alice)
    for field in ("is_assigned", "is_at_system"):
        setattr(licence, field, True)
        licence.save()
        assert licences.holds(alice)
        setattr(licence, field, False)
        licence.save()
    assert not licences.holds(alice)


def test_without_a_licence_there_is_no_call_and_it_says_whom_to_ask(
    alice: User, dora: User, northwind: Organization, make_member
) -> None:
    dialer = find_dialer(alice, WINDOWS)
    assert dialer.link_for(NUMBER) == ""
    assert dialer.reason == "You have no phone licence. Ask Dora Lindqvist, who administers Northwind Legal."
    make_member(northwind, "adam@northwind.example", name="Adam", role=Role.ADMIN)
    asked = "You have no phone licence. Ask Dora Lindqvist or another administrator of Northwind Legal."
    assert find_dialer(alice, WINDOWS).reason == asked
    Licence.objects.create(user=alice, is_assigned=True)
    assert find_dialer(alice, WINDOWS).reason == ""


def test_who_is_switched_off_is_not_to_be_asked(alice: User, dora: User) -> None:
    dora.is_active = False
    dora.save()
    assert "Dora" not in find_dialer(alice, WINDOWS).reason


def test_an_administrator_is_told_to_assign_it(dora: User) -> None:
    assert "Assign yourself one, under Administration, Licences" in find_dialer(dora, WINDOWS).reason


def test_who_works_nowhere_is_told_so(support: User) -> None:
    assert "no organization" in find_dialer(support, WINDOWS).reason


@pytest.mark.parametrize("is_assigned", [True, False])
def test_a_page_asks_twice_at_most(alice: User, dora: User, is_assigned: bool, django_assert_max_num_queries) -> None:
    Licence.objects.create(user=alice, is_assigned=is_assigned)
    find_dialer(alice, WINDOWS)  # finds the policy, as every page does
    with django_assert_max_num_queries(2):
        dialer = find_dialer(alice, WINDOWS)
        links = {dialer.link_for(f"+49309018{serial}") for serial in range(10, 60)}
    assert len(links) == (50 if is_assigned else 1)


# Attempts


@pytest.mark.usefixtures("licence")
def test_a_click_is_an_outgoing_attempt(alice: User, alice_client: Client) -> None:
    answer = alice_client.post(ATTEMPTS, {"number": NUMBER})
    assert (answer.status_code, answer.content) == (204, b"")
    call = Call.objects.get()
    assert (call.owner, call.e164, call.number) == (alice, NUMBER, NUMBER)
    assert (call.direction, call.result, call.source, call.call_id) == ("out", "attempt", "click", "")
    assert abs(call.started_at - timezone.now()) < timedelta(minutes=1)


@pytest.mark.usefixtures("licence")
def test_a_double_click_is_one_attempt_and_a_later_one_another(alice: User) -> None:
    assert record_attempt(alice, NUMBER) and record_attempt(alice, NUMBER)
    assert Call.objects.count() == 1
    record_attempt(alice, "+4930901821")
    assert Call.objects.count() == 2
    Call.objects.update(started_at=timezone.now() - timedelta(seconds=11))
    record_attempt(alice, NUMBER)
    assert Call.objects.count() == 3


def test_without_a_licence_nothing_is_recorded(alice_client: Client) -> None:
    answer = alice_client.post(ATTEMPTS, {"number": NUMBER})
    assert answer.status_code == 403 and b"licence" in answer.content
    assert not Call.objects.exists()


@pytest.mark.parametrize("number", ["", "4711", "030 901820", "+49", "+4930901820 ", "\x00", "x" * 10_000])
@pytest.mark.usefixtures("licence")
def test_what_is_no_number_is_refused(alice_client: Client, number: str) -> None:
    assert alice_client.post(ATTEMPTS, {"number": number}).status_code == 422
    assert not Call.objects.exists()


@pytest.mark.usefixtures("licence")
def test_more_clicks_than_fingers_make_are_refused(alice: User, alice_client: Client, bob_client: Client) -> None:
    while attempt_views.clicks.count(str(alice.pk)):
        pass
    assert alice_client.post(ATTEMPTS, {"number": NUMBER}).status_code == 429
    assert bob_client.post(ATTEMPTS, {"number": NUMBER}).status_code == 403
    assert not Call.objects.exists()


@pytest.mark.usefixtures("licence")
def test_an_attempt_is_posted_by_whoever_is_signed_in_from_a_page_of_ours(alice: User, alice_client: Client) -> None:
    assert alice_client.get(ATTEMPTS).status_code == 405
    assert Client().post(ATTEMPTS, {"number": NUMBER}).status_code == 302
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    assert strict.post(ATTEMPTS, {"number": NUMBER}).status_code == 403
    assert not Call.objects.exists()
