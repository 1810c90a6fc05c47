"""The pages on which admins decide: what is saved, what is shown before, and what two admins do to each other."""

import re
from html import unescape

import pytest
from django.http import QueryDict
from django.utils import timezone

from integrations import deciding, enforcing
from integrations.deciding import Place
from integrations.levels import Layer
from integrations.models import AdminPolicy, Connection, PolicyChange
from integrations.policy import Level, Mode
from integrations.policy_forms import dump_base, dump_form
from organizations.models import AuditEvent, Group, Role
from tests.policies import set_policy

pytestmark = pytest.mark.django_db
POLICY = "/administration/policy/"
OFF_LOCKED = {"memory.calendar_read": "off", "memory.calendar_write": "off", "lock-memory.calendar_read": "on"}


def text_of(response):
    return " ".join(unescape(response.content.decode()).split())


def data_of(place, **changes):
    """What a browser posts of a level's form, with some fields changed; "__" stands for ".", "lock_" for a lock."""
    layer = deciding.layer_of(place)
    data = {**dump_form(layer), "version": str(deciding.version_of(place)), "base": dump_base(layer)}
    for name, value in changes.items():
        data[name.replace("__", ".").replace("lock_", "lock-").replace("say_", "say-")] = value
    return data


def entries_of(data):
    posted = QueryDict(mutable=True)
    for name, value in data.items():
        posted.setlist(name, value if isinstance(value, list) else [value])
    return posted.urlencode()


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    from integrations import tasks

    monkeypatch.setattr(tasks.enforce_change, "delay", lambda *args: None)


@pytest.fixture
def whole(northwind):
    return Place(northwind)


@pytest.fixture
def sales(northwind, alice):
    group = Group.objects.create(organization=northwind, name="Sales")
    alice.membership.groups.add(group)
    return group


def add_connection(user, **fields):
    granted = {"calendar_read": True, "calendar_write": True, "contacts_read": True, **fields}
    return Connection.objects.create(
        user=user, provider="memory", mailbox=user.email, account_id=user.email, credentials={"user": "x"}, **granted
    )


# --- saving ---------------------------------------------------------------------------------------------------------


def test_what_concerns_nobody_is_saved_at_once_and_audited(dora_client, dora, whole):
    answer = dora_client.post(
        POLICY, data_of(whole, prompt="once", lock_prompt="on", mailbox_domains="northwind.example")
    )
    assert (answer.status_code, answer["Location"]) == (302, POLICY)
    assert deciding.layer_of(whole).choices == {"prompt": "once", "mailbox_domains": {"northwind.example"}}
    assert deciding.layer_of(whole).locks == {"prompt"}
    assert "It changes nothing for anybody who is connected." in text_of(dora_client.get(POLICY))
    event = AuditEvent.objects.get(action="policy.changed")
    assert (event.actor, event.address) == (dora, "127.0.0.1")
    assert event.details["after"]["Ask to connect after sign-in"] == "Once, locked"


def test_saving_what_is_so_already_saves_nothing_and_says_so(dora_client, whole):
    assert dora_client.post(POLICY, data_of(whole))["Location"] == POLICY
    assert "Nothing was changed" in text_of(dora_client.get(POLICY))
    assert not AdminPolicy.objects.exists()


def test_what_is_wrong_is_said_in_its_place_and_nothing_typed_is_lost(dora_client, whole):
    data = data_of(whole, mailbox_domains="good.example\nhttp://bad.example/x", prompt="once",
                   memory__calendar_read="off", memory__calendar_write="on")  # fmt: skip
    answer = dora_client.post(POLICY, data)
    page = text_of(answer)
    assert answer.status_code == 422
    assert "Write the domain alone: bad.example." in page
    assert 'href="#policy-mailbox_domains-row">Allowed mailbox domains</a>' in page
    assert "good.example\nhttp://bad.example/x" in unescape(answer.content.decode())
    assert '<option value="once" selected>' in page
    answer = dora_client.post(POLICY, {**data, "mailbox_domains": "good.example"})
    assert answer.status_code == 422
    assert "Memory: Calendar write cannot be on while Calendar read is off." in text_of(answer)
    assert not AdminPolicy.objects.exists()


def test_a_post_without_anything_in_it_is_refused_and_changes_nothing(dora_client, northwind):
    set_policy(northwind, {"prompt": "once"})
    assert dora_client.post(POLICY, {}).status_code == 422
    assert dora_client.post(POLICY, {"entries": "%%%=&&"}).status_code == 422
    assert AdminPolicy.objects.get().choices == {"prompt": "once"}


def test_nothing_that_is_posted_breaks_the_page_or_comes_back_unescaped(dora_client, whole):
    data, junk = data_of(whole), "\0<script>alert(1)</script>" + "9" * 30_000
    names = {field.html_name for field in dora_client.get(POLICY).context["form"]} | {*data, "entries", "q", "clear"}
    for name in sorted(names):
        answer = dora_client.post(POLICY, data | {name: junk, "confirm": "1", "fingerprint": junk})
        assert answer.status_code in (302, 409, 422), name
        assert b"<script>alert" not in answer.content, name


# --- before it is saved ---------------------------------------------------------------------------------------------


@pytest.fixture
def connected(alice, bob, dora, sales):
    return [add_connection(alice), add_connection(bob, calendar_write=False, contacts_read=False)]


def fingerprint_of(answer):
    return re.search(r'name="fingerprint" value="([0-9a-f]+)"', answer.content.decode()).group(1)


def confirm(client, path, data, **more):
    preview = client.post(path, data)
    posted = {
        "entries": entries_of(data),
        "confirm": "1",
        "fingerprint": fingerprint_of(preview),
        "when": "now",
        **more,
    }
    return client.post(path, posted)


def test_a_lock_that_hits_people_is_shown_by_name_and_count_before_anything_is_saved(dora_client, connected, whole):
    answer = dora_client.post(POLICY, data_of(whole) | OFF_LOCKED)
    page = text_of(answer)
    assert answer.status_code == 200
    assert "This concerns 2 connections. Nothing is saved yet." in page
    assert "Bob Okafor" in page
    assert "Loses the connection: Calendar read." in page
    assert "Alice Meyer" in page
    assert "Loses Calendar read and Calendar write." in page
    assert "Calendar read was switched off by your organization." in page
    assert "Have no connection</dt> <dd> 1 </dd>" in page
    assert not AdminPolicy.objects.exists()
    assert not PolicyChange.objects.exists()
    assert Connection.objects.count() == 2


def test_confirmed_it_is_saved_with_the_grace_period_chosen(dora_client, connected, whole):
    data = data_of(whole) | OFF_LOCKED
    answer = confirm(dora_client, POLICY, data, when="later", days="3")
    change = PolicyChange.objects.get()
    assert answer["Location"] == f"/administration/changes/{change.pk}/"
    assert change.state == "waiting"
    assert 2.9 < (change.due_at - change.made_at).total_seconds() / 86400 < 3.1
    assert deciding.layer_of(whole).is_locked("memory.calendar_read")


@pytest.mark.parametrize("days", ["", "0", "91", "-1", "x", "1e9", "٣٣٣٣"])
def test_a_number_of_days_that_is_none_is_refused_and_the_preview_stays(dora_client, connected, whole, days):
    answer = confirm(dora_client, POLICY, data_of(whole) | OFF_LOCKED, when="later", days=days)
    assert answer.status_code == 422
    assert "a number from 1 to 90" in text_of(answer)
    assert "Alice Meyer" in text_of(answer)
    assert not PolicyChange.objects.exists()


def test_the_grace_period_is_filled_in_from_the_policy(dora_client, connected, whole, northwind):
    set_policy(northwind, {"grace_days": 21})
    page = text_of(dora_client.post(POLICY, data_of(whole) | OFF_LOCKED))
    assert 'name="days" value="21"' in page
    assert re.search(r'id="when-later"[^>]*checked', page)
    page = text_of(dora_client.post(POLICY, data_of(whole, grace_days="0") | OFF_LOCKED))
    assert re.search(r'id="when-now"[^>]*checked', page)


def test_where_other_people_are_concerned_than_were_shown_it_is_shown_again(dora_client, connected, whole, dora):
    data = data_of(whole) | OFF_LOCKED
    preview = dora_client.post(POLICY, data)
    add_connection(dora)
    posted = {"entries": entries_of(data), "confirm": "1", "when": "now", "fingerprint": fingerprint_of(preview)}
    answer = dora_client.post(POLICY, posted)
    assert answer.status_code == 409
    assert "Meanwhile it would concern other people than you were shown." in text_of(answer)
    assert "This concerns 3 connections." in text_of(answer)
    assert not PolicyChange.objects.exists()
    assert dora_client.post(POLICY, {**posted, "fingerprint": fingerprint_of(answer)}).status_code == 302
    assert PolicyChange.objects.exists()


def test_whom_another_change_ends_already_is_not_counted_again(dora_client, connected, whole, northwind, sales):
    set_policy(northwind, {"memory.offered": False}, locks=["memory.offered"], group=sales)
    data = data_of(whole) | OFF_LOCKED
    page = text_of(dora_client.post(POLICY, data))
    assert "This concerns 1 connection." in page
    assert "Alice Meyer" not in page
    page = text_of(dora_client.post(POLICY, {"entries": entries_of(data), "q": "alice"}))
    assert "Ends already by what was decided before: Calendar read, Calendar write and Contacts read." in page


@pytest.fixture
def waiting(dora_client, connected, whole):
    """Everybody loses their calendar in a week, and has been told."""
    assert confirm(dora_client, POLICY, data_of(whole) | OFF_LOCKED, when="later", days="7").status_code == 302
    change = PolicyChange.objects.get()
    enforcing.run(str(change.pk))
    return change


def test_what_concerns_nobody_joins_a_grace_period_that_runs_and_does_not_end_it(dora_client, whole, waiting):
    assert dora_client.post(POLICY, data_of(whole, call_scheme="tel"))["Location"] == POLICY
    assert deciding.layer_of(whole).choices["call_scheme"] == "tel"
    row = AdminPolicy.objects.get()
    assert row.kept_until == waiting.due_at
    assert set(PolicyChange.objects.values_list("state", "due_at")) == {("waiting", waiting.due_at)}
    assert Connection.objects.get(user__email__startswith="bob").usable == {"calendar_read"}


def test_who_was_told_already_is_not_counted_again_and_the_end_of_the_grace_period_is_a_choice(
    dora_client, whole, waiting, connected
):
    more = data_of(whole, memory__contacts_read="off", lock_memory__contacts_read="on", memory__contacts_write="off")
    page = text_of(dora_client.post(POLICY, more))
    assert "This concerns 1 connection." in page
    assert "Loses the connection: Calendar read, Calendar write and Contacts read." in page
    assert "Bob Okafor" not in page
    assert "Contacts read was switched off by your organization." in page
    assert "Calendar read was switched off" not in page, "they have read that before"
    assert "happens at once too, to 2 people." in page
    assert "With the grace period that runs, on" in page
    assert 'name="days"' not in page
    assert confirm(dora_client, POLICY, more, when="later").status_code == 302
    assert set(PolicyChange.objects.values_list("state", "due_at")) == {("waiting", waiting.due_at)}


def test_at_once_ends_the_grace_period_that_runs(dora_client, whole, waiting):
    more = data_of(whole, memory__contacts_read="off", lock_memory__contacts_read="on", memory__contacts_write="off")
    assert confirm(dora_client, POLICY, more, when="now").status_code == 302
    assert AdminPolicy.objects.get().kept_until is None
    assert PolicyChange.objects.filter(due_at__lte=timezone.now()).count() == 2


def test_what_gets_better_joins_a_grace_period_that_runs_too(dora_client, whole, waiting):
    """Taking the lock off spares those who were told; nobody else is hurt by it."""
    better = data_of(whole, memory__calendar_read="ask", memory__calendar_write="ask") | {
        "lock-memory.calendar_read": ""
    }
    page = text_of(dora_client.post(POLICY, better))
    assert "Spared" in page
    assert "Keeps Calendar read and Calendar write." in page
    assert "Nobody loses anything by it" in page
    assert "goes on." in page
    assert confirm(dora_client, POLICY, better, when="later").status_code == 302
    assert AdminPolicy.objects.get().kept_until == waiting.due_at
    assert Connection.objects.count() == 2


def test_an_admin_who_would_hit_themself_is_told_by_name(dora_client, dora, connected, whole):
    assert "This hits you yourself" not in text_of(dora_client.post(POLICY, data_of(whole) | OFF_LOCKED))
    add_connection(dora)
    page = text_of(dora_client.post(POLICY, data_of(whole) | OFF_LOCKED))
    assert "This hits you yourself, Dora Lindqvist." in page
    assert "Your connection to Memory as dora@northwind.example" in page


def test_switching_the_integration_off_says_who_loses_what(dora_client, connected, whole):
    page = text_of(dora_client.post(POLICY, data_of(whole, enabled="no")))
    assert "Switch the integration off?" in page
    assert "Held back" in page
    assert "Cannot use Calendar read, Calendar write and Contacts read." in page
    page = text_of(dora_client.post(POLICY, data_of(whole, enabled="no", lock_enabled="on")))
    assert "Disconnected" in page


def test_what_gets_better_is_shown_too_and_needs_no_grace_period(dora_client, connected, whole, northwind):
    set_policy(northwind, {"memory.calendar_read": "off", "memory.calendar_write": "off"})
    answer = dora_client.post(POLICY, data_of(whole, memory__calendar_read="ask", memory__calendar_write="ask"))
    page = text_of(answer)
    assert "Can use again Calendar read and Calendar write." in page
    assert "Nobody loses anything by it" in page
    assert 'id="when-later"' not in page
    data = data_of(whole, memory__calendar_read="ask", memory__calendar_write="ask")
    assert confirm(dora_client, POLICY, data).status_code == 302
    assert deciding.layer_of(whole).choices == {}


def test_somebody_can_be_searched_for_and_the_form_can_be_gone_back_to(dora_client, connected, whole):
    data = data_of(whole) | OFF_LOCKED
    page = text_of(dora_client.post(POLICY, {"entries": entries_of(data), "q": "okaf"}))
    assert "Found: “okaf”" in page
    found = page.split("Found: “okaf”")[1].split("</section>")[0]
    assert "Bob Okafor" in found
    assert "Alice Meyer" not in found
    assert "Nobody with a connection here is called so." in text_of(
        dora_client.post(POLICY, {"entries": entries_of(data), "q": "nobody"})
    )
    back = dora_client.post(POLICY, {"entries": entries_of(data), "edit": "1"})
    assert back.status_code == 200
    assert re.search(r'name="lock-memory.calendar_read"[^>]*checked', back.content.decode())
    assert not AdminPolicy.objects.exists()


def test_everybody_can_be_downloaded_and_formulas_are_defused(dora_client, connected, whole, alice):
    alice.name = "=HYPERLINK(1)"
    alice.save()
    answer = dora_client.post(f"{POLICY}forecast/", {"entries": entries_of(data_of(whole) | OFF_LOCKED)})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert answer["Content-Type"].startswith("text/csv")
    assert len(lines) == 3
    assert lines[1].startswith("'=HYPERLINK(1),alice@northwind.example,Sales,Memory,alice@northwind.example,Lose perm")
    assert dora_client.post(f"{POLICY}forecast/", {"entries": "prompt=x"}).status_code == 422
    assert dora_client.get(f"{POLICY}forecast/").status_code == 405


# --- two admins -----------------------------------------------------------------------------------------------------


def test_of_two_admins_the_second_is_told_who_changed_what_and_keeps_their_entries(
    dora_client, sign_in, make_member, northwind, whole
):
    emil = make_member(northwind, "emil@northwind.example", name="Emil Tanaka", role=Role.ADMIN)
    doras = data_of(whole, prompt="once", grace_days="3", own_mailbox="yes")
    assert sign_in(emil).post(POLICY, data_of(whole, prompt="until_done", call_scheme="tel")).status_code == 302
    answer = dora_client.post(POLICY, doras)
    page = text_of(answer)
    assert answer.status_code == 409
    assert "Emil Tanaka changed this policy" in page
    assert "Changed on both sides." in page
    assert deciding.layer_of(whole).choices == {"prompt": "until_done", "call_scheme": "tel"}
    # The form holds Dora's entries and Emil's, and Dora may save it.
    form = answer.context["form"]
    assert form["prompt"].value() == "once"
    assert form["call_scheme"].value() == "tel"
    data = {name: form.data[name] for name in form.data}
    assert dora_client.post(POLICY, data).status_code == 302
    assert deciding.layer_of(whole).choices == {
        "prompt": "once", "call_scheme": "tel", "grace_days": 3, "own_mailbox": True,
    }  # fmt: skip


def test_who_confirms_a_preview_after_somebody_else_has_saved_is_told_too(
    dora_client, connected, whole, northwind, dora
):
    data = data_of(whole) | OFF_LOCKED
    preview = dora_client.post(POLICY, data)
    deciding.save(whole, Layer(Level.ORGANIZATION, "", {"call_scheme": "tel"}), version=0, by=dora, address=None)
    posted = {"entries": entries_of(data), "confirm": "1", "when": "now", "fingerprint": fingerprint_of(preview)}
    answer = dora_client.post(POLICY, posted)
    assert answer.status_code == 409
    assert "You changed this policy" in text_of(answer)
    assert deciding.layer_of(whole).choices == {"call_scheme": "tel"}


def test_a_button_that_is_pressed_twice_leads_to_what_was_saved_and_saves_once(dora_client, connected, whole):
    data = data_of(whole) | OFF_LOCKED
    preview = dora_client.post(POLICY, data)
    posted = {"entries": entries_of(data), "confirm": "1", "when": "now", "fingerprint": fingerprint_of(preview)}
    first, second = dora_client.post(POLICY, posted), dora_client.post(POLICY, posted)
    assert first["Location"] == second["Location"] == f"/administration/changes/{PolicyChange.objects.get().pk}/"
    assert "This is saved already." in text_of(dora_client.get(second["Location"]))


def test_what_is_shown_before_is_what_is_done_after(dora_client, northwind, whole, make_member, sales):
    """By name, for every kind of connection there is: 24 of them, in a group or not."""
    for n in range(24):
        user = make_member(northwind, f"m{n:02}@northwind.example")
        add_connection(user, calendar_write=n % 2 == 0, contacts_read=n % 3 == 0)
        if n % 5 == 0:
            user.membership.groups.add(sales)
    set_policy(northwind, {"memory.calendar_read": "ask"}, group=sales)
    data = data_of(whole) | OFF_LOCKED
    shown = {
        (one.forecast.person.email, tally.consequence.value)
        for tally in dora_client.post(POLICY, data).context["look"].tallies
        for one in tally.first
    }
    assert confirm(dora_client, POLICY, data).status_code == 302
    change = PolicyChange.objects.get()
    enforcing.run(str(change.pk))
    assert set(change.effects.filter(state="done").values_list("user__email", "outcome")) == shown
    assert {outcome for _, outcome in shown} == {"disconnected", "narrowed"}
    left = {email for email, outcome in shown if outcome == "narrowed"}
    assert set(Connection.objects.values_list("user__email", flat=True)) == left


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30, "7"])
def test_a_version_that_is_not_the_stored_one_is_never_saved_over(dora_client, whole, version):
    answer = dora_client.post(POLICY, data_of(whole, prompt="once") | {"version": version, "base": "nonsense"})
    assert answer.status_code == 409
    assert not AdminPolicy.objects.exists()


# --- groups and members ---------------------------------------------------------------------------------------------


def group_url(group):
    return f"/administration/groups/{group.pk}/policy/"


def member_url(user):
    return f"/administration/members/{user.membership.pk}/policy/"


def test_a_group_decides_for_its_people_only(dora_client, northwind, sales, connected):
    place = Place(northwind, group=sales)
    data = data_of(place, memory__calendar_write="off", lock_memory__calendar_write="on")
    page = text_of(dora_client.post(group_url(sales), data))
    assert "This concerns 1 connection." in page
    assert "Calendar write was switched off by your group Sales." in page
    assert confirm(dora_client, group_url(sales), data).status_code == 302
    assert deciding.layer_of(place).choices == {"memory.calendar_write": Mode.OFF}
    assert deciding.layer_of(Place(northwind)).choices == {}


def test_a_group_that_takes_back_all_it_says_says_nothing_any_more(dora_client, northwind, sales):
    set_policy(northwind, {"prompt": "once"}, group=sales)
    place = Place(northwind, group=sales)
    assert dora_client.post(group_url(sales), data_of(place, prompt="")).status_code == 302
    assert deciding.layer_of(place).choices == {}


def test_one_button_leaves_all_of_it_to_the_levels_above_but_not_on_the_topmost(dora_client, northwind, sales):
    for place, path in ((Place(northwind, group=sales), group_url(sales)), (Place(northwind), POLICY)):
        set_policy(northwind, {"prompt": "once", "mailbox_domains": ["a.example"]}, locks=["prompt"], group=place.group)
        dora_client.post(path, data_of(place, grace_days="3") | {"clear": "1"})
        assert (deciding.layer_of(place).choices == {}) == (place.group is not None)


def test_that_button_also_clears_what_rests_under_a_lock_above(dora_client, northwind, sales, alice):
    alice.membership.groups.add(sales)
    add_connection(alice)
    place = Place(northwind, group=sales)
    set_policy(northwind, {"prompt": "never"}, locks=["prompt"])
    set_policy(northwind, {"prompt": "once"}, group=sales)
    page = text_of(dora_client.post(group_url(sales), data_of(place) | {"clear": "1"}, follow=True))
    assert deciding.layer_of(place).choices == {}
    assert "Leave all of it" not in page
    # The same where it is looked at by name first: the preview brings the button's word back.
    choices = {"prompt": "once", "memory.calendar_write": "on"}
    set_policy(northwind, choices, locks=["memory.calendar_write"], group=sales)
    set_policy(northwind, {"prompt": "never", "memory.calendar_write": "off"}, locks=["prompt"])
    shown = dora_client.post(group_url(sales), data_of(place) | {"clear": "1"})
    assert [one.heading for one in (tally.consequence for tally in shown.context["look"].tallies)] == ["Held back"]
    posted = {"entries": shown.context["entries"], "confirm": "1", "when": "now", "fingerprint": fingerprint_of(shown)}
    assert dora_client.post(group_url(sales), posted).status_code == 302
    assert deciding.layer_of(place).choices == {}


def test_what_the_organization_locks_is_shown_disabled_on_the_levels_below_with_who_locked_it(
    dora_client, northwind, sales, alice
):
    page = text_of(dora_client.get(group_url(sales)))
    assert "Locked by the organization." not in page
    assert "Decided above: Ask: the member chooses (Portico's default)" in page
    set_policy(northwind, {"memory.calendar_write": "off"}, locks=["memory.calendar_write"])
    set_policy(northwind, {"prompt": "once"}, locks=["prompt"], group=sales)
    assert "Locked by the organization." in text_of(dora_client.get(group_url(sales)))
    page = text_of(dora_client.get(member_url(alice)))
    assert "Locked by the organization." in page
    assert "Locked by group Sales." in page
    data = data_of(Place(northwind, membership=alice.membership), memory__calendar_write="on", own_mailbox="yes")
    assert dora_client.post(member_url(alice), data).status_code == 302
    assert deciding.layer_of(Place(northwind, membership=alice.membership)).choices == {"own_mailbox": True}


def test_a_members_page_says_in_which_order_their_groups_decide(dora_client, northwind, sales, alice):
    first = Group.objects.create(organization=northwind, name="Zeta", position=0)
    Group.objects.filter(pk=sales.pk).update(position=1)
    alice.membership.groups.add(first)
    page = text_of(dora_client.get(member_url(alice)))
    assert page.index(">Zeta</a>") < page.index(">Sales</a>")
    assert "Groups, the first decides:" in page


def test_a_group_that_no_longer_fits_what_is_decided_above_it_is_named(dora_client, northwind, sales):
    set_policy(northwind, {"memory.calendar_write": "on"}, group=sales)
    assert "does not fit" not in text_of(dora_client.get(POLICY))
    set_policy(northwind, {"memory.calendar_read": "off"})
    page = text_of(dora_client.get(POLICY))
    assert "Group Sales does not fit what is decided above it." in page
    assert "Memory: Calendar write cannot be on while Calendar read is off." in page


# --- who finds them -------------------------------------------------------------------------------------------------


def test_members_and_strangers_find_none_of_it(
    alice_client, charlie_client, dora_client, client, northwind, sales, alice
):
    change = PolicyChange.objects.create(organization=northwind, what="Organization")
    for path in (POLICY, group_url(sales), member_url(alice), "/administration/changes/",
                 f"/administration/changes/{change.pk}/", f"/administration/changes/{change.pk}/effects/"):  # fmt: skip
        assert dora_client.get(path).status_code == 200, path
        assert alice_client.get(path).status_code == 404, path
        assert client.get(path).status_code == 302, path
        if path not in (POLICY, "/administration/changes/"):
            assert charlie_client.get(path).status_code == 404, path
    assert "Sales" not in text_of(charlie_client.get(POLICY))
    assert alice_client.post(POLICY, {}).status_code == 404
    assert charlie_client.post(group_url(sales), {}).status_code == 404


def count_queries(django_assert_max_num_queries, client, path):
    with django_assert_max_num_queries(1000) as counted:
        assert client.get(path).status_code == 200
    return len(counted)


def test_the_form_asks_no_more_of_the_database_for_many_groups_and_members(
    dora_client, northwind, sales, alice, make_member, django_assert_max_num_queries
):
    set_policy(northwind, {"prompt": "once"}, group=sales)
    set_policy(northwind, {"prompt": "once"}, membership=alice.membership)
    dora_client.get(POLICY)
    paths = (POLICY, group_url(sales), member_url(alice))
    before = [count_queries(django_assert_max_num_queries, dora_client, path) for path in paths]
    for n in range(30):
        group = Group.objects.create(organization=northwind, name=f"Group {n}", position=n)
        member = make_member(northwind, f"m{n}@northwind.example", name=f"Member {n}")
        alice.membership.groups.add(group)
        set_policy(northwind, {"grace_days": 3}, group=group)
        set_policy(northwind, {"grace_days": 3}, membership=member.membership)
    assert [count_queries(django_assert_max_num_queries, dora_client, path) for path in paths] == before


def test_a_preview_asks_no_more_of_the_database_for_many_people(
    dora_client, northwind, whole, connected, make_member, django_assert_max_num_queries
):
    data = data_of(whole) | OFF_LOCKED
    dora_client.post(POLICY, data)
    with django_assert_max_num_queries(1000) as few:
        dora_client.post(POLICY, data)
    for n in range(60):
        add_connection(make_member(northwind, f"m{n}@northwind.example"))
    with django_assert_max_num_queries(1000) as many:
        page = text_of(dora_client.post(POLICY, data))
    assert len(many) == len(few)
    assert "The first 20 of 61, by e-mail address." in page
