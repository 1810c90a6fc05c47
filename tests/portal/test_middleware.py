"""What happens around each request."""

import time

import pytest
from allauth.usersessions.models import UserSession

pytestmark = pytest.mark.django_db


def test_a_persons_pages_are_kept_by_no_browser_and_no_proxy(alice_client, client):
    assert alice_client.get("/profile/settings/").headers["Cache-Control"] == "private, no-store"
    assert "HX-Request" in alice_client.get("/profile/settings/").headers["Vary"]
    assert "no-store" not in client.get("/").headers.get("Cache-Control", "")


def test_each_request_has_an_id_of_its_own(client):
    first, second = (client.get("/healthz").headers["X-Request-ID"] for _ in range(2))
    assert first != second


def test_last_seen_is_written_at_most_every_five_minutes(alice, sign_in, django_assert_num_queries, later):
    client = sign_in(alice)
    client.get("/profile/settings/")
    first = UserSession.objects.get(user=alice).last_seen_at
    # session, person, membership, connection for the banner: nothing is written
    with django_assert_num_queries(4):
        client.get("/profile/settings/")
    assert UserSession.objects.get(user=alice).last_seen_at == first
    later(301)
    client.get("/profile/settings/")
    assert UserSession.objects.get(user=alice).last_seen_at > first


@pytest.fixture
def later():
    """later(seconds): the clock goes on."""
    import time_machine

    travellers = []

    def later(seconds: int) -> None:
        traveller = time_machine.travel(time.time() + seconds, tick=True)
        traveller.start()
        travellers.append(traveller)

    yield later
    for traveller in travellers:
        traveller.stop()


def test_a_fragment_after_the_session_ended_leads_the_whole_page_to_sign_in_and_back(client):
    response = client.get(
        "/meetings/", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/meetings/?q=a%20b"}
    )
    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=%2Fmeetings%2F%3Fq%3Da%2520b"
