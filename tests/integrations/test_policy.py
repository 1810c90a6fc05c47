"""The law of permissions, over every consistent policy and every request there is."""

from itertools import combinations, product

import pytest

from integrations.permissions import READ_OF, Permission
from integrations.policy import (
    Mode,
    Policy,
    ServicePolicy,
    allows_host,
    allows_method,
    decide,
    offer_permissions,
    offer_services,
    problems,
)

REQUESTS = [frozenset(some) for n in range(5) for some in combinations(Permission, n)]
POLICIES = [ServicePolicy(modes=dict(zip(Permission, modes, strict=True))) for modes in product(Mode, repeat=4)]
CONSISTENT = [service for service in POLICIES if not problems(Policy(services={"any": service}))]


def test_there_are_as_many_consistent_policies_as_counting_by_hand_gives():
    assert len(POLICIES) == 81
    assert len(CONSISTENT) == 64  # per pair 9 - 1


@pytest.mark.parametrize("service", CONSISTENT, ids=lambda s: "-".join(s.mode(p) for p in Permission))
def test_the_decision_keeps_every_law(service):
    for asked in REQUESTS:
        decided = decide(asked, service)
        assert not any(service.mode(one) is Mode.OFF for one in decided)
        assert all(one in decided for one in Permission if service.mode(one) is Mode.ON)
        assert all(READ_OF[one] in decided for one in decided if one in READ_OF)
        assert decide(decided, service) == decided
        for more in REQUESTS:
            if asked <= more:
                assert decided <= decide(more, service)


@pytest.mark.parametrize("service", CONSISTENT, ids=lambda s: "-".join(s.mode(p) for p in Permission))
def test_the_boxes_shown_agree_with_the_decision(service):
    for asked in REQUESTS:
        choices = offer_permissions(service, asked)
        assert {c.permission for c in choices if c.ticked} == decide(asked, service)
        for choice in choices:
            if choice.fixed:
                assert choice.reason
                assert all((choice.permission in decide(other, service)) is choice.ticked for other in REQUESTS)


def test_a_service_that_is_not_offered_gives_nothing_whatever_is_asked():
    assert decide(Permission, ServicePolicy(offered=False)) == frozenset()
    assert decide(Permission, ServicePolicy()) == frozenset(Permission)


def test_switching_the_integration_off_takes_every_service_away_and_says_so():
    policy = Policy(enabled=False, services={"google": ServicePolicy()})
    (offer,) = offer_services(policy, ["google"])
    assert not offer.available
    assert offer.reason == "The calendar and contact integration is switched off, by your organization."


def test_a_service_of_which_nothing_is_left_is_shown_with_the_reason():
    reads_off = ServicePolicy(modes={Permission.CALENDAR_READ: Mode.OFF, Permission.CONTACTS_READ: Mode.OFF})
    google, office365 = offer_services(Policy(services={"google": reads_off}), ["google", "office365"])
    assert (google.available, office365.available, office365.is_default) == (False, True, True)
    assert google.reason == "All that this service could be used for is switched off, by your organization."


def test_the_default_service_is_the_policys_or_else_the_first_available():
    keys = ["google", "office365"]
    assert [o.is_default for o in offer_services(Policy(default_service="office365"), keys)] == [False, True]
    hidden = Policy(services={"google": ServicePolicy(offered=False)}, default_service="google")
    assert [(o.available, o.is_default) for o in offer_services(hidden, keys)] == [(False, False), (True, True)]


def test_a_write_that_is_on_while_its_read_is_off_is_a_problem_with_a_sentence():
    modes = {Permission.CALENDAR_WRITE: Mode.ON, Permission.CALENDAR_READ: Mode.OFF}
    policy = Policy(services={"google": ServicePolicy(modes=modes)}, default_service="google")
    assert problems(policy, {"google": "Google"}) == ["Google: Calendar write cannot be on while Calendar read is off."]


def test_a_default_service_that_is_not_offered_is_a_problem():
    policy = Policy(services={"google": ServicePolicy(offered=False)}, default_service="google")
    assert problems(policy, {"google": "Google"}) == [
        "Google cannot be the default service, because it is not offered."
    ]


def test_a_password_beside_oauth_has_to_be_allowed_and_other_ways_need_nobodys_leave():
    assert not allows_method(ServicePolicy(), needs_policy=True)
    assert allows_method(ServicePolicy(require_oauth=False), needs_policy=True)
    assert allows_method(ServicePolicy(), needs_policy=False)


def test_hosts_are_compared_whole_and_without_case():
    service = ServicePolicy(ews_hosts=frozenset({"mail.example.com"}))
    assert allows_host(service, "Mail.Example.Com.")
    assert not allows_host(service, "evil.mail.example.com")
    assert not allows_host(service, "mail.example.com.evil.example")
    assert allows_host(ServicePolicy(), "anywhere.example")


@pytest.mark.parametrize(
    ("service", "sentence"),
    [
        (ServicePolicy(ews_url="http://mail.example.com/"), "Exchange: the EWS URL needs a whole https:// address."),
        (ServicePolicy(ews_url="mail.example.com"), "Exchange: the EWS URL needs a whole https:// address."),
        (
            ServicePolicy(ews_url="https://mail.example.com/", ews_hosts=frozenset({"other.example.com"})),
            "Exchange: the EWS URL leads to mail.example.com, which is not among the allowed hosts.",
        ),
    ],
)
def test_addresses_that_contradict_each_other_are_a_problem(service, sentence):
    assert problems(Policy(services={"exchange": service}), {"exchange": "Exchange"}) == [sentence]
    fine = ServicePolicy(ews_url="https://mail.example.com/", ews_hosts=frozenset({"mail.example.com"}))
    assert problems(Policy(services={"exchange": fine})) == []
