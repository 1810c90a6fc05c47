"""Policy as code: a file is the whole policy of an organization, says who is hit before it is applied, and is applied
as a whole or not at all."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from integrations import levels, policy_files, policy_text
from integrations.levels import Layer
from integrations.models import AdminPolicy, Connection, PolicyChange
from integrations.policy import CallScheme, Level, Mode, Prompt, TimeChange
from integrations.policy_text import Unreadable
from integrations.verdicts import Outcome
from organizations.models import AuditEvent, Group, Membership, Organization, User
from tests.policies import set_policy

NAME = "Northwind Legal"


def run(*args: str, **options) -> str:
    out = StringIO()
    call_command("policy", *args, stdout=out, **options)
    return out.getvalue()


@pytest.fixture
def apply(tmp_path, enforced):
    """apply("yaml", "--dry-run", ...) -> what the command says."""

    def apply(text: str, *options: str) -> str:
        path = tmp_path / "policy.yaml"
        path.write_text(text, encoding="utf-8")
        return run("apply", str(path), "--organization", NAME, *options)

    return apply


@pytest.fixture
def enforced(monkeypatch) -> list[str]:
    """The keys of changes that were sent to the worker."""
    from integrations import tasks

    sent: list[str] = []
    monkeypatch.setattr(tasks.enforce_change, "delay", sent.append)
    return sent


@pytest.fixture
def firm(northwind, alice, bob, dora):
    """Two groups, of which Sales decides first; every level says something."""
    sales = Group.objects.create(organization=northwind, name="Sales", position=1)
    litigation = Group.objects.create(organization=northwind, name="Litigation: «first»", position=2)
    alice.membership.groups.set([sales, litigation])
    set_policy(northwind, {"enabled": True, "memory.calendar_write": "off", "mailbox_domains": ["northwind.example"],
                           "call_scheme": "tel", "grace_days": 3}, locks=["memory.calendar_write"])  # fmt: skip
    set_policy(northwind, {"memory.contacts_read": "on"}, group=sales)
    set_policy(northwind, {"prompt": "once"}, membership=bob.membership)
    return northwind


def state() -> list[dict]:
    fields = ("group__name", "membership", "choices", "locks", "version")
    return list(AdminPolicy.objects.order_by("pk").values(*fields))


EXPORTED = """\

version: 1

organization:
  settings:
    # Calendar and Contact Integration
    enabled: true
    # Allowed mailbox domains
    mailbox_domains: [northwind.example]
    # Call opens
    call_scheme: tel
    # Grace period
    grace_days: 3
    # Memory: Calendar write
    memory.calendar_write: {value: 'off', locked: true}

# In the order in which they decide: for a member of several groups the first that says something counts.
groups:
  - group: Sales
    settings:
      # Memory: Contacts read
      memory.contacts_read: 'on'
  - group: 'Litigation: «first»'
    settings: {}

members:
  - member: bob@northwind.example
    settings:
      # Ask to connect after sign-in
      prompt: once
"""


@pytest.mark.django_db
class TestExport:
    def test_every_level_stands_in_the_file_with_each_setting_named(self, firm):
        text = run("export", "--organization", NAME)
        assert text.endswith(EXPORTED)
        assert text.startswith("# What the admins of Northwind Legal have decided.")

    def test_an_organization_that_decided_nothing_has_a_file_too(self, northwind):
        text = run("export", "--organization", NAME)
        assert text.endswith(
            "organization:\n  settings: {}\n\n" + policy_text.GROUPS_HEAD + "groups: []\n\nmembers: []\n"
        )

    def test_it_is_written_to_a_file_where_one_is_named(self, firm, tmp_path):
        path = tmp_path / "northwind.yaml"
        assert str(path) in run("export", "--organization", NAME, "--output", str(path))
        assert path.read_text(encoding="utf-8") == run("export", "--organization", NAME)
        with pytest.raises(CommandError, match="cannot be written: No such file"):
            run("export", "--organization", NAME, "--output", str(tmp_path / "no" / "such"))

    def test_an_unknown_organization_is_said(self, firm):
        with pytest.raises(CommandError, match="no organization called 'Northwind'"):
            run("export", "--organization", "Northwind")

    def test_the_other_organization_s_policy_stands_nowhere(self, firm, rival):
        set_policy(rival, {"call_scheme": "sip"})
        assert "sip" not in run("export", "--organization", NAME)

    def test_it_asks_the_database_as_often_for_any_number_of_levels(self, firm, make_member, django_assert_num_queries):
        for n in range(5):
            with django_assert_num_queries(3):
                policy_files.export(firm)
            user = make_member(firm, f"m{n}@northwind.example")
            set_policy(firm, {"prompt": "never"}, membership=user.membership)
            set_policy(firm, {"prompt": "never"}, group=Group.objects.create(organization=firm, name=f"g{n}"))


@pytest.mark.django_db
class TestRoundTrip:
    def test_what_was_exported_changes_nothing(self, firm, apply, enforced):
        before = state()
        assert "Nothing to change" in apply(run("export", "--organization", NAME))
        assert state() == before
        assert enforced == []
        assert not AuditEvent.objects.exists()

    def test_what_was_changed_on_pages_is_put_back_by_the_older_file(self, firm, apply, alice, bob):
        text = run("export", "--organization", NAME)
        set_policy(firm, {"enabled": False})
        set_policy(firm, {"prompt": "never"}, membership=alice.membership)
        AdminPolicy.objects.filter(membership=bob.membership).delete()
        Group.objects.filter(name="Sales").update(position=9)
        said = apply(text, "--at-once")
        assert "Member alice@northwind.example (not in the file: says nothing any more)" in said
        assert "Order of groups: Sales, Litigation: «first» (at once)" in said
        assert run("export", "--organization", NAME) == text


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp", "Zs"), exclude_characters="\x85﻿￾￿"),
    min_size=1, max_size=30,
)  # fmt: skip
VALUES = {
    bool: st.booleans(),
    int: st.integers(0, 90),
    Prompt: st.sampled_from(Prompt),
    TimeChange: st.sampled_from(TimeChange),
    CallScheme: st.sampled_from(CallScheme),
    Mode: st.sampled_from(Mode),
    frozenset: st.frozensets(st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,9}[.][a-z]{2,5}", fullmatch=True), max_size=4),
    str: NAMES,
}  # fmt: skip
SETTINGS = {**levels.POLICY_SETTINGS, **levels.settings_of_service("memory")}


@st.composite
def layers(draw, level: Level, name: str = "") -> Layer:
    chosen = draw(st.lists(st.sampled_from(sorted(SETTINGS)), unique=True, max_size=6))
    choices = {one: draw(VALUES[type(SETTINGS[one].default)]) for one in chosen}
    return Layer(level, name, choices, frozenset(one for one in chosen if draw(st.booleans())))


@given(st.data(), st.lists(NAMES, unique_by=str.lower, max_size=4))
def test_any_policy_comes_back_from_its_text_as_it_was(data, names):
    whole = data.draw(layers(Level.ORGANIZATION))
    groups = [data.draw(layers(Level.GROUP, name)) for name in names]
    members = [(f"{n}@example.com", data.draw(layers(Level.MEMBER))) for n in range(2)]
    text = policy_text.dump("Some: name #1", whole, groups, members)
    back = policy_text.parse(text)
    assert back.whole.layer == whole
    assert [one.layer for one in back.groups] == groups
    assert [(one.name, one.layer) for one in back.members] == members
    assert policy_text.dump("Some: name #1", back.whole.layer, [one.layer for one in back.groups], members) == text


@given(st.text(max_size=300))
def test_no_text_does_more_than_be_unreadable(text):
    try:
        policy_text.parse(text)
    except Unreadable as error:
        assert error.sentences


def file(settings: str = "", more: str = "") -> str:
    return f"version: 1\norganization:\n  settings:\n    enabled: true\n{settings}{more}"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", ["Line 1: A policy file of this Portico says version: 1."]),
        ("version: 2\n", ["Line 1: A policy file of this Portico says version: 1."]),
        ("- a\n- b\n", ["Line 1: Here stand names with values: groups, members, organization, version."]),
        ("version: 1\norganisation: {}\n", ["Line 2: 'organisation' is nothing that stands here"]),
        (
            file("    call_shceme: tel\n"),
            ["Line 5: There is no setting called 'call_shceme'. Did you mean call_scheme?"],
        ),
        (file("    call_scheme: fax\n"), ["Line 5: call_scheme is one of zoomphonecall, tel, callto, sip."]),
        (file("    grace_days: 91\n"), ["Line 5: grace_days is a number of days, at most 90."]),
        (file("    grace_days: 2026-13-45\n"), ["Line 5: grace_days is a number of days, at most 90."]),
        (file("    enabled: false\n"), ["Line 5: enabled stands here twice."]),
        (
            file("    prompt: {value: once, lock: true}\n"),
            ["Line 5: 'lock' is nothing that stands here: locked, value."],
        ),
        (file("    prompt: {value: once, locked: maybe}\n"), ["Line 5: locked is true or false."]),
        (file("    prompt: {locked: true}\n"), ["Line 5: Say the value: {value: ..., locked: true}."]),
        (file("", "groups: Sales\n"), ["Line 5: Groups are a list."]),
        (file("", "groups:\n  - settings: {}\n"), ["Line 6: Say whose settings these are: group: ..."]),
        (file("", "groups:\n  - group: A\n  - group: a\n"), ["Line 7: Group a stands in this file twice."]),
        (file("", "members: [*x]\n"), ["Line 5: Write the part out"]),
        (file("    join_services: &a [meet]\n    vanity_hosts: *a\n"), ["Line 6: Write the part out"]),
        ("version: 1\n  x: [\n", ["Line 2: This is no YAML"]),
        ("a: !!python/object/apply:os.system [ls]\nversion: 1\n", ["Line 1: 'a' is nothing that stands here"]),
        ("[" * 100_000, ["nested deeper than any policy"]),
        ("#" * 2_000_001, ["more than 2,000,000 characters"]),
        (
            file("    call_scheme: fax\n    nothing: 1\n"),
            ["Line 5: call_scheme is one of", "Line 6: There is no setting called 'nothing'."],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_line(text, sentences):
    with pytest.raises(Unreadable) as caught:
        policy_text.parse(text)
    assert len(caught.value.sentences) == len(sentences)
    for said, wanted in zip(caught.value.sentences, sentences, strict=True):
        assert wanted in said


def test_a_bare_off_is_the_mode_off_though_yaml_reads_it_as_false():
    document = policy_text.parse(
        file("    memory.calendar_write: off\n    memory.calendar_read: {value: on, locked: yes}\n")
    )
    assert document.whole.choices["memory.calendar_write"] is Mode.OFF
    assert document.whole.choices["memory.calendar_read"] is Mode.ON
    assert document.whole.locks == {"memory.calendar_read"}


LOCKS_OUT = file("    memory.offered: {value: false, locked: true}\n", "")


def test_a_group_is_called_as_it_is_written_whatever_yaml_makes_of_it():
    document = policy_text.parse(file("", "groups:\n  - group: No\n  - group: 2026-11-26\n  - group: 007\n"))
    assert [one.name for one in document.groups] == ["No", "2026-11-26", "007"]


@pytest.mark.django_db
class TestApply:
    def test_a_dry_run_says_what_changes_and_whom_it_hits_and_changes_nothing(
        self, northwind, apply, connect, enforced, alice, bob
    ):
        connect()
        said = apply(LOCKS_OUT, "--dry-run")
        for words in (
            "Memory: Offered: Yes (Portico's default) -> No, locked",
            "after a grace period of 7 days",
            "1 disconnected",
            "alice@northwind.example (Alice Meyer): Memory, ends: Calendar read, Contacts read.",
            "by decision of your organization",
            "0 unaffected",
            "1 of 2 members have no connection",
            "A dry run: nothing was changed.",
        ):
            assert words in said, words
        assert state() == []
        assert not PolicyChange.objects.exists()
        assert not AuditEvent.objects.filter(action__startswith="policy").exists()
        assert enforced == []

    def test_the_dry_run_counts_as_a_page_s_preview_does(self, northwind, apply, connect):
        from integrations import deciding

        connect()
        place = deciding.Place(northwind)
        layer = policy_text.parse(LOCKS_OUT).whole.layer
        mine = policy_files.make_plan(northwind, LOCKS_OUT).preview
        assert mine.counts == deciding.preview(place, layer).counts
        assert mine.counts[Outcome.DISCONNECTED] == 1

    def test_applying_saves_every_level_and_sends_the_work_to_the_worker(
        self, firm, apply, enforced, dora, bob, django_capture_on_commit_callbacks
    ):
        text = EXPORTED.replace("call_scheme: tel", "call_scheme: sip").replace("prompt: once", "prompt: never")
        with django_capture_on_commit_callbacks(execute=True):
            said = apply(text, "--by", "DORA@northwind.example", "--grace-days", "5")
        assert "Applied." in said
        assert AdminPolicy.objects.of_whole(firm).get().choices["call_scheme"] == "sip"
        assert AdminPolicy.objects.get(membership=bob.membership).choices == {"prompt": "never"}
        changes = PolicyChange.objects.all()
        assert {change.made_by for change in changes} == {dora}
        assert {str(change.pk) for change in changes} <= set(enforced)
        assert len(changes) == 2
        event = AuditEvent.objects.get(action="policy.file_applied")
        assert event.actor == dora
        assert event.details == {
            "file": "policy.yaml",
            "by": "",
            "levels": ["Organization", "Member bob@northwind.example"],
            "grace_days": 5,
        }
        assert AuditEvent.objects.filter(action="policy.changed", actor=dora).count() == 2

    def test_without_a_name_it_is_the_server_s_console_that_did_it(self, northwind, apply):
        apply(file(), "--at-once")
        assert AuditEvent.objects.get(action="policy.file_applied").details["by"] == "the server's console"

    def test_the_organization_s_own_grace_period_holds_where_none_is_named(self, northwind, apply):
        assert "after a grace period of 2 days" in apply(file("    grace_days: 2\n"), "--dry-run")
        set_policy(northwind, {"grace_days": 1})
        assert "after a grace period of 1 day\n" in apply(
            file("    call_scheme: tel\n    grace_days: 1\n"), "--dry-run"
        )
        assert "Connections, at once" in apply(file("    grace_days: 0\n"), "--dry-run")
        assert "Connections, at once" in apply(file(), "--dry-run", "--at-once")
        with pytest.raises(CommandError, match="at most 90 days"):
            apply(file(), "--grace-days", "91")

    def test_a_file_that_contradicts_itself_on_one_level_changes_no_level(self, firm, apply):
        before, text = state(), EXPORTED.replace("call_scheme: tel", "call_scheme: sip").replace(
            "    settings: {}\n", "    settings: {memory.calendar_read: off, memory.calendar_write: off, "
            "memory.contacts_write: on, memory.contacts_read: off}\n",
        )  # fmt: skip
        for options in (["--dry-run"], []):
            with pytest.raises(CommandError) as caught:
                apply(text, *options)
            assert "Nothing was changed" in str(caught.value)
            assert "Contacts write cannot be on while Contacts read is off" in str(caught.value)
            assert "Group Litigation: «first»" in str(caught.value)
            assert state() == before
        assert not AuditEvent.objects.exists()

    def test_what_a_lock_above_forbids_is_refused_with_line_and_setting(self, firm, apply):
        before = state()
        text = EXPORTED.replace("    settings: {}\n", "    settings:\n      memory.calendar_write: on\n")
        with pytest.raises(CommandError, match=r"Line \d+, Group Litigation.*Memory: Calendar write is locked by"):
            apply(text)
        assert state() == before

    def test_unknown_groups_people_and_services_are_named_with_their_lines(self, firm, apply, charlie):
        text = file(
            "    gogle.offered: false\n", "groups:\n  - group: Nobodies\nmembers:\n  - member: charlie@rival.example\n"
        )
        with pytest.raises(CommandError) as caught:
            apply(text)
        for words in (
            "Line 5: this server has no service called gogle.",
            "Line 7: Northwind Legal has no group called Nobodies.",
            "Line 9: nobody at Northwind Legal signs in as charlie@rival.example.",
        ):
            assert words in str(caught.value), words

    def test_groups_decide_in_the_file_s_order_and_those_it_leaves_out_come_after(self, firm, apply, enforced, alice):
        text = EXPORTED.replace(
            "  - group: Sales\n    settings:\n      # Memory: Contacts read\n      memory.contacts_read: 'on'\n", ""
        )
        said = apply(text, "--at-once")
        assert "Group Sales (not in the file: says nothing any more)" in said
        assert list(firm.groups.values_list("name", flat=True)) == ["Litigation: «first»", "Sales"]
        assert not AdminPolicy.objects.get(group__name="Sales").choices
        event = AuditEvent.objects.get(action="group.moved")
        assert event.details == {"before": ["Sales", "Litigation: «first»"], "after": ["Litigation: «first»", "Sales"]}
        assert PolicyChange.objects.filter(what="Order of groups, from a file").count() == 1

    def test_somebody_who_changed_the_policy_meanwhile_is_not_overwritten(self, firm):
        plan = policy_files.make_plan(firm, EXPORTED.replace("call_scheme: tel", "call_scheme: sip"))
        AdminPolicy.objects.of_whole(firm).update(version=7)
        with pytest.raises(policy_files.Refused, match="changed by somebody else just now"):
            policy_files.apply(plan, by=None, grace_days=0, file_name="x")

    @pytest.mark.parametrize("email", ["alice@northwind.example", "charlie@rival.example", "nobody@northwind.example"])
    def test_only_an_admin_of_the_organization_lends_their_name(self, firm, apply, charlie, email):
        with pytest.raises(CommandError, match="is no admin of Northwind Legal"):
            apply(file(), "--by", email)

    def test_a_file_that_is_not_there_or_not_utf_8_is_said(self, northwind, tmp_path):
        with pytest.raises(CommandError, match="cannot be read: No such file"):
            run("apply", str(tmp_path / "none.yaml"), "--organization", NAME)
        path = tmp_path / "policy.yaml"
        path.write_text(file("    mailbox_domains: [müller.example]\n"), encoding="latin-1")
        with pytest.raises(CommandError, match="not written in UTF-8"):
            run("apply", str(path), "--organization", NAME)

    def test_two_organizations_of_one_name_are_not_confused(self, northwind, apply):
        Organization.objects.create(name=NAME)
        with pytest.raises(CommandError, match="more than one organization"):
            apply(file())

    def test_the_first_of_many_are_named_and_all_on_demand(self, northwind, apply, connect):
        first = connect()
        for n in range(25):
            user = User.objects.create_user(f"m{n:02}@northwind.example")
            Membership.objects.create(user=user, organization=northwind)
            Connection.objects.create(user=user, provider="memory", mailbox=user.email, account_id=user.email,
                                      credentials={}, calendar_read=True, next_sync_at=first.next_sync_at)  # fmt: skip
        said = apply(LOCKS_OUT, "--dry-run")
        assert said.count("ends: Calendar read") == 20
        assert "and 6 more; --all names everybody" in said
        assert apply(LOCKS_OUT, "--dry-run", "--all").count("ends: Calendar read") == 26
