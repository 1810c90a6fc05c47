"""The pages of a connection, as a browser meets them."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from contacts.models import Contact, ContactWrite
from integrations import errors, sync
from integrations.models import Connection, Status, SyncRun
from integrations.outgoing import WriteState
from integrations.permissions import Permission
from meetings.models import Meeting
from organizations.models import AuditEvent
from tests.integrations.conftest import way_out
from tests.policies import set_policy

pytestmark = pytest.mark.django_db

NEW, PERMISSIONS = "/integrations/connection/new/", "/integrations/connection/new/memory/"
EDIT, PROFILE = "/integrations/connection/edit/", "/profile/"
CALLBACK = "/integrations/callback/"


def text_of(response):
    return " ".join(response.content.decode().split())


def messages_of(client):
    return text_of(client.get(PROFILE))


# --- choosing ------------------------------------------------------------------------------------------------------


def test_the_profile_offers_to_connect_and_the_chooser_lists_the_services(alice_client):
    assert "Connect to Calendar and Contact Service" in text_of(alice_client.get(PROFILE))
    page = text_of(alice_client.get(NEW))
    assert f'href="{PERMISSIONS}"' in page
    assert "A calendar and an address book that live in this process." in page


def test_a_service_that_is_not_offered_is_shown_with_the_reason_and_cannot_be_reached(alice_client, northwind):
    assert alice_client.get(PERMISSIONS).status_code == 200
    set_policy(northwind, {"memory.offered": False})
    page = text_of(alice_client.get(NEW))
    assert "This service is not offered to you, by decision of your organization." in page
    assert f'href="{PERMISSIONS}"' not in page
    assert alice_client.get(PERMISSIONS).status_code == 404
    assert alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"]}).status_code == 404


def test_an_unknown_service_is_not_found(alice_client):
    assert alice_client.get("/integrations/connection/new/nothing/").status_code == 404


def test_a_switched_off_integration_says_so_and_whom_to_ask(alice_client, northwind):
    set_policy(northwind, {"enabled": False})
    page = text_of(alice_client.get(PROFILE))
    assert "integration is switched off, by your organization." in page
    assert "Connect to Calendar and Contact Service" not in page


def test_every_box_shows_its_sentence_and_its_scope(alice_client):
    page = text_of(alice_client.get(PERMISSIONS))
    for permission in Permission:
        assert permission.label in page
        assert permission.sentence in page
        assert f"<code>{permission.value}</code>" in page


def test_a_locked_box_is_disabled_with_the_reason_and_cannot_be_got_around(alice_client, northwind, memory):
    set_policy(northwind, {"memory.calendar_write": "off", "memory.contacts_read": "on"})
    page = text_of(alice_client.get(PERMISSIONS))
    assert "Switched off by your organization." in page
    assert "Switched on by your organization." in page
    answer = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read", "calendar_write"]})
    asked = parse_qs(urlsplit(way_out(alice_client, answer)).query)["scope"][0].split()
    assert asked == ["calendar_read", "contacts_read"]


def test_ticking_a_write_asks_for_its_read_too(alice_client):
    answer = alice_client.post(PERMISSIONS, {"permissions": ["contacts_write"]})
    assert parse_qs(urlsplit(way_out(alice_client, answer)).query)["scope"][0].split() == [
        "contacts_read",
        "contacts_write",
    ]


def test_ticking_nothing_is_refused_with_a_sentence_and_stays_on_the_page(alice_client):
    answer = alice_client.post(PERMISSIONS, {})
    assert answer.status_code == 422
    assert "Tick at least one permission" in text_of(answer)


def test_a_permission_that_does_not_exist_is_refused(alice_client):
    answer = alice_client.post(PERMISSIONS, {"permissions": ["<script>"]})
    assert answer.status_code == 422
    assert "<script>" not in text_of(answer).split("There is no permission called")[1][:40]


def test_the_way_out_is_a_page_that_goes_on_by_itself_and_tells_nobody_where_it_came_from(alice_client, bob_client):
    answer = alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"]})
    page = alice_client.get(answer["Location"])
    url = page.context["url"]
    assert url.startswith("https://memory.example/authorize?")
    assert f'<meta http-equiv="refresh" content="0; url={url.replace("&", "&amp;")}">' in text_of(page)
    assert page["Referrer-Policy"] == "no-referrer"
    assert bob_client.get(answer["Location"])["Location"] == PROFILE


@pytest.mark.parametrize("path", [PERMISSIONS, PROFILE, "/meetings/"])
def test_no_form_ends_anywhere_but_here(alice_client, connect, path):
    assert "form-action 'self';" in alice_client.get(path)["Content-Security-Policy"] + ";"
    connect()
    assert "memory.example" not in alice_client.get(path)["Content-Security-Policy"]


# --- the way back --------------------------------------------------------------------------------------------------


def leave(client, *ticked, url=PERMISSIONS):
    answer = client.post(url, {"permissions": list(ticked or ("calendar_read", "contacts_read"))})
    assert answer.status_code == 303
    return way_out(client, answer)


def test_coming_back_makes_the_connection_shows_it_and_starts_the_first_sync(
    alice_client, alice, account, memory, queued, django_capture_on_commit_callbacks
):
    url = leave(alice_client)
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_client.get(CALLBACK, memory.consent(url, alice.email))
    assert answer.status_code == 302
    assert answer["Location"] == PROFILE
    connection = Connection.objects.get(user=alice)
    assert queued == [(str(connection.pk), "connect")]
    page = messages_of(alice_client)
    assert f"{alice.email} at Memory is connected" in page
    assert "The first sync starts in a moment." in page
    event = AuditEvent.objects.get(action="connection.created")
    assert event.details["granted"] == ["calendar_read", "contacts_read"]
    assert event.address == "127.0.0.1"


def test_a_box_unticked_at_the_provider_is_shown_as_not_granted_with_grant(connect, alice_client, memory, alice):
    connection = connect(untick=frozenset({Permission.CONTACTS_READ}))
    assert connection.granted == {Permission.CALENDAR_READ}
    assert connection.not_granted == {Permission.CONTACTS_READ}
    page = messages_of(alice_client)
    assert "Not granted at Memory" in page
    assert "Grant </button>" in page
    answer = alice_client.post("/integrations/connection/renewal/")
    assert parse_qs(urlsplit(way_out(alice_client, answer)).query)["scope"] == ["calendar_read contacts_read"]
    alice_client.get(CALLBACK, memory.consent(way_out(alice_client, answer), alice.email))
    connection.refresh_from_db()
    assert connection.not_granted == frozenset()
    assert connection.granted == {Permission.CALENDAR_READ, Permission.CONTACTS_READ}


def test_saying_no_at_the_provider_changes_nothing_and_says_so(alice_client, memory):
    answer = alice_client.get(CALLBACK, memory.deny(leave(alice_client)))
    assert answer["Location"] == PERMISSIONS
    assert "You did not allow access, so nothing was added." in text_of(alice_client.get(PERMISSIONS))
    assert not Connection.objects.exists()


def test_unticking_everything_at_the_provider_connects_nothing(alice_client, memory, account, alice):
    answer = memory.consent(leave(alice_client), alice.email, untick=frozenset(Permission))
    alice_client.get(CALLBACK, answer)
    assert not Connection.objects.exists()
    assert "No permission was ticked at the provider" in messages_of(alice_client)
    assert account.granted == frozenset()
    assert account.refresh_token == ""


@pytest.mark.parametrize("query", [{}, {"state": "wrong", "code": "x"}, {"state": "", "error": "access_denied"}])
def test_a_state_that_is_not_ours_is_refused(alice_client, query, account):
    leave(alice_client)
    assert alice_client.get(CALLBACK, query)["Location"] == PROFILE
    assert "used already, has expired, or was not started in this browser" in messages_of(alice_client)
    assert not Connection.objects.exists()


def test_a_state_is_good_once(alice_client, memory, alice, account):
    query = memory.consent(leave(alice_client), alice.email)
    alice_client.get(CALLBACK, query)
    before = Connection.objects.get()
    messages_of(alice_client)
    alice_client.get(CALLBACK, query)
    assert "used already" in messages_of(alice_client)
    assert Connection.objects.get().status_changed_at == before.status_changed_at


def test_a_state_expires_after_a_quarter_of_an_hour(alice_client, memory, alice, account):
    import time_machine

    query = memory.consent(leave(alice_client), alice.email)
    with time_machine.travel(timezone.now() + timezone.timedelta(minutes=16)):
        alice_client.get(CALLBACK, query)
    assert not Connection.objects.exists()


def test_another_persons_state_is_worth_nothing(alice_client, bob_client, memory, alice, account):
    query = memory.consent(leave(alice_client), alice.email)
    bob_client.get(CALLBACK, query)
    assert not Connection.objects.exists()


def test_two_tabs_may_be_under_way_and_end_as_one_connection(alice_client, memory, alice, account):
    first, second = leave(alice_client, "calendar_read"), leave(alice_client, "contacts_read")
    alice_client.get(CALLBACK, memory.consent(first, alice.email))
    alice_client.get(CALLBACK, memory.consent(second, alice.email))
    assert Connection.objects.get().granted == {Permission.CONTACTS_READ}


def test_a_policy_that_changed_while_the_person_was_away_wins(alice_client, memory, alice, account, northwind):
    query = memory.consent(leave(alice_client), alice.email)
    set_policy(northwind, {"memory.contacts_read": "off"})
    alice_client.get(CALLBACK, query)
    assert Connection.objects.get().granted == {Permission.CALENDAR_READ}
    assert "Not allowed any more, by decision of your organization: Contacts read" in messages_of(alice_client)


def test_a_service_taken_away_while_the_person_was_away_connects_nothing_and_keeps_no_grant(
    alice_client, memory, alice, account, northwind
):
    query = memory.consent(leave(alice_client), alice.email)
    set_policy(northwind, {"memory.offered": False})
    alice_client.get(CALLBACK, query)
    assert not Connection.objects.exists()
    assert account.refresh_token == ""


def test_a_provider_that_fails_is_told_in_a_sentence(alice_client, memory, alice, account):
    query = memory.consent(leave(alice_client), alice.email)
    memory.fail(errors.Unexpected("Memory answered oddly. Start again.", detail="secret detail"), at="redeem")
    assert alice_client.get(CALLBACK, query)["Location"] == PERMISSIONS
    page = text_of(alice_client.get(PERMISSIONS))
    assert "Memory answered oddly. Start again." in page
    assert "secret detail" not in page


def test_another_account_never_replaces_the_one_that_is_connected(connect, alice_client, memory, alice):
    connection = connect()
    other = memory.add_person("other@northwind.example")
    leaving = way_out(alice_client, alice_client.post("/integrations/connection/renewal/"))
    alice_client.get(CALLBACK, memory.consent(leaving, other.email))
    page = messages_of(alice_client)
    assert (
        "You signed in as other@northwind.example, but alice@northwind.example at Memory is connected already" in page
    )
    assert Connection.objects.get().account_id == connection.account_id
    assert other.refresh_token == ""


def test_whoever_has_a_connection_is_asked_to_delete_it_before_another(connect, alice_client):
    connect()
    page = text_of(alice_client.get(NEW))
    assert "only one account can be connected at a time" in page
    assert 'href="/integrations/connection/delete/"' in page
    assert alice_client.get(PERMISSIONS)["Location"] == NEW
    assert alice_client.post(PERMISSIONS, {"permissions": ["calendar_read"]})["Location"] == NEW


# --- configure -----------------------------------------------------------------------------------------------------


def test_narrowing_takes_effect_at_once_and_erases_what_was_read_under_it(connect, alice_client):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    assert Meeting.objects.count() == 3
    leave(alice_client, "contacts_read", url=EDIT)
    connection.refresh_from_db()
    assert connection.granted == {Permission.CONTACTS_READ}
    assert not Meeting.objects.exists()
    assert Contact.objects.count() == 2
    assert connection.cursors.values_list("feed", flat=True).get() == "contacts"
    assert AuditEvent.objects.get(action="connection.narrowed").details["granted"] == ["contacts_read"]


def test_widening_changes_nothing_before_the_consent_and_adds_after_it(connect, alice_client, memory, alice):
    connection = connect("calendar_read")
    url = leave(alice_client, "calendar_read", "contacts_write", url=EDIT)
    connection.refresh_from_db()
    assert connection.granted == {Permission.CALENDAR_READ}
    alice_client.get(CALLBACK, memory.consent(url, alice.email))
    connection.refresh_from_db()
    assert connection.granted == {Permission.CALENDAR_READ, Permission.CONTACTS_READ, Permission.CONTACTS_WRITE}


def test_saying_no_after_narrowing_keeps_what_was_given_up_given_up_and_does_not_claim_otherwise(
    connect, alice_client, memory
):
    connection = connect()
    url = leave(alice_client, "contacts_read", url=EDIT)
    assert alice_client.get(CALLBACK, memory.deny(url))["Location"] == EDIT
    assert "so nothing was added." in text_of(alice_client.get(EDIT))
    connection.refresh_from_db()
    assert connection.granted == {Permission.CONTACTS_READ}
    assert connection.status == Status.CONNECTED


def test_configuring_without_a_connection_is_not_found(alice_client):
    assert alice_client.get(EDIT).status_code == 404


def test_unticking_everything_under_configure_is_refused_and_gives_up_nothing(connect, alice_client):
    connection = connect()
    assert alice_client.post(EDIT, {}).status_code == 422
    connection.refresh_from_db()
    assert len(connection.granted) == 2


def test_what_policy_takes_away_is_not_used_any_more_though_granted(connect, alice_client, northwind):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    set_policy(northwind, {"memory.contacts_read": "off"})
    connection = Connection.objects.get()
    assert connection.granted == {Permission.CALENDAR_READ, Permission.CONTACTS_READ}
    assert connection.usable == {Permission.CALENDAR_READ}
    assert "Contacts read was switched off by your organization." in text_of(alice_client.get(PROFILE))


# --- delete --------------------------------------------------------------------------------------------------------


def test_before_deleting_it_is_said_what_is_nowhere_but_here(connect, alice_client):
    connection = connect()
    for state in WriteState:
        ContactWrite.objects.create(connection=connection, action="create", remote_id="pending:1", state=state)
    page = text_of(alice_client.get("/integrations/connection/delete/"))
    assert "3 changes of contacts that are not saved to Memory Contacts yet, and would be lost" in page


def test_deleting_asks_first_then_erases_revokes_and_gives_a_receipt(connect, alice_client, account):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    page = text_of(alice_client.get("/integrations/connection/delete/"))
    assert "3 imported meetings" in page
    assert "2 synced contacts" in page
    assert "would be lost" not in page
    assert Connection.objects.exists()
    answer = alice_client.post("/integrations/connection/deletion/new/")
    assert answer["Location"] == "/integrations/connection/deletion/"
    assert not Connection.objects.exists()
    assert not Meeting.objects.exists()
    assert not Contact.objects.exists()
    assert account.refresh_token == ""
    receipt = text_of(alice_client.get(answer["Location"]))
    assert "3 imported meetings erased" in receipt
    assert "access ended at Memory" in receipt
    assert AuditEvent.objects.get(action="connection.deleted").details["removed"] == {"calendar": 3, "contacts": 2}


def test_a_provider_that_cannot_revoke_does_not_stop_the_deletion_and_the_receipt_says_where_to_go(
    connect, alice_client, memory
):
    connect()
    memory.fail(errors.Unreachable("Memory cannot be reached."), at="revoke")
    alice_client.post("/integrations/connection/deletion/new/")
    assert not Connection.objects.exists()
    receipt = text_of(alice_client.get("/integrations/connection/deletion/"))
    assert "Memory cannot be reached." in receipt
    assert "https://memory.example/grants" in receipt


def test_without_a_deletion_there_is_no_receipt(alice_client):
    assert alice_client.get("/integrations/connection/deletion/")["Location"] == PROFILE


# --- sync now and progress -----------------------------------------------------------------------------------------


def test_sync_now_queues_one_sync_and_goes_back_to_where_it_was_pressed(
    connect, alice_client, queued, django_capture_on_commit_callbacks
):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        answer = alice_client.post("/integrations/connection/sync/", {"next": "/meetings/?q=x"})
    assert answer["Location"] == "/meetings/?q=x"
    assert queued == [(str(connection.pk), "person")]


def test_sync_now_is_not_queued_twice_but_again_while_one_is_under_way(
    connect, alice_client, queued, django_capture_on_commit_callbacks
):
    connection = connect()
    queued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post("/integrations/connection/sync/")
    assert queued == []
    running = SyncRun.objects.create(connection=connection)
    with django_capture_on_commit_callbacks(execute=True):
        alice_client.post("/integrations/connection/sync/")
    assert queued == [(str(connection.pk), "person")]
    connection.refresh_from_db()
    assert connection.next_sync_at > running.started_at


def test_sync_now_never_leads_off_the_site(connect, alice_client):
    connect()
    answer = alice_client.post("/integrations/connection/sync/", {"next": "https://evil.example/"})
    assert answer["Location"] == PROFILE


def test_sync_now_on_a_dead_connection_asks_to_reconnect(connect, alice_client, queued):
    connect()
    queued.clear()
    Connection.objects.update(status=Status.RECONNECT_NEEDED)
    alice_client.post("/integrations/connection/sync/")
    assert "Reconnect first" in messages_of(alice_client)
    assert queued == []


def test_a_tab_that_watched_a_connection_which_is_gone_is_shown_anew(alice_client):
    answer = alice_client.get("/integrations/connection/progress/", headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert answer["HX-Refresh"] == "true"


def test_progress_asks_again_while_a_sync_is_due_and_stops_when_it_is_done(connect, alice_client):
    connection = connect()
    assert 'hx-trigger="every 2s"' in text_of(alice_client.get("/integrations/connection/progress/"))
    sync.run(connection.pk, trigger="person")
    page = text_of(alice_client.get("/integrations/connection/progress/"))
    assert "hx-trigger" not in page
    assert "Checked" in page


def test_a_broken_connection_shows_a_banner_on_every_page_with_the_age_of_what_is_shown(connect, alice_client, account):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    assert "Reconnect Memory." not in text_of(alice_client.get("/meetings/"))
    account.end_grant()
    sync.run(connection.pk, trigger="person")
    for url in ("/meetings/", "/contacts/", PROFILE):
        page = text_of(alice_client.get(url))
        assert "Reconnect Memory." in page
        assert "What you see was read" in page


def test_the_question_after_a_sudden_emptiness_is_on_the_profile_and_can_be_answered(connect, alice_client):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    connection.cursors.update(emptied_at=timezone.now())
    page = text_of(alice_client.get(PROFILE))
    assert "says that your calendar is now empty" in page
    assert "says that your address book is now empty" in page
    calendar = connection.cursors.get(feed="calendar")
    alice_client.post("/integrations/connection/emptied/", {"cursor": calendar.pk})
    page = text_of(alice_client.get(PROFILE))
    assert "your calendar is now empty" not in page
    assert "your address book is now empty" in page, "each is a question of its own"
    calendar.refresh_from_db()
    assert calendar.emptied_confirmed


@pytest.mark.parametrize("answer", ["", "0", "x", "9" * 30])
def test_an_answer_to_a_question_that_is_settled_changes_nothing(connect, alice_client, answer):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    page = alice_client.post("/integrations/connection/emptied/", {"cursor": answer}, follow=True)
    assert "listed there again" in text_of(page)
    assert not connection.cursors.filter(emptied_confirmed=True).exists()


def test_nobody_answers_another_persons_question(connect, bob, sign_in, memory):
    mine = connect()
    sync.run(mine.pk, trigger="person")
    mine.cursors.update(emptied_at=timezone.now())
    Connection.objects.create(user=bob, provider="memory", mailbox=bob.email, account_id="b", credentials={})
    sign_in(bob).post("/integrations/connection/emptied/", {"cursor": mine.cursors.first().pk})
    assert not mine.cursors.filter(emptied_confirmed=True).exists()


# --- strangers -----------------------------------------------------------------------------------------------------

POSTS = ["connection/renewal/", "connection/deletion/new/", "connection/sync/", "connection/emptied/"]
GETS = ["connection/new/", "connection/delete/", "connection/deletion/", "connection/progress/", "callback/"]


@pytest.mark.parametrize("path", POSTS)
def test_what_changes_something_answers_post_only(connect, alice_client, path):
    connect()
    assert alice_client.get(f"/integrations/{path}").status_code == 405


@pytest.mark.parametrize("path", GETS)
def test_what_only_shows_something_refuses_post(connect, alice_client, path):
    connect()
    assert alice_client.post(f"/integrations/{path}").status_code == 405


def test_a_stranger_can_do_nothing_to_a_connection_that_is_not_theirs(connect, charlie_client):
    connection = connect()
    for path in ["connection/delete/", "connection/edit/", "connection/progress/"]:
        assert charlie_client.get(f"/integrations/{path}").status_code == 404
    for path in POSTS:
        assert charlie_client.post(f"/integrations/{path}").status_code == 404
    assert connection.mailbox not in text_of(charlie_client.get(PROFILE))
    assert Connection.objects.filter(pk=connection.pk, status=Status.CONNECTED).exists()


def test_no_page_shows_a_credential(connect, alice_client, support_client, account):
    connection = connect()
    sync.run(connection.pk, trigger="person")
    secrets = [*connection.credentials.open().values()]
    pages = [PROFILE, EDIT, NEW, "/meetings/", "/contacts/", "/integrations/connection/delete/"]
    shown = "".join(alice_client.get(page).content.decode() for page in pages)
    shown += support_client.get(f"/support/integrations/connection/{connection.pk}/change/").content.decode()
    shown += support_client.get("/support/integrations/connection/").content.decode()
    assert alice_client.get(PROFILE).status_code == 200
    assert account.email in shown
    for secret in secrets:
        assert str(secret) not in shown
