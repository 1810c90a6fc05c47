"""What a policy means for a connection: the same laws for every policy, every lock and every grant."""

from dataclasses import replace
from itertools import combinations, product

import pytest

from integrations.permissions import NONE, Permission, without_orphans
from integrations.policy import Level, Mode, Policy, ServicePolicy, Source
from integrations.verdicts import Facts, Outcome, Verdict, find_objections, judge, usable

EVERY_SET = [frozenset(some) for n in range(5) for some in combinations(Permission, n)]
GRANTS = sorted({without_orphans(some) for some in EVERY_SET} - {NONE}, key=sorted)
MODES = list(product(Mode, repeat=4))
EVERYTHING = frozenset(Permission)
ALICE = Facts("google", EVERYTHING, mailbox="alice@example.com", address="alice@example.com")
LOCKED, OPEN = Source(Level.ORGANIZATION, is_locked=True), Source(Level.ORGANIZATION)


def policy_of(modes: tuple[Mode, ...], locked: frozenset[Permission], *, offered: bool = True, **service) -> Policy:
    sources = {one: LOCKED if one in locked else OPEN for one in Permission} | service.pop("sources", {})
    chosen = dict(zip(Permission, modes, strict=True))
    return Policy(services={"google": ServicePolicy(offered=offered, modes=chosen, sources=sources, **service)})


def cases():
    """Every grant under every policy of four modes, each locked or not."""
    for modes, locked in product(MODES, EVERY_SET):
        policy = policy_of(modes, locked)
        for granted in GRANTS:
            yield modes, locked, policy, replace(ALICE, granted=granted)


def test_there_are_as_many_cases_as_counting_by_hand_gives():
    assert len(GRANTS) == 8  # per pair: nothing, read, both: 9, less nothing at all
    assert len(MODES) * len(EVERY_SET) * len(GRANTS) == 10_368


def test_what_was_granted_is_parted_into_ended_held_back_and_usable():
    for _, _, policy, facts in cases():
        verdict, stays = judge(facts, policy), usable(facts, policy)
        assert verdict.ended | verdict.held_back | stays == facts.granted
        assert len(verdict.ended) + len(verdict.held_back) + len(stays) == len(facts.granted)
        assert without_orphans(facts.granted - verdict.ended) == facts.granted - verdict.ended
        assert without_orphans(stays) == stays
        assert not verdict.lacking & facts.granted


def test_the_outcome_says_what_happens():
    for _, _, policy, facts in cases():
        verdict = judge(facts, policy)
        assert (verdict.outcome is Outcome.DISCONNECTED) == (verdict.ended == facts.granted)
        assert (verdict.outcome is Outcome.NARROWED) == (NONE < verdict.ended < facts.granted)
        assert (verdict.outcome is Outcome.HELD_BACK) == bool(verdict.held_back and not verdict.ended)
        assert (verdict.outcome is Outcome.TO_GRANT) == bool(verdict.lacking)
        assert bool(verdict.reasons) == (verdict.outcome is not Outcome.UNAFFECTED)


def test_only_a_lock_ends_anything_and_its_reason_comes_first():
    for _, locked, policy, facts in cases():
        verdict = judge(facts, policy)
        if verdict.ended:
            assert locked
            assert verdict.reasons[0].source.is_locked
        if not locked:
            assert not verdict.ended


def test_a_connection_that_was_narrowed_has_nothing_more_to_end():
    for _, _, policy, facts in cases():
        verdict = judge(facts, policy)
        left = facts.granted - verdict.ended
        if left:
            assert not judge(replace(facts, granted=left), policy).ended


def test_more_locks_and_fewer_permissions_never_end_less():
    for modes, locked, policy, facts in cases():
        verdict = judge(facts, policy)
        for one in EVERYTHING - locked:
            assert verdict.ended <= judge(facts, policy_of(modes, locked | {one})).ended
        for at, mode in enumerate(modes):
            if mode is not Mode.OFF:
                tighter = judge(facts, policy_of((*modes[:at], Mode.OFF, *modes[at + 1 :]), locked))
                assert verdict.ended <= tighter.ended
                assert usable(facts, policy_of((*modes[:at], Mode.OFF, *modes[at + 1 :]), locked)) <= usable(
                    facts, policy
                )


def test_a_service_no_longer_offered_ends_with_a_lock_and_waits_without():
    locked = Policy(services={"google": ServicePolicy(offered=False, sources={"offered": LOCKED})})
    unlocked = Policy(services={"google": ServicePolicy(offered=False, sources={"offered": OPEN})})
    ended, held = judge(ALICE, locked), judge(ALICE, unlocked)
    assert (ended.outcome, ended.ended) == (Outcome.DISCONNECTED, EVERYTHING)
    assert (held.outcome, held.held_back) == (Outcome.HELD_BACK, EVERYTHING)
    assert usable(ALICE, locked) == usable(ALICE, unlocked) == NONE
    assert ended.reasons[0].sentence == "This service is not offered to you, by decision of your organization."


def test_switching_the_integration_off_is_said_to_be_that():
    policy = Policy(enabled=False, sources={"enabled": LOCKED})
    verdict = judge(ALICE, policy)
    assert verdict.outcome is Outcome.DISCONNECTED
    sentence = "The calendar and contact integration is switched off, by your organization."
    assert [one.sentence for one in verdict.reasons] == [sentence]


SALES = Source(Level.GROUP, "Sales", is_locked=True)
BY_PASSWORD = replace(ALICE, needs_policy=True, host="mail.example.com", version="2016")


@pytest.mark.parametrize(
    ("facts", "policy", "sentence"),
    [
        (
            BY_PASSWORD,
            Policy(services={"google": ServicePolicy(sources={"require_oauth": SALES})}),
            "OAuth 2.0 is required instead of a password, by decision of your group Sales.",
        ),
        (
            replace(BY_PASSWORD, needs_policy=False),
            Policy(services={"google": ServicePolicy(ews_hosts=frozenset({"b.ex"}), sources={"ews_hosts": SALES})}),
            "The server mail.example.com is not among those allowed by your group Sales.",
        ),
        (
            replace(BY_PASSWORD, needs_policy=False),
            Policy(services={"google": ServicePolicy(versions=frozenset({"2019"}), sources={"versions": SALES})}),
            "This version of the server is not among those allowed by your group Sales.",
        ),
        (
            replace(ALICE, mailbox="alice@elsewhere.example"),
            Policy(mailbox_domains=frozenset({"example.com"}), sources={"mailbox_domains": SALES}),
            "Only mailboxes at example.com may be connected, by decision of your group Sales.",
        ),
        (
            replace(ALICE, mailbox="team@example.com"),
            Policy(own_mailbox=True, sources={"own_mailbox": SALES}),
            "Only your own mailbox (alice@example.com) may be connected, by decision of your group Sales.",
        ),
    ],
)  # fmt: skip
def test_an_account_that_may_not_be_connected_at_all_ends_whatever_it_is_used_for(facts, policy, sentence):
    verdict = judge(facts, policy)
    assert verdict.outcome is Outcome.DISCONNECTED
    assert [one.sentence for one in verdict.reasons] == [sentence]
    fits = replace(ALICE, mailbox="Alice@Example.com", version="2019")
    assert not find_objections(fits, policy)


def test_a_host_or_version_that_could_not_be_told_is_not_held_against_anybody():
    service = ServicePolicy(ews_hosts=frozenset({"mail.example.com"}), versions=frozenset({"2019"}))
    assert judge(ALICE, Policy(services={"google": service})) == Verdict(Outcome.UNAFFECTED)


def test_a_write_goes_with_its_read():
    modes = (Mode.OFF, Mode.ASK, Mode.ASK, Mode.ASK)
    verdict = judge(ALICE, policy_of(modes, frozenset({Permission.CALENDAR_READ})))
    assert verdict.outcome is Outcome.NARROWED
    assert verdict.ended == {Permission.CALENDAR_READ, Permission.CALENDAR_WRITE}
    assert [one.sentence for one in verdict.reasons] == ["Calendar read was switched off by your organization."]


def test_what_is_switched_on_is_asked_for_and_not_set_up():
    modes = (Mode.ASK, Mode.ASK, Mode.ASK, Mode.ON)
    facts = replace(ALICE, granted=frozenset({Permission.CALENDAR_READ}))
    verdict = judge(facts, policy_of(modes, frozenset(Permission)))
    assert verdict.outcome is Outcome.TO_GRANT
    assert verdict.lacking == {Permission.CONTACTS_READ, Permission.CONTACTS_WRITE}
    assert usable(facts, policy_of(modes, frozenset(Permission))) == facts.granted
